//! How long something is waited for.

use core::time::Duration;
use std::time::Instant;

/// The end of a wait that has several parts.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    /// Whether it comes at all.
    until: Option<Instant>,
}

impl Limit {
    pub(crate) fn of(limit: Duration) -> Self {
        Self { until: Instant::now().checked_add(limit) }
    }

    /// What is left of it.
    pub(crate) fn left(&self) -> Duration {
        self.until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()))
    }
}
