//! `sinew log export`: out of recordings for tools that read none.

use super::super::replay::recording_at;
use super::super::{CommandError, tell};
use super::drawn;
use crate::cli::{ExportOptions, ExportTo, Only};
use crate::dataset::{Survey, View, instant, layout, numbers, samples};
use crate::exit::Exit;
use crate::recording::{Ticks, mode_word};
use crate::replay::Header;
use crate::split::{self, Found, Run};
use bridge::dataset::DatasetWriter;
use bridge::dataset::video::Ffmpeg;
use bridge::recording::Reader;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use types::Rejection;

/// Names the program that makes and reads videos, where it is not in the path.
const FFMPEG: &str = "SINEW_FFMPEG";

pub(super) fn run(options: &ExportOptions) -> Result<Exit, CommandError> {
    let ExportOptions { files, to, out, fps, only } = options;
    let refuse = |field: &'static str, expected: &'static str, got: String| {
        Err(CommandError::Refused(Rejection::new(field, expected, got)))
    };
    if only.is_some() && *to != ExportTo::Lerobot {
        return refuse("--only", "--to lerobot", "another".into());
    }
    if fps.is_some() && !matches!(to, ExportTo::Lerobot | ExportTo::Gif) {
        return refuse("--fps", "--to lerobot or gif", "another".into());
    }
    match out {
        Some(out) => new_path(out)?,
        None if *to == ExportTo::Csv => {}
        None => return refuse("--out", "where to", "nothing".into()),
    }
    for path in files.iter().map(|file| recording_at(file)) {
        if let Ok(part) = Reader::open(&path).map(|reader| reader.first_part())
            && part > 1
        {
            eprintln!(
                "warning: {}: it begins with part {part}: what came before is not in it",
                path.display()
            );
        }
    }
    match (to, out) {
        (ExportTo::Lerobot, Some(out)) => lerobot(files, out, *fps, *only),
        (ExportTo::Gif, Some(out)) => drawn::gif(&with_pictures(files)?, out, *fps),
        (ExportTo::Plots, Some(out)) => drawn::plots(&with_ticks(files)?, out),
        (_, out) => csv(&with_ticks(files)?, out.as_deref()),
    }
}

/// The recording that has the ticks of the run that these files are of.
fn with_ticks(files: &[PathBuf]) -> Result<PathBuf, CommandError> {
    let (run, left_out) = split::one(files)?;
    warn_of(&left_out);
    Ok(run.robot.path)
}

/// The recording that has its pictures.
fn with_pictures(files: &[PathBuf]) -> Result<PathBuf, CommandError> {
    // Pictures alone may be anybody's.
    if let [file] = files
        && recording_at(file).is_file()
    {
        return Ok(recording_at(file));
    }
    let (run, left_out) = split::one(files)?;
    warn_of(&left_out);
    match run.planners.as_slice() {
        [] => Ok(run.robot.path),
        [(part, _)] => Ok(part.path.clone()),
        all => {
            let got: Vec<String> = all.iter().map(|(part, _)| part.path.display().to_string()).collect();
            Err(Rejection::new("recordings", "one sentence's", got.join(", ")).into())
        }
    }
}

/// What lies beside what was asked for.
fn warn_of(left_out: &[String]) {
    left_out.iter().for_each(|other| eprintln!("warning: left out: {other}"));
}

/// What an episode each is made of: a run, or of one that was split each sentence, with the robot's part.
fn episodes(files: &[PathBuf]) -> Result<Vec<(Survey, Header)>, CommandError> {
    let Found { runs, left_out, .. } = split::runs(files)?;
    warn_of(&left_out);
    let mut all = Vec::new();
    for Run { robot, planners } in runs {
        if planners.is_empty() {
            let path = &robot.path;
            if robot.is_robots() {
                tell!("! {}: the planner's part is missing, which has pictures and sentence", path.display());
            }
            all.push((Survey::of(path)?, robot.header));
            continue;
        }
        for (part, _) in planners {
            let Some(lasted) = part.span() else {
                let field = format!("{}: sentence", part.path.display());
                return Err(Rejection::new(field, "the person's", "none").into());
            };
            all.push((Survey::of_parts(&part.path, &robot.path, lasted)?, part.header));
        }
    }
    Ok(all)
}

/// Refuses what is there already: nothing is written over.
pub(super) fn new_path(out: &Path) -> Result<(), CommandError> {
    if out.symlink_metadata().is_ok() {
        let got = format!("{}, which is there already", out.display());
        return Err(Rejection::new("--out", "a new file or folder", got).into());
    }
    Ok(())
}

/// The program that makes and reads videos, if there is one; one that was named must be there.
pub(crate) fn ffmpeg() -> Result<Option<Ffmpeg>, CommandError> {
    let Some(named) = std::env::var_os(FFMPEG).filter(|n| !n.is_empty()) else {
        return Ok(Ffmpeg::find(Path::new("ffmpeg")));
    };
    let found = Ffmpeg::find(Path::new(&named));
    let got = named.to_string_lossy().into_owned();
    found.map(Some).ok_or_else(|| Rejection::new(FFMPEG, "the program ffmpeg", got).into())
}

/// An episode of each run.
fn lerobot(
    files: &[PathBuf],
    out: &Path,
    fps: Option<u32>,
    only: Option<Only>,
) -> Result<Exit, CommandError> {
    let ffmpeg = ffmpeg()?;
    let mut all = Vec::new();
    for (survey, header) in episodes(files)? {
        let is_wanted = only.is_none() || survey.outcome == Exit::Done.word();
        if is_wanted {
            all.push((survey, header));
        } else {
            tell!("  {}: {}, left out", survey.path.display(), survey.outcome);
        }
    }
    let layout = layout(&all, fps)?;
    let fps = layout.fps;
    let cameras: Vec<String> = all.first().map_or(Vec::new(), |(s, _)| s.cameras.keys().cloned().collect());
    let codec = ffmpeg.as_ref().and_then(Ffmpeg::codec);
    let mut writer = DatasetWriter::create(out, layout, ffmpeg)?;
    let is_video = writer.is_video();
    for (survey, header) in &all {
        let path = survey.path.display();
        let begun = survey.begin();
        let samples = begun.map_or_else(|| Ok(Vec::new()), |(begin, _)| samples(survey, begin, fps))?;
        let mut views: Vec<View> = Vec::new();
        for camera in &cameras {
            views.push(View::open(&survey.path, camera)?);
        }
        writer.begin(&header.run.sentence)?;
        let mut n = 0;
        for pair in samples.windows(2) {
            let (now, next) = (&pair[0], &pair[1]);
            let Some((begin, _)) = begun else { break };
            let Some(numbers) = numbers(now, next) else { continue };
            let mut pictures = Vec::new();
            for view in &mut views {
                pictures.extend(view.at(instant(begin, n, fps))?);
            }
            let pictures: Vec<&bridge::Canvas> = pictures.iter().map(Rc::as_ref).collect();
            writer.frame(&numbers.each_ref().map(Vec::as_slice), &pictures)?;
            n += 1;
        }
        writer.end(&survey.outcome)?;
        let before = begun.map_or(0.0, |(_, s)| s);
        let before = if before > 1.0 / f64::from(fps) {
            format!("; {before:.1} s before the first pictures are left out")
        } else {
            String::new()
        };
        let left_out = if n == 0 { ", left out: too short, or of no robot" } else { "" };
        tell!("  {path}: {n} frames, {}{left_out}{before}", survey.outcome);
        for (camera, shown) in views.iter().map(View::shown).filter(|(_, shown)| 2 * shown < n) {
            tell!(
                "! {camera} has {shown} pictures for them: between these it was not looked at, and the last one stays"
            );
        }
    }
    let written = writer.finish()?;
    let pictures = match (cameras.len(), codec) {
        (0, _) => "no pictures: there are none in the recordings".to_owned(),
        (n, Some(codec)) if is_video => format!("{n} cameras as video ({codec})"),
        (n, _) => {
            format!("{n} cameras as PNG in the tables, for there is no ffmpeg that makes videos ({FFMPEG})")
        }
    };
    let (episodes, frames) = (written.episodes, written.frames);
    let word = if episodes == 1 { "episode" } else { "episodes" };
    tell!("{}: {episodes} {word}, {frames} frames at {fps} a second, {pictures}", out.display());
    Ok(Exit::Done)
}

/// Every tick in a line: what was measured and what was told.
fn csv(path: &Path, out: Option<&Path>) -> Result<Exit, CommandError> {
    let header = Header::read(path)?;
    let names = header.joint_names();
    let io = |e: std::io::Error| {
        let path = out.map_or_else(|| "standard output".to_owned(), |p| p.display().to_string());
        CommandError::Bridge(bridge::BridgeError::Io { path, source: e })
    };
    let to: Box<dyn Write> = match out {
        Some(path) => Box::new(File::create_new(path).map_err(io)?),
        None => Box::new(std::io::stdout().lock()),
    };
    let mut to = BufWriter::new(to);
    let vectors = ["q", "dq", "tau", "told_q", "told_dq", "told_ddq", "told_tau"];
    let columns: Vec<String> =
        vectors.iter().flat_map(|v| names.iter().map(move |n| format!("{v}.{n}"))).collect();
    let head = format!("time_s,tick,mode,motion,power,gripper_m,told_gripper_m,{}", columns.join(","));
    writeln!(to, "{head}").map_err(io)?;
    let mut ticks = Ticks::new(Reader::open(path)?);
    while let Some(r) = ticks.next()? {
        let mode = mode_word(r.mode);
        let motion = r.motion.map_or(0, |m| m.0);
        let measured = r.state.map_or(String::new(), |s| s.gripper.width_m.to_string());
        let told = r.command.gripper.width_m;
        let power = u8::from(r.command.enabled);
        write!(to, "{},{},{mode},{motion},{power},{measured},{told}", r.now.as_secs_f64(), r.tick)
            .map_err(io)?;
        let c = &r.command;
        let state = r.state.as_ref();
        let measured = [state.map(|s| &s.q), state.map(|s| &s.dq), state.map(|s| &s.tau)];
        for v in measured.into_iter().chain([&c.q, &c.dq, &c.ddq, &c.tau].map(Some)) {
            for j in 0..names.len() {
                match v.and_then(|v| v.get(j)) {
                    Some(x) => write!(to, ",{x}").map_err(io)?,
                    None => write!(to, ",").map_err(io)?,
                }
            }
        }
        writeln!(to).map_err(io)?;
    }
    to.flush().map_err(io)?;
    Ok(Exit::Done)
}
