//! What every robot behind [`Robot`] and every camera behind [`Camera`] promises: one check each, for
//! simulated and real ones alike.

use core::time::Duration;
use types::seams::{Camera, Clock, Robot, RobotError};
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

/// Pictures that are taken of a camera.
const PICTURES: u64 = 5;
/// Time between two pictures.
const BETWEEN: Duration = Duration::from_millis(40);

/// Holds a working camera to its promises. Checked: name and identity say something and stay; pictures
/// carry the name; sequence numbers go up by one; a stamp is the instant of taking, never later than
/// now nor older than the one before, and newer when time has passed; lens and size stay; the lens is
/// one ([`types::Intrinsics::new`], B29); the pose is finite; depths are finite and not negative (B28);
/// somewhere the depth is known, if there is any.
///
/// # Errors
/// The promise that was broken, in words.
pub fn camera_keeps_its_promises(camera: &mut dyn Camera, clock: &mut dyn Clock) -> Result<(), String> {
    let (name, identity) = (camera.name().to_owned(), camera.identity());
    if name.is_empty() || identity.is_empty() {
        return Err(format!("a camera named {name:?} with identity {identity:?}"));
    }
    let first = camera.take().map_err(|e| format!("the first picture: {e}"))?;
    let k = first.intrinsics;
    types::Intrinsics::new((k.width, k.height), (k.fx, k.fy), (k.cx, k.cy), k.distortion)
        .map_err(|e| e.to_string())?;
    let mut last = first.clone();
    for i in 1..=PICTURES {
        let next = clock.now() + BETWEEN;
        clock.sleep_until(next);
        let before = clock.now();
        let image = camera.take().map_err(|e| format!("picture {i}: {e}"))?;
        let after = clock.now();
        if (camera.name(), camera.identity()) != (name.as_str(), identity.clone()) || image.camera != name {
            return Err(format!("{name} calls itself {:?} in picture {i}", image.camera));
        }
        if image.sequence != last.sequence + 1 {
            return Err(format!("sequence {} after {}", image.sequence, last.sequence));
        }
        if image.stamp <= last.stamp || image.stamp > after || before.secs_since(image.stamp) > 0.1 {
            let (stamp, old) = (image.stamp, last.stamp);
            return Err(format!("stamp {stamp:?} after {old:?}, taken between {before:?} and {after:?}"));
        }
        if image.intrinsics != k || image.rgb.len() != 3 * k.width as usize * k.height as usize {
            return Err(format!("another lens or size in picture {i}: {:?}", image.intrinsics));
        }
        if !image.world_from_optical.isometry().to_homogeneous().iter().all(|v| v.is_finite()) {
            return Err(format!("a pose that is not finite in picture {i}"));
        }
        if let Some(depth) = &image.depth {
            if depth.iter().any(|z| !z.is_finite() || *z < 0.0) {
                return Err(format!("a depth that is none in picture {i}"));
            }
            if depth.iter().all(|z| *z == 0.0) {
                return Err(format!("no depth is known in picture {i}"));
            }
        }
        last = image;
    }
    Ok(())
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
