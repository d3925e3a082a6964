//! What the core watches in every tick: the encoders, the owner, whether the arm follows, what it meets, and
//! whether the motors do what they are told.

use crate::authority::{ARM, GRIPPER};
use crate::core::Core;
use crate::estimate::Sensed;
use crate::message::LEASES;
use crate::report::{Cause, RefusedWhy, Report, Request};
use crate::state::Stop;
use std::sync::atomic::Ordering;
use types::{Fault, JointState, StopCategory, Time};

/// States in a row that cannot follow on the last before the encoder is no longer believed (F14).
const MOST_JUMPS: u32 = 3;

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
        let (last, within) = (last.filter(|_| powered), self.tuning.frozen_within);
        if sensed == Sensed::Fresh
            && self.estimate.is_frozen(last.as_ref(), &self.reference.q, within)
            && !self.estimate.distrusted
        {
            self.distrust(Fault::F13EncoderFrozen);
        }
        let fresh = self.estimate.is_fresh().then_some(self.estimate.measured).flatten();
        self.contact.observe(&self.arm, fresh.as_ref(), 4.0 * self.tuning.period);
        if self.contact.changes_mind_of_noise(&self.arm, &self.tuning) && self.contact.is_noisy {
            self.tell(Report::Fault { fault: Fault::F16VelocityNoise, latched: false });
        }
        if matches!(sensed, Sensed::Impossible | Sensed::WrongCount) && sensed != before {
            self.refuse(None, Request::State, RefusedWhy::Invalid);
            if powered && !self.estimate.distrusted {
                self.distrust(Fault::F12EncoderInvalid);
            }
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

    /// Everything that may end a motion but itself.
    pub(crate) fn supervise(&mut self, now: Time) {
        let category = match self.wires.shared.stop.swap(0, Ordering::AcqRel) {
            0 => None,
            1 => Some(StopCategory::Two),
            2 => Some(StopCategory::One),
            _ => Some(StopCategory::Zero),
        };
        if let Some(category) = category {
            self.stop(Self::requested(category));
        }
        self.supervise_owners(now);
        self.supervise_motors();
        if self.is_ordered() && self.estimate.is_fresh() && self.contact.is_contact(&self.arm, &self.tuning) {
            self.stop(Stop::two(Cause::Fault(Fault::F21Contact)));
        }
        if self.state.is_powered() && self.estimate.is_fresh() {
            let error = self.estimate.q.max_abs_diff(&self.reference.q);
            let beyond = error > self.tuning.following_error;
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

    /// Whoever falls silent loses the lease; in motion that is F1.
    fn supervise_owners(&mut self, now: Time) {
        for place in [ARM, GRIPPER] {
            let Some(holder) = self.authority.holder(place).copied() else { continue };
            let slot = (holder.id.0 % LEASES as u64) as usize;
            let said = Time::from_nanos(self.wires.shared.alive[slot].load(Ordering::Relaxed));
            if said.secs_since(now) <= self.tuning.skew {
                self.authority.heard(holder.id, said.min(now));
            }
        }
        for place in [ARM, GRIPPER] {
            let Some(holder) = self.authority.holder(place).copied() else { continue };
            let usual = if self.is_streamed() { self.tuning.stream_lease } else { self.tuning.lease };
            if now.secs_since(holder.alive) <= holder.deadline_s.unwrap_or(usual) {
                continue;
            }
            self.authority.release(holder.id);
            self.tell(Report::Lost(holder.id));
            if place == ARM && self.is_ordered() {
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
        match self.motors.judge(state, &self.last.tau, limits, &self.tuning, self.dt) {
            Some(Fault::F19Runaway) => {
                // Whoever controls it the wrong way cannot stop it: with brakes the power goes at once.
                let category = if self.arm.profile().brakes { StopCategory::Zero } else { StopCategory::One };
                self.motors.forget();
                self.stop(Self::latching(category, Fault::F19Runaway));
            }
            Some(fault) => {
                self.motors.forget();
                self.stop(Self::latching(StopCategory::Two, fault));
            }
            None => {}
        }
    }
}
