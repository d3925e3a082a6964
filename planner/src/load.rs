//! Whether the motors can carry out a timed motion.

use mechanics::{Arm, ArmData, inverse_dynamics};
use types::{JointVector, Trajectory};

/// Torques are looked at this often, seconds.
const DT_S: f64 = 0.002;

/// What a motion asks of the motors; above one the arm could not follow it.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Load {
    /// The largest share of a joint's torque limit.
    pub(crate) torque: f64,
    /// The largest share of the limit of a torque's rate of change.
    pub(crate) rate: f64,
    /// The largest share of how fast a joint may be where it is.
    pub(crate) speed: f64,
}

/// The load of `trajectory` with the gripper at `width_m` and empty.
pub(crate) fn load(arm: &Arm, data: &mut ArmData, trajectory: &Trajectory, width_m: f64) -> Load {
    let n = (trajectory.duration() / DT_S).ceil().clamp(1.0, 1e5) as usize;
    let dt = trajectory.duration() / n as f64;
    let mut tau = JointVector::zeros(arm.n_joints());
    let mut last: Option<JointVector> = None;
    let mut most = Load::default();
    for i in 0..=n {
        let s = trajectory.sample(dt * i as f64);
        inverse_dynamics(arm, data, &s.q, &s.dq, &s.ddq, width_m, &mut tau);
        for (j, l) in arm.limits().iter().enumerate() {
            most.torque = most.torque.max(tau[j].abs() / l.torque);
            most.speed = most.speed.max(s.dq[j].abs() / l.fastest(s.q[j], s.dq[j]));
            if let Some(last) = last.filter(|_| dt > 0.0) {
                most.rate = most.rate.max((tau[j] - last[j]).abs() / dt / l.torque_rate);
            }
        }
        last = Some(tau);
    }
    most
}
