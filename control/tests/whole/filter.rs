//! The safety filter: before what is in the way the arm slows down, waits, and goes on (F42, F43, I5).

use crate::common::{N, Rig, check_differences, reach, solid_arm};
use control::{LimitKind, Mode, Motion, RefusedWhy, Report, Request, Thing, World};
use mechanics::collision::{Checker, Obstacle};
use mechanics::{Arm, ArmData, GeomShape, tool_pose};
use nalgebra::{Isometry3, Point3, Vector3};
use proptest::prelude::*;
use std::time::Duration;
use types::{Fault, JointVector, StopCategory, Time};

pub(crate) fn ball(at: Point3<f64>, radius: f64, keep_m: f64, speed_m_s: f64) -> Thing {
    let obstacle = Obstacle {
        name: "ball".into(),
        shape: GeomShape::Sphere { radius },
        world_from_obstacle: Isometry3::from_parts(at.coords.into(), nalgebra::UnitQuaternion::identity()),
    };
    Thing { obstacle, keep_m, speed_m_s }
}

/// A world that is good for `life_s` seconds.
pub(crate) fn world(stamp: Time, life_s: f64, things: &[Thing]) -> World {
    let expires = stamp + Duration::from_secs_f64(life_s);
    World { stamp, expires, things: things.to_vec(), held: None }
}

pub(crate) fn tool(arm: &Arm, q: &JointVector) -> Point3<f64> {
    let at = tool_pose(arm, &mut ArmData::new(arm), q).origin();
    Point3::from(at.coords)
}

/// Distance of the arm from things, by the checker and nothing of the filter.
pub(crate) struct Judge {
    pub(crate) checker: Checker,
    data: ArmData,
}

impl Judge {
    pub(crate) fn new(arm: &Arm, things: &[Thing]) -> Self {
        let mut checker = Checker::new(arm);
        checker.set_obstacles(things.iter().map(|t| t.obstacle.clone()).collect()).expect("things");
        Self { checker, data: ArmData::new(arm) }
    }

    /// To the nearest thing, metres; at most one.
    pub(crate) fn distance(&mut self, arm: &Arm, q: &JointVector) -> f64 {
        self.checker.room(arm, &mut self.data, q, 0.04, &[], 1.0).still
    }
}

/// Whether the arm stood still in the last `n` commands.
fn rests(rig: &Rig, n: usize) -> bool {
    rig.commands[rig.commands.len() - n..].iter().all(|c| c.dq.iter().all(|v| *v == 0.0))
}

#[test]
fn before_something_in_its_way_the_arm_waits_and_when_it_is_gone_it_goes_on() {
    let arm = solid_arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let way = reach(&arm, &home, 0.8, 2.0);
    let middle = way.sample(1.0).q;
    let things = [ball(tool(&arm, &middle), 0.05, 0.02, 0.0)];
    let mut judge = Judge::new(&arm, &things);
    rig.handle.watch(world(rig.now, 0.5, &things)).expect("a world");
    let id = rig.follow(way);
    let mut nearest = f64::INFINITY;
    for k in 0..4000 {
        // The same things, said to be there still.
        if k % 100 == 50 {
            rig.handle.watch(world(rig.now, 0.5, &things)).expect("a world");
        }
        let command = rig.tick();
        nearest = nearest.min(judge.distance(&arm, &command.q));
    }
    assert!(rests(&rig, 500), "it waits");
    assert_eq!(rig.mode(), Mode::Follow, "nothing latches, the motion is not over");
    assert!((0.0199..0.04).contains(&nearest), "F43: it came up to {nearest} m, asked to keep 0.02 m");
    let restricted = |r: &Report| {
        matches!(r, Report::Intervention { limit: LimitKind::Separation, applied, requested, .. }
            if applied < requested)
    };
    assert_eq!(rig.reports.iter().filter(|r| restricted(r)).count(), 1, "I7, and once: {:?}", rig.reports);
    assert!(!rig.has(|r| matches!(r, Report::Fault { .. })), "it was seen in time: {:?}", rig.reports);
    rig.handle.watch(world(rig.now, 100.0, &[])).expect("a world");
    rig.until(Mode::Hold);
    assert!(rig.has(|r| *r == Report::Finished(id)));
    check_differences(&arm, &rig.commands);
}

#[test]
fn f43_what_appears_within_the_braking_distance_is_braked_for_in_the_same_cycle() {
    let arm = solid_arm();
    for delay in [300, 500, 700, 900] {
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        let way = reach(&arm, &home, 1.2, 1.6);
        rig.follow(way);
        rig.ticks(delay);
        let q = rig.hold_q();
        let speed = |c: &types::JointCommand| c.dq.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let before = speed(rig.commands.last().expect("some"));
        // At the hand, a little ahead of it.
        let ahead = JointVector::from_fn(N, |j| q[j] + 0.02);
        rig.handle
            .watch(world(rig.now, 100.0, &[ball(tool(&arm, &ahead), 0.04, 0.0, 0.0)]))
            .expect("a world");
        let first = rig.tick();
        rig.ticks(2);
        assert!(rig.has(|r| matches!(r, Report::Fault { fault: Fault::F43ObstacleTooNear, latched: false })));
        let ddq = rig.commands.last().expect("some").ddq[0];
        assert!(ddq < first.ddq[0] + 1e-9 || speed(&first) < before, "F43: it brakes, {ddq}");
        rig.ticks(1500);
        assert!(rests(&rig, 200), "F43: it stands and stays");
        assert_eq!(rig.mode(), Mode::Follow);
        check_differences(&arm, &rig.commands);
        // A stop can still be asked for, and ends the motion.
        rig.handle.stop(StopCategory::Two);
        rig.until(Mode::Hold);
    }
}

#[test]
fn what_appears_far_ahead_is_no_fault() {
    let arm = solid_arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let way = reach(&arm, &home, 0.8, 4.0);
    let middle = way.sample(2.0).q;
    rig.follow(way);
    rig.ticks(500);
    rig.handle.watch(world(rig.now, 100.0, &[ball(tool(&arm, &middle), 0.05, 0.02, 0.0)])).expect("a world");
    rig.ticks(3000);
    assert!(rests(&rig, 200), "it waits before it");
    assert!(!rig.has(|r| matches!(r, Report::Fault { .. })), "there was time to stop: {:?}", rig.reports);
}

#[test]
fn f42_the_arm_stands_before_a_person_who_comes_is_near_and_goes_on_when_they_have_left() {
    let arm = solid_arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let way = reach(&arm, &home, 1.0, 3.0);
    let target = tool(&arm, &way.sample(1.5).q);
    let (keep, walk) = (0.1, 1.6);
    let id = rig.follow(way);
    let mut judge = Judge::new(&arm, &[]);
    let mut finished_at = None;
    let mut at_rest_while_near = 0;
    for ms in 0..12_000u32 {
        let t = f64::from(ms) * 1e-3;
        // Towards the arm's way from 3 m away, a second there, and off again.
        let away = (3.0 - walk * t).max(0.1).max(walk * (t - 3.0) - 0.2);
        let person = ball(target + Vector3::new(0.0, away, 0.0), 0.1, keep, walk);
        if ms % 33 == 0 {
            rig.handle.watch(world(rig.now, 0.3, std::slice::from_ref(&person))).expect("a world");
        }
        let command = rig.tick();
        judge.checker.set_obstacles(vec![person.obstacle]).expect("a ball");
        let distance = judge.distance(&arm, &command.q);
        let speed = command.dq.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        if distance < keep {
            at_rest_while_near += 1;
            assert!(speed == 0.0, "F42: {speed} rad/s at {distance} m, {t} s");
        }
        if rig.mode() == Mode::Hold && finished_at.is_none() && ms > 10 {
            finished_at = Some(t);
        }
    }
    assert!(at_rest_while_near > 500, "the person came near: {at_rest_while_near}");
    let told = |r: &&Report| matches!(r, Report::Fault { fault: Fault::F42PersonTooNear, latched: false });
    assert_eq!(rig.reports.iter().filter(told).count(), 1, "once: {:?}", rig.reports);
    assert!(
        rig.has(|r| *r == Report::Finished(id)) && finished_at.is_some_and(|t| t > 3.0),
        "{finished_at:?}"
    );
    check_differences(&arm, &rig.commands);
}

#[test]
fn an_old_world_makes_the_arm_slower_and_then_stops_it_until_a_new_one_comes() {
    let arm = solid_arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    rig.handle.watch(world(rig.now, 0.5, &[])).expect("a world");
    rig.follow(reach(&arm, &home, 1.0, 4.0));
    rig.ticks(240);
    assert!((rig.handle.status().speed_factor - 1.0).abs() < 0.03, "fresh");
    rig.ticks(200);
    let slower = rig.handle.status().speed_factor;
    assert!((0.2..0.8).contains(&slower), "{slower}");
    assert!(rig.has(|r| matches!(r, Report::Intervention { limit: LimitKind::WorldAge, .. })), "I7");
    rig.ticks(600);
    assert!(rests(&rig, 200), "nothing is known any more");
    assert_eq!(rig.mode(), Mode::Follow);
    rig.handle.watch(world(rig.now, 100.0, &[])).expect("a world");
    rig.until(Mode::Hold);
    check_differences(&arm, &rig.commands);
}

#[test]
fn a_world_that_cannot_be_is_refused_by_name_and_an_older_one_with_a_report() {
    let arm = solid_arm();
    let mut rig = Rig::active(arm.clone());
    let good = || ball(Point3::new(2.0, 0.0, 0.0), 0.1, 0.1, 0.0);
    let with = |change: &dyn Fn(&mut Thing)| {
        let mut thing = good();
        change(&mut thing);
        vec![good(), thing]
    };
    for (things, field) in [
        (with(&|t| t.keep_m = f64::NAN), "world.things[1].keep_m"),
        (with(&|t| t.keep_m = -0.1), "world.things[1].keep_m"),
        (with(&|t| t.speed_m_s = f64::INFINITY), "world.things[1].speed_m_s"),
        (with(&|t| t.speed_m_s = 50.0), "world.things[1].speed_m_s"),
        (with(&|t| t.obstacle.shape = GeomShape::Sphere { radius: f64::NAN }), "ball.radius"),
        (with(&|t| t.obstacle.world_from_obstacle.translation.x = f64::NAN), "ball.pose"),
        (vec![good(); control::MOST_THINGS + 1], "world.things"),
    ] {
        let refused = rig.handle.watch(world(rig.now, 1.0, &things)).expect_err(field);
        assert_eq!(refused.field, field, "B1 to B6");
    }
    let over = World { expires: rig.now, ..world(rig.now, 1.0, &[]) };
    assert_eq!(rig.handle.watch(over).expect_err("no life").field, "world.expires");
    let refused = |why: RefusedWhy| move |r: &Report| matches!(r, Report::Refused { request: Request::World, why: w, .. } if *w == why);
    rig.handle.watch(world(rig.now, 1.0, &[good()])).expect("a world");
    rig.tick();
    assert!(!rig.has(|r| matches!(r, Report::Refused { .. })));
    let older = Time::from_nanos(rig.now.as_nanos() - 500_000_000);
    rig.handle.watch(world(older, 10.0, &[])).expect("sent");
    rig.tick();
    assert!(rig.has(refused(RefusedWhy::Stale)), "F5: out of order");
    rig.handle.watch(world(rig.now + Duration::from_secs(5), 10.0, &[])).expect("sent");
    rig.tick();
    assert!(rig.has(refused(RefusedWhy::FromFuture)), "B22");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// I5: wherever balls stand, known before the motion begins or announced while the arm can still stop,
    /// it never comes nearer than asked.
    #[test]
    fn the_arm_never_comes_nearer_to_what_it_knows_than_asked(
        balls in prop::collection::vec(([-0.6..0.6f64, -0.6..0.6, 0.1..1.1], 0.03..0.15f64, 0.0..0.05f64), 1..6),
        by in -1.4..1.4f64,
        slow in 0.1..1.0f64,
        announced in prop_oneof![Just(0usize), 100..1500usize],
    ) {
        let arm = solid_arm();
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        let by = if by.abs() < 0.1 { 0.5 } else { by };
        let things: Vec<Thing> =
            balls.iter().map(|(at, r, keep)| ball(Point3::from(*at), *r, *keep, 0.0)).collect();
        let mut judges: Vec<(f64, Judge)> =
            things.iter().map(|t| (t.keep_m, Judge::new(&arm, core::slice::from_ref(t)))).collect();
        let start: Vec<f64> = judges.iter_mut().map(|(keep, j)| (j.distance(&arm, &home) - *keep).min(0.0)).collect();
        // What is nearer than it may be already is another case.
        prop_assume!(start.iter().all(|s| *s >= 0.0));
        rig.handle.slow(slow);
        if announced > 0 {
            rig.follow(reach(&arm, &home, by, 1.0 + by.abs()));
            rig.ticks(announced);
        }
        rig.handle.watch(world(rig.now, 1000.0, &things)).expect("a world");
        if announced == 0 {
            rig.follow(reach(&arm, &home, by, 1.0 + by.abs()));
        }
        // What is put onto a standing arm is not the arm's doing.
        let here = rig.hold_q();
        let least: Vec<f64> = judges.iter_mut().map(|(keep, j)| j.distance(&arm, &here).min(*keep)).collect();
        for _ in 0..3000 {
            let command = rig.tick();
            if rig.has(|r| matches!(r, Report::Fault { fault: Fault::F43ObstacleTooNear, .. })) {
                // It came too late to keep the distance for sure; in the end the arm stands all the same.
                prop_assert!(announced > 0, "{:?}", rig.reports);
                rig.ticks(3000);
                prop_assert!(rests(&rig, 10), "F43");
                break;
            }
            for ((_, judge), least) in judges.iter_mut().zip(&least) {
                let distance = judge.distance(&arm, &command.q);
                prop_assert!(distance >= least - 7e-4, "I5: {distance} m, to keep {least} m");
            }
        }
        check_differences(&arm, &rig.commands);
    }
}

#[test]
fn an_arm_that_rests_nearer_than_it_may_is_steered_away_and_no_nearer() {
    let arm = solid_arm();
    let home = arm.home();
    let way = reach(&arm, &home, 0.8, 2.0);
    // Something beside the tool, on the way of a positive turn.
    let things = |keep_m| [ball(tool(&arm, &way.sample(0.6).q), 0.05, keep_m, 0.0)];
    let near = Judge::new(&arm, &things(0.0)).distance(&arm, &home);
    assert!((0.01..0.2).contains(&near), "{near}");
    for (speed, moves) in [(-0.2, true), (0.2, false)] {
        let mut rig = Rig::active(arm.clone());
        rig.handle.watch(world(rig.now, 100.0, &things(near + 0.02))).expect("a world");
        rig.tick();
        for _ in 0..20 {
            rig.submit(Motion::Velocity(JointVector::from_fn(N, |_| speed))).expect("fine");
            rig.ticks(10);
        }
        let moved = rig.hold_q()[0] - home[0];
        let is_away = moved < -0.005;
        assert_eq!(is_away, moves, "{moved} rad at {speed} rad/s: {:?}", rig.reports);
        assert!(moved < 1e-3, "{moved} rad nearer");
    }
}
