//! What holds whatever the network says: the sentences that are never acted on.

use super::lexicon;
use super::stops::{self, CONDITIONS, EXCEPTIONS, PROHIBITIONS};
use super::text::{self, MAX_CHARS, MAX_WORDS, TextFault};
use types::language::Utterance;

/// A sentence that may be shown to the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Its words, all of them known.
    pub words: Vec<String>,
    /// Typing errors that were mended: as typed, as read.
    pub corrections: Vec<(String, String)>,
}

/// A sentence that was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// What becomes of it.
    pub utterance: Utterance,
    /// The words that are not known.
    pub unknown_words: Vec<String>,
}

fn stopped(utterance: Utterance) -> Stopped {
    Stopped { utterance, unknown_words: Vec::new() }
}

fn unclear(why: impl Into<String>) -> Stopped {
    stopped(Utterance::Unclear(why.into()))
}

/// Lets through what may be read; `known` says which words the network has a vector for.
///
/// # Errors
/// [`Stopped`] with the answer to the person.
pub fn admit(sentence: &str, known: &dyn Fn(&str) -> bool) -> Result<Admitted, Stopped> {
    let words = text::tokens(sentence).map_err(|fault| match fault {
        TextFault::Empty => stopped(Utterance::Empty),
        TextFault::TooLong => unclear(format!(
            "That is too long for me: more than {MAX_CHARS} characters or {MAX_WORDS} words. Can you say it in shorter sentences?"
        )),
        TextFault::Invisible(c) => unclear(format!(
            "The sentence holds a sign that cannot be seen (U+{:04X}). Can you type it again?",
            c as u32
        )),
        TextFault::NoLetters => unclear("I read words only. What shall I do?"),
    })?;
    stops_of(&words)?;
    let mut admitted = Admitted::default();
    let mut unknown: Vec<String> = Vec::new();
    for word in &words {
        if lexicon::entry(word).is_some() && known(word) {
            admitted.words.push(word.clone());
        } else if let Some(meant) = text::correction(word).filter(|w| known(w)) {
            admitted.corrections.push((word.clone(), meant.to_owned()));
            admitted.words.push(meant.to_owned());
        } else if !unknown.contains(word) {
            unknown.push(word.clone());
        }
    }
    if !unknown.is_empty() {
        let said: Vec<String> = unknown.iter().take(4).map(|w| format!("'{w}'")).collect();
        let said = said.join(", ");
        let why = if unknown.len() >= 2 && 2 * unknown.len() >= words.len() {
            format!("I understand simple English only; I do not know {said}. Can you say it in English?")
        } else if unknown.len() == 1 {
            format!("I don't know the word {said}. What do you mean?")
        } else {
            format!("I don't know the words {said}. What do you mean?")
        };
        return Err(Stopped { utterance: Utterance::Unclear(why), unknown_words: unknown });
    }
    numbers(&admitted.words)?;
    Ok(admitted)
}

fn find<'a>(words: &'a [String], list: &[&str]) -> Option<&'a str> {
    words.iter().map(String::as_str).find(|w| list.contains(w))
}

/// What holds whoever reads: prohibitions, conditions, exceptions, what is beyond the skills, quantities that no
/// phrase can hold.
///
/// # Errors
/// As [`admit`].
pub fn stops(words: &[String]) -> Result<(), Stopped> {
    stops_of(words)?;
    numbers(words)
}

fn stops_of(words: &[String]) -> Result<(), Stopped> {
    if let Some(w) = find(words, PROHIBITIONS) {
        return Err(stopped(Utterance::Refuse(format!(
            "You say '{w}': I do nothing then. Tell me what I shall do instead."
        ))));
    }
    if let Some(verb) =
        words.iter().find_map(|w| lexicon::entry(w).is_none().then(|| stops::beyond_skill(w))?)
    {
        return Err(stopped(Utterance::Refuse(format!(
            "To {verb} is not among my skills: pick, place, stack, push, sort, swap, open, close, home, look."
        ))));
    }
    let pair = |a: &str, b: &str| words.windows(2).any(|w| w[0] == a && w[1] == b);
    let told = words.iter().any(|w| {
        matches!(w.as_str(), "number" | "overview" | "description" | "list" | "location" | "position")
    });
    for verb in ["give", "hand", "bring", "pass", "fetch", "get", "grab"] {
        if pair(verb, "me") && !told {
            return Err(stopped(Utterance::Refuse(
                "Handing things to people is not among my skills: pick, place, stack, push, sort, swap, open, close, home, look.".to_owned(),
            )));
        }
    }
    if let Some(w) = find(words, EXCEPTIONS) {
        return Err(unclear(format!("You say '{w}', and I cannot make exceptions. What shall I do?")));
    }
    // "tell me if the ball is in the bowl" is a question; it never moves anything.
    let told = |i: usize| i > 0 && stops::TELLING.contains(&words[i - 1].as_str());
    let held = words.iter().enumerate().find(|(i, w)| {
        CONDITIONS.contains(&w.as_str()) && !(matches!(w.as_str(), "if" | "whether") && told(*i))
    });
    if let Some((_, w)) = held {
        return Err(unclear(format!("You say '{w}', and I cannot wait or decide. What shall I do now?")));
    }
    let after_what = words.iter().position(|w| w == "after");
    if let Some(i) = after_what
        && words.get(i + 1).is_some_and(|w| !matches!(w.as_str(), "that" | "this" | "it" | ","))
    {
        return Err(unclear("Can you say the tasks in the order in which I shall do them?"));
    }
    for side in ["left", "right"] {
        if pair("your", side) {
            return Err(unclear(format!("Is that {side} as you see the table? Then say 'to the {side}'.")));
        }
    }
    Ok(())
}

/// "two cubes" is no quantity of Sinew's; "the two cubes", "all three cubes" are.
fn numbers(words: &[String]) -> Result<(), Stopped> {
    for (i, w) in words.iter().enumerate() {
        let number = matches!(w.as_str(), "two" | "three" | "four" | "five");
        let before = i.checked_sub(1).and_then(|k| words.get(k)).map(String::as_str);
        if number && !matches!(before, Some("the" | "all" | "these" | "those" | "both")) {
            return Err(unclear(format!("I cannot count out '{w}'. Do you mean all of them, or one?")));
        }
    }
    Ok(())
}
