//! What becomes of orders: whose they are, when they count, what waits for what.

use crate::common::{N, Rig, TICK, arm, check_differences, reach};
use control::{
    Cause, Compliance, Groups, Lease, Mode, Motion, MotionId, Order, Owner, RefusedWhy, Report, Request,
};
use std::time::Duration;
use types::{GripperCommand, JointVector, StopCategory, Time};

fn claim(rig: &mut Rig, owner: Owner, groups: Groups) -> Lease {
    rig.handle.claim(rig.now, owner, groups, None).expect("sent")
}

fn give(rig: &mut Rig, lease: &mut Lease, motion: Motion) -> MotionId {
    let order = lease.order(rig.now, motion);
    rig.handle.submit(order).expect("well-formed")
}

fn count(rig: &Rig, wanted: &Report) -> usize {
    rig.reports.iter().filter(|r| *r == wanted).count()
}

fn why(rig: &Rig, wanted: MotionId) -> Option<RefusedWhy> {
    rig.reports.iter().find_map(|r| match r {
        Report::Refused { id, why, .. } if *id == Some(wanted) => Some(*why),
        _ => None,
    })
}

fn close() -> Motion {
    Motion::Grip(GripperCommand { width_m: 0.0, force_n: 10.0 })
}

fn velocity(v: f64) -> Motion {
    Motion::Velocity(JointVector::from_fn(N, |_| v))
}

fn soft(k: f64) -> Compliance {
    let all = |v| JointVector::from_fn(N, |_| v);
    Compliance::Joints { stiffness: all(k), damping_ratio: 1.0, most: all(5.0) }
}

fn width(rig: &Rig) -> f64 {
    rig.commands[rig.commands.len() - 1].gripper.width_m
}

#[test]
fn a_lease_that_is_taken_or_given_back_is_lost_once_and_only_what_moves_under_it_stops() {
    // Whose the groups are, what is taken or given back, how many are lost, and whether the fingers stop.
    for (mine, taken, n_lost, fingers_stop) in [
        ([Groups::All, Groups::All], Some(Groups::Arm), [1, 0], true),
        ([Groups::All, Groups::All], Some(Groups::Gripper), [1, 0], true),
        ([Groups::All, Groups::All], Some(Groups::All), [1, 0], true),
        ([Groups::Arm, Groups::Gripper], Some(Groups::All), [1, 1], true),
        ([Groups::Arm, Groups::Gripper], Some(Groups::Arm), [1, 0], false),
        ([Groups::Arm, Groups::Gripper], Some(Groups::Gripper), [0, 1], true),
        ([Groups::All, Groups::All], None, [1, 0], true),
        ([Groups::Arm, Groups::Gripper], None, [1, 0], false),
    ] {
        let mut rig = Rig::active(arm());
        let mut first = claim(&mut rig, Owner::Script, mine[0]);
        let mut second =
            if mine[1] == Groups::All { None } else { Some(claim(&mut rig, Owner::Script, mine[1])) };
        give(&mut rig, second.as_mut().unwrap_or(&mut first), close());
        rig.ticks(20);
        rig.reports.clear();
        let before = width(&rig);
        match taken {
            Some(groups) => drop(claim(&mut rig, Owner::Human, groups)),
            None => rig.handle.release(rig.now, &first).expect("sent"),
        }
        rig.ticks(100);
        let lost = |lease: &Lease| count(&rig, &Report::Lost(lease.id()));
        assert_eq!(
            [lost(&first), second.as_ref().map_or(0, lost)],
            n_lost,
            "{mine:?}, {taken:?}: {:?}",
            rig.reports
        );
        // Within what it takes to come to rest from as fast as they are.
        let went = before - width(&rig);
        let expected = if fingers_stop { 0.0..3e-3 } else { 9e-3..0.01 };
        assert!(expected.contains(&went), "{mine:?}, {taken:?}: by {went} from {before}");
        assert!(!rig.has(|r| matches!(r, Report::Stopped { .. } | Report::Mode { .. })), "the arm stood");
    }
}

#[test]
fn an_order_counts_from_its_time_on_until_it_expires_and_no_longer() {
    let mut rig = Rig::active(arm());
    rig.ticks(300);
    let mut lease = claim(&mut rig, Owner::Planner, Groups::All);
    // An order is looked at one tick after it was sent: (stamp, expires) from then, microseconds.
    for (stamp, expires, refused) in [
        (0, 1, None),
        (0, 0, Some(RefusedWhy::Stale)),
        (5_000, 20_000, None),
        (5_001, 20_000, Some(RefusedWhy::FromFuture)),
        (-200_000, 1, None),
    ] {
        let at = |us: i64| Time::from_nanos(rig.now.as_nanos() + 1_000_000 + us * 1000);
        let order = lease.order(at(stamp), Motion::Hold);
        let order = Order { valid_from: at(stamp.min(-10)), expires: at(expires), ..order };
        let id = rig.handle.submit(order).expect("well-formed");
        rig.handle.keep_alive(&lease, rig.now);
        rig.tick();
        assert_eq!(why(&rig, id), refused, "{stamp}, {expires}");
        assert_eq!(count(&rig, &Report::Finished(id)), usize::from(refused.is_none()));
    }
    // One that waits for its time is over when that has passed meanwhile.
    let at = |rig: &Rig, ms: u64| rig.now + Duration::from_millis(ms);
    for group in [Motion::Hold, close()] {
        let order = lease.order(rig.now, group.clone());
        let order = Order { valid_from: at(&rig, 30), expires: at(&rig, 40), ..order };
        let id = rig.handle.submit(order).expect("well-formed");
        for _ in 0..5 {
            rig.handle.keep_alive(&lease, rig.now);
            rig.tick();
        }
        // The loop is away while it would have begun.
        let now = rig.now + Duration::from_millis(36);
        rig.tick_at(now, Some(types::JointState { stamp: now, ..rig.state }));
        assert_eq!(why(&rig, id), Some(RefusedWhy::Stale), "{group:?}");
    }
    // And one whose lease is lost meanwhile moves nothing.
    let order = lease.order(rig.now, close());
    let id =
        rig.handle.submit(Order { valid_from: at(&rig, 30), expires: at(&rig, 60), ..order }).expect("fine");
    rig.tick();
    claim(&mut rig, Owner::Human, Groups::All);
    rig.ticks(40);
    assert_eq!(why(&rig, id), Some(RefusedWhy::NoLease));
}

#[test]
fn what_waits_for_one_group_is_replaced_by_its_own_kind_alone() {
    let mut rig = Rig::active(arm());
    let mut lease = claim(&mut rig, Owner::Planner, Groups::All);
    let home = rig.hold_q();
    let early = |rig: &Rig, lease: &mut Lease, motion| {
        let order = lease.order(rig.now, motion);
        Order { valid_from: rig.now + Duration::from_millis(30), ..order }
    };
    let follow = early(&rig, &mut lease, Motion::Follow(reach(&rig.arm.clone(), &home, 0.2, 1.0)));
    let follow = rig.handle.submit(follow).expect("fine");
    let grip = early(&rig, &mut lease, close());
    let grip = rig.handle.submit(grip).expect("fine");
    // A compliance at once is about neither; one for later takes the arm's place.
    let comply = give(&mut rig, &mut lease, Motion::Comply(soft(50.0)));
    rig.tick();
    assert_eq!(count(&rig, &Report::Finished(comply)), 1);
    assert_eq!((why(&rig, follow), why(&rig, grip)), (None, None), "{:?}", rig.reports);
    let hold = give(&mut rig, &mut lease, Motion::Hold);
    rig.tick();
    assert_eq!((why(&rig, follow), why(&rig, grip)), (Some(RefusedWhy::Replaced), None));
    assert_eq!(count(&rig, &Report::Finished(hold)), 1);
    for _ in 0..80 {
        rig.handle.keep_alive(&lease, rig.now);
        rig.tick();
    }
    assert!(width(&rig) < 0.038, "its time came");
}

#[test]
fn while_the_arm_stops_nothing_begins_that_has_not_to_do_with_it() {
    let mut rig = Rig::active(arm());
    let home = rig.hold_q();
    rig.follow(reach(&rig.arm.clone(), &home, 0.8, 1.2));
    rig.ticks(500);
    rig.handle.stop(StopCategory::Two);
    rig.tick();
    let mut lease = claim(&mut rig, Owner::Human, Groups::All);
    let here = rig.hold_q();
    let ids = [
        Motion::Hold,
        close(),
        velocity(0.1),
        Motion::Comply(soft(50.0)),
        Motion::Follow(reach(&rig.arm.clone(), &here, 0.1, 1.0)),
    ]
    .map(|motion| give(&mut rig, &mut lease, motion));
    rig.tick();
    assert_eq!(rig.mode(), Mode::Stopping(StopCategory::Two));
    for id in ids {
        assert_eq!(why(&rig, id), Some(RefusedWhy::Busy), "{id:?}: {:?}", rig.reports);
    }
    check_differences(&rig.arm.clone(), &rig.commands);
}

#[test]
fn blind_the_arm_begins_nothing_that_moves_it_or_makes_it_yield() {
    let mut rig = Rig::active(arm());
    rig.tick_with(None);
    let mut lease = claim(&mut rig, Owner::Human, Groups::All);
    let here = rig.hold_q();
    let ids = [
        velocity(0.1),
        Motion::Comply(soft(50.0)),
        Motion::Follow(reach(&rig.arm.clone(), &here, 0.1, 1.0)),
        Motion::Joints(here),
    ]
    .map(|motion| give(&mut rig, &mut lease, motion));
    rig.tick_with(None);
    for id in ids {
        assert_eq!(why(&rig, id), Some(RefusedWhy::NoState), "{:?}", rig.reports);
    }
    assert_eq!(rig.mode(), Mode::Hold);
}

#[test]
fn a_trajectory_may_begin_as_far_away_as_is_told_and_an_arm_that_is_held_off_farther_not_become_stiff() {
    for (off, taken) in [(0.019_9, true), (0.020_1, false)] {
        let mut rig = Rig::active(arm());
        let home = rig.hold_q();
        let from = JointVector::from_fn(N, |i| home[i] + if i == 3 { off } else { 0.0 });
        let id = rig.follow(reach(&rig.arm.clone(), &from, 0.1, 1.0));
        rig.tick();
        assert_eq!(why(&rig, id), (!taken).then_some(RefusedWhy::StartsElsewhere), "{off}");
        let mut rig = Rig::active(arm());
        rig.submit(Motion::Comply(soft(50.0))).expect("fine");
        rig.ticks(400);
        let id = rig.submit(Motion::Comply(Compliance::Stiff)).expect("fine");
        let mut state = types::JointState { stamp: rig.now + TICK, ..rig.state };
        state.q[3] += off;
        rig.tick_with(Some(state));
        assert_eq!(why(&rig, id), (!taken).then_some(RefusedWhy::HeldAway), "{off}");
        // To yield otherwise is no leap.
        let id = rig.submit(Motion::Comply(soft(20.0))).expect("fine");
        let state = types::JointState { stamp: rig.now + TICK, ..state };
        rig.tick_with(Some(state));
        assert_eq!((why(&rig, id), count(&rig, &Report::Finished(id))), (None, 1), "{off}");
    }
}

#[test]
fn a_velocity_that_is_renewed_is_the_same_motion_and_a_target_is_another() {
    let mut rig = Rig::active(arm());
    let home = rig.hold_q();
    let first = rig.submit(velocity(0.2)).expect("fine");
    rig.ticks(20);
    let second = rig.submit(velocity(0.1)).expect("fine");
    rig.ticks(20);
    assert_eq!((count(&rig, &Report::Started(first)), count(&rig, &Report::Started(second))), (1, 0));
    assert_eq!(count(&rig, &Report::Superseded(first)), 0);
    assert_eq!(rig.handle.status().active, Some(second));
    let third = rig.submit(Motion::Joints(home)).expect("fine");
    rig.ticks(2);
    assert_eq!((count(&rig, &Report::Superseded(second)), count(&rig, &Report::Started(third))), (1, 1));
    let fourth = rig.submit(velocity(0.1)).expect("fine");
    rig.ticks(2);
    assert_eq!((count(&rig, &Report::Superseded(third)), count(&rig, &Report::Started(fourth))), (1, 1));
    let hold = rig.submit(Motion::Hold).expect("fine");
    rig.until(Mode::Hold);
    assert_eq!(count(&rig, &Report::Finished(hold)), 1);
    let told = Report::Stopped { id: Some(fourth), cause: Cause::HoldRequested, category: StopCategory::Two };
    assert_eq!(count(&rig, &told), 1, "{:?}", rig.reports);
    assert!(rig.lease.is_some(), "a hold ends no lease");
}

#[test]
fn f40_a_stick_that_is_said_to_be_held_in_a_time_to_come_is_none_that_is_held() {
    let mut rig = Rig::active(arm());
    let mut lease = claim(&mut rig, Owner::Human, Groups::Arm);
    rig.handle.stop(StopCategory::One);
    rig.until(Mode::Fault { powered: false });
    rig.ticks(200);
    let order = lease.order(rig.now + Duration::from_secs(3), velocity(0.1));
    rig.handle.submit(order).expect("well-formed");
    rig.tick();
    rig.handle.reset(rig.now).expect("sent");
    rig.tick();
    assert_eq!(rig.mode(), Mode::Disarmed, "{:?}", rig.reports);
}

#[test]
fn f40_a_stick_is_held_until_its_last_order_expires_and_is_let_go_by_its_own_zero_alone() {
    // Who says zero before the reset, and how late the reset is after the last order.
    for (zero, ms, resets) in [(Some(0), 0, true), (Some(1), 0, false), (None, 98, false), (None, 100, true)]
    {
        let mut rig = Rig::active(arm());
        let mut leases =
            [claim(&mut rig, Owner::Human, Groups::Arm), claim(&mut rig, Owner::Human, Groups::Gripper)];
        give(&mut rig, &mut leases[0], velocity(0.1));
        rig.ticks(5);
        rig.handle.stop(StopCategory::One);
        rig.until(Mode::Fault { powered: false });
        rig.ticks(200);
        give(&mut rig, &mut leases[0], velocity(0.1));
        if let Some(k) = zero {
            give(&mut rig, &mut leases[k], velocity(0.0));
        }
        rig.ticks(ms);
        rig.handle.reset(rig.now).expect("sent");
        rig.tick();
        assert_eq!(rig.mode() == Mode::Disarmed, resets, "{zero:?}, {ms} ms: {:?}", rig.reports);
        let why = RefusedWhy::InputActive;
        let told = count(&rig, &Report::Refused { id: None, request: Request::Reset, why });
        assert_eq!(told, usize::from(!resets));
    }
}
