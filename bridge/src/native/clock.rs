//! What time it is where a simulation says so.

use super::spinning::{Spinner, Watching};
use super::topic::drain;
use super::{Ros, RosError, qos, rcl};
use crate::ros::{Care, Message as _, SimTime, from_cdr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use types::Time;

/// What `/clock` has said, nanoseconds: 0 before it has said anything. A simulation that begins anew stands still here until
/// it has come as far again: time never decreases.
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

impl Ros {
    /// The time of a simulation, where the node's `use_sim_time` is set; 0 before it has said anything. It never decreases.
    #[must_use]
    pub fn simulated_time(&self) -> Option<Time> {
        self.0.simulated.as_ref().map(|simulated| simulated.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ros::to_cdr;

    fn says(simulated: &Simulated, nanos: i64) {
        let said = SimTime { clock: Time::from_nanos(nanos).into() };
        simulated.came(&to_cdr(&said).expect("bytes"));
    }

    #[test]
    fn a_simulation_says_what_time_it_is_and_it_never_decreases() {
        let simulated = Simulated::default();
        assert_eq!(simulated.now(), Time::ZERO, "before it has said anything");
        says(&simulated, 5_000_000_001);
        assert_eq!(simulated.now(), Time::from_nanos(5_000_000_001));
        simulated.came(&[0, 1, 0, 0, 9]);
        says(&simulated, 3);
        assert_eq!(simulated.now(), Time::from_nanos(5_000_000_001));
        says(&simulated, 7_000_000_000);
        assert_eq!(simulated.now(), Time::from_nanos(7_000_000_000));
    }
}
