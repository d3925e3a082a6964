//! `sinew faults`: breaks things on the simulated arm at random instants, and prints the table of faults
//! with what came of each.

mod models;
mod orders;
mod processes;
mod table;
mod trial;

use crate::cli::Common;
use crate::commands::{CommandError, Setting, eval};
use crate::exit::Exit;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use table::{How, ROWS, Row};
use trial::Trial;

/// Instants per row with `--full`, and without.
const FULL: usize = 1000;
const SMALL: usize = 20;
/// Instants are drawn from so many seconds.
const SPAN_S: f64 = 6.0;
/// Instants with real processes, at most; and how many run at the same time.
const IN_PROCESSES: usize = 20;
const AT_ONCE: usize = 2;
/// Instants in whole missions, at most.
const IN_MISSIONS: usize = 100;
/// Failures that are shown of a row.
const SHOWN: usize = 3;

/// Runs the rows named (all, when none is) at `instants` random instants each.
pub(crate) fn run(
    rows: &[String],
    instants: Option<usize>,
    full: bool,
    common: &Common,
) -> Result<Exit, CommandError> {
    let n = instants.unwrap_or(if full { FULL } else { SMALL });
    if n == 0 {
        return Err(types::Rejection::new("--instants", "at least 1", "0").into());
    }
    if let Some(unknown) = rows.iter().find(|r| !ROWS.iter().any(|row| row.id.eq_ignore_ascii_case(r))) {
        return Err(types::Rejection::new("row", "F1 to F46", unknown.clone()).into());
    }
    let setting = Setting::read(common, None)?;
    let wanted = |row: &Row| rows.is_empty() || rows.iter().any(|r| row.id.eq_ignore_ascii_case(r));
    let mut all_good = true;
    for row in ROWS.iter().filter(|row| wanted(row)) {
        let (count, failures) = match row.how {
            How::Here(check) => {
                let one = |i: usize| attempt(&setting, row, check, i).err();
                tally(n, None, one)
            }
            How::Processes(real, lockstep) => {
                let m = n.min(IN_PROCESSES);
                let robot = &setting.config.robot.profile;
                let one = |i: usize| {
                    let mut rng = ChaCha8Rng::seed_from_u64(seed_of(&setting, row, i));
                    real(robot, &mut rng).map_err(|why| format!("process {i}: {why}"))
                };
                let tried = eval::in_parallel(m, Some(AT_ONCE), one, |_, _| (), Result::is_ok);
                let good = tried.iter().filter(|t| **t == Ok(true)).count();
                let busy = tried.iter().filter(|t| **t == Ok(false)).count();
                let mut failures: Vec<String> = tried.into_iter().filter_map(Result::err).collect();
                let mut count = format!("{good}/{} in processes", m - busy);
                if busy > 0 {
                    count += &format!(" ({busy} not tried: the machine is busy)");
                }
                if good == 0 {
                    failures.push("not once could it be tried".into());
                }
                if let Some(check) = lockstep {
                    let (here, more) = tally(n, None, |i| attempt(&setting, row, check, i).err());
                    count = format!("{here}, {count}");
                    failures.extend(more);
                }
                (count, failures)
            }
            How::Mission(check) => tally(n.min(IN_MISSIONS), None, |i| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed_of(&setting, row, i));
                check(&setting, &mut rng).err().map(|why| format!("mission {i}: {why}"))
            }),
            How::Suite => ("in the tests".into(), Vec::new()),
        };
        all_good &= failures.is_empty();
        if common.json {
            let line = serde_json::json!({
                "row": row.id, "injected": row.injected, "expected": row.expected, "passed": count,
                "failures": failures,
            });
            println!("{line}");
            continue;
        }
        println!("{:<4} {:<48} {:<40} {count}", row.id, row.injected, row.expected);
        for failure in failures.iter().take(SHOWN) {
            println!("       {failure}");
        }
    }
    Ok(if all_good { Exit::Done } else { Exit::Failed })
}

/// How many of `n` instants ended well, and what was wrong with the others.
fn tally(
    n: usize,
    jobs: Option<usize>,
    one: impl Fn(usize) -> Option<String> + Sync,
) -> (String, Vec<String>) {
    let results = eval::in_parallel(n, jobs, one, |_, _| (), Option::is_none);
    let failures: Vec<String> = results.into_iter().flatten().collect();
    (format!("{}/{n}", n - failures.len()), failures)
}

/// The seed of an instant of a row.
fn seed_of(setting: &Setting, row: &Row, i: usize) -> u64 {
    let id = row.id.bytes().fold(0u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
    setting.seed ^ id.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ i as u64
}

/// One instant of a row.
fn attempt(
    setting: &Setting,
    row: &Row,
    check: fn(&mut Trial) -> Result<(), String>,
    i: usize,
) -> Result<(), String> {
    let seed = seed_of(setting, row, i);
    let at_s = ChaCha8Rng::seed_from_u64(seed).random_range(0.1..SPAN_S);
    let said = |why: String| format!("instant {i}, {at_s:.3} s: {why}");
    let mut trial = Trial::new(&setting.config, &setting.arm, seed, at_s).map_err(said)?;
    check(&mut trial).map_err(said)
}
