//! What vision towers have in common: blocks of full attention over the patches of one picture.

use super::attention::{MAX_SCORES, Sight, attend, join_heads, split_heads};
use super::error::Result;
use super::layers::{LayerNorm, Linear, rotate};
use super::source::Source;
use candle_core::{D, Tensor};

/// x + attention(norm(x)), then x + mlp(norm(x)), with biases and layer norms of ε = 1e-6.
pub(super) struct VisionBlock {
    before_attention: LayerNorm,
    qkv: Linear,
    out: Linear,
    before_mlp: LayerNorm,
    up: Linear,
    down: Linear,
    heads: usize,
}

impl VisionBlock {
    /// Tensors as Qwen names them under `name`.
    pub(super) fn new(
        source: &Source<'_>,
        name: &str,
        n: usize,
        n_inner: usize,
        heads: usize,
    ) -> Result<Self> {
        let linear =
            |part: &str, n_in, n_out| Linear::new(source, &format!("{name}.{part}"), n_in, n_out, true);
        Ok(Self {
            before_attention: LayerNorm::new(source, &format!("{name}.norm1"), n, 1e-6)?,
            qkv: linear("attn.qkv", n, 3 * n)?,
            out: linear("attn.proj", n, n)?,
            before_mlp: LayerNorm::new(source, &format!("{name}.norm2"), n, 1e-6)?,
            up: linear("mlp.linear_fc1", n, n_inner)?,
            down: linear("mlp.linear_fc2", n_inner, n)?,
            heads,
        })
    }

    /// Over the patches of one picture, (patches, channels).
    pub(super) fn forward(&self, x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
        let qkv = self.qkv.forward(&self.before_attention.forward(x)?)?;
        let n = qkv.dim(1)? / 3;
        let part = |i| split_heads(&qkv.narrow(D::Minus1, i * n, n)?, self.heads);
        let (q, k) = (rotate(&part(0)?, cos, sin)?, rotate(&part(1)?, cos, sin)?);
        let seen = attend(&q, &k, &part(2)?.contiguous()?, Sight::All, MAX_SCORES)?;
        let x = (x + self.out.forward(&join_heads(&seen)?)?)?;
        // The tanh form of GELU, as the published towers were trained with.
        let y = self.down.forward(&self.up.forward(&self.before_mlp.forward(&x)?)?.gelu()?)?;
        Ok((x + y)?)
    }
}
