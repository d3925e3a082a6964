//! What is told of motions that are slower than was asked: once, and again only when there was none for a while.
#![forbid(unsafe_code)]

use crate::brake::Brake;
use crate::core::Core;
use crate::path::Reference;
use crate::report::{LimitKind, Report, Slow};
use crate::servo::STOP_PLACES;
use crate::state::State;
use mechanics::inverse_dynamics;
use types::{Fault, JointVector};

/// After it was told of something, it is told again only after so long without, seconds.
const QUIET_S: f64 = 0.5;
/// What is slower by less is not.
const TRIFLE: f64 = 0.99;
/// The slowest a motion may be asked to run, as a part of its own speed.
const SLOWEST: f64 = 0.05;

/// For how long something has not been, seconds.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Quiet(f64);

impl Quiet {
    /// It never was.
    pub(crate) const NEVER: Self = Self(f64::INFINITY);
    /// It was just now.
    pub(crate) const NOW: Self = Self(0.0);

    /// Whether it is to be told that it `is`, `dt` seconds after it was asked last.
    pub(crate) fn tells(&mut self, is: bool, dt: f64) -> bool {
        let quiet_s = self.0 + dt;
        self.0 = if is { 0.0 } else { quiet_s };
        is && quiet_s > QUIET_S
    }
}

/// What may slow a motion down, and when it last did.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Slowings {
    /// A torque is cut.
    pub(crate) torque: Quiet,
    singular: Quiet,
    tool: Quiet,
    joint: Quiet,
    weak: Quiet,
    pace: Quiet,
}

impl Slowings {
    pub(crate) const NONE: Self = Self {
        // What is cut while power comes is nobody's wish.
        torque: Quiet::NOW,
        singular: Quiet::NEVER,
        tool: Quiet::NEVER,
        joint: Quiet::NEVER,
        weak: Quiet::NEVER,
        pace: Quiet::NEVER,
    };
}

/// What a wished velocity is slowed by.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Slowed {
    /// The part of it that is left, 0 to 1.
    pub(crate) part: f64,
    /// The joint whose limit leaves no more; none: the tool's.
    pub(crate) joint: Option<u8>,
    /// How fast that joint would have been, rad/s (m/s).
    pub(crate) rate: f64,
}

impl Slowed {
    /// The limit that counts, where singular poses leave so much.
    pub(crate) fn limit(&self, singular: f64) -> Option<LimitKind> {
        match self.joint {
            Some(_) if self.part < TRIFLE => Some(LimitKind::Velocity),
            None if self.part < TRIFLE => Some(LimitKind::ToolSpeed),
            _ => (singular < TRIFLE).then_some(LimitKind::Singularity),
        }
    }
}

/// The part of their own speed at which motions run when this is asked for.
pub(crate) fn pace_for(asked: f64) -> f64 {
    if asked.is_finite() { asked.clamp(SLOWEST, 1.0) } else { SLOWEST }
}

impl Core {
    /// Why the loop is careful, if it is.
    pub(crate) fn is_careful(&self) -> Option<Fault> {
        if self.contact.is_noisy {
            Some(Fault::F16VelocityNoise)
        } else if self.motors.is_hot {
            Some(Fault::F18Overload)
        } else {
            (self.careful_s > 0.0).then_some(Fault::F23StateLate)
        }
    }

    /// Why what moves is slower than it was to be.
    pub(crate) fn why_slow(&self) -> Option<Slow> {
        let path = match &self.state {
            State::Follow(job) => job.pace.slowed_by.map(|(_, limit)| limit),
            State::Servo(_) => None,
            _ => return None,
        };
        let is_asked = self.heard.pace() < TRIFLE;
        let by_limit = self.slowed_by.map(Slow::Limit).or(self.is_careful().map(Slow::Careful));
        by_limit.or(is_asked.then_some(Slow::Asked)).or(path.map(Slow::Limit))
    }

    /// Tells of a pace that nobody may ask for.
    pub(crate) fn tell_pace(&mut self, requested: f64) {
        let applied = pace_for(requested);
        if self.slowings.pace.tells(requested != applied, self.dt) {
            let margin = -(requested - applied).abs();
            self.tell(Report::Intervention {
                joint: None,
                limit: LimitKind::Pace,
                requested,
                applied,
                margin,
            });
        }
    }

    /// Tells by what a wish is slowed: the part that singular poses leave, and of that the part that the limits of speed
    /// leave.
    pub(crate) fn tell_slowed_wish(&mut self, singular: f64, slowed: &Slowed) {
        let is_slower = slowed.part < TRIFLE;
        if self.slowings.singular.tells(singular < TRIFLE, self.dt) {
            self.tell_part(LimitKind::Singularity, singular);
        }
        if self.slowings.tool.tells(is_slower && slowed.joint.is_none(), self.dt) {
            self.tell_part(LimitKind::ToolSpeed, slowed.part);
        }
        if self.slowings.joint.tells(is_slower && slowed.joint.is_some(), self.dt) {
            let (requested, applied) = (slowed.rate, slowed.part * slowed.rate);
            self.tell(Report::Intervention {
                joint: slowed.joint,
                limit: LimitKind::Velocity,
                requested,
                applied,
                margin: applied.abs() - requested.abs(),
            });
        }
    }

    fn tell_part(&mut self, limit: LimitKind, applied: f64) {
        self.tell(Report::Intervention {
            joint: None,
            limit,
            requested: 1.0,
            applied,
            margin: applied - 1.0,
        });
    }

    /// Tells that the motors have not the strength for a step towards what is wished and the stop after it: the joint of
    /// which most is asked, and what it gives instead.
    pub(crate) fn tell_weak(&mut self, is_weak: bool, wished: [Option<Brake>; 2], instead: &Reference) {
        if !self.slowings.weak.tells(is_weak, self.dt) {
            return;
        }
        let arm = self.arm.clone();
        let limits = arm.limits();
        let width_m = self.estimate.measured.map_or(0.0, |m| m.gripper.width_m);
        let mut torques = |at: &Reference| {
            let mut tau = JointVector::zeros(at.q.len());
            inverse_dynamics(&arm, &mut self.data, &at.q, &at.dq, &at.ddq, width_m, &mut tau);
            tau
        };
        let (mut joint, mut requested, mut most) = (0, 0.0, 0.0);
        for stop in wished.iter().flatten() {
            for k in 0..STOP_PLACES {
                let tau = torques(&stop.after(stop.left() * f64::from(k) / f64::from(STOP_PLACES)));
                for (i, l) in limits.iter().enumerate() {
                    if tau[i].abs() / l.torque > most {
                        (joint, requested, most) = (i, tau[i], tau[i].abs() / l.torque);
                    }
                }
            }
        }
        let applied = torques(instead)[joint];
        let margin = limits[joint].torque - requested.abs();
        let joint = u8::try_from(joint).ok();
        self.tell(Report::Intervention { joint, limit: LimitKind::Torque, requested, applied, margin });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_is_told_once_and_again_after_half_a_second_without() {
        let mut quiet = Quiet::NEVER;
        // Every tenth of a second.
        let row = [0, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1];
        let told: Vec<usize> =
            row.iter().enumerate().filter(|(_, is)| quiet.tells(**is == 1, 0.1)).map(|(k, _)| k).collect();
        assert_eq!(told, [1, 11]);
    }
}
