//! How long inverse kinematics may look for one answer: by this machine's clock in wall time, without end in lockstep, and
//! in a replay just as it was cut short in the recording.

use super::Mission;
use crate::recording::Tape;
use control::MonotonicClock;
use core::time::Duration;
use planner::Motion;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use types::Time;
use types::seams::Clock as _;

/// The note of the starts that were not made.
pub(crate) const CUT: &str = "ik cut short";

/// See the head of this file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cutoff(Arc<Mutex<Watch>>);

#[derive(Debug, Default)]
struct Watch {
    /// Of one question; `None` is without end.
    limit: Option<Duration>,
    clock: MonotonicClock,
    until: Time,
    /// What is planned is planned again, and this is where it was cut short.
    told: Option<Vec<u64>>,
    /// How often it was asked while this is planned, and which of them it denied.
    asked: u64,
    cut: Vec<u64>,
}

impl Cutoff {
    /// At most so long for one answer, where there is a limit.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self(Arc::new(Mutex::new(Watch { limit, ..Watch::default() })))
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_planning(&self, told: Option<Vec<u64>>) {
        let mut watch = self.watch();
        (watch.told, watch.asked) = (told, 0);
        watch.cut.clear();
    }

    /// Plans with `motion`, whose patience this is; what was cut short meanwhile is noted, or as it was noted. Second is how
    /// often.
    fn plan<T>(&self, tape: &Tape, motion: &mut Motion, plan: impl FnOnce(&mut Motion) -> T) -> (T, usize) {
        // In a replay what was noted afterwards has to be known before.
        self.begin_planning(tape.is_repeating().then(|| tape.take(CUT, Vec::new)));
        let planned = plan(motion);
        let cut = self.watch().cut.clone();
        tape.note(CUT, || &cut);
        (planned, cut.len())
    }
}

impl planner::Patience for Cutoff {
    fn begin(&mut self) {
        let mut watch = self.watch();
        if let Some(limit) = watch.limit {
            watch.until = watch.clock.now() + limit;
        }
    }

    fn goes_on(&mut self) -> bool {
        let mut watch = self.watch();
        watch.asked += 1;
        let number = watch.asked;
        let goes_on = match (&watch.told, watch.limit) {
            (Some(told), _) => !told.contains(&number),
            (None, Some(_)) => watch.clock.now() < watch.until,
            (None, None) => true,
        };
        if !goes_on {
            watch.cut.push(number);
        }
        goes_on
    }
}

impl Mission {
    /// Plans a motion, under the time that inverse kinematics may take.
    pub(super) fn plan_motion<T>(&mut self, plan: impl FnOnce(&mut Motion) -> T) -> T {
        let (planned, cut) = self.cutoff.plan(&self.tape, &mut self.motion, plan);
        if cut > 0 {
            let said = format!("inverse kinematics was cut short {cut} times while this was planned");
            self.log.warn("planner", "cut_short", said);
        }
        planned
    }
}
