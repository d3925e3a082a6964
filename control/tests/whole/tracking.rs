//! With forward dynamics instead of an obedient plant: torques move the arm, and it follows.

use crate::common::{N, Rig, TICK, arm, check_differences, wiggle};
use control::{Mode, Report};
use mechanics::{Data, dynamics};
use std::time::Instant;
use types::{JointState, JointVector, StopCategory};

#[test]
fn computed_torque_follows_a_fast_motion_and_a_stop_within_milliradians() {
    let arm = arm();
    let mut rig = Rig::new(arm.clone());
    let model = arm.model();
    let mut data = Data::new(model);
    let n = model.joints.len();
    let (mut q, mut dq, mut ddq) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    arm.full_q(&arm.home(), 0.04, &mut q);
    let seeds: Vec<f64> = (0..21).map(|i| libm::sin(1.7 * f64::from(i))).collect();
    let mut worst = 0.0_f64;
    let mut slowest = 0;
    let mut total = 0.0;
    // The proof of the encoders first, on the true dynamics.
    for k in 0..5000 {
        if k == 1 {
            rig.handle.activate(rig.now).expect("sent");
        }
        if k == 2010 {
            rig.follow(wiggle(&arm, &arm.home(), &seeds, 0.5));
        }
        if k == 2600 {
            rig.handle.stop(StopCategory::Two);
        }
        let state = JointState {
            stamp: rig.now + TICK,
            q: JointVector::from_fn(N, |i| q[i]),
            dq: JointVector::from_fn(N, |i| dq[i]),
            ..rig.state
        };
        let before = Instant::now();
        let command = rig.tick_with(Some(state));
        let took = before.elapsed().as_nanos();
        slowest = slowest.max(took);
        total += took as f64;
        if !command.enabled {
            continue;
        }
        worst = q.iter().zip(command.q.iter()).fold(worst, |w, (a, b)| w.max((a - b).abs()));
        // Ten small steps of semi-implicit Euler per tick; the finger is held by itself.
        for _ in 0..10 {
            let mut tau = vec![0.0; n];
            tau[..N].copy_from_slice(&command.tau);
            tau[N] = -500.0 * (q[N] - 0.02) - 5.0 * dq[N];
            assert!(dynamics::forward(model, &mut data, &q, &dq, &tau, &dynamics::GRAVITY, &mut ddq));
            for i in 0..n {
                dq[i] += 1e-4 * ddq[i];
                q[i] += 1e-4 * dq[i];
            }
        }
    }
    println!(
        "worst error {worst:.2e} rad; tick with checks mean {:.2} µs, max {:.1} µs",
        total / 5e6,
        slowest as f64 * 1e-3
    );
    assert_eq!(rig.mode(), Mode::Hold, "{:?}", rig.reports);
    assert!(worst < 5e-3, "{worst} rad");
    assert!(rig.has(|r| matches!(r, Report::Stopped { .. })));
    check_differences(&arm, &rig.commands);
}

#[test]
fn a_tick_is_quick() {
    use types::seams::Controller;
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let seeds: Vec<f64> = (0..35).map(|i| libm::cos(1.3 * f64::from(i))).collect();
    let before = Instant::now();
    rig.follow(wiggle(&arm, &home, &seeds, 0.4));
    println!("submit: {:.2} ms", before.elapsed().as_secs_f64() * 1e3);
    rig.tick();
    let mut times: Vec<f64> = (0..1000)
        .map(|_| {
            rig.now = rig.now + TICK;
            rig.keep_alive();
            let state = JointState { stamp: rig.now, ..rig.state };
            let before = Instant::now();
            let command = rig.core.tick(rig.now, Some(&state));
            let took = before.elapsed().as_secs_f64() * 1e6;
            rig.state.q = command.q;
            rig.state.dq = command.dq;
            took
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("tick while following: p50 {:.2} µs, p99 {:.2} µs", times[500], times[990]);
    assert!(times[500] < 20.0, "{} µs", times[500]);
}
