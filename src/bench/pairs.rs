//! What the safety filter prevents and costs, over pairs of episodes: with `--full`; else what was seen last.

use super::BenchOptions;
use super::table::Table;
use crate::cli::Common;
use crate::commands::{CommandError, eval};
use crate::exit::Exit;

const PAIRS: usize = 300;
/// The last whole run.
const LAST: &str = "27 November 2026, a28cacea, seed 2727128298, 300 pairs: -0.33 points (-1.67 to +0.67); came nearer than \
                    allowed 0 times with it, 1806 without: met";

/// Judges as `sinew eval tabletop --paired` does.
pub(crate) fn measure(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    if !o.full {
        table.note("the filter, on and off (--full)", LAST);
        return Ok(());
    }
    let common =
        Common { config: None, robot: None, scene: None, seed: Some(o.seed), out: None, json: o.json };
    let exit = eval::run("tabletop", PAIRS, None, &[], true, None, &common)?;
    table.judged("the filter, on and off", &format!("{PAIRS} pairs, as above"), exit == Exit::Done);
    Ok(())
}
