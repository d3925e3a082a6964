//! Simulated cameras behind the seam: a picture is rendered when it is taken, and never otherwise.

use crate::cameras::{CameraSpec, Mounted};
use crate::faults::{CameraFault, camera_fault};
use crate::look::Appearance;
use crate::render::{Rendered, Renderer, View};
use crate::robot::Rig;
use crate::snapshot::Snapshot;
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use types::seams::{Camera, CameraError};
use types::{Image, Optical, Rejection, Time, Transform, World};

/// Keeps a camera's random numbers apart from those of every other use of the same seed.
const STREAM_TAG: &[u8; 8] = b"a-camera";
/// How far another device under the same name (F11) stands to the right of the one that was unplugged,
/// metres, and how far it is turned back towards the table, radians.
const SWAPPED_BY: (f64, f64) = (0.25, 0.12);

/// A camera in a simulated world. The pose in its pictures is where it really is: a camera whose place
/// the looks shift is a calibrated one.
pub struct SimCamera {
    rig: Rig,
    name: String,
    mounted: Mounted,
    look: Appearance,
    seed: u64,
    sequence: u64,
    renderer: Renderer,
    /// What a frozen camera repeats.
    last: Option<Pixels>,
}

/// Colours, depth and pose of a picture, without stamp and sequence.
#[derive(Clone)]
struct Pixels {
    rgb: Arc<[u8]>,
    depth: Option<Arc<[f32]>>,
    world_from_optical: Transform<World, Optical>,
}

impl Rig {
    /// A camera in this world; the look is the scene's. `seed` and the camera's name seed its noise.
    ///
    /// # Errors
    /// A [`Rejection`] naming a field of `spec`, see [`CameraSpec::mounted`], or of the scene's look.
    pub fn camera(&self, spec: &CameraSpec, seed: u64) -> Result<SimCamera, Rejection> {
        let (mounted, look) = {
            let world = self.world();
            (spec.mounted(world.arm())?, world.scene().look.clone())
        };
        look.check()?;
        Ok(SimCamera {
            rig: self.clone(),
            name: spec.name.clone(),
            mounted,
            look,
            seed,
            sequence: 0,
            renderer: Renderer::new(),
            last: None,
        })
    }
}

impl SimCamera {
    /// Random numbers of picture `sequence` of this camera, whatever was taken before.
    fn rng(&self, sequence: u64) -> ChaCha8Rng {
        // FNV-1a of the name.
        let name = self
            .name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&name.to_le_bytes());
        key[16..24].copy_from_slice(&sequence.to_le_bytes());
        key[24..].copy_from_slice(STREAM_TAG);
        ChaCha8Rng::from_seed(key)
    }

    fn look_now(&mut self, snapshot: &Snapshot, swapped: bool, rng: &mut ChaCha8Rng) -> (Rendered, View) {
        let mut offset = self.look.camera_offset();
        if swapped {
            offset *= Isometry3::from_parts(
                Translation3::new(SWAPPED_BY.0, 0.0, 0.0),
                UnitQuaternion::from_axis_angle(&Vector3::y_axis(), -SWAPPED_BY.1),
            );
        }
        let actual = self.mounted.world_from_optical(snapshot).isometry() * offset;
        let view = View {
            intrinsics: self.mounted.intrinsics,
            world_from_optical: Transform::from_isometry(actual),
        };
        let mut picture = self.renderer.render(snapshot, &view, &self.look);
        self.renderer.add_noise(&mut picture, &self.look, rng);
        (picture, view)
    }

    fn image(&self, stamp: Time, pixels: &Pixels) -> Image {
        Image {
            camera: self.name.clone(),
            sequence: self.sequence,
            stamp,
            rgb: Arc::clone(&pixels.rgb),
            depth: pixels.depth.clone(),
            intrinsics: self.mounted.intrinsics,
            world_from_optical: pixels.world_from_optical,
        }
    }
}

/// What a blind sensor gives (F10).
fn blind(picture: &mut Rendered, fault: &CameraFault, rng: &mut ChaCha8Rng) {
    match fault {
        CameraFault::Black | CameraFault::Saturated => {
            picture.rgb.fill(if *fault == CameraFault::Black { 0 } else { 255 });
            picture.depth.fill(0.0);
        }
        CameraFault::Noise => {
            rng.fill(picture.rgb.as_mut_slice());
            for z in &mut picture.depth {
                *z = 0.2 + 2.0 * rng.random::<f32>();
            }
        }
        CameraFault::Rotated => {
            picture.depth.reverse();
            let turned: Vec<u8> = picture.rgb.chunks_exact(3).rev().flatten().copied().collect();
            picture.rgb = turned;
        }
        _ => {}
    }
}

impl Camera for SimCamera {
    fn name(&self) -> &str {
        &self.name
    }

    /// Name and seed; another one while the camera is swapped (F11).
    fn identity(&self) -> String {
        let swapped = {
            let world = self.rig.world();
            let fault = camera_fault(world.faults(), &self.name, world.start(), world.now());
            fault == Some(&CameraFault::Swapped)
        };
        let serial = if swapped { "other" } else { "sim" };
        format!("{serial}-{}-{:08x}", self.name, self.seed as u32)
    }

    /// Renders the world as it is now. The world is locked only while its poses are copied.
    fn take(&mut self) -> Result<Image, CameraError> {
        let (snapshot, fault) = {
            let world = self.rig.world();
            let fault = camera_fault(world.faults(), &self.name, world.start(), world.now()).cloned();
            if fault == Some(CameraFault::Unplugged) {
                return Err(CameraError::Unplugged(self.name.clone()));
            }
            (world.snapshot(), fault)
        };
        if let (Some(CameraFault::Frozen), Some(last)) = (&fault, self.last.clone()) {
            let image = self.image(snapshot.stamp, &last);
            self.sequence += 1;
            return Ok(image);
        }
        let mut rng = self.rng(self.sequence);
        let swapped = fault == Some(CameraFault::Swapped);
        let (mut picture, view) = self.look_now(&snapshot, swapped, &mut rng);
        if let Some(fault) = &fault {
            blind(&mut picture, fault, &mut rng);
        }
        let pixels = Pixels {
            rgb: picture.rgb.into(),
            depth: Some(picture.depth.into()),
            // Nobody told the robot that another device hangs there.
            world_from_optical: if swapped {
                let offset = self.look.camera_offset();
                let put = self.mounted.world_from_optical(&snapshot);
                Transform::from_isometry(put.isometry() * offset)
            } else {
                view.world_from_optical
            },
        };
        // A late picture is told by its stamp alone: what it shows was not kept, for nothing is rendered
        // that nobody takes.
        let stamp = match fault {
            Some(CameraFault::Delayed(s)) => Time::from_secs_f64((snapshot.stamp.as_secs_f64() - s).max(0.0)),
            _ => snapshot.stamp,
        };
        let image = self.image(stamp, &pixels);
        self.sequence += 1;
        self.last = Some(pixels);
        Ok(image)
    }
}

/// A free camera for the animated picture and for people: any place, any size, clean.
#[derive(Debug)]
pub struct ThirdPerson {
    view: View,
    renderer: Renderer,
}

impl ThirdPerson {
    /// A camera at `eye_m` that looks at `target_m`.
    ///
    /// # Errors
    /// As [`View::look_at`].
    pub fn new(
        eye_m: [f64; 3],
        target_m: [f64; 3],
        size_px: (u32, u32),
        fov_x_rad: f64,
    ) -> Result<Self, Rejection> {
        Ok(Self { view: View::look_at(eye_m, target_m, size_px, fov_x_rad)?, renderer: Renderer::new() })
    }

    /// Beside the table, robot and objects both in view.
    ///
    /// # Errors
    /// As [`View::look_at`], for a size that is none.
    pub fn beside(size_px: (u32, u32)) -> Result<Self, Rejection> {
        Self::new([1.30, -0.85, 0.85], [0.36, 0.0, 0.20], size_px, 0.85)
    }

    /// The picture of a snapshot.
    #[must_use]
    pub fn take(&mut self, snapshot: &Snapshot, look: &Appearance) -> Rendered {
        self.renderer.render(snapshot, &self.view, look)
    }
}
