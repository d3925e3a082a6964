//! What a family of models must bring, and which families there are. A new one is one file and a line
//! or two in each part of [`Plan`].

use super::decoder::{Decoder, DecoderConfig};
use super::error::Result;
use super::frames::{FrameSampling, Spread};
use super::paligemma::{self, PaliGemma};
use super::patches::{Cut, PatchConfig, Patches};
use super::picture::Medium;
use super::prompt::Prompt;
use super::qwen2_5_vl::{self, Qwen25Vl};
use super::qwen3_vl::{self, Qwen3Vl};
use super::settings::{Node, read_json};
use super::smolvlm::{self, SmolVlm};
use super::source::Source;
use super::tiles::TileConfig;
use super::tokens::Tokens;
use candle_core::Tensor;
use std::path::Path;
use types::Rejection;

/// What a vision tower makes of one picture, per token and in the language model's channels.
pub(super) struct Seen {
    /// (tokens, hidden), in place of the tokens' embeddings.
    pub(super) rows: Tensor,
    /// The same shape, added after the first layers of the language model, one each.
    pub(super) deep: Vec<Tensor>,
}

/// A family of vision-language models.
pub(super) trait Family: Send {
    fn config(&self) -> &DecoderConfig;
    fn decoder(&mut self) -> &mut Decoder;
    /// Runs the vision tower over one picture; gives up between layers when `goes_on` says so.
    fn see(&self, patches: &Patches, goes_on: &dyn Fn() -> bool) -> Result<Seen>;
    /// Width and height that a picture of this width and height is shown in, where the family tells places in its pixels.
    fn tells_pixels_of(&self, _sides: [usize; 2]) -> Option<[usize; 2]> {
        None
    }
    /// Whether it tells places by tokens `<loc0000>` to `<loc1023>`.
    fn tells_locations(&self) -> bool {
        false
    }
    /// A user's message and the beginning of the answer, where the checkpoint's template does not count.
    fn message(&self, _media: &[Medium], _sentence: &str) -> Option<String> {
        None
    }
    /// Puts pictures and films in the places that the template left for them in `text`.
    fn prompt(&self, text: &str, media: &[Medium], tokens: &Tokens) -> Result<Prompt>;
}

/// Tokens that must be special, each with the setting that says so.
pub(super) type Special = Vec<(u32, &'static str)>;

/// A folder whose settings were read and checked: enough to check its weights, and to load them.
pub(super) enum Plan {
    PaliGemma(Box<paligemma::Config>, Cut),
    Qwen25Vl(Box<qwen2_5_vl::Config>, PatchConfig),
    Qwen3Vl(Box<qwen3_vl::Config>, PatchConfig),
    SmolVlm(Box<smolvlm::Config>, TileConfig),
}

impl Plan {
    /// Reads the settings in `dir`, and says which tokens must be special and for whom.
    pub(super) fn read(dir: &Path) -> Result<(Self, Special)> {
        const NAME: &str = "config.json";
        let json = read_json(dir, NAME)?;
        let json =
            json.ok_or_else(|| Rejection::new(NAME, format!("a file in {}", dir.display()), "none"))?;
        let root = Node::root(NAME, &json);
        let family = root.need("model_type")?;
        match family.text()? {
            kind @ ("qwen3_vl" | "qwen3_vl_moe") => {
                let is_mixture = kind == "qwen3_vl_moe";
                let (config, patches, special) = qwen3_vl::read(dir, &root, is_mixture)?;
                Ok((Self::Qwen3Vl(Box::new(config), patches), special))
            }
            "qwen2_5_vl" => {
                let (config, patches, special) = qwen2_5_vl::read(dir, &root)?;
                Ok((Self::Qwen25Vl(Box::new(config), patches), special))
            }
            "smolvlm" | "idefics3" => {
                let (config, tiles, special) = smolvlm::read(dir, &root)?;
                Ok((Self::SmolVlm(Box::new(config), tiles), special))
            }
            "paligemma" => {
                let (config, cut, special) = paligemma::read(dir, &root)?;
                Ok((Self::PaliGemma(Box::new(config), cut), special))
            }
            _ => Err(family.refuse(
                "\"qwen3_vl\", \"qwen3_vl_moe\", \"qwen2_5_vl\", \"smolvlm\", \"idefics3\" or \"paligemma\"",
            )),
        }
    }

    pub(super) fn decoder(&self) -> &DecoderConfig {
        match self {
            Self::PaliGemma(config, _) => &config.decoder,
            Self::Qwen25Vl(config, _) => &config.language.decoder,
            Self::Qwen3Vl(config, _) => &config.language.decoder,
            Self::SmolVlm(config, _) => &config.decoder,
        }
    }

    /// Words that must be tokens of their own, with their numbers where those are given.
    pub(super) fn words(&self) -> Vec<(&'static str, Option<u32>)> {
        match self {
            Self::Qwen25Vl(..) | Self::Qwen3Vl(..) => Vec::new(),
            Self::PaliGemma(config, _) => config.words(),
            Self::SmolVlm(config, _) => config.words(),
        }
    }

    /// Whether a user's message is written down by the checkpoint's template.
    pub(super) fn has_template(&self) -> bool {
        !matches!(self, Self::PaliGemma(..))
    }

    /// How films are thinned out for it, as the files in `dir` say; nothing where it takes none.
    pub(super) fn sampling(&self, dir: &Path) -> Result<Option<FrameSampling>> {
        let (spread, temporal) = match self {
            Self::PaliGemma(..) => return Ok(None),
            Self::SmolVlm(config, _) if !config.has_films => return Ok(None),
            Self::Qwen25Vl(_, patches) => (Spread::Steps, patches.cut.temporal),
            Self::Qwen3Vl(_, patches) => (Spread::Nearest, patches.cut.temporal),
            Self::SmolVlm(..) => (Spread::Inner, 1),
        };
        FrameSampling::read(dir, spread, temporal).map(Some)
    }

    /// The family's own name.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::PaliGemma(..) => "PaliGemma 2",
            Self::Qwen25Vl(..) => "Qwen2.5-VL",
            Self::Qwen3Vl(config, _) if config.language.decoder.mixture.is_some() => "Qwen3-VL, mixture",
            Self::Qwen3Vl(..) => "Qwen3-VL",
            Self::SmolVlm(config, _) if !config.has_films => "Idefics3",
            Self::SmolVlm(..) => "SmolVLM",
        }
    }

    /// Builds the model from a source: the check of a checkpoint, its weights, or random ones.
    pub(super) fn build(&self, source: &Source<'_>) -> Result<Box<dyn Family>> {
        match self {
            Self::PaliGemma(config, cut) => Ok(Box::new(PaliGemma::new(source, config, cut)?)),
            Self::Qwen25Vl(config, patches) => Ok(Box::new(Qwen25Vl::new(source, config, patches)?)),
            Self::Qwen3Vl(config, patches) => Ok(Box::new(Qwen3Vl::new(source, config, patches)?)),
            Self::SmolVlm(config, tiles) => Ok(Box::new(SmolVlm::new(source, config, tiles)?)),
        }
    }
}
