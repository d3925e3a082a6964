//! Qwen's way from a picture to rows of numbers: a size in whole blocks, levels normalised, patches in the
//! order in which the vision tower merges them.

use super::error::Result;
use super::picture::Pixels;
use super::resize::resize;
use super::settings::Node;
use types::Rejection;

/// Sides may differ by this factor at most.
const MAX_ASPECT: f64 = 200.0;

/// Settings of the preparation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PatchConfig {
    /// Side of a patch, pixels.
    pub(super) patch: usize,
    /// Pictures that one patch spans; a single picture counts so many times.
    pub(super) temporal: usize,
    /// Patches along each side that become one token.
    pub(super) merge: usize,
    /// Fewest and most pixels of one picture.
    pub(super) pixels: [usize; 2],
    /// Fewest and most pixels of a film, all its pictures together.
    pub(super) film_pixels: [usize; 2],
    pub(super) mean: [f32; 3],
    pub(super) deviation: [f32; 3],
}

/// One picture, or `temporal` pictures of a film, ready for the vision tower.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Patches {
    /// Row by row: a patch is colour, picture, row, column. Patches that merge follow one another.
    pub(super) values: Vec<f32>,
    /// Patches along height and width.
    pub(super) grid: [usize; 2],
    /// Tells pictures apart, for the reuse of what was computed for one.
    pub(super) fingerprint: u64,
}

impl PatchConfig {
    /// From `preprocessor_config.json` (transformers 4) or a part of `processor_config.json`
    /// (transformers 5); `film` is the part for films.
    pub(super) fn new(image: &Node<'_>, film: Option<&Node<'_>>, default_pixels: [usize; 2]) -> Result<Self> {
        let small = |key: &str, default: usize| image.get(key).map_or(Ok(default), |n| n.size(1..=64));
        let three = |key: &str, default: f32| -> Result<[f32; 3]> {
            let Some(node) = image.get(key) else { return Ok([default; 3]) };
            let list = node.list()?.iter().map(|n| n.number(-10.0..=10.0)).collect::<Result<Vec<_>>>()?;
            let list: [f64; 3] = list.try_into().map_err(|_| node.refuse("three numbers"))?;
            Ok(list.map(|v| v as f32))
        };
        for key in ["do_resize", "do_rescale", "do_normalize"] {
            if let Some(node) = image.get(key)
                && !node.flag()?
            {
                return Err(node.refuse("true"));
            }
        }
        // Bicubic, in the numbering of Pillow; levels by 255.
        image.get("resample").map_or(Ok(3), |n| n.size(3..=3))?;
        image.get("rescale_factor").map_or(Ok(0.0), |n| n.number(0.003_921..=0.003_922))?;
        let config = Self {
            patch: small("patch_size", 16)?,
            temporal: small("temporal_patch_size", 2)?,
            merge: small("merge_size", 2)?,
            pixels: pixels_of(image, default_pixels)?,
            film_pixels: film
                .map_or(Ok([default_pixels[0], default_pixels[1]]), |f| pixels_of(f, default_pixels))?,
            mean: three("image_mean", 0.5)?,
            deviation: three("image_std", 0.5)?,
        };
        if let Some(node) = image.get("image_std").filter(|_| config.deviation.iter().any(|d| *d <= 0.0)) {
            return Err(node.refuse("numbers above zero"));
        }
        Ok(config)
    }

    /// One picture.
    pub(super) fn picture(&self, picture: &Pixels) -> Result<Patches> {
        let [h, w] = self.size(picture, 1, 1, self.pixels)?;
        Ok(self.rows(&[&resize(picture, w, h)?]))
    }

    /// A film, `temporal` pictures at a time; the last one fills up what is missing.
    pub(super) fn film(&self, frames: &[Pixels]) -> Result<Vec<Patches>> {
        let [h, w] = self.size(&frames[0], frames.len(), self.temporal, self.film_pixels)?;
        let resized: Result<Vec<Pixels>, Rejection> = frames.iter().map(|f| resize(f, w, h)).collect();
        let resized = resized?;
        Ok(resized.chunks(self.temporal).map(|c| self.rows(&c.iter().collect::<Vec<_>>())).collect())
    }

    /// Height and width to resize to: whole blocks of patches that merge, and between the fewest and the
    /// most pixels, keeping the shape as well as that allows (Qwen's "smart resize").
    fn size(
        &self,
        picture: &Pixels,
        n: usize,
        temporal: usize,
        [fewest, most]: [usize; 2],
    ) -> Result<[usize; 2]> {
        let factor = (self.patch * self.merge) as f64;
        let (mut h, mut w) = (picture.height() as f64, picture.width() as f64);
        if n > 1 && (h < factor || w < factor) {
            let scale = (factor / h).max(factor / w);
            (h, w) = ((h * scale).trunc(), (w * scale).trunc());
        }
        if h.max(w) / h.min(w) > MAX_ASPECT {
            let got = format!("{} × {}", picture.width(), picture.height());
            return Err(Rejection::new("picture", "sides that differ 200-fold at most", got).into());
        }
        let blocks = |side: f64| (side / factor).round_ties_even() * factor;
        let n_even = (n as f64 / temporal as f64).round_ties_even() * temporal as f64;
        let area = n_even * blocks(h) * blocks(w);
        let [h, w] = if area > most as f64 {
            let shrink = (n as f64 * h * w / most as f64).sqrt();
            [h, w].map(|side| ((side / shrink / factor).floor() * factor).max(factor))
        } else if area < fewest as f64 {
            let grow = (fewest as f64 / (n as f64 * h * w)).sqrt();
            [h, w].map(|side| (side * grow / factor).ceil() * factor)
        } else {
            [blocks(h), blocks(w)]
        };
        Ok([h as usize, w as usize])
    }

    fn rows(&self, pictures: &[&Pixels]) -> Patches {
        let (p, m) = (self.patch, self.merge);
        let grid = [pictures[0].height() / p, pictures[0].width() / p];
        // Level v becomes (v / 255 − mean) / deviation, with the 255 on the other side, as the reference has it.
        let level = |c: usize, v: u8| (f32::from(v) - self.mean[c] * 255.0) / (self.deviation[c] * 255.0);
        let table: Vec<[f32; 256]> = (0..3).map(|c| core::array::from_fn(|v| level(c, v as u8))).collect();
        let mut values = Vec::with_capacity(grid[0] * grid[1] * 3 * self.temporal * p * p);
        for (y, x) in merged_order(grid, m) {
            for (c, table) in table.iter().enumerate() {
                for t in 0..self.temporal {
                    let picture = pictures[t.min(pictures.len() - 1)];
                    for row in 0..p {
                        let begin = 3 * ((y * p + row) * picture.width() + x * p) + c;
                        let row = picture.rgb()[begin..].iter().step_by(3).take(p);
                        values.extend(row.map(|v| table[usize::from(*v)]));
                    }
                }
            }
        }
        Patches { values, grid, fingerprint: fingerprint(pictures) }
    }
}

/// Row and column of every patch, block after block of `merge` × `merge`.
pub(super) fn merged_order([h, w]: [usize; 2], merge: usize) -> impl Iterator<Item = (usize, usize)> {
    let blocks = (0..h / merge).flat_map(move |by| (0..w / merge).map(move |bx| (by, bx)));
    blocks.flat_map(move |(by, bx)| {
        (0..merge * merge).map(move |i| (by * merge + i / merge, bx * merge + i % merge))
    })
}

/// FNV-1a (64 bit; Fowler, Noll, Vo) over sides and levels.
fn fingerprint(pictures: &[&Pixels]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |b: u8| hash = (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
    for picture in pictures {
        [picture.width(), picture.height()]
            .iter()
            .for_each(|n| n.to_le_bytes().into_iter().for_each(&mut eat));
        picture.rgb().iter().copied().for_each(&mut eat);
    }
    hash
}

fn pixels_of(node: &Node<'_>, default: [usize; 2]) -> Result<[usize; 2]> {
    let size = node.get("size");
    let of = |keys: [&str; 2], default: usize| -> Result<usize> {
        // The older names win where both stand, as in the reference.
        let found = node.get(keys[0]).or_else(|| size.as_ref()?.get(keys[1]));
        found.map_or(Ok(default), |n| n.size(1..=1 << 31))
    };
    let pixels =
        [of(["min_pixels", "shortest_edge"], default[0])?, of(["max_pixels", "longest_edge"], default[1])?];
    if pixels[0] > pixels[1] {
        return Err(node.refuse("a least number of pixels below the greatest"));
    }
    Ok(pixels)
}
