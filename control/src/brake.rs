//! A stop from any motion, without a path: what is left when a command would leave a limit.

use crate::path::Reference;
use types::{JointLimits, JointVector};

/// Shortest stop that is tried, seconds, and by how much the next is longer.
const SHORTEST: f64 = 0.01;
const LONGER: f64 = 1.15;
const TRIES: usize = 60;
/// Part of the limits that the stop may use; the rest is for ticks that are not instants.
const SHARE: f64 = 0.98;

/// Every joint's velocity goes to zero along the same cubic of time, meeting velocity and acceleration
/// at both ends (Hermite), in the shortest time that keeps all limits. From unaccelerated motion it is
/// a straight line in joint space: no joint is pushed sideways.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Brake {
    from: Reference,
    duration: f64,
    t: f64,
}

impl Brake {
    /// A stop from `from`. If no duration keeps every limit, the one that leaves them least.
    pub(crate) fn new(from: Reference, limits: &[JointLimits]) -> Self {
        let mut brake = Self { from, duration: SHORTEST, t: 0.0 };
        let mut best = (f64::INFINITY, SHORTEST);
        for _ in 0..TRIES {
            let worst = brake.worst(limits);
            if worst < best.0 {
                best = (worst, brake.duration);
            }
            if worst <= 1.0 + 1e-9 {
                break;
            }
            brake.duration *= LONGER;
        }
        brake.duration = best.1;
        brake
    }

    /// The largest part of any limit that is used.
    fn worst(&self, limits: &[JointLimits]) -> f64 {
        let mut worst = 0.0_f64;
        for (i, l) in limits.iter().enumerate() {
            // The jerk is linear, so greatest at an end; the acceleration where the jerk is zero, or at
            // an end; velocity and position are close enough at the tenths.
            let (v0, at) = (self.from.dq[i], self.from.ddq[i] * self.duration);
            let peak = (6.0 * v0 + 4.0 * at) / (12.0 * v0 + 6.0 * at);
            let peak = if (0.0..=1.0).contains(&peak) { peak } else { 0.0 };
            // Velocity and acceleration that the stop begins with are not its doing.
            let speed = l.velocity.max(v0.abs());
            let acceleration = (SHARE * l.acceleration).max(self.from.ddq[i].abs());
            for x in (0..=10).map(|tenth| f64::from(tenth) * 0.1).chain([peak]) {
                let [q, dq, ddq, jerk] = self.joint(i, x);
                let beyond = (q - l.upper).max(l.lower - q).max(0.0) / (l.upper - l.lower);
                worst = worst
                    .max(dq.abs() / speed)
                    .max(ddq.abs() / acceleration)
                    .max(jerk.abs() / (SHARE * l.jerk))
                    .max(if beyond > 1e-9 { 1.0 + 10.0 * beyond } else { 0.0 });
            }
        }
        worst
    }

    /// Position, velocity, acceleration, jerk of one joint at the part `x` of the duration.
    fn joint(&self, i: usize, x: f64) -> [f64; 4] {
        let t = self.duration;
        let (q0, v0, at) = (self.from.q[i], self.from.dq[i], self.from.ddq[i] * t);
        let (x2, x3, x4) = (x * x, x * x * x, x * x * x * x);
        [
            q0 + t * (v0 * (x - x3 + 0.5 * x4) + at * (0.5 * x2 - x3 / 1.5 + 0.25 * x4)),
            v0 * (1.0 - 3.0 * x2 + 2.0 * x3) + at * (x - 2.0 * x2 + x3),
            (v0 * (6.0 * x2 - 6.0 * x) + at * (1.0 - 4.0 * x + 3.0 * x2)) / t,
            (v0 * (12.0 * x - 6.0) + at * (6.0 * x - 4.0)) / (t * t),
        ]
    }

    /// Moves on by `dt` seconds.
    pub(crate) fn step(&mut self, dt: f64) {
        self.t += dt;
    }

    /// Whether it stands.
    pub(crate) fn at_rest(&self) -> bool {
        self.t >= self.duration
    }

    /// Where the stop is now.
    pub(crate) fn reference(&self) -> Reference {
        let n = self.from.q.len();
        let x = (self.t / self.duration).clamp(0.0, 1.0);
        let mut out = Reference::at_rest(JointVector::zeros(n));
        for i in 0..n {
            let [q, dq, ddq, _] = self.joint(i, x);
            out.q[i] = q;
            if x < 1.0 {
                out.dq[i] = dq;
                out.ddq[i] = ddq;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_brake_from_any_motion_keeps_every_limit_the_motion_kept(
            v in prop::collection::vec(-0.9..0.9_f64, 3),
            a in prop::collection::vec(-1.0..1.0_f64, 3),
            sharp in 20.0..600.0_f64,
        ) {
            let l = JointLimits {
                lower: -3.0,
                upper: 3.0,
                velocity: 2.0,
                acceleration: 10.0,
                jerk: 10.0 * sharp,
                torque: 10.0,
                torque_rate: 1000.0,
            };
            let limits = vec![l; 3];
            // A motion that can be stopped at all: its acceleration can end before its speed limit.
            let room = |v: f64| libm::sqrt(1.2 * (l.velocity - 2.0 * v.abs()) * l.jerk * 0.5).min(l.acceleration);
            let from = Reference {
                q: JointVector::zeros(3),
                dq: JointVector::from_fn(3, |i| 2.0 * v[i]),
                ddq: JointVector::from_fn(3, |i| 0.5 * a[i] * room(v[i])),
            };
            let mut brake = Brake::new(from, &limits);
            let mut last = from;
            while !brake.at_rest() {
                brake.step(0.001);
                let next = brake.reference();
                prop_assert_eq!(limiter::check(&limits, &last, &next, 0.001), Ok(()));
                last = next;
            }
            prop_assert!(brake.duration < 2.0, "{}", brake.duration);
            prop_assert!(last.dq.iter().chain(last.ddq.iter()).all(|v| *v == 0.0));
        }
    }
}
