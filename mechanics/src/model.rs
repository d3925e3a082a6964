//! The arm as it is built: bodies, joints, shapes. Never changes after it was loaded.

use nalgebra::{Isometry3, Matrix3, Point3, Unit, Vector3};
use types::JointLimits;

/// What a joint does along or about its axis.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum JointKind {
    /// Turns between limits.
    Revolute,
    /// Turns without end.
    Continuous,
    /// Slides.
    Prismatic,
}

/// A joint that follows another: `position = multiplier · other + offset`.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Mimic {
    /// Index of the joint it follows.
    pub joint_idx: usize,
    /// Factor.
    pub multiplier: f64,
    /// Added, rad or m.
    pub offset: f64,
}

/// One movable joint. Its index is its place in every `q`.
#[derive(Clone, Debug, PartialEq)]
pub struct Joint {
    /// Its name in the robot file.
    pub name: String,
    /// What it does.
    pub kind: JointKind,
    /// The body that it moves.
    pub body_idx: usize,
    /// Axis in the moved body's frame.
    pub axis: Unit<Vector3<f64>>,
    /// What it may do. Derivatives that the file does not give are cautious defaults.
    pub limits: JointLimits,
    /// Viscous damping, N·m·s/rad.
    pub damping: f64,
    /// Rotor inertia seen at the joint, kg·m².
    pub armature: f64,
    /// Whether it follows another joint.
    pub mimic: Option<Mimic>,
}

/// A convex or primitive solid, metres; cylinders and capsules lie along z.
#[derive(Clone, Debug, PartialEq)]
pub enum GeomShape {
    /// A ball.
    Sphere {
        /// Radius.
        radius: f64,
    },
    /// A cylinder with half balls at its ends.
    Capsule {
        /// Radius.
        radius: f64,
        /// Half the length between the two ball centres.
        half_length: f64,
    },
    /// A cylinder.
    Cylinder {
        /// Radius.
        radius: f64,
        /// Half its length.
        half_length: f64,
    },
    /// A cuboid.
    Cuboid {
        /// Half its sides.
        half: Vector3<f64>,
    },
    /// The convex hull of a mesh.
    Hull {
        /// Its corners.
        points: Vec<Point3<f64>>,
        /// Its triangles, counter-clockwise from outside.
        triangles: Vec<[u32; 3]>,
    },
}

/// A shape fixed to a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Geom {
    /// Its name, or one made from its body.
    pub name: String,
    /// What it is.
    pub shape: GeomShape,
    /// Where it is in the body.
    pub body_from_geom: Isometry3<f64>,
    /// Whether it takes part in collisions.
    pub collides: bool,
    /// Whether it is drawn.
    pub visible: bool,
    /// Colour, 0 to 1.
    pub rgb: [f32; 3],
}

/// A rigid body of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// Its name in the robot file.
    pub name: String,
    /// Index of its parent; always smaller than its own; `None` for the base.
    pub parent: Option<usize>,
    /// Its pose in the parent when its joint is at zero (in the world frame of the file for the base).
    pub parent_from_body: Isometry3<f64>,
    /// Its joint; `None` when it is fixed to its parent.
    pub joint_idx: Option<usize>,
    /// Mass, kg; zero for a frame without mass.
    pub mass: f64,
    /// Centre of mass in the body, metres.
    pub com: Vector3<f64>,
    /// Inertia about the centre of mass along the body's axes, kg·m².
    pub inertia: Matrix3<f64>,
    /// Its shapes.
    pub geoms: Vec<Geom>,
}

/// A tree of bodies. Bodies are sorted so that a parent comes before its children.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its name in the robot file.
    pub name: String,
    /// The bodies, base first.
    pub bodies: Vec<Body>,
    /// The movable joints; index = place in `q`.
    pub joints: Vec<Joint>,
    /// What the reader passed over, for a person (B17).
    pub warnings: Vec<String>,
}

impl Model {
    /// Index of a body by name.
    #[must_use]
    pub fn body_idx(&self, name: &str) -> Option<usize> {
        self.bodies.iter().position(|b| b.name == name)
    }

    /// Index of a joint by name.
    #[must_use]
    pub fn joint_idx(&self, name: &str) -> Option<usize> {
        self.joints.iter().position(|j| j.name == name)
    }
}

/// Whether these can be principal moments, in rising order: none negative, none above the sum of the
/// others. Files round their numbers: one part in a thousand is forgiven.
pub(crate) fn is_of_a_body(moments: &[f64; 3]) -> bool {
    let largest = moments[2].max(0.0);
    !has_negative(moments) && moments[2] <= moments[0] + moments[1] + 1e-3 * largest
}

/// Whether one of these principal moments, in rising order, is negative beyond rounding.
pub(crate) fn has_negative(moments: &[f64; 3]) -> bool {
    moments[0] < -1e-9 * moments[2].max(0.0) || moments[2] < 0.0
}

/// Principal moments in rising order.
pub(crate) fn principal_moments(inertia: &Matrix3<f64>) -> [f64; 3] {
    let mut m: [f64; 3] = inertia.symmetric_eigenvalues().into();
    m.sort_by(f64::total_cmp);
    m
}
