//! Why a simulated world could not be made, or stopped.

use types::{Rejection, Time};

/// A world that cannot be built, or that stopped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SimError {
    /// A field of a scene or of a rule is out of range.
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// The objects of a rule do not fit into its area.
    #[error("no room for {object} within {tries} tries in the area {area_m:?} m, gap {gap_m} m")]
    NoRoom {
        /// The object that found no place.
        object: String,
        /// How often it was tried.
        tries: usize,
        /// x from, x to, y from, y to.
        area_m: [f64; 4],
        /// Least distance between two objects.
        gap_m: f64,
    },
    /// The composed scene could not be loaded.
    #[error("the scene could not be built: {0}")]
    Build(String),
    /// A body's pose or speed is no longer a number; the world stands still from then on.
    #[error("the physics became non-finite at {:.3} s: {what}", at.as_secs_f64())]
    NonFinite {
        /// When.
        at: Time,
        /// Which body, and what of it.
        what: String,
    },
}
