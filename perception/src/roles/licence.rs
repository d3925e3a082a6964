//! Whether a sentence licenses what a model makes of it: nothing is moved that was not spoken of.

use crate::language::lexicon;
use crate::language::tags::{Meaning, Verb};
use types::language::{Quantity, Referent, Relation, Task, Utterance};

/// One thing that a reading says, and how a person would say it.
struct Need {
    /// Any of these in the sentence is a licence for it.
    by: Vec<Meaning>,
    words: String,
    /// A word that nobody knows may stand for it.
    may_be_unknown: bool,
}

impl Need {
    fn one(meaning: Meaning, words: impl ToString) -> Self {
        Self { by: vec![meaning], words: words.to_string(), may_be_unknown: true }
    }
}

/// Checks a proposal against the words of the sentence. Whatever it names, colour, shape, size, place and what to
/// do, must have been said: by a word that may mean it, or else by a word that Sinew does not know, each for one
/// thing. What to do may stand in such a word only where a place is said: what comes of it is then plain. And whatever names a colour, shape or size and nothing else must be taken up. Questions move nothing and
/// pass.
///
/// # Errors
/// What is said to the person instead.
pub(super) fn check(words: &[String], proposal: &Utterance) -> Result<(), String> {
    let Utterance::Instruct(tasks) = proposal else { return Ok(()) };
    let needs = needs(tasks);
    let mut unknown = words.iter().filter(|w| lexicon::entry(w).is_none()).count();
    let licensed = |m: &Meaning| {
        let plural = *m == Meaning::Quantity(Quantity::All);
        words.iter().filter_map(|w| lexicon::entry(w)).any(|e| e.meanings.contains(m) || (plural && e.plural))
    };
    for need in &needs {
        if need.by.iter().any(licensed) {
            continue;
        }
        let left = if need.may_be_unknown { unknown.checked_sub(1) } else { None };
        unknown = left.ok_or_else(|| {
            format!(
                "I would take that for '{}', which you did not say. Can you say it differently?",
                need.words
            )
        })?;
    }
    for word in words {
        let Some(entry) = lexicon::entry(word) else { continue };
        let names = |m: &Meaning| matches!(m, Meaning::Color(_) | Meaning::Shape(_) | Meaning::Size(_));
        let is_name = !entry.meanings.is_empty() && entry.meanings.iter().all(names);
        if is_name && !needs.iter().any(|n| n.by.iter().any(|m| entry.meanings.contains(m))) {
            return Err(format!("I do not know what to do with '{word}' here. Can you say it differently?"));
        }
    }
    Ok(())
}

fn needs(tasks: &[Task]) -> Vec<Need> {
    let mut out = Vec::new();
    for task in tasks {
        let (verbs, words): (&[Verb], &str) = match task {
            Task::Pick(_) => (&[Verb::Pick], "pick it up"),
            Task::Place { .. } => (&[Verb::Place, Verb::Stack], "put it there"),
            Task::Stack(_) => (&[Verb::Stack], "stack them"),
            Task::Push { .. } => (&[Verb::Push], "push it"),
            Task::SortByColor(_) => (&[Verb::Sort], "sort them by colour"),
            Task::Swap(..) => (&[Verb::Swap], "swap them"),
            Task::OpenGripper => (&[Verb::Open], "open the gripper"),
            Task::CloseGripper => (&[Verb::Close], "close the gripper"),
            Task::Home => (&[Verb::Home], "go home"),
            Task::Look => (&[Verb::Look], "look"),
        };
        let by = verbs.iter().map(|v| Meaning::Verb(*v)).collect();
        let may_be_unknown = matches!(task, Task::Place { .. });
        out.push(Need { by, words: words.to_owned(), may_be_unknown });
        match task {
            Task::Pick(one) | Task::SortByColor(one) => of(one, &mut out),
            Task::Place { object, relation, target } => {
                of(object, &mut out);
                related(*relation, &mut out);
                of(target, &mut out);
            }
            Task::Push { object, relation, target } => {
                of(object, &mut out);
                related(*relation, &mut out);
                target.iter().for_each(|t| of(t, &mut out));
            }
            Task::Stack(all) => all.iter().for_each(|one| of(one, &mut out)),
            Task::Swap(one, other) => [one, other].into_iter().for_each(|one| of(one, &mut out)),
            Task::OpenGripper | Task::CloseGripper | Task::Home | Task::Look => {}
        }
    }
    out
}

fn related(relation: Relation, out: &mut Vec<Need>) {
    out.push(Need::one(Meaning::Relation(relation), relation.words()));
}

fn of(one: &Referent, out: &mut Vec<Need>) {
    if one.quantity == Quantity::All {
        out.push(Need::one(Meaning::Quantity(Quantity::All), "all of them"));
    }
    out.extend(one.size.map(|s| Need::one(Meaning::Size(s), s)));
    out.extend(one.color.map(|c| Need::one(Meaning::Color(c), c)));
    out.extend(one.shape.map(|s| Need::one(Meaning::Shape(s), s)));
    out.extend(
        one.superlative.map(|s| Need::one(Meaning::Superlative(s), format!("the {s:?} one").to_lowercase())),
    );
    if let Some((relation, other)) = &one.relation {
        related(*relation, out);
        of(other, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Color, Shape};

    fn words(sentence: &str) -> Vec<String> {
        crate::language::text::tokens(sentence).expect("words")
    }

    fn place(color: Color, shape: Shape, relation: Relation, onto: Shape) -> Utterance {
        let object = Referent::the().with_color(color).with_shape(shape);
        Utterance::Instruct(vec![Task::Place { object, relation, target: Referent::the().with_shape(onto) }])
    }

    #[test]
    fn what_was_said_is_licensed_also_by_a_word_that_nobody_knows() {
        let proposal = place(Color::Red, Shape::Cube, Relation::In, Shape::Bowl);
        assert_eq!(check(&words("put the red cube in the bowl"), &proposal), Ok(()));
        assert_eq!(check(&words("put the maroon cube into the bowl"), &proposal), Ok(()));
        assert_eq!(check(&words("kindly relocate the red cube into the bowl"), &proposal), Ok(()));
    }

    #[test]
    fn what_was_not_said_is_a_question_and_so_is_what_was_left_out() {
        let said = words("put the red cube in the bowl");
        for proposal in [
            place(Color::Black, Shape::Cube, Relation::In, Shape::Bowl),
            place(Color::Red, Shape::Ball, Relation::In, Shape::Bowl),
            place(Color::Red, Shape::Cube, Relation::Behind, Shape::Bowl),
            place(Color::Red, Shape::Cube, Relation::In, Shape::Tray),
            Utterance::Instruct(vec![Task::Pick(Referent::the().with_color(Color::Red))]),
            Utterance::Instruct(vec![Task::OpenGripper]),
            Utterance::Instruct(vec![Task::Place {
                object: Referent::the().with_shape(Shape::Cube),
                relation: Relation::In,
                target: Referent::the().with_shape(Shape::Bowl),
            }]),
        ] {
            let why = check(&said, &proposal).expect_err("not licensed");
            assert!(why.ends_with('?') || why.ends_with('.'), "{why}");
        }
        // What to do with it was not said.
        let pick = Utterance::Instruct(vec![Task::Pick(Referent::the().with_shape(Shape::Ball))]);
        assert!(check(&words("zap the ball"), &pick).is_err());
        assert!(check(&words("frobnicate"), &Utterance::Instruct(vec![Task::OpenGripper])).is_err());
        // One word that nobody knows is no licence for two things.
        let two = place(Color::Black, Shape::Ball, Relation::In, Shape::Bowl);
        assert!(check(&words("put the frobnicated in the bowl"), &two).is_err());
    }
}
