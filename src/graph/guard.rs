//! The watchdog's process: this program again, as `sinew watchdog`, at the other end of a shared page.

use super::BodyError;
use control::Watchdog;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The running process; ended when this is dropped.
pub(crate) struct GuardProcess(Child);

impl GuardProcess {
    /// Starts `program` over the page.
    ///
    /// # Errors
    /// [`BodyError::Loop`] when the operating system starts no process.
    pub(crate) fn start(program: &Path, watchdog: &Watchdog) -> Result<Self, BodyError> {
        let said = |e: std::io::Error| BodyError::Loop(format!("the watchdog's process: {e}"));
        let page = watchdog.path().ok_or_else(|| BodyError::Loop("the watchdog's page is not shared".into()))?;
        let child = Command::new(program)
            .arg("watchdog")
            .arg(page)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(said)?;
        Ok(Self(child))
    }
}

impl Drop for GuardProcess {
    fn drop(&mut self) {
        // It ends with its loop; should it not, nothing is lost by killing it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
