//! Who holds what, on the core's side.

use crate::lease::{GROUPS, Groups, LeaseId, Owner};
use types::Time;

/// A claim as it reaches the core.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) id: LeaseId,
    pub(crate) owner: Owner,
    pub(crate) groups: Groups,
    pub(crate) stamp: Time,
    /// Silence after which the lease is over, seconds; `None`: what the motion's kind allows.
    pub(crate) deadline_s: Option<f64>,
}

/// A holder of one group.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) id: LeaseId,
    owner: Owner,
    pub(crate) deadline_s: Option<f64>,
    /// When it last gave a sign of life.
    pub(crate) alive: Time,
    /// The highest number among its orders.
    pub(crate) sequence: u64,
}

/// The holders of all groups.
#[derive(Debug, Default)]
pub(crate) struct Authority {
    holders: [Option<Holder>; GROUPS],
}

/// The place of the arm's joints among the groups, and of the gripper.
pub(crate) const ARM: usize = 0;
pub(crate) const GRIPPER: usize = 1;

impl Authority {
    /// Whether the claim may be granted: every group is free, its holder silent for `silent_s`, or of lower
    /// rank.
    pub(crate) fn may_claim(&self, claim: &Claim, now: Time, silent_s: f64) -> bool {
        self.holders[claim.groups.places()]
            .iter()
            .flatten()
            .all(|h| h.owner < claim.owner || now.secs_since(h.alive) > h.deadline_s.unwrap_or(silent_s))
    }

    /// Grants a claim; returns whom the arm's joints and whom the gripper was taken from.
    pub(crate) fn grant(&mut self, claim: &Claim, now: Time) -> [Option<LeaseId>; GROUPS] {
        let mut lost = [None; GROUPS];
        for place in claim.groups.places() {
            let holder = Holder {
                id: claim.id,
                owner: claim.owner,
                deadline_s: claim.deadline_s,
                alive: now,
                sequence: 0,
            };
            lost[place] = self.holders[place].replace(holder).map(|h| h.id);
        }
        lost
    }

    pub(crate) fn holder(&self, place: usize) -> Option<&Holder> {
        self.holders[place].as_ref()
    }

    /// Notes a sign of life of a lease, wherever it holds.
    pub(crate) fn heard(&mut self, id: LeaseId, at: Time) {
        for h in self.holders.iter_mut().flatten().filter(|h| h.id == id) {
            h.alive = h.alive.max(at);
        }
    }

    /// Notes the number of an order; `false` when it is none that follows.
    pub(crate) fn counts(&mut self, id: LeaseId, sequence: u64) -> bool {
        let mut follows = true;
        for h in self.holders.iter_mut().flatten().filter(|h| h.id == id) {
            follows &= sequence > h.sequence;
            h.sequence = h.sequence.max(sequence);
        }
        follows
    }

    /// Ends a lease.
    pub(crate) fn release(&mut self, id: LeaseId) -> bool {
        let mut held = false;
        for h in &mut self.holders {
            if h.is_some_and(|h| h.id == id) {
                *h = None;
                held = true;
            }
        }
        held
    }
}
