//! Whether a sentence licenses what a model makes of it: nothing is moved that was not spoken of.
//!
//! A proposal is laid over the sentence, word by word, from left to right: every task needs its own word for what to
//! do, then its object's words, the word for the place, and the target's. No word is used twice but "it". A colour or
//! a size may stand in a word that Sinew does not know, if the thing is named besides; nothing else may. What is laid
//! out otherwise, or leaves a colour, shape or size over, is a question to the person.

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
}

impl<'a> Sentence<'a> {
    fn new(words: &'a [String]) -> Self {
        let unknown = words.iter().filter(|w| lexicon::entry(w).is_none()).count();
        Self { words, used: vec![false; words.len()], unknown }
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
        if one.quantity == Quantity::All && self.find(at, Meaning::Quantity(Quantity::All)).is_none() {
            return None;
        }
        let before = self.used.clone();
        if let Some(end) = self.phrase(one, at) {
            return Some(end);
        }
        self.used = before;
        self.take(at, Meaning::It)
    }

    fn phrase(&mut self, one: &Referent, at: usize) -> Option<usize> {
        let (mut first, mut end) = (usize::MAX, at);
        let mut note = |i: usize| {
            first = first.min(i);
            end = end.max(i);
        };
        // The noun, or a word for a thing of any kind; this must be said in so many words.
        note(match one.shape {
            Some(shape) => self.take(at, Meaning::Shape(shape))?,
            None => self.take(at, Meaning::Thing)?,
        });
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

    /// A word that names a colour, shape or size and nothing else, or that nobody knows, and was not used.
    fn left_over(&self) -> Option<&'a str> {
        let names = |m: &Meaning| matches!(m, Meaning::Color(_) | Meaning::Shape(_) | Meaning::Size(_));
        let counts = |w: &str| match lexicon::entry(w) {
            Some(e) => !e.meanings.is_empty() && e.meanings.iter().all(names),
            None => true,
        };
        self.words.iter().zip(&self.used).find(|(w, used)| !**used && counts(w)).map(|(w, _)| w.as_str())
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
