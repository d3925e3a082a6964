//! A motion as the core runs it: the trajectory, its pace, and the blend onto its start.
//!
//! The trajectory's first point may lie up to `START_TOLERANCE` away from where the arm holds, and farther where it
//! was on its way when the trajectory was made. The path therefore begins `blend` seconds earlier, at s = −blend, with a quintic from rest to rest
//! (10 x³ − 15 x⁴ + 6 x⁵) that takes the offset away using at most half of every limit. The whole is
//! one twice differentiable path, so a stop works in the blend as anywhere else.
//!
//! What takes over from a motion, a chunk always, may begin in the middle: what is left between the two is blended
//! away while it runs, in path time, so that the pace goes on as it is.
#![forbid(unsafe_code)]

use crate::ahead::{Ahead, Coming, STILL_RISING};
use crate::course::{Course, Offset};
use crate::pace::{BLEND_SHARE, Pace, Paces, Running};
use crate::profile::Profile;
use crate::report::MotionId;
use crate::smooth;
use core::cell::Cell;
use types::{Ending, GripperCommand, JointLimits, JointVector};

/// Where the arm shall be, without torques.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) q: JointVector,
    pub(crate) dq: JointVector,
    pub(crate) ddq: JointVector,
}

impl Reference {
    /// Standing at `q`.
    pub(crate) fn at_rest(q: JointVector) -> Self {
        let zero = JointVector::zeros(q.len());
        Self { q, dq: zero, ddq: zero }
    }
}

/// A submitted path with everything that running it needs; made and freed outside the core.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: MotionId,
    /// At which it runs: one of `paces`.
    pub(crate) pace: Pace,
    paces: Paces,
    course: Course,
    running: Running,
    /// Path time, seconds; negative before the start of a trajectory, in the blend.
    s: f64,
    /// Path time at which it began.
    begun: f64,
    /// Path time before which a stop from now on ends.
    stop_end: f64,
    /// What still leads from where the arm was onto the path.
    offset: Offset,
    /// Bound on the speed that the offset adds to any point of the arm, at pace one, m/s.
    offset_speed: f64,
    /// Bounds on the joints' speeds until the offset is gone, at pace one, rad/s (m/s).
    blend_speeds: JointVector,
    profile: Profile,
    leaves_gripper: bool,
    /// That the path is not known any further was told (F4).
    pub(crate) is_dry: bool,
    /// The part of the nominal pace that the last step led towards.
    towards: f64,
    /// What was found for the last ending.
    coming: Cell<Option<Coming>>,
}

/// Durations of blends that are tried, seconds, and places in each that are looked at.
const BLENDS: [f64; 9] = [0.06, 0.1, 0.16, 0.25, 0.4, 0.6, 0.9, 1.3, 1.9];
const BLEND_LOOKS: usize = 16;
const BLEND_STEP_S: f64 = 0.03;

impl Job {
    pub(crate) fn new(id: MotionId, course: Course, paces: Paces, profile: Profile) -> Self {
        let n = course.start().len();
        Self {
            id,
            pace: paces.own.clone(),
            paces,
            course,
            running: Running { r: 0.0, rate: 0.0 },
            s: 0.0,
            begun: 0.0,
            stop_end: 0.0,
            offset: Offset::none(n),
            offset_speed: 0.0,
            blend_speeds: JointVector::zeros(n),
            profile,
            leaves_gripper: false,
            is_dry: false,
            towards: 0.0,
            coming: Cell::new(None),
        }
    }

    /// Where the path begins.
    pub(crate) fn start(&self) -> &JointVector {
        self.course.start()
    }

    /// Whether its first point stands.
    pub(crate) fn starts_at_rest(&self) -> bool {
        self.course.starts_at_rest()
    }

    /// Whether it is a chunk: others follow that know the way from there.
    pub(crate) fn is_chunk(&self) -> bool {
        !self.course.ends_at_rest
    }

    /// At which it would take over from a motion.
    pub(crate) fn joining(&self) -> Option<&Pace> {
        self.paces.joining.as_ref().map(|(pace, _)| pace)
    }

    /// Begins at rest at `from`, at the part `slow` of the nominal pace; no point of the arm is faster than
    /// `speed_m_s` while it goes over to where the path begins, and it takes `longer` times what it has to.
    pub(crate) fn begin(
        &mut self,
        from: &JointVector,
        slow: f64,
        limits: &[JointLimits],
        (speed_m_s, longer): (f64, f64),
    ) {
        self.pace = self.paces.own.clone();
        self.coming.set(None);
        let start = *self.start();
        let offset = JointVector::from_fn(start.len(), |i| from[i] - start[i]);
        let mut blend = 0.0f64;
        for (i, (offset, l)) in offset.iter().zip(limits).enumerate() {
            let per = offset.abs() / BLEND_SHARE;
            let slowest = l.fastest(from[i], -offset).min(l.fastest(start[i], -offset));
            blend = blend
                .max(smooth::PEAKS[0] * per / slowest)
                .max(libm::sqrt(smooth::PEAKS[1] * per / l.acceleration))
                .max(libm::cbrt(smooth::PEAKS[2] * per / l.jerk));
        }
        let reached: f64 = offset.iter().zip(self.profile.reaches.iter()).map(|(o, r)| o.abs() * r).sum();
        blend = longer * blend.max(smooth::PEAKS[0] * reached / speed_m_s);
        self.offset = Offset { from: -blend, over: blend, ..Offset::none(start.len()) };
        self.offset.start[0] = offset;
        let speed = |i: usize| smooth::PEAKS[0] * offset[i].abs() / blend.max(1e-9);
        self.blend_speeds = JointVector::from_fn(start.len(), speed);
        self.offset_speed =
            self.blend_speeds.iter().zip(self.profile.reaches.iter()).map(|(v, r)| v * r).sum();
        self.s = -blend;
        self.begun = self.s;
        self.stop_end = self.s;
        self.running = Running { r: slow * self.pace.nominal, rate: 0.0 };
    }

    /// Begins at path time `s` from a motion: `from` is position and its derivatives over the path time of what
    /// went before, `running` its pace. What is left between the two is blended away within what the path's
    /// caps leave, by the shortest blend from the one numbered `least` on; which one, or `None`, and nothing has
    /// changed, when no blend does that.
    pub(crate) fn take_over(
        &mut self,
        s: f64,
        from: &[JointVector; 3],
        running: Running,
        limits: &[JointLimits],
        least: usize,
    ) -> Option<usize> {
        let (pace, caps) = self.paces.joining.as_ref()?;
        if !pace.admits(&running) {
            return None;
        }
        let here = self.course.at(s);
        let n = from[0].len();
        let start = core::array::from_fn(|k| JointVector::from_fn(n, |j| from[k][j] - here[k][j]));
        let is_nothing = start.iter().all(|v: &JointVector| v.iter().all(|v| v.abs() < 1e-12));
        let fits = |over: f64| {
            let offset = Offset { from: s, over, start };
            // Longer blends are looked at as closely.
            let looks = ((over / BLEND_STEP_S) as usize).clamp(BLEND_LOOKS, 4 * BLEND_LOOKS);
            let fits = (0..=looks).all(|k| {
                let at = s + over * k as f64 / looks as f64;
                let (path, off) = (self.course.at(at), offset.at(at));
                // Between two places that are looked at it departs by no more than that.
                let step = over / looks as f64;
                let within = |j: usize| {
                    let q = path[0][j] + off[0][j];
                    let least = if off[0][j].abs() > 1e-9 { 0.125 * step * step * caps[1][j] } else { 0.0 };
                    q - least >= limits[j].lower - 1e-9 && q + least <= limits[j].upper + 1e-9
                };
                (0..n).all(within)
                    && (1..4).all(|d| (0..n).all(|j| (path[d][j] + off[d][j]).abs() <= caps[d - 1][j]))
            });
            (fits && s + over <= self.end()).then_some(offset)
        };
        let found = if is_nothing {
            (least == 0).then_some((0, Offset::none(n)))
        } else {
            BLENDS.into_iter().enumerate().skip(least).find_map(|(k, over)| Some((k, fits(over)?)))
        };
        let (which, offset) = found?;
        self.pace = pace.clone();
        self.coming.set(None);
        self.blend_speeds = caps[0];
        self.offset = offset;
        self.offset_speed = 0.0;
        for k in 0..=2 * BLEND_LOOKS {
            let d = offset.at(s + offset.over * k as f64 / (2 * BLEND_LOOKS) as f64)[1];
            let speed: f64 = d.iter().zip(self.profile.reaches.iter()).map(|(v, r)| v.abs() * r).sum();
            // Between two places looked at it may be a little more.
            self.offset_speed = self.offset_speed.max(1.1 * speed);
        }
        self.s = s;
        // From rest it begins here; from a motion it has begun long ago.
        let at_rest = from[1].iter().chain(from[2].iter()).all(|v| *v == 0.0);
        self.begun = if at_rest { s } else { f64::NEG_INFINITY };
        self.stop_end = f64::INFINITY;
        self.running = running;
        Some(which)
    }

    /// Path times all along what is left of the blend, with position and its first two derivatives there; closer together
    /// at both ends, where a blend is sharpest.
    pub(crate) fn along_blend(&self) -> impl Iterator<Item = (f64, [JointVector; 3])> + '_ {
        let left = (self.offset.end() - self.s).max(0.0);
        let n = if left > 0.0 { 2 * BLEND_LOOKS } else { 0 };
        let looks = if n > 0 { n + 1 } else { 0 };
        (0..looks).map(move |k| {
            let x = k as f64 / n as f64;
            let s = self.s + left * x * x * (3.0 - 2.0 * x);
            (s, self.derivatives_at(s))
        })
    }

    /// Whether no joint is faster in what is left of the blend than it may be where it is.
    pub(crate) fn blend_keeps_from_ends(&self, limits: &[JointLimits]) -> bool {
        self.along_blend().all(|(_, [q, d1, _])| {
            let slow = |(j, l): (usize, &JointLimits)| {
                let v = self.pace.nominal * d1[j];
                v.abs() <= l.fastest(q[j], v) * (1.0 + 1e-6)
            };
            limits.iter().enumerate().all(slow)
        })
    }

    /// The pace and its rate.
    pub(crate) fn running(&self) -> Running {
        self.running
    }

    /// Position and its first two derivatives over path time, now.
    pub(crate) fn derivatives(&self) -> [JointVector; 3] {
        self.derivatives_at(self.s)
    }

    fn derivatives_at(&self, s: f64) -> [JointVector; 3] {
        let (path, off) = (self.course.at(s.max(0.0)), self.offset.at(s));
        // Before the start of a trajectory it rests at its first point.
        let part = if s < 0.0 { 0.0 } else { 1.0 };
        let n = path[0].len();
        core::array::from_fn(|k| {
            let part = if k == 0 { 1.0 } else { part };
            JointVector::from_fn(n, |j| part * path[k][j] + off[k][j])
        })
    }

    /// Whether its end is a place to stay at.
    pub(crate) fn ends_at_rest(&self) -> bool {
        self.course.ends_at_rest
    }

    /// The path time from now on at which the arm may come too near to itself, if it does. A blend is not
    /// looked at: see [`Self::blend`].
    pub(crate) fn own_frontier(&self) -> f64 {
        self.profile.own_frontier(self.s, self.end())
    }

    /// Path time at which the blend is over, and a bound on how fast every joint moves the arm meanwhile,
    /// m/s, at pace one.
    pub(crate) fn blend(&self) -> (f64, JointVector) {
        let speed = |j: usize| self.blend_speeds[j] * self.profile.reaches[j];
        (self.offset.end(), JointVector::from_fn(self.blend_speeds.len(), speed))
    }

    /// Moves on by `dt` seconds towards the part `slow` of the nominal pace; zero stops.
    pub(crate) fn step(&mut self, slow: f64, dt: f64) {
        self.s += self.running.step(&self.pace, slow * self.pace.nominal, dt);
        self.towards = slow;
        if slow > 0.0 {
            self.stop_end = self.s + STILL_RISING * self.pace.longest_stop().s;
        }
    }

    /// Path time now.
    pub(crate) fn s(&self) -> f64 {
        self.s
    }

    /// What the fingers are told now, where the path says so; of what was consumed nothing.
    pub(crate) fn grip(&self) -> Option<GripperCommand> {
        if self.leaves_gripper { None } else { self.course.grip_at(self.s) }
    }

    /// How far apart it tells the fingers to be from path time `from` to `to`.
    pub(crate) fn grips_between(&self, from: f64, to: f64) -> impl Iterator<Item = f64> + '_ {
        let course = Some(&self.course).filter(|_| !self.leaves_gripper);
        course.and_then(|course| course.grips_between(from, to)).into_iter().flatten()
    }

    /// The gripper was ordered something else since: the path says nothing of it any more.
    pub(crate) fn leave_gripper(&mut self) {
        self.leaves_gripper = true;
    }

    /// Whether it says what the fingers do.
    pub(crate) fn grips(&self) -> bool {
        self.grip().is_some()
    }

    /// Path time at the end.
    pub(crate) fn end(&self) -> f64 {
        self.course.duration()
    }

    /// Whether the arm still stands at the beginning.
    pub(crate) fn is_unbegun(&self) -> bool {
        self.s <= self.begun
    }

    /// Sets the part of the nominal pace at which it sets out; only while unbegun, where that moves
    /// nothing.
    pub(crate) fn set_out_at(&mut self, part: f64) {
        self.running = Running { r: part * self.pace.nominal, rate: 0.0 };
    }

    /// Where the path is at path time `s`.
    pub(crate) fn q_at(&self, s: f64) -> JointVector {
        let mut q = self.course.q_at(s.max(0.0));
        if s < self.offset.end() {
            let off = self.offset.at(s)[0];
            for (q, off) in q.iter_mut().zip(off.iter()) {
                *q += off;
            }
        }
        q
    }

    /// The path time after `s` before which no point of the arm moves by more than `room` metres.
    pub(crate) fn after_moving(&self, mut s: f64, mut room: f64) -> f64 {
        let blended = self.offset.end();
        while s < self.end() {
            let (path, mut until) = if s < 0.0 { (0.0, 0.0) } else { self.profile.speed(s, self.end()) };
            let mut speed = path;
            if s < blended {
                speed += self.offset_speed;
                until = until.min(blended);
            }
            let speed = speed.max(1e-9);
            if room < (until - s) * speed {
                return s + room / speed;
            }
            room -= (until - s) * speed;
            s = until;
        }
        self.end()
    }

    /// What comes if it goes on towards the part `part` of the nominal pace for `coast` seconds, and stops then.
    fn ahead(&self, part: f64, coast: f64) -> Ahead<'_> {
        let pace = &self.pace;
        Ahead { pace, s: self.s, running: self.running, target: part * pace.nominal, coast }
    }

    /// Whether a stop that begins now ends before path time `last`, looked at in ticks of `period` seconds
    /// where that is not known.
    pub(crate) fn has_stop_before(&mut self, last: f64, period: f64) -> bool {
        if self.stop_end > last {
            let Some(end) = self.ahead(0.0, 0.0).end_before(last, period) else { return false };
            self.stop_end = end;
        }
        true
    }

    /// How long a stop that begins now takes, seconds, in ticks of `period`.
    pub(crate) fn stop_s(&self, period: f64) -> f64 {
        self.ahead(0.0, 0.0).seconds(period)
    }

    /// Moves on as [`Self::step`] if the stop from there, after it has gone on so for `coast` seconds, ends before path
    /// time `last`, looked at in ticks of `period` seconds; else not at all.
    pub(crate) fn step_if_it_stops(
        &mut self,
        part: f64,
        dt: f64,
        last: f64,
        (period, coast): (f64, f64),
    ) -> bool {
        let mut ahead = self.ahead(part, dt);
        ahead.step(dt);
        let (s, running) = (ahead.s, ahead.running);
        let ahead = Ahead { coast, ..ahead };
        let end = if coast > 0.0 {
            let Some((end, coming)) = Coming::end_before(&ahead, last, period) else { return false };
            // What was gone through is told, too.
            if coming.is_some() {
                self.coming.set(coming);
            }
            end
        } else {
            let Some(end) = ahead.end_before(last, period) else { return false };
            end
        };
        (self.s, self.running, self.stop_end, self.towards) = (s, running, end, part);
        true
    }

    /// Goes on towards the part of the pace that the last step led to for `coast` seconds, in ticks of `period`, and
    /// stops then; counted from `past` seconds after now. `told` is what is told of a place.
    pub(crate) fn ending(
        &self,
        (coast, past): (f64, f64),
        period: f64,
        told: impl Fn(Reference) -> (JointVector, JointVector),
    ) -> Ending {
        let ahead = self.ahead(self.towards, coast);
        // Where the path is makes no difference to its pace: while that stays the same, so does what comes of it.
        let known = self.coming.get().filter(|known| known.is_of(&ahead, past, period));
        let coming = known.unwrap_or_else(|| Coming::new(&ahead, past, period));
        self.coming.set(Some(coming));
        let [.., rest] = coming.places;
        let mut places = coming.places.into_iter();
        Ending::of(coast, coming.stop_s, |_| {
            let (s, running) = places.next().unwrap_or(rest);
            told(self.reference_at(self.s + s, running))
        })
    }

    /// Takes the pace away at once where that moves nothing: the path begins at rest.
    pub(crate) fn halt_unbegun(&mut self) {
        if self.is_unbegun() {
            self.running = Running { r: 0.0, rate: 0.0 };
        }
    }

    /// Whether the end is reached.
    pub(crate) fn at_end(&self) -> bool {
        self.s >= self.course.duration()
    }

    /// Whether the pace is zero and stays so.
    pub(crate) fn at_rest(&self) -> bool {
        self.running == Running { r: 0.0, rate: 0.0 }
    }

    /// 0 to 1.
    pub(crate) fn progress(&self) -> f64 {
        let begun = self.begun.max(-self.offset.over);
        let whole = self.course.duration() - begun;
        if whole > 0.0 { ((self.s - begun) / whole).clamp(0.0, 1.0) } else { 1.0 }
    }

    /// The part of the trajectory's own speed, 0 to 1.
    pub(crate) fn speed_factor(&self) -> f64 {
        self.running.r.clamp(0.0, 1.0)
    }

    /// Where the path is now, with its derivatives in time.
    pub(crate) fn reference(&self) -> Reference {
        self.reference_at(self.s, self.running)
    }

    fn reference_at(&self, s: f64, running: Running) -> Reference {
        if s >= self.end() && self.course.ends_at_rest {
            return Reference::at_rest(self.course.q_at(self.end()));
        }
        let [q, first, second] = self.derivatives_at(s);
        let Running { r, rate } = running;
        let n = q.len();
        Reference {
            q,
            dq: JointVector::from_fn(n, |i| first[i] * r),
            ddq: JointVector::from_fn(n, |i| second[i] * r * r + first[i] * rate),
        }
    }
}
