//! The newest status, from the core to whoever asks, without waiting on either side.
//!
//! A sequence lock over atomics (Boehm, "Can seqlocks get along with programming language memory
//! models?", MSPC 2012): the core never waits; a reader that was overtaken reads again.

use crate::payload::Payload;
use crate::report::{Cause, Mode, MotionId, Slow, Status};
use std::sync::atomic::{AtomicU64, Ordering, fence};
use types::{GripperCommand, GripperState, JointCommand, JointState, JointVector, StopCategory, Time};

/// Words that are not joint vectors.
const SCALARS: usize = 29;
/// Joint vectors: three measured, four commanded, one observed.
const VECTORS: usize = 8;
/// How often a reader tries before it takes what it read last.
const TRIES: usize = 64;

#[derive(Debug)]
pub(crate) struct Mailbox {
    n_joints: usize,
    sequence: AtomicU64,
    words: Box<[AtomicU64]>,
}

/// Puts words one after another.
struct Writer<'a> {
    words: &'a [AtomicU64],
    at: usize,
}

impl Writer<'_> {
    fn word(&mut self, value: u64) {
        if let Some(w) = self.words.get(self.at) {
            w.store(value, Ordering::Relaxed);
        }
        self.at += 1;
    }

    fn vector(&mut self, v: &JointVector, n: usize) {
        for i in 0..n {
            self.word(v.get(i).copied().unwrap_or(0.0).to_bits());
        }
    }
}

/// Takes words one after another.
struct Reader<'a> {
    words: &'a [AtomicU64],
    at: usize,
}

impl Reader<'_> {
    fn word(&mut self) -> u64 {
        let value = self.words.get(self.at).map_or(0, |w| w.load(Ordering::Relaxed));
        self.at += 1;
        value
    }

    fn number(&mut self) -> f64 {
        f64::from_bits(self.word())
    }

    fn time(&mut self) -> Time {
        Time::from_nanos(self.word() as i64)
    }

    fn vector(&mut self, n: usize) -> JointVector {
        JointVector::from_fn(n, |_| self.number())
    }
}

impl Mailbox {
    pub(crate) fn new(n_joints: usize) -> Self {
        let words = (0..SCALARS + VECTORS * n_joints).map(|_| AtomicU64::new(0)).collect();
        Self { n_joints, sequence: AtomicU64::new(0), words }
    }

    /// Puts the status in. Only the core calls this.
    pub(crate) fn put(&self, s: &Status) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        self.write(s);
        self.sequence.store(sequence.wrapping_add(2), Ordering::Release);
    }

    fn write(&self, s: &Status) {
        let n = self.n_joints;
        let mut w = Writer { words: &self.words, at: 0 };
        w.word(s.now.as_nanos() as u64);
        w.word(s.ticks);
        w.word(mode_code(s.mode));
        w.word(s.cause.code());
        w.word(s.active.map_or(0, |id| id.0.wrapping_add(1)));
        w.word(s.progress.to_bits());
        w.word(s.speed_factor.to_bits());
        w.word(Slow::code(s.slow));
        w.word(u64::from(s.measured.is_some()));
        if let Some(m) = &s.measured {
            w.word(m.stamp.as_nanos() as u64);
            w.word(m.gripper.width_m.to_bits());
            w.word(m.gripper.speed_m_s.to_bits());
            w.word(m.gripper.force_n.to_bits());
            w.vector(&m.q, n);
            w.vector(&m.dq, n);
            w.vector(&m.tau, n);
        } else {
            w.at += 4 + 3 * n;
        }
        w.word(s.command.stamp.as_nanos() as u64);
        w.word(s.command.expires.as_nanos() as u64);
        w.word(s.command.gripper.width_m.to_bits());
        w.word(s.command.gripper.force_n.to_bits());
        w.word(u64::from(s.command.enabled));
        w.vector(&s.command.q, n);
        w.vector(&s.command.dq, n);
        w.vector(&s.command.ddq, n);
        w.vector(&s.command.tau, n);
        w.vector(&s.external, n);
        for v in s.tool_wrench {
            w.word(v.to_bits());
        }
        w.word(s.payload.mass_kg.to_bits());
        for v in s.payload.center_m {
            w.word(v.to_bits());
        }
    }

    /// The newest status; `None` while the core is writing faster than this can read.
    pub(crate) fn get(&self) -> Option<Status> {
        for _ in 0..TRIES {
            let before = self.sequence.load(Ordering::Acquire);
            if before.is_multiple_of(2) {
                let status = self.read();
                fence(Ordering::Acquire);
                if self.sequence.load(Ordering::Relaxed) == before {
                    return Some(status);
                }
            }
            core::hint::spin_loop();
        }
        None
    }

    /// Whatever is there, perhaps of two ticks.
    pub(crate) fn latest(&self) -> Status {
        self.read()
    }

    fn read(&self) -> Status {
        let n = self.n_joints;
        let mut r = Reader { words: &self.words, at: 0 };
        let now = r.time();
        let ticks = r.word();
        let mode = mode_from(r.word());
        let cause = Cause::from_code(r.word());
        let active = r.word().checked_sub(1).map(MotionId);
        let (progress, speed_factor) = (r.number(), r.number());
        let slow = Slow::from_code(r.word());
        let known = r.word() == 1;
        let stamp = r.time();
        let gripper = GripperState { width_m: r.number(), speed_m_s: r.number(), force_n: r.number() };
        let measured = JointState { stamp, gripper, q: r.vector(n), dq: r.vector(n), tau: r.vector(n) };
        let (stamp, expires) = (r.time(), r.time());
        let gripper = GripperCommand { width_m: r.number(), force_n: r.number() };
        let enabled = r.word() == 1;
        let (q, dq, ddq, tau) = (r.vector(n), r.vector(n), r.vector(n), r.vector(n));
        let command = JointCommand { stamp, expires, q, dq, ddq, tau, gripper, enabled };
        let measured = known.then_some(measured);
        let external = r.vector(n);
        let tool_wrench = [0; 6].map(|_| r.number());
        let payload = Payload { mass_kg: r.number(), center_m: [0; 3].map(|_| r.number()) };
        Status {
            now,
            ticks,
            mode,
            cause,
            measured,
            command,
            active,
            progress,
            speed_factor,
            slow,
            external,
            tool_wrench,
            payload,
        }
    }
}

/// Every mode; its place is its number.
const MODES: [Mode; 10] = [
    Mode::Disarmed,
    Mode::Proving,
    Mode::Hold,
    Mode::Follow,
    Mode::Servo,
    Mode::Stopping(StopCategory::Two),
    Mode::Stopping(StopCategory::One),
    Mode::Stopping(StopCategory::Zero),
    Mode::Fault { powered: false },
    Mode::Fault { powered: true },
];

fn mode_code(mode: Mode) -> u64 {
    MODES.iter().position(|m| *m == mode).unwrap_or(0) as u64
}

fn mode_from(code: u64) -> Mode {
    usize::try_from(code).ok().and_then(|i| MODES.get(i)).copied().unwrap_or(Mode::Disarmed)
}
