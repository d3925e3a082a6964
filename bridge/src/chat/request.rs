//! What a request says.

use super::{Form, Question, Terms};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The name of the one field, and of the one tool, that the answer comes in.
pub(super) const ANSWER: &str = "answer";

/// What decides how tokens are chosen, as servers call it: of all that may stand in a request these alone are told on.
const SAMPLING: [&str; 9] = [
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "top_p",
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
];

/// What a server is asked for about the choice of tokens: a seed, and settings.
pub(super) fn sampling(terms: &Terms, max_tokens: usize) -> (Option<i64>, BTreeMap<String, f64>) {
    let own = [("temperature", json!(TEMPERATURE)), ("max_tokens", json!(max_tokens))];
    let mut all = serde_json::Map::from_iter(own.map(|(name, value)| (name.to_owned(), value)));
    all.extend(terms.extra.clone());
    let setting = |name: &&str| Some(((*name).to_owned(), all.get(*name)?.as_f64()?));
    (all.get("seed").and_then(Value::as_i64), SAMPLING.iter().filter_map(setting).collect())
}

/// The likeliest token each time.
const TEMPERATURE: u32 = 0;

/// The body. Servers want an object at the top of a schema: the answer is its one field.
pub(super) fn body(model: &str, terms: &Terms, question: &Question<'_>) -> Value {
    let mut content: Vec<Value> = question
        .pictures
        .iter()
        .map(|png| {
            let url = format!("data:image/png;base64,{}", STANDARD.encode(png));
            json!({ "type": "image_url", "image_url": { "url": url } })
        })
        .collect();
    let schema = json!({ "type": "object", "properties": { ANSWER: question.schema }, "required": [ANSWER],
        "additionalProperties": false });
    let text = match terms.form {
        Form::JsonObject => {
            format!("{}\n\nReply with a JSON object that keeps this JSON schema: {schema}", question.prompt)
        }
        Form::JsonSchema | Form::Tool => question.prompt.to_owned(),
    };
    content.push(json!({ "type": "text", "text": text }));
    let mut body = json!({
        "model": model,
        "messages": [{ "role": "user", "content": content }],
        "stream": true,
        "stream_options": { "include_usage": true },
        "temperature": TEMPERATURE,
        "max_tokens": question.max_tokens,
    });
    match terms.form {
        Form::JsonSchema => {
            let named = json!({ "name": ANSWER, "strict": true, "schema": schema });
            body["response_format"] = json!({ "type": "json_schema", "json_schema": named });
        }
        Form::JsonObject => body["response_format"] = json!({ "type": "json_object" }),
        Form::Tool => {
            let function =
                json!({ "name": ANSWER, "description": "Gives the answer.", "parameters": schema });
            body["tools"] = json!([{ "type": "function", "function": function }]);
            body["tool_choice"] = json!({ "type": "function", "function": { "name": ANSWER } });
        }
    }
    if let Some(object) = body.as_object_mut() {
        object.extend(terms.extra.clone());
    }
    body
}
