//! What a model puts into words for the person: a question that the planner asks, or why something ended as it did.
//! Words alone come of it, and only such as say no more than what was handed over; else the built-in ones stand.

use super::Role;
use crate::language::lexicon;
use crate::language::tags::Meaning;
use crate::vlm::Grammar;
use serde::Deserialize;
use serde_json::json;
use types::Rejection;
use types::seams::Wording;

/// Most facts of an explanation; longest question and explanation, characters.
const MOST_FACTS: usize = 12;
const LONGEST: usize = 240;
/// Most characters of a fact that are handed over.
const LONGEST_FACT: usize = 300;
/// Sides.
const SIDES: [&str; 5] = ["left", "right", "front", "behind", "beside"];
/// Numbers as words; "one" is mostly no number.
const NUMBERS: [&str; 14] = [
    "zero", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "hundred", "thousand",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    question: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Explained {
    because: usize,
    text: String,
}

/// What stands between quotation marks in a question: it must be named as it is.
#[must_use]
pub fn quoted(question: &str) -> Vec<String> {
    let letters: Vec<char> = question.chars().collect();
    let is_letter = |i: Option<usize>| i.and_then(|i| letters.get(i)).is_some_and(|c| c.is_alphanumeric());
    let mut found = Vec::new();
    let mut begin = None;
    for (i, c) in letters.iter().enumerate() {
        if !matches!(c, '\'' | '"') {
            continue;
        }
        match begin {
            // "don't": a mark within a word is none.
            None if !is_letter(i.checked_sub(1)) => begin = Some(i + 1),
            Some(from) if !is_letter(Some(i + 1)) => {
                let text: String = letters[from..i].iter().collect();
                if !text.trim().is_empty() {
                    found.push(text);
                }
                begin = None;
            }
            _ => {}
        }
    }
    found
}

pub(super) fn role(wording: &Wording) -> Role {
    match wording {
        Wording::Ask { .. } => Role::Ask,
        Wording::Explain { .. } => Role::Explain,
    }
}

/// The prompt, and what its answer may be.
///
/// # Errors
/// A [`Rejection`] for too many facts, or none.
pub fn request(wording: &Wording) -> Result<(String, Grammar), Rejection> {
    let clip = |text: &str| -> String {
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_FACT).collect()
    };
    let told = match wording {
        Wording::Ask { question, options } => {
            let options: Vec<String> = options.iter().map(|o| format!("\n- {}", clip(o))).collect();
            format!("{}{}", clip(question), options.concat())
        }
        Wording::Explain { facts } => {
            let all = facts.iter().enumerate().map(|(i, fact)| format!("\n{}. {}", i + 1, clip(fact)));
            all.collect::<String>()
        }
    };
    Ok((role(wording).prompt(&told), grammar(wording)?))
}

fn grammar(wording: &Wording) -> Result<Grammar, Rejection> {
    let n_facts = match wording {
        Wording::Ask { .. } => 1,
        Wording::Explain { facts } => facts.len(),
    };
    if n_facts == 0 || n_facts > MOST_FACTS {
        return Err(Rejection::new("facts", format!("1 to {MOST_FACTS}"), n_facts.to_string()));
    }
    of_role(role(wording), n_facts)
}

/// The answers of both roles, for so many facts at most.
pub(super) fn of_role(role: Role, n_facts: usize) -> Result<Grammar, Rejection> {
    let text = json!({ "type": "string", "minLength": 1, "maxLength": LONGEST });
    let properties = if role == Role::Ask {
        json!({ "question": text })
    } else {
        json!({ "because": { "type": "integer", "minimum": 1, "maximum": n_facts }, "text": text })
    };
    Grammar::new(super::object(properties))
}

/// The answers of the role of explaining, whatever it is about.
pub(super) const ANY_FACTS: usize = MOST_FACTS;

/// The words of an answer, if they say no more than what was handed over.
///
/// # Errors
/// A [`Rejection`]: no such JSON; an option of a question that is not named; a thing, a side or a number that was not
/// in what was handed over.
pub fn accepted(wording: &Wording, answer: &str) -> Result<String, Rejection> {
    grammar(wording)?.check(answer)?;
    let refuse = |e: serde_json::Error| Rejection::new("answer", "the JSON of its role", e.to_string());
    let (text, given) = match wording {
        Wording::Ask { question, options } => {
            let said: Asked = serde_json::from_str(answer).map_err(refuse)?;
            names_all(&said.question, options)?;
            if !said.question.trim_end().ends_with('?') {
                return Err(Rejection::new("answer.question", "a question", said.question));
            }
            (said.question, format!("{question} {}", options.join(" ")))
        }
        Wording::Explain { facts } => {
            let said: Explained = serde_json::from_str(answer).map_err(refuse)?;
            if facts.get(said.because.wrapping_sub(1)).is_none() {
                return Err(Rejection::new(
                    "answer.because",
                    "the number of a fact",
                    said.because.to_string(),
                ));
            }
            (said.text, facts.join(" "))
        }
    };
    let is_plain = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if text.trim().is_empty() || !text.chars().all(is_plain) {
        return Err(Rejection::new("answer", "plain words", text.escape_debug().to_string()));
    }
    says_no_more(&text, &given)?;
    Ok(text.trim().to_owned())
}

/// Refuses a question that does not name every option, each in a place of its own.
fn names_all(question: &str, options: &[String]) -> Result<(), Rejection> {
    let mut left = question.to_lowercase();
    let mut options: Vec<String> = options.iter().map(|o| o.to_lowercase()).collect();
    // "the red cube" is not named by "the red cube on the left".
    options.sort_by_key(|o| core::cmp::Reverse(o.len()));
    for option in options {
        match left.find(&option) {
            Some(_) if option.trim().is_empty() => {}
            Some(at) => left.replace_range(at..at + option.len(), "|"),
            None => {
                return Err(Rejection::new(
                    "answer.question",
                    format!("'{option}' in it"),
                    question.to_owned(),
                ));
            }
        }
    }
    Ok(())
}

fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    parts.map(str::to_lowercase).collect()
}

/// What a word names that could be another one, if it can mean nothing else.
fn looks(word: &str) -> &'static [Meaning] {
    let is_look = |m: &Meaning| matches!(m, Meaning::Color(_) | Meaning::Shape(_) | Meaning::Size(_));
    lexicon::entry(word)
        .map(|e| e.meanings.as_slice())
        .filter(|all| all.iter().all(is_look))
        .unwrap_or_default()
}

/// Refuses a text with a look, a side or a number that is not in `given`.
fn says_no_more(text: &str, given: &str) -> Result<(), Rejection> {
    let given = words(given);
    let may_be: Vec<&Meaning> = given.iter().flat_map(|w| looks(w)).collect();
    for word in words(text) {
        let looks = looks(&word);
        let is_new = !looks.is_empty() && !looks.iter().any(|m| may_be.contains(&m));
        let is_side = SIDES.contains(&word.as_str());
        let is_number = NUMBERS.contains(&word.as_str()) || word.contains(|c: char| c.is_numeric());
        if is_new || ((is_side || is_number) && !given.contains(&word)) {
            return Err(Rejection::new("answer", "nothing but what was handed over", format!("'{word}'")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn which() -> Wording {
        let options = ["the red cube on the left", "the red cube"].map(str::to_owned).to_vec();
        Wording::Ask { question: "Which one: the red cube on the left or the red cube?".into(), options }
    }

    fn why() -> Wording {
        let facts = [
            "I was told: \"put the red cube in the bowl\"",
            "I cannot reach the red cube: it lies 12 cm too far out.",
        ];
        Wording::Explain { facts: facts.map(str::to_owned).to_vec() }
    }

    #[test]
    fn a_question_is_worded_as_long_as_it_names_every_option_and_nothing_else() {
        let said = |text: &str| accepted(&which(), &json!({ "question": text }).to_string());
        for good in [
            "Shall I take The red cube on the left, or the red cube?",
            "Would you tell me which you mean, please: the red cube on the left or the red cube?",
        ] {
            assert_eq!(said(good).as_deref(), Ok(good));
        }
        for (text, named) in [
            ("Shall I take the red cube on the left?", "'the red cube'"),
            ("Shall I take the red cube on the left, the red cube or the black ball?", "'black'"),
            ("Shall I take the red cube on the left, or the red cube behind it?", "'behind'"),
            ("I take the red cube on the left, not the red cube.", "a question"),
            ("The red cube on the left\u{202e}, or the red cube?", "plain words"),
            ("The red cube on the left or the red cube, 3 times?", "'3'"),
            ("", "characters"),
        ] {
            let e = said(text).expect_err(text).to_string();
            assert!(e.contains(named), "{text}: {e}");
        }
        assert!(accepted(&which(), "Which?").is_err());
        assert!(
            accepted(&which(), "{\"question\": \"the red cube on the left, the red cube?\", \"do\": []}")
                .is_err()
        );
    }

    #[test]
    fn an_explanation_leans_on_a_fact_and_names_no_thing_and_no_number_of_its_own() {
        let said = |because: u32, text: &str| {
            accepted(&why(), &json!({ "because": because, "text": text }).to_string())
        };
        assert!(said(2, "The red cube lies 12 cm too far away for me, so I did not take it.").is_ok());
        for (because, text) in [
            (0, "It is too far."),
            (3, "It is too far."),
            (2, "The green cube is too far."),
            (2, "It is 13 cm too far."),
            (2, "It is five cm too far."),
            (2, "The cube is left of the bowl."),
            (2, " "),
        ] {
            assert!(said(because, text).is_err(), "{text}");
        }
        let none = Wording::Explain { facts: Vec::new() };
        assert_eq!(request(&none).expect_err("nothing to explain").field, "facts");
        let (prompt, grammar) = request(&why()).expect("two facts");
        assert!(prompt.contains("\n2. I cannot reach"), "{prompt}");
        assert_eq!(grammar.schema()["properties"]["because"]["maximum"], 2);
    }

    #[test]
    fn what_stands_in_quotes_must_be_named_and_an_apostrophe_is_no_quote() {
        let question = "I don't know the words 'maroon', 'azure'. What do you mean?";
        assert_eq!(quoted(question), ["maroon", "azure"]);
        assert_eq!(quoted("I'm not sure what \"zap it\" means."), ["zap it"]);
        assert!(quoted("Don't, can't, won't '' and ' alone").is_empty());
    }
}
