//! Rates with their uncertainty.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Resamples of the bootstrap.
const RESAMPLES: usize = 10_000;

/// The mean of paired differences, and its 95 % interval by the bootstrap over the pairs (Efron and Tibshirani, An
/// Introduction to the Bootstrap, 1993).
pub(crate) fn paired(differences: &[f64], seed: u64) -> (f64, (f64, f64)) {
    let n = differences.len().max(1);
    let mean = differences.iter().sum::<f64>() / n as f64;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut again = || {
        let drawn = (0..differences.len()).map(|_| differences[rng.random_range(0..differences.len())]);
        drawn.sum::<f64>() / n as f64
    };
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| again()).collect();
    means.sort_by(f64::total_cmp);
    let at = |part: f64| means[((RESAMPLES - 1) as f64 * part) as usize];
    (mean, (at(0.025), at(0.975)))
}

/// The 95 % score interval of a rate (Wilson, JASA 1927), as fractions.
pub(crate) fn wilson(successes: usize, n: usize) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (n, z) = (n as f64, 1.959_964);
    let p = successes as f64 / n;
    let center = p + z * z / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    (((center - half) / scale).max(0.0), ((center + half) / scale).min(1.0))
}

/// The line that every suite ends with.
pub(crate) fn success_line(successes: usize, n: usize) -> String {
    let (lo, hi) = wilson(successes, n);
    let rate = 100.0 * successes as f64 / n.max(1) as f64;
    format!("success {rate:.1} % ({successes}/{n}), 95 % interval {:.1}–{:.1}", 100.0 * lo, 100.0 * hi)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_pairs_lies_in_its_interval_which_is_that_of_a_rate() {
        // 20 of 400 pairs lost: 5 points, and by the normal approximation ±2.14.
        let lost: Vec<f64> = (0..400).map(|i| if i % 20 == 0 { -100.0 } else { 0.0 }).collect();
        let (mean, (lo, hi)) = paired(&lost, 1);
        assert!((mean + 5.0).abs() < 1e-9, "{mean}");
        assert!((lo + 7.14).abs() < 0.4 && (hi + 2.86).abs() < 0.4, "{lo} {hi}");
        assert_eq!(paired(&[0.0; 30], 1), (0.0, (0.0, 0.0)));
    }

    #[test]
    fn the_interval_agrees_with_published_figures() {
        // 481 of 500, by the formula of Wilson 1927 worked by hand.
        let (lo, hi) = wilson(481, 500);
        assert!((lo - 0.9414).abs() < 5e-4 && (hi - 0.9755).abs() < 5e-4, "{lo} {hi}");
        assert_eq!(wilson(0, 0), (0.0, 1.0));
        assert!(wilson(5, 5).1 <= 1.0);
    }
}
