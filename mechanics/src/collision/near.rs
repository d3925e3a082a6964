//! Which points of the world are the arm's own: what a camera with depth sees of it.

use super::Checker;
use super::solid::{Solid, far_apart, is_within};
use crate::arm::{Arm, ArmData};
use crate::model::GeomShape;
use nalgebra::{Isometry3, Point3};
use types::Rejection;

/// The arm at one pose, asked about points.
#[derive(Debug)]
pub struct Near<'a> {
    checker: &'a Checker,
    point: Solid,
    within_m: f64,
}

impl Checker {
    /// The arm (its base, too) with what it holds at the controlled joints `q`, the fingertips `width_m` apart, to
    /// be asked which points lie within `within_m` metres of it.
    ///
    /// # Errors
    /// A [`Rejection`] of joints that are not finite, or of a distance that is not zero or more.
    ///
    /// # Panics
    /// When `q` is shorter than the arm's joints.
    pub fn near(
        &mut self,
        arm: &Arm,
        data: &mut ArmData,
        q: &[f64],
        width_m: f64,
        within_m: f64,
    ) -> Result<Near<'_>, Rejection> {
        if !(within_m >= 0.0 && within_m.is_finite()) {
            return Err(Rejection::new("within_m", "zero or more metres", within_m.to_string()));
        }
        if !self.place(arm, data, q, width_m) {
            return Err(Rejection::new("q", "finite joints", format!("{q:?}, {width_m} m")));
        }
        let point = Solid::new("point", &GeomShape::Sphere { radius: 1e-6 })?;
        Ok(Near { checker: self, point, within_m })
    }
}

impl Near<'_> {
    /// Whether `point` (world, metres) is so near; one that is not finite is not.
    #[must_use]
    pub fn holds(&self, point: &Point3<f64>) -> bool {
        if !point.iter().all(|v| v.is_finite()) {
            return false;
        }
        let at = Isometry3::from_parts(point.coords.into(), nalgebra::UnitQuaternion::identity());
        let links = self.checker.links.iter().zip(&self.checker.places);
        let links = links.map(|(l, p)| (&l.solid, &p.pose, &p.center));
        let held = self.checker.held.iter().map(|(h, _)| (&h.solid, &h.pose, &h.center));
        links.chain(held).any(|part| {
            !far_apart(part, (&self.point, &at, point), self.within_m)
                && is_within((part.0, part.1), (&self.point, &at), self.within_m)
        })
    }
}
