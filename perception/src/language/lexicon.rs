//! The words Sinew knows: what each may stand for, and which words stop it.
//!
//! The lexicon is the licence of the network: a label that no entry allows for a word is no reading.

use super::tags::{Ask, Layer, Meaning, Verb};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use types::language::{Quantity, Relation, Superlative};
use types::scene::{Color, Shape, Size};

/// What one word may stand for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// The allowed meanings; [`Meaning::None`] only where the word may be mere filling.
    pub meanings: Vec<Meaning>,
    /// Whether it is a plural noun.
    pub plural: bool,
}

/// Words of each colour; the first is the plain one.
pub const COLORS: &[(Color, &[&str])] = &[
    (Color::Red, &["red", "crimson", "scarlet"]),
    (Color::Green, &["green"]),
    (Color::Blue, &["blue"]),
    (Color::Yellow, &["yellow"]),
    (Color::Orange, &["orange"]),
    (Color::Purple, &["purple", "violet"]),
    (Color::White, &["white"]),
    (Color::Black, &["black"]),
];

/// Nouns of each shape, singular and plural; the first is the plain one.
pub const SHAPES: &[(Shape, &[(&str, &str)])] = &[
    (Shape::Cube, &[("cube", "cubes"), ("block", "blocks")]),
    (Shape::Ball, &[("ball", "balls"), ("sphere", "spheres"), ("orb", "orbs")]),
    (Shape::Cylinder, &[("cylinder", "cylinders"), ("can", "cans"), ("tube", "tubes"), ("tin", "tins")]),
    (Shape::Box, &[("box", "boxes"), ("brick", "bricks"), ("cuboid", "cuboids")]),
    (Shape::Bowl, &[("bowl", "bowls"), ("dish", "dishes"), ("basin", "basins")]),
    (Shape::Tray, &[("tray", "trays"), ("plate", "plates"), ("platter", "platters")]),
];

/// Nouns of an object of any shape.
pub const THINGS: &[(&str, &str)] = &[
    ("object", "objects"),
    ("thing", "things"),
    ("item", "items"),
    ("one", "ones"),
    ("piece", "pieces"),
    ("toy", "toys"),
];

/// Words of each size; the first is the plain one.
pub const SIZES: &[(Size, &[&str])] =
    &[(Size::Small, &["small", "little", "tiny", "mini"]), (Size::Large, &["large", "big", "huge", "giant"])];

/// Words of each superlative that stand before the noun.
pub const SUPERLATIVES: &[(Superlative, &[&str])] = &[
    (Superlative::Largest, &["largest", "biggest", "larger", "bigger"]),
    (Superlative::Smallest, &["smallest", "tiniest", "littlest", "smaller"]),
    (Superlative::Leftmost, &["leftmost", "left"]),
    (Superlative::Rightmost, &["rightmost", "right"]),
    (Superlative::Nearest, &["nearest", "closest", "frontmost"]),
    (Superlative::Furthest, &["furthest", "farthest", "rearmost"]),
];

/// Verbs by kind, base form and gerund, that take their object directly.
pub const VERBS: &[(Verb, &[(&str, &str)])] = &[
    (
        Verb::Pick,
        &[
            ("pick", "picking"),
            ("grab", "grabbing"),
            ("take", "taking"),
            ("lift", "lifting"),
            ("grasp", "grasping"),
            ("hold", "holding"),
            ("fetch", "fetching"),
            ("get", "getting"),
            ("raise", "raising"),
            ("collect", "collecting"),
            ("seize", "seizing"),
            ("retrieve", "retrieving"),
            ("remove", "removing"),
            ("grip", "gripping"),
            ("snatch", "snatching"),
            ("clutch", "clutching"),
            ("hoist", "hoisting"),
        ],
    ),
    (
        Verb::Place,
        &[
            ("put", "putting"),
            ("place", "placing"),
            ("set", "setting"),
            ("drop", "dropping"),
            ("move", "moving"),
            ("bring", "bringing"),
            ("lay", "laying"),
            ("position", "positioning"),
            ("transfer", "transferring"),
            ("deposit", "depositing"),
            ("stick", "sticking"),
            ("carry", "carrying"),
            ("insert", "inserting"),
            ("relocate", "relocating"),
            ("leave", "leaving"),
            ("load", "loading"),
            ("store", "storing"),
            ("gather", "gathering"),
            ("transport", "transporting"),
            ("deliver", "delivering"),
            ("pop", "popping"),
            ("dump", "dumping"),
            ("tuck", "tucking"),
            ("slip", "slipping"),
            ("stow", "stowing"),
        ],
    ),
    (Verb::Stack, &[("stack", "stacking"), ("pile", "piling")]),
    (
        Verb::Push,
        &[
            ("push", "pushing"),
            ("slide", "sliding"),
            ("shove", "shoving"),
            ("nudge", "nudging"),
            ("shift", "shifting"),
            ("scoot", "scooting"),
            ("drag", "dragging"),
            ("pull", "pulling"),
            ("bump", "bumping"),
        ],
    ),
    (
        Verb::Sort,
        &[
            ("sort", "sorting"),
            ("arrange", "arranging"),
            ("organize", "organizing"),
            ("organise", "organising"),
            ("group", "grouping"),
            ("separate", "separating"),
            ("tidy", "tidying"),
        ],
    ),
    (
        Verb::Swap,
        &[
            ("swap", "swapping"),
            ("switch", "switching"),
            ("exchange", "exchanging"),
            ("interchange", "interchanging"),
        ],
    ),
    (Verb::Open, &[("open", "opening")]),
    (Verb::Close, &[("close", "closing"), ("shut", "shutting")]),
    (Verb::Look, &[("look", "looking"), ("scan", "scanning"), ("inspect", "inspecting")]),
];

/// Words that never stand for anything by themselves.
const FILLERS: &str = "\
    create hold taking such come reset somewhere directly too locations off stack pile column even both \
    over stand very a about according after afterwards again ahead alright also and are arm around as at \
    away back based be been being bit bottom build building by camera can careful carefully claw colored \
    colors coloured colours completely container containers could currently desk do does down end ends \
    exactly far finally fingers first five for four fresh from fully gently give go goal going good got \
    great gripper hand has have having hello help here hey hi how i immediately in is it its jaws job \
    just kind kindly know lastly let lies like little located look love lying made make me middle mind \
    moment most much must my need new next nice now of ok okay on only order out photo picture place \
    placed places please pose position positions present question quick quickly ready resting return \
    returning right robot say scene see shall should side simply sits sitting slowly so someone soon \
    spot spots standing stands straight sure table tabletop take task tell thank thanks that their them \
    then there they three time to today together top total tower try two up us using view visible want \
    was way we well were what which wide will wish with workspace would you your";

fn extra(add: &mut dyn FnMut(&str, &[Meaning])) {
    use Meaning::{It, Layer as L, None, Quantity as Q, Relation as R, Superlative as S, Thing, Verb as V};
    for w in ["it", "them"] {
        add(w, &[It, None]);
    }
    add("container", &[Thing]);
    add("containers", &[Thing]);
    add("dice", &[Meaning::Shape(Shape::Cube)]);
    for w in ["the", "my", "this", "these", "those"] {
        add(w, &[Q(Quantity::The), None]);
    }
    for w in ["a", "an", "any", "some", "one", "either", "something", "anything", "whichever"] {
        add(w, &[Q(Quantity::Any), None]);
    }
    for w in ["all", "every", "each", "both", "everything"] {
        add(w, &[Q(Quantity::All), None]);
    }
    add("in", &[R(Relation::In), None]);
    for w in ["into", "inside", "within"] {
        add(w, &[R(Relation::In)]);
    }
    for w in ["from", "out", "with"] {
        add(w, &[R(Relation::In), None]);
    }
    add("to", &[R(Relation::In), R(Relation::NextTo), None]);
    add("on", &[R(Relation::On), None]);
    for w in ["onto", "upon", "atop", "off"] {
        add(w, &[R(Relation::On)]);
    }
    add("top", &[R(Relation::On), L(Layer::Top), None]);
    add("bottom", &[L(Layer::Bottom), None]);
    add("middle", &[L(Layer::Middle), None]);
    add("left", &[R(Relation::LeftOf), S(Superlative::Leftmost)]);
    add("right", &[R(Relation::RightOf), S(Superlative::Rightmost), None]);
    add("leftwards", &[R(Relation::LeftOf)]);
    add("rightwards", &[R(Relation::RightOf)]);
    add("front", &[R(Relation::InFrontOf)]);
    add("behind", &[R(Relation::Behind)]);
    add("back", &[R(Relation::Behind), None]);
    add("away", &[R(Relation::Behind), None]);
    add("me", &[R(Relation::InFrontOf), None]);
    add("camera", &[R(Relation::InFrontOf), None]);
    for w in ["beside", "near", "alongside", "adjacent", "against"] {
        add(w, &[R(Relation::NextTo)]);
    }
    for w in ["next", "by", "toward", "towards"] {
        add(w, &[R(Relation::NextTo), None]);
    }
    add("close", &[R(Relation::NextTo)]);
    add("closer", &[R(Relation::NextTo)]);
    for w in ["furthest", "farthest", "further", "closer"] {
        add(w, &[None]);
    }
    for w in ["take", "get", "want", "like", "need", "goes", "belongs", "should", "ends", "fill", "filling"] {
        add(w, &[V(Verb::Place), None]);
    }
    for w in ["tower", "column", "eachother"] {
        add(w, &[V(Verb::Stack)]);
    }
    for w in ["trade", "change"] {
        add(w, &[V(Verb::Swap), None]);
    }
    add("start", &[None]);
    for w in [
        "home", "start", "starting", "initial", "rest", "reset", "park", "parking", "move", "moving", "bring",
    ] {
        add(w, &[V(Verb::Home)]);
    }
    for w in ["release", "releasing"] {
        add(w, &[V(Verb::Open)]);
    }
    add("go", &[V(Verb::Open), None]);
    for w in ["picture", "photo", "look"] {
        add(w, &[V(Verb::Look), None]);
    }
    for w in ["own", "matching", "same", "corresponding"] {
        add(w, &[V(Verb::Sort)]);
    }
    for w in ["color", "colour"] {
        add(w, &[V(Verb::Sort), Meaning::Ask(Ask::Color), None]);
    }
    asks(add);
}

fn asks(add: &mut dyn FnMut(&str, &[Meaning])) {
    use Meaning::{Ask as A, None};
    for w in ["many", "count", "number"] {
        add(w, &[A(Ask::Count)]);
    }
    add("there", &[A(Ask::Exists), None]);
    for w in ["see", "got"] {
        add(w, &[A(Ask::Exists), None]);
    }
    for w in ["is", "are"] {
        add(w, &[A(Ask::Holds), A(Ask::Exists), None]);
    }
    for w in ["where", "location", "find", "locate"] {
        add(w, &[A(Ask::Where)]);
    }
    for w in ["describe", "list"] {
        add(w, &[A(Ask::Describe)]);
    }
    add("what", &[A(Ask::Describe), None]);
    add("which", &[A(Ask::Describe), None]);
}

fn build() -> BTreeMap<String, Entry> {
    let mut map: BTreeMap<String, Entry> = BTreeMap::new();
    let mut add = |word: &str, meanings: &[Meaning], plural: bool| {
        let e = map.entry(word.to_owned()).or_default();
        for m in meanings {
            if !e.meanings.contains(m) {
                e.meanings.push(*m);
            }
        }
        e.plural |= plural;
    };
    for (c, words) in COLORS {
        words.iter().for_each(|w| add(w, &[Meaning::Color(*c)], false));
    }
    for (s, nouns) in SHAPES {
        for (one, many) in *nouns {
            add(one, &[Meaning::Shape(*s)], false);
            add(many, &[Meaning::Shape(*s)], true);
        }
    }
    for (one, many) in THINGS {
        add(one, &[Meaning::Thing], false);
        add(many, &[Meaning::Thing], true);
    }
    add("containers", &[], true);
    for (s, words) in SIZES {
        words.iter().for_each(|w| add(w, &[Meaning::Size(*s)], false));
    }
    for (s, words) in SUPERLATIVES {
        words.iter().for_each(|w| add(w, &[Meaning::Superlative(*s)], false));
    }
    for (v, words) in VERBS {
        for (base, gerund) in *words {
            add(base, &[Meaning::Verb(*v)], false);
            add(gerund, &[Meaning::Verb(*v)], false);
        }
    }
    extra(&mut |w, m| add(w, m, false));
    for w in FILLERS.split_whitespace().chain([",", "?", "eachother"]) {
        add(w, &[Meaning::None], false);
    }
    map
}

/// The whole lexicon, by word.
pub fn lexicon() -> &'static BTreeMap<String, Entry> {
    static LEXICON: OnceLock<BTreeMap<String, Entry>> = OnceLock::new();
    LEXICON.get_or_init(build)
}

/// The entry of a word.
#[must_use]
pub fn entry(word: &str) -> Option<&'static Entry> {
    lexicon().get(word)
}
