//! Looking at the table, and what the arm does while cameras or models fail: it stands still and gives them time.

use super::Mission;
use super::follow::Trouble;
use types::Fault;

/// How long a camera may take to come back, seconds.
const PATIENCE_S: f64 = 3.0;
/// How often a look waits for a camera that failed.
const WAITS: usize = 2;
/// How often models of which none has an answer are asked again, and after how long, seconds.
const HOLDS: usize = 3;
const HOLD_S: f64 = 1.0;

/// What a look may still wait for.
struct Patience {
    waits: usize,
    holds: usize,
}

/// What a look that failed does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    WaitForCameras,
    HoldForModels,
    GiveUp,
}

impl Patience {
    const NEW: Self = Self { waits: WAITS, holds: HOLDS };

    /// Every fault has a patience of its own, in whatever order they come.
    fn after(&mut self, fault: Fault) -> Next {
        let is_models = matches!(fault, Fault::F45ModelGarbage | Fault::F46ModelLost);
        let (left, next) = if is_models {
            (&mut self.holds, Next::HoldForModels)
        } else {
            (&mut self.waits, Next::WaitForCameras)
        };
        match left.checked_sub(1) {
            Some(rest) => {
                *left = rest;
                next
            }
            None => Next::GiveUp,
        }
    }
}

impl Mission {
    /// Looks with the fixed camera. When that has failed, the arm stops, and is not where it was to be.
    pub(super) fn watch_or_wait(&mut self) -> Result<(), Trouble> {
        match self.watch_cameras()? {
            None => Ok(()),
            Some(trouble) => {
                self.stop()?;
                self.wait_for_cameras(trouble)?;
                Err(Trouble::Missed("a camera failed and came back".into()))
            }
        }
    }

    /// Takes a picture with the fixed camera and looks who has come; slower while it is doubtful, `Some` when it
    /// failed.
    pub(super) fn watch_cameras(&mut self) -> Result<Option<(Fault, String)>, Trouble> {
        let clock = self.body.clock();
        self.note_state();
        let glanced = self.eyes.glance(self.body.cameras(), &clock);
        // A picture may have been waited for while the arm went on.
        self.note_state();
        match glanced {
            Ok(image) => {
                self.body.reins().slow(1.0);
                if let Some(image) = image {
                    self.see_who_comes(&image)?;
                }
                Ok(None)
            }
            Err((fault, said, is_certain)) => {
                self.body.reins().slow(0.3);
                if is_certain {
                    self.log.fault("perception", fault, &said);
                    return Ok(Some((fault, said)));
                }
                Ok(None)
            }
        }
    }

    /// At rest: gives a failed camera some seconds to come back as the one it was.
    pub(super) fn wait_for_cameras(&mut self, (fault, said): (Fault, String)) -> Result<(), Trouble> {
        let since = self.now();
        let mut good = 0;
        while self.now().secs_since(since) < PATIENCE_S {
            for _ in 0..9 {
                self.slice()?;
            }
            let clock = self.body.clock();
            match self.eyes.glance(self.body.cameras(), &clock) {
                Ok(_) => good += 1,
                Err(_) => good = 0,
            }
            if good >= 3 {
                self.body.reins().slow(1.0);
                self.log.info("perception", "camera", "the camera is back");
                return Ok(());
            }
        }
        Err(Trouble::Camera(format!("{}: {said}; the arm stands still", fault.id())))
    }

    /// Looks at the table: pictures of every camera, through the model, into the tracked scene.
    pub(super) fn look(&mut self, at: &str) -> Result<(), Trouble> {
        for _ in 0..2 {
            self.slice()?;
        }
        let mut patience = Patience::NEW;
        loop {
            let clock = self.body.clock();
            let seen = self.eyes.look(at, self.body.cameras(), &clock, &mut self.log);
            // The arm is known to be where it was in the pictures if it still is there after them.
            self.note_state();
            let (fault, said) = match seen {
                Ok(scene) => {
                    self.body.show(&scene);
                    return self.learn_surroundings();
                }
                Err(trouble) => trouble,
            };
            self.check_interrupts()?;
            self.log.fault("perception", fault, &said);
            match patience.after(fault) {
                Next::WaitForCameras => self.wait_for_cameras((fault, said))?,
                Next::HoldForModels => self.hold()?,
                Next::GiveUp => {
                    return Err(Trouble::Camera(format!("{}: {said}; the arm stands still", fault.id())));
                }
            }
        }
    }

    /// No model has an answer (F46): the arm holds, before they are asked again.
    fn hold(&mut self) -> Result<(), Trouble> {
        let since = self.now();
        while self.now().secs_since(since) < HOLD_S {
            self.slice()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_waits_for_cameras_and_holds_for_models_in_whatever_order_they_fail_and_not_for_ever() {
        let (camera, model) = (Fault::F10CameraBlind, Fault::F45ModelGarbage);
        let next = |faults: &[Fault]| -> Vec<Next> {
            let mut patience = Patience::NEW;
            faults.iter().map(|f| patience.after(*f)).collect()
        };
        assert_eq!(
            next(&[camera, model, camera, model, model, model]),
            [
                Next::WaitForCameras,
                Next::HoldForModels,
                Next::WaitForCameras,
                Next::HoldForModels,
                Next::HoldForModels,
                Next::GiveUp
            ]
        );
        assert_eq!(next(&[camera; WAITS + 1]).last(), Some(&Next::GiveUp));
        assert_eq!(next(&[model; HOLDS + 1]).last(), Some(&Next::GiveUp));
    }
}
