//! Tracked objects as solids to keep clear of, and as something that is held.

use crate::footprint::{bottom, is_round};
use crate::tops::{BOWL_LEAN, FLOOR_M, WALL_M};
use mechanics::GeomShape;
use mechanics::collision::Obstacle;
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use types::{ObjectId, Scene, Shape, TrackedObject};

/// What the table is called.
pub(crate) const TABLE: &str = "the table";
/// Flat pieces that stand for a bowl's wall.
const N_WALL_PIECES: usize = 16;
/// Objects grow by at most this because of what is not known of their place, metres.
const MAX_INFLATION_M: f64 = 0.006;
/// An underside this close to the table rests on it, metres.
const ON_TABLE_M: f64 = 0.012;

/// What an object is called among the obstacles: by its looks and its number.
pub(crate) fn name(object: &TrackedObject) -> String {
    format!("the {} [{}]", object.describe(), object.id.0)
}

/// A name without its number, for people.
pub(crate) fn plain(name: &str) -> &str {
    name.split(" [").next().unwrap_or(name)
}

/// The object as it must stand: what seems to float over the table or sink into it by a little is put
/// onto it.
pub(crate) fn settled(object: &TrackedObject) -> TrackedObject {
    let mut out = object.clone();
    if bottom(object).abs() < ON_TABLE_M {
        out.position.z = 0.5 * object.dimensions.z;
    }
    out
}

/// The pose of an object in the world.
pub(crate) fn pose(object: &TrackedObject) -> Isometry3<f64> {
    let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), object.yaw);
    Isometry3::from_parts(Translation3::from(object.position.coords), turn)
}

/// The solid in an object's outline, grown by `grow` metres on every side (shrunk, if negative).
pub(crate) fn solid(object: &TrackedObject, grow: f64) -> GeomShape {
    let half = (0.5 * object.dimensions).map(|v| (v + grow).max(1e-3));
    match object.most_likely_shape() {
        Shape::Ball => GeomShape::Sphere { radius: half.max() },
        shape if is_round(shape) => GeomShape::Cylinder { radius: half.x.max(half.y), half_length: half.z },
        _ => GeomShape::Cuboid { half },
    }
}

/// The solids that the planner keeps clear of: the table, and every object but those in `left_out`, grown by what is not known of their place if
/// `grown`.
#[must_use]
pub fn obstacles(scene: &Scene, left_out: &[ObjectId], grown: bool) -> Vec<Obstacle> {
    let mut out = vec![Obstacle {
        name: TABLE.to_owned(),
        shape: GeomShape::Cuboid { half: Vector3::new(1.5, 1.5, 0.1) },
        world_from_obstacle: Isometry3::translation(0.0, 0.0, -0.1),
    }];
    for object in scene.objects.iter().filter(|o| !left_out.contains(&o.id)) {
        let object = settled(object);
        let std = libm::sqrt(object.covariance.diagonal().max().max(0.0));
        let unknown = if std.is_finite() { (2.0 * std).min(MAX_INFLATION_M) } else { MAX_INFLATION_M };
        let grow = if grown { unknown } else { 0.0 };
        let (name, at) = (name(&object), pose(&object));
        for (shape, object_from_piece) in pieces(&object, grow) {
            out.push(Obstacle { name: name.clone(), shape, world_from_obstacle: at * object_from_piece });
        }
    }
    out
}

/// Boxes that are not to be entered (x from, to, y from, to, z from, to, metres) as solids, each with a
/// name for people.
#[must_use]
pub fn keep_out(boxes_m: &[[f64; 6]]) -> Vec<Obstacle> {
    let solid = |(i, [x0, x1, y0, y1, z0, z1]): (usize, &[f64; 6])| Obstacle {
        name: format!("keep-out box {}", i + 1),
        shape: GeomShape::Cuboid { half: 0.5 * Vector3::new(x1 - x0, y1 - y0, z1 - z0) },
        world_from_obstacle: Isometry3::translation(0.5 * (x0 + x1), 0.5 * (y0 + y1), 0.5 * (z0 + z1)),
    };
    boxes_m.iter().enumerate().map(solid).collect()
}

/// The solid pieces of an object in its own frame: containers are hollow.
fn pieces(object: &TrackedObject, grow: f64) -> Vec<(GeomShape, Isometry3<f64>)> {
    match object.most_likely_shape() {
        Shape::Bowl => bowl(object.dimensions, grow),
        Shape::Tray => tray(object.dimensions, grow),
        _ => vec![(solid(object, grow), Isometry3::identity())],
    }
}

fn bowl(d: Vector3<f64>, grow: f64) -> Vec<(GeomShape, Isometry3<f64>)> {
    let outer = 0.5 * d.x.max(d.y);
    let floor_radius = (outer - WALL_M - BOWL_LEAN * d.z).max(0.01);
    let floor = GeomShape::Cylinder { radius: floor_radius + WALL_M, half_length: 0.5 * FLOOR_M };
    let mut out = vec![(floor, Isometry3::translation(0.0, 0.0, 0.5 * (FLOOR_M - d.z)))];
    let half_thickness = 0.5 * WALL_M + 0.5 * grow;
    let lean = libm::atan(BOWL_LEAN);
    let middle = 0.5 * (floor_radius + outer - WALL_M) + 0.5 * WALL_M;
    let half_height = 0.5 * d.z / libm::cos(lean) + 0.5 * grow;
    let half_width = outer * libm::tan(core::f64::consts::PI / N_WALL_PIECES as f64);
    for i in 0..N_WALL_PIECES {
        let angle = core::f64::consts::TAU * i as f64 / N_WALL_PIECES as f64;
        let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), angle);
        let tilt = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), lean);
        let at = Translation3::from(turn * Vector3::new(middle, 0.0, 0.0));
        let half = Vector3::new(half_thickness, half_width, half_height);
        out.push((GeomShape::Cuboid { half }, Isometry3::from_parts(at, turn * tilt)));
    }
    out
}

fn tray(d: Vector3<f64>, grow: f64) -> Vec<(GeomShape, Isometry3<f64>)> {
    let half = 0.5 * d;
    let floor = GeomShape::Cuboid { half: Vector3::new(half.x, half.y, 0.5 * FLOOR_M) };
    let mut out = vec![(floor, Isometry3::translation(0.0, 0.0, 0.5 * FLOOR_M - half.z))];
    let wall = 0.5 * (WALL_M + grow);
    let high = half.z + 0.5 * grow;
    for sign in [-1.0, 1.0] {
        let along_y = GeomShape::Cuboid { half: Vector3::new(wall, half.y + 0.5 * grow, high) };
        out.push((along_y, Isometry3::translation(sign * (half.x - 0.5 * WALL_M), 0.0, 0.5 * grow)));
        let along_x = GeomShape::Cuboid { half: Vector3::new(half.x, wall, high) };
        out.push((along_x, Isometry3::translation(0.0, sign * (half.y - 0.5 * WALL_M), 0.5 * grow)));
    }
    out
}
