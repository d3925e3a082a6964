//! The safety filter: how far along its path the arm may go.
//!
//! # The invariant
//!
//! Every tick's command is followed by a stop that was verified beforehand: along the path, within all
//! limits (`pace`), ending before the *frontier*, the path time up to which every point of the arm keeps
//! its distance from everything known. By induction it can never be lost: a step is taken only if the
//! stop from after it still ends before the frontier, and otherwise the arm takes the first step of the
//! stop it has (path-consistent safety filtering: Römer et al., arXiv 2511.06385; a verified stop as the
//! fallback of every step: Thumm et al., arXiv 2412.10180).
//!
//! An arm at the end of a line goes on for a while as it did when it hears nothing more (`Config::coast_s`): then it is
//! the stop after that which has to end before the frontier.
//!
//! What may move is taken to come nearer at its greatest speed from its stamp until the arm has come to
//! rest (speed and separation monitoring, ISO/TS 15066, 5.5.4), so a frontier holds for a short window
//! and is then found anew. The arm slows down as its frontier comes near, waits at rest while it does
//! not move on, and goes on when it does: nothing latches.
//!
//! # How the frontier is found
//!
//! By conservative advancement (Mirtich, 1996): with `c` metres of room at one point of the path, no
//! part of the arm can use them up before the bound on its speed times path time has grown to `c`. A
//! tick looks at a bounded number of such points.
#![forbid(unsafe_code)]

mod fingers;
mod free;

pub(crate) use fingers::Fingers;
pub(crate) use free::PLACES;

use crate::authority::ARM;
use crate::core::Core;
use crate::path::Job;
use crate::report::{LimitKind, Report};
use crate::state::State;
use crate::stride::{steps, stride};
use crate::world::Surroundings;
use core::time::Duration;
use mechanics::collision::Checker;
use mechanics::{Arm, ArmData};
use types::Fault::{F4ChunksDry, F42PersonTooNear, F43ObstacleTooNear};
use types::{ENDING_LATE_S, JointVector, Time};

/// Less room than this is none, metres.
const LEAST_ROOM_M: f64 = 5e-4;
/// Farther away nothing is looked for, metres.
const FARTHEST_M: f64 = 0.15;
/// How long a frontier among moving things holds, seconds.
const WINDOW_S: f64 = 0.05;
/// A smaller part of the nominal pace is no motion but a creeping up to what is in the way.
const LEAST_PACE: f64 = 0.02;
/// What is still speeding up takes so much longer to stop than what runs at the nominal pace, seconds.
const RISING_S: f64 = 0.03;
/// Things that are looked at per tick, about, and when the world has just changed.
const THINGS_PER_TICK: usize = 112;
const THINGS_ANEW: usize = 340;

/// What a chunk tells the fingers is looked at so far ahead at once, seconds of path time, and where that is too far so far.
const GRIPS_AHEAD_S: [f64; 2] = [0.1, 0.01];

/// Ticks' worth of looks that a motion that takes over may need.
const MOST_TRIES: usize = 4;

/// A frontier.
#[derive(Copy, Clone, Debug)]
struct Proof {
    /// Path time up to which the way is clear.
    s: f64,
    /// Until when that holds.
    until: Time,
    /// With the fingers at any of these widths; and where they might have been when it began.
    fingers: Fingers,
    from: Fingers,
    /// What ends it, where it is not the end of what was asked.
    end: Option<Near>,
}

impl Proof {
    fn none() -> Self {
        let nowhere = Fingers::at(0.0);
        Self { s: f64::NEG_INFINITY, until: Time::ZERO, fingers: nowhere, from: nowhere, end: None }
    }
}

/// Something in the way.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Near {
    /// Room at the frontier, metres; negative when too near already.
    pub(crate) room: f64,
    /// Whether it is something that may move.
    pub(crate) is_moving: bool,
}

/// What is known of a motion while another is looked at that may take over.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Known {
    proofs: [Proof; 2],
    grown_to: Time,
    flags: [bool; 4],
}

/// What is known of the way ahead.
pub(crate) struct Filter {
    world: Option<Box<Surroundings>>,
    /// Seconds between two ticks; for which the arm goes on when it hears nothing more; and by which it then rests later.
    period: f64,
    coast: f64,
    late: f64,
    /// The arm's body, for when nothing else is known.
    body: Checker,
    /// How far the arm reaches from each joint's axis, metres, and the fingers go for each metre of their width.
    reaches: JointVector,
    travel: f64,
    data: ArmData,
    /// The frontier that was found last, and the one being found.
    proven: Proof,
    growing: Proof,
    /// What the arm keeps from itself, metres; less where it was nearer when the motion began.
    own_keep: f64,
    /// What was seen in this tick of a motion without a path, and where the fingers might be.
    seen: free::Seen,
    fingers: Fingers,
    /// Where they might be when a motion began at which something was forgiven, and how near the arm was to itself then.
    forgiven: Fingers,
    own_nearest: f64,
    /// Nothing is proven yet: the motion or the world has just changed.
    is_new: bool,
    /// When everything that moves is taken to be as the proof that grows has it.
    grown_to: Time,
    /// The world has just changed, and the stop at hand is not yet judged in it.
    is_news: bool,
    /// What is new is so near that no stop is left that keeps clear of it.
    is_surprised: bool,
    /// The arm runs slower than asked for, and that was told.
    restricting: bool,
    /// ... because of something that moves, and that was told.
    somebody: bool,
}

impl Filter {
    pub(crate) fn new(arm: &Arm, body: Checker, reaches: JointVector, (period, coast): (f64, f64)) -> Self {
        let nothing = Proof::none();
        Self {
            world: None,
            travel: body.finger_travel(arm),
            body,
            reaches,
            period,
            coast,
            late: if coast > 0.0 { coast + ENDING_LATE_S } else { 0.0 },
            data: ArmData::new(arm),
            proven: nothing,
            growing: nothing,
            own_keep: free::OWN_KEEP_M,
            seen: free::Seen::nothing(arm.n_joints()),
            fingers: Fingers::at(0.0),
            forgiven: Fingers::at(0.0),
            own_nearest: f64::INFINITY,
            is_new: true,
            grown_to: Time::ZERO,
            is_news: false,
            is_surprised: false,
            restricting: false,
            somebody: false,
        }
    }

    /// Whether a world of this stamp is not older than what is known: of the same instant more may be told.
    pub(crate) fn is_news(&self, stamp: Time) -> bool {
        self.world.as_ref().is_none_or(|w| stamp >= w.stamp)
    }

    /// Takes in a new world; what was proven in the old one is not any more, unless only its times are new.
    /// Returns the old one.
    pub(crate) fn replace(&mut self, mut world: Box<Surroundings>) -> Option<Box<Surroundings>> {
        match &self.world {
            Some(before) => world.take_over(before),
            None => world.checker.take_over(&self.body, &[]),
        }
        self.seen.forget();
        let is_same = self.world.as_ref().is_some_and(|w| w.things_id == world.things_id);
        if is_same && !world.has_moving {
            // What was proven among things that stand holds as long as they are said to.
            (self.proven.until, self.growing.until) = (world.expires, world.expires);
        } else {
            self.forget();
            self.is_news = true;
        }
        self.world.replace(world)
    }

    fn forget(&mut self) {
        self.seen.forget();
        self.proven = Proof::none();
        self.is_new = true;
    }

    /// A motion begins at rest (`anew`), or takes over from one.
    pub(crate) fn begin(&mut self, arm: &Arm, job: &Job, fingers: Fingers, anew: bool) {
        self.forget();
        (self.is_news, self.restricting, self.somebody) = (false, false, false);
        let q = job.q_at(job.s());
        if anew && self.forgiven.are_elsewhere(&fingers) {
            self.shift(arm, &q, fingers);
        }
        let Some(world) = &mut self.world else { return };
        if anew {
            self.forgiven = fingers;
        }
        for width_m in job.grips_between(job.s(), job.s()).fold(fingers, Fingers::with).looks(self.travel) {
            world.checker.room(arm, &mut self.data, &q, width_m, &world.keep, FARTHEST_M);
            world.note(anew);
        }
        world.forgive(anew);
    }

    /// What is known of the way of the present motion, and was told of it.
    pub(crate) fn known(&self) -> Known {
        Known {
            proofs: [self.proven, self.growing],
            grown_to: self.grown_to,
            flags: [self.is_new, self.is_news, self.restricting, self.somebody],
        }
    }

    /// Another motion was looked at, and does not take over.
    pub(crate) fn go_back_to(&mut self, known: Known) {
        [self.proven, self.growing] = known.proofs;
        self.grown_to = known.grown_to;
        [self.is_new, self.is_news, self.restricting, self.somebody] = known.flags;
        if let Some(world) = &mut self.world {
            world.grow_to(self.grown_to);
        }
    }

    /// Whether `job`, which takes over from a motion, has a verified stop from its first tick on. If not, what
    /// was proven of the motion before is kept.
    pub(crate) fn admits(
        &mut self,
        arm: &Arm,
        now: Time,
        job: &mut Job,
        fingers: Fingers,
        moves: bool,
    ) -> bool {
        if !self.blend_is_clear(arm, job, fingers) {
            return false;
        }
        let before = self.known();
        self.begin(arm, job, fingers, !moves);
        for _ in 0..MOST_TRIES {
            let (frontier, near) = self.frontier(arm, now, job, fingers);
            let frontier = frontier.min(job.own_frontier());
            if job.has_stop_before(frontier - 2.0 * self.period, stride(self.period)) {
                return true;
            }
            if near.is_some() || self.world.is_none() {
                break;
            }
        }
        self.go_back_to(before);
        false
    }

    /// The part of its speed that the age of the world leaves at `now`.
    pub(crate) fn trust(&self, now: Time) -> f64 {
        self.world.as_ref().map_or(1.0, |w| w.trust(now))
    }

    /// The path time up to which the way is verified at `now`, and what is there. Without a world that is
    /// the end.
    fn frontier(&mut self, arm: &Arm, now: Time, job: &mut Job, fingers: Fingers) -> (f64, Option<Near>) {
        // Fingers that set out for somewhere else may meet there what was of no interest before.
        if !self.is_new && [&self.proven, &self.growing].iter().any(|proof| !proof.fingers.cover(&fingers)) {
            self.forget();
            self.is_news = true;
        }
        let travel = self.travel;
        let Some(world) = &mut self.world else { return (job.end(), None) };
        if now >= world.expires {
            self.proven.until = Time::ZERO;
            self.is_new = true;
            return (job.s(), None);
        }
        let longest = job.pace.longest_stop();
        // As far as the arm can get while a proof holds, and stop.
        let goal = if world.has_moving {
            (job.s() + 2.0 * (WINDOW_S + self.coast + longest.s)).min(job.end())
        } else {
            job.end()
        };
        let mut look =
            Look { world, data: &mut self.data, grown_to: &mut self.grown_to, arm, fingers, travel, goal };
        if core::mem::take(&mut self.is_news) {
            // Whether the stop at hand keeps clear of what is new; nothing more rests on this.
            let stop_s = job.stop_s(stride(self.period));
            let mut at_once = look.begin(now, job, self.period, stop_s);
            look.extend(&mut at_once, job, THINGS_ANEW);
            self.is_surprised =
                at_once.end.is_some() && !job.has_stop_before(at_once.s.max(job.s()), stride(self.period));
        }
        let is_whole = self.growing.end.is_some() || self.growing.s >= goal;
        let ends_soon = now + Duration::from_secs_f64(0.5 * WINDOW_S) >= self.growing.until;
        let n_things = if self.is_new { THINGS_ANEW } else { THINGS_PER_TICK };
        // What ended it may have been in the way of fingers that are elsewhere now.
        let is_wide = self.growing.end.is_some() && self.growing.from.are_elsewhere(&fingers);
        let is_over = now >= self.growing.until || (look.world.has_moving && is_whole && ends_soon);
        if self.is_new || is_over || is_wide {
            if !self.is_new {
                self.proven = self.growing;
            }
            self.growing = look.begin(now, job, WINDOW_S, self.late + longest.seconds + RISING_S);
            self.is_new = false;
        }
        look.extend(&mut self.growing, job, n_things);
        if self.growing.s <= job.s() {
            self.forgiven = fingers;
        }
        if self.growing.s >= self.proven.s || now >= self.proven.until {
            self.proven = self.growing;
        }
        (self.proven.s, self.proven.end)
    }
}

/// Everything that finding a frontier needs.
struct Look<'a> {
    world: &'a mut Surroundings,
    data: &'a mut ArmData,
    grown_to: &'a mut Time,
    arm: &'a Arm,
    fingers: Fingers,
    travel: f64,
    /// Path time up to which it is of interest.
    goal: f64,
}

impl Look<'_> {
    /// Begins a proof that holds for `window_s` seconds: everything that moves is grown to where it may be
    /// when the arm has stopped, `stop_s` seconds after them.
    fn begin(&mut self, now: Time, job: &Job, window_s: f64, stop_s: f64) -> Proof {
        let mut until = self.world.expires;
        if self.world.has_moving {
            until = now + Duration::from_secs_f64(window_s);
            *self.grown_to = until + Duration::from_secs_f64(stop_s);
            self.world.grow_to(*self.grown_to);
        }
        Proof { s: job.s(), until, fingers: self.fingers, from: self.fingers, end: None }
    }

    /// Extends a proof, as long as about `n_things` allow.
    fn extend(&mut self, proof: &mut Proof, job: &Job, mut n_things: usize) {
        let world = &mut *self.world;
        while proof.end.is_none() && proof.s < self.goal && n_things > 0 {
            let q = job.q_at(proof.s);
            let is_here = proof.s <= job.s();
            let (mut still, mut moving) = (f64::INFINITY, f64::INFINITY);
            let mut ahead = f64::INFINITY;
            for ahead_s in GRIPS_AHEAD_S {
                // Where the path leads the fingers they lag behind: they may be wherever they were told to be until there.
                ahead = if job.grips() { proof.s + ahead_s } else { f64::INFINITY };
                let fingers = job.grips_between(proof.s, ahead).fold(proof.fingers, Fingers::with);
                world.checker.look_from(0);
                (still, moving) = (f64::INFINITY, f64::INFINITY);
                let mut costs = 12 + world.keep.len();
                for width_m in fingers.looks(self.travel) {
                    let checker = &mut world.checker;
                    let room = checker.room(self.arm, self.data, &q, width_m, &world.keep, FARTHEST_M);
                    (still, moving) = (still.min(room.still), moving.min(room.moving));
                    if is_here {
                        world.note(false);
                    }
                    // A look costs kinematics too, as much as a dozen things; but for the fingers the next is the same.
                    n_things = n_things.saturating_sub(costs);
                    costs = (12 + world.keep.len()) / 4;
                }
                if still.min(moving) > LEAST_ROOM_M || !job.grips() {
                    proof.fingers = fingers;
                    break;
                }
            }
            if is_here {
                // What the arm has left behind is not forgiven any more.
                world.forgive(false);
            }
            let room = still.min(moving);
            if room > LEAST_ROOM_M {
                proof.s = job.after_moving(proof.s, room).min(ahead);
            } else {
                proof.end = Some(Near { room, is_moving: moving < still });
            }
        }
    }
}

impl Core {
    /// Moves a motion on by one tick, as fast as is asked for and as the filter lets it.
    pub(crate) fn follow_on(&mut self, now: Time, slow: f64) {
        let State::Follow(job) = &self.state else { return };
        let (slow, fingers) = (slow * self.makes_way(job), self.fingers());
        let State::Follow(job) = &mut self.state else { return };
        let (mut frontier, mut near) = self.filter.frontier(&self.arm, now, job, fingers);
        let own = job.own_frontier();
        if own < frontier {
            (frontier, near) = (own, Some(Near { room: 0.0, is_moving: false }));
        }
        let is_known = frontier >= job.end();
        let is_free = is_known && job.ends_at_rest();
        let begun = job.s();
        let trust = self.filter.trust(now);
        let mut applied = slow * trust;
        let (period, coast) = (self.tuning.period, self.tuning.coast);
        // Ticks are no instants: the stop is to end two of them early.
        let last = frontier - 2.0 * period;
        for part in steps(self.dt, period) {
            if is_free {
                job.step(applied, part);
                continue;
            }
            applied = applied.min(job.pace.part_within(last - job.s(), coast));
            if applied < LEAST_PACE {
                applied = 0.0;
            }
            if job.is_unbegun() {
                job.set_out_at(applied);
            }
            // At rest with nowhere to go there is nothing to step; else without a stop behind it the step
            // is the first of the stop that there is.
            let stands = job.at_rest() && applied == 0.0;
            if !stands
                && !job.step_if_it_stops(applied, part, last, (stride(period), coast))
                && !job.is_unbegun()
            {
                applied = 0.0;
                job.step(0.0, part);
            }
        }
        let passed = job.s() - begun;
        self.progress.pass(passed);
        if let Some(command) = job.grip() {
            self.gripper.lead(command, self.estimate.measured.map(|m| m.gripper.width_m));
        }
        // F4: the path is not known any further.
        let is_dry = is_known && !is_free && self.pending[ARM].is_none() && applied < 0.99 * slow * trust;
        if is_dry && !core::mem::replace(&mut job.is_dry, true) {
            self.tell(Report::Fault { fault: F4ChunksDry, latched: false });
        }
        let asked = if is_dry { applied } else { slow };
        self.tell_restriction(Some(asked), applied, trust, near);
    }

    /// Tells, once until it is over, that less speed is applied than was asked for (`None`: none was).
    pub(crate) fn tell_restriction(
        &mut self,
        asked: Option<f64>,
        applied: f64,
        trust: f64,
        near: Option<Near>,
    ) {
        // While nothing new is known, a frontier that comes nearer is what was expected of things that move:
        // the stop that was verified before still holds.
        if core::mem::take(&mut self.filter.is_surprised) {
            self.tell(Report::Fault { fault: F43ObstacleTooNear, latched: false });
        }
        let slow = asked.unwrap_or(0.0);
        let is_restricted = applied < 0.99 * slow;
        let limit = if trust < 1.0 { LimitKind::WorldAge } else { LimitKind::Separation };
        self.slowed_by = is_restricted.then_some(limit);
        if is_restricted && !self.filter.restricting {
            let margin = near.map_or(0.0, |n| n.room);
            self.tell(Report::Intervention { joint: None, limit, requested: slow, applied, margin });
        }
        let is_somebody = is_restricted && near.is_some_and(|n| n.is_moving);
        if is_somebody && !self.filter.somebody {
            self.tell(Report::Fault { fault: F42PersonTooNear, latched: false });
        }
        self.filter.restricting = is_restricted;
        self.filter.somebody = is_restricted && (self.filter.somebody || is_somebody);
    }
}

#[cfg(test)]
mod tests;
