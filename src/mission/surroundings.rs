//! What the arm has to keep clear of, as far as anybody knows: what the planner has planned around, and what comes
//! into the picture of the fixed camera while the arm moves and is nobody's (F42, F43).

use super::onlooker::Onlooker;
use crate::config::walls;
use crate::recording::Tape;
use control::{Thing, World};
use core::time::Duration;
use mechanics::collision::{Attached, Checker, Near, Obstacle};
use mechanics::{Arm, ArmData, GeomShape, tool_pose};
use nalgebra::{Isometry3, Point3};
use perception::intruders::{Intruder, Known, MOST_BALLS};
use planner::ClearOf;
use std::collections::VecDeque;
use std::sync::Arc;
use types::{Image, JointState, JointVector, Rejection, Scene, Time, Trajectory};

/// A picture tells of what stands around for so long.
const LIFE: Duration = Duration::from_secs(1);
/// Points within this of the arm are its own: cables, covers, and where it has got to since the state, metres.
const ARM_M: f64 = 0.05;
/// Within this of the tool what the hand works on moves with it, metres.
const WORK_M: f64 = 0.12;
/// Who is farther than this beyond the arm's reach does not matter yet, metres.
const BEYOND_M: f64 = 0.4;
/// What stands there and nobody knows is kept so far from, metres.
const STANDING_KEEP_M: f64 = 0.02;
/// States that are remembered for the pictures, and how far one may be from its picture, seconds.
const STATES: usize = 64;
const STATE_OFF_S: f64 = 0.02;
/// An arm that is less far from where it was has rested in between, rad (m).
const RESTED_RAD: f64 = 0.005;
/// Between two states no farther apart, seconds, an arm goes straight, by a hundredth of a radian or two.
const BETWEEN_S: f64 = 0.15;
/// So many solids of the planner's the filter is told of: there is to be room for boxes of the configuration and for
/// who comes.
const MOST_PLANNED: usize = control::MOST_THINGS - walls::MOST_BOXES - walls::SIDES - MOST_BALLS - 1;

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
    /// About the arm's base so far anything matters, metres.
    reach_m: f64,
    watch: Onlooker,
    /// Nobody knows what this is, and it stands there.
    standing: Vec<Obstacle>,
    /// The stamp of the newest picture; `None` without a camera that sees depth.
    seen: Option<Time>,
    /// Where the arm was of late.
    states: VecDeque<JointState>,
    /// What the present motion was planned to keep clear of.
    clear_of: ClearOf,
}

impl Surroundings {
    pub(crate) fn new(arm: Arc<Arm>, people: People, tape: Tape) -> Self {
        let checker = Checker::new(&arm);
        let reaches = checker.joint_reaches(&arm, 0.2);
        Self {
            data: ArmData::new(&arm),
            people,
            reach_m: reaches.iter().fold(0.0f64, |m, r| m.max(*r)) + BEYOND_M,
            watch: Onlooker::new(tape),
            standing: Vec::new(),
            seen: None,
            states: VecDeque::with_capacity(STATES),
            clear_of: ClearOf::default(),
            checker,
            arm,
        }
    }

    /// Where the arm is measured to be, for the pictures of this time.
    pub(super) fn note(&mut self, state: &JointState) {
        if self.people.watch && self.states.back().is_none_or(|last| last.stamp < state.stamp) {
            if self.states.len() == STATES {
                self.states.pop_front();
            }
            self.states.push_back(*state);
        }
    }

    /// The table was looked at: what is there belongs there. What of it nobody knows is returned, to be kept clear of;
    /// `None` when nothing was learned, because it is not known where the arm was, or nobody is looked for.
    pub(super) fn learn(
        &mut self,
        image: &Image,
        scene: &Scene,
        held: Option<Attached>,
    ) -> Result<Option<Vec<Obstacle>>, Rejection> {
        let Some(state) = self.state_at(image) else { return Ok(None) };
        let standing = self.compare(image, scene, &state, held, Onlooker::learn)?;
        self.standing = self.beside_the_arm(standing, &state)?;
        Ok(Some(self.standing.clone()))
    }

    /// Whether anybody is looked for in pictures as this one.
    pub(super) fn looks_at(&self, image: &Image) -> bool {
        self.people.watch && image.depth.is_some()
    }

    /// A picture from under way; a picture of which nobody knows where the arm was then is none. Whether somebody has
    /// come, or the last one has gone.
    pub(super) fn watch(
        &mut self,
        image: &Image,
        scene: &Scene,
        held: Option<Attached>,
    ) -> Result<bool, Rejection> {
        let Some(state) = self.state_at(image) else { return Ok(false) };
        let was_there = self.has_intruders();
        self.compare(image, scene, &state, held, Onlooker::watch)?;
        Ok(was_there != self.has_intruders())
    }

    /// Everybody in the picture has stood still for seconds: they are things, and returned with all that stand there,
    /// to be kept clear of.
    pub(super) fn accept_what_stands(&mut self, now: Time) -> Result<Option<Vec<Obstacle>>, Rejection> {
        let Some(stands) = self.watch.accept_what_stands(now) else { return Ok(None) };
        let Some(state) = self.states.back().copied() else { return Ok(None) };
        let stands = self.beside_the_arm(stands, &state)?;
        // The motion under way was not planned around them.
        let most = MOST_PLANNED.saturating_sub(stands.len());
        let planned = self.clear_of.obstacles.iter().take(most).chain(&stands).cloned().collect();
        self.clear_of.obstacles = planned;
        self.standing.extend(stands);
        self.standing.truncate(2 * MOST_BALLS);
        Ok(Some(self.standing.clone()))
    }

    /// Whether pictures had depth before and this one has none.
    pub(super) fn is_blinded(&self, image: &Image) -> bool {
        self.people.watch && self.seen.is_some() && image.depth.is_none()
    }

    /// Where the arm was when a picture was taken that is newer than the last; `None` when nobody is looked for, too.
    fn state_at(&self, image: &Image) -> Option<JointState> {
        let off = |s: &JointState| s.stamp.secs_since(image.stamp).abs();
        let is_newer = self.seen.is_none_or(|seen| image.stamp >= seen);
        if !self.looks_at(image) || !is_newer {
            return None;
        }
        let nearest = self.states.iter().min_by(|a, b| off(a).total_cmp(&off(b)));
        nearest.filter(|s| off(s) <= STATE_OFF_S).copied().or_else(|| self.between(image.stamp))
    }

    /// Where the arm was by what was noted before and after: models take their time between pictures, and it rests; a
    /// camera takes its time, too, and it moves meanwhile, but not far from the straight way.
    fn between(&self, stamp: Time) -> Option<JointState> {
        let after = self.states.iter().position(|s| s.stamp >= stamp)?;
        let (before, after) = (self.states.get(after.checked_sub(1)?)?, self.states.get(after)?);
        if before.q.max_abs_diff(&after.q) < RESTED_RAD {
            return Some(*before);
        }
        let gap_s = after.stamp.secs_since(before.stamp);
        let part = stamp.secs_since(before.stamp) / gap_s;
        let q = JointVector::from_fn(before.q.len(), |j| before.q[j] + part * (after.q[j] - before.q[j]));
        (gap_s <= BETWEEN_S).then_some(JointState { stamp, q, ..*before })
    }

    fn compare<T>(
        &mut self,
        image: &Image,
        scene: &Scene,
        state: &JointState,
        held: Option<Attached>,
        with: impl Fn(&mut Onlooker, &Image, &Known<'_>) -> T,
    ) -> Result<T, Rejection> {
        let Self { arm, checker, data, watch, reach_m, .. } = self;
        let tool = tool_pose(arm, data, &state.q).origin();
        let base = Point3::from(arm.profile().base_xyz_m);
        checker.attach(held)?;
        let near: Near<'_> = checker.near(arm, data, &state.q, state.gripper.width_m, ARM_M)?;
        let known = Known {
            scene,
            is_arm: &|p| near.holds(p),
            is_work: &|p| (p - tool).norm() < WORK_M,
            matters: &|p| (p - base).norm() < *reach_m,
        };
        let out = with(watch, image, &known);
        self.seen = Some(image.stamp);
        Ok(out)
    }

    /// Balls of what stands there, grown by what is kept from them, but not into the arm: where it is nothing is.
    fn beside_the_arm(&mut self, of: Vec<Intruder>, state: &JointState) -> Result<Vec<Obstacle>, Rejection> {
        let mut out = balls(&of, "something unknown", STANDING_KEEP_M);
        self.checker.attach(None)?;
        self.checker.set_obstacles(out.clone())?;
        self.checker.room(&self.arm, &mut self.data, &state.q, state.gripper.width_m, &[], 0.0);
        for (k, o) in out.iter_mut().enumerate() {
            if let GeomShape::Sphere { radius } = &mut o.shape {
                // A little more, so that the planner finds room.
                *radius += (self.checker.distance_to(k, 0.02) - 0.02).min(0.0);
            }
        }
        out.retain(|o| matches!(o.shape, GeomShape::Sphere { radius } if radius > 0.005));
        self.checker.set_obstacles(Vec::new())?;
        Ok(out)
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
        // The table comes first, and stays.
        let mut nearest = self.clear_of.obstacles.to_vec();
        nearest[1..].sort_by(|a, b| from_ends(a).total_cmp(&from_ends(b)));
        nearest.truncate(MOST_PLANNED);
        self.clear_of.obstacles = nearest.into();
        n - MOST_PLANNED
    }

    /// Whether somebody is there that nobody knows.
    pub(super) fn has_intruders(&self) -> bool {
        !self.watch.intruders().is_empty()
    }

    /// Whether the newest picture is younger than `age`, or there is no camera to wait for.
    pub(super) fn is_fresh(&self, now: Time, age: Duration) -> bool {
        self.seen.is_none_or(|seen| now.since(seen) < age)
    }

    /// For people: how near to the tool at `point` somebody is, metres.
    pub(super) fn describe(&self, point: Point3<f64>) -> String {
        let distance = |i: &Intruder| (i.center - point).norm() - i.radius_m;
        let nearest = self.watch.intruders().iter().map(distance).fold(f64::INFINITY, f64::min);
        format!("somebody or something has come into the picture, {:.2} m from the tool", nearest.max(0.0))
    }

    /// What the safety filter is told at `now`, besides what the configuration and others add.
    pub(super) fn world(&self, now: Time) -> World {
        let stamp = self.seen.unwrap_or(now);
        let still = |obstacle| Thing { obstacle, keep_m: 0.0, speed_m_s: 0.0 };
        let planned = self.clear_of.obstacles.iter().cloned().map(still);
        let come = balls(self.watch.intruders(), "somebody", 0.0);
        let moving = come.into_iter().zip(self.watch.intruders()).map(|(obstacle, i)| {
            // Who is hidden may have come nearer ever since they were seen.
            let keep_m = self.people.keep_m + self.people.speed_m_s * stamp.secs_since(i.seen).max(0.0);
            Thing { obstacle, keep_m: keep_m.min(1.0), speed_m_s: self.people.speed_m_s }
        });
        let things = planned.chain(moving).collect();
        World { stamp, expires: stamp + LIFE, things, held: self.clear_of.held.clone() }
    }
}

fn balls(of: &[Intruder], name: &str, grow_m: f64) -> Vec<Obstacle> {
    let ball = |(k, i): (usize, &Intruder)| Obstacle {
        name: format!("{name} [{k}]"),
        shape: GeomShape::Sphere { radius: i.radius_m + grow_m },
        world_from_obstacle: Isometry3::from(i.center.coords),
    };
    of.iter().enumerate().map(ball).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{GripperState, Intrinsics, Transform};

    #[test]
    fn a_picture_from_between_two_states_is_of_an_arm_that_rested_or_of_nobody_knows_what() {
        let arm = crate::robots::load("panda").expect("the built-in arm");
        let people = People { watch: true, keep_m: 0.05, speed_m_s: 1.6 };
        let zero = JointVector::zeros(arm.n_joints());
        let state = |ms: i64, off: f64| JointState {
            stamp: Time::from_nanos(ms * 1_000_000),
            q: JointVector::from_fn(arm.n_joints(), |j| arm.home()[j] + off),
            dq: zero,
            tau: zero,
            gripper: GripperState::default(),
        };
        let lens = Intrinsics::from_fov(2, 1, 1.0).expect("a lens");
        let image = |ms: i64, depth: Option<Vec<f32>>| {
            let stamp = Time::from_nanos(ms * 1_000_000);
            Image::new("front", 0, stamp, vec![0; 6], depth, lens, Transform::identity()).expect("a picture")
        };
        let mut surroundings = Surroundings::new(arm.clone(), people, Tape::default());
        for (ms, off) in [(1000, 0.0), (1300, 0.001), (1600, 0.1), (1700, 0.2)] {
            surroundings.note(&state(ms, off));
        }
        let at = |ms| surroundings.state_at(&image(ms, Some(vec![1.0; 2]))).map(|s| s.stamp);
        assert_eq!(at(1010), Some(state(1000, 0.0).stamp), "near a state");
        assert_eq!(at(1150), Some(state(1000, 0.0).stamp), "it rested");
        assert_eq!(at(1450), None, "it moved");
        let moved = surroundings.state_at(&image(1650, Some(vec![1.0; 2]))).expect("between two");
        assert!((moved.q[0] - arm.home()[0] - 0.15).abs() < 1e-9, "half of the way: {moved:?}");
        assert_eq!(at(1900), None, "nobody knows yet");
        assert_eq!(at(900), None, "nobody knew yet");
        assert!(surroundings.state_at(&image(1010, None)).is_none(), "without depth nobody is seen");
    }
}
