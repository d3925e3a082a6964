//! What is computed of an arm in motion, and its scratch.

use super::Arm;
use crate::data::{Data, Jacobian};
use crate::dynamics;
use crate::kinematics;
use crate::links::Payload;
#[cfg(doc)]
use crate::model::Model;
use nalgebra::{Isometry3, Matrix3, Point3, SMatrix, Vector3};
use types::{JointVector, Tool, Transform, World};

/// Scratch for an [`Arm`]; nothing that takes it allocates.
#[derive(Clone, Debug)]
pub struct ArmData {
    /// Scratch for the arm's model.
    pub data: Data,
    full_q: Vec<f64>,
    full_dq: Vec<f64>,
    full_ddq: Vec<f64>,
    full_tau: Vec<f64>,
    world_from_body: Vec<Isometry3<f64>>,
    full_jacobian: Jacobian,
}

impl ArmData {
    /// Scratch for `arm`.
    #[must_use]
    pub fn new(arm: &Arm) -> Self {
        let n = arm.model.joints.len();
        Self {
            data: Data::new(&arm.model),
            full_q: vec![0.0; n],
            full_dq: vec![0.0; n],
            full_ddq: vec![0.0; n],
            full_tau: vec![0.0; n],
            world_from_body: vec![Isometry3::identity(); arm.model.bodies.len()],
            full_jacobian: Jacobian::zeros(n),
        }
    }
}

impl ArmData {
    /// Lets the hand carry a mass (kg) at a point of the tool's frame (metres), from now on and in all dynamics;
    /// no mass: nothing any more. Numbers that no body has are not checked: see [`Data::set_payload`].
    ///
    /// # Real-time
    /// No allocation.
    pub fn carry(&mut self, arm: &Arm, mass_kg: f64, tool_from_center: &Vector3<f64>) {
        let com = arm.body_from_tool * Point3::from(*tool_from_center);
        let payload = Payload { mass: mass_kg, com: com.coords, inertia: Matrix3::zeros() };
        self.data.links.carry(arm.tool_body, (mass_kg > 0.0).then_some(&payload));
    }
}

/// Pose of the tool centre point in the world at the controlled joints `q` (gripper closed).
///
/// # Real-time
/// No allocation.
///
/// # Panics
/// When `q` is shorter than the arm's joints.
pub fn tool_pose(arm: &Arm, data: &mut ArmData, q: &[f64]) -> Transform<World, Tool> {
    arm.full_q(q, 0.0, &mut data.full_q);
    kinematics::forward(&arm.model, &mut data.data, &data.full_q);
    Transform::from_isometry(arm.world_from_base * data.data.body_pose(arm.tool_body) * arm.body_from_tool)
}

/// Writes the Jacobian of the tool centre point, world axes, linear rows above angular ones, one
/// column per controlled joint (joints that mimic it included in its column).
///
/// # Real-time
/// No allocation.
///
/// # Panics
/// When `out` has not one column per controlled joint, or `q` is shorter.
pub fn tool_jacobian(arm: &Arm, data: &mut ArmData, q: &[f64], out: &mut Jacobian) {
    arm.full_q(q, 0.0, &mut data.full_q);
    kinematics::forward(&arm.model, &mut data.data, &data.full_q);
    let point = Point3::from(arm.body_from_tool.translation.vector);
    let full = &mut data.full_jacobian;
    kinematics::jacobian(&arm.model, &data.data, arm.tool_body, &point, full);
    let rotation = arm.world_from_base.rotation;
    for (i, &j) in arm.arm_joints.iter().enumerate() {
        let mut linear: Vector3<f64> = full.fixed_view::<3, 1>(0, j).into_owned();
        let mut angular: Vector3<f64> = full.fixed_view::<3, 1>(3, j).into_owned();
        for (k, mimic) in arm.mimics.iter().filter(|(_, m)| m.joint_idx == j) {
            linear += full.fixed_view::<3, 1>(0, *k) * mimic.multiplier;
            angular += full.fixed_view::<3, 1>(3, *k) * mimic.multiplier;
        }
        out.fixed_view_mut::<3, 1>(0, i).copy_from(&(rotation * linear));
        out.fixed_view_mut::<3, 1>(3, i).copy_from(&(rotation * angular));
    }
}

/// Poses of all bodies in the world, in the order of [`Model::bodies`], for drawing and collisions.
///
/// # Real-time
/// No allocation.
///
/// # Panics
/// When `q` is shorter than the arm's joints.
pub fn body_poses_in_world<'a>(
    arm: &Arm,
    data: &'a mut ArmData,
    q: &[f64],
    width_m: f64,
) -> &'a [Isometry3<f64>] {
    arm.full_q(q, width_m, &mut data.full_q);
    kinematics::forward(&arm.model, &mut data.data, &data.full_q);
    for (i, out) in data.world_from_body.iter_mut().enumerate() {
        *out = arm.world_from_base * data.data.body_pose(i);
    }
    &data.world_from_body
}

/// The largest share of its torque limit that any controlled joint needs to hold the arm at rest at
/// `q` with the gripper at `width_m`; above one the arm sinks.
///
/// # Real-time
/// No allocation.
///
/// # Panics
/// When `q` is shorter than the arm's joints.
pub fn gravity_load(arm: &Arm, data: &mut ArmData, q: &[f64], width_m: f64) -> f64 {
    let zero = JointVector::zeros(arm.n_joints());
    let mut tau = zero;
    inverse_dynamics(arm, data, q, &zero, &zero, width_m, &mut tau);
    tau.iter().zip(arm.limits()).fold(0.0, |m, (t, l)| m.max(t.abs() / l.torque))
}

/// The mass matrix of the controlled joints at `q` with the gripper at `width_m`, rotors included, kg·m² (kg·m, kg);
/// of `K` rows: those beyond the joints are the identity's. A joint also carries those that mimic it.
///
/// # Real-time
/// No allocation.
///
/// # Panics
/// When `q` is shorter than the arm's joints, or there are more of them than `K`.
pub fn mass_matrix<const K: usize>(
    arm: &Arm,
    data: &mut ArmData,
    q: &[f64],
    width_m: f64,
) -> SMatrix<f64, K, K> {
    arm.full_q(q, width_m, &mut data.full_q);
    dynamics::crba(&arm.model, &mut data.data, &data.full_q);
    let full = data.data.mass_matrix();
    let mut out = SMatrix::identity();
    for (a, &ja) in arm.arm_joints.iter().enumerate() {
        for (b, &jb) in arm.arm_joints.iter().enumerate() {
            let mut sum = full[(ja, jb)];
            for (k, mimic) in &arm.mimics {
                // q[k] moves with its joint: both sides of the quadratic form gain its share.
                let (of_a, of_b) = (mimic.joint_idx == ja, mimic.joint_idx == jb);
                sum += if of_a { mimic.multiplier * full[(*k, jb)] } else { 0.0 };
                sum += if of_b { mimic.multiplier * full[(ja, *k)] } else { 0.0 };
                for (l, other) in arm.mimics.iter().filter(|(_, m)| of_a && m.joint_idx == jb) {
                    sum += mimic.multiplier * other.multiplier * full[(*k, *l)];
                }
            }
            out[(a, b)] = sum;
        }
    }
    out
}

/// Torques (N·m) of the controlled joints for the motion `q`, `dq`, `ddq` with the gripper resting at
/// `width_m`: inertia, gravity (−9.81 m/s² along the world's z), damping and rotor inertia. A
/// controlled joint also carries those that mimic it.
///
/// # Real-time
/// No allocation.
///
/// # Panics
/// When a slice is shorter than the arm's joints.
pub fn inverse_dynamics(
    arm: &Arm,
    data: &mut ArmData,
    q: &[f64],
    dq: &[f64],
    ddq: &[f64],
    width_m: f64,
    tau_out: &mut JointVector,
) {
    arm.full_q(q, width_m, &mut data.full_q);
    for (rates, full) in [(dq, &mut data.full_dq), (ddq, &mut data.full_ddq)] {
        full.fill(0.0);
        for (i, &j) in arm.arm_joints.iter().enumerate() {
            full[j] = rates[i];
        }
        for (j, mimic) in &arm.mimics {
            full[*j] = mimic.multiplier * full[mimic.joint_idx];
        }
    }
    let gravity = arm.world_from_base.rotation.inverse_transform_vector(&dynamics::GRAVITY);
    let tau = &mut data.full_tau;
    dynamics::rnea(&arm.model, &mut data.data, &data.full_q, &data.full_dq, &data.full_ddq, &gravity, tau);
    for (j, mimic) in &arm.mimics {
        tau[mimic.joint_idx] += mimic.multiplier * tau[*j];
    }
    *tau_out = JointVector::from_fn(arm.arm_joints.len(), |i| tau[arm.arm_joints[i]]);
}
