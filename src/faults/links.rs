//! Rows about what the loop hears: of its robot, of time, of the threads beside it, of the emergency stop's line.

use super::orders;
use super::trial::{Line, Trial};
use control::{Cause, Component, Mode, RefusedWhy, Report, Request};
use sim::RobotFault;
use types::{Fault, StopCategory};

/// For how long nothing is taken, and for how long after that the disk is full, seconds (F30).
const STALL_S: f64 = 5.0;
const FULL_S: f64 = 1.5;

/// The owner of a trajectory, of a chunk, and one with a strict deadline.
pub(super) fn f1(t: &mut Trial) -> Result<(), String> {
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
    t.told(Fault::F1InputSilent, within_s + 0.001)?;
    t.stopped(Fault::F1InputSilent, StopCategory::Two)?;
    t.ends_in(Mode::Fault { powered: true })
}

pub(super) fn f22(t: &mut Trial) -> Result<(), String> {
    t.break_now(RobotFault::Silent, Some(0.0195))?;
    t.run_s(0.1)?;
    t.keeps_going()?;
    t.break_now(RobotFault::Silent, Some(0.3))?;
    t.run_s(0.8)?;
    t.stopped_by(Cause::StateMissing, StopCategory::Two)?;
    t.ends_in(Mode::Hold)
}

pub(super) fn f23(t: &mut Trial) -> Result<(), String> {
    // A spike, and a bus that has become slow: what goes on is not as fast, and steps nowhere.
    for (lasts_s, within_s) in [(0.006, 0.3), (0.5, 0.1)] {
        t.break_now(RobotFault::Late, Some(lasts_s))?;
        t.run_s(within_s)?;
        t.told(Fault::F23StateLate, 0.005)?;
        t.keeps_going()?;
    }
    t.run_s(0.3)?;
    t.runs_at_most(0.25)
}

pub(super) fn f24(t: &mut Trial) -> Result<(), String> {
    // Gone for long, or not; and somewhere else when it is back.
    let joint = super::trial::fastest(t);
    let (gone_s, within_s) = if t.coin() { (0.8, 0.6) } else { (0.3, 0.300) };
    // Motors that are told where to go would go there: one of those is back where it says that it is before it has power.
    let elsewhere_s = (!t.gives_torques()).then_some(1.1 - gone_s);
    let elsewhere = (RobotFault::JumpedEncoder(joint), elsewhere_s);
    // Half a tick less is that many ticks, however it is rounded.
    t.break_in_turn(&[(RobotFault::Silent, Some(gone_s - 0.0005)), elsewhere])?;
    t.run_s(gone_s)?;
    let back = t.n_ticks();
    t.run_s(1.2 - gone_s)?;
    t.told(Fault::F24Disconnected, within_s)?;
    t.ends_in(Mode::Fault { powered: false })?;
    // From the tick on in which it is back nothing moves, and only a person gives it power again.
    t.had_no_power(back)?;
    t.has_no_power_by_itself(0.2)?;
    t.resets()?;
    t.gets_power()
}

pub(super) fn f25(t: &mut Trial) -> Result<(), String> {
    let is_late = |r: &Report| matches!(r, Report::Overrun { .. });
    let late = |t: &mut Trial| {
        t.break_here();
        t.sleep_s(0.025)?;
        t.run_s(0.01)?;
        t.made_one_step()?;
        if t.count(is_late) == 1 { Ok(()) } else { Err("an overrun was not told once".to_owned()) }
    };
    // Five within a second are borne.
    for _ in 0..5 {
        late(t)?;
        t.not_told(Fault::F25LoopOverrun)?;
    }
    late(t)?;
    t.run_s(0.6)?;
    t.told(Fault::F25LoopOverrun, 0.025)?;
    t.stopped(Fault::F25LoopOverrun, StopCategory::Two)?;
    // An arm that ran on for six times 25 ms may be farther from where it should be than F17 lets it, and that latches.
    let is_far = t.count(|r| matches!(r, Report::Fault { fault: Fault::F17FollowingError, .. })) > 0;
    t.ends_in(if is_far { Mode::Fault { powered: true } } else { Mode::Hold })
}

pub(super) fn f26(t: &mut Trial) -> Result<(), String> {
    t.sleep_s(2.0)?;
    t.run_s(0.5)?;
    t.told(Fault::F26ProcessPaused, 2.0)?;
    t.ends_in(Mode::Hold)
}

pub(super) fn f30(t: &mut Trial) -> Result<(), String> {
    // Nobody takes what is told, nor the ticks that are recorded; then a disk takes nothing. Its twin is heard and records
    // nothing.
    let mut twin = t.twin()?;
    let mut tape = t.taped()?;
    let (before, lost) = (tape.by_ref().count() as u64 + tape.dropped(), tape.dropped());
    let begun = t.ticks()[0] - before;
    t.is_not_heard(STALL_S)?;
    let lost = tape.dropped() - lost;
    let told = before + tape.by_ref().count() as u64 + lost;
    if lost == 0 || told != t.ticks()[0] - begun {
        return Err(format!("of {} ticks {told} were recorded or counted as lost", t.ticks()[0] - begun));
    }
    t.records_to_a_full_disk(&mut tape, FULL_S)?;
    twin.is_heard(STALL_S)?;
    twin.run_s(FULL_S)?;
    if t.commands() != twin.commands() {
        return Err("the loop does something else than one that is heard".into());
    }
    t.keeps_going()
}

pub(super) fn f31(t: &mut Trial) -> Result<(), String> {
    const ALL: [Component; 6] = [
        Component::Perception,
        Component::Planner,
        Component::Mission,
        Component::Bridge,
        Component::Teleoperation,
        Component::Policy,
    ];
    let component = ALL[t.one_of(6) as usize];
    t.panic_beside(component);
    t.run_s(0.6)?;
    t.told(Fault::F31ThreadPanic, 0.0)?;
    if t.count(|r| *r == Report::Panicked(component)) != 1 {
        return Err(format!("{component:?} was not named once"));
    }
    t.stops_in_the_same_tick(StopCategory::Two)?;
    t.stopped(Fault::F31ThreadPanic, StopCategory::Two)?;
    t.ends_in(Mode::Hold)
}

/// Asks for a reset that the line forbids.
fn resets_in_vain(t: &mut Trial) -> Result<(), String> {
    let is_it =
        |r: &Report| matches!(r, Report::Refused { request: Request::Reset, why: RefusedWhy::LineOpen, .. });
    let before = t.count(is_it);
    t.reset()?;
    t.run_s(0.002)?;
    t.is_in(Mode::Fault { powered: false })?;
    if t.count(is_it) == before + 1 { Ok(()) } else { Err("a reset on an open line was not refused".into()) }
}

pub(super) fn f41(t: &mut Trial) -> Result<(), String> {
    // Open for a moment between two ticks, again and again, for good; or nobody reads it any more.
    let kind = t.one_of(4);
    let within_s = if kind == 3 { 0.005 } else { 0.0 };
    match kind {
        0 | 1 => t.open_line(),
        2 => t.break_line(Line::Open),
        _ => t.break_line(Line::Silent),
    }
    if kind == 1 {
        for _ in 0..20 {
            t.run_s(0.03)?;
            t.flicker();
        }
    } else {
        t.run_s(0.6)?;
    }
    t.told(Fault::F41StopLine, within_s)?;
    if kind != 3 {
        t.stops_in_the_same_tick(StopCategory::One)?;
    }
    t.stopped(Fault::F41StopLine, StopCategory::One)?;
    t.ends_in(Mode::Fault { powered: false })?;
    // What was closed for a moment is not closed yet, nor is what opens once more.
    let first = t.n_ticks();
    if kind > 1 {
        resets_in_vain(t)?;
    }
    t.line = Line::Closed;
    t.flicker();
    t.run_s(0.04)?;
    resets_in_vain(t)?;
    t.flicker();
    t.run_s(0.04)?;
    resets_in_vain(t)?;
    t.run_s(0.01)?;
    t.had_no_power(first)?;
    t.resets()
}
