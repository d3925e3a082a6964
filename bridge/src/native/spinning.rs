//! The one thread that a node belongs to: it spins it, does what others want done to it, and takes what has come.

use crate::asking::{RosError, locked};
use crate::limit::Limit;
use core::time::Duration;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel, sync_channel};
use std::task::{Context, Waker};
use std::thread::JoinHandle;

/// So long the node waits for something to come before others get their turn.
const SLICE: Duration = Duration::from_millis(5);
/// So long an order may take.
const OBEYS_WITHIN: Duration = Duration::from_secs(5);
/// So often it may come back at once with nothing before it rests.
const IDLE: u32 = 16;
const RESTS: Duration = Duration::from_millis(1);
/// After so many panics one after the other nothing good comes any more.
const MOST_PANICS: u32 = 5;

/// What is spun.
pub(super) trait Spun: Send + 'static {
    /// Waits so long for something to come, and hands on what has.
    fn spin(&mut self, limit: Duration);
}

impl Spun for r2r::Node {
    fn spin(&mut self, limit: Duration) {
        self.spin_once(limit);
    }
}

/// What has become of a turn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    /// There was nothing.
    Idle,
    Took,
    /// There will be nothing any more.
    Over,
}

type Order<N> = Box<dyn FnOnce(&mut N) + Send>;
type Turn = Box<dyn FnMut(&mut Context<'_>) -> Went + Send>;

enum Word<N> {
    Do(Order<N>),
    Watch(u64, Turn),
    Forget(u64),
    Stop,
}

/// The thread, which ends with this.
pub(super) struct Spinner<N> {
    words: Sender<Word<N>>,
    next: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// As long as it is there, it has its turn after every spin.
pub(super) struct Watching<N> {
    id: u64,
    words: Sender<Word<N>>,
}

impl<N> Drop for Watching<N> {
    fn drop(&mut self) {
        // Nobody there any more: it has gone already.
        _ = self.words.send(Word::Forget(self.id));
    }
}

impl<N: Spun> Spinner<N> {
    pub(super) fn start(node: N) -> std::io::Result<Self> {
        let (words, hears) = channel();
        let thread =
            std::thread::Builder::new().name("sinew-rcl".into()).spawn(move || spin(node, &hears))?;
        Ok(Self { words, next: AtomicU64::new(0), thread: Mutex::new(Some(thread)) })
    }

    /// Gives it a turn after every spin from now on.
    pub(super) fn watch(&self, turn: impl FnMut(&mut Context<'_>) -> Went + Send + 'static) -> Watching<N> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        _ = self.words.send(Word::Watch(id, Box::new(turn)));
        Watching { id, words: self.words.clone() }
    }

    /// Has something done to the node.
    pub(super) fn order<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut N) -> T + Send + 'static,
    ) -> Result<T, RosError> {
        let (done, is_done) = sync_channel(1);
        self.tell(move |node| _ = done.send(what(node)));
        let failed = |_| RosError::Rcl("the node's thread has not done it".to_owned());
        is_done.recv_timeout(OBEYS_WITHIN).map_err(failed)
    }

    /// The same, without waiting.
    pub(super) fn tell(&self, what: impl FnOnce(&mut N) + Send + 'static) {
        _ = self.words.send(Word::Do(Box::new(what)));
    }
}

impl<N> Spinner<N> {
    /// Whether it has ended by itself.
    pub(super) fn is_over(&self) -> bool {
        locked(&self.thread).as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl<N> Drop for Spinner<N> {
    fn drop(&mut self) {
        _ = self.words.send(Word::Stop);
        let thread = locked(&self.thread).take();
        // The last to let go may be a turn of the thread itself, which cannot wait for its own end.
        let is_other = |t: &JoinHandle<()>| t.thread().id() != std::thread::current().id();
        if let Some(thread) = thread.filter(is_other) {
            _ = thread.join();
        }
    }
}

fn spin<N: Spun>(mut node: N, words: &Receiver<Word<N>>) {
    let mut turns: BTreeMap<u64, Turn> = BTreeMap::new();
    // Everything has its turn after every spin: nobody needs to be woken.
    let mut context = Context::from_waker(Waker::noop());
    let (mut idle, mut panics) = (0, 0);
    loop {
        let mut is_busy = false;
        loop {
            match words.try_recv() {
                // What one of them chokes on must not silence the others.
                Ok(Word::Do(order)) => _ = catch_unwind(AssertUnwindSafe(|| order(&mut node))),
                Ok(Word::Watch(id, turn)) => _ = turns.insert(id, turn),
                Ok(Word::Forget(id)) => _ = turns.remove(&id),
                Ok(Word::Stop) | Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => break,
            }
            is_busy = true;
        }
        let slice = Limit::of(SLICE);
        let spun = catch_unwind(AssertUnwindSafe(|| node.spin(SLICE)));
        panics = if spun.is_ok() { 0 } else { panics + 1 };
        if panics >= MOST_PANICS {
            return;
        }
        turns.retain(|_, turn| {
            let went = catch_unwind(AssertUnwindSafe(|| turn(&mut context))).unwrap_or(Went::Idle);
            is_busy |= went == Went::Took;
            went != Went::Over
        });
        // rcl comes back at once where it has nothing to wait for, and where what came is none of ours.
        let is_early = slice.left() > SLICE / 2;
        idle = if is_early && !is_busy { idle + 1 } else { 0 };
        if idle > IDLE || spun.is_err() {
            std::thread::sleep(RESTS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    const SOON: Duration = Duration::from_secs(10);

    /// A node that counts, and panics when it is told to.
    #[derive(Default)]
    struct Fake {
        spun: Arc<AtomicU64>,
        chokes: Arc<AtomicBool>,
    }

    impl Spun for Fake {
        fn spin(&mut self, limit: Duration) {
            self.spun.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(limit.min(Duration::from_micros(10)));
            assert!(!self.chokes.load(Ordering::Relaxed), "told to");
        }
    }

    #[test]
    fn one_that_panics_silences_no_other_and_the_thread_ends() {
        let spinner = Spinner::start(Fake::default()).expect("a thread");
        let (said, hears) = channel();
        let bad = spinner.watch(|_| panic!("one of them"));
        let good = spinner.watch(move |_| {
            _ = said.send(());
            Went::Took
        });
        assert!(spinner.order(|_| -> u32 { panic!("an order") }).is_err());
        assert_eq!(spinner.order(|_| 7), Ok(7));
        for _ in 0..3 {
            hears.recv_timeout(SOON).expect("its turn");
        }
        drop((bad, good));
        while hears.recv_timeout(SOON).is_ok() {}
        assert!(!spinner.is_over());
        drop(spinner);
    }

    #[test]
    fn what_is_over_has_no_turn_any_more() {
        let spinner = Spinner::start(Fake::default()).expect("a thread");
        let (said, hears) = channel();
        let mut left = 3;
        let _watching = spinner.watch(move |_| {
            left -= 1;
            _ = said.send(left);
            if left == 0 { Went::Over } else { Went::Idle }
        });
        let all: Vec<i32> = core::iter::from_fn(|| hears.recv_timeout(SOON).ok()).collect();
        assert_eq!(all, [2, 1, 0], "and its sender is gone");
    }

    #[test]
    fn with_nothing_to_do_it_rests() {
        let node = Fake::default();
        let spun = node.spun.clone();
        let spinner = Spinner::start(node).expect("a thread");
        std::thread::sleep(Duration::from_millis(200));
        drop(spinner);
        let spun = spun.load(Ordering::Relaxed);
        assert!((10..400).contains(&spun), "{spun} spins in 200 ms");
    }

    #[test]
    fn a_node_that_only_panics_is_over() {
        let node = Fake::default();
        let chokes = node.chokes.clone();
        let spinner = Spinner::start(node).expect("a thread");
        assert_eq!(spinner.order(|_| 1), Ok(1));
        chokes.store(true, Ordering::Relaxed);
        for _ in 0..1000 {
            if spinner.is_over() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(spinner.is_over());
        assert!(spinner.order(|_| 1).is_err());
    }
}
