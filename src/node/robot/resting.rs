//! The end of a node whose arm no brakes hold: before its power goes the arm is laid down in its park pose, under the
//! node's own lease and the safety filter. Where that cannot be, it is held until the person, who knows then that it falls,
//! presses again. A stop wins over all of it.

use super::{NodeError, Saying};
use crate::graph::Body as _;
use crate::graph::pipeline::Pipeline;
use crate::log::Log;
use crate::node::passed::Request;
use control::{Groups, Lease, Mode, Motion, MotionId, Owner, Report, Request as Asked, Status, World};
use core::time::Duration;
use std::sync::atomic::Ordering;
use types::{JointVector, StopCategory, Time};

/// The part of its own speed at which the arm is laid down.
const PACE: f64 = 0.3;
/// Nearer than this to its park pose, rad, it lies there: as it is told to, and as it is measured.
const THERE_RAD: f64 = 0.02;
const MEASURED_RAD: f64 = 0.1;
/// How long it may take to come to rest, and to go no further on its way, seconds.
const RESTS_S: f64 = 5.0;
const WAITS_S: f64 = 4.0;
/// A joint that is told to move by less, rad, does not go on.
const GOES_RAD: f64 = 1e-4;
/// What stands around the arm is told again so often, and counts for as long after that, seconds.
const TELLS: Duration = Duration::from_millis(200);
const COUNTS: Duration = Duration::from_secs(1);

/// What came of it.
enum Laid {
    /// It lies, or has no power any more, or the person wants no more of it.
    Done(&'static str),
    /// Why it does not.
    Not(String),
}

fn is_powered(status: &Status) -> bool {
    !matches!(status.mode, Mode::Disarmed | Mode::Fault { powered: false })
}

/// Presses within so long are one: a terminal and whoever started this may both pass it on, and nobody has read yet what
/// another means.
const ONE_PRESS: Duration = Duration::from_millis(500);

/// What was told last, made to count a little longer, not newer: what stands is where it was, and whatever may move has come
/// nearer ever since. Of its life so little is over that the arm is no slower for it.
fn still(before: &World, now: Time) -> World {
    let age = now.since(before.stamp);
    World { expires: now + age + COUNTS, ..before.clone() }
}

impl Saying {
    /// Returns when power may go.
    pub(super) fn lay_down(
        &mut self,
        there: &JointVector,
        pipeline: &mut Pipeline,
        log: &mut Log,
    ) -> Result<(), NodeError> {
        if !is_powered(&pipeline.status()) {
            return Ok(());
        }
        log.set_now(self.wire.now());
        let said =
            "no brakes hold this arm: it is laid down before its power goes; Ctrl-C again lets it fall";
        log.warn("robot", "resting", said);
        self.presses = (self.wire.now(), crate::interrupt::count());
        let why = match self.bring_to_rest(there, pipeline, log)? {
            Laid::Done(what) => {
                log.set_now(self.wire.now());
                log.info("robot", "resting", what);
                return Ok(());
            }
            Laid::Not(why) => why,
        };
        // From here on any press is one that was meant.
        self.presses = (Time::ZERO, crate::interrupt::count());
        pipeline.control().stop(StopCategory::Two);
        log.set_now(self.wire.now());
        log.warn(
            "robot",
            "resting",
            format!(
                "the arm cannot be laid down: {why}. It holds where it is, and falls when this node ends: support it, \
                 then press Ctrl-C again"
            ),
        );
        while !self.is_pressed_again() && is_powered(&pipeline.status()) {
            self.turn_while_it_stands(pipeline, log)?;
            self.heard.clear();
        }
        Ok(())
    }

    /// Since it was said that another press lets the arm fall.
    fn is_pressed_again(&mut self) -> bool {
        let (since, before) = &mut self.presses;
        if self.wire.now().since(*since) < ONE_PRESS {
            *before = crate::interrupt::count();
        }
        crate::interrupt::count() > *before
    }

    /// What cannot be said to others lets no arm fall, as long as the loop runs.
    fn turn_while_it_stands(&mut self, pipeline: &mut Pipeline, log: &mut Log) -> Result<(), NodeError> {
        match self.turn(pipeline, log) {
            Err(why) if pipeline.check().is_err() => Err(why),
            Err(_) => {
                std::thread::sleep(Duration::from_millis(10));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn bring_to_rest(
        &mut self,
        there: &JointVector,
        pipeline: &mut Pipeline,
        log: &mut Log,
    ) -> Result<Laid, NodeError> {
        let stops = self.stopped.load(Ordering::Acquire);
        pipeline.control().stop(StopCategory::Two);
        if let Some(laid) = self.until_it_stands(pipeline, log)? {
            return Ok(laid);
        }
        // That it was stopped for this may have been told since.
        self.turn_while_it_stands(pipeline, log)?;
        let lies = |told: &JointVector| told.max_abs_diff(there) < THERE_RAD;
        if !lies(&pipeline.status().command.q) {
            let now = self.wire.now();
            self.heard.clear();
            let (handle, pace) = (pipeline.control(), self.gate.pace());
            handle.slow(PACE.min(pace));
            let (owner, groups) = (Owner::Human, Groups::Arm);
            let mut lease = match handle.claim(now, owner, groups, None) {
                Ok(lease) => lease,
                Err(why) => return Ok(Laid::Not(why.to_string())),
            };
            self.gate.note_own(handle, Request::Claim { now, owner, groups, deadline_s: None });
            // The motion that this is comes behind what stands around it.
            if let Err(why) = self.tell_again(pipeline) {
                return Ok(Laid::Not(why));
            }
            let order = lease.order(now, Motion::Joints(*there));
            let (handle, noted) = (pipeline.control(), Request::of_order(&order));
            let id = match handle.submit(order) {
                Ok(id) => id,
                Err(why) => return Ok(Laid::Not(why.to_string())),
            };
            self.gate.note_own(handle, noted);
            // Whoever stops an arm that is about to set out means that, too.
            if self.stopped.load(Ordering::Acquire) != stops {
                return Ok(Laid::Not("a stop was asked for".into()));
            }
            if let Some(laid) = self.until_it_ends((&lease, id), pipeline, log)? {
                return Ok(laid);
            }
        }
        let status = pipeline.status();
        let off = status.measured.map_or(f64::INFINITY, |m| m.q.max_abs_diff(there));
        if off > MEASURED_RAD {
            return Ok(Laid::Not(format!("a joint is {off:.2} rad from the park pose that it is told")));
        }
        Ok(Laid::Done("the arm lies in its park pose; its power goes"))
    }

    /// `None` once the arm holds.
    fn until_it_stands(&mut self, pipeline: &mut Pipeline, log: &mut Log) -> Result<Option<Laid>, NodeError> {
        let since = self.wire.now();
        loop {
            // What was asked for meanwhile is known by the next tick.
            self.turn_while_it_stands(pipeline, log)?;
            let status = pipeline.status();
            let is_asked = self.wire.now().secs_since(since) > 0.05;
            match status.mode {
                _ if self.is_pressed_again() => {
                    return Ok(Some(Laid::Done("pressed again: the arm's power goes")));
                }
                Mode::Fault { powered: true } => {
                    let why = format!("a stop is latched ({:?})", status.cause);
                    return Ok(Some(Laid::Not(why)));
                }
                _ if !is_powered(&status) => return Ok(Some(Laid::Done("the arm has no power any more"))),
                Mode::Hold if is_asked => return Ok(None),
                _ if self.wire.now().secs_since(since) > RESTS_S => {
                    return Ok(Some(Laid::Not(format!("it does not come to rest ({:?})", status.mode))));
                }
                _ => {}
            }
        }
    }

    /// `None` once the arm has come to where it was to go.
    fn until_it_ends(
        &mut self,
        (lease, id): (&Lease, MotionId),
        pipeline: &mut Pipeline,
        log: &mut Log,
    ) -> Result<Option<Laid>, NodeError> {
        let mut told = self.wire.now();
        let mut gone = (told, pipeline.status().command.q);
        loop {
            self.turn_while_it_stands(pipeline, log)?;
            let now = self.wire.now();
            pipeline.control().keep_alive(lease, now);
            if now.since(told) >= TELLS {
                told = now;
                if let Err(why) = self.tell_again(pipeline) {
                    return Ok(Some(Laid::Not(why)));
                }
            }
            let status = pipeline.status();
            if self.is_pressed_again() {
                return Ok(Some(Laid::Done("pressed again: the arm's power goes")));
            }
            if !is_powered(&status) {
                return Ok(Some(Laid::Done("the arm has no power any more")));
            }
            for report in core::mem::take(&mut self.heard) {
                match report {
                    Report::Finished(done) if done == id => return Ok(None),
                    Report::Stopped { cause, .. } => {
                        return Ok(Some(Laid::Not(format!("it was stopped ({cause:?})"))));
                    }
                    Report::Refused { request, why, .. } if request != Asked::World => {
                        return Ok(Some(Laid::Not(format!("the loop refuses it ({request:?}: {why:?})"))));
                    }
                    _ => {}
                }
            }
            if status.command.q.max_abs_diff(&gone.1) > GOES_RAD {
                gone = (now, status.command.q);
            }
            if now.secs_since(gone.0) > WAITS_S {
                let why =
                    status.slow.map_or_else(|| "it goes no further".to_owned(), |slow| slow.to_string());
                return Ok(Some(Laid::Not(why)));
            }
        }
    }

    /// Tells the loop once more what stands around the arm, where that was ever told.
    fn tell_again(&mut self, pipeline: &mut Pipeline) -> Result<(), String> {
        let Some(world) = self.gate.around().map(|before| still(before, self.wire.now())) else {
            return Ok(());
        };
        let (handle, noted) = (pipeline.control(), Request::of_world(&world));
        handle.watch(world).map_err(|why| why.to_string())?;
        self.gate.note_own(handle, noted);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_that_is_told_again_is_no_newer_and_in_the_first_half_of_its_life() {
        let at = Time::from_secs_f64;
        let before = World { stamp: at(10.0), expires: at(11.0), things: vec![], held: None };
        for now in [10.0, 10.4, 70.0] {
            let again = still(&before, at(now));
            assert_eq!(again.stamp, before.stamp);
            let life = again.expires.secs_since(again.stamp);
            assert!((again.expires.secs_since(at(now)) / life) >= 0.5 && life > now - 10.0);
        }
    }
}
