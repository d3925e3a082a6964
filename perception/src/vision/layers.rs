//! Trained layers, ready for use: normalisation folded into weights and biases.

use super::arch::{Layer, Pass};
use super::{conv, ops};
use crate::weights::{Array, Arrays};
use candle_core::{Device, Tensor};
use core::sync::atomic::{AtomicBool, Ordering};
use types::Rejection;

/// The weights and biases of a net's layers.
#[derive(Clone, Debug)]
pub(crate) struct Layers(Vec<(Layer, Vec<f32>, Vec<f32>)>);

impl Layers {
    /// Takes the tensors `<layer>.weight` and `<layer>.bias` of every layer out of `arrays`; `part` is the
    /// net's name in errors.
    ///
    /// # Errors
    /// A [`Rejection`] that names a tensor that is missing, left over, of the wrong shape, or holds a
    /// number that is not finite (B30).
    pub(crate) fn new(part: &str, layers: Vec<Layer>, mut arrays: Arrays) -> Result<Self, Rejection> {
        let mut all = Vec::with_capacity(layers.len());
        for layer in layers {
            let mut take = |tensor: &str, dims: &[usize]| -> Result<Vec<f32>, Rejection> {
                let name = format!("{}.{tensor}", layer.name);
                let array = arrays
                    .remove(&name)
                    .ok_or_else(|| Rejection::new(format!("{part}.{name}"), "a tensor", "nothing"))?;
                array.check(&format!("{part}.{name}"), dims)?;
                Ok(array.values)
            };
            let weight = take("weight", &layer.weight_dims())?;
            let bias = take("bias", &[layer.c_out])?;
            all.push((layer, weight, bias));
        }
        match arrays.into_keys().next() {
            Some(name) => Err(Rejection::new(format!("{part}.{name}"), "no such tensor", "one")),
            None => Ok(Self(all)),
        }
    }

    /// The tensors that [`Layers::new`] takes.
    pub(crate) fn arrays(&self) -> Arrays {
        let mut arrays = Arrays::new();
        for (layer, weight, bias) in &self.0 {
            let weight = Array { dims: layer.weight_dims().to_vec(), values: weight.clone() };
            arrays.insert(format!("{}.weight", layer.name), weight);
            let bias = Array { dims: vec![layer.c_out], values: bias.clone() };
            arrays.insert(format!("{}.bias", layer.name), bias);
        }
        arrays
    }

    /// A pass without gradients that looks at the cancel flag before every layer.
    pub(crate) fn pass<'a>(&'a self, cancel: &'a AtomicBool) -> Folded<'a> {
        Folded { layers: self, cancel }
    }
}

/// See [`Layers::pass`].
pub(crate) struct Folded<'a> {
    layers: &'a Layers,
    cancel: &'a AtomicBool,
}

impl Pass for Folded<'_> {
    fn layer(&mut self, name: &str, x: &Tensor) -> candle_core::Result<Tensor> {
        let found = self.layers.0.iter().find(|(l, _, _)| l.name == name);
        let (layer, weight, bias) =
            found.ok_or_else(|| candle_core::Error::Msg(format!("no layer {name}")))?;
        if self.cancel.load(Ordering::Relaxed) {
            return Err(candle_core::Error::Msg("cancelled".to_owned()));
        }
        let dims = x.dims4()?;
        let after = if layer.relu { conv::After::BiasRelu(bias) } else { conv::After::Bias(bias) };
        let (out, (h, w)) = ops::with_values(x, |values| {
            conv::forward(values, dims, weight, layer.c_out, layer.geometry, after, 1)
        })?;
        Tensor::from_vec(out, (dims.0, layer.c_out, h, w), &Device::Cpu)
    }

    fn rectified_sum(&mut self, a: &Tensor, b: &Tensor) -> candle_core::Result<Tensor> {
        (a + b)?.relu()
    }

    fn double(&mut self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (b, c, h, w) = x.dims4()?;
        let out = ops::with_values(x, |values| Ok(ops::double(values, w)))?;
        Tensor::from_vec(out, (b, c, 2 * h, 2 * w), &Device::Cpu)
    }
}
