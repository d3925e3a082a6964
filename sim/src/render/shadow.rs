//! What the light sees: the place nearest to it along each ray, over the table.

use super::mesh::Mesh;
use super::raster::Grid;
use nalgebra::{Isometry3, Vector3};

/// Cells along each side.
const SIDE: usize = 448;
/// The part of the world whose shadows are drawn: lowest and highest corner, metres.
const BOX: [[f32; 3]; 2] = [[-0.15, -0.62, 0.0], [0.95, 0.62, 0.35]];
/// Cells along each side of a block.
const BLOCK: usize = 16;
/// A surface may lie this far behind what the light sees and still be lit, metres.
const SLACK: f32 = 0.003;

/// Distances towards the light.
#[derive(Debug, Default)]
pub(crate) struct ShadowMap {
    grid: Grid,
    towards: Vector3<f32>,
    u: Vector3<f32>,
    v: Vector3<f32>,
    origin: [f32; 2],
    per_metre: f32,
    active: bool,
    /// Of each block and the cells next to it, what is nearest to the light.
    blocks: Vec<f32>,
    corners: Vec<(f32, f32, f32)>,
}

impl ShadowMap {
    /// Empties the map for a light. An inactive map lights everything.
    pub(crate) fn reset(&mut self, towards: Vector3<f32>, active: bool) {
        self.active = active;
        self.towards = towards;
        let side = if towards.x.abs() < 0.8 { Vector3::x() } else { Vector3::y() };
        self.u = towards.cross(&side).normalize();
        self.v = towards.cross(&self.u);
        let (mut lo, mut hi) = ([f32::MAX; 2], [f32::MIN; 2]);
        for i in 0..8 {
            let p = Vector3::new(BOX[i & 1][0], BOX[i >> 1 & 1][1], BOX[i >> 2 & 1][2]);
            for (k, axis) in [self.u, self.v].iter().enumerate() {
                lo[k] = lo[k].min(p.dot(axis));
                hi[k] = hi[k].max(p.dot(axis));
            }
        }
        self.origin = lo;
        self.per_metre = SIDE as f32 / (hi[0] - lo[0]).max(hi[1] - lo[1]);
        if active {
            self.grid.reset(SIDE, SIDE, f32::MIN);
        }
    }

    fn place(&self, p: &Vector3<f32>) -> (f32, f32, f32) {
        (
            (p.dot(&self.u) - self.origin[0]) * self.per_metre,
            (p.dot(&self.v) - self.origin[1]) * self.per_metre,
            p.dot(&self.towards),
        )
    }

    /// Lets one thing cast its shadow.
    pub(crate) fn add(&mut self, mesh: &Mesh, world_from_shape: &Isometry3<f32>) {
        if !self.active {
            return;
        }
        let (mu, mv, _) = self.place(&world_from_shape.translation.vector);
        let r = mesh.radius * self.per_metre;
        let beside = |m: f32| m + r < 0.0 || m - r > SIDE as f32;
        if beside(mu) || beside(mv) {
            return;
        }
        let rotation = world_from_shape.rotation.to_rotation_matrix();
        let mut corners = core::mem::take(&mut self.corners);
        corners.clear();
        corners.extend(
            mesh.points.iter().map(|p| self.place(&(rotation * p + world_from_shape.translation.vector))),
        );
        for t in &mesh.triangles {
            let p = t.map(|i| corners[i as usize]);
            let (x, y) = (p.map(|c| c.0), p.map(|c| c.1));
            // What faces away from the light lies behind what faces it.
            if (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]) > 0.0 {
                self.grid.fill(x, y, p.map(|c| c.2), 1);
            }
        }
        self.corners = corners;
    }

    /// Ends adding: sums up blocks, so that open places are told at once.
    pub(crate) fn finish(&mut self) {
        const N: usize = SIDE / BLOCK;
        self.blocks.clear();
        self.blocks.resize(N * N, f32::MIN);
        if !self.active {
            return;
        }
        for (row, cells) in self.grid.w.chunks_exact(SIDE).enumerate() {
            for block in 0..N {
                let end = ((block + 1) * BLOCK + 1).min(SIDE);
                let most =
                    cells[block * BLOCK..end].iter().fold(f32::MIN, |m, w| if *w > m { *w } else { m });
                // A block's first row also belongs to the block before.
                let first = if row > 0 && row % BLOCK == 0 { row / BLOCK - 1 } else { row / BLOCK };
                for at in first..=row / BLOCK {
                    let best = &mut self.blocks[at * N + block];
                    *best = best.max(most);
                }
            }
        }
    }

    /// How much of the light reaches a place, 0 to 1: four neighbouring cells, blended.
    pub(crate) fn lit(&self, p: &Vector3<f32>) -> f32 {
        if !self.active {
            return 1.0;
        }
        let (u, v, w) = self.place(p);
        let (u, v) = (u - 0.5, v - 0.5);
        let side = (SIDE - 1) as f32;
        if !(u >= 0.0 && v >= 0.0 && u < side && v < side) {
            return 1.0;
        }
        let (i, j) = (u as usize, v as usize);
        let w = w + SLACK;
        if self.blocks[j / BLOCK * (SIDE / BLOCK) + i / BLOCK] <= w {
            return 1.0;
        }
        let (a, b) = (u - i as f32, v - j as f32);
        let at = j * SIDE + i;
        let open = |cell: usize| if self.grid.w[cell] > w { 0.0f32 } else { 1.0 };
        let near = open(at) * (1.0 - a) + open(at + 1) * a;
        let far = open(at + SIDE) * (1.0 - a) + open(at + SIDE + 1) * a;
        near * (1.0 - b) + far * b
    }
}
