//! Lifting, placing and pushing.

use super::build::{Build, chance, pick};
use super::objects::{Form, object, object_link, objects, target_link, verb_word};
use super::phrases::{Link, direction_words, referent, target, where_words, whither_words};
use crate::language::tags::{Meaning, Role, Verb};
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
    let frame = match (form, all.len(), it) {
        (Form::Base, 1, false) => pick(
            rng,
            &[
                "{v} {o} {t}",
                "{v} {o} {t}",
                "{v} {o} {t}",
                "{v} {o} {t}",
                "pick! up {o} and {p} {t}",
                "pick! up {o} , then {p} {t}",
                "pick! {o} up and {p} {t}",
                "take! {o} and {p} {t}",
                "grab! {o} and {p} {t}",
                "lift! {o} and {p} {t}",
                "get! {o} and {p} {t}",
                "pick! {o} and {p} {t}",
                "fetch! {o} and then {p} {t}",
                "{t} , {v} {o}",
                "{t} {v} {o}",
                "{o} goes! {t}",
                "{o} belongs! {t}",
                "{o} should! be {t}",
                "{o} should! go {t}",
                "i want! {o} {t}",
                "i want! {o} to be {t}",
                "i would like! {o} {t}",
                "i would like! {o} to be {t}",
                "i need! {o} {t}",
                "make sure {o} ends! up {t}",
                "{v} {o} down {t}",
                "{v} {o} so that it is {t}",
                "{v} {o} such that it is {t}",
                "{v} {o} somewhere {t}",
                "fill! {f}",
                "take! {o} {tt}",
                "get! {o} {tt}",
                "take! {o} over {tt}",
            ],
        ),
        (Form::Base, _, _) => pick(rng, &["{v} {o} {t}", "{v} {o} {t}", "{v} {o} {t}", "{v} {o} down {t}"]),
        (Form::Gerund, 1, false) => pick(rng, &["{v} {o} {t}", "{v} {o} {t}", "picking! up {o} and {p} {t}"]),
        (Form::Gerund, _, _) => "{v} {o} {t}",
    };
    let fill_ok = relation == Relation::In && to.relation.is_none() && !to.quantity.eq(&Quantity::All);
    let frame = if frame.starts_with("fill!") && !fill_ok { "{v} {o} {t}" } else { frame };
    let vague = matches!(relation, Relation::InFrontOf | Relation::Behind | Relation::NextTo);
    let frame = if frame.ends_with("{tt}") && vague { "{v} {o} {t}" } else { frame };
    let lifts = frame.contains("{p}");
    let static_place =
        ["goes!", "belongs!", "should!", "want!", "like!", "need!", "ends!", "that it", "somewhere"]
            .iter()
            .any(|w| frame.contains(w));
    let whither = if static_place { pick_static(rng, relation) } else { pick(rng, whither_words(relation)) };
    // "take the ball in the bowl" is a lifting: only words of direction make it a placing.
    let whither = match relation {
        Relation::In if frame.ends_with("{tt}") => pick(rng, &["into!", "to!"]),
        Relation::On if frame.ends_with("{tt}") => "onto!",
        Relation::LeftOf if frame.ends_with("{tt}") => "to the left! of",
        Relation::RightOf if frame.ends_with("{tt}") => "to the right! of",
        _ => whither,
    };
    let fronted = frame.starts_with("{t}");
    b.fronted = fronted;
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
        "t" | "tt" => target(b, rng, relation, to, whither, tlink),
        _ => {
            referent(b, rng, to, Role::Target, Link::Marked);
            b.say("with!", Meaning::Relation(Relation::In), Role::Target);
            object(b, rng, all[0], Link::Free, false);
        }
    });
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
            ],
        ),
        (Form::Base, true) => pick(rng, &["{v} {o} {t}", "{v} {o} {t}", "{v} {o} over {t}"]),
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
        "move" => b.say("move!", Meaning::Verb(Verb::Place), Role::Verb),
        "o" => object(b, rng, what, link, it),
        "d" => {
            let words = pick(rng, direction_words(relation));
            b.say(words, Meaning::Relation(relation), Role::Target);
        }
        _ => {
            if let Some(to) = to {
                let words = if relation == Relation::NextTo && chance(rng, 0.4) {
                    pick(rng, &["against!", "towards!", "toward!", "up to!", "to!", "closer! to"])
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
        ],
        Form::Gerund => &["{v} {o}", "picking! up {o}", "picking! up {o}", "lifting! up {o}"],
    };
    b.frame(pick(rng, frames), m, &mut |b, slot| {
        if slot == "v" {
            let w = verb_word(rng, Verb::Pick, form);
            b.say(&w, m, Role::Verb);
        } else {
            object(b, rng, r, Link::Free, it);
        }
    });
}
