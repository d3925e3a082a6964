//! How far a motion goes on at once.
#![forbid(unsafe_code)]

/// A motion is moved on in steps no longer than this, seconds, however slow the loop is.
const LONGEST_STEP_S: f64 = 0.001;

/// How long a step of a motion is at most at a loop of this period, seconds: in longer ones a pace that changes within
/// its bounds would be past them before it is seen.
pub(crate) fn stride(period: f64) -> f64 {
    period.min(LONGEST_STEP_S)
}

/// `dt` in steps no longer than a stride; the pace is planned for those.
pub(crate) fn steps(dt: f64, period: f64) -> impl Iterator<Item = f64> {
    let n = libm::ceil(dt / stride(period) - 1e-9).max(1.0);
    (0..n as u32).map(move |_| dt / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_tick_is_taken_in_even_steps_no_longer_than_a_period_and_a_millisecond() {
        let short = [(0.001, 1), (0.0004, 1), (0.001_1, 2), (0.002, 2), (0.002_5, 3), (0.02, 20)];
        let rows = short.map(|(dt, n)| (dt, 0.001, n)).into_iter();
        for (dt, period, n) in rows.chain([(0.01, 0.01, 10), (0.011, 0.01, 11), (0.001, 0.000_25, 4)]) {
            let parts: Vec<f64> = steps(dt, period).collect();
            assert_eq!(parts.len(), n, "{dt}");
            assert!(parts.iter().all(|part| (part - dt / n as f64).abs() < 1e-15), "{parts:?}");
        }
    }
}
