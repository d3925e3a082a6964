//! Packages `trajectory_msgs`, `control_msgs`.

use super::{Duration, Header, JointState, Time, Transform, Twist, message};
use core::ops::RangeInclusive;
use types::motion::{CLOSEST_POINTS_S, MAX_POINTS, START_TOLERANCE, TrajectoryPoint};
use types::{JointLimits, JointVector, Rejection, Trajectory};

message! {
    /// What joints do at an instant of a path.
    JointTrajectoryPoint = "trajectory_msgs/msg/JointTrajectoryPoint" {
        /// rad, or m.
        ///
        positions: Vec<f64> = "float64[] positions";
        /// rad/s, or m/s; none where it is not said.
        ///
        velocities: Vec<f64> = "float64[] velocities";
        /// rad/s², or m/s²; none where it is not said.
        ///
        accelerations: Vec<f64> = "float64[] accelerations";
        /// N·m, or N; none where it is not said.
        ///
        effort: Vec<f64> = "float64[] effort";
        /// Since the path began.
        ///
        time_from_start: Duration = "builtin_interfaces/Duration time_from_start", part Duration;
    }
}

message! {
    /// A path of joints in time.
    JointTrajectory = "trajectory_msgs/msg/JointTrajectory" {
        /// A stamp of zero is now.
        ///
        header: Header = "std_msgs/Header header", part Header;
        joint_names: Vec<String> = "string[] joint_names";
        points: Vec<JointTrajectoryPoint> = "trajectory_msgs/JointTrajectoryPoint[] points", part JointTrajectoryPoint;
    }
}

message! {
    /// What joints with several degrees of freedom do; Sinew has none.
    MultiDOFJointTrajectoryPoint = "trajectory_msgs/msg/MultiDOFJointTrajectoryPoint" {
        transforms: Vec<Transform> = "geometry_msgs/Transform[] transforms", part Transform;
        velocities: Vec<Twist> = "geometry_msgs/Twist[] velocities", part Twist;
        accelerations: Vec<Twist> = "geometry_msgs/Twist[] accelerations", part Twist;
        time_from_start: Duration = "builtin_interfaces/Duration time_from_start", part Duration;
    }
}

message! {
    /// A path of such joints.
    MultiDOFJointTrajectory = "trajectory_msgs/msg/MultiDOFJointTrajectory" {
        header: Header = "std_msgs/Header header", part Header;
        joint_names: Vec<String> = "string[] joint_names";
        points: Vec<MultiDOFJointTrajectoryPoint> = "trajectory_msgs/MultiDOFJointTrajectoryPoint[] points", part MultiDOFJointTrajectoryPoint;
    }
}

/// For each joint of an arm its place among the names of a message.
///
/// # Errors
/// A [`Rejection`] naming a joint that is missing or stands there twice (B7).
fn places(field: &'static str, names: &[String], arm: &[String]) -> Result<Vec<usize>, Rejection> {
    if names.len() > MOST_NAMES {
        return Err(Rejection::new(field, format!("at most {MOST_NAMES} names"), names.len().to_string()));
    }
    let told = || format!("{names:?}").chars().take(MOST_LETTERS).collect::<String>();
    let place = |joint: &String| {
        let mut found = (0..names.len()).filter(|i| names[*i] == *joint);
        match (found.next(), found.next()) {
            (Some(place), None) => Ok(place),
            (None, _) => Err(Rejection::new(field, format!("{joint:?} among them"), told())),
            (Some(_), Some(_)) => Err(Rejection::new(field, format!("{joint:?} once"), told())),
        }
    };
    arm.iter().map(place).collect()
}

impl JointState {
    /// What the joints of these names do.
    #[must_use]
    pub fn new(state: &types::JointState, names: &[String]) -> Self {
        Self {
            header: Header { stamp: state.stamp.into(), frame_id: String::new() },
            name: names.to_vec(),
            position: state.q.to_vec(),
            velocity: state.dq.to_vec(),
            effort: state.tau.to_vec(),
        }
    }

    /// What the joints of an arm do, in its order; others, of a gripper perhaps, are passed over. Efforts that are not
    /// said are zero; positions and velocities have to be said. The gripper is not in it.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field for joints that are missing or named twice, for as many numbers as there are no
    /// names, and for numbers that are none (B5, B7).
    pub fn of_arm(&self, arm: &[String]) -> Result<types::JointState, Rejection> {
        let places = places("joint_state.name", &self.name, arm)?;
        let pick = |field: &'static str, values: &[f64]| {
            if values.len() != self.name.len() {
                let got = format!("{} of them", values.len());
                return Err(Rejection::new(field, format!("{} numbers, one per name", self.name.len()), got));
            }
            let picked = JointVector::from_fn(arm.len(), |j| values[places[j]]);
            if picked.is_finite() {
                return Ok(picked);
            }
            Err(Rejection::new(field, "finite numbers", format!("{values:?}")))
        };
        Ok(types::JointState {
            stamp: self.header.stamp.clone().into(),
            q: pick("joint_state.position", &self.position)?,
            dq: pick("joint_state.velocity", &self.velocity)?,
            tau: match self.effort.is_empty() {
                true => JointVector::zeros(arm.len()),
                false => pick("joint_state.effort", &self.effort)?,
            },
            gripper: types::GripperState::default(),
        })
    }
}

/// How many points of others are read: with one of ours before them.
const POINTS: RangeInclusive<usize> = 1..=MAX_POINTS - 1;
/// A path that begins later than this after its own zero begins where the arm is, seconds.
const BEGINS_S: f64 = 1e-4;
/// An arm that is nearer than this to the only point of a path is there, rad or m.
const THERE: f64 = 1e-3;
/// So many joints of others are looked through, and so much of their names is told.
const MOST_NAMES: usize = 256;
const MOST_LETTERS: usize = 80;

impl JointTrajectory {
    /// A checked path, for joints of these names. It begins now.
    #[must_use]
    pub fn new(path: &Trajectory, names: &[String]) -> Self {
        let first = path.points()[0].t;
        let point = |p: &TrajectoryPoint| JointTrajectoryPoint {
            positions: p.q.to_vec(),
            velocities: p.dq.to_vec(),
            accelerations: p.ddq.to_vec(),
            effort: Vec::new(),
            time_from_start: Duration::from_secs(p.t - first),
        };
        Self {
            header: Header::default(),
            joint_names: names.to_vec(),
            points: path.points().iter().map(point).collect(),
        }
    }

    /// When it is to begin; `None` for now.
    #[must_use]
    pub fn begins(&self) -> Option<types::Time> {
        (self.header.stamp != Time::default()).then(|| self.header.stamp.clone().into())
    }

    /// The path for an arm, checked, in the order of its joints.
    ///
    /// As a joint trajectory controller has it: a path whose first point is not at its beginning starts at `start`, at
    /// rest, and is at the first point in its time; one that begins at once begins there, too, if its first point is not
    /// farther from it than [`START_TOLERANCE`]. Velocities that are not said are the mean of the slopes before and
    /// after, none where those are of different sign, none at both ends (after Fritsch and Carlson 1980); accelerations
    /// that are not said are the mean of those of the cubics before and after, none at both ends.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field: joints that are missing, unknown or named twice (B7), points with numbers for
    /// another number of joints, times that do not grow (B12), and as [`Trajectory::new`].
    pub fn timed(
        &self,
        names: &[String],
        limits: &[JointLimits],
        start: &JointVector,
    ) -> Result<Trajectory, Rejection> {
        let places = places(JOINT_NAMES, &self.joint_names, names)?;
        if let Some(other) = self.joint_names.iter().find(|n| !names.contains(n)) {
            let got = other.chars().take(MOST_LETTERS).collect::<String>();
            return Err(Rejection::new(JOINT_NAMES, format!("{names:?} alone"), got));
        }
        if !POINTS.contains(&self.points.len()) {
            let (least, most) = (POINTS.start(), POINTS.end());
            let got = self.points.len().to_string();
            return Err(Rejection::new("trajectory.points", format!("{least} to {most} points"), got));
        }
        let mut knots = Vec::with_capacity(1 + self.points.len());
        let is_sudden = self.points[0].time_from_start.as_secs() <= BEGINS_S;
        if !is_sudden {
            let still = JointVector::zeros(names.len());
            knots.push(Knot { t: 0.0, q: *start, dq: Some(still), ddq: None });
        }
        for (i, point) in self.points.iter().enumerate() {
            let pick = |what: &str, values: &[f64]| {
                if values.len() == places.len() {
                    return Ok(JointVector::from_fn(places.len(), |j| values[places[j]]));
                }
                let field = format!("trajectory.points[{i}].{what}");
                let got = format!("{} of them", values.len());
                Err(Rejection::new(field, format!("{} numbers, one per joint", places.len()), got))
            };
            let or_none = |what: &str, values: &[f64]| match values {
                [] => Ok(None),
                said => pick(what, said).map(Some),
            };
            point.time_from_start.check(&format!("trajectory.points[{i}].time_from_start"))?;
            if point.effort.iter().any(|tau| *tau != 0.0) {
                let field = format!("trajectory.points[{i}].effort");
                return Err(Rejection::new(
                    field,
                    "none: efforts are not followed",
                    format!("{:?}", point.effort),
                ));
            }
            let t = point.time_from_start.as_secs();
            // What stands between the knots hangs on the difference.
            if knots.last().is_some_and(|k| t - k.t < CLOSEST_POINTS_S) {
                let field = format!("trajectory.points[{i}].time_from_start");
                return Err(Rejection::new(field, "later than the one before", format!("{t} s")));
            }
            knots.push(Knot {
                t,
                q: pick("positions", &point.positions)?,
                dq: or_none("velocities", &point.velocities)?,
                ddq: or_none("accelerations", &point.accelerations)?,
            });
        }
        if is_sudden && knots.len() == 1 && knots[0].q.max_abs_diff(start) > THERE {
            let got = format!("{:?} at once", knots[0].q);
            return Err(Rejection::new("trajectory.points", "a path to the only point", got));
        }
        let mut points = filled(&knots);
        if let Some(first) = points.first_mut().filter(|p| p.q.max_abs_diff(start) <= START_TOLERANCE) {
            first.q = *start;
        }
        Trajectory::new(points, limits, start)
    }
}

/// The field that [`FollowJointTrajectoryResult::refused`] tells apart.
const JOINT_NAMES: &str = "trajectory.joint_names";

/// What is said of an instant of a path.
struct Knot {
    t: f64,
    q: JointVector,
    dq: Option<JointVector>,
    ddq: Option<JointVector>,
}

/// Knots with what was not said, see [`JointTrajectory::timed`].
fn filled(knots: &[Knot]) -> Vec<TrajectoryPoint> {
    let n = knots.len();
    let slope = |i: usize, j: usize| (knots[i + 1].q[j] - knots[i].q[j]) / (knots[i + 1].t - knots[i].t);
    let is_end = |i: usize| i == 0 || i + 1 == n;
    let velocity = |i: usize, j: usize| {
        let (before, after) = (slope(i - 1, j), slope(i, j));
        if before * after > 0.0 { 0.5 * (before + after) } else { 0.0 }
    };
    let joints = |f: &dyn Fn(usize) -> f64| JointVector::from_fn(knots[0].q.len(), f);
    let still = JointVector::zeros(knots[0].q.len());
    let dq: Vec<JointVector> = (0..n)
        .map(|i| match knots[i].dq {
            Some(said) => said,
            None if is_end(i) => still,
            None => joints(&|j| velocity(i, j)),
        })
        .collect();
    // Second derivative of the cubic from knot i to the next, at its beginning and its end.
    let bend = |i: usize, j: usize| {
        let (h, v) = (knots[i + 1].t - knots[i].t, slope(i, j));
        let (a, b) = (dq[i][j], dq[i + 1][j]);
        [(6.0 * v - 4.0 * a - 2.0 * b) / h, (4.0 * b + 2.0 * a - 6.0 * v) / h]
    };
    let ddq = |i: usize| match knots[i].ddq {
        Some(said) => said,
        None if is_end(i) => still,
        None => joints(&|j| 0.5 * (bend(i - 1, j)[1] + bend(i, j)[0])),
    };
    (0..n).map(|i| TrajectoryPoint { t: knots[i].t, q: knots[i].q, dq: dq[i], ddq: ddq(i) }).collect()
}

message! {
    /// How far a joint may be off; 0 is the controller's own, below it without bound.
    JointTolerance = "control_msgs/msg/JointTolerance" {
        name: String = "string name";
        position: f64 = "float64 position";
        velocity: f64 = "float64 velocity";
        acceleration: f64 = "float64 acceleration";
    }
}

message! {
    /// The same for one degree of freedom of several.
    JointComponentTolerance = "control_msgs/msg/JointComponentTolerance" {
        joint_name: String = "string joint_name";
        component: u16 = "uint16 component";
        position: f64 = "float64 position";
        velocity: f64 = "float64 velocity";
        acceleration: f64 = "float64 acceleration";
    }
}

message! {
    /// A path to be followed.
    FollowJointTrajectoryGoal = "control_msgs/action/FollowJointTrajectory_Goal" {
        trajectory: JointTrajectory = "trajectory_msgs/JointTrajectory trajectory", part JointTrajectory;
        multi_dof_trajectory: MultiDOFJointTrajectory = "trajectory_msgs/MultiDOFJointTrajectory multi_dof_trajectory", part MultiDOFJointTrajectory;
        path_tolerance: Vec<JointTolerance> = "control_msgs/JointTolerance[] path_tolerance", part JointTolerance;
        component_path_tolerance: Vec<JointComponentTolerance> = "control_msgs/JointComponentTolerance[] component_path_tolerance", part JointComponentTolerance;
        goal_tolerance: Vec<JointTolerance> = "control_msgs/JointTolerance[] goal_tolerance", part JointTolerance;
        component_goal_tolerance: Vec<JointComponentTolerance> = "control_msgs/JointComponentTolerance[] component_goal_tolerance", part JointComponentTolerance;
        goal_time_tolerance: Duration = "builtin_interfaces/Duration goal_time_tolerance", part Duration;
    }
}

message! {
    /// What came of it.
    FollowJointTrajectoryResult = "control_msgs/action/FollowJointTrajectory_Result" {
        /// 0, or one of [`follow`](super::follow).
        ///
        error_code: i32 = "int32 error_code";
        /// A sentence for people.
        ///
        error_string: String = "string error_string";
    }
}

message! {
    /// How far it is.
    FollowJointTrajectoryFeedback = "control_msgs/action/FollowJointTrajectory_Feedback" {
        header: Header = "std_msgs/Header header", part Header;
        joint_names: Vec<String> = "string[] joint_names";
        desired: JointTrajectoryPoint = "trajectory_msgs/JointTrajectoryPoint desired", part JointTrajectoryPoint;
        actual: JointTrajectoryPoint = "trajectory_msgs/JointTrajectoryPoint actual", part JointTrajectoryPoint;
        error: JointTrajectoryPoint = "trajectory_msgs/JointTrajectoryPoint error", part JointTrajectoryPoint;
        multi_dof_joint_names: Vec<String> = "string[] multi_dof_joint_names";
        multi_dof_desired: MultiDOFJointTrajectoryPoint = "trajectory_msgs/MultiDOFJointTrajectoryPoint multi_dof_desired", part MultiDOFJointTrajectoryPoint;
        multi_dof_actual: MultiDOFJointTrajectoryPoint = "trajectory_msgs/MultiDOFJointTrajectoryPoint multi_dof_actual", part MultiDOFJointTrajectoryPoint;
        multi_dof_error: MultiDOFJointTrajectoryPoint = "trajectory_msgs/MultiDOFJointTrajectoryPoint multi_dof_error", part MultiDOFJointTrajectoryPoint;
    }
}

message! {
    /// What a gripper shall do.
    GripperCommand = "control_msgs/msg/GripperCommand" {
        /// Of the gripper's first joint, rad (m).
        ///
        position: f64 = "float64 position";
        /// N; 0 is the gripper's own.
        ///
        max_effort: f64 = "float64 max_effort";
    }
}

message! {
    /// A gripper's goal.
    GripperCommandGoal = "control_msgs/action/GripperCommand_Goal" {
        command: GripperCommand = "control_msgs/GripperCommand command", part GripperCommand;
    }
}

message! {
    /// What came of it.
    GripperCommandResult = "control_msgs/action/GripperCommand_Result" {
        position: f64 = "float64 position";
        effort: f64 = "float64 effort";
        /// Something is between the fingers.
        ///
        stalled: bool = "bool stalled";
        reached_goal: bool = "bool reached_goal";
    }
}

message! {
    /// How far it is.
    GripperCommandFeedback = "control_msgs/action/GripperCommand_Feedback" {
        position: f64 = "float64 position";
        effort: f64 = "float64 effort";
        stalled: bool = "bool stalled";
        reached_goal: bool = "bool reached_goal";
    }
}

/// How following a path ends.
pub mod follow {
    /// It was followed.
    pub const SUCCESSFUL: i32 = 0;
    /// It cannot be followed.
    pub const INVALID_GOAL: i32 = -1;
    /// It is for other joints.
    pub const INVALID_JOINTS: i32 = -2;
    /// It should have begun before now.
    pub const OLD_HEADER_TIMESTAMP: i32 = -3;
    /// The arm was not where it should be on the way.
    pub const PATH_TOLERANCE_VIOLATED: i32 = -4;
    /// The arm was not where it should be at the end.
    pub const GOAL_TOLERANCE_VIOLATED: i32 = -5;
}

impl FollowJointTrajectoryResult {
    /// That a path was refused, and why.
    #[must_use]
    pub fn refused(why: &Rejection) -> Self {
        let is_of_joints = why.field == JOINT_NAMES;
        let error_code = if is_of_joints { follow::INVALID_JOINTS } else { follow::INVALID_GOAL };
        Self { error_code, error_string: why.to_string() }
    }
}

#[cfg(test)]
#[path = "trajectory_tests.rs"]
mod tests;
