//! A gripper that takes goals: it is told where to go once that has been decided, not on the way there.

use super::slots::Slots;
use crate::dds::{ActionClient, DdsError, MoveGripper, Pursued, Ros};
use crate::ros::{GripperCommand, GripperCommandGoal};
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use types::GripperProfile;

/// Between two looks at what is commanded.
const SLICE: Duration = Duration::from_millis(10);
/// So near to what it was told last, metres and newtons, it is not told again.
const SAME_M: f64 = 1e-4;
const SAME_N: f64 = 1e-3;
/// How long a goal may take to be accepted, and before one is given again that was not.
const ACCEPTS: Duration = Duration::from_secs(1);

/// Where the first joint of a gripper stands, rad or m, when the fingertips are so far apart, m.
#[must_use]
pub fn position(profile: &GripperProfile, width_m: f64) -> f64 {
    let part = (width_m / profile.width_m).clamp(0.0, 1.0);
    profile.closed[0] + part * (profile.open[0] - profile.closed[0])
}

/// How far apart the fingertips are, m, when the first joint stands there; and how fast they part, m/s, by its speed.
#[must_use]
pub fn width(profile: &GripperProfile, position: f64, speed: f64) -> (f64, f64) {
    let per = profile.width_m / (profile.open[0] - profile.closed[0]);
    ((position - profile.closed[0]) * per, speed * per)
}

/// The thread that tells it.
pub(super) struct Telling {
    client: ActionClient<MoveGripper>,
    profile: GripperProfile,
    slots: Arc<Slots>,
}

impl Telling {
    pub(super) fn new(
        ros: &Ros,
        name: &str,
        profile: &GripperProfile,
        slots: &Arc<Slots>,
    ) -> Result<Self, DdsError> {
        let client = ros.action_client::<MoveGripper>(name)?;
        Ok(Self { client, profile: profile.clone(), slots: slots.clone() })
    }

    pub(super) fn wait_served(&self, limit: Duration) -> bool {
        self.client.wait_served(limit)
    }

    pub(super) fn run(self) {
        let mut told: Option<types::GripperCommand> = None;
        let mut before: Option<types::GripperCommand> = None;
        // A goal's result is waited for as long as the goal counts; the newest alone does.
        let mut _pursued: Option<Pursued<MoveGripper>> = None;
        while !self.slots.ends.load(Ordering::Acquire) {
            std::thread::sleep(SLICE);
            let newest = self.slots.newest_command().filter(|c| c.enabled).map(|c| c.gripper);
            let Some(now) = newest else {
                // Without power it stands as it does; with power it may be told anew.
                (told, before) = (None, None);
                continue;
            };
            let same = |a: &types::GripperCommand| {
                (a.width_m - now.width_m).abs() < SAME_M && (a.force_n - now.force_n).abs() < SAME_N
            };
            let is_settled = before.as_ref().is_some_and(same);
            before = Some(now);
            if !is_settled {
                continue;
            }
            match &told {
                // What it was found at is no wish of anybody's.
                None => told = Some(now),
                Some(last) if !same(last) => {
                    let command = GripperCommand {
                        position: position(&self.profile, now.width_m),
                        max_effort: now.force_n,
                    };
                    // One that was not taken is given again as long as it is wished for.
                    if let Ok(Some(goal)) = self.client.give(&GripperCommandGoal { command }, ACCEPTS) {
                        (_pursued, told) = (Some(goal), Some(now));
                    }
                }
                Some(_) => {}
            }
        }
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
                let q = position(&profile, width_m);
                let (back, speed) = width(&profile, q, (open - closed) / 2.0);
                assert!((back - width_m).abs() < 1e-12 && (speed - 0.04).abs() < 1e-12, "{closed} {open}");
            }
            assert_eq!(position(&profile, 1.0), open, "no wider than it can");
        }
    }
}
