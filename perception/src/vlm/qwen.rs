//! What the models of the Qwen family share: the settings of the language model and of the vision tower, and the
//! tokens that stand for pictures and films in a prompt.

use super::decoder::{DecoderConfig, theta};
use super::error::Result;
use super::family::Special;
use super::layers::Linear;
use super::patches::{PatchConfig, Processors};
use super::picture::{Medium, Pixels};
use super::prompt::Prompt;
use super::settings::Node;
use super::source::Source;
use super::vision::BlockSize;
use std::path::Path;
use types::Rejection;

/// Settings of the language model and of its positions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Language {
    pub(super) decoder: DecoderConfig,
    pub(super) theta: f64,
    /// Pairs of channels that follow time, height and width.
    pub(super) sections: [usize; 3],
    /// What the kind of rotation says beside that.
    pub(super) is_interleaved: Option<bool>,
}

impl Language {
    /// Of transformers 4 (`rope_theta`, `rope_scaling`) or 5 (`rope_parameters`), with rotations of these `kinds`.
    pub(super) fn new(root: &Node<'_>, text: &Node<'_>, kinds: &[&str]) -> Result<Self> {
        let decoder = DecoderConfig::new(root, text)?;
        let rope = match text.get("rope_parameters") {
            Some(rope) => rope,
            None => text.need("rope_scaling")?,
        };
        for kind in ["rope_type", "type"].iter().filter_map(|key| rope.get(key)) {
            if !kinds.contains(&kind.text()?) {
                return Err(kind.refuse(format!("{kinds:?}")));
            }
        }
        let sections = rope.need("mrope_section")?;
        let half = decoder.head_dim / 2;
        let sizes: Option<[usize; 3]> = sections.sizes(0..=512)?.try_into().ok();
        let sizes = sizes.filter(|s| s.iter().sum::<usize>() == half);
        Ok(Self {
            theta: theta(text, &rope)?,
            sections: sizes.ok_or_else(|| sections.refuse(format!("three numbers with the sum {half}")))?,
            is_interleaved: rope.get("mrope_interleaved").map(|n| n.flag()).transpose()?,
            decoder,
        })
    }
}

/// Sizes of the vision tower.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tower {
    pub(super) block: BlockSize,
    pub(super) layers: usize,
    pub(super) patch: usize,
    pub(super) temporal: usize,
    pub(super) merge: usize,
    pub(super) theta: f64,
}

impl Tower {
    pub(super) fn new(vision: &Node<'_>, text: &DecoderConfig, activation: &str) -> Result<Self> {
        vision.only("hidden_act", activation)?;
        let size = |key: &str, most: usize| vision.need(key)?.size(1..=most);
        for key in ["in_channels", "in_chans"] {
            vision.get(key).map_or(Ok(3), |n| n.size(3..=3))?;
        }
        vision.need("out_hidden_size")?.size(text.hidden..=text.hidden)?;
        let (n, heads) = (size("hidden_size", 65_536)?, size("num_heads", 1024)?);
        if !n.is_multiple_of(4 * heads) {
            return Err(vision.need("hidden_size")?.refuse(format!("a multiple of 4 · {heads} heads")));
        }
        let theta = match vision.get("rope_parameters") {
            Some(rope) => {
                rope.only("rope_type", "axial")?;
                rope.get("rope_theta").map_or(Ok(1e4), |n| n.number(1.0..=1e12))?
            }
            None => 1e4,
        };
        Ok(Self {
            block: BlockSize { n, inner: size("intermediate_size", 1 << 20)?, heads },
            layers: size("depth", 1024)?,
            patch: size("patch_size", 64)?,
            temporal: size("temporal_patch_size", 64)?,
            merge: size("spatial_merge_size", 64)?,
            theta,
        })
    }

    /// Channels of a token, which the tower makes of `merge` × `merge` patches.
    pub(super) fn merged(&self) -> usize {
        self.block.n * self.merge * self.merge
    }

    /// A convolution whose steps are its width is a product with every patch.
    pub(super) fn patch_embedding(&self, source: &Source<'_>, name: &str, has_bias: bool) -> Result<Linear> {
        let n = self.block.n;
        let dims = [n, 3, self.temporal, self.patch, self.patch];
        let weight = source.matrix(&format!("{name}.weight"), &dims)?;
        let bias = if has_bias { Some(source.get(&format!("{name}.bias"), &[n])?) } else { None };
        Ok(Linear::from_parts(weight, bias))
    }

    /// How pictures are prepared for it, as the files in `dir` say.
    pub(super) fn preparation(&self, dir: &Path, default: PatchConfig) -> Result<PatchConfig> {
        let files = Processors::read(dir)?;
        let patches = PatchConfig::new(&files.image()?, files.film().as_ref(), default)?;
        for (key, ours, theirs) in [
            ("patch_size", patches.cut.patch, self.patch),
            ("temporal_patch_size", patches.cut.temporal, self.temporal),
            ("merge_size", patches.cut.merge, self.merge),
        ] {
            if ours != theirs {
                let expected = format!("{theirs}, as in config.json");
                let field = format!("{} {key}", Processors::OLD);
                return Err(Rejection::new(field, expected, ours.to_string()).into());
            }
        }
        Ok(patches)
    }
}

/// Puts a picture into a prompt.
type PutPicture<'a> = &'a dyn Fn(&mut Prompt, &Pixels) -> Result<()>;
/// Puts the pictures of a film into a prompt, with the seconds at which they were taken.
type PutFilm<'a> = &'a dyn Fn(&mut Prompt, &[Pixels], &[f64]) -> Result<()>;

/// The tokens that stand for pictures and films.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signs {
    pub(super) image: u32,
    pub(super) video: u32,
    pub(super) vision_start: u32,
    pub(super) vision_end: u32,
}

impl Signs {
    pub(super) fn new(root: &Node<'_>, vocabulary: usize) -> Result<Self> {
        let token = |key: &str| root.need(key)?.size(0..=vocabulary - 1).map(|id| id as u32);
        Ok(Self {
            image: token("image_token_id")?,
            video: token("video_token_id")?,
            vision_start: token("vision_start_token_id")?,
            vision_end: token("vision_end_token_id")?,
        })
    }

    pub(super) fn special(&self) -> Special {
        vec![
            (self.image, "config.json image_token_id"),
            (self.video, "config.json video_token_id"),
            (self.vision_start, "config.json vision_start_token_id"),
            (self.vision_end, "config.json vision_end_token_id"),
        ]
    }

    /// Puts each medium in the place that the template left for it, as `picture` and `film` do that.
    pub(super) fn prompt(
        &self,
        ids: &[u32],
        media: &[Medium],
        picture: PutPicture<'_>,
        film: PutFilm<'_>,
    ) -> Result<Prompt> {
        let mut prompt = Prompt::new();
        let mut left = media.iter();
        let mut wrong = None;
        for id in ids {
            match (*id, left.as_slice().first()) {
                (id, Some(Medium::Picture(pixels))) if id == self.image => {
                    picture(&mut prompt, pixels)?;
                    left.next();
                }
                (id, Some(Medium::Film { frames, seconds })) if id == self.video => {
                    film(&mut prompt, frames, seconds)?;
                    left.next();
                }
                (id, _) if id == self.image || id == self.video => wrong = Some("another place for one"),
                (id, _) => prompt.push_text(&[id]),
            }
        }
        match wrong.or(left.next().map(|_| "no place for one")) {
            Some(got) => Err(no_place(media, got).into()),
            None => Ok(prompt),
        }
    }
}

/// A template without the right places for `media`.
pub(super) fn no_place(media: &[Medium], got: &'static str) -> Rejection {
    let expected = format!("a place for each of {} pictures and films, in order", media.len());
    Rejection::new("chat_template", expected, got)
}

/// Row and column of every patch as positions.
pub(super) fn places(order: impl Iterator<Item = (usize, usize)>) -> Vec<[u32; 3]> {
    order.map(|(y, x)| [0, y as u32, x as u32]).collect()
}
