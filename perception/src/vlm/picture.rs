//! Pictures and films as they are handed to a model.

use types::{Image, Rejection};

/// Longest side of a picture, pixels (B27).
pub const MAX_SIDE: usize = 8192;
/// Most pictures of one film.
pub const MAX_FRAMES: usize = 768;

/// Red, green and blue of 0 to 255, row by row from the top left.
#[derive(Clone, PartialEq, Eq)]
pub struct Pixels {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// Refuses sides of 0 or beyond [`MAX_SIDE`], before memory is taken for them (B27).
pub(super) fn check_sides(width: usize, height: usize) -> Result<(), Rejection> {
    if (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) {
        return Ok(());
    }
    let got = format!("{width} × {height}");
    Err(Rejection::new("picture", format!("sides of 1 to {MAX_SIDE} pixels"), got))
}

impl core::fmt::Debug for Pixels {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Pixels({} × {})", self.width, self.height)
    }
}

impl Pixels {
    /// A picture of `width` × `height`.
    ///
    /// # Errors
    /// A [`Rejection`] for a side of 0 or beyond [`MAX_SIDE`], or another number of values than
    /// 3 · width · height (B27).
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Result<Self, Rejection> {
        check_sides(width, height)?;
        if rgb.len() != 3 * width * height {
            let expected = format!("{} values for {width} × {height} pixels", 3 * width * height);
            return Err(Rejection::new("picture", expected, rgb.len().to_string()));
        }
        Ok(Self { width, height, rgb })
    }

    /// A camera's picture.
    ///
    /// # Errors
    /// As [`Pixels::new`].
    pub fn from_image(image: &Image) -> Result<Self, Rejection> {
        let (width, height) = (image.intrinsics.width as usize, image.intrinsics.height as usize);
        Self::new(width, height, image.rgb.to_vec())
    }

    /// Pixels in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The values, 3 · width · height of them.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }
}

/// What stands before the sentence in a prompt.
#[derive(Clone, Debug, PartialEq)]
pub enum Medium {
    /// One picture.
    Picture(Pixels),
    /// Pictures of one shape, each with its time since the beginning, seconds, rising.
    Film {
        /// The pictures, 2 to [`MAX_FRAMES`] of them.
        frames: Vec<Pixels>,
        /// When each was taken.
        seconds: Vec<f64>,
    },
}

impl Medium {
    /// Refuses what is no film.
    pub(super) fn check(&self) -> Result<(), Rejection> {
        let Self::Film { frames, seconds } = self else { return Ok(()) };
        if !(2..=MAX_FRAMES).contains(&frames.len()) || frames.len() != seconds.len() {
            let expected = format!("2 to {MAX_FRAMES} pictures with a time each");
            let got = format!("{} pictures, {} times", frames.len(), seconds.len());
            return Err(Rejection::new("film", expected, got));
        }
        if frames.iter().any(|f| (f.width, f.height) != (frames[0].width, frames[0].height)) {
            return Err(Rejection::new("film", "pictures of one shape", "several shapes"));
        }
        let rises = seconds.windows(2).all(|w| w[0] <= w[1]);
        if !rises || seconds.iter().any(|s| !(0.0..=1e6).contains(s)) {
            return Err(Rejection::new("film.seconds", "rising times of 0 to 1e6 s", format!("{seconds:?}")));
        }
        Ok(())
    }
}
