//! What the motors can give: no path is begun, no velocity taken up, and no stop needed that asks for more.

use crate::common::{N, Rig, arm, arm_with, built_in, check_differences, reach, wiggle};
use control::{Chunk, Config, LimitKind, Mode, Motion, Payload, Report};
use mechanics::{Arm, ArmData, inverse_dynamics};
use std::sync::Arc;
use types::motion::TrajectoryPoint;
use types::{JointCommand, JointVector, StopCategory, Trajectory};

/// An arm whose motors can hold it wherever no joint is farther than `within` rad from home, and give `more` of what
/// its limits of acceleration could take.
fn weak(within: f64, more: f64) -> Arc<Arm> {
    let strong = arm();
    let (home, zero) = (strong.home(), JointVector::zeros(N));
    let mut data = ArmData::new(&strong);
    let mut tau = |q: &JointVector, ddq: &JointVector| {
        let mut tau = zero;
        inverse_dynamics(&strong, &mut data, q, &zero, ddq, 0.04, &mut tau);
        tau
    };
    // Friction is carried by all.
    let mut torque: Vec<f64> = strong.limits().iter().map(|l| 2.0 * within * 0.1 * l.velocity).collect();
    for k in 0..200 {
        let away = seeds(k);
        let held = tau(&JointVector::from_fn(N, |j| home[j] + within * away[j]), &zero);
        torque
            .iter_mut()
            .zip(held.iter())
            .for_each(|(most, held)| *most = most.max((1.0 + within) * held.abs()));
    }
    let rest = tau(&home, &zero);
    for j in 0..N {
        let one = JointVector::from_fn(N, |i| if i == j { strong.limits()[j].acceleration } else { 0.0 });
        let with = tau(&home, &one);
        torque.iter_mut().enumerate().for_each(|(i, most)| *most += more * (with[i] - rest[i]).abs());
    }
    arm_with(|profile| profile.torque = torque)
}

/// The greatest part of any motor's torque that the commands ask for, with a mass (kg) in the hand or without.
fn strain(arm: &Arm, commands: &[JointCommand], mass_kg: f64) -> f64 {
    let mut data = ArmData::new(arm);
    data.carry(arm, mass_kg, &Default::default());
    let mut most = 0.0_f64;
    for c in commands.iter().filter(|c| c.enabled) {
        let mut tau = JointVector::zeros(N);
        inverse_dynamics(arm, &mut data, &c.q, &c.dq, &c.ddq, 0.04, &mut tau);
        most = arm.limits().iter().zip(tau.iter()).fold(most, |m, (l, tau)| m.max(tau.abs() / l.torque));
    }
    most
}

/// An arm whose motors' torques may change by so much of what its limits of jerk could take.
fn sluggish(more: f64) -> Arc<Arm> {
    let strong = arm();
    let (home, zero) = (strong.home(), JointVector::zeros(N));
    let mut data = ArmData::new(&strong);
    let mut tau = |ddq: &JointVector| {
        let mut tau = zero;
        inverse_dynamics(&strong, &mut data, &home, &zero, ddq, 0.04, &mut tau);
        tau
    };
    let rest = tau(&zero);
    let mut rates = vec![0.0; N];
    for j in 0..N {
        let with = tau(&JointVector::from_fn(N, |i| if i == j { strong.limits()[j].jerk } else { 0.0 }));
        rates.iter_mut().enumerate().for_each(|(i, most)| *most += more * (with[i] - rest[i]).abs());
    }
    arm_with(|profile| profile.torque_rate = rates)
}

/// The greatest part of any rate of a torque that the commands ask for while the motors have power.
fn change(arm: &Arm, commands: &[JointCommand]) -> f64 {
    let mut data = ArmData::new(arm);
    let mut most = 0.0_f64;
    for pair in commands.windows(2).filter(|pair| pair.iter().all(|c| c.enabled)) {
        let [before, after] = [&pair[0], &pair[1]].map(|c| {
            let mut tau = JointVector::zeros(N);
            inverse_dynamics(arm, &mut data, &c.q, &c.dq, &c.ddq, 0.04, &mut tau);
            tau
        });
        let dt = pair[1].stamp.secs_since(pair[0].stamp);
        for (j, l) in arm.limits().iter().enumerate() {
            most = most.max((after[j] - before[j]).abs() / dt / l.torque_rate);
        }
    }
    most
}

fn seeds(k: usize) -> Vec<f64> {
    (0..14).map(|i| libm::sin(1.7 * (k * 14 + i) as f64 + 0.3 * (i * i) as f64)).collect()
}

/// Goes along a path that uses most of the joints' limits, and is slowed or stopped on the way; `None` where it is refused,
/// for what is `expected`.
fn stopped_on_a_path(arm: &Arc<Arm>, k: usize, expected: &str) -> Option<Rig> {
    let mut rig = Rig::active(arm.clone());
    let path = wiggle(arm, &rig.hold_q(), &seeds(k), 0.95);
    if let Err(e) = rig.submit(Motion::Follow(path)) {
        assert!(e.field.starts_with("trajectory at ") && e.expected.contains(expected), "{e}");
        return None;
    }
    rig.ticks(20 + 37 * k % 700);
    match k % 4 {
        0 => rig.handle.slow(0.2),
        1 => rig.handle.stop(StopCategory::Two),
        2 => rig.handle.stop(StopCategory::One),
        _ => {}
    }
    rig.ticks(100);
    rig.handle.slow(1.0);
    rig.ticks(1500);
    check_differences(arm, &rig.commands);
    Some(rig)
}

/// Is steered to and fro, and home in the end; with the greatest speed of its first joint, rad/s.
fn steered(arm: &Arc<Arm>, k: usize) -> (Rig, f64) {
    let mut rig = Rig::active(arm.clone());
    let mut fastest = 0.0_f64;
    for turn in 0..40 {
        // To and fro: where it hangs far out its motors would grow hot (F18).
        let (wish, way) = (seeds(10 * k + turn / 2), if turn % 2 == 0 { 0.6 } else { -0.6 });
        let v = JointVector::from_fn(N, |j| way * wish[j] * arm.limits()[j].velocity);
        let motion = match turn % 5 {
            4 => Motion::Joints(arm.home()),
            _ => Motion::Velocity(v),
        };
        for _ in 0..16 {
            rig.submit(motion.clone()).expect("well-formed");
            rig.ticks(10);
        }
        fastest = rig.commands.iter().map(|c| c.dq[0].abs()).fold(fastest, f64::max);
    }
    // From wherever that has led there is a way back.
    let id = rig.submit(Motion::Joints(arm.home())).expect("fine");
    rig.until(Mode::Hold);
    assert!(rig.has(|r| *r == Report::Finished(id)), "{:?}", rig.reports);
    check_differences(arm, &rig.commands);
    (rig, fastest)
}

/// Swings by chunks, each of which has changed its mind a little; with how many began.
fn led_by_chunks(arm: &Arc<Arm>, k: usize) -> (Rig, usize) {
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let at = |t: f64, size: f64| {
        let swing = |j: usize| size * (1.0 - 0.1 * j as f64) * (1.0 - libm::cos(2.5 * t));
        JointVector::from_fn(N, |j| home[j] + swing(j))
    };
    for turn in 0..14 {
        let now = 0.1 * f64::from(turn);
        let size = 0.12 + 0.03 * libm::sin(f64::from(turn) * (k + 3) as f64);
        let points = (0..16).map(|i| at(now + f64::from(i) / 30.0, size)).collect();
        let _ = rig.submit(Motion::Chunk(Chunk { points, period_s: 1.0 / 30.0, grip: None }));
        rig.ticks(100);
    }
    let taken = rig.reports.iter().filter(|r| matches!(r, Report::Started(_))).count();
    check_differences(arm, &rig.commands);
    (rig, taken)
}

#[test]
fn a_path_that_asks_too_much_of_the_motors_runs_slower_or_is_refused_and_every_stop_on_it_can_be_given() {
    let (mut slowed, mut ran) = (0, 0);
    for k in 0..60 {
        let arm = weak(0.0, [0.3, 0.5, 0.8][k % 3]);
        let Some(rig) = stopped_on_a_path(&arm, k, "can give") else { continue };
        let is_slowed = |r: &Report| matches!(r, Report::Intervention { limit: LimitKind::Torque, .. });
        slowed += usize::from(rig.has(is_slowed));
        ran += 1;
        let most = strain(&arm, &rig.commands, 0.0);
        assert!(most <= 1.001, "{k}: {most} of a torque");
    }
    assert!((21..57).contains(&ran) && slowed > 5, "{ran} of 60 ran, {slowed} of them slower");
}

#[test]
fn what_the_hand_carries_counts() {
    let arm = weak(0.3, 0.25);
    let ticks_taken = |mass_kg: f64| {
        let mut rig = Rig::active(arm.clone());
        rig.handle.carry(rig.now, Payload { mass_kg, center_m: [0.0; 3] }).expect("fine");
        rig.ticks(300);
        let home = rig.hold_q();
        rig.follow(reach(&arm, &home, 0.2, 0.55));
        let from = rig.commands.len();
        rig.until(Mode::Follow);
        rig.until(Mode::Hold);
        assert!(!rig.has(|r| matches!(r, Report::Fault { .. })), "{:?}", rig.reports);
        let most = strain(&arm, &rig.commands[from..], mass_kg);
        assert!(most <= 1.001, "{most} with {mass_kg} kg");
        rig.commands.len() - from
    };
    let (empty, loaded) = (ticks_taken(0.0), ticks_taken(0.12));
    assert!(loaded > empty + 20, "{loaded} ticks with a load, {empty} without");
}

#[test]
fn velocities_are_taken_up_as_quickly_as_the_motors_can_and_never_beyond() {
    for (k, more) in [0.2, 0.4, 0.8].into_iter().enumerate() {
        let arm = weak(0.7, more);
        let (rig, fastest) = steered(&arm, k);
        let most = strain(&arm, &rig.commands, 0.0);
        assert!(most <= 1.001, "{most} of a torque, {more}");
        assert!(fastest > 0.3, "it hardly moves: {fastest} rad/s, {more}");
    }
}

#[test]
fn chunks_go_over_into_one_another_within_what_the_motors_can_give() {
    let mut taken = 0;
    for k in 0..24 {
        let arm = weak(0.0, [0.2, 0.35, 0.5][k % 3]);
        let (rig, n) = led_by_chunks(&arm, k);
        taken += n;
        let most = strain(&arm, &rig.commands, 0.0);
        assert!(most <= 1.001, "{k}: {most} of a torque");
    }
    assert!(taken > 40, "{taken} chunks began");
}

#[test]
fn what_the_motors_have_no_strength_for_is_not_begun_and_that_is_told_once() {
    // They hold it at home, and lift nothing: further out it cannot go, and back it can.
    let arm = weak(0.0, 0.001);
    let mut rig = Rig::with(arm.clone(), Config { self_test: false, ..Config::default() }).activated();
    let home = rig.hold_q();
    let out = JointVector::from_fn(N, |j| if j == 1 { 0.3 } else { 0.0 });
    for _ in 0..30 {
        rig.submit(Motion::Velocity(out)).expect("well-formed");
        rig.ticks(10);
    }
    assert!((rig.hold_q()[1] - home[1]).abs() < 0.01, "it went out: {}", rig.hold_q()[1] - home[1]);
    let of = |r: &Report| match r {
        Report::Intervention { joint, limit: LimitKind::Torque, requested, applied, margin } => {
            Some((*joint, *requested, *applied, *margin))
        }
        _ => None,
    };
    let told: Vec<_> = rig.reports.iter().filter_map(of).collect();
    let [(Some(joint), requested, applied, margin)] = told[..] else { panic!("{:?}", rig.reports) };
    let most = arm.limits()[usize::from(joint)].torque;
    assert!((margin - (most - requested.abs())).abs() < 1e-9, "{told:?}, limit {most}");
    assert!(requested.abs() > 0.999 * most && applied.abs() <= 1.001 * most, "{told:?}, limit {most}");
}

#[test]
fn an_arm_that_its_motors_hardly_hold_can_still_be_led_away() {
    for (k, more) in [0.0, -0.02].into_iter().enumerate() {
        // Every motor gives just what holds it at home, or two per cent less.
        let strong = arm();
        let (home, zero) = (strong.home(), JointVector::zeros(N));
        let mut held = zero;
        inverse_dynamics(&strong, &mut ArmData::new(&strong), &home, &zero, &zero, 0.04, &mut held);
        let torque = held.iter().map(|tau| (1.0 + more) * tau.abs() + 0.02).collect();
        let arm = arm_with(|profile| profile.torque = torque);
        let mut rig = Rig::with(arm.clone(), Config { self_test: false, ..Config::default() }).activated();
        // Towards upright, where it weighs less on its joints.
        let to = JointVector::from_fn(N, |j| if j == 1 { home[j] - 0.1 } else { home[j] });
        if k == 0 {
            rig.submit(Motion::Joints(to)).expect("fine");
        } else {
            let points = vec![still(0.0, home), still(0.6, to)];
            rig.follow(Box::new(Trajectory::new(points, arm.limits(), &home).expect("valid")));
        }
        // Before its motors grow too hot (F18).
        rig.ticks(600);
        let moved = rig.hold_q()[1] - home[1];
        assert!(moved < -0.005, "{more}: moved by {moved}; {:?}", rig.reports);
    }
}

fn still(t: f64, q: JointVector) -> TrajectoryPoint {
    TrajectoryPoint { t, q, dq: JointVector::zeros(N), ddq: JointVector::zeros(N) }
}

#[test]
fn a_path_and_every_stop_on_it_change_torques_no_quicker_than_motors_can_or_it_is_refused() {
    let (mut slowed, mut ran) = (0, 0);
    for k in 0..60 {
        let arm = sluggish([0.003, 0.01, 0.05][k % 3]);
        let Some(rig) = stopped_on_a_path(&arm, k, "a second") else { continue };
        let is_slowed = |r: &Report| matches!(r, Report::Intervention { limit: LimitKind::TorqueRate, .. });
        slowed += usize::from(rig.has(is_slowed));
        ran += 1;
        let most = change(&arm, &rig.commands);
        assert!(most <= 1.0, "{k}: {most} of a rate");
    }
    assert!((21..57).contains(&ran) && slowed > 5, "{ran} of 60 ran, {slowed} of them slower");
}

#[test]
fn the_panda_stops_from_anywhere_on_a_path_without_changing_torques_quicker_than_its_maker_allows() {
    let arm = built_in("panda");
    let (mut ran, mut longest) = (0, 0.0_f64);
    for k in 0..48 {
        let mut rig = Rig::active(arm.clone());
        let path = wiggle(&arm, &rig.hold_q(), &seeds(k), [0.15, 0.3, 0.45][k % 3]);
        if rig.submit(Motion::Follow(path)).is_err() {
            continue;
        }
        let begun = rig.commands.len();
        rig.ticks(150 + 61 * k % 1100);
        rig.handle.stop([StopCategory::Two, StopCategory::One][k % 2]);
        let stopped = rig.now;
        rig.ticks(1500);
        let is_moving = |c: &&JointCommand| c.dq.iter().any(|v| *v != 0.0);
        let last = rig.commands.iter().rfind(is_moving).expect("it moved").stamp;
        longest = longest.max(last.secs_since(stopped));
        let most = change(&arm, &rig.commands[begun..]);
        assert!(most <= 1.0, "{k}: {most} of a rate");
        ran += 1;
    }
    assert!(ran > 30, "{ran} ran");
    assert!((0.05..0.5).contains(&longest), "the longest stop takes {longest} s");
}

#[test]
fn velocities_and_targets_change_torques_no_quicker_than_motors_can() {
    for (k, more) in [0.02, 0.05, 0.2].into_iter().enumerate() {
        let arm = sluggish(more);
        let begun = Rig::active(arm.clone()).commands.len();
        let (rig, fastest) = steered(&arm, k);
        let most = change(&arm, &rig.commands[begun..]);
        assert!(most <= 1.0, "{most} of a rate, {more}");
        assert!(fastest > 0.3, "it hardly moves: {fastest} rad/s, {more}");
    }
}

#[test]
fn chunks_go_over_into_one_another_without_changing_torques_quicker_than_motors_can() {
    let mut taken = 0;
    for k in 0..24 {
        let arm = sluggish([0.02, 0.05, 0.1][k % 3]);
        let begun = Rig::active(arm.clone()).commands.len();
        let (rig, n) = led_by_chunks(&arm, k);
        taken += n;
        let most = change(&arm, &rig.commands[begun..]);
        assert!(most <= 1.0, "{k}: {most} of a rate");
    }
    assert!(taken > 40, "{taken} chunks began");
}
