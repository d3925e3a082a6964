//! Qwen's way from a picture to rows of numbers: a size in whole blocks, levels normalised, patches in the
//! order in which the vision tower merges them.

use super::error::Result;
use super::picture::{Pixels, check_sides};
use super::resize::{Filter, resize};
use super::settings::{Node, read_json};
use candle_core::{DType, Device, Tensor};
use serde_json::Value;
use std::path::Path;
use types::Rejection;

/// Sides may differ by this factor at most.
const MAX_ASPECT: f64 = 200.0;

/// How a picture is cut up, and its levels made numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cut {
    /// Side of a patch, pixels.
    pub(super) patch: usize,
    /// Pictures that one patch spans; a single picture counts so many times.
    pub(super) temporal: usize,
    /// Patches along each side that become one token.
    pub(super) merge: usize,
    pub(super) mean: [f32; 3],
    pub(super) deviation: [f32; 3],
}

/// What the pixels of a film are counted over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Budget {
    /// All its pictures together.
    Film,
    /// Each picture; where a number of tokens is given, no picture has more than its share of those either.
    Picture(Option<usize>),
}

/// Settings of the preparation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PatchConfig {
    pub(super) cut: Cut,
    /// Fewest and most pixels of one picture.
    pub(super) pixels: [usize; 2],
    /// Fewest and most pixels of a film, counted as `budget` says.
    pub(super) film_pixels: [usize; 2],
    pub(super) budget: Budget,
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

impl Patches {
    /// The values, (patches, values of a patch).
    pub(super) fn tensor(&self, device: &Device, dtype: DType) -> Result<Tensor> {
        let n = self.grid[0] * self.grid[1];
        Ok(Tensor::from_slice(&self.values, (n, self.values.len() / n), device)?.to_dtype(dtype)?)
    }
}

/// The files that say how pictures and films are prepared.
pub(super) struct Processors {
    new: Option<Value>,
    old: Option<Value>,
    film: Option<Value>,
}

impl Processors {
    const NEW: &str = "processor_config.json";
    pub(super) const OLD: &str = "preprocessor_config.json";
    const FILM: &str = "video_preprocessor_config.json";

    pub(super) fn read(dir: &Path) -> Result<Self> {
        Ok(Self {
            new: read_json(dir, Self::NEW)?,
            old: read_json(dir, Self::OLD)?,
            film: read_json(dir, Self::FILM)?,
        })
    }

    /// All of `processor_config.json`, where there is one.
    pub(super) fn whole(&self) -> Option<Node<'_>> {
        self.new.as_ref().map(|json| Node::root(Self::NEW, json))
    }

    /// What counts for pictures: a part of `processor_config.json` (transformers 5), or
    /// `preprocessor_config.json` (transformers 4).
    pub(super) fn image(&self) -> Result<Node<'_>> {
        let new = self.whole().and_then(|n| n.get("image_processor"));
        let old = self.old.as_ref().map(|json| Node::root(Self::OLD, json));
        new.or(old).ok_or_else(|| Rejection::new(Self::OLD, "a file", "none").into())
    }

    /// What counts for films: the same for theirs, or what counts for pictures in the older layout.
    pub(super) fn film(&self) -> Option<Node<'_>> {
        let new = self.whole().and_then(|n| n.get("video_processor"));
        let film = self.film.as_ref().map(|json| Node::root(Self::FILM, json));
        new.or(film).or_else(|| self.old.as_ref().map(|json| Node::root(Self::OLD, json)))
    }
}

impl Cut {
    /// From the settings for pictures, which must ask for nothing that is not done here. `resample` is the
    /// filter's number in Pillow.
    pub(super) fn new(image: &Node<'_>, resample: usize, default: Self) -> Result<Self> {
        let small = |key: &str, default: usize| image.get(key).map_or(Ok(default), |n| n.size(1..=64));
        let three = |key: &str, default: [f32; 3]| -> Result<[f32; 3]> {
            let Some(node) = image.get(key) else { return Ok(default) };
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
        image.get("resample").map_or(Ok(resample), |n| n.size(resample..=resample))?;
        // Levels by 255.
        image.get("rescale_factor").map_or(Ok(0.0), |n| n.number(0.003_921..=0.003_922))?;
        let cut = Self {
            patch: small("patch_size", default.patch)?,
            temporal: small("temporal_patch_size", default.temporal)?,
            merge: small("merge_size", default.merge)?,
            mean: three("image_mean", default.mean)?,
            deviation: three("image_std", default.deviation)?,
        };
        if let Some(node) = image.get("image_std").filter(|_| cut.deviation.iter().any(|d| *d <= 0.0)) {
            return Err(node.refuse("numbers above zero"));
        }
        Ok(cut)
    }

    /// Patches of one picture, or of as many as a patch spans; the last one fills up what is missing.
    pub(super) fn rows(&self, pictures: &[&Pixels]) -> Patches {
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

impl PatchConfig {
    /// From the settings for pictures and for films; `default` counts where they do not say.
    pub(super) fn new(image: &Node<'_>, film: Option<&Node<'_>>, default: Self) -> Result<Self> {
        let budget = match (default.budget, film) {
            (Budget::Picture(_), Some(film)) => {
                let is_capped = film.get("cap_pixels_per_frame").map_or(Ok(false), |n| n.flag())?;
                let most = film.get("max_video_tokens").map_or(Ok(128_000), |n| n.size(1..=1 << 30))?;
                Budget::Picture(is_capped.then_some(most))
            }
            (budget, _) => budget,
        };
        Ok(Self {
            cut: Cut::new(image, 3, default.cut)?,
            pixels: pixels_of(image, default.pixels)?,
            film_pixels: film.map_or(Ok(default.film_pixels), |f| pixels_of(f, default.film_pixels))?,
            budget,
        })
    }

    /// Height and width that a picture of this height and width is resized to.
    pub(super) fn picture_size(&self, [h, w]: [usize; 2]) -> Result<[usize; 2]> {
        self.size([h, w], 1, 1, self.pixels)
    }

    /// One picture.
    pub(super) fn picture(&self, picture: &Pixels) -> Result<Patches> {
        let [h, w] = self.picture_size([picture.height(), picture.width()])?;
        Ok(self.cut.rows(&[&resize(picture, w, h, Filter::Cubic)?]))
    }

    /// A film, `temporal` pictures at a time; the last one fills up what is missing.
    pub(super) fn film(&self, frames: &[Pixels]) -> Result<Vec<Patches>> {
        let (n, temporal) = (frames.len(), self.cut.temporal);
        let first = [frames[0].height(), frames[0].width()];
        let [h, w] = match self.budget {
            Budget::Film => self.size(first, n, temporal, self.film_pixels)?,
            Budget::Picture(tokens) => {
                let [fewest, most] = self.film_pixels;
                // Nine tenths of the tokens, shared evenly; a little more than the fewest pixels in any case.
                let most = tokens.map_or(most, |tokens| {
                    let factor = self.cut.patch * self.cut.merge;
                    let all = ((tokens * factor * factor) as f64 * 0.9) as usize;
                    most.min(all * temporal / n).max((fewest as f64 * 1.05) as usize)
                });
                self.size(first, 1, 1, [fewest, most])?
            }
        };
        let resized = frames.iter().map(|f| resize(f, w, h, Filter::Cubic));
        let resized = resized.collect::<Result<Vec<Pixels>, Rejection>>()?;
        Ok(resized.chunks(temporal).map(|c| self.cut.rows(&c.iter().collect::<Vec<_>>())).collect())
    }

    /// Height and width to resize to: whole blocks of patches that merge, and between the fewest and the
    /// most pixels, keeping the shape as well as that allows (Qwen's "smart resize").
    fn size(
        &self,
        [height, width]: [usize; 2],
        n: usize,
        temporal: usize,
        [fewest, most]: [usize; 2],
    ) -> Result<[usize; 2]> {
        let factor = (self.cut.patch * self.cut.merge) as f64;
        let (mut h, mut w) = (height as f64, width as f64);
        if n > 1 && (h < factor || w < factor) {
            let scale = (factor / h).max(factor / w);
            (h, w) = ((h * scale).trunc(), (w * scale).trunc());
        }
        if h.max(w) / h.min(w) > MAX_ASPECT {
            let got = format!("{width} × {height}");
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
        let [h, w] = [h as usize, w as usize];
        check_sides(w, h)?;
        Ok([h, w])
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
