//! What the core does when asked, and when things go wrong.

use crate::common::{GRIP_SPEED, N, Rig, TICK, arm, check_differences, reach};
use control::{Cause, Config, Mode, Motion, RefusedWhy, Report, Request};
use std::time::Duration;
use types::{Fault, GripperCommand, JointState, JointVector, StopCategory, Time};

fn refused(rig: &Rig, request: Request, why: RefusedWhy) -> bool {
    rig.has(|r| matches!(r, Report::Refused { request: q, why: w, .. } if *q == request && *w == why))
}

#[test]
fn i3_the_first_command_after_any_activation_equals_the_measured_state() {
    let mut rig = Rig::new(arm());
    for turn in 0..3 {
        rig.state.q = JointVector::from_fn(N, |i| 0.1 * (turn as f64) + 0.05 * i as f64);
        let q = rig.state.q;
        assert!(!rig.tick().enabled);
        rig.handle.activate(rig.now).expect("sent");
        let first = rig.tick();
        assert!(first.enabled && first.q.max_abs_diff(&q) <= 1e-6, "I3");
        assert!(first.dq.iter().all(|v| *v == 0.0));
        rig.ticks(3);
        rig.handle.disarm(rig.now).expect("sent");
        rig.tick();
        rig.until(Mode::Disarmed);
    }
    check_differences(&arm(), &rig.commands);
}

#[test]
fn a_motion_runs_from_hold_to_its_end_and_is_reported() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let id = rig.follow(reach(&arm, &home, 0.3, 1.0));
    rig.ticks(500);
    let status = rig.handle.status();
    assert_eq!((status.mode, status.active), (Mode::Follow, Some(id)));
    assert!((status.progress - 0.5).abs() < 0.02 && status.measured.is_some(), "{status:?}");
    rig.until(Mode::Hold);
    assert_eq!(rig.reports.iter().filter(|r| **r == Report::Started(id)).count(), 1);
    assert_eq!(rig.reports.iter().filter(|r| **r == Report::Finished(id)).count(), 1);
    assert!((rig.hold_q()[3] - home[3] - 0.3).abs() < 1e-12);
    assert!(rig.trace().len() > 90, "traced at 100 Hz");
    assert_eq!(rig.handle.dropped(), (0, 0));
}

#[test]
fn b11_a_target_that_is_the_present_place_is_done_without_motion() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let id = rig.follow(reach(&arm, &home, 0.0, 0.5));
    rig.tick();
    rig.until(Mode::Hold);
    assert!(rig.has(|r| *r == Report::Finished(id)));
    assert!(rig.commands.iter().all(|c| c.q.max_abs_diff(&home) < 1e-12));
}

#[test]
fn b13_a_motion_that_starts_elsewhere_is_refused() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let away = JointVector::from_fn(N, |i| home[i] + 0.03);
    rig.follow(reach(&arm, &away, 0.3, 1.0));
    rig.tick();
    assert!(refused(&rig, Request::Follow, RefusedWhy::StartsElsewhere));
    assert_eq!(rig.mode(), Mode::Hold);
}

#[test]
fn nothing_moves_and_no_gripper_answers_without_power() {
    let arm = arm();
    let mut rig = Rig::new(arm.clone());
    rig.tick();
    let home = rig.state.q;
    rig.follow(reach(&arm, &home, 0.3, 1.0));
    rig.submit(Motion::Grip(GripperCommand { width_m: 0.0, force_n: 10.0 })).expect("well-formed");
    rig.submit(Motion::Hold).expect("sent");
    rig.handle.disarm(rig.now).expect("sent");
    rig.handle.reset(rig.now).expect("sent");
    rig.tick();
    for request in [Request::Follow, Request::Grip, Request::Hold, Request::Disarm] {
        assert!(refused(&rig, request, RefusedWhy::Disarmed), "I7: {request:?} {:?}", rig.reports);
    }
    assert!(refused(&rig, Request::Reset, RefusedWhy::NotLatched));
    assert!(rig.commands.iter().all(|c| !c.enabled));
}

#[test]
fn i6_a_stop_that_will_latch_is_reset_once_the_arm_rests_and_not_before() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.8, 1.5));
    rig.ticks(600);
    rig.handle.stop(StopCategory::One);
    rig.tick();
    assert_eq!(rig.mode(), Mode::Stopping(StopCategory::One));
    rig.handle.reset(rig.now).expect("sent");
    rig.tick();
    assert!(refused(&rig, Request::Reset, RefusedWhy::Busy), "{:?}", rig.reports);
    rig.until(Mode::Fault { powered: false });
    rig.handle.reset(rig.now).expect("sent");
    rig.tick();
    assert_eq!(rig.mode(), Mode::Disarmed);
    // A stop that does not latch is none to be reset.
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.8, 1.5));
    rig.ticks(600);
    rig.handle.stop(StopCategory::Two);
    rig.handle.reset(rig.now).expect("sent");
    rig.ticks(2);
    assert!(refused(&rig, Request::Reset, RefusedWhy::NotLatched), "{:?}", rig.reports);
}

#[test]
fn activating_twice_moving_or_blind_is_refused() {
    let mut rig = Rig::active(arm());
    rig.handle.activate(rig.now).expect("sent");
    rig.tick();
    assert!(refused(&rig, Request::Activate, RefusedWhy::AlreadyActive));

    let mut rig = Rig::new(arm());
    rig.handle.activate(rig.now).expect("sent");
    rig.tick_with(None);
    assert!(refused(&rig, Request::Activate, RefusedWhy::NoState));
    let moving = JointState { dq: JointVector::from_fn(N, |_| 0.2), stamp: rig.now + TICK, ..rig.state };
    rig.handle.activate(rig.now).expect("sent");
    rig.tick_with(Some(moving));
    assert!(refused(&rig, Request::Activate, RefusedWhy::Moving));
    let beyond = JointState { q: JointVector::from_fn(N, |_| 2.9), stamp: rig.now + TICK, ..rig.state };
    rig.handle.activate(rig.now).expect("sent");
    rig.tick_with(Some(beyond));
    assert!(refused(&rig, Request::Activate, RefusedWhy::BeyondLimits));
    assert_eq!(rig.mode(), Mode::Disarmed);
}

#[test]
fn b22_requests_from_the_past_or_the_future_are_refused() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let stale = Time::from_nanos(rig.now.as_nanos() - 100_000_000);
    rig.submit_at(stale, Motion::Follow(reach(&arm, &home, 0.3, 1.0))).expect("sent");
    rig.submit_at(rig.now + Duration::from_secs(1), Motion::Hold).expect("sent");
    rig.tick();
    assert!(refused(&rig, Request::Follow, RefusedWhy::Stale));
    assert!(refused(&rig, Request::Hold, RefusedWhy::FromFuture));
    for bad in [i64::MIN, -1, i64::MAX] {
        let e = rig.handle.activate(Time::from_nanos(bad)).expect_err("no time");
        assert_eq!(e.field, "stamp");
    }
    assert_eq!(rig.mode(), Mode::Hold);
}

#[test]
fn a_stop_of_category_two_holds_and_the_next_motion_is_welcome() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let id = rig.follow(reach(&arm, &home, 0.8, 1.5));
    rig.ticks(400);
    rig.handle.stop(StopCategory::Two);
    rig.tick();
    assert_eq!(rig.mode(), Mode::Stopping(StopCategory::Two));
    rig.until(Mode::Hold);
    let want = Report::Stopped { id: Some(id), cause: Cause::StopRequested, category: StopCategory::Two };
    assert!(rig.has(|r| *r == want), "{:?}", rig.reports);
    let here = rig.hold_q();
    rig.follow(reach(&arm, &here, -0.2, 1.0));
    rig.tick();
    assert_eq!(rig.mode(), Mode::Follow);
    let hold = rig.submit(Motion::Hold).expect("sent");
    rig.tick();
    rig.until(Mode::Hold);
    assert!(rig.has(|r| *r == Report::Finished(hold)));
    // A stop that comes in the same tick as a motion is not lost.
    let here = rig.hold_q();
    rig.follow(reach(&arm, &here, -0.2, 1.0));
    rig.handle.stop(StopCategory::Two);
    rig.tick();
    rig.until(Mode::Hold);
    assert!(rig.hold_q().max_abs_diff(&here) < 1e-9);
    check_differences(&arm, &rig.commands);
}

#[test]
fn i6_an_emergency_stop_stays_latched_until_reset() {
    let arm = arm();
    for category in [StopCategory::One, StopCategory::Zero] {
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        rig.follow(reach(&arm, &home, 0.8, 1.5));
        rig.ticks(400);
        rig.handle.stop_flag().stop(category);
        rig.handle.stop(StopCategory::Two);
        let next = rig.tick();
        assert_eq!(next.enabled, category == StopCategory::One, "category zero cuts the power at once");
        rig.until(Mode::Fault { powered: false });
        rig.handle.activate(rig.now).expect("sent");
        rig.follow(reach(&arm, &home, 0.0, 1.0));
        rig.ticks(2);
        assert!(refused(&rig, Request::Activate, RefusedWhy::Latched));
        assert!(refused(&rig, Request::Follow, RefusedWhy::Latched));
        rig.handle.reset(rig.now).expect("sent");
        rig.tick();
        assert_eq!(rig.mode(), Mode::Disarmed);
        check_differences(&arm, &rig.commands);
    }
}

#[test]
fn f1_a_silent_owner_stops_its_motion_and_latches() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.8, 2.0));
    rig.ticks(300);
    rig.alive = false;
    // A sign of life from the future is none.
    let lease = rig.lease.take().expect("claimed");
    rig.handle.keep_alive(&lease, rig.now + Duration::from_secs(3600));
    let n = rig.until(Mode::Stopping(StopCategory::Two));
    assert!((199..=202).contains(&n), "{n} ms");
    rig.until(Mode::Fault { powered: true });
    assert!(rig.has(|r| *r == Report::Fault { fault: Fault::F1InputSilent, latched: true }));
    rig.handle.reset(rig.now).expect("sent");
    rig.tick();
    assert_eq!(rig.mode(), Mode::Hold);
    check_differences(&arm, &rig.commands);
}

#[test]
fn f12_an_encoder_that_gives_no_number_stops_the_arm_and_latches() {
    let arm = arm();
    for bad in [f64::NAN, f64::INFINITY, 1e308, 99.0] {
        for at in [1, 250, 500, 900] {
            let mut rig = Rig::active(arm.clone());
            let home = rig.hold_q();
            rig.follow(reach(&arm, &home, 0.8, 1.5));
            rig.ticks(at);
            let mut lie = JointState { stamp: rig.now + TICK, ..rig.state };
            lie.q[3] = bad;
            rig.tick_with(Some(lie));
            assert_eq!(rig.mode(), Mode::Stopping(StopCategory::One), "same tick");
            rig.until(Mode::Fault { powered: false });
            assert!(rig.has(|r| *r == Report::Fault { fault: Fault::F12EncoderInvalid, latched: true }));
            check_differences(&arm, &rig.commands);
            rig.ticks(2);
            rig.handle.reset(rig.now).expect("sent");
            rig.tick();
            assert_eq!(rig.mode(), Mode::Disarmed);
        }
    }
}

#[test]
fn b7_a_state_of_another_robot_stops_the_arm_like_an_encoder_that_lies() {
    let mut rig = Rig::active(arm());
    for n in [0, 3, 8, 16] {
        let other = JointState { q: JointVector::zeros(n), stamp: rig.now + TICK, ..rig.state };
        rig.tick_with(Some(other));
        assert_eq!(rig.mode(), Mode::Fault { powered: false });
    }
    assert!(refused(&rig, Request::State, RefusedWhy::Invalid));
}

#[test]
fn f17_a_joint_that_does_not_follow_stops_all_joints_and_latches() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.8, 1.5));
    let mut lagging = 0;
    for _ in 0..1500 {
        let mut stuck = JointState { stamp: rig.now + TICK, ..rig.state };
        // A dead motor gives no torque, and its encoder still trembles.
        stuck.q[2] = home[2] + 1e-6 * libm::sin(f64::from(lagging + 1) * stuck.stamp.as_secs_f64());
        stuck.dq[2] = 0.0;
        stuck.tau[2] = 0.0;
        rig.tick_with(Some(stuck));
        let is_lagging = rig.commands.last().is_some_and(|c| (c.q[2] - home[2]).abs() > 0.1);
        lagging += i32::from(is_lagging && rig.mode() == Mode::Follow);
        if rig.mode() == (Mode::Fault { powered: true }) {
            break;
        }
    }
    assert!((19..=23).contains(&lagging), "{lagging} ms beyond the error allowed");
    assert!(rig.has(|r| *r == Report::Fault { fault: Fault::F17FollowingError, latched: true }));
    check_differences(&arm, &rig.commands);
}

#[test]
fn f22_up_to_twenty_missing_states_are_bridged_and_more_stop_the_arm() {
    let arm = arm();
    for (gap, ends) in [(1, Mode::Follow), (20, Mode::Follow), (21, Mode::Stopping(StopCategory::Two))] {
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        rig.follow(reach(&arm, &home, 0.8, 1.5));
        rig.ticks(400);
        for _ in 0..gap {
            rig.tick_with(None);
        }
        assert_eq!(rig.mode(), ends, "{gap}");
        rig.ticks(200);
        rig.until(Mode::Hold);
        check_differences(&arm, &rig.commands);
        let cut = rig.has(|r| matches!(r, Report::Stopped { cause: Cause::StateMissing, .. }));
        assert_eq!(cut, gap > 20);
    }
}

#[test]
fn a_state_with_an_old_stamp_counts_as_missing() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.8, 1.5));
    rig.ticks(100);
    let old = JointState { stamp: rig.now, ..rig.state };
    for _ in 0..60 {
        rig.tick_with(Some(old));
    }
    assert_eq!(rig.mode(), Mode::Stopping(StopCategory::Two));
}

#[test]
fn f25_a_late_loop_takes_one_bounded_step_and_stops_when_it_is_late_too_often() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.8, 3.0));
    rig.ticks(700);
    for late in 1..=6 {
        let before = rig.commands[rig.commands.len() - 1];
        let now = rig.now + Duration::from_millis(50);
        let c = rig.tick_at(now, Some(JointState { stamp: now, ..rig.state }));
        for i in 0..N {
            assert!((c.q[i] - before.q[i]).abs() <= 0.001 * arm.limits()[i].velocity, "one bounded step");
        }
        let want = if late <= 5 { Mode::Follow } else { Mode::Stopping(StopCategory::Two) };
        assert_eq!(rig.mode(), want, "overrun {late}");
        rig.ticks(40);
    }
    rig.until(Mode::Hold);
    assert!(rig.has(|r| *r == Report::Fault { fault: Fault::F25LoopOverrun, latched: false }));
    assert_eq!(rig.reports.iter().filter(|r| matches!(r, Report::Overrun { .. })).count(), 6);
}

#[test]
fn f27_a_time_that_goes_back_or_stands_still_moves_nothing() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.8, 1.5));
    rig.ticks(400);
    let last = rig.commands[rig.commands.len() - 1];
    for now in [0, -1, i64::MIN, rig.now.as_nanos(), rig.now.as_nanos() - 3_600_000_000_000, i64::MAX] {
        let state = JointState { stamp: Time::from_nanos(now), ..rig.state };
        assert_eq!(types::seams::Controller::tick(&mut rig.core, Time::from_nanos(now), Some(&state)), last);
    }
    rig.ticks(5);
    assert_eq!(rig.mode(), Mode::Follow);
    check_differences(&arm, &rig.commands);
}

#[test]
fn ticks_of_uneven_length_follow_the_same_path_in_the_same_time() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.8, 1.5));
    rig.tick();
    let began = rig.now;
    for k in 0..4000_u64 {
        let now = rig.now + Duration::from_micros(200 + 1370 * (k % 5));
        let before = rig.commands[rig.commands.len() - 1];
        let c = rig.tick_at(now, Some(JointState { stamp: now, ..rig.state }));
        let dt = c.stamp.secs_since(before.stamp);
        for (i, l) in arm.limits().iter().enumerate() {
            assert!((c.q[i] - before.q[i]).abs() <= l.velocity * dt * 1.001);
            assert!((c.dq[i] - before.dq[i]).abs() <= l.acceleration * dt * 1.001);
            assert!((c.ddq[i] - before.ddq[i]).abs() <= l.jerk * dt * 1.001);
        }
        if rig.mode() == Mode::Hold {
            break;
        }
    }
    let took = rig.now.secs_since(began);
    assert!((took - 1.5).abs() < 0.02, "{took} s");
}

#[test]
fn the_gripper_moves_at_its_speed_and_refuses_what_is_no_width() {
    let mut rig = Rig::active(arm());
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.01, 0.09, 1e308];
    for v in bad {
        let width = rig.submit(Motion::Grip(GripperCommand { width_m: v, force_n: 10.0 }));
        assert_eq!(width.expect_err("B1–B6").field, "gripper.width_m");
        let force = rig.submit(Motion::Grip(GripperCommand { width_m: 0.01, force_n: v * 1e4 }));
        assert_eq!(force.expect_err("B1–B6").field, "gripper.force_n");
    }
    rig.submit(Motion::Grip(GripperCommand { width_m: 0.0, force_n: 10.0 })).expect("fine");
    rig.ticks(200);
    let c = rig.commands[rig.commands.len() - 1];
    // But for the time that it takes to be that fast.
    let behind = c.gripper.width_m - (0.04 - 0.2 * GRIP_SPEED);
    assert!((0.0..2e-3).contains(&behind) && c.gripper.force_n == 10.0, "{behind}");
    rig.handle.stop(StopCategory::Two);
    rig.ticks(100);
    let held = rig.commands[rig.commands.len() - 1].gripper;
    assert!((held.width_m - c.gripper.width_m).abs() < 2e-3 && held.force_n == 10.0, "it keeps its grip");
}

#[test]
fn b15_absurd_settings_are_refused_by_name() {
    type Change = fn(&mut Config, f64);
    let fields: [(&str, Change); 11] = [
        ("control.kp[2]", |c, v| c.kp = (0..7).map(|i| if i == 2 { v } else { 400.0 }).collect()),
        ("control.kd[6]", |c, v| c.kd = (0..7).map(|i| if i == 6 { v } else { 40.0 }).collect()),
        ("control.period_s", |c, v| c.period_s = v),
        ("control.following_error", |c, v| c.following_error = v),
        ("control.lease_s", |c, v| c.lease_s = v),
        ("control.stream_lease_s", |c, v| c.stream_lease_s = v),
        ("control.tool_speed_m_s", |c, v| c.tool_speed_m_s = v),
        ("control.validity_s", |c, v| c.validity_s = v),
        ("control.rest_speed", |c, v| c.rest_speed = v),
        ("control.torque_trifle", |c, v| c.torque_trifle = v),
        ("control.trace_hz", |c, v| c.trace_hz = v),
    ];
    for (field, change) in fields {
        for bad in [f64::NAN, f64::INFINITY, -1.0, 1e9] {
            let mut config = Config::default();
            change(&mut config, bad);
            let e = control::new(arm(), config).err().unwrap_or_else(|| panic!("{field} = {bad} was taken"));
            assert_eq!(e.field, field);
        }
    }
    let short = Config { kp: vec![400.0; 3], ..Config::default() };
    assert_eq!(control::new(arm(), short).err().map(|e| e.field), Some("control.kp".into()));
}

#[test]
fn a_full_inbox_is_said_and_unpolled_reports_are_counted() {
    let mut rig = Rig::active(arm());
    rig.submit(Motion::Hold).expect("room");
    rig.tick();
    for _ in 0..64 {
        rig.submit(Motion::Hold).expect("room");
    }
    assert_eq!(rig.submit(Motion::Hold).expect_err("full").field, "control.inbox");
    for _ in 0..40 {
        for _ in 0..60 {
            let _ = rig.submit(Motion::Hold);
        }
        rig.now = rig.now + TICK;
        types::seams::Controller::tick(&mut rig.core, rig.now, None);
    }
    assert!(rig.handle.dropped().0 > 0);
}
