//! Rows about pictures, lenses, and the weights that look at them.

use super::names;
use crate::bench::largest;
use crate::commands::Setting;
use crate::session::WEIGHTS;
use bridge::{files, jpeg, ros};
use perception::lift::lift;
use perception::weights;
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use types::image::{Distortion, MAX_SIDE};
use types::{Detection, Image, Intrinsics, Optical, Shape, Size, Time, Transform, World};

/// What a picture that is refused may take in one piece, bytes.
const MOST: usize = 1 << 20;

fn lens(sides: (u32, u32)) -> Result<Intrinsics, types::Rejection> {
    let (w, h) = (f64::from(sides.0), f64::from(sides.1));
    Intrinsics::new(sides, (200.0, 200.0), (0.5 * w, 0.5 * h), Distortion::default())
}

fn picture(sides: (u32, u32), rgb: Vec<u8>, depth: Option<Vec<f32>>) -> Result<Image, types::Rejection> {
    // A metre above the table, looking down.
    let down = Transform::<World, Optical>::new([0.5, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0])?;
    Image::new("front", 0, Time::ZERO, rgb, depth, lens(sides)?, down)
}

/// Exif that says how a picture was held.
fn exif(orientation: u8) -> Vec<u8> {
    let block = [
        b"Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(),
        &[orientation, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    [&[0xff, 0xe1, 0, 2 + block.len() as u8][..], &block].concat()
}

pub(super) fn b27(_: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let huge = rng.random_range(MAX_SIDE + 1..20_001);
    let side = rng.random_range(1..40);
    for (sides, field) in [
        ((0, 0), "intrinsics.width"),
        ((side, 0), "intrinsics.height"),
        ((huge, side), "intrinsics.width"),
        ((20_000, 20_000), "intrinsics.width"),
    ] {
        names(lens(sides), field)?;
    }
    picture((1, 1), vec![7; 3], None).map_err(|e| format!("one pixel: {e}"))?;
    let (w, h) = (side, rng.random_range(1..40));
    let n = (3 * w * h) as usize;
    for wrong in [0, rng.random_range(0..n), n + rng.random_range(1..n + 2)] {
        names(picture((w, h), vec![7; wrong], None), "image.rgb")?;
    }
    names(picture((w, h), vec![7; n], Some(vec![1.0; n / 3 + 1])), "image.depth")?;
    // As cameras of others say them.
    let good = || ros::Image {
        width: w,
        height: h,
        encoding: "rgb8".into(),
        step: 3 * w,
        data: vec![7; n],
        ..Default::default()
    };
    good().colours().map_err(|e| e.to_string())?;
    names(ros::Image { step: rng.random_range(0..3 * w), ..good() }.colours(), "image.step")?;
    names(ros::Image { step: 1 << 31, ..good() }.colours(), "image.data")
        .or_else(|why| if h == 1 { Ok(()) } else { Err(why) })?;
    names(ros::Image { width: 0, ..good() }.colours(), "image.width")?;
    names(ros::Image { height: u32::MAX, ..good() }.colours(), "image.height")?;
    names(ros::Image { encoding: "rgb16".into(), ..good() }.colours(), "image.encoding")?;
    files_of(rng)
}

/// Pictures as files.
fn files_of(rng: &mut ChaCha8Rng) -> Result<(), String> {
    let (w, h) = (rng.random_range(8..64), rng.random_range(8..64));
    let rgb: Vec<u8> = (0..3 * w * h).map(|_| rng.random()).collect();
    let name = Path::new("my.jpg");
    let read = |bytes: &[u8]| files::picture(name, bytes);
    let jpeg = jpeg::bytes((w, h), &rgb).map_err(|e| e.to_string())?;
    let png = files::png_bytes(&bridge::Canvas::from_rgb(w, h, rgb.clone()));
    if read(&png).map_err(|e| e.to_string())?.rgb() != rgb {
        return Err("a PNG reads as another picture".into());
    }
    for whole in [&jpeg, &png] {
        // The last bytes are behind the pixels.
        let at = rng.random_range(0..whole.len() - 16);
        names(read(&whole[..at]), "my.jpg").map_err(|why| format!("cut at {at}: {why}"))?;
    }
    let orientation = rng.random_range(1..9);
    let held = [&jpeg[..2], &exif(orientation), &jpeg[2..]].concat();
    let upright = read(&held).map_err(|e| e.to_string())?;
    let sides = if orientation > 4 { (h, w) } else { (w, h) };
    if (upright.width(), upright.height()) != sides {
        return Err(format!("held as {orientation}: {} × {}", upright.width(), upright.height()));
    }
    // Sides that the file only claims: in a JPEG behind its frame's head, in a PNG in the first chunk.
    let frame = jpeg.windows(2).position(|m| m == [0xff, 0xc0]).ok_or("no frame")? + 5;
    let mut claims = [jpeg.clone(), png.clone()];
    claims[0][frame..frame + 4].copy_from_slice(&[0x4e, 0x20, 0x4e, 0x20]);
    claims[1][16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
    for claim in claims {
        let (came, size) = largest(|| read(&claim));
        names(came, "my.jpg")?;
        if size > MOST {
            return Err(format!("20000 × 20000: {size} bytes were asked for"));
        }
    }
    Ok(())
}

/// Sides of what is looked down at.
const W: usize = 200;
const H: usize = 160;

pub(super) fn b28(_: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    // A cube of 5 cm on the table, seen from above.
    let cube = Shape::Cube.dimensions(Size::Large);
    let half_px = (0.5 * cube.x / (1.0 - cube.z) * 200.0) as usize;
    let (cx, cy) = (rng.random_range(40..W - 40), rng.random_range(40..H - 40));
    let is_cube = |i: usize| (i % W).abs_diff(cx) <= half_px && (i / W).abs_diff(cy) <= half_px;
    let depth: Vec<f32> = (0..W * H).map(|i| if is_cube(i) { 1.0 - cube.z as f32 } else { 1.0 }).collect();
    let seen = |depth: Vec<f32>| picture((W as u32, H as u32), vec![90; 3 * W * H], Some(depth));
    let mut d = Detection {
        score: 0.9,
        box_px: [cx - half_px, cy - half_px, cx + half_px + 1, cy + half_px + 1].map(|v| v as f32),
        point_px: [cx as f32 + 0.5, cy as f32 + 0.5],
        color: [0.125; 8],
        shape: [0.0; 6],
        size: [0.5; 2],
    };
    d.shape[Shape::Cube.index()] = 1.0;
    let good = seen(depth.clone()).map_err(|e| e.to_string())?;
    if lift(&good, &d).is_none() {
        return Err("the cube itself is not found".into());
    }
    let far = -rng.random_range(0.001..1e6_f32);
    for none in [0.0, -0.0, f32::NAN, far, f32::INFINITY, f32::NEG_INFINITY] {
        let all = seen(vec![none; W * H]).map_err(|e| e.to_string())?;
        let told = all.depth.as_deref().ok_or("no depth")?;
        if told.iter().any(|z| z.to_bits() & !(1 << 31) != 0) || lift(&all, &d).is_some() {
            return Err(format!("{none} was taken for a depth"));
        }
        if all.point_in_world(cx, cy).is_some() {
            return Err(format!("{none}: a place without depth"));
        }
        // Only there where the cube is.
        let hole = depth.iter().enumerate().map(|(i, z)| if is_cube(i) { none } else { *z }).collect();
        let hole = seen(hole).map_err(|e| e.to_string())?;
        if lift(&hole, &d).is_some_and(|l| l.position.z > 0.5 * cube.z) {
            return Err(format!("{none}: something was found in a hole"));
        }
    }
    Ok(())
}

pub(super) fn b29(_: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let (w, h) = (rng.random_range(2..2000), rng.random_range(2..2000));
    let (fx, fy) = (rng.random_range(10.0..2000.0), rng.random_range(10.0..2000.0));
    let good =
        Intrinsics::new((w, h), (fx, fy), (0.5 * f64::from(w), 0.5 * f64::from(h)), Distortion::default())
            .map_err(|e| e.to_string())?;
    let made = |l: Intrinsics| Intrinsics::new((l.width, l.height), (l.fx, l.fy), (l.cx, l.cy), l.distortion);
    let said = |l: &Intrinsics| ros::CameraInfo::new(ros::Header::default(), l).lens();
    said(&good).map_err(|e| e.to_string())?;
    for v in [0.0, -0.0, -fx, f64::NAN, f64::INFINITY] {
        for (lens, field) in
            [(Intrinsics { fx: v, ..good }, "intrinsics.fx"), (Intrinsics { fy: v, ..good }, "intrinsics.fy")]
        {
            names(made(lens), field)?;
            names(said(&lens), field)?;
        }
    }
    let beyond = f64::from(w) + rng.random_range(0.001..1e4);
    for cx in [-1.0, beyond, f64::NAN] {
        let lens = Intrinsics { cx, ..good };
        names(made(lens), "intrinsics.cx")?;
        names(said(&lens), "intrinsics.cx")?;
    }
    let bent = Intrinsics { distortion: Distortion { k2: f64::NAN, ..Distortion::default() }, ..good };
    names(made(bent), "intrinsics.distortion.k2")
}

pub(super) fn b30(_: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let n = WEIGHTS.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b)) as usize;
    let header = core::str::from_utf8(&WEIGHTS[8..8 + n]).map_err(|e| e.to_string())?;
    let with = |header: &str| {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &WEIGHTS[8 + n..]].concat()
    };
    let thrifty = |bytes: &[u8], says: &str| {
        let (came, size) = largest(|| weights::load(bytes));
        names(came, says)?;
        if size > MOST { Err(format!("{says}: {size} bytes were asked for")) } else { Ok(()) }
    };
    thrifty(&WEIGHTS[..rng.random_range(0..WEIGHTS.len())], "weights")?;
    let mut huge = WEIGHTS.to_vec();
    huge[..8].copy_from_slice(&rng.random_range(1u64 << 32..u64::MAX).to_le_bytes());
    thrifty(&huge, "weights.header")?;
    // Another tensor's place, another type.
    let places: Vec<&str> =
        header.split("\"data_offsets\":").skip(1).filter_map(|s| s.split_inclusive(']').next()).collect();
    let two: Vec<&&str> = places.choose_multiple(rng, 2).collect();
    thrifty(&with(&header.replacen(*two[0], two[1], 1)), "weights")?;
    let types: Vec<usize> = header.match_indices("\"F16\"").map(|(at, _)| at).collect();
    let at = types.choose(rng).copied().ok_or("no tensors")?;
    let kind = ["\"I16\"", "\"BF16\"", "\"U16\""].choose(rng).copied().unwrap_or_default();
    let other = format!("{}{kind}{}", &header[..at], &header[at + 5..]);
    names(weights::load(&with(&other)), "F16")?;
    // Numbers that are none.
    let mut none = WEIGHTS.to_vec();
    let at = 8 + n + 2 * rng.random_range(0..(WEIGHTS.len() - 8 - n) / 2);
    let number = [0x7e00u16, 0x7c00, 0xfc00].choose(rng).copied().unwrap_or(0x7e00);
    none[at..at + 2].copy_from_slice(&number.to_le_bytes());
    names(weights::load(&none), "finite")?;
    // One that is another number is found, too.
    none[at..at + 2].copy_from_slice(&WEIGHTS[at..at + 2]);
    none[at] ^= 1;
    names(weights::load(&none), "weights.fingerprint")
}
