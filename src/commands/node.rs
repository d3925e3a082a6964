//! `sinew node`, `say`, `send`, `reset`, `ls`: the stages as processes of their own, and a person at any of the machines.

use super::{CommandError, Setting, episode, open_log, scenario, tell};
use crate::cli::{Common, NodeRole, SentBy};
use crate::config::Config;
use crate::exit::Exit;
use crate::log::{Screen, sentence as line};
use crate::mission::{WAITS, line as read_line};
use crate::node::{self, ENDED, NodeError};
use crate::{interrupt, report};
use bridge::ros::{self, About, Ask, DiagnosticArray, Goal, Reply, Taken};
use bridge::wire::{Heard, Role, Signer, Wire, WireError, topics};
use control::{Cause, MonotonicClock, RefusedWhy, Report, Request};
use core::time::Duration;
use std::io::{BufRead, BufReader, IsTerminal as _};
use std::path::Path;
use std::time::Instant;
use types::Rejection;
use types::events::{Event, Level};

/// How long an answer of a node may take.
pub(super) const ANSWER: Duration = Duration::from_secs(2);
/// How long a node is looked for.
pub(super) const FINDS: Duration = Duration::from_secs(3);
/// How long health is listened for: it is told twice a second.
const LISTENS: Duration = Duration::from_millis(800);
/// How long an emergency stop is said again.
const STOPS: Duration = Duration::from_secs(60);
/// How long the arm may take to come to rest before a stop is reset, and between two tries.
const RESTS: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(100);

impl From<NodeError> for CommandError {
    fn from(e: NodeError) -> Self {
        match e {
            NodeError::Start(e) => Self::Start(e),
            NodeError::Wire(WireError::Refused(why)) => Self::Refused(why),
            other => Self::Node(other),
        }
    }
}

impl From<WireError> for CommandError {
    fn from(e: WireError) -> Self {
        NodeError::from(e).into()
    }
}

/// Runs a node until Ctrl-C.
pub(crate) fn run(role: NodeRole, common: &Common) -> Result<Exit, CommandError> {
    let (scenario, setting) = scenario(common)?;
    interrupt::install();
    let screen = if common.json { Screen::Json } else { Screen::Sentences };
    match role {
        NodeRole::Robot => {
            let episode = episode(&scenario, &setting, Some(""))?;
            let loops = node::robot(&setting.config, &setting.arm, &episode, open_log(common, "robot")?)?;
            if !common.json {
                report::loop_lines(&loops).iter().for_each(|l| tell!("{l}"));
            }
        }
        NodeRole::Perception => {
            crate::models::prepare(&setting.config)?;
            let episode = episode(&scenario, &setting, Some(""))?;
            let log = open_log(common, "perception")?;
            node::perception(&setting.config, &setting.arm, &episode, log)?;
        }
        NodeRole::Planner => {
            let episode = |sentence: &str| {
                let made = episode(&scenario, &setting, Some(sentence));
                made.map_err(|e| Rejection::new("goal", "a sentence", e.to_string()))
            };
            let folder = || super::fresh_folder("run");
            node::planner(&setting.config, &setting.arm, (screen, common.out.clone()), &episode, &folder)?;
        }
        #[cfg(any(feature = "dds", feature = "ros2"))]
        NodeRole::Ros2 => {
            let episode = episode(&scenario, &setting, Some(""))?;
            node::ros2(&setting.config, &setting.arm, &episode, open_log(common, "ros2")?)?;
        }
        #[cfg(not(any(feature = "dds", feature = "ros2")))]
        NodeRole::Ros2 => {
            let expected = "a build with the feature dds or ros2";
            return Err(Rejection::new("node ros2", expected, "one without").into());
        }
    }
    Ok(Exit::Done)
}

/// An end of the wire for a person.
fn open(config: &Config, role: Role) -> Result<(Wire, MonotonicClock), CommandError> {
    let clock = MonotonicClock::new();
    Ok((node::open(config, role, clock)?, clock))
}

/// What is wrong with the addresses that this node was told, to be said behind that nobody is there. Who has a link makes
/// no second one: others would have to wait for that.
fn unreached(config: &Config, wire: &Wire) -> String {
    if wire.is_linked() {
        return String::new();
    }
    node::unreached(config).into_iter().map(|why| format!("; {why}")).collect()
}

pub(super) fn failed(why: String) -> CommandError {
    CommandError::Node(NodeError::Failed(why))
}

/// Opens a session with a node, once it is there.
fn session(config: &Config, wire: &Wire, with: Role) -> Result<Signer, CommandError> {
    node::answers_clock(wire)?;
    find_session(config, wire, with).map_err(|why| match why {
        CommandError::Node(NodeError::Failed(why)) => failed(why + &unreached(config, wire)),
        why => why,
    })
}

/// As [`session`], whose clock nobody can ask.
pub(super) fn find_session(config: &Config, wire: &Wire, with: Role) -> Result<Signer, CommandError> {
    let keyring = node::keyring(config, Role::Operator)?;
    let began = Instant::now();
    loop {
        match wire.session(with, &keyring, ANSWER) {
            Err(WireError::Silent { .. }) if began.elapsed() < FINDS => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(WireError::Silent { .. }) => {
                let (robot, word) = (&config.zenoh.robot, with.word());
                let why = format!(
                    "no {word} node of the robot \"{robot}\" is there (`sinew node {word}` starts one)"
                );
                return Err(failed(why));
            }
            opened => return Ok(opened?),
        }
    }
}

/// Has a sentence carried out, and tells what happens; who is at a terminal, or wants to be asked, is asked back.
pub(crate) fn say(
    sentence: &str,
    (answers, asks): (&[String], bool),
    common: &Common,
) -> Result<Exit, CommandError> {
    let config = super::config(common.config.as_deref())?;
    let (wire, _) = open(&config, Role::Operator)?;
    interrupt::install();
    let events = wire.hear::<ros::Log>(&topics::EVENT, Role::Planner.word(), 1024)?;
    let signer = session(&config, &wire, Role::Planner)?;
    let planners: Vec<_> = wire.present()?.into_iter().filter(|p| p.role == Role::Planner).collect();
    let can_be_asked = asks || (std::io::stdin().is_terminal() && !common.json);
    let goal = Goal { sentence: sentence.to_owned(), answers: answers.to_vec(), can_be_asked };
    let run = wire.command::<_, Taken>(&signer, &topics::GOAL, &goal, ANSWER)?.id;
    let (mut given_up, mut has_begun) = (0, false);
    loop {
        if interrupt::is_emergency() {
            super::stop::stop(&config, Some(&wire), 1, STOPS)?;
            tell!("stopped (category 1)");
        }
        let presses = interrupt::count();
        if presses > given_up {
            given_up = presses;
            if let Err(e) = wire.command::<_, Taken>(&signer, &topics::CANCEL, &Ask { nonce: 0 }, ANSWER) {
                tell!("the planner does not answer ({e}): `sinew stop` stops the robot");
            }
        }
        let Some(event) = events.take_within(Duration::from_millis(100)) else {
            let is_there = wire.present()?.iter().any(|p| planners.contains(p));
            if !is_there {
                return Err(failed("the planner node has gone; the robot stops by itself".into()));
            }
            continue;
        };
        let event = heard(event);
        // What an earlier run waited for is not for us.
        has_begun |= event.kind == "sentence";
        if event.kind == WAITS && has_begun {
            // Whoever gives up is heard above.
            let began = Instant::now();
            let mut gives_up = || interrupt::count() > given_up || began.elapsed() > node::ANSWERS_WITHIN;
            if can_be_asked && std::io::stdin().is_terminal() {
                eprint!("> ");
            }
            if can_be_asked && let Ok(answer) = read_line(&mut gives_up) {
                let reply = Reply { run, text: answer.unwrap_or_default() };
                if let Err(e) = wire.command::<_, Taken>(&signer, &topics::REPLY, &reply, ANSWER) {
                    tell!("{e}");
                }
            }
        } else if event.kind == ENDED {
            let mut parts = event.text.splitn(3, ' ');
            let (of, code) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            if of == run.to_string() {
                if !common.json {
                    tell!("\n{}", parts.next().unwrap_or_default());
                }
                return Ok(code.parse().ok().and_then(Exit::from_code).unwrap_or(Exit::Failed));
            }
        } else if common.json {
            tell!("{}", serde_json::to_string(&event).unwrap_or_default());
        } else {
            tell!("{}", line(&event));
        }
    }
}

fn heard(log: ros::Log) -> Event {
    let level = match log.level {
        0..20 => Level::Detail,
        20..30 => Level::Info,
        30..40 => Level::Warn,
        _ => Level::Error,
    };
    let fault = (!log.function.is_empty()).then_some(log.function);
    Event { stamp: log.stamp.into(), level, stage: log.name, kind: log.file, fault, text: log.msg }
}

/// Sends motions to the robot, line by line.
pub(crate) fn send(file: Option<&Path>, owner: SentBy, common: &Common) -> Result<Exit, CommandError> {
    let setting = Setting::read(common, None)?;
    let lines: Box<dyn BufRead + Send> = match file {
        None => Box::new(BufReader::new(std::io::stdin())),
        Some(path) => {
            let file = std::fs::File::open(path).map_err(|e| {
                Rejection::new("lines", "a file with a motion per line", format!("{}: {e}", path.display()))
            })?;
            Box::new(BufReader::new(file))
        }
    };
    let (wire, clock) = open(&setting.config, Role::Operator)?;
    interrupt::install();
    let signer = session(&setting.config, &wire, Role::Robot)?;
    node::sending::send(&setting.arm, (&wire, clock, signer), owner.into(), lines, |said| {
        if !common.json {
            tell!("{said}");
        }
    })?;
    Ok(Exit::Done)
}

/// Leaves a latched stop, once the arm has come to rest.
pub(crate) fn reset(common: &Common) -> Result<Exit, CommandError> {
    let config = super::config(common.config.as_deref())?;
    let (wire, _) = open(&config, Role::Operator)?;
    let reports = wire.hear::<ros::Report>(&topics::REPORT, "", 1024)?;
    let signer = session(&config, &wire, Role::Robot)?;
    let began = Instant::now();
    loop {
        wire.command::<_, Taken>(&signer, &topics::RESET, &Ask { nonce: 0 }, ANSWER)?;
        match refused(&reports)? {
            None => {
                tell!("reset");
                return Ok(Exit::Done);
            }
            Some(RefusedWhy::Busy) if began.elapsed() < RESTS => std::thread::sleep(AGAIN),
            Some(why) => {
                return Err(failed(format!("the loop refuses to be reset: {why:?}")));
            }
        }
    }
}

/// Why the loop refuses to be reset, as it reports itself; `None` if it was reset.
fn refused(reports: &Heard<ros::Report>) -> Result<Option<RefusedWhy>, CommandError> {
    let until = Instant::now() + ANSWER;
    while let Some(said) = reports.take_within(until.saturating_duration_since(Instant::now())) {
        match serde_json::from_str(&said.json) {
            Ok(Report::Refused { request: Request::Reset, why, .. }) => return Ok(Some(why)),
            Ok(Report::Mode { cause: Cause::Reset, .. }) => return Ok(None),
            _ => {}
        }
    }
    Err(failed("the loop does not tell whether it was reset".into()))
}

/// Who is there, what they offer, how fresh they are, and how the arrows between them do.
pub(crate) fn ls(common: &Common) -> Result<Exit, CommandError> {
    let config = super::config(common.config.as_deref())?;
    let (wire, clock) = open(&config, Role::Operator)?;
    let health = wire.hear::<DiagnosticArray>(&topics::HEALTH, "*", 64)?;
    let loops = wire.hear::<DiagnosticArray>(&topics::LOOP, "", 64)?;
    // Meanwhile the links come up.
    let until = Instant::now() + LISTENS;
    let mut arrays = Vec::new();
    while let Some(array) = health.take_within(until.saturating_duration_since(Instant::now())) {
        arrays.push(array);
    }
    arrays.extend(std::iter::from_fn(|| loops.take()));
    let mut told = std::collections::BTreeMap::new();
    for status in arrays.into_iter().flat_map(|array| array.status) {
        told.insert((status.hardware_id.clone(), status.name.clone()), status);
    }
    let all = wire.present()?;
    if all.is_empty() {
        tell!("nobody of the robot \"{}\" is there{}", config.zenoh.robot, unreached(&config, &wire));
        return Ok(Exit::Failed);
    }
    for node in &all {
        let of = format!("{:016x}", node.id);
        let asked = types::seams::Clock::now(&clock);
        let about = wire.ask::<_, About>(&topics::ABOUT, &of, &Ask { nonce: 0 }, ANSWER);
        let round_ms = 1e3 * wire.now().secs_since(asked);
        match about {
            Ok(a) if common.json => {
                let mut value = serde_json::to_value(&a).unwrap_or_default();
                value["node"] = of.into();
                value["round_trip_ms"] = round_ms.into();
                tell!("{value}");
            }
            Ok(a) => {
                tell!(
                    "{:<10} {of} on {}, {} for {:.0} s, answers in {round_ms:.1} ms",
                    a.role,
                    a.machine,
                    a.version,
                    a.up_s
                );
                a.offers.iter().for_each(|o| tell!("             {o}"));
            }
            Err(e) => tell!("{:<10} {of} does not answer: {e}", node.role.word()),
        }
    }
    for ((to, key), s) in &told {
        let values: Vec<String> = s.values.iter().map(|v| format!("{} {}", v.key, v.value)).collect();
        match common.json {
            true => tell!("{}", serde_json::to_string(s).unwrap_or_default()),
            // An arrow leads somewhere; everything else is of somebody.
            false if s.values.iter().any(|v| v.key == "received") => {
                tell!("  {key} to {to}: {}", values.join(", "));
            }
            false => tell!("  {key} of {to}: {}, {}", s.message, values.join(", ")),
        }
    }
    Ok(Exit::Done)
}
