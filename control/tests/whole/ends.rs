//! Limits that hang on where the arm is: slow near the ends of a joint's range, whoever moves it.

use crate::common::{N, Rig, arm_with, check_differences};
use control::{Cause, Chunk, LimitKind, Mode, Motion, Report};
use mechanics::Arm;
use std::sync::Arc;
use types::motion::TrajectoryPoint;
use types::{CRAWL, JointCommand, JointVector, Trajectory};

/// Half a radian from the upper end of every joint's range, with such limits as a Franka Research 3 has.
fn near_ends() -> Arc<Arm> {
    arm_with(|profile| {
        profile.near_end_slope = vec![12.0, 5.17, 7.0, 8.0, 34.0, 11.0, 17.0];
        profile.near_end_offset = vec![0.3, 0.2, 0.2, 0.3, 0.35, 0.35, 0.35];
        profile.home = vec![2.3, 0.5, 2.3, 0.7, 2.3, 0.3, 2.3];
    })
}

/// The greatest part of what a joint may do where it is.
fn haste(arm: &Arm, commands: &[JointCommand]) -> f64 {
    let part = |c: &JointCommand, j: usize| c.dq[j].abs() / arm.limits()[j].fastest(c.q[j], c.dq[j]);
    let enabled = commands.iter().filter(|c| c.enabled);
    enabled.flat_map(|c| (0..N).map(move |j| part(c, j))).fold(0.0, f64::max)
}

#[test]
fn velocities_bring_a_joint_to_the_end_of_its_range_as_slowly_as_it_has_to_be_there_and_back() {
    let arm = near_ends();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let all = |v: f64| JointVector::from_fn(N, |j| if j % 2 == 0 { v } else { 0.0 });
    let steer = |rig: &mut Rig, v: f64, ms: usize| {
        for k in 0..ms {
            if k % 10 == 0 {
                rig.submit(Motion::Velocity(all(v))).expect("well-formed");
            }
            rig.tick();
        }
    };
    steer(&mut rig, 1.5, 2500);
    let there = rig.hold_q();
    for j in [0, 2, 4, 6] {
        let left = arm.limits()[j].upper - there[j];
        assert!((0.0..0.03).contains(&left), "joint {j} has {left} rad left");
    }
    assert!(haste(&arm, &rig.commands) <= 1.001, "{}", haste(&arm, &rig.commands));
    // From there back as fast as anywhere.
    let from = rig.commands.len();
    steer(&mut rig, -1.5, 500);
    let fastest = rig.commands[from..].iter().map(|c| -c.dq[0]).fold(0.0, f64::max);
    assert!(fastest > 1.4, "{fastest}");
    rig.submit(Motion::Joints(home)).expect("fine");
    rig.until(Mode::Hold);
    assert!(haste(&arm, &rig.commands) <= 1.001);
    assert!(!rig.has(|r| matches!(r, Report::Fault { .. } | Report::Stopped { .. })), "{:?}", rig.reports);
    check_differences(&arm, &rig.commands);
}

/// From rest to rest.
fn straight(arm: &Arm, from: &JointVector, to: &JointVector, seconds: f64) -> Box<Trajectory> {
    let zero = JointVector::zeros(N);
    let at = |t, q: &JointVector| TrajectoryPoint { t, q: *q, dq: zero, ddq: zero };
    Box::new(Trajectory::new(vec![at(0.0, from), at(seconds, to)], arm.limits(), from).expect("valid"))
}

#[test]
fn paths_and_chunks_run_as_slowly_as_they_have_to_near_the_ends_or_are_refused() {
    let (mut slower, mut refused, mut ran, mut began) = (0, 0, 0, 0);
    for k in 0..40 {
        let arm = near_ends();
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        let (left, seconds) = (0.01 + 0.04 * f64::from(k % 8), 0.5 + 0.1 * f64::from(k / 8));
        let to = JointVector::from_fn(N, |j| if j % 2 == 0 { arm.limits()[j].upper - left } else { home[j] });
        if rig.submit(Motion::Follow(straight(&arm, &home, &to, seconds))).is_err() {
            refused += 1;
            continue;
        }
        rig.ticks(2500);
        ran += 1;
        let is_slower = |r: &Report| matches!(r, Report::Intervention { limit: LimitKind::Velocity, .. });
        slower += usize::from(rig.has(is_slower));
        assert!(haste(&arm, &rig.commands) <= 1.001, "{k}: {}", haste(&arm, &rig.commands));
        // On to the ends in chunks that overlap.
        let from = rig.hold_q();
        for turn in 0..12 {
            let at = |t: f64| {
                JointVector::from_fn(N, |j| {
                    let way = if j % 2 == 0 { arm.limits()[j].upper - 0.02 - from[j] } else { 0.2 };
                    from[j] + way * (1.0 - libm::cos(1.2 * t))
                })
            };
            let points = (0..16).map(|i| at(0.1 * f64::from(turn) + f64::from(i) / 30.0)).collect();
            let _ = rig.submit(Motion::Chunk(Chunk { points, period_s: 1.0 / 30.0, grip: None }));
            rig.ticks(100);
        }
        assert!(haste(&arm, &rig.commands) <= 1.001, "{k}: {}", haste(&arm, &rig.commands));
        began += rig.reports.iter().filter(|r| matches!(r, Report::Started(_))).count();
        check_differences(&arm, &rig.commands);
        let by_the_wall = |r: &Report| matches!(r, Report::Stopped { cause: Cause::Limit, .. });
        assert!(!rig.has(by_the_wall), "{k}: {:?}", rig.reports);
    }
    assert!(began > 3 * ran, "{began} motions of {ran} runs began");
    assert!(ran > 10 && slower > 3 && refused > 0, "{ran} ran, {slower} of them slower, {refused} refused");
}

#[test]
fn a_chunk_that_leads_an_arm_to_an_end_is_gone_over_to_as_slowly_as_it_has_to_be_there() {
    let arm = arm_with(|profile| {
        profile.near_end_slope = vec![17.0; N];
        profile.near_end_offset = vec![0.35; N];
        profile.acceleration = vec![100.0; N];
        profile.jerk = vec![4e4; N];
        profile.home[6] = 2.55;
    });
    for left in [0.02, 0.03, 0.05] {
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        // It stands there for a while, and goes away again.
        let away = |t: f64| if t < 1.0 { (t - 0.5).max(0.0).powi(2) } else { t - 0.75 };
        let at = |k: i32| {
            let there = 2.8 - left - away(f64::from(k) / 30.0);
            JointVector::from_fn(N, |j| if j == 6 { there } else { home[j] })
        };
        let chunk = Chunk { points: (0..46).map(at).collect(), period_s: 1.0 / 30.0, grip: None };
        let id = rig.submit(Motion::Chunk(chunk)).expect("fine");
        rig.ticks(2500);
        assert!(rig.has(|r| *r == Report::Started(id)), "{:?}", rig.reports);
        let by_the_wall = |r: &Report| matches!(r, Report::Stopped { cause: Cause::Limit, .. });
        assert!(!rig.has(by_the_wall), "{left}: {:?}", rig.reports);
        assert!(haste(&arm, &rig.commands) <= 1.001, "{left}: {}", haste(&arm, &rig.commands));
        check_differences(&arm, &rig.commands);
    }
}

#[test]
fn an_arm_that_stands_at_an_end_proves_its_encoders_and_crawls_away() {
    let arm = arm_with(|profile| {
        profile.near_end_slope = vec![12.0; N];
        profile.near_end_offset = vec![0.3; N];
        profile.home = vec![2.799, 0.5, -0.2, 0.7, 0.1, 0.3, -2.799];
    });
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    assert!(!rig.has(|r| matches!(r, Report::Intervention { .. })), "{:?}", rig.reports);
    assert_eq!(arm.limits()[0].fastest(home[0], 1.0), CRAWL);
    // A path made a hair from where it stands: it goes over onto it as slowly as it has to be there.
    let aside = JointVector::from_fn(N, |j| if j == 0 { home[j] - 0.005 } else { home[j] });
    let away = JointVector::from_fn(N, |j| if j == 0 { home[j] - 0.2 } else { home[j] });
    let id = rig.submit(Motion::Follow(straight(&arm, &aside, &away, 2.0))).expect("fine");
    rig.tick();
    rig.until(Mode::Hold);
    assert!(rig.has(|r| *r == Report::Finished(id)), "{:?}", rig.reports);
    rig.submit(Motion::Joints(home)).expect("fine");
    rig.tick();
    rig.until(Mode::Hold);
    let back = JointVector::from_fn(N, |j| if j == 0 { 2.796 } else { home[j] });
    let id = rig.submit(Motion::Follow(straight(&arm, &back, &away, 2.0))).expect("fine");
    rig.tick();
    rig.until(Mode::Hold);
    assert!(rig.has(|r| *r == Report::Finished(id)), "{:?}", rig.reports);
    rig.submit(Motion::Joints(JointVector::from_fn(N, |j| 0.8 * home[j]))).expect("fine");
    rig.tick();
    rig.until(Mode::Hold);
    assert!(rig.hold_q().max_abs_diff(&JointVector::from_fn(N, |j| 0.8 * home[j])) < 1e-3);
    assert!(haste(&arm, &rig.commands) <= 1.001);
}
