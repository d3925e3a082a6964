//! A motion as the core runs it: the trajectory, its pace, and the blend onto its start.
//!
//! The trajectory's first point may lie up to `START_TOLERANCE` away from where the arm holds. The
//! path therefore begins `blend` seconds earlier, at s = −blend, with a quintic from rest to rest
//! (10 x³ − 15 x⁴ + 6 x⁵) that takes the offset away using at most half of every limit. The whole is
//! one twice differentiable path, so a stop works in the blend as anywhere else.

use crate::pace::{BLEND_SHARE, Pace, Running};
use crate::report::MotionId;
use types::{JointLimits, JointVector, Trajectory};

/// Greatest first, second and third derivative of the quintic from 0 to 1 over unit time.
const BLEND_PEAKS: [f64; 3] = [1.875, 5.773_502_691_896_258, 60.0];

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

/// A submitted trajectory with everything that running it needs; made and freed outside the core.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: MotionId,
    pub(crate) pace: Pace,
    trajectory: Box<Trajectory>,
    running: Running,
    /// Path time, seconds; negative in the blend.
    s: f64,
    /// Path time before which a stop from now on ends.
    stop_end: f64,
    blend: f64,
    /// From the trajectory's start to where the arm held.
    offset: JointVector,
    /// Bound on the speed of every point of the arm per cell of path time at pace one, m/s.
    speeds: [f64; SPEED_CELLS],
    /// The same per rad/s of each joint.
    reaches: JointVector,
}

/// Cells over the duration in which a bound on the arm's speed is kept.
const SPEED_CELLS: usize = 64;
/// What is still speeding up stops within this many times the way of a stop from the nominal pace.
const STILL_RISING: f64 = 1.5;
/// A stop that takes more ticks than this is none.
const MOST_STOP_TICKS: usize = 2000;

impl Job {
    /// `reaches`: how far the arm reaches from each joint's axis, metres.
    pub(crate) fn new(
        id: MotionId,
        trajectory: Box<Trajectory>,
        pace: Pace,
        reaches: &JointVector,
        limits: &[JointLimits],
    ) -> Self {
        let n = trajectory.points()[0].q.len();
        let speeds = speed_bounds(&trajectory, pace.nominal, reaches, limits);
        Self {
            speeds,
            reaches: *reaches,
            id,
            pace,
            trajectory,
            running: Running { r: 0.0, rate: 0.0 },
            s: 0.0,
            stop_end: 0.0,
            blend: 0.0,
            offset: JointVector::zeros(n),
        }
    }

    /// Where the trajectory begins.
    pub(crate) fn start(&self) -> &JointVector {
        &self.trajectory.points()[0].q
    }

    /// Begins at rest at `from`, at the part `slow` of the nominal pace.
    pub(crate) fn begin(&mut self, from: &JointVector, slow: f64, limits: &[JointLimits]) {
        let start = *self.start();
        self.offset = JointVector::from_fn(start.len(), |i| from[i] - start[i]);
        self.blend = 0.0;
        for (offset, l) in self.offset.iter().zip(limits) {
            let per = offset.abs() / BLEND_SHARE;
            self.blend = self
                .blend
                .max(BLEND_PEAKS[0] * per / l.velocity)
                .max(libm::sqrt(BLEND_PEAKS[1] * per / l.acceleration))
                .max(libm::cbrt(BLEND_PEAKS[2] * per / l.jerk));
        }
        self.s = -self.blend;
        self.stop_end = self.s;
        self.running = Running { r: slow * self.pace.nominal, rate: 0.0 };
    }

    /// Moves on by `dt` seconds towards the part `slow` of the nominal pace; zero stops.
    pub(crate) fn step(&mut self, slow: f64, dt: f64) {
        self.s += self.running.step(&self.pace, slow * self.pace.nominal, dt);
        if slow > 0.0 {
            self.stop_end = self.s + STILL_RISING * self.pace.longest_stop().s;
        }
    }

    /// Path time now.
    pub(crate) fn s(&self) -> f64 {
        self.s
    }

    /// Path time at the end.
    pub(crate) fn end(&self) -> f64 {
        self.trajectory.duration()
    }

    /// Whether the arm still stands at the beginning.
    pub(crate) fn is_unbegun(&self) -> bool {
        self.s <= -self.blend
    }

    /// Sets the part of the nominal pace at which it sets out; only while unbegun, where that moves
    /// nothing.
    pub(crate) fn set_out_at(&mut self, part: f64) {
        self.running = Running { r: part * self.pace.nominal, rate: 0.0 };
    }

    /// Where the path is at path time `s`.
    pub(crate) fn q_at(&self, s: f64) -> JointVector {
        let mut q = self.trajectory.sample(s.max(0.0)).q;
        if s < 0.0 && self.blend > 0.0 {
            let x = (-s / self.blend).min(1.0);
            let left = x * x * x * (10.0 + x * (-15.0 + 6.0 * x));
            for (q, offset) in q.iter_mut().zip(self.offset.iter()) {
                *q += offset * left;
            }
        }
        q
    }

    /// The path time after `s` before which no point of the arm moves by more than `room` metres.
    pub(crate) fn after_moving(&self, mut s: f64, mut room: f64) -> f64 {
        if s < 0.0 {
            let offset: f64 = self.offset.iter().zip(self.reaches.iter()).map(|(o, r)| o.abs() * r).sum();
            let speed = (BLEND_PEAKS[0] * offset / self.blend.max(1e-9)).max(1e-9);
            if room < -s * speed {
                return s + room / speed;
            }
            room += s * speed;
            s = 0.0;
        }
        let width = (self.end() / SPEED_CELLS as f64).max(1e-9);
        let first = (s / width).clamp(0.0, (SPEED_CELLS - 1) as f64) as usize;
        for (i, speed) in self.speeds.iter().enumerate().skip(first) {
            let left = width * (i + 1) as f64 - s;
            if room < left * speed {
                return s + room / speed;
            }
            room -= left * speed;
            s = width * (i + 1) as f64;
        }
        self.end()
    }

    /// Whether a stop that begins now ends before path time `last`, looked at in ticks of `period` seconds
    /// where that is not known.
    pub(crate) fn has_stop_before(&mut self, last: f64, period: f64) -> bool {
        if self.stop_end > last {
            let now = Ahead { pace: &self.pace, s: self.s, running: self.running };
            let Some(end) = now.stop_before(last, period) else { return false };
            self.stop_end = end;
        }
        true
    }

    /// How long a stop that begins now takes, seconds, in ticks of `period`.
    pub(crate) fn stop_s(&self, period: f64) -> f64 {
        let mut running = self.running;
        let mut n = 0;
        while running != (Running { r: 0.0, rate: 0.0 }) && n < MOST_STOP_TICKS {
            running.step(&self.pace, 0.0, period);
            n += 1;
        }
        period * n as f64
    }

    /// Moves on as [`Self::step`] if the stop from there ends before path time `last`, looked at in ticks of
    /// `period` seconds; else not at all.
    pub(crate) fn step_if_it_stops(&mut self, part: f64, dt: f64, last: f64, period: f64) -> bool {
        let mut ahead = Ahead { pace: &self.pace, s: self.s, running: self.running };
        ahead.s += ahead.running.step(&self.pace, part * self.pace.nominal, dt);
        let (s, running) = (ahead.s, ahead.running);
        let Some(end) = ahead.stop_before(last, period) else { return false };
        (self.s, self.running, self.stop_end) = (s, running, end);
        true
    }

    /// Takes the pace away at once where that moves nothing: the path begins at rest.
    pub(crate) fn halt_unbegun(&mut self) {
        if self.is_unbegun() {
            self.running = Running { r: 0.0, rate: 0.0 };
        }
    }

    /// Whether the end is reached.
    pub(crate) fn at_end(&self) -> bool {
        self.s >= self.trajectory.duration()
    }

    /// Whether the pace is zero and stays so.
    pub(crate) fn at_rest(&self) -> bool {
        self.running == Running { r: 0.0, rate: 0.0 }
    }

    /// 0 to 1.
    pub(crate) fn progress(&self) -> f64 {
        let whole = self.blend + self.trajectory.duration();
        if whole > 0.0 { ((self.s + self.blend) / whole).clamp(0.0, 1.0) } else { 1.0 }
    }

    /// The part of the trajectory's own speed, 0 to 1.
    pub(crate) fn speed_factor(&self) -> f64 {
        self.running.r.clamp(0.0, 1.0)
    }

    /// Where the path is now, with its derivatives in time.
    pub(crate) fn reference(&self) -> Reference {
        let p = self.trajectory.sample(self.s.max(0.0));
        let (r, rate) = (self.running.r, self.running.rate);
        if self.at_end() {
            return Reference::at_rest(p.q);
        }
        let n = p.q.len();
        if self.s < 0.0 && self.blend > 0.0 {
            // The offset that is left, counted from the trajectory's start backwards.
            let x = -self.s / self.blend;
            let left = x * x * x * (10.0 + x * (-15.0 + 6.0 * x));
            let first = -30.0 * x * x * (1.0 + x * (-2.0 + x)) / self.blend;
            let second = 60.0 * x * (1.0 + x * (-3.0 + 2.0 * x)) / (self.blend * self.blend);
            return Reference {
                q: JointVector::from_fn(n, |i| p.q[i] + self.offset[i] * left),
                dq: JointVector::from_fn(n, |i| self.offset[i] * first * r),
                ddq: JointVector::from_fn(n, |i| self.offset[i] * (second * r * r + first * rate)),
            };
        }
        Reference {
            q: p.q,
            dq: JointVector::from_fn(n, |i| p.dq[i] * r),
            ddq: JointVector::from_fn(n, |i| p.ddq[i] * r * r + p.dq[i] * rate),
        }
    }
}

/// A state of a motion that may come.
struct Ahead<'a> {
    pace: &'a Pace,
    s: f64,
    running: Running,
}

impl Ahead<'_> {
    /// Where a stop from here ends, or a bound of it, in ticks of `dt` seconds; `None` when that is beyond
    /// path time `last`.
    fn stop_before(mut self, last: f64, dt: f64) -> Option<f64> {
        // Far away that needs no looking.
        let bound = self.s + STILL_RISING * self.pace.longest_stop().s;
        if bound <= last {
            return Some(bound);
        }
        for _ in 0..MOST_STOP_TICKS {
            if self.s > last {
                return None;
            }
            if self.running == (Running { r: 0.0, rate: 0.0 }) {
                return Some(self.s);
            }
            self.s += self.running.step(self.pace, 0.0, dt);
        }
        None
    }
}

/// Per cell of path time, a bound on how fast any point of the arm moves at pace one: the sum of the
/// joints' speeds times their reaches, at samples, and what the acceleration can add between two.
fn speed_bounds(
    trajectory: &Trajectory,
    nominal: f64,
    reaches: &JointVector,
    limits: &[JointLimits],
) -> [f64; SPEED_CELLS] {
    let width = trajectory.duration() / SPEED_CELLS as f64;
    let n = libm::ceil(width / 0.002).clamp(4.0, 1000.0);
    let gain: f64 = limits.iter().zip(reaches.iter()).map(|(l, r)| l.acceleration * r).sum();
    let between = 0.5 * (width / n) * gain / (nominal * nominal);
    core::array::from_fn(|cell| {
        let mut most = 0.0_f64;
        for i in 0..=n as usize {
            let p = trajectory.sample(width * (cell as f64 + i as f64 / n));
            most = most.max(p.dq.iter().zip(reaches.iter()).map(|(v, r)| v.abs() * r).sum());
        }
        (most + between).max(1e-9)
    })
}
