//! What a [`Checker`] answers.

use super::solid::{Separation, far_apart, separation};
use super::{Checker, HELD, Link, LinkPlace, SELF_MARGIN_M};
use crate::arm::{Arm, ArmData, body_poses_in_world};
use crate::model::JointKind;
use nalgebra::{Isometry3, Point3};

/// The nearest two solids.
#[derive(Clone, Debug, PartialEq)]
pub struct Clearance {
    /// Signed distance, metres; negative is depth of penetration; infinite when nothing is compared.
    pub distance: f64,
    /// Body of the robot, or [`HELD`].
    pub first: String,
    /// Body of the robot, [`HELD`], or obstacle.
    pub second: String,
    /// Where on the first, in the world.
    pub point_on_first: Point3<f64>,
    /// Where on the second, in the world.
    pub point_on_second: Point3<f64>,
}

/// A solid that takes part in a comparison.
#[derive(Copy, Clone, Debug)]
enum Who {
    Link(usize),
    Held,
    Obstacle(usize),
}

/// What the comparison of all pairs is after.
#[derive(Copy, Clone)]
struct Ask {
    /// Distance that pairs with the world are to keep.
    margin: f64,
    /// Distance that pairs of links are to keep.
    self_margin: f64,
    /// Only pairs with less than this above their margin count.
    below: f64,
    /// The search may end at a pair with at most this above its margin.
    enough: f64,
}

/// The worst pair so far: what is left above its margin, who, where.
type Worst = (f64, Who, Who, Separation);

impl Checker {
    /// The smallest signed distance over links, held object and obstacles, at the controlled joints
    /// `q` with the fingertips `width_m` apart. Allowed contacts do not count. Joints that are not
    /// finite count as deep inside.
    ///
    /// # Panics
    /// When `q` is shorter than the arm's joints.
    pub fn distance(&mut self, arm: &Arm, data: &mut ArmData, q: &[f64], width_m: f64) -> Clearance {
        let nowhere = Point3::origin();
        let nothing = |distance| Clearance {
            distance,
            first: String::new(),
            second: String::new(),
            point_on_first: nowhere,
            point_on_second: nowhere,
        };
        if !self.place(arm, data, q, width_m) {
            return nothing(f64::NEG_INFINITY);
        }
        let ask = Ask { margin: 0.0, self_margin: 0.0, below: f64::MAX, enough: f64::NEG_INFINITY };
        let Some((_, first, second, at)) = self.worst(ask) else {
            return nothing(f64::INFINITY);
        };
        let name = |who: Who| match who {
            Who::Link(i) => arm.model().bodies[self.links[i].body_idx].name.clone(),
            Who::Held => HELD.to_owned(),
            Who::Obstacle(i) => self.obstacles[i].name.clone(),
        };
        Clearance {
            distance: at.distance,
            first: name(first),
            second: name(second),
            point_on_first: at.point_on_first,
            point_on_second: at.point_on_second,
        }
    }

    /// Whether everything keeps more than `margin` metres from obstacles and links more than the
    /// smaller of `margin` and [`SELF_MARGIN_M`] from each other. False for joints that are not finite.
    ///
    /// # Panics
    /// When `q` is shorter than the arm's joints.
    pub fn is_free(&mut self, arm: &Arm, data: &mut ArmData, q: &[f64], width_m: f64, margin: f64) -> bool {
        self.room(arm, data, q, width_m, margin, 0.0) > 0.0
    }

    /// Whether the straight joint motion from `from` to `to` is free as [`Self::is_free`] has it. Where
    /// the room about the arm shows that nothing can be met the check strides ahead by as much; near
    /// things it steps by `step` rad (m) of the joint that moves most, so a contact can be missed by
    /// less than what the arm moves in half a step.
    ///
    /// # Panics
    /// When `from` or `to` is shorter than the arm's joints.
    #[expect(clippy::too_many_arguments, reason = "scratch, motion and how well to check it")]
    pub fn edge_is_free(
        &mut self,
        arm: &Arm,
        data: &mut ArmData,
        from: &[f64],
        to: &[f64],
        width_m: f64,
        margin: f64,
        step: f64,
    ) -> bool {
        let n = arm.n_joints();
        let widest = (0..n).fold(0.0f64, |m, j| m.max((to[j] - from[j]).abs()));
        let travel = self.travel(from, to, n);
        // Both ends first: a motion that ends in contact is the usual failure.
        if !self.is_free(arm, data, to, width_m, margin) || !travel.is_finite() {
            return false;
        }
        let smallest = if widest > 0.0 { (step.max(1e-4) / widest).min(1.0) } else { 1.0 };
        let mut at = 0.0;
        let mut q = [0.0; types::MAX_JOINTS];
        while at < 1.0 {
            for j in 0..n {
                q[j] = from[j] + at * (to[j] - from[j]);
            }
            // More room than the rest of the way needs is of no use.
            let room = self.room(arm, data, &q[..n], width_m, margin, (1.0 - at) * travel);
            if room <= 0.0 {
                return false;
            }
            at += smallest.max(if travel > 0.0 { room / travel } else { 1.0 });
        }
        true
    }

    /// How much is left above the margins, capped at `at_most`; zero or less when not free.
    fn room(
        &mut self,
        arm: &Arm,
        data: &mut ArmData,
        q: &[f64],
        width_m: f64,
        margin: f64,
        at_most: f64,
    ) -> f64 {
        if !self.place(arm, data, q, width_m) || !margin.is_finite() {
            return f64::NEG_INFINITY;
        }
        let cap = at_most.max(f64::MIN_POSITIVE);
        let ask = Ask { margin, self_margin: margin.min(SELF_MARGIN_M), below: cap, enough: 0.0 };
        self.worst(ask).map_or(cap, |(room, ..)| room)
    }

    /// A bound of how far, in metres, two points of robot and world can move against each other on a
    /// straight joint motion.
    fn travel(&self, from: &[f64], to: &[f64], n: usize) -> f64 {
        let held = self
            .held
            .as_ref()
            .map(|(at, tool_from_shape)| tool_from_shape.translation.vector.norm() + at.solid.farthest());
        (0..n)
            .map(|j| {
                let lever = held.map_or(self.levers[j], |h| self.levers[j].max(self.tool_levers[j] + h));
                (to[j] - from[j]).abs() * lever
            })
            .sum()
    }

    /// Puts every link where it is at `q`; false when that is nowhere.
    fn place(&mut self, arm: &Arm, data: &mut ArmData, q: &[f64], width_m: f64) -> bool {
        if !q[..arm.n_joints()].iter().all(|v| v.is_finite()) || !width_m.is_finite() {
            return false;
        }
        let poses: &[Isometry3<f64>] = body_poses_in_world(arm, data, q, width_m);
        for (link, place) in self.links.iter().zip(&mut self.places) {
            let pose = poses[link.body_idx] * link.body_from_geom;
            *place = LinkPlace { pose, center: pose * link.solid.center };
        }
        if let Some((at, tool_from_shape)) = &mut self.held {
            at.pose = poses[arm.tool_body_idx()] * arm.body_from_tool() * *tool_from_shape;
            at.center = at.pose * at.solid.center;
        }
        true
    }

    /// The pair with the least above its margin.
    fn worst(&self, ask: Ask) -> Option<Worst> {
        let mut worst: Option<Worst> = None;
        let mut best = ask.below;
        let link = |i: usize| (&self.links[i].solid, &self.places[i].pose, &self.places[i].center);
        let mut compare = |a: Who, pa: Part<'_>, b: Who, pb: Part<'_>, margin: f64| {
            if !far_apart(pa, pb, best + margin)
                && let Some(s) = separation(pa.0, pa.1, pb.0, pb.1, best + margin)
                && s.distance - margin < best
            {
                best = s.distance - margin;
                worst = Some((best, a, b, s));
            }
            best <= ask.enough
        };
        let held = self.held.as_ref().map(|(at, _)| (&at.solid, &at.pose, &at.center));
        for (k, o) in self.obstacles.iter().enumerate() {
            let place = (&o.at.solid, &o.at.pose, &o.at.center);
            if let Some(h) = held
                && !o.may_be_touched_by_held()
                && compare(Who::Held, h, Who::Obstacle(k), place, ask.margin)
            {
                return worst;
            }
            // The gripper first: it is what meets things.
            for i in (0..self.links.len()).rev() {
                if !self.links[i].is_base
                    && !o.may_touch(&self.links[i])
                    && compare(Who::Link(i), link(i), Who::Obstacle(k), place, ask.margin)
                {
                    return worst;
                }
            }
        }
        for &(i, j) in &self.pairs {
            if compare(Who::Link(i), link(i), Who::Link(j), link(j), ask.self_margin) {
                return worst;
            }
        }
        if let Some(h) = held {
            for i in 0..self.links.len() {
                if !self.links[i].is_gripper && compare(Who::Held, h, Who::Link(i), link(i), ask.self_margin)
                {
                    return worst;
                }
            }
        }
        worst
    }
}

/// A solid, where it is, and where the middle of its bounds is.
type Part<'a> = (&'a super::solid::Solid, &'a Isometry3<f64>, &'a Point3<f64>);

/// Per controlled joint, a bound of the distance from its axis of every point of the links behind it,
/// and of the tool's origin, whatever the other joints do.
pub(super) fn levers(arm: &Arm, links: &[Link]) -> (Vec<f64>, Vec<f64>) {
    let model = arm.model();
    let per_joint = |joint_idx: usize| {
        let root = model.joints[joint_idx].body_idx;
        // How far each body's origin can be from the joint; `None` for bodies that it does not move.
        let mut away: Vec<Option<f64>> = vec![None; model.bodies.len()];
        away[root] = Some(0.0);
        for i in root + 1..model.bodies.len() {
            let body = &model.bodies[i];
            if let Some(parent) = body.parent.and_then(|p| away[p]) {
                let slide = body.joint_idx.map(|j| &model.joints[j]).map_or(0.0, |j| match j.kind {
                    JointKind::Prismatic => j.limits.lower.abs().max(j.limits.upper.abs()),
                    JointKind::Revolute | JointKind::Continuous => 0.0,
                });
                away[i] = Some(parent + body.parent_from_body.translation.vector.norm() + slide);
            }
        }
        let slides = model.joints[joint_idx].kind == JointKind::Prismatic;
        let links_lever = links
            .iter()
            .filter_map(|l| {
                let geom = l.body_from_geom.translation.vector.norm() + l.solid.farthest();
                away[l.body_idx].map(|d| d + geom)
            })
            .fold(0.0f64, f64::max);
        let tool = away[arm.tool_body_idx()].map(|d| d + arm.body_from_tool().translation.vector.norm());
        if slides { (1.0, 1.0) } else { (links_lever, tool.unwrap_or(0.0)) }
    };
    let with_mimics = |&joint_idx: &usize| {
        let (mut links, mut tool) = per_joint(joint_idx);
        for (k, joint) in model.joints.iter().enumerate() {
            if let Some(m) = joint.mimic.filter(|m| m.joint_idx == joint_idx) {
                let (more_links, more_tool) = per_joint(k);
                links += m.multiplier.abs() * more_links;
                tool += m.multiplier.abs() * more_tool;
            }
        }
        (links, tool)
    };
    arm.arm_joint_idx().iter().map(with_mimics).unzip()
}
