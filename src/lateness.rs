//! How late the machine is by itself: threads that do nothing but wake, one on each of the first sixteen processors,
//! with a priority of 96 where that is granted. What a time of ours is judged by on a machine that is busy, or lent
//! out by a hypervisor.

use control::{MonotonicClock, RtWishes, acquire_rights};
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use types::seams::Clock;

/// Between two wake-ups.
const ROUND: Duration = Duration::from_micros(500);
/// Processors that are watched at most.
const MOST: usize = 16;

/// Threads that watch; they end when they are asked for what they saw.
pub(crate) struct MachineLateness {
    ends: Arc<AtomicBool>,
    latest_ns: Arc<AtomicI64>,
    threads: Vec<JoinHandle<()>>,
}

impl MachineLateness {
    /// Begins to watch.
    pub(crate) fn watch() -> Self {
        let (ends, latest_ns) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
        let processors = std::thread::available_parallelism().map_or(1, usize::from).min(MOST);
        let threads = (0..processors).filter_map(|cpu| {
            let (ends, latest) = (Arc::clone(&ends), Arc::clone(&latest_ns));
            let run = move || {
                let wishes = RtWishes { fifo_priority: Some(96), lock_memory: false, cpu: Some(cpu) };
                let _ = acquire_rights(wishes);
                let mut clock = MonotonicClock::new();
                let mut next = clock.now();
                while !ends.load(Ordering::Acquire) {
                    next = next + ROUND;
                    clock.sleep_until(next);
                    let late = clock.now().as_nanos() - next.as_nanos();
                    latest.fetch_max(late, Ordering::AcqRel);
                    next = next.max(clock.now());
                }
            };
            std::thread::Builder::new().name("lateness".into()).spawn(run).ok()
        });
        let threads = threads.collect();
        Self { ends, latest_ns, threads }
    }

    /// Ends the watch: the latest wake-up, milliseconds.
    pub(crate) fn latest_ms(self) -> f64 {
        self.ends.store(true, Ordering::Release);
        for thread in self.threads {
            let _ = thread.join();
        }
        self.latest_ns.load(Ordering::Acquire) as f64 * 1e-6
    }
}
