//! A camera of the robot, looked through over the wire.

use super::body::RobotTime;
use super::vigil::Vigil;
use bridge::ros::Picture;
use bridge::wire::{Heard, Wire, WireError, topics};
use core::time::Duration;
use types::Image;
use types::seams::{Camera, CameraError};

/// Pictures that may wait; only the newest is looked at.
const WAITING: usize = 2;
/// How long the next picture is waited for: until the next one is taken (12 a second), and comes over a line that is late by
/// 0.1 s, on a machine that has other things to do as well.
const NEXT: Duration = Duration::from_millis(250);

/// See the head of this file.
pub(super) struct WiredCamera {
    name: String,
    heard: Heard<Picture>,
    time: RobotTime,
    /// Of who waits for its pictures.
    vigil: Vigil,
    identity: String,
}

impl WiredCamera {
    pub(super) fn new(wire: &Wire, name: &str, (time, vigil): (RobotTime, Vigil)) -> Result<Self, WireError> {
        let heard = wire.hear(&topics::CAMERA, name, WAITING)?;
        Ok(Self { name: name.to_owned(), heard, time, vigil, identity: String::new() })
    }
}

impl Camera for WiredCamera {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }

    /// The first picture that was taken after it was asked for.
    fn take(&mut self) -> Result<Image, CameraError> {
        let asked = self.time.now();
        let _waits = self.vigil.wait(NEXT);
        loop {
            let left = (asked + NEXT).since(self.time.now());
            let heard = self.heard.take_within(left);
            let picture = heard.ok_or_else(|| CameraError::Timeout(self.name.clone()))?;
            if types::Time::from(picture.colours.header.stamp.clone()) < asked {
                continue;
            }
            self.identity.clone_from(&picture.identity);
            let image = picture.image()?;
            if image.camera == self.name {
                return Ok(image);
            }
        }
    }
}
