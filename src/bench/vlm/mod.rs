//! Vision-language models beside transformers, mistralrs and llama.cpp: the same random weights in published shapes,
//! as many tokens (the same ones, but for mistralrs, which takes words), each side in a process of its own, in
//! alternating blocks.

mod batch;
mod mask;
mod shapes;
mod side;

pub(crate) use side::{Served, serve};

use super::BenchOptions;
use super::blocks::{Ratio, ratio};
use super::peer::Peer;
use super::table::Table;
use crate::commands::CommandError;
use perception::vlm::Place;
use shapes::Shape;
use std::fs::File;
use std::path::Path;
use std::process::Command;

/// Tokens of a prompt, and tokens after it.
const PROMPT: usize = 256;
const MORE: usize = 8;
/// A conversation on a GPU, which decodes further.
const GPU_PROMPT: usize = 1000;
const GPU_MORE: usize = 100;
/// Words beside the picture whose first token is timed.
const WORDS: usize = 64;

/// A peer, in which numbers, and what ours may take of its time: for a token after the prompt, for the prompt.
type Line = (&'static str, &'static str, f64, Option<f64>);

/// On one core.
const CPU: [Line; 4] = [
    ("transformers", "f32", 1.0, Some(1.0)),
    ("mistralrs", "f32", 1.0, Some(1.25)),
    ("llama", "q8", 2.0, None),
    ("llama", "q4", 2.0, None),
];

/// Shapes, and the share of the bandwidth that decoding shall reach launched anew, and recorded.
const CUDA: [(&str, f64, f64); 3] =
    [("qwen3-vl-2b", 0.30, 0.50), ("qwen3-vl-4b", 0.45, 0.60), ("qwen3-vl-8b", 0.55, 0.65)];
/// From a picture and words to the first token, the smallest shape, microseconds.
const FIRST_TOKEN_US: f64 = 25_000.0;

/// What is measured, in this order.
pub(super) const PARTS: [(&str, super::Measure); 3] =
    [("mask", mask::measure), ("batch", batch::measure), ("speed", measure)];

fn measure(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    match o.served.device {
        Place::Cpu => on_cpu(o, table),
        Place::Cuda => on_cuda(o, table),
    }
}

/// A process that serves a model; with how long loading took, seconds. What it says besides goes into a file.
fn start(o: &BenchOptions, program: &Path, args: &[&str]) -> std::io::Result<(Peer, f64)> {
    let mut command = Command::new(program);
    let log = o.peers.join("vlm.log");
    command.stderr(File::create(&log)?);
    // One core for everyone.
    command.args(args).env("RAYON_NUM_THREADS", "1").env("OMP_NUM_THREADS", "1").env("MKL_NUM_THREADS", "1");
    let mut peer = Peer::run(command)?;
    let words = peer.answer().map_err(|e| std::io::Error::other(format!("{e}; see {}", log.display())))?;
    match (words.first().map(String::as_str), words.get(1).and_then(|s| s.parse().ok())) {
        (Some("ready"), Some(seconds)) => Ok((peer, seconds)),
        _ => Err(std::io::Error::other(format!("the peer said {words:?}"))),
    }
}

fn ours(o: &BenchOptions, dir: &str, device: &str, dtype: &str) -> std::io::Result<(Peer, f64)> {
    let program = std::env::current_exe()?;
    start(o, &program, &["bench", "vlm", "--serve", dir, "--device", device, "--dtype", dtype])
}

/// CPU and wall seconds.
fn times(peer: &mut Peer, question: &str) -> std::io::Result<(f64, f64)> {
    let words = peer.ask(question)?;
    let numbers: Vec<f64> = words.iter().filter_map(|w| w.parse().ok()).collect();
    match numbers.as_slice() {
        [cpu, wall] if *wall > 0.0 => Ok((*cpu, *wall)),
        _ => Err(std::io::Error::other(format!("asked {question:?}, the peer answered {words:?}"))),
    }
}

/// Both sides in turn, nanoseconds for each of `n`, of the CPU and wall seconds that `of` picks.
fn beside(
    (a, b): (&mut Peer, &mut Peer),
    question: &str,
    n: usize,
    of: fn((f64, f64)) -> f64,
    o: &BenchOptions,
) -> std::io::Result<Ratio> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..o.blocks {
        for (side, costs) in [(&mut *a, &mut ours), (&mut *b, &mut theirs)] {
            costs.push(of(times(side, question)?) * 1e9 / n as f64);
        }
    }
    Ok(ratio(&ours, &theirs, o.seed))
}

fn on_cpu(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let other = |e: std::io::Error| CommandError::Other(format!("bench: {e}"));
    for (name, dtype, decode, prefill) in CPU {
        let what = format!("{dtype} decode, {name}");
        let Some(dir) = shapes::folder(o, Shape::CUT, table, &what) else { return Ok(()) };
        let dir = dir.display().to_string();
        let program = o.peers.join(format!("vlm-{name}"));
        let (mut peer, peer_load) = match start(o, &program, &[&dir, "cpu", dtype]) {
            Ok(started) => started,
            Err(e) => {
                table.missing(&what, &format!("{}: {e}", program.display()));
                continue;
            }
        };
        let (mut side, load) = ours(o, &dir, "cpu", dtype).map_err(other)?;
        let question = format!("decode {PROMPT} {MORE}");
        let r = beside((&mut side, &mut peer), &question, MORE, |t| t.0, o).map_err(other)?;
        table.ratio(&what, name, &r, decode);
        let question = format!("prefill {PROMPT}");
        let p = beside((&mut side, &mut peer), &question, PROMPT, |t| t.0, o).map_err(other)?;
        match prefill {
            Some(goal) => table.ratio(&format!("{dtype} prompt, {name}"), name, &p, goal),
            None => table.note(&format!("{dtype} prompt, {name}"), &format!("ratio {:.3}", p.ratio)),
        }
        let (bytes, read) = pace(&mut side).map_err(other)?;
        let share = bytes / (r.ours_ns * 1e-9) / read;
        let memory = [&mut side, &mut peer].map(|p| p.ask("memory").map(|w| w.join(" ")));
        let [own, theirs] = memory.map(|w| w.ok().and_then(|w| w.parse::<f64>().ok()).unwrap_or(0.0) / 1e9);
        table.note(
            &format!("{dtype}, beside {name}"),
            &format!(
                "{:.2} tokens/s, {:.0} % of {:.1} GB/s; loaded in {load:.1} and {peer_load:.1} s; {own:.1} and {theirs:.1} GB",
                1e9 / r.ours_ns,
                100.0 * share,
                read / 1e9,
            ),
        );
    }
    Ok(())
}

/// Bytes for each token, and bytes per second that memory is read at.
fn pace(side: &mut Peer) -> std::io::Result<(f64, f64)> {
    times(side, "pace")
}

fn on_cuda(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    if !cfg!(feature = "cuda") {
        let expected = "cpu, or a build with the feature cuda (scripts/cuda builds one)";
        return Err(types::Rejection::new("--device", expected, "cuda").into());
    }
    if let Some(shape) = o.shape.as_deref().filter(|shape| CUDA.iter().all(|(name, ..)| name != shape)) {
        let names = CUDA.map(|(name, ..)| name).join(", ");
        return Err(types::Rejection::new("--shape", names, shape.to_owned()).into());
    }
    let other = |e: std::io::Error| CommandError::Other(format!("bench: {e}"));
    for (name, eager, recorded) in
        CUDA.into_iter().filter(|(name, ..)| o.shape.as_deref().is_none_or(|s| s == *name))
    {
        let what = format!("{name}, recorded");
        let Some(dir) = shapes::folder(o, Shape::whole(name), table, &what) else { return Ok(()) };
        let path = dir.display().to_string();
        let (mut side, load) = ours(o, &path, "cuda", "bf16").map_err(other)?;
        let (bytes, read) = pace(&mut side).map_err(other)?;
        let question = format!("decode {GPU_PROMPT} {GPU_MORE}");
        let per_token = |side: &mut Peer| -> std::io::Result<f64> {
            let mut all = Vec::new();
            for _ in 0..o.blocks {
                all.push(times(side, &question)?.1 / GPU_MORE as f64);
            }
            all.sort_by(f64::total_cmp);
            Ok(all[all.len() / 2])
        };
        let seconds = per_token(&mut side).map_err(other)?;
        table.share(&what, bytes / seconds / read, None, recorded);
        let mut firsts = Vec::new();
        if let Some(picture) = &o.picture {
            for _ in 0..o.blocks {
                firsts
                    .push(times(&mut side, &format!("see {} {WORDS}", picture.display())).map_err(other)?.1);
            }
            firsts.sort_by(f64::total_cmp);
            let us = 1e6 * firsts[firsts.len() / 2];
            if name == CUDA[0].0 {
                table.time(&format!("{name}, picture to first token"), us, FIRST_TOKEN_US);
            } else {
                table.note(&format!("{name}, picture to first token"), &format!("{:.1} ms", us / 1e3));
            }
        }
        let prefill = times(&mut side, &format!("prefill {GPU_PROMPT}")).map_err(other)?.1;
        let memory = side.ask("memory").map_err(other)?.join(" ").parse::<f64>().unwrap_or(0.0) / 1e9;
        table.note(
            name,
            &format!(
                "{:.0} tokens/s, {:.2} GB a token at {:.0} GB/s; {GPU_PROMPT} tokens in {:.0} ms; loaded in {load:.1} s; {memory:.1} GB of the process",
                1.0 / seconds,
                bytes / 1e9,
                read / 1e9,
                1e3 * prefill
            ),
        );
        let program = o.peers.join("vlm-transformers");
        match start(o, &program, &[&path, "cuda", "bf16", "--compile"]) {
            Ok((mut peer, _)) => {
                let r = beside((&mut side, &mut peer), &question, GPU_MORE, |t| t.1, o).map_err(other)?;
                table.ratio(&format!("{name} decode, compiled"), "transformers", &r, 1.0);
            }
            Err(e) => {
                table.missing(&format!("{name} decode, compiled"), &format!("{}: {e}", program.display()))
            }
        }
        if side.ask("eager").map_err(other)?.join(" ") == "true" {
            let seconds = per_token(&mut side).map_err(other)?;
            table.share(&format!("{name}, launched anew"), bytes / seconds / read, None, eager);
        }
    }
    Ok(())
}
