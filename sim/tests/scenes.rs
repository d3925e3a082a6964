//! Objects behave: they rest, stack, fall in, wake, and never become a silent nonsense.

mod common;

use common::{Driver, arm, down, object, scene};
use nalgebra::Isometry3;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sim::{ObjectSpec, SceneRules, SceneSpec, SimError, World};
use types::language::Relation;
use types::{Shape, Size};

fn raised(o: ObjectSpec, z: f64) -> ObjectSpec {
    ObjectSpec { z_m: Some(z), ..o }
}

fn rest(world: &mut World, steps: usize) {
    for _ in 0..steps {
        world.step().expect("physics");
    }
}

#[test]
fn objects_dropped_into_containers_come_to_rest_inside() {
    let a = arm("panda");
    for container in [Shape::Bowl, Shape::Tray] {
        for &size in Size::ALL {
            for shape in [Shape::Cube, Shape::Ball, Shape::Cylinder, Shape::Box] {
                for off in [0.0, 0.02] {
                    // Small containers take small things.
                    let o = raised(object("o", shape, size, [0.5 + off, 0.01]), 0.12);
                    let c = object("c", container, size, [0.5, 0.0]);
                    let mut world = World::new(&a, &scene(vec![c, o]), 0).expect("world");
                    rest(&mut world, 1500);
                    let truth = world.truth();
                    let what = format!("{size} {shape} into {container}, {off} m off");
                    assert!(truth.stands("o", Relation::In, "c").expect("names"), "{what}: {truth:?}");
                    assert!(truth.is_at_rest(), "{what} still moves: {truth:?}");
                    assert!(truth.at("c", [0.5, 0.0], 0.005).expect("c"), "{what}: the container slid");
                }
            }
        }
    }
}

#[test]
fn stacked_cubes_stay_stacked_and_sleep() {
    let a = arm("panda");
    let cubes = vec![
        object("low", Shape::Cube, Size::Large, [0.5, 0.0]),
        raised(object("mid", Shape::Cube, Size::Large, [0.506, 0.004]), 0.075),
        raised(object("top", Shape::Cube, Size::Small, [0.5, 0.0]), 0.117),
    ];
    let mut world = World::new(&a, &scene(cubes), 0).expect("world");
    let before = world.truth();
    rest(&mut world, 10_000);
    let truth = world.truth();
    assert!(truth.stands("mid", Relation::On, "low").expect("names"));
    assert!(truth.stands("top", Relation::On, "mid").expect("names"));
    assert!((0..3).all(|i| world.sleeps(i)));
    for (b, t) in before.objects.iter().zip(&truth.objects) {
        assert!((b.center() - t.center()).norm() < 1e-3, "{} crept", b.spec.name);
    }
}

#[test]
fn a_sleeping_object_wakes_when_it_is_pushed_and_when_its_support_goes() {
    let a = arm("panda");
    let objects = vec![
        object("low", Shape::Cube, Size::Large, [0.5, 0.2]),
        raised(object("top", Shape::Cube, Size::Small, [0.5, 0.2]), 0.067),
        object("pushed", Shape::Cube, Size::Large, [0.5, 0.0]),
    ];
    let mut world = World::new(&a, &scene(objects), 0).expect("world");
    let mut d = Driver::new(a);
    rest(&mut world, 1000);
    assert!((0..3).all(|i| world.sleeps(i)), "asleep at first");
    d.gripper.width_m = 0.0;
    d.reach(&mut world, &down(0.42, 0.0, 0.15, 0.0), 1200);
    d.reach(&mut world, &down(0.42, 0.0, 0.025, 0.0), 800);
    d.reach(&mut world, &down(0.50, 0.0, 0.025, 0.0), 1000);
    let x = world.truth().get("pushed").expect("name").center().x;
    assert!(x > 0.53, "pushed to {x}");
    world.move_object("low", &Isometry3::translation(0.7, 0.2, 0.025)).expect("name");
    rest(&mut world, 800);
    let top = world.truth().get("top").expect("name").clone();
    assert!((top.center().z - 0.017).abs() < 2e-3, "fell to the table: {:?}", top.center());
}

#[test]
fn random_scenes_settle_without_anything_moving_away() {
    let a = arm("panda");
    let rules = SceneRules { others: [5, 8], max_other_containers: 2, ..SceneRules::default() };
    for seed in 0..12 {
        let spec = SceneSpec::random(&rules, &mut ChaCha8Rng::seed_from_u64(seed)).expect("room");
        let mut world = World::new(&a, &spec, seed).expect("world");
        rest(&mut world, 500);
        let truth = world.truth();
        for (o, s) in truth.objects.iter().zip(&spec.objects) {
            let moved = (o.center().coords - s.world_from_object().translation.vector).norm();
            assert!(moved < 2e-3, "seed {seed}: {} moved by {moved}", s.name);
        }
        assert!(truth.is_at_rest(), "seed {seed}");
    }
}

#[test]
fn a_scene_that_explodes_ends_in_an_error_and_stays_there() {
    let a = arm("panda");
    let o = object("o", Shape::Cube, Size::Small, [0.5, 0.0]);
    let mut world = World::new(&a, &scene(vec![o]), 0).expect("world");
    let far = Isometry3::translation(f64::from(f32::MAX) * 10.0, 0.0, 0.0);
    world.move_object("o", &far).expect("finite in double precision");
    let err = world.step().expect_err("no silent reset");
    assert!(matches!(err, SimError::NonFinite { .. }), "{err}");
    assert_eq!(world.step().expect_err("it stays stopped"), err);
    assert!(world.move_object("o", &Isometry3::translation(f64::NAN, 0.0, 0.0)).is_err(), "B1");
    assert!(world.move_object("x", &Isometry3::identity()).is_err());
}

#[test]
fn the_composed_document_is_whole_mjcf_that_our_own_reader_takes() {
    let a = arm("panda");
    let objects = vec![
        object("b", Shape::Bowl, Size::Small, [0.5, 0.2]),
        object("o", Shape::Ball, Size::Small, [0.5, 0.0]),
    ];
    let world = World::new(&a, &scene(objects), 0).expect("world");
    let text = world.mjcf();
    for part in ["robot/link7", "object/b", "object/o", "table", "polycoef", "finger_joint2"] {
        assert!(text.contains(part), "{part}");
    }
}
