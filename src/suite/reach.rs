//! The `reach` suite: any arm brings its tool to random poses over an empty table. A pose is drawn through
//! joints at which the arm is clear, and the planner is told the pose alone. The simulator's truth judges.

use crate::config::Config;
use crate::graph::{ACTIVATION_S, Body, lockstep::Lockstep};
use crate::session;
use control::{Groups, Lease, Mode, Owner, Report};
use core::time::Duration;
use mechanics::collision::{Checker, Obstacle};
use mechanics::ik::Wanted;
use mechanics::{Arm, ArmData, GeomShape, gravity_load, tool_pose};
use nalgebra::{Isometry3, Vector3};
use planner::Step;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use types::{Scene, Time, Tool, Trajectory, Transform, World};

/// How far the tool may end from the pose, metres.
pub(crate) const POSITION_M: f64 = 0.005;
/// How far it may be turned from it, rad.
pub(crate) const ROTATION_RAD: f64 = 0.02;
/// Drawn joints keep this much more clearance than the planner asks for, metres.
const SPARE_M: f64 = 0.002;
/// The largest share of a joint's torque limit that the arm's weight may take at drawn joints.
const MOST_LOAD: f64 = 0.8;
/// How many joints are drawn for one pose before it is given up.
const N_DRAWS: usize = 5000;
/// Height of the floor that the table stands on, metres.
const FLOOR_Z: f64 = -0.75;
/// How long the robot runs between two looks at its reports.
const SLICE: Duration = Duration::from_millis(10);
/// The arm has settled when no joint was faster than this for [`STILL_S`], rad/s (m/s).
const STILL: f64 = 0.002;
const STILL_S: f64 = 0.2;
/// How long settling may take, seconds.
const SETTLE_S: f64 = 3.0;
/// Tells these random numbers from those of other suites.
const STREAM: u64 = 0x5017_e002;

/// What of a pose this arm can be held to: with fewer than six joints, the place alone.
pub(crate) fn wanted(arm: &Arm) -> Wanted {
    if arm.n_joints() < 6 { Wanted::Position } else { Wanted::Pose }
}

/// Draws poses for one arm.
#[derive(Clone)]
pub(crate) struct Draw {
    arm: Arc<Arm>,
    checker: Checker,
    margin_m: f64,
}

impl Draw {
    pub(crate) fn new(arm: &Arc<Arm>, config: &Config) -> Result<Self, types::Rejection> {
        let mut checker = Checker::new(arm);
        let mut around = planner::obstacles(&nothing(Time::ZERO), &[], false);
        around.push(Obstacle {
            name: "the floor".to_owned(),
            shape: GeomShape::Cuboid { half: Vector3::new(5.0, 5.0, 0.1) },
            world_from_obstacle: Isometry3::translation(0.0, 0.0, FLOOR_Z - 0.1),
        });
        checker.set_obstacles(around)?;
        let margin_m = session::planner_config(config, 0).free_margin_m + SPARE_M;
        Ok(Self { arm: arm.clone(), checker, margin_m })
    }

    /// The `i`-th pose: of the tool at joints drawn evenly within their limits, the first at which the arm
    /// is clear of itself, table and floor, and its motors carry it.
    ///
    /// # Errors
    /// A sentence when there is none.
    pub(crate) fn pose(&self, i: usize, seed: u64) -> Result<Transform<World, Tool>, String> {
        let arm = &*self.arm;
        let mut checker = self.checker.clone();
        let mut data = ArmData::new(arm);
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        rng.set_stream(STREAM);
        let width = arm.profile().gripper.width_m;
        for _ in 0..N_DRAWS {
            let limits = arm.limits().iter();
            let q: Vec<f64> = limits.map(|l| l.lower + (l.upper - l.lower) * rng.random::<f64>()).collect();
            if gravity_load(arm, &mut data, &q, width) <= MOST_LOAD
                && checker.is_free(arm, &mut data, &q, width, self.margin_m)
            {
                return Ok(tool_pose(arm, &mut data, &q));
            }
        }
        Err(format!("of {N_DRAWS} drawn poses none was clear of the arm itself, the table and the floor"))
    }
}

/// Where a pose's motion ended, by the simulator's truth.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// Distance of the tool from the pose, metres.
    pub(crate) error_m: f64,
    /// Turn of the tool from the pose, rad; not judged where only the place is wanted.
    pub(crate) error_rad: f64,
    /// The robot's time that the motion took, seconds.
    pub(crate) seconds: f64,
    /// Tells the row of commands from another.
    pub(crate) commands: u64,
}

/// Plans the way to a pose, carries it out, and measures where the tool is.
///
/// # Errors
/// A sentence for what went wrong before the tool came to rest, a broken invariant included.
pub(crate) fn carry_out(
    config: &Config,
    arm: &Arc<Arm>,
    target: &Transform<World, Tool>,
    seed: u64,
) -> Result<Ended, String> {
    let mut body = session::bare(config, arm, seed, false).map_err(|e| e.to_string())?;
    let mut motion = planner::Motion::new(arm.clone(), session::planner_config(config, seed))
        .map_err(|e| e.to_string())?;
    slice(&mut body, None)?;
    let now = body.now();
    body.control().activate(now).map_err(|e| e.to_string())?;
    wait(&mut body, None, "the arm holds", ACTIVATION_S, |body| body.control().status().mode == Mode::Hold)?;
    let status = body.control().status();
    let mut state = status.measured.ok_or("the robot's state is not known")?;
    state.q = status.command.q;
    let scene = nothing(body.now());
    let prepared = motion.reach(target, wanted(arm), &state, &scene).map_err(|e| e.to_string())?;
    let begun = body.now();
    for step in prepared.steps {
        if let Step::Move { trajectory, .. } = step {
            follow(&mut body, trajectory)?;
        }
    }
    let seconds = body.now().secs_since(begun);
    let mut still_since = body.now();
    wait(&mut body, None, "the arm settles", SETTLE_S, |body| {
        let now = body.now();
        let fastest = body
            .control()
            .status()
            .measured
            .map_or(f64::INFINITY, |s| s.dq.iter().fold(0.0, |m: f64, v| m.max(v.abs())));
        if fastest > STILL {
            still_since = now;
        }
        now.secs_since(still_since) >= STILL_S
    })?;
    let world_from_tool = body.world().map(|rig| rig.truth().world_from_tool).unwrap_or_default();
    let invariants = body.invariants();
    if let Some(why) = invariants.and_then(|i| i.broken()) {
        return Err(format!("a safety invariant was broken: {why}"));
    }
    Ok(Ended {
        error_m: (world_from_tool.translation.vector - target.isometry().translation.vector).norm(),
        error_rad: world_from_tool.rotation.angle_to(&target.isometry().rotation),
        seconds,
        commands: invariants.map_or(0, |i| i.hash()),
    })
}

fn nothing(stamp: Time) -> Scene {
    Scene { stamp, objects: Vec::new() }
}

fn slice(body: &mut Lockstep, lease: Option<&Lease>) -> Result<(), String> {
    let now = body.now();
    if let Some(lease) = lease {
        body.control().keep_alive(lease, now);
    }
    body.advance(SLICE).map_err(|e| e.to_string())
}

/// Lets time pass until something is so.
fn wait(
    body: &mut Lockstep,
    lease: Option<&Lease>,
    what: &str,
    limit_s: f64,
    mut is_so: impl FnMut(&mut Lockstep) -> bool,
) -> Result<(), String> {
    let since = body.now();
    while !is_so(body) {
        if body.now().secs_since(since) > limit_s {
            let mode = body.control().status().mode;
            return Err(format!("waited {limit_s} s in vain: {what}; the loop is in {mode:?}"));
        }
        slice(body, lease)?;
        if let Some(why) = reports(body) {
            return Err(why);
        }
    }
    Ok(())
}

/// Follows a trajectory to its end.
fn follow(body: &mut Lockstep, trajectory: Trajectory) -> Result<(), String> {
    let limit_s = 3.0 * trajectory.duration() + 5.0;
    let now = body.now();
    let motion = control::Motion::Follow(Box::new(trajectory));
    let mut lease =
        body.control().claim(now, Owner::Planner, Groups::Arm, None).map_err(|e| e.to_string())?;
    body.control().submit(lease.order(now, motion)).map_err(|e| e.to_string())?;
    let mut has_begun = false;
    wait(body, Some(&lease), "the motion ends", limit_s, |body| {
        let mode = body.control().status().mode;
        has_begun |= mode == Mode::Follow;
        has_begun && mode == Mode::Hold
    })?;
    let now = body.now();
    body.control().release(now, &lease).map_err(|e| e.to_string())
}

/// What the loop reports against the motion, if anything.
fn reports(body: &mut Lockstep) -> Option<String> {
    let mut against = None;
    while let Some(report) = body.control().poll() {
        let said = match report {
            Report::Stopped { cause, category, .. } => {
                format!("the loop stopped (category {category:?}): {cause:?}")
            }
            Report::Refused { why, .. } => format!("the loop refused the motion: {why:?}"),
            Report::Fault { fault, .. } => format!("{}: {fault:?}", fault.id()),
            Report::LoopDied => "the control loop ended".to_owned(),
            _ => continue,
        };
        against = against.or(Some(said));
    }
    against
}
