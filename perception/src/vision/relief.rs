//! What depth says, for the net: height above the table and the scale of the picture, pixel by pixel.
//!
//! Both are what tells a small near thing from a large far one, and neither knows any object. A picture
//! without depth has zeros in all three planes.

use super::input::Fit;
use types::Image;

/// Planes that depth fills: height, scale, whether it is known.
pub(crate) const PLANES: usize = 3;
/// The direction of every ray is computed at grid points so many pixels of the input apart; between
/// them it is all but linear, for a distorted lens too.
const GRID: usize = 8;
/// Heights beyond these say no more than that something is there, metres.
const HEIGHTS: (f32, f32) = (-0.03, 0.21);

/// Fills `out` ([`PLANES`] × height × width of the input, zeros) from the picture's depth:
/// (height − 3 cm) / 3 cm, the logarithm of the side of a pixel over 3 mm, and one where known.
pub(crate) fn fill(image: &Image, fit: Fit, (width, height): (usize, usize), out: &mut [f32]) {
    let Some(depth) = image.depth.as_ref() else { return };
    let (w, h) = image.size();
    let plane = width * height;
    let eye = image.world_from_optical.origin().z as f32;
    let rise = Rise::new(image, fit, (width, height));
    let per_metre = 1.0 / (image.intrinsics.fx as f32 * fit.scale);
    for y in 0..height {
        for x in 0..width {
            let [u, v] = fit.undo([x as f32 + 0.5, y as f32 + 0.5]);
            if !(u >= 0.0 && v >= 0.0 && u < w as f32 && v < h as f32) {
                continue;
            }
            let z = depth[v as usize * w + u as usize];
            if z <= 0.0 {
                continue;
            }
            let at = y * width + x;
            let above = (eye + z * rise.at(x, y)).clamp(HEIGHTS.0, HEIGHTS.1);
            out[at] = (above - 0.03) / 0.03;
            out[plane + at] = libm::logf(z * per_metre / 0.003).clamp(-3.0, 2.0);
            out[2 * plane + at] = 1.0;
        }
    }
}

/// How much a ray rises in the world per metre of depth, at grid points of the input.
struct Rise {
    columns: usize,
    values: Vec<f32>,
}

impl Rise {
    fn new(image: &Image, fit: Fit, (width, height): (usize, usize)) -> Self {
        let (columns, rows) = (width / GRID + 2, height / GRID + 2);
        let mut values = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let [u, v] = fit.undo([(column * GRID) as f32 + 0.5, (row * GRID) as f32 + 0.5]);
                let ray = image.intrinsics.lift(f64::from(u), f64::from(v), 1.0);
                values.push(image.world_from_optical.vector(ray.coords).z as f32);
            }
        }
        Self { columns, values }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        let (column, row) = (x / GRID, y / GRID);
        let part = |i: usize| (i % GRID) as f32 / GRID as f32;
        let (fx, fy) = (part(x), part(y));
        let line = |r: usize| {
            let i = r * self.columns + column;
            self.values[i] * (1.0 - fx) + self.values[i + 1] * fx
        };
        line(row) * (1.0 - fy) + line(row + 1) * fy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
    use types::image::Distortion;
    use types::{Intrinsics, Time, Transform};

    /// A camera above the table, tilted, whose depth is that of the plane at `level` metres.
    fn plane_at(level: f64, size: (u32, u32), distortion: Distortion) -> Image {
        let (w, h) = size;
        let f = 1.1 * f64::from(w);
        let k = Intrinsics::new(size, (f, f), (0.5 * f64::from(w), 0.5 * f64::from(h)), distortion);
        let k = k.expect("a lens");
        let turn = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), core::f64::consts::PI - 0.5);
        let pose = Isometry3::from_parts(Translation3::new(0.4, -0.1, 0.8), turn);
        let mut depth = Vec::new();
        for row in 0..h {
            for col in 0..w {
                let ray = pose * k.lift(f64::from(col) + 0.5, f64::from(row) + 0.5, 1.0).coords;
                depth.push(((level - 0.8) / ray.z) as f32);
            }
        }
        let rgb = vec![90; 3 * (w * h) as usize];
        Image::new("c", 0, Time::ZERO, rgb, Some(depth), k, Transform::from_isometry(pose))
            .expect("a picture")
    }

    #[test]
    fn the_height_of_a_plane_is_the_same_everywhere_through_any_lens_and_at_any_size() {
        let lens = Distortion { k1: -0.12, k2: 0.03, p1: 0.002, p2: -0.001, k3: 0.0 };
        for (size, distortion) in
            [((64, 48), Distortion::default()), ((64, 48), lens), ((160, 120), lens), ((32, 24), lens)]
        {
            let image = plane_at(0.05, size, distortion);
            let fit = Fit::new((size.0 as usize, size.1 as usize), (64, 48));
            let mut out = vec![0.0; PLANES * 64 * 48];
            fill(&image, fit, (64, 48), &mut out);
            for (i, v) in out[..64 * 48].iter().enumerate() {
                // Three millimetres: a pixel of the input may be seen by its corner in a coarser picture.
                assert!((v * 0.03 + 0.03 - 0.05).abs() < 0.012, "{size:?}: cell {i} at {}", v * 0.03 + 0.03);
            }
            assert!(out[2 * 64 * 48..].iter().all(|k| *k == 1.0));
        }
    }

    #[test]
    fn without_depth_nothing_is_claimed() {
        let mut image = plane_at(0.05, (64, 48), Distortion::default());
        let fit = Fit::new((64, 48), (64, 48));
        let mut out = vec![0.0; PLANES * 64 * 48];
        image.depth = None;
        fill(&image, fit, (64, 48), &mut out);
        assert!(out.iter().all(|v| *v == 0.0));
        image.depth = Some(vec![0.0; 64 * 48].into());
        fill(&image, fit, (64, 48), &mut out);
        assert!(out.iter().all(|v| *v == 0.0), "B28");
    }
}
