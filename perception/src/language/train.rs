//! Training of the reader on sentences that the grammar makes as they are needed.

use super::grammar::{self, Split};
use super::net::{self, END, LABELS, Net, START, Vocabulary};
use super::tags::{Mark, Meaning, Role, Tagged};
use crate::weights::{Array, Arrays, fingerprint};
use candle_core::{Device, Tensor, Var, backprop::GradStore};
use core::ops::ControlFlow;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Instant;
use types::Rejection;

/// Sentences are sorted by length within blocks of so many steps, so that little of a batch is padding.
const BLOCK: u64 = 8;
/// Share of sentences without sense.
const NONSENSE: f64 = 0.2;

/// What identifies a training: the same plan gives the same weights to the bit on one machine with the
/// same number of threads.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Options {
    /// Seed of the first weights and of the sentences.
    pub seed: u64,
    /// Steps from beginning to end: the learning rate's course depends on it.
    pub steps: u64,
    /// Sentences per step.
    pub batch: usize,
    /// Highest learning rate.
    pub rate: f32,
    /// This leg ends after so many seconds.
    pub max_seconds: Option<f64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, steps: 10_000, batch: 32, rate: 2.5e-3, max_seconds: None }
    }
}

/// Where a training stands, after every step.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Loss of this step, nats per word.
    pub loss: f32,
    /// Sentences per second in this leg.
    pub sentences_per_second: f64,
}

/// A training at one step: everything to go on from.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// Steps done.
    pub step: u64,
    /// Loss of every step done, nats per word.
    pub history: Vec<f32>,
    /// Weights (`net.…`) and the optimiser's moments (`first.…`, `second.…`).
    pub arrays: Arrays,
}

/// Why a training could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// An option or a checkpoint is bad.
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

impl Trained {
    /// The weights of the reader, for [`super::Reader::from_arrays`] and the weights file.
    #[must_use]
    pub fn weights(&self) -> Arrays {
        let mut mine = self.arrays.clone();
        crate::weights::take(&mut mine, "net")
    }

    /// Tells weights apart: see [`crate::weights::fingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.arrays)
    }
}

/// The trainer: variables and moments in memory.
pub struct Trainer {
    options: Options,
    vocabulary: Vocabulary,
    vars: Vec<(String, Var)>,
    first: Vec<Vec<f32>>,
    second: Vec<Vec<f32>>,
    step: u64,
    history: Vec<f32>,
    block: Option<(u64, Vec<Sample>)>,
}

/// One sentence as numbers.
struct Sample {
    ids: Vec<u32>,
    /// Meaning, role and mark of each word; none for nonsense.
    labels: Option<Vec<[u32; 3]>>,
}

struct Tables {
    meanings: Vec<Meaning>,
}

impl Tables {
    fn label(&self, w: &Tagged) -> [u32; 3] {
        let index = |i: Option<usize>| i.unwrap_or(0) as u32;
        [
            index(self.meanings.iter().position(|m| *m == w.meaning)),
            index(Role::ALL.iter().position(|r| *r == w.role)),
            index(Mark::ALL.iter().position(|m| *m == w.mark)),
        ]
    }
}

fn sample(v: &Vocabulary, tables: &Tables, rng: &mut ChaCha8Rng) -> Sample {
    let nonsense = rng.random::<f64>() < NONSENSE;
    let words =
        if nonsense { grammar::nonsense(Split::Train, rng) } else { grammar::tagged(Split::Train, rng).0 };
    let special = |word: &str| v.id(word).unwrap_or(0);
    let mut ids = vec![special(START)];
    ids.extend(words.iter().map(|w| v.id(&w.word).unwrap_or(0)));
    ids.push(special(END));
    let labels = (!nonsense).then(|| words.iter().map(|w| tables.label(w)).collect());
    Sample { ids, labels }
}

impl Trainer {
    /// From the beginning, or from where `resume` stands.
    ///
    /// # Errors
    /// [`TrainError::Refused`] for options that cannot be trained with, or a checkpoint that does not fit.
    pub fn new(options: Options, resume: Option<&Trained>) -> Result<Self, TrainError> {
        if !(1..=4096).contains(&options.batch) {
            return Err(
                Rejection::new("options.batch", "1 to 4096 sentences", options.batch.to_string()).into()
            );
        }
        Rejection::positive("options.rate", f64::from(options.rate))?;
        let vocabulary = Vocabulary::of_lexicon();
        let begin = net::first_weights(vocabulary.len(), options.seed);
        let (mut vars, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
        for (name, dims) in net::shapes(vocabulary.len()) {
            let n = dims.iter().product();
            let get = |part: &str| -> Result<Option<Vec<f32>>, Rejection> {
                let Some(resume) = resume else { return Ok(None) };
                let key = format!("{part}.{name}");
                let a = resume
                    .arrays
                    .get(&key)
                    .ok_or_else(|| Rejection::new(key.clone(), "a tensor", "nothing"))?;
                a.check(&key, &dims)?;
                Ok(Some(a.values.clone()))
            };
            let fresh = begin.get(&name).map(|a| a.values.clone()).unwrap_or_default();
            let values = get("net")?.unwrap_or(fresh);
            first.push(get("first")?.unwrap_or_else(|| vec![0.0; n]));
            second.push(get("second")?.unwrap_or_else(|| vec![0.0; n]));
            vars.push((name, Var::from_vec(values, dims, &Device::Cpu)?));
        }
        let (step, history) = resume.map_or((0, Vec::new()), |r| (r.step, r.history.clone()));
        Ok(Self { options, vocabulary, vars, first, second, step, history, block: None })
    }

    fn net(&self) -> Net {
        let tensors = self.vars.iter().map(|(n, v)| (n.clone(), v.as_tensor().clone())).collect();
        Net { tensors, vocabulary: self.vocabulary.clone() }
    }

    /// Where the training stands.
    ///
    /// # Errors
    /// [`TrainError`] if a tensor cannot be read back.
    pub fn checkpoint(&self) -> Result<Trained, TrainError> {
        let mut arrays = crate::weights::prefixed(self.net().arrays()?, "net");
        for (((name, var), m), v) in self.vars.iter().zip(&self.first).zip(&self.second) {
            for (part, values) in [("first", m), ("second", v)] {
                let array = Array { dims: var.dims().to_vec(), values: values.clone() };
                arrays.insert(format!("{part}.{name}"), array);
            }
        }
        Ok(Trained { step: self.step, history: self.history.clone(), arrays })
    }

    /// Learning rate of a step: a warm-up, then down to a hundredth along a cosine.
    fn rate(&self) -> f32 {
        let steps = self.options.steps.max(1);
        let warm = (steps / 20).clamp(1, 200);
        if self.step < warm {
            return self.options.rate * (self.step + 1) as f32 / warm as f32;
        }
        let done = (self.step - warm) as f32 / steps.saturating_sub(warm).max(1) as f32;
        let share = 0.5 * (1.0 + libm::cosf(core::f32::consts::PI * done.min(1.0)));
        self.options.rate * (0.01 + 0.99 * share)
    }

    /// The sentences of this step, always the same for the same seed and step.
    fn batch(&mut self) -> &[Sample] {
        let block = self.step / BLOCK;
        let n = self.options.batch;
        if self.block.as_ref().is_none_or(|(b, _)| *b != block) {
            let mut rng = ChaCha8Rng::seed_from_u64(self.options.seed);
            rng.set_stream(block + 1);
            let tables = Tables { meanings: Meaning::all() };
            let mut all: Vec<Sample> =
                (0..n * BLOCK as usize).map(|_| sample(&self.vocabulary, &tables, &mut rng)).collect();
            all.sort_by_key(|s| s.ids.len());
            self.block = Some((block, all));
        }
        // Short and long sentences take turns.
        let turn = (self.step * 5 % BLOCK) as usize;
        self.block.as_ref().map_or(&[], |(_, all)| &all[turn * n..(turn + 1) * n])
    }

    /// One step: forward, loss, backward, update.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn step(&mut self) -> Result<f32, TrainError> {
        let batch = self.batch();
        let (b, t) = (batch.len(), batch.iter().map(|s| s.ids.len()).max().unwrap_or(1));
        let mut ids = vec![0u32; b * t];
        let mut labels = vec![[0u32; 3]; b * t];
        let mut counts = vec![0f32; b * t];
        let mut sense = vec![0u32; b];
        for (i, s) in batch.iter().enumerate() {
            ids[i * t..i * t + s.ids.len()].copy_from_slice(&s.ids);
            if let Some(l) = &s.labels {
                sense[i] = 1;
                // The first id is the start token.
                labels[i * t + 1..=i * t + l.len()].copy_from_slice(l);
                counts[i * t + 1..=i * t + l.len()].fill(1.0);
            }
        }
        let n: f32 = counts.iter().sum::<f32>().max(1.0);
        let out = self.net().forward(&ids, b, t)?;
        let counts = Tensor::from_vec(counts, (b * t, 1), &Device::Cpu)?;
        let mut loss =
            candle_nn::loss::cross_entropy(&out.sense, &Tensor::from_vec(sense, b, &Device::Cpu)?)?;
        let mut at = 0;
        for (k, width) in [Meaning::COUNT, Role::ALL.len(), Mark::ALL.len()].into_iter().enumerate() {
            let wanted: Vec<u32> = labels.iter().map(|l| l[k]).collect();
            let wanted = Tensor::from_vec(wanted, (b * t, 1), &Device::Cpu)?;
            let log = candle_nn::ops::log_softmax(&out.labels.narrow(1, at, width)?.contiguous()?, 1)?;
            let part = (log.gather(&wanted, 1)? * &counts)?.sum_all()?;
            loss = (loss - (part / f64::from(n))?)?;
            at += width;
        }
        debug_assert_eq!(at, LABELS);
        let value: f32 = loss.to_scalar()?;
        if !value.is_finite() {
            return Err(TrainError::Diverged { step: self.step, loss: value });
        }
        let grads = loss.backward()?;
        self.update(&grads)?;
        self.step += 1;
        self.history.push(value);
        Ok(value)
    }

    /// Adam (Kingma and Ba, 2015) with β = (0.9, 0.99), the gradient clipped to a length of one.
    fn update(&mut self, grads: &GradStore) -> Result<(), TrainError> {
        let rate = self.rate();
        let power = i32::try_from(self.step + 1).unwrap_or(i32::MAX);
        let correct = ((1.0 - 0.9f64.powi(power)) as f32, (1.0 - 0.99f64.powi(power)) as f32);
        let mut all = Vec::new();
        for (_, var) in &self.vars {
            all.push(grads.get(var).map(|g| g.flatten_all()?.to_vec1::<f32>()).transpose()?);
        }
        let squares: f64 = all.iter().flatten().flatten().map(|g| f64::from(*g) * f64::from(*g)).sum();
        let clip = (1.0 / squares.sqrt().max(1e-12)).min(1.0) as f32;
        for (((_, var), g), (ms, vs)) in
            self.vars.iter().zip(all).zip(self.first.iter_mut().zip(&mut self.second))
        {
            let Some(g) = g else { continue };
            let mut values = var.as_tensor().flatten_all()?.to_vec1::<f32>()?;
            for (((w, g), m), v) in values.iter_mut().zip(g).zip(ms).zip(vs) {
                let g = g * clip;
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.99 * *v + 0.01 * g * g;
                *w -= rate * (*m / correct.0) / ((*v / correct.1).sqrt() + 1e-8);
            }
            var.set(&Tensor::from_vec(values, var.dims(), &Device::Cpu)?)?;
        }
        Ok(())
    }
}

/// Trains from `resume`, or from the beginning, until the steps of `options` or the leg's seconds are
/// over, or `progress` breaks off. Several legs end in the same bytes as one.
///
/// # Errors
/// [`TrainError`]; the last checkpoint remains good.
pub fn train(
    options: Options,
    resume: Option<&Trained>,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Trained, TrainError> {
    let mut trainer = Trainer::new(options, resume)?;
    let (begun, from) = (Instant::now(), trainer.step);
    while trainer.step < options.steps
        && options.max_seconds.is_none_or(|s| begun.elapsed().as_secs_f64() < s)
    {
        let loss = trainer.step()?;
        let done = (trainer.step - from) * options.batch as u64;
        let now = Progress {
            step: trainer.step,
            steps: options.steps,
            loss,
            sentences_per_second: done as f64 / begun.elapsed().as_secs_f64().max(1e-9),
        };
        if progress(&now).is_break() {
            break;
        }
    }
    trainer.checkpoint()
}
