//! Fingers that move while the arm does: it keeps clear with them wherever they may be until they stand (I5).

use crate::common::{N, Rig, WIDTH, check_differences, solid_arm};
use crate::filter::{ball, world};
use control::{Chunk, Config, Grips, Groups, Mode, Motion, Order, Owner, Report, Thing, TwistAxes};
use mechanics::collision::Checker;
use mechanics::{Arm, ArmData, tool_pose};
use nalgebra::Point3;
use rand::{Rng, SeedableRng};
use std::sync::Arc;
use std::time::Duration;
use types::motion::TrajectoryPoint;
use types::{Fault, GripperCommand, JointVector, StopCategory, Trajectory};

const KEEP_M: f64 = 0.02;

/// From `home` on, the joint that carries the hand past `thing`, so far.
fn turned(home: &JointVector, by: f64) -> JointVector {
    JointVector::from_fn(N, |j| home[j] + if j == 1 { by } else { 0.0 })
}

/// Beside the way of the hand, half a radian ahead: closed it passes, open it does not.
fn beside(arm: &Arm, home: &JointVector) -> Thing {
    let there = tool_pose(arm, &mut ArmData::new(arm), &turned(home, 0.5));
    ball(there.isometry() * Point3::new(0.0, 0.085, 0.18), 0.02, KEEP_M, 0.0)
}

/// What is between the arm, with its fingers so far apart, and `thing`, metres.
fn left<'a>(arm: &'a Arm, thing: &Thing) -> impl FnMut(&JointVector, f64) -> f64 + use<'a> {
    let (mut checker, mut data) = (Checker::new(arm), ArmData::new(arm));
    checker.set_obstacles(vec![thing.obstacle.clone()]).expect("a thing");
    move |q, width_m| checker.room(arm, &mut data, q, width_m, &[], 1.0).still
}

/// An arm with its hand closed, and what it knows of.
fn closed(config: Config) -> (Rig, JointVector, Thing) {
    let arm = solid_arm();
    let mut rig = Rig::with(arm.clone(), config);
    rig.state.gripper.width_m = 0.0;
    let mut rig = rig.activated();
    let home = rig.hold_q();
    let thing = beside(&arm, &home);
    let mut left = left(&arm, &thing);
    let mut least = |width_m: f64| {
        let at = |k: u32| left(&turned(&home, 0.01 * f64::from(k)), width_m);
        (0..=100).map(at).fold(1.0, f64::min)
    };
    let [shut, open] = [0.0, WIDTH].map(&mut least);
    assert!(shut > KEEP_M + 0.008 && open < 0.0, "{shut}, {open}");
    rig.handle.watch(world(rig.now, 100.0, std::slice::from_ref(&thing))).expect("a world");
    (rig, home, thing)
}

/// A turn by a radian in so many seconds.
fn turn(rig: &Rig, home: &JointVector, seconds: f64) -> Box<Trajectory> {
    let zero = JointVector::zeros(N);
    let point = |t, q| TrajectoryPoint { t, q, dq: zero, ddq: zero };
    let points = vec![point(0.0, *home), point(seconds, turned(home, 1.0))];
    Box::new(Trajectory::new(points, rig.arm.limits(), home).expect("a way"))
}

fn grip(rig: &mut Rig, width_m: f64) {
    rig.submit(Motion::Grip(GripperCommand { width_m, force_n: 20.0 })).expect("a gripper");
}

/// Runs on; the least that was left while the arm moved.
fn least_left(rig: &mut Rig, thing: &Thing, ticks: usize, mut before: impl FnMut(&mut Rig, usize)) -> f64 {
    let arm = rig.arm.clone();
    let (mut left, mut least) = (left(&arm, thing), 1.0f64);
    for k in 0..ticks {
        before(rig, k);
        let c = rig.tick();
        if c.dq.iter().any(|v| v.abs() > 1e-3) {
            least = least.min(left(&c.q, c.gripper.width_m));
        }
    }
    least
}

fn stands(rig: &Rig) -> bool {
    rig.commands[rig.commands.len() - 200..].iter().all(|c| c.dq.iter().all(|v| *v == 0.0))
}

#[test]
fn a_hand_that_opens_under_way_is_one_that_is_open_where_the_way_becomes_narrow_and_closed_it_goes_on() {
    for opens_at in [0, 300, 700, 900] {
        let (mut rig, home, thing) = closed(Config::default());
        let way = turn(&rig, &home, 3.0);
        let id = rig.follow(way);
        let least = least_left(&mut rig, &thing, 4000, |rig, k| {
            if k == opens_at {
                grip(rig, WIDTH);
            }
        });
        assert!(least > KEEP_M - 5e-4, "opened after {opens_at} ms it came up to {least} m");
        assert!(rig.mode() == Mode::Follow && stands(&rig), "it waits: {:?}", rig.reports);
        let at = rig.hold_q()[1] - home[1];
        assert!(at > 0.02 && at < 0.45, "at {at}");
        assert!(!rig.has(|r| matches!(r, Report::Fault { .. })), "there was time: {:?}", rig.reports);
        grip(&mut rig, 0.0);
        let least = least_left(&mut rig, &thing, 4000, |_, _| {});
        assert!(least > KEEP_M - 5e-4, "closing: {least} m");
        assert!(rig.has(|r| *r == Report::Finished(id)), "{:?}", rig.reports);
        check_differences(&rig.arm.clone(), &rig.commands);
    }
}

#[test]
fn a_hand_that_opens_beside_something_stops_the_arm_that_moves_past_it_at_once() {
    let [asked, opened] = [true, false].map(|is_asked| {
        let (mut rig, home, _) = closed(Config::default());
        let way = turn(&rig, &home, 3.0);
        rig.follow(way);
        while rig.hold_q()[1] < home[1] + 0.42 {
            rig.tick();
        }
        if is_asked {
            rig.handle.stop(StopCategory::Two);
        } else {
            grip(&mut rig, WIDTH);
        }
        let begun = rig.commands.len();
        rig.ticks(1000);
        assert!(stands(&rig));
        let too_near = Report::Fault { fault: Fault::F43ObstacleTooNear, latched: false };
        assert_eq!(rig.has(|r| *r == too_near), !is_asked, "{:?}", rig.reports);
        check_differences(&rig.arm.clone(), &rig.commands);
        rig.commands[begun..].iter().map(|c| c.q).collect::<Vec<_>>()
    });
    assert!(asked == opened, "it is the stop of an arm that is asked to");
}

#[test]
fn along_a_chunk_the_hand_is_as_open_as_it_says_farther_on() {
    for (opens_at, passes) in [(f64::INFINITY, true), (0.8, false), (0.3, false)] {
        let (mut rig, home, thing) = closed(Config::default());
        let period_s = 1.0 / 30.0;
        let at = |k: usize| period_s * k as f64;
        let points = (0..90).map(|k| turned(&home, (0.4 * at(k)).min(1.0))).collect();
        let widths_m = (0..90).map(|k| if at(k) > opens_at { WIDTH } else { 0.0 }).collect();
        let chunk = Chunk { points, period_s, grip: Some(Grips { widths_m, force_n: 15.0 }) };
        let mut lease = rig.handle.claim(rig.now, Owner::Policy, Groups::All, None).expect("sent");
        let order = lease.order(rig.now, Motion::Chunk(chunk));
        let order = Order { expires: rig.now + Duration::from_secs(2), ..order };
        rig.handle.submit(order).expect("a chunk");
        let least = least_left(&mut rig, &thing, 3000, |rig, _| rig.handle.keep_alive(&lease, rig.now));
        assert!(least > KEEP_M - 5e-4, "{opens_at}: it came up to {least} m");
        let got = rig.hold_q()[1] - home[1];
        assert_eq!(got > 0.6, passes, "{opens_at}: it got to {got}");
        let too_near = |r: &Report| matches!(r, Report::Fault { fault: Fault::F43ObstacleTooNear, .. });
        assert!(!rig.has(too_near), "{opens_at}: it was known: {:?}", rig.reports);
        check_differences(&rig.arm.clone(), &rig.commands);
    }
}

#[test]
fn a_steered_arm_keeps_clear_with_the_hand_that_it_opens() {
    for (coast_s, by_tool) in [(0.0, false), (0.0, true), (0.05, false)] {
        for opens_at in [100, 600, 1000] {
            let (mut rig, home, thing) = closed(Config { coast_s, ..Config::default() });
            let axis = tool_pose(&rig.arm, &mut ArmData::new(&rig.arm), &home);
            let along = axis.isometry().rotation * nalgebra::Vector3::x();
            let least = least_left(&mut rig, &thing, 3000, |rig, k| {
                if k % 20 == 0 {
                    let velocity = JointVector::from_fn(N, |j| if j == 1 { 0.4 } else { 0.0 });
                    let twist = control::Twist {
                        linear_m_s: (0.15 * along).into(),
                        angular_rad_s: [0.0; 3],
                        axes: TwistAxes::World,
                    };
                    let motion = if by_tool { Motion::Twist(twist) } else { Motion::Velocity(velocity) };
                    rig.submit(motion).expect("a wish");
                }
                if k == opens_at {
                    grip(rig, WIDTH);
                }
            });
            assert!(least > KEEP_M - 5e-4, "{coast_s}, {by_tool}, {opens_at}: it came up to {least} m");
            check_differences(&rig.arm.clone(), &rig.commands);
        }
    }
}

/// An arm whose finger goes out by 30 cm.
fn long_fingered() -> Arc<Arm> {
    let arm = solid_arm();
    let (mut model, mut profile) = (arm.model().clone(), arm.profile().clone());
    model.joints[N].limits.upper = 0.3;
    (profile.gripper.open, profile.gripper.width_m) = (vec![0.3], 0.6);
    Arc::new(Arm::new(model, profile).expect("a valid arm"))
}

#[test]
fn a_chunk_whose_hand_would_meet_the_arm_where_it_opens_is_refused() {
    let arm = long_fingered();
    let (mut checker, mut data) = (Checker::new(&arm), ArmData::new(&arm));
    let home = arm.home();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    let (mut taken, mut refused) = (0, 0);
    while taken < 5 {
        let to = JointVector::from_fn(N, |j| (home[j] + rng.random_range(-2.0..2.0)).clamp(-2.7, 2.7));
        let at =
            |k: u32| JointVector::from_fn(N, |j| home[j] + (to[j] - home[j]) * f64::from(k.min(90)) / 90.0);
        let points: Vec<JointVector> = (0..=100).map(at).collect();
        if !points.iter().all(|q| checker.is_free(&arm, &mut data, q, 0.0, 0.01))
            || checker.is_free(&arm, &mut data, &to, 0.6, -0.01)
        {
            continue;
        }
        let mut rig = Rig::with(arm.clone(), Config::default());
        rig.state.gripper.width_m = 0.0;
        let mut rig = rig.activated();
        let mut lease = rig.handle.claim(rig.now, Owner::Policy, Groups::All, None).expect("sent");
        let mut order = |open_m: f64| {
            let widths_m = (0..=100).map(|k| if k < 95 { 0.0 } else { open_m }).collect();
            let grip = Some(Grips { widths_m, force_n: 15.0 });
            let chunk = Chunk { points: points.clone(), period_s: 0.1, grip };
            rig.handle.submit(lease.order(rig.now, Motion::Chunk(chunk)))
        };
        order(0.0).expect("closed it is clear of itself");
        taken += 1;
        let why = order(0.6).expect_err("open it is not");
        refused += usize::from(why.expected.contains("keeps clear of itself"));
    }
    assert_eq!(refused, taken);
}

/// Beside a thing nearer than is to be kept, with the hand closed: away from it leads joint 1 backwards.
fn beside_it() -> (Rig, JointVector) {
    let arm = solid_arm();
    let mut rig = Rig::with(arm.clone(), Config::default());
    rig.state.gripper.width_m = 0.0;
    let mut rig = rig.activated();
    let home = rig.hold_q();
    let here = tool_pose(&arm, &mut ArmData::new(&arm), &home);
    let thing = ball(here.isometry() * Point3::new(0.0, 0.085, 0.18), 0.02, 0.08, 0.0);
    let mut left = left(&arm, &thing);
    let [shut, open] = [0.0, 0.03].map(|width_m| left(&home, width_m));
    assert!(shut < 0.08 && open < shut - 0.01 && open > 0.005, "{shut}, {open}");
    rig.handle.watch(world(rig.now, 100.0, std::slice::from_ref(&thing))).expect("a world");
    (rig, home)
}

fn retreat(rig: &mut Rig, home: &JointVector) -> f64 {
    let zero = JointVector::zeros(N);
    let from = rig.hold_q();
    let point = |t, q| TrajectoryPoint { t, q, dq: zero, ddq: zero };
    let points = vec![point(0.0, from), point(3.0, turned(home, -0.8))];
    rig.follow(Box::new(Trajectory::new(points, rig.arm.limits(), &from).expect("a way")));
    rig.ticks(4000);
    home[1] - rig.hold_q()[1]
}

#[test]
fn an_arm_whose_hand_opens_where_it_is_too_near_to_something_already_can_leave() {
    for opens in ["just before", "on the way"] {
        let (mut rig, home) = beside_it();
        let got = match opens {
            "just before" => {
                grip(&mut rig, 0.03);
                retreat(&mut rig, &home)
            }
            // Closed it sets out, then stands there and opens.
            _ => {
                rig.submit(Motion::Joints(turned(&home, -0.02))).expect("a place");
                rig.ticks(1000);
                grip(&mut rig, 0.03);
                rig.ticks(1000);
                retreat(&mut rig, &home)
            }
        };
        assert!(got > 0.7, "{opens}: it got {got} rad away: {:?}", rig.reports);
    }
}

#[test]
fn a_steered_arm_whose_hand_opens_where_it_is_too_near_to_something_can_leave() {
    let (mut rig, home) = beside_it();
    grip(&mut rig, 0.03);
    for _ in 0..150 {
        let velocity = JointVector::from_fn(N, |j| if j == 1 { -0.3 } else { 0.0 });
        rig.submit(Motion::Velocity(velocity)).expect("a wish");
        rig.ticks(20);
    }
    let got = home[1] - rig.hold_q()[1];
    assert!(got > 0.5, "it got {got} rad away: {:?}", rig.reports);
}

#[test]
fn a_chunk_that_closes_the_hand_before_a_narrow_place_or_opens_it_behind_one_passes() {
    for (first, then, at_s) in [(WIDTH, 0.0, 0.5), (0.0, WIDTH, 1.75)] {
        let (mut rig, home, thing) = closed(Config::default());
        grip(&mut rig, first);
        rig.ticks(2000);
        let period_s = 1.0 / 30.0;
        let at = |k: usize| period_s * k as f64;
        let points = (0..90).map(|k| turned(&home, (0.4 * at(k)).min(1.0))).collect();
        let widths_m = (0..90).map(|k| if at(k) < at_s { first } else { then }).collect();
        let chunk = Chunk { points, period_s, grip: Some(Grips { widths_m, force_n: 15.0 }) };
        rig.lease = None;
        let mut lease = rig.handle.claim(rig.now, Owner::Human, Groups::All, None).expect("sent");
        let order = lease.order(rig.now, Motion::Chunk(chunk));
        let order = Order { expires: rig.now + Duration::from_secs(2), ..order };
        rig.handle.submit(order).expect("a chunk");
        let least = least_left(&mut rig, &thing, 5000, |rig, _| rig.handle.keep_alive(&lease, rig.now));
        let got = rig.hold_q()[1] - home[1];
        assert!(got > 0.6 && least > KEEP_M - 5e-4, "{first} to {then}: it got to {got}, {least} m");
        check_differences(&rig.arm.clone(), &rig.commands);
    }
}
