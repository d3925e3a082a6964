//! `sinew why`: the way from a motor command back to the person's words, told as a story.

use super::replay::recording_at;
use super::{CommandError, tell};
use crate::exit::Exit;
use crate::replay::Header;
use crate::story::{self, Story};
use bridge::recording::Reader;
use bridge::{BridgeError, Canvas, files};
use control::{Mode, TickRecord};
use std::path::Path;
use types::{Rejection, Time};

/// How much larger pictures are drawn.
const ZOOM: usize = 3;

pub(crate) fn run(file: &Path, at_s: f64, out: Option<&Path>) -> Result<Exit, CommandError> {
    let path = recording_at(file);
    let header = Header::read(&path)?;
    let Some((first, last)) = story::span(&path)? else {
        return Err(CommandError::Other(format!("{}: there are no ticks in it", path.display())));
    };
    let at = Time::from_secs_f64(at_s);
    if !(at_s.is_finite() && (first..=last).contains(&at)) {
        let expected =
            format!("{:.3} to {:.3} s, as long as it was recorded", first.as_secs_f64(), last.as_secs_f64());
        return Err(Rejection::new("--at", expected, format!("{at_s} s")).into());
    }
    let mut reader = Reader::open(&path)?;
    let story = Story::read(&mut reader, at)?;
    let Some(tick) = &story.tick else {
        return Err(CommandError::Other(format!("{}: no tick before {at_s} s", path.display())));
    };
    let names = header.joint_names();
    let limits: Vec<f64> = header.arm.limits().iter().map(|l| l.velocity).collect();

    tell!(
        "At {:.3} s, tick {}: {}.",
        tick.now.as_secs_f64(),
        tick.tick,
        command_words(tick, &names, &limits)
    );
    for line in filter_words(&story, tick) {
        tell!("  {line}");
    }
    let motion = tick.motion.and_then(|m| story.motion(m.0).map(|(why, order)| (m.0, why, order)));
    match (motion, tick.motion) {
        (Some((id, why, order)), _) => {
            tell!("It followed motion {id}, ordered {}: {}.", clock(order.at), why.text);
        }
        (None, Some(id)) => tell!("It followed motion {}, which no skill had ordered.", id.0),
        (None, None) => tell!("No motion was under way."),
    }
    if let Some(skill) = story.last("planner", "skill").filter(|_| motion.is_some()) {
        tell!("That was for skill {}, begun {}.", skill.text, clock(skill.at));
    }
    if let Some(plan) = story.last("planner", "plan") {
        tell!("The plan, made {}: {}.", clock(plan.at), plan.text);
    }
    if let Some(proposal) = story.last("perception", "proposal") {
        tell!(
            "It was made because of what the sentence was read as, {}: {}.",
            clock(proposal.at),
            proposal.text
        );
    }
    if let Some((when, call)) = &story.reading {
        let failure =
            if call.failure.is_empty() { String::new() } else { format!(", in vain: {}", call.failure) };
        tell!("  \"{}\" was read by {} {}{failure}.", call.sentence, short(&call.model), clock(*when));
    }
    let folder = out.map_or_else(|| path.with_file_name(format!("why-{at_s:.3}")), Path::to_owned);
    if !story.seen.is_empty() {
        std::fs::create_dir_all(&folder)
            .map_err(|source| BridgeError::Io { path: folder.display().to_string(), source })?;
    }
    for (image, detections, call) in &story.seen {
        let place = folder.join(format!("{}.png", image.camera));
        files::write_png(&place, &Canvas::from_image(image).with_detections(detections, &[], ZOOM))?;
        let seen = if call.failure.is_empty() {
            format!("{} objects were seen", detections.len())
        } else {
            format!("nothing was seen: {}", call.failure)
        };
        tell!(
            "Camera {} was last looked through {}: {seen} by {}. {}",
            image.camera,
            clock(image.stamp),
            short(&call.model),
            place.display()
        );
    }
    for (when, words) in &story.words {
        tell!("The person said {}: \"{words}\".", clock(*when));
    }
    for flaw in reader.flaws() {
        tell!("! the recording is damaged at byte {}: {}", flaw.at, flaw.what);
    }
    Ok(Exit::Done)
}

/// A model's name without what stands behind it in brackets.
fn short(model: &str) -> &str {
    model.split(" (").next().unwrap_or(model)
}

fn clock(at: Time) -> String {
    format!("at {:.2} s", at.as_secs_f64())
}

/// What the motors were told.
fn command_words(t: &TickRecord, names: &[&str], limits: &[f64]) -> String {
    let c = &t.command;
    if !c.enabled {
        return "the motors were without power".into();
    }
    let share = |j: usize| c.dq[j].abs() / limits.get(j).copied().unwrap_or(f64::INFINITY);
    let fastest = (0..c.dq.len()).max_by(|a, b| share(*a).total_cmp(&share(*b)));
    let moving = fastest.filter(|j| c.dq[*j] != 0.0).map(|j| {
        let name = names.get(j).copied().unwrap_or("a joint");
        format!(
            "{name} was the fastest joint, at {:.3} rad/s, {:.0} % of its limit",
            c.dq[j],
            100.0 * share(j)
        )
    });
    let mode = match t.mode {
        Mode::Hold => "the loop held the arm",
        Mode::Follow => "the loop followed a motion",
        Mode::Servo => "the loop followed velocities",
        Mode::Stopping(_) => "the loop was stopping the arm",
        Mode::Proving => "the loop was proving the encoders",
        Mode::Fault { .. } => "a fault was latched",
        Mode::Disarmed => "the arm was disarmed",
    };
    let said = moving.unwrap_or_else(|| "no joint moved".into());
    format!("{mode}; {said}; the fingers were told {:.0} mm", c.gripper.width_m * 1e3)
}

/// What the safety filter and the watches made of it.
fn filter_words(story: &Story, t: &TickRecord) -> Vec<String> {
    let ordered = t.motion.and_then(|m| story.motion(m.0)).map(|(_, order)| order.at);
    let since = ordered.or_else(|| story.last("control", "order").map(|o| o.at)).unwrap_or_default();
    let mut lines: Vec<String> =
        story.interventions(since).map(|e| format!("{} the loop told: {}.", clock(e.at), e.text)).collect();
    if t.heard.slow < 1.0 {
        lines.push(format!("Motions ran at {:.0} % of their own speed, by order.", 100.0 * t.heard.slow));
    }
    if lines.is_empty() && t.mode == Mode::Follow {
        lines.push("Filter and watches had nothing against it since the motion began.".into());
    }
    lines
}
