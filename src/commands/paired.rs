//! `sinew eval SUITE --paired`: what the safety filter prevents, and what it costs.

use super::eval::{in_parallel, progress};
use super::{CommandError, Setting};
use crate::cli::Common;
use crate::exit::Exit;
use crate::runner::{self, Outcome};
use crate::suite::episode::Episode;
use crate::suite::stats::{paired, success_line};
use std::fmt::Write as _;

/// The filter may cost so many points of success at most, and the interval may reach so far down.
const MEAN_POINTS: f64 = -1.0;
const LOWEST_POINTS: f64 = -3.0;

/// One episode with the filter told, and told nothing.
type Pair = (usize, Result<[Outcome; 2], String>);

fn gain((_, pair): &Pair) -> f64 {
    let good = |o: &Outcome| if o.as_expected { 100.0 } else { 0.0 };
    pair.as_ref().map_or(0.0, |[on, off]| good(on) - good(off))
}

pub(super) fn run(
    numbers: &[usize],
    draw: impl Fn(usize) -> Result<Episode, String> + Sync,
    setting: &Setting,
    jobs: Option<usize>,
    common: &Common,
) -> Result<Exit, CommandError> {
    let pairs = pairs(numbers, draw, setting, jobs, |n, good| progress(n, good, numbers.len(), common.json));
    let (table, all_met) = judge(&pairs, setting.seed);
    if let Some(out) = &common.out {
        bridge::RunFolder::create(out)?.text("paired.txt", &table)?;
    }
    print!("{table}");
    Ok(if all_met { Exit::Done } else { Exit::Failed })
}

fn pairs(
    numbers: &[usize],
    draw: impl Fn(usize) -> Result<Episode, String> + Sync,
    setting: &Setting,
    jobs: Option<usize>,
    told: impl Fn(usize, usize) + Sync,
) -> Vec<Pair> {
    let both = |k: usize| {
        let episode = draw(numbers[k])?;
        let one = |is_told| {
            runner::run_visited(&setting.config, &setting.arm, &episode, is_told).map_err(|e| e.to_string())
        };
        Ok([one(true)?, one(false)?])
    };
    let good = |(_, pair): &Pair| pair.as_ref().is_ok_and(|[on, _]| on.as_expected);
    in_parallel(numbers.len(), jobs, |k| (numbers[k], both(k)), told, good)
}

/// The table, and whether every goal is met.
fn judge(pairs: &[Pair], seed: u64) -> (String, bool) {
    let mut out = String::new();
    let mut sides = Vec::new();
    for (side, name) in ["filter on", "filter off"].into_iter().enumerate() {
        let of: Vec<&Outcome> = pairs.iter().filter_map(|(_, p)| p.as_ref().ok()).map(|p| &p[side]).collect();
        let good = of.iter().filter(|o| o.as_expected).count();
        let sum = |f: fn(&Outcome) -> usize| of.iter().map(|o| f(o)).sum::<usize>();
        let (visits, entries) = (sum(|o| o.visits.visits), sum(|o| o.visits.entries));
        let broken = sum(|o| usize::from(!o.broken.is_empty()));
        let mean_s = of.iter().map(|o| o.seconds).sum::<f64>() / of.len().max(1) as f64;
        let _ = writeln!(
            out,
            "{name}: {}; things came into the way {visits} times, the arm moved nearer than it may {entries} \
             times; episodes that left a limit: {broken}; mean {mean_s:.1} s",
            success_line(good, pairs.len())
        );
        sides.push((visits, entries, broken));
    }
    let (mean, (lo, hi)) = paired(&pairs.iter().map(gain).collect::<Vec<_>>(), seed);
    let is_cheap = mean >= MEAN_POINTS && lo > LOWEST_POINTS;
    let _ = writeln!(
        out,
        "on less off: {mean:+.2} points, 95 % interval {lo:+.2} to {hi:+.2} over {} pairs (goal: {MEAN_POINTS} at \
         least, all of the interval above {LOWEST_POINTS}): {}",
        pairs.len(),
        if is_cheap { "met" } else { "not met" }
    );
    for (i, pair) in pairs {
        match pair {
            Err(why) => _ = writeln!(out, "  {i:>4}: {why}"),
            Ok([on, off]) if on.as_expected != off.as_expected || on.visits.entries > 0 => {
                let _ = writeln!(
                    out,
                    "  {i:>4}: on {}: {} {} {}; off {}: {} {}",
                    on.exit.word(),
                    on.said,
                    on.against,
                    on.broken,
                    off.exit.word(),
                    off.said,
                    off.against
                );
            }
            Ok(_) => {}
        }
    }
    let has_worked = sides[1].1 > 0 && pairs.iter().all(|(_, p)| p.is_ok());
    (out, is_cheap && has_worked && sides[0].1 == 0 && sides[0].2 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn with_the_filter_the_arm_keeps_away_from_whatever_comes_and_loses_little_by_it() {
        let config = Config::default();
        let arm = crate::robots::load(&config.robot.profile).expect("built in");
        let setting = Setting { config, arm, seed: 31 };
        let numbers: Vec<usize> = (0..20).collect();
        let draw =
            |i| crate::suite::tabletop(i, 31, Some("put in")).ok_or_else(|| "no such family".to_owned());
        let pairs = pairs(&numbers, draw, &setting, None, |_, _| {});
        let (table, _) = judge(&pairs, 31);
        let of = |side: usize| pairs.iter().map(move |(_, p)| p.as_ref().expect("it starts")[side].clone());
        let entries = |side| of(side).map(|o| o.visits.entries).sum::<usize>();
        assert!(of(0).map(|o| o.visits.visits).sum::<usize>() > 20, "somebody comes often\n{table}");
        assert!(entries(1) > 10, "without the filter the arm moves on\n{table}");
        assert_eq!(entries(0), 0, "{table}");
        assert!(of(0).all(|o| o.broken.is_empty()), "{table}");
        // Chance alone makes three in twenty rarer than one in a hundred if one in a hundred is lost.
        assert!(pairs.iter().map(gain).sum::<f64>() / 20.0 > -15.0, "{table}");
    }
}
