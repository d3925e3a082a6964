//! What a safety filter asks: how much room is left between the arm and the world.

use super::Checker;
use super::solid::{far_apart, separation};
use crate::arm::{Arm, ArmData};
use crate::model::JointKind;
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
        for k in self.nearest.into_iter().flatten().filter(|k| *k < self.obstacles.len()) {
            self.lower_by(k, keep, &mut room);
        }
        for k in 0..self.obstacles.len() {
            let at = &self.obstacles[k].at;
            let Keep { distance_m, is_moving } = kept(keep, k);
            let least = if is_moving { room.moving } else { room.still };
            let reach = at.solid.reach + least.max(-distance_m) + distance_m;
            let out = (low - at.center).sup(&(at.center - high)).map(|v| v.max(0.0));
            if out.norm_squared() <= reach * reach && self.lower_by(k, keep, &mut room) {
                self.nearest[usize::from(is_moving)] = Some(k);
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
    /// about last. `speeds`: how fast each controlled joint moves what it moves, at most, m/s. Distances are
    /// less `keep` metres and at most `most` metres and seconds.
    ///
    /// # Real-time
    /// No allocation; at most one comparison per pair.
    #[must_use]
    pub fn own_room(&self, speeds: &[f64], keep: f64, most: OwnRoom) -> OwnRoom {
        let mut least = most;
        let link = |i: usize| (&self.links[i].solid, &self.places[i].pose, &self.places[i].center);
        let mut compare = |a: Part<'_>, b: Part<'_>, joints: u32| {
            let moving = speeds.iter().enumerate().filter(|(j, _)| joints & (1 << j) != 0);
            let speed: f64 = moving.map(|(_, v)| v).sum::<f64>().max(1e-9);
            // Farther apart than this they lower neither.
            let reach = least.room_m.max(least.clear_s * speed) + keep;
            if !far_apart(a, b, reach)
                && let Some(s) = separation(a.0, a.1, b.0, b.1, reach)
            {
                let room = s.distance - keep;
                least.room_m = least.room_m.min(room);
                least.clear_s = least.clear_s.min(room / speed);
            }
        };
        for (&(i, j), joints) in self.pairs.iter().zip(&self.pair_joints) {
            compare(link(i), link(j), *joints);
        }
        if let Some((h, _)) = &self.held {
            let held = (&h.solid, &h.pose, &h.center);
            for i in (0..self.links.len()).filter(|i| !self.links[*i].is_gripper) {
                compare(held, link(i), self.tool_joints ^ self.links[i].joints);
            }
        }
        least
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
    fn lower_by(&self, k: usize, keep: &[Keep], room: &mut Room) -> bool {
        let at = &self.obstacles[k].at;
        let Keep { distance_m, is_moving } = kept(keep, k);
        let least = if is_moving { &mut room.moving } else { &mut room.still };
        let before = *least;
        let there = (&at.solid, &at.pose, &at.center);
        for (l, p) in self.links.iter().zip(&self.places).filter(|(l, _)| !l.is_base) {
            lower(least, (&l.solid, &p.pose, &p.center), there, distance_m);
        }
        if let Some((h, _)) = &self.held {
            lower(least, (&h.solid, &h.pose, &h.center), there, distance_m);
        }
        *least < before
    }

    /// Per controlled joint, how far any part of the arm can ever be from the joint's axis, and from it
    /// at most `beyond_tool` metres more for what the tool holds: a joint that turns by one rad moves no
    /// point farther than this. Metres; 1 for a joint that slides.
    #[must_use]
    pub fn joint_reaches(&self, arm: &Arm, beyond_tool: f64) -> JointVector {
        let model = arm.model();
        let mut reach = vec![0.0f64; model.bodies.len()];
        for link in &self.links {
            let far = (link.body_from_geom * link.solid.center).coords.norm() + link.solid.reach;
            reach[link.body_idx] = reach[link.body_idx].max(far);
        }
        let tool = arm.tool_body_idx();
        reach[tool] = reach[tool].max(arm.body_from_tool().translation.vector.norm() + beyond_tool);
        // Children come after their parents.
        for i in (1..model.bodies.len()).rev() {
            let body = &model.bodies[i];
            let slide = body.joint_idx.map(|j| &model.joints[j]).filter(|j| j.kind == JointKind::Prismatic);
            let travel = slide.map_or(0.0, |j| j.limits.lower.abs().max(j.limits.upper.abs()));
            if let Some(parent) = body.parent {
                let far = body.parent_from_body.translation.vector.norm() + travel + reach[i];
                reach[parent] = reach[parent].max(far);
            }
        }
        let of = |j: usize| {
            let joint = &model.joints[arm.arm_joint_idx()[j]];
            if joint.kind == JointKind::Prismatic { 1.0 } else { reach[joint.body_idx] }
        };
        JointVector::from_fn(arm.n_joints(), of)
    }
}

fn kept(keep: &[Keep], k: usize) -> Keep {
    keep.get(k).copied().unwrap_or(Keep { distance_m: 0.0, is_moving: false })
}

type Part<'a> = (&'a super::solid::Solid, &'a nalgebra::Isometry3<f64>, &'a nalgebra::Point3<f64>);

/// Lowers `least` to what is left between two parts that are to keep `keep` apart.
fn lower(least: &mut f64, a: Part<'_>, b: Part<'_>, keep: f64) {
    if !far_apart(a, b, *least + keep)
        && let Some(s) = separation(a.0, a.1, b.0, b.1, *least + keep)
    {
        *least = least.min(s.distance - keep);
    }
}
