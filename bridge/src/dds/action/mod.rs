//! Actions: goals that take their time, with feedback on the way and a result in the end.

mod client;
mod server;

pub use client::{ActionClient, Ended, Outcome, Pursued};
pub use server::{ActionServer, CancelAsked, Event, Offer, Pursuit};

use super::service::Wires;
use super::{DdsError, Ros, names};
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
    type Goal: Message + Send + 'static;
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
    const ANY: Self = Self([0; 16]);
}

/// Where a goal stands, as `action_msgs/msg/GoalStatus` has it.
mod status {
    pub(super) const UNKNOWN: i8 = 0;
    pub(super) const EXECUTING: i8 = 2;
    pub(super) const CANCELING: i8 = 3;
    pub(super) const SUCCEEDED: i8 = 4;
    pub(super) const CANCELED: i8 = 5;
    pub(super) const ABORTED: i8 = 6;
}

/// What comes of a request to cancel, as `action_msgs/srv/CancelGoal` has it.
mod cancel {
    pub(super) const NONE: i8 = 0;
    pub(super) const REJECTED: i8 = 1;
    pub(super) const UNKNOWN_GOAL: i8 = 2;
    pub(super) const GOAL_TERMINATED: i8 = 3;
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct GoalInfo {
    goal_id: GoalId,
    stamp: Time,
}

#[derive(Serialize)]
struct GoalStatus {
    goal_info: GoalInfo,
    status: i8,
}

#[derive(Serialize)]
struct GoalStatusArray {
    status_list: Vec<GoalStatus>,
}

#[derive(Serialize, Deserialize)]
struct CancelGoalRequest {
    goal_info: GoalInfo,
}

#[derive(Serialize, Deserialize)]
struct CancelGoalResponse {
    return_code: i8,
    goals_canceling: Vec<GoalInfo>,
}

#[derive(Serialize, Deserialize)]
struct SendGoalRequest<G> {
    goal_id: GoalId,
    goal: G,
}

#[derive(Serialize, Deserialize)]
struct SendGoalResponse {
    accepted: bool,
    stamp: Time,
}

#[derive(Serialize, Deserialize)]
struct GetResultRequest {
    goal_id: GoalId,
}

#[derive(Serialize, Deserialize)]
struct GetResultResponse<R> {
    status: i8,
    result: R,
}

#[derive(Serialize, Deserialize)]
struct FeedbackMessage<F> {
    goal_id: GoalId,
    feedback: F,
}

/// The names of an action on the wire.
struct Parts {
    send_goal: Wires,
    cancel_goal: Wires,
    get_result: Wires,
    /// Topic and type.
    feedback: (String, String),
    status: (String, String),
}

impl Parts {
    fn of<A: Action>(ros: &Ros, name: &str) -> Result<Self, DdsError> {
        let name = ros.whole("action", name)?;
        let own = |service: &str, kind: &str| {
            Wires::of(&format!("{name}/_action/{service}"), &format!("{}_{kind}", A::NAME))
        };
        Ok(Self {
            send_goal: own("send_goal", "SendGoal")?,
            cancel_goal: Wires::of(&format!("{name}/_action/cancel_goal"), "action_msgs/srv/CancelGoal")?,
            get_result: own("get_result", "GetResult")?,
            feedback: (
                format!("rt{name}/_action/feedback"),
                names::of_type(&format!("{}_FeedbackMessage", A::NAME))?,
            ),
            status: (format!("rt{name}/_action/status"), names::of_type("action_msgs/msg/GoalStatusArray")?),
        })
    }
}

impl Ros {
    /// Pursues goals of an action from now on.
    ///
    /// # Errors
    /// A [`Rejection`](types::Rejection) naming `action` for a name that is none; [`DdsError::Dds`].
    pub fn action_server<A: Action>(&self, name: &str) -> Result<ActionServer<A>, DdsError> {
        ActionServer::new(self, name)
    }

    /// A way to give goals of an action.
    ///
    /// # Errors
    /// As [`Self::action_server`].
    pub fn action_client<A: Action>(&self, name: &str) -> Result<ActionClient<A>, DdsError> {
        ActionClient::new(self, name)
    }

    /// Follows paths, as `/arm_controller/follow_joint_trajectory`.
    ///
    /// # Errors
    /// As [`Self::action_server`].
    pub fn follow_server(&self, name: &str) -> Result<ActionServer<FollowJointTrajectory>, DdsError> {
        self.action_server(name)
    }

    /// Has paths followed.
    ///
    /// # Errors
    /// As [`Self::action_server`].
    pub fn follow_client(&self, name: &str) -> Result<ActionClient<FollowJointTrajectory>, DdsError> {
        self.action_client(name)
    }
}
