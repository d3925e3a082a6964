//! What stands between the products of a prompt, each in one pass over memory (`prompt.cu`).

use super::super::error::Result;
use super::{address, begin_of, compile, failed};
use candle_core::cuda_backend::CudaStorageSlice;
use candle_core::cuda_backend::cudarc::driver::{LaunchConfig, PushKernelArg as _};
use candle_core::{CpuStorage, CudaDevice, CudaStorage, CustomOp1, DType, Layout, Shape, Tensor};
use std::sync::OnceLock;

const SOURCE: &str = concat!(include_str!("numbers.cu"), include_str!("prompt.cu"));
const THREADS: u32 = 256;
/// Blocks of what goes through memory in any order.
const BLOCKS: u32 = 2048;

/// Whether these passes serve a tensor.
pub(in super::super) fn serves(x: &Tensor) -> bool {
    x.device().is_cuda() && matches!(x.dtype(), DType::BF16 | DType::F32)
}

/// A kernel from a tensor in one piece to a new one of the same numbers.
struct Pass<'a> {
    kernel: &'static str,
    shape: Shape,
    blocks: u32,
    /// Gain, cosines and sines, where it has those.
    tables: Option<[u64; 3]>,
    sizes: &'a [u64],
    factors: &'a [f32],
}

/// The compiled source; the first GPU is the only one.
fn compiled(dtype: DType, device: &CudaDevice) -> Result<&'static str> {
    static WIDE: OnceLock<String> = OnceLock::new();
    static NARROW: OnceLock<String> = OnceLock::new();
    let of = if dtype == DType::F32 { &WIDE } else { &NARROW };
    if let Some(source) = of.get() {
        return Ok(source);
    }
    let source = compile(SOURCE, Vec::new(), dtype, device)?.to_src();
    Ok(of.get_or_init(|| source))
}

impl Pass<'_> {
    fn launch(&self, from: u64, to: u64, dtype: DType, device: &CudaDevice) -> Result<()> {
        let module = if dtype == DType::F32 { "sinew_wide" } else { "sinew_narrow" };
        let kernel = device.get_or_load_custom_func(self.kernel, module, compiled(dtype, device)?)?;
        let mut builder = kernel.builder();
        builder.arg(&from);
        let tables = self.tables.unwrap_or_default();
        if self.tables.is_some() {
            tables.iter().for_each(|table| _ = builder.arg(table));
        }
        builder.arg(&to);
        self.sizes.iter().for_each(|size| _ = builder.arg(size));
        self.factors.iter().for_each(|factor| _ = builder.arg(factor));
        let grid =
            LaunchConfig { grid_dim: (self.blocks, 1, 1), block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 };
        // SAFETY: addresses and sizes are those of the tensors, which the functions below have checked; numbers of 64
        // bits serve for those of 32 (little-endian).
        unsafe { builder.launch(grid) }.map_err(failed)?;
        Ok(())
    }
}

impl CustomOp1 for Pass<'_> {
    fn name(&self) -> &'static str {
        self.kernel
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        candle_core::bail!("{} runs on GPUs alone", self.kernel)
    }

    fn cuda_fwd(&self, from: &CudaStorage, layout: &Layout) -> candle_core::Result<(CudaStorage, Shape)> {
        let device = &from.device;
        let stream = device.cuda_stream();
        let wrong = |e| candle_core::Error::Msg(format!("{}: {e}", self.kernel));
        let Some((begin, _)) = layout.contiguous_offsets() else {
            candle_core::bail!("{}: expected a tensor in one piece", self.kernel)
        };
        let n = self.shape.elem_count();
        // SAFETY: the kernels write every number of what they make.
        let (to, dtype) = match &from.slice {
            CudaStorageSlice::BF16(_) => (CudaStorageSlice::BF16(unsafe { device.alloc(n)? }), DType::BF16),
            CudaStorageSlice::F32(_) => (CudaStorageSlice::F32(unsafe { device.alloc(n)? }), DType::F32),
            _ => candle_core::bail!("{}: expected numbers of bf16 or f32", self.kernel),
        };
        let from = begin_of(&from.slice, &stream).map_err(wrong)? + (begin * dtype.size_in_bytes()) as u64;
        let at = begin_of(&to, &stream).map_err(wrong)?;
        self.launch(from, at, dtype, device).map_err(wrong)?;
        Ok((CudaStorage { slice: to, device: device.clone() }, self.shape.clone()))
    }
}

/// silu(gate) · up, of (rows, both side by side).
pub(in super::super) fn gate(x: &Tensor) -> Result<Tensor> {
    let (rows, n) = x.dims2()?;
    let n = n / 2;
    let pass = Pass {
        kernel: "gate",
        shape: Shape::from((rows, n)),
        blocks: BLOCKS,
        tables: None,
        sizes: &[rows as u64, n as u64],
        factors: &[],
    };
    Ok(x.contiguous()?.apply_op1_no_bwd(&pass)?)
}

/// `heads` heads of d channels, from channel `first` of `x_tc` on: normalised where there is a gain with its ε, and
/// turned by `cos` and `sin`, (tokens, d / 2) of 32 bits. Gives (heads, tokens, d).
pub(in super::super) fn turn(
    x_tc: &Tensor,
    (first, heads, d): (usize, usize, usize),
    norm: Option<(&Tensor, f32)>,
    (cos, sin): (&Tensor, &Tensor),
) -> Result<Tensor> {
    let (tokens, width) = x_tc.dims2()?;
    let is_right = cos.dtype() == DType::F32
        && sin.dtype() == DType::F32
        && cos.dims() == [tokens, d / 2]
        && sin.dims() == [tokens, d / 2]
        && norm.is_none_or(|(gain, _)| gain.dims() == [d] && gain.dtype() == x_tc.dtype())
        && first + heads * d <= width
        && d.is_multiple_of(2);
    if !is_right {
        return Err(failed(format!(
            "expected angles and a gain for {tokens} tokens of {heads} heads of {d}"
        )));
    }
    let x = x_tc.contiguous()?;
    let stream = x.device().as_cuda_device()?.cuda_stream();
    let at = |t: &Tensor| address(t, &stream);
    let (gain, epsilon) =
        norm.map_or(Ok((0, 0.0)), |(gain, epsilon)| Ok::<_, super::VlmError>((at(gain)?, epsilon)))?;
    let pass = Pass {
        kernel: "turn_heads",
        shape: Shape::from((heads, tokens, d)),
        blocks: (tokens * heads * 32).div_ceil(THREADS as usize) as u32,
        tables: Some([gain, at(cos)?, at(sin)?]),
        sizes: &[tokens as u64, width as u64, first as u64, heads as u64, d as u64],
        factors: &[1.0, epsilon],
    };
    Ok(x.apply_op1_no_bwd(&pass)?)
}

/// Softmax over the last axis: of every `queries` rows the first one over its first `seen` keys, every further one over
/// one more; nought beyond.
pub(in super::super) fn soften(scores: &Tensor, queries: usize, seen: usize) -> Result<Tensor> {
    let keys = scores.dim(candle_core::D::Minus1)?;
    let pass = Pass {
        kernel: "soften",
        shape: scores.shape().clone(),
        blocks: (scores.elem_count() / keys.max(1)) as u32,
        tables: None,
        sizes: &[keys as u64, queries as u64, seen as u64],
        factors: &[],
    };
    Ok(scores.contiguous()?.apply_op1_no_bwd(&pass)?)
}
