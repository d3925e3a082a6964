//! The two clocks: the machine's monotonic one, and a virtual one for lockstep.

use crate::rt;
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use types::Time;
use types::seams::Clock;

/// The machine's monotonic clock, beginning when this was made. Copies share the beginning. Steps of
/// the wall clock do not reach it (F27).
#[derive(Copy, Clone, Debug)]
pub struct MonotonicClock {
    origin_ns: i64,
}

impl MonotonicClock {
    /// A clock that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin_ns: rt::monotonic_ns() }
    }

    /// The clock of another process of this machine.
    pub(crate) fn from_origin(origin_ns: i64) -> Self {
        Self { origin_ns }
    }

    /// Where it begins, for another process.
    pub(crate) fn origin_ns(&self) -> i64 {
        self.origin_ns
    }
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MonotonicClock {
    fn now(&self) -> Time {
        Time::from_nanos(rt::monotonic_ns().saturating_sub(self.origin_ns))
    }

    fn sleep_until(&mut self, instant: Time) {
        rt::sleep_until_ns(instant.as_nanos().saturating_add(self.origin_ns));
    }
}

/// Time that passes only when somebody sleeps or advances it. Clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct VirtualClock(Arc<AtomicI64>);

impl VirtualClock {
    /// A clock at its beginning.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `span` pass.
    pub fn advance(&self, span: Duration) {
        let to = self.now() + span;
        self.0.fetch_max(to.as_nanos(), Ordering::AcqRel);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::Acquire))
    }

    fn sleep_until(&mut self, instant: Time) {
        self.0.fetch_max(instant.as_nanos(), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeping_in_virtual_time_moves_there_and_never_back() {
        let mut clock = VirtualClock::new();
        let other = clock.clone();
        clock.sleep_until(Time::from_nanos(5));
        clock.sleep_until(Time::from_nanos(3));
        assert_eq!(other.now(), Time::from_nanos(5));
        other.advance(Duration::from_nanos(7));
        assert_eq!(clock.now(), Time::from_nanos(12));
    }

    #[test]
    fn the_monotonic_clock_sleeps_at_least_as_long_as_asked() {
        let mut clock = MonotonicClock::new();
        let wake = clock.now() + Duration::from_millis(2);
        clock.sleep_until(wake);
        assert!(clock.now() >= wake);
        clock.sleep_until(Time::ZERO);
    }
}
