//! I2: every command within every limit, whatever is stopped or slowed when.

use crate::common::{Rig, arm, arm_with, check_differences, reach, wiggle};
use control::{Cause, LimitKind, Mode, Report};
use proptest::prelude::*;
use types::{JointVector, StopCategory, Trajectory};

#[derive(Clone, Debug)]
enum Deed {
    Slow(f64),
    Stop,
    EmergencyStop,
    Silence,
    Gone,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0.0..1.2_f64).prop_map(Deed::Slow),
        2 => Just(Deed::Stop),
        1 => Just(Deed::EmergencyStop),
        1 => Just(Deed::Silence),
        1 => Just(Deed::Gone),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_limit_holds_on_every_tick_whatever_is_slowed_or_stopped_when(
        seeds in prop::collection::vec(-1.0..1.0_f64, 7..40),
        share in 0.3..1.0_f64,
        offset in prop::collection::vec(-0.019..0.019_f64, 7),
        scales in (0.2..1.0_f64, 0.2..1.0_f64, 0.01..1.0_f64),
        deeds in prop::collection::vec((1usize..1500, deed()), 0..6),
    ) {
        // From an arm as quick as Franka's to one that is slow and dull.
        let arm = arm_with(|p| {
            let list = |x: [f64; 7], part: f64| x.iter().map(|v| v * part).collect();
            p.velocity = list([2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61], scales.0);
            p.acceleration = list([15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0], scales.1);
            p.jerk = list([7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0], scales.2);
        });
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        let from = JointVector::from_fn(7, |i| home[i] + offset[i]);
        rig.follow(wiggle(&arm, &from, &seeds, share));
        rig.tick();
        prop_assert_eq!(rig.mode(), Mode::Follow);
        let mut blind = 0;
        for (wait, deed) in deeds {
            for _ in 0..wait {
                if blind > 0 {
                    blind -= 1;
                    rig.tick_with(None);
                } else {
                    rig.tick();
                }
            }
            match deed {
                Deed::Slow(f) => rig.handle.slow(f),
                Deed::Stop => rig.handle.stop(StopCategory::Two),
                Deed::EmergencyStop => rig.handle.stop(StopCategory::One),
                Deed::Silence => rig.alive = false,
                Deed::Gone => blind = 60,
            }
        }
        rig.handle.slow(1.0);
        for _ in 0..60_000 {
            if !matches!(rig.mode(), Mode::Follow | Mode::Stopping(_)) {
                break;
            }
            rig.tick();
        }
        prop_assert!(!matches!(rig.mode(), Mode::Follow | Mode::Stopping(_)), "it came to rest");
        check_differences(&arm, &rig.commands);
        prop_assert!(!rig.has(|r| matches!(r, Report::Mode { cause: Cause::Limit, .. })), "{:?}", rig.reports);
    }
}

#[test]
fn a_stop_at_any_instant_of_a_motion_at_its_limits_is_quick_and_along_the_path() {
    let arm = arm();
    let mut longest = 0;
    for instant in (10..1400).step_by(60) {
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        rig.follow(reach(&arm, &home, 1.2, 1.3));
        rig.ticks(instant);
        if rig.mode() != Mode::Follow {
            break;
        }
        rig.handle.stop(StopCategory::Two);
        rig.tick();
        let took = rig.until(Mode::Hold);
        longest = longest.max(took);
        check_differences(&arm, &rig.commands);
        for c in &rig.commands {
            let first = c.q[0] - home[0];
            for i in 0..7 {
                assert!((c.q[i] - home[i] - first).abs() < 1e-9, "off the straight path at joint {i}");
            }
        }
    }
    println!("longest stop: {longest} ms");
    assert!(longest < 800, "{longest} ms");
}

#[test]
fn a_trajectory_beyond_its_limits_between_knots_is_run_slower_and_said_so() {
    let arm = arm();
    let mut rig = Rig::active_with(arm.clone(), tool_may_be_fast());
    let home = rig.hold_q();
    // A quintic of 1.2 rad in 1 s peaks at 2.25 rad/s; joint 0 may do 2.175.
    rig.follow(reach(&arm, &home, 1.2, 1.0));
    rig.tick();
    assert_eq!(rig.mode(), Mode::Follow);
    assert!(
        rig.has(|r| matches!(r, Report::Intervention { applied, .. } if *applied > 0.9 && *applied < 0.97))
    );
    rig.until(Mode::Hold);
    check_differences(&arm, &rig.commands);
    let far = reach(&arm, &home, 1.2, 0.4);
    let refused = rig.submit(control::Motion::Follow(far)).expect_err("far too fast");
    assert!(refused.field.starts_with("trajectory.points"), "{refused}");
}

#[test]
fn slowing_down_and_speeding_up_again_ends_at_the_same_place() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let id = rig.follow(reach(&arm, &home, 0.8, 1.5));
    rig.ticks(300);
    rig.handle.slow(0.1);
    rig.ticks(600);
    let slow = rig.handle.status();
    assert!((slow.speed_factor - 0.1).abs() < 1e-9, "{}", slow.speed_factor);
    rig.handle.slow(f64::NAN);
    rig.ticks(300);
    rig.handle.slow(1.0);
    rig.until(Mode::Hold);
    assert!(rig.has(|r| *r == Report::Finished(id)));
    let end = rig.hold_q();
    assert!((end[0] - home[0] - 0.8).abs() < 1e-12);
    check_differences(&arm, &rig.commands);
}

#[test]
fn a_motion_timed_at_full_limits_runs_at_its_own_speed_but_for_the_reserve_of_stopping() {
    // The timing knows no motors.
    let arm = arm_with(|profile| profile.torque_rate = vec![1e6; 7]);
    for seed in 0..12 {
        let mut rig = Rig::active_with(arm.clone(), tool_may_be_fast());
        let home = rig.hold_q();
        let bend = |k: usize| {
            JointVector::from_fn(7, |i| {
                home[i] + 0.8 * libm::sin(1.0 + 2.1 * f64::from(seed) + (3 * i + 5 * k) as f64)
            })
        };
        let path = [home, bend(1), bend(2), bend(3)];
        let scale = mechanics::timing::Scale { velocity: 1.0, acceleration: 1.0, jerk: 1.0 };
        let points = mechanics::timing::time_path(&path, arm.limits(), scale).expect("timed");
        let t = Trajectory::new(points, arm.limits(), &home).expect("valid");
        let seconds = t.duration();
        rig.follow(Box::new(t));
        rig.tick();
        let took = rig.until(Mode::Hold) as f64 * 1e-3;
        assert!(took < 1.03 * seconds + 0.01, "{took} s instead of {seconds} s");
        assert!(!rig.has(|r| matches!(r, Report::Intervention { limit: LimitKind::Jerk, .. })));
        let used = check_differences(&arm, &rig.commands);
        println!("{seconds:.3} s planned, {took:.3} s run, {used:.3} of the limits used");
    }
}

/// The joints' limits alone are looked at.
fn tool_may_be_fast() -> control::Config {
    control::Config { tool_speed_m_s: 10.0, ..Default::default() }
}

#[test]
fn a_path_on_which_the_tool_would_be_too_fast_is_run_slower_and_said_so() {
    let arm = arm();
    let config = control::Config { tool_speed_m_s: 0.25, ..Default::default() };
    let mut rig = Rig::active_with(arm.clone(), config);
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.5, 1.0));
    rig.until(Mode::Follow);
    rig.until(Mode::Hold);
    let mut data = mechanics::ArmData::new(&arm);
    let mut at = |c: &types::JointCommand| mechanics::tool_pose(&arm, &mut data, &c.q).origin();
    let places: Vec<_> = rig.commands.iter().map(&mut at).collect();
    let fastest = places.windows(2).map(|p| (p[1] - p[0]).norm() / 1e-3).fold(0.0, f64::max);
    assert!((0.2..0.2501).contains(&fastest), "{fastest} m/s");
    assert!(rig.has(|r| matches!(r, Report::Intervention { limit: LimitKind::ToolSpeed, .. })), "I7");
    check_differences(&arm, &rig.commands);
}
