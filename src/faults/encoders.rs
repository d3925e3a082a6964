//! Rows about what the encoders say.

use super::trial::{Trial, fastest, heaviest};
use control::{Mode, RefusedWhy, Report, Request};
use sim::RobotFault;
use types::{Fault, StopCategory};

/// Half a degree, rad: how far anything may be led out before the encoders are proven.
const WIGGLE: f64 = 0.008_73;
/// Motors that are told where to go set out for where a wrong encoder says that they are, before anybody can see that: how
/// far they get in truth, rad.
const SET_OUT: f64 = 0.017_5;
/// How far from its command an arm may be that the model alone leads to rest, rad: half of what a fault of following is (F17).
const BLIND: f64 = 0.05;
/// The part of its speed at which a careful arm runs, and how long it may take to get there, seconds.
const CAREFUL: f64 = 0.25;
const SLOWS_S: f64 = 0.3;

pub(super) fn f12(t: &mut Trial) -> Result<(), String> {
    let joint = fastest(t);
    t.break_now(RobotFault::Nan(joint), None)?;
    t.run_s(0.6)?;
    t.told(Fault::F12EncoderInvalid, 0.0)?;
    t.stops_in_the_same_tick(StopCategory::One)?;
    t.stopped(Fault::F12EncoderInvalid, StopCategory::One)?;
    // Nothing is measured any more: it is led by what the model makes of the last state that could be.
    t.followed_within(BLIND)?;
    t.ends_in(Mode::Fault { powered: false })
}

pub(super) fn f13(t: &mut Trial) -> Result<(), String> {
    let joint = fastest(t);
    // The speed is what it was, or made of what the encoder says.
    let is_dead = t.coin();
    let kind = if is_dead { RobotFault::DeadEncoder } else { RobotFault::StuckEncoder };
    // Slower, the encoder has to stand still for longer to be suspect; and where it is not as fine. One whose speed ceases
    // with it has stopped dead.
    let within_s = match (t.speed(joint), t.gives_torques()) {
        (speed, true) if speed > 0.12 || (is_dead && speed > 0.06) => 0.005,
        (speed, true) if speed > 0.06 => 0.010,
        (speed, false) if speed > 0.6 => 0.005,
        (speed, false) if speed > 0.3 => 0.011,
        _ => 1.0,
    };
    t.break_now(kind(joint), None)?;
    t.run_s(1.0)?;
    t.told(Fault::F13EncoderFrozen, within_s)?;
    t.stopped(Fault::F13EncoderFrozen, StopCategory::One)?;
    t.ends_in(Mode::Fault { powered: false })
}

pub(super) fn f14(t: &mut Trial) -> Result<(), String> {
    let joint = fastest(t);
    let is_jump =
        |r: &Report| matches!(r, Report::Refused { request: Request::State, why: RefusedWhy::Jumped, .. });
    // One sample, two, three: refused, told once, and the arm goes on as if nothing had been.
    let samples = 1 + t.one_of(3);
    let pace = t.pace();
    t.break_now(RobotFault::JumpedEncoder(joint), Some(1e-3 * (samples as f64 - 0.5)))?;
    t.run_s(0.05)?;
    t.not_told(Fault::F14EncoderJump)?;
    t.keeps_going()?;
    t.ran_at_least(pace)?;
    match t.count(is_jump) {
        1 => {}
        n => return Err(format!("{samples} samples that leapt were refused {n} times")),
    }
    t.break_now(RobotFault::JumpedEncoder(joint), None)?;
    t.run_s(0.6)?;
    // In the fourth tick.
    t.told(Fault::F14EncoderJump, 0.003)?;
    t.stopped(Fault::F14EncoderJump, StopCategory::One)?;
    match t.count(is_jump) {
        1 => t.ends_in(Mode::Fault { powered: false }),
        n => Err(format!("a row of samples that leapt was refused {n} times")),
    }
}

pub(super) fn f15(t: &mut Trial) -> Result<(), String> {
    t.disarm()?;
    let joint = heaviest(t);
    let fault = if t.coin() { RobotFault::InvertedEncoder } else { RobotFault::SwappedEncoders };
    t.break_now(fault(joint), None)?;
    let moved = t.activate_and_see(2.5)?;
    t.wiggled_within(WIGGLE)?;
    let most = if t.gives_torques() { WIGGLE } else { SET_OUT };
    if moved > most {
        return Err(format!("a joint moved by {:.2} degrees", moved.to_degrees()));
    }
    t.is_without_power()
}

pub(super) fn f16(t: &mut Trial) -> Result<(), String> {
    t.break_now(RobotFault::NoisySpeed, None)?;
    t.run_s(1.0)?;
    t.told(Fault::F16VelocityNoise, 0.05)?;
    t.not_told(Fault::F21Contact)?;
    t.keeps_going()?;
    t.ran_at_most(CAREFUL, SLOWS_S)?;
    // Once noisy it stays so: an arm that became fast and slow in turn would be told again and again.
    match t.count(|r| matches!(r, Report::Fault { fault: Fault::F16VelocityNoise, .. })) {
        1 => t.does_not_swing(0.005),
        n => Err(format!("named {n} times")),
    }
}
