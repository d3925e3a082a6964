//! Sentences that ask something.

use super::asking::{color_of, describe, where_is};
use super::build::{Build, chance, pick};
use super::phrases::{Link, clause, referent};
use super::relations::where_words;
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
    "quick question ,",
    "just tell me ,",
    "well ,",
    "right ,",
    "alright ,",
    "mate ,",
    "buddy ,",
    "ok robot ,",
    "okay so",
    "hey robot",
    "and",
    "um ,",
    "i wonder ,",
    "just wondering ,",
    "thanks ,",
    "great ,",
    "oh ,",
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
    "could you please say",
    "would you know",
    "would you tell me",
    "would you please tell me",
    "please let me know",
    "can you let me know",
    "could you let me know",
    "i would love to know",
    "i wonder",
    "i am wondering",
    "just tell me",
    "may i ask",
    "can you please tell me",
    "can you show me",
    "please show me",
    "show me",
    "can you see",
    "tell us",
    "hey robot , do you know",
];

/// Before a question of yes or no in the order of a statement.
const TOLD: &[&str] = &[
    "tell me if",
    "tell me whether",
    "can you tell me if",
    "can you tell me whether",
    "could you tell me if",
    "please tell me if",
    "do you know if",
    "let me know if",
    "check if",
    "check whether",
    "can you check if",
    "can you see if",
    "i want to know if",
    "i want to know whether",
    "say if",
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
            ("how many!", "can you see"),
            ("how many!", "have you got"),
            ("could you count! the", ""),
            ("please count! the", ""),
            ("can you count! the", ""),
            ("count! up the", ""),
            ("count!", ""),
            ("give me the number! of", ""),
            ("tell me how many!", "are"),
            ("tell me how many!", "there are"),
            ("tell me the number! of", ""),
            ("do you know how many!", "are"),
            ("can you tell me how many!", "are"),
            ("how many! of the", "are"),
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
            ("how many!", "can you spot"),
            ("how many!", "do you have"),
            ("how many!", "do we have"),
            ("how many!", "are there in total"),
            ("how many!", "are there all together"),
            ("how many!", "are sitting on the table"),
            ("how many!", "are lying on the table"),
            ("how many!", "are standing on the table"),
            ("how many!", "can you see on the table"),
            ("how many!", "do you see there"),
            ("how many!", "are out there"),
            ("could you count! the", ""),
            ("can you count! the", ""),
            ("could you count! all the", ""),
            ("please count! the", ""),
            ("please count! all the", ""),
            ("count! up the", ""),
            ("count! the", "on the table"),
            ("count! the", "for me"),
            ("give me the number! of", ""),
            ("tell me the number! of", ""),
            ("tell me how many!", "there are"),
            ("tell me how many!", "you see"),
            ("tell me how many!", "you can see"),
            ("tell me how many!", "are on the table"),
            ("can you tell me how many!", "there are"),
            ("do you know how many!", "there are"),
            ("i want to know how many!", "there are"),
            ("what is the total number! of", ""),
            ("so how many!", "are there"),
        ]
    };
    let colored = r.color.is_some() && r.relation.is_none();
    if colored && r.shape.is_some() && chance(rng, 0.15) {
        // "how many of the cubes are red"
        let bare = Referent { color: None, ..r.clone() };
        b.say(pick(rng, &["how many! of the", "how many!", "how many! of the"]), m, Role::Verb);
        plural(b, rng, &bare, "are");
        if let Some(c) = r.color {
            b.say(&format!("{}!", pick(rng, COLORS[c.index()].1)), Meaning::Color(c), Role::Object);
        }
        return;
    }
    if chance(rng, 0.08) {
        b.say("how many!", m, Role::Verb);
        let bare = Referent { relation: None, ..r.clone() };
        let who = pick(rng, &["can you", "do you", "could you"]);
        plural(b, rng, &bare, who);
        b.say("count!", m, Role::Verb);
        if let Some((relation, other)) = &r.relation {
            clause(b, rng, *relation, other, Role::ObjectClause, Link::Free, true);
        }
        return;
    }
    let (before, after) = pick(rng, frames);
    b.say(before, m, Role::Verb);
    plural(b, rng, r, after);
}

/// "red cube", without any determiner.
fn any_noun(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent) {
    if let Some(s) = r.size {
        b.say(&format!("{s}!"), Meaning::Size(s), Role::Object);
    }
    if let Some(c) = r.color {
        b.say(&format!("{c}!"), Meaning::Color(c), Role::Object);
    }
    let nouns = r.shape.map_or(THINGS, |s| SHAPES[s.index()].1);
    b.say(&format!("{}!", pick(rng, nouns).0), r.shape.map_or(Meaning::Thing, Meaning::Shape), Role::Object);
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
                ("do we have! any!", ""),
                ("do you have! any!", ""),
                ("do we have! any!", "on the table"),
                ("can you spot! any!", ""),
                ("are there! some!", ""),
                ("have we got any!", ""),
                ("do you see!", ""),
                ("are there! any!", "there"),
                ("are there! any!", "here"),
                ("are there! any!", "in the scene"),
                ("tell me whether there! are any!", ""),
                ("tell me if there! are any!", ""),
                ("can you tell me if there! are any!", ""),
                ("do you know if there! are any!", ""),
            ],
        );
        let words: Vec<&str> = before.split_whitespace().collect();
        for w in words {
            if w == "any!" || w == "some!" {
                b.say("any!", Meaning::Quantity(Quantity::Any), Role::Object);
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
    if r.relation.is_some() && chance(rng, 0.15) {
        // "is any cube in the bowl"
        b.say("is!", m, Role::Verb);
        let bare = Referent { relation: None, ..r.clone() }.with_quantity(Quantity::Any);
        if bare.shape.is_none() && bare.color.is_none() && bare.size.is_none() && bare.superlative.is_none() {
            b.say(pick(rng, &["something!", "anything!"]), Meaning::Quantity(Quantity::Any), Role::Object);
        } else {
            b.say("any!", Meaning::Quantity(Quantity::Any), Role::Object);
            any_noun(b, rng, &bare);
        }
        if let Some((relation, other)) = &r.relation {
            clause(b, rng, *relation, other, Role::ObjectClause, Link::Free, false);
        }
        return;
    }
    let before = pick(
        rng,
        &[
            "is there!",
            "is there!",
            "is there!",
            "is there!",
            "do you see!",
            "can you see!",
            "there! is",
            "do we have!",
            "do you have!",
            "have you got!",
            "can you spot!",
            "could you see!",
            "tell me if there! is",
            "tell me whether there! is",
            "can you tell me if there! is",
            "do you know if there! is",
            "let me know if there! is",
            "check if there! is",
        ],
    );
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
            // "tell me if the ball is in the bowl"
            let told = object.quantity != Quantity::All && chance(rng, 0.15);
            if told {
                b.fill(pick(rng, TOLD));
            } else {
                b.say(be, Meaning::Ask(Ask::Holds), Role::Verb);
            }
            let plain = Referent { quantity: Quantity::The, ..object.clone() };
            if object.quantity == Quantity::All {
                b.say("all! the", Meaning::Quantity(Quantity::All), Role::Object);
                plural(b, rng, &plain, "");
            } else {
                referent(b, rng, &plain, Role::Object, Link::Marked);
            }
            if told {
                b.say("is!", Meaning::Ask(Ask::Holds), Role::Verb);
            }
            b.fill(pick(
                rng,
                &[
                    "", "", "", "", "", "", "standing", "sitting", "lying", "placed", "located", "really",
                    "now",
                ],
            ));
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
