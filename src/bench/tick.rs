//! The whole tick of control: state in, motion stage, safety filter with its verified stop among a hundred
//! obstacles, impedance of the tool, torque out.

use super::BenchOptions;
use super::allocations::allocations;
use super::blocks::{clock_ns, cpu_ns};
use super::table::Table;
use crate::commands::CommandError;
use control::{
    Compliance, Config, Groups, Lease, Mode, Motion, Owner, Report, Thing, Twist, TwistAxes, World,
};
use core::time::Duration;
use mechanics::collision::{Checker, Obstacle};
use mechanics::timing::{Scale, time_path};
use mechanics::{Arm, ArmData, GeomShape};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use types::seams::Controller;
use types::{GripperState, JointState, JointVector, Time, Trajectory};

/// Things around the arm, and how many of them may move.
const THINGS: usize = 100;
const MOVING: usize = 5;
/// Ticks that are measured, of a millisecond each.
const TICKS: usize = 60_000;
/// Ticks between two worlds: 30 Hz.
const WORLD_EVERY: usize = 33;

/// How long an arm at the end of a line goes on before it stops, seconds; see `[arm] lead_ms`.
const COAST_S: f64 = 0.05;

/// Goals, microseconds of CPU time.
const GOALS: [(&str, f64, f64); 2] = [("median", 0.5, 25.0), ("99.9th percentile", 0.999, 80.0)];

/// How the arm yields meanwhile.
const YIELDING: Compliance = Compliance::Tool {
    linear_n_m: [1000.0; 3],
    angular_nm_rad: [50.0; 3],
    axes: TwistAxes::Tool,
    damping_ratio: 1.0,
    most_n: 60.0,
    most_nm: 10.0,
    posture_nm_rad: 10.0,
};

/// What is ordered while ticks are measured.
#[derive(Copy, Clone)]
enum Orders {
    /// From pose to pose, along trajectories at full limits.
    Trajectories,
    /// A twist at 50 Hz, another way every second.
    Twists,
}

/// Measures every tick by itself.
pub(crate) fn measure(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    for (name, orders, coast_s) in [
        ("tick", Orders::Trajectories, 0.0),
        ("tick, steered", Orders::Twists, 0.0),
        ("tick at a line's end", Orders::Trajectories, COAST_S),
        ("tick at a line's end, steered", Orders::Twists, COAST_S),
    ] {
        let (costs, allocations) = costs(o, orders, coast_s)?;
        for (what, part, goal) in GOALS {
            let cost = costs[((costs.len() - 1) as f64 * part) as usize];
            table.time(&format!("{name}, {THINGS} things, {what}"), 1e-3 * cost, goal);
        }
        table.cost(&format!("{name}, allocations"), allocations as f64, 0.0, "");
    }
    Ok(())
}

/// CPU nanoseconds of every tick, in order of size, with what comes after it if no other does, where that is told; and how
/// often any of them allocated.
fn costs(o: &BenchOptions, orders: Orders, coast_s: f64) -> Result<(Vec<f64>, u64), CommandError> {
    let other = |e: &dyn std::fmt::Display| CommandError::Other(format!("bench: {e}"));
    let arm = crate::robots::load("panda").map_err(|e| other(&e))?;
    let mut rng = ChaCha8Rng::seed_from_u64(o.seed);
    let poses = free_poses(&arm, &mut rng);
    let things = things(&arm, &poses, MOVING, &mut rng);
    let (mut core, mut handle) =
        control::new(Arc::clone(&arm), Config { self_test: false, coast_s, ..Config::default() })?;
    let mut now = Time::from_secs_f64(1.0);
    let zero = JointVector::zeros(arm.n_joints());
    let gripper = GripperState { width_m: 0.04, speed_m_s: 0.0, force_n: 0.0 };
    let mut state = JointState { stamp: now, q: poses[0], dq: zero, tau: zero, gripper };
    let clock = clock_ns();
    let (mut costs, mut allocated_in) = (Vec::with_capacity(TICKS), 0);
    let mut next = 1;
    let mut lease: Option<Lease> = None;
    let mut twist = [0.0; 3];
    for k in 0..TICKS {
        now = now + Duration::from_millis(1);
        if let Some(lease) = &lease {
            handle.keep_alive(lease, now);
        }
        if k % WORLD_EVERY == 0 {
            let expires = now + Duration::from_millis(500);
            handle.watch(World { stamp: now, expires, things: things.clone(), held: None })?;
        }
        let status = handle.status();
        match (status.mode, orders) {
            (Mode::Disarmed, _) => handle.activate(now)?,
            (Mode::Hold, Orders::Trajectories) => {
                let here = status.command.q;
                let path = [here, poses[next % poses.len()]];
                let points = time_path(&path, arm.limits(), Scale::FULL).map_err(|e| other(&e))?;
                let trajectory = Trajectory::new(points, arm.limits(), &here)?;
                let mine = match &mut lease {
                    Some(mine) => mine,
                    None => lease.insert(handle.claim(now, Owner::Script, Groups::Arm, None)?),
                };
                handle.submit(mine.order(now, Motion::Comply(YIELDING)))?;
                // Between two free poses the arm may meet itself: that path is refused, and the next one taken.
                let _ = handle.submit(mine.order(now, Motion::Follow(Box::new(trajectory))));
                next += 1;
            }
            // What waits before something in its way is given up after a while.
            (Mode::Follow, _) if status.speed_factor < 0.01 && k % 500 == 0 => {
                handle.stop(types::StopCategory::Two);
            }
            (Mode::Hold | Mode::Servo, Orders::Twists) if k % 20 == 0 => {
                if k % 1000 < 20 {
                    twist = core::array::from_fn(|_| rng.random_range(-0.3..0.3));
                }
                let motion =
                    Twist { linear_m_s: twist, angular_rad_s: [0.0, 0.2, 0.1], axes: TwistAxes::World };
                let mine = match &mut lease {
                    Some(mine) => mine,
                    None => lease.insert(handle.claim(now, Owner::Human, Groups::Arm, None)?),
                };
                handle.submit(mine.order(now, Motion::Comply(YIELDING)))?;
                handle.submit(mine.order(now, Motion::Twist(motion)))?;
            }
            _ => {}
        }
        state.stamp = now;
        let (begun, allocated) = (cpu_ns(), allocations());
        let command = core.tick(now, Some(&state));
        std::hint::black_box(core.ending());
        costs.push(cpu_ns() - begun - clock);
        allocated_in += allocations() - allocated;
        if command.enabled {
            (state.q, state.dq, state.tau) = (command.q, command.dq, command.tau);
        }
        while let Some(report) = handle.poll() {
            if matches!(report, Report::Lost(_)) {
                lease = None;
            }
        }
    }
    costs.sort_by(f64::total_cmp);
    Ok((costs, allocated_in))
}

/// Joint positions in which the arm is free over an empty table.
pub(super) fn free_poses(arm: &Arm, rng: &mut ChaCha8Rng) -> Vec<JointVector> {
    let (mut checker, mut data) = (Checker::new(arm), ArmData::new(arm));
    let mut poses = vec![arm.home()];
    while poses.len() < 40 {
        let q = JointVector::from_fn(arm.n_joints(), |j| {
            let l = &arm.limits()[j];
            let home = arm.home()[j];
            (home + rng.random_range(-0.8..0.8)).clamp(l.lower, l.upper)
        });
        if checker.is_free(arm, &mut data, &q, 0.04, 0.005) {
            poses.push(q);
        }
    }
    poses
}

/// Balls, capsules and boxes around the arm, the first of which may move, none nearer to any of the poses than five centimetres.
pub(super) fn things(arm: &Arm, poses: &[JointVector], n_moving: usize, rng: &mut ChaCha8Rng) -> Vec<Thing> {
    let (mut checker, mut data) = (Checker::new(arm), ArmData::new(arm));
    let mut out = Vec::with_capacity(THINGS);
    while out.len() < THINGS {
        let is_moving = out.len() < n_moving;
        let mut at = |low: f64, high: f64| rng.random_range(low..high);
        let place = Vector3::new(at(-1.2, 1.2), at(-1.2, 1.2), at(0.0, 1.4));
        let far = if is_moving { 2.5 } else { 1.0 };
        let turn = UnitQuaternion::from_euler_angles(at(-3.0, 3.0), at(-1.5, 1.5), at(-3.0, 3.0));
        let shape = match out.len() % 3 {
            0 => GeomShape::Sphere { radius: at(0.02, 0.1) },
            1 => GeomShape::Capsule { radius: at(0.02, 0.06), half_length: at(0.05, 0.2) },
            _ => GeomShape::Cuboid { half: Vector3::new(at(0.02, 0.1), at(0.02, 0.1), at(0.02, 0.1)) },
        };
        let world_from_obstacle = Isometry3::from_parts(Translation3::from(far * place), turn);
        let obstacle = Obstacle { name: "thing".into(), shape, world_from_obstacle };
        if checker.set_obstacles(vec![obstacle.clone()]).is_ok()
            && poses.iter().all(|q| checker.is_free(arm, &mut data, q, 0.04, 0.05))
        {
            out.push(Thing { obstacle, keep_m: 0.02, speed_m_s: if is_moving { 0.5 } else { 0.0 } });
        }
    }
    out
}
