//! Everybody else's end: requests in, reports out. Never waits for the core.

use crate::authority::Claim;
use crate::compliance::Compliance;
use crate::course::{Course, check_joints};
use crate::filter::Fingers;
use crate::gripper::Gripper;
use crate::lease::{Groups, Lease, LeaseId, Motion, Order, Owner};
use crate::message::{HandleWires, Message, Ordered, What};
use crate::pace::{Bounds, Paces};
use crate::path::Job;
use crate::payload::Payload;
use crate::profile::{self, Profile};
use crate::report::{MotionId, Report, Status, TraceSample};
use crate::servo::Aim;
use crate::strain::Strain;
use crate::watch::{Component, Sentinel, StopLine};
use crate::world::{Surroundings, Thing, World};
use mechanics::collision::{Attached, Checker};
use mechanics::ik::{Options, Solver};
use mechanics::{Arm, ArmData};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use types::{Drive, JointVector, Rejection, StopCategory, Time, Tool, Transform};

/// An order counts for at most so long, seconds.
const LONGEST_ORDER_S: f64 = 10.0;
/// ... and a velocity not longer than this.
const LONGEST_VELOCITY_S: f64 = 1.0;
/// A thing that has moved by less has not, metres.
const SAME_PLACE_M: f64 = 0.005;

/// Requests stops from anywhere, a signal handler included: one atomic, nothing else.
#[derive(Clone, Debug)]
pub struct StopFlag(Arc<AtomicU8>);

impl StopFlag {
    /// Requests a stop. A graver request that the core has not seen yet stands. Categories one and
    /// zero are the emergency stop, which latches until [`Handle::reset`] (I6).
    pub fn stop(&self, category: StopCategory) {
        let value = match category {
            StopCategory::Two => 1,
            StopCategory::One => 2,
            StopCategory::Zero => 3,
        };
        self.0.fetch_max(value, Ordering::AcqRel);
    }
}

/// The end of control that plans, asks and listens.
pub struct Handle {
    arm: Arc<Arm>,
    gripper: Gripper,
    /// How far apart the fingers were ordered to be last, metres.
    told_m: Option<f64>,
    /// Knows the arm's body; obstacles are put into copies of it.
    checker: Checker,
    /// Among the things of every world.
    walls: Vec<Thing>,
    /// What was last told to stand around and to be held, with a number that changes when that does.
    told: Option<(u64, Vec<Thing>, Option<Attached>)>,
    /// How far the arm reaches from each joint's axis, metres.
    reaches: JointVector,
    /// How fast the tool's centre point may be, m/s.
    tool_speed: f64,
    /// What the hand was last told to carry.
    carried: Payload,
    wires: HandleWires,
    next_id: u64,
    next_lease: u64,
    status: Option<Status>,
}

impl Handle {
    pub(crate) fn new(
        arm: Arc<Arm>,
        checker: Checker,
        walls: Vec<Thing>,
        reaches: JointVector,
        tool_speed: f64,
        wires: HandleWires,
    ) -> Self {
        let gripper = Gripper::new(&arm);
        let status = wires.mailbox.get();
        Self {
            arm,
            gripper,
            told_m: None,
            checker,
            told: (!walls.is_empty()).then(|| (0, walls.clone(), None)),
            walls,
            reaches,
            tool_speed,
            carried: Payload::default(),
            wires,
            next_id: 1,
            next_lease: 1,
            status,
        }
    }

    /// Powers the arm where it stands: the first command equals the measured state (I3). Whether it
    /// was done is told by a report.
    ///
    /// # Errors
    /// A [`Rejection`] when `now` is no time (B22) or the core has stopped taking requests.
    pub fn activate(&mut self, now: Time) -> Result<(), Rejection> {
        self.send(now, Message::Activate(now))
    }

    /// Brings the arm to rest and engages its brakes; not latched.
    ///
    /// # Errors
    /// As [`Self::activate`].
    pub fn disarm(&mut self, now: Time) -> Result<(), Rejection> {
        self.send(now, Message::Disarm(now))
    }

    /// Leaves a latched fault, when the arm is at rest and its state is known: a powered arm then
    /// holds where it is measured, an unpowered one is disarmed.
    ///
    /// # Errors
    /// As [`Self::activate`].
    pub fn reset(&mut self, now: Time) -> Result<(), Rejection> {
        self.send(now, Message::Reset(now))
    }

    /// Claims joint groups for `owner`. The lease can be used at once: orders wait in line behind the claim.
    /// Whether it was granted is told by a report. It is over when its owner gives no sign of life for
    /// `deadline_s` seconds (never longer than the kind of motion allows), when a higher rank claims, and
    /// with every stop but the end of a motion.
    ///
    /// # Errors
    /// A [`Rejection`] for a deadline out of 0.005 to 10 s, and as [`Self::activate`].
    pub fn claim(
        &mut self,
        now: Time,
        owner: Owner,
        groups: Groups,
        deadline_s: Option<f64>,
    ) -> Result<Lease, Rejection> {
        if let Some(s) = deadline_s {
            crate::config::range("lease.deadline_s", s, 0.005, 10.0)?;
        }
        let id = LeaseId(self.next_lease);
        self.send(now, Message::Claim(Claim { id, owner, groups, stamp: now, deadline_s }))?;
        self.next_lease += 1;
        Ok(Lease::new(id, groups))
    }

    /// Gives a lease back. What still moves under it comes to rest.
    ///
    /// # Errors
    /// As [`Self::activate`].
    pub fn release(&mut self, now: Time, lease: &Lease) -> Result<(), Rejection> {
        self.send(now, Message::Release(lease.id(), now))
    }

    /// Submits an order. A trajectory is checked between its knots too, against position, velocity,
    /// acceleration, jerk and torque; it begins when the arm holds within `START_TOLERANCE` of its start, and is
    /// refused, with a report, when it reaches the core too late. While it runs, somebody must
    /// [`Self::keep_alive`].
    ///
    /// # Errors
    /// A [`Rejection`] naming what is wrong with the motion, B22 for its times, or that the core has
    /// stopped taking requests.
    pub fn submit(&mut self, order: Order) -> Result<MotionId, Rejection> {
        let status = self.status();
        self.submit_seen(order, &status)
    }

    /// As [`Self::submit`], made of what was seen of the arm then and of nothing newer: so it is the same in a replay.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub fn submit_seen(&mut self, order: Order, status: &Status) -> Result<MotionId, Rejection> {
        let id = MotionId(self.next_id);
        let Order { lease, sequence, stamp, valid_from, expires, motion } = order;
        for (field, at) in
            [("order.stamp", stamp), ("order.valid_from", valid_from), ("order.expires", expires)]
        {
            check_time(field, at)?;
        }
        if expires <= valid_from || expires.secs_since(stamp) > LONGEST_ORDER_S {
            return Err(Rejection::new(
                "order.expires",
                format!("after valid_from and within {LONGEST_ORDER_S} s of the stamp"),
                format!("{} s after the stamp", expires.secs_since(stamp)),
            ));
        }
        let what = match motion {
            Motion::Follow(trajectory) => {
                let course = Course::of_trajectory(&trajectory);
                let strains = self.strains(&course, status);
                let paces = Paces::of_trajectory(&course, &self.bounds(&course, &strains))?;
                What::Follow(self.job(id, "trajectory", (course, paces), status)?)
            }
            Motion::Chunk(chunk) => {
                let grips = chunk.grip.is_some();
                let course = Course::of_chunk(&chunk, self.arm.limits())?.gripping(chunk, &self.gripper)?;
                // What was ordered of the gripper before is over with that.
                self.told_m = self.told_m.filter(|_| !grips);
                let strains = self.strains(&course, status);
                let paces = Paces::of_chunk(&course, &self.bounds(&course, &strains))?;
                What::Chunk(self.job(id, "chunk", (course, paces), status)?)
            }
            Motion::Velocity(_) | Motion::Twist(_) if expires.secs_since(stamp) > LONGEST_VELOCITY_S => {
                return Err(Rejection::new(
                    "order.expires",
                    format!("a velocity within {LONGEST_VELOCITY_S} s of its stamp"),
                    format!("{} s after the stamp", expires.secs_since(stamp)),
                ));
            }
            Motion::Velocity(v) => {
                check_joints("velocity", &v, self.arm.limits(), |l| (-l.velocity, l.velocity))?;
                What::Servo(Aim::Velocity(v))
            }
            Motion::Twist(twist) => {
                twist.check()?;
                What::Servo(Aim::Twist(twist))
            }
            Motion::Joints(q) => {
                check_joints("joints", &q, self.arm.limits(), |l| (l.lower, l.upper))?;
                What::Servo(Aim::Joints(q))
            }
            Motion::Pose(there) => What::Servo(Aim::Joints(self.joints_for(&there, status)?)),
            Motion::Grip(command) => {
                self.gripper.check(&command)?;
                self.told_m = Some(command.width_m);
                What::Grip(command)
            }
            Motion::Comply(compliance) => {
                compliance.check(self.arm.n_joints())?;
                let drive = self.arm.profile().drive;
                if drive != Drive::Torque && compliance != Compliance::Stiff {
                    return Err(Rejection::new(
                        "compliance",
                        "a robot that takes torques",
                        format!("one that takes a {drive:?}").to_lowercase(),
                    ));
                }
                What::Comply(compliance)
            }
            Motion::Hold => What::Hold,
        };
        self.send(
            stamp,
            Message::Order(Ordered {
                id,
                lease,
                sequence,
                stamp,
                valid_from,
                expires,
                has_waited: false,
                what,
            }),
        )?;
        self.next_id += 1;
        Ok(id)
    }

    /// What a path asks of the motors: with empty hands, with what the loop knows that the hand carries, and with what it
    /// was told last and may not have taken up yet. An order is made of one status alone: so it is in a replay.
    fn strains(&self, course: &Course, status: &Status) -> Vec<Strain> {
        // Who has another number of joints is refused by name.
        if course.start().len() != self.arm.n_joints() {
            return Vec::new();
        }
        let width_m = status.measured.map_or(0.0, |m| m.gripper.width_m);
        let told = Some(self.carried).filter(|told| *told != status.payload);
        let loads = core::iter::once(status.payload).chain(told).filter(|load| load.mass_kg > 0.0);
        Strain::along(course, &self.arm, loads, width_m)
    }

    /// What a path has to keep; the tool's centre point is never faster than it may be.
    fn bounds<'a>(&'a self, course: &Course, strains: &'a [Strain]) -> Bounds<'a> {
        let most = (self.tool_speed / profile::tool_speed(course, &self.arm)).min(1.0);
        Bounds { limits: self.arm.limits(), strains, most }
    }

    /// A path made ready for the core, with how fast it moves the arm, and how near to itself.
    fn job(
        &mut self,
        id: MotionId,
        what: &str,
        (course, paces): (Course, Paces),
        status: &Status,
    ) -> Result<Box<Job>, Rejection> {
        let fingers = Fingers::at(status.measured.map_or(0.0, |m| m.gripper.width_m));
        let told = self.told_m.unwrap_or(status.command.gripper.width_m);
        let grips = course.grips_between(0.0, course.duration()).into_iter().flatten();
        let fingers = grips.fold(fingers.with(status.command.gripper.width_m).with(told), Fingers::with);
        let (reaches, arm) = (&self.reaches, &self.arm);
        let profile = Profile::new(what, &course, paces.slowest(), reaches, arm, &mut self.checker, fingers)?;
        Ok(Box::new(Job::new(id, course, paces, profile)))
    }

    /// Joint positions near the present ones that bring the tool to a pose, clear of the arm itself (B10).
    fn joints_for(
        &mut self,
        world_from_tool: &Transform<types::World, Tool>,
        status: &Status,
    ) -> Result<JointVector, Rejection> {
        let width = status.measured.map_or(0.0, |m| m.gripper.width_m);
        let (arm, checker) = (&self.arm, &mut self.checker);
        let (mut data, mut scratch) = (ArmData::new(arm), ArmData::new(arm));
        let mut is_free = |q: &[f64]| checker.is_free(arm, &mut scratch, q, width, 0.0);
        Solver::new(arm)
            .solve(arm, &mut data, world_from_tool, &status.command.q, &Options::default(), &mut is_free)
            .map_err(|e| Rejection::new("pose", "a pose that the arm can reach", e.to_string()))
    }

    /// Tells what stands and moves around the arm, in place of what was told before. A world that is
    /// older than the one known, or whose time is over, is refused, with a report. Once told, it must be
    /// kept fresh: the arm runs slower as it ages, and waits where it is when it is over.
    ///
    /// # Errors
    /// A [`Rejection`] naming the thing whose number cannot be (B1–B6), or that there are too many; and
    /// as [`Self::activate`].
    pub fn watch(&mut self, mut world: World) -> Result<(), Rejection> {
        world.things.extend_from_slice(&self.walls);
        let stamp = world.stamp;
        let (things, held) = (&world.things, &world.held);
        let follows = self.told.as_ref().map_or(0, |(id, ..)| *id);
        let before = self.told.as_ref().map_or(&[][..], |(_, before, _)| before);
        let was = things.iter().map(|t| before.iter().position(|b| is_same(b, t))).collect();
        let is_new = self.told.as_ref().is_none_or(|(_, t, h)| t != things || h != held);
        let told = is_new.then(|| (follows + 1, things.clone(), held.clone()));
        let mut checker = self.checker.clone();
        if is_new {
            checker.attach(held.clone())?;
        }
        let things_id = follows + u64::from(is_new);
        let surroundings = Surroundings::new(world, checker.clone(), things_id, was, follows)?;
        self.send(stamp, Message::World(Box::new(surroundings)))?;
        // What was refused has changed nothing.
        if told.is_some() {
            (self.checker, self.told) = (checker, told);
        }
        Ok(())
    }

    /// Says what the hand carries, so that torques hold it and nobody takes its weight for a contact; no mass:
    /// nothing. A load is refused, with a report, while the arm moves. What is told stands until something else is
    /// told, which whoever opens the hand must do, or until the arm has no power.
    ///
    /// # Errors
    /// A [`Rejection`] for numbers that cannot be, or more than the arm can hold where it stands; and as
    /// [`Self::activate`].
    pub fn carry(&mut self, now: Time, payload: Payload) -> Result<(), Rejection> {
        let status = self.status();
        let width = status.measured.map_or(0.0, |m| m.gripper.width_m);
        payload.check(&self.arm, &status.command.q, width)?;
        self.send(now, Message::Carry(payload, now))?;
        self.carried = payload;
        Ok(())
    }

    /// Says that the owner of a lease is alive at `now`. Without it for longer than the lease's deadline,
    /// what moves under it is stopped (F1). A time from the core's future counts for nothing, nor does a lease
    /// that is not held.
    pub fn keep_alive(&mut self, lease: &Lease, now: Time) {
        let shared = &self.wires.shared;
        for place in lease.groups.places() {
            if shared.holders[place].load(Ordering::Acquire) == lease.id.0 {
                shared.alive[place].store(now.as_nanos(), Ordering::Relaxed);
            }
        }
    }

    /// Runs this and later motions at a part of their own speed, 0.05 to 1; the pace changes within
    /// all limits. What is out of that is brought within it, with a report; what is no number counts as none of it.
    pub fn slow(&mut self, factor: f64) {
        let factor = if factor.is_finite() { factor } else { 0.0 };
        self.wires.shared.slow.store(factor.to_bits(), Ordering::Relaxed);
    }

    /// Requests a stop, as [`StopFlag::stop`].
    pub fn stop(&self, category: StopCategory) {
        self.stop_flag().stop(category);
    }

    /// A stop flag for other threads and signal handlers.
    #[must_use]
    pub fn stop_flag(&self) -> StopFlag {
        StopFlag(Arc::clone(&self.wires.shared.stop))
    }

    /// For a component that runs in a thread of its own beside the loop: kept while it runs, it makes a panic
    /// there stop the arm (F31).
    #[must_use]
    pub fn sentinel(&self, component: Component) -> Sentinel {
        Sentinel::new(Arc::clone(&self.wires.shared), component)
    }

    /// For whoever reads the emergency stop's line; it counts if [`crate::Config::stop_line`] says that there is
    /// one.
    #[must_use]
    pub fn stop_line(&self) -> StopLine {
        StopLine(Arc::clone(&self.wires.shared))
    }

    /// The next report, oldest first.
    pub fn poll(&mut self) -> Option<Report> {
        self.wires.reports.pop().ok()
    }

    /// The newest tick.
    pub fn status(&mut self) -> Status {
        let newest = self.wires.mailbox.get();
        match newest.or(self.status) {
            Some(status) => {
                self.status = Some(status);
                status
            }
            // Unreachable in practice: the core puts a status in before a handle exists.
            None => self.wires.mailbox.latest(),
        }
    }

    /// The tick of the status that was looked at last, by this handle itself, too: what it makes of an order hangs on that.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.status.map_or(0, |status| status.ticks)
    }

    /// The samples traced since the last call.
    pub fn trace(&mut self) -> impl Iterator<Item = TraceSample> + '_ {
        core::iter::from_fn(|| self.wires.trace.pop().ok())
    }

    /// Reports and trace samples lost because nobody took them, since the beginning.
    #[must_use]
    pub fn dropped(&self) -> (u64, u64) {
        let s = &self.wires.shared;
        (s.dropped_reports.load(Ordering::Relaxed), s.dropped_trace.load(Ordering::Relaxed))
    }

    fn send(&mut self, now: Time, message: Message) -> Result<(), Rejection> {
        check_time("stamp", now)?;
        // Here is where finished motions are freed.
        while self.wires.returns.pop().is_ok() {}
        self.wires.inbox.push(message).map_err(|_| {
            Rejection::new("control.inbox", "a loop that takes its requests", "a full inbox: the loop stands")
        })
    }
}

/// Whether two worlds mean the same thing, where it was.
fn is_same(a: &Thing, b: &Thing) -> bool {
    let at = |t: &Thing| t.obstacle.world_from_obstacle.translation.vector;
    a.obstacle.name == b.obstacle.name
        && a.obstacle.shape == b.obstacle.shape
        && (a.keep_m, a.speed_m_s) == (b.keep_m, b.speed_m_s)
        && (at(a) - at(b)).norm() < SAME_PLACE_M
}

fn check_time(field: &'static str, at: Time) -> Result<(), Rejection> {
    if at < Time::ZERO || at > Time::MAX {
        return Err(Rejection::new(field, "a time on the robot's clock", format!("{} ns", at.as_nanos())));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
