//! What a safety filter asks: how much room is left between the arm and the world.

use super::balls::HELD_PART;
use super::gjk::Seed;
use super::known::NearObstacle;
use super::solid::{Gap, Part, gap, gap_again};
use super::{Checker, reaches};
use crate::arm::{Arm, ArmData};
use types::JointVector;

/// How far from an obstacle the arm is to keep, and whether that obstacle may move.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Keep {
    /// Metres.
    pub distance_m: f64,
    /// Whether it may move.
    pub is_moving: bool,
}

/// The least that is left between the arm (with what it holds) and the obstacles it is to keep from,
/// metres; negative when too near.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Room {
    /// To what stands still.
    pub still: f64,
    /// To what may move.
    pub moving: f64,
}

/// How far the arm is from touching itself.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct OwnRoom {
    /// Between the nearest parts, metres; negative when they touch.
    pub room_m: f64,
    /// For how long it cannot touch itself, seconds; negative when it does.
    pub clear_s: f64,
}

impl Checker {
    /// The room at the controlled joints `q` with the fingertips `width_m` apart, both kinds at most
    /// `most` metres. `keep` has one entry per obstacle, in their order; an obstacle without one counts
    /// with no distance and standing. Allowances do not count, nor does the arm's own body: that is the
    /// same at every instant of a path. Joints that are not finite have no room.
    ///
    /// # Real-time
    /// No allocation; one forward kinematics and at most one comparison per pair.
    ///
    /// # Panics
    /// When `q` is shorter than the arm's joints.
    pub fn room(
        &mut self,
        arm: &Arm,
        data: &mut ArmData,
        q: &[f64],
        width_m: f64,
        keep: &[Keep],
        most: f64,
    ) -> Room {
        if !self.place_balls(arm, data, q, width_m) {
            return Room { still: f64::NEG_INFINITY, moving: f64::NEG_INFINITY };
        }
        let mut room = Room { still: most, moving: most };
        let (low, high) = self.bounds();
        // What was nearest the last time probably is again: with it first, bounds spare most of the rest.
        let first = self.known.were_nearest();
        for (kind, nearest) in first.into_iter().enumerate() {
            if let Some(nearest) = nearest {
                let nearest = self.lower_by(nearest.obstacle, Some(nearest), keep, &mut room);
                self.known.nearest_obstacles()[kind] = nearest;
            }
        }
        let mut next = 0;
        while let Some(k) = self.known.within(next, keep, &room) {
            next = k + 1;
            // Its bound is a little less than what it has just left.
            if first.iter().flatten().any(|first| first.obstacle == k) {
                continue;
            }
            let Keep { distance_m, is_moving } = kept(keep, k);
            let least = if is_moving { room.moving } else { room.still };
            let reach = least.max(-distance_m) + distance_m;
            let at = &self.obstacles[k].at;
            let out = (low - at.center).sup(&(at.center - high)).map(|v| v.max(0.0));
            let bound = out.norm() - at.solid.reach;
            if bound > reach {
                self.known.note_obstacle(k, bound);
            } else if let Some(nearest) = self.lower_by(k, None, keep, &mut room) {
                self.known.nearest_obstacles()[usize::from(is_moving)] = Some(nearest);
            }
        }
        room
    }

    /// Distance of the arm (with what it holds) from obstacle `k` at the pose that [`Self::room`] was asked about
    /// last, at most `most` metres.
    ///
    /// # Real-time
    /// No allocation; one comparison per link.
    ///
    /// # Panics
    /// When there is no such obstacle.
    #[must_use]
    pub fn distance_to(&self, k: usize, most: f64) -> f64 {
        let at = &self.obstacles[k].at;
        let there = (&at.solid, &at.pose, &at.center);
        let mut least = most;
        for &i in &self.balls.links {
            let center = &self.places[i].center;
            if (center - at.center).norm() - self.links[i].solid.reach - at.solid.reach > least.max(0.0) {
                continue;
            }
            lower(&mut least, (&self.links[i].solid, &self.pose_of(i), center), there, 0.0);
        }
        if let Some((h, _)) = &self.held {
            lower(&mut least, (&h.solid, &h.pose, &h.center), there, 0.0);
        }
        least
    }

    /// How far the arm is from touching itself (with what it holds) at the pose that [`Self::room`] was asked
    /// about last. `speeds`: how fast each controlled joint moves what it moves, at most, m/s: its own speed times what
    /// [`Self::joint_reaches`] says or more; what is nearer to its axis is slower. Distances are less `keep` metres and
    /// at most `most` metres and seconds.
    ///
    /// # Real-time
    /// No allocation; at most one comparison per pair.
    #[must_use]
    pub fn own_room(&mut self, speeds: &[f64], keep: f64, most: OwnRoom) -> OwnRoom {
        if self.known.is_lost() {
            return OwnRoom { room_m: f64::NEG_INFINITY, clear_s: f64::NEG_INFINITY };
        }
        let mut least = most;
        // What was nearest the last time probably is again: with it first, bounds spare most of the rest.
        let first = self.known.nearest();
        if let Some((g, k)) = first {
            let speed = self.known.speed_between(g, speeds);
            self.lower_by_pair((g, k), speed, keep, &mut least);
            self.known.note_group(g);
        }
        let fastest = self.known.fastest(speeds);
        for g in 0..self.known.groups.len() {
            // Most are farther apart than even the fastest counts.
            let any = least.room_m.max(least.clear_s.max(0.0) * fastest) + keep;
            if self.known.group(g) > any.max(0.0) {
                continue;
            }
            let speed = self.known.speed_between(g, speeds);
            if self.known.group(g) > reach(&least, speed, keep).max(0.0) {
                continue;
            }
            for p in 0..self.known.groups[g].pairs.len() {
                let k = self.known.groups[g].pairs[p];
                // What is no number is compared.
                let is_far = self.known.pair((g, k)) > reach(&least, speed, keep).max(0.0);
                if first != Some((g, k)) && !is_far {
                    self.lower_by_pair((g, k), speed, keep, &mut least);
                }
            }
            self.known.note_group(g);
        }
        if let Some((h, _)) = &self.held {
            let held = (&h.solid, &h.pose, &h.center);
            for (i, link) in self.links.iter().enumerate().filter(|(_, l)| !l.is_gripper) {
                // A joint that moves both may have a follower between them.
                let (tool, link_joints) = (self.tool_joints, link.joints);
                let between = (tool ^ link_joints) | (self.followed & (tool | link_joints));
                let speed = speed(speeds, between);
                let beyond = reach(&least, speed, keep);
                if let Gap::Of(distance) =
                    gap(held, (&link.solid, &self.pose_of(i), &self.places[i].center), beyond)
                {
                    lower_own(&mut least, distance - keep, speed);
                }
            }
        }
        least
    }

    /// Lowers the room to what is left between two links.
    fn lower_by_pair(&mut self, (g, k): (usize, usize), speed: f64, keep: f64, least: &mut OwnRoom) {
        let (i, j) = self.pairs[k];
        let beyond = reach(least, speed, keep);
        let reaches = self.links[i].solid.reach + self.links[j].solid.reach;
        let balls = (self.places[i].center - self.places[j].center).norm() - reaches;
        if balls > beyond.max(0.0) {
            self.known.note_pair((g, k), balls);
            return;
        }
        self.settle(i);
        self.settle(j);
        let link = |i: usize| (&self.links[i].solid, &self.places[i].pose, &self.places[i].center);
        let mut seed = self.known.seed((g, k));
        let gap = gap_again(link(i), link(j), beyond, Some(&mut seed));
        match gap {
            Gap::Beyond(bound) => self.known.note_pair((g, k), bound),
            Gap::Of(distance) => {
                self.known.note_pair((g, k), distance);
                if lower_own(least, distance - keep, speed) {
                    self.known.note_nearest((g, k), seed);
                }
            }
        }
    }

    /// The box that the links (but for the base) and the held object are in at the pose looked at.
    fn bounds(&self) -> (nalgebra::Point3<f64>, nalgebra::Point3<f64>) {
        let (low, high) = self.balls.bounds();
        self.held.as_ref().map_or((low, high), |(at, _)| {
            let reach = nalgebra::Vector3::repeat(at.solid.reach);
            (low.inf(&(at.center - reach)), high.sup(&(at.center + reach)))
        })
    }

    /// Lowers the room to what is left before obstacle `k`; what was nearest of it the last time is compared first, from
    /// where that has ended. Returns what lowered it last, or the same.
    fn lower_by(
        &mut self,
        k: usize,
        first: Option<NearObstacle>,
        keep: &[Keep],
        room: &mut Room,
    ) -> Option<NearObstacle> {
        let Keep { distance_m, is_moving } = kept(keep, k);
        let least = if is_moving { &mut room.moving } else { &mut room.still };
        let (mut nearest, mut bound) = (first, f64::INFINITY);
        // Then bounds spare most of the others.
        if let Some(first) = &mut nearest {
            bound = self.lower_by_part(first, distance_m, least).1;
        }
        let first = first.map(|first| first.part);
        let at = &self.obstacles[k].at;
        let all = self.balls.compare(&at.solid, &at.center);
        // Bounds say nothing of how deep two solids are in each other.
        if all > (*least + distance_m).max(0.0) {
            bound = bound.min(all);
        } else {
            for n in 0..self.balls.links.len() {
                let (part, gap) = (self.balls.links[n], self.balls.gaps[n]);
                if first == Some(part) {
                    continue;
                }
                if gap > (*least + distance_m).max(0.0) {
                    bound = bound.min(gap);
                    continue;
                }
                let mut this = NearObstacle { obstacle: k, part, seed: Seed::NONE };
                let (is_less, found) = self.lower_by_part(&mut this, distance_m, least);
                bound = bound.min(found);
                nearest = if is_less { Some(this) } else { nearest };
            }
        }
        if self.held.is_some() && first != Some(HELD_PART) {
            let mut this = NearObstacle { obstacle: k, part: HELD_PART, seed: Seed::NONE };
            let (is_less, found) = self.lower_by_part(&mut this, distance_m, least);
            bound = bound.min(found);
            nearest = if is_less { Some(this) } else { nearest };
        }
        self.known.note_obstacle(k, bound);
        nearest
    }

    /// The same with one part of the arm: whether it was lowered, and a bound of their distance.
    fn lower_by_part(&mut self, near: &mut NearObstacle, keep: f64, least: &mut f64) -> (bool, f64) {
        let part = near.part;
        if part != HELD_PART {
            self.settle(part);
        }
        let here = match &self.held {
            Some((at, _)) if part == HELD_PART => (&at.solid, &at.pose, &at.center),
            // Nothing is held any more.
            None if part == HELD_PART => return (false, f64::INFINITY),
            _ => (&self.links[part].solid, &self.places[part].pose, &self.places[part].center),
        };
        let at = &self.obstacles[near.obstacle].at;
        let there = (&at.solid, &at.pose, &at.center);
        match gap_again(here, there, *least + keep, Some(&mut near.seed)) {
            Gap::Beyond(bound) => (false, bound),
            Gap::Of(distance) => {
                let is_less = distance - keep < *least;
                *least = least.min(distance - keep);
                (is_less, distance)
            }
        }
    }

    /// Per controlled joint, how far any part of the arm can ever be from the joint's axis, and from it
    /// at most `beyond_tool` metres more for what the tool holds: a joint that turns by one rad moves no
    /// point farther than this. Metres; 1 for a joint that slides.
    #[must_use]
    pub fn joint_reaches(&self, arm: &Arm, beyond_tool: f64) -> JointVector {
        let reaches = reaches::whole_reaches(arm, &self.links, beyond_tool);
        JointVector::from_fn(arm.n_joints(), |j| reaches[j])
    }

    /// How far at most any point of the arm moves for each metre that the fingertips come apart or closer; zero without a
    /// gripper.
    #[must_use]
    pub fn finger_travel(&self, arm: &Arm) -> f64 {
        reaches::finger_travel(arm, &self.links)
    }
}

pub(super) fn kept(keep: &[Keep], k: usize) -> Keep {
    keep.get(k).copied().unwrap_or(Keep { distance_m: 0.0, is_moving: false })
}

/// Lowers `least` to what is left between two parts that are to keep `keep` apart. Returns a bound of their distance.
fn lower(least: &mut f64, a: Part<'_>, b: Part<'_>, keep: f64) -> f64 {
    match gap(a, b, *least + keep) {
        Gap::Beyond(bound) => bound,
        Gap::Of(distance) => {
            *least = least.min(distance - keep);
            distance
        }
    }
}

/// How fast what `joints` move is moved, at most, m/s.
fn speed(speeds: &[f64], joints: u32) -> f64 {
    let moving = speeds.iter().enumerate().filter(|(j, _)| joints & (1 << j) != 0);
    moving.map(|(_, v)| v).sum::<f64>().max(1e-9)
}

/// Farther apart than this two links lower neither distance nor time.
fn reach(least: &OwnRoom, speed: f64, keep: f64) -> f64 {
    least.room_m.max(least.clear_s * speed) + keep
}

/// Lowers both to what is left of `room` metres; whether any was more.
fn lower_own(least: &mut OwnRoom, room: f64, speed: f64) -> bool {
    let before = *least;
    least.room_m = least.room_m.min(room);
    least.clear_s = least.clear_s.min(room / speed);
    *least != before
}
