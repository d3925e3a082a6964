//! The one thread that takes what has come, whoever hears it: each that hears has a callback there, which is called when
//! there is something for it. What has said its last stays with it for a while, too.

use crate::limit::Limit;
use core::any::Any;
use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::thread::JoinHandle;

use super::locked;

/// Takes everything that there is, and leaves the waker with whom it came from.
type Take = Box<dyn FnMut(&Waker) + Send>;

/// So long what leaves is still there: who hears that a writer is gone passes over what it has not taken of it yet, even
/// what has arrived.
const STAYS: Duration = Duration::from_secs(1);
/// So long of it where its whole node leaves.
const STAYS_AT_THE_END: Duration = Duration::from_millis(200);

enum Word {
    /// There may be something for it.
    Ready(u64),
    Watch(u64, Take),
    Forget(u64),
    Leave(Box<dyn Any + Send>),
    Stop,
}

/// Says that there may be something.
struct Bell {
    id: u64,
    words: Sender<Word>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Nobody there any more: nobody is to be woken.
        _ = self.words.send(Word::Ready(self.id));
    }
}

/// The thread, which ends with this.
pub(super) struct Carrier {
    words: Sender<Word>,
    next: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// As long as it is there, a callback is called.
pub(super) struct Watching {
    id: u64,
    words: Sender<Word>,
}

/// Where what leaves is left.
#[derive(Clone)]
pub(super) struct Leaving(Sender<Word>);

impl Leaving {
    /// It goes for good in a moment.
    pub(super) fn leave(&self, what: impl Any + Send) {
        _ = self.0.send(Word::Leave(Box::new(what)));
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        _ = self.words.send(Word::Forget(self.id));
    }
}

impl Carrier {
    pub(super) fn start() -> std::io::Result<Self> {
        let (words, hears) = channel();
        let to = words.clone();
        let thread =
            std::thread::Builder::new().name("sinew-dds".into()).spawn(move || carry(&hears, &to))?;
        Ok(Self { words, next: AtomicU64::new(0), thread: Mutex::new(Some(thread)) })
    }

    /// Has it called from now on, first at once.
    pub(super) fn watch(&self, take: impl FnMut(&Waker) + Send + 'static) -> Watching {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        _ = self.words.send(Word::Watch(id, Box::new(take)));
        Watching { id, words: self.words.clone() }
    }

    pub(super) fn leaving(&self) -> Leaving {
        Leaving(self.words.clone())
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        _ = self.words.send(Word::Stop);
        let thread = locked(&self.thread).take();
        // The last to let go may be a callback of the thread itself, which cannot wait for its own end.
        let is_other = |t: &JoinHandle<()>| t.thread().id() != std::thread::current().id();
        if let Some(thread) = thread.filter(is_other) {
            _ = thread.join();
        }
    }
}

fn carry(hears: &Receiver<Word>, words: &Sender<Word>) {
    let mut watched: HashMap<u64, (Take, Waker)> = HashMap::new();
    let mut leaving: VecDeque<(Limit, Box<dyn Any + Send>)> = VecDeque::new();
    loop {
        while leaving.front().is_some_and(|(until, _)| until.left().is_zero()) {
            let gone = leaving.pop_front();
            // What one of them chokes on must not silence the others.
            _ = catch_unwind(AssertUnwindSafe(|| drop(gone)));
        }
        let next = leaving.front().map_or(Duration::MAX, |(until, _)| until.left());
        let word = match hears.recv_timeout(next) {
            Ok(word) => word,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let id = match word {
            Word::Stop => {
                let last = leaving.back().map_or(Duration::ZERO, |(until, _)| until.left());
                return std::thread::sleep(last.min(STAYS_AT_THE_END));
            }
            Word::Forget(id) => {
                watched.remove(&id);
                continue;
            }
            Word::Leave(what) => {
                leaving.push_back((Limit::of(STAYS), what));
                continue;
            }
            Word::Ready(id) => id,
            Word::Watch(id, take) => {
                let waker = Waker::from(Arc::new(Bell { id, words: words.clone() }));
                watched.insert(id, (take, waker));
                id
            }
        };
        if let Some((take, waker)) = watched.get_mut(&id) {
            // What one of them chokes on must not silence the others.
            _ = catch_unwind(AssertUnwindSafe(|| take(waker)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn what_leaves_goes_in_a_moment_and_sooner_with_its_node() {
        struct Gone(Sender<()>);
        impl Drop for Gone {
            fn drop(&mut self) {
                _ = self.0.send(());
            }
        }
        let carrier = Carrier::start().expect("a thread");
        let (said, hears) = channel();
        let leaving = carrier.leaving();
        let began = std::time::Instant::now();
        leaving.leave(Gone(said.clone()));
        hears.recv_timeout(Duration::from_secs(20)).expect("gone");
        assert!(began.elapsed() >= STAYS, "it was there");
        leaving.leave(Gone(said.clone()));
        leaving.leave(Gone(said));
        drop(carrier);
        assert_eq!((hears.try_recv(), hears.try_recv()), (Ok(()), Ok(())));
    }

    #[test]
    fn one_that_panics_silences_no_other_and_the_thread_ends() {
        let carrier = Carrier::start().expect("a thread");
        let (said, hears) = channel();
        let bad = carrier.watch(|_| panic!("one of them"));
        let good = carrier.watch(move |waker| {
            waker.wake_by_ref();
            _ = said.send(());
        });
        for _ in 0..3 {
            hears.recv_timeout(Duration::from_secs(10)).expect("called");
        }
        drop((bad, good));
        while hears.recv_timeout(Duration::from_secs(10)).is_ok() {}
        drop(carrier);
    }
}
