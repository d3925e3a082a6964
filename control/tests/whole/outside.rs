//! What goes wrong around the loop: the robot gone, the process paused, a thread that panics, the emergency
//! stop's line (F24, F26, F31, F41).

use crate::common::{N, Rig, arm, check_differences, reach};
use control::{Cause, Component, Config, Mode, RefusedWhy, Report, Request};
use std::time::Duration;
use types::{Fault, JointState, JointVector, StopCategory};

fn fault(rig: &Rig, fault: Fault) -> bool {
    rig.has(|r| matches!(r, Report::Fault { fault: f, .. } if *f == fault))
}

#[test]
fn f24_a_robot_that_comes_back_elsewhere_does_not_move_before_a_reset() {
    let arm = arm();
    for (gone_ms, off) in [(100, 0.3), (800, 0.0), (800, 0.3)] {
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        rig.follow(reach(&arm, &home, 0.6, 1.0));
        rig.ticks(400);
        for _ in 0..gone_ms {
            let state = rig.state;
            rig.tick_with(None);
            rig.state = state;
        }
        let there = JointVector::from_fn(N, |i| rig.state.q[i] + off);
        rig.state.q = there;
        rig.state.dq = JointVector::zeros(N);
        let first = rig.tick();
        assert!(!first.enabled, "F24: {gone_ms} ms, {off} rad: {:?}", rig.reports);
        rig.ticks(300);
        assert_eq!(rig.mode(), Mode::Fault { powered: false });
        assert!(fault(&rig, Fault::F24Disconnected));
        assert!(rig.state.q.max_abs_diff(&there) == 0.0, "F24: no motion");
        rig.handle.reset(rig.now).expect("sent");
        rig.tick();
        rig.handle.activate(rig.now).expect("sent");
        let command = rig.tick();
        assert!(command.q.max_abs_diff(&there) < 1e-6, "I3");
        rig.until(Mode::Hold);
    }
}

#[test]
fn f26_after_a_pause_of_two_seconds_the_arm_stops_from_where_it_is_measured() {
    let arm = arm();
    for drift in [0.0, 0.2] {
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        rig.follow(reach(&arm, &home, 0.6, 1.0));
        rig.ticks(400);
        // Its own watchdog braked the robot meanwhile.
        rig.state.q = JointVector::from_fn(N, |i| rig.state.q[i] + drift);
        rig.state.dq = JointVector::zeros(N);
        let later = rig.now + Duration::from_secs(2);
        let before = rig.state.q;
        let command = rig.tick_at(later, Some(JointState { stamp: later, ..rig.state }));
        assert!(fault(&rig, Fault::F26ProcessPaused), "in the first tick back: {:?}", rig.reports);
        assert!(command.q.max_abs_diff(&before) < 1e-6, "F26: from the measured state");
        rig.until(Mode::Hold);
        assert!(rig.hold_q().max_abs_diff(&before) < 1e-6);
        let cause = Cause::Fault(Fault::F26ProcessPaused);
        assert!(
            rig.has(|r| matches!(r, Report::Stopped { cause: c, .. } if *c == cause)),
            "{:?}",
            rig.reports
        );
    }
}

#[test]
fn f31_a_panic_beside_the_loop_stops_the_arm_in_the_next_tick_and_is_named() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.6, 1.0));
    rig.ticks(300);
    let (quiet, loud) = (rig.handle.sentinel(Component::Planner), rig.handle.sentinel(Component::Perception));
    drop(quiet);
    rig.tick();
    assert_eq!(rig.mode(), Mode::Follow, "one that just ends is none");
    let thread = std::thread::spawn(move || {
        let _kept = loud;
        panic!("on purpose");
    });
    assert!(thread.join().is_err());
    rig.tick();
    assert_eq!(rig.mode(), Mode::Stopping(StopCategory::Two));
    assert!(rig.has(|r| *r == Report::Panicked(Component::Perception)), "F31: by name");
    rig.until(Mode::Hold);
    check_differences(&arm, &rig.commands);
}

#[test]
fn f41_a_line_that_is_open_broken_or_flickers_is_a_pressed_button() {
    let arm = arm();
    let config = || Config { stop_line: true, ..Config::default() };
    for break_it in 0..3 {
        let mut rig = Rig::with(arm.clone(), config());
        let line = rig.handle.stop_line();
        rig.tick();
        rig.handle.activate(rig.now).expect("sent");
        rig.tick();
        assert_eq!(rig.mode(), Mode::Disarmed, "nothing was heard of it");
        let why = RefusedWhy::LineOpen;
        assert!(rig.has(|r| *r == Report::Refused { id: None, request: Request::Activate, why }));
        let closed = |rig: &mut Rig, ms: usize| {
            for _ in 0..ms {
                line.sample(rig.now, true);
                rig.tick();
            }
        };
        closed(&mut rig, 60);
        rig.handle.activate(rig.now).expect("sent");
        closed(&mut rig, 2500);
        assert_eq!(rig.mode(), Mode::Hold);
        let home = rig.hold_q();
        rig.follow(reach(&arm, &home, 0.6, 1.0));
        closed(&mut rig, 300);
        assert_eq!(rig.mode(), Mode::Follow, "{:?}", rig.reports);
        match break_it {
            // Open for a moment between two ticks, closed again before the next.
            0 => {
                line.sample(rig.now, false);
                line.sample(rig.now, true);
                rig.tick();
            }
            1 => {
                line.sample(rig.now, false);
                rig.tick();
            }
            // Cut.
            _ => rig.ticks(6),
        }
        assert_eq!(rig.mode(), Mode::Stopping(StopCategory::One), "F41: {break_it}");
        closed(&mut rig, 20);
        line.sample(rig.now, false);
        closed(&mut rig, 600);
        assert_eq!(rig.mode(), Mode::Fault { powered: false });
        line.sample(rig.now, false);
        rig.handle.reset(rig.now).expect("sent");
        closed(&mut rig, 10);
        assert_eq!(rig.mode(), Mode::Fault { powered: false }, "F41: it bounces");
        closed(&mut rig, 60);
        rig.handle.reset(rig.now).expect("sent");
        closed(&mut rig, 2);
        assert_eq!(rig.mode(), Mode::Disarmed);
        assert!(fault(&rig, Fault::F41StopLine));
        check_differences(&arm, &rig.commands);
    }
}
