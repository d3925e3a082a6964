//! What the words literally say, against what the labels make of them: nothing that was said is
//! dropped, nothing is turned round. Whatever does not agree is a question, never a motion.

use super::lexicon::{self, PARTICIPLES};
use super::tags::{Ask, Mark, Meaning, Role, Tagged, Verb};
use types::language::{Relation, Superlative, Task, Utterance};
use types::scene::Shape;

/// Words that tie the phrase behind them to something: left out, they would be lost.
const PREPOSITIONS: &[&str] = &[
    "in", "on", "to", "from", "with", "by", "out", "off", "at", "over", "around", "about", "along", "as",
    "like", "for", "through",
];
const DETERMINERS: &[&str] = &["the", "a", "an", "my", "this", "that", "these", "those", "your"];
/// Words that pick one of several in a way that no phrase can hold.
const ORDINALS: &[&str] = &["first", "next", "top", "same", "own", "new", "fresh", "more", "even", "total"];
const QUANTITIES: &[&str] = &[
    "all",
    "every",
    "each",
    "both",
    "everything",
    "any",
    "anything",
    "something",
    "some",
    "one",
    "a",
    "an",
    "either",
];
const NUMBERS: &[&str] = &["two", "three", "four", "five"];
/// Who looks at the table from the side that "near" and "far" are said of.
const VIEWERS: &[&str] = &["me", "us", "camera"];

type Checked = Result<(), String>;

fn word(words: &[Tagged], i: usize) -> &str {
    words.get(i).map_or("", |w| w.word.as_str())
}

fn has(words: &[Tagged], any: &[&str]) -> bool {
    words.iter().any(|w| any.contains(&w.word.as_str()))
}

/// The first index at or behind `i` whose word is none of `skipped`.
fn skip(words: &[Tagged], mut i: usize, skipped: &[&str]) -> usize {
    while skipped.contains(&word(words, i)) {
        i += 1;
    }
    i
}

fn is_phrase(w: &Tagged) -> bool {
    matches!(w.role, Role::Object | Role::ObjectClause | Role::Target | Role::TargetClause)
        && !matches!(w.meaning, Meaning::Relation(_))
}

fn unclear(word: &str) -> String {
    format!("I do not understand '{word}' here. Can you say it differently?")
}

/// One task or question: its words and what it asks for.
struct Part<'a> {
    words: &'a [Tagged],
    ask: Option<Ask>,
}

impl Part<'_> {
    fn does(&self, verb: Verb) -> bool {
        self.words.iter().any(|w| w.role == Role::Verb && w.meaning == Meaning::Verb(verb))
    }

    fn fills(&self) -> bool {
        has(self.words, &["fill", "filling"])
    }

    /// Whether the target names an object, and not a direction alone.
    fn names_target(&self) -> bool {
        self.words.iter().any(|w| w.role == Role::Target && is_phrase(w))
    }
}

/// Compares what was said with what was understood.
///
/// # Errors
/// A question about the word that does not agree.
pub(super) fn check(words: &[Tagged], utterance: &Utterance) -> Checked {
    let marks: Vec<usize> = (0..words.len()).filter(|&i| words[i].mark == Mark::Task).collect();
    for (k, &mark) in marks.iter().enumerate() {
        // What stands between two tasks may belong to either.
        let from = words[..mark].iter().rposition(|w| w.role != Role::None).map_or(0, |i| i + 1);
        let to = marks.get(k + 1).copied().unwrap_or(words.len());
        let words = &words[from..to];
        let ask = words.iter().find_map(|w| match (w.role, w.meaning) {
            (Role::Verb, Meaning::Ask(a)) => Some(a),
            _ => None,
        });
        let part = Part { words, ask };
        order(&part)?;
        goal(&part)?;
        for i in 0..words.len() {
            relation(&part, i)?;
            superlative(words, i)?;
            unlabelled(&part, i)?;
        }
    }
    match utterance {
        Utterance::Instruct(tasks) => instruction(words, tasks),
        Utterance::Ask(_) => Ok(()),
        Utterance::Empty | Utterance::Unclear(_) | Utterance::Refuse(_) => Ok(()),
    }
}

/// Phrases stand in one piece, and behind their relation.
fn order(part: &Part<'_>) -> Checked {
    let mut before: Option<&Tagged> = None;
    let (mut target, mut broken) = (false, false);
    for (i, w) in part.words.iter().enumerate().filter(|(_, w)| w.role != Role::None) {
        let relation = matches!(w.meaning, Meaning::Relation(_));
        let layer = matches!(w.meaning, Meaning::Layer(_));
        let same = before.is_some_and(|b| b.role == w.role);
        let wrong = match w.role {
            Role::Target => {
                let again = target && broken;
                target = true;
                again || (!same && !part.fills() && !relation)
            }
            Role::ObjectClause => {
                let behind = before.is_some_and(|b| {
                    b.role == Role::Object || (part.ask == Some(Ask::Count) && b.role == Role::Verb)
                });
                !(same || (relation && behind))
            }
            Role::TargetClause => !(same || (relation && before.is_some_and(|b| b.role == Role::Target))),
            Role::Object => {
                let open = before.is_some_and(|b| matches!(b.role, Role::ObjectClause | Role::TargetClause));
                let split = part.words[..i].iter().any(|b| b.role == Role::Object);
                let whole = same || layer || w.mark != Mark::None || !split;
                !whole
                    || (open
                        && before.is_some_and(|b| b.role == Role::ObjectClause)
                        && !layer
                        && w.mark == Mark::None)
            }
            Role::None | Role::Verb => false,
        };
        if wrong {
            return Err(unclear(&w.word));
        }
        // "in the bowl in the tray": the second one is a phrase of its own.
        let again = part.words[..i]
            .iter()
            .rev()
            .take_while(|b| b.role == w.role || b.role == Role::None)
            .any(is_phrase);
        if relation && same && again && !part.fills() {
            return Err(unclear(&w.word));
        }
        broken |= target && !matches!(w.role, Role::Target | Role::TargetClause);
        if same && w.mark == Mark::None && w.role != Role::Verb {
            joined(part.words, i)?;
        }
        before = Some(w);
    }
    Ok(())
}

/// "the ball standing behind the tray" says where it is, not where it shall go; and so does "lift the
/// ball behind the tray".
fn goal(part: &Part<'_>) -> Checked {
    let words = part.words;
    let aim = |w: &Tagged| w.role == Role::Target && matches!(w.meaning, Meaning::Relation(_));
    let Some(i) = words.iter().position(aim) else { return Ok(()) };
    if !words[..i].iter().any(|w| w.role == Role::Object) {
        return Ok(());
    }
    let from = words[..i].iter().rposition(|w| w.role != Role::None).map_or(0, |k| k + 1);
    let between = &words[from..i];
    let stands = [
        "standing",
        "lying",
        "sitting",
        "located",
        "resting",
        "stands",
        "sits",
        "lies",
        "which",
        "currently",
    ];
    if part.ask.is_some() {
        let open = has(between, &stands) && words.iter().any(|w| w.role == Role::TargetClause);
        return if open { Err(unclear(&words[i].word)) } else { Ok(()) };
    }
    let so = has(between, &["so", "such"]) || !has(between, &["that"]);
    if has(between, &stands) || !so {
        return Err(unclear(&words[i].word));
    }
    let verbs: Vec<&str> = words.iter().filter(|w| w.role == Role::Verb).map(|w| w.word.as_str()).collect();
    let lifts =
        !verbs.is_empty() && verbs.iter().all(|v| matches!(*v, "lift" | "lifting" | "take" | "taking"));
    let directed = matches!(word(words, i), "into" | "onto" | "to");
    if lifts && !directed {
        return Err(unclear(&words[i].word));
    }
    Ok(())
}

/// "the ball and the red": an article behind an "and" begins a phrase of its own.
fn joined(words: &[Tagged], i: usize) -> Checked {
    let glued = i > 0 && words[i - 1].role == Role::None && matches!(word(words, i - 1), "and" | ",");
    if glued && matches!(words[i].meaning, Meaning::Quantity(_)) {
        return Err(unclear(&words[i].word));
    }
    Ok(())
}

/// Whether "of" follows, as in "left hand side of".
fn has_of(words: &[Tagged], i: usize) -> bool {
    matches!(word(words, skip(words, i + 1, &["hand", "side"])), "of" | "from")
}

/// What a relation word says, by the words around it.
fn relation(part: &Part<'_>, i: usize) -> Checked {
    let (words, w) = (part.words, &part.words[i]);
    let (before, after) = (if i > 0 { word(words, i - 1) } else { "" }, word(words, i + 1));
    let labelled = matches!(w.meaning, Meaning::Relation(_)) && w.role != Role::None;
    let bare = w.role == Role::Target && !part.names_target();
    let clause = matches!(w.role, Role::ObjectClause | Role::TargetClause);
    let good = match w.word.as_str() {
        "into" | "onto" => !(clause || (labelled && bare)),
        "from" | "out" | "off" if labelled => w.role == Role::ObjectClause && before != "away",
        "with" if labelled => part.fills(),
        "to" if labelled => {
            let tied =
                ["next", "close", "closer", "nearer", "near", "adjacent", "left", "right", "opposite", "on"];
            let side = i > 0
                && matches!(before, "left" | "right")
                && !matches!(words[i - 1].meaning, Meaning::Relation(_));
            w.role == Role::Target && (side || !tied.contains(&before))
        }
        "left" | "right" if labelled => has_of(words, i) != bare,
        "left" | "right" if w.role != Role::None => {
            word(words, skip(words, i + 1, &["hand", "side"])) != "of"
        }
        "front" | "back" if after == "of" => {
            (labelled && !bare)
                || (part.ask == Some(Ask::Describe) && w.word == "front" && word(words, i + 2) == "you")
        }
        "front" if bare && labelled => before == "the",
        "behind" => labelled && !bare,
        "away" if labelled => {
            bare && (after != "from" || VIEWERS.contains(&word(words, skip(words, i + 2, &["the"]))))
        }
        "me" | "camera" if labelled => {
            bare && matches!(word(words, i.saturating_sub(1)), "to" | "towards" | "toward" | "the")
        }
        "top" if after == "of" => {
            let on =
                |k: usize| words[k].role != Role::None && words[k].meaning == Meaning::Relation(Relation::On);
            let tower = matches!(word(words, i + 2), "eachother");
            tower || (i.saturating_sub(2)..=i).any(on)
        }
        "next" if after == "to" => labelled || word(words, i + 2) == "eachother",
        "close" if after == "to" => labelled,
        "closer" | "nearer" if w.role == Role::None => {
            VIEWERS.contains(&word(words, skip(words, i + 1, &["to", "the"])))
        }
        "furthest" | "farthest" if w.role == Role::None => {
            matches!(word(words, skip(words, i + 1, &["to", "the", "on"])), "left" | "right")
        }
        _ => true,
    };
    if good { Ok(()) } else { Err(unclear(&w.word)) }
}

/// "closest to the bowl", "the two biggest": what no superlative of this robot says.
fn superlative(words: &[Tagged], i: usize) -> Checked {
    let Meaning::Superlative(s) = words[i].meaning else { return Ok(()) };
    if words[i].role == Role::None {
        return Ok(());
    }
    let sided = matches!(words[i].word.as_str(), "front" | "back");
    if matches!(s, Superlative::Nearest | Superlative::Furthest) && !sided {
        let next = skip(words, i + 1, &["away"]);
        if matches!(word(words, next), "to" | "from") {
            let whom = skip(words, next + 1, &["the"]);
            // "the ball furthest away to the left of the tray": where it shall go.
            let aim = [next, whom].iter().any(|k| {
                words
                    .get(*k)
                    .is_some_and(|w| w.role == Role::Target && matches!(w.meaning, Meaning::Relation(_)))
            });
            let aim = aim && word(words, next - 1) == "away";
            let verb = matches!(word(words, whom), "be" | "go" | "end" | "sit")
                || words.get(whom).is_some_and(|w| w.role == Role::Verb);
            if !aim && !verb && !VIEWERS.contains(&word(words, whom)) && word(words, whom) != "table" {
                return Err(unclear(&words[i].word));
            }
        }
    }
    // "next to the bowl on the left": of the bowl, or of all bowls?
    let beside = words[..i].iter().any(|w| {
        w.role == Role::Target
            && matches!(w.meaning, Meaning::Relation(r) if !matches!(r, Relation::In | Relation::On))
    });
    let late = words[..i]
        .iter()
        .any(|w| w.role == Role::Target && matches!(w.meaning, Meaning::Shape(_) | Meaning::Thing));
    if matches!(words[i].word.as_str(), "left" | "right") && words[i].role == Role::Target && beside && late {
        return Err("That can be understood in two ways. Can you say it differently?".to_owned());
    }
    let number = |k: usize| NUMBERS.contains(&word(words, k));
    if number(i + 1) || (i > 0 && number(i - 1)) {
        return Err("I can pick out one at a time only. Which one?".to_owned());
    }
    let same = |w: &&Tagged| w.role == words[i].role || w.role == Role::None;
    let plural = |w: &Tagged| w.role == words[i].role && lexicon::entry(&w.word).is_some_and(|e| e.plural);
    let behind: Vec<&Tagged> =
        words[i + 1..].iter().take_while(|w| same(w) && w.mark == Mark::None).collect();
    let noun = behind.iter().position(|w| plural(w));
    let among = noun.is_none_or(|n| behind[..n].iter().any(|w| matches!(w.word.as_str(), "of" | "among")));
    let start = words[..=i].iter().rposition(|w| w.mark != Mark::None).unwrap_or(0);
    let earlier = words[start..i].iter().rev().take_while(same).any(plural);
    if among && !earlier { Ok(()) } else { Err("I can pick out one at a time only. Which one?".to_owned()) }
}

/// Words without a label that would have said something of the phrase behind them.
fn unlabelled(part: &Part<'_>, i: usize) -> Checked {
    let (words, w) = (part.words, &part.words[i]);
    if w.role != Role::None {
        return Ok(());
    }
    let text = w.word.as_str();
    let determined = i > 0 && DETERMINERS.contains(&word(words, i - 1));
    let next = words.get(i + 1);
    let noun_next = next.is_some_and(is_phrase);
    if ORDINALS.contains(&text) && determined && noun_next && !(text == "top" && part.does(Verb::Stack)) {
        return Err(unclear(text));
    }
    if matches!(text, "most" | "more") && (word(words, i + 1) == "of" || noun_next) {
        return Err(unclear(text));
    }
    let counted =
        i > 0 && words[i - 1].role != Role::None && matches!(words[i - 1].meaning, Meaning::Quantity(_));
    if QUANTITIES.contains(&text) && !counted && part.ask != Some(Ask::Count) {
        let at = skip(words, i + 1, &["of", "the", "these", "those", "two", "three", "four", "five", "one"]);
        let of_all = i > 0 && matches!(word(words, i - 1), "of" | "among");
        if words.get(at).is_some_and(is_phrase) && !of_all {
            return Err(unclear(text));
        }
    }
    if matches!(text, "hold" | "stack" | "pile" | "place" | "look" | "check" | "take") {
        let at = skip(words, i + 1, DETERMINERS);
        if words.get(at).is_some_and(|w| w.role == Role::Object) {
            return Err(unclear(text));
        }
    }
    let before = if i > 0 { word(words, i - 1) } else { "" };
    let liked = matches!((before, text), ("would", "like") | ("begin" | "start", "with"));
    if PREPOSITIONS.contains(&text) && !liked {
        let at = skip(words, i + 1, DETERMINERS);
        let Some(phrase) = words.get(at).filter(|w| is_phrase(w)) else { return Ok(()) };
        if matches!(phrase.meaning, Meaning::Superlative(_) | Meaning::Layer(_)) {
            return Ok(());
        }
        // "next to the bowl": said by the word before.
        let said = words[..i].iter().rposition(|w| w.role != Role::None).is_some_and(|k| {
            matches!(words[k].meaning, Meaning::Relation(_)) && words[k].role == phrase.role
        });
        let listed = match text {
            "from" | "out" => part.does(Verb::Stack),
            "with" => part.does(Verb::Stack) || part.does(Verb::Swap),
            "for" => part.does(Verb::Swap),
            _ => false,
        };
        if !said && !listed {
            return Err(unclear(text));
        }
    }
    Ok(())
}

/// What only holds of something to do.
fn instruction(words: &[Tagged], tasks: &[Task]) -> Checked {
    if let Some(w) = words.iter().find(|w| {
        matches!(w.word.as_str(), "was" | "were" | "did" | "had" | "been" | "if" | "whether" | "does")
    }) {
        return Err(unclear(&w.word));
    }
    let asks = matches!(word(words, 0), "is" | "are" | "do" | "what" | "where" | "which" | "how")
        && !matches!(
            word(words, 1),
            "about" | "it" | "you" | "i" | "me" | "we" | "please" | "should" | "must" | "needs"
        );
    if asks {
        return Err("Is that a question, or shall I do something?".to_owned());
    }
    for (i, w) in words.iter().enumerate().filter(|(_, w)| w.role == Role::Verb) {
        let text = w.word.as_str();
        let wishes = ["want", "like", "need", "love", "prefer", "have"];
        // "the rest of the cubes": a noun.
        let noun = matches!(w.meaning, Meaning::Verb(Verb::Place | Verb::Pick)) && text != "hold";
        if noun && i > 0 && matches!(word(words, i - 1), "the" | "a" | "an" | "my" | "your") {
            return Err(unclear(text));
        }
        if i > 0 && matches!(word(words, i - 1), "i" | "they") && !wishes.contains(&text) {
            return Err(unclear(text));
        }
        let participle =
            PARTICIPLES.iter().any(|(_, all)| all.contains(&text)) && !matches!(text, "put" | "set");
        let helpers = [
            "be", "want", "like", "need", "needs", "have", "get", "gets", "love", "prefer", "sure", "ensure",
            "let",
        ];
        // "stack the cubes and the box should be stacked": two tasks that were read as one.
        let task = words[..=i].iter().rposition(|w| w.mark == Mark::Task).unwrap_or(0);
        let twice = words[task..i].iter().any(|w| w.role == Role::Verb);
        if participle && (twice || !has(&words[..i], &helpers)) {
            return Err(unclear(text));
        }
    }
    let stacks = tasks.iter().any(|t| matches!(t, Task::Stack(_)));
    if let Some(w) = words.iter().find(|w| matches!(w.meaning, Meaning::Layer(_)))
        && !stacks
    {
        return Err(unclear(&w.word));
    }
    let sorts = tasks.iter().any(|t| matches!(t, Task::SortByColor(_)));
    let by_color = [
        "color",
        "colour",
        "colors",
        "colours",
        "matching",
        "own",
        "same",
        "corresponding",
        "match",
        "matches",
    ];
    if sorts && !has(words, &by_color) {
        return Err("By what shall I sort: by color?".to_owned());
    }
    if sorts && let Some(w) = words.iter().find(|w| w.role == Role::None && is_lost_in_sorting(w)) {
        return Err(unclear(&w.word));
    }
    Ok(())
}

/// Sorting speaks of containers without a label; of nothing else.
fn is_lost_in_sorting(w: &Tagged) -> bool {
    match w.meaning {
        Meaning::Shape(s) => !matches!(s, Shape::Bowl | Shape::Tray),
        Meaning::Relation(r) => {
            !matches!(r, Relation::In | Relation::On | Relation::NextTo) || w.word == "behind"
        }
        _ => false,
    }
}
