//! What a person sees while it works, and what is recorded: one event, three ways out.

use crate::recording::Recording;
use bridge::RunFolder;
use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;
use types::events::{Event, Level};
use types::{Fault, Time};

/// How events are shown.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    /// Sentences for a person.
    Sentences,
    /// One JSON object a line.
    Json,
    /// Nothing.
    Silent,
}

/// Takes events to the screen and the run's folder.
pub(crate) struct Log {
    screen: Screen,
    folder: Option<RunFolder>,
    recording: Option<Arc<Recording>>,
    listener: Option<Listener>,
    now: Time,
    facts: Facts,
}

/// Who hears every event, besides.
pub(crate) type Listener = Box<dyn FnMut(&Event) + Send>;

/// Most facts that are kept.
const MOST_FACTS: usize = 10;

/// What explains how a run went, the newest last. A question that a model put into words counts as it was typed.
#[derive(Default)]
pub(crate) struct Facts {
    kept: VecDeque<String>,
    /// The open question as the planner asked it.
    typed: Option<String>,
}

impl Facts {
    pub(crate) fn push(&mut self, e: &Event) {
        match (e.stage.as_str(), e.kind.as_str()) {
            ("planner", "typed-question") => self.typed = Some(e.text.clone()),
            ("run", "sentence" | "answer") => self.typed = None,
            _ => {}
        }
        if !is_fact(e) {
            return;
        }
        // What was said stays.
        if self.kept.len() >= MOST_FACTS {
            self.kept.remove(1);
        }
        let is_question = e.stage == "run" && e.kind == "question";
        let typed = self.typed.as_ref().filter(|_| is_question);
        self.kept.push_back(typed.unwrap_or(&e.text).clone());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.kept.iter().cloned().collect()
    }
}

/// Whether an event explains how a run went: what was said, how it ended, and what the stages gave as reasons. Words of
/// a model or a server are none, but for what an ending repeats.
fn is_fact(e: &Event) -> bool {
    let is_grave = matches!(e.level, Level::Warn | Level::Error);
    match (e.stage.as_str(), e.kind.as_str()) {
        ("run", kind) => matches!(kind, "sentence" | "verdicts" | "refused" | "failed" | "question" | "done"),
        // It quotes a model.
        ("planner", "doubt") => false,
        ("planner", kind) => is_grave || kind == "replan",
        ("control", _) => is_grave,
        _ => false,
    }
}

impl Log {
    pub(crate) fn new(screen: Screen, folder: Option<RunFolder>) -> Self {
        Self { screen, folder, recording: None, listener: None, now: Time::ZERO, facts: Facts::default() }
    }

    /// Its events go into a recording, too.
    pub(crate) fn with_recording(self, recording: Arc<Recording>) -> Self {
        Self { recording: Some(recording), ..self }
    }

    /// Somebody hears its events, too.
    pub(crate) fn with_listener(self, listener: Listener) -> Self {
        Self { listener: Some(listener), ..self }
    }

    /// Where its events go, too.
    pub(crate) fn recording(&self) -> Option<&Recording> {
        self.recording.as_deref()
    }

    /// The robot's time, for the stamps of what follows.
    pub(crate) fn set_now(&mut self, now: Time) {
        self.now = now;
    }

    /// What explains how it went so far.
    pub(crate) fn facts(&self) -> Vec<String> {
        self.facts.all()
    }

    pub(crate) fn folder(&self) -> Option<&RunFolder> {
        self.folder.as_ref()
    }

    pub(crate) fn detail(&mut self, stage: &str, kind: &str, text: impl Into<String>) {
        self.push(Level::Detail, stage, kind, None, text.into());
    }

    pub(crate) fn info(&mut self, stage: &str, kind: &str, text: impl Into<String>) {
        self.push(Level::Info, stage, kind, None, text.into());
    }

    pub(crate) fn warn(&mut self, stage: &str, kind: &str, text: impl Into<String>) {
        self.push(Level::Warn, stage, kind, None, text.into());
    }

    pub(crate) fn error(&mut self, stage: &str, kind: &str, text: impl Into<String>) {
        self.push(Level::Error, stage, kind, None, text.into());
    }

    /// A row of the fault table was detected.
    pub(crate) fn fault(&mut self, stage: &str, fault: Fault, text: impl Into<String>) {
        self.push(Level::Warn, stage, "fault", Some(fault.id().into()), text.into());
    }

    fn push(&mut self, level: Level, stage: &str, kind: &str, fault: Option<String>, text: String) {
        let event = Event { stamp: self.now, level, stage: stage.into(), kind: kind.into(), fault, text };
        if let Some(folder) = &mut self.folder {
            folder.event(&event);
        }
        if let Some(recording) = &self.recording {
            recording.event(&event);
        }
        if let Some(listener) = &mut self.listener {
            listener(&event);
        }
        self.facts.push(&event);
        let mut out = std::io::stdout().lock();
        // A closed pipe is no reason to stop a robot.
        let _ = match self.screen {
            Screen::Json => serde_json::to_string(&event).map(|s| writeln!(out, "{s}")).map(|_| ()),
            Screen::Sentences if level != Level::Detail => {
                let _ = writeln!(out, "{}", sentence(&event));
                Ok(())
            }
            Screen::Sentences | Screen::Silent => Ok(()),
        };
    }
}

pub(crate) fn sentence(e: &Event) -> String {
    let mark = match e.level {
        Level::Detail | Level::Info => " ",
        Level::Warn => "!",
        Level::Error => "✗",
    };
    let id = e.fault.as_ref().map(|f| format!("{f}: ")).unwrap_or_default();
    format!("{:7.2} s {mark} {:<10} {id}{}", e.stamp.as_secs_f64(), e.stage, e.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(events: &[(&str, &str, &str)]) -> Vec<String> {
        let mut facts = Facts::default();
        for (stage, kind, text) in events {
            facts.push(&Event {
                stamp: Time::ZERO,
                level: Level::Info,
                stage: (*stage).into(),
                kind: (*kind).into(),
                fault: None,
                text: (*text).into(),
            });
        }
        facts.all()
    }

    #[test]
    fn a_question_is_a_fact_as_it_was_typed_and_never_in_the_words_of_a_model() {
        let asked = [
            ("run", "sentence", "put it there"),
            ("planner", "typed-question", "Which one?"),
            ("run", "question", "Dearest, which one?"),
            ("run", "question", "Dearest, which one?"),
            ("run", "answer", "the person answers \"that\""),
            ("run", "question", "Where to?"),
        ];
        assert_eq!(facts(&asked), ["put it there", "Which one?", "Which one?", "Where to?"]);
        let open = [("planner", "typed-question", "Which one?"), ("run", "refused", "no")];
        assert_eq!(facts(&open), ["no"]);
    }

    #[test]
    fn of_many_facts_what_was_said_and_the_newest_are_kept() {
        let all: Vec<String> = (0..30).map(|i| i.to_string()).collect();
        let events: Vec<_> = all.iter().map(|n| ("run", "done", n.as_str())).collect();
        let kept = facts(&events);
        assert_eq!((kept.len(), kept[0].as_str(), kept[9].as_str()), (MOST_FACTS, "0", "29"));
    }
}
