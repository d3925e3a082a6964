//! Power: asked for where the arm stands, and again where a hiccup took it while the arm proved its encoders.

use super::{ACTIVATION_S, Body};
use control::{Cause, Mode};
use core::time::Duration;
use types::{Fault, Rejection, Time};

/// Between two times that power is asked for.
const AGAIN: Duration = Duration::from_millis(500);

/// An arm on its way from being powered to holding.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Waking {
    since: Time,
    asked: Time,
}

impl Waking {
    /// Asks for power, unless there is some.
    ///
    /// # Errors
    /// As [`super::reins::Reins::activate`].
    pub(crate) fn begin(body: &mut dyn Body) -> Result<Self, Rejection> {
        let now = body.now();
        let mut waking = Self { since: now, asked: now };
        if body.status().mode == Mode::Disarmed {
            waking.ask(body)?;
        }
        Ok(waking)
    }

    /// Asks again.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub(crate) fn ask(&mut self, body: &mut dyn Body) -> Result<(), Rejection> {
        self.asked = body.now();
        body.reins().activate(self.asked)
    }

    /// To be called as time passes, until the arm holds.
    ///
    /// # Errors
    /// A [`Rejection`] with the mode, and what led there, when the arm is latched, or does not come to hold in time.
    pub(crate) fn go_on(&mut self, body: &mut dyn Body) -> Result<(), Rejection> {
        let (status, now) = (body.status(), body.now());
        let passes = matches!(status.cause, Cause::StateMissing | Cause::Fault(Fault::F26ProcessPaused));
        let got = || format!("{:?}: {:?}", status.mode, status.cause);
        match status.mode {
            Mode::Fault { .. } => {
                return Err(Rejection::new("robot", "an arm that is not latched (`sinew reset`)", got()));
            }
            _ if now.secs_since(self.since) > ACTIVATION_S => {
                return Err(Rejection::new("robot", "an arm that comes to hold", got()));
            }
            // Nobody took it: the robot was not read for a moment, or this machine stood.
            Mode::Disarmed if passes && now.since(self.asked) >= AGAIN => {
                self.ask(body)?;
            }
            _ => {}
        }
        Ok(())
    }
}
