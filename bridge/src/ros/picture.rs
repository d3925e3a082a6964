//! A picture taken apart into ROS 2 messages, lossless, and put together again.

use super::encodings::{in_millimetres, metres_of};
use super::{CameraInfo, Header, Image, Picture, TransformStamped};
use types::Rejection;

const COLOURS: &str = "rgb8";
const METRES: &str = "32FC1";
const MILLIMETRES: &str = "16UC1";
const OPTICAL: &str = "_optical";
const WORLD: &str = "world";

/// What a picture consists of, each of one stamp and in the camera's optical frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheets {
    /// Colours, `rgb8`.
    pub colours: Image,
    /// Depth along the optical axis: `16UC1`, mm, where that is all there is to it, as depth cameras tell it; else
    /// `32FC1`, m.
    pub depth: Option<Image>,
    /// The lens.
    pub lens: CameraInfo,
    /// Where the camera was in the world.
    pub pose: TransformStamped,
}

/// The name of the frame in which a camera sees: its z axis looks forward, x to the right.
#[must_use]
pub fn optical_frame(camera: &str) -> String {
    format!("{camera}{OPTICAL}")
}

/// The camera that sees in this frame, if it is an optical one.
#[must_use]
pub fn camera_of(frame_id: &str) -> Option<&str> {
    frame_id.strip_suffix(OPTICAL)
}

impl From<&types::Image> for Sheets {
    fn from(image: &types::Image) -> Self {
        let header = Header { stamp: image.stamp.into(), frame_id: optical_frame(&image.camera) };
        let (width, height) = (image.intrinsics.width, image.intrinsics.height);
        let sheet = |encoding: &str, bytes_per_pixel: u32, data: Vec<u8>| Image {
            header: header.clone(),
            height,
            width,
            encoding: encoding.to_owned(),
            is_bigendian: 0,
            step: bytes_per_pixel * width,
            data,
        };
        let depth = image.depth.as_ref().map(|depth| match in_millimetres(depth) {
            Some(data) => sheet(MILLIMETRES, 2, data),
            None => sheet(METRES, 4, depth.iter().flat_map(|z| z.to_le_bytes()).collect()),
        });
        Self {
            colours: sheet(COLOURS, 3, image.rgb.to_vec()),
            depth,
            lens: CameraInfo::new(header.clone(), &image.intrinsics),
            pose: TransformStamped {
                header: Header { frame_id: WORLD.into(), ..header.clone() },
                child_frame_id: header.frame_id,
                transform: (&image.world_from_optical).into(),
            },
        }
    }
}

impl Sheets {
    /// The picture again; `sequence` counts up by one per camera.
    ///
    /// # Errors
    /// A [`Rejection`] naming what does not fit (B27–B29): sheets are of the lens's size, in these encodings, little
    /// endian, rows without gaps.
    pub fn image(self, sequence: u64) -> Result<types::Image, Rejection> {
        let Self { colours, depth, lens, pose } = self;
        let intrinsics = lens.lens()?;
        let is_of = |sheet: &Image, encoding: &str, bytes: u32| {
            sheet.encoding == encoding
                && (sheet.width, sheet.height) == (lens.width, lens.height)
                && Some(sheet.step) == sheet.width.checked_mul(bytes)
                && sheet.is_bigendian == 0
        };
        let refuse = |field: &'static str, sheet: &Image, encoding: &str| {
            let expected = format!("{encoding} of {} × {}, rows without gaps", lens.height, lens.width);
            let got = format!(
                "{} of {} × {}, {} bytes a row",
                sheet.encoding, sheet.height, sheet.width, sheet.step
            );
            Rejection::new(field, expected, got)
        };
        if !is_of(&colours, COLOURS, 3) {
            return Err(refuse("picture.colours", &colours, COLOURS));
        }
        let depth = match depth {
            None => None,
            Some(d) if is_of(&d, METRES, 4) => {
                Some(d.data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
            }
            Some(d) if is_of(&d, MILLIMETRES, 2) => {
                Some(d.data.as_chunks().0.iter().map(|b| metres_of(*b)).collect())
            }
            Some(d) => return Err(refuse("picture.depth", &d, "32FC1 or 16UC1")),
        };
        let frame = &colours.header.frame_id;
        let camera = camera_of(frame).unwrap_or(frame);
        let (stamp, pose) = (colours.header.stamp.clone().into(), pose.transform.typed()?);
        types::Image::new(camera, sequence, stamp, colours.data, depth, intrinsics, pose)
    }
}

impl Picture {
    /// A picture as nodes say it, with what identifies its camera.
    #[must_use]
    pub fn new(image: &types::Image, identity: &str) -> Self {
        let Sheets { colours, depth, lens, pose } = image.into();
        let depth = depth.into_iter().collect();
        Self { sequence: image.sequence, identity: identity.to_owned(), colours, depth, lens, pose }
    }

    /// The picture.
    ///
    /// # Errors
    /// As [`Sheets::image`], and for more than one sheet of depth.
    pub fn image(mut self) -> Result<types::Image, Rejection> {
        if self.depth.len() > 1 {
            let got = format!("{} sheets", self.depth.len());
            return Err(Rejection::new("picture.depth", "one sheet or none", got));
        }
        let Self { sequence, colours, lens, pose, .. } = self;
        Sheets { colours, depth: self.depth.pop(), lens, pose }.image(sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ros::{from_cdr, to_cdr};
    use types::{Intrinsics, Time, Transform};

    #[test]
    fn a_picture_comes_back_over_the_wire_and_one_that_does_not_fit_is_refused() {
        let lens = Intrinsics::from_fov(4, 3, 1.0).expect("a lens");
        let pose = Transform::new([0.1, 0.2, 0.3], [0.0, 1.0, 0.0, 0.0]).expect("a pose");
        let rgb: Vec<u8> = (0..36).collect();
        let depths = |by: f32| Some((0..12).map(|z| by * z as f32).collect());
        for (depth, told) in [(None, &[][..]), (depths(1.0), &["16UC1"]), (depths(0.123_45), &["32FC1"])] {
            let stamp = Time::from_nanos(5_000_000_007);
            let before = types::Image::new("front", 9, stamp, rgb.clone(), depth, lens, pose);
            let before = before.expect("a picture");
            let bytes = to_cdr(&Picture::new(&before, "sim front")).expect("said");
            let heard: Picture = from_cdr(&bytes).expect("heard");
            assert_eq!(heard.identity, "sim front");
            let encodings: Vec<&str> = heard.depth.iter().map(|d| d.encoding.as_str()).collect();
            assert_eq!(encodings, told);
            assert_eq!(heard.clone().image().as_ref(), Ok(&before));
            let refused = |spoil: &dyn Fn(&mut Picture)| {
                let mut spoilt = heard.clone();
                spoil(&mut spoilt);
                spoilt.image().expect_err("it does not fit").field
            };
            assert_eq!(refused(&|p| p.colours.step += 1), "picture.colours");
            assert_eq!(refused(&|p| p.colours.data.truncate(35)), "image.rgb");
            assert_eq!(refused(&|p| p.depth = vec![p.colours.clone()]), "picture.depth");
            assert_eq!(refused(&|p| p.depth = vec![p.colours.clone(); 2]), "picture.depth");
            let mut spoilt = heard;
            spoilt.lens.k[0] = 0.0;
            assert!(spoilt.image().is_err(), "B29");
        }
    }
}
