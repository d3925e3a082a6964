//! How far the clock behind somebody's stamps is from ours: nothing arrives before it was said, so what arrives soonest
//! tells most. Nobody is asked anything.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use types::Time;

/// Two clocks drift apart by less than this, parts of the time.
const DRIFT: f64 = 5e-4;
/// While nothing hangs on it, it is found out anew from what came within so long.
const LEARNS: Duration = Duration::from_millis(500);

/// Not known yet.
const UNKNOWN: i64 = i64::MIN;
/// Of a clock that it is no relation to, what is said would be older than this, or not said yet.
const OLDEST: Duration = Duration::from_secs(1);
const AHEAD: Duration = Duration::from_millis(5);

/// How far the clock of an arm in ROS 2 is from ours, found out from its states, which take least time: for whatever else
/// is stamped by that clock. Clones are the same.
#[derive(Clone, Debug)]
pub struct RosTime(Arc<AtomicI64>);

impl Default for RosTime {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(UNKNOWN)))
    }
}

impl RosTime {
    pub(in crate::dds) fn learn(&self, since: &Since) {
        if let Some((ahead, _)) = since.ahead {
            self.0.store(ahead, Ordering::Release);
        }
    }

    /// What the arm's clock shows at an instant of ours; `None` where it tells nothing of its clock.
    pub(in crate::dds) fn theirs(&self, ours: Time) -> Option<Time> {
        let ahead = Some(self.0.load(Ordering::Acquire)).filter(|ahead| *ahead != UNKNOWN)?;
        Some(Time::from_nanos(ours.as_nanos().saturating_sub(ahead)))
    }

    /// When that was, by our clock, that came `now`; `None` where it is stamped by another clock.
    pub(in crate::dds) fn ours(&self, stamped: Time, now: Time) -> Option<Time> {
        let ahead = Some(self.0.load(Ordering::Acquire)).filter(|ahead| *ahead != UNKNOWN)?;
        let ours = Time::from_nanos(stamped.as_nanos().saturating_add(ahead));
        (ours <= now + AHEAD && now.since(ours) <= OLDEST).then(|| ours.min(now))
    }
}

/// See the head of this file.
#[derive(Debug, Default)]
pub(in crate::dds) struct Since {
    /// By how much ours is ahead at least, ns, and when that was found.
    ahead: Option<(i64, Time)>,
    /// The same of what came since an instant, for what to go on from.
    lately: Option<(i64, Time)>,
}

impl Since {
    /// When something was that was stamped `stamped` by the other clock and came `now`, by ours. A stamp of zero, as
    /// whoever has no clock sets it, counts as now.
    ///
    /// While the arm is driven (`is_driven`) a clock that was put back, or a line that has become slow, makes what comes
    /// look old, and stays so: the loop stops for that. Otherwise one gets used to it.
    pub(in crate::dds) fn ours(&mut self, stamped: Time, now: Time, is_driven: bool) -> Time {
        if stamped == Time::ZERO {
            return now;
        }
        let seen = now.as_nanos().saturating_sub(stamped.as_nanos());
        let (least, since) = self.lately.unwrap_or((seen, now));
        let least = least.min(seen);
        let mut ahead = match self.ahead {
            None => seen,
            Some((ahead, found)) => {
                let drifted = (DRIFT * now.since(found).as_nanos() as f64) as i64;
                seen.min(ahead.saturating_add(drifted))
            }
        };
        if now.since(since) >= LEARNS {
            if !is_driven {
                ahead = least;
            }
            self.lately = None;
        } else {
            self.lately = Some((least, since));
        }
        self.ahead = Some((ahead, now));
        Time::from_nanos(stamped.as_nanos().saturating_add(ahead)).min(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    const HOUR: i64 = 3_600_000 * MS;

    /// The age, ms, of what is stamped every 10 ms by a clock `ahead(k)` ms ahead and takes `late(k)` ms.
    fn ages(n: i64, ahead: impl Fn(i64) -> i64, late: impl Fn(i64) -> i64, driven: bool) -> Vec<i64> {
        let mut since = Since::default();
        let age = |k: i64| {
            let now = Time::from_nanos((1000 + 10 * k + late(k)) * MS);
            let stamped = Time::from_nanos((1000 + 10 * k + ahead(k)) * MS);
            let ours = since.ours(stamped, now, driven);
            now.since(ours).as_nanos() as i64 / MS
        };
        (0..n).map(age).collect()
    }

    #[test]
    fn what_comes_soonest_counts_as_just_said_and_what_takes_longer_is_as_old_as_it_is() {
        for ahead in [0, HOUR / MS, -700] {
            // 3 ms at best; every seventh takes 30.
            let ages = ages(500, |_| ahead, |k| if k % 7 == 6 { 30 } else { 3 }, true);
            for (k, age) in ages.iter().enumerate().skip(1) {
                let wants = if k % 7 == 6 { 27 } else { 0 };
                assert!((age - wants).abs() <= 1, "{ahead}: {k}: {age}");
            }
        }
    }

    #[test]
    fn a_line_that_becomes_slow_makes_states_old_as_long_as_the_arm_is_driven() {
        let late = |k| if k < 100 { 2 } else { 500 };
        assert!(ages(2000, |_| 0, late, true)[100..].iter().all(|age| *age > 480), "old to the end");
        let waits = ages(2000, |_| 0, late, false);
        assert!(waits[100] > 480 && waits[300..].iter().all(|age| *age < 5), "it is got used to");
    }

    #[test]
    fn a_clock_that_is_put_back_stops_a_driven_arm_and_one_that_is_put_forward_does_not_rejuvenate() {
        let hour = HOUR / MS;
        let back = ages(300, |k| if k < 100 { 0 } else { -hour }, |_| 2, true);
        assert!(back[100..].iter().all(|age| *age > 1000), "F27: stale, not fresh");
        let forward = ages(300, |k| if k < 100 { 0 } else { hour }, |_| 2, true);
        assert!(forward[100..].iter().all(|age| *age <= 1), "the arm's own clock: nothing is old");
    }

    #[test]
    fn who_has_no_clock_is_believed_to_speak_of_now_and_no_stamp_is_ever_ahead() {
        let mut since = Since::default();
        let now = Time::from_nanos(5 * MS);
        assert_eq!(since.ours(Time::ZERO, now, true), now);
        for stamped in [i64::MIN, -1, 1, i64::MAX] {
            assert!(since.ours(Time::from_nanos(stamped), now, true) <= now, "B22: {stamped}");
        }
    }

    #[test]
    fn pictures_of_the_arms_clock_are_as_old_as_they_are_and_of_another_clock_nothing_is_said() {
        let (time, mut since) = (RosTime::default(), Since::default());
        let now = Time::from_nanos(10 * HOUR);
        let stamped = |ago: i64| Time::from_nanos(12 * HOUR - ago * MS);
        assert_eq!(time.ours(stamped(80), now), None, "no state has come");
        since.ours(stamped(0), now, true);
        time.learn(&since);
        let age =
            |ago: i64| time.clone().ours(stamped(ago), now).map(|t| now.since(t).as_nanos() as i64 / MS);
        assert_eq!([age(80), age(-3), age(900)], [Some(80), Some(0), Some(900)]);
        assert_eq!([age(1100), age(-20), age(2 * HOUR / MS)], [None; 3]);
        assert_eq!(time.ours(Time::from_nanos(i64::MAX), now), None, "B22");
        assert_eq!(time.theirs(now), Some(stamped(0)));
    }
}
