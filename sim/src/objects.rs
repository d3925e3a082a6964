//! The bodies of the objects: one table of shapes and masses that physics and pictures share.

use mechanics::GeomShape;
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use types::{Shape, Size};

/// Thickness of a container's bottom, metres.
pub const BASE_THICKNESS: f64 = 0.004;
/// Thickness of a container's wall, metres.
pub const WALL_THICKNESS: f64 = 0.005;
/// How far a bowl's wall leans outwards, radians.
pub const BOWL_TILT: f64 = 0.30;
/// Flat pieces that make up a bowl's wall.
const BOWL_PIECES: usize = 20;

/// One solid piece of an object, in the object's frame (origin at the centre of its bounding box, x
/// along the longer side, z up).
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// What it is.
    pub shape: GeomShape,
    /// Where it is in the object.
    pub object_from_piece: Isometry3<f64>,
}

/// Mass in kilograms; containers are heavy enough not to slide when something is dropped in.
#[must_use]
pub fn mass_kg(shape: Shape, size: Size) -> f64 {
    match (shape, size) {
        (Shape::Cube, Size::Small) => 0.050,
        (Shape::Cube, Size::Large) => 0.110,
        (Shape::Ball, Size::Small) => 0.040,
        (Shape::Ball, Size::Large) => 0.090,
        (Shape::Cylinder, Size::Small) => 0.055,
        (Shape::Cylinder, Size::Large) => 0.130,
        (Shape::Box, Size::Small) => 0.060,
        (Shape::Box, Size::Large) => 0.140,
        (Shape::Bowl, Size::Small) => 0.300,
        (Shape::Bowl, Size::Large) => 0.400,
        (Shape::Tray, Size::Small) => 0.350,
        (Shape::Tray, Size::Large) => 0.450,
    }
}

/// The solid pieces of an object.
#[must_use]
pub fn pieces(shape: Shape, size: Size) -> Vec<Piece> {
    let d = shape.dimensions(size);
    let whole = |shape| vec![Piece { shape, object_from_piece: Isometry3::identity() }];
    match shape {
        Shape::Cube | Shape::Box => whole(GeomShape::Cuboid { half: 0.5 * d }),
        Shape::Ball => whole(GeomShape::Sphere { radius: 0.5 * d.z }),
        Shape::Cylinder => whole(GeomShape::Cylinder { radius: 0.5 * d.x, half_length: 0.5 * d.z }),
        Shape::Bowl => bowl(d),
        Shape::Tray => tray(d),
    }
}

/// The radius (bowl) or the half sides (tray) of the flat floor inside a container, metres; `None`
/// for a solid.
#[must_use]
pub fn floor_half_extents(shape: Shape, size: Size) -> Option<[f64; 2]> {
    let d = shape.dimensions(size);
    match shape {
        Shape::Bowl => {
            let r = bowl_floor_radius(d);
            Some([r, r])
        }
        Shape::Tray => Some([0.5 * d.x - WALL_THICKNESS, 0.5 * d.y - WALL_THICKNESS]),
        _ => None,
    }
}

/// Height above the object's underside at which something put on or into it rests, metres.
#[must_use]
pub fn support_height(shape: Shape, size: Size) -> f64 {
    if shape.is_container() { BASE_THICKNESS } else { shape.dimensions(size).z }
}

fn bowl_floor_radius(d: Vector3<f64>) -> f64 {
    let (sin, cos) = (libm::sin(BOWL_TILT), libm::cos(BOWL_TILT));
    0.5 * d.x - WALL_THICKNESS * cos - (d.z - BASE_THICKNESS) * sin / cos
}

fn bowl(d: Vector3<f64>) -> Vec<Piece> {
    let (sin, cos) = (libm::sin(BOWL_TILT), libm::cos(BOWL_TILT));
    let floor = bowl_floor_radius(d);
    let mut out = vec![Piece {
        shape: GeomShape::Cylinder {
            radius: floor + 0.5 * WALL_THICKNESS,
            half_length: 0.5 * BASE_THICKNESS,
        },
        object_from_piece: Isometry3::translation(0.0, 0.0, -0.5 * d.z + 0.5 * BASE_THICKNESS),
    }];
    // A piece leans outwards by the tilt about its tangent. Its lower inner edge is the edge of the
    // floor, its upper inner edge the rim; its lower outer edge stays clear of the table, so that the
    // bowl stands on its bottom alone.
    let half_height = 0.5 * (d.z - BASE_THICKNESS) / cos;
    let half_thickness = 0.5 * WALL_THICKNESS;
    let radius = floor + half_thickness * cos + half_height * sin;
    let z = -0.5 * d.z + BASE_THICKNESS + half_height * cos - half_thickness * sin;
    let top_outer = radius + half_thickness * cos + half_height * sin;
    let half_width = top_outer * libm::tan(core::f64::consts::PI / BOWL_PIECES as f64);
    for i in 0..BOWL_PIECES {
        let angle = 2.0 * core::f64::consts::PI * i as f64 / BOWL_PIECES as f64;
        let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), angle);
        let lean = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), BOWL_TILT);
        let at = turn * Vector3::new(radius, 0.0, z);
        out.push(Piece {
            shape: GeomShape::Cuboid { half: Vector3::new(half_thickness, half_width, half_height) },
            object_from_piece: Isometry3::from_parts(Translation3::from(at), turn * lean),
        });
    }
    out
}

fn tray(d: Vector3<f64>) -> Vec<Piece> {
    let mut out = vec![Piece {
        shape: GeomShape::Cuboid { half: Vector3::new(0.5 * d.x, 0.5 * d.y, 0.5 * BASE_THICKNESS) },
        object_from_piece: Isometry3::translation(0.0, 0.0, -0.5 * d.z + 0.5 * BASE_THICKNESS),
    }];
    let rim = 0.5 * (d.z - BASE_THICKNESS);
    let z = 0.5 * d.z - rim;
    let half = 0.5 * WALL_THICKNESS;
    for sign in [-1.0, 1.0] {
        out.push(Piece {
            shape: GeomShape::Cuboid { half: Vector3::new(half, 0.5 * d.y, rim) },
            object_from_piece: Isometry3::translation(sign * (0.5 * d.x - half), 0.0, z),
        });
        out.push(Piece {
            shape: GeomShape::Cuboid { half: Vector3::new(0.5 * d.x - WALL_THICKNESS, half, rim) },
            object_from_piece: Isometry3::translation(0.0, sign * (0.5 * d.y - half), z),
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Point3;

    /// Extremes of the pieces' corners (of a cylinder: of its axis-aligned box).
    fn bounds(pieces: &[Piece]) -> (Vector3<f64>, Vector3<f64>) {
        let mut lo = Vector3::repeat(f64::INFINITY);
        let mut hi = Vector3::repeat(f64::NEG_INFINITY);
        for p in pieces {
            let half = match &p.shape {
                GeomShape::Cuboid { half } => *half,
                GeomShape::Sphere { radius } => Vector3::repeat(*radius),
                GeomShape::Cylinder { radius, half_length } => Vector3::new(*radius, *radius, *half_length),
                other => panic!("{other:?}"),
            };
            for i in 0..8 {
                let s = |bit: usize| if i >> bit & 1 == 0 { -1.0 } else { 1.0 };
                let c = Point3::new(s(0) * half.x, s(1) * half.y, s(2) * half.z);
                let c = p.object_from_piece * c;
                lo = lo.inf(&c.coords);
                hi = hi.sup(&c.coords);
            }
        }
        (lo, hi)
    }

    #[test]
    fn the_pieces_of_every_object_fill_exactly_its_outer_dimensions() {
        for &shape in Shape::ALL {
            for &size in Size::ALL {
                let d = shape.dimensions(size);
                let (lo, hi) = bounds(&pieces(shape, size));
                let off = (hi - lo - d).abs().max().max((hi + lo).abs().max());
                assert!(off < 1e-9, "{size} {shape}: {lo:?} to {hi:?}, expected {d:?}");
            }
        }
    }

    #[test]
    fn a_container_has_room_for_every_small_object() {
        for &shape in Shape::ALL.iter().filter(|s| s.is_container()) {
            let floor = floor_half_extents(shape, Size::Small).expect("a container");
            assert!(floor[0].min(floor[1]) > 0.045, "{shape}: {floor:?}");
        }
        assert!(floor_half_extents(Shape::Cube, Size::Large).is_none());
    }
}
