//! Rates with their uncertainty.

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
    fn the_interval_agrees_with_published_figures() {
        // 481 of 500, by the formula of Wilson 1927 worked by hand.
        let (lo, hi) = wilson(481, 500);
        assert!((lo - 0.9414).abs() < 5e-4 && (hi - 0.9755).abs() < 5e-4, "{lo} {hi}");
        assert_eq!(wilson(0, 0), (0.0, 1.0));
        assert!(wilson(5, 5).1 <= 1.0);
    }
}
