//! What a closer look sees of a candidate: a square about its box out of the whole picture's pixels, and
//! where in the world each of them lies.

use crate::vision::arch;
use crate::vision::input::bilinear;
use nalgebra::{Point3, Vector2};
use types::{Detection, Image, Shape};

/// Cells per side.
pub(crate) const SIDE: usize = 32;
/// Red, green, blue; to the camera's right, away from it, and up, in units of [`UNIT_M`]; where depth is
/// known; whether the candidate is taken for a container.
pub(crate) const CHANNELS: usize = 8;
const COLORS: usize = 3;
const RIGHT: usize = COLORS;
const KNOWN: usize = 6;
const CONTAINER: usize = 7;
/// The side of the square in longer sides of the box: what is beside a thing tells where it ends.
const MARGIN: f32 = 1.3;
/// The least side of the square, pixels.
const LEAST_SIDE: f32 = 8.0;
const UNIT_M: f32 = 0.03;
/// Depths beyond this are no depths, metres.
const FAR_M: f32 = 100.0;
/// Points further off than this many units say no more than that they are far.
const FARTHEST: f32 = 4.0;
/// Samples per axis that one cell averages at most.
const MAX_TAPS: usize = 4;

/// A square of a picture, in pixels.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Window {
    left: f32,
    top: f32,
    /// Pixels per cell.
    cell: f32,
}

impl Window {
    /// The square about a box; `None` for a box that is not finite.
    pub(crate) fn about([left, top, right, bottom]: [f32; 4]) -> Option<Self> {
        let side = (MARGIN * (right - left).max(bottom - top)).max(LEAST_SIDE);
        let window = Self {
            left: 0.5 * (left + right - side),
            top: 0.5 * (top + bottom - side),
            cell: side / SIDE as f32,
        };
        (window.left.is_finite() && window.top.is_finite() && side < 1e5).then_some(window)
    }

    /// A pixel, in cells from the square's middle.
    pub(crate) fn apply(self, [u, v]: [f32; 2]) -> [f32; 2] {
        let half = 0.5 * SIDE as f32;
        [(u - self.left) / self.cell - half, (v - self.top) / self.cell - half]
    }

    /// The pixel that lies so many cells from the square's middle.
    pub(crate) fn undo(self, [x, y]: [f32; 2]) -> [f32; 2] {
        let half = 0.5 * SIDE as f32;
        [(x + half) * self.cell + self.left, (y + half) * self.cell + self.top]
    }
}

/// What brings a picture's mean brightness to what the nets expect, as for the detector's input.
pub(crate) fn exposure(image: &Image) -> f32 {
    /// Every so many bytes, no multiple of three, one is looked at.
    const EVERY: usize = 31;
    let n = image.rgb.len().div_ceil(EVERY).max(1);
    let sum: f64 = image.rgb.iter().step_by(EVERY).map(|v| f64::from(*v)).sum();
    let mean = (sum / (255.0 * n as f64)) as f32;
    (0.4 / mean.max(1e-3)).clamp(0.4, 4.0)
}

/// The input of one candidate ([`CHANNELS`] × side × side) and its square; `None` where its middle shows
/// no depth.
pub(crate) fn look(image: &Image, detection: &Detection, gain: f32) -> Option<(Vec<f32>, Window)> {
    let depth = image.depth.as_ref()?;
    let window = Window::about(detection.box_px)?;
    let (w, h) = image.size();
    let plane = SIDE * SIDE;
    let mut out = vec![0.0f32; CHANNELS * plane];
    let mut points: Vec<Option<Point3<f64>>> = vec![None; plane];
    let taps = (window.cell.ceil() as usize).clamp(1, MAX_TAPS);
    for (at, point) in points.iter_mut().enumerate() {
        let place = |k: f32, from: f32| from + window.cell * k;
        let (x, y) = ((at % SIDE) as f32, (at / SIDE) as f32);
        let (u, v) = (place(x + 0.5, window.left), place(y + 0.5, window.top));
        if !(u >= 0.0 && v >= 0.0 && u < w as f32 && v < h as f32) {
            continue;
        }
        let mut color = [0.0f32; COLORS];
        for tap in 0..taps * taps {
            let part = |k: usize| (k as f32 + 0.5) / taps as f32;
            let (u, v) = (place(x + part(tap % taps), window.left), place(y + part(tap / taps), window.top));
            let seen = bilinear(&image.rgb, (w, h), u, v);
            (0..COLORS).for_each(|c| color[c] += seen[c]);
        }
        for (c, sum) in color.iter().enumerate() {
            out[c * plane + at] = ((sum / (taps * taps) as f32 * gain).min(1.5) - 0.4) * 3.0;
        }
        let (col, row) = (u as usize, v as usize);
        if (0.0..FAR_M).contains(&depth[row * w + col]) {
            *point = image.point_in_world(col, row);
        }
    }
    let middle = middle(&points)?;
    let right = right(image);
    let away = Vector2::new(-right.y, right.x);
    for (at, point) in points.iter().enumerate() {
        let Some(p) = point else { continue };
        let d = (p - middle).xy();
        let measured = [right.dot(&d), away.dot(&d), p.z - f64::from(UNIT_M)];
        for (i, v) in measured.into_iter().enumerate() {
            out[(RIGHT + i) * plane + at] = (v as f32 / UNIT_M).clamp(-FARTHEST, FARTHEST);
        }
        out[KNOWN * plane + at] = 1.0;
    }
    if is_container(detection) {
        out[CONTAINER * plane..].fill(1.0);
    }
    Some((out, window))
}

/// Whether the detector looked for it among containers.
pub(crate) fn is_container(detection: &Detection) -> bool {
    arch::group(Shape::ALL[crate::lift::argmax(&detection.shape)]) == 1
}

/// The point of median height among those in the middle cells.
fn middle(points: &[Option<Point3<f64>>]) -> Option<Point3<f64>> {
    let central = SIDE / 2 - 3..SIDE / 2 + 3;
    let cells = central.clone().flat_map(|row| central.clone().map(move |col| row * SIDE + col));
    let mut near: Vec<Point3<f64>> = cells.filter_map(|at| points[at]).collect();
    near.sort_by(|a, b| a.z.total_cmp(&b.z));
    near.get(near.len() / 2).copied()
}

/// The camera's right along the table.
fn right(image: &Image) -> Vector2<f64> {
    let x = image.world_from_optical.vector(nalgebra::Vector3::x()).xy();
    x.try_normalize(1e-6).unwrap_or_else(Vector2::x)
}

/// Swaps left and right.
pub(crate) fn mirror(x: &mut [f32]) {
    x.chunks_mut(SIDE).for_each(<[f32]>::reverse);
    x[RIGHT * SIDE * SIDE..(RIGHT + 1) * SIDE * SIDE].iter_mut().for_each(|v| *v = -*v);
}
