//! Who is who over many pictures.

mod drawn;

use core::time::Duration;
use drawn::{Body, detect, draw};
use nalgebra::Point3;
use perception::tracker::Tracker;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use types::{Color, Detection, Image, Intrinsics, Scene, Shape, Size, Time};

/// A tracker that is shown drawn pictures, a tenth of a second apart.
struct Show {
    tracker: Tracker,
    rng: ChaCha8Rng,
    time: Time,
}

impl Show {
    fn new() -> Self {
        Self { tracker: Tracker::new(), rng: ChaCha8Rng::seed_from_u64(3), time: Time::ZERO }
    }

    /// Draws the bodies and detects those of these indices.
    fn look(&mut self, bodies: &[Body], detected: &[usize]) -> Scene {
        self.time = self.time + Duration::from_millis(100);
        let picture = draw(bodies, 0.0025, self.time, &mut self.rng);
        let found: Vec<_> =
            detected.iter().filter_map(|i| detect(&picture, bodies, *i, &mut self.rng)).collect();
        self.tracker.update(&picture.image, &found);
        self.tracker.scene(self.time)
    }
}

fn cube(color: Color, x: f64, y: f64) -> Body {
    Body::new(Shape::Cube, Size::Small, color, [x, y], 0.3, 0.0)
}

fn near(scene: &Scene, body: &Body) -> Option<types::ObjectId> {
    scene.objects.iter().find(|o| (o.position - body.centre).norm() < 0.006).map(|o| o.id)
}

#[test]
fn objects_keep_their_names_and_are_known_better_with_every_picture() {
    let bodies = [
        cube(Color::Red, 0.5, 0.1),
        cube(Color::Blue, 0.5, -0.1),
        Body::new(Shape::Bowl, Size::Large, Color::Green, [0.6, 0.0], 0.0, 0.0),
    ];
    let mut show = Show::new();
    let first = show.look(&bodies, &[0, 1, 2]);
    let names: Vec<_> = bodies.iter().map(|b| near(&first, b).expect("placed")).collect();
    let mut last = first.clone();
    for round in 0..6 {
        // The order of the detections must not matter.
        last = show.look(&bodies, if round % 2 == 0 { &[2, 0, 1] } else { &[1, 2, 0] });
    }
    assert_eq!(last.objects.len(), 3);
    for (body, name) in bodies.iter().zip(names) {
        assert_eq!(near(&last, body), Some(name));
        let (before, after) = (first.get(name).expect("tracked"), last.get(name).expect("tracked"));
        assert!(after.covariance.trace() < 0.7 * before.covariance.trace());
        assert_eq!(after.most_likely_color(), body.color);
        assert_eq!((after.most_likely_shape(), after.most_likely_size()), (body.shape, body.size));
        assert_eq!((after.n_seen, after.seen), (7, show.time));
    }
}

#[test]
fn what_should_be_seen_and_is_not_is_forgotten_after_two_pictures_and_what_is_hidden_is_kept() {
    let tall = Body::new(Shape::Cylinder, Size::Large, Color::Yellow, [0.56, 0.1], 0.0, 0.0);
    // Behind the tall one, as the camera sees it.
    let hidden = Body::new(Shape::Box, Size::Small, Color::Red, [0.525, 0.1], 1.57, 0.0);
    let lone = cube(Color::Blue, 0.5, -0.15);
    let mut show = Show::new();
    let scene = show.look(&[hidden, lone], &[0, 1]);
    let (red, blue) = (near(&scene, &hidden).expect("placed"), near(&scene, &lone).expect("placed"));
    assert!(show.look(&[hidden, tall], &[1]).get(blue).is_some(), "one picture could be chance");
    let scene = show.look(&[hidden, tall], &[1]);
    assert!(scene.get(blue).is_none(), "the table is seen where it was");
    assert!(scene.get(red).is_some(), "the tall one hides it");
}

#[test]
fn a_single_missed_detection_does_not_lose_an_object_that_depth_still_shows() {
    let bodies = [cube(Color::Red, 0.5, 0.1), cube(Color::Blue, 0.5, -0.1)];
    let mut show = Show::new();
    let scene = show.look(&bodies, &[0, 1]);
    let red = near(&scene, &bodies[0]).expect("placed");
    for _ in 0..4 {
        assert!(show.look(&bodies, &[1]).get(red).is_some());
    }
    assert_eq!(near(&show.look(&bodies, &[0, 1]), &bodies[0]), Some(red));
}

#[test]
fn a_held_object_is_kept_while_unseen_and_keeps_its_name_where_it_is_put() {
    let mut bodies = vec![cube(Color::Red, 0.45, 0.1), cube(Color::Blue, 0.5, -0.1)];
    let mut show = Show::new();
    let scene = show.look(&bodies, &[0, 1]);
    let red = near(&scene, &bodies[0]).expect("placed");
    show.tracker.set_held(Some(red));
    let rest = [bodies[1]];
    for _ in 0..5 {
        let scene = show.look(&rest, &[0]);
        assert!(scene.get(red).is_some(), "it is in the hand");
        assert_eq!(scene.objects.len(), 2);
    }
    show.tracker.set_held(None);
    bodies[0] = cube(Color::Red, 0.60, -0.05);
    assert!(show.tracker.expect_moved(red, Point3::new(0.605, -0.045, 0.017)));
    let scene = show.look(&bodies, &[0, 1]);
    assert_eq!(near(&scene, &bodies[0]), Some(red));
    assert_eq!(scene.objects.len(), 2);
    assert!(!show.tracker.expect_moved(red, Point3::new(f64::NAN, 0.0, 0.0)));
    assert!(show.tracker.remove(red) && !show.tracker.remove(red));
}

#[test]
fn what_floats_is_held_by_somebody_unless_the_robot_holds_something_itself() {
    let table = cube(Color::Blue, 0.5, -0.1);
    let mut floating = cube(Color::Red, 0.55, 0.1);
    floating.centre.z += 0.2;
    let mut show = Show::new();
    let scene = show.look(&[table, floating], &[0, 1]);
    assert!(near(&scene, &floating).is_some(), "clearly seen in somebody's hand");
    // In the robot's own hand it is known already; taken for something else it is no second object.
    let mut show = Show::new();
    let lifted = cube(Color::Red, 0.55, 0.1);
    let first = show.look(&[table, lifted], &[0, 1]);
    show.tracker.set_held(near(&first, &lifted));
    let mut ball = Body::new(Shape::Ball, Size::Large, Color::Yellow, [0.45, 0.1], 0.0, 0.0);
    ball.centre.z += 0.2;
    let scene = show.look(&[table, ball], &[0, 1]);
    assert!(near(&scene, &ball).is_none(), "{:?}", scene.objects);
    // Nor do two parts of the robot, one above the other, carry each other.
    let mut below = cube(Color::Black, 0.45, 0.1);
    below.centre.z = ball.centre.z - 0.05;
    let scene = show.look(&[table, ball, below], &[0, 1, 2]);
    assert!(near(&scene, &ball).is_none() && near(&scene, &below).is_none(), "{:?}", scene.objects);
}

#[test]
fn what_is_in_the_hand_is_not_what_stands_where_another_object_does() {
    let held = cube(Color::Purple, 0.45, 0.1);
    let standing = cube(Color::Black, 0.5, -0.1);
    let mut show = Show::new();
    let scene = show.look(&[held, standing], &[0, 1]);
    let (purple, black) = (near(&scene, &held).expect("placed"), near(&scene, &standing).expect("placed"));
    show.tracker.set_held(Some(purple));
    // In poor light the black one looks purple; and it is detected twice.
    let mistaken = Body { color: Color::Purple, ..standing };
    for bodies in [[mistaken, standing], [standing, mistaken]] {
        let scene = show.look(&bodies, &[0, 1]);
        assert_eq!(near(&scene, &standing), Some(black), "{:?}", scene.objects);
        assert!(scene.get(purple).is_some(), "{:?}", scene.objects);
    }
}

#[test]
fn a_second_measurement_that_would_stick_in_a_known_object_of_its_color_is_that_object() {
    let cube = Body::new(Shape::Cube, Size::Large, Color::Yellow, [0.55, 0.0], 0.3, 0.0);
    let other = Body::new(Shape::Cube, Size::Large, Color::Yellow, [0.55, 0.12], 0.3, 0.0);
    let mut show = Show::new();
    let before = show.look(&[cube, other], &[0, 1]);
    let id = near(&before, &cube).expect("placed");
    // One of the two is seen as itself and as something higher beside it.
    for (aside, up) in [(0.03, 0.0), (0.0, 0.023), (0.02, 0.02)] {
        show.time = show.time + Duration::from_millis(100);
        let picture = draw(&[cube, other], 0.0025, show.time, &mut show.rng);
        let shifted = Body { centre: cube.centre + nalgebra::Vector3::new(aside, 0.0, up), ..cube };
        let mut found: Vec<_> =
            (0..2).filter_map(|i| detect(&picture, &[cube, other], i, &mut show.rng)).collect();
        let mut twice = found[0].clone();
        let at = picture.image.world_from_optical.inverse().point(shifted.centre);
        let (u, v) = picture.image.intrinsics.project(at).expect("in view");
        twice.point_px = [u as f32, v as f32];
        twice.shape = [0.05, 0.05, 0.05, 0.75, 0.05, 0.05];
        found.push(twice);
        show.tracker.update(&picture.image, &found);
        let scene = show.tracker.scene(show.time);
        assert_eq!(scene.objects.len(), 2, "{:?}", scene.objects);
        assert_eq!(near(&scene, &cube), Some(id), "{:?}", scene.objects);
    }
}

/// The left `width` columns of a picture, and a detection as it is seen there: the box ends at the edge,
/// the point is in the middle of what is left.
fn cut(image: &Image, detection: &Detection, width: u32) -> (Image, Detection) {
    let (w, h) = image.size();
    let n = width as usize;
    let depth = image.depth.as_ref().expect("depth");
    let rgb = (0..h).flat_map(|y| image.rgb[3 * y * w..3 * (y * w + n)].to_vec()).collect();
    let depth = (0..h).flat_map(|y| depth[y * w..y * w + n].to_vec()).collect();
    let k = Intrinsics { width, ..image.intrinsics };
    let pose = image.world_from_optical;
    let cut = Image::new("wrist", 0, image.stamp, rgb, Some(depth), k, pose).expect("a picture");
    let mut d = detection.clone();
    d.box_px[2] = width as f32;
    d.point_px[0] = 0.5 * (d.box_px[0] + d.box_px[2]);
    d.score = 0.5;
    (cut, d)
}

#[test]
fn what_one_picture_shows_cut_off_stays_where_another_shows_it_whole() {
    let bodies = [Body::new(Shape::Box, Size::Large, Color::Yellow, [0.56, 0.0], 0.3, 0.0)];
    for share in [0.25, 0.4, 0.55, 0.7] {
        let mut show = Show::new();
        for _ in 0..4 {
            let scene = show.look(&bodies, &[0]);
            let (id, o) = (near(&scene, &bodies[0]).expect("placed"), &scene.objects[0]);
            assert!((o.yaw - 0.3).abs() < 0.12, "{}", o.yaw);
            let picture = draw(&bodies, 0.0025, show.time, &mut show.rng);
            let whole = detect(&picture, &bodies, 0, &mut show.rng).expect("seen");
            let width = whole.box_px[0] + share * (whole.box_px[2] - whole.box_px[0]);
            let (image, detection) = cut(&picture.image, &whole, width as u32);
            show.tracker.update(&image, &[detection]);
            let after = show.tracker.scene(show.time);
            assert_eq!(near(&after, &bodies[0]), Some(id), "{share} seen: {:?}", after.objects[0].position);
            assert!((after.objects[0].yaw - 0.3).abs() < 0.12, "{share} seen: {}", after.objects[0].yaw);
        }
    }
}

#[test]
fn a_dropped_object_is_found_again_under_its_name() {
    let bodies = [cube(Color::Red, 0.45, 0.1), cube(Color::Blue, 0.5, -0.1)];
    let mut show = Show::new();
    let scene = show.look(&bodies, &[0, 1]);
    let red = near(&scene, &bodies[0]).expect("placed");
    show.tracker.set_held(Some(red));
    let dropped = [cube(Color::Red, 0.6, 0.2), bodies[1]];
    let scene = show.look(&dropped, &[0, 1]);
    assert_eq!(near(&scene, &dropped[0]), Some(red), "F20");
    assert_eq!(scene.objects.len(), 2);
}

#[test]
fn two_equal_cubes_side_by_side_stay_two_and_a_stack_has_three_heights() {
    let side = [cube(Color::Red, 0.5, 0.0), cube(Color::Red, 0.5, 0.05)];
    let mut show = Show::new();
    for _ in 0..3 {
        let scene = show.look(&side, &[0, 1]);
        assert_eq!(scene.objects.len(), 2);
        assert_ne!(near(&scene, &side[0]), near(&scene, &side[1]));
    }
    let at = |color, z| Body::new(Shape::Cube, Size::Large, color, [0.5, 0.0], 0.3, z);
    let stack = [at(Color::Red, 0.0), at(Color::Green, 0.05), at(Color::Blue, 0.10)];
    let mut show = Show::new();
    // Built from below, as it would be.
    show.look(&stack[..1], &[0]);
    show.look(&stack[..2], &[0, 1]);
    let mut scene = Scene::default();
    for _ in 0..3 {
        scene = show.look(&stack, &[0, 1, 2]);
    }
    assert_eq!(scene.objects.len(), 3, "{scene:?}");
    for body in &stack {
        let o = scene.objects.iter().find(|o| o.most_likely_color() == body.color).expect("tracked");
        assert!((o.position - body.centre).norm() < 0.012, "{}: {}", body.color, o.position);
    }
}

#[test]
fn what_an_unsure_look_takes_a_thing_for_does_not_outweigh_a_sure_one() {
    let body = cube(Color::Black, 0.5, 0.1);
    let mut show = Show::new();
    let mut colour_after = |score: f32, color: Color| {
        let scene = seen_as(&mut show, body, color, score);
        let [o] = scene.objects.as_slice() else { panic!("one thing: {:?}", scene.objects) };
        o.most_likely_color()
    };
    for _ in 0..2 {
        assert_eq!(colour_after(1.0, Color::Black), Color::Black);
    }
    // Half out of the picture, in odd light.
    assert_eq!(colour_after(0.52, Color::White), Color::Black);
    assert_eq!(colour_after(0.36, Color::White), Color::Black, "two unsure looks");
    // Seen well and differently, again and again: then it is so.
    colour_after(1.0, Color::White);
    assert_eq!(colour_after(1.0, Color::White), Color::White);
}

/// Shows a body as of this colour with this score.
fn seen_as(show: &mut Show, body: Body, color: Color, score: f32) -> Scene {
    show.time = show.time + Duration::from_millis(100);
    let picture = draw(&[body], 0.0025, show.time, &mut show.rng);
    let mut found = detect(&picture, &[body], 0, &mut show.rng).expect("in view");
    found.score = score;
    found.color = [0.001; 8];
    found.color[color.index()] = 0.993;
    show.tracker.update(&picture.image, &[found]);
    show.tracker.scene(show.time)
}

#[test]
fn unsure_looks_forget_no_more_than_they_are_sure() {
    let body = cube(Color::Black, 0.5, 0.1);
    let looks = |score: f32, n: usize| {
        let mut show = Show::new();
        let before = (0..2).map(|_| seen_as(&mut show, body, Color::Black, 1.0)).last().expect("two looks");
        let after = (0..n).map(|_| seen_as(&mut show, body, Color::White, score)).last().expect("looks");
        let [before, after] = [before, after].map(|s| s.objects.into_iter().next().expect("one thing"));
        (before, after)
    };
    for nothing in [0.0, f32::NAN, -1.0, f32::INFINITY] {
        let (before, after) = looks(nothing, 10);
        for (b, a) in before.color.iter().zip(&after.color) {
            assert!((a - b).abs() < 1e-5, "{nothing}: {:?}, was {:?}", after.color, before.color);
        }
        assert!(after.n_seen > before.n_seen, "{nothing}: it joined");
    }
    assert_eq!(looks(0.2, 6).1.most_likely_color(), Color::Black);
    assert_eq!(looks(1.0, 6).1.most_likely_color(), Color::White);
}

#[test]
fn what_is_in_the_hand_and_was_seen_badly_is_nothing_of_another_colour_either() {
    let held = types::ObjectId(0);
    for (color, is_it) in [(Color::Blue, false), (Color::Red, true)] {
        let mut show = Show::new();
        seen_as(&mut show, cube(Color::Red, 0.45, 0.1), Color::Red, 0.3);
        show.tracker.set_held(Some(held));
        let elsewhere = cube(color, 0.55, -0.1);
        let scene = seen_as(&mut show, elsewhere, color, 0.95);
        assert_eq!(near(&scene, &elsewhere) == Some(held), is_it, "{color:?}: {:?}", scene.objects);
    }
}
