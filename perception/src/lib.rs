//! Pictures to a scene: the built-in vision-language model, its training, grounding, lifting, tracking.
