//! One points at what can be seen.

mod drawn;

use drawn::{Body, draw};
use nalgebra::{Matrix3, Point3};
use perception::pointing;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use types::{Color, ObjectId, Shape, Size, Time, TrackedObject};

fn tracked(body: &Body) -> TrackedObject {
    fn certain<const N: usize>(i: usize) -> [f32; N] {
        core::array::from_fn(|k| if k == i { 1.0 } else { 0.0 })
    }
    TrackedObject {
        id: ObjectId(0),
        color: certain(body.color.index()),
        shape: certain(body.shape.index()),
        size: certain(body.size.index()),
        position: body.centre,
        yaw: body.yaw,
        dimensions: body.shape.dimensions(body.size),
        covariance: Matrix3::identity() * 1e-6,
        seen: Time::ZERO,
        n_seen: 3,
    }
}

/// Which of the bodies the picture shows where one points for body `i`.
fn pointed_at(bodies: &[Body], i: usize, rng: &mut ChaCha8Rng) -> Option<usize> {
    let drawn = draw(bodies, 0.0015, Time::ZERO, rng);
    let [u, v] = pointing::pixel(&tracked(&bodies[i]), &drawn.image)?;
    drawn.labels[v as usize * drawn::WIDTH as usize + u as usize]
}

#[test]
fn every_shape_alone_is_pointed_at_wherever_it_stands() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for shape in Shape::ALL.iter().copied() {
        for size in Size::ALL.iter().copied() {
            for _ in 0..4 {
                let xy = [rng.random_range(0.4..0.68), rng.random_range(-0.25..0.25)];
                let yaw = if matches!(shape, Shape::Ball | Shape::Bowl) {
                    0.0
                } else {
                    rng.random_range(-1.5..1.5)
                };
                let body = Body::new(shape, size, Color::Red, xy, yaw, 0.0);
                assert_eq!(pointed_at(&[body], 0, &mut rng), Some(0), "{size:?} {shape:?} at {xy:?}");
            }
        }
    }
}

#[test]
fn a_full_bowl_is_pointed_at_by_its_rim_and_a_covered_cube_by_its_side() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let bowl = Body::new(Shape::Bowl, Size::Large, Color::Blue, [0.55, 0.05], 0.0, 0.0);
    let ball = Body::new(Shape::Ball, Size::Large, Color::Red, [0.55, 0.05], 0.0, 0.004);
    assert_eq!(pointed_at(&[bowl, ball], 0, &mut rng), Some(0));
    assert_eq!(pointed_at(&[bowl, ball], 1, &mut rng), Some(1));
    let below = Body::new(Shape::Cube, Size::Large, Color::Green, [0.5, -0.1], 0.3, 0.0);
    let height = Shape::Cube.dimensions(Size::Large).z;
    let above = Body::new(Shape::Cube, Size::Large, Color::White, [0.5, -0.1], 0.1, height);
    assert_eq!(pointed_at(&[below, above], 0, &mut rng), Some(0));
    assert_eq!(pointed_at(&[below, above], 1, &mut rng), Some(1));
}

#[test]
fn without_depth_it_is_the_middle_and_outside_the_picture_it_is_nothing() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let body = Body::new(Shape::Cube, Size::Small, Color::Red, [0.5, 0.0], 0.0, 0.0);
    let mut image = draw(&[body], 0.0, Time::ZERO, &mut rng).image;
    image.depth = None;
    let mut object = tracked(&body);
    let (u, v) =
        image.intrinsics.project(image.world_from_optical.inverse().point(object.position)).expect("in view");
    assert_eq!(pointing::pixel(&object, &image), Some([u, v]));
    object.position = Point3::new(9.0, 9.0, 0.0);
    assert_eq!(pointing::pixel(&object, &image), None);
}
