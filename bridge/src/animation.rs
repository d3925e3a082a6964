//! Animated pictures (GIF) of an episode.

use crate::{BridgeError, Canvas};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// Frames of one size, shown in a loop.
pub struct Animation {
    path: PathBuf,
    size: (u16, u16),
    encoder: gif::Encoder<BufWriter<File>>,
    frames: usize,
}

impl Animation {
    /// Starts an animated picture of `width × height` pixels.
    ///
    /// # Errors
    /// [`BridgeError`] when the file cannot be written or a side is beyond 65,535.
    pub fn create(path: &Path, width: usize, height: usize) -> Result<Self, BridgeError> {
        let side = |v: usize| {
            u16::try_from(v).map_err(|_| BridgeError::Picture {
                path: path.display().to_string(),
                what: format!("expected a side of at most 65535 pixels, got {v}"),
            })
        };
        let size = (side(width)?, side(height)?);
        let file = File::create(path).map_err(BridgeError::io(path))?;
        let mut encoder =
            gif::Encoder::new(BufWriter::new(file), size.0, size.1, &[]).map_err(|e| encoding(path, &e))?;
        encoder.set_repeat(gif::Repeat::Infinite).map_err(|e| encoding(path, &e))?;
        Ok(Self { path: path.to_owned(), size, encoder, frames: 0 })
    }

    /// Adds a frame that is shown for `centiseconds`; one of another size is left out.
    ///
    /// # Errors
    /// [`BridgeError::Io`] when the file cannot be written.
    pub fn push(&mut self, canvas: &Canvas, centiseconds: u16) -> Result<(), BridgeError> {
        if (canvas.width(), canvas.height()) != (usize::from(self.size.0), usize::from(self.size.1)) {
            return Ok(());
        }
        let mut frame = gif::Frame::from_rgb_speed(self.size.0, self.size.1, canvas.rgb(), 20);
        frame.delay = centiseconds;
        self.frames += 1;
        self.encoder.write_frame(&frame).map_err(|e| encoding(&self.path, &e))
    }

    /// How many frames there are.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames
    }
}

fn encoding(path: &Path, e: &gif::EncodingError) -> BridgeError {
    BridgeError::Io { path: path.display().to_string(), source: std::io::Error::other(e.to_string()) }
}
