//! The fault table: every row, what it asks for, and how it is tried.

use super::trial::{Trial, fastest, heaviest, strongest};
use super::{models, orders, processes};
use crate::commands::Setting;
use control::{Component, Mode};
use rand_chacha::ChaCha8Rng;
use sim::RobotFault;
use types::Fault;

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
    row("F1", "the owner of the motion falls silent", "S2, L after the lease", Here(f1)),
    row("F2", "the planner hangs, then sends old commands", "S2, L; old commands R", Here(orders::f2)),
    row("F3", "an action chunk arrives too late", "R, finish what is valid, then S2", Here(orders::f3)),
    row("F4", "the chunk queue runs dry", "S2 along the path", Here(orders::f4)),
    row("F5", "chunks out of order or twice", "R, counted", Here(orders::f5)),
    row("F6", "two chunks disagree at their hand-over", "blended within limits, or R", Here(orders::f6)),
    row("F7", "a camera is frozen", "S2 within 3 pictures", Suite),
    row("F8", "a camera is unplugged", "S2 within 100 ms", Suite),
    row("F9", "pictures are delayed by 500 ms", "R as stale, S2", Suite),
    row("F10", "a camera is black, saturated, noisy or turned", "S2 within 5 pictures", Suite),
    row("F11", "another camera under the same name", "no motion", Suite),
    row("F12", "an encoder reports no number", "S1, L in the same tick", Here(f12)),
    row("F13", "an encoder is frozen", "S1, L within 5 ticks when moving", Here(f13)),
    row("F14", "an encoder leaps by 0.2 rad", "R, three in a row tolerated, then S1, L", Here(f14)),
    row("F15", "sign or order of the encoders is wrong", "refuse to activate", Here(f15)),
    row("F16", "measured speeds are ten times as noisy", "D within 50 ms", Here(f16)),
    row("F17", "a motor stops responding", "S2, L", Here(f17)),
    row("F18", "a motor is overloaded", "D, then S1, L", Here(f18)),
    row("F19", "a motor does the opposite", "S0 with brakes, else S1; L", Here(f19)),
    row("F20", "the gripper drops its object", "H, plan anew", Suite),
    row("F21", "the arm meets something", "S2 within 5 ms", Here(f21)),
    row("F22", "up to 20 states in a row are lost; more", "carried on; then S2", Here(f22)),
    row("F23", "the bus is late by 5 ms", "D; no discontinuity", Here(f23)),
    row("F24", "the robot comes back at another pose", "no motion until reset; from where it is", Here(f24)),
    row("F25", "the loop runs late", "bounded steps; more than 5 in 1 s: S2", Here(f25)),
    row(
        "F26",
        "the whole process pauses for 2 s",
        "S2 from the measured state",
        Processes(processes::f26, Some(f26)),
    ),
    row("F27", "the wall clock is stepped", "nothing", Suite),
    row("F28", "a sender's clock is off", "estimated; refused when old", Here(orders::f28)),
    row("F29", "the AI runs out of memory", "S2; the loop goes on", Suite),
    row("F30", "reports are not taken for 5 s", "counted; the loop goes on", Here(f30)),
    row("F31", "a thread beside the loop panics", "S2, named", Here(f31)),
    row("F32", "the loop panics", "S1 by the watchdog", Processes(processes::f32, None)),
    row("F33", "the watchdog dies", "the robot stops by itself", Processes(processes::f33, None)),
    row("F34", "the Zenoh router restarts", "S2, L; no old commands", Suite),
    row("F35", "two controllers after a network split", "one owner only", Suite),
    row("F36", "a network that loses and delays", "S2, L; nothing stale moves it", Suite),
    row("F37", "an old packet again", "R", Here(orders::f37)),
    row("F38", "the operator's link breaks at speed", "S2 within 100 ms", Here(orders::f38)),
    row("F39", "operator and AI both command", "the operator wins", Here(orders::f39)),
    row(
        "F40",
        "emergency stop, a stick held meanwhile",
        "S1, L; reset with the stick at rest",
        Here(orders::f40),
    ),
    row("F41", "the emergency stop's line flickers", "counts as pressed", Here(f41)),
    row("F42", "a person comes near", "D, then waits", Here(f42)),
    row("F43", "something appears within the braking distance", "brakes in the same cycle", Here(f43)),
    row("F44", "a singularity at full speed", "slower, within limits", Here(orders::f44)),
    row("F45", "the model answers nonsense", "bounded tries, no motion", Suite),
    row(
        "F46",
        "a model or its GPU is lost, late, or raves",
        "the next one, told; none: H",
        Mission(models::f46),
    ),
];

/// The owner of a trajectory, of a chunk, and one with a strict deadline.
fn f1(t: &mut Trial) -> Result<(), String> {
    let within_s = match t.one_of(3) {
        0 => 0.2,
        1 => {
            orders::follows_chunk(t)?;
            0.1
        }
        _ => {
            t.strict(0.02)?;
            0.02
        }
    };
    t.break_here();
    t.alive = false;
    t.run_s(0.9)?;
    t.told(Fault::F1InputSilent, within_s + 0.002)?;
    t.ends_in(Mode::Fault { powered: true })
}

fn f12(t: &mut Trial) -> Result<(), String> {
    let joint = fastest(t);
    t.break_now(RobotFault::Nan(joint), None)?;
    t.run_s(0.6)?;
    t.told(Fault::F12EncoderInvalid, 0.001)?;
    t.ends_in(Mode::Fault { powered: false })
}

fn f13(t: &mut Trial) -> Result<(), String> {
    let joint = fastest(t);
    // Slower, the encoder has to stand still for longer to be suspect; and where it is not as fine.
    let within_s = match (t.speed(joint), t.gives_torques()) {
        (speed, true) if speed > 0.15 => 0.006,
        (speed, true) if speed > 0.06 => 0.011,
        (speed, false) if speed > 0.7 => 0.006,
        (speed, false) if speed > 0.3 => 0.012,
        _ => 1.0,
    };
    // The speed is what it was, or made of what the encoder says.
    let kind = if t.one_of(2) == 0 { RobotFault::StuckEncoder } else { RobotFault::DeadEncoder };
    t.break_now(kind(joint), None)?;
    t.run_s(1.0)?;
    t.told(Fault::F13EncoderFrozen, within_s)?;
    t.ends_in(Mode::Fault { powered: false })
}

fn f14(t: &mut Trial) -> Result<(), String> {
    let joint = fastest(t);
    t.break_now(RobotFault::JumpedEncoder(joint), Some(0.0025))?;
    t.run_s(0.05)?;
    t.not_told(Fault::F14EncoderJump)?;
    t.break_now(RobotFault::JumpedEncoder(joint), None)?;
    t.run_s(0.6)?;
    t.told(Fault::F14EncoderJump, 0.005)?;
    t.ends_in(Mode::Fault { powered: false })
}

fn f15(t: &mut Trial) -> Result<(), String> {
    t.disarm()?;
    let joint = heaviest(t);
    let fault = if t.coin() { RobotFault::InvertedEncoder } else { RobotFault::SwappedEncoders };
    t.break_now(fault(joint), None)?;
    let moved = t.activate_and_see(2.5)?;
    // Motors that are told where to go set out for where a wrong encoder says that they are.
    let most = if t.gives_torques() { 0.010_5 } else { 0.017_5 };
    if moved > most {
        return Err(format!("a joint moved by {:.2} degrees", moved.to_degrees()));
    }
    t.is_without_power()
}

fn f16(t: &mut Trial) -> Result<(), String> {
    t.break_now(RobotFault::NoisySpeed, None)?;
    t.run_s(1.0)?;
    t.told(Fault::F16VelocityNoise, 0.05)?;
    t.not_told(Fault::F21Contact)?;
    t.keeps_going()
}

fn f17(t: &mut Trial) -> Result<(), String> {
    let joint = heaviest(t);
    t.break_now(RobotFault::DeadMotor(joint), None)?;
    // Without torques to compare it is seen by where the joint is; one that its friction holds stands as one whose
    // encoder is frozen does.
    if t.gives_torques() {
        t.named_once_behind(Fault::F17FollowingError, (0.1, 0.022), 1.0)?;
    } else {
        t.run_s(1.0)?;
        t.told(Fault::F17FollowingError, 0.35)
            .or_else(|why| t.told(Fault::F13EncoderFrozen, 0.35).map_err(|_| why))?;
    }
    t.ends_latched()
}

fn f19(t: &mut Trial) -> Result<(), String> {
    let joint = heaviest(t);
    t.break_now(RobotFault::Runaway(joint), None)?;
    t.run_s(1.0)?;
    // ... and by how far it has run, if its friction does not hold it.
    if t.gives_torques() {
        t.told(Fault::F19Runaway, 0.010)?;
    } else {
        t.told(Fault::F19Runaway, 0.050)
            .or_else(|why| t.told(Fault::F13EncoderFrozen, 0.1).map_err(|_| why))?;
    }
    t.ends_in(Mode::Fault { powered: false })
}

fn f21(t: &mut Trial) -> Result<(), String> {
    let joint = heaviest(t);
    t.break_now(RobotFault::Pushed(joint), Some(0.008))?;
    t.gives_way_little(1.0)?;
    t.told(Fault::F21Contact, 0.006)?;
    t.ends_in(Mode::Hold)
}

fn f22(t: &mut Trial) -> Result<(), String> {
    t.break_now(RobotFault::Silent, Some(0.0195))?;
    t.run_s(0.1)?;
    t.keeps_going()?;
    t.break_now(RobotFault::Silent, Some(0.3))?;
    t.run_s(0.8)?;
    t.ends_in(Mode::Hold)
}

fn f23(t: &mut Trial) -> Result<(), String> {
    // A spike, and a bus that has become slow: what goes on is not as fast, and steps nowhere.
    for (lasts_s, within_s) in [(0.006, 0.3), (0.5, 0.1)] {
        t.break_now(RobotFault::Late, Some(lasts_s))?;
        t.run_s(within_s)?;
        t.told(Fault::F23StateLate, 0.006)?;
        t.keeps_going()?;
    }
    t.run_s(0.3)?;
    t.runs_at_most(0.25)
}

fn f25(t: &mut Trial) -> Result<(), String> {
    t.sleep_s(0.025)?;
    t.run_s(0.05)?;
    t.not_told(Fault::F25LoopOverrun)?;
    for _ in 0..5 {
        t.sleep_s(0.025)?;
        t.run_s(0.01)?;
    }
    t.run_s(0.6)?;
    t.told(Fault::F25LoopOverrun, 0.3)?;
    // An arm that ran on for six times 25 ms may be farther from where it should be than F17 lets it.
    t.ends_in(Mode::Hold).or_else(|_| t.ends_in(Mode::Fault { powered: true }))
}

fn f30(t: &mut Trial) -> Result<(), String> {
    t.is_not_heard(5.0)?;
    t.keeps_going()
}

fn f18(t: &mut Trial) -> Result<(), String> {
    let joint = strongest(t);
    t.break_now(RobotFault::Strained(joint), None)?;
    t.run_s(2.5)?;
    // What the motor can give for ever is reached after 0.8 s.
    if t.told(Fault::F18Overload, 1.8).is_ok() {
        return t.ends_in(Mode::Fault { powered: false });
    }
    // A light arm gives way before its motor is overloaded, and that is seen first.
    t.told(Fault::F17FollowingError, 0.8)?;
    t.ends_latched()
}

fn f24(t: &mut Trial) -> Result<(), String> {
    // Gone for long, or not; and somewhere else when it is back.
    let joint = fastest(t);
    let (gone_s, within_s) = if t.coin() { (0.8, 0.6) } else { (0.3, 0.302) };
    t.break_in_turn(&[(RobotFault::Silent, Some(gone_s)), (RobotFault::JumpedEncoder(joint), None)])?;
    t.run_s(1.2)?;
    t.told(Fault::F24Disconnected, within_s)?;
    t.ends_in(Mode::Fault { powered: false })?;
    t.resets()?;
    t.gets_power()
}

fn f26(t: &mut Trial) -> Result<(), String> {
    t.sleep_s(2.0)?;
    t.run_s(0.5)?;
    t.told(Fault::F26ProcessPaused, 2.002)?;
    t.ends_in(Mode::Hold)
}

fn f31(t: &mut Trial) -> Result<(), String> {
    t.panic_beside(Component::Perception);
    t.run_s(0.6)?;
    t.told(Fault::F31ThreadPanic, 0.001)?;
    t.ends_in(Mode::Hold)
}

fn f41(t: &mut Trial) -> Result<(), String> {
    t.open_line();
    t.run_s(0.6)?;
    t.told(Fault::F41StopLine, 0.001)?;
    t.ends_in(Mode::Fault { powered: false })
}

fn f42(t: &mut Trial) -> Result<(), String> {
    t.person_comes()?;
    t.is_slower_in_time()?;
    t.stands_while_somebody_is_near()
}

fn f43(t: &mut Trial) -> Result<(), String> {
    t.ball_ahead()?;
    t.run_s(0.002)?;
    t.told(Fault::F43ObstacleTooNear, 0.002)?;
    t.run_s(1.0)?;
    t.stands()
}
