//! How an arm comes to rest when it hears nothing more.

use crate::{JointCommand, JointVector};

/// Places of an ending.
pub const ENDING_PLACES: usize = 9;

/// An arm that has fallen behind, as what it was told was lost, may come to rest by so much later, seconds.
pub const ENDING_LATE_S: f64 = 0.05;

/// One place of an ending.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct EndingPlace {
    /// Seconds after the command's stamp.
    pub after_s: f64,
    /// Joint positions, rad (m).
    pub q: JointVector,
    /// Joint velocities, rad/s (m/s).
    pub dq: JointVector,
}

/// What comes after a command when no other is heard: the motion goes on for a while as it does, and then comes to rest
/// by the stop that was verified beforehand. Between places it is as cubics through them with their velocities; the first
/// place is where the stop begins, and at the last the arm stands.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Ending(pub [EndingPlace; ENDING_PLACES]);

impl Ending {
    /// Standing where a command says, for `coast_s` and `stop_s` seconds.
    #[must_use]
    pub fn at_rest(command: &JointCommand, coast_s: f64, stop_s: f64) -> Self {
        let zero = JointVector::zeros(command.q.len());
        Self::of(coast_s, stop_s, |_| (command.q, zero))
    }

    /// From where the motion is `t` seconds after the command, `at(t)`: its stop begins at `coast_s` and takes `stop_s`.
    #[must_use]
    pub fn of(coast_s: f64, stop_s: f64, mut at: impl FnMut(f64) -> (JointVector, JointVector)) -> Self {
        let pieces = (ENDING_PLACES - 1) as f64;
        Self(core::array::from_fn(|k| {
            let after_s = coast_s + stop_s * k as f64 / pieces;
            let (q, dq) = at(after_s);
            // It stands there whatever is left of its speed by rounding.
            let dq = if k + 1 == ENDING_PLACES { JointVector::zeros(q.len()) } else { dq };
            EndingPlace { after_s, q, dq }
        }))
    }
}
