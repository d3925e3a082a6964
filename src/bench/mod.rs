//! `sinew bench`: what Sinew's parts cost beside what people use now, measured in the same run.

mod allocations;
mod blocks;
mod chunks;
mod ik;
mod late;
mod mechanics;
mod pairs;
mod paths;
mod peer;
mod record;
mod solids;
mod split;
mod table;
mod tick;
mod validity;
mod vlm;
mod wire;

pub(crate) use allocations::{Counting, largest};

use crate::commands::CommandError;
use crate::exit::Exit;
use std::path::PathBuf;
use table::Table;

/// What to measure, and how long.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct BenchOptions {
    /// Which part: `control` (mechanics, inverse kinematics, the tick, state validity, free paths), `vlm`
    /// (vision-language models), `wire` (between nodes) or `record` (recordings).
    pub(crate) part: String,
    /// Of the part only this: tick, late, mechanics, ik, validity, paths, chunks or pairs; mask, batch or speed; small, picture, split,
    /// forged or long; late, episode or pictures; all of them by default.
    #[arg(long)]
    pub(crate) only: Option<String>,
    /// Where `scripts/peers` installed the peers.
    #[arg(long, default_value = "target/peers")]
    pub(crate) peers: PathBuf,
    /// Blocks of each side, in turn.
    #[arg(long, default_value_t = 20)]
    pub(crate) blocks: usize,
    /// Length of a block, milliseconds.
    #[arg(long, default_value_t = 200)]
    pub(crate) block_ms: u64,
    /// For `control`: the paired seeds, too (two hours).
    #[arg(long)]
    pub(crate) full: bool,
    /// Seed of the states and of the bootstrap.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// For `vlm` on a GPU: a picture whose way to the first token is timed.
    #[arg(long)]
    pub(crate) picture: Option<PathBuf>,
    /// For `vlm` on a GPU: only this shape.
    #[arg(long)]
    pub(crate) shape: Option<String>,
    #[command(flatten)]
    served: vlm::Served,
    /// Print the lines as JSON, one a line, instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

type Measure = fn(&BenchOptions, &mut Table) -> Result<(), CommandError>;

/// What is measured of control, in this order.
const PARTS: [(&str, Measure); 8] = [
    ("tick", tick::measure),
    ("late", late::measure),
    ("mechanics", mechanics::measure),
    ("ik", ik::measure),
    ("validity", validity::measure),
    ("paths", paths::measure),
    ("chunks", chunks::measure),
    ("pairs", pairs::measure),
];

/// ... and of the wire.
const WIRE: [(&str, Measure); 5] = [
    ("small", wire::small),
    ("picture", wire::picture),
    ("split", split::measure),
    ("forged", wire::forged),
    ("long", wire::long),
];

/// ... and of recordings.
const RECORD: [(&str, Measure); 3] =
    [("late", record::late), ("episode", record::episode), ("pictures", record::pictures)];

/// Measures; 0: every goal met, 1: a line is short, 2: a peer is missing.
pub(crate) fn run(o: &BenchOptions) -> Result<Exit, CommandError> {
    let parts: &[(&str, Measure)] = match (o.part.as_str(), &o.served.serve) {
        ("vlm", Some(dir)) => return vlm::serve(dir, &o.served),
        ("control", _) => &PARTS,
        ("vlm", None) => &vlm::PARTS,
        ("wire", _) => &WIRE,
        ("record", _) => &RECORD,
        _ => {
            return Err(types::Rejection::new("bench", "control, vlm, wire or record", o.part.clone()).into());
        }
    };
    if o.blocks < 2 {
        return Err(types::Rejection::new("--blocks", "2 or more", o.blocks.to_string()).into());
    }
    types::Rejection::positive("--block-ms", o.block_ms as f64)?;
    let only = o.only.as_deref();
    if let Some(name) = only.filter(|name| parts.iter().all(|(part, _)| part != name)) {
        let names: Vec<&str> = parts.iter().map(|(part, _)| *part).collect();
        return Err(types::Rejection::new("--only", names.join(", "), name.to_owned()).into());
    }
    let mut table = Table::new(o.json);
    table.machine();
    for (_, measure) in parts.iter().filter(|(part, _)| only.is_none_or(|name| name == *part)) {
        measure(o, &mut table)?;
    }
    Ok(table.finish())
}
