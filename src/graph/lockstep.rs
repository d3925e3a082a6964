//! Everything in one thread and virtual time: the same seed gives the same bytes.

use super::{Body, BodyError, bystanders::Bystanders, invariants::Invariants, reins::Reins, trace::Trace};
use crate::recording::TickWriter;
use control::{Core, Handle, LoopReport};
use core::time::Duration;
use sim::{Rig, SimRobot};
use types::Time;
use types::seams::Camera;

/// The loop, the robot and the cameras, driven tick by tick.
pub(crate) struct Lockstep {
    core: Core,
    handle: Handle,
    robot: SimRobot,
    rig: Rig,
    cameras: Vec<Box<dyn Camera>>,
    trace: Trace,
    invariants: Invariants,
    bystanders: Bystanders,
    writer: Option<TickWriter>,
}

impl Lockstep {
    pub(crate) fn new((core, handle): (Core, Handle), rig: Rig, cameras: Vec<Box<dyn Camera>>) -> Self {
        let robot = rig.robot();
        let invariants = Invariants::of(core.arm(), sim::STEP.as_secs_f64());
        let bystanders = Bystanders::new(rig.world().arm());
        let (trace, writer) = (Trace::default(), None);
        Self { core, handle, robot, rig, cameras, trace, invariants, bystanders, writer }
    }

    /// The non-real-time end of the loop.
    pub(crate) fn control(&mut self) -> &mut Handle {
        &mut self.handle
    }

    /// Every tick goes to a recording.
    pub(crate) fn with_writer(self, writer: TickWriter) -> Self {
        Self { writer: Some(writer), ..self }
    }
}

impl Body for Lockstep {
    fn now(&self) -> Time {
        self.rig.now()
    }

    fn clock(&self) -> Box<crate::mission::Clock> {
        let rig = self.rig.clone();
        Box::new(move || rig.now())
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
        let until = self.rig.now() + span;
        while self.rig.now() < until {
            let now = self.rig.now();
            // The core has dealt with whatever went wrong at the robot.
            let (command, _) = control::tick_robot(&mut self.core, &mut self.robot, now);
            let status = self.handle.status();
            let measured = status.measured;
            self.invariants.check(&command, measured.as_ref());
            self.invariants.watch(&status);
            let width_m = measured.map_or(0.0, |m| m.gripper.width_m);
            self.bystanders.look(&command, width_m, &self.rig.world());
            if let Some(why) = self.rig.world().stopped() {
                let why = why.to_string();
                self.writer.iter_mut().for_each(TickWriter::drain);
                return Err(BodyError::Sim(why));
            }
        }
        for sample in self.handle.trace() {
            self.trace.push(sample);
        }
        self.writer.iter_mut().for_each(TickWriter::drain);
        Ok(())
    }

    fn world(&self) -> Option<&Rig> {
        Some(&self.rig)
    }

    fn invariants(&self) -> Option<&Invariants> {
        Some(&self.invariants)
    }

    fn nearest_person_m(&self) -> Option<f64> {
        Some(self.bystanders.nearest_m())
    }

    fn trace(&mut self) -> &Trace {
        &self.trace
    }

    fn finish(self: Box<Self>) -> Option<LoopReport> {
        None
    }
}
