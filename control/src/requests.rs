//! What the handle asks for: accepted or refused, with a report either way.
#![forbid(unsafe_code)]

use crate::core::Core;
use crate::estimate::Sensed;
use crate::message::{Message, Spent};
use crate::path::Reference;
use crate::proof::Proof;
use crate::report::{Cause, MotionId, RefusedWhy, Report, Request};
use crate::state::{State, Stop};
use types::{JointLimits, JointVector, Time};

/// How far beyond a limit a joint may stand when it is activated, rad (m); as in I3.
const STANDING_SLACK: f64 = 1e-6;

impl Core {
    pub(crate) fn refuse(&mut self, id: Option<MotionId>, request: Request, why: RefusedWhy) {
        self.tell(Report::Refused { id, request, why });
    }

    /// Whether a request may still be acted on.
    fn too_old_or_new(&self, now: Time, stamp: Time) -> Option<RefusedWhy> {
        let age = now.secs_since(stamp);
        if age < -self.tuning.skew {
            Some(RefusedWhy::FromFuture)
        } else if age > self.tuning.validity {
            Some(RefusedWhy::Stale)
        } else {
            None
        }
    }

    /// Does what is asked, or says why not: no request passes without a word (I7).
    pub(crate) fn receive(&mut self, now: Time, message: Message) {
        let (request, stamp) = match &message {
            Message::Activate(t) => (Request::Activate, *t),
            Message::Disarm(t) => (Request::Disarm, *t),
            Message::Reset(t) => (Request::Reset, *t),
            Message::Claim(claim) => (Request::Claim, claim.stamp),
            Message::Release(_, t) => (Request::Release, *t),
            Message::World(w) => (Request::World, w.stamp),
            Message::Carry(_, t) => (Request::Carry, *t),
            Message::Order(_) => {
                if let Message::Order(order) = message {
                    self.receive_order(now, order);
                }
                return;
            }
        };
        let aged = match &message {
            // A world says itself for how long it may be relied on.
            Message::World(w) if now < w.expires && now.secs_since(stamp) >= 0.0 => None,
            _ => self.too_old_or_new(now, stamp),
        };
        let why = aged.or_else(|| match &message {
            Message::Activate(_) => self.why_not_activate(),
            Message::Disarm(_) => {
                if matches!(self.state, State::Disarmed) {
                    self.cause = Cause::DisarmRequested;
                }
                let is_unpowered = !self.state.is_powered() && !self.is_waiting();
                is_unpowered.then_some(RefusedWhy::Disarmed).or_else(|| self.why_latched())
            }
            Message::Reset(_) => self.why_not_reset(now),
            Message::Claim(claim) => self.why_not_claim(claim, now),
            Message::World(w) => (!self.filter.is_news(w.stamp)).then_some(RefusedWhy::Stale),
            // A load is taken up at rest alone; what is gone may be said at any time.
            Message::Carry(payload, _) => {
                let rests = matches!(self.state, State::Hold | State::Disarmed) || self.is_held_unproven();
                (!rests && payload.mass_kg > 0.0).then_some(RefusedWhy::Busy)
            }
            Message::Release(..) | Message::Order(_) => None,
        });
        if let Some(why) = why {
            self.refuse(None, request, why);
            if let Message::World(world) = message {
                self.give_back(Spent::World(world));
            }
            return;
        }
        match message {
            Message::Activate(_) => {
                self.resync();
                let proof = Proof::new(self.reference.q, self.tuning.proof_rest);
                let next = if self.tuning.self_test { State::Proving(proof) } else { State::Hold };
                self.go(next, Cause::Activated);
            }
            Message::Disarm(_) => self.stop(Stop::one(Cause::DisarmRequested)),
            Message::Reset(_) => self.reset(),
            Message::Claim(claim) => self.grant(&claim, now),
            Message::Release(id, _) => self.release(id),
            Message::World(world) => {
                if let Some(old) = self.filter.replace(world) {
                    self.give_back(Spent::World(old));
                }
            }
            Message::Carry(payload, _) => self.carried.go(payload),
            // Received above.
            Message::Order(_) => {}
        }
    }

    pub(crate) fn why_latched(&self) -> Option<RefusedWhy> {
        matches!(self.state, State::Fault { .. }).then_some(RefusedWhy::Latched)
    }

    /// Power may come only where the arm is known to stand, within its range (I3).
    fn why_not_stand(&self) -> Option<RefusedWhy> {
        let within =
            |(q, l): (&f64, &JointLimits)| *q >= l.lower - STANDING_SLACK && *q <= l.upper + STANDING_SLACK;
        if !self.estimate.is_fresh() {
            Some(RefusedWhy::NoState)
        } else if !self.estimate.is_at_rest(self.tuning.rest_speed) {
            Some(RefusedWhy::Moving)
        } else if !self.estimate.q.iter().zip(self.arm.limits()).all(within) {
            Some(RefusedWhy::BeyondLimits)
        } else {
            None
        }
    }

    fn why_not_activate(&self) -> Option<RefusedWhy> {
        match self.state {
            // First it is taken over, and then latched.
            State::Disarmed if self.is_waiting() => Some(self.why_not_power().unwrap_or(RefusedWhy::Latched)),
            State::Disarmed => self.why_not_power(),
            _ if !self.line_is_closed() => Some(RefusedWhy::LineOpen),
            _ if !self.is_guarded() => Some(RefusedWhy::NoWatchdog),
            State::Fault { .. } => Some(RefusedWhy::Latched),
            _ => Some(RefusedWhy::AlreadyActive),
        }
    }

    /// Why an arm that is not moved by anybody may have no power.
    pub(crate) fn why_not_power(&self) -> Option<RefusedWhy> {
        if !self.line_is_closed() {
            Some(RefusedWhy::LineOpen)
        } else if !self.is_guarded() {
            Some(RefusedWhy::NoWatchdog)
        } else {
            self.why_not_stand()
        }
    }

    fn why_not_reset(&self, now: Time) -> Option<RefusedWhy> {
        match self.state {
            State::Fault { .. } if now < self.deflected.1 => Some(RefusedWhy::InputActive),
            State::Fault { .. } if !self.line_is_closed() => Some(RefusedWhy::LineOpen),
            State::Fault { .. } if !self.is_guarded() => Some(RefusedWhy::NoWatchdog),
            // After F12 no state was taken in: whether there is one now shows in what came last.
            State::Fault { powered: false } if self.estimate.distrusted => {
                (self.estimate.sensed != Sensed::Fresh).then_some(RefusedWhy::NoState)
            }
            State::Fault { powered: false } => {
                (!self.estimate.is_at_rest(self.tuning.rest_speed)).then_some(RefusedWhy::Moving)
            }
            State::Fault { powered: true } => self.why_not_stand(),
            State::Stopping(_, stop) if stop.latched => Some(RefusedWhy::Busy),
            _ => Some(RefusedWhy::NotLatched),
        }
    }

    fn reset(&mut self) {
        self.estimate.distrusted = false;
        if self.state.is_powered() {
            self.resync();
            self.go(self.proof_or_hold(), Cause::Reset);
        } else {
            self.go(State::Disarmed, Cause::Reset);
        }
    }

    /// Puts the reference to the measured state (I3).
    pub(crate) fn resync(&mut self) {
        let limits = self.arm.limits();
        let q = self.estimate.q;
        let q = JointVector::from_fn(q.len(), |i| q[i].clamp(limits[i].lower, limits[i].upper));
        self.reference = Reference::at_rest(q);
        self.following_error_for = 0.0;
        self.resynced = true;
        if let Some(m) = &self.estimate.measured
            && !self.last.enabled
        {
            self.gripper.stand(m.gripper.width_m);
        }
    }
}
