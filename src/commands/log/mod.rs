//! `sinew log`: what is in a recording, out of it for tools that read no recordings, and recordings out of datasets.

mod drawn;
mod export;
mod import;

pub(super) use export::ffmpeg;

use super::replay::recording_at;
use super::{CommandError, tell};
use crate::cli::LogCommand;
use crate::exit::Exit;
use crate::recording::{Asked, DIAGNOSTICS, LoopSum, MODEL, RUN, RunInfo};
use bridge::recording::Reader;
use bridge::ros::{DiagnosticArray, DiagnosticStatus, ModelCall};
use std::collections::BTreeMap;
use std::path::Path;
use types::Time;

pub(crate) fn run(command: &LogCommand) -> Result<Exit, CommandError> {
    match command {
        LogCommand::Info { file, json } => info(&recording_at(file), *json),
        LogCommand::Export(options) => export::run(options),
        LogCommand::Import { dataset, out, episode } => import::run(dataset, out, *episode),
    }
}

/// What there is of one topic.
struct Content {
    schema: String,
    messages: u64,
    bytes: u64,
    first: Time,
    last: Time,
}

fn info(path: &Path, json: bool) -> Result<Exit, CommandError> {
    let mut reader = Reader::open(path)?;
    let mut topics: BTreeMap<String, Content> = BTreeMap::new();
    let mut diagnostics: Vec<DiagnosticArray> = Vec::new();
    let mut asked = Asked::default();
    for m in reader.by_ref() {
        if m.info.topic == MODEL
            && let Ok(call) = m.read::<ModelCall>()
        {
            asked.add(&call);
        }
        if m.info.topic == DIAGNOSTICS {
            diagnostics.extend(m.read());
        }
        let content = topics.entry(m.info.topic.clone()).or_insert_with(|| Content {
            schema: m.info.schema.clone(),
            messages: 0,
            bytes: 0,
            first: m.stamp,
            last: m.stamp,
        });
        content.messages += 1;
        content.bytes += m.data.len() as u64;
        content.first = content.first.min(m.stamp);
        content.last = content.last.max(m.stamp);
    }
    let length = |path: &std::path::PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
    let parts: Vec<(String, u64)> =
        reader.parts().iter().map(|path| (path.display().to_string(), length(path))).collect();
    let bytes: u64 = parts.iter().map(|(_, bytes)| bytes).sum();
    let first = topics.values().map(|c| c.first).min().unwrap_or_default();
    let last = topics.values().map(|c| c.last).max().unwrap_or_default();
    let seconds = last.secs_since(first);
    let control = LoopSum::of(&diagnostics);
    // What came from a dataset says nothing of a run.
    let run = reader.attached().iter().find(|a| a.name == RUN);
    let run: Option<RunInfo> = run.and_then(|a| serde_json::from_slice(&a.data).ok());
    let share = run.as_ref().map(|run| run.share.words());
    let recorded_by = run.as_ref().map(|r| format!("sinew {} ({})", r.version, r.build));
    let is_fine = reader.is_complete() && reader.flaws().is_empty();
    if json {
        let topics: BTreeMap<&String, _> = topics
            .iter()
            .map(|(name, c)| {
                let of = serde_json::json!({"type": c.schema, "messages": c.messages, "bytes": c.bytes});
                (name, of)
            })
            .collect();
        let flaws: Vec<_> = reader.flaws().iter().map(|f| (f.at, &f.what)).collect();
        let files: Vec<_> = reader.attached().iter().map(|a| (&a.name, a.data.len())).collect();
        let object = serde_json::json!({
            "file": path.display().to_string(), "parts": parts, "first_part": reader.first_part(), "of": share, "bytes": bytes, "seconds": seconds, "topics": topics,
            "recorded_by": recorded_by, "models": asked.json(),
            "files": files, "left_out": reader.left_out(), "complete": reader.is_complete(), "flaws": flaws,
            "loop": control.map(|c| serde_json::json!({
                "seconds": c.seconds, "ticks": c.ticks, "misses": c.wall.map(|w| w.0),
                "lateness_us": c.wall.map(|w| w.1), "failed_io": c.failed_io,
                "dropped_reports": c.dropped_reports, "left_out": c.left_out,
            })),
        });
        tell!("{object}");
    } else {
        tell!("{}: {:.1} MB, {seconds:.1} s of the robot's time", path.display(), bytes as f64 / 1e6);
        if reader.first_part() > 1 {
            tell!("  it begins with part {}: what came before is not in it", reader.first_part());
        }
        for (i, (part, bytes)) in parts.iter().enumerate().filter(|_| parts.len() > 1) {
            tell!("  part {} of {}: {part}, {:.1} MB", i + 1, parts.len(), *bytes as f64 / 1e6);
        }
        if let (Some(share), Some(run)) = (share, &run) {
            let sentence = &run.sentence;
            let sentence = if sentence.is_empty() { String::new() } else { format!(", \"{sentence}\"") };
            tell!("  of {share}{sentence}");
        }
        if let Some(recorded_by) = &recorded_by {
            tell!("  recorded by {recorded_by}");
        }
        let width = topics.keys().map(String::len).max().unwrap_or(0);
        for (name, c) in &topics {
            tell!(
                "  {name:width$}  {:7} messages, {:8.2} MB before compression  {}",
                c.messages,
                c.bytes as f64 / 1e6,
                c.schema
            );
        }
        if let Some(control) = control {
            tell!("  {}", control.words());
        }
        arrows(&diagnostics).iter().for_each(|line| tell!("  {line}"));
        asked.lines().iter().for_each(|line| tell!("  {line}"));
        for a in reader.attached() {
            tell!("  beside them {}, {} bytes", a.name, a.data.len());
        }
        for (what, n) in reader.left_out() {
            tell!("! left out when it was recorded: {what} {n}");
        }
        if !reader.is_complete() {
            tell!("! it has no end: whoever wrote it was interrupted");
        }
        for f in reader.flaws() {
            tell!("! at byte {}: {}", f.at, f.what);
        }
    }
    Ok(if is_fine { Exit::Done } else { Exit::Failed })
}

/// How the arrows to a node did, as it was told last.
fn arrows(diagnostics: &[DiagnosticArray]) -> Vec<String> {
    let mut newest = BTreeMap::new();
    for status in diagnostics.iter().flat_map(|array| &array.status) {
        if status.values.iter().any(|v| v.key == "received") {
            newest.insert(&status.name, status);
        }
    }
    let line = |(name, status): (&&String, &&DiagnosticStatus)| {
        let values: Vec<String> = status.values.iter().map(|v| format!("{} {}", v.key, v.value)).collect();
        format!("{name}: {}", values.join(", "))
    };
    newest.iter().map(line).collect()
}
