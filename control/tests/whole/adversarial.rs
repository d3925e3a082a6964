//! Whatever numbers come in, no command that is none or beyond a limit comes out.

use crate::common::{N, Rig, arm, check_differences, reach, wiggle};
use control::{Mode, Motion};
use proptest::prelude::*;
use types::motion::TrajectoryPoint;
use types::{GripperCommand, JointState, JointVector, Time, Trajectory};

pub(crate) fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        -4.0..4.0_f64,
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(-0.0),
        Just(1e308),
        Just(1e-320)
    ]
}

pub(crate) fn vector() -> impl Strategy<Value = JointVector> {
    prop_oneof![
        6 => prop::collection::vec(any_number(), N),
        1 => prop::collection::vec(any_number(), 0..16),
    ]
    .prop_map(|v| JointVector::from_slice(&v).expect("short enough"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_state_and_no_request_makes_a_command_that_is_none_or_leaves_a_limit(
        states in prop::collection::vec((vector(), vector(), vector(), any_number(), any::<i64>(), 0..4_u8), 1..40),
        grips in prop::collection::vec((any_number(), any_number(), any::<i64>()), 0..4),
        factor in any_number(),
        points in prop::collection::vec((any_number(), vector(), vector(), vector()), 1..4),
    ) {
        let arm = arm();
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        rig.follow(reach(&arm, &home, 0.5, 1.0));
        rig.ticks(200);
        rig.handle.slow(factor);
        for (width_m, force_n, stamp) in grips {
            let command = GripperCommand { width_m, force_n };
            let _ = rig.submit(Motion::Grip(command));
            let _ = rig.submit_at(Time::from_nanos(stamp), Motion::Grip(command));
        }
        let points: Vec<TrajectoryPoint> =
            points.into_iter().map(|(t, q, dq, ddq)| TrajectoryPoint { t, q, dq, ddq }).collect();
        if let Ok(t) = Trajectory::new(points, arm.limits(), &home) {
            let _ = rig.submit(Motion::Follow(Box::new(t)));
        }
        for (q, dq, tau, number, stamp, kind) in states {
            let mut state = JointState { stamp: rig.now + crate::common::TICK, ..rig.state };
            match kind {
                0 => state = JointState { q, dq, tau, ..state },
                1 => state.gripper.width_m = number,
                2 => state.stamp = Time::from_nanos(stamp),
                _ => state.tau = tau,
            }
            rig.tick_with(Some(state));
        }
        rig.ticks(50);
        check_differences(&arm, &rig.commands);
    }

    #[test]
    fn noise_on_the_measurement_moves_torques_but_no_reference(
        noise in prop::collection::vec(-0.05..0.05_f64, 1400),
        seeds in prop::collection::vec(-1.0..1.0_f64, 7..20),
    ) {
        let arm = arm();
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        rig.follow(wiggle(&arm, &home, &seeds, 0.9));
        for n in noise.chunks(N) {
            let mut state = JointState { stamp: rig.now + crate::common::TICK, ..rig.state };
            for (i, n) in n.iter().enumerate() {
                // Two millimetres at the hand, and half a per cent of the top speed.
                state.q[i] += 0.05 * n;
                state.dq[i] += 0.2 * n;
            }
            rig.tick_with(Some(state));
        }
        prop_assert!(matches!(rig.mode(), Mode::Follow | Mode::Hold));
        check_differences(&arm, &rig.commands);
    }
}
