//! One node's part of a split run once more: of the robot its loop, told again what the gate let through, with every command
//! compared; of the planner its mission, told again what the robot said, with every request compared. A planner's models may
//! be asked again, and a robot's loop be another.

use super::contrast::Contrast;
use super::elsewhere::{Elsewhere, Requests};
use super::{Header, ReplayError, Replayed, Silent, Unit, check_pictures, laps};
use crate::graph::taped::{Compared, Laps};
use crate::log::{Log, Screen};
use crate::node::passed::{ASKED, Again, PASSED, Passed, Request};
use crate::recording::{CONSUMED, Share, TICKS, Tape};
use crate::session::{self, Pace, Parts, Setup};
use bridge::recording::Reader;
use bridge::ros::Consumed;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// So many ticks a loop whose line of requests is full is given to take some.
const MOST_WAITED: usize = 1000;

/// See the head of this file.
///
/// # Errors
/// [`ReplayError`] for a recording that cannot be replayed, or not so; one that comes out otherwise is no error.
pub(super) fn run(
    path: &Path,
    header: &Header,
    requery: bool,
    contrast: Option<Contrast>,
) -> Result<(Replayed, Option<Contrast>), ReplayError> {
    let first = Reader::open(path)?.find(|m| [TICKS, CONSUMED].contains(&m.info.topic.as_str()));
    // What a perception node notes is who asked it, and no mission.
    if first.is_none() || matches!(header.run.share, Share::Perception | Share::Ros2) {
        let why = "nothing in it can be done again: it has neither ticks of a loop nor notes of a mission (of a \
                   perception or a ROS 2 node `sinew log info` tells what there is)";
        return Err(ReplayError::Recording(format!("{}: {why}", path.display())));
    }
    let refuse = |why: &str| Err(ReplayError::Recording(format!("{}: {why}", path.display())));
    match (Reader::open(path)?.any(|m| m.info.topic == TICKS), requery) {
        (true, true) => refuse("no model was asked there: of the planner's part --requery asks them again"),
        (true, false) => robot(path, header, contrast),
        (false, _) if contrast.is_some() => {
            refuse("nothing moves in a planner's part: of the robot's --with changes what its loop does")
        }
        (false, _) => Ok((planner(path, header, requery)?, None)),
    }
}

fn robot(
    path: &Path,
    header: &Header,
    contrast: Option<Contrast>,
) -> Result<(Replayed, Option<Contrast>), ReplayError> {
    let mut laps = laps(path, header, Pace::Wall, contrast)?;
    let (mut again, mut notes) = (Again::default(), 0);
    let (mut divergence, mut has_ended) = (None, false);
    let mut reader = Reader::open(path)?;
    'all: while let Some(message) = reader.find(|m| m.info.topic == CONSUMED) {
        for line in message.read::<Consumed>()?.lines.lines() {
            notes += 1;
            match note(&mut laps, &mut again, header, line) {
                Ok(is_end) => has_ended = is_end,
                Err(why) => {
                    divergence = Some(format!("note {notes}: {why}"));
                    break 'all;
                }
            }
        }
    }
    let left_out = reader.left_out().get(CONSUMED).cloned();
    while divergence.is_none() && laps.tick() {}
    let Compared { ticks, different, first, mut problem, span, contrast } =
        core::mem::take(&mut *laps.compared());
    if let Some(n) = left_out {
        problem = Some(format!("{n} messages of what was asked of it were left out when it was recorded"));
    } else if !has_ended && divergence.is_none() {
        problem.get_or_insert_with(|| "what was asked of it is not noted up to its end".into());
    }
    let compared = Compared { ticks, different, first, problem, span, contrast: None };
    let said = String::new();
    Ok((Replayed { unit: Unit::Ticks, compared, divergence, notes, said, again: None }, contrast))
}

fn planner(
    path: &Path,
    Header { config, arm, run }: &Header,
    requery: bool,
) -> Result<Replayed, ReplayError> {
    check_pictures(path, config)?;
    // As an arm is of which nothing has been heard.
    let newest = control::new(arm.clone(), session::control_config(config, Pace::Wall))?.1.status();
    let (tape, requests) = (Tape::repeating(Reader::open(path)?, requery), Arc::<Mutex<Requests>>::default());
    let body = Elsewhere::new((arm.clone(), newest), tape.clone(), &run.cameras, requests.clone());
    let setup = Setup {
        config,
        arm,
        pace: Pace::Wall,
        seed: run.seed,
        answers: &run.answers,
        time_limit_s: run.time_limit_s,
        is_interactive: run.is_interactive,
        share: run.share,
    };
    let parts = Parts {
        body: Box::new(body),
        model: if requery { crate::models::of(config)? } else { Box::new(Silent) },
        tape: tape.clone(),
        log: Log::new(Screen::Silent, None),
        film: None,
        sentinel: None,
    };
    let mut mission = session::assemble(&setup, parts)?;
    let said = mission.run(&run.sentence).said;
    mission.body.finish();
    let requests = core::mem::take(&mut *requests.lock().unwrap_or_else(PoisonError::into_inner));
    let Requests { asked, different, first, problem, span } = requests;
    let compared = Compared { ticks: asked, different, problem, span, ..Compared::default() };
    let mut divergence = tape.problem().or_else(|| tape.divergence()).or(first);
    // The recording goes to its end, beyond what the mission took.
    let left = tape.left(ASKED);
    if left > 0 {
        divergence
            .get_or_insert_with(|| format!("{left} requests of the recorded mission are not made any more"));
    }
    let (notes, again) = (tape.taken(), tape.again());
    Ok(Replayed { unit: Unit::Requests, compared, divergence, notes, said, again })
}

/// Does what a note says, once the loop is where it was; whether it is the last.
fn note(laps: &mut Laps, again: &mut Again, header: &Header, line: &str) -> Result<bool, String> {
    let json = line
        .strip_prefix(PASSED)
        .ok_or_else(|| format!("\"{line:.40}\" is nothing that a gate let through"))?;
    let Passed { ticks, request, .. } = serde_json::from_str(json).map_err(|e| e.to_string())?;
    if !laps.reach(ticks) {
        return Err(format!("tick {ticks} had been seen, which is not there"));
    }
    for k in 0.. {
        // What it tells is the mission's affair; but who does not hear it makes no room.
        while laps.handle.poll().is_some() {}
        match again.say(&mut laps.handle, &header.arm, &request) {
            Ok(()) => break,
            // Many requests between two looks at the loop: it took some of them meanwhile.
            Err(why) if k == MOST_WAITED || !laps.tick() => return Err(why.to_string()),
            Err(_) => {}
        }
    }
    Ok(request == Request::End)
}
