//! A closer look at what the detector proposes: each candidate's square of the picture at the picture's
//! own resolution, with the place of every pixel in the world, says whether it is an object, where its
//! middle is, and of what colour, shape and size (a second stage as in "Faster R-CNN", Ren et al., 2015).

pub(crate) mod crop;

use super::arch::{Layer, Pass, residual};
use super::layers::Layers;
use crate::weights::Arrays;
use candle_core::Tensor;
use core::sync::atomic::AtomicBool;
use crop::{CHANNELS, SIDE};
use types::seams::ModelError;
use types::{Color, Detection, Image, Rejection, Shape, Size};

/// Where each answer stands among the [`field::COUNT`] numbers.
pub(crate) mod field {
    use super::{Color, Shape, Size};
    /// Logit of "this is an object".
    pub(crate) const OBJECT: usize = 0;
    /// From the square's middle to the object's, in cells over [`super::POINT_UNIT`]: x, y.
    pub(crate) const POINT: usize = 1;
    /// Logits of the colours.
    pub(crate) const COLOR: usize = 3;
    /// Logits of the shapes.
    pub(crate) const SHAPE: usize = COLOR + Color::ALL.len();
    /// Logits of the sizes.
    pub(crate) const SIZE: usize = SHAPE + Shape::ALL.len();
    /// How many there are.
    pub(crate) const COUNT: usize = SIZE + Size::ALL.len();
}

/// Cells per unit of a point's regression.
pub(crate) const POINT_UNIT: f32 = 4.0;

/// Channels at full, half, a quarter of and an eighth of the square's side, and of the last mixture.
const WIDTHS: [usize; 5] = [24, 32, 64, 96, 128];

/// Every layer in the order of the forward pass.
pub(crate) fn layers() -> Vec<Layer> {
    let conv = Layer::conv;
    let [full, half, quarter, eighth, mixed] = WIDTHS;
    let cells = (SIDE / 8) * (SIDE / 8);
    vec![
        conv("stem", CHANNELS, full, 3, 1),
        conv("half.down", full, half, 3, 2),
        conv("half.a.0", half, half, 3, 1),
        conv("half.a.1", half, half, 3, 1),
        conv("quarter.down", half, quarter, 3, 2),
        conv("quarter.a.0", quarter, quarter, 3, 1),
        conv("quarter.a.1", quarter, quarter, 3, 1),
        conv("eighth.down", quarter, eighth, 3, 2),
        conv("mix", eighth * cells, mixed, 1, 1),
        Layer { norm: false, relu: false, ..conv("out", mixed, field::COUNT, 1, 1) },
    ]
}

/// The flow: `x` is n × [`CHANNELS`] × side × side, the answer n × [`field::COUNT`] × 1 × 1.
pub(crate) fn forward(pass: &mut dyn Pass, x: &Tensor) -> candle_core::Result<Tensor> {
    let full = pass.layer("stem", x)?;
    let half = pass.layer("half.down", &full)?;
    let half = residual(pass, ["half.a.0", "half.a.1"], &half)?;
    let quarter = pass.layer("quarter.down", &half)?;
    let quarter = residual(pass, ["quarter.a.0", "quarter.a.1"], &quarter)?;
    let eighth = pass.layer("eighth.down", &quarter)?;
    let (n, c, h, w) = eighth.dims4()?;
    let mixed = pass.layer("mix", &eighth.reshape((n, c * h * w, 1, 1))?)?;
    pass.layer("out", &mixed)
}

/// The trained net.
#[derive(Clone, Debug)]
pub struct Closer(Layers);

impl Closer {
    /// Takes the tensors of every layer out of `arrays`.
    ///
    /// # Errors
    /// A [`Rejection`] that names a tensor that is missing, left over, of the wrong shape, or holds a
    /// number that is not finite (B30).
    pub fn new(arrays: Arrays) -> Result<Self, Rejection> {
        Ok(Self(Layers::new("closer", layers(), arrays)?))
    }

    /// The tensors that [`Closer::new`] takes.
    #[must_use]
    pub fn arrays(&self) -> Arrays {
        self.0.arrays()
    }

    /// Looks again at every candidate of a picture that shows depth; the others stay as they are.
    /// Candidates of odd pictures are looked at in the mirror, as the detector does.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`]; [`ModelError::Unusable`] when the output is not finite (F45).
    pub fn look(
        &self,
        image: &Image,
        candidates: &mut [Detection],
        cancel: &AtomicBool,
    ) -> Result<(), ModelError> {
        let gain = crop::exposure(image);
        let is_mirrored = super::is_mirrored(image);
        let (mut inputs, mut places) = (Vec::new(), Vec::new());
        for (i, d) in candidates.iter().enumerate() {
            if let Some((mut x, window)) = crop::look(image, d, gain) {
                if is_mirrored {
                    crop::mirror(&mut x);
                }
                inputs.extend(x);
                places.push((i, window));
            }
        }
        if places.is_empty() {
            return Ok(());
        }
        let n = places.len();
        let values = self.0.run(inputs, (n, CHANNELS, SIDE, SIDE), forward, cancel)?;
        for ((i, window), answer) in places.into_iter().zip(values.chunks_exact(field::COUNT)) {
            apply(&mut candidates[i], answer, window, is_mirrored);
        }
        Ok(())
    }
}

/// The share of the first look in what is believed of an attribute, as an exponent.
const FIRST_LOOK: f32 = 0.25;

/// Takes the answer in: the detector's opinion counts for little beside it.
fn apply(candidate: &mut Detection, answer: &[f32], window: crop::Window, is_mirrored: bool) {
    let [x, y] = [0, 1].map(|i| answer[field::POINT + i] * POINT_UNIT);
    candidate.point_px = window.undo([if is_mirrored { -x } else { x }, y]);
    candidate.color = joined(&candidate.color, &answer[field::COLOR..], |_| true);
    let is_container = crop::is_container(candidate);
    candidate.shape =
        joined(&candidate.shape, &answer[field::SHAPE..], |i| Shape::ALL[i].is_container() == is_container);
    candidate.size = joined(&candidate.size, &answer[field::SIZE..], |_| true);
    candidate.score = 1.0 / (1.0 + libm::expf(-answer[field::OBJECT]));
}

/// Probabilities out of earlier ones and the logits of a closer look, of those that may be.
fn joined<const N: usize>(first: &[f32; N], logits: &[f32], may_be: impl Fn(usize) -> bool) -> [f32; N] {
    let total: [f32; N] = core::array::from_fn(|i| match may_be(i) {
        true => logits[i] + FIRST_LOOK * libm::logf(first[i].max(1e-4)),
        false => f32::NEG_INFINITY,
    });
    let top = total.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
    let powers = total.map(|l| libm::expf(l - top));
    let sum: f32 = powers.iter().sum();
    powers.map(|p| p / sum)
}
