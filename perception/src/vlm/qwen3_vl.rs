//! Qwen3-VL, dense and as mixtures of experts (Qwen team 2025): a vision tower whose early layers also reach into
//! the language model's first layers (DeepStack), learned positions of patches resampled to every picture's grid, and a language
//! model whose positions are time, height and width, interleaved.

use super::decoder::{Decoder, DecoderConfig};
use super::error::{Result, VlmError};
use super::family::{Family, Seen, Special};
use super::layers::{LayerNorm, Linear};
use super::mixture::MixtureConfig;
use super::patches::{Budget, Cut, PatchConfig, Patches, merged_order};
use super::picture::Medium;
use super::positions::Rope;
use super::prompt::Prompt;
use super::qwen::{Language, Signs, Tower, places};
use super::settings::Node;
use super::source::Source;
use super::tokens::Tokens;
use super::vision::VisionBlock;
use candle_core::{DType, Tensor};
use std::path::Path;

/// What counts where the checkpoint does not say.
const PREPARATION: PatchConfig = PatchConfig {
    cut: Cut { patch: 16, temporal: 2, merge: 2, mean: [0.5; 3], deviation: [0.5; 3] },
    pixels: [256 << 8, 16 << 20],
    film_pixels: [256 << 8, 16 << 20],
    budget: Budget::Film,
};

/// Everything of `config.json` that counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Config {
    pub(super) language: Language,
    tower: Tower,
    /// Learned positions along each side of the square.
    side: usize,
    /// After which layers features go to the language model's first layers.
    deep: Vec<usize>,
    signs: Signs,
}

impl Config {
    fn new(root: &Node<'_>, is_mixture: bool) -> Result<Self> {
        let text = root.need("text_config")?;
        let mut language = Language::new(root, &text, &["default"])?;
        language.decoder.has_qk_norm = true;
        if is_mixture {
            language.decoder.mixture = Some(MixtureConfig::new(&text)?);
        }
        if language.is_interleaved == Some(false) {
            let rope = text.get("rope_parameters").map_or_else(|| text.need("rope_scaling"), Ok)?;
            return Err(rope.need("mrope_interleaved")?.refuse("true"));
        }
        let vision = root.need("vision_config")?;
        let tower = Tower::new(&vision, &language.decoder, "gelu_pytorch_tanh")?;
        let positions = vision.need("num_position_embeddings")?;
        let n = positions.size(1..=1 << 20)?;
        let side = n.isqrt();
        if side * side != n {
            return Err(positions.refuse("a square number"));
        }
        let deep = vision.need("deepstack_visual_indexes")?;
        let rises = |d: &[usize]| d.windows(2).all(|w| w[0] < w[1]);
        let deep = match deep.sizes(0..=tower.layers - 1)? {
            d if d.len() <= language.decoder.layers && rises(&d) => d,
            _ => return Err(deep.refuse("rising numbers of layers, no more than the language model has")),
        };
        let signs = Signs::new(root, language.decoder.vocabulary)?;
        Ok(Self { language, tower, side, deep, signs })
    }
}

/// Merges neighbouring patches into one token: linear, exact GELU, linear.
struct Merger {
    norm: LayerNorm,
    /// The norm is over the merged channels, not over each patch's own.
    norms_merged: bool,
    first: Linear,
    second: Linear,
}

impl Merger {
    fn new(source: &Source<'_>, name: &str, c: &Tower, n_out: usize, norms_merged: bool) -> Result<Self> {
        let merged = c.merged();
        let n_norm = if norms_merged { merged } else { c.block.n };
        Ok(Self {
            norm: LayerNorm::new(source, &format!("{name}.norm"), n_norm, 1e-6)?,
            norms_merged,
            first: Linear::new(source, &format!("{name}.linear_fc1"), merged, merged, true)?,
            second: Linear::new(source, &format!("{name}.linear_fc2"), merged, n_out, true)?,
        })
    }

    fn forward(&self, x: &Tensor, merge: usize) -> Result<Tensor> {
        let (n, channels) = x.dims2()?;
        let merged = (n / (merge * merge), channels * merge * merge);
        let x = if self.norms_merged {
            self.norm.forward(&x.reshape(merged)?)?
        } else {
            self.norm.forward(x)?.reshape(merged)?
        };
        self.second.forward(&self.first.forward(&x)?.gelu_erf()?)
    }
}

/// The model.
pub(super) struct Qwen3Vl {
    config: Config,
    patches: PatchConfig,
    patch_embedding: Linear,
    positions: Tensor,
    blocks: Vec<VisionBlock>,
    merger: Merger,
    deep: Vec<Merger>,
    rope: Rope,
    decoder: Decoder,
}

impl Qwen3Vl {
    pub(super) fn new(source: &Source<'_>, config: &Config, patches: &PatchConfig) -> Result<Self> {
        let (c, language) = (&config.tower, &config.language);
        let n_out = language.decoder.hidden;
        let block = |i| VisionBlock::plain(source, &format!("model.visual.blocks.{i}"), c.block);
        let deep = |i| {
            let name = format!("model.visual.deepstack_merger_list.{i}");
            Merger::new(source, &name, c, n_out, true)
        };
        let rope = Rope::interleaved(language.decoder.head_dim, language.theta, language.sections);
        let (prefix, decoder) = ("model.language_model", language.decoder.clone());
        let n_positions = config.side * config.side;
        Ok(Self {
            patch_embedding: c.patch_embedding(source, "model.visual.patch_embed.proj", true)?,
            positions: source.get("model.visual.pos_embed.weight", &[n_positions, c.block.n])?,
            blocks: (0..c.layers).map(block).collect::<Result<_>>()?,
            merger: Merger::new(source, "model.visual.merger", c, n_out, false)?,
            deep: (0..config.deep.len()).map(deep).collect::<Result<_>>()?,
            rope: Rope::height_then_width(c.block.n / c.block.heads, c.theta),
            decoder: Decoder::new(source, prefix, "lm_head", decoder, rope)?,
            patches: patches.clone(),
            config: config.clone(),
        })
    }

    /// The learned positions, resampled linearly from their square to the picture's grid, corners on
    /// corners; (patches, channels).
    fn resampled_positions(&self, grid: [usize; 2]) -> Result<Tensor> {
        let side = self.config.side;
        let along = |i: usize, n: usize| {
            let at = i as f32 * (side - 1) as f32 / (n.max(2) - 1) as f32;
            let low = (at.floor() as usize).min(side - 1);
            [(low, 1.0 - (at - low as f32)), ((low + 1).min(side - 1), at - low as f32)]
        };
        let mut corners: [(Vec<u32>, Vec<f32>); 4] = Default::default();
        for (y, x) in merged_order(grid, self.config.tower.merge) {
            let (rows, columns) = (along(y, grid[0]), along(x, grid[1]));
            for (i, (indices, weights)) in corners.iter_mut().enumerate() {
                let ((row, a), (column, b)) = (rows[i / 2], columns[i % 2]);
                indices.push((row * side + column) as u32);
                weights.push(a * b);
            }
        }
        let device = self.decoder.device();
        let mut sum: Option<Tensor> = None;
        for (indices, weights) in corners {
            let n = indices.len();
            let rows = self.positions.index_select(&Tensor::from_vec(indices, n, device)?, 0)?;
            let weights = Tensor::from_vec(weights, (n, 1), device)?;
            let part = rows.to_dtype(DType::F32)?.broadcast_mul(&weights)?;
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
        let sum = sum.ok_or_else(|| VlmError::Backend("a picture without patches".into()))?;
        Ok(sum.to_dtype(self.decoder.dtype())?)
    }
}

impl Family for Qwen3Vl {
    fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    fn config(&self) -> &DecoderConfig {
        self.decoder.config()
    }

    fn see(&self, patches: &Patches, goes_on: &dyn Fn() -> bool) -> Result<Seen> {
        let c = &self.config.tower;
        let (device, dtype) = (self.decoder.device(), self.decoder.dtype());
        let x = patches.tensor(device, dtype)?;
        let mut x = (self.patch_embedding.forward(&x)? + self.resampled_positions(patches.grid)?)?;
        let places = places(merged_order(patches.grid, c.merge));
        let (cos, sin) = self.rope.table(&places, DType::F32, device)?;
        let mut deep = Vec::new();
        for (i, block) in self.blocks.iter().enumerate() {
            if !goes_on() {
                return Err(VlmError::Cancelled);
            }
            x = block.forward(&x, Some((&cos, &sin)), &[(1, places.len())])?;
            if let Some(at) = self.config.deep.iter().position(|d| *d == i) {
                deep.push(self.deep[at].forward(&x, c.merge)?);
            }
        }
        Ok(Seen { rows: self.merger.forward(&x, c.merge)?, deep })
    }

    fn prompt(&self, text: &str, media: &[Medium], tokens: &Tokens) -> Result<Prompt> {
        let (c, merge) = (&self.config.signs, self.patches.cut.merge);
        let ids = tokens.encode(text)?;
        c.prompt(
            &ids,
            media,
            &|prompt, picture| {
                prompt.push_picture(c.image, self.patches.picture(picture)?, merge);
                Ok(())
            },
            // Each part of a film is a picture after its time in words.
            &|prompt, frames, seconds| {
                let times = seconds.chunks(self.patches.cut.temporal);
                for (part, times) in self.patches.film(frames)?.into_iter().zip(times) {
                    let middle = (times[0] + times[times.len() - 1]) / 2.0;
                    prompt.push_text(&tokens.encode(&format!("<{middle:.1} seconds>"))?);
                    prompt.push_text(&[c.vision_start]);
                    prompt.push_picture(c.video, part, merge);
                    prompt.push_text(&[c.vision_end]);
                }
                Ok(())
            },
        )
    }
}

/// What a folder with Qwen3-VL says of it, and the special tokens that it needs.
pub(super) fn read(dir: &Path, root: &Node<'_>, is_mixture: bool) -> Result<(Config, PatchConfig, Special)> {
    let config = Config::new(root, is_mixture)?;
    let patches = config.tower.preparation(dir, PREPARATION)?;
    let special = config.signs.special();
    Ok((config, patches, special))
}
