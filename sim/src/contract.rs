//! What every robot behind [`Robot`] promises, as one check for simulated and real ones alike.

use core::time::Duration;
use types::seams::{Clock, Robot, RobotError};
use types::{JointCommand, JointState, JointVector, Time};

/// The cycle of the checks.
const CYCLE: Duration = Duration::from_millis(1);
/// How far a joint may sink once the watchdog has closed the brakes, rad (m).
const SINK: f64 = 0.03;

/// Holds a robot to its promises; the arm stays within a hand's breadth of where it is.
///
/// `hold` makes a command that holds the given state and lives at least 10 ms. Checked: the first state is finite
/// and has `n` joints; stamps increase; commands with a number that is none, or with a wrong number of
/// joints, are refused by the field's name and leave the arm where it is (B1–B4, B7); a command that
/// expired is followed by brakes; a new command releases them.
///
/// # Errors
/// The promise that was broken, in words.
pub fn robot_keeps_its_promises(
    robot: &mut dyn Robot,
    clock: &mut dyn Clock,
    n: usize,
    hold: &mut dyn FnMut(&JointState) -> JointCommand,
) -> Result<(), String> {
    let first = first_state(robot, clock)?;
    if !first.is_finite() {
        return Err(format!("the first state is not finite: {first:?}"));
    }
    if first.q.len() != n || first.dq.len() != n || first.tau.len() != n {
        return Err(format!("a state of {} joints instead of {n}", first.q.len()));
    }
    let mut last = drive(robot, clock, 100, hold)?;
    if last.stamp <= first.stamp {
        return Err(format!("stamps do not increase: {:?} after {:?}", last.stamp, first.stamp));
    }
    for (field, bad) in bad_commands(&hold(&last)) {
        match robot.write(&bad) {
            Err(RobotError::Refused(r)) if r.field.contains(field) => {}
            other => return Err(format!("a bad {field} gave {other:?} instead of a refusal by name")),
        }
        last = drive(robot, clock, 1, hold)?;
    }
    near(&first, &last, "after refused commands")?;
    let before = robot.read().map_err(|e| format!("reading: {e}"))?;
    robot.write(&hold(&before)).map_err(|e| format!("the last command before silence: {e}"))?;
    clock.sleep_until(before.stamp + Duration::from_millis(400));
    let braked = robot.read().map_err(|e| format!("reading after silence: {e}"))?;
    near(&before, &braked, "after 400 ms of silence")?;
    if braked.dq.iter().any(|v| v.abs() > 0.02) {
        return Err(format!("still moving after 400 ms of silence: {:?}", braked.dq));
    }
    let again = drive(robot, clock, 100, hold)?;
    near(&before, &again, "after the command came back")
}

/// The first state; a live robot may need a moment.
fn first_state(robot: &mut dyn Robot, clock: &mut dyn Clock) -> Result<JointState, String> {
    for _ in 0..500 {
        match robot.read() {
            Ok(state) => return Ok(state),
            Err(RobotError::Silent) => {
                let next = clock.now() + CYCLE;
                clock.sleep_until(next);
            }
            Err(e) => return Err(format!("the first reading: {e}")),
        }
    }
    Err("no state within half a second".into())
}

fn drive(
    robot: &mut dyn Robot,
    clock: &mut dyn Clock,
    cycles: usize,
    hold: &mut dyn FnMut(&JointState) -> JointCommand,
) -> Result<JointState, String> {
    let mut stamp = Time::ZERO;
    for _ in 0..cycles {
        let state = robot.read().map_err(|e| format!("reading: {e}"))?;
        if state.stamp < stamp {
            return Err(format!("stamps go back: {:?} after {stamp:?}", state.stamp));
        }
        stamp = state.stamp;
        robot.write(&hold(&state)).map_err(|e| format!("a good command: {e}"))?;
        // In lockstep the command has let the cycle pass already.
        let (now, next) = (clock.now(), stamp + CYCLE);
        clock.sleep_until(if now > next { now + CYCLE } else { next });
    }
    robot.read().map_err(|e| format!("reading: {e}"))
}

fn near(a: &JointState, b: &JointState, when: &str) -> Result<(), String> {
    let off = a.q.max_abs_diff(&b.q);
    if off <= SINK { Ok(()) } else { Err(format!("the arm moved by {off} {when}")) }
}

/// A good command spoilt in every way that must be refused, with the field's name.
fn bad_commands(good: &JointCommand) -> Vec<(&'static str, JointCommand)> {
    let n = good.q.len();
    let mut out = Vec::new();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for field in ["q", "dq", "ddq", "tau"] {
            let mut c = *good;
            let vector = match field {
                "q" => &mut c.q,
                "dq" => &mut c.dq,
                "ddq" => &mut c.ddq,
                _ => &mut c.tau,
            };
            if let Some(v) = vector.last_mut() {
                *v = bad;
            }
            out.push((field, c));
        }
        let mut c = *good;
        c.gripper.width_m = bad;
        out.push(("gripper.width_m", c));
        let mut c = *good;
        c.gripper.force_n = bad;
        out.push(("gripper.force_n", c));
    }
    for wrong in [0, n + 1] {
        out.push(("tau", JointCommand { tau: JointVector::zeros(wrong), ..*good }));
        out.push(("q", JointCommand { q: JointVector::zeros(wrong), ..*good }));
    }
    out
}
