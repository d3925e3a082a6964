//! JPEG files in, upright: cameras write how they were held beside the picture. And out, where few bytes count.

use crate::files::MAX_SIDE;
use crate::{BridgeError, Canvas};
use jpeg_encoder::{ColorType, Encoder};
use std::path::Path;
use types::Rejection;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// What is written looks well and is a tenth of its pixels: quality, 1 to 100.
const QUALITY: u8 = 80;

/// The largest JPEG file that is read, bytes (B27).
pub const MAX_BYTES: u64 = 64 << 20;

/// Pixels, `height × width × 3`, as the bytes of a JPEG file: the same pixels make the same bytes, on every machine.
///
/// # Errors
/// [`Rejection`] for a side of none or beyond 65,535 pixels, or fewer bytes than pixels.
pub fn bytes((width, height): (usize, usize), rgb: &[u8]) -> Result<Vec<u8>, Rejection> {
    let refuse = |got: String| Rejection::new("jpeg", "a picture with sides of 1 to 65535 pixels", got);
    let side = |v: usize| u16::try_from(v).ok().filter(|v| *v > 0);
    let (Some(w), Some(h)) = (side(width), side(height)) else {
        return Err(refuse(format!("{width} × {height}")));
    };
    let mut out = Vec::new();
    Encoder::new(&mut out, QUALITY).encode(rgb, w, h, ColorType::Rgb).map_err(|e| refuse(e.to_string()))?;
    Ok(out)
}

/// Whether these bytes begin as a JPEG does (ITU-T T.81, B.1.1.3: start of image, then a marker).
pub(crate) fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff])
}

/// Decodes a JPEG of grey, colour or four inks to 8-bit colour, turned upright by its Exif orientation.
pub(crate) fn decode(path: &Path, bytes: &[u8]) -> Result<Canvas, BridgeError> {
    let bad = |what: String| BridgeError::Picture { path: path.display().to_string(), what };
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE as usize)
        .set_max_height(MAX_SIDE as usize)
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder
        .decode_headers()
        .map_err(|e| bad(format!("expected a JPEG picture: {}", e.to_string().trim())))?;
    let (w, h) = decoder.dimensions().unwrap_or_default();
    if w == 0 || h == 0 || w > MAX_SIDE as usize || h > MAX_SIDE as usize {
        return Err(bad(format!("expected sides of 1 to {MAX_SIDE} pixels, got {w} × {h}")));
    }
    let orientation = decoder.exif().and_then(|e| orientation(e)).unwrap_or(1);
    let rgb = decoder.decode().map_err(|e| bad(format!("the JPEG is damaged: {}", e.to_string().trim())))?;
    if rgb.len() != 3 * w * h {
        return Err(bad(format!("expected {} bytes of colour, got {}", 3 * w * h, rgb.len())));
    }
    Ok(upright(&Canvas::from_rgb(w, h, rgb), orientation))
}

/// The orientation, 1 to 8, out of an Exif block (CIPA DC-008, tag 0x0112); `None` where it says
/// nothing sensible.
fn orientation(exif: &[u8]) -> Option<u16> {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let little = match tiff.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let b: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(b) } else { u16::from_be_bytes(b) })
    };
    let long = |at: usize| -> Option<usize> {
        let b: [u8; 4] = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(if little { u32::from_le_bytes(b) } else { u32::from_be_bytes(b) }).ok()
    };
    let directory = long(4)?;
    let entries = usize::from(short(directory)?);
    let tag = (0..entries).map(|i| directory + 2 + 12 * i).find(|at| short(*at) == Some(0x0112))?;
    short(tag + 8).filter(|o| (1..=8).contains(o))
}

/// The picture as it was meant to be seen: orientations 2 to 8 are mirrored, turned, or both.
fn upright(canvas: &Canvas, orientation: u16) -> Canvas {
    let (w, h) = (canvas.width(), canvas.height());
    let (out_w, out_h) = if orientation >= 5 { (h, w) } else { (w, h) };
    let from = |x: usize, y: usize| match orientation {
        2 => (w - 1 - x, y),
        3 => (w - 1 - x, h - 1 - y),
        4 => (x, h - 1 - y),
        5 => (y, x),
        6 => (y, h - 1 - x),
        7 => (w - 1 - y, h - 1 - x),
        8 => (w - 1 - y, x),
        _ => (x, y),
    };
    let mut rgb = Vec::with_capacity(3 * w * h);
    for y in 0..out_h {
        for x in 0..out_w {
            let (column, row) = from(x, y);
            rgb.extend_from_slice(&canvas.rgb()[3 * (row * w + column)..][..3]);
        }
    }
    Canvas::from_rgb(out_w, out_h, rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 32 × 16: left half red, right half blue, the lower half of the right one white.
    fn picture() -> Vec<u8> {
        let tone = |x: usize, y: usize| match (x < 16, y < 8) {
            (true, _) => [220, 20, 20],
            (false, true) => [20, 20, 220],
            (false, false) => [240, 240, 240],
        };
        (0..16).flat_map(|y| (0..32).flat_map(move |x| tone(x, y))).collect()
    }

    fn exif(orientation: u16) -> Vec<u8> {
        let mut e = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".to_vec();
        e.extend(orientation.to_be_bytes());
        e.extend([0; 6]);
        e
    }

    fn encode(pixels: &[u8], color: ColorType, block: Option<&[u8]>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 95);
        if let Some(block) = block {
            encoder.add_app_segment(1, block.to_vec()).expect("a segment");
        }
        encoder.encode(pixels, 32, 16, color).expect("encoded");
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Canvas, BridgeError> {
        decode(Path::new("p.jpg"), bytes)
    }

    fn at(c: &Canvas, x: usize, y: usize) -> [u8; 3] {
        let i = 3 * (y * c.width() + x);
        [c.rgb()[i], c.rgb()[i + 1], c.rgb()[i + 2]]
    }

    fn is(c: &Canvas, (x, y): (usize, usize), want: [u8; 3]) -> bool {
        at(c, x, y).iter().zip(want).all(|(a, b)| a.abs_diff(b) < 25)
    }

    #[test]
    fn colour_grey_and_four_inks_read_as_what_they_show() {
        let c = read(&encode(&picture(), ColorType::Rgb, None)).expect("colour");
        assert_eq!((c.width(), c.height()), (32, 16));
        assert!(is(&c, (3, 3), [220, 20, 20]) && is(&c, (28, 3), [20, 20, 220]));
        let grey: Vec<u8> = (0..32 * 16).map(|i| if i % 32 < 16 { 60 } else { 200 }).collect();
        let c = read(&encode(&grey, ColorType::Luma, None)).expect("grey");
        assert!(is(&c, (3, 3), [60; 3]) && is(&c, (28, 3), [200; 3]));
        // No cyan, full magenta and yellow, no black: red (B27).
        let inks: Vec<u8> = (0..32 * 16).flat_map(|_| [0, 255, 255, 0]).collect();
        let c = read(&encode(&inks, ColorType::Cmyk, None)).expect("four inks");
        assert!(at(&c, 5, 5)[0] > 200 && at(&c, 5, 5)[1] < 60, "{:?}", at(&c, 5, 5));
    }

    #[test]
    fn what_is_written_reads_as_what_it_was_and_a_picture_without_pixels_is_refused() {
        let written = bytes((32, 16), &picture()).expect("a picture");
        assert!(is_jpeg(&written) && written.len() < 32 * 16 * 3, "{} bytes", written.len());
        let c = read(&written).expect("colour");
        assert_eq!((c.width(), c.height()), (32, 16));
        assert!(is(&c, (3, 3), [220, 20, 20]) && is(&c, (28, 3), [20, 20, 220]));
        assert_eq!(bytes((32, 16), &picture()).expect("again"), written);
        for (size, rgb) in [((0, 16), &picture()[..]), ((32, 65_536), &[]), ((32, 16), &[1, 2, 3])] {
            assert!(bytes(size, rgb).is_err(), "{size:?}");
        }
    }

    #[test]
    fn a_picture_is_turned_as_it_was_held() {
        // Where the blue corner (top right of the plain picture) comes to lie, and the sides.
        let corners = [
            (1, (28, 3), (32, 16)),
            (2, (3, 3), (32, 16)),
            (3, (3, 12), (32, 16)),
            (4, (28, 12), (32, 16)),
            (5, (3, 28), (16, 32)),
            (6, (12, 28), (16, 32)),
            (7, (12, 3), (16, 32)),
            (8, (3, 3), (16, 32)),
        ];
        for (orientation, corner, size) in corners {
            let c = read(&encode(&picture(), ColorType::Rgb, Some(&exif(orientation)))).expect("a picture");
            assert_eq!((c.width(), c.height()), size, "B27: orientation {orientation}");
            assert!(is(&c, corner, [20, 20, 220]), "B27: orientation {orientation}");
        }
        for nonsense in [0, 9, 77] {
            let c = read(&encode(&picture(), ColorType::Rgb, Some(&exif(nonsense)))).expect("a picture");
            assert!(is(&c, (28, 3), [20, 20, 220]), "B27: orientation {nonsense}");
        }
    }

    #[test]
    fn a_truncated_or_spoilt_jpeg_is_refused_or_read_and_never_panics() {
        let bytes = encode(&picture(), ColorType::Rgb, Some(&exif(6)));
        for n in 0..bytes.len() * 3 / 4 {
            assert!(read(&bytes[..n]).is_err(), "B27: {n} of {} bytes", bytes.len());
        }
        for i in 0..bytes.len() {
            let mut spoilt = bytes.clone();
            spoilt[i] ^= 0x5a;
            let _ = read(&spoilt);
        }
        let cut = exif(3);
        for n in 0..cut.len() {
            let _ = orientation(&cut[..n]);
        }
        assert_eq!(orientation(&cut), Some(3));
    }
}
