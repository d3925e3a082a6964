//! What goes wrong where one motion, one lease, one stop follows on another.

use crate::common::{N, Rig, arm, check_differences, reach, solid_arm};
use control::{
    Cause, Chunk, Config, Groups, Lease, Mode, Motion, Order, Owner, RefusedWhy, Report, Request, Thing,
    World,
};
use mechanics::collision::{Checker, Obstacle};
use mechanics::{Arm, ArmData, GeomShape, tool_pose};
use nalgebra::Isometry3;
use std::time::Duration;
use types::{Fault, GripperCommand, JointVector, StopCategory};

fn claim(rig: &mut Rig, owner: Owner, groups: Groups) -> Lease {
    rig.handle.claim(rig.now, owner, groups, None).expect("sent")
}

fn order(rig: &mut Rig, lease: &mut Lease, motion: Motion) {
    let order = lease.order(rig.now, motion);
    rig.handle.submit(order).expect("well-formed");
}

fn velocity(v: f64) -> Motion {
    Motion::Velocity(JointVector::from_fn(N, |_| v))
}

fn ball(arm: &Arm, q: &JointVector, radius: f64) -> Obstacle {
    Obstacle {
        name: "ball".into(),
        shape: GeomShape::Sphere { radius },
        world_from_obstacle: Isometry3::from(
            tool_pose(arm, &mut ArmData::new(arm), q).isometry().translation,
        ),
    }
}

fn watch(rig: &mut Rig, things: Vec<Thing>) {
    let expires = rig.now + Duration::from_secs(1000);
    rig.handle.watch(World { stamp: rig.now, expires, things, held: None }).expect("a world");
}

#[test]
fn i4_a_lease_that_is_lost_for_one_group_moves_nothing_in_the_other() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let mut planner = claim(&mut rig, Owner::Planner, Groups::All);
    order(&mut rig, &mut planner, Motion::Follow(reach(&arm, &home, 0.5, 2.0)));
    rig.ticks(100);
    claim(&mut rig, Owner::Human, Groups::Gripper);
    rig.tick();
    assert_eq!(rig.mode(), Mode::Stopping(StopCategory::Two), "I4: {:?}", rig.reports);
    rig.until(Mode::Hold);
    // And the gripper with it, when it is given back.
    let mut again = claim(&mut rig, Owner::Human, Groups::All);
    let wide = GripperCommand { width_m: 0.0, force_n: 5.0 };
    rig.ticks(210);
    drop(core::mem::replace(&mut again, claim(&mut rig, Owner::Human, Groups::All)));
    order(&mut rig, &mut again, Motion::Grip(wide));
    rig.ticks(20);
    rig.handle.release(rig.now, &again).expect("sent");
    rig.ticks(50);
    let width = rig.commands.last().expect("some").gripper.width_m;
    rig.ticks(300);
    assert!((rig.commands.last().expect("some").gripper.width_m - width).abs() < 1e-9, "I4: {width}");
}

#[test]
fn f1_signs_of_life_of_leases_that_were_never_granted_keep_nobody_alive() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let mut planner = claim(&mut rig, Owner::Planner, Groups::Arm);
    order(&mut rig, &mut planner, Motion::Follow(reach(&arm, &home, 0.5, 3.0)));
    rig.tick();
    for _ in 0..400 {
        let other = claim(&mut rig, Owner::Policy, Groups::Arm);
        rig.handle.keep_alive(&other, rig.now);
        rig.tick();
    }
    assert_ne!(rig.mode(), Mode::Follow, "F1");
    assert!(rig.has(|r| matches!(r, Report::Fault { fault: Fault::F1InputSilent, latched: true })));
}

#[test]
fn i2_a_velocity_may_take_over_at_any_instant_of_a_motion_at_its_limits() {
    let arm = arm();
    for after in (5..900).step_by(13) {
        let mut rig = Rig::active_with(arm.clone(), Config { tool_speed_m_s: 10.0, ..Config::default() });
        let home = rig.hold_q();
        let to = JointVector::from_fn(N, |j| if j == 3 { 2.799 } else { home[j] });
        let scale = mechanics::timing::Scale::FULL;
        let points = mechanics::timing::time_line(&home, &to, arm.limits(), scale).expect("a way");
        let way = types::Trajectory::new(points, arm.limits(), &home).expect("valid");
        let mut script = claim(&mut rig, Owner::Script, Groups::Arm);
        order(&mut rig, &mut script, Motion::Follow(Box::new(way)));
        for _ in 0..after {
            rig.handle.keep_alive(&script, rig.now);
            rig.tick();
        }
        let mut human = claim(&mut rig, Owner::Human, Groups::Arm);
        for v in [0.0, 0.5] {
            order(&mut rig, &mut human, velocity(v));
            rig.ticks(60);
        }
        rig.ticks(900);
        assert!(!rig.has(|r| matches!(r, Report::Stopped { cause: Cause::Limit, .. })), "{:?}", rig.reports);
        check_differences(&arm, &rig.commands);
    }
}

#[test]
fn i2_a_chunk_that_takes_over_near_the_end_of_a_joint_keeps_within_its_range() {
    let arm = arm();
    for (gap, speed) in [(0.02, 0.3), (0.03, 0.5), (0.03, 0.6), (0.05, 0.6), (0.08, 0.6)] {
        let mut rig = Rig::active(arm.clone());
        let near = JointVector::from_fn(N, |j| if j == 6 { 2.8 - gap - 0.3 } else { 0.3 });
        rig.submit(Motion::Joints(near)).expect("fine");
        rig.ticks(2);
        rig.until(Mode::Hold);
        rig.lease = None;
        rig.ticks(250);
        let mut policy = claim(&mut rig, Owner::Policy, Groups::Arm);
        let push = Motion::Velocity(JointVector::from_fn(N, |j| if j == 6 { speed } else { 0.0 }));
        for _ in 0..3000 {
            if rig.hold_q()[6] > 2.8 - gap {
                break;
            }
            order(&mut rig, &mut policy, push.clone());
            rig.tick();
        }
        let here = rig.hold_q();
        let stay = Chunk { points: vec![here; 40], period_s: 1.0 / 30.0, grip: None };
        order(&mut rig, &mut policy, Motion::Chunk(stay));
        // Beyond its range would be seen in every tick.
        rig.ticks(1500);
        check_differences(&arm, &rig.commands);
    }
}

#[test]
fn i2_an_arm_goes_over_to_a_swinging_chunk_within_its_acceleration_wherever_in_its_swing_that_is() {
    let arm = arm();
    let mut began = 0;
    for k in 0..32 {
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        // The last joint swings with half of its greatest acceleration; the way over takes some of its own.
        let phase = std::f64::consts::PI * f64::from(k % 8) / 4.0;
        let off = [0.15, -0.15, 0.3, -0.3][k as usize / 8];
        let at = |i: i32| {
            let swing = off + 0.17 * libm::sin(8.0 * f64::from(i) / 30.0 + phase);
            JointVector::from_fn(N, |j| if j == 6 { home[j] + swing } else { home[j] })
        };
        let chunk = Chunk { points: (0..60).map(at).collect(), period_s: 1.0 / 30.0, grip: None };
        let id = rig.submit(Motion::Chunk(chunk)).expect("fine");
        rig.ticks(2500);
        began += usize::from(rig.has(|r| *r == Report::Started(id)));
        let by_the_wall = |r: &Report| matches!(r, Report::Stopped { cause: Cause::Limit, .. });
        assert!(!rig.has(by_the_wall), "{off} rad off, {phase}: {:?}", rig.reports);
        check_differences(&arm, &rig.commands);
    }
    assert!(began > 16, "{began} began");
}

#[test]
fn i6_a_stop_that_is_asked_for_while_a_higher_rank_takes_over_is_a_stop() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.8, 1.2));
    rig.ticks(500);
    rig.lease = None;
    claim(&mut rig, Owner::Human, Groups::Arm);
    rig.tick();
    rig.handle.stop(StopCategory::Two);
    rig.tick();
    let mut human = claim(&mut rig, Owner::Human, Groups::Arm);
    order(&mut rig, &mut human, velocity(0.3));
    rig.tick();
    assert_eq!(rig.mode(), Mode::Stopping(StopCategory::Two), "I6");
    let why = RefusedWhy::Busy;
    assert!(rig.has(|r| matches!(r, Report::Refused { request: Request::Servo, why: w, .. } if *w == why)));
    rig.until(Mode::Hold);
    assert!(
        rig.has(|r| matches!(r, Report::Stopped { cause: Cause::StopRequested, .. })),
        "{:?}",
        rig.reports
    );
    // The same while the arm is being disarmed, by the emergency stop's line.
    let mut rig = Rig::with(arm.clone(), Config { stop_line: true, ..Config::default() });
    let line = rig.handle.stop_line();
    let ticks = |rig: &mut Rig, n: usize, is_closed: bool| {
        for _ in 0..n {
            line.sample(rig.now, is_closed);
            rig.tick();
        }
    };
    ticks(&mut rig, 60, true);
    rig.handle.activate(rig.now).expect("sent");
    ticks(&mut rig, 2, true);
    rig.follow(reach(&arm, &home, 0.5, 1.0));
    ticks(&mut rig, 300, true);
    rig.handle.disarm(rig.now).expect("sent");
    ticks(&mut rig, 5, true);
    ticks(&mut rig, 1, false);
    ticks(&mut rig, 800, true);
    assert_eq!(rig.mode(), Mode::Fault { powered: false }, "I6, F41");
    assert!(rig.has(|r| matches!(r, Report::Fault { fault: Fault::F41StopLine, latched: true })));
}

#[test]
fn i5_what_is_too_near_at_the_beginning_excuses_no_other() {
    let arm = solid_arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let far = JointVector::from_fn(N, |j| if j == 0 { home[0] + 1.0 } else { home[j] });
    let second = ball(&arm, &far, 0.05);
    // Half a metre all around the hand is to be kept from one, nothing from the other.
    let things = vec![
        Thing { obstacle: ball(&arm, &home, 0.02), keep_m: 0.5, speed_m_s: 0.0 },
        Thing { obstacle: second.clone(), keep_m: 0.0, speed_m_s: 0.0 },
    ];
    watch(&mut rig, things);
    let mut judge = Checker::new(&arm);
    judge.set_obstacles(vec![second]).expect("a ball");
    let mut data = ArmData::new(&arm);
    let mut nearest = f64::INFINITY;
    let turn = Motion::Velocity(JointVector::from_fn(N, |j| if j == 0 { 0.5 } else { 0.0 }));
    for k in 0..4000 {
        if k % 10 == 0 {
            rig.submit(turn.clone()).expect("fine");
        }
        let command = rig.tick();
        nearest = nearest.min(judge.room(&arm, &mut data, &command.q, 0.04, &[], 1.0).still);
    }
    assert!(nearest > 0.0, "I5: {nearest} m");
    check_differences(&arm, &rig.commands);
}

#[test]
fn i5_chunk_after_chunk_comes_no_nearer_than_one() {
    let arm = solid_arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let ahead = JointVector::from_fn(N, |j| home[j] + 0.25);
    let obstacle = ball(&arm, &ahead, 0.03);
    watch(&mut rig, vec![Thing { obstacle: obstacle.clone(), keep_m: 0.05, speed_m_s: 0.0 }]);
    let mut judge = Checker::new(&arm);
    judge.set_obstacles(vec![obstacle]).expect("a ball");
    let mut data = ArmData::new(&arm);
    let mut policy = claim(&mut rig, Owner::Policy, Groups::Arm);
    let mut nearest = f64::INFINITY;
    for k in 0..12_000 {
        if k % 33 == 0 {
            let here = rig.hold_q();
            let on = |k: usize| JointVector::from_fn(N, |j| here[j] + 0.04 * k as f64 / 30.0);
            let chunk = Chunk { points: (0..40).map(on).collect(), period_s: 1.0 / 30.0, grip: None };
            order(&mut rig, &mut policy, Motion::Chunk(chunk));
        }
        rig.handle.keep_alive(&policy, rig.now);
        let command = rig.tick();
        nearest = nearest.min(judge.room(&arm, &mut data, &command.q, 0.04, &[], 1.0).still);
    }
    assert!((0.0495..0.07).contains(&nearest), "I5: {nearest} m, to keep 0.05 m");
    check_differences(&arm, &rig.commands);
}

#[test]
fn f40_an_old_or_foreign_neutral_order_is_no_stick_at_rest() {
    let arm = arm();
    let mut rig = Rig::active(arm);
    let mut human = claim(&mut rig, Owner::Human, Groups::Arm);
    let mut other = claim(&mut rig, Owner::Human, Groups::Gripper);
    order(&mut rig, &mut human, velocity(0.2));
    rig.ticks(50);
    let old = human.order(rig.now, velocity(0.0));
    rig.handle.stop(StopCategory::One);
    for _ in 0..30 {
        order(&mut rig, &mut human, velocity(0.2));
        rig.ticks(10);
    }
    rig.handle.submit(Order { sequence: 1000, ..old }).expect("well-formed");
    order(&mut rig, &mut other, velocity(0.0));
    rig.handle.reset(rig.now).expect("sent");
    rig.ticks(2);
    assert_eq!(rig.mode(), Mode::Fault { powered: false }, "F40");
}
