//! Trials of what happens when power comes.

use super::{TICK, Trial};
use crate::graph::Body;
use control::{Mode, RefusedWhy, Report};
use rand::Rng;
use types::{Fault, JointVector};

impl Trial {
    /// Takes the power away and waits for it.
    pub(crate) fn disarm(&mut self) -> Result<(), String> {
        self.goes_on = false;
        let now = self.body.now();
        self.handle().disarm(now).map_err(|e| e.to_string())?;
        self.run_s(1.0)?;
        self.is_in(Mode::Disarmed)
    }

    /// One of two.
    pub(crate) fn coin(&mut self) -> bool {
        self.rng.random()
    }

    /// One of so many, by the instant.
    pub(crate) fn one_of(&mut self, n: i64) -> i64 {
        (self.body.now().as_nanos() / 1_000_000) % n
    }

    /// A reset arm gets power where it is said to be now; that the first command is just that is looked at in every tick.
    pub(crate) fn gets_power(&mut self) -> Result<(), String> {
        let now = self.body.now();
        self.handle().activate(now).map_err(|e| e.to_string())?;
        self.run_s(0.02)?;
        match self.handle().status().mode {
            Mode::Proving | Mode::Hold => Ok(()),
            mode => Err(format!("is in {mode:?} after its power came: {}", self.why_stopped())),
        }
    }

    /// Asks for power, and says by how much any joint moved in truth within so many seconds, rad.
    pub(crate) fn activate_and_see(&mut self, seconds: f64) -> Result<f64, String> {
        let rig = self.body.world().ok_or("no simulated world")?.clone();
        let start = rig.world().sense().q;
        // A few states first, by which the loop knows where it believes that it is.
        self.run_s(0.005)?;
        let now = self.body.now();
        self.handle().activate(now).map_err(|e| e.to_string())?;
        let mut moved = 0.0_f64;
        for _ in 0..(seconds / TICK.as_secs_f64()) as usize {
            self.run_s(0.001)?;
            let q: JointVector = rig.world().sense().q;
            moved = moved.max(q.max_abs_diff(&start));
        }
        Ok(moved)
    }

    /// The arm was refused power, or has lost it to the proof, and nobody says that it could move.
    pub(crate) fn is_without_power(&mut self) -> Result<(), String> {
        // A joint that is said to stand where none can is not let have power in the first place.
        let cannot_be = |r: &Report| {
            matches!(r, Report::Refused { why: RefusedWhy::BeyondLimits | RefusedWhy::NoState, .. })
        };
        if self.has(cannot_be) {
            return self.is_in(Mode::Disarmed);
        }
        self.told(Fault::F15EncoderWrong, 2.5)?;
        self.ends_in(Mode::Fault { powered: false })
    }
}
