//! Lifting, placing and pushing.

use super::build::{Build, chance, pick};
use super::objects::{Form, object, object_link, objects, participle, target_link, verb_word};
use super::phrases::{Link, referent, target};
use super::relations::{direction_words, where_words, whither_words};
use crate::language::tags::{Meaning, Role, Verb};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use types::language::{Quantity, Referent, Relation};

pub(super) fn place(
    b: &mut Build,
    rng: &mut ChaCha8Rng,
    all: &[&Referent],
    (relation, to): (Relation, &Referent),
    form: Form,
    it: bool,
) {
    let many = all[0].quantity == Quantity::All;
    let frame = match (form, all.len(), it) {
        (Form::Base, 1, false) => place_frame(rng, many),
        (Form::Base, _, false) => pick(
            rng,
            &[
                "{v} {o} {t}",
                "{v} {o} {t}",
                "{v} {o} {t}",
                "{v} {o} down {t}",
                "{o} should be {pp} {t}",
                "{o} go! {t}",
                "{o} belong! {t}",
                "i want! {o} {t}",
                "i would like! {o} {t}",
                "i want {o} {pp} {t}",
            ],
        ),
        (Form::Base, _, _) => pick(rng, &["{v} {o} {t}", "{v} {o} {t}", "{v} {o} {t}", "{v} {o} down {t}"]),
        (Form::Gerund, 1, false) => pick(rng, &["{v} {o} {t}", "{v} {o} {t}", "picking! up {o} and {p} {t}"]),
        (Form::Gerund, _, _) => "{v} {o} {t}",
    };
    let fill_ok = relation == Relation::In && to.relation.is_none() && !to.quantity.eq(&Quantity::All);
    let frame = if frame.starts_with("fill!") && !fill_ok { "{v} {o} {t}" } else { frame };
    let vague = !matches!(relation, Relation::In | Relation::On);
    let frame = if frame.ends_with("{tt}") && vague { "{v} {o} {t}" } else { frame };
    let lifts = frame.contains("{p}");
    let static_place = STATIC.iter().any(|w| frame.contains(w));
    let whither = if static_place { pick_static(rng, relation) } else { pick(rng, whither_words(relation)) };
    // "take the ball in the bowl" is a lifting: only words of direction make it a placing.
    let whither = match relation {
        Relation::In if frame.ends_with("{tt}") => pick(rng, &["into!", "to!"]),
        Relation::On if frame.ends_with("{tt}") => "onto!",
        _ => whither,
    };
    let fronted = frame.starts_with("{t}");
    b.fronted = fronted || frame.starts_with("{o}") || frame.contains("{pp}");
    b.held_target = matches!(relation, Relation::In | Relation::On);
    let olink = if lifts || fronted { Link::Free } else { object_link(all[0], relation, whither) };
    let olink = if frame.contains("that it") { Link::Marked } else { olink };
    let tlink = if fronted || lifts { Link::Marked } else { target_link(all[0], whither) };
    let first = if lifts { Verb::Pick } else { Verb::Place };
    let mut lifted = false;
    b.frame(frame, Meaning::Verb(first), &mut |b, slot| match slot {
        "v" | "p" => {
            if slot == "p" && lifted {
                b.begin_task();
            }
            let w = verb_word(rng, Verb::Place, form);
            b.say(&w, Meaning::Verb(Verb::Place), Role::Verb);
            if w.starts_with("put") && chance(rng, 0.03) {
                b.fill("back");
            }
            if slot == "p" {
                b.say("it!", Meaning::It, Role::Object);
            }
        }
        "o" => {
            if all.len() > 1 {
                objects(b, rng, all, false);
            } else {
                object(b, rng, all[0], olink, it);
            }
            lifted = true;
        }
        "pp" => {
            let w = participle(rng, Verb::Place);
            b.say(&w, Meaning::Verb(Verb::Place), Role::Verb);
        }
        "also" => {
            b.fill(pick(rng, &["right", "back", "straight", "over", "carefully", "gently", "there", "just"]))
        }
        "t" | "tt" => {
            let taken = matches!(whither, "into!" | "onto!")
                && b.words.iter().any(|w| matches!(w.word.as_str(), "from" | "out" | "off"));
            if taken && slot == "t" && !fronted && chance(rng, 0.3) {
                b.fill(pick(rng, &["and", "and then"]));
            }
            target(b, rng, relation, to, whither, tlink);
        }
        _ => {
            referent(b, rng, to, Role::Target, Link::Marked);
            b.say("with!", Meaning::Relation(Relation::In), Role::Target);
            object(b, rng, all[0], Link::Free, false);
        }
    });
}

/// Words that speak of where something shall be, not of a way there.
const STATIC: &[&str] = &[
    "goes!",
    "belongs!",
    "go!",
    "belong!",
    "should!",
    "want!",
    "like!",
    "need!",
    "needs!",
    "must!",
    "has!",
    "have!",
    "love!",
    "prefer!",
    "supposed!",
    "ought!",
    "sure!",
    "ensure!",
    "ends!",
    "that it",
    "somewhere",
];

/// One way to ask for a placing; `many`: the object is several.
fn place_frame(rng: &mut ChaCha8Rng, many: bool) -> &'static str {
    const PLAIN: &[&str] = &[
        "{v} {o} {t}",
        "{v} {o} {t}",
        "{v} {o} {t}",
        "{v} {o} {t}",
        "{v} {o} {t}",
        "{v} {o} {t}",
        "{v} {o} down {t}",
        "{v} {o} {also} {t}",
        "{v} {o} so that it is {t}",
        "{v} {o} such that it is {t}",
        "{v} {o} somewhere {t}",
        "fill! {f}",
        "take! {o} {tt}",
        "get! {o} {tt}",
        "take! {o} over {tt}",
        "lift! {o} {tt}",
        "collect! {o} {tt}",
        "return! {o} {tt}",
        "rest! {o} {t}",
        "add! {o} {tt}",
        "get! {o} {t}",
        "have! {o} {t}",
    ];
    const LIFTED: &[&str] = &[
        "pick! up {o} and {p} {t}",
        "pick! up {o} , then {p} {t}",
        "pick! up {o} , {p} {t}",
        "pick! {o} up and {p} {t}",
        "pick! {o} up , then {p} {t}",
        "take! {o} and {p} {t}",
        "take! {o} , then {p} {t}",
        "take! {o} , now {p} {t}",
        "grab! {o} and {p} {t}",
        "lift! {o} and {p} {t}",
        "lift! {o} up and {p} {t}",
        "get! {o} and {p} {t}",
        "get! hold of {o} and {p} {t}",
        "pick! {o} and {p} {t}",
        "fetch! {o} and then {p} {t}",
    ];
    const FRONTED: &[&str] = &[
        "{t} , {v} {o}",
        "{t} {v} {o}",
        "{t} , please {v} {o}",
        "{t} please {v} {o}",
        "{t} i want! {o}",
        "{t} i would like! {o}",
        "{t} goes! {o}",
        "{t} , you should {v} {o}",
        "{t} there should! be {o}",
        "{o} , {v} it {t}",
        "{o} , please {v} it {t}",
        "see {o} ? {v} it {t}",
        "you see {o} ? {v} it {t}",
        "{o} ? {v} it {t}",
    ];
    const WISHED: &[&str] = &[
        "{o} goes! {t}",
        "{o} belongs! {t}",
        "{o} should! be {t}",
        "{o} should! go {t}",
        "{o} should! sit {t}",
        "{o} should! end up {t}",
        "{o} should! stand {t}",
        "{o} needs! to be {t}",
        "{o} needs! to go {t}",
        "{o} needs! to sit {t}",
        "{o} must! be {t}",
        "{o} must! go {t}",
        "{o} has! to go {t}",
        "{o} has! to be {t}",
        "{o} ought! to be {t}",
        "{o} is supposed! to be {t}",
        "{o} is supposed! to go {t}",
        "i want! {o} {t}",
        "i want! {o} {t}",
        "i want! {o} to be {t}",
        "i want! {o} to go {t}",
        "i want! to see {o} {t}",
        "i want! to have {o} {t}",
        "i would like! {o} {t}",
        "i would like! {o} {t}",
        "i would like! {o} to be {t}",
        "i would like! to have {o} {t}",
        "i would like! to see {o} {t}",
        "i would love! {o} {t}",
        "i would love! to see {o} {t}",
        "i would prefer! {o} {t}",
        "i need! {o} {t}",
        "i need! {o} to be {t}",
        "i need! {o} to go {t}",
        "we need! {o} {t}",
        "can i have! {o} {t}",
        "could i have! {o} {t}",
        "let us have! {o} {t}",
        "make sure! {o} is {t}",
        "make sure! that {o} is {t}",
        "ensure! that {o} is {t}",
        "ensure! {o} is {t}",
        "make sure {o} ends! up {t}",
        "make sure that {o} ends! up {t}",
        "see to it that {o} ends! up {t}",
        "make sure! {o} goes {t}",
        "there should! be {o} {t}",
        "there needs! to be {o} {t}",
        "there must! be {o} {t}",
        "i want! there to be {o} {t}",
    ];
    const PASSIVE: &[&str] = &[
        "{o} should be {pp} {t}",
        "{o} should be {pp} {t}",
        "{o} must be {pp} {t}",
        "{o} needs to be {pp} {t}",
        "{o} has to be {pp} {t}",
        "{o} is to be {pp} {t}",
        "{o} ought to be {pp} {t}",
        "i want {o} {pp} {t}",
        "i want {o} to be {pp} {t}",
        "i would like {o} {pp} {t}",
        "i would like {o} to be {pp} {t}",
        "i would like to have {o} {pp} {t}",
        "i need {o} {pp} {t}",
        "i would love {o} {pp} {t}",
        "have {o} {pp} {t}",
        "get {o} {pp} {t}",
        "can {o} be {pp} {t}",
        "could {o} be {pp} {t}",
        "can you have {o} {pp} {t}",
        "make sure {o} is {pp} {t}",
        "make sure that {o} gets {pp} {t}",
        "let {o} be {pp} {t}",
    ];
    const SEVERAL: &[&str] =
        &["{o} go! {t}", "{o} belong! {t}", "{o} have! to go {t}", "{o} need! to go {t}"];
    match rng.random_range(0..100) {
        0..42 => pick(rng, PLAIN),
        42..55 => pick(rng, LIFTED),
        55..66 => pick(rng, FRONTED),
        66..70 if many => pick(rng, SEVERAL),
        66..86 => pick(rng, WISHED),
        _ => pick(rng, PASSIVE),
    }
}

pub(super) fn pick_static(rng: &mut ChaCha8Rng, relation: Relation) -> &'static str {
    pick(rng, where_words(relation))
}

pub(super) fn push(
    b: &mut Build,
    rng: &mut ChaCha8Rng,
    what: &Referent,
    relation: Relation,
    to: Option<&Referent>,
    form: Form,
    it: bool,
) {
    b.held_target = false;
    let held = what.relation.as_ref().is_some_and(|(r, _)| matches!(r, Relation::In | Relation::On));
    let frame = match (form, to.is_some()) {
        (Form::Base, false) => pick(
            rng,
            &[
                "{v} {o} {d}",
                "{v} {o} {d}",
                "{v} {o} {d}",
                "give {o} a push! {d}",
                "give {o} a little push! {d}",
                "give {o} a nudge! {d}",
                "give {o} a shove! {d}",
                "{move} {o} {d}",
                "{move} {o} {d}",
                "{v} {o} over {d}",
                "{v} {o} {d} a bit",
                "{v} {o} {d} a little",
                "{v} {o} {d}",
                "{v} {o} {d}",
                "{v} {o} slightly {d}",
                "{v} {o} along {d}",
                "give {o} a gentle push! {d}",
                "{o} should be {pp} {d}",
                "{o} needs to be {pp} {d}",
                "{o} must be {pp} {d}",
                "i want {o} {pp} {d}",
                "i would like {o} {pp} {d}",
                "i need {o} {pp} {d}",
                "have {o} {pp} {d}",
                "can {o} be {pp} {d}",
                "{o} should {move} {d}",
                "{o} needs to {move} {d}",
                "make {o} {move} {d}",
                "let {o} {move} {d}",
                "i want {o} to {move} {d}",
                "{o} , {v} it {d}",
            ],
        ),
        (Form::Base, true) => pick(
            rng,
            &[
                "{v} {o} {t}",
                "{v} {o} {t}",
                "{v} {o} {t}",
                "{v} {o} {t}",
                "{v} {o} over {t}",
                "{v} {o} so that it is {t}",
                "{o} should be {pp} {t}",
                "i want {o} {pp} {t}",
                "i would like {o} {pp} {t}",
                "give {o} a push! {t}",
                "{o} , {v} it {t}",
            ],
        ),
        (Form::Gerund, false) => "{v} {o} {d}",
        (Form::Gerund, true) => "{v} {o} {t}",
    };
    let link = if held || to.is_none() { Link::Free } else { Link::Marked };
    // "move" is a word of placing; without a target it can only be done by a push.
    b.frame(frame, Meaning::Verb(Verb::Push), &mut |b, slot| match slot {
        "v" => {
            let w = verb_word(rng, Verb::Push, form);
            b.say(&w, Meaning::Verb(Verb::Push), Role::Verb);
        }
        "pp" => {
            let w = participle(rng, Verb::Push);
            b.say(&w, Meaning::Verb(Verb::Push), Role::Verb);
        }
        "move" => b.say("move!", Meaning::Verb(Verb::Place), Role::Verb),
        "o" => object(b, rng, what, link, it),
        "d" => {
            let words = pick(rng, direction_words(relation));
            b.say(words, Meaning::Relation(relation), Role::Target);
        }
        _ => {
            if let Some(to) = to {
                let words = if relation == Relation::NextTo && !frame.contains("that it") && chance(rng, 0.4)
                {
                    pick(
                        rng,
                        &[
                            "against!",
                            "towards!",
                            "toward!",
                            "up to!",
                            "to!",
                            "closer! to",
                            "nearer! to",
                            "up against!",
                        ],
                    )
                } else {
                    pick(rng, whither_words(relation))
                };
                target(b, rng, relation, to, words, Link::Marked);
            }
        }
    });
}

pub(super) fn pick_up(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent, form: Form, it: bool) {
    let m = Meaning::Verb(Verb::Pick);
    let frames: &[&str] = match form {
        Form::Base => &[
            "{v} {o}",
            "{v} {o}",
            "pick! up {o}",
            "pick! up {o}",
            "pick! up {o}",
            "pick! {o} up",
            "lift! up {o}",
            "lift! {o} up",
            "take! hold! of {o}",
            "get! hold! of {o}",
            "take! {o} in your gripper",
            "{v} {o} from the table",
            "pick! up {o} from the table",
            "pick! {o} up off the table",
            "{v} {o} off the table",
            "hold! up {o}",
            "{v} {o}",
            "{v} {o}",
            "{o} should be {pp}",
            "{o} should be picked! up",
            "{o} needs to be picked! up",
            "i want {o} picked! up",
            "i would like {o} picked! up",
            "i would like {o} {pp}",
            "i want {o} to be {pp}",
            "i would like to have {o} picked! up",
            "have {o} picked! up",
            "can {o} be picked! up",
            "grab! hold! of {o}",
            "take! a hold! of {o}",
            "take! {o} in your hand",
            "raise! {o} up",
            "scoop! up {o}",
            "scoop! {o} up",
            "{v} {o} off the desk",
            "{o} , pick! it up",
            "{o} , {v} it",
            "lift! {o} in the air",
            "lift! {o} off the table",
        ],
        Form::Gerund => &["{v} {o}", "picking! up {o}", "picking! up {o}", "lifting! up {o}"],
    };
    b.frame(pick(rng, frames), m, &mut |b, slot| {
        if slot == "v" {
            let w = verb_word(rng, Verb::Pick, form);
            b.say(&w, m, Role::Verb);
        } else if slot == "pp" {
            let w = participle(rng, Verb::Pick);
            b.say(&w, m, Role::Verb);
        } else {
            object(b, rng, r, Link::Free, it);
        }
    });
}
