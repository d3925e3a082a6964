//! How deep two convex sets that meet lie in each other, by EPA (van den Bergh, Proximity Queries and
//! Penetration Depth Computation on 3D Game Objects, 2001): a polytope within the difference of the
//! sets grows where it is nearest the origin until it touches the difference's surface there.

use super::gjk::{Difference, Simplex, Support, Vertex};
use nalgebra::Vector3;

/// The polytope's surface is this near the true one in the end, metres.
const GAP_M: f64 = 1e-6;
/// A corner this near the plane of a face lies in it, metres.
const FLAT_M: f64 = 1e-10;
/// The most corners the polytope grows to, and the faces it can then have.
const N_VERTICES: usize = 100;
const N_FACES: usize = 2 * N_VERTICES;

/// How deep, and where; in the frame of the first set.
#[derive(Copy, Clone, Debug)]
pub(super) struct Depth {
    /// The deepest point of the first set, on its surface.
    pub(super) on_a: Vector3<f64>,
    /// The deepest point of the second.
    pub(super) on_b: Vector3<f64>,
    /// Out of the first set: moving the second along it by `depth` separates the two.
    pub(super) normal: Vector3<f64>,
    /// At least zero, metres.
    pub(super) depth: f64,
}

#[derive(Copy, Clone, Debug)]
struct Face {
    corners: [usize; 3],
    /// Outward, of length one.
    normal: Vector3<f64>,
    /// Of its plane from the origin, along the normal.
    distance: f64,
}

struct Polytope {
    vertices: [Vertex; N_VERTICES],
    n_vertices: usize,
    faces: [Face; N_FACES],
    n_faces: usize,
}

/// The depth of two sets of which a search found that they meet, ending with `simplex`; sets whose
/// difference has no volume have no depth.
pub(super) fn depth(difference: &Difference<'_, impl Support, impl Support>, simplex: &Simplex) -> Depth {
    let touching = Depth {
        on_a: simplex.vertices[0].a,
        on_b: simplex.vertices[0].a,
        normal: (-simplex.vertices[0].w).try_normalize(1e-12).unwrap_or_else(Vector3::x),
        depth: 0.0,
    };
    let Some(corners) = tetrahedron(difference, simplex) else {
        return touching;
    };
    let nothing = Face { corners: [0; 3], normal: Vector3::x(), distance: f64::INFINITY };
    let mut p =
        Polytope { vertices: [corners[0]; N_VERTICES], n_vertices: 4, faces: [nothing; N_FACES], n_faces: 0 };
    p.vertices[..4].copy_from_slice(&corners);
    let middle = corners.iter().map(|v| v.w).sum::<Vector3<f64>>() * 0.25;
    for [i, j, k] in [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]] {
        let turned = (p.w(j) - p.w(i)).cross(&(p.w(k) - p.w(i))).dot(&(p.w(i) - middle)) < 0.0;
        p.add_face(if turned { [i, k, j] } else { [i, j, k] });
    }
    let mut deepest = touching;
    while let Some(face) = p.nearest() {
        let (on_a, on_b) = p.witness(&face);
        deepest = Depth { on_a, on_b, normal: face.normal, depth: face.distance.max(0.0) };
        let next = difference.vertex(&face.normal);
        let is_new = !p.vertices[..p.n_vertices].iter().any(|v| v.w == next.w);
        if next.w.dot(&face.normal) - face.distance <= GAP_M || !is_new || !p.grow(next) {
            break;
        }
    }
    deepest
}

impl Polytope {
    fn w(&self, i: usize) -> Vector3<f64> {
        self.vertices[i].w
    }

    fn nearest(&self) -> Option<Face> {
        self.faces[..self.n_faces].iter().copied().min_by(|a, b| a.distance.total_cmp(&b.distance))
    }

    /// False when there is no room, or the face has no area.
    fn add_face(&mut self, corners: [usize; 3]) -> bool {
        let [i, j, k] = corners;
        let Some(normal) = (self.w(j) - self.w(i)).cross(&(self.w(k) - self.w(i))).try_normalize(1e-18)
        else {
            return false;
        };
        if self.n_faces == N_FACES {
            return false;
        }
        self.faces[self.n_faces] = Face { corners, normal, distance: normal.dot(&self.w(i)) };
        self.n_faces += 1;
        true
    }

    /// Takes a new corner in: the faces that see it go, and it is joined to their outline.
    fn grow(&mut self, vertex: Vertex) -> bool {
        if self.n_vertices == N_VERTICES {
            return false;
        }
        let new = self.n_vertices;
        self.vertices[new] = vertex;
        self.n_vertices += 1;
        let mut outline = [(0usize, 0usize); 3 * N_FACES];
        let mut n_outline = 0;
        let mut i = 0;
        while i < self.n_faces {
            let face = self.faces[i];
            // A face in one plane with the corner goes too: a triangle along its edge has no area.
            if face.normal.dot(&vertex.w) - face.distance < -FLAT_M {
                i += 1;
                continue;
            }
            let [a, b, c] = face.corners;
            for edge in [(a, b), (b, c), (c, a)] {
                // An edge between two faces that go is none of the outline.
                match outline[..n_outline].iter().position(|&(p, q)| (q, p) == edge) {
                    Some(k) => {
                        n_outline -= 1;
                        outline[k] = outline[n_outline];
                    }
                    None => {
                        outline[n_outline] = edge;
                        n_outline += 1;
                    }
                }
            }
            self.n_faces -= 1;
            self.faces[i] = self.faces[self.n_faces];
        }
        n_outline > 0 && outline[..n_outline].iter().all(|&(a, b)| self.add_face([a, b, new]))
    }

    /// The points of both sets that the foot of the origin on a face is made of.
    fn witness(&self, face: &Face) -> (Vector3<f64>, Vector3<f64>) {
        let [i, j, k] = face.corners;
        let foot = face.normal * face.distance;
        let area = |p: Vector3<f64>, q: Vector3<f64>| face.normal.dot(&(p - foot).cross(&(q - foot)));
        let parts = [area(self.w(j), self.w(k)), area(self.w(k), self.w(i)), area(self.w(i), self.w(j))];
        let sum: f64 = parts.iter().sum();
        let blend = |f: &dyn Fn(&Vertex) -> Vector3<f64>| {
            let of = |n: usize, v: usize| f(&self.vertices[v]) * (parts[n] / sum);
            of(0, i) + of(1, j) + of(2, k)
        };
        (blend(&|v| v.a), blend(&|v| v.b))
    }
}

/// Four corners of the difference with some volume, the simplex' own among them.
fn tetrahedron(
    difference: &Difference<'_, impl Support, impl Support>,
    simplex: &Simplex,
) -> Option<[Vertex; 4]> {
    let mut v = [simplex.vertices[0]; 4];
    let mut n = 0;
    // How far a point lies off the line or plane of those before it.
    let off = |v: &[Vertex; 4], n: usize, p: &Vector3<f64>| -> f64 {
        let d = p - v[0].w;
        match n {
            1 => d.norm(),
            2 => (v[1].w - v[0].w).normalize().cross(&d).norm(),
            _ => (v[1].w - v[0].w).cross(&(v[2].w - v[0].w)).normalize().dot(&d).abs(),
        }
    };
    for vertex in &simplex.vertices[..simplex.len] {
        if n == 0 || off(&v, n, &vertex.w) > 1e-9 {
            v[n] = *vertex;
            n += 1;
        }
    }
    while n < 4 {
        let mut farthest: Option<(f64, Vertex)> = None;
        let mut look = |direction: Vector3<f64>| {
            for direction in [direction, -direction] {
                let vertex = difference.vertex(&direction);
                let far = off(&v, n, &vertex.w);
                if far > farthest.as_ref().map_or(1e-9, |(f, _)| *f) {
                    farthest = Some((far, vertex));
                }
            }
        };
        if n == 3 {
            look((v[1].w - v[0].w).cross(&(v[2].w - v[0].w)));
        } else {
            let along = if n == 2 { (v[1].w - v[0].w).normalize() } else { Vector3::zeros() };
            for axis in [Vector3::x(), Vector3::y(), Vector3::z()] {
                look(axis - along * along.dot(&axis));
            }
        }
        v[n] = farthest?.1;
        n += 1;
    }
    Some(v)
}
