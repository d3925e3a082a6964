//! What comes into the arm's way while it moves, known to the safety filter and to nobody else: the planner has
//! planned through it. For measuring what the filter prevents and costs (`sinew eval --paired`); no
//! configuration makes any, and they touch nothing.

use control::{Status, Thing};
use core::time::Duration;
use mechanics::collision::{Attached, Checker, Obstacle};
use mechanics::{Arm, ArmData, GeomShape, tool_pose};
use nalgebra::{Point3, Translation3, UnitQuaternion, Vector3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use types::{Time, Trajectory};

/// The part of the motions that somebody comes into the way of.
const SHARE: f64 = 0.7;
/// Shorter motions are over before anybody comes, seconds.
const SHORTEST_S: f64 = 0.6;
/// How large they are, metres.
const RADIUS_M: f64 = 0.05;
/// How far the arm keeps from what stands, and from what may move, metres.
const KEEP_STILL_M: f64 = 0.02;
const KEEP_MOVING_M: f64 = 0.05;
/// What stands is farther from the arm than this when it appears, metres: it could not be helped otherwise.
const APPEARS_AT_M: f64 = 0.08;
/// Nearer than asked by so much is not nearer, metres.
const TOLERANCE_M: f64 = 7e-4;

/// How often somebody came, and what the arm did.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Into the way of so many motions.
    pub(crate) visits: usize,
    /// So often the arm moved where it was nearer than asked.
    pub(crate) entries: usize,
}

/// Somebody at a place on the arm's way, for a while.
#[derive(Clone, Debug)]
struct Visit {
    at: Point3<f64>,
    /// Where they come from and go to.
    aside: Vector3<f64>,
    /// Zero: they stand there from the beginning, and are taken away, m/s.
    speed_m_s: f64,
    reaches: Time,
    leaves: Time,
    over: Time,
}

impl Visit {
    fn thing(&self, now: Time) -> Thing {
        let away_s = self.reaches.secs_since(now).max(now.secs_since(self.leaves)).max(0.0);
        let place = self.at.coords + self.aside * (self.speed_m_s * away_s);
        let keep_m = if self.speed_m_s > 0.0 { KEEP_MOVING_M } else { KEEP_STILL_M };
        Thing { obstacle: ball(place), keep_m, speed_m_s: self.speed_m_s }
    }
}

fn ball(at: Vector3<f64>) -> Obstacle {
    Obstacle {
        name: "somebody".into(),
        shape: GeomShape::Sphere { radius: RADIUS_M },
        world_from_obstacle: nalgebra::Isometry3::from_parts(
            Translation3::from(at),
            UnitQuaternion::identity(),
        ),
    }
}

/// Draws visits, and watches how near the arm comes by a checker of its own.
pub(crate) struct Visitors {
    arm: Arc<Arm>,
    checker: Checker,
    data: ArmData,
    seed: u64,
    is_told: bool,
    n_motions: u64,
    visit: Option<Visit>,
    is_inside: bool,
    tally: Tally,
}

impl Visitors {
    /// The visitors of one seed; whether the safety filter is told of them, and of anything.
    pub(crate) fn new(arm: Arc<Arm>, seed: u64, is_told: bool) -> Self {
        let (checker, data) = (Checker::new(&arm), ArmData::new(&arm));
        let (n_motions, visit, is_inside, tally) = (0, None, false, Tally::default());
        Self { arm, checker, data, seed, is_told, n_motions, visit, is_inside, tally }
    }

    pub(crate) fn is_told(&self) -> bool {
        self.is_told
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// What the safety filter is told at `now`.
    pub(super) fn thing(&self, now: Time) -> Option<Thing> {
        self.visit.as_ref().filter(|v| now < v.over).map(|v| v.thing(now))
    }

    /// A motion begins: perhaps somebody comes where the tool will be. The same motion of the same seed gets the
    /// same visit.
    pub(super) fn meet(&mut self, status: &Status, trajectory: &Trajectory, held: Option<Attached>) {
        self.n_motions += 1;
        self.checker.attach(held).expect("what the hand holds has a shape that the planner checks too");
        let (now, whole_s) = (status.now, trajectory.duration());
        let mut rng =
            ChaCha8Rng::seed_from_u64(self.seed ^ self.n_motions.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if self.thing(now).is_some() || whole_s < SHORTEST_S || !rng.random_bool(SHARE) {
            return;
        }
        let stands = rng.random_bool(0.5);
        let reaches_s = whole_s * rng.random_range(0.35..0.9);
        let at = tool_pose(&self.arm, &mut self.data, &trajectory.sample(reaches_s).q).origin();
        let turn: f64 = rng.random_range(0.0..core::f64::consts::TAU);
        let aside = Vector3::new(turn.cos(), turn.sin(), rng.random_range(0.0..1.0)).normalize();
        let speed_m_s = rng.random_range(0.3..1.2);
        let stays_s = rng.random_range(0.3..2.0);
        if stands && self.distance(status, ball(at.coords)) < APPEARS_AT_M {
            return;
        }
        let after = |s: f64| now + Duration::from_secs_f64(s);
        let (reaches, leaves) = (after(reaches_s), after(reaches_s + stays_s));
        self.visit = Some(if stands {
            Visit { at, aside, speed_m_s: 0.0, reaches: now, leaves, over: leaves }
        } else {
            Visit { at, aside, speed_m_s, reaches, leaves, over: leaves + Duration::from_secs(2) }
        });
        self.tally.visits += 1;
    }

    /// Looks how near the arm is, and whether it moves there.
    pub(super) fn look(&mut self, status: &Status) {
        let thing = self.thing(status.now);
        let is_near = thing.is_some_and(|t| {
            let moves = status.command.dq.iter().any(|v| *v != 0.0);
            moves && self.distance(status, t.obstacle) < t.keep_m - TOLERANCE_M
        });
        if is_near && !self.is_inside {
            self.tally.entries += 1;
        }
        self.is_inside = is_near;
    }

    /// From the arm, where it is told to be, and what it holds, metres; at most one.
    fn distance(&mut self, status: &Status, obstacle: Obstacle) -> f64 {
        self.checker.set_obstacles(vec![obstacle]).expect("a ball of numbers");
        let width_m = status.measured.map_or(0.0, |m| m.gripper.width_m);
        self.checker.room(&self.arm, &mut self.data, &status.command.q, width_m, &[], 1.0).still
    }
}
