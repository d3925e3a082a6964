//! Collisions: signed distances against closed forms, and an arm in its surroundings.

mod collision_arm;

use collision_arm::stick_arm;
use mechanics::collision::{Attached, Checker, HELD, Obstacle, Part, Separation, signed_distance};
use mechanics::{ArmData, GeomShape};
use nalgebra::{Isometry3, Point3, Translation3, UnitQuaternion, Vector3};
use proptest::prelude::*;

fn at(x: f64, y: f64, z: f64) -> Isometry3<f64> {
    Isometry3::translation(x, y, z)
}

fn cuboid(x: f64, y: f64, z: f64) -> GeomShape {
    GeomShape::Cuboid { half: Vector3::new(x, y, z) }
}

fn hull_of_box(x: f64, y: f64, z: f64) -> GeomShape {
    let corner = |i: u32| {
        let side = |bit: u32, v: f64| if i & bit == 0 { -v } else { v };
        Point3::new(side(1, x) + 0.1, side(2, y), side(4, z))
    };
    GeomShape::Hull { points: (0..8).map(corner).collect(), triangles: Vec::new() }
}

/// Distances are nearly exact; depths of round cores end where the polytope has enough corners.
fn tolerance(distance: f64) -> f64 {
    if distance > 0.0 { 2e-6 } else { 2e-4 }
}

fn between(a: &GeomShape, pa: Isometry3<f64>, b: &GeomShape, pb: Isometry3<f64>) -> Separation {
    let s = signed_distance(a, &pa, b, &pb).expect("shapes that can be");
    let swapped = signed_distance(b, &pb, a, &pa).expect("shapes that can be");
    let tolerance = tolerance(s.distance);
    assert!((s.distance - swapped.distance).abs() < tolerance, "{s:?} {swapped:?}");
    let gap = (s.point_on_first - s.point_on_second).norm();
    assert!((gap - s.distance.abs()).abs() < tolerance, "witness points {gap} apart: {s:?}");
    s
}

fn near(s: Separation, expected: f64) {
    assert!((s.distance - expected).abs() < tolerance(expected), "{s:?}, expected {expected}");
}

#[test]
fn distances_and_depths_agree_with_closed_forms() {
    let ball = GeomShape::Sphere { radius: 0.05 };
    let capsule = GeomShape::Capsule { radius: 0.04, half_length: 0.1 };
    let cylinder = GeomShape::Cylinder { radius: 0.05, half_length: 0.1 };
    let slab = cuboid(0.2, 0.2, 0.01);
    let o = Isometry3::identity();
    near(between(&ball, o, &ball, at(0.3, 0.0, 0.0)), 0.2);
    near(between(&ball, o, &ball, at(0.06, 0.0, 0.0)), -0.04);
    near(between(&ball, at(0.0, 0.0, 0.1), &slab, o), 0.04);
    near(between(&ball, at(0.0, 0.0, 0.03), &slab, o), -0.03);
    near(between(&ball, at(0.05, 0.0, 0.002), &slab, o), -0.058);
    near(between(&capsule, at(0.0, 0.0, 0.2), &slab, o), 0.05);
    near(between(&capsule, at(0.0, 0.0, 0.14), &slab, o), -0.01);
    near(between(&capsule, o, &capsule, at(0.1, 0.0, 0.15)), 0.02);
    near(between(&capsule, o, &capsule, at(0.0, 0.0, 0.25)), -0.03);
    near(between(&cylinder, at(0.0, 0.0, 0.15), &slab, o), 0.04);
    near(between(&cylinder, at(0.0, 0.0, 0.105), &slab, o), -0.005);
    near(between(&cylinder, o, &cylinder, at(0.15, 0.0, 0.0)), 0.05);
    near(between(&cuboid(0.1, 0.1, 0.1), o, &cuboid(0.1, 0.1, 0.1), at(0.19, 0.0, 0.0)), -0.01);
    near(between(&cuboid(0.1, 0.1, 0.1), o, &cuboid(0.1, 0.1, 0.1), at(0.23, 0.24, 0.0)), 0.05);
    near(between(&hull_of_box(0.1, 0.1, 0.1), o, &ball, at(-0.15, 0.0, 0.0)), 0.1);
}

#[test]
fn degenerate_touches_are_never_taken_for_free() {
    let shapes = [
        GeomShape::Sphere { radius: 0.0 },
        GeomShape::Sphere { radius: 0.05 },
        GeomShape::Capsule { radius: 0.05, half_length: 0.1 },
        GeomShape::Cylinder { radius: 0.05, half_length: 0.1 },
        cuboid(0.05, 0.05, 0.1),
        hull_of_box(0.15, 0.05, 0.1),
    ];
    for a in &shapes {
        for b in &shapes {
            let s =
                signed_distance(a, &Isometry3::identity(), b, &Isometry3::identity()).expect("a distance");
            assert!(s.distance <= 1e-4, "same place: {a:?} {b:?} {s:?}");
        }
    }
}

#[test]
fn a_shape_or_pose_that_cannot_be_is_refused_by_name() {
    let (ball, o) = (GeomShape::Sphere { radius: 0.1 }, Isometry3::identity());
    for radius in [f64::NAN, -0.1, f64::INFINITY, 1e308] {
        let refused = signed_distance(&ball, &o, &GeomShape::Sphere { radius }, &o).expect_err("no ball");
        assert_eq!(refused.field, "second.radius");
    }
    assert!(signed_distance(&ball, &at(f64::NAN, 0.0, 0.0), &ball, &o).is_err(), "B1");
    let empty = GeomShape::Hull { points: Vec::new(), triangles: Vec::new() };
    assert!(signed_distance(&ball, &o, &empty, &o).is_err());
    let mut checker = Checker::new(&stick_arm());
    let nowhere = Obstacle { name: "ghost".into(), shape: ball, world_from_obstacle: at(f64::NAN, 0.0, 0.0) };
    assert!(checker.set_obstacles(vec![nowhere]).is_err());
}

fn pose() -> impl Strategy<Value = Isometry3<f64>> {
    let place = proptest::array::uniform3(-0.3..0.3f64);
    let turn = proptest::array::uniform3(-3.0..3.0f64);
    (place, turn).prop_map(|(p, r)| {
        let rotation = UnitQuaternion::from_euler_angles(r[0], r[1], r[2]);
        Isometry3::from_parts(Translation3::new(p[0], p[1], p[2]), rotation)
    })
}

/// Signed distance of a point from a box.
fn point_to_box(p: &Point3<f64>, half: &Vector3<f64>) -> f64 {
    let over = p.coords.abs() - half;
    over.map(|v| v.max(0.0)).norm() + over.max().min(0.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_capsule_and_a_box_are_as_far_apart_as_points_of_the_capsules_axis_say(
        a in pose(), b in pose(), half in proptest::array::uniform3(0.01..0.2f64), r in 0.01..0.1f64, l in 0.0..0.2f64,
    ) {
        let half = Vector3::from(half);
        let capsule = GeomShape::Capsule { radius: r, half_length: l };
        let s = between(&capsule, a, &GeomShape::Cuboid { half }, b);
        let n = 4000;
        let mut least = f64::INFINITY;
        for i in 0..=n {
            let z = l * (2.0 * f64::from(i) / f64::from(n) - 1.0);
            least = least.min(point_to_box(&(b.inverse() * a * Point3::new(0.0, 0.0, z)), &half));
        }
        // Within the box the depth of a segment is more than that of its points.
        if least > 1e-3 {
            prop_assert!((s.distance - (least - r)).abs() < 1e-4, "{:?} {}", s, least - r);
        } else {
            prop_assert!(s.distance <= least - r + 1e-3, "{:?} {}", s, least - r);
        }
    }

    #[test]
    fn a_hull_and_the_box_that_it_is_give_one_distance(a in pose(), b in pose()) {
        let ball = GeomShape::Cylinder { radius: 0.05, half_length: 0.08 };
        let by_hull = between(&hull_of_box(0.1, 0.05, 0.07), a, &ball, b);
        let by_box = between(&cuboid(0.1, 0.05, 0.07), a * at(0.1, 0.0, 0.0), &ball, b);
        prop_assert!((by_hull.distance - by_box.distance).abs() < tolerance(by_box.distance), "{:?} {:?}", by_hull, by_box);
    }
}

fn ball_at(name: &str, x: f64, y: f64, z: f64, radius: f64) -> Obstacle {
    Obstacle { name: name.into(), shape: GeomShape::Sphere { radius }, world_from_obstacle: at(x, y, z) }
}

/// The stick arm: vertical axis at 0.3 m, then 0.4 m and 0.3 m of links of radius 0.03 in a vertical
/// plane, stretched along +x at zero.
#[test]
fn an_arm_knows_how_far_it_is_from_what_and_where() {
    let arm = stick_arm();
    let mut data = ArmData::new(&arm);
    let mut checker = Checker::new(&arm);
    let q = [0.0, 0.0, 0.0];
    checker
        .set_obstacles(vec![ball_at("far", 0.2, 1.0, 0.3, 0.1), ball_at("near", 0.55, 0.0, 0.5, 0.1)])
        .expect("two balls");
    let c = checker.distance(&arm, &mut data, &q, 0.0);
    assert!((c.distance - 0.07).abs() < 1e-4, "{c:?}");
    assert_eq!((c.first.as_str(), c.second.as_str()), ("forearm", "near"));
    assert!((c.point_on_first - Point3::new(0.55, 0.0, 0.33)).norm() < 1e-3, "{c:?}");
    assert!((c.point_on_second - Point3::new(0.55, 0.0, 0.4)).norm() < 1e-3, "{c:?}");
    assert!(
        checker.is_free(&arm, &mut data, &q, 0.0, 0.065) && !checker.is_free(&arm, &mut data, &q, 0.0, 0.075)
    );
    assert!(!checker.is_free(&arm, &mut data, &[f64::NAN, 0.0, 0.0], 0.0, 0.0), "B1");
    assert_eq!(
        checker.distance(&arm, &mut data, &[0.0, f64::INFINITY, 0.0], 0.0).distance,
        f64::NEG_INFINITY
    );
}

#[test]
fn the_base_may_stand_in_the_table_and_the_arm_may_not() {
    let arm = stick_arm();
    let mut data = ArmData::new(&arm);
    let mut checker = Checker::new(&arm);
    let table = Obstacle {
        name: "table".into(),
        shape: cuboid(1.0, 1.0, 0.02),
        world_from_obstacle: at(0.0, 0.0, -0.02),
    };
    checker.set_obstacles(vec![table]).expect("a table");
    assert!(checker.is_free(&arm, &mut data, &[0.0, 0.0, 0.0], 0.0, 0.02));
    assert!(!checker.is_free(&arm, &mut data, &[0.0, 0.6, 0.0], 0.0, 0.0), "the hand is below the table");
    checker.allow(Part::Gripper, "table");
    assert!(!checker.is_free(&arm, &mut data, &[0.0, 0.6, 0.0], 0.0, 0.0), "only the gripper may touch it");
    checker.allow(Part::Robot, "table");
    assert!(checker.is_free(&arm, &mut data, &[0.0, 0.6, 0.0], 0.0, 0.0));
    checker.forbid_all();
    assert!(!checker.is_free(&arm, &mut data, &[0.0, 0.6, 0.0], 0.0, 0.0));
}

#[test]
fn a_held_object_collides_with_the_world_and_the_arm_but_not_with_its_gripper() {
    let arm = stick_arm();
    let mut data = ArmData::new(&arm);
    let mut checker = Checker::new(&arm);
    let q = [0.0, 0.0, 0.0];
    checker.set_obstacles(vec![ball_at("post", 0.86, 0.0, 0.3, 0.05)]).expect("a ball");
    assert!(checker.is_free(&arm, &mut data, &q, 0.0, 0.001));
    let cube = Attached { shape: cuboid(0.02, 0.02, 0.02), tool_from_shape: Isometry3::identity() };
    checker.attach(Some(cube.clone())).expect("a cube");
    // The tool points along +x at 0.8 m: the cube ends at 0.82, the post begins at 0.81.
    let c = checker.distance(&arm, &mut data, &q, 0.0);
    assert!((c.distance + 0.01).abs() < 1e-4, "{c:?}");
    assert_eq!((c.first.as_str(), c.second.as_str()), (HELD, "post"));
    checker.allow(Part::Held, "post");
    assert!(checker.is_free(&arm, &mut data, &q, 0.0, 0.001));
    let beam = Attached { shape: cuboid(0.01, 0.01, 0.5), tool_from_shape: at(0.0, 0.0, -0.3) };
    checker.attach(Some(beam)).expect("a beam");
    let c = checker.distance(&arm, &mut data, &q, 0.0);
    assert!(c.distance < 0.0 && c.first == HELD, "the beam runs through the arm: {c:?}");
    checker.attach(None).expect("nothing");
    assert!(checker.is_free(&arm, &mut data, &q, 0.0, 0.001));
}

#[test]
fn an_arm_that_folds_upon_itself_is_not_free() {
    let arm = stick_arm();
    let mut data = ArmData::new(&arm);
    let mut checker = Checker::new(&arm);
    assert!(checker.is_free(&arm, &mut data, &[0.0, 0.0, 0.0], 0.0, 0.01));
    let c = checker.distance(&arm, &mut data, &[0.0, -1.5, 2.95], 0.0);
    assert!(c.distance < 0.0, "the hand lies on the upper arm: {c:?}");
    let names = checker.self_pair_names(&arm);
    assert!(names.contains(&("upper_arm", "hand")), "{names:?}");
    assert!(!names.contains(&("upper_arm", "forearm")), "neighbours: {names:?}");
    assert_eq!(Checker::new(&arm).self_pair_names(&arm), names, "the same every time");
}

#[test]
fn an_edge_past_a_thin_thing_is_not_free() {
    let arm = stick_arm();
    let mut data = ArmData::new(&arm);
    let mut checker = Checker::new(&arm);
    let pole = GeomShape::Cylinder { radius: 0.004, half_length: 0.5 };
    let pole = Obstacle { name: "pole".into(), shape: pole, world_from_obstacle: at(0.5, 0.0, 0.3) };
    checker.set_obstacles(vec![pole]).expect("a pole");
    let (a, b) = ([-0.8, 0.0, 0.0], [0.8, 0.0, 0.0]);
    assert!(
        checker.is_free(&arm, &mut data, &a, 0.0, 0.01) && checker.is_free(&arm, &mut data, &b, 0.0, 0.01)
    );
    assert!(!checker.edge_is_free(&arm, &mut data, &a, &b, 0.0, 0.01, 0.05));
    assert!(checker.edge_is_free(&arm, &mut data, &a, &[-0.2, 0.0, 0.0], 0.0, 0.01, 0.05));
    assert!(checker.edge_is_free(&arm, &mut data, &a, &a, 0.0, 0.01, 0.05));
    assert!(!checker.edge_is_free(&arm, &mut data, &a, &[f64::NAN, 0.0, 0.0], 0.0, 0.01, 0.05), "B1");
}

#[test]
fn a_free_edge_is_free_wherever_it_is_looked_at() {
    let arm = stick_arm();
    let mut data = ArmData::new(&arm);
    let mut checker = Checker::new(&arm);
    let balls = (0..6).map(|i| {
        let i = f64::from(i);
        ball_at("ball", 0.6 * libm::cos(i), 0.6 * libm::sin(i), 0.2 + 0.05 * i, 0.06)
    });
    checker.set_obstacles(balls.collect()).expect("balls");
    let mut n_free = 0;
    for k in 0..400 {
        let q = |s: f64| [2.5 * libm::sin(1.7 * s), 0.8 * libm::sin(2.9 * s), 1.5 * libm::cos(1.3 * s)];
        let (a, b) = (q(f64::from(k)), q(f64::from(k) + 0.3));
        if !checker.edge_is_free(&arm, &mut data, &a, &b, 0.0, 0.0, 0.02) {
            continue;
        }
        n_free += 1;
        for i in 0..=100 {
            let x = f64::from(i) / 100.0;
            let q: Vec<f64> = (0..3).map(|j| a[j] + x * (b[j] - a[j])).collect();
            let c = checker.distance(&arm, &mut data, &q, 0.0);
            // Half a step of the joints moves the arm by at most this.
            assert!(c.distance > -0.02, "{c:?}");
        }
    }
    assert!((20..380).contains(&n_free), "{n_free} of 400 free");
}
