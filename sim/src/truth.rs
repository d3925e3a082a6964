//! Where everything really is. For tests, verdicts and suites only: nothing here reaches perception.

use crate::objects;
use crate::random;
use crate::scene::ObjectSpec;
use nalgebra::{Isometry3, Point3, Vector3};
use types::language::Relation;
use types::{Rejection, Shape, Time};

/// An object beside another is at least this far off along the direction, metres.
pub const BESIDE_LEAST_M: f64 = 0.02;
/// … and at most this far away, metres.
pub const BESIDE_MOST_M: f64 = 0.35;
/// Largest gap between outlines that still counts as next to, metres.
pub const NEXT_TO_MOST_M: f64 = 0.12;
/// Largest gap in height between an object and what it rests on, metres.
const RESTS_WITHIN_M: f64 = 0.008;

/// One object as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct TrueObject {
    /// What it is; its place here is where it was at the beginning.
    pub spec: ObjectSpec,
    /// Where it is.
    pub world_from_object: Isometry3<f64>,
    /// How fast it moves, m/s.
    pub speed_m_s: f64,
    /// How fast it turns, rad/s.
    pub turning_rad_s: f64,
    /// Whether it touches the table.
    pub on_table: bool,
    /// Whether it is between the fingers: both sides of the gripper touch it, and the table does not.
    pub held: bool,
}

impl TrueObject {
    /// Its centre in the world, metres.
    #[must_use]
    pub fn center(&self) -> Point3<f64> {
        self.world_from_object.translation.vector.into()
    }

    /// Half its height as it lies, metres: half the extent of its solid along the world's z.
    #[must_use]
    pub fn half_height(&self) -> f64 {
        let half = 0.5 * self.spec.dimensions();
        let up = self.world_from_object.rotation.inverse_transform_vector(&Vector3::z());
        match self.spec.shape {
            Shape::Ball => half.z,
            Shape::Cylinder | Shape::Bowl => half.x * libm::hypot(up.x, up.y) + half.z * up.z.abs(),
            Shape::Cube | Shape::Box | Shape::Tray => {
                half.x * up.x.abs() + half.y * up.y.abs() + half.z * up.z.abs()
            }
        }
    }

    /// Height of its lowest point, metres.
    #[must_use]
    pub fn bottom(&self) -> f64 {
        self.center().z - self.half_height()
    }

    /// Height of its highest point, metres.
    #[must_use]
    pub fn top(&self) -> f64 {
        self.center().z + self.half_height()
    }

    /// As a scene would say it: where it is now, and its turn about the world's z.
    #[must_use]
    pub fn as_spec(&self) -> ObjectSpec {
        let c = self.center();
        let x = self.world_from_object.rotation * Vector3::x();
        ObjectSpec {
            position_m: [c.x, c.y],
            yaw_rad: libm::atan2(x.y, x.x),
            z_m: Some(c.z),
            ..self.spec.clone()
        }
    }

    /// Inside the container: its centre within the inner outline of the rim, its bottom below the rim,
    /// and it is not held.
    #[must_use]
    pub fn is_in(&self, container: &Self) -> bool {
        if !container.spec.shape.is_container() || self.held {
            return false;
        }
        let half = 0.5 * container.spec.dimensions();
        let wall = objects::WALL_THICKNESS;
        let at = container.world_from_object.inverse_transform_point(&self.center());
        let within = match container.spec.shape {
            Shape::Bowl => libm::hypot(at.x, at.y) < half.x - wall,
            _ => at.x.abs() < half.x - wall && at.y.abs() < half.y - wall,
        };
        within && self.bottom() < container.top() && self.center().z > container.bottom()
    }

    /// Resting on top: its bottom at the height of the other's top, its centre off the other's by less
    /// than half of the support on each axis, and not held. On a container also means in it.
    #[must_use]
    pub fn is_on(&self, support: &Self) -> bool {
        if self.held {
            return false;
        }
        if self.is_in(support) {
            return true;
        }
        let half = 0.5 * support.spec.dimensions();
        let offset = self.center() - support.center();
        let over = match support.spec.shape {
            Shape::Ball | Shape::Cylinder | Shape::Bowl => libm::hypot(offset.x, offset.y) < half.x,
            Shape::Cube | Shape::Box | Shape::Tray => {
                let at = support.world_from_object.rotation.inverse_transform_vector(&offset);
                at.x.abs() < half.x && at.y.abs() < half.y
            }
        };
        over && (self.bottom() - support.top()).abs() < RESTS_WITHIN_M
    }

    /// Whether it stands so to `target`, as the fixed camera sees the table.
    ///
    /// Left, right, in front, behind: the centre is off by at least [`BESIDE_LEAST_M`] along the
    /// direction, at least as much along as across it, within [`BESIDE_MOST_M`] in all. Next to: a gap
    /// of at most [`NEXT_TO_MOST_M`] between the outlines, neither in nor on the other.
    #[must_use]
    pub fn stands(&self, relation: Relation, target: &Self) -> bool {
        let offset = self.center() - target.center();
        match (relation, relation.direction()) {
            (Relation::In, _) => self.is_in(target),
            (Relation::On, _) => self.is_on(target),
            (_, Some([x, y])) => {
                let along = offset.x * x + offset.y * y;
                let across = offset.x * y - offset.y * x;
                along >= BESIDE_LEAST_M
                    && along >= across.abs()
                    && libm::hypot(along, across) <= BESIDE_MOST_M
            }
            (_, None) => {
                let apart = random::gap(&self.as_spec(), &target.as_spec());
                let piled = self.is_on(target) || target.is_on(self);
                !piled && !self.held && apart <= NEXT_TO_MOST_M
            }
        }
    }
}

/// The true state of all objects, and of the arm's tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// When.
    pub stamp: Time,
    /// The objects, in the scene's order.
    pub objects: Vec<TrueObject>,
    /// Pose of the tool centre point in the world, as the arm's bodies stand.
    pub world_from_tool: Isometry3<f64>,
}

impl Truth {
    /// The object of this name.
    ///
    /// # Errors
    /// A [`Rejection`] when there is none.
    pub fn get(&self, name: &str) -> Result<&TrueObject, Rejection> {
        self.objects.iter().find(|o| o.spec.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.objects.iter().map(|o| o.spec.name.as_str()).collect();
            Rejection::new("object", format!("one of {}", names.join(", ")), name.to_owned())
        })
    }

    /// Whether `object` stands so to `target` ([`TrueObject::stands`]).
    ///
    /// # Errors
    /// A [`Rejection`] for a name that is none.
    pub fn stands(&self, object: &str, relation: Relation, target: &str) -> Result<bool, Rejection> {
        Ok(self.get(object)?.stands(relation, self.get(target)?))
    }

    /// Whether `object`'s centre lies within `tolerance_m` of a table point (world x, y).
    ///
    /// # Errors
    /// A [`Rejection`] for a name that is none.
    pub fn at(&self, object: &str, point: [f64; 2], tolerance_m: f64) -> Result<bool, Rejection> {
        let c = self.get(object)?.center();
        Ok(libm::hypot(c.x - point[0], c.y - point[1]) <= tolerance_m)
    }

    /// Whether `object` is between the fingers and off the table.
    ///
    /// # Errors
    /// A [`Rejection`] for a name that is none.
    pub fn held(&self, object: &str) -> Result<bool, Rejection> {
        Ok(self.get(object)?.held)
    }

    /// Whether nothing moves: every object slower than 5 mm/s.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.objects.iter().all(|o| o.speed_m_s < 0.005)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Color, Size};

    fn object(shape: Shape, size: Size, at: [f64; 3]) -> TrueObject {
        let spec = ObjectSpec {
            name: "o".into(),
            shape,
            size,
            color: Color::Red,
            position_m: [at[0], at[1]],
            yaw_rad: 0.0,
            z_m: Some(at[2]),
        };
        TrueObject {
            world_from_object: spec.world_from_object(),
            spec,
            speed_m_s: 0.0,
            turning_rad_s: 0.0,
            on_table: true,
            held: false,
        }
    }

    #[test]
    fn in_means_within_the_rim_and_below_it() {
        let bowl = object(Shape::Bowl, Size::Small, [0.5, 0.0, 0.018]);
        let cube = |x: f64, z: f64| object(Shape::Cube, Size::Small, [x, 0.0, z]);
        assert!(cube(0.5, 0.021).stands(Relation::In, &bowl));
        assert!(!cube(0.5, 0.09).stands(Relation::In, &bowl), "hovering above");
        assert!(!cube(0.57, 0.021).stands(Relation::In, &bowl), "beside");
        assert!(!cube(0.5, 0.021).stands(Relation::In, &cube(0.5, 0.0)), "no container");
        assert!(!TrueObject { held: true, ..cube(0.5, 0.021) }.stands(Relation::In, &bowl));
    }

    #[test]
    fn on_means_resting_on_top_within_half_of_the_support() {
        let base = object(Shape::Cube, Size::Large, [0.5, 0.0, 0.025]);
        let cube = |x: f64, z: f64| object(Shape::Cube, Size::Small, [x, 0.0, z]);
        assert!(cube(0.52, 0.067).stands(Relation::On, &base));
        assert!(!cube(0.53, 0.067).stands(Relation::On, &base));
        assert!(!cube(0.50, 0.087).stands(Relation::On, &base));
        let tray = object(Shape::Tray, Size::Large, [0.5, 0.0, 0.011]);
        assert!(cube(0.5, 0.021).stands(Relation::On, &tray), "on a tray is in it");
    }

    #[test]
    fn the_four_sides_are_as_the_fixed_camera_sees_them_and_exclude_each_other() {
        let target = object(Shape::Bowl, Size::Small, [0.5, 0.0, 0.018]);
        let cube = |x: f64, y: f64| object(Shape::Cube, Size::Small, [0.5 + x, y, 0.017]);
        for (x, y, relation) in [
            (0.0, -0.12, Relation::LeftOf),
            (0.0, 0.12, Relation::RightOf),
            (0.12, 0.0, Relation::InFrontOf),
            (-0.12, 0.0, Relation::Behind),
        ] {
            for &r in Relation::ALL.iter().filter(|r| r.direction().is_some()) {
                assert_eq!(cube(x, y).stands(r, &target), r == relation, "{r:?} of ({x}, {y})");
            }
            assert!(!cube(4.0 * x, 4.0 * y).stands(relation, &target), "too far");
            assert!(cube(x, y).stands(Relation::NextTo, &target));
            assert!(!cube(2.0 * x, 2.0 * y).stands(Relation::NextTo, &target));
        }
    }
}
