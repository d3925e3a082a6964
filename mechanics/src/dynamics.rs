//! Forces to motion and back. Every function takes all joints of the model in `q`, mimicking and
//! gripper joints included, and counts mimicking joints as free ones.

mod aba;
mod crba;
mod rnea;

pub(crate) use aba::Articulated;
pub use aba::forward;
pub use crba::crba;
pub(crate) use rnea::Moving;
pub use rnea::{gravity, rnea};

use crate::data::Data;
use crate::kinematics;
use crate::model::Model;
use nalgebra::{Point3, Vector3};

/// Acceleration of free fall where the base's z points up, m/s².
pub const GRAVITY: Vector3<f64> = Vector3::new(0.0, 0.0, -9.81);

/// Mass (kg) and centre of mass (base axes, metres) of all that moves, payload included, at `q`; the
/// base's origin when nothing has mass. Updates the poses.
///
/// # Real-time
/// No allocation.
///
/// # Panics
/// When `q` is shorter than the model's joints.
pub fn center_of_mass(model: &Model, data: &mut Data, q: &[f64]) -> (f64, Point3<f64>) {
    kinematics::forward(model, data, q);
    let (mut mass, mut first) = (0.0, Vector3::zeros());
    for (link, pose) in data.links.all.iter().zip(&data.base_from_link) {
        mass += link.inertia.mass;
        first += pose.out(&link.inertia.first) + pose.at.vector() * link.inertia.mass;
    }
    (mass, if mass > 0.0 { Point3::from(first / mass) } else { Point3::origin() })
}
