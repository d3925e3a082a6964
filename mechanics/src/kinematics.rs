//! Where every body is, and how fast it would move.

use crate::data::{Data, Jacobian};
use crate::model::{JointKind, Model};
use nalgebra::{Isometry3, Point3, Translation3, UnitQuaternion};

/// Writes the pose of every body into `data` for the joint positions `q` (rad, m; every joint of the
/// model, mimicking ones included). Featherstone, Rigid Body Dynamics Algorithms (2008), section 4.4.
///
/// # Real-time
/// No allocation; linear in the number of bodies.
///
/// # Panics
/// When `q` is shorter than the model's joints, or `data` belongs to another model.
pub fn forward(model: &Model, data: &mut Data, q: &[f64]) {
    for (i, body) in model.bodies.iter().enumerate() {
        let fixed = match body.parent {
            Some(p) => data.base_from_body[p] * body.parent_from_body,
            None => body.parent_from_body,
        };
        data.base_from_body[i] = match body.joint_idx {
            None => fixed,
            Some(j) => {
                let joint = &model.joints[j];
                data.axes[j] = fixed * joint.axis.into_inner();
                fixed * joint_motion(joint.kind, &joint.axis, q[j])
            }
        };
    }
}

/// The motion of one joint: where the body stands relative to its own place at zero.
#[must_use]
pub fn joint_motion(
    kind: JointKind,
    axis: &nalgebra::Unit<nalgebra::Vector3<f64>>,
    q: f64,
) -> Isometry3<f64> {
    match kind {
        JointKind::Revolute | JointKind::Continuous => {
            Isometry3::from_parts(Translation3::identity(), UnitQuaternion::from_axis_angle(axis, q))
        }
        JointKind::Prismatic => {
            Isometry3::from_parts(Translation3::from(axis.into_inner() * q), UnitQuaternion::identity())
        }
    }
}

/// Writes the Jacobian of a point fixed to a body: `out · dq` is the point's linear velocity above
/// the body's angular velocity, in base axes. Uses the poses of the last [`forward`]; `out` has one
/// column per joint of the model. Mimicking joints count as free ones.
///
/// # Real-time
/// No allocation.
///
/// # Panics
/// When `out` has fewer columns than the model has joints, or there is no such body.
pub fn jacobian(
    model: &Model,
    data: &Data,
    body_idx: usize,
    point_in_body: &Point3<f64>,
    out: &mut Jacobian,
) {
    let point_in_base = data.base_from_body[body_idx] * point_in_body;
    out.fill(0.0);
    let mut at = Some(body_idx);
    while let Some(i) = at {
        let body = &model.bodies[i];
        if let Some(j) = body.joint_idx {
            let axis = data.axes[j];
            let mut column = out.column_mut(j);
            match model.joints[j].kind {
                JointKind::Revolute | JointKind::Continuous => {
                    let arm = point_in_base.coords - data.base_from_body[i].translation.vector;
                    column.fixed_rows_mut::<3>(0).copy_from(&axis.cross(&arm));
                    column.fixed_rows_mut::<3>(3).copy_from(&axis);
                }
                JointKind::Prismatic => column.fixed_rows_mut::<3>(0).copy_from(&axis),
            }
        }
        at = body.parent;
    }
}
