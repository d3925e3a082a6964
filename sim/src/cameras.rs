//! Which cameras there are, what they see through, and what they stand on.

use crate::render::look_at;
use crate::snapshot::Snapshot;
use mechanics::Arm;
use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use serde::{Deserialize, Serialize};
use types::image::Distortion;
use types::{Intrinsics, Optical, Rejection, Transform, World};

/// What a camera stands on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mount {
    /// Fixed in the room.
    World {
        /// Where it stands, metres.
        eye_m: [f64; 3],
        /// The point in the middle of its picture, metres.
        target_m: [f64; 3],
    },
    /// Carried by the robot.
    Link {
        /// The link's name; empty: the tool frame.
        link: String,
        /// Where it is in the link (or tool), metres.
        xyz_m: [f64; 3],
        /// Roll, pitch, yaw of its optical axes in the link (or tool), radians (fixed axes x, y, z).
        rpy_rad: [f64; 3],
    },
}

/// One camera: name, lens, mount.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraSpec {
    /// Its name: `front`, `wrist`.
    pub name: String,
    /// Picture width and height, pixels.
    pub size_px: [u32; 2],
    /// Horizontal field of view of the undistorted lens, radians.
    pub fov_x_rad: f64,
    /// Lens distortion.
    #[serde(default)]
    pub distortion: Distortion,
    /// What it stands on.
    pub mount: Mount,
}

/// Width and height of the cameras' pictures, pixels.
pub const SIZE_PX: [u32; 2] = [256, 192];

impl CameraSpec {
    /// The fixed camera. It stands across the table from the robot, looks down at about 60°, and has the
    /// whole of x 0.32 to 0.74, y −0.36 to 0.36 in view up to a height of 0.15 m, with a rim of 6 pixels
    /// for a camera that stands a little off.
    #[must_use]
    pub fn front() -> Self {
        Self {
            name: "front".into(),
            size_px: SIZE_PX,
            fov_x_rad: 0.878,
            distortion: Distortion::default(),
            mount: Mount::World { eye_m: [1.05, 0.0, 0.90], target_m: [0.54, 0.0, 0.0] },
        }
    }

    /// The camera on the hand: beside it on the tool's +x side, behind the fingertips, looking along the
    /// tool's z and a little towards the fingertips, the fingers at the lower edge of its picture.
    #[must_use]
    pub fn wrist() -> Self {
        Self {
            name: "wrist".into(),
            size_px: SIZE_PX,
            fov_x_rad: 1.15,
            distortion: Distortion { k1: -0.06, k2: 0.012, p1: 0.0004, p2: -0.0003, k3: 0.0 },
            mount: Mount::Link {
                link: String::new(),
                xyz_m: [0.075, 0.0, -0.09],
                // Optical x along the tool's y, y along its −x, then tilted about x by 0.15 rad.
                rpy_rad: [-0.15, 0.0, core::f64::consts::FRAC_PI_2],
            },
        }
    }

    /// The two cameras of the demo.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        vec![Self::front(), Self::wrist()]
    }

    /// The lens.
    ///
    /// # Errors
    /// As [`Intrinsics::from_fov`] and [`Intrinsics::new`].
    pub fn intrinsics(&self) -> Result<Intrinsics, Rejection> {
        let [w, h] = self.size_px;
        let k = Intrinsics::from_fov(w, h, self.fov_x_rad)?;
        Intrinsics::new((w, h), (k.fx, k.fy), (k.cx, k.cy), self.distortion)
    }

    /// Finds what it stands on among an arm's bodies.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field: an empty name, a link the arm does not have, a bad lens, a
    /// number that is not finite.
    pub fn mounted(&self, arm: &Arm) -> Result<Mounted, Rejection> {
        if self.name.is_empty() {
            return Err(Rejection::new("camera.name", "a name", "nothing"));
        }
        let intrinsics = self.intrinsics()?;
        let (body_idx, body_from_optical) = match &self.mount {
            Mount::World { eye_m, target_m } => (0, look_at(*eye_m, *target_m)?),
            Mount::Link { link, xyz_m, rpy_rad } => {
                for v in xyz_m.iter().chain(rpy_rad) {
                    Rejection::finite("camera.mount.link", *v)?;
                }
                let [roll, pitch, yaw] = *rpy_rad;
                let offset = Isometry3::from_parts(
                    Translation3::new(xyz_m[0], xyz_m[1], xyz_m[2]),
                    UnitQuaternion::from_euler_angles(roll, pitch, yaw),
                );
                if link.is_empty() {
                    (1 + arm.tool_body_idx(), arm.body_from_tool() * offset)
                } else {
                    let i = arm.model().body_idx(link).ok_or_else(|| {
                        Rejection::new("camera.mount.link.link", "a link of the robot", link.clone())
                    })?;
                    (1 + i, offset)
                }
            }
        };
        Ok(Mounted { intrinsics, body_idx, body_from_optical })
    }
}

/// A camera on a body of a stage.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Mounted {
    /// The lens.
    pub intrinsics: Intrinsics,
    /// The body, numbered as in a [`Snapshot`]; 0 stands still.
    pub body_idx: usize,
    /// Where it is in the body.
    pub body_from_optical: Isometry3<f64>,
}

impl Mounted {
    /// Where the camera is in a snapshot.
    #[must_use]
    pub fn world_from_optical(&self, snapshot: &Snapshot) -> Transform<World, Optical> {
        let body = snapshot.world_from_body.get(self.body_idx).copied().unwrap_or_else(Isometry3::identity);
        Transform::from_isometry(body * self.body_from_optical)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::View;
    use nalgebra::Point3;

    #[test]
    fn the_front_camera_sees_the_whole_working_area_and_what_stands_on_it() {
        let spec = CameraSpec::front();
        let Mount::World { eye_m, target_m } = spec.mount else { panic!("fixed") };
        let [w, h] = spec.size_px;
        let view = View::look_at(eye_m, target_m, (w, h), spec.fov_x_rad).expect("valid");
        for x in [0.32, 0.74] {
            for y in [-0.36, 0.36] {
                for z in [0.0, 0.15] {
                    let [u, v] = view.project(Point3::new(x, y, z)).expect("in front");
                    let (iu, iv) = (u.min(f64::from(w) - u), v.min(f64::from(h) - v));
                    assert!(iu > 4.0 && iv > 4.0, "({x}, {y}, {z}) falls at ({u:.1}, {v:.1})");
                }
            }
        }
        // The picture's right is the world's +y, its lower side the world's +x.
        let at = |x, y| view.project(Point3::new(x, y, 0.0)).expect("in front");
        assert!(at(0.5, 0.1)[0] > at(0.5, -0.1)[0] && at(0.6, 0.0)[1] > at(0.4, 0.0)[1]);
    }
}
