//! One episode: a world, a sentence, and what shall come of it.

use super::predicate::Predicate;
use serde::{Deserialize, Serialize};
use sim::{FaultSpec, SceneSpec};

/// How a run shall end.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expect {
    /// The predicates hold.
    #[default]
    Done,
    /// Sinew asks back or refuses, and nothing moved.
    Declined,
    /// Sinew asks back, and nothing moved.
    Question,
    /// Sinew refuses, and nothing moved.
    Refusal,
    /// Sinew answers, and nothing moved.
    Answer,
    /// A fault ends it: the arm stands still, and Sinew says why.
    Stopped,
}

/// Everything that an episode needs.
#[derive(Clone, Debug)]
pub(crate) struct Episode {
    /// The task family, for the table of results.
    pub(crate) family: String,
    /// What makes it repeatable.
    pub(crate) seed: u64,
    /// The world in the beginning.
    pub(crate) scene: SceneSpec,
    /// What the person says.
    pub(crate) sentence: String,
    /// What the person answers when asked.
    pub(crate) answers: Vec<String>,
    /// How it shall end.
    pub(crate) expect: Expect,
    /// What shall hold in the simulator's truth; empty: what the plan itself aims at.
    pub(crate) success: Vec<Predicate>,
    /// Part of the expected answer to a question.
    pub(crate) answer: Option<String>,
    /// What breaks.
    pub(crate) faults: Vec<FaultSpec>,
    /// Longest time, seconds of the robot's time.
    pub(crate) time_limit_s: Option<f64>,
}
