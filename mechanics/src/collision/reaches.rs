//! How far joints move what they move, wherever the others are.

use super::Link;
use crate::arm::Arm;
use crate::model::{JointKind, Model};
use types::MAX_JOINTS;

/// Per body, how far from its origin any point of its own solids is, metres.
pub(super) fn far(model: &Model, links: &[Link]) -> Vec<f64> {
    let mut far = vec![0.0f64; model.bodies.len()];
    for link in links {
        let most = (link.body_from_geom * link.solid.center).coords.norm() + link.solid.reach;
        far[link.body_idx] = far[link.body_idx].max(most);
    }
    far
}

/// Per body, how far from its origin any such point of it or of what it carries can be, metres.
pub(super) fn reaches(model: &Model, own: &[f64]) -> Vec<f64> {
    let mut reach = own.to_vec();
    // Children come after their parents.
    for i in (1..model.bodies.len()).rev() {
        let body = &model.bodies[i];
        let slide = body.joint_idx.filter(|j| model.joints[*j].kind == JointKind::Prismatic);
        let travel = slide.map_or(0.0, |j| travel(model, j));
        if let Some(parent) = body.parent {
            let far = body.parent_from_body.translation.vector.norm() + travel + reach[i];
            reach[parent] = reach[parent].max(far);
        }
    }
    reach
}

/// How far from its middle a joint that slides may be, metres: a follower as far as its leader takes it.
fn travel(model: &Model, joint: usize) -> f64 {
    let most = |j: usize| model.joints[j].limits.lower.abs().max(model.joints[j].limits.upper.abs());
    let led =
        model.joints[joint].mimic.as_ref().map(|m| m.multiplier.abs() * most(m.joint_idx) + m.offset.abs());
    led.filter(|far| far.is_finite()).unwrap_or(0.0).max(most(joint))
}

/// Raises per joint, of those that move `link` and not the body `other`, how far from its axis it reaches.
pub(super) fn note_reaches(model: &Model, link: &Link, other: usize, reaches: &mut [f64]) {
    let above = |mut at: usize, body: usize| loop {
        match model.bodies[at].parent {
            _ if at == body => return true,
            Some(parent) => at = parent,
            None => return false,
        }
    };
    let mut far = (link.body_from_geom * link.solid.center).coords.norm() + link.solid.reach;
    let mut at = link.body_idx;
    while !above(other, at) {
        let body = &model.bodies[at];
        let mut travel = 0.0;
        if let Some(j) = body.joint_idx {
            let joint = &model.joints[j];
            let is_sliding = joint.kind == JointKind::Prismatic;
            reaches[j] = reaches[j].max(if is_sliding { 1.0 } else { far });
            if is_sliding {
                travel = self::travel(model, j);
            }
        }
        far += body.parent_from_body.translation.vector.norm() + travel;
        let Some(parent) = body.parent else { return };
        at = parent;
    }
}

/// Per controlled joint, how far from its axis anything is that it moves, with what reaches so far beyond the tool; and
/// besides it what the joints that follow it move.
pub(super) fn whole_reaches(arm: &Arm, links: &[Link], beyond_tool: f64) -> Vec<f64> {
    let model = arm.model();
    let mut own = far(model, links);
    let tool = arm.tool_body_idx();
    own[tool] = own[tool].max(arm.body_from_tool().translation.vector.norm() + beyond_tool);
    let reach = reaches(model, &own);
    let of = |joint: &crate::model::Joint| match joint.kind {
        JointKind::Prismatic => 1.0,
        _ => reach[joint.body_idx],
    };
    let with_followers = |j: &usize| {
        let follows = |joint: &crate::model::Joint| {
            joint.mimic.as_ref().filter(|m| m.joint_idx == *j).map_or(0.0, |m| m.multiplier.abs() * of(joint))
        };
        of(&model.joints[*j]) + model.joints.iter().map(follows).sum::<f64>()
    };
    arm.arm_joint_idx().iter().map(with_followers).collect()
}

/// How far at most any point of the arm moves for each metre that the fingertips come apart, wherever they are.
pub(super) fn finger_travel(arm: &Arm, links: &[Link]) -> f64 {
    let (model, most) = (arm.model(), arm.profile().gripper.width_m);
    if most <= 0.0 {
        return 0.0;
    }
    let reach = reaches(model, &far(model, links));
    let zero = [0.0; MAX_JOINTS];
    let at = |width_m: f64| {
        let mut q = vec![0.0; model.joints.len()];
        arm.full_q(&zero, width_m, &mut q);
        q
    };
    let (closed, open) = (at(0.0), at(most));
    let mut travel = vec![0.0f64; model.bodies.len()];
    // Children come after their parents.
    for (i, body) in model.bodies.iter().enumerate() {
        let by_joint = body.joint_idx.map_or(0.0, |j| {
            let by = if model.joints[j].kind == JointKind::Prismatic { 1.0 } else { reach[i] };
            by * (open[j] - closed[j]).abs() / most
        });
        travel[i] = by_joint + body.parent.map_or(0.0, |parent| travel[parent]);
    }
    travel.into_iter().fold(0.0, f64::max)
}
