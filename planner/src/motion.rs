//! Skills to motion: every step checked, each beginning where the one before ends.

use crate::config::Config;
use crate::failure::PlanFailure;
use crate::grasp::raised;
use crate::judge::held_width;
use crate::obstacles::{obstacles, settled, solid};
use crate::reach::reach_area;
use crate::space::{Fit, Space};
use crate::spots::Area;
use mechanics::Arm;
use mechanics::collision::{Attached, Obstacle};
use nalgebra::Isometry3;
use std::sync::Arc;
use types::plan::Skill;
use types::{
    GripperCommand, JointState, JointVector, ObjectId, Rejection, Scene, Tool, TrackedObject, Trajectory,
    Transform, World,
};

/// What the gripper shall feel like when it has done what it was told.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Expect {
    /// Closed on nothing.
    Empty,
    /// Closed on something of this width.
    Holding {
        /// Least distance of the fingertips, metres.
        min_width_m: f64,
        /// Largest distance of the fingertips, metres.
        max_width_m: f64,
    },
    /// As far open as it was told.
    Open,
}

/// One step of a skill.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Follow a trajectory.
    Move {
        /// Checked against the scene as it will be executed.
        trajectory: Trajectory,
        /// What for, for people: "reach over the small red cube".
        why: String,
        /// What it was checked to keep clear of.
        clear_of: ClearOf,
    },
    /// Open or close the gripper where the arm is.
    Gripper {
        /// The command.
        command: GripperCommand,
        /// What should come of it. When it does not, the steps after this one must not be run.
        expect: Expect,
    },
}

/// What a motion keeps clear of, besides the boxes that are never to be entered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClearOf {
    /// The table and the objects, as solids.
    pub obstacles: Arc<[Obstacle]>,
    /// What the hand holds, which must keep clear of them too.
    pub held: Option<Attached>,
}

/// An object in the hand.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// As it was tracked when it was grasped.
    pub object: TrackedObject,
    /// Where the object's frame is in the tool.
    pub tool_from_object: Isometry3<f64>,
    /// How far the fingertips are apart around it, metres.
    pub width_m: f64,
}

impl Held {
    /// The solid it is taken for where distances are kept.
    #[must_use]
    pub fn attached(&self) -> Attached {
        attached(self, 0.0)
    }
}

/// A skill's motion.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// In order of execution.
    pub steps: Vec<Step>,
    /// What the hand holds when all went as expected.
    pub held: Option<Held>,
}

/// Gripper openings that differ by less are the same, metres.
const SAME_WIDTH_M: f64 = 0.002;
/// What is held counts as smaller by this while it is near its support, metres.
const CONTACT_SHRINK_M: f64 = 0.003;
/// The arm is at home when no joint is further from it, rad: what it sags by is no reason to move.
const AT_HOME_RAD: f64 = 0.01;
/// Shares of the wanted height that lines up are tried with.
const UP_SHARES: [f64; 3] = [1.0, 0.75, 0.55];
/// Share of the usual pace for parking.
const PARK_PACE: f64 = 0.3;

/// A way to a contact pose: joints there, the line up from it, and how far the arm must go to begin.
pub(crate) struct Way {
    pub(crate) line_up: Vec<JointVector>,
    pub(crate) cost: f64,
    pub(crate) open_m: f64,
}

/// How long inverse kinematics may look for one answer. The planner has no clock: whoever has one answers here.
pub trait Patience: Send + core::fmt::Debug {
    /// A question begins.
    fn begin(&mut self);
    /// Whether one more start may be made. After a no the best answer so far is taken, or the question has none.
    fn goes_on(&mut self) -> bool;
}

/// Plans the motion of skills for one arm.
#[derive(Debug)]
pub struct Motion {
    pub(crate) space: Space,
    pub(crate) config: Config,
    pub(crate) area: Area,
}

impl Motion {
    /// Prepares collision checking and kinematics for an arm.
    ///
    /// # Errors
    /// A [`Rejection`] of the configuration.
    pub fn new(arm: Arc<Arm>, config: Config) -> Result<Self, Rejection> {
        config.check()?;
        let area = reach_area(&arm);
        Ok(Self { space: Space::new(arm, &config), config, area })
    }

    /// From now on inverse kinematics is cut short when `patience` says so; without, its starts alone end it.
    pub fn set_patience(&mut self, patience: Box<dyn Patience>) {
        self.space.set_patience(patience);
    }

    /// The steps of `skill`, from `state`, in `scene`, with `held` in the hand. Every trajectory begins
    /// where the one before ends, keeps every limit, and was checked for collisions as it will be
    /// executed. The same input, and the same answers of its patience, give the same steps.
    ///
    /// # Errors
    /// [`PlanFailure`], which says what cannot be reached or what is in the way.
    pub fn prepare(
        &mut self,
        skill: &Skill,
        scene: &Scene,
        state: &JointState,
        held: Option<&Held>,
    ) -> Result<Prepared, PlanFailure> {
        self.check_state(state)?;
        self.space.reseed();
        let mut run = Run::new(state, held.cloned());
        match *skill {
            Skill::Pick { object } => self.pick(&mut run, object, scene)?,
            Skill::Place { object, spot } => self.place(&mut run, object, &spot, scene)?,
            Skill::Push { object, to } => self.push(&mut run, object, to.into(), scene)?,
            Skill::OpenGripper => {
                let width_m = self.space.arm().profile().gripper.width_m;
                self.set_gripper(&mut run, width_m, Expect::Open);
                run.held = None;
            }
            Skill::CloseGripper => {
                let expect = match &run.held {
                    Some(held) => holding(held.width_m),
                    None => Expect::Empty,
                };
                self.set_gripper(&mut run, 0.0, expect);
            }
            Skill::Home => self.go_home(&mut run, scene)?,
            Skill::Look => {
                if self.config.home_after {
                    self.go_home(&mut run, scene)?;
                }
            }
        }
        Ok(Prepared { steps: run.steps, held: run.held })
    }

    /// Besides the objects of a scene, keeps clear of these from now on: what stands there and is no object that
    /// anybody knows.
    ///
    /// # Errors
    /// A [`Rejection`] of a shape or place that cannot be.
    pub fn also_clear(&mut self, obstacles: Vec<Obstacle>) -> Result<(), Rejection> {
        self.space.also_clear(obstacles)
    }

    pub(crate) fn check_state(&self, state: &JointState) -> Result<(), Rejection> {
        let n = self.space.arm().n_joints();
        if state.is_finite() && state.q.len() == n {
            return Ok(());
        }
        Err(Rejection::new("state.q", format!("{n} finite joints"), format!("{:?}", state.q)))
    }

    /// A slow checked way to the park pose.
    ///
    /// # Errors
    /// [`PlanFailure`] when the way is not clear; the arm then better stays where it is.
    pub fn clear_to_park(
        &mut self,
        state: &JointState,
        scene: &Scene,
        held: Option<&Held>,
    ) -> Result<Vec<(Trajectory, ClearOf)>, PlanFailure> {
        self.space.reseed();
        let mut run = Run::new(state, held.cloned());
        let park = self.space.arm().park();
        self.go(&mut run, &park, scene, PARK_PACE, "park")?;
        let moves = run.steps.into_iter().filter_map(|step| match step {
            Step::Move { trajectory, clear_of, .. } => Some((trajectory, clear_of)),
            Step::Gripper { .. } => None,
        });
        Ok(moves.collect())
    }

    pub(crate) fn set_gripper(&self, run: &mut Run, width_m: f64, expect: Expect) {
        let force_n = self.config.grip_force_n.min(self.space.arm().profile().gripper.force_n);
        run.steps.push(Step::Gripper { command: GripperCommand { width_m, force_n }, expect });
        run.width_m = match expect {
            Expect::Holding { .. } => run.width_m,
            Expect::Empty => 0.0,
            Expect::Open => width_m,
        };
    }

    /// Opens or closes to `width_m`, if it is not so already.
    pub(crate) fn open_to(&self, run: &mut Run, width_m: f64) {
        if (run.width_m - width_m).abs() > SAME_WIDTH_M {
            self.set_gripper(run, width_m, Expect::Open);
        }
    }

    /// Surroundings for free motion: everything a little larger, what is held in full.
    pub(crate) fn surround_free(&mut self, run: &Run, scene: &Scene) -> Result<(), PlanFailure> {
        let left_out: Vec<ObjectId> = run.held.iter().map(|h| h.object.id).collect();
        let attached = run.held.as_ref().map(|h| attached(h, 0.0));
        self.space.surround(obstacles(scene, &left_out, true), attached)
    }

    /// Surroundings for work close to things: as they are measured, without those in `left_out`, what
    /// is held a little smaller.
    pub(crate) fn surround_contact(
        &mut self,
        run: &Run,
        scene: &Scene,
        left_out: &[ObjectId],
    ) -> Result<(), PlanFailure> {
        let mut left_out = left_out.to_vec();
        left_out.extend(run.held.iter().map(|h| h.object.id));
        let attached = run.held.as_ref().map(|h| attached(h, -CONTACT_SHRINK_M));
        self.space.surround(obstacles(scene, &left_out, false), attached)
    }

    pub(crate) fn free_fit(&self, run: &Run) -> Fit {
        Fit { width_m: run.width_m, margin_m: self.config.free_margin_m }
    }

    pub(crate) fn contact_fit(&self, width_m: f64) -> Fit {
        Fit { width_m, margin_m: self.config.contact_margin_m }
    }

    /// Adds a free motion to `to`; first straight up, where the hand is among things.
    pub(crate) fn go(
        &mut self,
        run: &mut Run,
        to: &JointVector,
        scene: &Scene,
        pace: f64,
        why: &str,
    ) -> Result<(), PlanFailure> {
        self.surround_free(run, scene)?;
        let fit = self.free_fit(run);
        if run.q.max_abs_diff(to) < 1e-6 {
            return Ok(());
        }
        if let Some(line) = self.space.escape(&run.q, fit)? {
            let trajectory = self.space.slow_unchecked(&line, self.config.contact_speed_m_s)?;
            run.follow(trajectory, "get clear", self.space.clear_of());
        }
        let trajectory = self.space.way(&run.q, to, fit, (pace, why))?;
        run.follow(trajectory, why, self.space.clear_of());
        Ok(())
    }

    pub(crate) fn go_home(&mut self, run: &mut Run, scene: &Scene) -> Result<(), PlanFailure> {
        let home = self.space.arm().home();
        if run.q.max_abs_diff(&home) < AT_HOME_RAD {
            return Ok(());
        }
        self.go(run, &home, scene, 1.0, "go home")
    }

    /// Adds the way home, if it is wanted and there is one: the skill itself is done without it.
    pub(crate) fn finish(&mut self, run: &mut Run, scene: &Scene) {
        if self.config.home_after {
            let mut attempt = run.clone();
            if self.go_home(&mut attempt, scene).is_ok() {
                *run = attempt;
            }
        }
    }

    /// Adds a slow straight line that is already checked at its waypoints.
    pub(crate) fn creep(
        &mut self,
        run: &mut Run,
        line: &[JointVector],
        why: &str,
    ) -> Result<(), PlanFailure> {
        let fit = self.contact_fit(run.width_m);
        let trajectory = self.space.slow(line, fit, self.config.contact_speed_m_s, why)?;
        run.follow(trajectory, why, self.space.clear_of());
        Ok(())
    }

    /// The line straight up from `tool`, `up_m` long, or shorter where the arm ends sooner.
    pub(crate) fn line_up(
        &mut self,
        from: &JointVector,
        tool: &Transform<World, Tool>,
        up_m: f64,
        fit: Fit,
        what: &str,
    ) -> Result<Vec<JointVector>, PlanFailure> {
        let mut failure = None;
        for share in UP_SHARES {
            match self.space.line(from, &raised(tool, share * up_m), fit, what) {
                Ok(line) => return Ok(line),
                Err(e) => failure = failure.or(Some(e)),
            }
        }
        Err(failure.unwrap_or_else(|| PlanFailure::NoPath { what: what.to_owned() }))
    }

    /// The joints at `tool` and the straight line up from it, both free; measured from `run.q`.
    pub(crate) fn way_to(
        &mut self,
        run: &Run,
        tool: &Transform<World, Tool>,
        width_m: f64,
        what: &str,
    ) -> Result<Way, PlanFailure> {
        let fit = self.contact_fit(width_m);
        let home = self.space.arm().home();
        let there = self.space.reach(tool, &home, fit, what)?;
        let line_up = self.line_up(&there, tool, self.config.approach_m, fit, what)?;
        let cost = line_up[line_up.len() - 1].max_abs_diff(&run.q);
        Ok(Way { line_up, cost, open_m: width_m })
    }
}

/// Where the arm and its hand are while a skill is planned.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) q: JointVector,
    pub(crate) width_m: f64,
    pub(crate) held: Option<Held>,
    pub(crate) steps: Vec<Step>,
}

impl Run {
    pub(crate) fn new(state: &JointState, held: Option<Held>) -> Self {
        let width_m = held.as_ref().map_or(state.gripper.width_m, |h| h.width_m);
        Self { q: state.q, width_m: width_m.max(0.0), held, steps: Vec::new() }
    }

    pub(crate) fn follow(&mut self, trajectory: Trajectory, why: &str, clear_of: ClearOf) {
        self.q = *trajectory.end();
        if trajectory.duration() > 0.0 {
            self.steps.push(Step::Move { trajectory, why: why.to_owned(), clear_of });
        }
    }
}

pub(crate) fn holding(side_m: f64) -> Expect {
    let (min_width_m, max_width_m) = held_width(side_m);
    Expect::Holding { min_width_m, max_width_m }
}

fn attached(held: &Held, grow: f64) -> Attached {
    Attached { shape: solid(&held.object, grow), tool_from_shape: held.tool_from_object }
}

/// The object of this name as it must stand.
pub(crate) fn find(scene: &Scene, id: ObjectId) -> Result<TrackedObject, PlanFailure> {
    let found = scene.get(id).map(settled);
    found.ok_or_else(|| PlanFailure::Lost { what: format!("object {}", id.0) })
}
