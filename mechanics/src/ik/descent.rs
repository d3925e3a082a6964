//! One descent from one start: Levenberg–Marquardt with damping by the squared error, as Sugihara's
//! (Solvability-Unconcerned Inverse Kinematics by the Levenberg–Marquardt Method, IEEE T-RO 2011), joints
//! held within limits.

use super::Options;
use super::chain::{Chain, Local, METRES_PER_RADIAN, OFF_LIMIT, Target};
use super::linear;
use nalgebra::Isometry3;
use types::JointVector;

/// Damping, in squared errors, and whether a step that leads away from a target close by is taken back: what
/// reaches the most, and two more ways for what gets stuck with the first.
const MANNERS: [(f64, bool); N_MANNERS] = [(0.05, true), (0.005, false), (0.5, true)];
/// How many ways there are to go about a descent.
pub(super) const N_MANNERS: usize = 3;
/// Damping that stays when there is no error, so that singular poses are no division by zero.
const LEAST_DAMPING: f64 = 1e-7;
/// What damping is multiplied by when a step close to the target was too long.
const CAUTION: f64 = 10.0;
/// The farthest that a joint goes in one step, rad (m).
const LONGEST_STEP: f64 = 1.0;
/// Squared error, metres², below which steps must bring the tool nearer, and joints at their limits are
/// looked at more closely, so often.
const NEARLY_THERE: f64 = 1e-3;
const MOST_AT_LIMITS: usize = 3;
/// A descent is given up when the squared error shrinks by less than this factor over as many steps as
/// the caller waits for it.
const LEAST_PROGRESS: f64 = 0.7;
/// The farthest that a joint goes in one step towards the seed, rad (m).
const LONGEST_DRIFT: f64 = 0.8;
/// A step towards the seed as short as this is the last.
const LAST_DRIFT: f64 = 0.3;
const DRIFT_DAMPING: f64 = 1e-7;
/// The most steps in which it settles there.
const SETTLING_STEPS: usize = 8;

/// How to go about a descent.
#[derive(Copy, Clone, Debug)]
pub(super) struct Manner {
    /// The most steps.
    n_steps: usize,
    /// It is given up where so many steps bring little.
    patience: usize,
    /// Damping, in squared errors.
    damping: f64,
    /// Whether a step that leads away from a target close by is taken back.
    is_cautious: bool,
}

impl Manner {
    /// Of the attempt of this number: where the one manner gets stuck, another may not.
    pub(super) fn of(attempt: usize, n_steps: usize, patience: usize) -> Self {
        let (damping, is_cautious) = MANNERS[attempt % N_MANNERS];
        Self { n_steps, patience, damping, is_cautious }
    }
}

/// What of the target counts.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Position and rotation.
    Pose,
    /// Position and the direction of the tool's z: the turn about it does not matter.
    Axis,
    /// Position alone: what an arm of fewer than six joints can be asked for.
    Position,
}

/// Where a descent ended.
#[derive(Copy, Clone, Debug)]
pub(super) struct End {
    pub(super) q: JointVector,
    /// Metres.
    pub(super) error_m: f64,
    /// Twice the sine of half the angle between the tool and its target.
    chord: f64,
}

impl End {
    /// Before anything was tried.
    pub(super) fn nowhere(q: &JointVector) -> Self {
        Self { q: *q, error_m: f64::INFINITY, chord: f64::INFINITY }
    }

    /// Radians.
    pub(super) fn error_rad(&self) -> f64 {
        if self.chord.is_finite() { 2.0 * libm::asin((0.5 * self.chord).min(1.0)) } else { self.chord }
    }

    pub(super) fn meets(&self, aim: &Aim) -> bool {
        self.error_m <= aim.tolerance_m && self.chord <= aim.chord
    }

    /// Squared error, metres².
    pub(super) fn square(&self) -> f64 {
        square(self.error_m, self.chord)
    }
}

#[inline(always)]
fn square(m: f64, chord: f64) -> f64 {
    let turned = METRES_PER_RADIAN * chord;
    m * m + turned * turned
}

/// What a descent is to reach.
pub(super) struct Aim {
    target: Target,
    wanted: Wanted,
    tolerance_m: f64,
    /// Of the tolerated angle.
    chord: f64,
}

impl Aim {
    pub(super) fn new(target: &Isometry3<f64>, wanted: Wanted, options: &Options) -> Self {
        let half = 0.5 * options.rotation_tol_rad.min(core::f64::consts::PI);
        let (tolerance_m, chord) = (options.position_tol_m, 2.0 * libm::sin(half));
        Self { target: Target::of(target), wanted, tolerance_m, chord }
    }
}

/// A descent's aim and its means, for `N` joints (see [`Chain::linearise`]).
pub(super) struct Descent<'a, const N: usize> {
    pub(super) chain: &'a mut Chain,
    pub(super) aim: &'a Aim,
}

impl<const N: usize> Descent<'_, N> {
    /// Descends from `start`.
    #[inline(always)]
    pub(super) fn run(&mut self, start: &JointVector, manner: Manner) -> End {
        let end = self.descend(&joints(start), manner);
        End { q: vector(start.len(), &end.0), error_m: end.1, chord: end.2 }
    }

    #[inline(always)]
    fn descend(&mut self, start: &[f64; N], manner: Manner) -> ([f64; N], f64, f64) {
        let Manner { n_steps, patience, damping, is_cautious } = manner;
        let range = self.chain.range();
        let mut q = *start;
        clamp(&mut q, &range);
        let mut best = (q, f64::INFINITY, f64::INFINITY);
        let (mut least, mut judged) = (f64::INFINITY, f64::INFINITY);
        let (mut n_to_judge, mut caution) = (patience, 1.0f64);
        for step in 0..=n_steps {
            let mut local: Local<N> = self.chain.linearise(&q, &self.aim.target, self.aim.wanted);
            let now = square(local.error_m, local.chord);
            if now < least {
                least = now;
                best = (q, local.error_m, local.chord);
                caution = (caution / CAUTION).max(1.0);
            } else if is_cautious && least < NEARLY_THERE && q != best.0 {
                // A step too far: back, and then a shorter one. From far away that may lead on, though.
                q = best.0;
                caution *= CAUTION;
                continue;
            }
            // A little inside, so that another's arithmetic agrees.
            let is_there = best.1 <= 0.5 * self.aim.tolerance_m && best.2 <= 0.5 * self.aim.chord;
            if is_there || step == n_steps {
                break;
            }
            n_to_judge -= 1;
            if n_to_judge == 0 {
                if least > LEAST_PROGRESS * judged {
                    break;
                }
                (judged, n_to_judge) = (least, patience);
            }
            let dq = step_to(&q, &range, &mut local, caution * (damping * now + LEAST_DAMPING));
            go(&mut q, &dq, LONGEST_STEP);
            clamp(&mut q, &range);
        }
        best
    }

    /// Moves a solution along the motions that leave the tool where it is, towards `preferred`, and
    /// settles it there. Does nothing for an arm that has no such motions.
    #[inline(always)]
    pub(super) fn drift(&mut self, from: &End, preferred: &JointVector, n_steps: usize) -> End {
        let range = self.chain.range();
        let (begin, preferred): ([f64; N], [f64; N]) = (joints(&from.q), joints(preferred));
        let mut q = begin;
        for _ in 0..n_steps {
            let mut local: Local<N> = self.chain.linearise(&q, &self.aim.target, self.aim.wanted);
            // wish − Jᵀ(J Jᵀ + λ)⁻¹ J wish: what of the wish does not move the tool, and the correction.
            let mut dq: [f64; N] = core::array::from_fn(|j| preferred[j] - q[j]);
            for (wish, column) in dq.iter().zip(&local.columns) {
                local.error = local.error.plus(-wish, column);
            }
            let correction = step_to(&q, &range, &mut local, DRIFT_DAMPING);
            for (wish, correction) in dq.iter_mut().zip(&correction) {
                *wish += correction;
            }
            let largest = go(&mut q, &dq, LONGEST_DRIFT);
            clamp(&mut q, &range);
            if largest < LAST_DRIFT {
                break;
            }
        }
        let settled = self.descend(&q, Manner::of(0, SETTLING_STEPS, SETTLING_STEPS));
        let off = |q: &[f64; N]| q.iter().zip(&preferred).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        let end = End { q: vector(from.q.len(), &settled.0), error_m: settled.1, chord: settled.2 };
        if end.meets(self.aim) && off(&settled.0) < off(&begin) { end } else { *from }
    }
}

/// (JᵀJ + λ)⁻¹ Jᵀ e over the joints that are not pushed into their limits.
#[inline(always)]
fn step_to<const N: usize>(
    q: &[f64; N],
    (lower, upper): &([f64; N], [f64; N]),
    local: &mut Local<N>,
    damping: f64,
) -> [f64; N] {
    let mut stops = [false; N];
    for (j, column) in local.columns.iter_mut().enumerate() {
        let (is_low, is_high) = (q[j] <= lower[j] + OFF_LIMIT, q[j] >= upper[j] - OFF_LIMIT);
        if is_low | is_high {
            let push = column.dot(&local.error);
            if (is_low && push < 0.0) || (is_high && push > 0.0) {
                *column = linear::Column::default();
            }
        }
    }
    let y = linear::solve(&local.columns, &local.error, damping);
    let mut dq: [f64; N] = core::array::from_fn(|j| local.columns[j].dot(&y));
    if square(local.error_m, local.chord) > NEARLY_THERE {
        return dq;
    }
    // Close to the target, what a limit takes from one joint the others make up for; far from it, that
    // only leads astray.
    for _ in 0..MOST_AT_LIMITS {
        let mut is_more = false;
        for j in 0..N {
            let to = q[j] + dq[j];
            let least = if to < lower[j] { lower[j] } else { to };
            let kept = if least > upper[j] { upper[j] } else { least };
            if kept != to && !stops[j] {
                (stops[j], dq[j], is_more) = (true, kept - q[j], true);
                local.error = local.error.plus(-dq[j], &local.columns[j]);
                local.columns[j] = linear::Column::default();
            }
        }
        if !is_more {
            break;
        }
        let y = linear::solve(&local.columns, &local.error, damping);
        for j in 0..N {
            if !stops[j] {
                dq[j] = local.columns[j].dot(&y);
            }
        }
    }
    dq
}

/// Goes `dq` or as far along it as the joint that goes farthest may; how far that one would have gone.
#[inline(always)]
fn go<const N: usize>(q: &mut [f64; N], dq: &[f64; N], most: f64) -> f64 {
    let largest = dq.iter().fold(0.0f64, |m, v| if v.abs() > m { v.abs() } else { m });
    let scale = if largest > most { most / largest } else { 1.0 };
    for (q, dq) in q.iter_mut().zip(dq) {
        *q += scale * dq;
    }
    largest
}

#[inline(always)]
fn clamp<const N: usize>(q: &mut [f64; N], (lower, upper): &([f64; N], [f64; N])) {
    for ((q, lower), upper) in q.iter_mut().zip(lower).zip(upper) {
        // Written so that it is one instruction each.
        let low = if *q < *lower { *lower } else { *q };
        *q = if low > *upper { *upper } else { low };
    }
}

#[inline(always)]
fn joints<const N: usize>(q: &JointVector) -> [f64; N] {
    let q: &[f64] = q;
    core::array::from_fn(|j| if j < q.len() { q[j] } else { 0.0 })
}

#[inline(always)]
fn vector<const N: usize>(n: usize, q: &[f64; N]) -> JointVector {
    let mut out = JointVector::zeros(n);
    out.copy_from_slice(&q[..n]);
    out
}
