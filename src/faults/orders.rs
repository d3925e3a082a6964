//! Rows about who orders what: old, late, contradictory, or nobody any more.

use super::trial::{Line, Trial};
use bridge::wire::LinkClock;
use control::{Cause, Chunk, Mode, Motion, Order, Owner, RefusedWhy, Report, Request, Twist, TwistAxes};
use core::time::Duration;
use types::{Fault, JointVector, StopCategory, Time};

/// Time between two positions of a chunk, seconds.
const PERIOD_S: f64 = 1.0 / 30.0;
/// Greatest joint speed and size of the policy's motion, rad/s and rad.
const SPEED: f64 = 0.4;
const SIZE: f64 = 0.25;

/// What a policy wants that swings every joint about where it is.
fn swing(t: &Trial, from: &JointVector, begun_s: f64, n: usize, off: f64) -> Chunk {
    let (limits, ways) = (t.limits(), t.ways());
    let at = |k: usize, j: usize| {
        let (l, way) = (&limits[j], ways[j]);
        let phase = SPEED / SIZE * (begun_s + k as f64 * PERIOD_S);
        (from[j] + way * (0.5 * SIZE * (1.0 - phase.cos()) + off)).clamp(l.lower, l.upper)
    };
    let points = (0..n).map(|k| JointVector::from_fn(from.len(), |j| at(k, j))).collect();
    Chunk { points, period_s: PERIOD_S, grip: None }
}

/// Stops what is under way and gives the arm to a policy; returns where it holds.
fn policy(t: &mut Trial) -> Result<JointVector, String> {
    t.hand_over(Owner::Policy)?;
    let from = t.commanded();
    t.choose_ways(&from);
    Ok(from)
}

/// Orders a chunk that counts for so many milliseconds.
fn give(t: &mut Trial, chunk: impl Fn(&Trial) -> Chunk, ms: u64) -> Result<Order, String> {
    let chunk = chunk(t);
    let order = t.next_order(Motion::Chunk(chunk))?;
    let order = Order { expires: order.stamp + Duration::from_millis(ms), ..order };
    t.submit(order.clone())?;
    Ok(order)
}

/// A policy's chunk is followed, for long enough.
pub(super) fn follows_chunk(t: &mut Trial) -> Result<(), String> {
    let from = policy(t)?;
    give(t, |t| swing(t, &from, 0.0, 60, 0.0), 2000)?;
    t.run_s(0.3)
}

fn refused(t: &Trial, request: Request, why: RefusedWhy) -> Result<(), String> {
    let is_it =
        |r: &Report| matches!(r, Report::Refused { request: q, why: w, .. } if *q == request && *w == why);
    if t.has(is_it) { Ok(()) } else { Err(format!("{request:?} was not refused as {why:?}")) }
}

pub(super) fn f2(t: &mut Trial) -> Result<(), String> {
    let old = t.next_trajectory()?;
    t.alive = false;
    t.run_s(0.9)?;
    t.told(Fault::F1InputSilent, 0.201)?;
    t.submit(old)?;
    t.run_s(0.01)?;
    refused(t, Request::Follow, RefusedWhy::Stale)?;
    t.ends_in(Mode::Fault { powered: true })
}

pub(super) fn f3(t: &mut Trial) -> Result<(), String> {
    let from = policy(t)?;
    give(t, |t| swing(t, &from, 0.0, 20, 0.0), 500)?;
    t.run_s(0.2)?;
    let chunk = swing(t, &from, 0.2, 20, 0.0);
    let order = t.next_order(Motion::Chunk(chunk))?;
    let late = Order { expires: order.stamp + Duration::from_millis(50), ..order };
    t.run_s(0.1)?;
    t.submit(late)?;
    t.run_s(0.01)?;
    refused(t, Request::Chunk, RefusedWhy::Stale)?;
    t.run_s(1.0)?;
    t.told(Fault::F4ChunksDry, 2.0)?;
    t.stands()
}

pub(super) fn f4(t: &mut Trial) -> Result<(), String> {
    let from = policy(t)?;
    give(t, |t| swing(t, &from, 0.0, 12, 0.0), 500)?;
    t.run_s(1.0)?;
    t.told(Fault::F4ChunksDry, 1.0)?;
    t.stands()?;
    let from = t.commanded();
    t.choose_ways(&from);
    give(t, |t| swing(t, &from, 0.0, 30, 0.0), 500)?;
    t.run_s(0.4)?;
    if t.stands().is_ok() { Err("it did not go on".into()) } else { Ok(()) }
}

pub(super) fn f5(t: &mut Trial) -> Result<(), String> {
    let from = policy(t)?;
    let first = give(t, |t| swing(t, &from, 0.0, 30, 0.0), 900)?;
    t.run_s(0.2)?;
    let newest = give(t, |t| swing(t, &from, 0.2, 30, 0.0), 900)?;
    t.run_s(0.1)?;
    // The newest twice, an older one, and the newest once more: each is refused in its tick, and told.
    let is_it =
        |r: &Report| matches!(r, Report::Refused { request: Request::Chunk, why: RefusedWhy::Replayed, .. });
    for (n, again) in [&newest, &first, &newest].into_iter().enumerate() {
        t.submit(again.clone())?;
        t.run_s(0.001)?;
        let told = t.count(is_it);
        if told != n + 1 {
            return Err(format!("of {} chunks that had been there {told} were refused", n + 1));
        }
    }
    t.run_s(0.01)?;
    if t.count(|r| matches!(r, Report::Refused { .. })) != 3 {
        return Err("something else was refused".into());
    }
    t.is_in(Mode::Follow)
}

pub(super) fn f6(t: &mut Trial) -> Result<(), String> {
    let from = policy(t)?;
    give(t, |t| swing(t, &from, 0.0, 40, 0.0), 500)?;
    t.run_s(0.3)?;
    give(t, |t| swing(t, &from, 0.3, 60, 0.5), 300)?;
    t.run_s(3.0)?;
    // Blended within limits, or refused; limits are looked at in every tick.
    t.is_in(Mode::Follow)
}

pub(super) fn f28(t: &mut Trial) -> Result<(), String> {
    t.hand_over(Owner::Human)?;
    let push = t.away(0.2);
    for ahead_ms in [200i64, -200] {
        let theirs = |now: Time| Time::from_nanos(now.as_nanos() + ahead_ms * 1_000_000);
        let asked = t.now();
        t.run_s(0.004)?;
        // It read its clock on the way.
        let read = theirs(asked + Duration::from_millis(1));
        let clock = LinkClock::handshake(asked, read, t.now()).map_err(|e| e.to_string())?;
        // By its own clock it is from the future, or too old; estimated, it is what it is.
        for (estimated, age_ms, taken) in
            [(false, 0, false), (true, 20, true), (true, 150, false), (true, 0, true)]
        {
            let made = theirs(t.now());
            t.run_s(1e-3 * f64::from(age_ms))?;
            let stamp = if estimated { clock.ours(made) } else { made };
            let order = t.next_order(Motion::Velocity(push))?;
            let expires = stamp + Duration::from_millis(100);
            t.submit(Order { stamp, valid_from: stamp, expires, ..order })?;
            t.run_s(0.002)?;
            let moves = t.is_in(Mode::Servo).is_ok();
            if moves != taken {
                return Err(format!("{ahead_ms} ms ahead, {age_ms} ms old: taken: {moves}"));
            }
            if moves {
                t.stop_and_rest()?;
                t.take_over(Owner::Human)?;
            }
        }
    }
    Ok(())
}

pub(super) fn f37(t: &mut Trial) -> Result<(), String> {
    let order = t.next_trajectory()?;
    t.stop_and_rest()?;
    t.submit(order)?;
    t.run_s(0.05)?;
    refused(t, Request::Follow, RefusedWhy::NoLease)
        .or_else(|_| refused(t, Request::Follow, RefusedWhy::Stale))?;
    t.hand_over(Owner::Script)?;
    let velocity = t.away(0.2);
    let order = t.next_order(Motion::Velocity(velocity))?;
    t.submit(order.clone())?;
    t.run_s(0.02)?;
    let velocity = t.away(0.0);
    let renewed = t.next_order(Motion::Velocity(velocity))?;
    t.submit(renewed)?;
    t.run_s(0.01)?;
    t.submit(order)?;
    t.run_s(0.01)?;
    refused(t, Request::Servo, RefusedWhy::Replayed)
}

pub(super) fn f38(t: &mut Trial) -> Result<(), String> {
    // A velocity counts for 100 ms, or for as long as a strict profile lets it; so does who gives it.
    let deadline_ms = if t.coin() { 20 } else { 100 };
    t.stop_and_rest()?;
    t.take_over_within(Owner::Human, 1e-3 * deadline_ms as f64)?;
    let velocity = t.away(0.4);
    for _ in 0..30 {
        t.break_here();
        let order = t.next_order(Motion::Velocity(velocity))?;
        t.submit(Order { expires: order.stamp + Duration::from_millis(deadline_ms), ..order })?;
        t.run_s(0.010)?;
    }
    if t.stands().is_ok() {
        return Err("nothing moved".into());
    }
    // The line is dead from after the last one on.
    t.alive = false;
    t.run_s(0.6)?;
    t.told(Fault::F38OperatorSilent, 1e-3 * deadline_ms as f64)?;
    t.stopped_by(Cause::VelocityOver, StopCategory::Two)?;
    t.ends_in(Mode::Hold)
}

pub(super) fn f39(t: &mut Trial) -> Result<(), String> {
    // The planner's motion is under way, and goes on being ordered.
    let late = t.next_trajectory()?;
    t.take_over(Owner::Human)?;
    t.push(0.3, 0.3)?;
    t.submit(late)?;
    t.push(0.3, 0.2)?;
    refused(t, Request::Follow, RefusedWhy::NoLease)
        .or_else(|_| refused(t, Request::Follow, RefusedWhy::Stale))?;
    t.is_in(Mode::Servo)
}

pub(super) fn f40(t: &mut Trial) -> Result<(), String> {
    t.hand_over(Owner::Human)?;
    t.push(0.3, 0.3)?;
    // By a request, or by the button's line, which is open for as long as it is pressed.
    let by_line = t.coin();
    if by_line {
        t.break_line(Line::Open);
    } else {
        t.break_here();
        t.handle().stop(StopCategory::One);
    }
    t.push(0.3, 0.6)?;
    t.stops_in_the_same_tick(StopCategory::One)?;
    let cause = if by_line { Cause::Fault(Fault::F41StopLine) } else { Cause::EmergencyStop };
    t.stopped_by(cause, StopCategory::One)?;
    t.ends_in(Mode::Fault { powered: false })?;
    // Released, with the stick still held.
    let released = t.n_ticks();
    t.line = Line::Closed;
    t.push(0.3, 0.2)?;
    t.reset()?;
    t.push(0.3, 0.1)?;
    refused(t, Request::Reset, RefusedWhy::InputActive)?;
    // A stick at rest is no reset, and one that is held again moves nothing either.
    t.push(0.0, 0.1)?;
    t.push(0.3, 0.1)?;
    t.ends_in(Mode::Fault { powered: false })?;
    t.push(0.0, 0.05)?;
    t.reset()?;
    t.run_s(0.01)?;
    t.is_in(Mode::Disarmed)?;
    t.push(0.3, 0.1)?;
    t.is_in(Mode::Disarmed)?;
    t.had_no_power(released)
}

pub(super) fn f44(t: &mut Trial) -> Result<(), String> {
    t.hand_over(Owner::Human)?;
    // Outwards, until the elbow is nearly straight.
    let linear_m_s = t.outwards(0.5);
    let out = Twist { linear_m_s, angular_rad_s: [0.0; 3], axes: TwistAxes::World };
    t.steer(Motion::Twist(out), 3.0)?;
    t.slows_where_singular(0.5)?;
    t.keeps_steered()
}
