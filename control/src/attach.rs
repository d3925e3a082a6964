//! Taking over an arm whose motors have power already: whoever controlled it before is gone, and it holds itself.
//!
//! Its motors are told nothing until it is known where it stands: any command, also one without power, would let it
//! drop or jump. Then it is held there, gripping what it grips, and latched: what it stands before and what it holds
//! nobody knows. A reset begins with the proof of its encoders, as if power had just come.
#![forbid(unsafe_code)]

use crate::core::Core;
use crate::proof::Proof;
use crate::report::{Cause, Request};
use crate::state::State;
use types::seams::Robot;
use types::{Fault, StopCategory};

/// An emergency stop's line that is not closed by then is open, seconds.
const LINE_UNTIL_S: f64 = 0.5;

/// It may be braking by itself still: it must have stood for so long, seconds.
const STANDS_S: f64 = 0.05;

/// If it has not been taken over by then it is told why, seconds.
const TELLS_S: f64 = 1.0;

/// How far it is taken over.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) enum Attach {
    /// It is like any other.
    Done,
    /// It holds itself, for so long already, and has stood for so long, seconds.
    Waits { waited_s: f64, stood_s: f64 },
    /// It is held here, and its encoders are not proven.
    Unproven,
}

impl Core {
    /// Says, before the first tick, that the motors have power already.
    pub(crate) fn attach(&mut self) {
        self.heard.live = true;
        self.cause = Cause::Attached;
        self.attach = Attach::Waits { waited_s: 0.0, stood_s: 0.0 };
    }

    /// Before the first tick. A driver that panics over it is told nothing either.
    pub(crate) fn meet(&mut self, robot: &mut dyn Robot) {
        self.attach();
        if !robot.is_live() {
            (self.heard.live, self.cause, self.attach) = (false, Cause::Start, Attach::Done);
        }
    }

    /// Whether it was taken over and waits for a person: what its hand holds may be told.
    pub(crate) fn is_held_unproven(&self) -> bool {
        self.attach == Attach::Unproven && matches!(self.state, State::Fault { powered: true })
    }

    /// Whether the robot is to be told nothing.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.attach, Attach::Waits { .. })
    }

    /// Takes the arm over as soon as it is known to stand, and may have power; lets go of it when somebody wants that.
    pub(crate) fn take_hold(&mut self) {
        let Attach::Waits { mut waited_s, mut stood_s } = self.attach else { return };
        waited_s += self.dt;
        let why = self.why_not_power();
        stood_s = if why.is_none() { stood_s + self.dt } else { 0.0 };
        self.attach = Attach::Waits { waited_s, stood_s };
        if waited_s > TELLS_S
            && waited_s - self.dt <= TELLS_S
            && let Some(why) = why
        {
            self.refuse(None, Request::Activate, why);
        }
        if !matches!(self.state, State::Disarmed) || self.cause == Cause::DisarmRequested {
            self.attach = Attach::Done;
        } else if waited_s > LINE_UNTIL_S && !self.line_is_closed() {
            self.attach = Attach::Done;
            self.stop(Self::latching(StopCategory::One, Fault::F41StopLine));
        } else if stood_s > STANDS_S {
            self.attach = Attach::Unproven;
            // Who claimed it before did not know how it stands (I6).
            self.end_leases();
            self.resync();
            if let Some(m) = &self.estimate.measured {
                self.gripper.take_hold(&m.gripper);
            }
            self.go(State::Fault { powered: true }, Cause::Attached);
        }
    }

    /// Where a reset leads an arm that has power.
    pub(crate) fn proof_or_hold(&self) -> State {
        if self.attach == Attach::Unproven && self.tuning.self_test {
            State::Proving(Proof::new(self.reference.q, self.tuning.proof_rest))
        } else {
            State::Hold
        }
    }
}
