//! `sinew why`: the way from a motor command back to the person's words, told as a story.

use super::{CommandError, tell};
use crate::exit::Exit;
use crate::recording::{calls_of, one_line, short, told_call};
use crate::split::{self, Perceived, Run};
use crate::story::{self, Story};
use bridge::ros::ModelCall;
use bridge::{BridgeError, Canvas, files};
use control::{Mode, TickRecord};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use types::seams::Judgement;
use types::{Rejection, Time};

/// How the built-in model's name begins.
const BUILT_IN: &str = "sinew-vlm";
/// How much larger pictures are drawn.
const ZOOM: usize = 3;

pub(crate) fn run(recordings: &[PathBuf], at_s: f64, out: Option<&Path>) -> Result<Exit, CommandError> {
    let (run, perceptions, left_out) = split::with_perception(recordings)?;
    let (path, header) = (&run.robot.path, &run.robot.header);
    for part in core::iter::once(path).chain(run.planners.iter().map(|(part, _)| &part.path)) {
        crate::replay::begins(part)?;
    }
    let Some((first, last)) = story::span(path)? else {
        return Err(CommandError::Other(format!("{}: there are no ticks in it", path.display())));
    };
    let at = Time::from_secs_f64(at_s);
    if !(at_s.is_finite() && (first..=last).contains(&at)) {
        let expected =
            format!("{:.3} to {:.3} s, as long as it was recorded", first.as_secs_f64(), last.as_secs_f64());
        return Err(Rejection::new("--at", expected, format!("{at_s} s")).into());
    }
    let story = Story::read(&run, at)?;
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
    for line in filter_words(&story, &run, tick) {
        tell!("  {line}");
    }
    let motion = tick.motion.and_then(|m| story.motion(m.0));
    match (&motion, tick.motion) {
        (Some(m), Some(id)) => {
            let at = run.robot.ordered(tick.motion, tick.now).unwrap_or(m.order.at);
            tell!("It followed motion {}, ordered {}: {}.", id.0, clock(at), m.why.text);
        }
        (_, Some(id)) if run.robot.is_robots() => tell!("It followed motion {}.", id.0),
        (_, Some(id)) => tell!("It followed motion {}, which no skill had ordered.", id.0),
        (_, None) => tell!("No motion was under way."),
    }
    if run.robot.is_robots() {
        part_words(&run, &story, tick).iter().for_each(|line| tell!("  {line}"));
    }
    if let Some(skill) = motion.as_ref().and_then(|m| m.skill) {
        tell!("That was for skill {}, begun {}.", skill.text, clock(skill.at));
    } else if let Some(skill) = story.last("planner", "skill").filter(|_| is_cut_off(&story, tick)) {
        tell!("The newest skill that it notes is {}, begun {}.", skill.text, clock(skill.at));
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
    let mut known = HashSet::new();
    if let Some((when, call)) = &story.reading {
        let failure =
            if call.failure.is_empty() { String::new() } else { format!(", in vain: {}", call.failure) };
        // A model of others is asked about a sentence only where the reader beside it does not understand it.
        let is_alone = calls_of(call).is_empty() && !call.model.starts_with(BUILT_IN);
        let beside = if is_alone { "the built-in reader beside " } else { "" };
        let by = short(&call.model);
        tell!("  \"{}\" was read by {beside}{by} {}{failure}.", one_line(&call.sentence), clock(*when));
        tell_calls(call, &mut known);
        tell_perceived(&perceptions, &story, call);
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
        tell_calls(call, &mut known);
        tell_perceived(&perceptions, &story, call);
    }
    if let Some((when, call)) = &story.judged {
        tell!("{}", judged_words(*when, call));
        tell_calls(call, &mut known);
        tell_perceived(&perceptions, &story, call);
    }
    for (when, words) in &story.words {
        tell!("The person said {}: \"{words}\".", clock(*when));
    }
    for flaw in perceptions.iter().flat_map(|p| &p.flaws).chain(&story.flaws) {
        tell!("! a recording is damaged: {flaw}");
    }
    for other in &left_out {
        tell!("! left out: {other}");
    }
    Ok(Exit::Done)
}

/// Who was asked whether a skill is done, about which pictures, and what came of it.
fn judged_words(when: Time, call: &ModelCall) -> String {
    let model = short(&call.model);
    let said = match serde_json::from_str::<Option<Judgement>>(&call.answer) {
        _ if !call.failure.is_empty() => format!("in vain: {}", one_line(&call.failure)),
        Ok(Some(j)) => {
            let word = if j.is_done { "yes" } else { "no" };
            format!("{word}, says {model}, because \"{}\"", one_line(&j.reason))
        }
        Ok(None) => format!("{model} does not judge"),
        Err(e) => format!("what is noted is no answer: {e}"),
    };
    let [before, after] = [&call.before_pictured, &call.pictured].map(|t| clock(t.clone().into()));
    format!(
        "Whether this was done, \"{}\", was asked {} about the pictures of camera {} {before} ({}) and {after} ({}): {said}. \
         What is measured decides.",
        one_line(&call.sentence),
        clock(when),
        one_line(&call.camera),
        call.before_picture,
        call.picture
    )
}

/// Of a run that was split: who had the gate pass the motion on, and where it stands why, or that this is missing.
fn part_words(run: &Run, story: &Story<'_>, tick: &TickRecord) -> Vec<String> {
    let robot = &run.robot;
    let asked = tick.motion.and_then(|id| robot.motion(id.0));
    let mut lines = Vec::new();
    if let Some(split::Asked { by, order }) = asked {
        let who = split::sender_words(by, robot.owner(order.lease));
        lines.push(format!(
            "The robot's gate passed it on: {}, ordered {} by {who}, under lease {} in session {:016x}.",
            split::order_words(order),
            clock(Time::from_nanos(order.stamp)),
            order.lease,
            by.session
        ));
    } else if tick.motion.is_some() {
        lines.push("Who ordered it is not noted in the robot's part.".into());
    }
    let what = if tick.motion.is_some() { "What it was for" } else { "What was being done" };
    lines.push(match story.planner {
        Some((part, _)) if is_cut_off(story, tick) => {
            format!("It is of the sentence of {}, whose notes break off before it.", part.path.display())
        }
        Some((part, fit)) => format!(
            "{what} stands in {}: {} motions are in both parts, the same to the bit, their times {:.1} ms apart at the \
             most.",
            part.path.display(),
            fit.motions,
            fit.apart_s * 1e3
        ),
        None if asked.is_some_and(|asked| !split::is_planners(&asked.by)) => {
            "It was for no sentence: the planner did not order it.".into()
        }
        None if run.planners.is_empty() => format!(
            "{what} stands in the planner's part of this run, if it was for a sentence, and that part was not named: \
             `sinew why {} FILE --at {:.3}`, with FILE the run.mcap of the sentence in the planner node's folder.",
            robot.path.display(),
            tick.now.as_secs_f64()
        ),
        None => {
            let names: Vec<String> = run.planners.iter().map(|(p, _)| p.path.display().to_string()).collect();
            format!("{what} stands in no part of the planner's that is here ({}).", names.join(", "))
        }
    });
    lines
}

/// Whether a motion is of a planner's part that breaks off before it.
fn is_cut_off(story: &Story<'_>, tick: &TickRecord) -> bool {
    let id = tick.motion.map(|id| id.0);
    story.planner.as_ref().is_some_and(|(part, _)| id.is_some_and(|id| part.motion(id).is_none()))
}

/// What language models were asked for it; prompts that were told already are not told again.
fn tell_calls(question: &ModelCall, known: &mut HashSet<String>) {
    for call in calls_of(question) {
        let is_known = !known.insert(call.prompt_hash.clone());
        told_call(&call, is_known).iter().for_each(|line| tell!("    {line}"));
    }
}

/// What the perception nodes that were asked note of a question of the planner's.
fn tell_perceived(perceptions: &[Perceived], story: &Story<'_>, question: &ModelCall) {
    let Some((part, _)) = story.planner else { return };
    let lines = perceptions.iter().flat_map(|perceived| perceived.words(part, question));
    lines.for_each(|line| tell!("    {line}"));
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
fn filter_words(story: &Story<'_>, run: &Run, t: &TickRecord) -> Vec<String> {
    let ordered = run.robot.ordered(t.motion, t.now);
    let ordered = ordered.or_else(|| t.motion.and_then(|m| story.motion(m.0)).map(|m| m.order.at));
    let since = ordered.or_else(|| story.last("control", "order").map(|o| o.at)).unwrap_or_default();
    let mut lines: Vec<String> = story
        .interventions(since)
        .iter()
        .map(|e| format!("{} the loop told: {}.", clock(e.at), e.text))
        .collect();
    if t.heard.pace() < 1.0 {
        lines.push(format!("Motions ran at {:.0} % of their own speed, by order.", 100.0 * t.heard.pace()));
    }
    if lines.is_empty() && t.mode == Mode::Follow {
        lines.push("Filter and watches had nothing against it since the motion began.".into());
    }
    lines
}
