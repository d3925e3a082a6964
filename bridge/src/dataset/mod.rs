//! Datasets for learning, out and in: folders as LeRobot's `LeRobotDataset` of version 3.0 lays them out, with tables in
//! Parquet and pictures as video (through a program `ffmpeg`, where there is one) or as PNG in the tables.
//!
//! What comes in may be anybody's: every length and field is checked, and what does not fit is an error that says where.

mod info;
mod open;
mod read;
mod stats;
pub mod video;
mod write;
mod writer;

#[cfg(test)]
mod tests;

pub use info::{Camera, Numbers};
pub use open::{Dataset, Episode, Pictures};
pub use writer::{DatasetWriter, Layout, Written};

use std::path::Path;

/// Why a dataset could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file that is not what it should be.
    #[error("{path}: {what}")]
    Damaged {
        /// Which one.
        path: String,
        /// Which field, what was expected and what came.
        what: String,
    },
    /// What was to be written does not fit, or a request does not fit the dataset.
    #[error(transparent)]
    Refused(#[from] types::Rejection),
    /// The program that makes and reads videos failed, or is not there.
    #[error("{program}: {what}")]
    Video {
        /// Which program.
        program: String,
        /// What it said.
        what: String,
    },
}

impl DatasetError {
    fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.display().to_string(), source }
    }
}

fn damage(path: &Path, field: &str, why: impl core::fmt::Display) -> DatasetError {
    DatasetError::Damaged { path: path.display().to_string(), what: format!("{field}: {why}") }
}
