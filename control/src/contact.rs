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
                for (i, l) in arm.limits().iter().enumerate() {
                    let off = taken[i] - s.tau[i] - self.external[i];
                    let floor = LEAST_NOISE * l.torque;
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

    /// Whether something was met since the motion began.
    pub(crate) fn is_contact(&self, arm: &Arm, tuning: &Tuning) -> bool {
        arm.limits().iter().enumerate().any(|(i, l)| {
            let threshold = tuning.contact_share * l.torque + SIGMAS * self.noise(i, tuning.period);
            self.same_way[i] >= SAME_WAY && (self.external[i] - self.at_start[i]).abs() > threshold
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
