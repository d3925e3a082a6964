//! PaliGemma 2 (Steiner et al. 2024): a SigLIP tower over one square picture, one product into the channels of a Gemma
//! 2, and a prompt whose tokens all see each other. It tells places by tokens of its own.

use super::decoder::{Decoder, DecoderConfig, plain_theta};
use super::error::Result;
use super::family::{Family, Seen, Special};
use super::layers::Linear;
use super::patches::{Cut, Patches, Processors};
use super::picture::{Medium, Pixels};
use super::positions::Rope;
use super::prompt::{Prompt, check_room};
use super::resize::{Filter, resize};
use super::settings::Node;
use super::siglip::{Siglip, SiglipConfig};
use super::source::Source;
use super::tokens::Tokens;
use super::vision::BlockSize;
use std::path::Path;
use types::Rejection;

const IMAGE: &str = "<image>";
const BEGIN: &str = "<bos>";
/// What counts where the checkpoint does not say.
const TOWER: SiglipConfig = SiglipConfig {
    block: BlockSize { n: 768, inner: 3072, heads: 12 },
    layers: 12,
    epsilon: 1e-6,
    patch: 16,
    side: 14,
};
/// The names of a checkpoint's parts: as published, as transformers 5 writes them, and as the classes have them.
const LANGUAGE: [(&str, &str); 2] =
    [("language_model.model", "language_model.lm_head"), ("model.language_model", "lm_head")];
const VISION: [&str; 4] =
    ["vision_tower.vision_model", "vision_tower", "model.vision_tower.vision_model", "model.vision_tower"];
const PROJECTION: [&str; 2] = ["multi_modal_projector.linear", "model.multi_modal_projector.linear"];

/// Everything of `config.json` that counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Config {
    pub(super) decoder: DecoderConfig,
    theta: f64,
    tower: SiglipConfig,
    image: u32,
}

impl Config {
    fn new(root: &Node<'_>) -> Result<Self> {
        let (text, vision) = (root.need("text_config")?, root.need("vision_config")?);
        let kind = text.need("model_type")?;
        if kind.text()? != "gemma2" {
            return Err(kind.refuse("\"gemma2\", of PaliGemma 2"));
        }
        vision.only("model_type", "siglip_vision_model")?;
        let decoder = DecoderConfig::gemma(root, &text)?;
        let image = root.get("image_token_index").or_else(|| root.get("image_token_id"));
        let image = image.map_or_else(|| root.need("image_token_index"), Ok)?;
        Ok(Self {
            theta: plain_theta(&text)?,
            tower: SiglipConfig::new(&vision, TOWER)?,
            image: image.size(0..=decoder.vocabulary - 1)? as u32,
            decoder,
        })
    }

    /// Words that must be tokens of their own, with their numbers where those are given.
    pub(super) fn words(&self) -> Vec<(&'static str, Option<u32>)> {
        vec![(IMAGE, Some(self.image)), (BEGIN, None)]
    }
}

/// The model.
pub(super) struct PaliGemma {
    config: Config,
    cut: Cut,
    tower: Siglip,
    projection: Linear,
    decoder: Decoder,
}

impl PaliGemma {
    pub(super) fn new(source: &Source<'_>, c: &Config, cut: &Cut) -> Result<Self> {
        // Where none is there the first is missed, by its name.
        let first = |names: &[&'static str], end: &str| {
            let found = names.iter().find(|name| source.has(&format!("{name}.{end}")));
            found.copied().unwrap_or(names[0])
        };
        let prefix = first(&LANGUAGE.map(|(prefix, _)| prefix), "embed_tokens.weight");
        let head = LANGUAGE.iter().find(|(p, _)| *p == prefix).map_or("lm_head", |(_, head)| head);
        let vision = first(&VISION, "embeddings.patch_embedding.weight");
        let (n, hidden) = (c.tower.block.n, c.decoder.hidden);
        let rope = Rope::plain(c.decoder.head_dim, c.theta);
        Ok(Self {
            tower: Siglip::new(source, vision, &c.tower)?,
            projection: Linear::new(source, first(&PROJECTION, "weight"), n, hidden, true)?,
            decoder: Decoder::new(source, prefix, head, c.decoder.clone(), rope)?,
            cut: cut.clone(),
            config: c.clone(),
        })
    }

    /// A picture as the tower takes it: as a square, whatever its shape.
    fn square(&self, picture: &Pixels) -> Result<Patches> {
        let side = self.config.tower.side * self.config.tower.patch;
        Ok(self.cut.rows(&[&resize(picture, side, side, Filter::Cubic)?]))
    }
}

impl Family for PaliGemma {
    fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    fn config(&self) -> &DecoderConfig {
        self.decoder.config()
    }

    fn see(&self, patches: &Patches, goes_on: &dyn Fn() -> bool) -> Result<Seen> {
        let seen = self.tower.see(patches, 1, goes_on)?;
        Ok(Seen { rows: self.projection.forward(&seen)?, deep: Vec::new() })
    }

    fn tells_locations(&self) -> bool {
        true
    }

    /// No checkpoint has a template; its processor writes this.
    fn message(&self, media: &[Medium], sentence: &str) -> Option<String> {
        Some(format!("{}{BEGIN}{sentence}\n", IMAGE.repeat(media.len())))
    }

    fn prompt(&self, text: &str, media: &[Medium], tokens: &Tokens) -> Result<Prompt> {
        let n = self.config.tower.side.pow(2);
        check_room(media.iter().map(|_| 1), n, self.config.decoder.max_positions)?;
        let (mut prompt, mut left) = (Prompt::new(), media.iter());
        let wrong = |got: &'static str| {
            let expected = format!("a token {IMAGE} for each of {} pictures", media.len());
            Rejection::new("tokenizer.json", expected, got)
        };
        for id in tokens.encode(text)? {
            if id != self.config.image {
                prompt.push_text(&[id]);
                continue;
            }
            match left.next().ok_or_else(|| wrong("more"))? {
                Medium::Picture(picture) => prompt.push_tile(id, self.square(picture)?, n),
                Medium::Film { .. } => {
                    return Err(Rejection::new("film", "pictures alone for this model", "a film").into());
                }
            }
        }
        match left.next() {
            Some(_) => Err(wrong("fewer").into()),
            None => Ok(prompt),
        }
    }
}

/// What a folder with such a model says of it, and the special tokens that it needs.
pub(super) fn read(dir: &Path, root: &Node<'_>) -> Result<(Config, Cut, Special)> {
    let config = Config::new(root)?;
    let files = Processors::read(dir)?;
    let image = files.image()?;
    let SiglipConfig { patch, side, .. } = config.tower;
    let default = Cut { patch, temporal: 1, merge: 1, mean: [0.5; 3], deviation: [0.5; 3] };
    let cut = Cut { patch, temporal: 1, merge: 1, ..Cut::new(&image, 3, default)? };
    if let Some(size) = image.get("size") {
        for key in ["height", "width"] {
            size.need(key)?.size(side * patch..=side * patch)?;
        }
    }
    if let Some(n) = image.get("image_seq_length") {
        n.size(side * side..=side * side)?;
    }
    let special = vec![(config.image, "config.json image_token_index")];
    Ok((config, cut, special))
}
