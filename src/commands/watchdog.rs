//! `sinew watchdog`: keeps guard over a loop of another process; started by `sinew run`.

use super::CommandError;
use crate::exit::Exit;
use std::path::Path;

/// Keeps guard over the loop whose page is at `page`, until that loop ends.
pub(crate) fn run(page: &Path) -> Result<Exit, CommandError> {
    // The loop still stops and parks: without strokes its arm has no power for that.
    crate::interrupt::ignore();
    let rights = control::Watchdog::open(page)?.guard().keep();
    for note in &rights.notes {
        eprintln!("watchdog: {note}");
    }
    Ok(Exit::Done)
}
