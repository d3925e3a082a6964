//! A straight motion of the tool as joint waypoints.

use super::{IkFailure, Options, Reason, Solver, Wanted, check};
use crate::arm::{Arm, ArmData, tool_pose};
use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use types::{JointVector, Tool, Transform, World};

/// Distance of two waypoints: metres, radians of the tool's turn.
const STEP_M: f64 = 0.005;
const STEP_RAD: f64 = 0.04;
/// The farthest that a joint may go between two waypoints, rad (m): more is a leap to another posture.
const LEAP: f64 = 0.25;
/// The farthest that the tool may leave the line halfway between two waypoints, metres.
const BULGE_M: f64 = 0.002;
/// The most waypoints.
const MOST_STEPS: f64 = 10_000.0;

/// A straight motion that cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("after {:.0} % of the line: {failure}", 100.0 * self.fraction)]
pub struct LineFailure {
    /// How much of the line could be made, 0 to 1.
    pub fraction: f64,
    /// Why not more; [`Reason::Unreachable`] also where a joint would have to leap.
    pub failure: Box<IkFailure>,
    /// The waypoints up to there.
    pub reached: Vec<JointVector>,
}

impl Solver {
    /// Joint waypoints, `from` first, along which the tool moves straight from where it is at `from` to
    /// `target`, turning evenly. Waypoints lie 5 mm or 0.04 rad of the tool apart and are all accepted
    /// by `collision_ok`. Thinned by no more than about 1e-3 rad in timing, the tool stays within a few
    /// millimetres of the line.
    ///
    /// # Errors
    /// [`LineFailure`] with what could be made: where the line leaves what the arm can reach, a joint
    /// would leap, or a waypoint is not accepted; and for input that is not finite.
    pub fn line(
        &mut self,
        arm: &Arm,
        data: &mut ArmData,
        from: &[f64],
        target: &Transform<World, Tool>,
        options: &Options,
        collision_ok: &mut dyn FnMut(&[f64]) -> bool,
    ) -> Result<Vec<JointVector>, LineFailure> {
        let refused =
            |failure| LineFailure { fraction: 0.0, failure: Box::new(failure), reached: Vec::new() };
        let mut q = check(arm, target.isometry(), from, options).map_err(|r| refused(IkFailure::input(r)))?;
        let begin = *tool_pose(arm, data, &q).isometry();
        let end = target.isometry();
        let way = end.translation.vector - begin.translation.vector;
        let turn = match options.wanted {
            Wanted::Pose => end.rotation * begin.rotation.inverse(),
            Wanted::Axis => {
                let z = nalgebra::Vector3::z();
                UnitQuaternion::rotation_between(&(begin.rotation * z), &(end.rotation * z)).unwrap_or_else(
                    || {
                        // Opposite axes: half a turn about the tool's x.
                        UnitQuaternion::from_scaled_axis(
                            begin.rotation * nalgebra::Vector3::x() * core::f64::consts::PI,
                        )
                    },
                )
            }
            Wanted::Position => UnitQuaternion::identity(),
        }
        .scaled_axis();
        let at = |x: f64| {
            let rotation = UnitQuaternion::from_scaled_axis(turn * x) * begin.rotation;
            let place = Translation3::from(begin.translation.vector + way * x);
            Transform::<World, Tool>::from_isometry(Isometry3::from_parts(place, rotation))
        };
        let n_steps = (way.norm() / STEP_M).max(turn.norm() / STEP_RAD).ceil().clamp(1.0, MOST_STEPS);
        let mut waypoints = vec![q];
        for i in 1..=n_steps as usize {
            let x = i as f64 / n_steps;
            let next = self.track(arm, data, &at(x), &q, options).and_then(|next| {
                let failure = |reason| IkFailure {
                    reason,
                    best_error_m: 0.0,
                    best_error_rad: 0.0,
                    nearest_m: 0.0,
                    best_q: Box::new(next),
                };
                let halfway = JointVector::from_fn(q.len(), |j| 0.5 * (q[j] + next[j]));
                let line = at((i as f64 - 0.5) / n_steps);
                let bulge = (tool_pose(arm, data, &halfway).origin() - line.origin()).norm();
                if q.max_abs_diff(&next) > LEAP || bulge > BULGE_M {
                    return Err(failure(Reason::Unreachable));
                }
                if collision_ok(&next) { Ok(next) } else { Err(failure(Reason::Collision)) }
            });
            match next {
                Ok(next) => q = next,
                Err(failure) => {
                    let fraction = (i - 1) as f64 / n_steps;
                    return Err(LineFailure { fraction, failure: Box::new(failure), reached: waypoints });
                }
            }
            waypoints.push(q);
        }
        Ok(waypoints)
    }
}
