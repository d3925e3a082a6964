//! Actions, as they are on DDS.

use super::raw::Care;
use super::service::{Answers, Questions, Wires};
use super::topic::{Hearing, Said};
use super::{Ros, RosError, names};
use crate::asking::{
    Action, ActionClient, ActionServer, Desk, Ends, FollowJointTrajectory, MoveGripper, Reply, Say,
};
use std::sync::Arc;

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
    fn of<A: Action>(ros: &Ros, name: &str) -> Result<Self, RosError> {
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

fn serve<A: Action>(
    ros: &Ros,
    wires: Wires,
    desk: &Desk<A>,
    asked: fn(&Desk<A>, &[u8], Reply),
) -> Result<Hearing, RosError> {
    let (at, bad) = (desk.clone(), desk.clone());
    Answers::serve(ros, wires, move |bytes, reply| asked(&at, &bytes, reply), move || bad.bad())
}

impl Ros {
    /// Pursues goals of an action from now on.
    ///
    /// # Errors
    /// A [`Rejection`](types::Rejection) naming `action` for a name that is none; [`RosError::Dds`].
    pub fn action_server<A: Action>(&self, name: &str) -> Result<ActionServer<A>, RosError> {
        let Parts { send_goal, cancel_goal, get_result, feedback, status } = Parts::of::<A>(self, name)?;
        let says = |(topic, of_type), care| -> Result<Say, RosError> {
            let said = Said::new(self, topic, of_type, care)?;
            Ok(Box::new(move |bytes| said.write(bytes, None, |_| ())))
        };
        let desk = Desk::new(says(feedback, Care::Reliable)?, says(status, Care::Latched)?);
        let hears_results = serve(self, get_result, &desk, Desk::asked_result)?;
        let hears_cancels = serve(self, cancel_goal, &desk, Desk::asked_cancel)?;
        let hears_goals = serve(self, send_goal, &desk, Desk::asked_goal)?;
        let keeps = (hears_goals, hears_cancels, hears_results, self.clone());
        Ok(ActionServer::new(&desk, Box::new(keeps)))
    }

    /// A way to give goals of an action.
    ///
    /// # Errors
    /// As [`Self::action_server`].
    pub fn action_client<A: Action>(&self, name: &str) -> Result<ActionClient<A>, RosError> {
        let Parts { send_goal, cancel_goal, get_result, feedback, .. } = Parts::of::<A>(self, name)?;
        ActionClient::new(|feedbacks| {
            let each = move |sample: Option<super::raw::Sample>| {
                feedbacks.came(sample.as_ref().map(|sample| &sample.bytes[..]));
            };
            let hearing = Hearing::new(self, &feedback.0, feedback.1, Care::Reliable, each)?;
            let goals = Arc::new(Questions::new(self, send_goal)?);
            let cancels = Arc::new(Questions::new(self, cancel_goal)?);
            let results = Arc::new(Questions::new(self, get_result)?);
            let (to, others) = (goals.clone(), [cancels.clone(), results.clone()]);
            let hears = hearing.end.clone();
            let wait = Box::new(move |limit: &_| {
                let [cancels, results] = [others[0].ends(), others[1].ends()];
                to.wait_with(&[cancels[0], cancels[1], results[0], results[1], &hears], limit)
            });
            Ok(Ends { goals, cancels, results, wait, _keeps: Box::new((hearing, self.clone())) })
        })
    }

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
