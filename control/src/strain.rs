//! What a motion asks of the motors.
//!
//! A path q(s) that is run at the pace r = ds/dt takes the torques
//!
//! ```text
//! tau = a ṙ + b r² + d r + g      a = M q',  b = M q'' + C(q, q') q',  d = D q',  g = gravity
//! ```
//!
//! (Bobrow, Dubowsky and Gibson, Time-optimal control of robotic manipulators along specified paths, 1985,
//! with viscous friction). While it is run they change by
//!
//! ```text
//! dtau/dt = a r̈ + ((a' + 2 b) r + d) ṙ + b' r³ + d' r² + g' r
//! ```
//!
//! in a second, and motors can do that only so fast either ([`Change`]).
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
const STEP_S: f64 = 0.0025;
const MOST_PLACES: f64 = 20_000.0;
/// What a single place may take where there may be worse ones between it and the next.
const PLACE_SHARE: f64 = 0.999;
/// Of the places of a blend one in so many is looked at.
const BLEND_STEP: usize = 2;

/// What of a torque's rate a path may take from rest, and where it takes over from a motion, while it goes at its pace.
pub(crate) const RATE_SHARES: [f64; 2] = [0.8, 0.5];

/// What of a torque's rate all together may take: between two places that are looked at there may be worse.
pub(crate) const RATE_SHARE: f64 = 0.9;
/// What r̈ may take of what is left then: the inertia is in its way, in that of ṙ little but Coriolis forces.
const BEND_SHARE: f64 = 0.75;

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

/// How the torques of all joints change from one place of a path to the next.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Change {
    /// Path time of the first, seconds.
    pub(crate) s: f64,
    /// |a|, and the two terms beside ṙ.
    by_bend: JointVector,
    by_rate: [JointVector; 2],
    /// |b'|, |d'|, |g'|.
    by_pace: [JointVector; 3],
}

impl Change {
    /// From `from` to `to`, a little later on the same path.
    pub(crate) fn between(from: &Strain, to: &Strain) -> Self {
        let step = (to.s - from.s).max(1e-9);
        let each = |f: &dyn Fn(usize) -> f64| JointVector::from_fn(from.at_rest.len(), f);
        let slope = |of: fn(&Strain) -> &JointVector, j: usize| (of(to)[j] - of(from)[j]).abs() / step;
        let most = |of: fn(&Strain) -> &JointVector, j: usize| of(to)[j].abs().max(of(from)[j].abs());
        let turning =
            |at: &Strain, j: usize| ((to.by_rate[j] - from.by_rate[j]) / step + 2.0 * at.by_square[j]).abs();
        Self {
            s: from.s,
            by_bend: each(&|j| most(|x| &x.by_rate, j)),
            by_rate: [each(&|j| turning(from, j).max(turning(to, j))), each(&|j| most(|x| &x.by_pace, j))],
            by_pace: [
                each(&|j| slope(|x| &x.by_square, j)),
                each(&|j| slope(|x| &x.by_pace, j)),
                each(&|j| slope(|x| &x.at_rest, j)),
            ],
        }
    }

    /// All along a path, load by load.
    pub(crate) fn along(strains: &[Strain]) -> impl Iterator<Item = Self> + '_ {
        let loads = strains.iter().take_while(|strain| strain.s == strains[0].s).count();
        strains.iter().zip(strains.iter().skip(loads)).map(|(from, to)| Self::between(from, to))
    }

    /// A bound on how fast a joint's torque changes at the steady pace `r`, N·m/s (N/s); it grows with `r`.
    pub(crate) fn steady(&self, joint: usize, r: f64) -> f64 {
        let [square, pace, rest] = &self.by_pace;
        r * (rest[joint] + r * (pace[joint] + r * square[joint]))
    }

    /// What of it is in every 1/s of ṙ, N·m (N), at the pace `r` at most, and in every 1/s² of r̈.
    fn per(&self, joint: usize, r: f64) -> [f64; 2] {
        [self.by_rate[0][joint] * r + self.by_rate[1][joint], self.by_bend[joint]]
    }

    /// The greatest |ṙ| (1/s) and |r̈| (1/s²) at any pace up to `r` with which this joint's torque changes by `most` in a
    /// second, both together.
    pub(crate) fn steepest(&self, joint: usize, r: f64, most: f64) -> [f64; 2] {
        let left = (most - self.steady(joint, r)).max(0.0);
        let [by_rate, by_bend] = self.per(joint, r);
        [(1.0 - BEND_SHARE) * left / by_rate.max(1e-12), BEND_SHARE * left / by_bend.max(1e-12)]
    }

    /// How fast a joint's torque changes at most at the pace `r` that changes by `rate`, itself by `bend` in a second.
    pub(crate) fn asks(&self, joint: usize, r: f64, [rate, bend]: [f64; 2]) -> f64 {
        let [by_rate, by_bend] = self.per(joint, r);
        self.steady(joint, r) + by_rate * rate + by_bend * bend
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
    (most, rate_share): (f64, f64),
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
            let low = quickest_that(nominal, |r| strain.greatest(joint, r) <= share);
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
    for change in Change::along(bounds.strains) {
        for (joint, l) in bounds.limits.iter().enumerate() {
            let share = rate_share * l.torque_rate;
            if change.steady(joint, nominal) <= share {
                continue;
            }
            let asked = change.steady(joint, most);
            if asked > 1.001 * l.torque_rate {
                slowed_by = Some((Some(joint as u8), LimitKind::TorqueRate));
            }
            let low = quickest_that(nominal, |r| change.steady(joint, r) <= share);
            if low < SLOWEST_NOMINAL {
                return Err(Rejection::new(
                    format!("{what} at {:.3} s", change.s),
                    format!("what the torque of joint {joint} can change by, {share:.0} N·m (N) in a second"),
                    format!("{asked:.0}, and {:.0} at half its speed", change.steady(joint, 0.5 * most)),
                ));
            }
            nominal = low;
        }
    }
    Ok((nominal, slowed_by))
}

/// The greatest pace up to `most` at which what `fits` does, where it does at every lesser one.
fn quickest_that(most: f64, fits: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, most);
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        if fits(middle) { low = middle } else { high = middle }
    }
    low
}

/// Whether the motors can give what it takes to go over onto the path of `job`, and to stop on the way.
pub(crate) fn blend_is_borne(arm: &Arm, data: &mut ArmData, job: &Job, width_m: f64) -> bool {
    let (mut most, mut before) = (None, None::<Strain>);
    job.along_blend().step_by(BLEND_STEP).all(|(s, d)| {
        let strain = Strain::at(arm, data, s, [&d[0], &d[1], &d[2]], width_m);
        let strains = core::slice::from_ref(&strain);
        let most = most.get_or_insert_with(|| torques(&Bounds { limits: arm.limits(), strains, most: 1.0 }));
        let change = before.replace(strain).map(|before| Change::between(&before, &strain));
        job.pace.is_borne(&strain, most)
            && change.is_none_or(|change| job.pace.is_followed(&change, arm.limits()))
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
    fn on_the_way_torques_change_as_inverse_dynamics_says_and_no_faster_than_is_told() {
        let arm = arm();
        let mut data = ArmData::new(&arm);
        // q(s) is a polynomial of the third degree, and r(t) one of the second.
        let d = |k: usize| joints(|j| libm::sin((3 * k + j) as f64) * [1.0, 0.6, 1.5, 3.0][k]);
        let at = |s: f64| {
            let sum = |f: [f64; 4]| joints(|j| (0..4).map(|k| f[k] * d(k)[j]).sum());
            [
                sum([1.0, s, 0.5 * s * s, s * s * s / 6.0]),
                sum([0.0, 1.0, s, 0.5 * s * s]),
                sum([0.0, 0.0, 1.0, s]),
            ]
        };
        let mut place = |s: f64| {
            let [q, d1, d2] = at(s);
            Strain::at(&arm, &mut data, s, [&q, &d1, &d2], 0.04)
        };
        let h = 1e-4;
        let change = Change::between(&place(-h), &place(h));
        let mut data = ArmData::new(&arm);
        for (r, rate, bend) in [(1.0, 0.0, 0.0), (0.8, -2.0, 0.0), (0.6, 3.0, 40.0), (0.9, -3.0, -60.0)] {
            let mut tau = |t: f64| {
                let [s, r, rate] = [
                    t * (r + t * (0.5 * rate + t * bend / 6.0)),
                    r + t * (rate + 0.5 * t * bend),
                    rate + t * bend,
                ];
                let [q, d1, d2] = at(s);
                let (dq, ddq) = (joints(|j| d1[j] * r), joints(|j| d2[j] * r * r + d1[j] * rate));
                let mut tau = JointVector::zeros(N);
                inverse_dynamics(&arm, &mut data, &q, &dq, &ddq, 0.04, &mut tau);
                tau
            };
            let (before, after) = (tau(-h), tau(h));
            for j in 0..N {
                let is = (after[j] - before[j]).abs() / (2.0 * h);
                let told = change.asks(j, r, [rate.abs(), bend.abs()]);
                assert!(is <= told * (1.0 + 1e-3) + 1e-3, "joint {j}: {is}, told {told}");
                // All terms are added up as if they had the same sign.
                assert!(told < 6.0 * is + 12.0, "joint {j}: {is}, told {told}");
                // What may be taken of a rate is what is within it.
                let [rate, bend] = change.steepest(j, r, 2.0 * told);
                assert!((change.asks(j, r, [rate, bend]) - 2.0 * told).abs() < 1e-6 * told);
            }
            assert!((0..N).all(|j| change.steepest(j, r, 0.5 * change.steady(j, r)) == [0.0; 2]));
        }
    }

    #[test]
    fn every_load_is_followed_along_a_path_by_itself() {
        let at = |s: f64, load: f64| Strain {
            s,
            by_rate: JointVector::from_fn(1, |_| load),
            by_square: JointVector::zeros(1),
            by_pace: JointVector::zeros(1),
            at_rest: JointVector::from_fn(1, |_| load * s),
        };
        let strains = [(0.0, 1.0), (0.0, 5.0), (0.1, 1.0), (0.1, 5.0), (0.3, 1.0), (0.3, 5.0)];
        let strains = strains.map(|(s, load)| at(s, load));
        let changes: Vec<_> = Change::along(&strains).map(|c| (c.s, c.steady(0, 1.0))).collect();
        assert_eq!(changes.len(), 4);
        for ((s, steady), (at, load)) in changes.iter().zip([(0.0, 1.0), (0.0, 5.0), (0.1, 1.0), (0.1, 5.0)])
        {
            assert!(*s == at && (steady - load).abs() < 1e-12, "{changes:?}");
        }
        assert_eq!(Change::along(&[]).count(), 0);
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
