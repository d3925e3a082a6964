//! What a robot is told that takes velocities, and what depends on what it takes.

use crate::core::Core;
use types::{Drive, JointVector};

/// Speed that is added per distance from where the arm shall be, 1/s: slow beside any motor's own velocity loop,
/// so that a late answer does not make it swing.
const GAIN: f64 = 10.0;
/// Time constant of each of the two filters that this passes, seconds: nothing that is measured makes it leap.
const FILTER_S: f64 = 0.03;

impl Core {
    /// The loop gives the torques itself; else they are what the model expects of the motors' own controllers.
    pub(crate) fn gives_torques(&self) -> bool {
        self.arm.profile().drive == Drive::Torque
    }

    /// Joint velocities for the command, rad/s (m/s): the reference's, and for a robot that takes nothing else what
    /// leads back to the reference's position, within the limits of velocity.
    pub(crate) fn told_velocity(&mut self, powered: bool) -> JointVector {
        let wanted = self.reference.dq;
        let zero = JointVector::zeros(wanted.len());
        if self.arm.profile().drive != Drive::Velocity || !powered || self.resynced {
            self.lead_back = [zero; 2];
            return wanted;
        }
        // Without a fresh measurement what was known last holds.
        let share = 1.0 - libm::exp(-self.dt / FILTER_S);
        let [first, second] = &mut self.lead_back;
        for i in 0..wanted.len() {
            if self.estimate.is_fresh() {
                first[i] += share * (GAIN * (self.reference.q[i] - self.estimate.q[i]) - first[i]);
            }
            second[i] += share * (first[i] - second[i]);
        }
        let limits = self.arm.limits();
        JointVector::from_fn(wanted.len(), |i| {
            let told = wanted[i] + self.lead_back[1][i];
            let most = limits[i].fastest(self.reference.q[i], told).max(wanted[i].abs());
            told.clamp(-most, most)
        })
    }
}
