//! What a person sees while it works, and what is recorded: one event, three ways out.

use bridge::RunFolder;
use std::collections::VecDeque;
use std::io::Write;
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
    now: Time,
    /// What explains how it went, the newest last.
    facts: VecDeque<String>,
}

/// Most facts that are kept.
pub(crate) const MOST_FACTS: usize = 10;

/// Whether an event explains how a run went: what was said, how it ended, and what the stages gave as reasons. Words of
/// a model or a server are none, but for what an ending repeats.
pub(crate) fn is_fact(e: &Event) -> bool {
    let is_grave = matches!(e.level, Level::Warn | Level::Error);
    match (e.stage.as_str(), e.kind.as_str()) {
        ("run", kind) => matches!(kind, "sentence" | "verdicts" | "refused" | "failed" | "question" | "done"),
        ("planner", kind) => is_grave || kind == "replan",
        ("control", _) => is_grave,
        _ => false,
    }
}

impl Log {
    pub(crate) fn new(screen: Screen, folder: Option<RunFolder>) -> Self {
        Self { screen, folder, now: Time::ZERO, facts: VecDeque::new() }
    }

    /// The robot's time, for the stamps of what follows.
    pub(crate) fn set_now(&mut self, now: Time) {
        self.now = now;
    }

    /// What explains how it went so far.
    pub(crate) fn facts(&self) -> Vec<String> {
        self.facts.iter().cloned().collect()
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
        if is_fact(&event) {
            // What was said stays.
            if self.facts.len() >= MOST_FACTS {
                self.facts.remove(1);
            }
            self.facts.push_back(event.text.clone());
        }
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

fn sentence(e: &Event) -> String {
    let mark = match e.level {
        Level::Detail | Level::Info => " ",
        Level::Warn => "!",
        Level::Error => "✗",
    };
    let id = e.fault.as_ref().map(|f| format!("{f}: ")).unwrap_or_default();
    format!("{:7.2} s {mark} {:<10} {id}{}", e.stamp.as_secs_f64(), e.stage, e.text)
}
