//! Further tokens of several answers together, beside those of one alone.

use super::super::BenchOptions;
use super::super::blocks::alternate;
use super::super::table::Table;
use super::shapes::{self, Shape};
use super::{CUDA, GPU_MORE, GPU_PROMPT, MORE, PROMPT, ours, times};
use crate::commands::CommandError;
use perception::vlm::Place;

/// Answers together.
const TOGETHER: usize = 4;

/// A token of a batch over a token alone, of one side in turn: CPU time on one core, wall time with a GPU.
pub(super) fn measure(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let other = |e: std::io::Error| CommandError::Other(format!("bench: {e}"));
    let (shape, device, dtypes, n, more): (_, _, &[&str], _, _) = match o.served.device {
        Place::Cpu => (Shape::CUT, "cpu", &["f32", "q8", "q4"], PROMPT, MORE),
        Place::Cuda => (Shape::whole(CUDA[0].0), "cuda", &["bf16"], GPU_PROMPT, GPU_MORE),
    };
    for dtype in dtypes {
        let what = format!("{dtype}, a token of {TOGETHER} together");
        let Some(dir) = shapes::folder(o, shape, table, &what) else { return Ok(()) };
        let (side, _) = ours(o, &dir.display().to_string(), device, dtype).map_err(other)?;
        let side = core::cell::RefCell::new(side);
        let cost = |question: String, tokens: usize| -> std::io::Result<f64> {
            let (cpu, wall) = times(&mut side.borrow_mut(), &question)?;
            Ok(if o.served.device == Place::Cpu { cpu } else { wall } * 1e9 / tokens as f64)
        };
        let together = || cost(format!("batch {TOGETHER} {n} {more}"), TOGETHER * more);
        let r = alternate(o.blocks, o.seed, together, || cost(format!("decode {n} {more}"), more));
        table.ratio(&what, "alone", &r.map_err(other)?, 1.0);
    }
    Ok(())
}
