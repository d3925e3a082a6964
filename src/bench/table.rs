//! The lines of a benchmark, each with its goal.

use super::blocks::{Added, Ratio};
use crate::exit::Exit;
use serde_json::json;

/// What became of a goal.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Met,
    Short,
    PeerMissing,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Short => "SHORT",
            Self::PeerMissing => "NO PEER",
        }
    }
}

/// Of the tree that is measured, as git names it here, with a `+` when something in it has changed.
fn commit() -> String {
    let git = |args: &[&str]| {
        let out =
            std::process::Command::new("git").args(args).output().ok().filter(|out| out.status.success())?;
        Some(String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    let Some(name) = git(&["rev-parse", "--short=8", "HEAD"]) else { return "no commit".into() };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|s| !s.is_empty());
    if changed { name + "+" } else { name }
}

/// Prints every line as soon as it is measured.
pub(crate) struct Table {
    json: bool,
    verdicts: Vec<Verdict>,
}

impl Table {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, verdicts: Vec::new() }
    }

    /// On what it is measured.
    pub(crate) fn machine(&self) {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let load = read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ");
        let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
        let cpuinfo = read("/proc/cpuinfo");
        let cpu = cpuinfo.lines().find_map(|l| l.strip_prefix("model name")?.split(": ").nth(1));
        let cpu = cpu.unwrap_or("unknown").to_owned();
        let commit = commit();
        if self.json {
            println!("{}", json!({ "commit": commit, "load": load, "kernel": kernel, "cpu": cpu }));
        } else {
            println!(
                "at {commit}, load {load}, Linux {kernel}, {cpu}; CPU time, medians of alternating blocks\n"
            );
            println!(
                "{:<34} {:>11} {:>11} {:>7}  {:<15} {:<9} verdict",
                "what", "ours", "peer", "ratio", "95 % interval", "goal"
            );
        }
    }

    /// A ratio of ours to a peer's, met when its whole interval is at most `goal`.
    pub(crate) fn ratio(&mut self, what: &str, peer: &str, r: &Ratio, goal: f64) {
        let verdict = if r.interval.1 <= goal { Verdict::Met } else { Verdict::Short };
        self.verdicts.push(verdict);
        if self.json {
            let line = json!({
                "what": what, "peer": peer, "ours_ns": r.ours_ns, "peer_ns": r.peer_ns, "ratio": r.ratio,
                "interval": [r.interval.0, r.interval.1], "goal": goal, "verdict": verdict.word(),
            });
            println!("{line}");
        } else {
            let ns = |v: f64| match v {
                v if v < 9999.5 => format!("{v:.0} ns"),
                v if v < 9_999_500.0 => format!("{:.1} µs", v / 1e3),
                v => format!("{:.1} ms", v / 1e6),
            };
            println!(
                "{what:<34} {:>11} {:>11} {:>7.3}  {:<15} ≤ {goal:<7} {}",
                ns(r.ours_ns),
                ns(r.peer_ns),
                r.ratio,
                format!("{:.3}–{:.3}", r.interval.0, r.interval.1),
                verdict.word()
            );
        }
    }

    /// A time of ours alone, microseconds, met when it is at most `goal_us`.
    pub(crate) fn time(&mut self, what: &str, us: f64, goal_us: f64) {
        let verdict = if us <= goal_us { Verdict::Met } else { Verdict::Short };
        self.verdicts.push(verdict);
        if self.json {
            println!("{}", json!({ "what": what, "us": us, "goal_us": goal_us, "verdict": verdict.word() }));
        } else {
            println!(
                "{what:<34} {:>11} {:>37} ≤ {goal_us:<4} µs {}",
                format!("{us:.1} µs"),
                "",
                verdict.word()
            );
        }
    }

    /// What ours has more than a peer's, microseconds, met when its whole interval is at most `goal_us`.
    pub(crate) fn added(&mut self, what: &str, a: &Added, goal_us: f64) {
        self.added_if(true, what, a, goal_us);
    }

    fn added_if(&mut self, is_fine: bool, what: &str, a: &Added, goal_us: f64) {
        let verdict = if is_fine && a.interval.1 <= goal_us { Verdict::Met } else { Verdict::Short };
        self.verdicts.push(verdict);
        if self.json {
            let line = json!({
                "what": what, "ours_us": a.ours, "peer_us": a.peer, "added_us": a.added,
                "interval": [a.interval.0, a.interval.1], "goal_us": goal_us, "verdict": verdict.word(),
            });
            println!("{line}");
        } else {
            println!(
                "{what:<34} {:>11} {:>11} {:>+7.1}  {:<15} ≤ {:<4} µs {}",
                format!("{:.1} µs", a.ours),
                format!("{:.1} µs", a.peer),
                a.added,
                format!("{:+.1}–{:+.1}", a.interval.0, a.interval.1),
                format!("+{goal_us}"),
                verdict.word()
            );
        }
    }

    /// What ours has more than without, microseconds, met when its interval holds nothing and ends below `goal_us`.
    pub(crate) fn nothing_added(&mut self, what: &str, a: &Added, goal_us: f64) {
        self.added_if(a.interval.0 <= 0.0, what, a, goal_us);
    }

    /// A cost of ours alone, met when it is at most `goal`, both in words with the unit.
    pub(crate) fn cost(&mut self, what: &str, cost: f64, goal: f64, unit: &str) {
        let verdict = if cost <= goal { Verdict::Met } else { Verdict::Short };
        self.verdicts.push(verdict);
        if self.json {
            let line =
                json!({ "what": what, "cost": cost, "goal": goal, "unit": unit, "verdict": verdict.word() });
            println!("{line}");
        } else {
            println!(
                "{what:<34} {:>11} {:>37} ≤ {goal} {unit} {}",
                format!("{cost:.2} {unit}"),
                "",
                verdict.word()
            );
        }
    }

    /// A share of ours, and perhaps the peer's, met when ours is at least `goal`.
    pub(crate) fn share(&mut self, what: &str, ours: f64, peer: Option<f64>, goal: f64) {
        let verdict = if ours >= goal { Verdict::Met } else { Verdict::Short };
        self.verdicts.push(verdict);
        if self.json {
            let line = json!({
                "what": what, "share": ours, "peer_share": peer, "goal": goal, "verdict": verdict.word(),
            });
            println!("{line}");
        } else {
            let percent = |v: f64| format!("{:.2} %", 100.0 * v);
            println!(
                "{what:<34} {:>11} {:>11} {:>25} ≥ {:<7} {}",
                percent(ours),
                peer.map(percent).unwrap_or_default(),
                "",
                percent(goal),
                verdict.word()
            );
        }
    }

    /// Whether all of something was as it should be.
    pub(crate) fn judged(&mut self, what: &str, seen: &str, is_met: bool) {
        let verdict = if is_met { Verdict::Met } else { Verdict::Short };
        self.verdicts.push(verdict);
        if self.json {
            println!("{}", json!({ "what": what, "seen": seen, "verdict": verdict.word() }));
        } else {
            println!("{what:<34} {seen} {}", verdict.word());
        }
    }

    /// A largest difference, met when it is at most `goal`.
    pub(crate) fn difference(&mut self, what: &str, worst: f64, goal: f64) {
        let verdict = if worst <= goal { Verdict::Met } else { Verdict::Short };
        self.verdicts.push(verdict);
        if self.json {
            let line = json!({ "what": what, "worst": worst, "goal": goal, "verdict": verdict.word() });
            println!("{line}");
        } else {
            println!("{what:<34} {worst:>11.1e} {:>37} ≤ {goal:<7.0e} {}", "", verdict.word());
        }
    }

    /// What else was seen, without a goal.
    pub(crate) fn note(&self, what: &str, seen: &str) {
        if self.json {
            println!("{}", json!({ "what": what, "seen": seen }));
        } else {
            println!("{what:<34} {seen}");
        }
    }

    /// A line that cannot be measured here.
    pub(crate) fn missing(&mut self, what: &str, why: &str) {
        self.verdicts.push(Verdict::PeerMissing);
        if self.json {
            println!("{}", json!({ "what": what, "why": why, "verdict": Verdict::PeerMissing.word() }));
        } else {
            println!("{what:<34} {why}: {}", Verdict::PeerMissing.word());
        }
    }

    /// The whole verdict.
    pub(crate) fn finish(self) -> Exit {
        if self.verdicts.contains(&Verdict::PeerMissing) {
            if !self.json {
                println!("\na peer is missing: run scripts/peers (for vlm: scripts/peers models)");
            }
            Exit::Usage
        } else if self.verdicts.contains(&Verdict::Short) {
            Exit::Failed
        } else {
            Exit::Done
        }
    }
}
