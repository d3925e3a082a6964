//! Near singular poses a steered arm becomes slower in time, whatever its speed, and comes out again (F44).

use crate::common::{Rig, built_in, check_differences};
use control::{Config, LimitKind, Motion, Report, Twist, TwistAxes};
use mechanics::{Arm, ArmData, Jacobian, tool_jacobian, tool_pose};
use nalgebra::DMatrix;
use types::JointVector;

/// The smallest singular value of the tool's Jacobian, m and rad mixed.
fn smallest(arm: &Arm, data: &mut ArmData, q: &JointVector) -> f64 {
    let n = arm.n_joints();
    let mut jacobian = Jacobian::zeros(n);
    tool_jacobian(arm, data, q, &mut jacobian);
    DMatrix::from_fn(6, n, |row, column| jacobian[(row, column)]).singular_values()[5]
}

fn steer(rig: &mut Rig, linear_m_s: [f64; 3], angular_rad_s: [f64; 3], ms: usize) {
    for k in 0..ms {
        if k % 10 == 0 {
            let twist = Twist { linear_m_s, angular_rad_s, axes: TwistAxes::World };
            rig.submit(Motion::Twist(twist)).expect("well-formed");
        }
        rig.tick();
    }
}

#[test]
fn f44_no_speed_carries_the_panda_nearer_to_a_singular_pose_than_it_comes_back_from() {
    let arm = built_in("panda");
    let mut data = ArmData::new(&arm);
    let (mut near, mut back_again) = (0, 0);
    for k in 0..48 {
        let config = Config { tool_speed_m_s: 2.0, ..Config::default() };
        let mut rig = Rig::active_with(arm.clone(), config);
        let one = |i: usize| libm::sin(1.37 * (7 * k + i * k + i) as f64 + 0.4 * (i * i) as f64);
        let linear = core::array::from_fn(|i| 1.5 * one(i));
        let angular = core::array::from_fn(|i| if k % 2 == 0 { 0.0 } else { 1.5 * one(i + 3) });
        // Far from any it is nothing to be told of.
        steer(&mut rig, linear.map(|v| 0.1 * v), angular.map(|v| 0.1 * v), 200);
        assert!(!rig.has(|r| matches!(r, Report::Intervention { limit: LimitKind::Singularity, .. })), "{k}");
        let begun = rig.commands.len();
        steer(&mut rig, linear, angular, 1500);
        let least = rig.commands[begun..].iter().map(|c| smallest(&arm, &mut data, &c.q)).fold(1.0, f64::min);
        assert!(least > 0.015, "{k}: it came as near as {least}");
        let told = rig.has(|r| matches!(r, Report::Intervention { limit: LimitKind::Singularity, .. }));
        if least < 0.06 {
            near += 1;
            assert!(told, "{k}: it was slowed down, and nobody was told");
        }
        let tool = |rig: &mut Rig, data: &mut ArmData| tool_pose(&arm, data, &rig.hold_q()).origin();
        let there = tool(&mut rig, &mut data);
        steer(&mut rig, linear.map(|v| -0.2 * v), angular.map(|v| -0.2 * v), 1500);
        let back = (tool(&mut rig, &mut data) - there).norm();
        // Its own body or the end of a joint may be in the way as well.
        let blocked = rig.has(|r| matches!(r, Report::Intervention { limit: LimitKind::Separation, .. }));
        assert!(least > 0.06 || blocked || back > 0.01, "{k}: it came back by {back} m");
        back_again += usize::from(least < 0.06 && !blocked);
        check_differences(&arm, &rig.commands);
    }
    assert!(near > 10, "{near} of 48 came near");
    assert!(back_again > 8, "{back_again} came back");
}
