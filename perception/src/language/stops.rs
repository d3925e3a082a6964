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

/// Words before an "if" that asks and sets no condition: "tell me if".
pub const TELLING: &[&str] = &["me", "us", "know", "see", "check", "say", "wonder", "wondering"];

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
    above adding again allow ample anger another apple apples around arrange arrangement aside \
    assert award bacon badge baking balls bands banister barge barrel bases basic basil basin basis \
    basket batch battle beach beard beast became because become behead being believe bellow bells \
    below bench bends berries berry beside besides better betting bigger biggest billing billow \
    bills binding black bland bleed blind bling block blown blue blush board boards bolt bolts book \
    booking books bother bottle bottles bottom bound bowel bowler bowling bowls boxed boxer brain \
    brand brands bread break breed bricks bridge bright brine bring brisk bronze brother brown brush \
    bucket budget building bulge bulls bunch burst bushy butter button cabin cable calls candle card \
    cards carries carrot carry carton catch catching cattle cease cellar cement center centre chain \
    chair chance chances change charge chart chat checks cheek cheque cherry chick chose chuck cider \
    cigar clasp class clatter clean clear clock close closed closer closet closets closing cloth \
    clothes cloud clove clover cluck clue coin coins collar collect collects color comment connect \
    cookie cooking copper coral cork corner corners correct couch could count country county court \
    coward cower cowls crab crabs crane crate crest croup crown crush cubed cubic cups curry cutting \
    danger dearest delay deposit deposits desert desperate dessert digger dime dimes dinner dish \
    dishes ditch dollar drab drags drain dress drown drugs edges eight elbow elder eleven enact \
    ender enter eraser exact exchange exchanged expert export extra fable failing falling falls \
    family farther father feast feather feeling fellow fetch fiddle fiend fifth fight filing filled \
    filling final finally finding finds finely first fishes fist fitting fives flatter flock flower \
    flush folding follow fork forty forward forwards found fourth fowls foxes fridge fright front \
    fronts frost fudge further gain gentle gently getting giant gifting glass glasses glide gliding \
    glove gloves glower glue gold golden grabs grade grain grand grant grape grapes grasp grass \
    grays greatly greed green greet grind grope ground group grout grub guard halls handle handles \
    hands hanger hatch hatching having heading heads heard heave hedge hidden hiding hitting hoard \
    holding holdings hollow hooking horse house howls huge hugs hunt hurry import infect insect \
    insert inserts inside inspect invert items jar joint judge jug kettle key keys kicking killing \
    knife label lace ladle lands large larger lasso lastly latch lately laying leading leaf lean \
    learn lease least leather leave leaves ledge lego legos lemon lemonade lemons lends letter \
    letting level lever licking lid lifting light lime lined linen liner listing litter little \
    lively lives living load loading loads loaf locking looking lords loser losing lover lovers \
    loving lower lowly lunch making manger maple marble marbles march marches maroon marry mat match \
    matching matter means mellow melon merge meter middle might mind mini mint mirror molding moment \
    month mostly mother motor mould mound mount mouse movie movies moving mower muddle mug mugs \
    nearer needle needy never next nicely niece night north nose nudge nut nuts older onion onside \
    opened opening operate orange order organ organic organizer other owls packed packet packing \
    packs padding pain paint palace pans paper papers parrot partition patch patching pattern paying \
    peace peach peg pegs pencil pencils penny people petition petting phase phrase picked picking \
    pickle piece pieces piling pillow pitch pitting place places plane planes plank planks plans \
    plant planter plates platter platters playing plays please pleased plots plum plus point posing \
    position posts potato pots pouch pound power praise prays pressed price prick prince print prize \
    prized pulled puller punch purple purse pushed pusher pushy putting quick quickly quiet quite \
    radish rag raise raisin raising raisins raking range ranger reach reading reads ready reboot \
    receive received record relax relay release relieve remain remote removal remove removed report \
    reside resort retain retort retrieved return reward riddle rider riding right ring rings river \
    road roads robot robots round sample sandals sands sandy saucer saucers saving saying scam scan \
    scans scarf scarlet screw seize select sells sender sends separate separated setting seven shack \
    shall shallow shape shapes share shark sharp shave shaving shift shirt shore short shot shots \
    should shove shut siding sifting sight signal silver simple simply single sitting sixty size \
    sized sizes sketch slack slash slate slates slice sliced slide slider sliding slime sling slots \
    slower slowly small smart smell snack snacks snitch snoop solely sorry sorting soul sound south \
    space span spare spatula sphere spider spire spoke spook spoon spoons spore sport sports spots \
    spring stable stack stacks stage stair stairs stall stand stands stare start state staying \
    steady stick sticks sticky sting stitch stock stone stoop store stores story stove strand \
    strange stranger string stuck stunt sugar super supper swallow swift swing switch sword swords \
    table tables tablet taking taper taxes teach tells temple tent tents text than thank that their \
    theme then there these thick thickly thing things think thinks third thirst those three threw \
    tidal tidy tight tiling times tiny title toad today tomato torch touch tough toward towel towels \
    towers towns tracy trade train transfer transform transmit transport trays treys trick tricks \
    tubes tunes twitch under union upper vase vastly violent violet violin vouch vowel wadding \
    waking walls watch watching waving weather weave wedge wedges what where whether while whine \
    white wider willow winding winner wishes witch wood word words world worry would wound wrest \
    write yards yellow";

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
