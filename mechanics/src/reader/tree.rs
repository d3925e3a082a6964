//! From bodies as they stand in a file to a checked [`Model`].

use super::Reader;
use crate::error::ModelError;
use crate::model::{
    Body, Geom, Joint, JointKind, Mimic, Model, has_negative, is_of_a_body, principal_moments,
};
use nalgebra::{Isometry3, Matrix3, Unit, Vector3};
use roxmltree::Node;
use std::collections::BTreeMap;
use types::JointLimits;

/// No length (m), mass (kg) or moment (kg·m²) of an arm is as large; sums and products stay finite.
const MAX_NUMBER: f64 = 1e6;

/// A joint as it stands in the file.
pub(crate) struct RawJoint<'n, 'i> {
    pub(crate) node: Node<'n, 'i>,
    pub(crate) name: String,
    pub(crate) kind: JointKind,
    pub(crate) axis: Unit<Vector3<f64>>,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) velocity: Option<f64>,
    pub(crate) torque: Option<f64>,
    pub(crate) damping: f64,
    pub(crate) armature: f64,
    /// Position at which the file describes the body (MJCF `ref`).
    pub(crate) reference: f64,
    /// Name of the joint it follows, factor, offset.
    pub(crate) mimic: Option<(String, f64, f64)>,
}

/// A body as it stands in the file; parents before children.
pub(crate) struct RawBody<'n, 'i> {
    pub(crate) node: Node<'n, 'i>,
    pub(crate) name: String,
    pub(crate) parent: Option<usize>,
    pub(crate) pose: Isometry3<f64>,
    pub(crate) joint: Option<RawJoint<'n, 'i>>,
    pub(crate) mass: f64,
    pub(crate) com: Vector3<f64>,
    pub(crate) inertia: Matrix3<f64>,
    pub(crate) geoms: Vec<Geom>,
    /// One of several joints of one body: it has no mass of its own by construction.
    pub(crate) is_between_joints: bool,
}

impl Reader<'_> {
    /// Checks the bodies and makes the model (B16).
    pub(crate) fn finish(mut self, name: &str, raw: Vec<RawBody<'_, '_>>) -> Result<Model, ModelError> {
        self.check_names(&raw)?;
        for body in &raw {
            self.check_inertia(body)?;
        }
        self.check_moving(&raw)?;
        let loads = static_loads(&raw);
        let mut joint_of_name = BTreeMap::new();
        let names = raw.iter().filter_map(|b| b.joint.as_ref()).map(|j| j.name.clone());
        for (i, joint) in names.enumerate() {
            joint_of_name.insert(joint, i);
        }
        let mut mimics = self.mimics(&raw, &joint_of_name)?;
        let mut model =
            Model { name: name.to_owned(), bodies: Vec::new(), joints: Vec::new(), warnings: Vec::new() };
        for (body_idx, body) in raw.into_iter().enumerate() {
            let joint_idx = body.joint.as_ref().map(|_| model.joints.len());
            if let Some(joint) = body.joint {
                let limits = self.limits(&joint, loads[body_idx])?;
                let mimic = mimics[model.joints.len()].take();
                model.joints.push(Joint {
                    name: joint.name,
                    kind: joint.kind,
                    body_idx,
                    axis: joint.axis,
                    limits,
                    damping: joint.damping,
                    armature: joint.armature,
                    mimic,
                });
            }
            let mut geoms = body.geoms;
            if !geoms.iter().any(|g| g.visible) {
                // Nothing to draw: what collides is drawn.
                geoms.iter_mut().for_each(|g| g.visible = g.collides);
            }
            model.bodies.push(Body {
                name: body.name,
                parent: body.parent,
                parent_from_body: body.pose,
                joint_idx,
                mass: body.mass,
                com: body.com,
                inertia: body.inertia,
                geoms,
            });
        }
        model.warnings = self.warnings;
        Ok(model)
    }

    fn check_names(&self, raw: &[RawBody<'_, '_>]) -> Result<(), ModelError> {
        let (mut bodies, mut joints) = (BTreeMap::new(), BTreeMap::new());
        for body in raw {
            if bodies.insert(body.name.as_str(), ()).is_some() {
                return Err(
                    self.error(body.node, format!("expected each link once, got {:?} twice", body.name))
                );
            }
            if let Some(joint) = &body.joint
                && joints.insert(joint.name.as_str(), ()).is_some()
            {
                return Err(
                    self.error(joint.node, format!("expected each joint once, got {:?} twice", joint.name))
                );
            }
        }
        Ok(())
    }

    /// A real body's principal moments are not negative, and none is larger than the other two together.
    fn check_inertia(&self, body: &RawBody<'_, '_>) -> Result<(), ModelError> {
        let of = &body.name;
        let sizes = body.inertia.iter().chain(body.com.iter()).chain(body.pose.translation.vector.iter());
        if sizes.chain([&body.mass]).any(|v| v.is_nan() || v.abs() > MAX_NUMBER) {
            let what = format!("{of:?}: expected lengths, mass and inertia below {MAX_NUMBER}");
            return Err(self.error(body.node, what));
        }
        if body.mass < 0.0 {
            let what = format!("mass of {of:?}: expected zero or more kg, got {}", body.mass);
            return Err(self.error(body.node, what));
        }
        let moments = principal_moments(&body.inertia);
        if has_negative(&moments) {
            let what = format!(
                "inertia of {of:?}: expected a positive definite matrix, got principal moments {moments:?}"
            );
            return Err(self.error(body.node, what));
        }
        if !is_of_a_body(&moments) {
            let what = format!(
                "inertia of {of:?}: expected no principal moment above the sum of the others, got {moments:?}"
            );
            return Err(self.error(body.node, what));
        }
        Ok(())
    }

    /// What a joint moves (its body, and what is fixed to it) has mass and inertia.
    fn check_moving(&self, raw: &[RawBody<'_, '_>]) -> Result<(), ModelError> {
        let mut mass: Vec<f64> = raw.iter().map(|b| b.mass).collect();
        let mut definite: Vec<bool> = raw.iter().map(|b| principal_moments(&b.inertia)[0] > 0.0).collect();
        // Two point masses, or more, apart from each other may do as well; that is left to their sum.
        let mut lever = vec![false; raw.len()];
        for i in (0..raw.len()).rev() {
            let body = &raw[i];
            if body.joint.is_some() {
                if mass[i] <= 0.0 {
                    let what = format!(
                        "mass of {:?}: expected more than zero kg on a body that moves, got {}",
                        body.name, mass[i]
                    );
                    return Err(self.error(body.node, what));
                }
                if !definite[i] && !lever[i] {
                    let what = format!(
                        "inertia of {:?}: expected a positive definite matrix on a body that moves",
                        body.name
                    );
                    return Err(self.error(body.node, what));
                }
            }
            // What is between joints moves what its last joint moves.
            if let Some(p) = body.parent.filter(|p| body.joint.is_none() || raw[*p].is_between_joints) {
                lever[p] |= lever[i] || (mass[p] > 0.0 && mass[i] > 0.0);
                mass[p] += mass[i];
                definite[p] |= definite[i];
            }
        }
        Ok(())
    }

    /// Whom each joint follows in the end: chains are worked out, loops refused.
    fn mimics(
        &self,
        raw: &[RawBody<'_, '_>],
        joint_of_name: &BTreeMap<String, usize>,
    ) -> Result<Vec<Option<Mimic>>, ModelError> {
        let joints: Vec<&RawJoint<'_, '_>> = raw.iter().filter_map(|b| b.joint.as_ref()).collect();
        let mut out = Vec::with_capacity(joints.len());
        for joint in &joints {
            let mut total: Option<Mimic> = None;
            let mut at = joint;
            for step in 0.. {
                let Some((leader, multiplier, offset)) = &at.mimic else { break };
                let &joint_idx = joint_of_name.get(leader).ok_or_else(|| {
                    self.error(
                        at.node,
                        format!("expected {:?} to follow a movable joint, got {leader:?}", at.name),
                    )
                })?;
                if step > joints.len() {
                    return Err(
                        self.error(joint.node, format!("joint {:?} follows itself in a loop", joint.name))
                    );
                }
                let before = total.unwrap_or(Mimic { joint_idx, multiplier: 1.0, offset: 0.0 });
                total = Some(Mimic {
                    joint_idx,
                    multiplier: before.multiplier * multiplier,
                    offset: before.offset + before.multiplier * offset,
                });
                at = &joints[joint_idx];
            }
            out.push(total);
        }
        Ok(out)
    }

    /// Limits with cautious defaults where the file is silent; `load` is the largest static torque.
    fn limits(&mut self, joint: &RawJoint<'_, '_>, load: f64) -> Result<JointLimits, ModelError> {
        let slides = joint.kind == JointKind::Prismatic;
        let velocity = joint.velocity.filter(|v| *v > 0.0).unwrap_or(if slides { 0.1 } else { 1.0 });
        let torque = joint.torque.filter(|v| *v > 0.0).unwrap_or(2.0 * load.max(0.5));
        let limits = JointLimits {
            lower: joint.lower,
            upper: joint.upper,
            velocity,
            acceleration: 4.0 * velocity,
            jerk: 80.0 * velocity,
            torque,
            torque_rate: 10.0 * torque,
            near_end: Default::default(),
        };
        limits.check(&joint.name).map_err(|e| self.error(joint.node, e.to_string()))?;
        Ok(limits)
    }
}

/// A bound on what gravity asks of each body's joint: all mass further out, at the arm's length.
fn static_loads(raw: &[RawBody<'_, '_>]) -> Vec<f64> {
    let (mut mass, mut first) = (vec![0.0; raw.len()], vec![0.0; raw.len()]);
    for i in (0..raw.len()).rev() {
        mass[i] += raw[i].mass;
        first[i] += raw[i].mass * raw[i].com.norm();
        if let Some(p) = raw[i].parent {
            mass[p] += mass[i];
            first[p] += first[i] + mass[i] * raw[i].pose.translation.vector.norm();
        }
    }
    raw.iter()
        .enumerate()
        .map(|(i, b)| match &b.joint {
            Some(j) if j.kind == JointKind::Prismatic => 9.81 * mass[i],
            _ => 9.81 * first[i],
        })
        .collect()
}
