//! What the hand carries: told to the loop, its weight is held like the arm's own and is no contact.

use crate::common::plant::Plant;
use crate::common::{Rig, arm, check_differences, reach};
use control::{Cause, Config, Mode, Motion, Payload, RefusedWhy, Report, Request};
use nalgebra::Vector3;
use types::{Fault, StopCategory};

/// Where the load is in the last body's frame, metres.
const CENTER: [f64; 3] = [0.01, 0.02, 0.08];

/// An arm that was given power with a mass (kg) in its hand, which it was told of before, or not.
fn powered(mass: f64, is_told: bool) -> (Rig, Plant) {
    let arm = arm();
    let mut plant = Plant::carrying(&arm, mass, Vector3::from(CENTER));
    let mut rig = Rig::with(arm, Config { self_test: false, ..Config::default() });
    plant.tick(&mut rig);
    if is_told {
        rig.handle.carry(rig.now, told(&rig, mass)).expect("fine");
        plant.ticks(&mut rig, 300);
    }
    rig.handle.activate(rig.now).expect("sent");
    plant.ticks(&mut rig, 800);
    (rig, plant)
}

/// The same mass in the tool's frame.
fn told(rig: &Rig, mass_kg: f64) -> Payload {
    let tool = rig.arm.body_from_tool();
    let center_m = tool.inverse() * nalgebra::Point3::from(CENTER);
    Payload { mass_kg, center_m: center_m.coords.into() }
}

#[test]
fn a_load_that_is_told_is_held_without_sagging_and_is_no_force_of_the_world() {
    let (mut rig, mut plant) = powered(0.8, false);
    assert_eq!(rig.mode(), Mode::Hold);
    let (home, before) = (rig.arm.home(), rig.handle.status());
    let sag = plant.q().max_abs_diff(&home);
    let pull = before.external.iter().fold(0.0_f64, |m, t| m.max(t.abs()));
    assert!(pull > 1.0, "the load is not felt: {:?}", before.external);
    let payload = told(&rig, 0.8);
    rig.handle.carry(rig.now, payload).expect("fine");
    plant.ticks(&mut rig, 1500);
    let after = rig.handle.status();
    assert_eq!(after.payload, payload);
    let left = after.external.iter().fold(0.0_f64, |m, t| m.max(t.abs()));
    assert!(left < 0.02 * pull, "{:?} is left of {:?}", after.external, before.external);
    assert!(plant.q().max_abs_diff(&home) < 0.1 * sag.max(1e-4), "it sags as before");
    let steps = rig.commands.windows(2).map(|w| w[1].tau.max_abs_diff(&w[0].tau));
    let largest = steps.fold(0.0, f64::max);
    assert!(largest < 0.1 * pull, "torque leapt by {largest} N·m");
    check_differences(&rig.arm, &rig.commands);
    assert!(!rig.has(|r| matches!(r, Report::Fault { .. } | Report::Stopped { .. })), "{:?}", rig.reports);
    // Let go and not told: the arm is pulled up by as much.
    rig.handle.carry(rig.now, Payload::default()).expect("fine");
    plant.ticks(&mut rig, 1500);
    let again = rig.handle.status();
    assert_eq!(again.payload.mass_kg, 0.0);
    assert!(again.external.max_abs_diff(&before.external) < 0.05 * pull);
}

#[test]
fn an_arm_sinks_under_a_heavy_load_that_nobody_told_and_stops_and_carries_a_told_one_about() {
    let (mut rig, _) = powered(2.5, false);
    assert_ne!(rig.mode(), Mode::Hold);
    let sunk = Cause::Fault(Fault::F17FollowingError);
    let stopped = |r: &Report| matches!(r, Report::Stopped { cause, .. } if *cause == sunk);
    assert!(rig.has(stopped), "{:?}", rig.reports);

    let (mut rig, mut plant) = powered(2.5, true);
    let way = reach(&rig.arm, &rig.handle.status().command.q, 0.6, 3.0);
    let id = rig.submit(Motion::Follow(way)).expect("fine");
    plant.ticks(&mut rig, 3500);
    assert!(rig.has(|r| *r == Report::Finished(id)), "{:?}", rig.reports);
    assert!(!rig.has(|r| matches!(r, Report::Fault { .. } | Report::Stopped { .. })), "{:?}", rig.reports);
}

#[test]
fn a_load_is_refused_under_way_and_by_name_when_it_cannot_be() {
    let mut rig = Rig::active(arm());
    let at = |mass_kg, x| Payload { mass_kg, center_m: [x, 0.0, 0.0] };
    for (payload, field) in [
        (at(f64::NAN, 0.0), "payload.mass_kg"),
        (at(-0.1, 0.0), "payload.mass_kg"),
        (at(1e300, 0.0), "payload.mass_kg"),
        (at(0.1, f64::INFINITY), "payload.center_m"),
        (at(0.1, 0.31), "payload.center_m"),
        // Finite, and more than the arm can hold.
        (at(900.0, 0.2), "payload.mass_kg"),
    ] {
        let refusal = rig.handle.carry(rig.now, payload).expect_err("B3");
        assert_eq!(refusal.field, field, "{payload:?}: {refusal}");
    }
    let way = reach(&rig.arm, &rig.arm.home(), 0.1, 1.0);
    rig.submit(Motion::Follow(way)).expect("fine");
    rig.ticks(100);
    rig.handle.carry(rig.now, at(0.1, 0.0)).expect("sent");
    rig.ticks(2);
    let busy = Report::Refused { id: None, request: Request::Carry, why: RefusedWhy::Busy };
    assert!(rig.has(|r| *r == busy), "{:?}", rig.reports);
    rig.until(Mode::Hold);
    assert_eq!(rig.handle.status().payload, Payload::default());
}

#[test]
fn a_load_goes_over_in_a_fifth_of_a_second_and_another_one_from_where_that_has_come() {
    let mut rig = Rig::active(arm());
    let payload = |mass_kg, z| Payload { mass_kg, center_m: [0.0, 0.0, z] };
    rig.handle.carry(rig.now, payload(1.0, 0.1)).expect("fine");
    rig.ticks(100);
    let half = rig.handle.status().payload;
    assert!((half.mass_kg - 0.5).abs() < 0.01 && half.center_m[2] == 0.1, "{half:?}");
    rig.handle.carry(rig.now, payload(0.5, 0.3)).expect("fine");
    rig.ticks(100);
    let blend = rig.handle.status().payload;
    assert!((blend.mass_kg - 0.5).abs() < 0.01 && (blend.center_m[2] - 0.2).abs() < 0.002, "{blend:?}");
    rig.ticks(110);
    assert_eq!(rig.handle.status().payload, payload(0.5, 0.3));
}

#[test]
fn a_contact_is_felt_while_the_model_goes_over_to_a_load_under_way() {
    let mut rig = Rig::active(arm());
    let way = reach(&rig.arm, &rig.arm.home(), 0.3, 1.5);
    rig.handle.carry(rig.now, Payload { mass_kg: 0.05, center_m: [0.0; 3] }).expect("fine");
    rig.submit(Motion::Follow(way)).expect("fine");
    rig.ticks(20);
    assert_eq!(rig.mode(), Mode::Follow);
    for _ in 0..100 {
        // More than a fifth of the joint's limit.
        let mut state = rig.state;
        state.stamp = rig.now + crate::common::TICK;
        state.tau[1] -= 40.0;
        rig.tick_with(Some(state));
    }
    let contact = Report::Fault { fault: Fault::F21Contact, latched: false };
    assert!(rig.has(|r| *r == contact), "{:?}", rig.reports);
}

#[test]
fn a_load_may_be_said_to_be_gone_at_any_time_and_is_forgotten_without_power() {
    let mut rig = Rig::active(arm());
    let load = Payload { mass_kg: 0.3, center_m: [0.0; 3] };
    rig.handle.carry(rig.now, load).expect("fine");
    rig.ticks(300);
    let way = reach(&rig.arm, &rig.arm.home(), 0.1, 1.0);
    rig.submit(Motion::Follow(way)).expect("fine");
    rig.ticks(100);
    rig.handle.carry(rig.now, Payload::default()).expect("sent");
    rig.ticks(250);
    assert_eq!(rig.mode(), Mode::Follow);
    assert_eq!(rig.handle.status().payload.mass_kg, 0.0);
    rig.until(Mode::Hold);
    rig.handle.carry(rig.now, load).expect("fine");
    rig.ticks(300);
    assert_eq!(rig.handle.status().payload, load);
    rig.handle.stop(StopCategory::Zero);
    rig.ticks(300);
    assert_eq!(rig.handle.status().payload.mass_kg, 0.0, "{:?}", rig.reports);
}
