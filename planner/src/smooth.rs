//! A free path made better corner by corner: quicker, and not nearer to things than it has to be.
//!
//! What is made small is the time that the joints need at their speed limits, each moment of it counting up to
//! twice where the arm is nearer to something than is comfortable (time-weighted clearance cost, as CHOMP's
//! obstacle term: Zucker et al., IJRR 2013, eq. 4, with corners in place of a dense path). A corner moves towards
//! the line between its neighbours, or up the gradient of the distance from `mechanics`, if both its edges stay
//! free and the cost falls; coordinate descent until that gains nothing.

use crate::search::between;
use types::{JointLimits, JointVector};

/// Farther from everything than this beyond its margin the arm is comfortable, metres.
pub(crate) const COMFORT_M: f64 = 0.03;
/// Rounds over all corners at most; and below this part of the cost a round gains nothing.
const ROUNDS: usize = 12;
const GAIN: f64 = 2e-3;
/// Shares of the way to the line that are tried, and steps up the gradient, rad.
const SHARES: [f64; 3] = [0.8, 0.4, 0.15];
const STEPS_RAD: [f64; 2] = [0.15, 0.05];
/// The distance is asked for this often along an edge, and its gradient is taken over so much, rad.
const SAMPLE_RAD: f64 = 0.1;
const DELTA_RAD: f64 = 1e-3;

/// What a path is judged by.
pub(crate) struct Judge<'a> {
    pub(crate) limits: &'a [JointLimits],
    /// Distance from the nearest thing beyond the margin that is to be kept, metres; at most about [`COMFORT_M`].
    pub(crate) room_m: &'a mut dyn FnMut(&JointVector) -> f64,
    pub(crate) is_free: &'a mut dyn FnMut(&JointVector, &JointVector) -> bool,
}

impl Judge<'_> {
    /// Seconds of an edge, up to twice of them where it is uncomfortable.
    fn cost(&mut self, a: &JointVector, b: &JointVector) -> f64 {
        let square = |j: usize| ((b[j] - a[j]) / self.limits[j].velocity).powi(2);
        let seconds = libm::sqrt((0..a.len()).map(square).sum());
        let n = libm::ceil(a.max_abs_diff(b) / SAMPLE_RAD).max(1.0) as usize;
        let discomfort = |k: usize| {
            let room = (self.room_m)(&between(a, b, (k as f64 + 0.5) / n as f64));
            (1.0 - room / COMFORT_M).clamp(0.0, 1.0).powi(2)
        };
        seconds * (1.0 + (0..n).map(discomfort).sum::<f64>() / n as f64)
    }

    /// Of unit length in the joint that gains most, up the distance where it is least on the edges of a corner; `None`
    /// where they are comfortable, or the distance does not change.
    fn away(&mut self, a: &JointVector, corner: &JointVector, b: &JointVector) -> Option<JointVector> {
        let (mut here, mut q) = (f64::INFINITY, *corner);
        for end in [a, b] {
            let n = libm::ceil(corner.max_abs_diff(end) / SAMPLE_RAD).max(1.0) as usize;
            for k in 0..n {
                let at = between(corner, end, k as f64 / n as f64);
                let room = (self.room_m)(&at);
                if room < here {
                    (here, q) = (room, at);
                }
            }
        }
        if here >= COMFORT_M {
            return None;
        }
        let slope = JointVector::from_fn(q.len(), |j| {
            let mut beside = q;
            beside[j] += DELTA_RAD;
            (self.room_m)(&beside) - here
        });
        let steepest = slope.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        (steepest > 1e-9).then(|| JointVector::from_fn(q.len(), |j| slope[j] / steepest))
    }

    /// Where a corner between `a` and `b` might better be.
    fn candidates(&mut self, a: &JointVector, corner: &JointVector, b: &JointVector) -> Vec<JointVector> {
        let n = a.len();
        let (mut along, mut length) = (0.0, 0.0);
        for j in 0..n {
            along += (corner[j] - a[j]) * (b[j] - a[j]);
            length += (b[j] - a[j]).powi(2);
        }
        let on_line = between(a, b, (along / length.max(1e-12)).clamp(0.0, 1.0));
        let mut out: Vec<JointVector> = SHARES.iter().map(|s| between(corner, &on_line, *s)).collect();
        if let Some(up) = self.away(a, corner, b) {
            out.extend(STEPS_RAD.iter().map(|step| {
                JointVector::from_fn(n, |j| {
                    let l = &self.limits[j];
                    (corner[j] + step * up[j]).clamp(l.lower, l.upper)
                })
            }));
        }
        out
    }

    /// Moves the corners of a free path, whose ends stay.
    pub(crate) fn smooth(&mut self, path: &mut [JointVector]) {
        for _ in 0..ROUNDS {
            let mut gained = 0.0;
            for k in 1..path.len().saturating_sub(1) {
                let (a, b) = (path[k - 1], path[k + 1]);
                let before = self.cost(&a, &path[k]) + self.cost(&path[k], &b);
                let mut best = (before, path[k]);
                for q in self.candidates(&a, &path[k], &b) {
                    let cost = self.cost(&a, &q) + self.cost(&q, &b);
                    if cost < best.0 && (self.is_free)(&a, &q) && (self.is_free)(&q, &b) {
                        best = (cost, q);
                    }
                }
                path[k] = best.1;
                gained += (before - best.0) / before.max(1e-9);
            }
            if gained < GAIN {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Vec<JointLimits> {
        let (velocity, acceleration, jerk, torque, torque_rate) = (1.0, 1.0, 1.0, 1.0, 1.0);
        let l = JointLimits {
            lower: -3.0,
            upper: 3.0,
            velocity,
            acceleration,
            jerk,
            torque,
            torque_rate,
            near_end: Default::default(),
        };
        vec![l; 2]
    }

    fn q(x: f64, y: f64) -> JointVector {
        JointVector::from_slice(&[x, y]).expect("two joints")
    }

    /// From the disc of radius one about the origin.
    fn room(q: &JointVector) -> f64 {
        (libm::hypot(q[0], q[1]) - 1.0).min(2.0 * COMFORT_M)
    }

    fn is_free(a: &JointVector, b: &JointVector) -> bool {
        (0..=200).all(|k| room(&between(a, b, f64::from(k) / 200.0)) > 0.0)
    }

    fn smoothed(path: &[JointVector]) -> (Vec<JointVector>, f64, f64) {
        let (limits, mut room, mut free) = (limits(), room, is_free);
        let mut judge = Judge { limits: &limits, room_m: &mut room, is_free: &mut free };
        let mut out = path.to_vec();
        judge.smooth(&mut out);
        let mut whole = |path: &[JointVector]| path.windows(2).map(|w| judge.cost(&w[0], &w[1])).sum();
        let (before, after) = (whole(path), whole(&out));
        (out, before, after)
    }

    #[test]
    fn a_detour_around_a_disc_comes_near_the_shortest_way_and_stays_free() {
        let path = [q(-2.0, 0.0), q(-1.5, 2.2), q(0.2, 2.8), q(1.6, 2.0), q(2.0, 0.0)];
        let (out, before, after) = smoothed(&path);
        assert_eq!((out[0], out[4]), (path[0], path[4]));
        assert!(out.windows(2).all(|w| is_free(&w[0], &w[1])), "{out:?}");
        // Tangents and arc: 2 √3 + π/3; three corners cannot do quite that.
        let shortest = 2.0 * 3.0_f64.sqrt() + core::f64::consts::FRAC_PI_3;
        assert!(
            after < 1.08 * shortest && before > 1.4 * shortest,
            "{before} to {after}, at best {shortest}"
        );
        assert_eq!(smoothed(&path).0, out, "the same every time");
    }

    #[test]
    fn what_grazes_is_moved_away_and_what_is_best_stays() {
        let grazes = [q(-1.5, 0.6), q(0.0, 1.045), q(1.5, 0.6)];
        let least = |path: &[JointVector]| {
            path.windows(2)
                .flat_map(|w| (0..=100).map(|k| room(&between(&w[0], &w[1], f64::from(k) / 100.0))))
                .fold(f64::INFINITY, f64::min)
        };
        let (out, before, after) = smoothed(&grazes);
        assert!(least(&out) > least(&grazes) + 0.005 && after < before, "{} {before} {after}", least(&out));
        let straight = [q(-2.0, 2.0), q(2.0, 2.0)];
        assert_eq!(smoothed(&straight).0, straight);
    }
}
