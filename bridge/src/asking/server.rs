//! The side that pursues goals.

use super::action::{
    Action, CancelGoalRequest, CancelGoalResponse, FeedbackMessage, GetResultRequest, GetResultResponse,
    GoalId, GoalInfo, GoalStatus, GoalStatusArray, SendGoalRequest, SendGoalResponse, cancel, status,
};
use super::{Keeps, Patience, Reply, RosError, Say, locked};
use crate::queue::Queue;
use crate::ros::{Time, read, written};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use types::Rejection;

/// So many events wait at most; a goal that has to make room is refused, and so is a request to cancel.
const MOST_EVENTS: usize = 32;
/// So many goals are remembered with their results for who asks late.
const MOST_GOALS: usize = 64;
/// So many ask for one goal's result at most.
const MOST_ASKING: usize = 16;

/// A goal that was accepted.
struct Known {
    id: GoalId,
    stamp: Time,
    status: i8,
    /// The answer to who asks for the result, once there is one.
    result: Option<Vec<u8>>,
    asking: Vec<Reply>,
}

impl Known {
    fn is_ended(&self) -> bool {
        self.status > status::CANCELING
    }

    fn info(&self) -> GoalInfo {
        GoalInfo { goal_id: self.id, stamp: self.stamp.clone() }
    }
}

/// What goes out, and the goals.
struct Shared {
    goals: Mutex<VecDeque<Known>>,
    feedback: Say,
    statuses: Say,
}

impl Shared {
    /// Says where all goals stand.
    fn say(&self, goals: &VecDeque<Known>) {
        let status = |goal: &Known| GoalStatus { goal_info: goal.info(), status: goal.status };
        let array = GoalStatusArray { status_list: goals.iter().map(status).collect() };
        // Whoever waits for the result gets it whether or not the state could be said.
        if let Ok(bytes) = written(&array, "GoalStatusArray") {
            _ = (self.statuses)(bytes);
        }
    }
}

/// What happens to one that pursues goals.
pub enum Event<A: Action> {
    /// Somebody gives a goal.
    Goal(Offer<A>),
    /// Somebody wants goals to be given up.
    Cancel(CancelAsked),
}

/// Pursues goals of one action.
pub struct ActionServer<A: Action> {
    events: Arc<Queue<Event<A>>>,
    _keeps: Keeps,
}

/// A goal to be accepted or refused; one that is let go is refused.
pub struct Offer<A: Action> {
    goal: A::Goal,
    id: GoalId,
    reply: Option<Reply>,
    shared: Arc<Shared>,
}

/// A goal that is pursued; one that is let go is aborted.
pub struct Pursuit<A: Action> {
    goal: A::Goal,
    id: GoalId,
    shared: Arc<Shared>,
    is_ended: bool,
}

/// A request to give goals up, to be accepted or refused; one that is let go is refused.
pub struct CancelAsked {
    goals: Vec<GoalId>,
    reply: Option<Reply>,
    shared: Arc<Shared>,
}

/// Where questions about goals go in as bytes.
pub(crate) struct Desk<A: Action> {
    events: Arc<Queue<Event<A>>>,
    shared: Arc<Shared>,
}

impl<A: Action> Clone for Desk<A> {
    fn clone(&self) -> Self {
        Self { events: self.events.clone(), shared: self.shared.clone() }
    }
}

impl<A: Action> Desk<A> {
    pub(crate) fn new(feedback: Say, statuses: Say) -> Self {
        let shared = Shared { goals: Mutex::default(), feedback, statuses };
        Self { events: Arc::new(Queue::new(MOST_EVENTS)), shared: Arc::new(shared) }
    }

    /// Something came that is no question.
    pub(crate) fn bad(&self) {
        self.events.count(0, 1);
    }

    pub(crate) fn asked_result(&self, bytes: &[u8], reply: Reply) {
        match read::<GetResultRequest>(bytes, "GetResultRequest") {
            Ok(asked) => asked_for_result::<A>(&self.shared, reply, asked.goal_id),
            Err(_) => self.bad(),
        }
    }

    pub(crate) fn asked_cancel(&self, bytes: &[u8], reply: Reply) {
        let Ok(asked) = read::<CancelGoalRequest>(bytes, "CancelGoalRequest") else { return self.bad() };
        match to_cancel(&self.shared, &asked.goal_info) {
            Ok(goals) => {
                let asked = CancelAsked { goals, reply: Some(reply), shared: self.shared.clone() };
                self.events.push(Event::Cancel(asked));
            }
            Err(code) => _ = answer_cancel(code, Vec::new()).and_then(|bytes| reply.say_now(bytes)),
        }
    }

    pub(crate) fn asked_goal(&self, bytes: &[u8], reply: Reply) {
        let Ok(asked) = read::<SendGoalRequest<A::Goal>>(bytes, A::NAME) else {
            // Who asks is told, instead of waiting for nothing.
            _ = answer_goal(false, Time::default()).and_then(|bytes| reply.say_now(bytes));
            return self.bad();
        };
        let id = asked.goal_id;
        let offer = Offer { goal: asked.goal, id, reply: Some(reply), shared: self.shared.clone() };
        // A goal is given once: a second one of its name is refused by being let go.
        if id != GoalId::ANY && !locked(&self.shared.goals).iter().any(|g| g.id == id) {
            self.events.push(Event::Goal(offer));
        }
    }
}

impl<A: Action> ActionServer<A> {
    /// Of the desk and what lets questions in there.
    pub(crate) fn new(desk: &Desk<A>, keeps: Keeps) -> Self {
        Self { events: desk.events.clone(), _keeps: keeps }
    }

    /// What happens next, or has happened and waits.
    #[must_use]
    pub fn next_within(&self, limit: Duration) -> Option<Event<A>> {
        self.events.take_within(limit)
    }

    /// How many goals and requests to cancel had to make room for others, and were refused by that.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.events.lost()
    }

    /// How many messages could not be read, or were of another type.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.events.refused()
    }
}

/// Answers who asks for a result, or keeps it waiting until there is one.
fn asked_for_result<A: Action>(shared: &Shared, reply: Reply, id: GoalId) {
    let mut goals = locked(&shared.goals);
    let bytes = match goals.iter_mut().find(|goal| goal.id == id) {
        Some(Known { result: Some(bytes), .. }) => Ok(bytes.clone()),
        Some(goal) if goal.asking.len() < MOST_ASKING => return goal.asking.push(reply),
        _ => {
            let nothing = GetResultResponse { status: status::UNKNOWN, result: A::Result::default() };
            written(&nothing, "GetResultResponse")
        }
    };
    drop(goals);
    // Who does not get it asks again, or finds its own limit.
    _ = bytes.map_err(RosError::from).and_then(|bytes| reply.say_now(bytes));
}

/// The goals that a request to cancel is about, or why there are none.
fn to_cancel(shared: &Shared, asked: &GoalInfo) -> Result<Vec<GoalId>, i8> {
    let goals = locked(&shared.goals);
    let is_any = asked.goal_id == GoalId::ANY;
    let stamp = |time: &Time| (time.sec, time.nanosec);
    let is_timed = stamp(&asked.stamp) != (0, 0);
    let is_meant = |goal: &&Known| {
        goal.id == asked.goal_id
            || (is_any && !is_timed)
            || (is_timed && stamp(&goal.stamp) <= stamp(&asked.stamp))
    };
    let going: Vec<_> = goals.iter().filter(is_meant).filter(|g| !g.is_ended()).map(|g| g.id).collect();
    if !going.is_empty() {
        return Ok(going);
    }
    match goals.iter().any(|goal| goal.id == asked.goal_id) {
        true => Err(cancel::GOAL_TERMINATED),
        false if is_any => Err(cancel::NONE),
        false => Err(cancel::UNKNOWN_GOAL),
    }
}

fn answer_cancel(return_code: i8, goals_canceling: Vec<GoalInfo>) -> Result<Vec<u8>, RosError> {
    Ok(written(&CancelGoalResponse { return_code, goals_canceling }, "CancelGoalResponse")?)
}

fn answer_goal(accepted: bool, stamp: Time) -> Result<Vec<u8>, RosError> {
    Ok(written(&SendGoalResponse { accepted, stamp }, "SendGoalResponse")?)
}

impl<A: Action> Offer<A> {
    /// What is to be done.
    #[must_use]
    pub fn goal(&self) -> &A::Goal {
        &self.goal
    }

    /// Which goal it is.
    #[must_use]
    pub fn id(&self) -> GoalId {
        self.id
    }

    /// Accepts it at this time, which others are told.
    ///
    /// # Errors
    /// [`RosError::Full`], [`RosError::Dds`], [`RosError::Rcl`]: who gave the goal does not know that it was accepted, so it is not pursued.
    pub fn accept(self, now: types::Time) -> Result<Pursuit<A>, RosError> {
        self.accept_with(now, Patience::Waits)
    }

    /// As [`Self::accept`], without waiting a moment until who gave it hears answers: for whoever has something to keep going.
    ///
    /// # Errors
    /// As [`Self::accept`].
    pub fn accept_now(self, now: types::Time) -> Result<Pursuit<A>, RosError> {
        self.accept_with(now, Patience::Now)
    }

    fn accept_with(mut self, now: types::Time, patience: Patience) -> Result<Pursuit<A>, RosError> {
        let stamp = Time::from(now);
        let (id, asking) = (self.id, Vec::new());
        let known = Known { id, stamp: stamp.clone(), status: status::EXECUTING, result: None, asking };
        let mut goals = locked(&self.shared.goals);
        // Two of its name may have waited together.
        if goals.iter().any(|goal| goal.id == id) {
            return Err(Rejection::new("goal.id", "one that was not given before", format!("{id:?}")).into());
        }
        while goals.len() >= MOST_GOALS
            && let Some(old) = goals.iter().position(Known::is_ended)
        {
            goals.remove(old);
        }
        goals.push_back(known);
        self.shared.say(&goals);
        drop(goals);
        let reply = self.reply.take();
        let shared = self.shared.clone();
        let pursuit = Pursuit { goal: self.goal.clone(), id, shared, is_ended: false };
        // Known before it is said, as who hears it asks for the result at once.
        let answer = answer_goal(true, stamp)?;
        reply.map_or(Ok(()), |reply| match patience {
            Patience::Waits => reply.say(answer),
            Patience::Now => reply.say_now(answer),
        })?;
        Ok(pursuit)
    }

    /// Refuses it.
    ///
    /// # Errors
    /// [`RosError::Full`], [`RosError::Dds`], [`RosError::Rcl`].
    pub fn refuse(mut self) -> Result<(), RosError> {
        let reply = self.reply.take();
        reply.map_or(Ok(()), |reply| reply.say(answer_goal(false, Time::default())?))
    }
}

impl<A: Action> Drop for Offer<A> {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.take() {
            _ = answer_goal(false, Time::default()).and_then(|bytes| reply.say_now(bytes));
        }
    }
}

impl<A: Action> Pursuit<A> {
    /// What is to be done.
    #[must_use]
    pub fn goal(&self) -> &A::Goal {
        &self.goal
    }

    /// Which goal it is.
    #[must_use]
    pub fn id(&self) -> GoalId {
        self.id
    }

    /// Whether it is to be given up.
    #[must_use]
    pub fn is_canceling(&self) -> bool {
        locked(&self.shared.goals).iter().any(|g| g.id == self.id && g.status == status::CANCELING)
    }

    /// Says how far it is.
    ///
    /// # Errors
    /// [`RosError::Full`], [`RosError::Dds`], [`RosError::Rcl`].
    pub fn feedback(&self, feedback: &A::Feedback) -> Result<(), RosError> {
        let bytes = written(&FeedbackMessage { goal_id: self.id, feedback }, A::NAME)?;
        (self.shared.feedback)(bytes)
    }

    /// It was done.
    ///
    /// # Errors
    /// [`RosError::Full`], [`RosError::Dds`], [`RosError::Rcl`] where not everybody that waits for the result could be told.
    pub fn succeed(mut self, result: &A::Result) -> Result<(), RosError> {
        self.end(status::SUCCEEDED, result)
    }

    /// It was given up, as was asked.
    ///
    /// # Errors
    /// As [`Self::succeed`]; a [`Rejection`] where nobody has asked: the goal is aborted then.
    pub fn cancel(mut self, result: &A::Result) -> Result<(), RosError> {
        if !self.is_canceling() {
            self.end(status::ABORTED, result)?;
            return Err(Rejection::new("goal", "one that was asked to be given up", "none such").into());
        }
        self.end(status::CANCELED, result)
    }

    /// It could not be done.
    ///
    /// # Errors
    /// As [`Self::succeed`].
    pub fn abort(mut self, result: &A::Result) -> Result<(), RosError> {
        self.end(status::ABORTED, result)
    }

    fn end(&mut self, status: i8, result: &A::Result) -> Result<(), RosError> {
        self.is_ended = true;
        let bytes = written(&GetResultResponse { status, result }, A::NAME)?;
        let mut goals = locked(&self.shared.goals);
        let goal = goals.iter_mut().find(|goal| goal.id == self.id);
        let asking = goal.map(|goal| {
            goal.status = status;
            goal.result = Some(bytes.clone());
            core::mem::take(&mut goal.asking)
        });
        self.shared.say(&goals);
        drop(goals);
        let mut said = Ok(());
        for reply in asking.into_iter().flatten() {
            let one = reply.say_now(bytes.clone());
            said = said.and(one);
        }
        said
    }
}

impl<A: Action> Drop for Pursuit<A> {
    fn drop(&mut self) {
        if !self.is_ended {
            _ = self.end(status::ABORTED, &A::Result::default());
        }
    }
}

impl CancelAsked {
    /// The goals it is about.
    #[must_use]
    pub fn goals(&self) -> &[GoalId] {
        &self.goals
    }

    /// Accepts it: the goals are to be given up, and ended by [`Pursuit::cancel`] then.
    ///
    /// # Errors
    /// [`RosError::Full`], [`RosError::Dds`], [`RosError::Rcl`].
    pub fn accept(mut self) -> Result<(), RosError> {
        let mut goals = locked(&self.shared.goals);
        let mut canceling = Vec::new();
        for goal in goals.iter_mut().filter(|goal| self.goals.contains(&goal.id) && !goal.is_ended()) {
            goal.status = status::CANCELING;
            canceling.push(goal.info());
        }
        self.shared.say(&goals);
        drop(goals);
        // All may have ended in the meantime.
        let code = if canceling.is_empty() { cancel::GOAL_TERMINATED } else { cancel::NONE };
        let reply = self.reply.take();
        reply.map_or(Ok(()), |reply| reply.say(answer_cancel(code, canceling)?))
    }

    /// Refuses it.
    ///
    /// # Errors
    /// [`RosError::Full`], [`RosError::Dds`], [`RosError::Rcl`].
    pub fn refuse(mut self) -> Result<(), RosError> {
        let reply = self.reply.take();
        reply.map_or(Ok(()), |reply| reply.say(answer_cancel(cancel::REJECTED, Vec::new())?))
    }
}

impl Drop for CancelAsked {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.take() {
            _ = answer_cancel(cancel::REJECTED, Vec::new()).and_then(|bytes| reply.say_now(bytes));
        }
    }
}
