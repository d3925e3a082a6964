//! Rows about what the motors do, and what pushes.

use super::trial::{Trial, heaviest, strongest};
use control::Mode;
use sim::RobotFault;
use types::{Fault, StopCategory};

/// The part of its torque limit that a motor can give for ever, as control has it (F18).
const FOR_EVER: f64 = 0.75;

pub(super) fn f17(t: &mut Trial) -> Result<(), String> {
    let joint = heaviest(t);
    t.break_now(RobotFault::DeadMotor(joint), None)?;
    if t.gives_torques() {
        t.named_once_behind(Fault::F17FollowingError, (0.1, 0.020), 1.0)?;
    } else {
        // Without torques to compare it is seen by where the joint is.
        t.run_s(1.0)?;
        t.told(Fault::F17FollowingError, 0.35).or_else(|_| t.told(Fault::F13EncoderFrozen, 0.35))?;
    }
    // A joint that its friction holds stands as one whose encoder is frozen does (F13); and one that falls, and is told where
    // to go, goes away from there (F19). Both end without power.
    for taken_for in [Fault::F13EncoderFrozen, Fault::F19Runaway] {
        if t.stopped(taken_for, StopCategory::One).is_ok() {
            return t.ends_in(Mode::Fault { powered: false });
        }
    }
    t.stopped(Fault::F17FollowingError, StopCategory::Two)?;
    t.ends_in(Mode::Fault { powered: true })
}

pub(super) fn f18(t: &mut Trial) -> Result<(), String> {
    let joint = strongest(t);
    t.break_now(RobotFault::Strained(joint), None)?;
    // What strains an arm is a contact first, which stops it and lets it go on.
    t.run_s(0.85)?;
    t.goes_on_anyway()?;
    t.run_s(1.65)?;
    t.told_once_loaded(Fault::F18Overload, joint, FOR_EVER, 1.0)?;
    if t.gives_torques() {
        // One that takes torques gives way first, and stands already, latched: there is nothing to slow down.
        t.told(Fault::F17FollowingError, 0.8)?;
    } else if t.stopped(Fault::F19Runaway, StopCategory::One).is_err() {
        // (A light arm that is pushed away is taken for one that runs away, now and then.)
        t.ran_slower_before(Fault::F18Overload, 0.5)?;
    }
    t.stopped(Fault::F18Overload, StopCategory::One)
        .or_else(|why| t.stopped(Fault::F19Runaway, StopCategory::One).map_err(|_| why))?;
    t.ends_in(Mode::Fault { powered: false })?;
    t.has_no_power_by_itself(2.0)
}

pub(super) fn f19(t: &mut Trial) -> Result<(), String> {
    let has_brakes = t.coin();
    t.with_brakes(has_brakes)?;
    let joint = heaviest(t);
    t.break_now(RobotFault::Runaway(joint), None)?;
    t.run_s(1.0)?;
    let category = if has_brakes { StopCategory::Zero } else { StopCategory::One };
    if t.gives_torques() {
        t.told(Fault::F19Runaway, 0.009)?;
    } else {
        // ... and by how far it has run, if its friction does not hold it.
        if t.told(Fault::F19Runaway, 0.049).is_err() && t.told(Fault::F13EncoderFrozen, 0.099).is_ok() {
            t.stopped(Fault::F13EncoderFrozen, StopCategory::One)?;
            return t.ends_in(Mode::Fault { powered: false });
        }
        t.told(Fault::F19Runaway, 0.049)?;
    }
    t.stopped(Fault::F19Runaway, category)?;
    t.ends_in(Mode::Fault { powered: false })
}

pub(super) fn f21(t: &mut Trial) -> Result<(), String> {
    let joint = heaviest(t);
    t.break_now(RobotFault::Pushed(joint), Some(0.008))?;
    t.gives_way_little(1.0)?;
    t.told(Fault::F21Contact, 0.005)?;
    t.stopped(Fault::F21Contact, StopCategory::Two)?;
    t.ends_in(Mode::Hold)
}
