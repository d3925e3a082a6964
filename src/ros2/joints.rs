//! All joints of an arm as ROS 2 says them, those of the gripper, too.

use bridge::ros::{Header, JointState, Time};
use mechanics::Arm;
use std::sync::Arc;

/// A width so much greater tells how the fingers' joints move with it, metres.
const NEAR_M: f64 = 1e-4;

/// See the head of this file.
pub(crate) struct Joints {
    arm: Arc<Arm>,
    names: Vec<String>,
    q: Vec<f64>,
    near: Vec<f64>,
}

impl Joints {
    pub(crate) fn new(arm: &Arc<Arm>) -> Self {
        let joints = &arm.model().joints;
        let names: Vec<String> = joints.iter().map(|j| j.name.clone()).collect();
        Self { arm: arm.clone(), q: vec![0.0; names.len()], near: vec![0.0; names.len()], names }
    }

    /// What they do, stamped anew.
    pub(crate) fn say(&mut self, state: &types::JointState, stamp: Time) -> JointState {
        let g = &state.gripper;
        self.arm.full_q(&state.q, g.width_m, &mut self.q);
        self.arm.full_q(&state.q, g.width_m + NEAR_M, &mut self.near);
        let pairs = self.q.iter().zip(&self.near);
        let mut velocity: Vec<f64> = pairs.map(|(q, near)| (near - q) / NEAR_M * g.speed_m_s).collect();
        let mut effort = vec![0.0; velocity.len()];
        for (i, j) in self.arm.arm_joint_idx().iter().enumerate() {
            (velocity[*j], effort[*j]) = (state.dq[i], state.tau[i]);
        }
        let header = Header { stamp, frame_id: String::new() };
        JointState { header, name: self.names.clone(), position: self.q.clone(), velocity, effort }
    }
}
