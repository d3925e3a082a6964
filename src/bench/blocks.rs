//! Two sides in alternating blocks, and the ratio of their medians (R1, R2 of the measuring rules).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::{Duration, Instant};

/// Resamples of the bootstrap.
const RESAMPLES: usize = 2000;
/// What the clock itself costs is measured so often.
const CLOCK_CALLS: usize = 10_000;

/// Ours over a peer's.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Ratio {
    /// Median cost of one call, nanoseconds.
    pub(crate) ours_ns: f64,
    pub(crate) peer_ns: f64,
    pub(crate) ratio: f64,
    /// Of the ratio, 95 %, by the bootstrap over blocks (Efron and Tibshirani, 1993).
    pub(crate) interval: (f64, f64),
}

/// Runs the two sides in turn; each call is one block and returns the cost of one call, nanoseconds.
pub(crate) fn alternate<E>(
    blocks: usize,
    seed: u64,
    mut ours: impl FnMut() -> Result<f64, E>,
    mut theirs: impl FnMut() -> Result<f64, E>,
) -> Result<Ratio, E> {
    let (mut a, mut b) = (Vec::with_capacity(blocks), Vec::with_capacity(blocks));
    for _ in 0..blocks {
        a.push(ours()?);
        b.push(theirs()?);
    }
    Ok(ratio(&a, &b, seed))
}

/// Of the medians of both sides' blocks.
pub(crate) fn ratio(a: &[f64], b: &[f64], seed: u64) -> Ratio {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut again =
        |from: &[f64]| median((0..from.len()).map(|_| from[rng.random_range(0..from.len())]).collect());
    let mut ratios: Vec<f64> = (0..RESAMPLES).map(|_| again(a) / again(b)).collect();
    ratios.sort_by(f64::total_cmp);
    let (ours_ns, peer_ns) = (median(a.to_vec()), median(b.to_vec()));
    let at = |q: f64| ratios[((RESAMPLES - 1) as f64 * q) as usize];
    Ratio { ours_ns, peer_ns, ratio: ours_ns / peer_ns, interval: (at(0.025), at(0.975)) }
}

/// Ours less a peer's, in the unit of both.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Added {
    pub(crate) ours: f64,
    pub(crate) peer: f64,
    pub(crate) added: f64,
    /// Of the difference, 95 %, by the bootstrap over blocks.
    pub(crate) interval: (f64, f64),
}

/// Of the medians of both sides' blocks.
pub(crate) fn added(a: &[f64], b: &[f64], seed: u64) -> Added {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut again =
        |from: &[f64]| median((0..from.len()).map(|_| from[rng.random_range(0..from.len())]).collect());
    let mut all: Vec<f64> = (0..RESAMPLES).map(|_| again(a) - again(b)).collect();
    all.sort_by(f64::total_cmp);
    let (ours, peer) = (median(a.to_vec()), median(b.to_vec()));
    let at = |q: f64| all[((RESAMPLES - 1) as f64 * q) as usize];
    Added { ours, peer, added: ours - peer, interval: (at(0.025), at(0.975)) }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    0.5 * (values[(n - 1) / 2] + values[n / 2])
}

/// CPU time of this process, seconds.
pub(crate) fn process_s() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// CPU time of this thread, nanoseconds.
pub(crate) fn cpu_ns() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    t.tv_sec as f64 * 1e9 + t.tv_nsec as f64
}

/// What asking for it costs, nanoseconds.
pub(crate) fn clock_ns() -> f64 {
    let begun = cpu_ns();
    (0..CLOCK_CALLS).for_each(|_| _ = core::hint::black_box(cpu_ns()));
    (cpu_ns() - begun) / CLOCK_CALLS as f64
}

/// Calls `work` (which does something `per_call` times) for so long; CPU nanoseconds of one of them.
pub(crate) fn block(length: Duration, per_call: usize, mut work: impl FnMut()) -> f64 {
    let (begun, before) = (Instant::now(), cpu_ns());
    let mut n = 0usize;
    while begun.elapsed() < length {
        work();
        n += per_call;
    }
    (cpu_ns() - before) / n.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_medians_and_its_interval_holds_it_and_shrinks_with_agreement() {
        let ours: Vec<f64> = (0..20).map(|i| 10.0 + 0.1 * f64::from(i % 5)).collect();
        let theirs: Vec<f64> = (0..20).map(|i| 40.0 + 0.4 * f64::from(i % 5)).collect();
        let r = ratio(&ours, &theirs, 1);
        assert!((r.ratio - 0.25).abs() < 1e-12, "{r:?}");
        assert!(r.interval.0 <= 0.25 && r.interval.1 >= 0.25 && r.interval.1 < 0.26, "{r:?}");
        let wild: Vec<f64> = (0..20).map(|i| 10.0 + 2.0 * f64::from(i)).collect();
        let r = ratio(&wild, &theirs, 1);
        assert!(r.interval.1 - r.interval.0 > 0.05, "{r:?}");
    }
}
