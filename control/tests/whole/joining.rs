//! Trajectories from any state of motion: submitted while another runs, while the arm is steered, or beginning with
//! a motion themselves.

use crate::common::{N, Rig, arm, check_differences, reach, wiggle};
use control::{Config, Groups, Mode, Motion, MotionId, Order, Owner, RefusedWhy, Report, Request};
use proptest::prelude::*;
use std::time::Duration;
use types::motion::TrajectoryPoint;
use types::{JointVector, StopCategory, Time, Trajectory};

fn refused(rig: &Rig, why: RefusedWhy) -> bool {
    rig.has(|r| matches!(r, Report::Refused { request: Request::Follow, why: w, .. } if *w == why))
}

fn fastest(rig: &Rig) -> f64 {
    rig.commands.last().expect("some").dq.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
}

/// Ticks until a motion is finished; returns how many it took.
fn until_finished(rig: &mut Rig, id: MotionId) -> usize {
    for n in 0..20_000 {
        if rig.has(|r| *r == Report::Finished(id)) {
            return n;
        }
        rig.tick();
    }
    panic!("never finished: {:?}", rig.reports);
}

fn end(trajectory: &Trajectory) -> JointVector {
    trajectory.points().last().expect("some").q
}

/// What a trajectory does from `from_s` on, as a trajectory of its own.
fn rest_of(rig: &Rig, trajectory: &Trajectory, from_s: f64) -> Box<Trajectory> {
    let n = 100;
    let left = trajectory.duration() - from_s;
    let points = (0..=n).map(|k| {
        let s = left * f64::from(k) / f64::from(n);
        TrajectoryPoint { t: s, ..trajectory.sample(from_s + s) }
    });
    let start = trajectory.sample(from_s).q;
    Box::new(Trajectory::new(points.collect(), rig.arm.limits(), &start).expect("a valid trajectory"))
}

#[test]
fn a_trajectory_takes_over_from_one_that_runs_without_coming_to_rest() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let first = rig.follow(reach(&arm, &home, 0.6, 2.0));
    rig.ticks(900);
    assert!(fastest(&rig) > 0.3);
    let back = reach(&arm, &rig.hold_q(), -0.4, 2.0);
    let goal = end(&back);
    let second = rig.follow(back);
    rig.tick();
    assert!(rig.has(|r| *r == Report::Superseded(first)), "at once: {:?}", rig.reports);
    assert!(rig.has(|r| *r == Report::Started(second)));
    assert_eq!(rig.mode(), Mode::Follow);
    until_finished(&mut rig, second);
    assert!(rig.hold_q().max_abs_diff(&goal) < 1e-9);
    assert!(!rig.has(|r| matches!(r, Report::Fault { .. } | Report::Stopped { .. })), "{:?}", rig.reports);
    check_differences(&arm, &rig.commands);
}

#[test]
fn a_trajectory_that_sets_out_from_rest_is_gone_from_its_beginning_however_late_it_came() {
    let arm = arm();
    let took = [0, 30].map(|late_ms| {
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        rig.follow(reach(&arm, &home, 0.6, 2.0));
        rig.ticks(900);
        let back = reach(&arm, &rig.hold_q(), -0.4, 2.0);
        let stamp = Time::from_nanos(rig.now.as_nanos() - late_ms * 1_000_000);
        let second = rig.submit_at(stamp, Motion::Follow(back)).expect("fine");
        rig.tick();
        assert!(rig.has(|r| *r == Report::Started(second)), "{:?}", rig.reports);
        until_finished(&mut rig, second)
    });
    assert!(took[0].abs_diff(took[1]) <= 2, "{took:?} ticks");
}

#[test]
fn a_trajectory_that_goes_on_as_the_arm_moves_is_joined_without_leaving_the_way() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let way = reach(&arm, &home, 0.8, 2.0);
    rig.follow(way.clone());
    rig.ticks(700);
    // Planned for where the arm is going to be in a fifth of a second.
    let ahead = rig.now + Duration::from_millis(200);
    let passed = {
        let (q, mut s) = (rig.hold_q(), 0.0);
        while way.sample(s).q[0] < q[0] {
            s += 1e-4;
        }
        s
    };
    let next = rest_of(&rig, &way, passed + 0.2);
    let goal = end(&next);
    let lease = rig.lease.as_mut().expect("claimed");
    let order = lease.order(rig.now, Motion::Follow(next));
    let order = Order { valid_from: ahead, expires: ahead + Duration::from_secs(1), ..order };
    let id = rig.handle.submit(order).expect("a fine order");
    rig.ticks(199);
    assert!(!rig.has(|r| *r == Report::Started(id)), "its time has not come");
    rig.tick();
    rig.tick();
    assert!(rig.has(|r| *r == Report::Started(id)), "{:?}", rig.reports);
    let mut off = 0.0f64;
    while !rig.has(|r| *r == Report::Finished(id)) {
        let c = rig.tick();
        // Every joint goes as far: what differs from joint 0 has left the way.
        off = off.max((0..N).fold(0.0, |m: f64, j| m.max(((c.q[j] - home[j]) - (c.q[0] - home[0])).abs())));
        assert!(rig.mode() == Mode::Follow || rig.mode() == Mode::Hold);
    }
    assert!(off < 1e-6, "{off} rad off the way");
    assert!(rig.hold_q().max_abs_diff(&goal) < 1e-9);
    check_differences(&arm, &rig.commands);
}

#[test]
fn a_trajectory_that_finds_no_way_over_begins_when_the_arm_has_slowed_down_for_it() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    // As fast as may be, and back within a third of a second.
    rig.follow(reach(&arm, &home, 0.9, 0.9));
    rig.ticks(430);
    let speed = fastest(&rig);
    let back = reach(&arm, &rig.hold_q(), -0.05, 0.4);
    let goal = end(&back);
    let id = rig.follow(back);
    rig.tick();
    assert!(!rig.has(|r| *r == Report::Started(id)), "not from {speed} rad/s");
    rig.ticks(100);
    assert!(fastest(&rig) < 0.7 * speed, "it slows down along its way");
    until_finished(&mut rig, id);
    assert!(rig.hold_q().max_abs_diff(&goal) < 1e-9);
    check_differences(&arm, &rig.commands);
}

#[test]
fn a_trajectory_takes_over_from_velocities_and_targets() {
    let arm = arm();
    for motion in [
        Motion::Velocity(JointVector::from_fn(N, |j| if j % 2 == 0 { 0.3 } else { -0.2 })),
        Motion::Joints(JointVector::from_fn(N, |j| arm.home()[j] + 0.8)),
    ] {
        let mut rig = Rig::active(arm.clone());
        for _ in 0..10 {
            rig.submit(motion.clone()).expect("a fine motion");
            rig.ticks(50);
        }
        assert!(fastest(&rig) > 0.1);
        let next = reach(&arm, &rig.hold_q(), 0.3, 1.5);
        let goal = end(&next);
        let id = rig.follow(next);
        until_finished(&mut rig, id);
        assert!(rig.hold_q().max_abs_diff(&goal) < 1e-9);
        assert!(!rig.has(|r| matches!(r, Report::Fault { .. })), "{:?}", rig.reports);
        check_differences(&arm, &rig.commands);
    }
}

#[test]
fn from_rest_a_trajectory_may_begin_with_a_motion() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let way = reach(&arm, &home, 0.8, 2.5);
    // Before that the arm would have moved by a hundredth.
    let s = (0..2500).map(|k| 1e-3 * f64::from(k)).find(|s| way.sample(*s).q[0] > home[0] + 0.015);
    let id = rig.follow(rest_of(&rig, &way, s.expect("it moves")));
    until_finished(&mut rig, id);
    assert!(rig.hold_q().max_abs_diff(&end(&way)) < 1e-9);
    check_differences(&arm, &rig.commands);
}

#[test]
fn b13_a_trajectory_that_begins_where_the_arm_was_not_is_refused_and_what_moves_goes_on() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let way = reach(&arm, &home, 0.8, 2.0);
    let goal = end(&way);
    let id = rig.follow(way);
    rig.ticks(900);
    // Where it was long before; and somewhere else.
    let then = rig.now;
    rig.ticks(80);
    let away = JointVector::from_fn(N, |j| rig.hold_q()[j] + if j == 2 { 0.2 } else { 0.0 });
    for (stamp, from) in [(then, home), (rig.now, away)] {
        rig.reports.clear();
        rig.submit_at(stamp, Motion::Follow(reach(&arm, &from, 0.1, 1.0))).expect("well-formed");
        rig.tick();
        assert!(refused(&rig, RefusedWhy::StartsElsewhere), "B13: {:?}", rig.reports);
    }
    until_finished(&mut rig, id);
    assert!(rig.hold_q().max_abs_diff(&goal) < 1e-9);
    check_differences(&arm, &rig.commands);
}

#[test]
fn b13_where_the_arm_was_long_ago_or_before_a_stop_is_no_place_to_begin() {
    let arm = arm();
    for stopped in [false, true] {
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        let then = rig.now;
        let id = rig.follow(reach(&arm, &home, 0.3, 0.5));
        until_finished(&mut rig, id);
        if stopped {
            rig.handle.stop(StopCategory::Two);
            rig.ticks(10);
        } else {
            rig.ticks(600);
        }
        let from = rig.hold_q();
        let stamp = if stopped { Time::from_secs_f64(rig.now.as_secs_f64() - 0.4) } else { then };
        let lease = rig.lease.take();
        let mut lease = match lease {
            Some(lease) => lease,
            None => rig.handle.claim(rig.now, Owner::Planner, Groups::All, None).expect("sent"),
        };
        let order = lease.order(stamp, Motion::Follow(reach(&arm, &home, 0.1, 1.0)));
        let order = Order { expires: rig.now + Duration::from_secs(1), ..order };
        rig.handle.submit(order).expect("well-formed");
        rig.lease = Some(lease);
        rig.ticks(300);
        assert!(refused(&rig, RefusedWhy::StartsElsewhere), "B13: {:?}", rig.reports);
        assert!(rig.hold_q().max_abs_diff(&from) < 1e-12, "it has not moved");
    }
}

#[test]
fn a_trajectory_that_waits_while_a_velocity_runs_out_begins_and_nobody_is_missed() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    for _ in 0..8 {
        rig.submit(Motion::Velocity(JointVector::from_fn(N, |_| 1.0))).expect("a fine motion");
        rig.ticks(80);
    }
    assert!(fastest(&rig) > 0.8);
    // So short a way that there is no way over at this speed.
    let here = rig.hold_q();
    let id = rig.follow(reach(&arm, &here, -0.02, 0.4));
    until_finished(&mut rig, id);
    assert!(!rig.has(|r| matches!(r, Report::Fault { .. } | Report::Lost(_))), "{:?}", rig.reports);
    check_differences(&arm, &rig.commands);
}

#[test]
fn the_tool_is_no_faster_than_it_may_be_while_one_goes_over_into_another() {
    let arm = arm();
    let slow = Config { tool_speed_m_s: 0.2, ..Config::default() };
    let mut rig = Rig::active_with(arm.clone(), slow);
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.7, 1.5));
    rig.ticks(1200);
    let back = reach(&arm, &rig.hold_q(), -0.5, 1.2);
    let id = rig.follow(back);
    let mut data = mechanics::ArmData::new(&arm);
    let mut tool = |q: &JointVector| mechanics::tool_pose(&arm, &mut data, q).isometry().translation.vector;
    let (mut last, mut most) = (tool(&rig.hold_q()), 0.0f64);
    while !rig.has(|r| *r == Report::Finished(id)) {
        let here = tool(&rig.tick().q);
        most = most.max((here - last).norm() / 1e-3);
        last = here;
    }
    assert!(most < 0.22, "{most} m/s");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_takes_over_from_whatever_every_command_keeps_every_limit(
        first in proptest::collection::vec(-1.0f64..1.0, 7..21),
        second in proptest::collection::vec(-1.0f64..1.0, 7..21),
        shares in (0.1f64..1.0, 0.1f64..1.0),
        at in 1usize..900,
        slow in prop_oneof![Just(1.0), 0.05f64..1.0],
    ) {
        let arm = arm();
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        rig.follow(wiggle(&arm, &home, &first, shares.0));
        rig.ticks(at);
        let next = wiggle(&arm, &rig.hold_q(), &second, shares.1);
        let goal = end(&next);
        let id = rig.follow(next);
        rig.handle.slow(slow);
        rig.ticks(200);
        rig.handle.slow(1.0);
        let is_over = |rig: &Rig| rig.has(|r| {
            *r == Report::Finished(id) || matches!(r, Report::Refused { id: Some(i), .. } if *i == id)
        });
        for _ in 0..20_000 {
            if is_over(&rig) {
                break;
            }
            rig.tick();
        }
        prop_assert!(rig.has(|r| *r == Report::Finished(id)), "{:?}", rig.reports);
        prop_assert!(rig.hold_q().max_abs_diff(&goal) < 1e-9);
        prop_assert!(!rig.has(|r| matches!(r, Report::Stopped { .. })), "{:?}", rig.reports);
        check_differences(&arm, &rig.commands);
    }
}
