//! "put the ball in the bowl left of the tray": which phrase does the last one belong to?
//!
//! The network was never shown a sentence that English leaves open, so what it says of one is worth
//! nothing; this gate asks instead.

use super::tags::{Role, Tagged, Verb};
use types::language::Relation;

/// Relations of one task with the indices of their words.
pub(super) struct Attachments {
    pub(super) verb: Verb,
    /// Index of the first word of the object.
    pub(super) object: usize,
    pub(super) object_clause: Option<(Relation, usize)>,
    pub(super) target: Option<(Relation, usize)>,
    pub(super) target_clause: Option<(Relation, usize)>,
}

/// Words that tie what follows to the noun before it.
const TIES: &[&str] = &[
    "that",
    "which",
    "is",
    "are",
    "standing",
    "lying",
    "sitting",
    "located",
    "placed",
    "resting",
    "stands",
    "sits",
    "lies",
    "from",
    "out",
    "off",
    "currently",
    "see",
];

fn is_tied(words: &[Tagged], relation: usize) -> bool {
    if TIES.contains(&words[relation].word.as_str()) {
        return true;
    }
    words[..relation]
        .iter()
        .rev()
        .take_while(|w| w.role == Role::None)
        .any(|w| TIES.contains(&w.word.as_str()))
}

fn is_held(r: Relation) -> bool {
    matches!(r, Relation::In | Relation::On)
}

/// Refuses a task whose phrases could be tied together in two ways.
///
/// # Errors
/// A question that says how to make it clear.
pub(super) fn check(words: &[Tagged], a: Attachments) -> Result<(), String> {
    if !matches!(a.verb, Verb::Place | Verb::Push | Verb::Stack) {
        return Ok(());
    }
    let Some((to, at)) = a.target else { return Ok(()) };
    if at < a.object {
        return Ok(());
    }
    let directed = matches!(words[at].word.as_str(), "into" | "onto");
    let clear_object = a.object_clause.is_none_or(|(r, i)| {
        is_tied(words, i) || directed || (!is_held(r) && is_held(to)) || (is_held(r) && a.verb == Verb::Push)
    });
    let clear_target =
        a.target_clause.is_none_or(|(_, i)| is_tied(words, i) || (directed && a.object_clause.is_none()));
    if clear_object && clear_target {
        Ok(())
    } else {
        Err("That can be understood in two ways. Can you say which object stands where with 'that is'?"
            .to_owned())
    }
}
