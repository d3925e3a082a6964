//! Asking and answering as ROS 2 has it, whatever carries it: services, and actions, which are three services and two
//! topics. Questions and answers are bytes here (encapsulated CDR); [`dds`](crate::dds) and [`native`](crate::native)
//! bring them.

mod action;
mod client;
mod server;
mod service;

pub use action::{Action, FollowJointTrajectory, GoalId, MoveGripper};
pub use client::{ActionClient, Ended, Outcome, Pursued};
pub use server::{ActionServer, CancelAsked, Event, Offer, Pursuit};
pub use service::{Asked, Asker, Served};

pub(crate) use client::Ends;
pub(crate) use server::Desk;

use crate::limit::Limit;
use core::time::Duration;
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, MutexGuard, PoisonError};
use types::Rejection;

/// Why something could not be said, or was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RosError {
    /// It was refused here.
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// Too many that hear the topic have not got what was said before, so this was not said.
    #[error("{topic}: what was said before has not arrived yet; {others} hear the topic as another type")]
    Full {
        /// Its name on the wire.
        topic: String,
        /// So many hear it as another type, and never say that anything has arrived: DDS itself waits for them all the
        /// same here. Not known where ROS 2's own libraries carry it, and 0 then.
        others: usize,
    },
    /// Nobody has answered.
    #[error("{name}: no answer within the limit")]
    Silent {
        /// What was asked.
        name: String,
    },
    /// What carries the messages has failed.
    #[error("dds: {0}")]
    Dds(String),
    /// ROS 2's own libraries have failed.
    #[error("rcl: {0}")]
    Rcl(String),
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whatever has to stay there as long as something else does.
pub(crate) type Keeps = Box<dyn Send + Sync>;

/// Says bytes on a topic.
pub(crate) type Say = Box<dyn Fn(Vec<u8>) -> Result<(), RosError> + Send + Sync>;

/// Whether who has asked is waited for, for a moment, until they hear answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    Waits,
    /// For answers that are said where other questions would have to wait.
    Now,
}

/// Answers one question.
pub(crate) struct Reply(Box<dyn FnOnce(Vec<u8>, Patience) -> Result<(), RosError> + Send>);

impl Reply {
    pub(crate) fn new(
        answer: impl FnOnce(Vec<u8>, Patience) -> Result<(), RosError> + Send + 'static,
    ) -> Self {
        Self(Box::new(answer))
    }

    pub(crate) fn say(self, bytes: Vec<u8>) -> Result<(), RosError> {
        (self.0)(bytes, Patience::Waits)
    }

    pub(crate) fn say_now(self, bytes: Vec<u8>) -> Result<(), RosError> {
        (self.0)(bytes, Patience::Now)
    }
}

/// Asks one service.
pub(crate) trait Questions: Send + Sync {
    /// Waits until there is somebody to ask.
    fn wait(&self, limit: &Limit) -> Result<(), RosError>;

    fn ask(&self, bytes: Vec<u8>) -> Result<Expected, RosError>;
}

/// An answer that somebody waits for.
pub(crate) struct Expected {
    /// What was asked.
    pub(crate) name: String,
    pub(crate) answer: Receiver<Vec<u8>>,
    /// Nobody waits any more once this is gone.
    pub(crate) _waits: Keeps,
}

impl Expected {
    /// Waits for it.
    pub(crate) fn wait(&self, limit: Duration) -> Result<Vec<u8>, RosError> {
        self.answer.recv_timeout(limit).map_err(|_| RosError::Silent { name: self.name.clone() })
    }
}
