//! The side that gives goals.

use super::action::{
    Action, CancelGoalRequest, CancelGoalResponse, FeedbackMessage, GetResultRequest, GetResultResponse,
    GoalId, GoalInfo, SendGoalRequest, SendGoalResponse, cancel, status,
};
use super::{Expected, Keeps, Questions, RosError, locked};
use crate::limit::Limit;
use crate::queue::Queue;
use crate::ros::{Message, Time, read, written};
use core::time::Duration;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use types::Rejection;

/// So much feedback waits at most; the oldest makes room.
const MOST_FEEDBACK: usize = 64;

/// Who waits for feedback on which goal.
type Hears<F> = Mutex<HashMap<GoalId, Weak<Queue<F>>>>;

/// Waits for something within a limit.
type Waits = Box<dyn Fn(&Limit) -> Result<(), RosError> + Send + Sync>;

/// What an action is spoken to by.
pub(crate) struct Ends {
    pub(crate) goals: Arc<dyn Questions>,
    pub(crate) cancels: Arc<dyn Questions>,
    pub(crate) results: Arc<dyn Questions>,
    /// Waits until all of it is there.
    pub(crate) wait: Waits,
    pub(crate) _keeps: Keeps,
}

/// Where feedback comes in as bytes, `None` for what cannot be taken.
pub(crate) struct Feedbacks<F>(Arc<Hears<F>>);

impl<F: Message> Feedbacks<F> {
    pub(crate) fn came(&self, bytes: Option<&[u8]>) {
        let message = bytes.and_then(|bytes| read::<FeedbackMessage<F>>(bytes, "FeedbackMessage").ok());
        let hears = locked(&self.0);
        match message {
            // Others' goals have feedback here, too.
            Some(FeedbackMessage { goal_id, feedback }) => {
                if let Some(queue) = hears.get(&goal_id).and_then(Weak::upgrade) {
                    queue.push(feedback);
                }
            }
            // Whose it was is not known.
            None => hears.values().filter_map(Weak::upgrade).for_each(|queue| queue.count(0, 1)),
        }
    }
}

/// Gives goals of one action.
pub struct ActionClient<A: Action> {
    hears: Arc<Hears<A::Feedback>>,
    ends: Arc<Ends>,
}

/// How a goal has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Succeeded,
    /// It was given up, as was asked.
    Canceled,
    /// It could not be done.
    Aborted,
}

/// How a goal has ended, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended<R> {
    /// How.
    pub outcome: Outcome,
    /// What came of it.
    pub result: R,
}

/// A goal that was accepted.
pub struct Pursued<A: Action> {
    id: GoalId,
    result: Expected,
    feedback: Arc<Queue<A::Feedback>>,
    hears: Arc<Hears<A::Feedback>>,
    ends: Arc<Ends>,
}

impl<A: Action> ActionClient<A> {
    /// Of what the function lets feedback in by.
    pub(crate) fn new(
        open: impl FnOnce(Feedbacks<A::Feedback>) -> Result<Ends, RosError>,
    ) -> Result<Self, RosError> {
        let hears: Arc<Hears<A::Feedback>> = Arc::default();
        let ends = open(Feedbacks(hears.clone()))?;
        Ok(Self { hears, ends: Arc::new(ends) })
    }

    /// Waits until somebody pursues goals; `false` when nobody did within the limit.
    #[must_use]
    pub fn wait_served(&self, limit: Duration) -> bool {
        (self.ends.wait)(&Limit::of(limit)).is_ok()
    }

    /// Gives a goal as soon as there is somebody to pursue it; `None` when it was refused.
    ///
    /// # Errors
    /// [`RosError::Silent`] after `limit`: it may be pursued all the same. A [`Rejection`] for an answer that cannot be
    /// read.
    pub fn give(&self, goal: &A::Goal, limit: Duration) -> Result<Option<Pursued<A>>, RosError> {
        let limit = Limit::of(limit);
        (self.ends.wait)(&limit)?;
        let id = new_id()?;
        let queue = Arc::new(Queue::new(MOST_FEEDBACK));
        let mut hears = locked(&self.hears);
        hears.retain(|_, queue| queue.strong_count() > 0);
        // Before the goal is given: feedback may come before the answer.
        hears.insert(id, Arc::downgrade(&queue));
        drop(hears);
        let expected = self.ends.goals.ask(written(&SendGoalRequest { goal_id: id, goal }, A::NAME)?)?;
        let answer: SendGoalResponse = read(&expected.wait(limit.left())?, "SendGoalResponse")?;
        if !answer.accepted {
            return Ok(None);
        }
        let result = self.ends.results.ask(written(&GetResultRequest { goal_id: id }, A::NAME)?)?;
        let (ends, hears) = (self.ends.clone(), self.hears.clone());
        Ok(Some(Pursued { id, result, feedback: queue, hears, ends }))
    }
}

fn new_id() -> Result<GoalId, Rejection> {
    let mut id = [0; 16];
    let drawn = SystemRandom::new().fill(&mut id);
    drawn.map_err(|_| Rejection::new("goal", "random numbers of the operating system", "none"))?;
    Ok(GoalId(id))
}

impl<A: Action> Pursued<A> {
    /// Which goal it is.
    #[must_use]
    pub fn id(&self) -> GoalId {
        self.id
    }

    /// The oldest feedback that waits or comes within the limit.
    #[must_use]
    pub fn feedback_within(&self, limit: Duration) -> Option<A::Feedback> {
        self.feedback.take_within(limit)
    }

    /// How much feedback had to make room for newer one.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.feedback.lost()
    }

    /// How much feedback could not be read; of any goal, as it does not say then whose it is.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.feedback.refused()
    }

    /// Asks to give it up, and waits until that is accepted; the result comes as always.
    ///
    /// # Errors
    /// [`RosError::Silent`] after `limit`; a [`Rejection`] naming `cancel` where it was refused, or the goal has ended or
    /// is not known.
    pub fn cancel(&self, limit: Duration) -> Result<(), RosError> {
        let goal_info = GoalInfo { goal_id: self.id, stamp: Time::default() };
        let asked = self.ends.cancels.ask(written(&CancelGoalRequest { goal_info }, A::NAME)?)?;
        let answer: CancelGoalResponse = read(&asked.wait(limit)?, "CancelGoalResponse")?;
        let is_meant = answer.goals_canceling.iter().any(|goal| goal.goal_id == self.id);
        if answer.return_code == cancel::NONE && is_meant {
            return Ok(());
        }
        let why = match answer.return_code {
            cancel::UNKNOWN_GOAL => "a goal that is not known".to_owned(),
            cancel::GOAL_TERMINATED => "a goal that has ended".to_owned(),
            cancel::NONE | cancel::REJECTED => "a refusal".to_owned(),
            code => format!("code {code}"),
        };
        Err(Rejection::new("cancel", "a goal that is given up", why).into())
    }

    /// Waits for its end. To be called again after [`RosError::Silent`] for as long as it may take.
    ///
    /// # Errors
    /// [`RosError::Silent`] after `limit`; a [`Rejection`] for a result that cannot be read, or of a goal that is not
    /// known there.
    pub fn result_within(&self, limit: Duration) -> Result<Ended<A::Result>, RosError> {
        let bytes = self.result.wait(limit)?;
        let GetResultResponse { status, result } = read(&bytes, "GetResultResponse")?;
        let outcome = match status {
            status::SUCCEEDED => Outcome::Succeeded,
            status::CANCELED => Outcome::Canceled,
            status::ABORTED => Outcome::Aborted,
            other => return Err(Rejection::new("status", "4, 5 or 6", other.to_string()).into()),
        };
        Ok(Ended { outcome, result })
    }
}

impl<A: Action> Drop for Pursued<A> {
    fn drop(&mut self) {
        locked(&self.hears).remove(&self.id);
    }
}
