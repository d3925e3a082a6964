//! The gripper's command: within bounds, and never faster than the gripper is.

use types::{GripperCommand, GripperProfile, Rejection};

/// The gripper's side of the core.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Gripper {
    exists: bool,
    width_max: f64,
    force_max: f64,
    speed: f64,
    target: GripperCommand,
    command: GripperCommand,
}

impl Gripper {
    pub(crate) fn new(profile: &GripperProfile) -> Self {
        let exists = !profile.joints.is_empty();
        let (width_max, force_max) = if exists { (profile.width_m, profile.force_n) } else { (0.0, 0.0) };
        let rest = GripperCommand { width_m: 0.0, force_n: force_max };
        Self { exists, width_max, force_max, speed: profile.speed_m_s, target: rest, command: rest }
    }

    /// Checks a command a person or planner gives (B1–B6).
    pub(crate) fn check(&self, command: &GripperCommand) -> Result<(), Rejection> {
        if !self.exists {
            return Err(Rejection::new("gripper", "an arm with a gripper", "this arm has none"));
        }
        crate::config::range("gripper.width_m", command.width_m, 0.0, self.width_max)?;
        crate::config::range("gripper.force_n", command.force_n, 0.0, self.force_max)
    }

    /// Goes to `target`, brought within bounds. Fingers that hold something stand wider than they were
    /// told to (`measured_m`): they open from where they are, so that they let go at once.
    pub(crate) fn go(&mut self, target: GripperCommand, measured_m: Option<f64>) {
        if target.width_m.is_finite() && target.force_n.is_finite() {
            self.target = GripperCommand {
                width_m: target.width_m.clamp(0.0, self.width_max),
                force_n: target.force_n.clamp(0.0, self.force_max),
            };
            let stands = measured_m.filter(|w| *w >= 0.0 && *w <= self.width_max).unwrap_or(0.0);
            self.command.width_m = self.command.width_m.max(stands.min(self.target.width_m));
        }
    }

    /// Keeps what it holds: neither opens nor closes further, with the force it had.
    pub(crate) fn hold(&mut self) {
        self.target.width_m = self.command.width_m;
    }

    /// Stands where it is measured: without power, or when power comes.
    pub(crate) fn stand(&mut self, width_m: f64) {
        if width_m.is_finite() {
            self.command.width_m = width_m.clamp(0.0, self.width_max);
        }
        self.command.force_n = self.force_max;
        self.target = self.command;
    }

    /// The command after `dt` seconds.
    pub(crate) fn step(&mut self, dt: f64) -> GripperCommand {
        let most = if self.exists { self.speed * dt } else { 0.0 };
        let way = self.target.width_m - self.command.width_m;
        self.command.width_m += way.clamp(-most, most);
        self.command.force_n = self.target.force_n;
        self.command
    }
}
