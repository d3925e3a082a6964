//! The robot's gate: whatever asks for motion over the wire comes through here, checked for who sent it, that it is
//! new, and when it was made, before the loop sees it and checks it again.

use super::passed::{PASSED, Passed, Request, Sender};
use super::{motions, solids};
use crate::recording::Tape;
use bridge::ros::{self, Ask, Number};
use bridge::wire::{Received, Role, Sessions, Verified, topics};
use control::{Groups, Handle, Lease, Owner, Report, World};
use mechanics::Arm;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use types::{Rejection, Time};

/// A command that was sent longer ago is not carried out any more, seconds: its sender has given it up.
pub(crate) const OLDEST_S: f64 = 0.5;
/// Claims of which the loop has not yet told what became of them.
const MOST_CLAIMS: usize = 16;
/// Leases that are remembered when they are over.
const ENDED: usize = 64;

/// See the head of this file.
pub(super) struct Gate {
    arm: Arc<Arm>,
    sessions: Arc<Mutex<Sessions>>,
    /// Whose each claim is that the loop has not told of yet.
    claims: VecDeque<(Lease, u64)>,
    /// Whose each lease is that the loop has granted, and not ended.
    leases: HashMap<u64, (Lease, u64)>,
    /// Of those that it has ended, and whose they were, the newest.
    ended: VecDeque<(u64, u64)>,
    /// Of the newest world its session, its stamp by the sender's clock, and by ours.
    world: Option<(u64, i64, Time)>,
    /// The newest world itself, in the robot's time: what the node goes by when nobody tells it any more.
    around: Option<World>,
    /// The part of their own speed at which motions were last asked to run.
    pace: f64,
    /// Whether ROS 2 may speak for a person, who steers there.
    steers: bool,
    /// Where what is let through is noted.
    tape: Tape,
}

impl Gate {
    /// `steers` says whether ROS 2 may speak for a person.
    pub(super) fn new(arm: Arc<Arm>, sessions: Arc<Mutex<Sessions>>, steers: bool, tape: Tape) -> Self {
        let (claims, ended) = (VecDeque::new(), VecDeque::new());
        Self {
            arm,
            sessions,
            claims,
            leases: HashMap::new(),
            ended,
            world: None,
            around: None,
            pace: 1.0,
            steers,
            tape,
        }
    }

    /// The part of their own speed at which motions were last asked to run, 0 to 1.
    pub(super) fn pace(&self) -> f64 {
        self.pace
    }

    /// Notes what the loop has been asked for, after that, by whom, and under which number it took it.
    fn pass(&self, handle: &Handle, (by, id): (&Verified, u64), request: impl FnOnce() -> Request) {
        let by = || Sender { role: by.from.word().to_owned(), session: by.session };
        self.tape.note(PASSED, || Passed { ticks: handle.seen(), request: request(), by: by(), id });
    }

    /// What stood around the arm when it was told last.
    pub(super) fn around(&self) -> Option<&World> {
        self.around.as_ref()
    }

    /// Notes what the node does by itself.
    pub(super) fn note_own(&self, handle: &Handle, request: Request) {
        self.tape.note(PASSED, || Passed { ticks: handle.seen(), request, ..Passed::default() });
    }

    /// From now on the gate of this node notes what it lets through.
    pub(super) fn begun(&self, handle: &Handle, node: u64) {
        self.note_own(handle, Request::Begin { node });
    }

    /// What was noted so far is of before `now`; nothing comes after the end.
    pub(super) fn noted(&self, handle: &Handle, now: Time, is_end: bool) {
        if is_end {
            self.note_own(handle, Request::End);
        }
        self.tape.set_now(now, is_end);
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a command carried out; its answer.
    ///
    /// # Errors
    /// A [`Rejection`] naming what is wrong with it; nothing has changed.
    pub(super) fn take(
        &mut self,
        handle: &mut Handle,
        now: Time,
        command: &Received,
    ) -> Result<u64, Rejection> {
        let topic = command.topic();
        if topic == topics::ORDER.key {
            let (by, m) = command.read_signed::<ros::Order>(&mut self.sessions(), now)?;
            self.check_owner(m.lease, by.session)?;
            let clock = by.fresh(now, OLDEST_S)?;
            let order = motions::order(&m, &self.arm, |t| clock.ours(t))?;
            let times = [order.stamp, order.valid_from, order.expires].map(Time::as_nanos);
            let id = handle.submit(order)?;
            let [stamp, valid_from, expires] = times;
            self.pass(handle, (&by, id.0), || {
                Request::order(&ros::Order { stamp, valid_from, expires, ..m })
            });
            return Ok(id.0);
        } else if topic == topics::WORLD.key {
            let (by, m) = command.read_signed::<ros::World>(&mut self.sessions(), now)?;
            let clock = by.fresh(now, OLDEST_S)?;
            self.check_alone(&by)?;
            let mut world = solids::world(&m, |t| clock.ours(t))?;
            // What is known of a clock gets wider with time: the same picture would seem older when it is told again.
            if let Some((session, stamp, ours)) = self.world
                && session == by.session
                && m.stamp >= stamp
            {
                world.stamp = world.stamp.max(ours).min(now);
            }
            let known = (by.session, m.stamp, world.stamp);
            let (stamp, expires) = (world.stamp.as_nanos(), world.expires.as_nanos());
            handle.watch(world.clone())?;
            self.around = Some(world);
            self.pass(handle, (&by, 0), || Request::world(&ros::World { stamp, expires, ..m }));
            self.world = Some(known);
        } else if topic == topics::CLAIM.key {
            let (by, m) = command.read_signed::<ros::Claim>(&mut self.sessions(), now)?;
            return self.claim(handle, now, &by, &m);
        } else if topic == topics::RELEASE.key {
            let (by, m) = command.read_signed::<ros::Lease>(&mut self.sessions(), now)?;
            by.fresh(now, OLDEST_S)?;
            if self.is_over(m.lease, by.session) {
                return Ok(0);
            }
            let lease = self.check_owner(m.lease, by.session)?;
            handle.release(now, lease)?;
            let lease = lease.id();
            self.pass(handle, (&by, lease.0), || Request::Release { now, lease });
        } else if topic == topics::SLOW.key {
            let (by, m) = command.read_signed::<Number>(&mut self.sessions(), now)?;
            by.fresh(now, OLDEST_S)?;
            if by.from != Role::Operator {
                self.check_alone(&by)?;
            }
            Rejection::finite("slow", m.value)?;
            handle.slow(m.value);
            self.pace = m.value.clamp(0.0, 1.0);
        } else if topic == topics::ACTIVATE.key {
            let (by, _) = command.read_signed::<Ask>(&mut self.sessions(), now)?;
            by.fresh(now, OLDEST_S)?;
            handle.activate(now)?;
            self.pass(handle, (&by, 0), || Request::Activate(now));
        } else if topic == topics::DISARM.key {
            let (by, _) = command.read_signed::<Ask>(&mut self.sessions(), now)?;
            by.fresh(now, OLDEST_S)?;
            handle.disarm(now)?;
            self.pass(handle, (&by, 0), || Request::Disarm(now));
        } else if topic == topics::RESET.key {
            let (by, _) = command.read_signed::<Ask>(&mut self.sessions(), now)?;
            by.fresh(now, OLDEST_S)?;
            handle.reset(now)?;
            self.pass(handle, (&by, 0), || Request::Reset(now));
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
        // Its own rank, and the highest that it may name.
        let (own, highest) = match by.from {
            Role::Planner => (Owner::Planner, Owner::Planner),
            Role::Ros2 if self.steers => (Owner::Script, Owner::Human),
            Role::Ros2 => (Owner::Script, Owner::Script),
            Role::Operator => (Owner::Human, Owner::Human),
            other => return Err(Rejection::new("session.role", "planner, operator or ros2", other.word())),
        };
        let owner = speaks_for(own, highest, &m.owner)?;
        by.fresh(now, OLDEST_S)?;
        let deadline_s = (m.deadline_s != 0.0).then_some(m.deadline_s);
        let lease = handle.claim(now, owner, groups, deadline_s)?;
        let id = lease.id().0;
        self.pass(handle, (by, id), || Request::Claim { now, owner, groups, deadline_s });
        if self.claims.len() == MOST_CLAIMS {
            self.claims.pop_front();
        }
        self.claims.push_back((lease, by.session));
        Ok(id)
    }

    /// A lease is its owner's; it counts from the claim on.
    fn check_owner(&self, lease: u64, session: u64) -> Result<&Lease, Rejection> {
        let claimed = self.claims.iter().find(|(l, _)| l.id().0 == lease);
        match self.leases.get(&lease).or(claimed) {
            Some((lease, owner)) if *owner == session => Ok(lease),
            _ => Err(Rejection::new("lease", "a lease of this session", lease.to_string())),
        }
    }

    /// Whether a lease was of this session, and the loop has ended it: who gives it back may not have heard of that yet.
    fn is_over(&self, lease: u64, session: u64) -> bool {
        self.ended.contains(&(lease, session))
    }

    /// What stands around the arm, and how fast it may be, says whoever moves it.
    fn check_alone(&self, by: &Verified) -> Result<(), Rejection> {
        // Whoever has the gripper alone says nothing of what stands around.
        let others =
            |(lease, owner): &&(Lease, u64)| *owner != by.session && lease.groups() != Groups::Gripper;
        match self.leases.values().find(others) {
            Some(_) => Err(Rejection::new("lease", "an arm that nobody else moves", "another session's")),
            None => Ok(()),
        }
    }

    /// What the loop tells of leases.
    pub(super) fn note(&mut self, report: &Report) {
        match report {
            Report::Granted(lease) => {
                let place = self.claims.iter().position(|(l, _)| l.id() == *lease);
                if let Some(granted) = place.and_then(|k| self.claims.remove(k)) {
                    self.leases.insert(lease.0, granted);
                }
            }
            Report::Lost(lease) => {
                let Some((_, session)) = self.leases.remove(&lease.0) else { return };
                if self.ended.len() == ENDED {
                    self.ended.pop_front();
                }
                self.ended.push_back((lease.0, session));
            }
            _ => {}
        }
    }

    /// Signs of life.
    ///
    /// # Errors
    /// A [`Rejection`] when they are not the owner's, or too old to be any.
    pub(super) fn keep_alive(
        &self,
        handle: &mut Handle,
        now: Time,
        by: &Verified,
        m: &ros::Lease,
    ) -> Result<(), Rejection> {
        let lease = self.check_owner(m.lease, by.session)?;
        let clock = by.fresh(now, OLDEST_S)?;
        handle.keep_alive(lease, clock.ours(Time::from_nanos(m.at)));
        Ok(())
    }
}

/// For whom somebody claims: for itself, or for whoever it names, of no higher rank than it may.
fn speaks_for(own: Owner, highest: Owner, word: &str) -> Result<Owner, Rejection> {
    if word.is_empty() {
        return Ok(own);
    }
    let named = Owner::ALL.into_iter().find(|owner| *owner <= highest && owner.word() == word);
    named.ok_or_else(|| {
        let expected = format!("nothing, or a rank up to {}", highest.word());
        Rejection::new("claim.owner", expected, word.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_the_loop_has_ended_is_over_for_the_session_that_had_it_and_for_no_other() {
        let sessions = Sessions::new(Role::Robot, bridge::wire::Keyring::of_master(&[9; 32]));
        let arm = crate::robots::load("panda").expect("built in");
        let mut gate = Gate::new(arm, Arc::new(Mutex::new(sessions)), false, Tape::default());
        let claim = |id| Lease::new(control::LeaseId(id), Groups::All);
        gate.claims.push_back((claim(3), 1));
        gate.note(&Report::Granted(control::LeaseId(3)));
        assert!(!gate.is_over(3, 1) && gate.check_owner(3, 1).is_ok());
        gate.note(&Report::Lost(control::LeaseId(3)));
        assert!(gate.is_over(3, 1) && !gate.is_over(3, 2) && !gate.is_over(4, 1));
        // Nothing is moved under it any more.
        assert_eq!(gate.check_owner(3, 1).expect_err("over").field, "lease");
        for id in 10..200 {
            gate.claims.push_back((claim(id), 1));
            gate.note(&Report::Granted(control::LeaseId(id)));
            gate.note(&Report::Lost(control::LeaseId(id)));
        }
        assert!(gate.is_over(199, 1) && !gate.is_over(3, 1) && gate.ended.len() == ENDED);
    }

    #[test]
    fn whoever_claims_speaks_for_itself_or_for_lower_ranks_and_never_for_a_higher_one() {
        // A ROS 2 node is a program, where a person may steer there too.
        let to_itself = Owner::ALL.map(|own| (own, own));
        for (own, highest) in to_itself.into_iter().chain([(Owner::Script, Owner::Human)]) {
            assert_eq!(speaks_for(own, highest, ""), Ok(own));
            for owner in Owner::ALL {
                match speaks_for(own, highest, owner.word()) {
                    Ok(named) => assert!(named == owner && owner <= highest),
                    Err(why) => {
                        let is_above = owner > highest && why.field == "claim.owner";
                        assert!(is_above, "{own:?} for {owner:?}: {why}");
                    }
                }
            }
            assert_eq!(speaks_for(own, highest, "nobody").expect_err("no rank").got, "nobody");
        }
    }
}
