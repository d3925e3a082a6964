//! Pictures as cameras of others say them, made into those that are read here.

use super::Image;
use types::Rejection;

/// No side of a picture is longer, pixels.
const LONGEST: u32 = 16_384;
const BYTES_PER_COLOUR: u32 = 3;
const BYTES_PER_METRES: u32 = 4;
const MILLIMETRES: f32 = 1e3;
/// Depths that are looked at together.
const BLOCK: usize = 256;

/// What depth cameras tell, as a depth here, m.
pub(super) fn metres_of(millimetres: [u8; 2]) -> f32 {
    f32::from(u16::from_le_bytes(millimetres)) / MILLIMETRES
}

/// Depths, m, in the millimetres that they were told in; `None` when one is none to the last bit.
pub(super) fn in_millimetres(metres: &[f32]) -> Option<Vec<u8>> {
    let mut out = vec![0; 2 * metres.len()];
    // By the block, without a branch inside: that is a vector's work.
    for (metres, out) in metres.chunks(BLOCK).zip(out.as_chunks_mut().0.chunks_mut(BLOCK)) {
        let mut is_told = true;
        for (z, out) in metres.iter().zip(out) {
            // What is beyond becomes the nearest that there is.
            *out = ((z * MILLIMETRES + 0.5) as u16).to_le_bytes();
            is_told &= metres_of(*out).to_bits() == z.to_bits();
        }
        if !is_told {
            return None;
        }
    }
    Some(out)
}

impl Image {
    /// The same picture as `rgb8` without gaps between rows, from `rgb8`, `bgr8`, `rgba8`, `bgra8` or `mono8`.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field: another encoding, rows that are too short, fewer bytes than rows (B27).
    pub fn colours(self) -> Result<Self, Rejection> {
        let (bytes, order): (usize, [usize; 3]) = match self.encoding.as_str() {
            "rgb8" => (3, [0, 1, 2]),
            "bgr8" => (3, [2, 1, 0]),
            "rgba8" => (4, [0, 1, 2]),
            "bgra8" => (4, [2, 1, 0]),
            "mono8" => (1, [0, 0, 0]),
            other => {
                let expected = "rgb8, bgr8, rgba8, bgra8 or mono8";
                return Err(Rejection::new("image.encoding", expected, format!("{other:?}")));
            }
        };
        let mut data = Vec::new();
        for row in self.rows(bytes)? {
            data.extend(row.chunks_exact(bytes).flat_map(|p| order.map(|i| p[i])));
        }
        Ok(self.with("rgb8", BYTES_PER_COLOUR, data))
    }

    /// The same depths as `32FC1`, metres, little endian, without gaps between rows, from `32FC1` or `16UC1`, millimetres.
    ///
    /// # Errors
    /// As [`Self::colours`]; and for depths in big endian.
    pub fn metres(self) -> Result<Self, Rejection> {
        let bytes = match self.encoding.as_str() {
            "32FC1" => 4,
            "16UC1" => 2,
            other => return Err(Rejection::new("image.encoding", "32FC1 or 16UC1", format!("{other:?}"))),
        };
        if self.is_bigendian != 0 {
            return Err(Rejection::new("image.is_bigendian", "0", self.is_bigendian.to_string()));
        }
        let mut data = Vec::new();
        for row in self.rows(bytes)? {
            if bytes == 4 {
                data.extend_from_slice(row);
                continue;
            }
            data.extend(row.as_chunks().0.iter().flat_map(|p| metres_of(*p).to_le_bytes()));
        }
        Ok(self.with("32FC1", BYTES_PER_METRES, data))
    }

    /// Its rows without what stands behind them.
    fn rows(&self, bytes: usize) -> Result<impl Iterator<Item = &[u8]>, Rejection> {
        for (field, side) in [("image.width", self.width), ("image.height", self.height)] {
            if !(1..=LONGEST).contains(&side) {
                return Err(Rejection::new(field, format!("1 to {LONGEST}"), side.to_string()));
            }
        }
        let (row, step) = (bytes * self.width as usize, self.step as usize);
        if step < row {
            return Err(Rejection::new("image.step", format!("{row} bytes or more"), step.to_string()));
        }
        let height = self.height as usize;
        // The last row may end with its last pixel.
        let least = step.saturating_mul(height - 1).saturating_add(row);
        if self.data.len() < least {
            let got = self.data.len().to_string();
            return Err(Rejection::new("image.data", format!("{least} bytes or more"), got));
        }
        Ok((0..height).map(move |y| &self.data[y * step..y * step + row]))
    }

    fn with(self, encoding: &str, bytes: u32, data: Vec<u8>) -> Self {
        Self { encoding: encoding.to_owned(), is_bigendian: 0, step: bytes * self.width, data, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ros::Header;

    fn image(encoding: &str, step: u32, data: Vec<u8>) -> Image {
        let (encoding, header) = (encoding.to_owned(), Header::default());
        Image { header, height: 2, width: 2, encoding, is_bigendian: 0, step, data }
    }

    #[test]
    fn colours_of_any_order_become_red_green_blue_and_gaps_go() {
        let rgb: Vec<u8> = (1..=12).collect();
        let swapped = vec![3, 2, 1, 6, 5, 4, 0, 9, 8, 7, 12, 11, 10];
        let with_alpha = vec![1, 2, 3, 255, 4, 5, 6, 255, 7, 8, 9, 255, 10, 11, 12, 255];
        for (encoding, step, data) in
            [("rgb8", 6, rgb.clone()), ("bgr8", 7, swapped), ("rgba8", 8, with_alpha)]
        {
            let made = image(encoding, step, data).colours().expect(encoding);
            assert_eq!((made.encoding.as_str(), made.step, &made.data), ("rgb8", 6, &rgb), "{encoding}");
        }
        let grey = image("mono8", 2, vec![1, 2, 3, 4]).colours().expect("grey");
        assert_eq!(grey.data, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
    }

    #[test]
    fn depths_that_were_millimetres_are_those_again_and_no_others_become_some() {
        let all: Vec<f32> = (0..=u16::MAX).map(|mm| metres_of(mm.to_le_bytes())).collect();
        let told: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        assert!(in_millimetres(&all) == Some(told));
        for other in [0.000_5, 1.000_5, 65.536, -0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert_eq!(in_millimetres(&[1.0, other]), None, "{other}");
        }
    }

    #[test]
    fn millimetres_become_metres_and_what_is_no_picture_is_refused_by_name() {
        let made = image("16UC1", 4, vec![0, 0, 0xe8, 3, 0xd0, 7, 1, 0]).metres().expect("millimetres");
        let (values, _) = made.data.as_chunks::<4>();
        let metres: Vec<f32> = values.iter().map(|b| f32::from_le_bytes(*b)).collect();
        assert_eq!(metres, [0.0, 1.0, 2.0, 0.001]);
        let field = |r: Result<Image, Rejection>| r.expect_err("B27").field;
        assert_eq!(field(image("yuv422", 4, vec![0; 8]).colours()), "image.encoding");
        assert_eq!(field(image("rgb8", 5, vec![0; 12]).colours()), "image.step");
        assert_eq!(field(image("rgb8", 6, vec![0; 11]).colours()), "image.data");
        assert_eq!(field(image("rgb8", u32::MAX, vec![0; 11]).colours()), "image.data");
        assert_eq!(field(image("rgb8", 4, vec![]).metres()), "image.encoding");
        assert_eq!(
            field(Image { is_bigendian: 1, ..image("32FC1", 8, vec![0; 16]) }.metres()),
            "image.is_bigendian"
        );
        assert_eq!(field(Image { height: 0, ..image("rgb8", 6, vec![]) }.colours()), "image.height");
        assert_eq!(field(Image { width: u32::MAX, ..image("rgb8", 6, vec![]) }.colours()), "image.width");
    }
}
