//! `sinew run`: do what a sentence says.

use super::{CommandError, episode, open_log, scenario};
use crate::cli::Common;
use crate::exit::Exit;
use crate::session::Pace;
use crate::{interrupt, runner};
use std::io::IsTerminal;

pub(crate) fn run(
    sentence: Option<&str>,
    common: &Common,
    answers: &[String],
    lockstep: bool,
) -> Result<Exit, CommandError> {
    let (scenario, setting) = scenario(common)?;
    let mut episode = episode(&scenario, &setting, sentence)?;
    episode.answers.extend(answers.iter().cloned());
    crate::models::prepare(&setting.config)?;
    let log = open_log(common, "run")?;
    let folder = log.folder().map(|f| f.path().display().to_string()).unwrap_or_default();
    interrupt::install();
    let pace = if lockstep { Pace::Lockstep } else { Pace::Wall };
    let is_interactive = std::io::stdin().is_terminal() && !common.json;
    let outcome = runner::run(&setting.config, &setting.arm, &episode, pace, log, is_interactive)?;
    if !common.json {
        println!("\n{} ({:.1} s of the robot's time). Folder: {folder}", outcome.said, outcome.seconds);
        if pace == Pace::Wall
            && let Ok(text) = std::fs::read_to_string(std::path::Path::new(&folder).join("loop.txt"))
        {
            // How late every tick came is for those who look for it.
            let said = text.lines().take_while(|line| *line != crate::report::JITTER);
            said.for_each(|line| println!("{line}"));
        }
    }
    Ok(outcome.exit)
}
