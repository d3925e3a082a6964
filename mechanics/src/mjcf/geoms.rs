//! Shapes, and the mass that a shape has by its density.

use super::Setting;
use super::defaults::Element;
use super::orientation::{pose, z_to};
use crate::error::ModelError;
use crate::model::{Geom, GeomShape};
use crate::reader::{Reader, mesh};
use core::f64::consts::PI;
use nalgebra::{Isometry3, Matrix3, Point3, Translation3, Unit, Vector3};

/// Mass, centre and inertia about the centre, in the body's axes.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Solid {
    pub(super) mass: f64,
    pub(super) com: Vector3<f64>,
    pub(super) inertia: Matrix3<f64>,
}

/// A geom, as it stands in its frame, and the mass it brings (used when the body has no `<inertial>`); `None` when passed over.
pub(super) fn read(
    r: &mut Reader<'_>,
    s: &Setting<'_, '_>,
    e: &Element<'_, '_, '_>,
    body_from_frame: &Isometry3<f64>,
    fallback_name: String,
) -> Result<Option<(Geom, Solid)>, ModelError> {
    let node = e.node;
    let kind = e.attribute("type").unwrap_or(if e.attribute("mesh").is_some() { "mesh" } else { "sphere" });
    let size = match e.attribute("size") {
        Some(text) => r.numbers(node, "size", text)?,
        None => Vec::new(),
    };
    let length = |i: usize| match size.get(i) {
        Some(v) => r.positive(node, "size", *v),
        None => {
            Err(r.error(node, format!("size: expected {} numbers for a {kind}, got {}", i + 1, size.len())))
        }
    };
    let mut at = pose(r, &s.angles, e)?;
    let half = match e.attribute("fromto") {
        Some(text) if matches!(kind, "capsule" | "cylinder" | "box") => {
            let v = r.array::<6>(node, "fromto", text)?;
            let (from, to) = (Vector3::new(v[0], v[1], v[2]), Vector3::new(v[3], v[4], v[5]));
            let direction = Unit::try_new(from - to, 1e-9)
                .ok_or_else(|| r.error(node, "fromto: expected two different points"))?;
            at = Isometry3::from_parts(Translation3::from((from + to) * 0.5), z_to(&direction));
            Some(0.5 * (from - to).norm())
        }
        Some(_) => {
            return Err(r.error(node, format!("fromto: expected a capsule, cylinder or box, got a {kind}")));
        }
        None => None,
    };
    at = body_from_frame * at;
    let half_length = |i: usize| half.map_or_else(|| length(i), Ok);
    let shape = match kind {
        "sphere" => GeomShape::Sphere { radius: length(0)? },
        "capsule" => GeomShape::Capsule { radius: length(0)?, half_length: half_length(1)? },
        "cylinder" => GeomShape::Cylinder { radius: length(0)?, half_length: half_length(1)? },
        // Between two points a box is square across unless the file says more.
        "box" if half.is_some() => {
            let y = if size.len() > 1 { length(1)? } else { length(0)? };
            GeomShape::Cuboid { half: Vector3::new(length(0)?, y, half_length(2)?) }
        }
        "box" => GeomShape::Cuboid { half: Vector3::new(length(0)?, length(1)?, length(2)?) },
        "mesh" => match read_mesh(r, s, e)? {
            Some(shape) => shape,
            None => return Ok(None),
        },
        // The floor is not part of the arm.
        "plane" => return Ok(None),
        other => {
            r.pass_over(node, format!("a geom of type {other:?} is passed over"))?;
            return Ok(None);
        }
    };
    let bits =
        |key: &str| e.attribute(key).map_or(Ok(1.0), |text| r.array::<1>(node, key, text).map(|[v]| v));
    let collides = bits("contype")? != 0.0 || bits("conaffinity")? != 0.0;
    let group =
        e.attribute("group").map_or(Ok(0.0), |text| r.array::<1>(node, "group", text).map(|[v]| v))?;
    let material = match e.attribute("material") {
        Some(name) => s.materials.get(name).copied(),
        None => None,
    };
    let rgba = match e.attribute("rgba") {
        Some(text) => r.array::<4>(node, "rgba", text)?,
        None => material.unwrap_or([0.5, 0.5, 0.5, 1.0]),
    };
    let solid = solid_of(r, e, &shape, &at)?;
    let geom = Geom {
        name: node.attribute("name").map_or(fallback_name, ToOwned::to_owned),
        shape,
        body_from_geom: at,
        collides,
        // MuJoCo's viewer draws groups 0 to 2.
        visible: group < 3.0 && rgba[3] > 0.0,
        rgb: [rgba[0], rgba[1], rgba[2]].map(|v| v.clamp(0.0, 1.0) as f32),
    };
    Ok(Some((geom, solid)))
}

fn read_mesh(
    r: &mut Reader<'_>,
    s: &Setting<'_, '_>,
    e: &Element<'_, '_, '_>,
) -> Result<Option<GeomShape>, ModelError> {
    let node = e.node;
    let name =
        e.attribute("mesh").ok_or_else(|| r.error(node, "expected a geom of type mesh to name one"))?;
    let Some(asset) = s.meshes.get(name) else {
        return Err(r.error(node, format!("mesh: expected a mesh asset of this file, got {name:?}")));
    };
    let hull = match asset.file {
        Some(file) => match r.find_mesh(node, &s.mesh_dir, file)? {
            Some(path) => r.hull_of_file(node, &path, &asset.scale)?,
            None => Err(format!("there is no {file:?} under the robot's folder")),
        },
        None => {
            r.count_corners(node, asset.vertices.len() / 3)?;
            mesh::hull(
                asset
                    .vertices
                    .chunks_exact(3)
                    .map(|v| Point3::from(Vector3::new(v[0], v[1], v[2]).component_mul(&asset.scale))),
            )
        }
    };
    match hull {
        Ok(shape) => Ok(Some(shape)),
        Err(why) => {
            let what = format!("mesh {name:?} is passed over: {why}");
            let visual = e.attribute("contype") == Some("0") && e.attribute("conaffinity") == Some("0");
            if visual {
                r.warn(node, what)
            } else {
                r.pass_over(node, what)?
            }
            Ok(None)
        }
    }
}

fn solid_of(
    r: &Reader<'_>,
    e: &Element<'_, '_, '_>,
    shape: &GeomShape,
    body_from_geom: &Isometry3<f64>,
) -> Result<Solid, ModelError> {
    let number = |key: &str| e.attribute(key).map(|t| r.array::<1>(e.node, key, t).map(|[v]| v)).transpose();
    // At density one.
    let unit = unit_solid(shape);
    let density = number("density")?.unwrap_or(1000.0);
    let mass = number("mass")?.unwrap_or(density * unit.mass);
    if mass < 0.0 {
        return Err(r.error(e.node, format!("mass: expected zero or more kg, got {mass}")));
    }
    let turn = body_from_geom.rotation.to_rotation_matrix();
    Ok(Solid {
        mass,
        com: (body_from_geom * Point3::from(unit.com)).coords,
        inertia: turn.matrix() * unit.inertia * turn.matrix().transpose() * (mass / unit.mass),
    })
}

/// Mass (volume), centre and inertia of a shape of density one.
fn unit_solid(shape: &GeomShape) -> Solid {
    let round = |mass: f64, across: f64, along: f64| Solid {
        mass,
        com: Vector3::zeros(),
        inertia: Matrix3::from_diagonal(&Vector3::new(across, across, along)),
    };
    match shape {
        GeomShape::Sphere { radius: r } => {
            let m = 4.0 / 3.0 * PI * r * r * r;
            round(m, 0.4 * m * r * r, 0.4 * m * r * r)
        }
        GeomShape::Cylinder { radius: r, half_length: h } => {
            let m = 2.0 * PI * r * r * h;
            round(m, m * (r * r / 4.0 + h * h / 3.0), m * r * r / 2.0)
        }
        GeomShape::Capsule { radius: r, half_length: h } => {
            // A cylinder and two half balls, each 3/8 r out from its flat side.
            let (mc, ms) = (2.0 * PI * r * r * h, 4.0 / 3.0 * PI * r * r * r);
            let across = mc * (r * r / 4.0 + h * h / 3.0) + ms * (0.4 * r * r + h * h + 0.75 * h * r);
            round(mc + ms, across, mc * r * r / 2.0 + 0.4 * ms * r * r)
        }
        GeomShape::Cuboid { half } => {
            let m = 8.0 * half.x * half.y * half.z;
            let (x, y, z) = (half.x * half.x, half.y * half.y, half.z * half.z);
            let inertia = Matrix3::from_diagonal(&Vector3::new(y + z, x + z, x + y)) * (m / 3.0);
            Solid { mass: m, com: Vector3::zeros(), inertia }
        }
        GeomShape::Hull { points, triangles } => hull_solid(points, triangles),
    }
}

/// Sums signed tetrahedra from the first corner (Mirtich 1996, in its matrix form).
fn hull_solid(points: &[Point3<f64>], triangles: &[[u32; 3]]) -> Solid {
    let origin = points[0].coords;
    let (mut volume, mut first, mut second) = (0.0, Vector3::zeros(), Matrix3::zeros());
    for t in triangles {
        let [a, b, c] = t.map(|i| points[i as usize].coords - origin);
        let v = a.dot(&b.cross(&c)) / 6.0;
        let sum = a + b + c;
        volume += v;
        first += sum * (v / 4.0);
        second +=
            (a * a.transpose() + b * b.transpose() + c * c.transpose() + sum * sum.transpose()) * (v / 20.0);
    }
    let com = first / volume;
    let spread = second - com * com.transpose() * volume;
    let inertia = Matrix3::identity() * spread.trace() - spread;
    Solid { mass: volume, com: com + origin, inertia }
}
