//! A gripper that takes goals: it is told where to go once that has been decided; where that changes all the time, as along
//! a policy's chunk, every now and then.

use super::slots::Slots;
use crate::asking::{ActionClient, MoveGripper, Pursued, RosError};
use crate::dds::Ros;
use crate::ros::{GripperCommand, GripperCommandGoal};
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use types::GripperProfile;

/// Between two looks at what is commanded.
const SLICE: Duration = Duration::from_millis(10);
/// What has stayed the same for so many looks has been decided.
const SETTLED: u32 = 3;
/// What goes on changing is told after so many looks: each goal gives up the one before.
const CHANGING: u32 = 20;
/// So near to what it was told last, metres and newtons, it is not told again.
const SAME_M: f64 = 1e-4;
const SAME_N: f64 = 1e-3;
/// Fingers that are to be farther from where they are than this, metres, are to go there.
const FAR_M: f64 = 0.002;
/// Slower than this they rest, m/s.
const RESTS_M_S: f64 = 0.002;
/// How long a goal may take to be accepted, and before one is given again that was not.
const ACCEPTS: Duration = Duration::from_secs(1);

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
    ) -> Result<Self, RosError> {
        let client = ros.action_client::<MoveGripper>(name)?;
        Ok(Self { client, profile: profile.clone(), slots: slots.clone() })
    }

    pub(super) fn wait_served(&self, limit: Duration) -> bool {
        self.client.wait_served(limit)
    }

    pub(super) fn run(self) {
        let mut told: Option<GripperTold> = None;
        let mut before: Option<types::GripperCommand> = None;
        // For how many looks it has been the same; and something else than what was told.
        let (mut stands, mut differs) = (0_u32, 0_u32);
        while !self.slots.ends.load(Ordering::Acquire) {
            std::thread::sleep(SLICE);
            let Some(now) = self.slots.fingers() else {
                // Nobody may tell it anything any more: what it does for somebody is given up.
                if let Some(goal) = told.take().and_then(|told| told.goal) {
                    // One that has ended by itself cannot be.
                    let _ = goal.cancel(ACCEPTS);
                }
                before = None;
                continue;
            };
            let is_still = before.replace(now).is_some_and(|before| is_same(&before, &now));
            stands = if is_still { stands.saturating_add(1) } else { 0 };
            let is_settled = stands >= SETTLED;
            match &told {
                // What it was found at is no wish of anybody's; what is far from there is one.
                None => {
                    let found = self.slots.state().ok().map(|state| state.gripper);
                    let found = found.filter(|found| found.speed_m_s.abs() < RESTS_M_S);
                    let found = found.map(|found| found.width_m.clamp(0.0, self.profile.width_m));
                    let width_m = found.filter(|found| (found - now.width_m).abs() > FAR_M);
                    let command = types::GripperCommand { width_m: width_m.unwrap_or(now.width_m), ..now };
                    (told, differs) = (Some(GripperTold { command, goal: None }), 0);
                }
                Some(last) if is_same(&last.command, &now) => differs = 0,
                Some(_) if is_settled || differs >= CHANGING => {
                    let command = GripperCommand::new(&self.profile, &now);
                    match self.client.give(&GripperCommandGoal { command }, ACCEPTS) {
                        Ok(Some(goal)) => {
                            (told, differs) = (Some(GripperTold { command: now, goal: Some(goal) }), 0);
                        }
                        // One that was not taken is given again as long as it is wished for, and not too often.
                        Ok(None) | Err(_) => std::thread::sleep(ACCEPTS),
                    }
                }
                Some(_) => differs += 1,
            }
        }
    }
}

/// What a gripper was told last.
struct GripperTold {
    command: types::GripperCommand,
    /// Its result is waited for as long as it counts.
    goal: Option<Pursued<MoveGripper>>,
}

fn is_same(a: &types::GripperCommand, b: &types::GripperCommand) -> bool {
    (a.width_m - b.width_m).abs() < SAME_M && (a.force_n - b.force_n).abs() < SAME_N
}
