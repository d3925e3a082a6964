//! `sinew replay --with KEY=VALUE`: a recorded run with another configuration, and what became another by that.

use super::replay::{difference, recording_at};
use super::{CommandError, tell};
use crate::exit::Exit;
use crate::replay::Header;
use crate::replay::changed::{self, Changed, End, Way};
use crate::replay::contrast::Peak;
use bridge::{BridgeError, files};
use std::path::{Path, PathBuf};
use types::Rejection;

/// The picture in the folder.
const PICTURE: &str = "difference.png";
/// A folder's name is made of so much of the changes.
const MOST_NAMED: usize = 60;

pub(crate) fn run(
    recordings: &[PathBuf],
    changes: &[String],
    (from_inputs, requery): (bool, bool),
    out: Option<&Path>,
    json: bool,
) -> Result<Exit, CommandError> {
    if out.is_some() && recordings.len() > 1 {
        let got = format!("{} recordings", recordings.len());
        return Err(Rejection::new("--out", "one recording", got).into());
    }
    let mut exit = Exit::Done;
    for file in recordings {
        match one(file, changes, changed::way(from_inputs, requery), out, json) {
            Ok(true) => {}
            Ok(false) => exit = Exit::Failed,
            Err(e) if recordings.len() == 1 => return Err(e),
            Err(e) => {
                eprintln!("error: {e}");
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}

/// Whether it ended in the same way, as far as that is known.
fn one(
    file: &Path,
    changes: &[String],
    way: Way,
    out: Option<&Path>,
    json: bool,
) -> Result<bool, CommandError> {
    let path = recording_at(file);
    let header = Header::from_beginning(&path)?;
    let config = changed::config(&header, changes, way)?;
    let folder = out.map_or_else(|| path.with_file_name(name(changes)), Path::to_owned);
    let changed = changed::run(&path, &header, changes, way, &folder)?;
    let io = |source| BridgeError::Io { path: folder.display().to_string(), source };
    std::fs::create_dir_all(&folder).map_err(io)?;
    let (names, picture) = (header.joint_names(), folder.join(PICTURE));
    let tool_limits = [&header.config, &config].map(|c| c.safety.tool_speed_m_s);
    let title = format!("with {}", changes.join(", "));
    files::write_png(&picture, &changed.contrast.plot(&names, tool_limits, &title))?;
    let lines = lines(&changed, &names, changes, way, header.run.is_lockstep);
    if json {
        tell!("{}", object(&path, &changed, &names, changes, (way, header.run.is_lockstep), &picture));
    } else {
        tell!("{}: {}\n  {}", path.display(), super::replay::called(&header), lines.join("\n  "));
        tell!("  drawn in {}", picture.display());
        if way == Way::Anew {
            tell!("  the run with the change: {}", folder.display());
        }
    }
    Ok(is_as_it_was(&changed))
}

fn is_as_it_was(c: &Changed) -> bool {
    c.is.is_none() || c.is.as_ref().map(|e| &e.word) == c.was.as_ref().map(|e| &e.word)
}

/// `with-planner.speed=0.3`, of letters that every file system bears.
fn name(changes: &[String]) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-=,+".contains(c) { c } else { '_' };
    let changes: String = changes.join("+").chars().map(plain).take(MOST_NAMED).collect();
    format!("with-{changes}")
}

fn lines(c: &Changed, names: &[&str], changes: &[String], way: Way, is_lockstep: bool) -> Vec<String> {
    let (contrast, change) = (&c.contrast, changes.join(", "));
    let [was, is] = &contrast.margins;
    let mut lines = vec![match way {
        Way::Anew if is_lockstep => {
            format!("made anew in the simulated world from the same beginning, with {change}")
        }
        Way::Anew => format!(
            "made anew in the simulated world and in virtual time, without any change (\"recorded\" below; it was \
             recorded in wall time, which does not repeat) and with {change}"
        ),
        Way::Inputs { .. } => format!(
            "followed from its recorded inputs, with {change}: what was measured does not answer to the change"
        ),
    }];
    if let Some(why) = &c.doubt {
        lines.push(format!("! without any change it does not come out the same here, either: {why}"));
    }
    let words = |end: &Option<End>| match end {
        Some(end) => format!("{}: {}", end.word, end.said),
        None => "its end is not in the recording".into(),
    };
    match way {
        Way::Anew => {
            lines.push(format!("recorded:        {:.2} s, {}", was.seconds(), words(&c.was)));
            lines.push(format!("with the change: {:.2} s, {}", is.seconds(), words(&c.is)));
        }
        Way::Inputs { .. } => {
            lines.push(format!("recorded:        {}", words(&c.was)));
            lines.push(format!("with the change: followed for {:.2} s", is.seconds()));
        }
    }
    match &contrast.first {
        Some(first) => {
            let at = first.record.now.as_secs_f64();
            let both = was.ticks.min(is.ticks);
            lines.push(format!(
                "the same until {at:.3} s, then {} of {both} commands are others; the first: {}",
                contrast.different,
                difference(first, names)
            ));
            lines.push(format!(
                "largest difference at the same time: {:.4} ({}), of the tool {:.1} mm at {:.2} s",
                contrast.joint.value,
                place(&contrast.joint, names),
                contrast.tool.value * 1e3,
                contrast.tool.at.as_secs_f64()
            ));
        }
        None if was.ticks == is.ticks => lines.push("every command is the same, to the last bit".into()),
        None => lines.push("as long as there were both, every command was the same, to the last bit".into()),
    }
    if let Some((at, why)) = &contrast.left {
        lines.push(format!("compared up to {:.3} s: {why}", at.as_secs_f64()));
    }
    lines.push("margins, recorded and with the change:".into());
    let share = |p: &Peak| format!("{:.0} % of its limit ({})", p.value * 100.0, place(p, names));
    for (what, pair) in [
        ("velocity", [&was.velocity, &is.velocity]),
        ("acceleration", [&was.acceleration, &is.acceleration]),
        ("torque", [&was.torque, &is.torque]),
    ] {
        lines.push(format!("  {what}: {}; {}", share(pair[0]), share(pair[1])));
    }
    let room = |p: Option<Peak>| {
        p.map_or("none".to_owned(), |p| format!("{:.3} left ({})", p.value, place(&p, names)))
    };
    lines.push(format!("  range: {}; {}", room(was.room), room(is.room)));
    let tool = |p: &Peak| format!("{:.3} m/s at {:.2} s", p.value, p.at.as_secs_f64());
    lines.push(format!("  tool: {}; {}", tool(&was.tool), tool(&is.tool)));
    if let Some(again) = &c.again {
        let n = again.other.len();
        lines.push(format!("{} questions to models asked again: {n} answers are others", again.asked));
        lines.extend(again.other.iter().cloned());
    }
    lines
}

fn place(p: &Peak, names: &[&str]) -> String {
    format!("{}, {:.2} s", names.get(p.joint).copied().unwrap_or("a joint"), p.at.as_secs_f64())
}

fn object(
    path: &Path,
    c: &Changed,
    names: &[&str],
    changes: &[String],
    (way, is_lockstep): (Way, bool),
    picture: &Path,
) -> serde_json::Value {
    let contrast = &c.contrast;
    let end = |e: &Option<End>| e.as_ref().map(|e| serde_json::json!({"exit": e.word, "said": e.said}));
    let peak = |p: &Peak| {
        let joint = names.get(p.joint).copied().unwrap_or_default();
        serde_json::json!({"value": p.value, "joint": joint, "at_s": p.at.as_secs_f64()})
    };
    let margins = contrast.margins.map(|m| {
        serde_json::json!({
            "ticks": m.ticks,
            "seconds": m.seconds(),
            "velocity_of_limit": peak(&m.velocity),
            "acceleration_of_limit": peak(&m.acceleration),
            "torque_of_limit": peak(&m.torque),
            "room_in_range": m.room.as_ref().map(peak),
            "tool_m_s": {"value": m.tool.value, "at_s": m.tool.at.as_secs_f64()},
        })
    });
    let [was, is] = margins;
    serde_json::json!({
        "file": path.display().to_string(),
        "with": changes,
        "way": match way { Way::Anew => "made anew", Way::Inputs { .. } => "recorded inputs" },
        "was_made_anew_too": way == Way::Anew && !is_lockstep,
        "doubt": c.doubt,
        "recorded": {"ended": end(&c.was), "margins": was},
        "changed": {"ended": end(&c.is), "margins": is},
        "same_until_s": contrast.first.as_ref().map(|d| d.record.now.as_secs_f64()),
        "different": contrast.different,
        "largest_joint_difference": peak(&contrast.joint),
        "largest_tool_difference_m":
            {"value": contrast.tool.value, "at_s": contrast.tool.at.as_secs_f64()},
        "compared_until":
            contrast.left.as_ref().map(|(at, why)| serde_json::json!({"at_s": at.as_secs_f64(), "why": why})),
        "asked_again": c.again.as_ref().map(|a| a.asked),
        "other_answers": c.again.as_ref().map(|a| &a.other),
        "picture": picture.display().to_string(),
    })
}
