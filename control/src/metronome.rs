//! When the loop ticks: at absolute deadlines of its own, or in step with the device's cycle where it has one.

use core::time::Duration;
use types::Time;
use types::seams::{Clock, Robot};

/// A device's cycle is the loop's when they differ by no more than this part: two quartzes do by far less.
const IN_STEP: f64 = 0.01;

/// So many cycles are looked at for a tick.
const TRIES: usize = 3;

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct Metronome {
    period: Duration,
    /// When the next tick is due.
    deadline: Time,
    /// When the tick before was, or its cycle began.
    last: Time,
    /// Whether the device's cycle says when.
    keeps_step: bool,
}

/// A tick begins.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Woken {
    /// Now.
    pub(crate) at: Time,
    /// Since the deadline, or since the device's cycle began, nanoseconds.
    pub(crate) late_ns: u64,
    /// Whether the device's cycle did not begin although the loop keeps step with it.
    pub(crate) is_alone: bool,
}

impl Metronome {
    /// The first tick is one period from now; `device` is the cycle to keep step with, if it is of that length and one that
    /// does not come is no overrun: a tick may then be a period and a half after the one before.
    pub(crate) fn new(period: Duration, overrun: Duration, device: Option<Duration>, now: Time) -> Self {
        let is_same = |cycle: Duration| (cycle.as_secs_f64() / period.as_secs_f64() - 1.0).abs() <= IN_STEP;
        Self {
            period,
            deadline: now + period,
            last: now,
            keeps_step: overrun >= 2 * period && device.is_some_and(is_same),
        }
    }

    /// Whether it goes by the device's cycle.
    pub(crate) fn keeps_step(&self) -> bool {
        self.keeps_step
    }

    /// Waits for the next tick. A device whose cycle does not begin within half a period of its time is not waited for: the
    /// loop ticks without it, so that whatever stops the arm has its ticks.
    pub(crate) fn wait(&mut self, robot: &mut dyn Robot, clock: &mut dyn Clock) -> Woken {
        if self.keeps_step {
            for _ in 0..TRIES {
                let latest = self.deadline + self.period / 2;
                let Some(began) = robot.wait_cycle(latest.since(clock.now())) else { break };
                let at = clock.now();
                // Nothing begins in the future, and what began long ago is no clock to go by.
                if began > at || at.since(began) > 2 * self.period {
                    continue;
                }
                if began >= self.last + self.period / 4 {
                    (self.last, self.deadline) = (began, began);
                    return Woken { at, late_ns: nanos(at, began), is_alone: false };
                }
                // The cycle of the tick that was just done without it: the next one is due a period later.
                if began > self.last {
                    self.deadline = began + self.period;
                }
            }
        }
        clock.sleep_until(self.deadline);
        let at = clock.now();
        self.last = at;
        Woken { at, late_ns: nanos(at, self.deadline), is_alone: self.keeps_step }
    }

    /// The tick is done: the next one is due a period after it, and how many are left out since their time has passed. Running
    /// them in a row would help nobody.
    pub(crate) fn go_on(&mut self, now: Time) -> u64 {
        self.deadline = self.deadline + self.period;
        if now <= self.deadline {
            return 0;
        }
        let period = (self.period.as_nanos() as u64).max(1);
        let late = nanos(now, self.deadline) / period;
        self.deadline = self.deadline + Duration::from_nanos(period.saturating_mul(late));
        1 + late
    }
}

pub(crate) fn nanos(later: Time, earlier: Time) -> u64 {
    u64::try_from(later.since(earlier).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    use types::seams::RobotError;
    use types::{JointCommand, JointState};

    const PERIOD: Duration = Duration::from_millis(1);

    /// Time that passes only while somebody waits.
    #[derive(Clone, Default)]
    struct Hand(Arc<AtomicI64>);

    impl Clock for Hand {
        fn now(&self) -> Time {
            Time::from_nanos(self.0.load(Ordering::Relaxed))
        }

        fn sleep_until(&mut self, instant: Time) {
            self.0.fetch_max(instant.as_nanos(), Ordering::Relaxed);
        }
    }

    /// A device whose cycles are a little longer than the loop's, until they stop; or that says nonsense of them.
    struct Device {
        clock: Hand,
        cycle: Duration,
        next: Time,
        stops_at: Time,
        says: fn(Time) -> Time,
    }

    impl Device {
        fn new(cycle_us: u64, stops_at_ms: u64) -> Self {
            let cycle = Duration::from_micros(cycle_us);
            let at = |d: Duration| Time::ZERO + d;
            let stops_at = at(Duration::from_millis(stops_at_ms));
            Self { clock: Hand::default(), cycle, next: at(cycle), stops_at, says: |t| t }
        }

        /// The loop was away for so long when a tick came to its end, and the device was not.
        fn after(mut self, away: Duration) -> Vec<Woken> {
            let mut clock = self.clock.clone();
            let mut metronome = Metronome::new(PERIOD, 2 * PERIOD, self.cycle(), clock.now());
            let tick = |k| {
                let woken = metronome.wait(&mut self, &mut clock);
                if k == 10 {
                    clock.sleep_until(clock.now() + away);
                }
                metronome.go_on(clock.now());
                woken
            };
            (0..30).map(tick).collect()
        }

        /// The ticks of a loop beside it, each with whether it was alone.
        fn ticks(mut self, n: usize) -> (bool, Vec<Woken>) {
            let mut clock = self.clock.clone();
            let mut metronome = Metronome::new(PERIOD, 2 * PERIOD, self.cycle(), clock.now());
            let tick = |_| {
                let woken = metronome.wait(&mut self, &mut clock);
                assert_eq!(metronome.go_on(clock.now()), 0, "nothing here takes time");
                woken
            };
            let ticks = (0..n).map(tick).collect();
            (metronome.keeps_step(), ticks)
        }
    }

    impl Robot for Device {
        fn read(&mut self) -> Result<JointState, RobotError> {
            Err(RobotError::Silent)
        }

        fn write(&mut self, _: &JointCommand) -> Result<(), RobotError> {
            Ok(())
        }

        fn cycle(&self) -> Option<Duration> {
            Some(self.cycle)
        }

        fn wait_cycle(&mut self, limit: Duration) -> Option<Time> {
            let latest = self.clock.now() + limit;
            if self.next > latest || self.next > self.stops_at {
                self.clock.sleep_until(latest);
                return None;
            }
            self.clock.sleep_until(self.next);
            let mut began = self.next;
            self.next = self.next + self.cycle;
            // Of several that nobody waited for the newest is told.
            while self.next <= self.clock.now() {
                began = self.next;
                self.next = self.next + self.cycle;
            }
            Some((self.says)(began))
        }
    }

    #[test]
    fn a_loop_ticks_with_its_device_and_alone_at_its_own_rate_when_that_has_no_cycle() {
        let (keeps_step, ticks) = Device::new(1002, 500).ticks(700);
        assert!(keeps_step);
        let with = ticks.iter().take_while(|t| !t.is_alone).count();
        assert_eq!(with, 499, "for as long as there are cycles");
        for pair in ticks[..with].windows(2) {
            assert_eq!(
                pair[1].at.since(pair[0].at),
                Duration::from_micros(1002),
                "not one slips, for all the drift"
            );
            assert_eq!(pair[1].late_ns, 0);
        }
        assert!(ticks[with..].iter().all(|t| t.is_alone));
        for pair in ticks[with..].windows(2) {
            assert_eq!(pair[1].at.since(pair[0].at), PERIOD);
        }
        assert!(ticks[with].at.since(ticks[with - 1].at) <= PERIOD * 3 / 2, "it does not wait long");
    }

    #[test]
    fn a_loop_that_was_late_is_in_step_again_soon() {
        for away_us in [300, 700, 1100, 1500, 2300, 2900, 7700] {
            let ticks = Device::new(1001, 1000).after(Duration::from_micros(away_us));
            let alone = ticks.iter().filter(|t| t.is_alone).count();
            assert!(
                alone <= 2 && ticks[20..].iter().all(|t| !t.is_alone && t.late_ns == 0),
                "{away_us}: {ticks:?}"
            );
        }
    }

    #[test]
    fn a_loop_that_was_away_is_told_how_late_it_is_and_how_many_deadlines_it_missed() {
        for (away_us, missed, late_us) in
            [(0, 0, 0), (999, 0, 0), (1300, 1, 300), (4700, 4, 700), (20_100, 20, 100)]
        {
            let mut clock = Hand::default();
            let mut metronome = Metronome::new(PERIOD, PERIOD, None, clock.now());
            let mut device = Device::new(5000, 0);
            let before = metronome.wait(&mut device, &mut clock);
            assert_eq!(before.late_ns, 0);
            clock.sleep_until(before.at + Duration::from_micros(away_us));
            assert_eq!(metronome.go_on(clock.now()), missed, "{away_us}");
            let woken = metronome.wait(&mut device, &mut clock);
            assert_eq!(woken.late_ns, 1000 * late_us, "{away_us}");
            // It does not catch up, and it does not slip.
            assert_eq!(metronome.go_on(clock.now()), 0, "{away_us}");
            let next = metronome.wait(&mut device, &mut clock);
            assert_eq!(next.at.since(woken.at), PERIOD - Duration::from_micros(late_us), "{away_us}");
        }
    }

    #[test]
    fn a_device_of_another_rate_or_with_nonsense_for_times_leaves_the_loop_to_its_own() {
        let (keeps_step, ticks) = Device::new(2000, 1000).ticks(100);
        assert!(!keeps_step && ticks.iter().all(|t| !t.is_alone));
        let device = Device::new(1000, 1000);
        for (overrun_us, keeps_step) in [(1999, false), (2000, true)] {
            let metronome =
                Metronome::new(PERIOD, Duration::from_micros(overrun_us), device.cycle(), Time::ZERO);
            assert_eq!(metronome.keeps_step(), keeps_step, "a missing cycle would be an overrun");
        }
        let of: [fn(Time) -> Time; 4] = [
            |t| t + Duration::from_secs(1),
            |_| Time::ZERO,
            |t| Time::from_nanos(t.as_nanos() - 1_000_000_000),
            |_| Time::from_nanos(i64::MIN),
        ];
        for says in of {
            let (_, ticks) = Device { says, ..Device::new(1000, 1000) }.ticks(100);
            assert!(ticks.iter().all(|t| t.is_alone));
            for pair in ticks.windows(2) {
                let apart = pair[1].at.since(pair[0].at);
                assert!(apart >= PERIOD / 2 && apart <= PERIOD * 3 / 2, "{apart:?}");
            }
        }
    }
}
