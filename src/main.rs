//! Sinew: a sentence moves the arm. See `ARCHITECTURE.md` for the way from camera to motor.

/// As those of the standard library, but whoever has closed the other end of the pipe ends nothing: the arm may move.
macro_rules! print {
    ($($a:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stdout().lock(), $($a)*);
    }};
}
macro_rules! println {
    ($($a:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout().lock(), $($a)*);
    }};
}
macro_rules! eprint {
    ($($a:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stderr().lock(), $($a)*);
    }};
}
macro_rules! eprintln {
    ($($a:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr().lock(), $($a)*);
    }};
}

mod alone;
mod bench;
mod cli;
mod commands;
mod config;
mod dataset;
mod exit;
mod faults;
mod film;
mod graph;
mod hub;
mod interrupt;
mod lateness;
mod log;
mod mission;
mod models;
mod node;
#[cfg(test)]
mod oracle;
mod recording;
mod replay;
#[cfg(test)]
mod replay_tests;
mod report;
mod robots;
#[cfg(any(feature = "dds", feature = "ros2"))]
mod ros2;
mod runner;
mod session;
mod split;
mod story;
mod suggest;
mod suite;
mod version;

#[global_allocator]
static ALLOCATOR: bench::Counting = bench::Counting;

use clap::Parser;
use cli::{Cli, Command};
use commands::CommandError;
use exit::Exit;
use std::process::ExitCode;
use types::Rejection;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let exit = dispatch(cli.command).unwrap_or_else(|e| {
        eprintln!("error: {e}");
        e.exit()
    });
    ExitCode::from(exit.code())
}

fn dispatch(command: Command) -> Result<Exit, CommandError> {
    match command {
        Command::Run { sentence, common, answer, lockstep } => {
            commands::run::run(sentence.as_deref(), &common, &answer, lockstep)
        }
        Command::Ask { sentence, image, batch, model, run, common } => {
            // There is a sentence or a batch, and a batch only with a model.
            let (sentence, run) = (sentence.as_deref().unwrap_or_default(), run.as_deref());
            if model.model.is_some() && common.out.is_some() {
                return Err(Rejection::new(
                    "--out",
                    "a question that the model in robot.toml is asked",
                    "--model",
                )
                .into());
            }
            match (&model.model, batch, model.role) {
                (Some(named), Some(batch), _) => commands::ask_batch::run(named, &batch, &model, &common),
                (Some(named), None, _) => {
                    commands::ask_model::run(named, sentence, &image, &model, run, &common)
                }
                (None, _, Some(role)) => commands::ask_role::run(role, sentence, &image, run, &common),
                (None, _, None) => commands::ask::run(sentence, &image, &common),
            }
        }
        Command::Eval { suite, episodes, family, only, paired, jobs, common } => {
            let family = family.as_deref();
            commands::eval::run(&suite, episodes, family, &only, paired, jobs, &common)
        }
        Command::Fetch { model, config, json } => commands::fetch::run(&model, config.as_deref(), json),
        Command::Faults { rows, instants, full, common } => faults::run(&rows, instants, full, &common),
        Command::Node { role, common } => commands::node::run(role, &common),
        Command::Say { sentence, answer, ask, common } => {
            commands::node::say(&sentence, (&answer, ask), &common)
        }
        Command::Send { file, by, common } => commands::node::send(file.as_deref(), by, &common),
        Command::Stop { category, within, common } => commands::stop::run(category, within, &common),
        Command::Reset { common } => commands::node::reset(&common),
        Command::Ls { common } => commands::node::ls(&common),
        Command::Keys(options) => commands::keys::run(&options),
        Command::Log { command } => commands::log::run(&command),
        Command::Why { recordings, at, out } => commands::why::run(&recordings, at, out.as_deref()),
        Command::Replay { recordings, requery, with, inputs, out, json } if !with.is_empty() => {
            commands::replay_with::run(&recordings, &with, (inputs, requery), out.as_deref(), json)
        }
        Command::Replay { recordings, requery, json, .. } => {
            commands::replay::run(&recordings, requery, json)
        }
        Command::Sim { seconds, ros2, common } => commands::sim::run(seconds, ros2, &common),
        Command::Train(options) => commands::train::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Doctor { common } => commands::doctor::run(&common),
        Command::Alone { seconds, r#break, at, patience_ms, common } => {
            let patience_s = patience_ms.map(|ms| ms * 1e-3);
            let trial = alone::Trial { seconds, breaks: r#break.map(|b| (b, at)), patience_s };
            commands::alone::run(trial, &common)
        }
        Command::Watchdog { page } => commands::watchdog::run(&page),
        Command::Config => {
            print!("{}", config::DEFAULT);
            Ok(Exit::Done)
        }
    }
}
