//! Counts of durations in fixed buckets: recording one allocates nothing and takes constant time.

/// Buckets per power of two, and its logarithm.
const FINE: usize = 1 << LOG;
const LOG: usize = 6;
/// Powers of two that are covered: up to about 4 s in nanoseconds.
const COARSE: usize = 32;

/// Durations, counted with a resolution of about 1.6 %.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Box<[u64]>,
    n: u64,
    max_ns: u64,
}

/// What was counted from one duration up to and with another.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Bin {
    /// Longer than this, microseconds.
    pub over_us: f64,
    /// At most this, microseconds.
    pub to_us: f64,
    /// How many.
    pub n: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; FINE * COARSE].into_boxed_slice(), n: 0, max_ns: 0 }
    }
}

impl Histogram {
    /// Counts one duration.
    ///
    /// # Real-time
    /// No allocation.
    pub fn record(&mut self, ns: u64) {
        let i = bucket(ns).min(self.counts.len() - 1);
        self.counts[i] += 1;
        self.n += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    /// Counts from nothing again.
    ///
    /// # Real-time
    /// No allocation.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        (self.n, self.max_ns) = (0, 0);
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.n
    }

    /// The longest, microseconds.
    #[must_use]
    pub fn max_us(&self) -> f64 {
        self.max_ns as f64 * 1e-3
    }

    /// What was counted, shortest first, without empty bins.
    #[must_use]
    pub fn bins(&self) -> Vec<Bin> {
        let last = self.counts.len() - 1;
        let us = |i: usize| upper_edge(i) as f64 * 1e-3;
        let bin = |(i, n): (usize, &u64)| Bin {
            over_us: if i > 0 { us(i - 1) } else { 0.0 },
            to_us: if i < last { us(i) } else { self.max_us() },
            n: *n,
        };
        self.counts.iter().enumerate().filter(|(_, n)| **n > 0).map(bin).collect()
    }

    /// The duration that the part `p` (0 to 1) does not exceed, microseconds; zero when empty.
    #[must_use]
    pub fn percentile_us(&self, p: f64) -> f64 {
        let wanted = (p.clamp(0.0, 1.0) * self.n as f64).max(1.0);
        let mut seen = 0;
        for (i, count) in self.counts.iter().enumerate() {
            seen += count;
            if *count > 0 && seen as f64 >= wanted {
                return (upper_edge(i).min(self.max_ns)) as f64 * 1e-3;
            }
        }
        self.max_us()
    }
}

fn bucket(ns: u64) -> usize {
    if ns < FINE as u64 {
        return ns as usize;
    }
    let power = 63 - ns.leading_zeros() as usize;
    let fine = (ns >> (power - LOG)) as usize - FINE;
    (power + 1 - LOG) * FINE + fine
}

fn upper_edge(i: usize) -> u64 {
    if i < FINE {
        return i as u64;
    }
    let (power, fine) = (i / FINE + LOG - 1, i % FINE);
    (((FINE + fine + 1) as u64) << (power - LOG)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_within_a_bucket() {
        let mut h = Histogram::default();
        assert_eq!(h.percentile_us(0.5), 0.0);
        for us in 1..=1000_u64 {
            h.record(us * 1000);
        }
        for (p, want) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let got = h.percentile_us(p);
            assert!((got / want - 1.0).abs() < 0.017, "{p}: {got}");
        }
        assert_eq!(h.max_us(), 1000.0);
        h.record(u64::MAX);
        assert_eq!(h.count(), 1001);
        h.clear();
        assert_eq!((h.count(), h.max_us(), h.percentile_us(0.99)), (0, 0.0, 0.0));
        h.record(7000);
        assert_eq!((h.count(), h.percentile_us(0.5)), (1, 7.0));
    }

    #[test]
    fn bins_are_those_that_something_is_in_with_how_much_and_between_what() {
        let mut h = Histogram::default();
        assert_eq!(h.bins(), []);
        for ns in [0, 40, 7000, 7001, 7010, 90_000, u64::MAX] {
            h.record(ns);
        }
        let bins = h.bins();
        assert_eq!(bins.iter().map(|b| b.n).collect::<Vec<_>>(), [1, 1, 3, 1, 1]);
        for (bin, us) in bins.iter().zip([0.0, 0.04, 7.0, 90.0, 1.8e16]) {
            assert!(bin.over_us <= us && us <= 1.03 * bin.to_us, "{bin:?} has {us} µs");
            assert!(bin.to_us <= 1.017 * bin.over_us + 0.002 || us > 1e6, "{bin:?}");
        }
        assert!(bins.windows(2).all(|w| w[0].to_us <= w[1].over_us));
    }

    #[test]
    fn every_duration_lies_in_its_bucket() {
        for ns in (0..5000).chain([1 << 20, (1 << 31) - 1, 1 << 33]) {
            let i = bucket(ns);
            assert!(ns <= upper_edge(i) && (i == 0 || ns > upper_edge(i - 1)), "{ns} {i}");
        }
    }
}
