//! A camera of ROS 2's as a [`Camera`]: colours, depth and lens on topics, and its place in `/tf`.

use super::arm::{RosTime, Since};
use super::{Care, Heard, Ros, RosError};
use crate::ros::{CameraInfo, Frames, Header, Image, Sheets, TfMessage, TransformStamped, optical_frame};
use core::time::Duration;
use types::Time;
use types::seams::{Camera, CameraError, Clock};

/// Pictures that may wait; the newest counts. Of depth some more: it comes beside the colours or later.
const COLOURS: usize = 2;
const DEPTHS: usize = 8;
/// Frames that may wait between two pictures that are taken.
const FRAMES: usize = 128;
/// How long a picture is waited for: not as long as an owner may be silent.
const NEXT: Duration = Duration::from_millis(180);
/// Colours and depth of one picture are so near to each other, seconds.
const TOGETHER_S: f64 = 0.02;
/// Before it is looked whether anything else has come.
const SLICE: Duration = Duration::from_millis(5);

/// What a camera is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EyeSettings {
    /// Here.
    pub name: String,
    /// The topic of its colours.
    pub image: String,
    /// That of depth in the same pixels; empty: it has none.
    pub depth: String,
    /// That of its lens.
    pub info: String,
    /// The frame that is the robot's world.
    pub world: String,
}

/// See the head of this file.
pub struct RosEye<C> {
    settings: EyeSettings,
    clock: C,
    colours: Heard<Image>,
    depth: Option<Heard<Image>>,
    lens: Heard<CameraInfo>,
    moving: Heard<TfMessage>,
    resting: Heard<TfMessage>,
    frames: Frames,
    newest_lens: Option<CameraInfo>,
    time: RosTime,
    /// Of a camera that is stamped by another clock than the arm.
    since: Since,
    depths: Vec<Image>,
    frame: String,
    sequence: u64,
    last: Time,
}

impl Ros {
    /// A camera, whether it is there yet or not; `time` is of the arm that it looks at.
    ///
    /// # Errors
    /// As [`Self::hear`].
    pub fn eye<C: Clock>(
        &self,
        settings: EyeSettings,
        (clock, time): (C, RosTime),
    ) -> Result<RosEye<C>, RosError> {
        let depth = match settings.depth.as_str() {
            "" => None,
            topic => Some(self.hear(topic, Care::Sensor, DEPTHS)?),
        };
        Ok(RosEye {
            colours: self.hear(&settings.image, Care::Sensor, COLOURS)?,
            depth,
            lens: self.hear(&settings.info, Care::Sensor, 1)?,
            // The same in every namespace.
            moving: self.hear("/tf", Care::Reliable, FRAMES)?,
            resting: self.hear("/tf_static", Care::Latched, FRAMES)?,
            frames: Frames::default(),
            newest_lens: None,
            time,
            since: Since::default(),
            depths: Vec::new(),
            frame: String::new(),
            sequence: 0,
            last: Time::ZERO,
            settings,
            clock,
        })
    }
}

impl<C: Clock> RosEye<C> {
    /// Takes in what has come beside the colours.
    fn hear(&mut self) {
        while let Some(told) = self.resting.take() {
            self.frames.hear(told, true);
        }
        while let Some(told) = self.moving.take() {
            self.frames.hear(told, false);
        }
        while let Some(lens) = self.lens.take() {
            self.newest_lens = Some(lens);
        }
        while let Some(depth) = self.depth.as_ref().and_then(Heard::take) {
            if self.depths.len() >= DEPTHS {
                self.depths.remove(0);
            }
            self.depths.push(depth);
        }
    }

    fn timeout(&self) -> CameraError {
        CameraError::Timeout(self.settings.name.clone())
    }

    /// What goes with colours of this stamp: `None` as long as it may still come.
    fn beside(&mut self, stamp: Time) -> Option<Option<Image>> {
        if self.depth.is_none() {
            return Some(None);
        }
        let off = |d: &Image| Time::from(d.header.stamp.clone()).secs_since(stamp).abs();
        let nearest =
            (0..self.depths.len()).min_by(|a, b| off(&self.depths[*a]).total_cmp(&off(&self.depths[*b])))?;
        (off(&self.depths[nearest]) <= TOGETHER_S).then(|| Some(self.depths.swap_remove(nearest)))
    }

    /// The picture whose colours these are, once what belongs to it has come.
    fn join(&mut self, colours: Image, ours: Time, until: Time) -> Result<types::Image, CameraError> {
        let stamp: Time = colours.header.stamp.clone().into();
        loop {
            self.hear();
            let is_late = self.clock.now() >= until;
            let place = self.frames.place(&self.settings.world, &colours.header.frame_id, stamp, is_late);
            if is_late && let Err(why) = &place {
                return Err(why.clone().into());
            }
            if let (Ok(transform), Some(lens)) = (place, self.newest_lens.clone())
                && let Some(depth) = self.beside(stamp)
            {
                let frame_id = optical_frame(&self.settings.name);
                let header = Header { stamp: ours.into(), frame_id: frame_id.clone() };
                let pose = TransformStamped {
                    header: Header { frame_id: self.settings.world.clone(), ..header.clone() },
                    child_frame_id: frame_id,
                    transform,
                };
                let mut colours = colours.colours()?;
                colours.header = header;
                let depth = depth.map(Image::metres).transpose()?;
                let image = Sheets { colours, depth, lens, pose }.image(self.sequence + 1)?;
                self.sequence += 1;
                return Ok(image);
            }
            if is_late {
                return Err(self.timeout());
            }
            std::thread::sleep(SLICE);
        }
    }
}

impl<C: Clock> Camera for RosEye<C> {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn identity(&self) -> String {
        format!("{} in {:?}", self.settings.image, self.frame)
    }

    /// The first picture that was taken after it was asked for.
    fn take(&mut self) -> Result<types::Image, CameraError> {
        let asked = self.clock.now();
        let until = asked + NEXT;
        loop {
            self.hear();
            let left = until.since(self.clock.now());
            let colours = self.colours.take_within(left).ok_or_else(|| self.timeout())?;
            let stamped: Time = colours.header.stamp.clone().into();
            let now = self.clock.now();
            let by_itself = self.since.ours(stamped, now, true);
            let ours = self.time.ours(stamped, now).unwrap_or(by_itself);
            if ours < asked || ours <= self.last {
                continue;
            }
            self.last = ours;
            self.frame.clone_from(&colours.header.frame_id);
            return self.join(colours, ours, until);
        }
    }
}
