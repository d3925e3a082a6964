//! The stages joined up: the same parts in one thread and virtual time ([`lockstep`]), or in wall time
//! with the loop and the simulator each in a thread of their own ([`pipeline`]).

#[cfg(test)]
mod attach_tests;
pub(crate) mod bystanders;
#[cfg(test)]
mod grip_tests;
pub(crate) mod guard;
pub(crate) mod invariants;
pub(crate) mod line;
pub(crate) mod lockstep;
pub(crate) mod machine;
pub(crate) mod pipeline;
pub(crate) mod reins;
pub(crate) mod taped;
pub(crate) mod trace;
pub(crate) mod waking;

use core::time::Duration;
use reins::Reins;
use types::seams::Camera;
use types::{Scene, Time};

/// How long an arm may take from being powered to holding, with every encoder proven, seconds.
pub(crate) const ACTIVATION_S: f64 = 10.0;

/// Why the robot's body can no longer be driven.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the control loop: {0}")]
    Loop(String),
    #[error("the simulator: {0}")]
    Sim(String),
    #[cfg(feature = "dds")]
    #[error("the robot: {0}")]
    Robot(String),
    #[error("the line to the robot: {0}")]
    Line(String),
}

/// The robot with its loop and its cameras, as the mission drives it; it does not know in which time.
pub(crate) trait Body {
    /// The robot's time.
    fn now(&self) -> Time;
    /// Tells the robot's time on its own, apart from everything else.
    fn clock(&self) -> Box<crate::mission::Clock>;
    /// To ask things of the loop.
    fn reins(&mut self) -> &mut dyn Reins;
    /// The loop's newest tick.
    fn status(&mut self) -> control::Status;
    /// The loop's next report, oldest first.
    fn poll(&mut self) -> Option<control::Report>;
    /// How often the person has pressed Ctrl-C.
    fn interrupts(&mut self) -> usize {
        crate::interrupt::count()
    }
    /// Cameras, the fixed one first.
    fn cameras(&mut self) -> &mut [Box<dyn Camera>];
    /// Lets the robot run for a while; the loop ticks meanwhile.
    ///
    /// # Errors
    /// [`BodyError`] when it cannot go on; the loop has told the robot to brake.
    fn advance(&mut self, span: Duration) -> Result<(), BodyError>;
    /// The simulated world, for the animated picture and the second verdict; `None` on hardware.
    fn world(&self) -> Option<&sim::Rig> {
        None
    }
    /// The invariants that every tick was held to, where every tick is seen.
    fn invariants(&self) -> Option<&invariants::Invariants> {
        None
    }
    /// How near the moving arm has come to anybody's hands so far, metres, where every tick is seen.
    fn nearest_person_m(&self) -> Option<f64> {
        None
    }
    /// Shows others what is believed to be on the table, where there are any.
    fn show(&mut self, _scene: &Scene) {}
    /// What was commanded and measured so far, for the plot.
    fn trace(&mut self) -> &trace::Trace;
    /// Ends the loop; in wall time its report. Without further commands the robot brakes by itself.
    fn finish(self: Box<Self>) -> Option<control::LoopReport>;
}
