//! Whether something came about, judged from perception alone.

use crate::config::Config;
use crate::footprint::{Footprint, centre, narrow_side};
use crate::relations::{Standing, standing};
use crate::words::{the, the_id};
use nalgebra::Point2;
use types::language::Relation;
use types::plan::{Fact, Skill, Spot};
use types::{JointState, ObjectId, Scene, TrackedObject};

/// An object counts as seen in the newest picture when its stamp is at most this much older, seconds:
/// the cameras do not take their pictures at one instant.
const FRESH_S: f64 = 1.0;
/// An object that lies within this of where it was has not been moved, metres.
const SAME_PLACE_M: f64 = 0.02;

/// What perception says about a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is so.
    Holds,
    /// It is not so: why, as a sentence.
    Fails(String),
    /// It cannot be told: why, as a sentence. Look again.
    Unknown(String),
}

impl Verdict {
    /// Whether the fact holds.
    #[must_use]
    pub fn is_holds(&self) -> bool {
        *self == Self::Holds
    }
}

/// Whether fingers that are `width_m` apart hold an object whose embraced side is `side_m`.
#[must_use]
pub fn holding(width_m: f64, side_m: f64) -> bool {
    let (low, high) = held_width(side_m);
    width_m >= low && width_m <= high
}

/// Whether fingers that are `width_m` apart hold `object`, around whichever side they took it by: a box
/// that lies badly is taken lengthwise.
pub(crate) fn holds_object(width_m: f64, object: &TrackedObject) -> bool {
    let long = object.dimensions.x.max(object.dimensions.y);
    holding(width_m, narrow_side(object)) || holding(width_m, long)
}

/// Between which finger distances an object of an embraced side `side_m` is held, metres: a ball may
/// be held off its middle, and the side was measured by a camera.
#[must_use]
pub(crate) fn held_width(side_m: f64) -> (f64, f64) {
    ((0.55 * side_m).max(0.004), side_m + 0.014)
}

/// The track of `id` in `scene`, or, when it was lost while the hand hid it, the one new and fresh
/// track of the same colour and shape that `memory` does not know.
#[must_use]
pub fn successor<'a>(id: ObjectId, memory: &Scene, scene: &'a Scene) -> Option<&'a TrackedObject> {
    let known = scene.get(id);
    if known.is_some_and(|o| is_fresh(o, scene)) {
        return known;
    }
    let Some(like) = memory.get(id) else { return known };
    let mut twins = scene.objects.iter().filter(|o| {
        is_fresh(o, scene)
            && memory.get(o.id).is_none()
            && o.most_likely_color() == like.most_likely_color()
            && o.most_likely_shape() == like.most_likely_shape()
    });
    match (twins.next(), twins.next()) {
        (Some(twin), None) => Some(twin),
        _ => known,
    }
}

fn is_fresh(o: &TrackedObject, scene: &Scene) -> bool {
    scene.stamp.secs_since(o.seen) <= FRESH_S
}

/// Judges a fact in `scene`. `memory` is the scene in which its objects were named.
#[must_use]
pub fn judge(fact: &Fact, scene: &Scene, state: &JointState, memory: &Scene) -> Verdict {
    match *fact {
        Fact::Stands { object, relation, target } => {
            let Some(o) = successor(object, memory, scene).filter(|o| is_fresh(o, scene)) else {
                return unseen(object, scene, memory, relation == Relation::In);
            };
            // The target may be hidden by what now stands on it: its last place counts.
            let Some(t) = successor(target, memory, scene).or_else(|| memory.get(target)) else {
                return Verdict::Unknown("I no longer see where it should be.".to_owned());
            };
            match standing(o, relation, t) {
                Standing::Firmly => Verdict::Holds,
                // Seen beside the rim by a few millimetres, as things behind a wall are.
                _ if relation == Relation::In && Footprint::of(t).depth(centre(o)) > -0.005 => {
                    Verdict::Unknown(format!("I cannot tell whether {} lies in {}.", the(o), the(t)))
                }
                _ => Verdict::Fails(format!("{} is not {} {}.", the(o), relation.words(), the(t))),
            }
        }
        Fact::At { object, point, tolerance_m } => {
            let Some(o) = successor(object, memory, scene).filter(|o| is_fresh(o, scene)) else {
                return unseen(object, scene, memory, false);
            };
            let off = (centre(o) - Point2::from(point)).norm();
            if off <= tolerance_m {
                Verdict::Holds
            } else {
                Verdict::Fails(format!("{} is {:.0} cm away from where it should be.", the(o), off * 100.0))
            }
        }
        Fact::Held { object } => {
            let Some(before) = memory.get(object) else {
                return Verdict::Unknown("I do not know what I hold.".to_owned());
            };
            let width = state.gripper.width_m;
            if !holds_object(width, before) {
                let gap = width * 1000.0;
                let name = the(before);
                return Verdict::Fails(format!("my fingers are {gap:.0} mm apart and do not hold {name}."));
            }
            let stayed = scene
                .get(object)
                .is_some_and(|o| is_fresh(o, scene) && (o.position - before.position).norm() < SAME_PLACE_M);
            if stayed {
                Verdict::Fails(format!("{} still is where it was.", the(before)))
            } else {
                Verdict::Holds
            }
        }
    }
}

fn unseen(object: ObjectId, scene: &Scene, memory: &Scene, hidden: bool) -> Verdict {
    let name = if memory.get(object).is_some() { the_id(memory, object) } else { the_id(scene, object) };
    let why = if hidden { "; it may be hidden inside" } else { "" };
    Verdict::Unknown(format!("I do not see {name}{why}."))
}

/// Judges a skill's post-condition. `before` is the scene that the skill was prepared with.
#[must_use]
pub fn judge_skill(
    skill: &Skill,
    before: &Scene,
    after: &Scene,
    state: &JointState,
    config: &Config,
) -> Verdict {
    let tolerance_m = config.at_tolerance_m;
    match *skill {
        Skill::Pick { object } => judge(&Fact::Held { object }, after, state, before),
        Skill::Place { object, spot: Spot::Relative { relation, target } } => {
            judge(&Fact::Stands { object, relation, target }, after, state, before)
        }
        Skill::Place { object, spot: Spot::Table(point) } | Skill::Push { object, to: point } => {
            judge(&Fact::At { object, point, tolerance_m }, after, state, before)
        }
        Skill::OpenGripper | Skill::CloseGripper | Skill::Home | Skill::Look => Verdict::Holds,
    }
}
