//! A stop from any motion, without a path: what is left when a command would leave a limit, and the stop that a
//! motion without a path always has.
#![forbid(unsafe_code)]

use crate::means::Means;
use crate::path::Reference;
use types::{JointLimits, JointVector};

/// Shortest stop, seconds.
const SHORTEST: f64 = 0.004;
/// By how much a stop is lengthened that would leave an acceleration limit, and how often.
const LONGER: f64 = 1.1;
const TRIES: usize = 64;
/// Halvings until a time is found.
const BISECTIONS: usize = 12;

/// The part of acceleration and jerk limits, and of the rates of torques, that may be used.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Share(pub(crate) f64);

/// What a stop's first speed and acceleration make of position, velocity and acceleration at the part `x` of its duration:
/// the same for every joint.
struct Shares([[f64; 2]; 3]);

impl Shares {
    fn at(x: f64) -> Self {
        let (x2, x3, x4) = (x * x, x * x * x, x * x * x * x);
        Self([
            [x - x3 + 0.5 * x4, 0.5 * x2 - x3 / 1.5 + 0.25 * x4],
            [1.0 - 3.0 * x2 + 2.0 * x3, x - 2.0 * x2 + x3],
            [6.0 * x2 - 6.0 * x, 1.0 - 4.0 * x + 3.0 * x2],
        ])
    }
}

/// Every joint's velocity goes to zero along the same cubic of time, meeting velocity and acceleration at both
/// ends (Hermite). From unaccelerated motion it is a straight line in joint space: no joint is pushed
/// sideways.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Brake {
    from: Reference,
    /// Before the stop it goes on as fast as at its beginning for so long, seconds, until `from`.
    coast: f64,
    duration: f64,
    t: f64,
}

impl Brake {
    /// A stop from `from`, in the shortest time of this form that keeps the share of the acceleration and jerk
    /// limits, and of the rates of torques. Acceleration that it begins with is not its doing.
    pub(crate) fn new<'a>(from: Reference, means: impl Into<Means<'a>>, share: Share) -> Self {
        let means = means.into();
        let mut duration = SHORTEST;
        for ([v, a], most) in means.jerks([&from.dq, &from.ddq]) {
            let j = share.0 * most;
            // The jerk is linear in time, so greatest at an end: there |6 v + 4 a T| and |6 v + 2 a T| are to
            // be at most J T², which holds from the greatest of the four roots on.
            for k in [4.0, 2.0] {
                for sign in [1.0, -1.0] {
                    let under = k * k * a * a - sign * 24.0 * j * v;
                    if under >= 0.0 {
                        duration = duration.max((-sign * k * a + libm::sqrt(under)) / (2.0 * j));
                    }
                }
            }
        }
        let mut brake = Self { from, coast: 0.0, duration, t: 0.0 };
        for _ in 0..TRIES {
            if brake.keeps_acceleration(means.limits, share) {
                break;
            }
            brake.duration *= LONGER;
        }
        brake
    }

    /// The same after it has gone on for `coast` seconds as fast as it is: nobody knows any more for how long it was to
    /// speed up or to slow down.
    pub(crate) fn coasting<'a>(
        from: Reference,
        means: impl Into<Means<'a>>,
        share: Share,
        coast: f64,
    ) -> Self {
        let n = from.q.len();
        let q = JointVector::from_fn(n, |i| from.q[i] + coast * from.dq[i]);
        let then = Reference { q, dq: from.dq, ddq: JointVector::zeros(n) };
        Self { coast, ..Self::new(then, means, share) }
    }

    fn keeps_acceleration(&self, limits: &[JointLimits], share: Share) -> bool {
        limits.iter().enumerate().all(|(i, l)| {
            let (v, at) = (self.from.dq[i], self.from.ddq[i] * self.duration);
            // Zero jerk: where the acceleration is greatest, if not at the beginning.
            let peak = (6.0 * v + 4.0 * at) / (12.0 * v + 6.0 * at);
            let most = (share.0 * l.acceleration).max(self.from.ddq[i].abs()) * (1.0 + 1e-9);
            !(0.0..=1.0).contains(&peak) || self.joint(i, &Shares::at(peak))[2].abs() <= most
        })
    }

    /// Position, velocity, acceleration of one joint at a place of the stop.
    #[inline]
    fn joint(&self, i: usize, shares: &Shares) -> [f64; 3] {
        let t = self.duration;
        let (q0, v0, at) = (self.from.q[i], self.from.dq[i], self.from.ddq[i] * t);
        let [of_q, of_dq, of_ddq] = shares.0;
        [
            q0 + t * (v0 * of_q[0] + at * of_q[1]),
            v0 * of_dq[0] + at * of_dq[1],
            (v0 * of_ddq[0] + at * of_ddq[1]) / t,
        ]
    }

    /// Whether it goes on for a while before it stops.
    pub(crate) fn coasts(&self) -> bool {
        self.coast > 0.0
    }

    /// Moves on by `dt` seconds.
    pub(crate) fn step(&mut self, dt: f64) {
        self.t += dt;
    }

    /// Seconds that are left.
    pub(crate) fn left(&self) -> f64 {
        (self.coast + self.duration - self.t).max(0.0)
    }

    /// Whether it stands.
    pub(crate) fn at_rest(&self) -> bool {
        self.t >= self.coast + self.duration
    }

    /// Where the stop is now.
    pub(crate) fn reference(&self) -> Reference {
        self.after(0.0)
    }

    /// Where the stop is in `seconds`.
    pub(crate) fn after(&self, seconds: f64) -> Reference {
        let n = self.from.q.len();
        let t = self.t + seconds - self.coast;
        if t < 0.0 {
            let Reference { q, dq, .. } = &self.from;
            let q = JointVector::from_fn(n, |i| q[i] + t * dq[i]);
            return Reference { q, dq: *dq, ddq: JointVector::zeros(n) };
        }
        let x = (t / self.duration).clamp(0.0, 1.0);
        let shares = Shares::at(x);
        let mut out = Reference::at_rest(JointVector::zeros(n));
        for i in 0..n {
            let [q, dq, ddq] = self.joint(i, &shares);
            out.q[i] = q;
            if x < 1.0 {
                (out.dq[i], out.ddq[i]) = (dq, ddq);
            }
        }
        out
    }

    /// How far a joint goes from `seconds` on until it rests, back and forth, at most, rad (m).
    pub(crate) fn way_left(&self, i: usize, seconds: f64) -> f64 {
        let [by_speed, by_acceleration] = self.shares_left(seconds);
        self.from.dq[i].abs() * by_speed + self.from.ddq[i].abs() * self.duration * by_acceleration
    }

    /// Until when after `seconds` no joint has gone more than the part `part` of its [`Self::way_left`].
    pub(crate) fn after_part(&self, part: f64, seconds: f64) -> f64 {
        let least = self.shares_left(seconds).map(|share| (1.0 - part) * share);
        let (mut low, mut high) = (seconds, self.left());
        for _ in 0..BISECTIONS {
            let middle = 0.5 * (low + high);
            let left = self.shares_left(middle);
            if left[0] >= least[0] && left[1] >= least[1] { low = middle } else { high = middle }
        }
        low
    }

    /// The integrals from `seconds` on of what speed and acceleration at the beginning of the stop make of its speed,
    /// neither of which is ever negative.
    fn shares_left(&self, seconds: f64) -> [f64; 2] {
        let t = self.t + seconds - self.coast;
        let x = (t / self.duration).clamp(0.0, 1.0);
        let (x2, x3, x4) = (x * x, x * x * x, x * x * x * x);
        let coasts = (-t).max(0.0);
        [
            coasts + self.duration * (0.5 - (x - x3 + 0.5 * x4)).max(0.0),
            self.duration * (1.0 / 12.0 - (0.5 * x2 - x3 / 1.5 + 0.25 * x4)).max(0.0),
        ]
    }

    /// A bound on a joint's speed from now on, rad/s (m/s).
    pub(crate) fn greatest_speed(&self, i: usize) -> f64 {
        // The part of v that the first acceleration adds is at most 4/27 a T.
        self.from.dq[i].abs() + 0.149 * self.from.ddq[i].abs() * self.duration
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter;
    use proptest::prelude::*;

    /// One joint at the speed `v` with the acceleration `a`, stopped within these limits.
    fn brake(v: f64, a: f64, acceleration: f64, jerk: f64, share: f64) -> Brake {
        let l = JointLimits {
            lower: -3.0,
            upper: 3.0,
            velocity: 2.0,
            acceleration,
            jerk,
            torque: 10.0,
            torque_rate: 1000.0,
            near_end: Default::default(),
        };
        let one = |v| JointVector::from_fn(1, |_| v);
        Brake::new(Reference { q: one(0.5), dq: one(v), ddq: one(a) }, &[l], Share(share))
    }

    #[test]
    fn a_stop_begins_with_what_the_arm_does() {
        let brake = brake(0.7, -2.0, 20.0, 600.0, 1.0);
        let at = brake.after(0.0);
        assert_eq!((at.q[0], at.dq[0], at.ddq[0]), (0.5, 0.7, -2.0));
    }

    #[test]
    fn a_stop_that_comes_later_goes_on_as_fast_as_it_was_until_then() {
        let l = JointLimits {
            lower: -3.0,
            upper: 3.0,
            velocity: 2.0,
            acceleration: 20.0,
            jerk: 600.0,
            torque: 10.0,
            torque_rate: 1000.0,
            near_end: Default::default(),
        };
        let one = |v| JointVector::from_fn(1, |_| v);
        for (v, a) in [(1.0, 4.0), (1.0, 0.0), (-1.9, -4.0), (0.1, -4.0)] {
            let from = Reference { q: one(0.5), dq: one(v), ddq: one(a) };
            let late = Brake::coasting(from, &[l], Share(1.0), 0.05);
            let at = late.after(0.0);
            assert!((at.q[0] - 0.5).abs() < 1e-12 && (at.dq[0] - v).abs() < 1e-12, "{at:?}");
            let then = late.after(0.05);
            assert!(then.dq[0] == v && (then.q[0] - (0.5 + 0.05 * v)).abs() < 1e-12);
            assert!((late.left() - 0.05 - brake(v, 0.0, 20.0, 600.0, 1.0).left()).abs() < 1e-12);
            // It is one motion.
            for k in 0..400 {
                let (t, dt) = (f64::from(k) * 1e-3, 1e-5);
                let (before, after) = (late.after(t), late.after(t + dt));
                let mean = (after.q[0] - before.q[0]) / dt;
                assert!((mean - 0.5 * (before.dq[0] + after.dq[0])).abs() < 1e-3, "{v}, {a}: {t}");
                assert!(before.dq[0].abs() <= late.greatest_speed(0) + 1e-12, "{v}, {a}: {t}");
            }
            assert_eq!(late.greatest_speed(0), v.abs());
            let rest = late.after(late.left());
            assert_eq!((rest.dq[0], rest.ddq[0]), (0.0, 0.0));
        }
    }

    #[test]
    fn a_stop_takes_as_long_as_its_jerk_needs_and_goes_where_its_speed_leads() {
        // Of |6 v + 4 a T| and |6 v + 2 a T| the greater is J T².
        for (v, a, share, seconds) in [
            (0.0, 0.0, 1.0, 0.004),
            (1.0, 0.0, 1.0, 0.1),
            (-1.0, 0.0, 1.0, 0.1),
            (1.0, 0.0, 0.25, 0.2),
            (1.0, 5.0, 1.0, (20.0 + f64::sqrt(14_800.0)) / 1200.0),
            (-1.0, -5.0, 1.0, (20.0 + f64::sqrt(14_800.0)) / 1200.0),
            (1.0, -5.0, 1.0, (-10.0 + f64::sqrt(14_500.0)) / 1200.0),
            (0.0, 5.0, 1.0, 20.0 / 600.0),
        ] {
            let mut brake = brake(v, a, 100.0, 600.0, share);
            assert!((brake.left() - seconds).abs() < 1e-12, "{v}, {a}: {} s, not {seconds} s", brake.left());
            let way = 0.5 * v * seconds + a * seconds * seconds / 12.0;
            let rest = brake.after(2.0 * seconds);
            assert!(
                (rest.q[0] - 0.5 - way).abs() < 1e-12 && (rest.dq[0], rest.ddq[0]) == (0.0, 0.0),
                "{rest:?}"
            );
            let half = brake.after(0.5 * seconds);
            brake.step(0.2 * seconds);
            assert!((brake.left() - 0.8 * seconds).abs() < 1e-12 && !brake.at_rest());
            let later = brake.after(0.3 * seconds);
            assert!((half.q[0] - later.q[0]).abs() < 1e-12 && (half.dq[0] - later.dq[0]).abs() < 1e-12);
            brake.step(0.9 * seconds);
            assert!(brake.left() == 0.0 && brake.at_rest());
            // What its acceleration adds to its speed is at most 4/27 of it times the time.
            let most = v.abs() + 4.0 / 27.0 * a.abs() * seconds;
            assert!((most..=1.01 * most).contains(&brake.greatest_speed(0)), "{}", brake.greatest_speed(0));
        }
    }

    #[test]
    fn a_stop_is_lengthened_until_its_acceleration_fits_and_by_a_tenth_too_much_at_most() {
        for (k, jerk) in (0..400).flat_map(|k| [(k, 600.0), (k, 1e6)]) {
            let (v, a) = (0.1 * f64::from(k % 20) - 0.95, 1.8 * f64::from(k / 20) - 17.1);
            let (fits, begins) = (brake(v, a, 8.0, jerk, 1.0), brake(v, a, 1e6, jerk, 1.0));
            let most = |brake: &Brake| {
                (0..=1000)
                    .map(|i| brake.joint(0, &Shares::at(1e-3 * f64::from(i)))[2].abs())
                    .fold(0.0, f64::max)
            };
            let allowed = a.abs().max(8.0) + 1e-3;
            assert!(most(&fits) <= allowed, "{v}, {a}: {}", most(&fits));
            let shorter = Brake { duration: fits.duration / LONGER, ..fits };
            let is_shortest = (fits.duration - begins.duration).abs() < 1e-12;
            assert!(is_shortest || most(&shorter) > allowed - 2e-3, "{v}, {a}: {}", most(&shorter));
        }
    }

    #[test]
    fn no_joint_goes_farther_than_what_is_said_to_be_left_of_its_way() {
        for (v, a, coast) in
            [(1.0, 0.0, 0.0), (0.3, -8.0, 0.0), (-0.02, 9.0, 0.0), (0.0, 5.0, 0.0), (0.7, 0.0, 0.05)]
        {
            let brake = Brake { coast, ..brake(v, a, 20.0, 600.0, 1.0) };
            let left = brake.left();
            let n = 4000;
            let speed = |k: usize| brake.after(left * (k as f64 + 0.5) / f64::from(n)).dq[0].abs();
            let step = left / f64::from(n);
            for part in [0.0, 0.1, 0.5, 0.9, 1.0] {
                let begun = part * left;
                let gone = |to: f64| {
                    (0..n as usize)
                        .filter(|k| (begun..to).contains(&(left * (*k as f64 + 0.5) / f64::from(n))))
                        .map(|k| speed(k) * step)
                        .sum::<f64>()
                };
                let most = brake.way_left(0, begun);
                assert!(gone(left) <= most + 1e-4 * v.abs().max(0.1) * left, "{v}, {a}: {part}");
                // A straight one is told exactly.
                assert!(a != 0.0 || (gone(left) - most).abs() < 1e-3 * left, "{v}: {part}: {most}");
                for share in [0.1, 0.5, 0.99] {
                    let until = brake.after_part(share, begun);
                    assert!((begun..=left).contains(&until));
                    assert!(
                        gone(until) <= share * most + 2.0 * step * (v.abs() + 1.0),
                        "{v}, {a}: {part}, {share}"
                    );
                }
            }
        }
    }

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
                near_end: Default::default(),
            };
            let limits = vec![l; 3];
            // A motion that can be stopped at all: its acceleration can end before its speed limit.
            let room = |v: f64| libm::sqrt(1.2 * (l.velocity - 2.0 * v.abs()) * l.jerk * 0.5).min(l.acceleration);
            let from = Reference {
                q: JointVector::zeros(3),
                dq: JointVector::from_fn(3, |i| 2.0 * v[i]),
                ddq: JointVector::from_fn(3, |i| 0.5 * a[i] * room(v[i])),
            };
            let mut brake = Brake::new(from, limits.as_slice(), Share(0.98));
            let mut last = from;
            while !brake.at_rest() {
                brake.step(0.001);
                let next = brake.reference();
                prop_assert_eq!(limiter::check(&limits, &last, &next, 0.001), Ok(()));
                prop_assert!((0..3).all(|i| next.dq[i].abs() <= brake.greatest_speed(i) + 1e-9));
                last = next;
            }
            prop_assert!(brake.duration < 4.0, "{}", brake.duration);
            prop_assert!(last.dq.iter().chain(last.ddq.iter()).all(|v| *v == 0.0));
        }
    }
}
