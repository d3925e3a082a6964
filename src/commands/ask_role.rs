//! `sinew ask --role` without `--model`: the model that the configuration names, asked alone with one of Sinew's own
//! prompts; nothing moves.

use super::ask::as_image;
use super::ask_model::check_pictures;
use super::{CommandError, Setting};
use crate::cli::Common;
use crate::exit::Exit;
use core::time::Duration;
use perception::roles::Role;
use serde::Serialize;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use types::seams::Budget;

/// What `--json` prints, in one line.
#[derive(Serialize)]
struct Said<'a> {
    /// Who answered.
    model: String,
    /// Which prompt.
    role: String,
    /// Of prompt and answer.
    tokens: [usize; 2],
    text: &'a str,
}

pub(crate) fn run(
    role: Role,
    sentence: &str,
    images: &[PathBuf],
    common: &Common,
) -> Result<Exit, CommandError> {
    check_pictures(role, images)?;
    let setting = Setting::read(common, None)?;
    let mut speaker = crate::models::speaker(&setting.config)?;
    let pictures = images.iter().map(|path| {
        let canvas = bridge::files::read_picture(path).map_err(|e| CommandError::Other(e.to_string()))?;
        as_image(&canvas).map_err(CommandError::from)
    });
    let pictures = pictures.collect::<Result<Vec<_>, _>>()?;
    let cancel = AtomicBool::new(false);
    let limit = Duration::from_secs_f64(setting.config.perception.answer_limit_s);
    let budget = Budget { limit, cancel: &cancel };
    let shown: Vec<_> = pictures.iter().collect();
    let said = speaker.say(&shown, &role.prompt(sentence), &role.grammar()?, budget);
    let said = said.map_err(|e| CommandError::Speaker(e.to_string()))?;
    role.check(&said.text).map_err(|e| CommandError::Speaker(e.to_string()))?;
    let line = if common.json {
        let role = format!("{}, {}", role.name(), role.version());
        let said = Said { model: speaker.identity(), role, tokens: said.tokens, text: &said.text };
        serde_json::to_string(&said).map_err(|e| CommandError::Other(e.to_string()))?
    } else {
        said.text
    };
    // A reader that went away is no failure of the model's.
    let _ = writeln!(std::io::stdout(), "{line}");
    Ok(Exit::Done)
}
