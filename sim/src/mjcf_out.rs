//! Writes arm, table and objects as one MJCF document: what the physics loads, and what anybody can
//! open in MuJoCo.

use crate::objects;
use crate::scene::{ObjectSpec, SceneSpec};
use crate::snapshot::{TABLE_CENTER, TABLE_HALF};
use crate::tree::{Tree, slides};
use core::fmt::Write;
use mechanics::{Arm, Geom, GeomShape, JointKind};
use nalgebra::{Isometry3, Vector3};
use types::Shape;

/// Sliding friction of the fingers.
pub(crate) const FINGER_FRICTION: f64 = 1.2;
/// Sliding friction of objects; of two surfaces the rougher counts, as in MuJoCo.
pub(crate) const OBJECT_FRICTION: f64 = 0.6;
/// Sliding friction of containers, which shall stay where they are.
pub(crate) const CONTAINER_FRICTION: f64 = 0.8;
/// Height of the floor under the table, metres.
const FLOOR_Z: f64 = -0.75;
/// Rotor inertia of a gripper joint whose file says none: as kilograms at the fingertip.
pub(crate) const GRIPPER_ARMATURE_KG: f64 = 0.10;

/// MJCF body of a group of the arm.
pub(crate) fn group_name(i: usize, arm: &Arm, tree: &Tree) -> String {
    format!("robot/{}", arm.model().bodies[tree.groups[i].root].name)
}

/// MJCF body of an object.
pub(crate) fn object_name(o: &ObjectSpec) -> String {
    format!("object/{}", o.name)
}

/// Rotor inertia of a model joint, with what the gripper's drive adds.
pub(crate) fn armature(arm: &Arm, joint: usize) -> f64 {
    let own = arm.model().joints[joint].armature;
    let Some(i) = arm.gripper_joint_idx().iter().position(|j| *j == joint) else { return own };
    let lever = gripper_lever(arm, i);
    own.max(GRIPPER_ARMATURE_KG * lever * lever)
}

/// Change of the width per change of gripper joint `i` alone, m/rad (m/m): also the joint's torque per
/// newton of force at the fingertips (virtual work).
pub(crate) fn gripper_lever(arm: &Arm, i: usize) -> f64 {
    let g = &arm.profile().gripper;
    g.width_m / g.joints.len() as f64 / (g.open[i] - g.closed[i])
}

/// The whole document.
pub(crate) fn write(arm: &Arm, tree: &Tree, scene: &SceneSpec) -> String {
    let mut w = Writer { out: String::new(), hulls: String::new(), n_hulls: 0 };
    let mut bodies = String::new();
    core::mem::swap(&mut w.out, &mut bodies);
    w.table();
    w.group(arm, tree, 0);
    for o in &scene.objects {
        w.object(o);
    }
    core::mem::swap(&mut w.out, &mut bodies);
    w.line(format_args!("<mujoco model=\"sinew\">"));
    w.line(format_args!("  <compiler angle=\"radian\" autolimits=\"true\"/>"));
    w.line(format_args!("  <option timestep=\"0.001\" gravity=\"0 0 -9.81\"/>"));
    if !w.hulls.is_empty() {
        let hulls = core::mem::take(&mut w.hulls);
        w.line(format_args!("  <asset>\n{hulls}  </asset>"));
    }
    w.line(format_args!("  <worldbody>\n    <light pos=\"0.5 0 2\"/>\n{bodies}  </worldbody>"));
    w.couplings(arm, tree);
    w.actuators(arm);
    w.line(format_args!("</mujoco>"));
    w.out
}

struct Writer {
    out: String,
    hulls: String,
    n_hulls: usize,
}

impl Writer {
    fn line(&mut self, args: core::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "{args}");
    }

    fn table(&mut self) {
        let [hx, hy, hz] = TABLE_HALF;
        let [x, y] = TABLE_CENTER;
        self.line(format_args!(
            "    <body name=\"table\"><geom name=\"table\" type=\"box\" size=\"{hx} {hy} {hz}\" \
             pos=\"{x} {y} {}\" friction=\"{OBJECT_FRICTION} 0.005 0.0001\" rgba=\"0.6 0.55 0.5 1\"/></body>",
            -hz
        ));
        self.line(format_args!(
            "    <body name=\"floor\"><geom name=\"floor\" type=\"box\" size=\"5 5 0.1\" pos=\"0 0 {}\"/></body>",
            FLOOR_Z - 0.1
        ));
    }

    fn group(&mut self, arm: &Arm, tree: &Tree, i: usize) {
        let group = &tree.groups[i];
        let name = escape(&group_name(i, arm, tree));
        self.line(format_args!("    <body name=\"{name}\" {}>", placed(&group.parent_from_group)));
        if group.mass > 0.0 {
            let (c, m) = (group.com, &group.inertia);
            self.line(format_args!(
                "    <inertial mass=\"{}\" pos=\"{} {} {}\" fullinertia=\"{} {} {} {} {} {}\"/>",
                group.mass,
                c.x,
                c.y,
                c.z,
                m[(0, 0)],
                m[(1, 1)],
                m[(2, 2)],
                m[(0, 1)],
                m[(0, 2)],
                m[(1, 2)]
            ));
        }
        if let Some(j) = group.joint {
            self.joint(arm, j);
        }
        let grips = is_gripping(arm, tree, i);
        for (b, group_from_body) in &group.members {
            for (k, g) in arm.model().bodies[*b].geoms.iter().enumerate() {
                let friction = if grips { FINGER_FRICTION } else { OBJECT_FRICTION };
                let name = format!("{}/{k}", arm.model().bodies[*b].name);
                self.geom(&name, g, group_from_body, friction);
            }
        }
        for child in 0..tree.groups.len() {
            if tree.groups[child].parent == Some(i) {
                self.group(arm, tree, child);
            }
        }
        self.line(format_args!("    </body>"));
    }

    fn joint(&mut self, arm: &Arm, j: usize) {
        let joint = &arm.model().joints[j];
        let name = escape(&joint.name);
        let kind = if slides(joint.kind) { "slide" } else { "hinge" };
        let a = joint.axis;
        let range = match joint.kind {
            JointKind::Continuous => String::new(),
            _ => {
                let l = arm.arm_joint_idx().iter().position(|k| *k == j).map(|k| arm.limits()[k]);
                let l = l.unwrap_or(joint.limits);
                format!(" range=\"{} {}\"", l.lower, l.upper)
            }
        };
        self.line(format_args!(
            "    <joint name=\"{name}\" type=\"{kind}\" axis=\"{} {} {}\"{range} damping=\"{}\" armature=\"{}\"/>",
            a.x,
            a.y,
            a.z,
            joint.damping,
            armature(arm, j)
        ));
    }

    fn geom(&mut self, name: &str, g: &Geom, group_from_body: &Isometry3<f64>, friction: f64) {
        if !g.collides && !g.visible {
            return;
        }
        let shape = match &g.shape {
            GeomShape::Hull { points, triangles } => self.hull(points, triangles),
            other => primitive(other),
        };
        let bits = if g.collides { "" } else { " contype=\"0\" conaffinity=\"0\"" };
        let [r, green, b] = g.rgb;
        let alpha = if g.visible { 1 } else { 0 };
        let at = placed(&(group_from_body * g.body_from_geom));
        self.line(format_args!(
            "    <geom name=\"{}\" {shape} {at}{bits} mass=\"0\" friction=\"{friction} 0.005 0.0001\" \
             rgba=\"{r} {green} {b} {alpha}\"/>",
            escape(name)
        ));
    }

    /// A mesh asset with its corners in the text; returns the reference to it.
    fn hull(&mut self, points: &[nalgebra::Point3<f64>], triangles: &[[u32; 3]]) -> String {
        let name = format!("hull{}", self.n_hulls);
        self.n_hulls += 1;
        let mut vertex = String::new();
        for p in points {
            let _ = write!(vertex, "{} {} {} ", p.x, p.y, p.z);
        }
        let mut face = String::new();
        for t in triangles {
            let _ = write!(face, "{} {} {} ", t[0], t[1], t[2]);
        }
        let (vertex, face) = (vertex.trim_end(), face.trim_end());
        let _ = writeln!(self.hulls, "    <mesh name=\"{name}\" vertex=\"{vertex}\" face=\"{face}\"/>");
        format!("type=\"mesh\" mesh=\"{name}\"")
    }

    fn object(&mut self, o: &ObjectSpec) {
        self.line(format_args!(
            "    <body name=\"{}\" {}>\n    <freejoint/>",
            escape(&object_name(o)),
            placed(&o.world_from_object())
        ));
        let pieces = objects::pieces(o.shape, o.size);
        let whole: f64 = pieces.iter().map(|p| volume(&p.shape)).sum();
        let [r, g, b] = crate::look::rgb(o.color);
        let friction = if o.shape.is_container() { CONTAINER_FRICTION } else { OBJECT_FRICTION };
        // A ball has rolling friction in MuJoCo; rapier's stand-in is damping of its turning.
        let rolls = if o.shape == Shape::Ball { " condim=\"6\"" } else { "" };
        for (k, piece) in pieces.iter().enumerate() {
            let mass = o.mass_kg() * volume(&piece.shape) / whole;
            self.line(format_args!(
                "    <geom name=\"{}/{k}\" {} {} mass=\"{mass}\"{rolls} friction=\"{friction} 0.005 0.001\" \
                 rgba=\"{r} {g} {b} 1\"/>",
                escape(&object_name(o)),
                primitive(&piece.shape),
                placed(&piece.object_from_piece)
            ));
        }
        self.line(format_args!("    </body>"));
    }

    fn couplings(&mut self, arm: &Arm, tree: &Tree) {
        if tree.couplings.is_empty() {
            return;
        }
        self.line(format_args!("  <equality>"));
        for c in &tree.couplings {
            let name = |j: usize| escape(&arm.model().joints[j].name);
            // MuJoCo: joint1 = polycoef(joint2).
            self.line(format_args!(
                "    <joint joint1=\"{}\" joint2=\"{}\" polycoef=\"{} {} 0 0 0\"/>",
                name(c.follower),
                name(c.leader),
                c.offset,
                c.coeff
            ));
        }
        self.line(format_args!("  </equality>"));
    }

    fn actuators(&mut self, arm: &Arm) {
        self.line(format_args!("  <actuator>"));
        let g = &arm.profile().gripper;
        for (i, &j) in arm.arm_joint_idx().iter().enumerate() {
            self.actuator(arm, j, arm.limits()[i].torque);
        }
        for (i, &j) in arm.gripper_joint_idx().iter().enumerate() {
            self.actuator(arm, j, g.force_n * gripper_lever(arm, i).abs());
        }
        self.line(format_args!("  </actuator>"));
    }

    fn actuator(&mut self, arm: &Arm, j: usize, most: f64) {
        let name = escape(&arm.model().joints[j].name);
        self.line(format_args!(
            "    <motor name=\"motor/{name}\" joint=\"{name}\" ctrlrange=\"-{most} {most}\"/>"
        ));
    }
}

/// Whether a group's surfaces hold things: what the gripper joints move, and what carries the tool.
pub(crate) fn is_gripping(arm: &Arm, tree: &Tree, group: usize) -> bool {
    let moved = |g: usize| tree.groups[g].joint.is_some_and(|j| arm.gripper_joint_idx().contains(&j));
    let mut at = Some(group);
    while let Some(g) = at {
        if moved(g) {
            return true;
        }
        at = tree.groups[g].parent;
    }
    group == tree.group_of_body[arm.tool_body_idx()]
}

/// The groups between which things are held: the fingers, or, with one moving jaw, it and what it
/// closes against.
pub(crate) fn gripper_sides(arm: &Arm, tree: &Tree) -> Vec<usize> {
    let mut sides: Vec<usize> =
        arm.gripper_joint_idx().iter().filter_map(|j| tree.group_of_joint[*j]).collect();
    if sides.len() == 1 {
        sides.push(tree.group_of_body[arm.tool_body_idx()]);
    }
    sides
}

fn primitive(shape: &GeomShape) -> String {
    match shape {
        GeomShape::Sphere { radius } => format!("type=\"sphere\" size=\"{radius}\""),
        GeomShape::Capsule { radius, half_length } => {
            format!("type=\"capsule\" size=\"{radius} {half_length}\"")
        }
        GeomShape::Cylinder { radius, half_length } => {
            format!("type=\"cylinder\" size=\"{radius} {half_length}\"")
        }
        GeomShape::Cuboid { half } => format!("type=\"box\" size=\"{} {} {}\"", half.x, half.y, half.z),
        // Hulls are written as assets before this is asked.
        GeomShape::Hull { .. } => String::new(),
    }
}

fn volume(shape: &GeomShape) -> f64 {
    let pi = core::f64::consts::PI;
    match shape {
        GeomShape::Sphere { radius } => 4.0 / 3.0 * pi * radius * radius * radius,
        GeomShape::Cylinder { radius, half_length } => 2.0 * pi * radius * radius * half_length,
        GeomShape::Cuboid { half } => 8.0 * half.x * half.y * half.z,
        // Objects are made of the three above.
        GeomShape::Capsule { .. } | GeomShape::Hull { .. } => 0.0,
    }
}

fn placed(pose: &Isometry3<f64>) -> String {
    let t: Vector3<f64> = pose.translation.vector;
    let q = pose.rotation;
    format!("pos=\"{} {} {}\" quat=\"{} {} {} {}\"", t.x, t.y, t.z, q.w, q.i, q.j, q.k)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
