//! How a scene looks: light, table, room, colours, lens noise, things that are none of ours.

pub mod color;
mod random;

pub use color::rgb;

use mechanics::model::GeomShape;
use nalgebra::{Isometry3, Point3, Translation3, UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};
use types::{Color, Rejection};

/// A far light and what the room reflects.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Light {
    /// Direction towards the light, world frame; need not be of unit length; z above zero.
    pub towards: [f32; 3],
    /// How bright the lit side is, about 0.3 to 1.2.
    pub strength: f32,
    /// How bright the shade is, about 0.2 to 0.6.
    pub ambient: f32,
    /// How much of the light a shadow keeps away, 0 (none is drawn) to 1.
    pub shadow: f32,
}

impl Default for Light {
    fn default() -> Self {
        Self { towards: [0.35, -0.45, 1.0], strength: 0.68, ambient: 0.40, shadow: 0.75 }
    }
}

/// What a table top is made of.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// One colour.
    Plain,
    /// Wood: lines along x.
    Grain,
    /// Stone: fine grains.
    Speckle,
    /// Squares.
    Checker,
    /// Cloudy, soft.
    Mottled,
}

/// The table's top.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TableTop {
    /// Its colour, 0 to 1.
    pub rgb: [f32; 3],
    /// What it is made of.
    pub pattern: Pattern,
    /// How strongly the pattern shows, 0 to 1.
    pub contrast: f32,
    /// Size of the pattern, metres.
    pub scale_m: f32,
}

impl Default for TableTop {
    fn default() -> Self {
        Self { rgb: [0.66, 0.60, 0.52], pattern: Pattern::Grain, contrast: 0.10, scale_m: 0.03 }
    }
}

/// What a sensor adds to a clean picture.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SensorNoise {
    /// Standard deviation in the dark, grey levels of 255.
    pub read: f32,
    /// Further standard deviation at full white, grey levels of 255; grows with the root of brightness.
    pub shot: f32,
    /// Depth's standard deviation at the lens, metres.
    pub depth_m: f32,
    /// Further standard deviation of depth per square metre of distance.
    pub depth_per_m: f32,
    /// Depth comes in steps of this, metres.
    pub depth_step_m: f32,
    /// Chance that a depth at an outline is missing.
    pub edge_dropout: f32,
}

impl Default for SensorNoise {
    fn default() -> Self {
        Self {
            read: 1.0,
            shot: 1.5,
            depth_m: 0.001,
            depth_per_m: 0.0015,
            depth_step_m: 0.001,
            edge_dropout: 0.5,
        }
    }
}

impl SensorNoise {
    /// A perfect sensor.
    #[must_use]
    pub fn none() -> Self {
        Self { read: 0.0, shot: 0.0, depth_m: 0.0, depth_per_m: 0.0, depth_step_m: 0.0, edge_dropout: 0.0 }
    }
}

/// A thing that is none of the eight colours and six shapes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DistractorKind {
    /// A sheet of paper, flat.
    Sheet,
    /// A pen, lying.
    Pen,
    /// A wedge.
    Wedge,
    /// A pyramid.
    Pyramid,
    /// A flat pebble.
    Pebble,
}

/// One thing on the table that is only to be seen: physics does not know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distractor {
    /// What it is.
    pub kind: DistractorKind,
    /// Its middle on the table, world x and y, metres.
    pub position_m: [f64; 2],
    /// Turn about the world's z, radians.
    pub yaw_rad: f64,
    /// Length, metres.
    pub length_m: f64,
    /// Colour, 0 to 1.
    pub rgb: [f32; 3],
}

impl Distractor {
    /// Its solid and where that is in the world.
    #[must_use]
    pub fn solid(&self) -> (GeomShape, Isometry3<f64>) {
        let l = self.length_m;
        let upright = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), self.yaw_rad);
        let at = |z: f64, turn: UnitQuaternion<f64>| {
            let [x, y] = self.position_m;
            Isometry3::from_parts(Translation3::new(x, y, z), upright * turn)
        };
        let flat = UnitQuaternion::identity();
        match self.kind {
            DistractorKind::Sheet => {
                let half = Vector3::new(0.5 * l, 0.35 * l, 0.0004);
                (GeomShape::Cuboid { half }, at(0.0006, flat))
            }
            DistractorKind::Pen => {
                let lying = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), core::f64::consts::FRAC_PI_2);
                (GeomShape::Capsule { radius: 0.0045, half_length: 0.5 * l }, at(0.0045, lying))
            }
            DistractorKind::Wedge => {
                let (x, y, z) = (0.5 * l, 0.3 * l, 0.35 * l);
                let points = [[-x, -y, 0.0], [x, -y, 0.0], [x, y, 0.0], [-x, y, 0.0], [x, -y, z], [x, y, z]];
                let triangles = vec![
                    [0, 2, 1],
                    [0, 3, 2],
                    [1, 2, 5],
                    [1, 5, 4],
                    [0, 4, 5],
                    [0, 5, 3],
                    [0, 1, 4],
                    [2, 3, 5],
                ];
                (hull(&points, triangles), at(0.0, flat))
            }
            DistractorKind::Pyramid => {
                let (a, z) = (0.35 * l, 0.5 * l);
                let points = [[-a, -a, 0.0], [a, -a, 0.0], [a, a, 0.0], [-a, a, 0.0], [0.0, 0.0, z]];
                let triangles = vec![[0, 2, 1], [0, 3, 2], [0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]];
                (hull(&points, triangles), at(0.0, flat))
            }
            DistractorKind::Pebble => (pebble(l), at(0.18 * l, flat)),
        }
    }
}

fn hull(points: &[[f64; 3]], triangles: Vec<[u32; 3]>) -> GeomShape {
    GeomShape::Hull { points: points.iter().map(|p| Point3::from(*p)).collect(), triangles }
}

/// An uneven flattened ball of rings of corners.
fn pebble(l: f64) -> GeomShape {
    const AROUND: u32 = 10;
    let mut points = vec![[0.0, 0.0, -0.18 * l]];
    for (r, z) in [(0.35, -0.12), (0.5, 0.0), (0.33, 0.13)] {
        for k in 0..AROUND {
            let a = 2.0 * core::f64::consts::PI * f64::from(k) / f64::from(AROUND);
            let (s, c) = libm::sincos(a);
            points.push([r * l * c, 0.7 * r * l * s * (1.0 + 0.15 * c), z * l]);
        }
    }
    points.push([0.0, 0.0, 0.18 * l]);
    let last = 3 * AROUND + 1;
    let at = |ring: u32, k: u32| 1 + ring * AROUND + k % AROUND;
    let mut triangles = Vec::new();
    for k in 0..AROUND {
        triangles.push([0, at(0, k + 1), at(0, k)]);
        for ring in 0..2 {
            triangles.push([at(ring, k), at(ring, k + 1), at(ring + 1, k + 1)]);
            triangles.push([at(ring, k), at(ring + 1, k + 1), at(ring + 1, k)]);
        }
        triangles.push([at(2, k), at(2, k + 1), last]);
    }
    hull(&points, triangles)
}

/// Light, table, room, lens and noise of a scene. The default is the plain look of the demo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Appearance {
    /// The light.
    pub light: Light,
    /// The table's top.
    pub table: TableTop,
    /// Colour of the room's floor, 0 to 1.
    pub floor_rgb: [f32; 3],
    /// Colour of the room's walls, 0 to 1.
    pub wall_rgb: [f32; 3],
    /// Everything's brightness is multiplied by this, about 0.6 to 1.5.
    pub exposure: f32,
    /// Factor on red, green and blue: the white balance.
    pub tint: [f32; 3],
    /// How much the objects shine, 0 (chalk) to 1.
    pub gloss: f32,
    /// What the sensors add.
    pub noise: SensorNoise,
    /// How far the cameras stand from where they were put, along their own axes, metres.
    pub camera_shift_m: [f64; 3],
    /// How the cameras are turned from how they were put, about their own axes, radians.
    pub camera_turn_rad: [f64; 3],
    /// How far an object's tone strays within its colour's family: 0 (plain) to 1.
    pub tone_spread: f32,
    /// Seed of the tones.
    pub tone_seed: u64,
    /// Things that are none of ours.
    pub distractors: Vec<Distractor>,
}

impl Default for Appearance {
    fn default() -> Self {
        Self {
            light: Light::default(),
            table: TableTop::default(),
            floor_rgb: [0.42, 0.43, 0.45],
            wall_rgb: [0.74, 0.75, 0.76],
            exposure: 1.0,
            tint: [1.0; 3],
            gloss: 0.25,
            noise: SensorNoise::default(),
            camera_shift_m: [0.0; 3],
            camera_turn_rad: [0.0; 3],
            tone_spread: 0.0,
            tone_seed: 0,
            distractors: Vec::new(),
        }
    }
}

impl Appearance {
    /// The tone of the object of this index and colour, 0 to 1.
    #[must_use]
    pub fn tone(&self, object_idx: usize, color: Color) -> [f32; 3] {
        color::tone(color, self.tone_spread, self.tone_seed, object_idx as u64)
    }

    /// How the looks move a camera: `put_from_actual`.
    #[must_use]
    pub fn camera_offset(&self) -> Isometry3<f64> {
        let [r, p, y] = self.camera_turn_rad;
        let [x, dy, z] = self.camera_shift_m;
        Isometry3::from_parts(Translation3::new(x, dy, z), UnitQuaternion::from_euler_angles(r, p, y))
    }

    /// Checks every number.
    ///
    /// # Errors
    /// A [`Rejection`] naming the first field that is not finite or beyond any use.
    pub fn check(&self) -> Result<(), Rejection> {
        let range = |field: &'static str, v: f64, lo: f64, hi: f64| {
            if v >= lo && v <= hi {
                Ok(())
            } else {
                Err(Rejection::new(format!("look.{field}"), format!("{lo} to {hi}"), v.to_string()))
            }
        };
        let f = |field, v: f32, lo, hi| range(field, f64::from(v), lo, hi);
        let l = &self.light;
        for v in l.towards {
            f("light.towards", v, -1e3, 1e3)?;
        }
        f("light.towards[2]", l.towards[2], 1e-3, 1e3)?;
        f("light.strength", l.strength, 0.0, 10.0)?;
        f("light.ambient", l.ambient, 0.0, 10.0)?;
        f("light.shadow", l.shadow, 0.0, 1.0)?;
        f("table.contrast", self.table.contrast, 0.0, 1.0)?;
        f("table.scale_m", self.table.scale_m, 1e-3, 10.0)?;
        let colors =
            [("table.rgb", self.table.rgb), ("floor_rgb", self.floor_rgb), ("wall_rgb", self.wall_rgb)];
        for (field, rgb) in colors {
            for v in rgb {
                f(field, v, 0.0, 1.0)?;
            }
        }
        for v in self.tint {
            f("tint", v, 0.0, 10.0)?;
        }
        f("exposure", self.exposure, 0.0, 10.0)?;
        f("gloss", self.gloss, 0.0, 1.0)?;
        f("tone_spread", self.tone_spread, 0.0, 1.0)?;
        let n = &self.noise;
        f("noise.read", n.read, 0.0, 255.0)?;
        f("noise.shot", n.shot, 0.0, 255.0)?;
        f("noise.depth_m", n.depth_m, 0.0, 1.0)?;
        f("noise.depth_per_m", n.depth_per_m, 0.0, 1.0)?;
        f("noise.depth_step_m", n.depth_step_m, 0.0, 1.0)?;
        f("noise.edge_dropout", n.edge_dropout, 0.0, 1.0)?;
        for v in self.camera_shift_m {
            range("camera_shift_m", v, -1.0, 1.0)?;
        }
        for v in self.camera_turn_rad {
            range("camera_turn_rad", v, -1.6, 1.6)?;
        }
        if self.distractors.len() > 64 {
            let got = self.distractors.len().to_string();
            return Err(Rejection::new("look.distractors", "at most 64", got));
        }
        for d in &self.distractors {
            range("distractors.length_m", d.length_m, 1e-3, 1.0)?;
            range("distractors.yaw_rad", d.yaw_rad, -100.0, 100.0)?;
            for v in d.position_m {
                range("distractors.position_m", v, -3.0, 3.0)?;
            }
            for v in d.rgb {
                f("distractors.rgb", v, 0.0, 1.0)?;
            }
        }
        Ok(())
    }
}
