//! Picture files: PNG out, PNG and JPEG in.

use crate::{BridgeError, Canvas, jpeg};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write};
use std::path::Path;

/// The largest picture side that is read, pixels (B27).
pub const MAX_SIDE: u32 = 8192;

/// Writes a canvas as PNG.
///
/// # Errors
/// [`BridgeError::Io`] when the file cannot be written.
pub fn write_png(path: &Path, canvas: &Canvas) -> Result<(), BridgeError> {
    let file = File::create(path).map_err(BridgeError::io(path))?;
    encode(canvas, BufWriter::new(file)).map_err(|e| BridgeError::Io {
        path: path.display().to_string(),
        source: std::io::Error::other(e.to_string()),
    })
}

/// A canvas as the bytes of a PNG file.
#[must_use]
pub fn png_bytes(canvas: &Canvas) -> Vec<u8> {
    let mut out = Vec::new();
    // Memory takes whatever is written; a canvas without pixels is no picture, and no file.
    if encode(canvas, &mut out).is_err() {
        out.clear();
    }
    out
}

fn encode(canvas: &Canvas, to: impl Write) -> Result<(), png::EncodingError> {
    let mut encoder = png::Encoder::new(to, canvas.width() as u32, canvas.height() as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(canvas.rgb())?;
    writer.finish()
}

/// Reads a PNG or JPEG, whatever its name says, as 8-bit colour.
///
/// # Errors
/// As [`read_png`]; [`BridgeError::Picture`] for a JPEG file above [`jpeg::MAX_BYTES`] too.
pub fn read_picture(path: &Path) -> Result<Canvas, BridgeError> {
    let mut file = File::open(path).map_err(BridgeError::io(path))?;
    let mut begin = [0; 3];
    let n = file.read(&mut begin).map_err(BridgeError::io(path))?;
    if !jpeg::is_jpeg(&begin[..n]) {
        return read_png(path);
    }
    let size = file.metadata().map_err(BridgeError::io(path))?.len();
    if size > jpeg::MAX_BYTES {
        let what = format!("expected a file of at most {} bytes, got {size}", jpeg::MAX_BYTES);
        return Err(BridgeError::Picture { path: path.display().to_string(), what });
    }
    jpeg::decode(path, &std::fs::read(path).map_err(BridgeError::io(path))?)
}

/// The bytes of a PNG or JPEG file as 8-bit colour; `name` is for messages.
///
/// # Errors
/// As [`read_picture`].
pub fn picture(name: &Path, bytes: &[u8]) -> Result<Canvas, BridgeError> {
    if !jpeg::is_jpeg(bytes) {
        return decode_png(name, std::io::Cursor::new(bytes));
    }
    if bytes.len() as u64 > jpeg::MAX_BYTES {
        let what = format!("expected a file of at most {} bytes, got {}", jpeg::MAX_BYTES, bytes.len());
        return Err(BridgeError::Picture { path: name.display().to_string(), what });
    }
    jpeg::decode(name, bytes)
}

/// Reads a PNG of any colour type and depth as 8-bit colour.
///
/// # Errors
/// [`BridgeError::Picture`] for what is no PNG, is truncated, empty, or has a side beyond
/// [`MAX_SIDE`]; nothing is allocated for a picture that is refused (B27).
pub fn read_png(path: &Path) -> Result<Canvas, BridgeError> {
    let file = File::open(path).map_err(BridgeError::io(path))?;
    decode_png(path, BufReader::new(file))
}

fn decode_png(path: &Path, from: impl std::io::BufRead + std::io::Seek) -> Result<Canvas, BridgeError> {
    let bad = |what: String| BridgeError::Picture { path: path.display().to_string(), what };
    let limits = png::Limits { bytes: 4 * MAX_SIDE as usize * MAX_SIDE as usize };
    let mut decoder = png::Decoder::new_with_limits(from, limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|e| bad(format!("expected a PNG or JPEG picture: {e}")))?;
    let (w, h) = (reader.info().width, reader.info().height);
    if w == 0 || h == 0 || w > MAX_SIDE || h > MAX_SIDE {
        return Err(bad(format!("expected sides of 1 to {MAX_SIDE} pixels, got {w} × {h}")));
    }
    let size = reader.output_buffer_size().ok_or_else(|| bad("the picture is too large".into()))?;
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(|e| bad(format!("the PNG is damaged: {e}")))?;
    let pixels = bytes.get(..frame.buffer_size()).unwrap_or(&bytes);
    let rgb: Vec<u8> = match frame.color_type {
        png::ColorType::Rgb => pixels.to_vec(),
        png::ColorType::Rgba => pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect(),
        png::ColorType::Grayscale => pixels.iter().flat_map(|v| [*v; 3]).collect(),
        png::ColorType::GrayscaleAlpha => pixels.chunks_exact(2).flat_map(|p| [p[0]; 3]).collect(),
        png::ColorType::Indexed => return Err(bad("expected colours, got palette indices".into())),
    };
    Ok(Canvas::from_rgb(w as usize, h as usize, rgb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_picture_reads_back_and_every_truncation_of_it_is_refused() {
        let dir = std::env::temp_dir().join(format!("sinew-png-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("temp dir");
        let path = dir.join("a.png");
        let mut canvas = Canvas::new(7, 5, [10, 200, 30]);
        canvas.text(0, 0, "A", [255, 0, 0], 1);
        write_png(&path, &canvas).expect("written");
        assert_eq!(read_png(&path).expect("read"), canvas);
        let bytes = std::fs::read(&path).expect("bytes");
        let cut = dir.join("cut.png");
        for n in 0..bytes.len() - 16 {
            std::fs::write(&cut, &bytes[..n]).expect("written");
            assert!(read_png(&cut).is_err(), "B27: {n} of {} bytes", bytes.len());
        }
        assert_eq!(read_picture(&path).expect("read"), canvas);
        std::fs::write(&cut, b"GIF89a is neither").expect("written");
        assert!(read_picture(&cut).expect_err("B27").to_string().contains("expected a PNG"));
        std::fs::write(&cut, b"\xff\xd8\xff\xe0 says that it is a JPEG").expect("written");
        assert!(read_picture(&cut).expect_err("B27").to_string().contains("JPEG"));
        std::fs::remove_dir_all(&dir).expect("removed");
    }

    #[test]
    fn a_png_of_every_kind_and_depth_shows_the_same_in_eight_bits() {
        use png::{BitDepth, ColorType};
        let written = |kind: ColorType, depth: BitDepth, data: &[u8]| {
            let mut bytes = Vec::new();
            let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
            encoder.set_color(kind);
            encoder.set_depth(depth);
            if kind == ColorType::Indexed {
                encoder.set_palette(vec![0, 0, 0, 255, 255, 255]);
            }
            encoder.write_header().expect("a header").write_image_data(data).expect("data");
            bytes
        };
        // Black and white; the second byte of 16 bits is the lesser one.
        let cases: [(ColorType, BitDepth, &[u8]); 8] = [
            (ColorType::Grayscale, BitDepth::One, &[0b0100_0000]),
            (ColorType::Grayscale, BitDepth::Eight, &[0, 255]),
            (ColorType::Grayscale, BitDepth::Sixteen, &[0, 9, 255, 255]),
            (ColorType::GrayscaleAlpha, BitDepth::Sixteen, &[0, 0, 1, 2, 255, 255, 3, 4]),
            (ColorType::Rgb, BitDepth::Eight, &[0, 0, 0, 255, 255, 255]),
            (ColorType::Rgb, BitDepth::Sixteen, &[0, 7, 0, 7, 0, 7, 255, 0, 255, 0, 255, 0]),
            (ColorType::Rgba, BitDepth::Sixteen, &[0, 0, 0, 0, 0, 0, 1, 1, 255, 9, 255, 9, 255, 9, 1, 1]),
            (ColorType::Indexed, BitDepth::One, &[0b0100_0000]),
        ];
        for (kind, depth, data) in cases {
            let canvas = picture(Path::new("any.png"), &written(kind, depth, data));
            let canvas = canvas.unwrap_or_else(|e| panic!("B27: {kind:?} of {depth:?}: {e}"));
            assert_eq!(canvas.rgb(), [0, 0, 0, 255, 255, 255], "B27: {kind:?} of {depth:?}");
        }
    }
}
