//! What the robot reports, what it is told, and the only way a timed path comes into being.

use crate::faults::Rejection;
use crate::joints::{JointLimits, JointVector};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// The most points one trajectory may have (B14).
pub const MAX_POINTS: usize = 100_000;
/// How far a trajectory's first point may lie from the measured state, rad or m (B13).
pub const START_TOLERANCE: f64 = 0.02;
/// How near to each other two points of a trajectory may stand in time, seconds: over less, the polynomial
/// between them is rounding (B12).
pub const CLOSEST_POINTS_S: f64 = 1e-6;

/// The gripper as measured.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GripperState {
    /// Distance between the fingertips, metres.
    pub width_m: f64,
    /// Its rate, m/s.
    pub speed_m_s: f64,
    /// Force that one finger presses with, newtons.
    pub force_n: f64,
}

/// What the gripper shall do.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GripperCommand {
    /// Wanted distance between the fingertips, metres.
    pub width_m: f64,
    /// Largest force per finger, newtons.
    pub force_n: f64,
}

/// The arm as measured.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JointState {
    /// When the joints were so.
    pub stamp: Time,
    /// Positions, rad (m).
    pub q: JointVector,
    /// Velocities, rad/s (m/s).
    pub dq: JointVector,
    /// Torques acting, N·m (N).
    pub tau: JointVector,
    /// The gripper.
    pub gripper: GripperState,
}

impl JointState {
    /// Whether every number is finite (B5).
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.q.is_finite()
            && self.dq.is_finite()
            && self.tau.is_finite()
            && self.gripper.width_m.is_finite()
            && self.gripper.speed_m_s.is_finite()
            && self.gripper.force_n.is_finite()
    }
}

/// What the arm is told for one cycle. What of it counts is [`crate::Drive`]'s: `tau`, `q` with `dq`, or `dq`; all
/// are always filled and within limits.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JointCommand {
    /// The tick this was decided at.
    pub stamp: Time,
    /// After this the robot brakes by its own watchdog.
    pub expires: Time,
    /// Target positions, rad (m).
    pub q: JointVector,
    /// Target velocities, rad/s.
    pub dq: JointVector,
    /// Target accelerations, rad/s².
    pub ddq: JointVector,
    /// Torques, N·m, gravity included.
    pub tau: JointVector,
    /// The gripper.
    pub gripper: GripperCommand,
    /// Power the motors; `false` engages the brakes.
    pub enabled: bool,
}

impl JointCommand {
    /// Refuses a command that no robot of so many joints may take.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field for another number of joints (B7) and for numbers that are none (B1–B4).
    pub fn check(&self, n: usize) -> Result<(), Rejection> {
        for (field, v) in [("q", &self.q), ("dq", &self.dq), ("ddq", &self.ddq), ("tau", &self.tau)] {
            if v.len() != n {
                let got = v.len().to_string();
                return Err(Rejection::new(format!("command.{field}"), format!("{n} joints"), got));
            }
            for (i, x) in v.iter().enumerate() {
                // Nothing is allocated for a good command: the loop's thread asks.
                if !x.is_finite() {
                    let field = format!("command.{field}[{i}]");
                    return Err(Rejection::new(field, "a finite number", x.to_string()));
                }
            }
        }
        let g = &self.gripper;
        for (field, v) in [("command.gripper.width_m", g.width_m), ("command.gripper.force_n", g.force_n)] {
            if !(v.is_finite() && v >= 0.0) {
                return Err(Rejection::new(field, "a finite number, zero or more", v.to_string()));
            }
        }
        Ok(())
    }
}

/// One knot of a trajectory.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct TrajectoryPoint {
    /// Seconds since the trajectory's beginning.
    pub t: f64,
    /// Positions.
    pub q: JointVector,
    /// Velocities.
    pub dq: JointVector,
    /// Accelerations.
    pub ddq: JointVector,
}

/// A timed joint path that was checked. It comes into being only through [`Trajectory::new`] and is
/// never deserialised straight into being. Between knots it is the quintic polynomial that meets both
/// knots in position, velocity and acceleration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trajectory {
    points: Vec<TrajectoryPoint>,
}

impl Trajectory {
    /// Checks a timed path against the robot it is for and the state it starts from.
    ///
    /// # Errors
    /// A [`Rejection`] naming the point and joint for: no points or more than [`MAX_POINTS`] (B14);
    /// times that are negative, nearer than [`CLOSEST_POINTS_S`], decreasing or beyond an hour (B12); a wrong number of joints
    /// (B7); numbers that are not finite (B1–B6); positions, velocities or accelerations beyond the
    /// limits, with a hint when they look like degrees (B8); a first point away from `start` by more
    /// than [`START_TOLERANCE`] (`start_pose_invalid`, B13); a last point that is not at rest.
    pub fn new(
        points: Vec<TrajectoryPoint>,
        limits: &[JointLimits],
        start: &JointVector,
    ) -> Result<Self, Rejection> {
        if points.is_empty() || points.len() > MAX_POINTS {
            return Err(Rejection::new(
                "trajectory.points",
                format!("1 to {MAX_POINTS} points"),
                points.len().to_string(),
            ));
        }
        let mut last_t = f64::NEG_INFINITY;
        for (i, p) in points.iter().enumerate() {
            let at = format!("trajectory.points[{i}]");
            Rejection::finite(&format!("{at}.t"), p.t)?;
            if p.t < 0.0 || p.t - last_t < CLOSEST_POINTS_S || p.t > 3600.0 {
                return Err(Rejection::new(
                    format!("{at}.t"),
                    format!(
                        "times from 0 to 3600 s, each at least {CLOSEST_POINTS_S} s after the one before"
                    ),
                    format!("{} s after {last_t} s", p.t),
                ));
            }
            last_t = p.t;
            check_point(&at, p, limits)?;
        }
        let first = &points[0].q;
        if start.len() != first.len() || first.max_abs_diff(start) > START_TOLERANCE || !start.is_finite() {
            return Err(Rejection::new(
                "trajectory.points[0].q",
                format!("start_pose_invalid: within {START_TOLERANCE} of the measured {start:?}"),
                format!("{first:?}"),
            ));
        }
        if let Some(last) = points.last()
            && last.dq.iter().chain(last.ddq.iter()).any(|v| v.abs() > 1e-6)
        {
            return Err(Rejection::new(
                format!("trajectory.points[{}].dq", points.len() - 1),
                "a last point at rest",
                format!("{:?}", last.dq),
            ));
        }
        Ok(Self { points })
    }

    /// Seconds from the first to the last knot.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.points[self.points.len() - 1].t - self.points[0].t
    }

    /// The knots.
    #[must_use]
    pub fn points(&self) -> &[TrajectoryPoint] {
        &self.points
    }

    /// The last knot's position.
    #[must_use]
    pub fn end(&self) -> &JointVector {
        &self.points[self.points.len() - 1].q
    }

    /// Position, velocity, acceleration at `t` seconds since the first knot, clamped to both ends.
    ///
    /// # Real-time
    /// No allocation; a binary search over the knots.
    #[must_use]
    pub fn sample(&self, t: f64) -> TrajectoryPoint {
        let t = t + self.points[0].t;
        let hi = self.points.partition_point(|p| p.t <= t);
        if hi == 0 {
            return TrajectoryPoint { t: self.points[0].t, ..self.points[0] };
        }
        if hi == self.points.len() {
            return self.points[hi - 1];
        }
        between(&self.points[hi - 1], &self.points[hi], t)
    }
}

/// Coefficients, from the constant one up, of the quintic in time since knot `a` that meets both knots of one
/// joint in position, velocity and acceleration (Lynch and Park, Modern Robotics, 2017, section 9.4).
///
/// # Panics
/// When a knot has no such joint.
#[must_use]
pub fn quintic(a: &TrajectoryPoint, b: &TrajectoryPoint, joint: usize) -> [f64; 6] {
    let h = b.t - a.t;
    let (c0, c1, c2) = (a.q[joint], a.dq[joint], 0.5 * a.ddq[joint]);
    let dp = b.q[joint] - (c0 + h * (c1 + h * c2));
    let dv = b.dq[joint] - (c1 + 2.0 * h * c2);
    let da = b.ddq[joint] - 2.0 * c2;
    let (h2, h3) = (h * h, h * h * h);
    [
        c0,
        c1,
        c2,
        (10.0 * dp - 4.0 * dv * h + 0.5 * da * h2) / h3,
        (-15.0 * dp + 7.0 * dv * h - da * h2) / (h3 * h),
        (6.0 * dp - 3.0 * dv * h + 0.5 * da * h2) / (h3 * h2),
    ]
}

/// The point of a trajectory between two knots.
fn between(a: &TrajectoryPoint, b: &TrajectoryPoint, t: f64) -> TrajectoryPoint {
    let zero = JointVector::zeros(a.q.len());
    let mut out = TrajectoryPoint { t, q: zero, dq: zero, ddq: zero };
    let s = t - a.t;
    for i in 0..zero.len() {
        let [c0, c1, c2, c3, c4, c5] = quintic(a, b, i);
        out.q[i] = c0 + s * (c1 + s * (c2 + s * (c3 + s * (c4 + s * c5))));
        out.dq[i] = c1 + s * (2.0 * c2 + s * (3.0 * c3 + s * (4.0 * c4 + s * 5.0 * c5)));
        out.ddq[i] = 2.0 * c2 + s * (6.0 * c3 + s * (12.0 * c4 + s * 20.0 * c5));
    }
    out
}

fn check_point(at: &str, p: &TrajectoryPoint, limits: &[JointLimits]) -> Result<(), Rejection> {
    for (name, v) in [("q", &p.q), ("dq", &p.dq), ("ddq", &p.ddq)] {
        if v.len() != limits.len() {
            return Err(Rejection::new(
                format!("{at}.{name}"),
                format!("{} joints", limits.len()),
                v.len().to_string(),
            ));
        }
        for (j, x) in v.iter().enumerate() {
            Rejection::finite(&format!("{at}.{name}[{j}]"), *x)?;
        }
    }
    for (j, l) in limits.iter().enumerate() {
        let q = p.q[j];
        if q < l.lower - 1e-9 || q > l.upper + 1e-9 {
            let bound = l.lower.abs().max(l.upper.abs());
            let hint = if q.abs() > 10.0 * bound { "; is this in degrees?" } else { "" };
            return Err(Rejection::new(
                format!("{at}.q[{j}]"),
                format!("{} to {}{hint}", l.lower, l.upper),
                q.to_string(),
            ));
        }
        for (name, v, max) in [("dq", p.dq[j], l.velocity), ("ddq", p.ddq[j], l.acceleration)] {
            if v.abs() > max * (1.0 + 1e-9) {
                return Err(Rejection::new(
                    format!("{at}.{name}[{j}]"),
                    format!("at most {max}"),
                    v.to_string(),
                ));
            }
        }
    }
    Ok(())
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

    fn point(t: f64, q: f64) -> TrajectoryPoint {
        let z = JointVector::zeros(2);
        TrajectoryPoint { t, q: JointVector::from_fn(2, |_| q), dq: z, ddq: z }
    }

    fn refused(points: Vec<TrajectoryPoint>) -> Rejection {
        Trajectory::new(points, &limits(), &JointVector::zeros(2)).expect_err("must be refused")
    }

    #[test]
    fn a_trajectory_that_is_empty_too_long_or_not_in_time_order_is_refused() {
        assert_eq!(refused(vec![]).field, "trajectory.points", "B14");
        assert_eq!(refused(vec![point(0.0, 0.0); MAX_POINTS + 1]).field, "trajectory.points", "B14");
        for t in [0.0, -1.0, 1e-320, f64::MIN_POSITIVE, 9e-7, f64::NAN, 1e308, f64::INFINITY] {
            assert_eq!(refused(vec![point(0.0, 0.0), point(t, 0.1)]).field, "trajectory.points[1].t", "B12");
        }
    }

    #[test]
    fn a_trajectory_with_numbers_that_are_none_or_beyond_limits_is_refused_by_name() {
        for q in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308] {
            assert_eq!(refused(vec![point(0.0, 0.0), point(1.0, q)]).field, "trajectory.points[1].q[0]");
        }
        let degrees = refused(vec![point(0.0, 0.0), point(1.0, 90.0)]);
        assert!(degrees.expected.contains("degrees"), "B8: {degrees}");
        let wrong = TrajectoryPoint { q: JointVector::zeros(3), ..point(1.0, 0.0) };
        assert_eq!(refused(vec![point(0.0, 0.0), wrong]).field, "trajectory.points[1].q", "B7");
    }

    #[test]
    fn a_trajectory_must_start_where_the_arm_is_and_end_at_rest() {
        assert!(refused(vec![point(0.0, 0.5)]).expected.contains("start_pose_invalid"), "B13");
        let moving = TrajectoryPoint { dq: JointVector::from_fn(2, |_| 1.0), ..point(1.0, 0.5) };
        assert_eq!(refused(vec![point(0.0, 0.0), moving]).field, "trajectory.points[1].dq");
        let one =
            Trajectory::new(vec![point(0.0, 0.0)], &limits(), &JointVector::zeros(2)).expect("B11, B14");
        assert_eq!(one.duration(), 0.0);
        assert_eq!(one.sample(5.0).q[0], 0.0);
    }

    #[test]
    fn between_knots_a_trajectory_is_smooth_and_meets_both() {
        let t = Trajectory::new(vec![point(0.0, 0.0), point(1.0, 0.5)], &limits(), &JointVector::zeros(2))
            .expect("valid");
        assert_eq!(t.sample(0.0).q[0], 0.0);
        assert!((t.sample(1.0).q[0] - 0.5).abs() < 1e-12);
        assert!((t.sample(0.5).q[0] - 0.25).abs() < 1e-12);
        let (a, b) = (t.sample(0.3), t.sample(0.3001));
        assert!(((b.q[0] - a.q[0]) / 1e-4 - a.dq[0]).abs() < 1e-3);
        assert!(((b.dq[0] - a.dq[0]) / 1e-4 - a.ddq[0]).abs() < 1e-2);
    }
}
