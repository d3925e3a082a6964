//! What is looked at in every tick of a trial.

use super::Trial;
use crate::graph::Body;
use bridge::recording::{Full, Limits, Recorder};
use bridge::ros;
use control::{LeaseId, Mode, Motion, Order, Report, Tape};
use std::collections::BTreeSet;
use std::path::Path;
use types::{Fault, JointVector};

/// A device on which there is no room, where there is one; else a file with this much, bytes.
const NO_ROOM: &str = "/dev/full";
const ROOM: u64 = 20_000;

/// Which leases the loop has granted and not ended (I4).
#[derive(Debug, Default)]
pub(super) struct Leased {
    live: BTreeSet<LeaseId>,
    /// Ticks that were looked at.
    pub(super) ticks: u64,
}

impl Leased {
    pub(super) fn hear(&mut self, report: &Report) {
        match report {
            Report::Granted(lease) => _ = self.live.insert(*lease),
            Report::Lost(lease) => _ = self.live.remove(lease),
            _ => {}
        }
    }

    /// Nothing is followed and nothing steered but under a lease.
    pub(super) fn look(&mut self, mode: Mode) -> Result<(), String> {
        self.ticks += 1;
        match mode {
            Mode::Follow | Mode::Servo if self.live.is_empty() => Err(format!("I4: {mode:?} under no lease")),
            _ => Ok(()),
        }
    }
}

impl Trial {
    /// Lets time pass until something holds of a tick; how many seconds from now that was.
    fn until(
        &mut self,
        seconds: f64,
        mut holds: impl FnMut(&mut Self) -> bool,
    ) -> Result<Option<f64>, String> {
        let begun = self.body.now();
        let late = |t: &mut Self| t.body.status().now.secs_since(begun);
        for _ in 0..(1e3 * seconds).round() as usize {
            self.run_s(0.001)?;
            if holds(self) {
                return Ok(Some(late(self)));
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
            Some(told) if told <= since + within_s + 1e-6 => Ok(()),
            Some(told) => Err(format!("named {:.0} ms after it was behind", 1e3 * (told - since))),
            None => Err(format!("never named: {}", self.why_stopped())),
        }
    }

    /// Nobody takes reports for so long, while every tick refuses something; what was lost is counted.
    pub(crate) fn is_not_heard(&mut self, seconds: f64) -> Result<(), String> {
        let (old, lost) = (self.grows_old()?, self.handle().dropped().0);
        self.polls = false;
        let ticks = self.refuses_in_each_tick(&old, seconds)?;
        self.polls = true;
        let lost = self.handle().dropped().0 - lost;
        self.run_s(0.001)?;
        let told = self.reports.iter().filter(|(_, r)| matches!(r, Report::Refused { .. })).count() as u64;
        if lost == 0 || lost + told < ticks {
            return Err(format!("of {ticks} reports at least {told} were told, and {lost} counted as lost"));
        }
        Ok(())
    }

    /// The same, and somebody takes them.
    pub(crate) fn is_heard(&mut self, seconds: f64) -> Result<(), String> {
        let old = self.grows_old()?;
        self.refuses_in_each_tick(&old, seconds)?;
        self.run_s(0.001)
    }

    /// An order that is too old by then.
    fn grows_old(&mut self) -> Result<Order, String> {
        let still = JointVector::zeros(self.limits().len());
        let old = self.next_order(Motion::Velocity(still))?;
        self.run_s(0.2)?;
        Ok(old)
    }

    fn refuses_in_each_tick(&mut self, old: &Order, seconds: f64) -> Result<u64, String> {
        let ticks = (1e3 * seconds).round() as u64;
        for _ in 0..ticks {
            self.submit(old.clone())?;
            self.run_s(0.001)?;
        }
        Ok(ticks)
    }

    /// What is recorded of so many seconds goes to a disk that takes nothing, or no more; each tick is written, or counted as
    /// left out, and it is said why.
    pub(crate) fn records_to_a_full_disk(&mut self, tape: &mut Tape, seconds: f64) -> Result<(), String> {
        let said = |e: &dyn core::fmt::Display| e.to_string();
        let path =
            std::env::temp_dir().join(format!("sinew-{}-{:x}.mcap", std::process::id(), self.made.seed));
        let is_device = Path::new(NO_ROOM).exists() && self.coin();
        let (path, bytes) = if is_device { (Path::new(NO_ROOM), u64::MAX) } else { (path.as_path(), ROOM) };
        let limits = Limits { bytes, ..Limits::default() };
        let recorder = Recorder::create(path, limits, Full::Drops).map_err(|e| said(&e))?;
        let topic = recorder.topic::<ros::JointState>("/joint_states");
        let mut put = 0;
        for _ in 0..(1e3 * seconds).round() as usize {
            self.run_s(0.001)?;
            for state in tape.by_ref().filter_map(|tick| tick.state) {
                recorder.put(topic, state.stamp, &ros::JointState::new(&state, &[]));
                put += 1;
            }
        }
        let summary = recorder.finish();
        if !is_device {
            std::fs::remove_file(path).map_err(|e| said(&e))?;
        }
        let left_out: u64 = summary.left_out.values().sum();
        if left_out == 0 || summary.messages + left_out != put || summary.failure.is_none() {
            return Err(format!("of {put} ticks: {summary:?}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_motion_before_a_lease_or_after_it_is_found() {
        let mut leased = Leased::default();
        let lease = LeaseId(7);
        let moves = |l: &mut Leased| l.look(Mode::Follow).is_ok() && l.look(Mode::Servo).is_ok();
        assert!(!moves(&mut leased) && leased.look(Mode::Hold).is_ok());
        leased.hear(&Report::Granted(lease));
        assert!(moves(&mut leased));
        leased.hear(&Report::Lost(LeaseId(6)));
        assert!(moves(&mut leased));
        leased.hear(&Report::Lost(lease));
        assert!(leased.look(Mode::Servo).is_err_and(|why| why.starts_with("I4: ")));
    }
}
