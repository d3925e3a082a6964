//! What an answer may be: the JSON of a schema whose every part is bounded, held to token by token.

use super::error::{Result, VlmError};
use super::family::Plan;
use super::model::ends;
use super::tokens::Tokens;
use crate::language::text::is_invisible;
use core::cell::RefCell;
use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, SimpleVob, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory, TokenParser};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use types::Rejection;

/// Longest answer that a schema may allow, bytes.
const MOST_BYTES: usize = 1 << 20;
/// How deep a schema may nest.
const DEEPEST: usize = 16;
/// A character of a string, written as two escapes.
const BYTES_PER_CHAR: usize = 12;
/// What a schema may say besides what bounds it.
const NOTES: [&str; 2] = ["title", "description"];

/// A set of answers: JSON objects that keep a schema, written without white space but for one space after a colon
/// or comma.
#[derive(Clone, Debug, PartialEq)]
pub struct Grammar {
    schema: Value,
    most_bytes: usize,
}

impl Grammar {
    /// The answers of a JSON schema made of `const`, `enum`, `anyOf`, and of the types `boolean`, `null`, `integer`
    /// (with `minimum` and `maximum`), `string` (`maxLength`, `pattern` besides), `array` (`items`, `maxItems`) and
    /// `object` (`properties`, of which `required` names all). A string with a `minLength` says something that is seen.
    ///
    /// # Errors
    /// A [`Rejection`] naming the place in the schema that is something else, or not bounded.
    pub fn new(schema: Value) -> Result<Self, Rejection> {
        let most_bytes = most_bytes(&schema, "schema", 0)?;
        Ok(Self { schema, most_bytes })
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// No answer is longer, in bytes; nor has it more tokens.
    #[must_use]
    pub fn most_bytes(&self) -> usize {
        self.most_bytes
    }

    /// Refuses a text that is no answer: for answers that nobody held to the grammar. White space counts for nothing.
    ///
    /// # Errors
    /// A [`Rejection`] naming the place in the answer.
    pub fn check(&self, text: &str) -> Result<(), Rejection> {
        let value: Value =
            serde_json::from_str(text).map_err(|e| Rejection::new("answer", "JSON", e.to_string()))?;
        check(&self.schema, &value, "answer")
    }
}

/// Whether a value keeps a schema that is bounded; its place else.
fn check(schema: &Value, value: &Value, at: &str) -> Result<(), Rejection> {
    let refuse = |expected: String| {
        let clip = |text: String| text.chars().take(80).collect::<String>();
        Err(Rejection::new(at.to_owned(), clip(expected), clip(value.to_string())))
    };
    let whole = |key: &str| schema[key].as_u64().and_then(|n| usize::try_from(n).ok());
    let within = |n: usize, least: &str, most: &str| {
        n >= whole(least).unwrap_or(0) && whole(most).is_none_or(|most| n <= most)
    };
    if let Some(only) = schema.get("const") {
        return if value == only { Ok(()) } else { refuse(only.to_string()) };
    }
    if let Some(listed) = schema["enum"].as_array() {
        return if listed.contains(value) { Ok(()) } else { refuse(format!("one of {}", schema["enum"])) };
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = choices.iter().any(|choice| check(choice, value, at).is_ok());
        return if fits { Ok(()) } else { refuse(format!("one of {} forms", choices.len())) };
    }
    match (schema["type"].as_str(), value) {
        (Some("null"), Value::Null) | (Some("boolean"), Value::Bool(_)) => Ok(()),
        (Some("integer"), Value::Number(n)) => {
            let (low, high) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
            match (n.as_i64(), low, high) {
                (Some(n), Some(low), Some(high)) if (low..=high).contains(&n) => Ok(()),
                _ => refuse(format!("{} to {}", schema["minimum"], schema["maximum"])),
            }
        }
        (Some("string"), Value::String(_)) if schema.get("pattern").is_some() => {
            refuse("a string without a pattern to look at".to_owned())
        }
        (Some("string"), Value::String(text)) => {
            if !within(text.chars().count(), "minLength", "maxLength") {
                return refuse(format!(
                    "{} to {} characters",
                    whole("minLength").unwrap_or(0),
                    schema["maxLength"]
                ));
            }
            let is_blank = whole("minLength") > Some(0) && !text.chars().any(is_seen);
            if is_blank { refuse("words that are seen".to_owned()) } else { Ok(()) }
        }
        (Some("array"), Value::Array(all)) => {
            if !within(all.len(), "minItems", "maxItems") {
                return refuse(format!("{} to {} items", whole("minItems").unwrap_or(0), schema["maxItems"]));
            }
            let one = |(i, item): (usize, &Value)| check(&schema["items"], item, &format!("{at}[{i}]"));
            all.iter().enumerate().try_for_each(one)
        }
        (Some("object"), Value::Object(fields)) => {
            let Some(properties) = schema["properties"].as_object() else {
                return refuse("a schema with properties".to_owned());
            };
            if fields.len() != properties.len() || !properties.keys().all(|k| fields.contains_key(k)) {
                let all: Vec<&str> = properties.keys().map(String::as_str).collect();
                return refuse(format!("the fields {}", all.join(", ")));
            }
            let one = |(key, part): (&String, &Value)| check(part, &fields[key], &format!("{at}.{key}"));
            properties.iter().try_for_each(one)
        }
        (kind, _) => refuse(kind.unwrap_or("what its schema says").to_owned()),
    }
}

/// The longest text that a schema allows.
fn most_bytes(schema: &Value, at: &str, depth: usize) -> Result<usize, Rejection> {
    let refuse = |expected: &str| {
        let got: String = schema.to_string().chars().take(80).collect();
        Err(Rejection::new(at.to_owned(), expected.to_owned(), got))
    };
    let (Some(object), true) = (schema.as_object(), depth < DEEPEST) else {
        return refuse("an object, not nested deeper than 16 times");
    };
    let known: &[&str] = match object.get("type").and_then(Value::as_str) {
        Some("boolean" | "null") => &["type"],
        Some("integer") => &["type", "minimum", "maximum"],
        Some("string") => &["type", "maxLength", "minLength", "pattern"],
        Some("array") => &["type", "items", "maxItems", "minItems"],
        Some("object") => &["type", "properties", "required", "additionalProperties"],
        Some(_) => return refuse("a type of boolean, null, integer, string, array, object"),
        None => &["const", "enum", "anyOf"],
    };
    if let Some(key) = object.keys().find(|k| !known.contains(&k.as_str()) && !NOTES.contains(&k.as_str())) {
        return Err(Rejection::new(format!("{at}.{key}"), known.join(", "), "this".to_owned()));
    }
    let written = |v: &Value| v.to_string().len();
    let number = |key: &str| object.get(key).and_then(Value::as_u64).map(|n| n as usize);
    let listed = |key: &str| object.get(key).and_then(Value::as_array).filter(|l| !l.is_empty());
    let most = match object.get("type").and_then(Value::as_str) {
        None => match (object.get("const"), listed("enum"), listed("anyOf")) {
            (Some(value), None, None) => written(value),
            (None, Some(values), None) => values.iter().map(written).max().unwrap_or(0),
            (None, None, Some(choices)) => {
                let mut most = 0;
                for (i, choice) in choices.iter().enumerate() {
                    most = most.max(most_bytes(choice, &format!("{at}.anyOf[{i}]"), depth + 1)?);
                }
                most
            }
            _ => return refuse("one of const, enum and anyOf, or a type"),
        },
        Some("boolean" | "null") => 5,
        Some("integer") => match (object.get("minimum"), object.get("maximum")) {
            (Some(low), Some(high)) if low.is_i64() && high.is_i64() => written(low).max(written(high)),
            _ => return refuse("minimum and maximum, whole numbers"),
        },
        Some("string") => match number("maxLength") {
            Some(n) => n.saturating_mul(BYTES_PER_CHAR) + 2,
            None => return refuse("maxLength"),
        },
        Some("array") => match (number("maxItems"), object.get("items")) {
            (Some(n), Some(items)) => {
                let item = most_bytes(items, &format!("{at}.items"), depth + 1)?;
                n.saturating_mul(item.saturating_add(2)) + 2
            }
            _ => return refuse("maxItems and items"),
        },
        _ => {
            let properties = object.get("properties").and_then(Value::as_object);
            let required = object.get("required").and_then(Value::as_array);
            let (Some(properties), Some(required)) = (properties, required) else {
                return refuse("properties, and required naming all of them");
            };
            if !properties.keys().all(|k| required.iter().any(|r| r.as_str() == Some(k)))
                || required.len() != properties.len()
                || object.get("additionalProperties") != Some(&Value::Bool(false))
            {
                return refuse("required naming all properties, and additionalProperties false");
            }
            let mut most = 2usize;
            for (key, value) in properties {
                let value = most_bytes(value, &format!("{at}.properties.{key}"), depth + 1)?;
                most = most.saturating_add(key.len() + 6).saturating_add(value);
            }
            most
        }
    };
    if most > MOST_BYTES { refuse("a set of answers of at most a megabyte each") } else { Ok(most) }
}

/// Whether a person sees the character: a text of others says nothing.
fn is_seen(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !is_invisible(c)
}

/// Letters, digits, punctuation and symbols: all of them are seen.
const SEEN: &str = "[\\p{L}\\p{N}\\p{P}\\p{S}]";

/// Strings that must say something begin with what is seen: blank ones are answers that nobody can use.
fn begin_seen(schema: &mut Value) {
    match schema {
        Value::Array(all) => all.iter_mut().for_each(begin_seen),
        Value::Object(of) => {
            let whole = |key: &str| of.get(key).and_then(Value::as_u64);
            let is_text = of.get("type").is_some_and(|t| t == "string") && !of.contains_key("pattern");
            if let (true, Some(least @ 1..), Some(most @ 1..)) =
                (is_text, whole("minLength"), whole("maxLength"))
            {
                let pattern = format!("^{SEEN}(?s:.{{{},{}}})$", least - 1, most - 1);
                *schema = json!({ "type": "string", "pattern": pattern });
                return;
            }
            of.values_mut().for_each(begin_seen);
        }
        _ => {}
    }
}

/// Lengths of text by which the vocabulary is cut up, characters: every string of our schemas is bounded, and a token
/// that fits into what is left of one is allowed with all that are no longer, without looking at each. Longer ones are
/// looked at set by set, so that more sets cost more, too.
const LENGTHS: [usize; 8] = [1, 2, 3, 4, 5, 6, 8, 12];

/// Sets of tokens that are looked at as one, as llguidance wants them: regular expressions, each within the next.
fn slices() -> Vec<String> {
    const TEXT: &str = r#"[^"\\\x00-\x1F\x7F]"#;
    let up_to = |n: &usize| format!("{TEXT}{{1,{n}}}");
    LENGTHS.iter().map(up_to).chain([format!("{TEXT}+")]).collect()
}

/// As many grammars are kept ready as there are roles and offers of skills in a mission.
const KEPT: usize = 16;
/// States of a lexer with which an answer may begin; it gives up at a quarter of a million.
const MOST_STATES: usize = 100_000;

/// A checkpoint's vocabulary, made ready to hold answers to grammars.
pub struct Guide {
    factory: ParserFactory,
    /// The beginnings of answers to the grammars that were asked for last, with what their lexers have learned.
    kept: RefCell<VecDeque<(Value, TokenParser)>>,
}

impl Guide {
    /// `end` is a token that ends answers.
    pub(super) fn new(tokens: &Tokens, vocabulary: usize, end: u32) -> Result<Self> {
        let failed = |e: &dyn core::fmt::Display| VlmError::Backend(format!("the grammar failed: {e}"));
        let words = tokens.bytes(vocabulary)?;
        let trie = TokTrie::from(&TokRxInfo::new(vocabulary as u32, end), &words);
        let env: llguidance::toktrie::TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let slices = slices();
        let mut factory =
            ParserFactory::new(&env, InferenceCapabilities::default(), &slices).map_err(|e| failed(&e))?;
        factory.quiet();
        Ok(Self { factory, kept: RefCell::default() })
    }

    /// Of the checkpoint in `dir`, whose weights are not looked at.
    ///
    /// # Errors
    /// [`VlmError::Refused`] naming file and key, as [`super::Vlm::load`] has them.
    pub fn load(dir: &Path) -> Result<Self> {
        let (plan, _) = Plan::read(dir)?;
        let vocabulary = plan.decoder().vocabulary;
        let end = ends(dir, vocabulary)?.first().copied().unwrap_or(0);
        Self::new(&Tokens::new(dir, vocabulary)?, vocabulary, end)
    }

    /// Nothing is said yet.
    ///
    /// # Errors
    /// [`VlmError::Refused`] for a schema that answers cannot be held to.
    pub fn begin(&self, grammar: &Grammar) -> Result<Following> {
        let mut kept = self.kept.borrow_mut();
        let known = kept.iter().position(|(schema, _)| *schema == grammar.schema);
        // A lexer that failed once fails ever after, and one that knows too much is begun anew.
        let sound = |parser: &TokenParser| {
            parser.parser.get_error().is_none() && parser.parser.lexer_stats().num_states < MOST_STATES
        };
        let known = known.and_then(|i| kept.remove(i)).filter(|(_, parser)| sound(parser));
        let parser = match known {
            Some((_, parser)) => parser,
            None => self.parser(grammar)?,
        };
        // A copy shares what the lexer finds out on the way: later answers have it at hand.
        kept.truncate(KEPT - 1);
        kept.push_front((grammar.schema.clone(), parser.clone()));
        Ok(Following { matcher: Matcher::new(Ok(parser)) })
    }

    fn parser(&self, grammar: &Grammar) -> Result<TokenParser> {
        let mut schema = grammar.schema.clone();
        begin_seen(&mut schema);
        if let Some(object) = schema.as_object_mut() {
            let compact =
                json!({ "whitespace_flexible": false, "item_separator": ", ?", "key_separator": ": ?" });
            object.insert("x-guidance".to_owned(), compact);
        }
        let parser = self.factory.create_parser(TopLevelGrammar::from_json_schema(schema));
        parser.map_err(|e| {
            let why: String = e.to_string().lines().next().unwrap_or_default().to_owned();
            Rejection::new("schema", "one that answers can be held to", why).into()
        })
    }
}

/// An answer under way.
pub struct Following {
    matcher: Matcher,
}

/// The tokens that may come next.
pub type Allowed = SimpleVob;

impl Following {
    /// What may come next.
    ///
    /// # Errors
    /// [`VlmError::Backend`] when the answer has left the grammar.
    pub fn allowed(&mut self) -> Result<Allowed> {
        self.matcher.compute_mask().map_err(|e| Self::failed(&e))
    }

    /// Takes the token that came; whether the answer is complete and nothing can follow.
    ///
    /// # Errors
    /// [`VlmError::Backend`] for a token that is not allowed.
    pub fn take(&mut self, id: u32) -> Result<bool> {
        self.matcher.consume_token(id).map_err(|e| Self::failed(&e))?;
        Ok(self.matcher.is_stopped())
    }

    /// Whether what was said so far is an answer.
    pub(super) fn is_complete(&mut self) -> Result<bool> {
        Ok(self.matcher.is_stopped() || self.matcher.is_accepting().map_err(|e| Self::failed(&e))?)
    }

    fn failed(e: &dyn core::fmt::Display) -> VlmError {
        let why: String = e.to_string().lines().next().unwrap_or_default().to_owned();
        VlmError::Backend(format!("the grammar failed: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(schema: Value) -> String {
        Grammar::new(schema).expect_err("not bounded").field.into_owned()
    }

    #[test]
    fn a_schema_that_is_not_bounded_is_refused_by_its_place() {
        let list = json!({ "type": "array", "maxItems": 3, "items": { "type": "string" } });
        assert_eq!(refused(list), "schema.items");
        assert_eq!(refused(json!({ "type": "number" })), "schema");
        assert_eq!(refused(json!({ "type": "integer", "minimum": 0 })), "schema");
        assert_eq!(refused(json!({ "$ref": "#" })), "schema.$ref");
        let open = json!({ "type": "object", "properties": { "a": { "const": 1 } }, "required": [],
            "additionalProperties": false });
        assert_eq!(refused(open), "schema");
        let mut deep = json!({ "const": 0 });
        for _ in 0..20 {
            deep = json!({ "anyOf": [deep] });
        }
        assert!(refused(deep).starts_with("schema.anyOf[0].anyOf[0]"));
        let many = json!({ "type": "array", "maxItems": 1_000_000_000u64, "items": { "const": 1 } });
        assert_eq!(refused(many), "schema");
    }

    #[test]
    fn an_answer_that_nobody_held_to_the_grammar_is_looked_at_by_its_places() {
        let schema = json!({ "type": "array", "maxItems": 2, "items": { "anyOf": [{ "type": "null" },
            { "type": "object", "required": ["n", "say"], "additionalProperties": false, "properties": {
                "n": { "type": "integer", "minimum": 1, "maximum": 9 },
                "say": { "type": "string", "minLength": 1, "maxLength": 3 } } }] } });
        let grammar = Grammar::new(schema.clone()).expect("bounded");
        for text in ["[]", "[null]", " [ {\"say\" : \"öä\\u00fc\", \"n\":9}, null ]"] {
            assert_eq!(grammar.check(text), Ok(()), "{text}");
        }
        let only = Grammar::new(schema["items"]["anyOf"][1].clone()).expect("bounded");
        for (text, field) in [
            ("", "answer"),
            ("[1", "answer"),
            ("{\"n\": 1}", "answer"),
            ("{\"n\": 1, \"say\": \"a\", \"more\": 1}", "answer"),
            ("{\"n\": 10, \"say\": \"a\"}", "answer.n"),
            ("{\"n\": 1.5, \"say\": \"a\"}", "answer.n"),
            ("{\"n\": 1, \"say\": \"\"}", "answer.say"),
            ("{\"n\": 1, \"say\": \"four\"}", "answer.say"),
            ("{\"n\": 1, \"say\": null}", "answer.say"),
        ] {
            assert_eq!(only.check(text).expect_err(text).field, field, "{text}");
        }
        assert_eq!(grammar.check("[null, null, null]").expect_err("three").field, "answer");
        assert_eq!(grammar.check("[true]").expect_err("neither").field, "answer[0]");
    }

    #[test]
    fn the_longest_answer_is_known() {
        let schema = json!({ "type": "object", "required": ["on", "n"], "additionalProperties": false,
            "properties": { "on": { "type": "boolean" }, "n": { "type": "integer", "minimum": -10, "maximum": 9 } } });
        let longest = "{\"on\": false, \"n\": -10}".len();
        let bound = Grammar::new(schema).expect("bounded").most_bytes();
        assert!((longest..longest + 6).contains(&bound), "{bound} for {longest}");
    }
}
