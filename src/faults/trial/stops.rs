//! How an arm stops, runs slower or goes on: what was commanded and what became of it, tick by tick since something broke.

use super::{Tick, Trial};
use crate::graph::Body;
use control::{Cause, Mode, RefusedWhy, Report, Request, Status};
use types::{Fault, JointVector, StopCategory, Time};

/// Slower than this an arm stands, rad/s.
const STANDS: f64 = 1e-9;
/// Without power and with its brakes closed an arm moves by no more, rad.
const HELD: f64 = 1e-3;

fn greatest(v: &JointVector) -> f64 {
    v.iter().fold(0.0f64, |m, v| m.max(v.abs()))
}

impl Trial {
    /// The ticks since something broke, each with its time since then, seconds.
    fn ticks_since(&self) -> impl Iterator<Item = (f64, &Tick)> {
        let since = self.since.iter().map(|t| (t.status.now.secs_since(self.broken_at), t));
        since.filter(|(s, _)| *s >= 0.0)
    }

    /// What was told since then.
    fn told_since(&self) -> impl Iterator<Item = &(Time, Report)> {
        self.reports.iter().filter(|(at, _)| *at >= self.broken_at)
    }

    /// How often something was told since then.
    pub(crate) fn count(&self, wanted: impl Fn(&Report) -> bool) -> usize {
        self.told_since().filter(|(_, r)| wanted(r)).count()
    }

    /// The tick before something broke.
    fn before(&self) -> Result<&Status, String> {
        let before = self.since.iter().rfind(|t| t.status.now < self.broken_at);
        before.map(|t| &t.status).ok_or_else(|| "nothing was before".into())
    }

    /// It was stopped by that fault, in that category: [`Self::stopped_by`].
    pub(crate) fn stopped(&self, fault: Fault, category: StopCategory) -> Result<(), String> {
        self.stopped_by(Cause::Fault(fault), category)
    }

    /// It was stopped by that, in that category: category two never takes the power, category one takes it once the arm
    /// stands, and category zero in the tick of the stop or the next. What is taken does not come back.
    pub(crate) fn stopped_by(&self, cause: Cause, category: StopCategory) -> Result<(), String> {
        let is_it = |r: &Report| matches!(r, Report::Stopped { cause: c, category: k, .. } if *c == cause && *k == category);
        let Some((stopped_at, _)) = self.told_since().find(|(_, r)| is_it(r)) else {
            return Err(format!("not stopped by {cause:?} in category {category:?}: {}", self.why_stopped()));
        };
        let mut ticks = self.ticks_since();
        let off = ticks.position(|(_, t)| !t.status.command.enabled);
        let Some(off) = off else {
            return match category {
                StopCategory::Two => Ok(()),
                _ => Err("it still has power".into()),
            };
        };
        if ticks.any(|(_, t)| t.status.command.enabled) {
            return Err("its power came back by itself".into());
        }
        let (late_s, first) = self.ticks_since().nth(off).ok_or("no tick")?;
        let last = match off.checked_sub(1).and_then(|k| self.ticks_since().nth(k)) {
            Some((_, tick)) => &tick.status,
            None => self.before()?,
        };
        let speed = greatest(&last.command.dq);
        match category {
            StopCategory::Two => Err(format!("its power went after {:.0} ms", 1e3 * late_s)),
            StopCategory::One if speed > STANDS => {
                Err(format!("its power went after {:.0} ms, at {speed:.3} rad/s", 1e3 * late_s))
            }
            StopCategory::Zero if first.status.now.secs_since(*stopped_at) > 1.5e-3 => {
                Err(format!("its power went after {:.0} ms only", 1e3 * late_s))
            }
            _ => Ok(()),
        }
    }

    /// In the tick in which something broke the loop is in this mode, or has come through it.
    pub(crate) fn stops_in_the_same_tick(&self, category: StopCategory) -> Result<(), String> {
        let is_it = |r: &Report| matches!(r, Report::Mode { mode: Mode::Stopping(c), .. } if *c == category);
        match self.told_since().find(|(_, r)| is_it(r)) {
            Some((at, _)) if *at == self.broken_at => Ok(()),
            Some((at, _)) => {
                Err(format!("it begins to stop after {:.0} ms", 1e3 * at.secs_since(self.broken_at)))
            }
            None => Err(format!("it does not stop: {}", self.why_stopped())),
        }
    }

    /// From `from_s` seconds after something broke on until now what was under way ran at no more than this part of its own
    /// speed, and something was.
    pub(crate) fn ran_at_most(&self, factor: f64, from_s: f64) -> Result<(), String> {
        let mut ran = false;
        for (s, tick) in self.ticks_since().filter(|(s, _)| *s >= from_s) {
            if tick.status.mode == Mode::Follow {
                ran = true;
                if tick.status.speed_factor > factor + 1e-6 {
                    let part = tick.status.speed_factor;
                    return Err(format!("after {:.0} ms it runs at {part:.2} of its speed", 1e3 * s));
                }
            }
        }
        if ran { Ok(()) } else { Err("nothing was under way".into()) }
    }

    /// The part of its own speed at which it runs.
    pub(crate) fn pace(&mut self) -> f64 {
        self.handle().status().speed_factor
    }

    /// What was under way when something broke runs on, at no less than this part of its own speed.
    pub(crate) fn ran_at_least(&self, factor: f64) -> Result<(), String> {
        let is_slower = |t: &Tick| t.status.mode != Mode::Follow || t.status.speed_factor < factor - 1e-6;
        match self.ticks_since().find(|(_, t)| is_slower(t)) {
            Some((s, t)) => {
                let (mode, part) = (t.status.mode, t.status.speed_factor);
                Err(format!("after {:.0} ms it is in {mode:?} at {part:.2} of its speed", 1e3 * s))
            }
            None => Ok(()),
        }
    }

    /// Since something broke each joint was commanded one way only in every motion, and none was measured farther than
    /// `most` rad from its command.
    pub(crate) fn does_not_swing(&self, most: f64) -> Result<(), String> {
        let n = self.arm.n_joints();
        let (mut motion, mut way) = (None, JointVector::zeros(n));
        for (s, Tick { status, truth }) in self.ticks_since() {
            if status.active != motion {
                (motion, way) = (status.active, JointVector::zeros(n));
            }
            for j in 0..n {
                let speed = status.command.dq[j];
                if speed.abs() > STANDS && way[j] * speed < 0.0 {
                    return Err(format!("after {:.0} ms joint {j} turns round", 1e3 * s));
                }
                if speed.abs() > STANDS {
                    way[j] = speed;
                }
            }
            let off = truth.max_abs_diff(&status.command.q);
            if off > most {
                return Err(format!("after {:.0} ms it is {off:.4} rad off its command", 1e3 * s));
            }
        }
        Ok(())
    }

    /// As long as it had power, no joint was farther in truth than `most` rad from where it was told to be.
    pub(crate) fn followed_within(&self, most: f64) -> Result<(), String> {
        let powered = self.ticks_since().filter(|(_, t)| t.status.command.enabled);
        let off = powered.map(|(_, t)| t.truth.max_abs_diff(&t.status.command.q)).fold(0.0, f64::max);
        if off > most { Err(format!("it was {off:.4} rad off its command")) } else { Ok(()) }
    }

    /// What ran when something broke ran slower before the stop by this fault began: at less than the part `factor` of the
    /// speed that it had.
    pub(crate) fn ran_slower_before(&self, fault: Fault, factor: f64) -> Result<(), String> {
        let named_s = self.first(fault).ok_or_else(|| self.why_stopped())?;
        let follows = |t: &&Tick| t.status.mode == Mode::Follow;
        let before = self.ticks_since().filter(|(s, _)| *s < named_s).map(|(_, t)| t).filter(follows);
        let least = before.map(|t| t.status.speed_factor).fold(f64::INFINITY, f64::min);
        if least > factor {
            Err(format!("before it stopped it ran at {least:.2} of its speed: {}", self.why_stopped()))
        } else {
            Ok(())
        }
    }

    /// A fault was named within so many seconds of a joint's giving more than this part of its torque limit.
    pub(crate) fn told_once_loaded(
        &self,
        fault: Fault,
        joint: usize,
        part: f64,
        within_s: f64,
    ) -> Result<(), String> {
        let most = part * self.arm.limits()[joint].torque;
        let is_loaded = |t: &Tick| t.status.measured.is_some_and(|m| m.tau[joint].abs() > most);
        let loaded = self.ticks_since().find(|(_, t)| is_loaded(t)).map(|(s, _)| s);
        let loaded_s = loaded.ok_or("it was never overloaded")?;
        self.told(fault, loaded_s + within_s)
    }

    /// For so many seconds everybody asks for power and for motions: nothing has any, and each is refused.
    pub(crate) fn has_no_power_by_itself(&mut self, seconds: f64) -> Result<(), String> {
        let refused = |t: &Self, asked: Request| {
            let is_it = |r: &Report| matches!(r, Report::Refused { request, why: RefusedWhy::Latched, .. } if *request == asked);
            t.count(is_it)
        };
        let before = [Request::Activate, Request::Servo].map(|asked| refused(self, asked));
        let (first, tries) = (self.since.len(), (10.0 * seconds).round() as usize);
        let still = JointVector::zeros(self.arm.n_joints());
        for _ in 0..tries {
            let now = self.body.now();
            self.handle().activate(now).map_err(|e| e.to_string())?;
            let order = self.next_order(control::Motion::Velocity(still))?;
            self.submit(order)?;
            self.run_s(0.1)?;
        }
        if self.since[first..].iter().any(|t| t.status.command.enabled) {
            return Err("it has power again".into());
        }
        let after = [Request::Activate, Request::Servo].map(|asked| refused(self, asked));
        if after.iter().zip(before).all(|(after, before)| after - before == tries) {
            return Ok(());
        }
        Err(format!(
            "of {tries} requests for power and for motion each, {after:?} were refused, {before:?} of them before"
        ))
    }

    /// How many ticks were remembered.
    pub(crate) fn n_ticks(&self) -> usize {
        self.since.len()
    }

    /// From the tick of that number on nothing had power, and what brakes hold did not move.
    pub(crate) fn had_no_power(&self, first: usize) -> Result<(), String> {
        let ticks = &self.since[first..];
        if ticks.iter().any(|t| t.status.command.enabled) {
            return Err("it has power".into());
        }
        let Some(begin) = ticks.first().filter(|_| self.arm.profile().brakes) else { return Ok(()) };
        let moved = ticks.iter().map(|t| t.truth.max_abs_diff(&begin.truth)).fold(0.0, f64::max);
        if moved > HELD { Err(format!("it moved by {moved} rad without power")) } else { Ok(()) }
    }

    /// Since it got power no joint was led farther than `most` rad from where it stood, and nothing else than the proof
    /// moved anything.
    pub(crate) fn wiggled_within(&self, most: f64) -> Result<(), String> {
        let powered = || self.ticks_since().map(|(_, t)| &t.status).filter(|s| s.command.enabled);
        let Some(begin) = powered().next() else { return Ok(()) };
        let led = powered().map(|s| s.command.q.max_abs_diff(&begin.command.q)).fold(0.0, f64::max);
        if led > most {
            return Err(format!("a joint was led {:.2} degrees out", led.to_degrees()));
        }
        match self.ticks_since().find(|(_, t)| {
            !matches!(t.status.mode, Mode::Disarmed | Mode::Proving | Mode::Fault { powered: false })
        }) {
            Some((s, t)) => Err(format!("after {:.0} ms it is in {:?}", 1e3 * s, t.status.mode)),
            None => Ok(()),
        }
    }

    /// The first step since something broke is the one that a tick in time would have taken: on as the arm moved, and no
    /// farther than its acceleration limits let it.
    pub(crate) fn made_one_step(&self) -> Result<(), String> {
        let before = &self.before()?.command;
        let (_, tick) = self.ticks_since().next().ok_or("no tick")?;
        let (after, dt) = (&tick.status.command, super::TICK.as_secs_f64());
        for (j, l) in self.arm.limits().iter().enumerate() {
            let off = after.q[j] - before.q[j] - dt * before.dq[j];
            if off.abs() > 0.5 * dt * dt * l.acceleration + 1e-9 {
                let (went, speed) = (after.q[j] - before.q[j], before.dq[j]);
                return Err(format!("joint {j} steps by {went:.6} rad at {speed:.3} rad/s"));
            }
        }
        Ok(())
    }

    /// Every command since something broke until now is, to the bit, that of another trial since then, but for power.
    pub(crate) fn moves_as(&self, other: &Self) -> Result<(), String> {
        for ((s, tick), (_, its)) in self.ticks_since().zip(other.ticks_since()) {
            let (one, two) = (&tick.status.command, &its.status.command);
            if one.q != two.q || one.dq != two.dq {
                let off = one.q.max_abs_diff(&two.q);
                return Err(format!("after {:.0} ms it is {off:.6} rad off", 1e3 * s));
            }
        }
        Ok(())
    }
}
