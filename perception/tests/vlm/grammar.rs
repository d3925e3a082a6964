//! Answers that are held to a grammar: whatever the weights want, what comes out is of the schema.

use crate::fixture::{FAMILIES, folder, load};
use perception::vlm::{Answering, Choice, Grammar, Guide};
use serde_json::{Value, json};

fn object(properties: Value) -> Value {
    let required: Vec<String> = properties.as_object().expect("an object").keys().cloned().collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// A list of boxes with labels, a verdict, and a choice of calls: what the planner asks of a model.
fn schemas() -> [Value; 3] {
    let place = json!({ "type": "integer", "minimum": 0, "maximum": 1000 });
    let label = json!({ "type": "string", "maxLength": 20 });
    let corners = json!({ "type": "array", "items": place, "minItems": 4, "maxItems": 4 });
    let found = object(json!({ "bbox_2d": corners, "label": label }));
    let verdict =
        object(json!({ "answer": { "type": "boolean" }, "reason": { "type": "string", "maxLength": 30 } }));
    let thing = json!({ "enum": ["the red cube", "the blue bowl", "the \"odd\" one"] });
    let pick = object(json!({ "skill": { "const": "pick" }, "object": thing }));
    let home = object(json!({ "skill": { "const": "home" } }));
    let calls = json!({ "type": "array", "items": { "anyOf": [pick, home] }, "minItems": 1, "maxItems": 3 });
    [json!({ "type": "array", "items": found, "maxItems": 4 }), verdict, calls]
}

/// Whether a value is of a schema, as far as these schemas go; written apart from what holds the answers to them.
fn keeps(value: &Value, schema: &Value) -> bool {
    if let Some(choices) = schema["anyOf"].as_array() {
        return choices.iter().any(|c| keeps(value, c));
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.contains(value);
    }
    match schema["type"].as_str() {
        None => value == &schema["const"],
        Some("boolean") => value.is_boolean(),
        Some("integer") => value
            .as_i64()
            .is_some_and(|v| (schema["minimum"].as_i64()..=schema["maximum"].as_i64()).contains(&Some(v))),
        Some("string") => value
            .as_str()
            .is_some_and(|s| s.chars().count() as u64 <= schema["maxLength"].as_u64().expect("a length")),
        Some("array") => value.as_array().is_some_and(|items| {
            let n = items.len() as u64;
            n >= schema["minItems"].as_u64().unwrap_or(0)
                && n <= schema["maxItems"].as_u64().expect("a length")
                && items.iter().all(|v| keeps(v, &schema["items"]))
        }),
        _ => value.as_object().is_some_and(|fields| {
            let wanted = schema["properties"].as_object().expect("properties");
            fields.len() == wanted.len()
                && wanted.iter().all(|(k, s)| fields.get(k).is_some_and(|v| keeps(v, s)))
        }),
    }
}

/// Asks the model in `layout` for `n` answers and checks each; gives the most tokens of one, and how many differ.
fn check_answers(layout: &str, n: usize) -> (usize, usize) {
    let mut vlm = load(layout);
    let prompt = vlm.prompt(&[], "what is on the table?").expect("a prompt");
    let (mut longest, mut different) = (0, std::collections::BTreeSet::new());
    for (k, schema) in schemas().iter().cycle().take(n).enumerate() {
        let grammar = Grammar::new(schema.clone()).expect("bounded");
        let choice = match k {
            0..3 => Choice::Greedy,
            _ => Choice::Random { temperature: 1.5, top_p: 1.0, seed: k as u64 },
        };
        let how = Answering {
            choice,
            max_tokens: grammar.most_bytes(),
            stops_at_end: true,
            grammar: Some(&grammar),
        };
        let said = vlm.answer(&prompt, &how, &|| true, &mut |_| ()).expect("an answer");
        assert!(said.is_complete, "{layout} {k}: it ends: {}", said.text);
        let value: Value =
            serde_json::from_str(&said.text).unwrap_or_else(|e| panic!("{k}: {e}: {}", said.text));
        assert!(keeps(&value, schema), "{k}: {value} is not of {schema}");
        longest = longest.max(said.ids.len());
        different.insert(said.text);
    }
    (longest, different.len())
}

#[test]
fn whatever_random_weights_want_every_answer_ends_and_is_of_its_schema() {
    // 10,000 with SINEW_GENERATIONS=10000: see the README.
    let n: usize = std::env::var("SINEW_GENERATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(150);
    let (longest, different) = check_answers("qwen3-vl", n);
    println!("{n} answers, {different} of them different, {longest} tokens at most");
    assert!(different > n / 3, "the weights choose among what is allowed");
}

#[test]
fn a_string_that_must_not_be_empty_says_something_that_is_seen() {
    let mut vlm = load("qwen3-vl");
    let prompt = vlm.prompt(&[], "what?").expect("a prompt");
    for (least, most) in [(1, 1), (2, 2)] {
        let text = json!({ "type": "string", "minLength": least, "maxLength": most });
        let grammar = Grammar::new(object(json!({ "say": text }))).expect("bounded");
        let mut different = std::collections::BTreeSet::new();
        for seed in 0..150 {
            // Nearly any token that may come.
            let choice = Choice::Random { temperature: 100.0, top_p: 1.0, seed };
            let max_tokens = vlm.most_tokens(&prompt, &grammar);
            let how = Answering { choice, max_tokens, stops_at_end: true, grammar: Some(&grammar) };
            let said = vlm.answer(&prompt, &how, &|| true, &mut |_| ()).expect("an answer");
            let value: Value = serde_json::from_str(&said.text).expect("JSON");
            let text = value["say"].as_str().expect("a string").to_owned();
            assert_eq!(text.chars().count(), most, "{text:?}");
            assert!(text.chars().next().is_some_and(|c| !c.is_whitespace() && !c.is_control()), "{text:?}");
            assert_eq!(grammar.check(&said.text), Ok(()));
            different.insert(text);
        }
        assert!(different.len() > 30, "{different:?}");
    }
    let text = json!({ "type": "string", "minLength": 1, "maxLength": 9 });
    let grammar = Grammar::new(object(json!({ "say": text }))).expect("bounded");
    for (text, is_seen) in [(" a", true), ("\\\"", true), (" ", false), ("\\n\u{200b}", false), ("", false)] {
        assert_eq!(grammar.check(&format!("{{\"say\": \"{text}\"}}")).is_ok(), is_seen, "{text:?}");
    }
}

#[test]
fn answers_of_every_family_are_of_their_schemas() {
    for family in &FAMILIES[1..] {
        for layout in family.layouts {
            check_answers(layout, 6);
        }
    }
}

#[test]
fn an_answer_that_is_cut_off_says_that_it_is_not_complete() {
    let mut vlm = load("qwen3-vl");
    let prompt = vlm.prompt(&[], "what?").expect("a prompt");
    let grammar = Grammar::new(schemas()[1].clone()).expect("bounded");
    let how =
        Answering { choice: Choice::Greedy, max_tokens: 3, stops_at_end: true, grammar: Some(&grammar) };
    let said = vlm.answer(&prompt, &how, &|| true, &mut |_| ()).expect("an answer");
    assert!(!said.is_complete && said.ids.len() == 3, "{said:?}");
    let free = Answering { grammar: None, ..how };
    assert!(vlm.answer(&prompt, &free, &|| true, &mut |_| ()).expect("an answer").is_complete);
}

/// The tokens that may come at every step of an answer that takes every `stride`-th of them.
fn masks(guide: &Guide, grammar: &Grammar, stride: usize) -> Vec<Vec<u32>> {
    let mut following = guide.begin(grammar).expect("a grammar");
    let mut masks = Vec::new();
    loop {
        let allowed = following.allowed().expect("a mask");
        let mask: Vec<u32> = allowed.iter().collect();
        let id = mask[(masks.len() + 1) * stride % mask.len()];
        masks.push(mask);
        if following.take(id).expect("an allowed token") {
            return masks;
        }
    }
}

#[test]
fn a_grammar_kept_ready_allows_what_a_fresh_one_allows() {
    let dir = folder(FAMILIES[0].layouts[0]);
    let kept = Guide::load(&dir).expect("a vocabulary");
    for schema in schemas() {
        let grammar = Grammar::new(schema).expect("bounded");
        for stride in [1, 7, 31, 101] {
            let fresh = Guide::load(&dir).expect("a vocabulary");
            assert_eq!(masks(&kept, &grammar, stride), masks(&fresh, &grammar, stride), "{stride}");
        }
        // An answer that is left half way leaves nothing behind.
        let mut left = kept.begin(&grammar).expect("a grammar");
        let first = left.allowed().expect("a mask").iter().next().expect("a token");
        left.take(first).expect("an allowed token");
        assert_eq!(masks(&kept, &grammar, 5), masks(&Guide::load(&dir).expect("fresh"), &grammar, 5));
    }
}
