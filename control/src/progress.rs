//! How far along its paths the arm had got at any time of the last seconds: what of a chunk it has consumed.

use types::Time;

/// Ticks that are remembered: at a millisecond each, four seconds.
const TICKS: usize = 4096;

/// Path time that has passed since the beginning, tick by tick.
pub(crate) struct Progress {
    ring: Box<[(Time, f64)]>,
    n: usize,
    total: f64,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { ring: vec![(Time::ZERO, 0.0); TICKS].into(), n: 0, total: 0.0 }
    }

    /// Notes that `passed` seconds of path time have passed up to `now`.
    pub(crate) fn note(&mut self, now: Time, passed: f64) {
        self.total += passed;
        self.ring[self.n % TICKS] = (now, self.total);
        self.n += 1;
    }

    /// Path time that has passed since `then`; `None` when that is longer ago than what is remembered.
    pub(crate) fn since(&self, then: Time) -> Option<f64> {
        let kept = self.n.min(TICKS);
        let at = |back: usize| self.ring[(self.n - 1 - back) % TICKS];
        // The newest tick that is not after `then`.
        let (mut low, mut high) = (0, kept);
        while low < high {
            let middle = (low + high) / 2;
            if at(middle).0 > then { low = middle + 1 } else { high = middle }
        }
        if low < kept {
            return Some(self.total - at(low).1);
        }
        // Before everything that was ever noted nothing had passed.
        (self.n <= TICKS).then_some(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_passed_since_a_time_is_what_was_noted_after_it() {
        let mut progress = Progress::new();
        assert_eq!(progress.since(Time::ZERO), Some(0.0));
        for k in 1..=10_000 {
            let passed = if k % 2 == 0 { 0.002 } else { 0.0 };
            progress.note(Time::from_secs_f64(f64::from(k) * 1e-3), passed);
        }
        let now = Time::from_secs_f64(10.0);
        assert_eq!(progress.since(now), Some(0.0));
        let since = |s: f64| progress.since(Time::from_secs_f64(s)).expect("remembered");
        assert!((since(9.0) - 1.0).abs() < 1e-9);
        assert!((since(7.5) - 2.5).abs() < 1e-9);
        assert_eq!(progress.since(Time::from_secs_f64(5.0)), None, "four seconds are remembered");
    }
}
