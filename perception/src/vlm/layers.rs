//! The layers that all models here are made of. Tensors are `(tokens, channels)` or `(heads, tokens, channels)`.

use super::error::Result;
use super::source::Source;
use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{D, DType, Device, Module as _, Tensor};
use candle_nn::ops;

/// Up to so many rows are few beside a matrix that they are multiplied with.
const FEW: usize = 16;

/// A matrix (out, in) to multiply with, as numbers or in blocks of few bits.
#[derive(Clone, Debug)]
pub(super) struct Weight(QMatMul);

impl Weight {
    pub(super) fn quantised(w_oi: &Tensor, kind: GgmlDType, device: &Device) -> Result<Self> {
        // Of a part of a tensor candle would quantise the tensor's beginning.
        let w_oi = w_oi.force_contiguous()?;
        let blocks = QTensor::quantize(&w_oi, kind)?;
        let blocks = if device.is_cuda() {
            // What candle's kernels read beyond the last row is zero this way; quantised onto a GPU it is anything.
            QTensor::new(QStorage::from_data(blocks.data()?, device, kind)?, w_oi.dims2()?)?
        } else {
            blocks
        };
        Ok(Self(QMatMul::from_qtensor(blocks)?))
    }

    /// Of its numbers, as they lie in memory.
    pub(super) fn bytes(&self) -> usize {
        match &self.0 {
            QMatMul::QTensor(w_oi) => w_oi.storage_size_in_bytes(),
            QMatMul::Tensor(w_oi) | QMatMul::TensorF16(w_oi) => {
                w_oi.elem_count() * w_oi.dtype().size_in_bytes()
            }
        }
    }

    /// x Wᵀ.
    pub(super) fn times(&self, x: &Tensor) -> Result<Tensor> {
        match &self.0 {
            QMatMul::QTensor(_) => Ok(self.0.forward(&x.contiguous()?)?),
            QMatMul::Tensor(w_oi) | QMatMul::TensorF16(w_oi) => {
                // The right side is packed anew for every product, which for few rows takes longer than the product.
                if x.device().is_cpu() && x.rank() == 2 && (2..=FEW).contains(&x.dim(0)?) {
                    return Ok(w_oi.matmul(&x.t()?)?.t()?.contiguous()?);
                }
                Ok(x.matmul(&w_oi.t()?)?)
            }
        }
    }

    /// Itself, where it is not in blocks.
    #[cfg(feature = "cuda")]
    pub(super) fn plain(&self) -> Option<&Tensor> {
        match &self.0 {
            QMatMul::Tensor(w_oi) => Some(w_oi),
            QMatMul::QTensor(_) | QMatMul::TensorF16(_) => None,
        }
    }

    /// Its rows of these numbers, (rows, in).
    pub(super) fn rows(&self, ids: &Tensor) -> Result<Tensor> {
        Ok(self.0.embedding(ids)?)
    }
}

impl From<Tensor> for Weight {
    fn from(w_oi: Tensor) -> Self {
        Self(QMatMul::Tensor(w_oi))
    }
}

/// x Wᵀ + b.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    weight_oi: Weight,
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
        let weight_oi = source.weight(&[(format!("{name}.weight"), n_out)], n_in)?;
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
        let weight_oi = source.weight(&of("weight"), n_in)?;
        let bias = if has_bias { Some(source.joined(&of("bias"))?) } else { None };
        Ok(Self { weight_oi, bias })
    }

    /// From a weight and a bias that lie elsewhere.
    pub(super) fn from_parts(weight_oi: impl Into<Weight>, bias: Option<Tensor>) -> Self {
        Self { weight_oi: weight_oi.into(), bias }
    }

    /// Of the matrix.
    pub(super) fn bytes(&self) -> usize {
        self.weight_oi.bytes()
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.weight_oi.times(x)?;
        Ok(match &self.bias {
            Some(bias) => y.broadcast_add(bias)?,
            None => y,
        })
    }
}

#[cfg(feature = "cuda")]
impl Linear {
    /// Weight and bias, where the weight is not in blocks.
    pub(super) fn plain(&self) -> Option<(Tensor, Option<Tensor>)> {
        Some((self.weight_oi.plain()?.clone(), self.bias.clone()))
    }
}

#[cfg(feature = "cuda")]
impl RmsNorm {
    /// With ε.
    pub(super) fn gain(&self) -> (&Tensor, f32) {
        (&self.weight, self.epsilon)
    }
}

#[cfg(feature = "cuda")]
impl GatedMlp {
    /// The first two products in one, and the last, as [`Linear::plain`] gives them.
    pub(super) fn plain(&self) -> Option<(Tensor, Tensor)> {
        Some((self.gate_up.plain()?.0, self.down.plain()?.0))
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

    /// With gains of one more than the weights, which are too fine for 16 bits beside the one.
    pub(super) fn beside_one(source: &Source<'_>, name: &str, n: usize, epsilon: f64) -> Result<Self> {
        let norm = Self::new(source, name, n, epsilon)?;
        Ok(Self { weight: (norm.weight.to_dtype(DType::F32)? + 1.0)?, ..norm })
    }

    /// In the numbers of its gains.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let wide = x.to_dtype(self.weight.dtype())?.contiguous()?;
        Ok(ops::rms_norm(&wide, &self.weight, self.epsilon)?.to_dtype(x.dtype())?)
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

/// What opens a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Silu,
    /// In its tanh form.
    Gelu,
}

/// Down(open(gate(x)) · up(x)) (Shazeer 2020), by SiLU unless it is said otherwise.
#[derive(Clone, Debug)]
pub(super) struct GatedMlp {
    gate: Gate,
    gate_up: Linear,
    down: Linear,
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
        Ok(Self { gate: Gate::Silu, gate_up, down })
    }

    pub(super) fn opened_by(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// Of the matrices.
    pub(super) fn bytes(&self) -> usize {
        self.gate_up.bytes() + self.down.bytes()
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.down.forward(&gated(&self.gate_up.forward(x)?, self.gate)?)
    }
}

/// open(gate) · up, of both side by side.
pub(super) fn gated(gate_up: &Tensor, gate: Gate) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if gate == Gate::Silu && super::gpu::serves(gate_up) {
        return super::gpu::gate(gate_up);
    }
    let n = gate_up.dim(D::Minus1)? / 2;
    let part = |begin| gate_up.narrow(D::Minus1, begin, n)?.contiguous();
    let opened = match gate {
        Gate::Silu => ops::silu(&part(0)?)?,
        Gate::Gelu => part(0)?.gelu()?,
    };
    Ok((opened * part(n)?)?)
}

/// Turns pairs (x[i], x[i + d/2]) of `x_htd` by the angles whose cosines and sines are given, each of shape
/// (tokens, d/2), computed in their type (Su et al. 2021).
pub(super) fn rotate(x_htd: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let x = x_htd.to_dtype(cos.dtype())?.contiguous()?.unsqueeze(0)?;
    Ok(candle_nn::rotary_emb::rope(&x, cos, sin)?.squeeze(0)?.to_dtype(x_htd.dtype())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vlm::device::Blocks;
    use crate::vlm::drawn::normal;

    fn numbers(x: &Tensor) -> Vec<f32> {
        x.flatten_all().and_then(|x| x.to_vec1()).expect("numbers")
    }

    /// Root of the mean square of the difference, as a share of that of `b`.
    fn off(a: &Tensor, b: &Tensor) -> f32 {
        let square = |x: Vec<f32>| x.iter().map(|x| x * x).sum::<f32>();
        (square(numbers(&(a - b).expect("one shape"))) / square(numbers(b))).sqrt()
    }

    #[test]
    fn blocks_of_few_bits_multiply_as_the_numbers_that_they_stand_for() {
        let (x, ids) = (normal((5, 512), 1), Tensor::new(&[6u32, 0, 6], &Device::Cpu).expect("numbers"));
        let part = normal((9, 64), 2).narrow(0, 3, 2).expect("a part");
        let quantised = Weight::quantised(&part, GgmlDType::Q8_0, &Device::Cpu).expect("quantised");
        let both = Tensor::arange(0u32, 2, &Device::Cpu).expect("numbers");
        assert!(off(&quantised.rows(&both).expect("rows"), &part) < 0.01);
        for (blocks, n_in, most) in
            [(Blocks::Eight, 512, 0.01), (Blocks::Four, 512, 0.1), (Blocks::Four, 96, 0.12)]
        {
            let (w, x) = (normal((7, n_in), 3), x.narrow(1, 0, n_in).expect("a part"));
            let kind = blocks.of(n_in, false).expect("it fits");
            let weight = Weight::quantised(&w, kind, &Device::Cpu).expect("quantised");
            let every = Tensor::arange(0u32, 7, &Device::Cpu).expect("numbers");
            let stands_for = weight.rows(&every).expect("rows");
            let rounded = off(&stands_for, &w);
            assert!(rounded > 0.0 && rounded < most, "{kind:?}: {rounded}");
            // The other side is rounded to eight bits as well.
            let product =
                off(&weight.times(&x).expect("y"), &x.matmul(&stands_for.t().expect("t")).expect("y"));
            assert!(product < 0.01, "{kind:?}: {product}");
            let rows = weight.rows(&ids).expect("rows");
            assert_eq!(numbers(&rows), numbers(&stands_for.index_select(&ids, 0).expect("rows")));
        }
    }

    #[test]
    fn rows_that_no_block_divides_stay_numbers_and_what_is_finer_keeps_eight_bits() {
        assert_eq!(Blocks::Four.of(48, false), None);
        assert_eq!(Blocks::Eight.of(33, true), None);
        assert_eq!(Blocks::Four.of(512, true), Some(GgmlDType::Q8_0));
        assert_eq!(Blocks::Four.of(512, false), Some(GgmlDType::Q4K));
        assert_eq!(Blocks::Four.of(96, false), Some(GgmlDType::Q4_0));
    }
}
