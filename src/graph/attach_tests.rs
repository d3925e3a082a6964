//! A loop that dies and another that takes its place, on an arm without brakes.

use super::{Body, lockstep::Lockstep};
use control::{Cause, Config, Groups, Mode, Motion, Owner};
use core::time::Duration;
use mechanics::Arm;
use sim::{Rig, SceneSpec, World};
use std::sync::Arc;
use types::seams::Clock;
use types::{Drive, JointVector, RobotProfile};

fn another_loop(arm: &Arc<Arm>, rig: &Rig) -> Lockstep {
    let config = Config { lease_s: 5.0, ..Config::default() };
    Lockstep::new(control::new(arm.clone(), config).expect("valid"), rig.clone(), Vec::new())
}

fn run(body: &mut Lockstep, seconds: f64) {
    body.advance(Duration::from_secs_f64(seconds)).expect("a world that goes on");
    assert_eq!(body.invariants().expect("watched").broken(), None);
}

/// Moves one joint, for so long.
fn set_out(body: &mut Lockstep, arm: &Arm, seconds: f64) {
    let now = body.now();
    let mut lease = body.control().claim(now, Owner::Script, Groups::Arm, None).expect("sent");
    let home = arm.home();
    let to = JointVector::from_fn(home.len(), |i| home[i] + if i == 0 { 0.4 } else { 0.0 });
    body.control().submit(lease.order(now, Motion::Joints(to))).expect("fine");
    run(body, seconds);
}

#[test]
fn an_arm_without_brakes_does_not_drop_when_its_loop_dies_in_a_motion_and_another_takes_it_over() {
    for (name, drive) in [("panda", Drive::Torque), ("so101", Drive::Position), ("panda", Drive::Velocity)] {
        let plain = crate::robots::load(name).expect("built in");
        let profile = RobotProfile { drive, ..plain.profile().clone() };
        let arm = Arc::new(Arm::new(plain.model().clone(), profile).expect("an arm"));
        let rig = Rig::new(World::new(&arm, &SceneSpec::default(), 3).expect("a world"));
        let measured = |body: &mut Lockstep| body.status().measured.expect("read").q;

        let mut first = another_loop(&arm, &rig);
        run(&mut first, 0.01);
        let now = first.now();
        first.control().activate(now).expect("sent");
        run(&mut first, 8.0);
        assert_eq!(first.status().mode, Mode::Hold, "{name}, {drive:?}");
        rig.world().without_brakes();
        set_out(&mut first, &arm, 0.4);
        assert_eq!(first.status().mode, Mode::Servo, "{name}, {drive:?}: it dies under way");
        drop(first);
        let until = rig.now() + Duration::from_secs(1);
        rig.clock().sleep_until(until);

        let mut second = another_loop(&arm, &rig);
        run(&mut second, 0.001);
        let found = measured(&mut second);
        run(&mut second, 2.0);
        let status = second.status();
        assert_eq!((status.mode, status.cause), (Mode::Fault { powered: true }, Cause::Attached));
        let moved = measured(&mut second).max_abs_diff(&found);
        assert!(moved < 3e-3, "{name}, {drive:?}: {moved}");
        let now = second.now();
        second.control().reset(now).expect("sent");
        run(&mut second, 8.0);
        assert_eq!(second.status().mode, Mode::Hold, "{name}, {drive:?}: {:?}", second.status().cause);
        set_out(&mut second, &arm, 4.0);
        let off = measured(&mut second)[0] - arm.home()[0] - 0.4;
        assert!(off.abs() < 0.02, "{name}, {drive:?}: {off}");
        // Without power it is an arm that falls.
        let now = second.now();
        second.control().disarm(now).expect("sent");
        let before = measured(&mut second);
        run(&mut second, 1.0);
        assert!(measured(&mut second).max_abs_diff(&before) > 0.05, "{name}, {drive:?}");
    }
}
