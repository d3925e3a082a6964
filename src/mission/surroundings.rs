//! What the arm has to keep clear of, as far as anybody knows: what the planner has planned around, and what comes
//! into the picture of the fixed camera while the arm moves and is nobody's (F42, F43).

use control::{Thing, World};
use core::time::Duration;
use mechanics::collision::{Attached, Checker, Obstacle};
use mechanics::{Arm, ArmData, GeomShape, tool_pose};
use nalgebra::{Isometry3, Point3};
use perception::intruders::{Background, Intruder};
use planner::ClearOf;
use std::sync::Arc;
use types::{Image, JointState, JointVector, Rejection, Scene, Time, Trajectory};

/// A picture tells of what stands around for so long.
const LIFE: Duration = Duration::from_secs(1);
/// Points within this of the arm are its own: cables, covers, and where it has got to since the state, metres.
const ARM_M: f64 = 0.05;
/// What the hand works on moves with it: within this of the tool nobody is looked for, unless somebody was there
/// already, metres.
const WORK_M: f64 = 0.12;

/// So many solids of the planner's the filter is told of; there is to be room for who comes.
const MOST_PLANNED: usize = control::MOST_THINGS - 64;

/// How people are kept clear of.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct People {
    /// Whether they are looked for at all.
    pub(crate) watch: bool,
    /// How far the arm keeps from them, metres.
    pub(crate) keep_m: f64,
    /// How fast they may come nearer, m/s.
    pub(crate) speed_m_s: f64,
}

/// See the head of this file.
pub(crate) struct Surroundings {
    arm: Arc<Arm>,
    checker: Checker,
    data: ArmData,
    people: People,
    background: Background,
    /// Nobody knows what this is, and it stood there when the table was looked at.
    standing: Vec<Intruder>,
    /// Who has come since.
    intruders: Vec<Intruder>,
    /// The stamp of the newest picture; `None` without a camera that sees depth.
    seen: Option<Time>,
    /// What the present motion was planned to keep clear of.
    clear_of: ClearOf,
}

impl Surroundings {
    pub(crate) fn new(arm: Arc<Arm>, people: People) -> Self {
        Self {
            checker: Checker::new(&arm),
            data: ArmData::new(&arm),
            arm,
            people,
            background: Background::default(),
            standing: Vec::new(),
            intruders: Vec::new(),
            seen: None,
            clear_of: ClearOf::default(),
        }
    }

    /// The table was looked at: what is there belongs there. What of it nobody knows is returned, to be kept clear of.
    pub(super) fn learn(
        &mut self,
        image: &Image,
        scene: &Scene,
        state: &JointState,
        held: Option<Attached>,
    ) -> Result<Vec<Obstacle>, Rejection> {
        if !self.people.watch || image.depth.is_none() {
            return Ok(Vec::new());
        }
        let Self { arm, checker, data, background, .. } = self;
        checker.attach(held)?;
        let near = checker.near(arm, data, &state.q, state.gripper.width_m, ARM_M)?;
        self.standing = background.learn(image, scene, &mut |p| near.holds(p));
        self.intruders.clear();
        self.seen = Some(image.stamp);
        Ok(balls(&self.standing, "something unknown"))
    }

    /// A picture from under way; `state` is where the arm was when it was taken. Whether somebody has come, or the
    /// last one has gone.
    pub(super) fn watch(
        &mut self,
        image: &Image,
        scene: &Scene,
        state: &JointState,
        held: Option<Attached>,
    ) -> Result<bool, Rejection> {
        if !self.people.watch || image.depth.is_none() {
            return Ok(false);
        }
        let was_alone = self.intruders.is_empty();
        let Self { arm, checker, data, background, .. } = self;
        let tool: Point3<f64> = tool_pose(arm, data, &state.q).origin();
        checker.attach(held)?;
        let near = checker.near(arm, data, &state.q, state.gripper.width_m, ARM_M)?;
        let is_work = |p: &Point3<f64>| was_alone && (p - tool).norm() < WORK_M;
        self.intruders = background.intruders(image, scene, &mut |p| near.holds(p), is_work);
        self.seen = Some(image.stamp);
        Ok(was_alone != self.intruders.is_empty())
    }

    /// The motion that is about to begin, and what it was planned to keep clear of. Returns how many solids the filter
    /// is not told of, because there are too many: those farthest from both ends of the tool's way.
    pub(super) fn plan(&mut self, trajectory: &Trajectory, clear_of: ClearOf) -> usize {
        self.clear_of = clear_of;
        let n = self.clear_of.obstacles.len();
        if n <= MOST_PLANNED {
            return 0;
        }
        let Self { arm, data, .. } = self;
        let mut tool = |q: &JointVector| tool_pose(arm, data, q).origin();
        let ends = [tool(&trajectory.sample(0.0).q), tool(trajectory.end())];
        let from_ends = |o: &Obstacle| {
            let at = Point3::from(o.world_from_obstacle.translation.vector);
            ends.iter().map(|end| (at - end).norm()).fold(f64::INFINITY, f64::min)
        };
        let mut nearest = self.clear_of.obstacles.to_vec();
        nearest.sort_by(|a, b| from_ends(a).total_cmp(&from_ends(b)));
        nearest.truncate(MOST_PLANNED);
        self.clear_of.obstacles = nearest.into();
        n - MOST_PLANNED
    }

    /// Whether somebody is there that nobody knows.
    pub(super) fn has_intruders(&self) -> bool {
        !self.intruders.is_empty()
    }

    /// Whether the newest picture is younger than `age`, or there is no camera to wait for.
    pub(super) fn is_fresh(&self, now: Time, age: Duration) -> bool {
        self.seen.is_none_or(|seen| now.since(seen) < age)
    }

    /// For people: how many balls cover who has come, and how near the next is to `point`, metres.
    pub(super) fn describe(&self, point: Point3<f64>) -> String {
        let distance = |i: &Intruder| (i.center - point).norm() - i.radius_m;
        let nearest = self.intruders.iter().map(distance).fold(f64::INFINITY, f64::min);
        format!("somebody or something has come into the picture, {:.2} m from the tool", nearest.max(0.0))
    }

    /// What the safety filter is told at `now`, besides what the configuration and others add.
    pub(super) fn world(&self, now: Time) -> World {
        let still = |obstacle| Thing { obstacle, keep_m: 0.0, speed_m_s: 0.0 };
        let People { keep_m, speed_m_s, .. } = self.people;
        let moving = |obstacle| Thing { obstacle, keep_m, speed_m_s };
        let planned = self.clear_of.obstacles.iter().cloned().map(still);
        let come = balls(&self.intruders, "somebody").into_iter().map(moving);
        let stamp = self.seen.unwrap_or(now);
        let things = planned.chain(come).collect();
        World { stamp, expires: stamp + LIFE, things, held: self.clear_of.held.clone() }
    }
}

fn balls(of: &[Intruder], name: &str) -> Vec<Obstacle> {
    let ball = |(k, i): (usize, &Intruder)| Obstacle {
        name: format!("{name} [{k}]"),
        shape: GeomShape::Sphere { radius: i.radius_m },
        world_from_obstacle: Isometry3::from(i.center.coords),
    };
    of.iter().enumerate().map(ball).collect()
}
