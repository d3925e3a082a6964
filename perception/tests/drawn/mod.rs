//! Pictures with depth drawn here: rays marched through distance fields, so that lifting and tracking
//! are tested without the simulator.
#![allow(dead_code, unreachable_pub)] // Each test file uses its part of it.

use nalgebra::{Isometry3, Point3, Rotation3, UnitQuaternion, Vector3};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use types::{Color, Detection, Image, Intrinsics, Shape, Size, Time, Transform};

pub const WIDTH: u32 = 256;
pub const HEIGHT: u32 = 192;

/// One object that stands upright: centre of its bounding box, turn about z.
#[derive(Copy, Clone, Debug)]
pub struct Body {
    pub shape: Shape,
    pub size: Size,
    pub color: Color,
    pub centre: Point3<f64>,
    pub yaw: f64,
}

impl Body {
    /// On the table, or with its underside at `underside`.
    pub fn new(shape: Shape, size: Size, color: Color, xy: [f64; 2], yaw: f64, underside: f64) -> Self {
        let z = underside + 0.5 * shape.dimensions(size).z;
        Self { shape, size, color, centre: Point3::new(xy[0], xy[1], z), yaw }
    }

    /// Signed distance of a world point, metres.
    fn distance(&self, p: Point3<f64>) -> f64 {
        let d = self.shape.dimensions(self.size);
        let r = p - self.centre;
        let (s, c) = self.yaw.sin_cos();
        let q = Vector3::new(c * r.x + s * r.y, c * r.y - s * r.x, r.z);
        let cuboid = |q: Vector3<f64>, half: Vector3<f64>| {
            let e = q.abs() - half;
            e.map(|v| v.max(0.0)).norm() + e.max().min(0.0)
        };
        let pipe = |outer: f64, inner: f64| {
            let radial = q.xy().norm();
            (radial - outer).max(inner - radial).max(q.z.abs() - 0.5 * d.z)
        };
        match self.shape {
            Shape::Cube | Shape::Box => cuboid(q, 0.5 * d),
            Shape::Ball => q.norm() - 0.5 * d.z,
            Shape::Cylinder => pipe(0.5 * d.x, -1.0),
            Shape::Bowl => {
                let floor = (q.xy().norm() - 0.5 * d.x).max((q.z + 0.5 * d.z - 0.002).abs() - 0.002);
                pipe(0.5 * d.x, 0.5 * d.x - 0.005).min(floor)
            }
            Shape::Tray => {
                let hollow = cuboid(q - Vector3::z() * 0.004, 0.5 * d - Vector3::new(0.005, 0.005, 0.0));
                cuboid(q, 0.5 * d).max(-hollow)
            }
        }
    }
}

/// The fixed camera of the conventions.
pub fn camera() -> (Intrinsics, Isometry3<f64>) {
    let k = Intrinsics::from_fov(WIDTH, HEIGHT, 0.878).expect("a lens");
    (k, pose([1.05, 0.0, 0.90], [0.54, 0.0, 0.0]))
}

/// Optical axes at `eye`, looking at `target`.
pub fn pose(eye: [f64; 3], target: [f64; 3]) -> Isometry3<f64> {
    let forward = (Vector3::from(target) - Vector3::from(eye)).normalize();
    let right = forward.cross(&Vector3::z()).normalize();
    let rotation = Rotation3::from_basis_unchecked(&[right, forward.cross(&right), forward]);
    Isometry3::from_parts(Vector3::from(eye).into(), UnitQuaternion::from_rotation_matrix(&rotation))
}

/// A picture and which body each pixel shows (`None`: the table).
pub struct Drawn {
    pub image: Image,
    pub labels: Vec<Option<usize>>,
}

/// Draws bodies on the table; depth noise of `noise` metres (standard deviation, nearly).
pub fn draw(bodies: &[Body], noise: f64, time: Time, rng: &mut ChaCha8Rng) -> Drawn {
    let (k, pose) = camera();
    let n = (WIDTH * HEIGHT) as usize;
    let (mut rgb, mut depth, mut labels) = (Vec::with_capacity(3 * n), Vec::with_capacity(n), Vec::new());
    for row in 0..HEIGHT {
        for col in 0..WIDTH {
            let ray = k.lift(f64::from(col) + 0.5, f64::from(row) + 0.5, 1.0).coords;
            let z = march(bodies, &pose, ray);
            let hit = pose * Point3::from(ray * z.0);
            labels.push(z.1);
            // The sum of three uniform numbers is close to a normal one.
            let jitter: f64 = (0..3).map(|_| rng.random_range(-1.0..1.0)).sum();
            depth.push((z.0 + noise * jitter) as f32);
            let tone = z.1.map_or([120, 110, 100], |i| tone(bodies[i].color));
            let shade = if z.1.is_some_and(|i| bodies[i].distance(hit + Vector3::z() * 1e-3) < 5e-4) {
                0.7
            } else {
                1.0
            };
            rgb.extend(tone.map(|v| (f64::from(v) * shade + rng.random_range(0.0..4.0)) as u8));
        }
    }
    let image = Image::new("front", 0, time, rgb, Some(depth), k, Transform::from_isometry(pose));
    Drawn { image: image.expect("a picture"), labels }
}

/// Depth along the optical axis and what is there.
fn march(bodies: &[Body], pose: &Isometry3<f64>, ray: Vector3<f64>) -> (f64, Option<usize>) {
    let length = ray.norm();
    let mut t = 0.3;
    for _ in 0..200 {
        let p = pose * Point3::from(ray * (t / length));
        let table = (p.z, None);
        let near = bodies.iter().enumerate().map(|(i, b)| (b.distance(p), Some(i)));
        let (d, what) = near.fold(table, |a, b| if b.0 < a.0 { b } else { a });
        if d < 1e-5 || t > 5.0 {
            return (t / length, what);
        }
        t += d;
    }
    (t / length, None)
}

fn tone(color: Color) -> [u8; 3] {
    match color {
        Color::Red => [190, 40, 40],
        Color::Green => [40, 160, 60],
        Color::Blue => [40, 70, 190],
        Color::Yellow => [220, 200, 50],
        Color::Orange => [230, 130, 40],
        Color::Purple => [130, 60, 160],
        Color::White => [235, 235, 235],
        Color::Black => [30, 30, 30],
    }
}

/// What a detector would say about body `i`: its visible box, its centre within a pixel, and an opinion
/// on its size that is barely right. `None` when less than 12 pixels of it are seen.
pub fn detect(drawn: &Drawn, bodies: &[Body], i: usize, rng: &mut ChaCha8Rng) -> Option<Detection> {
    let mut b = [f32::MAX, f32::MAX, 0.0, 0.0];
    let mut count = 0;
    for (at, label) in drawn.labels.iter().enumerate() {
        if *label == Some(i) {
            let (x, y) = ((at as u32 % WIDTH) as f32, (at as u32 / WIDTH) as f32);
            b = [f32::min(b[0], x), f32::min(b[1], y), f32::max(b[2], x + 1.0), f32::max(b[3], y + 1.0)];
            count += 1;
        }
    }
    let body = &bodies[i];
    let p = drawn.image.world_from_optical.inverse().point(body.centre);
    let (u, v) = drawn.image.intrinsics.project(p)?;
    let jitter = |rng: &mut ChaCha8Rng| rng.random_range(-0.8..0.8);
    let mut d = Detection {
        score: 0.9,
        box_px: b.map(|v| v + jitter(rng)),
        point_px: [u as f32 + jitter(rng), v as f32 + jitter(rng)],
        color: [0.01; 8],
        shape: [0.02; 6],
        size: [0.45; 2],
    };
    d.color[body.color.index()] = 0.93;
    d.shape[body.shape.index()] = 0.9;
    d.size[body.size.index()] = 0.55;
    (count >= 12).then_some(d)
}
