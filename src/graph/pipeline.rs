//! Wall time: the loop in its own real-time thread, the robot behind threads of its own, perception and
//! planning in the caller's.

use super::guard::GuardProcess;
use super::machine::{Driven, Machine, Running};
use super::{Body, BodyError, reins::Reins, trace::Trace};
use crate::recording::{TickWriter, Writing};
use control::{Core, HANGS, Handle, LineWatch, LoopConfig, LoopReport, LoopThread, MonotonicClock, Watchdog};
use core::time::Duration;
use sim::Rig;
use sim::live::Permit;
use types::Time;
use types::seams::{Camera, Clock};

/// What runs beside loop and robot.
pub(crate) struct Beside {
    /// How long the robot goes without a stroke of the watchdog, seconds; `None`: there is no watchdog.
    pub(crate) stroke_s: Option<f64>,
    /// Reads the emergency stop's line, where there is one.
    pub(crate) line: Option<LineWatch>,
    /// Takes ticks to a recording.
    pub(crate) writer: Option<TickWriter>,
}

/// The running threads.
pub(crate) struct Pipeline {
    handle: Handle,
    thread: LoopThread,
    running: Box<dyn Running>,
    clock: MonotonicClock,
    cameras: Vec<Box<dyn Camera>>,
    trace: Trace,
    _guard: Option<GuardProcess>,
    /// Reads the emergency stop's line, where there is one.
    _line: Option<LineWatch>,
    /// Takes ticks to a recording for as long as the loop runs.
    writing: Option<Writing>,
}

impl Pipeline {
    /// Starts the robot and the loop, and where it is wanted the watchdog over both.
    ///
    /// # Errors
    /// [`BodyError`] when a thread cannot be had.
    pub(crate) fn start(
        (core, handle): (Core, Handle),
        driven: Driven,
        config: LoopConfig,
        Beside { stroke_s, line, writer }: Beside,
    ) -> Result<Self, BodyError> {
        let Driven { clock, start, cameras } = driven;
        let (core, permit, guard) = match stroke_s {
            Some(stroke_s) => guarded(core, clock, stroke_s)?,
            None => (core, None, None),
        };
        let Machine { robot, running } = start(permit)?;
        let mut thread = control::spawn(core, robot, Box::new(clock), config)
            .map_err(|e| BodyError::Loop(e.to_string()))?;
        let seconds = thread.take_seconds();
        let writing = writer.map(|w| w.with_seconds(seconds).spawn()).transpose();
        let writing = writing.map_err(|e| BodyError::Loop(format!("a thread for the recording: {e}")))?;
        let trace = Trace::default();
        Ok(Self { handle, thread, running, clock, cameras, trace, _guard: guard, _line: line, writing })
    }
}

impl Pipeline {
    /// The non-real-time end of the loop.
    pub(crate) fn control(&mut self) -> &mut Handle {
        &mut self.handle
    }

    /// The clock of loop, robot and cameras.
    pub(crate) fn clock(&self) -> MonotonicClock {
        self.clock
    }

    /// Whether loop and robot are still there.
    ///
    /// # Errors
    /// [`BodyError`] when one has ended.
    pub(crate) fn check(&self) -> Result<(), BodyError> {
        if !self.thread.is_running() {
            return Err(BodyError::Loop("it ended".into()));
        }
        let silent = self.thread.silent_for();
        if silent > HANGS {
            let why = format!("it hangs: no cycle has ended for {:.1} s", silent.as_secs_f64());
            return Err(BodyError::Loop(why));
        }
        self.running.check()
    }

    /// The cameras, to be looked through from threads of their own.
    pub(crate) fn take_cameras(&mut self) -> Vec<Box<dyn Camera>> {
        core::mem::take(&mut self.cameras)
    }
}

/// The core with a pulse, what the robot asks, and the process in between, which has begun.
fn guarded(
    core: Core,
    mut clock: MonotonicClock,
    stroke_s: f64,
) -> Result<(Core, Option<Permit>, Option<GuardProcess>), BodyError> {
    let patience_s = core.arm().profile().overrun_ms * 1e-3;
    let said = |e: &dyn core::fmt::Display| BodyError::Loop(format!("the watchdog: {e}"));
    let watchdog = Watchdog::shared(&clock, patience_s).map_err(|e| said(&e))?;
    let watchdog = watchdog.with_stroke(stroke_s).map_err(|e| said(&e))?;
    let guard = GuardProcess::start(&watchdog, &mut clock)?;
    let stroke = watchdog.stroke();
    let permit: Permit = Box::new(move |now| stroke.permits(now));
    Ok((core.with_watchdog(watchdog.pulse()), Some(permit), Some(guard)))
}

impl Body for Pipeline {
    fn now(&self) -> Time {
        self.clock.now()
    }

    fn clock(&self) -> Box<crate::mission::Clock> {
        let clock = self.clock;
        Box::new(move || clock.now())
    }

    fn reins(&mut self) -> &mut dyn Reins {
        &mut self.handle
    }

    fn status(&mut self) -> control::Status {
        self.handle.status()
    }

    fn poll(&mut self) -> Option<control::Report> {
        self.handle.poll()
    }

    fn cameras(&mut self) -> &mut [Box<dyn Camera>] {
        &mut self.cameras
    }

    fn advance(&mut self, span: Duration) -> Result<(), BodyError> {
        let until = self.clock.now() + span;
        self.clock.sleep_until(until);
        for sample in self.handle.trace() {
            self.trace.push(sample);
        }
        self.check()
    }

    fn world(&self) -> Option<&Rig> {
        self.running.world()
    }

    fn trace(&mut self) -> &Trace {
        &self.trace
    }

    fn finish(self: Box<Self>) -> Option<LoopReport> {
        let report = self.thread.join();
        drop(self.running);
        drop(self.writing);
        Some(report)
    }
}
