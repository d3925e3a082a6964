//! Short paths that each end at rest, for an arm that has a joint trajectory controller: said one after the other they
//! are any motion, and when no other comes the arm stops on the last.

use super::{Duration, Header, JointTrajectory, JointTrajectoryPoint};
use types::{JointCommand, JointLimits};

/// A stop takes so long at least, seconds: a controller that hears of it late still has some of it before it.
const STOP_S: f64 = 0.1;

/// So many pieces a stop is told in.
const PIECES: u32 = 4;

impl JointTrajectory {
    /// Where joints of these names are to be `lead_s` seconds from now, the command, which is `age_s` old, being carried
    /// on with its acceleration, and how they come to rest from there in the same directions. It begins now.
    ///
    /// The rest is `T = max(3|v| / (2a - 2|b|/3), (2|b| + √(4b² + 6j|v|)) / j, 0.1 s)` away, of the slowest joint, with
    /// velocity `v`, acceleration `b`, limits `a` and `j` of acceleration and jerk; on the way the velocity is the cubic
    /// that has `v` and `b` before and nothing after, so `T(v/2 + bT/12)` are passed. That is half as much again as
    /// the shortest stop: a joint that has less room before its end takes just that, and brakes by as much more.
    ///
    /// Positions and velocities are told, no accelerations. A controller then goes along cubics, and what a path finds
    /// off at its beginning is a quarter of that at the beginning of the next, when that comes at half of the lead; along
    /// quintics it would grow.
    #[must_use]
    pub fn ending(
        names: &[String],
        c: &JointCommand,
        limits: &[JointLimits],
        age_s: f64,
        lead_s: f64,
    ) -> Self {
        let n = limits.len().min(c.q.len());
        let ahead_s = age_s + lead_s;
        let ways: Vec<Way> = (0..n).map(|j| Way::new(c, j, &limits[j], ahead_s)).collect();
        let stop_s = (0..n).map(|j| ways[j].stop_s(&limits[j])).fold(STOP_S, f64::max);
        let own_s: Vec<f64> = (0..n).map(|j| ways[j].within(&limits[j], stop_s)).collect();
        // A part of the stop.
        let point = |k: u32| {
            let t = stop_s * f64::from(k) / f64::from(PIECES);
            let at = |j: usize| ways[j].at(t, own_s[j]);
            let within = |j: usize, q: f64| q.clamp(limits[j].lower, limits[j].upper);
            JointTrajectoryPoint {
                positions: (0..n).map(|j| within(j, at(j).0)).collect(),
                velocities: (0..n).map(|j| if k == PIECES { 0.0 } else { at(j).1 }).collect(),
                accelerations: Vec::new(),
                effort: Vec::new(),
                time_from_start: Duration::from_secs(lead_s + t),
            }
        };
        Self {
            header: Header::default(),
            joint_names: names.to_vec(),
            points: (0..=PIECES).map(point).collect(),
        }
    }
}

/// How a joint is when it begins to stop.
struct Way {
    q: f64,
    v: f64,
    b: f64,
}

impl Way {
    fn new(c: &JointCommand, j: usize, l: &JointLimits, ahead_s: f64) -> Self {
        let b = c.ddq[j].clamp(-l.acceleration, l.acceleration);
        let v = (c.dq[j] + ahead_s * b).clamp(-l.velocity, l.velocity);
        let q = c.q[j] + ahead_s * (c.dq[j] + 0.5 * ahead_s * b);
        // At its end a joint stands.
        let is_beyond = (q >= l.upper && v > 0.0) || (q <= l.lower && v < 0.0);
        if is_beyond { Self { q: q.clamp(l.lower, l.upper), v: 0.0, b: 0.0 } } else { Self { q, v, b } }
    }

    /// How long it takes to stop within its limits of acceleration and jerk, see [`JointTrajectory::ending`].
    fn stop_s(&self, l: &JointLimits) -> f64 {
        let (v, b) = (self.v.abs(), self.b.abs());
        let by_acceleration = 1.5 * v / (l.acceleration - b / 3.0);
        let by_jerk = (2.0 * b + (4.0 * b * b + 6.0 * l.jerk * v).sqrt()) / l.jerk;
        by_acceleration.max(by_jerk)
    }

    /// The time of its stop: `stop_s`, or as much as there is room for before its end.
    fn within(&self, l: &JointLimits, stop_s: f64) -> f64 {
        let end = self.at(stop_s, stop_s).0;
        let (room, v, b) = match (end > l.upper, end < l.lower) {
            (true, _) => (l.upper - self.q, self.v, self.b),
            (_, true) => (self.q - l.lower, -self.v, -self.b),
            _ => return stop_s,
        };
        // T(v/2 + bT/12) = room.
        let root = (0.25 * v * v + b * room / 3.0).max(0.0).sqrt();
        let time = 2.0 * room.max(0.0) / (0.5 * v + root);
        if time.is_finite() { time.clamp(1e-3, stop_s) } else { 1e-3 }
    }

    /// Place and velocity `t` seconds after it began to stop within `own_s`: the velocity by Hermite's cubics, and what they
    /// add up to.
    fn at(&self, t: f64, own_s: f64) -> (f64, f64) {
        let Self { q, v, b } = *self;
        let s = (t / own_s).min(1.0);
        let speed = v * (1.0 + s * s * (2.0 * s - 3.0)) + own_s * b * s * (1.0 - s) * (1.0 - s);
        let from_speed = v * s * (1.0 + s * s * (0.5 * s - 1.0));
        let way = from_speed + own_s * b * s * s * (0.5 + s * (0.25 * s - 2.0 / 3.0));
        (q + own_s * way, speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use types::{GripperCommand, JointVector, Time};

    const LIMITS: JointLimits = JointLimits {
        lower: -2.5,
        upper: 2.5,
        velocity: 2.0,
        acceleration: 10.0,
        jerk: 2000.0,
        torque: 80.0,
        torque_rate: 1000.0,
    };

    fn command(q: &[f64], dq: &[f64], ddq: &[f64]) -> JointCommand {
        let v = |v: &[f64]| JointVector::from_slice(v).expect("few joints");
        JointCommand {
            stamp: Time::ZERO,
            expires: Time::ZERO,
            q: v(q),
            dq: v(dq),
            ddq: v(ddq),
            tau: JointVector::zeros(q.len()),
            gripper: GripperCommand { width_m: 0.0, force_n: 0.0 },
            enabled: true,
        }
    }

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|j| format!("joint{j}")).collect()
    }

    #[test]
    fn from_whatever_the_arm_does_it_comes_to_rest_within_its_limits_and_where_it_was_going() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for _ in 0..2000 {
            let n = rng.random_range(1..=7);
            let mut drawn =
                |most: f64| -> Vec<f64> { (0..n).map(|_| rng.random_range(-most..most)).collect() };
            // Far enough from the ends that nothing is in the way.
            let (q, dq, ddq) = (drawn(0.5), drawn(LIMITS.velocity), drawn(LIMITS.acceleration));
            let c = command(&q, &dq, &ddq);
            let limits = vec![LIMITS; n];
            let said = JointTrajectory::ending(&names(n), &c, &limits, 0.0, 0.04);
            let last = said.points.len() - 1;
            assert!(said.points[last].velocities.iter().all(|v| *v == 0.0), "it ends at rest");
            assert_eq!(said.points[0].time_from_start.as_secs(), 0.04);
            for j in 0..n {
                let mut passed = 0.0;
                for pair in said.points.windows(2) {
                    for k in 0..=20 {
                        let (q, v, a) = cubic(&pair[0], &pair[1], j, f64::from(k) / 20.0);
                        assert!(v.abs() < 1.2 * LIMITS.velocity && q.abs() < LIMITS.upper, "{c:?}: {q} {v}");
                        // Of a piece the mean is what it should be; its ends are off by what its jerk makes of it.
                        assert!(a.abs() < 1.1 * LIMITS.acceleration, "{c:?}: {a}");
                        passed = f64::max(passed, q.abs());
                    }
                }
                let (v, b) = (said.points[0].velocities[j], c.ddq[j]);
                let t = said.points[last].time_from_start.as_secs() - 0.04;
                let went = said.points[last].positions[j] - said.points[0].positions[j];
                assert!((went - t * (0.5 * v + b * t / 12.0)).abs() < 1e-9, "{c:?}: joint {j} goes {went}");
            }
        }
    }

    /// What a controller makes of two points, a part of the way: place, velocity and acceleration.
    fn cubic(a: &JointTrajectoryPoint, b: &JointTrajectoryPoint, j: usize, s: f64) -> (f64, f64, f64) {
        let h = b.time_from_start.as_secs() - a.time_from_start.as_secs();
        let (p0, p1) = (a.positions[j], b.positions[j]);
        let (v0, v1) = (h * a.velocities[j], h * b.velocities[j]);
        let (c2, c3) = (3.0 * (p1 - p0) - 2.0 * v0 - v1, 2.0 * (p0 - p1) + v0 + v1);
        let q = p0 + s * (v0 + s * (c2 + s * c3));
        (q, (v0 + s * (2.0 * c2 + 3.0 * s * c3)) / h, (2.0 * c2 + 6.0 * s * c3) / (h * h))
    }

    #[test]
    fn an_arm_that_stands_is_told_to_stand_and_one_near_an_end_is_never_told_beyond_it() {
        let limits = [LIMITS; 2];
        let stands = JointTrajectory::ending(
            &names(2),
            &command(&[0.3, -1.0], &[0.0; 2], &[0.0; 2]),
            &limits,
            0.0,
            0.05,
        );
        let told = |i: usize| (stands.points[i].positions.clone(), stands.points[i].velocities.clone());
        assert!((0..=4).all(|i| told(i) == (vec![0.3, -1.0], vec![0.0; 2])), "{stands:?}");
        assert_eq!(stands.points[4].time_from_start.as_secs(), 0.05 + STOP_S);
        // v² / 2a before its end: the loop stops it just there.
        let near = LIMITS.upper - 0.5 * 4.0 / LIMITS.acceleration;
        let said =
            JointTrajectory::ending(&names(1), &command(&[near], &[2.0], &[0.0]), &limits[..1], 0.0, 0.0);
        assert_eq!(said.points[4].positions, [LIMITS.upper]);
        let places = said
            .points
            .windows(2)
            .flat_map(|p| (0..=20).map(|k| cubic(&p[0], &p[1], 0, f64::from(k) / 20.0).0));
        let farthest = places.fold(f64::MIN, f64::max);
        assert!(farthest < LIMITS.upper + 1e-3, "{farthest}");
        let hardest =
            said.points.windows(2).flat_map(|p| [0.0, 1.0].map(|s| cubic(&p[0], &p[1], 0, s).2.abs()));
        let hardest = hardest.fold(0.0, f64::max);
        assert!(hardest < 2.5 * LIMITS.acceleration, "it brakes harder, but not in a leap: {hardest}");
        // Beyond its end it is not led at all.
        let over =
            JointTrajectory::ending(&names(1), &command(&[2.49], &[2.0], &[0.0]), &limits[..1], 0.0, 0.04);
        assert!(
            over.points.iter().all(|p| p.positions == [LIMITS.upper] && p.velocities == [0.0]),
            "{over:?}"
        );
    }

    #[test]
    fn a_command_that_is_old_is_carried_on_for_its_age_and_told_for_no_later() {
        let c = command(&[0.1], &[0.5], &[1.0]);
        let said = JointTrajectory::ending(&names(1), &c, &[LIMITS], 0.01, 0.04);
        let t = 0.05;
        assert_eq!(said.points[0].time_from_start.as_secs(), 0.04);
        assert!((said.points[0].positions[0] - (0.1 + 0.5 * t + 0.5 * t * t)).abs() < 1e-12);
        assert!((said.points[0].velocities[0] - (0.5 + t)).abs() < 1e-12);
    }
}
