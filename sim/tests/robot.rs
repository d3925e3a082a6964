//! The simulated robot behind its seam, in lockstep and on a wall clock, sound and broken.

mod common;

use common::{Driver, arm, object, scene};
use mechanics::Arm;
use sim::{FaultKind, FaultSpec, GripperFault, Noise, Rig, RobotFault, World, contract, live};
use std::time::{Duration, Instant};
use types::seams::{Clock, Robot, RobotError};
use types::{Drive, JointCommand, JointState, JointVector, RobotProfile, Shape, Size, Time};

/// Wall time since the test began.
struct Wall(Instant);

impl Clock for Wall {
    fn now(&self) -> Time {
        Time::from_secs_f64(1.0 + self.0.elapsed().as_secs_f64())
    }
    fn sleep_until(&mut self, instant: Time) {
        std::thread::sleep(instant.since(self.now()));
    }
}

/// Holds the home pose against gravity.
fn holder(d: Driver) -> impl FnMut(&JointState) -> JointCommand {
    let mut d = d;
    let home = d.arm.home();
    move |s| {
        let n = home.len();
        let ddq = JointVector::from_fn(n, |i| 400.0 * (home[i] - s.q[i]) - 40.0 * s.dq[i]);
        let mut tau = JointVector::zeros(n);
        let w = s.gripper.width_m;
        mechanics::inverse_dynamics(&d.arm, &mut d.data, &s.q, &s.dq, &ddq, w, &mut tau);
        JointCommand {
            stamp: s.stamp,
            expires: s.stamp + Duration::from_millis(50),
            q: home,
            dq: JointVector::zeros(n),
            ddq,
            tau,
            gripper: d.gripper,
            enabled: true,
        }
    }
}

fn rig(name: &str) -> (Rig, Driver) {
    rig_of(arm(name))
}

fn rig_of(a: Arm) -> (Rig, Driver) {
    let spec = object("o", Shape::Cube, Size::Small, [0.5, 0.0]);
    (Rig::new(World::new(&a, &scene(vec![spec]), 7).expect("world")), Driver::new(a))
}

fn fault(kind: FaultKind) -> FaultSpec {
    FaultSpec { at_s: 0.1, duration_s: Some(0.1), kind }
}

#[test]
fn the_robot_in_lockstep_keeps_every_promise_of_a_robot_whatever_it_is_told() {
    let drives = [Drive::Torque, Drive::Position, Drive::Velocity];
    for (name, drive) in ["panda", "so101"].into_iter().flat_map(|name| drives.map(|drive| (name, drive))) {
        let a = arm(name);
        let (rig, d) =
            rig_of(Arm::new(a.model().clone(), RobotProfile { drive, ..a.profile().clone() }).expect(name));
        let n = d.arm.n_joints();
        let (mut robot, mut clock) = (rig.robot(), rig.clock());
        contract::robot_keeps_its_promises(&mut robot, &mut clock, n, &mut holder(d)).expect(name);
    }
}

#[test]
fn the_robot_on_a_wall_clock_keeps_every_promise_of_a_robot() {
    let (rig, d) = rig("panda");
    let begin = Instant::now();
    let (mut robot, handle) = live::spawn(&rig, move || Wall(begin), None).expect("thread");
    contract::robot_keeps_its_promises(&mut robot, &mut Wall(begin), 7, &mut holder(d)).expect("live");
    assert!(handle.n_steps() > 50, "{}", handle.n_steps());
    assert!(!handle.is_over());
}

#[test]
fn reading_and_writing_never_wait_for_a_world_that_somebody_holds_and_lost_time_is_let_go() {
    let (rig, d) = rig("panda");
    let begin = Instant::now();
    let (mut robot, handle) = live::spawn(&rig, move || Wall(begin), None).expect("thread");
    let mut hold = holder(d);
    std::thread::sleep(Duration::from_millis(100));
    let state = robot.read().expect("a state");
    let guard = rig.world();
    for _ in 0..50 {
        // This very thread holds the world: a call that waited for it would never return.
        let s = robot.read().expect("the last state");
        robot.write(&hold(&s)).expect("taken");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(60));
    drop(guard);
    std::thread::sleep(Duration::from_millis(100));
    let later = robot.read().expect("a state");
    assert!(later.stamp > state.stamp);
    assert!(handle.lost_ms() >= 20, "lost {} ms", handle.lost_ms());
    let steps = rig.world().n_steps();
    assert!(steps < 1000, "the world raced after its host was busy: {steps} steps");
    drop(handle);
    let stopped = rig.world().n_steps();
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(rig.world().n_steps(), stopped, "the thread ended with its handle");
}

#[test]
fn whoever_waits_for_the_robots_cycle_reads_every_state_once_and_does_not_wait_for_one_that_does_not_come() {
    let (rig, _) = rig("panda");
    let begin = Instant::now();
    let (mut robot, handle) = live::spawn(&rig, move || Wall(begin), None).expect("thread");
    assert_eq!(robot.cycle(), Some(sim::STEP));
    let mut last = (types::Time::ZERO, types::Time::ZERO);
    for _ in 0..100 {
        let began = robot.wait_cycle(Duration::from_secs(10)).expect("it runs");
        let state = robot.read().expect("a state");
        assert!(began > last.0 && state.stamp > last.1, "{began:?} {:?} after {last:?}", state.stamp);
        last = (began, state.stamp);
    }
    // A world that somebody holds has no cycles; after the one that may have just ended, nothing comes.
    let held = rig.world();
    let waited = [(); 3].map(|()| robot.wait_cycle(Duration::from_millis(30)));
    drop(held);
    assert_eq!(waited[1..], [None, None]);
    drop(handle);
}

#[test]
fn two_worlds_with_the_same_seed_and_commands_are_equal_to_the_bit() {
    let run = || {
        let (rig, d) = rig("panda");
        rig.world().set_noise(Noise { q: 1e-4, dq: 1e-3, tau: 0.05, width_m: 1e-4 });
        let (mut robot, mut hold) = (rig.robot(), holder(d));
        let mut q = Vec::new();
        for k in 0..1500 {
            let s = robot.read().expect("state");
            q.push(s.q[3].to_bits());
            let mut c = hold(&s);
            c.tau[1] += if k % 200 < 100 { 3.0 } else { -3.0 };
            robot.write(&c).expect("good");
        }
        (rig.world().hash(), q)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_broken_link_is_silent_frozen_or_reports_an_encoder_that_is_none() {
    for kind in [RobotFault::Silent, RobotFault::Nan(2), RobotFault::Frozen, RobotFault::Deaf] {
        let (rig, d) = rig("panda");
        rig.set_faults(&[fault(FaultKind::Robot(kind))]).expect("valid");
        let (mut robot, mut hold) = (rig.robot(), holder(d));
        let mut last = robot.read().expect("sound at first");
        let mut stamps = Vec::new();
        for k in 0..300 {
            let broken = (100..200).contains(&k);
            match robot.read() {
                Err(RobotError::Silent) => assert!(broken && kind == RobotFault::Silent, "{kind:?} at {k}"),
                Ok(s) if !s.is_finite() => {
                    assert!(broken && kind == RobotFault::Nan(2), "F12: {kind:?} at {k}");
                    assert!(s.q[2].is_nan());
                }
                Ok(s) => {
                    if broken && kind == RobotFault::Frozen {
                        stamps.push(s.stamp);
                    }
                    last = s;
                }
                Err(e) => panic!("{e}"),
            }
            let wrote = robot.write(&hold(&last));
            assert_eq!(wrote.is_err(), broken && kind == RobotFault::Deaf, "{kind:?} at {k}");
        }
        assert!(stamps.windows(2).all(|w| w[0] == w[1]), "a frozen link repeats its stamp");
        if kind == RobotFault::Deaf {
            assert!(!rig.world().is_braked(), "the link came back");
        }
    }
}

#[test]
fn a_world_whose_clock_sleeps_lets_time_pass_and_the_brakes_close() {
    let (rig, d) = rig("panda");
    let (mut robot, mut clock, mut hold) = (rig.robot(), rig.clock(), holder(d));
    let s = robot.read().expect("state");
    robot.write(&hold(&s)).expect("good");
    assert_eq!(clock.now().as_nanos(), 1_000_000);
    clock.sleep_until(Time::from_secs_f64(0.2));
    assert_eq!(clock.now().as_nanos(), 200_000_000);
    assert!(rig.world().is_braked());
    let off = JointCommand { enabled: false, ..hold(&robot.read().expect("state")) };
    robot.write(&off).expect("good");
    assert!(rig.world().is_braked(), "power off closes the brakes");
}

#[test]
fn limp_fingers_let_go_of_what_they_held() {
    let a = arm("panda");
    let spec = object("o", Shape::Cube, Size::Small, [0.5, 0.0]);
    let mut world = World::new(&a, &scene(vec![spec]), 0).expect("world");
    let mut d = Driver::new(a);
    d.reach(&mut world, &common::down(0.5, 0.0, 0.1, 0.0), 1200);
    d.reach(&mut world, &common::down(0.5, 0.0, 0.017, 0.0), 600);
    d.gripper.width_m = 0.0;
    d.hold(&mut world, 700);
    d.reach(&mut world, &common::down(0.5, 0.0, 0.2, 0.0), 800);
    assert!(world.truth().held("o").expect("o"));
    let at_s = world.now().as_secs_f64() + 0.1;
    let kind = FaultKind::Gripper(GripperFault::Limp);
    world.set_faults(&[FaultSpec { at_s, duration_s: None, kind }]).expect("valid");
    d.hold(&mut world, 1500);
    let truth = world.truth();
    assert!(!truth.held("o").expect("o") && truth.objects[0].on_table, "F20: {:?}", truth.objects[0]);
}

#[test]
fn the_truth_of_the_tool_is_where_kinematics_puts_it() {
    for name in ["panda", "so101"] {
        let (rig, d) = rig(name);
        let state = rig.robot().read().expect("a state");
        let wanted = mechanics::tool_pose(&d.arm, &mut mechanics::ArmData::new(&d.arm), &state.q);
        let tool = rig.truth().world_from_tool;
        assert!((tool.translation.vector - wanted.origin().coords).norm() < 1e-4, "{name}: {tool}");
        assert!(tool.rotation.angle_to(&wanted.isometry().rotation) < 1e-3, "{name}: {tool}");
    }
}

#[test]
fn an_arm_without_brakes_stands_by_itself_when_nobody_tells_it_anything_and_falls_without_power() {
    for (name, drive) in [("panda", Drive::Torque), ("panda", Drive::Velocity), ("so101", Drive::Position)] {
        let a = arm(name);
        let (rig, d) =
            rig_of(Arm::new(a.model().clone(), RobotProfile { drive, ..a.profile().clone() }).expect(name));
        rig.world().without_brakes();
        let (mut robot, mut clock) = (rig.robot(), rig.clock());
        assert!(!robot.is_live(), "{name}: nothing was told yet");
        let mut hold = holder(d);
        let mut command = None;
        for _ in 0..300 {
            let state = robot.read().expect("a state");
            robot.write(command.insert(hold(&state))).expect("taken");
        }
        assert!(robot.is_live());
        let before = robot.read().expect("a state");
        clock.sleep_until(before.stamp + Duration::from_secs(2));
        let after = robot.read().expect("a state");
        let moved = after.q.max_abs_diff(&before.q);
        assert!(robot.is_live() && !rig.world().is_braked() && moved < 0.01, "{name}, {drive:?}: {moved}");
        let off = JointCommand { enabled: false, ..command.expect("told") };
        robot.write(&off).expect("taken");
        clock.sleep_until(after.stamp + Duration::from_millis(400));
        let fallen = robot.read().expect("a state").q.max_abs_diff(&after.q);
        assert!(!robot.is_live() && fallen > 0.05, "{name}, {drive:?}: {fallen}");
    }
}
