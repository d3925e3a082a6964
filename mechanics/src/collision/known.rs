//! What looks at other poses leave of distances.
//!
//! No two solids come nearer to each other than the joints between them move any point: distances are 1-Lipschitz
//! in that. So what was found at one pose bounds what can be found at another, and a pair whose bound is beyond what
//! is asked for need not be compared. What is compared is compared as ever, but for the pair of links, and the obstacles,
//! that are nearest: their comparisons begin where the last have ended, which takes half as long and is as good.

use super::gjk::Seed;
use super::reaches::{far, note_reaches, reaches, whole_reaches};
use super::room::kept;
use super::{Checker, Keep, Link, Room};
use crate::arm::Arm;
use crate::model::JointKind;

/// What has moved farther than this, metres, is counted from zero anew, so that rounding stays as small as that of the
/// bounds themselves.
const COUNTED_TO_M: f64 = 1.0;

/// A comparison does not begin where the last has ended if the arm may have moved farther since, metres.
const LEAP_M: f64 = 5e-3;

/// Distances are good to a micrometre; so much less than one is a bound, metres.
const GOOD_TO_M: f64 = 5e-6;

/// Pairs of links of the same two bodies.
#[derive(Clone, Debug)]
pub(super) struct Group {
    bodies: (usize, usize),
    /// Per joint of the model, how far from its axis any point of the link that it moves against the other is, metres.
    reaches: Vec<f64>,
    /// Per controlled joint, which part that is of how far the whole arm reaches.
    shares: Vec<f64>,
    /// Places in the list of all pairs.
    pub(super) pairs: Vec<usize>,
}

/// The obstacle that left the least, to which part of the arm, and where their comparison has ended.
#[derive(Copy, Clone, Debug)]
pub(super) struct NearObstacle {
    pub(super) obstacle: usize,
    pub(super) part: usize,
    pub(super) seed: Seed,
}

/// Lower bounds of distances, at one pose.
#[derive(Clone, Debug)]
struct Bounds {
    /// Every joint of the model there.
    at: Vec<f64>,
    is_set: bool,
    /// Of every pair of links, and the least of every group, with what the group has `moved`.
    pairs: Vec<f64>,
    groups: Vec<f64>,
    /// Of every obstacle, from the arm and what it holds, with what that has `moved`.
    obstacles: Vec<f64>,
    /// How far at most the links of every group, and the arm, have moved since some pose, metres: so that a look has not
    /// to lower every bound.
    groups_moved: Vec<f64>,
    moved: f64,
    /// How far at most the arm has moved from the last look to this, metres.
    stepped: f64,
    /// The pair that left the least the last time, and its group.
    nearest: Option<(usize, usize)>,
    /// Where its comparison has ended.
    seed: Seed,
    /// The obstacles that did: one that stands, one that may move.
    nearest_obstacles: [Option<NearObstacle>; 2],
}

/// Bounds at several poses: at each of the places that are looked at in turn again and again.
#[derive(Clone, Debug)]
pub(super) struct Known {
    bounds: Vec<Bounds>,
    /// The place that is looked at, and whether there is a pose.
    place: usize,
    is_lost: bool,
    /// Per joint, how far from its axis any point is that it moves, metres: of a link, and of the tool's origin.
    /// A joint that slides moves everything alike, by 1, and needs no other.
    link_reaches: Vec<f64>,
    tool_reaches: Vec<Option<f64>>,
    /// With what is held.
    reaches: Vec<f64>,
    pub(super) groups: Vec<Group>,
    /// The greatest share of any of them, per controlled joint.
    most_shares: Vec<f64>,
    /// Scratch: for each obstacle, which one it was where it is taken over from.
    same: Vec<Option<usize>>,
    /// How many comparisons with obstacles there were.
    #[cfg(test)]
    n_compared: usize,
}

impl Known {
    pub(super) fn new(arm: &Arm, links: &[Link], pairs: &[(usize, usize)]) -> Self {
        let model = arm.model();
        let n = model.joints.len();
        let link_far = reaches(model, &far(model, links));
        let mut tool_far = vec![f64::NEG_INFINITY; model.bodies.len()];
        tool_far[arm.tool_body_idx()] = arm.body_from_tool().translation.vector.norm();
        let tool_far = reaches(model, &tool_far);
        let of = |far: &[f64]| {
            let of = |j: &crate::model::Joint| match j.kind {
                JointKind::Prismatic => 1.0,
                _ => far[j.body_idx],
            };
            model.joints.iter().map(of).collect::<Vec<f64>>()
        };
        let mut groups: Vec<Group> = Vec::new();
        for (k, &(i, j)) in pairs.iter().enumerate() {
            let bodies = (links[i].body_idx, links[j].body_idx);
            let at = groups.iter().position(|g| g.bodies == bodies).unwrap_or_else(|| {
                let (reaches, shares) = (vec![0.0; n], Vec::new());
                groups.push(Group { bodies, reaches, shares, pairs: Vec::new() });
                groups.len() - 1
            });
            let group = &mut groups[at];
            group.pairs.push(k);
            for (link, other) in [(&links[i], bodies.1), (&links[j], bodies.0)] {
                note_reaches(model, link, other, &mut group.reaches);
            }
        }
        let whole = whole_reaches(arm, links, 0.0);
        for group in &mut groups {
            let driven = |c: usize| {
                let joint = arm.arm_joint_idx()[c];
                let follow = model.joints.iter().zip(&group.reaches).enumerate();
                follow.map(move |(k, (j, reach))| match &j.mimic {
                    Some(m) if m.joint_idx == joint => m.multiplier.abs() * reach,
                    _ if k == joint => *reach,
                    _ => 0.0,
                })
            };
            let share = |c: usize| driven(c).sum::<f64>() / whole[c].max(1e-9);
            group.shares = (0..arm.n_joints()).map(share).collect();
        }
        let most = |c: usize| groups.iter().fold(0.0f64, |most, group| most.max(group.shares[c]));
        let most_shares = (0..arm.n_joints()).map(most).collect();
        let nothing = Bounds {
            at: vec![0.0; n],
            is_set: false,
            pairs: vec![f64::NEG_INFINITY; pairs.len()],
            groups: vec![f64::NEG_INFINITY; groups.len()],
            obstacles: Vec::new(),
            groups_moved: vec![0.0; groups.len()],
            moved: 0.0,
            stepped: 0.0,
            nearest: None,
            seed: Seed::NONE,
            nearest_obstacles: [None; 2],
        };
        Self {
            bounds: vec![nothing],
            place: 0,
            is_lost: true,
            reaches: of(&link_far),
            link_reaches: of(&link_far),
            tool_reaches: model
                .joints
                .iter()
                .map(|j| (j.kind != JointKind::Prismatic).then_some(tool_far[j.body_idx]))
                .collect(),
            groups,
            most_shares,
            same: Vec::new(),
            #[cfg(test)]
            n_compared: 0,
        }
    }

    /// Other obstacles.
    pub(super) fn surround(&mut self, n_obstacles: usize) {
        self.same.resize(n_obstacles, None);
        for bounds in &mut self.bounds {
            bounds.obstacles.clear();
            bounds.obstacles.resize(n_obstacles, f64::NEG_INFINITY);
            bounds.nearest_obstacles = [None; 2];
        }
    }

    /// Something else is held, so far beyond the tool's origin at most, or nothing.
    pub(super) fn hold(&mut self, beyond: Option<f64>) {
        let of_links = self.link_reaches.iter().zip(&self.tool_reaches);
        for (all, (link, tool)) in self.reaches.iter_mut().zip(of_links) {
            *all = beyond.zip(*tool).map_or(*link, |(beyond, tool)| link.max(tool + beyond));
        }
        for bounds in &mut self.bounds {
            bounds.obstacles.fill(f64::NEG_INFINITY);
            // Where a comparison with what was held has ended is no point of what is.
            bounds.nearest_obstacles = [None; 2];
        }
    }

    /// So many places, of which nothing is known.
    fn make_places(&mut self, n: usize) {
        self.place = 0;
        self.bounds.truncate(1);
        let first = &mut self.bounds[0];
        (first.is_set, first.nearest, first.nearest_obstacles) = (false, None, [None; 2]);
        for bounds in [&mut first.pairs, &mut first.groups, &mut first.obstacles] {
            bounds.fill(f64::NEG_INFINITY);
        }
        self.bounds.resize(n.max(1), self.bounds[0].clone());
    }

    /// The pose that is looked at: every bound becomes one of this.
    pub(super) fn look_at(&mut self, full_q: &[f64]) {
        self.is_lost = false;
        let Self { bounds, place, reaches, groups, .. } = self;
        let known = &mut bounds[*place];
        if !core::mem::replace(&mut known.is_set, true) {
            known.at.copy_from_slice(full_q);
            return;
        }
        // How far each joint has turned since; never infinite, for that times a reach of zero is no number.
        for (at, q) in known.at.iter_mut().zip(full_q) {
            *at = (q - *at).abs().min(f64::MAX);
        }
        let turned = &known.at;
        let moved =
            |reaches: &[f64]| turned.iter().zip(reaches).map(|(turned, reach)| turned * reach).sum::<f64>();
        known.stepped = moved(reaches);
        known.moved += known.stepped;
        if known.moved > COUNTED_TO_M {
            for bound in &mut known.obstacles {
                *bound -= known.moved;
            }
            known.moved = 0.0;
        }
        for ((group, least), gone) in groups.iter().zip(&mut known.groups).zip(&mut known.groups_moved) {
            *gone += moved(&group.reaches);
            if *gone > COUNTED_TO_M {
                *least -= *gone;
                for k in &group.pairs {
                    known.pairs[*k] -= *gone;
                }
                *gone = 0.0;
            }
        }
        known.at.copy_from_slice(full_q);
    }

    /// The pose that was to be looked at is none: until the next, nothing is known.
    pub(super) fn lose(&mut self) {
        self.is_lost = true;
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// What another has found of the same arm's own distances; what it has of obstacles comes one by one.
    fn take_over(&mut self, other: &Self) {
        for (known, other) in self.bounds.iter_mut().zip(&other.bounds) {
            if !other.is_set || known.at.len() != other.at.len() || known.pairs.len() != other.pairs.len() {
                continue;
            }
            known.is_set = true;
            known.at.copy_from_slice(&other.at);
            known.pairs.copy_from_slice(&other.pairs);
            known.groups.copy_from_slice(&other.groups);
            known.groups_moved.copy_from_slice(&other.groups_moved);
            (known.nearest, known.seed) = (other.nearest, other.seed);
            known.obstacles.fill(f64::NEG_INFINITY);
            (known.moved, known.nearest_obstacles) = (other.moved, [None; 2]);
        }
    }

    /// What another has found of the obstacles that are [`Self::same`], where arm and what it holds are, too: after
    /// [`Self::take_over`].
    fn take_over_obstacles(&mut self, other: &Self) {
        let same = &self.same;
        for (known, other) in self.bounds.iter_mut().zip(&other.bounds) {
            if !other.is_set || known.at.len() != other.at.len() || known.pairs.len() != other.pairs.len() {
                continue;
            }
            for (bound, was) in known.obstacles.iter_mut().zip(same) {
                *bound = was.map_or(f64::NEG_INFINITY, |j| other.obstacles[j]);
            }
            for (near, before) in known.nearest_obstacles.iter_mut().zip(&other.nearest_obstacles) {
                *near = before.as_ref().and_then(|before| {
                    let obstacle = same.iter().position(|was| *was == Some(before.obstacle))?;
                    Some(NearObstacle { obstacle, ..*before })
                });
            }
        }
    }

    /// How fast the links of a group move against each other at most, m/s, where the joints move the arm at `speeds`.
    pub(super) fn speed_between(&self, group: usize, speeds: &[f64]) -> f64 {
        relative(speeds, &self.groups[group].shares)
    }

    /// The same of any group, at most: no [`Self::speed_between`] is more.
    pub(super) fn fastest(&self, speeds: &[f64]) -> f64 {
        relative(speeds, &self.most_shares)
    }

    /// How far the links of a pair are apart at least, metres.
    pub(super) fn pair(&self, (group, pair): (usize, usize)) -> f64 {
        let known = &self.bounds[self.place];
        known.pairs[pair] - known.groups_moved[group]
    }

    /// The least of a group's.
    pub(super) fn group(&self, group: usize) -> f64 {
        let known = &self.bounds[self.place];
        known.groups[group] - known.groups_moved[group]
    }

    /// How far the arm is from an obstacle at least, metres.
    #[cfg(test)]
    fn obstacle(&self, k: usize) -> f64 {
        let known = &self.bounds[self.place];
        known.obstacles[k] - known.moved
    }

    /// The first obstacle from `from` on that is not known to leave more room than this.
    pub(super) fn within(&self, from: usize, keep: &[Keep], room: &Room) -> Option<usize> {
        let known = &self.bounds[self.place];
        let leaves_more = |k: usize, bound: f64| {
            let Keep { distance_m, is_moving } = kept(keep, k);
            let least = if is_moving { room.moving } else { room.still };
            bound - known.moved > least.max(-distance_m) + distance_m
        };
        let mut bounds = known.obstacles.iter().enumerate().skip(from);
        bounds.find(|(k, bound)| !leaves_more(*k, **bound)).map(|(k, _)| k)
    }

    pub(super) fn nearest(&self) -> Option<(usize, usize)> {
        self.bounds[self.place].nearest
    }

    /// Where the comparison of a pair has ended the last time, if it was the nearest.
    pub(super) fn seed(&self, pair: (usize, usize)) -> Seed {
        let known = &self.bounds[self.place];
        if known.nearest == Some(pair) { known.seed } else { Seed::NONE }
    }

    pub(super) fn note_nearest(&mut self, pair: (usize, usize), seed: Seed) {
        let known = &mut self.bounds[self.place];
        (known.nearest, known.seed) = (Some(pair), seed);
    }

    /// The obstacles that were nearest the last time. Where the arm has leapt since, where their comparison has ended
    /// is as good as any.
    pub(super) fn were_nearest(&self) -> [Option<NearObstacle>; 2] {
        let known = &self.bounds[self.place];
        let is_leap = known.stepped > LEAP_M;
        let cold = |near: NearObstacle| NearObstacle { seed: Seed::NONE, ..near };
        known.nearest_obstacles.map(|near| if is_leap { near.map(cold) } else { near })
    }

    pub(super) fn nearest_obstacles(&mut self) -> &mut [Option<NearObstacle>; 2] {
        &mut self.bounds[self.place].nearest_obstacles
    }

    /// Two links are `found` metres apart, or more.
    pub(super) fn note_pair(&mut self, (group, pair): (usize, usize), found: f64) {
        let known = &mut self.bounds[self.place];
        known.pairs[pair] = bound(found) + known.groups_moved[group];
    }

    /// The same of an obstacle and the arm.
    pub(super) fn note_obstacle(&mut self, k: usize, found: f64) {
        let known = &mut self.bounds[self.place];
        known.obstacles[k] = bound(found) + known.moved;
        #[cfg(test)]
        {
            self.n_compared += 1;
        }
    }

    /// Pairs of a group were compared.
    pub(super) fn note_group(&mut self, group: usize) {
        let known = &mut self.bounds[self.place];
        let bounds = self.groups[group].pairs.iter().map(|k| known.pairs[*k]);
        known.groups[group] = bounds.fold(f64::INFINITY, f64::min);
    }
}

fn relative(speeds: &[f64], shares: &[f64]) -> f64 {
    speeds.iter().zip(shares).map(|(speed, share)| speed * share).sum::<f64>().max(1e-9)
}

/// What a comparison that found so much leaves as a bound, whatever was known before: a distance that came out too large
/// counts until the next comparison alone. How deep two solids are in each other is none.
fn bound(found: f64) -> f64 {
    if found > 0.0 && found.is_finite() { found - GOOD_TO_M } else { f64::NEG_INFINITY }
}

impl Checker {
    /// For looks at so many places in turn, again and again: see [`Self::look_from`].
    pub fn make_places(&mut self, n: usize) {
        self.known.make_places(n);
    }

    /// What is looked at next is near what was looked at when this place was named the last time, so that what was
    /// found there spares most of the work. It changes no answer by more than
    /// distances are good to. A place that there is not is the last.
    ///
    /// # Real-time
    /// No allocation.
    pub fn look_from(&mut self, place: usize) {
        self.known.place = place.min(self.known.bounds.len() - 1);
    }

    /// Takes over what another of the same arm has found of how far its links are from each other, and from obstacles:
    /// `was` names, for each here, which one it was there. One that is another, or stands elsewhere, is known to be none,
    /// and so is every one where something else is held.
    ///
    /// # Real-time
    /// No allocation; solids are compared number by number, hulls corner by corner: linear in their corners.
    pub fn take_over(&mut self, other: &Self, was: &[Option<usize>]) {
        self.known.take_over(&other.known);
        let is_held = match (&self.held, &other.held) {
            (None, None) => true,
            (Some((this, place)), Some((that, there))) => this.solid == that.solid && place == there,
            _ => false,
        };
        if !is_held {
            return;
        }
        for (k, (same, this)) in self.known.same.iter_mut().zip(&self.obstacles).enumerate() {
            *same = was.get(k).copied().flatten().filter(|j| {
                let that = other.obstacles.get(*j);
                that.is_some_and(|that| this.at.pose == that.at.pose && this.at.solid == that.at.solid)
            });
        }
        self.known.take_over_obstacles(&other.known);
    }
}

#[cfg(test)]
mod tests;
