//! What an arm at the end of a line does when it hears nothing more: it goes on for a while, and then stops as was
//! verified, whenever that is.

use crate::common::{N, Rig, arm_with, reach, solid_arm, wiggle};
use crate::filter::{Judge, ball, tool, world};
use control::{Config, LimitKind, Mode, Motion, Report, Thing};
use mechanics::Arm;
use nalgebra::{Point3, Vector3};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use types::{Ending, EndingPlace, Fault, JointCommand, JointState, JointVector, StopCategory};

const COAST_S: f64 = 0.05;
/// Time between two places that are looked at, seconds.
const LOOK_S: f64 = 0.004;
/// Slower is no motion but rounding, rad/s.
const RESTS: f64 = 1e-6;

fn rig(arm: &Arc<Arm>) -> Rig {
    coasting(arm, COAST_S)
}

fn coasting(arm: &Arc<Arm>, coast_s: f64) -> Rig {
    let mut rig = Rig::with(arm.clone(), Config { coast_s, ..Config::default() });
    rig.handle.activate(rig.now).expect("sent");
    rig.until(Mode::Hold);
    rig
}

/// Where an arm is that hears this and nothing more, and how fast, at times after the command.
fn followed(command: &JointCommand, ending: &Ending) -> Vec<(f64, JointVector, JointVector)> {
    let mut last = EndingPlace { after_s: 0.0, q: command.q, dq: command.dq };
    let mut out = Vec::new();
    for place in &ending.0 {
        let h = place.after_s - last.after_s;
        let n = (h / LOOK_S).ceil() as usize;
        for k in 1..=n {
            let s = k as f64 / n as f64;
            let cubic = |j: usize| {
                let (p0, p1) = (last.q[j], place.q[j]);
                let (v0, v1) = (h * last.dq[j], h * place.dq[j]);
                let (c2, c3) = (3.0 * (p1 - p0) - 2.0 * v0 - v1, 2.0 * (p0 - p1) + v0 + v1);
                (p0 + s * (v0 + s * (c2 + s * c3)), (v0 + s * (2.0 * c2 + 3.0 * s * c3)) / h)
            };
            let q = JointVector::from_fn(N, |j| cubic(j).0);
            out.push((last.after_s + s * h, q, JointVector::from_fn(N, |j| cubic(j).1)));
        }
        last = *place;
    }
    out
}

fn fastest(v: &JointVector) -> f64 {
    v.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
}

/// The ending of the last tick, within the arm's limits.
fn ending(rig: &Rig) -> Vec<(f64, JointVector, JointVector)> {
    let command = rig.commands.last().expect("some");
    let ending = rig.core.ending().expect("it has power");
    let way = followed(command, &ending);
    let [first, .., last] = &ending.0;
    assert!(last.after_s >= first.after_s + 0.1 - 1e-12, "{}", last.after_s);
    assert_eq!(fastest(&last.dq), 0.0, "it ends at rest");
    for (t, q, dq) in &way {
        for (j, l) in rig.arm.limits().iter().enumerate() {
            assert!(q[j] >= l.lower - 1e-3 && q[j] <= l.upper + 1e-3, "joint {j} at {} after {t} s", q[j]);
            assert!(dq[j].abs() <= 1.05 * l.velocity, "joint {j} at {} rad/s after {t} s", dq[j]);
        }
    }
    way
}

#[test]
fn an_arm_that_hears_every_command_has_no_ending_and_one_without_power_has_none() {
    let arm = solid_arm();
    let mut near = Rig::active(arm.clone());
    let home = near.hold_q();
    near.follow(reach(&arm, &home, 0.5, 1.0));
    near.ticks(300);
    assert_eq!(near.core.ending(), None);
    let mut far = Rig::with(arm.clone(), Config { coast_s: COAST_S, ..Config::default() });
    far.ticks(5);
    assert_eq!(far.core.ending(), None);
    let mut far = rig(&arm);
    far.tick();
    let home = far.hold_q();
    assert!(ending(&far).iter().all(|(_, q, dq)| *q == home && fastest(dq) == 0.0));
}

#[test]
fn while_nothing_changes_an_arm_is_told_what_it_will_be_told() {
    let arm = solid_arm();
    let mut rig = rig(&arm);
    let home = rig.hold_q();
    let seeds: Vec<f64> = (0..20).map(|k| f64::from(k * 37 % 19) / 9.5 - 1.0).collect();
    rig.follow(wiggle(&arm, &home, &seeds, 0.7));
    let mut told = Vec::new();
    let mut seen = 0;
    let ticks = (COAST_S * 1e3) as usize;
    for k in 0..3000 {
        let command = rig.tick();
        if rig.mode() != Mode::Follow {
            break;
        }
        told.push(rig.core.ending().expect("it has power").0[0]);
        if k >= ticks {
            let place = told[k - ticks];
            assert!(place.q.max_abs_diff(&command.q) < 1e-9, "{k}: {:?}, then {:?}", place.q, command.q);
            assert!(place.dq.max_abs_diff(&command.dq) < 1e-7, "{k}");
            seen += 1;
        }
    }
    assert!(seen > 500, "{seen}");
}

#[test]
fn a_stop_is_told_as_it_is_gone() {
    let arm = solid_arm();
    for steered in [false, true] {
        let mut rig = rig(&arm);
        let home = rig.hold_q();
        if steered {
            (0..40).for_each(|_| {
                rig.submit(Motion::Velocity(JointVector::from_fn(N, |_| 0.5))).expect("fine");
                rig.ticks(10);
            });
        } else {
            rig.follow(reach(&arm, &home, 1.0, 1.5));
            rig.ticks(700);
        }
        rig.handle.stop(StopCategory::Two);
        rig.tick();
        assert!(matches!(rig.mode(), Mode::Stopping(_)), "{:?}", rig.mode());
        let way = ending(&rig);
        let began = rig.commands.len();
        rig.until(Mode::Hold);
        rig.ticks(300);
        for (t, q, _) in way {
            // Ticks are every millisecond.
            let k = began - 1 + (t * 1e3).round() as usize;
            let off = q.max_abs_diff(&rig.commands[k].q);
            assert!(off < 1e-3, "{off} rad off after {t} s");
        }
    }
}

#[test]
fn i6_an_arm_whose_power_goes_is_told_its_verified_stop_at_once_and_only_once() {
    let arm = solid_arm();
    for steered in [false, true] {
        for ms in [0, 30, 150, 700] {
            let mut rig = rig(&arm);
            let home = rig.hold_q();
            let way = reach(&arm, &home, 1.0, 1.5);
            if steered {
                (0..ms / 10).for_each(|_| {
                    rig.submit(Motion::Velocity(JointVector::from_fn(N, |_| 0.5))).expect("fine");
                    rig.ticks(10);
                });
            } else {
                rig.follow(way.clone());
                rig.ticks(ms);
            }
            let before = *rig.commands.last().expect("some");
            let moves = fastest(&before.dq) > 0.0;
            // Both go the same way, but this one begins at once.
            let later = rig.core.ending().expect("it has power").0[8];
            rig.handle.stop(StopCategory::Zero);
            let off = rig.tick();
            assert!(!off.enabled && rig.mode() == Mode::Fault { powered: false });
            let told = rig.core.ending();
            if moves {
                let told = told.expect("its stop");
                let [first, .., last] = told.0;
                assert!(first.after_s == 0.0 && last.after_s < later.after_s && last.after_s >= 0.1);
                assert_eq!(fastest(&last.dq), 0.0);
                // The first place is where the next command with power would have been, slowing down.
                let dt = 1e-3;
                let on = JointVector::from_fn(N, |j| before.q[j] + dt * before.dq[j]);
                assert!(first.q.max_abs_diff(&on) < 1e-5, "{:?}, not {on:?}", first.q);
                for j in 0..N {
                    let (this, that) = ((last.q[j] - before.q[j]).abs(), (later.q[j] - before.q[j]).abs());
                    assert!(this <= that + 1e-9, "joint {j} goes {this} rad, and {that} without a word");
                }
                if !steered {
                    for place in &told.0 {
                        let near =
                            (0..=3000).map(|k| way.sample(5e-4 * f64::from(k)).q.max_abs_diff(&place.q));
                        let off = near.fold(f64::INFINITY, f64::min);
                        assert!(off < 1e-3, "{off} rad beside its path");
                    }
                }
            } else {
                let stands = |p: &EndingPlace| p.q == before.q && fastest(&p.dq) == 0.0;
                assert!(told.is_none_or(|told| told.0.iter().all(stands)), "what stands stays");
            }
            rig.tick();
            assert_eq!(rig.core.ending(), None);
        }
    }
}

#[test]
fn f26_after_a_pause_an_arm_without_power_is_not_led_back_to_where_it_was() {
    let arm = solid_arm();
    for is_seen in [false, true] {
        let mut rig = rig(&arm);
        let home = rig.hold_q();
        rig.follow(reach(&arm, &home, 1.0, 1.5));
        rig.ticks(500);
        // It has come to rest on what it was told last.
        let rests = rig.core.ending().expect("it has power").0[8];
        rig.state.q = rests.q;
        rig.state.dq = rests.dq;
        rig.handle.stop(StopCategory::Zero);
        let now = rig.now + Duration::from_millis(400);
        let state = JointState { stamp: now, ..rig.state };
        let off = rig.tick_at(now, is_seen.then_some(state));
        assert!(!off.enabled && rig.mode() == Mode::Fault { powered: false });
        let told = rig.core.ending();
        assert_eq!(told.is_some(), is_seen, "{told:?}");
        for place in told.iter().flat_map(|told| told.0) {
            assert!(place.q.max_abs_diff(&rests.q) < 1e-3, "{:?}, not {:?}", place.q, rests.q);
        }
    }
}

#[test]
fn f24_an_arm_that_is_seen_elsewhere_as_its_power_goes_is_told_nothing() {
    let arm = solid_arm();
    for following_error in [0.1, 0.001] {
        let mut rig =
            Rig::with(arm.clone(), Config { coast_s: COAST_S, following_error, ..Config::default() });
        rig.handle.activate(rig.now).expect("sent");
        rig.until(Mode::Hold);
        let home = rig.hold_q();
        rig.follow(reach(&arm, &home, 1.0, 1.5));
        rig.ticks(500);
        rig.state.q[0] -= 0.003;
        rig.handle.stop(StopCategory::Zero);
        assert!(!rig.tick().enabled);
        assert_eq!(rig.core.ending().is_some(), following_error > 0.01, "{following_error} rad");
    }
}

#[test]
fn what_has_not_begun_does_not_begin_by_itself() {
    let arm = solid_arm();
    let mut rig = rig(&arm);
    let home = rig.hold_q();
    let way = reach(&arm, &home, 0.8, 2.0);
    // So near that it cannot set out.
    let ahead = JointVector::from_fn(N, |j| home[j] + 0.05);
    rig.handle.watch(world(rig.now, 100.0, &[ball(tool(&arm, &ahead), 0.05, 0.02, 0.0)])).expect("a world");
    rig.follow(way);
    for _ in 0..300 {
        let command = rig.tick();
        if command.q == home {
            assert!(ending(&rig).iter().all(|(_, q, _)| *q == home), "it stands");
        }
    }
}

#[test]
fn f42_an_arm_that_hears_nothing_more_stands_before_a_person_who_comes_is_near() {
    let arm = solid_arm();
    let mut rig = coasting(&arm, 0.1);
    let home = rig.hold_q();
    let way = reach(&arm, &home, 1.0, 3.0);
    let target = tool(&arm, &way.sample(1.5).q);
    let (keep, walk) = (0.1, 1.6);
    rig.follow(way);
    let mut judge = Judge::new(&arm, &[]);
    let mut moved = 0;
    for ms in 0..4000_u32 {
        let t = f64::from(ms) * 1e-3;
        let away = (3.0 - walk * t).max(0.1).max(walk * (t - 3.0) - 0.2);
        let person = ball(target + Vector3::new(0.0, away, 0.0), 0.1, keep, walk);
        if ms % 33 == 0 {
            rig.handle.watch(world(rig.now, 0.3, std::slice::from_ref(&person))).expect("a world");
        }
        rig.tick();
        if ms % 10 != 0 || ms < 100 {
            continue;
        }
        for (t, q, dq) in ending(&rig) {
            let speed = fastest(&dq);
            if speed < RESTS {
                continue;
            }
            moved += 1;
            // Wherever they may be by then.
            let grown = ball(target + Vector3::new(0.0, away, 0.0), 0.1 + walk * t, keep, walk);
            judge.checker.set_obstacles(vec![grown.obstacle]).expect("a ball");
            let distance = judge.distance(&arm, &q);
            assert!(distance >= keep - 7e-4, "F42: {speed} rad/s at {distance} m, {ms} ms and {t} s");
        }
    }
    assert!(moved > 2000, "{moved}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// I5 for an arm at the end of a line: whenever that is cut, it comes no nearer to anything than asked.
    #[test]
    fn wherever_the_line_is_cut_the_arm_comes_no_nearer_than_asked(
        balls in prop::collection::vec(([-0.6..0.6f64, -0.6..0.6, 0.1..1.1], 0.03..0.15f64, 0.0..0.05f64), 1..6),
        by in -1.4..1.4f64,
        announced in prop_oneof![Just(0usize), 100..1500usize],
        steered in any::<bool>(),
        coast in prop_oneof![Just(COAST_S), Just(0.1)],
    ) {
        let arm = solid_arm();
        let mut rig = coasting(&arm, coast);
        let home = rig.hold_q();
        let by = if by.abs() < 0.1 { 0.5 } else { by };
        let things: Vec<Thing> =
            balls.iter().map(|(at, r, keep)| ball(Point3::from(*at), *r, *keep, 0.0)).collect();
        let mut judges: Vec<(f64, Judge)> =
            things.iter().map(|t| (t.keep_m, Judge::new(&arm, core::slice::from_ref(t)))).collect();
        prop_assume!(judges.iter_mut().all(|(keep, j)| j.distance(&arm, &home) >= *keep));
        let wish = JointVector::from_fn(N, |j| 0.6 * by * if j % 3 == 0 { 1.0 } else { -0.5 });
        if !steered {
            rig.follow(reach(&arm, &home, by, 1.0 + by.abs()));
        }
        for k in 0..2500 {
            if k == announced {
                rig.handle.watch(world(rig.now, 1000.0, &things)).expect("a world");
            }
            if steered && k % 10 == 0 {
                // Back and forth, so that it is often speeding up.
                let part = if k % 400 < 280 { 1.0 } else { -1.0 };
                let wish = JointVector::from_fn(N, |j| part * wish[j]);
                rig.submit(Motion::Velocity(wish)).expect("fine");
            }
            rig.tick();
            if rig.has(|r| matches!(r, Report::Fault { fault: Fault::F43ObstacleTooNear, .. })) {
                prop_assert!(announced > 0, "{:?}", rig.reports);
                break;
            }
            if k % 5 != 0 || k <= announced {
                continue;
            }
            for (t, q, dq) in ending(&rig) {
                for (keep, judge) in &mut judges {
                    let distance = judge.distance(&arm, &q);
                    // What was put beside a standing arm is not its doing.
                    prop_assert!(
                        distance >= *keep - 7e-4 || fastest(&dq) < RESTS,
                        "I5: {distance} m after {t} s at tick {k}, to keep {keep} m"
                    );
                }
            }
        }
    }
}

#[test]
fn a_slower_approach_is_told_as_any_other() {
    let arm = solid_arm();
    let mut rig = rig(&arm);
    let home = rig.hold_q();
    let way = reach(&arm, &home, 0.8, 2.0);
    let things = [ball(tool(&arm, &way.sample(1.0).q), 0.05, 0.02, 0.0)];
    rig.handle.watch(world(rig.now, 100.0, &things)).expect("a world");
    let id = rig.follow(way);
    rig.ticks(4000);
    let mut judge = Judge::new(&arm, &things);
    let nearest = judge.distance(&arm, &rig.hold_q());
    // With half a tenth of a second more to go it comes as near in the end: at rest nothing coasts.
    assert!((0.0199..0.04).contains(&nearest), "{nearest}");
    assert!(rig.has(|r| matches!(r, Report::Intervention { limit: LimitKind::Separation, .. })));
    rig.handle.watch(world(rig.now + Duration::from_millis(1), 100.0, &[])).expect("a world");
    rig.until(Mode::Hold);
    assert!(rig.has(|r| *r == Report::Finished(id)));
}

#[test]
fn f43_an_arm_that_is_steered_at_something_and_hears_nothing_more_stands_before_it() {
    let arm = solid_arm();
    let home = arm.home();
    let way = reach(&arm, &home, 0.8, 2.0);
    let keep = 0.02;
    let things = [ball(tool(&arm, &way.sample(1.2).q), 0.05, keep, 0.0)];
    let mut judge = Judge::new(&arm, &things);
    for speed in [0.4, 0.8] {
        let mut rig = coasting(&arm, 0.1);
        rig.handle.watch(world(rig.now, 100.0, &things)).expect("a world");
        let (mut nearest, mut fast) = (f64::INFINITY, 0.0f64);
        for k in 0..4000 {
            if k % 10 == 0 {
                // Now and then it hesitates, and speeds up again.
                let part = if k % 500 < 300 { 1.0 } else { 0.3 };
                rig.submit(Motion::Velocity(JointVector::from_fn(N, |_| part * speed))).expect("fine");
            }
            let command = rig.tick();
            fast = fast.max(fastest(&command.dq));
            if k % 4 == 0 {
                for (t, q, dq) in ending(&rig) {
                    let distance = judge.distance(&arm, &q);
                    let is_kept = distance >= keep - 7e-4 || fastest(&dq) < RESTS;
                    assert!(is_kept, "F43: {distance} m after {t} s at tick {k} at {speed} rad/s");
                    nearest = nearest.min(distance);
                }
            }
        }
        assert!(fast > 0.5 * speed && nearest < keep + 0.03, "{fast} rad/s, {nearest} m");
    }
}

#[test]
fn an_arm_that_is_proven_goes_to_the_end_of_its_way_and_waits_there_to_be_judged() {
    let arm = solid_arm();
    let mut rig = Rig::with(arm.clone(), Config { coast_s: 0.1, ..Config::default() });
    rig.ticks(5);
    rig.handle.activate(rig.now).expect("sent");
    let home = rig.hold_q();
    let mut farthest = 0.0f64;
    for _ in 0..1500 {
        rig.tick();
        if rig.mode() != Mode::Proving {
            continue;
        }
        for (t, q, _) in ending(&rig) {
            let off = q.max_abs_diff(&home);
            farthest = farthest.max(off);
            // Out by a third of a degree, and beyond that by what a cubic makes of the end of a short way.
            assert!(off < 0.006, "{off} rad after {t} s");
        }
    }
    assert!(farthest > 0.005, "{farthest}");
}

#[test]
fn f26_an_arm_that_brakes_beyond_the_end_of_a_range_is_told_to_stand_at_the_end() {
    for way in [1.0, -1.0] {
        // A twentieth of a radian from the ends of half of its joints.
        let home = [2.75 * way, 0.5, 2.75 * way, 0.7, 2.75 * way, 0.3, 2.75 * way];
        let arm = arm_with(|profile| profile.home = home.to_vec());
        let mut rig = rig(&arm);
        rig.follow(reach(&arm, &arm.home(), 0.02 * way, 1.5));
        rig.ticks(500);
        // It went on while the loop stood, and is so fast near the ends that no stop remains within them.
        let now = rig.now + Duration::from_millis(400);
        let ends: Vec<(usize, f64)> = (0..N).step_by(2).map(|j| (j, 2.8 * way)).collect();
        for (j, end) in &ends {
            rig.state.q[*j] = end - 2e-3 * way;
            rig.state.dq[*j] = 0.8 * way;
        }
        rig.tick_at(now, Some(JointState { stamp: now, ..rig.state }));
        assert!(matches!(rig.mode(), Mode::Stopping(_)), "{:?}", rig.reports);
        let told = rig.core.ending().expect("it has power").0;
        for (j, end) in ends {
            assert!(told.iter().any(|p| p.q[j] == end), "joint {j} comes to its end");
            for p in &told {
                assert!(p.q[j] * way <= end * way, "joint {j} is beyond its end: {}", p.q[j]);
                let is_onwards = p.q[j] == end && p.dq[j] * way > 0.0;
                assert!(!is_onwards, "joint {j} goes on at {} rad/s at its end", p.dq[j]);
            }
        }
    }
}

#[test]
fn b15_a_coast_that_is_none_is_refused_by_name() {
    for coast_s in [-0.01, 0.11, f64::NAN] {
        let refused = control::new(solid_arm(), Config { coast_s, ..Config::default() }).map(|_| ());
        assert_eq!(refused.expect_err("none").field, "control.coast_s");
    }
}
