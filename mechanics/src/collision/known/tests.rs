use super::*;
use crate::arm::ArmData;
use crate::collision::{Attached, Keep, Obstacle, OwnRoom};
use crate::model::GeomShape;
use nalgebra::{Isometry3, Vector3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn robot(name: &str) -> Arm {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots").join(name);
    Arm::from_model(crate::load(&path).expect("a model")).expect("an arm")
}

/// How many things stand around at most.
const MOST: usize = 30;

fn things(rng: &mut ChaCha8Rng) -> Vec<Obstacle> {
    let thing = |i: usize| Obstacle {
        name: "thing".into(),
        shape: match i % 3 {
            0 => GeomShape::Sphere { radius: 0.05 },
            1 => GeomShape::Cuboid { half: Vector3::new(0.05, 0.1, 0.02) },
            _ => GeomShape::Cylinder { radius: 0.05, half_length: 0.1 },
        },
        world_from_obstacle: Isometry3::new(
            Vector3::from_fn(|_, _| rng.random_range(-0.9..0.9)),
            Vector3::from_fn(|_, _| rng.random_range(-2.0..2.0)),
        ),
    };
    (0..MOST).map(thing).collect()
}

/// Along walks in small and large steps, from place to place, with the fingers moving, something held, changed for
/// something else and let go, and other obstacles or the same elsewhere, more or fewer, and more or fewer places: what is answered is what is answered where nothing is known, as good as
/// distances are.
#[test]
fn what_is_known_changes_no_answer() {
    for (robot_name, seed) in [("panda.xml", 1), ("panda.xml", 2), ("so101.xml", 3)] {
        let arm = robot(robot_name);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut data = ArmData::new(&arm);
        let fresh = Checker::new(&arm);
        let (mut knows, mut knows_not) = (fresh.clone(), fresh);
        knows.make_places(3);
        let mut q: Vec<f64> = arm.home().to_vec();
        let (mut is_spared, mut n_taken) = (0, 0);
        let (mut now, mut held) = (Vec::new(), None);
        for k in 0..3000 {
            if k % 500 == 0 {
                let things = things(&mut rng);
                now = things.clone();
                knows_not.set_obstacles(things.clone()).expect("obstacles");
                // As a filter does with a new world.
                let mut next = Checker::new(&arm);
                next.make_places(3);
                next.attach(held.clone()).expect("held");
                next.set_obstacles(things).expect("obstacles");
                next.take_over(&knows, &[]);
                knows = next;
            } else if k % 70 == 0 {
                // Or some of the same, in another order, of which some stand elsewhere, and some are said to be what they
                // are not; and others.
                let mut order: Vec<usize> = (0..now.len()).collect();
                order.rotate_left(rng.random_range(0..now.len()));
                order.truncate(rng.random_range(10..=now.len()));
                now = order.iter().map(|k| now[*k].clone()).collect();
                for thing in now.iter_mut().step_by(5) {
                    thing.world_from_obstacle.translation.vector.x += rng.random_range(-0.3..0.3);
                }
                order.swap(3, 4);
                let was: Vec<Option<usize>> = order.into_iter().map(Some).collect();
                let n_others = rng.random_range(0..=MOST - now.len());
                now.extend(things(&mut rng).into_iter().take(n_others));
                knows_not.set_obstacles(now.clone()).expect("obstacles");
                let mut next = Checker::new(&arm);
                next.make_places(rng.random_range(1..=4));
                if k % 3 == 0 {
                    held = None;
                }
                next.attach(held.clone()).expect("held");
                next.set_obstacles(now.clone()).expect("obstacles");
                next.take_over(&knows, &was);
                n_taken += (0..now.len()).filter(|k| next.known.obstacle(*k) > 0.0).count();
                knows_not.attach(held.clone()).expect("held");
                knows = next;
            }
            if k % 40 == 0 {
                let half = [Vector3::new(0.02, 0.03, 0.3), Vector3::new(0.03, 0.01, 0.02)];
                let one = |half: &Vector3<f64>| Attached {
                    shape: GeomShape::Cuboid { half: *half },
                    tool_from_shape: Isometry3::translation(0.0, 0.02, 0.05),
                };
                held = half.get(k / 40 % 3).map(one);
                knows.attach(held.clone()).expect("held");
                knows_not.attach(held.clone()).expect("held");
            }
            // Mostly such that comparisons go on from where the last have ended.
            let step = if k % 50 == 10 { 0.5 } else { 0.0005 };
            for (q, l) in q.iter_mut().zip(arm.limits()) {
                *q = (*q + rng.random_range(-step..step)).clamp(l.lower, l.upper);
            }
            let width_m = rng.random_range(0.0..0.08);
            let keep: Vec<Keep> = (0..now.len())
                .map(|i| Keep { distance_m: rng.random_range(-0.01..0.2), is_moving: i < 3 })
                .collect();
            let speeds: Vec<f64> = q.iter().map(|_| rng.random_range(0.0..0.3)).collect();
            let most = OwnRoom { room_m: 0.004, clear_s: rng.random_range(0.01..1.0) };
            let most_m = rng.random_range(0.0..0.3);
            let mut at = |checker: &mut Checker| {
                let room = checker.room(&arm, &mut data, &q, width_m, &keep, most_m);
                (room, checker.own_room(&speeds, 0.002, most))
            };
            knows.look_from(rng.random_range(0..4));
            knows_not.known.make_places(1);
            let ((room, own), (true_room, true_own)) = (at(&mut knows), at(&mut knows_not));
            let off = (room.still - true_room.still).abs().max((room.moving - true_room.moving).abs());
            assert!(off < 1e-6, "{robot_name}, {k}: {room:?}, not {true_room:?}");
            let off = (own.room_m - true_own.room_m).abs();
            assert!(off < 1e-6, "{robot_name}, {k}: {own:?}, not {true_own:?}");
            let n_groups = knows.known.groups.len();
            let slowest = (0..n_groups).map(|g| knows.known.speed_between(g, &speeds));
            let off = (own.clear_s - true_own.clear_s).abs() * slowest.fold(f64::INFINITY, f64::min);
            assert!(off < 1e-6, "{robot_name}, {k}: {own:?}, not {true_own:?}");
            is_spared += (0..now.len()).filter(|i| knows.known.obstacle(*i) > 0.3).count();
            // And what is known holds.
            for i in 0..now.len() {
                let there = knows_not.distance_to(i, 2.0);
                assert!(knows.known.obstacle(i) <= there.max(0.0), "{robot_name}, {k}: {i}");
            }
        }
        assert!(is_spared > 1000 && n_taken > 100, "{is_spared}, {n_taken}");
    }
}

#[test]
fn no_pair_of_links_comes_nearer_than_the_joints_between_have_moved_it() {
    let arm = robot("panda.xml");
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let (mut data, mut checker) = (ArmData::new(&arm), Checker::new(&arm));
    let mut q: Vec<f64> = arm.home().to_vec();
    for k in 0..300 {
        let step = rng.random_range(0.0..0.3);
        for (q, l) in q.iter_mut().zip(arm.limits()) {
            *q = (*q + rng.random_range(-step..step)).clamp(l.lower, l.upper);
        }
        // Bounds of the pose before, made bounds of this, and exact distances of this.
        assert!(checker.place(&arm, &mut data, &q, 0.04));
        let groups = checker.known.groups.iter().map(|g| g.pairs.clone()).enumerate();
        let group_of: Vec<(usize, usize)> =
            groups.flat_map(|(g, pairs)| pairs.into_iter().map(move |p| (p, g))).collect();
        let group_of: std::collections::BTreeMap<usize, usize> = group_of.into_iter().collect();
        let bounds: Vec<f64> =
            (0..checker.pairs.len()).map(|p| checker.known.pair((group_of[&p], p))).collect();
        for (p, bound) in bounds.into_iter().enumerate() {
            let (i, j) = checker.pairs[p];
            let link = |i: usize| (&checker.links[i].solid, &checker.places[i].pose);
            let ((a, a_pose), (b, b_pose)) = (link(i), link(j));
            let apart = crate::collision::solid::separation(a, a_pose, b, b_pose, f64::MAX);
            let distance = apart.expect("a distance").distance;
            assert!(bound <= distance.max(0.0), "{k}, {p}: {bound} m, and they are {distance} m apart");
            checker.known.note_pair((group_of[&p], p), distance);
        }
    }
}

/// A box that stands before the hand at home, so far along the world's x.
fn ahead(x: f64) -> Obstacle {
    Obstacle {
        name: "box".into(),
        shape: GeomShape::Cuboid { half: Vector3::new(0.05, 0.1, 0.04) },
        world_from_obstacle: Isometry3::translation(x, 0.02, 0.5),
    }
}

#[test]
fn what_was_nearest_is_compared_once_in_a_look() {
    let arm = robot("panda.xml");
    let (mut data, mut checker) = (ArmData::new(&arm), Checker::new(&arm));
    checker.set_obstacles(vec![ahead(0.9), ahead(-1.5)]).expect("boxes");
    let keep = [true, false].map(|is_moving| Keep { distance_m: 0.02, is_moving });
    let mut q: Vec<f64> = arm.home().to_vec();
    for _ in 0..10 {
        checker.room(&arm, &mut data, &q, 0.04, &keep, 2.0);
        q[1] += 1e-4;
        let before = checker.known.n_compared;
        let room = checker.room(&arm, &mut data, &q, 0.04, &keep, 2.0);
        assert!(room.moving < 1.0 && room.still < 2.0, "{room:?}");
        assert_eq!(checker.known.n_compared - before, 2);
    }
}

#[test]
fn joints_that_turn_farther_than_a_number_holds_leave_bounds_that_are_numbers() {
    let arm = robot("panda.xml");
    let (mut data, mut knows) = (ArmData::new(&arm), Checker::new(&arm));
    knows.set_obstacles(vec![ahead(0.9)]).expect("a box");
    let fresh = knows.clone();
    let mut look = |checker: &mut Checker, first: f64| {
        let mut q: Vec<f64> = arm.home().to_vec();
        q[0] += first;
        let room = checker.room(&arm, &mut data, &q, 0.04, &[], 2.0).still;
        (room, checker.own_room(&[0.1; 7], 0.0, OwnRoom { room_m: 1.0, clear_s: 10.0 }))
    };
    look(&mut knows, 1.5e308);
    look(&mut knows, -1.5e308);
    let bounds = &knows.known.bounds[0];
    assert!(bounds.moved.is_finite() && bounds.groups_moved.iter().all(|v| v.is_finite()), "{bounds:?}");
    // And a bound that is no number spares nothing.
    knows.known.bounds[0].nearest = None;
    knows.known.bounds[0].pairs.fill(f64::NAN);
    knows.known.bounds[0].groups.fill(f64::NAN);
    knows.known.bounds[0].obstacles.fill(f64::NAN);
    let ((room, own), (true_room, true_own)) = (look(&mut knows, 0.1), look(&mut fresh.clone(), 0.1));
    assert!(true_own.room_m < 1.0 && true_room < 2.0);
    assert!((room - true_room).abs() < 1e-6, "{room}, not {true_room}");
    assert!((own.room_m - true_own.room_m).abs() < 1e-6, "{own:?}, not {true_own:?}");
}
