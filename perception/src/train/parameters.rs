//! The net in training: weights with gradients, batch normalisation, the optimiser's state.

use crate::vision::arch::{Layer, Pass};
use crate::vision::ops::{self, BatchNorm, Bias, Conv, Double, EPSILON, Moments, RectifiedSum};
use crate::weights::{Array, Arrays};
use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use types::Rejection;

/// Share of a batch's moments in the running ones.
const MOMENTUM: f32 = 0.02;

/// What one layer learns: `weight`, then `gamma` and `beta` with their running moments, or `bias`.
struct LayerState {
    layer: Layer,
    vars: Vec<(&'static str, Var)>,
    running: Option<Moments>,
}

/// Everything that training changes.
pub(crate) struct Parameters {
    layers: Vec<LayerState>,
    /// First and second moment of every variable's gradient, in the order of [`Parameters::vars`].
    first: Vec<Vec<f32>>,
    second: Vec<Vec<f32>>,
}

impl Parameters {
    /// Random weights of the size that keeps the variance through a rectifier (He et al., 2015), and the
    /// last layer's `biases`.
    pub(crate) fn new(net: Vec<Layer>, biases: Vec<f32>, seed: u64) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut layers = Vec::new();
        for layer in net {
            let dims = layer.weight_dims();
            let fan_in = (dims[1] * dims[2] * dims[3]) as f32;
            // The last layer starts near zero, so that its biases alone speak.
            let deviation = if layer.norm { (2.0 / fan_in).sqrt() } else { 0.05 / fan_in.sqrt() };
            let bound = deviation * 3.0f32.sqrt();
            let n = dims.iter().product();
            let weight: Vec<f32> = (0..n).map(|_| rng.random_range(-bound..bound)).collect();
            let mut vars = vec![("weight", Var::from_vec(weight, &dims, &Device::Cpu)?)];
            let c = layer.c_out;
            let constant = |v: f32| Var::from_vec(vec![v; c], c, &Device::Cpu);
            if layer.norm {
                // The second half of a residual starts small, so that each block starts as identity.
                let gamma = if layer.name.ends_with(".1") { 0.3 } else { 1.0 };
                vars.push(("gamma", constant(gamma)?));
                vars.push(("beta", constant(0.0)?));
            } else {
                vars.push(("bias", Var::from_vec(biases.clone(), c, &Device::Cpu)?));
            }
            let running = layer.norm.then(|| Moments { mean: vec![0.0; c], var: vec![1.0; c] });
            layers.push(LayerState { layer, vars, running });
        }
        let zeros: Vec<Vec<f32>> =
            layers.iter().flat_map(|l| l.vars.iter().map(|(_, v)| vec![0.0; v.elem_count()])).collect();
        Ok(Self { layers, first: zeros.clone(), second: zeros })
    }

    fn vars(&self) -> impl Iterator<Item = (String, &Var)> {
        self.layers
            .iter()
            .flat_map(|l| l.vars.iter().map(move |(part, v)| (format!("{}.{part}", l.layer.name), v)))
    }

    /// Every number that training changes, by name.
    pub(crate) fn arrays(&self) -> Result<Arrays> {
        let mut arrays = Arrays::new();
        for ((name, var), (m, v)) in self.vars().zip(self.first.iter().zip(&self.second)) {
            let dims = var.dims().to_vec();
            let flat = |values: &[f32]| Array { dims: dims.clone(), values: values.to_vec() };
            arrays.insert(format!("first.{name}"), flat(m));
            arrays.insert(format!("second.{name}"), flat(v));
            let values = var.as_tensor().flatten_all()?.to_vec1()?;
            arrays.insert(format!("net.{name}"), Array { dims, values });
        }
        for state in &self.layers {
            if let Some(r) = &state.running {
                let flat = |v: &Vec<f32>| Array { dims: vec![v.len()], values: v.clone() };
                arrays.insert(format!("net.{}.mean", state.layer.name), flat(&r.mean));
                arrays.insert(format!("net.{}.var", state.layer.name), flat(&r.var));
            }
        }
        Ok(arrays)
    }

    /// Puts back what [`Parameters::arrays`] gave.
    pub(crate) fn restore(&mut self, mut arrays: Arrays) -> std::result::Result<(), Rejection> {
        let mut take = |name: String, dims: &[usize]| -> std::result::Result<Vec<f32>, Rejection> {
            let array = arrays
                .remove(&name)
                .ok_or_else(|| Rejection::new(format!("checkpoint.{name}"), "a tensor", "nothing"))?;
            array.check(&format!("checkpoint.{name}"), dims)?;
            Ok(array.values)
        };
        let names: Vec<(String, Vec<usize>)> = self.vars().map(|(n, v)| (n, v.dims().to_vec())).collect();
        let mut values = Vec::new();
        for (i, (name, dims)) in names.iter().enumerate() {
            self.first[i] = take(format!("first.{name}"), dims)?;
            self.second[i] = take(format!("second.{name}"), dims)?;
            values.push((take(format!("net.{name}"), dims)?, dims));
        }
        for ((_, var), (value, dims)) in self.vars().zip(values) {
            Tensor::from_vec(value, dims.as_slice(), &Device::Cpu)
                .and_then(|t| var.set(&t))
                .map_err(|e| Rejection::new("checkpoint", "tensors that fit", e.to_string()))?;
        }
        for state in &mut self.layers {
            let c = [state.layer.c_out];
            if let Some(r) = &mut state.running {
                r.mean = take(format!("net.{}.mean", state.layer.name), &c)?;
                r.var = take(format!("net.{}.var", state.layer.name), &c)?;
            }
        }
        Ok(())
    }

    /// One step of AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019) with
    /// β = (0.9, 0.99); normalisation and biases do not decay. `step` counts from one.
    pub(crate) fn update(&mut self, grads: &GradStore, step: u64, rate: f32, decay: f32) -> Result<()> {
        const BETA: (f64, f64) = (0.9, 0.99);
        let power = i32::try_from(step).unwrap_or(i32::MAX);
        let correct = ((1.0 - BETA.0.powi(power)) as f32, (1.0 - BETA.1.powi(power)) as f32);
        let (b1, b2) = (BETA.0 as f32, BETA.1 as f32);
        let vars = self.layers.iter().flat_map(|l| l.vars.iter());
        for ((part, var), (ms, vs)) in vars.zip(self.first.iter_mut().zip(&mut self.second)) {
            let Some(grad) = grads.get(var) else { continue };
            let mut values = var.as_tensor().flatten_all()?.to_vec1::<f32>()?;
            let decay = if *part == "weight" { decay } else { 0.0 };
            ops::with_values(grad, |gs| {
                for (((w, g), m), v) in values.iter_mut().zip(gs).zip(ms).zip(vs) {
                    *m = b1 * *m + (1.0 - b1) * g;
                    *v = b2 * *v + (1.0 - b2) * g * g;
                    let direction = (*m / correct.0) / ((*v / correct.1).sqrt() + 1e-8);
                    *w -= rate * (direction + decay * *w);
                }
                Ok(())
            })?;
            var.set(&Tensor::from_vec(values, var.dims(), &Device::Cpu)?)?;
        }
        Ok(())
    }

    /// The net's tensors as it is used: normalisation by the running moments folded into weight and bias.
    pub(crate) fn fold(&self) -> Result<Arrays> {
        let mut arrays = Arrays::new();
        for state in &self.layers {
            let get = |i: usize| state.vars[i].1.as_tensor().flatten_all()?.to_vec1::<f32>();
            let (mut weight, mut bias) = (get(0)?, get(1)?);
            if let Some(r) = &state.running {
                let (gamma, beta) = (bias, get(2)?);
                let scale: Vec<f32> =
                    gamma.iter().zip(&r.var).map(|(g, v)| g / (v + EPSILON).sqrt()).collect();
                bias = (0..beta.len()).map(|o| beta[o] - r.mean[o] * scale[o]).collect();
                let per_output = weight.len() / scale.len();
                for (row, s) in weight.chunks_mut(per_output).zip(&scale) {
                    row.iter_mut().for_each(|w| *w *= s);
                }
            }
            let dims = state.layer.weight_dims().to_vec();
            arrays.insert(format!("{}.weight", state.layer.name), Array { dims, values: weight });
            let dims = vec![bias.len()];
            arrays.insert(format!("{}.bias", state.layer.name), Array { dims, values: bias });
        }
        Ok(arrays)
    }

    /// A pass that learns, over `threads` threads.
    pub(crate) fn pass(&mut self, threads: usize) -> Learning<'_> {
        Learning { parameters: self, threads }
    }
}

/// The forward pass with gradients and the batch's own moments.
pub(crate) struct Learning<'a> {
    parameters: &'a mut Parameters,
    threads: usize,
}

impl Pass for Learning<'_> {
    fn layer(&mut self, name: &str, x: &Tensor) -> Result<Tensor> {
        let threads = self.threads;
        let found = self.parameters.layers.iter_mut().enumerate().find(|(_, l)| l.layer.name == name);
        let (i, state) = found.ok_or_else(|| candle_core::Error::Msg(format!("no layer {name}")))?;
        let op = Conv { geometry: state.layer.geometry, threads, x_has_grad: i > 0 };
        let y = x.contiguous()?.apply_op2(&state.vars[0].1, op)?;
        match &mut state.running {
            Some(running) => {
                let moments = ops::moments(&y, threads)?;
                for (old, new) in [(&mut running.mean, &moments.mean), (&mut running.var, &moments.var)] {
                    old.iter_mut().zip(new).for_each(|(o, n)| *o += MOMENTUM * (n - *o));
                }
                let norm = BatchNorm { moments, relu: state.layer.relu, threads };
                y.apply_op3(&state.vars[1].1, &state.vars[2].1, norm)
            }
            None => y.apply_op2(&state.vars[1].1, Bias { threads }),
        }
    }

    fn rectified_sum(&mut self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        a.contiguous()?.apply_op2(&b.contiguous()?, RectifiedSum)
    }

    fn double(&mut self, x: &Tensor) -> Result<Tensor> {
        x.contiguous()?.apply_op1(Double)
    }
}
