//! An arm from a robot file alone: every robot loads with one line, and what a file does not say is
//! guessed with care.

use super::Arm;
use super::build::tip_of;
use crate::model::Model;
use types::{GripperProfile, Rejection, RobotProfile};

impl Arm {
    /// An arm without a profile. Controlled are the joints from the base up to the gripper's palm:
    /// the chain with the most joints, cut where it branches into several moving parts (fingers). No
    /// gripper; the tool is the last link of that chain; home is zero where a joint may stand there,
    /// else the middle of its range; objects are reached in a box in front of the base.
    ///
    /// # Errors
    /// A [`Rejection`] when the model has no joint to control, or too many.
    pub fn from_model(model: Model) -> Result<Self, Rejection> {
        let profile = guess(&model);
        Self::new(model, profile)
    }
}

/// Joints that move by themselves on the way from the base to a body, base first.
fn joints_to(model: &Model, body_idx: usize) -> Vec<usize> {
    let mut joints = Vec::new();
    let mut at = Some(body_idx);
    while let Some(i) = at {
        if let Some(j) = model.bodies[i].joint_idx
            && model.joints[j].mimic.is_none()
        {
            joints.push(j);
        }
        at = model.bodies[i].parent;
    }
    joints.reverse();
    joints
}

/// How many children of a body carry movable joints, on themselves or further out.
fn n_moving_branches(model: &Model, body_idx: usize) -> usize {
    let mut moves: Vec<bool> = model.bodies.iter().map(|b| b.joint_idx.is_some()).collect();
    for i in (0..model.bodies.len()).rev() {
        if let (true, Some(p)) = (moves[i], model.bodies[i].parent) {
            moves[p] = true;
        }
    }
    model.bodies.iter().enumerate().filter(|(i, b)| b.parent == Some(body_idx) && moves[*i]).count()
}

/// Where objects may lie for an arm of this length: a box in front of the base, world x and y, metres.
pub(super) fn reach(model: &Model, tool_body: usize) -> [f64; 4] {
    let mut length = 0.0;
    let mut at = Some(tool_body);
    while let Some(i) = at {
        length += model.bodies[i].parent_from_body.translation.vector.norm();
        at = model.bodies[i].parent;
    }
    let length = length.clamp(0.1, 10.0);
    [0.25 * length, 0.6 * length, -0.3 * length, 0.3 * length]
}

fn guess(model: &Model) -> RobotProfile {
    // The first body with the longest chain; ties go to the one nearest the base.
    let mut best: (usize, Vec<usize>) = (0, Vec::new());
    for i in 0..model.bodies.len() {
        let joints = joints_to(model, i);
        if joints.len() > best.1.len() {
            best = (i, joints);
        }
    }
    let (mut end, mut joints) = best;
    // A body that branches after the larger part of the joints is a palm: what follows are fingers.
    let mut at = model.bodies.get(end).and_then(|b| b.parent);
    while let Some(i) = at {
        let inner = joints_to(model, i);
        if 2 * inner.len() > joints.len() && n_moving_branches(model, i) > 1 {
            (end, joints) = (i, inner);
        }
        at = model.bodies[i].parent;
    }
    let tool = tip_of(model, end);
    RobotProfile {
        name: model.name.clone(),
        model: String::new(),
        joints: joints.iter().map(|j| model.joints[*j].name.clone()).collect(),
        base_xyz_m: [0.0; 3],
        base_yaw_rad: 0.0,
        tool_link: model.bodies.get(tool).map(|b| b.name.clone()).unwrap_or_default(),
        tool_xyz_m: [0.0; 3],
        tool_rpy_rad: [0.0; 3],
        velocity: Vec::new(),
        acceleration: Vec::new(),
        jerk: Vec::new(),
        torque: Vec::new(),
        torque_rate: Vec::new(),
        near_end_slope: Vec::new(),
        near_end_offset: Vec::new(),
        home: Vec::new(),
        park: Vec::new(),
        kp: Vec::new(),
        kd: Vec::new(),
        reach_m: [0.0; 4],
        gripper: GripperProfile::default(),
        drive: types::Drive::Torque,
        overrun_ms: 20.0,
        contact_share: 0.15,
        brakes: false,
    }
}
