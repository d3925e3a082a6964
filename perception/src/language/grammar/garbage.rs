//! Sentences that mean nothing, or nothing that this robot does.

use super::build::{chance, pick};
use crate::language::lexicon::{self, SHAPES};
use crate::language::stops;
use crate::language::tags::{Meaning, Role, Tagged};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Words of the lexicon, thrown together.
pub(super) fn salad(rng: &mut ChaCha8Rng) -> Vec<Tagged> {
    let all: Vec<&str> = lexicon::lexicon().keys().map(String::as_str).collect();
    // Half of the salads draw from the words that stand for something, so that they look like tasks.
    let content: Vec<&str> = lexicon::lexicon()
        .iter()
        .filter(|(_, e)| e.meanings.iter().any(|m| *m != Meaning::None))
        .map(|(w, _)| w.as_str())
        .collect();
    let from = if chance(rng, 0.5) { &all } else { &content };
    (0..rng.random_range(2..16)).map(|_| Tagged::filler(pick(rng, from))).collect()
}

fn strip(words: &[Tagged]) -> Vec<Tagged> {
    words.iter().map(|w| Tagged::filler(&w.word)).collect()
}

/// A good sentence spoiled: shuffled, robbed of a phrase, or cut off.
pub(super) fn spoiled(rng: &mut ChaCha8Rng, words: &[Tagged]) -> Option<Vec<Tagged>> {
    let mut out = strip(words);
    match rng.random_range(0..5) {
        0 => {
            if out.len() < 5 {
                return None;
            }
            out.shuffle(rng);
        }
        1 => {
            // A window of words in a mess.
            if out.len() < 7 {
                return None;
            }
            let at = rng.random_range(0..out.len() - 5);
            out[at..at + 6].shuffle(rng);
            let moved = out.iter().zip(words).filter(|(a, b)| a.word != b.word).count();
            if moved < 4 {
                return None;
            }
        }
        2 => {
            // No verb.
            if words.iter().filter(|w| w.role == Role::Verb).count() != 1
                || !words.iter().any(|w| w.role == Role::Object)
            {
                return None;
            }
            let at = words.iter().position(|w| w.role == Role::Verb)?;
            // Without its participle, "the cube should be put in the bowl" still makes sense.
            let wishes = [
                "would", "i", "we", "should", "must", "needs", "need", "has", "have", "get", "gets", "make",
                "let", "sure", "ensure", "be", "is", "are", "can", "could",
            ];
            if words[at].word == "there" || words.iter().any(|w| wishes.contains(&w.word.as_str())) {
                return None;
            }
            out.remove(at);
        }
        3 => {
            // No object.
            if words.iter().any(|w| w.meaning == Meaning::It)
                || words.iter().filter(|w| w.mark == crate::language::tags::Mark::Task).count() != 1
                || !words.iter().any(|w| w.role == Role::Object)
            {
                return None;
            }
            let first = words.iter().position(|w| w.role == Role::Object)?;
            let last = words.iter().rposition(|w| w.role == Role::Object)?;
            out.drain(first..=last);
            if out.is_empty() || !words.iter().any(|w| matches!(w.role, Role::Target)) {
                return None;
            }
        }
        _ => {
            // Cut off behind a preposition or an article.
            let ends: Vec<usize> = (1..words.len())
                .filter(|&i| {
                    matches!(words[i].role, Role::Target) && matches!(words[i].meaning, Meaning::Quantity(_))
                })
                .collect();
            let &at = ends.first()?;
            out.truncate(at + usize::from(chance(rng, 0.5)));
        }
    }
    Some(out)
}

/// A request that is refused or asked back about whatever the scene: what is forbidden, beyond the
/// skills, or about things that Sinew does not know.
pub(super) fn refusal(rng: &mut ChaCha8Rng, sentence: &str) -> String {
    const UNKNOWN: &[&str] =
        &["banana", "stapler", "screwdriver", "kitten", "teapot", "wrench", "pineapple", "smartphone"];
    const COLORS: &[&str] = &["pink", "brown", "turquoise", "gray", "beige", "magenta"];
    let noun = pick(rng, SHAPES).1[0].0;
    match rng.random_range(0..6) {
        0 => format!("{} {sentence}", pick(rng, &["do not", "never", "please don't", "you must not"])),
        1 => format!("{} the {noun}", pick(rng, &stops::BEYOND.split_whitespace().collect::<Vec<_>>())),
        2 => format!("put the {} in the bowl", pick(rng, UNKNOWN)),
        3 => format!("pick up the {} {noun}", pick(rng, COLORS)),
        4 => {
            format!("{sentence} {} the {noun} is on the table", pick(rng, &["if", "unless", "when", "until"]))
        }
        _ => format!("{sentence} {} the {noun}", pick(rng, &["except", "without", "instead of", "but not"])),
    }
}
