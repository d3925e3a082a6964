//! What the loop drives in wall time, with the cameras that look at it: the simulated robot in a thread of its own, or
//! an arm of ROS 2's.

use super::BodyError;
use control::MonotonicClock;
use control::rt::RtWishes;
use sim::Rig;
use sim::live::Permit;
use types::seams::{Camera, Robot};

/// The robot's end for the loop, and what else is known of it.
pub(crate) struct Machine {
    pub(crate) robot: Box<dyn Robot>,
    /// It ends when this is dropped.
    pub(crate) running: Box<dyn Running>,
}

/// A robot that is there until it is dropped.
pub(crate) trait Running {
    /// Whether it is still there.
    ///
    /// # Errors
    /// [`BodyError`] when it cannot come back by itself.
    fn check(&self) -> Result<(), BodyError>;
    /// The simulated world; `None` on hardware.
    fn world(&self) -> Option<&Rig> {
        None
    }
}

/// Starts a machine; the permit tells, where there is an outer watchdog, whether the robot may have power.
pub(crate) type Start = Box<dyn FnOnce(Option<Permit>) -> Result<Machine, BodyError>>;

/// A machine that is not started yet, with its cameras, and the clock of all of it.
pub(crate) struct Driven {
    pub(crate) clock: MonotonicClock,
    pub(crate) start: Start,
    pub(crate) cameras: Vec<Box<dyn Camera>>,
}

impl Driven {
    /// The simulated robot in its world. A robot is as much in time as the loop that moves it: it runs at the next lower
    /// priority, where that leaves a processor to others.
    pub(crate) fn simulated(rig: Rig, cameras: Vec<Box<dyn Camera>>, loop_priority: i32) -> Self {
        let clock = MonotonicClock::new();
        let start: Start = Box::new(move |permit| {
            let has_others = std::thread::available_parallelism().is_ok_and(|n| n.get() > 1);
            let priority = u8::try_from(loop_priority - 1).ok().filter(|p| *p > 0 && has_others);
            let in_time = move || {
                // What is not granted here is not granted to the loop either, which says so.
                let wishes = RtWishes { fifo_priority: priority, lock_memory: false, cpu: None };
                let _ = control::rt::acquire(wishes);
                clock
            };
            let spawned = sim::live::spawn(&rig, in_time, permit);
            let (robot, live) = spawned.map_err(|e| BodyError::Sim(e.to_string()))?;
            Ok(Machine { robot: Box::new(robot), running: Box::new(Simulated { rig, live }) })
        });
        Self { clock, start, cameras }
    }
}

struct Simulated {
    rig: Rig,
    live: sim::live::LiveHandle,
}

impl Running for Simulated {
    fn check(&self) -> Result<(), BodyError> {
        if !self.live.is_over() {
            return Ok(());
        }
        let why = self.rig.world().stopped().map_or("its thread ended".into(), ToString::to_string);
        Err(BodyError::Sim(why))
    }

    fn world(&self) -> Option<&Rig> {
        Some(&self.rig)
    }
}
