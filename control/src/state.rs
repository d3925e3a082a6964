//! The state machine.
//!
//! # Theory of operation
//!
//! ```text
//!        activate         proven           submit
//! Disarmed ──────▶ Proving ──▶ Hold ────────────────▶ Follow, Servo
//!    ▲  ▲                 ▲ ▲ │                        │  │
//!    │  │        at rest  │ │ │ stop (latched)         │  │ end reached
//!    │  │  (category two) │ └─┼────────────────────────┼──┘
//!    │  │                 │   │                        │ stop, lease silent, fault, wall
//!    │  │   at rest       │   │                        ▼
//!    │  └─────────────────┴───┼───────────────────── Stopping
//!    │   (category one)       │                        │ at rest, latched
//!    │                        ▼                        ▼
//!    └──────────────────── Fault ◀─────────────────────┘
//!        reset, unpowered   │  reset, powered: Hold at the measured state
//! ```
//!
//! * Disarmed: no power, brakes; commands equal the measured state, so that the first command with
//!   power does too (I3). An arm that had power before the first tick is told nothing here (see `attach`).
//! * Proving: powered, each joint in turn led out by a third of a degree, until it is known that every encoder
//!   tells what its own motor does (see `proof`). Any stop from here takes the power away.
//! * Hold: powered, at rest at a target. A request for a stop of category two finds nothing to stop.
//! * Follow: along a trajectory whose every later point can still be stopped before (see `pace`), as fast
//!   and as far as the safety filter lets it (see `filter`): before something in the way it waits here.
//! * Servo: by velocities or to a target, from hold and from any motion, also from a stop that only a higher
//!   rank brought about; a path may take over from it (see `servo`, `joining`).
//! * Stopping: the pace goes to zero along the path; or, without one or if a command would have left a limit,
//!   a brake from the last good command. Then category two holds, category one takes the power away.
//!   A graver stop, or a latching one, takes over a stop in progress; none is ever taken back.
//! * Slow is no state of its own: Follow and Servo run slower by order, where the loop is careful, and where a limit
//!   leaves no more; `Status::slow` says which.
//! * Fault: latched until reset (I6), at rest, with power (category two) or without. Then
//!   it is held here, and its reset leads to the proof.
//!
//! Category zero takes the power away at once from any state and latches.
//!
//! Every edge goes through [`Core::go`], which tells mode and cause.
#![forbid(unsafe_code)]

use crate::attach::Attach;
use crate::authority::{ARM, GRIPPER};
use crate::brake::{Brake, Share};
use crate::core::Core;
use crate::ease::Ease;
use crate::limiter::Violation;
use crate::means::Means;
use crate::message::Spent;
use crate::path::{Job, Reference};
use crate::payload::Payload;
use crate::proof::Proof;
use crate::report::{Cause, LimitKind, Mode, MotionId, Report};
use crate::servo::Servo;
use crate::stride::steps;
use types::{Fault, StopCategory, Time};

/// What a stop at the wall may use of the limits; the rest is for ticks that are not instants.
const WALL_SHARE: Share = Share(0.98);

/// How the arm comes to rest.
#[allow(clippy::large_enum_variant, reason = "a box would be freed in the loop")]
pub(crate) enum Way {
    /// Along the trajectory.
    Path(Box<Job>),
    /// From the last good command, without the trajectory of this motion.
    Brake(Brake, Option<MotionId>),
    /// At rest, and letting go of what was met.
    Ease(Ease, Option<MotionId>),
}

/// What a stop is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) category: StopCategory,
    pub(crate) cause: Cause,
    /// Only a reset ends it.
    pub(crate) latched: bool,
    /// A hold that was submitted and is finished when the arm rests.
    pub(crate) hold: Option<MotionId>,
}

impl Stop {
    pub(crate) fn two(cause: Cause) -> Self {
        Self { category: StopCategory::Two, cause, latched: false, hold: None }
    }

    pub(crate) fn one(cause: Cause) -> Self {
        Self { category: StopCategory::One, ..Self::two(cause) }
    }

    pub(crate) fn latched(self) -> Self {
        Self { latched: true, ..self }
    }

    /// Whether this is how a motion ends that was to end.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self.cause, Cause::HoldRequested | Cause::Finished)
    }

    /// The graver of both, whichever came first; told is what somebody wanted, unless a latched fault is.
    fn and(self, other: Self) -> Self {
        let is_soft = |stop: &Self| stop.is_end() || stop.cause == Cause::Preempted;
        let graver = (other.category, other.latched) > (self.category, self.latched)
            || (is_soft(&self) && !is_soft(&other))
            || (other.cause.is_wanted() && !self.cause.is_wanted() && !self.latched);
        Self {
            category: self.category.max(other.category),
            latched: self.latched || other.latched,
            cause: if graver { other.cause } else { self.cause },
            hold: other.hold.or(self.hold),
        }
    }
}

/// Where the machine stands, with what it needs there.
#[allow(clippy::large_enum_variant, reason = "a box would be freed in the loop")]
pub(crate) enum State {
    Disarmed,
    Proving(Proof),
    Hold,
    Follow(Box<Job>),
    Servo(Servo),
    Stopping(Way, Stop),
    Fault { powered: bool },
}

impl State {
    pub(crate) fn mode(&self) -> Mode {
        match self {
            Self::Disarmed => Mode::Disarmed,
            Self::Proving(_) => Mode::Proving,
            Self::Hold => Mode::Hold,
            Self::Follow(_) => Mode::Follow,
            Self::Servo(_) => Mode::Servo,
            Self::Stopping(_, stop) => Mode::Stopping(stop.category),
            Self::Fault { powered } => Mode::Fault { powered: *powered },
        }
    }

    pub(crate) fn is_powered(&self) -> bool {
        !matches!(self, Self::Disarmed | Self::Fault { powered: false })
    }

    pub(crate) fn job(&self) -> Option<&Job> {
        match self {
            Self::Follow(job) | Self::Stopping(Way::Path(job), _) => Some(job),
            _ => None,
        }
    }

    pub(crate) fn motion(&self) -> Option<MotionId> {
        match self {
            Self::Stopping(Way::Brake(_, id) | Way::Ease(_, id), _) => *id,
            Self::Servo(servo) => Some(servo.id),
            _ => self.job().map(|job| job.id),
        }
    }
}

impl Core {
    /// Takes an edge: the only place where the state changes.
    pub(crate) fn go(&mut self, next: State, cause: Cause) {
        let mode = next.mode();
        let before = core::mem::replace(&mut self.state, next);
        if let State::Follow(job) | State::Stopping(Way::Path(job), _) = before {
            self.give_back(Spent::Job(job));
        }
        if !self.state.is_powered() {
            self.springs.reset();
            self.attach = Attach::Done;
            // Whoever comes to an arm without power may take out what it held.
            self.carried.go(Payload::default());
        }
        self.cause = cause;
        self.tell(Report::Mode { mode, cause });
    }

    /// Starts, deepens or registers a stop. `fault` is told once, when the stop begins or latches.
    pub(crate) fn stop(&mut self, stop: Stop) {
        // What goes on while the arm stops for it is no other fault.
        let is_known = matches!(&self.state, State::Stopping(_, before) if *before == stop);
        if let Cause::Fault(fault) = stop.cause
            && !is_known
        {
            self.tell(Report::Fault { fault, latched: stop.latched });
        }
        if !stop.is_end() && stop.cause != Cause::Preempted {
            self.end_leases();
        }
        if stop.category == StopCategory::Zero {
            self.power_off(stop);
            return;
        }
        let stop = self.as_grave_as_needed(stop);
        match core::mem::replace(&mut self.state, State::Hold) {
            State::Follow(mut job) => {
                job.halt_unbegun();
                self.gripper.hold();
                self.go(State::Stopping(Way::Path(job), stop), stop.cause);
            }
            State::Proving(_) => {
                let brake = self.brake(self.reference);
                self.go(State::Stopping(Way::Brake(brake, None), stop), stop.cause);
            }
            State::Servo(servo) => {
                if !stop.is_end() {
                    self.gripper.hold();
                }
                let way = Way::Brake(servo.stop, Some(servo.id));
                self.go(State::Stopping(way, stop), stop.cause);
            }
            State::Stopping(way, before) => {
                let both = before.and(stop);
                self.state = State::Stopping(way, both);
                if both.category != before.category || both.cause != before.cause {
                    self.cause = both.cause;
                    self.tell(Report::Mode { mode: Mode::Stopping(both.category), cause: both.cause });
                }
            }
            rest @ (State::Hold | State::Disarmed) => {
                let powered = matches!(rest, State::Hold);
                self.state = rest;
                if powered {
                    self.gripper.hold();
                } else if stop.cause.is_wanted() {
                    // Whoever asks for power again sees that somebody does not want it.
                    self.cause = stop.cause;
                }
                self.tell(Report::Stopped { id: None, cause: stop.cause, category: stop.category });
                self.come_to_rest(stop, powered);
            }
            State::Fault { powered } => {
                self.state = State::Fault { powered };
                self.tell(Report::Stopped { id: None, cause: stop.cause, category: stop.category });
                if powered && stop.category == StopCategory::One {
                    self.go(State::Fault { powered: false }, stop.cause);
                }
            }
        }
    }

    /// An arm whose encoders are not proven holds nothing: its stop ends without power.
    fn as_grave_as_needed(&self, stop: Stop) -> Stop {
        match self.state {
            State::Proving(_) => Stop { category: stop.category.max(StopCategory::One), ..stop },
            _ => stop,
        }
    }

    /// Whether what would leave a limit brakes already: beyond the end of a range, or too fast near it, that is all that
    /// is left.
    pub(crate) fn is_excused(&self, violation: &Violation) -> bool {
        let most = self.arm.limits()[usize::from(violation.joint)].velocity;
        let is_near_end = match violation.limit {
            LimitKind::Position => true,
            LimitKind::Velocity => violation.bound < most && violation.requested.abs() <= most,
            _ => false,
        };
        is_near_end && matches!(self.state, State::Stopping(Way::Brake(..), _))
    }

    /// Every lease is over: a stop ends only under a fresh one (I6).
    pub(crate) fn end_leases(&mut self) {
        if let Some(now) = self.last_now {
            self.progress.forget_places(now);
        }
        for place in [ARM, GRIPPER] {
            if let Some(id) = self.authority.holder(place).map(|h| h.id) {
                self.authority.release(id);
                self.tell(Report::Lost(id));
            }
        }
    }

    /// The edge out of a stop, or out of rest when a stop is asked for there.
    fn come_to_rest(&mut self, stop: Stop, powered: bool) {
        let powered = powered && stop.category == StopCategory::Two;
        match (stop.latched, powered) {
            (true, powered) => self.go(State::Fault { powered }, stop.cause),
            (false, false) if self.state.is_powered() => self.go(State::Disarmed, stop.cause),
            (false, true) if !matches!(self.state, State::Hold) => self.go(State::Hold, Cause::CameToRest),
            _ => {}
        }
        if let Some(id) = stop.hold {
            self.tell(Report::Finished(id));
        }
    }

    /// No power from this tick on, latched.
    pub(crate) fn power_off(&mut self, stop: Stop) {
        let id = self.state.motion();
        self.part();
        self.end_leases();
        self.tell(Report::Stopped { id, cause: stop.cause, category: stop.category });
        self.go(State::Fault { powered: false }, stop.cause);
    }

    /// A stop from the reference as it stands, whatever led there.
    pub(crate) fn stop_from_here(&mut self, id: Option<MotionId>, stop: Stop) {
        self.end_leases();
        self.gripper.hold();
        let stop = match &self.state {
            State::Stopping(_, before) => before.and(stop),
            State::Fault { .. } => stop.latched(),
            _ => self.as_grave_as_needed(stop),
        };
        let brake = self.brake(self.reference);
        self.go(State::Stopping(Way::Brake(brake, id), stop), stop.cause);
    }

    /// The sharpest stop.
    fn brake(&mut self, from: Reference) -> Brake {
        let inertia = self.inertia();
        let means = Means { limits: self.arm.limits(), inertia: Some(&inertia) };
        Brake::new(from, means, WALL_SHARE)
    }

    /// F26.
    pub(crate) fn paused() -> Stop {
        Stop::two(Cause::Fault(Fault::F26ProcessPaused))
    }

    /// The wall: a command would have left a limit, so the arm brakes from the last good one.
    pub(crate) fn brake_from(&mut self, last: Reference) -> Reference {
        let mut brake = self.brake(last);
        brake.step(self.dt);
        let reference = brake.reference();
        let id = self.state.motion();
        let stop = match &self.state {
            State::Stopping(_, stop) => stop.and(Stop::two(Cause::Limit)),
            State::Fault { .. } => Stop::two(Cause::Limit).latched(),
            _ => self.as_grave_as_needed(Stop::two(Cause::Limit)),
        };
        self.gripper.hold();
        self.end_leases();
        self.go(State::Stopping(Way::Brake(brake, id), stop), Cause::Limit);
        reference
    }

    /// Moves the reference on by one tick.
    pub(crate) fn advance(&mut self, now: Time, slow: f64) -> Reference {
        let dt = self.dt;
        self.follow_on(now, slow);
        self.servo_on(now, slow);
        match &mut self.state {
            State::Disarmed | State::Fault { powered: false } => {
                let (q, limits) = (self.estimate.q, self.arm.limits());
                let clamped =
                    types::JointVector::from_fn(q.len(), |i| q[i].clamp(limits[i].lower, limits[i].upper));
                Reference::at_rest(clamped)
            }
            State::Hold | State::Fault { powered: true } => Reference::at_rest(self.reference.q),
            State::Proving(proof) => proof.step(dt, self.arm.limits()),
            State::Follow(job) => job.reference(),
            State::Servo(servo) => servo.next,
            State::Stopping(Way::Path(job), _) => {
                for part in steps(dt, self.tuning.period) {
                    job.step(0.0, part);
                }
                job.reference()
            }
            State::Stopping(Way::Brake(brake, _), _) => {
                brake.step(dt);
                brake.reference()
            }
            State::Stopping(Way::Ease(ease, _), _) => {
                ease.step(dt);
                ease.reference()
            }
        }
    }

    /// Takes the edges that the motion itself brings about, once its command is decided.
    pub(crate) fn settle(&mut self) {
        match &self.state {
            State::Proving(proof) if proof.is_complete() => {
                self.attach = Attach::Done;
                self.go(State::Hold, Cause::Activated);
            }
            State::Follow(job) if job.at_end() && job.ends_at_rest() => {
                let id = job.id;
                self.tell(Report::Finished(id));
                self.go(State::Hold, Cause::Finished);
            }
            State::Stopping(way, stop) => {
                let (at_rest, id) = match way {
                    Way::Path(job) => (job.at_rest() || job.at_end(), Some(job.id)),
                    Way::Brake(brake, id) => (brake.at_rest(), *id),
                    Way::Ease(ease, id) => (ease.at_rest(), *id),
                };
                if at_rest {
                    let (stop, has_eased) = (*stop, matches!(way, Way::Ease(..)));
                    if stop.cause == Cause::Fault(Fault::F21Contact) && !has_eased && self.ease(id, stop) {
                        return;
                    }
                    if stop.cause != Cause::Finished {
                        self.tell(Report::Stopped { id, cause: stop.cause, category: stop.category });
                    }
                    self.come_to_rest(stop, true);
                }
            }
            _ => {}
        }
    }

    /// Goes on from standing where something was met to where it does not press any more; `false` when there is
    /// nothing to let go of.
    fn ease(&mut self, id: Option<MotionId>, stop: Stop) -> bool {
        let inertia = self.inertia();
        let means = Means { limits: self.arm.limits(), inertia: Some(&inertia) };
        let ease = Ease::new(self.reference.q, &self.estimate.q, means);
        let Some(ease) = ease.filter(|_| self.estimate.is_fresh()) else { return false };
        let before = core::mem::replace(&mut self.state, State::Stopping(Way::Ease(ease, id), stop));
        if let State::Stopping(Way::Path(job), _) = before {
            self.give_back(Spent::Job(job));
        }
        true
    }

    /// What the loop asks of the stop flag's values.
    pub(crate) fn requested(category: StopCategory) -> Stop {
        match category {
            StopCategory::Two => Stop::two(Cause::StopRequested),
            // Asked for from outside, these are the emergency stop, which latches (I6).
            StopCategory::One | StopCategory::Zero => {
                Stop { category, ..Stop::two(Cause::EmergencyStop) }.latched()
            }
        }
    }

    /// F1, F12, F17: what the fault table marks with L.
    pub(crate) fn latching(category: StopCategory, fault: Fault) -> Stop {
        Stop { category, ..Stop::two(Cause::Fault(fault)) }.latched()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StopCategory::{One, Two, Zero};

    #[test]
    fn of_two_stops_the_graver_counts_and_a_latch_stays() {
        let two = Stop::two;
        let (asked, gone) = (Cause::StopRequested, Cause::StateMissing);
        let soft = [Cause::HoldRequested, Cause::Finished, Cause::Preempted];
        let zero = |cause| Stop { category: Zero, ..two(cause) };
        for (first, second, category, cause, latched) in [
            (two(asked), two(gone), Two, asked, false),
            (two(asked), Stop::one(gone), One, gone, false),
            (Stop::one(asked), two(gone), One, asked, false),
            (Stop::one(asked), zero(gone), Zero, gone, false),
            (two(asked), two(gone).latched(), Two, gone, true),
            (two(asked).latched(), two(gone), Two, asked, true),
            (Stop::one(asked), two(gone).latched(), One, asked, true),
            (two(asked).latched(), Stop::one(gone), One, gone, true),
        ] {
            let both = first.and(second);
            assert_eq!(
                (both.category, both.cause, both.latched),
                (category, cause, latched),
                "{first:?}, {second:?}"
            );
        }
        for end in soft {
            assert_eq!(two(end).and(two(asked)).cause, asked, "a stop that was to come anyway is none");
            assert_eq!(two(asked).and(two(end)).cause, asked);
            assert_eq!(two(end).is_end(), end != Cause::Preempted);
            assert!(soft.iter().all(|other| two(end).and(two(*other)).cause == end));
        }
        let hold = |id: Option<u64>| Stop { hold: id.map(MotionId), ..two(Cause::HoldRequested) };
        for (first, second, id) in
            [(Some(1), None, Some(1)), (None, Some(2), Some(2)), (Some(1), Some(2), Some(2))]
        {
            assert_eq!(hold(first).and(hold(second)).hold, id.map(MotionId));
        }
    }

    #[test]
    fn what_is_asked_from_outside_is_the_emergency_stop_but_for_category_two() {
        for (category, cause, latched) in [
            (Two, Cause::StopRequested, false),
            (One, Cause::EmergencyStop, true),
            (Zero, Cause::EmergencyStop, true),
        ] {
            let stop = Core::requested(category);
            assert_eq!(stop, Stop { category, cause, latched, hold: None });
        }
        let fault = Core::latching(One, Fault::F18Overload);
        assert_eq!(
            fault,
            Stop { category: One, cause: Cause::Fault(Fault::F18Overload), latched: true, hold: None }
        );
    }
}
