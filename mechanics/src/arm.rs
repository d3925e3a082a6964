//! The robot as planner, control and simulator use it: a [`Model`] with its [`RobotProfile`].

mod build;
mod fingers;
mod guess;
mod home;
mod motion;

pub use fingers::GripperLimits;
pub use home::HomeChoice;
pub use motion::{
    ArmData, body_poses_in_world, gravity_load, inverse_dynamics, mass_matrix, tool_jacobian, tool_pose,
};

use crate::model::{Mimic, Model};
use build::{check_arm_joints, fill_limits, indices, isometry, middle, no_joints, pose_within, tip_of};
use nalgebra::Isometry3;
use types::{JointLimits, JointVector, Rejection, RobotProfile};

/// Position gain when neither profile nor caller names one, 1/s²: a closed loop of 20 rad/s.
const DEFAULT_KP: f64 = 400.0;

/// An arm: its bodies, its controlled joints, its gripper, its tool, its place in the world. Joint
/// slices named `q` hold the controlled joints alone, in the profile's order; `full_q` holds every
/// joint of the model.
#[derive(Clone, Debug)]
pub struct Arm {
    model: Model,
    profile: RobotProfile,
    limits: Vec<JointLimits>,
    arm_joints: Vec<usize>,
    gripper_joints: Vec<usize>,
    /// Every mimicking joint that is not driven as a gripper joint.
    mimics: Vec<(usize, Mimic)>,
    /// Where a joint stays that nobody controls.
    rest: Vec<f64>,
    world_from_base: Isometry3<f64>,
    tool_body: usize,
    body_from_tool: Isometry3<f64>,
    home: JointVector,
    park: JointVector,
}

impl Arm {
    /// Ties a model to its profile, and fills what the profile leaves open: joints, limits, gains, home
    /// (zeros; see [`Self::with_chosen_home`]), park pose, tool link, where objects are reached.
    ///
    /// # Errors
    /// A [`Rejection`] naming the profile's field: an unknown or mimicking joint, an unknown link,
    /// a list of the wrong length, limits that are none (B15), a home or park pose outside them.
    pub fn new(model: Model, mut profile: RobotProfile) -> Result<Self, Rejection> {
        profile.check()?;
        let gripper_joints = indices(&model, "robot.gripper.joints", &profile.gripper.joints)?;
        for (i, (closed, open)) in profile.gripper.closed.iter().zip(&profile.gripper.open).enumerate() {
            Rejection::finite(&format!("robot.gripper.closed[{i}]"), *closed)?;
            Rejection::finite(&format!("robot.gripper.open[{i}]"), *open)?;
            if closed == open {
                return Err(Rejection::new(
                    format!("robot.gripper.open[{i}]"),
                    "another position than closed",
                    open.to_string(),
                ));
            }
        }
        if profile.joints.is_empty() {
            profile.joints = model
                .joints
                .iter()
                .enumerate()
                .filter(|(i, j)| j.mimic.is_none() && !gripper_joints.contains(i))
                .map(|(_, j)| j.name.clone())
                .collect();
        }
        let arm_joints = indices(&model, "robot.joints", &profile.joints)?;
        check_arm_joints(&model, &arm_joints, &gripper_joints)?;
        let n = arm_joints.len();
        if profile.home.is_empty() {
            profile.home = arm_joints.iter().map(|j| middle(&model.joints[*j].limits)).collect();
        }
        if profile.home.len() != n {
            return Err(Rejection::new(
                "robot.home",
                format!("{n} values, one per joint"),
                profile.home.len().to_string(),
            ));
        }
        // Again, now that it is known how long the lists must be.
        profile.check()?;
        let limits = fill_limits(&model, &arm_joints, &mut profile)?;
        if profile.kp.is_empty() {
            profile.kp = vec![DEFAULT_KP; n];
        }
        if profile.kd.is_empty() {
            profile.kd = profile.kp.iter().map(|kp| 2.0 * libm::sqrt(*kp)).collect();
        }
        if profile.park.is_empty() {
            profile.park = profile.home.clone();
        }
        let home = pose_within("robot.home", &profile.home, &limits)?;
        let park = pose_within("robot.park", &profile.park, &limits)?;
        if profile.tool_link.is_empty() {
            let last = *arm_joints.last().ok_or_else(|| no_joints(0))?;
            profile.tool_link = model.bodies[tip_of(&model, model.joints[last].body_idx)].name.clone();
        }
        let tool_body = model.body_idx(&profile.tool_link).ok_or_else(|| {
            Rejection::new("robot.tool_link", "a link of the robot file", profile.tool_link.clone())
        })?;
        if profile.reach_m == [0.0; 4] {
            profile.reach_m = guess::reach(&model, tool_body);
        }
        let body_from_tool = isometry("robot.tool", profile.tool_xyz_m, profile.tool_rpy_rad)?;
        let world_from_base = isometry("robot.base", profile.base_xyz_m, [0.0, 0.0, profile.base_yaw_rad])?;
        let mimics = model
            .joints
            .iter()
            .enumerate()
            .filter(|(i, _)| !gripper_joints.contains(i))
            .filter_map(|(i, j)| j.mimic.map(|m| (i, m)))
            .collect();
        let rest = model.joints.iter().map(|j| middle(&j.limits)).collect();
        Ok(Self {
            model,
            profile,
            limits,
            arm_joints,
            gripper_joints,
            mimics,
            rest,
            world_from_base,
            tool_body,
            body_from_tool,
            home,
            park,
        })
    }

    /// The bodies and joints.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The profile, with every list filled.
    #[must_use]
    pub fn profile(&self) -> &RobotProfile {
        &self.profile
    }

    /// How many joints are controlled (without the gripper).
    #[must_use]
    pub fn n_joints(&self) -> usize {
        self.arm_joints.len()
    }

    /// Limits of the controlled joints, the profile's overrides applied.
    #[must_use]
    pub fn limits(&self) -> &[JointLimits] {
        &self.limits
    }

    /// Where the controlled joints stand in the model's joints.
    #[must_use]
    pub fn arm_joint_idx(&self) -> &[usize] {
        &self.arm_joints
    }

    /// Where the gripper's joints stand in the model's joints; empty without a gripper.
    #[must_use]
    pub fn gripper_joint_idx(&self) -> &[usize] {
        &self.gripper_joints
    }

    /// The same arm behind another drive, whose gripper takes `gripper_late_s` at least to begin to move, seconds.
    #[must_use]
    pub fn driven_by(mut self, drive: types::Drive, gripper_late_s: f64) -> Self {
        self.profile.drive = drive;
        self.profile.gripper.late_s = self.profile.gripper.late_s.max(gripper_late_s);
        self
    }

    /// Pose of the base (the robot file's world frame) in the world.
    #[must_use]
    pub fn world_from_base(&self) -> Isometry3<f64> {
        self.world_from_base
    }

    /// The body that carries the tool.
    #[must_use]
    pub fn tool_body_idx(&self) -> usize {
        self.tool_body
    }

    /// Pose of the tool frame in the body that carries it.
    #[must_use]
    pub fn body_from_tool(&self) -> &Isometry3<f64> {
        &self.body_from_tool
    }

    /// Where the arm waits, rad.
    #[must_use]
    pub fn home(&self) -> JointVector {
        self.home
    }

    /// Where the arm is parked before torque goes, rad.
    #[must_use]
    pub fn park(&self) -> JointVector {
        self.park
    }

    /// Every joint of the model from the controlled joints `q` and the gripper's width: the gripper's
    /// joints by [`Self::gripper_joint_targets`], mimicking ones by whom they follow, others at rest.
    ///
    /// # Real-time
    /// No allocation.
    ///
    /// # Panics
    /// When `q` is shorter than [`Self::n_joints`] or `out` than the model's joints.
    pub fn full_q(&self, q: &[f64], width_m: f64, out: &mut [f64]) {
        out[..self.rest.len()].copy_from_slice(&self.rest);
        for (i, &j) in self.arm_joints.iter().enumerate() {
            out[j] = q[i];
        }
        for (j, position) in self.gripper_joint_targets(width_m) {
            out[j] = position;
        }
        for (j, mimic) in &self.mimics {
            out[*j] = mimic.multiplier * out[mimic.joint_idx] + mimic.offset;
        }
    }

    /// Where each gripper joint stands (index in the model's joints, rad or m) when the fingertips
    /// are `width_m` apart; the width is clamped to what the gripper can do.
    pub fn gripper_joint_targets(&self, width_m: f64) -> impl Iterator<Item = (usize, f64)> + '_ {
        let g = &self.profile.gripper;
        let part = if g.width_m > 0.0 { (width_m / g.width_m).clamp(0.0, 1.0) } else { 0.0 };
        self.gripper_joints
            .iter()
            .enumerate()
            .map(move |(i, &j)| (j, g.closed[i] + part * (g.open[i] - g.closed[i])))
    }

    /// Distance between the fingertips, metres, from every joint of the model; zero without a gripper.
    ///
    /// # Panics
    /// When `full_q` is shorter than the model's joints.
    #[must_use]
    pub fn width_from_joints(&self, full_q: &[f64]) -> f64 {
        let g = &self.profile.gripper;
        if self.gripper_joints.is_empty() {
            return 0.0;
        }
        let sum: f64 = self
            .gripper_joints
            .iter()
            .enumerate()
            .map(|(i, &j)| (full_q[j] - g.closed[i]) / (g.open[i] - g.closed[i]))
            .sum();
        g.width_m * sum / self.gripper_joints.len() as f64
    }
}
