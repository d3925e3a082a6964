//! The sentence half of the built-in model: what a person says, to a closed set of meanings.
//!
//! Three layers, each of which can only narrow what the one before allows:
//! 1. gates before the network ([`gates`]): empty, too long, invisible signs, prohibitions, conditions,
//!    things beyond the skills, unknown words;
//! 2. a small network ([`net`]) that labels every word, and says whether the sentence makes sense;
//! 3. rules after the network ([`decode`]): the labels must be licensed by the [`lexicon`], spell one
//!    meaning without anything left over, and agree with what the words literally say
//!    (`consistency.rs`).
//!
//! Whatever fails becomes a question to the person, never a motion. Sentences to learn from cost
//! nothing: the [`grammar`] words any utterance, with its labels.

mod attachment;
mod checkpoint;
mod consistency;
pub mod decode;
pub mod examples;
pub mod gates;
pub mod grammar;
pub mod lexicon;
pub mod net;
mod phrase;
pub mod reader;
pub mod stops;
pub mod tags;
pub mod text;
pub mod train;

pub use grammar::Split;
pub use reader::{Evaluation, Reader, Reading, evaluate};
pub use train::{Options, Trained, train};
