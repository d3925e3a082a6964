//! How fast a trajectory is run through: time scaling with a stop that always exists.
//!
//! A trajectory gives q(s). The core runs s(t) at the pace r = ds/dt, so that (primes are d/ds)
//!
//! ```text
//! dq   = q' r
//! ddq  = q'' r² + q' ṙ
//! dddq = q''' r³ + 3 q'' r ṙ + q' r̈
//! ```
//!
//! For every r two bounds follow from the whole trajectory, each the smallest over all its points:
//! g(r) on |ṙ|, so that the acceleration limit holds and 3 q'' r ṙ takes at most half of what q''' r³
//! leaves of the jerk limit; h(r) on |r̈|, which takes the other half. Both depend on r alone and grow
//! as r falls. So whatever point of the trajectory comes next, any pace can be slowed to zero within
//! them: a stop along the path exists at every instant, by construction. A trajectory that uses its
//! limits up leaves nothing at r = 1; it is therefore run slightly slower (`nominal`), by at most 2 %.
//! What the motors can give counts for both as well: steadily and, by further bounds on |ṙ| and |r̈|, while the pace
//! changes; and how fast their torques can change (`strain`).
//!
//! Two curves of greatest |ṙ| over r, one for falling and one for rising, make sure that ṙ itself can
//! be brought to zero in time (phase-plane integration as in Bobrow, Dubowsky and Gibson, 1985).
#![forbid(unsafe_code)]

use crate::course::Course;
use crate::report::LimitKind;
use crate::strain::{self, RATE_SHARES, Strain};
use types::motion::{TrajectoryPoint, quintic};
use types::{JointLimits, JointVector, Rejection};

mod borne;

/// Cells of the tables over r.
const CELLS: usize = 32;
/// What a motion may use of acceleration and jerk at its nominal pace; the rest is for stopping.
const ACCELERATION_SHARE: f64 = 0.96;
const JERK_SHARE: f64 = 0.94;
/// A motion that had to be slowed below this was not planned for this arm.
pub(crate) const SLOWEST_NOMINAL: f64 = 0.5;
/// Bounds on ṙ (1/s) and r̈ (1/s²) where the arm hardly moves and the limits say nothing.
const STEEPEST: f64 = 20.0;
const SHARPEST: f64 = 2000.0;
/// Kept back of g and h: the tables are made from samples, and ticks are discrete.
const RESERVE: f64 = 0.9;
/// Part of h that the braking curves plan with, the rest being left to the tracking of the curve.
const PLANNED: f64 = 0.8;
/// What a path that takes over from a motion may use of velocity, acceleration and jerk, and what it may together
/// with the blend from there: its own and at least so much more.
const JOINING_SHARES: [f64; 4] = [0.85, 0.6, 0.5, RATE_SHARES[1]];
const CAPS: [f64; 3] = [0.95, 0.8, 0.75];
const BLEND_ADDS: f64 = 0.25;
/// The joint, if it is one's, and the limit that make a path run slower than it was given.
pub(crate) type Slowed = Option<(Option<u8>, LimitKind)>;
/// Greatest first, second and third derivative per joint.
pub(crate) type Caps = [JointVector; 3];
/// How much of the limits the blend onto a trajectory's start uses (see `path`).
pub(crate) const BLEND_SHARE: f64 = 0.5;

/// The bounds of one trajectory, computed outside the real-time thread.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    /// The pace to run at when nothing slows the motion, 0.5 to 1.
    pub(crate) nominal: f64,
    /// The limit that made it less than one although the trajectory should have kept it, if any.
    pub(crate) slowed_by: Slowed,
    h: [f64; CELLS],
    /// Square of the greatest |ṙ| while r falls, at the nodes.
    falling2: [f64; CELLS + 1],
    /// The same while r rises.
    rising2: [f64; CELLS + 1],
    /// What a stop takes from even parts of the nominal pace, from none to all of it.
    stops: [StopWay; STOPS + 1],
}

/// What a path has to keep.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Bounds<'a> {
    pub(crate) limits: &'a [JointLimits],
    /// What it asks of the motors, all along.
    pub(crate) strains: &'a [Strain],
    /// The greatest pace there is, at most one.
    pub(crate) most: f64,
}

/// What a stop takes.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct StopWay {
    /// Path time that passes.
    pub(crate) s: f64,
    /// Time that passes, seconds.
    pub(crate) seconds: f64,
}

/// Parts of the nominal pace for which a stop is tried.
const STOPS: usize = 16;
/// Stops are tried in ticks of this length, seconds, and not for longer than so many.
const STOP_TICK: f64 = 0.001;
const STOP_TICKS: usize = 4000;

/// How fast a path may be run.
#[derive(Clone, Debug)]
pub(crate) struct Paces {
    /// From rest, if it begins there; else as `joining`.
    pub(crate) own: Pace,
    /// Where it takes over from a motion; `None` when it leaves no room for a blend.
    pub(crate) joining: Option<(Pace, Caps)>,
}

impl Paces {
    /// # Errors
    /// A [`Rejection`] for a trajectory that may be run neither from rest nor from a motion.
    pub(crate) fn of_trajectory(course: &Course, bounds: &Bounds<'_>) -> Result<Self, Rejection> {
        if course.start().len() == bounds.limits.len() && !course.starts_at_rest() {
            return Self::joining("trajectory", course, bounds);
        }
        let own = Pace::from_rest(course, bounds)?;
        Ok(Self { own, joining: Pace::joining("trajectory", course, bounds).ok() })
    }

    /// # Errors
    /// As [`Pace::joining`].
    pub(crate) fn of_chunk(course: &Course, bounds: &Bounds<'_>) -> Result<Self, Rejection> {
        Self::joining("chunk", course, bounds)
    }

    fn joining(what: &str, course: &Course, bounds: &Bounds<'_>) -> Result<Self, Rejection> {
        let (own, caps) = Pace::joining(what, course, bounds)?;
        Ok(Self { joining: Some((own.clone(), caps)), own })
    }

    /// The slower of both, where it runs at its nominal pace.
    pub(crate) fn slowest(&self) -> f64 {
        self.joining.iter().fold(self.own.nominal, |slowest, (pace, _)| pace.nominal.min(slowest))
    }
}

/// Derivatives of one joint at one point of the path, absolute values.
#[derive(Copy, Clone)]
struct Derivatives {
    /// The first with its sign.
    way: f64,
    first: f64,
    second: f64,
    third: f64,
}

impl Pace {
    /// Measures a trajectory that begins from rest, between its knots too.
    ///
    /// # Errors
    /// A [`Rejection`] when a joint leaves its range between two knots, when the trajectory does not begin at
    /// rest, or when it would have to run at less than half its speed to keep the limits.
    pub(crate) fn from_rest(course: &Course, bounds: &Bounds<'_>) -> Result<Self, Rejection> {
        let limits = bounds.limits;
        let points = course.points();
        let n = limits.len();
        if points[0].q.len() != n {
            return Err(Rejection::new(
                "trajectory.points[0].q",
                format!("{n} joints"),
                points[0].q.len().to_string(),
            ));
        }
        if !course.starts_at_rest() {
            return Err(Rejection::new(
                "trajectory.points[0].dq",
                "a first point at rest",
                format!("{:?}", points[0].dq),
            ));
        }
        let shares = [1.0, ACCELERATION_SHARE, JERK_SHARE, RATE_SHARES[0]];
        let (nominal, slowed_by) = fastest("trajectory", points, bounds, shares)?;
        let mut pace = Self::at(nominal, slowed_by);
        let mut g = [STEEPEST; CELLS];
        pace.bear(&mut g, bounds);
        for_each_sample(points, limits, |_, joint, d, _| {
            pace.tighten(&mut g, &limits[joint], d);
            Ok(())
        })?;
        for l in limits {
            let blend = Derivatives {
                way: 1.0,
                first: BLEND_SHARE * l.velocity,
                second: BLEND_SHARE * l.acceleration,
                third: BLEND_SHARE * l.jerk,
            };
            pace.tighten(&mut g, l, blend);
        }
        pace.finish(&g);
        Ok(pace)
    }

    /// For a path that takes over from a motion: slowed so that its own derivatives leave room for a blend.
    /// Returns, per joint, what path and blend together may use of position's derivatives over path time.
    ///
    /// # Errors
    /// A [`Rejection`] when it would have to run at less than half its speed.
    pub(crate) fn joining(
        what: &str,
        course: &Course,
        bounds: &Bounds<'_>,
    ) -> Result<(Self, Caps), Rejection> {
        let limits = bounds.limits;
        let (nominal, slowed_by) = fastest(what, course.points(), bounds, JOINING_SHARES)?;
        let mut greatest = [JointVector::zeros(limits.len()); 3];
        for_each_sample(course.points(), limits, |_, joint, d, _| {
            for (greatest, value) in greatest.iter_mut().zip([d.first, d.second, d.third]) {
                greatest[joint] = greatest[joint].max(value);
            }
            Ok(())
        })?;
        let mut pace = Self::at(nominal, slowed_by);
        let mut g = [STEEPEST; CELLS];
        pace.bear(&mut g, bounds);
        let mut caps = greatest;
        for (j, l) in limits.iter().enumerate() {
            for (k, bound) in [l.velocity, l.acceleration, l.jerk].into_iter().enumerate() {
                let own = bound / libm::pow(nominal, (k + 1) as f64);
                caps[k][j] = (greatest[k][j] + BLEND_ADDS * own).min(CAPS[k] * own);
            }
            let cap = Derivatives { way: 1.0, first: caps[0][j], second: caps[1][j], third: caps[2][j] };
            pace.tighten(&mut g, l, cap);
        }
        pace.finish(&g);
        Ok((pace, caps))
    }

    fn at(nominal: f64, slowed_by: Slowed) -> Self {
        Self {
            nominal,
            slowed_by,
            h: [SHARPEST; CELLS],
            falling2: [0.0; CELLS + 1],
            rising2: [0.0; CELLS + 1],
            stops: [StopWay::default(); STOPS + 1],
        }
    }

    fn finish(&mut self, g: &[f64; CELLS]) {
        self.integrate(g);
        for i in 1..=STOPS {
            self.stops[i] = self.stop_from(self.nominal * i as f64 / STOPS as f64);
        }
    }

    /// Whether a motion that runs so may go over to this pace.
    pub(crate) fn admits(&self, running: &Running) -> bool {
        let table = if running.rate < 0.0 { &self.falling2 } else { &self.rising2 };
        running.r <= self.nominal * (1.0 + 1e-9)
            && (running.rate == 0.0 || running.rate.abs() <= 0.95 * self.greatest(table, running.r))
    }

    fn stop_from(&self, r: f64) -> StopWay {
        let (mut running, mut way) = (Running { r, rate: 0.0 }, StopWay::default());
        for _ in 0..STOP_TICKS {
            if running == (Running { r: 0.0, rate: 0.0 }) {
                break;
            }
            way.s += running.step(self, 0.0, STOP_TICK);
            way.seconds += STOP_TICK;
        }
        way
    }

    /// What a stop from the nominal pace takes.
    pub(crate) fn longest_stop(&self) -> StopWay {
        self.stops[STOPS]
    }

    /// The part of the nominal pace from which `coast` seconds and the stop after them take less than `s` of path time,
    /// with a tenth to spare.
    pub(crate) fn part_within(&self, s: f64, coast: f64) -> f64 {
        let s = 0.9 * s;
        let takes = |i: usize| self.stops[i].s + coast * self.nominal * i as f64 / STOPS as f64;
        let Some(over) = (0..=STOPS).find(|i| takes(*i) > s) else { return 1.0 };
        let Some(under) = over.checked_sub(1) else { return 0.0 };
        let (a, b) = (takes(under), takes(over));
        (under as f64 + (s - a) / (b - a)) / STOPS as f64
    }

    fn width(&self) -> f64 {
        self.nominal / CELLS as f64
    }

    /// Lowers g and h to what this point leaves, at the upper edge of each cell, where least is left.
    fn tighten(&mut self, g: &mut [f64; CELLS], l: &JointLimits, d: Derivatives) {
        let width = self.width();
        for (i, (g, h)) in g.iter_mut().zip(&mut self.h).enumerate() {
            let r = width * (i + 1) as f64;
            let acceleration = l.acceleration - d.second * r * r;
            let jerk = 0.5 * (l.jerk - d.third * r * r * r);
            let by_jerk = jerk / (3.0 * d.second * r).max(1e-9);
            *g = g.min(RESERVE * (acceleration / d.first.max(1e-9)).min(by_jerk));
            *h = h.min(RESERVE * jerk / d.first.max(1e-9));
        }
    }

    /// The two curves: below g in both cells a node touches, and never steeper than h can follow.
    fn integrate(&mut self, g: &[f64; CELLS]) {
        let step = 2.0 * PLANNED * self.width();
        for i in 0..=CELLS {
            let bound = g[i.saturating_sub(1)].min(g[i.min(CELLS - 1)]);
            self.falling2[i] = bound * bound;
            self.rising2[i] = bound * bound;
        }
        self.falling2[0] = 0.0;
        for i in 1..=CELLS {
            self.falling2[i] = self.falling2[i].min(self.falling2[i - 1] + step * self.h[i - 1]);
        }
        self.rising2[CELLS] = 0.0;
        for i in (0..CELLS).rev() {
            self.rising2[i] = self.rising2[i].min(self.rising2[i + 1] + step * self.h[i]);
        }
    }

    fn cell(&self, r: f64) -> (usize, f64) {
        let x = (r / self.width()).clamp(0.0, CELLS as f64);
        let i = (x as usize).min(CELLS - 1);
        (i, x - i as f64)
    }

    fn h(&self, r: f64) -> f64 {
        self.h[self.cell(r).0]
    }

    fn greatest(&self, table: &[f64; CELLS + 1], r: f64) -> f64 {
        libm::sqrt(self.square(table, r))
    }

    /// The square of that.
    fn square(&self, table: &[f64; CELLS + 1], r: f64) -> f64 {
        let (i, part) = self.cell(r);
        table[i] + part * (table[i + 1] - table[i])
    }
}

/// The pace at which the shares of the limits are kept everywhere, at most one, and the joint and limit that
/// make it less although the path should have kept them.
fn fastest(
    what: &str,
    points: &[TrajectoryPoint],
    bounds: &Bounds<'_>,
    shares: [f64; 4],
) -> Result<(f64, Slowed), Rejection> {
    let limits = bounds.limits;
    let mut nominal = 1.0_f64;
    let mut slowed_by = None;
    for_each_sample(points, limits, |segment, joint, d, q| {
        let l = &limits[joint];
        let slack = 1e-6 * (l.upper - l.lower);
        if q.is_nan() || q < l.lower - slack || q > l.upper + slack {
            return Err(Rejection::new(
                format!("{what}.points[{segment}].q[{joint}]"),
                format!("{} to {} also after this point", l.lower, l.upper),
                q.to_string(),
            ));
        }
        for (value, limit, share, power, kind) in [
            (d.first, l.fastest(q, d.way), shares[0], 1.0, LimitKind::Velocity),
            (d.second, l.acceleration, shares[1], 0.5, LimitKind::Acceleration),
            (d.third, l.jerk, shares[2], 1.0 / 3.0, LimitKind::Jerk),
        ] {
            if value.is_nan() || value > share * limit {
                // What is no number leaves no pace at all.
                let pace = if value.is_nan() { 0.0 } else { libm::pow(share * limit / value, power) };
                if pace < nominal {
                    nominal = pace;
                    slowed_by = (value > 1.001 * limit).then_some((Some(joint as u8), kind));
                }
            }
        }
        if nominal < SLOWEST_NOMINAL {
            return Err(Rejection::new(
                format!("{what}.points[{segment}]"),
                format!("within velocity {}, acceleration {}, jerk {}", l.velocity, l.acceleration, l.jerk),
                format!("joint {joint}: {}, {}, {} after this point", d.first, d.second, d.third),
            ));
        }
        Ok(())
    })?;
    if bounds.most < nominal {
        (nominal, slowed_by) = (bounds.most, Some((None, LimitKind::ToolSpeed)));
    }
    strain::bearable(what, bounds, (nominal, shares[3]), slowed_by)
}

/// Calls `f(segment, joint, derivatives, q)` at the ends of every segment and between.
fn for_each_sample(
    points: &[TrajectoryPoint],
    limits: &[JointLimits],
    mut f: impl FnMut(usize, usize, Derivatives, f64) -> Result<(), Rejection>,
) -> Result<(), Rejection> {
    for (k, pair) in points.windows(2).enumerate() {
        let (a, b) = (&pair[0], &pair[1]);
        let h = b.t - a.t;
        // Four per knot where knots are dense; where they are sparse, enough for a quintic.
        let samples = libm::ceil(h / 0.002).clamp(4.0, 64.0) as usize;
        for joint in 0..limits.len() {
            let c = quintic(a, b, joint);
            for i in 0..=samples {
                let s = h * i as f64 / samples as f64;
                let q = c[0] + s * (c[1] + s * (c[2] + s * (c[3] + s * (c[4] + s * c[5]))));
                let first = c[1] + s * (2.0 * c[2] + s * (3.0 * c[3] + s * (4.0 * c[4] + s * 5.0 * c[5])));
                let second = 2.0 * c[2] + s * (6.0 * c[3] + s * (12.0 * c[4] + s * 20.0 * c[5]));
                let third = 6.0 * c[3] + s * (24.0 * c[4] + s * 60.0 * c[5]);
                let d =
                    Derivatives { way: first, first: first.abs(), second: second.abs(), third: third.abs() };
                f(k, joint, d, q)?;
            }
        }
    }
    Ok(())
}

/// The pace and its rate at this instant.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Running {
    /// r.
    pub(crate) r: f64,
    /// ṙ, 1/s.
    pub(crate) rate: f64,
}

impl Running {
    /// One step of `dt` seconds towards the pace `target`; returns the path time that passes in it.
    pub(crate) fn step(&mut self, pace: &Pace, target: f64, dt: f64) -> f64 {
        // Below this goes on at its pace just so, to the bit.
        if self.r == target && self.rate == 0.0 && target >= 0.0 {
            *self = Self { r: target, rate: 0.0 };
            return dt * target;
        }
        let h = pace.h(self.r.max(target));
        let bend = self.towards(pace, target, h, dt);
        let advanced = dt * (self.r + dt * (0.5 * self.rate + dt * bend / 6.0));
        self.r += dt * (self.rate + 0.5 * dt * bend);
        self.rate += dt * bend;
        if (self.r - target).abs() < 1e-12 && self.rate.abs() < 1e-9 {
            *self = Self { r: target, rate: 0.0 };
        }
        advanced.max(0.0)
    }

    /// r̈ for the next `dt`, at most `h`.
    fn towards(&self, pace: &Pace, target: f64, h: f64, dt: f64) -> f64 {
        let x = self.r - target;
        // Two steps that end exactly at the target, at rest, if both are within the bound.
        let first = -x / (dt * dt) - 1.5 * self.rate / dt;
        if first.abs() <= h && (x / (dt * dt) + 0.5 * self.rate / dt).abs() <= h {
            return first;
        }
        let ahead = self.r + self.rate * dt;
        let rest = target - ahead;
        let table = if rest < 0.0 { &pace.falling2 } else { &pace.rising2 };
        // The lesser root is the root of the lesser.
        let fastest = libm::sqrt(pace.square(table, ahead).min(2.0 * PLANNED * h * rest.abs()));
        let wanted = if rest < 0.0 { -fastest } else { fastest };
        ((wanted - self.rate) / dt).clamp(-h, h)
    }
}

#[cfg(test)]
mod tests;
