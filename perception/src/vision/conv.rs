//! A padded convolution on the CPU: patches of some rows at a time become the columns of a matrix that
//! stays in the cache, and candle's matrix product does the rest.

use super::ops::for_each_chunk;
use candle_core::{Device, Result, Tensor};

/// Kernel side, stride and dilation of a convolution. Padding is `dilation · (kernel − 1) / 2`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
}

impl Geometry {
    pub(crate) fn padding(self) -> usize {
        self.dilation * (self.kernel - 1) / 2
    }

    /// Size of the output of an input of this size.
    pub(crate) fn output(self, h: usize, w: usize) -> (usize, usize) {
        ((h - 1) / self.stride + 1, (w - 1) / self.stride + 1)
    }
}

/// What is done to the output at once.
pub(crate) enum After<'a> {
    /// Nothing.
    Nothing,
    /// One number per output channel is added.
    Bias(&'a [f32]),
    /// One number per output channel is added, then negative values become zero.
    BiasRelu(&'a [f32]),
}

/// Floats of a column matrix: a megabyte, about a core's second-level cache.
const TILE: usize = 262_144;

/// One picture, and which of its output rows are computed together.
struct Tiling {
    c: usize,
    h: usize,
    w: usize,
    out_h: usize,
    out_w: usize,
    rows: usize,
    geometry: Geometry,
}

impl Tiling {
    fn new(c: usize, h: usize, w: usize, geometry: Geometry) -> Self {
        let (out_h, out_w) = geometry.output(h, w);
        let per_row = c * geometry.kernel * geometry.kernel * out_w;
        Self { c, h, w, out_h, out_w, rows: (TILE / per_row.max(1)).clamp(1, out_h), geometry }
    }

    /// Length of one column: the weights per output channel.
    fn depth(&self) -> usize {
        self.c * self.geometry.kernel * self.geometry.kernel
    }

    /// First output row and number of rows of each tile.
    fn tiles(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.out_h).step_by(self.rows).map(|r| (r, self.rows.min(self.out_h - r)))
    }

    /// Calls `each` with every row of the column matrix that has anything but padding: its place in the
    /// matrix, its place in the picture, and its length. Both advance by (1, stride).
    fn runs(&self, first: usize, rows: usize, mut each: impl FnMut(usize, usize, usize)) {
        let Geometry { kernel, stride, dilation } = self.geometry;
        let pad = self.geometry.padding();
        for channel in 0..self.c {
            for ky in 0..kernel {
                for kx in 0..kernel {
                    let line = ((channel * kernel + ky) * kernel + kx) * rows * self.out_w;
                    // First and one past the last output column whose input lies inside.
                    let left = pad.saturating_sub(kx * dilation).div_ceil(stride);
                    let right = (self.w + pad).saturating_sub(kx * dilation).div_ceil(stride).min(self.out_w);
                    if left >= right {
                        continue;
                    }
                    for row in 0..rows {
                        let y = ((first + row) * stride + ky * dilation).wrapping_sub(pad);
                        if y >= self.h {
                            continue;
                        }
                        let x = left * stride + kx * dilation - pad;
                        each(
                            line + row * self.out_w + left,
                            (channel * self.h + y) * self.w + x,
                            right - left,
                        );
                    }
                }
            }
        }
    }

    /// The column matrix (depth × pixels) of some output rows.
    fn columns(&self, picture: &[f32], first: usize, rows: usize) -> Result<Tensor> {
        let pixels = rows * self.out_w;
        let mut columns = vec![0.0f32; self.depth() * pixels];
        let stride = self.geometry.stride;
        self.runs(first, rows, |to, from, n| {
            let line = &mut columns[to..to + n];
            if stride == 1 {
                line.copy_from_slice(&picture[from..from + n]);
            } else {
                line.iter_mut().zip(picture[from..].iter().step_by(stride)).for_each(|(l, p)| *l = *p);
            }
        });
        Tensor::from_vec(columns, (self.depth(), pixels), &Device::Cpu)
    }

    /// Adds a column matrix back to the pixels it came from.
    fn scatter(&self, columns: &[f32], picture: &mut [f32], first: usize, rows: usize) {
        let stride = self.geometry.stride;
        self.runs(first, rows, |from, to, n| {
            let line = &columns[from..from + n];
            if stride == 1 {
                picture[to..to + n].iter_mut().zip(line).for_each(|(p, l)| *p += l);
            } else {
                picture[to..].iter_mut().step_by(stride).zip(line).for_each(|(p, l)| *p += l);
            }
        });
    }
}

/// The convolution of `x` (b × c × h × w) with `weight` (o × c × k × k), and the output's height and
/// width.
pub(crate) fn forward(
    x: &[f32],
    (b, c, h, w): (usize, usize, usize, usize),
    weight: &[f32],
    c_out: usize,
    geometry: Geometry,
    after: After<'_>,
    threads: usize,
) -> Result<(Vec<f32>, (usize, usize))> {
    let tiling = Tiling::new(c, h, w, geometry);
    let weight = Tensor::from_slice(weight, (c_out, tiling.depth()), &Device::Cpu)?;
    let plane = tiling.out_h * tiling.out_w;
    let mut out = vec![0.0f32; b * c_out * plane];
    let results = for_each_chunk(&mut out, c_out * plane, threads, &|i, picture| -> Result<()> {
        let from = &x[i * c * h * w..(i + 1) * c * h * w];
        for (first, rows) in tiling.tiles() {
            let pixels = rows * tiling.out_w;
            let product = weight.matmul(&tiling.columns(from, first, rows)?)?;
            super::ops::with_values(&product, |values| {
                for (o, line) in values.chunks(pixels).enumerate() {
                    let start = o * plane + first * tiling.out_w;
                    let to = &mut picture[start..start + pixels];
                    match &after {
                        After::Nothing => to.copy_from_slice(line),
                        After::Bias(bias) => to.iter_mut().zip(line).for_each(|(t, v)| *t = v + bias[o]),
                        After::BiasRelu(bias) => {
                            to.iter_mut().zip(line).for_each(|(t, v)| *t = (v + bias[o]).max(0.0));
                        }
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    });
    results.into_iter().collect::<Result<Vec<()>>>()?;
    Ok((out, (tiling.out_h, tiling.out_w)))
}

/// The gradients of `x` (if wanted) and of `weight`, given that of the output.
#[allow(clippy::too_many_arguments)] // Three arrays with their sizes; a struct would have one use.
pub(crate) fn backward(
    x: &[f32],
    (b, c, h, w): (usize, usize, usize, usize),
    weight: &[f32],
    c_out: usize,
    grad: &[f32],
    geometry: Geometry,
    x_has_grad: bool,
    threads: usize,
) -> Result<(Option<Vec<f32>>, Vec<f32>)> {
    let tiling = Tiling::new(c, h, w, geometry);
    let depth = tiling.depth();
    let weight_t = Tensor::from_slice(weight, (c_out, depth), &Device::Cpu)?.t()?;
    let plane = tiling.out_h * tiling.out_w;
    // Without a wanted gradient, one float per picture stands for it, so that the split is the same.
    let size = if x_has_grad { c * h * w } else { 1 };
    let mut dx = vec![0.0f32; b * size];
    let partial = for_each_chunk(&mut dx, size, threads, &|i, to| -> Result<Vec<f32>> {
        let from = &x[i * c * h * w..(i + 1) * c * h * w];
        let grad = &grad[i * c_out * plane..(i + 1) * c_out * plane];
        let mut dw = vec![0.0f32; c_out * depth];
        for (first, rows) in tiling.tiles() {
            let pixels = rows * tiling.out_w;
            let mut lines = Vec::with_capacity(c_out * pixels);
            for o in 0..c_out {
                let start = o * plane + first * tiling.out_w;
                lines.extend_from_slice(&grad[start..start + pixels]);
            }
            let lines = Tensor::from_vec(lines, (c_out, pixels), &Device::Cpu)?;
            let product = lines.matmul(&tiling.columns(from, first, rows)?.t()?)?;
            super::ops::with_values(&product, |values| {
                dw.iter_mut().zip(values).for_each(|(d, v)| *d += v);
                Ok(())
            })?;
            if x_has_grad {
                super::ops::with_values(&weight_t.matmul(&lines)?, |columns| {
                    tiling.scatter(columns, to, first, rows);
                    Ok(())
                })?;
            }
        }
        Ok(dw)
    });
    let mut dw = vec![0.0f32; c_out * depth];
    for picture in partial {
        dw.iter_mut().zip(picture?).for_each(|(d, v)| *d += v);
    }
    Ok((x_has_grad.then_some(dx), dw))
}
