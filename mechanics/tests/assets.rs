//! The arms that come with Sinew: clear of themselves and of the table where their profiles send them.

use mechanics::collision::{Checker, Obstacle};
use mechanics::ik::{Options, Solver};
use mechanics::{Arm, ArmData, GeomShape};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use std::f64::consts::{FRAC_PI_4, PI};
use std::path::Path;
use types::{RobotProfile, Tool, Transform, World};

fn arm(name: &str) -> Arm {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots");
    let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).expect("a profile");
    let profile: RobotProfile = toml::from_str(&text).expect("a profile that parses");
    let model = mechanics::load(&folder.join(&profile.model)).expect("a model that loads");
    Arm::new(model, profile).expect("an arm")
}

fn table() -> Vec<Obstacle> {
    vec![Obstacle {
        name: "table".into(),
        shape: GeomShape::Cuboid { half: Vector3::new(1.0, 1.0, 0.05) },
        world_from_obstacle: Isometry3::translation(0.5, 0.0, -0.05),
    }]
}

fn down(x: f64, y: f64, z: f64, yaw: f64) -> Transform<World, Tool> {
    let flipped = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), PI);
    let turned = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), yaw);
    Transform::from_isometry(Isometry3::from_parts(Translation3::new(x, y, z), turned * flipped))
}

#[test]
fn home_and_park_are_clear_of_the_arm_itself_and_of_the_table() {
    for name in ["panda", "so101"] {
        let arm = arm(name);
        let (mut data, mut checker) = (ArmData::new(&arm), Checker::new(&arm));
        checker.set_obstacles(table()).expect("a table");
        let widest = arm.profile().gripper.width_m;
        for (pose, q) in [("home", arm.home()), ("park", arm.park())] {
            for width in [0.0, 0.5 * widest, widest] {
                let clear = checker.distance(&arm, &mut data, &q, width);
                assert!(clear.distance > 0.005, "{name} at {pose}, open {width} m: {clear:?}");
            }
        }
    }
}

#[test]
fn where_objects_may_lie_the_tool_reaches_down_without_touching_table_or_arm() {
    for (name, lowest, highest) in [("panda", 0.013, 0.25), ("so101", 0.013, 0.10)] {
        let arm = arm(name);
        let (mut data, mut solver) = (ArmData::new(&arm), Solver::new(&arm));
        let mut checker = Checker::new(&arm);
        checker.set_obstacles(table()).expect("a table");
        let [x0, x1, y0, y1] = arm.profile().reach_m;
        let width = 0.8 * arm.profile().gripper.width_m;
        let mut missed = Vec::new();
        for (i, k) in (0..4).flat_map(|i| (0..5).map(move |k| (i, k))) {
            let (x, y) = (x0 + (x1 - x0) * f64::from(i) / 3.0, y0 + (y1 - y0) * f64::from(k) / 4.0);
            for (z, yaw) in [lowest, 0.05, highest]
                .into_iter()
                .flat_map(|z| (0..4).map(move |a| (z, f64::from(a) * FRAC_PI_4)))
            {
                let reached = [yaw, yaw + PI].into_iter().any(|yaw| {
                    let mut scratch = ArmData::new(&arm);
                    let mut free = |q: &[f64]| checker.is_free(&arm, &mut scratch, q, width, 0.0);
                    let target = down(x, y, z, yaw);
                    solver
                        .solve(&arm, &mut data, &target, &arm.home(), &Options::default(), &mut free)
                        .is_ok()
                });
                if !reached {
                    missed.push((x, y, z, yaw));
                }
            }
        }
        assert!(missed.is_empty(), "{name}: {} of 240 {missed:?}", missed.len());
    }
}
