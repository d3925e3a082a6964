//! Pictures as messages, lossless: colours, depth, lens and pose of each; and back.

use bridge::recording::{Recorded, Recorder};
use bridge::ros::{
    self, CameraInfo, CompressedImage, Header, Sheets, TfMessage, TransformStamped, camera_of, optical_frame,
};
use std::collections::{HashMap, VecDeque};
use types::{Image, Rejection, Time};

const IMAGE: &str = "image";
const DEPTH: &str = "depth";
const INFO: &str = "camera_info";
const PREVIEW: &str = "preview";
const TF: &str = "/tf";

/// Records a picture. Its pose comes last: with it the picture is whole. Whether there was room for all of it.
pub(super) fn put(recorder: &Recorder, image: &Image) -> bool {
    let topic = |what: &str| format!("/{}/{what}", image.camera);
    let Sheets { colours, depth, lens, pose } = image.into();
    let mut is_whole = recorder.put(recorder.topic(&topic(IMAGE)), image.stamp, &colours);
    if let Some(depth) = depth {
        is_whole &= recorder.put(recorder.topic(&topic(DEPTH)), image.stamp, &depth);
    }
    is_whole &= recorder.put(recorder.topic(&topic(INFO)), image.stamp, &lens);
    is_whole & recorder.put(recorder.topic(TF), image.stamp, &TfMessage { transforms: vec![pose] })
}

/// Records how a picture looked, for people, in few bytes.
pub(super) fn put_preview(recorder: &Recorder, image: &Image) {
    let (name, (width, height)) = (&image.camera, image.size());
    let Ok(data) = bridge::jpeg::bytes((width, height), &image.rgb) else { return };
    let header = Header { stamp: image.stamp.into(), frame_id: optical_frame(name) };
    let preview = CompressedImage { header, format: "jpeg".into(), data };
    recorder.put(recorder.topic(&format!("/{name}/{PREVIEW}")), image.stamp, &preview);
}

/// Puts pictures together again from a recording's messages, in the order of each camera.
#[derive(Default)]
pub(crate) struct Pictures {
    parts: HashMap<String, Parts>,
    whole: HashMap<String, VecDeque<Image>>,
}

#[derive(Default)]
struct Parts {
    image: Option<ros::Image>,
    depth: Option<ros::Image>,
    info: Option<CameraInfo>,
    n: u64,
}

impl Pictures {
    /// Takes in a message of any topic; those that are no part of a picture are passed over.
    ///
    /// # Errors
    /// A [`Rejection`] naming what does not fit.
    pub(crate) fn take_in(&mut self, message: &Recorded) -> Result<(), Rejection> {
        let topic = message.info.topic.as_str();
        if topic == TF {
            for t in message.read::<TfMessage>()?.transforms {
                if let Some(camera) = camera_of(&t.child_frame_id).map(str::to_owned) {
                    self.complete(&camera, t)?;
                }
            }
            return Ok(());
        }
        let Some((camera, what)) = topic.strip_prefix('/').and_then(|t| t.split_once('/')) else {
            return Ok(());
        };
        match what {
            IMAGE => self.parts(camera).image = Some(message.read()?),
            DEPTH => self.parts(camera).depth = Some(message.read()?),
            INFO => self.parts(camera).info = Some(message.read()?),
            _ => {}
        }
        Ok(())
    }

    fn parts(&mut self, camera: &str) -> &mut Parts {
        self.parts.entry(camera.to_owned()).or_default()
    }

    fn complete(&mut self, camera: &str, pose: TransformStamped) -> Result<(), Rejection> {
        let parts = self.parts(camera);
        let (colours, depth, lens) = (parts.image.take(), parts.depth.take(), parts.info.take());
        let (Some(colours), Some(lens)) = (colours, lens) else { return Ok(()) };
        parts.n += 1;
        let image = Sheets { colours, depth, lens, pose }.image(parts.n)?;
        self.whole.entry(camera.to_owned()).or_default().push_back(image);
        Ok(())
    }

    /// The picture of a camera with this stamp, if it was not taken yet; those before it are gone.
    pub(crate) fn at(&mut self, camera: &str, stamp: Time) -> Option<Image> {
        let waiting = self.whole.get_mut(camera)?;
        let place = waiting.iter().position(|i| i.stamp == stamp)?;
        waiting.drain(..place);
        waiting.pop_front()
    }
}
