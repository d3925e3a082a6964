//! A phrase and a scene to objects: by attributes, superlatives, and relations to other objects.

use crate::config::Config;
use crate::footprint::{centre, is_round};
use crate::relations::{Standing, standing};
use crate::words;
use types::language::{Quantity, Referent, Relation, Superlative};
use types::{ObjectId, Scene, Shape, TrackedObject};

/// What a phrase means in a scene.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved {
    /// Exactly this object (or, for "any", this as good as another).
    One(ObjectId),
    /// All of these, in the scene's order; never empty.
    Many(Vec<ObjectId>),
    /// Nothing in the scene.
    None {
        /// A sentence that says so, with what is seen instead.
        why: String,
    },
    /// It could be several.
    Ambiguous {
        /// Which.
        candidates: Vec<ObjectId>,
        /// The question to the person.
        question: String,
    },
    /// It may be one, but it was not seen well enough to be acted on: look again.
    Unsure {
        /// What may be meant.
        candidates: Vec<ObjectId>,
        /// A sentence that says what is not certain.
        why: String,
    },
}

/// Resolves `referent` in `scene`.
#[must_use]
pub fn resolve(referent: &Referent, scene: &Scene, config: &Config) -> Resolved {
    resolve_without(referent, scene, config, &[])
}

/// As [`resolve`], among the objects that are not in `excluded`: in "put the cube on the red cube"
/// the first cube is another than the second.
#[must_use]
pub fn resolve_without(
    referent: &Referent,
    scene: &Scene,
    config: &Config,
    excluded: &[ObjectId],
) -> Resolved {
    let found = match matching(referent, scene, config) {
        Ok(found) => found,
        Err(instead) => return instead,
    };
    let keep = |ids: &[ObjectId]| -> Vec<ObjectId> {
        ids.iter().copied().filter(|id| !excluded.contains(id)).collect()
    };
    let (sure, maybe) = (keep(&found.sure), keep(&found.maybe));
    match (referent.quantity, sure.as_slice()) {
        (_, []) if !maybe.is_empty() => {
            Resolved::Unsure { why: unsure(referent, scene, &maybe), candidates: maybe }
        }
        (_, []) => Resolved::None { why: nothing(referent, scene) },
        (Quantity::All, _) => Resolved::Many(sure),
        (Quantity::Any, _) => Resolved::One(likeliest(referent, scene, &sure)),
        (Quantity::The, [one]) => Resolved::One(*one),
        (Quantity::The, _) => {
            Resolved::Ambiguous { question: which(referent, scene, &sure), candidates: sure }
        }
    }
}

/// The objects that match a phrase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matching {
    /// Those that do.
    pub sure: Vec<ObjectId>,
    /// Those that may, but whose attributes are uncertain.
    pub maybe: Vec<ObjectId>,
}

/// Every object that matches the phrase's attributes, relation and superlative, whatever its
/// quantity, in the scene's order.
///
/// # Errors
/// What the phrase resolves to when an object it refers to ("… left of the tray") cannot be told, or
/// when its superlative has no clear winner.
pub fn matching(referent: &Referent, scene: &Scene, config: &Config) -> Result<Matching, Resolved> {
    let mut found = Matching::default();
    for o in &scene.objects {
        let p = least_probability(referent, o);
        if p >= config.sure {
            found.sure.push(o.id);
        } else if p >= config.possible {
            found.maybe.push(o.id);
        }
    }
    if let Some((relation, other)) = &referent.relation {
        let targets = relation_targets(other, scene, config)?;
        found.sure = related(&found.sure, *relation, &targets, scene);
        found.maybe = related(&found.maybe, *relation, &targets, scene);
    }
    if let Some(superlative) = referent.superlative
        && found.sure.len() > 1
    {
        found.sure = most(referent, superlative, &found.sure, scene, config)?;
        found.maybe.clear();
    }
    Ok(found)
}

/// The least probable of the attributes that the phrase names; 1 for "object".
#[must_use]
pub(crate) fn least_probability(referent: &Referent, o: &TrackedObject) -> f32 {
    let color = referent.color.map_or(1.0, |c| o.color[c.index()]);
    let shape = referent.shape.map_or(1.0, |s| o.shape[s.index()]);
    let size = referent.size.map_or(1.0, |s| o.size[s.index()]);
    color.min(shape).min(size)
}

/// The objects that "left of the tray" may refer to. When "the tray" alone would be ambiguous, all
/// trays stay in: "the cube left of the tray" is clear when only one tray has a cube to its left.
fn relation_targets(other: &Referent, scene: &Scene, config: &Config) -> Result<Vec<ObjectId>, Resolved> {
    match resolve(other, scene, config) {
        Resolved::One(id) if other.quantity == Quantity::The => Ok(vec![id]),
        Resolved::One(_) => Ok(matching(other, scene, config)?.sure),
        Resolved::Many(ids) | Resolved::Ambiguous { candidates: ids, .. } => Ok(ids),
        instead @ (Resolved::None { .. } | Resolved::Unsure { .. }) => Err(instead),
    }
}

/// Those of `ids` that stand firmly so to one of the targets; when none does, those that do loosely.
fn related(ids: &[ObjectId], relation: Relation, targets: &[ObjectId], scene: &Scene) -> Vec<ObjectId> {
    let best = |id: ObjectId| {
        let Some(o) = scene.get(id) else { return Standing::No };
        let all = targets.iter().filter_map(|t| scene.get(*t)).map(|t| standing(o, relation, t));
        all.max().unwrap_or(Standing::No)
    };
    let at_least = |least: Standing| ids.iter().copied().filter(|id| best(*id) >= least).collect::<Vec<_>>();
    let firm = at_least(Standing::Firmly);
    if firm.is_empty() { at_least(Standing::Loosely) } else { firm }
}

/// Volume of the solid in its outer box, m³; a container counts with all it encloses.
#[must_use]
pub(crate) fn volume(o: &TrackedObject) -> f64 {
    let d = o.dimensions;
    let outer = d.x * d.y * d.z;
    match o.most_likely_shape() {
        Shape::Ball => outer * core::f64::consts::FRAC_PI_6,
        shape if is_round(shape) => outer * core::f64::consts::FRAC_PI_4,
        _ => outer,
    }
}

fn most(
    referent: &Referent,
    superlative: Superlative,
    ids: &[ObjectId],
    scene: &Scene,
    config: &Config,
) -> Result<Vec<ObjectId>, Resolved> {
    // A score where more is more so, and the difference that makes it clear.
    let (score, clear): (fn(&TrackedObject) -> f64, f64) = match superlative {
        Superlative::Largest => (|o| libm::log(volume(o).max(1e-12)), libm::log(config.volume_ratio)),
        Superlative::Smallest => (|o| -libm::log(volume(o).max(1e-12)), libm::log(config.volume_ratio)),
        Superlative::Leftmost => (|o| -o.position.y, config.superlative_margin_m),
        Superlative::Rightmost => (|o| o.position.y, config.superlative_margin_m),
        Superlative::Nearest => (|o| o.position.x, config.superlative_margin_m),
        Superlative::Furthest => (|o| -o.position.x, config.superlative_margin_m),
    };
    let scored: Vec<(ObjectId, f64)> =
        ids.iter().filter_map(|id| scene.get(*id)).map(|o| (o.id, score(o))).collect();
    let top = scored.iter().map(|(_, s)| *s).fold(f64::NEG_INFINITY, f64::max);
    let winners: Vec<ObjectId> = scored.iter().filter(|(_, s)| *s > top - clear).map(|(id, _)| *id).collect();
    if winners.len() > 1 && referent.quantity == Quantity::The {
        let question = which(referent, scene, &winners);
        return Err(Resolved::Ambiguous { question, candidates: winners });
    }
    Ok(winners)
}

/// Among objects that are as good as each other: the one recognised best, the first of equals.
fn likeliest(referent: &Referent, scene: &Scene, ids: &[ObjectId]) -> ObjectId {
    let p = |id: ObjectId| scene.get(id).map_or(0.0, |o| least_probability(referent, o));
    ids.iter().copied().skip(1).fold(ids[0], |best, id| if p(id) > p(best) { id } else { best })
}

fn which(referent: &Referent, scene: &Scene, candidates: &[ObjectId]) -> String {
    let objects: Vec<&TrackedObject> = candidates.iter().filter_map(|id| scene.get(*id)).collect();
    format!("Which {} do you mean: {}?", words::bare(referent), words::list(&words::distinct(&objects), "or"))
}

fn nothing(referent: &Referent, scene: &Scene) -> String {
    if scene.objects.is_empty() {
        return format!("I see no {}; I see nothing on the table.", words::bare(referent));
    }
    format!("I see no {}; I see {}.", words::bare(referent), words::inventory(scene.objects.iter()))
}

fn unsure(referent: &Referent, scene: &Scene, candidates: &[ObjectId]) -> String {
    let objects: Vec<&TrackedObject> = candidates.iter().filter_map(|id| scene.get(*id)).collect();
    let names = words::list(&words::distinct(&objects), "or");
    format!("I am not sure that I see a {}: it may be {names}.", words::bare(referent))
}

/// Why an object's place is not certain enough to act on it; `None` when it is.
#[must_use]
pub(crate) fn doubt(o: &TrackedObject, scene: &Scene, config: &Config) -> Option<String> {
    let std = libm::sqrt((0..3).map(|i| o.covariance[(i, i)]).fold(0.0, f64::max));
    let age = scene.stamp.secs_since(o.seen);
    let sure = o.shape[o.most_likely_shape().index()];
    if !(centre(o).coords.iter().all(|v| v.is_finite())
        && o.dimensions.iter().all(|v| v.is_finite() && *v > 0.0))
    {
        Some(format!("I cannot measure {}", words::the(o)))
    } else if !std.is_finite() || std > config.max_std_m {
        Some(format!("I know the place of {} only to {:.0} mm", words::the(o), std * 1000.0))
    } else if age > config.max_age_s {
        Some(format!("I have not seen {} for {age:.0} s", words::the(o)))
    } else if sure < config.possible {
        Some(format!("I am not sure what {} is", words::the(o)))
    } else {
        None
    }
}
