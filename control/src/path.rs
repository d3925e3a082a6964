//! A motion as the core runs it: the trajectory, its pace, and the blend onto its start.
//!
//! The trajectory's first point may lie up to `START_TOLERANCE` away from where the arm holds. The
//! path therefore begins `blend` seconds earlier, at s = −blend, with a quintic from rest to rest
//! (10 x³ − 15 x⁴ + 6 x⁵) that takes the offset away using at most half of every limit. The whole is
//! one twice differentiable path, so a stop works in the blend as anywhere else.

use crate::pace::{BLEND_SHARE, Pace, Running};
use crate::report::MotionId;
use types::{JointLimits, JointVector, Time, Trajectory};

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
    pub(crate) stamp: Time,
    pub(crate) pace: Pace,
    trajectory: Box<Trajectory>,
    running: Running,
    /// Path time, seconds; negative in the blend.
    s: f64,
    blend: f64,
    /// From the trajectory's start to where the arm held.
    offset: JointVector,
}

impl Job {
    pub(crate) fn new(id: MotionId, stamp: Time, trajectory: Box<Trajectory>, pace: Pace) -> Self {
        let n = trajectory.points()[0].q.len();
        Self {
            id,
            stamp,
            pace,
            trajectory,
            running: Running { r: 0.0, rate: 0.0 },
            s: 0.0,
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
        self.running = Running { r: slow * self.pace.nominal, rate: 0.0 };
    }

    /// Moves on by `dt` seconds towards the part `slow` of the nominal pace; zero stops.
    pub(crate) fn step(&mut self, slow: f64, dt: f64) {
        self.s += self.running.step(&self.pace, slow * self.pace.nominal, dt);
    }

    /// Takes the pace away at once where that moves nothing: the path begins at rest.
    pub(crate) fn halt_unbegun(&mut self) {
        if self.s <= -self.blend {
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
