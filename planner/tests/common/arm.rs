//! Arms from the repository's robot files, random tables, and checks of planned motion.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use crate::common::object;
use mechanics::collision::Checker;
use mechanics::{Arm, ArmData};
use planner::{Footprint, Prepared, Step, obstacles};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use std::sync::Arc;
use types::{Color, GripperState, JointState, JointVector, ObjectId, RobotProfile, Scene, Shape, Size, Time};

pub fn arm(name: &str) -> Arc<Arm> {
    let robots = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots");
    let text = std::fs::read_to_string(robots.join(format!("{name}.toml"))).expect("a profile");
    let profile: RobotProfile = toml::from_str(&text).expect("a valid profile");
    let model = mechanics::load(&robots.join(&profile.model)).expect("a robot file");
    Arc::new(Arm::new(model, profile).expect("they fit"))
}

pub fn at_home(arm: &Arm) -> JointState {
    at(arm.home(), arm.profile().gripper.width_m)
}

pub fn at(q: JointVector, width_m: f64) -> JointState {
    let zero = JointVector::zeros(q.len());
    let gripper = GripperState { width_m, speed_m_s: 0.0, force_n: 0.0 };
    JointState { stamp: Time::from_secs_f64(10.0), q, dq: zero, tau: zero, gripper }
}

/// A table with the wanted shapes first and `others` more solids, none closer than 45 mm to another.
pub fn table(seed: u64, wanted: &[Shape], others: usize, area: [f64; 4]) -> Scene {
    const SOLIDS: [Shape; 4] = [Shape::Cube, Shape::Ball, Shape::Cylinder, Shape::Box];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    loop {
        let mut objects: Vec<types::TrackedObject> = Vec::new();
        for i in 0..wanted.len() + others {
            for _ in 0..60 {
                let shape = wanted.get(i).copied().unwrap_or_else(|| SOLIDS[rng.random_range(0..4)]);
                let size = Size::ALL[rng.random_range(0..2)];
                let color = Color::ALL[rng.random_range(0..8)];
                let x = rng.random_range(area[0]..area[1]);
                let y = rng.random_range(area[2]..area[3]);
                let mut o = object(i as u32, size, color, shape, [x, y, 0.0]);
                o.yaw = rng.random_range(-1.57..1.57);
                let outline = Footprint::of(&o);
                if objects.iter().all(|p| outline.gap(&Footprint::of(p)) > 0.045) {
                    objects.push(o);
                    break;
                }
            }
        }
        if objects.len() == wanted.len() + others {
            return crate::common::scene(objects);
        }
    }
}

/// Checks what will be executed, sampled every 2 ms: the start, the chain, every limit, and that
/// neither arm nor fingers meet the table or any object but those in `touched`. Returns its seconds.
pub fn check(arm: &Arm, prepared: &Prepared, start: &JointState, scene: &Scene, touched: &[ObjectId]) -> f64 {
    check_within(arm, prepared, start, scene, touched, 0.0).expect("free of contact")
}

/// As [`check`], but contacts up to `depth_m` deep pass, and deeper ones are an error.
pub fn check_within(
    arm: &Arm,
    prepared: &Prepared,
    start: &JointState,
    scene: &Scene,
    touched: &[ObjectId],
    depth_m: f64,
) -> Result<f64, String> {
    let mut checker = Checker::new(arm);
    let mut data = ArmData::new(arm);
    checker.set_obstacles(obstacles(scene, touched, false)).expect("valid obstacles");
    let mut q = start.q;
    let mut width = start.gripper.width_m;
    let mut duration = 0.0;
    for step in &prepared.steps {
        match step {
            Step::Gripper { command, .. } => width = command.width_m.max(0.02),
            Step::Move { trajectory, why, .. } => {
                assert!(
                    trajectory.points()[0].q.max_abs_diff(&q) < 1e-9,
                    "{why}: begins where the last ended"
                );
                duration += trajectory.duration();
                let n = (trajectory.duration() / 0.002) as usize;
                for i in 0..=n {
                    let p = trajectory.sample(0.002 * i as f64);
                    for (j, l) in arm.limits().iter().enumerate() {
                        assert!(p.q[j] >= l.lower - 1e-9 && p.q[j] <= l.upper + 1e-9, "{why}: q[{j}]");
                        assert!(p.dq[j].abs() <= l.velocity * 1.000001, "{why}: dq[{j}]");
                        assert!(p.ddq[j].abs() <= l.acceleration * 1.000001, "{why}: ddq[{j}]");
                    }
                    if i % 5 == 0 && !checker.is_free(arm, &mut data, &p.q, width, -depth_m) {
                        let met = checker.distance(arm, &mut data, &p.q, width);
                        return Err(format!(
                            "{why}: {} meets {} by {:.4}",
                            met.first, met.second, met.distance
                        ));
                    }
                }
                q = *trajectory.end();
            }
        }
    }
    Ok(duration)
}

/// What each step takes, for people.
pub fn breakdown(prepared: &Prepared) -> String {
    let step = |s: &Step| match s {
        Step::Move { trajectory, why, .. } => format!("{why} {:.2} s", trajectory.duration()),
        Step::Gripper { command, .. } => format!("gripper {:.3} m", command.width_m),
    };
    prepared.steps.iter().map(step).collect::<Vec<_>>().join(", ")
}
