//! Pictures, and the one camera formula that the renderer and the lifting share.

use crate::faults::Rejection;
use crate::frames::{Optical, Transform, World};
use crate::time::Time;
use nalgebra::{Point3, Vector3};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The largest picture side accepted, pixels (B27).
pub const MAX_SIDE: u32 = 8192;

/// Brown–Conrady distortion coefficients (Brown, "Decentering distortion of lenses", 1966; the
/// `plumb_bob` model of OpenCV and ROS). All zero is a pinhole.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Distortion {
    /// Radial, r².
    pub k1: f64,
    /// Radial, r⁴.
    pub k2: f64,
    /// Tangential.
    pub p1: f64,
    /// Tangential.
    pub p2: f64,
    /// Radial, r⁶.
    pub k3: f64,
}

/// A camera's geometry: pixel (u, v) has its centre at (u + 0.5, v + 0.5).
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intrinsics {
    /// Picture width, pixels.
    pub width: u32,
    /// Picture height, pixels.
    pub height: u32,
    /// Focal length along x, pixels.
    pub fx: f64,
    /// Focal length along y, pixels.
    pub fy: f64,
    /// Principal point x, pixels.
    pub cx: f64,
    /// Principal point y, pixels.
    pub cy: f64,
    /// Lens distortion.
    pub distortion: Distortion,
}

impl Intrinsics {
    /// Checks a camera's geometry.
    ///
    /// # Errors
    /// A [`Rejection`] for an empty or huge picture (B27), a focal length that is zero, negative or
    /// not finite, a principal point outside the picture (B29), a coefficient that is not finite.
    pub fn new(
        (width, height): (u32, u32),
        (fx, fy): (f64, f64),
        (cx, cy): (f64, f64),
        distortion: Distortion,
    ) -> Result<Self, Rejection> {
        for (field, side) in [("intrinsics.width", width), ("intrinsics.height", height)] {
            if side == 0 || side > MAX_SIDE {
                return Err(Rejection::new(field, format!("1 to {MAX_SIDE} pixels"), side.to_string()));
            }
        }
        Rejection::positive("intrinsics.fx", fx)?;
        Rejection::positive("intrinsics.fy", fy)?;
        for (field, c, side) in [("intrinsics.cx", cx, width), ("intrinsics.cy", cy, height)] {
            if !(c >= 0.0 && c <= f64::from(side)) {
                return Err(Rejection::new(field, format!("0 to {side} pixels"), c.to_string()));
            }
        }
        let d = distortion;
        for (field, v) in [("k1", d.k1), ("k2", d.k2), ("p1", d.p1), ("p2", d.p2), ("k3", d.k3)] {
            Rejection::finite(&format!("intrinsics.distortion.{field}"), v)?;
        }
        Ok(Self { width, height, fx, fy, cx, cy, distortion })
    }

    /// A pinhole with a horizontal field of view in radians and square pixels.
    ///
    /// # Errors
    /// As [`Intrinsics::new`]; the field of view must lie in (0, π).
    pub fn from_fov(width: u32, height: u32, fov_x: f64) -> Result<Self, Rejection> {
        if !(fov_x > 0.0 && fov_x < core::f64::consts::PI) {
            return Err(Rejection::new("fov_x", "an angle between 0 and π rad", fov_x.to_string()));
        }
        let f = 0.5 * f64::from(width) / libm::tan(0.5 * fov_x);
        Self::new(
            (width, height),
            (f, f),
            (0.5 * f64::from(width), 0.5 * f64::from(height)),
            Distortion::default(),
        )
    }

    /// Normalised undistorted coordinates to normalised distorted ones.
    #[must_use]
    pub fn distort(&self, x: f64, y: f64) -> (f64, f64) {
        let d = &self.distortion;
        let r2 = x * x + y * y;
        let radial = 1.0 + r2 * (d.k1 + r2 * (d.k2 + r2 * d.k3));
        (
            x * radial + 2.0 * d.p1 * x * y + d.p2 * (r2 + 2.0 * x * x),
            y * radial + d.p1 * (r2 + 2.0 * y * y) + 2.0 * d.p2 * x * y,
        )
    }

    /// The inverse of [`Intrinsics::distort`], by fixed-point iteration.
    #[must_use]
    pub fn undistort(&self, xd: f64, yd: f64) -> (f64, f64) {
        let (mut x, mut y) = (xd, yd);
        if self.distortion == Distortion::default() {
            return (x, y);
        }
        for _ in 0..20 {
            let (px, py) = self.distort(x, y);
            x += xd - px;
            y += yd - py;
        }
        (x, y)
    }

    /// Where a point in the optical frame (metres) falls, in pixels; `None` behind the camera.
    #[must_use]
    pub fn project(&self, point_in_optical: Point3<f64>) -> Option<(f64, f64)> {
        let p = point_in_optical;
        if p.z.is_nan() || p.z <= 1e-6 {
            return None;
        }
        let (x, y) = self.distort(p.x / p.z, p.y / p.z);
        Some((self.fx * x + self.cx, self.fy * y + self.cy))
    }

    /// The point seen at pixel coordinates (u, v) with depth `z` (metres along the optical axis).
    #[must_use]
    pub fn lift(&self, u: f64, v: f64, z: f64) -> Point3<f64> {
        let (x, y) = self.undistort((u - self.cx) / self.fx, (v - self.cy) / self.fy);
        Point3::from(Vector3::new(x, y, 1.0) * z)
    }
}

/// One picture with everything needed to place what it shows in the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Name of the camera that took it.
    pub camera: String,
    /// Counts up by one per picture of this camera.
    pub sequence: u64,
    /// When the world looked like this.
    pub stamp: Time,
    /// Red, green, blue, one byte each, row by row: `height × width × 3`.
    pub rgb: Arc<[u8]>,
    /// Depth along the optical axis in metres, row by row, zero where unknown.
    pub depth: Option<Arc<[f32]>>,
    /// The camera's geometry.
    pub intrinsics: Intrinsics,
    /// Where the camera was at `stamp`.
    pub world_from_optical: Transform<World, Optical>,
}

impl Image {
    /// Checks that the buffers fit the geometry (B27, B28).
    ///
    /// # Errors
    /// A [`Rejection`] naming the buffer. Depths that are NaN, infinite or negative become zero, that
    /// is, unknown.
    pub fn new(
        camera: &str,
        sequence: u64,
        stamp: Time,
        rgb: Vec<u8>,
        depth: Option<Vec<f32>>,
        intrinsics: Intrinsics,
        world_from_optical: Transform<World, Optical>,
    ) -> Result<Self, Rejection> {
        let n = intrinsics.width as usize * intrinsics.height as usize;
        if n == 0 || rgb.len() != 3 * n {
            return Err(Rejection::new(
                "image.rgb",
                format!("{} bytes ({} × {} × 3)", 3 * n, intrinsics.height, intrinsics.width),
                format!("{} bytes", rgb.len()),
            ));
        }
        let depth = match depth {
            Some(d) if d.len() != n => {
                return Err(Rejection::new("image.depth", format!("{n} values"), d.len().to_string()));
            }
            Some(mut d) => {
                for z in &mut d {
                    if !z.is_finite() || *z < 0.0 {
                        *z = 0.0;
                    }
                }
                Some(d.into())
            }
            None => None,
        };
        Ok(Self {
            camera: camera.to_owned(),
            sequence,
            stamp,
            rgb: rgb.into(),
            depth,
            intrinsics,
            world_from_optical,
        })
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.intrinsics.width as usize, self.intrinsics.height as usize)
    }

    /// The world point seen at pixel (column, row), if its depth is known.
    #[must_use]
    pub fn point_in_world(&self, col: usize, row: usize) -> Option<Point3<f64>> {
        let (w, h) = self.size();
        if col >= w || row >= h {
            return None;
        }
        let z = f64::from(*self.depth.as_ref()?.get(row * w + col)?);
        (z > 0.0).then(|| {
            let p = self.intrinsics.lift(col as f64 + 0.5, row as f64 + 0.5, z);
            self.world_from_optical.point(p)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifting_undoes_projecting_with_and_without_a_distorted_lens() {
        let lens = Distortion { k1: -0.12, k2: 0.03, p1: 0.002, p2: -0.001, k3: 0.0 };
        for distortion in [Distortion::default(), lens] {
            let k = Intrinsics::new((320, 240), (280.0, 281.0), (161.0, 118.0), distortion).expect("valid");
            for (x, y, z) in [(0.0, 0.0, 1.0), (0.3, -0.2, 0.9), (-0.4, 0.3, 1.3)] {
                let p = Point3::new(x, y, z);
                let (u, v) = k.project(p).expect("in front");
                assert!((k.lift(u, v, z) - p).norm() < 1e-9, "{p}");
            }
            assert!(k.project(Point3::new(0.0, 0.0, -1.0)).is_none());
        }
    }

    #[test]
    fn intrinsics_with_zero_or_negative_focal_lengths_are_refused_by_name() {
        let none = Distortion::default();
        for (f, field) in [((0.0, 1.0), "fx"), ((1.0, -1.0), "fy"), ((f64::NAN, 1.0), "fx")] {
            let err = Intrinsics::new((4, 4), f, (2.0, 2.0), none).expect_err("B29");
            assert!(err.field.ends_with(field), "{err}");
        }
        assert!(Intrinsics::new((0, 4), (1.0, 1.0), (0.0, 0.0), none).is_err(), "B27");
        assert!(Intrinsics::new((20_000, 20_000), (1.0, 1.0), (0.0, 0.0), none).is_err(), "B27");
    }

    #[test]
    fn a_picture_of_the_wrong_size_is_refused_and_bad_depths_become_unknown() {
        let k = Intrinsics::from_fov(2, 1, 1.0).expect("valid");
        let image = |rgb, depth| Image::new("c", 0, Time::ZERO, rgb, depth, k, Transform::identity());
        assert!(image(vec![0; 5], None).is_err(), "B27");
        assert!(image(vec![0; 6], Some(vec![1.0; 3])).is_err(), "B28");
        let ok = image(vec![0; 6], Some(vec![f32::NAN, -1.0])).expect("valid");
        assert_eq!(ok.depth.as_deref(), Some([0.0f32, 0.0].as_slice()), "B28");
        assert!(ok.point_in_world(0, 0).is_none());
    }
}
