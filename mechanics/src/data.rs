//! Everything the functions over a [`Model`] write: allocated once, used every tick.

use crate::model::Model;
use nalgebra::{DMatrix, Isometry3, Matrix3, OMatrix, U6, Vector3};

/// A Jacobian: 6 rows (linear above angular), one column per joint.
pub type Jacobian = OMatrix<f64, U6, nalgebra::Dyn>;

/// Motion and force of one body, in base axes at the body's origin.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct BodyState {
    /// Angular velocity, rad/s.
    pub(crate) omega: Vector3<f64>,
    /// Angular acceleration, rad/s².
    pub(crate) alpha: Vector3<f64>,
    /// Linear acceleration of the body's origin, gravity taken off, m/s².
    pub(crate) acc: Vector3<f64>,
    /// Force through the body's joint, N.
    pub(crate) force: Vector3<f64>,
    /// Moment through the body's joint about the body's origin, N·m.
    pub(crate) moment: Vector3<f64>,
}

/// Rigid inertia in base axes about the base's origin; such inertias simply add up.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Composite {
    /// Mass, kg.
    pub(crate) mass: f64,
    /// Mass times centre of mass, kg·m.
    pub(crate) first: Vector3<f64>,
    /// Rotational inertia, kg·m².
    pub(crate) inertia: Matrix3<f64>,
}

/// Scratch and results for one [`Model`]. Made once; no function that takes it allocates.
#[derive(Clone, Debug)]
pub struct Data {
    pub(crate) base_from_body: Vec<Isometry3<f64>>,
    pub(crate) axes: Vec<Vector3<f64>>,
    pub(crate) states: Vec<BodyState>,
    pub(crate) composites: Vec<Composite>,
    pub(crate) mass_matrix: DMatrix<f64>,
    pub(crate) cholesky: DMatrix<f64>,
    pub(crate) bias: Vec<f64>,
    pub(crate) zeros: Vec<f64>,
}

impl Data {
    /// Scratch for `model`. The poses are those of all joints at zero.
    #[must_use]
    pub fn new(model: &Model) -> Self {
        let (n_bodies, n) = (model.bodies.len(), model.joints.len());
        let mut data = Self {
            base_from_body: vec![Isometry3::identity(); n_bodies],
            axes: vec![Vector3::zeros(); n],
            states: vec![BodyState::default(); n_bodies],
            composites: vec![Composite::default(); n_bodies],
            mass_matrix: DMatrix::zeros(n, n),
            cholesky: DMatrix::zeros(n, n),
            bias: vec![0.0; n],
            zeros: vec![0.0; n],
        };
        let zeros = vec![0.0; n];
        crate::kinematics::forward(model, &mut data, &zeros);
        data
    }

    /// Pose of a body in the file's world frame (the base's), as of the last
    /// [`crate::kinematics::forward`].
    ///
    /// # Panics
    /// When the model has no such body.
    #[must_use]
    pub fn body_pose(&self, body_idx: usize) -> &Isometry3<f64> {
        &self.base_from_body[body_idx]
    }

    /// Poses of all bodies, in the order of [`Model::bodies`].
    #[must_use]
    pub fn body_poses(&self) -> &[Isometry3<f64>] {
        &self.base_from_body
    }

    /// The joint-space inertia matrix of the last [`crate::dynamics::crba`], kg·m² (kg).
    #[must_use]
    pub fn mass_matrix(&self) -> &DMatrix<f64> {
        &self.mass_matrix
    }
}
