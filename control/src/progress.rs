//! Where the arm was told to be in the last seconds, and how far along its paths it had got: what of a path it has
//! consumed since that was made.

use types::{JointVector, Time};

/// Ticks in which something moved that are remembered: at a millisecond each, four seconds.
const TICKS: usize = 4096;

/// What one tick brought about.
#[derive(Copy, Clone)]
struct Tick {
    at: Time,
    /// Path time that had passed in all, seconds.
    total: f64,
    /// Joint positions, rad (m).
    q: JointVector,
}

/// Path time that has passed since the beginning, and places, tick by tick.
pub(crate) struct Progress {
    ring: Box<[Tick]>,
    n: usize,
    total: f64,
    /// Where the arm was before counts for nothing.
    begun: Time,
}

impl Progress {
    /// For an arm of `n_joints`.
    pub(crate) fn new(n_joints: usize) -> Self {
        let nothing = Tick { at: Time::ZERO, total: 0.0, q: JointVector::zeros(n_joints) };
        Self { ring: vec![nothing; TICKS].into(), n: 0, total: 0.0, begun: Time::ZERO }
    }

    /// Lets `passed` seconds of path time pass.
    pub(crate) fn pass(&mut self, passed: f64) {
        self.total += passed;
    }

    /// Notes how far it has got at `now`, and where the arm is; a tick in which nothing changed is not remembered.
    pub(crate) fn note(&mut self, now: Time, q: &JointVector) {
        let last = self.n.checked_sub(1).map(|k| &self.ring[k % TICKS]);
        if last.is_some_and(|last| last.total == self.total && last.q == *q) {
            return;
        }
        self.ring[self.n % TICKS] = Tick { at: now, total: self.total, q: *q };
        self.n += 1;
    }

    /// Path time that has passed since `then`; `None` when that is longer ago than what is remembered.
    pub(crate) fn since(&self, then: Time) -> Option<f64> {
        match self.newest_until(then) {
            Some(tick) => Some(self.total - tick.total),
            // Before everything that was ever noted nothing had passed.
            None => (self.n <= TICKS).then_some(self.total),
        }
    }

    /// Where the arm was at `then`; `None` when that is not remembered.
    pub(crate) fn place(&self, then: Time) -> Option<&JointVector> {
        self.newest_until(then).filter(|_| then >= self.begun).map(|tick| &tick.q)
    }

    /// From `now` on another motion begins: where the arm was before is no place to go on from.
    pub(crate) fn forget_places(&mut self, now: Time) {
        self.begun = now;
    }

    /// The newest remembered tick that is not after `then`.
    fn newest_until(&self, then: Time) -> Option<&Tick> {
        let kept = self.n.min(TICKS);
        let back = |back: usize| &self.ring[(self.n - 1 - back) % TICKS];
        let (mut low, mut high) = (0, kept);
        while low < high {
            let middle = (low + high) / 2;
            if back(middle).at > then { low = middle + 1 } else { high = middle }
        }
        (low < kept).then(|| back(low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_passed_since_a_time_is_what_was_noted_after_it() {
        let mut progress = Progress::new(1);
        let place = |k: i32| JointVector::from_fn(1, |_| f64::from(k / 2));
        assert_eq!(progress.since(Time::ZERO), Some(0.0));
        assert!(progress.place(Time::ZERO).is_none());
        for k in 1..=10_000 {
            progress.pass(if k % 2 == 0 { 0.002 } else { 0.0 });
            // Every other tick nothing changes.
            progress.note(Time::from_secs_f64(f64::from(k) * 1e-3), &place(k));
        }
        let now = Time::from_secs_f64(10.0);
        assert_eq!(progress.since(now), Some(0.0));
        let since = |s: f64| progress.since(Time::from_secs_f64(s)).expect("remembered");
        assert!((since(9.0) - 1.0).abs() < 1e-9);
        assert!((since(3.5) - 6.5).abs() < 1e-9);
        assert_eq!(progress.place(Time::from_secs_f64(9.0)), Some(&place(9000)));
        assert_eq!(progress.place(Time::from_secs_f64(9.001)), Some(&place(9000)), "it stood");
        assert_eq!(progress.since(Time::from_secs_f64(1.0)), None, "4096 changes are remembered");
        assert!(progress.place(Time::from_secs_f64(1.0)).is_none());
        progress.forget_places(Time::from_secs_f64(9.5));
        assert!(progress.place(Time::from_secs_f64(9.0)).is_none() && progress.place(now).is_some());
    }

    #[test]
    fn a_place_is_noted_that_was_come_to_without_a_path_and_a_path_that_led_nowhere() {
        let mut progress = Progress::new(1);
        let (at, place) = (|s: f64| Time::from_secs_f64(s), |q: f64| JointVector::from_fn(1, |_| q));
        progress.note(at(1.0), &place(0.0));
        progress.note(at(1.001), &place(0.1));
        assert_eq!(progress.place(at(1.001)), Some(&place(0.1)));
        progress.pass(0.5);
        progress.note(at(1.002), &place(0.1));
        assert_eq!((progress.since(at(1.001)), progress.since(at(1.002))), (Some(0.5), Some(0.0)));
        assert_eq!(progress.since(at(0.5)), Some(0.5), "before everything");
        progress.forget_places(at(1.002));
        assert!(progress.place(at(1.001)).is_none());
        assert_eq!(progress.place(at(1.002)), Some(&place(0.1)), "where another motion begins it may");
    }
}
