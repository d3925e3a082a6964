//! Training of the detector and of the closer look: samples in, a checkpoint out, in legs of any length.

mod checkpoint;
mod closer;
mod lesson;
mod loss;
mod parameters;
mod sample;

pub use checkpoint::{Checkpoint, Plan, Subject};
pub use loss::Parts;
pub use sample::{Label, Sample};

use crate::vision::{Arch, INPUT_HEIGHT, INPUT_WIDTH, Net, closer as second, ops};
use candle_core::{Device, Tensor};
use core::ops::ControlFlow;
use lesson::{Detecting, Lesson, Prepared};
use parameters::Parameters;
use std::time::Instant;
use types::Rejection;

/// Why a training could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The plan, the checkpoint or a sample is bad.
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// The loss is no longer a number.
    #[error("the loss became {loss} at step {step}")]
    Diverged {
        /// The step at which it was seen.
        step: u64,
        /// What it was.
        loss: f32,
    },
    /// A tensor operation failed.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// How long one leg of a training may be.
#[derive(Copy, Clone, Debug)]
pub struct Leg {
    /// Stop after so many further steps.
    pub max_steps: Option<u64>,
    /// Stop after so many seconds.
    pub max_seconds: Option<f64>,
    /// Threads for tensors and samples, at least one. Another number gives other bits.
    pub threads: usize,
}

/// Where a training stands, after every step.
#[derive(Copy, Clone, Debug)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Loss of this step.
    pub loss: Parts,
    /// Learning rate of this step.
    pub rate: f32,
    /// Pictures per second in this leg.
    pub pictures_per_second: f64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            subject: Subject::Detector { arch: Arch::default(), input: (INPUT_WIDTH, INPUT_HEIGHT) },
            seed: 1,
            steps: 4000,
            batch: 8,
            rate: 2e-3,
            decay: 1e-2,
        }
    }
}

impl Plan {
    /// The checkpoint before the first step.
    ///
    /// # Errors
    /// [`TrainError::Refused`] for a plan that cannot be trained with.
    pub fn begin(self) -> Result<Checkpoint, TrainError> {
        self.check()?;
        let arrays = self.parameters()?.arrays()?;
        Ok(Checkpoint { plan: self, step: 0, history: Vec::new(), arrays })
    }

    fn parameters(&self) -> candle_core::Result<Parameters> {
        match self.subject {
            Subject::Detector { arch, .. } => {
                Parameters::new(arch.layers(), lesson::first_biases(), self.seed)
            }
            Subject::Closer => Parameters::new(second::layers(), vec![0.0; second::field::COUNT], self.seed),
        }
    }

    /// Learning rate of a step: a warm-up over a twentieth of the steps (at most 300), then down to a
    /// hundredth of the highest along a cosine.
    #[must_use]
    pub fn rate_at(&self, step: u64) -> f32 {
        let warm = (self.steps / 20).clamp(1, 300);
        if step < warm {
            return self.rate * (step + 1) as f32 / warm as f32;
        }
        let done = (step - warm) as f32 / self.steps.saturating_sub(warm).max(1) as f32;
        let share = 0.5 * (1.0 + libm::cosf(core::f32::consts::PI * done.min(1.0)));
        self.rate * (0.01 + 0.99 * share)
    }
}

fn parameters(checkpoint: &Checkpoint) -> Result<Parameters, Rejection> {
    let mut p = checkpoint
        .plan
        .parameters()
        .map_err(|e| Rejection::new("plan.subject", "a net that fits into memory", e.to_string()))?;
    p.restore(checkpoint.arrays.clone())?;
    Ok(p)
}

/// Trains the detector from where `checkpoint` stands until its plan or the leg is done, or `progress`
/// breaks off. `sample(i)` gives the i-th picture of an endless row, always the same for the same `i`;
/// it is called from several threads.
///
/// A training in several legs ends in the same bytes as one in a single leg.
///
/// # Errors
/// [`TrainError`]; the last checkpoint remains good.
pub fn vision(
    checkpoint: Checkpoint,
    sample: &(dyn Fn(u64) -> Result<Sample, Rejection> + Sync),
    leg: Leg,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Checkpoint, TrainError> {
    let Subject::Detector { input, .. } = checkpoint.plan.subject else {
        return Err(Rejection::new("plan.subject", "detector", "closer").into());
    };
    teach(checkpoint, &Detecting { input }, sample, leg, progress)
}

/// Trains the closer look at what `detector` proposes, as [`vision`] trains the detector.
///
/// # Errors
/// [`TrainError`]; the last checkpoint remains good.
pub fn closer(
    checkpoint: Checkpoint,
    detector: &Net,
    sample: &(dyn Fn(u64) -> Result<Sample, Rejection> + Sync),
    leg: Leg,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Checkpoint, TrainError> {
    if checkpoint.plan.subject != Subject::Closer {
        return Err(Rejection::new("plan.subject", "closer", "detector").into());
    }
    teach(checkpoint, &closer::LookingCloser { detector }, sample, leg, progress)
}

fn teach<L: Lesson>(
    checkpoint: Checkpoint,
    lesson: &L,
    sample: &(dyn Fn(u64) -> Result<Sample, Rejection> + Sync),
    leg: Leg,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Checkpoint, TrainError> {
    let plan = checkpoint.plan;
    plan.check()?;
    let threads = leg.threads.max(1);
    let mut parameters = parameters(&checkpoint)?;
    let (mut step, mut history) = (checkpoint.step, checkpoint.history);
    let begun = (Instant::now(), step);
    let last = plan.steps.min(leg.max_steps.map_or(u64::MAX, |n| step.saturating_add(n)));
    while step < last && leg.max_seconds.is_none_or(|s| begun.0.elapsed().as_secs_f64() < s) {
        let pictures = batch(lesson, &plan, step, sample, threads)?;
        let rate = plan.rate_at(step);
        let loss = learn(lesson, &mut parameters, &plan, &pictures, step, rate, threads)?;
        step += 1;
        history.push(loss);
        let pictures_per_second =
            ((step - begun.1) * plan.batch as u64) as f64 / begun.0.elapsed().as_secs_f64().max(1e-9);
        let now = Progress { step, steps: plan.steps, loss, rate, pictures_per_second };
        if progress(&now).is_break() {
            break;
        }
    }
    Ok(Checkpoint { plan, step, history, arrays: parameters.arrays()? })
}

/// The pictures of one step, made in parallel.
fn batch<L: Lesson>(
    lesson: &L,
    plan: &Plan,
    step: u64,
    sample: &(dyn Fn(u64) -> Result<Sample, Rejection> + Sync),
    threads: usize,
) -> Result<Vec<Prepared<L::Target>>, TrainError> {
    let make = |i: usize| {
        let index = step * plan.batch as u64 + i as u64;
        // Each picture has its own seed (splitmix64's odd constant spreads neighbours apart).
        let seed = plan.seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        lesson.prepare(&sample(index)?, seed)
    };
    // One dummy float per picture stands for its place in the row.
    ops::for_each_chunk(&mut vec![0.0; plan.batch], 1, threads, &|i, _| make(i)).into_iter().collect()
}

/// One step: forward, loss, backward, update. Pictures that teach nothing change nothing.
fn learn<L: Lesson>(
    lesson: &L,
    parameters: &mut Parameters,
    plan: &Plan,
    pictures: &[Prepared<L::Target>],
    step: u64,
    rate: f32,
    threads: usize,
) -> Result<Parts, TrainError> {
    let values: Vec<f32> = pictures.iter().flat_map(|p| p.x.iter().copied()).collect();
    let (c, h, w) = lesson.input();
    let n = values.len() / (c * h * w);
    if n == 0 {
        return Ok(Parts::default());
    }
    let x = Tensor::from_vec(values, (n, c, h, w), &Device::Cpu)?;
    let output = lesson.forward(&mut parameters.pass(threads), &x)?;
    let targets: Vec<&[L::Target]> = pictures.iter().map(|p| p.targets.as_slice()).collect();
    let (parts, grad) = ops::with_values(&output, |values| Ok(lesson.loss(values, &targets)))?;
    if !parts.total().is_finite() {
        return Err(TrainError::Diverged { step, loss: parts.total() });
    }
    let slope = Tensor::from_vec(grad, output.dims(), &Device::Cpu)?;
    let grads = output.apply_op1(ops::Scored { loss: parts.total(), slope })?.backward()?;
    parameters.update(&grads, step + 1, rate, plan.decay)?;
    Ok(parts)
}
