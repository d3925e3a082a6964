//! What a tick consumed and decided, for a recording; and the same tick once more from it.
//!
//! A tick is a function of the time, the robot's state, the requests that it takes from its inbox, and what other
//! threads had left for it in the few words that both ends share. All of it stands in a [`TickRecord`], so that a core
//! of the same arm and configuration, given the same requests in the same order, decides the same commands, bit for
//! bit, whatever the threads around it do (I9).

use crate::core::Core;
use crate::message::INBOX;
use crate::report::{Mode, MotionId};
use crate::slowing::pace_for;
use core::sync::atomic::{AtomicU64, Ordering};
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;
use types::seams::Controller;
use types::{JointCommand, JointState, Time};

/// Ticks that may wait to be taken: four seconds at a thousand a second.
const TICKS: usize = 4096;

/// What other threads had left for a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// How many requests it took from its inbox.
    pub requests: u32,
    /// The stop flag: 0 none, else category two, one, zero as 1, 2, 3.
    pub stop: u8,
    /// The component that panicked; 0 for none.
    pub panicked: u8,
    /// When the owners of arm and gripper last said that they live, nanoseconds.
    pub alive: [i64; 2],
    /// The part of their own speed at which motions were asked to run; see [`Self::pace`].
    pub slow: f64,
    /// When the emergency stop's line was last read, nanoseconds, and whether it was open since.
    pub line_read: i64,
    /// See `line_read`.
    pub line_opened: bool,
    /// When the watchdog last stroked the robot, nanoseconds.
    pub stroked: i64,
    /// The loop was told to end.
    pub shut_down: bool,
    /// The motors had power before the first tick, which is this one.
    pub live: bool,
}

impl Heard {
    /// The part of their own speed at which motions ran by that, 0.05 to 1.
    #[must_use]
    pub fn pace(&self) -> f64 {
        pace_for(self.slow)
    }

    pub(crate) const NOTHING: Self = Self {
        requests: 0,
        stop: 0,
        panicked: 0,
        alive: [0; 2],
        slow: 1.0,
        line_read: i64::MIN,
        line_opened: false,
        stroked: i64::MIN,
        shut_down: false,
        live: false,
    };
}

/// One tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TickRecord {
    /// Counts up by one per tick, from one.
    pub tick: u64,
    /// The time that it was given.
    pub now: Time,
    /// The robot's state; `None` where it could not be read.
    pub state: Option<JointState>,
    /// What it found.
    pub heard: Heard,
    /// What it decided.
    pub command: JointCommand,
    /// The state machine's state after it.
    pub mode: Mode,
    /// The motion under way.
    pub motion: Option<MotionId>,
}

/// The end of a tape from which the ticks are taken.
#[derive(Debug)]
pub struct Tape {
    ticks: Consumer<TickRecord>,
    dropped: Arc<AtomicU64>,
}

impl Tape {
    /// Ticks that found no room, because nobody took those before them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The oldest tick that was not taken yet; `None` as long as there is none.
impl Iterator for Tape {
    type Item = TickRecord;

    fn next(&mut self) -> Option<TickRecord> {
        self.ticks.pop().ok()
    }
}

/// The end that the core writes.
pub(crate) struct Head {
    ticks: Producer<TickRecord>,
    dropped: Arc<AtomicU64>,
}

impl Core {
    /// Every tick from now on is put on a tape, as long as somebody takes them from it.
    #[must_use]
    pub fn with_tape(mut self) -> (Self, Tape) {
        let (producer, consumer) = RingBuffer::new(TICKS);
        let dropped = Arc::new(AtomicU64::new(0));
        self.tape = Some(Head { ticks: producer, dropped: Arc::clone(&dropped) });
        (self, Tape { ticks: consumer, dropped })
    }

    /// Ticks made so far.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.ticks
    }

    /// The tick of a record once more: at its time, with its state, as many requests of those that wait, and with
    /// what it found. Returns what is decided now.
    pub fn repeat(&mut self, record: &TickRecord) -> JointCommand {
        let (heard, shared) = (&record.heard, &self.wires.shared);
        shared.stop.store(heard.stop, Ordering::Relaxed);
        shared.panicked.store(heard.panicked, Ordering::Relaxed);
        shared.slow.store(heard.slow.to_bits(), Ordering::Relaxed);
        shared.line_read.store(heard.line_read, Ordering::Relaxed);
        shared.line_opened.store(heard.line_opened, Ordering::Relaxed);
        for (word, at) in shared.alive.iter().zip(heard.alive) {
            word.store(at, Ordering::Relaxed);
        }
        if let Some(pulse) = &self.pulse {
            pulse.set_stroked(heard.stroked);
        }
        if heard.live {
            self.attach();
        }
        if heard.shut_down {
            self.shut_down();
        }
        self.most_requests = heard.requests as usize;
        let command = self.tick(record.now, record.state.as_ref());
        self.most_requests = INBOX;
        command
    }

    /// # Real-time
    /// Copies about a kilobyte.
    pub(crate) fn record(&mut self, state: Option<&JointState>) {
        let Some(tape) = &mut self.tape else { return };
        let record = TickRecord {
            tick: self.ticks,
            now: self.last.stamp,
            state: state.copied(),
            heard: self.heard,
            command: self.last,
            mode: self.state.mode(),
            motion: self.state.motion(),
        };
        if tape.ticks.push(record).is_err() {
            tape.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
