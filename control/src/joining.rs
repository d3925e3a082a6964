//! One motion into the next: a path takes over from whatever the arm does. What was consumed of it is left out,
//! what is left between the two is blended away.

use crate::authority::ARM;
use crate::core::Core;
use crate::message::{Ordered, What};
use crate::pace::Running;
use crate::path::Job;
use crate::report::{Cause, RefusedWhy, Report};
use crate::state::State;
use crate::{strain, twist};
use types::{JointVector, Time};

/// Blends that are looked at closely in one tick.
const MOST_BLENDS: usize = 3;

impl Ordered {
    /// The time of the world at which its path begins. A trajectory may begin where the arm is going to be.
    pub(crate) fn made_for(&self) -> Time {
        if matches!(self.what, What::Follow(_)) { self.stamp.max(self.valid_from) } else { self.stamp }
    }
}

impl Core {
    /// Lets a path take over from whatever the arm does, or keeps it waiting until it can, as long as it
    /// is valid.
    pub(crate) fn take_over(&mut self, now: Time, mut order: Ordered) {
        if self.tried == now {
            // One of them is enough for a tick.
            self.let_wait(now, order);
            return;
        }
        self.tried = now;
        let since = order.made_for();
        let (What::Chunk(job) | What::Follow(job)) = &mut order.what else { return };
        let Some(nominal) = job.joining().map(|pace| pace.nominal) else {
            // It leaves no room for a blend: it can begin from rest alone.
            self.let_wait(now, order);
            return;
        };
        let at_rest = |q: JointVector| {
            let zero = JointVector::zeros(q.len());
            [q, zero, zero]
        };
        let moves = self.reference.dq.iter().any(|v| *v != 0.0);
        let set_out = Running { r: self.slow() * nominal, rate: 0.0 };
        let (from, running) = match &self.state {
            State::Hold if !self.estimate.is_fresh() => return self.drop_order(order, RefusedWhy::NoState),
            State::Hold => (at_rest(self.reference.q), set_out),
            State::Follow(before) if before.at_rest() => (at_rest(self.reference.q), set_out),
            State::Follow(before) => (before.derivatives(), before.running()),
            State::Servo(servo) if servo.at_rest() => (at_rest(self.reference.q), set_out),
            State::Servo(_) => {
                let r = &self.reference;
                let n = r.q.len();
                let first = JointVector::from_fn(n, |j| r.dq[j] / nominal);
                let second = JointVector::from_fn(n, |j| r.ddq[j] / (nominal * nominal));
                ([r.q, first, second], Running { r: nominal, rate: 0.0 })
            }
            _ => return self.drop_order(order, RefusedWhy::Busy),
        };
        // What sets out from rest is gone from its beginning.
        let is_whole = job.starts_at_rest() && !job.is_chunk();
        let consumed = if is_whole { Some(0.0) } else { self.progress.since(since) };
        let Some(s) = consumed.filter(|s| *s < job.end()) else {
            return self.drop_order(order, RefusedWhy::Stale);
        };
        let (width_m, fingers) = (self.width_m(), self.fingers());
        // The shortest blend is the sharpest: a longer one may be gentle enough.
        let (mut least, mut is_gentle) = (0, false);
        for _ in 0..MOST_BLENDS {
            let Some(which) = job.take_over(s, &from, running, self.arm.limits(), least) else { break };
            is_gentle =
                twist::blend_within_speed(&self.arm, &mut self.servo_data, job, self.tuning.tool_speed)
                    && job.blend_keeps_from_ends(self.arm.limits())
                    && strain::blend_is_borne(&self.arm, &mut self.data, job, width_m);
            if is_gentle {
                break;
            }
            least = which + 1;
        }
        let goes = is_gentle && self.filter.admits(&self.arm, now, job, fingers, moves);
        if !goes {
            self.let_wait(now, order);
            return;
        }
        match self.state.motion() {
            Some(before) => self.tell(Report::Superseded(before)),
            None => self.contact.begin(),
        }
        let Ordered { id, what: What::Chunk(job) | What::Follow(job), .. } = order else { return };
        self.tell(Report::Started(id));
        self.tell_slowed(&job.pace);
        self.go(State::Follow(job), Cause::Submitted);
    }

    /// The part of its speed that what moves along `job` is left with by what waits to take over.
    pub(crate) fn makes_way(&self, job: &Job) -> f64 {
        match &self.pending[ARM] {
            // A slower chunk has to find it as slow.
            Some(Ordered { what: What::Chunk(next), .. }) => (next.pace.nominal / job.pace.nominal).min(1.0),
            _ if self.is_awaited() => 0.0,
            _ => 1.0,
        }
    }

    /// Whether a trajectory waits that could not take over so far: at the latest it begins where the arm stands.
    pub(crate) fn is_awaited(&self) -> bool {
        matches!(&self.pending[ARM], Some(Ordered { what: What::Follow(_), has_waited: true, .. }))
    }
}
