//! What vision towers have in common: blocks of attention over the patches of one picture, or over windows of it.

use super::attention::{MAX_SCORES, Sight, attend, join_heads, split_heads};
use super::error::Result;
use super::layers::{GatedMlp, LayerNorm, Linear, RmsNorm, rotate};
use super::source::Source;
use candle_core::{D, Tensor};

enum Norm {
    Layer(LayerNorm),
    Rms(RmsNorm),
}

impl Norm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Layer(norm) => norm.forward(x),
            Self::Rms(norm) => norm.forward(x),
        }
    }
}

enum Mlp {
    /// Down(gelu(up(x))), with the tanh form of GELU, as the published towers were trained with.
    Plain {
        up: Linear,
        down: Linear,
    },
    Gated(GatedMlp),
}

/// So many windows, one after the other, of so many patches each.
pub(super) type Run = (usize, usize);

/// x + attention(norm(x)), then x + mlp(norm(x)), with biases.
pub(super) struct VisionBlock {
    before_attention: Norm,
    qkv: Linear,
    out: Linear,
    before_mlp: Norm,
    mlp: Mlp,
    heads: usize,
}

/// Channels of a block, those between its two products, and its heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockSize {
    pub(super) n: usize,
    pub(super) inner: usize,
    pub(super) heads: usize,
}

impl VisionBlock {
    /// Layer norms and a plain inner part, with tensors as Qwen3-VL names them under `name`.
    pub(super) fn plain(source: &Source<'_>, name: &str, size: BlockSize) -> Result<Self> {
        let BlockSize { n, inner, heads } = size;
        let linear =
            |part: &str, n_in, n_out| Linear::new(source, &format!("{name}.{part}"), n_in, n_out, true);
        let norm = |part: &str| LayerNorm::new(source, &format!("{name}.{part}"), n, 1e-6).map(Norm::Layer);
        Ok(Self {
            before_attention: norm("norm1")?,
            qkv: linear("attn.qkv", n, 3 * n)?,
            out: linear("attn.proj", n, n)?,
            before_mlp: norm("norm2")?,
            mlp: Mlp::Plain {
                up: linear("mlp.linear_fc1", n, inner)?,
                down: linear("mlp.linear_fc2", inner, n)?,
            },
            heads,
        })
    }

    /// RMS norms and a gated inner part, with tensors as Qwen2.5-VL names them under `name`.
    pub(super) fn gated(source: &Source<'_>, name: &str, size: BlockSize) -> Result<Self> {
        let BlockSize { n, inner, heads } = size;
        let linear =
            |part: &str, n_in, n_out| Linear::new(source, &format!("{name}.{part}"), n_in, n_out, true);
        let norm = |part: &str| RmsNorm::new(source, &format!("{name}.{part}"), n, 1e-6).map(Norm::Rms);
        Ok(Self {
            before_attention: norm("norm1")?,
            qkv: linear("attn.qkv", n, 3 * n)?,
            out: linear("attn.proj", n, n)?,
            before_mlp: norm("norm2")?,
            mlp: Mlp::Gated(GatedMlp::new(source, &format!("{name}.mlp"), n, inner, true)?),
            heads,
        })
    }

    /// Layer norms of `epsilon` and a plain inner part, with tensors as SigLIP names them under `name`.
    pub(super) fn siglip(source: &Source<'_>, name: &str, size: BlockSize, epsilon: f64) -> Result<Self> {
        let BlockSize { n, inner, heads } = size;
        let linear =
            |part: &str, n_in, n_out| Linear::new(source, &format!("{name}.{part}"), n_in, n_out, true);
        let norm =
            |part: &str| LayerNorm::new(source, &format!("{name}.{part}"), n, epsilon).map(Norm::Layer);
        let parts = ["q", "k", "v"].map(|part| (format!("{name}.self_attn.{part}_proj"), n));
        Ok(Self {
            before_attention: norm("layer_norm1")?,
            qkv: Linear::stacked(source, &parts, n, true)?,
            out: linear("self_attn.out_proj", n, n)?,
            before_mlp: norm("layer_norm2")?,
            mlp: Mlp::Plain { up: linear("mlp.fc1", n, inner)?, down: linear("mlp.fc2", inner, n)? },
            heads,
        })
    }

    /// Over the patches of one picture, (patches, channels): each sees those of its own window, which are
    /// neighbours in the rows and as many as `windows` says. `turn` has cosines and sines.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        turn: Option<(&Tensor, &Tensor)>,
        windows: &[Run],
    ) -> Result<Tensor> {
        let qkv = self.qkv.forward(&self.before_attention.forward(x)?)?;
        let n = qkv.dim(1)? / 3;
        let part = |i| split_heads(&qkv.narrow(D::Minus1, i * n, n)?, self.heads);
        let turned = |i: usize| match turn {
            #[cfg(feature = "cuda")]
            Some(angles) if super::gpu::serves(&qkv) => {
                super::gpu::turn(&qkv, (i * n, self.heads, n / self.heads), None, angles)
            }
            Some((cos, sin)) => rotate(&part(i)?, cos, sin),
            None => Ok(part(i)?.contiguous()?),
        };
        let (q, k, v) = (turned(0)?, turned(1)?, part(2)?.contiguous()?);
        let seen = attend_in_windows(&q, &k, &v, windows)?;
        let x = (x + self.out.forward(&join_heads(&seen)?)?)?;
        let y = self.before_mlp.forward(&x)?;
        let y = match &self.mlp {
            Mlp::Plain { up, down } => down.forward(&up.forward(&y)?.gelu()?)?,
            Mlp::Gated(mlp) => mlp.forward(&y)?,
        };
        Ok((x + y)?)
    }
}

/// [`attend`] within windows: those of one size at once, as if they were heads.
fn attend_in_windows(q_htd: &Tensor, k_htd: &Tensor, v_htd: &Tensor, windows: &[Run]) -> Result<Tensor> {
    if let [(1, _)] = windows {
        return attend(q_htd, k_htd, v_htd, Sight::All(MAX_SCORES));
    }
    let (heads, _, d) = q_htd.dims3()?;
    let (mut begin, mut parts) = (0, Vec::with_capacity(windows.len()));
    for &(count, len) in windows {
        let n = count * len;
        let part = |x: &Tensor| x.narrow(1, begin, n)?.contiguous()?.reshape((heads * count, len, d));
        let seen = attend(&part(q_htd)?, &part(k_htd)?, &part(v_htd)?, Sight::All(MAX_SCORES))?;
        parts.push(seen.reshape((heads, n, d))?);
        begin += n;
    }
    Ok(Tensor::cat(&parts, 1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vlm::drawn::normal;

    #[test]
    fn windows_of_one_size_at_once_give_what_each_alone_gives() {
        let [q, k, v] = [1, 2, 3].map(|seed| normal((2, 11, 4), seed));
        let whole = attend_in_windows(&q, &k, &v, &[(2, 4), (1, 3)]).expect("attends");
        let mut begin = 0;
        for n in [4, 4, 3] {
            let part = |x: &Tensor| x.narrow(1, begin, n).and_then(|x| x.contiguous()).expect("a part");
            let alone = attend(&part(&q), &part(&k), &part(&v), Sight::All(MAX_SCORES)).expect("attends");
            let off = (alone - part(&whole)).and_then(|d| d.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>());
            assert!(off.expect("a number") < 1e-6);
            begin += n;
        }
    }
}
