//! Noun phrases and relations.

use super::build::{Build, chance, pick};
use super::relations::{late_words, where_words};
use crate::language::lexicon::{COLORS, SHAPES, SIZES, SUPERLATIVES, THINGS};
use crate::language::tags::{Meaning, Role};
use rand_chacha::ChaCha8Rng;
use types::language::{Quantity, Referent, Relation, Superlative};
use types::scene::{Color, Shape, Size};

/// Adjectives and noun of a phrase, singular or plural; `noun: false` leaves the noun to a later one.
struct Words<'a> {
    referent: &'a Referent,
    plural: bool,
    noun: bool,
}

/// How an attached clause is set off from what stands before it.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// With or without "that is", as it comes.
    Free,
    /// With "that is" or the like, because the sentence could be read in two ways else.
    Marked,
}

fn color_word(rng: &mut ChaCha8Rng, color: Color) -> &'static str {
    let words = COLORS[color.index()].1;
    if chance(rng, 0.85) { words[0] } else { pick(rng, words) }
}

fn noun_word(rng: &mut ChaCha8Rng, shape: Option<Shape>, plural: bool) -> &'static str {
    let nouns = shape.map_or(THINGS, |s| SHAPES[s.index()].1);
    let (one, many) = if chance(rng, 0.5) { nouns[0] } else { pick(rng, nouns) };
    if plural { many } else { one }
}

fn size_word(rng: &mut ChaCha8Rng, size: Size) -> &'static str {
    pick(rng, SIZES[size.index()].1)
}

fn superlative_word(rng: &mut ChaCha8Rng, s: Superlative, plain: bool) -> &'static str {
    let words = SUPERLATIVES.iter().find(|(which, _)| *which == s).map_or(&["largest"][..], |(_, w)| w);
    if plain {
        return words[0];
    }
    match s {
        Superlative::Nearest if chance(rng, 0.1) => return "front",
        Superlative::Furthest if chance(rng, 0.1) => return "back",
        _ => {}
    }
    if chance(rng, 0.5) { words[0] } else { pick(rng, words) }
}

fn noun_meaning(shape: Option<Shape>) -> Meaning {
    shape.map_or(Meaning::Thing, Meaning::Shape)
}

fn adjectives_and_noun(b: &mut Build, rng: &mut ChaCha8Rng, w: &Words<'_>, role: Role) {
    let r = w.referent;
    let word = |b: &mut Build, text: &str, m: Meaning| b.say(&format!("{text}!"), m, role);
    let late_color = w.noun && r.color.is_some() && r.relation.is_none() && chance(rng, 0.03);
    // "the ball on the far left"; with a relation, or inside another phrase, it could belong to two.
    let open = w.noun && r.relation.is_none() && !w.plural;
    let late = open
        && (role == Role::Object || (role == Role::Target && b.held_target))
        && r.superlative.is_some()
        && chance(rng, 0.3);
    if let Some(s) = r.superlative
        && !late
    {
        word(b, superlative_word(rng, s, w.plural), Meaning::Superlative(s));
        if matches!(s, Superlative::Leftmost | Superlative::Rightmost)
            && b.words.last().is_some_and(|w| matches!(w.word.as_str(), "left" | "right"))
            && chance(rng, 0.25)
        {
            b.fill("hand");
        }
        if w.plural {
            b.fill(pick(rng, &["of the", "of the", "of all the", "among the", "of all", "of these"]));
        }
    }
    let mut rest: Vec<(String, Meaning)> = Vec::new();
    if let Some(s) = r.size {
        rest.push((size_word(rng, s).to_owned(), Meaning::Size(s)));
    }
    if let Some(c) = r.color
        && !late_color
    {
        rest.push((color_word(rng, c).to_owned(), Meaning::Color(c)));
    }
    if rest.len() == 2 && chance(rng, 0.12) {
        rest.reverse();
    }
    let n = rest.len();
    for (i, (text, m)) in rest.iter().enumerate() {
        word(b, text, *m);
        if let Meaning::Color(_) = m
            && chance(rng, 0.04)
        {
            b.fill(pick(rng, &["colored", "coloured"]));
        } else if i + 1 < n && chance(rng, 0.06) {
            b.fill(",");
        }
    }
    if w.noun {
        word(b, noun_word(rng, r.shape, w.plural), noun_meaning(r.shape));
    }
    if late_color && let Some(c) = r.color {
        b.fill(if w.plural { "that are" } else { pick(rng, &["that is", "which is"]) });
        word(b, color_word(rng, c), Meaning::Color(c));
    }
    if let Some(s) = r.superlative
        && late
    {
        b.say(pick(rng, late_words(s)), Meaning::Superlative(s), role);
    }
}

/// "the biggest of the cubes", "whichever cube is the biggest", "everything that is red", if the
/// phrase can be said so.
fn in_other_words(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent, role: Role) -> bool {
    let whole = Words { referent: r, plural: true, noun: true };
    if let Some(s) = r.superlative {
        if r.quantity != Quantity::The || r.relation.is_some() || r.shape.is_none() {
            return false;
        }
        if chance(rng, 0.12) {
            b.say("the!", Meaning::Quantity(Quantity::The), role);
            adjectives_and_noun(b, rng, &whole, role);
            return true;
        }
        if role == Role::Object
            && matches!(s, Superlative::Largest | Superlative::Smallest)
            && chance(rng, 0.08)
        {
            b.fill("whichever");
            let bare = Referent { superlative: None, ..r.clone() };
            adjectives_and_noun(b, rng, &Words { referent: &bare, plural: false, noun: true }, role);
            b.fill(pick(rng, &["is", "is the"]));
            b.say(&format!("{}!", superlative_word(rng, s, true)), Meaning::Superlative(s), role);
            return true;
        }
        return false;
    }
    let Some(c) = r.color else { return false };
    let word = match r.quantity {
        Quantity::All => "everything!",
        Quantity::Any => "something!",
        Quantity::The => return false,
    };
    if r.shape.is_some() || r.size.is_some() || r.relation.is_some() || !chance(rng, 0.5) {
        return false;
    }
    b.say(word, Meaning::Quantity(r.quantity), role);
    b.fill(pick(rng, &["", "", "that is", "which is"]));
    b.say(&format!("{}!", color_word(rng, c)), Meaning::Color(c), role);
    true
}

/// Determiner, adjectives and noun, without any clause.
fn core(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent, role: Role) {
    if in_other_words(b, rng, r, role) {
        return;
    }
    let q = Meaning::Quantity(r.quantity);
    let bare = r.shape.is_none() && r.color.is_none() && r.size.is_none() && r.superlative.is_none();
    let plural = match r.quantity {
        Quantity::The => {
            if !chance(rng, 0.08) || bare || r.superlative.is_some() {
                b.say(
                    if chance(rng, 0.97) { "the!" } else { pick(rng, &["my!", "this!", "that!"]) },
                    q,
                    role,
                );
            }
            false
        }
        Quantity::Any => {
            if bare && chance(rng, 0.5) {
                b.say(pick(rng, &["something!", "anything!"]), q, role);
                return;
            }
            let form =
                pick(rng, &["a!", "a!", "a!", "any!", "any!", "one!", "one! of the", "any! of the", "some!"]);
            let vowel = r.size.is_none() && r.color == Some(Color::Orange) && r.superlative.is_none();
            b.say(if form == "a!" && vowel { "an!" } else { form }, q, role);
            form.ends_with("the")
        }
        Quantity::All => {
            if bare && chance(rng, 0.5) {
                b.say("everything!", q, role);
                return;
            }
            let form = pick(
                rng,
                &[
                    "all! the",
                    "all! the",
                    "all! the",
                    "all!",
                    "all! of the",
                    "every!",
                    "every!",
                    "each!",
                    "each! of the",
                    "both!",
                    "both! the",
                    "",
                    "the",
                    "the",
                    "all! these",
                    "all! the two",
                    "the two",
                    "the three",
                    "all! three",
                    "every! one of the",
                ],
            );
            if form == "the" {
                b.say("the!", Meaning::Quantity(Quantity::The), role);
            } else if let Some(number) = form.strip_prefix("the ") {
                b.say("the!", Meaning::Quantity(Quantity::The), role);
                b.fill(number);
            } else {
                b.say(form, q, role);
            }
            !matches!(form, "every!" | "each!")
        }
    };
    adjectives_and_noun(b, rng, &Words { referent: r, plural, noun: true }, role);
}

/// "the red and blue cubes", "the red and the blue cube": several phrases that share a noun.
pub(super) fn shared_noun(b: &mut Build, rng: &mut ChaCha8Rng, all: &[&Referent], plural: bool) {
    let n = all.len();
    let each_article = !plural && chance(rng, 0.6);
    b.keep_commas |= n > 2;
    for (i, r) in all.iter().enumerate() {
        if i > 0 {
            b.fill(if i + 1 == n { "and" } else { "," });
            b.begin_object();
        }
        if i == 0 || each_article {
            if plural && chance(rng, 0.3) {
                b.say("all! the", Meaning::Quantity(Quantity::All), Role::Object);
            } else {
                b.say("the!", Meaning::Quantity(Quantity::The), Role::Object);
            }
        }
        adjectives_and_noun(b, rng, &Words { referent: r, plural, noun: i + 1 == n }, Role::Object);
    }
}

/// A whole phrase, with its clause if it has one.
pub(super) fn referent(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent, role: Role, link: Link) {
    core(b, rng, r, role);
    if r.relation.is_none() && role == Role::Object && chance(rng, 0.015) {
        b.fill("on the table");
    }
    if let Some((relation, other)) = &r.relation {
        let inner = if role == Role::Object { Role::ObjectClause } else { Role::TargetClause };
        clause(b, rng, *relation, other, inner, link, r.quantity == Quantity::All);
    }
}

/// What a verb acts on: as [`referent`], or "the ball out of the bowl".
pub(super) fn acted_on(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent, link: Link) {
    let taken = match &r.relation {
        Some((Relation::In, other)) => Some((["from!", "out! of", "from!"].as_slice(), Relation::In, other)),
        Some((Relation::On, other)) => Some((["off!", "off! of"].as_slice(), Relation::On, other)),
        _ => None,
    };
    match taken {
        Some((words, relation, other)) if chance(rng, 0.3) => {
            core(b, rng, r, Role::Object);
            b.say(pick(rng, words), Meaning::Relation(relation), Role::ObjectClause);
            referent(b, rng, other, Role::ObjectClause, Link::Marked);
        }
        _ => referent(b, rng, r, Role::Object, link),
    }
}

/// "that is left of the tray".
pub(super) fn clause(
    b: &mut Build,
    rng: &mut ChaCha8Rng,
    relation: Relation,
    other: &Referent,
    role: Role,
    link: Link,
    plural: bool,
) {
    if link == Link::Marked || chance(rng, 0.35) {
        b.fill(if plural {
            pick(
                rng,
                &[
                    "that are",
                    "which are",
                    "standing",
                    "lying",
                    "that stand",
                    "placed",
                    "that are currently",
                    "sitting",
                    "resting",
                    "you see",
                    "that you see",
                    "that are lying",
                ],
            )
        } else {
            pick(
                rng,
                &[
                    "that is",
                    "that is",
                    "which is",
                    "standing",
                    "lying",
                    "sitting",
                    "located",
                    "that stands",
                    "placed",
                    "that sits",
                    "that lies",
                    "that is lying",
                    "that is sitting",
                    "which stands",
                    "that is standing",
                    "currently",
                    "that is currently",
                    "resting",
                    "that is located",
                    "you see",
                    "that you see",
                ],
            )
        });
    }
    let m = Meaning::Relation(relation);
    intensify(b, rng, relation);
    b.say(pick(rng, where_words(relation)), m, role);
    referent(b, rng, other, role, Link::Marked);
}

/// "directly behind", "right next to".
fn intensify(b: &mut Build, rng: &mut ChaCha8Rng, relation: Relation) {
    if !matches!(relation, Relation::In | Relation::On) && chance(rng, 0.06) {
        let side = matches!(relation, Relation::LeftOf | Relation::RightOf);
        let word = pick(rng, &["directly", "just", "immediately", "right"]);
        b.fill(if side && word == "right" { "just" } else { word });
    }
}

/// "into the blue bowl".
pub(super) fn target(
    b: &mut Build,
    rng: &mut ChaCha8Rng,
    relation: Relation,
    to: &Referent,
    words: &str,
    link: Link,
) {
    intensify(b, rng, relation);
    b.say(words, Meaning::Relation(relation), Role::Target);
    referent(b, rng, to, Role::Target, link);
}
