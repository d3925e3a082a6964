//! What it takes to know, before every token of an answer, which tokens the grammar allows.

use super::super::BenchOptions;
use super::super::blocks::cpu_ns;
use super::super::table::Table;
use super::shapes::{self, Shape};
use crate::commands::CommandError;
use perception::roles::Role;
use perception::vlm::Guide;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Tokens to time.
const TOKENS: usize = 20_000;
/// Of one token at the 99th percentile, microseconds.
const GOAL_US: f64 = 1000.0;
/// Whose grammars: all kinds of strings, lists and choices.
const ROLES: [Role; 4] = [Role::Read, Role::Look, Role::Describe, Role::Judge];

/// Random answers under the grammars of the roles, over a vocabulary of the published size: CPU time of the mask and
/// of taking the token.
pub(super) fn measure(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let what = "mask of a token, 99th percentile";
    let Some(dir) = shapes::folder(o, Shape::CUT, table, what) else { return Ok(()) };
    let guide = Guide::load(&dir)?;
    let grammars = ROLES.map(Role::grammar);
    let mut rng = ChaCha8Rng::seed_from_u64(o.seed);
    let mut costs = Vec::with_capacity(TOKENS);
    let mut begins = Vec::new();
    for grammar in grammars.iter().cycle() {
        let grammar = grammar.as_ref().map_err(Clone::clone)?;
        let begun = cpu_ns();
        let mut following = guide.begin(grammar)?;
        begins.push((cpu_ns() - begun) / 1e3);
        for _ in 0..grammar.most_bytes() {
            let begun = cpu_ns();
            let allowed = following.allowed()?;
            let masked = cpu_ns() - begun;
            let n = allowed.num_set();
            let nth = allowed.iter().nth(rng.random_range(0..n.max(1)));
            let Some(id) = nth else { break };
            let begun = cpu_ns();
            let ended = following.take(id)?;
            costs.push((masked + cpu_ns() - begun) / 1e3);
            if ended {
                break;
            }
        }
        if costs.len() >= TOKENS {
            break;
        }
    }
    // The first of each grammar is made, later ones are copies of it.
    let n = ROLES.len().min(begins.len());
    let (firsts, again) = begins.split_at_mut(n);
    firsts.sort_by(f64::total_cmp);
    again.sort_by(f64::total_cmp);
    costs.sort_by(f64::total_cmp);
    let at = |of: &[f64], part: f64| of[((of.len() - 1) as f64 * part) as usize];
    table.time(what, at(&costs, 0.99), GOAL_US);
    table.note(
        "mask of a token, median and most",
        &format!("{:.1} µs, {:.0} µs", at(&costs, 0.5), at(&costs, 1.0)),
    );
    if let (Some(first), Some(_)) = (firsts.last(), again.first()) {
        table.note(
            "a grammar made ready, then again",
            &format!("{first:.0} µs at most, {:.0} µs", at(again, 0.5)),
        );
    }
    Ok(())
}
