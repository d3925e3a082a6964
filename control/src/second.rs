//! How the loop went, second by second, for whoever records it while it runs.

use crate::histogram::Histogram;
use crate::thread::Quantiles;
use rtrb::{Consumer, Producer, RingBuffer};
use types::Time;

/// Seconds that may wait to be taken.
const SECONDS: usize = 64;

/// A second of the loop.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct LoopSecond {
    /// When it was over.
    pub stamp: Time,
    /// Ticks in it.
    pub ticks: u64,
    /// Deadlines that passed in it before the tick before them was done.
    pub misses: u64,
    /// Robot reads and writes in it that failed.
    pub failed_io: u64,
    /// From deadline to wake-up.
    pub lateness: Quantiles,
    /// The core's tick alone.
    pub compute: Quantiles,
    /// Reports lost since the loop began, because nobody polled.
    pub dropped_reports: u64,
}

/// The end from which seconds are taken; one that finds no room is lost.
#[derive(Debug)]
pub struct LoopSeconds(Consumer<LoopSecond>);

/// The oldest second that was not taken yet; `None` as long as there is none.
impl Iterator for LoopSeconds {
    type Item = LoopSecond;

    fn next(&mut self) -> Option<LoopSecond> {
        self.0.pop().ok()
    }
}

/// Counts the second that is under way.
pub(crate) struct SecondTally {
    told: Producer<LoopSecond>,
    most_ticks: u64,
    second: LoopSecond,
    lateness: Histogram,
    compute: Histogram,
}

impl SecondTally {
    /// Of so many ticks each.
    pub(crate) fn new(most_ticks: u64) -> (Self, LoopSeconds) {
        let (told, taken) = RingBuffer::new(SECONDS);
        let (lateness, compute) = (Histogram::default(), Histogram::default());
        (Self { told, most_ticks, second: LoopSecond::default(), lateness, compute }, LoopSeconds(taken))
    }

    /// A tick that was so late, took so long, and after which so many deadlines were missed.
    ///
    /// # Real-time
    /// No allocation; once a second some microseconds.
    pub(crate) fn tick(&mut self, late_ns: u64, took_ns: u64, failed_io: u64) {
        self.lateness.record(late_ns);
        self.compute.record(took_ns);
        self.second.ticks += 1;
        self.second.failed_io += failed_io;
    }

    /// So many deadlines passed.
    pub(crate) fn missed(&mut self, n: u64) {
        self.second.misses += n;
    }

    /// Tells of the second when it is over.
    pub(crate) fn end_tick(&mut self, stamp: Time, dropped_reports: u64) {
        if self.second.ticks < self.most_ticks {
            return;
        }
        let lateness = Quantiles::from(&self.lateness);
        let compute = Quantiles::from(&self.compute);
        // Without room it is lost; nothing waits for whoever takes them.
        let _ = self.told.push(LoopSecond { stamp, lateness, compute, dropped_reports, ..self.second });
        self.second = LoopSecond::default();
        self.lateness.clear();
        self.compute.clear();
    }
}
