//! Watched from outside the loop: the threads beside it, and the emergency stop's line.

use crate::message::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use types::Time;

/// What runs beside the loop.
#[derive(Copy, Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Component {
    /// Pictures to a scene.
    Perception,
    /// A scene and a goal to motions.
    Planner,
    /// Carrying out a plan.
    Mission,
    /// What leaves the process.
    Bridge,
    /// A person's stick.
    Teleoperation,
    /// A learned policy.
    Policy,
}

impl Component {
    const ALL: [Self; 6] =
        [Self::Perception, Self::Planner, Self::Mission, Self::Bridge, Self::Teleoperation, Self::Policy];

    /// By the number that a sentinel leaves; zero is nobody's.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }
}

/// Kept by a component for as long as it runs: if it is dropped by a panic, the loop stops the arm in the same
/// tick (F31).
#[derive(Debug)]
pub struct Sentinel {
    shared: Arc<Shared>,
    component: Component,
}

impl Sentinel {
    pub(crate) fn new(shared: Arc<Shared>, component: Component) -> Self {
        Self { shared, component }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.panicked.store(self.component as u8 + 1, Ordering::Release);
        }
    }
}

/// Where whoever reads the emergency stop's line (a GPIO pin, a safety relay) says what it reads. The loop takes
/// a line that is open, or of which it has heard nothing for 5 ms, for a pressed button (F41).
#[derive(Clone, Debug)]
pub struct StopLine(pub(crate) Arc<Shared>);

impl StopLine {
    /// The line was read at `now`: closed, or open. An open line is never overlooked, however short.
    pub fn sample(&self, now: Time, is_closed: bool) {
        if !is_closed {
            self.0.line_opened.store(true, Ordering::Release);
        }
        self.0.line_read.store(now.as_nanos(), Ordering::Release);
    }
}
