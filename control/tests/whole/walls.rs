//! Walls are the loop's own: no order needs to tell of them, and no world can leave them out.

use super::filter::{Judge, ball, tool, world};
use crate::common::{N, Rig, check_differences, reach, solid_arm};
use control::{Config, Mode, Motion, Report, Thing};
use mechanics::Arm;
use mechanics::collision::Obstacle;
use nalgebra::Point3;
use std::sync::Arc;
use types::JointVector;

/// A rig with one wall, and the judge of it.
fn walled(arm: &Arc<Arm>, at: Point3<f64>) -> (Rig, Judge) {
    let things: [Thing; 1] = [ball(at, 0.05, 0.0, 0.0)];
    let walls: Vec<Obstacle> = things.iter().map(|t| t.obstacle.clone()).collect();
    let judge = Judge::new(arm, &things);
    (Rig::active_with(arm.clone(), Config { walls, ..Config::default() }), judge)
}

/// Runs for so many ticks; how near the arm came to the wall.
fn nearest(
    rig: &mut Rig,
    judge: &mut Judge,
    arm: &Arm,
    ticks: usize,
    mut each: impl FnMut(&mut Rig, usize),
) -> f64 {
    (0..ticks).fold(f64::INFINITY, |nearest, k| {
        each(rig, k);
        let command = rig.tick();
        nearest.min(judge.distance(arm, &command.q))
    })
}

#[test]
fn a_path_stops_before_a_wall_that_nobody_has_told_of_and_no_world_takes_it_away() {
    let arm = solid_arm();
    let home = Rig::active(arm.clone()).hold_q();
    let way = reach(&arm, &home, 0.8, 2.0);
    let in_the_way = tool(&arm, &way.sample(1.0).q);
    for told in ["nothing", "an empty world", "something elsewhere"] {
        let (mut rig, mut judge) = walled(&arm, in_the_way);
        let far = [ball(Point3::new(0.0, 0.0, -5.0), 0.05, 0.0, 0.0)];
        let things = if told == "something elsewhere" { &far[..] } else { &[] };
        let id = rig.follow(way.clone());
        let near = nearest(&mut rig, &mut judge, &arm, 4000, |rig, k| {
            if told != "nothing" && k % 100 == 50 {
                rig.handle.watch(world(rig.now, 0.5, things)).expect("a world");
            }
        });
        assert!((0.0..0.03).contains(&near), "told {told}: it came up to {near} m");
        assert_eq!(rig.mode(), Mode::Follow, "told {told}: it waits before it");
        assert!(!rig.has(|r| *r == Report::Finished(id)));
        check_differences(&arm, &rig.commands);
    }
}

#[test]
fn a_steered_arm_stops_before_a_wall_too() {
    let arm = solid_arm();
    let home = Rig::active(arm.clone()).hold_q();
    let by = JointVector::from_fn(N, |j| home[j] + 0.4);
    let (mut rig, mut judge) = walled(&arm, tool(&arm, &by));
    let speeds = JointVector::from_fn(N, |_| 0.4);
    let near = nearest(&mut rig, &mut judge, &arm, 2500, |rig, k| {
        if k % 20 == 0 {
            rig.submit(Motion::Velocity(speeds)).expect("fine");
        }
    });
    assert!((0.0..0.05).contains(&near), "it came up to {near} m");
    check_differences(&arm, &rig.commands);
}

#[test]
fn an_arm_that_stands_in_a_wall_may_leave_it_and_a_wall_that_is_none_is_refused_by_name() {
    let arm = solid_arm();
    let home = Rig::active(arm.clone()).hold_q();
    // Behind the arm, which touches it.
    let behind = |by: f64| tool(&arm, &JointVector::from_fn(N, |j| home[j] - by));
    let depth = |by: f64| walled(&arm, behind(by)).1.distance(&arm, &home);
    let by = (1..100).map(|k| 0.005 * f64::from(k)).find(|by| depth(*by) > -0.01).expect("a place");
    assert!(depth(by) < 0.0);
    let (mut rig, mut judge) = walled(&arm, behind(by));
    let id = rig.follow(reach(&arm, &home, 0.8, 2.0));
    rig.tick();
    rig.until(Mode::Hold);
    assert!(rig.has(|r| *r == Report::Finished(id)), "{:?}", rig.reports);
    let q = rig.hold_q();
    assert!(judge.distance(&arm, &q) > 0.0);

    let mut wall = ball(Point3::origin(), 0.05, 0.0, 0.0).obstacle;
    wall.shape = mechanics::GeomShape::Sphere { radius: f64::NAN };
    let refused = control::new(arm, Config { walls: vec![wall], ..Config::default() });
    let why = refused.err().expect("B15").to_string();
    assert!(why.contains("ball") || why.contains("radius"), "{why}");
}
