//! `sinew ask --video`: the pictures of a film that a model of others is shown, each with its time.

use super::CommandError;
use super::ask_model::pixels;
use super::log::ffmpeg;
use bridge::Canvas;
use bridge::dataset::DatasetError;
use bridge::dataset::video::Ffmpeg;
use perception::vlm::{FrameSampling, MAX_FRAMES, MOST_BYTES, Medium, Vlm};
use std::path::{Path, PathBuf};
use types::Rejection;

/// A film as far as it can be looked at before a model is there.
pub(super) enum Film<'a> {
    /// Numbered pictures, so many of the numbers a second.
    Pictures(Vec<(u64, PathBuf)>, f64),
    /// Anything else, through ffmpeg.
    File(&'a Path, Option<f64>, Ffmpeg),
}

impl<'a> Film<'a> {
    /// The film at `path`: a folder of numbered pictures, or a file.
    pub(super) fn find(path: &'a Path, fps: Option<f64>) -> Result<Self, CommandError> {
        let is_folder = path.is_dir();
        let of_folder = "how many pictures of the folder are a second, 0.001 to 1000";
        let expected = if is_folder { of_folder } else { "0.001 to 1000 pictures per second" };
        if let Some(bad) = fps.filter(|fps| !(1e-3..=1e3).contains(fps)) {
            return Err(Rejection::new("--fps", expected, bad.to_string()).into());
        }
        if is_folder {
            let fps = fps.ok_or_else(|| Rejection::new("--fps", expected, "nothing"))?;
            let found = bridge::film::numbered(path)?;
            some(path, found.len())?;
            return Ok(Self::Pictures(found, fps));
        }
        let refuse = |expected: &'static str, got: String| Rejection::new("--video", expected, got);
        let name = path.display();
        if !path.is_file() {
            return Err(refuse("a folder of pictures, or a film", name.to_string()).into());
        }
        let program = "a folder of numbered pictures, or for a film the program ffmpeg (SINEW_FFMPEG)";
        let ffmpeg = ffmpeg()?.ok_or_else(|| refuse(program, format!("{name} and no ffmpeg")))?;
        Ok(Self::File(path, fps, ffmpeg))
    }

    /// Its pictures, as many as this model is shown.
    pub(super) fn shown(self, vlm: &Vlm) -> Result<Medium, CommandError> {
        let sampling = vlm.films().map_err(|r| Rejection { field: "--video".into(), ..r })?;
        let (pictures, seconds) = match self {
            Self::Pictures(found, fps) => folder(&found, fps)?,
            Self::File(path, fps, ffmpeg) => file(path, fps, &ffmpeg, sampling)?,
        };
        let frames = pictures.into_iter().map(pixels).collect::<Result<Vec<_>, _>>()?;
        Ok(Medium::Film { frames, seconds })
    }
}

type Shown = (Vec<Canvas>, Vec<f64>);

/// Every picture of a folder; its number over `fps` is its time, the first one's is 0. So the reference takes pictures
/// that were chosen before.
fn folder(found: &[(u64, PathBuf)], fps: f64) -> Result<Shown, CommandError> {
    let first = found.first().map_or(0, |(n, _)| *n);
    let seconds = found.iter().map(|(n, _)| (n - first) as f64 / fps).collect();
    let pictures =
        bridge::film::read(found, MOST_BYTES).map_err(|r| too_large(r, "fewer or smaller ones fit"))?;
    Ok((pictures, seconds))
}

/// A film of too many bytes by its flag, and what helps; other refusals as they are.
fn too_large(r: Rejection, helps: &str) -> Rejection {
    match &*r.field {
        "film" => Rejection { field: "--video".into(), got: format!("{}; {helps}", r.got).into(), ..r },
        _ => r,
    }
}

/// The pictures of a file that the model's settings, or `fps`, choose.
fn file(
    path: &Path,
    fps: Option<f64>,
    ffmpeg: &Ffmpeg,
    sampling: &FrameSampling,
) -> Result<Shown, CommandError> {
    let name = || path.display().to_string();
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
    let pictures = ffmpeg.pictures(path, &numbers, MOST_BYTES).map_err(|e| match e {
        DatasetError::Refused(r) => too_large(r, "--fps shows fewer").into(),
        e => CommandError::from(e),
    })?;
    Ok((pictures, numbers.iter().map(|n| *n as f64 / length.fps).collect()))
}

fn some(path: &Path, n: usize) -> Result<(), Rejection> {
    if (2..=MAX_FRAMES).contains(&n) {
        return Ok(());
    }
    let got = format!("{n} in {}", path.display());
    Err(Rejection::new("--video", format!("2 to {MAX_FRAMES} pictures"), got))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_that_is_too_large_is_refused_by_its_flag_and_with_what_helps() {
        let of =
            |field: &'static str| Rejection::new(field, "pictures of at most 9 bytes in all", "12 of 2 × 2");
        let said = too_large(of("film"), "--fps shows fewer").to_string();
        assert!(said.contains("--video: expected pictures of at most 9 bytes"), "{said}");
        assert!(said.contains("12 of 2 × 2; --fps shows fewer"), "{said}");
        assert_eq!(too_large(of("a.png"), "--fps shows fewer").to_string(), of("a.png").to_string());
    }
}
