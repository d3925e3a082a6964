//! The watchdog's thread: a second look at the loop from within its process. The first is that of the watchdog's process
//! ([`crate::watchdog`]), which strokes the robot; this one never does. It keeps the strokes from counting while the loop is
//! silent with power on, and it is how whoever waits for the loop learns that it hangs.

use crate::rt::{self, RtRights, RtWishes};
use crate::watchdog::Pulse;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use types::Rejection;

/// It looks so often within the loop's patience.
const LOOKS: u32 = 8;

/// What loop and thread leave for each other, and for whoever waits.
#[derive(Debug, Default)]
pub(crate) struct Heart {
    /// Cycles that have ended.
    beats: AtomicU64,
    powered: AtomicBool,
    begun: AtomicBool,
    ends: AtomicBool,
    silences: AtomicU64,
    /// How long the thread has looked in vain for another beat, nanoseconds.
    silent_ns: AtomicU64,
    /// What the operating system granted the thread.
    rights: Mutex<Option<RtRights>>,
}

impl Heart {
    /// A cycle is over; its command had power, or not.
    ///
    /// # Real-time
    /// Nothing but stores to memory.
    pub(crate) fn beat(&self, powered: bool) {
        self.powered.store(powered, Ordering::Relaxed);
        self.beats.fetch_add(1, Ordering::Release);
    }

    /// From now on there are cycles: what was to be done before may have taken its time.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Release);
    }

    /// There are no more cycles: what is left to do is no silence.
    pub(crate) fn rest(&self) {
        self.ends.store(true, Ordering::Release);
        self.silent_ns.store(0, Ordering::Relaxed);
    }

    /// For how long there was no cycle, as the thread has seen it: while the whole process stood it saw nothing.
    pub(crate) fn silent_for(&self) -> Duration {
        Duration::from_nanos(self.silent_ns.load(Ordering::Relaxed))
    }

    /// What the thread was not granted, as sentences.
    pub(crate) fn notes(&self) -> Vec<String> {
        let rights = self.rights.lock().unwrap_or_else(PoisonError::into_inner);
        let notes = rights.iter().flat_map(|r| &r.notes);
        notes.map(|note| format!("the watchdog's thread: {note}")).collect()
    }

    /// How often it was silent for longer than the loop's patience, with power on.
    pub(crate) fn silences(&self) -> u64 {
        self.silences.load(Ordering::Relaxed)
    }
}

/// The thread; ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Lookout {
    heart: Arc<Heart>,
    thread: Option<JoinHandle<()>>,
}

impl Lookout {
    /// Looks from now on, above the loop's priority. A loop that is silent for longer than `patience` has its robot's
    /// strokes withheld by way of `pulse`, where there is a watchdog's process, until it is heard again.
    ///
    /// # Errors
    /// A [`Rejection`] when the operating system gives no thread.
    pub(crate) fn spawn(
        heart: &Arc<Heart>,
        pulse: Option<Pulse>,
        patience: Duration,
        loop_priority: Option<u8>,
    ) -> Result<Self, Rejection> {
        let watched = heart.clone();
        let fifo_priority = loop_priority.map(|p| p + 1);
        let run = move || {
            let rights = rt::acquire(RtWishes { fifo_priority, lock_memory: false, cpu: None });
            *watched.rights.lock().unwrap_or_else(PoisonError::into_inner) = Some(rights);
            keep(&watched, pulse.as_ref(), patience);
        };
        let thread = std::thread::Builder::new().name("sinew-watchdog".to_owned()).spawn(run);
        let thread = thread.map_err(|e| Rejection::new("loop", "a thread to watch it", e.to_string()))?;
        Ok(Self { heart: heart.clone(), thread: Some(thread) })
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.heart.ends.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep(heart: &Heart, pulse: Option<&Pulse>, patience: Duration) {
    let nanos = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
    let round = nanos(patience / LOOKS);
    let (mut seen, mut looked, mut was_silent) = (0, rt::monotonic_ns(), false);
    while !heart.ends.load(Ordering::Acquire) {
        rt::sleep_until_ns(looked.saturating_add_unsigned(round));
        let now = rt::monotonic_ns();
        // A look that comes late says nothing of the time before it: the loop may have stood with it.
        let elapsed = now.abs_diff(looked).min(2 * round);
        looked = now;
        let beats = heart.beats.load(Ordering::Acquire);
        let has_begun = heart.begun.load(Ordering::Acquire);
        let silent_ns =
            if beats == seen && has_begun { heart.silent_ns.load(Ordering::Relaxed) + elapsed } else { 0 };
        seen = beats;
        heart.silent_ns.store(silent_ns, Ordering::Relaxed);
        let is_silent = heart.powered.load(Ordering::Relaxed) && silent_ns > nanos(patience);
        heart.silences.fetch_add(u64::from(is_silent && !was_silent), Ordering::Relaxed);
        was_silent = is_silent;
        // That strokes count again says the loop itself, with its next beat.
        if let Some(pulse) = pulse.filter(|_| is_silent) {
            pulse.withhold();
        }
    }
}
