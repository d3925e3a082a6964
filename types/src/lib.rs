//! The words of Sinew: messages, time, frames, joints, faults, and every seam between stages.
//!
//! This crate does no I/O, starts no thread and reads no clock. Everything that crosses from one
//! stage to another is defined here; a stage knows these words and no other stage.

pub mod ending;
pub mod events;
pub mod faults;
pub mod frames;
pub mod image;
pub mod joints;
pub mod language;
pub mod motion;
pub mod offer;
pub mod plan;
pub mod profile;
pub mod scene;
pub mod seams;
pub mod time;

pub use ending::{ENDING_LATE_S, ENDING_PLACES, Ending, EndingPlace};
pub use faults::{Fault, Rejection, StopCategory};
pub use frames::{Base, Optical, Tool, Transform, World};
pub use image::{Image, Intrinsics};
pub use joints::{CRAWL, JointLimits, JointVector, MAX_JOINTS, NearEnd};
pub use motion::{GripperCommand, GripperState, JointCommand, JointState, Trajectory};
pub use offer::{Offer, TaskKind};
pub use profile::{Drive, GripperProfile, RobotProfile};
pub use scene::{Color, Detection, ObjectId, Scene, Shape, Size, TrackedObject};
pub use time::Time;
