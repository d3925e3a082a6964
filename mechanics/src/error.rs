//! Why a robot file was refused.

/// A robot file that was refused: which file, which line, what was expected and what came (B16, B17).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct ModelError {
    /// The file as it was named by the caller, or the included file.
    pub file: String,
    /// The line, from one; one as well when the trouble is with the whole file.
    pub line: u32,
    /// What was expected and what came, a sentence.
    pub what: String,
}

impl ModelError {
    /// Trouble with a whole file.
    pub(crate) fn whole(file: &str, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: 1, what: what.into() }
    }
}
