//! Timing of a path: from joint waypoints to a motion that keeps every limit of velocity,
//! acceleration and jerk.
//!
//! The polyline is first thinned, then its corners are rounded within a tolerance, and a speed is
//! laid along it: constant through the rounded corners, a jerk-limited double-S on the straight
//! pieces between them, with one pass forward and one backward so that every corner is entered and
//! left at a speed that can be reached. Every piece of the result is a polynomial of time of at most
//! fourth degree between two knots, so the quintic of [`types::Trajectory`] reproduces it exactly:
//! what holds for the pieces holds between the knots too. A last check bounds every quintic and
//! stretches time where rounding of numbers leaves a limit exceeded.

mod knots;
mod polyline;
pub mod scalar;

use types::motion::TrajectoryPoint;
use types::{JointLimits, JointVector, Rejection};

/// How far, per joint, a motion may leave the polyline where nothing else is asked for, rad (m).
pub const DEFAULT_TOLERANCE: f64 = 0.02;
/// The longest motion, seconds; as [`types::Trajectory::new`] has it.
const LONGEST_S: f64 = 3600.0;
/// No position lies beyond this, rad (m).
const FARTHEST: f64 = 1e6;

/// How much of the limits a motion may use; each above 0 and at most 1.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Scale {
    /// Share of every joint's velocity limit.
    pub velocity: f64,
    /// Share of every joint's acceleration limit.
    pub acceleration: f64,
    /// Share of every joint's jerk limit.
    pub jerk: f64,
}

impl Scale {
    /// The limits themselves.
    pub const FULL: Self = Self { velocity: 1.0, acceleration: 1.0, jerk: 1.0 };

    /// What of the limits the same motion uses at the part `s` of its speed.
    #[must_use]
    pub fn slowed(self, s: f64) -> Self {
        Self {
            velocity: s * self.velocity,
            acceleration: s * s * self.acceleration,
            jerk: s * s * s * self.jerk,
        }
    }
}

/// Why a path was not timed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TimingError {
    /// There is no waypoint.
    #[error("a path needs at least one waypoint")]
    Empty,
    /// A waypoint, a limit, a scale or the tolerance cannot be.
    #[error(transparent)]
    Input(#[from] Rejection),
    /// The motion would take longer than an hour.
    #[error("the motion would take {seconds} s at these limits; an hour is the most")]
    TooLong {
        /// How long it would take, seconds.
        seconds: f64,
    },
}

/// A timed path.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// The knots, the first at time zero, both ends at rest. One knot when there is no motion.
    pub points: Vec<TrajectoryPoint>,
    /// A bound of how far any joint leaves the polyline of the waypoints, rad (m).
    pub deviation: f64,
}

/// Times a path of waypoints with [`DEFAULT_TOLERANCE`]; see [`time_path_with`].
///
/// # Errors
/// As [`time_path_with`].
pub fn time_path(
    path: &[JointVector],
    limits: &[JointLimits],
    scale: Scale,
) -> Result<Vec<TrajectoryPoint>, TimingError> {
    time_path_with(path, limits, scale, DEFAULT_TOLERANCE).map(|timed| timed.points)
}

/// Times a path of waypoints: starts and ends at rest exactly on the first and last waypoint, stays
/// within `tolerance` of the polyline in every joint (and inside the convex hull of the waypoints,
/// so within position limits when they are), and keeps the scaled limits of velocity, acceleration
/// and jerk, between knots too. Knots lie at most 10 ms apart (more only for motions of many
/// minutes). Waypoints that repeat are passed over; when all are the same the result is one knot at
/// rest (B11).
///
/// # Errors
/// [`TimingError::Empty`] for no waypoint; [`TimingError::Input`] for waypoints of different length,
/// numbers that are not finite (B1–B6) or a scale that is not in 0 to 1; [`TimingError::TooLong`].
pub fn time_path_with(
    path: &[JointVector],
    limits: &[JointLimits],
    scale: Scale,
    tolerance: f64,
) -> Result<Timed, TimingError> {
    check(path, limits, scale, tolerance)?;
    let limits = ScaledLimits::new(limits, scale);
    let line = polyline::Polyline::new(path, &limits, tolerance);
    let Some(rounded) = line.fastest(&limits) else {
        let n = limits.len();
        let zero = JointVector::zeros(n);
        let rest = TrajectoryPoint { t: 0.0, q: path[path.len() - 1], dq: zero, ddq: zero };
        return Ok(Timed { points: vec![rest], deviation: 0.0 });
    };
    let seconds = rounded.duration();
    // Not-a-number is too long as well.
    if !(seconds.is_finite() && seconds <= LONGEST_S) {
        return Err(TimingError::TooLong { seconds });
    }
    let points = knots::knots(&rounded, &limits);
    let last = points[points.len() - 1].t;
    if !(last.is_finite() && last <= LONGEST_S) {
        return Err(TimingError::TooLong { seconds: last });
    }
    Ok(Timed { points, deviation: rounded.deviation() })
}

/// The fastest straight joint motion from rest at `from` to rest at `to`.
///
/// # Errors
/// As [`time_path_with`].
pub fn time_line(
    from: &JointVector,
    to: &JointVector,
    limits: &[JointLimits],
    scale: Scale,
) -> Result<Vec<TrajectoryPoint>, TimingError> {
    time_path(&[*from, *to], limits, scale)
}

/// Velocity, acceleration and jerk per joint, scaled.
struct ScaledLimits {
    velocity: JointVector,
    acceleration: JointVector,
    jerk: JointVector,
}

impl ScaledLimits {
    fn new(limits: &[JointLimits], scale: Scale) -> Self {
        // A hair below, so that rounding does not reach the limit.
        let hair = 1.0 - 1e-6;
        let of =
            |f: &dyn Fn(&JointLimits) -> f64| JointVector::from_fn(limits.len(), |j| hair * f(&limits[j]));
        Self {
            velocity: of(&|l| l.velocity * scale.velocity),
            acceleration: of(&|l| l.acceleration * scale.acceleration),
            jerk: of(&|l| l.jerk * scale.jerk),
        }
    }

    fn len(&self) -> usize {
        self.velocity.len()
    }
}

fn check(
    path: &[JointVector],
    limits: &[JointLimits],
    scale: Scale,
    tolerance: f64,
) -> Result<(), TimingError> {
    if path.is_empty() {
        return Err(TimingError::Empty);
    }
    for (i, q) in path.iter().enumerate() {
        if q.len() != limits.len() {
            let expected = format!("{} joints", limits.len());
            return Err(Rejection::new(format!("path[{i}]"), expected, q.len().to_string()).into());
        }
        for (j, v) in q.iter().enumerate() {
            if !v.is_finite() || v.abs() > FARTHEST {
                let expected = format!("a finite number within {FARTHEST}");
                return Err(Rejection::new(format!("path[{i}][{j}]"), expected, v.to_string()).into());
            }
        }
    }
    for (j, l) in limits.iter().enumerate() {
        Rejection::positive(&format!("limits[{j}].velocity"), l.velocity)?;
        Rejection::positive(&format!("limits[{j}].acceleration"), l.acceleration)?;
        Rejection::positive(&format!("limits[{j}].jerk"), l.jerk)?;
    }
    for (name, v) in
        [("velocity", scale.velocity), ("acceleration", scale.acceleration), ("jerk", scale.jerk)]
    {
        if !(v > 0.0 && v <= 1.0) {
            let expected = "a share above 0 and at most 1";
            return Err(Rejection::new(format!("scale.{name}"), expected, v.to_string()).into());
        }
    }
    if !(tolerance >= 0.0 && tolerance.is_finite()) {
        return Err(
            Rejection::new("tolerance", "a finite number, zero or more, rad", tolerance.to_string()).into()
        );
    }
    Ok(())
}
