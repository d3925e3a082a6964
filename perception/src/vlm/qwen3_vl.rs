//! Qwen3-VL, dense (Qwen team 2025): a vision tower whose early layers also reach into the language model's
//! first layers (DeepStack), learned positions of patches resampled to every picture's grid, and a language
//! model whose positions are time, height and width, interleaved.

use super::decoder::{Decoder, DecoderConfig};
use super::error::{Result, VlmError};
use super::family::{Family, Seen, Special};
use super::layers::{LayerNorm, Linear};
use super::patches::{PatchConfig, Patches, merged_order};
use super::picture::Medium;
use super::positions::Rope;
use super::prompt::Prompt;
use super::settings::{Node, read_json};
use super::source::Source;
use super::tokens::Tokens;
use super::vision::VisionBlock;
use candle_core::{DType, Tensor};
use std::path::Path;
use types::Rejection;

/// Pixels of a picture where the checkpoint does not say.
const PIXELS: [usize; 2] = [256 << 8, 16 << 20];

/// Sizes of the vision tower.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TowerConfig {
    pub(super) hidden: usize,
    pub(super) inner: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) patch: usize,
    pub(super) temporal: usize,
    pub(super) merge: usize,
    /// Learned positions along each side of the square.
    pub(super) side: usize,
    pub(super) theta: f64,
    /// After which layers features go to the language model's first layers.
    pub(super) deep: Vec<usize>,
}

/// Everything of `config.json` that counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Config {
    pub(super) text: DecoderConfig,
    pub(super) theta: f64,
    pub(super) sections: [usize; 3],
    pub(super) tower: TowerConfig,
    pub(super) image: u32,
    pub(super) video: u32,
    pub(super) vision_start: u32,
    pub(super) vision_end: u32,
}

impl Config {
    /// From `config.json` of transformers 4 (`rope_theta`, `rope_scaling`) or 5 (`rope_parameters`).
    pub(super) fn new(root: &Node<'_>) -> Result<Self> {
        const TIED: &str = "tie_word_embeddings";
        let text = root.need("text_config")?;
        text.only("hidden_act", "silu")?;
        let size = |node: &Node<'_>, key: &str, most: usize| node.need(key)?.size(1..=most);
        let (hidden, heads) =
            (size(&text, "hidden_size", 65_536)?, size(&text, "num_attention_heads", 1024)?);
        let kv_heads = text.get("num_key_value_heads").map_or(Ok(heads), |n| n.size(1..=heads))?;
        if heads % kv_heads != 0 {
            return Err(text.need("num_key_value_heads")?.refuse(format!("a divisor of {heads} heads")));
        }
        let head_dim = text.get("head_dim").map_or(Ok(hidden / heads), |n| n.size(2..=1024))?;
        if !head_dim.is_multiple_of(2) {
            return Err(text.need("head_dim")?.refuse("an even number"));
        }
        let rope = match text.get("rope_parameters") {
            Some(rope) => rope,
            None => text.need("rope_scaling")?,
        };
        for key in ["rope_type", "type"] {
            rope.only(key, "default")?;
        }
        if let Some(node) = rope.get("mrope_interleaved")
            && !node.flag()?
        {
            return Err(node.refuse("true"));
        }
        let sections = rope.need("mrope_section")?;
        let sizes: [usize; 3] = sections
            .sizes(0..=512)?
            .try_into()
            .ok()
            .filter(|s: &[usize; 3]| s.iter().sum::<usize>() == head_dim / 2)
            .ok_or_else(|| sections.refuse(format!("three numbers with the sum {}", head_dim / 2)))?;
        let theta = rope.get("rope_theta").or_else(|| text.get("rope_theta"));
        let theta = theta.map_or_else(|| rope.need("rope_theta"), Ok)?.number(1.0..=1e12)?;
        let flag = |node: &Node<'_>, key: &str| node.get(key).map_or(Ok(false), |n| n.flag());
        let config = DecoderConfig {
            vocabulary: size(&text, "vocab_size", 1 << 24)?,
            hidden,
            inner: size(&text, "intermediate_size", 1 << 20)?,
            layers: size(&text, "num_hidden_layers", 1024)?,
            heads,
            kv_heads,
            head_dim,
            epsilon: text.need("rms_norm_eps")?.number(0.0..=1.0)?,
            is_tied: flag(if root.get(TIED).is_some() { root } else { &text }, TIED)?,
            has_attention_bias: flag(&text, "attention_bias")?,
            has_qk_norm: true,
            max_positions: size(&text, "max_position_embeddings", 1 << 30)?,
        };
        let tower = TowerConfig::new(&root.need("vision_config")?, &config)?;
        let token = |key: &str| root.need(key)?.size(0..=config.vocabulary - 1).map(|id| id as u32);
        Ok(Self {
            theta,
            sections: sizes,
            tower,
            image: token("image_token_id")?,
            video: token("video_token_id")?,
            vision_start: token("vision_start_token_id")?,
            vision_end: token("vision_end_token_id")?,
            text: config,
        })
    }
}

impl TowerConfig {
    fn new(vision: &Node<'_>, text: &DecoderConfig) -> Result<Self> {
        vision.only("hidden_act", "gelu_pytorch_tanh")?;
        let size = |key: &str, most: usize| vision.need(key)?.size(1..=most);
        let channels = vision.get("in_channels").map_or(Ok(3), |n| n.size(3..=3));
        channels?;
        vision.need("out_hidden_size")?.size(text.hidden..=text.hidden)?;
        let (hidden, heads) = (size("hidden_size", 65_536)?, size("num_heads", 1024)?);
        if !hidden.is_multiple_of(4 * heads) {
            return Err(vision.need("hidden_size")?.refuse(format!("a multiple of 4 · {heads} heads")));
        }
        let positions = vision.need("num_position_embeddings")?;
        let n = positions.size(1..=1 << 20)?;
        let side = n.isqrt();
        if side * side != n {
            return Err(positions.refuse("a square number"));
        }
        let layers = size("depth", 1024)?;
        let deep = vision.need("deepstack_visual_indexes")?;
        let rises = |d: &[usize]| d.windows(2).all(|w| w[0] < w[1]);
        let deep = match deep.sizes(0..=layers - 1)? {
            d if d.len() <= text.layers && rises(&d) => d,
            _ => return Err(deep.refuse("rising numbers of layers, no more than the language model has")),
        };
        let theta = match vision.get("rope_parameters") {
            Some(rope) => {
                rope.only("rope_type", "axial")?;
                rope.get("rope_theta").map_or(Ok(1e4), |n| n.number(1.0..=1e12))?
            }
            None => 1e4,
        };
        Ok(Self {
            hidden,
            inner: size("intermediate_size", 1 << 20)?,
            layers,
            heads,
            patch: size("patch_size", 64)?,
            temporal: size("temporal_patch_size", 64)?,
            merge: size("spatial_merge_size", 64)?,
            side,
            theta,
            deep,
        })
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
    fn new(
        source: &Source<'_>,
        name: &str,
        c: &TowerConfig,
        n_out: usize,
        norms_merged: bool,
    ) -> Result<Self> {
        let merged = c.hidden * c.merge * c.merge;
        let n_norm = if norms_merged { merged } else { c.hidden };
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
        let (c, n_out) = (&config.tower, config.text.hidden);
        let dims = [c.hidden, 3, c.temporal, c.patch, c.patch];
        // A convolution whose steps are its width is a product with every patch.
        let weight = source.matrix("model.visual.patch_embed.proj.weight", &dims)?;
        let bias = source.get("model.visual.patch_embed.proj.bias", &[c.hidden])?;
        let block =
            |i| VisionBlock::new(source, &format!("model.visual.blocks.{i}"), c.hidden, c.inner, c.heads);
        let deep = |i| {
            let name = format!("model.visual.deepstack_merger_list.{i}");
            Merger::new(source, &name, c, n_out, true)
        };
        let rope = Rope::interleaved(config.text.head_dim, config.theta, config.sections);
        let prefix = "model.language_model";
        Ok(Self {
            patch_embedding: Linear::from_parts(weight, Some(bias)),
            positions: source.get("model.visual.pos_embed.weight", &[c.side * c.side, c.hidden])?,
            blocks: (0..c.layers).map(block).collect::<Result<_>>()?,
            merger: Merger::new(source, "model.visual.merger", c, n_out, false)?,
            deep: (0..c.deep.len()).map(deep).collect::<Result<_>>()?,
            rope: Rope::height_then_width(c.hidden / c.heads, c.theta),
            decoder: Decoder::new(source, prefix, "lm_head", config.text.clone(), rope)?,
            patches: patches.clone(),
            config: config.clone(),
        })
    }

    /// The learned positions, resampled linearly from their square to the picture's grid, corners on
    /// corners; (patches, channels).
    fn resampled_positions(&self, grid: [usize; 2]) -> Result<Tensor> {
        let side = self.config.tower.side;
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
        let n = patches.grid[0] * patches.grid[1];
        let x =
            Tensor::from_slice(&patches.values, (n, patches.values.len() / n), device)?.to_dtype(dtype)?;
        let mut x = (self.patch_embedding.forward(&x)? + self.resampled_positions(patches.grid)?)?;
        let places: Vec<_> =
            merged_order(patches.grid, c.merge).map(|(y, x)| [0, y as u32, x as u32]).collect();
        let (cos, sin) = self.rope.table(&places, DType::F32, device)?;
        let mut deep = Vec::new();
        for (i, block) in self.blocks.iter().enumerate() {
            if !goes_on() {
                return Err(VlmError::Cancelled);
            }
            x = block.forward(&x, &cos, &sin)?;
            if let Some(at) = c.deep.iter().position(|d| *d == i) {
                deep.push(self.deep[at].forward(&x, c.merge)?);
            }
        }
        Ok(Seen { rows: self.merger.forward(&x, c.merge)?, deep })
    }

    fn prompt(&self, ids: &[u32], media: &[Medium], tokens: &Tokens) -> Result<Prompt> {
        let c = &self.config;
        let mut prompt = Prompt::new();
        let mut left = media.iter();
        let mut wrong = None;
        for id in ids {
            match (*id, left.as_slice().first()) {
                (id, Some(Medium::Picture(picture))) if id == c.image => {
                    prompt.push_picture(id, self.patches.picture(picture)?, self.patches.merge);
                    left.next();
                }
                // Each part of a film is a picture after its time in words.
                (id, Some(Medium::Film { frames, seconds })) if id == c.video => {
                    let times = seconds.chunks(self.patches.temporal);
                    for (part, times) in self.patches.film(frames)?.into_iter().zip(times) {
                        let middle = (times[0] + times[times.len() - 1]) / 2.0;
                        prompt.push_text(&tokens.encode(&format!("<{middle:.1} seconds>"))?);
                        prompt.push_text(&[c.vision_start]);
                        prompt.push_picture(id, part, self.patches.merge);
                        prompt.push_text(&[c.vision_end]);
                    }
                    left.next();
                }
                (id, _) if id == c.image || id == c.video => wrong = Some("another place for one"),
                (id, _) => prompt.push_text(&[id]),
            }
        }
        if let Some(got) = wrong.or(left.next().map(|_| "no place for one")) {
            let expected = format!("a place for each of {} pictures and films, in order", media.len());
            return Err(Rejection::new("chat_template", expected, got).into());
        }
        Ok(prompt)
    }
}

/// What a folder with Qwen3-VL says of it, and the special tokens that it needs.
pub(super) fn read(dir: &Path, root: &Node<'_>) -> Result<(Config, PatchConfig, Special)> {
    let config = Config::new(root)?;
    const NEW: &str = "processor_config.json";
    const OLD: &str = "preprocessor_config.json";
    const FILM: &str = "video_preprocessor_config.json";
    let (new, old, film) = (read_json(dir, NEW)?, read_json(dir, OLD)?, read_json(dir, FILM)?);
    let of_film = film.as_ref().map(|json| Node::root(FILM, json));
    let nested = new.as_ref().map(|json| Node::root(NEW, json));
    let of_film = nested.as_ref().and_then(|n| n.get("video_processor")).or(of_film);
    let image = match (nested.as_ref().and_then(|n| n.get("image_processor")), &old) {
        (Some(node), _) => node,
        (None, Some(json)) => Node::root(OLD, json),
        (None, None) => return Err(Rejection::new(OLD, "a file", "none").into()),
    };
    let patches = PatchConfig::new(&image, of_film.as_ref(), PIXELS)?;
    let c = &config.tower;
    for (key, ours, theirs) in [
        ("patch_size", patches.patch, c.patch),
        ("temporal_patch_size", patches.temporal, c.temporal),
        ("merge_size", patches.merge, c.merge),
    ] {
        if ours != theirs {
            let expected = format!("{theirs}, as in config.json");
            return Err(Rejection::new(format!("{OLD} {key}"), expected, ours.to_string()).into());
        }
    }
    let special = vec![
        (config.image, "config.json image_token_id"),
        (config.video, "config.json video_token_id"),
        (config.vision_start, "config.json vision_start_token_id"),
        (config.vision_end, "config.json vision_end_token_id"),
    ];
    Ok((config, patches, special))
}
