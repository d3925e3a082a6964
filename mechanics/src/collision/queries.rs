//! What a [`Checker`] answers.

use super::solid::{Separation, far_apart, separation};
use super::{Checker, HELD, LinkPlace, SELF_MARGIN_M};
use crate::arm::{Arm, ArmData, body_poses_in_world};
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

impl Clearance {
    /// No two solids to speak of.
    fn none(distance: f64) -> Self {
        let nowhere = Point3::origin();
        Self {
            distance,
            first: String::new(),
            second: String::new(),
            point_on_first: nowhere,
            point_on_second: nowhere,
        }
    }
}

/// A solid that takes part in a comparison.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Link(usize),
    Held,
    Obstacle(usize),
}

/// What the comparison of all pairs is after.
#[derive(Copy, Clone)]
pub(super) struct Ask {
    /// Distance that pairs with the world are to keep.
    pub(super) margin: f64,
    /// Distance that pairs of links are to keep.
    pub(super) self_margin: f64,
    /// Only pairs with less than this above their margin count.
    pub(super) below: f64,
    /// The search may end at a pair with at most this above its margin.
    pub(super) enough: f64,
}

/// The worst pair so far: what is left above its margin, who, where.
pub(super) type Worst = (f64, Who, Who, Separation);

impl Checker {
    /// The smallest signed distance over links, held object and obstacles, at the controlled joints
    /// `q` with the fingertips `width_m` apart. Allowed contacts do not count. Joints that are not
    /// finite count as deep inside.
    ///
    /// # Panics
    /// When `q` is shorter than the arm's joints.
    pub fn distance(&mut self, arm: &Arm, data: &mut ArmData, q: &[f64], width_m: f64) -> Clearance {
        if !self.place(arm, data, q, width_m) {
            return Clearance::none(f64::NEG_INFINITY);
        }
        let ask = Ask { margin: 0.0, self_margin: 0.0, below: f64::MAX, enough: f64::NEG_INFINITY };
        self.worst(ask).map_or_else(|| Clearance::none(f64::INFINITY), |worst| self.clearance(arm, worst))
    }

    /// The two that fall short of the distances of [`Self::is_free`] the most; `None` when it is free.
    ///
    /// # Panics
    /// When `q` is shorter than the arm's joints.
    pub fn nearest_within(
        &mut self,
        arm: &Arm,
        data: &mut ArmData,
        q: &[f64],
        width_m: f64,
        margin: f64,
    ) -> Option<Clearance> {
        if !margin.is_finite() || !self.place(arm, data, q, width_m) {
            return Some(Clearance::none(f64::NEG_INFINITY));
        }
        let self_margin = margin.min(SELF_MARGIN_M);
        let ask = Ask { margin, self_margin, below: f64::MIN_POSITIVE, enough: f64::NEG_INFINITY };
        self.worst(ask).map(|worst| self.clearance(arm, worst))
    }

    fn clearance(&self, arm: &Arm, (_, first, second, at): Worst) -> Clearance {
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

    /// Puts every link where it is at `q`; false when that is nowhere.
    pub(super) fn place(&mut self, arm: &Arm, data: &mut ArmData, q: &[f64], width_m: f64) -> bool {
        if !self.begin_placing(arm, q, width_m) {
            return false;
        }
        let poses: &[Isometry3<f64>] = body_poses_in_world(arm, data, q, width_m);
        for (link, place) in self.links.iter().zip(&mut self.places) {
            let pose = poses[link.body_idx] * link.body_from_geom;
            *place = LinkPlace { pose, center: pose * link.solid.center };
        }
        self.is_settled.fill(true);
        if let Some((at, tool_from_shape)) = &mut self.held {
            at.pose = poses[arm.tool_body_idx()] * arm.body_from_tool() * *tool_from_shape;
            at.center = at.pose * at.solid.center;
        }
        self.end_placing()
    }

    /// Notes the joints of the pose that is looked at; false when it is none.
    pub(super) fn begin_placing(&mut self, arm: &Arm, q: &[f64], width_m: f64) -> bool {
        arm.full_q(q, width_m, &mut self.full_q);
        // What follows a joint may be where no number is although the joint is not.
        if !self.full_q.iter().all(|v| v.is_finite()) || !width_m.is_finite() {
            self.known.lose();
            return false;
        }
        self.known.look_at(&self.full_q);
        true
    }

    /// Whether everything came to be somewhere: where joints slide very far, sums are more than a number holds.
    pub(super) fn end_placing(&mut self) -> bool {
        let held = self.held.iter().map(|(at, _)| &at.center);
        let centers = self.places.iter().map(|place| &place.center).chain(held);
        // One question of each, and none that the next waits for.
        let is_somewhere = centers.fold(true, |all, at| all & (at.x + at.y + at.z).is_finite());
        if !is_somewhere {
            self.known.lose();
        }
        is_somewhere
    }

    /// The pair with the least above its margin.
    pub(super) fn worst(&self, ask: Ask) -> Option<Worst> {
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
                    && !o.may_touch(self.links[i].is_gripper, self.links[i].is_finger)
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
pub(super) type Part<'a> = (&'a super::solid::Solid, &'a Isometry3<f64>, &'a Point3<f64>);
