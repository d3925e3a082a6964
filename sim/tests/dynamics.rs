//! The engine's arm is the arm that `mechanics` computes with.

mod common;

use common::{Driver, arm, scene};
use mechanics::{ArmData, body_poses_in_world, inverse_dynamics};
use sim::World;
use types::{JointCommand, JointVector, Time};

#[test]
fn an_arm_under_its_gravity_torque_stays_where_it_is() {
    for name in ["panda", "so101"] {
        let a = arm(name);
        let mut world = World::new(&a, &scene(vec![]), 0).expect("world");
        let mut d = Driver::new(a.clone());
        let start = world.sense().q;
        let zero = JointVector::zeros(a.n_joints());
        for _ in 0..1000 {
            let s = world.sense();
            let mut tau = zero;
            inverse_dynamics(&a, &mut d.data, &s.q, &zero, &zero, s.gripper.width_m, &mut tau);
            let hold = d.command(&mut world, &start, &zero);
            world.command(&JointCommand { tau, ..hold }).expect("valid");
            world.step().expect("physics");
        }
        let s = world.sense();
        let drift = s.q.max_abs_diff(&start);
        println!("{name}: drift {drift:.2e} rad, fastest {:.2e} rad/s", s.dq.max_abs_diff(&zero));
        assert!(drift < 1e-3, "{name} drifted by {drift}");
        assert!(s.dq.max_abs_diff(&zero) < 1e-3, "{name}: {:?}", s.dq);
    }
}

#[test]
fn a_torque_from_inverse_dynamics_gives_the_acceleration_it_was_computed_for() {
    for name in ["panda", "so101"] {
        let a = arm(name);
        let n = a.n_joints();
        let mut world = World::new(&a, &scene(vec![]), 0).expect("world");
        let mut d = Driver::new(a.clone());
        let mut worst = 0.0f64;
        for k in 0..400 {
            // A gentle motion through many states: accelerations swing, velocities follow.
            let wave = |i: usize| 2.0 + 0.7 * i as f64;
            let t = f64::from(k) * 1e-3;
            let ddq = JointVector::from_fn(n, |i| 2.5 * libm::cos(wave(i) * 3.0 * t));
            let s = world.sense();
            let mut tau = JointVector::zeros(n);
            inverse_dynamics(&a, &mut d.data, &s.q, &s.dq, &ddq, s.gripper.width_m, &mut tau);
            let hold = d.command(&mut world, &s.q, &s.dq);
            world.command(&JointCommand { tau, ddq, ..hold }).expect("valid");
            world.step().expect("physics");
            let after = world.sense();
            let got = JointVector::from_fn(n, |i| (after.dq[i] - s.dq[i]) / 1e-3);
            // The first step also releases the brakes.
            if k > 0 {
                worst = worst.max(got.max_abs_diff(&ddq));
            }
        }
        println!("{name}: worst acceleration error {worst:.4} rad/s² of 2.5");
        let bound = 0.05;
        assert!(worst < bound, "{name}: acceleration off by {worst} rad/s² of 2.5");
    }
}

#[test]
fn the_engines_links_are_where_forward_kinematics_says() {
    for name in ["panda", "so101"] {
        let a = arm(name);
        let mut world = World::new(&a, &scene(vec![]), 0).expect("world");
        let mut data = ArmData::new(&a);
        let n = a.n_joints();
        for k in 0..300 {
            let mut d = Driver::new(a.clone());
            let q =
                JointVector::from_fn(n, |i| a.home()[i] + 0.3 * libm::sin(0.01 * f64::from(k) + i as f64));
            let c = d.command(&mut world, &q, &JointVector::zeros(n));
            world.command(&c).expect("valid");
            world.step().expect("physics");
            let s = world.sense();
            let shot = world.snapshot();
            let poses = body_poses_in_world(&a, &mut data, &s.q, s.gripper.width_m);
            for (i, p) in poses.iter().enumerate() {
                let e = &shot.world_from_body[shot.stage.robot_body(i)];
                let off = (e.translation.vector - p.translation.vector).norm();
                assert!(off < 1e-4, "{name} body {i}: {off} m after {k} steps");
                assert!(e.rotation.angle_to(&p.rotation) < 1e-3, "{name} body {i}");
            }
        }
    }
}

#[test]
fn without_a_command_that_lives_the_brakes_hold_the_arm() {
    let a = arm("panda");
    let mut world = World::new(&a, &scene(vec![]), 0).expect("world");
    let mut d = Driver::new(a.clone());
    let start = world.sense().q;
    for _ in 0..1000 {
        world.step().expect("physics");
    }
    assert!(world.is_braked());
    assert!(world.sense().q.max_abs_diff(&start) < 1e-3, "no command at all: {:?}", world.sense().q);
    let mut c = d.command(&mut world, &start, &JointVector::from_fn(7, |_| 0.5));
    c.expires = Time::from_nanos(world.now().as_nanos() + 100_000_000);
    world.command(&c).expect("valid");
    for _ in 0..150 {
        world.step().expect("physics");
    }
    assert!(world.is_braked(), "expired");
    let stopped = world.sense();
    assert!(stopped.dq.iter().all(|v| v.abs() < 1e-3), "braked to rest: {:?}", stopped.dq);
}

#[test]
fn a_joint_that_is_driven_into_its_stop_stays_there() {
    let a = arm("panda");
    let mut world = World::new(&a, &scene(vec![]), 0).expect("world");
    let mut d = Driver::new(a.clone());
    let (home, zero) = (a.home(), JointVector::zeros(7));
    for _ in 0..2000 {
        let mut c = d.command(&mut world, &home, &zero);
        c.tau[6] = 8.0;
        world.command(&c).expect("valid");
        world.step().expect("physics");
        let q = world.sense().q[6];
        assert!(q < a.limits()[6].upper + 0.01, "{q} beyond {}", a.limits()[6].upper);
    }
}
