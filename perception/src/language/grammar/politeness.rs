//! What people say around a task: greetings, names, politeness, and the words between two tasks.

use super::build::{Build, chance, pick};
use crate::language::tags::{Meaning, Role, Tagged};
use rand_chacha::ChaCha8Rng;

/// Before everything else.
const CALLS: &str = "\
    hey|hey ,|hi ,|hello ,|okay ,|ok ,|ok|okay|alright ,|alright then ,|right ,|so ,|so|well ,|\
    now ,|now|great ,|good ,|perfect ,|nice ,|cool ,|yes ,|yeah ,|um ,|uh ,|hmm ,|listen ,|thanks ,|\
    first ,|first|next ,|first of all ,|then|also ,|good job ,|awesome ,|excellent ,|yo ,|howdy ,|\
    sure ,|oh ,|and now|finally ,|as a first step ,|in the next step ,|to start ,|to start with ,|\
    for a start ,|to begin with ,|for now ,|here we go ,|quick question ,|the next task ,|\
    hi there ,|hey there ,";
/// Who is spoken to.
const NAMES: &str = "\
    robot ,|robot|buddy ,|mate ,|friend ,|my friend ,|dear robot ,|pal ,|dude ,|bro ,|bud ,|sir ,|\
    bot ,|robot please ,|dear ,|robot arm ,|good robot ,|fella ,";
/// Before the verb in its base form.
const ASKING: &str = "\
    could you|can you|would you|will you|could you please|can you please|would you please|\
    will you please|could you kindly|could you just|can you just|i want you to|i would like you to|\
    i need you to|i would love you to|i wish you to|i would love for you to|i would like for you to|\
    i need for you to|i want to have you|i would ask you to|i am asking you to|it would be great to|\
    it would be nice to|would it be possible to|is it possible to|would it be okay to|\
    are you able to|would you be able to|would you be so kind as to|would you be so good as to|\
    would you be so kind and|do you think you could|do you think you can|could i get you to|\
    can i get you to|could i ask you to|can i ask you to|may i ask you to|can we|could we|shall we|\
    can i have you|could i have you|let us|let us now|let me see you|i want to see you|you should|\
    you should now|you need to|you must|you have to|you can|you can now|you could|you may|\
    you may now|you are to|you are going to|you will|you will now|you got to|you ought to|try to|\
    try and|please try to|make sure to|make sure you|make sure that you|be sure to|remember to|\
    please remember to|feel free to|time to|it is time to|now it is time to|your task is to|\
    your job is to|your next job is to|your next task is to|the task is to|the goal is to|\
    your goal is to|what i want you to do is to|what i want you to do is|all you need to do is|\
    what you need to do is|all i want is for you to|what i need is for you to|i think you should|\
    we should|we need to|we want to|i want to|i need to|i would like to|help me|help me to|help us|\
    please help me|please help me to|can you help me|can you help me to|come and|go and|\
    go ahead and|please go ahead and|just go ahead and|be so kind and|be so kind as to|\
    be so good as to|be a dear and|be a good robot and|do me a favor and|do me a favour and|\
    please do|kindly|please|please|please|please|just|simply|quickly|carefully|gently|now please|\
    please now|please just|just please|would you just|i would love it|i would appreciate it|\
    it would be great|it would be nice|i would be grateful|it would be lovely|see|\
    i would like it please|would it be okay for you to|go on and|i am going to ask you to|\
    time for you to";
/// Right before the verb.
const ADVERBS: &str = "\
    please|just|kindly|now|quickly|carefully|gently|slowly|simply|also|first|then|go ahead and|\
    go and|directly|actually|really|please just|immediately|safely|nicely|softly";
/// Before the verb in its gerund.
const GERUND_OPENINGS: &str = "\
    would you mind|how about|start by|do you mind|could you start by|please start by|\
    would you mind just|would you mind please|i would appreciate you|can you start by|\
    let us start by|first try|please try";
/// Behind the last task.
const CLOSINGS: &str = "\
    please|, please|, thanks|thank you|, thank you|now|for me|for me , please|for me please|\
    right now|right away|straight away|carefully|gently|slowly|, robot|will you|quickly|immediately|\
    would you|okay|, okay ?|, could you|, could you ?|, would you ?|, will you ?|\
    thank you very much|thank you so much|too|as well|, mate|, buddy|, my friend|, pal|\
    , please robot|, that would be great|, that would be nice|, that is all|very carefully|\
    as quickly as possible|as fast as possible|as soon as possible|, i would appreciate it|nicely|\
    again|very slowly|very gently|, good robot|, sir|, dear|, all right|, alright ?|, yes ?|\
    , and thank you|, thanks robot|, thanks mate|, please do|, go ahead|quickly please|now please|\
    next please|?|?|, can you ?|safely|, would be great|, would be nice|, i think|, i guess|\
    , you know|for us|for a start|real quick|fast";
/// Between two tasks.
pub(super) const THEN: &str = "\
    and|and|and|and then|and then|, then|, then|then|, and then|, and|and after that|, after that|\
    , next ,|, finally|and finally|, afterwards|,|, then please|and also|and afterwards|, also|\
    , now|and now|, after this|, lastly|and lastly|, and finally|, and after that ,|and then please|\
    , after that please|, and please|and please|and then just|, then just|then please|, and now|\
    , then finally|, please then|, in the next step|, as a next step|, as the next step ,";

/// One of the phrases of a list, at random.
pub(super) fn one_of(rng: &mut ChaCha8Rng, list: &'static str) -> &'static str {
    let all: Vec<&str> = list.split('|').collect();
    pick(rng, &all)
}

/// Whether a task begins with its verb, so that "could you" can stand before it.
fn is_imperative(task: &[Tagged]) -> bool {
    let verbs = ["build", "make", "create", "construct", "give", "take"];
    task.first().is_some_and(|w| {
        verbs.contains(&w.word.as_str()) || (w.role == Role::Verb && matches!(w.meaning, Meaning::Verb(_)))
    })
}

/// What may stand before a task; often nothing.
pub(super) fn open(b: &mut Build, rng: &mut ChaCha8Rng, task: &[Tagged]) {
    if chance(rng, 0.4) {
        return;
    }
    if chance(rng, 0.3) {
        b.fill(one_of(rng, CALLS));
    }
    if chance(rng, 0.15) {
        b.fill(one_of(rng, NAMES));
    }
    if !is_imperative(task) {
        return;
    }
    if chance(rng, 0.7) {
        b.fill(one_of(rng, ASKING));
    }
    if chance(rng, 0.15) {
        b.fill(one_of(rng, ADVERBS));
    }
}

/// What may stand before a task that is not the first, behind "and then".
pub(super) fn go_on(b: &mut Build, rng: &mut ChaCha8Rng, task: &[Tagged]) {
    if is_imperative(task) && chance(rng, 0.15) {
        b.fill(one_of(rng, ASKING));
    }
}

/// What stands before a gerund.
pub(super) fn before_a_gerund(b: &mut Build, rng: &mut ChaCha8Rng) {
    if chance(rng, 0.2) {
        b.fill(one_of(rng, CALLS));
    }
    b.fill(one_of(rng, GERUND_OPENINGS));
    if chance(rng, 0.1) {
        b.fill(pick(rng, &["carefully", "gently", "quickly", "just", "slowly", "please"]));
    }
}

/// What may stand behind the last task.
pub(super) fn close(b: &mut Build, rng: &mut ChaCha8Rng) {
    let mut more = 0.24;
    while chance(rng, more) {
        b.fill(one_of(rng, CLOSINGS));
        more = 0.15;
    }
}
