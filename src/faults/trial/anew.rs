//! The same trial anew, beside the first or in its place; and the emergency stop's line.

use super::{Line, Made, Trial};
use crate::graph::Body;
use crate::graph::lockstep::Lockstep;
use crate::session::{self, Pace};
use control::{Mode, Tape};
use mechanics::Arm;
use sim::{Rig, SceneSpec, World};
use std::sync::Arc;
use types::RobotProfile;

impl Trial {
    /// The same arm once more, up to the same instant: nothing has been broken there.
    pub(crate) fn twin(&self) -> Result<Self, String> {
        Self::new(&self.made.config, &self.arm, self.made.seed, self.made.at_s)
    }

    /// Begins anew with an arm that has brakes, or has none, if this one is not so.
    pub(crate) fn with_brakes(&mut self, brakes: bool) -> Result<(), String> {
        let profile = self.arm.profile();
        if profile.brakes != brakes {
            let profile = RobotProfile { brakes, ..profile.clone() };
            let arm = Arm::new(self.arm.model().clone(), profile).map_err(|e| e.to_string())?;
            *self = Self::new(&self.made.config, &Arc::new(arm), self.made.seed, self.made.at_s)?;
        }
        Ok(())
    }

    /// Begins anew with a loop whose ticks go to a tape, as they do for a recording.
    pub(crate) fn taped(&mut self) -> Result<Tape, String> {
        let said = |e: &dyn core::fmt::Display| e.to_string();
        let Made { config, seed, .. } = &self.made;
        let world = World::new(&self.arm, &SceneSpec::default(), *seed).map_err(|e| said(&e))?;
        let control = control::Config { stop_line: true, ..session::control_config(config, Pace::Lockstep) };
        let (core, handle) = control::new(Arc::clone(&self.arm), control).map_err(|e| said(&e))?;
        let (core, tape) = core.with_tape();
        let body = Lockstep::new((core, handle), Rig::new(world), Vec::new());
        *self = Self::under_way(self.made.clone(), &Arc::clone(&self.arm), body)?;
        Ok(tape)
    }

    /// Where a contact stopped it the arm is told to go on.
    pub(crate) fn goes_on_anyway(&mut self) -> Result<(), String> {
        if self.handle().status().mode == Mode::Hold { self.submit_anyway() } else { Ok(()) }
    }

    /// No motion follows on this one.
    pub(crate) fn ends_there(&mut self) {
        self.goes_on = false;
    }

    /// The emergency stop's line opens for a moment between two ticks.
    pub(crate) fn flicker(&mut self) {
        let (line, now) = (self.handle().stop_line(), self.body.now());
        line.sample(now, false);
        line.sample(now, true);
    }

    /// That is what breaks.
    pub(crate) fn open_line(&mut self) {
        self.break_here();
        self.flicker();
    }

    /// The emergency stop's line breaks, for good.
    pub(crate) fn break_line(&mut self, line: Line) {
        self.break_here();
        self.line = line;
    }
}
