//! Text to tokens and back, as `tokenizer.json` says.

use super::error::{Result, VlmError};
use super::settings::read_text;
use llguidance::toktrie::TokTrie;
use std::collections::HashMap;
use std::path::Path;
use tokenizers::{Decoder as _, DecoderWrapper, Tokenizer};
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

    /// Refuses a tokenizer in which `word` is no token of its own, or another one than `id`.
    pub(super) fn need_word(&self, word: &str, id: Option<u32>) -> Result<()> {
        let found = self.tokenizer.token_to_id(word);
        if found.is_some() && (id.is_none() || id == found) {
            return Ok(());
        }
        let expected = match id {
            Some(id) => format!("the token {id} for {word}"),
            None => format!("a token for {word}"),
        };
        let got = found.map_or("none".to_owned(), |id| id.to_string());
        Err(Rejection::new("tokenizer.json", expected, got).into())
    }

    /// The tokens of `text`, with nothing added; special tokens in it count as such.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.encoded(text, false)
    }

    /// The tokens of `text` as a whole prompt, with those that the tokenizer puts around one.
    pub(super) fn encode_whole(&self, text: &str) -> Result<Vec<u32>> {
        self.encoded(text, true)
    }

    fn encoded(&self, text: &str, is_whole: bool) -> Result<Vec<u32>> {
        let encoded = self.tokenizer.encode_fast(text, is_whole);
        let encoded = encoded.map_err(|e| VlmError::Backend(format!("the tokenizer failed: {e}")))?;
        Ok(encoded.get_ids().to_vec())
    }

    /// The text of `ids`, without special tokens.
    pub(super) fn decode(&self, ids: &[u32]) -> Result<String> {
        let text = self.tokenizer.decode(ids, true);
        text.map_err(|e| VlmError::Backend(format!("the tokenizer failed: {e}")))
    }

    /// What each of `vocabulary` tokens stands for, as bytes; special tokens behind a byte that no text has, and
    /// nothing for numbers that no token has.
    ///
    /// # Errors
    /// A [`Rejection`] for a tokenizer that is not byte-level, nor of pieces with single bytes beside them.
    pub(super) fn bytes(&self, vocabulary: usize) -> Result<Vec<Vec<u8>>> {
        let is_byte_level = |d: &DecoderWrapper| matches!(d, DecoderWrapper::ByteLevel(_));
        let decoder = self.tokenizer.get_decoder();
        let has_signs = decoder.is_some_and(|d| match d {
            DecoderWrapper::Sequence(all) => all.get_decoders().iter().any(is_byte_level),
            one => is_byte_level(one),
        });
        // A decoder that drops a space in front would make another text of the same bytes.
        let tells = |token: &str, text: &str| {
            decoder.is_some_and(|d| d.decode(vec![token.to_owned()]).is_ok_and(|t| t == text))
        };
        let has_pieces = tells("▁a", " a") && tells("<0x41>", "A");
        if !(has_signs || has_pieces) {
            let expected = "a tokenizer of bytes, or of pieces and bytes, for answers in a grammar";
            return Err(Rejection::new("tokenizer.json decoder", expected, "another").into());
        }
        let byte_of: HashMap<char, u8> = signs_of_bytes().collect();
        let added = self.tokenizer.get_added_tokens_decoder();
        let word = |id: u32| match (added.get(&id), self.tokenizer.id_to_token(id)) {
            (Some(token), _) if token.special => {
                let mut marked = vec![TokTrie::SPECIAL_TOKEN_MARKER];
                marked.extend(token.content.bytes());
                marked
            }
            (Some(token), _) => token.content.clone().into_bytes(),
            (None, Some(piece)) if !has_signs => bytes_of_piece(&piece),
            // A sign that stands for no byte is in no text.
            (None, Some(token)) => {
                token.chars().map(|c| byte_of.get(&c).copied()).collect::<Option<_>>().unwrap_or_default()
            }
            (None, None) => Vec::new(),
        };
        Ok((0..vocabulary as u32).map(word).collect())
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

/// A piece has a bar in the place of each space; `<0x0A>` is one byte (Kudo and Richardson, 2018).
fn bytes_of_piece(piece: &str) -> Vec<u8> {
    let hex = piece.strip_prefix("<0x").and_then(|p| p.strip_suffix('>')).filter(|hex| hex.len() == 2);
    match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
        Some(byte) => vec![byte],
        None => piece.replace('▁', " ").into_bytes(),
    }
}

/// The sign that byte-level tokenizers write for each byte (Radford et al., 2019): itself where it can be seen, else
/// one from U+0100 on, in order.
fn signs_of_bytes() -> impl Iterator<Item = (char, u8)> {
    let mut unseen = 0x100..;
    (0..=255u8).map(move |byte| {
        let is_seen = matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
        let sign = if is_seen { Some(char::from(byte)) } else { unseen.next().and_then(char::from_u32) };
        (sign.unwrap_or_default(), byte)
    })
}
