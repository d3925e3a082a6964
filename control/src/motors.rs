//! Whether the motors do what they are told (F17, F19).

use crate::config::Tuning;
use types::{Fault, JointLimits, JointState, JointVector, MAX_JOINTS};

/// How long a motor may do the opposite, seconds (F19: 10 ms from the first tick on).
const OPPOSITE_S: f64 = 0.006;
/// Farther from where it was told to be than this, rad (m), and faster away than this part of its speed limit, a
/// joint that its own controller moves runs away.
const OFF: f64 = 0.02;
const AWAY: f64 = 0.05;
/// How long an arm may take to come back from where it went while the loop was late, seconds.
const GRACE_S: f64 = 0.15;
/// How long it may give another torque than it was told, seconds (F17).
const SILENT_S: f64 = 0.02;

/// The part of its torque limit that a motor can give for ever, and how much more, as square times seconds, makes
/// the arm slower and then stops it: at the limit after 0.07 and 0.28 s (F18).
const FOR_EVER: f64 = 0.75;
const HOT: f64 = 0.03;
const TOO_HOT: f64 = 0.12;

/// How long each motor has been wrong.
#[derive(Clone, Debug)]
pub(crate) struct Motors {
    opposite_s: [f64; MAX_JOINTS],
    silent_s: [f64; MAX_JOINTS],
    away_s: [f64; MAX_JOINTS],
    /// For how long yet nothing runs away, seconds: the loop was late, and the arm went on as it was told last.
    grace_s: f64,
    /// How much each motor has been overloaded: part of its limit squared, times seconds.
    heat: [f64; MAX_JOINTS],
    /// A motor is overloaded, and not yet for too long (F18).
    pub(crate) is_hot: bool,
    /// A torque was measured at all: some robots measure none.
    senses: bool,
}

impl Motors {
    pub(crate) fn new() -> Self {
        Self {
            opposite_s: [0.0; MAX_JOINTS],
            silent_s: [0.0; MAX_JOINTS],
            away_s: [0.0; MAX_JOINTS],
            grace_s: 0.0,
            heat: [0.0; MAX_JOINTS],
            is_hot: false,
            senses: false,
        }
    }

    /// Compares a fresh state with the torques that were told in the tick before, if the robot takes any. Where it
    /// takes or measures none only what is measured is judged (F18), and the following error (F17) is left.
    pub(crate) fn judge(
        &mut self,
        state: &JointState,
        told: Option<&JointVector>,
        limits: &[JointLimits],
        tuning: &Tuning,
        dt: f64,
    ) -> Option<Fault> {
        self.senses |= state.tau.iter().any(|t| *t != 0.0);
        let mut found = None;
        self.is_hot = false;
        for (i, l) in limits.iter().enumerate() {
            let told = told.filter(|_| self.senses).map_or(state.tau[i], |told| told[i]);
            let off = (state.tau[i] - told).abs() > tuning.contact_share * l.torque;
            let is_opposite = off && state.tau[i] * told < 0.0;
            let count = |held: &mut f64, wrong: bool| *held = if wrong { *held + dt } else { 0.0 };
            // What a motor can give for ever heats it no more than it cools.
            let load = state.tau[i] / l.torque;
            self.heat[i] = (self.heat[i] + dt * (load * load - FOR_EVER * FOR_EVER)).max(0.0);
            self.is_hot |= self.heat[i] > HOT;
            if self.heat[i] > TOO_HOT {
                // Told once, and soon again if it goes on.
                self.heat[i] = 2.0 * HOT;
                return Some(Fault::F18Overload);
            }
            count(&mut self.opposite_s[i], is_opposite);
            count(&mut self.silent_s[i], off);
            if self.opposite_s[i] > OPPOSITE_S {
                return Some(Fault::F19Runaway);
            }
            if self.silent_s[i] > SILENT_S {
                found = Some(Fault::F17FollowingError);
            }
        }
        found
    }

    /// The same of a robot whose motors' own controllers are told where to go: one that moves away from there for longer
    /// than `longest_s` seconds, and is off already, does the opposite (F19).
    pub(crate) fn runs_away(
        &mut self,
        state: &JointState,
        reference: &JointVector,
        limits: &[JointLimits],
        longest_s: f64,
        dt: f64,
    ) -> bool {
        self.grace_s -= dt;
        for (i, l) in limits.iter().enumerate() {
            let (off, speed) = (reference[i] - state.q[i], state.dq[i]);
            let is_away = off.abs() > OFF && speed.abs() > AWAY * l.velocity && off * speed < 0.0;
            self.away_s[i] = if is_away { self.away_s[i] + dt } else { 0.0 };
        }
        self.grace_s <= 0.0 && self.away_s.iter().any(|s| *s > longest_s)
    }

    /// The loop was late.
    pub(crate) fn excuse(&mut self) {
        self.grace_s = GRACE_S;
    }

    /// Power comes or goes: everything begins anew.
    pub(crate) fn forget(&mut self) {
        *self = Self { senses: self.senses, heat: self.heat, ..Self::new() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::arm;
    use crate::config::Config;
    use types::{GripperState, Time};

    #[test]
    fn f18_a_motor_near_its_limit_is_hot_first_and_too_hot_within_a_second() {
        let arm = arm();
        let tuning = Config::default().check(&arm).expect("valid");
        let zero = JointVector::zeros(7);
        let gripper = GripperState::default();
        for (load, expected) in [(0.7, None), (0.9, Some(0.8)), (1.0, Some(0.45))] {
            let mut motors = Motors::new();
            let mut tau = zero;
            tau[2] = load * arm.limits()[2].torque;
            let state = JointState { stamp: Time::ZERO, q: zero, dq: zero, tau, gripper };
            let (mut hot, mut stopped) = (None, None);
            for ms in 0..5000 {
                let found = motors.judge(&state, Some(&tau), arm.limits(), &tuning, 1e-3);
                if motors.is_hot && hot.is_none() {
                    hot = Some(ms);
                }
                if found == Some(Fault::F18Overload) {
                    stopped = Some(f64::from(ms) * 1e-3);
                    break;
                }
            }
            match expected {
                None => assert!(hot.is_none() && stopped.is_none(), "it can give that for ever"),
                Some(within) => {
                    let stopped = stopped.expect("F18");
                    assert!(stopped < within, "F18: {load} after {stopped} s");
                    assert!(hot.is_some_and(|ms| f64::from(ms) * 1e-3 < 0.5 * stopped), "slower first");
                }
            }
        }
    }

    #[test]
    fn what_a_motor_has_borne_and_whether_torques_are_measured_outlast_the_power() {
        let arm = arm();
        let tuning = Config::default().check(&arm).expect("valid");
        let (zero, gripper) = (JointVector::zeros(7), GripperState::default());
        let of = |load: f64| {
            let mut tau = zero;
            tau[2] = load * arm.limits()[2].torque;
            (tau, JointState { stamp: Time::ZERO, q: zero, dq: zero, tau, gripper })
        };
        let after = |motors: &mut Motors, (told, read): (f64, f64), wanted: Fault| {
            let (told, read) = (of(told).0, of(read).1);
            (0..2000).find(|_| motors.judge(&read, Some(&told), arm.limits(), &tuning, 1e-3) == Some(wanted))
        };
        let from_cold = after(&mut Motors::new(), (0.9, 0.9), Fault::F18Overload).expect("F18");
        let mut motors = Motors::new();
        let (told, read) = of(0.9);
        for _ in 0..from_cold - 50 {
            assert_eq!(motors.judge(&read, Some(&told), arm.limits(), &tuning, 1e-3), None);
        }
        motors.forget();
        let left = after(&mut motors, (0.9, 0.9), Fault::F18Overload);
        assert_eq!(left, Some(50), "F18: power that comes back cools nothing");
        // Who never measured a torque may not; who has and says none any more is silent (F17).
        assert_eq!(after(&mut Motors::new(), (0.5, 0.0), Fault::F17FollowingError), None);
        motors.forget();
        assert!(after(&mut motors, (0.5, 0.0), Fault::F17FollowingError).is_some_and(|ms| ms < 25));
    }
}
