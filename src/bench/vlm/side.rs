//! One side of `sinew bench vlm` in a process of its own, as the peers are: it loads a model and answers lines.
//! The peers' programs (`scripts/peer/vlm_*.py`) speak the same.
//!
//! After loading it says `ready SECONDS`, and then answers, each in a line:
//! `prefill N`: N tokens to the logits of the next one; `decode N M`: M further tokens after N, one at a time;
//! `batch K N M`: M further tokens for each of K answers together, after N; `see FILE N`: a picture and N words to the first token; each with CPU and wall seconds. `memory`: the most that was
//! taken, bytes; `pace`: bytes of weights per token, and bytes per second that memory is read at; `eager`: what a GPU
//! does is launched anew for every token from now on.

use crate::commands::CommandError;
use crate::exit::Exit;
use perception::vlm::{Answering, Choice, Medium, Pixels, Place, Precision, Prompt, Vlm};
use std::hint::black_box;
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Which model, where, and in which numbers.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Served {
    /// A folder to serve to `bench vlm` itself, line by line.
    #[arg(long, hide = true)]
    pub(crate) serve: Option<PathBuf>,
    /// For `vlm`: where the models compute, `cpu` or `cuda`.
    #[arg(long, default_value = "cpu")]
    pub(crate) device: Place,
    /// In which numbers it is served.
    #[arg(long, default_value = "f32", hide = true)]
    pub(crate) dtype: Precision,
}

/// Memory that is read to see how fast it is, bytes: far beyond every cache.
const READ: usize = 512 << 20;
/// How often, of which the median counts.
const TIMES: usize = 7;
/// An answer of one token.
const FIRST: Answering<'_> =
    Answering { choice: Choice::Greedy, max_tokens: 1, stops_at_end: false, grammar: None };

struct Side {
    vlm: Vlm,
    is_cuda: bool,
}

/// Loads `dir` and answers until its input ends.
pub(crate) fn serve(dir: &Path, served: &Served) -> Result<Exit, CommandError> {
    let begun = Instant::now();
    let vlm = Vlm::load(dir, served.device, served.dtype, &mut |_, _| ())?;
    let mut side = Side { vlm, is_cuda: served.device == Place::Cuda };
    say(&format!("ready {}", begun.elapsed().as_secs_f64()))?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| CommandError::Other(format!("bench: {e}")))?;
        say(&side.answer(&line)?)?;
    }
    Ok(Exit::Done)
}

fn say(line: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|e| CommandError::Other(format!("bench: {e}")))
}

impl Side {
    fn answer(&mut self, line: &str) -> Result<String, CommandError> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |word: &str| {
            let number = word.parse::<usize>();
            number.map_err(|e| CommandError::Other(format!("bench: expected a number, got {word:?}: {e}")))
        };
        let times = match words.as_slice() {
            ["prefill", n] => self.prefill(number(n)?)?,
            ["decode", n, more] => self.decode(number(n)?, number(more)?)?,
            ["batch", k, n, more] => self.batch(number(k)?, number(n)?, number(more)?)?,
            ["see", file, n] => self.see(Path::new(file), number(n)?)?,
            ["memory"] => return Ok(peak().to_string()),
            ["pace"] => {
                let read = match self.vlm.gpu_bandwidth()? {
                    Some(read) => read,
                    None => cpu_bandwidth(),
                };
                return Ok(format!("{} {read}", self.vlm.bytes_per_token()));
            }
            ["eager"] => return Ok(format!("{}", self.is_cuda && self.vlm.record_steps(false))),
            _ => return Err(CommandError::Other(format!("bench: expected a question, got {line:?}"))),
        };
        Ok(format!("{} {}", times.0, times.1))
    }

    fn prefill(&mut self, n: usize) -> Result<(f64, f64), CommandError> {
        self.vlm.reset();
        let prompt = Prompt::of_tokens(&tokens(n));
        let watch = Watch::begin();
        self.vlm.answer(&prompt, &FIRST, &|| true, &mut |_| ())?;
        Ok(watch.read())
    }

    fn decode(&mut self, n: usize, more: usize) -> Result<(f64, f64), CommandError> {
        self.vlm.reset();
        let prompt = Prompt::of_tokens(&tokens(n));
        let how = Answering { max_tokens: more + 1, ..FIRST };
        let mut watch = None;
        self.vlm.answer(&prompt, &how, &|| true, &mut |_| {
            watch.get_or_insert_with(Watch::begin);
        })?;
        Ok(watch.map_or((0.0, 0.0), |w| w.read()))
    }

    fn batch(&mut self, k: usize, n: usize, more: usize) -> Result<(f64, f64), CommandError> {
        self.vlm.reset();
        let prompt = Prompt::of_tokens(&tokens(n));
        let asked = vec![(&prompt, Answering { max_tokens: more + 1, ..FIRST }); k];
        // From the first token of the last of them.
        let mut watch = None;
        self.vlm.answer_all(&asked, &|| true, &mut |i, _| {
            if i + 1 == k {
                watch.get_or_insert_with(Watch::begin);
            }
        })?;
        Ok(watch.map_or((0.0, 0.0), |w| w.read()))
    }

    fn see(&mut self, file: &Path, n: usize) -> Result<(f64, f64), CommandError> {
        let other = |e: &dyn std::fmt::Display| CommandError::Other(format!("bench: {e}"));
        let canvas = bridge::files::read_picture(file).map_err(|e| other(&e))?;
        let pixels = Pixels::new(canvas.width(), canvas.height(), canvas.rgb().to_vec())?;
        let sentence = ["word"].repeat(n).join(" ");
        self.vlm.reset();
        let watch = Watch::begin();
        let prompt = self.vlm.prompt(&[Medium::Picture(pixels)], &sentence)?;
        self.vlm.answer(&prompt, &FIRST, &|| true, &mut |_| ())?;
        Ok(watch.read())
    }
}

/// Any tokens, the same on all sides.
fn tokens(n: usize) -> Vec<u32> {
    (0..n as u32).map(|i| (i * 7919 + 13) % 100_000).collect()
}

/// CPU time of the process and wall time.
#[derive(Copy, Clone)]
struct Watch {
    wall: Instant,
    cpu_s: f64,
}

impl Watch {
    fn begin() -> Self {
        Self { cpu_s: cpu_s(), wall: Instant::now() }
    }

    fn read(self) -> (f64, f64) {
        (cpu_s() - self.cpu_s, self.wall.elapsed().as_secs_f64())
    }
}

fn cpu_s() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
}

/// The most memory that this process had, bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

/// What one core reads of a large piece of memory, bytes per second.
fn cpu_bandwidth() -> f64 {
    let memory: Vec<u64> = (0..READ as u64 / 8).collect();
    let mut seconds: Vec<f64> = (0..TIMES)
        .map(|_| {
            let begun = Instant::now();
            let sum = |part: &[u64]| part.iter().fold(0u64, |sum, v| sum.wrapping_add(*v));
            black_box(black_box(&memory).chunks(1 << 16).map(sum).fold(0u64, u64::wrapping_add));
            begun.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    READ as f64 / seconds[TIMES / 2]
}
