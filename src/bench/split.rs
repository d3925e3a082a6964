//! The arrows of a robot that is split over three processes of this machine: robot and perception as nodes of their own,
//! and this one in the planner's place.

use super::BenchOptions;
use super::table::Table;
use crate::commands::CommandError;
use bridge::ros::{About, Ask, DiagnosticArray, Report, Status};
use bridge::wire::{Heard, NodeClock, Role, Settings, Wire, topics};
use core::time::Duration;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;
use types::Time;

/// What the arrows from a picture to the planner may take in sum, and each small message, µs.
const SUM_US: f64 = 1000.0;
const SMALL_US: f64 = 200.0;
/// How long the nodes may take to be there and to know each other's clocks.
const BEGINS: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(2);

fn other(e: &dyn std::fmt::Display) -> CommandError {
    CommandError::Other(format!("bench: {e}"))
}

/// The nodes and their folder, gone with it.
struct Nodes(PathBuf, Vec<Child>);

impl Nodes {
    fn start(robot: &str, folder: &Path) -> Result<Self, CommandError> {
        std::fs::create_dir_all(folder).map_err(|e| other(&e))?;
        let config = format!("[zenoh]\nrobot = \"{robot}\"\n");
        std::fs::write(folder.join("robot.toml"), config).map_err(|e| other(&e))?;
        let mut nodes = Self(folder.to_owned(), Vec::new());
        for role in ["robot", "perception"] {
            let program = std::env::current_exe().map_err(|e| other(&e))?;
            let mut command = Command::new(program);
            command.args(["node", role, "--out", role]).current_dir(folder).env("XDG_RUNTIME_DIR", folder);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            nodes.1.push(command.spawn().map_err(|e| other(&e))?);
        }
        Ok(nodes)
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in &mut self.1 {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Half of the time from sending to arriving of the pictures, as the perception node tells it, µs, and how many it had.
fn pictures(told: &Heard<DiagnosticArray>) -> Option<(f64, u64)> {
    let mut newest = None;
    while let Some(array) = told.take() {
        for status in array.status.iter().filter(|s| s.hardware_id == Role::Perception.word()) {
            let value = |key: &str| status.values.iter().find(|v| v.key == key).map(|v| v.value.as_str());
            if let Some(ms) = value("latency_p50_ms").and_then(|v| v.parse::<f64>().ok()) {
                newest = Some((1e3 * ms, value("received").and_then(|v| v.parse().ok()).unwrap_or(0)));
            }
        }
    }
    newest
}

/// From the picture to the planner: the picture to perception, the planner's question and the answer.
pub(crate) fn measure(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let robot = format!("bench-split-{}", std::process::id());
    let _nodes = Nodes::start(&robot, &std::env::temp_dir().join(&robot))?;
    let began = Instant::now();
    let clock: NodeClock = Arc::new(move || Time::ZERO + began.elapsed());
    let settings = Settings { robot, multicast: true, ..Settings::default() };
    let wire = Wire::open(&settings, Role::Planner, clock).map_err(|e| other(&e))?;
    let statuses = wire.hear::<Status>(&topics::STATUS, "", 1).map_err(|e| other(&e))?;
    // The planner hears what the loop tells, and pictures as long as the arm moves.
    let _reports = wire.hear::<Report>(&topics::REPORT, "", 64).map_err(|e| other(&e))?;
    let health = wire.hear::<DiagnosticArray>(&topics::HEALTH, "*", 64).map_err(|e| other(&e))?;
    let latency = || {
        let all = wire.health();
        all.into_iter().find(|h| h.key.ends_with("/status")).and_then(|h| h.latency_ms).map(|ms| ms[0])
    };
    let (robot, perception) = loop {
        wire.ask_clocks();
        let all = wire.present().map_err(|e| other(&e))?;
        let of = |role: Role| all.iter().find(|p| p.role == role).map(|p| p.id);
        let both = of(Role::Robot).zip(of(Role::Perception));
        if let (Some(both), Some(_), Some(_)) = (both, latency(), pictures(&health)) {
            break both;
        }
        if began.elapsed() > BEGINS {
            return Err(other(&"the nodes do not find each other"));
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    let of = format!("{perception:016x}");
    let (started, length) = (Instant::now(), Duration::from_millis(o.block_ms) * o.blocks as u32);
    let (mut rounds, mut picture, mut kept) = (Vec::new(), None, Instant::now());
    while started.elapsed() < length {
        let asked = Instant::now();
        let about = wire.ask::<_, About>(&topics::ABOUT, &of, &Ask { nonce: 0 }, ANSWER);
        about.map_err(|e| other(&e))?;
        rounds.push(1e6 * asked.elapsed().as_secs_f64());
        while statuses.take().is_some() {}
        picture = pictures(&health).or(picture);
        if kept.elapsed() > Duration::from_millis(500) {
            wire.ask_clocks();
            kept = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    rounds.sort_by(f64::total_cmp);
    let round = rounds[rounds.len() / 2];
    let (picture, n) = picture.ok_or_else(|| other(&"perception tells nothing of its pictures"))?;
    let status = 1e3 * latency().ok_or_else(|| other(&"nobody tells a status"))?;
    let off_us = wire.clock_of(robot).map(|c| 5e5 * c.width_s());
    let off = off_us.map_or("not known".into(), |us| format!("known within {us:.1} µs"));
    table.note("split: the robot's clock", &off);
    table.note("split: pictures, questions", &format!("{n}, {}", rounds.len()));
    table.time("split: status, robot to planner", status, SMALL_US);
    table.time("split: question or answer", round / 2.0, SMALL_US);
    table.note("split: picture to perception", &format!("{picture:.1} µs"));
    table.time("split: picture, question, answer", picture + round, SUM_US);
    Ok(())
}
