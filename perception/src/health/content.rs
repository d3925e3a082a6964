//! What a picture's content says of the camera, from every byte once (its hash) and some pixels.

use types::Image;

/// Columns of a signature.
const COLS: usize = 16;
/// Rows of a signature.
const ROWS: usize = 12;
/// Pixels looked at per cell side.
const PER_CELL: usize = 4;

/// Statistics of one picture.
pub(crate) struct Content {
    /// Of all bytes.
    pub(crate) hash: u64,
    pub(crate) signature: Signature,
    mean: f32,
    deviation: f32,
    /// Share of pixels at full white.
    white: f32,
    /// Mean difference of neighbouring pixels by the deviation: 1.13 for white noise.
    roughness: f32,
}

impl Content {
    /// Looks at a picture.
    pub(crate) fn of(image: &Image) -> Self {
        let (w, h) = image.size();
        let rgb = &image.rgb;
        let luma = |x: usize, y: usize| {
            let at = 3 * (y * w + x);
            (f32::from(rgb[at]) + 2.0 * f32::from(rgb[at + 1]) + f32::from(rgb[at + 2])) / 4.0
        };
        let (nx, ny) = (COLS * PER_CELL, ROWS * PER_CELL);
        let mut cells = vec![0.0f32; COLS * ROWS];
        let (mut sum, mut squares, mut white, mut steps) = (0.0f32, 0.0f32, 0.0f32, 0.0f32);
        for j in 0..ny {
            for i in 0..nx {
                let (x, y) =
                    (((2 * i + 1) * w / (2 * nx)).min(w - 1), ((2 * j + 1) * h / (2 * ny)).min(h - 1));
                let v = luma(x, y);
                cells[(j / PER_CELL) * COLS + i / PER_CELL] += v / (PER_CELL * PER_CELL) as f32;
                sum += v;
                squares += v * v;
                white += if v > 250.0 { 1.0 } else { 0.0 };
                steps += (v - luma((x + 1).min(w - 1), y)).abs();
            }
        }
        let n = (nx * ny) as f32;
        let mean = sum / n;
        let deviation = (squares / n - mean * mean).max(0.0).sqrt();
        Self {
            hash: hash(rgb),
            signature: Signature { cells },
            mean,
            deviation,
            white: white / n,
            roughness: steps / n / deviation.max(1e-3),
        }
    }

    /// Why nothing can be seen in it (F10).
    pub(crate) fn blindness(&self) -> Option<&'static str> {
        if self.mean < 8.0 {
            Some("is black")
        } else if self.white > 0.9 || self.mean > 250.0 {
            Some("is saturated")
        } else if self.deviation < 2.0 {
            Some("shows nothing")
        } else if self.deviation > 20.0 && self.roughness > 0.7 {
            Some("is noise")
        } else {
            None
        }
    }
}

/// Eight bytes at a time, multiplied and folded: quick, and any changed bit changes it.
fn hash(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mix = |h: u64, v: u64| {
        let h = (h ^ v).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        h ^ (h >> 29)
    };
    let h = words.iter().fold(bytes.len() as u64, |h, w| mix(h, u64::from_le_bytes(*w)));
    rest.iter().fold(h, |h, b| mix(h, u64::from(*b)))
}

/// The picture's brightness on a coarse grid.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    cells: Vec<f32>,
}

/// Share of a new picture in the reference.
const FOLLOW: f32 = 0.05;

impl Signature {
    /// Moves a little towards another one.
    pub(crate) fn follow(&mut self, other: &Self) {
        self.cells.iter_mut().zip(&other.cells).for_each(|(a, b)| *a += FOLLOW * (b - *a));
    }

    fn correlation<'a>(&'a self, other: impl Iterator<Item = &'a f32> + Clone) -> f32 {
        let n = self.cells.len() as f32;
        let (ma, mb) = (self.cells.iter().sum::<f32>() / n, other.clone().sum::<f32>() / n);
        let (mut ab, mut aa, mut bb) = (0.0f32, 1e-6f32, 1e-6f32);
        for (a, b) in self.cells.iter().zip(other) {
            let (a, b) = (a - ma, b - mb);
            ab += a * b;
            aa += a * a;
            bb += b * b;
        }
        ab / (aa * bb).sqrt()
    }

    /// Whether it looks like the reference turned by half a turn, and not like the reference.
    pub(crate) fn is_turned(&self, reference: &Self) -> bool {
        let (plain, turned) =
            (self.correlation(reference.cells.iter()), self.correlation(reference.cells.iter().rev()));
        turned > 0.5 && turned > plain + 0.25
    }

    /// Whether it looks like nothing the reference has.
    pub(crate) fn is_unlike(&self, reference: &Self) -> bool {
        self.correlation(reference.cells.iter()) < 0.2
    }
}

/// Share of the pixels with depth that lie on the table's plane (within 2 cm); `None` without enough
/// depth, or when the camera does not look down. An upside-down picture, or one of another place, has
/// almost none.
pub(crate) fn table_share(image: &Image) -> Option<f32> {
    let (w, h) = image.size();
    image.depth.as_ref()?;
    let ahead = image.world_from_optical.vector(nalgebra::Vector3::z());
    if ahead.z > -0.3 {
        return None;
    }
    let (mut table, mut known) = (0u32, 0u32);
    for j in 0..ROWS * 2 {
        for i in 0..COLS * 2 {
            let (x, y) = ((2 * i + 1) * w / (4 * COLS), (2 * j + 1) * h / (4 * ROWS));
            let Some(p) = image.point_in_world(x.min(w - 1), y.min(h - 1)) else { continue };
            known += 1;
            table += u32::from(p.z.abs() < 0.02);
        }
    }
    (known > 64).then(|| table as f32 / known as f32)
}
