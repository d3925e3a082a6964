//! A single pose: what would be eight times the same is done for eight balls of a body instead.

use super::Unsure;
use super::cluster::{Cluster, note};
use super::lanes::{Eight, Lanes, N, Packed, PackedPoints, Points};
use super::obstacles::Flat;
use super::places::{Places, RoundBall};
use crate::collision::queries::Who;

/// A radius that nothing is within, metres.
const NONE: f32 = -1e30;

/// Eight balls of a body.
#[derive(Clone, Debug)]
pub(super) struct Balls {
    /// In the frame of the link.
    center: PackedPoints,
    outer: Packed,
    inner: Packed,
    /// The parts that they are of.
    parts: [usize; N],
    /// Where they are at the pose.
    at: PackedPoints,
}

impl Balls {
    /// At most eight, each with its part.
    pub(super) fn new(of: &[(usize, RoundBall)]) -> Self {
        let pack = |f: &dyn Fn(&RoundBall) -> f32, nothing: f32| {
            Packed(core::array::from_fn(|i| of.get(i).map_or(nothing, |(_, b)| f(b))))
        };
        Self {
            center: [0, 1, 2].map(|i| pack(&|b| b.center[i], 0.0)),
            outer: pack(&|b| b.outer, NONE),
            inner: pack(&|b| if b.inner > 0.0 { b.inner } else { NONE }, NONE),
            parts: core::array::from_fn(|i| of.get(i).map_or(0, |(part, _)| *part)),
            at: PackedPoints::default(),
        }
    }

    #[inline(always)]
    pub(super) fn place<E: Eight>(&mut self, e: E, places: &Places, link: Option<usize>) {
        self.at = match link {
            Some(link) => places.first_frame(link).points(e, &Points::load(e, &self.center)).store(),
            None => self.center,
        };
    }
}

impl Cluster {
    /// Compares it, placed, with one obstacle; false when it surely is too near.
    #[inline(always)]
    pub(super) fn one_beside<E: Eight>(
        &self,
        e: E,
        k: usize,
        o: &Flat,
        margin: f32,
        unsure: &mut Vec<Unsure>,
    ) -> bool {
        let reach = margin + o.radius + o.slack;
        for row in &self.rows {
            let distance = o.square_to(e, &Points::load(e, &row.at)).sqrt();
            let mut near = (distance - Lanes::load(e, &row.outer)).up_to(reach);
            if near == 0 {
                continue;
            }
            if o.is_filled && (distance - Lanes::load(e, &row.inner)).up_to(reach - 2.0 * o.slack) != 0 {
                return false;
            }
            while near != 0 {
                let part = row.parts[near.trailing_zeros() as usize];
                near &= near - 1;
                note(unsure, 1, self.parts[part].who, Who::Obstacle(k));
            }
        }
        true
    }
}

/// Compares two clusters that are placed; false when they surely are too near to each other.
#[inline(always)]
pub(super) fn one_beside<E: Eight>(
    e: E,
    (a, b): (&Cluster, &Cluster),
    margin: f32,
    slack: f32,
    unsure: &mut Vec<Unsure>,
) -> bool {
    for other in &b.rows {
        for j in 0..N {
            let (outer, inner) = (other.outer.0[j], other.inner.0[j]);
            if outer < 0.0 {
                break;
            }
            let at = Points::all(e, [other.at[0].0[j], other.at[1].0[j], other.at[2].0[j]]);
            for row in &a.rows {
                let distance = Points::load(e, &row.at).square_to(&at).sqrt();
                let mut near = (distance - Lanes::load(e, &row.outer)).up_to(outer + margin + slack);
                if near == 0 {
                    continue;
                }
                if inner > 0.0 && (distance - Lanes::load(e, &row.inner)).up_to(inner + margin - slack) != 0 {
                    return false;
                }
                while near != 0 {
                    let part = row.parts[near.trailing_zeros() as usize];
                    near &= near - 1;
                    note(unsure, 1, a.parts[part].who, b.parts[other.parts[j]].who);
                }
            }
        }
    }
    true
}
