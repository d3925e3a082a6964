//! The operations of the net that candle's CPU backend has no fast backward pass for: a padded
//! convolution, batch normalisation with its rectifier, a bias per channel, a rectified sum, doubling by
//! nearest neighbour, and a loss whose slope is known.
//!
//! Pictures are split over threads and their partial sums are added in the order of the pictures, so
//! a result does not depend on how the threads were scheduled.

use super::conv::{self, Geometry};
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Storage, Tensor,
};

/// Added to a variance before its root is taken (Ioffe and Szegedy, "Batch Normalization", 2015).
pub(crate) const EPSILON: f32 = 1e-5;

/// Runs `work` on every chunk of `out`, in contiguous runs over at most `threads` threads, and returns
/// what it returned in the order of the chunks.
pub(crate) fn for_each_chunk<R: Send>(
    out: &mut [f32],
    chunk: usize,
    threads: usize,
    work: &(dyn Fn(usize, &mut [f32]) -> R + Sync),
) -> Vec<R> {
    if chunk == 0 {
        return Vec::new();
    }
    let n = out.len() / chunk;
    if threads < 2 || n < 2 {
        return out.chunks_mut(chunk).enumerate().map(|(i, c)| work(i, c)).collect();
    }
    let share = n.div_ceil(threads);
    let run = |(t, block): (usize, &mut [f32])| -> Vec<R> {
        block.chunks_mut(chunk).enumerate().map(|(i, c)| work(t * share + i, c)).collect()
    };
    std::thread::scope(|scope| {
        let mut blocks = out.chunks_mut(share * chunk).enumerate();
        let first = blocks.next();
        let handles: Vec<_> = blocks.map(|b| scope.spawn(move || run(b))).collect();
        let mut all: Vec<R> = first.map(run).unwrap_or_default();
        for handle in handles {
            match handle.join() {
                Ok(more) => all.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
}

/// The values of a contiguous f32 tensor on the CPU.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or_else(|| Error::Msg("a contiguous tensor was expected".to_owned()))?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// Hands the values of a tensor to `f`.
pub(crate) fn with_values<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(cpu) => f(slice(cpu, layout)?),
        _ => Err(Error::Msg("a tensor on the CPU was expected".to_owned())),
    }
}

/// `y = w ∗ x`, padded so that a stride of one keeps the size.
/// `x`: b × c × h × w, `w`: o × c × k × k.
pub(crate) struct Conv {
    pub(crate) geometry: Geometry,
    pub(crate) threads: usize,
    /// Whether anybody asks for the gradient of `x`; the first layer's input has none.
    pub(crate) x_has_grad: bool,
}

impl CustomOp2 for Conv {
    fn name(&self) -> &'static str {
        "padded-conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_l: &Layout,
        w: &CpuStorage,
        w_l: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let dims = x_l.shape().dims4()?;
        let c_out = w_l.shape().dims4()?.0;
        let (out, (h, w_out)) = conv::forward(
            slice(x, x_l)?,
            dims,
            slice(w, w_l)?,
            c_out,
            self.geometry,
            conv::After::Nothing,
            self.threads,
        )?;
        Ok((CpuStorage::F32(out), Shape::from((dims.0, c_out, h, w_out))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (x_dims, w_dims) = (x.dims4()?, w.dims4()?);
        let (dx, dw) = with_values(x, |xs| {
            with_values(w, |ws| {
                with_values(grad, |gs| {
                    let wanted = self.x_has_grad;
                    conv::backward(xs, x_dims, ws, w_dims.0, gs, self.geometry, wanted, self.threads)
                })
            })
        })?;
        let dx = dx.map(|v| Tensor::from_vec(v, x_dims, x.device())).transpose()?;
        Ok((dx, Some(Tensor::from_vec(dw, w_dims, x.device())?)))
    }
}

/// Mean and variance of every channel over a batch.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    pub(crate) mean: Vec<f32>,
    pub(crate) var: Vec<f32>,
}

/// The moments of `x` (b × c × h × w) per channel.
pub(crate) fn moments(x: &Tensor, threads: usize) -> Result<Moments> {
    let (b, c, h, w) = x.dims4()?;
    let n = (b * h * w) as f64;
    with_values(x, |xs| {
        // One chunk of the dummy output per picture: only the returned sums matter.
        let sums = for_each_chunk(&mut vec![0.0; b], 1, threads, &|i, _| {
            let picture = &xs[i * c * h * w..(i + 1) * c * h * w];
            picture.chunks(h * w).map(sum_and_squares).collect::<Vec<_>>()
        });
        let mut out = Moments { mean: vec![0.0; c], var: vec![0.0; c] };
        for channel in 0..c {
            let (s, q) = sums.iter().fold((0.0, 0.0), |a, p| (a.0 + p[channel].0, a.1 + p[channel].1));
            let mean = s / n;
            out.mean[channel] = mean as f32;
            out.var[channel] = (q / n - mean * mean).max(0.0) as f32;
        }
        Ok(out)
    })
}

/// Eight running sums side by side, so that the additions do not wait for one another.
fn sum_and_squares(values: &[f32]) -> (f64, f64) {
    let (mut s, mut q) = (0.0f64, 0.0f64);
    for block in values.chunks(512) {
        let (mut bs, mut bq) = ([0.0f32; 8], [0.0f32; 8]);
        for row in block.chunks(8) {
            for (i, v) in row.iter().enumerate() {
                bs[i] += v;
                bq[i] += v * v;
            }
        }
        s += f64::from(bs.iter().sum::<f32>());
        q += f64::from(bq.iter().sum::<f32>());
    }
    (s, q)
}

/// Batch normalisation by the batch's own moments, then the rectifier if asked (Ioffe and Szegedy,
/// 2015). `x`: b × c × h × w, `gamma`, `beta`: c.
pub(crate) struct BatchNorm {
    pub(crate) moments: Moments,
    pub(crate) relu: bool,
    pub(crate) threads: usize,
}

impl BatchNorm {
    fn inverse_std(&self) -> Vec<f32> {
        self.moments.var.iter().map(|v| 1.0 / (v + EPSILON).sqrt()).collect()
    }
}

impl CustomOp3 for BatchNorm {
    fn name(&self) -> &'static str {
        "batch-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_l: &Layout,
        gamma: &CpuStorage,
        gamma_l: &Layout,
        beta: &CpuStorage,
        beta_l: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, c, h, w) = x_l.shape().dims4()?;
        let (xs, gamma, beta) = (slice(x, x_l)?, slice(gamma, gamma_l)?, slice(beta, beta_l)?);
        let inverse = self.inverse_std();
        let plane = h * w;
        let low = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        let mut out = vec![0.0f32; xs.len()];
        for_each_chunk(&mut out, c * plane, self.threads, &|i, picture| {
            for (ch, rows) in picture.chunks_mut(plane).enumerate() {
                let scale = gamma[ch] * inverse[ch];
                let shift = beta[ch] - self.moments.mean[ch] * scale;
                let from = &xs[(i * c + ch) * plane..(i * c + ch + 1) * plane];
                for (y, v) in rows.iter_mut().zip(from) {
                    *y = (v * scale + shift).max(low);
                }
            }
        });
        Ok((CpuStorage::F32(out), x_l.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        _beta: &Tensor,
        res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dims = x.dims4()?;
        let gamma_values = gamma.to_vec1::<f32>()?;
        let (dx, dgamma, dbeta) = with_values(x, |xs| {
            with_values(res, |ys| with_values(grad, |gs| Ok(self.gradients(dims, xs, ys, gs, &gamma_values))))
        })?;
        let c = dims.1;
        Ok((
            Some(Tensor::from_vec(dx, dims, x.device())?),
            Some(Tensor::from_vec(dgamma, c, x.device())?),
            Some(Tensor::from_vec(dbeta, c, x.device())?),
        ))
    }
}

impl BatchNorm {
    /// Gradients of input, scale and shift (Ioffe and Szegedy, 2015, section 3).
    fn gradients(
        &self,
        (b, c, h, w): (usize, usize, usize, usize),
        xs: &[f32],
        ys: &[f32],
        gs: &[f32],
        gamma: &[f32],
    ) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let plane = h * w;
        let n = (b * plane) as f32;
        let inverse = self.inverse_std();
        let cut = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        let sums = for_each_chunk(&mut vec![0.0; b], 1, self.threads, &|i, _| {
            let mut sums = Vec::with_capacity(c);
            for (ch, mean) in self.moments.mean.iter().enumerate() {
                let at = (i * c + ch) * plane;
                let (mut s, mut sx) = ([0.0f32; 8], [0.0f32; 8]);
                for start in (0..plane).step_by(8) {
                    for lane in 0..8.min(plane - start) {
                        let k = at + start + lane;
                        let g = if ys[k] > cut { gs[k] } else { 0.0 };
                        s[lane] += g;
                        sx[lane] += g * (xs[k] - mean);
                    }
                }
                sums.push((s.iter().sum::<f32>(), sx.iter().sum::<f32>() * inverse[ch]));
            }
            sums
        });
        let total = |pick: fn(&(f32, f32)) -> f32| -> Vec<f32> {
            (0..c).map(|ch| sums.iter().map(|p| pick(&p[ch])).sum()).collect()
        };
        let (dbeta, dgamma) = (total(|p| p.0), total(|p| p.1));
        let mut dx = vec![0.0f32; xs.len()];
        for_each_chunk(&mut dx, c * plane, self.threads, &|i, picture| {
            for (ch, rows) in picture.chunks_mut(plane).enumerate() {
                let at = (i * c + ch) * plane;
                let scale = gamma[ch] * inverse[ch];
                let (mean_g, mean_gx) = (dbeta[ch] / n, dgamma[ch] / n * inverse[ch]);
                let mean = self.moments.mean[ch];
                let inputs = xs[at..at + plane].iter().zip(&ys[at..at + plane]).zip(&gs[at..at + plane]);
                for (d, ((x, y), g)) in rows.iter_mut().zip(inputs) {
                    let g = if *y > cut { *g } else { 0.0 };
                    *d = scale * (g - mean_g - (x - mean) * mean_gx);
                }
            }
        });
        (dx, dgamma, dbeta)
    }
}

/// Every pixel becomes a square of 2 × 2.
pub(crate) struct Double;

/// The backward pass of [`Double`]: every square of 2 × 2 is summed.
struct SumSquares;

impl CustomOp1 for Double {
    fn name(&self) -> &'static str {
        "double"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_l: &Layout) -> Result<(CpuStorage, Shape)> {
        let (b, c, h, w) = x_l.shape().dims4()?;
        Ok((CpuStorage::F32(double(slice(x, x_l)?, w)), Shape::from((b, c, 2 * h, 2 * w))))
    }

    fn bwd(&self, _arg: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(grad.contiguous()?.apply_op1_no_bwd(&SumSquares)?))
    }
}

/// Doubles rows of `w` pixels in both directions.
pub(crate) fn double(values: &[f32], w: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len() * 4);
    for row in values.chunks(w.max(1)) {
        let start = out.len();
        out.extend(row.iter().flat_map(|v| [*v, *v]));
        out.extend_from_within(start..);
    }
    out
}

impl CustomOp1 for SumSquares {
    fn name(&self) -> &'static str {
        "sum-squares"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_l: &Layout) -> Result<(CpuStorage, Shape)> {
        let (b, c, h, w) = x_l.shape().dims4()?;
        let mut out = Vec::with_capacity(b * c * (h / 2) * (w / 2));
        for pair in slice(x, x_l)?.chunks_exact(2 * w) {
            let (upper, lower) = pair.split_at(w);
            out.extend(
                upper.chunks_exact(2).zip(lower.chunks_exact(2)).map(|(u, l)| u[0] + u[1] + l[0] + l[1]),
            );
        }
        Ok((CpuStorage::F32(out), Shape::from((b, c, h / 2, w / 2))))
    }
}

/// One number per channel is added. `x`: b × c × h × w, `bias`: c.
pub(crate) struct Bias {
    pub(crate) threads: usize,
}

impl CustomOp2 for Bias {
    fn name(&self) -> &'static str {
        "bias"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_l: &Layout,
        bias: &CpuStorage,
        bias_l: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, c, h, w) = x_l.shape().dims4()?;
        let bias = slice(bias, bias_l)?;
        let mut out = slice(x, x_l)?.to_vec();
        for_each_chunk(&mut out, c * h * w, self.threads, &|_, picture| {
            for (plane, b) in picture.chunks_mut(h * w).zip(bias) {
                plane.iter_mut().for_each(|v| *v += b);
            }
        });
        Ok((CpuStorage::F32(out), x_l.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        _bias: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (b, c, h, w) = x.dims4()?;
        let sums = with_values(grad, |gs| {
            let sum = |i: usize, _: &mut [f32]| -> Vec<f32> {
                let picture = &gs[i * c * h * w..(i + 1) * c * h * w];
                picture.chunks(h * w).map(|p| sum_and_squares(p).0 as f32).collect()
            };
            Ok(for_each_chunk(&mut vec![0.0; b], 1, self.threads, &sum))
        })?;
        let total: Vec<f32> = (0..c).map(|ch| sums.iter().map(|p| p[ch]).sum()).collect();
        Ok((Some(grad.clone()), Some(Tensor::from_vec(total, c, x.device())?)))
    }
}

/// The sum of two tensors of one shape, negative values made zero.
pub(crate) struct RectifiedSum;

impl CustomOp2 for RectifiedSum {
    fn name(&self) -> &'static str {
        "rectified-sum"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_l: &Layout,
        b: &CpuStorage,
        b_l: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sums = slice(a, a_l)?.iter().zip(slice(b, b_l)?).map(|(a, b)| (a + b).max(0.0));
        Ok((CpuStorage::F32(sums.collect()), a_l.shape().clone()))
    }

    fn bwd(
        &self,
        _a: &Tensor,
        _b: &Tensor,
        res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let kept = with_values(res, |ys| {
            with_values(grad, |gs| {
                Ok(ys.iter().zip(gs).map(|(y, g)| if *y > 0.0 { *g } else { 0.0 }).collect::<Vec<f32>>())
            })
        })?;
        let kept = Tensor::from_vec(kept, res.dims(), res.device())?;
        Ok((Some(kept.clone()), Some(kept)))
    }
}

/// A loss whose value and slope by every number of its argument are already known.
pub(crate) struct Scored {
    pub(crate) loss: f32,
    pub(crate) slope: Tensor,
}

impl CustomOp1 for Scored {
    fn name(&self) -> &'static str {
        "scored"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![self.loss]), Shape::from(())))
    }

    fn bwd(&self, _arg: &Tensor, _res: &Tensor, _grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.slope.clone()))
    }
}

#[cfg(test)]
#[path = "ops_tests.rs"]
mod tests;
