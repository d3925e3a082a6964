//! Whatever leaves the process: pictures, plots, animated pictures, recordings, datasets, run folders; and what comes in
//! from elsewhere: answers of models, models, and what other nodes say.
//!
//! This crate draws and writes; it decides nothing and knows no other stage.

mod address;
pub mod animation;
#[cfg(any(feature = "dds", feature = "ros2"))]
pub mod asking;
pub mod canvas;
pub mod chat;
pub mod dataset;
#[cfg(feature = "dds")]
pub mod dds;
pub mod files;
pub mod film;
mod font;
pub mod hub;
pub mod jpeg;
#[cfg(any(feature = "dds", feature = "wire", feature = "ros2"))]
mod limit;
#[cfg(feature = "ros2")]
pub mod native;
pub mod plot;
#[cfg(any(feature = "dds", feature = "wire", feature = "ros2"))]
mod queue;
pub mod record;
pub mod recording;
pub mod ros;
#[cfg(feature = "wire")]
pub mod ros_zenoh;
#[cfg_attr(not(feature = "wire"), allow(dead_code, reason = "what only the wire uses of it"))]
pub mod trust;
#[cfg(feature = "wire")]
pub mod wire;

pub use animation::Animation;
pub use canvas::Canvas;
pub use plot::{Panel, Plot, Series};
pub use record::RunFolder;

/// What can go wrong at the rim of the process.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A recording that is none.
    #[error("{path}: {what}")]
    Recording {
        /// Which file.
        path: String,
        /// What was expected and what came.
        what: String,
    },
    /// A picture file that is none, or of a kind that is not read.
    #[error("{path}: {what}")]
    Picture {
        /// Which file.
        path: String,
        /// What was expected and what came.
        what: String,
    },
}

impl BridgeError {
    fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.display().to_string(), source }
    }
}
