//! What lies on the table, as a file says it.

use crate::hand::{HandSpec, MOST_HANDS};
use crate::look::Appearance;
use crate::objects;
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};
use types::{Color, Rejection, Shape, Size};

/// The most objects one scene may have.
pub const MAX_OBJECTS: usize = 64;

/// One object of a scene. World frame: z up, table top at zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectSpec {
    /// Its name, once per scene.
    pub name: String,
    /// What it is.
    pub shape: Shape,
    /// Which of the two sizes.
    pub size: Size,
    /// Its colour.
    pub color: Color,
    /// Centre on the table: world x and y, metres.
    pub position_m: [f64; 2],
    /// Turn about the world's z, radians.
    #[serde(default)]
    pub yaw_rad: f64,
    /// Height of its centre, metres, when it rests on or in something; absent: it stands on the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z_m: Option<f64>,
}

impl ObjectSpec {
    /// Outer dimensions along its own x, y, z, metres.
    #[must_use]
    pub fn dimensions(&self) -> Vector3<f64> {
        self.shape.dimensions(self.size)
    }

    /// Mass, kilograms.
    #[must_use]
    pub fn mass_kg(&self) -> f64 {
        objects::mass_kg(self.shape, self.size)
    }

    /// Height of its centre above the table, metres.
    #[must_use]
    pub fn center_z(&self) -> f64 {
        self.z_m.unwrap_or(0.5 * self.dimensions().z)
    }

    /// Where it is: the centre of its bounding box, in the world.
    #[must_use]
    pub fn world_from_object(&self) -> Isometry3<f64> {
        Isometry3::from_parts(
            Translation3::new(self.position_m[0], self.position_m[1], self.center_z()),
            UnitQuaternion::from_axis_angle(&Vector3::z_axis(), self.yaw_rad),
        )
    }

    /// "small red cube".
    #[must_use]
    pub fn describe(&self) -> String {
        format!("{} {} {}", self.size, self.color, self.shape)
    }
}

/// A scene: what lies where, and how it looks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneSpec {
    /// What lies on the table.
    #[serde(default)]
    pub objects: Vec<ObjectSpec>,
    /// Light, table, noise.
    #[serde(default)]
    pub look: Appearance,
    /// Whose hands reach over it, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hands: Vec<HandSpec>,
}

impl SceneSpec {
    /// Checks names and numbers; overlaps are not looked for.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field: too many objects or hands, a name that is empty, has characters other
    /// than letters, digits, `_`, `-`, or comes twice, a number that is not finite or beyond the room.
    pub fn check(&self) -> Result<(), Rejection> {
        if self.objects.len() > MAX_OBJECTS {
            return Err(Rejection::new(
                "scene.objects",
                format!("at most {MAX_OBJECTS} objects"),
                self.objects.len().to_string(),
            ));
        }
        for (i, o) in self.objects.iter().enumerate() {
            let at = format!("scene.objects[{i}]");
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if o.name.is_empty() || o.name.len() > 64 || !o.name.chars().all(plain) {
                return Err(Rejection::new(
                    format!("{at}.name"),
                    "1 to 64 letters, digits, _ or -",
                    format!("{:?}", o.name),
                ));
            }
            if self.objects[..i].iter().any(|other| other.name == o.name) {
                return Err(Rejection::new(format!("{at}.name"), "each name once", o.name.clone()));
            }
            let z = o.z_m.unwrap_or(0.0);
            for (field, v, bound) in [
                ("position_m[0]", o.position_m[0], 3.0),
                ("position_m[1]", o.position_m[1], 3.0),
                ("yaw_rad", o.yaw_rad, 100.0),
                ("z_m", z, 3.0),
            ] {
                Rejection::finite(&format!("{at}.{field}"), v)?;
                if v.abs() > bound {
                    return Err(Rejection::new(
                        format!("{at}.{field}"),
                        format!("-{bound} to {bound}"),
                        v.to_string(),
                    ));
                }
            }
            if o.z_m.is_some() && z < 0.4 * o.dimensions().z {
                return Err(Rejection::new(format!("{at}.z_m"), "a centre above the table", z.to_string()));
            }
        }
        if self.hands.len() > MOST_HANDS {
            let expected = format!("at most {MOST_HANDS} hands");
            return Err(Rejection::new("scene.hands", expected, self.hands.len().to_string()));
        }
        self.hands.iter().enumerate().try_for_each(|(i, hand)| hand.check(&format!("scene.hands[{i}]")))
    }

    /// The object of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ObjectSpec> {
        self.objects.iter().find(|o| o.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cube(name: &str) -> ObjectSpec {
        ObjectSpec {
            name: name.into(),
            shape: Shape::Cube,
            size: Size::Small,
            color: Color::Red,
            position_m: [0.5, 0.0],
            yaw_rad: 0.0,
            z_m: None,
        }
    }

    #[test]
    fn a_scene_with_a_bad_name_or_number_is_refused_by_field() {
        let scene = |objects| SceneSpec { objects, ..SceneSpec::default() };
        assert!(scene(vec![cube("a"), cube("b")]).check().is_ok());
        let field = |objects| scene(objects).check().expect_err("refused").field.to_string();
        assert_eq!(field(vec![cube("a"), cube("a")]), "scene.objects[1].name");
        assert_eq!(field(vec![cube("a<b")]), "scene.objects[0].name");
        for bad in [f64::NAN, f64::INFINITY, 1e308] {
            let at = field(vec![ObjectSpec { position_m: [bad, 0.0], ..cube("a") }]);
            assert_eq!(at, "scene.objects[0].position_m[0]", "B1, B2, B4");
            let at = field(vec![ObjectSpec { z_m: Some(bad), ..cube("a") }]);
            assert_eq!(at, "scene.objects[0].z_m");
        }
        assert_eq!(field(vec![ObjectSpec { z_m: Some(0.0), ..cube("a") }]), "scene.objects[0].z_m");
    }
}
