//! Inverse kinematics from anywhere to anywhere: every pose that can be reached is, the same way each time.

use mechanics::ik::{Options, Solver};
use mechanics::{Arm, ArmData, tool_pose};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use types::{GripperProfile, RobotProfile, Tool, Transform, World};

fn panda() -> Arm {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots");
    let text = std::fs::read_to_string(folder.join("panda.toml")).expect("a profile");
    let profile: RobotProfile = toml::from_str(&text).expect("a profile that parses");
    let model = mechanics::load(&folder.join(&profile.model)).expect("a model that loads");
    Arm::new(model, profile).expect("an arm")
}

fn random_q(arm: &Arm, rng: &mut ChaCha8Rng) -> Vec<f64> {
    arm.limits().iter().map(|l| l.lower + (l.upper - l.lower) * rng.random::<f64>()).collect()
}

fn near(arm: &Arm, q: &[f64], by: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let moved = q.iter().zip(arm.limits());
    moved.map(|(v, l)| (v + rng.random_range(-by..by)).clamp(l.lower, l.upper)).collect()
}

/// Checks an answer by forward kinematics that share nothing with the solver's.
fn holds(arm: &Arm, data: &mut ArmData, q: &[f64], target: &Transform<World, Tool>) -> bool {
    let pose = tool_pose(arm, data, q);
    let off = (pose.origin() - target.origin()).norm();
    let turned = pose.isometry().rotation.angle_to(&target.isometry().rotation);
    let is_within = arm.limits().iter().zip(q).all(|(l, v)| (l.lower..=l.upper).contains(v));
    off <= 1e-4 && turned <= 1e-3 && is_within
}

#[test]
fn two_thousand_random_reachable_poses_are_all_reached_from_anywhere_within_limits() {
    let arm = panda();
    let (mut data, mut solver) = (ArmData::new(&arm), Solver::new(&arm));
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    for i in 0..2000 {
        let (goal, seed) = (random_q(&arm, &mut rng), random_q(&arm, &mut rng));
        let target = tool_pose(&arm, &mut data, &goal);
        for solutions in [1, 4] {
            let options = Options { solutions, ..Options::default() };
            let q = solver.solve(&arm, &mut data, &target, &seed, &options, &mut |_| true);
            let q = q.unwrap_or_else(|e| panic!("{i}: {goal:?} is not reached: {e}"));
            assert!(holds(&arm, &mut data, &q, &target), "{i}: {q:?}");
        }
    }
}

#[test]
fn a_pose_close_by_is_tracked_without_another_posture() {
    let arm = panda();
    let (mut data, mut solver) = (ArmData::new(&arm), Solver::new(&arm));
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    for i in 0..2000 {
        let goal = random_q(&arm, &mut rng);
        let seed = near(&arm, &goal, 0.03, &mut rng);
        let target = tool_pose(&arm, &mut data, &goal);
        let q = solver.track(&arm, &mut data, &target, &seed, &Options::default());
        let q = q.unwrap_or_else(|e| panic!("{i}: {goal:?} is not reached: {e}"));
        assert!(holds(&arm, &mut data, &q, &target), "{i}: {q:?}");
    }
}

#[test]
fn the_same_question_has_the_same_bytes_for_answer_whatever_was_asked_before() {
    let arm = panda();
    let (mut data, mut used) = (ArmData::new(&arm), Solver::new(&arm));
    let mut rng = ChaCha8Rng::seed_from_u64(22);
    for _ in 0..100 {
        let (goal, seed) = (random_q(&arm, &mut rng), random_q(&arm, &mut rng));
        let target = tool_pose(&arm, &mut data, &goal);
        let mut ask = |solver: &mut Solver, options: &Options| -> Vec<u64> {
            let q = solver.solve(&arm, &mut data, &target, &seed, options, &mut |_| true).expect("reached");
            q.iter().map(|v| v.to_bits()).collect()
        };
        let options = Options { seed: 7, ..Options::default() };
        let first = ask(&mut used, &options);
        assert_eq!(first, ask(&mut used, &options));
        assert_eq!(first, ask(&mut Solver::new(&arm), &options));
    }
}

/// Turns, slides, a joint that follows another, one that nobody controls, and one of the gripper's.
const ODD: &str = r#"<robot name="odd">
  <link name="base"/>
  <link name="a"><inertial><mass value="1"/><inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="b"><inertial><mass value="1"/><inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="c"><inertial><mass value="1"/><inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="d"><inertial><mass value="1"/><inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="e"><inertial><mass value="1"/><inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="f"><inertial><mass value="1"/><inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="g"><inertial><mass value="1"/><inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="tip"><inertial><mass value="1"/><inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <joint name="turn" type="revolute"><parent link="base"/><child link="a"/><origin xyz="0 0 0.2"/><axis xyz="0 0 1"/><limit lower="-2" upper="2" effort="9" velocity="1"/></joint>
  <joint name="slide" type="prismatic"><parent link="a"/><child link="b"/><origin rpy="0.1 0.2 0"/><axis xyz="0 1 1"/><limit lower="0" upper="0.5" effort="9" velocity="1"/></joint>
  <joint name="bend" type="revolute"><parent link="b"/><child link="c"/><origin xyz="0.1 0 0.2"/><axis xyz="0 1 0"/><limit lower="-2" upper="2" effort="9" velocity="1"/></joint>
  <joint name="follow" type="revolute"><parent link="c"/><child link="d"/><origin xyz="0 0 0.3"/><axis xyz="0 1 0"/><limit lower="-2" upper="2" effort="9" velocity="1"/><mimic joint="bend" multiplier="-0.5" offset="0.3"/></joint>
  <joint name="idle" type="revolute"><parent link="d"/><child link="e"/><origin xyz="0.1 0 0"/><axis xyz="1 0 0"/><limit lower="0.2" upper="0.6" effort="9" velocity="1"/></joint>
  <joint name="roll" type="revolute"><parent link="e"/><child link="f"/><origin xyz="0 0 0.2"/><axis xyz="1 0 1"/><limit lower="-2" upper="2" effort="9" velocity="1"/></joint>
  <joint name="pitch" type="revolute"><parent link="f"/><child link="g"/><origin xyz="0 0.05 0.1"/><axis xyz="0 1 0"/><limit lower="-2" upper="2" effort="9" velocity="1"/></joint>
  <joint name="finger" type="prismatic"><parent link="g"/><child link="tip"/><axis xyz="0 0 1"/><limit lower="0" upper="0.1" effort="9" velocity="1"/></joint>
</robot>"#;

#[test]
fn an_arm_with_sliding_following_and_idle_joints_on_the_way_to_its_tool_is_solved_too() {
    let model = mechanics::urdf::parse(ODD, "odd.urdf", None, true).expect("a model");
    let guessed = Arm::from_model(model.clone()).expect("an arm").profile().clone();
    let names = ["turn", "slide", "bend", "roll", "pitch"].map(str::to_owned).to_vec();
    let gripper = GripperProfile {
        joints: vec!["finger".into()],
        closed: vec![0.08],
        open: vec![0.0],
        width_m: 0.08,
        force_n: 9.0,
        speed_m_s: 0.1,
        ..guessed.gripper
    };
    let profile = RobotProfile {
        name: "odd".into(),
        joints: names,
        base_xyz_m: [0.3, -0.2, 0.1],
        base_yaw_rad: 0.7,
        tool_link: "tip".into(),
        tool_xyz_m: [0.01, 0.02, 0.05],
        tool_rpy_rad: [0.1, 0.2, 0.3],
        gripper,
        ..blank(guessed)
    };
    let arm = Arm::new(model, profile).expect("an arm");
    let (mut data, mut solver) = (ArmData::new(&arm), Solver::new(&arm));
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let mut n_reached = 0;
    for _ in 0..200 {
        let goal = random_q(&arm, &mut rng);
        let target = tool_pose(&arm, &mut data, &goal);
        let seed = near(&arm, &goal, 0.2, &mut rng);
        if let Ok(q) = solver.solve(&arm, &mut data, &target, &seed, &Options::default(), &mut |_| true) {
            assert!(holds(&arm, &mut data, &q, &target), "{q:?}");
            n_reached += 1;
        }
    }
    assert!(n_reached >= 199, "{n_reached} of 200");
}

/// A profile whose lists are all to be filled again.
fn blank(p: RobotProfile) -> RobotProfile {
    let none = Vec::new;
    RobotProfile {
        velocity: none(),
        acceleration: none(),
        jerk: none(),
        torque: none(),
        torque_rate: none(),
        near_end_slope: none(),
        near_end_offset: none(),
        home: none(),
        park: none(),
        kp: none(),
        kd: none(),
        reach_m: [0.0; 4],
        ..p
    }
}
