//! Grasps from above: where the tool goes, how far the fingers open.

use crate::config::Config;
use crate::footprint::{bottom, is_round, narrow_side};
use core::f64::consts::{FRAC_PI_2, PI};
use nalgebra::{Isometry3, Point3, Rotation3, Translation3, UnitQuaternion, Vector3};
use types::{GripperProfile, Tool, TrackedObject, Transform, World};

/// Free height below the fingertips when they grasp, metres.
const TIP_ROOM_M: f64 = 0.0035;
/// Directions that are tried around a round object.
const N_ROUND: usize = 12;
/// Where only one jaw moves: room on the side of the one that does not, metres.
const FIXED_JAW_ROOM_M: f64 = 0.005;

/// One way to grasp an object from above.
#[derive(Clone, Debug, PartialEq)]
pub struct Grasp {
    /// The tool when the fingers close.
    pub world_from_tool: Transform<World, Tool>,
    /// How far the fingers open before they come down, metres.
    pub open_m: f64,
    /// The side of the object that they embrace, metres.
    pub side_m: f64,
    /// Angle of the finger axis about the world's z, radians.
    pub axis: f64,
}

/// A tool that points straight down with its finger axis at `axis`, its centre point at `point`.
#[must_use]
pub fn pointing_down(point: Point3<f64>, axis: f64) -> Transform<World, Tool> {
    let (s, c) = libm::sincos(axis);
    let y = Vector3::new(c, s, 0.0);
    let z = -Vector3::z();
    let rotation = Rotation3::from_basis_unchecked(&[y.cross(&z), y, z]);
    Transform::from_isometry(Isometry3::from_parts(
        Translation3::from(point.coords),
        UnitQuaternion::from_rotation_matrix(&rotation),
    ))
}

/// The tool `up_m` higher than it is.
#[must_use]
pub(crate) fn raised(world_from_tool: &Transform<World, Tool>, up_m: f64) -> Transform<World, Tool> {
    let up = Translation3::new(0.0, 0.0, up_m);
    Transform::from_isometry(up * *world_from_tool.isometry())
}

/// Finger axes that embrace an object and the side that each embraces, the narrow side first; angles
/// about the world's z. Half a turn gives the same grasp with another wrist.
fn axes(object: &TrackedObject, natural: f64) -> Vec<(f64, f64)> {
    let d = object.dimensions;
    if is_round(object.most_likely_shape()) {
        let side = narrow_side(object);
        return around(natural, 0.5 * PI, N_ROUND).map(|axis| (axis, side)).collect();
    }
    let (x, y) = ((object.yaw, d.x), (object.yaw + FRAC_PI_2, d.y));
    if d.x < d.y { vec![x, y] } else { vec![y, x] }
}

/// `n` angles evenly spread within `reach` on both sides of `middle`, from the middle outwards.
pub(crate) fn around(middle: f64, reach: f64, n: usize) -> impl Iterator<Item = f64> {
    (0..n).map(move |i| {
        let step = i.div_ceil(2) as f64 * if i % 2 == 0 { 1.0 } else { -1.0 };
        middle + step * 2.0 * reach / n as f64
    })
}

/// Every grasp of `object`, the better ones first. `object` rests where it is; its frame is that of
/// [`TrackedObject`]. `natural` is the angle of the finger axis about the world's z that suits the arm
/// best there, radians: nearer ones come first.
#[must_use]
pub fn grasps(object: &TrackedObject, natural: f64, gripper: &GripperProfile, config: &Config) -> Vec<Grasp> {
    let mut out = Vec::new();
    let lowest = bottom(object).max(0.0) + gripper.finger_depth_m + TIP_ROOM_M;
    let middle = object.position.z;
    let mut heights = vec![middle.max(lowest)];
    // A tall object is taken higher where the palm would strike its top.
    for below_top in [0.030, 0.018] {
        let z = (object.top() - below_top).max(lowest);
        if z > heights[heights.len() - 1] + 0.002 {
            heights.push(z);
        }
    }
    for z in heights {
        for (axis, side_m) in axes(object, natural) {
            let widest = gripper.width_m;
            if side_m + 0.006 > widest {
                continue;
            }
            let open_m = (side_m + 2.0 * config.finger_room_m).min(widest);
            let turned = wrapped(axis - natural).abs() > FRAC_PI_2;
            for half_turn in if turned { [PI, 0.0] } else { [0.0, PI] } {
                let axis = wrapped(axis + half_turn);
                let held_at = gripper.center_shift * embraced(open_m, side_m, gripper);
                let (s, c) = libm::sincos(axis);
                let point = Point3::new(object.position.x - c * held_at, object.position.y - s * held_at, z);
                out.push(Grasp { world_from_tool: pointing_down(point, axis), open_m, side_m, axis });
            }
        }
    }
    out
}

/// The width whose middle the object's centre is put at: the opening, where both fingers move; a
/// little more than the object, where one jaw stands still and the other comes to it.
fn embraced(open_m: f64, side_m: f64, gripper: &GripperProfile) -> f64 {
    if gripper.center_shift == 0.0 { open_m } else { open_m.min(side_m + 2.0 * FIXED_JAW_ROOM_M) }
}

/// Where the middle between the fingertips is along the tool's y when they are `width_m` apart, metres.
#[must_use]
pub(crate) fn middle_of_jaws(gripper: &GripperProfile, width_m: f64) -> f64 {
    gripper.center_shift * width_m
}

/// An angle in (−π, π].
#[must_use]
pub(crate) fn wrapped(angle: f64) -> f64 {
    let turns = libm::ceil((angle - PI) / (2.0 * PI));
    angle - 2.0 * PI * turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_points_down_and_its_fingers_lie_along_the_axis() {
        for axis in [0.0, 0.7, -2.0] {
            let tool = pointing_down(Point3::new(0.5, 0.1, 0.2), axis);
            assert!((tool.vector(Vector3::z()) + Vector3::z()).norm() < 1e-12);
            let y = Vector3::new(libm::cos(axis), libm::sin(axis), 0.0);
            assert!((tool.vector(Vector3::y()) - y).norm() < 1e-12);
            assert!((raised(&tool, 0.1).origin().z - 0.3).abs() < 1e-12);
        }
    }
}
