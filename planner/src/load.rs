//! Whether the motors can carry out a timed motion.

use mechanics::{Arm, ArmData, inverse_dynamics};
use types::{JointVector, Trajectory};

/// Torques are looked at this often, seconds.
const DT_S: f64 = 0.002;

/// Largest share of torque limits that a free motion is timed for; the rest is for taking errors away.
const MOST_LOAD: f64 = 0.9;
/// ... and a slow one: the loop wants some left to stop with.
const MOST_SLOW_LOAD: f64 = 0.95;
/// A motion that the motors cannot follow is not slowed further than to this share of its speed.
const SLOWEST: f64 = 0.3;
/// ... and one that is too fast near the end of a joint's range not further than to this.
const SLOWEST_NEAR_END: f64 = 0.01;

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

impl Load {
    /// At which part of its speed a motion is to be timed next that was timed at the part `s`; none: it fits.
    ///
    /// # Errors
    /// The share of a torque limit that it needs however slow it is.
    pub(crate) fn slower(&self, s: f64) -> Result<Option<f64>, f64> {
        if self.speed > 1.0 && s > SLOWEST_NEAR_END {
            return Ok(Some(s * (0.98 / self.speed).max(0.5)));
        }
        let fits = self.torque <= MOST_LOAD || (s < SLOWEST && self.torque <= MOST_SLOW_LOAD);
        match (fits, s < SLOWEST) {
            (true, _) => Ok(None),
            (false, true) => Err(self.torque),
            (false, false) => Ok(Some(0.8 * s)),
        }
    }
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
