//! Pictures of a snapshot: an own f32 z-buffer rasteriser for colour, depth and labels in one pass.
//!
//! 1. Every part's triangles (made once per shape) go through the camera into a grid of 2 × 2 samples
//!    per pixel, which keeps the nearest triangle of each sample.
//! 2. The same triangles, seen from the light, make a shadow map.
//! 3. Each pixel is lit once per triangle that it shows, and the samples are averaged.
//!
//! The only camera formula is [`Intrinsics`]; on a distorted lens triangles are split until straight
//! edges are true to it. Everything is f32 and runs in one order, so the same snapshot gives the same
//! bytes. Nothing here draws random numbers but [`Renderer::add_noise`].

mod mesh;
mod raster;
mod sensor;
mod shade;
mod shadow;

use crate::look::Appearance;
use crate::snapshot::{Label, Snapshot};
use mesh::{Mesh, Store};
use nalgebra::{Isometry3, Vector3};
use rand::Rng;
use raster::{Grid, Lens, Seen};
use shade::{Shader, Surface, Tables, linear};
use shadow::ShadowMap;
use std::sync::Arc;
use types::{Intrinsics, Optical, Rejection, Transform, World};

/// Label of the room and of things that are none of ours.
pub const LABEL_NONE: u16 = 0;
/// Label of the table.
pub const LABEL_TABLE: u16 = 1;
/// Label of the robot.
pub const LABEL_ROBOT: u16 = 2;
/// Label of the scene's object 0; object `i` has this plus `i`.
pub const LABEL_OBJECT: u16 = 3;

/// Samples per pixel along each side.
const SAMPLES: usize = 2;
/// Depths beyond this are unknown to a depth camera, metres.
const FAR: f32 = 6.0;

/// The object that a label names.
#[must_use]
pub fn object_of(label: u16) -> Option<usize> {
    label.checked_sub(LABEL_OBJECT).map(usize::from)
}

fn label_number(label: Label) -> u16 {
    match label {
        Label::Table => LABEL_TABLE,
        Label::Robot => LABEL_ROBOT,
        Label::Person => LABEL_NONE,
        Label::Object(i) => u16::try_from(i).unwrap_or(u16::MAX).saturating_add(LABEL_OBJECT),
    }
}

/// From where a picture is taken, and through which lens.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct View {
    /// The lens.
    pub intrinsics: Intrinsics,
    /// Where the camera is.
    pub world_from_optical: Transform<World, Optical>,
}

impl View {
    /// A camera at `eye` that looks at `target` with the world's up pointing up in the picture, metres;
    /// looking straight down, the world's −x is up.
    ///
    /// # Errors
    /// A [`Rejection`] when the two points coincide or are not finite, and as [`Intrinsics::from_fov`].
    pub fn look_at(
        eye: [f64; 3],
        target: [f64; 3],
        (width, height): (u32, u32),
        fov_x_rad: f64,
    ) -> Result<Self, Rejection> {
        let intrinsics = Intrinsics::from_fov(width, height, fov_x_rad)?;
        let world_from_optical = Transform::from_isometry(look_at(eye, target)?);
        Ok(Self { intrinsics, world_from_optical })
    }

    /// Where a world point falls, pixels; `None` behind the camera.
    #[must_use]
    pub fn project(&self, point_in_world: nalgebra::Point3<f64>) -> Option<[f64; 2]> {
        let p = self.world_from_optical.inverse().point(point_in_world);
        self.intrinsics.project(p).map(|(u, v)| [u, v])
    }
}

/// The pose of a camera at `eye` that looks at `target`, optical axes (x right, y down, z forward).
///
/// # Errors
/// A [`Rejection`] when the two points coincide or are not finite.
pub fn look_at(eye: [f64; 3], target: [f64; 3]) -> Result<Isometry3<f64>, Rejection> {
    let (e, t) = (Vector3::from(eye), Vector3::from(target));
    let forward = t - e;
    if !(forward.norm() > 1e-9 && forward.norm().is_finite() && e.norm().is_finite()) {
        return Err(Rejection::new("look_at", "two different finite points", format!("{eye:?}, {target:?}")));
    }
    let forward = forward.normalize();
    let up = if forward.z.abs() < 0.999 { Vector3::z() } else { -Vector3::x() };
    let right = forward.cross(&up).normalize();
    let down = forward.cross(&right);
    let rotation = nalgebra::Rotation3::from_basis_unchecked(&[right, down, forward]);
    Ok(Isometry3::from_parts(e.into(), nalgebra::UnitQuaternion::from_rotation_matrix(&rotation)))
}

/// A picture with depth and labels, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Red, green, blue: `height × width × 3`.
    pub rgb: Vec<u8>,
    /// Depth along the optical axis, metres; zero where unknown.
    pub depth: Vec<f32>,
    /// What each pixel mostly shows: [`LABEL_NONE`] and its fellows.
    pub labels: Vec<u16>,
}

/// One thing to draw.
struct Thing {
    mesh: Arc<Mesh>,
    world_from_shape: Isometry3<f32>,
    casts: bool,
}

/// Draws snapshots; keeps its buffers and the surfaces of the shapes between pictures.
#[derive(Debug, Default)]
pub struct Renderer {
    store: Store,
    grid: Grid,
    seen: Vec<Seen>,
    shadow: ShadowMap,
    surfaces: Vec<Surface>,
    tables: Tables,
    deviates: sensor::Deviates,
    rays: Option<(Intrinsics, Vec<[f32; 2]>)>,
}

impl Renderer {
    /// A renderer with empty buffers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The clean picture of a snapshot.
    #[must_use]
    pub fn render(&mut self, snapshot: &Snapshot, view: &View, look: &Appearance) -> Rendered {
        let things = self.collect(snapshot, look);
        let towards = Vector3::from(look.light.towards);
        let towards = if towards.norm() > 0.0 { towards.normalize() } else { Vector3::z() };
        self.shadow.reset(towards, look.light.shadow > 0.0);
        for t in things.iter().filter(|t| t.casts) {
            self.shadow.add(&t.mesh, &t.world_from_shape);
        }
        self.shadow.finish();
        self.rasterise(&things, &view.intrinsics, &view.world_from_optical, SAMPLES);
        self.resolve(view, look, towards)
    }

    /// Adds what the sensors add, in place.
    pub fn add_noise(&self, picture: &mut Rendered, look: &Appearance, rng: &mut impl Rng) {
        sensor::add(picture, &look.noise, &self.deviates, rng);
    }

    /// How many pixels the object of this index would show if nothing hid it and the picture had no
    /// borders; zero behind the camera.
    #[must_use]
    pub fn footprint(&mut self, snapshot: &Snapshot, view: &View, object_idx: usize) -> usize {
        let parts = snapshot.stage.parts.iter().filter(|p| p.label == Label::Object(object_idx));
        let things: Vec<Thing> = parts
            .map(|p| Thing {
                mesh: self.store.get(&p.shape),
                world_from_shape: snapshot.world_from_part(p).cast(),
                casts: false,
            })
            .collect();
        let body = snapshot.stage.object_body(object_idx);
        let Some(world_from_object) = snapshot.world_from_body.get(body) else { return 0 };
        let middle = view.world_from_optical.inverse().point(world_from_object.translation.vector.into());
        let Some((u, v)) = view.intrinsics.project(middle) else { return 0 };
        let radius = things.iter().fold(0.0f64, |r, t| {
            let at: Vector3<f64> = t.world_from_shape.translation.vector.cast();
            r.max((at - world_from_object.translation.vector).norm() + f64::from(t.mesh.radius))
        });
        if middle.z <= radius {
            return 0;
        }
        // A window that holds the object wherever it is, moved by whole pixels.
        let k = view.intrinsics;
        let half = libm::ceil(1.3 * k.fx.max(k.fy) * radius / (middle.z - radius) + 4.0).min(2048.0);
        let side = 2 * half as u32;
        let (left, top) = (libm::floor(u) - half, libm::floor(v) - half);
        let window = Intrinsics { width: side, height: side, cx: k.cx - left, cy: k.cy - top, ..k };
        self.rasterise(&things, &window, &view.world_from_optical, 1);
        self.grid.id.iter().filter(|id| **id > 0).count()
    }

    fn collect(&mut self, snapshot: &Snapshot, look: &Appearance) -> Vec<Thing> {
        let mut things = Vec::with_capacity(snapshot.stage.parts.len() + look.distractors.len());
        self.surfaces.clear();
        for part in &snapshot.stage.parts {
            let (rgb, gloss) = match (part.label, part.color) {
                (Label::Object(i), Some(color)) => (look.tone(i, color), look.gloss),
                (Label::Table, _) => (look.table.rgb, 0.0),
                _ => (part.rgb, 0.3),
            };
            self.surfaces.push(Surface {
                rgb: linear(rgb),
                gloss,
                is_table: part.label == Label::Table,
                label: label_number(part.label),
            });
            things.push(Thing {
                mesh: self.store.get(&part.shape),
                world_from_shape: snapshot.world_from_part(part).cast(),
                casts: part.label != Label::Table,
            });
        }
        for d in &look.distractors {
            let (shape, pose) = d.solid();
            let surface = Surface { rgb: linear(d.rgb), gloss: 0.1, is_table: false, label: LABEL_NONE };
            self.surfaces.push(surface);
            things.push(Thing { mesh: self.store.get(&shape), world_from_shape: pose.cast(), casts: true });
        }
        things
    }

    fn rasterise(
        &mut self,
        things: &[Thing],
        intrinsics: &Intrinsics,
        world_from_optical: &Transform<World, Optical>,
        samples: usize,
    ) {
        let lens = Lens::new(intrinsics, samples as f32);
        let (w, h) = (intrinsics.width as usize * samples, intrinsics.height as usize * samples);
        self.grid.reset(w, h, 0.0);
        self.seen.clear();
        let optical_from_world: Isometry3<f32> = world_from_optical.isometry().inverse().cast();
        for (i, t) in things.iter().enumerate() {
            let pose = &t.world_from_shape;
            raster::draw(&mut self.grid, &mut self.seen, &lens, &t.mesh, &optical_from_world, pose, i as u32);
        }
    }

    /// Lights each pixel once per triangle that it shows, and averages its samples.
    fn resolve(&mut self, view: &View, look: &Appearance, towards: Vector3<f32>) -> Rendered {
        let k = view.intrinsics;
        if self.rays.as_ref().is_none_or(|(made_for, _)| *made_for != k) {
            self.rays = Some((k, rays(&k)));
        }
        let rays = self.rays.as_ref().map_or(&[][..], |(_, r)| r.as_slice());
        let pose: Isometry3<f32> = view.world_from_optical.isometry().cast();
        let (turn, eye) = (pose.rotation.to_rotation_matrix(), pose.translation.vector);
        let shader = Shader {
            look,
            tables: &self.tables,
            shadow: &self.shadow,
            towards,
            eye,
            surfaces: &self.surfaces,
            floor: linear(look.floor_rgb),
            wall: linear(look.wall_rgb),
        };
        let (width, height) = (k.width as usize, k.height as usize);
        let n = width * height;
        let mut out =
            Rendered { width, height, rgb: vec![0; 3 * n], depth: vec![0.0; n], labels: vec![LABEL_NONE; n] };
        let gain = Vector3::from(look.tint) * look.exposure;
        for row in 0..height {
            for col in 0..width {
                let at = 2 * row * self.grid.width + 2 * col;
                let cells = [at, at + 1, at + self.grid.width, at + self.grid.width + 1];
                let ids = cells.map(|c| self.grid.id[c]);
                let ws = cells.map(|c| self.grid.w[c]);
                let pixel = row * width + col;
                let ray = turn * Vector3::new(rays[pixel][0], rays[pixel][1], 1.0);
                let (rgb, nearest) = if ids == [ids[0]; 4] {
                    let (x, y) = ((2 * col + 1) as f32, (2 * row + 1) as f32);
                    let w = 0.25 * (ws[0] + ws[1] + ws[2] + ws[3]);
                    match ids[0] {
                        0 => (shader.room(ray), None),
                        id => {
                            let seen = &self.seen[id as usize - 1];
                            let rgb = shader.surface(seen, x, y, eye + ray * (1.0 / w));
                            (rgb, Some((w, self.surfaces[seen.thing as usize].label)))
                        }
                    }
                } else {
                    self.mixed(&shader, ids, ws, (col, row), ray)
                };
                for c in 0..3 {
                    out.rgb[3 * pixel + c] = self.tables.encode(rgb[c] * gain[c]);
                }
                if let Some((w, label)) = nearest {
                    let z = 1.0 / w;
                    out.depth[pixel] = if z < FAR { z } else { 0.0 };
                    out.labels[pixel] = label;
                }
            }
        }
        out
    }

    /// A pixel that shows several triangles: its colour, and `1/z` and label of the thing that has most
    /// of its samples (of two with equally many, the nearer), unless the room has more.
    fn mixed(
        &self,
        shader: &Shader<'_>,
        ids: [u32; 4],
        ws: [f32; 4],
        (col, row): (usize, usize),
        ray: Vector3<f32>,
    ) -> (Vector3<f32>, Option<(f32, u16)>) {
        let thing = |id: u32| self.seen.get((id as usize).wrapping_sub(1)).map(|s| s.thing);
        let mut rgb = Vector3::zeros();
        let mut best = (0u32, 0.0f32, LABEL_NONE);
        let mut empty = 0;
        for i in 0..4 {
            if ids[..i].contains(&ids[i]) {
                continue;
            }
            let (mut same, mut sum, mut x, mut y) = (0.0, 0.0, 0.0, 0.0);
            for j in (i..4).filter(|j| ids[*j] == ids[i]) {
                same += 1.0;
                sum += ws[j];
                x += (2 * col + j % 2) as f32 + 0.5;
                y += (2 * row + j / 2) as f32 + 0.5;
            }
            let Some(seen) = self.seen.get((ids[i] as usize).wrapping_sub(1)) else {
                rgb += shader.room(ray) * (0.25 * same);
                empty = same as u32;
                continue;
            };
            let place = shader.eye + ray * (same / sum);
            rgb += shader.surface(seen, x / same, y / same, place) * (0.25 * same);
            let (mut count, mut total) = (0u32, 0.0);
            for j in (0..4).filter(|j| thing(ids[*j]) == Some(seen.thing)) {
                count += 1;
                total += ws[j];
            }
            let w = total / count as f32;
            if count > best.0 || (count == best.0 && w > best.1) {
                best = (count, w, self.surfaces[seen.thing as usize].label);
            }
        }
        (rgb, (best.0 > 0 && best.0 >= empty).then_some((best.1, best.2)))
    }
}

/// Normalised undistorted coordinates of each pixel's centre. On a distorted lens the inverse, which
/// is iterative, is taken on every eighth pixel and blended in between: it is smooth.
fn rays(k: &Intrinsics) -> Vec<[f32; 2]> {
    const CELL: usize = 8;
    let (w, h) = (k.width as usize, k.height as usize);
    let exact = |x: f64, y: f64| k.undistort((x + 0.5 - k.cx) / k.fx, (y + 0.5 - k.cy) / k.fy);
    let coarse_w = w / CELL + 2;
    let coarse: Vec<(f64, f64)> = (0..(h / CELL + 2) * coarse_w)
        .map(|i| exact((i % coarse_w * CELL) as f64, (i / coarse_w * CELL) as f64))
        .collect();
    (0..w * h)
        .map(|i| {
            let (col, row) = (i % w, i / w);
            let (a, b) = ((col % CELL) as f64 / CELL as f64, (row % CELL) as f64 / CELL as f64);
            let at = row / CELL * coarse_w + col / CELL;
            let blend = |f: &dyn Fn(usize) -> f64| {
                (f(at) * (1.0 - a) + f(at + 1) * a) * (1.0 - b)
                    + (f(at + coarse_w) * (1.0 - a) + f(at + coarse_w + 1) * a) * b
            };
            [blend(&|j| coarse[j].0) as f32, blend(&|j| coarse[j].1) as f32]
        })
        .collect()
}
