//! A polyline of waypoints, thinned and with rounded corners, and the speed along it.

use super::ScaledLimits;
use super::scalar::{Bounds, Profile, double_s, ramp_length, reach};
use types::JointVector;

/// Waypoints closer than this in every joint are the same, rad (m).
const SAME: f64 = 1e-8;
/// The most that thinning may take of the tolerance, rad (m).
const THINNING: f64 = 1e-3;
/// How far the curve of a corner stays from it, per length of rounded leg and change of direction:
/// 1/2 ∫ of the smoothstep over its lower half = 3/16 with both halves alike.
const CUT: f64 = 0.1875;
/// The largest first and second derivative of the smoothstep 3x² − 2x³ on 0 to 1.
const STEEPEST: f64 = 1.5;
const SHARPEST: f64 = 6.0;
/// How much of a leg between two corners the rounding of one of them may take: all are tried, for a
/// long straight piece changes speed well and a long curve is passed fast.
const SHARES: [f64; 5] = [0.1, 0.22, 0.34, 0.44, 0.49];

/// A straight piece between two waypoints. Its parameter s advances by one per second when the
/// joint that is slowest on it runs at its velocity limit.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    /// Where it begins.
    pub(super) from: JointVector,
    /// Where it ends.
    pub(super) to: JointVector,
    /// Change of the joints per s.
    pub(super) direction: JointVector,
    /// Length in s.
    pub(super) length: f64,
    /// What s may do on it.
    bounds: Bounds,
}

/// A rounded corner after a leg: `cut` of s before the corner to `cut` of s behind it, where the
/// direction goes over from that of the one leg to that of the other by a smoothstep of s.
#[derive(Copy, Clone, Debug)]
pub(super) struct Corner {
    /// s on either leg that is replaced by the curve; zero when nothing is rounded.
    pub(super) cut: f64,
    /// Constant speed of s through the curve.
    pub(super) speed: f64,
}

/// A polyline without repeated or superfluous waypoints.
pub(super) struct Polyline {
    legs: Vec<Leg>,
    /// What is left of the tolerance for the corners, rad (m).
    rounding: f64,
    /// How far the polyline lies from the given one, rad (m).
    thinned: f64,
}

/// A polyline with rounded corners and a speed along it.
pub(super) struct Rounded<'a> {
    pub(super) legs: &'a [Leg],
    /// The corner behind each leg but the last.
    pub(super) corners: Vec<Corner>,
    /// How the straight part of each leg is run through.
    pub(super) profiles: Vec<Profile>,
    deviation: f64,
}

impl Polyline {
    pub(super) fn new(path: &[JointVector], limits: &ScaledLimits, tolerance: f64) -> Self {
        let thinning = THINNING.min(0.25 * tolerance);
        let mut distinct: Vec<JointVector> = Vec::with_capacity(path.len());
        for q in path {
            if distinct.last().is_none_or(|last| last.max_abs_diff(q) > SAME) {
                distinct.push(*q);
            }
        }
        // The last waypoint is where the motion ends, to the bit.
        if let (Some(kept), Some(end)) = (distinct.last_mut(), path.last()) {
            *kept = *end;
        }
        while distinct.len() > 1
            && distinct[distinct.len() - 2].max_abs_diff(&distinct[distinct.len() - 1]) <= SAME
        {
            distinct.remove(distinct.len() - 2);
        }
        let kept = thin(&distinct, thinning);
        let legs = kept.windows(2).map(|w| Leg::new(w[0], w[1], limits)).filter(|l| l.length > 0.0).collect();
        let thinned = if kept.len() < distinct.len() { thinning } else { 0.0 };
        Self { legs, rounding: tolerance - thinned, thinned }
    }

    /// The fastest of the ways to round; `None` when there is no motion.
    pub(super) fn fastest(&self, limits: &ScaledLimits) -> Option<Rounded<'_>> {
        if self.legs.is_empty() {
            return None;
        }
        let mut best: Option<(f64, Rounded<'_>)> = None;
        for share in SHARES {
            let rounded = self.rounded(limits, share);
            let seconds = rounded.duration();
            if best.as_ref().is_none_or(|(s, _)| seconds < *s) {
                best = Some((seconds, rounded));
            }
            if self.legs.len() == 1 {
                break;
            }
        }
        best.map(|(_, rounded)| rounded)
    }

    fn rounded(&self, limits: &ScaledLimits, share: f64) -> Rounded<'_> {
        let legs = &self.legs;
        let n = legs.len();
        // A leg at an end of the path has one corner only.
        let room = |i: usize| legs[i].length * if i == 0 || i + 1 == n { share * 1.6 } else { share };
        let mut deviation: f64 = 0.0;
        let mut corners = Vec::with_capacity(n);
        for i in 0..n - 1 {
            let turn =
                JointVector::from_fn(limits.len(), |j| legs[i + 1].direction[j] - legs[i].direction[j]);
            let largest_turn = turn.iter().fold(0.0f64, |m, d| m.max(d.abs()));
            let within = self.rounding / (CUT * largest_turn.max(1e-300));
            let cut = fast_enough(&turn, limits).min(within).min(room(i)).min(room(i + 1));
            deviation = deviation.max(CUT * cut * largest_turn);
            corners.push(Corner { cut, speed: corner_speed(&turn, cut, limits) });
        }
        let straight = |corners: &[Corner], i: usize| {
            let before = if i == 0 { 0.0 } else { corners[i - 1].cut };
            let behind = if i + 1 == n { 0.0 } else { corners[i].cut };
            (legs[i].length - before - behind).max(0.0)
        };
        let mut speed = 0.0;
        for i in 0..n - 1 {
            speed = corners[i].speed.min(reach(speed, straight(&corners, i), &legs[i].bounds));
            corners[i].speed = speed;
        }
        speed = 0.0;
        for i in (0..n - 1).rev() {
            speed = corners[i].speed.min(reach(speed, straight(&corners, i + 1), &legs[i + 1].bounds));
            corners[i].speed = speed;
        }
        let profiles = (0..n)
            .map(|i| {
                let from = if i == 0 { 0.0 } else { corners[i - 1].speed };
                let to = if i + 1 == n { 0.0 } else { corners[i].speed };
                debug_assert!(
                    ramp_length(from, to, &legs[i].bounds) <= straight(&corners, i) * (1.0 + 1e-9) + 1e-12
                );
                double_s(straight(&corners, i), from, to, &legs[i].bounds)
            })
            .collect();
        Rounded { legs, corners, profiles, deviation: deviation + self.thinned }
    }
}

impl Rounded<'_> {
    /// Seconds from beginning to end.
    pub(super) fn duration(&self) -> f64 {
        let curves: f64 = self.corners.iter().filter(|c| c.cut > 0.0).map(|c| 2.0 * c.cut / c.speed).sum();
        curves + self.profiles.iter().map(Profile::duration).sum::<f64>()
    }

    /// A bound of how far any joint leaves the polyline, rad (m).
    pub(super) fn deviation(&self) -> f64 {
        self.deviation
    }
}

impl Leg {
    fn new(from: JointVector, to: JointVector, limits: &ScaledLimits) -> Self {
        let n = limits.len();
        let length = (0..n).fold(0.0f64, |m, j| m.max((to[j] - from[j]).abs() / limits.velocity[j]));
        let direction =
            JointVector::from_fn(n, |j| if length > 0.0 { (to[j] - from[j]) / length } else { 0.0 });
        let (mut acceleration, mut jerk) = (f64::INFINITY, f64::INFINITY);
        for j in 0..n {
            let u = direction[j].abs();
            if u > 0.0 {
                acceleration = acceleration.min(limits.acceleration[j] / u);
                jerk = jerk.min(limits.jerk[j] / u);
            }
        }
        Self { from, to, direction, length, bounds: Bounds { velocity: 1.0, acceleration, jerk } }
    }
}

/// The cut at which a corner is passed without slowing down. Acceleration and jerk are largest where
/// the smoothstep is steepest and sharpest: turn · 1.5 v² / (2 cut) and turn · 6 v³ / (2 cut)².
fn fast_enough(turn: &JointVector, limits: &ScaledLimits) -> f64 {
    let mut cut: f64 = 0.0;
    for j in 0..limits.len() {
        let d = turn[j].abs();
        cut = cut.max(0.5 * STEEPEST * d / limits.acceleration[j]);
        cut = cut.max(0.5 * (SHARPEST * d / limits.jerk[j]).sqrt());
    }
    cut
}

fn corner_speed(turn: &JointVector, cut: f64, limits: &ScaledLimits) -> f64 {
    let length = 2.0 * cut;
    let mut speed: f64 = 1.0;
    for j in 0..limits.len() {
        let d = turn[j].abs();
        if d > 0.0 {
            speed = speed.min((limits.acceleration[j] * length / (STEEPEST * d)).sqrt());
            speed = speed.min(libm::cbrt(limits.jerk[j] * length * length / (SHARPEST * d)));
        }
    }
    speed
}

/// The fewest of the points such that every point left out lies within `tolerance`, in every joint,
/// of the segment that passes it (Douglas and Peucker, 1973, with the largest difference as distance).
fn thin(points: &[JointVector], tolerance: f64) -> Vec<JointVector> {
    if points.len() < 3 {
        // Two ends that are the same to the last bit but one are no motion.
        return points.to_vec();
    }
    let mut keep = vec![false; points.len()];
    keep[0] = true;
    keep[points.len() - 1] = true;
    let mut open = vec![(0, points.len() - 1)];
    while let Some((a, b)) = open.pop() {
        let mut worst = (tolerance, None);
        for i in a + 1..b {
            let d = off_segment(&points[i], &points[a], &points[b]);
            if d > worst.0 {
                worst = (d, Some(i));
            }
        }
        if let Some(i) = worst.1 {
            keep[i] = true;
            open.push((a, i));
            open.push((i, b));
        }
    }
    points.iter().zip(&keep).filter(|(_, k)| **k).map(|(p, _)| *p).collect()
}

/// The largest joint difference between a point and the nearest (in the sum of squares) point of a segment.
fn off_segment(p: &JointVector, a: &JointVector, b: &JointVector) -> f64 {
    let (mut along, mut square) = (0.0, 0.0);
    for j in 0..p.len() {
        let u = b[j] - a[j];
        along += (p[j] - a[j]) * u;
        square += u * u;
    }
    let x = if square > 0.0 { (along / square).clamp(0.0, 1.0) } else { 0.0 };
    (0..p.len()).fold(0.0f64, |m, j| m.max((p[j] - a[j] - x * (b[j] - a[j])).abs()))
}
