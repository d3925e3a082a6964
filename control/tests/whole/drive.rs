//! Robots that are told velocities or positions, and what cannot be asked of them.

use crate::common::{N, Rig, arm_with, check_differences, reach};
use control::{Cause, Compliance, Mode, Motion, Report};
use std::time::Duration;
use types::{Drive, Fault, JointCommand, JointState, JointVector, StopCategory};

fn rig(drive: Drive) -> Rig {
    Rig::active(arm_with(|profile| profile.drive = drive))
}

/// A millisecond of motors that go a little faster than they are told, and never quite stand.
fn drift(rig: &mut Rig, told: &JointCommand) {
    for j in 0..N {
        rig.state.dq[j] = 1.03 * told.dq[j] + 0.01;
        rig.state.q[j] += 1e-3 * rig.state.dq[j];
    }
}

#[test]
fn where_velocities_lead_is_put_right_within_every_limit() {
    let mut rig = rig(Drive::Velocity);
    let home = rig.hold_q();
    let id = rig.follow(reach(&rig.arm.clone(), &home, 0.8, 1.2));
    let (mut q, mut off) = (home, 0.0f64);
    let mut last: Option<JointVector> = None;
    for _ in 0..3000 {
        rig.state.q = q;
        let told = rig.tick();
        rig.state.q = q;
        drift(&mut rig, &told);
        q = rig.state.q;
        off = off.max(q.max_abs_diff(&told.q));
        if let Some(last) = last {
            for (j, l) in rig.arm.limits().iter().enumerate() {
                assert!((told.dq[j] - last[j]).abs() <= 1.001e-3 * l.acceleration, "joint {j}");
                assert!(told.dq[j].abs() <= l.velocity);
            }
        }
        last = Some(told.dq);
    }
    assert!(rig.has(|r| *r == Report::Finished(id)), "{:?}", rig.reports);
    assert_eq!(rig.mode(), Mode::Hold);
    // Told nothing but the way's own speeds they would be 24 mrad and 10 mrad per second off.
    assert!(off < 0.008, "{off} rad off");
    check_differences(&rig.arm, &rig.commands);
}

#[test]
fn a_torque_that_is_not_the_loops_own_is_no_fault() {
    for (drive, is_fault) in [(Drive::Torque, true), (Drive::Position, false), (Drive::Velocity, false)] {
        let mut rig = rig(drive);
        let home = rig.hold_q();
        rig.follow(reach(&rig.arm.clone(), &home, 0.3, 1.0));
        for _ in 0..200 {
            rig.tick();
            // A joint's controller gives a fifth of its limit more than the model asks for.
            rig.state.tau[3] += 0.2 * rig.arm.limits()[3].torque;
        }
        let tells = |r: &Report| {
            matches!(r, Report::Fault { fault: Fault::F17FollowingError | Fault::F19Runaway, .. })
        };
        assert_eq!(rig.has(tells), is_fault, "{drive:?}: {:?}", rig.reports);
        assert!(rig.reports.iter().filter(|r| tells(r)).count() <= 2, "each once: {:?}", rig.reports);
    }
}

#[test]
fn an_arm_that_measures_no_torques_is_not_taken_for_one_that_is_pushed() {
    for (senses, is_pushed) in [(false, false), (true, true)] {
        // So little counts as a contact that the arm's own weight is more.
        let mut rig = Rig::new(arm_with(|p| (p.drive, p.contact_share) = (Drive::Position, 0.01)));
        rig.tick();
        rig.handle.activate(rig.now).expect("sent");
        while rig.mode() != Mode::Hold {
            if !senses {
                rig.state.tau = JointVector::zeros(N);
            }
            rig.tick();
        }
        // Once a torque was measured, none is nothing that pushes back.
        let home = rig.hold_q();
        rig.follow(reach(&rig.arm.clone(), &home, 0.5, 1.0));
        for _ in 0..1200 {
            rig.state.tau = JointVector::zeros(N);
            rig.tick();
        }
        let tells = |r: &Report| matches!(r, Report::Stopped { cause: Cause::Fault(Fault::F21Contact), .. });
        assert_eq!(rig.has(tells), is_pushed, "{:?}", rig.reports);
    }
}

#[test]
fn only_a_robot_that_takes_torques_can_be_made_to_yield() {
    let every = |v: f64| JointVector::from_fn(N, |_| v);
    let soft = Compliance::Joints { stiffness: every(50.0), damping_ratio: 1.0, most: every(5.0) };
    for drive in [Drive::Position, Drive::Velocity] {
        let mut rig = rig(drive);
        let refusal = rig.submit(Motion::Comply(soft)).expect_err("it has no torques").to_string();
        assert!(refusal.contains("compliance") && refusal.contains("takes torques"), "{refusal}");
        rig.submit(Motion::Comply(Compliance::Stiff)).expect("it is");
    }
    rig(Drive::Torque).submit(Motion::Comply(soft)).expect("it can");
}

#[test]
fn f26_after_a_pause_the_first_velocity_is_that_of_the_arm_as_it_is_found() {
    let mut rig = rig(Drive::Velocity);
    let home = rig.hold_q();
    rig.follow(reach(&rig.arm.clone(), &home, 0.9, 1.2));
    rig.ticks(600);
    let fast = rig.commands.last().expect("some").dq.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    assert!(fast > 0.5, "{fast}");
    // Nobody ran for two seconds; the robot has braked by itself.
    rig.state.dq = JointVector::zeros(N);
    let now = rig.now + Duration::from_secs(2);
    let state = JointState { stamp: now, ..rig.state };
    for _ in 0..200 {
        let told = match rig.now < now {
            true => rig.tick_at(now, Some(state)),
            false => rig.tick(),
        };
        assert!(told.dq.iter().all(|v| v.abs() < 0.02), "F26: {:?}", told.dq);
    }
}

#[test]
fn f19_a_joint_whose_own_controller_runs_the_wrong_way_is_stopped_without_power() {
    for (brakes, category) in [(true, StopCategory::Zero), (false, StopCategory::One)] {
        let mut rig = Rig::active(arm_with(|p| (p.drive, p.brakes) = (Drive::Position, brakes)));
        let home = rig.hold_q();
        rig.follow(reach(&rig.arm.clone(), &home, 0.5, 1.5));
        rig.ticks(300);
        let mut away = rig.state.q[2];
        let mut seen = None;
        for k in 0..200 {
            away -= 1e-3 * 0.8;
            rig.state.q[2] = away;
            rig.state.dq[2] = -0.8;
            let told = rig.tick();
            rig.state.q[2] = away;
            if rig.has(|r| matches!(r, Report::Fault { fault: Fault::F19Runaway, latched: true })) {
                seen.get_or_insert(k);
            }
            if !told.enabled {
                break;
            }
        }
        assert!(seen.is_some_and(|k| k < 60), "F19: {seen:?} {:?}", rig.reports);
        let stop = |r: &Report| matches!(r, Report::Stopped { category: c, .. } if *c == category);
        rig.ticks(1500);
        assert!(rig.has(stop), "{:?}", rig.reports);
        assert_eq!(rig.mode(), Mode::Fault { powered: false });
    }
}
