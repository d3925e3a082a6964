//! Statuses as messages, and back; and stop categories.

use bridge::ros;
use control::{Mode, MotionId, Payload, Status};
use types::{
    GripperCommand, GripperState, JointCommand, JointState, JointVector, Rejection, StopCategory, Time,
};

use crate::recording::{mode_of, mode_word};

/// A status as it is said.
pub(super) fn status_message(s: &Status) -> ros::Status {
    let zeros = JointVector::zeros(0);
    let state = s.measured.unwrap_or(JointState {
        stamp: Time::ZERO,
        q: zeros,
        dq: zeros,
        tau: zeros,
        gripper: GripperState::default(),
    });
    let (c, [x, y, z]) = (&s.command, s.payload.center_m);
    ros::Status {
        now: s.now.as_nanos(),
        ticks: s.ticks,
        mode: mode_word(s.mode).to_owned(),
        cause: serde_json::to_string(&s.cause).unwrap_or_default(),
        known: s.measured.is_some(),
        measured: state.stamp.as_nanos(),
        q: state.q.to_vec(),
        dq: state.dq.to_vec(),
        tau: state.tau.to_vec(),
        gripper: [state.gripper.width_m, state.gripper.speed_m_s, state.gripper.force_n],
        expires: c.expires.as_nanos(),
        enabled: c.enabled,
        told_q: c.q.to_vec(),
        told_dq: c.dq.to_vec(),
        told_ddq: c.ddq.to_vec(),
        told_tau: c.tau.to_vec(),
        told_gripper: [c.gripper.width_m, c.gripper.force_n],
        motion: s.active.map_or(0, |id| id.0),
        progress: [s.progress, s.speed_factor],
        slow: serde_json::to_string(&s.slow).unwrap_or_default(),
        external: s.external.to_vec(),
        wrench: s.tool_wrench,
        payload: [s.payload.mass_kg, x, y, z],
    }
}

/// A status from its message, of an arm of so many joints.
///
/// # Errors
/// A [`Rejection`] naming the field (B1–B7).
pub(super) fn status(m: &ros::Status, n_joints: usize) -> Result<Status, Rejection> {
    let vector = |field: &'static str, values: &[f64]| {
        if values.len() != n_joints || values.iter().any(|v| !v.is_finite()) {
            let got = format!("{values:?}");
            return Err(Rejection::new(field, format!("{n_joints} numbers"), got));
        }
        JointVector::from_slice(values)
    };
    let numbers = [&m.gripper[..], &m.told_gripper, &m.progress, &m.wrench, &m.payload].concat();
    if let Some(bad) = numbers.iter().find(|v| !v.is_finite()) {
        return Err(Rejection::new("status", "finite numbers", bad.to_string()));
    }
    for at in [m.now, m.measured, m.expires].map(Time::from_nanos) {
        if at < Time::ZERO || at > Time::MAX {
            return Err(Rejection::new("status.now", "times on a clock", format!("{} ns", at.as_nanos())));
        }
    }
    let time = Time::from_nanos;
    let measured = if m.known {
        Some(JointState {
            stamp: time(m.measured),
            q: vector("status.q", &m.q)?,
            dq: vector("status.dq", &m.dq)?,
            tau: vector("status.tau", &m.tau)?,
            gripper: GripperState { width_m: m.gripper[0], speed_m_s: m.gripper[1], force_n: m.gripper[2] },
        })
    } else {
        None
    };
    let mode: Mode = mode_of(&m.mode)
        .ok_or_else(|| Rejection::new("status.mode", "a mode of the loop", m.mode.clone()))?;
    let cause = serde_json::from_str(&m.cause)
        .map_err(|_| Rejection::new("status.cause", "a cause of the loop", m.cause.clone()))?;
    let slow = serde_json::from_str(&m.slow)
        .map_err(|_| Rejection::new("status.slow", "null, or why the loop is slow", m.slow.clone()))?;
    let command = JointCommand {
        stamp: time(m.now),
        expires: time(m.expires),
        q: vector("status.told_q", &m.told_q)?,
        dq: vector("status.told_dq", &m.told_dq)?,
        ddq: vector("status.told_ddq", &m.told_ddq)?,
        tau: vector("status.told_tau", &m.told_tau)?,
        gripper: GripperCommand { width_m: m.told_gripper[0], force_n: m.told_gripper[1] },
        enabled: m.enabled,
    };
    let [mass_kg, x, y, z] = m.payload;
    Ok(Status {
        now: time(m.now),
        ticks: m.ticks,
        mode,
        cause,
        measured,
        command,
        active: (m.motion > 0).then_some(MotionId(m.motion)),
        progress: m.progress[0],
        speed_factor: m.progress[1],
        slow,
        external: vector("status.external", &m.external)?,
        tool_wrench: m.wrench,
        payload: Payload { mass_kg, center_m: [x, y, z] },
    })
}

/// A stop category by its number.
///
/// # Errors
/// A [`Rejection`] for another number.
pub(super) fn category(value: f64) -> Result<StopCategory, Rejection> {
    match value {
        0.0 => Ok(StopCategory::Zero),
        1.0 => Ok(StopCategory::One),
        2.0 => Ok(StopCategory::Two),
        _ => Err(Rejection::new("stop.category", "0, 1 or 2", value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control::{LimitKind, Slow};

    #[test]
    fn whether_and_why_the_arm_is_slow_comes_through_with_its_status() {
        let arm = crate::robots::load("panda").expect("built in");
        let n = arm.n_joints();
        let now = control::new(arm, control::Config::default()).expect("valid").1.status();
        for slow in [None, Some(Slow::Asked), Some(Slow::Limit(LimitKind::Separation))] {
            let said = status_message(&Status { slow, ..now });
            assert_eq!(status(&said, n).expect("a status").slow, slow, "{}", said.slow);
            let other = ros::Status { slow: "\"because\"".into(), ..said };
            assert_eq!(status(&other, n).expect_err("no reason").field, "status.slow");
        }
    }
}
