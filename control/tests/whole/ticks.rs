//! What one tick says: its torques, its times, what is traced and counted of it, and when it is late.

use crate::common::{N, Rig, TICK, arm, arm_with, reach};
use control::{Cause, Config, LimitKind, Mode, Motion, Report, Watchdog};
use mechanics::{ArmData, inverse_dynamics};
use std::time::Duration;
use types::seams::Controller;
use types::{Drive, Fault, JointState, JointVector, StopCategory, Time};

#[test]
fn the_torques_are_those_that_the_model_needs_and_that_take_the_error_away() {
    let (kp, kd) = (|i: usize| 100.0 + 10.0 * i as f64, |i: usize| 15.0 + i as f64);
    let list = |f: fn(usize) -> f64| (0..N).map(f).collect::<Vec<_>>();
    let arm = arm();
    let config = Config { kp: list(kp), kd: list(kd), ..Config::default() };
    let mut rig = Rig::active_with(arm.clone(), config);
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.6, 1.5));
    let mut data = ArmData::new(&arm);
    let (mut compared, mut last) = (0, JointVector::zeros(N));
    for k in 0..2000 {
        // It lags by a little in every joint, and so slowly that its torques need not leap.
        let part = f64::from(k.min(500)) / 500.0;
        let mut state = JointState { stamp: rig.now + TICK, ..rig.state };
        for i in 0..N {
            state.q[i] -= part * 2e-3 * (1.0 + i as f64);
            state.dq[i] += part * 5e-3 * (1.0 - 0.5 * i as f64);
        }
        let c = rig.tick_with(Some(state));
        let off = |i: usize| (c.q[i] - state.q[i], c.dq[i] - state.dq[i]);
        let ddq = JointVector::from_fn(N, |i| c.ddq[i] + kp(i) * off(i).0 + kd(i) * off(i).1);
        let mut tau = JointVector::zeros(N);
        inverse_dynamics(&arm, &mut data, &state.q, &state.dq, &ddq, state.gripper.width_m, &mut tau);
        for i in 0..N {
            // Its damping is carried at the speed that takes the error away.
            tau[i] += 0.1 * (off(i).1 + kp(i).sqrt() * off(i).0);
            if (tau[i] - last[i]).abs() < 0.9 {
                assert!((c.tau[i] - tau[i]).abs() < 1e-9, "{k}: joint {i}: {} N·m, not {}", c.tau[i], tau[i]);
                compared += 1;
            }
        }
        last = c.tau;
    }
    assert!(compared > 13_000, "{compared}");
    assert_eq!(rig.mode(), Mode::Hold, "{:?}", rig.reports);
}

#[test]
fn a_command_counts_for_as_long_as_the_loop_may_be_late_and_five_ticks() {
    let mut rig = Rig::active(arm());
    let command = rig.tick();
    assert_eq!(command.expires, command.stamp + Duration::from_millis(25));
    assert!(rig.core.is_enabled());
    let ticks = rig.handle.status().ticks;
    rig.ticks(10);
    assert_eq!(rig.handle.status().ticks, ticks + 10);
    rig.handle.stop(StopCategory::Zero);
    rig.tick();
    assert!(!rig.core.is_enabled());
}

#[test]
fn a_sample_is_traced_a_hundred_times_a_second_and_says_what_was_told_and_measured() {
    let mut rig = Rig::active(arm());
    rig.ticks(20);
    rig.trace();
    let begun = rig.now;
    let home = rig.hold_q();
    rig.follow(reach(&rig.arm.clone(), &home, 0.2, 0.8));
    let mut measured = vec![];
    for _ in 0..200 {
        measured.push((rig.now + TICK, rig.state));
        rig.tick();
    }
    let samples = rig.trace();
    assert_eq!(samples.len(), 20);
    for pair in samples.windows(2) {
        assert_eq!(pair[1].stamp, pair[0].stamp + Duration::from_millis(10));
    }
    for sample in samples {
        assert!(sample.stamp > begun && sample.enabled);
        let told = rig.commands.iter().find(|c| c.stamp == sample.stamp).expect("a tick");
        assert_eq!((sample.q, sample.dq, sample.ddq, sample.tau), (told.q, told.dq, told.ddq, told.tau));
        let (_, state) = measured.iter().find(|(stamp, _)| *stamp == sample.stamp).expect("a tick");
        assert_eq!(
            (sample.measured_q, sample.measured_dq, sample.measured_tau),
            (state.q, state.dq, state.tau)
        );
    }
}

#[test]
fn time_begins_with_the_clock_and_ends_in_a_hundred_years() {
    for (at, ticks) in [(Time::ZERO, 1), (Time::MAX, 1), (Time::from_nanos(-1), 0), (Time::MAX + TICK, 0)] {
        let mut rig = Rig::new(arm());
        rig.core.tick(at, Some(&JointState { stamp: at, ..rig.state }));
        assert_eq!(rig.handle.status().ticks, ticks, "{at:?}");
    }
}

/// Holding, and late again and again: by so much, after so many ticks each.
fn late(max_overruns: u32, gap_ms: u64, every: usize, times: usize) -> (Rig, Vec<Mode>) {
    let mut rig = Rig::active_with(arm(), Config { max_overruns, ..Config::default() });
    let home = rig.hold_q();
    rig.handle.slow(0.05);
    rig.follow(reach(&rig.arm.clone(), &home, 0.5, 5.0));
    rig.ticks(200);
    let mut modes = vec![];
    for _ in 0..times {
        let now = rig.now + Duration::from_millis(gap_ms);
        rig.tick_at(now, Some(JointState { stamp: now, ..rig.state }));
        modes.push(rig.mode());
        rig.ticks(every);
    }
    (rig, modes)
}

#[test]
fn f25_more_overruns_than_allowed_within_one_second_stop_the_arm_and_no_fewer() {
    let overruns = |rig: &Rig| rig.reports.iter().filter(|r| matches!(r, Report::Overrun { .. })).count();
    let stopped = Mode::Stopping(StopCategory::Two);
    // Twenty milliseconds are in time.
    let (rig, modes) = late(1, 20, 5, 4);
    assert!(overruns(&rig) == 0 && modes.iter().all(|m| *m == Mode::Follow));
    // Four within one second, to the last of it.
    let (rig, modes) = late(3, 30, 300, 4);
    assert_eq!((overruns(&rig), modes[2], modes[3]), (4, Mode::Follow, stopped), "the fourth after 0.99 s");
    assert!(rig.has(|r| *r == Report::Fault { fault: Fault::F25LoopOverrun, latched: false }));
    let (_, modes) = late(2, 30, 470, 3);
    assert_eq!(modes[2], stopped, "1.000 s");
    let (_, modes) = late(2, 30, 471, 12);
    assert!(modes.iter().all(|m| *m == Mode::Follow), "1.002 s: {modes:?}");
    // More than are remembered, never too many at a time.
    let (rig, modes) = late(3, 30, 320, 70);
    assert!(modes.iter().all(|m| *m == Mode::Follow) && overruns(&rig) == 70, "{:?}", rig.reports);
    let (_, modes) = late(47, 21, 0, 48);
    assert!(modes[..47].iter().all(|m| *m == Mode::Follow) && modes[47] == stopped);
    // A tenth of a second is late; more is a pause, of which once is enough.
    let (rig, modes) = late(5, 100, 5, 1);
    assert!(modes[0] == Mode::Follow && overruns(&rig) == 1);
    let (rig, modes) = late(5, 101, 5, 1);
    assert_eq!((modes[0], overruns(&rig)), (stopped, 1));
    let paused = Cause::Fault(Fault::F26ProcessPaused);
    assert!(rig.has(|r| matches!(r, Report::Mode { cause, .. } if *cause == paused)), "{:?}", rig.reports);
    assert!(!rig.has(|r| matches!(r, Report::Fault { fault: Fault::F25LoopOverrun, .. })));
}

#[test]
fn a_torque_that_is_cut_is_told_once_and_again_only_when_none_was_cut_for_half_a_second() {
    let config = Config { kp: vec![1600.0; N], kd: vec![80.0; N], ..Config::default() };
    let mut rig = Rig::active_with(arm(), config);
    rig.ticks(600);
    let knock = |rig: &mut Rig, by: f64| {
        let mut state = JointState { stamp: rig.now + TICK, ..rig.state };
        state.q[0] += by;
        rig.tick_with(Some(state));
        rig.ticks(1);
    };
    let told = |rig: &Rig| {
        let is_it = |r: &&Report| matches!(r, Report::Intervention { limit: LimitKind::TorqueRate, .. });
        rig.reports.iter().filter(is_it).count()
    };
    // So little that it is a trifle: its torque limit is 87 N·m, and one more per tick may be asked for.
    knock(&mut rig, 1e-3);
    assert_eq!(told(&rig), 0);
    knock(&mut rig, 0.025);
    assert_eq!(told(&rig), 1, "{:?}", rig.reports);
    rig.ticks(300);
    knock(&mut rig, 0.025);
    rig.ticks(400);
    knock(&mut rig, 0.025);
    assert_eq!(told(&rig), 1);
    rig.ticks(520);
    knock(&mut rig, 0.025);
    assert_eq!(told(&rig), 2);
    let Some(Report::Intervention { joint, requested, applied, margin, .. }) =
        rig.reports.iter().find(|r| matches!(r, Report::Intervention { limit: LimitKind::TorqueRate, .. }))
    else {
        panic!("told")
    };
    assert_eq!(*joint, Some(0));
    assert!((margin - (applied.abs() - requested.abs())).abs() < 1e-12 && *margin < -4.0, "{margin}");
}

#[test]
fn an_arm_without_power_may_be_led_about_by_hand_and_its_fingers_too() {
    let mut rig = Rig::new(arm());
    for k in 0..100 {
        rig.state.q = JointVector::from_fn(N, |i| 0.02 * f64::from(k % 50) - 0.1 * i as f64);
        rig.state.gripper.width_m = 1e-4 * f64::from(k);
        let command = rig.tick();
        assert_eq!(command.gripper.width_m, rig.state.gripper.width_m);
        assert!(!command.enabled && command.q.max_abs_diff(&rig.state.q) == 0.0);
        assert!(command.dq.iter().chain(command.ddq.iter()).all(|v| *v == 0.0));
    }
    assert!(rig.reports.is_empty(), "{:?}", rig.reports);
    assert_eq!(rig.mode(), Mode::Disarmed);
}

#[test]
fn a_steered_arm_says_what_part_of_the_wish_it_follows_and_no_progress() {
    let mut rig = Rig::active(arm());
    for (slow, part) in [(1.0, 1.0), (0.5, 0.5)] {
        rig.handle.slow(slow);
        for _ in 0..30 {
            rig.submit(Motion::Velocity(JointVector::from_fn(N, |_| 0.2))).expect("fine");
            rig.ticks(10);
        }
        let status = rig.handle.status();
        assert_eq!((status.progress, status.speed_factor, status.mode), (0.0, part, Mode::Servo));
        let dq = rig.commands[rig.commands.len() - 1].dq;
        assert!((dq[3] - 0.2 * part).abs() < 1e-9, "{dq:?}");
    }
    let mut rig = Rig::active(arm());
    rig.tick();
    let status = rig.handle.status();
    assert_eq!((status.progress, status.speed_factor, status.active), (1.0, 0.0, None));
}

#[test]
fn f18_an_overloaded_motor_makes_the_arm_slower_and_then_stops_it() {
    let mut rig = Rig::active_with(
        // Nothing that it carries is a contact.
        arm_with(|profile| (profile.drive, profile.contact_share) = (Drive::Position, 1.0)),
        Config { tool_force_n: 1e4, ..Config::default() },
    );
    let home = rig.hold_q();
    rig.follow(reach(&rig.arm.clone(), &home, 1.0, 4.0));
    rig.ticks(500);
    assert_eq!(rig.handle.status().speed_factor, 1.0);
    // 0.95² - 0.75² = 0.34 a second: 0.03 after 0.09 s, 0.12 after 0.35 s.
    let mut slowed = None;
    for k in 0..500 {
        rig.state.tau[2] = 0.95 * rig.arm.limits()[2].torque;
        rig.tick();
        if rig.handle.status().speed_factor < 0.9 {
            slowed.get_or_insert(k);
        }
        if k == 320 {
            assert_eq!(rig.handle.status().speed_factor, 0.25);
        }
        if rig.mode() != Mode::Follow {
            assert!((352..356).contains(&k), "{k} ms");
            break;
        }
    }
    assert!(slowed.is_some_and(|k| (88..160).contains(&k)), "{slowed:?}");
    assert_eq!(rig.mode(), Mode::Stopping(StopCategory::One), "{:?}", rig.reports);
    assert!(rig.has(|r| *r == Report::Fault { fault: Fault::F18Overload, latched: true }));
}

#[test]
fn f33_a_watchdog_that_was_never_heard_of_is_none_from_the_first_tick_on() {
    let watchdog = Watchdog::private(0.02).expect("a page");
    let rig = Rig::with(arm(), Config { self_test: false, ..Config::default() });
    let mut rig = Rig { core: rig.core.with_watchdog(watchdog.pulse()), ..rig };
    rig.handle.activate(rig.now).expect("sent");
    assert!(!rig.tick().enabled, "{:?}", rig.reports);
}
