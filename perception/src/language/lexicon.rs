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
    (Color::Red, &["red", "crimson", "scarlet", "reddish"]),
    (Color::Green, &["green", "emerald", "greenish"]),
    (Color::Blue, &["blue", "navy", "bluish"]),
    (Color::Yellow, &["yellow", "yellowish"]),
    (Color::Orange, &["orange"]),
    (Color::Purple, &["purple", "violet", "lilac", "purplish"]),
    (Color::White, &["white", "whitish"]),
    (Color::Black, &["black", "blackish"]),
];

/// Nouns of each shape, singular and plural; the first is the plain one.
pub const SHAPES: &[(Shape, &[(&str, &str)])] = &[
    (Shape::Cube, &[("cube", "cubes"), ("block", "blocks"), ("die", "dice")]),
    (Shape::Ball, &[("ball", "balls"), ("sphere", "spheres"), ("orb", "orbs")]),
    (
        Shape::Cylinder,
        &[
            ("cylinder", "cylinders"),
            ("can", "cans"),
            ("tube", "tubes"),
            ("tin", "tins"),
            ("canister", "canisters"),
        ],
    ),
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
pub const SIZES: &[(Size, &[&str])] = &[
    (Size::Small, &["small", "little", "tiny", "mini", "miniature", "teeny", "wee"]),
    (Size::Large, &["large", "big", "huge", "giant", "enormous", "massive", "gigantic"]),
];

/// Words of each superlative that stand before the noun.
pub const SUPERLATIVES: &[(Superlative, &[&str])] = &[
    (Superlative::Largest, &["largest", "biggest", "larger", "bigger"]),
    (Superlative::Smallest, &["smallest", "tiniest", "littlest", "smaller"]),
    (Superlative::Leftmost, &["leftmost", "left"]),
    (Superlative::Rightmost, &["rightmost", "right"]),
    (Superlative::Nearest, &["nearest", "closest", "frontmost", "nearer"]),
    (Superlative::Furthest, &["furthest", "farthest", "rearmost", "farther"]),
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
            ("pluck", "plucking"),
            ("nab", "nabbing"),
            ("scoop", "scooping"),
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
            ("plop", "plopping"),
            ("plonk", "plonking"),
            ("stash", "stashing"),
            ("situate", "situating"),
            ("lower", "lowering"),
            ("pack", "packing"),
            ("send", "sending"),
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
            ("scooch", "scooching"),
            ("tug", "tugging"),
            ("budge", "budging"),
            ("shunt", "shunting"),
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
            ("categorize", "categorizing"),
            ("classify", "classifying"),
            ("distribute", "distributing"),
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
    (
        Verb::Look,
        &[
            ("look", "looking"),
            ("scan", "scanning"),
            ("inspect", "inspecting"),
            ("examine", "examining"),
            ("survey", "surveying"),
            ("check", "checking"),
        ],
    ),
];

/// Participles of the common verbs, as in "the cube should be put in the bowl".
pub const PARTICIPLES: &[(Verb, &[&str])] = &[
    (Verb::Pick, &["picked", "lifted", "grabbed", "grasped", "raised"]),
    (
        Verb::Place,
        &[
            "put",
            "placed",
            "moved",
            "set",
            "dropped",
            "laid",
            "positioned",
            "transferred",
            "brought",
            "deposited",
            "stowed",
        ],
    ),
    (Verb::Stack, &["stacked", "piled"]),
    (Verb::Push, &["pushed", "nudged", "shoved", "shifted", "pulled", "slid"]),
    (Verb::Sort, &["sorted", "organized", "organised", "arranged", "grouped", "separated"]),
    (Verb::Swap, &["swapped", "switched", "exchanged"]),
    (Verb::Open, &["opened"]),
    (Verb::Close, &["closed"]),
];

/// Words that never stand for anything by themselves.
const FILLERS: &str = "\
    a am may sit touch find begin another lovely appreciate grateful depending among head their remember feel free yourself step gets followed able about absolutely according actually after afterwards again ahead air along alright also and \
    appreciate are arm around arrangement as ask asking at away awesome back based basically be been \
    beginning being bit bot both bro bud buddy build building by camera can careful carefully \
    chance cheers claw colored colors coloured colours column come completely container containers cool \
    could course create currently dear delighted desk directly do does done down dude easy end ends \
    ensure er erm even exactly excellent extra fancy far fast favor favour fella fellow finally fine \
    fingers finish first fist five for forward four fresh friend from fully gentle gently give glad go \
    goal going good got grateful great grip gripper grips guess guys hand happy has have having hello \
    help here hey hi hm hmm hold holding honestly how howdy hurry i idea if immediately in is it its \
    jaws job just kind kindly know knows lastly lemme let lies like listen little located \
    locations look looks loosen love lying made make mate me mean meant mind minute moment more \
    much must my neatly need needs new next nice nicely now obviously of off oh ok okay on only \
    order ought out over pal perfect perfectly photo picture pile place placed places please pleased \
    pleasure pose position positions possible prefer present pretty promptly properly question quick \
    quickly quite ready real really relax request required reset resting return returning right robot \
    safely say scene sec see seriously shall should show side simply sir sits sitting slightly slow \
    slowly smoothly so softly someone somewhere soon spot spots stack stand standing stands start \
    starting starts steady still straight straightaway such super supposed sure swiftly table tabletop \
    take taking task team tell tells thank thanks that their them then there they think three thx tidily \
    time to today together too top total tower truly try two ty uh um up us using very view visible want \
    wanting was way we well were what whatever which whichever wide will wish with wonder wondering \
    workspace would yeah yep yes yet yo you your";

fn extra(add: &mut dyn FnMut(&str, &[Meaning])) {
    use Meaning::{It, Layer as L, None, Quantity as Q, Relation as R, Superlative as S, Thing, Verb as V};
    for w in ["it", "them"] {
        add(w, &[It, None]);
    }
    add("container", &[Thing]);
    add("containers", &[Thing]);
    for w in ["the", "my", "this", "these", "those", "that"] {
        add(w, &[Q(Quantity::The), None]);
    }
    for w in ["a", "an", "any", "some", "one", "either", "something", "anything", "whichever", "whatever"] {
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
    add("bottom", &[L(Layer::Bottom)]);
    add("middle", &[L(Layer::Middle)]);
    add("left", &[R(Relation::LeftOf), S(Superlative::Leftmost)]);
    add("right", &[R(Relation::RightOf), S(Superlative::Rightmost), None]);
    add("leftwards", &[R(Relation::LeftOf)]);
    add("rightwards", &[R(Relation::RightOf)]);
    add("front", &[R(Relation::InFrontOf)]);
    add("behind", &[R(Relation::Behind)]);
    add("back", &[R(Relation::Behind), None]);
    add("away", &[R(Relation::Behind), None]);
    add("me", &[R(Relation::InFrontOf), None]);
    add("nearer", &[R(Relation::NextTo)]);
    add("camera", &[R(Relation::InFrontOf), None]);
    for w in ["beside", "near", "alongside", "adjacent", "against"] {
        add(w, &[R(Relation::NextTo)]);
    }
    for w in ["next", "by", "toward", "towards"] {
        add(w, &[R(Relation::NextTo), None]);
    }
    add("close", &[R(Relation::NextTo)]);
    add("closer", &[R(Relation::NextTo), S(Superlative::Nearest)]);
    add("front", &[S(Superlative::Nearest)]);
    add("back", &[S(Superlative::Furthest)]);
    for w in ["furthest", "farthest", "further", "closer", "nearer", "farther"] {
        add(w, &[None]);
    }
    for w in [
        "take", "get", "want", "like", "need", "goes", "belongs", "belong", "should", "ends", "fill",
        "filling", "needs", "must", "have", "has", "love", "prefer", "supposed", "ought", "sure", "ensure",
        "go",
    ] {
        add(w, &[V(Verb::Place), None]);
    }
    for w in [
        "lift",
        "lifting",
        "collect",
        "collecting",
        "return",
        "returning",
        "rest",
        "resting",
        "add",
        "adding",
    ] {
        add(w, &[V(Verb::Place)]);
    }
    for (v, words) in PARTICIPLES {
        words.iter().for_each(|w| add(w, &[V(*v)]));
    }
    add("placed", &[None]);
    add("arranged", &[None]);
    for w in ["building", "build", "make", "create", "construct", "constructing", "erect"] {
        add(w, &[None]);
    }
    for w in ["lifted", "grabbed"] {
        add(w, &[V(Verb::Place)]);
    }
    for w in ["tower", "towers", "column", "eachother"] {
        add(w, &[V(Verb::Stack)]);
    }
    for w in ["trade", "change"] {
        add(w, &[V(Verb::Swap), None]);
    }
    add("start", &[None]);
    for w in [
        "home",
        "start",
        "starting",
        "initial",
        "rest",
        "reset",
        "park",
        "parking",
        "move",
        "moving",
        "bring",
        "base",
        "neutral",
        "default",
        "resting",
        "started",
        "begin",
        "beginning",
    ] {
        add(w, &[V(Verb::Home)]);
    }
    for w in ["release", "releasing", "unclench", "loosen", "relax", "ungrip"] {
        add(w, &[V(Verb::Open)]);
    }
    add("clench", &[V(Verb::Close)]);
    add("go", &[V(Verb::Open), None]);
    for w in ["picture", "photo", "look", "glance", "peek", "check"] {
        add(w, &[V(Verb::Look), None]);
    }
    for w in ["own", "matching", "same", "corresponding", "match", "matches"] {
        add(w, &[V(Verb::Sort)]);
    }
    for w in ["color", "colour", "colors", "colours"] {
        add(w, &[V(Verb::Sort), Meaning::Ask(Ask::Color), None]);
    }
    asks(add);
}

fn asks(add: &mut dyn FnMut(&str, &[Meaning])) {
    use Meaning::{Ask as A, None};
    for w in ["many", "count", "number", "counting"] {
        add(w, &[A(Ask::Count)]);
    }
    add("there", &[A(Ask::Exists), None]);
    for w in ["see", "got", "have", "spot", "any"] {
        add(w, &[A(Ask::Exists), None]);
    }
    for w in ["is", "are"] {
        add(w, &[A(Ask::Holds), A(Ask::Exists), None]);
    }
    for w in ["where", "location", "find", "locate", "whereabouts"] {
        add(w, &[A(Ask::Where)]);
    }
    add("position", &[A(Ask::Where), None]);
    for w in ["describe", "list", "describing", "enumerate", "overview", "description", "report", "name"] {
        add(w, &[A(Ask::Describe)]);
    }
    for w in ["whether", "if"] {
        add(w, &[None]);
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
