//! What the arm does when it hears nothing more after this tick's command: for robots at the end of a line.

use crate::brake::Brake;
use crate::core::Core;
use crate::path::Reference;
use crate::servo::STOP;
use crate::state::{State, Way};
use types::Ending;

/// A stop is told for so long at least, seconds: who hears of it late still has some of it before them.
const SHORTEST_S: f64 = 0.1;

impl Core {
    /// How the arm comes to rest if it hears nothing after the command of the last tick: it goes on for
    /// [`Config::coast_s`](crate::Config::coast_s), and then stops as was verified before the command was given. What has no
    /// verified stop (a brake after a limit was left, or a loop that paused) goes on with the stop that it has; a joint that
    /// is proven, and an arm that lets go of a contact, go to the end of their way, a hair's breadth. `None` where coasting is
    /// nothing, and without power.
    ///
    /// # Real-time
    /// As [`Core::tick`](types::seams::Controller::tick): allocates nothing; bounded time.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        let (coast, period, limits) = (self.tuning.coast, self.tuning.period, self.arm.limits());
        if coast <= 0.0 || !self.last.enabled {
            return None;
        }
        // At the end of its range a joint stands.
        let told = |r: Reference| {
            let (mut q, mut dq) = (r.q, r.dq);
            for (i, l) in limits.iter().enumerate() {
                q[i] = r.q[i].clamp(l.lower, l.upper);
                if (r.q[i] > l.upper && dq[i] > 0.0) || (r.q[i] < l.lower && dq[i] < 0.0) {
                    dq[i] = 0.0;
                }
            }
            (q, dq)
        };
        // What comes to rest by itself `left` seconds from now.
        let by = |left: f64, at: &dyn Fn(f64) -> Reference| {
            Ending::of(coast, (left - coast).max(SHORTEST_S), |t| told(at(t)))
        };
        let braked = |brake: &Brake| by(brake.left(), &|t| brake.after(t));
        Some(match &self.state {
            // What has not begun may not begin.
            State::Follow(job) | State::Stopping(Way::Path(job), _) if !job.is_unbegun() => {
                let (stop_s, mut at) = job.ending(coast, period);
                Ending::of(coast, stop_s.max(SHORTEST_S), |t| told(at(t)))
            }
            State::Servo(servo) if servo.may_coast => {
                braked(&Brake::coasting(servo.next, limits, STOP, coast))
            }
            State::Servo(servo) => braked(&servo.stop),
            State::Stopping(Way::Brake(brake, _), _) => braked(brake),
            State::Stopping(Way::Ease(ease, _), _) => by(ease.left(), &|t| ease.after(t)),
            State::Proving(proof) => {
                let (left, at) = proof.ahead(limits);
                by(left, &at)
            }
            _ => Ending::at_rest(&self.last, coast, SHORTEST_S),
        })
    }
}
