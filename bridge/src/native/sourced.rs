//! The services and actions that Sinew speaks, with the types of the ROS 2 that is sourced.

use super::{Ros, WiredAction, WiredQuestion};
use crate::asking::{ActionClient, ActionServer, FollowJointTrajectory, MoveGripper, RosError};
use crate::ros::{TriggerRequest, TriggerResponse};

impl WiredQuestion<TriggerResponse> for TriggerRequest {
    type Wire = r2r::std_srvs::srv::Trigger::Service;
}

impl WiredAction for FollowJointTrajectory {
    type Wire = r2r::control_msgs::action::FollowJointTrajectory::Action;
}

impl WiredAction for MoveGripper {
    type Wire = r2r::control_msgs::action::GripperCommand::Action;
}

impl Ros {
    /// Follows paths, as `/arm_controller/follow_joint_trajectory`.
    ///
    /// # Errors
    /// As [`Self::action_server`].
    pub fn follow_server(&self, name: &str) -> Result<ActionServer<FollowJointTrajectory>, RosError> {
        self.action_server(name)
    }

    /// Opens and closes a gripper, as `/gripper_controller/gripper_cmd`.
    ///
    /// # Errors
    /// As [`Self::action_server`].
    pub fn gripper_server(&self, name: &str) -> Result<ActionServer<MoveGripper>, RosError> {
        self.action_server(name)
    }

    /// Has paths followed.
    ///
    /// # Errors
    /// As [`Self::action_server`].
    pub fn follow_client(&self, name: &str) -> Result<ActionClient<FollowJointTrajectory>, RosError> {
        self.action_client(name)
    }
}
