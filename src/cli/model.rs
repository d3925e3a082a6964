//! What `sinew ask` is told of a model of others.

use clap::Args;
use std::path::PathBuf;

/// A vision-language model of others, in place of the built-in one.
#[derive(Clone, Debug, Args)]
pub(crate) struct ModelOptions {
    /// Folder of a model as published (config.json, safetensors, tokenizer.json, ...), or `hub:owner/name` or
    /// `hub:owner/name@revision`, which is fetched once: it is asked alone, with its own chat template. Qwen3-VL,
    /// Qwen2.5-VL, SmolVLM2 and PaliGemma 2 so far.
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Where the model computes: `cpu`, or `cuda` in a build with the feature cuda.
    #[arg(long, default_value = "cpu", requires = "model")]
    pub(crate) device: perception::vlm::Place,
    /// In which numbers: `f32`, `f16`, `bf16` on cuda, or `f32` with weights in 8 or 4 bits: `q8`, `q4`.
    #[arg(long, default_value = "f32", requires = "model")]
    pub(crate) dtype: perception::vlm::Precision,
    /// Ask with one of Sinew's own prompts, and hold the answer to its JSON: look, describe, count (one picture),
    /// judge (one from before, one from after), read, explain, ask (none). Without --model the model that `robot.toml` names.
    #[arg(long, conflicts_with = "logits")]
    pub(crate) role: Option<perception::roles::Role>,
    /// A film that the model is shown after the pictures: a folder of numbered PNG or JPEG pictures, or a file, of which
    /// ffmpeg (`SINEW_FFMPEG`, or in the path) makes as many pictures as the model's own settings ask for.
    #[arg(long, value_name = "PATH", requires = "model", conflicts_with_all = ["role", "batch"])]
    pub(crate) video: Option<PathBuf>,
    /// Pictures in a second of --video: how far apart the numbers of a folder's are, all of which are shown; of a file
    /// how many are shown, in place of what the model's settings say.
    #[arg(long, value_name = "N", requires = "video")]
    pub(crate) fps: Option<f64>,
    /// Most tokens of the answer.
    #[arg(long, default_value_t = 512, requires = "model")]
    pub(crate) max_tokens: usize,
    /// Always the likeliest token; so without --temperature.
    #[arg(long, requires = "model", conflicts_with_all = ["temperature", "top_p"])]
    pub(crate) greedy: bool,
    /// Tokens at random, from --seed: below 1 the likely become likelier.
    #[arg(long, requires = "model")]
    pub(crate) temperature: Option<f64>,
    /// Only the likeliest tokens that together have this probability.
    #[arg(long, requires = "temperature")]
    pub(crate) top_p: Option<f64>,
    /// Print the logits of tokens 0 to N-1 at the answer's first position too; end tokens then end nothing.
    #[arg(long, value_name = "N", requires = "model")]
    pub(crate) logits: Option<usize>,
}
