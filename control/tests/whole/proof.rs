//! F15: before anything moves, every joint is led out a little, and its encoder must say so.

use crate::common::{N, Rig, TICK, arm, check_differences, reach};
use control::{Config, Mode, Motion, RefusedWhy, Report};
use proptest::prelude::*;
use types::{Fault, JointState, JointVector, StopCategory};

/// Half a degree: farther no joint may move on the way.
const HALF_DEGREE: f64 = 0.008_73;

/// An arm that has been asked to activate, and is proving.
fn proving() -> Rig {
    let mut rig = Rig::new(arm());
    rig.tick();
    rig.handle.activate(rig.now).expect("sent");
    rig.tick();
    assert_eq!(rig.mode(), Mode::Proving);
    rig
}

/// A tick whose encoders say what `told` makes of where the joints are and how fast they move.
fn tick_told(rig: &mut Rig, told: impl Fn(&JointVector) -> JointVector) {
    let state =
        JointState { stamp: rig.now + TICK, q: told(&rig.state.q), dq: told(&rig.state.dq), ..rig.state };
    rig.tick_with(Some(state));
}

fn is_named(rig: &Rig) -> bool {
    rig.has(|r| matches!(r, Report::Fault { fault: Fault::F15EncoderWrong, latched: true }))
}

#[test]
fn every_joint_is_led_out_by_a_third_of_a_degree_and_back_before_the_arm_holds() {
    let mut rig = proving();
    let start = rig.commands[rig.commands.len() - 1].q;
    let took = rig.until(Mode::Hold);
    assert!(took < 3000, "{took} ms");
    for j in 0..N {
        let out = rig.commands.iter().map(|c| (c.q[j] - start[j]).abs()).fold(0.0, f64::max);
        assert!((0.005..0.006).contains(&out), "joint {j} was led out by {out} rad");
    }
    for c in &rig.commands {
        let n_out = (0..N).filter(|j| (c.q[*j] - start[*j]).abs() > 1e-9).count();
        assert!(n_out <= 1, "one joint at a time: {:?}", c.q);
    }
    assert!(rig.hold_q().max_abs_diff(&start) < 1e-12, "back where it stood");
    check_differences(&rig.arm, &rig.commands);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn encoders_that_count_backwards_or_are_changed_over_leave_the_arm_without_power(
        a in 0..N,
        b in 0..N,
    ) {
        let mut rig = proving();
        let start = rig.state.q;
        // Counted from where it stands: the arm looks right until it moves.
        let told = |v: &JointVector, from: &JointVector| {
            let mut moved = JointVector::from_fn(N, |i| v[i] - from[i]);
            if a == b {
                moved[a] = -moved[a];
            } else {
                (moved[a], moved[b]) = (moved[b], moved[a]);
            }
            JointVector::from_fn(N, |i| from[i] + moved[i])
        };
        for k in 0..3000 {
            let zero = JointVector::zeros(N);
            let mut q = told(&rig.state.q, &start);
            // Never twice the same to the last bit, or it would be seen as frozen.
            q[a] += 1e-9 * f64::from(k % 2);
            q[b] += 1e-9 * f64::from(k % 2);
            let dq = told(&rig.state.dq, &zero);
            let state = JointState { stamp: rig.now + TICK, q, dq, ..rig.state };
            rig.tick_with(Some(state));
            prop_assert!(rig.state.q.max_abs_diff(&start) < HALF_DEGREE);
        }
        prop_assert!(is_named(&rig), "{:?}", rig.reports);
        prop_assert_eq!(rig.mode(), Mode::Fault { powered: false });
        let joint = a.min(b) as u8;
        let named = |r: &Report| matches!(r, Report::Unproven { joint: j, .. } if *j == joint);
        prop_assert!(rig.has(named), "the first that is wrong is named: {:?}", rig.reports);
    }
}

#[test]
fn a_joint_that_drifts_off_while_the_others_are_led_out_takes_the_power_away() {
    let mut rig = proving();
    for k in 0..200 {
        let off = 1e-4 * f64::from(k);
        tick_told(&mut rig, |v| JointVector::from_fn(N, |i| if i == 4 { v[i] + off } else { v[i] }));
        if is_named(&rig) {
            assert!(off <= HALF_DEGREE + 2e-4, "named only at {off} rad");
            assert_eq!(rig.mode(), Mode::Fault { powered: false });
            return;
        }
    }
    panic!("never named: {:?}", rig.reports);
}

#[test]
fn an_encoder_that_says_nothing_new_is_no_proof() {
    let mut rig = proving();
    let start = rig.state.q;
    for k in 0..3000 {
        // Never twice the same to the last bit, or it would be seen as frozen.
        let noise = 1e-9 * f64::from(k % 2);
        tick_told(&mut rig, |_| JointVector::from_fn(N, |i| start[i] + noise));
    }
    assert!(is_named(&rig), "{:?}", rig.reports);
}

#[test]
fn nothing_else_moves_and_any_stop_ends_without_power_before_the_proof_is_done() {
    let mut rig = proving();
    let from = rig.state.q;
    let ordered = reach(&rig.arm, &from, 0.1, 1.0);
    rig.submit(Motion::Follow(ordered)).expect("sent");
    rig.tick();
    assert!(rig.has(|r| matches!(r, Report::Refused { why: RefusedWhy::Busy, .. })), "{:?}", rig.reports);
    rig.ticks(150);
    rig.handle.stop(StopCategory::Two);
    rig.until(Mode::Disarmed);
    rig.tick();
    check_differences(&rig.arm, &rig.commands);
    assert!(!rig.commands[rig.commands.len() - 1].enabled);
}

#[test]
fn without_a_self_test_the_arm_holds_at_once() {
    let mut rig = Rig::with(arm(), Config { self_test: false, ..Config::default() });
    rig.tick();
    rig.handle.activate(rig.now).expect("sent");
    rig.tick();
    assert_eq!(rig.mode(), Mode::Hold);
}

#[test]
fn a_joint_near_the_end_of_its_range_is_led_out_the_other_way() {
    let mut rig = Rig::new(arm());
    rig.state.q[2] = 2.8 - 1e-4;
    rig.tick();
    rig.handle.activate(rig.now).expect("sent");
    rig.until(Mode::Hold);
    assert!(rig.commands.iter().all(|c| c.q[2] <= 2.8));
}
