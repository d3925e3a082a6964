//! What comes back: server-sent events, piece by piece, or one JSON; bounded, and whole or nothing.

use super::request::ANSWER;
use super::{Form, Served};
use core::sync::atomic::{AtomicBool, Ordering};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};

/// Most bytes of an answer with everything around it, and of one line.
const MOST_BYTES: u64 = 8 << 20;
const LONGEST_LINE: u64 = 1 << 20;
/// Most characters that are kept of a name that the server says.
const LONGEST_NAME: usize = 80;

/// A whole answer.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) text: String,
    /// Of prompt and answer.
    pub(super) tokens: [u64; 2],
    pub(super) served: Served,
}

/// Why there is none, in words, and whether it would be the same another time.
#[derive(Debug, PartialEq)]
pub(super) struct Broken {
    pub(super) what: String,
    pub(super) is_final: bool,
}

impl From<String> for Broken {
    fn from(what: String) -> Self {
        Self { what, is_final: false }
    }
}

/// Reads an answer to its end; its text, or what broke: a stream that ends early, an error in it, JSON that is none.
/// And the tokens of prompt and answer, whatever came of it: zero for a prompt that nobody counted, and about what was
/// said for an answer that nobody did.
pub(super) fn read(
    reader: impl Read,
    is_stream: bool,
    form: Form,
    cancel: &AtomicBool,
) -> (Result<Answer, Broken>, [u64; 2]) {
    let mut parts = Parts::default();
    let taken = take(reader, is_stream, form, cancel, &mut parts);
    if parts.tokens == [0, 0] {
        parts.tokens[1] = (parts.text.len() + parts.n_beside) as u64 / 4;
    }
    let tokens = parts.tokens;
    (taken.map_err(Broken::from).and_then(|()| parts.answer()), tokens)
}

fn take(
    reader: impl Read,
    is_stream: bool,
    form: Form,
    cancel: &AtomicBool,
    parts: &mut Parts,
) -> Result<(), String> {
    let mut reader = BufReader::new(reader.take(MOST_BYTES));
    if !is_stream {
        let mut text = String::new();
        reader.read_to_string(&mut text).map_err(|e| format!("the answer broke off: {e}"))?;
        return parts.take(&json(&text)?, "message", form);
    }
    let mut line = Vec::new();
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err("cancelled".into());
        }
        line.clear();
        let n = (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line);
        if n.map_err(|e| format!("the stream broke: {e}"))? == 0 {
            return Ok(());
        }
        let text = core::str::from_utf8(&line).map_err(|_| "the stream is no text".to_owned())?.trim();
        let Some(data) = text.strip_prefix("data:").map(str::trim) else { continue };
        if data == "[DONE]" {
            parts.is_whole = true;
            return Ok(());
        }
        parts.take(&json(data)?, "delta", form)?;
    }
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("no JSON: {e}"))
}

/// The words of an error that came as JSON.
pub(super) fn error_of(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    let said = value["error"]["message"].as_str().or(value["error"].as_str()).or(value["message"].as_str())?;
    Some(said.chars().filter(|c| !c.is_control()).take(300).collect())
}

/// A name that the server says.
fn name(said: &Value) -> Option<String> {
    let name: String = said.as_str()?.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    (!name.trim().is_empty()).then_some(name)
}

/// What has come of an answer.
#[derive(Default)]
struct Parts {
    text: String,
    /// Bytes of what came beside a call of the tool.
    n_beside: usize,
    tokens: [u64; 2],
    served: Served,
    /// The server said that it has ended, and not by its length.
    is_whole: bool,
    is_cut: bool,
}

impl Parts {
    fn take(&mut self, piece: &Value, part: &str, form: Form) -> Result<(), String> {
        if !piece["error"].is_null() {
            return Err(error_of(&piece.to_string()).unwrap_or_else(|| "an error".into()));
        }
        let usage = &piece["usage"];
        if let (Some(prompt), Some(answer)) =
            (usage["prompt_tokens"].as_u64(), usage["completion_tokens"].as_u64())
        {
            self.tokens = [prompt, answer];
        }
        if let Some(model) = name(&piece["model"]) {
            self.served.model = Some(model);
        }
        if let Some(fingerprint) = name(&piece["system_fingerprint"]) {
            self.served.fingerprint = Some(fingerprint);
        }
        let choice = &piece["choices"][0];
        let content = choice[part]["content"].as_str().unwrap_or_default();
        match form {
            Form::Tool => {
                let arguments = &choice[part]["tool_calls"][0]["function"]["arguments"];
                self.text.push_str(arguments.as_str().unwrap_or_default());
                self.n_beside += content.len();
            }
            Form::JsonSchema | Form::JsonObject => self.text.push_str(content),
        }
        match choice["finish_reason"].as_str() {
            Some("length") => self.is_cut = true,
            Some(_) => self.is_whole = true,
            None => {}
        }
        Ok(())
    }

    fn answer(self) -> Result<Answer, Broken> {
        if self.is_cut {
            return Err(Broken { what: "the answer was cut off by its length".into(), is_final: true });
        }
        if !self.is_whole {
            return Err("the stream ended early".to_owned().into());
        }
        if self.text.is_empty() && self.n_beside > 0 {
            return Err("words, and no call of the tool".to_owned().into());
        }
        // Some models put a fence around it.
        let text = self.text.trim();
        let text = text.strip_prefix("```json").or(text.strip_prefix("```")).unwrap_or(text);
        let value = json(text.strip_suffix("```").unwrap_or(text).trim())?;
        match value.get(ANSWER) {
            Some(answer) => Ok(Answer { text: answer.to_string(), tokens: self.tokens, served: self.served }),
            None => Err("an answer without its one field".to_owned().into()),
        }
    }
}
