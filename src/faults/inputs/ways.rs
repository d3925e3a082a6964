//! Rows about where motions lead, and when.

use super::names;
use super::orders::{chunk, follow, one, slow_way, stays, with};
use crate::bench::largest;
use crate::config::Config;
use crate::faults::trial::Trial;
use crate::suite::scenario::Scenario;
use control::{Chunk, Groups, Mode, Motion, Order, Owner, RefusedWhy, Report};
use core::time::Duration;
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use rand::Rng;
use std::sync::{Mutex, PoisonError};
use types::motion::{CLOSEST_POINTS_S, MAX_POINTS, TrajectoryPoint};
use types::{JointVector, Time, Trajectory, Transform};

/// A tool that is sent to where it is may move by so much, rad: what inverse kinematics leaves.
const LEAVES: f64 = 1e-6;
/// How far beside the nearest place in reach an answer may be that says how far away that is, metres.
const FOUND_M: f64 = 0.01;
/// More points than anybody sends.
const A_MILLION: usize = 1_000_000;
/// What refusing so many may ask for in one piece: some words; and what taking as many as there may be, bytes.
const WORDS: usize = 4096;
const TAKEN: usize = 100 << 20;
/// So many points at once are a load for the machine, too: one trial at a time makes them.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub(super) fn b10(t: &mut Trial) -> Result<(), String> {
    // Out of reach in any direction, by more than any arm here is long.
    let base = t.arm().world_from_base().translation.vector;
    let far_m = t.rng().random_range(3.0..20.0);
    let way = Vector3::from_fn(|_, _| t.rng().random_range(-1.0..1.0)).normalize();
    let turn = UnitQuaternion::from_euler_angles(t.rng().random_range(-3.0..3.0), 0.5, 0.0);
    let there = Isometry3::from_parts(Translation3::from(base + far_m * way), turn);
    let came = t.give(Motion::Pose(Transform::from_isometry(there)));
    let said = came.clone().err().unwrap_or_default();
    t.refuses(came, "pose")?;
    let told = said
        .split("the nearest reachable place is ")
        .nth(1)
        .and_then(|s| s.split(' ').next()?.parse::<f64>().ok());
    // The arm gets no nearer than it is long, and as near as anywhere that it was looked for.
    let place = there.translation.vector;
    let (least, most) = (far_m - t.reach_m(), t.nearest_of_many(&place));
    match told {
        Some(m) if (least - FOUND_M..=most + FOUND_M).contains(&m) => {}
        _ => return Err(format!("{far_m:.2} m away, {least:.3} to {most:.3} m off, but: {said}")),
    }
    // Where the arm itself stands.
    let inside = base + Vector3::new(0.0, 0.0, t.rng().random_range(0.02..0.1));
    let came = t.give(Motion::Pose(Transform::from_isometry(Isometry3::from_parts(
        Translation3::from(inside),
        turn,
    ))));
    t.refuses(came, "pose")?;
    // Where the arm gets to only through itself: said to be that.
    let folded = t.reached_only_in_collision().ok_or("no pose is reached only in collision")?;
    let came = t.give(Motion::Pose(folded));
    t.refuses(came, "collision")?;
    let (q, n) = (t.commanded(), t.limits().len());
    let (j, by) = (one(t, n), t.rng().random_range(0.001..1.0));
    let l = t.limits()[j];
    let beyond = if t.rng().random() { l.upper + by } else { l.lower - by };
    let came = t.give(Motion::Joints(with(q, j, beyond)));
    t.refuses(came, &format!("joints[{j}]"))
}

pub(super) fn b11(t: &mut Trial) -> Result<(), String> {
    t.waits()?;
    let (here, tool) = (t.commanded(), t.tool());
    let still = JointVector::zeros(here.len());
    let point = TrajectoryPoint { t: 0.0, q: here, dq: still, ddq: still };
    for way in 0..4 {
        match way {
            0 => t.give(Motion::Joints(here))?,
            1 => follow(t, vec![point])?,
            2 => t.give(Motion::Velocity(still))?,
            _ => t.give(Motion::Pose(tool))?,
        }
        let id = t.last();
        stays(t, 0.3, if way == 3 { LEAVES } else { 0.0 })?;
        // A velocity has no end.
        let is_done = way == 2 || t.has(|r| matches!(r, Report::Finished(done) if Some(*done) == id));
        if !is_done || t.has(|r| matches!(r, Report::Refused { .. })) {
            return Err(format!("way {way}: not done"));
        }
        t.waits()?;
    }
    Ok(())
}

pub(super) fn b12(t: &mut Trial) -> Result<(), String> {
    let k = 1 + one(t, 3);
    let some = t.rng().random_range(0.001..1.0);
    let (before, huge) = (k as f64 - 1.0, 3600.0 + 1e3 * some);
    for time in [before, before - some, -some, huge, 1e300, f64::NAN] {
        let mut points = slow_way(t);
        points[k].t = time;
        let came = follow(t, points);
        t.refuses(came, &format!("trajectory.points[{k}].t"))?;
    }
    for period_s in [0.0, -some, 1.0 + some, 1e300] {
        let points = vec![t.commanded(); 4];
        let came = t.give(Motion::Chunk(Chunk { points, period_s, grip: None }));
        t.refuses(came, "chunk.period_s")?;
    }
    Ok(())
}

pub(super) fn b13(t: &mut Trial) -> Result<(), String> {
    let (j, off) = (one(t, t.limits().len()), t.rng().random_range(0.05..0.5));
    let (here, away) = (t.commanded(), t.away(off));
    let mut points = slow_way(t);
    points.iter_mut().for_each(|p| p.q[j] += away[j]);
    let made = Trajectory::new(points.clone(), t.limits(), &here);
    t.refuses(made.map(|_| ()).map_err(|e| e.to_string()), "start_pose_invalid")?;
    // Made for an arm that stands elsewhere, it is refused by the loop.
    let elsewhere = points[0].q;
    let made = Trajectory::new(points, t.limits(), &elsewhere).map_err(|e| e.to_string())?;
    let order = t.next_order(Motion::Follow(Box::new(made)))?;
    t.give_in_vain(order)?;
    t.run_s(0.01)?;
    let is_it = |r: &control::Report| matches!(r, Report::Refused { why: RefusedWhy::StartsElsewhere, .. });
    if t.has(is_it) { Ok(()) } else { Err("not refused as one that starts elsewhere".into()) }
}

pub(super) fn b14(t: &mut Trial) -> Result<(), String> {
    let here = t.commanded();
    let still = JointVector::zeros(here.len());
    let came = follow(t, Vec::new());
    t.refuses(came, "trajectory.points")?;
    let point = |k: usize| TrajectoryPoint { t: 1e-2 * k as f64, q: here, dq: still, ddq: still };
    for many in [MAX_POINTS + 1 + one(t, MAX_POINTS / 10), A_MILLION] {
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let points: Vec<TrajectoryPoint> = (0..many).map(point).collect();
        let (came, asked) = largest(|| Trajectory::new(points, t.limits(), &here).map(|_| ()));
        t.refuses(came.map_err(|e| e.to_string()), "trajectory.points")?;
        if asked > WORDS {
            return Err(format!("{many} points: {asked} bytes to refuse them"));
        }
    }
    let long = 1001 + one(t, 1_000_000);
    for n in [0, 1, long] {
        let came = chunk(t, vec![here; n]);
        t.refuses(came, "chunk.points")?;
    }
    // One point is where the arm is, and so are as many as there may be; an arm under way cannot be where it is.
    if t.is_in(Mode::Hold).is_err() {
        return Ok(());
    }
    if t.coin() {
        return follow(t, vec![point(0)]);
    }
    let close = |k: usize| TrajectoryPoint { t: (1.0 + 1e-9) * CLOSEST_POINTS_S * k as f64, ..point(0) };
    let most: Vec<TrajectoryPoint> = (0..MAX_POINTS).map(close).collect();
    let (came, asked) = largest(|| follow(t, most));
    came?;
    if asked > TAKEN { Err(format!("{MAX_POINTS} points: {asked} bytes to take them")) } else { Ok(()) }
}

/// An order that would move the arm.
fn away(t: &mut Trial) -> Result<Order, String> {
    let (here, by) = (t.commanded(), t.away(0.2));
    t.next_order(Motion::Joints(JointVector::from_fn(here.len(), |j| here[j] + by[j])))
}

pub(super) fn b22(t: &mut Trial) -> Result<(), String> {
    let before_any = -t.rng().random_range(1..1_000_000_000_i64);
    for nanos in [i64::MAX, i64::MIN, before_any] {
        let order = away(t)?;
        let at = Time::from_nanos(nanos);
        let (spoilt, field) = match one(t, 3) {
            0 => (Order { stamp: at, ..order }, "order.stamp"),
            1 => (Order { valid_from: at, ..order }, "order.valid_from"),
            _ => (Order { expires: at, ..order }, "order.expires"),
        };
        let came = t.submit(spoilt);
        t.refuses(came, field)?;
        let came = t.handle().activate(at).map_err(|e| e.to_string());
        t.refuses(came, "stamp")?;
    }
    // From a while ahead, and from when the clock began.
    let order = away(t)?;
    let ahead = order.stamp + Duration::from_millis(t.rng().random_range(20..1000));
    t.give_in_vain(Order { stamp: ahead, expires: ahead + Duration::from_millis(100), ..order })?;
    let order = away(t)?;
    let begun = Time::from_nanos(t.rng().random_range(0..1_000_000));
    let expires = begun + Duration::from_millis(100);
    t.give_in_vain(Order { stamp: begun, valid_from: begun, expires, ..order })?;
    t.run_s(0.01)
}

pub(super) fn b23(t: &mut Trial) -> Result<(), String> {
    let some = t.rng().random_range(0.001..100.0);
    for seconds in [0.0, -0.0, -some, 10.0 + some, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let now = t.now();
        let claim = t.handle().claim(now, Owner::Human, Groups::All, Some(seconds));
        t.refuses(claim.map(|_| ()).map_err(|e| e.to_string()), "lease.deadline_s")?;
    }
    // An order that is over before it counts.
    let order = away(t)?;
    let expires = order.valid_from;
    let came = t.submit(Order { expires, ..order });
    t.refuses(came, "order.expires")?;
    for seconds in ["0.0", "-1.0", "nan"] {
        let text = format!("[remote]\nlimit_s = {seconds}\n");
        names(Config::parse(&text, "my.toml"), "remote.limit_s")?;
        let text = format!("sentence = [\"hello\"]\ntime_limit_s = {seconds}\n[random]\n");
        names(Scenario::parse(&text, "my.toml"), "time_limit_s")?;
    }
    Ok(())
}

pub(super) fn b33(t: &mut Trial) -> Result<(), String> {
    let (q, n) = (t.commanded(), t.limits().len());
    for other in [one(t, n), n + 1] {
        let came = chunk(t, vec![JointVector::from_fn(other, |j| if j < n { q[j] } else { 0.0 }); 8]);
        t.refuses(came, "chunk.points[0]: expected")?;
    }
    // Steps in place of positions: near zero, where this arm is not.
    let step = t.rng().random_range(0.001..0.02);
    let steps = vec![JointVector::from_fn(n, |_| step); 8];
    if q.iter().all(|v| v.abs() < 0.3) {
        return Ok(());
    }
    let order = t.next_order(Motion::Chunk(Chunk { points: steps, period_s: 0.033, grip: None }))?;
    t.is_refused(order);
    t.run_s(0.2)
}
