//! Looking and reading: cameras through the model into the tracked scene; sentences through the model
//! into the closed set of meanings.

use crate::log::Log;
use core::time::Duration;
use perception::health::{CameraWatch, Config as WatchConfig};
use perception::tracker::Tracker;
use std::sync::atomic::AtomicBool;
use types::language::Utterance;
use types::seams::{Budget, Camera, ModelError, Shift, VisionLanguageModel, Wording};
use types::{Detection, Fault, Image, ObjectId, Offer, Scene, Time};

/// How often a model that answers nothing usable is asked (F45).
const TRIES: usize = 3;

/// A camera's trouble: the row, a sentence, and whether it is certain or only suspected yet.
pub(crate) type Blink = (Fault, String, bool);

/// Tells the robot's time.
pub(crate) type Clock = dyn Fn() -> Time;

/// The model, the tracker, and a watch over each camera.
pub(crate) struct Eyes {
    model: Box<dyn VisionLanguageModel>,
    tracker: Tracker,
    watches: Vec<CameraWatch>,
    pictures: u32,
    limit: Duration,
    cancel: AtomicBool,
    /// The newest picture of each camera with what the model saw in it.
    pub(crate) seen: Vec<(Image, Vec<Detection>)>,
    /// Wall time of each answer to a picture, seconds.
    pub(crate) look_times: Vec<f64>,
    /// Wall time that the cameras and the model took in all, seconds.
    pub(crate) seeing_s: f64,
}

impl Eyes {
    pub(crate) fn new(
        model: Box<dyn VisionLanguageModel>,
        tracker: Tracker,
        pictures: u32,
        limit: Duration,
    ) -> Self {
        Self {
            model,
            tracker,
            watches: Vec::new(),
            pictures,
            limit,
            cancel: AtomicBool::new(false),
            seen: Vec::new(),
            look_times: Vec::new(),
            seeing_s: 0.0,
        }
    }

    /// What is believed now.
    pub(crate) fn scene(&self, now: Time) -> Scene {
        self.tracker.scene(now)
    }

    pub(crate) fn set_held(&mut self, held: Option<ObjectId>) {
        self.tracker.set_held(held);
    }

    /// The hand opened: what it held should now be at `to`, world, metres.
    pub(crate) fn put_down(&mut self, object: ObjectId, to: nalgebra::Point3<f64>) {
        self.tracker.expect_moved(object, to);
    }

    /// Takes a picture with the fixed camera, which no model is shown; `None` without a camera.
    pub(crate) fn glance(
        &mut self,
        cameras: &mut [Box<dyn Camera>],
        clock: &Clock,
    ) -> Result<Option<Image>, Blink> {
        cameras.first_mut().map(|camera| self.watched(0, camera.as_mut(), clock)).transpose()
    }

    fn watched(&mut self, idx: usize, camera: &mut dyn Camera, clock: &Clock) -> Result<Image, Blink> {
        while self.watches.len() <= idx {
            // The fixed camera comes first; the others ride on the arm.
            let fixed = self.watches.is_empty();
            self.watches
                .push(CameraWatch::new(camera.name(), WatchConfig { fixed, ..WatchConfig::default() }));
        }
        let identity = camera.identity();
        let asked = clock();
        let begun = std::time::Instant::now();
        let taken = camera.take();
        self.seeing_s += begun.elapsed().as_secs_f64();
        let verdict = self.watches[idx].judge(taken.as_ref(), &identity, asked, clock());
        match (verdict.alarm, taken) {
            (Some(alarm), _) => Err((alarm.fault, alarm.text, true)),
            (None, Ok(image)) if verdict.usable => Ok(image),
            (None, taken) => {
                let doubt = verdict.doubt.map(|d| (d.fault, d.text));
                let (fault, said) = doubt.unwrap_or_else(|| {
                    let said = taken.err().map_or_else(|| "a doubtful picture".into(), |e| e.to_string());
                    (Fault::F10CameraBlind, said)
                });
                Err((fault, said, false))
            }
        }
    }

    /// Pictures of every camera, through the model, into the tracked scene.
    pub(crate) fn look(
        &mut self,
        at: &str,
        cameras: &mut [Box<dyn Camera>],
        clock: &Clock,
        log: &mut Log,
    ) -> Result<(), (Fault, String)> {
        log.detail("perception", "phase", format!("looking {at}"));
        let mut seen = Vec::new();
        for (idx, camera) in cameras.iter_mut().enumerate() {
            let mut newest = None;
            for _ in 0..self.pictures {
                let image = match self.watched(idx, camera.as_mut(), clock) {
                    Ok(image) => image,
                    // The table can be seen by the fixed camera alone.
                    Err((fault, said, _)) if idx > 0 => {
                        log.fault("perception", fault, said);
                        break;
                    }
                    Err((fault, said, _)) => return Err((fault, said)),
                };
                let detected = self.detect(&image);
                self.note_calls(log);
                let detections = detected.map_err(|why| (Fault::F45ModelGarbage, why))?;
                self.tracker.update(&image, &detections);
                newest = Some((image, detections));
            }
            seen.extend(newest);
        }
        self.seen = seen;
        let scene = self.scene(clock());
        let words: Vec<String> = scene.objects.iter().map(|o| format!("a {}", o.describe())).collect();
        let said = if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
        log.info("perception", "detections", format!("looking {at}: I see {said}"));
        for o in &scene.objects {
            let p = o.position;
            log.detail(
                "perception",
                "object",
                format!("{} {} at ({:.3}, {:.3}, {:.3}) m", o.id.0, o.describe(), p.x, p.y, p.z),
            );
        }
        Ok(())
    }

    /// Every call of a language model leaves an event, and every change of who answers.
    fn note_calls(&mut self, log: &mut Log) {
        for shift in self.model.take_shifts() {
            match shift {
                Shift::Fell { model, why, instead } => {
                    let instead = instead.map_or_else(|| "nobody".to_owned(), |m| format!("{m} instead"));
                    let said = format!("degraded: {model} has no answer ({why}); it is given by {instead}");
                    log.fault("perception", Fault::F46ModelLost, said);
                }
                Shift::Back { model } => log.info("perception", "back", format!("{model} answers again")),
            }
        }
        for call in self.model.take_calls() {
            log.detail("perception", "model-call", serde_json::to_string(&call).unwrap_or_default());
        }
    }

    /// What the model sees in one picture.
    pub(crate) fn detect(&mut self, image: &Image) -> Result<Vec<Detection>, String> {
        let mut why = String::new();
        for _ in 0..TRIES {
            let begun = std::time::Instant::now();
            let budget = Budget { limit: self.limit, cancel: &self.cancel };
            let answered = self.model.answer(Some(image), "", budget);
            let took = begun.elapsed();
            self.seeing_s += took.as_secs_f64();
            match answered {
                Ok(answer) if took <= self.limit => {
                    self.look_times.push(took.as_secs_f64());
                    return Ok(answer.detections);
                }
                Ok(_) => why = ModelError::Timeout(self.limit).to_string(),
                Err(e) => why = e.to_string(),
            }
        }
        Err(format!("after {TRIES} tries: {why}"))
    }

    /// Other words for the person, where the model has some that say no more than it was handed.
    pub(crate) fn word(&mut self, wording: &Wording, log: &mut Log) -> Option<String> {
        let budget = Budget { limit: self.limit, cancel: &self.cancel };
        let said = self.model.word(wording, budget);
        self.note_calls(log);
        said.unwrap_or_else(|why| {
            log.detail("perception", "wording", format!("the built-in words stand: {why}"));
            None
        })
    }

    /// From now on the model may propose these tasks and no others.
    pub(crate) fn offer(&mut self, offer: &Offer) {
        self.model.offer(offer);
    }

    /// What the model makes of a sentence; what is unusable after a bounded number of tries becomes a
    /// question to the person (F45).
    pub(crate) fn read(&mut self, sentence: &str, log: &mut Log) -> Utterance {
        for _ in 0..TRIES {
            let budget = Budget { limit: self.limit, cancel: &self.cancel };
            let begun = std::time::Instant::now();
            let answer = self.model.answer(None, sentence, budget);
            let late = begun.elapsed() > self.limit;
            self.note_calls(log);
            match answer.and_then(|a| if late { Err(ModelError::Timeout(self.limit)) } else { Ok(a) }) {
                Ok(answer) => {
                    log.detail("perception", "reading", format!("confidence {:.3}", answer.confidence));
                    return answer.utterance;
                }
                Err(e) => log.fault("perception", Fault::F45ModelGarbage, e.to_string()),
            }
        }
        Utterance::Unclear(format!("my model gave no usable answer in {TRIES} tries; please say it again"))
    }
}
