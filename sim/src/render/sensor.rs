//! What a real sensor does to a clean picture.

use super::Rendered;
use crate::look::SensorNoise;
use rand::Rng;

/// Steps of the table of normal deviates.
const STEPS: usize = 4096;
/// Depths of neighbours that differ by more than this lie on an outline, metres.
const STEP_AT_OUTLINE: f32 = 0.02;

/// Normal deviates at equally probable steps: one random index, one lookup.
#[derive(Debug)]
pub(crate) struct Deviates(Vec<f32>);

impl Default for Deviates {
    fn default() -> Self {
        let quantile = |p: f64| {
            // Bisection on the error function: done once, exact to 1e-9.
            let (mut lo, mut hi) = (-6.0f64, 6.0f64);
            for _ in 0..50 {
                let mid = 0.5 * (lo + hi);
                let below = 0.5 * libm::erfc(-mid * core::f64::consts::FRAC_1_SQRT_2);
                if below < p { lo = mid } else { hi = mid }
            }
            0.5 * (lo + hi)
        };
        Self((0..STEPS).map(|i| quantile((i as f64 + 0.5) / STEPS as f64) as f32).collect())
    }
}

impl Deviates {
    fn at(&self, bits: u16) -> f32 {
        self.0[usize::from(bits) % STEPS]
    }
}

/// Adds noise to colours and depths, rounds depths to their step, and loses some at outlines.
pub(crate) fn add(picture: &mut Rendered, noise: &SensorNoise, deviates: &Deviates, rng: &mut impl Rng) {
    let n = picture.depth.len();
    let mut bytes = vec![0u8; 2 * (3 * n + 2 * n)];
    rng.fill_bytes(&mut bytes);
    let mut bits = bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]]));
    let mut next = || bits.next().unwrap_or(0);
    if noise.read > 0.0 || noise.shot > 0.0 {
        let sigma: Vec<f32> = (0..256)
            .map(|v| libm::sqrtf(noise.read * noise.read + noise.shot * noise.shot * v as f32 / 255.0))
            .collect();
        for v in &mut picture.rgb {
            let value = f32::from(*v) + deviates.at(next()) * sigma[usize::from(*v)];
            *v = (value.clamp(0.0, 255.0) + 0.5) as u8;
        }
    }
    let clean = picture.depth.clone();
    let (w, h) = (picture.width, picture.height);
    for row in 0..h {
        for col in 0..w {
            let i = row * w + col;
            let (wobble, luck) = (deviates.at(next()), f32::from(next()) / 65_536.0);
            let z = clean[i];
            if z <= 0.0 {
                continue;
            }
            let apart = |j: usize| (clean[j] - z).abs() > STEP_AT_OUTLINE;
            let outline = (col > 0 && apart(i - 1))
                || (col + 1 < w && apart(i + 1))
                || (row > 0 && apart(i - w))
                || (row + 1 < h && apart(i + w));
            if outline && luck < noise.edge_dropout {
                picture.depth[i] = 0.0;
                continue;
            }
            let mut noisy = z + wobble * (noise.depth_m + noise.depth_per_m * z * z);
            if noise.depth_step_m > 0.0 {
                noisy = libm::roundf(noisy / noise.depth_step_m) * noise.depth_step_m;
            }
            picture.depth[i] = noisy.max(0.0);
        }
    }
}
