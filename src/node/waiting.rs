//! Questions in line, and whether somebody waits for the answer that is being made.
//!
//! Whoever asks has one question at a time: a newer one of the same node takes the place of the older. Whose a question is,
//! is what it says of itself: who may ask at all is trusted with that.

use crate::interrupt;
use bridge::wire::{Questions, Received, Wire};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Between two looks at whether whoever asked is there, and how many in a row do not find it before it has gone: one
/// alone may have been too late on a busy machine.
const LOOKS: Duration = Duration::from_millis(200);
const MISSED: usize = 3;
/// So many questions wait; more have no answer.
const MOST: usize = 64;

#[derive(Default)]
struct Waiting {
    line: VecDeque<Received>,
    /// Who waits for the answer that is being made.
    asker: Option<u64>,
}

impl Waiting {
    /// Has to be called under the lock: the next question's answer may be under way a moment later.
    fn leave(&self, asker: u64) {
        if self.asker == Some(asker) {
            interrupt::give_up();
        }
    }
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    came: Condvar,
    has_ended: AtomicBool,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who asked `asker`'s question waits for another, or for nothing any more.
    fn leave(&self, asker: u64) {
        self.waiting().leave(asker);
    }
}

/// Questions, taken in beside whoever answers them.
pub(super) struct Line(Arc<Shared>);

impl Line {
    pub(super) fn new(questions: Questions, wire: Wire) -> Self {
        let shared = Arc::<Shared>::default();
        let of = Arc::clone(&shared);
        std::thread::spawn(move || take_in(&questions, &wire, &of));
        Self(shared)
    }

    /// The next question, waiting for one for at most `limit`.
    pub(super) fn next_within(&self, limit: Duration) -> Option<Received> {
        let waiting = self.0.waiting();
        let waited = self.0.came.wait_timeout_while(waiting, limit, |w| w.line.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.line.pop_front()
    }

    /// Makes the answer to `asked`. Meanwhile [`interrupt::given_up`] says whether nobody waits for it: whoever asked has
    /// gone or asks something else, or this node ends.
    pub(super) fn answering<T>(&self, asked: &Received, make: impl FnOnce() -> T) -> T {
        {
            let mut waiting = self.0.waiting();
            waiting.asker = Some(asked.from());
            interrupt::begin_anew();
            if waiting.line.iter().any(|newer| newer.from() == asked.from()) {
                interrupt::give_up();
            }
        }
        let made = make();
        self.0.waiting().asker = None;
        made
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.has_ended.store(true, Ordering::Release);
    }
}

/// Puts questions in line, and looks whether whoever waits for an answer is there.
fn take_in(questions: &Questions, wire: &Wire, shared: &Shared) {
    // Whom the last looks were about, whether it was ever found, and how many have not found it since.
    let (mut about, mut was_there, mut missed) = (None, false, 0);
    while !shared.has_ended.load(Ordering::Acquire) {
        if let Some(question) = questions.next_within(LOOKS) {
            let mut waiting = shared.waiting();
            waiting.leave(question.from());
            if waiting.line.len() < MOST {
                waiting.line.push_back(question);
                shared.came.notify_one();
            }
            continue;
        }
        let asker = shared.waiting().asker;
        if asker != about {
            (about, was_there, missed) = (asker, false, 0);
        }
        let Some(asker) = asker else { continue };
        let Ok(all) = wire.present() else { continue };
        if all.iter().any(|p| p.id == asker) {
            (was_there, missed) = (true, 0);
        } else {
            missed += 1;
        }
        if was_there && missed >= MISSED {
            shared.leave(asker);
        }
    }
}
