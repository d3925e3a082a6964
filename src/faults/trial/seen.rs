//! What is looked at in every tick of a trial.

use super::Trial;
use crate::graph::Body;
use control::{Motion, Report};
use types::{Fault, JointVector};

impl Trial {
    /// Lets time pass until something holds of a tick; after how many seconds.
    fn until(
        &mut self,
        seconds: f64,
        mut holds: impl FnMut(&mut Self) -> bool,
    ) -> Result<Option<f64>, String> {
        let begun = self.body.now();
        for _ in 0..(1e3 * seconds).round() as usize {
            self.run_s(0.001)?;
            if holds(self) {
                return Ok(Some(self.body.now().secs_since(begun)));
            }
        }
        Ok(None)
    }

    /// Lets so many seconds pass; the fault is named within `within_s` of a joint being this far from where it should be.
    pub(crate) fn named_once_behind(
        &mut self,
        fault: Fault,
        (behind, within_s): (f64, f64),
        seconds: f64,
    ) -> Result<(), String> {
        let is_behind = |t: &mut Self| {
            let here: JointVector = t.q();
            t.commanded().max_abs_diff(&here) > behind
        };
        let since = self.until(seconds, is_behind)?;
        self.run_s(seconds - since.unwrap_or(seconds))?;
        let since = since.ok_or("it was never that far behind")?;
        match self.first(fault) {
            Some(told) if told <= since + within_s => Ok(()),
            Some(told) => Err(format!("named {:.0} ms after it was behind", 1e3 * (told - since))),
            None => Err(format!("never named: {}", self.why_stopped())),
        }
    }

    /// Nobody takes reports for so long, while every tick refuses something; what was lost is counted.
    pub(crate) fn is_not_heard(&mut self, seconds: f64) -> Result<(), String> {
        let still = JointVector::zeros(self.limits().len());
        let old = self.next_order(Motion::Velocity(still))?;
        self.run_s(0.2)?;
        self.polls = false;
        let (lost, _) = self.handle().dropped();
        let ticks = (1e3 * seconds).round() as u64;
        for _ in 0..ticks {
            self.submit(old.clone())?;
            self.run_s(0.001)?;
        }
        self.polls = true;
        let lost = self.handle().dropped().0 - lost;
        self.run_s(0.001)?;
        let told = self.reports.iter().filter(|(_, r)| matches!(r, Report::Refused { .. })).count() as u64;
        if lost == 0 || lost + told < ticks {
            return Err(format!("of {ticks} reports at least {told} were told, and {lost} counted as lost"));
        }
        Ok(())
    }
}
