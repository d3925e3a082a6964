//! `<worldbody>`: bodies within bodies, their joints and their mass.

use super::defaults::{Element, MAX_DEPTH};
use super::geoms::{self, Solid};
use super::orientation::{pose, rotation};
use super::{Documents, Setting, include};
use crate::error::ModelError;
use crate::kinematics::joint_motion;
use crate::model::JointKind;
use crate::reader::Reader;
use crate::reader::tree::{RawBody, RawJoint};
use core::f64::consts::TAU;
use nalgebra::{Isometry3, Matrix3, Translation3, Unit, Vector3};
use roxmltree::Node;

/// Everything that stays the same while the tree is walked.
struct Walk<'w, 'n> {
    s: &'w Setting<'n, 'n>,
    documents: &'n Documents<'n, 'n>,
    raw: Vec<RawBody<'n, 'n>>,
}

fn empty<'n>(node: Node<'n, 'n>, name: String) -> RawBody<'n, 'n> {
    RawBody {
        node,
        name,
        parent: None,
        pose: Isometry3::identity(),
        joint: None,
        mass: 0.0,
        com: Vector3::zeros(),
        inertia: Matrix3::zeros(),
        geoms: Vec::new(),
        is_between_joints: false,
    }
}

/// The bodies of all `<worldbody>` sections; the first is the world itself.
pub(super) fn read<'n>(
    r: &mut Reader<'_>,
    s: &Setting<'n, 'n>,
    root: Node<'n, 'n>,
    sections: &[Node<'n, 'n>],
    documents: &'n Documents<'n, 'n>,
) -> Result<Vec<RawBody<'n, 'n>>, ModelError> {
    let mut walk = Walk { s, documents, raw: vec![empty(root, "world".to_owned())] };
    for section in sections.iter().filter(|n| n.has_tag_name("worldbody")) {
        walk.content(r, *section, 0, None, 0)?;
        // What stands in the world carries no weight.
        let world = &mut walk.raw[0];
        (world.mass, world.com, world.inertia) = (0.0, Vector3::zeros(), Matrix3::zeros());
    }
    Ok(walk.raw)
}

impl<'n> Walk<'_, 'n> {
    /// Shapes, mass and child bodies of the body at `here`.
    fn content(
        &mut self,
        r: &mut Reader<'_>,
        node: Node<'n, 'n>,
        here: usize,
        childclass: Option<&'n str>,
        depth: usize,
    ) -> Result<(), ModelError> {
        if depth > MAX_DEPTH {
            return Err(r.error(node, format!("expected bodies nested at most {MAX_DEPTH} deep")));
        }
        let children = include::children(node, self.documents);
        let mut solids = Vec::new();
        let mut inertial = None;
        for child in &children {
            match child.tag_name().name() {
                "geom" => {
                    let e = self.s.defaults.element(r, *child, childclass)?;
                    let name = format!("{}.{}", self.raw[here].name, self.raw[here].geoms.len());
                    if let Some((geom, solid)) = geoms::read(r, self.s, &e, name)? {
                        self.raw[here].geoms.push(geom);
                        solids.push(solid);
                    }
                }
                "inertial" => inertial = Some(self.inertial(r, *child)?),
                "body" | "joint" | "site" | "camera" | "light" => {}
                tag @ ("freejoint" | "frame" | "replicate" | "composite" | "flexcomp" | "attach") => {
                    return Err(r.error(
                        *child,
                        format!("expected bodies with hinges and slides; <{tag}> is not supported"),
                    ));
                }
                _ => r.unknown_tag(*child)?,
            }
        }
        let from_geoms = self.s.inertia_from_geom.unwrap_or(inertial.is_none());
        let solid = if from_geoms { sum(&solids) } else { inertial.unwrap_or_default() };
        let body = &mut self.raw[here];
        (body.mass, body.com, body.inertia) = (solid.mass, solid.com, solid.inertia);
        for child in children.iter().filter(|c| c.has_tag_name("body")) {
            let class = child.attribute("childclass").or(childclass);
            if let Some(name) = class
                && !self.s.defaults.has(name)
            {
                let what = format!("childclass: expected a default class of this file, got {name:?}");
                return Err(r.error(*child, what));
            }
            let at = self.body(r, *child, here, class)?;
            self.content(r, *child, at, class, depth + 1)?;
        }
        Ok(())
    }

    /// Puts a body and its joints into the list; returns its place.
    fn body(
        &mut self,
        r: &mut Reader<'_>,
        node: Node<'n, 'n>,
        parent: usize,
        childclass: Option<&'n str>,
    ) -> Result<usize, ModelError> {
        r.check_bodies(node, self.raw.len())?;
        let name =
            node.attribute("name").map_or_else(|| format!("body{}", self.raw.len()), ToOwned::to_owned);
        let plain = self.s.defaults.element(r, node, None)?;
        let mut x = pose(r, &self.s.angles, &plain)?;
        let mut parent = parent;
        let joints: Vec<Node<'n, 'n>> =
            include::children(node, self.documents).into_iter().filter(|c| c.has_tag_name("joint")).collect();
        for (i, child) in joints.iter().enumerate() {
            let e = self.s.defaults.element(r, *child, childclass)?;
            let joint = self.joint(r, &e, &name)?;
            let anchor = match e.attribute("pos") {
                Some(text) => Translation3::from(Vector3::from(r.array::<3>(*child, "pos", text)?)),
                None => Translation3::identity(),
            };
            // At its reference position the joint leaves the body where the file put it.
            let start = joint_motion(joint.kind, &joint.axis, -joint.reference);
            // A body has one joint, through its origin; others hang on bodies in between.
            let last = i + 1 == joints.len() && anchor.vector == Vector3::zeros();
            let mut body = empty(node, if last { name.clone() } else { format!("{name}/{}", joint.name) });
            body.parent = Some(parent);
            body.pose = x * anchor * start;
            body.joint = Some(joint);
            body.is_between_joints = !last;
            parent = self.raw.len();
            r.check_bodies(*child, parent)?;
            self.raw.push(body);
            if last {
                return Ok(parent);
            }
            x = Isometry3::from_parts(anchor.inverse(), nalgebra::UnitQuaternion::identity());
        }
        let mut body = empty(node, name);
        body.parent = Some(parent);
        body.pose = x;
        self.raw.push(body);
        Ok(self.raw.len() - 1)
    }

    fn joint(
        &self,
        r: &mut Reader<'_>,
        e: &Element<'_, 'n, 'n>,
        body: &str,
    ) -> Result<RawJoint<'n, 'n>, ModelError> {
        let node = e.node;
        let number = |r: &Reader<'_>, key: &str| {
            e.attribute(key).map_or(Ok(0.0), |t| r.array::<1>(node, key, t).map(|[v]| v))
        };
        let (kind, unit) = match e.attribute("type").unwrap_or("hinge") {
            "hinge" => (JointKind::Revolute, self.s.angles.factor),
            "slide" => (JointKind::Prismatic, 1.0),
            other => return Err(r.error(node, format!("type: expected hinge or slide, got {other:?}"))),
        };
        let axis = match e.attribute("axis") {
            Some(text) => Vector3::from(r.array::<3>(node, "axis", text)?),
            None => Vector3::z(),
        };
        let axis = Unit::try_new(axis, 1e-9)
            .ok_or_else(|| r.error(node, "axis: expected a direction, got zeros"))?;
        let range = e.attribute("range").map(|t| r.array::<2>(node, "range", t)).transpose()?;
        let limited = match e.attribute("limited") {
            Some("true") => true,
            Some("false") => false,
            _ => self.s.autolimits && range.is_some_and(|v| v != [0.0, 0.0]),
        };
        let (kind, [lower, upper]) = match (limited, range, kind) {
            (true, Some(v), _) => (kind, v.map(|v| v * unit)),
            (false, _, JointKind::Revolute) => (JointKind::Continuous, [-TAU, TAU]),
            _ => return Err(r.error(node, "expected a range, the limits of this joint")),
        };
        if lower >= upper {
            return Err(r.error(node, format!("range: expected lower < upper, got {lower} and {upper}")));
        }
        for key in ["stiffness", "frictionloss", "gravcomp"] {
            if number(r, key)? != 0.0 {
                r.pass_over(node, format!("joint {key} is passed over"))?;
            }
        }
        let (damping, armature) = (number(r, "damping")?, number(r, "armature")?);
        if damping < 0.0 || armature < 0.0 {
            return Err(r.error(node, "expected damping and armature of zero or more"));
        }
        let torque = match e.attribute("actuatorfrcrange") {
            Some(text) => Some(r.array::<2>(node, "actuatorfrcrange", text)?),
            None => None,
        };
        Ok(RawJoint {
            node,
            name: node.attribute("name").map_or_else(|| format!("{body}.joint"), ToOwned::to_owned),
            kind,
            axis,
            lower,
            upper,
            velocity: None,
            torque: torque.map(|[lowest, highest]| highest.min(-lowest)),
            damping,
            armature,
            reference: unit * number(r, "ref")?,
            mimic: None,
        })
    }

    fn inertial(&self, r: &mut Reader<'_>, node: Node<'n, 'n>) -> Result<Solid, ModelError> {
        let e = self.s.defaults.element(r, node, None)?;
        let mass = r.number(node, "mass")?.ok_or_else(|| r.error(node, "expected a mass, kg"))?;
        let at = pose(r, &self.s.angles, &e)?;
        let inertia = match (node.attribute("diaginertia"), node.attribute("fullinertia")) {
            (Some(text), None) => {
                Matrix3::from_diagonal(&Vector3::from(r.array::<3>(node, "diaginertia", text)?))
            }
            (None, Some(text)) => {
                if rotation(r, &self.s.angles, &e)?.is_some() {
                    return Err(r.error(node, "expected fullinertia without a rotation"));
                }
                let [xx, yy, zz, xy, xz, yz] = r.array::<6>(node, "fullinertia", text)?;
                Matrix3::new(xx, xy, xz, xy, yy, yz, xz, yz, zz)
            }
            _ => return Err(r.error(node, "expected diaginertia or fullinertia, kg·m²")),
        };
        let turn = at.rotation.to_rotation_matrix();
        Ok(Solid {
            mass,
            com: at.translation.vector,
            inertia: turn.matrix() * inertia * turn.matrix().transpose(),
        })
    }
}

/// Several solids as one.
fn sum(solids: &[Solid]) -> Solid {
    let mass: f64 = solids.iter().map(|s| s.mass).sum();
    if mass <= 0.0 {
        return Solid::default();
    }
    let com = solids.iter().map(|s| s.com * s.mass).sum::<Vector3<f64>>() / mass;
    let inertia = solids
        .iter()
        .map(|s| {
            let d = s.com - com;
            s.inertia + (Matrix3::identity() * d.norm_squared() - d * d.transpose()) * s.mass
        })
        .sum();
    Solid { mass, com, inertia }
}
