//! Gemma 2 (Gemma team 2024) as the language model behind a vision-language model: what it does otherwise than the Qwen
//! and Llama families, and the settings that say so.

use super::attention::{MAX_SCORES, Past, Scores};
use super::decoder::{Bias, DecoderConfig};
use super::error::Result;
use super::settings::Node;

const NEAR: &str = "sliding_attention";
const FAR: &str = "full_attention";

/// What a decoder of this kind does otherwise. Besides, its norms multiply by one more than their weights and stand
/// behind attention and gated layer, too, gates are opened by GELU, words are multiplied by √hidden, and the tokens of
/// a prompt see each other whichever came first, so that a prompt is read in one go.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gemma {
    pub(super) scores: Scores,
    /// c in c tanh(logit / c).
    pub(super) logit_cap: f64,
    /// In the layers that are near-sighted a token of an answer sees so many, itself among them.
    window: usize,
    /// For each layer.
    is_near: Vec<bool>,
}

impl Gemma {
    /// From the settings of the language model, `text`. Files may leave out what is the class's default; null would be
    /// a model without a cap or a window.
    fn new(text: &Node<'_>, layers: usize) -> Result<Self> {
        let number =
            |key: &str, default: f64| text.get_said(key)?.map_or(Ok(default), |n| n.number(1e-3..=1e6));
        let kinds = text.get("layer_types").map(|n| n.list()).transpose()?;
        let is_near = match &kinds {
            None => (0..layers).map(|i| i % 2 == 0).collect(),
            Some(kinds) if kinds.len() == layers => {
                let kind = |node: &Node<'_>| match node.text()? {
                    NEAR => Ok(true),
                    FAR => Ok(false),
                    _ => Err(node.refuse(format!("{NEAR:?} or {FAR:?}"))),
                };
                kinds.iter().map(kind).collect::<Result<_>>()?
            }
            Some(_) => {
                return Err(text.need("layer_types")?.refuse(format!("one for each of {layers} layers")));
            }
        };
        let scale = number("query_pre_attn_scalar", 256.0)?;
        Ok(Self {
            scores: Scores {
                scale: Some(1.0 / libm::sqrt(scale)),
                cap: Some(number("attn_logit_softcapping", 50.0)?),
            },
            logit_cap: number("final_logit_softcapping", 30.0)?,
            window: text.get_said("sliding_window")?.map_or(Ok(4096), |n| n.size(1..=1 << 30))?,
            is_near,
        })
    }
}

impl DecoderConfig {
    /// Of Gemma 2, from the settings of the language model, `text`, which are a part of all of them, `root`.
    pub(super) fn gemma(root: &Node<'_>, text: &Node<'_>) -> Result<Self> {
        const TIED: &str = "tie_word_embeddings";
        const GELU: &str = "gelu_pytorch_tanh";
        // The second one counts; older files have both.
        text.only("hidden_act", GELU)?;
        text.only("hidden_activation", GELU)?;
        let size = |key: &str, most: usize| text.need(key)?.size(1..=most);
        let heads = size("num_attention_heads", 1024)?;
        let kv_heads = size("num_key_value_heads", heads)?;
        if heads % kv_heads != 0 {
            return Err(text.need("num_key_value_heads")?.refuse(format!("a divisor of {heads} heads")));
        }
        let head_dim = text.get("head_dim").map_or(Ok(256), |n| n.size(2..=1024))?;
        if !head_dim.is_multiple_of(2) {
            return Err(text.need("head_dim")?.refuse("an even number of channels per head"));
        }
        if let Some(bias) = text.get("attention_bias")
            && bias.flag()?
        {
            return Err(bias.refuse("false"));
        }
        let tied = root.get(TIED).or_else(|| text.get(TIED));
        let layers = size("num_hidden_layers", 64)?;
        Ok(Self {
            vocabulary: size("vocab_size", 1 << 24)?,
            hidden: size("hidden_size", 65_536)?,
            inner: size("intermediate_size", 1 << 20)?,
            layers,
            heads,
            kv_heads,
            head_dim,
            epsilon: text.get("rms_norm_eps").map_or(Ok(1e-6), |n| n.number(0.0..=1.0))?,
            is_tied: tied.map_or(Ok(true), |n| n.flag())?,
            bias: Bias::None,
            has_qk_norm: false,
            mixture: None,
            gemma: Some(Gemma::new(text, layers)?),
            max_positions: text.get("max_position_embeddings").map_or(Ok(8192), |n| n.size(1..=1 << 30))?,
        })
    }
}

/// What the queries of one pass see, in layers of either kind.
pub(super) struct Views<'a> {
    far: Past,
    near: Option<(Past, &'a [bool])>,
}

impl<'a> Views<'a> {
    /// Of one token of an answer that stands behind `first` keys; `past` is what it sees in any other model.
    pub(super) fn of_answer(
        c: &'a DecoderConfig,
        first: usize,
        past: impl FnOnce() -> Result<Past>,
    ) -> Result<Self> {
        let Some(gemma) = &c.gemma else { return Ok(Self { far: past()?, near: None }) };
        let end = first + 1;
        let over = |begin| Past::of_all(1, begin..end, c.heads, MAX_SCORES, gemma.scores);
        let near = over(end.saturating_sub(gemma.window));
        Ok(Self { far: over(0), near: Some((near, &gemma.is_near)) })
    }

    /// Of the `n` tokens of a prompt that are behind `first` keys.
    pub(super) fn of_prompt(
        c: &'a DecoderConfig,
        (first, n): (usize, usize),
        past: impl FnOnce() -> Result<Past>,
    ) -> Result<Self> {
        let far = match &c.gemma {
            // In layers of both kinds, however long the prompt is (transformers 5).
            Some(gemma) => Past::of_all(n, 0..first + n, c.heads, MAX_SCORES, gemma.scores),
            None => past()?,
        };
        Ok(Self { far, near: None })
    }

    pub(super) fn in_layer(&self, layer: usize) -> &Past {
        match &self.near {
            Some((near, is_near)) if is_near.get(layer) == Some(&true) => near,
            _ => &self.far,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_published_settings_leave_out_is_what_their_class_has() {
        let json = json!({ "text_config": { "hidden_size": 2304, "intermediate_size": 9216, "model_type": "gemma2",
            "num_attention_heads": 8, "num_hidden_layers": 26, "num_key_value_heads": 4, "vocab_size": 257_216 } });
        let root = Node::root("config.json", &json);
        let c = DecoderConfig::gemma(&root, &root.need("text_config").expect("there")).expect("in range");
        let gemma = c.gemma.expect("one");
        assert_eq!((c.head_dim, c.max_positions, c.epsilon, c.is_tied), (256, 8192, 1e-6, true));
        assert_eq!(gemma.scores, Scores { scale: Some(1.0 / 16.0), cap: Some(50.0) });
        assert_eq!((gemma.logit_cap, gemma.window, gemma.is_near.len()), (30.0, 4096, 26));
        assert_eq!(gemma.is_near[..4], [true, false, true, false]);
    }
}
