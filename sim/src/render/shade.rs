//! From what is seen at each sample to colours: light, shadow, patterns, the room behind.

use super::raster::Seen;
use super::shadow::ShadowMap;
use crate::look::{Appearance, Pattern};
use nalgebra::Vector3;

/// Steps of the table from linear light to bytes: in the dark, where the curve is steep, less than one
/// byte's step each.
const STEPS: usize = 8192;
/// Cells along each side of the table of noise, a power of two.
const CELLS: usize = 64;
/// Height of the room's floor under the table top, metres.
const FLOOR_Z: f32 = -0.74;
/// Distance of the walls from the robot, metres.
const WALL: f32 = 2.6;

/// Tables that every picture uses: sRGB's transfer curve (IEC 61966-2-1), and a lattice of noise.
#[derive(Debug)]
pub(crate) struct Tables {
    bytes: Vec<u8>,
    lattice: Vec<f32>,
}

impl Default for Tables {
    fn default() -> Self {
        let byte = |i: usize| {
            let v = i as f32 / STEPS as f32;
            let s = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * libm::powf(v, 1.0 / 2.4) - 0.055 };
            (255.0 * s + 0.5) as u8
        };
        let lattice = (0..CELLS * CELLS).map(|i| {
            let mut h = (i as u32).wrapping_mul(0x9E37_79B1) ^ 0x85EB_CA77;
            h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
            h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
            ((h ^ (h >> 15)) >> 8) as f32 / (1u32 << 24) as f32
        });
        Self { bytes: (0..=STEPS).map(byte).collect(), lattice: lattice.collect() }
    }
}

impl Tables {
    /// The byte of a linear brightness, 0 to 1.
    pub(crate) fn encode(&self, linear: f32) -> u8 {
        self.bytes[(linear.clamp(0.0, 1.0) * STEPS as f32) as usize]
    }

    /// Smooth noise in 0 to 1 over a lattice of whole numbers, the same every [`CELLS`].
    fn noise(&self, x: f32, y: f32) -> f32 {
        let (i, j) = (floor(x), floor(y));
        let soft = |t: f32| t * t * (3.0 - 2.0 * t);
        let (a, b) = (soft(x - i as f32), soft(y - j as f32));
        let mask = CELLS as i32 - 1;
        let at = |i: i32, j: i32| self.lattice[((j & mask) * CELLS as i32 + (i & mask)) as usize];
        let near = at(i, j) * (1.0 - a) + at(i + 1, j) * a;
        let far = at(i, j + 1) * (1.0 - a) + at(i + 1, j + 1) * a;
        near * (1.0 - b) + far * b
    }
}

/// sRGB, 0 to 1, to linear light.
pub(crate) fn linear(rgb: [f32; 3]) -> Vector3<f32> {
    let one = |s: f32| {
        let s = s.clamp(0.0, 1.0);
        if s <= 0.040_45 { s / 12.92 } else { libm::powf((s + 0.055) / 1.055, 2.4) }
    };
    Vector3::new(one(rgb[0]), one(rgb[1]), one(rgb[2]))
}

/// How a thing's surface answers light.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surface {
    /// Linear colour.
    pub rgb: Vector3<f32>,
    /// 0 to 1.
    pub gloss: f32,
    /// Whether its top carries the table's pattern.
    pub is_table: bool,
    /// What is written into the label picture.
    pub label: u16,
}

/// Everything that colours need.
pub(crate) struct Shader<'a> {
    pub look: &'a Appearance,
    pub tables: &'a Tables,
    pub shadow: &'a ShadowMap,
    pub towards: Vector3<f32>,
    pub eye: Vector3<f32>,
    pub surfaces: &'a [Surface],
    pub floor: Vector3<f32>,
    pub wall: Vector3<f32>,
}

impl Shader<'_> {
    /// The colour of a triangle at a place; `x`, `y` in samples.
    pub(crate) fn surface(&self, seen: &Seen, x: f32, y: f32, place: Vector3<f32>) -> Vector3<f32> {
        let surface = &self.surfaces[seen.thing as usize];
        let n = normal(seen, x, y);
        let mut rgb = surface.rgb;
        if surface.is_table && n.z > 0.9 {
            rgb *= self.pattern(place.x, place.y);
        }
        let facing = n.dot(&self.towards);
        let light = &self.look.light;
        // The room's light comes mostly from above.
        let ambient = light.ambient * (0.78 + 0.22 * n.z);
        let lit = if facing > 0.0 { self.shadow.lit(&(place + n * 0.002)) } else { 1.0 };
        let direct = light.strength * facing.max(0.0) * (1.0 - light.shadow * (1.0 - lit));
        let mut out = rgb * (ambient + direct);
        if surface.gloss > 0.0 && facing > 0.0 {
            // Blinn's half vector, to the 64th power.
            let half = unit(unit(self.eye - place) + self.towards);
            let mut s = n.dot(&half).max(0.0);
            for _ in 0..6 {
                s *= s;
            }
            out += Vector3::repeat(surface.gloss * 0.40 * light.strength * s * lit);
        }
        out
    }

    /// Brightness of the table's pattern at a place.
    fn pattern(&self, x: f32, y: f32) -> f32 {
        let t = &self.look.table;
        let noise = |x: f32, y: f32| self.tables.noise(x, y);
        let (x, y) = (x / t.scale_m, y / t.scale_m);
        let v = match t.pattern {
            Pattern::Plain => return 1.0,
            Pattern::Grain => {
                let bend = noise(x * 0.12, y * 0.5);
                let line = (y + 2.5 * bend) * 1.1;
                0.65 * (noise(x * 0.08, line * 2.0) - 0.5) + 0.7 * (noise(x * 0.3, line * 6.0) - 0.5)
            }
            Pattern::Speckle => noise(x * 7.0, y * 7.0) - 0.5,
            Pattern::Checker => {
                let odd = (floor(x) + floor(y)) & 1;
                odd as f32 - 0.5
            }
            Pattern::Mottled => 0.6 * (noise(x * 0.4, y * 0.4) - 0.5) + 0.4 * (noise(x * 1.3, y * 1.3) - 0.5),
        };
        1.0 + 2.0 * t.contrast * v
    }

    /// The room behind everything, along a direction.
    pub(crate) fn room(&self, ray: Vector3<f32>) -> Vector3<f32> {
        let ray = unit(ray);
        let brightness = self.look.light.ambient + 0.55 * self.look.light.strength;
        if ray.z < -1e-3 {
            let t = (FLOOR_Z - self.eye.z) / ray.z;
            let hit = self.eye + ray * t;
            let out = hit.x.abs().max(hit.y.abs());
            if t > 0.0 && out < WALL {
                let shade = 0.70 + 0.12 * out - 0.12 * (self.tables.noise(hit.x * 2.0, hit.y * 2.0) - 0.5);
                return self.floor * (brightness * shade);
            }
        }
        self.wall * (brightness * (0.80 + 0.35 * ray.z.clamp(-0.5, 0.5)))
    }
}

/// The triangle's normal at a sample; outside of it, at its nearest point.
fn normal(seen: &Seen, x: f32, y: f32) -> Vector3<f32> {
    let [a, b, c] = seen.n;
    if a == b && b == c {
        return a;
    }
    let (sx, sy) = (&seen.x, &seen.y);
    let area = (sx[1] - sx[0]) * (sy[2] - sy[0]) - (sx[2] - sx[0]) * (sy[1] - sy[0]);
    let u = ((x - sx[0]) * (sy[2] - sy[0]) - (sx[2] - sx[0]) * (y - sy[0])) / area;
    let v = ((sx[1] - sx[0]) * (y - sy[0]) - (x - sx[0]) * (sy[1] - sy[0])) / area;
    let (u, v) = (u.clamp(0.0, 1.0), v.clamp(0.0, 1.0));
    // Weights over the depth make the blend true to perspective.
    let (ka, kb, kc) = ((1.0 - u - v).max(0.0) * seen.w[0], u * seen.w[1], v * seen.w[2]);
    let n = a * ka + b * kb + c * kc;
    if n.norm_squared() > 1e-12 { unit(n) } else { a }
}

/// The whole number at or below `x`; without a library call, for it is asked for at every pixel.
fn floor(x: f32) -> i32 {
    let i = x as i32;
    i - i32::from(x < i as f32)
}

/// `v` at unit length. A square root is rounded exactly everywhere.
fn unit(v: Vector3<f32>) -> Vector3<f32> {
    v * (1.0 / v.norm_squared().sqrt())
}
