//! Coordinate frames as types: `Transform<World, Optical>` is named `world_from_optical`.

use crate::faults::Rejection;
use core::marker::PhantomData;
use nalgebra::{Isometry3, Point3, Quaternion, Translation3, UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};

/// The room: z up, origin on the table's top in front of the robot's base; x away from the robot.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum World {}
/// The robot's base link.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Base {}
/// A camera's optical frame: x right, y down, z forward (REP 103).
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Optical {}
/// The tool centre point between the fingertips: z out of the gripper, y along the finger motion.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Tool {}

/// A rigid transform that takes coordinates in `From` to coordinates in `To`. Metres, radians.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct Transform<To, From> {
    isometry: Isometry3<f64>,
    #[serde(skip)]
    frames: PhantomData<fn() -> (To, From)>,
}

impl<To, From> Copy for Transform<To, From> {}
impl<To, From> Clone for Transform<To, From> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<To, From> Transform<To, From> {
    /// Wraps an isometry that is known to be `to_from`.
    #[must_use]
    pub const fn from_isometry(isometry: Isometry3<f64>) -> Self {
        Self { isometry, frames: PhantomData }
    }

    /// The two frames coincide.
    #[must_use]
    pub fn identity() -> Self {
        Self::from_isometry(Isometry3::identity())
    }

    /// A transform from a translation in metres and a quaternion `[w, x, y, z]`.
    ///
    /// # Errors
    /// A [`Rejection`] for a number that is not finite, or a quaternion whose norm is off by more
    /// than 1e-3 (B9); closer ones are normalised.
    pub fn new(xyz: [f64; 3], wxyz: [f64; 4]) -> Result<Self, Rejection> {
        for (i, v) in xyz.iter().enumerate() {
            Rejection::finite(&format!("translation[{i}]"), *v)?;
        }
        for (i, v) in wxyz.iter().enumerate() {
            Rejection::finite(&format!("quaternion[{i}]"), *v)?;
        }
        let q = Quaternion::new(wxyz[0], wxyz[1], wxyz[2], wxyz[3]);
        let norm = q.norm();
        if (norm - 1.0).abs() > 1e-3 {
            return Err(Rejection::new("quaternion", "a norm within 1e-3 of one", norm.to_string()));
        }
        Ok(Self::from_isometry(Isometry3::from_parts(
            Translation3::new(xyz[0], xyz[1], xyz[2]),
            UnitQuaternion::from_quaternion(q),
        )))
    }

    /// The bare isometry, for arithmetic inside a crate.
    #[must_use]
    pub const fn isometry(&self) -> &Isometry3<f64> {
        &self.isometry
    }

    /// Where the origin of `From` lies in `To`, metres.
    #[must_use]
    pub fn origin(&self) -> Point3<f64> {
        self.isometry.translation.vector.into()
    }

    /// `from_to`.
    #[must_use]
    pub fn inverse(&self) -> Transform<From, To> {
        Transform::from_isometry(self.isometry.inverse())
    }

    /// A point given in `From`, in `To`.
    #[must_use]
    pub fn point(&self, point_in_from: Point3<f64>) -> Point3<f64> {
        self.isometry * point_in_from
    }

    /// A direction given in `From`, in `To`.
    #[must_use]
    pub fn vector(&self, vector_in_from: Vector3<f64>) -> Vector3<f64> {
        self.isometry * vector_in_from
    }
}

impl<A, B, C> core::ops::Mul<Transform<B, C>> for Transform<A, B> {
    type Output = Transform<A, C>;
    fn mul(self, b_from_c: Transform<B, C>) -> Transform<A, C> {
        Transform::from_isometry(self.isometry * b_from_c.isometry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quaternion_that_is_no_rotation_is_refused_and_a_nearly_unit_one_is_normalised() {
        let ok = Transform::<World, Tool>::new([0.0; 3], [1.0005, 0.0, 0.0, 0.0]).expect("near unit");
        assert!((ok.isometry().rotation.norm() - 1.0).abs() < 1e-12);
        for bad in [[0.0; 4], [f64::NAN, 0.0, 0.0, 1.0], [2.0, 0.0, 0.0, 0.0]] {
            assert!(Transform::<World, Tool>::new([0.0; 3], bad).is_err(), "B9 {bad:?}");
        }
        assert!(Transform::<World, Tool>::new([f64::INFINITY, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]).is_err());
    }
}
