//! The emergency stop's line, read from a file: a pin as the kernel shows it, or what another program writes.

use control::{LineWatch, MonotonicClock, StopLine};
use std::fs::File;
use std::os::unix::fs::FileExt;
use types::Rejection;

/// Reads the line at `path` for as long as what it returns is kept: `1` at the beginning of the file is a closed line,
/// anything else, and a file that cannot be read any more, an open one.
///
/// # Errors
/// A [`Rejection`] that names the key, of a file that cannot be opened or read.
pub(crate) fn watch(
    path: &str,
    line: StopLine,
    clock: MonotonicClock,
    fifo_priority: Option<u8>,
) -> Result<LineWatch, Rejection> {
    let refuse = |why: std::io::Error| {
        let expected = "a file that begins with 1 while the line is closed";
        Rejection::new("safety.stop_line", expected, format!("{path}: {why}"))
    };
    let file = File::open(path).map_err(refuse)?;
    file.read_at(&mut [0], 0).map_err(refuse)?;
    let is_closed = move || {
        let mut first = [0];
        matches!(file.read_at(&mut first, 0), Ok(1)) && first == *b"1"
    };
    line.watch(clock, fifo_priority, is_closed).map_err(refuse)
}
