//! What time it is where a simulation says so.

use super::spinning::{Spinner, Watching};
use super::topic::drain;
use super::{Ros, RosError, qos, rcl};
use crate::ros::{Care, Message as _, SimTime, from_cdr};
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use types::Time;
use types::seams::Clock;

/// Between two looks at a clock of somebody else's.
const LOOKS: Duration = Duration::from_millis(1);

/// What `/clock` has said, nanoseconds: 0 before it has said anything.
#[derive(Debug, Default)]
pub(super) struct Simulated(AtomicI64);

impl Simulated {
    pub(super) fn hear(
        self: &Arc<Self>,
        spinner: &Spinner<r2r::Node>,
    ) -> Result<Watching<r2r::Node>, RosError> {
        let asks = qos::hears(Care::Sensor, 1);
        let stream = spinner.order(move |node| node.subscribe_raw("/clock", SimTime::NAME, asks));
        let mut stream = stream?.map_err(rcl)?;
        let shown = self.clone();
        Ok(spinner.watch(move |context| drain(&mut stream, context, |bytes: Vec<u8>| shown.came(&bytes))))
    }

    fn came(&self, bytes: &[u8]) {
        // What cannot be read says no time.
        if let Ok(said) = from_cdr::<SimTime>(bytes) {
            self.0.fetch_max(Time::from(said.clock).as_nanos(), Ordering::AcqRel);
        }
    }

    fn now(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::Acquire))
    }
}

/// The time that is to stand in messages: a simulation's where the node's `use_sim_time` is set, else that of a clock of
/// one's own. A simulation that begins anew stands still here until it has come as far again: time never decreases.
#[derive(Clone, Debug)]
pub struct RosClock<C> {
    own: C,
    simulated: Option<Arc<Simulated>>,
}

impl<C: Clock> Clock for RosClock<C> {
    fn now(&self) -> Time {
        self.simulated.as_ref().map_or_else(|| self.own.now(), |simulated| simulated.now())
    }

    /// As long as a simulation stands still, this waits.
    fn sleep_until(&mut self, instant: Time) {
        match &self.simulated {
            None => self.own.sleep_until(instant),
            Some(simulated) => {
                while simulated.now() < instant {
                    std::thread::sleep(LOOKS);
                }
            }
        }
    }
}

impl Ros {
    /// The time that is to stand in messages; `own` is the time of day.
    #[must_use]
    pub fn clock<C: Clock>(&self, own: C) -> RosClock<C> {
        RosClock { own, simulated: self.0.simulated.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ros::to_cdr;

    struct Stopped(Time);

    impl Clock for Stopped {
        fn now(&self) -> Time {
            self.0
        }

        fn sleep_until(&mut self, instant: Time) {
            self.0 = instant;
        }
    }

    fn says(simulated: &Simulated, nanos: i64) {
        let said = SimTime { clock: Time::from_nanos(nanos).into() };
        simulated.came(&to_cdr(&said).expect("bytes"));
    }

    #[test]
    fn a_simulation_says_what_time_it_is_and_it_never_decreases() {
        let simulated = Arc::new(Simulated::default());
        let mut clock = RosClock {
            own: Stopped(Time::from_nanos(1_700_000_000_000_000_000)),
            simulated: Some(simulated.clone()),
        };
        assert_eq!(clock.now(), Time::ZERO, "before it has said anything");
        says(&simulated, 5_000_000_001);
        assert_eq!(clock.now(), Time::from_nanos(5_000_000_001));
        simulated.came(&[0, 1, 0, 0, 9]);
        says(&simulated, 3);
        assert_eq!(clock.now(), Time::from_nanos(5_000_000_001));
        let later = simulated.clone();
        let goes_on = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            says(&later, 7_000_000_000);
        });
        clock.sleep_until(Time::from_nanos(6_000_000_000));
        assert_eq!(clock.now(), Time::from_nanos(7_000_000_000));
        goes_on.join().expect("no panic");
    }

    #[test]
    fn without_a_simulation_it_is_the_time_of_ones_own_clock() {
        let mut clock = RosClock { own: Stopped(Time::from_nanos(8)), simulated: None };
        assert_eq!(clock.now(), Time::from_nanos(8));
        clock.sleep_until(Time::from_nanos(9));
        assert_eq!(clock.now(), Time::from_nanos(9));
    }
}
