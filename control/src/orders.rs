//! Claims and orders: who may move what, and what then moves.
#![forbid(unsafe_code)]

use crate::authority::{ARM, Claim, GRIPPER};
use crate::compliance::Compliance;
use crate::core::Core;
use crate::lease::LeaseId;
use crate::message::{Ordered, Spent, What};
use crate::pace::Pace;
use crate::path::Job;
use crate::report::{Cause, MotionId, RefusedWhy, Report, Request};
use crate::servo::{Aim, Servo};
use crate::state::{State, Stop};
use crate::strain;
use types::motion::START_TOLERANCE;
use types::{JointVector, Time};

/// How soon an order that could not begin tries again.
const RETRY: core::time::Duration = core::time::Duration::from_millis(4);
/// A trajectory that goes on from where the arm was is made no longer ago, seconds.
const RECENT_S: f64 = 0.5;
/// How long what moves may take to slow down for a trajectory that came in time.
const MAKES_WAY: core::time::Duration = core::time::Duration::from_secs(1);

/// How a trajectory begins.
enum WayIn {
    /// Where the arm stands, as it is.
    FromRest,
    /// From a motion, or with one.
    TakeOver,
    /// Once the arm has come to rest.
    Wait,
}

/// How many times longer than it has to the way to a path's beginning may take, where the motors are weak.
const LONGER: [f64; 4] = [1.0, 2.0, 4.0, 8.0];

impl What {
    fn request(&self) -> Request {
        match self {
            Self::Follow(_) => Request::Follow,
            Self::Chunk(_) => Request::Chunk,
            Self::Servo(_) => Request::Servo,
            Self::Grip(_) => Request::Grip,
            Self::Hold => Request::Hold,
            Self::Comply(_) => Request::Comply,
        }
    }

    /// The group that it moves, first of all.
    fn place(&self) -> usize {
        if matches!(self, Self::Grip(_)) { GRIPPER } else { ARM }
    }

    /// Whether it moves the gripper besides the arm.
    fn also_grips(&self) -> bool {
        matches!(self, Self::Chunk(job) if job.grips())
    }
}

impl Core {
    pub(crate) fn why_not_claim(&self, claim: &Claim, now: Time) -> Option<RefusedWhy> {
        (!self.authority.may_claim(claim, now, self.tuning.lease)).then_some(RefusedWhy::Owned)
    }

    /// A claim is granted; what moves under the leases that are lost by it comes to rest. Of a lease on both
    /// groups the other half is over too.
    pub(crate) fn grant(&mut self, claim: &Claim, now: Time) {
        let before = [ARM, GRIPPER].map(|place| self.authority.holder(place).map(|h| h.id));
        let lost = self.authority.grant(claim, now);
        for id in lost.into_iter().flatten() {
            self.authority.release(id);
        }
        let is_lost = |id: Option<LeaseId>| id.is_some() && lost.contains(&id);
        for (place, id) in before.into_iter().enumerate() {
            if let Some(id) = id.filter(|_| is_lost(id) && (place == 0 || before[0] != before[1])) {
                self.tell(Report::Lost(id));
            }
        }
        self.tell(Report::Granted(claim.id));
        if is_lost(before[GRIPPER]) {
            self.gripper.hold();
        }
        if is_lost(before[ARM]) && self.is_ordered() {
            self.stop(Stop::two(Cause::Preempted));
        }
    }

    /// A lease is given back, if it is not over already; what still moves under it comes to rest.
    pub(crate) fn release(&mut self, id: LeaseId) {
        let [arm, gripper] =
            [ARM, GRIPPER].map(|place| self.authority.holder(place).is_some_and(|h| h.id == id));
        if self.authority.release(id) {
            self.tell(Report::Lost(id));
        }
        if gripper {
            self.gripper.hold();
        }
        if arm && self.is_ordered() {
            self.stop(Stop::two(Cause::Released));
        }
    }

    /// Whether the arm moves by somebody's order.
    pub(crate) fn is_ordered(&self) -> bool {
        matches!(self.state, State::Follow(_) | State::Servo(_))
    }

    /// ... and its owner has to say more often that it is alive.
    pub(crate) fn is_streamed(&self) -> bool {
        match &self.state {
            State::Servo(servo) => servo.aim.is_stream(),
            State::Follow(job) => job.is_chunk(),
            _ => false,
        }
    }

    /// Takes in an order: refuses it, keeps it until it is valid, or carries it out.
    pub(crate) fn receive_order(&mut self, now: Time, order: Ordered) {
        self.note_stick(now, &order);
        if let Some(why) = self.why_not_order(now, &order) {
            self.drop_order(order, why);
            return;
        }
        self.authority.heard(order.lease, now);
        if matches!(order.what, What::Comply(_)) && order.valid_from <= now {
            // What waits is not about this.
            self.carry_out(now, order);
            return;
        }
        let place = order.what.place();
        if let Some(old) = self.pending[place].take() {
            self.drop_order(old, RefusedWhy::Replaced);
        }
        if order.valid_from > now {
            self.pending[place] = Some(order);
            return;
        }
        self.carry_out(now, order);
    }

    /// Whose stick is held, and until when: all inputs must be at rest before a reset (F40).
    fn note_stick(&mut self, now: Time, order: &Ordered) {
        let What::Servo(aim) = &order.what else { return };
        if !aim.is_stream() || now >= order.expires || order.stamp.secs_since(now) > self.tuning.skew {
            return;
        }
        let (whose, until) = self.deflected;
        if !aim.is_neutral() {
            self.deflected = (order.lease, until.max(order.expires));
        } else if whose == order.lease {
            self.deflected.1 = Time::ZERO;
        }
    }

    /// Carries out the orders that wait, once they are valid.
    pub(crate) fn look_after_pending(&mut self, now: Time) {
        for place in [ARM, GRIPPER] {
            let Some(order) = self.pending[place].take() else { continue };
            let holds = self.authority.holder(place).is_some_and(|h| h.id == order.lease);
            if !holds {
                self.drop_order(order, RefusedWhy::NoLease);
            } else if now >= order.expires {
                // What was on time and waited in vain had no way to begin.
                let why = if order.has_waited { RefusedWhy::TooFar } else { RefusedWhy::Stale };
                self.drop_order(order, why);
            } else if order.valid_from > now || (order.has_waited && now < self.next_try) {
                self.pending[place] = Some(order);
            } else {
                self.carry_out(now, order);
            }
        }
    }

    /// Keeps an order that cannot begin yet; it is not looked at again in every tick.
    pub(crate) fn let_wait(&mut self, now: Time, order: Ordered) {
        self.next_try = now + RETRY;
        let place = order.what.place();
        let makes_way = matches!(order.what, What::Follow(_)) && !order.has_waited;
        let expires = if makes_way { order.expires + MAKES_WAY } else { order.expires };
        self.pending[place] = Some(Ordered { has_waited: true, expires, ..order });
    }

    pub(crate) fn drop_order(&mut self, order: Ordered, why: RefusedWhy) {
        self.refuse(Some(order.id), order.what.request(), why);
        if let What::Follow(job) | What::Chunk(job) = order.what {
            self.give_back(Spent::Job(job));
        }
    }

    /// The order's times, lease and number.
    fn why_not_order(&mut self, now: Time, order: &Ordered) -> Option<RefusedWhy> {
        if order.stamp.secs_since(now) > self.tuning.skew {
            return Some(RefusedWhy::FromFuture);
        }
        if now >= order.expires {
            return Some(RefusedWhy::Stale);
        }
        // What a latched stop or missing power forbids is said before whose turn it is.
        match self.state {
            State::Disarmed => return Some(RefusedWhy::Disarmed),
            State::Fault { .. } => return Some(RefusedWhy::Latched),
            State::Proving(_) => return Some(RefusedWhy::Busy),
            _ => {}
        }
        if self.authority.holder(order.what.place()).is_none_or(|h| h.id != order.lease) {
            return Some(RefusedWhy::NoLease);
        }
        if order.what.also_grips() && self.authority.holder(GRIPPER).is_none_or(|h| h.id != order.lease) {
            return Some(RefusedWhy::NoGripper);
        }
        (!self.authority.counts(order.lease, order.sequence)).then_some(RefusedWhy::Replayed)
    }

    fn carry_out(&mut self, now: Time, order: Ordered) {
        let why = match &order.what {
            What::Follow(job) => match self.way_in(now, &order, job) {
                Ok(WayIn::FromRest) => None,
                Ok(WayIn::TakeOver) => return self.take_over(now, order),
                Ok(WayIn::Wait) => return self.let_wait(now, order),
                Err(why) => Some(why),
            },
            What::Chunk(_) => return self.take_over(now, order),
            What::Servo(_) => self.why_not_servo(),
            What::Comply(to) => self.why_not_comply(to),
            What::Hold | What::Grip(_) => match self.state {
                State::Stopping(..) => Some(RefusedWhy::Busy),
                _ => None,
            },
        };
        if let Some(why) = why {
            self.drop_order(order, why);
            return;
        }
        match order.what {
            What::Follow(_) => self.follow(order),
            // Taken over above.
            What::Chunk(job) => self.give_back(Spent::Job(job)),
            What::Servo(aim) => {
                if !self.servo(now, order.id, aim, order.expires) {
                    self.let_wait(now, order);
                }
            }
            What::Hold => {
                self.tell(Report::Started(order.id));
                self.stop(Stop { hold: Some(order.id), ..Stop::two(Cause::HoldRequested) });
            }
            What::Comply(to) => {
                self.springs.go(to);
                self.tell(Report::Started(order.id));
                self.tell(Report::Finished(order.id));
            }
            What::Grip(command) => {
                if let State::Follow(job) = &mut self.state {
                    job.leave_gripper();
                }
                let cuts = self.gripper.go(command, self.estimate.measured.map(|m| m.gripper.width_m));
                for (limit, requested, applied) in cuts.into_iter().flatten() {
                    let margin = -(requested - applied).abs();
                    self.tell(Report::Intervention { joint: None, limit, requested, applied, margin });
                }
            }
        }
    }

    /// How a trajectory begins from what the arm does, if it begins where the arm is, or was at the time that it
    /// was made for (B13).
    fn way_in(&self, now: Time, order: &Ordered, job: &Job) -> Result<WayIn, RefusedWhy> {
        let stands = match &self.state {
            State::Hold => true,
            State::Follow(before) => before.at_rest(),
            State::Servo(servo) => servo.at_rest(),
            State::Stopping(_, stop) if self.is_taken_over() || stop.is_end() => return Ok(WayIn::Wait),
            _ => return Err(RefusedWhy::Busy),
        };
        if !self.estimate.is_fresh() {
            return Err(RefusedWhy::NoState);
        }
        let is_at =
            |q: &JointVector| job.start().len() == q.len() && job.start().max_abs_diff(q) <= START_TOLERANCE;
        // Not long ago, or it would be a place to go to and not one to go on from.
        let is_recent = order.has_waited || now.secs_since(order.made_for()) <= RECENT_S;
        let was_there = || is_recent && self.progress.place(order.made_for()).is_some_and(is_at);
        match stands && job.starts_at_rest() {
            true if is_at(&self.reference.q) => Ok(WayIn::FromRest),
            _ if !was_there() => Err(RefusedWhy::StartsElsewhere),
            true => Ok(WayIn::FromRest),
            false => Ok(WayIn::TakeOver),
        }
    }

    /// An arm that is held away from where it is told to be would leap back if it became stiff.
    fn why_not_comply(&self, to: &Compliance) -> Option<RefusedWhy> {
        let off = self.estimate.q.max_abs_diff(&self.reference.q);
        match self.state {
            State::Stopping(..) => Some(RefusedWhy::Busy),
            _ if !self.estimate.is_fresh() => Some(RefusedWhy::NoState),
            _ if *to == Compliance::Stiff && off > START_TOLERANCE => Some(RefusedWhy::HeldAway),
            _ => None,
        }
    }

    /// From hold and from any motion; while stopping, only where a higher rank takes over.
    fn why_not_servo(&self) -> Option<RefusedWhy> {
        match &self.state {
            State::Stopping(..) if !self.is_taken_over() => Some(RefusedWhy::Busy),
            _ if !self.estimate.is_fresh() => Some(RefusedWhy::NoState),
            _ => None,
        }
    }

    /// Whether the arm only stops because a higher rank has taken over.
    fn is_taken_over(&self) -> bool {
        matches!(&self.state, State::Stopping(_, stop) if *stop == Stop::two(Cause::Preempted))
    }

    /// Begins a motion without a path, or changes where it leads; `false` when there is no verified stop from
    /// its first step on: then what moves goes on as it does.
    fn servo(&mut self, now: Time, id: MotionId, aim: Aim, expires: Time) -> bool {
        if let State::Servo(servo) = &mut self.state {
            let before = core::mem::replace(&mut servo.id, id);
            let was_stream = servo.aim.is_stream();
            (servo.aim, servo.expires) = (aim, expires);
            // A velocity that is renewed is the same motion.
            if !(was_stream && aim.is_stream()) {
                self.tell(Report::Superseded(before));
                self.tell(Report::Started(id));
            }
            return true;
        }
        let fingers = self.fingers();
        let servo = Servo::new(id, aim, expires, self.reference, self.arm.limits());
        let moves = !matches!(self.state, State::Hold);
        let known = self.filter.known();
        self.filter.begin_free(&self.arm, &self.reference.q, fingers, !moves);
        if moves && !self.has_first_step(now, &servo) {
            self.filter.go_back_to(known);
            return false;
        }
        match &self.state {
            State::Follow(job) => {
                let before = job.id;
                self.tell(Report::Superseded(before));
            }
            State::Stopping(_, stop) => {
                let (id, cause, category) = (self.state.motion(), stop.cause, stop.category);
                self.tell(Report::Stopped { id, cause, category });
            }
            _ => self.contact.begin(),
        }
        self.tell(Report::Started(id));
        self.go(State::Servo(servo), Cause::Submitted);
        true
    }

    fn follow(&mut self, mut order: Ordered) {
        let What::Follow(job) = &mut order.what else { return };
        let (width_m, fingers) = (self.width_m(), self.fingers());
        let is_far = job.start().max_abs_diff(&self.reference.q) > START_TOLERANCE;
        let slow = self.slow();
        let is_borne = LONGER.into_iter().any(|longer| {
            let gently = (self.tuning.tool_speed, longer);
            job.begin(&self.reference.q, slow, self.arm.limits(), gently);
            job.blend_keeps_from_ends(self.arm.limits())
                && strain::blend_is_borne(&self.arm, &mut self.data, job, width_m)
        });
        let goes = is_borne && (!is_far || self.filter.blend_is_clear(&self.arm, job, fingers));
        if !goes {
            self.drop_order(order, RefusedWhy::TooFar);
            return;
        }
        let What::Follow(job) = order.what else { return };
        self.filter.begin(&self.arm, &job, fingers, true);
        match self.state.motion() {
            Some(before) => self.tell(Report::Superseded(before)),
            None => self.contact.begin(),
        }
        self.tell(Report::Started(job.id));
        self.tell_slowed(&job.pace);
        self.go(State::Follow(job), Cause::Submitted);
    }

    /// Tells that a path is run slower than it was given.
    pub(crate) fn tell_slowed(&mut self, pace: &Pace) {
        if let Some((joint, limit)) = pace.slowed_by {
            let (applied, margin) = (pace.nominal, pace.nominal - 1.0);
            self.tell(Report::Intervention { joint, limit, requested: 1.0, applied, margin });
        }
    }
}
