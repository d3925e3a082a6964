//! The invariants, and how often they were looked at over everything that was tried.

use super::trial::Trial;
use std::sync::atomic::{AtomicU64, Ordering};

/// What one of them is counted in.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Counted {
    /// Ticks whose command was seen.
    Commands,
    /// Ticks in which every report was heard.
    Heard,
    /// Inputs that were put in.
    Inputs,
    /// Nothing here.
    Suite,
}

/// One invariant.
pub(super) struct Invariant {
    pub(super) id: &'static str,
    /// What it says.
    pub(super) says: &'static str,
    /// How much of it is looked at here.
    pub(super) here: &'static str,
    counted: Counted,
}

const fn invariant(id: &'static str, says: &'static str, here: &'static str, counted: Counted) -> Invariant {
    Invariant { id, says, here, counted }
}

use Counted::{Commands, Heard, Inputs, Suite};

/// In their order.
pub(super) const INVARIANTS: [Invariant; 9] = [
    invariant("I1", "every command is finite", "each command", Commands),
    invariant("I2", "position to torque rate within limits", "each command", Commands),
    invariant("I3", "power comes where the arm is measured", "each first command", Commands),
    invariant("I4", "no motion without a live lease", "each mode beside the leases told of", Heard),
    invariant("I5", "a stop is always possible", "the joints' ends; walls: control's tests", Commands),
    invariant("I6", "what is latched stays so until a reset", "each way out of a fault", Commands),
    invariant("I7", "what is refused is told once", "each input, by an error or one report", Inputs),
    invariant(
        "I8",
        "the loop never blocks, allocates, panics",
        "no panic; the rest: control's tests",
        Commands,
    ),
    invariant("I9", "a replay gives every command to the bit", "tests/replay.rs", Suite),
];

/// How much was looked at.
#[derive(Debug, Default)]
pub(super) struct Seen {
    commands: AtomicU64,
    heard: AtomicU64,
    inputs: AtomicU64,
}

impl Seen {
    /// Takes in a trial that is over.
    pub(super) fn trial(&self, trial: &Trial) {
        let [commands, heard] = trial.ticks();
        self.commands.fetch_add(commands, Ordering::Relaxed);
        self.heard.fetch_add(heard, Ordering::Relaxed);
    }

    /// Takes in how many inputs were put into a loop, and told of as they should be.
    pub(super) fn inputs(&self, n: u64) {
        self.inputs.fetch_add(n, Ordering::Relaxed);
    }
}

impl Invariant {
    /// How much was looked at, in words, and what broke it among these failures.
    pub(super) fn told(&self, seen: &Seen, failures: &[String]) -> (String, Vec<String>) {
        let broken: Vec<String> = failures.iter().filter(|f| f.contains(&self.mark())).cloned().collect();
        let (n, what) = match self.counted {
            Suite => return ("in the tests".into(), broken),
            Commands => (&seen.commands, "ticks"),
            Heard => (&seen.heard, "ticks"),
            Inputs => (&seen.inputs, "inputs"),
        };
        (format!("{} {what}, broken {}", n.load(Ordering::Relaxed), broken.len()), broken)
    }

    /// What a failure that broke it says.
    fn mark(&self) -> String {
        format!("{}: ", self.id)
    }
}
