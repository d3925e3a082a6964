//! Pictures to a scene: the built-in vision-language model, its training, grounding, lifting, tracking.

pub mod health;
pub mod intruders;
pub mod language;
pub mod lift;
pub mod model;
pub mod pointing;
pub mod roles;
pub mod tracker;
pub mod train;
pub mod vision;
pub mod vlm;
pub mod weights;

pub use model::BuiltinModel;
