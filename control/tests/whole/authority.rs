//! Who may move the arm: leases, ranks, silence, old and repeated orders (I4, F2, F5, F37).

use crate::common::{N, Rig, arm, check_differences, reach};
use control::{Cause, Compliance, Groups, Lease, Mode, Motion, Order, Owner, RefusedWhy, Report, Request};
use std::time::Duration;
use types::{GripperCommand, JointVector, StopCategory};

fn refused(rig: &Rig, request: Request, why: RefusedWhy) -> usize {
    let is_it =
        |r: &&Report| matches!(r, Report::Refused { request: q, why: w, .. } if *q == request && *w == why);
    rig.reports.iter().filter(is_it).count()
}

fn claim(rig: &mut Rig, owner: Owner, groups: Groups) -> Lease {
    rig.handle.claim(rig.now, owner, groups, None).expect("sent")
}

#[test]
fn a_lease_has_one_holder_and_a_higher_rank_takes_it() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let policy = claim(&mut rig, Owner::Policy, Groups::Arm);
    claim(&mut rig, Owner::Policy, Groups::Arm);
    rig.tick();
    assert!(rig.has(|r| *r == Report::Granted(policy.id())));
    assert_eq!(refused(&rig, Request::Claim, RefusedWhy::Owned), 1, "one holder at most");
    let mut fingers = claim(&mut rig, Owner::Script, Groups::Gripper);
    let mut planner = claim(&mut rig, Owner::Planner, Groups::Arm);
    rig.tick();
    assert!(rig.has(|r| *r == Report::Lost(policy.id())) && rig.has(|r| *r == Report::Granted(planner.id())));
    let home = rig.hold_q();
    let order = planner.order(rig.now, Motion::Follow(reach(&arm, &home, 0.3, 1.0)));
    rig.handle.submit(order).expect("fine");
    let grip = fingers.order(rig.now, Motion::Grip(GripperCommand { width_m: 0.01, force_n: 5.0 }));
    rig.handle.submit(grip).expect("fine");
    rig.tick();
    assert_eq!(rig.mode(), Mode::Follow);
    assert!(!rig.has(|r| matches!(r, Report::Refused { request: Request::Grip, .. })), "each its own group");
    // A person takes over: what moves comes to rest along its path, nothing latches.
    rig.handle.keep_alive(&planner, rig.now);
    rig.ticks(150);
    let human = claim(&mut rig, Owner::Human, Groups::Arm);
    rig.tick();
    assert_eq!(rig.mode(), Mode::Stopping(StopCategory::Two));
    rig.until(Mode::Hold);
    assert!(rig.has(|r| matches!(r, Report::Stopped { cause: Cause::Preempted, .. })));
    assert!(rig.has(|r| *r == Report::Lost(planner.id())) && rig.has(|r| *r == Report::Granted(human.id())));
    let here = rig.hold_q();
    let order = planner.order(rig.now, Motion::Follow(reach(&arm, &here, 0.1, 1.0)));
    rig.handle.submit(order).expect("well-formed");
    rig.tick();
    assert_eq!(refused(&rig, Request::Follow, RefusedWhy::NoLease), 1, "I4");
    assert_eq!(rig.mode(), Mode::Hold);
    check_differences(&arm, &rig.commands);
}

#[test]
fn f2_f5_f37_old_repeated_and_early_orders_move_nothing() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let mut lease = claim(&mut rig, Owner::Planner, Groups::All);
    let go = |by: f64| Motion::Follow(reach(&arm, &home, by, 0.6));
    let first = lease.order(rig.now, go(0.2));
    let second = lease.order(rig.now, Motion::Hold);
    rig.handle.submit(second.clone()).expect("well-formed");
    rig.tick();
    rig.handle.submit(first.clone()).expect("well-formed");
    rig.handle.submit(second).expect("well-formed");
    rig.tick();
    assert_eq!(refused(&rig, Request::Follow, RefusedWhy::Replayed), 1, "F5: out of order");
    assert_eq!(refused(&rig, Request::Hold, RefusedWhy::Replayed), 1, "F37: twice");
    // F2: a planner that hung sends what it had decided then.
    let old = lease.order(rig.now, go(0.2));
    for _ in 0..150 {
        rig.handle.keep_alive(&lease, rig.now);
        rig.tick();
    }
    rig.handle.submit(old).expect("well-formed");
    rig.tick();
    assert_eq!(refused(&rig, Request::Follow, RefusedWhy::Stale), 1, "F2");
    // One whose time has not come waits for it, unless a later one takes its place.
    let later = |order: Order, ms: u64| Order {
        valid_from: order.valid_from + Duration::from_millis(ms),
        expires: order.expires + Duration::from_millis(ms),
        ..order
    };
    let early = later(lease.order(rig.now, go(0.2)), 50);
    let replaced = rig.handle.submit(early).expect("well-formed");
    let early = later(lease.order(rig.now, go(0.1)), 50);
    let id = rig.handle.submit(early).expect("well-formed");
    for _ in 0..49 {
        rig.handle.keep_alive(&lease, rig.now);
        rig.tick();
        assert_eq!(rig.mode(), Mode::Hold);
    }
    rig.ticks(3);
    assert_eq!(rig.mode(), Mode::Follow);
    assert!(rig.has(|r| *r == Report::Started(id)));
    let why = RefusedWhy::Replaced;
    assert!(rig.has(|r| *r == Report::Refused { id: Some(replaced), request: Request::Follow, why }));
}

#[test]
fn i6_a_stop_ends_only_under_a_fresh_lease() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let mut lease = claim(&mut rig, Owner::Planner, Groups::All);
    let order = lease.order(rig.now, Motion::Follow(reach(&arm, &home, 0.3, 1.0)));
    rig.handle.submit(order).expect("fine");
    rig.ticks(100);
    rig.handle.stop(StopCategory::Two);
    rig.until(Mode::Hold);
    let here = rig.hold_q();
    let again = Motion::Follow(reach(&arm, &here, 0.1, 1.0));
    let order = lease.order(rig.now, again.clone());
    rig.handle.submit(order).expect("well-formed");
    rig.tick();
    assert_eq!(refused(&rig, Request::Follow, RefusedWhy::NoLease), 1, "I6");
    let mut fresh = claim(&mut rig, Owner::Planner, Groups::All);
    let order = fresh.order(rig.now, again);
    rig.handle.submit(order).expect("fine");
    rig.tick();
    assert_eq!(rig.mode(), Mode::Follow);
    // Given back under way it comes to rest, and latches nothing.
    rig.handle.release(rig.now, &fresh).expect("sent");
    rig.until(Mode::Hold);
    assert!(rig.has(|r| matches!(r, Report::Stopped { cause: Cause::Released, .. })));
    check_differences(&arm, &rig.commands);
}

#[test]
fn a_compliance_waits_for_its_time_as_everything_does() {
    let mut rig = Rig::active(arm());
    let stiffness = JointVector::from_fn(N, |_| 50.0);
    let soft = Compliance::Joints { stiffness, damping_ratio: 1.0, most: JointVector::from_fn(N, |_| 5.0) };
    let mut lease = rig.handle.claim(rig.now, Owner::Human, Groups::All, None).expect("sent");
    let order = lease.order(rig.now, Motion::Comply(soft));
    let then = rig.now + Duration::from_millis(50);
    let order = Order { valid_from: then, expires: then + Duration::from_millis(50), ..order };
    let id = rig.handle.submit(order).expect("fine");
    rig.lease = Some(lease);
    rig.ticks(49);
    assert!(!rig.has(|r| *r == Report::Started(id)), "too early");
    rig.ticks(3);
    assert!(rig.has(|r| *r == Report::Started(id)), "{:?}", rig.reports);
}

#[test]
fn f1_the_strict_profile_stops_after_twenty_milliseconds_of_silence() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let mut lease = rig.handle.claim(rig.now, Owner::Planner, Groups::Arm, Some(0.02)).expect("sent");
    let order = lease.order(rig.now, Motion::Follow(reach(&arm, &home, 0.3, 1.0)));
    rig.handle.submit(order).expect("fine");
    for _ in 0..100 {
        rig.handle.keep_alive(&lease, rig.now);
        rig.tick();
    }
    assert_eq!(rig.mode(), Mode::Follow);
    let n = rig.until(Mode::Stopping(StopCategory::Two));
    assert!((19..=22).contains(&n), "{n} ms");
    rig.until(Mode::Fault { powered: true });
    for deadline_s in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
        let claim = rig.handle.claim(rig.now, Owner::Human, Groups::Arm, Some(deadline_s));
        assert_eq!(claim.expect_err("no deadline").field, "lease.deadline_s", "B23");
    }
}
