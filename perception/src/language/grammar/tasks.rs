//! Sentences that ask for something to be done.

use super::build::{Build, chance, pick};
use super::phrases::{Link, acted_on, direction_words, referent, shared_noun, target, whither_words};
use crate::language::lexicon::VERBS;
use crate::language::tags::{Layer, Meaning, Role, Verb};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use types::language::{Quantity, Referent, Relation, Task};

const OPENINGS: &[&str] = &[
    "please",
    "could you",
    "can you",
    "would you",
    "will you",
    "could you please",
    "can you please",
    "would you please",
    "i want you to",
    "i would like you to",
    "i need you to",
    "robot ,",
    "hey robot ,",
    "hey robot , please",
    "hello robot ,",
    "hi ,",
    "hey ,",
    "now",
    "okay ,",
    "ok ,",
    "ok robot ,",
    "first",
    "first ,",
    "kindly",
    "your task is to",
    "your job is to",
    "the task is to",
    "the goal is to",
    "let us",
    "go ahead and",
    "try to",
    "you should",
    "you must",
    "make sure to",
    "be so kind and",
    "can we",
    "we need to",
    "i want to",
    "help me",
    "it is time to",
    "just",
    "next ,",
    "now please",
    "so ,",
    "please robot ,",
    "i wish you to",
    "could you kindly",
    "go and",
    "alright ,",
    "you have to",
    "would you be so kind as to",
    "come and",
    "simply",
];
const GERUND_OPENINGS: &[&str] =
    &["would you mind", "how about", "start by", "do you mind", "could you start by", "please start by"];
const CLOSINGS: &[&str] = &[
    "please",
    ", please",
    ", thanks",
    "thank you",
    "now",
    "for me",
    "for me , please",
    "right now",
    "right away",
    "carefully",
    "gently",
    "slowly",
    ", robot",
    "will you",
    "quickly",
    "immediately",
    "would you",
    "okay",
    ", could you",
    "thank you very much",
    "too",
    "as well",
];
const THEN: &[&str] = &[
    "and",
    "and then",
    ", then",
    "then",
    ", and then",
    ", and",
    "and after that",
    ", after that",
    ", next ,",
    ", finally",
    "and finally",
    ", afterwards",
    ",",
    ", then please",
    "and also",
    "and afterwards",
    ", also",
];

/// How the verb of the next task is to be written.
#[derive(Copy, Clone, PartialEq)]
enum Form {
    Base,
    Gerund,
}

fn verb_word(rng: &mut ChaCha8Rng, verb: Verb, form: Form) -> String {
    let words = VERBS.iter().find(|(v, _)| *v == verb).map_or(&[][..], |(_, w)| w);
    // The common verbs come first and more often.
    let n = words.len();
    let i = if n > 4 && chance(rng, 0.5) { rng.random_range(0..4) } else { rng.random_range(0..n.max(1)) };
    let (base, gerund) = words.get(i).copied().unwrap_or(("look", "looking"));
    let word = if form == Form::Base { base } else { gerund };
    format!("{word}!")
}

fn pronoun(b: &mut Build, r: &Referent) {
    b.say(if r.quantity == Quantity::All { "them!" } else { "it!" }, Meaning::It, Role::Object);
}

fn object(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent, link: Link, it: bool) {
    if it { pronoun(b, r) } else { acted_on(b, rng, r, link) }
}

/// Several objects of one verb; with a shared noun where they allow it.
fn objects(b: &mut Build, rng: &mut ChaCha8Rng, all: &[&Referent], collective: bool) {
    let plain = |r: &&Referent| {
        r.color.is_some() && r.size.is_none() && r.superlative.is_none() && r.relation.is_none()
    };
    let alike =
        all.iter().all(|r| plain(r) && r.shape == all[0].shape && r.quantity == all[0].quantity)
            && all[0].shape.is_some();
    let plural = all[0].quantity == Quantity::All;
    if all.len() > 1 && alike && all[0].quantity != Quantity::Any && !(plural && collective) && chance(rng, 0.5)
    {
        return shared_noun(b, rng, all, plural);
    }
    if all.len() == 2 && chance(rng, 0.06) {
        b.fill("both");
    }
    let first_then = collective && all.len() > 2 && chance(rng, 0.15);
    for (i, r) in all.iter().enumerate() {
        if i > 0 {
            let glue: &[&str] = match (i + 1 == all.len(), all.len()) {
                (last, _) if first_then => if last { &[", then", "and then", ", and then"] } else { &[", then"] },
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
fn object_link(object: &Referent, relation: Relation, whither: &str) -> Link {
    let held = |r: Relation| matches!(r, Relation::In | Relation::On);
    let clear = object.relation.as_ref().is_none_or(|(r, _)| {
        matches!(whither, "into!" | "onto!") || (!held(*r) && held(relation))
    });
    if clear { Link::Free } else { Link::Marked }
}

fn target_link(object: &Referent, whither: &str) -> Link {
    if object.relation.is_none() && matches!(whither, "into!" | "onto!") { Link::Free } else { Link::Marked }
}

fn place(
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
                "take! {o} over {t}",
            ],
        ),
        (Form::Base, _, _) => pick(rng, &["{v} {o} {t}", "{v} {o} {t}", "{v} {o} {t}", "{v} {o} down {t}"]),
        (Form::Gerund, 1, false) => {
            pick(rng, &["{v} {o} {t}", "{v} {o} {t}", "picking! up {o} and {p} {t}"])
        }
        (Form::Gerund, _, _) => "{v} {o} {t}",
    };
    let fill_ok = relation == Relation::In && to.relation.is_none() && !to.quantity.eq(&Quantity::All);
    let frame = if frame.starts_with("fill!") && !fill_ok { "{v} {o} {t}" } else { frame };
    let lifts = frame.contains("{p}");
    let static_place = ["goes!", "belongs!", "should!", "want!", "like!", "need!", "ends!", "that it", "somewhere"]
        .iter()
        .any(|w| frame.contains(w));
    let whither = if static_place { pick_static(rng, relation) } else { pick(rng, whither_words(relation)) };
    let fronted = frame.starts_with("{t}");
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
        "t" => target(b, rng, relation, to, whither, tlink),
        _ => {
            referent(b, rng, to, Role::Target, Link::Marked);
            b.say("with!", Meaning::Relation(Relation::In), Role::Target);
            object(b, rng, all[0], Link::Free, false);
        }
    });
}

fn pick_static(rng: &mut ChaCha8Rng, relation: Relation) -> &'static str {
    pick(rng, super::phrases::where_words(relation))
}

fn push(
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
            &["{v} {o} {d}", "{v} {o} {d}", "{v} {o} {d}", "give {o} a push! {d}", "move! {o} {d}", "{v} {o} over {d}"],
        ),
        (Form::Base, true) => pick(rng, &["{v} {o} {t}", "{v} {o} {t}", "{v} {o} over {t}"]),
        (Form::Gerund, false) => "{v} {o} {d}",
        (Form::Gerund, true) => "{v} {o} {t}",
    };
    let link = if held || to.is_none() { Link::Free } else { Link::Marked };
    // "push it left" after a verb of lifting would be another task: the mover's verb is "move" only here.
    b.frame(frame, Meaning::Verb(Verb::Push), &mut |b, slot| match slot {
        "v" => {
            let w = verb_word(rng, Verb::Push, form);
            b.say(&w, Meaning::Verb(Verb::Push), Role::Verb);
        }
        "o" => object(b, rng, what, link, it),
        "d" => {
            let words = pick(rng, direction_words(relation));
            b.say(words, Meaning::Relation(relation), Role::Target);
        }
        _ => {
            if let Some(to) = to {
                let words = if relation == Relation::NextTo && chance(rng, 0.4) {
                    pick(rng, &["against!", "towards!", "toward!", "up to!", "to!"])
                } else {
                    pick(rng, whither_words(relation))
                };
                target(b, rng, relation, to, words, Link::Marked);
            }
        }
    });
}

fn stack(b: &mut Build, rng: &mut ChaCha8Rng, all: &[Referent], form: Form) {
    let m = Meaning::Verb(Verb::Stack);
    let refs: Vec<&Referent> = all.iter().collect();
    let (v, open) = match form {
        Form::Base => ("{v}", ["build a", "make a", "create a"]),
        Form::Gerund => ("{v}", ["building a", "building a", "building a"]),
    };
    let tower = format!("{} {}", pick(rng, &open), pick(rng, &["tower!", "tower!", "tower!", "stack!", "pile!", "column!"]));
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
    options.push("{put} {l} on top of eachother!".to_owned());
    let frame = options[rng.random_range(0..options.len())].clone();
    b.frame(&frame, m, &mut |b, slot| match slot {
        "v" => {
            let w = verb_word(rng, Verb::Stack, form);
            b.say(&w, m, Role::Verb);
        }
        "put" => {
            let w = pick(rng, &["put!", "place!", "set!", "lay!"]);
            b.say(w, m, Role::Verb);
        }
        "l" => objects(b, rng, &refs, true),
        "pair" => {
            let whither = pick(rng, whither_words(Relation::On));
            acted_on(b, rng, refs[1], object_link(refs[1], Relation::On, whither));
            target(b, rng, Relation::On, refs[0], whither, target_link(refs[1], whither));
        }
        _ => layers(b, rng, &refs),
    });
}

/// "with the red cube at the bottom, the blue one in the middle and the ball on top".
fn layers(b: &mut Build, rng: &mut ChaCha8Rng, all: &[&Referent]) {
    let n = all.len();
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

fn sort(b: &mut Build, rng: &mut ChaCha8Rng, what: &Referent, form: Form, it: bool) {
    let m = Meaning::Verb(Verb::Sort);
    let own = ["{w} {o} {r} the {n} of its color!", "{w} {o} {r} the {n} of its own! color", "{w} {o} {r} the {n} of the same! color",
        "{w} {o} {r} the matching! {n}", "{w} {o} {r} the {n} with the same! color", "{w} {o} {r} the {n} with the matching! color",
        "{w} {o} {r} the corresponding! {n}", "{w} {o} {r} the {n} of their color!", "{w} {o} {r} the {n} that has the same! color"];
    let plain = ["{v} {o} by color", "{v} {o} by color", "{v} {o} according to color", "{v} {o} based on color",
        "{v} {o} by their color", "{v} {o} into the {n} by color", "{v} {o} into {n} by color", "{v} {o} by color into the {n}",
        "{v} {o} by color into the matching! {n}"];
    let frame = if chance(rng, 0.4) { pick(rng, &own) } else { pick(rng, &plain) };
    let color = if chance(rng, 0.5) { "color" } else { "colour" };
    let bare = *what == Referent::the().with_quantity(Quantity::All);
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
                    (if many { "bowls" } else { "bowl" }, Meaning::Shape(types::Shape::Bowl)),
                    (if many { "trays" } else { "tray" }, Meaning::Shape(types::Shape::Tray)),
                    (if many { "containers" } else { "container" }, Meaning::Thing),
                ],
            );
            let mut w = crate::language::tags::Tagged::filler(word);
            w.meaning = meaning;
            b.words.push(w);
        }
    });
}

fn swap(b: &mut Build, rng: &mut ChaCha8Rng, one: &Referent, two: &Referent, form: Form) {
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
        ],
        Form::Gerund => &["{v} {a} and {b}", "{v} {a} with {b}"],
    };
    b.frame(pick(rng, frames), m, &mut |b, slot| match slot {
        "v" => {
            let w = verb_word(rng, Verb::Swap, form);
            b.say(&w, m, Role::Verb);
        }
        "a" => referent(b, rng, one, Role::Object, Link::Free),
        _ => {
            b.begin_object();
            referent(b, rng, two, Role::Object, Link::Free);
        }
    });
}

fn simple(b: &mut Build, rng: &mut ChaCha8Rng, verb: Verb, form: Form) {
    let frames: &[&str] = match (verb, form) {
        (Verb::Open, Form::Base) => &[
            "open! the gripper", "open! your hand", "open! your gripper", "open! the hand", "open! your fingers",
            "open! the claw", "open! the jaws", "open! up the gripper", "open! the fingers wide", "release!",
            "release! it", "release! the gripper", "let go!", "let it go!", "open! gripper", "let go! of it",
        ],
        (Verb::Open, Form::Gerund) => &["opening! the gripper", "opening! your hand", "opening! the fingers"],
        (Verb::Close, Form::Base) => &[
            "close! the gripper", "close! your hand", "close! your gripper", "close! the hand", "shut! the gripper",
            "close! your fingers", "close! the claw", "close! the jaws", "shut! your hand", "close! gripper",
            "close! the fingers completely",
        ],
        (Verb::Close, Form::Gerund) => &["closing! the gripper", "closing! your hand", "shutting! the gripper"],
        (Verb::Home, Form::Base) => &[
            "go home!", "return home!", "go back home!", "move! home!", "go to your home! position", "go to the home! pose",
            "return to your home! position", "move! to the home! position", "move! back to your home! position",
            "go back to the start! position", "go to your starting! position", "return to the starting! pose",
            "go to the initial! position", "go to rest!", "move! the arm home!", "bring! the arm home!",
            "take the arm back home!", "return the arm to its home! position", "home!", "go back to the start!", "park!", "park! the arm", "reset!", "come home!", "come back home!", "go to your parking! position", "go to your rest! position",
        ],
        (Verb::Home, Form::Gerund) => &["going home!", "going back home!", "returning home!", "moving! home!"],
        (Verb::Look, Form::Base) => &[
            "look!", "look! again", "look! around", "look! at the table", "look! at the scene", "scan! the table",
            "take a look!", "take a look! at the table", "take a new picture!", "take a fresh look!", "have a look!",
            "look! at the table again", "inspect! the table", "scan! the scene", "scan! the workspace",
            "take a picture!", "take a photo! of the table", "look! again please",
        ],
        _ => &["looking! again", "looking! at the table", "scanning! the table", "taking a look!"],
    };
    b.frame(pick(rng, frames), Meaning::Verb(verb), &mut |_, _| {});
}

/// One task, or several that share a verb and a target.
fn write_task(b: &mut Build, rng: &mut ChaCha8Rng, tasks: &[Task], form: Form, it: bool) {
    b.begin_task();
    match &tasks[0] {
        Task::Pick(r) => pick_up(b, rng, r, form, it),
        Task::Place { relation, target, .. } => {
            let all: Vec<&Referent> =
                tasks.iter().filter_map(|t| if let Task::Place { object, .. } = t { Some(object) } else { None }).collect();
            place(b, rng, &all, (*relation, target), form, it);
        }
        Task::Stack(all) => stack(b, rng, all, form),
        Task::Push { object, relation, target } => push(b, rng, object, *relation, target.as_ref(), form, it),
        Task::SortByColor(r) => sort(b, rng, r, form, it),
        Task::Swap(one, two) => swap(b, rng, one, two, form),
        Task::OpenGripper => simple(b, rng, Verb::Open, form),
        Task::CloseGripper => simple(b, rng, Verb::Close, form),
        Task::Home => simple(b, rng, Verb::Home, form),
        Task::Look => simple(b, rng, Verb::Look, form),
    }
}

fn pick_up(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent, form: Form, it: bool) {
    let m = Meaning::Verb(Verb::Pick);
    let frames: &[&str] = match form {
        Form::Base => &["{v} {o}", "{v} {o}", "pick! up {o}", "pick! up {o}", "pick! up {o}", "pick! {o} up", "lift! up {o}", "lift! {o} up", "take! hold! of {o}", "get! hold! of {o}", "take! {o} in your gripper", "{v} {o} from the table", "pick! up {o} from the table", "pick! {o} up off the table", "{v} {o} off the table", "hold! up {o}"],
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

fn acts_on(task: &Task) -> Option<&Referent> {
    match task {
        Task::Pick(r) | Task::Place { object: r, .. } | Task::Push { object: r, .. } | Task::SortByColor(r) => Some(r),
        _ => None,
    }
}

/// "put A in B and C in D": a further placing that leaves its verb out.
fn elided(b: &mut Build, rng: &mut ChaCha8Rng, object: &Referent, relation: Relation, to: &Referent) {
    b.begin_task();
    let whither = pick(rng, whither_words(relation));
    referent(b, rng, object, Role::Object, object_link(object, relation, whither));
    target(b, rng, relation, to, whither, target_link(object, whither));
}

/// A whole sentence that asks for `tasks`, in order.
pub(super) fn instruct(b: &mut Build, rng: &mut ChaCha8Rng, tasks: &[Task]) {
    let mut form = Form::Base;
    if chance(rng, 0.04) {
        b.fill(pick(rng, GERUND_OPENINGS));
        form = Form::Gerund;
    } else if chance(rng, 0.42) {
        b.fill(pick(rng, OPENINGS));
    }
    let mut i = 0;
    let mut chained = false;
    while i < tasks.len() {
        let mut n = 1;
        if let Task::Place { object, relation, target } = &tasks[i] {
            while i + n < tasks.len()
                && matches!(&tasks[i + n], Task::Place { object: o, relation: r, target: t }
                    if r == relation && t == target && o != object && o.relation.is_none() && object.relation.is_none())
                && chance(rng, 0.7)
            {
                n += 1;
            }
        }
        let before = if i > 0 { acts_on(&tasks[i - 1]) } else { None };
        if i > 0 {
            // After a lifting, a placing in other words would be read as the same task.
            let after_pick = matches!(tasks[i - 1], Task::Pick(_));
            b.fill(pick(rng, THEN));
            if let Task::Place { object, relation, target } = &tasks[i]
                && chained
                && n == 1
                && !after_pick
                && chance(rng, 0.3)
            {
                elided(b, rng, object, *relation, target);
                i += 1;
                continue;
            }
        }
        let same = n == 1 && before.is_some() && before == acts_on(&tasks[i]);
        let lifted = i > 0 && matches!(tasks[i - 1], Task::Pick(_)) && matches!(tasks[i], Task::Place { .. });
        let it = same && !lifted && chance(rng, 0.7);
        write_task(b, rng, &tasks[i..i + n], form, it);
        chained = matches!(tasks[i], Task::Place { .. });
        form = Form::Base;
        i += n;
    }
    if chance(rng, 0.14) {
        b.fill(pick(rng, CLOSINGS));
    }
}
