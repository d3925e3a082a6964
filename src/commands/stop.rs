//! `sinew stop`: a stop that is said until the robot has taken it. One link after the other is made, never two at a
//! time, and no address is tried out: Zenoh takes in one link of QUIC after the other, and whoever waits behind one that
//! was given up waits for half a minute.

use super::node::{ANSWER, FINDS, failed, find_session};
use super::{CommandError, tell};
use crate::cli::Common;
use crate::config::Config;
use crate::exit::Exit;
use crate::node::NodeError;
use crate::{interrupt, node};
use bridge::ros::{Number, Taken};
use bridge::wire::{Role, Wire, WireError, topics};
use control::MonotonicClock;
use core::time::Duration;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Instant;

/// Between two tries.
const AGAIN: Duration = Duration::from_millis(100);
/// Between two looks at whether the person has given up.
const LOOKS: Duration = Duration::from_millis(50);
/// How often who waits is told so, the first time after [`FINDS`].
const TELLS: Duration = Duration::from_secs(5);

/// Stops the robot, whoever moves it.
pub(crate) fn run(category: u8, within_s: u64, common: &Common) -> Result<Exit, CommandError> {
    let config = super::config(common.config.as_deref())?;
    stop(&config, None, category, Duration::from_secs(within_s))?;
    tell!("stopped (category {category})");
    Ok(Exit::Done)
}

/// Says a stop, over `linked` first where there is one already, until the robot has taken it.
///
/// # Errors
/// What is refused, at once; that nobody has taken it, after `limit`, or once Ctrl-C is pressed where that is counted.
pub(super) fn stop(
    config: &Config,
    linked: Option<&Wire>,
    category: u8,
    limit: Duration,
) -> Result<(), CommandError> {
    let (began, (put, take)) = (Instant::now(), channel());
    let until = began + limit;
    let (its, mut linked) = (config.clone(), linked.cloned());
    // In a thread of its own: a link that does not come about keeps it for 10 s.
    std::thread::spawn(move || {
        while Instant::now() < until {
            let said = say(&its, linked.take(), category, until);
            let is_final = said.as_ref().map_or_else(is_refused, |()| true);
            // Who has heard enough has gone.
            if put.send(said).is_err() || is_final {
                return;
            }
            std::thread::sleep(AGAIN);
        }
    });
    let pressed = interrupt::count();
    let mut tells = began + FINDS;
    let mut last = None;
    while Instant::now() < until && interrupt::count() == pressed {
        match take.recv_timeout(LOOKS) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(why)) if is_refused(&why) => return Err(why),
            Ok(Err(why)) => last = Some(why.to_string()),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if Instant::now() < tells => {}
            Err(RecvTimeoutError::Timeout) => {
                let left_s = until.saturating_duration_since(Instant::now()).as_secs();
                if left_s > 0 {
                    eprintln!("the robot has not taken the stop yet; saying it again, for {left_s} s more");
                }
                tells += TELLS;
            }
        }
    }
    // It may have been taken at the last moment.
    if take.try_iter().any(|said| said.is_ok()) {
        return Ok(());
    }
    let last = last.unwrap_or_else(|| "no link has come about".to_owned());
    let (robot, s) = (&config.zenoh.robot, began.elapsed().min(limit).as_secs());
    let hint = "`sinew ls` tells of addresses that let nobody in";
    Err(failed(format!(
        "the robot \"{robot}\" has not taken the stop within {s} s, and may still move: {last} ({hint})"
    )))
}

/// Whether nothing comes of saying it again: this machine has not what it takes. What else is refused may be taken a moment
/// later, and need not be the robot's word: answers are not signed.
fn is_refused(why: &CommandError) -> bool {
    let is_ours = |field: &str| {
        ["keys", "zenoh", "role", "session.role", "session.tag"].iter().any(|own| field.starts_with(own))
    };
    matches!(why, CommandError::Refused(why) if is_ours(&why.field))
}

/// One try over a link of its own; over one that is there it goes on until the end.
fn say(config: &Config, linked: Option<Wire>, category: u8, until: Instant) -> Result<(), CommandError> {
    let clock = node::node_clock(MonotonicClock::new());
    let wire = linked.map_or_else(|| Wire::open(&node::settings(config), Role::Operator, clock), Ok)?;
    let began = Instant::now();
    // Whose clock is not known can stop the robot all the same: nobody has to answer for it here.
    let signer = loop {
        match find_session(config, &wire, Role::Robot) {
            Ok(signer) => break signer,
            Err(CommandError::Node(NodeError::Failed(_)))
                if Instant::now() < until && !wire.present()?.is_empty() => {}
            Err(why) => return Err(why),
        }
    };
    let number = Number { value: f64::from(category), at: 0 };
    loop {
        match wire.command::<_, Taken>(&signer, &topics::STOP, &number, ANSWER) {
            Err(WireError::Silent { .. }) if Instant::now() < until => {}
            said => return said.map(|_| ()).map_err(CommandError::from),
        }
        if began.elapsed() > TELLS && wire.present()?.is_empty() {
            return Err(failed("the link was lost".into()));
        }
    }
}
