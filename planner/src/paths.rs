//! Free paths from joints to joints, among solids alone: what lies beneath every motion of a skill.

use crate::config::Config;
use crate::failure::PlanFailure;
use crate::space::{Fit, Space};
use mechanics::Arm;
use mechanics::collision::Obstacle;
use std::sync::Arc;
use types::{JointVector, Rejection};

/// Finds free paths for one arm, whose gripper is empty. The same question gets the same path.
#[derive(Debug)]
pub struct Paths {
    space: Space,
    fit: Fit,
}

impl Paths {
    /// For an arm with its fingertips `width_m` apart that is to keep `margin_m` from everything, metres. Of
    /// `config` the seed, the budget and the step of the search count, and what is to be kept out of.
    ///
    /// # Errors
    /// A [`Rejection`] of a number that is out of its range.
    pub fn new(arm: Arc<Arm>, config: &Config, width_m: f64, margin_m: f64) -> Result<Self, Rejection> {
        config.check()?;
        Rejection::finite("width_m", width_m)?;
        Rejection::finite("margin_m", margin_m)?;
        Ok(Self { space: Space::new(arm, config), fit: Fit { width_m, margin_m } })
    }

    /// Replaces what stands around the arm.
    ///
    /// # Errors
    /// [`PlanFailure::Rejected`] for an obstacle that cannot be.
    pub fn surround(&mut self, obstacles: Vec<Obstacle>) -> Result<(), PlanFailure> {
        self.space.surround(obstacles, None)
    }

    /// The first free path that is found, as its corners, both ends included. Between corners the joints move
    /// straight; the search looks at motions in steps of [`Config::check_step_rad`], and at what it found in a
    /// quarter of that, two tenths of a millimetre farther away, or in an eighth.
    ///
    /// # Errors
    /// [`PlanFailure::Collision`] when an end is not free, [`PlanFailure::NoPath`] when the budget is spent.
    pub fn find(&mut self, from: &JointVector, to: &JointVector) -> Result<Vec<JointVector>, PlanFailure> {
        self.space.reseed();
        self.space.first_path(from, to, self.fit, "get there")
    }

    /// Moves the corners of a free path to where it is quicker and farther from things; its ends stay.
    pub fn smooth(&mut self, path: &mut Vec<JointVector>) {
        self.space.smooth(path, self.fit);
    }

    /// Cuts the corners of a path that was found, while that stays free.
    pub fn shorten(&mut self, path: &mut Vec<JointVector>) {
        self.space.shorten(path, self.fit);
    }
}
