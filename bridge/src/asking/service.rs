//! Services with types.

use super::{Keeps, Questions, Reply, RosError};
use crate::limit::Limit;
use crate::queue::Queue;
use crate::ros::{Message, from_cdr, to_cdr};
use core::marker::PhantomData;
use core::time::Duration;
use std::sync::Arc;

/// So many questions wait to be answered at most; the oldest makes room.
const MOST_WAITING: usize = 64;

/// Questions to one service.
pub struct Served<Q, A> {
    queue: Arc<Queue<Asked<Q, A>>>,
    _keeps: Keeps,
}

/// A question.
pub struct Asked<Q, A> {
    question: Q,
    reply: Reply,
    _type: PhantomData<fn(&A)>,
}

/// Where questions to one service go in as bytes.
pub(crate) struct Counter<Q, A>(Arc<Queue<Asked<Q, A>>>);

impl<Q, A> Clone for Counter<Q, A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q: Message, A: Message> Counter<Q, A> {
    pub(crate) fn asked(&self, bytes: &[u8], reply: Reply) {
        match from_cdr(bytes) {
            Ok(question) => self.0.push(Asked { question, reply, _type: PhantomData }),
            Err(_) => self.bad(),
        }
    }

    /// Something came that is no question.
    pub(crate) fn bad(&self) {
        self.0.count(0, 1);
    }
}

impl<Q: Message, A: Message> Asked<Q, A> {
    /// What is asked.
    #[must_use]
    pub fn question(&self) -> &Q {
        &self.question
    }

    /// Answers it. A question that is let go unanswered stays so.
    ///
    /// # Errors
    /// [`RosError::Full`], [`RosError::Dds`], [`RosError::Rcl`].
    pub fn answer(self, answer: &A) -> Result<(), RosError> {
        self.reply.say(to_cdr(answer)?)
    }
}

impl<Q: Message, A: Message> Served<Q, A> {
    /// Of what the function lets questions in by, and keeps.
    pub(crate) fn new(open: impl FnOnce(Counter<Q, A>) -> Result<Keeps, RosError>) -> Result<Self, RosError> {
        let queue = Arc::new(Queue::new(MOST_WAITING));
        Ok(Self { _keeps: open(Counter(queue.clone()))?, queue })
    }

    /// The oldest question that waits or comes within the limit.
    #[must_use]
    pub fn next_within(&self, limit: Duration) -> Option<Asked<Q, A>> {
        self.queue.take_within(limit)
    }

    /// How many had to make room for others.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.queue.lost()
    }

    /// How many could not be read, or were of another type.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.queue.refused()
    }
}

/// Asks one service.
pub struct Asker<Q, A> {
    questions: Box<dyn Questions>,
    _keeps: Keeps,
    _type: PhantomData<fn(&Q) -> A>,
}

impl<Q: Message, A: Message> Asker<Q, A> {
    pub(crate) fn new(questions: impl Questions + 'static, keeps: Keeps) -> Self {
        Self { questions: Box::new(questions), _keeps: keeps, _type: PhantomData }
    }

    /// Waits until the service is there; `false` when it was not within the limit.
    #[must_use]
    pub fn wait_served(&self, limit: Duration) -> bool {
        self.questions.wait(&Limit::of(limit)).is_ok()
    }

    /// Asks as soon as the service is there, and waits for its answer.
    ///
    /// # Errors
    /// [`RosError::Silent`] after `limit`; a [`Rejection`](types::Rejection) for an answer that cannot be read.
    pub fn ask(&self, question: &Q, limit: Duration) -> Result<A, RosError> {
        let limit = Limit::of(limit);
        self.questions.wait(&limit)?;
        let answer = self.questions.ask(to_cdr(question)?)?.wait(limit.left())?;
        Ok(from_cdr(&answer)?)
    }
}
