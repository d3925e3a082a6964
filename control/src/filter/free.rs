//! Motions without a path: the way ahead is taken to be straight in joint space, and the stop after every
//! step is looked at before the step is taken.

use super::{FARTHEST_M, Filter, Fingers, LEAST_PACE, LEAST_ROOM_M, Near, WINDOW_S};
use crate::brake::{Brake, Share};
use crate::means::Means;
use crate::path::{Job, Reference};
use crate::world::NO_NEARER_M;
#[cfg(doc)]
use crate::world::Surroundings;
use core::time::Duration;
use mechanics::Arm;
use mechanics::collision::OwnRoom;
use types::{JointVector, Time};

/// How far ahead a wish is looked at, seconds, and how many places on the way, at most.
const LOOK_AHEAD_S: f64 = 0.8;
const LOOKS: usize = 12;
/// A wish's way is looked at until a look adds less than this part of what is clear already.
const LEAST_GAIN: f64 = 0.015;
/// What of the way between two looks the later one is to cover backwards, if the room goes on to shrink as it did; and how
/// fast it is taken to, by the arm's speed, before that is known.
const LEAP: f64 = 0.9;
const CLOSING: f64 = 0.5;
const OPENING: f64 = -0.5;
/// The same while one path goes over into another.
const BLEND_LOOKS: usize = 32;
/// A wish brings the arm up to so much more than the least room, metres: from there it can lead away again.
const APPROACH_M: f64 = 2e-3;
/// So much farther away is away: by less distances are off, metres.
const AWAY_M: f64 = 2e-6;
/// Up to where a wish that leads away from what is near is seen to: nearer to [`APPROACH_M`] than this, what is seen to be
/// clear at one look is too little for it.
const BESIDE_M: f64 = 2.5e-3;
/// The arm is to keep so far from itself, metres.
pub(super) const OWN_KEEP_M: f64 = 0.002;
/// What of the clear way a stop from a wish may use.
const STOP_SHARE: f64 = 0.85;
/// Places of a stop that are compared with the joints' ranges.
const STOP_PLACES: u32 = 10;
/// Farther away nothing is looked for where nothing is known but the arm, metres.
const FARTHEST_ALONE_M: f64 = 0.4;
/// Places on the ways that are looked at in every tick, for what is known of distances there: of a wish, where it leads
/// away, of the stop, and of one that comes later.
pub(crate) const PLACES: usize = 3 * LOOKS + 1;
const AWAY: usize = LOOKS;
const STOPPING: [usize; 2] = [LOOKS + 1, 2 * LOOKS + 1];
/// Rooms are looked for up to what so many times the way that is left of a stop takes.
const WHOLE_WAY: f64 = 1.01;
/// Rates below this, rad/s, bring no joint to its limit.
const LEAST_RATE: f64 = 1e-6;

/// Places that are seen in a tick at most: at its beginning, along a wish and along two stops.
const MOST_SEEN: usize = 1 + 3 * LOOKS;
/// A stop is not looked at where so much of what is left of its way was seen to be clear before.
const LEAST_SEEN: f64 = 0.2;

/// What was seen at a place: the joints may move the arm so far each from there, m, and it meets nothing, as everything is
/// until then.
#[derive(Copy, Clone, Debug)]
struct Place {
    q: JointVector,
    ways: JointVector,
    until: Time,
}

/// What was seen in a tick of a motion without a path.
pub(super) struct Seen {
    places: [Place; MOST_SEEN],
    pub(super) n: usize,
}

impl Seen {
    pub(super) fn nothing(n_joints: usize) -> Self {
        let zeros = JointVector::zeros(n_joints);
        Self { places: [Place { q: zeros, ways: zeros, until: Time::ZERO }; MOST_SEEN], n: 0 }
    }

    pub(super) fn forget(&mut self) {
        self.n = 0;
    }

    /// At `q` the part `part` of the ways `ways` is clear.
    fn note(&mut self, q: &JointVector, (ways, part): (&JointVector, f64), until: Time) {
        if let Some(place) = self.places.get_mut(self.n) {
            *place = Place { q: *q, ways: JointVector::from_fn(q.len(), |i| part * ways[i]), until };
            self.n += 1;
        }
    }

    /// The part of so much way, m by each joint, from `q`, all of which lies around a place where it was seen to be clear; a
    /// joint moves the arm by its reach at most.
    fn part(&self, q: &JointVector, ways: &JointVector, until: Time, reaches: &JointVector) -> f64 {
        let part = |place: &Place| {
            (0..q.len()).fold(f64::INFINITY, |m, i| {
                let left = place.ways[i] - (q[i] - place.q[i]).abs() * reaches[i];
                match left / ways[i] {
                    // A joint that stays takes no room.
                    _ if ways[i] == 0.0 && left >= 0.0 => m,
                    // Of what is no number nothing was seen.
                    part if part.is_nan() => f64::NEG_INFINITY,
                    part => m.min(part),
                }
            })
        };
        self.places[..self.n].iter().filter(|place| until <= place.until).map(part).fold(0.0, f64::max)
    }
}

/// What stands between an arm and a contact.
struct Nearness {
    /// The nearest of all.
    room: Near,
    /// There is room in every regard.
    is_free: bool,
    /// For how long there is, seconds.
    clear_s: f64,
}

impl Filter {
    /// A motion without a path begins at `q`, at rest (`anew`) or from another.
    pub(crate) fn begin_free(&mut self, arm: &Arm, q: &JointVector, fingers: Fingers, anew: bool) {
        self.forget();
        (self.is_news, self.restricting, self.somebody) = (false, false, false);
        let still = JointVector::zeros(q.len());
        self.look_from(0);
        if anew && self.forgiven.are_elsewhere(&fingers) {
            self.shift(arm, q, fingers);
        }
        self.fingers = fingers;
        if anew {
            self.forgiven = fingers;
        }
        self.near(arm, q, (&still, LOOK_AHEAD_S), fingers, 0.0, Some(anew));
        self.forgive(anew);
    }

    /// The arm stands, and its fingers may be elsewhere than when it was forgiven last: see [`Surroundings::shift`].
    pub(super) fn shift(&mut self, arm: &Arm, q: &JointVector, fingers: Fingers) {
        let Some(world) = &mut self.world else { return };
        for (all, is_before) in [(self.forgiven, true), (fingers, false)] {
            for width_m in all.looks(self.travel) {
                world.checker.room(arm, &mut self.data, q, width_m, &world.keep, FARTHEST_M);
                world.note(false);
            }
            world.shift(is_before);
        }
    }

    /// The arm may be where it was noted since the last time: see [`Surroundings::forgive`]; the same for the arm itself.
    /// Whether less is forgiven than before.
    fn forgive(&mut self, anew: bool) -> bool {
        let was = self.own_keep;
        let room = core::mem::replace(&mut self.own_nearest, f64::INFINITY).min(FARTHEST_M);
        if anew || self.own_keep < OWN_KEEP_M {
            let keep = (room - NO_NEARER_M).min(OWN_KEEP_M);
            if self.own_keep < OWN_KEEP_M {
                self.own_keep = self.own_keep.max(keep);
            } else if room < OWN_KEEP_M {
                self.own_keep = keep;
            }
        }
        let is_less = self.world.as_mut().is_some_and(|world| world.forgive(anew));
        is_less || self.own_keep > was
    }

    /// What is new is nothing to an arm that stands.
    pub(crate) fn stands(&mut self) {
        self.is_news = false;
    }

    /// What is looked at next is near what was looked at under this number in the tick before.
    fn look_from(&mut self, place: usize) {
        self.world.as_mut().map_or(&mut self.body, |world| &mut world.checker).look_from(place);
    }

    /// How much room and time, up to a horizon, there is at `q` for an arm whose joints move it at `speeds`, m/s,
    /// at most. What was too near when the motion began is forgiven as far as it was; with `notes`, what is seen is noted
    /// for [`Self::forgive`], of a motion that begins `anew` or not.
    fn near(
        &mut self,
        arm: &Arm,
        q: &JointVector,
        (speeds, horizon_s): (&JointVector, f64),
        fingers: Fingers,
        floor: f64,
        notes: Option<bool>,
    ) -> Nearness {
        let farthest_m = if self.world.is_some() { FARTHEST_M } else { FARTHEST_ALONE_M };
        // What is not met within the horizon is of no interest.
        let speed: f64 = speeds.iter().sum();
        let most_m = (floor + speed * horizon_s).clamp(2.0 * APPROACH_M, farthest_m);
        let mut own = OwnRoom { room_m: 2.0 * APPROACH_M, clear_s: horizon_s };
        let (mut fixed, mut moving) = (f64::INFINITY, f64::INFINITY);
        for width_m in fingers.looks(self.travel) {
            let (checker, keep) = match &mut self.world {
                Some(world) => (&mut world.checker, world.keep.as_slice()),
                None => (&mut self.body, [].as_slice()),
            };
            let room = checker.room(arm, &mut self.data, q, width_m, keep, most_m);
            (fixed, moving) = (fixed.min(room.still), moving.min(room.moving));
            own = checker.own_room(speeds, self.own_keep + floor, own);
            let Some(anew) = notes else { continue };
            if anew || self.own_keep < OWN_KEEP_M {
                let still = JointVector::zeros(self.reaches.len());
                let most = OwnRoom { room_m: FARTHEST_M, clear_s: LOOK_AHEAD_S };
                self.own_nearest = checker.own_room(&still, 0.0, most).room_m;
            }
            if let Some(world) = &mut self.world {
                world.note(anew);
            }
        }
        let least = fixed.min(moving) - floor;
        Nearness {
            room: Near {
                room: least.min(own.room_m) + floor,
                is_moving: moving < fixed.min(own.room_m + floor),
            },
            is_free: least > 0.0 && own.room_m > 0.0,
            clear_s: (least / speed.max(1e-9)).min(own.clear_s),
        }
    }

    /// Whether the arm keeps clear of itself while it goes over onto the path of `job`.
    pub(crate) fn blend_is_clear(&mut self, arm: &Arm, job: &Job, fingers: Fingers) -> bool {
        let (end, speeds) = job.blend();
        let keep = self.own_keep;
        let checker = self.world.as_mut().map_or(&mut self.body, |world| &mut world.checker);
        let most = OwnRoom { room_m: FARTHEST_M, clear_s: LOOK_AHEAD_S };
        let mut s = job.s();
        for _ in 0..BLEND_LOOKS {
            if s >= end {
                return true;
            }
            let mut own = most;
            for width_m in fingers.looks(self.travel) {
                checker.room(arm, &mut self.data, &job.q_at(s), width_m, &[], 0.0);
                own = checker.own_room(&speeds, keep, own);
            }
            if own.room_m < LEAST_ROOM_M {
                return false;
            }
            s += own.clear_s;
        }
        false
    }

    /// The part of the joint velocities `wish` that leaves room for a stop, with `share` of the limits, before whatever
    /// is in the way, and what that is.
    pub(crate) fn part_of_wish(
        &mut self,
        arm: &Arm,
        now: Time,
        last: &Reference,
        (wish, share, means): (&JointVector, Share, Means<'_>),
        fingers: Fingers,
    ) -> (f64, Option<Near>) {
        let (limits, q) = (arm.limits(), &last.q);
        self.seen.forget();
        // Where fingers set out for may be something that was of no interest before.
        self.is_news |= !core::mem::replace(&mut self.fingers, fingers).cover(&fingers);
        if wish.iter().all(|v| v.abs() < LEAST_RATE) {
            return (1.0, None);
        }
        // While it is taken up, and in the stop after it, no joint is faster than this.
        let fastest = |i: usize| 1.05 * wish[i].abs().max(last.dq[i].abs()) + 0.02;
        let speeds = JointVector::from_fn(q.len(), |i| fastest(i) * self.reaches[i]);
        // What a stop takes, and what comes nearer meanwhile.
        let (mut by_jerk, mut by_acceleration) = (0.0f64, 0.0f64);
        for (i, l) in limits.iter().enumerate() {
            let v = wish[i].abs().max(last.dq[i].abs());
            by_acceleration = by_acceleration.max(1.5 * v / (share.0 * l.acceleration));
        }
        for ([wish, now], most) in means.jerks([wish, &last.dq]) {
            by_jerk = by_jerk.max(6.0 * wish.abs().max(now.abs()) / (share.0 * most));
        }
        let stop_s = |part: f64| libm::sqrt(by_jerk * part).max(by_acceleration * part);
        if self.world.as_ref().is_some_and(|world| now >= world.expires) {
            return (0.0, None);
        }
        let (period, coast) = (self.period, self.coast);
        let until = now + Duration::from_secs_f64(self.late + stop_s(1.0) + WINDOW_S);
        if let Some(world) = &mut self.world {
            world.grow_to(until);
        }
        // As fast as a stop still ends in what is clear, in wish time.
        let takes = |part: f64| part * (coast + 0.5 * stop_s(part) + 3.0 * period);
        let enough_s = 1.001 * takes(1.0) / STOP_SHARE;
        let farthest_s = LOOK_AHEAD_S + coast;
        let horizon_s = enough_s.max(coast + 1.3 * stop_s(1.0) + 5.0 * period).min(farthest_s);
        let mut clear_s = enough_s.min(farthest_s);
        let mut end = None;
        for (i, l) in limits.iter().enumerate().filter(|(i, _)| wish[*i].abs() > LEAST_RATE) {
            let way = if wish[i] > 0.0 { l.upper - q[i] } else { q[i] - l.lower };
            clear_s = clear_s.min(way.max(0.0) / wish[i].abs());
        }
        // Up to where something is near, and from there only what leads away.
        self.look_from(0);
        let mut first = self.near(arm, q, (&speeds, horizon_s), fingers, APPROACH_M, Some(false));
        // What the arm has left behind is not forgiven any more.
        if self.forgive(false) {
            first = self.near(arm, q, (&speeds, horizon_s), fingers, APPROACH_M, None);
        }
        let here = first.room;
        let mut t = 0.0;
        if here.room > APPROACH_M {
            self.seen.note(q, (&speeds, first.clear_s), until);
            t = first.clear_s;
        }
        let mut floor = APPROACH_M;
        if here.room <= BESIDE_M {
            let step = LEAST_ROOM_M / speeds.iter().sum::<f64>();
            let there = JointVector::from_fn(q.len(), |i| q[i] + step * wish[i]);
            self.look_from(AWAY);
            let away = self.near(arm, &there, (&speeds, horizon_s), fingers, APPROACH_M, None);
            if away.room.room > here.room + AWAY_M {
                floor = if here.room > APPROACH_M { here.room - LEAST_ROOM_M } else { LEAST_ROOM_M };
            } else if here.room <= APPROACH_M {
                return (0.0, Some(here));
            }
        }
        let mut looks = 1;
        // On the way that is looked at no joint is faster than is wished. What a look sees to be clear is so before its place
        // as far as behind it: the next one may be farther ahead than what is known to be, as long as both meet (Keinert
        // and others, Enhanced Sphere Tracing, 2014).
        let along = JointVector::from_fn(q.len(), |i| wish[i].abs() * self.reaches[i]);
        let (mut at, mut radius) = (0.0, 0.0);
        if floor == APPROACH_M {
            radius = t * speeds.iter().sum::<f64>() / along.iter().sum::<f64>();
        }
        let (mut closing, mut leaps) = (CLOSING, true);
        let mut last = None;
        while t < clear_s {
            let leap = if leaps { LEAP * radius * (1.0 - closing) / (1.0 + closing) } else { 0.0 };
            let leap = leap.min(clear_s - t);
            let there = JointVector::from_fn(q.len(), |i| q[i] + (t + leap) * wish[i]);
            self.look_from(looks);
            let near = self.near(arm, &there, (&along, horizon_s), fingers, floor, None);
            looks += 1;
            let is_met = near.is_free && near.clear_s >= leap;
            if near.is_free {
                self.seen.note(&there, (&along, near.clear_s), until);
            }
            if is_met {
                if radius > 0.0 {
                    let way = (t + leap - at).max(1e-9);
                    closing = ((radius - near.clear_s) / way).clamp(OPENING, 1.0);
                }
                last = Some(near.room);
                (at, radius) = (t + leap, near.clear_s);
                t = at + radius;
            }
            // Where it leads straight to something there is no more to be seen soon, or before it has begun.
            let ends = if looks > 2 { t + radius / closing.max(1e-9) } else { f64::INFINITY };
            let gains = radius >= LEAST_GAIN * t && 2.0 * STOP_SHARE * ends >= takes(LEAST_PACE);
            let has_gained = if is_met { gains } else { leap > 0.0 };
            if t < clear_s && (looks >= LOOKS || !has_gained) {
                clear_s = t;
                // What is behind a place that was too far may not be what it ends at.
                end = last.filter(|_| leap > 0.0).or(Some(near.room));
                break;
            }
            // After one that was too far from what is clear the next one begins there.
            leaps = is_met;
        }
        let (mut low, mut high) = (0.0, 1.0);
        if takes(1.0) <= STOP_SHARE * clear_s {
            return (1.0, None);
        }
        for _ in 0..16 {
            let middle = 0.5 * (low + high);
            if takes(middle) <= STOP_SHARE * clear_s { low = middle } else { high = middle }
        }
        (if low < LEAST_PACE { 0.0 } else { low }, end)
    }

    /// Whether a stop keeps within the joints' ranges, and clear of the arm itself and of everything known, as
    /// it is at `until` at the latest.
    pub(crate) fn keeps_clear(
        &mut self,
        arm: &Arm,
        now: Time,
        until: Time,
        stop: &Brake,
        fingers: Fingers,
    ) -> bool {
        let left = stop.left();
        let limits = arm.limits();
        if limits.iter().enumerate().any(|(i, l)| stop.greatest_speed(i) > l.velocity) {
            return false;
        }
        // Where no joint can come near an end of its range on its way there is nothing to compare.
        let from = stop.reference().q;
        let stays_within = |(i, l): (usize, &types::JointLimits)| {
            let way = stop.way_left(i, 0.0);
            l.near_end.slope == 0.0 && from[i] - way >= l.lower && from[i] + way <= l.upper
        };
        let places = if limits.iter().enumerate().all(stays_within) { 0 } else { STOP_PLACES };
        for part in 1..=places {
            let at = stop.after(left * f64::from(part) / f64::from(STOP_PLACES));
            let within = |(i, l): (usize, &types::JointLimits)| {
                let (q, v) = (at.q[i], at.dq[i]);
                q >= l.lower && q <= l.upper && v.abs() <= l.fastest(q, v)
            };
            if !limits.iter().enumerate().all(within) {
                return false;
            }
        }
        if self.world.as_ref().is_some_and(|world| now >= world.expires) {
            return false;
        }
        let ways_from = |filter: &Self, t: f64| {
            JointVector::from_fn(filter.reaches.len(), |i| stop.way_left(i, t) * filter.reaches[i])
        };
        if let Some(world) = &mut self.world {
            world.grow_to(until);
        }
        let (mut t, mut looks) = (0.0, 0);
        let mut is_clear = false;
        for _ in 0..2 * LOOKS {
            // What is left of its way takes all of its time: of what is met after it nothing is of interest.
            let (q, ways) = (stop.after(t).q, ways_from(self, t));
            // What was seen of the step, of the wish, or of a stop before this one may be enough.
            let mut part = self.seen.part(&q, &ways, until, &self.reaches);
            if part < LEAST_SEEN {
                if looks >= LOOKS {
                    break;
                }
                self.look_from(STOPPING[usize::from(stop.coasts())] + looks);
                let near = self.near(arm, &q, (&ways, WHOLE_WAY), fingers, LEAST_ROOM_M, None);
                looks += 1;
                if !near.is_free {
                    break;
                }
                self.seen.note(&q, (&ways, near.clear_s), until);
                part = near.clear_s;
            }
            if part >= 1.0 {
                is_clear = true;
                break;
            }
            t = stop.after_part(part, t);
        }
        self.is_surprised |= core::mem::take(&mut self.is_news) && !is_clear;
        is_clear
    }
}

#[cfg(test)]
mod tests;
