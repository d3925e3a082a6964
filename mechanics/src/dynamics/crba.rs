//! The joint-space inertia matrix.

use crate::data::Data;
use crate::kinematics;
use crate::links::{Inertia, Pose};
use crate::model::Model;
use nalgebra::{Matrix3, Vector3};

/// Writes the joint-space inertia matrix, rotor inertias included, into `data`
/// ([`Data::mass_matrix`]), kg·m² (kg·m, kg). Composite rigid bodies; Featherstone (2008),
/// table 6.2, with all inertias about the base's origin so that composing is adding. Updates the poses.
///
/// # Real-time
/// No allocation.
///
/// # Panics
/// When `q` is shorter than the model's joints.
pub fn crba(model: &Model, data: &mut Data, q: &[f64]) {
    let q = &q[..model.joints.len()];
    data.arch.dispatch(
        #[inline(always)]
        || compose(data, q),
    );
}

#[inline(always)]
fn compose(data: &mut Data, q: &[f64]) {
    kinematics::place(data, q);
    let links = &data.links.all;
    for (i, link) in links.iter().enumerate() {
        data.composites[i] = in_base(&link.inertia, &data.base_from_link[i]);
    }
    data.mass_matrix.fill(0.0);
    for i in (0..links.len()).rev() {
        let (link, sum) = (&links[i], data.composites[i]);
        let (spin, speed) = unit_motion(&data.base_from_link[i], link.slides);
        // Momentum of the composite when this joint alone moves at unit speed.
        let linear = speed * sum.mass + spin.cross(&sum.first);
        let angular = sum.second * spin + sum.first.cross(&speed);
        let mut at = Some(i);
        while let Some(k) = at {
            let (spin, speed) = unit_motion(&data.base_from_link[k], links[k].slides);
            let value = spin.dot(&angular) + speed.dot(&linear);
            data.mass_matrix[(link.joint, links[k].joint)] = value;
            data.mass_matrix[(links[k].joint, link.joint)] = value;
            at = links[k].parent;
        }
        data.mass_matrix[(link.joint, link.joint)] += link.armature;
        if let Some(p) = link.parent {
            data.composites[p].add(&sum);
        }
    }
}

/// Angular velocity, and linear velocity at the base's origin, of a link whose joint moves at one.
#[inline(always)]
fn unit_motion(pose: &Pose, slides: bool) -> (Vector3<f64>, Vector3<f64>) {
    let axis = pose.z.vector();
    if slides { (Vector3::zeros(), axis) } else { (axis, pose.at.vector().cross(&axis)) }
}

/// An inertia along the base's axes about its origin (parallel axes).
#[inline(always)]
fn in_base(inertia: &Inertia, pose: &Pose) -> Inertia {
    let Inertia { mass, first, second } = inertia;
    let (h, p, turn) = (pose.out(first), pose.at.vector(), pose.turn());
    let turned = turn * second * turn.transpose();
    let mixed = p * h.transpose();
    let shift = Matrix3::from_diagonal_element(2.0 * p.dot(&h) + mass * p.norm_squared());
    Inertia {
        mass: *mass,
        first: h + p * *mass,
        second: turned + shift - mixed - mixed.transpose() - p * p.transpose() * *mass,
    }
}
