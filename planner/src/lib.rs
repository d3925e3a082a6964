//! A goal and a scene to a checked plan and a trajectory.
//!
//! [`TablePlanner`] decides (a sentence's meaning and a scene to skills and goal facts), [`resolve`]
//! finds what a phrase means, [`judge`] tells from perception whether something came about. Nothing
//! here reads a clock, a file, or a word of a model's.

mod answer;
mod config;
mod decide;
mod draft;
mod footprint;
mod judge;
mod push;
pub mod relations;
mod replan;
mod resolve;
mod spots;
mod tasks;
mod tops;
mod words;

pub use answer::answer;
pub use config::Config;
pub use decide::{TablePlanner, is_another_look};
pub use footprint::{Footprint, narrow_side};
pub use judge::{Verdict, holding, judge, judge_skill, successor};
pub use resolve::{Matching, Resolved, matching, resolve, resolve_without};
pub use spots::{Area, NoSpot, PlaceSpot, place_spots};
