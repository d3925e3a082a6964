//! What a mission asks of the loop, in this process or in another.

use crate::recording::Tape;
use control::{Groups, Handle, Lease, MotionId, Order, Owner, Status, World};
use types::{Rejection, StopCategory, Time};

/// See the head of this file; each call as [`control::Handle`] has it.
pub(crate) trait Reins {
    /// Powers the arm where it stands.
    fn activate(&mut self, now: Time) -> Result<(), Rejection>;
    /// Claims joint groups on behalf of a sentence.
    fn claim(&mut self, now: Time, groups: Groups) -> Result<Lease, Rejection>;
    /// Claims them for somebody else than who asks by itself.
    fn claim_as(&mut self, now: Time, owner: Owner, groups: Groups) -> Result<Lease, Rejection>;
    /// Gives a lease back.
    fn release(&mut self, now: Time, lease: &Lease) -> Result<(), Rejection>;
    /// Orders a motion, made of what was seen of the arm last.
    fn submit(&mut self, order: Order, seen: &Status) -> Result<MotionId, Rejection>;
    /// Says that a lease's owner is alive.
    fn keep_alive(&mut self, lease: &Lease, now: Time);
    /// Tells what stands and moves around the arm.
    fn watch(&mut self, world: World) -> Result<(), Rejection>;
    /// Runs motions at a part of their own speed.
    fn slow(&mut self, factor: f64);
    /// Stops.
    fn stop(&mut self, category: StopCategory);
    /// Notes what is asked of a loop elsewhere, and what it answers: its ticks are recorded there.
    fn note_on(&mut self, _tape: Tape) {}
}

impl Reins for Handle {
    fn activate(&mut self, now: Time) -> Result<(), Rejection> {
        Self::activate(self, now)
    }

    fn claim(&mut self, now: Time, groups: Groups) -> Result<Lease, Rejection> {
        self.claim_as(now, Owner::Planner, groups)
    }

    fn claim_as(&mut self, now: Time, owner: Owner, groups: Groups) -> Result<Lease, Rejection> {
        Self::claim(self, now, owner, groups, None)
    }

    fn release(&mut self, now: Time, lease: &Lease) -> Result<(), Rejection> {
        Self::release(self, now, lease)
    }

    fn submit(&mut self, order: Order, seen: &Status) -> Result<MotionId, Rejection> {
        self.submit_seen(order, seen)
    }

    fn keep_alive(&mut self, lease: &Lease, now: Time) {
        Self::keep_alive(self, lease, now);
    }

    fn watch(&mut self, world: World) -> Result<(), Rejection> {
        Self::watch(self, world)
    }

    fn slow(&mut self, factor: f64) {
        Self::slow(self, factor);
    }

    fn stop(&mut self, category: StopCategory) {
        Self::stop(self, category);
    }
}
