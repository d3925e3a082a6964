//! Each way a camera fails is noticed in time, and a good camera is left alone.

mod drawn;

use core::time::Duration;
use drawn::{Body, draw};
use nalgebra::{Isometry3, Vector3};
use perception::health::{CameraWatch, Config, Verdict};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use types::seams::CameraError;
use types::{Color, Fault, Image, Intrinsics, Shape, Size, Time, Transform};

const STEP: Duration = Duration::from_millis(33);

/// A watch over a fixed camera that is shown a drawn scene.
struct Desk {
    watch: CameraWatch,
    scene: Image,
    rng: ChaCha8Rng,
    now: Time,
}

impl Desk {
    fn new() -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let bodies = [
            Body::new(Shape::Tray, Size::Large, Color::White, [0.45, 0.15], 0.4, 0.0),
            Body::new(Shape::Bowl, Size::Large, Color::Black, [0.62, -0.15], 0.0, 0.0),
            Body::new(Shape::Cube, Size::Large, Color::Red, [0.50, -0.05], 0.3, 0.0),
        ];
        let scene = draw(&bodies, 0.002, Time::ZERO, &mut rng).image;
        let watch = CameraWatch::new("front", Config { fixed: true, ..Config::default() });
        let mut desk = Self { watch, scene, rng, now: Time::from_secs_f64(1.0) };
        for _ in 0..5 {
            let good = desk.noisy();
            assert_eq!(desk.show(&good), Verdict { usable: true, alarm: None, doubt: None });
        }
        desk
    }

    /// The scene as a sensor with noise would give it now.
    fn noisy(&mut self) -> Image {
        let rgb = self.scene.rgb.iter().map(|v| v.saturating_add(self.rng.random_range(0..3))).collect();
        self.picture(rgb)
    }

    fn picture(&mut self, rgb: Vec<u8>) -> Image {
        self.now = self.now + STEP;
        let s = &self.scene;
        let depth = s.depth.as_ref().map(|d| d.to_vec());
        Image::new("front", 0, self.now, rgb, depth, s.intrinsics, s.world_from_optical).expect("a picture")
    }

    fn show(&mut self, image: &Image) -> Verdict {
        self.watch.judge(Ok(image), "serial 1", self.now, self.now)
    }

    /// Shows pictures made by `make` until an alarm; how many it took, and which.
    fn until_alarm(&mut self, make: impl Fn(&mut Self) -> Image) -> (usize, Fault) {
        for n in 1..10 {
            let image = make(self);
            let verdict = self.show(&image);
            if let Some(alarm) = verdict.alarm {
                assert!(!verdict.usable);
                assert!(alarm.text.contains("front"), "{}", alarm.text);
                return (n, alarm.fault);
            }
        }
        panic!("no alarm in ten pictures");
    }
}

#[test]
fn a_frozen_camera_is_noticed_within_three_pictures() {
    let mut desk = Desk::new();
    let still = desk.noisy();
    let (n, fault) = desk.until_alarm(|d| d.picture(still.rgb.to_vec()));
    assert_eq!(fault, Fault::F7CameraFrozen);
    assert!(n <= 3, "F7 after {n}");
    // The same picture asked for twice at one instant is no freeze.
    let mut desk = Desk::new();
    let once = desk.noisy();
    assert!(desk.show(&once).usable);
    let again = desk.show(&once);
    assert_eq!(again.alarm, None);
    assert!(again.usable, "one stamp, one picture");
}

#[test]
fn an_unplugged_camera_is_noticed_at_once_and_a_silent_one_within_a_tenth_of_a_second() {
    let mut desk = Desk::new();
    let asked = desk.now;
    let at = |ms| asked + Duration::from_millis(ms);
    let gone = CameraError::Unplugged("front".into());
    let verdict = desk.watch.judge(Err(&gone), "serial 1", asked, at(1));
    assert_eq!(verdict.alarm.map(|a| a.fault), Some(Fault::F8CameraUnplugged));
    let mut desk = Desk::new();
    let late = CameraError::Timeout("front".into());
    let first = desk.watch.judge(Err(&late), "serial 1", asked, at(60));
    assert_eq!((first.usable, first.alarm), (false, None));
    assert!(first.doubt.is_some());
    let second = desk.watch.judge(Err(&late), "serial 1", at(60), at(120));
    assert_eq!(second.alarm.map(|a| a.fault), Some(Fault::F8CameraUnplugged));
    assert!(desk.watch.overdue(asked, at(99)).is_none());
    assert_eq!(desk.watch.overdue(asked, at(101)).map(|a| a.fault), Some(Fault::F8CameraUnplugged));
}

#[test]
fn a_picture_that_is_half_a_second_old_is_refused_at_once_and_the_next_good_one_is_used() {
    let mut desk = Desk::new();
    let old = desk.noisy();
    desk.now = desk.now + Duration::from_millis(500);
    let verdict = desk.show(&old);
    assert_eq!(verdict.alarm.map(|a| a.fault), Some(Fault::F9CameraDelayed));
    let fresh = desk.noisy();
    assert!(desk.show(&fresh).usable);
}

#[test]
fn black_white_noisy_and_turned_pictures_are_never_used_and_reported_within_five() {
    type Make = fn(&mut Desk) -> Image;
    let kinds: [(&str, Make); 5] = [
        ("black", |d| {
            let rgb = (0..d.scene.rgb.len()).map(|_| d.rng.random_range(0..4)).collect();
            d.picture(rgb)
        }),
        ("saturated", |d| {
            let rgb = (0..d.scene.rgb.len()).map(|_| d.rng.random_range(252..=255)).collect();
            d.picture(rgb)
        }),
        ("noise", |d| {
            let rgb = (0..d.scene.rgb.len()).map(|_| d.rng.random_range(0..=255)).collect();
            d.picture(rgb)
        }),
        ("covered", |d| {
            let rgb = (0..d.scene.rgb.len()).map(|_| d.rng.random_range(60..63)).collect();
            d.picture(rgb)
        }),
        ("turned", |d| {
            let upright = d.noisy();
            let rgb = upright.rgb.chunks(3).rev().flatten().copied().collect();
            d.picture(rgb)
        }),
    ];
    for (what, make) in kinds {
        let mut desk = Desk::new();
        let first = make(&mut desk);
        assert!(!desk.show(&first).usable, "F10 {what}: already the first one is not used");
        let (n, fault) = desk.until_alarm(make);
        assert_eq!(fault, Fault::F10CameraBlind, "{what}");
        assert!(n < 5, "F10 {what} after {}", n + 1);
        let good = desk.noisy();
        assert!(desk.show(&good).usable, "{what} is over");
    }
}

#[test]
fn a_camera_that_is_another_after_a_reconnect_is_not_used_until_accepted() {
    let gone = CameraError::Unplugged("front".into());
    for case in ["identity", "lens", "pose", "view"] {
        let mut desk = Desk::new();
        desk.watch.judge(Err(&gone), "serial 1", desk.now, desk.now);
        let mut image = desk.noisy();
        let mut identity = "serial 1";
        match case {
            "identity" => identity = "serial 2",
            "lens" => image.intrinsics = Intrinsics::from_fov(256, 192, 1.1).expect("a lens"),
            "pose" => {
                let shifted = image.world_from_optical.isometry() * Isometry3::translation(0.05, 0.0, 0.0);
                image.world_from_optical = Transform::from_isometry(shifted);
            }
            _ => {
                // Another place: a tiled floor.
                let tile = |at: usize| 60 + 120 * ((at / 3 % 256 / 32 + at / 3 / 256 / 32) % 2);
                let rgb = (0..image.rgb.len()).map(|at| tile(at) as u8).collect();
                image = desk.picture(rgb);
            }
        }
        let verdict = desk.watch.judge(Ok(&image), identity, desk.now, desk.now);
        assert_eq!(verdict.alarm.map(|a| a.fault), Some(Fault::F11CameraSwapped), "{case}");
        let good = desk.noisy();
        assert!(!desk.show(&good).usable, "{case}: it stays refused");
        desk.watch.accept();
        let good = desk.noisy();
        assert!(desk.show(&good).usable, "{case}: accepted");
    }
}

#[test]
fn a_moving_camera_and_a_changing_scene_raise_no_alarm() {
    let mut desk = Desk::new();
    let mut watch = CameraWatch::new("wrist", Config::default());
    for i in 0..20 {
        let mut image = desk.noisy();
        let shift = Isometry3::translation(0.002 * f64::from(i), 0.0, 0.0);
        image.world_from_optical = Transform::from_isometry(shift * image.world_from_optical.isometry());
        let verdict = watch.judge(Ok(&image), "serial 7", desk.now, desk.now);
        assert_eq!(verdict, Verdict { usable: true, alarm: None, doubt: None }, "picture {i}");
    }
    for i in 0..20 {
        let x = 0.38 + 0.015 * f64::from(i);
        let body = Body::new(Shape::Cylinder, Size::Large, Color::Yellow, [x, 0.1], 0.0, 0.0);
        desk.now = desk.now + STEP;
        let now = desk.now;
        let image = draw(&[body], 0.002, now, &mut desk.rng).image;
        assert!(desk.show(&image).usable, "picture {i}");
    }
}

#[test]
fn depth_that_shows_no_table_betrays_a_camera_whose_pose_is_wrong() {
    let mut desk = Desk::new();
    let mut watch = CameraWatch::new("front", Config::default());
    let mut last = None;
    for _ in 0..3 {
        let mut image = desk.noisy();
        let up = Isometry3::new(Vector3::new(0.0, 0.0, 0.3), Vector3::zeros());
        image.world_from_optical = Transform::from_isometry(up * image.world_from_optical.isometry());
        let verdict = watch.judge(Ok(&image), "serial 1", desk.now, desk.now);
        assert!(!verdict.usable);
        last = verdict.alarm;
    }
    assert_eq!(last.map(|a| a.fault), Some(Fault::F10CameraBlind));
}
