//! What the arm does when it hears nothing more after this tick's command: for robots at the end of a line.
#![forbid(unsafe_code)]

use crate::brake::Brake;
use crate::core::Core;
use crate::path::Reference;
use crate::state::{State, Way};
use crate::stride::stride;
use types::Ending;

/// A stop is told for so long at least, seconds: who hears of it late still has some of it before them.
pub(crate) const SHORTEST_S: f64 = 0.1;

impl Core {
    /// How the arm comes to rest if it hears nothing after the command of the last tick: it goes on for
    /// [`Config::coast_s`](crate::Config::coast_s), and then stops as was verified before the command was given. What has no
    /// verified stop (a brake after a limit was left, or a loop that paused) goes on with the stop that it has; a joint that
    /// is proven, and an arm that lets go of a contact, go to the end of their way, a hair's breadth.
    ///
    /// With the command that takes the power from a motion it is the same stop, at once: for robots without power that
    /// could be taken. `None` with every other command without power, and where coasting is nothing.
    ///
    /// # Real-time
    /// As [`Core::tick`](types::seams::Controller::tick): allocates nothing; bounded time.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        match self.tuning.coast {
            0.0 => None,
            coast if self.last.enabled => Some(self.rests(coast, 0.0)),
            _ => self.parting,
        }
    }

    /// Keeps the stop of what moves now, before its power goes. An arm that is not seen, or seen elsewhere (F24), comes to
    /// rest on what it was told last.
    pub(crate) fn part(&mut self) {
        let moves = matches!(
            self.state,
            State::Proving(_) | State::Follow(_) | State::Servo(_) | State::Stopping(..)
        );
        let is_there = self.estimate.is_fresh()
            && self.estimate.q.max_abs_diff(&self.reference.q) <= self.tuning.following_error;
        if self.tuning.coast > 0.0 && moves && is_there {
            self.parting = Some(self.rests(0.0, self.dt));
        }
    }

    /// Goes on for `coast` seconds and comes to rest; counted from `past` seconds after the last tick.
    fn rests(&self, coast: f64, past: f64) -> Ending {
        let (stride, limits) = (stride(self.tuning.period), self.arm.limits());
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
        let of = |stop_s: f64, at: &mut dyn FnMut(f64) -> Reference| {
            Ending::of(coast, stop_s.max(SHORTEST_S), |t| told(at(t + past)))
        };
        // What comes to rest by itself `left` seconds from now.
        let braked = |brake: &Brake| of(brake.left() - coast, &mut |t| brake.after(t));
        match &self.state {
            // What has not begun may not begin.
            State::Follow(job) | State::Stopping(Way::Path(job), _) if !job.is_unbegun() => {
                job.ending((coast, past), stride, told)
            }
            State::Servo(servo) => match &servo.late {
                Some(late) if coast > 0.0 => braked(late),
                _ => braked(&servo.stop),
            },
            State::Stopping(Way::Brake(brake, _), _) => braked(brake),
            State::Stopping(Way::Ease(ease, _), _) => of(ease.left() - coast, &mut |t| ease.after(t)),
            State::Proving(proof) => {
                let (left, at) = proof.ahead(limits);
                of(left - coast, &mut |t| at(t))
            }
            _ => Ending::at_rest(&self.last, coast, SHORTEST_S),
        }
    }
}
