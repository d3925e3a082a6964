//! Triangles to samples: which triangle is seen at each sample, nearest first.
//!
//! Scanlines whose ends depend only on an edge's two corners, in one fixed order, so that two
//! triangles with a common edge leave no gap and no sample twice. Depth is compared as `1/z`, which
//! is affine over the picture.

use super::mesh::Mesh;
use nalgebra::{Isometry3, Vector3};
use types::Intrinsics;

/// Nearer than this is not drawn, metres.
const NEAR: f32 = 0.02;
/// On a distorted lens a triangle with an edge longer than this, in samples, is split.
const LONGEST_EDGE: f32 = 24.0;

/// A triangle as it is seen: corners in samples, `1/z` and world normal at each corner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub x: [f32; 3],
    pub y: [f32; 3],
    pub w: [f32; 3],
    pub n: [Vector3<f32>; 3],
    /// Which thing it belongs to.
    pub thing: u32,
}

/// A grid of samples with the nearest triangle's index plus one (zero: none) at each.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    pub width: usize,
    pub height: usize,
    /// `1/z`, zero where nothing is; in a shadow map, distance towards the light.
    pub w: Vec<f32>,
    /// Index into the triangles, plus one.
    pub id: Vec<u32>,
}

impl Grid {
    /// Empties the grid at a size; `far` is behind everything.
    pub(crate) fn reset(&mut self, width: usize, height: usize, far: f32) {
        (self.width, self.height) = (width, height);
        self.w.clear();
        self.w.resize(width * height, far);
        self.id.clear();
        self.id.resize(width * height, 0);
    }

    /// Draws one triangle; larger `w` wins.
    pub(crate) fn fill(&mut self, x: [f32; 3], y: [f32; 3], w: [f32; 3], id: u32) {
        let area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
        if area.abs() < 1e-9 {
            return;
        }
        // Gradients of w, and its limits: a sliver's gradient is large, its values are not.
        let (dw1, dw2) = (w[1] - w[0], w[2] - w[0]);
        let dwdx = (dw1 * (y[2] - y[0]) - dw2 * (y[1] - y[0])) / area;
        let dwdy = (dw2 * (x[1] - x[0]) - dw1 * (x[2] - x[0])) / area;
        let (w_lo, w_hi) = (w[0].min(w[1]).min(w[2]), w[0].max(w[1]).max(w[2]));

        // Corners from the top down; of two as high, the left one first.
        let (mut a, mut b, mut c) = (0usize, 1, 2);
        let below = |p: usize, q: usize| y[p] > y[q] || (y[p] == y[q] && x[p] > x[q]);
        if below(a, b) {
            core::mem::swap(&mut a, &mut b);
        }
        if below(b, c) {
            core::mem::swap(&mut b, &mut c);
        }
        if below(a, b) {
            core::mem::swap(&mut a, &mut b);
        }
        let first = ceil_sample(y[a]).max(0);
        let last = ceil_sample(y[c]).min(self.height as i32);
        let slope = |p: usize, q: usize| (x[q] - x[p]) / (y[q] - y[p]);
        let (s_ac, s_ab, s_bc) = (slope(a, c), slope(a, b), slope(b, c));
        for row in first..last {
            let yc = row as f32 + 0.5;
            let long = x[a] + (yc - y[a]) * s_ac;
            let short = if yc < y[b] { x[a] + (yc - y[a]) * s_ab } else { x[b] + (yc - y[b]) * s_bc };
            let from = ceil_sample(long.min(short)).max(0);
            let to = ceil_sample(long.max(short)).min(self.width as i32);
            if from >= to {
                continue;
            }
            let base = row as usize * self.width;
            let w_row = w[0] + (yc - y[0]) * dwdy + (0.5 - x[0]) * dwdx;
            let span = base + from as usize..base + to as usize;
            let cells = self.w[span.clone()].iter_mut().zip(&mut self.id[span]);
            for (k, (best, best_id)) in cells.enumerate() {
                // No branches: the compiler makes vector code of this.
                let value = (w_row + (from + k as i32) as f32 * dwdx).max(w_lo).min(w_hi);
                let nearer = value > *best;
                *best = if nearer { value } else { *best };
                *best_id = if nearer { id } else { *best_id };
            }
        }
    }
}

/// Index of the first sample whose centre is not before `v`.
fn ceil_sample(v: f32) -> i32 {
    let v = (v - 0.5).clamp(-1e6, 1e6);
    let i = v as i32;
    i + i32::from(v > i as f32)
}

/// A corner on its way to the picture: in the optical frame, with its world normal.
#[derive(Clone, Copy)]
struct Corner {
    p: Vector3<f32>,
    n: Vector3<f32>,
}

/// Maps the optical frame to samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lens {
    intrinsics: Intrinsics,
    f: [f32; 2],
    c: [f32; 2],
    scale: f32,
    distorted: bool,
    /// Normalised radius beyond which the lens formula is not trusted: it folds back.
    guard: f32,
    size: [f32; 2],
}

impl Lens {
    /// `scale` samples per pixel along each side.
    pub(crate) fn new(k: &Intrinsics, scale: f32) -> Self {
        let corner = |x: f64, y: f64| libm::hypot((x - k.cx) / k.fx, (y - k.cy) / k.fy);
        let (w, h) = (f64::from(k.width), f64::from(k.height));
        let reach = corner(0.0, 0.0).max(corner(w, 0.0)).max(corner(0.0, h)).max(corner(w, h));
        Self {
            intrinsics: *k,
            f: [k.fx as f32 * scale, k.fy as f32 * scale],
            c: [k.cx as f32 * scale, k.cy as f32 * scale],
            scale,
            distorted: k.distortion != types::image::Distortion::default(),
            guard: 1.3 * reach as f32,
            size: [k.width as f32 * scale, k.height as f32 * scale],
        }
    }

    fn project(&self, p: &Vector3<f32>) -> (f32, f32, f32) {
        let w = 1.0 / p.z;
        let (mut x, mut y) = (p.x * w, p.y * w);
        if self.distorted {
            let (xd, yd) = self.intrinsics.distort(f64::from(x), f64::from(y));
            (x, y) = (xd as f32, yd as f32);
        }
        (self.f[0] * x + self.c[0], self.f[1] * y + self.c[1], w)
    }
}

/// Transforms one thing's surface, clips it at the near plane, drops what faces away or lies outside,
/// and draws the rest; what is drawn is appended to `seen`.
pub(crate) fn draw(
    grid: &mut Grid,
    seen: &mut Vec<Seen>,
    lens: &Lens,
    mesh: &Mesh,
    optical_from_world: &Isometry3<f32>,
    world_from_shape: &Isometry3<f32>,
    thing: u32,
) {
    let pose = optical_from_world * world_from_shape;
    let middle = pose.translation.vector;
    if middle.z + mesh.radius < NEAR || is_outside(lens, &middle, mesh.radius) {
        return;
    }
    let (rotation, turn) =
        (pose.rotation.to_rotation_matrix(), world_from_shape.rotation.to_rotation_matrix());
    let corners: Vec<Corner> = mesh
        .points
        .iter()
        .zip(&mesh.normals)
        .map(|(p, n)| Corner { p: rotation * p + middle, n: turn * n })
        .collect();
    let mut out = Out { grid, seen, lens, thing };
    if lens.distorted || middle.z - mesh.radius < NEAR {
        for t in &mesh.triangles {
            out.clipped(&t.map(|i| corners[i as usize]));
        }
        return;
    }
    let projected: Vec<(f32, f32, f32)> = corners.iter().map(|c| lens.project(&c.p)).collect();
    for t in &mesh.triangles {
        let p = t.map(|i| projected[i as usize]);
        out.emit(&p, || t.map(|i| corners[i as usize].n));
    }
}

/// Whether a ball lies wholly beside the picture (pinhole planes, with room for a lens).
fn is_outside(lens: &Lens, middle: &Vector3<f32>, radius: f32) -> bool {
    let room = if lens.distorted { 1.4 } else { 1.0 };
    (0..2).any(|axis| {
        let low = -lens.c[axis] / lens.f[axis] * room;
        let high = (lens.size[axis] - lens.c[axis]) / lens.f[axis] * room;
        let v = middle[axis];
        let side = |slope: f32| libm::sqrtf(1.0 + slope * slope) * radius;
        v - high * middle.z > side(high) || low * middle.z - v > side(low)
    })
}

struct Out<'a> {
    grid: &'a mut Grid,
    seen: &'a mut Vec<Seen>,
    lens: &'a Lens,
    thing: u32,
}

impl Out<'_> {
    /// Clips at the near plane (Sutherland–Hodgman) and goes on with the pieces.
    fn clipped(&mut self, t: &[Corner; 3]) {
        if t.iter().all(|c| c.p.z >= NEAR) {
            self.split(t, 0);
            return;
        }
        let mut kept = [t[0]; 4];
        let mut n = 0;
        for i in 0..3 {
            let (a, b) = (t[i], t[(i + 1) % 3]);
            if a.p.z >= NEAR {
                kept[n] = a;
                n += 1;
            }
            if (a.p.z >= NEAR) != (b.p.z >= NEAR) {
                let s = (NEAR - a.p.z) / (b.p.z - a.p.z);
                kept[n] = Corner { p: a.p + (b.p - a.p) * s, n: a.n + (b.n - a.n) * s };
                kept[n].p.z = NEAR;
                n += 1;
            }
        }
        for i in 2..n {
            self.split(&[kept[0], kept[i - 1], kept[i]], 0);
        }
    }

    /// On a distorted lens, halves the longest edge until straight edges are good enough.
    fn split(&mut self, t: &[Corner; 3], depth: u32) {
        if self.lens.distorted {
            let flat = t.map(|c| [c.p.x / c.p.z, c.p.y / c.p.z]);
            let length = |i: usize| {
                let (a, b) = (flat[i], flat[(i + 1) % 3]);
                let (dx, dy) = ((a[0] - b[0]) * self.lens.f[0], (a[1] - b[1]) * self.lens.f[1]);
                dx * dx + dy * dy
            };
            let all_outside = |axis: usize, sign: f32| flat.iter().all(|p| p[axis] * sign > self.lens.guard);
            if [(0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0)].iter().any(|&(a, s)| all_outside(a, s)) {
                return;
            }
            let lengths = [length(0), length(1), length(2)];
            let longest = (0..3).fold(0, |best, i| if lengths[i] > lengths[best] { i } else { best });
            let limit = LONGEST_EDGE * self.lens.scale.min(2.0);
            if lengths[longest] > limit * limit && depth < 16 {
                let (a, b, c) = (t[longest], t[(longest + 1) % 3], t[(longest + 2) % 3]);
                let m = Corner { p: (a.p + b.p) * 0.5, n: (a.n + b.n) * 0.5 };
                self.split(&[a, m, c], depth + 1);
                self.split(&[m, b, c], depth + 1);
                return;
            }
            if flat.iter().any(|p| p[0] * p[0] + p[1] * p[1] > self.lens.guard * self.lens.guard) {
                return;
            }
        }
        let p = t.map(|c| self.lens.project(&c.p));
        self.emit(&p, || t.map(|c| c.n));
    }

    fn emit(&mut self, p: &[(f32, f32, f32); 3], normals: impl FnOnce() -> [Vector3<f32>; 3]) {
        let (x, y, w) = (p.map(|v| v.0), p.map(|v| v.1), p.map(|v| v.2));
        // Counter-clockwise from outside is clockwise in the picture, where y points down.
        let area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
        let beside = |v: &[f32; 3], side: f32| v.iter().all(|a| *a < 0.0) || v.iter().all(|a| *a > side);
        if area >= 0.0 || beside(&x, self.lens.size[0]) || beside(&y, self.lens.size[1]) {
            return;
        }
        self.seen.push(Seen { x, y, w, n: normals(), thing: self.thing });
        self.grid.fill(x, y, w, self.seen.len() as u32);
    }
}
