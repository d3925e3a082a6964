//! Watched from outside the loop: the threads beside it, and the emergency stop's line.

use crate::message::Shared;
use crate::rt::{self, RtWishes};
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use types::Time;
use types::seams::Clock;

/// How often an emergency stop's line is read.
const READS_EVERY: Duration = Duration::from_millis(1);

/// What runs beside the loop.
#[derive(Copy, Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Component {
    /// Pictures to a scene.
    Perception,
    /// A scene and a goal to motions.
    Planner,
    /// Carrying out a plan.
    Mission,
    /// What leaves the process.
    Bridge,
    /// A person's stick.
    Teleoperation,
    /// A learned policy.
    Policy,
}

impl Component {
    const ALL: [Self; 6] =
        [Self::Perception, Self::Planner, Self::Mission, Self::Bridge, Self::Teleoperation, Self::Policy];

    /// By the number that a sentinel leaves; zero is nobody's.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }
}

/// Kept by a component for as long as it runs: if it is dropped by a panic, the loop stops the arm in the same
/// tick (F31).
#[derive(Debug)]
pub struct Sentinel {
    shared: Arc<Shared>,
    component: Component,
}

impl Sentinel {
    pub(crate) fn new(shared: Arc<Shared>, component: Component) -> Self {
        Self { shared, component }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.panicked.store(self.component as u8 + 1, Ordering::Release);
        }
    }
}

/// Where whoever reads the emergency stop's line (a GPIO pin, a safety relay) says what it reads. The loop takes
/// a line that is open, or of which it has heard nothing for 5 ms, for a pressed button (F41).
#[derive(Clone, Debug)]
pub struct StopLine(pub(crate) Arc<Shared>);

impl StopLine {
    /// The line was read at `now`: closed, or open. An open line is never overlooked, however short.
    pub fn sample(&self, now: Time, is_closed: bool) {
        if !is_closed {
            self.0.line_opened.store(true, Ordering::Release);
        }
        self.0.line_read.store(now.as_nanos(), Ordering::Release);
    }
    /// Reads the line every millisecond, in a thread of its own at `fifo_priority` where that is granted; `read` tells
    /// whether it is closed, without waiting. What cannot be read is open.
    ///
    /// # Errors
    /// That the operating system gave no thread.
    pub fn watch(
        self,
        mut clock: impl Clock + 'static,
        fifo_priority: Option<u8>,
        mut read: impl FnMut() -> bool + Send + 'static,
    ) -> std::io::Result<LineWatch> {
        let ends = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ends);
        let run = move || {
            let _ = rt::acquire(RtWishes { fifo_priority, lock_memory: false, cpu: None });
            while !told.load(Ordering::Acquire) {
                let before = clock.now();
                self.sample(before, read());
                clock.sleep_until(before + READS_EVERY);
            }
        };
        let thread = std::thread::Builder::new().name("stop line".to_owned()).spawn(run)?;
        Ok(LineWatch { ends, thread: Some(thread) })
    }
}

/// Reads an emergency stop's line for as long as it is kept.
#[derive(Debug)]
pub struct LineWatch {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for LineWatch {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; the loop hears nothing of the line any more and has stopped.
            let _ = thread.join();
        }
    }
}
