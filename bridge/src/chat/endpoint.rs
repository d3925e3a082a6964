//! Whom to ask, and on which terms.

use super::prices::Price;
use crate::address::{self, Key};
use core::time::Duration;
use types::Rejection;

/// How JSON of a schema is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As `response_format` of the kind `json_schema`: OpenAI, vLLM, llama.cpp, Ollama.
    JsonSchema,
    /// As the arguments of the one tool that is offered: where there are tools and no schemas.
    Tool,
    /// As `response_format` of the kind `json_object`, the schema in words: Model Studio.
    JsonObject,
}

impl Form {
    /// Its name in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonSchema => "json_schema",
            Self::Tool => "tool",
            Self::JsonObject => "json_object",
        }
    }
}

impl core::str::FromStr for Form {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        match text {
            "json_schema" => Ok(Self::JsonSchema),
            "tool" => Ok(Self::Tool),
            "json_object" => Ok(Self::JsonObject),
            _ => Err(Rejection::new("form", "json_schema, tool or json_object", text.to_owned())),
        }
    }
}

/// One model of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    model: String,
    key: Option<Key>,
}

/// On which terms it is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// How JSON is asked for.
    pub form: Form,
    /// What else a request says.
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// Longest time for one answer, all tries together.
    pub limit: Duration,
    /// How often it is asked again.
    pub retries: u32,
    /// Most tokens in all.
    pub most_tokens: u64,
    /// Most money in all, in the price's currency.
    pub most_cost: f64,
    /// What a token costs.
    pub price: Price,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            form: Form::JsonSchema,
            extra: serde_json::Map::new(),
            limit: Duration::from_secs(5),
            retries: 2,
            most_tokens: 200_000,
            most_cost: 1.0,
            price: Price::default(),
        }
    }
}

impl Endpoint {
    /// The model at `url`, which ends before `/chat/completions`: `https://…/v1`, or `http://…/v1` to this machine or
    /// a private address, and with a key to this machine alone.
    ///
    /// # Errors
    /// A [`Rejection`] for an address that is none, or over which pictures or the key could be read by others.
    pub fn new(url: &str, model: &str, key: Option<Key>) -> Result<Self, Rejection> {
        let url = address::checked("remote.url", url, "https://host/v1", "pictures", key.is_some())?;
        if model.is_empty() || model.len() > 200 {
            return Err(Rejection::new("remote.model", "the model's name", model.to_owned()));
        }
        Ok(Self { model: model.to_owned(), key, url })
    }

    /// The address, without an end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The model's name there.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    pub(super) fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// Who is asked.
    #[must_use]
    pub fn host(&self) -> &str {
        address::host_of(&self.url)
    }

    /// An answer, in case the server repeats the key: what is none but in name, as it is set for servers that want any,
    /// may be a word of it.
    pub(super) fn answer_without_key(&self, text: String) -> String {
        match &self.key {
            Some(key) if key.is_secret() => key.hidden_in(&text),
            _ => text,
        }
    }

    /// A server's words, in case it repeats the key.
    pub(super) fn without_key(&self, text: &str) -> String {
        match &self.key {
            Some(key) => key.hidden_in(text),
            None => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_over_which_others_could_read_are_refused() {
        let key = || Key::new("k-123");
        for (url, key, fits) in [
            ("https://dashscope.aliyuncs.com/compatible-mode/v1", key(), true),
            ("http://127.0.0.1:8000/v1/", key(), true),
            ("http://localhost:11434/v1", None, true),
            ("http://[::1]:8000/v1", key(), true),
            ("http://192.168.1.7:8000/v1", None, true),
            ("http://192.168.1.7:8000/v1", key(), false),
            ("http://8.8.8.8/v1", None, false),
            ("http://example.com/v1", None, false),
            ("https://user@example.com/v1", None, false),
            ("ftp://example.com/v1", None, false),
            ("example.com", None, false),
            ("", None, false),
        ] {
            assert_eq!(Endpoint::new(url, "m", key).is_ok(), fits, "{url}");
        }
        assert!(Key::new("two words").is_none() && Key::new("").is_none() && Key::new("a\nb").is_none());
        assert_eq!(format!("{:?}", key().expect("a key")), "Key(…)");
    }
}
