//! What pushes against the arm: external torques from motion and motor torques (F21).
//!
//! The residual of the generalised momentum (De Luca and Mattone, ICRA 2005) in discrete form: over one
//! tick, the torques that the measured change of speed took (inverse dynamics) less those the motors
//! gave, through a first-order filter. No acceleration is measured; the differences of speed that stand
//! for it add up to the change of momentum in the filter.

use crate::config::Tuning;
use mechanics::{Arm, ArmData, inverse_dynamics};
use nalgebra::Vector3;
use types::{JointState, JointVector, MAX_JOINTS, Time};

/// Bandwidth of the filter, 1/s: a step of torque is seen to two thirds after 5 ms.
const BANDWIDTH: f64 = 220.0;
/// Ticks in a row in which single residuals of at least a part of the threshold must have gone the same
/// way: noise changes its mind.
const SAME_WAY: u32 = 4;
const COUNTS: f64 = 0.2;
/// Time constant of the estimate of the noise, seconds.
const NOISE_S: f64 = 0.03;
/// A single deviation counts as noise up to this many standard deviations: a contact is no noise. One that
/// goes the other way than the one before counts up to more: few contacts do that.
const CLIPPED: f64 = 3.0;
const CLIPPED_ALTERNATING: f64 = 6.0;
/// For how long a single residual beyond the known noise is remembered, seconds: noise that has only begun is not known
/// yet, but goes both ways. Errors of speed bring no momentum: what one seems to give the next takes back, and one that
/// swings single residuals by so much moves the filter by its gain of that. What pushes gives one way only.
const SWING_S: f64 = 0.01;
/// Noise that is always there, as a part of the torque limit.
const LEAST_NOISE: f64 = 1e-3;
/// Standard deviations of the filtered noise that a contact must rise above, besides its threshold.
const SIGMAS: f64 = 5.0;

/// The observer of external torques.
pub(crate) struct Observer {
    data: ArmData,
    last: Option<(Time, JointVector)>,
    /// Torques of the world on the arm, N·m, as far as the filter has followed.
    pub(crate) external: JointVector,
    /// What they were when the motion began: a load that is not in the model is no contact.
    at_start: JointVector,
    /// Variance of single residuals about the filtered ones, (N·m)².
    variance: JointVector,
    last_off: JointVector,
    /// The largest single residuals of late below and above what they were when the motion began, beyond the noise
    /// that is known, N·m.
    swings: [JointVector; 2],
    /// Ticks in a row in which the single residual went the same way.
    same_way: [u32; MAX_JOINTS],
    /// Whether noise hides contacts (F16).
    pub(crate) is_noisy: bool,
    /// A torque was measured at all: some robots measure none, and nothing pushes as far as they can tell.
    senses: bool,
}

impl Observer {
    pub(crate) fn new(arm: &Arm) -> Self {
        let zero = JointVector::zeros(arm.n_joints());
        Self {
            data: ArmData::new(arm),
            last: None,
            external: zero,
            at_start: zero,
            variance: zero,
            last_off: zero,
            swings: [zero; 2],
            same_way: [0; MAX_JOINTS],
            is_noisy: false,
            // Who is told torques measures them: if not, that is to be noticed.
            senses: arm.profile().drive == types::Drive::Torque,
        }
    }

    /// Takes in a fresh state. Without one, and over a gap of more than `max_gap` seconds, what was observed
    /// stands until two states follow on each other again.
    pub(crate) fn observe(&mut self, arm: &Arm, state: Option<&JointState>, max_gap: f64) {
        self.senses |= state.is_some_and(|s| s.tau.iter().any(|t| *t != 0.0));
        let Some(s) = state.filter(|_| self.senses) else {
            self.last = None;
            return;
        };
        if let Some((stamp, dq)) = self.last {
            let dt = s.stamp.secs_since(stamp);
            if dt <= 0.0 {
                return;
            }
            if dt <= max_gap {
                let n = arm.n_joints();
                let ddq = JointVector::from_fn(n, |i| (s.dq[i] - dq[i]) / dt);
                let mean = JointVector::from_fn(n, |i| 0.5 * (s.dq[i] + dq[i]));
                let mut taken = JointVector::zeros(n);
                inverse_dynamics(arm, &mut self.data, &s.q, &mean, &ddq, s.gripper.width_m, &mut taken);
                let gain = 1.0 - libm::exp(-BANDWIDTH * dt);
                let follow = 1.0 - libm::exp(-dt / NOISE_S);
                let keep = libm::exp(-dt / SWING_S);
                for (i, l) in arm.limits().iter().enumerate() {
                    let off = taken[i] - s.tau[i] - self.external[i];
                    let floor = LEAST_NOISE * l.torque;
                    let known = SIGMAS * libm::sqrt(self.variance[i].max(floor * floor));
                    let single = off + self.external[i] - self.at_start[i];
                    for (swing, size) in self.swings.iter_mut().zip([-single, single]) {
                        swing[i] = (size - known).max(keep * swing[i]);
                    }
                    let alternates = off * self.last_off[i] < 0.0;
                    let sigmas = if alternates { CLIPPED_ALTERNATING } else { CLIPPED };
                    let most = sigmas * sigmas * self.variance[i].max(floor * floor);
                    self.variance[i] += follow * ((off * off).min(most) - self.variance[i]);
                    let counts = off.abs() > COUNTS * arm.profile().contact_share * l.torque;
                    let before = if alternates { 0 } else { self.same_way[i] };
                    self.same_way[i] = if counts { before.saturating_add(1) } else { 0 };
                    self.last_off[i] = off;
                    self.external[i] += gain * off;
                }
            }
        }
        self.last = Some((s.stamp, s.dq));
    }

    /// The hand carries a mass, kg, at a point of the tool's frame, metres.
    pub(crate) fn carry(&mut self, arm: &Arm, mass_kg: f64, tool_from_center: &Vector3<f64>) {
        self.data.carry(arm, mass_kg, tool_from_center);
    }

    /// A motion begins.
    pub(crate) fn begin(&mut self) {
        self.at_start = self.external;
    }

    /// Standard deviation of the filtered noise of a joint's residual, N·m.
    fn noise(&self, i: usize, period: f64) -> f64 {
        let gain = BANDWIDTH * period;
        (self.variance[i] * gain / (2.0 - gain).max(1.0)).sqrt()
    }

    /// What pushes more than when the motion began, N·m.
    pub(crate) fn since_start(&self) -> JointVector {
        JointVector::from_fn(self.external.len(), |i| self.external[i] - self.at_start[i])
    }

    /// Whether some joint is pushed the same way again and again, as noise does not.
    pub(crate) fn is_steady(&self) -> bool {
        self.same_way.iter().any(|n| *n >= SAME_WAY)
    }

    /// Whether half of the joints seem to be pushed both ways of late: nothing that the arm meets does that.
    fn is_shaken(&self, arm: &Arm, tuning: &Tuning) -> bool {
        let limits = arm.limits().iter().enumerate();
        let both = limits.filter(|(i, l)| {
            self.swings.iter().all(|swing| swing[*i] > COUNTS * tuning.contact_share * l.torque)
        });
        2 * both.count() >= arm.n_joints()
    }

    /// Whether something was met since the motion began.
    pub(crate) fn is_contact(&self, arm: &Arm, tuning: &Tuning) -> bool {
        let shaken = self.is_shaken(arm, tuning);
        arm.limits().iter().enumerate().any(|(i, l)| {
            let pushed = self.external[i] - self.at_start[i];
            let [below, above] = [self.swings[0][i], self.swings[1][i]];
            let (same, other) = if pushed < 0.0 { (below, above) } else { (above, below) };
            let swing = if shaken { same.max(other) } else { other };
            let noise = SIGMAS * self.noise(i, tuning.period) + (BANDWIDTH * tuning.period).min(1.0) * swing;
            self.same_way[i] >= SAME_WAY && pushed.abs() > tuning.contact_share * l.torque + noise
        })
    }

    /// Judges the noise; whether that has changed.
    pub(crate) fn changes_mind_of_noise(&mut self, arm: &Arm, tuning: &Tuning) -> bool {
        let limits = arm.limits().iter().enumerate();
        let worst = limits
            .map(|(i, l)| SIGMAS * self.noise(i, tuning.period) / (tuning.contact_share * l.torque))
            .fold(0.0, f64::max);
        let was_noisy = self.is_noisy;
        self.is_noisy = worst > if was_noisy { 0.5 } else { 1.0 };
        self.is_noisy != was_noisy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::arm;
    use crate::config::Config;
    use types::GripperState;

    const TICK_S: f64 = 1e-3;

    /// A resting arm whose motion begins then: how many ticks after the first push a contact is seen, with speeds as noisy as `noise` says of a
    /// tick, as a part of each limit, and one joint pushed as `push` says of a tick, N·m.
    fn seen_after(
        seed: u64,
        joint: usize,
        noise: impl Fn(i32) -> f64,
        push: impl Fn(i32) -> f64,
    ) -> Option<i32> {
        seen_after_rest(100, seed, joint, noise, push)
    }

    /// The same after so many ticks of rest.
    fn seen_after_rest(
        rest: i32,
        seed: u64,
        joint: usize,
        noise: impl Fn(i32) -> f64,
        push: impl Fn(i32) -> f64,
    ) -> Option<i32> {
        let arm = arm();
        let tuning = Config::default().check(&arm).expect("valid");
        let (zero, q) = (JointVector::zeros(7), arm.home());
        let (mut observer, mut data, mut held) = (Observer::new(&arm), ArmData::new(&arm), zero);
        inverse_dynamics(&arm, &mut data, &q, &zero, &zero, 0.0, &mut held);
        let mut random = seed;
        for k in -rest..200 {
            let dq = JointVector::from_fn(7, |i| {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                noise(k) * arm.limits()[i].velocity * ((random >> 33) as f64 / f64::from(1u32 << 30) - 1.0)
            });
            let tau = JointVector::from_fn(7, |i| held[i] - if i == joint { push(k) } else { 0.0 });
            let stamp = Time::from_secs_f64(1.0 + TICK_S * f64::from(k));
            let gripper = GripperState::default();
            observer.observe(&arm, Some(&JointState { stamp, q, dq, tau, gripper }), 4.0 * TICK_S);
            observer.changes_mind_of_noise(&arm, &tuning);
            if k == -1 {
                observer.begin();
            }
            if k >= 0 && observer.is_contact(&arm, &tuning) {
                return Some(k + 1);
            }
        }
        None
    }

    #[test]
    fn f16_speeds_that_become_noisy_are_no_contact_before_that_is_known() {
        for size in [0.05, 0.1] {
            let is_taken =
                |seed: &u64| seen_after(*seed, 0, |k| if k < 0 { 0.0 } else { size }, |_| 0.0).is_some();
            let taken = (0..1000).filter(is_taken).count();
            assert_eq!(taken, 0, "of 1000 onsets of noise of {size} so many were taken for a contact");
        }
    }

    #[test]
    fn f21_what_pushes_from_before_a_motion_on_is_no_contact_and_does_not_hide_one() {
        for (joint, before) in [(0, 40.0), (0, -40.0), (1, 60.0), (1, -60.0), (5, 5.0), (5, -5.0)] {
            assert_eq!(seen_after_rest(1000, 1, joint, |_| 0.0, |_| before), None, "{before} N·m at {joint}");
            let more = (0.26 * arm().limits()[joint].torque).copysign(before);
            let push = |k: i32| before + if k < 0 { 0.0 } else { more };
            let after = seen_after_rest(1000, 1, joint, |_| 0.0, push);
            assert!(matches!(after, Some(4 | 5)), "{after:?}: {before} and {more} N·m at {joint}");
        }
    }

    #[test]
    fn what_pushes_the_same_way_four_times_is_steady_and_what_alternates_is_not() {
        let arm = arm();
        let (zero, q) = (JointVector::zeros(7), arm.home());
        let (mut data, mut held) = (ArmData::new(&arm), zero);
        inverse_dynamics(&arm, &mut data, &q, &zero, &zero, 0.0, &mut held);
        let steady_after = |push: fn(i32) -> f64| {
            let mut observer = Observer::new(&arm);
            (0..40).find(|k| {
                let tau = JointVector::from_fn(7, |i| held[i] - if i == 2 { push(*k) } else { 0.0 });
                let stamp = Time::from_secs_f64(1.0 + TICK_S * f64::from(*k));
                let state = JointState { stamp, q, dq: zero, tau, gripper: GripperState::default() };
                observer.observe(&arm, Some(&state), 4.0 * TICK_S);
                observer.is_steady()
            })
        };
        // The first state of all has none before it.
        assert_eq!(steady_after(|_| 30.0), Some(4));
        assert_eq!(steady_after(|k| if k % 2 == 0 { 30.0 } else { -30.0 }), None);
        assert_eq!(steady_after(|_| 0.5), None, "too little to count");
    }

    #[test]
    fn f21_a_contact_is_seen_as_soon_with_sound_speeds_and_a_strong_one_with_noisy_speeds() {
        for (noise, joint, torque, within) in [
            (0.0, 0, 22.5, 5),
            (0.0, 1, -22.5, 5),
            (0.0, 3, 52.0, 4),
            (0.0, 5, 3.1, 5),
            (0.001, 0, 22.5, 5),
            (0.001, 3, 52.0, 4),
            (0.001, 5, 7.0, 4),
        ] {
            let after = seen_after(1, joint, |_| noise, |k| if k < 0 { 0.0 } else { torque });
            assert_eq!(after, Some(within), "{torque} N·m at {joint}, noise {noise}");
        }
        // Speeds that became noisy 5 ms before.
        let noise = |k: i32| if k < -5 { 0.0 } else { 0.05 };
        let push = |k: i32| if k < 0 { 0.0 } else { 80.0 };
        let is_seen =
            |seed: &u64| seen_after(*seed, 0, noise, push).is_some_and(|after| (1..=5).contains(&after));
        let seen = (0..100).filter(is_seen).count();
        assert!(seen > 60, "of 100 contacts {seen} were seen within 5 ms");
    }
}
