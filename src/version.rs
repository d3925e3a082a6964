//! Which program this is.

/// The package's version: what a recording is compatible with.
pub(crate) const PACKAGE: &str = env!("CARGO_PKG_VERSION");
/// The commit that it was built from, as far as that is known.
pub(crate) const BUILD: &str = env!("SINEW_BUILD");
/// Both.
pub(crate) const WHOLE: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("SINEW_BUILD"), ")");
