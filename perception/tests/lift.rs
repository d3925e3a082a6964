//! Detections become objects in the world: how far off they are, over many drawn pictures.

mod drawn;

use core::f64::consts::PI;
use drawn::{Body, detect, draw};
use perception::lift::lift;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use types::{Color, Image, Shape, Size, Time};

/// Errors over many pictures: in the plane, at the top, of the turn (radians), and wrong sizes.
#[derive(Default, Debug)]
struct Errors {
    plane: Vec<f64>,
    top: Vec<f64>,
    yaw: Vec<f64>,
    wrong_sizes: usize,
    missing: usize,
}

impl Errors {
    fn add(&mut self, image: &drawn::Drawn, bodies: &[Body], i: usize, rng: &mut ChaCha8Rng) {
        let Some(d) = detect(image, bodies, i, rng) else { return };
        let body = &bodies[i];
        let Some(found) = lift(&image.image, &d) else {
            self.missing += 1;
            return;
        };
        let table = body.shape.dimensions(body.size);
        self.plane.push((found.position - body.centre).xy().norm());
        self.top.push((found.position.z + 0.5 * found.dimensions.z - body.centre.z - 0.5 * table.z).abs());
        let period = match body.shape {
            Shape::Cube => Some(0.5 * PI),
            Shape::Box | Shape::Tray => Some(PI),
            _ => None,
        };
        if let Some(p) = period {
            let e = found.yaw - body.yaw;
            self.yaw.push((e - p * (e / p).round()).abs());
        }
        self.wrong_sizes += usize::from(found.dimensions != table);
    }

    fn check(mut self, what: &str, limits: [f64; 3]) {
        let p95 = |v: &mut Vec<f64>| {
            v.sort_by(f64::total_cmp);
            v.get(v.len() * 95 / 100).copied().unwrap_or(0.0)
        };
        let n = self.plane.len();
        let found = [p95(&mut self.plane), p95(&mut self.top), p95(&mut self.yaw).to_degrees()];
        println!(
            "{what}: {n} lifted, plane {:.4} m, top {:.4} m, yaw {:.1}° (p95)",
            found[0], found[1], found[2]
        );
        println!("    wrong sizes {}, missing {}", self.wrong_sizes, self.missing);
        assert!(n > 20, "{what}");
        for (got, limit) in found.iter().zip(limits) {
            assert!(*got <= limit, "{what}: {found:?} beyond {limits:?}");
        }
        assert!(self.wrong_sizes * 50 <= n, "{what}: {} of {n} of the wrong size", self.wrong_sizes);
        assert!(self.missing * 50 <= n, "{what}: {} missing", self.missing);
    }
}

fn anywhere(rng: &mut ChaCha8Rng) -> ([f64; 2], f64, Size) {
    let xy = [rng.random_range(0.38..0.68), rng.random_range(-0.26..0.26)];
    let size = if rng.random_bool(0.5) { Size::Large } else { Size::Small };
    (xy, rng.random_range(-1.5..1.5), size)
}

fn single(shape: Shape) -> Errors {
    let mut rng = ChaCha8Rng::seed_from_u64(shape.index() as u64);
    let mut errors = Errors::default();
    for _ in 0..30 {
        let (xy, yaw, size) = anywhere(&mut rng);
        let bodies = [Body::new(shape, size, Color::Red, xy, yaw, 0.0)];
        let image = draw(&bodies, 0.0025, Time::ZERO, &mut rng);
        errors.add(&image, &bodies, 0, &mut rng);
    }
    errors
}

#[test]
fn cubes_and_boxes_on_the_table_are_placed_to_five_millimetres_and_eight_degrees() {
    single(Shape::Cube).check("cube", [0.005, 0.004, 8.0]);
    single(Shape::Box).check("box", [0.005, 0.004, 8.0]);
}

#[test]
fn round_things_on_the_table_are_placed_to_five_millimetres() {
    single(Shape::Ball).check("ball", [0.005, 0.004, 0.0]);
    single(Shape::Cylinder).check("cylinder", [0.005, 0.004, 0.0]);
}

#[test]
fn containers_are_placed_by_their_rim_also_with_something_in_them() {
    single(Shape::Bowl).check("bowl", [0.005, 0.004, 0.0]);
    single(Shape::Tray).check("tray", [0.005, 0.004, 8.0]);
    let mut rng = ChaCha8Rng::seed_from_u64(77);
    let (mut outer, mut inner) = (Errors::default(), Errors::default());
    for i in 0..30 {
        let (xy, yaw, size) = anywhere(&mut rng);
        let container = [Shape::Bowl, Shape::Tray][i % 2];
        let content = [Shape::Ball, Shape::Cube, Shape::Box][i % 3];
        let within = [xy[0] + rng.random_range(-0.015..0.015), xy[1] + rng.random_range(-0.015..0.015)];
        let bodies = [
            Body::new(container, size, Color::Blue, xy, yaw, 0.0),
            Body::new(content, Size::Small, Color::Red, within, 0.3 * yaw, 0.004),
        ];
        let image = draw(&bodies, 0.0025, Time::ZERO, &mut rng);
        outer.add(&image, &bodies, 0, &mut rng);
        inner.add(&image, &bodies, 1, &mut rng);
    }
    outer.check("container with something in it", [0.006, 0.004, 8.0]);
    inner.check("something in a container", [0.006, 0.004, 10.0]);
}

#[test]
fn the_upper_one_of_a_stack_is_placed_at_its_height_and_the_lower_one_roughly() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let (mut upper, mut lower) = (Errors::default(), Errors::default());
    for i in 0..40 {
        let (xy, yaw, size) = anywhere(&mut rng);
        let below = Body::new(Shape::Cube, size, Color::Green, xy, yaw, 0.0);
        let top = below.shape.dimensions(size).z;
        let above = [Shape::Cube, Shape::Cylinder, Shape::Box][i % 3];
        let shift = [xy[0] + rng.random_range(-0.005..0.005), xy[1] + rng.random_range(-0.005..0.005)];
        let bodies = [below, Body::new(above, size, Color::Yellow, shift, -yaw, top)];
        let image = draw(&bodies, 0.0025, Time::ZERO, &mut rng);
        upper.add(&image, &bodies, 1, &mut rng);
        lower.add(&image, &bodies, 0, &mut rng);
    }
    upper.check("upper", [0.005, 0.004, 10.0]);
    lower.plane.sort_by(f64::total_cmp);
    println!(
        "lower: plane p50 {:.4} p95 {:.4}",
        lower.plane[lower.plane.len() / 2],
        lower.plane[lower.plane.len() * 95 / 100]
    );
    assert!(lower.plane[lower.plane.len() * 8 / 10] < 0.012, "{:?}", lower.plane);
}

#[test]
fn without_usable_depth_there_is_no_object_and_no_strange_box_panics() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let bodies = [Body::new(Shape::Cube, Size::Small, Color::Red, [0.5, 0.0], 0.2, 0.0)];
    let image = draw(&bodies, 0.0, Time::ZERO, &mut rng);
    let d = detect(&image, &bodies, 0, &mut rng).expect("it is seen");
    assert!(lift(&image.image, &d).is_some());
    let with = |depth: Option<Vec<f32>>| {
        let i = &image.image;
        Image::new("front", 0, i.stamp, i.rgb.to_vec(), depth, i.intrinsics, i.world_from_optical)
            .expect("a picture")
    };
    let n = (drawn::WIDTH * drawn::HEIGHT) as usize;
    for depth in [None, Some(vec![0.0; n]), Some(vec![f32::NAN; n]), Some(vec![-1.0; n]), Some(vec![1e9; n])]
    {
        assert!(lift(&with(depth), &d).is_none(), "B28");
    }
    for bad in
        [[f32::NAN; 4], [1e30, 1e30, 2e30, 2e30], [-50.0, -50.0, -40.0, -40.0], [30.0, 30.0, 10.0, 10.0]]
    {
        let mut strange = d.clone();
        strange.box_px = bad;
        assert!(lift(&image.image, &strange).is_none(), "B1 {bad:?}");
    }
    let mut whole = d.clone();
    whole.box_px = [f32::MIN, f32::MIN, f32::MAX, f32::MAX];
    whole.point_px = [-1e9, 1e9];
    assert!(lift(&image.image, &whole).is_none());
}

#[test]
fn where_the_picture_does_not_know_the_shape_depth_does() {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    let mut right = 0;
    for i in 0..40 {
        let (xy, yaw, size) = anywhere(&mut rng);
        let shape = [Shape::Cube, Shape::Ball, Shape::Cylinder, Shape::Box][i % 4];
        let bodies = [Body::new(shape, size, Color::Red, xy, yaw, 0.0)];
        let image = draw(&bodies, 0.0025, Time::ZERO, &mut rng);
        let mut d = detect(&image, &bodies, 0, &mut rng).expect("it is seen");
        d.shape = [0.25, 0.25, 0.25, 0.25, 0.0, 0.0];
        d.size = [0.5, 0.5];
        let found = lift(&image.image, &d).expect("an object");
        let sure = found.shape[shape.index()] > 0.5 && found.size[size.index()] > 0.5;
        right += usize::from(sure && found.dimensions == shape.dimensions(size));
    }
    assert!(right >= 38, "{right} of 40");
}
