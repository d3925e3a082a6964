//! Our own parts over time: one control tick, one look, one plan, one picture.
#![allow(missing_docs, reason = "criterion's macro makes a public function without a word")]

use criterion::{Criterion, criterion_group, criterion_main};
use mechanics::Arm;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sim::{CameraSpec, Rig, SceneRules, SceneSpec, World};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use types::plan::Skill;
use types::seams::{Camera, Controller, Robot};
use types::{ObjectId, RobotProfile, Scene};

fn panda() -> Arc<Arm> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/robots");
    let text = std::fs::read_to_string(folder.join("panda.toml")).expect("the profile");
    let profile: RobotProfile = toml::from_str(&text).expect("a valid profile");
    let model = mechanics::load(&folder.join(&profile.model)).expect("a valid robot");
    Arc::new(Arm::new(model, profile).expect("an arm"))
}

fn world(arm: &Arc<Arm>) -> Rig {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let rules = SceneRules { others: [6, 6], ..SceneRules::default() };
    let scene = SceneSpec::random(&rules, &mut rng).expect("a scene");
    Rig::new(World::new(arm, &scene, 1).expect("a world"))
}

fn tick(c: &mut Criterion) {
    let arm = panda();
    let (mut core, mut handle) = control::new(arm.clone(), control::Config::default()).expect("control");
    let rig = world(&arm);
    let mut robot = rig.robot();
    handle.activate(rig.now()).expect("activated");
    for _ in 0..50 {
        let now = rig.now();
        let (_, result) = control::tick_robot(&mut core, &mut robot, now);
        result.expect("a tick");
    }
    let state = robot.read().expect("a state");
    c.bench_function("control tick, 7 joints", |b| {
        let mut now = state.stamp;
        b.iter(|| {
            now = now + core::time::Duration::from_millis(1);
            let mut fresh = state;
            fresh.stamp = now;
            black_box(core.tick(now, Some(&fresh)))
        });
    });
    c.bench_function("physics step, 6 objects", |b| b.iter(|| rig.world().step().expect("a step")));
}

fn look(c: &mut Criterion) {
    let arm = panda();
    let rig = world(&arm);
    let mut camera = rig.camera(&CameraSpec::front(), 1).expect("a camera");
    c.bench_function("picture, 256 by 192", |b| b.iter(|| black_box(camera.take().expect("a picture"))));
    let image = camera.take().expect("a picture");
    let bytes =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/weights/sinew-vlm.safetensors"));
    let model = perception::model::BuiltinModel::from_bytes(&bytes.expect("the weights")).expect("valid");
    let cancel = std::sync::atomic::AtomicBool::new(false);
    let mut group = c.benchmark_group("look");
    group.sample_size(20);
    group.bench_function("detect", |b| {
        b.iter(|| black_box(model.net().detect(&image, &cancel).expect("detections")));
    });
    group.bench_function("read a sentence", |b| {
        b.iter(|| black_box(model.reader().read("put the small red cube left of the blue bowl")));
    });
    group.finish();
}

/// The tracked scene of an empty table with one cube.
fn scene() -> Scene {
    let mut object = types::TrackedObject {
        id: ObjectId(0),
        color: [0.0; 8],
        shape: [0.0; 6],
        size: [0.0; 2],
        position: nalgebra::Point3::new(0.5, 0.1, 0.025),
        yaw: 0.3,
        dimensions: nalgebra::Vector3::new(0.05, 0.05, 0.05),
        covariance: nalgebra::Matrix3::identity() * 1e-6,
        seen: types::Time::ZERO,
        n_seen: 5,
    };
    object.color[0] = 1.0;
    object.shape[0] = 1.0;
    object.size[1] = 1.0;
    Scene { stamp: types::Time::ZERO, objects: vec![object] }
}

fn plan(c: &mut Criterion) {
    let arm = panda();
    let mut motion = planner::Motion::new(arm.clone(), planner::Config::default()).expect("a planner");
    let state = world(&arm).robot().read().expect("a state");
    let scene = scene();
    let mut group = c.benchmark_group("plan");
    group.sample_size(20);
    group.bench_function("pick", |b| {
        b.iter(|| black_box(motion.prepare(&Skill::Pick { object: ObjectId(0) }, &scene, &state, None)));
    });
    group.finish();
}

criterion_group!(benches, tick, look, plan);
criterion_main!(benches);
