//! `sinew replay`: a recorded run once more, compared bit for bit.

use super::{CommandError, tell};
use crate::exit::Exit;
use crate::graph::taped::Difference;
use crate::recording::FILE;
use crate::replay::{self, Header, Replayed, Unit};
use std::path::{Path, PathBuf};
use std::time::Instant;
use types::JointVector;

pub(crate) fn run(recordings: &[PathBuf], requery: bool, json: bool) -> Result<Exit, CommandError> {
    let mut identical = 0;
    for file in recordings {
        match one(file, requery, json) {
            Ok(is_identical) => identical += usize::from(is_identical),
            Err(e) if recordings.len() == 1 => return Err(e),
            Err(e) => eprintln!("error: {e}"),
        }
    }
    if recordings.len() > 1 && !json {
        tell!("\n{identical} of {} recordings came out the same, to the last bit", recordings.len());
    }
    Ok(if identical == recordings.len() { Exit::Done } else { Exit::Failed })
}

/// Whether all of it came out the same.
fn one(file: &Path, requery: bool, json: bool) -> Result<bool, CommandError> {
    let path = recording_at(file);
    let header = Header::from_beginning(&path)?;
    let begun = Instant::now();
    let replayed = replay::run(&path, &header, requery)?;
    let took_s = begun.elapsed().as_secs_f64();
    let names = header.joint_names();
    let lines = lines(&replayed, &names, took_s);
    if json {
        tell!("{}", object(&path, &replayed, &lines, took_s));
    } else {
        tell!("{}: {}\n  {}", path.display(), called(&header), lines.join("\n  "));
    }
    Ok(replayed.is_identical())
}

/// What a recording is of: the sentence, if there was one.
pub(crate) fn called(header: &Header) -> String {
    match header.run.sentence.as_str() {
        "" => header.run.share.words().to_owned(),
        sentence => format!("\"{sentence}\""),
    }
}

/// A recording, or the one in a run's folder.
pub(crate) fn recording_at(file: &Path) -> PathBuf {
    if file.is_dir() { file.join(FILE) } else { file.to_owned() }
}

fn span_s(r: &Replayed) -> f64 {
    r.compared.span.map_or(0.0, |(first, last)| last.secs_since(first))
}

fn lines(r: &Replayed, names: &[&str], took_s: f64) -> Vec<String> {
    let (c, span_s) = (&r.compared, span_s(r));
    let (what, one) = match r.unit {
        Unit::Ticks => ("ticks", "command"),
        Unit::Requests => ("requests to the robot", "request"),
    };
    let mut lines = vec![format!(
        "{} {what}, {span_s:.1} s of the robot's time, done again in {took_s:.2} s ({:.0} times as fast)",
        c.ticks,
        span_s / took_s.max(1e-9)
    )];
    if let Some(first) = &c.first {
        lines.push(format!("{} commands differ; the first: {}", c.different, difference(first, names)));
    }
    if let Some(problem) = &c.problem {
        lines.push(format!("the loop could not be followed to its end: {problem}"));
    }
    if let Some(divergence) = &r.divergence {
        lines.push(format!("it left its recording: {divergence}"));
    }
    if let Some(again) = &r.again {
        let n = again.other.len();
        lines.push(format!("{} questions to models asked again: {n} answers are others", again.asked));
        lines.extend(again.other.iter().cloned());
    }
    if r.is_identical() {
        lines.push(format!("every {one} is the same, to the last bit"));
    } else if c.ticks == 0 && r.unit == Unit::Ticks {
        lines.push("there are no ticks in it".into());
    }
    lines
}

/// The first number that is another.
pub(super) fn difference(d: &Difference, names: &[&str]) -> String {
    let (was, is) = (&d.record.command, &d.command);
    let at = format!("tick {} at {:.3} s", d.record.tick, d.record.now.as_secs_f64());
    let vectors: [(&str, &JointVector, &JointVector); 4] = [
        ("position", &was.q, &is.q),
        ("velocity", &was.dq, &is.dq),
        ("acceleration", &was.ddq, &is.ddq),
        ("torque", &was.tau, &is.tau),
    ];
    for (what, was, is) in vectors {
        if was.len() != is.len() {
            return format!("{at}: {} joints, recorded {}", is.len(), was.len());
        }
        let other = was.iter().zip(is.iter()).position(|(a, b)| a.to_bits() != b.to_bits());
        if let Some(j) = other {
            let name = names.get(j).copied().unwrap_or("a joint");
            return format!("{at}: {what} of {name} is {:?}, recorded {:?}", is[j], was[j]);
        }
    }
    if was.enabled != is.enabled {
        let word = |on: bool| if on { "power" } else { "no power" };
        return format!("{at}: {}, recorded {}", word(is.enabled), word(was.enabled));
    }
    format!("{at}: gripper {:?}, recorded {:?}", is.gripper, was.gripper)
}

fn object(path: &Path, r: &Replayed, lines: &[String], took_s: f64) -> serde_json::Value {
    serde_json::json!({
        "file": path.display().to_string(),
        "identical": r.is_identical(),
        "compared": match r.unit { Unit::Ticks => "ticks", Unit::Requests => "requests" },
        "ticks": r.compared.ticks,
        "different": r.compared.different,
        "robot_s": span_s(r),
        "took_s": took_s,
        "notes": r.notes,
        "divergence": r.divergence,
        "problem": r.compared.problem,
        "said": r.said,
        "asked_again": r.again.as_ref().map(|a| a.asked),
        "other_answers": r.again.as_ref().map(|a| &a.other),
        "lines": lines,
    })
}
