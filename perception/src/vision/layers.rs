//! Trained layers, ready for use: normalisation folded into weights and biases.

use super::arch::{Layer, Pass};
use super::{conv, ops};
use crate::weights::{Array, Arrays};
use candle_core::{Device, Tensor};
use core::sync::atomic::{AtomicBool, Ordering};
use types::Rejection;
use types::seams::ModelError;

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

    /// The numbers that `flow` makes of an input (batch × channels × rows × columns). The cancel flag is
    /// looked at before every layer.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`]; [`ModelError::Unusable`] when a number is not finite (F45).
    pub(crate) fn run(
        &self,
        input: Vec<f32>,
        dims: (usize, usize, usize, usize),
        flow: fn(&mut dyn Pass, &Tensor) -> candle_core::Result<Tensor>,
        cancel: &AtomicBool,
    ) -> Result<Vec<f32>, ModelError> {
        let values = Tensor::from_vec(input, dims, &Device::Cpu)
            .and_then(|x| flow(&mut Folded { layers: self, cancel }, &x))
            .and_then(|output| ops::with_values(&output, |values| Ok(values.to_vec())))
            .map_err(|e| match cancel.load(Ordering::Relaxed) {
                true => ModelError::Cancelled,
                false => ModelError::Unusable(e.to_string()),
            })?;
        if !values.iter().all(|v| v.is_finite()) {
            return Err(ModelError::Unusable("the output is not finite".to_owned()));
        }
        Ok(values)
    }
}

/// A pass without gradients.
struct Folded<'a> {
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
