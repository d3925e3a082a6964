//! What a change of acceleration may take: of each joint its jerk, of each motor the rate of its torque.
//!
//! Where a joint's acceleration changes by the jerks j, the torques change by M j, and by what comes of speeds and
//! gravity (M' and what hangs on it), for which a part is kept back.
#![forbid(unsafe_code)]

use crate::core::Core;
use mechanics::{Arm, ArmData, mass_matrix};
use nalgebra::SMatrix;
use types::{JointLimits, JointVector, MAX_JOINTS};

/// The mass matrix where the arm is, kg·m² (kg·m, kg).
#[derive(Clone, Debug)]
pub(crate) struct Inertia(SMatrix<f64, MAX_JOINTS, MAX_JOINTS>);

impl Inertia {
    /// At `q`, with what `data` carries and the gripper at `width_m`.
    pub(crate) fn at(arm: &Arm, data: &mut ArmData, q: &JointVector, width_m: f64) -> Self {
        Self(mass_matrix(arm, data, q, width_m))
    }

    /// The torques that the accelerations `ddq` take, N·m (N).
    fn of(&self, ddq: &JointVector) -> JointVector {
        JointVector::from_fn(ddq.len(), |i| (0..ddq.len()).map(|k| self.0[(i, k)] * ddq[k]).sum())
    }
}

impl Core {
    /// Where the reference is.
    pub(crate) fn inertia(&mut self) -> Inertia {
        let width_m = self.width_m();
        Inertia::at(&self.arm, &mut self.data, &self.reference.q, width_m)
    }
}

/// What of a torque's rate jerks may take: the rest is for what comes of speeds and gravity.
const RATE_SHARE: f64 = 0.8;

/// Limits, and the inertia that hangs on the motors if their torques' rates count.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Means<'a> {
    pub(crate) limits: &'a [JointLimits],
    pub(crate) inertia: Option<&'a Inertia>,
}

impl<'a> Means<'a> {
    /// Of vectors along which accelerations change: what each joint has of them with its limit of jerk, and what each
    /// motor has with that of its torque's rate.
    pub(crate) fn jerks<const K: usize>(
        &self,
        along: [&JointVector; K],
    ) -> impl Iterator<Item = ([f64; K], f64)> + use<'a, K> {
        let limits = self.limits;
        let part = |all: &[JointVector; K], i: usize| core::array::from_fn(|k| all[k][i]);
        let joints = along.map(|v| *v);
        let motors = self.inertia.map(|inertia| along.map(|v| inertia.of(v)));
        let of_joints = move |(i, l): (usize, &JointLimits)| (part(&joints, i), l.jerk);
        let of_motors = motors.map(|motors| {
            limits.iter().enumerate().map(move |(i, l)| (part(&motors, i), RATE_SHARE * l.torque_rate))
        });
        limits.iter().enumerate().map(of_joints).chain(of_motors.into_iter().flatten())
    }
}

impl<'a> From<&'a [JointLimits]> for Means<'a> {
    fn from(limits: &'a [JointLimits]) -> Self {
        Self { limits, inertia: None }
    }
}

impl<'a, const N: usize> From<&'a [JointLimits; N]> for Means<'a> {
    fn from(limits: &'a [JointLimits; N]) -> Self {
        Self::from(limits.as_slice())
    }
}
