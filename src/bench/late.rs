//! How late the loop wakes, beside cyclictest: the same priority, period and machine, in alternating blocks.

use super::BenchOptions;
use super::blocks::added;
use super::table::Table;
use crate::alone::{self, Trial};
use crate::commands::CommandError;
use crate::config::Config;
use std::process::Command;

/// Length of a block of either side, seconds; shorter ones would be all beginning.
const BLOCK_S: f64 = 2.0;
/// Of the lateness, and by how much ours may be greater, microseconds.
const GOALS: [(&str, f64, f64); 2] = [("median", 0.5, 5.0), ("99th percentile", 0.99, 20.0)];
/// cyclictest counts up to so many microseconds.
const MOST_US: usize = 20_000;

/// Measures both sides in turn.
pub(crate) fn measure(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let other = |e: &dyn std::fmt::Display| CommandError::Other(format!("bench: {e}"));
    let arm = crate::robots::load("panda").map_err(|e| other(&e))?;
    let mut config = Config::default();
    config.control.self_test = false;
    let trial = Trial { seconds: BLOCK_S, breaks: None, patience_s: None };
    let mut rows = [(vec![], vec![]), (vec![], vec![])];
    let mut faults = 0;
    for _ in 0..o.blocks {
        let theirs = match cyclictest(config.control.priority) {
            Ok(theirs) => theirs,
            Err(e) => {
                table.missing("loop lateness", &format!("cyclictest: {e}"));
                return Ok(());
            }
        };
        let ours = alone::run(&config, &arm, trial, None).map_err(|e| other(&e))?;
        faults += ours.page_faults.unwrap_or(0);
        for (i, (a, b)) in rows.iter_mut().enumerate() {
            a.push(ours.lateness_us[i]);
            b.push(theirs[i]);
        }
    }
    for ((what, _, goal), (a, b)) in GOALS.into_iter().zip(&rows) {
        table.added(&format!("loop lateness, {what}"), &added(a, b, o.seed), goal);
    }
    table.cost("page faults of the loop, warm", faults as f64, 0.0, "");
    Ok(())
}

/// The lateness of one block of cyclictest at these parts, microseconds.
fn cyclictest(priority: i32) -> Result<[f64; 2], std::io::Error> {
    let loops = (BLOCK_S * 1e3) as u64;
    let output = Command::new("cyclictest")
        .args(["--quiet", "--mlockall", "--threads=1", "--interval=1000"])
        .arg(format!("--priority={priority}"))
        .arg(format!("--loops={loops}"))
        .arg(format!("--histogram={MOST_US}"))
        .output()?;
    let counts: Vec<(f64, u64)> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| {
            let mut words = l.split_whitespace();
            Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        })
        .collect();
    let all: u64 = counts.iter().map(|(_, n)| n).sum();
    if all == 0 {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(std::io::Error::other(format!("it counted nothing: {}", said.trim())));
    }
    Ok(GOALS.map(|(_, part, _)| {
        let mut left = (part * all as f64).ceil();
        counts
            .iter()
            .find(|(_, n)| {
                left -= *n as f64;
                left <= 0.0
            })
            .map_or(f64::INFINITY, |(us, _)| *us)
    }))
}
