//! The one place through which a mission hears of the world: taken live and noted, or as it was noted.
//!
//! A mission is a function of what it consumes: the time, the loop's status and reports, pictures, answers of models
//! and of the person. Each of these comes through [`Tape::take`], under a name. In a run it is asked for and noted; in
//! a replay it is read from the notes, so that the same mission does the same again. Where the replayed mission asks for
//! something else than the recorded one did, the replay has left its recording, and says where.

use super::{CONSUMED, Pictures, Recording};
use bridge::recording::Reader;
use bridge::ros::{Consumed, ModelCall};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use types::{Image, Scene, Time};

/// Notes are written when so many bytes have come together.
const FULL: usize = 4096;

/// Where a replay left its recording.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Divergence {
    /// The note that stood there, and its number.
    recorded: String,
    number: u64,
    /// What was asked for.
    asked: String,
}

impl core::fmt::Display for Divergence {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { recorded, number, asked } = self;
        write!(f, "note {number} is \"{recorded}\", and the replayed mission asks for \"{asked}\"")
    }
}

/// See the head of this file.
#[derive(Clone, Default)]
pub(crate) struct Tape(Option<Arc<Mutex<Side>>>);

enum Side {
    Records { recording: Arc<Recording>, lines: String, now: Time },
    Repeats(Box<Repeats>),
}

struct Repeats {
    reader: Reader,
    pictures: Pictures,
    lines: VecDeque<String>,
    number: u64,
    divergence: Option<Divergence>,
    problem: Option<String>,
    again: Option<Again>,
}

/// What came of asking models again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Again {
    /// How many questions were asked.
    pub(crate) asked: u64,
    /// Where the answer was another, in words.
    pub(crate) other: Vec<String>,
}

impl Tape {
    /// What comes is noted.
    pub(crate) fn recording(recording: Arc<Recording>) -> Self {
        let side = Side::Records { recording, lines: String::new(), now: Time::ZERO };
        Self(Some(Arc::new(Mutex::new(side))))
    }

    /// What came is taken from a recording; models may be asked again, only to compare.
    pub(crate) fn repeating(reader: Reader, asks_again: bool) -> Self {
        let repeats = Repeats {
            reader,
            pictures: Pictures::default(),
            lines: VecDeque::new(),
            number: 0,
            divergence: None,
            problem: None,
            again: asks_again.then(Again::default),
        };
        Self(Some(Arc::new(Mutex::new(Side::Repeats(Box::new(repeats))))))
    }

    fn with<T>(&self, f: impl FnOnce(&mut Side) -> T) -> Option<T> {
        let side = self.0.as_ref()?;
        Some(f(&mut side.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Whether this is a replay.
    pub(crate) fn is_repeating(&self) -> bool {
        self.with(|side| matches!(side, Side::Repeats(_))) == Some(true)
    }

    /// What `live` says, noted; or what it said in the recording. After a divergence nothing.
    pub(crate) fn take<T>(&self, name: &'static str, live: impl FnOnce() -> T) -> T
    where
        T: Serialize + DeserializeOwned + Default,
    {
        if self.is_repeating() {
            let taken = self.with(|side| match side {
                Side::Repeats(repeats) => repeats.take(name),
                Side::Records { .. } => None,
            });
            return taken.flatten().unwrap_or_default();
        }
        // Without the lock: what is asked for may itself take something.
        let value = live();
        self.note(name, || &value);
        value
    }

    /// Notes a value, where there is somebody who notes.
    pub(crate) fn note<T: Serialize>(&self, name: &str, value: impl FnOnce() -> T) {
        self.with(|side| {
            if let Side::Records { lines, .. } = side {
                lines.push_str(name);
                lines.push(' ');
                lines.push_str(&serde_json::to_string(&value()).unwrap_or_default());
                lines.push('\n');
            }
        });
    }

    /// The time of what is noted from here on; what was noted before is written when it is much, or `is_end`.
    pub(crate) fn set_now(&self, at: Time, is_end: bool) {
        self.with(|side| match side {
            Side::Records { recording, lines, now } => {
                *now = at;
                if lines.len() > FULL || (is_end && !lines.is_empty()) {
                    recording.consumed(at, core::mem::take(lines));
                }
            }
            Side::Repeats(_) => {}
        });
    }

    /// Records a picture; whether it was.
    pub(crate) fn picture(&self, image: &Image, is_used: bool) -> bool {
        self.with(|side| match side {
            Side::Records { recording, .. } => recording.picture(image, is_used),
            Side::Repeats(_) => false,
        })
        .unwrap_or(false)
    }

    /// The recorded picture of a camera with this stamp.
    pub(crate) fn picture_at(&self, camera: &str, stamp: Time) -> Option<Image> {
        self.with(|side| match side {
            Side::Repeats(repeats) => repeats.pictures.at(camera, stamp),
            Side::Records { .. } => None,
        })?
    }

    /// Records what is believed to be on the table.
    pub(crate) fn scene(&self, scene: &Scene) {
        self.with(|side| {
            if let Side::Records { recording, .. } = side {
                recording.scene(scene);
            }
        });
    }

    /// Records a question to a model.
    pub(crate) fn model_call(&self, call: impl FnOnce(Time) -> ModelCall) {
        self.with(|side| {
            if let Side::Records { recording, now, .. } = side {
                recording.model_call(*now, &call(*now));
            }
        });
    }

    /// Records what the person said.
    pub(crate) fn operator(&self, words: &str) {
        self.with(|side| {
            if let Side::Records { recording, now, .. } = side {
                recording.operator(*now, words);
            }
        });
    }

    /// Whether models are asked again in this replay.
    pub(crate) fn asks_again(&self) -> bool {
        self.again().is_some()
    }

    /// What came of asking them.
    pub(crate) fn again(&self) -> Option<Again> {
        self.with(|side| match side {
            Side::Repeats(repeats) => repeats.again.clone(),
            Side::Records { .. } => None,
        })?
    }

    /// A question was asked again; `other` says how the answer is another.
    pub(crate) fn asked_again(&self, other: Option<String>) {
        self.with(|side| {
            if let Side::Repeats(repeats) = side
                && let Some(again) = &mut repeats.again
            {
                again.asked += 1;
                again.other.extend(other);
            }
        });
    }

    /// Where the replay left its recording.
    pub(crate) fn divergence(&self) -> Option<String> {
        self.with(|side| match side {
            Side::Repeats(repeats) => repeats.divergence.as_ref().map(ToString::to_string),
            Side::Records { .. } => None,
        })?
    }

    /// What is wrong with the recording itself.
    pub(crate) fn problem(&self) -> Option<String> {
        self.with(|side| match side {
            Side::Repeats(repeats) => repeats.problem.clone(),
            Side::Records { .. } => None,
        })?
    }

    /// How many notes of this name are left that nobody has taken.
    pub(crate) fn left(&self, name: &str) -> usize {
        self.with(|side| match side {
            Side::Repeats(repeats) => {
                while repeats.problem.is_none() {
                    repeats.read_on();
                }
                let is_so =
                    |line: &&String| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '));
                repeats.lines.iter().filter(is_so).count()
            }
            Side::Records { .. } => 0,
        })
        .unwrap_or(0)
    }

    /// Notes that were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.with(|side| match side {
            Side::Repeats(repeats) => repeats.number,
            Side::Records { .. } => 0,
        })
        .unwrap_or(0)
    }
}

impl Repeats {
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        if self.divergence.is_some() {
            return None;
        }
        while self.lines.is_empty() && self.problem.is_none() {
            self.read_on();
        }
        let line = self.lines.pop_front().unwrap_or_default();
        self.number += 1;
        let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
        let value = value.and_then(|json| serde_json::from_str(json).ok());
        if value.is_none() {
            let recorded = if line.is_empty() { "the end of the recording".to_owned() } else { line };
            let recorded = recorded.chars().take(200).collect();
            self.divergence = Some(Divergence { recorded, number: self.number, asked: name.to_owned() });
        }
        value
    }

    /// Reads messages until there are notes again. A picture stands before the note that it was taken.
    fn read_on(&mut self) {
        let Some(message) = self.reader.next() else {
            let flaw = self.reader.flaws().first();
            let at_end = "the recording ends before the mission does".to_owned();
            self.problem = Some(flaw.map_or(at_end, |f| format!("at byte {}: {}", f.at, f.what)));
            return;
        };
        let taken = if message.info.topic == CONSUMED {
            message.read::<Consumed>().map(|c| self.lines.extend(c.lines.lines().map(str::to_owned)))
        } else {
            self.pictures.take_in(&message)
        };
        if let Err(e) = taken {
            self.problem = Some(e.to_string());
        }
    }
}
