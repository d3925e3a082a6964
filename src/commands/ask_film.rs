//! `sinew ask --video`: the pictures of a film that a model of others is shown, each with its time.

use super::CommandError;
use super::ask_model::pixels;
use super::log::ffmpeg;
use bridge::Canvas;
use perception::vlm::{FrameSampling, MAX_FRAMES, MOST_BYTES, Medium, Vlm};
use std::path::Path;
use types::Rejection;

/// The film at `path`: a folder of numbered pictures as it is, anything else through ffmpeg.
pub(super) fn film(path: &Path, fps: Option<f64>, vlm: &Vlm) -> Result<Medium, CommandError> {
    let sampling = vlm.films().map_err(|r| Rejection { field: "--video".into(), ..r })?;
    let (pictures, seconds) = if path.is_dir() { folder(path, fps)? } else { file(path, fps, sampling)? };
    let frames = pictures.into_iter().map(pixels).collect::<Result<Vec<_>, _>>()?;
    Ok(Medium::Film { frames, seconds })
}

type Shown = (Vec<Canvas>, Vec<f64>);

/// Every picture of a folder; its number over `fps` is its time. So the reference takes pictures that were chosen before.
fn folder(path: &Path, fps: Option<f64>) -> Result<Shown, CommandError> {
    let expected = "how many pictures of the folder are a second, 0.001 to 1000";
    let fps = fps.ok_or_else(|| Rejection::new("--fps", expected, "nothing"))?;
    if !(1e-3..=1e3).contains(&fps) {
        return Err(Rejection::new("--fps", expected, fps.to_string()).into());
    }
    let found = bridge::film::numbered(path)?;
    some(path, found.len())?;
    let first = found.first().map_or(0, |(n, _)| *n);
    let seconds = found.iter().map(|(n, _)| (n - first) as f64 / fps).collect();
    Ok((bridge::film::read(&found, MOST_BYTES)?, seconds))
}

/// The pictures of a file that the model's settings, or `fps`, choose.
fn file(path: &Path, fps: Option<f64>, sampling: &FrameSampling) -> Result<Shown, CommandError> {
    let name = || path.display().to_string();
    if path.metadata().is_err() {
        return Err(Rejection::new("--video", "a folder of pictures, or a film", name()).into());
    }
    let Some(ffmpeg) = ffmpeg()? else {
        let expected = "a folder of numbered pictures, or for a film the program ffmpeg (SINEW_FFMPEG)";
        return Err(Rejection::new("--video", expected, format!("{} and no ffmpeg", name())).into());
    };
    let length = ffmpeg.length(path)?;
    let numbers = sampling.pick(length.pictures, length.fps, fps).map_err(|r| match &*r.field {
        "fps" => Rejection { field: "--fps".into(), ..r },
        _ => Rejection { field: format!("--video {}: {}", name(), r.field).into(), ..r },
    })?;
    if numbers.len() > MAX_FRAMES {
        let got = format!("{} at {:.3} a second; --fps shows fewer", numbers.len(), length.fps);
        return Err(Rejection::new("--video", format!("at most {MAX_FRAMES} pictures"), got).into());
    }
    some(path, numbers.len())?;
    let pictures = ffmpeg.pictures(path, &numbers, MOST_BYTES)?;
    Ok((pictures, numbers.iter().map(|n| *n as f64 / length.fps).collect()))
}

fn some(path: &Path, n: usize) -> Result<(), Rejection> {
    if (2..=MAX_FRAMES).contains(&n) {
        return Ok(());
    }
    let got = format!("{n} in {}", path.display());
    Err(Rejection::new("--video", format!("2 to {MAX_FRAMES} pictures"), got))
}
