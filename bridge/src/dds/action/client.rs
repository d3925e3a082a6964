//! The side that gives goals.

use super::{
    Action, CancelGoalRequest, CancelGoalResponse, FeedbackMessage, GetResultRequest, GetResultResponse,
    GoalId, GoalInfo, Parts, SendGoalRequest, SendGoalResponse, cancel, status,
};
use crate::dds::limit::Limit;
use crate::dds::raw::Care;
use crate::dds::service::{Expected, Questions};
use crate::dds::topic::{Hearing, Queue};
use crate::dds::{DdsError, Ros, locked};
use crate::ros::{Time, read, written};
use core::time::Duration;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use types::Rejection;

/// So much feedback waits at most; the oldest makes room.
const MOST_FEEDBACK: usize = 64;

/// Who waits for feedback on which goal.
type Hears<A> = Mutex<HashMap<GoalId, Weak<Queue<<A as Action>::Feedback>>>>;

/// Gives goals of one action.
pub struct ActionClient<A: Action> {
    goals: Questions,
    cancels: Arc<Questions>,
    results: Arc<Questions>,
    hears: Arc<Hears<A>>,
    feedback: Hearing,
    ros: Ros,
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
    cancels: Arc<Questions>,
    feedback: Arc<Queue<A::Feedback>>,
    hears: Arc<Hears<A>>,
    _ros: Ros,
}

impl<A: Action> ActionClient<A> {
    pub(super) fn new(ros: &Ros, name: &str) -> Result<Self, DdsError> {
        let Parts { send_goal, cancel_goal, get_result, feedback, .. } = Parts::of::<A>(ros, name)?;
        let hears: Arc<Hears<A>> = Arc::default();
        let from = hears.clone();
        let feedback = Hearing::new(ros, &feedback.0, feedback.1, Care::Reliable, move |sample| {
            let message =
                sample.and_then(|s| read::<FeedbackMessage<A::Feedback>>(&s.bytes, "FeedbackMessage").ok());
            let hears = locked(&from);
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
        })?;
        Ok(Self {
            goals: Questions::new(ros, send_goal)?,
            cancels: Arc::new(Questions::new(ros, cancel_goal)?),
            results: Arc::new(Questions::new(ros, get_result)?),
            hears,
            feedback,
            ros: ros.clone(),
        })
    }

    /// Waits until somebody pursues goals; `false` when nobody did within the limit.
    #[must_use]
    pub fn wait_served(&self, limit: Duration) -> bool {
        self.wait(&Limit::of(limit)).is_ok()
    }

    fn wait(&self, limit: &Limit) -> Result<(), DdsError> {
        let [cancels, results] = [&self.cancels, &self.results].map(|questions| questions.ends());
        self.goals.wait_with(&[cancels[0], cancels[1], results[0], results[1], &self.feedback.end], limit)
    }

    /// Gives a goal as soon as there is somebody to pursue it; `None` when it was refused.
    ///
    /// # Errors
    /// [`DdsError::Silent`] after `limit`: it may be pursued all the same. A [`Rejection`] for an answer that cannot be
    /// read.
    pub fn give(&self, goal: &A::Goal, limit: Duration) -> Result<Option<Pursued<A>>, DdsError> {
        let limit = Limit::of(limit);
        self.wait(&limit)?;
        let id = new_id()?;
        let queue = Arc::new(Queue::new(MOST_FEEDBACK));
        let mut hears = locked(&self.hears);
        hears.retain(|_, queue| queue.strong_count() > 0);
        // Before the goal is given: feedback may come before the answer.
        hears.insert(id, Arc::downgrade(&queue));
        drop(hears);
        let expected = self.goals.ask(written(&SendGoalRequest { goal_id: id, goal }, A::NAME)?)?;
        let answer: SendGoalResponse = read(&expected.wait(limit.left())?, "SendGoalResponse")?;
        if !answer.accepted {
            return Ok(None);
        }
        let result = self.results.ask(written(&GetResultRequest { goal_id: id }, A::NAME)?)?;
        let (cancels, hears) = (self.cancels.clone(), self.hears.clone());
        Ok(Some(Pursued { id, result, cancels, feedback: queue, hears, _ros: self.ros.clone() }))
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
    /// [`DdsError::Silent`] after `limit`; a [`Rejection`] naming `cancel` where it was refused, or the goal has ended or
    /// is not known.
    pub fn cancel(&self, limit: Duration) -> Result<(), DdsError> {
        let goal_info = GoalInfo { goal_id: self.id, stamp: Time::default() };
        let asked = self.cancels.ask(written(&CancelGoalRequest { goal_info }, A::NAME)?)?;
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

    /// Waits for its end. To be called again after [`DdsError::Silent`] for as long as it may take.
    ///
    /// # Errors
    /// [`DdsError::Silent`] after `limit`; a [`Rejection`] for a result that cannot be read, or of a goal that is not
    /// known there.
    pub fn result_within(&self, limit: Duration) -> Result<Ended<A::Result>, DdsError> {
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
