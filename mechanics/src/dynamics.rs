//! Forces to motion and back. Every function takes all joints of the model in `q`, mimicking and
//! gripper joints included, counts mimicking joints as free ones, and works in base axes.

use crate::data::{BodyState, Composite, Data};
use crate::kinematics;
use crate::model::{JointKind, Model};
use nalgebra::{Isometry3, Matrix3, Vector3};

/// Acceleration of free fall where the base's z points up, m/s².
pub const GRAVITY: Vector3<f64> = Vector3::new(0.0, 0.0, -9.81);

/// Inverse dynamics: the torques (N·m, N) that make the joints accelerate by `ddq` at `q`, `dq`,
/// under `gravity` (m/s², base axes), with viscous damping and rotor inertia. Recursive
/// Newton–Euler; Featherstone (2008), table 5.1, with 3-vectors in base axes at the body origins
/// (the form of Luh, Walker and Paul, 1980). Updates the poses in `data`.
///
/// # Real-time
/// No allocation; linear in the number of bodies.
///
/// # Panics
/// When a slice is shorter than the model's joints.
pub fn rnea(
    model: &Model,
    data: &mut Data,
    q: &[f64],
    dq: &[f64],
    ddq: &[f64],
    gravity: &Vector3<f64>,
    tau: &mut [f64],
) {
    kinematics::forward(model, data, q);
    for i in 0..model.bodies.len() {
        data.states[i] = accelerate(model, data, i, dq, ddq, gravity);
    }
    for i in (0..model.bodies.len()).rev() {
        let body = &model.bodies[i];
        let BodyState { force, moment, .. } = data.states[i];
        if let Some(j) = body.joint_idx {
            let joint = &model.joints[j];
            let along = match joint.kind {
                JointKind::Revolute | JointKind::Continuous => moment,
                JointKind::Prismatic => force,
            };
            tau[j] = data.axes[j].dot(&along) + joint.damping * dq[j] + joint.armature * ddq[j];
        }
        if let Some(p) = body.parent {
            let arm = offset(data, i, p);
            let parent = &mut data.states[p];
            parent.force += force;
            parent.moment += moment + arm.cross(&force);
        }
    }
}

/// From the parent's origin to the body's, base axes.
fn offset(data: &Data, body_idx: usize, parent_idx: usize) -> Vector3<f64> {
    data.base_from_body[body_idx].translation.vector - data.base_from_body[parent_idx].translation.vector
}

/// The outward half of Newton–Euler for one body: its motion, and the force that motion takes.
fn accelerate(
    model: &Model,
    data: &Data,
    i: usize,
    dq: &[f64],
    ddq: &[f64],
    gravity: &Vector3<f64>,
) -> BodyState {
    let body = &model.bodies[i];
    let mut s = match body.parent {
        // Accelerating the base upwards stands for gravity.
        None => BodyState { acc: -gravity, ..BodyState::default() },
        Some(p) => {
            let (parent, arm) = (&data.states[p], offset(data, i, p));
            BodyState {
                omega: parent.omega,
                alpha: parent.alpha,
                acc: parent.acc + parent.alpha.cross(&arm) + parent.omega.cross(&parent.omega.cross(&arm)),
                ..BodyState::default()
            }
        }
    };
    if let Some(j) = body.joint_idx {
        let axis = data.axes[j];
        match model.joints[j].kind {
            JointKind::Revolute | JointKind::Continuous => {
                s.alpha += axis * ddq[j] + s.omega.cross(&(axis * dq[j]));
                s.omega += axis * dq[j];
            }
            JointKind::Prismatic => {
                s.acc += axis * ddq[j] + 2.0 * s.omega.cross(&(axis * dq[j]));
            }
        }
    }
    // Frames without mass cost nothing; some files give them an inertia all the same.
    if body.mass > 0.0 || body.inertia != Matrix3::zeros() {
        let rotation = data.base_from_body[i].rotation;
        let com = rotation * body.com;
        let about_com = |v: &Vector3<f64>| rotation * (body.inertia * rotation.inverse_transform_vector(v));
        s.force = (s.acc + s.alpha.cross(&com) + s.omega.cross(&s.omega.cross(&com))) * body.mass;
        s.moment = about_com(&s.alpha) + s.omega.cross(&about_com(&s.omega)) + com.cross(&s.force);
    }
    s
}

/// Torques (N·m, N) that hold the arm still at `q`. Allocates nothing.
///
/// # Panics
/// When a slice is shorter than the model's joints.
pub fn gravity(model: &Model, data: &mut Data, q: &[f64], gravity: &Vector3<f64>, tau: &mut [f64]) {
    // The zeros lie in the scratch; lent out so that `data` stays free for the recursion.
    let zeros = core::mem::take(&mut data.zeros);
    rnea(model, data, q, &zeros, &zeros, gravity, tau);
    data.zeros = zeros;
}

/// Writes the joint-space inertia matrix, rotor inertias included, into `data`
/// ([`Data::mass_matrix`]), kg·m² (kg·m, kg). Composite rigid bodies; Featherstone (2008),
/// table 6.2, with all inertias about the base's origin so that composing is adding.
///
/// # Real-time
/// No allocation.
///
/// # Panics
/// When `q` is shorter than the model's joints.
pub fn crba(model: &Model, data: &mut Data, q: &[f64]) {
    kinematics::forward(model, data, q);
    for (i, body) in model.bodies.iter().enumerate() {
        data.composites[i] = composite(&data.base_from_body[i], body.mass, &body.com, &body.inertia);
    }
    data.mass_matrix.fill(0.0);
    for i in (0..model.bodies.len()).rev() {
        let body = &model.bodies[i];
        let sum = data.composites[i];
        if let Some(j) = body.joint_idx {
            let (spin, speed) = unit_motion(model, data, j);
            // Momentum of the composite when this joint alone moves at unit speed.
            let linear = speed * sum.mass + spin.cross(&sum.first);
            let angular = sum.inertia * spin + sum.first.cross(&speed);
            let mut at = Some(i);
            while let Some(k) = at {
                if let Some(other) = model.bodies[k].joint_idx {
                    let (spin, speed) = unit_motion(model, data, other);
                    let value = spin.dot(&angular) + speed.dot(&linear);
                    data.mass_matrix[(j, other)] = value;
                    data.mass_matrix[(other, j)] = value;
                }
                at = model.bodies[k].parent;
            }
            data.mass_matrix[(j, j)] += model.joints[j].armature;
        }
        if let Some(p) = body.parent {
            let parent = &mut data.composites[p];
            parent.mass += sum.mass;
            parent.first += sum.first;
            parent.inertia += sum.inertia;
        }
    }
}

/// Angular velocity, and linear velocity at the base's origin, of a body whose joint moves at one.
fn unit_motion(model: &Model, data: &Data, joint_idx: usize) -> (Vector3<f64>, Vector3<f64>) {
    let joint = &model.joints[joint_idx];
    let axis = data.axes[joint_idx];
    match joint.kind {
        JointKind::Revolute | JointKind::Continuous => {
            (axis, data.base_from_body[joint.body_idx].translation.vector.cross(&axis))
        }
        JointKind::Prismatic => (Vector3::zeros(), axis),
    }
}

/// A body's inertia in base axes about the base's origin (parallel axes).
fn composite(
    base_from_body: &Isometry3<f64>,
    mass: f64,
    com: &Vector3<f64>,
    inertia: &Matrix3<f64>,
) -> Composite {
    let rotation = base_from_body.rotation.to_rotation_matrix();
    let c = base_from_body.rotation * com + base_from_body.translation.vector;
    let about_com = rotation.matrix() * inertia * rotation.matrix().transpose();
    let shift = Matrix3::identity() * c.norm_squared() - c * c.transpose();
    Composite { mass, first: c * mass, inertia: about_com + shift * mass }
}

/// Forward dynamics: the accelerations (rad/s², m/s²) that torques `tau` cause, by solving
/// `M(q) · ddq = tau − bias(q, dq)` with M from [`crba`] and the bias from [`rnea`]. Returns whether
/// M was positive definite; `ddq` is not written when it was not (a massless moving chain).
///
/// # Real-time
/// No allocation; cubic in the number of joints.
///
/// # Panics
/// When a slice is shorter than the model's joints.
pub fn forward(
    model: &Model,
    data: &mut Data,
    q: &[f64],
    dq: &[f64],
    tau: &[f64],
    gravity: &Vector3<f64>,
    ddq: &mut [f64],
) -> bool {
    let n = model.joints.len();
    let zeros = core::mem::take(&mut data.zeros);
    let mut bias = core::mem::take(&mut data.bias);
    rnea(model, data, q, dq, &zeros, gravity, &mut bias);
    data.zeros = zeros;
    data.bias = bias;
    crba(model, data, q);
    data.cholesky.copy_from(&data.mass_matrix);
    if !factor(&mut data.cholesky) {
        return false;
    }
    let l = &data.cholesky;
    for i in 0..n {
        let known: f64 = (0..i).map(|k| l[(i, k)] * ddq[k]).sum();
        ddq[i] = (tau[i] - data.bias[i] - known) / l[(i, i)];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| l[(k, i)] * ddq[k]).sum();
        ddq[i] = (ddq[i] - known) / l[(i, i)];
    }
    true
}

/// Cholesky factor in the lower triangle, in place; whether the matrix was positive definite.
fn factor(m: &mut nalgebra::DMatrix<f64>) -> bool {
    for i in 0..m.nrows() {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| m[(i, k)] * m[(j, k)]).sum();
            let rest = m[(i, j)] - known;
            if i == j {
                if rest.is_nan() || rest <= 0.0 {
                    return false;
                }
                m[(i, i)] = libm::sqrt(rest);
            } else {
                m[(i, j)] = rest / m[(j, j)];
            }
        }
    }
    true
}
