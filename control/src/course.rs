//! Where a motion leads: joint positions over path time, between knots the quintic that meets both.

use crate::gripper::Gripper;
use crate::grips::Grips;
use types::motion::{TrajectoryPoint, quintic};
use types::{GripperCommand, JointLimits, JointVector, Rejection, Trajectory};

/// A path, from zero to its duration in seconds of path time.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    points: Vec<TrajectoryPoint>,
    /// The end is a place to stay at; else the path just is not known any further.
    pub(crate) ends_at_rest: bool,
    /// What the fingers do along it, and the time from one of their widths to the next, seconds.
    grips: Option<(Grips, f64)>,
}

/// Position and its first three derivatives.
pub(crate) type Derivatives = [JointVector; 4];

/// Joint positions that a learned policy wants one after another.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// The positions, rad (m): the first at the order's stamp. 2 to 1000.
    pub points: Vec<JointVector>,
    /// Time from one to the next, seconds: 0.002 to 1.
    pub period_s: f64,
    /// What the gripper does along it, if the chunk says so: its lease has to cover the gripper, too.
    pub grip: Option<Grips>,
}

/// Points that a chunk may have.
const POINTS: core::ops::RangeInclusive<usize> = 2..=1000;

impl Course {
    pub(crate) fn of_trajectory(trajectory: &Trajectory) -> Self {
        let first = trajectory.points()[0].t;
        let from_zero = |p: &TrajectoryPoint| TrajectoryPoint { t: p.t - first, ..*p };
        Self { points: trajectory.points().iter().map(from_zero).collect(), ends_at_rest: true, grips: None }
    }

    /// The uniform cubic B-spline whose control points are a chunk's positions: twice continuously
    /// differentiable, and never outside of what the positions span (de Boor, A Practical Guide to Splines,
    /// 1978). It smooths: from a motion of acceleration `a` it departs by `a` times the period squared, by 6.
    ///
    /// # Errors
    /// A [`Rejection`] naming the point: too few or too many (B14), of a wrong length (B7), no number or
    /// beyond the joints' ranges (B1 to B8); and for the period.
    pub(crate) fn of_chunk(chunk: &Chunk, limits: &[JointLimits]) -> Result<Self, Rejection> {
        let Chunk { points, period_s: h, .. } = chunk;
        crate::config::range("chunk.period_s", *h, 0.002, 1.0)?;
        if !POINTS.contains(&points.len()) {
            let expected = format!("{} to {} points", POINTS.start(), POINTS.end());
            return Err(Rejection::new("chunk.points", expected, points.len().to_string()));
        }
        for (k, point) in points.iter().enumerate() {
            check_joints(&format!("chunk.points[{k}]"), point, limits, |l| (l.lower, l.upper))?;
        }
        let n = limits.len();
        // Beyond both ends as if it went on straight.
        let at = |k: isize, j: usize| {
            let last = points.len() as isize - 1;
            let mirrored =
                |end: isize, other: isize| 2.0 * points[end as usize][j] - points[other as usize][j];
            match k {
                _ if k < 0 => mirrored(0, -k),
                _ if k > last => mirrored(last, 2 * last - k),
                _ => points[k as usize][j],
            }
        };
        let knot = |k: usize| {
            let k = k as isize;
            let of = |f: &dyn Fn(f64, f64, f64) -> f64| {
                JointVector::from_fn(n, |j| f(at(k - 1, j), at(k, j), at(k + 1, j)))
            };
            TrajectoryPoint {
                t: k as f64 * h,
                q: of(&|a, b, c| (a + 4.0 * b + c) / 6.0),
                dq: of(&|a, _, c| (c - a) / (2.0 * h)),
                ddq: of(&|a, b, c| (a - 2.0 * b + c) / (h * h)),
            }
        };
        Ok(Self { points: (0..points.len()).map(knot).collect(), ends_at_rest: false, grips: None })
    }

    /// With what the fingers do along a chunk.
    ///
    /// # Errors
    /// A [`Rejection`] naming the width or the force, or that there are too few or too many (B1 to B7).
    pub(crate) fn gripping(self, chunk: Chunk, gripper: &Gripper) -> Result<Self, Rejection> {
        let Some(grips) = chunk.grip else { return Ok(self) };
        grips.check(chunk.points.len(), gripper)?;
        Ok(Self { grips: Some((grips, chunk.period_s)), ..self })
    }

    /// What the fingers are told at path time `s`; `None`: nothing.
    pub(crate) fn grip_at(&self, s: f64) -> Option<GripperCommand> {
        self.grips.as_ref().map(|(grips, period_s)| grips.at(s / period_s))
    }

    /// What the fingers may be told between path times; `None`: nothing.
    pub(crate) fn grips_between(&self, from: f64, to: f64) -> Option<impl Iterator<Item = f64> + '_> {
        self.grips.as_ref().map(move |(grips, period_s)| grips.between(from / period_s, to / period_s))
    }

    /// The knots, the first at zero.
    pub(crate) fn points(&self) -> &[TrajectoryPoint] {
        &self.points
    }

    pub(crate) fn duration(&self) -> f64 {
        self.points[self.points.len() - 1].t
    }

    /// Whether its first point stands.
    pub(crate) fn starts_at_rest(&self) -> bool {
        let first = &self.points[0];
        first.dq.iter().chain(first.ddq.iter()).all(|v| v.abs() <= 1e-6)
    }

    pub(crate) fn start(&self) -> &JointVector {
        &self.points[0].q
    }

    /// Position and derivatives at path time `s`, clamped to both ends.
    #[expect(clippy::needless_range_loop, reason = "four vectors are filled side by side")]
    pub(crate) fn at(&self, s: f64) -> Derivatives {
        let n = self.points[0].q.len();
        let zero = JointVector::zeros(n);
        let hi = self.points.partition_point(|p| p.t <= s);
        if hi == 0 || hi == self.points.len() {
            let p = &self.points[hi.saturating_sub(1)];
            return [p.q, p.dq, p.ddq, zero];
        }
        let (a, b) = (&self.points[hi - 1], &self.points[hi]);
        let x = s - a.t;
        let mut out = [zero; 4];
        for j in 0..n {
            let c = quintic(a, b, j);
            out[0][j] = c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * (c[4] + x * c[5]))));
            out[1][j] = c[1] + x * (2.0 * c[2] + x * (3.0 * c[3] + x * (4.0 * c[4] + x * 5.0 * c[5])));
            out[2][j] = 2.0 * c[2] + x * (6.0 * c[3] + x * (12.0 * c[4] + x * 20.0 * c[5]));
            out[3][j] = 6.0 * c[3] + x * (24.0 * c[4] + x * 60.0 * c[5]);
        }
        out
    }

    pub(crate) fn q_at(&self, s: f64) -> JointVector {
        self.at(s)[0]
    }
}

/// Every number of a joint vector, with a hint where it looks like degrees (B1 to B8).
pub(crate) fn check_joints(
    field: &str,
    values: &JointVector,
    limits: &[JointLimits],
    bounds: impl Fn(&JointLimits) -> (f64, f64),
) -> Result<(), Rejection> {
    let n = limits.len();
    if values.len() != n {
        return Err(Rejection::new(field.to_owned(), format!("{n} joints"), values.len().to_string()));
    }
    for (i, (v, l)) in values.iter().zip(limits).enumerate() {
        let (low, high) = bounds(l);
        if !(*v >= low && *v <= high) {
            let far = v.is_finite() && v.abs() > 10.0 * low.abs().max(high.abs());
            let hint = if far { "; is this in degrees?" } else { "" };
            let expected = format!("{low} to {high}{hint}");
            return Err(Rejection::new(format!("{field}[{i}]"), expected, v.to_string()));
        }
    }
    Ok(())
}

/// What still leads from where the arm was to where a path begins: added to the path, gone after a while.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Offset {
    /// Path time at which it begins, and how long it lasts, seconds; zero: there is none.
    pub(crate) from: f64,
    pub(crate) over: f64,
    /// Position, first and second derivative at its beginning.
    pub(crate) start: [JointVector; 3],
}

impl Offset {
    pub(crate) fn none(n: usize) -> Self {
        Self { from: 0.0, over: 0.0, start: [JointVector::zeros(n); 3] }
    }

    pub(crate) fn end(&self) -> f64 {
        self.from + self.over
    }

    /// The quintic from its beginning to nothing, with derivatives.
    #[expect(clippy::needless_range_loop, reason = "four vectors are filled side by side")]
    pub(crate) fn at(&self, s: f64) -> Derivatives {
        let n = self.start[0].len();
        let mut out = [JointVector::zeros(n); 4];
        if s >= self.end() {
            return out;
        }
        let t = self.over;
        let x = ((s - self.from) / t).max(0.0);
        for j in 0..n {
            let (p, v, a) = (self.start[0][j], self.start[1][j] * t, self.start[2][j] * t * t);
            let c3 = -10.0 * p - 6.0 * v - 1.5 * a;
            let c4 = 15.0 * p + 8.0 * v + 1.5 * a;
            let c5 = -6.0 * p - 3.0 * v - 0.5 * a;
            out[0][j] = p + x * (v + x * (0.5 * a + x * (c3 + x * (c4 + x * c5))));
            out[1][j] = (v + x * (a + x * (3.0 * c3 + x * (4.0 * c4 + x * 5.0 * c5)))) / t;
            out[2][j] = (a + x * (6.0 * c3 + x * (12.0 * c4 + x * 20.0 * c5))) / (t * t);
            out[3][j] = (6.0 * c3 + x * (24.0 * c4 + x * 60.0 * c5)) / (t * t * t);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_becomes_a_path_through_what_its_points_span_smooth_to_the_second_derivative() {
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
        let points: Vec<JointVector> =
            (0..20).map(|k| JointVector::from_fn(2, |j| libm::sin(0.1 * f64::from(k) + j as f64))).collect();
        let chunk = Chunk { points: points.clone(), period_s: 1.0 / 30.0, grip: None };
        let course = Course::of_chunk(&chunk, &[l; 2]).expect("fine");
        assert!(course.start().max_abs_diff(&points[0]) < 1e-12);
        assert!((course.duration() - 19.0 / 30.0).abs() < 1e-12);
        let (mut s, step) = (0.0, 1e-3);
        let mut last = course.at(0.0);
        while s < course.duration() - 2.0 * step {
            s += step;
            let here = course.at(s);
            for j in 0..2 {
                let truth = libm::sin(3.0 * s + j as f64);
                assert!((here[0][j] - truth).abs() < 2e-3, "it follows its points");
                for d in 0..2 {
                    let mean = 0.5 * (here[d + 1][j] + last[d + 1][j]);
                    let change = here[d][j] - last[d][j];
                    assert!((change - step * mean).abs() < 0.1 * step, "derivative {d} at {s}");
                }
                // It begins unaccelerated, as if it had come straight.
                assert!((here[2][j] - last[2][j]).abs() < 300.0 * step, "no leap at {s}");
            }
            last = here;
        }
    }
}
