//! Text to tokens and back, as `tokenizer.json` says.

use super::error::{Result, VlmError};
use super::settings::read_text;
use std::path::Path;
use tokenizers::Tokenizer;
use types::Rejection;

/// Longest `tokenizer.json`; published ones have up to 35 MiB.
const MAX_BYTES: u64 = 128 << 20;
/// Longest sentence, bytes.
const MAX_SENTENCE: usize = 64 << 10;

/// A checkpoint's tokenizer.
pub(super) struct Tokens {
    tokenizer: Tokenizer,
    /// Tokens that stand for no text, as they are written.
    special: Vec<String>,
}

impl Tokens {
    /// From `tokenizer.json` in `dir`; refused when it knows tokens that the model's `vocabulary` has not.
    pub(super) fn new(dir: &Path, vocabulary: usize) -> Result<Self> {
        const NAME: &str = "tokenizer.json";
        let refuse = |expected: String, got: String| VlmError::from(Rejection::new(NAME, expected, got));
        let text = read_text(dir, NAME, MAX_BYTES)?.ok_or_else(|| refuse("a file".into(), "none".into()))?;
        let mut tokenizer =
            Tokenizer::from_bytes(text).map_err(|e| refuse("a tokenizer".into(), e.to_string()))?;
        // A whole prompt is one sequence: cutting it off or filling it up would be an error.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|e| refuse("a tokenizer".into(), e.to_string()))?;
        let added = tokenizer.get_added_tokens_decoder();
        let highest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0) as usize;
        if highest >= vocabulary {
            return Err(refuse(format!("tokens below the model's {vocabulary}"), highest.to_string()));
        }
        let special = added.into_values().filter(|t| t.special).map(|t| t.content).collect();
        Ok(Self { tokenizer, special })
    }

    /// Refuses `id` unless it is a special token, and names who wants it (B31).
    pub(super) fn need_special(&self, id: u32, whose: &str) -> Result<()> {
        let token = self.tokenizer.id_to_token(id);
        if token.as_ref().is_some_and(|t| self.special.contains(t)) {
            return Ok(());
        }
        let expected = format!("a special token {id} for {whose}");
        let got = token.map_or("none".to_owned(), |t| format!("{t:?}, which is not special"));
        Err(Rejection::new("tokenizer.json", expected, got).into())
    }

    /// The tokens of `text`, with nothing added; special tokens in it count as such.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoded = self.tokenizer.encode_fast(text, false);
        let encoded = encoded.map_err(|e| VlmError::Backend(format!("the tokenizer failed: {e}")))?;
        Ok(encoded.get_ids().to_vec())
    }

    /// The text of `ids`, without special tokens.
    pub(super) fn decode(&self, ids: &[u32]) -> Result<String> {
        let text = self.tokenizer.decode(ids, true);
        text.map_err(|e| VlmError::Backend(format!("the tokenizer failed: {e}")))
    }

    /// Refuses a sentence that is too long, or holds a special token: it could end its own message and
    /// begin another one in somebody else's name.
    pub(super) fn check_sentence(&self, sentence: &str) -> Result<()> {
        if sentence.len() > MAX_SENTENCE {
            let expected = format!("at most {MAX_SENTENCE} bytes");
            return Err(Rejection::new("sentence", expected, sentence.len().to_string()).into());
        }
        match self.special.iter().find(|s| !s.is_empty() && sentence.contains(s.as_str())) {
            Some(found) => {
                Err(Rejection::new("sentence", "words", format!("the special token {found}")).into())
            }
            None => Ok(()),
        }
    }
}
