//! Actions, through rcl: their services and topics one by one. What goals do is decided in [`asking`](crate::asking), for
//! every wire alike; r2r's own server of actions stamps no goal, and leaves a request to cancel unanswered that is let go.

use super::service::{Asking, ServiceWire, serve};
use super::spinning::{Watching, Went};
use super::topic::{Said, drain};
use super::{Ros, RosError, qos, rcl};
use crate::asking::{Action, ActionClient, ActionServer, Desk, Ends, Questions, Reply, Say, locked};
use crate::limit::Limit;
use crate::ros::Care;
use r2r::action_msgs::srv::CancelGoal;
use r2r::{Node, WrappedActionTypeSupport, WrappedTypesupport};
use std::sync::{Arc, Mutex};

/// A type of action of rcl's.
pub trait ActionWire:
    WrappedActionTypeSupport<FeedbackMessage: Send, SendGoal: ServiceWire, GetResult: ServiceWire> + 'static
{
}

impl<W> ActionWire for W where
    W: WrappedActionTypeSupport<FeedbackMessage: Send, SendGoal: ServiceWire, GetResult: ServiceWire>
        + 'static
{
}

/// A type of action that rcl knows.
pub trait WiredAction: Action {
    /// Its type there.
    type Wire: ActionWire;
}

/// As many feedbacks wait in the middleware.
const FEEDBACKS: usize = 64;

fn part(name: &str, part: &str) -> String {
    format!("{name}/_action/{part}")
}

fn says_feedback<W: ActionWire>(ros: &Ros, topic: String) -> Result<Say, RosError> {
    let asks = qos::says(Care::Reliable);
    let publisher = ros.order(move |node| node.create_publisher::<W::FeedbackMessage>(&topic, asks))?;
    let said = Feedback { publisher: Mutex::new(publisher), ros: ros.clone() };
    Ok(Box::new(move |bytes| {
        let message = W::FeedbackMessage::from_serialized_bytes(&bytes).map_err(rcl)?;
        locked(&said.publisher).publish(&message).map_err(rcl)
    }))
}

/// A way to say feedback, which has no name among the messages.
struct Feedback<F: WrappedTypesupport + Send + 'static> {
    publisher: Mutex<r2r::Publisher<F>>,
    ros: Ros,
}

impl<F: WrappedTypesupport + Send + 'static> Drop for Feedback<F> {
    fn drop(&mut self) {
        let publisher = locked(&self.publisher).clone();
        self.ros.0.spinner.tell(move |node| node.destroy_publisher(publisher));
    }
}

fn asked<A: Action, W: ServiceWire>(
    ros: &Ros,
    name: &str,
    desk: &Desk<A>,
    asked: fn(&Desk<A>, &[u8], Reply),
) -> Result<Watching<Node>, RosError> {
    let (at, bad) = (desk.clone(), desk.clone());
    serve::<W>(ros, name, move |bytes, reply| asked(&at, &bytes, reply), move || bad.bad())
}

impl Ros {
    /// Pursues goals of an action from now on.
    ///
    /// # Errors
    /// A [`Rejection`](types::Rejection) naming `action` for a name that is none; [`RosError::Rcl`].
    pub fn action_server<A: WiredAction>(&self, name: &str) -> Result<ActionServer<A>, RosError> {
        let name = self.whole("action", name)?;
        let feedback = says_feedback::<A::Wire>(self, part(&name, "feedback"))?;
        let statuses = "action_msgs/msg/GoalStatusArray";
        let statuses = Said::new(self, part(&name, "status"), statuses, Care::Latched)?;
        let desk: Desk<A> = Desk::new(feedback, Box::new(move |bytes| statuses.say(&bytes)));
        type Goals<A> = <<A as WiredAction>::Wire as WrappedActionTypeSupport>::SendGoal;
        type Results<A> = <<A as WiredAction>::Wire as WrappedActionTypeSupport>::GetResult;
        let results = asked::<A, Results<A>>(self, &part(&name, "get_result"), &desk, Desk::asked_result)?;
        let cancels =
            asked::<A, CancelGoal::Service>(self, &part(&name, "cancel_goal"), &desk, Desk::asked_cancel)?;
        let goals = asked::<A, Goals<A>>(self, &part(&name, "send_goal"), &desk, Desk::asked_goal)?;
        Ok(ActionServer::new(&desk, Box::new((goals, cancels, results, self.clone()))))
    }

    /// A way to give goals of an action. r2r keeps it as long as the node is there.
    ///
    /// # Errors
    /// As [`Self::action_server`].
    pub fn action_client<A: WiredAction>(&self, name: &str) -> Result<ActionClient<A>, RosError> {
        type Feedback<A> = <<A as WiredAction>::Wire as WrappedActionTypeSupport>::FeedbackMessage;
        type Goals<A> = <<A as WiredAction>::Wire as WrappedActionTypeSupport>::SendGoal;
        type Results<A> = <<A as WiredAction>::Wire as WrappedActionTypeSupport>::GetResult;
        let name = self.whole("action", name)?;
        ActionClient::new(|feedbacks| {
            let (topic, asks) = (part(&name, "feedback"), qos::hears(Care::Reliable, FEEDBACKS));
            let mut stream = self.order(move |node| node.subscribe::<Feedback<A>>(&topic, asks))?;
            let watching = self.0.spinner.watch(move |context| -> Went {
                drain(&mut stream, context, |said: Feedback<A>| {
                    feedbacks.came(said.to_serialized_bytes().ok().as_deref());
                })
            });
            let goals = Arc::new(Asking::<Goals<A>>::new(self, part(&name, "send_goal"))?);
            let cancels = Arc::new(Asking::<CancelGoal::Service>::new(self, part(&name, "cancel_goal"))?);
            let results = Arc::new(Asking::<Results<A>>::new(self, part(&name, "get_result"))?);
            let all: [Arc<dyn Questions>; 3] = [goals.clone(), cancels.clone(), results.clone()];
            let wait = move |limit: &Limit| all.iter().try_for_each(|questions| questions.wait(limit));
            let keeps = Box::new((watching, self.clone()));
            Ok(Ends { goals, cancels, results, wait: Box::new(wait), _keeps: keeps })
        })
    }
}
