//! The simulated camera behind its seam, whole and broken.

mod common;

use sim::faults::{CameraFault, FaultKind, FaultSpec};
use sim::{CameraSpec, ObjectSpec, Rig, SceneSpec, SimCamera, ThirdPerson, World, contract};
use types::seams::{Camera, CameraError};
use types::{Color, Image, Shape, Size};

fn rig() -> Rig {
    let cube = ObjectSpec {
        name: "cube".into(),
        shape: Shape::Cube,
        size: Size::Large,
        color: Color::Red,
        position_m: [0.50, 0.10],
        yaw_rad: 0.0,
        z_m: None,
    };
    let scene = SceneSpec { objects: vec![cube], ..SceneSpec::default() };
    Rig::new(World::new(&common::arm("panda"), &scene, 1).expect("a world"))
}

fn camera(rig: &Rig, spec: &CameraSpec) -> SimCamera {
    rig.camera(spec, 5).expect("a camera")
}

fn broken(fault: CameraFault) -> FaultSpec {
    let kind = FaultKind::Camera { name: "front".into(), fault };
    FaultSpec { at_s: 0.0, duration_s: None, kind }
}

fn step(rig: &Rig, ms: usize) {
    for _ in 0..ms {
        rig.world().step().expect("a step");
    }
}

/// Pixels that are red and nothing else.
fn reds(image: &Image) -> Vec<usize> {
    let is_red = |p: &[u8]| p[0] > 90 && p[1] < 60 && p[2] < 60;
    image.rgb.chunks_exact(3).enumerate().filter(|(_, p)| is_red(p)).map(|(i, _)| i).collect()
}

#[test]
fn both_cameras_of_both_arms_keep_every_promise_of_a_camera() {
    for arm in ["panda", "so101"] {
        let rig = Rig::new(World::new(&common::arm(arm), &SceneSpec::default(), 1).expect("a world"));
        for spec in CameraSpec::defaults() {
            let mut camera = camera(&rig, &spec);
            contract::camera_keeps_its_promises(&mut camera, &mut rig.clock()).expect(&spec.name);
        }
    }
}

#[test]
fn a_camera_that_breaks_a_promise_is_told_which() {
    for (fault, promise) in [
        (CameraFault::Unplugged, "the first picture"),
        (CameraFault::Delayed(0.5), "stamp"),
        (CameraFault::Swapped, ""),
    ] {
        let rig = rig();
        let mut camera = camera(&rig, &CameraSpec::front());
        if fault == CameraFault::Swapped {
            // Another device from the second picture on.
            let kind = FaultKind::Camera { name: "front".into(), fault };
            let later = FaultSpec { at_s: 0.06, duration_s: None, kind };
            rig.set_faults(&[later]).expect("a fault");
        } else {
            rig.set_faults(&[broken(fault)]).expect("a fault");
        }
        step(&rig, 2);
        let said = contract::camera_keeps_its_promises(&mut camera, &mut rig.clock()).expect_err(promise);
        assert!(said.contains(promise), "{said}");
    }
}

#[test]
fn a_picture_carries_stamp_sequence_geometry_and_the_cube_where_it_lies() {
    let rig = rig();
    let mut front = camera(&rig, &CameraSpec::front());
    step(&rig, 20);
    let first = front.take().expect("a picture");
    assert_eq!((first.sequence, first.stamp, first.camera.as_str()), (0, rig.now(), "front"));
    assert_eq!(front.take().expect("a picture").sequence, 1);
    let (w, _) = first.size();
    let pixels = reds(&first);
    assert!(pixels.len() > 60, "{} red pixels", pixels.len());
    let points: Vec<_> = pixels.iter().filter_map(|i| first.point_in_world(i % w, i / w)).collect();
    let n = points.len() as f64;
    let mean = points.iter().map(|p| p.coords).sum::<nalgebra::Vector3<f64>>() / n;
    assert!((mean.x - 0.51).abs() < 0.02 && (mean.y - 0.10).abs() < 0.01 && mean.z < 0.055, "{mean}");
}

#[test]
fn the_same_seed_and_sequence_give_the_same_bytes_and_the_next_picture_has_other_noise() {
    let (a, b) = (rig(), rig());
    let (mut one, mut two) = (camera(&a, &CameraSpec::front()), camera(&b, &CameraSpec::front()));
    let first = one.take().expect("a picture");
    assert_eq!(first, two.take().expect("a picture"));
    assert_ne!(first.rgb, one.take().expect("a picture").rgb);
    let mut other = a.camera(&CameraSpec::front(), 6).expect("a camera");
    assert_ne!(first.rgb, other.take().expect("a picture").rgb);
}

#[test]
fn the_wrist_camera_rides_on_the_hand_and_looks_where_the_tool_points() {
    let rig = rig();
    let mut wrist = camera(&rig, &CameraSpec::wrist());
    let image = wrist.take().expect("a picture");
    let arm = common::arm("panda");
    let mut data = mechanics::ArmData::new(&arm);
    let tool = mechanics::tool_pose(&arm, &mut data, &arm.home());
    let ahead = tool.point(nalgebra::Point3::new(0.0, 0.0, 0.35));
    let (u, v) = image
        .intrinsics
        .project(image.world_from_optical.inverse().point(ahead))
        .expect("in front of the camera");
    assert!((u - 128.0).abs() < 6.0 && (v - 96.0).abs() < 30.0, "({u:.1}, {v:.1})");
    // Further along, the fingers' line comes nearer to the middle of the picture from below.
    let near = tool.point(nalgebra::Point3::new(0.0, 0.0, 0.1));
    let (_, v_near) = image
        .intrinsics
        .project(image.world_from_optical.inverse().point(near))
        .expect("in front of the camera");
    assert!(v_near > v, "{v_near:.1} and {v:.1}");
}

#[test]
fn a_frozen_camera_repeats_its_picture_under_live_stamps_f7() {
    let rig = rig();
    let mut front = camera(&rig, &CameraSpec::front());
    let before = front.take().expect("a picture");
    rig.set_faults(&[broken(CameraFault::Frozen)]).expect("a fault");
    step(&rig, 30);
    let frozen = front.take().expect("a picture");
    assert_eq!((&frozen.rgb, &frozen.depth), (&before.rgb, &before.depth), "F7");
    assert!(frozen.stamp > before.stamp && frozen.sequence == before.sequence + 1, "F7");
    rig.set_faults(&[]).expect("none");
    assert_ne!(front.take().expect("a picture").rgb, before.rgb);
}

#[test]
fn an_unplugged_camera_gives_an_error_and_comes_back_f8() {
    let rig = rig();
    let mut front = camera(&rig, &CameraSpec::front());
    rig.set_faults(&[broken(CameraFault::Unplugged)]).expect("a fault");
    assert_eq!(front.take(), Err(CameraError::Unplugged("front".into())), "F8");
    assert!(camera(&rig, &CameraSpec::wrist()).take().is_ok(), "F8 concerns one camera");
    rig.set_faults(&[]).expect("none");
    assert!(front.take().is_ok());
}

#[test]
fn a_delayed_camera_stamps_its_pictures_as_old_as_they_are_f9() {
    let rig = rig();
    let mut front = camera(&rig, &CameraSpec::front());
    step(&rig, 800);
    rig.set_faults(&[broken(CameraFault::Delayed(0.5))]).expect("a fault");
    let late = front.take().expect("a picture");
    assert!((rig.now().secs_since(late.stamp) - 0.5).abs() < 1e-6, "F9");
}

#[test]
fn a_blind_camera_is_black_saturated_noise_or_upside_down_f10() {
    let rig = rig();
    let mut front = camera(&rig, &CameraSpec::front());
    let upright = front.take().expect("a picture");
    let mut taken = |fault| {
        rig.set_faults(&[broken(fault)]).expect("a fault");
        front.take().expect("a picture")
    };
    assert!(taken(CameraFault::Black).rgb.iter().all(|v| *v == 0), "F10");
    assert!(taken(CameraFault::Saturated).rgb.iter().all(|v| *v == 255), "F10");
    let noise = taken(CameraFault::Noise);
    let mean = noise.rgb.iter().map(|v| f64::from(*v)).sum::<f64>() / noise.rgb.len() as f64;
    assert!((mean - 127.5).abs() < 3.0 && reds(&noise).len() < 4000, "F10: mean {mean}");
    let rotated = taken(CameraFault::Rotated);
    let n = upright.rgb.len() / 3;
    let middle = |image: &Image| {
        let pixels = reds(image);
        pixels.iter().sum::<usize>() as f64 / pixels.len() as f64
    };
    assert!((middle(&upright) + middle(&rotated) - n as f64).abs() < 600.0, "F10");
}

#[test]
fn a_swapped_camera_has_another_identity_and_sees_from_elsewhere_f11() {
    let rig = rig();
    let mut front = camera(&rig, &CameraSpec::front());
    let (identity, before) = (front.identity(), front.take().expect("a picture"));
    assert_eq!(identity, front.identity());
    rig.set_faults(&[broken(CameraFault::Swapped)]).expect("a fault");
    assert_ne!(front.identity(), identity, "F11");
    let other = front.take().expect("a picture");
    assert_eq!(other.world_from_optical, before.world_from_optical, "F11: nobody told");
    let (w, _) = before.size();
    let column = |image: &Image| {
        let pixels = reds(image);
        pixels.iter().map(|i| (i % w) as f64).sum::<f64>() / pixels.len().max(1) as f64
    };
    assert!((column(&before) - column(&other)).abs() > 5.0, "F11: another view");
}

#[test]
fn a_free_camera_sees_robot_and_cube() {
    let rig = rig();
    let mut beside = ThirdPerson::beside((200, 150)).expect("a view");
    let look = rig.world().scene().look.clone();
    let picture = beside.take(&rig.snapshot(), &look);
    let count = |label| picture.labels.iter().filter(|l| **l == label).count();
    assert!(count(sim::render::LABEL_ROBOT) > 1500 && count(sim::render::LABEL_OBJECT) > 20);
}
