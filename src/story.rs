//! Why the arm moved: from a motor command back through filter, motion, skill, plan, model call and picture to the
//! person's words, out of a recording.

use crate::recording::{EVENTS, MODEL, OPERATOR, Pictures, TICKS, tick_of};
use bridge::recording::Reader;
use bridge::ros::{Log, ModelCall, Text, Tick};
use control::TickRecord;
use std::collections::HashMap;
use std::path::Path;
use types::{Detection, Image, Rejection, Time};

/// So much later than it was, at the most, is told what the loop did.
const TOLD_LATE: core::time::Duration = core::time::Duration::from_millis(15);

/// An event of a recording.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) at: Time,
    pub(crate) stage: String,
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) is_grave: bool,
}

/// What led to a tick, the newest of each kind that was before it.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) tick: Option<TickRecord>,
    /// Words of the person, all of them.
    pub(crate) words: Vec<(Time, String)>,
    /// How the sentence was read.
    pub(crate) reading: Option<(Time, ModelCall)>,
    /// The newest picture of each camera that a model was shown, with what it saw.
    pub(crate) seen: Vec<(Image, Vec<Detection>, ModelCall)>,
    events: Vec<Told>,
}

impl Story {
    /// Of the tick at `at`, or the last one before it.
    ///
    /// # Errors
    /// A [`Rejection`] for messages that are not of the recording's types.
    pub(crate) fn read(reader: &mut Reader, at: Time) -> Result<Self, Rejection> {
        let mut story = Self::default();
        let mut pictures = Pictures::default();
        let mut newest: HashMap<String, (Image, Vec<Detection>, ModelCall)> = HashMap::new();
        for message in reader.by_ref() {
            // What the loop does is told when the mission next looks.
            if message.info.topic == EVENTS && message.stamp <= at + TOLD_LATE {
                story.events.push(told(message.read()?));
            }
            // Messages of different topics overtake each other by little.
            if message.stamp > at {
                continue;
            }
            pictures.take_in(&message)?;
            match message.info.topic.as_str() {
                TICKS => {
                    let tick = tick_of(&message.read::<Tick>()?)?;
                    if story.tick.is_none_or(|t| t.tick < tick.tick) {
                        story.tick = Some(tick);
                    }
                }
                OPERATOR => story.words.push((message.stamp, message.read::<Text>()?.data)),
                MODEL => {
                    let call: ModelCall = message.read()?;
                    if call.camera.is_empty() {
                        if call.role == "read" {
                            story.reading = Some((message.stamp, call));
                        }
                    } else {
                        // A model that had no answer is asked about the same picture again.
                        let stamp: Time = call.pictured.clone().into();
                        let known = newest.remove(&call.camera).map(|(image, ..)| image);
                        let image =
                            known.filter(|i| i.stamp == stamp).or_else(|| pictures.at(&call.camera, stamp));
                        if let Some(image) = image {
                            let detections = serde_json::from_str(&call.answer).unwrap_or_default();
                            newest.insert(call.camera.clone(), (image, detections, call));
                        }
                    }
                }
                _ => {}
            }
        }
        story.seen = newest.into_values().collect();
        story.seen.sort_by(|a, b| a.0.camera.cmp(&b.0.camera));
        Ok(story)
    }

    /// The newest event of a kind.
    pub(crate) fn last(&self, stage: &str, kind: &str) -> Option<&Told> {
        self.events.iter().rev().find(|e| e.stage == stage && e.kind == kind)
    }

    /// What a motion was for, and when it was ordered: what was said right before that, unless another was ordered in
    /// between.
    pub(crate) fn motion(&self, id: u64) -> Option<(&Told, &Told)> {
        let is_order = |e: &Told| e.stage == "control" && e.kind == "order";
        let name = format!("motion {id}");
        let place = self.events.iter().position(|e| is_order(e) && e.text == name)?;
        let before = self.events[..place].iter().rev().take_while(|e| !is_order(e));
        let why = before.into_iter().find(|e| e.stage == "control" && e.kind == "move")?;
        Some((why, &self.events[place]))
    }

    /// What was refused, slowed or stopped since then.
    pub(crate) fn interventions(&self, since: Time) -> impl Iterator<Item = &Told> {
        let is_one = |e: &&Told| e.stage == "control" && (e.is_grave || e.text.starts_with("Intervention"));
        self.events.iter().filter(move |e| e.at >= since).filter(is_one)
    }
}

fn told(log: Log) -> Told {
    Told { at: log.stamp.into(), stage: log.name, kind: log.file, text: log.msg, is_grave: log.level >= 30 }
}

/// The whole of a recording's time.
pub(crate) fn span(path: &Path) -> Result<Option<(Time, Time)>, bridge::BridgeError> {
    let ticks = Reader::open(path)?.filter(|m| m.info.topic == TICKS).map(|m| m.stamp);
    Ok(ticks.fold(None, |span, at| Some((span.map_or(at, |(first, _)| first), at))))
}
