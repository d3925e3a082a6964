//! Chunks of a policy that answers late, each by another time: the largest jerk, and how long the arm paused.

use super::BenchOptions;
use super::table::Table;
use crate::commands::CommandError;
use control::{Chunk, Config, Groups, Mode, Motion, Order, Owner};
use core::time::Duration;
use mechanics::Arm;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use types::seams::Controller;
use types::{GripperState, JointState, JointVector, Time};

/// How long the policy takes, milliseconds, give or take 30 % each time.
const DELAYS_MS: [f64; 9] = [0.0, 50.0, 100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 800.0];
/// Positions of a chunk and the time between two, seconds: it reaches 2.7 s ahead.
const POINTS: usize = 80;
const PERIOD_S: f64 = 1.0 / 30.0;
/// So many ticks of a millisecond are looked at, after so many in which the arm sets out.
const TICKS: usize = 8000;
const SETS_OUT: usize = 1500;
/// A joint that is slower than this pauses, rad/s; the policy's own way is never so slow.
const PAUSED: f64 = 0.02;

/// Sweeps the delay.
pub(crate) fn measure(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let arm = crate::robots::load("panda").map_err(|e| CommandError::Other(format!("bench: {e}")))?;
    let (mut jerk, mut paused) = (0.0_f64, 0);
    for (k, delay_ms) in DELAYS_MS.into_iter().enumerate() {
        let seen = one(&arm, delay_ms, o.seed.wrapping_add(k as u64))?;
        (jerk, paused) = (jerk.max(seen.0), paused + seen.1);
    }
    let what = |of: &str| format!("chunks, 0 to 800 ms late: {of}");
    // What rounding leaves of a third difference.
    table.cost(&what("jerk over its limit"), jerk, 1.001, "times");
    table.cost(&what("pauses"), paused as f64, 0.0, "ms");
    Ok(())
}

/// Where the policy wants the joints: a way that goes on in all of them, fast and slow.
fn way(home: &JointVector, phase: f64) -> JointVector {
    JointVector::from_fn(home.len(), |j| {
        let at = 0.3 * j as f64;
        home[j] + 0.12 * (phase + 0.4 * at).sin() - 0.12 * (0.4 * at).sin() + 0.04 * (1.9 * phase + at).sin()
            - 0.04 * at.sin()
    })
}

/// The greatest jerk as a part of its limit, and for how many ticks the arm paused.
fn one(arm: &std::sync::Arc<Arm>, delay_ms: f64, seed: u64) -> Result<(f64, u64), CommandError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut core, mut handle) = control::new(arm.clone(), Config { self_test: false, ..Config::default() })?;
    let (zero, home) = (JointVector::zeros(arm.n_joints()), arm.home());
    let gripper = GripperState { width_m: 0.04, speed_m_s: 0.0, force_n: 0.0 };
    let mut now = Time::from_secs_f64(1.0);
    let mut state = JointState { stamp: now, q: home, dq: zero, tau: zero, gripper };
    let mut lease = handle.claim(now, Owner::Policy, Groups::Arm, None)?;
    // The picture's time and when the answer to it comes.
    let mut under_way: Option<(Time, Time)> = None;
    let mut begun: Option<Time> = None;
    let (mut jerk, mut paused) = (0.0_f64, 0);
    let mut last: Option<JointVector> = None;
    for k in 0..TICKS {
        now = now + Duration::from_millis(1);
        let mode = handle.status().mode;
        if mode == Mode::Disarmed {
            handle.activate(now)?;
        } else if matches!(mode, Mode::Hold | Mode::Follow) {
            let since = *begun.get_or_insert(now);
            match under_way {
                None => {
                    let late = 1e-3 * delay_ms * rng.random_range(0.7..1.3);
                    under_way = Some((now, now + Duration::from_secs_f64(late)));
                }
                Some((seen, answers)) if now >= answers => {
                    let at = |k: usize| way(&home, seen.secs_since(since) + PERIOD_S * k as f64);
                    let points = (0..POINTS).map(at).collect();
                    let order =
                        lease.order(seen, Motion::Chunk(Chunk { points, period_s: PERIOD_S, grip: None }));
                    handle.submit(Order { expires: seen + Duration::from_secs(2), ..order })?;
                    under_way = None;
                }
                _ => {}
            }
        }
        handle.keep_alive(&lease, now);
        state.stamp = now;
        let command = core.tick(now, Some(&state));
        if command.enabled {
            (state.q, state.dq, state.tau) = (command.q, command.dq, command.tau);
        }
        if let Some(before) = last {
            for (j, l) in arm.limits().iter().enumerate() {
                jerk = jerk.max((command.ddq[j] - before[j]).abs() / (1e-3 * l.jerk));
            }
        }
        last = command.enabled.then_some(command.ddq);
        let is_slow = command.dq.iter().all(|v| v.abs() < PAUSED);
        paused += u64::from(k > SETS_OUT && is_slow);
        while handle.poll().is_some() {}
    }
    Ok((jerk, paused))
}
