//! Somebody's hand that reaches over the table and goes again. It can be seen and touches nothing: what is tested
//! by it is that the arm keeps away.

use mechanics::GeomShape;
use nalgebra::{Isometry3, Point3, Translation3, UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};
use types::Rejection;

/// How thick a forearm is (radius), and how long from fingertips to elbow, metres.
const RADIUS_M: f64 = 0.045;
const LENGTH_M: f64 = 0.45;
/// The colour of its skin, 0 to 1.
pub(crate) const SKIN: [f32; 3] = [0.72, 0.52, 0.42];
/// The most hands in one scene.
pub(crate) const MOST_HANDS: usize = 8;

/// One hand's visit. World frame, metres, seconds after the world began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandSpec {
    /// Where the fingertips are before and after.
    pub from_m: [f64; 3],
    /// Where they reach to, in a straight line.
    pub to_m: [f64; 3],
    /// When they set out.
    pub at_s: f64,
    /// How fast, m/s.
    pub speed_m_s: f64,
    /// How long they stay there.
    pub stays_s: f64,
}

impl HandSpec {
    /// Its solid: a capsule along its own z.
    #[must_use]
    pub fn shape() -> GeomShape {
        GeomShape::Capsule { radius: RADIUS_M, half_length: 0.5 * LENGTH_M - RADIUS_M }
    }

    /// Where it is `t` seconds after the world began.
    #[must_use]
    pub fn world_from_hand(&self, t: f64) -> Isometry3<f64> {
        let (from, to) = (Point3::from(self.from_m), Point3::from(self.to_m));
        let way = to - from;
        let there_s = way.norm() / self.speed_m_s;
        let gone_s = self.at_s + there_s + self.stays_s;
        let part = ((t - self.at_s).min(gone_s + there_s - t) / there_s).clamp(0.0, 1.0);
        let forward = way.normalize();
        let turn = UnitQuaternion::rotation_between(&Vector3::z(), &forward)
            .unwrap_or_else(|| UnitQuaternion::from_axis_angle(&Vector3::x_axis(), core::f64::consts::PI));
        let middle = from + part * way - 0.5 * LENGTH_M * forward;
        Isometry3::from_parts(Translation3::from(middle), turn)
    }

    /// Checks every number.
    ///
    /// # Errors
    /// A [`Rejection`] that names the field, under `at`.
    pub(crate) fn check(&self, at: &str) -> Result<(), Rejection> {
        for (name, point) in [("from_m", &self.from_m), ("to_m", &self.to_m)] {
            for (k, v) in point.iter().enumerate() {
                if !(-5.0..=5.0).contains(v) {
                    return Err(Rejection::new(format!("{at}.{name}[{k}]"), "-5 to 5 metres", v.to_string()));
                }
            }
        }
        for (name, v, low, high) in [
            ("at_s", self.at_s, 0.0, 3600.0),
            ("speed_m_s", self.speed_m_s, 0.01, 10.0),
            ("stays_s", self.stays_s, 0.0, 3600.0),
        ] {
            if !(low..=high).contains(&v) {
                return Err(Rejection::new(
                    format!("{at}.{name}"),
                    format!("{low} to {high}"),
                    v.to_string(),
                ));
            }
        }
        let way = (Point3::from(self.to_m) - Point3::from(self.from_m)).norm();
        if way < 0.01 {
            let expected = "a centimetre or more from `from_m`";
            return Err(Rejection::new(format!("{at}.to_m"), expected, format!("{way} m")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hand() -> HandSpec {
        HandSpec { from_m: [0.5, 1.0, 0.2], to_m: [0.5, 0.0, 0.2], at_s: 2.0, speed_m_s: 0.5, stays_s: 1.0 }
    }

    #[test]
    fn a_hand_waits_reaches_stays_and_goes() {
        let tip = |t: f64| hand().world_from_hand(t) * Point3::new(0.0, 0.0, 0.5 * LENGTH_M);
        for (t, y) in
            [(0.0, 1.0), (2.0, 1.0), (3.0, 0.5), (4.0, 0.0), (5.0, 0.0), (6.0, 0.5), (7.0, 1.0), (9.0, 1.0)]
        {
            assert!((tip(t) - Point3::new(0.5, y, 0.2)).norm() < 1e-9, "{t} s: {:?}", tip(t));
        }
    }

    #[test]
    fn a_hand_of_numbers_that_are_none_is_refused_by_field() {
        assert!(hand().check("hand[0]").is_ok());
        let field = |h: HandSpec| h.check("hand[0]").expect_err("refused").field.to_string();
        assert_eq!(field(HandSpec { from_m: [0.0, f64::NAN, 0.0], ..hand() }), "hand[0].from_m[1]", "B1");
        assert_eq!(field(HandSpec { speed_m_s: 0.0, ..hand() }), "hand[0].speed_m_s");
        assert_eq!(field(HandSpec { stays_s: f64::INFINITY, ..hand() }), "hand[0].stays_s", "B2");
        assert_eq!(field(HandSpec { to_m: hand().from_m, ..hand() }), "hand[0].to_m");
    }
}
