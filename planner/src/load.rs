//! Whether the motors can carry out a timed motion.

use mechanics::{Arm, ArmData, inverse_dynamics};
use types::{JointVector, Trajectory};

/// Torques are looked at this often, seconds.
const DT_S: f64 = 0.005;

/// The largest share of a joint's limit of torque, or of its rate of change, that `trajectory` needs with
/// the gripper at `width_m` and empty; above one the arm could not follow it.
pub(crate) fn load(arm: &Arm, data: &mut ArmData, trajectory: &Trajectory, width_m: f64) -> f64 {
    let n = (trajectory.duration() / DT_S).ceil().clamp(1.0, 1e5) as usize;
    let dt = trajectory.duration() / n as f64;
    let mut tau = JointVector::zeros(arm.n_joints());
    let mut last = None;
    let mut most = 0.0_f64;
    for i in 0..=n {
        let s = trajectory.sample(dt * i as f64);
        inverse_dynamics(arm, data, &s.q, &s.dq, &s.ddq, width_m, &mut tau);
        for (j, l) in arm.limits().iter().enumerate() {
            most = most.max(tau[j].abs() / l.torque);
            if let Some(last) = last.filter(|_| dt > 0.0) {
                let last: JointVector = last;
                most = most.max((tau[j] - last[j]).abs() / dt / l.torque_rate);
            }
        }
        last = Some(tau);
    }
    most
}
