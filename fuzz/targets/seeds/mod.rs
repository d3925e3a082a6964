//! The seeds of a target, as files for libFuzzer to begin with.

use std::path::PathBuf;

/// Names the folder that the seeds are written to; the target then ends.
const FOLDER: &str = "SINEW_SEEDS";

/// Writes the seeds, if that is what the target was started for.
pub(crate) fn write_if_asked(seeds: impl FnOnce() -> Vec<Vec<u8>>) {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    for (i, bytes) in seeds().iter().enumerate() {
        let file = folder.join(format!("seed-{i:03}"));
        std::fs::write(&file, bytes).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
    std::process::exit(0);
}
