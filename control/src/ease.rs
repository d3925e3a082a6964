//! Letting go of what was met: the reference goes to where the arm is, so that nothing presses any more.
//!
//! After a contact the stop along the path ends a little inside of what the arm met; held there, the arm would go
//! on pressing with its whole gain. Where it is measured it can be, so the reference goes there, smoothly; the arm
//! itself hardly moves.

use crate::path::Reference;
use crate::smooth;
use types::{JointLimits, JointVector};

/// The most by which a joint's reference goes, rad (m): an arm that is farther off is stopped by F17.
const MOST: f64 = 0.2;
/// Less than this is nothing to let go of, rad (m).
const TRIFLE: f64 = 1e-4;
/// Part of the limits that is used, and shortest time, seconds.
const SHARE: f64 = 0.3;
const SHORTEST_S: f64 = 0.02;

/// A quintic from rest to rest.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Ease {
    from: JointVector,
    by: JointVector,
    duration: f64,
    t: f64,
}

impl Ease {
    /// From standing at `from` towards where the arm is measured; `None` when it is there.
    pub(crate) fn new(from: JointVector, measured: &JointVector, limits: &[JointLimits]) -> Option<Self> {
        let by = JointVector::from_fn(from.len(), |i| {
            let l = &limits[i];
            measured[i].clamp(l.lower, l.upper).clamp(from[i] - MOST, from[i] + MOST) - from[i]
        });
        if by.iter().all(|v| v.abs() < TRIFLE) {
            return None;
        }
        let duration =
            limits.iter().zip(by.iter()).fold(SHORTEST_S, |t, (l, by)| t.max(smooth::seconds(*by, l, SHARE)));
        Some(Self { from, by, duration, t: 0.0 })
    }

    pub(crate) fn step(&mut self, dt: f64) {
        self.t += dt;
    }

    pub(crate) fn at_rest(&self) -> bool {
        self.t >= self.duration
    }

    pub(crate) fn reference(&self) -> Reference {
        let (t, n) = (self.duration, self.from.len());
        let [y, dy, ddy] = smooth::step((self.t / t).clamp(0.0, 1.0));
        let (dy, ddy) = (dy / t, ddy / (t * t));
        Reference {
            q: JointVector::from_fn(n, |i| self.from[i] + self.by[i] * y),
            dq: JointVector::from_fn(n, |i| self.by[i] * dy),
            ddq: JointVector::from_fn(n, |i| self.by[i] * ddy),
        }
    }
}
