//! Proof, before anything else moves, that every encoder tells what its own motor does (F15).
//!
//! One joint after the other is led out by a third of a degree and back, away from the nearer end of its range.
//! Out there the encoders must say that this joint is where it was told to be, and the others where they were. An
//! encoder that counts backwards, or that is plugged in for another, says otherwise; so does a feedback with the
//! wrong sign, which drives a joint away from where it is held. An arm that is measured a third of a degree from
//! where it is led loses its power at once: nothing had begun.

use crate::path::Reference;
use crate::smooth;
use types::{JointLimits, JointVector};

/// How far a joint is led out: rad (0.3 degrees), or twice as many metres as a radian of it would move a tool half
/// a metre away.
const OUT: f64 = 0.005_2;
/// How far any joint may be measured from where it is led: rad (m).
const FARTHEST: f64 = 0.006;
/// The part of the way by which a joint may be off.
const OFF: f64 = 0.5;
/// Shortest way out, seconds; the part of acceleration and jerk limits that it may use.
const WAY_S: f64 = 0.08;
const SHARE: f64 = 0.5;
/// Standing before the first joint, and out there before it is judged, seconds.
const SETTLE_S: f64 = 0.05;

/// What an encoder says that cannot be right.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Wrong {
    pub(crate) joint: usize,
    /// By how much it was led out, and by how much it is said to have moved: rad (m).
    pub(crate) asked: f64,
    pub(crate) moved: f64,
}

/// Where the proof stands.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Proof {
    start: JointVector,
    joint: usize,
    /// Seconds into this joint's turn; negative before the first.
    t: f64,
    /// Where the joints were measured before this turn.
    before: Option<JointVector>,
    is_judged: bool,
}

impl Proof {
    /// From standing at `start`.
    pub(crate) fn new(start: JointVector) -> Self {
        Self { start, joint: 0, t: -SETTLE_S, before: None, is_judged: false }
    }

    /// Whether every joint had its turn.
    pub(crate) fn is_complete(&self) -> bool {
        self.joint >= self.start.len()
    }

    /// Seconds for the way out.
    fn way_s(limits: &JointLimits) -> f64 {
        WAY_S.max(smooth::seconds(OUT, limits, SHARE))
    }

    /// How far the joint whose turn it is shall be led out, away from the nearer end of its range.
    fn asked(&self, limits: &[JointLimits]) -> f64 {
        let (q, l) = (self.start[self.joint], &limits[self.joint]);
        if l.upper - q >= q - l.lower { OUT } else { -OUT }
    }

    /// Takes in where the joints are measured to be, and where they were led; says which encoder cannot be right.
    pub(crate) fn judge(
        &mut self,
        q: &JointVector,
        reference: &JointVector,
        limits: &[JointLimits],
    ) -> Result<(), Wrong> {
        if self.is_complete() {
            return Ok(());
        }
        let asked = self.asked(limits);
        let led = |i: usize| if i == self.joint { asked } else { 0.0 };
        for i in 0..q.len() {
            if (q[i] - reference[i]).abs() > FARTHEST {
                let (asked, moved) = (reference[i] - self.start[i], q[i] - self.start[i]);
                return Err(Wrong { joint: i, asked, moved });
            }
        }
        let before = *self.before.get_or_insert(*q);
        if !self.is_judged && self.t >= Self::way_s(&limits[self.joint]) + SETTLE_S {
            for i in 0..q.len() {
                let moved = q[i] - before[i];
                if (moved - led(i)).abs() > OFF * OUT {
                    return Err(Wrong { joint: i, asked: led(i), moved });
                }
            }
            self.is_judged = true;
        }
        Ok(())
    }

    /// Moves on by `dt` seconds; the joint stays out until it was judged.
    pub(crate) fn step(&mut self, dt: f64, limits: &[JointLimits]) -> Reference {
        let mut next = Reference::at_rest(self.start);
        if self.is_complete() {
            return next;
        }
        let way = Self::way_s(&limits[self.joint]);
        let (out, back) = (way + SETTLE_S, 2.0 * way + SETTLE_S);
        self.t += dt;
        if !self.is_judged {
            self.t = self.t.min(out);
        }
        if self.t >= back {
            // The next one's turn begins with where this one came to rest.
            (self.joint, self.t, self.before, self.is_judged) = (self.joint + 1, 0.0, None, false);
            return next;
        }
        let (x, sign) = if self.t < out { (self.t / way, 1.0) } else { ((back - self.t) / way, -1.0) };
        let [y, dy, ddy] = smooth::step(x.clamp(0.0, 1.0));
        let (j, by) = (self.joint, self.asked(limits));
        next.q[j] += by * y;
        next.dq[j] = sign * by * dy / way;
        next.ddq[j] = by * ddy / (way * way);
        next
    }
}
