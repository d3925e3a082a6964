//! `sinew train`: the built-in model, from renders and sentences that cost nothing, in legs of any
//! length; the same seed and number of threads give the same weights.

use super::CommandError;
use crate::cli::{Part, TrainOptions};
use crate::exit::Exit;
use crate::robots;
use crate::session::WEIGHTS;
use bridge::{Panel, Plot, Series, files};
use core::ops::ControlFlow;
use perception::language::{self, Reader, Trained};
use perception::model;
use perception::train::{self, Checkpoint, Leg, Parts, Plan, Progress, Subject};
use perception::vision::Net;
use sim::samples::{Options, Samples};
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

/// Pictures per step.
const BATCH: usize = 8;
/// A checkpoint is written this often, seconds.
const SAVE_S: f64 = 120.0;

/// What candle and the C library read from the environment once: matrix products in the thread that
/// asks for them (the trainer splits pictures over threads itself), and freed memory kept, since every
/// step asks for the same again.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("RAYON_NUM_THREADS", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "4294967296"),
    ("MALLOC_TRIM_THRESHOLD_", "8589934592"),
    ("MALLOC_TOP_PAD_", "268435456"),
];

/// Begins the program anew in an environment in which training is faster (12 pictures/s instead of 7
/// when it was tried, two threads); returns only where that is so already or cannot be had.
fn with_environment() {
    use std::os::unix::process::CommandExt as _;
    if std::env::var_os(ENVIRONMENT[0].0).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        let arguments = std::env::args_os().skip(1);
        let _ = std::process::Command::new(program).args(arguments).envs(ENVIRONMENT).exec();
    }
}

pub(crate) fn run(o: &TrainOptions) -> Result<Exit, CommandError> {
    if let Some(m) = o.minutes {
        types::Rejection::positive("--minutes", m)?;
    }
    with_environment();
    std::fs::create_dir_all(&o.dir).map_err(|e| CommandError::Other(format!("{}: {e}", o.dir.display())))?;
    if o.as_it_stands {
        return assemble(&o.dir);
    }
    let begun = Instant::now();
    let left = || o.minutes.map(|m| 60.0 * m - begun.elapsed().as_secs_f64());
    let mut finished = true;
    for (part, train) in [
        (Part::Vision, vision as fn(&TrainOptions, Option<f64>) -> Result<bool, CommandError>),
        (Part::Closer, closer),
        (Part::Language, language),
    ] {
        // The closer look learns from what the finished detector proposes.
        if finished && (o.part == part || o.part == Part::All) {
            finished = left().is_none_or(|s| s > 1.0) && train(o, left())?;
        }
    }
    if !finished {
        println!("not finished yet: the same command again goes on from here");
        return Ok(Exit::Done);
    }
    assemble(&o.dir)
}

fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    std::fs::read(path).map_err(|e| CommandError::Other(format!("{}: {e}", path.display())))
}

/// Whole or not at all: a killed training never leaves half a checkpoint.
fn write(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes)
        .and_then(|()| std::fs::rename(&partial, path))
        .map_err(|e| CommandError::Other(format!("{}: {e}", path.display())))
}

fn failed(e: impl core::fmt::Display) -> CommandError {
    CommandError::Other(e.to_string())
}

/// A bar on one line: how far, how good, how fast.
fn bar(what: &str, done: u64, all: u64, text: &str) {
    let filled = (30 * done / all.max(1)) as usize;
    print!("\r{what} [{}{}] {done}/{all} {text}   ", "#".repeat(filled), "-".repeat(30 - filled.min(30)));
    let _ = std::io::stdout().flush();
}

/// One leg of the vision part; whether it is finished.
fn vision(o: &TrainOptions, until_s: Option<f64>) -> Result<bool, CommandError> {
    let plan = Plan { seed: o.seed, steps: o.pictures / BATCH as u64, batch: BATCH, ..Plan::default() };
    see(o, "vision", plan, until_s, &mut |checkpoint, sample, leg, progress| {
        train::vision(checkpoint, sample, leg, progress)
    })
}

/// One leg of the closer look; whether it is finished.
fn closer(o: &TrainOptions, until_s: Option<f64>) -> Result<bool, CommandError> {
    let steps = o.closer_pictures / BATCH as u64;
    let plan = Plan { subject: Subject::Closer, seed: o.seed, steps, batch: BATCH, ..Plan::default() };
    let detector = detector(&o.dir, true)?;
    see(o, "closer", plan, until_s, &mut |checkpoint, sample, leg, progress| {
        train::closer(checkpoint, &detector, sample, leg, progress)
    })
}

/// The detector that was trained here (`finished`: all the way), else the built-in one.
fn detector(dir: &Path, finished: bool) -> Result<Net, CommandError> {
    let path = dir.join("vision.checkpoint");
    if !path.is_file() {
        return Ok(model::load_vision(WEIGHTS).map_err(failed)?.1);
    }
    let checkpoint = Checkpoint::from_bytes(&read(&path)?)?;
    let (step, steps) = (checkpoint.step, checkpoint.plan.steps);
    if finished && step < steps {
        let expected = "a finished detector for the closer look to learn from";
        return Err(failed(format!("{}: expected {expected}, got step {step} of {steps}", path.display())));
    }
    Ok(checkpoint.net()?)
}

/// How one leg of a training on pictures is done.
type Teach<'a> = &'a mut dyn FnMut(
    Checkpoint,
    &(dyn Fn(u64) -> Result<train::Sample, types::Rejection> + Sync),
    Leg,
    &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Checkpoint, train::TrainError>;

/// Goes on with a training on pictures, whose checkpoint bears the part's name; whether it is finished.
fn see(
    o: &TrainOptions,
    part: &str,
    plan: Plan,
    until_s: Option<f64>,
    teach: Teach<'_>,
) -> Result<bool, CommandError> {
    if plan.steps == 0 {
        return Err(failed(format!("{part}: expected {BATCH} pictures or more, a step's worth")));
    }
    let path = o.dir.join(format!("{part}.checkpoint"));
    let mut checkpoint = if path.is_file() && !o.fresh {
        Checkpoint::from_bytes(&read(&path)?)?
    } else {
        plan.begin().map_err(failed)?
    };
    if checkpoint.plan != plan {
        return Err(CommandError::Other(format!(
            "{} is of another training (seed, pictures or net): use its flags, --dir, or --fresh",
            path.display()
        )));
    }
    let arms = vec![robots::load("panda")?, robots::load("so101")?];
    let samples = Samples::new(arms, o.seed, Options::default())?;
    // One source of pictures per thread: each has buffers of its own.
    let pool: Mutex<Vec<Samples>> = Mutex::new(Vec::new());
    let sample = |i: u64| {
        let free = pool.lock().map(|mut p| p.pop()).unwrap_or_default();
        let mut source = free.unwrap_or_else(|| samples.clone());
        let picture = source.sample(i).map(as_sample);
        if let Ok(mut p) = pool.lock() {
            p.push(source);
        }
        picture
    };
    let begun = Instant::now();
    while checkpoint.step < plan.steps && until_s.is_none_or(|s| begun.elapsed().as_secs_f64() < s) {
        let left = until_s.map_or(SAVE_S, |s| (s - begun.elapsed().as_secs_f64()).min(SAVE_S));
        let leg = Leg { max_steps: None, max_seconds: Some(left), threads: o.threads };
        let mut mean = Mean::default();
        checkpoint = teach(checkpoint, &sample, leg, &mut |p| {
            let loss = mean.of(p.loss.total());
            let text = format!("loss {loss:.3}, {:.0} pictures/s", p.pictures_per_second);
            bar(part, p.step, p.steps, &text);
            ControlFlow::Continue(())
        })
        .map_err(failed)?;
        write(&path, &checkpoint.to_bytes()?)?;
        files::write_png(
            &o.dir.join(format!("{part}-loss.png")),
            &loss_plot(part, &parts_of(&checkpoint.history)).draw(900),
        )?;
    }
    println!();
    if checkpoint.step < plan.steps {
        return Ok(false);
    }
    println!("{part}: {} steps, weights {}", checkpoint.step, checkpoint.fingerprint());
    Ok(true)
}

/// One leg of the language part; whether it is finished.
fn language(o: &TrainOptions, until_s: Option<f64>) -> Result<bool, CommandError> {
    let path = o.dir.join("language.checkpoint");
    let mut trained = match path.is_file() && !o.fresh {
        true => Some(Trained::from_bytes(&read(&path)?)?),
        false => None,
    };
    let begun = Instant::now();
    loop {
        let done = trained.as_ref().is_some_and(|t| t.step >= o.steps);
        let spent = begun.elapsed().as_secs_f64();
        if done || until_s.is_some_and(|s| spent >= s) {
            println!();
            return Ok(done);
        }
        let left = until_s.map_or(SAVE_S, |s| (s - spent).min(SAVE_S));
        let options = language::Options {
            seed: o.seed,
            steps: o.steps,
            max_seconds: Some(left),
            ..language::Options::default()
        };
        let mut mean = Mean::default();
        let leg = language::train(options, trained.as_ref(), &mut |p| {
            let text = format!("loss {:.4}, {:.0} sentences/s", mean.of(p.loss), p.sentences_per_second);
            bar("language", p.step, p.steps, &text);
            ControlFlow::Continue(())
        })
        .map_err(failed)?;
        write(&path, &leg.to_bytes()?)?;
        let plot = loss_plot("language", &[("all", leg.history.clone())]);
        files::write_png(&o.dir.join("language-loss.png"), &plot.draw(900))?;
        trained = Some(leg);
    }
}

/// A picture of the world as the trainer takes it.
fn as_sample(made: sim::Sample) -> train::Sample {
    let objects = made.objects.iter().map(|l| train::Label {
        box_px: l.box_px,
        center_px: l.center_px,
        shape: l.shape,
        size: l.size,
        color: l.color,
    });
    train::Sample { objects: objects.collect(), image: made.image }
}

/// A running mean, for the eye.
#[derive(Default)]
struct Mean(Option<f32>);

impl Mean {
    fn of(&mut self, v: f32) -> f32 {
        let mean = self.0.map_or(v, |m| 0.98 * m + 0.02 * v);
        self.0 = Some(mean);
        mean
    }
}

/// Losses over the steps, smoothed.
fn loss_plot(title: &str, parts: &[(&str, Vec<f32>)]) -> Plot {
    let series = parts.iter().map(|(name, history)| {
        let mut mean = Mean::default();
        let every = (history.len() / 800).max(1);
        let log = |l: f32| f64::from(l.max(1e-6).log10());
        let points = history.iter().enumerate().map(|(i, l)| (i as f64, log(mean.of(*l))));
        Series { name: (*name).into(), points: points.step_by(every).collect() }
    });
    Plot {
        title: format!("{title}: loss"),
        x_label: "steps".into(),
        panels: vec![Panel {
            title: "log10 of the loss, running mean".into(),
            range: None,
            limits: Vec::new(),
            series: series.collect(),
        }],
    }
}

/// The parts of the loss of what learns from pictures.
fn parts_of(history: &[Parts]) -> Vec<(&'static str, Vec<f32>)> {
    let of = |f: &dyn Fn(&Parts) -> f32| history.iter().map(f).collect();
    vec![
        ("all", of(&Parts::total)),
        ("heat", of(&|p| p.heat)),
        ("boxes", of(&|p| p.boxes)),
        ("color", of(&|p| p.color)),
        ("shape", of(&|p| p.shape)),
        ("size", of(&|p| p.size)),
    ]
}

/// All parts into the one file that `sinew` reads; a part that was not trained here is the built-in one.
fn assemble(dir: &Path) -> Result<Exit, CommandError> {
    let [vision, closer, language] =
        ["vision", "closer", "language"].map(|part| dir.join(format!("{part}.checkpoint")));
    if ![&vision, &closer, &language].iter().any(|path| path.is_file()) {
        let what = format!("{}: expected a checkpoint of `sinew train`, found none", dir.display());
        return Err(CommandError::Other(what));
    }
    let net = detector(dir, false)?;
    let second = if closer.is_file() {
        Some(Checkpoint::from_bytes(&read(&closer)?)?.closer()?)
    } else {
        model::load_closer(WEIGHTS).map_err(failed)?
    };
    let reader = if language.is_file() {
        Reader::from_arrays(&Trained::from_bytes(&read(&language)?)?.weights())?
    } else {
        model::load_language(WEIGHTS).map_err(failed)?
    };
    let summary = "trained by `sinew train` on renders and sentences of its own; see assets/weights/CARD.md";
    let file = model::to_bytes(&net, second.as_ref(), Some(&reader), summary)?;
    let path = dir.join("sinew-vlm.safetensors");
    write(&path, &file)?;
    println!("{}: {} bytes", path.display(), file.len());
    Ok(Exit::Done)
}
