//! Our own grammar of English tabletop sentences: it words an utterance, with the labels the network
//! learns from, in two sets of wordings that share no sentence pattern.

mod arranging;
mod asking;
mod build;
mod garbage;
mod objects;
mod phrases;
mod placing;
mod politeness;
mod questions;
mod random;
mod relations;
mod tasks;

use super::lexicon;
use super::tags::{Meaning, Tagged};
use build::{Build, chance};
use rand_chacha::ChaCha8Rng;
use types::language::Utterance;

/// Which wordings may be used. Every sentence has a pattern: its words, with every colour, size, shape
/// and superlative replaced by its class. A hash of the pattern says which set it is of, so no pattern,
/// and no sentence, is in both.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// What the network is trained on: four patterns of five.
    Train,
    /// What the suite and the evaluation say: the others.
    Suite,
}

/// The pattern of a sentence: its words (normalised as by [`super::text::tokens`]) with every noun,
/// colour, size and superlative replaced by the name of its class, without punctuation.
#[must_use]
pub fn pattern<S: AsRef<str>>(words: &[S]) -> String {
    let mut out = String::new();
    for word in words.iter().map(AsRef::as_ref).filter(|w| !matches!(*w, "," | "?")) {
        let class = lexicon::entry(word).and_then(|e| e.meanings.first()).map_or("", |m| match m {
            Meaning::Color(_) => "COLOR",
            Meaning::Shape(_) | Meaning::Thing => "NOUN",
            Meaning::Size(_) => "SIZE",
            Meaning::Superlative(_) if !matches!(word, "left" | "right") => "MOST",
            _ => "",
        });
        out.push_str(if class.is_empty() { word } else { class });
        out.push(' ');
    }
    out
}

/// The set a sentence of these words belongs to.
#[must_use]
pub fn split_of<S: AsRef<str>>(words: &[S]) -> Split {
    // FNV-1a, 64 bit.
    let hash = pattern(words)
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
    if (hash ^ (hash >> 29)) % 5 == 0 { Split::Suite } else { Split::Train }
}

fn build(utterance: &Utterance, rng: &mut ChaCha8Rng) -> Build {
    let mut b = Build::default();
    match utterance {
        Utterance::Instruct(tasks) => tasks::instruct(&mut b, rng, tasks),
        Utterance::Ask(q) => questions::ask(&mut b, rng, q),
        Utterance::Empty | Utterance::Unclear(_) | Utterance::Refuse(_) => {}
    }
    b
}

/// Whether people would put a comma here is a matter of taste: some are dropped.
fn drop_commas(b: &mut Build, rng: &mut ChaCha8Rng) {
    if !b.keep_commas && chance(rng, 0.4) {
        b.words.retain(|w| w.word != ",");
    }
}

fn worded(utterance: &Utterance, split: Split, rng: &mut ChaCha8Rng) -> Build {
    let mut b = Build::default();
    for _ in 0..400 {
        b = build(utterance, rng);
        drop_commas(&mut b, rng);
        let words: Vec<&str> = b.words.iter().map(|w| w.word.as_str()).collect();
        if split_of(&words) == split
            && b.words.len() <= super::text::MAX_WORDS
            && b.text().len() <= super::text::MAX_CHARS
        {
            return b;
        }
    }
    // More politeness makes another pattern: the sets stay apart, whatever the utterance.
    loop {
        b.fill("please");
        let words: Vec<&str> = b.words.iter().map(|w| w.word.as_str()).collect();
        if split_of(&words) == split {
            return b;
        }
    }
}

/// Words an utterance, in a wording of `split`. `Empty` gives "", `Unclear` and `Refuse` a request that
/// no reading allows.
#[must_use]
pub fn word(utterance: &Utterance, split: Split, rng: &mut ChaCha8Rng) -> String {
    match utterance {
        Utterance::Instruct(_) | Utterance::Ask(_) => worded(utterance, split, rng).text(),
        Utterance::Empty => String::new(),
        Utterance::Unclear(_) | Utterance::Refuse(_) => refusal(split, rng),
    }
}

/// A sentence at random and what it means.
#[must_use]
pub fn sentence(split: Split, rng: &mut ChaCha8Rng) -> (String, Utterance) {
    let (words, utterance) = tagged(split, rng);
    (Build::of(words).text(), utterance)
}

/// A sentence at random, word by word with its labels, and what it means.
#[must_use]
pub fn tagged(split: Split, rng: &mut ChaCha8Rng) -> (Vec<Tagged>, Utterance) {
    loop {
        let utterance = random::utterance(rng);
        let b = worded(&utterance, split, rng);
        if b.words.len() <= super::text::MAX_WORDS && b.text().len() <= super::text::MAX_CHARS {
            return (b.words, utterance);
        }
    }
}

/// A sentence of known words without any sense: a word salad, or a good sentence spoiled. The labels
/// say nothing.
#[must_use]
pub fn nonsense(split: Split, rng: &mut ChaCha8Rng) -> Vec<Tagged> {
    if chance(rng, 0.35) {
        return garbage::salad(rng);
    }
    for _ in 0..20 {
        let (words, _) = tagged(split, rng);
        if let Some(out) = garbage::spoiled(rng, &words)
            && !out.is_empty()
        {
            return out;
        }
    }
    garbage::salad(rng)
}

/// A request that must end in a question or a refusal: forbidden, conditional, beyond the skills, or
/// about unknown things.
#[must_use]
pub fn refusal(split: Split, rng: &mut ChaCha8Rng) -> String {
    let (inner, _) = loop {
        let (s, u) = sentence(split, rng);
        if matches!(u, Utterance::Instruct(_)) && s.len() < 200 {
            break (s, u);
        }
    };
    garbage::refusal(rng, &inner)
}
