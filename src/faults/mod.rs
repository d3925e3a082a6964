//! `sinew faults`: breaks things on the simulated arm at random instants, and prints the table of faults
//! with what came of each.

mod orders;
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
                let results = eval::in_parallel(n, None, one, |_, _| (), Option::is_none);
                let failures: Vec<String> = results.into_iter().flatten().collect();
                all_good &= failures.is_empty();
                (format!("{}/{n}", n - failures.len()), failures)
            }
            How::Suite => ("in the tests".into(), Vec::new()),
            How::NotYet => ("not yet".into(), Vec::new()),
        };
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

/// One instant of a row.
fn attempt(
    setting: &Setting,
    row: &Row,
    check: fn(&mut Trial) -> Result<(), String>,
    i: usize,
) -> Result<(), String> {
    let id = row.id.bytes().fold(0u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
    let seed = setting.seed ^ id.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ i as u64;
    let at_s = ChaCha8Rng::seed_from_u64(seed).random_range(0.1..SPAN_S);
    let said = |why: String| format!("instant {i}, {at_s:.3} s: {why}");
    let mut trial = Trial::new(&setting.config, &setting.arm, seed, at_s).map_err(said)?;
    check(&mut trial).map_err(said)
}
