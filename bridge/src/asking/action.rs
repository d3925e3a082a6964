//! What goals are, and what is said of them.

use crate::ros::{
    FollowJointTrajectoryFeedback, FollowJointTrajectoryGoal, FollowJointTrajectoryResult,
    GripperCommandFeedback, GripperCommandGoal, GripperCommandResult, Message, Time,
};
use serde::{Deserialize, Serialize};

/// A type of action.
pub trait Action: Send + Sync + 'static {
    /// Its name, as `control_msgs/action/FollowJointTrajectory`.
    const NAME: &'static str;
    /// What is to be done.
    type Goal: Message + Clone + Send + 'static;
    /// What came of it.
    type Result: Message + Default + Send + 'static;
    /// How far it is.
    type Feedback: Message + Send + 'static;
}

/// Joints follow a path.
pub struct FollowJointTrajectory;

impl Action for FollowJointTrajectory {
    const NAME: &'static str = "control_msgs/action/FollowJointTrajectory";
    type Goal = FollowJointTrajectoryGoal;
    type Result = FollowJointTrajectoryResult;
    type Feedback = FollowJointTrajectoryFeedback;
}

/// A gripper opens or closes.
pub struct MoveGripper;

impl Action for MoveGripper {
    const NAME: &'static str = "control_msgs/action/GripperCommand";
    type Goal = GripperCommandGoal;
    type Result = GripperCommandResult;
    type Feedback = GripperCommandFeedback;
}

/// Which goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GoalId(pub [u8; 16]);

impl GoalId {
    /// In a request to cancel: every goal.
    pub(super) const ANY: Self = Self([0; 16]);
}

/// Where a goal stands, as `action_msgs/msg/GoalStatus` has it.
pub(super) mod status {
    pub(in crate::asking) const UNKNOWN: i8 = 0;
    pub(in crate::asking) const EXECUTING: i8 = 2;
    pub(in crate::asking) const CANCELING: i8 = 3;
    pub(in crate::asking) const SUCCEEDED: i8 = 4;
    pub(in crate::asking) const CANCELED: i8 = 5;
    pub(in crate::asking) const ABORTED: i8 = 6;
}

/// What comes of a request to cancel, as `action_msgs/srv/CancelGoal` has it.
pub(super) mod cancel {
    pub(in crate::asking) const NONE: i8 = 0;
    pub(in crate::asking) const REJECTED: i8 = 1;
    pub(in crate::asking) const UNKNOWN_GOAL: i8 = 2;
    pub(in crate::asking) const GOAL_TERMINATED: i8 = 3;
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct GoalInfo {
    pub(super) goal_id: GoalId,
    pub(super) stamp: Time,
}

#[derive(Serialize)]
pub(super) struct GoalStatus {
    pub(super) goal_info: GoalInfo,
    pub(super) status: i8,
}

#[derive(Serialize)]
pub(super) struct GoalStatusArray {
    pub(super) status_list: Vec<GoalStatus>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CancelGoalRequest {
    pub(super) goal_info: GoalInfo,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CancelGoalResponse {
    pub(super) return_code: i8,
    pub(super) goals_canceling: Vec<GoalInfo>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SendGoalRequest<G> {
    pub(super) goal_id: GoalId,
    pub(super) goal: G,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SendGoalResponse {
    pub(super) accepted: bool,
    pub(super) stamp: Time,
}

#[derive(Serialize, Deserialize)]
pub(super) struct GetResultRequest {
    pub(super) goal_id: GoalId,
}

#[derive(Serialize, Deserialize)]
pub(super) struct GetResultResponse<R> {
    pub(super) status: i8,
    pub(super) result: R,
}

#[derive(Serialize, Deserialize)]
pub(super) struct FeedbackMessage<F> {
    pub(super) goal_id: GoalId,
    pub(super) feedback: F,
}
