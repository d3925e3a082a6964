//! One chunk into the next: what was consumed is left out, what is left between the two is blended away.

use crate::core::Core;
use crate::message::{Ordered, What};
use crate::pace::Running;
use crate::report::{Cause, RefusedWhy, Report};
use crate::state::State;
use types::{JointVector, Time};

impl Core {
    /// Lets a chunk take over from whatever the arm does, or keeps it waiting until it can, as long as it
    /// is valid.
    pub(crate) fn take_chunk(&mut self, now: Time, mut order: Ordered) {
        let What::Chunk(job) = &mut order.what else { return };
        let at_rest = |q: JointVector| {
            let zero = JointVector::zeros(q.len());
            [q, zero, zero]
        };
        let nominal = job.pace.nominal;
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
        let consumed = self.progress.since(order.stamp);
        let Some(s) = consumed.filter(|s| *s < job.end()) else {
            return self.drop_order(order, RefusedWhy::Stale);
        };
        let width_m = self.estimate.measured.map_or(0.0, |m| m.gripper.width_m);
        let goes = job.pace.admits(&running)
            && job.take_over(s, &from, running, self.arm.limits())
            && self.filter.admits(&self.arm, now, job, width_m, moves);
        if !goes {
            self.let_wait(now, order);
            return;
        }
        match self.state.motion() {
            Some(before) => self.tell(Report::Superseded(before)),
            None => self.contact.begin(),
        }
        let Ordered { id, what: What::Chunk(job), .. } = order else { return };
        self.tell(Report::Started(id));
        self.tell_slowed(&job.pace);
        self.go(State::Follow(job), Cause::Submitted);
    }
}
