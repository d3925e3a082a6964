//! Plain English for objects and lists of them.

use crate::footprint::centre;
use types::language::Referent;
use types::{ObjectId, Scene, TrackedObject};

/// "a", or "an" before a vowel.
#[must_use]
pub(crate) fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// "x", "x and y", "x, y and z".
#[must_use]
pub(crate) fn list(items: &[String], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., end] => format!("{} {last} {end}", all.join(", ")),
    }
}

/// "the small red cube".
#[must_use]
pub(crate) fn the(object: &TrackedObject) -> String {
    format!("the {}", object.describe())
}

/// "the small red cube" by name; "that object" when it is tracked no longer.
#[must_use]
pub(crate) fn the_id(scene: &Scene, id: ObjectId) -> String {
    scene.get(id).map_or_else(|| "that object".to_owned(), the)
}

/// "a small red cube, a large blue bowl and two small green balls".
#[must_use]
pub(crate) fn inventory<'a>(objects: impl Iterator<Item = &'a TrackedObject>) -> String {
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for o in objects {
        let name = o.describe();
        match kinds.iter_mut().find(|(k, _)| *k == name) {
            Some((_, n)) => *n += 1,
            None => kinds.push((name, 1)),
        }
    }
    let items: Vec<String> = kinds
        .iter()
        .map(|(name, n)| if *n == 1 { format!("{} {name}", article(name)) } else { plural_count(*n, name) })
        .collect();
    list(&items, "and")
}

/// "two small red cubes"; "one small red cube".
#[must_use]
pub(crate) fn plural_count(n: usize, name: &str) -> String {
    const WORDS: [&str; 11] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let number = WORDS.get(n).map_or_else(|| n.to_string(), |w| (*w).to_owned());
    if n == 1 { format!("{number} {name}") } else { format!("{number} {}", plural(name)) }
}

/// "cubes", "boxes".
#[must_use]
pub(crate) fn plural(name: &str) -> String {
    if name.ends_with('x') { format!("{name}es") } else { format!("{name}s") }
}

/// The phrase's words without its article: "red cube left of the tray".
#[must_use]
pub(crate) fn bare(referent: &Referent) -> String {
    let words = referent.to_string();
    match words.split_once(' ') {
        Some(("the" | "any" | "all", rest)) => rest.to_owned(),
        _ => words,
    }
}

/// What each of these is called, so that it can be told from the others.
#[must_use]
pub fn names(ids: &[ObjectId], scene: &Scene) -> Vec<String> {
    let named: Vec<&TrackedObject> = ids.iter().filter_map(|id| scene.get(*id)).collect();
    distinct(&named)
}

/// A name for each candidate that tells it from the others: what it looks like and, where that is
/// the same for several, where it lies as the fixed camera sees it.
#[must_use]
pub(crate) fn distinct(candidates: &[&TrackedObject]) -> Vec<String> {
    candidates
        .iter()
        .map(|o| {
            let name = the(o);
            let twins: Vec<_> = candidates.iter().filter(|t| t.describe() == o.describe()).collect();
            if twins.len() < 2 {
                return name;
            }
            let spread = |axis: usize| {
                let values = twins.iter().map(|t| centre(t)[axis]);
                values.clone().fold(f64::NEG_INFINITY, f64::max) - values.fold(f64::INFINITY, f64::min)
            };
            let (axis, first, last) = if spread(1) >= spread(0) {
                (1, "on the left", "on the right")
            } else {
                (0, "at the back", "at the front")
            };
            let before = twins.iter().filter(|t| centre(t)[axis] < centre(o)[axis]).count();
            if before == 0 {
                format!("{name} {first}")
            } else if before + 1 == twins.len() {
                format!("{name} {last}")
            } else if twins.len() == 3 {
                format!("{name} in the middle")
            } else {
                format!(
                    "{name} that is number {} from the {}",
                    before + 1,
                    first.rsplit(' ').next().unwrap_or("left")
                )
            }
        })
        .collect()
}
