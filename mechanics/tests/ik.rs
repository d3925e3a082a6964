//! Inverse kinematics on the arms that come with Sinew, and collisions of the larger one.

use mechanics::collision::{Checker, Obstacle};
use mechanics::ik::{IkFailure, Options, Reason, Solver, Wanted};
use mechanics::{Arm, ArmData, GeomShape, tool_pose};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use types::{JointVector, RobotProfile, Tool, Transform, World};

fn arm(name: &str) -> Arm {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots");
    let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).expect("a profile");
    let profile: RobotProfile = toml::from_str(&text).expect("a profile that parses");
    let model = mechanics::load(&folder.join(&profile.model)).expect("a model that loads");
    Arm::new(model, profile).expect("an arm")
}

fn random_q(arm: &Arm, rng: &mut ChaCha8Rng) -> Vec<f64> {
    arm.limits().iter().map(|l| l.lower + (l.upper - l.lower) * rng.random::<f64>()).collect()
}

fn down(x: f64, y: f64, z: f64, yaw: f64) -> Transform<World, Tool> {
    let flipped = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), core::f64::consts::PI);
    let turned = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), yaw);
    Transform::from_isometry(Isometry3::from_parts(Translation3::new(x, y, z), turned * flipped))
}

/// Metres and radians between where the tool is and where it shall be.
fn error(arm: &Arm, data: &mut ArmData, q: &[f64], target: &Transform<World, Tool>) -> (f64, f64) {
    let pose = tool_pose(arm, data, q);
    let off = (pose.origin() - target.origin()).norm();
    (off, pose.isometry().rotation.angle_to(&target.isometry().rotation))
}

fn solve(
    solver: &mut Solver,
    arm: &Arm,
    data: &mut ArmData,
    target: &Transform<World, Tool>,
) -> Result<JointVector, IkFailure> {
    solver.solve(arm, data, target, &arm.home(), &Options::default(), &mut |_| true)
}

fn within_limits(arm: &Arm, q: &[f64]) -> bool {
    arm.limits().iter().zip(q).all(|(l, v)| (l.lower..=l.upper).contains(v))
}

#[test]
fn random_reachable_poses_are_reached_from_home() {
    for name in ["panda", "so101"] {
        let arm = arm(name);
        let (mut data, mut solver) = (ArmData::new(&arm), Solver::new(&arm));
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let n = 2000;
        let mut n_solved = 0;
        for _ in 0..n {
            let q = random_q(&arm, &mut rng);
            let target = tool_pose(&arm, &mut data, &q);
            let found =
                solver.solve(&arm, &mut data, &target, &arm.home(), &Options::default(), &mut |_| true);
            if let Ok(q) = found {
                let (m, rad) = error(&arm, &mut data, &q, &target);
                assert!(m <= 1e-4 && rad <= 1e-3 && within_limits(&arm, &q), "{m} m, {rad} rad, {q:?}");
                n_solved += 1;
            }
        }
        println!("{name}: {n_solved} of {n}");
        assert!(n_solved as f64 >= 0.995 * f64::from(n), "{name}: {n_solved} of {n}");
    }
}

#[test]
fn top_down_grasps_are_reached_wherever_objects_may_lie() {
    for (name, height) in [("panda", 0.02), ("panda", 0.2), ("so101", 0.02), ("so101", 0.06)] {
        let arm = arm(name);
        let (mut data, mut solver) = (ArmData::new(&arm), Solver::new(&arm));
        let [x0, x1, y0, y1] = arm.profile().reach_m;
        let mut failures = Vec::new();
        for i in 0..=6 {
            for k in 0..=6 {
                let x = x0 + (x1 - x0) * f64::from(i) / 6.0;
                let y = y0 + (y1 - y0) * f64::from(k) / 6.0;
                for yaw in [-0.7, 0.0, 0.7] {
                    // A gripper of two fingers grasps as well turned by half a turn.
                    let mut why = None;
                    let reached = [yaw, yaw + core::f64::consts::PI].into_iter().any(|yaw| {
                        let target = down(x, y, height, yaw);
                        let found = solve(&mut solver, &arm, &mut data, &target);
                        match found {
                            Ok(q) => {
                                let (m, rad) = error(&arm, &mut data, &q, &target);
                                assert!(m <= 1e-4 && rad <= 1e-3);
                                true
                            }
                            Err(e) => {
                                why = Some(e);
                                false
                            }
                        }
                    });
                    if !reached {
                        failures.push(format!("{x:.3} {y:.3} {yaw}: {why:?}"));
                    }
                }
            }
        }
        assert!(failures.is_empty(), "{name} at {height} m, {} of 147: {failures:#?}", failures.len());
    }
}

#[test]
fn a_free_yaw_leaves_the_tool_upright_and_any_turn_about_it() {
    let arm = arm("panda");
    let (mut data, mut solver) = (ArmData::new(&arm), Solver::new(&arm));
    let options = Options { wanted: Wanted::Axis, ..Options::default() };
    let target = down(0.5, 0.1, 0.1, 3.0);
    let q = solver.solve(&arm, &mut data, &target, &arm.home(), &options, &mut |_| true).expect("reached");
    let pose = tool_pose(&arm, &mut data, &q);
    assert!((pose.origin() - target.origin()).norm() <= 1e-4);
    assert!((pose.vector(Vector3::z()) + Vector3::z()).norm() <= 1e-3);
    let yaw_off = pose.isometry().rotation.angle_to(&target.isometry().rotation);
    assert!(yaw_off > 0.5, "the nearest turn is taken, not the one named: {yaw_off}");
}

#[test]
fn a_pose_out_of_reach_is_refused_with_the_distance_to_the_nearest_reachable() {
    let arm = arm("panda");
    let (mut data, mut solver) = (ArmData::new(&arm), Solver::new(&arm));
    let far = down(2.0, 0.0, 0.333, 0.0);
    let e = solver
        .solve(&arm, &mut data, &far, &arm.home(), &Options::default(), &mut |_| true)
        .expect_err("B10: nobody reaches two metres");
    assert_eq!(e.reason, Reason::Unreachable, "B10");
    // Stretched out, the tool is about 1.05 m from the shoulder axis.
    assert!(e.nearest_m > 0.8 && e.nearest_m < 1.1 && e.best_error_m >= e.nearest_m - 1e-6, "B10: {e}");
    assert!(e.to_string().contains("m away"), "{e}");
    let e = solver
        .solve(&arm, &mut data, &down(0.5, 0.0, 0.2, 0.0), &arm.home(), &Options::default(), &mut |_| false)
        .expect_err("B10: nothing is accepted");
    assert_eq!(e.reason, Reason::Collision, "B10");
}

#[test]
fn a_search_that_is_cut_short_gives_the_best_so_far_or_says_so_and_ends_the_same_way_each_time() {
    let arm = arm("panda");
    let (mut data, mut solver) = (ArmData::new(&arm), Solver::new(&arm));
    let options = Options { starts: 40, solutions: 6, ..Options::default() };
    let target = down(0.4, 0.35, 0.1, 1.2);
    let mut after = |target: &Transform<World, Tool>, allowed: usize| {
        let (mut asked, seed) = (0, arm.home());
        let mut goes_on = || {
            asked += 1;
            asked <= allowed
        };
        let found = solver.solve_while(&arm, &mut data, target, &seed, &options, &mut |_| true, &mut goes_on);
        (found, asked)
    };
    let (best, asked) = after(&target, usize::MAX);
    assert!(best.is_ok() && asked >= 6, "every start but the first is asked for: {asked}");
    for allowed in [0, 1, 3, asked] {
        assert_eq!(after(&target, allowed), after(&target, allowed));
    }
    // With more starts it is never a worse one, and with all of them the same as without the question.
    let answers: Vec<_> = (0..=asked).filter_map(|n| after(&target, n).0.ok()).collect();
    assert!(answers.len() > 1 && answers.last() == best.as_ref().ok());
    let far = down(2.0, 0.0, 0.333, 0.0);
    let (cut, asked) = after(&far, 2);
    let cut = cut.expect_err("nobody reaches two metres");
    assert_eq!((cut.reason.clone(), asked), (Reason::CutShort, 3), "{cut}");
    assert!(cut.best_error_m > 0.8 && cut.to_string().contains("cut short"), "{cut}");
    assert_eq!(after(&far, usize::MAX).0.expect_err("nor with all starts").reason, Reason::Unreachable);
}

#[test]
fn a_target_or_seed_that_is_no_number_is_refused_by_name() {
    let arm = arm("panda");
    let (mut data, mut solver) = (ArmData::new(&arm), Solver::new(&arm));
    let mut field = |target: Transform<World, Tool>, seed: &[f64]| {
        let e = solver.solve(&arm, &mut data, &target, seed, &Options::default(), &mut |_| true);
        match e.expect_err("refused").reason {
            Reason::Input(r) => r.field.into_owned(),
            other => panic!("{other:?}"),
        }
    };
    let home = arm.home();
    assert_eq!(field(down(f64::NAN, 0.0, 0.2, 0.0), &home), "target.position.x", "B1");
    assert_eq!(field(down(0.4, 0.0, f64::INFINITY, 0.0), &home), "target.position.z", "B2");
    assert_eq!(field(down(0.4, 0.0, 0.2, f64::NAN), &home), "target.rotation", "B1");
    assert_eq!(field(down(0.4, 0.0, 0.2, 0.0), &home[..6]), "seed", "B7");
    let mut bad = home;
    bad[2] = f64::NAN;
    assert_eq!(field(down(0.4, 0.0, 0.2, 0.0), &bad), "seed[2]", "B1");
}

#[test]
fn the_same_question_has_the_same_answer_and_where_the_tool_is_it_stays() {
    let arm = arm("panda");
    let (mut data, mut solver) = (ArmData::new(&arm), Solver::new(&arm));
    let target = down(0.45, -0.2, 0.1, 1.0);
    let mut ask = |seed: &[f64], target| {
        solver.solve(&arm, &mut data, target, seed, &Options::default(), &mut |_| true).expect("reached")
    };
    let q = ask(&arm.home(), &target);
    assert_eq!(q, ask(&arm.home(), &target));
    let again = ask(&q, &target);
    assert!(q.max_abs_diff(&again) < 1e-9, "B11: no motion to where the tool is");
    let beside = ask(&q, &down(0.46, -0.2, 0.1, 1.0));
    assert!(q.max_abs_diff(&beside) < 0.1, "a centimetre is no change of posture: {q:?} {beside:?}");
}

#[test]
fn tracking_follows_a_circle_without_leaps() {
    let arm = arm("panda");
    let (mut data, mut solver) = (ArmData::new(&arm), Solver::new(&arm));
    let at = |a: f64| down(0.5 + 0.1 * libm::cos(a), 0.1 * libm::sin(a), 0.15, 0.5 * libm::sin(a));
    let mut q = solver
        .solve(&arm, &mut data, &at(0.0), &arm.home(), &Options::default(), &mut |_| true)
        .expect("start");
    for i in 1..=500 {
        let next = solver
            .track(&arm, &mut data, &at(f64::from(i) * 0.0126), &q, &Options::default())
            .expect("followed");
        assert!(q.max_abs_diff(&next) < 0.03, "step {i}: {}", q.max_abs_diff(&next));
        q = next;
    }
}

#[test]
fn an_approach_is_a_straight_line_of_the_tool() {
    for (name, x, y, high, low) in [("panda", 0.55, 0.15, 0.2, 0.02), ("so101", 0.52, 0.05, 0.09, 0.02)] {
        let arm = arm(name);
        let (mut data, mut solver) = (ArmData::new(&arm), Solver::new(&arm));
        let options = Options::default();
        let from = solver
            .solve(&arm, &mut data, &down(x, y, high, 0.3), &arm.home(), &options, &mut |_| true)
            .expect("above");
        let path = solver
            .line(&arm, &mut data, &from, &down(x, y, low, 0.3), &options, &mut |_| true)
            .expect("a line");
        assert_eq!(path[0], from);
        for pair in path.windows(2) {
            for k in 0..4 {
                let s = f64::from(k) / 4.0;
                let q = JointVector::from_fn(from.len(), |j| pair[0][j] + s * (pair[1][j] - pair[0][j]));
                let p = tool_pose(&arm, &mut data, &q).origin();
                assert!((p.x - x).hypot(p.y - y) < 1e-3, "{p:?}");
            }
        }
        let end = path[path.len() - 1];
        let (m, rad) = error(&arm, &mut data, &end, &down(x, y, low, 0.3));
        assert!(m <= 1e-4 && rad <= 1e-3);
        let e = solver
            .line(&arm, &mut data, &from, &down(x + 1.5, y, low, 0.3), &options, &mut |_| true)
            .expect_err("B10: the line leaves the reach");
        assert!(e.fraction < 1.0 && !e.reached.is_empty() && e.failure.reason == Reason::Unreachable, "{e}");
        let mut n_asked = 0;
        let e = solver.line(&arm, &mut data, &from, &down(x, y, low, 0.3), &options, &mut |_| {
            n_asked += 1;
            n_asked < 5
        });
        assert_eq!(e.expect_err("blocked").failure.reason, Reason::Collision);
    }
}

#[test]
fn the_arms_are_free_at_home_above_a_table_and_not_within_it() {
    for name in ["panda", "so101"] {
        let arm = arm(name);
        let mut data = ArmData::new(&arm);
        let mut checker = Checker::new(&arm);
        let half = Vector3::new(1.0, 1.0, 0.05);
        let table = |z: f64| Obstacle {
            name: "table".into(),
            shape: GeomShape::Cuboid { half },
            world_from_obstacle: Isometry3::translation(0.5, 0.0, z - half.z),
        };
        checker.set_obstacles(vec![table(0.0)]).expect("a table");
        for q in [arm.home(), arm.park()] {
            for width in [0.0, arm.profile().gripper.width_m] {
                let c = checker.distance(&arm, &mut data, &q, width);
                assert!(checker.is_free(&arm, &mut data, &q, width, 0.003), "{name}: {c:?}");
            }
        }
        checker.set_obstacles(vec![table(0.4)]).expect("a table");
        assert!(!checker.is_free(&arm, &mut data, &arm.home(), 0.0, 0.0), "{name}");
    }
}
