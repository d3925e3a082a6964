//! What the loop has told of a trial, and where it ended.

use super::Trial;
use control::{Mode, Report};
use types::{Fault, Time};

impl Trial {
    /// What was told of faults and stops, in words.
    pub(super) fn why_stopped(&self) -> String {
        let bad = |(_, r): &&(Time, Report)| matches!(r, Report::Fault { .. } | Report::Stopped { .. });
        let word = |(at, r): &(Time, Report)| {
            let ms = at.secs_since(self.broken_at) * 1e3;
            match r {
                Report::Fault { fault, .. } => format!("{} after {ms:.0} ms", fault.id()),
                Report::Stopped { cause, .. } => format!("stopped by {cause:?} after {ms:.0} ms"),
                _ => String::new(),
            }
        };
        let told: Vec<String> = self.reports.iter().filter(bad).map(word).collect();
        if told.is_empty() { "nothing was told".into() } else { told.join(", ") }
    }

    /// Seconds until a row was named.
    pub(super) fn first(&self, fault: Fault) -> Option<f64> {
        let is_it = |(at, r): &&(Time, Report)| {
            *at >= self.broken_at && matches!(r, Report::Fault { fault: f, .. } if *f == fault)
        };
        self.reports.iter().find(is_it).map(|(at, _)| at.secs_since(self.broken_at))
    }

    /// The row was named within so many seconds.
    pub(crate) fn told(&self, fault: Fault, within_s: f64) -> Result<(), String> {
        match self.first(fault) {
            Some(late) if late <= within_s + 1e-6 => Ok(()),
            Some(late) => Err(format!("named after {:.0} ms", late * 1e3)),
            None => Err(format!("never named: {}", self.why_stopped())),
        }
    }

    /// The row was not named.
    pub(crate) fn not_told(&self, fault: Fault) -> Result<(), String> {
        self.first(fault).map_or(Ok(()), |late| Err(format!("{} was named after {late} s", fault.id())))
    }

    /// The loop is in this mode, and the arm stands.
    pub(crate) fn ends_in(&mut self, mode: Mode) -> Result<(), String> {
        let now = self.handle().status().mode;
        if now != mode {
            return Err(format!("ends in {now:?}, not in {mode:?}: {}", self.why_stopped()));
        }
        self.stands()
    }

    /// The loop is in this mode.
    pub(crate) fn is_in(&mut self, mode: Mode) -> Result<(), String> {
        let now = self.handle().status().mode;
        if now == mode {
            Ok(())
        } else {
            Err(format!("is in {now:?}, not in {mode:?}: {}", self.why_stopped()))
        }
    }

    /// The arm is steered on, and nothing was stopped but by what was asked for.
    pub(crate) fn keeps_steered(&mut self) -> Result<(), String> {
        let fault = |r: &Report| matches!(r, Report::Fault { .. });
        if self.has(fault) { Err(self.why_stopped()) } else { self.is_in(Mode::Servo) }
    }

    /// The reference stands.
    pub(crate) fn stands(&mut self) -> Result<(), String> {
        let dq = self.handle().status().command.dq;
        let fastest = dq.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        if fastest > 0.0 { Err(format!("still moves at {fastest} rad/s")) } else { Ok(()) }
    }

    /// The motions go on.
    pub(crate) fn keeps_going(&mut self) -> Result<(), String> {
        match self.handle().status().mode {
            Mode::Follow | Mode::Hold if self.reports_allow() => Ok(()),
            mode => Err(format!("ends in {mode:?}: {}", self.why_stopped())),
        }
    }

    /// A motion that is under way runs at no more than this part of its own speed.
    pub(crate) fn runs_at_most(&mut self, factor: f64) -> Result<(), String> {
        let status = self.handle().status();
        if status.mode == Mode::Follow && status.speed_factor > factor + 1e-6 {
            return Err(format!("it runs at {:.2} of its speed", status.speed_factor));
        }
        self.keeps_going()
    }
}
