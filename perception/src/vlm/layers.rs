//! The layers that all models here are made of. Tensors are `(tokens, channels)` or `(heads, tokens, channels)`.

use super::error::Result;
use super::source::Source;
use candle_core::{D, Tensor};
use candle_nn::ops;

/// x Wᵀ + b.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    weight_oi: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// `name.weight` and, with `has_bias`, `name.bias`.
    pub(super) fn new(
        source: &Source<'_>,
        name: &str,
        n_in: usize,
        n_out: usize,
        has_bias: bool,
    ) -> Result<Self> {
        let weight_oi = source.get(&format!("{name}.weight"), &[n_out, n_in])?;
        let bias = if has_bias { Some(source.get(&format!("{name}.bias"), &[n_out])?) } else { None };
        Ok(Self { weight_oi, bias })
    }

    /// Several layers over the same input as one: its output is theirs, side by side.
    pub(super) fn stacked(
        source: &Source<'_>,
        parts: &[(String, usize)],
        n_in: usize,
        has_bias: bool,
    ) -> Result<Self> {
        let of = |end: &str| parts.iter().map(|(n, o)| (format!("{n}.{end}"), *o)).collect::<Vec<_>>();
        let weight_oi = source.stacked(&of("weight"), n_in)?;
        let bias = if has_bias { Some(source.joined(&of("bias"))?) } else { None };
        Ok(Self { weight_oi, bias })
    }

    /// From a weight and a bias that lie elsewhere.
    pub(super) fn from_parts(weight_oi: Tensor, bias: Option<Tensor>) -> Self {
        Self { weight_oi, bias }
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.matmul(&self.weight_oi.t()?)?;
        Ok(match &self.bias {
            Some(bias) => y.broadcast_add(bias)?,
            None => y,
        })
    }
}

/// x / √(mean(x²) + ε) · w over the last axis (Zhang and Sennrich 2019).
#[derive(Clone, Debug)]
pub(super) struct RmsNorm {
    weight: Tensor,
    epsilon: f32,
}

impl RmsNorm {
    pub(super) fn new(source: &Source<'_>, name: &str, n: usize, epsilon: f64) -> Result<Self> {
        Ok(Self { weight: source.get(&format!("{name}.weight"), &[n])?, epsilon: epsilon as f32 })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::rms_norm(&x.contiguous()?, &self.weight, self.epsilon)?)
    }
}

/// (x − mean) / √(variance + ε) · w + b over the last axis (Ba, Kiros and Hinton 2016).
#[derive(Clone, Debug)]
pub(super) struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f32,
}

impl LayerNorm {
    pub(super) fn new(source: &Source<'_>, name: &str, n: usize, epsilon: f64) -> Result<Self> {
        let weight = source.get(&format!("{name}.weight"), &[n])?;
        let bias = source.get(&format!("{name}.bias"), &[n])?;
        Ok(Self { weight, bias, epsilon: epsilon as f32 })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::layer_norm(&x.contiguous()?, &self.weight, &self.bias, self.epsilon)?)
    }
}

/// Down(silu(gate(x)) · up(x)) (Shazeer 2020).
#[derive(Clone, Debug)]
pub(super) struct GatedMlp {
    gate_up: Linear,
    down: Linear,
    n_inner: usize,
}

impl GatedMlp {
    pub(super) fn new(
        source: &Source<'_>,
        name: &str,
        n: usize,
        n_inner: usize,
        has_bias: bool,
    ) -> Result<Self> {
        let parts = [(format!("{name}.gate_proj"), n_inner), (format!("{name}.up_proj"), n_inner)];
        let gate_up = Linear::stacked(source, &parts, n, has_bias)?;
        let down = Linear::new(source, &format!("{name}.down_proj"), n_inner, n, has_bias)?;
        Ok(Self { gate_up, down, n_inner })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let both = self.gate_up.forward(x)?;
        let gate = both.narrow(D::Minus1, 0, self.n_inner)?.contiguous()?;
        let up = both.narrow(D::Minus1, self.n_inner, self.n_inner)?.contiguous()?;
        self.down.forward(&(ops::silu(&gate)? * up)?)
    }
}

/// Turns pairs (x[i], x[i + d/2]) of `x_htd` by the angles whose cosines and sines are given, each of shape
/// (tokens, d/2), computed in their type (Su et al. 2021).
pub(super) fn rotate(x_htd: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let x = x_htd.to_dtype(cos.dtype())?.contiguous()?.unsqueeze(0)?;
    Ok(candle_nn::rotary_emb::rope(&x, cos, sin)?.squeeze(0)?.to_dtype(x_htd.dtype())?)
}
