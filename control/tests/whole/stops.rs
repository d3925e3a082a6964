//! Stops of every kind, from everything that the arm may be about, and one after another.

use crate::common::{N, Rig, TICK, arm, check_differences, reach};
use control::{Cause, Component, Config, Groups, Mode, Motion, Owner, RefusedWhy, Report, Request};
use std::time::Duration;
use types::{Fault, GripperCommand, JointState, JointVector, StopCategory, Time};

const STOPPING: Mode = Mode::Stopping(StopCategory::Two);

fn modes(rig: &Rig) -> Vec<Mode> {
    let mode = |r: &Report| if let Report::Mode { mode, .. } = r { Some(*mode) } else { None };
    rig.reports.iter().filter_map(mode).collect()
}

fn count(rig: &Rig, wanted: impl Fn(&Report) -> bool) -> usize {
    rig.reports.iter().filter(|r| wanted(r)).count()
}

fn refused(rig: &Rig, request: Request) -> Vec<RefusedWhy> {
    let why = |r: &Report| match r {
        Report::Refused { request: q, why, .. } if *q == request => Some(*why),
        _ => None,
    };
    rig.reports.iter().filter_map(why).collect()
}

/// Latched with power: its owner fell silent under way.
fn latched() -> Rig {
    let mut rig = Rig::active(arm());
    let home = rig.hold_q();
    rig.follow(reach(&rig.arm.clone(), &home, 0.4, 1.5));
    rig.ticks(300);
    rig.alive = false;
    rig.until(Mode::Fault { powered: true });
    rig.alive = true;
    rig.lease = None;
    rig.ticks(2);
    rig.reports.clear();
    rig
}

#[test]
fn a_stop_of_an_arm_at_rest_is_told_and_takes_the_power_away_only_if_it_is_grave() {
    let (off, on) = (Mode::Fault { powered: false }, Mode::Fault { powered: true });
    for (category, disarmed, holds, faulty) in [
        (StopCategory::Two, Mode::Disarmed, Mode::Hold, on),
        (StopCategory::One, off, off, off),
        (StopCategory::Zero, off, off, off),
    ] {
        let mut without = Rig::new(arm());
        without.tick();
        for (mut rig, before, after) in [
            (without, Mode::Disarmed, disarmed),
            (Rig::active(arm()), Mode::Hold, holds),
            (latched(), on, faulty),
        ] {
            rig.reports.clear();
            rig.handle.stop(category);
            rig.tick();
            assert_eq!(rig.mode(), after, "{category:?} from {before:?}");
            let cause =
                if category == StopCategory::Two { Cause::StopRequested } else { Cause::EmergencyStop };
            let told = Report::Stopped { id: None, cause, category };
            assert_eq!(count(&rig, |r| *r == told), 1, "{category:?} from {before:?}: {:?}", rig.reports);
            let edges = if after == before { vec![] } else { vec![after] };
            assert_eq!(modes(&rig), edges, "{category:?} from {before:?}");
            assert_eq!(
                rig.commands[rig.commands.len() - 1].enabled,
                matches!(after, Mode::Hold) || after == on
            );
        }
    }
}

#[test]
fn disarming_ends_without_a_latch_from_hold_and_from_a_motion_and_is_refused_while_latched() {
    for moves in [false, true] {
        let mut rig = Rig::active(arm());
        let home = rig.hold_q();
        if moves {
            rig.follow(reach(&rig.arm.clone(), &home, 0.4, 1.5));
            rig.ticks(300);
        }
        rig.reports.clear();
        rig.handle.disarm(rig.now).expect("sent");
        rig.until(Mode::Disarmed);
        let expected = if moves {
            vec![Mode::Stopping(StopCategory::One), Mode::Disarmed]
        } else {
            vec![Mode::Disarmed]
        };
        assert_eq!(modes(&rig), expected);
        assert!(rig.has(|r| matches!(r, Report::Stopped { cause: Cause::DisarmRequested, .. })));
    }
    let mut rig = latched();
    rig.handle.disarm(rig.now).expect("sent");
    rig.tick();
    assert_eq!(refused(&rig, Request::Disarm), [RefusedWhy::Latched]);
    assert_eq!(rig.mode(), Mode::Fault { powered: true });
    rig.handle.activate(rig.now).expect("sent");
    rig.handle.reset(rig.now).expect("sent");
    rig.tick();
    assert_eq!(refused(&rig, Request::Activate), [RefusedWhy::Latched]);
    assert_eq!(rig.mode(), Mode::Hold);
}

#[test]
fn whatever_stops_the_arm_its_fingers_stop_too_and_every_lease_is_over() {
    let follow = |rig: &mut Rig| {
        let home = rig.hold_q();
        rig.follow(reach(&rig.arm.clone(), &home, 0.4, 1.5));
    };
    let steer = |rig: &mut Rig| {
        rig.submit(Motion::Velocity(JointVector::from_fn(N, |_| 0.2))).expect("fine");
    };
    let begins: [fn(&mut Rig); 3] = [|_| (), follow, steer];
    for begin in begins {
        let mut rig = Rig::active(arm());
        begin(&mut rig);
        rig.submit(Motion::Grip(GripperCommand { width_m: 0.0, force_n: 10.0 })).expect("fine");
        rig.ticks(50);
        let lease = rig.lease.as_ref().expect("claimed").id();
        let width = rig.commands[rig.commands.len() - 1].gripper.width_m;
        assert!(width < 0.037, "{width}");
        rig.handle.stop(StopCategory::Two);
        rig.ticks(80);
        let after = rig.commands[rig.commands.len() - 1].gripper.width_m;
        assert!((after - width).abs() < 3e-3, "{after} after {width}");
        assert_eq!(count(&rig, |r| *r == Report::Lost(lease)), 1);
        rig.until(Mode::Hold);
        rig.submit(Motion::Grip(GripperCommand { width_m: 0.0, force_n: 10.0 })).expect("under a fresh one");
        rig.ticks(10);
        assert!(rig.commands[rig.commands.len() - 1].gripper.width_m < after);
    }
}

#[test]
fn a_fault_that_goes_on_while_the_arm_stops_for_it_is_told_once_and_another_is_told_too() {
    let mut rig = Rig::active(arm());
    let home = rig.hold_q();
    rig.follow(reach(&rig.arm.clone(), &home, 0.8, 1.2));
    rig.ticks(500);
    let panic = |rig: &mut Rig, component| {
        let sentinel = rig.handle.sentinel(component);
        let thread = std::thread::spawn(move || {
            let _kept = sentinel;
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        rig.tick();
    };
    panic(&mut rig, Component::Planner);
    panic(&mut rig, Component::Policy);
    assert_eq!(rig.mode(), STOPPING);
    assert_eq!(count(&rig, |r| matches!(r, Report::Panicked(_))), 2);
    assert_eq!(count(&rig, |r| matches!(r, Report::Fault { fault: Fault::F31ThreadPanic, .. })), 1);
    // A graver one takes over, and stays.
    rig.handle.stop(StopCategory::One);
    rig.tick();
    assert_eq!(rig.mode(), Mode::Stopping(StopCategory::One));
    rig.handle.stop(StopCategory::Two);
    rig.tick();
    rig.until(Mode::Fault { powered: false });
    let told = Report::Stopped {
        id: Some(control::MotionId(1)),
        cause: Cause::EmergencyStop,
        category: StopCategory::One,
    };
    assert!(rig.has(|r| *r == told), "{:?}", rig.reports);
    assert_eq!(
        modes(&rig)[2..],
        [Mode::Follow, STOPPING, Mode::Stopping(StopCategory::One), Mode::Fault { powered: false }]
    );
    check_differences(&rig.arm.clone(), &rig.commands);
}

#[test]
fn f26_a_pause_leaves_a_latched_arm_latched_and_one_that_comes_back_blind_without_power() {
    let mut rig = latched();
    let later = rig.now + Duration::from_secs(2);
    rig.tick_at(later, Some(JointState { stamp: later, ..rig.state }));
    rig.ticks(100);
    assert_eq!(rig.mode(), Mode::Fault { powered: true }, "{:?}", rig.reports);
    let mut rig = Rig::active(arm());
    let home = rig.hold_q();
    rig.follow(reach(&rig.arm.clone(), &home, 0.6, 1.0));
    rig.ticks(400);
    let command = rig.tick_at(rig.now + Duration::from_secs(2), None);
    assert!(!command.enabled);
    assert_eq!(rig.mode(), Mode::Fault { powered: false });
    assert_eq!(count(&rig, |r| *r == Report::Fault { fault: Fault::F26ProcessPaused, latched: true }), 1);
    // One that still moves is stopped from the speed at which it is found.
    let mut rig = Rig::active(arm());
    rig.follow(reach(&rig.arm.clone(), &home, 0.6, 1.0));
    rig.ticks(400);
    let later = rig.now + Duration::from_secs(2);
    let dq = JointVector::from_fn(N, |i| if i == 2 { 0.5 } else { 0.0 });
    let first = rig.tick_at(later, Some(JointState { stamp: later, dq, ..rig.state }));
    assert!((first.dq[2] - 0.5).abs() < 0.02 && first.dq[0].abs() < 1e-9, "{:?}", first.dq);
    rig.until(Mode::Hold);
    assert!(rig.has(|r| *r == Report::Fault { fault: Fault::F26ProcessPaused, latched: false }));
    // Without power a pause is nothing.
    let mut rig = Rig::new(arm());
    rig.ticks(5);
    let later = rig.now + Duration::from_secs(2);
    rig.tick_at(later, Some(JointState { stamp: later, ..rig.state }));
    assert_eq!(rig.mode(), Mode::Disarmed);
    assert!(!rig.has(|r| matches!(r, Report::Fault { .. })), "{:?}", rig.reports);
}

#[test]
fn f24_a_robot_is_gone_after_half_a_second_or_when_it_comes_back_elsewhere() {
    for (ms, off, is_fault) in
        [(100, 0.09, false), (100, 0.11, true), (499, 0.0, false), (502, 0.0, true), (20, 0.0, false)]
    {
        let mut rig = Rig::active(arm());
        for _ in 0..ms {
            let state = rig.state;
            rig.tick_with(None);
            rig.state = state;
        }
        rig.state.q[3] += off;
        let there = rig.state.q;
        for _ in 0..6 {
            let state = JointState { stamp: rig.now + TICK, q: there, ..rig.state };
            rig.tick_with(Some(state));
        }
        let told = count(&rig, |r| *r == Report::Fault { fault: Fault::F24Disconnected, latched: true });
        assert_eq!(told, usize::from(is_fault), "{ms} ms, {off} rad: {:?}", rig.reports);
        let mode = if is_fault { Mode::Fault { powered: false } } else { Mode::Hold };
        assert_eq!(rig.mode(), mode, "{ms} ms, {off} rad");
    }
}

#[test]
fn b22_a_request_may_be_a_tenth_of_a_second_old_and_five_milliseconds_early() {
    let at = |rig: &Rig, by_us: i64| Time::from_nanos(rig.now.as_nanos() + by_us * 1000 + 1_000_000);
    for (by_us, why) in [
        (0, None),
        (-100_000, None),
        (-100_001, Some(RefusedWhy::Stale)),
        (5_000, None),
        (5_001, Some(RefusedWhy::FromFuture)),
    ] {
        let mut rig = Rig::new(arm());
        rig.ticks(200);
        // Each is looked at one tick after it was sent.
        let stamp = at(&rig, by_us);
        rig.handle.activate(stamp).expect("sent");
        rig.tick();
        assert_eq!(refused(&rig, Request::Activate), why.into_iter().collect::<Vec<_>>(), "{by_us} µs");
        let mut rig = Rig::active(arm());
        rig.ticks(200);
        let stamp = at(&rig, by_us);
        rig.handle.disarm(stamp).expect("sent");
        let lease = rig.handle.claim(stamp, Owner::Planner, Groups::All, None).expect("sent");
        rig.handle.release(stamp, &lease).expect("sent");
        rig.tick();
        for request in [Request::Disarm, Request::Claim, Request::Release] {
            assert_eq!(
                refused(&rig, request),
                why.into_iter().collect::<Vec<_>>(),
                "{by_us} µs: {request:?}"
            );
        }
        assert_eq!(rig.has(|r| *r == Report::Granted(lease.id())), why.is_none());
    }
}

#[test]
fn i3_power_comes_to_an_arm_a_millionth_beyond_its_range_and_no_farther_and_slower_than_rest() {
    for (q, dq, why) in [
        (2.8 + 0.9e-6, 0.0, None),
        (2.8 + 1.1e-6, 0.0, Some(RefusedWhy::BeyondLimits)),
        (-2.8 - 0.9e-6, 0.0, None),
        (-2.8 - 1.1e-6, 0.0, Some(RefusedWhy::BeyondLimits)),
        (0.0, 0.05, None),
        (0.0, -0.051, Some(RefusedWhy::Moving)),
    ] {
        let mut rig = Rig::new(arm());
        (rig.state.q[4], rig.state.dq[4]) = (q, dq);
        rig.tick();
        rig.state.dq[4] = dq;
        rig.handle.activate(rig.now).expect("sent");
        let first = rig.tick();
        assert_eq!(refused(&rig, Request::Activate), why.into_iter().collect::<Vec<_>>(), "{q}, {dq}");
        assert_eq!(first.enabled, why.is_none());
        assert!(first.q[4].abs() <= 2.8);
    }
}

#[test]
fn a_reset_of_a_powered_arm_leaves_in_its_fingers_what_they_hold() {
    let mut rig = Rig::active(arm());
    rig.submit(Motion::Grip(GripperCommand { width_m: 0.0, force_n: 10.0 })).expect("fine");
    rig.ticks(500);
    let home = rig.hold_q();
    rig.follow(reach(&rig.arm.clone(), &home, 0.4, 1.5));
    rig.ticks(100);
    rig.alive = false;
    let holds = |rig: &mut Rig| {
        // Something of 30 mm is between the fingers.
        rig.state.gripper.width_m = 0.03;
        rig.tick()
    };
    for _ in 0..1500 {
        holds(&mut rig);
    }
    assert_eq!(rig.mode(), Mode::Fault { powered: true });
    rig.handle.reset(rig.now).expect("sent");
    let command = holds(&mut rig);
    assert_eq!((rig.mode(), command.gripper.width_m, command.gripper.force_n), (Mode::Hold, 0.0, 10.0));
}

#[test]
fn f41_a_line_that_is_heard_of_too_seldom_or_from_the_future_is_open() {
    let config = || Config { stop_line: true, self_test: false, ..Config::default() };
    for (every, by_ms, closed) in [(1, 0, true), (6, 0, true), (7, 0, false), (1, 5, true), (1, 7, false)] {
        let mut rig = Rig::with(arm(), config());
        let line = rig.handle.stop_line();
        let sample = |rig: &mut Rig, k: usize| {
            if k.is_multiple_of(every) {
                line.sample(rig.now + Duration::from_millis(1 + by_ms), true);
            }
            rig.tick();
        };
        for k in 0..60 {
            sample(&mut rig, k);
        }
        rig.handle.activate(rig.now).expect("sent");
        for k in 60..100 {
            sample(&mut rig, k);
        }
        let (mode, why) =
            if closed { (Mode::Hold, vec![]) } else { (Mode::Disarmed, vec![RefusedWhy::LineOpen]) };
        assert_eq!(
            (rig.mode(), refused(&rig, Request::Activate)),
            (mode, why),
            "every {every} ms, {by_ms} ms ahead"
        );
    }
    // Closed for a twentieth of a second, not sooner.
    for (ms, closed) in [(48, false), (51, true)] {
        let mut rig = Rig::with(arm(), config());
        let line = rig.handle.stop_line();
        for k in 0..=ms {
            line.sample(rig.now + TICK, true);
            if k == ms {
                rig.handle.activate(rig.now).expect("sent");
            }
            rig.tick();
        }
        assert_eq!(rig.mode() == Mode::Hold, closed, "{ms} ms");
    }
}

#[test]
fn a_silent_owner_of_the_gripper_loses_it_and_it_stops_where_it_is() {
    let mut rig = Rig::active(arm());
    let mut lease = rig.handle.claim(rig.now, Owner::Script, Groups::Gripper, Some(0.05)).expect("sent");
    let close = lease.order(rig.now, Motion::Grip(GripperCommand { width_m: 0.0, force_n: 10.0 }));
    rig.handle.submit(close).expect("fine");
    rig.ticks(51);
    assert!(!rig.has(|r| *r == Report::Lost(lease.id())));
    rig.ticks(2);
    assert!(rig.has(|r| *r == Report::Lost(lease.id())), "after 50 ms: {:?}", rig.reports);
    let lost_at = rig.commands[rig.commands.len() - 1].gripper.width_m;
    rig.ticks(50);
    let width = rig.commands[rig.commands.len() - 1].gripper.width_m;
    assert!((0.0..3e-3).contains(&(lost_at - width)), "{width} after {lost_at}");
    rig.ticks(100);
    assert_eq!(rig.commands[rig.commands.len() - 1].gripper.width_m, width);
    assert_eq!(rig.mode(), Mode::Hold, "nothing latches");
}

#[test]
fn who_stops_an_arm_that_is_losing_its_power_or_has_none_is_the_cause_that_is_told() {
    for cause in [Cause::StopRequested, Cause::DisarmRequested] {
        // Nothing is read for a moment while it proves itself: at once, and when its power is gone.
        for ticks in [22, 60] {
            let mut rig = Rig::new(arm());
            rig.tick();
            rig.handle.activate(rig.now).expect("sent");
            rig.ticks(100);
            assert_eq!(rig.mode(), Mode::Proving);
            (0..ticks).for_each(|_| _ = rig.tick_with(None));
            assert_eq!(rig.handle.status().cause, Cause::StateMissing);
            match cause {
                Cause::StopRequested => rig.handle.stop(StopCategory::Two),
                _ => rig.handle.disarm(rig.now).expect("sent"),
            }
            rig.ticks(200);
            let status = rig.handle.status();
            assert_eq!((status.mode, status.cause), (Mode::Disarmed, cause), "after {ticks} ticks");
        }
    }
}
