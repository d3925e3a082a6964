//! What is known of the arm: measured where possible, else carried on with constant acceleration.
#![forbid(unsafe_code)]

use crate::config::Tuning;
use types::{JointLimits, JointState, JointVector, MAX_JOINTS, Time};

/// Beyond its range by more than this, rad (m), a joint cannot be: the encoder is wrong (F12).
const BEYOND_RANGE: f64 = 0.5;
/// Faster than this many times its limit, a joint cannot be.
const BEYOND_SPEED: f64 = 10.0;
/// A joint cannot have moved by more between two states than at this many times its speed limit, and this
/// far besides, rad (m) (F14).
const JUMP_SPEED: f64 = 3.0;
const JUMP: f64 = 0.02;
/// Ticks for which an encoder must say the same before that may mean something (F13).
const FROZEN_TICKS: u32 = 4;
/// A joint that slows down by so many times its limit of acceleration at once has hit something hard, or its encoder has
/// ceased and its speed was made of that.
const STOPS_DEAD: f64 = 2.5;
/// Meanwhile the reference has to have gone on about as fast as the joint was, times.
const GOES_ON: core::ops::RangeInclusive<f64> = 0.6..=2.0;

/// How far a joint must seem to have gone while its encoder says the same, rad (m) (F13).
#[derive(Copy, Clone, Debug)]
pub(crate) struct Still {
    /// By the reference, which a joint that sticks does not follow at once.
    pub(crate) told: f64,
    /// By its own measured speed, as long as that is above `rest_speed`, rad/s (m/s), and does not turn.
    pub(crate) measured: f64,
    pub(crate) rest_speed: f64,
    /// Whether the encoder's steps are fine, so that one that moves never says the same for long.
    pub(crate) is_fine: bool,
}

/// What reading the robot gave.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sensed {
    /// A state to act on.
    Fresh,
    /// None, or one that is too old.
    Missing,
    /// One that cannot be (F12, B5).
    Impossible,
    /// One that cannot follow on the last (F14).
    Jumped,
    /// One of another robot: a wrong number of joints (B7).
    WrongCount,
}

/// For how long a joint's encoder has said the same.
#[derive(Copy, Clone, Debug)]
struct Same {
    ticks: u32,
    /// Where the reference was when it began.
    reference: f64,
    /// How far the joint has gone since by its measured speed.
    went: f64,
    /// For how long the reference has gone on since, seconds.
    lasts: f64,
    /// The greatest speed that the joint had as the encoder ceased, rad/s (m/s).
    was: f64,
}

impl Same {
    fn from(reference: f64) -> Self {
        Self { ticks: 0, reference, went: 0.0, lasts: 0.0, was: 0.0 }
    }
}

/// The arm's state as the core believes it.
#[derive(Clone, Debug)]
pub(crate) struct Estimate {
    pub(crate) q: JointVector,
    pub(crate) dq: JointVector,
    /// Acceleration the last torques should have caused.
    pub(crate) ddq: JointVector,
    /// The newest state that could be.
    pub(crate) measured: Option<JointState>,
    /// Ticks since then.
    pub(crate) missing: u32,
    /// Measured states count for nothing until a reset: the encoder lied.
    pub(crate) distrusted: bool,
    /// What the last tick gave, so that a streak is told once.
    pub(crate) sensed: Sensed,
    /// States in a row that cannot follow on the last.
    pub(crate) jumps: u32,
    same: [Same; MAX_JOINTS],
}

impl Estimate {
    pub(crate) fn new(q: JointVector) -> Self {
        let zero = JointVector::zeros(q.len());
        Self {
            q,
            dq: zero,
            ddq: zero,
            measured: None,
            missing: 0,
            distrusted: false,
            sensed: Sensed::Missing,
            jumps: 0,
            same: [Same::from(0.0); MAX_JOINTS],
        }
    }

    /// Takes in what the robot said, `dt` seconds after the last time.
    pub(crate) fn sense(
        &mut self,
        now: Time,
        dt: f64,
        state: Option<&JointState>,
        powered: bool,
        limits: &[JointLimits],
        tuning: &Tuning,
    ) -> Sensed {
        let mut sensed = match state {
            None => Sensed::Missing,
            Some(s) => judge(now, s, limits, tuning),
        };
        // Without power anybody may move the arm, and it may come back as another (F24).
        if let Some(s) = state
            && sensed == Sensed::Fresh
            && powered
            && self.leapt(s, limits)
        {
            sensed = Sensed::Jumped;
        }
        self.jumps = if sensed == Sensed::Jumped { self.jumps.saturating_add(1) } else { 0 };
        match state {
            Some(s) if sensed == Sensed::Fresh && !self.distrusted => {
                self.q = s.q;
                self.dq = s.dq;
                self.measured = Some(*s);
                self.missing = 0;
            }
            _ => {
                self.missing = self.missing.saturating_add(1);
                self.extrapolate(dt, limits);
            }
        }
        self.sensed = sensed;
        sensed
    }

    /// Whether a joint is elsewhere than it can have got to since it was last measured.
    fn leapt(&self, s: &JointState, limits: &[JointLimits]) -> bool {
        let Some(last) = &self.measured else { return false };
        let dt = s.stamp.secs_since(last.stamp).max(0.0);
        limits
            .iter()
            .enumerate()
            .any(|(i, l)| (s.q[i] - last.q[i]).abs() > JUMP + JUMP_SPEED * l.velocity * dt)
    }

    /// Whether a joint's encoder says the same to the last bit although the reference or the joint's own speed says
    /// that it has moved by more than `within` meanwhile, or although it moved so fast that it cannot have come to rest at
    /// once, and is to move on (F13). `before` is the state taken in before this tick's; without one the count begins anew.
    pub(crate) fn is_frozen(
        &mut self,
        before: Option<&JointState>,
        reference: &JointVector,
        within: Still,
        limits: &[JointLimits],
    ) -> bool {
        let (Some(now), Some(before)) = (&self.measured, before) else {
            self.same = [Same::from(0.0); MAX_JOINTS];
            return false;
        };
        let dt = now.stamp.secs_since(before.stamp);
        let mut frozen = false;
        for (i, same) in self.same.iter_mut().enumerate().take(now.q.len()) {
            // The same state read once more tells nothing: a robot may be slower than the loop.
            if now.stamp <= before.stamp {
                continue;
            }
            let (speed, before_speed) = (now.dq[i], before.dq[i]);
            let faster = |a: f64, b: f64| if b.abs() > a.abs() { b } else { a };
            if now.q[i].to_bits() != before.q[i].to_bits() {
                // The last new position may already come with a speed that falls.
                *same = Same { was: before_speed, ..Same::from(reference[i]) };
                continue;
            }
            if same.ticks == 0 {
                same.reference = reference[i];
            } else {
                same.lasts += dt;
            }
            // A speed over several positions takes as many ticks to fall.
            if same.ticks < FROZEN_TICKS {
                same.was = faster(same.was, before_speed);
            }
            same.ticks += 1;
            let most = STOPS_DEAD * limits[i].acceleration * dt;
            // What is made of equal positions is exactly none, and what is measured is noisy.
            let stops_dead = within.is_fine && speed == 0.0 && same.was.abs() > most;
            let goes_on = speed.abs() > within.rest_speed && speed * same.went >= 0.0;
            same.went = if goes_on { same.went + speed * dt } else { 0.0 };
            let told = reference[i] - same.reference;
            let stopped_dead = stops_dead && GOES_ON.contains(&(told / (same.was * same.lasts)));
            frozen |= same.ticks >= FROZEN_TICKS
                && (told.abs() > within.told || same.went.abs() > within.measured || stopped_dead);
        }
        frozen
    }

    /// Constant acceleration over one tick, never out of what can be.
    fn extrapolate(&mut self, dt: f64, limits: &[JointLimits]) {
        for (i, l) in limits.iter().enumerate() {
            let a = self.ddq[i].clamp(-l.acceleration, l.acceleration);
            self.q[i] = (self.q[i] + dt * (self.dq[i] + 0.5 * dt * a)).clamp(l.lower, l.upper);
            self.dq[i] = (self.dq[i] + dt * a).clamp(-l.velocity, l.velocity);
        }
    }

    /// Whether a state was measured in this tick.
    pub(crate) fn is_fresh(&self) -> bool {
        self.missing == 0 && self.measured.is_some()
    }

    /// Whether every joint is slower than `speed`, rad/s.
    pub(crate) fn is_at_rest(&self, speed: f64) -> bool {
        self.dq.iter().all(|v| v.abs() <= speed)
    }
}

/// Whether a state can be acted on.
fn judge(now: Time, s: &JointState, limits: &[JointLimits], tuning: &Tuning) -> Sensed {
    if [s.q.len(), s.dq.len(), s.tau.len()].iter().any(|n| *n != limits.len()) {
        return Sensed::WrongCount;
    }
    if !s.is_finite() {
        return Sensed::Impossible;
    }
    for (i, l) in limits.iter().enumerate() {
        let (q, dq) = (s.q[i], s.dq[i]);
        if q < l.lower - BEYOND_RANGE || q > l.upper + BEYOND_RANGE || dq.abs() > BEYOND_SPEED * l.velocity {
            return Sensed::Impossible;
        }
    }
    let age = now.secs_since(s.stamp);
    if age < -tuning.skew || age > tuning.overrun.max(tuning.period * f64::from(tuning.max_missing)) {
        return Sensed::Missing;
    }
    Sensed::Fresh
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::arm;
    use types::GripperState;

    #[test]
    fn f13_of_a_joint_whose_speed_fell_with_its_last_new_position_it_counts_how_fast_it_was_before() {
        let arm = arm();
        let (limits, zero) = (arm.limits(), JointVector::zeros(arm.n_joints()));
        let (dt, joint) = (1e-3, 0);
        let state = |k: i32, q: f64, dq: f64| {
            let one = |v: f64| JointVector::from_fn(zero.len(), |i| if i == joint { v } else { 0.0 });
            let stamp = Time::from_secs_f64(1.0 + dt * f64::from(k));
            JointState { stamp, q: one(q), dq: one(dq), tau: zero, gripper: GripperState::default() }
        };
        let still = Still { told: 0.01, measured: 0.01, rest_speed: 0.02, is_fine: true };
        // Half of its speed is too little for a joint that cannot come to rest at once.
        let speed = 1.6 * STOPS_DEAD * limits[joint].acceleration * dt;
        let frozen_after = |falls_to: f64| {
            let mut estimate = Estimate::new(arm.home());
            let mut before = None;
            (-20..50).find(|k| {
                let now = match k {
                    ..0 => state(*k, speed * dt * f64::from(*k), speed),
                    0 => state(0, 0.0, falls_to * speed),
                    _ => state(*k, 0.0, 0.0),
                };
                estimate.measured = Some(now);
                let reference = JointVector::from_fn(zero.len(), |i| {
                    if i == joint { speed * dt * f64::from(*k) } else { 0.0 }
                });
                estimate.is_frozen(before.replace(now).as_ref(), &reference, still, limits)
            })
        };
        assert_eq!([1.0, 0.5, 0.0].map(frozen_after), [Some(4); 3]);
    }
}
