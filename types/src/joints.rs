//! Joint-space quantities of fixed capacity, so that the control loop never allocates.

use crate::faults::Rejection;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most joints one robot may have (without its gripper).
pub const MAX_JOINTS: usize = 16;

/// One number per joint, in the robot's joint order; rad, rad/s, rad/s², N·m (or m, …, N for a
/// prismatic joint). It is `Copy` and lives on the stack. Dereferences to a slice.
#[derive(Copy, Clone, PartialEq)]
pub struct JointVector {
    len: usize,
    data: [f64; MAX_JOINTS],
}

impl JointVector {
    /// `len` zeros; a longer vector than [`MAX_JOINTS`] is cut to it.
    #[must_use]
    pub const fn zeros(len: usize) -> Self {
        Self { len: if len > MAX_JOINTS { MAX_JOINTS } else { len }, data: [0.0; MAX_JOINTS] }
    }

    /// From a slice.
    ///
    /// # Errors
    /// A [`Rejection`] when there are more than [`MAX_JOINTS`] numbers.
    pub fn from_slice(values: &[f64]) -> Result<Self, Rejection> {
        if values.len() > MAX_JOINTS {
            return Err(Rejection::new(
                "joints",
                format!("at most {MAX_JOINTS} joints"),
                values.len().to_string(),
            ));
        }
        let mut out = Self::zeros(values.len());
        out.data[..values.len()].copy_from_slice(values);
        Ok(out)
    }

    /// One number per joint, computed from the joint's index.
    pub fn from_fn(len: usize, mut f: impl FnMut(usize) -> f64) -> Self {
        let mut out = Self::zeros(len);
        for i in 0..out.len {
            out.data[i] = f(i);
        }
        out
    }

    /// Whether every number is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.iter().all(|v| v.is_finite())
    }

    /// The largest absolute difference to `other` over the joints both have.
    #[must_use]
    pub fn max_abs_diff(&self, other: &Self) -> f64 {
        self.iter().zip(other.iter()).fold(0.0, |m, (a, b)| m.max((a - b).abs()))
    }
}

impl core::ops::Deref for JointVector {
    type Target = [f64];
    fn deref(&self) -> &[f64] {
        &self.data[..self.len]
    }
}

impl core::ops::DerefMut for JointVector {
    fn deref_mut(&mut self) -> &mut [f64] {
        &mut self.data[..self.len]
    }
}

impl core::fmt::Debug for JointVector {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for JointVector {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for JointVector {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let values = Vec::<f64>::deserialize(d)?;
        Self::from_slice(&values).map_err(serde::de::Error::custom)
    }
}

/// What one joint may do. Rad (m), rad/s, rad/s², rad/s³, N·m (N), N·m/s (N/s).
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JointLimits {
    /// Lowest position.
    pub lower: f64,
    /// Highest position.
    pub upper: f64,
    /// Largest speed.
    pub velocity: f64,
    /// Largest acceleration.
    pub acceleration: f64,
    /// Largest jerk.
    pub jerk: f64,
    /// Largest torque.
    pub torque: f64,
    /// Largest rate of torque.
    pub torque_rate: f64,
}

/// No joint has a greater limit, in any unit; products of a few of them are still numbers (B6).
const MOST: f64 = 1e32;

impl JointLimits {
    /// Checks every number (B6, B15).
    ///
    /// # Errors
    /// A [`Rejection`] naming `joint` and the field.
    pub fn check(&self, joint: &str) -> Result<(), Rejection> {
        Rejection::finite(&format!("{joint}.lower"), self.lower)?;
        Rejection::finite(&format!("{joint}.upper"), self.upper)?;
        if self.lower >= self.upper {
            return Err(Rejection::new(
                format!("{joint}.upper"),
                format!("more than lower ({})", self.lower),
                self.upper.to_string(),
            ));
        }
        for (name, v) in [
            ("velocity", self.velocity),
            ("acceleration", self.acceleration),
            ("jerk", self.jerk),
            ("torque", self.torque),
            ("torque_rate", self.torque_rate),
        ] {
            let field = format!("{joint}.{name}");
            Rejection::positive(&field, v)?;
            if v > MOST {
                return Err(Rejection::new(field, format!("at most {MOST:e}"), v.to_string()));
            }
        }
        Ok(())
    }
}
