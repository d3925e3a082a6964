//! A policy whose chunk closes the gripper on a thing in the middle of a motion, in the simulated world.

use super::{Body as _, lockstep::Lockstep};
use control::{Chunk, Config, Grips, Groups, Lease, Mode, Motion, Order, Owner, Report};
use core::time::Duration;
use mechanics::Arm;
use sim::{ObjectSpec, Rig, SceneSpec, World};
use std::sync::Arc;
use types::{Color, JointVector, Shape, Size, Tool, Transform};

const PERIOD_S: f64 = 1.0 / 30.0;
const FORCE_N: f64 = 12.0;
const POINTS: usize = 120;

/// The tool straight down, `z` metres above the table.
fn above(z: f64) -> Motion {
    let pose: Transform<types::World, Tool> =
        Transform::new([0.5, 0.0, z], [0.0, 1.0, 0.0, 0.0]).expect("a pose");
    Motion::Pose(pose)
}

/// Runs while the owner says that it lives; every tick keeps the invariants.
fn run(body: &mut Lockstep, lease: &Lease, ms: usize, mut each: impl FnMut(&mut Lockstep)) {
    for _ in 0..ms {
        let now = body.now();
        body.control().keep_alive(lease, now);
        body.advance(Duration::from_millis(1)).expect("a world that goes on");
        each(body);
    }
    assert_eq!(body.invariants().expect("watched").broken(), None);
}

fn reach(body: &mut Lockstep, lease: &mut Lease, motion: Motion) -> JointVector {
    let now = body.now();
    body.control().submit(lease.order(now, motion)).expect("it can be reached");
    run(body, lease, 6000, |_| ());
    assert_eq!(body.status().mode, Mode::Hold);
    body.status().command.q
}

#[test]
fn a_policy_closes_the_hand_on_a_cube_while_the_arm_moves_and_lifts_it_with_no_more_force_than_it_said() {
    let arm: Arc<Arm> = crate::robots::load("panda").expect("built in");
    let cube = ObjectSpec {
        name: "cube".into(),
        shape: Shape::Cube,
        size: Size::Small,
        color: Color::Red,
        position_m: [0.5, 0.0],
        yaw_rad: 0.0,
        z_m: None,
    };
    let (side, middle) = (cube.dimensions().y, cube.center_z());
    let scene = SceneSpec { objects: vec![cube], ..SceneSpec::default() };
    let rig = Rig::new(World::new(&arm, &scene, 3).expect("a world"));
    let config = Config { lease_s: 5.0, ..Config::default() };
    let mut body = Lockstep::new(control::new(arm.clone(), config).expect("valid"), rig.clone(), Vec::new());
    body.advance(Duration::from_millis(10)).expect("it goes on");
    let now = body.now();
    body.control().activate(now).expect("sent");
    body.advance(Duration::from_secs(8)).expect("it goes on");
    let now = body.now();
    let mut lease = body.control().claim(now, Owner::Policy, Groups::All, None).expect("sent");
    let high = reach(&mut body, &mut lease, above(middle + 0.15));
    let low = reach(&mut body, &mut lease, above(middle));

    // Up, smoothly; the fingers close as it sets out.
    let up = |k: usize| {
        let x = k as f64 / (POINTS - 1) as f64;
        let part = x * x * x * (10.0 + x * (6.0 * x - 15.0));
        JointVector::from_fn(low.len(), |j| low[j] + part * (high[j] - low[j]))
    };
    let open = body.status().measured.expect("read").gripper.width_m;
    let closing = |k: usize| (open - 0.1 * PERIOD_S * k as f64).max(0.0);
    let grip = Grips { widths_m: (0..POINTS).map(closing).collect(), force_n: FORCE_N };
    let chunk = Chunk { points: (0..POINTS).map(up).collect(), period_s: PERIOD_S, grip: Some(grip) };
    let now = body.now();
    let order = lease.order(now, Motion::Chunk(chunk));
    body.control().submit(Order { expires: now + Duration::from_secs(2), ..order }).expect("a chunk");
    let (mut met_under_way, mut most_n) = (None, 0.0_f64);
    let mut begun = false;
    run(&mut body, &lease, 5500, |body| {
        let status = body.status();
        let hand = status.measured.expect("read").gripper;
        begun |= status.mode == Mode::Follow;
        most_n = most_n.max(hand.force_n);
        // It has the cube, and moves on.
        if met_under_way.is_none() && begun && hand.force_n > 0.5 * FORCE_N {
            met_under_way = Some(status.command.dq.iter().fold(0.0_f64, |m, v| m.max(v.abs())));
        }
    });
    let speed = met_under_way.expect("it met the cube");
    assert!(speed > 0.02, "the arm moves when the fingers close on it: {speed} rad/s");
    assert!(most_n < FORCE_N + 1.0, "{most_n} N");
    let status = body.status();
    let hand = status.measured.expect("read").gripper;
    assert!((hand.width_m - side).abs() < 2e-3, "{} m around {side} m", hand.width_m);
    assert!((hand.force_n - FORCE_N).abs() < 1.0, "{} N", hand.force_n);
    assert!(status.command.gripper.width_m < side && status.command.gripper.force_n == FORCE_N);
    let truth = rig.truth();
    assert!(truth.held("cube").expect("it is there"), "it is lifted");
    let z = truth.get("cube").expect("it is there").center().z;
    assert!(z > middle + 0.08, "at {z} m");
    while let Some(report) = body.poll() {
        assert!(!matches!(report, Report::Stopped { .. } | Report::Refused { .. }), "{report:?}");
    }
}
