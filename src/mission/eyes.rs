//! Looking and reading: cameras through the model into the tracked scene; sentences through the model
//! into the closed set of meanings.

use crate::log::Log;
use crate::recording::{Put, Tape};
use core::time::Duration;
use perception::health::{CameraWatch, Config as WatchConfig};
use perception::tracker::Tracker;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use types::language::Utterance;
use types::seams::{
    Budget, Camera, CameraError, Judgement, ModelCall, ModelError, Shift, VisionLanguageModel, Wording,
};
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
    /// The newest picture of each camera with what the model saw in it.
    pub(crate) seen: Vec<(Image, Vec<Detection>)>,
    /// Wall time of each answer to a picture, seconds.
    pub(crate) look_times: Vec<f64>,
    /// Wall time that the cameras and the model took in all, seconds.
    pub(crate) seeing_s: f64,
    tape: Tape,
    /// Calls of language models that the log has not told of.
    calls: Vec<ModelCall>,
    /// What those that it has told of took.
    pub(crate) spent: Spent,
}

/// What answers of language models took.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Spent {
    pub(crate) calls: u64,
    /// Of prompts and of answers.
    pub(crate) tokens: [u64; 2],
    /// In the currency of the price list, or of the configuration.
    pub(crate) cost: f64,
}

/// One question to a model.
struct Question<'a> {
    role: &'static str,
    sentence: &'a str,
    image: Option<&'a Image>,
    /// The picture from before, where it is about what came of something.
    before: Option<&'a Image>,
}

/// What is noted of a picture that was taken.
#[derive(Default, Serialize, Deserialize)]
struct Shot {
    stamp: Time,
    sequence: u64,
    has_depth: bool,
    /// Whether it is in the recording.
    is_recorded: bool,
}

impl Eyes {
    pub(crate) fn new(
        model: Box<dyn VisionLanguageModel>,
        tracker: Tracker,
        pictures: u32,
        limit: Duration,
        tape: Tape,
    ) -> Self {
        Self {
            model,
            tracker,
            watches: Vec::new(),
            pictures,
            limit,
            seen: Vec::new(),
            look_times: Vec::new(),
            seeing_s: 0.0,
            tape,
            calls: Vec::new(),
            spent: Spent::default(),
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
        cameras.first_mut().map(|camera| self.watched(0, camera.as_mut(), clock, false)).transpose()
    }

    /// `is_used`: a model and the tracker are shown it.
    fn watched(
        &mut self,
        idx: usize,
        camera: &mut dyn Camera,
        clock: &Clock,
        is_used: bool,
    ) -> Result<Image, Blink> {
        let asked = clock();
        let begun = std::time::Instant::now();
        let taken = (!self.tape.is_repeating()).then(|| camera.take());
        self.seeing_s += begun.elapsed().as_secs_f64();
        let now = clock();
        let (tape, mut live) = (self.tape.clone(), None);
        let shot: Option<Result<Shot, Blink>> = tape.take("picture", || {
            let image = self.judged(idx, camera, taken?, asked, now);
            Some(image.map(|image| {
                let is_recorded = tape.picture(&image, is_used);
                let shot = Shot {
                    stamp: image.stamp,
                    sequence: image.sequence,
                    has_depth: image.depth.is_some(),
                    is_recorded,
                };
                live = Some(image);
                shot
            }))
        });
        let lost = || (Fault::F10CameraBlind, "the recording has no such picture".to_owned(), true);
        match (shot, live) {
            (Some(Ok(_)), Some(image)) => Ok(image),
            (Some(Ok(shot)), None) if shot.is_recorded => {
                let image = tape.picture_at(camera.name(), shot.stamp);
                let image = image.filter(|i| i.depth.is_some() == shot.has_depth).ok_or_else(lost)?;
                Ok(Image { sequence: shot.sequence, ..image })
            }
            (Some(Ok(shot)), None) if !is_used => unseen(camera.name(), &shot).ok_or_else(lost),
            (Some(Err(blink)), _) => Err(blink),
            _ => Err(lost()),
        }
    }

    /// What the camera's watch makes of a picture.
    fn judged(
        &mut self,
        idx: usize,
        camera: &dyn Camera,
        taken: Result<Image, CameraError>,
        asked: Time,
        now: Time,
    ) -> Result<Image, Blink> {
        while self.watches.len() <= idx {
            // The fixed camera comes first; the others ride on the arm.
            let fixed = self.watches.is_empty();
            self.watches
                .push(CameraWatch::new(camera.name(), WatchConfig { fixed, ..WatchConfig::default() }));
        }
        let verdict = self.watches[idx].judge(taken.as_ref(), &camera.identity(), asked, now);
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
    ) -> Result<Scene, (Fault, String)> {
        log.detail("perception", "phase", format!("looking {at}"));
        let mut seen = Vec::new();
        for (idx, camera) in cameras.iter_mut().enumerate() {
            let mut newest = None;
            for _ in 0..self.pictures {
                let image = match self.watched(idx, camera.as_mut(), clock, true) {
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
        self.tape.scene(&scene);
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
        Ok(scene)
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
        for call in core::mem::take(&mut self.calls) {
            // One that was not answered took nothing.
            self.spent.calls += u64::from(call.tokens != [0, 0]);
            self.spent.cost += call.cost;
            for (sum, n) in self.spent.tokens.iter_mut().zip(call.tokens) {
                *sum += n as u64;
            }
            log.detail("perception", "model-call", serde_json::to_string(&call).unwrap_or_default());
        }
    }

    /// Asks the model, within its time; noted, and recorded with all that it took.
    fn called<T: Serialize + DeserializeOwned>(
        &mut self,
        question: &Question<'_>,
        ask: impl FnOnce(&mut dyn VisionLanguageModel, Budget<'_>) -> Result<T, ModelError>,
    ) -> Result<T, String> {
        let (tape, mut ask) = (self.tape.clone(), Some(ask));
        let answered: Option<Result<T, String>> = tape.take(question.role, || {
            let ask = ask.take()?;
            let begun = std::time::Instant::now();
            let cancel = crate::interrupt::given_up();
            let answer = ask(self.model.as_mut(), Budget { limit: self.limit, cancel });
            let took = begun.elapsed();
            let late = took > self.limit;
            let answer = if late { Err(ModelError::Timeout(self.limit)) } else { answer };
            if question.image.is_some() {
                self.seeing_s += took.as_secs_f64();
                let is_look = question.before.is_none() && answer.is_ok();
                self.look_times.extend(is_look.then_some(took.as_secs_f64()));
            }
            let answer = answer.map_err(|e| e.to_string());
            let mut calls = self.model.take_calls();
            // In lockstep the same run leaves the same bytes.
            let is_lockstep = self.limit == Duration::MAX;
            let latency_s = if is_lockstep { 0.0 } else { took.as_secs_f64() };
            for call in calls.iter_mut().filter(|_| is_lockstep) {
                call.manner.latency_s = 0.0;
            }
            tape.model_call(|now| {
                let said = answer.as_ref().map(|a| serde_json::to_string(a).unwrap_or_default());
                let Question { role, sentence, image, before } = *question;
                let (model, answer) = (&self.model.identity(), said.as_deref().map_err(|e| e.as_str()));
                Put { role, sentence, image, before, model, answer, calls: &calls, latency_s }.message(now)
            });
            self.calls.extend(calls);
            Some(answer)
        });
        if let Some(ask) = ask
            && let Some(answered) = &answered
            && tape.asks_again()
        {
            let budget = Budget { limit: Duration::MAX, cancel: crate::interrupt::given_up() };
            let now = ask(self.model.as_mut(), budget).map_err(|e| e.to_string());
            tape.asked_again(question.other(answered, &now));
        }
        answered.unwrap_or_else(|| Err("the replay has left its recording".into()))
    }

    /// What the model sees in one picture.
    pub(crate) fn detect(&mut self, image: &Image) -> Result<Vec<Detection>, String> {
        let mut why = String::new();
        for _ in 0..TRIES {
            let question = Question { role: "detect", sentence: "", image: Some(image), before: None };
            let answered = self.called(&question, |model, budget| {
                model.answer(Some(image), "", budget).map(|answer| answer.detections)
            });
            match answered {
                Ok(detections) => return Ok(detections),
                Err(e) if is_given_up(&e) => return Err(e),
                Err(e) => why = e,
            }
        }
        Err(format!("after {TRIES} tries: {why}"))
    }

    /// Other words for the person, where the model has some that say no more than it was handed.
    pub(crate) fn word(&mut self, wording: &Wording, log: &mut Log) -> Option<String> {
        let asked = match wording {
            Wording::Ask { question, .. } => question.clone(),
            Wording::Explain { facts } => facts.join("; "),
        };
        let question = Question { role: "word", sentence: &asked, image: None, before: None };
        let said = self.called(&question, |model, budget| model.word(wording, budget));
        self.note_calls(log);
        said.unwrap_or_else(|why| {
            log.detail("perception", "wording", format!("the built-in words stand: {why}"));
            None
        })
    }

    /// The newest picture of the fixed camera that the model was shown.
    pub(crate) fn shown(&self) -> Option<&Image> {
        self.seen.first().map(|(image, _)| image)
    }

    /// Whether the model says that `what` was done between two pictures that it was shown; `None` where it does not judge.
    /// It is asked once: what is measured counts without it.
    pub(crate) fn judge(
        &mut self,
        before: &Image,
        after: &Image,
        what: &str,
        log: &mut Log,
    ) -> Result<Option<Judgement>, String> {
        let question = Question { role: "judge", sentence: what, image: Some(after), before: Some(before) };
        let said = self.called(&question, |model, budget| model.judge(before, after, what, budget));
        self.note_calls(log);
        said
    }

    /// From now on the model may propose these tasks and no others.
    pub(crate) fn offer(&mut self, offer: &Offer) {
        self.model.offer(offer);
    }

    /// What the model makes of a sentence; what is unusable after a bounded number of tries becomes a
    /// question to the person (F45).
    pub(crate) fn read(&mut self, sentence: &str, log: &mut Log) -> Utterance {
        for _ in 0..TRIES {
            let question = Question { role: "read", sentence, image: None, before: None };
            let answer = self.called(&question, |model, budget| {
                model.answer(None, sentence, budget).map(|answer| (answer.utterance, answer.confidence))
            });
            self.note_calls(log);
            match answer {
                Ok((utterance, confidence)) => {
                    log.detail("perception", "reading", format!("confidence {confidence:.3}"));
                    return utterance;
                }
                Err(e) if is_given_up(&e) => return Utterance::Unclear(e),
                Err(e) => log.fault("perception", Fault::F45ModelGarbage, e),
            }
        }
        Utterance::Unclear(format!("my model gave no usable answer in {TRIES} tries; please say it again"))
    }
}

/// Whether the person did not wait for an answer: it is not asked for again.
fn is_given_up(why: &str) -> bool {
    why == ModelError::Cancelled.to_string()
}

/// So much of an answer is shown.
const MOST_SHOWN: usize = 160;

impl Question<'_> {
    /// How an answer is another than the recorded one; `None` if it is not.
    fn other<T: Serialize>(&self, was: &Result<T, String>, is: &Result<T, String>) -> Option<String> {
        let [was, is] = [was, is].map(|answer| serde_json::to_string(answer).unwrap_or_default());
        if was == is {
            return None;
        }
        let about = match self.image {
            Some(i) if self.before.is_some() => {
                format!(
                    "\"{}\" up to the picture of {} at {:.2} s",
                    self.sentence,
                    i.camera,
                    i.stamp.as_secs_f64()
                )
            }
            Some(i) => format!("the picture of {} at {:.2} s", i.camera, i.stamp.as_secs_f64()),
            None => format!("\"{}\"", self.sentence),
        };
        let shown = |text: &str| text.chars().take(MOST_SHOWN).collect::<String>();
        Some(format!("{} {about}: recorded {}, now {}", self.role, shown(&was), shown(&is)))
    }
}

/// In a replay: a picture that was only watched, of which nothing but its stamp matters.
fn unseen(camera: &str, shot: &Shot) -> Option<Image> {
    let lens = types::Intrinsics::from_fov(1, 1, 1.0).ok()?;
    let depth = shot.has_depth.then(|| vec![0.0]);
    Image::new(camera, 0, shot.stamp, vec![0; 3], depth, lens, types::Transform::identity()).ok()
}
