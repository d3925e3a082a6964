//! Whether the motors do what they are told (F17, F19).

use crate::config::Tuning;
use types::{Fault, JointLimits, JointState, JointVector, MAX_JOINTS};

/// How long a motor may do the opposite, seconds (F19: 10 ms from the first tick on).
const OPPOSITE_S: f64 = 0.006;
/// How long it may give another torque than it was told, seconds (F17).
const SILENT_S: f64 = 0.02;

/// How long each motor has been wrong.
#[derive(Clone, Debug)]
pub(crate) struct Motors {
    opposite_s: [f64; MAX_JOINTS],
    silent_s: [f64; MAX_JOINTS],
    /// A torque was measured at all: some robots measure none.
    senses: bool,
}

impl Motors {
    pub(crate) fn new() -> Self {
        Self { opposite_s: [0.0; MAX_JOINTS], silent_s: [0.0; MAX_JOINTS], senses: false }
    }

    /// Compares a fresh state with the torques that were told in the tick before. Where a robot measures no
    /// torques this says nothing, and the following error (F17) and the observer (F21) are left.
    pub(crate) fn judge(
        &mut self,
        state: &JointState,
        told: &JointVector,
        limits: &[JointLimits],
        tuning: &Tuning,
        dt: f64,
    ) -> Option<Fault> {
        self.senses |= state.tau.iter().any(|t| *t != 0.0);
        let mut found = None;
        for (i, l) in limits.iter().enumerate() {
            let off = (state.tau[i] - told[i]).abs() > tuning.contact_share * l.torque && self.senses;
            let is_opposite = off && state.tau[i] * told[i] < 0.0;
            let count = |held: &mut f64, wrong: bool| *held = if wrong { *held + dt } else { 0.0 };
            count(&mut self.opposite_s[i], is_opposite);
            count(&mut self.silent_s[i], off);
            if self.opposite_s[i] > OPPOSITE_S {
                return Some(Fault::F19Runaway);
            }
            if self.silent_s[i] > SILENT_S {
                found = Some(Fault::F17FollowingError);
            }
        }
        found
    }

    /// Power comes or goes: everything begins anew.
    pub(crate) fn forget(&mut self) {
        *self = Self { senses: self.senses, ..Self::new() };
    }
}
