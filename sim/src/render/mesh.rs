//! Triangles for every shape, made once per shape and kept.

use mechanics::model::GeomShape;
use nalgebra::Vector3;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Pieces around a cylinder, a ball or a capsule: the outline's corners stay below a third of a
/// pixel for the objects of the table.
const AROUND: usize = 24;
/// Rings from pole to equator of a ball.
const RINGS: usize = 6;
/// Shapes kept before the store is emptied.
const KEPT: usize = 1024;

/// A closed surface. Triangles are counter-clockwise from outside; metres.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mesh {
    /// Corners.
    pub points: Vec<Vector3<f32>>,
    /// Unit normal at each corner; corners with two normals appear twice.
    pub normals: Vec<Vector3<f32>>,
    /// Indices into both.
    pub triangles: Vec<[u32; 3]>,
    /// Radius of the ball about the shape's origin that holds it.
    pub radius: f32,
}

impl Mesh {
    fn push(&mut self, points: &[Vector3<f32>], normals: &[Vector3<f32>], triangles: &[[u32; 3]]) {
        let base = self.points.len() as u32;
        self.points.extend_from_slice(points);
        self.normals.extend_from_slice(normals);
        self.triangles.extend(triangles.iter().map(|t| t.map(|i| i + base)));
        self.radius = points.iter().fold(self.radius, |r, p| r.max(p.norm()));
    }

    /// The surface of a shape.
    pub(crate) fn of(shape: &GeomShape) -> Self {
        match shape {
            GeomShape::Cuboid { half } => cuboid(half.cast()),
            GeomShape::Sphere { radius } => {
                let arc = arc(*radius as f32, 0.0, -90.0, 90.0, 2 * RINGS);
                lathe(&arc)
            }
            GeomShape::Cylinder { radius, half_length } => {
                let (r, h) = (*radius as f32, *half_length as f32);
                lathe(&[
                    Ring { r: 0.0, z: -h, n: [0.0, -1.0] },
                    Ring { r, z: -h, n: [0.0, -1.0] },
                    Ring { r, z: -h, n: [1.0, 0.0] },
                    Ring { r, z: h, n: [1.0, 0.0] },
                    Ring { r, z: h, n: [0.0, 1.0] },
                    Ring { r: 0.0, z: h, n: [0.0, 1.0] },
                ])
            }
            GeomShape::Capsule { radius, half_length } => {
                let (r, h) = (*radius as f32, *half_length as f32);
                let mut rings = arc(r, -h, -90.0, 0.0, RINGS);
                rings.extend(arc(r, h, 0.0, 90.0, RINGS));
                lathe(&rings)
            }
            GeomShape::Hull { points, triangles } => {
                let mut mesh = Self::default();
                for t in triangles {
                    let corner = |i: usize| points.get(t[i] as usize).map(|p| p.coords.cast::<f32>());
                    let (Some(a), Some(b), Some(c)) = (corner(0), corner(1), corner(2)) else { continue };
                    let n = (b - a).cross(&(c - a));
                    if n.norm() > 0.0 {
                        let n = n.normalize();
                        mesh.push(&[a, b, c], &[n, n, n], &[[0, 1, 2]]);
                    }
                }
                mesh
            }
        }
    }
}

/// One ring of a surface of revolution: radius, height, and the normal's outward and upward parts.
#[derive(Clone, Copy)]
struct Ring {
    r: f32,
    z: f32,
    n: [f32; 2],
}

/// Rings of a circle of radius `r` about height `z`, from one latitude to another, degrees.
fn arc(r: f32, z: f32, from: f32, to: f32, steps: usize) -> Vec<Ring> {
    (0..=steps)
        .map(|i| {
            let a = (from + (to - from) * i as f32 / steps as f32).to_radians();
            let (s, c) = libm::sincosf(a);
            Ring { r: r * c.max(0.0), z: z + r * s, n: [c, s] }
        })
        .collect()
}

/// Turns rings, listed from the bottom's middle outwards and up to the top's middle, about z.
fn lathe(rings: &[Ring]) -> Mesh {
    let mut mesh = Mesh::default();
    let (mut points, mut normals, mut triangles) = (Vec::new(), Vec::new(), Vec::new());
    for ring in rings {
        for k in 0..AROUND {
            let (s, c) = libm::sincosf(2.0 * core::f32::consts::PI * k as f32 / AROUND as f32);
            points.push(Vector3::new(ring.r * c, ring.r * s, ring.z));
            normals.push(Vector3::new(ring.n[0] * c, ring.n[0] * s, ring.n[1]));
        }
    }
    for (j, pair) in rings.windows(2).enumerate() {
        // Two rings at one place only turn the normal: no surface between them.
        if pair[0].r == pair[1].r && pair[0].z == pair[1].z {
            continue;
        }
        for k in 0..AROUND {
            let at = |row: usize, k: usize| (row * AROUND + k % AROUND) as u32;
            let (a, b, c, d) = (at(j, k), at(j, k + 1), at(j + 1, k + 1), at(j + 1, k));
            if pair[0].r > 1e-7 {
                triangles.push([a, b, c]);
            }
            if pair[1].r > 1e-7 {
                triangles.push([a, c, d]);
            }
        }
    }
    mesh.push(&points, &normals, &triangles);
    mesh
}

fn cuboid(half: Vector3<f32>) -> Mesh {
    let mut mesh = Mesh::default();
    for axis in 0..3 {
        for sign in [-1.0f32, 1.0] {
            let mut n = Vector3::zeros();
            n[axis] = sign;
            let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
            let corner = |su: f32, sv: f32| {
                let mut p = Vector3::zeros();
                p[axis] = sign * half[axis];
                p[u] = su * sign * half[u];
                p[v] = sv * half[v];
                p
            };
            let quad = [corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)];
            mesh.push(&quad, &[n; 4], &[[0, 1, 2], [0, 2, 3]]);
        }
    }
    mesh
}

/// Surfaces made so far, by shape.
#[derive(Debug, Default)]
pub(crate) struct Store {
    by_hash: BTreeMap<u64, Vec<(GeomShape, Arc<Mesh>)>>,
    n: usize,
}

impl Store {
    /// The surface of `shape`, made at its first use.
    pub(crate) fn get(&mut self, shape: &GeomShape) -> Arc<Mesh> {
        let hash = hash(shape);
        if let Some((_, mesh)) =
            self.by_hash.get(&hash).and_then(|list| list.iter().find(|(s, _)| s == shape))
        {
            return Arc::clone(mesh);
        }
        if self.n >= KEPT {
            self.by_hash.clear();
            self.n = 0;
        }
        let mesh = Arc::new(Mesh::of(shape));
        self.by_hash.entry(hash).or_default().push((shape.clone(), Arc::clone(&mesh)));
        self.n += 1;
        mesh
    }
}

/// FNV-1a over the numbers of a shape; of a hull, over its counts and first corners.
fn hash(shape: &GeomShape) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325u64;
    let mut add = |v: u64| h = (h ^ v).wrapping_mul(0x0000_0100_0000_01b3);
    match shape {
        GeomShape::Sphere { radius } => [1, radius.to_bits(), 0].into_iter().for_each(&mut add),
        GeomShape::Capsule { radius, half_length } => {
            [2, radius.to_bits(), half_length.to_bits()].into_iter().for_each(&mut add);
        }
        GeomShape::Cylinder { radius, half_length } => {
            [3, radius.to_bits(), half_length.to_bits()].into_iter().for_each(&mut add);
        }
        GeomShape::Cuboid { half } => half.iter().for_each(|v| add(v.to_bits())),
        GeomShape::Hull { points, triangles } => {
            [4, points.len() as u64, triangles.len() as u64].into_iter().for_each(&mut add);
            points.iter().take(8).flat_map(|p| p.coords.iter()).for_each(|v| add(v.to_bits()));
        }
    }
    h
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Volume by the divergence theorem: positive only if every triangle faces outwards.
    fn volume(mesh: &Mesh) -> f32 {
        mesh.triangles
            .iter()
            .map(|t| {
                let [a, b, c] = t.map(|i| mesh.points[i as usize]);
                a.dot(&b.cross(&c)) / 6.0
            })
            .sum()
    }

    #[test]
    fn every_surface_is_closed_faces_outwards_and_encloses_its_volume() {
        let pi = core::f32::consts::PI;
        let shapes = [
            (GeomShape::Cuboid { half: Vector3::new(0.1, 0.2, 0.3) }, 0.048),
            (GeomShape::Sphere { radius: 0.1 }, 4.0 / 3.0 * pi * 1e-3),
            (GeomShape::Cylinder { radius: 0.1, half_length: 0.2 }, pi * 4e-3),
            (GeomShape::Capsule { radius: 0.1, half_length: 0.2 }, pi * 4e-3 + 4.0 / 3.0 * pi * 1e-3),
        ];
        for (shape, expected) in shapes {
            let mesh = Mesh::of(&shape);
            let v = volume(&mesh);
            assert!((v / expected - 1.0).abs() < 0.04, "{shape:?}: {v} against {expected}");
            for t in &mesh.triangles {
                let [a, b, c] = t.map(|i| mesh.points[i as usize]);
                let n: Vector3<f32> = t.iter().map(|&i| mesh.normals[i as usize]).sum();
                assert!((b - a).cross(&(c - a)).dot(&n) > 0.0, "{shape:?} {t:?}");
            }
        }
    }
}
