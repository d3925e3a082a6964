//! Where to point in a picture when an object of the scene is meant: at a pixel that shows it.
//!
//! The middle of an object is often not to be seen: a bowl's is air, or what lies in it, and a covered
//! cube shows its sides alone. So points over its whole surface are compared with the measured depth,
//! and the one in the midst of those that are seen is taken.

use nalgebra::{Point3, Vector3};
use types::{Image, Shape, TrackedObject};

/// Depth may differ by this much from that of the object's surface, metres.
const BAND: f64 = 0.008;
/// Points per side of a face.
const GRID: i32 = 5;
/// Points around what is round.
const AROUND: i32 = 20;

/// The pixel (column, row; of real numbers, pixel centres at +0.5) at which `image` shows `object`;
/// without depth, or where nothing of it can be seen, that of its middle. `None` outside the picture.
#[must_use]
pub fn pixel(object: &TrackedObject, image: &Image) -> Option<[f64; 2]> {
    let (w, h) = image.size();
    let optical_from_world = image.world_from_optical.inverse();
    let project = |point: Point3<f64>| -> Option<([f64; 2], f64)> {
        let p = optical_from_world.point(point);
        let (u, v) = image.intrinsics.project(p)?;
        (u >= 0.0 && v >= 0.0 && u < w as f64 && v < h as f64).then_some(([u, v], p.z))
    };
    let seen: Vec<[f64; 2]> = image.depth.as_ref().map_or_else(Vec::new, |depth| {
        let projected = surface(object).into_iter().filter_map(project);
        projected
            .filter(|([u, v], z)| {
                let measured = f64::from(depth[*v as usize * w + *u as usize]);
                measured > 0.0 && (measured - z).abs() < BAND
            })
            .map(|(px, _)| px)
            .collect()
    });
    // In the midst: the least distance to all others.
    let spread = |p: &[f64; 2]| seen.iter().map(|q| libm::hypot(p[0] - q[0], p[1] - q[1])).sum::<f64>();
    let best = seen.iter().min_by(|a, b| spread(a).total_cmp(&spread(b)));
    best.copied().or_else(|| project(object.position).map(|(px, _)| px))
}

/// Points over the outer surface, world, metres; edges are left out, where depth jumps.
fn surface(object: &TrackedObject) -> Vec<Point3<f64>> {
    let half = 0.5 * object.dimensions;
    let (s, c) = libm::sincos(object.yaw);
    let at = |x: f64, y: f64, z: f64| object.position + Vector3::new(c * x - s * y, s * x + c * y, z);
    let shares = || (0..GRID).map(|i| 0.8 * (2.0 * f64::from(i) / f64::from(GRID - 1) - 1.0));
    let ring =
        || (0..AROUND).map(|i| libm::sincos(core::f64::consts::TAU * f64::from(i) / f64::from(AROUND)));
    // Half the thickness of a container's wall.
    const WALL: f64 = 0.0025;
    match object.most_likely_shape() {
        Shape::Ball => {
            let r = half.z;
            let bands = [0.95, 0.7, 0.35, 0.0];
            bands
                .iter()
                .flat_map(|z| ring().map(move |(s, c)| (z, libm::sqrt(1.0 - z * z), s, c)))
                .map(|(z, flat, s, c)| object.position + Vector3::new(flat * c, flat * s, *z) * r)
                .collect()
        }
        Shape::Bowl => {
            let rim = ring().map(|(s, c)| at((half.x - WALL) * c, (half.y - WALL) * s, half.z));
            let wall = shares()
                .flat_map(|z| ring().map(move |(s, c)| (z, s, c)))
                .map(|(z, s, c)| at(half.x * c, half.y * s, z * half.z));
            rim.chain(wall).collect()
        }
        Shape::Tray => {
            let along = || shares().map(|v| v * 1.2);
            let (x, y) = (half.x - WALL, half.y - WALL);
            let long = along().flat_map(|v| [at(v * x, y, half.z), at(v * x, -y, half.z)]);
            let short = along().flat_map(|v| [at(x, v * y, half.z), at(-x, v * y, half.z)]);
            long.chain(short).collect()
        }
        Shape::Cylinder if (object.dimensions.x - object.dimensions.y).abs() < 1e-6 => {
            let top = [0.0, 0.4, 0.75]
                .iter()
                .flat_map(|r| ring().map(move |(s, c)| (r, s, c)))
                .map(|(r, s, c)| at(r * half.x * c, r * half.y * s, half.z));
            let wall = shares()
                .flat_map(|z| ring().map(move |(s, c)| (z, s, c)))
                .map(|(z, s, c)| at(half.x * c, half.y * s, z * half.z));
            top.chain(wall).collect()
        }
        Shape::Cube | Shape::Box | Shape::Cylinder => {
            let pairs = || shares().flat_map(|a| shares().map(move |b| (a, b)));
            let top = pairs().map(|(a, b)| at(a * half.x, b * half.y, half.z));
            let x = pairs().flat_map(|(a, b)| [1.0, -1.0].map(|s| at(s * half.x, a * half.y, b * half.z)));
            let y = pairs().flat_map(|(a, b)| [1.0, -1.0].map(|s| at(a * half.x, s * half.y, b * half.z)));
            top.chain(x).chain(y).collect()
        }
    }
}
