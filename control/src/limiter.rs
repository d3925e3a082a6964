//! The last wall before the robot: every command is compared with the limits and with the command
//! before it (I1, I2). It does not know why a command came to be.
#![forbid(unsafe_code)]

use crate::path::Reference;
use crate::report::LimitKind;
use types::{JointLimits, JointVector};

/// Relative slack for rounding; the pace keeps two per cent away from the limits.
const SLACK: f64 = 1e-3;

/// How a reference would leave a limit.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Violation {
    pub(crate) joint: u8,
    pub(crate) limit: LimitKind,
    pub(crate) requested: f64,
    pub(crate) bound: f64,
}

/// The first limit that `next` would leave, coming from `last` within `dt` seconds.
pub(crate) fn check(
    limits: &[JointLimits],
    last: &Reference,
    next: &Reference,
    dt: f64,
) -> Result<(), Violation> {
    for (i, l) in limits.iter().enumerate() {
        let bad = |limit, requested, bound| Err(Violation { joint: i as u8, limit, requested, bound });
        let (q, dq, ddq) = (next.q[i], next.dq[i], next.ddq[i]);
        if let Some(v) = [q, dq, ddq].into_iter().find(|v| !v.is_finite()) {
            return bad(LimitKind::Finite, v, 0.0);
        }
        let slack = 1e-6 * (l.upper - l.lower);
        // What is beyond already may stay and come back.
        if (q > l.upper + slack && q > last.q[i]) || (q < l.lower - slack && q < last.q[i]) {
            return bad(LimitKind::Position, q, if q > l.upper { l.upper } else { l.lower });
        }
        let jerk = l.jerk * (1.0 + SLACK);
        // The mean of the ends of an interval differs from the mean over it by at most jerk · dt / 4
        // (velocity) and jerk · dt² / 12 (position); beyond that, the numbers contradict each other.
        let mean_speed = (q - last.q[i]) / dt;
        let told_speed = 0.5 * (dq + last.dq[i]);
        let mean_acceleration = (dq - last.dq[i]) / dt;
        let told_acceleration = 0.5 * (ddq + last.ddq[i]);
        let rounding = 1e-12 / dt;
        for (kind, value, bound) in [
            // What is too fast for where it is already may become slower.
            (LimitKind::Velocity, dq, l.fastest(q, dq).max(last.dq[i].abs().min(l.velocity))),
            (LimitKind::Velocity, mean_speed, l.velocity),
            (LimitKind::Acceleration, ddq, l.acceleration),
            (LimitKind::Acceleration, mean_acceleration, l.acceleration),
            (LimitKind::Acceleration, (mean_speed - told_speed) / dt, jerk * dt / 6.0 + rounding / dt),
            (LimitKind::Jerk, (ddq - last.ddq[i]) / dt, l.jerk + rounding / dt),
            (LimitKind::Jerk, (mean_acceleration - told_acceleration) / dt, 0.5 * jerk + rounding / dt),
        ] {
            if value.abs() > bound * (1.0 + SLACK) + rounding {
                return bad(kind, value, bound);
            }
        }
    }
    Ok(())
}

/// Brings `tau` within the torque limits and, from `last`, within the torque rates over `dt` seconds.
/// A number that is none becomes the last torque. Returns the joint that was cut most, as a part of
/// its limit, with what was asked.
pub(crate) fn clamp_torque(
    limits: &[JointLimits],
    last: &JointVector,
    tau: &mut JointVector,
    dt: f64,
) -> Option<(f64, Violation)> {
    let mut most: Option<(f64, Violation)> = None;
    for (i, l) in limits.iter().enumerate() {
        let requested = tau[i];
        let (low, high) = (last[i] - l.torque_rate * dt, last[i] + l.torque_rate * dt);
        let within = if requested.is_finite() { requested.clamp(-l.torque, l.torque) } else { last[i] };
        let applied = within.clamp(low, high).clamp(-l.torque, l.torque);
        tau[i] = applied;
        let part = (requested - applied).abs() / l.torque;
        if most.is_none_or(|(worst, _)| part > worst || part.is_nan()) && part != 0.0 {
            let limit = if !requested.is_finite() {
                LimitKind::Finite
            } else if requested.abs() > l.torque {
                LimitKind::Torque
            } else {
                LimitKind::TorqueRate
            };
            most = Some((
                if part.is_nan() { f64::INFINITY } else { part },
                Violation { joint: i as u8, limit, requested, bound: applied },
            ));
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Vec<JointLimits> {
        let l = JointLimits {
            lower: -2.0,
            upper: 2.0,
            velocity: 2.0,
            acceleration: 10.0,
            jerk: 1000.0,
            torque: 10.0,
            torque_rate: 1000.0,
            near_end: Default::default(),
        };
        vec![l; 2]
    }

    fn standing() -> Reference {
        Reference::at_rest(JointVector::zeros(2))
    }

    #[test]
    fn a_joint_may_be_a_hair_beyond_its_range_and_no_more() {
        // A millionth of a range of four.
        for (beyond, fits) in [(3e-6, true), (5e-6, false)] {
            for end in [2.0, -2.0] {
                let (mut last, mut next) = (standing(), standing());
                last.q[0] = end * (1.0 + 0.4 * beyond);
                next.q[0] = end * (1.0 + 0.5 * beyond);
                let dt = 1.0;
                next.dq[0] = next.q[0] - last.q[0];
                last.dq[0] = next.dq[0];
                assert_eq!(check(&limits(), &last, &next, dt).is_ok(), fits, "{beyond} beyond {end}");
            }
        }
    }

    #[test]
    fn every_kind_of_leap_is_seen_by_its_name() {
        type Change = fn(&mut Reference);
        let rows: [(Change, LimitKind); 9] = [
            (|r| r.q[1] = f64::NAN, LimitKind::Finite),
            (|r| r.ddq[1] = f64::INFINITY, LimitKind::Finite),
            (|r| r.q[1] = 2.1, LimitKind::Position),
            (|r| r.q[1] = -1e308, LimitKind::Position),
            (|r| r.dq[1] = 2.1, LimitKind::Velocity),
            (|r| r.q[1] = 0.003, LimitKind::Velocity),
            (|r| r.q[1] = 0.001, LimitKind::Acceleration),
            (|r| r.dq[1] = 0.05, LimitKind::Acceleration),
            (|r| r.ddq[1] = 2.0, LimitKind::Jerk),
        ];
        for (change, limit) in rows {
            let mut next = standing();
            change(&mut next);
            let v = check(&limits(), &standing(), &next, 0.001).expect_err("beyond a limit");
            assert_eq!((v.limit, v.joint), (limit, 1), "{v:?}");
        }
        assert_eq!(check(&limits(), &standing(), &standing(), 0.001), Ok(()));
    }

    /// The two ends of a step that uses so much of a limit.
    type Ends = fn(f64) -> [[f64; 3]; 2];

    /// One joint: where it was and is, how fast, how accelerated.
    fn step(last: [f64; 3], next: [f64; 3], dt: f64) -> Result<(), Violation> {
        let of = |[q, dq, ddq]: [f64; 3]| {
            let one = |v| JointVector::from_fn(1, |_| v);
            Reference { q: one(q), dq: one(dq), ddq: one(ddq) }
        };
        let l = JointLimits { lower: -1.0, ..limits()[0] };
        check(&[l], &of(last), &of(next), dt)
    }

    #[test]
    fn each_limit_is_left_by_a_thousandth_and_no_more() {
        use LimitKind::{Acceleration, Jerk, Velocity};
        // What two ends of an interval tell of its mean: half the jerk, and a sixth of it times the time.
        let rows: [(LimitKind, f64, Ends); 7] = [
            (Velocity, 2.0, |v| [[0.0, v, 0.0], [1e-2 * v, v, 0.0]]),
            (Velocity, 2.0, |v| [[0.0, 2.0 * v.signum(), 0.0], [1e-2 * v, 2.0 * v.signum(), 0.0]]),
            (Acceleration, 10.0, |a| [[0.0, 0.0, a], [0.5e-4 * a, 1e-2 * a, a]]),
            (Acceleration, 10.0, |a| {
                [[0.0, 0.0, 10.0 * a.signum()], [0.5e-4 * a, 1e-2 * a, 10.0 * a.signum()]]
            }),
            (Acceleration, 1001.0 * 1e-2 / 6.0, |a| [[0.0; 3], [1e-4 * a, 0.0, 0.0]]),
            (Jerk, 1000.0, |j| [[0.0, 0.0, -0.5e-2 * j], [0.0, 0.0, 0.5e-2 * j]]),
            (Jerk, 500.5, |j| [[0.0; 3], [0.5e-6 * j, 1e-4 * j, 0.0]]),
        ];
        for (k, (limit, bound, ends)) in rows.into_iter().enumerate() {
            for sign in [1.0, -1.0] {
                let [last, next] = ends(0.9999 * 1.001 * bound * sign);
                assert_eq!(step(last, next, 1e-2), Ok(()), "row {k}, {sign}");
                let asked = 1.0001 * 1.001 * bound * sign;
                let [last, next] = ends(asked);
                let v = step(last, next, 1e-2).expect_err("beyond");
                assert_eq!((v.limit, v.joint), (limit, 0), "row {k}: {v:?}");
                assert!(
                    (v.requested - asked).abs() < 1e-6 && (v.bound - bound).abs() < 1e-5,
                    "row {k}: {v:?}"
                );
            }
        }
        // To the last bit it is not left yet.
        let most = 2.0 * (1.0 + SLACK) + 1e-12 / 0.5;
        assert_eq!(step([0.0, most, 0.0], [0.5 * most, most, 0.0], 0.5), Ok(()));
    }

    #[test]
    fn in_a_very_short_tick_rounding_is_no_leap() {
        // Positions are known to 1e-12: over a microsecond that is 1e-6 of speed, and 1 of acceleration and jerk.
        let dt = 1e-6;
        let rows: [(f64, Ends); 4] = [
            (2.0 * 1.001 + 1e-6, |v| [[0.0, v, 0.0], [1e-6 * v, v, 0.0]]),
            ((1001.0 * 1e-6 / 6.0 + 1.0) * 1.001 + 1e-6, |a| [[0.0; 3], [1e-12 * a, 0.0, 0.0]]),
            (1001.0 * 1.001 + 1e-6, |j| [[0.0; 3], [0.0, 0.0, 1e-6 * j]]),
            (501.5 * 1.001 + 1e-6, |j| [[0.0; 3], [0.0, 1e-12 * j, 0.0]]),
        ];
        for (k, (most, ends)) in rows.into_iter().enumerate() {
            for (part, fits) in [(-1e-7, true), (1e-7, false)] {
                let [last, next] = ends(most * (1.0 + part));
                assert_eq!(step(last, next, dt).is_ok(), fits, "row {k}, {part}");
            }
        }
    }

    #[test]
    fn a_joint_beyond_its_range_may_stay_and_come_back_but_go_no_farther() {
        // A millionth of a range of three is let be.
        let slack = 1e-6 * 3.0;
        for (from, to, bound) in [
            (2.1, 2.1, None),
            (2.1, 2.05, None),
            (2.1, 2.11, Some(2.0)),
            (-1.1, -1.1, None),
            (-1.1, -1.05, None),
            (-1.1, -1.11, Some(-1.0)),
            (1.9, 2.0 + slack, None),
            (1.9, 2.0 + 1.1 * slack, Some(2.0)),
            (-0.9, -1.0 - slack, None),
            (-0.9, -1.0 - 1.1 * slack, Some(-1.0)),
        ] {
            let v: f64 = to - from;
            let got = step([from, v, 0.0], [to, v, 0.0], 1.0);
            assert_eq!(
                got.err().map(|v| (v.limit, v.requested, v.bound)),
                bound.map(|b| (LimitKind::Position, to, b))
            );
        }
    }

    #[test]
    fn torques_go_no_faster_than_they_may_and_the_joint_that_is_cut_most_is_told() {
        use LimitKind::{Finite, Torque, TorqueRate};
        // Ten at most, and one more or less than before.
        for (last, asked, got, told) in [
            ([4.0, 0.0], [4.5, 0.0], [4.5, 0.0], None),
            ([4.0, 0.0], [6.0, 0.0], [5.0, 0.0], Some((0, TorqueRate, 0.1))),
            ([4.0, 0.0], [2.0, 0.0], [3.0, 0.0], Some((0, TorqueRate, 0.1))),
            ([9.5, 0.0], [12.0, 0.0], [10.0, 0.0], Some((0, Torque, 0.2))),
            ([-9.5, 0.0], [-12.0, 0.0], [-10.0, 0.0], Some((0, Torque, 0.2))),
            ([4.0, 0.0], [10.0, 0.0], [5.0, 0.0], Some((0, TorqueRate, 0.5))),
            ([4.0, 4.0], [6.0, 7.0], [5.0, 5.0], Some((1, TorqueRate, 0.2))),
            ([4.0, 4.0], [7.0, 6.0], [5.0, 5.0], Some((0, TorqueRate, 0.2))),
            ([4.0, 4.0], [6.0, 6.0], [5.0, 5.0], Some((0, TorqueRate, 0.1))),
            ([4.0, 4.0], [6.0, f64::NAN], [5.0, 4.0], Some((1, Finite, f64::INFINITY))),
            ([4.0, 4.0], [f64::NAN, 6.0], [4.0, 5.0], Some((0, Finite, f64::INFINITY))),
            ([20.0, 0.0], [20.0, 0.0], [10.0, 0.0], Some((0, Torque, 1.0))),
        ] {
            let two = |v: [f64; 2]| JointVector::from_fn(2, |i| v[i]);
            let mut tau = two(asked);
            let cut = clamp_torque(&limits(), &two(last), &mut tau, 0.001);
            assert_eq!([tau[0], tau[1]], got, "{asked:?} after {last:?}");
            let found = cut.map(|(part, v)| (v.joint, v.limit, part));
            assert_eq!(found, told, "{asked:?} after {last:?}");
            if let Some((_, v)) = cut {
                let i = usize::from(v.joint);
                assert_eq!(v.bound, got[i]);
                assert!(v.requested == asked[i] || asked[i].is_nan());
            }
        }
    }

    #[test]
    fn torques_are_cut_to_their_limits_and_rates_and_never_none() {
        let last = JointVector::zeros(2);
        for (asked, got, limit) in [
            (0.5, 0.5, None),
            (3.0, 1.0, Some(LimitKind::TorqueRate)),
            (-30.0, -1.0, Some(LimitKind::Torque)),
            (f64::NAN, 0.0, Some(LimitKind::Finite)),
            (f64::INFINITY, 0.0, Some(LimitKind::Finite)),
        ] {
            let mut tau = JointVector::from_fn(2, |i| if i == 0 { asked } else { 0.0 });
            let cut = clamp_torque(&limits(), &last, &mut tau, 0.001);
            assert_eq!(tau[0], got, "{asked}");
            assert_eq!(cut.map(|(_, v)| v.limit), limit, "{asked}");
        }
    }
}
