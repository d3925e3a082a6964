//! What a verb acts on: one object or several, a pronoun, and the verb itself.

use super::build::{Build, chance, pick};
use super::phrases::{Link, acted_on, referent, shared_noun};
use crate::language::lexicon::{PARTICIPLES, VERBS};
use crate::language::tags::{Meaning, Role, Verb};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use types::language::{Quantity, Referent, Relation};

/// How the verb of the next task is to be written.
#[derive(Copy, Clone, PartialEq)]
pub(super) enum Form {
    Base,
    Gerund,
}

pub(super) fn verb_word(rng: &mut ChaCha8Rng, verb: Verb, form: Form) -> String {
    let words = VERBS.iter().find(|(v, _)| *v == verb).map_or(&[][..], |(_, w)| w);
    // The common verbs come first and more often.
    let n = words.len();
    let i = if n > 4 && chance(rng, 0.5) { rng.random_range(0..4) } else { rng.random_range(0..n.max(1)) };
    let (base, gerund) = words.get(i).copied().unwrap_or(("look", "looking"));
    let word = if form == Form::Base { base } else { gerund };
    format!("{word}!")
}

/// "put" in "the cube should be put in the bowl"; the common ones come first.
pub(super) fn participle(rng: &mut ChaCha8Rng, verb: Verb) -> String {
    let words = PARTICIPLES.iter().find(|(v, _)| *v == verb).map_or(&["done"][..], |(_, w)| w);
    let n = if chance(rng, 0.5) { words.len().min(3) } else { words.len() };
    format!("{}!", words[rng.random_range(0..n)])
}

pub(super) fn pronoun(b: &mut Build, r: &Referent) {
    b.say(if r.quantity == Quantity::All { "them!" } else { "it!" }, Meaning::It, Role::Object);
}

pub(super) fn object(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent, link: Link, it: bool) {
    if it { pronoun(b, r) } else { acted_on(b, rng, r, link) }
}

/// Several objects of one verb; with a shared noun where they allow it.
pub(super) fn objects(b: &mut Build, rng: &mut ChaCha8Rng, all: &[&Referent], collective: bool) {
    let plain = |r: &&Referent| {
        r.color.is_some() && r.size.is_none() && r.superlative.is_none() && r.relation.is_none()
    };
    let alike = all.iter().all(|r| plain(r) && r.shape == all[0].shape && r.quantity == all[0].quantity)
        && all[0].shape.is_some();
    let plural = all[0].quantity == Quantity::All;
    if all.len() > 1
        && alike
        && all[0].quantity != Quantity::Any
        && !(plural && collective)
        && chance(rng, 0.5)
    {
        return shared_noun(b, rng, all, plural);
    }
    if all.len() == 2 && all.iter().all(|r| r.quantity == Quantity::The) && chance(rng, 0.06) {
        b.say("both!", Meaning::Quantity(Quantity::All), Role::Object);
    }
    b.keep_commas |= all.len() > 2;
    let first_then = collective && all.len() > 2 && chance(rng, 0.15);
    for (i, r) in all.iter().enumerate() {
        if i > 0 {
            let glue: &[&str] = match (i + 1 == all.len(), all.len()) {
                (last, _) if first_then => {
                    if last {
                        &[", then", "and then", ", and then"]
                    } else {
                        &[", then"]
                    }
                }
                (true, 2) => &["and"],
                (true, _) => &["and", ", and"],
                (false, _) => &[",", ",", "and"],
            };
            b.fill(pick(rng, glue));
            b.begin_object();
        }
        referent(b, rng, r, Role::Object, Link::Free);
    }
}

/// Whether "O rel1 .. W" with a clause of `object` before the words `whither` has one reading.
pub(super) fn object_link(object: &Referent, relation: Relation, whither: &str) -> Link {
    let held = |r: Relation| matches!(r, Relation::In | Relation::On);
    let clear = object
        .relation
        .as_ref()
        .is_none_or(|(r, _)| matches!(whither, "into!" | "onto!") || (!held(*r) && held(relation)));
    if clear { Link::Free } else { Link::Marked }
}

pub(super) fn target_link(object: &Referent, whither: &str) -> Link {
    if object.relation.is_none() && matches!(whither, "into!" | "onto!") { Link::Free } else { Link::Marked }
}
