//! Vision-language models of others, from a folder of weights as published: pictures and a sentence to text.
//!
//! [`Vlm`] is the whole of it. A family of models is one file beside this one over shared blocks; what a
//! family must bring stands in `family.rs`. Every family is held against the reference implementation on
//! tiny random checkpoints (`scripts/fixtures`).

mod answer;
mod attention;
mod batch;
mod cache;
mod checkpoint;
mod decoder;
mod device;
mod digest;
#[cfg(test)]
mod drawn;
mod error;
mod family;
mod frames;
mod gemma;
#[cfg(feature = "cuda")]
mod gpu;
mod grammar;
mod layer;
mod layers;
mod mixture;
mod model;
mod paligemma;
mod patches;
mod picture;
mod positions;
mod prompt;
mod qwen;
mod qwen2_5_vl;
mod qwen3_vl;
mod resize;
mod sampling;
mod settings;
mod siglip;
mod smolvlm;
mod source;
mod template;
mod tiles;
mod tokens;
mod vision;

/// What a model is read from besides its weights (`model.safetensors`, or the files that
/// `model.safetensors.index.json` names), in the folder as it is published; not every model has all of them.
pub const FILES: [&str; 9] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "processor_config.json",
    "chat_template.json",
    "chat_template.jinja",
];

pub use answer::{Answering, Generated};
pub use batch::{MOST_BYTES, MOST_PROMPTS};
pub use device::{Place, Precision};
pub use error::VlmError;
pub use frames::FrameSampling;
pub use grammar::{Allowed, Following, Grammar, Guide};
pub use model::Vlm;
pub use picture::{MAX_FRAMES, MAX_SIDE, Medium, Pixels};
pub use prompt::Prompt;
pub use qwen2_5_vl::published_measure;
pub use sampling::Choice;
