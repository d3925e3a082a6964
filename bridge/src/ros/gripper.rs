//! Grippers as ROS 2 has them: by the place of their first joint. Here it is how far apart the fingertips are.

use super::{GripperCommand, GripperCommandFeedback, GripperCommandResult};
use types::{GripperProfile, GripperState, Rejection};

/// So much is no difference, rad (m) or N.
const TRIFLE: f64 = 1e-9;

/// Where the first joint of a gripper stands, rad or m, when the fingertips are so far apart, m.
#[must_use]
pub fn gripper_position(profile: &GripperProfile, width_m: f64) -> f64 {
    let part = (width_m / profile.width_m).clamp(0.0, 1.0);
    profile.closed[0] + part * (profile.open[0] - profile.closed[0])
}

/// How far apart the fingertips are, m, when the first joint stands there; and how fast they part, m/s, by its speed.
#[must_use]
pub fn gripper_width(profile: &GripperProfile, position: f64, speed: f64) -> (f64, f64) {
    let per = profile.width_m / (profile.open[0] - profile.closed[0]);
    ((position - profile.closed[0]) * per, speed * per)
}

impl GripperCommand {
    /// What a gripper shall do.
    #[must_use]
    pub fn new(profile: &GripperProfile, command: &types::GripperCommand) -> Self {
        let position = gripper_position(profile, command.width_m);
        Self { position, max_effort: command.force_n }
    }

    /// What the gripper shall do; an effort of 0 is the most that it has.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field for numbers that are none or beyond what it can, and for an arm without a gripper.
    pub fn typed(&self, profile: &GripperProfile) -> Result<types::GripperCommand, Rejection> {
        if profile.joints.is_empty() {
            return Err(Rejection::new("gripper", "an arm with a gripper", "one without"));
        }
        let (closed, open) = (profile.closed[0], profile.open[0]);
        let within = |field: &'static str, value: f64, low: f64, high: f64| {
            // What was made of a width may be off by rounding.
            let is_in = (low - TRIFLE..=high + TRIFLE).contains(&value);
            let refuse = || Rejection::new(field, format!("{low} to {high}"), value.to_string());
            if is_in { Ok(value) } else { Err(refuse()) }
        };
        let position = within("gripper.position", self.position, closed.min(open), closed.max(open))?;
        let effort =
            within("gripper.max_effort", self.max_effort, 0.0, profile.force_n)?.min(profile.force_n);
        let width_m = gripper_width(profile, position, 0.0).0.clamp(0.0, profile.width_m);
        Ok(types::GripperCommand { width_m, force_n: if effort <= 0.0 { profile.force_n } else { effort } })
    }
}

impl GripperCommandResult {
    /// What came of a goal: the fingers have come to rest, where they shall be or before.
    #[must_use]
    pub fn new(profile: &GripperProfile, state: &GripperState, reached_goal: bool) -> Self {
        let position = gripper_position(profile, state.width_m);
        Self { position, effort: state.force_n, stalled: !reached_goal, reached_goal }
    }
}

impl GripperCommandFeedback {
    /// How far the fingers are.
    #[must_use]
    pub fn new(profile: &GripperProfile, state: &GripperState) -> Self {
        let position = gripper_position(profile, state.width_m);
        Self { position, effort: state.force_n, stalled: false, reached_goal: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_and_joint_are_one_anothers_inverse_also_of_one_that_closes_by_growing() {
        for (closed, open) in [(0.0, 0.04), (0.8, 0.0), (-0.17, 1.75)] {
            let profile = GripperProfile {
                joints: vec!["finger".into()],
                closed: vec![closed],
                open: vec![open],
                width_m: 0.08,
                ..GripperProfile::default()
            };
            for width_m in [0.0, 0.013, 0.08] {
                let q = gripper_position(&profile, width_m);
                let (back, speed) = gripper_width(&profile, q, (open - closed) / 2.0);
                assert!((back - width_m).abs() < 1e-12 && (speed - 0.04).abs() < 1e-12, "{closed} {open}");
            }
            assert_eq!(gripper_position(&profile, 1.0), open, "no wider than it can");
        }
    }

    #[test]
    fn a_gripper_is_told_only_what_it_can() {
        let profile = GripperProfile {
            joints: vec!["finger".into()],
            closed: vec![0.8],
            open: vec![0.0],
            width_m: 0.08,
            force_n: 40.0,
            ..GripperProfile::default()
        };
        let of = |position, max_effort| GripperCommand { position, max_effort }.typed(&profile);
        let half = of(0.6, 10.0).expect("it can");
        assert!((half.width_m - 0.02).abs() < 1e-12 && half.force_n == 10.0, "{half:?}");
        assert_eq!(of(0.2, 0.0).map(|c| c.force_n), Ok(40.0));
        for (position, effort, field) in [
            (0.81, 1.0, "position"),
            (-0.01, 1.0, "position"),
            (f64::NAN, 1.0, "position"),
            (0.0, 41.0, "max_effort"),
            (0.0, f64::NAN, "max_effort"),
        ] {
            let why = of(position, effort).expect_err("it cannot");
            assert_eq!(why.field, format!("gripper.{field}"));
        }
        let none = GripperCommand::default().typed(&GripperProfile::default()).expect_err("none");
        assert_eq!(none.field, "gripper");
    }
}
