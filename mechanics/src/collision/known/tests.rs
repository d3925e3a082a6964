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
    (0..30).map(thing).collect()
}

/// Along walks in small and large steps, from place to place, with the fingers moving, something held and let go,
/// and other obstacles or the same elsewhere: what is answered is what is answered where nothing is known, as good as
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
                next.set_obstacles(things).expect("obstacles");
                next.take_over(&knows, &[]);
                knows = next;
            } else if k % 70 == 0 {
                // Or the same, in another order, of which some stand elsewhere, and some are said to be what they are not.
                let mut order: Vec<usize> = (0..30).collect();
                order.rotate_left(rng.random_range(0..30));
                let old: Vec<Obstacle> = order.iter().map(|k| now[*k].clone()).collect();
                now = old.clone();
                for thing in now.iter_mut().step_by(5) {
                    thing.world_from_obstacle.translation.vector.x += rng.random_range(-0.3..0.3);
                }
                order.swap(3, 4);
                let was: Vec<Option<usize>> = order.into_iter().map(Some).collect();
                knows_not.set_obstacles(now.clone()).expect("obstacles");
                let mut next = Checker::new(&arm);
                next.make_places(3);
                if k % 3 == 0 {
                    held = None;
                }
                next.attach(held.clone()).expect("held");
                next.set_obstacles(now.clone()).expect("obstacles");
                next.take_over(&knows, &was);
                n_taken += (0..30).filter(|k| next.known.obstacle(*k) > 0.0).count();
                knows_not.attach(held.clone()).expect("held");
                knows = next;
            }
            if k % 100 == 0 {
                let one = Attached {
                    shape: GeomShape::Cuboid { half: Vector3::new(0.02, 0.03, 0.1) },
                    tool_from_shape: Isometry3::translation(0.0, 0.02, 0.05),
                };
                held = (k % 200 == 0).then_some(one);
                knows.attach(held.clone()).expect("held");
                knows_not.attach(held.clone()).expect("held");
            }
            let step = if k % 50 == 0 { 0.5 } else { 0.004 };
            for (q, l) in q.iter_mut().zip(arm.limits()) {
                *q = (*q + rng.random_range(-step..step)).clamp(l.lower, l.upper);
            }
            let width_m = rng.random_range(0.0..0.08);
            let keep: Vec<Keep> = (0..30)
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
            is_spared += (0..30).filter(|i| knows.known.obstacle(*i) > 0.3).count();
            // And what is known holds.
            for i in 0..30 {
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
