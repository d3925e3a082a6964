//! Chunks that move the gripper with the arm: its widths are handed over as the positions are, by how far the arm got.

use crate::common::{N, Rig, WIDTH, arm, check_differences};
use control::{
    Chunk, Grips, Groups, Lease, Mode, Motion, MotionId, Order, Owner, RefusedWhy, Report, Request,
    TickRecord,
};
use std::time::Duration;
use types::{Fault, JointVector, Rejection, Time};

const PERIOD_S: f64 = 1.0 / 30.0;
/// How fast every joint goes, rad/s.
const SPEED: f64 = 0.2;
const FORCE_N: f64 = 15.0;

/// Straight on from `phase` seconds behind where the arm stood, with widths by the same measure.
fn chunk(home: &JointVector, phase: f64, n: usize, width_m: impl Fn(f64) -> f64) -> Chunk {
    let at = |k: usize| phase + PERIOD_S * k as f64;
    let points = (0..n).map(|k| JointVector::from_fn(N, |j| home[j] + SPEED * at(k))).collect();
    let widths_m = (0..n).map(|k| width_m(at(k))).collect();
    Chunk { points, period_s: PERIOD_S, grip: Some(Grips { widths_m, force_n: FORCE_N }) }
}

/// How far along it is, seconds at its own speed.
fn phase(rig: &mut Rig, home: &JointVector) -> f64 {
    (rig.hold_q()[2] - home[2]) / SPEED
}

fn submit(rig: &mut Rig, lease: &mut Lease, stamp: Time, chunk: Chunk) -> Result<MotionId, Rejection> {
    let order = lease.order(stamp, Motion::Chunk(chunk));
    rig.handle.submit(Order { expires: stamp + Duration::from_secs(2), ..order })
}

fn claim(rig: &mut Rig, owner: Owner, groups: Groups) -> Lease {
    rig.handle.claim(rig.now, owner, groups, None).expect("sent")
}

fn run(rig: &mut Rig, lease: &Lease, ms: usize) {
    for _ in 0..ms {
        rig.handle.keep_alive(lease, rig.now);
        rig.tick();
    }
}

fn width(rig: &Rig) -> f64 {
    rig.commands.last().expect("some").gripper.width_m
}

#[test]
fn the_fingers_are_where_the_chunk_says_for_as_far_as_the_arm_has_got_and_stay_there_when_it_runs_dry() {
    // From 4 cm, where they stand, to 2 cm in the middle.
    let wanted = |phase: f64| 0.04 - 0.02 * ((phase - 0.6) / 1.0).clamp(0.0, 1.0);
    for slow in [1.0, 0.4] {
        let arm = arm();
        let mut rig = Rig::active(arm.clone());
        rig.handle.slow(slow);
        let home = rig.hold_q();
        let mut lease = claim(&mut rig, Owner::Policy, Groups::All);
        let now = rig.now;
        submit(&mut rig, &mut lease, now, chunk(&home, 0.0, 60, wanted)).expect("a chunk");
        let mut closed_under_way = 0;
        for _ in 0..6000 {
            run(&mut rig, &lease, 1);
            let (at, told) = (phase(&mut rig, &home), width(&rig));
            // It is behind what moves on by as long as it takes to set out.
            assert!((told - wanted(at)).abs() < 1.5e-3, "{told} at {at}, {}", wanted(at));
            let moves = rig.commands.last().is_some_and(|c| c.dq[0] > 0.5 * slow * SPEED);
            closed_under_way += usize::from(moves && told < 0.035 && told > 0.021);
        }
        assert!(closed_under_way > 400, "{closed_under_way}: it closes while it moves");
        let dry = |r: &Report| matches!(r, Report::Fault { fault: Fault::F4ChunksDry, latched: false });
        assert!(rig.has(dry) && rig.mode() == Mode::Follow, "{:?}", rig.reports);
        let last = rig.commands.last().expect("some").gripper;
        assert!((last.width_m - 0.02).abs() < 1e-9 && last.force_n == FORCE_N, "{last:?}");
        // A chunk that says nothing of them leaves them there.
        let (seen, now) = (phase(&mut rig, &home), rig.now);
        let on = Chunk { grip: None, ..chunk(&home, seen, 40, |_| 0.0) };
        submit(&mut rig, &mut lease, now, on).expect("a chunk");
        run(&mut rig, &lease, 600);
        assert!(phase(&mut rig, &home) > seen + 0.05 && width(&rig) == last.width_m);
        check_differences(&arm, &rig.commands);
    }
}

/// A chunk with the fingers at 3 cm; then one that was made for 0.3 s before, whose first widths are over by then.
fn delayed(mut rig: Rig) -> Rig {
    let home = rig.hold_q();
    let mut lease = claim(&mut rig, Owner::Policy, Groups::All);
    let now = rig.now;
    submit(&mut rig, &mut lease, now, chunk(&home, 0.0, 90, |_| 0.03)).expect("a chunk");
    run(&mut rig, &lease, 700);
    let (seen, stamp) = (phase(&mut rig, &home), rig.now);
    run(&mut rig, &lease, 300);
    let late = chunk(&home, seen, 80, |at| if at < seen + 0.2 { WIDTH } else { 0.05 });
    submit(&mut rig, &mut lease, stamp, late).expect("a chunk");
    run(&mut rig, &lease, 900);
    rig
}

#[test]
fn of_a_chunk_that_comes_late_what_is_over_is_left_out_of_the_fingers_course_too_and_it_is_repeated_to_the_bit()
 {
    let rig = delayed(Rig::active(arm()).recorded());
    let widths = || rig.commands.iter().map(|c| c.gripper.width_m);
    let (widest, closest) = (widths().fold(0.0, f64::max), widths().fold(1.0, f64::min));
    assert!(widest <= 0.05 + 1e-9, "{widest}: what it should have done before is past");
    assert!((closest - 0.03).abs() < 1e-9 && (width(&rig) - 0.05).abs() < 1e-9, "{closest}, {}", width(&rig));
    let begun = |r: &&Report| matches!(r, Report::Started(_));
    assert_eq!(rig.reports.iter().filter(begun).count(), 2, "{:?}", rig.reports);
    assert!(!rig.has(|r| matches!(r, Report::Refused { .. } | Report::Stopped { .. })), "{:?}", rig.reports);
    check_differences(&rig.arm, &rig.commands);
    let first: Vec<TickRecord> = rig.records.clone();
    let mut again = Rig::active(arm()).recorded();
    again.repeats = first.iter().copied().collect();
    assert_eq!(delayed(again).records, first);
}

#[test]
fn whose_lease_covers_the_arm_alone_is_told_that_it_lacks_the_gripper_and_moves_neither() {
    for other in [None, Some(Owner::Policy), Some(Owner::Human)] {
        let mut rig = Rig::active(arm());
        let home = rig.hold_q();
        let mut lease = claim(&mut rig, Owner::Policy, Groups::Arm);
        // Another lease of its own does not help, nor does anybody else's.
        let _other = other.map(|owner| claim(&mut rig, owner, Groups::Gripper));
        let now = rig.now;
        let id = submit(&mut rig, &mut lease, now, chunk(&home, 0.0, 60, |_| 0.0)).expect("well-formed");
        run(&mut rig, &lease, 300);
        let refused = Report::Refused { id: Some(id), request: Request::Chunk, why: RefusedWhy::NoGripper };
        assert!(rig.has(|r| *r == refused), "{:?}", rig.reports);
        assert!(rig.hold_q() == home && rig.mode() == Mode::Hold);
        assert!(rig.commands.iter().all(|c| c.gripper.width_m == rig.commands[0].gripper.width_m));
        // Its number is not used up by that, and without the fingers it goes.
        let now = rig.now;
        let alone = Chunk { grip: None, ..chunk(&home, 0.0, 60, |_| 0.0) };
        submit(&mut rig, &mut lease, now, alone).expect("well-formed");
        run(&mut rig, &lease, 300);
        assert_eq!(rig.mode(), Mode::Follow, "{:?}", rig.reports);
    }
}

#[test]
fn who_loses_the_gripper_in_the_middle_of_a_chunk_comes_to_rest_and_the_fingers_with_it() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let mut lease = claim(&mut rig, Owner::Policy, Groups::All);
    let now = rig.now;
    submit(&mut rig, &mut lease, now, chunk(&home, 0.0, 90, |at| 0.04 - 0.03 * at.min(1.0)))
        .expect("a chunk");
    run(&mut rig, &lease, 700);
    let before = width(&rig);
    let mut person = claim(&mut rig, Owner::Human, Groups::Gripper);
    run(&mut rig, &person, 400);
    assert!(rig.has(|r| *r == Report::Lost(lease.id())) && rig.mode() == Mode::Hold, "{:?}", rig.reports);
    assert!(before - width(&rig) < 3e-3, "{before}, {}", width(&rig));
    let wide = Motion::Grip(types::GripperCommand { width_m: 0.06, force_n: 5.0 });
    let order = person.order(rig.now, wide);
    rig.handle.submit(order).expect("fine");
    run(&mut rig, &person, 800);
    assert!((width(&rig) - 0.06).abs() < 1e-9, "{}", width(&rig));
    check_differences(&arm, &rig.commands);
}

#[test]
fn widths_and_forces_that_cannot_be_are_refused_by_name() {
    let mut rig = Rig::active(arm());
    let home = rig.hold_q();
    let good = chunk(&home, 0.0, 60, |_| 0.03);
    let with = |change: &dyn Fn(&mut Grips)| {
        let mut chunk = good.clone();
        change(chunk.grip.as_mut().expect("it grips"));
        Motion::Chunk(chunk)
    };
    for (motion, field) in [
        (with(&|g| g.widths_m[3] = f64::NAN), "chunk.grip.widths_m[3]"),
        (with(&|g| g.widths_m[9] = f64::INFINITY), "chunk.grip.widths_m[9]"),
        (with(&|g| g.widths_m[0] = -1e-3), "chunk.grip.widths_m[0]"),
        (with(&|g| g.widths_m[4] = WIDTH + 1e-3), "chunk.grip.widths_m[4]"),
        (with(&|g| g.widths_m.truncate(9)), "chunk.grip.widths_m"),
        (with(&|g| g.widths_m.push(0.03)), "chunk.grip.widths_m"),
        (with(&|g| g.widths_m.clear()), "chunk.grip.widths_m"),
        (with(&|g| g.force_n = f64::NAN), "chunk.grip.force_n"),
        (with(&|g| g.force_n = -1.0), "chunk.grip.force_n"),
        (with(&|g| g.force_n = 1e3), "chunk.grip.force_n"),
    ] {
        let refused = rig.submit(motion).expect_err(field);
        assert_eq!(refused.field, field, "{refused}");
    }
    rig.ticks(20);
    assert_eq!(rig.mode(), Mode::Hold);
    rig.submit(Motion::Chunk(good)).expect("fine");
    rig.ticks(20);
    assert_eq!(rig.mode(), Mode::Follow);
}

#[test]
fn whoever_owns_both_orders_the_fingers_otherwise_in_the_middle_of_a_chunk_or_at_its_end_and_the_chunk_leaves_them()
 {
    // Under way, and dry.
    for ms in [700, 5000] {
        let arm = arm();
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        let mut lease = claim(&mut rig, Owner::Policy, Groups::All);
        let now = rig.now;
        submit(&mut rig, &mut lease, now, chunk(&home, 0.0, 60, |at| 0.04 - 0.02 * at.min(1.0)))
            .expect("a chunk");
        run(&mut rig, &lease, ms);
        assert_eq!(rig.mode(), Mode::Follow);
        let lets_go = Motion::Grip(types::GripperCommand { width_m: 0.06, force_n: 5.0 });
        let order = lease.order(rig.now, lets_go);
        rig.handle.submit(order).expect("fine");
        let before = phase(&mut rig, &home);
        run(&mut rig, &lease, 900);
        assert!((width(&rig) - 0.06).abs() < 1e-9, "{ms}: {}", width(&rig));
        assert!(ms > 1000 || phase(&mut rig, &home) > before + 0.5, "the arm goes on");
        // The next chunk has them again.
        let (seen, now) = (phase(&mut rig, &home), rig.now);
        submit(&mut rig, &mut lease, now, chunk(&home, seen, 40, |_| 0.03)).expect("a chunk");
        run(&mut rig, &lease, 900);
        assert!((width(&rig) - 0.03).abs() < 1e-9, "{ms}: {}", width(&rig));
        check_differences(&arm, &rig.commands);
    }
}
