//! Picture to objects: a small dense detector. Every half-size cell says whether an object's centre is
//! here, and if so its box, colour, shape and size ("Objects as Points", Zhou et al., 2019).

pub(crate) mod arch;
pub(crate) mod closer;
pub(crate) mod conv;
pub(crate) mod decode;
pub(crate) mod input;
pub(crate) mod layers;
pub(crate) mod ops;
pub(crate) mod relief;

pub use arch::{Arch, INPUT_HEIGHT, INPUT_WIDTH};
pub use closer::Closer;

use crate::weights::Arrays;
use arch::{INPUT_CHANNELS, OUTPUT_CHANNELS};
use core::sync::atomic::AtomicBool;
use types::seams::ModelError;
use types::{Detection, Image, Rejection};

/// Least score of a reported object.
pub const THRESHOLD: f32 = 0.35;
/// Least score of a candidate for a closer look.
pub const CANDIDATE: f32 = 0.10;

/// The trained detector, its normalisation folded into weights and biases.
#[derive(Clone, Debug)]
pub struct Net {
    arch: Arch,
    layers: layers::Layers,
}

impl Net {
    /// Takes the tensors `<layer>.weight` and `<layer>.bias` of every layer out of `arrays`.
    ///
    /// # Errors
    /// A [`Rejection`] that names a tensor that is missing, left over, of the wrong shape, or holds a
    /// number that is not finite (B30).
    pub fn new(arch: Arch, arrays: Arrays) -> Result<Self, Rejection> {
        Ok(Self { arch, layers: layers::Layers::new("vision", arch.layers(), arrays)? })
    }

    /// The tensors that [`Net::new`] takes.
    #[must_use]
    pub fn arrays(&self) -> Arrays {
        self.layers.arrays()
    }

    /// The channels at each scale.
    #[must_use]
    pub fn arch(&self) -> Arch {
        self.arch
    }

    /// Every object in a picture, best first. Depth, where the picture has it, is looked at too.
    ///
    /// Pictures of odd sequence number are looked at in the mirror: where two pictures of one view are
    /// taken together, the net then errs in two ways instead of in one way twice.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`]; [`ModelError::Unusable`] when the output is not finite (F45).
    pub fn detect(&self, image: &Image, cancel: &AtomicBool) -> Result<Vec<Detection>, ModelError> {
        self.propose(image, THRESHOLD, cancel)
    }

    /// As [`Net::detect`], with every candidate of at least this score, 0 to 1.
    ///
    /// # Errors
    /// As [`Net::detect`].
    pub fn propose(
        &self,
        image: &Image,
        threshold: f32,
        cancel: &AtomicBool,
    ) -> Result<Vec<Detection>, ModelError> {
        let (mut x, fit) = input::prepare(image, (INPUT_WIDTH, INPUT_HEIGHT));
        let is_mirrored = is_mirrored(image);
        if is_mirrored {
            input::mirror(&mut x, (INPUT_WIDTH, INPUT_HEIGHT));
        }
        let dims = (1, INPUT_CHANNELS, INPUT_HEIGHT, INPUT_WIDTH);
        let values = self.layers.run(x, dims, arch::forward, cancel)?;
        let maps = decode::Maps { values: &values, width: INPUT_WIDTH / 2, height: INPUT_HEIGHT / 2 };
        debug_assert_eq!(values.len(), OUTPUT_CHANNELS * maps.width * maps.height / 4);
        let mut found = maps.detections(threshold, fit);
        if is_mirrored {
            let width = image.size().0 as f32;
            for d in &mut found {
                let [left, top, right, bottom] = d.box_px;
                d.box_px = [width - right, top, width - left, bottom];
                d.point_px[0] = width - d.point_px[0];
            }
        }
        Ok(found)
    }
}

/// Whether a picture is looked at in the mirror.
fn is_mirrored(image: &Image) -> bool {
    image.sequence % 2 == 1
}
