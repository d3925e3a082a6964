//! One descent from one start: Levenberg–Marquardt with the damping of Sugihara (Solvability-Unconcerned
//! Inverse Kinematics by the Levenberg–Marquardt Method, IEEE T-RO 2011), joints held within limits.

use crate::arm::{Arm, ArmData, tool_jacobian};
use crate::data::Jacobian;
use nalgebra::{Isometry3, Vector3};
use types::{JointVector, MAX_JOINTS};

/// A radian counts as much as this many metres.
const METRES_PER_RADIAN: f64 = 0.25;
/// Damping that stays when there is no error, so that singular poses are no division by zero.
const LEAST_DAMPING: f64 = 1e-7;
/// The farthest that a joint goes in one step, rad (m).
const LONGEST_STEP: f64 = 0.5;
/// Progress is judged over this many steps, and given up when the squared error shrinks by less than
/// this factor.
const JUDGED_STEPS: usize = 8;
const LEAST_PROGRESS: f64 = 0.7;
/// Solutions keep this far from joint limits, rad (m), so that rounding does not cross them.
const OFF_LIMIT: f64 = 1e-5;

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
    /// Radians.
    pub(super) error_rad: f64,
}

impl End {
    pub(super) fn within(&self, tolerance_m: f64, tolerance_rad: f64) -> bool {
        self.error_m <= tolerance_m && self.error_rad <= tolerance_rad
    }

    /// Squared error, metres².
    pub(super) fn square(&self) -> f64 {
        square(self.error_m, self.error_rad)
    }
}

fn square(m: f64, rad: f64) -> f64 {
    let turned = METRES_PER_RADIAN * rad;
    m * m + turned * turned
}

/// A descent's aim and its means.
pub(super) struct Descent<'a> {
    pub(super) arm: &'a Arm,
    pub(super) data: &'a mut ArmData,
    pub(super) jacobian: &'a mut Jacobian,
    pub(super) target: &'a Isometry3<f64>,
    pub(super) wanted: Wanted,
    pub(super) tolerance_m: f64,
    pub(super) tolerance_rad: f64,
}

type Rows = [[f64; 6]; MAX_JOINTS];

impl Descent<'_> {
    /// Descends from `start` for at most `n_steps`.
    pub(super) fn run(&mut self, start: &JointVector, n_steps: usize) -> End {
        let n = start.len();
        let mut q = within_limits(self.arm, start);
        let mut best = End { q, error_m: f64::INFINITY, error_rad: f64::INFINITY };
        let mut judged = f64::INFINITY;
        for step in 0..=n_steps {
            let (columns, error, error_m, error_rad) = self.linearise(&q);
            let now = square(error_m, error_rad);
            if now < best.square() {
                best = End { q, error_m, error_rad };
            }
            // A little inside, so that another's arithmetic agrees.
            if best.within(0.5 * self.tolerance_m, 0.5 * self.tolerance_rad) || step == n_steps {
                break;
            }
            if step % JUDGED_STEPS == JUDGED_STEPS - 1 {
                if best.square() > LEAST_PROGRESS * judged {
                    break;
                }
                judged = best.square();
            }
            let dq = self.step(&q, &columns, &error, now);
            let longest = dq[..n].iter().fold(0.0f64, |m, v| m.max(v.abs()));
            let scale = if longest > LONGEST_STEP { LONGEST_STEP / longest } else { 1.0 };
            for j in 0..n {
                q[j] += scale * dq[j];
            }
            q = within_limits(self.arm, &q);
        }
        best
    }

    /// Moves a solution along the motions that leave the tool where it is, towards `preferred`, and
    /// settles it there. Does nothing for an arm that has no such motions.
    pub(super) fn drift(&mut self, from: &End, preferred: &JointVector, n_steps: usize) -> End {
        let n = from.q.len();
        let mut best = *from;
        let mut q = from.q;
        for _ in 0..n_steps {
            let (columns, error, _, _) = self.linearise(&q);
            let wish = JointVector::from_fn(n, |j| preferred[j] - q[j]);
            // wish − (JᵀJ + λ)⁻¹ JᵀJ wish: what of the wish does not move the tool, and the correction.
            let mut moved = error;
            for j in 0..n {
                for r in 0..6 {
                    moved[r] -= columns[j][r] * wish[j];
                }
            }
            let correction = self.step(&q, &columns, &moved, 1e-8);
            let largest = (0..n).fold(0.0f64, |m, j| m.max((wish[j] + correction[j]).abs()));
            let scale = if largest > 0.2 { 0.2 / largest } else { 1.0 };
            for j in 0..n {
                q[j] += scale * (wish[j] + correction[j]);
            }
            q = within_limits(self.arm, &q);
            if largest < 0.02 {
                break;
            }
        }
        let settled = self.run(&q, 8);
        let nearer =
            |e: &JointVector| (0..n).map(|j| (e[j] - preferred[j]) * (e[j] - preferred[j])).sum::<f64>();
        if settled.within(self.tolerance_m, self.tolerance_rad) && nearer(&settled.q) < nearer(&best.q) {
            best = settled;
        }
        best
    }

    /// Weighted Jacobian columns and weighted error at `q`, and the error in metres and radians.
    fn linearise(&mut self, q: &JointVector) -> (Rows, [f64; 6], f64, f64) {
        tool_jacobian(self.arm, self.data, q, self.jacobian);
        let body = self.data.data.body_pose(self.arm.tool_body_idx());
        let pose = self.arm.world_from_base() * body * self.arm.body_from_tool();
        let off = self.target.translation.vector - pose.translation.vector;
        let axis = pose.rotation * Vector3::z();
        let turn = match self.wanted {
            Wanted::Pose => (self.target.rotation * pose.rotation.inverse()).scaled_axis(),
            Wanted::Axis => shortest_turn(&axis, &(self.target.rotation * Vector3::z())),
            Wanted::Position => Vector3::zeros(),
        };
        let weight = if self.wanted == Wanted::Position { 0.0 } else { METRES_PER_RADIAN };
        let mut columns = [[0.0; 6]; MAX_JOINTS];
        for (j, column) in columns.iter_mut().enumerate().take(q.len()) {
            let linear = self.jacobian.fixed_view::<3, 1>(0, j);
            let mut angular: Vector3<f64> = self.jacobian.fixed_view::<3, 1>(3, j).into_owned() * weight;
            if self.wanted == Wanted::Axis {
                angular -= axis * axis.dot(&angular);
            }
            *column = [linear[0], linear[1], linear[2], angular[0], angular[1], angular[2]];
        }
        let e = turn * weight;
        (columns, [off[0], off[1], off[2], e[0], e[1], e[2]], off.norm(), turn.norm())
    }

    /// (JᵀJ + λ)⁻¹ Jᵀ e over the joints that are not pushed into their limits; λ is half the squared
    /// error and a little more.
    fn step(&self, q: &JointVector, columns: &Rows, error: &[f64; 6], square: f64) -> [f64; MAX_JOINTS] {
        let n = q.len();
        let dot = |a: &[f64; 6], b: &[f64; 6]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let mut matrix = [[0.0; MAX_JOINTS]; MAX_JOINTS];
        let mut out = [0.0; MAX_JOINTS];
        let mut held = [false; MAX_JOINTS];
        for j in 0..n {
            out[j] = dot(&columns[j], error);
            let l = &self.arm.limits()[j];
            held[j] = (q[j] <= l.lower + 2.0 * OFF_LIMIT && out[j] < 0.0)
                || (q[j] >= l.upper - 2.0 * OFF_LIMIT && out[j] > 0.0);
        }
        for j in 0..n {
            for k in 0..=j {
                matrix[j][k] = if held[j] || held[k] { 0.0 } else { dot(&columns[j], &columns[k]) };
            }
            if held[j] {
                out[j] = 0.0;
            }
            matrix[j][j] += if held[j] { 1.0 } else { 0.5 * square + LEAST_DAMPING };
        }
        solve_cholesky(&mut matrix, &mut out, n);
        out
    }
}

/// Solves in place with the lower half of a positive definite matrix.
fn solve_cholesky(m: &mut [[f64; MAX_JOINTS]; MAX_JOINTS], x: &mut [f64; MAX_JOINTS], n: usize) {
    for j in 0..n {
        for k in 0..=j {
            let known: f64 = m[j][..k].iter().zip(&m[k][..k]).map(|(a, b)| a * b).sum();
            let sum = m[j][k] - known;
            // Damping keeps the diagonal positive; rounding is kept from a root of less.
            m[j][k] = if j == k { sum.max(1e-14).sqrt() } else { sum / m[k][k] };
        }
    }
    for j in 0..n {
        for i in 0..j {
            x[j] -= m[j][i] * x[i];
        }
        x[j] /= m[j][j];
    }
    for j in (0..n).rev() {
        for i in j + 1..n {
            x[j] -= m[i][j] * x[i];
        }
        x[j] /= m[j][j];
    }
}

/// The shortest rotation from one direction to another, as axis times angle.
fn shortest_turn(from: &Vector3<f64>, to: &Vector3<f64>) -> Vector3<f64> {
    let across = from.cross(to);
    let (sin, cos) = (across.norm(), from.dot(to));
    if sin > 1e-12 {
        across * (libm::atan2(sin, cos) / sin)
    } else if cos < 0.0 {
        // Opposite: about anything square to it.
        let aside = if from.x.abs() < 0.9 { Vector3::x() } else { Vector3::y() };
        from.cross(&aside).normalize() * core::f64::consts::PI
    } else {
        Vector3::zeros()
    }
}

/// The nearest joints a hair within the limits.
pub(super) fn within_limits(arm: &Arm, q: &JointVector) -> JointVector {
    JointVector::from_fn(q.len(), |j| {
        let l = &arm.limits()[j];
        let hair = OFF_LIMIT.min(0.25 * (l.upper - l.lower));
        q[j].clamp(l.lower + hair, l.upper - hair)
    })
}
