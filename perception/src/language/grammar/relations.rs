//! The words of relations, directions and superlatives.

use types::language::{Relation, Superlative};

/// Said alike of where something is and of where it shall go.
const FRONT: &[&str] = &["in front! of", "in front! of", "in front! of", "at the front! of"];
const BEHIND: &[&str] = &["behind!", "behind!", "behind!", "in back! of", "at the back! of"];

/// How a relation is said of something that is there.
pub(super) fn where_words(relation: Relation) -> &'static [&'static str] {
    match relation {
        Relation::In => &["in!", "in!", "inside!", "inside! of", "within!"],
        Relation::On => &["on!", "on!", "on top! of", "on top! of", "on the top! of", "upon!", "atop!"],
        Relation::LeftOf => &[
            "left! of",
            "to the left! of",
            "on the left! of",
            "on the left! side of",
            "on the left! hand side of",
        ],
        Relation::RightOf => &[
            "right! of",
            "to the right! of",
            "on the right! of",
            "on the right! side of",
            "on the right! hand side of",
        ],
        Relation::InFrontOf => FRONT,
        Relation::Behind => BEHIND,
        Relation::NextTo => &[
            "next! to",
            "next! to",
            "beside!",
            "near!",
            "close! to",
            "by!",
            "alongside!",
            "adjacent! to",
            "right next! to",
            "near! to",
        ],
    }
}

/// How a relation is said of where something shall go.
pub(super) fn whither_words(relation: Relation) -> &'static [&'static str] {
    match relation {
        Relation::In => &["in!", "in!", "into!", "into!", "inside!", "inside! of", "to!", "within!"],
        Relation::On => &[
            "on!",
            "on!",
            "onto!",
            "onto!",
            "on top! of",
            "on top! of",
            "on the top! of",
            "upon!",
            "atop!",
            "up on!",
            "up onto!",
        ],
        Relation::LeftOf => &[
            "left! of",
            "left! from",
            "on the left! hand side of",
            "at the left! of",
            "to the left! of",
            "to the left! of",
            "on the left! of",
            "to the left! side of",
            "on the left! side of",
        ],
        Relation::RightOf => &[
            "right! of",
            "right! from",
            "on the right! hand side of",
            "at the right! of",
            "to the right! of",
            "to the right! of",
            "on the right! of",
            "to the right! side of",
            "on the right! side of",
        ],
        Relation::InFrontOf => FRONT,
        Relation::Behind => BEHIND,
        Relation::NextTo => &[
            "next! to",
            "next! to",
            "beside!",
            "near!",
            "close! to",
            "by!",
            "alongside!",
            "adjacent! to",
            "right next! to",
            "near! to",
            "right beside!",
            "over by!",
            "against!",
            "up against!",
        ],
    }
}

/// A bare direction, as for a push.
pub(super) fn direction_words(relation: Relation) -> &'static [&'static str] {
    match relation {
        Relation::LeftOf => &[
            "left!",
            "to the left!",
            "to the left!",
            "leftwards!",
            "a bit to the left!",
            "to the left! side",
            "a little to the left!",
            "over to the left!",
            "towards the left!",
            "further left!",
            "further to the left!",
            "a little bit to the left!",
            "a little further to the left!",
            "slightly to the left!",
            "to the left! hand side",
            "over left!",
            "a touch to the left!",
        ],
        Relation::RightOf => &[
            "right!",
            "to the right!",
            "to the right!",
            "rightwards!",
            "a bit to the right!",
            "to the right! side",
            "a little to the right!",
            "over to the right!",
            "towards the right!",
            "further right!",
            "further to the right!",
            "a little bit to the right!",
            "a little further to the right!",
            "slightly to the right!",
            "to the right! hand side",
            "over right!",
            "a touch to the right!",
        ],
        Relation::InFrontOf => &[
            "to the front!",
            "towards me!",
            "toward me!",
            "towards the camera!",
            "to me!",
            "a bit towards me!",
            "closer to me!",
            "nearer to me!",
            "over to me!",
            "a little closer to me!",
            "a little towards me!",
            "closer to the camera!",
        ],
        Relation::Behind => &[
            "to the back!",
            "back!",
            "away! from me",
            "away! from the camera",
            "further back!",
            "a little back!",
            "further away! from me",
            "to the far back!",
            "a bit to the back!",
            "towards the back!",
        ],
        Relation::In | Relation::On | Relation::NextTo => &[],
    }
}

/// A superlative behind its noun.
pub(super) fn late_words(s: Superlative) -> &'static [&'static str] {
    match s {
        Superlative::Leftmost => &[
            "on the left!",
            "on the left!",
            "on the far left!",
            "furthest to the left!",
            "farthest to the left!",
            "at the left!",
            "on the left! hand side",
            "on the left! side",
            "that is on the left!",
        ],
        Superlative::Rightmost => &[
            "on the right!",
            "on the right!",
            "on the far right!",
            "furthest to the right!",
            "farthest to the right!",
            "at the right!",
            "on the right! hand side",
            "on the right! side",
            "that is on the right!",
        ],
        Superlative::Nearest => &[
            "closest! to me",
            "nearest! to me",
            "nearest! to the camera",
            "closest! to the camera",
            "that is closest! to me",
            "that is nearest! to me",
            "at the front!",
            "at the very front!",
        ],
        Superlative::Furthest => &[
            "furthest! away",
            "furthest! from me",
            "farthest! away from me",
            "furthest! away from the camera",
            "that is furthest! away",
            "that is farthest! from me",
            "at the back!",
            "at the very back!",
            "in the back!",
        ],
        Superlative::Largest => {
            &["that is largest!", "that is biggest!", "that is the biggest!", "which is the largest!"]
        }
        Superlative::Smallest => {
            &["that is smallest!", "that is the smallest!", "which is the smallest!", "that is tiniest!"]
        }
    }
}
