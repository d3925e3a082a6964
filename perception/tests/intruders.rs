//! What is in the picture and none of the things that are known.

use nalgebra::{Isometry3, Matrix3, Point3, UnitQuaternion, Vector3};
use perception::intruders::{Intruder, Known, MOST_BALLS, Watch};
use types::{Image, Intrinsics, ObjectId, Scene, Time, TrackedObject, Transform};

const SIZE: (u32, u32) = (128, 96);

/// A picture straight down from a metre above the table onto balls (middle, radius).
fn picture(seconds: f64, balls: &[(Point3<f64>, f64)]) -> Image {
    let lens = Intrinsics::from_fov(SIZE.0, SIZE.1, 0.9).expect("a lens");
    let turn = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), core::f64::consts::PI);
    let at = Isometry3::from_parts(Vector3::new(0.5, 0.0, 1.0).into(), turn);
    let eye = Point3::from(at.translation.vector);
    let mut depth = Vec::new();
    for row in 0..SIZE.1 {
        for col in 0..SIZE.0 {
            let ray = at.rotation * lens.lift(f64::from(col) + 0.5, f64::from(row) + 0.5, 1.0).coords;
            let table = -eye.z / ray.z;
            // |eye + s ray − c| = r.
            let hits = balls.iter().filter_map(|(c, r)| {
                let (a, b) = (ray.norm_squared(), ray.dot(&(eye - c)));
                let root = b * b - a * ((eye - c).norm_squared() - r * r);
                (root >= 0.0).then(|| (-b - root.sqrt()) / a)
            });
            depth.push(hits.fold(table, f64::min) as f32);
        }
    }
    let rgb = vec![90; 3 * depth.len()];
    let stamp = Time::from_secs_f64(seconds);
    Image::new("front", 1, stamp, rgb, Some(depth), lens, Transform::from_isometry(at)).expect("a picture")
}

fn nobody(_: &Point3<f64>) -> bool {
    false
}

/// Everything matters, nothing is tracked, the arm is nowhere.
fn nothing(scene: &Scene) -> Known<'_> {
    Known { scene, is_arm: &nobody, is_work: &nobody, matters: &|_| true }
}

/// Whether the balls cover what of a ball a camera above it sees, and none is far from it.
fn covers(found: &[Intruder], center: Point3<f64>, radius: f64) -> bool {
    let top = center + Vector3::new(0.0, 0.0, radius);
    let inside = |p: &Point3<f64>| found.iter().any(|i| (i.center - p).norm() <= i.radius_m + 0.005);
    inside(&top) && inside(&center) && found.iter().all(|i| (i.center - center).norm() <= radius + 0.05)
}

const BLOCK: (Point3<f64>, f64) = (Point3::new(0.45, 0.15, 0.06), 0.06);
const HAND: (Point3<f64>, f64) = (Point3::new(0.55, -0.1, 0.25), 0.05);

#[test]
fn who_comes_is_found_and_goes_again_and_what_stood_there_is_none() {
    let scene = Scene::default();
    let mut watch = Watch::default();
    let standing = watch.learn(&picture(0.0, &[BLOCK]), &nothing(&scene));
    assert!(covers(&standing, BLOCK.0, BLOCK.1), "nobody knows it: {standing:?}");
    let mut seen = |s: f64, balls: &[(Point3<f64>, f64)]| {
        watch.watch(&picture(s, balls), &nothing(&scene));
        watch.intruders().to_vec()
    };
    assert!(seen(0.1, &[BLOCK]).is_empty());
    let hand = seen(0.2, &[BLOCK, HAND]);
    assert!(covers(&hand, HAND.0, HAND.1), "{hand:?}");
    assert!(seen(0.3, &[BLOCK]).is_empty(), "the picture shows the table where the hand was");
    let fingers: Vec<_> =
        (0..6).map(|k| (Point3::new(0.5, -0.1 + 0.02 * f64::from(k), 0.02), 0.018)).collect();
    assert!(!seen(0.4, &fingers).is_empty(), "fingers on the table");
}

#[test]
fn the_arm_tracked_objects_and_what_is_far_are_no_intruders() {
    let (elbow, block) = (Point3::new(0.6, 0.0, 0.4), Point3::new(0.45, 0.15, 0.05));
    let object = TrackedObject {
        id: ObjectId(1),
        color: [0.125; 8],
        shape: [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        size: [0.0, 1.0],
        position: block,
        yaw: 0.3,
        dimensions: Vector3::repeat(0.1),
        covariance: Matrix3::zeros(),
        seen: Time::ZERO,
        n_seen: 3,
    };
    let scene = Scene { stamp: Time::ZERO, objects: vec![object] };
    let image = picture(0.0, &[(elbow, 0.08), (block, 0.05)]);
    let is_arm = |p: &Point3<f64>| (p - elbow).norm() < 0.12;
    let with_arm = Known { is_arm: &is_arm, ..nothing(&scene) };
    let mut watch = Watch::default();
    assert!(watch.learn(&image, &with_arm).is_empty());
    watch.watch(&image, &with_arm);
    assert!(watch.intruders().is_empty());
    let far = Known { matters: &|p| p.y > 0.1, ..nothing(&scene) };
    watch.watch(&image, &far);
    assert!(watch.intruders().is_empty(), "the elbow does not matter");
    // Where the arm was when the table was looked at somebody can come nevertheless.
    watch.watch(&picture(0.1, &[(elbow, 0.06), (block, 0.05)]), &nothing(&scene));
    assert!(covers(watch.intruders(), elbow, 0.06), "{:?}", watch.intruders());
}

#[test]
fn who_is_there_at_a_look_and_had_come_before_is_still_somebody() {
    let scene = Scene::default();
    let mut watch = Watch::default();
    watch.learn(&picture(0.0, &[BLOCK]), &nothing(&scene));
    watch.watch(&picture(0.5, &[BLOCK, HAND]), &nothing(&scene));
    let standing = watch.learn(&picture(0.6, &[BLOCK, HAND]), &nothing(&scene));
    assert!(covers(&standing, BLOCK.0, BLOCK.1), "{standing:?}");
    assert!(covers(watch.intruders(), HAND.0, HAND.1), "{:?}", watch.intruders());
}

#[test]
fn who_is_hidden_by_the_arm_is_kept_in_mind_for_a_while() {
    let scene = Scene::default();
    let mut watch = Watch::default();
    watch.learn(&picture(0.0, &[]), &nothing(&scene));
    watch.watch(&picture(0.1, &[HAND]), &nothing(&scene));
    let forearm = HAND.0 + Vector3::new(0.0, 0.0, 0.3);
    let is_arm = |p: &Point3<f64>| (p - forearm).norm() < 0.2;
    for (s, is_kept) in [(0.2, true), (2.0, true), (3.5, false)] {
        watch.watch(&picture(s, &[(forearm, 0.15)]), &Known { is_arm: &is_arm, ..nothing(&scene) });
        assert_eq!(!watch.intruders().is_empty(), is_kept, "{s} s");
        assert!(watch.intruders().iter().all(|i| i.seen == Time::from_secs_f64(0.1)), "as it was seen");
    }
}

#[test]
fn what_the_arm_has_worked_on_stays_where_it_was_put_and_a_hand_that_reaches_there_is_somebody() {
    let (cube, scene) = ((Point3::new(0.5, 0.1, 0.05), 0.04), Scene::default());
    let is_work = |p: &Point3<f64>| (p - cube.0).norm() < 0.12;
    let working = Known { is_work: &is_work, ..nothing(&scene) };
    let mut watch = Watch::default();
    watch.learn(&picture(0.0, &[]), &nothing(&scene));
    for s in [0.1, 0.2] {
        watch.watch(&picture(s, &[cube]), &working);
        assert!(watch.intruders().is_empty());
    }
    // The arm's hand has left it.
    watch.watch(&picture(0.3, &[cube]), &nothing(&scene));
    assert!(watch.intruders().is_empty());
    // From outside of where the arm works to within.
    let reaches: Vec<_> =
        (0..8).map(|k| (cube.0 + Vector3::new(0.0, 0.04 * f64::from(k), 0.04), 0.03)).collect();
    let mut others = Watch::default();
    others.learn(&picture(0.0, &[]), &nothing(&scene));
    others.watch(&picture(0.1, &reaches), &working);
    assert!(!others.intruders().is_empty());
    // Seen beside it before, all of them within.
    others.watch(&picture(0.2, &reaches[..2]), &working);
    others.watch(&picture(0.3, &reaches[..2]), &working);
    assert!(!others.intruders().is_empty());
}

#[test]
fn what_somebody_leaves_there_stands_after_some_seconds_and_what_trembles_over_cells_does_not() {
    let scene = Scene::default();
    let mut watch = Watch::default();
    watch.learn(&picture(0.0, &[]), &nothing(&scene));
    let accepted = |watch: &mut Watch, moves_m: f64| {
        (1..60).find_map(|k| {
            let s = 0.3 * f64::from(k);
            let by = if k % 4 < 2 { moves_m } else { 0.0 };
            watch.watch(&picture(s, &[(HAND.0 + Vector3::new(by, 0.0, 0.0), HAND.1)]), &nothing(&scene));
            watch.accept_what_stands(Time::from_secs_f64(s)).map(|balls| (s, balls))
        })
    };
    assert!(accepted(&mut watch.clone(), 0.08).is_none());
    let (s, balls) = accepted(&mut watch, 0.0).expect("it stands");
    assert!((s - 12.3).abs() < 0.31 && covers(&balls, HAND.0, HAND.1), "{s} {balls:?}");
    watch.watch(&picture(19.0, &[HAND]), &nothing(&scene));
    assert!(watch.intruders().is_empty());
}

#[test]
fn noise_and_pictures_without_depth_show_nobody_and_a_crowd_is_covered_with_few_balls() {
    let scene = Scene::default();
    let mut watch = Watch::default();
    let mut image = picture(0.0, &[]);
    let mut depth = image.depth.as_ref().expect("with depth").to_vec();
    for k in (0..depth.len()).step_by(617) {
        depth[k] = 0.7;
    }
    depth[5] = f32::NAN;
    image.depth = Some(depth.into());
    watch.watch(&image, &nothing(&scene));
    assert!(watch.intruders().is_empty());
    image.depth = None;
    watch.watch(&image, &nothing(&scene));
    assert!(watch.intruders().is_empty());
    let at = |k: i32| Point3::new(0.3 + 0.07 * f64::from(k % 6), -0.3 + 0.06 * f64::from(k / 6), 0.2);
    let crowd: Vec<_> = (0..60).map(|k| (at(k), 0.03)).collect();
    watch.watch(&picture(1.0, &crowd), &nothing(&scene));
    assert!((1..=MOST_BALLS).contains(&watch.intruders().len()));
    for (middle, radius) in &crowd {
        let top = middle + Vector3::new(0.0, 0.0, *radius);
        assert!(watch.intruders().iter().any(|b| (b.center - top).norm() <= b.radius_m + 0.005), "{top:?}");
    }
}
