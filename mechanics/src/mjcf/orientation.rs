//! The five ways in which MJCF writes a rotation.

use super::defaults::Element;
use crate::error::ModelError;
use crate::reader::Reader;
use nalgebra::{Isometry3, Matrix3, Quaternion, Rotation3, Translation3, Unit, UnitQuaternion, Vector3};

/// How angles are written in this file.
#[derive(Copy, Clone, Debug)]
pub(super) struct Angles {
    /// Radians per unit of the file.
    pub(super) factor: f64,
    /// Axes of Euler angles; small letters turn with the body, capitals stay.
    pub(super) sequence: [char; 3],
}

impl Default for Angles {
    fn default() -> Self {
        Self { factor: core::f64::consts::PI / 180.0, sequence: ['x', 'y', 'z'] }
    }
}

/// `pos` and rotation of an element in its parent.
pub(super) fn pose(
    r: &Reader<'_>,
    angles: &Angles,
    e: &Element<'_, '_, '_>,
) -> Result<Isometry3<f64>, ModelError> {
    let pos = match e.attribute("pos") {
        Some(text) => Vector3::from(r.array::<3>(e.node, "pos", text)?),
        None => Vector3::zeros(),
    };
    let rotation = rotation(r, angles, e)?.unwrap_or_else(UnitQuaternion::identity);
    Ok(Isometry3::from_parts(Translation3::from(pos), rotation))
}

/// The rotation of an element; `None` when it says nothing.
pub(super) fn rotation(
    r: &Reader<'_>,
    angles: &Angles,
    e: &Element<'_, '_, '_>,
) -> Result<Option<UnitQuaternion<f64>>, ModelError> {
    let ways = ["quat", "axisangle", "euler", "xyaxes", "zaxis"];
    // What the element says itself stands before what its class says.
    let own = ways.iter().filter(|w| e.node.has_attribute(**w)).count();
    if own > 1 {
        return Err(r.error(e.node, format!("expected one of {}, got {own}", ways.join(", "))));
    }
    let way = ways
        .iter()
        .find(|w| e.node.has_attribute(**w))
        .or_else(|| ways.iter().find(|w| e.attribute(w).is_some()));
    let Some(&way) = way else { return Ok(None) };
    let text = e.attribute(way).unwrap_or_default();
    let no_direction = || r.error(e.node, format!("{way}: expected a direction, got zeros"));
    let direction =
        |x: f64, y: f64, z: f64| Unit::try_new(Vector3::new(x, y, z), 1e-12).ok_or_else(no_direction);
    let turn = match way {
        "quat" => {
            let [w, x, y, z] = r.array::<4>(e.node, way, text)?;
            UnitQuaternion::try_new(Quaternion::new(w, x, y, z), 1e-12).ok_or_else(no_direction)?
        }
        "axisangle" => {
            let [x, y, z, angle] = r.array::<4>(e.node, way, text)?;
            UnitQuaternion::from_axis_angle(&direction(x, y, z)?, angle * angles.factor)
        }
        "euler" => {
            let values = r.array::<3>(e.node, way, text)?;
            angles.sequence.iter().zip(values).fold(UnitQuaternion::identity(), |so_far, (letter, v)| {
                let axis = match letter.to_ascii_lowercase() {
                    'x' => Vector3::x_axis(),
                    'y' => Vector3::y_axis(),
                    _ => Vector3::z_axis(),
                };
                let one = UnitQuaternion::from_axis_angle(&axis, v * angles.factor);
                if letter.is_ascii_lowercase() { so_far * one } else { one * so_far }
            })
        }
        "xyaxes" => {
            let [a, b, c, d, e_, f] = r.array::<6>(e.node, way, text)?;
            let x = direction(a, b, c)?;
            let y = Vector3::new(d, e_, f);
            let y = Unit::try_new(y - x.into_inner() * x.dot(&y), 1e-12).ok_or_else(no_direction)?;
            let axes = Matrix3::from_columns(&[x.into_inner(), y.into_inner(), x.cross(&y)]);
            UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(axes))
        }
        _ => {
            let [x, y, z] = r.array::<3>(e.node, way, text)?;
            z_to(&direction(x, y, z)?)
        }
    };
    Ok(Some(turn))
}

/// The smallest rotation that takes z to `direction`.
pub(super) fn z_to(direction: &Unit<Vector3<f64>>) -> UnitQuaternion<f64> {
    let axis = Vector3::z().cross(direction);
    let sine = axis.norm();
    let axis = Unit::try_new(axis, 1e-12).unwrap_or_else(Vector3::x_axis);
    UnitQuaternion::from_axis_angle(&axis, libm::atan2(sine, direction.z))
}
