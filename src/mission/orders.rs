//! What the mission tells the loop: motions, signs of life, and what stands around.

use super::Mission;
use super::follow::Trouble;
use crate::graph::BodyError;
use control::MotionId;
use core::time::Duration;
use types::{Time, Trajectory};

/// How often the safety filter is told what stands around.
const TELL_WORLD: Duration = Duration::from_millis(100);
/// ... and somebody who moves.
const TELL_VISITORS: Duration = Duration::from_millis(30);
/// A lease that was kept alive so long ago is taken for lost: the loop ends it after 20 ms to a second of silence.
const LEASE_LIVES: Duration = Duration::from_millis(15);

impl Mission {
    /// Orders a motion: under the present lease while that lives, else under a fresh one.
    pub(super) fn order(&mut self, motion: control::Motion) -> Result<MotionId, Trouble> {
        let now = self.now();
        let control = self.body.control();
        let mut lease = match self.lease.take() {
            Some((lease, alive)) if now.since(alive) <= LEASE_LIVES => lease,
            old => {
                if let Some((old, _)) = old {
                    control.release(now, &old)?;
                }
                control.claim(now, control::Owner::Planner, control::Groups::All, None)?
            }
        };
        let id = control.submit(lease.order(now, motion))?;
        self.lease = Some((lease, now));
        Ok(id)
    }

    pub(super) fn keep_alive(&mut self, now: Time) {
        if let Some((lease, alive)) = &mut self.lease {
            *alive = now;
            self.body.control().keep_alive(lease, now);
        }
    }

    /// A lease that the loop has ended is no lease.
    pub(super) fn forget_lease(&mut self, lost: control::LeaseId) {
        if self.lease.as_ref().is_some_and(|(lease, _)| lease.id() == lost) {
            self.lease = None;
        }
    }

    /// Somebody may come into the way of a motion that is about to begin, where that is measured.
    pub(super) fn meet_visitors(&mut self, trajectory: &Trajectory) {
        let Some(visitors) = &mut self.visitors else { return };
        let held = self.held.as_ref().map(planner::Held::attached);
        visitors.meet(&self.body.control().status(), trajectory, held);
        self.world_told = None;
    }

    /// Lets time pass, with an eye on how near the arm comes to whoever is in its way.
    pub(super) fn pass(&mut self, span: Duration) -> Result<(), BodyError> {
        let Some(visitors) = &mut self.visitors else { return self.body.advance(span) };
        let until = self.body.now() + span;
        while self.body.now() < until {
            self.body.advance(sim::STEP)?;
            visitors.look(&self.body.control().status());
        }
        Ok(())
    }

    /// Tells the safety filter what the arm must keep out of, in time before it knows it no longer.
    pub(super) fn tell_world(&mut self) -> Result<(), Trouble> {
        let now = self.now();
        let visitors = self.visitors.as_ref();
        let every = if visitors.is_some() { TELL_VISITORS } else { TELL_WORLD };
        let told = self.world_told.is_some_and(|t| now.since(t) < every);
        let nothing = visitors.map_or(self.config.keep_out_m.is_empty(), |v| !v.is_told());
        if nothing || told {
            return Ok(());
        }
        let visitor = visitors.and_then(|v| v.thing(now));
        let thing = |obstacle| control::Thing { obstacle, keep_m: 0.0, speed_m_s: 0.0 };
        let keep_out = planner::keep_out(&self.config.keep_out_m).into_iter().map(thing);
        let things = keep_out.chain(visitor).collect();
        let held = self.held.as_ref().map(planner::Held::attached);
        self.body.control().watch(control::World {
            stamp: now,
            expires: now + 10 * TELL_WORLD,
            things,
            held,
        })?;
        self.world_told = Some(now);
        Ok(())
    }
}
