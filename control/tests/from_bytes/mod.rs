//! Bytes of anybody's as orders to a core that is ticked, with everything checked that must hold whatever they
//! say. The fuzz targets feed it with anything, `any_orders.rs` with the rows of the bad-input table.
#![allow(dead_code, reason = "each program that includes it uses its own part")]

mod bytes;
pub(crate) mod seeds;

use crate::common::{self, N, Rig, TICK, check_differences};
use bytes::Bytes;
use control::{
    Cause, Chunk, Config, Grips, Groups, LeaseId, Motion, Order, Owner, Report, Thing, TickRecord, Twist,
    TwistAxes, World,
};
use mechanics::{Arm, GeomShape, collision::Obstacle};
use nalgebra::Isometry3;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use types::motion::{MAX_POINTS, TrajectoryPoint};
use types::seams::Controller;
use types::{GripperCommand, JointState, JointVector, Rejection, StopCategory, Time, Trajectory, Transform};

/// What the first kind of order is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Trajectory,
    Chunk,
}

/// One input may make the core tick so often.
const MOST_TICKS: usize = 800;
/// Longer than any owner's silence can be configured to be borne, and than any stop takes, ticks.
const TO_REST: usize = 15_000;

/// ... and so long without motion is rest: nobody's silence is borne longer, as it is usually configured.
const STILL: usize = 230;

/// What came of the bytes.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What was refused where it was asked.
    pub(crate) refused: Vec<Rejection>,
    /// What the core told.
    pub(crate) reports: Vec<Report>,
    /// Whether the arm moved.
    pub(crate) has_moved: bool,
}

/// Carries out what `bytes` say.
///
/// # Panics
/// When a command is none, leaves a limit, leaps, or when the arm still moves for an owner that is silent.
pub(crate) fn drive(kind: Kind, bytes: &[u8]) -> Outcome {
    drive_rig(kind, bytes, |rig| rig).0
}

/// The same, with a rig that was changed before it is powered; and every tick of it, if they are recorded.
pub(crate) fn drive_rig(
    kind: Kind,
    bytes: &[u8],
    change: impl FnOnce(Rig) -> Rig,
) -> (Outcome, Vec<TickRecord>) {
    static ARMS: OnceLock<[Arc<Arm>; 2]> = OnceLock::new();
    let arms = ARMS.get_or_init(|| [common::arm(), common::solid_arm()]);
    let mut bytes = Bytes(bytes);
    let is_solid = bytes.below(2) == 1;
    let arm = Arc::clone(&arms[usize::from(is_solid)]);
    let mut outcome = Outcome::default();
    let config = bytes.config();
    // The rig's plant does at once what it is told, so nothing but its numbers may matter.
    if let Err(e) = control::new(Arc::clone(&arm), config.clone()) {
        outcome.refused.push(e);
        return (outcome, vec![]);
    }
    // What the rig checks is written for a millisecond.
    let config = Config { period_s: 0.001, ..config };
    let mut session = Session {
        rig: change(Rig::with(arm, Config { kp: vec![], kd: vec![], max_missing: 20, ..config })).activated(),
        kind,
        last: None,
        is_even: true,
        outcome,
    };
    while !bytes.is_over() && session.rig.commands.len() < MOST_TICKS {
        session.step(&mut bytes);
    }
    session.end()
}

struct Session {
    rig: Rig,
    kind: Kind,
    /// The order before, to be given twice.
    last: Option<Order>,
    /// Every tick came in time, with what the arm did.
    is_even: bool,
    outcome: Outcome,
}

impl Session {
    /// One thing that happens.
    fn step(&mut self, b: &mut Bytes<'_>) {
        let now = self.rig.now;
        match b.below(32) {
            0 | 1 => {
                let main = match self.kind {
                    Kind::Trajectory => self.trajectory(b),
                    Kind::Chunk => Ok(Motion::Chunk(self.chunk(b))),
                };
                match main {
                    Ok(motion) => self.order(b, motion),
                    Err(e) => self.outcome.refused.push(e),
                }
            }
            2 => self.order(b, Motion::Hold),
            3 => {
                let limits = self.rig.arm.limits();
                let v = JointVector::from_fn(N, |j| b.number(limits[j].velocity));
                self.order(b, Motion::Velocity(v));
            }
            4 => {
                let home = self.rig.arm.home();
                let q = JointVector::from_fn(N, |j| home[j] + b.number(1.0));
                self.order(b, Motion::Joints(q));
            }
            5 => {
                let axes = if b.below(2) == 0 { TwistAxes::World } else { TwistAxes::Tool };
                let [linear_m_s, angular_rad_s] = [0.5, 1.0].map(|most| [(); 3].map(|()| b.number(most)));
                self.order(b, Motion::Twist(Twist { linear_m_s, angular_rad_s, axes }));
            }
            6 => {
                let xyz = [(); 3].map(|()| b.number(0.8));
                let wxyz =
                    if b.byte() < 200 { [0.0, 1.0, 0.0, 0.0] } else { [(); 4].map(|()| b.number(1.0)) };
                match Transform::new(xyz, wxyz) {
                    Ok(pose) => self.order(b, Motion::Pose(pose)),
                    Err(e) => self.outcome.refused.push(e),
                }
            }
            7 => {
                let command = GripperCommand { width_m: b.number(0.1), force_n: b.number(50.0) };
                self.order(b, Motion::Grip(command));
            }
            8 => {
                if let Some(order) = self.last.clone() {
                    let done = self.rig.handle.submit(order).map(|_| ());
                    self.note(done);
                }
            }
            9 => self.claim(b),
            10 => {
                if let Some(lease) = &self.rig.lease {
                    let done = self.rig.handle.release(now, lease);
                    self.note(done);
                }
            }
            11 => {
                let category = [StopCategory::Two, StopCategory::One, StopCategory::Zero][b.below(3)];
                self.rig.handle.stop(category);
            }
            12 => {
                let at = b.time(now);
                let handle = &mut self.rig.handle;
                let done = match b.below(3) {
                    0 => handle.reset(at),
                    1 => handle.activate(at),
                    _ => handle.disarm(at),
                };
                self.note(done);
            }
            13 => self.rig.handle.slow(b.number(1.0)),
            14 => self.rig.alive = b.below(4) != 0,
            15 => {
                let world = world(b, now);
                let done = self.rig.handle.watch(world);
                self.note(done);
            }
            16 => {
                // Late, within what the robot bears without a watchdog and beyond.
                self.is_even = false;
                let late = Duration::from_micros(1000 + 100 * u64::from(b.byte()));
                let state = JointState { stamp: now + late, ..self.rig.state };
                self.rig.tick_at(now + late, Some(state));
            }
            17 => {
                // Time that stands still or goes back changes nothing (F27).
                let before = *self.rig.commands.last().expect("it is active");
                let at = Time::from_nanos(now.as_nanos() - 1_000_000 * i64::from(b.byte()));
                assert_eq!(self.rig.core.tick(at, Some(&self.rig.state)), before, "F27");
            }
            18 => {
                self.is_even = false;
                self.rig.tick_with(None);
            }
            19 => {
                self.is_even = false;
                let mut state = JointState { stamp: now + TICK, ..self.rig.state };
                let joint = b.below(N);
                match b.below(4) {
                    0 => state.q[joint] += b.number(0.1),
                    1 => state.dq[joint] = b.number(2.0),
                    2 => state.tau[joint] = b.number(100.0),
                    _ => state.stamp = b.time(now),
                }
                self.rig.tick_with(Some(state));
            }
            _ => self.rig.ticks(1 + usize::from(b.byte())),
        }
    }

    fn note(&mut self, done: Result<(), Rejection>) {
        if let Err(e) = done {
            self.outcome.refused.push(e);
        }
    }

    /// Gives an order, of which lease, number and times may be anything.
    fn order(&mut self, b: &mut Bytes<'_>, motion: Motion) {
        let now = self.rig.now;
        if self.rig.lease.is_none() {
            self.rig.lease = self.rig.handle.claim(now, Owner::Planner, Groups::All, None).ok();
        }
        // Only a full inbox leaves it so.
        let Some(lease) = &mut self.rig.lease else { return };
        let mut order = lease.order(now, motion);
        match b.below(8) {
            0 => order.stamp = b.time(now),
            1 => (order.stamp, order.expires) = (b.time(now), b.time(now)),
            2 => (order.stamp, order.valid_from, order.expires) = (b.time(now), b.time(now), b.time(now)),
            3 => order.sequence = b.byte().into(),
            4 => order.lease = LeaseId(b.byte().into()),
            5 => order.expires = now + Duration::from_secs(1),
            _ => {}
        }
        self.last = Some(order.clone());
        let done = self.rig.handle.submit(order).map(|_| ());
        self.note(done);
    }

    fn claim(&mut self, b: &mut Bytes<'_>) {
        let owner = [Owner::Policy, Owner::Script, Owner::Planner, Owner::Human][b.below(4)];
        let groups = [Groups::Arm, Groups::Gripper, Groups::All][b.below(3)];
        let deadline_s = (b.below(2) == 0).then(|| b.number(0.2));
        match self.rig.handle.claim(b.time(self.rig.now), owner, groups, deadline_s) {
            Ok(lease) => self.rig.lease = Some(lease),
            Err(e) => self.outcome.refused.push(e),
        }
    }

    /// Knots at which the arm rests, and then whatever the bytes change about them.
    fn trajectory(&mut self, b: &mut Bytes<'_>) -> Result<Motion, Rejection> {
        let start = self.rig.hold_q();
        let zero = JointVector::zeros(N);
        let n = b.byte();
        let mut t = 0.0;
        let mut points = vec![TrajectoryPoint { t, q: start, dq: zero, ddq: zero }];
        for _ in 0..n % 8 {
            t += 0.01 * (1.0 + f64::from(b.byte()));
            let q = JointVector::from_fn(N, |j| start[j] + 0.7 * b.part());
            points.push(TrajectoryPoint { t, q, dq: zero, ddq: zero });
        }
        for _ in 0..b.below(4) {
            let (k, joint) = (b.below(points.len()), b.below(N));
            let (p, l) = (&mut points[k], &self.rig.arm.limits()[joint]);
            let what = b.below(6);
            // Of one that was made too short before nothing more is changed.
            match if p.q.len() == N { what } else { 6 } {
                0 => p.t = b.number(2.0),
                1 => p.q[joint] = b.number(l.upper),
                2 => p.dq[joint] = b.number(1.1 * l.velocity),
                3 => p.ddq[joint] = b.number(1.1 * l.acceleration),
                4 => p.q = JointVector::zeros(b.byte().into()),
                5 => p.q[joint] += b.number(0.03),
                _ => {}
            }
        }
        match n {
            255 => points = vec![points[0]; MAX_POINTS + 1],
            254 => points.clear(),
            _ => {}
        }
        Trajectory::new(points, self.rig.arm.limits(), &start).map(|t| Motion::Follow(Box::new(t)))
    }

    /// A wave from where the arm is, and then whatever the bytes change about it.
    fn chunk(&mut self, b: &mut Bytes<'_>) -> Chunk {
        let start = self.rig.hold_q();
        let n = match b.byte() {
            255 => 1001,
            k => 2 + usize::from(k % 64),
        };
        let mut period_s = 0.004 + 0.0005 * f64::from(b.byte());
        let shape = [(); N].map(|()| [b.part(), b.part(), b.part()]);
        let at = |k: usize, j: usize| {
            let (t, [size, phase, drift]) = (k as f64 * period_s, shape[j]);
            start[j]
                + 0.3 * size * (libm_sin(3.0 * t + 3.0 * phase) - libm_sin(3.0 * phase))
                + 0.3 * drift * t
        };
        let mut points: Vec<_> = (0..n).map(|k| JointVector::from_fn(N, |j| at(k, j))).collect();
        for _ in 0..b.below(4) {
            let (k, joint) = (b.below(points.len()), b.below(N));
            let what = b.below(5);
            match if points[k].len() == N { what } else { 5 } {
                0 => period_s = b.number(0.2),
                1 => points[k][joint] = b.number(2.8),
                2 => points[k][joint] += b.number(0.02),
                3 => points[k] = JointVector::zeros(b.byte().into()),
                4 => points.truncate(b.byte().into()),
                _ => {}
            }
            if points.is_empty() {
                break;
            }
        }
        let grip = (b.below(2) == 1).then(|| {
            let mut force_n = 20.0;
            let mut widths_m: Vec<_> =
                (0..points.len()).map(|k| (0.04 - 0.001 * k as f64).clamp(0.01, 0.08)).collect();
            match b.below(4) {
                0 => force_n = b.number(40.0),
                1 => widths_m.truncate(b.byte().into()),
                2 if !widths_m.is_empty() => {
                    let k = b.below(widths_m.len());
                    widths_m[k] = b.number(0.1);
                }
                _ => {}
            }
            Grips { widths_m, force_n }
        });
        Chunk { points, period_s, grip }
    }

    /// Nobody says anything any more: the arm comes to rest and stays there (I4).
    fn end(mut self) -> (Outcome, Vec<TickRecord>) {
        let rig = &mut self.rig;
        rig.alive = false;
        let moves = |c: &types::JointCommand| c.enabled && c.dq.iter().any(|v| *v != 0.0);
        self.outcome.has_moved = rig.commands.iter().any(moves);
        // An order may still begin within its second, and its owner be silent for another fifth.
        let begun = rig.commands.len();
        let mut rests = 0;
        while rests < STILL && rig.commands.len() - begun < TO_REST {
            rests = if moves(&rig.tick()) { 0 } else { rests + 1 };
        }
        assert!(rests >= STILL, "I4: it moves for nobody: {:?}", rig.reports);
        check_differences(&rig.arm, &rig.commands);
        let by_the_wall = |r: &Report| matches!(r, Report::Stopped { cause: Cause::Limit, .. });
        assert!(!self.is_even || !rig.has(by_the_wall), "only the wall stopped it: {:?}", rig.reports);
        self.outcome.reports = core::mem::take(&mut rig.reports);
        (self.outcome, core::mem::take(&mut rig.records))
    }
}

/// A ball near the arm.
fn world(b: &mut Bytes<'_>, now: Time) -> World {
    let things = (0..b.below(3))
        .map(|_| {
            let [x, y, z] = [(); 3].map(|()| b.number(0.8));
            let obstacle = Obstacle {
                name: "ball".into(),
                shape: GeomShape::Sphere { radius: b.number(0.2) },
                world_from_obstacle: Isometry3::translation(x, y, z),
            };
            Thing { obstacle, keep_m: b.number(0.1).abs(), speed_m_s: b.number(1.6).max(0.0) }
        })
        .collect();
    let stamp = if b.below(4) == 0 { b.time(now) } else { now };
    World { stamp, expires: b.time(now), things, held: None }
}

/// In pure Rust, so that an input means the same everywhere.
fn libm_sin(x: f64) -> f64 {
    nalgebra::ComplexField::sin(x)
}
