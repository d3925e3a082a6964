//! Pictures as messages, lossless: colours, depth, lens and pose of each; and back.

use bridge::recording::{Recorded, Recorder};
use bridge::ros::{self, CameraInfo, CompressedImage, Header, TfMessage, TransformStamped};
use std::collections::{HashMap, VecDeque};
use types::{Image, Rejection, Time};

const IMAGE: &str = "image";
const DEPTH: &str = "depth";
const INFO: &str = "camera_info";
const PREVIEW: &str = "preview";
const TF: &str = "/tf";
const WORLD: &str = "world";
const METRES: &str = "32FC1";

/// Records a picture. Its pose comes last: with it the picture is whole. Whether there was room for all of it.
pub(super) fn put(recorder: &Recorder, image: &Image) -> bool {
    let name = &image.camera;
    let header = Header { stamp: image.stamp.into(), frame_id: format!("{name}_optical") };
    let (width, height) = (image.intrinsics.width, image.intrinsics.height);
    let sheet = |encoding: &str, bytes_per_pixel: u32, data: Vec<u8>| ros::Image {
        header: header.clone(),
        height,
        width,
        encoding: encoding.to_owned(),
        is_bigendian: 0,
        step: bytes_per_pixel * width,
        data,
    };
    let topic = |what: &str| format!("/{name}/{what}");
    let colours = sheet("rgb8", 3, image.rgb.to_vec());
    let mut is_whole = recorder.put(recorder.topic(&topic(IMAGE)), image.stamp, &colours);
    if let Some(depth) = &image.depth {
        let data = depth.iter().flat_map(|z| z.to_le_bytes()).collect();
        is_whole &= recorder.put(recorder.topic(&topic(DEPTH)), image.stamp, &sheet(METRES, 4, data));
    }
    let info = CameraInfo::new(header.clone(), &image.intrinsics);
    is_whole &= recorder.put(recorder.topic(&topic(INFO)), image.stamp, &info);
    let pose = TransformStamped {
        header: Header { frame_id: WORLD.into(), ..header.clone() },
        child_frame_id: header.frame_id,
        transform: (&image.world_from_optical).into(),
    };
    is_whole & recorder.put(recorder.topic(TF), image.stamp, &TfMessage { transforms: vec![pose] })
}

/// Records how a picture looked, for people, in few bytes.
pub(super) fn put_preview(recorder: &Recorder, image: &Image) {
    let (name, (width, height)) = (&image.camera, image.size());
    let Ok(data) = bridge::jpeg::bytes((width, height), &image.rgb) else { return };
    let header = Header { stamp: image.stamp.into(), frame_id: format!("{name}_optical") };
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
                if let Some(camera) = t.child_frame_id.strip_suffix("_optical") {
                    self.complete(camera, &t)?;
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

    fn complete(&mut self, camera: &str, pose: &TransformStamped) -> Result<(), Rejection> {
        let parts = self.parts(camera);
        let (image, depth, info) = (parts.image.take(), parts.depth.take(), parts.info.take());
        let (Some(image), Some(info)) = (image, info) else { return Ok(()) };
        let depth = depth.map(|d| {
            let (values, _) = d.data.as_chunks::<4>();
            values.iter().map(|b| f32::from_le_bytes(*b)).collect()
        });
        parts.n += 1;
        let image = Image::new(
            camera,
            parts.n,
            image.header.stamp.into(),
            image.data,
            depth,
            info.lens()?,
            pose.transform.typed()?,
        )?;
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
