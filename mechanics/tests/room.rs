//! What the safety filter asks of the arm's body.

use mechanics::collision::{Attached, Checker, Keep, Obstacle, OwnRoom};
use mechanics::{Arm, ArmData, GeomShape, body_poses_in_world};
use nalgebra::{Isometry3, Point3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use types::JointVector;

fn panda() -> Arm {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots/panda.xml");
    Arm::from_model(mechanics::load(&path).expect("a model")).expect("an arm")
}

fn random_q(arm: &Arm, rng: &mut ChaCha8Rng) -> JointVector {
    JointVector::from_fn(arm.n_joints(), |j| {
        let l = &arm.limits()[j];
        rng.random_range(l.lower..l.upper)
    })
}

#[test]
fn room_is_the_distance_less_what_is_to_be_kept_for_each_kind_of_obstacle() {
    let arm = panda();
    let (mut checker, mut data) = (Checker::new(&arm), ArmData::new(&arm));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let ball = |radius: f64, rng: &mut ChaCha8Rng| {
        let mut at = || rng.random_range(-0.9..0.9);
        Obstacle {
            name: "ball".into(),
            shape: GeomShape::Sphere { radius },
            world_from_obstacle: Isometry3::translation(at(), at(), at() + 0.6),
        }
    };
    let mut checked = 0;
    for _ in 0..300 {
        let balls = [ball(0.2, &mut rng), ball(0.25, &mut rng)];
        let q = random_q(&arm, &mut rng);
        let mut alone = |i: usize| {
            checker.set_obstacles(vec![balls[i].clone()]).expect("a ball");
            let near = checker.distance(&arm, &mut data, &q, 0.04);
            // Where the arm is nearer to itself than to the ball, the distance says nothing of the ball.
            (near.second == "ball").then_some(near.distance)
        };
        let (first, second) = (alone(0), alone(1));
        checker.set_obstacles(balls.to_vec()).expect("balls");
        let keep = [(0.02, false), (0.05, true)].map(|(d, m)| Keep { distance_m: d, is_moving: m });
        let room = checker.room(&arm, &mut data, &q, 0.04, &keep, 0.4);
        for (got, alone, kept) in [(room.still, first, 0.02), (room.moving, second, 0.05)] {
            assert!(got <= 0.4);
            if let Some(distance) = alone {
                checked += 1;
                assert!((got - (distance - kept)).abs() < 1e-3, "{room:?} {distance}");
            }
        }
    }
    assert!(checked > 30, "{checked}");
    let nan = JointVector::from_fn(arm.n_joints(), |_| f64::NAN);
    assert_eq!(checker.room(&arm, &mut data, &nan, 0.04, &[], 0.4).still, f64::NEG_INFINITY);
}

/// Three joints, of which the last turns twice as far as the second, the other way or the same.
fn follower(multiplier: f64) -> Arm {
    arm_of(&follower_text(multiplier))
}

fn arm_of(text: &str) -> Arm {
    let model = mechanics::urdf::parse(text, "follower.urdf", None, false).expect("a model");
    Arm::from_model(model).expect("an arm")
}

fn follower_text(multiplier: f64) -> String {
    let link = |name: &str| {
        format!(
            r#"<link name="{name}"><inertial><mass value="1"/><inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial>
            <collision><origin xyz="0.3 0 0"/><geometry><sphere radius="0.05"/></geometry></collision></link>"#
        )
    };
    let joint = |name: &str, parent: &str, child: &str, rest: &str| {
        format!(
            r#"<joint name="{name}" type="revolute"><parent link="{parent}"/><child link="{child}"/><origin xyz="0.3 0 0"/>
            <axis xyz="0 1 0"/><limit lower="-3" upper="3" effort="90" velocity="1"/>{rest}</joint>"#
        )
    };
    [
        r#"<robot name="follower"><link name="base"/>"#.to_owned(),
        ["a", "b", "c"].map(link).concat(),
        joint("first", "base", "a", ""),
        joint("second", "a", "b", ""),
        joint("third", "b", "c", &format!(r#"<mimic joint="second" multiplier="{multiplier}"/>"#)),
        "</robot>".to_owned(),
    ]
    .concat()
}

#[test]
fn joints_that_put_a_follower_nowhere_have_no_room_and_change_no_answer_after() {
    // What follows is at no number; what slides is, link on link.
    let slider = arm_of(&follower_text(1.0).replace("revolute", "prismatic"));
    for (arm, nowhere) in [(follower(2.0), [0.0, 1e308]), (slider, [1.7e308, 1.7e308])] {
        let (mut checker, mut data) = (Checker::new(&arm), ArmData::new(&arm));
        let ball = Obstacle {
            name: "ball".into(),
            shape: GeomShape::Sphere { radius: 0.05 },
            world_from_obstacle: Isometry3::translation(0.9, 0.2, 0.0),
        };
        checker.set_obstacles(vec![ball]).expect("a ball");
        let (fresh, most) = (checker.clone(), OwnRoom { room_m: 1.0, clear_s: 1.0 });
        let mut look = |checker: &mut Checker, q: &[f64]| {
            let room = checker.room(&arm, &mut data, q, 0.0, &[], 1.0);
            (room.still, checker.own_room(&[0.1; 2], 0.0, most))
        };
        let first = look(&mut checker, &[0.0; 2]);
        assert!(first.0 < 1.0, "{first:?}");
        let (still, own) = look(&mut checker, &nowhere);
        assert_eq!(
            (still, own.room_m, own.clear_s),
            (f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY)
        );
        for q in [[0.0, 0.1], [0.1, -0.2]] {
            let (found, expected) = (look(&mut checker, &q), look(&mut fresh.clone(), &q));
            assert!((found.0 - expected.0).abs() < 1e-6, "{found:?}, not {expected:?}");
            assert!((found.1.room_m - expected.1.room_m).abs() < 1e-6, "{found:?}, not {expected:?}");
        }
        assert_eq!(checker.distance(&arm, &mut data, &nowhere, 0.0).distance, f64::NEG_INFINITY);
        assert!(checker.nearest_within(&arm, &mut data, &nowhere, 0.0, 0.0).is_some());
        assert!(!checker.is_free(&arm, &mut data, &nowhere, 0.0, 0.0));
        assert!(checker.near(&arm, &mut data, &nowhere, 0.0, 0.1).is_err());
    }
}

#[test]
fn no_part_of_the_arm_moves_farther_than_the_reaches_of_its_joints_say() {
    for arm in [panda(), follower(2.0), follower(-2.0)] {
        is_within_reaches(&arm);
    }
}

fn is_within_reaches(arm: &Arm) {
    let reaches = Checker::new(arm).joint_reaches(arm, 0.0);
    let mut data = ArmData::new(arm);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut closest = f64::INFINITY;
    for _ in 0..2000 {
        let q = random_q(arm, &mut rng);
        let step = JointVector::from_fn(arm.n_joints(), |_| rng.random_range(-1e-3..1e-3));
        let there = JointVector::from_fn(arm.n_joints(), |j| q[j] + step[j]);
        let bound: f64 = (0..arm.n_joints()).map(|j| reaches[j] * step[j].abs()).sum();
        let before = body_poses_in_world(arm, &mut data, &q, 0.04).to_vec();
        let after = body_poses_in_world(arm, &mut data, &there, 0.04);
        for (i, body) in arm.model().bodies.iter().enumerate() {
            for geom in body.geoms.iter().filter(|g| g.collides) {
                let at = geom.body_from_geom * nalgebra::Point3::origin();
                let moved = (after[i] * at - before[i] * at).norm();
                assert!(moved <= bound, "{}: {moved} m, bound {bound} m", body.name);
                closest = closest.min(bound / moved.max(1e-12));
            }
        }
    }
    // A bound that is never nearly met would make the filter timid.
    assert!(closest < 3.0, "{closest}");
}

#[test]
fn what_is_held_nears_the_arm_as_fast_as_a_follower_turns_it() {
    // The second joint moves link and hand alike; its follower is between them.
    let arm = follower(2.0);
    let (mut checker, mut data) = (Checker::new(&arm), ArmData::new(&arm));
    let held = Attached {
        shape: GeomShape::Sphere { radius: 0.05 },
        tool_from_shape: Isometry3::translation(0.1, 0.0, 0.0),
    };
    checker.attach(Some(held)).expect("a ball");
    assert!((checker.held_reach() - 0.15).abs() < 1e-9);
    let reaches = checker.joint_reaches(&arm, checker.held_reach());
    let q = JointVector::from_fn(arm.n_joints(), |_| 0.3);
    let speeds = [0.0, 0.5 * reaches[1]];
    checker.room(&arm, &mut data, &q, 0.04, &[], 2.0);
    let most = OwnRoom { room_m: 2.0, clear_s: 100.0 };
    let room = checker.own_room(&speeds, 0.0, most);
    assert!(room.clear_s < 10.0, "{room:?}");
    // A pose that is none says nothing of any distance, then or later.
    let nan = JointVector::from_fn(arm.n_joints(), |_| f64::NAN);
    checker.room(&arm, &mut data, &nan, 0.04, &[], 2.0);
    assert_eq!(checker.own_room(&speeds, 0.0, most).clear_s, f64::NEG_INFINITY);
    checker.room(&arm, &mut data, &q, 0.04, &[], 2.0);
    assert_eq!(checker.own_room(&speeds, 0.0, most), room);
}

#[test]
fn points_of_the_arm_and_of_what_it_holds_are_near_it_and_others_are_not() {
    let arm = panda();
    let (mut checker, mut data) = (Checker::new(&arm), ArmData::new(&arm));
    let held = Attached {
        shape: GeomShape::Sphere { radius: 0.05 },
        tool_from_shape: Isometry3::translation(0.1, 0.0, 0.0),
    };
    checker.attach(Some(held)).expect("a ball");
    let (within, radius) = (0.06, 1e-3);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut n_near = 0;
    for _ in 0..2000 {
        let q = random_q(&arm, &mut rng);
        // Beside the base, which takes no part in the room.
        let point =
            Point3::new(rng.random_range(0.25..0.7), rng.random_range(-0.5..0.5), rng.random_range(0.2..0.9));
        let ball = Obstacle {
            name: "ball".into(),
            shape: GeomShape::Sphere { radius },
            world_from_obstacle: Isometry3::translation(point.x, point.y, point.z),
        };
        checker.set_obstacles(vec![ball]).expect("a ball");
        let distance = checker.room(&arm, &mut data, &q, 0.04, &[], 0.5).still + radius;
        let is_near = checker.near(&arm, &mut data, &q, 0.04, within).expect("finite").holds(&point);
        n_near += usize::from(is_near);
        if (distance - within).abs() > 1e-4 {
            assert_eq!(is_near, distance < within, "{point:?} at {distance} m");
        }
    }
    assert!(n_near > 30, "{n_near}");
    let home = arm.home();
    let near = checker.near(&arm, &mut data, &home, 0.04, 0.03).expect("finite");
    assert!(near.holds(&Point3::new(0.0, 0.0, 0.1)), "the base, too");
    assert!(!near.holds(&Point3::new(f64::NAN, 0.0, 0.0)));
    let mut wrong = home;
    wrong[2] = f64::INFINITY;
    assert_eq!(checker.near(&arm, &mut data, &wrong, 0.04, 0.03).expect_err("B2").field, "q");
    assert_eq!(checker.near(&arm, &mut data, &home, 0.04, f64::NAN).expect_err("B1").field, "within_m");
}
