//! When an object stands in, on, or beside another: one definition for phrases, goals and verdicts.
//!
//! - *in*: the centre lies inside the container's outline, and the object reaches below its rim;
//! - *on*: the centre lies over the other's top and the underside touches it; a thing in a tray is
//!   also on it;
//! - *left of* and its kin: outside, at least 15 mm that way, at most 0.4 m off, and at most
//!   1/0.7 times as far sideways;
//! - *next to*: outside, with a gap of at most 0.12 m.

use crate::footprint::{Footprint, bottom, centre};
use nalgebra::Vector2;
use types::language::Relation;
use types::{ObjectId, Scene, Shape, TrackedObject};

/// Least offset that makes "left of" true, metres.
pub const LEAST_OFFSET_M: f64 = 0.015;
/// Least share of the offset along the direction to that across it.
pub const LEAST_ALONG: f64 = 0.7;
/// Widest gap at which things still stand left (right, …) of each other, metres.
pub const SIDE_REACH_M: f64 = 0.4;
/// Widest gap at which things are still next to each other, metres.
pub const NEXT_TO_M: f64 = 0.12;

/// How well a relation holds.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It does not.
    No,
    /// Only with goodwill: rather diagonal, or further off.
    Loosely,
    /// As defined above.
    Firmly,
}

/// How well `object` stands so to `target`.
#[must_use]
pub fn standing(object: &TrackedObject, relation: Relation, target: &TrackedObject) -> Standing {
    if object.id == target.id {
        return Standing::No;
    }
    let over = Footprint::of(target).depth(centre(object));
    let firm = |yes: bool| if yes { Standing::Firmly } else { Standing::No };
    match relation {
        Relation::In => firm(is_in(object, target, over)),
        Relation::On => firm(
            rests_on(object, target, over)
                || (target.most_likely_shape() == Shape::Tray && is_in(object, target, over)),
        ),
        Relation::NextTo => {
            let gap = Footprint::of(object).gap(&Footprint::of(target));
            firm(over < 0.0 && gap <= NEXT_TO_M)
        }
        Relation::LeftOf | Relation::RightOf | Relation::InFrontOf | Relation::Behind => {
            let Some(direction) = relation.direction() else { return Standing::No };
            let along_axis = Vector2::from(direction);
            let offset = centre(object) - centre(target);
            let along = offset.dot(&along_axis);
            let across = (offset - along_axis * along).norm();
            let gap = Footprint::of(object).gap(&Footprint::of(target));
            if over >= 0.0 || along < LEAST_OFFSET_M {
                Standing::No
            } else if along >= LEAST_ALONG * across && gap <= SIDE_REACH_M {
                Standing::Firmly
            } else {
                Standing::Loosely
            }
        }
    }
}

/// Whether `object` stands so to `target`, as defined at the top of this module.
#[must_use]
pub fn holds(object: &TrackedObject, relation: Relation, target: &TrackedObject) -> bool {
    standing(object, relation, target) == Standing::Firmly
}

fn is_in(object: &TrackedObject, target: &TrackedObject, over: f64) -> bool {
    target.most_likely_shape().is_container()
        && !object.most_likely_shape().is_container()
        && over > 0.0
        && bottom(object) < target.top() + 0.03
}

fn rests_on(object: &TrackedObject, target: &TrackedObject, over: f64) -> bool {
    let gap = bottom(object) - target.top();
    over > -0.003 && object.position.z > target.top() + 0.2 * object.dimensions.z && gap < 0.02
}

/// Everything that stands directly on `id` or lies in it, in the scene's order.
pub fn upon(scene: &Scene, id: ObjectId) -> Vec<&TrackedObject> {
    let Some(target) = scene.get(id) else { return Vec::new() };
    scene
        .objects
        .iter()
        .filter(|o| holds(o, Relation::In, target) || holds(o, Relation::On, target))
        .collect()
}

/// What `id` stands on or lies in; `None` when that is the table. The highest one counts.
#[must_use]
pub fn support(scene: &Scene, id: ObjectId) -> Option<(Relation, ObjectId)> {
    let object = scene.get(id)?;
    let mut best: Option<(f64, Relation, ObjectId)> = None;
    for other in &scene.objects {
        let relation = if holds(object, Relation::In, other) {
            Relation::In
        } else if holds(object, Relation::On, other) {
            Relation::On
        } else {
            continue;
        };
        if best.is_none_or(|(top, ..)| other.top() > top) {
            best = Some((other.top(), relation, other.id));
        }
    }
    best.map(|(_, relation, id)| (relation, id))
}
