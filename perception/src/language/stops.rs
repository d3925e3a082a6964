//! Words that stop a sentence, whatever the network would make of it.

use std::collections::BTreeSet;
use std::sync::OnceLock;

/// "don't", "never": what is forbidden is not done.
pub const PROHIBITIONS: &[&str] =
    &["not", "never", "stop", "avoid", "refrain", "halt", "abort", "cancel", "quit", "freeze"];

/// "except", "without": the sentence takes something back.
pub const EXCEPTIONS: &[&str] = &[
    "without", "except", "excluding", "instead", "rather", "but", "besides", "no", "none", "neither", "nor",
    "nothing", "nobody", "excepting", "other", "others", "apart",
];

/// "if", "until": the sentence hangs on something.
pub const CONDITIONS: &[&str] = &[
    "if", "unless", "when", "whenever", "until", "till", "while", "once", "before", "or", "either", "whether",
    "provided", "assuming", "maybe", "perhaps", "otherwise", "else", "in case", "unlike",
];

/// Verbs of things that this robot cannot, or must not, do.
pub const BEYOND: &[&str] = &[
    "pour", "cut", "throw", "cook", "wash", "eat", "break", "hit", "fly", "sing", "kill", "toss", "drink",
    "dance", "hurt", "attack", "punch", "smash", "crush", "burn", "paint", "write", "draw", "clean", "wipe",
    "fold", "screw", "unscrew", "rotate", "spin", "flip", "shake", "stir", "peel", "bake", "feed", "walk",
    "run", "jump", "drive", "call", "play", "buy", "squeeze", "bend", "tear", "rip", "wave", "roll", "kick",
    "catch", "juggle", "balance", "hide", "steal", "shoot", "stab", "poke", "tap", "slice", "chop", "boil",
    "fry", "mix", "drill", "hammer", "sew", "vacuum", "sweep", "scrub", "polish", "mop",
    "read", "speak", "talk", "laugh", "smile", "sleep", "swim", "climb", "destroy", "explode",
    "strangle", "slap", "fight", "crash", "fling", "hurl", "launch", "melt", "freeze", "heat", "weigh",
    "measure", "assemble", "glue", "knit", "dial", "email", "translate", "turn",
    "hug", "kiss", "scratch", "lick", "bite", "chew", "swallow", "massage", "poison", "strike",
    "swing", "whisk", "knock", "topple", "wrap", "unwrap", "plug", "unplug", "lock", "unlock", "photograph",
];

/// Words of people that no robot hand shall touch: never a typing error for an object.
const PEOPLE: &[&str] = &[
    "person", "human", "people", "child", "children", "baby", "woman", "dog", "kitten", "puppy", "cat",
    "animal", "finger", "fingers", "throat", "mouth", "hands", "faces",
];

/// English words close in spelling to words of the lexicon; they are not typing errors.
const ENGLISH: &[&str] = &[
    "towel", "towels", "power", "lower", "cower", "flower", "block", "clock", "flock", "black", "slack",
    "snack", "stock", "stuck", "shack", "place", "plane", "plant", "palace", "peace", "space", "lace",
    "small", "smell", "shall", "stall", "large", "barge", "merge", "larger", "white", "while", "write",
    "quite", "whine", "right", "night", "light", "might", "fight", "sight", "tight", "eight", "bright",
    "fright", "slide", "slice", "slime", "glide", "front", "frost", "grant", "mouse", "house", "horse",
    "green", "greet", "greed", "breed", "grain", "crown", "brown", "drown", "orange", "range", 
    "purse", "purple", "people", "temple", "yellow", "fellow", "bellow", "mellow", "cellar", "bowel", "vowel",
    "towns", "balls", "bells", "bills", "bulls", "walls", "halls", "falls", "calls", "tells", "sells",
    "tubes", "cubed", "cubic", "tunes", "boxer", "boxed", "foxes", "taxes", "tricks", "bricks", "trick",
    "prick", "brisk", "break", "bread", "breed", "plates", "planes", "slate", "slates", "plays", "trays",
    "grays", "prays", "treys", "tracy", "trade", "grade", "grape", "crane", "brand", "grand", "glass",
    "glasses", "class", "grass", "grasp", "clasp", "raise", "raising", "praise", "phase", "phrase", "least",
    "beast", "feast", "lease", "leave", "heave", "weave", "lasso", "thing", "think", "thank", "thick",
    "things", "thinks", "sting", "sling", "swing", "string", "spring", "bring", "being", "brine", "bling",
    "table", "cable", "fable", "stable", "tablet", "tables", "chair", "stack", "stick", "stack", "sticky",
    "stacks", "snacks", "sticks", "pushy", "bushy", "shift", "shirt", "swift", "short", "shore", "store",
    "shove", "shave", "stove", "above", "glove", "gloves", "clove", "nudge", "judge", "fudge", 
    "drags", "drugs", "dress", "under", "other", "another", "older", "order", "elder", "ender", "sender",
    "first", "fist", "thirst", "burst", "next", "text", "tent", "tents", "touch", "couch", "pouch", "south",
    "north", "month", "point", "paint", "print", "joint", "giant", "grind", "blind", "bland", "bleed",
    "where", "there", "these", "those", "three", "threw", "theme", "their", "sphere", "spare",
    "spore", "spire", "shape", "shapes", "share", "shark", "sharp", "count", "mount", "court", "country",
    "county", "color", "collar", "dollar", "label", "level", "lever", "never", "river", "robot", "robots",
    "reboot", "front", "fronts", "middle", "riddle", "fiddle", "muddle", "button", "bottom", "bottle",
    "bottles", "battle", "cattle", "kettle", "little", "title", "litter", "letter", "better", "butter",
    "matter", "platter", "planter", "platters", "flatter", "clatter", "pattern", "dishes", "wishes", "fishes",
    "basin", "basis", "bacon", "basic", "basil", "cabin", "raisin", "raisins", "items", "times", "dimes",
    "pieces", "places", "picked", "packed", "pickle", "piece", "niece", "price", "prize", "prince", "close",
    "chose", "clove", "cloth", "clothes", "closer", "loser", "those", "nose", "shut", "shot", "short",
    "start", "smart", "chart", "state", "stare", "stage", "stair", "stairs", "story", "stone", "stores",
    "group", "grope", "croup", "grout", "ground", "round", "sound", "found", "bound", "pound", "mound",
    "wound", "sorry", "worry", "sorting", "setting", "petting", "betting", "getting", "letting",
    "sitting", "hitting", "fitting", "cutting", "putting", "pitting", "moving", "loving",
    "living", "having", "shaving", "saving", "waving", "taking", "making", "baking", "waking", "raking",
    "lifting", "sifting", "gifting", "listing", "picking", "kicking", "licking", "packing", "locking",
    "laying", "paying", "saying", "playing", "staying", "loading", "leading", "reading", "heading",
    "holding", "folding", "molding", "finding", "binding", "winding", "opening", "closing", "losing",
    "posing", "looking", "cooking", "booking", "hooking", "switch", "twitch", "snitch", "stitch", "witch",
    "sketch", "fetch", "fetch", "patch", "match", "matching", "watching", "catching", "hatching", "patching",
    "watch", "catch", "hatch", "latch", "batch", "ditch", "pitch", "beach", "teach", "reach", "peach",
    "bench", "lunch", "bunch", "punch", "crush", "brush", "blush", "flush", "blue", "glue", "clue", "plus",
    "violent", "violin", "violet", "scarf", "scarlet", "mini", "mint", "mind", "tiny", "huge", "hugs",
    "biggest", "cigar", "sugar", "digger", "bigger", "nearer", "dearest", "closet", "closets",
    "further", "father", "mother", "farther", "feather", "leather", "weather", "whether", "bother",
    "brother", "toward", "reward", "forward", "forwards", "award", "coward", "inside", "beside", "besides",
    "reside", "aside", "onside", "around", "behead", "because", "became", "become", "please", "pleased",
    "release", "pressed", "relax", "relay", "delay", "today", "moment", "comment", "cement", "spots",
    "shots", "slots", "plots", "sports", "posts", "pots", "spoon", "spoons", "spook", "sport", "spoke",
    "could", "would", "should", "cloud", "mould", "wood", "world", "word", "words", "sword", "swords",
    "again", "gain", "pain", "train", "brain", "drain", "chain", "then", "than", "that", "what", "chat",
    "pencil", "pencils", "eraser", "apple", "apples", "ample", "maple", "lemon", "lemons", "melon", "onion",
    "union", "grapes", "berry", "cherry", "carrot", "parrot", "potato", "tomato", "cookie", "candle",
    "handle", "handles", "sandals", "paper", "papers", "taper", "super", "upper", "copper", "supper",
    "dinner", "winner", "center", "centre", "enter", "corner", "corners", "edges", "ledge", "hedge",
    "wedge", "wedges", "badge", "bridge", "fridge", "closed", "opened", "sliced", "slider", "pushed",
    "pusher", "pulled", "puller", "grabs", "crabs", "crab", "drab", "grub", "scan", "scam", "span",
    "scans", "clean", "clear", "learn", "lean", "leaf", "leaves", "lives", "lined", "liner", "linen",
    "fourth", "fifth", "third", "seven", "eleven", "forty", "sixty", "fives",  "wider", "cider",
    "spider", "rider", "hidden", "filled", "filling", "falling", "feeling", "failing", "killing",
    "billing", "piling", "filing", "tiling", "sliding", "gliding", "riding", "hiding", "siding", "adding",
    "wadding", "padding", "building", "holdings", "lastly", "mostly", "nicely", "vastly", "lately", "slowly",
    "lowly", "solely", "gentle", "gently", "greatly", "quiet", "quick", "quickly", "thickly", "ready",
    "steady", "reads", "heads", "hands", "bands", "sands", "lands", "lends", "sends", "bends", "stand",
    "strand", "brands", "stands", "finally", "family", "finely", "final", "signal", "single", "simple",
    "simply", "sample", "exact", "extra", "enact", "inspect", "insect", "infect",
    "insert", "inserts", "invert", "desert", "dessert", "assert", "expert", "export", "import", "report",
    "retort", "resort", "record", "return", "retain", "remain", "remote", "remove", "removal", "removed",
    "retrieved", "received", "receive", "believe", "relieve", "deposit", "deposits", "position", "petition",
    "partition", "transfer", "transform", "transmit", "transport", "exchange", "exchanged", "change",
    "charge", "chance", "chances", "danger", "ranger", "hanger", "anger", "manger", "arrange", "strange",
    "stranger", "arrange", "arrangement", "organ", "organic", "organizer", "separate", "separated",
    "desperate", "operate", "tidy", "tidal", "collect", "connect", "correct", "collects", "select", "seize",
    "size", "sized", "sizes", "prized", "carry", "marry", "curry", "hurry", "cherry", "berries",
    "carries", "load", "loaf", "toad", "road", "roads", "loads", "lords", "cards", "yards", "boards",
    "board", "beard", "heard", "guard", "hoard", "bowls", "bowler", "howls", "owls", "cowls", "fowls",
    "soul", "bowling", "blown", "below", "elbow", "pillow", "willow", "billow", "hollow", "follow",
    "allow", "shallow", "swallow", "marble", "marbles", "mirror", "motor", "meter", "mug", "mugs", "cups",
];

fn words() -> &'static BTreeSet<&'static str> {
    static WORDS: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    WORDS.get_or_init(|| {
        [PROHIBITIONS, EXCEPTIONS, CONDITIONS, BEYOND, PEOPLE, ENGLISH].into_iter().flatten().copied().collect()
    })
}

/// Whether a word is English on its own, so that it is no typing error for another.
#[must_use]
pub fn is_english(word: &str) -> bool {
    words().contains(word)
}

/// The base form of a beyond-skill verb, if `word` is one in any of its regular forms.
#[must_use]
pub fn beyond_skill(word: &str) -> Option<&'static str> {
    BEYOND.iter().copied().find(|base| {
        word == *base
            || word.strip_suffix("ing").is_some_and(|stem| {
                stem == *base
                    || base.strip_suffix('e') == Some(stem)
                    || (stem.len() == base.len() + 1
                        && stem.starts_with(base)
                        && stem.chars().last() == base.chars().last())
            })
            || word.strip_suffix('s') == Some(base)
    })
}
