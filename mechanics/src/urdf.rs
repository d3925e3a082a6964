//! URDF: links and joints by name, tied into a tree.

use crate::error::ModelError;
use crate::model::{Geom, GeomShape, JointKind, Model};
use crate::reader::tree::{RawBody, RawJoint};
use crate::reader::{Reader, child, parse_xml};
use core::f64::consts::TAU;
use nalgebra::{Isometry3, Matrix3, Unit, Vector3};
use roxmltree::Node;
use std::collections::BTreeMap;
use std::path::Path;

/// Tags that other programs put beside ours and that say nothing about the body.
const BESIDE: [&str; 7] =
    ["transmission", "gazebo", "ros2_control", "sensor", "safety_controller", "calibration", "verbose"];
/// Colour of what has none.
const GREY: [f32; 3] = [0.7, 0.7, 0.72];

/// Reads a URDF. `file` names it in errors; meshes are looked up under `mesh_dir` alone (`package://`
/// also in a folder above it that has the package's name), and nowhere when it is `None`. Joints come
/// base first.
///
/// # Errors
/// A [`ModelError`] with the line for everything in B16: malformed or hostile XML, a missing limit,
/// mass or inertia that no body can have, loops, duplicates, mesh paths that lead out of the folder;
/// and, when `strict`, unknown tags (B17) and collision meshes that cannot be read.
pub fn parse(xml: &str, file: &str, mesh_dir: Option<&Path>, strict: bool) -> Result<Model, ModelError> {
    let document = parse_xml(xml, file)?;
    let mut r = Reader::new(mesh_dir, strict);
    r.add_file(xml, file);
    let robot = document.root_element();
    if !robot.has_tag_name("robot") {
        let what = format!("expected a URDF's <robot>, got <{}>", robot.tag_name().name());
        return Err(r.error(robot, what));
    }
    let mut colors = BTreeMap::new();
    let (mut links, mut joints) = (Vec::new(), Vec::new());
    for node in robot.children().filter(Node::is_element) {
        match node.tag_name().name() {
            "link" => links.push(node),
            "joint" => joints.push(node),
            "material" => {
                if let (Some(name), Some(rgb)) = (node.attribute("name"), color(&r, node)?) {
                    colors.insert(name, rgb);
                }
            }
            tag if BESIDE.contains(&tag) => {}
            _ => r.unknown_tag(node)?,
        }
    }
    r.check_bodies(robot, links.len())?;
    let order = tree_order(&r, robot, &links, &joints)?;
    let mut raw = Vec::with_capacity(order.len());
    for (link_idx, parent, joint) in order {
        let link = links[link_idx];
        let mut body = read_link(&mut r, link, &colors)?;
        body.parent = parent;
        if let Some(joint) = joint {
            body.pose = r.origin(joint)?;
            body.joint = read_joint(&mut r, joint)?;
        }
        raw.push(body);
    }
    r.finish(robot.attribute("name").unwrap_or("robot"), raw)
}

/// One place in the tree: the link, the place of its parent, the joint between them.
type Place<'n, 'i> = (usize, Option<usize>, Option<Node<'n, 'i>>);

/// The links from the root outwards, depth first, children in the order of their joints.
fn tree_order<'n, 'i>(
    r: &Reader<'_>,
    robot: Node<'n, 'i>,
    links: &[Node<'n, 'i>],
    joints: &[Node<'n, 'i>],
) -> Result<Vec<Place<'n, 'i>>, ModelError> {
    let mut link_of_name = BTreeMap::new();
    for (i, link) in links.iter().enumerate() {
        let name = r.text(*link, "name")?;
        if link_of_name.insert(name, i).is_some() {
            return Err(r.error(*link, format!("expected each link once, got {name:?} twice")));
        }
    }
    let find = |joint: Node<'n, 'i>, tag: &str| -> Result<usize, ModelError> {
        let end = r.child(joint, tag)?;
        let name = r.text(end, "link")?;
        link_of_name.get(name).copied().ok_or_else(|| {
            r.error(end, format!("expected <{tag}> to name a link of this file, got {name:?}"))
        })
    };
    let mut joint_names = BTreeMap::new();
    let mut children: Vec<Vec<(usize, Node<'n, 'i>)>> = vec![Vec::new(); links.len()];
    let mut has_parent = vec![false; links.len()];
    for joint in joints {
        let name = r.text(*joint, "name")?;
        if joint_names.insert(name, ()).is_some() {
            return Err(r.error(*joint, format!("expected each joint once, got {name:?} twice")));
        }
        let (parent, child) = (find(*joint, "parent")?, find(*joint, "child")?);
        if has_parent[child] || parent == child {
            let what = format!("joint {name:?} closes a loop: its child link already has a parent");
            return Err(r.error(*joint, what));
        }
        has_parent[child] = true;
        children[parent].push((child, *joint));
    }
    let mut roots = (0..links.len()).filter(|i| !has_parent[*i]);
    let root = match (roots.next(), roots.next()) {
        (Some(root), None) => root,
        (Some(_), Some(other)) => {
            return Err(r.error(links[other], "expected one link without a parent joint, got a second one"));
        }
        (None, _) => {
            return Err(r.error(robot, "expected one link without a parent joint; the joints form a loop"));
        }
    };
    let mut order: Vec<Place<'n, 'i>> = Vec::with_capacity(links.len());
    let mut stack: Vec<Place<'n, 'i>> = vec![(root, None, None)];
    while let Some(place) = stack.pop() {
        let here = order.len();
        for (child, joint) in children[place.0].iter().rev() {
            stack.push((*child, Some(here), Some(*joint)));
        }
        order.push(place);
    }
    if order.len() < links.len() {
        let mut is_lost = vec![true; links.len()];
        order.iter().for_each(|place| is_lost[place.0] = false);
        let lost = is_lost.iter().position(|lost| *lost).unwrap_or(root);
        return Err(r.error(links[lost], "this link hangs in a loop of joints, not on the base"));
    }
    Ok(order)
}

fn read_link<'n, 'i>(
    r: &mut Reader<'_>,
    link: Node<'n, 'i>,
    colors: &BTreeMap<&str, [f32; 3]>,
) -> Result<RawBody<'n, 'i>, ModelError> {
    let name = r.text(link, "name")?.to_owned();
    let mut body = RawBody {
        node: link,
        name,
        parent: None,
        pose: Isometry3::identity(),
        joint: None,
        mass: 0.0,
        com: Vector3::zeros(),
        inertia: Matrix3::zeros(),
        geoms: Vec::new(),
        is_between_joints: false,
    };
    for node in link.children().filter(Node::is_element) {
        match node.tag_name().name() {
            "inertial" => {
                // Errors about the mass point at the inertial, not at the link.
                body.node = node;
                let pose = r.origin(node)?;
                let mass = r.child(node, "mass")?;
                body.mass = r.number(mass, "value")?.ok_or_else(|| r.error(mass, "expected a value, kg"))?;
                let i = r.child(node, "inertia")?;
                let get = |key: &str| r.number(i, key).map(Option::unwrap_or_default);
                let (xy, xz, yz) = (get("ixy")?, get("ixz")?, get("iyz")?);
                let about_com = Matrix3::new(get("ixx")?, xy, xz, xy, get("iyy")?, yz, xz, yz, get("izz")?);
                let turn = pose.rotation.to_rotation_matrix();
                body.com = pose.translation.vector;
                body.inertia = turn.matrix() * about_com * turn.matrix().transpose();
            }
            "visual" | "collision" => {
                if let Some(geom) = read_geom(r, node, &body, colors)? {
                    body.geoms.push(geom);
                }
            }
            tag if BESIDE.contains(&tag) => {}
            _ => r.unknown_tag(node)?,
        }
    }
    Ok(body)
}

fn read_geom(
    r: &mut Reader<'_>,
    node: Node<'_, '_>,
    body: &RawBody<'_, '_>,
    colors: &BTreeMap<&str, [f32; 3]>,
) -> Result<Option<Geom>, ModelError> {
    let collides = node.has_tag_name("collision");
    let geometry = r.child(node, "geometry")?;
    let Some(shape) = geometry.children().find(Node::is_element) else {
        return Err(r.error(geometry, "expected a box, cylinder, capsule, sphere or mesh"));
    };
    let size = |key: &str| -> Result<f64, ModelError> {
        let v = r.number(shape, key)?.ok_or_else(|| r.error(shape, format!("expected {key}, metres")))?;
        r.positive(shape, key, v)
    };
    let shape = match shape.tag_name().name() {
        "box" => {
            let full = r
                .vector(shape, "size")?
                .ok_or_else(|| r.error(shape, "expected size, three lengths in metres"))?;
            for v in full.iter() {
                r.positive(shape, "size", *v)?;
            }
            GeomShape::Cuboid { half: full * 0.5 }
        }
        "cylinder" => GeomShape::Cylinder { radius: size("radius")?, half_length: 0.5 * size("length")? },
        "capsule" => GeomShape::Capsule { radius: size("radius")?, half_length: 0.5 * size("length")? },
        "sphere" => GeomShape::Sphere { radius: size("radius")? },
        "mesh" => {
            let name = r.text(shape, "filename")?;
            let scale = r.vector(shape, "scale")?.unwrap_or_else(|| Vector3::repeat(1.0));
            let found = r.find_mesh(shape, "", name)?;
            let hull = match found {
                Some(path) => r.hull_of_file(shape, &path, &scale)?,
                None => Err("no such file under the robot's folder".to_owned()),
            };
            match hull {
                Ok(hull) => hull,
                Err(why) => {
                    let what = format!("mesh {name:?} is passed over: {why}");
                    if collides {
                        r.pass_over(shape, what)?
                    } else {
                        r.warn(shape, what)
                    }
                    return Ok(None);
                }
            }
        }
        _ => {
            r.unknown_tag(shape)?;
            return Ok(None);
        }
    };
    let rgb = match child(node, "material") {
        Some(m) => match color(r, m)? {
            Some(rgb) => rgb,
            None => m.attribute("name").and_then(|n| colors.get(n)).copied().unwrap_or(GREY),
        },
        None => GREY,
    };
    let name = node
        .attribute("name")
        .map_or_else(|| format!("{}.{}", body.name, body.geoms.len()), ToOwned::to_owned);
    Ok(Some(Geom { name, shape, body_from_geom: r.origin(node)?, collides, visible: !collides, rgb }))
}

fn color(r: &Reader<'_>, material: Node<'_, '_>) -> Result<Option<[f32; 3]>, ModelError> {
    let Some(node) = child(material, "color") else { return Ok(None) };
    let [red, green, blue, _] = r.array::<4>(node, "rgba", r.text(node, "rgba")?)?;
    Ok(Some([red, green, blue].map(|v| v.clamp(0.0, 1.0) as f32)))
}

/// The joint of a `<joint>`; `None` when it is fixed.
fn read_joint<'n, 'i>(
    r: &mut Reader<'_>,
    node: Node<'n, 'i>,
) -> Result<Option<RawJoint<'n, 'i>>, ModelError> {
    let kind = match r.text(node, "type")? {
        "revolute" => JointKind::Revolute,
        "continuous" => JointKind::Continuous,
        "prismatic" => JointKind::Prismatic,
        "fixed" => return Ok(None),
        other => {
            let what = format!("type: expected revolute, continuous, prismatic or fixed, got {other:?}");
            return Err(r.error(node, what));
        }
    };
    for tag in node.children().filter(Node::is_element) {
        let known = ["origin", "parent", "child", "axis", "limit", "dynamics", "mimic"];
        let name = tag.tag_name().name();
        if !known.contains(&name) && !BESIDE.contains(&name) {
            r.unknown_tag(tag)?;
        }
    }
    let axis = match child(node, "axis") {
        Some(a) => r.vector(a, "xyz")?.unwrap_or_else(Vector3::x),
        None => Vector3::x(),
    };
    let axis =
        Unit::try_new(axis, 1e-9).ok_or_else(|| r.error(node, "axis: expected a direction, got zeros"))?;
    let limit = child(node, "limit");
    let bound = |key: &str| match limit {
        Some(l) => r.number(l, key),
        None => Ok(None),
    };
    let (lower, upper) = match (kind, limit) {
        // Cables end sooner than a joint that turns without end.
        (JointKind::Continuous, _) => (-TAU, TAU),
        (_, None) => {
            let what = "expected <limit lower upper effort velocity> in a joint that is not continuous";
            return Err(r.error(node, what));
        }
        (_, Some(l)) => {
            let missing = |key: &str| r.error(l, format!("expected a limit {key}"));
            let lower = bound("lower")?.ok_or_else(|| missing("lower"))?;
            let upper = bound("upper")?.ok_or_else(|| missing("upper"))?;
            if lower >= upper {
                return Err(r.error(l, format!("expected lower < upper, got {lower} and {upper}")));
            }
            (lower, upper)
        }
    };
    let (velocity, torque) = (bound("velocity")?, bound("effort")?);
    for (key, v) in [("velocity", velocity), ("effort", torque)] {
        if v.is_none_or(|v| v <= 0.0) {
            r.pass_over(
                limit.unwrap_or(node),
                format!("no {key} limit above zero; a cautious one is taken"),
            )?;
        }
    }
    let dynamics = child(node, "dynamics");
    let damping = match dynamics {
        Some(d) => r.number(d, "damping")?.unwrap_or(0.0),
        None => 0.0,
    };
    if damping < 0.0 {
        return Err(
            r.error(dynamics.unwrap_or(node), format!("damping: expected zero or more, got {damping}"))
        );
    }
    let mimic = match child(node, "mimic") {
        Some(m) => Some((
            r.text(m, "joint")?.to_owned(),
            r.number(m, "multiplier")?.unwrap_or(1.0),
            r.number(m, "offset")?.unwrap_or(0.0),
        )),
        None => None,
    };
    let name = r.text(node, "name")?.to_owned();
    Ok(Some(RawJoint {
        node,
        name,
        kind,
        axis,
        lower,
        upper,
        velocity,
        torque,
        damping,
        armature: 0.0,
        reference: 0.0,
        mimic,
    }))
}
