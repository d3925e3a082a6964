//! SmolVLM2 (Marafioti et al. 2025), and Idefics3 (Laurençon et al. 2024), from which it comes: a SigLIP tower over
//! tiles of a picture and the whole of it, squares of neighbouring patches as one token (pixel shuffle), one product
//! into the channels of a Llama. Films are pictures with their times in words.

use super::decoder::{Decoder, DecoderConfig, plain_theta};
use super::error::Result;
use super::family::{Family, Seen, Special};
use super::layers::Linear;
use super::patches::{Patches, Processors};
use super::picture::Medium;
use super::positions::Rope;
use super::prompt::{Prompt, check_room};
use super::settings::Node;
use super::siglip::{Siglip, SiglipConfig};
use super::source::Source;
use super::tiles::{TileConfig, Tiles};
use super::tokens::Tokens;
use super::vision::BlockSize;
use std::path::Path;
use types::Rejection;

const IMAGE: &str = "<image>";
const VIDEO: &str = "<video>";
const AROUND: &str = "<fake_token_around_image>";
const WHOLE: &str = "<global-img>";
/// What counts where the checkpoint does not say.
const TOWER: SiglipConfig = SiglipConfig {
    block: BlockSize { n: 1152, inner: 3072, heads: 16 },
    layers: 12,
    epsilon: 1e-6,
    patch: 32,
    side: 7,
};

/// Everything of `config.json` that counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Config {
    pub(super) decoder: DecoderConfig,
    theta: f64,
    tower: SiglipConfig,
    /// Patches along each side of the square that becomes one token.
    merge: usize,
    image: u32,
    pub(super) has_films: bool,
}

impl Config {
    fn new(root: &Node<'_>) -> Result<Self> {
        let (text, vision) = (root.need("text_config")?, root.need("vision_config")?);
        text.only("model_type", "llama")?;
        let decoder = DecoderConfig::new(root, &text)?;
        Ok(Self {
            theta: plain_theta(&text)?,
            tower: SiglipConfig::new(&vision, TOWER)?,
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
    tower: Siglip,
    projection: Linear,
    decoder: Decoder,
}

impl SmolVlm {
    pub(super) fn new(source: &Source<'_>, c: &Config, tiles: &TileConfig) -> Result<Self> {
        let rope = Rope::plain(c.decoder.head_dim, c.theta);
        let shuffled = c.tower.block.n * c.merge * c.merge;
        let projection = "model.connector.modality_projection.proj";
        Ok(Self {
            tower: Siglip::new(source, "model.vision_model", &c.tower)?,
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
        check_room(tiles, self.tiles.n_tokens(), self.config.decoder.max_positions)
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
        // As many as pixel shuffle takes together follow one another.
        let seen = self.tower.see(patches, c.merge, goes_on)?;
        let shuffled = seen.reshape(((), c.tower.block.n * c.merge * c.merge))?;
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
    let tiles = TileConfig::new(&files, config.tower.patch, config.merge)?;
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
    fn numbers_and_lengths_are_written_as_the_processor_writes_them() {
        let numbers = [2, 13, 20, 64, 100, 101, 342, 768].map(in_words);
        assert_eq!(numbers[..4], ["two", "thirteen", "twenty", "sixty-four"]);
        assert_eq!(numbers[4..6], ["one hundred", "one hundred and one"]);
        assert_eq!(numbers[6..], ["three hundred and forty-two", "seven hundred and sixty-eight"]);
        let lengths = [0, 150, 3_725, 90_000, 180_001].map(duration);
        assert_eq!(lengths, ["0:00:00", "0:02:30", "1:02:05", "1 day, 1:00:00", "2 days, 2:00:01"]);
    }
}
