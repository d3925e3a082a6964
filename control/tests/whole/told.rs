//! Whatever is done otherwise than was asked is told: which limit, what was asked, what was done (I7).

use crate::common::{N, Rig, TICK, arm, arm_with, check_differences, reach, solid_arm};
use crate::filter::{ball, tool, world};
use control::{Config, LimitKind, Mode, Motion, Report, Slow, Twist, TwistAxes};
use types::{Fault, JointState, JointVector, StopCategory, Time};

type Told = (Option<u8>, f64, f64, f64);

/// What was told of a limit: joint, requested, applied, margin.
fn told(rig: &Rig, wanted: LimitKind) -> Vec<Told> {
    let of = |r: &Report| match r {
        Report::Intervention { joint, limit, requested, applied, margin } if *limit == wanted => {
            Some((*joint, *requested, *applied, *margin))
        }
        _ => None,
    };
    rig.reports.iter().filter_map(of).collect()
}

fn steer(rig: &mut Rig, motion: &Motion, ms: usize) {
    for k in 0..ms {
        if k % 10 == 0 {
            rig.submit(motion.clone()).expect("well-formed");
        }
        rig.tick();
    }
}

fn near(a: Told, b: Told) -> bool {
    a.0 == b.0 && [(a.1, b.1), (a.2, b.2), (a.3, b.3)].iter().all(|(a, b)| (a - b).abs() < 1e-9)
}

#[test]
fn a_velocity_that_is_nearly_a_joints_limit_is_cut_and_told_once_with_both_speeds() {
    let arm = arm();
    let mut rig = Rig::active_with(arm.clone(), Config { tool_speed_m_s: 10.0, ..Config::default() });
    let fast = |way: f64| {
        let speeds = JointVector::from_fn(N, |i| if i == 6 { way * 2.61 } else { 0.05 });
        Motion::Velocity(speeds)
    };
    steer(&mut rig, &fast(-1.0), 600);
    let cut = told(&rig, LimitKind::Velocity);
    assert_eq!(cut.len(), 1, "{:?}", rig.reports);
    assert!(near(cut[0], (Some(6), -2.61, -2.349, -0.261)), "{cut:?}");
    let reached = rig.commands.last().expect("some").dq[6];
    assert!((reached + 2.349).abs() < 1e-6, "{reached}");
    // The stick springs through the middle and back: that is the same; let go for a while it is not.
    for pause in [100, 700] {
        steer(&mut rig, &Motion::Velocity(JointVector::zeros(N)), pause);
        steer(&mut rig, &fast(1.0), 100);
    }
    assert_eq!(told(&rig, LimitKind::Velocity).len(), 2, "{:?}", rig.reports);
    check_differences(&arm, &rig.commands);
}

#[test]
fn a_steered_tool_that_would_be_too_fast_is_slowed_and_told_by_which_part() {
    let arm = arm();
    for by_target in [false, true] {
        let mut rig = Rig::active_with(arm.clone(), Config { tool_speed_m_s: 0.2, ..Config::default() });
        let home = rig.hold_q();
        if by_target {
            rig.submit(Motion::Joints(JointVector::from_fn(N, |i| home[i] + 0.5))).expect("fine");
            rig.ticks(20);
        } else {
            steer(&mut rig, &Motion::Velocity(JointVector::from_fn(N, |_| 0.6)), 20);
            let step = JointVector::from_fn(N, |i| home[i] + 1e-6 * 0.6);
            let speed = (tool(&arm, &step) - tool(&arm, &home)).norm() / 1e-6;
            let first = told(&rig, LimitKind::ToolSpeed)[0];
            assert!((first.2 - 0.2 / speed).abs() < 1e-3, "{first:?}: {speed} m/s");
            steer(&mut rig, &Motion::Velocity(JointVector::from_fn(N, |_| 0.6)), 400);
        }
        let slowed = told(&rig, LimitKind::ToolSpeed);
        assert_eq!(slowed.len(), 1, "{:?}", rig.reports);
        let (joint, requested, applied, margin) = slowed[0];
        assert_eq!((joint, requested), (None, 1.0));
        assert!(applied > 0.05 && applied < 0.9 && (margin - (applied - 1.0)).abs() < 1e-12, "{slowed:?}");
    }
}

#[test]
fn a_joint_that_is_led_to_its_end_faster_than_it_may_be_there_is_told_of() {
    let arm = arm_with(|profile| {
        profile.near_end_slope = vec![12.0; N];
        profile.near_end_offset = vec![0.3; N];
    });
    let mut rig = Rig::active(arm.clone());
    let up = JointVector::from_fn(N, |i| if i == 6 { 1.5 } else { 0.0 });
    steer(&mut rig, &Motion::Velocity(up), 2500);
    let slowed = told(&rig, LimitKind::Velocity);
    assert_eq!(slowed.len(), 1, "{:?}", rig.reports);
    let (joint, requested, applied, margin) = slowed[0];
    assert_eq!((joint, requested), (Some(6), 1.5));
    assert!(applied < 1.5 && applied > 1.3 && (margin - (applied - 1.5)).abs() < 1e-9, "{slowed:?}");
}

#[test]
fn a_pace_that_nobody_may_ask_for_is_told_with_the_one_that_is_run_at() {
    for (asked, run, margin) in [(1.5, 1.0, -0.5), (0.01, 0.05, -0.04), (f64::NAN, 0.05, -0.05)] {
        let mut rig = Rig::active(arm());
        rig.handle.slow(0.4);
        rig.ticks(5);
        rig.handle.slow(asked);
        rig.ticks(2000);
        let slowed = told(&rig, LimitKind::Pace);
        // What is no number counts as none of the speed.
        let asked = if asked.is_finite() { asked } else { 0.0 };
        assert_eq!(slowed.len(), 1, "{:?}", rig.reports);
        assert!(near(slowed[0], (None, asked, run, margin)), "{slowed:?}");
        rig.handle.slow(1.0);
        rig.ticks(1000);
        rig.handle.slow(asked);
        rig.ticks(5);
        assert_eq!(told(&rig, LimitKind::Pace).len(), 2, "{:?}", rig.reports);
    }
}

#[test]
fn whoever_steers_wildly_is_told_of_it_and_not_flooded() {
    let mut rig = Rig::active_with(arm(), Config { tool_speed_m_s: 0.3, ..Config::default() });
    let mut random = 7_u64;
    let mut dice = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    };
    for k in 0..500 {
        let velocity = Motion::Velocity(JointVector::from_fn(N, |_| 2.1 * dice()));
        let twist = Motion::Twist(Twist {
            linear_m_s: [0; 3].map(|_| dice()),
            angular_rad_s: [0; 3].map(|_| 3.0 * dice()),
            axes: TwistAxes::Tool,
        });
        rig.handle.slow(1.5 * dice().abs());
        steer(&mut rig, if k % 2 == 0 { &velocity } else { &twist }, 20);
    }
    assert_eq!(rig.mode(), Mode::Servo);
    let n = rig.reports.iter().filter(|r| matches!(r, Report::Intervention { .. })).count();
    println!("{n} in ten seconds");
    assert!((3..40).contains(&n), "{n} in ten seconds");
}

#[test]
fn a_status_says_whether_the_arm_is_slow_and_why() {
    let arm = solid_arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let slow = |rig: &mut Rig| rig.handle.status().slow;
    rig.handle.slow(0.3);
    rig.ticks(5);
    assert_eq!(slow(&mut rig), None, "nothing moves");
    let way = reach(&arm, &home, 0.8, 4.0);
    let things = [ball(tool(&arm, &way.sample(3.5).q), 0.05, 0.02, 0.0)];
    rig.follow(way);
    rig.ticks(100);
    assert_eq!(slow(&mut rig), Some(Slow::Asked));
    rig.handle.slow(1.0);
    rig.ticks(300);
    assert_eq!(slow(&mut rig), None);
    // What the robot says comes late.
    rig.tick_with(None);
    for _ in 0..6 {
        // 5 ms old.
        let stamp = Time::from_nanos((rig.now + TICK).as_nanos() - 5_000_000);
        let late = JointState { stamp, ..rig.state };
        rig.tick_with(Some(late));
    }
    assert_eq!(slow(&mut rig), Some(Slow::Careful(Fault::F23StateLate)), "{:?}", rig.reports);
    rig.ticks(400);
    assert_eq!(slow(&mut rig), None, "{:?}", rig.reports);
    // Something is in the way; then nobody says what is there.
    rig.handle.watch(world(rig.now, 100.0, &things)).expect("a world");
    rig.ticks(3500);
    assert_eq!(slow(&mut rig), Some(Slow::Limit(LimitKind::Separation)), "{:?}", rig.reports);
    rig.handle.watch(world(rig.now, 1.0, &[])).expect("a world");
    rig.ticks(980);
    assert_eq!(slow(&mut rig), Some(Slow::Limit(LimitKind::WorldAge)), "{:?}", rig.reports);
    rig.handle.stop(StopCategory::Two);
    rig.tick();
    assert_eq!(slow(&mut rig), None, "it stops, and is not slow");
    rig.until(Mode::Hold);

    let mut rig = Rig::active_with(arm, Config { tool_speed_m_s: 0.2, ..Config::default() });
    steer(&mut rig, &Motion::Velocity(JointVector::from_fn(N, |_| 0.6)), 100);
    assert_eq!(slow(&mut rig), Some(Slow::Limit(LimitKind::ToolSpeed)));
    steer(&mut rig, &Motion::Velocity(JointVector::from_fn(N, |_| 0.01)), 200);
    assert_eq!(slow(&mut rig), None);
}
