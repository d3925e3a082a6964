//! `sinew faults`: breaks things on the simulated arm at random instants and puts bad inputs in, and prints the tables of
//! faults, of bad inputs and of invariants with what came of each row.

mod encoders;
mod inputs;
mod invariants;
mod links;
mod models;
mod motors;
mod orders;
mod processes;
mod table;
mod things;
mod trial;

use crate::cli::Common;
use crate::commands::{CommandError, Setting, eval};
use crate::exit::Exit;
use inputs::INPUTS;
use invariants::{INVARIANTS, Seen};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::panic::{AssertUnwindSafe, catch_unwind};
use table::{How, InLockstep, InMission, InProcesses, ROWS, Row};
use trial::Trial;

/// Instants per row with `--full`, and without.
const FULL: usize = 1000;
const SMALL: usize = 20;
/// Instants of faults are drawn from so many seconds, and those of inputs.
const SPAN_S: f64 = 6.0;
const INPUT_SPAN_S: f64 = 2.0;
/// An arm that an input was put into is watched for so long, seconds.
const AFTER_S: f64 = 0.2;
/// Instants with real processes, at most; and how many run at the same time.
const IN_PROCESSES: usize = 20;
const AT_ONCE: usize = 2;
/// Instants in whole missions, at most.
const IN_MISSIONS: usize = 100;
/// Failures that are shown of a row.
const SHOWN: usize = 3;

/// What came of a row: how many of its trials ended well, and what was wrong with the others.
type Came = (String, Vec<String>);

/// Runs the rows named (all, when none is) at `instants` random instants each, and tells of the invariants named (all,
/// when nothing is named).
pub(crate) fn run(
    named: &[String],
    instants: Option<usize>,
    full: bool,
    common: &Common,
) -> Result<Exit, CommandError> {
    let n = instants.unwrap_or(if full { FULL } else { SMALL });
    if n == 0 {
        return Err(types::Rejection::new("--instants", "at least 1", "0").into());
    }
    let rows: Vec<&Row> = ROWS.iter().chain(&INPUTS).collect();
    let is_named = |id: &str| named.iter().any(|name| id.eq_ignore_ascii_case(name));
    let ids: Vec<&str> = rows.iter().map(|row| row.id).chain(INVARIANTS.iter().map(|i| i.id)).collect();
    if let Some(unknown) = named.iter().find(|name| !ids.iter().any(|id| id.eq_ignore_ascii_case(name))) {
        let choices = "F1 to F46, B1 to B34, I1 to I9";
        return Err(types::Rejection::new("row", choices, unknown.clone()).into());
    }
    let setting = Setting::read(common, None)?;
    // Invariants alone are looked at in every row.
    let is_every = !rows.iter().any(|row| is_named(row.id));
    let (seen, mut failed) = (Seen::default(), Vec::new());
    for row in rows.into_iter().filter(|row| is_every || is_named(row.id)) {
        let (count, failures) = come_of(&setting, row, n, &seen);
        tell((row.id, row.injected, row.expected), &count, &failures, common.json);
        failed.extend(failures);
    }
    for one in INVARIANTS.iter().filter(|i| named.is_empty() || is_named(i.id)) {
        let (count, broken) = one.told(&seen, &failed);
        tell((one.id, one.says, one.here), &count, &broken, common.json);
    }
    Ok(if failed.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Prints a row.
fn tell((id, first, second): (&str, &str, &str), count: &str, failures: &[String], is_json: bool) {
    if is_json {
        let line = serde_json::json!({
            "row": id, "injected": first, "expected": second, "passed": count, "failures": failures,
        });
        println!("{line}");
        return;
    }
    println!("{id:<4} {first:<48} {second:<40} {count}");
    for failure in failures.iter().take(SHOWN) {
        println!("       {failure}");
    }
}

/// Tries a row at `n` instants.
fn come_of(setting: &Setting, row: &Row, n: usize, seen: &Seen) -> Came {
    match row.how {
        How::Here(check) => tally(n, |i| attempt(setting, row, check, i, seen)),
        How::Input(input) => tally(n, |i| put_in(setting, row, input, i, seen)),
        How::Part(check) => {
            tally(n, |i| draw(setting, row, check, i).map_err(|why| format!("draw {i}: {why}")))
        }
        How::Mission(check) => {
            let said = |i: usize| move |why: String| format!("mission {i}: {why}");
            tally(n.min(IN_MISSIONS), |i| draw(setting, row, check, i).map_err(said(i)))
        }
        How::Processes(real, lockstep) => {
            let (mut count, mut failures) = in_processes(setting, row, real, n.min(IN_PROCESSES));
            if let Some(check) = lockstep {
                let (here, more) = tally(n, |i| attempt(setting, row, check, i, seen));
                count = format!("{here}, {count}");
                failures.extend(more);
            }
            (count, failures)
        }
        How::Suite => ("in the tests".into(), Vec::new()),
        How::NotYet => ("not yet".into(), Vec::new()),
    }
}

/// Tries a row with real processes.
fn in_processes(setting: &Setting, row: &Row, real: InProcesses, n: usize) -> Came {
    let robot = &setting.config.robot.profile;
    let one = |i: usize| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed_of(setting, row, i));
        real(robot, &mut rng).map_err(|why| format!("process {i}: {why}"))
    };
    let tried = eval::in_parallel(n, Some(AT_ONCE), one, |_, _| (), Result::is_ok);
    let good = tried.iter().filter(|t| **t == Ok(true)).count();
    let busy = tried.iter().filter(|t| **t == Ok(false)).count();
    let mut failures: Vec<String> = tried.into_iter().filter_map(Result::err).collect();
    let mut count = format!("{good}/{} in processes", n - busy);
    if busy > 0 {
        count += &format!(" ({busy} not tried: the machine is busy)");
    }
    if good == 0 {
        failures.push("not once could it be tried".into());
    }
    (count, failures)
}

/// How many of `n` trials ended well, and what was wrong with the others; a panic is (I8).
fn tally(n: usize, one: impl Fn(usize) -> Result<(), String> + Sync) -> Came {
    let survives = |i: usize| {
        catch_unwind(AssertUnwindSafe(|| one(i))).unwrap_or_else(|_| Err(format!("I8: trial {i} panicked")))
    };
    let results = eval::in_parallel(n, None, survives, |_, _| (), Result::is_ok);
    let failures: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    (format!("{}/{n}", n - failures.len()), failures)
}

/// The seed of an instant of a row.
fn seed_of(setting: &Setting, row: &Row, i: usize) -> u64 {
    let id = row.id.bytes().fold(0u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
    setting.seed ^ id.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ i as u64
}

/// One instant of a row that takes no arm alone.
fn draw(setting: &Setting, row: &Row, check: InMission, i: usize) -> Result<(), String> {
    check(setting, &mut ChaCha8Rng::seed_from_u64(seed_of(setting, row, i)))
}

/// One instant of a row.
fn attempt(setting: &Setting, row: &Row, check: InLockstep, i: usize, seen: &Seen) -> Result<(), String> {
    let seed = seed_of(setting, row, i);
    let at_s = ChaCha8Rng::seed_from_u64(seed).random_range(0.1..SPAN_S);
    let said = |why: String| format!("instant {i}, {at_s:.3} s: {why}");
    let mut trial = Trial::new(&setting.config, &setting.arm, seed, at_s).map_err(said)?;
    let came = check(&mut trial).map_err(said);
    seen.trial(&trial);
    came
}

/// One instant of an input to the loop: into an arm that stands, or is under way. Every command before it and for a while
/// after is, to the bit, that of its twin which nothing is put into.
fn put_in(setting: &Setting, row: &Row, input: InLockstep, i: usize, seen: &Seen) -> Result<(), String> {
    let seed = seed_of(setting, row, i);
    let at_s = ChaCha8Rng::seed_from_u64(seed).random_range(0.1..INPUT_SPAN_S);
    let is_under_way = i % 2 == 1;
    let how = if is_under_way { "under way" } else { "standing" };
    let said = |why: String| format!("instant {i}, {at_s:.3} s, {how}: {why}");
    let begin = || {
        let mut trial = Trial::new(&setting.config, &setting.arm, seed, at_s)?;
        if !is_under_way {
            trial.waits()?;
        }
        Ok(trial)
    };
    let mut trial = begin().map_err(said)?;
    let came = input(&mut trial).and_then(|()| trial.run_s(AFTER_S)).and_then(|()| trial.inputs());
    seen.trial(&trial);
    seen.inputs(came.map_err(said)?);
    let mut twin = begin().map_err(said)?;
    twin.run_until(trial.now()).map_err(said)?;
    seen.trial(&twin);
    if trial.commands() != twin.commands() {
        return Err(said("the arm does something else than without it".into()));
    }
    Ok(())
}
