//! Sentences that ask something.

use super::build::{Build, chance, pick};
use super::phrases::{Link, clause, referent, where_words};
use crate::language::lexicon::{COLORS, SHAPES, THINGS};
use crate::language::tags::{Ask, Meaning, Role};
use rand_chacha::ChaCha8Rng;
use types::language::{Quantity, Question, Referent};

const OPENINGS: &[&str] = &[
    "please tell me ,",
    "tell me ,",
    "can you tell me ,",
    "could you tell me ,",
    "robot ,",
    "hey robot ,",
    "hey ,",
    "hello ,",
    "okay ,",
    "so ,",
    "question ,",
    "now ,",
    "please ,",
    "i want to know ,",
    "hi robot ,",
    "say ,",
];
/// Before a question in the order of a statement: "tell me where the ball is".
const EMBEDDED: &[&str] = &[
    "tell me",
    "please tell me",
    "can you tell me",
    "could you tell me",
    "could you please tell me",
    "i want to know",
    "i would like to know",
    "do you know",
    "robot , tell me",
    "say",
    "i need to know",
    "let me know",
    "can you say",
];

fn noun(rng: &mut ChaCha8Rng, r: &Referent) -> (&'static str, Meaning) {
    let nouns = r.shape.map_or(THINGS, |s| SHAPES[s.index()].1);
    (pick(rng, nouns).1, r.shape.map_or(Meaning::Thing, Meaning::Shape))
}

/// "red cubes in the bowl", without any determiner.
fn plural(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent, between: &str) {
    let mut bare = r.clone();
    bare.relation = None;
    let mut inner = Build::default();
    std::mem::swap(b, &mut inner);
    if let Some(s) = r.size {
        inner.say(&format!("{s}!"), Meaning::Size(s), Role::Object);
    }
    if let Some(c) = r.color {
        inner.say(&format!("{}!", pick(rng, COLORS[c.index()].1)), Meaning::Color(c), Role::Object);
    }
    let (word, m) = noun(rng, r);
    inner.say(&format!("{word}!"), m, Role::Object);
    inner.fill(between);
    if let Some((relation, other)) = &r.relation {
        clause(&mut inner, rng, *relation, other, Role::ObjectClause, Link::Free, true);
    }
    std::mem::swap(b, &mut inner);
}

fn count(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent) {
    let m = Meaning::Ask(Ask::Count);
    let frames: &[(&str, &str)] = if r.relation.is_some() {
        &[
            ("how many!", "are"),
            ("how many!", "are there"),
            ("how many!", ""),
            ("count! the", ""),
            ("count! all the", ""),
            ("what is the number! of", ""),
            ("how many!", "do you see"),
        ]
    } else {
        &[
            ("how many!", "are there"),
            ("how many!", "are there"),
            ("how many!", "do you see"),
            ("how many!", "can you see"),
            ("how many!", "are on the table"),
            ("how many!", "are there on the table"),
            ("how many!", "are in the scene"),
            ("how many!", ""),
            ("count! the", ""),
            ("count! all the", ""),
            ("count! all", ""),
            ("count!", ""),
            ("what is the number! of", ""),
            ("what is the number! of", "on the table"),
            ("how many!", "are here"),
            ("how many!", "have you got"),
            ("how many!", "are visible"),
            ("how many!", "there are"),
        ]
    };
    let (before, after) = pick(rng, frames);
    b.say(before, m, Role::Verb);
    plural(b, rng, r, after);
}

fn exists(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent) {
    let m = Meaning::Ask(Ask::Exists);
    if r.relation.is_none()
        && r.color.is_some()
        && r.size.is_none()
        && r.superlative.is_none()
        && chance(rng, 0.15)
    {
        // "is the ball red"
        let mut bare = r.clone().with_quantity(Quantity::The);
        bare.color = None;
        b.say("is!", m, Role::Verb);
        referent(b, rng, &bare, Role::Object, Link::Free);
        if let Some(c) = r.color {
            b.say(&format!("{c}!"), Meaning::Color(c), Role::Object);
        }
        return;
    }
    if chance(rng, 0.35) {
        let (before, after) = pick(
            rng,
            &[
                ("are there! any!", ""),
                ("are there! any!", "on the table"),
                ("do you see! any!", ""),
                ("can you see! any!", ""),
                ("are there!", ""),
                ("have you got any!", ""),
            ],
        );
        let words: Vec<&str> = before.split_whitespace().collect();
        for w in words {
            if w == "any!" {
                b.say(w, Meaning::Quantity(Quantity::Any), Role::Object);
            } else if before.starts_with("have") && w == "got" {
                b.say("got!", m, Role::Verb);
            } else {
                b.say(w, m, Role::Verb);
            }
        }
        let tail = if r.relation.is_some() { "" } else { after };
        plural(b, rng, r, tail);
        return;
    }
    let before =
        pick(rng, &["is there!", "is there!", "is there!", "do you see!", "can you see!", "there! is"]);
    b.say(before, m, Role::Verb);
    referent(b, rng, &r.clone().with_quantity(Quantity::Any), Role::Object, Link::Free);
    if r.relation.is_none() && chance(rng, 0.25) {
        b.fill(pick(rng, &["on the table", "in the scene", "here", "there"]));
    }
}

/// Writes a question.
pub(super) fn ask(b: &mut Build, rng: &mut ChaCha8Rng, q: &Question) {
    let embedded = matches!(q, Question::Where(_) | Question::ColorOf(_)) && chance(rng, 0.3);
    if embedded {
        b.fill(pick(rng, EMBEDDED));
    } else if chance(rng, 0.3) {
        let opening = pick(rng, OPENINGS);
        b.fill(if chance(rng, 0.4) { opening.trim_end_matches(" ,") } else { opening });
    }
    b.begin_task();
    match q {
        Question::Count(r) => count(b, rng, r),
        Question::Exists(r) => exists(b, rng, r),
        Question::Holds { object, relation, target } => {
            let be = if object.quantity == Quantity::All { "are!" } else { "is!" };
            b.say(be, Meaning::Ask(Ask::Holds), Role::Verb);
            let plain = Referent { quantity: Quantity::The, ..object.clone() };
            if object.quantity == Quantity::All {
                b.say("all! the", Meaning::Quantity(Quantity::All), Role::Object);
                plural(b, rng, &plain, "");
            } else {
                referent(b, rng, &plain, Role::Object, Link::Marked);
            }
            let words = pick(rng, where_words(*relation));
            super::phrases::target(b, rng, *relation, target, words, Link::Marked);
        }
        Question::ColorOf(r) => color_of(b, rng, r, embedded),
        Question::Where(r) => where_is(b, rng, r, embedded),
        Question::Describe => describe(b, rng),
    }
    if !embedded && chance(rng, 0.7) {
        b.fill("?");
    } else if chance(rng, 0.08) {
        b.fill(pick(rng, &["please", ", please", "now", ", robot"]));
    }
}

fn object_frame(b: &mut Build, rng: &mut ChaCha8Rng, frame: &str, ask: Ask, r: &Referent) {
    b.frame(frame, Meaning::Ask(ask), &mut |b, _| referent(b, rng, r, Role::Object, Link::Free));
}

fn color_of(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent, embedded: bool) {
    let frames: &[&str] = if embedded {
        &[
            "what color! {o} is",
            "which color! {o} is",
            "which color! {o} has",
            "the color! of {o}",
            "what color! {o} has",
        ]
    } else {
        &[
            "what color! is {o}",
            "what color! is {o}",
            "which color! is {o}",
            "what is the color! of {o}",
            "what color! does {o} have",
            "which color! does {o} have",
            "what color! has {o}",
            "of what color! is {o}",
        ]
    };
    let spelling = if chance(rng, 0.5) { "color" } else { "colour" };
    let frame = pick(rng, frames).replace("color", spelling);
    object_frame(b, rng, &frame, Ask::Color, r);
}

fn where_is(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent, embedded: bool) {
    let frames: &[&str] = if embedded {
        &["where! {o} is", "where! {o} is", "the location! of {o}", "where! i can see {o}", "where! {o} lies"]
    } else {
        &[
            "where! is {o}",
            "where! is {o}",
            "where! is {o} now",
            "where! do you see {o}",
            "where! can i see {o}",
            "what is the location! of {o}",
            "find! {o}",
            "locate! {o}",
            "where! can you see {o}",
            "where! on the table is {o}",
        ]
    };
    let frame = pick(rng, frames);
    object_frame(b, rng, frame, Ask::Where, r);
}

fn describe(b: &mut Build, rng: &mut ChaCha8Rng) {
    let frames = [
        "what! do you see",
        "what! do you see",
        "what! can you see",
        "what! is on the table",
        "what! is there",
        "what! is in front of you",
        "describe! the scene",
        "describe! the table",
        "describe! what you see",
        "list! the objects",
        "list! all objects",
        "list! everything you see",
        "what! objects are there",
        "what! objects do you see",
        "which! objects are on the table",
        "which! objects can you see",
        "what! things are on the table",
        "tell me what! you see",
        "tell me what! is on the table",
        "what! is here",
        "what! is visible",
        "describe! everything",
        "what! does the scene look like",
        "list! what you see",
        "what! have you got",
        "what! is on the desk",
        "describe! the workspace",
        "what! is in the scene",
    ];
    let frame = pick(rng, &frames);
    b.frame(frame, Meaning::Ask(Ask::Describe), &mut |_, _| {});
}
