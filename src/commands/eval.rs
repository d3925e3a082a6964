//! `sinew eval`: success over random scenes and wordings, in lockstep, one episode per core.

use super::{CommandError, Setting};
use crate::cli::Common;
use crate::exit::Exit;
use crate::log::{Log, Screen};
use crate::runner::{self, Outcome};
use crate::session::Pace;
use crate::suite::episode::{Episode, Expect};
use crate::suite::scenario::Scenario;
use crate::suite::stats::{success_line, wilson};
use crate::suite::{refusals, tabletop};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// One finished episode.
struct Row {
    index: usize,
    family: String,
    seed: u64,
    sentence: String,
    is_request: bool,
    outcome: Result<Outcome, String>,
}

impl Row {
    fn succeeded(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|o| o.as_expected)
    }

    /// A possible request that was declined.
    fn false_refusal(&self) -> bool {
        let declined = |o: &Outcome| matches!(o.exit, Exit::Question | Exit::Refused);
        self.is_request && self.outcome.as_ref().is_ok_and(declined)
    }

    fn reason(&self) -> String {
        match &self.outcome {
            Ok(o) if !o.broken.is_empty() => o.broken.clone(),
            Ok(o) if o.against.is_empty() => format!("{}: {}", o.exit.word(), o.said),
            Ok(o) => format!("{}: {} (truth: {})", o.exit.word(), o.said, o.against),
            Err(why) => why.clone(),
        }
    }
}

pub(crate) fn run(
    suite: &str,
    episodes: usize,
    family: Option<&str>,
    only: &[usize],
    paired: bool,
    jobs: Option<usize>,
    common: &Common,
) -> Result<Exit, CommandError> {
    if episodes == 0 {
        return Err(types::Rejection::new("--episodes", "at least 1", "0").into());
    }
    if !only.is_empty() && matches!(suite, "grounding" | "wordings" | "reach") {
        return Err(types::Rejection::new("--only", "a suite of episodes", suite.to_owned()).into());
    }
    if paired && matches!(suite, "grounding" | "wordings" | "reach" | "refusals" | "signs") {
        return Err(types::Rejection::new("--paired", "a suite of tasks", suite.to_owned()).into());
    }
    if family.is_some() && suite != "tabletop" {
        return Err(
            types::Rejection::new("--family", "only with the suite `tabletop`", suite.to_owned()).into()
        );
    }
    let numbers = if only.is_empty() { (0..episodes).collect() } else { only.to_vec() };
    match suite {
        "grounding" => return super::grounding::run(episodes, &Setting::read(common, None)?),
        "wordings" => return super::grounding::wordings(&Setting::read(common, None)?),
        "signs" => return super::signs::run(&numbers, jobs, &Setting::read(common, None)?, common),
        "reach" => return super::reach::run(episodes, jobs, &Setting::read(common, None)?, common),
        _ => {}
    }
    let scenario = match suite {
        "tabletop" | "refusals" => None,
        "demo" => Some(super::demo(&Setting::read(common, None)?)?),
        path => Some(Scenario::read(Path::new(path))?),
    };
    let robot = scenario.as_ref().and_then(|s| s.robot.clone());
    let mut setting = Setting::read(common, robot.as_deref())?;
    setting.config.record.animation_hz = 0.0;
    let draw = |i: usize| -> Result<Episode, String> {
        match (&scenario, suite) {
            (Some(s), _) => {
                let at = Setting { seed: setting.seed.wrapping_add(i as u64), ..setting.clone() };
                super::episode(s, &at, None).map_err(|e| e.to_string())
            }
            (None, "refusals") => Ok(refusals::episode(i, setting.seed)),
            (None, _) => tabletop(i, setting.seed, family).ok_or_else(|| {
                let names: Vec<&str> = crate::suite::families::FAMILIES.iter().map(|f| f.0).collect();
                format!(
                    "--family: expected one of {}, got {:?}",
                    names.join(", "),
                    family.unwrap_or_default()
                )
            }),
        }
    };
    draw(0).map_err(CommandError::Other)?;
    crate::models::prepare(&setting.config)?;
    if paired {
        return super::paired::run(&numbers, draw, &setting, jobs, common);
    }
    let rows = in_parallel(
        numbers.len(),
        jobs,
        |k| one(numbers[k], draw(numbers[k]), &setting, common.out.as_deref()),
        |n, n_good| progress(n, n_good, numbers.len(), common.json),
        Row::succeeded,
    );
    let table = table(&rows);
    if let Some(out) = &common.out {
        let folder = bridge::RunFolder::create(out)?;
        folder.text("results.txt", &table)?;
    }
    if common.json {
        for r in &rows {
            println!("{}", json(r));
        }
    } else {
        print!("{table}");
    }
    let all = rows.iter().all(Row::succeeded);
    Ok(if all { Exit::Done } else { Exit::Failed })
}

fn one(i: usize, episode: Result<Episode, String>, setting: &Setting, out: Option<&Path>) -> Row {
    let episode = match episode {
        Ok(e) => e,
        Err(why) => {
            let none = String::new();
            return Row {
                index: i,
                family: "?".into(),
                seed: 0,
                sentence: none,
                is_request: true,
                outcome: Err(why),
            };
        }
    };
    let folder = out.and_then(|o| bridge::RunFolder::create(&o.join(format!("episode-{i:04}"))).ok());
    let log = Log::new(Screen::Silent, folder);
    let outcome = runner::run(&setting.config, &setting.arm, &episode, Pace::Lockstep, log, false);
    Row {
        index: i,
        family: episode.family,
        seed: episode.seed,
        sentence: episode.sentence,
        is_request: episode.expect == Expect::Done,
        outcome: outcome.map_err(|e| e.to_string()),
    }
}

/// Rows of all episodes in their order, as many at a time as there are cores or `jobs` says; `told` hears
/// how many are done and how many of them succeeded.
pub(crate) fn in_parallel<R: Send>(
    episodes: usize,
    jobs: Option<usize>,
    one: impl Fn(usize) -> R + Sync,
    told: impl Fn(usize, usize) + Sync,
    succeeded: impl Fn(&R) -> bool + Sync,
) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = jobs.unwrap_or(cores).clamp(1, 64);
    let next = AtomicUsize::new(0);
    let rows: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= episodes {
                        return;
                    }
                    let row = one(i);
                    let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                    rows.push((i, row));
                    told(rows.len(), rows.iter().filter(|(_, r)| succeeded(r)).count());
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(i, _)| *i);
    rows.into_iter().map(|(_, r)| r).collect()
}

/// A bar for a person who waits.
pub(super) fn progress(done: usize, good: usize, episodes: usize, json: bool) {
    if json || !std::io::stderr().is_terminal() {
        return;
    }
    let filled = 40 * done / episodes.max(1);
    eprint!("\r[{}{}] {done}/{episodes}, {good} good ", "#".repeat(filled), "-".repeat(40 - filled));
    if done == episodes {
        eprintln!();
    }
    let _ = std::io::stderr().flush();
}

fn json(r: &Row) -> String {
    let (exit, seconds, replans) =
        r.outcome.as_ref().map_or(("error", 0.0, 0), |o| (o.exit.word(), o.seconds, o.replans));
    serde_json::json!({
        "episode": r.index, "family": r.family, "seed": r.seed, "sentence": r.sentence,
        "success": r.succeeded(), "exit": exit, "robot_seconds": seconds, "replans": replans,
        "reason": if r.succeeded() { String::new() } else { r.reason() },
    })
    .to_string()
}

/// The table of results, ending with the line of the whole.
fn table(rows: &[Row]) -> String {
    let mut families: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for r in rows {
        families.entry(&r.family).or_default().push(r);
    }
    let mut out = String::new();
    let _ = writeln!(
        out,
        "\n{:<20} {:>9}  {:>8}  {:<15} {:>8} {:>8}",
        "family", "success", "", "95 % interval", "mean", "replans"
    );
    for (family, rows) in &families {
        let good = rows.iter().filter(|r| r.succeeded()).count();
        let (lo, hi) = wilson(good, rows.len());
        let ran: Vec<&Outcome> = rows.iter().filter_map(|r| r.outcome.as_ref().ok()).collect();
        let mean = ran.iter().map(|o| o.seconds).sum::<f64>() / ran.len().max(1) as f64;
        let replans: usize = ran.iter().map(|o| o.replans).sum();
        let rate = 100.0 * good as f64 / rows.len().max(1) as f64;
        let _ = writeln!(
            out,
            "{family:<20} {:>9}  {rate:>6.1} %  {:>5.1}–{:<5.1} %  {mean:>6.1} s {replans:>8}",
            format!("{good}/{}", rows.len()),
            100.0 * lo,
            100.0 * hi
        );
    }
    let failures: Vec<&Row> = rows.iter().filter(|r| !r.succeeded()).collect();
    if !failures.is_empty() {
        let _ = writeln!(out, "\nwhat failed (`--only NUMBER` with the same seed repeats it):");
        for r in failures {
            let _ = writeln!(out, "  {:>4} {} \"{}\": {}", r.index, r.family, r.sentence, r.reason());
        }
    }
    let requests = rows.iter().filter(|r| r.is_request).count();
    if requests > 0 {
        let refused = rows.iter().filter(|r| r.false_refusal()).count();
        let share = 100.0 * refused as f64 / requests as f64;
        let _ = writeln!(out, "\nfalse refusals {share:.1} % ({refused}/{requests})");
    }
    let mut looks: Vec<f64> =
        rows.iter().filter_map(|r| r.outcome.as_ref().ok()).flat_map(|o| o.looks_s.iter().copied()).collect();
    looks.sort_by(f64::total_cmp);
    if let Some(median) = looks.get(looks.len() / 2) {
        let _ =
            writeln!(out, "a look: median {:.0} ms of wall time over {} looks", 1e3 * median, looks.len());
    }
    // Episodes in which nothing moved say nothing about the pace.
    let moved = rows.iter().filter_map(|r| r.outcome.as_ref().ok()).filter(|o| o.motions > 0);
    let mut paces: Vec<f64> = moved.map(|o| o.pace).collect();
    paces.sort_by(f64::total_cmp);
    if let Some(median) = paces.get(paces.len() / 2) {
        let _ =
            writeln!(out, "lockstep: median {median:.1} times real time outside perception and rendering");
    }
    let good = rows.iter().filter(|r| r.succeeded()).count();
    let _ = writeln!(out, "{}", success_line(good, rows.len()));
    out
}
