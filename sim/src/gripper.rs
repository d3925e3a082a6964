//! The gripper's own drive: a ramped position loop with a force limit, as such devices have.

use crate::mjcf_out::gripper_lever;
use mechanics::Arm;
use types::{GripperCommand, GripperState};

/// Stiffness in width, N/m per finger.
const KP: f64 = 1500.0;
/// Damping in width, N·s/m per finger.
const KD: f64 = 18.0;

/// Turns a width and a force limit into joint torques.
#[derive(Clone, Debug)]
pub(crate) struct GripperDrive {
    /// Torque of each gripper joint per newton at the fingertips.
    levers: Vec<f64>,
    width_max: f64,
    force_max: f64,
    speed: f64,
    command: GripperCommand,
    /// Where the ramp stands, metres.
    reference: f64,
    /// Force the drive gives now, positive when opening, newtons.
    force: f64,
}

impl GripperDrive {
    /// A drive that holds `width_m` with the device's full force.
    pub(crate) fn new(arm: &Arm, width_m: f64) -> Self {
        let g = &arm.profile().gripper;
        Self {
            levers: (0..g.joints.len()).map(|i| gripper_lever(arm, i)).collect(),
            width_max: g.width_m,
            force_max: g.force_n,
            speed: g.speed_m_s,
            command: GripperCommand { width_m, force_n: g.force_n },
            reference: width_m,
            force: 0.0,
        }
    }

    /// Takes a new target, clamped to what the device can do.
    pub(crate) fn set(&mut self, command: GripperCommand) {
        self.command = GripperCommand {
            width_m: command.width_m.clamp(0.0, self.width_max),
            force_n: command.force_n.clamp(0.0, self.force_max),
        };
    }

    /// Computes the force for one step of `dt` seconds; `limp` gives none (F20).
    pub(crate) fn update(&mut self, width_m: f64, speed_m_s: f64, dt: f64, limp: bool) {
        let most = self.command.force_n;
        // The ramp never runs further ahead of the fingers than the force limit can answer.
        let slack = most / KP + 1e-4;
        let from = self.reference.clamp(width_m - slack, width_m + slack);
        let step = (self.command.width_m - from).clamp(-self.speed * dt, self.speed * dt);
        self.reference = from + step;
        let rate = if step.abs() >= self.speed * dt { step / dt } else { 0.0 };
        let force = KP * (self.reference - width_m) + KD * (rate - speed_m_s);
        self.force = if limp { 0.0 } else { force.clamp(-most, most) };
    }

    /// Torque of gripper joint `i`, N·m (N).
    pub(crate) fn torque(&self, i: usize) -> f64 {
        self.force * self.levers[i]
    }

    /// The measured state.
    pub(crate) fn state(&self, width_m: f64, speed_m_s: f64) -> GripperState {
        GripperState { width_m, speed_m_s, force_n: (-self.force).max(0.0) }
    }

    /// Rate of the width from the joints' rates.
    pub(crate) fn rate(&self, joint_rates: impl Iterator<Item = f64>) -> f64 {
        joint_rates.zip(&self.levers).map(|(dq, lever)| dq * lever).sum()
    }
}
