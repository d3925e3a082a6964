//! Pictures as messages, and back.

use bridge::ros::{self, CameraInfo, Header, Picture, TransformStamped};
use types::{Image, Rejection};

const METRES: &str = "32FC1";

/// A picture as it is said, with what identifies its camera.
pub(super) fn message(image: &Image, identity: &str) -> Picture {
    let header = Header { stamp: image.stamp.into(), frame_id: format!("{}_optical", image.camera) };
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
    let depth = image.depth.iter().map(|depth| {
        let mut data = Vec::with_capacity(4 * depth.len());
        depth.iter().for_each(|z| data.extend_from_slice(&z.to_le_bytes()));
        sheet(METRES, 4, data)
    });
    Picture {
        sequence: image.sequence,
        identity: identity.to_owned(),
        colours: sheet("rgb8", 3, image.rgb.to_vec()),
        depth: depth.collect(),
        lens: CameraInfo::new(header.clone(), &image.intrinsics),
        pose: TransformStamped {
            header: Header { frame_id: "world".into(), ..header.clone() },
            child_frame_id: header.frame_id.clone(),
            transform: (&image.world_from_optical).into(),
        },
    }
}

/// A picture from its message.
///
/// # Errors
/// A [`Rejection`] naming what does not fit (B27–B29).
pub(super) fn image(picture: Picture) -> Result<Image, Rejection> {
    let Picture { sequence, colours, depth, lens, pose, .. } = picture;
    let intrinsics = lens.lens()?;
    let camera = colours.header.frame_id.strip_suffix("_optical").unwrap_or(&colours.header.frame_id);
    for (field, sheet, encoding, bytes) in
        [("picture.colours", Some(&colours), "rgb8", 3), ("picture.depth", depth.first(), METRES, 4)]
    {
        let Some(sheet) = sheet else { continue };
        let is_right =
            sheet.encoding == encoding && sheet.step == bytes * lens.width && sheet.is_bigendian == 0;
        if !is_right || (sheet.width, sheet.height) != (lens.width, lens.height) {
            let expected = format!("{encoding} of {} × {}, rows without gaps", lens.height, lens.width);
            let got = format!(
                "{} of {} × {}, {} bytes a row",
                sheet.encoding, sheet.height, sheet.width, sheet.step
            );
            return Err(Rejection::new(field, expected, got));
        }
    }
    let depth = depth.first().map(|d| {
        let (values, _) = d.data.as_chunks::<4>();
        values.iter().map(|b| f32::from_le_bytes(*b)).collect()
    });
    let (stamp, pose) = (colours.header.stamp.clone().into(), pose.transform.typed()?);
    Image::new(camera, sequence, stamp, colours.data, depth, intrinsics, pose)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge::ros::{from_cdr, to_cdr};
    use types::{Intrinsics, Time, Transform};

    #[test]
    fn a_picture_comes_back_over_the_wire_and_one_that_does_not_fit_is_refused() {
        let lens = Intrinsics::from_fov(4, 3, 1.0).expect("a lens");
        let pose = Transform::new([0.1, 0.2, 0.3], [0.0, 1.0, 0.0, 0.0]).expect("a pose");
        let rgb: Vec<u8> = (0..36).collect();
        for depth in [None, Some((0..12).map(|z| z as f32).collect())] {
            let before =
                Image::new("front", 9, Time::from_nanos(5_000_000_007), rgb.clone(), depth, lens, pose);
            let before = before.expect("a picture");
            let bytes = to_cdr(&message(&before, "sim front")).expect("said");
            let heard: Picture = from_cdr(&bytes).expect("heard");
            assert_eq!(heard.identity, "sim front");
            assert_eq!(image(heard.clone()), Ok(before));
            let mut spoilt = heard.clone();
            spoilt.colours.step += 1;
            assert_eq!(image(spoilt).expect_err("B27").field, "picture.colours");
            let mut spoilt = heard.clone();
            spoilt.colours.data.pop();
            assert_eq!(image(spoilt).expect_err("B27").field, "image.rgb");
            let mut spoilt = heard;
            spoilt.lens.k[0] = 0.0;
            assert!(image(spoilt).is_err(), "B29");
        }
    }
}
