//! Numbers for tests, drawn from a seed: the same ones in every run.

use candle_core::{Device, Shape, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Normal numbers of mean 0 and deviation 1 (Box and Muller 1958).
pub(super) fn normal(dims: impl Into<Shape>, seed: u64) -> Tensor {
    let (dims, mut rng) = (dims.into(), ChaCha8Rng::seed_from_u64(seed));
    let mut one = || {
        let (u, v): (f32, f32) = (1.0 - rng.random::<f32>(), rng.random());
        (-2.0 * u.ln()).sqrt() * (std::f32::consts::TAU * v).cos()
    };
    let numbers: Vec<f32> = (0..dims.elem_count()).map(|_| one()).collect();
    Tensor::from_vec(numbers, dims, &Device::Cpu).expect("as many numbers as places")
}
