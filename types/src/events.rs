//! What is recorded: one structured event for everything that happened or was refused.

use crate::time::Time;
use serde::{Deserialize, Serialize};

/// How much an event matters to a person.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For the recording.
    Detail,
    /// For the screen.
    Info,
    /// Something was refused, clamped, or degraded.
    Warn,
    /// Something ended the work.
    Error,
}

/// One event, one line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The robot's time.
    pub stamp: Time,
    /// How much it matters.
    pub level: Level,
    /// Which stage: `perception`, `planner`, `control`, `bridge`, `sim`, `run`.
    pub stage: String,
    /// What kind of event: `phase`, `skill`, `detections`, `proposal`, `fault`, `rejection`, ….
    pub kind: String,
    /// The fault's id, if it is one: `F8`, `B13`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fault: Option<String>,
    /// A sentence for a person.
    pub text: String,
}
