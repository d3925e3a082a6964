//! Why a skill got no motion.

use crate::obstacles::plain;
use crate::spots::NoSpot;
use mechanics::collision::Clearance;
use mechanics::ik::{IkFailure, Reason};
use mechanics::timing::TimingError;
use types::Rejection;

/// Why a skill cannot be carried out as the scene stands. Each says what was tried.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanFailure {
    /// The object is not in the scene.
    #[error("{what} is not in the scene any more")]
    Lost {
        /// Which.
        what: String,
    },
    /// The skill's precondition does not hold.
    #[error("{0}")]
    Precondition(String),
    /// The object does not fit the gripper.
    #[error("{what} is {:.0} mm wide, and the gripper opens to {:.0} mm", side_m * 1e3, width_m * 1e3)]
    TooWide {
        /// Which.
        what: String,
        /// Its narrow side, metres.
        side_m: f64,
        /// The gripper's opening, metres.
        width_m: f64,
    },
    /// A pose the arm does not reach.
    #[error("cannot {what}: out of reach by {:.0} mm", by_m * 1e3)]
    Unreachable {
        /// What was wanted.
        what: String,
        /// How far the nearest reachable place is, metres.
        by_m: f64,
    },
    /// Nothing was found in the time that inverse kinematics may take.
    #[error("cannot {what}: no joints that reach it were found in the time that may be spent on it")]
    Late {
        /// What was wanted.
        what: String,
    },
    /// A pose or line where something is in the way.
    #[error("cannot {what}: {first} would come within {:.0} mm of {second}", distance_m * 1e3)]
    Collision {
        /// What was wanted.
        what: String,
        /// Part of the robot, or the held object.
        first: String,
        /// What it would meet.
        second: String,
        /// How near, metres; negative is overlap.
        distance_m: f64,
    },
    /// The motors are too weak for it, however slowly.
    #[error("cannot {what}: on the way a joint would need {:.0} % of its torque limit", 100.0 * share)]
    TooHeavy {
        /// What was wanted.
        what: String,
        /// The largest share of a torque limit that is needed.
        share: f64,
    },
    /// There is no free place to put it.
    #[error(transparent)]
    NoSpot(#[from] NoSpot),
    /// Both ends are free, and no way between them was found within the budget.
    #[error("found no free way to {what}")]
    NoPath {
        /// What was wanted.
        what: String,
    },
    /// The path could not be timed.
    #[error(transparent)]
    Timing(#[from] TimingError),
    /// Something in the way of a number was refused.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl PlanFailure {
    pub(crate) fn collision(what: &str, met: &Clearance) -> Self {
        Self::Collision {
            what: what.to_owned(),
            first: met.first.clone(),
            second: plain(&met.second).to_owned(),
            distance_m: met.distance,
        }
    }

    pub(crate) fn unreachable(what: &str, failure: &IkFailure) -> Self {
        match &failure.reason {
            Reason::Input(rejection) => Self::Rejected(rejection.clone()),
            Reason::CutShort => Self::Late { what: what.to_owned() },
            _ => {
                Self::Unreachable { what: what.to_owned(), by_m: failure.nearest_m.max(failure.best_error_m) }
            }
        }
    }
}
