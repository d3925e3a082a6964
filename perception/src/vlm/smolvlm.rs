//! SmolVLM2 (Marafioti et al. 2025), and Idefics3 (Laurençon et al. 2024), from which it comes: a SigLIP tower over
//! tiles of a picture and the whole of it, squares of neighbouring patches as one token (pixel shuffle), one product
//! into the channels of a Llama. Films are pictures with their times in words.

use super::decoder::{Decoder, DecoderConfig};
use super::error::{Result, VlmError};
use super::family::{Family, Seen, Special};
use super::layers::{LayerNorm, Linear};
use super::patches::{Patches, Processors, merged_order};
use super::picture::Medium;
use super::positions::Rope;
use super::prompt::Prompt;
use super::settings::Node;
use super::source::Source;
use super::tiles::{TileConfig, Tiles};
use super::tokens::Tokens;
use super::vision::{BlockSize, VisionBlock};
use candle_core::Tensor;
use std::path::Path;
use types::Rejection;

const IMAGE: &str = "<image>";
const VIDEO: &str = "<video>";
const AROUND: &str = "<fake_token_around_image>";
const WHOLE: &str = "<global-img>";

/// Everything of `config.json` that counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Config {
    pub(super) decoder: DecoderConfig,
    theta: f64,
    block: BlockSize,
    layers: usize,
    epsilon: f64,
    patch: usize,
    /// Learned positions along each side of the square.
    side: usize,
    /// Patches along each side of the square that becomes one token.
    merge: usize,
    image: u32,
    has_films: bool,
}

impl Config {
    fn new(root: &Node<'_>) -> Result<Self> {
        let (text, vision) = (root.need("text_config")?, root.need("vision_config")?);
        text.only("model_type", "llama")?;
        vision.only("hidden_act", "gelu_pytorch_tanh")?;
        let decoder = DecoderConfig::new(root, &text)?;
        for rope in ["rope_parameters", "rope_scaling"].iter().filter_map(|key| text.get(key)) {
            rope.only("rope_type", "default")?;
            rope.only("type", "default")?;
        }
        let theta = text.get("rope_parameters").and_then(|rope| rope.get("rope_theta"));
        let theta = theta.or_else(|| text.get("rope_theta")).map_or(Ok(1e4), |n| n.number(1.0..=1e12))?;
        // Older files leave out what was the default then and is it still.
        let size = |key: &str, default, most| vision.get(key).map_or(Ok(default), |n| n.size(1..=most));
        let block = BlockSize {
            n: size("hidden_size", 1152, 65_536)?,
            inner: size("intermediate_size", 3072, 1 << 20)?,
            heads: size("num_attention_heads", 16, 1024)?,
        };
        if !block.n.is_multiple_of(block.heads) {
            let node = vision.get("hidden_size").map_or_else(|| vision.need("num_attention_heads"), Ok)?;
            return Err(node.refuse(format!("a multiple of {} heads", block.heads)));
        }
        vision.get("num_channels").map_or(Ok(3), |n| n.size(3..=3))?;
        let (image_size, patch) = (size("image_size", 224, 8192)?, size("patch_size", 32, 64)?);
        if image_size < patch {
            return Err(vision.need("image_size")?.refuse(format!("{patch} pixels, one patch, or more")));
        }
        Ok(Self {
            theta,
            block,
            layers: size("num_hidden_layers", 12, 1024)?,
            epsilon: vision.get("layer_norm_eps").map_or(Ok(1e-6), |n| n.number(0.0..=1.0))?,
            patch,
            side: image_size / patch,
            merge: root.get("scale_factor").map_or(Ok(2), |n| n.size(1..=64))?,
            image: root.need("image_token_id")?.size(0..=decoder.vocabulary - 1)? as u32,
            has_films: root.need("model_type")?.text()? == "smolvlm",
            decoder,
        })
    }

    /// Words that must be tokens of their own, with their numbers where those are given.
    pub(super) fn words(&self) -> Vec<(&'static str, Option<u32>)> {
        vec![(IMAGE, Some(self.image)), (AROUND, None), (WHOLE, None)]
    }
}

/// The model.
pub(super) struct SmolVlm {
    config: Config,
    tiles: TileConfig,
    patch_embedding: Linear,
    positions: Tensor,
    blocks: Vec<VisionBlock>,
    norm: LayerNorm,
    projection: Linear,
    decoder: Decoder,
}

impl SmolVlm {
    pub(super) fn new(source: &Source<'_>, c: &Config, tiles: &TileConfig) -> Result<Self> {
        let (n, tower) = (c.block.n, "model.vision_model");
        let patches = format!("{tower}.embeddings.patch_embedding");
        // A convolution whose steps are its width is a product with every patch.
        let weight = source.matrix(&format!("{patches}.weight"), &[n, 3, c.patch, c.patch])?;
        let bias = source.get(&format!("{patches}.bias"), &[n])?;
        let positions = format!("{tower}.embeddings.position_embedding.weight");
        let block =
            |i| VisionBlock::siglip(source, &format!("{tower}.encoder.layers.{i}"), c.block, c.epsilon);
        let rope = Rope::plain(c.decoder.head_dim, c.theta);
        let (shuffled, projection) = (n * c.merge * c.merge, "model.connector.modality_projection.proj");
        Ok(Self {
            patch_embedding: Linear::from_parts(weight, Some(bias)),
            positions: source.get(&positions, &[c.side * c.side, n])?,
            blocks: (0..c.layers).map(block).collect::<Result<_>>()?,
            norm: LayerNorm::new(source, &format!("{tower}.post_layernorm"), n, c.epsilon)?,
            projection: Linear::new(source, projection, shuffled, c.decoder.hidden, false)?,
            decoder: Decoder::new(source, "model.text_model", "lm_head", c.decoder.clone(), rope)?,
            tiles: tiles.clone(),
            config: c.clone(),
        })
    }

    /// Writes a picture down as its processor does: every tile with its row and column, then the whole.
    fn spelled(&self, tiles: &Tiles) -> String {
        let signs = IMAGE.repeat(self.tiles.n_tokens());
        let mut text = String::new();
        for row in 1..=tiles.rows {
            for column in 1..=tiles.columns {
                text += &format!("{AROUND}<row_{row}_col_{column}>{signs}");
            }
            text.push('\n');
        }
        if tiles.rows > 0 {
            text.push('\n');
        }
        text + &format!("{AROUND}{WHOLE}{signs}{AROUND}")
    }

    /// Writes a film down as its processor does, with the words that the model was taught.
    fn spelled_film(&self, seconds: &[f64]) -> String {
        let whole = |s: f64| s as u64;
        let n = in_words(seconds.len());
        let length = duration(seconds.last().map_or(0, |s| whole(*s)));
        let mut text =
            format!("You are provided the following series of {n} frames from a {length} [H:MM:SS] video.\n");
        let alone = self.spelled(&Tiles { rows: 0, columns: 0, tiles: Vec::new() });
        for s in seconds.iter().map(|s| whole(*s)) {
            text += &format!("\nFrame from {:02}:{:02}:{alone}", s / 60, s % 60);
        }
        text + "\n\n"
    }

    /// Refuses media of more tokens than the model has positions, before they become tiles and words.
    fn check_room(&self, media: &[Medium]) -> Result<(), Rejection> {
        let tiles = media.iter().map(|medium| match medium {
            Medium::Picture(picture) => self.tiles.n_tiles(picture),
            Medium::Film { frames, .. } => frames.len(),
        });
        room_for(tiles, self.tiles.n_tokens(), self.config.decoder.max_positions)
    }

    /// Text with every medium written down, and their tiles in order.
    fn written(&self, text: &str, media: &[Medium]) -> Result<(String, Vec<Patches>)> {
        let (mut written, mut all, mut rest) = (String::new(), Vec::new(), text);
        let no_place = |got: &'static str| {
            let expected = format!("a place for each of {} pictures and films, in order", media.len());
            Rejection::new("chat_template", expected, got)
        };
        self.check_room(media)?;
        for medium in media {
            let sign = match medium {
                Medium::Picture(_) => IMAGE,
                Medium::Film { .. } => VIDEO,
            };
            let (before, after) = rest.split_once(sign).ok_or_else(|| no_place("no place for one"))?;
            if before.contains(IMAGE) {
                return Err(no_place("another place for one").into());
            }
            written += before;
            rest = after;
            match medium {
                Medium::Picture(picture) => {
                    let tiles = self.tiles.picture(picture)?;
                    written += &self.spelled(&tiles);
                    all.extend(tiles.tiles);
                }
                Medium::Film { frames, seconds } => {
                    if !self.config.has_films {
                        return Err(Rejection::new("film", "pictures alone for this model", "a film").into());
                    }
                    written += &self.spelled_film(seconds);
                    all.extend(self.tiles.film(frames)?);
                }
            }
        }
        if rest.contains(IMAGE) {
            return Err(no_place("another place for one").into());
        }
        Ok((written + rest, all))
    }
}

impl Family for SmolVlm {
    fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    fn config(&self) -> &DecoderConfig {
        self.decoder.config()
    }

    fn see(&self, patches: &Patches, goes_on: &dyn Fn() -> bool) -> Result<Seen> {
        let c = &self.config;
        let (device, dtype) = (self.decoder.device(), self.decoder.dtype());
        // The learned position of the same part of the picture.
        let [h, w] = patches.grid;
        let place = |(y, x): (usize, usize)| (y * c.side / h * c.side + x * c.side / w) as u32;
        // As many as pixel shuffle takes together follow one another.
        let places: Vec<u32> = merged_order(patches.grid, c.merge).map(place).collect();
        let n = places.len();
        let positions = self.positions.index_select(&Tensor::from_vec(places, n, device)?, 0)?;
        let mut x = (self.patch_embedding.forward(&patches.tensor(device, dtype)?)? + positions)?;
        for block in &self.blocks {
            if !goes_on() {
                return Err(VlmError::Cancelled);
            }
            x = block.forward(&x, None, &[(1, n)])?;
        }
        let shuffled = self.norm.forward(&x)?.reshape(((), c.block.n * c.merge * c.merge))?;
        Ok(Seen { rows: self.projection.forward(&shuffled)?, deep: Vec::new() })
    }

    /// With a film the reference sets the checkpoint's template aside, which knows no films, and writes this.
    fn message(&self, media: &[Medium], sentence: &str) -> Option<String> {
        if !media.iter().any(|m| matches!(m, Medium::Film { .. })) {
            return None;
        }
        let mut text = "<|im_start|>User:".to_owned();
        if !matches!(media.first(), Some(Medium::Picture(_))) {
            text.push(' ');
        }
        for medium in media {
            text += if matches!(medium, Medium::Picture(_)) { IMAGE } else { VIDEO };
        }
        Some(text + sentence + "<end_of_utterance>\nAssistant:")
    }

    fn prompt(&self, text: &str, media: &[Medium], tokens: &Tokens) -> Result<Prompt> {
        let (written, tiles) = self.written(text, media)?;
        let ids = tokens.encode_whole(&written)?;
        let n = self.tiles.n_tokens();
        let mut prompt = Prompt::new();
        let (mut rest, mut tiles) = (ids.as_slice(), tiles.into_iter());
        while let Some((id, after)) = rest.split_first() {
            if *id != self.config.image {
                prompt.push_text(&[*id]);
                rest = after;
                continue;
            }
            let signs = rest.iter().take(n).filter(|sign| *sign == id).count();
            let tile = tiles.next().filter(|_| signs == n).ok_or_else(|| {
                let expected = format!("{n} tokens {IMAGE} for every tile of a picture");
                Rejection::new("tokenizer.json", expected, signs.to_string())
            })?;
            prompt.push_tile(*id, tile, n);
            rest = &rest[n..];
        }
        match tiles.len() {
            0 => Ok(prompt),
            left => {
                Err(Rejection::new("tokenizer.json", "a place for every tile", format!("{left} left")).into())
            }
        }
    }
}

/// Refuses tiles of `n_tokens` each that do not fit into `most` positions.
fn room_for(tiles: impl Iterator<Item = usize>, n_tokens: usize, most: usize) -> Result<(), Rejection> {
    let all = tiles.fold(0_usize, |all, n| all.saturating_add(n.saturating_mul(n_tokens)));
    if all < most {
        return Ok(());
    }
    Err(Rejection::new(
        "pictures",
        format!("fewer than {most} tokens in all, the model's positions"),
        all.to_string(),
    ))
}

/// English, for 0 to 999.
fn in_words(n: usize) -> String {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 10] =
        ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    match n {
        0..20 => SMALL[n].to_owned(),
        20..100 if n.is_multiple_of(10) => TENS[n / 10].to_owned(),
        20..100 => format!("{}-{}", TENS[n / 10], SMALL[n % 10]),
        100..1000 if n.is_multiple_of(100) => format!("{} hundred", SMALL[n / 100]),
        100..1000 => format!("{} hundred and {}", SMALL[n / 100], in_words(n % 100)),
        _ => n.to_string(),
    }
}

/// Hours, minutes and seconds, behind the days where there are any.
fn duration(s: u64) -> String {
    let clock = format!("{}:{:02}:{:02}", s / 3600 % 24, s / 60 % 60, s % 60);
    match s / 86_400 {
        0 => clock,
        1 => format!("1 day, {clock}"),
        days => format!("{days} days, {clock}"),
    }
}

/// What a folder with such a model says of it, and the special tokens that it needs.
pub(super) fn read(dir: &Path, root: &Node<'_>) -> Result<(Config, TileConfig, Special)> {
    let config = Config::new(root)?;
    let files = Processors::read(dir)?;
    let tiles = TileConfig::new(&files, config.patch, config.merge)?;
    if let Some(node) = files.whole().and_then(|n| n.get("image_seq_len")) {
        node.size(tiles.n_tokens()..=tiles.n_tokens())?;
    }
    let special = vec![(config.image, "config.json image_token_id")];
    Ok((config, tiles, special))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_tiles_than_the_model_has_positions_for_are_refused_by_their_number_alone() {
        assert!(room_for([17, 1].into_iter(), 64, 8192).is_ok());
        let e = room_for([1025, 1025].into_iter(), 784, 8192).expect_err("too many").to_string();
        assert!(e.contains("8192") && e.contains("1607200"), "{e}");
        assert!(room_for([usize::MAX, 2].into_iter(), 784, 8192).is_err());
    }

    #[test]
    fn numbers_and_lengths_are_written_as_the_processor_writes_them() {
        let numbers = [2, 13, 20, 64, 100, 101, 342, 768].map(in_words);
        assert_eq!(numbers[..4], ["two", "thirteen", "twenty", "sixty-four"]);
        assert_eq!(numbers[4..6], ["one hundred", "one hundred and one"]);
        assert_eq!(numbers[6..], ["three hundred and forty-two", "seven hundred and sixty-eight"]);
        let lengths = [0, 150, 3_725, 90_000, 180_001].map(duration);
        assert_eq!(lengths, ["0:00:00", "0:02:30", "1:02:05", "1 day, 1:00:00", "2 days, 2:00:01"]);
    }
}
