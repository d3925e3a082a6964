//! Stacks, sorting, swapping, and what needs no object.

use super::build::{Build, chance, pick};
use super::objects::{Form, object, object_link, objects, participle, target_link, verb_word};
use super::phrases::{Link, acted_on, referent, target};
use super::relations::whither_words;
use crate::language::tags::{Layer, Meaning, Role, Tagged, Verb};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use types::Shape;
use types::language::{Quantity, Referent, Relation};

pub(super) fn stack(b: &mut Build, rng: &mut ChaCha8Rng, all: &[Referent], form: Form) {
    b.held_target = false;
    let m = Meaning::Verb(Verb::Stack);
    let refs: Vec<&Referent> = all.iter().collect();
    let (v, open) = match form {
        Form::Base => ("{v}", ["build a", "make a", "create a"]),
        Form::Gerund => ("{v}", ["building a", "building a", "building a"]),
    };
    let tower = format!(
        "{} {}",
        pick(rng, &open),
        pick(rng, &["tower!", "tower!", "tower!", "stack!", "pile!", "column!"])
    );
    let mut options = vec![
        format!("{v} {{l}}"),
        format!("{v} up {{l}}"),
        format!("{tower} of {{l}}"),
        format!("{tower} out of {{l}}"),
        format!("{tower} from {{l}}"),
        format!("{tower} using {{l}}"),
    ];
    if all.len() == 2 {
        options.extend(std::iter::repeat_n(format!("{v} {{pair}}"), 8));
        options.push(format!("{tower} with {{layers}}"));
    }
    if all.len() == 3 {
        options.extend(std::iter::repeat_n(format!("{tower} with {{layers}}"), 3));
    }
    if all.len() >= 3 {
        options.push(format!("{v} {{l}} in this order"));
        options.push(format!("{v} {{l}} in that order"));
    }
    if all.len() == 1 {
        options.push(format!("{v} {{l}} on top of eachother!"));
        options.push(format!("{v} {{l}} on eachother!"));
    }
    if form == Form::Base {
        for frame in [
            "i want {l} stacked!",
            "i would like {l} stacked!",
            "{l} should be stacked!",
            "{l} need to be stacked!",
            "i want {l} stacked! up",
            "i want {l} stacked! on top of eachother!",
            "i want a tower! of {l}",
            "i would like a tower! of {l}",
            "construct a tower! of {l}",
            "construct a tower! from {l}",
            "build me a tower! of {l}",
            "build me a tower! out of {l}",
            "make me a tower! with {l}",
            "can {l} be stacked!",
            "{put} {l} in a stack!",
            "{put} {l} in a pile!",
        ] {
            options.push(frame.to_owned());
        }
        if all.len() == 2 {
            options.extend(std::iter::repeat_n("{passive}".to_owned(), 5));
        }
    }
    options.push("{put} {l} on top of eachother!".to_owned());
    let frame = options[rng.random_range(0..options.len())].clone();
    b.frame(&frame, m, &mut |b, slot| match slot {
        "v" => {
            let w = verb_word(rng, Verb::Stack, form);
            b.say(&w, m, Role::Verb);
        }
        "put" => {
            let w = pick(rng, &["put!", "place!", "set!", "lay!"]);
            b.say(w, Meaning::Verb(Verb::Place), Role::Verb);
        }
        "l" => objects(b, rng, &refs, true),
        "passive" => {
            let before = pick(rng, &["", "i want", "i would like", "have", "i need"]);
            b.fill(before);
            let whither = pick(rng, whither_words(Relation::On));
            acted_on(b, rng, refs[1], object_link(refs[1], Relation::On, whither));
            if before.is_empty() {
                b.fill(pick(rng, &["should be", "must be", "needs to be", "has to be"]));
            }
            b.say("stacked!", m, Role::Verb);
            target(b, rng, Relation::On, refs[0], whither, target_link(refs[1], whither));
        }
        "pair" => {
            let whither = pick(rng, whither_words(Relation::On));
            acted_on(b, rng, refs[1], object_link(refs[1], Relation::On, whither));
            target(b, rng, Relation::On, refs[0], whither, target_link(refs[1], whither));
        }
        _ => layers(b, rng, &refs),
    });
}

/// "with the red cube at the bottom, the blue one in the middle and the ball on top".
pub(super) fn layers(b: &mut Build, rng: &mut ChaCha8Rng, all: &[&Referent]) {
    let n = all.len();
    b.keep_commas |= n > 2;
    let mut order: Vec<usize> = (0..n).collect();
    if chance(rng, 0.3) {
        order.reverse();
    }
    for (k, &i) in order.iter().enumerate() {
        if k > 0 {
            b.fill(if k + 1 == n { pick(rng, &["and", ", and"]) } else { pick(rng, &[",", ",", "and"]) });
            b.begin_object();
        }
        referent(b, rng, all[i], Role::Object, Link::Marked);
        let (words, layer) = if i == 0 {
            (pick(rng, &["at the bottom!", "on the bottom!"]), Layer::Bottom)
        } else if i + 1 == n {
            (pick(rng, &["on top!", "at the top!", "on the top!"]), Layer::Top)
        } else {
            (pick(rng, &["in the middle!", "in the middle!"]), Layer::Middle)
        };
        b.say(words, Meaning::Layer(layer), Role::Object);
    }
}

pub(super) fn sort(b: &mut Build, rng: &mut ChaCha8Rng, what: &Referent, form: Form, it: bool) {
    let m = Meaning::Verb(Verb::Sort);
    let own = [
        "{w} {o} {r} the {n} of its color!",
        "{w} {o} {r} the {n} of its own! color",
        "{w} {o} {r} the {n} of the same! color",
        "{w} {o} {r} the matching! {n}",
        "{w} {o} {r} the {n} with the same! color",
        "{w} {o} {r} the {n} with the matching! color",
        "{w} {o} {r} the corresponding! {n}",
        "{w} {o} {r} the {n} of their color!",
        "{w} {o} {r} the {n} that has the same! color",
        "{w} {o} {r} the {n} of that same! color",
        "{w} {o} {r} its matching! {n}",
        "{w} {o} {r} their matching! {n}",
        "{w} {o} {r} the {n} of its own! color",
        "{w} {o} {r} the {n} that matches! its color",
        "{o} goes into the {n} of its own! color",
        "{o} go in the {n} of the same! color",
        "{o} should go into the matching! {n}",
        "{o} should be {put} in the {n} of the same! color",
        "{o} belongs in the {n} of its own! color",
        "{o} belong in the {n} of their own! color",
        "match! {o} with the {n} by color",
        "match! {o} to the {n} of the same! color",
    ];
    let plain = [
        "{v} {o} by color",
        "{v} {o} by color",
        "{v} {o} according to color",
        "{v} {o} based on color",
        "{v} {o} by their color",
        "{v} {o} into the {n} by color",
        "{v} {o} into {n} by color",
        "{v} {o} by color into the {n}",
        "{v} {o} by color into the matching! {n}",
        "{v} {o} by colors",
        "{v} {o} according to their color",
        "{v} {o} depending on their color",
        "{v} {o} into {n} according to color",
        "{v} {o} into the matching! {n}",
        "i want {o} {pp} by color",
        "i would like {o} {pp} by color",
        "i would love {o} {pp} by color",
        "{o} should be {pp} by color",
        "{o} must be {pp} by color",
        "{o} need to be {pp} by color",
        "have {o} {pp} by color",
        "get {o} {pp} by color",
        "can {o} be {pp} by color",
        "i want {o} {pp} into the {n} by color",
    ];
    let frame = if chance(rng, 0.4) { pick(rng, &own) } else { pick(rng, &plain) };
    let color = if chance(rng, 0.5) { "color" } else { "colour" };
    let bare = *what == Referent::the().with_quantity(Quantity::All);
    let frame = if form == Form::Gerund && !frame.starts_with("{v}") && !frame.starts_with("{w}") {
        plain[0]
    } else {
        frame
    };
    let short = ["{v} by color", "{v} the table by color", "{v} up by color", "{v} into the {n} by color"];
    let frame = if bare && chance(rng, 0.4) { pick(rng, &short) } else { frame };
    let frame = frame.replace("color", color);
    let many = !chance(rng, 0.4);
    b.frame(&frame, m, &mut |b, slot| match slot {
        "v" => {
            let w = verb_word(rng, Verb::Sort, form);
            b.say(&w, m, Role::Verb);
            if w.starts_with("tidy") && chance(rng, 0.5) {
                b.fill("up");
            }
        }
        "pp" => {
            let w = participle(rng, Verb::Sort);
            b.say(&w, m, Role::Verb);
        }
        "put" => b.say(pick(rng, &["put!", "placed!"]), Meaning::Verb(Verb::Place), Role::Verb),
        "w" => {
            let w = verb_word(rng, Verb::Place, form);
            b.say(&w, Meaning::Verb(Verb::Place), Role::Verb);
        }
        "o" => object(b, rng, what, Link::Marked, it),
        "r" => b.fill(pick(rng, &["in", "to", "to"])),
        _ => {
            let (word, meaning) = pick(
                rng,
                &[
                    (if many { "bowls" } else { "bowl" }, Meaning::Shape(Shape::Bowl)),
                    (if many { "trays" } else { "tray" }, Meaning::Shape(Shape::Tray)),
                    (if many { "containers" } else { "container" }, Meaning::Thing),
                ],
            );
            let mut w = Tagged::filler(word);
            w.meaning = meaning;
            b.words.push(w);
        }
    });
}

pub(super) fn swap(b: &mut Build, rng: &mut ChaCha8Rng, one: &Referent, two: &Referent, form: Form) {
    let m = Meaning::Verb(Verb::Swap);
    let frames: &[&str] = match form {
        Form::Base => &[
            "{v} {a} and {b}",
            "{v} {a} and {b}",
            "{v} {a} with {b}",
            "{v} {a} with {b}",
            "{v} the positions of {a} and {b}",
            "{v} the places of {a} and {b}",
            "{v} the position of {a} with {b}",
            "change! the places of {a} and {b}",
            "make {a} and {b} trade! places",
            "make {a} and {b} swap! places",
            "let {a} and {b} change! places",
            "let {a} and {b} switch! places",
            "{v} {a} and {b} around",
            "{v} the locations of {a} and {b}",
            "{v} {a} and {b} with eachother",
            "trade! {a} with {b}",
            "trade! {a} for {b}",
            "{v} {a} for {b}",
            "{v} {a} and {b} over",
            "have {a} and {b} swap! places",
            "have {a} and {b} trade! places",
            "let {a} and {b} trade! places",
            "{a} and {b} should swap! places",
            "{a} and {b} should trade! places",
            "{a} and {b} should switch! places",
            "{a} and {b} need to change! places",
            "{a} and {b} should be {pp}",
            "i want {a} and {b} {pp}",
            "i want {a} {pp} with {b}",
            "i would like {a} and {b} to swap! places",
            "i want {a} and {b} to switch! places",
            "i want {a} and {b} to trade! positions",
            "can {a} and {b} swap! places",
            "could {a} and {b} trade! places",
            "make {a} trade! places with {b}",
            "let {a} change! places with {b}",
            "{v} places of {a} and {b}",
        ],
        Form::Gerund => &["{v} {a} and {b}", "{v} {a} with {b}"],
    };
    b.frame(pick(rng, frames), m, &mut |b, slot| match slot {
        "v" => {
            let w = verb_word(rng, Verb::Swap, form);
            b.say(&w, m, Role::Verb);
        }
        "pp" => {
            let w = participle(rng, Verb::Swap);
            b.say(&w, m, Role::Verb);
        }
        "a" => referent(b, rng, one, Role::Object, Link::Free),
        _ => {
            b.begin_object();
            referent(b, rng, two, Role::Object, Link::Free);
        }
    });
}

pub(super) fn simple(b: &mut Build, rng: &mut ChaCha8Rng, verb: Verb, form: Form) {
    let frames: &[&str] = match (verb, form) {
        (Verb::Open, Form::Base) => &[
            "open! the gripper",
            "open! your hand",
            "open! your gripper",
            "open! the hand",
            "open! your fingers",
            "open! the claw",
            "open! the jaws",
            "open! up the gripper",
            "open! the fingers wide",
            "release!",
            "release! it",
            "release! the gripper",
            "let go!",
            "let it go!",
            "open! gripper",
            "let go! of it",
            "open! wide",
            "open! up",
            "release! your grip",
            "loosen! your grip",
            "relax! your grip",
            "unclench! your hand",
            "the gripper should be open!",
            "the gripper should be opened!",
            "i want the gripper open!",
            "i want the gripper opened!",
            "open! up your hand",
            "get the gripper open!",
            "let go! now",
            "have the gripper opened!",
        ],
        (Verb::Open, Form::Gerund) => &["opening! the gripper", "opening! your hand", "opening! the fingers"],
        (Verb::Close, Form::Base) => &[
            "close! the gripper",
            "close! your hand",
            "close! your gripper",
            "close! the hand",
            "shut! the gripper",
            "close! your fingers",
            "close! the claw",
            "close! the jaws",
            "shut! your hand",
            "close! gripper",
            "close! the fingers completely",
            "clench! your fist",
            "close! up the gripper",
            "close! up your hand",
            "the gripper should be closed!",
            "i want the gripper closed!",
            "the gripper should be shut!",
            "i want your hand closed!",
            "have the gripper closed!",
            "get the gripper closed!",
        ],
        (Verb::Close, Form::Gerund) => {
            &["closing! the gripper", "closing! your hand", "shutting! the gripper"]
        }
        (Verb::Home, Form::Base) => &[
            "go home!",
            "return home!",
            "go back home!",
            "move! home!",
            "go to your home! position",
            "go to the home! pose",
            "return to your home! position",
            "move! to the home! position",
            "move! back to your home! position",
            "go back to the start! position",
            "go to your starting! position",
            "return to the starting! pose",
            "go to the initial! position",
            "go to rest!",
            "move! the arm home!",
            "bring! the arm home!",
            "take the arm back home!",
            "return the arm to its home! position",
            "home!",
            "go back to the start!",
            "park!",
            "park! the arm",
            "reset!",
            "come home!",
            "come back home!",
            "go to your parking! position",
            "go to your rest! position",
            "head home!",
            "head back home!",
            "head on home!",
            "return to base!",
            "go back to base!",
            "go to the default! position",
            "go to your default! pose",
            "move! to the neutral! position",
            "go to the neutral! pose",
            "go to the resting! position",
            "return to the rest! pose",
            "go to home!",
            "get back home!",
            "back home!",
            "back to your home! position",
            "take the home! position",
            "go to your home!",
            "i want you home!",
            "i want you back home!",
            "i want you to be home!",
            "go back to the beginning!",
            "move! back home!",
            "move! yourself home!",
            "return to the starting! position",
            "the arm should go home!",
            "the arm should return home!",
            "bring! yourself home!",
        ],
        (Verb::Home, Form::Gerund) => {
            &["going home!", "going back home!", "returning home!", "moving! home!"]
        }
        (Verb::Look, Form::Base) => &[
            "look!",
            "look! again",
            "look! around",
            "look! at the table",
            "look! at the scene",
            "scan! the table",
            "take a look!",
            "take a look! at the table",
            "take a new picture!",
            "take a fresh look!",
            "have a look!",
            "look! at the table again",
            "inspect! the table",
            "scan! the scene",
            "scan! the workspace",
            "take a picture!",
            "take a photo! of the table",
            "look! again please",
            "take another look!",
            "have another look!",
            "have another look! at the table",
            "take another look! around",
            "take another picture!",
            "look! around again",
            "look! over the table",
            "have a look! around",
            "have a new look!",
            "examine! the table",
            "survey! the table",
            "survey! the scene",
            "check! the table",
            "check! the table again",
            "check! the scene",
            "look! here",
            "take a peek!",
            "take a glance! at the table",
            "give the table a look!",
            "give it another look!",
        ],
        _ => &["looking! again", "looking! at the table", "scanning! the table", "taking a look!"],
    };
    b.frame(pick(rng, frames), Meaning::Verb(verb), &mut |_, _| {});
}
