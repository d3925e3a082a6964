//! How near the moving arm comes to anybody's hands, by the simulator's truth: watched from outside, on every tick.

use mechanics::collision::{Checker, Obstacle};
use mechanics::{Arm, ArmData};
use sim::HandSpec;
use std::sync::Arc;
use types::JointCommand;

/// Farther than this nobody is near, metres.
const FAR_M: f64 = 2.0;

/// Watches the distance; see the head of this file.
pub(crate) struct Bystanders {
    arm: Arc<Arm>,
    checker: Checker,
    data: ArmData,
    nearest_m: f64,
}

impl Bystanders {
    pub(crate) fn new(arm: &Arc<Arm>) -> Self {
        let (checker, data) = (Checker::new(arm), ArmData::new(arm));
        Self { arm: Arc::clone(arm), checker, data, nearest_m: FAR_M }
    }

    /// Takes in what the arm is told in a tick, and where everybody is.
    pub(crate) fn look(&mut self, command: &JointCommand, width_m: f64, world: &sim::World) {
        if !command.enabled || command.dq.iter().all(|v| *v == 0.0) {
            return;
        }
        let hand = |world_from_obstacle| Obstacle {
            name: "hand".into(),
            shape: HandSpec::shape(),
            world_from_obstacle,
        };
        let hands: Vec<Obstacle> = world.hands().map(hand).collect();
        if !hands.is_empty() && self.checker.set_obstacles(hands).is_ok() {
            let room = self.checker.room(&self.arm, &mut self.data, &command.q, width_m, &[], FAR_M);
            self.nearest_m = self.nearest_m.min(room.still);
        }
    }

    /// The least distance so far while the arm moved, metres, at most two; negative when it went into somebody.
    pub(crate) fn nearest_m(&self) -> f64 {
        self.nearest_m
    }
}
