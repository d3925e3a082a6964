//! A goal and a scene to a checked plan and a trajectory.
//!
//! [`TablePlanner`] decides (a sentence's meaning and a scene to skills and goal facts), [`resolve`]
//! finds what a phrase means, [`Motion`] turns a skill into checked steps, [`judge`] tells from perception
//! whether something came about. Nothing here reads a clock, a file, or a word of a model's.

mod answer;
mod config;
mod decide;
mod draft;
mod failure;
mod footprint;
mod grasp;
mod hold;
mod judge;
mod load;
mod motion;
mod obstacles;
mod offer;
mod paths;
mod pose;
mod push;
mod reach;
pub mod relations;
mod replan;
mod resolve;
mod search;
mod slide;
mod smooth;
mod space;
mod spots;
mod tasks;
mod tops;
mod words;

pub use answer::answer;
pub use config::Config;
pub use decide::{TablePlanner, is_another_look};
pub use failure::PlanFailure;
pub use footprint::{Footprint, narrow_side};
pub use grasp::{Grasp, grasps, pointing_down};
pub use judge::{Verdict, holding, judge, judge_skill, successor};
pub use motion::{ClearOf, Expect, Held, Motion, Patience, Prepared, Step};
pub use obstacles::{keep_out, obstacles};
pub use paths::Paths;
pub use resolve::{Matching, Resolved, matching, resolve, resolve_without};
pub use spots::{Area, NoSpot, PlaceSpot, place_spots};
pub use words::names;
