//! Encoders that freeze or leap, noisy speeds, contact, motors that do not what they are told (F13, F14, F16,
//! F17, F19, F21), and states that come late (F23).

use crate::common::{N, Rig, TICK, arm, check_differences, reach};
use control::{Mode, RefusedWhy, Report, Request};
use std::collections::VecDeque;
use types::{Fault, JointState};

/// Runs a motion with states changed by `change` from its 450th millisecond on; returns after how many
/// milliseconds of that the core told `fault`.
fn until_fault(
    rig: &mut Rig,
    fault: Fault,
    ms: usize,
    change: impl FnMut(usize, &mut JointState),
) -> Option<usize> {
    until_fault_on_the_way(rig, 0.8, fault, ms, change)
}

/// As [`until_fault`], `by` radians far.
fn until_fault_on_the_way(
    rig: &mut Rig,
    by: f64,
    fault: Fault,
    ms: usize,
    mut change: impl FnMut(usize, &mut JointState),
) -> Option<usize> {
    let home = rig.hold_q();
    let arm = rig.arm.clone();
    rig.follow(reach(&arm, &home, by, 1.5));
    rig.ticks(450);
    for k in 0..ms {
        let mut state = JointState { stamp: rig.now + TICK, ..rig.state };
        change(k, &mut state);
        rig.tick_with(Some(state));
        if rig.has(|r| matches!(r, Report::Fault { fault: f, .. } if *f == fault)) {
            return Some(k + 1);
        }
    }
    None
}

fn jumped(rig: &Rig) -> bool {
    rig.has(|r| matches!(r, Report::Refused { request: Request::State, why: RefusedWhy::Jumped, .. }))
}

#[test]
fn f13_an_encoder_that_says_the_same_while_the_arm_moves_stops_it_and_latches() {
    for joint in 0..N {
        let mut rig = Rig::active(arm());
        let mut stuck = None;
        let found = until_fault(&mut rig, Fault::F13EncoderFrozen, 100, |_, s| {
            let q = *stuck.get_or_insert(s.q[joint]);
            s.q[joint] = q;
        });
        assert!(found.is_some_and(|ms| ms <= 5), "F13 after {found:?} ms");
        // Nor is it noticed later where speeds are made of positions, of one step or of two.
        for (by, steps) in [(0.1, 1), (0.3, 1), (0.8, 1), (0.1, 2), (0.8, 2)] {
            let mut rig = Rig::active(arm());
            let mut stuck = None;
            let found = until_fault_on_the_way(&mut rig, by, Fault::F13EncoderFrozen, 100, |k, s| {
                s.q[joint] = *stuck.get_or_insert(s.q[joint]);
                // With the first equal position the newest step is none, with the next the one before it.
                s.dq[joint] *= (f64::from(steps) - k as f64).max(0.0) / f64::from(steps);
            });
            assert!(
                found.is_some_and(|ms| ms <= 5),
                "F13, {by} rad, at {} after {found:?} ms",
                rig.state.dq[joint]
            );
        }
        let last = rig.state;
        for _ in 0..2000 {
            let mut state = JointState { stamp: rig.now + TICK, ..rig.state };
            state.q[joint] = last.q[joint];
            rig.tick_with(Some(state));
        }
        assert_eq!(rig.mode(), Mode::Fault { powered: false });
        check_differences(&rig.arm.clone(), &rig.commands);
    }
}

#[test]
fn f13_a_slow_joint_is_missed_as_soon_and_no_fine_encoder_of_a_noisy_arm_is_taken_for_a_frozen_one() {
    let mut rig = Rig::active(arm());
    let (home, arm) = (rig.hold_q(), rig.arm.clone());
    rig.follow(reach(&arm, &home, 0.2, 1.5));
    rig.ticks(450);
    let frozen = Report::Fault { fault: Fault::F13EncoderFrozen, latched: true };
    let stuck = rig.state.q[2];
    rig.ticks(1);
    for _ in 0..5 {
        let mut state = JointState { stamp: rig.now + TICK, ..rig.state };
        state.q[2] = stuck;
        rig.tick_with(Some(state));
    }
    assert!(rig.has(|r| *r == frozen), "F13: {:?}", rig.reports);

    let mut rig = Rig::active(arm.clone());
    let mut random = 1u64;
    // In the last two speeds are made of what the encoder says, step by step.
    for (by, is_made) in [(0.05, false), (-0.05, false), (0.8, false), (-0.06, true), (0.3, true)] {
        let here = rig.hold_q();
        let mut last = rig.state.q;
        rig.follow(reach(&arm, &here, by, 1.5));
        // There, and resting for a while.
        for _ in 0..2500 {
            let mut state = JointState { stamp: rig.now + TICK, ..rig.state };
            for i in 0..N {
                state.q[i] = (state.q[i] * 1e4).round() * 1e-4;
                if is_made {
                    state.dq[i] = (state.q[i] - last[i]) * 1e3;
                    continue;
                }
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state.dq[i] += 0.03 * ((random >> 33) as f64 / f64::from(1u32 << 30) - 1.0);
            }
            last = state.q;
            rig.tick_with(Some(state));
        }
        assert!(!rig.has(|r| *r == frozen), "F13, {by} rad: {:?}", rig.reports);
    }
}

#[test]
fn f14_a_leap_of_an_encoder_is_passed_over_three_times_and_the_fourth_in_a_row_stops_the_arm() {
    for (run, ends) in [(1, false), (3, false), (4, true)] {
        let mut rig = Rig::active(arm());
        let found = until_fault(&mut rig, Fault::F14EncoderJump, 60, |k, s| {
            // A flipped bit of the encoder's counter.
            if k % 20 < run {
                s.q[3] += 0.2;
            }
        });
        assert!(jumped(&rig), "told in the same tick");
        assert_eq!(found, ends.then_some(4));
        if ends {
            rig.until(Mode::Fault { powered: false });
        } else {
            rig.until(Mode::Hold);
        }
        check_differences(&rig.arm.clone(), &rig.commands);
    }
}

#[test]
fn f16_noisy_speeds_make_the_arm_slower_and_no_contact_of_the_noise() {
    let mut rig = Rig::active(arm());
    let home = rig.hold_q();
    let arm = rig.arm.clone();
    rig.follow(reach(&arm, &home, 1.2, 6.0));
    let mut seed = 1u64;
    let mut noise = |size: f64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        size * ((seed >> 33) as f64 / f64::from(1u32 << 30) - 1.0)
    };
    let mut told_at = None;
    for k in 0..2500 {
        let mut state = JointState { stamp: rig.now + TICK, ..rig.state };
        let size = if (500..1500).contains(&k) { 0.05 } else { 0.005 };
        for v in state.dq.iter_mut() {
            *v += noise(size);
        }
        rig.tick_with(Some(state));
        if told_at.is_none() && rig.has(|r| matches!(r, Report::Fault { fault: Fault::F16VelocityNoise, .. }))
        {
            told_at = Some(k);
        }
        if k == 1400 {
            let speed = rig.handle.status().speed_factor;
            assert!((0.2..0.3).contains(&speed), "D: {speed}");
        }
    }
    assert!(told_at.is_some_and(|k| (500..550).contains(&k)), "F16 at {told_at:?}");
    assert!(rig.handle.status().speed_factor > 0.9, "fast again when it is quiet");
    assert!(!rig.has(|r| matches!(r, Report::Stopped { .. })), "{:?}", rig.reports);
    check_differences(&arm, &rig.commands);
}

#[test]
fn f21_a_contact_is_seen_within_five_milliseconds_and_the_arm_stops_and_holds() {
    for (joint, torque) in [(0, 52.0), (1, -52.0), (3, 52.0), (5, 7.0)] {
        let mut rig = Rig::active(arm());
        // The motors carry what the world pushes: the obedient plant gives what it takes.
        let found = until_fault(&mut rig, Fault::F21Contact, 50, |_, s| s.tau[joint] += torque);
        assert!(found.is_some_and(|ms| ms <= 5), "F21: {torque} N·m at {joint} after {found:?} ms");
        rig.until(Mode::Hold);
        assert!(!rig.has(|r| matches!(r, Report::Fault { latched: true, .. })), "it may go on");
        check_differences(&rig.arm.clone(), &rig.commands);
    }
    let mut rig = Rig::active(arm());
    let found = until_fault(&mut rig, Fault::F21Contact, 900, |_, s| s.tau[1] += 4.0);
    assert_eq!(found, None, "a load of half a kilogram is none");
}

#[test]
fn f19_a_motor_that_does_the_opposite_loses_its_power_at_once_where_there_are_brakes() {
    for brakes in [true, false] {
        let mut rig = Rig::active(crate::common::arm_with(|p| (p.brakes, p.contact_share) = (brakes, 0.02)));
        // The joint lags, is told to catch up, and its motor pulls the other way.
        let found = until_fault(&mut rig, Fault::F19Runaway, 60, |_, s| {
            s.q[1] -= 0.02;
            s.tau[1] = -s.tau[1];
        });
        assert!(found.is_some_and(|ms| ms <= 10), "F19 after {found:?} ms, {:?}", rig.reports);
        let is_off = rig.mode() == Mode::Fault { powered: false };
        assert_eq!(is_off, brakes, "S0 with brakes, S1 without");
        rig.until(Mode::Fault { powered: false });
        check_differences(&rig.arm.clone(), &rig.commands);
    }
}

#[test]
fn f23_while_states_come_late_the_arm_runs_slower_steps_nowhere_and_says_so_once() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let id = rig.follow(reach(&arm, &home, 0.8, 2.0));
    rig.ticks(300);
    let factor = |rig: &mut Rig| rig.handle.status().speed_factor;
    assert!((factor(&mut rig) - 1.0).abs() < 1e-9);
    // What is read is 5 ms old, for half a second.
    let mut past = VecDeque::new();
    for _ in 0..500 {
        past.push_back(JointState { stamp: rig.now + TICK, ..rig.state });
        let late = if past.len() > 5 { past.pop_front() } else { None };
        rig.tick_with(late);
    }
    assert!(factor(&mut rig) <= 0.25 + 1e-9, "F23: D, it runs at {}", factor(&mut rig));
    let late = |r: &&Report| **r == Report::Fault { fault: Fault::F23StateLate, latched: false };
    assert_eq!(rig.reports.iter().filter(late).count(), 1, "F23: {:?}", rig.reports);
    rig.ticks(700);
    assert!(factor(&mut rig) > 0.9, "it goes on at its own speed");
    rig.until(Mode::Hold);
    assert!(rig.has(|r| *r == Report::Finished(id)));
    check_differences(&arm, &rig.commands);
}
