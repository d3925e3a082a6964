//! The gripper is a joint group as any: continuous, within its limits, and with a stop.

use crate::common::{GRIP_SPEED, Rig, WIDTH, arm, check_differences, reach};
use control::{Config, Mode, Motion};
use types::{GripperCommand, StopCategory};

fn grip(rig: &mut Rig, width_m: f64, force_n: f64) {
    rig.submit(Motion::Grip(GripperCommand { width_m, force_n })).expect("fine");
}

fn told(rig: &Rig) -> GripperCommand {
    rig.commands.last().expect("some").gripper
}

#[test]
fn fingers_open_and_close_smoothly_in_hardly_more_than_their_speed_takes() {
    for hz in [100.0, 250.0, 1000.0, 4000.0] {
        let config = Config { period_s: 1.0 / hz, ..Config::default() };
        let mut rig = Rig::active_with(arm(), config);
        for (width_m, force_n) in [(0.0, 10.0), (WIDTH, 40.0), (0.03, 5.0), (0.031, 5.0)] {
            let way = (width_m - told(&rig).width_m).abs();
            grip(&mut rig, width_m, force_n);
            let mut took = 0.0;
            while told(&rig) != (GripperCommand { width_m, force_n }) {
                rig.tick();
                took += 1.0 / hz;
                let between = rig.commands[rig.commands.len() - 2].gripper.width_m;
                assert!((told(&rig).width_m - width_m).abs() <= (between - width_m).abs(), "no overshoot");
                assert!(took < 2.0, "{:?}", told(&rig));
            }
            // Of 5 m/s² and 500 m/s³ to and from 0.1 m/s.
            let most = way / GRIP_SPEED + 0.035 + 2.0 / hz;
            assert!(took <= most, "{hz} Hz: {took}, not {most} s to {width_m}");
        }
        check_differences(&rig.arm.clone(), &rig.commands);
    }
}

#[test]
fn fingers_that_are_told_other_widths_on_their_way_go_on_without_a_leap() {
    let mut rig = Rig::active(arm());
    let mut random = 5_u64;
    for _ in 0..150 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let dice = (random >> 33) as f64 / f64::from(1_u32 << 31);
        grip(&mut rig, WIDTH * dice, 5.0 + 30.0 * dice);
        rig.ticks((random >> 20) as usize % 120);
        if random.is_multiple_of(13) {
            rig.handle.stop(StopCategory::Two);
            let width_m = told(&rig).width_m;
            rig.ticks(60);
            let after = told(&rig).width_m;
            assert!((after - width_m).abs() < 3e-3, "a stop within 3 mm: {width_m}, {after}");
            rig.ticks(20);
            assert_eq!(told(&rig).width_m, after, "and then it stands");
        }
    }
    check_differences(&rig.arm.clone(), &rig.commands);
}

#[test]
fn fingers_let_go_of_what_they_hold_without_force_and_within_a_few_hundredths_of_a_second() {
    let mut rig = Rig::active(arm());
    grip(&mut rig, 0.0, 30.0);
    // Something of 30 mm is between the fingers.
    let holds = |rig: &mut Rig| {
        rig.state.gripper.width_m = 0.03;
        rig.tick();
        rig.state.gripper.width_m = 0.03;
    };
    (0..900).for_each(|_| holds(&mut rig));
    assert_eq!(told(&rig), GripperCommand { width_m: 0.0, force_n: 30.0 });
    // Held less tightly it is held all the time.
    grip(&mut rig, 0.02, 20.0);
    (0..400).for_each(|_| holds(&mut rig));
    assert!(rig.commands[rig.commands.len() - 400..].iter().all(|c| c.gripper.force_n >= 20.0));
    assert_eq!(told(&rig), GripperCommand { width_m: 0.02, force_n: 20.0 });
    let before = rig.commands.len();
    grip(&mut rig, WIDTH, 20.0);
    let opens = (1..200)
        .find(|_| {
            holds(&mut rig);
            told(&rig).width_m > 0.03 + 1e-6
        })
        .expect("it opens");
    assert!(opens < 40, "after {opens} ms");
    let leaps: Vec<_> = rig.commands[before..]
        .windows(2)
        .filter(|w| w[1].gripper.width_m - w[0].gripper.width_m > 1.1 * GRIP_SPEED * 1e-3)
        .map(|w| [w[0].gripper.force_n, w[1].gripper.force_n])
        .collect();
    assert!(matches!(leaps[..], [[first, 0.0]] if first <= 1.0), "{leaps:?}");
    check_differences(&rig.arm.clone(), &rig.commands);
    // A stop while it lets go: it holds on.
    for ms in [2, 5, 10, 15] {
        let mut rig = Rig::active(arm());
        grip(&mut rig, 0.0, 30.0);
        (0..900).for_each(|_| holds(&mut rig));
        grip(&mut rig, WIDTH, 30.0);
        (0..ms).for_each(|_| holds(&mut rig));
        rig.handle.stop(StopCategory::Two);
        (0..100).for_each(|_| holds(&mut rig));
        assert_eq!(told(&rig), GripperCommand { width_m: 0.0, force_n: 30.0 }, "{ms} ms");
        check_differences(&rig.arm.clone(), &rig.commands);
    }
}

#[test]
fn a_measured_width_that_no_gripper_has_says_nothing() {
    for width_m in [7.0, -1.0, 1.001 * WIDTH] {
        let mut rig = Rig::active(arm());
        grip(&mut rig, 0.0, 10.0);
        rig.ticks(3000);
        rig.state.gripper.width_m = width_m;
        grip(&mut rig, 0.02, 10.0);
        let before = rig.commands.len();
        for _ in 0..300 {
            rig.state.gripper.width_m = width_m;
            rig.tick();
        }
        assert!(
            rig.commands[before..].iter().all(|c| c.gripper.width_m <= 0.02 && c.gripper.force_n == 10.0)
        );
        assert_eq!(told(&rig).width_m, 0.02);
    }
}

#[test]
fn a_stop_at_any_instant_halts_fingers_and_arm_smoothly() {
    for instant in (1..60).map(|k| 7 * k) {
        let mut rig = Rig::active(arm());
        let home = rig.hold_q();
        rig.follow(reach(&rig.arm.clone(), &home, 0.4, 1.5));
        grip(&mut rig, if instant % 2 == 0 { 0.0 } else { WIDTH }, 10.0);
        rig.ticks(instant);
        rig.handle.stop(StopCategory::Two);
        rig.tick();
        rig.until(Mode::Hold);
        rig.ticks(50);
        let last = &rig.commands[rig.commands.len() - 10..];
        assert!(last.iter().all(|c| c.gripper == last[0].gripper), "{instant}");
        check_differences(&rig.arm.clone(), &rig.commands);
    }
}
