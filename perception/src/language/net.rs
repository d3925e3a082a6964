//! The network: words in, a label of three parts for each, and whether the sentence makes sense.
//!
//! Word vectors, then gated convolutions over words with widening gaps (dilated convolutions as in
//! Strubell et al., 2017; gated linear units as in Dauphin et al., 2017), each added to what it reads
//! and fed through a root-mean-square norm (Zhang and Sennrich, 2019). A label depends on the nearest
//! [`REACH`] words to either side only, which is what lets three tasks in a row be read by a network
//! that learned each of them alone.

use super::lexicon;
use super::tags::{Mark, Meaning, Role};
use crate::weights::{Array, Arrays};
use candle_core::{Device, Result, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use types::Rejection;

/// Length of a word's vector.
pub const WIDTH: usize = 96;
/// Distance in words between the three taps of each layer.
pub const GAPS: [usize; 6] = [1, 2, 4, 8, 1, 2];
/// Words to either side that a label can depend on.
pub const REACH: usize = 18;
/// Labels per word: meanings, roles, marks.
pub const LABELS: usize = Meaning::COUNT + Role::ALL.len() + Mark::ALL.len();
/// Fills up the shorter sentences of a batch.
pub const PAD: &str = "<pad>";
/// Stands before every sentence.
pub const START: &str = "<start>";
/// Stands behind every sentence.
pub const END: &str = "<end>";

/// Largest vocabulary accepted, words.
const MAX_WORDS: usize = 4096;
const EPSILON: f64 = 1e-6;

/// The words the network has a vector for, in the order of their index; stored with the weights, so
/// that the two never part.
#[derive(Clone, Debug, PartialEq)]
pub struct Vocabulary {
    words: Vec<String>,
    index: BTreeMap<String, u32>,
}

impl Vocabulary {
    /// The special tokens and the whole lexicon.
    #[must_use]
    pub fn of_lexicon() -> Self {
        let words = [PAD, START, END].into_iter().map(str::to_owned);
        Self::of(words.chain(lexicon::lexicon().keys().cloned()).collect())
    }

    fn of(words: Vec<String>) -> Self {
        let index = (0u32..).zip(&words).map(|(i, w)| (w.clone(), i)).collect();
        Self { words, index }
    }

    /// How many words, special tokens included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are none; never true of a vocabulary that was accepted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Index of a word.
    #[must_use]
    pub fn id(&self, word: &str) -> Option<u32> {
        self.index.get(word).copied()
    }

    /// As an array of bytes, words parted by line feeds: every byte is a whole number that f16 holds.
    fn array(&self) -> Array {
        let values: Vec<f32> = self.words.join("\n").bytes().map(f32::from).collect();
        Array { dims: vec![values.len()], values }
    }

    /// # Errors
    /// A [`Rejection`] for bytes that are no list of different words, or lack a special token (B31).
    fn from_array(array: &Array) -> std::result::Result<Self, Rejection> {
        let refuse =
            |expected: &'static str, got: String| Rejection::new("language.vocabulary", expected, got);
        let bytes = array
            .values
            .iter()
            .map(|&v| {
                let byte = v as u8;
                if f32::from(byte) == v { Ok(byte) } else { Err(refuse("bytes", v.to_string())) }
            })
            .collect::<std::result::Result<Vec<u8>, _>>()?;
        let text = String::from_utf8(bytes).map_err(|e| refuse("UTF-8", e.to_string()))?;
        let v = Self::of(text.split('\n').map(str::to_owned).collect());
        if v.words.len() > MAX_WORDS || v.index.len() != v.words.len() {
            return Err(refuse("at most 4096 different words", format!("{} words", v.words.len())));
        }
        for special in [PAD, START, END] {
            if v.id(special).is_none() {
                return Err(Rejection::new(
                    "language.vocabulary",
                    format!("the special token {special}"),
                    "a vocabulary without it",
                ));
            }
        }
        if v.id(PAD) != Some(0) {
            return Err(refuse("<pad> as its first word", v.words[0].clone()));
        }
        Ok(v)
    }
}

/// The shapes of all weights, by name.
pub(super) fn shapes(n_words: usize) -> Vec<(String, Vec<usize>)> {
    let mut all = vec![("words".to_owned(), vec![n_words, WIDTH])];
    for i in 0..GAPS.len() {
        all.push((format!("layer{i}.gain"), vec![WIDTH]));
        all.push((format!("layer{i}.weight"), vec![3 * WIDTH, 2 * WIDTH]));
        all.push((format!("layer{i}.bias"), vec![2 * WIDTH]));
    }
    all.push(("last.gain".to_owned(), vec![WIDTH]));
    all.push(("label.weight".to_owned(), vec![WIDTH, LABELS]));
    all.push(("label.bias".to_owned(), vec![LABELS]));
    all.push(("sense.weight".to_owned(), vec![2 * WIDTH, 2]));
    all.push(("sense.bias".to_owned(), vec![2]));
    all
}

/// Random first weights.
pub(super) fn first_weights(n_words: usize, seed: u64) -> Arrays {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let draw = |(name, dims): (String, Vec<usize>)| {
        let n: usize = dims.iter().product();
        // Uniform with the variance 1/fan-in; word vectors of unit variance; gains one, biases zero.
        let bound = if name == "words" { 1.0 } else { (3.0 / dims[0] as f32).sqrt() };
        let values = if name.ends_with("gain") {
            vec![1.0; n]
        } else if name.ends_with("bias") {
            vec![0.0; n]
        } else {
            (0..n).map(|_| rng.random_range(-bound..bound)).collect()
        };
        (name, Array { dims, values })
    };
    shapes(n_words).into_iter().map(draw).collect()
}

/// What comes out of a batch of `b` sentences of `t` words.
pub(super) struct Output {
    /// b·t × [`LABELS`], not normalised.
    pub(super) labels: Tensor,
    /// b × 2, not normalised: nonsense, sense.
    pub(super) sense: Tensor,
}

/// The weights as tensors.
#[derive(Clone, Debug)]
pub struct Net {
    pub(super) tensors: BTreeMap<String, Tensor>,
    pub(super) vocabulary: Vocabulary,
}

impl Net {
    /// # Errors
    /// A [`Rejection`] that names the array that is missing, of another shape, or not finite (B30), or
    /// what the vocabulary lacks (B31).
    pub fn from_arrays(arrays: &Arrays) -> std::result::Result<Self, Rejection> {
        let get = |name: &str| {
            arrays.get(name).ok_or_else(|| Rejection::new(format!("language.{name}"), "a tensor", "nothing"))
        };
        let vocabulary = Vocabulary::from_array(get("vocabulary")?)?;
        let mut tensors = BTreeMap::new();
        for (name, dims) in shapes(vocabulary.len()) {
            let array = get(&name)?;
            array.check(&format!("language.{name}"), &dims)?;
            let t = Tensor::from_vec(array.values.clone(), dims, &Device::Cpu)
                .map_err(|e| Rejection::new(format!("language.{name}"), "a tensor", e.to_string()))?;
            tensors.insert(name, t);
        }
        Ok(Self { tensors, vocabulary })
    }

    /// The weights with the vocabulary they belong to.
    ///
    /// # Errors
    /// A [`Rejection`] if a tensor cannot be read back.
    pub fn arrays(&self) -> std::result::Result<Arrays, Rejection> {
        let mut arrays = Arrays::new();
        for (name, t) in &self.tensors {
            let values = t
                .flatten_all()
                .and_then(|t| t.to_vec1())
                .map_err(|e| Rejection::new(format!("language.{name}"), "f32", e.to_string()))?;
            arrays.insert(name.clone(), Array { dims: t.dims().to_vec(), values });
        }
        arrays.insert("vocabulary".to_owned(), self.vocabulary.array());
        Ok(arrays)
    }

    fn get(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).ok_or_else(|| candle_core::Error::Msg(format!("no weights {name}")))
    }

    fn norm(&self, x: &Tensor, gain: &str) -> Result<Tensor> {
        let scale = (x.sqr()?.mean_keepdim(2)? + EPSILON)?.sqrt()?;
        x.broadcast_div(&scale)?.broadcast_mul(self.get(gain)?)
    }

    /// `ids` holds b sentences of t words each, row by row.
    pub(super) fn forward(&self, ids: &[u32], b: usize, t: usize) -> Result<Output> {
        let pad: Vec<f32> = ids.iter().map(|&i| if i == 0 { 0.0 } else { 1.0 }).collect();
        let mask = Tensor::from_vec(pad, (b, t, 1), &Device::Cpu)?;
        let ids = Tensor::from_slice(ids, b * t, &Device::Cpu)?;
        let mut x = self.get("words")?.index_select(&ids, 0)?.reshape((b, t, WIDTH))?.broadcast_mul(&mask)?;
        for (i, &gap) in GAPS.iter().enumerate() {
            let h = self.norm(&x, &format!("layer{i}.gain"))?;
            let taps = if gap < t {
                let keep = t - gap;
                let before = h.narrow(1, 0, keep)?.pad_with_zeros(1, gap, 0)?;
                let after = h.narrow(1, gap, keep)?.pad_with_zeros(1, 0, gap)?;
                Tensor::cat(&[&before, &h, &after], 2)?
            } else {
                let none = h.zeros_like()?;
                Tensor::cat(&[&none, &h, &none], 2)?
            };
            let y = taps
                .reshape((b * t, 3 * WIDTH))?
                .matmul(self.get(&format!("layer{i}.weight"))?)?
                .broadcast_add(self.get(&format!("layer{i}.bias"))?)?;
            let (value, gate) = (y.narrow(1, 0, WIDTH)?, y.narrow(1, WIDTH, WIDTH)?);
            // σ(g) = (1 + tanh(g/2)) / 2.
            let gate = ((gate * 0.5)?.tanh()? + 1.0)?;
            let y = ((value * gate)? * 0.5)?.reshape((b, t, WIDTH))?;
            x = (x + y.broadcast_mul(&mask)?)?;
        }
        let h = self.norm(&x, "last.gain")?;
        let labels = h
            .reshape((b * t, WIDTH))?
            .matmul(self.get("label.weight")?)?
            .broadcast_add(self.get("label.bias")?)?;
        let h = h.broadcast_mul(&mask)?;
        let n = mask.sum_keepdim(1)?.reshape((b, 1))?;
        let mean = h.sum(1)?.broadcast_div(&n)?;
        let pooled = Tensor::cat(&[&mean, &h.max(1)?], 1)?;
        let sense = pooled.matmul(self.get("sense.weight")?)?.broadcast_add(self.get("sense.bias")?)?;
        Ok(Output { labels, sense })
    }
}
