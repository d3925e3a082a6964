//! A robot node's part of a run once more: its loop, told again what the gate let through, and every command compared.

use super::{Header, ReplayError, Replayed, laps};
use crate::graph::taped::{Compared, Laps};
use crate::node::passed::{Again, PASSED, Passed, Request};
use crate::recording::CONSUMED;
use crate::session::Pace;
use bridge::recording::Reader;
use bridge::ros::Consumed;
use std::path::Path;

/// See the head of this file.
///
/// # Errors
/// [`ReplayError`] for a recording without a loop; one that comes out otherwise is no error.
pub(super) fn robot(path: &Path, header: &Header) -> Result<Replayed, ReplayError> {
    let mut laps = laps(path, header, Pace::Wall, None)?;
    let (mut again, mut notes) = (Again::default(), 0);
    let mut divergence = None;
    let mut has_ended = false;
    for message in Reader::open(path)?.filter(|m| m.info.topic == CONSUMED) {
        for line in message.read::<Consumed>()?.lines.lines() {
            notes += 1;
            has_ended = match note(&mut laps, &mut again, header, line) {
                Ok(is_end) => is_end,
                Err(why) => {
                    divergence.get_or_insert_with(|| format!("note {notes}: {why}"));
                    break;
                }
            };
        }
    }
    while divergence.is_none() && laps.tick() {}
    let Compared { ticks, different, first, mut problem, span, contrast } =
        core::mem::take(&mut *laps.compared());
    if ticks == 0 && problem.is_none() {
        let why = "its loop ran as a node of its own: that node's recording is the one to replay";
        return Err(ReplayError::Recording(format!("{}: {why}", path.display())));
    }
    if !has_ended && divergence.is_none() {
        problem.get_or_insert_with(|| "what was asked of it is not noted up to its end".into());
    }
    let compared = Compared { ticks, different, first, problem, span, contrast };
    Ok(Replayed { compared, divergence, notes, said: String::new(), again: None })
}

/// Does what a note says, once the loop is where it was; whether it is the last.
fn note(laps: &mut Laps, again: &mut Again, header: &Header, line: &str) -> Result<bool, String> {
    let json = line
        .strip_prefix(PASSED)
        .ok_or_else(|| format!("\"{line:.40}\" is nothing that a gate let through"))?;
    let Passed { ticks, request } = serde_json::from_str(json).map_err(|e| e.to_string())?;
    if !laps.reach(ticks) {
        return Err(format!("tick {ticks} had been seen, which is not there"));
    }
    // What it tells is the mission's affair; but who does not hear it makes no room.
    while laps.handle.poll().is_some() {}
    again.say(&mut laps.handle, &header.arm, &request).map_err(|e| e.to_string())?;
    Ok(request == Request::End)
}
