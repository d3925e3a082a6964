//! The bad-input table: every row, what it asks for, and how it is tried. An input is refused by what is wrong with it, or
//! taken as what it is, never a panic, never a motion.

mod files;
mod messages;
mod orders;
mod sights;
mod ways;
mod words;

use super::table::How::{Here, Input, Mission, NotYet, Part};
use super::table::{Row, row};
use core::fmt::Display;

/// The rows in their order.
pub(super) const INPUTS: [Row; 34] = [
    row("B1", "NaN in an order, a target, a torque", "R, naming the field", Input(orders::b1)),
    row("B2", "infinity there", "R, naming the field", Input(orders::b2)),
    row("B3", "minus infinity there", "R, naming the field", Input(orders::b3)),
    row("B4", "a subnormal number there", "taken as zero, or R as zero is", Here(orders::b4)),
    row("B5", "NaN in the robot's state", "S1, L in the same tick (F12)", Here(orders::b5)),
    row("B6", "1e308, 1e-320, -0.0", "R; taken as zero", Here(orders::b6)),
    row("B7", "joints too many or few, misnamed, twice", "R, naming the field", Input(orders::b7)),
    row("B8", "degrees for radians", "R, asking about degrees", Input(orders::b8)),
    row("B9", "quaternions long, zero, NaN; axes of none", "normalised within 1e-3, else R", Part(files::b9)),
    row("B10", "a pose or joints out of reach", "R; a pose with the nearest place", Input(ways::b10)),
    row("B11", "a target where the arm is", "done without motion", Here(ways::b11)),
    row("B12", "times equal, falling, negative, huge", "R, naming the point", Input(ways::b12)),
    row("B13", "a path that begins elsewhere", "R (start_pose_invalid)", Input(ways::b13)),
    row("B14", "a path of no point, one, too many", "R; one: done without motion", Input(ways::b14)),
    row("B15", "limits or gains zero, negative, NaN, 1e9", "R, naming the field", Part(files::b15)),
    row("B16", "a robot file that describes none, or bites", "R, naming the line", Part(files::b16)),
    row("B17", "a robot file with tags of others", "told, with the line; strict: R", Part(files::b17)),
    row("B18", "keys unknown, twice, of another type, NaN", "R, naming line and key", Part(files::b18)),
    row("B19", "messages cut at each byte, longer, any", "R, naming the type", Part(messages::b19)),
    row("B20", "a length of 4 GB that is not there", "R, without the memory", Part(messages::b20)),
    row("B21", "a message of another type", "R, naming the schema", Part(messages::b21)),
    row("B22", "a stamp from the future, 1970, the end", "R", Input(ways::b22)),
    row("B23", "a deadline of zero or less, or none", "R, naming the field", Input(ways::b23)),
    row("B24", "a call unknown, short, 1 MB, 1e5 deep", "R within 100 ms", Part(words::b24)),
    row("B25", "12 languages, emoji, RTL, 100 KB, nothing", "handled, or asked back", Part(words::b25)),
    row("B26", "what contradicts itself or cannot be", "asked back, no motion", Mission(words::b26)),
    row("B27", "pictures empty, huge, torn, turned", "R, or upright", Part(sights::b27)),
    row("B28", "depth of zeros, NaN, below zero", "unknown, nothing to grasp", Part(sights::b28)),
    row("B29", "lenses of zero, turned, NaN", "R, naming the field", Part(sights::b29)),
    row("B30", "weights torn, overlapping, of others, NaN", "R, without the memory", Part(sights::b30)),
    row("B31", "a vocabulary without a special token", "R at load", Part(words::b31)),
    row("B32", "action statistics without spread", "R at load", NotYet),
    row("B33", "a policy's joints too many, or differences", "R", Input(ways::b33)),
    row("B34", "a recording damaged, cut, of another version", "flaws told, the rest read", Part(files::b34)),
];

/// What was said names what is wrong.
pub(super) fn names<T>(came: Result<T, impl Display>, field: &str) -> Result<(), String> {
    match came {
        Ok(_) => Err(format!("{field}: taken")),
        Err(why) if why.to_string().contains(field) => Ok(()),
        Err(why) => Err(format!("{field}: refused as {:.200}", why.to_string())),
    }
}
