//! Pictures to learn from, with the truth about what they show: random scenes, random looks, arms in
//! random poses; no physics, every pose is computed. Sample `i` depends on the seed and `i` alone, so
//! any number of threads may share the work and training resumes exactly where it stopped.

mod layout;
mod pose;

use crate::cameras::{CameraSpec, Mount};
use crate::look::Appearance;
use crate::render::{LABEL_OBJECT, Renderer, View, look_at};
use crate::snapshot::{Snapshot, Stage};
use core::f64::consts::PI;
use layout::Layout;
use mechanics::{Arm, Model};
use nalgebra::{Isometry3, Point3, UnitQuaternion, Vector3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use types::{Color, Image, Intrinsics, Optical, Rejection, Shape, Size, Time, Transform, World};

/// Keeps the random numbers of samples apart from those of every other use of the same seed.
const STREAM_TAG: &[u8; 16] = b"training-picture";
/// The least share of an object that must be seen for it to be labelled.
const LEAST_VISIBLE: f32 = 0.25;
/// The least count of pixels that must be seen.
const LEAST_PIXELS: usize = 12;

/// What kinds of pictures.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Options {
    /// How far looks stray from the plain one, 0 to 1.
    pub strength: f32,
    /// Share of pictures from above, as the wrist camera takes them, 0 to 1.
    pub from_above: f32,
    /// Share of pictures without any arm, 0 to 1.
    pub without_arm: f32,
    /// The most objects in one picture.
    pub most_objects: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { strength: 1.0, from_above: 0.2, without_arm: 0.15, most_objects: 9 }
    }
}

/// The truth about one object that a picture shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// What it is.
    pub shape: Shape,
    /// Which of the two sizes.
    pub size: Size,
    /// Its colour.
    pub color: Color,
    /// Box around its visible pixels: left, top, right, bottom, pixel edges.
    pub box_px: [f32; 4],
    /// Projection of the middle of its bounding box, pixels; inside the picture.
    pub center_px: [f32; 2],
    /// Share of its outline that is seen, [`LEAST_VISIBLE`] to 1.
    pub visible_fraction: f32,
    /// Middle of its bounding box, world, metres.
    pub position: Point3<f64>,
    /// Turn of its longer side about the world's z, in [−π/2, π/2).
    pub yaw: f64,
    /// Its number in [`Sample::labels`].
    pub label: u16,
}

/// One picture and the truth about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The picture, with depth.
    pub image: Image,
    /// Every object of which enough is seen, in no particular order.
    pub objects: Vec<Label>,
    /// What each pixel mostly shows: [`crate::render::LABEL_NONE`] and its fellows; rows × columns.
    pub labels: Vec<u16>,
}

/// An endless source of samples.
#[derive(Debug)]
pub struct Samples {
    arms: Vec<Arc<Arm>>,
    nobody: Model,
    seed: u64,
    options: Options,
    next: u64,
    front: (Isometry3<f64>, Intrinsics),
    wrist: Intrinsics,
    renderer: Renderer,
}

impl Clone for Samples {
    /// The same source with buffers of its own: one per thread.
    fn clone(&self) -> Self {
        Self { arms: self.arms.clone(), nobody: self.nobody.clone(), renderer: Renderer::new(), ..*self }
    }
}

impl Samples {
    /// Samples with one of `arms` in most pictures (with none of them in any, when there are none).
    ///
    /// # Errors
    /// A [`Rejection`] for an option out of range.
    pub fn new(arms: Vec<Arc<Arm>>, seed: u64, options: Options) -> Result<Self, Rejection> {
        let shares = [
            ("samples.strength", options.strength),
            ("samples.from_above", options.from_above),
            ("samples.without_arm", options.without_arm),
        ];
        for (field, v) in shares {
            if !(0.0..=1.0).contains(&v) {
                return Err(Rejection::new(field, "0 to 1", v.to_string()));
            }
        }
        if options.most_objects > 32 {
            let got = options.most_objects.to_string();
            return Err(Rejection::new("samples.most_objects", "at most 32", got));
        }
        let front = CameraSpec::front();
        let pose = match front.mount {
            Mount::World { eye_m, target_m } => look_at(eye_m, target_m)?,
            Mount::Link { .. } => Isometry3::identity(),
        };
        Ok(Self {
            arms,
            nobody: Model {
                name: "nobody".into(),
                bodies: Vec::new(),
                joints: Vec::new(),
                warnings: Vec::new(),
            },
            seed,
            options,
            next: 0,
            front: (pose, front.intrinsics()?),
            wrist: CameraSpec::wrist().intrinsics()?,
            renderer: Renderer::new(),
        })
    }

    /// The same source, whose iterator goes on from sample `index`.
    #[must_use]
    pub fn with_start(mut self, index: u64) -> Self {
        self.next = index;
        self
    }

    /// Sample `index`: the same for the same seed, options and arms, whatever was drawn before.
    ///
    /// # Errors
    /// A [`Rejection`] if the picture does not fit its camera, which no options lead to.
    pub fn sample(&mut self, index: u64) -> Result<Sample, Rejection> {
        let mut rng = ChaCha8Rng::from_seed(key(self.seed, index));
        let look = Appearance::random(&mut rng, self.options.strength);
        let from_above = rng.random::<f32>() < self.options.from_above;
        let armless = rng.random::<f32>() < self.options.without_arm;
        let which = rng.random_range(0..self.arms.len().max(1));
        let arm = self.arms.get(which).filter(|_| !armless).cloned();

        let base = arm.as_ref().map(|arm| arm.world_from_base().translation.vector.xy());
        let mut layout = Layout::random(self.options.most_objects, base, &mut rng);
        let posed = arm.as_ref().map(|arm| pose::random(arm, &mut layout, from_above, &mut rng));
        let model = arm.as_ref().map_or(&self.nobody, |arm| arm.model());
        let stage = Arc::new(Stage::new(model, &layout.scene));
        let robot = posed.as_ref().map_or(&[][..], |p| p.world_from_body.as_slice());
        let mut snapshot = Snapshot::still(stage, robot, &layout.scene, Time::ZERO);
        for (i, pose) in layout.world_from_object.iter().enumerate() {
            let body = snapshot.stage.object_body(i);
            snapshot.world_from_body[body] = *pose;
        }
        let view = self.view(from_above, &look, arm.as_deref(), &snapshot, &mut rng)?;
        let mut picture = self.renderer.render(&snapshot, &view, &look);
        let objects = self.label(&snapshot, &view, &layout, &picture.labels);
        self.renderer.add_noise(&mut picture, &look, &mut rng);
        let labels = core::mem::take(&mut picture.labels);
        let camera = if from_above { "wrist" } else { "front" };
        let image = Image::new(
            camera,
            index,
            Time::ZERO,
            picture.rgb,
            Some(picture.depth),
            view.intrinsics,
            view.world_from_optical,
        )?;
        Ok(Sample { image, objects, labels })
    }

    /// The fixed camera, a little off; or one from above: the wrist camera of the arm, or one that
    /// hangs anywhere over the table.
    fn view(
        &self,
        from_above: bool,
        look: &Appearance,
        arm: Option<&Arm>,
        snapshot: &Snapshot,
        rng: &mut ChaCha8Rng,
    ) -> Result<View, Rejection> {
        let mut uniform = |lo: f64, hi: f64| lo + (hi - lo) * rng.random::<f64>();
        let on_the_arm = uniform(0.0, 1.0) < 0.6;
        let (eye, target) = (
            [uniform(0.34, 0.68), uniform(-0.28, 0.28), uniform(0.25, 0.60)],
            [uniform(-0.12, 0.12), uniform(-0.12, 0.12)],
        );
        let roll = uniform(-PI, PI);
        let (pose, intrinsics) = if !from_above {
            self.front
        } else if let (true, Some(arm)) = (on_the_arm, arm) {
            let mounted = CameraSpec::wrist().mounted(arm)?;
            (*mounted.world_from_optical(snapshot).isometry(), mounted.intrinsics)
        } else {
            let pose = look_at(eye, [eye[0] + target[0], eye[1] + target[1], 0.0])?;
            (pose * UnitQuaternion::from_axis_angle(&Vector3::z_axis(), roll), self.wrist)
        };
        let world_from_optical: Transform<World, Optical> =
            Transform::from_isometry(pose * look.camera_offset());
        Ok(View { intrinsics, world_from_optical })
    }

    fn label(&mut self, snapshot: &Snapshot, view: &View, layout: &Layout, labels: &[u16]) -> Vec<Label> {
        let n = layout.scene.objects.len();
        let (width, height) = (view.intrinsics.width as usize, view.intrinsics.height as usize);
        let mut boxes = vec![(0usize, [usize::MAX, usize::MAX, 0, 0]); n];
        for (at, label) in labels.iter().enumerate() {
            let Some(i) = label.checked_sub(LABEL_OBJECT).map(usize::from).filter(|i| *i < n) else {
                continue;
            };
            let (col, row) = (at % width, at / width);
            let (count, b) = &mut boxes[i];
            *count += 1;
            *b = [b[0].min(col), b[1].min(row), b[2].max(col + 1), b[3].max(row + 1)];
        }
        let mut out = Vec::new();
        for (i, (object, (count, b))) in layout.scene.objects.iter().zip(boxes).enumerate() {
            if count < LEAST_PIXELS {
                continue;
            }
            let pose = &layout.world_from_object[i];
            let position: Point3<f64> = pose.translation.vector.into();
            let Some([u, v]) = view.project(position) else { continue };
            let whole = self.renderer.footprint(snapshot, view, i).max(1);
            let visible_fraction = (count as f32 / whole as f32).min(1.0);
            let inside = u >= 0.0 && v >= 0.0 && u < width as f64 && v < height as f64;
            if visible_fraction < LEAST_VISIBLE || !inside {
                continue;
            }
            let long = pose.rotation * Vector3::x();
            out.push(Label {
                shape: object.shape,
                size: object.size,
                color: object.color,
                box_px: b.map(|v| v as f32),
                center_px: [u as f32, v as f32],
                visible_fraction,
                position,
                yaw: half_turn(libm::atan2(long.y, long.x)),
                label: LABEL_OBJECT + i as u16,
            });
        }
        out
    }
}

/// The seed of a sample's random numbers.
fn key(seed: u64, index: u64) -> [u8; 32] {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&index.to_le_bytes());
    key[16..].copy_from_slice(STREAM_TAG);
    key
}

/// An angle of a line, in [−π/2, π/2).
fn half_turn(angle: f64) -> f64 {
    angle - PI * libm::floor(angle / PI + 0.5)
}

impl Iterator for Samples {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        let sample = self.sample(self.next).ok()?;
        self.next += 1;
        Some(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_plain_seed_draws_the_random_numbers_of_a_training_picture() {
        // Suites and worlds seed with `seed_from_u64`; training pictures carry their tag in the key.
        for seed in (0..20_000).chain((0..64).map(|bit| 1 << bit)) {
            assert_ne!(&ChaCha8Rng::seed_from_u64(seed).get_seed()[16..], STREAM_TAG);
        }
        assert_ne!(key(1, 0), key(0, 1));
    }

    #[test]
    fn the_turn_of_a_line_lies_within_half_a_turn() {
        for a in [-7.0, -PI, -0.5 * PI, 0.0, 0.5 * PI, 3.0, 10.0] {
            let t = half_turn(a);
            assert!((-0.5 * PI..0.5 * PI).contains(&t), "{a} gives {t}");
            assert!(libm::sin(t - a).abs() < 1e-12);
        }
    }
}
