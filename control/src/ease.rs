//! Letting go of what was met: the reference goes to where the arm is, so that nothing presses any more.
//!
//! After a contact the stop along the path ends a little inside of what the arm met; held there, the arm would go
//! on pressing with its whole gain. Where it is measured it can be, so the reference goes there, smoothly; the arm
//! itself hardly moves.
#![forbid(unsafe_code)]

use crate::means::Means;
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
    pub(crate) fn new<'a>(
        from: JointVector,
        measured: &JointVector,
        means: impl Into<Means<'a>>,
    ) -> Option<Self> {
        let means = means.into();
        let limits = means.limits;
        let by = JointVector::from_fn(from.len(), |i| {
            let l = &limits[i];
            measured[i].clamp(l.lower, l.upper).clamp(from[i] - MOST, from[i] + MOST) - from[i]
        });
        if by.iter().all(|v| v.abs() < TRIFLE) {
            return None;
        }
        let seconds = |i: usize, l: &JointLimits| {
            // Near an end of the range as slowly as has to be there.
            let velocity = l.fastest(from[i], by[i]).min(l.fastest(from[i] + by[i], by[i]));
            smooth::seconds(by[i], &JointLimits { velocity, ..*l }, SHARE)
        };
        let duration = limits.iter().enumerate().fold(SHORTEST_S, |t, (i, l)| t.max(seconds(i, l)));
        let jerks = means.jerks([&by]);
        let duration = jerks.fold(duration, |t, ([by], most)| t.max(smooth::sharpest(by, most, SHARE)));
        Some(Self { from, by, duration, t: 0.0 })
    }

    pub(crate) fn step(&mut self, dt: f64) {
        self.t += dt;
    }

    pub(crate) fn at_rest(&self) -> bool {
        self.t >= self.duration
    }

    pub(crate) fn reference(&self) -> Reference {
        self.after(0.0)
    }

    /// Seconds that are left.
    pub(crate) fn left(&self) -> f64 {
        (self.duration - self.t).max(0.0)
    }

    /// Where it is in `seconds`.
    pub(crate) fn after(&self, seconds: f64) -> Reference {
        let (t, n) = (self.duration, self.from.len());
        let [y, dy, ddy] = smooth::step(((self.t + seconds) / t).clamp(0.0, 1.0));
        let (dy, ddy) = (dy / t, ddy / (t * t));
        Reference {
            q: JointVector::from_fn(n, |i| self.from[i] + self.by[i] * y),
            dq: JointVector::from_fn(n, |i| self.by[i] * dy),
            ddq: JointVector::from_fn(n, |i| self.by[i] * ddy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ease(from: [f64; 2], measured: [f64; 2], quick: f64) -> Option<Ease> {
        let l = JointLimits {
            lower: -2.0,
            upper: 2.0,
            velocity: 2.0 * quick,
            acceleration: 10.0 * quick,
            jerk: 1000.0 * quick,
            torque: 10.0,
            torque_rate: 1000.0,
            near_end: Default::default(),
        };
        let two = |v: [f64; 2]| JointVector::from_fn(2, |i| v[i]);
        Ease::new(two(from), &two(measured), &[l; 2])
    }

    #[test]
    fn the_reference_goes_to_where_the_arm_is_but_not_far_and_not_beyond_a_range() {
        assert!(ease([1.0, 1.0], [1.000_09, 0.999_91], 1.0).is_none(), "a trifle");
        for (from, measured, to) in [
            (1.0, 1.000_11, 1.000_11),
            (1.0, 0.9, 0.9),
            (1.0, 1.5, 1.2),
            (1.0, 0.5, 0.8),
            (1.95, 2.05, 2.0),
            (-1.95, -2.05, -2.0),
        ] {
            let mut ease = ease([0.0, from], [0.0, measured], 1.0).expect("something to let go of");
            ease.step(10.0);
            let end = ease.reference();
            assert!((end.q[1] - to).abs() < 1e-12 && end.q[0] == 0.0, "{measured}: {end:?}");
            assert!(ease.at_rest() && end.dq.iter().chain(end.ddq.iter()).all(|v| *v == 0.0));
        }
    }

    #[test]
    fn letting_go_uses_three_tenths_of_the_limits_and_a_fiftieth_of_a_second_at_least() {
        // By a tenth at a peak of 5.7735 per second squared, of which 3 may be used.
        let seconds = f64::sqrt(5.773_502_69 * 0.1 / 3.0);
        let mut ease_ = ease([0.5, 1.0], [0.6, 1.05], 1.0).expect("something to let go of");
        let mut last = 0.0;
        // A part of the time: the part of the way, of the mean speed, and of the mean speed per time.
        for (x, y, dy, ddy) in
            [(0.0, 0.0, 0.0, 0.0), (0.25, 0.103_515_625, 1.054_687_5, 5.625), (0.5, 0.5, 1.875, 0.0)]
        {
            ease_.step(seconds * (x - last));
            last = x;
            let r = ease_.reference();
            for (j, (from, by)) in [(0.5, 0.1), (1.0, 0.05)].into_iter().enumerate() {
                assert!((r.q[j] - from - by * y).abs() < 1e-8, "{x}: {r:?}");
                assert!((r.dq[j] - by * dy / seconds).abs() < 1e-7, "{x}: {r:?}");
                assert!((r.ddq[j] - by * ddy / (seconds * seconds)).abs() < 1e-6, "{x}: {r:?}");
            }
            assert!(!ease_.at_rest());
        }
        ease_.step(0.499 * seconds);
        assert!(!ease_.at_rest());
        ease_.step(0.002 * seconds);
        assert!(ease_.at_rest());
        let quick = ease([0.5, 1.0], [0.501, 1.0], 1e4).expect("something to let go of");
        assert_eq!(quick.duration, 0.02);
        let mut exact = quick;
        exact.step(0.02);
        assert!(exact.at_rest());
    }
}
