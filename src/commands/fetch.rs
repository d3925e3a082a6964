//! `sinew fetch`: a model from a hub, ahead of time; nothing else is done.

use super::{CommandError, config};
use crate::exit::Exit;
use serde::Serialize;
use std::io::Write as _;
use std::path::Path;

/// What `--json` prints, in one line.
#[derive(Serialize)]
struct Said<'a> {
    /// `owner/name`.
    model: String,
    revision: &'a str,
    commit: &'a str,
    folder: String,
    files: Vec<File<'a>>,
    /// Bytes that came over the line this time.
    fetched_bytes: u64,
}

#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    bytes: u64,
}

pub(crate) fn run(model: &str, config_path: Option<&Path>, json: bool) -> Result<Exit, CommandError> {
    let name = crate::hub::name("model", model)?;
    let fetched = crate::hub::fetch(&name, &config(config_path)?.hub)?;
    let folder = fetched.folder.display().to_string();
    let line = if json {
        let said = Said {
            model: name.repository(),
            revision: name.revision(),
            commit: &fetched.commit,
            folder,
            files: fetched.files.iter().map(|(name, bytes)| File { name, bytes: *bytes }).collect(),
            fetched_bytes: fetched.n_fetched,
        };
        serde_json::to_string(&said).map_err(|e| CommandError::Other(e.to_string()))?
    } else {
        folder
    };
    // A reader that went away is no failure of the hub's.
    let _ = writeln!(std::io::stdout(), "{line}");
    Ok(Exit::Done)
}
