//! Velocities of the tool, and the joint velocities that make them.

use crate::path::Job;
use crate::slowing::Slowed;
use mechanics::{Arm, ArmData, Jacobian, tool_jacobian, tool_pose};
use nalgebra::{Matrix6, Vector3, Vector6};
use types::{CRAWL, JointLimits, JointVector, MAX_JOINTS, Rejection};

/// Axes of a [`Twist`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum TwistAxes {
    /// The world's axes.
    World,
    /// The tool's own axes.
    Tool,
}

/// Velocity of the tool centre point.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Twist {
    /// m/s, each within ±5.
    pub linear_m_s: [f64; 3],
    /// rad/s, each within ±10.
    pub angular_rad_s: [f64; 3],
    /// In which axes both are given.
    pub axes: TwistAxes,
}

/// Faster twists are no wish of anybody's, m/s and rad/s.
const MOST_LINEAR: f64 = 5.0;
const MOST_ANGULAR: f64 = 10.0;
/// Below this singular value of the Jacobian (m and rad mixed, as the Jacobian has them) the arm slows down,
/// and it goes no nearer to a singular pose than the second, from where it can still come back.
const NEAR_SINGULAR: f64 = 0.06;
const MOST_SINGULAR: f64 = 0.015;
/// Damping there (damped least squares: Nakamura and Hanafusa, 1986), growing from none.
const DAMPING: f64 = 0.01;
/// What is always added: an arm with fewer than six joints has no inverse.
const LEAST_DAMPING: f64 = 1e-4;
/// Near the end of its range a joint becomes slower with this part of its acceleration, twice: less than taking up a
/// velocity may use.
const SLOWING: f64 = 0.48;
/// A path is timed to the limit at places that are looked at; between them it may be a trifle faster.
const TRIFLE: f64 = 1.05;
/// Part of the joints' speed limits that a twist may use, and on the way out of a singular pose.
const SPEED_SHARE: f64 = 0.9;
const WAY_OUT_SHARE: f64 = 0.15;
/// How far ahead is looked whether the pose becomes more singular, rad.
const STEP: f64 = 1e-3;
/// Nearer to a singular pose than this it is looked at how fast it comes nearer: from there a joint at its full speed
/// can still stop.
const SINGULAR_AHEAD: f64 = 0.25;
/// A joint that has to become slower before a singular pose does it with this part of its acceleration, after so many
/// seconds: taking up a velocity may use more, and poses become singular the faster the nearer they are.
const SINGULAR_BRAKING: f64 = 0.2;
const SINGULAR_LATE_S: f64 = 0.05;
/// Squarings of the inverse until its greatest eigenvalue stands out.
const SQUARINGS: usize = 4;

impl Twist {
    pub(crate) fn is_zero(&self) -> bool {
        self.linear_m_s.iter().chain(&self.angular_rad_s).all(|v| *v == 0.0)
    }

    /// Refuses what is no number or out of range (B1–B6).
    pub(crate) fn check(&self) -> Result<(), Rejection> {
        for (name, values, most) in [
            ("twist.linear_m_s", &self.linear_m_s, MOST_LINEAR),
            ("twist.angular_rad_s", &self.angular_rad_s, MOST_ANGULAR),
        ] {
            for (i, v) in values.iter().enumerate() {
                crate::config::range(&format!("{name}[{i}]"), *v, -most, most)?;
            }
        }
        Ok(())
    }
}

/// Scratch for one arm.
pub(crate) struct Scratch {
    data: ArmData,
    jacobian: Jacobian,
}

impl Scratch {
    pub(crate) fn new(arm: &Arm) -> Self {
        Self { data: ArmData::new(arm), jacobian: Jacobian::zeros(arm.n_joints()) }
    }
}

/// Joint velocities for a twist.
pub(crate) struct Rates {
    pub(crate) rates: JointVector,
    /// The part of the twist's speed that they make; less than one near singular poses, and on the way to one.
    pub(crate) slowed: f64,
}

/// The joint velocities of least size that move the tool as `twist` says at `q`: in its direction, and be it faster than
/// joints can. Towards singular poses joints may use less and less of their speed: never more than they can
/// lose before one that is too near, with the part `strength` of what they have to become slower.
pub(crate) fn joint_rates(
    arm: &Arm,
    scratch: &mut Scratch,
    q: &JointVector,
    twist: &Twist,
    strength: f64,
) -> Rates {
    let n = arm.n_joints();
    let (mut linear, mut angular) = (Vector3::from(twist.linear_m_s), Vector3::from(twist.angular_rad_s));
    if twist.axes == TwistAxes::Tool {
        let turn = tool_pose(arm, &mut scratch.data, q).isometry().rotation;
        (linear, angular) = (turn * linear, turn * angular);
    }
    let wanted = Vector6::new(linear.x, linear.y, linear.z, angular.x, angular.y, angular.z);
    let (mut square, smallest) = square_at(arm, scratch, q);
    let j = &scratch.jacobian;
    let good = ((smallest - MOST_SINGULAR) / (NEAR_SINGULAR - MOST_SINGULAR)).clamp(0.0, 1.0);
    let damping = DAMPING * (1.0 - good);
    for a in 0..6 {
        square[(a, a)] += damping * damping + LEAST_DAMPING * LEAST_DAMPING;
    }
    let solved = square.cholesky().map_or(Vector6::zeros(), |c| c.solve(&wanted));
    let rates = JointVector::from_fn(n, |c| (0..6).map(|a| j[(a, c)] * solved[a]).sum());
    // Where nothing is singular joints have their own limits (`within_speed`).
    let mut share = if good < 1.0 { SPEED_SHARE * good } else { f64::INFINITY };
    let fastest = rates.iter().fold(1e-12f64, |m, v| m.max(v.abs()));
    // How far the fastest joint may go until the pose is too singular, rad.
    let mut room = f64::INFINITY;
    if smallest < SINGULAR_AHEAD {
        let there = JointVector::from_fn(n, |i| q[i] + STEP * rates[i] / fastest);
        let lost = (smallest - square_at(arm, scratch, &there).1) / STEP;
        if lost > 0.0 {
            room = (smallest - MOST_SINGULAR).max(0.0) / lost;
        } else if lost < 0.0 {
            share = share.max(WAY_OUT_SHARE);
        }
    }
    let slowed = arm.limits().iter().enumerate().fold(1.0f64, |m, (i, l)| {
        let rate = rates[i].abs().max(1e-12);
        let by = strength * SINGULAR_BRAKING * l.acceleration;
        let lag = by * SINGULAR_LATE_S;
        let stops = libm::sqrt(lag * lag + 2.0 * by * room * rate / fastest) - lag;
        m.min((share * l.velocity).min(stops.max(0.0)) / rate)
    });
    Rates { rates: JointVector::from_fn(n, |i| slowed * rates[i]), slowed }
}

/// The root of the smallest eigenvalue of a positive definite matrix: the inverse is multiplied by itself until its
/// greatest one stands out (power iteration: Golub and Van Loan, Matrix Computations, 2013, section 7.3). Zero where there
/// is no inverse. Where the two smallest are nearly alike it is between them.
fn root_of_least(gram: Matrix6<f64>) -> f64 {
    let Some(inverse) = gram.cholesky().map(|c| c.inverse()) else { return 0.0 };
    let mut power = inverse;
    for _ in 0..SQUARINGS {
        power /= power.norm();
        power *= power;
    }
    let mut along = power.column(0).into_owned();
    for c in 1..6 {
        let column = power.column(c);
        if column.norm_squared() > along.norm_squared() {
            along = column.into_owned();
        }
    }
    let greatest = along.dot(&(inverse * along)) / along.norm_squared();
    if greatest.is_finite() && greatest > 0.0 { 1.0 / libm::sqrt(greatest) } else { 0.0 }
}

/// J Jᵀ of the tool at `q`, and the smallest singular value of J that depends on the pose. Leaves J in the
/// scratch.
fn square_at(arm: &Arm, scratch: &mut Scratch, q: &JointVector) -> (Matrix6<f64>, f64) {
    let n = arm.n_joints();
    tool_jacobian(arm, &mut scratch.data, q, &mut scratch.jacobian);
    let j = &scratch.jacobian;
    let mut square = Matrix6::<f64>::zeros();
    for c in 0..n {
        for a in 0..6 {
            for b in 0..6 {
                square[(a, b)] += j[(a, c)] * j[(b, c)];
            }
        }
    }
    if n >= 6 {
        return (square, root_of_least(square));
    }
    // With n joints fewer than six, 6 - n singular values are zero whatever the pose: Jᵀ J has the others, and what is
    // put beside it is none of the smallest.
    let mut other = Matrix6::from_diagonal_element(square.trace().max(1e-12));
    for a in 0..n {
        for b in 0..n {
            other[(a, b)] = (0..6).map(|row| j[(row, a)] * j[(row, b)]).sum();
        }
    }
    (square, root_of_least(other))
}

/// Whether the tool's centre point is nowhere faster than `most` m/s, but for a trifle, while `job` goes over onto its
/// path.
pub(crate) fn blend_within_speed(arm: &Arm, scratch: &mut Scratch, job: &Job, most: f64) -> bool {
    job.along_blend()
        .all(|(_, [q, dq, _])| job.pace.nominal * tool_speed(arm, scratch, &q, &dq) <= TRIFLE * most)
}

/// Speed of the tool's centre point, m/s.
fn tool_speed(arm: &Arm, scratch: &mut Scratch, q: &JointVector, rates: &JointVector) -> f64 {
    let n = arm.n_joints().min(MAX_JOINTS);
    tool_jacobian(arm, &mut scratch.data, q, &mut scratch.jacobian);
    let j = &scratch.jacobian;
    Vector3::from_fn(|a, _| (0..n).map(|c| j[(a, c)] * rates[c]).sum::<f64>()).norm()
}

/// How fast a joint shall be at `q` at most, on its way up or down: as slow already as it has to be where it gets while
/// it becomes slower.
fn most_now(l: &JointLimits, q: f64, way: f64, strength: f64) -> f64 {
    let most = SPEED_SHARE * l.velocity;
    if l.near_end.slope == 0.0 || way == 0.0 {
        return most;
    }
    let room = if way > 0.0 { l.upper - q } else { q - l.lower };
    // Where the limit comes down to a crawl; from there back as taking up a velocity becomes slower.
    let least = l.near_end.offset + CRAWL;
    let left = (room - least * least / l.near_end.slope).max(0.0);
    let braking = libm::sqrt(CRAWL * CRAWL + strength * SLOWING * l.acceleration * left);
    most.min(SPEED_SHARE * l.fastest(q, way)).min(braking.max(SPEED_SHARE * CRAWL))
}

/// `rates` slowed down, all alike, so that no joint is faster than its limit and the tool's centre point not
/// faster than `most` m/s, and by what; the motors have the part `strength` of what taking up a velocity uses.
pub(crate) fn within_speed(
    arm: &Arm,
    scratch: &mut Scratch,
    q: &JointVector,
    rates: JointVector,
    (most, strength): (f64, f64),
) -> (JointVector, Slowed) {
    let speed = tool_speed(arm, scratch, q, &rates);
    let mut slowed = Slowed { part: (most / speed.max(1e-12)).min(1.0), joint: None, rate: 0.0 };
    for (i, l) in arm.limits().iter().enumerate() {
        let part = most_now(l, q[i], rates[i], strength) / rates[i].abs().max(1e-12);
        if part < slowed.part {
            slowed = Slowed { part, joint: Some(i as u8), rate: rates[i] };
        }
    }
    (JointVector::from_fn(rates.len(), |i| slowed.part * rates[i]), slowed)
}
