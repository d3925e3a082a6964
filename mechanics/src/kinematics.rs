//! Where every body is, and how fast it would move.

use crate::data::{Data, Jacobian};
use crate::model::{JointKind, Model};
use crate::trig;
use nalgebra::{Isometry3, Point3, Translation3, UnitQuaternion};

/// Writes where every link is into `data` for the joint positions `q` (rad, m; every joint of the
/// model, mimicking ones included); [`Data::body_pose`] then tells the pose of any body. Featherstone,
/// Rigid Body Dynamics Algorithms (2008), section 4.4.
///
/// # Real-time
/// No allocation; linear in the number of joints.
///
/// # Panics
/// When `q` is shorter than the model's joints, or `data` belongs to another model.
pub fn forward(model: &Model, data: &mut Data, q: &[f64]) {
    let q = &q[..model.joints.len()];
    data.arch.dispatch(
        #[inline(always)]
        || place(data, q),
    );
}

#[inline(always)]
pub(crate) fn place(data: &mut Data, q: &[f64]) {
    trig::sin_cos(q, &mut data.sin, &mut data.cos);
    for (i, link) in data.links.all.iter().enumerate() {
        let fixed = match link.parent {
            Some(p) => data.base_from_link[p].then(&link.place),
            None => link.place,
        };
        let j = link.joint;
        data.base_from_link[i] =
            if link.slides { fixed.slid(q[j]) } else { fixed.turned(data.sin[j], data.cos[j]) };
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
    debug_assert_eq!(data.links.all.len(), model.joints.len(), "data of another model");
    let body = data.pose(body_idx);
    let point = body.out(&point_in_body.coords) + body.at.vector();
    let columns = out.as_mut_slice().as_chunks_mut::<6>().0;
    // Which columns the chain does not fill is known in the end; where a word cannot say, all are cleared.
    let mut filled = 0u64;
    if columns.len() > 64 {
        columns.fill([0.0; 6]);
        filled = u64::MAX;
    }
    let mut at = data.links.bodies[body_idx].0;
    while let Some(i) = at {
        let link = &data.links.all[i];
        let pose = &data.base_from_link[i];
        let axis = pose.z.vector();
        columns[link.joint] = if link.slides {
            [axis.x, axis.y, axis.z, 0.0, 0.0, 0.0]
        } else {
            let v = axis.cross(&(point - pose.at.vector()));
            [v.x, v.y, v.z, axis.x, axis.y, axis.z]
        };
        filled |= 1u64.checked_shl(link.joint as u32).unwrap_or(0);
        at = link.parent;
    }
    for (j, column) in columns.iter_mut().enumerate() {
        if j < 64 && filled & (1 << j) == 0 {
            *column = [0.0; 6];
        }
    }
}
