//! Everything the functions over a [`Model`] write: allocated once, used every tick.

use crate::arch::Arch;
use crate::dynamics::{Articulated, Moving};
use crate::links::{Inertia, Links, Payload, Pose};
use crate::model::{Model, is_of_a_body, principal_moments};
use nalgebra::{DMatrix, Isometry3, OMatrix, U6};
use types::Rejection;

/// A Jacobian: 6 rows (linear above angular), one column per joint.
pub type Jacobian = OMatrix<f64, U6, nalgebra::Dyn>;

/// Scratch and results for one [`Model`], and what of the model is computed once. Made once; no function
/// that takes it allocates.
#[derive(Clone, Debug)]
pub struct Data {
    /// What this processor computes many numbers at once with.
    pub(crate) arch: Arch,
    pub(crate) links: Links,
    pub(crate) sin: Vec<f64>,
    pub(crate) cos: Vec<f64>,
    pub(crate) base_from_link: Vec<Pose>,
    pub(crate) moving: Vec<Moving>,
    pub(crate) composites: Vec<Inertia>,
    pub(crate) articulated: Vec<Articulated>,
    pub(crate) mass_matrix: DMatrix<f64>,
    pub(crate) zeros: Vec<f64>,
}

impl Data {
    /// Scratch for `model`. The poses are those of all joints at zero.
    #[must_use]
    pub fn new(model: &Model) -> Self {
        let n = model.joints.len();
        let mut data = Self {
            arch: Arch::new(),
            links: Links::new(model),
            sin: vec![0.0; n],
            cos: vec![0.0; n],
            base_from_link: vec![Pose::default(); n],
            moving: vec![Moving::default(); n],
            composites: vec![Inertia::default(); n],
            articulated: vec![Articulated::default(); n],
            mass_matrix: DMatrix::zeros(n, n),
            zeros: vec![0.0; n],
        };
        crate::kinematics::forward(model, &mut data, &vec![0.0; n]);
        data
    }

    /// Lets a body carry something, from now on and in all dynamics; `None`: nothing any more. One payload
    /// per link: another one takes its place.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field for a mass that is negative, a number that is not finite, or an
    /// inertia that no body has; what was carried before stays. Not for the control loop: a rejection
    /// allocates.
    ///
    /// # Panics
    /// When the model has no such body.
    pub fn set_payload(&mut self, body_idx: usize, payload: Option<&Payload>) -> Result<(), Rejection> {
        if let Some(p) = payload {
            if !(p.mass >= 0.0 && p.mass.is_finite()) {
                return Err(Rejection::new("payload.mass", "zero or more kg", p.mass.to_string()));
            }
            for v in p.com.iter() {
                Rejection::finite("payload.com", *v)?;
            }
            for v in p.inertia.iter() {
                Rejection::finite("payload.inertia", *v)?;
            }
            let skew = (p.inertia - p.inertia.transpose()).amax();
            if skew > 1e-9 * p.inertia.amax() || !is_of_a_body(&principal_moments(&p.inertia)) {
                let got = format!("{:?}", p.inertia.as_slice());
                return Err(Rejection::new("payload.inertia", "that of a rigid body", got));
            }
        }
        self.links.carry(body_idx, payload);
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn pose(&self, body_idx: usize) -> Pose {
        match &self.links.bodies[body_idx] {
            (Some(link), link_from_body) => self.base_from_link[*link].then(link_from_body),
            (None, base_from_body) => *base_from_body,
        }
    }

    /// Pose of a body in the file's world frame (the base's), as of the last
    /// [`crate::kinematics::forward`].
    ///
    /// # Panics
    /// When the model has no such body.
    #[must_use]
    pub fn body_pose(&self, body_idx: usize) -> Isometry3<f64> {
        self.pose(body_idx).isometry()
    }

    /// The joint-space inertia matrix of the last [`crate::dynamics::crba`], kg·m² (kg).
    #[must_use]
    pub fn mass_matrix(&self) -> &DMatrix<f64> {
        &self.mass_matrix
    }
}
