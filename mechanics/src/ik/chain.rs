//! The way from the base to the tool alone, ready to be gone through again and again: what one descent
//! step needs to know about the arm, in fixed arrays.

use super::descent::Wanted;
use super::linear::Column;
use crate::arm::Arm;
use crate::links::{Lanes, Links, Pose};
use crate::trig;
use nalgebra::{Isometry3, Rotation3, UnitQuaternion, Vector3};
use types::MAX_JOINTS;

/// A radian counts as much as this many metres.
pub(super) const METRES_PER_RADIAN: f64 = 0.25;
/// Solutions keep this far from joint limits, rad (m), so that rounding does not cross them.
pub(super) const OFF_LIMIT: f64 = 1e-5;
/// 2 (1 + cos θ) of a turn below which its axis is hard to see in the skew part of its matrix.
const NEARLY_HALF_A_TURN: f64 = 1e-4;
/// Numbers of a vector register that all loops over angles fill.
const LANES: usize = 4;

/// One moving part on the way to the tool.
#[derive(Clone, Debug)]
struct Part {
    /// Where it is in the one before when it stands at zero.
    place: Pose,
    slides: bool,
    /// The controlled joint that moves it, and how: `factor · q + offset`.
    joint: usize,
    factor: f64,
    offset: f64,
}

/// The moving parts from the world to the tool.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    parts: Vec<Part>,
    /// The tool in the last part (in the world when nothing moves).
    end: Pose,
    n_joints: usize,
    /// Whether every part is moved by the joint of its own place in the row.
    is_plain: bool,
    /// A hair within the joints' limits.
    lower: [f64; MAX_JOINTS],
    upper: [f64; MAX_JOINTS],
    /// Scratch: joint positions of the parts, filled up to whole vectors, and where the parts stand.
    angles: Vec<f64>,
    sin: Vec<f64>,
    cos: Vec<f64>,
    poses: Vec<Pose>,
}

/// The arm about one place, for `N` joints or fewer (the rest do nothing): weighted Jacobian columns,
/// weighted error, and the error in metres and as the chord of the angle, 2 sin(θ/2).
#[derive(Clone, Debug)]
pub(super) struct Local<const N: usize> {
    pub(super) columns: [Column; N],
    pub(super) error: Column,
    pub(super) error_m: f64,
    pub(super) chord: f64,
}

/// Where the tool shall be.
#[derive(Clone, Debug)]
pub(super) struct Target(Pose);

impl Target {
    pub(super) fn of(pose: &Isometry3<f64>) -> Self {
        Self(Pose::of(pose))
    }
}

impl Chain {
    pub(super) fn new(arm: &Arm) -> Self {
        let links = Links::new(arm.model());
        let n_joints = arm.n_joints();
        // Where the joints stand that nobody controls.
        let mut full_q = vec![0.0; arm.model().joints.len()];
        arm.full_q(&arm.home(), 0.0, &mut full_q);
        let (mut at, link_from_body) = links.bodies[arm.tool_body_idx()];
        let mut way = Vec::new();
        while let Some(i) = at {
            way.push(i);
            at = links.all[i].parent;
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut fixed = Pose::of(&arm.world_from_base());
        for link in way.into_iter().rev().map(|i| &links.all[i]) {
            let place = fixed.then(&link.place);
            if let Some((joint, factor, offset)) = moved_by(arm, link.joint) {
                parts.push(Part { place, slides: link.slides, joint, factor, offset });
                fixed = Pose::default();
            } else if link.slides {
                fixed = place.slid(full_q[link.joint]);
            } else {
                let (sin, cos) = libm::sincos(full_q[link.joint]);
                fixed = place.turned(sin, cos);
            }
        }
        let end = fixed.then(&link_from_body).then(&Pose::of(arm.body_from_tool()));
        let (mut lower, mut upper) = ([0.0; MAX_JOINTS], [0.0; MAX_JOINTS]);
        for (j, l) in arm.limits().iter().enumerate() {
            let hair = OFF_LIMIT.min(0.25 * (l.upper - l.lower));
            (lower[j], upper[j]) = (l.lower + hair, l.upper - hair);
        }
        let plain = |(i, p): (usize, &Part)| p.joint == i && p.factor == 1.0 && p.offset == 0.0;
        let is_plain = parts.len() == n_joints && parts.iter().enumerate().all(plain);
        let scratch = vec![0.0; parts.len().next_multiple_of(LANES)];
        let poses = vec![Pose::default(); parts.len()];
        let (angles, sin, cos) = (scratch.clone(), scratch.clone(), scratch);
        Self { parts, end, n_joints, is_plain, lower, upper, angles, sin, cos, poses }
    }

    /// As many joints, when each moves the part of its own place in the row.
    pub(super) fn plain_joints(&self) -> Option<usize> {
        self.is_plain.then_some(self.n_joints)
    }

    /// A hair within the limits of the joints; zeros for those that are none.
    #[inline(always)]
    pub(super) fn range<const N: usize>(&self) -> ([f64; N], [f64; N]) {
        let of = |limits: &[f64; MAX_JOINTS]| core::array::from_fn(|j| limits[j]);
        (of(&self.lower), of(&self.upper))
    }

    /// How the tool stands to the target at `q`, and how each joint moves it. `N` is the number of
    /// joints of a plain chain, or [`MAX_JOINTS`].
    #[inline(always)]
    pub(super) fn linearise<const N: usize>(
        &mut self,
        q: &[f64; N],
        target: &Target,
        wanted: Wanted,
    ) -> Local<N> {
        // Where the number of parts is known, the loops over them unroll.
        let n = if N < MAX_JOINTS { N } else { self.parts.len() };
        let n_padded = n.next_multiple_of(LANES);
        let (parts, poses) = (&self.parts[..n], &mut self.poses[..n]);
        let (angles, sin, cos) =
            (&mut self.angles[..n_padded], &mut self.sin[..n_padded], &mut self.cos[..n_padded]);
        for (i, part) in parts.iter().enumerate() {
            angles[i] = if N < MAX_JOINTS { q[i] } else { part.factor * q[part.joint] + part.offset };
        }
        trig::sin_cos(angles, sin, cos);
        let mut tool = self.end;
        let mut before: Option<Pose> = None;
        for (i, part) in parts.iter().enumerate() {
            let fixed = match &before {
                Some(before) => before.then(&part.place),
                None => part.place,
            };
            let pose = if part.slides { fixed.slid(angles[i]) } else { fixed.turned(sin[i], cos[i]) };
            poses[i] = pose;
            before = Some(pose);
        }
        if let Some(before) = &before {
            tool = before.then(&self.end);
        }
        let (turn, chord) = match wanted {
            Wanted::Pose => turn_to(&tool, &target.0),
            Wanted::Axis => shortest_turn(&tool.z, &target.0.z),
            Wanted::Position => (Lanes::default(), 0.0),
        };
        let weight = if wanted == Wanted::Position { 0.0 } else { METRES_PER_RADIAN };
        let mut columns = [Column::default(); N];
        for (i, (part, pose)) in parts.iter().zip(poses.iter()).enumerate() {
            let mut column = if part.slides {
                Column { linear: pose.z, angular: Lanes::default() }
            } else {
                Column { linear: pose.z.cross(&tool.at.minus(&pose.at)), angular: pose.z.times(weight) }
            };
            if wanted == Wanted::Axis {
                // A turn about the tool's own axis counts for nothing.
                let about = tool.z.times(tool.z.along(&column.angular));
                column.angular = column.angular.minus(&about);
            }
            if N < MAX_JOINTS {
                columns[i] = column;
            } else {
                columns[part.joint] = columns[part.joint].plus(part.factor, &column);
            }
        }
        let off = target.0.at.minus(&tool.at);
        let error = Column { linear: off, angular: turn.times(weight) };
        Local { columns, error, error_m: off.along(&off).sqrt(), chord }
    }
}

/// The controlled joint that moves a joint of the model: itself, or one that it follows.
fn moved_by(arm: &Arm, joint: usize) -> Option<(usize, f64, f64)> {
    let (mut joint, mut factor, mut offset) = (joint, 1.0, 0.0);
    for _ in 0..arm.model().joints.len() {
        if let Some(i) = arm.arm_joint_idx().iter().position(|j| *j == joint) {
            return Some((i, factor, offset));
        }
        if arm.gripper_joint_idx().contains(&joint) {
            return None;
        }
        let mimic = arm.model().joints[joint].mimic?;
        offset += factor * mimic.offset;
        factor *= mimic.multiplier;
        joint = mimic.joint_idx;
    }
    None
}

/// The rotation that takes the tool's axes to others, as axis times the chord of its angle, and the chord:
/// 2 sin(θ/2), which is the angle where it is small and costs only a root.
#[inline(always)]
fn turn_to(tool: &Pose, target: &Pose) -> (Lanes, f64) {
    let crossed = tool.x.cross(&target.x).plus(&tool.y.cross(&target.y)).plus(&tool.z.cross(&target.z));
    let trace = tool.x.along(&target.x) + tool.y.along(&target.y) + tool.z.along(&target.z);
    // 2 (1 + cos θ) = 4 cos²(θ/2)
    let near = 1.0 + trace;
    if near < NEARLY_HALF_A_TURN {
        return nearly_half_a_turn(tool, target);
    }
    // `crossed` is 2 sin θ long.
    let turn = crossed.times(1.0 / near.sqrt());
    (turn, turn.along(&turn).sqrt())
}

#[cold]
fn nearly_half_a_turn(tool: &Pose, target: &Pose) -> (Lanes, f64) {
    let turn = Rotation3::from_matrix_unchecked(target.turn() * tool.turn().transpose());
    let half = UnitQuaternion::from_rotation_matrix(&turn);
    let turn = half.imag() * 2.0f64.copysign(half.w);
    (Lanes::of(&turn), turn.norm())
}

/// The shortest rotation from one direction to another, in the same way.
#[inline(always)]
fn shortest_turn(from: &Lanes, to: &Lanes) -> (Lanes, f64) {
    let (across, near) = (from.cross(to), 2.0 * (1.0 + from.along(to)));
    if near < NEARLY_HALF_A_TURN {
        // Nearly opposite: about anything square to it.
        let from = from.vector();
        let aside = if from.x.abs() < 0.9 { Vector3::x() } else { Vector3::y() };
        return (Lanes::of(&(from.cross(&aside).normalize() * 2.0)), 2.0);
    }
    // `across` is sin θ long.
    let turn = across.times(2.0 / near.sqrt());
    (turn, turn.along(&turn).sqrt())
}
