//! Words that stop a sentence, whatever the network would make of it.

use std::collections::BTreeSet;
use std::sync::OnceLock;

/// "don't", "never": what is forbidden is not done.
pub const PROHIBITIONS: &[&str] =
    &["not", "never", "stop", "avoid", "refrain", "halt", "abort", "cancel", "quit", "freeze"];

/// "except", "without": the sentence takes something back.
pub const EXCEPTIONS: &[&str] = &[
    "without",
    "except",
    "excluding",
    "instead",
    "rather",
    "but",
    "besides",
    "no",
    "none",
    "neither",
    "nor",
    "nothing",
    "nobody",
    "excepting",
    "other",
    "others",
    "apart",
];

/// "if", "until": the sentence hangs on something.
pub const CONDITIONS: &[&str] = &[
    "if",
    "unless",
    "when",
    "whenever",
    "until",
    "till",
    "while",
    "once",
    "before",
    "or",
    "either",
    "whether",
    "provided",
    "assuming",
    "maybe",
    "perhaps",
    "otherwise",
    "else",
    "in case",
    "unlike",
];

/// Verbs of things that this robot cannot, or must not, do.
pub const BEYOND: &str = "\
    pour cut throw cook wash eat break hit fly sing kill toss drink dance hurt attack punch smash crush \
    burn paint write draw clean wipe fold screw unscrew rotate spin flip shake stir peel bake feed walk \
    run jump drive call play buy squeeze bend tear rip wave roll kick catch juggle balance hide steal \
    shoot stab poke tap slice chop boil fry mix drill hammer sew vacuum sweep scrub polish mop read \
    speak talk laugh smile sleep swim climb destroy explode strangle slap fight crash fling hurl launch \
    melt freeze heat weigh measure assemble glue knit dial email translate turn hug kiss scratch lick \
    bite chew swallow massage poison strike swing whisk knock topple wrap unwrap plug unplug lock unlock \
    photograph";

/// Words of people that no robot hand shall touch: never a typing error for an object.
const PEOPLE: &str = "\
    person human people child children baby woman dog kitten puppy cat animal finger fingers throat \
    mouth hands faces";

/// English words close in spelling to words of the lexicon; they are not typing errors.
const ENGLISH: &str = "\
    above adding again allow ample anger another apple apples around arrange arrangement aside assert \
    award bacon badge baking balls bands barge basic basil basin basis batch battle beach beard beast \
    became because become behead being believe bellow bells below bench bends berries berry beside \
    besides better betting bigger biggest billing billow bills binding black bland bleed blind bling \
    block blown blue blush board boards booking bother bottle bottles bottom bound bowel bowler bowling \
    bowls boxed boxer brain brand brands bread break breed bricks bridge bright brine bring brisk \
    brother brown brush building bulls bunch burst bushy butter button cabin cable calls candle cards \
    carries carrot carry catch catching cattle cellar cement center centre chain chair chance chances \
    change charge chart chat cherry chose cider cigar clasp class clatter clean clear clock close closed \
    closer closet closets closing cloth clothes cloud clove clue collar collect collects color comment \
    connect cookie cooking copper corner corners correct couch could count country county court coward \
    cower cowls crab crabs crane croup crown crush cubed cubic cups curry cutting danger dearest delay \
    deposit deposits desert desperate dessert digger dimes dinner dishes ditch dollar drab drags drain \
    dress drown drugs edges eight elbow elder eleven enact ender enter eraser exact exchange exchanged \
    expert export extra fable failing falling falls family farther father feast feather feeling fellow \
    fetch fiddle fifth fight filing filled filling final finally finding finely first fishes fist \
    fitting fives flatter flock flower flush folding follow forty forward forwards found fourth fowls \
    foxes fridge fright front fronts frost fudge further gain gentle gently getting giant gifting glass \
    glasses glide gliding glove gloves glue grabs grade grain grand grant grape grapes grasp grass grays \
    greatly greed green greet grind grope ground group grout grub guard halls handle handles hands \
    hanger hatch hatching having heading heads heard heave hedge hidden hiding hitting hoard holding \
    holdings hollow hooking horse house howls huge hugs hurry import infect insect insert inserts inside \
    inspect invert items joint judge kettle kicking killing label lace lands large larger lasso lastly \
    latch lately laying leading leaf lean learn lease least leather leave leaves ledge lemon lemons \
    lends letter letting level lever licking lifting light lined linen liner listing litter little lives \
    living load loading loads loaf locking looking lords loser losing loving lower lowly lunch making \
    manger maple marble marbles marry match matching matter mellow melon merge meter middle might mind \
    mini mint mirror molding moment month mostly mother motor mould mound mount mouse moving muddle mug \
    mugs nearer never next nicely niece night north nose nudge older onion onside opened opening operate \
    orange order organ organic organizer other owls packed packing padding pain paint palace paper \
    papers parrot partition patch patching pattern paying peace peach pencil pencils people petition \
    petting phase phrase picked picking pickle piece pieces piling pillow pitch pitting place places \
    plane planes plant planter plates platter platters playing plays please pleased plots plus point \
    posing position posts potato pots pouch pound power praise prays pressed price prick prince print \
    prize prized pulled puller punch purple purse pushed pusher pushy putting quick quickly quiet quite \
    raise raisin raising raisins raking range ranger reach reading reads ready reboot receive received \
    record relax relay release relieve remain remote removal remove removed report reside resort retain \
    retort retrieved return reward riddle rider riding right river road roads robot robots round sample \
    sandals sands saving saying scam scan scans scarf scarlet seize select sells sender sends separate \
    separated setting seven shack shall shallow shape shapes share shark sharp shave shaving shift shirt \
    shore short shot shots should shove shut siding sifting sight signal simple simply single sitting \
    sixty size sized sizes sketch slack slate slates slice sliced slide slider sliding slime sling slots \
    slowly small smart smell snack snacks snitch solely sorry sorting soul sound south space span spare \
    sphere spider spire spoke spook spoon spoons spore sport sports spots spring stable stack stacks \
    stage stair stairs stall stand stands stare start state staying steady stick sticks sticky sting \
    stitch stock stone store stores story stove strand strange stranger string stuck sugar super supper \
    swallow swift swing switch sword swords table tables tablet taking taper taxes teach tells temple \
    tent tents text than thank that their theme then there these thick thickly thing things think thinks \
    third thirst those three threw tidal tidy tight tiling times tiny title toad today tomato touch \
    toward towel towels towns tracy trade train transfer transform transmit transport trays treys trick \
    tricks tubes tunes twitch under union upper vastly violent violet violin vowel wadding waking walls \
    watch watching waving weather weave wedge wedges what where whether while whine white wider willow \
    winding winner wishes witch wood word words world worry would wound write yards yellow";

fn words() -> &'static BTreeSet<&'static str> {
    static WORDS: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let lists = [PROHIBITIONS, EXCEPTIONS, CONDITIONS].into_iter().flatten().copied();
        lists.chain([BEYOND, PEOPLE, ENGLISH].into_iter().flat_map(str::split_whitespace)).collect()
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
    BEYOND.split_whitespace().find(|base| {
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
