//! From a rounded polyline with its speeds to knots in time.

use super::ScaledLimits;
use super::polyline::Rounded;
use super::scalar::Phase;
use types::JointVector;
use types::motion::{CLOSEST_POINTS_S, TrajectoryPoint};

/// The widest distance of two knots, seconds.
const SPACING_S: f64 = 0.01;
/// About the most knots; a longer motion has wider distances.
const MOST_KNOTS: f64 = 50_000.0;

/// A stretch of time in which every joint is a polynomial of time of at most fourth degree.
enum Arc {
    /// Along a leg, s as a constant-jerk phase.
    Straight { leg_idx: usize, start: f64, phase: Phase },
    /// Round the corner behind a leg at constant speed.
    Curve { leg_idx: usize },
}

impl Arc {
    fn duration(&self, rounded: &Rounded<'_>) -> f64 {
        match self {
            Self::Straight { phase, .. } => phase.duration,
            Self::Curve { leg_idx } => 2.0 * rounded.corners[*leg_idx].cut / rounded.corners[*leg_idx].speed,
        }
    }

    fn at(&self, rounded: &Rounded<'_>, tau: f64, t: f64) -> TrajectoryPoint {
        match self {
            Self::Straight { leg_idx, start, phase } => {
                let leg = &rounded.legs[*leg_idx];
                let [s, v, a] = phase.at(tau);
                let s = s + start;
                let n = leg.from.len();
                // Measured from the nearer end, so that both ends are met exactly.
                let (origin, s) =
                    if s > 0.5 * leg.length { (&leg.to, s - leg.length) } else { (&leg.from, s) };
                TrajectoryPoint {
                    t,
                    q: JointVector::from_fn(n, |j| origin[j] + leg.direction[j] * s),
                    dq: JointVector::from_fn(n, |j| leg.direction[j] * v),
                    ddq: JointVector::from_fn(n, |j| leg.direction[j] * a),
                }
            }
            Self::Curve { leg_idx } => {
                let corner = &rounded.corners[*leg_idx];
                let (before, behind) = (&rounded.legs[*leg_idx], &rounded.legs[*leg_idx + 1]);
                let (length, v) = (2.0 * corner.cut, corner.speed);
                let x = (tau * v / length).clamp(0.0, 1.0);
                // The smoothstep, its integral and its derivative.
                let w = x * x * (3.0 - 2.0 * x);
                let integral = length * x * x * x * (1.0 - 0.5 * x);
                let slope = 6.0 * x * (1.0 - x) / length;
                let n = before.from.len();
                let (u, d) = (&before.direction, &behind.direction);
                TrajectoryPoint {
                    t,
                    q: JointVector::from_fn(n, |j| {
                        before.to[j] + u[j] * (x * length - integral - corner.cut) + d[j] * integral
                    }),
                    dq: JointVector::from_fn(n, |j| v * (u[j] + w * (d[j] - u[j]))),
                    ddq: JointVector::from_fn(n, |j| v * v * slope * (d[j] - u[j])),
                }
            }
        }
    }
}

/// Knots at the ends of every arc, and in between where they would lie too far apart.
pub(super) fn knots(rounded: &Rounded<'_>, limits: &ScaledLimits) -> Vec<TrajectoryPoint> {
    let mut arcs = Vec::new();
    for (leg_idx, profile) in rounded.profiles.iter().enumerate() {
        let start = if leg_idx == 0 { 0.0 } else { rounded.corners[leg_idx - 1].cut };
        arcs.extend(profile.phases().iter().map(|phase| Arc::Straight { leg_idx, start, phase: *phase }));
        if rounded.corners.get(leg_idx).is_some_and(|c| c.cut > 0.0) {
            arcs.push(Arc::Curve { leg_idx });
        }
    }
    let total = rounded.duration();
    let spacing = SPACING_S.max(total / MOST_KNOTS);
    let narrowest = narrowest(rounded, limits);
    let (first, last) = (&rounded.legs[0], &rounded.legs[rounded.legs.len() - 1]);
    let zero = JointVector::zeros(limits.len());
    let mut points = vec![TrajectoryPoint { t: 0.0, q: first.from, dq: zero, ddq: zero }];
    let mut begin = 0.0;
    let mut last_t = 0.0;
    for arc in &arcs {
        let duration = arc.duration(rounded);
        // A knot that stands too close to the one before is left out: its arc is too short to matter,
        // and a quintic over next to no time is mostly rounding.
        let n_parts = (duration / spacing).ceil().max(1.0) as usize;
        for part in 1..=n_parts {
            let tau = if part == n_parts { duration } else { duration * part as f64 / n_parts as f64 };
            if begin + tau - last_t >= narrowest {
                last_t = begin + tau;
                points.push(arc.at(rounded, tau, last_t));
            }
        }
        begin += duration;
    }
    if points.len() > 1 && begin - last_t < narrowest {
        points.pop();
    }
    let earliest = points[points.len() - 1].t + 2.0 * CLOSEST_POINTS_S;
    points.push(TrajectoryPoint { t: begin.max(earliest), q: last.to, dq: zero, ddq: zero });
    keep_limits(&mut points, limits);
    points
}

/// The narrowest distance of two knots, seconds. The jerk of a quintic over `h` seconds carries an
/// error of about 60 ulp(q) / h³ from the rounding of its ends; this keeps it at a percent.
fn narrowest(rounded: &Rounded<'_>, limits: &ScaledLimits) -> f64 {
    let mut h: f64 = 0.0;
    for j in 0..limits.len() {
        let farthest =
            rounded.legs.iter().fold(0.0f64, |m, leg| m.max(leg.from[j].abs()).max(leg.to[j].abs()));
        h = h.max(libm::cbrt(6000.0 * f64::EPSILON * farthest / limits.jerk[j]));
    }
    h
}

/// Stretches time until no quintic between two knots exceeds a limit. Stretching by k divides
/// velocity by k, acceleration by k², jerk by k³.
fn keep_limits(points: &mut [TrajectoryPoint], limits: &ScaledLimits) {
    for _ in 0..8 {
        let mut stretch: f64 = 1.0;
        for pair in points.windows(2) {
            stretch = stretch.max(needed_stretch(&pair[0], &pair[1], limits));
        }
        // Within the hair that the limits were drawn in by.
        if stretch <= 1.0 + 1e-7 {
            return;
        }
        for p in points.iter_mut() {
            p.t *= stretch;
            for v in p.dq.iter_mut() {
                *v /= stretch;
            }
            for v in p.ddq.iter_mut() {
                *v /= stretch * stretch;
            }
        }
    }
}

/// How much slower the quintic from `a` to `b` must run to keep the limits; at most 1 when it does.
fn needed_stretch(a: &TrajectoryPoint, b: &TrajectoryPoint, limits: &ScaledLimits) -> f64 {
    let h = b.t - a.t;
    let mut worst: f64 = 1.0;
    for j in 0..limits.len() {
        let [velocity, acceleration, jerk] = Quintic::new(a, b, j).largest();
        worst = worst.max(velocity / h / limits.velocity[j]);
        worst = worst.max((acceleration / (h * h) / limits.acceleration[j]).sqrt());
        worst = worst.max(libm::cbrt(jerk / (h * h * h) / limits.jerk[j]));
    }
    worst
}

/// The quintic of one joint between two knots `h` apart, in powers of x = (t − a.t) / h from 0 to 1.
struct Quintic {
    /// Coefficients of x to x⁵.
    c: [f64; 5],
}

impl Quintic {
    fn new(a: &TrajectoryPoint, b: &TrajectoryPoint, j: usize) -> Self {
        let h = b.t - a.t;
        let (c1, c2) = (a.dq[j] * h, 0.5 * a.ddq[j] * h * h);
        let dp = b.q[j] - (a.q[j] + c1 + c2);
        let dv = b.dq[j] * h - (c1 + 2.0 * c2);
        let da = b.ddq[j] * h * h - 2.0 * c2;
        let c3 = 10.0 * dp - 4.0 * dv + 0.5 * da;
        let c4 = -15.0 * dp + 7.0 * dv - da;
        let c5 = 6.0 * dp - 3.0 * dv + 0.5 * da;
        Self { c: [c1, c2, c3, c4, c5] }
    }

    fn velocity(&self, x: f64) -> f64 {
        let [c1, c2, c3, c4, c5] = self.c;
        c1 + x * (2.0 * c2 + x * (3.0 * c3 + x * (4.0 * c4 + x * 5.0 * c5)))
    }

    fn acceleration(&self, x: f64) -> f64 {
        let [_, c2, c3, c4, c5] = self.c;
        2.0 * c2 + x * (6.0 * c3 + x * (12.0 * c4 + x * 20.0 * c5))
    }

    fn jerk(&self, x: f64) -> f64 {
        let [_, _, c3, c4, c5] = self.c;
        6.0 * c3 + x * (24.0 * c4 + x * 60.0 * c5)
    }

    /// The largest velocity, acceleration and jerk, either way, times h, h² and h³: each is largest
    /// at an end or where its derivative is zero.
    fn largest(&self) -> [f64; 3] {
        let [_, _, c3, c4, c5] = self.c;
        let snap_zero = if c5 != 0.0 { (-0.2 * c4 / c5).clamp(0.0, 1.0) } else { 0.0 };
        let jerk = self.jerk(0.0).abs().max(self.jerk(1.0).abs()).max(self.jerk(snap_zero).abs());
        // Between these the acceleration only rises or only falls.
        let [x1, x2] = roots(60.0 * c5, 24.0 * c4, 6.0 * c3);
        let turns = [0.0, x1.min(x2), x1.max(x2), 1.0];
        let acceleration = turns.iter().fold(0.0f64, |m, x| m.max(self.acceleration(*x).abs()));
        let mut velocity = self.velocity(0.0).abs().max(self.velocity(1.0).abs());
        for pair in turns.windows(2) {
            velocity = velocity.max(self.velocity(self.halt(pair[0], pair[1])).abs());
        }
        [velocity, acceleration, jerk]
    }

    /// Where in `lo..=hi`, over which it only rises or only falls, the acceleration is zero; an end
    /// when it is not.
    fn halt(&self, mut lo: f64, mut hi: f64) -> f64 {
        let rising = self.acceleration(hi) > self.acceleration(lo);
        // The velocity is flat there: half the digits of the place are all of the value.
        for _ in 0..26 {
            let mid = 0.5 * (lo + hi);
            if (self.acceleration(mid) < 0.0) == rising { lo = mid } else { hi = mid }
        }
        0.5 * (lo + hi)
    }
}

/// The zeros of a x² + b x + c, drawn into 0 to 1; 0 for one that is not real.
fn roots(a: f64, b: f64, c: f64) -> [f64; 2] {
    let square = b * b - 4.0 * a * c;
    if square < 0.0 {
        return [0.0; 2];
    }
    // Without the difference of near numbers (Press et al., Numerical Recipes, 2007, section 5.6).
    let q = -0.5 * (b + square.sqrt().copysign(b));
    [(q, a), (c, q)].map(|(over, under)| if under == 0.0 { 0.0 } else { (over / under).clamp(0.0, 1.0) })
}
