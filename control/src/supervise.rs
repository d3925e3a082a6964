//! What the core watches in every tick: the encoders, the owner, whether the arm follows, what it meets, and
//! whether the motors do what they are told.
#![forbid(unsafe_code)]

use crate::authority::{ARM, GRIPPER};
use crate::core::Core;
use crate::estimate::{Sensed, Still};
use crate::proof::Wrong;
use crate::report::{Cause, RefusedWhy, Report, Request};
use crate::state::{State, Stop};
use crate::watch::Component;
use crate::watchdog::Watchdog;
use std::sync::atomic::Ordering;
use types::{Fault, JointState, JointVector, StopCategory, Time};

/// States in a row that cannot follow on the last before the encoder is no longer believed (F14).
const MOST_JUMPS: u32 = 3;

/// Nothing heard of the emergency stop's line for longer is an open line, seconds; closed for so long it counts
/// as closed again.
const LINE_SILENT_S: f64 = 0.005;
const LINE_SETTLED_S: f64 = 0.05;
/// The encoders of an arm that takes torques are fine: this part of how far the reference may go while one says the
/// same is many of their steps (F13).
const FINE: f64 = 0.25;
/// An arm that yields may be held away from where it is told to be by so many times the following error.
const YIELDS: f64 = 3.0;
/// What the robot says has to come in time for so long before the arm runs at its own speed again, seconds.
const CAREFUL_S: f64 = 0.1;
/// A robot of which nothing was heard for longer is gone, seconds.
const GONE_S: f64 = 0.5;

impl Core {
    /// Takes in the robot's state; what cannot be is told once per streak.
    pub(crate) fn sense(&mut self, now: Time, state: Option<&JointState>) {
        let before = self.estimate.sensed;
        let was_missing = self.estimate.missing;
        let last = self.estimate.measured;
        let powered = self.state.is_powered();
        let sensed = self.estimate.sense(now, self.dt, state, powered, self.arm.limits(), &self.tuning);
        if sensed == Sensed::Jumped && before != Sensed::Jumped {
            self.refuse(None, Request::State, RefusedWhy::Jumped);
        }
        if self.estimate.jumps > MOST_JUMPS && !self.estimate.distrusted {
            self.distrust(Fault::F14EncoderJump);
        }
        let told = self.tuning.frozen_within;
        let is_fine = self.gives_torques();
        let measured = if is_fine { FINE * told } else { told };
        let within = Still { told, measured, rest_speed: self.tuning.rest_speed, is_fine };
        let last = last.filter(|_| powered);
        if sensed == Sensed::Fresh
            && self.estimate.is_frozen(last.as_ref(), &self.reference.q, within, self.arm.limits())
            && !self.estimate.distrusted
        {
            self.distrust(Fault::F13EncoderFrozen);
        }
        let fresh = self.estimate.is_fresh().then_some(self.estimate.measured).flatten();
        self.contact.observe(&self.arm, fresh.as_ref(), 4.0 * self.tuning.period);
        if let Some(state) = &fresh
            && let Some([from_m, to_m]) = self.gripper.feel(&state.gripper, self.dt)
        {
            self.tell(Report::Slipped { from_m, to_m });
        }
        let pushed = self.contact.since_start();
        self.tool_wrench = self.springs.wrench(&self.arm, &self.estimate.q, &pushed);
        if self.contact.changes_mind_of_noise(&self.arm, &self.tuning) && self.contact.is_noisy {
            self.tell(Report::Fault { fault: Fault::F16VelocityNoise, latched: false });
        }
        if matches!(sensed, Sensed::Impossible | Sensed::WrongCount) && sensed != before {
            self.refuse(None, Request::State, RefusedWhy::Invalid);
            if powered && !self.estimate.distrusted {
                self.distrust(Fault::F12EncoderInvalid);
            }
        }
        // F23: until it comes in time again.
        let age_s = self.estimate.measured.map_or(0.0, |m| now.secs_since(m.stamp));
        // A loop that paused has not heard of anything meanwhile (F26).
        if powered && !self.has_paused && age_s > self.tuning.late {
            if self.careful_s <= 0.0 {
                self.tell(Report::Fault { fault: Fault::F23StateLate, latched: false });
            }
            self.careful_s = CAREFUL_S;
        } else {
            self.careful_s = (self.careful_s - self.dt).max(0.0);
        }
        // F24: a robot that was gone may be another, or elsewhere: nothing moves before a person has looked.
        self.missing_s = if self.estimate.missing > 0 { self.missing_s + self.dt } else { 0.0 };
        let gone = self.missing_s > GONE_S;
        let is_elsewhere = was_missing > self.tuning.max_missing
            && sensed == Sensed::Fresh
            && self.estimate.q.max_abs_diff(&self.reference.q) > self.tuning.following_error;
        if powered && !self.estimate.distrusted && (gone || is_elsewhere) {
            let stop = Self::latching(StopCategory::One, Fault::F24Disconnected);
            self.tell(Report::Fault { fault: Fault::F24Disconnected, latched: true });
            self.power_off(stop);
            return;
        }
        let most = self.tuning.max_missing;
        if powered && was_missing <= most && self.estimate.missing > most && !self.estimate.distrusted {
            self.stop(Stop::two(Cause::StateMissing));
        }
    }

    /// The encoders lie: the arm is stopped by the model and left without power.
    fn distrust(&mut self, fault: Fault) {
        self.estimate.distrusted = true;
        self.stop(Self::latching(StopCategory::One, fault));
    }

    /// F21: an arm that yields is met to be pushed; a stiff one stops at less.
    fn has_met_something(&self) -> bool {
        let [x, y, z, ..] = self.tool_wrench;
        let force = libm::sqrt(x * x + y * y + z * z);
        (self.contact.is_steady() && force > self.tuning.tool_force)
            || (!self.springs.yields() && self.contact.is_contact(&self.arm, &self.tuning))
    }

    /// F15: an arm whose encoders tell something else than its motors do is left without power at once; it stood.
    fn unproven(&mut self, wrong: Wrong) {
        let joint = u8::try_from(wrong.joint).unwrap_or(u8::MAX);
        self.tell(Report::Unproven { joint, asked: wrong.asked, moved: wrong.moved });
        self.tell(Report::Fault { fault: Fault::F15EncoderWrong, latched: true });
        self.power_off(Self::latching(StopCategory::One, Fault::F15EncoderWrong));
    }

    /// Everything that may end a motion but itself.
    pub(crate) fn supervise(&mut self) {
        self.heard.stop = self.wires.shared.stop.swap(0, Ordering::AcqRel);
        let category = match self.heard.stop {
            0 => None,
            1 => Some(StopCategory::Two),
            2 => Some(StopCategory::One),
            _ => Some(StopCategory::Zero),
        };
        if let Some(category) = category {
            self.stop(Self::requested(category));
        }
        self.heard.panicked = self.wires.shared.panicked.swap(0, Ordering::AcqRel);
        if let Some(component) = Component::from_code(self.heard.panicked) {
            self.tell(Report::Panicked(component));
            self.stop(Stop::two(Cause::Fault(Fault::F31ThreadPanic)));
        }
        if let State::Proving(proof) = &mut self.state {
            // What else would be seen of a wrong encoder is its consequence.
            if self.estimate.is_fresh()
                && let Err(wrong) = proof.judge(&self.estimate.q, &self.reference.q, self.arm.limits())
            {
                self.unproven(wrong);
            }
            return;
        }
        self.supervise_motors();
        if self.is_ordered() && self.estimate.is_fresh() && self.has_met_something() {
            self.stop(Stop::two(Cause::Fault(Fault::F21Contact)));
        }
        if self.state.is_powered() && self.estimate.is_fresh() {
            let error = self.estimate.q.max_abs_diff(&self.reference.q);
            let most = if self.springs.yields() { YIELDS } else { 1.0 } * self.tuning.following_error;
            let beyond = error > most;
            let was_over = self.following_error_for > self.tuning.following_error_s;
            self.following_error_for = if beyond { self.following_error_for + self.dt } else { 0.0 };
            let is_over = self.following_error_for > self.tuning.following_error_s;
            if is_over && !was_over {
                self.stop(Self::latching(StopCategory::Two, Fault::F17FollowingError));
            }
        } else if !self.state.is_powered() {
            self.following_error_for = 0.0;
        }
    }

    /// F41: what is not heard to be closed is open.
    pub(crate) fn supervise_line(&mut self, now: Time) {
        if !self.tuning.stop_line {
            return;
        }
        let shared = &self.wires.shared;
        self.heard.line_read = shared.line_read.load(Ordering::Acquire);
        self.heard.line_opened = shared.line_opened.swap(false, Ordering::AcqRel);
        let age = now.secs_since(Time::from_nanos(self.heard.line_read));
        if !self.heard.line_opened && age <= LINE_SILENT_S && age >= -self.tuning.skew {
            self.line_closed_s += self.dt;
            return;
        }
        self.line_closed_s = 0.0;
        let is_seen =
            matches!(&self.state, State::Stopping(_, s) if s.latched && s.category >= StopCategory::One);
        if self.state.is_powered() && !is_seen {
            self.stop(Self::latching(StopCategory::One, Fault::F41StopLine));
        }
    }

    /// F33: a robot that nobody strokes has braked by itself; what comes of it waits for a person. Time that the
    /// loop itself was away is not the watchdog's.
    pub(crate) fn supervise_watchdog(&mut self, now: Time) {
        let Some(pulse) = &self.pulse else { return };
        let was_guarded = self.is_guarded();
        self.heard.stroked = pulse.stroked();
        let is_unheard = Watchdog::age_s(self.heard.stroked, now) > pulse.stroke_s();
        self.unguarded_s = if is_unheard { self.unguarded_s + self.dt } else { 0.0 };
        if was_guarded && !self.is_guarded() && self.state.is_powered() {
            self.tell(Report::Fault { fault: Fault::F33WatchdogDied, latched: true });
            self.power_off(Self::latching(StopCategory::One, Fault::F33WatchdogDied));
        }
    }

    /// Whether the watchdog was heard of, where there is one.
    pub(crate) fn is_guarded(&self) -> bool {
        self.pulse.as_ref().is_none_or(|p| self.unguarded_s < p.stroke_s())
    }

    /// Whether the emergency stop's line is closed, and has been for long enough not to bounce.
    pub(crate) fn line_is_closed(&self) -> bool {
        !self.tuning.stop_line || self.line_closed_s >= LINE_SETTLED_S
    }

    /// F26: after a pause the arm stops from where it is measured; the robot has long braked by itself.
    pub(crate) fn after_pause(&mut self) {
        if !core::mem::take(&mut self.has_paused) || !self.state.is_powered() {
            return;
        }
        let moving = self.state.motion();
        let stop = Self::paused();
        if !self.estimate.is_fresh() {
            // Where it is now is not known.
            self.tell(Report::Fault { fault: Fault::F26ProcessPaused, latched: true });
            self.power_off(Self::latching(StopCategory::One, Fault::F26ProcessPaused));
            return;
        }
        self.tell(Report::Fault { fault: Fault::F26ProcessPaused, latched: false });
        self.resync();
        if !self.estimate.is_at_rest(self.tuning.rest_speed) {
            let limits = self.arm.limits();
            let dq = self.estimate.dq;
            self.reference.dq =
                JointVector::from_fn(dq.len(), |i| dq[i].clamp(-limits[i].velocity, limits[i].velocity));
        }
        self.stop_from_here(moving, stop);
    }

    /// Tells the handle who holds what.
    pub(crate) fn publish_holders(&self) {
        for place in [ARM, GRIPPER] {
            let id = self.authority.holder(place).map_or(0, |h| h.id.0);
            self.wires.shared.holders[place].store(id, Ordering::Release);
        }
    }

    /// Whoever falls silent loses the lease; in motion that is F1.
    pub(crate) fn supervise_owners(&mut self, now: Time) {
        for place in [ARM, GRIPPER] {
            let Some(holder) = self.authority.holder(place).copied() else { continue };
            self.heard.alive[place] = self.wires.shared.alive[place].load(Ordering::Relaxed);
            let said = Time::from_nanos(self.heard.alive[place]);
            if said.secs_since(now) <= self.tuning.skew {
                self.authority.heard(holder.id, said.min(now));
            }
        }
        for place in [ARM, GRIPPER] {
            let Some(holder) = self.authority.holder(place).copied() else { continue };
            let is_stream = place == ARM && self.is_streamed();
            let usual = if is_stream { self.tuning.stream_lease } else { self.tuning.lease };
            if now.secs_since(holder.alive) <= holder.deadline_s.map_or(usual, |d| d.min(usual)) {
                continue;
            }
            let moves_arm = self.authority.holder(ARM).is_some_and(|arm| arm.id == holder.id);
            self.authority.release(holder.id);
            self.tell(Report::Lost(holder.id));
            if moves_arm && self.is_ordered() {
                self.stop(Self::latching(StopCategory::Two, Fault::F1InputSilent));
            } else {
                self.gripper.hold();
            }
        }
    }

    /// F17 and F19 by what the motors do.
    fn supervise_motors(&mut self) {
        let told = self.state.is_powered() && self.last.enabled;
        let (true, true, Some(state)) = (told, self.estimate.is_fresh(), &self.estimate.measured) else {
            if !told {
                self.motors.forget();
            }
            return;
        };
        let limits = self.arm.limits();
        let gives_torques = self.gives_torques();
        let told = gives_torques.then_some(&self.last.tau);
        let seen = self.motors.judge(state, told, limits, &self.tuning, self.dt);
        let runs_away = !gives_torques
            && self.motors.runs_away(state, &self.reference.q, limits, self.tuning.runaway_s, self.dt);
        match if runs_away { Some(Fault::F19Runaway) } else { seen } {
            Some(Fault::F19Runaway) => {
                // Whoever controls it the wrong way cannot stop it: with brakes the power goes at once.
                let category = if self.arm.profile().brakes { StopCategory::Zero } else { StopCategory::One };
                self.motors.forget();
                self.stop(Self::latching(category, Fault::F19Runaway));
            }
            Some(Fault::F18Overload) => {
                self.motors.forget();
                self.stop(Self::latching(StopCategory::One, Fault::F18Overload));
            }
            Some(fault) => {
                self.motors.forget();
                self.stop(Self::latching(StopCategory::Two, fault));
            }
            None => {}
        }
    }
}
