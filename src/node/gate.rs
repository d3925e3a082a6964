//! The robot's gate: whatever asks for motion over the wire comes through here, checked for who sent it, that it is
//! new, and when it was made, before the loop sees it and checks it again.

use super::convert::category;
use super::{motions, solids};
use bridge::ros::{self, Ask, Number, Taken};
use bridge::wire::{LinkClock, Received, Role, Sessions, Verified, Wire, topics};
use control::{Groups, Handle, Lease, LeaseId, Owner};
use mechanics::Arm;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use types::{Rejection, Time};

/// A sender's clock that is known less well than so is not known, seconds.
const LEAST_KNOWN_S: f64 = 0.1;
/// Leases that are remembered; the loop has one of each group at most.
const MOST_LEASES: usize = 64;

/// See the head of this file.
pub(super) struct Gate {
    arm: Arc<Arm>,
    sessions: Arc<Mutex<Sessions>>,
    /// Whose each lease is.
    leases: HashMap<u64, (Lease, u64)>,
    /// Of the newest world its session, its stamp by the sender's clock, and by ours.
    world: Option<(u64, i64, Time)>,
}

impl Gate {
    pub(super) fn new(arm: Arc<Arm>, sessions: Arc<Mutex<Sessions>>) -> Self {
        Self { arm, sessions, leases: HashMap::new(), world: None }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a command.
    pub(super) fn take(&mut self, handle: &mut Handle, wire: &Wire, command: Received) {
        let done = self.done(handle, wire.now(), &command);
        command.answer_with(wire, done.map(|id| Taken { id }));
    }

    fn done(&mut self, handle: &mut Handle, now: Time, command: &Received) -> Result<u64, Rejection> {
        let topic = command.topic();
        if topic == topics::STOP.key {
            // Whose clock is how far off is no matter for a stop.
            let (_, m) = command.read_signed::<Number>(&mut self.sessions(), now)?;
            handle.stop(category(m.value)?);
        } else if topic == topics::ORDER.key {
            let (by, m) = command.read_signed::<ros::Order>(&mut self.sessions(), now)?;
            self.check_owner(m.lease, by.session)?;
            let clock = known(&by)?;
            return Ok(handle.submit(motions::order(&m, &self.arm, |t| clock.ours(t))?)?.0);
        } else if topic == topics::WORLD.key {
            let (by, m) = command.read_signed::<ros::World>(&mut self.sessions(), now)?;
            let clock = known(&by)?;
            let mut world = solids::world(&m, |t| clock.ours(t))?;
            // What is known of a clock gets wider with time: the same picture would seem older when it is told again.
            if let Some((session, stamp, ours)) = self.world
                && session == by.session
                && m.stamp >= stamp
            {
                world.stamp = world.stamp.max(ours);
            }
            let known = (by.session, m.stamp, world.stamp);
            handle.watch(world)?;
            self.world = Some(known);
        } else if topic == topics::CLAIM.key {
            let (by, m) = command.read_signed::<ros::Claim>(&mut self.sessions(), now)?;
            return self.claim(handle, now, &by, &m);
        } else if topic == topics::RELEASE.key {
            let (by, m) = command.read_signed::<ros::Lease>(&mut self.sessions(), now)?;
            self.check_owner(m.lease, by.session)?;
            if let Some((lease, _)) = self.leases.remove(&m.lease) {
                handle.release(now, &lease)?;
            }
        } else if topic == topics::SLOW.key {
            let (_, m) = command.read_signed::<Number>(&mut self.sessions(), now)?;
            Rejection::finite("slow", m.value)?;
            handle.slow(m.value);
        } else if topic == topics::ACTIVATE.key {
            command.read_signed::<Ask>(&mut self.sessions(), now)?;
            handle.activate(now)?;
        } else if topic == topics::DISARM.key {
            command.read_signed::<Ask>(&mut self.sessions(), now)?;
            handle.disarm(now)?;
        } else if topic == topics::RESET.key {
            command.read_signed::<Ask>(&mut self.sessions(), now)?;
            handle.reset(now)?;
        } else {
            return Err(Rejection::new("topic", "a command to a robot", topic));
        }
        Ok(0)
    }

    fn claim(
        &mut self,
        handle: &mut Handle,
        now: Time,
        by: &Verified,
        m: &ros::Claim,
    ) -> Result<u64, Rejection> {
        let groups = match m.groups.as_str() {
            "arm" => Groups::Arm,
            "gripper" => Groups::Gripper,
            "all" => Groups::All,
            other => return Err(Rejection::new("claim.groups", "arm, gripper or all", other.to_owned())),
        };
        let owner = match by.from {
            Role::Planner => Owner::Planner,
            Role::Operator => Owner::Human,
            other => return Err(Rejection::new("session.role", "planner or operator", other.word())),
        };
        known(by)?;
        let deadline_s = (m.deadline_s != 0.0).then_some(m.deadline_s);
        let lease = handle.claim(now, owner, groups, deadline_s)?;
        let id = lease.id().0;
        if self.leases.len() == MOST_LEASES {
            // Numbers grow: the lowest was over long ago.
            let oldest = self.leases.keys().min().copied();
            oldest.map(|k| self.leases.remove(&k));
        }
        self.leases.insert(id, (lease, by.session));
        Ok(id)
    }

    /// A lease is its owner's.
    fn check_owner(&self, lease: u64, session: u64) -> Result<(), Rejection> {
        match self.leases.get(&lease) {
            Some((_, owner)) if *owner == session => Ok(()),
            _ => Err(Rejection::new("lease", "a lease of this session", lease.to_string())),
        }
    }

    /// The loop has ended a lease.
    pub(super) fn forget(&mut self, lease: LeaseId) {
        self.leases.remove(&lease.0);
    }

    /// Signs of life.
    pub(super) fn keep_alive(&self, handle: &mut Handle, by: &Verified, m: &ros::Lease) {
        let is_owner = self.check_owner(m.lease, by.session).is_ok();
        if let (true, Some((lease, _)), Ok(clock)) = (is_owner, self.leases.get(&m.lease), known(by)) {
            handle.keep_alive(lease, clock.ours(Time::from_nanos(m.at)));
        }
    }
}

/// The sender's clock, if it is known well enough (F28).
fn known(by: &Verified) -> Result<LinkClock, Rejection> {
    let width_s = by.clock.width_s();
    if width_s > LEAST_KNOWN_S {
        let expected = format!("a sender's clock that is known to {LEAST_KNOWN_S} s");
        return Err(Rejection::new("session.clock", expected, format!("{width_s:.3} s")));
    }
    Ok(by.clock)
}
