//! Whether the arm is surely free, or surely not, at eight poses at once: what most questions of a search
//! end with.
//!
//! Every body is a cluster of solids, every solid a set of balls ([`super::cover`]). Forward kinematics, and
//! distances of balls from obstacles and each other, are computed in single precision for eight poses side
//! by side; a slack stands for all rounding. What they cannot decide is left to the exact distances.

mod clear;
mod cluster;
mod eight;
mod lanes;
mod obstacles;
mod one;
mod places;

use super::cover::cover;
use super::matrix::Kin;
use super::queries::Who;
use super::{Link, Placed, Standing};
use crate::arm::Arm;
use clear::stay_clear;
use cluster::{Cluster, beside};
use eight::{Widest, Work};
use lanes::{Eight, Points};
use nalgebra::{Isometry3, Point3};
use obstacles::{Flat, Rows};
use one::one_beside;
use places::Places;

pub(super) use lanes::N;

/// Largest margin that is looked at here, metres.
pub(super) const MOST_MARGIN_M: f64 = 1.0;
/// Rounding errors of all steps together, in shares of how far the numbers go: a hundred roundings or so.
const ROUNDING: f64 = 1e-5;
/// Pairs that may stay undecided before everything is looked at exactly.
const UNSURE: usize = 128;

/// Two solids that single precision cannot decide on, and at which poses (one bit each).
#[derive(Copy, Clone, Debug)]
pub(super) struct Unsure {
    pub(super) poses: u8,
    pub(super) first: Who,
    pub(super) second: Who,
}

/// What was found.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Not free at one of the poses.
    Hit,
    /// Free at all poses but for what is in [`Quick::unsure`].
    Free,
    /// Too much is undecided.
    Unclear,
}

/// The arm, its surroundings, and scratch for eight poses.
#[derive(Clone, Debug)]
pub(super) struct Quick {
    widest: Widest,
    base_from_world: Isometry3<f64>,
    places: Places,
    /// By body: the link that carries it, and where the body is in it.
    tool: (Option<usize>, Isometry3<f64>),
    clusters: Vec<Cluster>,
    /// How many of them are the arm's: the held object comes after them.
    n_bodies: usize,
    /// Clusters that are compared with each other, those with the held object last.
    pairs: Vec<Pair>,
    n_own_pairs: usize,
    obstacles: Vec<Flat>,
    rows: Rows,
    /// What rounding may make of the distance of two parts of the arm, metres.
    own_slack: f32,
    /// Whether the surroundings have changed since they were taken over.
    pub(super) is_stale: bool,
    /// What [`Quick::look`] left undecided.
    pub(super) unsure: Vec<Unsure>,
}

impl Quick {
    pub(super) fn new(arm: &Arm, links: &[Link], kin: &Kin, pairs: &[(usize, usize)]) -> Self {
        let places = Places::new(arm.model());
        let mut clusters: Vec<Cluster> = Vec::new();
        let mut cluster_of = vec![usize::MAX; arm.model().bodies.len()];
        for (i, link) in links.iter().enumerate() {
            let (carrier, carrier_from_body) = places.body(link.body_idx);
            let at = &mut cluster_of[link.body_idx];
            if *at == usize::MAX {
                *at = clusters.len();
                let is_base = link.is_base;
                let body = link.body_idx;
                clusters.push(Cluster::new(carrier, kin.is_gripper[body], kin.is_finger[body], is_base));
            }
            let balls = cover(&link.solid);
            clusters[*at].add(Who::Link(i), &balls, &(carrier_from_body * link.body_from_geom));
        }
        clusters.iter_mut().for_each(Cluster::finish);
        let body_pair =
            |&(i, j): &(usize, usize)| (cluster_of[links[i].body_idx], cluster_of[links[j].body_idx]);
        let mut pairs: Vec<(usize, usize)> = pairs.iter().map(body_pair).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let solids = |cluster: usize| {
            let of = links.iter().filter(|l| cluster_of[l.body_idx] == cluster);
            of.map(|l| (&l.solid, places.body(l.body_idx).1 * l.body_from_geom)).collect::<Vec<_>>()
        };
        let pair = |(a, b): (usize, usize)| {
            let joined = places.joined(clusters[a].link, clusters[b].link);
            let clear_within = joined.filter(|(link, a_first)| {
                let (outer, inner) = if *a_first { (a, b) } else { (b, a) };
                stay_clear(&places, *link, &solids(outer), &solids(inner))
            });
            Pair { a, b, clear_within: clear_within.map(|(link, _)| link) }
        };
        let pairs: Vec<Pair> = pairs.into_iter().map(pair).collect();
        let (link, link_from_body) = places.body(arm.tool_body_idx());
        Self {
            widest: Widest::new(),
            base_from_world: arm.world_from_base().inverse(),
            tool: (link, link_from_body * arm.body_from_tool()),
            n_bodies: clusters.len(),
            clusters,
            n_own_pairs: pairs.len(),
            pairs,
            obstacles: Vec::new(),
            rows: Rows::default(),
            own_slack: 0.0,
            places,
            is_stale: true,
            unsure: Vec::with_capacity(UNSURE),
        }
    }

    /// As on a processor without vector instructions.
    #[cfg(test)]
    pub(super) fn make_plain(&mut self) {
        self.widest = Widest::Plain;
    }

    /// Takes over obstacles, what may touch them, and the held object.
    pub(super) fn surround(&mut self, obstacles: &[Standing], held: Option<&(Placed, Isometry3<f64>)>) {
        self.is_stale = false;
        self.clusters.truncate(self.n_bodies);
        self.pairs.truncate(self.n_own_pairs);
        if let Some((placed, tool_from_shape)) = held {
            let mut cluster = Cluster::new(self.tool.0, true, false, false);
            cluster.add(Who::Held, &cover(&placed.solid), &(self.tool.1 * tool_from_shape));
            cluster.finish();
            let others = (0..self.n_bodies).filter(|i| !self.clusters[*i].is_gripper);
            self.pairs.extend(others.map(|i| Pair { a: self.n_bodies, b: i, clear_within: None }));
            self.clusters.push(cluster);
        }
        let far = self.clusters.iter().fold(0.0f64, |m, c| m.max(self.places.reach(c.link, &c.ball)));
        self.own_slack = (2.0 * ROUNDING * far) as f32;
        let slack = |reach: f64| ROUNDING * (far + reach);
        self.obstacles.clear();
        self.obstacles.extend(
            obstacles.iter().map(|o| Flat::new(&o.at.solid, &(self.base_from_world * o.at.pose), slack)),
        );
        self.rows.fill(&self.obstacles);
        for (i, cluster) in self.clusters.iter_mut().enumerate() {
            let (is_held, is_gripper, is_finger) =
                (i >= self.n_bodies, cluster.is_gripper, cluster.is_finger);
            let is_base = cluster.is_base;
            let is_compared = |k: usize| {
                obstacles.get(k).is_some_and(|o| match is_held {
                    true => !o.may_be_touched_by_held(),
                    false => !is_base && !o.may_touch(is_gripper, is_finger),
                })
            };
            let bits = |it: &mut dyn Iterator<Item = bool>| {
                it.enumerate().fold(0u8, |bits, (i, is_set)| bits | u8::from(is_set) << i)
            };
            cluster.compared.clear();
            let rows = self.rows.rows.iter();
            cluster.compared.extend(rows.map(|row| bits(&mut row.idx.iter().map(|k| is_compared(*k)))));
            cluster.compared_rows.clear();
            let eights = cluster.compared.chunks(N);
            cluster.compared_rows.extend(eights.map(|rows| bits(&mut rows.iter().map(|r| *r != 0))));
        }
    }

    /// Writes one of the poses; false when its numbers are beyond what this computes with.
    pub(super) fn set(&mut self, pose_idx: usize, full_q: &[f64]) -> bool {
        self.places.set(pose_idx, full_q)
    }

    /// Looks at the first `n` poses (one at least); links keep `own_margin`, all else `margin` metres.
    ///
    /// # Real-time
    /// No allocation.
    pub(super) fn look(&mut self, n: usize, margin: f64, own_margin: f64) -> Found {
        self.places.fill(n);
        self.unsure.clear();
        let widest = self.widest;
        widest.dispatch(Look {
            quick: self,
            margin: margin as f32,
            own_margin: own_margin as f32,
            is_one: n == 1,
        })
    }
}

/// Two clusters that are compared with each other.
#[derive(Copy, Clone, Debug)]
struct Pair {
    a: usize,
    b: usize,
    /// The link, one of theirs, within whose joint's limits they are known to keep clear of each other.
    clear_within: Option<usize>,
}

/// One look at all poses.
struct Look<'a> {
    quick: &'a mut Quick,
    margin: f32,
    own_margin: f32,
    /// Whether all poses are the same.
    is_one: bool,
}

impl Work for Look<'_> {
    type Output = Found;

    #[inline(always)]
    fn with<E: Eight>(self, e: E) -> Found {
        let Quick { places, clusters, pairs, obstacles, rows, unsure, own_slack, .. } = self.quick;
        places.forward(e);
        for cluster in clusters.iter_mut() {
            cluster.is_placed = false;
            cluster.at = places.point(e, cluster.link, &cluster.ball.center).store();
        }
        // The gripper first: it is what meets things.
        for cluster in clusters.iter_mut().rev() {
            if !cluster.beside(e, places, (obstacles, rows), self.margin, self.is_one, unsure) {
                return Found::Hit;
            }
        }
        for &Pair { a, b, clear_within } in pairs.iter() {
            if clear_within.is_some_and(|link| places.is_within(link)) {
                continue;
            }
            let (a_at, b_at) = (Points::load(e, &clusters[a].at), Points::load(e, &clusters[b].at));
            let reach = self.own_margin + *own_slack;
            let most = clusters[a].ball.outer + clusters[b].ball.outer + reach;
            if a_at.square_to(&b_at).up_to(most * most) != 0 {
                clusters[a].place(e, places, self.is_one);
                clusters[b].place(e, places, self.is_one);
                let (a, b) = (&clusters[a], &clusters[b]);
                let is_clear = if self.is_one {
                    one_beside(e, (a, b), self.own_margin, *own_slack, unsure)
                } else {
                    beside(e, a, b, self.own_margin, *own_slack, unsure)
                };
                if !is_clear {
                    return Found::Hit;
                }
            }
        }
        if unsure.len() < UNSURE { Found::Free } else { Found::Unclear }
    }
}

/// The middle of some balls' bounds.
fn middle(of: impl Iterator<Item = Point3<f64>>) -> Point3<f64> {
    let nothing = (Point3::from([f64::INFINITY; 3]), Point3::from([f64::NEG_INFINITY; 3]));
    let (low, high) = of.fold(nothing, |(low, high), p| (low.inf(&p), high.sup(&p)));
    nalgebra::center(&low, &high)
}
