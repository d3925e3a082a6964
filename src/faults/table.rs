//! The fault table: every row, what it asks for, and how it is tried.

use super::trial::Trial;
use super::{encoders, links, models, motors, orders, processes, things};
use crate::commands::Setting;
use rand_chacha::ChaCha8Rng;

/// One instant of a row in lockstep.
pub(crate) type InLockstep = fn(&mut Trial) -> Result<(), String>;

/// One instant of a row with real processes: the robot's name, and where its times are drawn from; `false` when the
/// machine was too busy to try.
pub(crate) type InProcesses = fn(&str, &mut ChaCha8Rng) -> Result<bool, String>;

/// One instant of a row in a whole mission in lockstep, with cameras and models; or in a part alone.
pub(crate) type InMission = fn(&Setting, &mut ChaCha8Rng) -> Result<(), String>;

/// How a row is tried.
#[derive(Copy, Clone)]
pub(crate) enum How {
    /// Here, on the simulated arm in lockstep.
    Here(InLockstep),
    /// Here, in whole missions in lockstep.
    Mission(InMission),
    /// Here, put into an arm that stands or moves, beside its twin that nothing is put into.
    Input(InLockstep),
    /// Here, put into a part that moves nothing.
    Part(InMission),
    /// With cameras and the whole mission, or with the stages as processes, in the test suite.
    Suite,
    /// Nothing takes this in yet.
    NotYet,
    /// With real processes, in wall time; and, where there is one, here as silence.
    Processes(InProcesses, Option<InLockstep>),
}

/// One row of the table.
pub(crate) struct Row {
    pub(crate) id: &'static str,
    /// What goes wrong.
    pub(crate) injected: &'static str,
    /// What shall come of it: H hold, D slower, S2 S1 S0 stop categories, R refused, L latched.
    pub(crate) expected: &'static str,
    pub(crate) how: How,
}

pub(crate) const fn row(id: &'static str, injected: &'static str, expected: &'static str, how: How) -> Row {
    Row { id, injected, expected, how }
}

use How::{Here, Mission, Processes, Suite};

/// The rows in their order.
pub(crate) const ROWS: [Row; 46] = [
    row("F1", "the owner of the motion falls silent", "S2, L after the lease", Here(links::f1)),
    row("F2", "the planner hangs, then sends old commands", "S2, L; old commands R", Here(orders::f2)),
    row("F3", "an action chunk arrives too late", "R, finish what is valid, then S2", Here(orders::f3)),
    row("F4", "the chunk queue runs dry", "S2 along the path", Here(orders::f4)),
    row("F5", "chunks out of order or twice", "R, each counted", Here(orders::f5)),
    row("F6", "two chunks disagree at their hand-over", "blended within limits, or R", Here(orders::f6)),
    row("F7", "a camera is frozen", "S2 within 3 pictures", Suite),
    row("F8", "a camera is unplugged", "S2 within 100 ms", Suite),
    row("F9", "pictures are delayed by 500 ms", "R as stale, S2", Suite),
    row("F10", "a camera is black, saturated, noisy or turned", "S2 within 5 pictures", Suite),
    row("F11", "another camera under the same name", "no motion", Suite),
    row("F12", "an encoder reports no number", "S1, L in the same tick", Here(encoders::f12)),
    row("F13", "an encoder is frozen", "S1, L within 5 ticks when moving", Here(encoders::f13)),
    row("F14", "an encoder leaps by 0.2 rad", "R, three in a row borne, then S1, L", Here(encoders::f14)),
    row("F15", "sign or order of the encoders is wrong", "refuse to activate", Here(encoders::f15)),
    row("F16", "measured speeds are ten times as noisy", "D within 50 ms, no swing", Here(encoders::f16)),
    row("F17", "a motor stops responding", "S2, L", Here(motors::f17)),
    row("F18", "a motor is overloaded", "D, S1, L within 1 s; none tries again", Here(motors::f18)),
    row("F19", "a motor does the opposite", "S0 with brakes, else S1; L", Here(motors::f19)),
    row("F20", "the gripper drops its object", "H, plan anew", Suite),
    row("F21", "the arm meets something", "S2 within 5 ms", Here(motors::f21)),
    row("F22", "up to 20 states in a row are lost; more", "carried on; then S2", Here(links::f22)),
    row("F23", "the bus is late by 5 ms", "D; no discontinuity", Here(links::f23)),
    row(
        "F24",
        "the robot comes back at another pose",
        "no motion until reset; from where it is",
        Here(links::f24),
    ),
    row("F25", "the loop runs late", "one bounded step each; over 5 in 1 s: S2", Here(links::f25)),
    row(
        "F26",
        "the whole process pauses for 2 s",
        "S2 from the measured state",
        Processes(processes::f26, Some(links::f26)),
    ),
    row("F27", "the wall clock is stepped", "nothing", Suite),
    row("F28", "a sender's clock is off", "estimated; refused when old", Here(orders::f28)),
    row("F29", "the AI runs out of memory", "S2; the loop goes on", Suite),
    row("F30", "nothing takes its log for 5 s; a full disk", "counted; the loop goes on", Here(links::f30)),
    row("F31", "a thread beside the loop panics", "S2 in the same tick, named", Here(links::f31)),
    row("F32", "the loop panics", "S1 by the watchdog", Processes(processes::f32, None)),
    row("F33", "the watchdog dies", "the robot stops by itself", Processes(processes::f33, None)),
    row("F34", "the Zenoh router restarts", "S2, L; no old commands", Suite),
    row("F35", "two controllers after a network split", "one owner only", Suite),
    row("F36", "a network that loses and delays", "S2, L; nothing stale moves it", Suite),
    row("F37", "an old packet again", "R", Here(orders::f37)),
    row(
        "F38",
        "the operator's link breaks at speed",
        "S2 within 100 ms, or strictly 20 ms",
        Here(orders::f38),
    ),
    row("F39", "operator and AI both command", "the operator wins", Here(orders::f39)),
    row(
        "F40",
        "emergency stop, a stick held meanwhile",
        "S1, L; reset with the stick at rest",
        Here(orders::f40),
    ),
    row(
        "F41",
        "the stop line flickers, breaks, falls silent",
        "counts as pressed until closed for 50 ms",
        Here(links::f41),
    ),
    row("F42", "a person comes near", "D, then waits", Here(things::f42)),
    row(
        "F43",
        "something appears within the braking distance",
        "brakes as hard as it may at once",
        Here(things::f43),
    ),
    row("F44", "a singularity at full speed", "slower before it, told, within limits", Here(orders::f44)),
    row("F45", "the model answers nonsense", "bounded tries, no motion", Suite),
    row(
        "F46",
        "a model or its GPU is lost, late, or raves",
        "the next one, told; none: H",
        Mission(models::f46),
    ),
];
