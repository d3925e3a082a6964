//! Pictures to a scene: the built-in vision-language model, its training, grounding, lifting, tracking.

pub mod language;
pub mod train;
pub mod vision;
pub mod weights;
