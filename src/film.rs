//! The animated picture of an episode, seen by a free camera.

use crate::session::StartError;
use bridge::{Animation, BridgeError, Canvas};
use sim::Rig;
use sim::camera::ThirdPerson;
use std::path::Path;
use types::Time;

/// Width and height of a frame, pixels.
const SIZE: (u32, u32) = (400, 300);
/// The most frames of one film.
const MAX_FRAMES: usize = 600;

/// Takes a frame whenever its time has come.
pub(crate) struct Film {
    animation: Animation,
    view: ThirdPerson,
    period_s: f64,
    next_s: f64,
    /// The first thing that went wrong; the run goes on without a film.
    failed: Option<BridgeError>,
}

impl Film {
    pub(crate) fn create(path: &Path, hz: f64) -> Result<Self, StartError> {
        let view = ThirdPerson::beside(SIZE)?;
        let animation = Animation::create(path, SIZE.0 as usize, SIZE.1 as usize)?;
        Ok(Self { animation, view, period_s: 1.0 / hz, next_s: 0.0, failed: None })
    }

    /// A frame, if it is time for one.
    pub(crate) fn pass(&mut self, now: Time, rig: &Rig) {
        let t = now.as_secs_f64();
        if t < self.next_s || self.failed.is_some() || self.animation.frames() >= MAX_FRAMES {
            return;
        }
        self.next_s = t + self.period_s;
        let mut canvas = room(&mut self.view, rig);
        canvas.text(6, 6, &format!("{t:5.1} s"), [255; 3], 1);
        if let Err(e) = self.animation.push(&canvas, (self.period_s * 50.0).max(2.0) as u16) {
            self.failed = Some(e);
        }
    }

    pub(crate) fn failure(&self) -> Option<&BridgeError> {
        self.failed.as_ref()
    }
}

/// The room as a person beside the table sees it.
pub(crate) fn room(view: &mut ThirdPerson, rig: &Rig) -> Canvas {
    let (snapshot, look) = {
        let world = rig.world();
        (world.snapshot(), world.scene().look.clone())
    };
    let picture = view.take(&snapshot, &look);
    Canvas::from_rgb(picture.width, picture.height, picture.rgb)
}
