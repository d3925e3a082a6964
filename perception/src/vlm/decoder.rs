//! The language model behind a vision-language model: a stack of attention and gated layers over tokens,
//! as the Qwen and Llama families have it, or Gemma 2.

use super::attention::{MAX_SCORES, Past, Sight, attend, capped};
use super::cache::Cache;
use super::error::{Result, VlmError};
use super::gemma::{Gemma, Views};
use super::layer::Layer;
use super::layers::{Linear, RmsNorm, Weight};
use super::mixture::MixtureConfig;
use super::positions::{Position, Rope};
use super::settings::Node;
use super::source::Source;
use candle_core::{DType, Device, Tensor};
use types::Rejection;

/// Which of an attention's products have a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bias {
    None,
    /// Queries, keys and values.
    Inputs,
    /// Those and the output.
    All,
}

/// Sizes of a [`Decoder`].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DecoderConfig {
    pub(super) vocabulary: usize,
    pub(super) hidden: usize,
    pub(super) inner: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head_dim: usize,
    pub(super) epsilon: f64,
    /// The output layer is the embedding itself.
    pub(super) is_tied: bool,
    pub(super) bias: Bias,
    /// Queries and keys are normalised per head.
    pub(super) has_qk_norm: bool,
    /// Mixtures in place of gated layers.
    pub(super) mixture: Option<MixtureConfig>,
    /// What Gemma 2 does otherwise, where this is one.
    pub(super) gemma: Option<Gemma>,
    /// Longest conversation that it was made for, tokens.
    pub(super) max_positions: usize,
}

impl DecoderConfig {
    /// From the settings of the language model, `text`, which may be a part of all of them, `root`. Without norms
    /// of queries and keys, which no key of the settings speaks of.
    pub(super) fn new(root: &Node<'_>, text: &Node<'_>) -> Result<Self> {
        const TIED: &str = "tie_word_embeddings";
        text.only("hidden_act", "silu")?;
        let size = |key: &str, most: usize| text.need(key)?.size(1..=most);
        let (hidden, heads) = (size("hidden_size", 65_536)?, size("num_attention_heads", 1024)?);
        let kv_heads = text.get("num_key_value_heads").map_or(Ok(heads), |n| n.size(1..=heads))?;
        if heads % kv_heads != 0 {
            return Err(text.need("num_key_value_heads")?.refuse(format!("a divisor of {heads} heads")));
        }
        let head_dim = text.get("head_dim").map_or(Ok(hidden / heads), |n| n.size(2..=1024))?;
        if head_dim == 0 || !head_dim.is_multiple_of(2) {
            let said = text.get("head_dim").map_or_else(|| text.need("hidden_size"), Ok)?;
            return Err(said.refuse("an even number of channels per head"));
        }
        let flag = |node: &Node<'_>, key: &str| node.get(key).map_or(Ok(false), |n| n.flag());
        for key in ["mlp_bias", "use_sliding_window"] {
            if flag(text, key)? {
                return Err(text.need(key)?.refuse("false"));
            }
        }
        Ok(Self {
            vocabulary: size("vocab_size", 1 << 24)?,
            hidden,
            inner: size("intermediate_size", 1 << 20)?,
            layers: size("num_hidden_layers", 1024)?,
            heads,
            kv_heads,
            head_dim,
            epsilon: text.need("rms_norm_eps")?.number(0.0..=1.0)?,
            is_tied: flag(if root.get(TIED).is_some() { root } else { text }, TIED)?,
            bias: if flag(text, "attention_bias")? { Bias::All } else { Bias::None },
            has_qk_norm: false,
            mixture: None,
            gemma: None,
            max_positions: size("max_position_embeddings", 1 << 30)?,
        })
    }
}

/// The base of the rotation's frequencies, of transformers 5 (in `rope_parameters`) or 4 (beside `rope_scaling`).
pub(super) fn theta(text: &Node<'_>, rope: &Node<'_>) -> Result<f64> {
    let theta = rope.get("rope_theta").or_else(|| text.get("rope_theta"));
    theta.map_or_else(|| rope.need("rope_theta"), Ok)?.number(1.0..=1e12)
}

/// The same of a rotation of the plain kind, 10,000 where nothing is said.
pub(super) fn plain_theta(text: &Node<'_>) -> Result<f64> {
    for rope in ["rope_parameters", "rope_scaling"].iter().filter_map(|key| text.get(key)) {
        rope.only("rope_type", "default")?;
        rope.only("type", "default")?;
    }
    let theta = text.get("rope_parameters").and_then(|rope| rope.get("rope_theta"));
    theta.or_else(|| text.get("rope_theta")).map_or(Ok(1e4), |n| n.number(1.0..=1e12))
}

/// What a token leads to.
pub(super) enum Next {
    /// Of every token of the vocabulary.
    Logits(Vec<f32>),
    /// The token with the greatest logit, of equals the one with the lowest number; all logits are finite.
    #[cfg_attr(not(feature = "cuda"), allow(dead_code, reason = "found by GPUs alone"))]
    Likeliest(u32),
}

/// Tokens in, logits of the next one out, with a memory of what went before.
pub(super) struct Decoder {
    config: DecoderConfig,
    embedding: Weight,
    layers: Vec<Layer>,
    norm: RmsNorm,
    head: Linear,
    rope: Rope,
    cache: Cache,
    device: Device,
    dtype: DType,
    /// One token at a time, where there is a faster way.
    #[cfg(feature = "cuda")]
    step: Option<super::gpu::Step>,
}

impl Decoder {
    /// Tensors `prefix.embed_tokens`, `prefix.layers.…`, `prefix.norm`, and `head` when it is not tied.
    pub(super) fn new(
        source: &Source<'_>,
        prefix: &str,
        head: &str,
        config: DecoderConfig,
        rope: Rope,
    ) -> Result<Self> {
        let c = &config;
        let words = (format!("{prefix}.embed_tokens.weight"), c.vocabulary);
        let embedding = source.weight(&[words], c.hidden)?;
        let layers: Result<Vec<Layer>> =
            (0..c.layers).map(|i| Layer::new(source, i, &format!("{prefix}.layers.{i}"), c)).collect();
        let norm = if c.gemma.is_some() { RmsNorm::beside_one } else { RmsNorm::new };
        let norm = norm(source, &format!("{prefix}.norm"), c.hidden, c.epsilon)?;
        let head = if c.is_tied {
            Linear::from_parts(embedding.clone(), None)
        } else {
            Linear::new(source, head, c.hidden, c.vocabulary, false)?
        };
        let (device, dtype) = (source.device().clone(), source.dtype());
        let cache = Cache::new(c.layers, c.kv_heads, c.head_dim, &device, dtype);
        let mut decoder = Self {
            embedding,
            layers: layers?,
            norm,
            head,
            rope,
            cache,
            device,
            dtype,
            config,
            #[cfg(feature = "cuda")]
            step: None,
        };
        decoder.make_step()?;
        Ok(decoder)
    }

    #[cfg(not(feature = "cuda"))]
    fn make_step(&mut self) -> Result<()> {
        Ok(())
    }

    #[cfg(feature = "cuda")]
    fn make_step(&mut self) -> Result<()> {
        use super::gpu::{LayerWeights, Step, Weights};
        if !Step::fits(&self.config, self.dtype, &self.device) {
            return Ok(());
        }
        let layers: Option<Vec<LayerWeights>> = self.layers.iter().map(Layer::plain).collect();
        if let (Some(layers), Some(words), Some((head, None))) =
            (layers, self.embedding.plain(), self.head.plain())
        {
            let weights = Weights { words: words.clone(), layers, norm: self.norm.gain().0.clone(), head };
            self.step = Some(Step::new(&self.config, weights, self.dtype, &self.device)?);
        }
        Ok(())
    }

    /// Of the matrices that every further token is multiplied with.
    pub(super) fn bytes_per_token(&self) -> usize {
        self.layers.iter().map(Layer::bytes).sum::<usize>() + self.head.bytes()
    }

    /// Bytes per second of plain reading; `None` without a GPU.
    pub(super) fn gpu_bandwidth(&self) -> Result<Option<f64>> {
        #[cfg(feature = "cuda")]
        if self.device.is_cuda() {
            return super::gpu::bandwidth(&self.device).map(Some);
        }
        Ok(None)
    }

    /// Whether the launches of a step are recorded once; false where none are made.
    pub(super) fn record_steps(&mut self, _is_recorded: bool) -> bool {
        #[cfg(feature = "cuda")]
        if let Some(step) = &mut self.step {
            step.record(_is_recorded);
            return true;
        }
        false
    }

    pub(super) fn config(&self) -> &DecoderConfig {
        &self.config
    }

    pub(super) fn cache(&mut self) -> &mut Cache {
        &mut self.cache
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    pub(super) fn dtype(&self) -> DType {
        self.dtype
    }

    /// Rows of the embedding, (tokens, hidden).
    pub(super) fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        check_ids(ids, &self.config)?;
        let ids = Tensor::new(ids, &self.device)?;
        let words = self.embedding.rows(&ids)?;
        match &self.config.gemma {
            // In the numbers of the words, as the reference rounds it.
            Some(_) => Ok((words * libm::sqrt(self.config.hidden as f64))?),
            None => Ok(words),
        }
    }

    /// Takes the next tokens of a prompt, `x_tc` of (tokens, hidden), into the cache, which must have room for them, and
    /// gives the last one's state, (1, hidden). After layer i, `added[i]` of the same shape is added. Gives up
    /// between layers when `goes_on` says so; the cache then is as before.
    pub(super) fn forward(
        &mut self,
        x_tc: Tensor,
        positions: &[Position],
        added: &[Tensor],
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Tensor> {
        let (c, first, n) = (&self.config, self.cache.len(), x_tc.dim(0)?);
        let views = Views::of_prompt(c, (first, n), || Past::new(first, &x_tc, c.heads, MAX_SCORES))?;
        let state = self.pass(x_tc, positions, added, &views, goes_on)?;
        self.cache.advance(n);
        Ok(state)
    }

    /// The last state of tokens whose keys and values are written behind those that count.
    fn pass(
        &self,
        x_tc: Tensor,
        positions: &[Position],
        added: &[Tensor],
        views: &Views<'_>,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Tensor> {
        let (cos, sin) = self.rope.table(positions, turning(&x_tc), &self.device)?;
        let mut x = x_tc;
        for (i, layer) in self.layers.iter().enumerate() {
            if !goes_on() {
                return Err(VlmError::Cancelled);
            }
            x = layer.forward(&x, (&cos, &sin), &self.config, |q, k, v| {
                let (k, v) = self.cache.append(i, k, v)?;
                attend(q, &k, &v, Sight::Past(views.in_layer(i)))
            })?;
            if let Some(more) = added.get(i) {
                x = (x + more)?;
            }
        }
        self.norm.forward(&x.narrow(0, x.dim(0)? - 1, 1)?)
    }

    /// Takes one token of text into the cache, which must have room for it; what comes next: the logits when they
    /// are wanted whole, else perhaps only the likeliest.
    pub(super) fn next(
        &mut self,
        id: u32,
        position: u32,
        _is_wanted_whole: bool,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Next> {
        #[cfg(feature = "cuda")]
        if let Some(step) = &mut self.step {
            use super::gpu::{Given, Wanted};
            if !goes_on() {
                return Err(VlmError::Cancelled);
            }
            check_ids(&[id], &self.config)?;
            let wanted = if _is_wanted_whole { Wanted::Logits } else { Wanted::Likeliest };
            let given = step.run(id, &self.rope.turn(position), &self.cache, wanted)?;
            self.cache.advance(1);
            return match given {
                Given::Logits(logits) => Ok(Next::Logits(logits)),
                Given::Likeliest(Some(id)) => Ok(Next::Likeliest(id)),
                Given::Likeliest(None) => {
                    Err(VlmError::Backend(format!("expected finite logits after token {id}")))
                }
            };
        }
        let x = self.embed(&[id])?;
        let (c, first) = (&self.config, self.cache.len());
        let views = Views::of_answer(c, first, || Past::new(first, &x, c.heads, MAX_SCORES))?;
        let state = self.pass(x.clone(), &[[position; 3]], &[], &views, goes_on)?;
        self.cache.advance(1);
        Ok(Next::Logits(self.logits(&state)?))
    }

    /// Takes one token of text, each with its position, into each of the caches, which must have room for them; the
    /// logits after each. Weights are read once for all. Gives up between layers as [`Decoder::forward`] does.
    pub(super) fn next_of_all(
        &self,
        tokens: &[(u32, u32)],
        caches: &mut [&mut Cache],
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Vec<Vec<f32>>> {
        let (ids, positions): (Vec<u32>, Vec<Position>) =
            tokens.iter().map(|(id, position)| (*id, [*position; 3])).unzip();
        let mut x = self.embed(&ids)?;
        let (cos, sin) = self.rope.table(&positions, turning(&x), &self.device)?;
        let first = x.narrow(0, 0, 1)?;
        let c = &self.config;
        let views = |cache: &&mut Cache| {
            let past = || Past::new(cache.len(), &first, c.heads, MAX_SCORES);
            Views::of_answer(c, cache.len(), past)
        };
        let views = caches.iter().map(views).collect::<Result<Vec<_>>>()?;
        for (i, layer) in self.layers.iter().enumerate() {
            if !goes_on() {
                return Err(VlmError::Cancelled);
            }
            x = layer.forward(&x, (&cos, &sin), &self.config, |q, k, v| {
                let one = |(at, (cache, views)): (usize, (&&mut Cache, &Views<'_>))| {
                    let part = |x: &Tensor| x.narrow(1, at, 1);
                    let (k, v) = cache.append(i, &part(k)?, &part(v)?)?;
                    attend(&part(q)?, &k, &v, Sight::Past(views.in_layer(i)))
                };
                let seen = caches.iter().zip(&views).enumerate().map(one).collect::<Result<Vec<_>>>()?;
                Ok(Tensor::cat(&seen, 1)?)
            })?;
        }
        caches.iter_mut().for_each(|cache| cache.advance(1));
        Ok(self.head(&self.norm.forward(&x)?)?.to_vec2()?)
    }

    /// The logits of every token of the vocabulary, from a state of (1, hidden).
    pub(super) fn logits(&self, state: &Tensor) -> Result<Vec<f32>> {
        Ok(self.head(state)?.flatten_all()?.to_vec1()?)
    }

    /// Logits of 32 bits, (states, vocabulary).
    fn head(&self, states: &Tensor) -> Result<Tensor> {
        let logits = self.head.forward(states)?.to_dtype(DType::F32)?;
        match &self.config.gemma {
            Some(gemma) => capped(&logits, gemma.logit_cap),
            None => Ok(logits),
        }
    }
}

fn check_ids(ids: &[u32], c: &DecoderConfig) -> Result<(), Rejection> {
    match ids.iter().find(|id| **id as usize >= c.vocabulary) {
        Some(id) => Err(Rejection::new("prompt", format!("tokens below {}", c.vocabulary), id.to_string())),
        None => Ok(()),
    }
}

/// The numbers of cosines and sines for these rows.
fn turning(x: &Tensor) -> DType {
    #[cfg(feature = "cuda")]
    if super::gpu::serves(x) {
        return DType::F32;
    }
    x.dtype()
}
