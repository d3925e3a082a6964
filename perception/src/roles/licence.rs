//! Whether a sentence licenses what a model makes of it: nothing is moved that was not spoken of.
//!
//! A proposal is laid over the sentence, word by word, from left to right: every task needs its own word for what to
//! do, then its object's words, the word for the place, and the target's. No word is used twice. "It" is what the task
//! before acted on, and nothing else. A colour or a size may stand in a word that Sinew does not know, if the thing is
//! named besides; nothing else may. "Any" and "all" are said in so many words. What is laid out otherwise, or leaves a
//! colour, shape, size, superlative or "all" over, is a question to the person.

use crate::language::decode::acted_on;
use crate::language::lexicon;
use crate::language::tags::{Meaning, Verb};
use types::language::{Quantity, Referent, Relation, Task, Utterance};

/// Words that no phrase is longer than.
const LONGEST_PHRASE: usize = 6;
/// More words that nobody knows than this are no sentence that was understood.
const MOST_UNKNOWN: usize = 2;
/// A sentence that begins so is a question, whatever else it says.
const ASKING: [&str; 16] = [
    "is", "are", "was", "were", "does", "do", "did", "has", "have", "how", "what", "where", "which", "who",
    "why", "when",
];
/// Words behind which "right" and "back" tell which thing is meant.
const DETERMINERS: [&str; 7] = ["the", "this", "that", "these", "those", "my", "your"];
/// Words that turn round where something goes.
const AWAY: [&str; 8] = ["out", "off", "from", "away", "apart", "without", "instead", "rather"];

/// Checks a proposal against the words of the sentence; questions move nothing and pass.
///
/// # Errors
/// What is said to the person instead.
pub(super) fn check(words: &[String], proposal: &Utterance) -> Result<(), String> {
    let Utterance::Instruct(tasks) = proposal else { return Ok(()) };
    let Some(first) = words.first() else { return Err("What shall I do?".into()) };
    if ASKING.contains(&first.as_str()) {
        return Err("Is that a question, or shall I do something?".into());
    }
    if let Some(word) = words.iter().find(|w| AWAY.contains(&w.as_str())) {
        return Err(format!("I am not sure what '{word}' means here. Can you say where it shall go?"));
    }
    let mut sentence = Sentence::new(words);
    if sentence.unknown > MOST_UNKNOWN || 3 * sentence.unknown > words.len() {
        return Err("I do not know too many of these words. Can you say it differently?".into());
    }
    let mut at = 0;
    for task in tasks {
        let laid = sentence.lay(task, at);
        at = laid.ok_or("I would do something that you did not quite say. Can you say it differently?")?;
        sentence.before = acted_on(task);
    }
    match sentence.left_over() {
        Some(word) => {
            Err(format!("I do not know what to do with '{word}' here. Can you say it differently?"))
        }
        None => Ok(()),
    }
}

/// A sentence's words, and which of them were used.
struct Sentence<'a> {
    words: &'a [String],
    used: Vec<bool>,
    unknown: usize,
    /// What the task before acted on.
    before: Option<&'a Referent>,
}

impl<'a> Sentence<'a> {
    fn new(words: &'a [String]) -> Self {
        let unknown = words.iter().filter(|w| lexicon::entry(w).is_none()).count();
        Self { words, used: vec![false; words.len()], unknown, before: None }
    }

    fn may_mean(&self, i: usize, meaning: Meaning) -> bool {
        let entry = lexicon::entry(&self.words[i]);
        let plural = meaning == Meaning::Quantity(Quantity::All);
        entry.is_some_and(|e| e.meanings.contains(&meaning) || (plural && e.plural))
    }

    /// The first unused word from `at` on that may mean it.
    fn find(&self, at: usize, meaning: Meaning) -> Option<usize> {
        (at..self.words.len()).find(|i| !self.used[*i] && self.may_mean(*i, meaning))
    }

    fn take(&mut self, at: usize, meaning: Meaning) -> Option<usize> {
        let i = self.find(at, meaning)?;
        self.used[i] = true;
        Some(i + 1)
    }

    /// Lays a task over the words from `at` on; where it ends.
    fn lay(&mut self, task: &Task, at: usize) -> Option<usize> {
        let verbs: &[Verb] = match task {
            Task::Pick(_) => &[Verb::Pick],
            Task::Place { .. } => &[Verb::Place, Verb::Stack],
            Task::Stack(_) => &[Verb::Stack],
            Task::Push { .. } => &[Verb::Push],
            Task::SortByColor(_) => &[Verb::Sort],
            Task::Swap(..) => &[Verb::Swap],
            Task::OpenGripper => &[Verb::Open],
            Task::CloseGripper => &[Verb::Close],
            Task::Home => &[Verb::Home],
            Task::Look => &[Verb::Look],
        };
        let said = verbs.iter().filter_map(|v| self.find(at, Meaning::Verb(*v))).min()?;
        self.used[said] = true;
        let at = said + 1;
        match task {
            Task::Pick(one) | Task::SortByColor(one) => self.thing(one, at),
            Task::Place { object, relation, target } => {
                let at = self.thing(object, at)?;
                let at = self.relation(*relation, at)?;
                self.thing(target, at)
            }
            Task::Push { object, relation, target } => {
                let at = self.thing(object, at)?;
                let at = self.relation(*relation, at)?;
                target.as_ref().map_or(Some(at), |target| self.thing(target, at))
            }
            Task::Stack(all) => {
                // The lowest may come first, or last: "stack the cube on the box".
                let before = self.used.clone();
                let forwards = all.iter().try_fold(at, |at, one| self.thing(one, at));
                forwards.or_else(|| {
                    self.used = before;
                    all.iter().rev().try_fold(at, |at, one| self.thing(one, at))
                })
            }
            Task::Swap(one, other) => {
                let at = self.thing(one, at)?;
                self.thing(other, at)
            }
            Task::OpenGripper | Task::CloseGripper | Task::Home | Task::Look => Some(at),
        }
    }

    fn relation(&mut self, relation: Relation, at: usize) -> Option<usize> {
        self.take(at, Meaning::Relation(relation))
    }

    /// Lays a phrase over the words from `at` on; where it ends.
    fn thing(&mut self, one: &Referent, at: usize) -> Option<usize> {
        let before = self.used.clone();
        if let Some(end) = self.phrase(one, at) {
            return Some(end);
        }
        self.used = before;
        // Whatever a model takes "it" for, it is what was spoken of.
        if self.before == Some(one) { self.take(at, Meaning::It) } else { None }
    }

    /// Whether the words from `at` to a phrase's noun say how many; those that do are used.
    fn quantity(&mut self, one: &Referent, at: usize, noun: usize) -> bool {
        let is_plural = lexicon::entry(&self.words[noun]).is_some_and(|e| e.plural);
        match one.quantity {
            // "The cubes" are all of them, but "the largest of the cubes" is one.
            Quantity::The => !is_plural || one.superlative.is_some(),
            // "One" is a noun, too.
            Quantity::Any => (at..noun).any(|i| self.may_mean(i, Meaning::Quantity(Quantity::Any))),
            Quantity::All => {
                let all = |i: &usize| self.may_mean(*i, Meaning::Quantity(Quantity::All));
                let said: Vec<usize> = (at..=noun).filter(all).collect();
                said.iter().for_each(|i| self.used[*i] = true);
                !said.is_empty()
            }
        }
    }

    fn phrase(&mut self, one: &Referent, at: usize) -> Option<usize> {
        let (mut first, mut end) = (usize::MAX, at);
        let mut note = |i: usize| {
            first = first.min(i);
            end = end.max(i);
        };
        // The noun, or a word for a thing of any kind; this must be said in so many words.
        let noun = match one.shape {
            Some(shape) => self.take(at, Meaning::Shape(shape))?,
            None => self.take(at, Meaning::Thing)?,
        };
        note(noun);
        if !self.quantity(one, at, noun - 1) {
            return None;
        }
        if let Some(superlative) = one.superlative {
            note(self.take(at, Meaning::Superlative(superlative))?);
        }
        let named = one.size.map(Meaning::Size).into_iter().chain(one.color.map(Meaning::Color));
        for meaning in named {
            note(match self.take(at, meaning) {
                Some(i) => i,
                None => self.take_unknown(at)?,
            });
        }
        if end - first > LONGEST_PHRASE {
            return None;
        }
        match &one.relation {
            None => Some(end),
            Some((relation, other)) => {
                let at = self.relation(*relation, end)?;
                self.thing(other, at)
            }
        }
    }

    /// A word that nobody knows.
    fn take_unknown(&mut self, at: usize) -> Option<usize> {
        let i =
            (at..self.words.len()).find(|i| !self.used[*i] && lexicon::entry(&self.words[*i]).is_none())?;
        self.used[i] = true;
        Some(i + 1)
    }

    /// A word that tells things apart and was not used: a colour, shape or size and nothing else, a superlative,
    /// "all", or a word that nobody knows.
    fn left_over(&self) -> Option<&'a str> {
        let left = (0..self.words.len()).find(|i| !self.used[*i] && self.counts(*i))?;
        Some(self.words[left].as_str())
    }

    fn counts(&self, i: usize) -> bool {
        let Some(entry) = lexicon::entry(&self.words[i]) else { return true };
        let names = |m: &Meaning| matches!(m, Meaning::Color(_) | Meaning::Shape(_) | Meaning::Size(_));
        let word = |i: Option<usize>| i.and_then(|i| self.words.get(i)).map_or("", String::as_str);
        let is_superlative = entry.meanings.iter().any(|m| matches!(m, Meaning::Superlative(_)));
        match word(Some(i)) {
            // "Right now" and "put it back" tell no things apart.
            "right" | "back" if !DETERMINERS.contains(&word(i.checked_sub(1))) => false,
            // "On top of each other".
            "each" if word(Some(i + 1)) == "other" => false,
            _ if is_superlative || entry.meanings.contains(&Meaning::Quantity(Quantity::All)) => true,
            _ => !entry.meanings.is_empty() && entry.meanings.iter().all(names),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Color, Shape, Size};

    fn licensed(sentence: &str, tasks: Vec<Task>) -> bool {
        let words = crate::language::text::tokens(sentence).expect("words");
        let outcome = check(&words, &Utterance::Instruct(tasks));
        assert!(outcome.as_ref().err().is_none_or(|q| q.ends_with('?')), "{outcome:?}");
        outcome.is_ok()
    }

    fn thing(color: Option<Color>, shape: Option<Shape>) -> Referent {
        Referent { color, shape, ..Referent::the() }
    }

    fn place(object: Referent, relation: Relation, target: Referent) -> Vec<Task> {
        vec![Task::Place { object, relation, target }]
    }

    fn many(quantity: Quantity, color: Option<Color>) -> Referent {
        Referent { quantity, ..thing(color, CUBE) }
    }

    const RED: Option<Color> = Some(Color::Red);
    const BLUE: Option<Color> = Some(Color::Blue);
    const CUBE: Option<Shape> = Some(Shape::Cube);
    const BOWL: Option<Shape> = Some(Shape::Bowl);

    #[test]
    fn what_was_said_is_licensed_also_by_a_colour_that_nobody_knows() {
        let bowl = || thing(None, BOWL);
        for (sentence, tasks) in [
            ("put the red cube in the bowl", place(thing(RED, CUBE), Relation::In, bowl())),
            (
                "put the maroon cube into the azure bowl",
                place(thing(RED, CUBE), Relation::In, thing(BLUE, BOWL)),
            ),
            ("put the thing in the bowl", place(thing(None, None), Relation::In, bowl())),
            (
                "pick up the red cube and put it in the bowl",
                vec![
                    Task::Pick(thing(RED, CUBE)),
                    Task::Place { object: thing(RED, CUBE), relation: Relation::In, target: bowl() },
                ],
            ),
            (
                "pick up the red cube and put the ball on it",
                vec![
                    Task::Pick(thing(RED, CUBE)),
                    Task::Place {
                        object: thing(None, Some(Shape::Ball)),
                        relation: Relation::On,
                        target: thing(RED, CUBE),
                    },
                ],
            ),
            (
                "pick up all the cubes and put them in the bowl",
                vec![
                    Task::Pick(many(Quantity::All, None)),
                    Task::Place { object: many(Quantity::All, None), relation: Relation::In, target: bowl() },
                ],
            ),
            ("put a maroon cube in the bowl", place(many(Quantity::Any, RED), Relation::In, bowl())),
            ("put the maroon cubes in the bowl", place(many(Quantity::All, RED), Relation::In, bowl())),
            (
                "put the maroon cube right of the bowl right now",
                place(thing(RED, CUBE), Relation::RightOf, bowl()),
            ),
            ("stack the red cube on the bowl", vec![Task::Stack(vec![bowl(), thing(RED, CUBE)])]),
        ] {
            assert!(licensed(sentence, tasks), "{sentence}");
        }
    }

    #[test]
    fn what_was_not_said_is_a_question_and_so_is_what_was_left_out_or_turned_round() {
        let (cube, red_cube, bowl) = (|| thing(None, CUBE), || thing(RED, CUBE), || thing(None, BOWL));
        let all = || Referent { quantity: Quantity::All, ..thing(None, None) };
        let in_bowl = |what: Referent| place(what, Relation::In, bowl());
        let ball = |color| thing(color, Some(Shape::Ball));
        let black_ball = || ball(Some(Color::Black));
        let in_blue = |what: Referent| place(what, Relation::In, thing(BLUE, BOWL));
        let big = Referent { size: Some(Size::Large), ..cube() };
        for (sentence, tasks) in [
            ("put the red cube in the bowl", in_bowl(thing(Some(Color::Black), CUBE))),
            ("put the red cube in the bowl", in_bowl(thing(RED, Some(Shape::Ball)))),
            ("put the red cube in the bowl", place(red_cube(), Relation::Behind, bowl())),
            ("put the red cube in the bowl", in_bowl(cube())),
            ("put the red cube in the bowl", in_bowl(big)),
            ("put the red cube in the bowl", vec![Task::Pick(red_cube())]),
            ("put the red cube in the bowl", vec![Task::OpenGripper]),
            ("put the red cube in the bowl", [in_bowl(red_cube()), in_bowl(red_cube())].concat()),
            ("put the red cube in the blue bowl", place(thing(BLUE, CUBE), Relation::In, thing(RED, BOWL))),
            ("put the bowl on the cube", place(cube(), Relation::On, bowl())),
            // "It" is nothing that nobody spoke of, and nothing else than what was.
            ("put it in the blue bowl", in_blue(black_ball())),
            ("put them in the blue bowl", in_blue(black_ball())),
            ("pick them up", vec![Task::Pick(black_ball())]),
            ("pick it up", vec![Task::Pick(thing(None, None))]),
            ("put the ball on it", place(ball(None), Relation::On, red_cube())),
            (
                "pick up the red cube and put it in the blue bowl",
                [vec![Task::Pick(red_cube())], in_blue(black_ball())].concat(),
            ),
            (
                "open the gripper and put it in the blue bowl",
                [vec![Task::OpenGripper], in_blue(black_ball())].concat(),
            ),
            // Which one, and how many.
            ("put the maroon cube in the bowl", in_bowl(many(Quantity::Any, RED))),
            ("put the maroon cube in a bowl", in_bowl(many(Quantity::Any, RED))),
            (
                "put the maroon one in the bowl",
                in_bowl(Referent { quantity: Quantity::Any, ..thing(RED, None) }),
            ),
            ("put the leftmost maroon cube in the bowl", in_bowl(many(Quantity::Any, RED))),
            ("put the leftmost maroon cube in the bowl", in_bowl(red_cube())),
            ("put a nearest maroon cube in the bowl", in_bowl(many(Quantity::Any, RED))),
            ("put the right maroon cube in the bowl", in_bowl(red_cube())),
            ("put every maroon cube in the bowl", in_bowl(red_cube())),
            ("put the maroon cubes in the bowl", in_bowl(red_cube())),
            (
                "put the maroon cube beside all the bowls",
                place(many(Quantity::All, RED), Relation::NextTo, bowl()),
            ),
            // A question, and the opposite.
            ("is the maroon cube in the bowl?", in_bowl(cube())),
            ("keep the red cube out of the bowl", in_bowl(red_cube())),
            // Things that nobody knows are no things that somebody knows.
            ("put the banana in the bowl", in_bowl(all())),
            ("put the banana in the bowl", in_bowl(thing(None, None))),
            ("put the banana in the bowl", in_bowl(cube())),
            ("put the frobnicated in the bowl", in_bowl(thing(Some(Color::Black), Some(Shape::Ball)))),
            // What to do is never in a word that nobody knows.
            ("teleport the red cube into the bowl", in_bowl(red_cube())),
            ("zap the ball", vec![Task::Pick(thing(None, Some(Shape::Ball)))]),
            ("frobnicate", vec![Task::OpenGripper]),
            ("ne mets pas le cube rouge dans le bol", place(red_cube(), Relation::In, bowl())),
        ] {
            assert!(!licensed(sentence, tasks), "{sentence}");
        }
    }
}
