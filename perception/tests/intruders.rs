//! What is in the picture and none of the things that are known.

use nalgebra::{Isometry3, Matrix3, Point3, UnitQuaternion, Vector3};
use perception::intruders::{Background, Intruder};
use types::{Image, Intrinsics, ObjectId, Scene, Time, TrackedObject, Transform};

const SIZE: (u32, u32) = (128, 96);

/// A picture straight down from a metre above the table onto balls (middle, radius).
fn picture(balls: &[(Point3<f64>, f64)]) -> Image {
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
    Image::new("front", 1, Time::ZERO, rgb, Some(depth), lens, Transform::from_isometry(at))
        .expect("a picture")
}

fn nobody(_: &Point3<f64>) -> bool {
    false
}

/// Whether the balls cover what of a ball a camera above it sees, and none is far from it.
fn covers(found: &[Intruder], center: Point3<f64>, radius: f64) -> bool {
    let top = center + Vector3::new(0.0, 0.0, radius);
    let inside = |p: &Point3<f64>| found.iter().any(|i| (i.center - p).norm() <= i.radius_m + 0.005);
    inside(&top) && inside(&center) && found.iter().all(|i| (i.center - center).norm() <= radius + 0.05)
}

#[test]
fn what_comes_is_found_where_it_is_and_what_stood_there_is_not() {
    let (block, hand) = (Point3::new(0.45, 0.15, 0.06), Point3::new(0.55, -0.1, 0.25));
    let mut background = Background::default();
    let standing = background.learn(&picture(&[(block, 0.06)]), &Scene::default(), &mut nobody);
    assert!(covers(&standing, block, 0.06), "nobody knows it: {standing:?}");
    let mut found = |balls: &[(Point3<f64>, f64)]| {
        background.intruders(&picture(balls), &Scene::default(), &mut nobody, nobody)
    };
    assert!(found(&[(block, 0.06)]).is_empty());
    let seen = found(&[(block, 0.06), (hand, 0.05)]);
    assert!(covers(&seen, hand, 0.05), "{seen:?}");
    assert!(found(&[]).is_empty(), "what is gone is nobody");
}

#[test]
fn the_arm_and_tracked_objects_are_no_intruders() {
    let object = TrackedObject {
        id: ObjectId(1),
        color: [0.125; 8],
        shape: [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        size: [0.0, 1.0],
        position: Point3::new(0.45, 0.15, 0.05),
        yaw: 0.3,
        dimensions: Vector3::repeat(0.1),
        covariance: Matrix3::zeros(),
        seen: Time::ZERO,
        n_seen: 3,
    };
    let scene = Scene { stamp: Time::ZERO, objects: vec![object] };
    let (elbow, block) = (Point3::new(0.6, 0.0, 0.4), Point3::new(0.45, 0.15, 0.05));
    let image = picture(&[(elbow, 0.08), (block, 0.05)]);
    let mut is_arm = |p: &Point3<f64>| (p - elbow).norm() < 0.12;
    let mut background = Background::default();
    assert!(background.intruders(&image, &scene, &mut is_arm, nobody).is_empty());
    let without = background.intruders(&image, &scene, &mut nobody, nobody);
    assert!(covers(&without, elbow, 0.08), "{without:?}");
    // Where the arm was when the table was looked at somebody can come nevertheless.
    let mut learned = Background::default();
    assert!(learned.learn(&image, &scene, &mut is_arm).is_empty());
    let hand = picture(&[(elbow, 0.06), (block, 0.05)]);
    assert!(!learned.intruders(&hand, &scene, &mut nobody, nobody).is_empty());
}

#[test]
fn noise_and_pictures_without_depth_show_nobody_and_a_crowd_is_covered_with_few_balls() {
    let mut image = picture(&[]);
    let mut depth = image.depth.as_ref().expect("with depth").to_vec();
    for k in (0..depth.len()).step_by(617) {
        depth[k] = 0.7;
    }
    depth[5] = f32::NAN;
    image.depth = Some(depth.into());
    let mut background = Background::default();
    let mut found = |image: &Image| background.intruders(image, &Scene::default(), &mut nobody, nobody);
    assert!(found(&image).is_empty());
    image.depth = None;
    assert!(found(&image).is_empty());
    let crowd: Vec<_> = (0..60)
        .map(|k| (Point3::new(0.3 + 0.07 * f64::from(k % 6), -0.3 + 0.06 * f64::from(k / 6), 0.2), 0.03))
        .collect();
    let balls = found(&picture(&crowd));
    assert!((1..=40).contains(&balls.len()));
    for (middle, radius) in &crowd {
        let top = middle + Vector3::new(0.0, 0.0, *radius);
        assert!(balls.iter().any(|b| (b.center - top).norm() <= b.radius_m + 0.005), "{top:?}");
    }
}

#[test]
fn what_the_arm_has_worked_on_stays_where_it_was_put_and_a_hand_beside_it_is_seen() {
    let (cube, hand) = (Point3::new(0.5, 0.1, 0.05), Point3::new(0.5, -0.2, 0.2));
    let mut background = Background::default();
    let is_work = |p: &Point3<f64>| (p - cube).norm() < 0.12;
    let scene = Scene::default();
    let pushed = picture(&[(cube, 0.04)]);
    assert!(background.intruders(&pushed, &scene, &mut nobody, is_work).is_empty());
    // The hand of the arm has left it.
    assert!(background.intruders(&pushed, &scene, &mut nobody, nobody).is_empty());
    let both = picture(&[(cube, 0.04), (hand, 0.05)]);
    let seen = background.intruders(&both, &scene, &mut nobody, nobody);
    assert!(covers(&seen, hand, 0.05), "{seen:?}");
}
