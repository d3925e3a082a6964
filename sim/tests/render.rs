//! The rasteriser against the one camera formula, and against what a person expects to see.

use mechanics::Model;
use nalgebra::{Isometry3, Point3};
use sim::render::{LABEL_NONE, LABEL_OBJECT, LABEL_TABLE, Rendered, Renderer, View, object_of};
use sim::{Appearance, CameraSpec, ObjectSpec, SceneSpec, Snapshot, Stage};
use std::sync::Arc;
use types::image::Distortion;
use types::{Color, Intrinsics, Shape, Size, Time, Transform};

const LENS: Distortion = Distortion { k1: -0.12, k2: 0.03, p1: 0.002, p2: -0.001, k3: 0.0 };

fn object(shape: Shape, size: Size, color: Color, x: f64, y: f64) -> ObjectSpec {
    let name = format!("{shape}_{x}_{y}").replace('.', "_");
    ObjectSpec { name, shape, size, color, position_m: [x, y], yaw_rad: 0.3, z_m: None }
}

fn scene() -> SceneSpec {
    let objects = vec![
        object(Shape::Cube, Size::Large, Color::Red, 0.45, -0.20),
        object(Shape::Ball, Size::Large, Color::Blue, 0.55, 0.10),
        object(Shape::Bowl, Size::Large, Color::Yellow, 0.62, -0.15),
        object(Shape::Tray, Size::Small, Color::Green, 0.42, 0.25),
        object(Shape::Cylinder, Size::Small, Color::White, 0.66, 0.22),
        object(Shape::Box, Size::Large, Color::Black, 0.40, 0.02),
    ];
    SceneSpec { objects, ..SceneSpec::default() }
}

fn still(scene: &SceneSpec) -> Snapshot {
    let nobody = Model { name: "nobody".into(), bodies: vec![], joints: vec![], warnings: vec![] };
    Snapshot::still(Arc::new(Stage::new(&nobody, scene)), &[], scene, Time::ZERO)
}

fn front(distortion: Distortion) -> View {
    let spec = CameraSpec { distortion, ..CameraSpec::front() };
    let eye = sim::render::look_at([1.05, 0.0, 0.90], [0.54, 0.0, 0.0]).expect("two points");
    View { intrinsics: spec.intrinsics().expect("a lens"), world_from_optical: Transform::from_isometry(eye) }
}

fn lifted(picture: &Rendered, view: &View, at: usize) -> Point3<f64> {
    let (col, row) = ((at % picture.width) as f64 + 0.5, (at / picture.width) as f64 + 0.5);
    let p = view.intrinsics.lift(col, row, f64::from(picture.depth[at]));
    view.world_from_optical.point(p)
}

/// Whether all four neighbours show the same thing.
fn is_inner(picture: &Rendered, at: usize) -> bool {
    let (w, label) = (picture.width, picture.labels[at]);
    let (col, row) = (at % w, at / w);
    col > 0
        && row > 0
        && col + 1 < w
        && row + 1 < picture.height
        && [at - 1, at + 1, at - w, at + w].iter().all(|i| picture.labels[*i] == label)
}

#[test]
fn every_pixel_lifts_back_onto_the_thing_that_it_shows_with_any_lens() {
    let scene = scene();
    let snapshot = still(&scene);
    for lens in [Distortion::default(), LENS] {
        let view = front(lens);
        let picture = Renderer::new().render(&snapshot, &view, &Appearance::default());
        let mut seen = vec![0usize; scene.objects.len()];
        for at in (0..picture.labels.len()).filter(|at| is_inner(&picture, *at)) {
            let p = lifted(&picture, &view, at);
            match (picture.labels[at], object_of(picture.labels[at])) {
                (LABEL_TABLE, _) => assert!(p.z.abs() < 2e-4, "{lens:?}: the table at {p}"),
                (_, Some(i)) => {
                    seen[i] += 1;
                    let o = &scene.objects[i];
                    let local = o.world_from_object().inverse() * p;
                    let half = 0.5 * o.dimensions();
                    // A pixel over an edge blends two sides: half a pixel is 2 mm.
                    let out = (local.coords.abs() - half).max();
                    assert!(out < 0.0025, "{lens:?}: {} at {local}, {out} m outside", o.name);
                }
                (label, _) => assert_eq!(label, LABEL_NONE),
            }
        }
        assert!(seen.iter().all(|n| *n > 15), "{seen:?}");
    }
}

#[test]
fn a_ball_is_seen_around_the_projection_of_its_middle_with_any_lens() {
    for lens in [Distortion::default(), LENS] {
        let view = front(lens);
        for (x, y) in [(0.40, -0.30), (0.55, 0.0), (0.70, 0.30)] {
            let ball = object(Shape::Ball, Size::Small, Color::Red, x, y);
            let middle = ball.world_from_object().translation.vector;
            let snapshot = still(&SceneSpec { objects: vec![ball], ..SceneSpec::default() });
            let picture = Renderer::new().render(&snapshot, &view, &Appearance::default());
            let (mut n, mut u, mut v) = (0.0, 0.0, 0.0);
            for at in (0..picture.labels.len()).filter(|at| picture.labels[*at] == LABEL_OBJECT) {
                n += 1.0;
                u += (at % picture.width) as f64 + 0.5;
                v += (at / picture.width) as f64 + 0.5;
            }
            let [pu, pv] = view.project(middle.into()).expect("in front");
            let off = ((u / n - pu).powi(2) + (v / n - pv).powi(2)).sqrt();
            assert!(n > 40.0 && off < 0.4, "{lens:?} at ({x}, {y}): {n} pixels, {off:.2} off");
        }
    }
}

#[test]
fn the_same_snapshot_gives_the_same_bytes_whatever_was_drawn_before() {
    let (snapshot, view) = (still(&scene()), front(LENS));
    let look = Appearance::default();
    let first = Renderer::new().render(&snapshot, &view, &look);
    let mut used = Renderer::new();
    let empty = still(&SceneSpec::default());
    let other = View::look_at([0.9, 0.8, 0.5], [0.4, 0.0, 0.0], (97, 61), 1.2).expect("a view");
    let _ = used.render(&empty, &other, &look);
    assert_eq!(used.render(&snapshot, &view, &look), first);
}

#[test]
fn each_of_the_eight_colours_is_seen_as_itself() {
    for &color in Color::ALL {
        let cube = object(Shape::Cube, Size::Large, color, 0.55, 0.0);
        let snapshot = still(&SceneSpec { objects: vec![cube], ..SceneSpec::default() });
        let picture =
            Renderer::new().render(&snapshot, &front(Distortion::default()), &Appearance::default());
        let mut mean = [0.0f32; 3];
        let mut n = 0.0;
        for at in (0..picture.labels.len()).filter(|at| picture.labels[*at] == LABEL_OBJECT) {
            n += 1.0;
            (0..3).for_each(|c| mean[c] += f32::from(picture.rgb[3 * at + c]) / 255.0);
        }
        let off = |c: Color| (0..3).map(|i| (mean[i] / n - sim::look::rgb(c)[i]).powi(2)).sum::<f32>();
        let nearest = Color::ALL.iter().copied().min_by(|a, b| off(*a).total_cmp(&off(*b)));
        assert_eq!(nearest, Some(color), "{:?}", mean.map(|m| m / n));
    }
}

#[test]
fn what_stands_in_the_light_throws_a_shadow_on_the_table() {
    let tall = object(Shape::Cylinder, Size::Large, Color::White, 0.55, 0.0);
    let snapshot = still(&SceneSpec { objects: vec![tall], ..SceneSpec::default() });
    let view = front(Distortion::default());
    let mut look = Appearance::default();
    look.light.towards = [0.0, -1.0, 1.0];
    look.table.contrast = 0.0;
    let picture = Renderer::new().render(&snapshot, &view, &look);
    let brightness = |x: f64, y: f64| {
        let [u, v] = view.project(Point3::new(x, y, 0.0)).expect("in front");
        picture.rgb[3 * (v as usize * picture.width + u as usize)]
    };
    // 45°: as long as it is high, away from the light.
    assert!(f32::from(brightness(0.55, 0.06)) < 0.8 * f32::from(brightness(0.55, -0.06)));
    assert_eq!(brightness(0.55, 0.14), brightness(0.55, -0.14));
}

#[test]
fn a_camera_inside_under_or_against_things_still_gives_a_picture() {
    let snapshot = still(&scene());
    let mut renderer = Renderer::new();
    for (eye, target) in [
        ([0.45, -0.20, 0.02], [0.55, 0.1, 0.02]),
        ([0.5, 0.0, -0.5], [0.5, 0.0, 0.0]),
        ([0.5, 0.0, 0.001], [0.6, 0.0, 0.0]),
        ([0.5, 0.0, 0.5], [0.5, 0.0, 0.0]),
        ([50.0, 0.0, 20.0], [60.0, 0.0, 20.0]),
    ] {
        for distortion in [Distortion::default(), LENS] {
            let mut view = View::look_at(eye, target, (64, 48), 1.0).expect("a view");
            let k = view.intrinsics;
            view.intrinsics =
                Intrinsics::new((64, 48), (k.fx, k.fy), (k.cx, k.cy), distortion).expect("a lens");
            let picture = renderer.render(&snapshot, &view, &Appearance::default());
            assert_eq!((picture.rgb.len(), picture.depth.len()), (64 * 48 * 3, 64 * 48));
            assert!(picture.depth.iter().all(|z| z.is_finite() && *z >= 0.0));
        }
    }
    assert!(View::look_at([0.0; 3], [0.0; 3], (64, 48), 1.0).is_err());
    assert!(View::look_at([f64::NAN, 0.0, 0.0], [0.0; 3], (64, 48), 1.0).is_err(), "B1");
    let mut gone = snapshot;
    gone.world_from_body[2] = Isometry3::translation(f64::NAN, 0.0, 0.0);
    let picture = renderer.render(&gone, &front(LENS), &Appearance::default());
    assert!(picture.labels.iter().all(|l| *l != LABEL_OBJECT + 1), "B1: not drawn");
}

#[test]
fn a_footprint_is_what_would_be_seen_if_nothing_hid_it() {
    let cube = object(Shape::Cube, Size::Large, Color::Red, 0.55, 0.0);
    let mut on_top = object(Shape::Cube, Size::Small, Color::Blue, 0.55, 0.0);
    on_top.z_m = Some(0.05 + 0.017);
    let view = front(LENS);
    let mut renderer = Renderer::new();
    let alone = still(&SceneSpec { objects: vec![cube.clone()], ..SceneSpec::default() });
    let count = |p: &Rendered| p.labels.iter().filter(|l| **l == LABEL_OBJECT).count();
    let free = count(&renderer.render(&alone, &view, &Appearance::default()));
    let both = still(&SceneSpec { objects: vec![cube, on_top], ..SceneSpec::default() });
    let hidden = count(&renderer.render(&both, &view, &Appearance::default()));
    let footprint = renderer.footprint(&both, &view, 0);
    // A pixel that is half covered counts in a picture, by its middle alone in a footprint.
    assert!(free.abs_diff(footprint) * 12 < free, "{free} seen, footprint {footprint}");
    assert!(hidden + 20 < footprint, "{hidden} seen under the other, footprint {footprint}");
}
