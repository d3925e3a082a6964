//! One layer of a language model: attention over what came before, then a gated layer or a mixture of them.

use super::attention::{join_heads, split_heads};
use super::decoder::{Bias, DecoderConfig};
use super::error::Result;
use super::layers::{Gate, GatedMlp, Linear, RmsNorm, rotate};
use super::mixture::Mixture;
use super::source::Source;
use candle_core::{D, Tensor};

/// The layer.
pub(super) struct Layer {
    before_attention: RmsNorm,
    qkv: Linear,
    qk_norm: Option<(RmsNorm, RmsNorm)>,
    out: Linear,
    after_attention: Option<RmsNorm>,
    before_mlp: RmsNorm,
    mlp: Mlp,
    after_mlp: Option<RmsNorm>,
}

enum Mlp {
    Gated(GatedMlp),
    Mixture(Mixture),
}

impl Mlp {
    fn new(source: &Source<'_>, layer: usize, name: &str, c: &DecoderConfig) -> Result<Self> {
        match &c.mixture {
            Some(mixture) if mixture.is_in(layer) => {
                Ok(Self::Mixture(Mixture::new(source, name, c.hidden, mixture)?))
            }
            _ => {
                let gate = if c.gemma.is_some() { Gate::Gelu } else { Gate::Silu };
                let mlp = GatedMlp::new(source, name, c.hidden, c.inner, false)?;
                Ok(Self::Gated(mlp.opened_by(gate)))
            }
        }
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Gated(mlp) => mlp.forward(x),
            Self::Mixture(mixture) => mixture.forward(x),
        }
    }

    /// Of the matrices that one token goes through.
    fn bytes(&self) -> usize {
        match self {
            Self::Gated(mlp) => mlp.bytes(),
            Self::Mixture(mixture) => mixture.bytes(),
        }
    }
}

impl Layer {
    pub(super) fn new(source: &Source<'_>, idx: usize, name: &str, c: &DecoderConfig) -> Result<Self> {
        let attention = format!("{name}.self_attn");
        let (n_q, n_kv) = (c.heads * c.head_dim, c.kv_heads * c.head_dim);
        let parts = [("q_proj", n_q), ("k_proj", n_kv), ("v_proj", n_kv)];
        let parts = parts.map(|(part, n)| (format!("{attention}.{part}"), n));
        let norm = |of: &str| RmsNorm::new(source, &format!("{attention}.{of}_norm"), c.head_dim, c.epsilon);
        let is_gemma = c.gemma.is_some();
        let of_all = if is_gemma { RmsNorm::beside_one } else { RmsNorm::new };
        let of_all = |of: &str| of_all(source, &format!("{name}.{of}_layernorm"), c.hidden, c.epsilon);
        // One name for two places: Gemma's stands behind the attention.
        let second = of_all("post_attention")?;
        let (after_attention, before_mlp, after_mlp) = if is_gemma {
            (Some(second), of_all("pre_feedforward")?, Some(of_all("post_feedforward")?))
        } else {
            (None, second, None)
        };
        Ok(Self {
            before_attention: of_all("input")?,
            qkv: Linear::stacked(source, &parts, c.hidden, c.bias != Bias::None)?,
            qk_norm: if c.has_qk_norm { Some((norm("q")?, norm("k")?)) } else { None },
            out: Linear::new(source, &format!("{attention}.o_proj"), n_q, c.hidden, c.bias == Bias::All)?,
            after_attention,
            before_mlp,
            mlp: Mlp::new(source, idx, &format!("{name}.mlp"), c)?,
            after_mlp,
        })
    }

    /// Of the matrices that every further token is multiplied with.
    pub(super) fn bytes(&self) -> usize {
        self.qkv.bytes() + self.out.bytes() + self.mlp.bytes()
    }

    /// What it consists of, where none of it is in blocks and it is no mixture.
    #[cfg(feature = "cuda")]
    pub(super) fn plain(&self) -> Option<super::gpu::LayerWeights> {
        let Mlp::Gated(mlp) = &self.mlp else { return None };
        let (gate_up, down) = mlp.plain()?;
        Some(super::gpu::LayerWeights {
            before_attention: self.before_attention.gain().0.clone(),
            qkv: self.qkv.plain()?,
            qk_norm: self.qk_norm.as_ref().map(|(q, k)| (q.gain().0.clone(), k.gain().0.clone())),
            out: self.out.plain()?,
            before_mlp: self.before_mlp.gain().0.clone(),
            gate_up,
            down,
        })
    }

    /// Queries and keys, each (heads, tokens, d), normalised per head and turned.
    fn turned(
        &self,
        qkv: &Tensor,
        (cos, sin): (&Tensor, &Tensor),
        c: &DecoderConfig,
    ) -> Result<(Tensor, Tensor)> {
        let norms = self.qk_norm.as_ref();
        let n_q = c.heads * c.head_dim;
        #[cfg(feature = "cuda")]
        if super::gpu::serves(qkv) {
            let turn = |first, heads, norm: Option<&RmsNorm>| {
                let norm = norm.map(RmsNorm::gain);
                super::gpu::turn(qkv, (first, heads, c.head_dim), norm, (cos, sin))
            };
            return Ok((turn(0, c.heads, norms.map(|n| &n.0))?, turn(n_q, c.kv_heads, norms.map(|n| &n.1))?));
        }
        let part = |begin, n, heads| split_heads(&qkv.narrow(D::Minus1, begin, n)?, heads);
        let mut q = part(0, n_q, c.heads)?;
        let mut k = part(n_q, c.kv_heads * c.head_dim, c.kv_heads)?;
        if let Some((q_norm, k_norm)) = norms {
            (q, k) = (q_norm.forward(&q)?, k_norm.forward(&k)?);
        }
        Ok((rotate(&q, cos, sin)?, rotate(&k, cos, sin)?))
    }

    /// Takes `x`, (tokens, hidden), through it. `look` is given queries, keys and values, each (heads, tokens, d), and
    /// gives what the queries see.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        (cos, sin): (&Tensor, &Tensor),
        c: &DecoderConfig,
        look: impl FnOnce(&Tensor, &Tensor, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let qkv = self.qkv.forward(&self.before_attention.forward(x)?)?;
        let (n_q, n_kv) = (c.heads * c.head_dim, c.kv_heads * c.head_dim);
        let (q, k) = self.turned(&qkv, (cos, sin), c)?;
        let v = split_heads(&qkv.narrow(D::Minus1, n_q + n_kv, n_kv)?, c.kv_heads)?;
        let seen = self.out.forward(&join_heads(&look(&q, &k, &v)?)?)?;
        let x = (x + through(self.after_attention.as_ref(), seen)?)?;
        let y = self.mlp.forward(&self.before_mlp.forward(&x)?)?;
        Ok((x + through(self.after_mlp.as_ref(), y)?)?)
    }
}

/// Through a norm, where there is one.
fn through(norm: Option<&RmsNorm>, x: Tensor) -> Result<Tensor> {
    norm.map_or(Ok(x.clone()), |norm| norm.forward(&x))
}
