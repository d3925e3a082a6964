//! A model made ready to compute with: what is fixed to one another is one link, and every joint turns
//! about (or slides along) its link's own z.

use crate::model::{JointKind, Model};
use nalgebra::{Isometry3, Matrix3, Point3, Rotation3, UnitQuaternion, Vector3};

/// Three numbers and an empty fourth: what a processor adds and multiplies at once.
#[derive(Copy, Clone, Debug, Default)]
#[repr(align(32))]
pub(crate) struct Lanes(pub(crate) [f64; 4]);

impl Lanes {
    #[inline(always)]
    pub(crate) fn of(v: &Vector3<f64>) -> Self {
        Self([v.x, v.y, v.z, 0.0])
    }

    #[inline(always)]
    pub(crate) fn vector(&self) -> Vector3<f64> {
        Vector3::new(self.0[0], self.0[1], self.0[2])
    }

    #[inline(always)]
    pub(crate) fn times(&self, factor: f64) -> Self {
        Self(self.0.map(|v| v * factor))
    }

    #[inline(always)]
    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self(core::array::from_fn(|i| self.0[i] + other.0[i]))
    }

    #[inline(always)]
    pub(crate) fn minus(&self, other: &Self) -> Self {
        Self(core::array::from_fn(|i| self.0[i] - other.0[i]))
    }

    #[inline(always)]
    pub(crate) fn cross(&self, other: &Self) -> Self {
        let (a, b) = (&self.0, &other.0);
        let next = [a[1] * b[2], a[2] * b[0], a[0] * b[1], a[3] * b[3]];
        let last = [a[2] * b[1], a[0] * b[2], a[1] * b[0], a[3] * b[3]];
        Self(next).minus(&Self(last))
    }

    /// The sum of the products.
    #[inline(always)]
    pub(crate) fn along(&self, other: &Self) -> f64 {
        self.0[0] * other.0[0] + self.0[1] * other.0[1] + self.0[2] * other.0[2]
    }

    #[inline(always)]
    fn dot(&self, v: &Vector3<f64>) -> f64 {
        self.0[0] * v.x + self.0[1] * v.y + self.0[2] * v.z
    }
}

/// A pose as it is multiplied fastest: the axes of the one frame, and its origin, in the other.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Pose {
    pub(crate) x: Lanes,
    pub(crate) y: Lanes,
    pub(crate) z: Lanes,
    pub(crate) at: Lanes,
}

impl Default for Pose {
    fn default() -> Self {
        Self::new(&Matrix3::identity(), &Vector3::zeros())
    }
}

impl Pose {
    fn new(turn: &Matrix3<f64>, at: &Vector3<f64>) -> Self {
        let [x, y, z] = [0, 1, 2].map(|i| Lanes::of(&turn.column(i).into()));
        Self { x, y, z, at: Lanes::of(at) }
    }

    pub(crate) fn of(pose: &Isometry3<f64>) -> Self {
        Self::new(pose.rotation.to_rotation_matrix().matrix(), &pose.translation.vector)
    }

    #[inline(always)]
    fn lanes(&self, v: &Lanes) -> Lanes {
        self.x.times(v.0[0]).plus(&self.y.times(v.0[1])).plus(&self.z.times(v.0[2]))
    }

    #[inline(always)]
    pub(crate) fn then(&self, next: &Self) -> Self {
        Self {
            x: self.lanes(&next.x),
            y: self.lanes(&next.y),
            z: self.lanes(&next.z),
            at: self.lanes(&next.at).plus(&self.at),
        }
    }

    /// Turned about its own z.
    #[inline(always)]
    pub(crate) fn turned(&self, sin: f64, cos: f64) -> Self {
        Self {
            x: self.x.times(cos).plus(&self.y.times(sin)),
            y: self.y.times(cos).minus(&self.x.times(sin)),
            z: self.z,
            at: self.at,
        }
    }

    /// Moved along its own z.
    #[inline(always)]
    pub(crate) fn slid(&self, by: f64) -> Self {
        Self { at: self.at.plus(&self.z.times(by)), ..*self }
    }

    /// A vector along the inner frame's axes, along the outer one's.
    #[inline(always)]
    pub(crate) fn out(&self, v: &Vector3<f64>) -> Vector3<f64> {
        self.lanes(&Lanes([v.x, v.y, v.z, 0.0])).vector()
    }

    /// A point of the inner frame, in the outer one.
    #[inline(always)]
    pub(crate) fn point(&self, v: &Point3<f64>) -> Point3<f64> {
        self.lanes(&Lanes::of(&v.coords)).plus(&self.at).vector().into()
    }

    /// A vector along the outer frame's axes, along the inner one's.
    #[inline(always)]
    pub(crate) fn back(&self, v: &Vector3<f64>) -> Vector3<f64> {
        Vector3::new(self.x.dot(v), self.y.dot(v), self.z.dot(v))
    }

    /// The inner frame's axes as columns.
    #[inline(always)]
    pub(crate) fn turn(&self) -> Matrix3<f64> {
        Matrix3::from_columns(&[self.x.vector(), self.y.vector(), self.z.vector()])
    }

    pub(crate) fn isometry(&self) -> Isometry3<f64> {
        let turn = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(self.turn()));
        Isometry3::from_parts(self.at.vector().into(), turn)
    }
}

/// Mass, first moment (kg·m) and rotational inertia (kg·m²) about the link's origin, along its axes.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Inertia {
    pub(crate) mass: f64,
    pub(crate) first: Vector3<f64>,
    pub(crate) second: Matrix3<f64>,
}

impl Inertia {
    /// Of a body that stands so in the link.
    fn of_body(link_from_body: &Pose, mass: f64, com: &Vector3<f64>, about_com: &Matrix3<f64>) -> Self {
        let c = link_from_body.out(com) + link_from_body.at.vector();
        let turn = link_from_body.turn();
        let turned = turn * about_com * turn.transpose();
        let shift = Matrix3::identity() * c.norm_squared() - c * c.transpose();
        Self { mass, first: c * mass, second: turned + shift * mass }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.mass += other.mass;
        self.first += other.first;
        self.second += other.second;
    }
}

/// Something rigid that a body carries, along the body's axes.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Payload {
    /// Mass, kg.
    pub mass: f64,
    /// Centre of mass in the body, metres.
    pub com: Vector3<f64>,
    /// Inertia about the centre of mass, kg·m²; zeros for a point mass.
    pub inertia: Matrix3<f64>,
}

/// What one joint carries.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// The link it hangs on, always a lower index; `None`: the base.
    pub(crate) parent: Option<usize>,
    /// Index of its joint.
    pub(crate) joint: usize,
    /// Whether the joint slides.
    pub(crate) slides: bool,
    /// Where it is in its parent when its joint is at zero.
    pub(crate) place: Pose,
    /// Its own, and with what it carries.
    bare: Inertia,
    pub(crate) inertia: Inertia,
    /// Viscous damping of its joint, N·m·s/rad.
    pub(crate) damping: f64,
    /// Rotor inertia of its joint, kg·m².
    pub(crate) armature: f64,
}

/// All links of a model, and where each body is in its link.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    pub(crate) all: Vec<Link>,
    /// By body: its link (`None`: it does not move) and where it is in it (or in the base).
    pub(crate) bodies: Vec<(Option<usize>, Pose)>,
}

impl Link {
    /// Where it is in its parent.
    #[inline(always)]
    pub(crate) fn place_at(&self, q: f64, sin: f64, cos: f64) -> Pose {
        if self.slides { self.place.slid(q) } else { self.place.turned(sin, cos) }
    }
}

impl Links {
    pub(crate) fn new(model: &Model) -> Self {
        let mut links = Self { all: Vec::new(), bodies: Vec::with_capacity(model.bodies.len()) };
        for body in &model.bodies {
            let (parent, link_from_parent) = match body.parent {
                Some(p) => links.bodies[p],
                None => (None, Pose::default()),
            };
            let place = link_from_parent.then(&Pose::of(&body.parent_from_body));
            let standing = match body.joint_idx {
                None => (parent, place),
                Some(joint) => {
                    let j = &model.joints[joint];
                    let align = z_onto(&j.axis);
                    links.all.push(Link {
                        parent,
                        joint,
                        slides: j.kind == JointKind::Prismatic,
                        place: place.then(&Pose::new(&align, &Vector3::zeros())),
                        bare: Inertia::default(),
                        inertia: Inertia::default(),
                        damping: j.damping,
                        armature: j.armature,
                    });
                    (Some(links.all.len() - 1), Pose::new(&align.transpose(), &Vector3::zeros()))
                }
            };
            // Frames without mass cost nothing; some files give them an inertia all the same.
            if let Some(link) = standing.0 {
                let own = Inertia::of_body(&standing.1, body.mass, &body.com, &body.inertia);
                links.all[link].bare.add(&own);
            }
            links.bodies.push(standing);
        }
        links.all.iter_mut().for_each(|l| l.inertia = l.bare);
        links
    }

    /// Puts something into the hand: see [`crate::Data::set_payload`].
    pub(crate) fn carry(&mut self, body_idx: usize, payload: Option<&Payload>) {
        let (Some(link), link_from_body) = self.bodies[body_idx] else { return };
        let link = &mut self.all[link];
        link.inertia = link.bare;
        if let Some(p) = payload {
            link.inertia.add(&Inertia::of_body(&link_from_body, p.mass, &p.com, &p.inertia));
        }
    }
}

/// A rotation that takes z to `axis`; exactly none for z itself, and one with entries of 0 and ±1 for the
/// other axes of the frame.
fn z_onto(axis: &Vector3<f64>) -> Matrix3<f64> {
    // The axis of the frame that is furthest from `axis` becomes x, as far as it is square to it.
    let least = axis.iamin();
    let helper = if axis.z > 0.999 { Vector3::x() } else { Vector3::ith(least, 1.0) };
    let x = (helper - axis * axis.dot(&helper)).normalize();
    Matrix3::from_columns(&[x, axis.cross(&x), *axis])
}
