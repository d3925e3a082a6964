//! Ctrl-C: to rest, and away from people.

use super::follow::{SLICE, Trouble, WATCH};
use super::{Ending, Mission};
use crate::exit::Exit;
use control::Mode;
use planner::ClearOf;
use types::Trajectory;

impl Mission {
    /// Ctrl-C: stop, then park slowly if nothing is latched and the way is clear; a second one holds.
    pub(super) fn park(&mut self) -> Ending {
        self.log.warn("run", "interrupted", "stopping; press Ctrl-C again to hold here");
        let ended = |said: &str| Ending::new(Exit::Interrupted, said);
        if let Err(why) = self.stop() {
            return ended(&format!("interrupted; {why}"));
        }
        if self.motions == 0 {
            return ended("interrupted; the arm has not moved");
        }
        if matches!(self.body.status().mode, Mode::Fault { .. } | Mode::Disarmed) {
            return ended("interrupted; a fault is latched: the arm stays where it is");
        }
        let scene = self.eyes.scene(self.now());
        let Ok(mut state) = self.state() else { return ended("interrupted; the arm holds") };
        state.q = self.body.status().command.q;
        let held = self.held.clone();
        let way = self.plan_motion(|m| m.clear_to_park(&state, &scene, held.as_ref()));
        let moves = match way {
            Ok(moves) => moves,
            Err(why) => return ended(&format!("interrupted; the arm holds where it is: {why}")),
        };
        let seconds: f64 = moves.iter().map(|(trajectory, _)| trajectory.duration()).sum();
        self.log.info("run", "parking", format!("the way is clear; parking slowly, {seconds:.1} s"));
        for (trajectory, clear_of) in moves {
            match self.follow_to_park(trajectory, clear_of) {
                Ok(true) => {}
                Ok(false) => return ended("interrupted twice; the arm holds where it is"),
                Err(why) => return ended(&format!("interrupted; the arm holds where it is: {why}")),
            }
        }
        ended("interrupted; the arm is parked")
    }

    /// A camera that fails now leaves the arm where it is.
    fn watch_for_park(&mut self) -> Result<(), Trouble> {
        match self.watch_cameras()? {
            None => Ok(()),
            Some((fault, said)) => {
                self.stop()?;
                Err(Trouble::Camera(format!("{}: {said}", fault.id())))
            }
        }
    }

    fn follow_to_park(&mut self, trajectory: Trajectory, clear_of: ClearOf) -> Result<bool, Trouble> {
        let pressed = self.body.interrupts();
        let now = self.now();
        let limit = 3.0 * trajectory.duration() + 5.0;
        self.plan_surroundings(&trajectory, clear_of);
        // Who has come since is kept clear of here as well.
        let mut watched = now;
        self.watch_for_park()?;
        self.tell_world()?;
        let id = self.order(control::Motion::Follow(Box::new(trajectory)))?;
        let started = now;
        loop {
            let now = self.now();
            self.keep_alive(now);
            self.tell_world()?;
            self.body.advance(SLICE)?;
            let now = self.now();
            self.log.set_now(now);
            self.note_state();
            if now.since(watched) >= WATCH {
                watched = now;
                self.watch_for_park()?;
            }
            if self.is_finished(Some(id))? {
                return Ok(true);
            }
            if self.body.interrupts() > pressed {
                self.stop()?;
                return Ok(false);
            }
            if self.now().secs_since(started) > limit {
                self.stop()?;
                return Err(Trouble::Stopped("parking did not come to its end".into()));
            }
        }
    }
}
