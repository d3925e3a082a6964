//! What a motion asks of the motors.
//!
//! A path q(s) that is run at the pace r = ds/dt takes the torques
//!
//! ```text
//! tau = a ṙ + b r² + d r + g      a = M q',  b = M q'' + C(q, q') q',  d = D q',  g = gravity
//! ```
//!
//! (Bobrow, Dubowsky and Gibson, Time-optimal control of robotic manipulators along specified paths, 1985,
//! with viscous friction). How fast they change is not looked at here: the last wall cuts that
//! (`limiter::clamp_torque`), and a stop that waited for the motors would be longer.
#![forbid(unsafe_code)]

use crate::course::Course;
use crate::pace::{Bounds, SLOWEST_NOMINAL, Slowed};
use crate::path::{Job, Reference};
use crate::payload::Payload;
use crate::report::LimitKind;
use mechanics::{Arm, ArmData, inverse_dynamics};
use types::{JointLimits, JointVector, Rejection};

/// What of a torque a motion may take while it goes at its pace; the rest is for stopping.
const TORQUE_SHARE: f64 = 0.96;
/// Where the motors have hardly anything left to hold the arm they may be asked for so many times what holds it: it would
/// be caught there. What is beyond their limits the last wall cuts.
const HELD: f64 = 1.1;
/// Torques are looked at this often along a path, seconds of path time, and so often at most.
const STEP_S: f64 = 0.005;
const MOST_PLACES: f64 = 20_000.0;
/// What a single place may take where there may be worse ones between it and the next.
const PLACE_SHARE: f64 = 0.999;
/// Of the places of a blend one in so many is looked at.
const BLEND_STEP: usize = 2;

/// The torques of all joints at one place of a path, as they depend on its pace.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Strain {
    /// Path time, seconds.
    pub(crate) s: f64,
    by_rate: JointVector,
    by_square: JointVector,
    by_pace: JointVector,
    at_rest: JointVector,
}

impl Strain {
    /// At path time `s`, where the arm is at `q`, and the first two derivatives are `d1` and `d2`, with what `data`
    /// carries.
    pub(crate) fn at(
        arm: &Arm,
        data: &mut ArmData,
        s: f64,
        [q, d1, d2]: [&JointVector; 3],
        width_m: f64,
    ) -> Self {
        let zero = JointVector::zeros(q.len());
        let back = JointVector::from_fn(q.len(), |j| -d1[j]);
        let mut tau = |dq: &JointVector, ddq: &JointVector| {
            let mut out = zero;
            inverse_dynamics(arm, data, q, dq, ddq, width_m, &mut out);
            out
        };
        let (at_rest, speeding_up) = (tau(&zero, &zero), tau(&zero, d1));
        // Inertia does not tell there from back; friction does.
        let (there, again) = (tau(d1, d2), tau(&back, d2));
        let of = |f: &dyn Fn(usize) -> f64| JointVector::from_fn(q.len(), f);
        Self {
            s,
            by_rate: of(&|j| speeding_up[j] - at_rest[j]),
            by_square: of(&|j| 0.5 * (there[j] + again[j]) - at_rest[j]),
            by_pace: of(&|j| 0.5 * (there[j] - again[j])),
            at_rest,
        }
    }

    /// All along a path, once with empty hands and once with each of `loads`.
    pub(crate) fn along(
        course: &Course,
        arm: &Arm,
        loads: impl Iterator<Item = Payload>,
        width_m: f64,
    ) -> Vec<Self> {
        let loaded = |load: Payload| {
            let mut data = ArmData::new(arm);
            data.carry(arm, load.mass_kg, &load.center_m.into());
            data
        };
        let mut loads: Vec<ArmData> = core::iter::once(Payload::default()).chain(loads).map(loaded).collect();
        let n = libm::ceil(course.duration() / STEP_S).clamp(1.0, MOST_PLACES) as usize;
        let mut all = Vec::with_capacity((n + 1) * loads.len());
        for k in 0..=n {
            let s = course.duration() * k as f64 / n as f64;
            let [q, d1, d2, _] = course.at(s);
            all.extend(loads.iter_mut().map(|data| Self::at(arm, data, s, [&q, &d1, &d2], width_m)));
        }
        all
    }

    /// The torque of a joint at the steady pace `r`, N·m (N).
    pub(crate) fn steady(&self, joint: usize, r: f64) -> f64 {
        self.at_rest[joint] + r * (self.by_pace[joint] + r * self.by_square[joint])
    }

    /// The greatest of them at any pace up to `r`, N·m (N).
    pub(crate) fn greatest(&self, joint: usize, r: f64) -> f64 {
        // At an end, or where the parabola turns.
        let turn = -0.5 * self.by_pace[joint] / self.by_square[joint];
        let turn = if turn > 0.0 && turn < r { turn } else { 0.0 };
        [0.0, turn, r].into_iter().fold(0.0, |m, r| self.steady(joint, r).abs().max(m))
    }

    /// What a joint has to give at the pace `r` that changes by `rate` in a second, either way, N·m (N).
    pub(crate) fn asks(&self, joint: usize, r: f64, rate: f64) -> f64 {
        self.steady(joint, r).abs() + self.by_rate[joint].abs() * rate
    }

    /// How fast the pace may change at any pace up to `r`, 1/s, where this joint may give `torque`; not at all where what
    /// is there already takes all of it.
    pub(crate) fn steepest(&self, joint: usize, r: f64, torque: f64) -> f64 {
        let left = torque - self.greatest(joint, r);
        (left / self.by_rate[joint].abs().max(1e-12)).max(0.0)
    }
}

/// What each joint may give along a path: its limit, and what it needs where the arm stands at the beginning, and a bit.
pub(crate) fn torques(bounds: &Bounds<'_>) -> JointVector {
    let first = bounds.strains.first().map_or(0.0, |strain| strain.s);
    let begin = bounds.strains.iter().take_while(|strain| strain.s == first);
    let limits = JointVector::from_fn(bounds.limits.len(), |j| bounds.limits[j].torque);
    begin.fold(limits, |most, strain| {
        JointVector::from_fn(most.len(), |j| most[j].max(HELD * strain.at_rest[j].abs()))
    })
}

/// The pace, at most `most`, at which the motors can give what the path takes while nothing changes, and a little
/// more.
///
/// # Errors
/// A [`Rejection`] when it is less than half of its speed.
pub(crate) fn bearable(
    what: &str,
    bounds: &Bounds<'_>,
    most: f64,
    mut slowed_by: Slowed,
) -> Result<(f64, Slowed), Rejection> {
    let mut nominal = most;
    let torques = torques(bounds);
    for strain in bounds.strains {
        for (joint, torque) in torques.iter().enumerate() {
            let share = TORQUE_SHARE * torque;
            let asked = strain.greatest(joint, most);
            if asked > 1.001 * torque {
                slowed_by = Some((Some(joint as u8), LimitKind::Torque));
            }
            if asked <= share || strain.greatest(joint, nominal) <= share {
                continue;
            }
            let (mut low, mut high) = (0.0, nominal);
            for _ in 0..30 {
                let middle = 0.5 * (low + high);
                if strain.greatest(joint, middle) <= share { low = middle } else { high = middle }
            }
            if low < SLOWEST_NOMINAL {
                return Err(Rejection::new(
                    format!("{what} at {:.3} s", strain.s),
                    format!("what joint {joint} can give, {share:.3} N·m (N) and a little to stop with"),
                    format!("{:.3} at rest, {asked:.3} on its way", strain.steady(joint, 0.0).abs()),
                ));
            }
            nominal = low;
        }
    }
    Ok((nominal, slowed_by))
}

/// Whether the motors can give what it takes to go over onto the path of `job`, and to stop on the way.
pub(crate) fn blend_is_borne(arm: &Arm, data: &mut ArmData, job: &Job, width_m: f64) -> bool {
    let mut most = None;
    job.along_blend().step_by(BLEND_STEP).all(|(s, d)| {
        let strain = Strain::at(arm, data, s, [&d[0], &d[1], &d[2]], width_m);
        let strains = core::slice::from_ref(&strain);
        let most = most.get_or_insert_with(|| torques(&Bounds { limits: arm.limits(), strains, most: 1.0 }));
        job.pace.is_borne(&strain, most)
    })
}

/// Whether the motors can give what `next` takes. Beyond what they can, as the arm was at `last` or stands there, it may
/// become less, or stay as much where holding it becomes no harder.
pub(crate) fn is_borne(
    arm: &Arm,
    data: &mut ArmData,
    (last, next): (&Reference, &Reference),
    width_m: f64,
) -> bool {
    let mut of = |r: &Reference| {
        let mut tau = JointVector::zeros(r.q.len());
        inverse_dynamics(arm, data, &r.q, &r.dq, &r.ddq, width_m, &mut tau);
        tau
    };
    let tau = of(next);
    let beyond = |tau: &JointVector, j: usize, l: &JointLimits| tau[j].abs() > PLACE_SHARE * l.torque;
    if !arm.limits().iter().enumerate().any(|(j, l)| beyond(&tau, j, l)) {
        return true;
    }
    let (before, held) = (of(last), of(&Reference::at_rest(last.q)));
    let there = of(&Reference::at_rest(next.q));
    arm.limits().iter().enumerate().all(|(j, l)| {
        let held = held[j].abs();
        let is_no_harder = HELD * held > l.torque && there[j].abs() <= held * (1.0 + 1e-9);
        !beyond(&tau, j, l) || tau[j].abs() < before[j].abs() || (is_no_harder && tau[j].abs() <= HELD * held)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::{N, arm};

    fn joints(f: impl Fn(usize) -> f64) -> JointVector {
        JointVector::from_fn(N, f)
    }

    #[test]
    fn at_any_pace_a_place_takes_what_inverse_dynamics_says() {
        let arm = arm();
        let mut data = ArmData::new(&arm);
        let (q, d1, d2) =
            (joints(|j| 0.3 - 0.1 * j as f64), joints(|j| 0.5 + 0.1 * j as f64), joints(|j| 2.0 - j as f64));
        let strain = Strain::at(&arm, &mut data, 1.5, [&q, &d1, &d2], 0.04);
        assert_eq!(strain.s, 1.5);
        for (r, rate) in [(0.0, 0.0), (1.0, 0.0), (0.5, 3.0), (0.9, -2.0), (0.0, 5.0)] {
            let (dq, ddq) = (joints(|j| d1[j] * r), joints(|j| d2[j] * r * r + d1[j] * rate));
            let mut tau = JointVector::zeros(N);
            inverse_dynamics(&arm, &mut data, &q, &dq, &ddq, 0.04, &mut tau);
            for j in 0..N {
                let told = strain.steady(j, r) + strain.by_rate[j] * rate;
                assert!((told - tau[j]).abs() < 1e-9, "joint {j}, {r}, {rate}: {told} for {}", tau[j]);
                let most = strain.asks(j, r, rate.abs());
                assert!(most >= tau[j].abs() - 1e-9);
                let back = (strain.steady(j, r) - strain.by_rate[j] * rate).abs();
                assert!((most - tau[j].abs().max(back)).abs() < 1e-9, "the greater of both ways");
            }
        }
    }

    #[test]
    fn what_is_left_for_a_change_of_pace_is_what_no_slower_pace_takes() {
        let one = |v: f64| JointVector::from_fn(1, |_| v);
        // Least in the middle of its way: -6 at rest, -7 at r = 1/2, -6 at r = 1, 2 at r = 2.
        let strain = Strain {
            s: 0.0,
            by_rate: one(-2.0),
            by_square: one(4.0),
            by_pace: one(-4.0),
            at_rest: one(-6.0),
        };
        for (r, most) in [(0.0, 6.0), (0.5, 7.0), (1.0, 7.0), (2.0, 7.0)] {
            assert!((strain.greatest(0, r) - most).abs() < 1e-12, "{r}");
            assert!((strain.steepest(0, r, 10.0) - 0.5 * (10.0 - most)).abs() < 1e-12);
            assert_eq!(strain.steepest(0, r, 5.0), 0.0);
        }
    }

    #[test]
    fn a_motion_beyond_the_motors_may_only_become_less_so() {
        let arm = arm();
        let mut data = ArmData::new(&arm);
        let sharp = |a: f64| Reference {
            ddq: joints(|j| if j == 0 { a } else { 0.0 }),
            ..Reference::at_rest(arm.home())
        };
        let mut may = |last: f64, next: f64| is_borne(&arm, &mut data, (&sharp(last), &sharp(next)), 0.04);
        assert!(may(0.0, 1.0) && may(0.0, -1.0));
        assert!(!may(0.0, 1e4) && !may(1e4, 1e4) && !may(1e4, -1.1e4));
        assert!(may(1e4, 0.9e4) && may(1e4, 0.0));
    }
}
