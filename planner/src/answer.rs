//! Questions about the scene, answered in plain words.

use crate::config::Config;
use crate::footprint::Footprint;
use crate::footprint::centre;
use crate::relations::{NEXT_TO_M, holds, support};
use crate::resolve::{Resolved, matching, resolve, resolve_without};
use crate::words::{self, the};
use types::language::{Quantity, Question, Referent};
use types::plan::Outcome;
use types::{ObjectId, Scene, TrackedObject};

/// The answer to a question, or a question back.
#[must_use]
pub fn answer(question: &Question, scene: &Scene, config: &Config) -> Outcome {
    let said = match question {
        Question::Count(what) => count(what, scene, config),
        Question::Exists(what) => exists(what, scene, config),
        Question::Holds { object, relation, target } => {
            let targets = match resolve(target, scene, config) {
                Resolved::One(id) => vec![id],
                Resolved::Many(ids) => ids,
                other => return unanswered(other),
            };
            let excluded = if targets.len() == 1 { targets.as_slice() } else { &[] };
            let objects = match resolve_without(object, scene, config, excluded) {
                Resolved::One(_) if object.quantity == Quantity::Any => {
                    matching(object, scene, config).map(|m| m.sure).unwrap_or_default()
                }
                Resolved::One(id) => vec![id],
                Resolved::Many(ids) => ids,
                other => return unanswered(other),
            };
            let so = |id: &ObjectId| {
                let o = scene.get(*id)?;
                targets.iter().filter_map(|t| scene.get(*t)).find(|t| holds(o, *relation, t)).map(|t| (o, t))
            };
            let found: Vec<_> = objects.iter().map(so).collect();
            let yes = if object.quantity == Quantity::All {
                found.iter().all(Option::is_some)
            } else {
                found.iter().any(Option::is_some)
            };
            match (yes, found.iter().flatten().next(), objects.first().and_then(|id| scene.get(*id))) {
                (true, Some((o, t)), _) => Ok(format!("yes, {} is {} {}", the(o), relation.words(), the(t))),
                (_, _, Some(o)) => Ok(format!("no, {} is {}", the(o), place(o, scene))),
                _ => Ok("no".to_owned()),
            }
        }
        Question::ColorOf(what) => {
            about(what, scene, config, |o| format!("{} is {}", subject(what, o), o.most_likely_color()))
        }
        Question::Where(what) => about(what, scene, config, |o| format!("{} is {}", the(o), place(o, scene))),
        Question::Describe => Ok(describe(scene)),
    };
    match said {
        Ok(text) => Outcome::Answer(text),
        Err(resolved) => unanswered(resolved),
    }
}

fn unanswered(resolved: Resolved) -> Outcome {
    match resolved {
        Resolved::None { why } | Resolved::Unsure { why, .. } => Outcome::Answer(why),
        Resolved::Ambiguous { candidates, question } => Outcome::Clarify { question, candidates },
        Resolved::One(_) | Resolved::Many(_) => Outcome::Answer("I cannot tell.".to_owned()),
    }
}

/// What the phrase matches; nothing when what it is related to is not there.
fn matches(what: &Referent, scene: &Scene, config: &Config) -> Result<Vec<ObjectId>, Resolved> {
    match matching(what, scene, config) {
        Ok(found) => Ok(found.sure),
        Err(Resolved::None { .. }) => Ok(Vec::new()),
        Err(other) => Err(other),
    }
}

fn count(what: &Referent, scene: &Scene, config: &Config) -> Result<String, Resolved> {
    matches(what, scene, config).map(|ids| ids.len().to_string())
}

fn exists(what: &Referent, scene: &Scene, config: &Config) -> Result<String, Resolved> {
    let ids = matches(what, scene, config)?;
    let seen = ids.iter().filter_map(|id| scene.get(*id));
    Ok(match ids.as_slice() {
        [] => {
            let bare = words::bare(what);
            format!("no, I see no {bare}")
        }
        [one] => match scene.get(*one) {
            Some(o) => format!("yes, {} {}", words::article(&o.describe()), with_place(o, scene)),
            None => "yes".to_owned(),
        },
        _ => format!("yes, {}", words::inventory(seen)),
    })
}

fn with_place(o: &TrackedObject, scene: &Scene) -> String {
    format!("{} {}", o.describe(), place(o, scene))
}

fn about(
    what: &Referent,
    scene: &Scene,
    config: &Config,
    say: impl Fn(&TrackedObject) -> String,
) -> Result<String, Resolved> {
    let ids = match resolve(what, scene, config) {
        Resolved::One(id) => vec![id],
        Resolved::Many(ids) => ids,
        other => return Err(other),
    };
    let all: Vec<String> = ids.iter().filter_map(|id| scene.get(*id)).map(say).collect();
    Ok(words::list(&all, "and"))
}

/// "the ball": as it was asked for, else as it is seen.
fn subject(what: &Referent, o: &TrackedObject) -> String {
    match (what.shape, what.quantity) {
        (Some(_), Quantity::The) => what.to_string(),
        _ => the(o),
    }
}

/// Where an object is, for people: "in the large blue bowl", "right of the small red cube", "on the
/// left of the table".
#[must_use]
pub(crate) fn place(o: &TrackedObject, scene: &Scene) -> String {
    use types::language::Relation;
    if let Some((relation, other)) = support(scene, o.id) {
        return format!("{} {}", relation.words(), words::the_id(scene, other));
    }
    let outline = Footprint::of(o);
    let sides = [Relation::LeftOf, Relation::RightOf, Relation::InFrontOf, Relation::Behind];
    let mut nearest: Option<(f64, Relation, &TrackedObject)> = None;
    for other in scene.objects.iter().filter(|t| t.id != o.id) {
        let gap = outline.gap(&Footprint::of(other));
        let side = sides.iter().copied().find(|s| holds(o, *s, other));
        if let Some(side) = side
            && gap <= 1.5 * NEXT_TO_M
            && nearest.is_none_or(|(g, ..)| gap < g)
        {
            nearest = Some((gap, side, other));
        }
    }
    let area = match (centre(o).x, centre(o).y) {
        (_, y) if y < -0.10 => "on the left of the table",
        (_, y) if y > 0.10 => "on the right of the table",
        (x, _) if x > 0.60 => "at the front of the table",
        (x, _) if x < 0.44 => "at the back of the table",
        _ => "in the middle of the table",
    };
    match nearest {
        Some((_, side, other)) => format!("{area}, {} {}", side.words(), the(other)),
        None => area.to_owned(),
    }
}

fn describe(scene: &Scene) -> String {
    if scene.objects.is_empty() {
        return "I see nothing on the table.".to_owned();
    }
    format!("I see {}.", words::inventory(scene.objects.iter()))
}
