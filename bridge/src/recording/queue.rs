//! A queue bounded by bytes between whoever records and the thread that writes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What a full queue does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// It is left out and counted: in wall time nothing waits for a disk.
    Drops,
    /// Whoever records waits: in lockstep time stands still meanwhile.
    Waits,
}

/// See the head of this file.
pub(super) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    more: Condvar,
    room: Condvar,
    most_bytes: usize,
    full: Full,
}

struct Inner<T> {
    items: VecDeque<(usize, T)>,
    bytes: usize,
    is_closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(most_bytes: usize, full: Full) -> Self {
        let inner = Mutex::new(Inner { items: VecDeque::new(), bytes: 0, is_closed: false });
        Self { inner, more: Condvar::new(), room: Condvar::new(), most_bytes, full }
    }

    /// A panic elsewhere leaves the queue as it is: every change of it is whole.
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there was room for it, or nobody takes anything any more.
    pub(super) fn put(&self, bytes: usize, item: T) -> bool {
        let mut inner = self.lock();
        while !inner.is_closed && inner.bytes + bytes > self.most_bytes && !inner.items.is_empty() {
            match self.full {
                Full::Drops => return false,
                Full::Waits => inner = self.room.wait(inner).unwrap_or_else(PoisonError::into_inner),
            }
        }
        if inner.is_closed {
            return false;
        }
        inner.bytes += bytes;
        inner.items.push_back((bytes, item));
        drop(inner);
        self.more.notify_one();
        true
    }

    /// Puts in what nothing else can do without, whatever the room.
    pub(super) fn push(&self, item: T) {
        self.lock().items.push_back((0, item));
        self.more.notify_one();
    }

    /// The next, as soon as there is one; `None` when it is closed and empty.
    pub(super) fn take(&self) -> Option<T> {
        let mut inner = self.lock();
        loop {
            if let Some((bytes, item)) = inner.items.pop_front() {
                inner.bytes -= bytes;
                drop(inner);
                self.room.notify_all();
                return Some(item);
            }
            if inner.is_closed {
                return None;
            }
            inner = self.more.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing comes any more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.more.notify_all();
        self.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_or_waits_and_a_closed_one_is_emptied() {
        let queue = Queue::new(10, Full::Drops);
        assert!(queue.put(100, 1), "one thing of any size");
        assert!(!queue.put(1, 2));
        assert_eq!(queue.take(), Some(1));
        assert!(queue.put(5, 3) && queue.put(5, 4) && !queue.put(1, 5));
        queue.close();
        assert!(!queue.put(1, 6));
        assert_eq!([queue.take(), queue.take(), queue.take()], [Some(3), Some(4), None]);

        let queue = Queue::new(10, Full::Waits);
        std::thread::scope(|s| {
            s.spawn(|| {
                for i in 0..1000 {
                    assert!(queue.put(7, i));
                }
                queue.close();
            });
            let all: Vec<i32> = core::iter::from_fn(|| queue.take()).collect();
            assert_eq!(all, (0..1000).collect::<Vec<_>>());
        });
    }
}
