//! The operations against candle's own, slow ones.

use super::*;
use candle_core::{Device, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn noise(dims: (usize, usize, usize, usize), seed: u64) -> Var {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> =
        (0..dims.0 * dims.1 * dims.2 * dims.3).map(|_| rng.random_range(-1.0..1.0)).collect();
    Var::from_vec(values, dims, &Device::Cpu).expect("fits")
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    (a - b)
        .and_then(|d| d.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>())
        .expect("two tensors of one shape")
}

#[test]
fn a_convolution_and_its_gradients_agree_with_candles_own() {
    for (kernel, stride, dilation, c, h, w) in [
        (3, 1, 1, 3, 7, 9),
        (3, 2, 1, 4, 8, 10),
        (3, 1, 2, 2, 9, 8),
        (1, 1, 1, 3, 5, 4),
        (3, 1, 1, 64, 48, 64),
    ] {
        let geometry = Geometry { kernel, stride, dilation };
        let (x, k) = (noise((2, c, h, w), 1), noise((5, c, kernel, kernel), 2));
        let ours =
            x.apply_op2(&k, Conv { geometry, threads: 2, x_has_grad: true }).expect("a valid convolution");
        let theirs = x.conv2d(&k, geometry.padding(), stride, dilation, 1).expect("a valid convolution");
        assert_eq!(ours.dims(), theirs.dims());
        assert!(largest_difference(&ours, &theirs) < 1e-3, "{geometry:?}");
        let mask = noise((2, 5, ours.dims()[2], ours.dims()[3]), 3);
        let grads =
            |y: &Tensor| (y * mask.as_tensor()).and_then(|v| v.sum_all()?.backward()).expect("gradients");
        let (a, b) = (grads(&ours), grads(&theirs));
        for v in [&x, &k] {
            let (a, b) = (a.get(v).expect("a gradient"), b.get(v).expect("a gradient"));
            assert!(largest_difference(a, b) < 2e-3, "{geometry:?}");
        }
    }
}

#[test]
fn batch_normalisation_and_its_gradients_agree_with_the_formula_in_plain_tensors() {
    let x = noise((3, 4, 5, 6), 5);
    let gamma = Var::new(&[0.5f32, 1.0, -1.5, 2.0], &Device::Cpu).expect("fits");
    let beta = Var::new(&[0.1f32, -0.2, 0.3, 0.0], &Device::Cpu).expect("fits");
    let m = moments(&x, 2).expect("moments");
    let ours =
        x.apply_op3(&gamma, &beta, BatchNorm { moments: m, relu: true, threads: 2 }).expect("normalised");
    let flat = |v: &Tensor| v.reshape((1, 4, 1, 1)).expect("four channels");
    let plain = || -> Result<Tensor> {
        let mean = x.mean_keepdim(0)?.mean_keepdim(2)?.mean_keepdim(3)?;
        let centred = x.broadcast_sub(&mean)?;
        let var = centred.sqr()?.mean_keepdim(0)?.mean_keepdim(2)?.mean_keepdim(3)?;
        let unit = centred.broadcast_div(&(var + f64::from(EPSILON))?.sqrt()?)?;
        unit.broadcast_mul(&flat(&gamma))?.broadcast_add(&flat(&beta))?.relu()
    };
    let theirs = plain().expect("normalised");
    assert!(largest_difference(&ours, &theirs) < 1e-4);
    let mask = noise((3, 4, 5, 6), 6);
    let grads = |y: &Tensor| (y * mask.as_tensor()).and_then(|v| v.sum_all()?.backward()).expect("gradients");
    let (a, b) = (grads(&ours), grads(&theirs));
    for v in [&x, &gamma, &beta] {
        let (a, b) = (a.get(v).expect("a gradient"), b.get(v).expect("a gradient"));
        assert!(largest_difference(a, b) < 1e-3, "{a} {b}");
    }
}

#[test]
fn doubling_repeats_every_pixel_and_its_gradient_sums_them() {
    let x = Var::from_vec(vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], (1, 1, 2, 3), &Device::Cpu).expect("fits");
    let y = x.apply_op1(Double).expect("doubled");
    let rows = y.reshape((4, 6)).and_then(|t| t.to_vec2::<f32>()).expect("4 × 6");
    assert_eq!(rows[0], [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
    assert_eq!(rows[0], rows[1]);
    assert_eq!(rows[3], [4.0, 4.0, 5.0, 5.0, 6.0, 6.0]);
    let grads = y.sum_all().and_then(|s| s.backward()).expect("gradients");
    let d = grads.get(&x).and_then(|g| g.flatten_all().ok()?.to_vec1::<f32>().ok()).expect("a gradient");
    assert_eq!(d, [4.0; 6]);
}

#[test]
fn bias_rectified_sum_and_a_scored_loss_have_the_gradients_of_plain_tensors() {
    let (x, other) = (noise((2, 3, 4, 5), 11), noise((2, 3, 4, 5), 12));
    let bias = Var::new(&[0.4f32, -0.3, 0.1], &Device::Cpu).expect("fits");
    let slope = noise((2, 3, 4, 5), 13).as_tensor().clone();
    let plain = || -> Result<candle_core::backprop::GradStore> {
        let y = (x.broadcast_add(&bias.reshape((1, 3, 1, 1))?)? + other.as_tensor())?.relu()?;
        (y * &slope)?.sum_all()?.backward()
    };
    let ours = || -> Result<candle_core::backprop::GradStore> {
        let y = x.apply_op2(&bias, Bias { threads: 2 })?.apply_op2(&other, RectifiedSum)?;
        y.apply_op1(Scored { loss: 0.5, slope: slope.clone() })?.backward()
    };
    let (a, b) = (ours().expect("gradients"), plain().expect("gradients"));
    for v in [&x, &other, &bias] {
        let (a, b) = (a.get(v).expect("a gradient"), b.get(v).expect("a gradient"));
        assert!(largest_difference(a, b) < 1e-5);
    }
}
