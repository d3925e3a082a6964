//! Rows about processes, with real ones: an arm alone in a process of its own ([`crate::alone`]), its watchdog in
//! another, and signals from here. Their times are the machine's, so that a busy one is given some slack.

use crate::alone::Outcome;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often an arm is started that a busy machine has stopped before anything broke.
const TRIES: usize = 5;
/// Slack for three physics steps and some scheduling, milliseconds; what the machine was late by itself is added.
const SLACK_MS: f64 = 15.0;
/// An arm is under way after so many seconds: the watchdog's process, the proof of its encoders, the first motion.
const UNDER_WAY_S: std::ops::Range<f64> = 3.0..4.5;

/// Starts an arm alone.
fn start(robot: &str, seconds: f64, more: &[&str]) -> Result<Child, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    Command::new(program)
        .args(["alone", "--robot", robot, "--seconds", &seconds.to_string()])
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| e.to_string())
}

/// Waits for what came of it.
fn finish(child: Child) -> Result<Outcome, String> {
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line =
        text.lines().last().ok_or_else(|| format!("it said nothing and ended by {}", output.status))?;
    serde_json::from_str(line).map_err(|e| format!("{e}: {line}"))
}

fn named(outcome: &Outcome, id: &str) -> Result<(), String> {
    if outcome.faults.iter().any(|f| f == id) {
        Ok(())
    } else {
        Err(format!("{id} was never named, but {:?}", outcome.faults))
    }
}

fn ends_in(outcome: &Outcome, mode: &str) -> Result<(), String> {
    if outcome.mode == mode { Ok(()) } else { Err(format!("ends in {}, not in {mode}", outcome.mode)) }
}

/// The robot stopped by itself within so many milliseconds, and its brakes are closed.
fn stopped_within(outcome: &Outcome, ms: f64) -> Result<(), String> {
    match outcome.stopped_after_ms {
        Some(took) if took > ms + SLACK_MS + outcome.machine_late_ms => Err(format!(
            "the robot stopped after {took:.1} ms, on a machine that was itself late by {:.1} ms",
            outcome.machine_late_ms
        )),
        Some(_) if outcome.is_braked => Ok(()),
        Some(_) => Err("the brakes are open".into()),
        None => Err("the robot never stopped by itself".into()),
    }
}

/// What came of an arm that broke; `None` on a machine so busy that the arm was stopped before, again and again.
fn broken(robot: &str, what: &str, rng: &mut ChaCha8Rng) -> Result<Option<Outcome>, String> {
    for _ in 0..TRIES {
        let at = rng.random_range(UNDER_WAY_S).to_string();
        let outcome = finish(start(robot, 10.0, &["--break", what, "--at", &at])?)?;
        if outcome.was_well {
            return Ok(Some(outcome));
        }
    }
    Ok(None)
}

fn signal(child: &Child, signal: Signal) -> Result<(), String> {
    let sent = kill_process(Pid::from_child(child), signal);
    sent.map_err(|e| format!("{signal:?} to process {}: {e}", child.id()))
}

/// The whole process, the simulated robot in it, pauses for two seconds and goes on; its watchdog does not pause.
pub(super) fn f26(robot: &str, rng: &mut ChaCha8Rng) -> Result<bool, String> {
    for _ in 0..TRIES {
        let child = start(robot, 8.0, &[])?;
        std::thread::sleep(Duration::from_secs_f64(rng.random_range(UNDER_WAY_S)));
        signal(&child, Signal::STOP)?;
        std::thread::sleep(Duration::from_secs(2));
        signal(&child, Signal::CONT)?;
        let outcome = finish(child)?;
        // What was stopped before the pause was not stopped by it.
        if outcome.faults.first().is_some_and(|f| f != "F26") {
            continue;
        }
        named(&outcome, "F26")?;
        // The simulated robot pauses with the process: when the loop is back first, there is no state to stop from,
        // and the arm is left without power.
        ends_in(&outcome, "Hold").or_else(|_| ends_in(&outcome, "Fault { powered: false }"))?;
        return Ok(true);
    }
    Ok(false)
}

/// The loop panics.
pub(super) fn f32(robot: &str, rng: &mut ChaCha8Rng) -> Result<bool, String> {
    let Some(outcome) = broken(robot, "loop", rng)? else { return Ok(false) };
    named(&outcome, "F32")?;
    stopped_within(&outcome, 1.0)?;
    Ok(true)
}

/// The watchdog is killed.
pub(super) fn f33(robot: &str, rng: &mut ChaCha8Rng) -> Result<bool, String> {
    let Some(outcome) = broken(robot, "watchdog", rng)? else { return Ok(false) };
    named(&outcome, "F33")?;
    stopped_within(&outcome, 5.0)?;
    ends_in(&outcome, "Fault { powered: false }")?;
    Ok(true)
}
