//! What a model puts into words for the person: a question that the planner asks, or why something ended as it did.
//! Words alone come of it, and only such as say no more than what was handed over; else the built-in ones stand.

use super::Role;
use crate::language::lexicon;
use crate::language::tags::Meaning;
use crate::language::text::is_invisible;
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
/// Sides and ends that the lexicon has under other words, too, or not at all.
const SIDES: &str = "left right front back behind beside middle center centre above under below underneath beneath \
    between top bottom outside opposite first last forward forwards backward backwards";
/// Numbers as words; "one" is mostly no number.
const NUMBERS: &str = "zero two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
    sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds \
    thousand thousands million millions billion billions dozen dozens score half halves third thirds quarter quarters \
    tenth once twice thrice both pair couple double triple second fourth fifth sixth seventh eighth ninth";
/// Units, each with its spellings.
const UNITS: [&str; 16] = [
    "mm millimeter millimeters millimetre millimetres",
    "cm centimeter centimeters centimetre centimetres",
    "m meter meters metre metres",
    "km kilometer kilometers kilometre kilometres",
    "ms millisecond milliseconds",
    "s sec secs second seconds",
    "min minute minutes",
    "h hour hours",
    "° deg degree degrees",
    "rad radian radians",
    "g gram grams",
    "kg kilogram kilograms",
    "n newton newtons",
    "nm",
    "% percent",
    "inch inches",
];
/// What a question may be made of besides the options and the words of the one that was handed over: nothing that
/// names a thing, a place, a number, or turns an option round.
const PLAIN: &str = "a an are ask be can choose could did do does exactly for hello hi i if is it kindly know let \
    like may me mean meant might my of one or please prefer say shall should sorry take tell thank thanks that \
    the there these this to us want was we what which whichever will wish wonder would you your";

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
    let text = match wording {
        Wording::Ask { question, options } => {
            let said: Asked = serde_json::from_str(answer).map_err(refuse)?;
            plain(&said.question)?;
            let rest = without_options(&said.question, options)?;
            if !said.question.trim_end().ends_with('?') {
                return Err(Rejection::new("answer.question", "a question", said.question));
            }
            asks_no_more(&rest, question, options)?;
            said.question
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
            plain(&said.text)?;
            says_no_more(&said.text, &facts.join("\n"))?;
            said.text
        }
    };
    Ok(text.trim().to_owned())
}

/// Whether a person sees the character, and the others in their order.
pub(super) fn is_plain(c: char) -> bool {
    !c.is_control() && !is_invisible(c)
}

fn plain(text: &str) -> Result<(), Rejection> {
    if !text.trim().is_empty() && text.chars().all(is_plain) {
        return Ok(());
    }
    Err(Rejection::new("answer", "plain words", text.escape_debug().to_string()))
}

/// Where `part` stands in `text` as words of its own.
fn find_whole(text: &str, part: &str) -> Option<usize> {
    let begins = text.match_indices(part).map(|(at, _)| at);
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut whole = begins.filter(|at| {
        let (before, after) = (&text[..*at], &text[at + part.len()..]);
        !is_letter(before.chars().next_back()) && !is_letter(after.chars().next())
    });
    whole.next()
}

fn longest_first(options: &[String]) -> Vec<String> {
    let mut options: Vec<String> =
        options.iter().map(|o| o.trim().to_lowercase()).filter(|o| !o.is_empty()).collect();
    // "the red cube" is not named by "the red cube on the left".
    options.sort_by_key(|o| core::cmp::Reverse(o.len()));
    options
}

/// What a question says besides its options; refuses one that does not name each of them, in a place of its own.
fn without_options(question: &str, options: &[String]) -> Result<String, Rejection> {
    let mut left = question.to_lowercase();
    for option in longest_first(options) {
        let Some(at) = find_whole(&left, &option) else {
            let expected = format!("'{option}' in it");
            return Err(Rejection::new("answer.question", expected, question.to_owned()));
        };
        left.replace_range(at..at + option.len(), "|");
    }
    Ok(left)
}

/// Refuses words that are neither plain ones nor of the question that was handed over, options aside; those no more
/// often than there. Words of the options alone would name others.
fn asks_no_more(rest: &str, question: &str, options: &[String]) -> Result<(), Rejection> {
    let mut asked = question.to_lowercase();
    for option in longest_first(options) {
        while let Some(at) = find_whole(&asked, &option) {
            asked.replace_range(at..at + option.len(), "|");
        }
    }
    let mut asked = words(&asked);
    for word in words(rest) {
        if has(PLAIN, &word) {
            continue;
        }
        match asked.iter().position(|w| *w == word) {
            Some(i) => drop(asked.swap_remove(i)),
            None => return Err(more(&word)),
        }
    }
    Ok(())
}

fn has(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|w| w == word)
}

fn more(word: &str) -> Rejection {
    Rejection::new("answer", "nothing but what was handed over", format!("'{word}'"))
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

/// Whether a word tells a side, or the one of several that is furthest to it.
fn is_side(word: &str) -> bool {
    let tells = |m: &Meaning| matches!(m, Meaning::Relation(_) | Meaning::Superlative(_) | Meaning::Layer(_));
    let all_tell = |all: &[Meaning]| !all.is_empty() && all.iter().all(tells);
    has(SIDES, word) || lexicon::entry(word).is_some_and(|e| all_tell(&e.meanings))
}

/// Every number of a text with the unit behind it, if there is one: "12.5" and "cm".
fn numbers(text: &str) -> Vec<(String, &'static str)> {
    let letters: Vec<char> = text.to_lowercase().chars().collect();
    let at = |i: usize| letters.get(i).copied().unwrap_or(' ');
    let run =
        |from: usize, fits: &dyn Fn(usize) -> bool| (from..letters.len()).take_while(|i| fits(*i)).count();
    let (mut found, mut i) = (Vec::new(), 0);
    while i < letters.len() {
        let is_inside = i > 0 && at(i - 1).is_alphanumeric();
        if !at(i).is_alphanumeric() || is_inside {
            i += 1;
            continue;
        }
        // A point or a comma between digits is of the number, and so is a sign before it.
        let joins = |i: usize| {
            matches!(at(i), '.' | ',') && i > 0 && at(i - 1).is_numeric() && at(i + 1).is_numeric()
        };
        let n = if at(i).is_numeric() {
            run(i, &|i| at(i).is_numeric() || joins(i))
        } else {
            run(i, &|i| at(i).is_alphanumeric())
        };
        let mut number: String = letters[i..i + n].iter().collect();
        let is_negative = i > 0 && matches!(at(i - 1), '-' | '−') && (i < 2 || !at(i - 2).is_alphanumeric());
        if is_negative {
            number.insert(0, '-');
        }
        i += n;
        if has(NUMBERS, number.trim_start_matches('-')) || number.contains(char::is_numeric) {
            let begin = i + run(i, &|i| matches!(at(i), ' ' | '-' | '\u{a0}' | '\u{202f}'));
            let sign = usize::from(matches!(at(begin), '%' | '°'));
            let n = sign.max(run(begin, &|i| at(i).is_alphanumeric()));
            let unit: String = letters[begin..begin + n].iter().collect();
            let known = UNITS.iter().find(|all| has(all, &unit));
            let is_glued = begin == i && n > 0;
            if known.is_none() && is_glued {
                // "3d" is a word of its own.
                number += &unit;
                i = begin + n;
            }
            let known = known.and_then(|all| all.split_ascii_whitespace().next());
            found.push((number, known.unwrap_or_default()));
        }
    }
    found
}

/// Refuses a text with a look, a side or a number that is not in `given`.
fn says_no_more(text: &str, given: &str) -> Result<(), Rejection> {
    let given_numbers = numbers(given);
    if let Some((number, unit)) = numbers(text).into_iter().find(|n| !given_numbers.contains(n)) {
        return Err(more(format!("{number} {unit}").trim()));
    }
    let given = words(given);
    let may_be: Vec<&Meaning> = given.iter().flat_map(|w| looks(w)).collect();
    for word in words(text) {
        let looks = looks(&word);
        let is_new = !looks.is_empty() && !looks.iter().any(|m| may_be.contains(&m));
        if is_new || (is_side(&word) && !given.contains(&word)) {
            return Err(more(&word));
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
            ("The red cube\u{ad} on the left or the red cube?", "plain words"),
            ("The red cube on the left or\u{61c} the red cube?", "plain words"),
            ("The red cube on the left\u{e0041} or the red cube?", "plain words"),
            ("The red cube on the left or the red cubes?", "'the red cube'"),
            ("The red cube on the left or the red cube, or the left one?", "'left'"),
            ("The red cube on the left or the red cube or the banana?", "'banana'"),
            ("The red cube on the left or the red cube in the back?", "'in'"),
            ("The red cube on the left or the largest, the red cube?", "'largest'"),
            ("The red cube on the left or not the red cube?", "'not'"),
            ("The red cube on the left or the red cube or the red cube?", "'red'"),
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
    fn options_do_not_recombine_and_are_found_as_words_of_their_own() {
        let options = ["the red cube", "the blue ball"].map(str::to_owned).to_vec();
        let question = "Shall I put in the bowl the red cube or the blue ball?".to_owned();
        let wording = Wording::Ask { question, options };
        let said = |text: &str| accepted(&wording, &json!({ "question": text }).to_string());
        assert!(said("Which shall I put in the bowl, please: the blue ball or the red cube?").is_ok());
        for text in [
            "The red cube, the blue ball or the blue cube?",
            "The red cube, the blue ball, or one in the bowl in the bowl?",
            "The red cube or the blue ball, under the bowl?",
            "The red cube-tray or the blue ball?",
        ] {
            assert!(said(text).is_err(), "{text}");
        }
        let wording = Wording::Ask { question: "In or on?".into(), options: vec!["in".into(), "on".into()] };
        let said = |text: &str| accepted(&wording, &json!({ "question": text }).to_string());
        assert!(said("Is it in, or on?").is_ok() && said("Which thing on?").is_err());
    }

    #[test]
    fn numbers_are_whole_with_their_point_sign_and_unit() {
        let all = [
            ("12.5 cm", "12.5", "cm"),
            ("12.5cm.", "12.5", "cm"),
            ("-3 degrees", "-3", "°"),
            ("40%", "40", "%"),
            ("twenty seconds", "twenty", "s"),
            ("a 3d map", "3d", ""),
            ("F46", "f46", ""),
            ("It was 7.", "7", ""),
        ];
        for (text, number, unit) in all {
            assert_eq!(numbers(text), [(number.to_owned(), unit)], "{text}");
        }
        let wording = Wording::Explain { facts: vec!["It lies 1.5 cm too far, after 20 s.".into()] };
        let said = |text: &str| accepted(&wording, &json!({ "because": 1, "text": text }).to_string());
        for good in ["It is 1.5 cm too far.", "It took me 20 seconds.", "It is 1.5 centimetres too far."] {
            assert!(said(good).is_ok(), "{good}: {:?}", said(good));
        }
        for text in [
            "It is 5 cm too far.",
            "It is 1.5 m too far.",
            "It is 1 cm too far.",
            "It is 15 cm too far.",
            "It took 20 minutes.",
            "It is -1.5 cm too far.",
            "It is half a reach too far.",
            "I tried twice.",
            "Both are too far.",
            "It is thirteen too far.",
            "It is a dozen too far.",
            "It is the second one.",
            "It is at the back.",
            "It is in the middle.",
            "It is above me.",
            "It is under something.",
            "It is the largest.",
        ] {
            assert!(said(text).is_err(), "{text}");
        }
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
