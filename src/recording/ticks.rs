//! The loop's ticks on their way to the recording, and out of it.

use super::{Recording, TICKS, convert};
use bridge::recording::Reader;
use bridge::ros::Tick;
use control::{LoopSecond, LoopSeconds, Tape, TickRecord};
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use types::Rejection;

/// How often the thread looks whether there are any.
const LOOK: Duration = Duration::from_millis(10);
/// Ticks in a second of virtual time.
const SECOND: u64 = 1000;

/// Takes ticks from the loop's tape to the recording.
pub(crate) struct TickWriter {
    tape: Tape,
    recording: Arc<Recording>,
    lost: u64,
    /// What a loop in wall time tells of its seconds.
    seconds: Option<LoopSeconds>,
}

impl TickWriter {
    pub(crate) fn new(tape: Tape, recording: Arc<Recording>) -> Self {
        Self { tape, recording, lost: 0, seconds: None }
    }

    /// Of a loop in wall time.
    pub(crate) fn with_seconds(self, seconds: Option<LoopSeconds>) -> Self {
        Self { seconds, ..self }
    }

    /// Those that have come.
    pub(crate) fn drain(&mut self) {
        for record in self.tape.by_ref() {
            self.recording.tick(&record);
            if self.seconds.is_none() && record.tick.is_multiple_of(SECOND) {
                let second = LoopSecond { stamp: record.now, ticks: SECOND, ..LoopSecond::default() };
                self.recording.second(&second);
            }
        }
        for second in self.seconds.iter_mut().flatten() {
            self.recording.second(&second);
        }
        let lost = self.tape.dropped();
        if lost > self.lost {
            self.recording.lost_ticks(lost - self.lost);
            self.lost = lost;
        }
    }

    /// In a thread of its own, until the guard is dropped: after the loop has ended.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub(crate) fn spawn(mut self) -> std::io::Result<Writing> {
        let end = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&end);
        let thread = std::thread::Builder::new().name("sinew-ticks".to_owned()).spawn(move || {
            while !told.load(Ordering::Acquire) {
                self.drain();
                std::thread::sleep(LOOK);
            }
            self.drain();
        })?;
        Ok(Writing { end, thread: Some(thread) })
    }
}

/// See [`TickWriter::spawn`].
pub(crate) struct Writing {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The ticks of a recording, in order.
pub(crate) struct Ticks {
    reader: Reader,
    /// `None` before the first of a recording whose beginning is in another file.
    last: Option<u64>,
}

impl Ticks {
    pub(crate) fn new(reader: Reader) -> Self {
        let last = (reader.first_part() == 1).then_some(0);
        Self { reader, last }
    }

    /// The next; `None` at the end.
    ///
    /// # Errors
    /// A [`Rejection`] for a message that is no tick, ticks that are missing in between, and an end that is not the
    /// end of what happened.
    pub(crate) fn next(&mut self) -> Result<Option<TickRecord>, Rejection> {
        let Some(message) = self.reader.by_ref().find(|m| m.info.topic == TICKS) else {
            return self.end().map(|()| None);
        };
        let record = convert::record(&message.read::<Tick>()?)?;
        if let Some(next) = self.last.map(|last| last + 1).filter(|next| *next != record.tick) {
            return Err(Rejection::new(TICKS, format!("tick {next}"), format!("tick {}", record.tick)));
        }
        self.last = Some(record.tick);
        Ok(Some(record))
    }

    /// Whether nothing is missing at the end.
    fn end(&self) -> Result<(), Rejection> {
        let refuse = |got: String| Err(Rejection::new(TICKS, "the ticks up to the loop's end", got));
        if let Some(flaw) = self.reader.flaws().first() {
            return refuse(format!("damage at byte {}: {}", flaw.at, flaw.what));
        }
        if !self.reader.is_complete() {
            return refuse("a recording without an end: it was interrupted".into());
        }
        match self.reader.left_out().get(TICKS) {
            Some(n) => refuse(format!("{n} that were left out when it was recorded")),
            None => Ok(()),
        }
    }
}
