//! What a safety filter asks: how much room is left between the arm and the world.

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
        if !self.place(arm, data, q, width_m) {
            return Room { still: f64::NEG_INFINITY, moving: f64::NEG_INFINITY };
        }
        let mut room = Room { still: most, moving: most };
        let (low, high) = self.bounds();
        // What was nearest the last time probably is again: with it first, bounds spare most of the rest.
        let n = self.obstacles.len();
        for k in (*self.known.nearest_obstacles()).into_iter().flatten() {
            self.lower_by(k, keep, &mut room);
        }
        for k in 0..n {
            let Keep { distance_m, is_moving } = kept(keep, k);
            let least = if is_moving { room.moving } else { room.still };
            let reach = least.max(-distance_m) + distance_m;
            if self.known.obstacle(k) > reach {
                continue;
            }
            let at = &self.obstacles[k].at;
            let out = (low - at.center).sup(&(at.center - high)).map(|v| v.max(0.0));
            let bound = out.norm() - at.solid.reach;
            if bound > reach {
                self.known.note_obstacle(k, bound);
            } else if self.lower_by(k, keep, &mut room) {
                self.known.nearest_obstacles()[usize::from(is_moving)] = Some(k);
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
        for (l, p) in self.links.iter().zip(&self.places).filter(|(l, _)| !l.is_base) {
            lower(&mut least, (&l.solid, &p.pose, &p.center), there, 0.0);
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
        for g in 0..self.known.groups.len() {
            let speed = self.known.speed_between(g, speeds);
            if self.known.group(g) > reach(&least, speed, keep).max(0.0) {
                continue;
            }
            for p in 0..self.known.groups[g].pairs.len() {
                let k = self.known.groups[g].pairs[p];
                if first != Some((g, k)) && self.known.pair(k) <= reach(&least, speed, keep).max(0.0) {
                    self.lower_by_pair((g, k), speed, keep, &mut least);
                }
            }
            self.known.note_group(g);
        }
        if let Some((h, _)) = &self.held {
            let held = (&h.solid, &h.pose, &h.center);
            for (link, at) in self.links.iter().zip(&self.places).filter(|(l, _)| !l.is_gripper) {
                // A joint that moves both may have a follower between them.
                let (tool, link_joints) = (self.tool_joints, link.joints);
                let between = (tool ^ link_joints) | (self.followed & (tool | link_joints));
                let speed = speed(speeds, between);
                let beyond = reach(&least, speed, keep);
                if let Gap::Of(distance) = gap(held, (&link.solid, &at.pose, &at.center), beyond) {
                    lower_own(&mut least, distance - keep, speed);
                }
            }
        }
        least
    }

    /// Lowers the room to what is left between two links.
    fn lower_by_pair(&mut self, (g, k): (usize, usize), speed: f64, keep: f64, least: &mut OwnRoom) {
        let (i, j) = self.pairs[k];
        let link = |i: usize| (&self.links[i].solid, &self.places[i].pose, &self.places[i].center);
        let mut seed = self.known.seed((g, k));
        let gap = gap_again(link(i), link(j), reach(least, speed, keep), Some(&mut seed));
        match gap {
            Gap::Beyond(bound) => self.known.note_pair(k, bound),
            Gap::Of(distance) => {
                self.known.note_pair(k, distance);
                if lower_own(least, distance - keep, speed) {
                    self.known.note_nearest((g, k), seed);
                }
            }
        }
    }

    /// The box that the links (but for the base) and the held object are in at the pose looked at.
    fn bounds(&self) -> (nalgebra::Point3<f64>, nalgebra::Point3<f64>) {
        let links = self.links.iter().zip(&self.places).filter(|(l, _)| !l.is_base);
        let held = self.held.iter().map(|(at, _)| (at.center, at.solid.reach));
        let balls = links.map(|(l, p)| (p.center, l.solid.reach)).chain(held);
        let nothing =
            (nalgebra::Point3::from([f64::INFINITY; 3]), nalgebra::Point3::from([f64::NEG_INFINITY; 3]));
        balls.fold(nothing, |(low, high), (center, reach)| {
            let reach = nalgebra::Vector3::repeat(reach);
            (low.inf(&(center - reach)), high.sup(&(center + reach)))
        })
    }

    /// Lowers the room to what is left before obstacle `k`; whether it was less.
    fn lower_by(&mut self, k: usize, keep: &[Keep], room: &mut Room) -> bool {
        let at = &self.obstacles[k].at;
        let Keep { distance_m, is_moving } = kept(keep, k);
        let least = if is_moving { &mut room.moving } else { &mut room.still };
        let before = *least;
        let there = (&at.solid, &at.pose, &at.center);
        let mut bound = f64::INFINITY;
        // The gripper first: it is what meets things.
        for (l, p) in self.links.iter().zip(&self.places).rev().filter(|(l, _)| !l.is_base) {
            bound = bound.min(lower(least, (&l.solid, &p.pose, &p.center), there, distance_m));
        }
        if let Some((h, _)) = &self.held {
            bound = bound.min(lower(least, (&h.solid, &h.pose, &h.center), there, distance_m));
        }
        let is_less = *least < before;
        self.known.note_obstacle(k, bound);
        is_less
    }

    /// Per controlled joint, how far any part of the arm can ever be from the joint's axis, and from it
    /// at most `beyond_tool` metres more for what the tool holds: a joint that turns by one rad moves no
    /// point farther than this. Metres; 1 for a joint that slides.
    #[must_use]
    pub fn joint_reaches(&self, arm: &Arm, beyond_tool: f64) -> JointVector {
        let reaches = reaches::whole_reaches(arm, &self.links, beyond_tool);
        JointVector::from_fn(arm.n_joints(), |j| reaches[j])
    }
}

fn kept(keep: &[Keep], k: usize) -> Keep {
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
