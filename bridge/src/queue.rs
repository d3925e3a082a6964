//! Where messages of others wait to be taken: places of bounded size, and what was lost and refused on the way, counted.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What waits to be taken, and how much never will be.
#[derive(Default)]
struct Waiting<T> {
    queue: VecDeque<T>,
    lost: u64,
    refused: u64,
}

/// The place where it waits.
pub(crate) struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
    new: Condvar,
    capacity: usize,
}

impl<T> Queue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let waiting = Waiting { queue: VecDeque::new(), lost: 0, refused: 0 };
        Self { waiting: Mutex::new(waiting), new: Condvar::new(), capacity: capacity.max(1) }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts it behind the others, of which the oldest makes room.
    pub(crate) fn push(&self, item: T) {
        let mut waiting = self.lock();
        let oldest = if waiting.queue.len() >= self.capacity { waiting.queue.pop_front() } else { None };
        waiting.lost = waiting.lost.saturating_add(u64::from(oldest.is_some()));
        waiting.queue.push_back(item);
        drop(waiting);
        self.new.notify_one();
        // Outside of the lock: one that is let go may have something to say.
        drop(oldest);
    }

    pub(crate) fn count(&self, lost: u64, refused: u64) {
        let mut waiting = self.lock();
        // Numbers of others may say that any number is missing.
        waiting.lost = waiting.lost.saturating_add(lost);
        waiting.refused = waiting.refused.saturating_add(refused);
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.lock().queue.pop_front()
    }

    pub(crate) fn take_within(&self, limit: Duration) -> Option<T> {
        let waiting = self.lock();
        let waited = self.new.wait_timeout_while(waiting, limit, |waiting| waiting.queue.is_empty());
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        waiting.queue.pop_front()
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lock().lost
    }

    pub(crate) fn refused(&self) -> u64 {
        self.lock().refused
    }
}
