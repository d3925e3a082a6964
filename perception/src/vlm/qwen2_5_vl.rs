//! Qwen2.5-VL (Qwen team 2025): a vision tower most of whose layers look within square windows of the picture, and
//! a language model whose positions are time, height and width, in three parts of the channels; time runs on in
//! films as it did before the camera.

use super::decoder::{Bias, Decoder, DecoderConfig};
use super::error::{Result, VlmError};
use super::family::{Family, Seen, Special};
use super::layers::{Linear, RmsNorm};
use super::patches::{Budget, Cut, PatchConfig, Patches, merged_order};
use super::picture::Medium;
use super::positions::Rope;
use super::prompt::Prompt;
use super::qwen::{Language, Signs, Tower, places};
use super::settings::Node;
use super::source::Source;
use super::tokens::Tokens;
use super::vision::{Run, VisionBlock};
use crate::roles::Measure;
use candle_core::{DType, Tensor};
use std::path::Path;

/// What counts where the checkpoint does not say.
const PREPARATION: PatchConfig = PatchConfig {
    cut: Cut {
        patch: 14,
        temporal: 2,
        merge: 2,
        // Of CLIP (Radford et al. 2021).
        mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
        deviation: [0.268_629_54, 0.261_302_6, 0.275_777_1],
    },
    pixels: [56 * 56, 1280 * 28 * 28],
    film_pixels: [128 * 28 * 28, 768 * 28 * 28],
    budget: Budget::Picture(None),
};

/// In what Qwen2.5-VL tells places in a picture of these sides, where its settings are those that are published.
#[must_use]
pub fn published_measure([width, height]: [u32; 2]) -> Measure {
    let shown = PREPARATION.picture_size([height, width].map(|n| n as usize)).ok();
    shown.map_or(Measure::Thousandths, |[h, w]| Measure::Pixels { width: w as u32, height: h as u32 })
}

/// Everything of `config.json` that counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Config {
    pub(super) language: Language,
    tower: Tower,
    /// Side of a window, tokens.
    window: usize,
    /// Layers that look at the whole picture.
    whole: Vec<usize>,
    /// Steps of position in a second of film.
    steps_per_s: f32,
    signs: Signs,
}

impl Config {
    /// The language model's settings are a part of their own, or, as published, beside the vision tower's.
    fn new(root: &Node<'_>) -> Result<Self> {
        let text = root.get("text_config").unwrap_or_else(|| root.clone());
        let mut language = Language::new(root, &text, &["default", "mrope"])?;
        language.decoder.bias = Bias::Inputs;
        // Some files say so in one place, some in the other.
        language.decoder.is_tied |= text.get("tie_word_embeddings").map_or(Ok(false), |n| n.flag())?;
        let vision = root.need("vision_config")?;
        let tower = Tower::new(&vision, &language.decoder, "silu")?;
        let window = vision.need("window_size")?;
        let side = window.size(1..=1 << 16)? / tower.merge / tower.patch;
        if side == 0 {
            let expected = format!("{} pixels or more", tower.merge * tower.patch);
            return Err(window.refuse(expected));
        }
        let signs = Signs::new(root, language.decoder.vocabulary)?;
        Ok(Self {
            window: side,
            whole: vision.need("fullatt_block_indexes")?.sizes(0..=tower.layers - 1)?,
            steps_per_s: vision.need("tokens_per_second")?.number(0.0..=1e3)? as f32,
            language,
            tower,
            signs,
        })
    }
}

/// Merges neighbouring patches into one token: linear, exact GELU, linear.
struct Merger {
    norm: RmsNorm,
    first: Linear,
    second: Linear,
}

impl Merger {
    fn new(source: &Source<'_>, name: &str, c: &Tower, n_out: usize) -> Result<Self> {
        let merged = c.merged();
        Ok(Self {
            norm: RmsNorm::new(source, &format!("{name}.ln_q"), c.block.n, 1e-6)?,
            first: Linear::new(source, &format!("{name}.mlp.0"), merged, merged, true)?,
            second: Linear::new(source, &format!("{name}.mlp.2"), merged, n_out, true)?,
        })
    }

    fn forward(&self, x: &Tensor, merged: usize) -> Result<Tensor> {
        let x = self.norm.forward(x)?.reshape(((), merged))?;
        self.second.forward(&self.first.forward(&x)?.gelu_erf()?)
    }
}

/// The model.
pub(super) struct Qwen25Vl {
    config: Config,
    patches: PatchConfig,
    patch_embedding: Linear,
    blocks: Vec<VisionBlock>,
    merger: Merger,
    rope: Rope,
    decoder: Decoder,
}

impl Qwen25Vl {
    pub(super) fn new(source: &Source<'_>, config: &Config, patches: &PatchConfig) -> Result<Self> {
        let (c, language) = (&config.tower, &config.language);
        // The names as published, or those of the classes that came later.
        let is_older = source.has("visual.patch_embed.proj.weight");
        let [visual, prefix] =
            if is_older { ["visual", "model"] } else { ["model.visual", "model.language_model"] };
        let block = |i| VisionBlock::gated(source, &format!("{visual}.blocks.{i}"), c.block);
        let rope = Rope::sectioned(language.decoder.head_dim, language.theta, language.sections);
        Ok(Self {
            patch_embedding: c.patch_embedding(source, &format!("{visual}.patch_embed.proj"), false)?,
            blocks: (0..c.layers).map(block).collect::<Result<_>>()?,
            merger: Merger::new(source, &format!("{visual}.merger"), c, language.decoder.hidden)?,
            rope: Rope::height_then_width(c.block.n / c.block.heads, c.theta),
            decoder: Decoder::new(source, prefix, "lm_head", language.decoder.clone(), rope)?,
            patches: patches.clone(),
            config: config.clone(),
        })
    }
}

/// Tokens of a picture of `h` × `w`, window after window of `side` × `side` (less at the edges), and how many patches
/// each window has. Windows of one size follow one another: only who is with whom counts, not in which order.
fn windows([h, w]: [usize; 2], side: usize, patches_per_token: usize) -> (Vec<usize>, Vec<Run>) {
    let corners = (0..h).step_by(side).flat_map(|y| (0..w).step_by(side).map(move |x| (y, x)));
    let mut all: Vec<Vec<usize>> = corners
        .map(|(y, x)| {
            let rows = y..h.min(y + side);
            rows.flat_map(|y| (x..w.min(x + side)).map(move |x| y * w + x)).collect()
        })
        .collect();
    all.sort_by_key(Vec::len);
    let runs = all.chunk_by(|a, b| a.len() == b.len());
    let runs = runs.map(|run| (run.len(), run[0].len() * patches_per_token)).collect();
    (all.concat(), runs)
}

/// Rows of patches in the order of their tokens, (tokens · patches of a token, channels).
fn in_order(x: &Tensor, order: &Tensor) -> Result<Tensor> {
    let (n, tokens) = (x.dim(0)?, order.dim(0)?);
    Ok(x.reshape((tokens, n / tokens, ()))?.index_select(order, 0)?.reshape((n, ()))?)
}

impl Family for Qwen25Vl {
    fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    fn config(&self) -> &DecoderConfig {
        self.decoder.config()
    }

    // Qwen2.5-VL technical report (2025), 2.1: absolute coordinates, by the size of the picture as it goes in.
    fn tells_pixels_of(&self, [width, height]: [usize; 2]) -> Option<[usize; 2]> {
        self.patches.picture_size([height, width]).ok().map(|[h, w]| [w, h])
    }

    fn see(&self, patches: &Patches, goes_on: &dyn Fn() -> bool) -> Result<Seen> {
        let c = &self.config.tower;
        let (device, dtype) = (self.decoder.device(), self.decoder.dtype());
        let per_token = c.merge * c.merge;
        let (order, runs) = windows(patches.grid.map(|n| n / c.merge), self.config.window, per_token);
        // Where each token went, to bring them back.
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(to, from)| back[*from] = to as u32);
        let all = places(merged_order(patches.grid, c.merge));
        let moved: Vec<_> = order.iter().flat_map(|i| all[i * per_token..][..per_token].to_vec()).collect();
        let (cos, sin) = self.rope.table(&moved, DType::F32, device)?;
        let n_tokens = order.len();
        let order: Vec<u32> = order.into_iter().map(|i| i as u32).collect();
        let order = Tensor::from_vec(order, n_tokens, device)?;
        let x = self.patch_embedding.forward(&patches.tensor(device, dtype)?)?;
        let mut x = in_order(&x, &order)?;
        for (i, block) in self.blocks.iter().enumerate() {
            if !goes_on() {
                return Err(VlmError::Cancelled);
            }
            let whole = [(1, all.len())];
            let windows = if self.config.whole.contains(&i) { &whole[..] } else { &runs };
            x = block.forward(&x, Some((&cos, &sin)), windows)?;
        }
        let rows = self.merger.forward(&x, c.merged())?;
        let rows = rows.index_select(&Tensor::from_vec(back, n_tokens, device)?, 0)?;
        Ok(Seen { rows, deep: Vec::new() })
    }

    fn prompt(&self, text: &str, media: &[Medium], tokens: &Tokens) -> Result<Prompt> {
        let (c, merge) = (&self.config.signs, self.patches.cut.merge);
        c.prompt(
            &tokens.encode(text)?,
            media,
            &|prompt, picture| {
                prompt.push_picture(c.image, self.patches.picture(picture)?, merge);
                Ok(())
            },
            // A film is one block of tokens, whose parts stand apart in time as they were taken.
            &|prompt, frames, seconds| {
                let between = (seconds[seconds.len() - 1] - seconds[0]) / (seconds.len() - 1) as f64;
                let part_s = (between * self.patches.cut.temporal as f64) as f32;
                let parts = self.patches.film(frames)?;
                prompt.push_film(c.video, parts, merge, self.config.steps_per_s * part_s);
                Ok(())
            },
        )
    }
}

/// What a folder with Qwen2.5-VL says of it, and the special tokens that it needs.
pub(super) fn read(dir: &Path, root: &Node<'_>) -> Result<(Config, PatchConfig, Special)> {
    let config = Config::new(root)?;
    let patches = config.tower.preparation(dir, PREPARATION)?;
    let special = config.signs.special();
    Ok((config, patches, special))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_in_one_window_and_windows_of_one_size_follow_one_another() {
        let (order, runs) = windows([2, 5], 2, 4);
        assert_eq!(order, [4, 9, 0, 1, 5, 6, 2, 3, 7, 8]);
        assert_eq!(runs, [(1, 8), (2, 16)]);
        let (order, runs) = windows([3, 2], 8, 4);
        assert_eq!((order, runs), ((0..6).collect(), vec![(1, 24)]));
    }
}
