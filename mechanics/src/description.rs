//! An arm as URDF, whatever file it came from: for programs of others that ask for a robot description.

use crate::model::{Body, Geom, GeomShape, Joint, JointKind, Model};
use core::fmt::Write as _;
use nalgebra::{Isometry3, Matrix3, Point3, Vector3};

/// The link that the arm stands on, unless the arm itself has one of that name.
const WORLD: &str = "world";

/// The arm as URDF, with its base in a link `world`; `world_from_base` is where the file's world is in ours. What URDF has
/// no word for is put nearest to it: a capsule is a cylinder and two balls, a hull the box around it, which is larger; the
/// inertia of rotors is left out.
#[must_use]
pub fn urdf(model: &Model, world_from_base: &Isometry3<f64>) -> String {
    let mut out = String::new();
    // Writing into a text cannot fail.
    let _ = write_robot(&mut out, model, world_from_base);
    out
}

/// Whether a body is the world itself: the first, if it has that name.
#[must_use]
pub fn is_world(model: &Model, body_idx: usize) -> bool {
    body_idx == 0 && model.bodies[0].name == WORLD
}

fn write_robot(out: &mut String, model: &Model, world_from_base: &Isometry3<f64>) -> core::fmt::Result {
    writeln!(out, "<?xml version=\"1.0\"?>\n<robot name=\"{}\">", Escaped(&model.name))?;
    let mut world = WORLD.to_owned();
    if !is_world(model, 0) {
        // A part of the arm may have that name.
        while model.body_idx(&world).is_some() {
            world.push('_');
        }
        writeln!(out, "  <link name=\"{world}\"/>")?;
    }
    let world_from_root = world_from_base * model.bodies[0].parent_from_body;
    for (b, body) in model.bodies.iter().enumerate() {
        if is_world(model, b) {
            write_link(out, body, &world_from_root)?;
            continue;
        }
        write_link(out, body, &Isometry3::identity())?;
        let (parent, pose) = match body.parent {
            None => (world.as_str(), world_from_root),
            Some(p) if is_world(model, p) => (world.as_str(), world_from_root * body.parent_from_body),
            Some(p) => (model.bodies[p].name.as_str(), body.parent_from_body),
        };
        write_joint(out, model, body, (parent, &pose))?;
    }
    writeln!(out, "</robot>")
}

fn write_link(out: &mut String, body: &Body, link_from_body: &Isometry3<f64>) -> core::fmt::Result {
    writeln!(out, "  <link name=\"{}\">", Escaped(&body.name))?;
    if body.mass > 0.0 {
        let (c, i) = (link_from_body * Point3::from(body.com), turned(&body.inertia, link_from_body));
        writeln!(out, "    <inertial>")?;
        writeln!(out, "      <origin xyz=\"{:?} {:?} {:?}\" rpy=\"0 0 0\"/>", c.x, c.y, c.z)?;
        writeln!(out, "      <mass value=\"{:?}\"/>", body.mass)?;
        let [xx, xy, xz] = [i[(0, 0)], i[(0, 1)], i[(0, 2)]];
        let [yy, yz, zz] = [i[(1, 1)], i[(1, 2)], i[(2, 2)]];
        writeln!(
            out,
            "      <inertia ixx=\"{xx:?}\" ixy=\"{xy:?}\" ixz=\"{xz:?}\" iyy=\"{yy:?}\" iyz=\"{yz:?}\" izz=\"{zz:?}\"/>"
        )?;
        writeln!(out, "    </inertial>")?;
    }
    for geom in &body.geoms {
        for (shape, pose) in simple(geom) {
            for (tag, is_so) in [("visual", geom.visible), ("collision", geom.collides)] {
                if !is_so {
                    continue;
                }
                writeln!(out, "    <{tag}>")?;
                writeln!(out, "      {}", Origin(&(link_from_body * pose)))?;
                writeln!(out, "      <geometry>{shape}</geometry>")?;
                if tag == "visual" {
                    let [r, g, b] = geom.rgb;
                    // Of one name there is one colour in all of a URDF.
                    let name = format!("rgb_{r}_{g}_{b}");
                    let color = format!("<color rgba=\"{r} {g} {b} 1\"/>");
                    writeln!(out, "      <material name=\"{name}\">{color}</material>")?;
                }
                writeln!(out, "    </{tag}>")?;
            }
        }
    }
    writeln!(out, "  </link>")
}

/// Moments about the same point along other axes.
fn turned(inertia: &Matrix3<f64>, link_from_body: &Isometry3<f64>) -> Matrix3<f64> {
    if *link_from_body == Isometry3::identity() {
        return *inertia;
    }
    let r = link_from_body.rotation.to_rotation_matrix();
    r.matrix() * inertia * r.matrix().transpose()
}

fn write_joint(
    out: &mut String,
    model: &Model,
    body: &Body,
    (parent, pose): (&str, &Isometry3<f64>),
) -> core::fmt::Result {
    let joint = body.joint_idx.map(|j| &model.joints[j]);
    let kind = match joint.map(|j| j.kind) {
        None => "fixed",
        Some(JointKind::Revolute) => "revolute",
        Some(JointKind::Continuous) => "continuous",
        Some(JointKind::Prismatic) => "prismatic",
    };
    let mut fixed = format!("{}_fixed", body.name);
    while model.joint_idx(&fixed).is_some() {
        fixed.push('_');
    }
    let name = joint.map_or(fixed.as_str(), |j| j.name.as_str());
    writeln!(out, "  <joint name=\"{}\" type=\"{kind}\">", Escaped(name))?;
    writeln!(
        out,
        "    <parent link=\"{}\"/>\n    <child link=\"{}\"/>",
        Escaped(parent),
        Escaped(&body.name)
    )?;
    writeln!(out, "    {}", Origin(pose))?;
    if let Some(Joint { axis, limits: l, damping, mimic, .. }) = joint {
        writeln!(out, "    <axis xyz=\"{:?} {:?} {:?}\"/>", axis.x, axis.y, axis.z)?;
        let bounds = match kind {
            "continuous" => String::new(),
            _ => format!("lower=\"{:?}\" upper=\"{:?}\" ", l.lower, l.upper),
        };
        writeln!(out, "    <limit {bounds}effort=\"{:?}\" velocity=\"{:?}\"/>", l.torque, l.velocity)?;
        writeln!(out, "    <dynamics damping=\"{damping:?}\" friction=\"0\"/>")?;
        if let Some(m) = mimic {
            let other = Escaped(&model.joints[m.joint_idx].name);
            let (by, offset) = (m.multiplier, m.offset);
            writeln!(out, "    <mimic joint=\"{other}\" multiplier=\"{by:?}\" offset=\"{offset:?}\"/>")?;
        }
    }
    writeln!(out, "  </joint>")
}

/// A shape in URDF's words, one or several, each with where it is in the body.
fn simple(geom: &Geom) -> Vec<(String, Isometry3<f64>)> {
    let pose = geom.body_from_geom;
    let cuboid = |half: &Vector3<f64>| {
        format!("<box size=\"{:?} {:?} {:?}\"/>", 2.0 * half.x, 2.0 * half.y, 2.0 * half.z)
    };
    let sphere = |radius: f64| format!("<sphere radius=\"{radius:?}\"/>");
    let cylinder =
        |radius: f64, half: f64| format!("<cylinder radius=\"{radius:?}\" length=\"{:?}\"/>", 2.0 * half);
    match &geom.shape {
        GeomShape::Sphere { radius } => vec![(sphere(*radius), pose)],
        GeomShape::Cuboid { half } => vec![(cuboid(half), pose)],
        GeomShape::Cylinder { radius, half_length } => vec![(cylinder(*radius, *half_length), pose)],
        GeomShape::Capsule { radius, half_length } => {
            let end = |z: f64| (sphere(*radius), pose * Isometry3::translation(0.0, 0.0, z));
            vec![(cylinder(*radius, *half_length), pose), end(*half_length), end(-half_length)]
        }
        GeomShape::Hull { points, .. } => {
            let start = (Point3::from([f64::INFINITY; 3]), Point3::from([f64::NEG_INFINITY; 3]));
            let (low, high) = points.iter().fold(start, |(low, high), p| (low.inf(p), high.sup(p)));
            let middle = nalgebra::center(&low, &high);
            vec![(cuboid(&(0.5 * (high - low))), pose * Isometry3::from(middle.coords))]
        }
    }
}

/// A name within an attribute.
struct Escaped<'a>(&'a str);

impl core::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '"' => f.write_str("&quot;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A pose as URDF has it: turns about the fixed x, then y, then z.
struct Origin<'a>(&'a Isometry3<f64>);

impl core::fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (t, (r, p, y)) = (self.0.translation.vector, self.0.rotation.euler_angles());
        write!(f, "<origin xyz=\"{:?} {:?} {:?}\" rpy=\"{r:?} {p:?} {y:?}\"/>", t.x, t.y, t.z)
    }
}
