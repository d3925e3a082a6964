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

/// Before the loop's histogram in its file.
pub(crate) const JITTER: &str = "how late the ticks came, µs:";

/// How many ticks came how late, four lines for every doubling.
pub(crate) fn jitter_lines(r: &LoopReport) -> Vec<String> {
    // Nanoseconds from a power of two on, by quarters of it: the histogram's own bins lie between.
    let quarter = |us: f64| {
        let ns = (1e3 * us).round().max(1.0) as u64;
        let power = ns.ilog2();
        (power >= 10).then(|| (power, (ns >> (power - 2)) & 3))
    };
    let mut counts = std::collections::BTreeMap::new();
    for bin in &r.jitter {
        *counts.entry(quarter(bin.to_us)).or_insert(0_u64) += bin.n;
    }
    let lines = counts.iter().map(|(quarter, n)| {
        let edge = |power: u32, k: u64| 1e-3 * ((k << power) >> 2) as f64;
        let [from, to] = quarter.map_or([0.0, edge(10, 4)], |(p, k)| [edge(p, 4 + k), edge(p, 5 + k)]);
        format!("  {from:>12.3} to {to:>12.3}: {n}")
    });
    std::iter::once(JITTER.to_owned()).chain(lines).collect()
}

/// The loop's numbers for programs, with the whole histogram: from, to, how many.
pub(crate) fn loop_json(r: &LoopReport) -> serde_json::Value {
    let q = |q: &control::thread::Quantiles| serde_json::json!({"p50": q.p50_us, "p99": q.p99_us, "max": q.max_us});
    let bins: Vec<_> = r.jitter.iter().map(|bin| (bin.over_us, bin.to_us, bin.n)).collect();
    serde_json::json!({
        "ticks": r.ticks,
        "rate_hz": r.rate_hz,
        "missed": r.misses,
        "in_step": r.in_step,
        "failed_io": r.failed_io,
        "lateness_us": q(&r.lateness),
        "compute_us": q(&r.compute),
        "lateness_bins_us": bins,
    })
}

/// What the recording does not hold, nor the file of events.
pub(crate) fn left_out(log: &mut Log, summary: &Summary) {
    let dropped = log.folder().map_or(0, RunFolder::dropped);
    if dropped > 0 {
        log.warn("bridge", "events", format!("{dropped} events could not be written (F30)"));
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use control::histogram::{Bin, Histogram};

    #[test]
    fn every_tick_stands_in_the_histogram_that_a_run_leaves() {
        let mut h = Histogram::default();
        for ns in (0..4000_u64).map(|k| k * k) {
            h.record(ns);
        }
        let r = LoopReport { ticks: 4000, jitter: h.bins(), ..LoopReport::default() };
        let lines = jitter_lines(&r);
        assert_eq!(lines[0], JITTER);
        let rows: Vec<[f64; 3]> = lines[1..]
            .iter()
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                [words[0], words[2].trim_end_matches(':'), words[3]].map(|w| w.parse().expect("a number"))
            })
            .collect();
        assert_eq!(rows.iter().map(|r| r[2]).sum::<f64>(), 4000.0);
        assert!(rows.len() < 70 && rows.iter().all(|r| r[0] < r[1] && r[2] > 0.0), "{rows:?}");
        // A tick k is k²/1000 µs late.
        for [from, to, n] in &rows[1..] {
            let expected = (1e3 * to).sqrt().min(4000.0) - (1e3 * from).sqrt();
            assert!((n - expected).abs() < 0.1 * expected + 3.0, "{from} to {to}: {n}, not {expected}");
        }
        let json = loop_json(&r);
        let bins = json["lateness_bins_us"].as_array().expect("bins");
        assert_eq!(bins.iter().map(|b| b[2].as_u64().expect("a count")).sum::<u64>(), 4000);
        let one = LoopReport { jitter: vec![Bin { over_us: 0.0, to_us: 0.5, n: 7 }], ..r };
        assert!(jitter_lines(&one)[1].ends_with(": 7"));
    }
}
