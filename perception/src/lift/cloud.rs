//! The measured points of one box of a picture, still in their rows and columns.

use super::TABLE_BAND;
use nalgebra::{Point3, Vector3};
use types::{Color, Image};

/// At most so many points per side of the grid: larger boxes are taken in steps. More would say no more of
/// where an outline lies, and cost their number.
const MAX_SIDE: usize = 48;
/// Colours of one surface differ by less than this in every channel, grey levels.
const SAME_COLOR: f64 = 60.0;

/// One pixel with its depth.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Seen {
    /// Where it is in the world, metres.
    pub(crate) at: Point3<f64>,
    color: Vector3<f64>,
}

/// The points of a box, row by row.
pub(crate) struct Cloud<'a> {
    image: &'a Image,
    left: usize,
    top: usize,
    step: usize,
    width: usize,
    height: usize,
    cells: Vec<Option<Seen>>,
}

impl<'a> Cloud<'a> {
    /// Takes the points of a box (left, top, right, bottom, pixels) widened by `margin`; `None` without
    /// depth, or for a box outside the picture or not finite.
    pub(crate) fn new(image: &'a Image, box_px: [f32; 4], margin: f32) -> Option<Self> {
        image.depth.as_ref()?;
        if !box_px.iter().all(|v| v.is_finite()) {
            return None;
        }
        let (w, h) = image.size();
        let low = |v: f32, n: usize| (v - margin).floor().clamp(0.0, n as f32) as usize;
        let high = |v: f32, n: usize| (v + margin).ceil().clamp(0.0, n as f32) as usize;
        let (left, top) = (low(box_px[0], w), low(box_px[1], h));
        let (right, bottom) = (high(box_px[2], w), high(box_px[3], h));
        if left >= right || top >= bottom {
            return None;
        }
        let step = (right - left).max(bottom - top).div_ceil(MAX_SIDE);
        let (width, height) = ((right - left).div_ceil(step), (bottom - top).div_ceil(step));
        let mut cells = Vec::with_capacity(width * height);
        for row in 0..height {
            for col in 0..width {
                let (x, y) = (left + col * step, top + row * step);
                cells.push(image.point_in_world(x, y).filter(|p| p.coords.norm() < 100.0).map(|at| {
                    let rgb = &image.rgb[3 * (y * w + x)..];
                    let color = Vector3::new(rgb[0], rgb[1], rgb[2]).map(f64::from);
                    Seen { at, color }
                }));
            }
        }
        Some(Self { image, left, top, step, width, height, cells })
    }

    /// Every measured point.
    pub(crate) fn points(&self) -> impl Iterator<Item = Point3<f64>> + '_ {
        self.cells.iter().flatten().map(|s| s.at)
    }

    /// Every measured point of the paint of `like`.
    pub(crate) fn points_like(&self, like: Seen) -> impl Iterator<Item = Point3<f64>> + '_ {
        self.cells.iter().flatten().filter(move |s| s.is_same_paint(&like)).map(|s| s.at)
    }

    /// Direction of the ray through a pixel, in the world, of unit length, and where it begins.
    pub(crate) fn ray(&self, [u, v]: [f32; 2]) -> (Point3<f64>, Vector3<f64>) {
        let camera = &self.image.world_from_optical;
        let ahead = self.image.intrinsics.lift(f64::from(u), f64::from(v), 1.0);
        (camera.origin(), camera.vector(ahead.coords).normalize())
    }

    /// The cell that shows a world point, if it is in the box.
    pub(crate) fn cell_of(&self, point: Point3<f64>) -> Option<usize> {
        let (u, v) = self.image.intrinsics.project(self.image.world_from_optical.inverse().point(point))?;
        self.cell_at([u as f32, v as f32])
    }

    /// The cell at a pixel, if it is in the box.
    pub(crate) fn cell_at(&self, [u, v]: [f32; 2]) -> Option<usize> {
        let (u, v) = (f64::from(u), f64::from(v));
        let col = ((u - self.left as f64) / self.step as f64).floor();
        let row = ((v - self.top as f64) / self.step as f64).floor();
        let inside = col >= 0.0 && row >= 0.0 && col < self.width as f64 && row < self.height as f64;
        inside.then(|| row as usize * self.width + col as usize)
    }

    fn around(&self, cell: usize, reach: usize) -> impl Iterator<Item = usize> + '_ {
        let (row, col) = (cell / self.width, cell % self.width);
        let rows = row.saturating_sub(reach)..(row + reach + 1).min(self.height);
        let cols = col.saturating_sub(reach)..(col + reach + 1).min(self.width);
        rows.flat_map(move |r| cols.clone().map(move |c| r * self.width + c))
    }

    /// The point of median depth within a few cells of a cell; robust against outlines.
    pub(crate) fn median_near(&self, cell: usize) -> Option<Seen> {
        for reach in [1, 2, 3] {
            let eye = self.image.world_from_optical.origin();
            let mut near: Vec<Seen> = self.around(cell, reach).filter_map(|c| self.cells[c]).collect();
            if near.len() >= 3 {
                near.sort_by(|a, b| (a.at - eye).norm().total_cmp(&(b.at - eye).norm()));
                return Some(near[near.len() / 2]);
            }
        }
        None
    }

    /// As [`Cloud::median_near`], by pixel.
    pub(crate) fn median_at(&self, pixel: [f32; 2]) -> Option<Seen> {
        self.median_near(self.cell_at(pixel)?)
    }

    /// All cells connected to `seed` that lie at its height within `band` metres and have its colour.
    pub(crate) fn flat_region(&self, seed: usize, height: f64, band: f64, color: &Seen) -> Vec<usize> {
        self.grow(vec![seed], |s| (s.at.z - height).abs() < band && alike(s, color))
    }

    /// All cells connected to `seed` that show its paint.
    pub(crate) fn painted_region(&self, seed: usize, paint: &Seen) -> Vec<usize> {
        self.grow(vec![seed], |s| s.at.z > TABLE_BAND && s.is_same_paint(paint))
    }

    /// All cells connected to `from` (without those) between two heights that have the colour.
    pub(crate) fn sides(&self, from: &[usize], low: f64, high: f64, color: &Seen) -> Vec<usize> {
        let all = self.grow(from.to_vec(), |s| s.at.z > low && s.at.z < high && alike(s, color));
        let mut known = vec![false; self.cells.len()];
        from.iter().for_each(|c| known[*c] = true);
        all.into_iter().filter(|c| !known[*c]).collect()
    }

    /// The seeds and everything connected to them that passes; a seed need not be measured itself.
    fn grow(&self, seeds: Vec<usize>, passes: impl Fn(&Seen) -> bool) -> Vec<usize> {
        let mut known = vec![false; self.cells.len()];
        let mut found = Vec::new();
        for s in &seeds {
            // The neighbourhood of a seed counts too: noise may exclude the very pixel.
            for c in self.around(*s, 1) {
                if !known[c] && self.cells[c].as_ref().is_some_and(&passes) {
                    known[c] = true;
                    found.push(c);
                }
            }
        }
        let mut next = 0;
        while next < found.len() {
            for c in self.around(found[next], 1) {
                if !known[c] && self.cells[c].as_ref().is_some_and(&passes) {
                    known[c] = true;
                    found.push(c);
                }
            }
            next += 1;
        }
        found
    }

    /// World points of cells.
    pub(crate) fn at(&self, cells: &[usize]) -> Vec<Point3<f64>> {
        cells.iter().filter_map(|c| self.cells[*c]).map(|s| s.at).collect()
    }

    /// Area on a horizontal plane through `point` that one cell shows, m².
    pub(crate) fn cell_area(&self, point: Point3<f64>) -> Option<f64> {
        let eye = self.image.world_from_optical.origin();
        let (u, v) = self.image.intrinsics.project(self.image.world_from_optical.inverse().point(point))?;
        let hit = |du: f64, dv: f64| {
            let (_, ray) = self.ray([(u + du) as f32, (v + dv) as f32]);
            (ray.z < -1e-3).then(|| eye + ray * ((point.z - eye.z) / ray.z))
        };
        let (right, down, here) = (hit(1.0, 0.0)?, hit(0.0, 1.0)?, hit(0.0, 0.0)?);
        Some((right - here).cross(&(down - here)).norm() * (self.step * self.step) as f64)
    }
}

fn alike(a: &Seen, b: &Seen) -> bool {
    (a.color - b.color).amax() < SAME_COLOR
}

/// Grey levels between the strongest and the weakest channel above which a surface has a hue.
const COLORED: f64 = 40.0;

impl Seen {
    /// Whether two points are of one paint, whatever light falls on them.
    pub(crate) fn is_same_paint(&self, other: &Self) -> bool {
        let hue = |c: &Vector3<f64>| c.add_scalar(-c.min());
        let (a, b) = (hue(&self.color), hue(&other.color));
        if a.amax() > COLORED && b.amax() > COLORED {
            return a.dot(&b) > 0.94 * a.norm() * b.norm();
        }
        // Greys differ by brightness alone; light from above and shadow may be four to one.
        let ratio = (self.color.norm() + 10.0) / (other.color.norm() + 10.0);
        (a - b).amax() < COLORED && (0.2..5.0).contains(&ratio)
    }

    /// How well a point's paint goes by the name of a colour, −1 to 1; only good for comparing.
    pub(crate) fn suits(&self, color: Color) -> f64 {
        let c = &self.color;
        let hue = c.add_scalar(-c.min());
        let chroma = (hue.amax() / (c.amax() + 20.0)).min(1.0);
        let towards = |r: f64, g: f64, b: f64| {
            let want = Vector3::new(r, g, b);
            chroma * (2.0 * hue.dot(&want) / (want.norm() * hue.norm() + 1e-6) - 1.0)
        };
        match color {
            Color::Red => towards(1.0, 0.0, 0.0),
            Color::Green => towards(0.1, 1.0, 0.2),
            Color::Blue => towards(0.0, 0.2, 1.0),
            Color::Yellow => towards(1.0, 0.85, 0.0),
            Color::Orange => towards(1.0, 0.45, 0.0),
            Color::Purple => towards(0.7, 0.0, 1.0),
            Color::White => c.min() / 128.0 - 1.0,
            Color::Black => 1.0 - c.amax() / 64.0,
        }
    }
}

/// The q-quantile (0 to 1) of some numbers; `None` of none.
pub(crate) fn quantile(mut values: Vec<f64>, q: f64) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    values.sort_by(f64::total_cmp);
    Some(values[((values.len() - 1) as f64 * q) as usize])
}
