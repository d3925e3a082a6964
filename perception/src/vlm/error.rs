//! Why a vision-language model cannot be loaded or has no answer.

use std::path::Path;
use types::Rejection;
use types::seams::ModelError;

/// Why a model cannot be loaded or has no answer.
#[derive(Debug, thiserror::Error)]
pub enum VlmError {
    /// A file, a picture, a sentence or a number that is refused, by name (B27, B30, B31).
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// A file that cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The caller gave up.
    #[error("the call was cancelled")]
    Cancelled,
    /// The arithmetic behind it failed: no memory left on the device, or the like.
    #[error("the model's arithmetic failed: {0}")]
    Backend(String),
}

impl VlmError {
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { path, source }
    }
}

impl From<candle_core::Error> for VlmError {
    fn from(e: candle_core::Error) -> Self {
        // The first line alone: a trace of calls may follow.
        Self::Backend(e.to_string().lines().next().unwrap_or_default().to_owned())
    }
}

impl From<VlmError> for ModelError {
    fn from(e: VlmError) -> Self {
        match e {
            VlmError::Refused(rejection) => Self::Refused(rejection),
            VlmError::Cancelled => Self::Cancelled,
            VlmError::Io { .. } | VlmError::Backend(_) => Self::Unusable(e.to_string()),
        }
    }
}

/// What every function here returns.
pub(super) type Result<T, E = VlmError> = core::result::Result<T, E>;
