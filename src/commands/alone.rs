//! `sinew alone`: an arm to and fro in wall time under its watchdog, and one line of JSON about it; `sinew faults`
//! starts it to break it.

use super::{CommandError, Setting};
use crate::alone::{self, Trial};
use crate::cli::Common;
use crate::exit::Exit;

/// Moves the arm; something may break.
pub(crate) fn run(trial: Trial, common: &Common) -> Result<Exit, CommandError> {
    types::Rejection::positive("--seconds", trial.seconds)?;
    let setting = Setting::read(common, None)?;
    let outcome = alone::run(&setting.config, &setting.arm, trial, None);
    let outcome = outcome.map_err(|e| CommandError::Other(e.to_string()))?;
    println!("{}", serde_json::to_string(&outcome).map_err(|e| CommandError::Other(e.to_string()))?);
    Ok(Exit::Done)
}
