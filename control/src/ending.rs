//! What the arm does when it hears nothing more after this tick's command: for robots at the end of a line.

use crate::brake::Brake;
use crate::core::Core;
use crate::path::Reference;
use crate::servo::STOP;
use crate::state::{State, WALL_SHARE, Way};
use types::{Ending, JointVector};

/// A stop is told for so long at least, seconds: who hears of it late still has some of it before them.
const SHORTEST_S: f64 = 0.1;

impl Core {
    /// How the arm comes to rest if it hears nothing after the command of the last tick: it goes on for
    /// [`Config::coast_s`](crate::Config::coast_s), and then stops as was verified before the command was given. `None` where
    /// that is nothing, and without power.
    ///
    /// # Real-time
    /// As [`Core::tick`](types::seams::Controller::tick): allocates nothing; bounded time.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        let (coast, period, limits) = (self.tuning.coast, self.tuning.period, self.arm.limits());
        if coast <= 0.0 || !self.last.enabled {
            return None;
        }
        let told = |r: Reference| {
            let q = JointVector::from_fn(r.q.len(), |i| r.q[i].clamp(limits[i].lower, limits[i].upper));
            (q, r.dq)
        };
        let by = |brake: Brake| {
            Ending::of(coast, (brake.left() - coast).max(SHORTEST_S), |t| told(brake.after(t)))
        };
        Some(match &self.state {
            // What has not begun may not begin.
            State::Follow(job) | State::Stopping(Way::Path(job), _) if !job.is_unbegun() => {
                let (stop_s, mut at) = job.ending(coast, period);
                Ending::of(coast, stop_s.max(SHORTEST_S), |t| told(at(t)))
            }
            State::Servo(servo) if servo.may_coast => by(Brake::coasting(servo.next, limits, STOP, coast)),
            State::Servo(servo) => by(servo.stop),
            State::Stopping(Way::Brake(brake, _), _) => by(*brake),
            // Of these a hair's breadth is passed.
            State::Proving(_) | State::Stopping(Way::Ease(..), _) => {
                by(Brake::coasting(self.reference, limits, WALL_SHARE, coast))
            }
            _ => Ending::at_rest(&self.last, coast, SHORTEST_S),
        })
    }
}
