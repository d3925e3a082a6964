//! The arm in its surroundings: lines, free paths, and their timing, all checked.

use crate::config::Config;
use crate::failure::PlanFailure;
use crate::load::load;
use crate::motion::{ClearOf, Patience};
use crate::obstacles::keep_out;
use crate::search::{find_path, shorten};
use crate::smooth::{COMFORT_M, Judge};
use mechanics::collision::{Attached, Checker, Clearance, Obstacle, Part};
use mechanics::ik::{IkFailure, Options, Reason, Solver, Wanted};
use mechanics::timing::{Scale, time_path_with};
use mechanics::{Arm, ArmData, tool_pose};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use types::{JointVector, Rejection, Tool, Trajectory, Transform, World};

/// How far timing may round the corners of a free path, rad, from most to least.
const ROUNDING: [f64; 3] = [0.02, 0.005, 0.0005];
/// How far timing may leave a straight line of the tool, rad.
const LINE_ROUNDING: f64 = 0.001;
/// Found paths are looked at in so much smaller steps once more, and are to keep so far from everything there that
/// nothing is grazed in between, metres; or in steps half as long.
const CLOSER: f64 = 4.0;
const GRAZE_M: f64 = 2e-4;
/// Timed motions are checked at least this often, seconds.
const CHECK_DT_S: f64 = 0.02;
/// Share of the margin that the timed motion keeps: it may round corners.
const TIMED_MARGIN: f64 = 0.5;
/// Largest share of the limit of its rate that a planned torque uses; the rest is for the controller's.
const MOST_RATE: f64 = 0.7;
/// Heights that are tried to get away from what the gripper is among, metres.
const ESCAPES_M: [f64; 4] = [0.12, 0.08, 0.05, 0.03];

/// How far the joints may step aside for it, rad.
const STEPS_ASIDE_RAD: [f64; 4] = [0.05, 0.1, 0.2, 0.35];

/// How near something may be, and how far the fingers are apart meanwhile.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Fit {
    pub(crate) width_m: f64,
    pub(crate) margin_m: f64,
}

#[derive(Debug)]
pub(crate) struct Space {
    arm: Arc<Arm>,
    config: Config,
    checker: Checker,
    /// What the checker keeps clear of now, but for the boxes of the configuration; and what of it is there always.
    clear_of: ClearOf,
    unknown: Vec<Obstacle>,
    solver: Solver,
    /// One scratch for kinematics, one for checks within it.
    data: ArmData,
    check_data: ArmData,
    rng: ChaCha8Rng,
    patience: Option<Box<dyn Patience>>,
}

impl Space {
    pub(crate) fn new(arm: Arc<Arm>, config: &Config) -> Self {
        Self {
            checker: Checker::new(&arm),
            clear_of: ClearOf::default(),
            unknown: Vec::new(),
            solver: Solver::new(&arm),
            data: ArmData::new(&arm),
            check_data: ArmData::new(&arm),
            rng: ChaCha8Rng::seed_from_u64(config.seed),
            patience: None,
            config: config.clone(),
            arm,
        }
    }

    pub(crate) fn set_patience(&mut self, patience: Box<dyn Patience>) {
        self.patience = Some(patience);
    }

    pub(crate) fn arm(&self) -> &Arm {
        &self.arm
    }

    /// Begins the random sequence anew, so that a skill's motion depends on its own input alone.
    pub(crate) fn reseed(&mut self) {
        self.rng = ChaCha8Rng::seed_from_u64(self.config.seed);
    }

    /// Replaces the surroundings, besides which there is always what is to be kept out of, and what is held.
    pub(crate) fn surround(
        &mut self,
        mut obstacles: Vec<Obstacle>,
        held: Option<Attached>,
    ) -> Result<(), PlanFailure> {
        self.checker.forbid_all();
        obstacles.extend_from_slice(&self.unknown);
        self.clear_of = ClearOf { obstacles: obstacles.clone().into(), held: held.clone() };
        obstacles.extend(keep_out(&self.config.keep_out_m));
        self.checker.set_obstacles(obstacles)?;
        self.checker.attach(held)?;
        Ok(())
    }

    /// What is kept clear of now.
    pub(crate) fn clear_of(&self) -> ClearOf {
        self.clear_of.clone()
    }

    /// From the next surroundings on these are kept clear of, too.
    pub(crate) fn also_clear(&mut self, obstacles: Vec<Obstacle>) -> Result<(), Rejection> {
        self.checker.set_obstacles(obstacles.clone())?;
        self.unknown = obstacles;
        Ok(())
    }

    pub(crate) fn tool(&mut self, q: &JointVector) -> Transform<World, Tool> {
        tool_pose(&self.arm, &mut self.data, q)
    }

    pub(crate) fn is_free(&mut self, q: &JointVector, fit: Fit) -> bool {
        self.checker.is_free(&self.arm, &mut self.check_data, q, fit.width_m, fit.margin_m)
    }

    fn nearest(&mut self, q: &JointVector, width_m: f64) -> Clearance {
        self.checker.distance(&self.arm, &mut self.check_data, q, width_m)
    }

    fn failure(&mut self, what: &str, failure: &IkFailure, width_m: f64) -> PlanFailure {
        if failure.reason == Reason::Collision && failure.best_q.len() == self.arm.n_joints() {
            let met = self.nearest(&failure.best_q, width_m);
            return PlanFailure::collision(what, &met);
        }
        PlanFailure::unreachable(what, failure)
    }

    /// Joints that bring the tool to `target`, near `near`, free of contact.
    pub(crate) fn reach(
        &mut self,
        target: &Transform<World, Tool>,
        near: &JointVector,
        fit: Fit,
        what: &str,
    ) -> Result<JointVector, PlanFailure> {
        let options = Options { starts: 10, solutions: 2, seed: self.config.seed, ..Options::default() };
        self.solve(target, near, &options, fit, what)
    }

    /// As [`Self::reach`] for what of the target is `wanted`, looked for longer. Attempts beyond the
    /// first (zero) look near random joints instead of `near`, and so find others.
    pub(crate) fn goal(
        &mut self,
        target: &Transform<World, Tool>,
        wanted: Wanted,
        near: &JointVector,
        fit: Fit,
        attempt: u64,
        what: &str,
    ) -> Result<JointVector, PlanFailure> {
        let seed = self.config.seed.wrapping_add(attempt);
        let options = Options { wanted, starts: 100, seed, ..Options::default() };
        let mut near = *near;
        if attempt > 0 {
            for (value, l) in near.iter_mut().zip(self.arm.limits()) {
                *value = l.lower + (l.upper - l.lower) * self.rng.random::<f64>();
            }
        }
        self.solve(target, &near, &options, fit, what)
    }

    fn solve(
        &mut self,
        target: &Transform<World, Tool>,
        near: &JointVector,
        options: &Options,
        fit: Fit,
        what: &str,
    ) -> Result<JointVector, PlanFailure> {
        let Self { arm, solver, data, check_data, checker, patience, .. } = self;
        let mut free = |q: &[f64]| checker.is_free(arm, check_data, q, fit.width_m, fit.margin_m);
        if let Some(patience) = patience {
            patience.begin();
        }
        let mut goes_on = || patience.as_mut().is_none_or(|p| p.goes_on());
        let found = solver.solve_while(arm, data, target, near, options, &mut free, &mut goes_on);
        found.map_err(|failure| self.failure(what, &failure, fit.width_m))
    }

    /// Waypoints that bring the tool straight from where it is at `from` to `target`.
    pub(crate) fn line(
        &mut self,
        from: &JointVector,
        target: &Transform<World, Tool>,
        fit: Fit,
        what: &str,
    ) -> Result<Vec<JointVector>, PlanFailure> {
        let Self { arm, solver, data, check_data, checker, .. } = self;
        let mut free = |q: &[f64]| checker.is_free(arm, check_data, q, fit.width_m, fit.margin_m);
        let found = solver.line(arm, data, from, target, &Options::default(), &mut free);
        found.map_err(|f| self.failure(what, &f.failure, fit.width_m))
    }

    /// A free way, straight if it can be, timed as [`Self::travel`] does; one that is smooth and cannot be timed gives way to
    /// the one that it was made of.
    pub(crate) fn way(
        &mut self,
        from: &JointVector,
        to: &JointVector,
        fit: Fit,
        (pace, what): (f64, &str),
    ) -> Result<Trajectory, PlanFailure> {
        let mut short = self.first_path(from, to, fit, what)?;
        self.shorten(&mut short, fit);
        let mut smooth = short.clone();
        self.smooth(&mut smooth, fit);
        let timed = self.travel(&smooth, fit, pace, what);
        timed.or_else(|_| self.travel(&short, fit, pace, what))
    }

    /// The first free path that is found.
    pub(crate) fn first_path(
        &mut self,
        from: &JointVector,
        to: &JointVector,
        fit: Fit,
        what: &str,
    ) -> Result<Vec<JointVector>, PlanFailure> {
        for q in [from, to] {
            if !self.is_free(q, fit) {
                let met = self.nearest(q, fit.width_m);
                return Err(PlanFailure::collision(what, &met));
            }
        }
        let iterations = self.config.search_iterations;
        for step in self.steps() {
            let Self { arm, check_data, checker, rng, .. } = self;
            let mut edge = |a: &JointVector, b: &JointVector| {
                checker.edge_is_free(arm, check_data, a, b, fit.width_m, fit.margin_m, step)
            };
            let found = find_path(from, to, arm.limits(), iterations, rng, &mut edge);
            if let Some(path) = found.filter(|path| self.is_free_closely(path, fit)) {
                return Ok(path);
            }
        }
        Err(PlanFailure::NoPath { what: what.to_owned() })
    }

    /// Cuts the corners of a free path.
    pub(crate) fn shorten(&mut self, path: &mut Vec<JointVector>, fit: Fit) {
        for step in self.steps() {
            let mut shorter = path.clone();
            let Self { arm, check_data, checker, rng, .. } = self;
            let mut edge = |a: &JointVector, b: &JointVector| {
                checker.edge_is_free(arm, check_data, a, b, fit.width_m, fit.margin_m, step)
            };
            shorten(&mut shorter, rng, &mut edge);
            if self.is_free_closely(&shorter, fit) {
                *path = shorter;
                return;
            }
        }
    }

    /// Moves the corners of a free path to where it is quicker and farther from things.
    pub(crate) fn smooth(&mut self, path: &mut Vec<JointVector>, fit: Fit) {
        let [_, step] = self.steps();
        let Self { arm, data, check_data, checker, .. } = self;
        let mut smoother = path.clone();
        // Two questions to one checker, one after the other.
        let checker = core::cell::RefCell::new(checker);
        let mut room_m = |q: &JointVector| {
            let near =
                checker.borrow_mut().nearest_within(arm, data, q, fit.width_m, fit.margin_m + COMFORT_M);
            near.map_or(COMFORT_M, |near| near.distance - fit.margin_m)
        };
        let mut is_free = |a: &JointVector, b: &JointVector| {
            let mut checker = checker.borrow_mut();
            checker.edge_is_free(arm, check_data, a, b, fit.width_m, fit.margin_m + GRAZE_M, step)
        };
        Judge { limits: arm.limits(), room_m: &mut room_m, is_free: &mut is_free }.smooth(&mut smoother);
        if self.is_free_closely(&smoother, fit) {
            *path = smoother;
        }
    }

    /// Steps to search with, the second when what the first led to does not bear a closer look.
    fn steps(&self) -> [f64; 2] {
        [self.config.check_step_rad, self.config.check_step_rad / CLOSER]
    }

    /// Whether a path is free at the smallest steps.
    fn is_free_closely(&mut self, path: &[JointVector], fit: Fit) -> bool {
        let [_, step] = self.steps();
        let Self { arm, check_data, checker, .. } = self;
        let mut is_free = |step: f64, margin_m: f64| {
            path.windows(2)
                .all(|w| checker.edge_is_free(arm, check_data, &w[0], &w[1], fit.width_m, margin_m, step))
        };
        is_free(step, fit.margin_m + GRAZE_M) || is_free(0.5 * step, fit.margin_m)
    }

    /// A free path, timed at `pace` times the configured share of the limits and checked as it will
    /// be executed.
    pub(crate) fn travel(
        &mut self,
        path: &[JointVector],
        fit: Fit,
        pace: f64,
        what: &str,
    ) -> Result<Trajectory, PlanFailure> {
        let c = &self.config;
        let scale = Scale {
            velocity: c.velocity_scale * pace,
            acceleration: c.acceleration_scale * pace,
            jerk: c.jerk_scale * pace,
        };
        let mut failure = PlanFailure::NoPath { what: what.to_owned() };
        for rounding in ROUNDING {
            let trajectory = self.timed_within_torque(path, scale, rounding, fit.width_m, what)?;
            let fit = Fit { margin_m: TIMED_MARGIN * fit.margin_m, ..fit };
            match self.check(&trajectory, fit, what) {
                Ok(()) => return Ok(trajectory),
                Err(e) => failure = e,
            }
        }
        Err(failure)
    }

    /// A straight line of the tool, timed so that the tool never is faster than `speed_m_s`, and checked
    /// as it will be executed.
    pub(crate) fn slow(
        &mut self,
        path: &[JointVector],
        fit: Fit,
        speed_m_s: f64,
        what: &str,
    ) -> Result<Trajectory, PlanFailure> {
        let trajectory = self.slow_unchecked(path, speed_m_s)?;
        self.check(&trajectory, Fit { margin_m: 0.0, ..fit }, what)?;
        Ok(trajectory)
    }

    /// As [`Self::slow`], for a line out of contacts that are there already.
    pub(crate) fn slow_unchecked(
        &mut self,
        path: &[JointVector],
        speed_m_s: f64,
    ) -> Result<Trajectory, PlanFailure> {
        let c = &self.config;
        let (acceleration, jerk) = (0.5 * c.acceleration_scale, 0.5 * c.jerk_scale);
        let mut velocity = c.velocity_scale;
        let mut trajectory = self.timed(path, Scale { velocity, acceleration, jerk }, LINE_ROUNDING, 0.0)?;
        for _ in 0..5 {
            let fastest = self.fastest_tool(&trajectory);
            if fastest <= speed_m_s {
                break;
            }
            velocity *= 0.97 * speed_m_s / fastest;
            trajectory = self.timed(path, Scale { velocity, acceleration, jerk }, LINE_ROUNDING, 0.0)?;
        }
        Ok(trajectory)
    }

    /// As [`Self::timed`], and slower where the motors could not carry it: limits of acceleration say
    /// nothing of how the load of one joint adds to another's.
    fn timed_within_torque(
        &mut self,
        path: &[JointVector],
        scale: Scale,
        rounding: f64,
        width_m: f64,
        what: &str,
    ) -> Result<Trajectory, PlanFailure> {
        let mut s = 1.0;
        loop {
            let trajectory = self.timed(path, scale.slowed(s), rounding, width_m)?;
            let load = load(&self.arm, &mut self.check_data, &trajectory, width_m);
            match load.slower(s) {
                Ok(None) => return Ok(trajectory),
                Ok(Some(less)) => s = less,
                Err(share) => return Err(PlanFailure::TooHeavy { what: what.to_owned(), share }),
            }
        }
    }

    /// Times a path within the shares of the limits, and with less jerk where its torques would change
    /// faster than the motors' may: a jerk limit per joint does not know the inertia that hangs on it.
    fn timed(
        &mut self,
        path: &[JointVector],
        mut scale: Scale,
        rounding: f64,
        width_m: f64,
    ) -> Result<Trajectory, PlanFailure> {
        let start = path.first().copied().unwrap_or_else(|| self.arm.home());
        let mut tries = 4;
        loop {
            let timed = time_path_with(path, self.arm.limits(), scale, rounding)?;
            let trajectory = Trajectory::new(timed.points, self.arm.limits(), &start)?;
            let share = load(&self.arm, &mut self.check_data, &trajectory, width_m).rate / MOST_RATE;
            if share <= 1.0 || tries == 0 {
                return Ok(trajectory);
            }
            scale.jerk *= (0.97 / share).max(0.1);
            tries -= 1;
        }
    }

    /// The fastest that the tool centre point moves, m/s.
    pub(crate) fn fastest_tool(&mut self, trajectory: &Trajectory) -> f64 {
        let n = (trajectory.duration() / CHECK_DT_S).ceil().clamp(1.0, 1e5) as usize;
        let dt = trajectory.duration() / n as f64;
        let mut last = self.tool(&trajectory.sample(0.0).q).origin();
        let mut fastest = 0.0_f64;
        for i in 1..=n {
            let next = self.tool(&trajectory.sample(dt * i as f64).q).origin();
            if dt > 0.0 {
                fastest = fastest.max((next - last).norm() / dt);
            }
            last = next;
        }
        fastest
    }

    /// Whether the timed motion is free as it will be executed.
    pub(crate) fn check(&mut self, trajectory: &Trajectory, fit: Fit, what: &str) -> Result<(), PlanFailure> {
        let n = (trajectory.duration() / CHECK_DT_S).ceil().clamp(1.0, 1e5) as usize;
        for i in 0..=n {
            let q = trajectory.sample(trajectory.duration() * i as f64 / n as f64).q;
            if !self.is_free(&q, fit) {
                let met = self.nearest(&q, fit.width_m);
                return Err(PlanFailure::collision(what, &met));
            }
        }
        Ok(())
    }

    /// A line straight up to where the arm is free, when it is not: the gripper stands among things it
    /// has just worked on. What it is near to at the start is allowed on the way. Where no such line is, a
    /// small step aside in the joints: a slow line may have ended with the arm close to itself.
    pub(crate) fn escape(
        &mut self,
        from: &JointVector,
        fit: Fit,
    ) -> Result<Option<Vec<JointVector>>, PlanFailure> {
        if self.is_free(from, fit) {
            return Ok(None);
        }
        let what = "get away from where the hand is";
        for _ in 0..8 {
            if self.is_free(from, fit) {
                break;
            }
            let met = self.nearest(from, fit.width_m);
            self.checker.allow(Part::Gripper, &met.second);
            self.checker.allow(Part::Held, &met.second);
        }
        let begin = self.tool(from);
        let mut failure = PlanFailure::NoPath { what: what.to_owned() };
        let mut found = None;
        for height in ESCAPES_M {
            match self.line(from, &crate::grasp::raised(&begin, height), fit, what) {
                Ok(line) => {
                    found = Some(line);
                    break;
                }
                Err(e) => failure = e,
            }
        }
        self.checker.forbid_all();
        found.or_else(|| self.step_aside(from, fit)).map(Some).ok_or(failure)
    }

    /// A short way, straight in the joints, to where the arm is free; on it nothing comes nearer than a
    /// little less than it is at the start. `None` when something touches already or none is found.
    fn step_aside(&mut self, from: &JointVector, fit: Fit) -> Option<Vec<JointVector>> {
        let near = 0.8 * self.nearest(from, fit.width_m).distance.min(fit.margin_m);
        if near <= 0.0 {
            return None;
        }
        for size in STEPS_ASIDE_RAD {
            for _ in 0..40 {
                let mut to = *from;
                for (value, l) in to.iter_mut().zip(self.arm.limits()) {
                    *value = (*value + size * self.rng.random_range(-1.0..=1.0)).clamp(l.lower, l.upper);
                }
                let step = self.config.check_step_rad;
                let Self { arm, check_data, checker, .. } = self;
                if checker.is_free(arm, check_data, &to, fit.width_m, fit.margin_m)
                    && checker.edge_is_free(arm, check_data, from, &to, fit.width_m, near, step)
                {
                    return Some(vec![*from, to]);
                }
            }
        }
        None
    }
}
