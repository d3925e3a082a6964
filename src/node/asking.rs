//! A person elsewhere whose sentence the planner carries out, when it asks back.

use super::PATIENCE;
use crate::mission::{GivenUp, Person};
use core::time::Duration;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use types::Rejection;

/// Whoever does not answer within this is not there any more.
pub(crate) const ANSWERS_WITHIN: Duration = Duration::from_secs(120);
/// The longest answer, bytes.
const LONGEST: usize = 10_000;

/// Where answers are left for the mission.
#[derive(Default)]
pub(super) struct Inbox {
    /// The run whose question waits, and its answer once there is one.
    waiting: Mutex<Option<(u64, Option<String>)>>,
}

impl Inbox {
    /// Leaves an answer.
    ///
    /// # Errors
    /// A [`Rejection`] naming `reply` where no question of that run waits, and `reply.text` for one that is too long.
    pub(super) fn put(&self, run: u64, text: String) -> Result<(), Rejection> {
        if text.len() > LONGEST {
            let got = format!("{} bytes", text.len());
            return Err(Rejection::new("reply.text", format!("at most {LONGEST} bytes"), got));
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *waiting {
            Some((of, answer @ None)) if *of == run => {
                *answer = Some(text);
                Ok(())
            }
            _ => Err(Rejection::new("reply", "an answer to a question that waits", "none waits")),
        }
    }

    fn swap(&self, with: Option<(u64, Option<String>)>) -> Option<(u64, Option<String>)> {
        core::mem::replace(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner), with)
    }

    fn has_answer(&self) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.as_ref().is_some_and(|(_, answer)| answer.is_some())
    }
}

/// The person, from the planner's side.
pub(super) struct Elsewhere {
    pub(super) run: u64,
    pub(super) inbox: Arc<Inbox>,
    pub(super) cancelled: Arc<AtomicUsize>,
}

impl Person for Elsewhere {
    fn answer(&mut self, ready: &mut dyn FnMut()) -> Result<Option<String>, GivenUp> {
        self.inbox.swap(Some((self.run, None)));
        ready();
        let began = Instant::now();
        while !self.inbox.has_answer() && began.elapsed() < ANSWERS_WITHIN {
            if self.cancelled.load(Ordering::Relaxed) > 0 || crate::interrupt::count() > 0 {
                self.inbox.swap(None);
                return Err(GivenUp);
            }
            std::thread::sleep(PATIENCE);
        }
        let answer = self.inbox.swap(None).and_then(|(_, answer)| answer);
        // As at a terminal: a line.
        let line = answer.and_then(|a| a.trim().lines().next().map(|l| l.trim().to_owned()));
        Ok(line.filter(|l| !l.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_once_for_the_question_that_waits_and_for_no_other() {
        let inbox = Inbox::default();
        let refused = |run, text: &str| inbox.put(run, text.into()).expect_err("none waits").field;
        assert_eq!(refused(1, "the red one"), "reply");
        inbox.swap(Some((2, None)));
        assert_eq!(refused(1, "the red one"), "reply");
        assert_eq!(refused(2, &"x".repeat(LONGEST + 1)), "reply.text");
        inbox.put(2, "the blue one".into()).expect("it waits");
        assert_eq!(refused(2, "no, the red one"), "reply");
        assert_eq!(inbox.swap(None), Some((2, Some("the blue one".to_owned()))));
        assert_eq!(refused(2, "the red one"), "reply");
    }
}
