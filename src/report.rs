//! What a run leaves in its folder besides the events.

use crate::log::Log;
use crate::mission::{Mission, Spent};
use crate::runner::Outcome;
use crate::suite::episode::Episode;
use bridge::recording::Summary;
use bridge::{BridgeError, Canvas, RunFolder};
use control::LoopReport;
use mechanics::Arm;

/// How much larger pictures with detections are drawn.
const ZOOM: usize = 3;

/// The newest pictures with what the model saw in them, under `name`.
pub(crate) fn pictures(mission: &Mission, name: &str) -> Result<(), BridgeError> {
    let Some(folder) = mission.log.folder() else { return Ok(()) };
    for (image, detections) in &mission.eyes.seen {
        let canvas = Canvas::from_image(image).with_detections(detections, &[], ZOOM);
        folder.picture(&format!("{name}-{}.png", image.camera), &canvas)?;
    }
    Ok(())
}

/// The joints over time with their limits.
pub(crate) fn joints(mission: &mut Mission, arm: &Arm, sentence: &str) -> Result<(), BridgeError> {
    let title: String = sentence.chars().filter(char::is_ascii).take(60).collect();
    let canvas = mission.body.trace().plot(arm.limits(), &title);
    if let Some(folder) = mission.log.folder() {
        folder.picture("joints.png", &canvas)?;
    }
    Ok(())
}

/// Rate, misses, lateness and compute of the loop, as sentences.
pub(crate) fn loop_lines(r: &LoopReport) -> Vec<String> {
    let q = |q: &control::thread::Quantiles| {
        format!("p50 {:.0} µs, p99 {:.0} µs, most {:.0} µs", q.p50_us, q.p99_us, q.max_us)
    };
    let mut lines = vec![
        format!("loop: {} ticks at {:.1} Hz, {} missed", r.ticks, r.rate_hz, r.misses),
        format!("  lateness: {}", q(&r.lateness)),
        format!("  compute:  {}", q(&r.compute)),
    ];
    if r.in_step {
        lines.push(format!("  in step with the robot's cycle, which did not come in {} ticks", r.alone));
    }
    lines.extend(r.page_faults.map(|n| format!("  page faults after the start: {n}")));
    if r.rights.real_time {
        lines.push("  real-time scheduling (SCHED_FIFO) was granted".into());
    }
    lines.extend(r.rights.notes.iter().map(|n| format!("  {n}")));
    if r.silences > 0 {
        lines.push(format!("  {} times the watchdog's thread saw no cycle for too long", r.silences));
    }
    if r.failed_io > 0 || r.dropped_reports > 0 {
        lines.push(format!("  {} failed robot accesses, {} reports dropped", r.failed_io, r.dropped_reports));
    }
    lines.extend(r.panic.iter().map(|p| format!("  the loop panicked: {p}")));
    lines
}

/// What the recording does not hold.
pub(crate) fn left_out(log: &mut Log, summary: &Summary) {
    let n: u64 = summary.left_out.values().sum();
    if n > 0 || summary.failure.is_some() {
        let topics: Vec<String> = summary.left_out.iter().map(|(t, n)| format!("{n} of {t}")).collect();
        let why = summary.failure.as_deref().unwrap_or("they found no room");
        let said = format!("{n} messages are not in the recording ({}): {why}", topics.join(", "));
        log.warn("bridge", "recording", said);
    }
}

/// Wall times: apart from the events, so that in lockstep those are the same every time.
pub(crate) fn wall(folder: &RunFolder, wall_s: f64, looks_s: &[f64]) -> Result<(), BridgeError> {
    let looks: Vec<String> = looks_s.iter().map(|s| format!("{:.1}", s * 1e3)).collect();
    folder.text("wall.json", &format!("{{\"wall_s\": {wall_s:.3}, \"looks_ms\": [{}]}}\n", looks.join(", ")))
}

/// How it ended, in one small file.
pub(crate) fn summary(
    folder: &RunFolder,
    episode: &Episode,
    o: &Outcome,
    spent: &Spent,
) -> Result<(), BridgeError> {
    let value = serde_json::json!({
        "sentence": episode.sentence,
        "family": episode.family,
        "seed": episode.seed,
        "exit": o.exit.word(),
        "said": o.said,
        "truth_against": o.against,
        "robot_seconds": o.seconds,
        "replans": o.replans,
        "motions": o.motions,
        "invariant_broken": o.broken,
        "nearest_person_m": o.nearest_person_m,
        "language_models": spent,
        "commands_hash": format!("{:016x}", o.commands),
    });
    folder.text("summary.json", &format!("{value:#}\n"))
}
