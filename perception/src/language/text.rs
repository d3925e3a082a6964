//! From what a person typed to words: Unicode, punctuation, contractions, typing errors.

use super::lexicon;

/// Longest sentence that is read, characters.
pub const MAX_CHARS: usize = 400;
/// Longest sentence that is read, words.
pub const MAX_WORDS: usize = 60;

/// Why a sentence has no words to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextFault {
    /// Nothing but blanks.
    Empty,
    /// More than [`MAX_CHARS`] characters or [`MAX_WORDS`] words.
    TooLong,
    /// A character that shows nothing or turns the direction of writing (B25).
    Invisible(char),
    /// Signs, but not one letter.
    NoLetters,
}

/// Characters that a person does not see: controls, direction overrides, zero-width signs.
pub(crate) fn is_invisible(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(c, '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Splits a sentence into lower-case words. Commas, full stops and the like become the word `,`, a
/// question mark inside or at the end the word `?`; contractions are spelled out, hyphens part words,
/// digits up to nine become words. Whatever is no ASCII letter stays a part of its word, so that it is
/// met as an unknown word and not silently lost.
///
/// # Errors
/// [`TextFault`]; a text of any length costs no more than one of [`MAX_CHARS`] characters.
pub fn tokens(sentence: &str) -> Result<Vec<String>, TextFault> {
    let trimmed = sentence.trim();
    if trimmed.chars().nth(MAX_CHARS).is_some() {
        return Err(TextFault::TooLong);
    }
    if trimmed.is_empty() {
        return Err(TextFault::Empty);
    }
    if let Some(c) = trimmed.chars().find(|&c| is_invisible(c)) {
        return Err(TextFault::Invisible(c));
    }
    if !trimmed.chars().any(char::is_alphabetic) {
        return Err(TextFault::NoLetters);
    }
    let mut words = Vec::new();
    let mut current = String::new();
    for c in trimmed.chars().flat_map(char::to_lowercase) {
        match c {
            '\u{2019}' | '\u{2018}' | '`' | '\'' => current.push('\''),
            ',' | '.' | ';' | ':' | '!' | '(' | ')' | '\u{2026}' | '\u{2013}' | '\u{2014}' => {
                flush(&mut current, &mut words);
                words.push(",".to_owned());
            }
            '?' => {
                flush(&mut current, &mut words);
                words.push("?".to_owned());
            }
            '"' | '\u{201c}' | '\u{201d}' | '-' | '/' => flush(&mut current, &mut words),
            c if c.is_whitespace() => flush(&mut current, &mut words),
            c => current.push(c),
        }
    }
    flush(&mut current, &mut words);
    join(&mut words);
    words.dedup_by(|b, a| a == "," && b == ",");
    while words.first().is_some_and(|w| w == "," || w == "?") {
        words.remove(0);
    }
    while words.last().is_some_and(|w| w == ",") {
        words.pop();
    }
    if words.is_empty() {
        return Err(TextFault::NoLetters);
    }
    if words.len() > MAX_WORDS {
        return Err(TextFault::TooLong);
    }
    Ok(words)
}

/// Words that only together say what they say, and what they are read as: "each other" excludes nothing,
/// "on to" is "onto", and "if you could" is no condition.
const JOINED: &[(&str, &str)] = &[
    ("one on top of the other", "on top of eachother"),
    ("one on the other", "on eachother"),
    ("one atop the other", "atop eachother"),
    ("why do not you", ""),
    ("why do not we", ""),
    ("if you do not mind", ""),
    ("if you would not mind", ""),
    ("if you would be so kind", ""),
    ("if it is not too much trouble", ""),
    ("if you please", ""),
    ("if you could", ""),
    ("if you would", ""),
    ("if you can", ""),
    ("if possible", ""),
    ("love it if you could", "love it"),
    ("love it if you would", "love it"),
    ("love it if you", "love it"),
    ("appreciate it if you could", "appreciate it"),
    ("appreciate it if you would", "appreciate it"),
    ("appreciate it if you", "appreciate it"),
    ("like it if you could", "like it please"),
    ("great if you could", "great"),
    ("great if you would", "great"),
    ("nice if you could", "nice"),
    ("nice if you would", "nice"),
    ("lovely if you could", "lovely"),
    ("grateful if you could", "grateful"),
    ("grateful if you would", "grateful"),
    ("i was wondering if you could", "could you"),
    ("i wonder if you could", "could you"),
    ("once more", "again"),
    ("once again", "again"),
    ("at once", "now"),
    ("each other", "eachother"),
    ("one another", "eachother"),
    ("on to", "onto"),
    ("in to", "into"),
    ("in side", "inside"),
    ("left most", "leftmost"),
    ("right most", "rightmost"),
];

fn join(words: &mut Vec<String>) {
    let mut i = 0;
    while i < words.len() {
        let here = |text: &str| {
            let n = text.split(' ').count();
            (words.len() >= i + n && words[i..i + n].iter().map(String::as_str).eq(text.split(' ')))
                .then_some(n)
        };
        match JOINED.iter().find_map(|(said, read)| here(said).map(|n| (n, read))) {
            Some((n, read)) => {
                let read: Vec<String> = read.split_whitespace().map(str::to_owned).collect();
                let k = read.len();
                words.splice(i..i + n, read);
                i += k;
            }
            None => i += 1,
        }
    }
}

fn flush(current: &mut String, words: &mut Vec<String>) {
    let word = current.trim_matches('\'').to_owned();
    current.clear();
    if word.is_empty() {
        return;
    }
    let push = |words: &mut Vec<String>, parts: &[&str]| words.extend(parts.iter().map(|p| (*p).to_owned()));
    match word.as_str() {
        "can't" | "cannot" => push(words, &["can", "not"]),
        "won't" => push(words, &["will", "not"]),
        "let's" | "lets" => push(words, &["let", "us"]),
        "gonna" => push(words, &["going", "to"]),
        "wanna" => push(words, &["want", "to"]),
        "pls" | "plz" => push(words, &["please"]),
        "thx" | "ta" | "cheers" => push(words, &["thanks"]),
        "gotta" => push(words, &["got", "to"]),
        "lemme" => push(words, &["let", "me"]),
        "gimme" => push(words, &["give", "me"]),
        "ur" => push(words, &["your"]),
        "u" => push(words, &["you"]),
        "id" => push(words, &["i", "would"]),
        "dont" => push(words, &["do", "not"]),
        "whats" => push(words, &["what", "is"]),
        "wheres" => push(words, &["where", "is"]),
        "grey" => push(words, &["gray"]),
        "1" => push(words, &["one"]),
        "2" => push(words, &["two"]),
        "3" => push(words, &["three"]),
        "4" => push(words, &["four"]),
        "5" => push(words, &["five"]),
        w => {
            for (ending, full) in [
                ("n't", "not"),
                ("'s", "is"),
                ("'re", "are"),
                ("'ll", "will"),
                ("'d", "would"),
                ("'m", "am"),
                ("'ve", "have"),
            ] {
                if let Some(stem) = w.strip_suffix(ending)
                    && !stem.is_empty()
                {
                    push(words, &[stem, full]);
                    return;
                }
            }
            push(words, &[w]);
        }
    }
}

/// Whether two words are one edit apart: a letter added, lost, changed, or two neighbours exchanged.
#[must_use]
pub fn one_edit_apart(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a == b || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let start = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (ra, rb) = (&a[start..], &b[start..]);
    let end = ra.iter().rev().zip(rb.iter().rev()).take_while(|(x, y)| x == y).count();
    let (ma, mb) = (&ra[..ra.len() - end], &rb[..rb.len() - end]);
    match (ma.len(), mb.len()) {
        (1, 1) | (0, 1) | (1, 0) => true,
        (2, 2) => ma[0] == mb[1] && ma[1] == mb[0],
        _ => false,
    }
}

/// The one known word that an unknown word of at least five letters must have been meant to be; none
/// when several would do, or when it is an English word of its own that Sinew happens not to know.
#[must_use]
pub fn correction(word: &str) -> Option<&'static str> {
    let n = word.chars().count();
    if !(5..=16).contains(&n)
        || !word.chars().all(|c| c.is_ascii_lowercase())
        || super::stops::is_english(word)
    {
        return None;
    }
    let mut found = None;
    for known in lexicon::lexicon().keys() {
        if known.len() >= 4 && one_edit_apart(word, known) {
            if found.is_some() {
                return None;
            }
            found = Some(known.as_str());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_becomes_plain_words() {
        let words = tokens("Please, put the RED-coloured cube\u{2019}s\tneighbour (now)!").expect("words");
        assert_eq!(
            words,
            ["please", ",", "put", "the", "red", "coloured", "cube", "is", "neighbour", ",", "now"]
        );
        assert_eq!(tokens("What's there?").expect("words"), ["what", "is", "there", "?"]);
    }

    #[test]
    fn empty_endless_and_invisible_texts_are_told_apart() {
        assert_eq!(tokens(" \n\t"), Err(TextFault::Empty));
        assert_eq!(tokens("\u{1f916}\u{1f4a5}"), Err(TextFault::NoLetters));
        assert_eq!(tokens(&"put ".repeat(25_000)), Err(TextFault::TooLong));
        assert_eq!(tokens("put \u{202e}der eht"), Err(TextFault::Invisible('\u{202e}')));
    }

    #[test]
    fn a_typing_error_is_mended_only_when_one_word_can_be_meant() {
        assert_eq!(correction("yelow"), Some("yellow"));
        assert_eq!(correction("cylidner"), Some("cylinder"));
        assert_eq!(correction("banana"), None);
        assert_eq!(correction("bleu"), None, "too short to be sure");
        assert_eq!(correction("towel"), None, "a word of its own");
    }
}
