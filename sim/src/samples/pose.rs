//! How the arm of a sample stands: mostly waiting, else somewhere over the table, now and then with
//! something in its gripper.

use super::layout::Layout;
use mechanics::{Arm, ArmData, body_poses_in_world, tool_pose};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use rand::Rng;
use types::{Color, Shape, Size};

/// How often a pose over the table is looked for.
const TRIES: usize = 60;
/// Nothing but what is held comes closer to the middle of the fingertips, metres.
const CLEAR: f64 = 0.08;

/// An arm that stands still.
pub(super) struct Posed {
    /// The bodies in the world, in the model's order.
    pub world_from_body: Vec<Isometry3<f64>>,
}

/// Poses `arm` among the objects of `layout`, and may add one that it holds.
pub(super) fn random(arm: &Arm, layout: &mut Layout, over_table: bool, rng: &mut impl Rng) -> Posed {
    let mut data = ArmData::new(arm);
    let mut q: Vec<f64> = arm.home().to_vec();
    let mut width = arm.profile().gripper.width_m * rng.random::<f64>();
    let waits = rng.random::<f32>() < if over_table { 0.3 } else { 0.6 };
    let holds = rng.random::<f32>() < 0.35;
    let what = (
        [Shape::Cube, Shape::Ball, Shape::Cylinder, Shape::Box][rng.random_range(0..4)],
        Size::ALL[rng.random_range(0..2)],
        Color::ALL[rng.random_range(0..Color::ALL.len())],
    );
    let depth = 0.012 * (rng.random::<f64>() - 0.5);
    if waits {
        // Not to the millimetre where it was told to wait.
        for v in &mut q {
            *v += 0.02 * (rng.random::<f64>() - 0.5);
        }
    } else if let Some(found) = over_the_table(arm, &mut data, layout, rng) {
        q = found;
    }
    let d = what.0.dimensions(what.1);
    let fits = !arm.gripper_joint_idx().is_empty() && d.y < arm.profile().gripper.width_m;
    if holds && fits {
        width = d.y;
        // Upright in a gripper that points down, the longer side across the fingers' motion.
        let turned = Isometry3::from_parts(
            Translation3::new(0.0, 0.0, depth),
            UnitQuaternion::from_axis_angle(&Vector3::x_axis(), core::f64::consts::PI),
        );
        let pose = tool_pose(arm, &mut data, &q).isometry() * turned;
        if pose.translation.z > 0.5 * d.norm() {
            layout.push_held(what, pose);
        }
    }
    Posed { world_from_body: body_poses_in_world(arm, &mut data, &q, width).to_vec() }
}

/// Joint positions with the tool over the table and pointing down as well as chance allows, clear of
/// every object.
fn over_the_table(arm: &Arm, data: &mut ArmData, layout: &Layout, rng: &mut impl Rng) -> Option<Vec<f64>> {
    let home = arm.home();
    let mut best: Option<(f64, Vec<f64>)> = None;
    for _ in 0..TRIES {
        let q: Vec<f64> = home
            .iter()
            .zip(arm.limits())
            .map(|(h, l)| (h + 1.9 * (rng.random::<f64>() - 0.5)).clamp(l.lower, l.upper))
            .collect();
        let tool = *tool_pose(arm, data, &q).isometry();
        let t = tool.translation.vector;
        let over = t.x > 0.22 && t.x < 0.80 && t.y.abs() < 0.42 && t.z > 0.10 && t.z < 0.55;
        let objects = &layout.world_from_object;
        if !over || objects.iter().any(|o| (o.translation.vector - t).norm() < CLEAR) {
            continue;
        }
        let down = -(tool.rotation * Vector3::z()).z;
        if best.as_ref().is_none_or(|(b, _)| down > *b) {
            best = Some((down, q));
        }
        if best.as_ref().is_some_and(|(b, _)| *b > 0.97) {
            break;
        }
    }
    best.map(|(_, q)| q)
}
