//! What drives the joints, and what ties them together.

use super::{Documents, Setting, include};
use crate::error::ModelError;
use crate::reader::Reader;
use crate::reader::tree::{RawBody, RawJoint};
use roxmltree::Node;

fn joint_named<'r, 'n, 'i>(raw: &'r mut [RawBody<'n, 'i>], name: &str) -> Option<&'r mut RawJoint<'n, 'i>> {
    raw.iter_mut().filter_map(|b| b.joint.as_mut()).find(|j| j.name == name)
}

/// Torque limits where an actuator makes them clear: its force range, or the control range of a motor,
/// times its gear.
pub(super) fn read<'n>(
    r: &mut Reader<'_>,
    s: &Setting<'n, 'n>,
    section: Node<'n, 'n>,
    documents: &'n Documents<'_, 'n>,
    raw: &mut [RawBody<'_, '_>],
) -> Result<(), ModelError> {
    for node in include::children(section, documents) {
        let tag = node.tag_name().name();
        let known = ["motor", "position", "velocity", "intvelocity", "damper", "general"];
        if !known.contains(&tag) {
            r.unknown_tag(node)?;
            continue;
        }
        let e = s.defaults.element(r, node, None)?;
        let Some(name) = e.attribute("joint") else {
            r.pass_over(node, format!("<{tag}> that drives no joint is passed over"))?;
            continue;
        };
        let range = |key: &str| e.attribute(key).map(|text| r.array::<2>(node, key, text)).transpose();
        let force = match (range("forcerange")?, tag) {
            (None, "motor") => range("ctrlrange")?,
            (force, _) => force,
        };
        let gear = match e.attribute("gear") {
            Some(text) => r.numbers(node, "gear", text)?.first().copied().unwrap_or(1.0),
            None => 1.0,
        };
        let Some(joint) = joint_named(raw, name) else {
            return Err(r.error(node, format!("joint: expected a joint of this file, got {name:?}")));
        };
        if let Some([lowest, highest]) = force {
            // The weaker direction bounds both.
            let torque = gear.abs() * highest.min(-lowest);
            if torque > 0.0 {
                joint.torque = Some(joint.torque.map_or(torque, |t| t.min(torque)));
            }
        }
    }
    Ok(())
}

/// `<equality>`: a joint that follows another; loops closed by constraints are refused (B16).
pub(super) fn read_equalities<'n>(
    r: &mut Reader<'_>,
    section: Node<'n, 'n>,
    documents: &'n Documents<'_, 'n>,
    raw: &mut [RawBody<'_, '_>],
) -> Result<(), ModelError> {
    for node in include::children(section, documents) {
        match node.tag_name().name() {
            _ if node.attribute("active") == Some("false") => {}
            "joint" => read_mimic(r, node, raw)?,
            tag @ ("connect" | "weld") => {
                return Err(r.error(node, format!("<{tag}> closes a loop; expected a tree of bodies")));
            }
            _ => r.unknown_tag(node)?,
        }
    }
    Ok(())
}

fn read_mimic(r: &mut Reader<'_>, node: Node<'_, '_>, raw: &mut [RawBody<'_, '_>]) -> Result<(), ModelError> {
    let follower = r.text(node, "joint1")?;
    let Some(leader) = node.attribute("joint2") else {
        return r.pass_over(node, "an equality that holds a joint still is passed over");
    };
    let mut coefficients = match node.attribute("polycoef") {
        Some(text) => r.numbers(node, "polycoef", text)?,
        None => vec![0.0, 1.0],
    };
    coefficients.resize(5, 0.0);
    if coefficients[2..].iter().any(|c| *c != 0.0) {
        return r.pass_over(node, "an equality that is not linear is passed over");
    }
    let Some(leader_at) = joint_named(raw, leader).map(|j| j.reference) else {
        return Err(r.error(node, format!("joint2: expected a joint of this file, got {leader:?}")));
    };
    let Some(joint) = joint_named(raw, follower) else {
        return Err(r.error(node, format!("joint1: expected a joint of this file, got {follower:?}")));
    };
    // MuJoCo's polynomial relates the deviations from both reference positions.
    let offset = joint.reference + coefficients[0] - coefficients[1] * leader_at;
    joint.mimic = Some((leader.to_owned(), coefficients[1], offset));
    Ok(())
}
