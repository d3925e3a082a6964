//! The checks and defaults by which a model and a profile become an arm.

use crate::model::{Joint, Model};
use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use types::{JointLimits, JointVector, MAX_JOINTS, NearEnd, Rejection, RobotProfile};

/// Nothing of an arm is as far away, metres, or turned as far, radians (B6).
const FARTHEST: f64 = 1e6;

pub(super) fn indices(model: &Model, field: &'static str, names: &[String]) -> Result<Vec<usize>, Rejection> {
    names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            model.joint_idx(name).ok_or_else(|| {
                let known: Vec<&str> = model.joints.iter().map(|j| j.name.as_str()).collect();
                Rejection::new(
                    format!("{field}[{i}]"),
                    format!("a joint of the robot file ({})", known.join(", ")),
                    name.clone(),
                )
            })
        })
        .collect()
}

pub(super) fn no_joints(n: usize) -> Rejection {
    Rejection::new("robot.joints", format!("1 to {MAX_JOINTS} controlled joints"), n.to_string())
}

pub(super) fn check_arm_joints(model: &Model, arm: &[usize], gripper: &[usize]) -> Result<(), Rejection> {
    if arm.is_empty() || arm.len() > MAX_JOINTS {
        return Err(no_joints(arm.len()));
    }
    for (i, &j) in arm.iter().enumerate() {
        let joint: &Joint = &model.joints[j];
        let what = if joint.mimic.is_some() {
            "a joint that follows no other"
        } else if gripper.contains(&j) {
            "a joint that is not the gripper's"
        } else {
            continue;
        };
        return Err(Rejection::new(format!("robot.joints[{i}]"), what, joint.name.clone()));
    }
    Ok(())
}

/// The file's limits with the profile's put over them; the profile's lists are filled from them.
pub(super) fn fill_limits(
    model: &Model,
    arm_joints: &[usize],
    profile: &mut RobotProfile,
) -> Result<Vec<JointLimits>, Rejection> {
    let mut limits = Vec::with_capacity(arm_joints.len());
    for (i, &j) in arm_joints.iter().enumerate() {
        let joint = &model.joints[j];
        let over = |list: &[f64], value: f64| list.get(i).copied().unwrap_or(value);
        let file = joint.limits;
        let l = JointLimits {
            lower: file.lower,
            upper: file.upper,
            velocity: over(&profile.velocity, file.velocity),
            acceleration: over(&profile.acceleration, file.acceleration),
            jerk: over(&profile.jerk, file.jerk),
            torque: over(&profile.torque, file.torque),
            torque_rate: over(&profile.torque_rate, file.torque_rate),
            near_end: NearEnd {
                slope: over(&profile.near_end_slope, file.near_end.slope),
                offset: over(&profile.near_end_offset, file.near_end.offset),
            },
        };
        l.check(&joint.name)?;
        limits.push(l);
    }
    profile.velocity = limits.iter().map(|l| l.velocity).collect();
    profile.acceleration = limits.iter().map(|l| l.acceleration).collect();
    profile.jerk = limits.iter().map(|l| l.jerk).collect();
    profile.torque = limits.iter().map(|l| l.torque).collect();
    profile.torque_rate = limits.iter().map(|l| l.torque_rate).collect();
    Ok(limits)
}

pub(super) fn pose_within(
    field: &str,
    pose: &[f64],
    limits: &[JointLimits],
) -> Result<JointVector, Rejection> {
    for (i, (q, l)) in pose.iter().zip(limits).enumerate() {
        if !(l.lower..=l.upper).contains(q) {
            return Err(Rejection::new(
                format!("{field}[{i}]"),
                format!("{} to {}", l.lower, l.upper),
                q.to_string(),
            ));
        }
    }
    JointVector::from_slice(pose)
}

pub(super) fn isometry(field: &str, xyz: [f64; 3], rpy: [f64; 3]) -> Result<Isometry3<f64>, Rejection> {
    for v in xyz.iter().chain(&rpy) {
        if !v.is_finite() || v.abs() > FARTHEST {
            let expected = format!("finite numbers within ±{FARTHEST:e}, metres and radians");
            return Err(Rejection::new(field.to_owned(), expected, v.to_string()));
        }
    }
    Ok(Isometry3::from_parts(
        Translation3::new(xyz[0], xyz[1], xyz[2]),
        UnitQuaternion::from_euler_angles(rpy[0], rpy[1], rpy[2]),
    ))
}

/// Zero where the joint may stand there, else the middle of its range.
pub(super) fn middle(limits: &JointLimits) -> f64 {
    if limits.lower <= 0.0 && limits.upper >= 0.0 { 0.0 } else { 0.5 * (limits.lower + limits.upper) }
}

/// The last body of the fixed chain that hangs on `body_idx`: the flange rather than the wrist.
pub(super) fn tip_of(model: &Model, body_idx: usize) -> usize {
    let mut tip = body_idx;
    loop {
        let mut fixed = model
            .bodies
            .iter()
            .enumerate()
            .filter(|(_, b)| b.parent == Some(tip) && b.joint_idx.is_none())
            .map(|(i, _)| i);
        match (fixed.next(), fixed.next()) {
            (Some(only), None) => tip = only,
            _ => return tip,
        }
    }
}
