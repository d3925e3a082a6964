//! Free paths among solids alone.

mod common;
#[path = "common/arm.rs"]
mod robot;

use mechanics::collision::{Checker, Obstacle};
use mechanics::{ArmData, GeomShape};
use nalgebra::{Isometry3, Vector3};
use planner::{Config, Paths, PlanFailure};
use robot::arm;
use types::JointVector;

fn wall([x, z]: [f64; 2], half: [f64; 3]) -> Obstacle {
    Obstacle {
        name: "wall".into(),
        shape: GeomShape::Cuboid { half: Vector3::from(half) },
        world_from_obstacle: Isometry3::translation(x, 0.0, z),
    }
}

/// From one side to the other of a wall in front of the arm.
fn ends() -> (JointVector, JointVector) {
    let mut from = JointVector::from_slice(&[0.9, 0.2, 0.0, -1.8, 0.0, 2.0, 0.8]).expect("seven joints");
    let to = from;
    from[0] = -0.9;
    (from, to)
}

#[test]
fn a_path_leads_around_a_wall_the_same_every_time_and_shortening_leaves_it_free() {
    let panda = arm("panda");
    let mut paths = Paths::new(panda.clone(), &Config::default(), 0.04, 0.005).expect("numbers that can be");
    let (mut checker, mut data) = (Checker::new(&panda), ArmData::new(&panda));
    let (from, to) = ends();
    let obstacles = vec![wall([0.55, 0.5], [0.25, 0.02, 0.35])];
    checker.set_obstacles(obstacles.clone()).expect("a wall");
    assert!(
        !checker.edge_is_free(&panda, &mut data, &from, &to, 0.04, 0.005, 0.04),
        "the wall is in the way"
    );
    paths.surround(obstacles).expect("a wall");
    let found = paths.find(&from, &to).expect("there is a way");
    let mut shorter = found.clone();
    paths.shorten(&mut shorter);
    let length = |path: &[JointVector]| path.windows(2).map(|w| w[0].max_abs_diff(&w[1])).sum::<f64>();
    assert!(length(&shorter) <= length(&found) + 1e-9);
    let mut smoother = shorter.clone();
    paths.smooth(&mut smoother);
    let seconds = |path: &[JointVector]| -> f64 {
        let edge = |w: &[JointVector]| {
            let square = |j: usize| ((w[1][j] - w[0][j]) / panda.limits()[j].velocity).powi(2);
            (0..7).map(square).sum::<f64>().sqrt()
        };
        path.windows(2).map(edge).sum()
    };
    assert_ne!(smoother, shorter);
    assert!(seconds(&smoother) < 1.02 * seconds(&shorter), "{} {}", seconds(&smoother), seconds(&shorter));
    for path in [&found, &shorter, &smoother] {
        assert_eq!((path[0], path[path.len() - 1]), (from, to));
        for w in path.windows(2) {
            let n = (w[0].max_abs_diff(&w[1]) / 0.01).ceil().max(1.0) as usize;
            for i in 0..=n {
                let x = i as f64 / n as f64;
                let q = JointVector::from_fn(7, |j| w[0][j] + x * (w[1][j] - w[0][j]));
                let met = checker.nearest_within(&panda, &mut data, &q, 0.04, 0.0);
                assert!(met.is_none(), "{q:?}: {met:?}");
            }
        }
    }
    assert_eq!(paths.find(&from, &to).expect("there is a way"), found);
}

#[test]
fn an_end_in_something_is_told_apart_from_a_budget_that_is_spent() {
    let panda = arm("panda");
    let config = Config { search_iterations: 1, ..Config::default() };
    let mut paths = Paths::new(panda, &config, 0.04, 0.005).expect("numbers that can be");
    let (from, to) = ends();
    paths.surround(vec![wall([0.5, 0.5], [1.0, 1.0, 0.02])]).expect("a wall");
    assert!(matches!(paths.find(&from, &to), Err(PlanFailure::Collision { .. })));
    paths.surround(vec![wall([0.55, 0.5], [0.25, 0.02, 0.35])]).expect("a wall");
    assert!(matches!(paths.find(&from, &to), Err(PlanFailure::NoPath { .. })));
    assert!(Paths::new(arm("panda"), &Config::default(), 0.04, f64::NAN).is_err());
}
