//! Short paths that each end at rest, for an arm that has a joint trajectory controller: said one after the other they
//! are any motion, and when no other comes the arm stops on the last.

use super::{Duration, Header, JointTrajectory, JointTrajectoryPoint};
use types::{JointCommand, JointLimits, JointVector};

/// A stop takes so long at least, seconds: a controller that hears of it late still has some of it before it.
const STOP_S: f64 = 0.1;

/// So many pieces a stop is told in.
const PIECES: u32 = 4;

impl JointTrajectory {
    /// Where joints of these names are to be `lead_s` seconds from now, the command being carried on with its
    /// acceleration for so long, and how they come to rest from there, all together, in the same directions. It begins
    /// now.
    ///
    /// The rest is `T = max(3|v| / (2a - 2|b|/3), (2|b| + √(4b² + 6j|v|)) / j, 0.1 s)` away, of the slowest joint, with
    /// velocity `v`, acceleration `b`, limits `a` and `j` of acceleration and jerk; on the way the velocity is the cubic
    /// that has `v` and `b` before and nothing after, so `T(v/2 + bT/12)` are passed. Every point is within the limits
    /// of position: what has its stop before them in the loop has it here.
    ///
    /// Positions and velocities are told, no accelerations. A controller then goes along cubics, and what a path finds
    /// off at its beginning is a quarter of that at the beginning of the next, when that comes at half of the lead; along
    /// quintics it would grow.
    #[must_use]
    pub fn ending(names: &[String], c: &JointCommand, limits: &[JointLimits], lead_s: f64) -> Self {
        let n = limits.len().min(c.q.len());
        let joints = |f: &dyn Fn(usize) -> f64| JointVector::from_fn(n, f);
        let within = |j: usize, q: f64| q.clamp(limits[j].lower, limits[j].upper);
        let b = joints(&|j| c.ddq[j].clamp(-limits[j].acceleration, limits[j].acceleration));
        let v = joints(&|j| (c.dq[j] + lead_s * b[j]).clamp(-limits[j].velocity, limits[j].velocity));
        let q = joints(&|j| within(j, c.q[j] + lead_s * (c.dq[j] + 0.5 * lead_s * b[j])));
        let stop_s = (0..n).map(|j| stop_s(v[j].abs(), b[j].abs(), &limits[j])).fold(STOP_S, f64::max);
        // A part of the stop: the velocity by Hermite's cubics, and what they add up to.
        let point = |k: u32| {
            let s = f64::from(k) / f64::from(PIECES);
            let rest = k == PIECES;
            let speed =
                |j: usize| v[j] * (1.0 + s * s * (2.0 * s - 3.0)) + stop_s * b[j] * s * (1.0 - s) * (1.0 - s);
            let way = |j: usize| {
                let from_speed = v[j] * s * (1.0 + s * s * (0.5 * s - 1.0));
                from_speed + stop_s * b[j] * s * s * (0.5 + s * (0.25 * s - 2.0 / 3.0))
            };
            JointTrajectoryPoint {
                positions: joints(&|j| within(j, q[j] + stop_s * way(j))).to_vec(),
                velocities: joints(&|j| if rest { 0.0 } else { speed(j) }).to_vec(),
                accelerations: Vec::new(),
                effort: Vec::new(),
                time_from_start: Duration::from_secs(lead_s + stop_s * s),
            }
        };
        Self {
            header: Header::default(),
            joint_names: names.to_vec(),
            points: (0..=PIECES).map(point).collect(),
        }
    }
}

/// See [`JointTrajectory::ending`].
fn stop_s(v: f64, b: f64, limits: &JointLimits) -> f64 {
    let by_acceleration = 1.5 * v / (limits.acceleration - b / 3.0);
    let by_jerk = (2.0 * b + (4.0 * b * b + 6.0 * limits.jerk * v).sqrt()) / limits.jerk;
    by_acceleration.max(by_jerk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use types::{GripperCommand, Time};

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
            let said = JointTrajectory::ending(&names(n), &c, &limits, 0.04);
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
        let stands =
            JointTrajectory::ending(&names(2), &command(&[0.3, -1.0], &[0.0; 2], &[0.0; 2]), &limits, 0.05);
        let told = |i: usize| (stands.points[i].positions.clone(), stands.points[i].velocities.clone());
        assert!((0..=4).all(|i| told(i) == (vec![0.3, -1.0], vec![0.0; 2])), "{stands:?}");
        assert_eq!(stands.points[4].time_from_start.as_secs(), 0.05 + STOP_S);
        // v² / 2a before its end: the loop stops it just there.
        let near = LIMITS.upper - 0.5 * 4.0 / LIMITS.acceleration;
        let said = JointTrajectory::ending(&names(1), &command(&[near], &[2.0], &[0.0]), &limits[..1], 0.0);
        assert_eq!(said.points[4].positions, [LIMITS.upper]);
        let places = said
            .points
            .windows(2)
            .flat_map(|p| (0..=20).map(|k| cubic(&p[0], &p[1], 0, f64::from(k) / 20.0).0));
        let farthest = places.fold(f64::MIN, f64::max);
        assert!(farthest < LIMITS.upper + 0.01, "{farthest}");
    }
}
