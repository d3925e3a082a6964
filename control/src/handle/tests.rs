use super::*;
use crate::common::{Rig, arm, check_differences, reach};
use crate::{Cause, Mode};
use types::JointLimits;

#[test]
fn a_trajectory_that_slipped_past_the_check_is_braked_by_the_wall() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let far = reach(&arm, &home, 1.5, 0.5);
    let within = |limits| Bounds { limits, strains: &[], most: 1.0 };
    assert!(Paces::of_trajectory(&Course::of_trajectory(&far), &within(arm.limits())).is_err());
    let lenient: Vec<JointLimits> = arm
        .limits()
        .iter()
        .map(|l| JointLimits {
            velocity: 100.0 * l.velocity,
            acceleration: 100.0 * l.acceleration,
            jerk: 100.0 * l.jerk,
            ..*l
        })
        .collect();
    let far = Course::of_trajectory(&far);
    let paces = Paces::of_trajectory(&far, &within(&lenient)).expect("within a hundred times the limits");
    let status = rig.handle.status();
    let job = rig.handle.job(MotionId(99), "trajectory", (far, paces), &status).expect("clear of itself");
    let lease = rig.handle.claim(rig.now, Owner::Script, Groups::Arm, None).expect("sent");
    let order = Ordered {
        id: MotionId(99),
        lease: lease.id(),
        sequence: 1,
        stamp: rig.now,
        valid_from: rig.now,
        expires: rig.now + core::time::Duration::from_secs(1),
        has_waited: false,
        what: What::Follow(job),
    };
    rig.handle.send(rig.now, Message::Order(order)).expect("sent");
    rig.lease = Some(lease);
    rig.tick();
    assert_eq!(rig.mode(), Mode::Follow);
    rig.until(Mode::Stopping(StopCategory::Two));
    rig.until(Mode::Hold);
    assert!(rig.has(|r| matches!(r, Report::Intervention { margin, .. } if *margin < 0.0)));
    assert!(rig.has(|r| matches!(r, Report::Stopped { cause: Cause::Limit, .. })));
    check_differences(&arm, &rig.commands);
}
