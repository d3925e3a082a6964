//! What is said of a fetching: how it goes, why it failed, how long it waits.

use core::time::Duration;
use std::path::Path;
use types::Rejection;

/// Why there is no folder.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// What was asked for, or what the hub says is there, is not to be fetched.
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It is of a kind that is not wanted; its weights were not fetched.
    #[error("{name}: {what}")]
    Unfit {
        /// The repository.
        name: String,
        /// Why.
        what: String,
    },
    /// The hub refuses, or fails too often.
    #[error("{host}: {about}: {what}")]
    Failed {
        /// Who was asked.
        host: String,
        /// For what.
        about: String,
        /// What came.
        what: String,
    },
    /// A file came twice with another sum than the hub publishes.
    #[error("{host}: {file}: expected {expected}, got {got}, twice; nothing of it is kept")]
    Spoilt {
        /// Who was asked.
        host: String,
        /// Which one.
        file: String,
        /// The sum that is published.
        expected: String,
        /// The sum of what came.
        got: String,
    },
    /// The disk has too little room.
    #[error("{path}: expected room for {need} bytes more, got {free}")]
    Full {
        /// Where.
        path: String,
        /// Bytes.
        need: u64,
        /// Bytes.
        free: u64,
    },
    /// Whoever asked does not want it any more; what has come is kept.
    #[error("the fetching was cancelled; it goes on from where it was")]
    Cancelled,
}

impl HubError {
    pub(super) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { path: path.clone(), source }
    }
}

/// What happens meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// Another process fetches the same repository.
    Waits,
    /// What the hub says.
    Found {
        /// The commit.
        commit: &'a str,
        /// How many files.
        n_files: usize,
        /// Bytes of all of them.
        bytes: u64,
    },
    /// A file is under way.
    Bytes {
        /// Which one.
        file: &'a str,
        /// Bytes of it that are here.
        done: u64,
        /// Bytes of it.
        size: u64,
        /// Bytes of all files that are here.
        done_in_all: u64,
        /// Bytes of all files.
        in_all: u64,
    },
    /// A file stands, whole and checked.
    Stands {
        /// Which one.
        file: &'a str,
        /// Bytes of it.
        size: u64,
    },
    /// A try has failed; there will be another.
    Again {
        /// What for.
        about: &'a str,
        /// Why.
        why: &'a str,
        /// In how long.
        after: Duration,
    },
}

/// How long a hub is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Longest time without a byte.
    pub silence: Duration,
    /// The first distance between two tries; every further one is twice as long, up to the longest.
    pub first_wait: Duration,
    /// The longest one.
    pub longest_wait: Duration,
    /// The longest one that a server may ask for.
    pub longest_after: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(30),
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(15),
            longest_after: Duration::from_secs(120),
        }
    }
}
