//! The detector learns, resumes to the same bytes, and reads any picture it is given.

use core::ops::ControlFlow;
use core::sync::atomic::AtomicBool;
use perception::train::{self, Checkpoint, Label, Leg, Plan, Sample, Subject};
use perception::vision::{Arch, Net};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use types::{Color, Image, Intrinsics, Shape, Size, Time, Transform};

const COLORS: [(Color, [u8; 3]); 3] =
    [(Color::Red, [200, 30, 30]), (Color::Green, [30, 170, 40]), (Color::Blue, [30, 50, 200])];

fn photo(rgb: Vec<u8>, (w, h): (usize, usize)) -> Result<Image, types::Rejection> {
    let lens = Intrinsics::from_fov(w as u32, h as u32, 0.9)?;
    Image::new("drawn", 0, Time::ZERO, rgb, None, lens, Transform::identity())
}

/// Discs (balls) and squares (cubes) on a grey ground with a little noise.
fn draw(index: u64, width: usize, height: usize) -> Sample {
    let mut rng = ChaCha8Rng::seed_from_u64(index);
    let mut rgb: Vec<u8> = (0..3 * width * height).map(|_| rng.random_range(110..130)).collect();
    let mut objects: Vec<Label> = Vec::new();
    for _ in 0..rng.random_range(1..4) {
        let large = rng.random_bool(0.5);
        let r = if large { 9.0 } else { 6.0 };
        let (x, y) = (rng.random_range(r..width as f32 - r), rng.random_range(r..height as f32 - r));
        if objects.iter().any(|o| (o.center_px[0] - x).hypot(o.center_px[1] - y) < 22.0) {
            continue;
        }
        let round = rng.random_bool(0.5);
        let (color, tone) = COLORS[rng.random_range(0..3)];
        for v in 0..height {
            for u in 0..width {
                let (dx, dy) = ((u as f32 + 0.5 - x).abs(), (v as f32 + 0.5 - y).abs());
                if if round { dx.hypot(dy) < r } else { dx.max(dy) < r } {
                    rgb[3 * (v * width + u)..][..3].copy_from_slice(&tone);
                }
            }
        }
        objects.push(Label {
            box_px: [x - r, y - r, x + r, y + r],
            center_px: [x, y],
            shape: if round { Shape::Ball } else { Shape::Cube },
            size: if large { Size::Large } else { Size::Small },
            color,
        });
    }
    Sample { image: photo(rgb, (width, height)).expect("a picture"), objects }
}

fn tiny() -> Plan {
    Plan { subject: tiny_detector((96, 64)), seed: 7, steps: 40, batch: 4, rate: 4e-3, decay: 1e-2 }
}

fn tiny_detector(input: (usize, usize)) -> Subject {
    let arch = Arch { half: 8, quarter: 12, eighth: 16, sixteenth: 16, neck: 16 };
    Subject::Detector { arch, input }
}

/// A tiny net that has learned to find what is drawn.
fn trained() -> &'static Net {
    static NET: std::sync::OnceLock<Net> = std::sync::OnceLock::new();
    NET.get_or_init(|| {
        let plan = Plan { steps: 260, batch: 8, ..tiny() };
        go(plan.begin().expect("a plan"), 260, 2).net().expect("a net")
    })
}

fn go(checkpoint: Checkpoint, max_steps: u64, threads: usize) -> Checkpoint {
    let leg = Leg { max_steps: Some(max_steps), max_seconds: None, threads };
    train::vision(checkpoint, &|i| Ok(draw(i, 96, 64)), leg, &mut |_| ControlFlow::Continue(()))
        .expect("trains")
}

#[test]
fn the_loss_falls_and_a_training_in_legs_through_files_ends_in_the_same_bytes() {
    let whole = go(tiny().begin().expect("a plan"), 40, 2);
    let mut legs = tiny().begin().expect("a plan");
    for n in [1, 17, 22] {
        legs = go(legs, n, 2);
        legs = Checkpoint::from_bytes(&legs.to_bytes().expect("a file")).expect("the file");
    }
    assert_eq!(legs.step, 40);
    assert_eq!(whole.to_bytes().expect("a file"), legs.to_bytes().expect("a file"), "exact resume");
    assert_eq!(whole.fingerprint(), go(tiny().begin().expect("a plan"), 40, 2).fingerprint());
    let mean = |range: core::ops::Range<usize>| {
        let n = range.len() as f32;
        whole.history[range].iter().map(train::Parts::total).sum::<f32>() / n
    };
    assert!(mean(30..40) < 0.7 * mean(0..10), "{} → {}", mean(0..10), mean(30..40));
}

#[test]
fn the_gradient_steps_are_the_same_for_one_thread_and_for_two() {
    let one = go(tiny().begin().expect("a plan"), 4, 1);
    let two = go(tiny().begin().expect("a plan"), 4, 2);
    assert_eq!(one.fingerprint(), two.fingerprint());
}

#[test]
fn a_checkpoint_that_is_cut_or_of_another_net_is_refused() {
    let bytes = tiny().begin().expect("a plan").to_bytes().expect("a file");
    for n in [0, 7, 8, 100, bytes.len() - 1] {
        assert!(Checkpoint::from_bytes(&bytes[..n]).is_err(), "B30: {n} bytes");
    }
    let wide = Plan { subject: tiny_detector((100, 64)), ..tiny() };
    assert!(wide.begin().is_err());
    assert!(Plan { batch: 0, ..tiny() }.begin().is_err());
    let detector = tiny().begin().expect("a plan");
    assert!(detector.closer().is_err(), "one net is not the other");
    let closer = Plan { subject: Subject::Closer, ..tiny() }.begin().expect("a plan");
    assert!(closer.net().is_err() && closer.closer().is_ok());
}

#[test]
fn a_training_can_be_broken_off_and_a_bad_sample_is_refused_by_name() {
    let leg = Leg { max_steps: None, max_seconds: None, threads: 1 };
    let begin = || tiny().begin().expect("a plan");
    let broken = train::vision(begin(), &|i| Ok(draw(i, 96, 64)), leg, &mut |_| ControlFlow::Break(()));
    assert_eq!(broken.expect("one step").step, 1);
    let nowhere = |_| {
        let mut sample = draw(1, 96, 64);
        sample.objects[0].center_px[1] = f32::NAN;
        Ok(sample)
    };
    let err = train::vision(begin(), &nowhere, leg, &mut |_| ControlFlow::Continue(())).expect_err("NaN");
    assert!(err.to_string().contains("sample.objects[0]"), "{err}");
    let dry = |_| Err(types::Rejection::new("camera", "a picture", "none"));
    let err = train::vision(begin(), &dry, leg, &mut |_| ControlFlow::Continue(())).expect_err("no pictures");
    assert!(err.to_string().contains("camera"), "{err}");
}

#[test]
fn a_trained_net_finds_what_was_drawn_also_in_a_picture_of_twice_the_size() {
    let net = trained();
    let stop = AtomicBool::new(false);
    // The tiny net was trained on pictures of 96 × 64; the net sees 256 × 192, so draw at that scale.
    let (mut hits, mut objects, mut found, mut right) = (0, 0, 0, 0);
    for index in 1_000_000..1_000_012 {
        let sample = draw(index, 256, 192);
        let detections = net.detect(&sample.image, &stop).expect("an answer");
        found += detections.len();
        for o in &sample.objects {
            objects += 1;
            let near = detections
                .iter()
                .find(|d| (d.point_px[0] - o.center_px[0]).hypot(d.point_px[1] - o.center_px[1]) < 3.0);
            if let Some(d) = near {
                hits += 1;
                let best = (0..8).max_by(|a, b| d.color[*a].total_cmp(&d.color[*b]));
                right += usize::from(best == Some(o.color.index()));
            }
        }
    }
    assert!(hits * 10 >= objects * 8, "{hits} of {objects} found");
    assert!(found <= objects + objects / 4, "{found} answers for {objects} objects");
    assert!(right * 10 >= hits * 9, "{right} of {hits} colours right");
}

/// The same pictures, a plane in front of the camera.
fn deep(index: u64) -> Sample {
    let mut sample = draw(index, 256, 192);
    sample.image.depth = Some(vec![0.7; 256 * 192].into());
    sample
}

#[test]
fn the_closer_look_learns_from_what_is_proposed_and_resumes_to_the_same_bytes() {
    let plan = Plan { subject: Subject::Closer, steps: 16, ..tiny() };
    let go = |checkpoint: Checkpoint, n: u64, threads: usize| {
        let leg = Leg { max_steps: Some(n), max_seconds: None, threads };
        train::closer(checkpoint, trained(), &|i| Ok(deep(i)), leg, &mut |_| ControlFlow::Continue(()))
            .expect("trains")
    };
    let whole = go(plan.begin().expect("a plan"), 16, 2);
    let legs = go(plan.begin().expect("a plan"), 6, 1);
    let legs = go(Checkpoint::from_bytes(&legs.to_bytes().expect("a file")).expect("the file"), 10, 2);
    assert_eq!(whole.to_bytes().expect("a file"), legs.to_bytes().expect("a file"), "exact resume");
    let mean = |range: core::ops::Range<usize>| {
        let n = range.len() as f32;
        whole.history[range].iter().map(train::Parts::total).sum::<f32>() / n
    };
    assert!(mean(12..16) < 0.8 * mean(0..4), "{} → {}", mean(0..4), mean(12..16));

    let closer = whole.closer().expect("a net");
    let sample = deep(1_000_000);
    let mut seen = trained().detect(&sample.image, &AtomicBool::new(false)).expect("an answer");
    assert!(!seen.is_empty());
    let cancelled = Err(types::seams::ModelError::Cancelled);
    assert_eq!(closer.look(&sample.image, &mut seen, &AtomicBool::new(true)), cancelled);
}

#[test]
fn a_closer_look_at_boxes_of_any_kind_never_panics_and_leaves_what_shows_no_depth() {
    let plan = Plan { subject: Subject::Closer, ..tiny() };
    let closer = plan.begin().expect("a plan").closer().expect("a net");
    let stop = AtomicBool::new(false);
    let some = types::Detection {
        score: 0.5,
        box_px: [10.0, 10.0, 30.0, 30.0],
        point_px: [20.0, 20.0],
        color: [0.125; 8],
        shape: [1.0 / 6.0; 6],
        size: [0.5; 2],
    };
    let boxes = [
        [10.0, 10.0, 30.0, 30.0],
        [0.0, 0.0, 0.0, 0.0],
        [-50.0, -50.0, 20.0, 20.0],
        [200.0, 150.0, 900.0, 900.0],
        [5000.0, 5000.0, 5001.0, 5001.0],
        [30.0, 30.0, 10.0, 10.0],
        [f32::NAN, 0.0, 10.0, 10.0],
        [0.0, 0.0, f32::INFINITY, 10.0],
    ];
    let all: Vec<_> = boxes.iter().map(|b| types::Detection { box_px: *b, ..some.clone() }).collect();
    let mut image = deep(1).image;
    let mut seen = all.clone();
    closer.look(&image, &mut seen, &stop).expect("an answer");
    for d in &seen {
        assert!(d.score.is_finite() && d.shape.iter().chain(&d.color).all(|p| p.is_finite()), "{d:?}");
    }
    for depth in [None, Some(vec![0.0; 256 * 192].into()), Some(vec![f32::NAN; 256 * 192].into())] {
        image.depth = depth;
        let mut seen = all[..3].to_vec();
        closer.look(&image, &mut seen, &stop).expect("an answer");
        assert_eq!(seen, all[..3], "B28");
    }
}

#[test]
fn pictures_of_any_size_are_read_or_refused_and_never_panic() {
    let net = tiny().begin().expect("a plan").net().expect("a net");
    let stop = AtomicBool::new(false);
    for (w, h) in [(1, 1), (1, 500), (500, 1), (2, 3), (640, 480), (3000, 20), (257, 191), (2048, 2048)] {
        let mut image = photo(vec![127; 3 * w * h], (w, h)).expect("a picture");
        assert!(net.detect(&image, &stop).is_ok(), "B27: {w} × {h}");
        image.depth = Some(vec![0.7; w * h].into());
        assert!(net.detect(&image, &stop).is_ok(), "B28: {w} × {h} with depth");
        assert!(photo(vec![127; 3 * w * h - 1], (w, h)).is_err(), "B27: {w} × {h}, a byte short");
    }
    for (w, h) in [(0, 0), (0, 5), (8193, 1), (20_000, 20_000)] {
        assert!(photo(Vec::new(), (w, h)).is_err(), "B27: {w} × {h}");
    }
    stop.store(true, core::sync::atomic::Ordering::Relaxed);
    let image = photo(vec![0; 3], (1, 1)).expect("a picture");
    assert_eq!(net.detect(&image, &stop), Err(types::seams::ModelError::Cancelled));
}
