//! What a robot is told that takes velocities, and what depends on what it takes.

use crate::core::Core;
use types::{Drive, JointVector};

/// Speed that is added per distance from where the arm shall be, 1/s: slow beside any motor's own velocity loop,
/// so that a late answer does not make it swing.
const GAIN: f64 = 10.0;

impl Core {
    /// The loop gives the torques itself; else they are what the model expects of the motors' own controllers.
    pub(crate) fn gives_torques(&self) -> bool {
        self.arm.profile().drive == Drive::Torque
    }

    /// Joint velocities for the command, rad/s (m/s): the reference's, and for a robot that takes nothing else what
    /// leads back to the reference's position, within the limits of velocity and acceleration.
    pub(crate) fn told_velocity(&self, powered: bool) -> JointVector {
        let wanted = self.reference.dq;
        if self.arm.profile().drive != Drive::Velocity || !powered {
            return wanted;
        }
        let limits = self.arm.limits();
        let (q, is_seen) = (&self.estimate.q, self.estimate.is_fresh());
        JointVector::from_fn(wanted.len(), |i| {
            let back = if is_seen { GAIN * (self.reference.q[i] - q[i]) } else { 0.0 };
            let (l, before) = (&limits[i], if self.last.enabled { self.last.dq[i] } else { 0.0 });
            let step = self.dt * l.acceleration;
            (wanted[i] + back).clamp(before - step, before + step).clamp(-l.velocity, l.velocity)
        })
    }
}
