//! Picture to objects: a small dense detector. Every half-size cell says whether an object's centre is
//! here, and if so its box, colour, shape and size ("Objects as Points", Zhou et al., 2019).

pub(crate) mod arch;
pub(crate) mod conv;
pub(crate) mod decode;
pub(crate) mod input;
pub(crate) mod ops;
pub(crate) mod relief;

pub use arch::{Arch, INPUT_HEIGHT, INPUT_WIDTH};

use crate::weights::{Array, Arrays};
use arch::{INPUT_CHANNELS, Layer, OUTPUT_CHANNELS, Pass};
use candle_core::{Device, Tensor};
use core::sync::atomic::{AtomicBool, Ordering};
use types::seams::ModelError;
use types::{Detection, Image, Rejection};

/// Least score of a reported object.
pub const THRESHOLD: f32 = 0.35;

/// The trained detector, its normalisation folded into weights and biases.
#[derive(Clone, Debug)]
pub struct Net {
    arch: Arch,
    layers: Vec<(Layer, Vec<f32>, Vec<f32>)>,
}

impl Net {
    /// Takes the tensors `<layer>.weight` and `<layer>.bias` of every layer out of `arrays`.
    ///
    /// # Errors
    /// A [`Rejection`] that names a tensor that is missing, left over, of the wrong shape, or holds a
    /// number that is not finite (B30).
    pub fn new(arch: Arch, mut arrays: Arrays) -> Result<Self, Rejection> {
        let mut layers = Vec::new();
        for layer in arch.layers() {
            let mut take = |part: &str, dims: &[usize]| -> Result<Vec<f32>, Rejection> {
                let name = format!("{}.{part}", layer.name);
                let array = arrays
                    .remove(&name)
                    .ok_or_else(|| Rejection::new(format!("vision.{name}"), "a tensor", "nothing"))?;
                array.check(&format!("vision.{name}"), dims)?;
                Ok(array.values)
            };
            let weight = take("weight", &layer.weight_dims())?;
            let bias = take("bias", &[layer.c_out])?;
            layers.push((layer, weight, bias));
        }
        match arrays.into_keys().next() {
            Some(name) => Err(Rejection::new(format!("vision.{name}"), "no such tensor", "one")),
            None => Ok(Self { arch, layers }),
        }
    }

    /// The tensors that [`Net::new`] takes.
    #[must_use]
    pub fn arrays(&self) -> Arrays {
        let mut arrays = Arrays::new();
        for (layer, weight, bias) in &self.layers {
            let weight = Array { dims: layer.weight_dims().to_vec(), values: weight.clone() };
            arrays.insert(format!("{}.weight", layer.name), weight);
            arrays.insert(
                format!("{}.bias", layer.name),
                Array { dims: vec![layer.c_out], values: bias.clone() },
            );
        }
        arrays
    }

    /// The channels at each scale.
    #[must_use]
    pub fn arch(&self) -> Arch {
        self.arch
    }

    /// Every object in a picture, best first. Depth, where the picture has it, is looked at too.
    ///
    /// Pictures of odd sequence number are looked at in the mirror: where two pictures of one view are
    /// taken together, the net then errs in two ways instead of in one way twice.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`]; [`ModelError::Unusable`] when the output is not finite (F45).
    pub fn detect(&self, image: &Image, cancel: &AtomicBool) -> Result<Vec<Detection>, ModelError> {
        let (mut x, fit) = input::prepare(image, (INPUT_WIDTH, INPUT_HEIGHT));
        let is_mirrored = image.sequence % 2 == 1;
        if is_mirrored {
            input::mirror(&mut x, (INPUT_WIDTH, INPUT_HEIGHT));
        }
        let mut pass = Folded { net: self, cancel };
        let output = Tensor::from_vec(x, (1, INPUT_CHANNELS, INPUT_HEIGHT, INPUT_WIDTH), &Device::Cpu)
            .and_then(|x| arch::forward(&mut pass, &x))
            .map_err(|e| match cancel.load(Ordering::Relaxed) {
                true => ModelError::Cancelled,
                false => ModelError::Unusable(e.to_string()),
            })?;
        let found = ops::with_values(&output, |values| {
            let maps = decode::Maps { values, width: INPUT_WIDTH / 2, height: INPUT_HEIGHT / 2 };
            debug_assert_eq!(values.len(), OUTPUT_CHANNELS * maps.width * maps.height / 4);
            Ok(maps.detections(THRESHOLD, fit))
        })
        .map_err(|e| ModelError::Unusable(e.to_string()))?;
        let mut found = found.ok_or_else(|| ModelError::Unusable("the output is not finite".to_owned()))?;
        if is_mirrored {
            let width = image.size().0 as f32;
            for d in &mut found {
                let [left, top, right, bottom] = d.box_px;
                d.box_px = [width - right, top, width - left, bottom];
                d.point_px[0] = width - d.point_px[0];
            }
        }
        Ok(found)
    }
}

/// The net without gradients; looks at the cancel flag before every layer.
struct Folded<'a> {
    net: &'a Net,
    cancel: &'a AtomicBool,
}

impl Pass for Folded<'_> {
    fn layer(&mut self, name: &str, x: &Tensor) -> candle_core::Result<Tensor> {
        let found = self.net.layers.iter().find(|(l, _, _)| l.name == name);
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
