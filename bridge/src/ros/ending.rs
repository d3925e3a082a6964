//! Short paths that each end at rest, for an arm that has a joint trajectory controller: said one after the other they
//! are any motion, and when no other comes the arm stops on the last.

use super::{Duration, Header, JointTrajectory, JointTrajectoryPoint};
use types::{JointCommand, JointLimits, JointVector};

/// A stop takes so long at least, seconds: a controller that hears of it late still has some of it before it.
const STOP_S: f64 = 0.1;

impl JointTrajectory {
    /// Where joints of these names are to be `lead_s` seconds from now, the command being carried on with its
    /// acceleration for so long, and how they come to rest from there, all together, in the same directions. It begins
    /// now.
    ///
    /// The rest is `T = max(3|v| / (2a - 2|b|/3), (2|b| + √(4b² + 6j|v|)) / j, 0.1 s)` away, of the slowest joint, with
    /// velocity `v`, acceleration `b`, limits `a` and `j` of acceleration and jerk; on the way the velocity is the cubic
    /// that has `v` and `b` before and nothing after, so `T(v/2 + bT/12)` are passed. Both points are within the limits
    /// of position: what has its stop before them in the loop has it here.
    #[must_use]
    pub fn ending(names: &[String], c: &JointCommand, limits: &[JointLimits], lead_s: f64) -> Self {
        let n = limits.len().min(c.q.len());
        let joints = |f: &dyn Fn(usize) -> f64| JointVector::from_fn(n, f);
        let within = |j: usize, q: f64| q.clamp(limits[j].lower, limits[j].upper);
        let b = joints(&|j| c.ddq[j].clamp(-limits[j].acceleration, limits[j].acceleration));
        let v = joints(&|j| (c.dq[j] + lead_s * b[j]).clamp(-limits[j].velocity, limits[j].velocity));
        let q = joints(&|j| within(j, c.q[j] + lead_s * (c.dq[j] + 0.5 * lead_s * b[j])));
        let stop_s = (0..n).map(|j| stop_s(v[j].abs(), b[j].abs(), &limits[j])).fold(STOP_S, f64::max);
        let end = joints(&|j| within(j, q[j] + stop_s * (0.5 * v[j] + b[j] * stop_s / 12.0)));
        let still = JointVector::zeros(n);
        let point = |t: f64, q: JointVector, dq: JointVector, ddq: JointVector| JointTrajectoryPoint {
            positions: q.to_vec(),
            velocities: dq.to_vec(),
            accelerations: ddq.to_vec(),
            effort: Vec::new(),
            time_from_start: Duration::from_secs(t),
        };
        Self {
            header: Header::default(),
            joint_names: names.to_vec(),
            points: vec![point(lead_s, q, v, b), point(lead_s + stop_s, end, still, still)],
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
            let first = &said.points[0];
            let start = JointVector::from_slice(&first.positions).expect("few");
            // What a controller makes of the two points: the quintic that meets both.
            let begins = JointTrajectory {
                points: said
                    .points
                    .iter()
                    .map(|p| JointTrajectoryPoint {
                        time_from_start: Duration::from_secs(p.time_from_start.as_secs() - 0.04),
                        ..p.clone()
                    })
                    .collect(),
                ..said.clone()
            };
            let path =
                begins.timed(&names(n), &limits, &start).expect("it can be followed, and ends at rest");
            let mut last = path.sample(0.0);
            for k in 1..=200 {
                let t = path.duration() * f64::from(k) / 200.0;
                let p = path.sample(t);
                for j in 0..n {
                    let jerk = (p.ddq[j] - last.ddq[j]) / (p.t - last.t);
                    assert!(p.dq[j].abs() < 1.2 * LIMITS.velocity, "{p:?}");
                    assert!(p.ddq[j].abs() < LIMITS.acceleration * (1.0 + 1e-9), "{c:?}: {p:?}");
                    assert!(jerk.abs() < LIMITS.jerk * (1.0 + 1e-6), "{c:?}: jerk {jerk}");
                }
                last = p;
            }
            for j in 0..n {
                let v = first.velocities[j];
                let went = path.end()[j] - first.positions[j];
                // Straight on: what already slows down may turn back a little.
                let back = LIMITS.acceleration * path.duration().powi(2) / 12.0;
                assert!(went * v.signum() > -back - 1e-9, "{c:?}: joint {j} goes {went}");
            }
        }
    }

    #[test]
    fn an_arm_that_stands_is_told_to_stand_and_one_near_an_end_is_never_told_beyond_it() {
        let limits = [LIMITS; 2];
        let stands =
            JointTrajectory::ending(&names(2), &command(&[0.3, -1.0], &[0.0; 2], &[0.0; 2]), &limits, 0.05);
        let told = |i: usize| (stands.points[i].positions.clone(), stands.points[i].velocities.clone());
        assert_eq!((told(0), told(1)), ((vec![0.3, -1.0], vec![0.0; 2]), (vec![0.3, -1.0], vec![0.0; 2])));
        assert_eq!(stands.points[1].time_from_start.as_secs(), 0.05 + STOP_S);
        // v² / 2a before its end: the loop stops it just there.
        let near = LIMITS.upper - 0.5 * 4.0 / LIMITS.acceleration;
        let said = JointTrajectory::ending(&names(1), &command(&[near], &[2.0], &[0.0]), &limits[..1], 0.0);
        assert_eq!(said.points[1].positions, [LIMITS.upper]);
        let start = JointVector::from_slice(&[near]).expect("one");
        let path = said.timed(&names(1), &limits[..1], &start).expect("within the limits");
        let farthest = (0..=100).map(|k| path.sample(path.duration() * 0.01 * f64::from(k)).q[0]);
        let farthest = farthest.fold(f64::MIN, f64::max);
        assert!(farthest < LIMITS.upper + 0.01, "{farthest}");
    }
}
