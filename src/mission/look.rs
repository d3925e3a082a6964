//! Looking at the table, and what the arm does while cameras or models fail: it stands still and gives them time.

use super::Mission;
use super::follow::Trouble;
use types::Fault;

/// How long a camera may take to come back, seconds.
const PATIENCE_S: f64 = 3.0;
/// How often models of which none has an answer are asked again, and after how long, seconds.
const HOLDS: usize = 3;
const HOLD_S: f64 = 1.0;

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
        match self.eyes.glance(self.body.cameras(), &clock) {
            Ok(image) => {
                self.body.control().slow(1.0);
                if let Some(image) = image {
                    self.see_who_comes(&image)?;
                }
                Ok(None)
            }
            Err((fault, said, is_certain)) => {
                self.body.control().slow(0.3);
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
                self.body.control().slow(1.0);
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
        let clock = self.body.clock();
        if let Err((fault, said)) = self.eyes.look(at, self.body.cameras(), &clock, &mut self.log) {
            self.log.fault("perception", fault, &said);
            if fault == Fault::F45ModelGarbage {
                return self.hold_for_a_model(at, said);
            }
            self.wait_for_cameras((fault, said))?;
            if let Err((fault, said)) = self.eyes.look(at, self.body.cameras(), &clock, &mut self.log) {
                return Err(Trouble::Camera(format!("{}: {said}; the arm stands still", fault.id())));
            }
        }
        self.learn_surroundings()
    }

    /// No model has an answer (F46): the arm holds, and they are asked again a few times.
    fn hold_for_a_model(&mut self, at: &str, mut said: String) -> Result<(), Trouble> {
        for _ in 0..HOLDS {
            let since = self.now();
            while self.now().secs_since(since) < HOLD_S {
                self.slice()?;
            }
            let clock = self.body.clock();
            match self.eyes.look(at, self.body.cameras(), &clock, &mut self.log) {
                Ok(()) => return self.learn_surroundings(),
                Err((fault, why)) => {
                    self.log.fault("perception", fault, &why);
                    said = format!("{}: {why}", fault.id());
                }
            }
        }
        Err(Trouble::Camera(format!("{said}; the arm stands still")))
    }
}
