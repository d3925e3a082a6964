//! What each net is taught: its input out of a picture, its flow, its loss.

use super::TrainError;
use super::loss::{self, Parts};
use super::sample::{self, Sample, Target};
use crate::vision::arch::{self, INPUT_CHANNELS, OUTPUT_CHANNELS, Pass, field};
use candle_core::Tensor;

/// Inputs out of one picture, one after the other, and what their answers should be.
pub(crate) struct Prepared<T> {
    pub(crate) x: Vec<f32>,
    pub(crate) targets: Vec<T>,
}

/// How one net learns from pictures.
pub(crate) trait Lesson: Sync {
    /// What an answer should be.
    type Target: Send;

    /// Channels, rows and columns of one input.
    fn input(&self) -> (usize, usize, usize);

    /// The inputs out of a picture, changed a little by `seed` alone.
    ///
    /// # Errors
    /// For a sample that cannot be learned from.
    fn prepare(&self, sample: &Sample, seed: u64) -> Result<Prepared<Self::Target>, TrainError>;

    /// The net.
    ///
    /// # Errors
    /// When a tensor operation fails.
    fn forward(&self, pass: &mut dyn Pass, x: &Tensor) -> candle_core::Result<Tensor>;

    /// The loss of a batch's output, and its slope by every number of it; `targets` by picture.
    fn loss(&self, output: &[f32], targets: &[&[Self::Target]]) -> (Parts, Vec<f32>);
}

/// The detector's: a whole picture, and every object in it.
pub(crate) struct Detecting {
    /// Width and height of the net's input.
    pub(crate) input: (usize, usize),
}

impl Lesson for Detecting {
    type Target = Target;

    fn input(&self) -> (usize, usize, usize) {
        (INPUT_CHANNELS, self.input.1, self.input.0)
    }

    fn prepare(&self, sample: &Sample, seed: u64) -> Result<Prepared<Target>, TrainError> {
        Ok(sample::prepare(sample, self.input, seed)?)
    }

    fn forward(&self, pass: &mut dyn Pass, x: &Tensor) -> candle_core::Result<Tensor> {
        arch::forward(pass, x)
    }

    fn loss(&self, output: &[f32], targets: &[&[Target]]) -> (Parts, Vec<f32>) {
        loss::batch(output, targets, (self.input.0 / 2, self.input.1 / 2))
    }
}

/// The biases of the detector's last layer before training: heat starts at a probability of one in a
/// hundred, so that the many empty cells do not drown the few others (Lin et al., "Focal Loss", 2017).
pub(crate) fn first_biases() -> Vec<f32> {
    (0..OUTPUT_CHANNELS).map(|i| if (i / 4) % field::COUNT == field::HEAT { -4.6 } else { 0.0 }).collect()
}
