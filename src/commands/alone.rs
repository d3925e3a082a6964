//! `sinew alone`: an arm to and fro in wall time under its watchdog, and one line of JSON about it; `sinew faults`
//! starts it to break it.

use super::{CommandError, Setting};
use crate::alone::{self, Break};
use crate::cli::Common;
use crate::exit::Exit;

/// Moves the arm for so many seconds; something may break after `at` seconds.
pub(crate) fn run(
    seconds: f64,
    breaks: Option<Break>,
    at: f64,
    common: &Common,
) -> Result<Exit, CommandError> {
    types::Rejection::positive("--seconds", seconds)?;
    let setting = Setting::read(common, None)?;
    let outcome = alone::run(&setting.config, &setting.arm, seconds, breaks.map(|b| (b, at)));
    let outcome = outcome.map_err(|e| CommandError::Other(e.to_string()))?;
    println!("{}", serde_json::to_string(&outcome).map_err(|e| CommandError::Other(e.to_string()))?);
    Ok(Exit::Done)
}
