//! Whether the arm is free, as searches ask it, against the exact distances: the same answer for drawn arms,
//! surroundings and poses.

mod collision_arm;

use collision_arm::stick_arm;
use mechanics::collision::{Attached, Checker, Obstacle, Part};
use mechanics::{Arm, ArmData, GeomShape};
use nalgebra::{Isometry3, Point3, Translation3, UnitQuaternion, Vector3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use types::JointVector;

fn built_in(name: &str) -> Arm {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots");
    let text = std::fs::read_to_string(folder.join(name)).expect("a profile");
    let profile: types::RobotProfile = toml::from_str(&text).expect("a profile");
    let model = mechanics::load(&folder.join(&profile.model)).expect("a model");
    Arm::new(model, profile).expect("an arm")
}

fn shape(rng: &mut ChaCha8Rng, kind: usize) -> GeomShape {
    let mut size = |low: f64, high: f64| rng.random_range(low..high);
    match kind {
        0 => GeomShape::Sphere { radius: size(0.01, 0.1) },
        1 => GeomShape::Capsule { radius: size(0.01, 0.06), half_length: size(0.0, 0.2) },
        2 => GeomShape::Cylinder { radius: size(0.01, 0.1), half_length: size(0.01, 0.2) },
        3 => GeomShape::Cuboid { half: Vector3::from_fn(|_, _| size(0.005, 0.15)) },
        _ => {
            let corner = |_| Point3::new(size(0.0, 0.2), size(-0.1, 0.1), size(-0.1, 0.1));
            GeomShape::Hull { points: (0..12).map(corner).collect(), triangles: Vec::new() }
        }
    }
}

fn pose(rng: &mut ChaCha8Rng, away: f64) -> Isometry3<f64> {
    let turn = UnitQuaternion::from_scaled_axis(Vector3::from_fn(|_, _| rng.random_range(-2.0..2.0)));
    let at = Vector3::from_fn(|_, _| rng.random_range(-away..away));
    Isometry3::from_parts(Translation3::from(at), turn)
}

fn draw(arm: &Arm, rng: &mut ChaCha8Rng) -> JointVector {
    let limits = arm.limits();
    JointVector::from_fn(limits.len(), |j| rng.random_range(limits[j].lower..limits[j].upper))
}

/// Whether the exact distances say so.
fn is_free(checker: &mut Checker, arm: &Arm, data: &mut ArmData, q: &[f64], margin: f64) -> bool {
    checker.nearest_within(arm, data, q, 0.03, margin).is_none()
}

/// Every drawn question answered as the exact distances do; how many were free and how many not.
fn check(arm: &Arm, seed: u64, n_obstacles: usize) -> [usize; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut checker, mut data) = (Checker::new(arm), ArmData::new(arm));
    let mut seen = [0; 2];
    for round in 0..40 {
        let mut obstacles: Vec<Obstacle> = (0..n_obstacles)
            .map(|i| Obstacle {
                name: format!("{}", i % 3),
                shape: shape(&mut rng, i % 5),
                world_from_obstacle: pose(&mut rng, 1.0),
            })
            .collect();
        let far = GeomShape::Cuboid { half: Vector3::new(3.0, 3.0, 0.1) };
        let world_from_obstacle = Isometry3::translation(0.0, 0.0, -0.12);
        obstacles.push(Obstacle { name: "floor".into(), shape: far, world_from_obstacle });
        checker.forbid_all();
        checker.set_obstacles(obstacles).expect("obstacles that can be");
        if round % 4 == 1 {
            checker.allow(Part::Gripper, "0");
            checker.allow(Part::Held, "1");
            checker.allow(Part::Fingers, "2");
        }
        let kind = round % 5;
        let held = (round % 3 == 1)
            .then(|| Attached { shape: shape(&mut rng, kind), tool_from_shape: pose(&mut rng, 0.1) });
        checker.attach(held).expect("an object that can be");
        let margin = [0.0, 0.002, 0.03, 0.2, 0.0][round % 5];
        for _ in 0..150 {
            let q = draw(arm, &mut rng);
            let exact = is_free(&mut checker, arm, &mut data, &q, margin);
            assert_eq!(
                checker.is_free(arm, &mut data, &q, 0.03, margin),
                exact,
                "seed {seed}, round {round}: {q:?}"
            );
            seen[usize::from(exact)] += 1;
        }
        for _ in 0..10 {
            let (from, step) = (draw(arm, &mut rng), 0.04);
            let to = JointVector::from_fn(from.len(), |j| from[j] + rng.random_range(-0.4..0.4));
            let n = (from.max_abs_diff(&to) / step).ceil() as usize;
            let exact = (0..=n).all(|i| {
                let x = i as f64 / n as f64;
                let q = JointVector::from_fn(from.len(), |j| from[j] + x * (to[j] - from[j]));
                is_free(&mut checker, arm, &mut data, &q, margin)
            });
            let found = checker.edge_is_free(arm, &mut data, &from, &to, 0.03, margin, step);
            assert_eq!(found, exact, "seed {seed}, round {round}: {from:?} to {to:?}");
            seen[usize::from(exact)] += 1;
        }
    }
    seen
}

#[test]
fn poses_and_motions_are_free_when_the_exact_distances_say_so_and_only_then() {
    for (arm, few, many) in
        [(built_in("panda.toml"), 4, 100), (built_in("so101.toml"), 20, 100), (stick_arm(), 3, 30)]
    {
        for (seed, n) in [(1, few), (2, many)] {
            let [hits, free] = check(&arm, seed, n);
            assert!(hits > 200 && free > 50, "{}: {hits} hits, {free} free", arm.model().name);
        }
    }
}

#[test]
fn an_arm_on_a_turned_base_far_from_the_origin_is_judged_where_it_stands() {
    let mut profile = built_in("panda.toml").profile().clone();
    (profile.base_xyz_m, profile.base_yaw_rad) = ([12.0, -7.0, 0.4], 1.1);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots/panda.xml");
    let arm = Arm::new(mechanics::load(&path).expect("a model"), profile).expect("an arm");
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (mut checker, mut data) = (Checker::new(&arm), ArmData::new(&arm));
    let obstacles = (0..40).map(|i| Obstacle {
        name: "thing".into(),
        shape: shape(&mut rng, i % 5),
        world_from_obstacle: arm.world_from_base() * pose(&mut rng, 1.0),
    });
    checker.set_obstacles(obstacles.collect()).expect("obstacles that can be");
    let mut n_free = 0;
    for _ in 0..3000 {
        let q = draw(&arm, &mut rng);
        let exact = is_free(&mut checker, &arm, &mut data, &q, 0.001);
        assert_eq!(checker.is_free(&arm, &mut data, &q, 0.03, 0.001), exact, "{q:?}");
        n_free += usize::from(exact);
    }
    assert!(n_free > 100 && n_free < 2900, "{n_free}");
}

#[test]
fn joints_that_are_no_numbers_are_not_free_and_those_far_beyond_their_limits_are_judged_all_the_same() {
    let arm = built_in("panda.toml");
    let (mut checker, mut data) = (Checker::new(&arm), ArmData::new(&arm));
    let mut q = arm.home();
    assert!(checker.is_free(&arm, &mut data, &q, 0.04, 0.001));
    q[0] += 20.0 * core::f64::consts::TAU;
    assert!(checker.is_free(&arm, &mut data, &q, 0.04, 0.001));
    q[0] = f64::NAN;
    assert!(!checker.is_free(&arm, &mut data, &q, 0.04, 0.001));
}
