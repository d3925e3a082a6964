//! `sinew log import`: recordings of a dataset for learning.

use super::super::{CommandError, tell};
use super::export::ffmpeg;
use crate::dataset::{Taken, recording};
use crate::exit::Exit;
use bridge::dataset::Dataset;
use std::path::Path;

pub(super) fn run(path: &Path, out: &Path, episode: Option<u64>) -> Result<Exit, CommandError> {
    let dataset = Dataset::open(path)?;
    let ffmpeg = ffmpeg()?;
    super::export::new_path(out)?;
    let all: Vec<(u64, _)> = match episode {
        Some(n) => vec![(n, out.to_owned())],
        None => (0..dataset.episodes() as u64).map(|n| (n, out.join(format!("episode-{n:03}")))).collect(),
    };
    let (robot, fps) = (dataset.robot(), dataset.fps());
    tell!("{}: {} episodes of {robot}, {fps} frames a second", path.display(), dataset.episodes());
    for (n, folder) in all {
        let Taken { frames, task, left_out } = recording(&dataset, n, &folder, ffmpeg.as_ref())?;
        tell!("  episode {n}, \"{task}\": {frames} frames, in {}", folder.display());
        if !left_out.is_empty() {
            tell!("! left out: {}", left_out.join(", "));
        }
    }
    Ok(Exit::Done)
}
