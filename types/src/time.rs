//! Time on one monotonic axis. Wall-clock steps (NTP) never reach it (F27).

use crate::faults::Rejection;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// An instant on the robot's monotonic clock, in nanoseconds since that clock began.
///
/// Only a [`crate::seams::Clock`] produces one from the operating system; in lockstep it is virtual.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(i64);

impl Time {
    /// The instant at which the clock began.
    pub const ZERO: Self = Self(0);
    /// The largest instant anybody may claim: a hundred years after the clock began (B22).
    pub const MAX: Self = Self(100 * 366 * 86_400 * 1_000_000_000);

    /// An instant, from nanoseconds since the clock began.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// An instant, from seconds since the clock began; saturates, and NaN becomes zero.
    #[must_use]
    pub fn from_secs_f64(secs: f64) -> Self {
        Self((secs * 1e9) as i64)
    }

    /// Nanoseconds since the clock began.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Seconds since the clock began.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 * 1e-9
    }

    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Seconds from `other` to here, negative if `other` is later.
    #[must_use]
    pub fn secs_since(self, other: Self) -> f64 {
        self.0.saturating_sub(other.0) as f64 * 1e-9
    }

    /// Checks that something stamped here may still be acted on at `now`.
    ///
    /// # Errors
    /// A [`Rejection`] naming `field` when the stamp lies before the clock's beginning, more than
    /// `skew` in the future, or is older than `max_age` (B22, F9).
    pub fn check_fresh(
        self,
        field: &'static str,
        now: Self,
        max_age: Duration,
        skew: Duration,
    ) -> Result<(), Rejection> {
        if self.0 < 0 || self > Self::MAX {
            return Err(Rejection::new(field, "a stamp on the robot's clock", format!("{} ns", self.0)));
        }
        if self.since(now) > skew {
            return Err(Rejection::new(
                field,
                format!("a stamp at most {skew:?} ahead of now"),
                format!("{:?} ahead", self.since(now)),
            ));
        }
        if now.since(self) > max_age {
            return Err(Rejection::new(
                field,
                format!("a stamp at most {max_age:?} old"),
                format!("{:?} old", now.since(self)),
            ));
        }
        Ok(())
    }
}

impl core::ops::Add<Duration> for Time {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_from_the_future_from_1970_or_from_the_end_of_time_is_refused() {
        let now = Time::from_secs_f64(10.0);
        let check =
            |t: Time| t.check_fresh("stamp", now, Duration::from_millis(100), Duration::from_millis(5));
        assert!(check(now).is_ok());
        assert!(check(Time::from_secs_f64(9.95)).is_ok());
        for bad in [i64::MIN, -1, 0, i64::MAX, now.as_nanos() + 10_000_000] {
            let err = check(Time::from_nanos(bad)).expect_err("B22");
            assert_eq!(err.field, "stamp", "{bad}");
        }
    }
}
