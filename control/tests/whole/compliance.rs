//! Springs instead of stiffness, on an arm with its own dynamics that the world pushes.

use crate::common::plant::Plant;
use crate::common::{N, Rig, arm, arm_with, check_differences, reach};
use control::{Cause, Compliance, Config, Mode, Motion, RefusedWhy, Report, TwistAxes};
use nalgebra::Vector3;
use types::{Fault, JointVector};

const SOFT: Compliance = Compliance::Tool {
    linear_n_m: [400.0, 600.0, 800.0],
    angular_nm_rad: [40.0; 3],
    axes: TwistAxes::World,
    damping_ratio: 0.8,
    most_n: 60.0,
    most_nm: 10.0,
    posture_nm_rad: 5.0,
};

/// An arm that holds, and that yields as said.
fn yielding(compliance: Compliance) -> (Rig, Plant) {
    let arm = arm();
    let mut plant = Plant::new(&arm);
    let mut rig = Rig::with(arm, Config { self_test: false, ..Config::default() });
    plant.tick(&mut rig);
    rig.handle.activate(rig.now).expect("sent");
    plant.ticks(&mut rig, 50);
    assert_eq!(rig.mode(), Mode::Hold);
    rig.submit(Motion::Comply(compliance)).expect("fine");
    plant.ticks(&mut rig, 1000);
    (rig, plant)
}

#[test]
fn a_yielding_arm_that_nothing_pushes_stays_where_it_is_and_becomes_stiff_again_unmoved() {
    let (mut rig, mut plant) = yielding(SOFT);
    let home = rig.arm.home();
    assert!(plant.q().max_abs_diff(&home) < 1e-4, "it sagged to {:?}", plant.q());
    rig.submit(Motion::Comply(Compliance::Stiff)).expect("fine");
    plant.ticks(&mut rig, 500);
    assert!(plant.q().max_abs_diff(&home) < 1e-4);
    check_differences(&rig.arm, &rig.commands);
    assert!(!rig.has(|r| matches!(r, Report::Fault { .. } | Report::Stopped { .. })), "{:?}", rig.reports);
}

#[test]
fn a_tool_spring_gives_way_by_the_force_over_its_stiffness_along_each_axis_and_comes_back() {
    for (axis, stiffness) in [400.0, 600.0, 800.0].into_iter().enumerate() {
        let (mut rig, mut plant) = yielding(SOFT);
        let before = plant.tool();
        plant.force[axis] = 10.0;
        plant.ticks(&mut rig, 4000);
        let by = plant.tool() - before;
        let expected = 10.0 / stiffness;
        // The posture's spring is projected out at the pose, not along the whole way.
        assert!((by[axis] / expected - 1.0).abs() < 0.1, "axis {axis}: {by:?}, expected {expected} m");
        assert!(by.norm() < 1.2 * expected, "axis {axis}: it went astray by {by:?}");
        assert!(plant.dq().iter().all(|v| v.abs() < 2e-3), "it does not come to rest: {:?}", plant.dq());
        let wrench = rig.handle.status().tool_wrench;
        assert!((wrench[axis] - 10.0).abs() < 1.5, "10 N are observed as {wrench:?}");
        plant.force[axis] = 0.0;
        plant.ticks(&mut rig, 4000);
        assert!((plant.tool() - before).norm() < 1e-3, "it comes back");
        assert_eq!(rig.mode(), Mode::Hold);
    }
}

#[test]
fn a_joint_spring_gives_way_by_the_torque_over_its_stiffness() {
    let stiffness = JointVector::from_fn(N, |_| 60.0);
    let most = JointVector::from_fn(N, |_| 20.0);
    let (mut rig, mut plant) = yielding(Compliance::Joints { stiffness, damping_ratio: 1.0, most });
    let before = plant.q();
    plant.push = |i, _, _| if i == 3 { 6.0 } else { 0.0 };
    plant.ticks(&mut rig, 3000);
    let by = plant.q()[3] - before[3];
    assert!((by - 0.1).abs() < 2e-3, "6 N·m over 60 N·m/rad, and it went by {by} rad");
    assert!((0..N).all(|i| i == 3 || (plant.q()[i] - before[i]).abs() < 2e-3), "the others stay");
}

#[test]
fn the_arm_never_presses_harder_than_its_greatest_force_and_says_so_when_it_is_carried_away() {
    let most_n = 15.0;
    let Compliance::Tool { linear_n_m, angular_nm_rad, axes, damping_ratio, most_nm, .. } = SOFT else {
        panic!("a tool's spring");
    };
    let weak = Compliance::Tool {
        linear_n_m,
        angular_nm_rad,
        axes,
        damping_ratio,
        most_n,
        most_nm,
        posture_nm_rad: 0.0,
    };
    let (mut rig, mut plant) = yielding(weak);
    plant.force = Vector3::new(0.0, 0.9 * most_n, 0.0);
    plant.ticks(&mut rig, 3000);
    assert_eq!(rig.mode(), Mode::Hold, "it bears what it may");
    plant.force = Vector3::new(0.0, 1.5 * most_n, 0.0);
    plant.ticks(&mut rig, 6000);
    assert!(matches!(rig.mode(), Mode::Fault { .. }), "more carries it away: {:?}", plant.q());
    assert!(rig.has(|r| matches!(r, Report::Fault { fault: Fault::F17FollowingError, .. })));
}

#[test]
fn an_arm_that_is_held_away_is_not_let_become_stiff() {
    let (mut rig, mut plant) = yielding(SOFT);
    plant.force = Vector3::new(0.0, 30.0, 0.0);
    plant.ticks(&mut rig, 4000);
    rig.submit(Motion::Comply(Compliance::Stiff)).expect("sent");
    plant.ticks(&mut rig, 10);
    let held = RefusedWhy::HeldAway;
    assert!(rig.has(|r| matches!(r, Report::Refused { why, .. } if *why == held)), "{:?}", rig.reports);
    let off = plant.q().max_abs_diff(&rig.hold_q());
    plant.ticks(&mut rig, 500);
    let now = plant.q().max_abs_diff(&rig.hold_q());
    assert!((now - off).abs() < 5e-3, "it yields as before: {now}, not {off}: {:?}", rig.reports);
}

#[test]
fn a_yielding_arm_follows_a_trajectory_and_the_hardest_push_on_the_way_stops_it() {
    let (mut rig, mut plant) = yielding(SOFT);
    let home = rig.hold_q();
    rig.follow(reach(&rig.arm.clone(), &home, 0.3, 1.5));
    plant.ticks(&mut rig, 2500);
    assert_eq!(rig.mode(), Mode::Hold, "{:?}", rig.reports);
    let off = plant.q().max_abs_diff(&rig.hold_q());
    assert!(off < 5e-3, "{off} rad from the end");
    // A stiff arm would have stopped at this: more than its share of the torque limit.
    let there = rig.hold_q();
    rig.follow(reach(&rig.arm.clone(), &there, -0.3, 1.5));
    plant.ticks(&mut rig, 300);
    plant.force = Vector3::new(0.0, 35.0, 0.0);
    plant.ticks(&mut rig, 150);
    assert_eq!(rig.mode(), Mode::Follow, "{:?}", rig.reports);
    // 200 N, in whichever direction, are more than the 100 that are let be.
    for axis in 0..3 {
        let (mut rig, mut plant) = yielding(SOFT);
        rig.follow(reach(&rig.arm.clone(), &home, 0.3, 1.5));
        plant.ticks(&mut rig, 300);
        assert_eq!(rig.mode(), Mode::Follow, "{:?}", rig.reports);
        plant.force[axis] = 200.0;
        plant.ticks(&mut rig, 30);
        let met = Report::Fault { fault: Fault::F21Contact, latched: false };
        assert!(rig.has(|r| *r == met), "axis {axis}: {:?}", rig.reports);
    }
}

#[test]
fn the_stiffest_springs_are_softened_to_what_the_loop_holds_steady() {
    let all = |v| JointVector::from_fn(N, |_| v);
    let joints = Compliance::Joints { stiffness: all(1e5), damping_ratio: 1.0, most: all(1e4) };
    let tool = Compliance::Tool {
        linear_n_m: [1e5; 3],
        angular_nm_rad: [1e5; 3],
        axes: TwistAxes::Tool,
        damping_ratio: 1.0,
        most_n: 1e4,
        most_nm: 1e4,
        posture_nm_rad: 1e5,
    };
    for compliance in [joints, tool] {
        let (mut rig, mut plant) = yielding(compliance);
        plant.force = Vector3::new(5.0, 5.0, 5.0);
        plant.ticks(&mut rig, 100);
        plant.force = Vector3::zeros();
        plant.ticks(&mut rig, 1000);
        let fastest = plant.dq().iter().fold(0.0f64, |m, v| m.max(v.abs()));
        assert!(fastest < 1e-3, "{compliance:?} swings at {fastest} rad/s");
        assert_eq!(rig.mode(), Mode::Hold, "{:?}", rig.reports);
    }
}

#[test]
fn after_a_contact_nothing_presses_any_more() {
    // A light chain: what it meets pushes with little.
    let arm = arm_with(|profile| profile.contact_share = 0.03);
    let mut plant = Plant::new(&arm);
    let mut rig = Rig::with(arm.clone(), Config { self_test: false, ..Config::default() });
    plant.tick(&mut rig);
    rig.handle.activate(rig.now).expect("sent");
    plant.ticks(&mut rig, 50);
    // A wall that the first joint meets after a tenth of a radian.
    plant.push = |i, q, dq| {
        let depth = q - 0.2;
        if i == 0 && depth > 0.0 { -(20_000.0 * depth + 100.0 * dq.max(0.0)) } else { 0.0 }
    };
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.5, 1.5));
    plant.ticks(&mut rig, 2500);
    assert_eq!(rig.mode(), Mode::Hold, "{:?}", rig.reports);
    assert!(rig.has(|r| matches!(r, Report::Stopped { cause: Cause::Fault(Fault::F21Contact), .. })));
    let pressed = rig.handle.status().external[0];
    assert!(pressed.abs() < 2.0, "it goes on pressing with {pressed} N·m");
    check_differences(&arm, &rig.commands);
}

#[test]
fn b15_springs_that_cannot_be_are_refused_by_their_field() {
    let (mut rig, _) = yielding(Compliance::Stiff);
    let all = |v| JointVector::from_fn(N, |_| v);
    let joints = |k, d, m| Compliance::Joints { stiffness: k, damping_ratio: d, most: m };
    let tool = |k: f64, most_n: f64, d: f64| Compliance::Tool {
        linear_n_m: [100.0, k, 100.0],
        angular_nm_rad: [10.0; 3],
        axes: TwistAxes::World,
        damping_ratio: d,
        most_n,
        most_nm: 5.0,
        posture_nm_rad: 0.0,
    };
    let short = JointVector::zeros(N - 1);
    for (bad, field) in [
        (joints(all(f64::NAN), 1.0, all(1.0)), "compliance.stiffness[0]"),
        (joints(all(-1.0), 1.0, all(1.0)), "compliance.stiffness[0]"),
        (joints(all(1e9), 1.0, all(1.0)), "compliance.stiffness[0]"),
        (joints(short, 1.0, all(1.0)), "compliance.stiffness"),
        (joints(all(1.0), 1.0, short), "compliance.most"),
        (joints(all(1.0), 1.0, all(0.0)), "compliance.most[0]"),
        (joints(all(1.0), 0.0, all(1.0)), "compliance.damping_ratio"),
        (tool(f64::INFINITY, 10.0, 1.0), "compliance.linear_n_m[1]"),
        (tool(10.0, -1.0, 1.0), "compliance.most_n"),
        (tool(10.0, 1.0, f64::NAN), "compliance.damping_ratio"),
    ] {
        let e = rig.submit(Motion::Comply(bad)).expect_err("B15");
        assert_eq!(e.field, field, "{e}");
    }
}
