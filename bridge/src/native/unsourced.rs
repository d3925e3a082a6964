//! Where no ROS 2 is sourced: what has types of rcl's is checked with those that r2r brings for its own documentation, an
//! action and a service of `test_msgs`. None of it runs.

use super::{Ros, WiredAction, WiredQuestion};
use crate::asking::{
    Action, ActionClient, ActionServer, Asker, FollowJointTrajectory, MoveGripper, RosError, Served,
};
use crate::ros::{Text, TriggerRequest, TriggerResponse};

/// Stands for the actions that r2r has only where a ROS 2 is sourced.
pub struct Fibonacci;

impl Action for Fibonacci {
    const NAME: &'static str = "test_msgs/action/Fibonacci";
    type Goal = Text;
    type Result = Text;
    type Feedback = Text;
}

impl WiredAction for Fibonacci {
    type Wire = r2r::test_msgs::action::Fibonacci::Action;
}

impl WiredQuestion<TriggerResponse> for TriggerRequest {
    type Wire = r2r::test_msgs::srv::BasicTypes::Service;
}

type Opens<T> = fn(&Ros, &str) -> Result<T, RosError>;

const _: Opens<ActionServer<Fibonacci>> = Ros::action_server;
const _: Opens<ActionClient<Fibonacci>> = Ros::action_client;
const _: Opens<Served<TriggerRequest, TriggerResponse>> = Ros::serve;
const _: Opens<Asker<TriggerRequest, TriggerResponse>> = Ros::asker;

const NONE: &str = "no ROS 2 was sourced when this was built";

/// These stand for what is there where a ROS 2 is sourced.
impl Ros {
    /// None.
    ///
    /// # Errors
    /// [`RosError::Rcl`], always.
    pub fn follow_server(&self, _name: &str) -> Result<ActionServer<FollowJointTrajectory>, RosError> {
        Err(RosError::Rcl(NONE.into()))
    }

    /// None.
    ///
    /// # Errors
    /// [`RosError::Rcl`], always.
    pub fn gripper_server(&self, _name: &str) -> Result<ActionServer<MoveGripper>, RosError> {
        Err(RosError::Rcl(NONE.into()))
    }
}
