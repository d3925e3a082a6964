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
    #[inline]
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
    #[inline]
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.iter().all(|v| v.is_finite())
    }

    /// The largest absolute difference to `other` over the joints both have.
    #[inline]
    #[must_use]
    pub fn max_abs_diff(&self, other: &Self) -> f64 {
        self.iter().zip(other.iter()).fold(0.0, |m, (a, b)| m.max((a - b).abs()))
    }
}

impl core::ops::Deref for JointVector {
    type Target = [f64];
    #[inline]
    fn deref(&self) -> &[f64] {
        &self.data[..self.len]
    }
}

impl core::ops::DerefMut for JointVector {
    #[inline]
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
    /// How slow it is to be near the ends of its range.
    #[serde(default)]
    pub near_end: NearEnd,
}

/// A speed limit that hangs on where the joint is: with `room` rad (m) left to the end that it goes towards, no more
/// than √(slope · room) − offset. So it is with robots whose own controllers check it (Franka Research 3, position-based
/// velocity limits).
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NearEnd {
    /// rad/s² (m/s²): twice the deceleration that ends there; zero: there is no such limit.
    pub slope: f64,
    /// rad/s (m/s).
    pub offset: f64,
}

/// A joint may always go as fast as this, rad/s (m/s): it is not to be caught where its end leaves it no speed.
pub const CRAWL: f64 = 0.05;

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
        for (name, v) in [("near_end_slope", self.near_end.slope), ("near_end_offset", self.near_end.offset)]
        {
            let field = format!("{joint}.{name}");
            if !(0.0..=MOST).contains(&v) {
                return Err(Rejection::new(field, format!("0 to {MOST:e}"), v.to_string()));
            }
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

    /// How fast the joint may be at `q` on its way up (`way` above zero) or down, rad/s (m/s).
    #[inline]
    #[must_use]
    pub fn fastest(&self, q: f64, way: f64) -> f64 {
        let NearEnd { slope, offset } = self.near_end;
        if slope == 0.0 || way == 0.0 {
            return self.velocity;
        }
        let room = if way > 0.0 { self.upper - q } else { q - self.lower };
        self.velocity.min((libm::sqrt(slope * room.max(0.0)) - offset).max(CRAWL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_the_end_that_it_goes_to_a_joint_is_as_slow_as_its_limit_says() {
        let l = JointLimits {
            lower: -1.0,
            upper: 2.0,
            velocity: 1.5,
            acceleration: 10.0,
            jerk: 100.0,
            torque: 10.0,
            torque_rate: 100.0,
            near_end: NearEnd { slope: 4.0, offset: 0.5 },
        };
        for (q, way, most) in [
            (0.0, 1.0, 1.5),
            (1.75, 1.0, 0.5),
            (1.75, -1.0, 1.5),
            (1.75, 0.0, 1.5),
            (-0.75, -1.0, 0.5),
            (1.99, 0.1, CRAWL),
            (2.5, 1.0, CRAWL),
            (2.5, -1.0, 1.5),
        ] {
            assert!((l.fastest(q, way) - most).abs() < 1e-12, "{q}, {way}: {}", l.fastest(q, way));
        }
        assert_eq!(JointLimits { near_end: NearEnd::default(), ..l }.fastest(1.99, 1.0), 1.5);
        for (slope, offset, field) in [
            (-1.0, 0.0, "j.near_end_slope"),
            (f64::NAN, 0.0, "j.near_end_slope"),
            (1.0, 1e40, "j.near_end_offset"),
        ] {
            let bad = JointLimits { near_end: NearEnd { slope, offset }, ..l };
            assert_eq!(bad.check("j").expect_err("no such limit").field, field);
        }
        assert_eq!(l.check("j"), Ok(()));
    }
}
