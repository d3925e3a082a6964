//! A body whose every word to the mission is noted; and one that says again what was noted, over the loop itself, to
//! which it does the recorded ticks again.

use super::{Body, BodyError, invariants, reins::Reins, trace::Trace};
use crate::node::passed::status_noted;
use crate::recording::{Tape, Ticks};
use crate::replay::contrast::Contrast;
use control::{Core, Handle, LoopReport, Report, Status, TickRecord};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use types::seams::{Camera, CameraError};
use types::{Image, JointCommand, Scene, Time};

pub(crate) const NOW: &str = "now";
const STATUS: &str = "status";
const POLL: &str = "poll";
pub(crate) const FAR_STATUS: &str = "status of the robot";
pub(crate) const FAR_POLL: &str = "report of the robot";
pub(crate) const ADVANCE: &str = "advance";
pub(crate) const INTERRUPTS: &str = "interrupts";
/// With another configuration a report may come so many ticks later than it was had, beyond those that were done ahead.
const MOST_AHEAD: usize = 100;

/// Notes what a body says.
pub(crate) struct Taped {
    inner: Box<dyn Body>,
    tape: Tape,
    /// Of a loop elsewhere, whose ticks are recorded there: the status that was noted last.
    far: Option<u64>,
}

impl Taped {
    pub(crate) fn new(inner: Box<dyn Body>, tape: Tape) -> Self {
        Self { inner, tape, far: None }
    }

    /// Of a body whose loop is elsewhere: what it says is noted as a whole.
    pub(crate) fn far(mut inner: Box<dyn Body>, tape: Tape) -> Self {
        inner.reins().note_on(tape.clone());
        Self { inner, tape, far: Some(u64::MAX) }
    }
}

impl Body for Taped {
    fn now(&self) -> Time {
        self.tape.take(NOW, || self.inner.now())
    }

    fn clock(&self) -> Box<crate::mission::Clock> {
        let (clock, tape) = (self.inner.clock(), self.tape.clone());
        Box::new(move || tape.take(NOW, &clock))
    }

    fn reins(&mut self) -> &mut dyn Reins {
        self.inner.reins()
    }

    fn status(&mut self) -> Status {
        let status = self.inner.status();
        match &mut self.far {
            None => _ = self.tape.take(STATUS, || status.ticks),
            // One that is known already is not said again.
            Some(noted) => {
                let is_new = core::mem::replace(noted, status.ticks) != status.ticks;
                self.tape.note(FAR_STATUS, || is_new.then(|| status_noted(&status)));
            }
        }
        status
    }

    fn poll(&mut self) -> Option<Report> {
        let report = self.inner.poll();
        match self.far {
            None => _ = self.tape.take(POLL, || report.is_some()),
            Some(_) => self.tape.note(FAR_POLL, || report),
        }
        report
    }

    fn interrupts(&mut self) -> usize {
        self.tape.take(INTERRUPTS, || self.inner.interrupts())
    }

    fn cameras(&mut self) -> &mut [Box<dyn Camera>] {
        self.inner.cameras()
    }

    fn advance(&mut self, span: Duration) -> Result<(), BodyError> {
        let advanced = self.inner.advance(span);
        self.tape.take(ADVANCE, || advanced.as_ref().err().map(ToString::to_string));
        self.tape.set_now(self.inner.now(), false);
        advanced
    }

    fn show(&mut self, scene: &Scene) {
        self.inner.show(scene);
    }

    fn world(&self) -> Option<&sim::Rig> {
        self.inner.world()
    }

    fn invariants(&self) -> Option<&invariants::Invariants> {
        self.inner.invariants()
    }

    fn nearest_person_m(&self) -> Option<f64> {
        self.inner.nearest_person_m()
    }

    fn trace(&mut self) -> &Trace {
        self.inner.trace()
    }

    fn finish(self: Box<Self>) -> Option<LoopReport> {
        self.tape.set_now(self.inner.now(), true);
        self.inner.finish()
    }
}

/// A tick that came out otherwise than it was recorded.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// Which, as it was recorded.
    pub(crate) record: TickRecord,
    /// What is decided now.
    pub(crate) command: JointCommand,
}

/// What came of repeating ticks.
#[derive(Default)]
pub(crate) struct Compared {
    /// How many were repeated.
    pub(crate) ticks: u64,
    /// How many came out otherwise.
    pub(crate) different: u64,
    /// The first of them.
    pub(crate) first: Option<Box<Difference>>,
    /// Why no more could be repeated before their end.
    pub(crate) problem: Option<String>,
    /// The time of the first and the last.
    pub(crate) span: Option<(Time, Time)>,
    /// Where the configuration is another, how far apart the commands come.
    pub(crate) contrast: Option<Contrast>,
}

/// A loop that does its recorded ticks once more.
pub(crate) struct Laps {
    pub(crate) core: Core,
    pub(crate) handle: Handle,
    pub(crate) ticks: Ticks,
    /// Is told how it goes.
    pub(crate) compared: Arc<Mutex<Compared>>,
}

/// Says again what was noted.
pub(crate) struct Repeated {
    laps: Laps,
    tape: Tape,
    cameras: Vec<Box<dyn Camera>>,
    /// Of ticks that were done for a report of theirs: the mission had the report before it saw their status.
    ahead: VecDeque<Status>,
    trace: Trace,
}

impl Repeated {
    pub(crate) fn new(laps: Laps, tape: Tape, cameras: &[String]) -> Self {
        Self { laps, tape, cameras: absent(cameras), ahead: VecDeque::new(), trace: Trace::default() }
    }

    /// Whether what is reported with a change does not come when it came.
    fn is_overdue(&self) -> bool {
        let mut compared = self.laps.compared();
        let is_overdue = compared.contrast.is_some() && self.ahead.len() > MOST_AHEAD;
        if is_overdue {
            let what = "a report of the loop that the mission had then does not come";
            compared.problem.get_or_insert_with(|| what.to_owned());
        }
        is_overdue
    }
}

impl Laps {
    pub(crate) fn compared(&self) -> MutexGuard<'_, Compared> {
        self.compared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the loop gets to this tick.
    pub(crate) fn reach(&mut self, ticks: u64) -> bool {
        while self.core.ticks() < ticks && self.tick() {}
        self.core.ticks() >= ticks
    }

    /// The next recorded tick once more; whether there was one.
    pub(crate) fn tick(&mut self) -> bool {
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        if compared.problem.is_some() {
            return false;
        }
        let record = match self.ticks.next() {
            Ok(Some(record)) => record,
            Ok(None) => return false,
            Err(e) => {
                compared.problem = Some(e.to_string());
                return false;
            }
        };
        let command = self.core.repeat(&record);
        compared.ticks += 1;
        compared.span = Some((compared.span.map_or(record.now, |(first, _)| first), record.now));
        if !is_same(&command, &record.command) {
            compared.different += 1;
            compared.first.get_or_insert_with(|| Box::new(Difference { record, command }));
        }
        let now = self.handle.status();
        if let Some(contrast) = &mut compared.contrast {
            contrast.take_repeated(&record, &command, &now);
        }
        // Nobody looks at them; but a full tape drops.
        self.handle.trace().for_each(drop);
        true
    }
}

/// To the bit: a NaN is itself, and a zero has a sign.
pub(crate) fn is_same(a: &JointCommand, b: &JointCommand) -> bool {
    let bits = |c: &JointCommand| {
        let vectors =
            [&c.q, &c.dq, &c.ddq, &c.tau].map(|v| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
        (vectors, [c.gripper.width_m, c.gripper.force_n].map(f64::to_bits), c.enabled, c.stamp, c.expires)
    };
    bits(a) == bits(b)
}

impl Body for Repeated {
    fn now(&self) -> Time {
        self.tape.take(NOW, Time::default)
    }

    fn clock(&self) -> Box<crate::mission::Clock> {
        let tape = self.tape.clone();
        Box::new(move || tape.take(NOW, Time::default))
    }

    fn reins(&mut self) -> &mut dyn Reins {
        &mut self.laps.handle
    }

    fn status(&mut self) -> Status {
        let ticks: u64 = self.tape.take(STATUS, u64::default);
        self.ahead.retain(|status| status.ticks >= ticks);
        if let Some(status) = self.ahead.front().filter(|status| status.ticks == ticks) {
            return *status;
        }
        if !self.laps.reach(ticks) {
            let words = || format!("the mission saw tick {ticks}, which is not there");
            self.laps.compared().problem.get_or_insert_with(words);
        }
        self.laps.handle.status()
    }

    fn poll(&mut self) -> Option<Report> {
        let is_some: bool = self.tape.take(POLL, bool::default);
        if !is_some {
            return None;
        }
        // The loop may have told it since its last status was read.
        loop {
            let report = self.laps.handle.poll();
            let before = self.laps.handle.status();
            if report.is_some() || self.is_overdue() || !self.laps.tick() {
                return report;
            }
            self.ahead.push_back(before);
        }
    }

    fn interrupts(&mut self) -> usize {
        self.tape.take(INTERRUPTS, usize::default)
    }

    fn cameras(&mut self) -> &mut [Box<dyn Camera>] {
        &mut self.cameras
    }

    fn advance(&mut self, _: Duration) -> Result<(), BodyError> {
        let failed: Option<String> = self.tape.take(ADVANCE, Option::default);
        if let Some(d) = self.tape.divergence() {
            return Err(BodyError::Loop(format!("the replay has left its recording: {d}")));
        }
        failed.map_or(Ok(()), |why| Err(BodyError::Loop(why)))
    }

    fn trace(&mut self) -> &Trace {
        &self.trace
    }

    fn finish(mut self: Box<Self>) -> Option<LoopReport> {
        // What the loop did after the mission's last word: it came to rest. A mission that has left its recording, or
        // of which the last words are not in it, has not asked for what came then.
        let has_left = self.tape.problem().or_else(|| self.tape.divergence()).is_some();
        while !has_left && self.laps.tick() {}
        None
    }
}

/// Cameras of a replay: their pictures come from the recording.
pub(crate) fn absent(names: &[String]) -> Vec<Box<dyn Camera>> {
    names.iter().map(|n| Box::new(Absent(n.clone())) as Box<dyn Camera>).collect()
}

struct Absent(String);

impl Camera for Absent {
    fn name(&self) -> &str {
        &self.0
    }

    fn identity(&self) -> String {
        String::new()
    }

    fn take(&mut self) -> Result<Image, CameraError> {
        Err(CameraError::Unplugged(self.0.clone()))
    }
}
