//! The same at every rate of the loop from 100 Hz to 4 kHz: whatever is ordered, stopped or in the way when, every
//! command within every limit, stops as short, and the goal reached.

use crate::common::plant::Plant;
use crate::common::{FRANKA, N, Rig, arm, arm_with, check_differences, reach, solid_arm, wiggle};
use crate::filter::{Judge, ball, tool, world};
use control::{Cause, Chunk, Config, Mode, Motion, Report, Request, Twist, TwistAxes};
use mechanics::{Arm, ArmData};
use std::sync::Arc;
use types::{Drive, JointCommand, JointVector, RobotProfile, StopCategory};

/// Beside the thousand that all other tests run at.
const RATES: [f64; 5] = [100.0, 250.0, 500.0, 2000.0, 4000.0];

fn rig(arm: &Arc<Arm>, hz: f64) -> Rig {
    Rig::active_with(arm.clone(), Config { period_s: 1.0 / hz, ..Config::default() })
}

/// An arm that goes where it is told at once: its own controllers see to that, and measure no torques.
fn exact(arm: &Arc<Arm>, hz: f64) -> Rig {
    let profile = RobotProfile { drive: Drive::Position, ..arm.profile().clone() };
    let arm = Arc::new(Arm::new(arm.model().clone(), profile).expect("a valid arm"));
    let mut rig = Rig::with(arm, Config { period_s: 1.0 / hz, ..Config::default() });
    rig.senses = false;
    rig.activated()
}

/// Numbers between −1 and 1, the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }

    fn joints(&mut self, by: f64) -> JointVector {
        JointVector::from_fn(N, |_| by * self.next())
    }
}

fn fastest(c: &JointCommand) -> f64 {
    c.dq.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
}

/// I2, and that what is told is one motion: between two commands their speeds make the way, and their accelerations
/// the change of speed, but for what the jerk between them may.
fn check(rig: &Rig) {
    check_differences(&rig.arm, &rig.commands);
    for w in rig.commands.windows(2).filter(|w| w[0].enabled && w[1].enabled) {
        let (a, b) = (&w[0], &w[1]);
        let dt = b.stamp.secs_since(a.stamp);
        for (i, l) in rig.arm.limits().iter().enumerate() {
            let way = (b.q[i] - a.q[i]) - 0.5 * dt * (a.dq[i] + b.dq[i]);
            let faster = (b.dq[i] - a.dq[i]) - 0.5 * dt * (a.ddq[i] + b.ddq[i]);
            assert!(way.abs() <= 1.01 * l.jerk * dt * dt * dt / 6.0 + 1e-9, "a leap of joint {i} by {way}");
            assert!(
                faster.abs() <= 0.51 * l.jerk * dt * dt + 1e-9,
                "a leap of joint {i}'s speed by {faster}"
            );
        }
    }
    // A chunk may find no way over from what the arm does.
    let is_wrong = |r: &Report| match r {
        Report::Refused { request, .. } => *request != Request::Chunk,
        Report::Fault { .. } | Report::Mode { cause: Cause::Limit, .. } => true,
        _ => false,
    };
    assert!(!rig.has(is_wrong), "{:?}", rig.reports);
}

/// Orders it every 20 ms for so many seconds.
fn steer(rig: &mut Rig, motion: &Motion, seconds: f64) {
    for _ in 0..(seconds / 0.02).round() as u32 {
        rig.submit(motion.clone()).expect("well-formed");
        rig.seconds(0.02);
    }
}

/// Seconds until it stands in `mode`.
fn until(rig: &mut Rig, mode: Mode) -> f64 {
    rig.until(mode) as f64 * rig.period.as_secs_f64()
}

#[test]
fn at_every_rate_a_trajectory_is_followed_to_its_end_in_the_same_time() {
    let arm = arm();
    for seed in 1..=4 {
        let run = |hz: f64| {
            let mut dice = Dice(seed);
            let mut rig = exact(&arm, hz);
            let home = rig.hold_q();
            let seeds: Vec<f64> = (0..20).map(|_| dice.next()).collect();
            let way = wiggle(&arm, &home, &seeds, 0.6 + 0.1 * seed as f64);
            let end = way.sample(way.duration()).q;
            let id = rig.follow(way);
            rig.seconds(0.2);
            // Slower and faster under way.
            rig.handle.slow(0.5 + 0.4 * dice.next());
            rig.seconds(0.2);
            rig.handle.slow(1.0);
            let took = until(&mut rig, Mode::Hold);
            assert!(rig.has(|r| *r == Report::Finished(id)), "{hz} Hz");
            assert!(rig.hold_q().max_abs_diff(&end) < 1e-9, "{hz} Hz");
            check(&rig);
            took
        };
        let at_usual = run(1000.0);
        for hz in RATES {
            let took = run(hz);
            assert!(
                (took - at_usual).abs() < 0.05 * at_usual + 3.0 / hz,
                "{hz} Hz: {took}, not {at_usual} s"
            );
        }
    }
}

#[test]
fn at_every_rate_the_arm_goes_where_it_is_steered_and_stands_when_the_stick_does() {
    let arm = arm();
    for hz in RATES {
        for seed in 1..=3 {
            let mut dice = Dice(seed);
            let mut rig = exact(&arm, hz);
            for k in 0..12 {
                let axes = if k % 2 == 0 { TwistAxes::World } else { TwistAxes::Tool };
                let twist = Twist {
                    linear_m_s: [0; 3].map(|_| 0.5 * dice.next()),
                    angular_rad_s: [0; 3].map(|_| dice.next()),
                    axes,
                };
                let speeds = Motion::Velocity(dice.joints(1.5));
                let motion = if k % 3 == 2 { speeds } else { Motion::Twist(twist) };
                steer(&mut rig, &motion, 0.1 + 0.1 * dice.next().abs());
            }
            let wanted = dice.joints(0.3);
            steer(&mut rig, &Motion::Velocity(wanted), 0.6);
            let speed = rig.commands.last().expect("some").dq;
            assert!(speed.max_abs_diff(&wanted) < 2e-3, "{hz} Hz: {speed:?}, not {wanted:?}");
            steer(&mut rig, &Motion::Velocity(JointVector::zeros(N)), 0.5);
            assert_eq!(fastest(rig.commands.last().expect("some")), 0.0, "{hz} Hz");
            rig.until(Mode::Hold);
            check(&rig);
        }
    }
}

#[test]
fn at_every_rate_targets_are_reached_one_after_another_in_the_same_time() {
    let arm = arm();
    for seed in 1..=4 {
        let run = |hz: f64| {
            let mut dice = Dice(seed);
            let mut rig = exact(&arm, hz);
            let home = rig.hold_q();
            // The first is not waited for.
            let [first, second] =
                [dice.joints(0.5), dice.joints(0.5)].map(|by| JointVector::from_fn(N, |i| home[i] + by[i]));
            rig.submit(Motion::Joints(first)).expect("fine");
            rig.seconds(0.25);
            let id = rig.submit(Motion::Joints(second)).expect("fine");
            rig.tick();
            let took = until(&mut rig, Mode::Hold);
            assert!(rig.has(|r| *r == Report::Finished(id)), "{hz} Hz");
            assert!(rig.hold_q().max_abs_diff(&second) < 2e-4, "{hz} Hz");
            check(&rig);
            took
        };
        let at_usual = run(1000.0);
        for hz in RATES {
            let took = run(hz);
            assert!((took - at_usual).abs() < 0.1 * at_usual + 3.0 / hz, "{hz} Hz: {took}, not {at_usual} s");
        }
    }
}

/// Sets the arm in motion in one of three ways.
fn set_out(rig: &mut Rig, kind: usize, seconds: f64) {
    let home = rig.hold_q();
    match kind {
        0 => {
            rig.follow(reach(&rig.arm.clone(), &home, 1.2, 1.3));
            rig.seconds(seconds);
        }
        1 => steer(rig, &Motion::Velocity(JointVector::from_fn(N, |i| 0.9 - 0.2 * i as f64)), seconds),
        _ => {
            let to = JointVector::from_fn(N, |i| home[i] + 0.9 - 0.2 * i as f64);
            rig.submit(Motion::Joints(to)).expect("fine");
            rig.seconds(seconds);
        }
    }
}

#[test]
fn at_every_rate_a_stop_of_any_category_at_any_instant_is_as_short() {
    let arm = arm();
    for category in [StopCategory::Two, StopCategory::One, StopCategory::Zero] {
        for kind in 0..3 {
            for instant in (1..=12).map(|k| 0.08 * f64::from(k)) {
                let run = |hz: f64| {
                    let mut rig = exact(&arm, hz);
                    set_out(&mut rig, kind, instant);
                    rig.handle.stop(category);
                    let first = rig.tick();
                    assert_eq!(first.enabled, category != StopCategory::Zero, "{hz} Hz");
                    let rest = match category {
                        StopCategory::Two => Mode::Hold,
                        _ => Mode::Fault { powered: false },
                    };
                    let took = until(&mut rig, rest);
                    check(&rig);
                    took
                };
                let at_usual = run(1000.0);
                for hz in RATES {
                    let took = run(hz);
                    let most = 1.1 * at_usual + 3.0 / hz;
                    assert!(took <= most, "{hz} Hz, {kind} after {instant} s: {took}, not {at_usual} s");
                }
            }
        }
    }
}

#[test]
fn at_every_rate_one_motion_takes_over_from_another_at_any_instant() {
    let arm = arm();
    for hz in RATES {
        let mut n_chunks = 0;
        for seed in 1..=6 {
            let mut dice = Dice(seed);
            let mut rig = exact(&arm, hz);
            let home = rig.hold_q();
            set_out(&mut rig, (seed % 3) as usize, 0.1 + 0.6 * dice.next().abs());
            for k in 0..6 {
                let wait = 0.06 + 0.2 * dice.next().abs();
                match (k + seed) % 3 {
                    0 => steer(&mut rig, &Motion::Velocity(dice.joints(0.5)), wait),
                    2 => {
                        let by = dice.joints(0.6);
                        let to = JointVector::from_fn(N, |i| home[i] + by[i]);
                        rig.submit(Motion::Joints(to)).expect("fine");
                        rig.seconds(wait);
                    }
                    _ => {
                        // What a policy would want next: on from here as it goes, and slower.
                        let last = *rig.commands.last().expect("some");
                        let on = |k: u32| {
                            let t = f64::from(k) / 30.0;
                            JointVector::from_fn(N, |i| last.q[i] + last.dq[i] * t * (1.0 - 0.7 * t))
                        };
                        let chunk =
                            Chunk { points: (0..20).map(on).collect(), period_s: 1.0 / 30.0, grip: None };
                        let id = rig.submit(Motion::Chunk(chunk)).expect("well-formed");
                        // Before the velocity is over that it may not take over from.
                        rig.seconds(0.07);
                        n_chunks += u32::from(rig.has(|r| *r == Report::Started(id)));
                    }
                }
            }
            let by = dice.joints(0.4);
            let end = JointVector::from_fn(N, |i| home[i] + by[i]);
            let id = rig.submit(Motion::Joints(end)).expect("fine");
            rig.tick();
            rig.until(Mode::Hold);
            assert!(rig.has(|r| *r == Report::Finished(id)), "{hz} Hz, {seed}: {:?}", rig.reports);
            assert!(rig.hold_q().max_abs_diff(&end) < 2e-4, "{hz} Hz, {seed}");
            check(&rig);
        }
        assert!(n_chunks > 3, "{hz} Hz: {n_chunks} chunks found a way");
    }
}

#[test]
fn at_every_rate_the_arm_waits_before_what_appears_in_its_way_and_goes_on_when_it_is_gone() {
    let arm = solid_arm();
    for hz in RATES {
        for (kind, delay) in [(0, 0.3), (0, 0.6), (1, 0.3), (2, 0.3)] {
            let mut rig = exact(&arm, hz);
            let home = rig.hold_q();
            let to = JointVector::from_fn(N, |i| home[i] + 0.8);
            let way = reach(&arm, &home, 0.8, 2.0);
            let things = [ball(tool(&arm, &way.sample(1.4).q), 0.05, 0.02, 0.0)];
            let mut judge = Judge::new(&arm, &things);
            let towards = Motion::Velocity(JointVector::from_fn(N, |_| 0.4));
            match kind {
                0 => _ = rig.follow(way),
                1 => steer(&mut rig, &towards, delay),
                _ => _ = rig.submit(Motion::Joints(to)).expect("fine"),
            }
            if kind != 1 {
                rig.seconds(delay);
            }
            rig.handle.watch(world(rig.now, 100.0, &things)).expect("a world");
            let before = rig.commands.len();
            if kind == 1 {
                steer(&mut rig, &towards, 2.0)
            } else {
                rig.seconds(3.0)
            }
            let nearest = rig.commands[before..]
                .iter()
                .step_by((hz / 100.0) as usize)
                .map(|c| judge.distance(&arm, &c.q))
                .fold(f64::INFINITY, f64::min);
            assert!((0.0199..0.06).contains(&nearest), "{hz} Hz, {kind}: {nearest} m, asked to keep 0.02 m");
            assert_eq!(fastest(rig.commands.last().expect("some")), 0.0, "{hz} Hz, {kind}: it waits");
            rig.handle.watch(world(rig.now, 100.0, &[])).expect("a world");
            if kind == 1 {
                steer(&mut rig, &towards, 0.3);
                assert!(fastest(rig.commands.last().expect("some")) > 0.2, "{hz} Hz: it goes on");
                steer(&mut rig, &Motion::Velocity(JointVector::zeros(N)), 0.4);
            }
            rig.until(Mode::Hold);
            assert!(kind == 1 || rig.hold_q().max_abs_diff(&to) < 2e-4, "{hz} Hz, {kind}");
            check(&rig);
        }
    }
}

#[test]
fn at_every_rate_every_limit_holds_for_arms_quick_and_dull_whatever_is_slowed_or_stopped_when() {
    for hz in RATES {
        for seed in 1..=48 {
            let mut dice = Dice(seed);
            let scales = [0.6, 0.6, 0.5].map(|middle| middle + (1.0 - middle) * dice.next());
            let quick = arm_with(|p| {
                let list = |k: usize| FRANKA.iter().map(|l| l[k] * scales[k]).collect();
                (p.velocity, p.acceleration, p.jerk) = (list(0), list(1), list(2));
                p.drive = Drive::Position;
            });
            // Every other one hears each command late, and goes on meanwhile.
            let coast_s = if seed % 2 == 0 { 0.05 } else { 0.0 };
            let config = Config { period_s: 1.0 / hz, coast_s, ..Config::default() };
            let mut rig = Rig::with(quick.clone(), config);
            rig.senses = false;
            let mut rig = rig.activated();
            let home = rig.hold_q();
            let seeds: Vec<f64> = (0..14).map(|_| dice.next()).collect();
            rig.follow(wiggle(&quick, &home, &seeds, 0.65 + 0.35 * dice.next()));
            for _ in 0..4 {
                rig.seconds(0.15 + 0.1 * dice.next());
                rig.handle.slow(0.6 + 0.6 * dice.next());
            }
            rig.handle.slow(1.0);
            rig.seconds(0.1);
            rig.handle.stop(if seed % 3 == 0 { StopCategory::One } else { StopCategory::Two });
            rig.tick();
            while matches!(rig.mode(), Mode::Stopping(_)) {
                rig.tick();
            }
            check(&rig);
        }
    }
}

#[test]
fn at_every_rate_an_arm_of_flesh_and_blood_follows_what_it_is_told() {
    let arm = arm();
    for hz in RATES {
        let mut rig = rig(&arm, hz);
        let mut plant = Plant::new(&arm);
        let home = rig.hold_q();
        let mut off = 0.0_f64;
        let mut run = |rig: &mut Rig, seconds: f64| {
            for _ in 0..(seconds * hz).round() as u32 {
                let command = plant.tick(rig);
                off = off.max(plant.q().max_abs_diff(&command.q));
            }
        };
        rig.follow(reach(&arm, &home, 0.8, 1.5));
        run(&mut rig, 2.0);
        assert_eq!(rig.mode(), Mode::Hold, "{hz} Hz: {:?}", rig.reports);
        for k in 0..50 {
            let speed = if k < 30 { 0.6 } else { 0.0 };
            rig.submit(Motion::Velocity(JointVector::from_fn(N, |_| -speed))).expect("fine");
            run(&mut rig, 0.02);
        }
        rig.submit(Motion::Joints(home)).expect("fine");
        run(&mut rig, 3.0);
        assert_eq!(rig.mode(), Mode::Hold, "{hz} Hz: {:?}", rig.reports);
        println!("{hz} Hz: {off:.4} rad off");
        assert!(off < 0.05, "{hz} Hz: {off} rad off");
        assert!(plant.q().max_abs_diff(&home) < 0.01, "{hz} Hz");
        check(&rig);
    }
}

#[test]
fn at_every_rate_torques_that_an_arm_measures_on_its_way_are_no_contact_and_no_noise() {
    let arm = arm();
    for hz in RATES {
        for seed in 1..=3 {
            let mut dice = Dice(seed);
            let mut rig = exact(&arm, hz);
            let mut data = ArmData::new(&arm);
            let home = rig.hold_q();
            let seeds: Vec<f64> = (0..20).map(|_| dice.next()).collect();
            rig.follow(wiggle(&arm, &home, &seeds, 0.95));
            let mut ended = None;
            for k in 0..(6.0 * hz) as u32 {
                let c = *rig.commands.last().expect("some");
                let width = rig.state.gripper.width_m;
                mechanics::inverse_dynamics(&arm, &mut data, &c.q, &c.dq, &c.ddq, width, &mut rig.state.tau);
                rig.tick();
                if ended.is_none() && k > 10 && rig.mode() == Mode::Hold {
                    ended = Some(k);
                    let here = rig.hold_q();
                    let by = dice.joints(0.5);
                    rig.submit(Motion::Joints(JointVector::from_fn(N, |i| here[i] + by[i]))).expect("fine");
                }
            }
            check(&rig);
            assert_eq!(rig.mode(), Mode::Hold, "{hz} Hz");
        }
    }
}
