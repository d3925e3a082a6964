//! The watchdog's process: this program again, as `sinew watchdog`, at the other end of a shared page.

use super::BodyError;
use control::{MonotonicClock, Watchdog};
use core::time::Duration;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use types::seams::Clock;

/// How long the process may take to begin, seconds.
const BEGINS_S: f64 = 5.0;

/// The running process; ended when this is dropped.
pub(crate) struct GuardProcess(Child);

impl GuardProcess {
    /// Starts this program over the page, and waits until it is heard of.
    ///
    /// # Errors
    /// [`BodyError::Loop`] when the operating system starts no process, or it is not heard of.
    pub(crate) fn start(watchdog: &Watchdog, clock: &mut MonotonicClock) -> Result<Self, BodyError> {
        let said = |e: std::io::Error| BodyError::Loop(format!("the watchdog's process: {e}"));
        let page =
            watchdog.path().ok_or_else(|| BodyError::Loop("the watchdog's page is not shared".into()))?;
        let program = std::env::current_exe().map_err(said)?;
        let child = Command::new(program)
            .arg("watchdog")
            .arg(page)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // A terminal's keys are for the loop.
            .process_group(0)
            .spawn()
            .map_err(said)?;
        let started = Self(child);
        let (stroke, until) = (watchdog.stroke(), clock.now() + Duration::from_secs_f64(BEGINS_S));
        while !stroke.permits(clock.now()) {
            if clock.now() > until {
                return Err(BodyError::Loop("the watchdog's process is not heard of".into()));
            }
            clock.sleep_until(clock.now() + Duration::from_millis(1));
        }
        Ok(started)
    }
}

impl Drop for GuardProcess {
    fn drop(&mut self) {
        // It ends with its loop; should it not, nothing is lost by killing it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
