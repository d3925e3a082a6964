//! Velocities and targets from any state of motion: continuous, within limits, and always with a stop.

use crate::common::{FRANKA, N, Rig, arm, check_differences, reach, solid_arm};
use control::{
    Cause, Groups, LimitKind, Mode, Motion, Order, Owner, RefusedWhy, Report, Request, Thing, Twist,
    TwistAxes, World,
};
use mechanics::collision::{Checker, Obstacle, OwnRoom};
use mechanics::{Arm, ArmData, GeomShape, tool_pose};
use nalgebra::{Isometry3, Vector3};
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use types::{Fault, JointVector, StopCategory, Transform};

fn panda() -> Arc<Arm> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots/panda.xml");
    let model = mechanics::load(&path).expect("a model");
    let mut profile = Arm::from_model(model.clone()).expect("an arm").profile().clone();
    // Franka's limits and its usual pose.
    profile.velocity = FRANKA.iter().map(|l| l[0]).collect();
    profile.acceleration = FRANKA.iter().map(|l| l[1]).collect();
    profile.jerk = FRANKA.iter().map(|l| l[2]).collect();
    profile.home = vec![0.0, -0.3, 0.0, -2.2, 0.0, 2.0, 0.785];
    Arc::new(Arm::new(model, profile).expect("a valid arm"))
}

fn tool(arm: &Arm, q: &JointVector) -> Isometry3<f64> {
    *tool_pose(arm, &mut ArmData::new(arm), q).isometry()
}

fn linear(x: f64, y: f64, z: f64) -> Twist {
    Twist { linear_m_s: [x, y, z], angular_rad_s: [0.0; 3], axes: TwistAxes::World }
}

/// Sends a velocity every 10 ms for `ms`.
fn steer(rig: &mut Rig, motion: &Motion, ms: usize) {
    for k in 0..ms {
        if k % 10 == 0 {
            rig.submit(motion.clone()).expect("well-formed");
        }
        rig.tick();
    }
}

fn speed(rig: &Rig) -> f64 {
    rig.commands.last().expect("some").dq.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
}

#[test]
fn a_twist_moves_the_tool_its_way_at_its_speed_until_it_is_neutral() {
    let arm = panda();
    let mut rig = Rig::active(arm.clone());
    let before = tool(&arm, &rig.hold_q());
    steer(&mut rig, &Motion::Twist(linear(0.0, 0.1, 0.0)), 1000);
    assert_eq!(rig.mode(), Mode::Servo);
    let after = tool(&arm, &rig.hold_q());
    let moved = after.translation.vector - before.translation.vector;
    assert!((moved.y - 0.1).abs() < 0.005, "{moved} {:?}", rig.reports);
    assert!(moved.x.abs() < 1e-3 && moved.z.abs() < 1e-3, "straight: {moved}");
    assert!(after.rotation.angle_to(&before.rotation) < 2e-3, "without a turn");
    steer(&mut rig, &Motion::Twist(linear(0.0, 0.0, 0.0)), 300);
    assert_eq!(speed(&rig), 0.0);
    assert_eq!(rig.mode(), Mode::Servo, "a stick at rest is still held");
    rig.until(Mode::Hold);
    assert!(!rig.has(|r| matches!(r, Report::Fault { .. } | Report::Stopped { .. })), "{:?}", rig.reports);
    check_differences(&arm, &rig.commands);
}

#[test]
fn a_target_is_reached_from_any_state_of_motion() {
    let arm = arm();
    for delay in [0, 60, 250, 400] {
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        if delay > 0 {
            rig.follow(reach(&arm, &home, 0.8, 1.0));
            rig.ticks(delay);
            assert_eq!(rig.mode(), Mode::Follow);
        }
        let first = JointVector::from_fn(N, |i| home[i] + 0.3 - 0.1 * i as f64);
        let second = JointVector::from_fn(N, |i| home[i] - 0.2 + 0.05 * i as f64);
        rig.submit(Motion::Joints(first)).expect("fine");
        rig.ticks(150);
        assert_eq!(rig.mode(), Mode::Servo);
        steer(&mut rig, &Motion::Velocity(JointVector::from_fn(N, |i| 0.3 - 0.1 * i as f64)), 200);
        let id = rig.submit(Motion::Joints(second)).expect("fine");
        rig.until(Mode::Hold);
        assert!(rig.has(|r| *r == Report::Finished(id)), "{:?}", rig.reports);
        assert!(!rig.has(|r| matches!(r, Report::Stopped { .. })), "{:?}", rig.reports);
        let off = rig.hold_q().max_abs_diff(&second);
        assert!(off < 2e-4, "{off} rad");
        check_differences(&arm, &rig.commands);
    }
}

#[test]
fn a_pose_is_gone_to_and_one_out_of_reach_is_refused_with_its_distance() {
    let arm = panda();
    let mut rig = Rig::active(arm.clone());
    let here = tool(&arm, &rig.hold_q());
    let mut there = here;
    there.translation.vector += Vector3::new(0.05, -0.1, 0.08);
    let id = rig.submit(Motion::Pose(Transform::from_isometry(there))).expect("in reach");
    rig.until(Mode::Servo);
    rig.until(Mode::Hold);
    assert!(rig.has(|r| *r == Report::Finished(id)));
    let end = tool(&arm, &rig.hold_q());
    assert!((end.translation.vector - there.translation.vector).norm() < 1e-3);
    there.translation.vector.x += 3.0;
    let refused = rig.submit(Motion::Pose(Transform::from_isometry(there))).expect_err("B10");
    assert_eq!(refused.field, "pose");
    assert!(refused.got.contains(" m"), "B10: {refused}");
    check_differences(&arm, &rig.commands);
}

#[test]
fn f38_a_velocity_that_is_not_renewed_stops_the_arm_and_latches_nothing() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    steer(&mut rig, &Motion::Velocity(JointVector::from_fn(N, |_| 0.4)), 400);
    // The last order was given ten milliseconds ago.
    let n = rig.until(Mode::Stopping(StopCategory::Two));
    assert!((88..=92).contains(&n), "F38: {n} ms");
    rig.until(Mode::Hold);
    assert!(rig.has(|r| matches!(r, Report::Fault { fault: Fault::F38OperatorSilent, latched: false })));
    assert!(rig.has(|r| matches!(r, Report::Stopped { cause: Cause::VelocityOver, .. })));
    // Whoever steers is gone: the lease's deadline for streams is shorter.
    let mut rig = Rig::active(arm.clone());
    let mut lease = rig.handle.claim(rig.now, Owner::Policy, Groups::Arm, None).expect("sent");
    let order = lease.order(rig.now, Motion::Velocity(JointVector::from_fn(N, |_| 0.4)));
    rig.handle.submit(Order { expires: rig.now + Duration::from_millis(900), ..order }).expect("fine");
    rig.tick();
    let n = rig.until(Mode::Stopping(StopCategory::Two));
    assert!((99..=102).contains(&n), "F1: {n} ms");
    rig.until(Mode::Fault { powered: true });
    check_differences(&arm, &rig.commands);
}

#[test]
fn f39_the_operator_takes_over_from_the_planner_without_a_jerk() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    rig.follow(reach(&arm, &home, 0.8, 1.2));
    rig.ticks(500);
    let planner = rig.lease.take().expect("claimed");
    let mut human = rig.handle.claim(rig.now, Owner::Human, Groups::Arm, None).expect("sent");
    let back = Motion::Velocity(JointVector::from_fn(N, |_| -0.3));
    rig.handle.submit(human.order(rig.now, back.clone())).expect("fine");
    rig.tick();
    assert_eq!(rig.mode(), Mode::Servo, "F39: at once, from full speed");
    assert!(rig.has(|r| *r == Report::Lost(planner.id())));
    for k in 0..1000 {
        if k % 20 == 0 {
            rig.handle.submit(human.order(rig.now, back.clone())).expect("fine");
        }
        rig.tick();
    }
    let dq = rig.commands.last().expect("some").dq;
    assert!((dq[0] + 0.3).abs() < 1e-3, "the operator wins: {dq:?} {:?}", rig.reports);
    check_differences(&arm, &rig.commands);
}

#[test]
fn f40_after_an_emergency_stop_a_stick_that_is_held_moves_nothing_and_lets_nobody_reset() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let pushed = Motion::Velocity(JointVector::from_fn(N, |_| 0.3));
    steer(&mut rig, &pushed, 300);
    rig.handle.stop(StopCategory::One);
    for _ in 0..60 {
        steer(&mut rig, &pushed, 10);
    }
    assert_eq!(rig.mode(), Mode::Fault { powered: false });
    rig.handle.reset(rig.now).expect("sent");
    steer(&mut rig, &pushed, 20);
    assert_eq!(rig.mode(), Mode::Fault { powered: false }, "F40");
    let why = RefusedWhy::InputActive;
    assert!(rig.has(|r| *r == Report::Refused { id: None, request: Request::Reset, why }));
    steer(&mut rig, &Motion::Velocity(JointVector::zeros(N)), 20);
    rig.handle.reset(rig.now).expect("sent");
    rig.ticks(2);
    assert_eq!(rig.mode(), Mode::Disarmed);
}

#[test]
fn f44_near_a_singular_pose_the_tool_slows_down_and_no_joint_races() {
    let arm = panda();
    let mut rig = Rig::active(arm.clone());
    // Outwards until the elbow is nearly straight, and on.
    let out = Motion::Twist(linear(0.4, 0.0, 0.1));
    let mut slowest = f64::INFINITY;
    let mut last = tool(&arm, &rig.hold_q());
    for _ in 0..120 {
        steer(&mut rig, &out, 50);
        let here = tool(&arm, &rig.hold_q());
        slowest = slowest.min((here.translation.vector - last.translation.vector).norm() / 0.05);
        last = here;
    }
    assert!(slowest < 0.02, "F44: {slowest} m/s in the end");
    let singular = |r: &Report| matches!(r, Report::Intervention { limit: LimitKind::Singularity, .. });
    assert!(rig.has(singular), "I7");
    assert!(!rig.has(|r| matches!(r, Report::Stopped { .. })), "{:?}", rig.reports);
    // And back again.
    let before = tool(&arm, &rig.hold_q()).translation.x;
    steer(&mut rig, &Motion::Twist(linear(-0.2, 0.0, 0.0)), 3000);
    assert!(tool(&arm, &rig.hold_q()).translation.x < before - 0.1, "F44: it comes out again");
    check_differences(&arm, &rig.commands);
}

/// An arm with a ball on its way ahead, and what knows how far it is from that.
fn before_a_ball() -> (Arc<Arm>, Rig, Checker) {
    let arm = solid_arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let ahead = JointVector::from_fn(N, |j| home[j] + 0.4);
    let obstacle = Obstacle {
        name: "ball".into(),
        shape: GeomShape::Sphere { radius: 0.05 },
        world_from_obstacle: Isometry3::from_parts(tool(&arm, &ahead).translation, Default::default()),
    };
    let things = vec![Thing { obstacle: obstacle.clone(), keep_m: 0.02, speed_m_s: 0.0 }];
    let world = World { stamp: rig.now, expires: rig.now + Duration::from_secs(100), things, held: None };
    rig.handle.watch(world).expect("a world");
    let mut checker = Checker::new(&arm);
    checker.set_obstacles(vec![obstacle]).expect("a ball");
    (arm, rig, checker)
}

#[test]
fn before_something_in_its_way_a_steered_arm_waits_and_it_can_be_steered_away() {
    let (arm, mut rig, mut checker) = before_a_ball();
    let mut data = ArmData::new(&arm);
    let push = |v: f64| Motion::Velocity(JointVector::from_fn(N, |_| v));
    let mut nearest = f64::INFINITY;
    for _ in 0..300 {
        steer(&mut rig, &push(0.5), 10);
        let q = rig.hold_q();
        nearest = nearest.min(checker.room(&arm, &mut data, &q, 0.04, &[], 1.0).still);
    }
    assert!((0.0199..0.05).contains(&nearest), "{nearest} m");
    assert_eq!(speed(&rig), 0.0, "it waits");
    let separation = |r: &Report| matches!(r, Report::Intervention { limit: LimitKind::Separation, .. });
    assert!(rig.has(separation), "I7");
    let here = rig.hold_q();
    steer(&mut rig, &push(-0.3), 500);
    assert!(rig.hold_q()[0] < here[0] - 0.1, "away is free: {:?}", rig.reports);
    assert!(!rig.has(|r| matches!(r, Report::Fault { .. } | Report::Stopped { .. })), "{:?}", rig.reports);
    check_differences(&arm, &rig.commands);
}

#[test]
fn an_arm_that_was_steered_up_to_something_leaves_it_sideways_too() {
    let (arm, mut rig, mut checker) = before_a_ball();
    let home = rig.hold_q();
    let mut data = ArmData::new(&arm);
    let mut room = |q: &JointVector| checker.room(&arm, &mut data, q, 0.04, &[], 1.0).still;
    let mut tried = 0;
    for k in 1..40 {
        steer(&mut rig, &Motion::Velocity(JointVector::from_fn(N, |_| 0.4)), 1500);
        let here = rig.hold_q();
        let before = room(&here);
        assert!((0.0199..0.04).contains(&before), "{before} m");
        // Away all along, most of it past it.
        let wish = JointVector::from_fn(N, |i| 0.3 * f64::sin(f64::from(k) * (1.0 + i as f64)));
        let after = |s: f64| JointVector::from_fn(N, |i| here[i] + s * wish[i]);
        let grows: Vec<f64> = (1..=20).map(|s| room(&after(0.01 * f64::from(s))) - before).collect();
        let is_away = grows.windows(2).all(|w| w[1] > w[0] + 1e-4);
        if !is_away || grows[0] > 1.5e-3 {
            continue;
        }
        tried += 1;
        steer(&mut rig, &Motion::Velocity(wish), 700);
        let left = room(&rig.hold_q());
        assert!(left > before + 0.5 * grows[19], "wish {k}: from {before} to {left} m, {grows:?}");
        let gone = after(0.0).max_abs_diff(&rig.hold_q());
        assert!(gone > 0.04, "wish {k}: {gone} rad");
        steer(&mut rig, &Motion::Joints(home), 1500);
        if tried == 5 {
            break;
        }
    }
    assert_eq!(tried, 5);
    assert!(!rig.has(|r| matches!(r, Report::Fault { .. } | Report::Stopped { .. })), "{:?}", rig.reports);
    check_differences(&arm, &rig.commands);
}

#[test]
fn what_is_no_velocity_no_target_and_no_twist_is_refused_by_name() {
    let arm = arm();
    let mut rig = Rig::active(arm);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308, 100.0] {
        let v = JointVector::from_fn(N, |i| if i == 3 { bad } else { 0.0 });
        assert_eq!(rig.submit(Motion::Velocity(v)).expect_err("B1 to B6").field, "velocity[3]");
        assert_eq!(rig.submit(Motion::Joints(v)).expect_err("B1 to B6").field, "joints[3]");
        let twist = Twist { angular_rad_s: [0.0, bad, 0.0], ..linear(0.0, 0.0, 0.0) };
        assert_eq!(rig.submit(Motion::Twist(twist)).expect_err("B1 to B6").field, "twist.angular_rad_s[1]");
    }
    let degrees = JointVector::from_fn(N, |_| 90.0);
    assert!(rig.submit(Motion::Joints(degrees)).expect_err("B8").expected.contains("degrees"));
    let few = JointVector::zeros(3);
    assert_eq!(rig.submit(Motion::Joints(few)).expect_err("B7").field, "joints");
    rig.ticks(5);
    assert_eq!(rig.mode(), Mode::Hold);
    let mut lease = rig.handle.claim(rig.now, Owner::Human, Groups::All, None).expect("sent");
    let order = lease.order(rig.now, Motion::Velocity(JointVector::zeros(N)));
    for (change, field) in [
        (Order { expires: order.valid_from, ..order.clone() }, "order.expires"),
        (Order { expires: rig.now + Duration::from_secs(100), ..order.clone() }, "order.expires"),
        (Order { stamp: types::Time::from_nanos(i64::MIN), ..order.clone() }, "order.stamp"),
        (Order { valid_from: types::Time::from_nanos(i64::MAX), ..order.clone() }, "order.valid_from"),
    ] {
        assert_eq!(rig.handle.submit(change).expect_err("B22").field, field);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// I2, I5: whatever is wished, at whatever times, the arm keeps its limits, keeps clear of itself and of
    /// what it knows, and what it does is continuous.
    #[test]
    fn whatever_is_wished_the_arm_keeps_its_limits_and_keeps_clear(
        wishes in prop::collection::vec(
            (0..3u8, prop::collection::vec(-1.0..1.0f64, N), 1..400usize, 5..200u64), 1..12),
        balls in prop::collection::vec(([-0.6..0.6f64, -0.6..0.6, 0.1..1.1], 0.03..0.15f64, 0.0..0.05f64), 0..4),
    ) {
        let arm = solid_arm();
        let mut rig = Rig::active(arm.clone());
        let (mut data, home) = (ArmData::new(&arm), rig.hold_q());
        let things: Vec<Thing> = balls
            .iter()
            .map(|([x, y, z], radius, keep_m)| Thing {
                obstacle: Obstacle {
                    name: "ball".into(),
                    shape: GeomShape::Sphere { radius: *radius },
                    world_from_obstacle: Isometry3::translation(*x, *y, *z),
                },
                keep_m: *keep_m,
                speed_m_s: 0.0,
            })
            .collect();
        let mut judge = Checker::new(&arm);
        judge.set_obstacles(things.iter().map(|t| t.obstacle.clone()).collect()).expect("balls");
        let keep: Vec<_> = things
            .iter()
            .map(|t| mechanics::collision::Keep { distance_m: t.keep_m, is_moving: false })
            .collect();
        let at_start = judge.room(&arm, &mut data, &home, 0.04, &keep, 1.0).still.min(0.0);
        prop_assume!(at_start >= 0.0);
        let still = JointVector::zeros(N);
        let most = OwnRoom { room_m: 1.0, clear_s: 1.0 };
        let own_at_start = judge.own_room(&still, 0.0, most).room_m.min(0.002);
        let expires = rig.now + Duration::from_secs(100);
        rig.handle.watch(World { stamp: rig.now, expires, things, held: None }).expect("a world");
        rig.tick();
        let mut sequence = 0;
        for (kind, v, ms, life) in wishes {
            if rig.lease.is_none() {
                rig.lease = Some(rig.handle.claim(rig.now, Owner::Human, Groups::All, None).expect("sent"));
                sequence = 0;
            }
            let motion = match kind {
                0 => Motion::Velocity(JointVector::from_fn(N, |i| 2.0 * v[i])),
                1 => Motion::Twist(Twist {
                    linear_m_s: [v[0], v[1], v[2]],
                    angular_rad_s: [v[3], v[4], v[5]],
                    axes: if v[6] > 0.0 { TwistAxes::World } else { TwistAxes::Tool },
                }),
                _ => Motion::Joints(JointVector::from_fn(N, |i| 2.7 * v[i])),
            };
            sequence += 1;
            let (lease, now) = (rig.lease.as_ref().expect("claimed").id(), rig.now);
            let order = Order {
                lease, sequence, stamp: now, valid_from: now, expires: now + Duration::from_millis(life), motion,
            };
            rig.handle.submit(order).expect("well-formed");
            for _ in 0..ms {
                let command = rig.tick();
                let room = judge.room(&arm, &mut data, &command.q, 0.04, &keep, 1.0).still;
                prop_assert!(room >= -7e-4, "I5: {room} m");
                let own = judge.own_room(&still, 0.0, most).room_m;
                prop_assert!(own >= own_at_start - 7e-4, "I5: {own} m from itself, at first {own_at_start}");
            }
        }
        rig.ticks(8000);
        prop_assert!(speed(&rig) == 0.0, "{:?} {:?}", rig.commands.last(), rig.reports);
        prop_assert!(!rig.has(|r| matches!(r, Report::Stopped { cause: Cause::Limit, .. })), "{:?}", rig.reports);
        check_differences(&arm, &rig.commands);
    }
}
