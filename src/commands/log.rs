//! `sinew log`: what is in a recording, and out of it for tools that read no recordings.

use super::replay::recording_at;
use super::{CommandError, tell};
use crate::cli::LogCommand;
use crate::exit::Exit;
use crate::recording::{DIAGNOSTICS, LoopSum, Ticks, mode_word};
use crate::replay::Header;
use bridge::recording::Reader;
use bridge::ros::DiagnosticArray;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;
use types::Time;

pub(crate) fn run(command: &LogCommand) -> Result<Exit, CommandError> {
    match command {
        LogCommand::Info { file, json } => info(&recording_at(file), *json),
        LogCommand::Csv { file, out } => csv(&recording_at(file), out.as_deref()),
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
    for m in reader.by_ref() {
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
    let bytes = std::fs::metadata(path).map_or(0, |m| m.len());
    let first = topics.values().map(|c| c.first).min().unwrap_or_default();
    let last = topics.values().map(|c| c.last).max().unwrap_or_default();
    let seconds = last.secs_since(first);
    let control = LoopSum::of(&diagnostics);
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
            "file": path.display().to_string(), "bytes": bytes, "seconds": seconds, "topics": topics,
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

/// Every tick in a line: what was measured and what was told.
fn csv(path: &Path, out: Option<&Path>) -> Result<Exit, CommandError> {
    let header = Header::read(path)?;
    let names = header.joint_names();
    let io = |e: std::io::Error| {
        let path = out.map_or_else(|| "standard output".to_owned(), |p| p.display().to_string());
        CommandError::Bridge(bridge::BridgeError::Io { path, source: e })
    };
    let to: Box<dyn Write> = match out {
        Some(path) => Box::new(std::fs::File::create(path).map_err(io)?),
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
