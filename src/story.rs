//! Why the arm moved: from a motor command back through filter, motion, skill, plan, model call and picture to the
//! person's words, out of a recording, or of the robot's and the planner's of a run that was split.

use crate::dataset::within;
use crate::recording::{EVENTS, MODEL, OPERATOR, Pictures, TICKS, tick_of};
use crate::replay::ReplayError;
use crate::split::{Agreement, Part, Run};
use bridge::recording::Reader;
use bridge::ros::{Log, ModelCall, Text, Tick};
use control::TickRecord;
use std::collections::{HashMap, HashSet};
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
pub(crate) struct Story<'a> {
    pub(crate) tick: Option<TickRecord>,
    /// Words of the person, all of them.
    pub(crate) words: Vec<(Time, String)>,
    /// How the sentence was read.
    pub(crate) reading: Option<(Time, ModelCall)>,
    /// The newest picture of each camera that a model was shown, with what it saw.
    pub(crate) seen: Vec<(Image, Vec<Detection>, ModelCall)>,
    /// The newest question whether a skill is done, which a model was asked with two pictures.
    pub(crate) judged: Option<(Time, ModelCall)>,
    /// The planner's part that tells of it, where the run was split and one does.
    pub(crate) planner: Option<&'a (Part, Agreement)>,
    /// What is damaged in what was read.
    pub(crate) flaws: Vec<String>,
    events: Vec<Told>,
}

impl<'a> Story<'a> {
    /// Of the tick at `at`, or the last one before it.
    ///
    /// # Errors
    /// [`ReplayError`] for what cannot be read, and messages that are not of the recording's types.
    pub(crate) fn read(run: &'a Run, at: Time) -> Result<Self, ReplayError> {
        let mut story = Self::default();
        story.take_in(&run.robot.path, at)?;
        let motion = story.tick.as_ref().and_then(|t| t.motion);
        let asked = motion.and_then(|id| run.robot.motion(id.0));
        story.planner = run.planners.iter().find(|(part, _)| match motion {
            // A planner that was killed has not noted what it ordered last.
            Some(id) => {
                part.motion(id.0).is_some() || asked.is_some_and(|a| part.session() == Some(a.by.session))
            }
            // Between two motions its sentence is the one that was being carried out.
            None => part.span().is_some_and(|(first, last)| (first..=last).contains(&at)),
        });
        if let Some((part, _)) = story.planner {
            let told = core::mem::take(&mut story.events);
            story.take_in(&part.path, at)?;
            // What the loop tells is heard by both.
            let known: HashSet<_> = told.iter().map(|t| (&t.kind, &t.text)).collect();
            story.events.retain(|e| !known.contains(&(&e.kind, &e.text)));
            story.events.extend(told);
        }
        Ok(story)
    }

    fn take_in(&mut self, path: &Path, at: Time) -> Result<(), ReplayError> {
        let mut reader = Reader::open(path)?;
        self.take_in_all(&mut reader, at).map_err(|e| within(path, e.into()))?;
        let flaw = |f: &bridge::recording::Flaw| format!("{}, at byte {}: {}", path.display(), f.at, f.what);
        self.flaws.extend(reader.flaws().iter().map(flaw));
        Ok(())
    }

    fn take_in_all(&mut self, reader: &mut Reader, at: Time) -> Result<(), Rejection> {
        let story = self;
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
                    if call.role == "judge" {
                        story.judged = Some((message.stamp, call));
                    } else if call.camera.is_empty() {
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
        story.seen.extend(newest.into_values());
        story.seen.sort_by(|a, b| a.0.camera.cmp(&b.0.camera));
        Ok(())
    }

    /// The newest event of a kind.
    pub(crate) fn last(&self, stage: &str, kind: &str) -> Option<&Told> {
        self.events.iter().rev().find(|e| e.stage == stage && e.kind == kind)
    }

    /// What a motion was for, when it was ordered, and for which skill: what was said right before that, unless another was
    /// ordered in between.
    pub(crate) fn motion(&self, id: u64) -> Option<Ordered<'_>> {
        let is_order = |e: &Told| e.stage == "control" && e.kind == "order";
        let name = format!("motion {id}");
        let place = self.events.iter().position(|e| is_order(e) && e.text == name)?;
        let before = || self.events[..place].iter().rev();
        let why = before().take_while(|e| !is_order(e)).find(|e| e.stage == "control" && e.kind == "move")?;
        let skill = before().find(|e| e.stage == "planner" && e.kind == "skill");
        Some(Ordered { why, order: &self.events[place], skill })
    }

    /// What was refused, slowed or stopped since then, in its order.
    pub(crate) fn interventions(&self, since: Time) -> Vec<&Told> {
        let is_one = |e: &&Told| e.stage == "control" && (e.is_grave || e.text.starts_with("Intervention"));
        let mut all: Vec<&Told> = self.events.iter().filter(|e| e.at >= since).filter(is_one).collect();
        all.sort_by_key(|e| e.at);
        all
    }
}

/// See [`Story::motion`].
pub(crate) struct Ordered<'a> {
    pub(crate) why: &'a Told,
    pub(crate) order: &'a Told,
    pub(crate) skill: Option<&'a Told>,
}

pub(crate) fn told(log: Log) -> Told {
    Told { at: log.stamp.into(), stage: log.name, kind: log.file, text: log.msg, is_grave: log.level >= 30 }
}

/// The whole of a recording's time.
pub(crate) fn span(path: &Path) -> Result<Option<(Time, Time)>, bridge::BridgeError> {
    let ticks = Reader::open(path)?.filter(|m| m.info.topic == TICKS).map(|m| m.stamp);
    Ok(ticks.fold(None, |span, at| Some((span.map_or(at, |(first, _)| first), at))))
}
