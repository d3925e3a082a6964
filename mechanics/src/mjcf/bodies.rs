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
use nalgebra::{Isometry3, Matrix3, Point3, Translation3, Unit, Vector3};
use roxmltree::Node;

/// Everything that stays the same while the tree is walked.
struct Walk<'w, 'n> {
    s: &'w Setting<'n, 'n>,
    documents: &'n Documents<'n, 'n>,
    raw: Vec<RawBody<'n, 'n>>,
}

/// What stands in a body: itself, where the frames around it put it, and the class that its parts have by default.
struct Part<'n> {
    node: Node<'n, 'n>,
    body_from_frame: Isometry3<f64>,
    class: Option<&'n str>,
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
        let parts = self.parts(r, node, childclass)?;
        let mut solids = Vec::new();
        let mut inertial = None;
        for part in &parts {
            match part.node.tag_name().name() {
                "geom" => {
                    let e = self.s.defaults.element(r, part.node, part.class)?;
                    let name = format!("{}.{}", self.raw[here].name, self.raw[here].geoms.len());
                    if let Some((geom, solid)) = geoms::read(r, self.s, &e, &part.body_from_frame, name)? {
                        self.raw[here].geoms.push(geom);
                        solids.push(solid);
                    }
                }
                "inertial" => inertial = Some(self.inertial(r, part)?),
                "body" | "joint" | "site" | "camera" | "light" => {}
                tag @ ("freejoint" | "replicate" | "composite" | "flexcomp" | "attach") => {
                    return Err(r.error(
                        part.node,
                        format!("expected bodies with hinges and slides; <{tag}> is not supported"),
                    ));
                }
                _ => r.unknown_tag(part.node)?,
            }
        }
        let from_geoms = self.s.inertia_from_geom.unwrap_or(inertial.is_none());
        let solid = if from_geoms { sum(&solids) } else { inertial.unwrap_or_default() };
        let body = &mut self.raw[here];
        (body.mass, body.com, body.inertia) = (solid.mass, solid.com, solid.inertia);
        for part in parts.iter().filter(|part| part.node.has_tag_name("body")) {
            let class = self.class(r, part.node, part.class)?;
            let at = self.body(r, &Part { class, ..*part }, here)?;
            self.content(r, part.node, at, class, depth + 1)?;
        }
        Ok(())
    }

    /// The class that the parts of a body, or in a frame, have by default.
    fn class(
        &self,
        r: &mut Reader<'_>,
        node: Node<'n, 'n>,
        around: Option<&'n str>,
    ) -> Result<Option<&'n str>, ModelError> {
        let class = node.attribute("childclass").or(around);
        match class {
            Some(name) if !self.s.defaults.has(name) => {
                let what = format!("childclass: expected a default class of this file, got {name:?}");
                Err(r.error(node, what))
            }
            _ => Ok(class),
        }
    }

    /// Everything that stands in a body, also within frames: those place what is in them, and are gone.
    fn parts(
        &self,
        r: &mut Reader<'_>,
        body: Node<'n, 'n>,
        class: Option<&'n str>,
    ) -> Result<Vec<Part<'n>>, ModelError> {
        let mut parts = Vec::new();
        let whole = Part { node: body, body_from_frame: Isometry3::identity(), class };
        self.collect(r, &whole, 0, &mut parts)?;
        Ok(parts)
    }

    fn collect(
        &self,
        r: &mut Reader<'_>,
        around: &Part<'n>,
        depth: usize,
        parts: &mut Vec<Part<'n>>,
    ) -> Result<(), ModelError> {
        if depth > MAX_DEPTH {
            return Err(r.error(around.node, format!("expected frames nested at most {MAX_DEPTH} deep")));
        }
        for node in include::children(around.node, self.documents) {
            if !node.has_tag_name("frame") {
                parts.push(Part { node, ..*around });
                continue;
            }
            let e = self.s.defaults.element(r, node, None)?;
            let body_from_frame = around.body_from_frame * pose(r, &self.s.angles, &e)?;
            let class = self.class(r, node, around.class)?;
            self.collect(r, &Part { node, body_from_frame, class }, depth + 1, parts)?;
        }
        Ok(())
    }

    /// Puts a body and its joints into the list; returns its place.
    fn body(&mut self, r: &mut Reader<'_>, part: &Part<'n>, parent: usize) -> Result<usize, ModelError> {
        let node = part.node;
        r.check_bodies(node, self.raw.len())?;
        let name =
            node.attribute("name").map_or_else(|| format!("body{}", self.raw.len()), ToOwned::to_owned);
        let plain = self.s.defaults.element(r, node, None)?;
        let mut x = part.body_from_frame * pose(r, &self.s.angles, &plain)?;
        let mut parent = parent;
        let parts = self.parts(r, node, part.class)?;
        let joints: Vec<&Part<'n>> = parts.iter().filter(|c| c.node.has_tag_name("joint")).collect();
        for (i, child) in joints.iter().enumerate() {
            let e = self.s.defaults.element(r, child.node, child.class)?;
            let mut joint = self.joint(r, &e, &name)?;
            joint.axis = child.body_from_frame.rotation * joint.axis;
            let at = match e.attribute("pos") {
                Some(text) => Point3::from(r.array::<3>(child.node, "pos", text)?),
                None => Point3::origin(),
            };
            let anchor = Translation3::from((child.body_from_frame * at).coords);
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
            r.check_bodies(child.node, parent)?;
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

    fn inertial(&self, r: &mut Reader<'_>, part: &Part<'n>) -> Result<Solid, ModelError> {
        let node = part.node;
        let e = self.s.defaults.element(r, node, None)?;
        let mass = r.number(node, "mass")?.ok_or_else(|| r.error(node, "expected a mass, kg"))?;
        let at = part.body_from_frame * pose(r, &self.s.angles, &e)?;
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
