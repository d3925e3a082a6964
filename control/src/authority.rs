//! Who holds what, on the core's side.
#![forbid(unsafe_code)]

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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Time {
        Time::from_nanos(1_000_000_000 + ms * 1_000_000)
    }

    fn claim(id: u64, owner: Owner, groups: Groups, deadline_s: Option<f64>) -> Claim {
        Claim { id: LeaseId(id), owner, groups, stamp: at(0), deadline_s }
    }

    #[test]
    fn a_claim_is_granted_over_whoever_ranks_lower_or_is_silent_for_every_group_of_it() {
        let mut authority = Authority::default();
        assert!(authority.may_claim(&claim(1, Owner::Policy, Groups::All, None), at(0), 0.2));
        assert_eq!(authority.grant(&claim(1, Owner::Script, Groups::Arm, None), at(0)), [None, None]);
        authority.grant(&claim(2, Owner::Planner, Groups::Gripper, Some(0.02)), at(0));
        for (owner, groups, ms, granted) in [
            (Owner::Policy, Groups::Arm, 0, false),
            (Owner::Script, Groups::Arm, 0, false),
            (Owner::Planner, Groups::Arm, 0, true),
            (Owner::Planner, Groups::All, 0, false),
            (Owner::Human, Groups::All, 0, true),
            (Owner::Policy, Groups::Arm, 200, false),
            (Owner::Policy, Groups::Arm, 201, true),
            (Owner::Policy, Groups::Gripper, 20, false),
            (Owner::Policy, Groups::Gripper, 21, true),
            (Owner::Policy, Groups::All, 21, false),
        ] {
            let may = authority.may_claim(&claim(3, owner, groups, None), at(ms), 0.2);
            assert_eq!(may, granted, "{owner:?}, {groups:?}, {ms} ms");
        }
        let lost = authority.grant(&claim(3, Owner::Human, Groups::All, None), at(50));
        assert_eq!(lost, [Some(LeaseId(1)), Some(LeaseId(2))]);
        let holder = authority.holder(GRIPPER).expect("held");
        assert_eq!((holder.id, holder.alive, holder.deadline_s), (LeaseId(3), at(50), None));
    }

    #[test]
    fn a_sign_of_life_a_number_and_an_end_concern_their_own_lease_alone() {
        let mut authority = Authority::default();
        authority.grant(&claim(1, Owner::Script, Groups::Arm, None), at(0));
        authority.grant(&claim(2, Owner::Script, Groups::Gripper, None), at(0));
        authority.heard(LeaseId(1), at(7));
        authority.heard(LeaseId(1), at(3));
        let alive = |a: &Authority| [ARM, GRIPPER].map(|place| a.holder(place).map(|h| h.alive));
        assert_eq!(alive(&authority), [Some(at(7)), Some(at(0))]);
        for (id, sequence, follows) in
            [(1, 2, true), (1, 2, false), (1, 1, false), (2, 1, true), (1, 3, true), (2, 1, false)]
        {
            assert_eq!(authority.counts(LeaseId(id), sequence), follows, "{id}: {sequence}");
        }
        assert!(!authority.release(LeaseId(9)));
        assert!(authority.release(LeaseId(1)));
        assert!(authority.holder(ARM).is_none() && authority.holder(GRIPPER).is_some());
        authority.grant(&claim(4, Owner::Script, Groups::All, None), at(0));
        assert!(authority.counts(LeaseId(4), 1) && !authority.counts(LeaseId(4), 1));
        assert!(authority.release(LeaseId(4)) && authority.holder(GRIPPER).is_none());
    }
}
