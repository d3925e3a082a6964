//! Inverse kinematics: joints that bring the tool where it is wanted.
//!
//! [`Solver::solve`] descends from the seed, then from seeded random starts, and picks among the
//! solutions that pass the caller's collision check the one nearest the seed that keeps off its
//! limits. [`Solver::track`] follows a target from nearby. [`Solver::line`] turns a
//! straight motion of the tool into joint waypoints. An arm of fewer than six joints uses the same
//! calls; it reaches what it can (a top-down grasp is within five joints).

mod chain;
mod descent;
mod line;
mod linear;

pub use descent::Wanted;
pub use line::LineFailure;

use crate::arm::{Arm, ArmData};
use chain::Chain;
use descent::{Aim, Descent, End, Manner, N_MANNERS};
use nalgebra::Isometry3;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use types::{JointVector, MAX_JOINTS, Rejection, Tool, Transform, World};

/// The most steps in which a solution goes towards the seed.
const DRIFT_STEPS: usize = 12;
/// Steps without progress after which a descent from the seed ends, and one from elsewhere: where there are
/// many starts, another one is the better bet.
const FIRST_PATIENCE: usize = 8;
const PATIENCE: usize = 4;

/// How well and how hard to look.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Options {
    /// How far the tool may be from the target, metres.
    pub position_tol_m: f64,
    /// How far the tool may be turned from the target, radians.
    pub rotation_tol_rad: f64,
    /// What of the target counts.
    pub wanted: Wanted,
    /// The most starts, the seed included; at least one is made.
    pub starts: usize,
    /// The most steps of one descent.
    pub max_iterations: usize,
    /// How many usable solutions to compare before the best is taken.
    pub solutions: usize,
    /// Seed of the random starts: the same seed, the same answer.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            position_tol_m: 1e-4,
            rotation_tol_rad: 1e-3,
            wanted: Wanted::Pose,
            starts: 40,
            max_iterations: 60,
            solutions: 4,
            seed: 0,
        }
    }
}

/// Why there is no solution.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// The target, the seed or an option cannot be.
    Input(Rejection),
    /// No start came near enough; the pose is out of reach or beyond joint limits.
    Unreachable,
    /// The pose is reached, but never as the caller's check would have it.
    Collision,
    /// The caller broke the search off before all starts were made ([`Solver::solve_while`]).
    CutShort,
}

/// No solution, and how near the best attempt came (B10).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct IkFailure {
    /// Why.
    pub reason: Reason,
    /// How far the tool stays from the target in the best attempt, metres; zero for a collision.
    pub best_error_m: f64,
    /// How far it stays turned from the target in the best attempt, radians; zero for a collision.
    pub best_error_rad: f64,
    /// How far the nearest reachable place is from the target's place, whatever the rotation, metres.
    pub nearest_m: f64,
    /// The joints of the best attempt.
    pub best_q: Box<JointVector>,
}

impl IkFailure {
    fn sentence(&self) -> String {
        match &self.reason {
            Reason::Input(rejection) => rejection.to_string(),
            Reason::Unreachable => format!(
                "the pose is out of reach: the best attempt stays {:.4} m and {:.3} rad away, the nearest reachable place is {:.4} m away",
                self.best_error_m, self.best_error_rad, self.nearest_m
            ),
            Reason::Collision => "the pose is reached only in collision".to_owned(),
            Reason::CutShort => format!(
                "the search was cut short: the best attempt by then stays {:.4} m and {:.3} rad away",
                self.best_error_m, self.best_error_rad
            ),
        }
    }

    fn input(rejection: Rejection) -> Self {
        let nowhere = f64::INFINITY;
        Self {
            reason: Reason::Input(rejection),
            best_error_m: nowhere,
            best_error_rad: nowhere,
            nearest_m: nowhere,
            best_q: Box::new(JointVector::zeros(0)),
        }
    }
}

/// Code of its own for arms of five to seven joints, and code for any.
macro_rules! for_joints {
    ($chain:ident, $n:ident => $work:expr) => {
        match $chain.plain_joints() {
            Some(5) => {
                const $n: usize = 5;
                $work
            }
            Some(6) => {
                const $n: usize = 6;
                $work
            }
            Some(7) => {
                const $n: usize = 7;
                $work
            }
            _ => {
                const $n: usize = MAX_JOINTS;
                $work
            }
        }
    };
}

/// Scratch for inverse kinematics of one arm, and what of the arm is computed once: it answers for the arm it
/// was made for.
#[derive(Clone, Debug)]
pub struct Solver {
    chain: Chain,
}

impl Solver {
    /// Scratch for `arm`.
    #[must_use]
    pub fn new(arm: &Arm) -> Self {
        Self { chain: Chain::new(arm) }
    }

    /// Joints that bring the tool to `target` (the tool in the world), within the options' tolerances
    /// and the joints' limits, that `collision_ok` accepts. Of several, the one nearest `seed` that
    /// keeps off its limits; the arm's redundancy is used to that end too. Same input, same answer.
    /// At most `starts` descents and three patient ones more where none arrives, of `max_iterations` steps
    /// each: with the default options, about a millisecond.
    ///
    /// # Errors
    /// [`IkFailure`]: for input that is not finite or of the wrong length, a pose out of reach (with
    /// the distance to the nearest reachable, B10), or one that is reached only in collision.
    pub fn solve(
        &mut self,
        arm: &Arm,
        data: &mut ArmData,
        target: &Transform<World, Tool>,
        seed: &[f64],
        options: &Options,
        collision_ok: &mut dyn FnMut(&[f64]) -> bool,
    ) -> Result<JointVector, IkFailure> {
        self.solve_while(arm, data, target, seed, options, collision_ok, &mut || true)
    }

    /// As [`Self::solve`] as long as `goes_on` says so, which is asked before every start but the first. When it
    /// says no, the best solution so far is the answer. The same answers of `goes_on` give the same answer here.
    ///
    /// # Errors
    /// [`IkFailure`] as [`Self::solve`], and [`Reason::CutShort`] where there was no solution by then.
    #[expect(clippy::too_many_arguments, reason = "those of `solve`, and when to end")]
    pub fn solve_while(
        &mut self,
        arm: &Arm,
        data: &mut ArmData,
        target: &Transform<World, Tool>,
        seed: &[f64],
        options: &Options,
        collision_ok: &mut dyn FnMut(&[f64]) -> bool,
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Result<JointVector, IkFailure> {
        let seed = check(arm, target.isometry(), seed, options).map_err(IkFailure::input)?;
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        let mut best: Option<(f64, JointVector)> = None;
        let mut nearest = End::nowhere(&seed);
        let mut n_usable = 0;
        let mut is_reached = false;
        let mut is_cut = false;
        let aim = Aim::new(target.isometry(), options.wanted, options);
        let n_starts = options.starts.max(1);
        for i in 0..n_starts + N_MANNERS {
            is_cut = i > 0 && (i < n_starts || !is_reached) && !goes_on();
            if is_cut {
                break;
            }
            let (start, manner) = match i {
                0 => (seed, Manner::of(0, options.max_iterations, FIRST_PATIENCE)),
                i if i < n_starts => {
                    // Every fourth in another manner.
                    let manner = Manner::of(usize::from(i % 4 == 3), options.max_iterations, PATIENCE);
                    (start(arm, &seed, i, &mut rng), manner)
                }
                // Nothing yet: from where it was nearest, with all patience.
                i if !is_reached => {
                    let n_steps = options.max_iterations;
                    (nearest.q, Manner::of(i - n_starts, n_steps, n_steps))
                }
                _ => break,
            };
            let mut end = self.descend(data, &aim, &start, manner);
            if end.square() < nearest.square() {
                nearest = end;
            }
            if !end.meets(&aim) {
                continue;
            }
            is_reached = true;
            // An arm with more joints than the task needs may come nearer to where it is.
            let drifted = self.drift(data, &aim, &end, &seed);
            if collision_ok(&drifted.q) {
                end = drifted;
            } else if !collision_ok(&end.q) {
                continue;
            }
            let cost = cost(arm, &seed, &end.q);
            if best.is_none_or(|(c, _)| cost < c) {
                best = Some((cost, end.q));
            }
            n_usable += 1;
            // From the seed itself to a solution close by: no other will be nearer.
            if n_usable >= options.solutions.max(1) || (i == 0 && cost < 0.5) {
                break;
            }
        }
        if let Some((_, q)) = best {
            return Ok(q);
        }
        if is_cut {
            return Err(IkFailure {
                reason: Reason::CutShort,
                best_error_m: nearest.error_m,
                best_error_rad: nearest.error_rad(),
                nearest_m: nearest.error_m,
                best_q: Box::new(nearest.q),
            });
        }
        Err(self.failure(arm, data, target.isometry(), &seed, options, nearest, is_reached))
    }

    /// Joints that bring the tool to `target` by descending from `seed`, which is close to it: for
    /// following a target from cycle to cycle. Near singular poses the arm lags rather than leaps. At most
    /// `max_iterations` steps, and three times as many more where they do not suffice.
    ///
    /// # Errors
    /// [`IkFailure`] as [`Self::solve`], without a word on collisions.
    pub fn track(
        &mut self,
        arm: &Arm,
        data: &mut ArmData,
        target: &Transform<World, Tool>,
        seed: &[f64],
        options: &Options,
    ) -> Result<JointVector, IkFailure> {
        let seed = check(arm, target.isometry(), seed, options).map_err(IkFailure::input)?;
        let aim = Aim::new(target.isometry(), options.wanted, options);
        let mut end = End::nowhere(&seed);
        let n_steps = options.max_iterations;
        let impatient = Manner::of(0, n_steps, FIRST_PATIENCE);
        let patient = (0..N_MANNERS).map(|i| Manner::of(i, n_steps, n_steps));
        for manner in core::iter::once(impatient).chain(patient) {
            let other = self.descend(data, &aim, &end.q, manner);
            if other.meets(&aim) {
                return Ok(other.q);
            }
            if other.square() < end.square() {
                end = other;
            }
        }
        Err(IkFailure {
            reason: Reason::Unreachable,
            best_error_m: end.error_m,
            best_error_rad: end.error_rad(),
            nearest_m: end.error_m,
            best_q: Box::new(end.q),
        })
    }

    fn descend(&mut self, data: &ArmData, aim: &Aim, start: &JointVector, manner: Manner) -> End {
        let (arch, chain) = (data.data.arch, &mut self.chain);
        for_joints!(chain, N => arch.dispatch(
            #[inline(always)]
            || Descent::<N> { chain: &mut *chain, aim }.run(start, manner),
        ))
    }

    fn drift(&mut self, data: &ArmData, aim: &Aim, from: &End, preferred: &JointVector) -> End {
        let (arch, chain) = (data.data.arch, &mut self.chain);
        for_joints!(chain, N => arch.dispatch(
            #[inline(always)]
            || Descent::<N> { chain: &mut *chain, aim }.drift(from, preferred, DRIFT_STEPS),
        ))
    }

    /// Says how near the best attempt came, and how near the place alone can be reached.
    #[expect(clippy::too_many_arguments, reason = "all that was tried")]
    fn failure(
        &mut self,
        arm: &Arm,
        data: &mut ArmData,
        target: &Isometry3<f64>,
        seed: &JointVector,
        options: &Options,
        best: End,
        is_reached: bool,
    ) -> IkFailure {
        if is_reached {
            return IkFailure {
                reason: Reason::Collision,
                best_error_m: 0.0,
                best_error_rad: 0.0,
                nearest_m: 0.0,
                best_q: Box::new(best.q),
            };
        }
        let mut nearest_m = best.error_m;
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        let aim = Aim::new(target, Wanted::Position, options);
        for i in 0..8 {
            let start = if i == 0 { best.q } else { start(arm, seed, i, &mut rng) };
            let manner = Manner::of(0, options.max_iterations, FIRST_PATIENCE);
            nearest_m = nearest_m.min(self.descend(data, &aim, &start, manner).error_m);
            if nearest_m <= options.position_tol_m {
                break;
            }
        }
        IkFailure {
            reason: Reason::Unreachable,
            best_error_m: best.error_m,
            best_error_rad: best.error_rad(),
            nearest_m,
            best_q: Box::new(best.q),
        }
    }
}

/// A few starts about the seed, then anywhere.
fn start(arm: &Arm, seed: &JointVector, i: usize, rng: &mut ChaCha8Rng) -> JointVector {
    JointVector::from_fn(seed.len(), |j| {
        let l = &arm.limits()[j];
        let draw: f64 = rng.random();
        match i {
            0..4 => (seed[j] + (2.0 * draw - 1.0) * 0.8).clamp(l.lower, l.upper),
            _ => l.lower + draw * (l.upper - l.lower),
        }
    })
}

/// How little a solution is liked: its farthest joint from the seed, rad, and up to a radian more for
/// the joint nearest its limit (none within the middle four fifths of its range).
fn cost(arm: &Arm, seed: &JointVector, q: &JointVector) -> f64 {
    let squeezed = arm.limits().iter().zip(q.iter()).fold(0.0f64, |m, (l, v)| {
        let half = 0.5 * (l.upper - l.lower);
        let off_middle = (v - 0.5 * (l.upper + l.lower)).abs() / half;
        m.max((off_middle - 0.8).max(0.0) / 0.2)
    });
    seed.max_abs_diff(q) + squeezed
}

fn check(
    arm: &Arm,
    target: &Isometry3<f64>,
    seed: &[f64],
    options: &Options,
) -> Result<JointVector, Rejection> {
    // Names are put together for what is wrong alone: this stands before every descent.
    for (axis, v) in ["x", "y", "z"].iter().zip(target.translation.vector.iter()) {
        if !v.is_finite() {
            Rejection::finite(&format!("target.position.{axis}"), *v)?;
        }
    }
    for v in target.rotation.coords.iter() {
        Rejection::finite("target.rotation", *v)?;
    }
    if seed.len() != arm.n_joints() {
        let expected = format!("{} joints", arm.n_joints());
        return Err(Rejection::new("seed", expected, seed.len().to_string()));
    }
    for (j, v) in seed.iter().enumerate() {
        if !v.is_finite() {
            Rejection::finite(&format!("seed[{j}]"), *v)?;
        }
    }
    Rejection::positive("options.position_tol_m", options.position_tol_m)?;
    Rejection::positive("options.rotation_tol_rad", options.rotation_tol_rad)?;
    JointVector::from_slice(seed)
}
