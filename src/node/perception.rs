//! Perception as a node: the models of the configuration, asked by whoever has pictures of this robot.

use super::model::Told;
use super::waiting::Line;
use super::{Node, NodeError, PATIENCE, diagnostics};
use crate::config::Config;
use crate::log::Log;
use crate::recording::{ASKER, Asker, Put, Recording, Share};
use crate::session::{self, Setup};
use crate::suite::episode::Episode;
use bridge::ros::{Answer, Picture, Question};
use bridge::wire::{Heard, Received, Role, Wire, topics};
use control::MonotonicClock;
use core::time::Duration;
use mechanics::Arm;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;
use types::seams::{Budget, ModelError, Shift, VisionLanguageModel, Wording};
use types::{Fault, Image, Offer, Rejection, Time};

/// Why there is no answer: the picture was not heard.
pub(super) const ABSENT: &str = "the picture that is asked about has not come";
/// Pictures that wait, and that are kept for questions about them.
const WAITING: usize = 8;
const KEPT: usize = 16;
/// So often it is recorded how the arrows to this node do.
const TELLS: Duration = Duration::from_secs(1);
/// A question may come before its picture by so much.
const LATE: Duration = Duration::from_millis(30);

/// Answers until the person ends it.
///
/// # Errors
/// [`NodeError`] when it cannot begin.
pub(crate) fn run(config: &Config, arm: &Arc<Arm>, episode: &Episode, mut log: Log) -> Result<(), NodeError> {
    let model = crate::models::of(config)?;
    let clock = MonotonicClock::new();
    let offers = vec![format!("model {}", model.identity())];
    let node = Node::start(config, Role::Perception, clock, offers, |_| Vec::new())?;
    let wire = node.wire.clone();
    let setup = Setup::of_node(Share::Perception, config, arm, episode);
    let recording = session::recording(&setup, episode, Vec::new(), &log)?;
    if let Some(recording) = &recording {
        log = log.with_recording(recording.clone());
    }
    let questions = wire.answer(&[(&topics::ANSWER, ""), (&topics::WORDS, ""), (&topics::JUDGEMENT, "")])?;
    let line = Line::new(questions, wire.clone());
    let mut looks = Looks {
        wire: wire.clone(),
        model,
        heard: wire.hear(&topics::CAMERA, "*", WAITING)?,
        kept: VecDeque::new(),
        recording: recording.clone(),
        robot: None,
        recorded: VecDeque::new(),
    };
    log.info("perception", "node", format!("{} answers, node {:016x}", looks.model.identity(), wire.id()));
    let mut told = wire.now();
    while crate::interrupt::count() == 0 && !crate::interrupt::is_emergency() {
        // Pictures are taken in as they come: one that waits behind seven others is dropped.
        let next = line.next_within(PATIENCE.min(Duration::from_millis(10)));
        looks.take_in(Duration::ZERO);
        let now = wire.now();
        log.set_now(now);
        if let Some(question) = next {
            let answer = line.answering(&question, || looks.answer(&question));
            if let Some(why) = unanswered(&answer) {
                log.warn("perception", "unanswered", why);
            }
            question.answer_with(&wire, answer);
        }
        for shift in looks.model.take_shifts() {
            match shift {
                Shift::Fell { model, why, .. } => {
                    log.fault("perception", Fault::F46ModelLost, format!("{model} has no answer: {why}"));
                }
                Shift::Back { model } => log.info("perception", "back", format!("{model} answers again")),
            }
        }
        if let Some(recording) = recording.as_ref().filter(|_| now.since(told) >= TELLS) {
            told = now;
            looks.find_robot();
            recording.health(now, &diagnostics(&wire));
        }
    }
    if let Some(recording) = &recording {
        recording.health(wire.now(), &diagnostics(&wire));
        let summary = recording.finish();
        crate::report::left_out(&mut log, &summary);
    }
    Ok(())
}

/// Why a question has no answer.
fn unanswered(answer: &Result<Answer, Rejection>) -> Option<String> {
    match answer {
        Err(why) => Some(why.to_string()),
        Ok(answer) if !answer.failure.is_empty() => Some(format!("{}: {}", answer.failure, answer.why)),
        Ok(_) => None,
    }
}

/// The picture from before and the one from after, of one camera.
fn pair(question: &mut Question) -> Result<[Image; 2], Rejection> {
    let refuse =
        |got: String| Rejection::new("question.picture", "two of one camera, the one from before first", got);
    let pictures = <[Picture; 2]>::try_from(core::mem::take(&mut question.picture));
    let [before, after] = pictures.map_err(|other| refuse(other.len().to_string()))?;
    let [before, after] = [before.image()?, after.image()?];
    if before.camera != after.camera || before.stamp > after.stamp {
        let at = |i: &Image| format!("{} at {:.3} s", i.camera, i.stamp.as_secs_f64());
        return Err(refuse(format!("{}, then {}", at(&before), at(&after))));
    }
    Ok([before, after])
}

struct Looks {
    wire: Wire,
    model: Box<dyn VisionLanguageModel>,
    heard: Heard<Picture>,
    kept: VecDeque<Image>,
    recording: Option<Arc<Recording>>,
    /// The robot node, whose clock stamps the pictures.
    robot: Option<u64>,
    /// Camera, stamp and stamp by this node's clock of pictures that were recorded of late: one that is asked about
    /// again is not recorded again.
    recorded: VecDeque<(String, Time, Time)>,
}

impl Looks {
    /// Keeps what has come; waits for one more for at most so long.
    fn take_in(&mut self, limit: Duration) {
        let mut next = if limit.is_zero() { self.heard.take() } else { self.heard.take_within(limit) };
        while let Some(picture) = next {
            if let Ok(image) = picture.image() {
                if let Some(recording) = &self.recording {
                    recording.picture(&self.in_own_time(image.clone()), false);
                }
                if self.kept.len() == KEPT {
                    self.kept.pop_front();
                }
                self.kept.push_back(image);
            }
            next = self.heard.take();
        }
    }

    fn find_robot(&mut self) {
        let all = self.wire.present().unwrap_or_default();
        self.robot = all.into_iter().find(|p| p.role == Role::Robot).map(|p| p.id);
    }

    /// A picture stamped by this node's clock, as everything in its recording is; by when it came, where the robot's
    /// clock is not known yet.
    fn in_own_time(&self, image: Image) -> Image {
        let clock = self.robot.and_then(|robot| self.wire.clock_of(robot));
        let now = self.wire.now();
        let stamp = clock.map_or(now, |clock| clock.ours_about(image.stamp).min(now));
        Image { stamp, ..image }
    }

    /// Records a question with the pictures that it is about, and which node asked it.
    fn record(&mut self, put: &Put<'_>, from: u64) {
        let Some(recording) = self.recording.clone() else { return };
        let stamp = |image: Option<&Image>| image.map_or(0, |image| image.stamp.as_nanos());
        let asker = Asker { node: from, pictured: stamp(put.image), before_pictured: stamp(put.before) };
        let [before, image] = [put.before, put.image].map(|image| {
            let image = image?;
            let is_it = |known: &&(String, Time, Time)| known.0 == image.camera && known.1 == image.stamp;
            if let Some((.., stamp)) = self.recorded.iter().find(is_it) {
                return Some(Image { stamp: *stamp, ..image.clone() });
            }
            let own = self.in_own_time(image.clone());
            recording.picture(&own, true);
            if self.recorded.len() == KEPT {
                self.recorded.pop_front();
            }
            self.recorded.push_back((image.camera.clone(), image.stamp, own.stamp));
            Some(own)
        });
        let now = self.wire.now();
        recording.consumed(now, format!("{ASKER} {}", serde_json::to_string(&asker).unwrap_or_default()));
        recording
            .model_call(now, &Put { image: image.as_ref(), before: before.as_ref(), ..*put }.message(now));
    }

    fn find(&self, question: &Question) -> Option<Image> {
        let is_it = |i: &&Image| i.camera == question.camera && i.stamp.as_nanos() == question.pictured;
        self.kept.iter().rev().find(is_it).cloned()
    }

    fn answer(&mut self, asked: &Received) -> Result<Answer, Rejection> {
        let mut question: Question = asked.read()?;
        let limit_s = question.limit_s;
        if !(limit_s > 0.0 && limit_s <= 60.0) {
            return Err(Rejection::new("question.limit_s", "above 0 to 60 s", limit_s.to_string()));
        }
        if asked.is_late(&self.wire, limit_s) {
            return Ok(
                self.failed("timeout", "the question has waited for longer than its answer counts".into())
            );
        }
        let limit = Duration::from_secs_f64(limit_s);
        let budget = Budget { limit, cancel: crate::interrupt::given_up() };
        let began = Instant::now();
        // What is recorded of an answer is what a planner's recording has of it.
        let (mut before, mut shown, mut noted, mut role) = (None, None, String::new(), "word");
        let said = if asked.topic() == topics::WORDS.key {
            let wording: Wording = serde_json::from_str(&question.sentence)
                .map_err(|e| Rejection::new("question.sentence", "a wording as JSON", e.to_string()))?;
            let words = self.model.word(&wording, budget);
            words.map(|words| serde_json::to_string(&words).inspect(|json| noted.clone_from(json)))
        } else if asked.topic() == topics::JUDGEMENT.key {
            role = "judge";
            let [was, is] = pair(&mut question)?;
            let judged = self.model.judge(&was, &is, &question.sentence, budget);
            (before, shown) = (Some(was), Some(is));
            judged.map(|said| serde_json::to_string(&said).inspect(|json| noted.clone_from(json)))
        } else {
            let offer = match question.offer.as_str() {
                "" => Offer::everything(),
                json => serde_json::from_str(json)
                    .map_err(|e| Rejection::new("question.offer", "an offer as JSON", e.to_string()))?,
            };
            self.model.offer(&offer);
            let image = match (question.camera.as_str(), question.picture.pop()) {
                ("", _) => None,
                (_, Some(picture)) => Some(picture.image()?),
                (_, None) => {
                    let mut found = self.find(&question);
                    if found.is_none() {
                        self.take_in(LATE);
                        found = self.find(&question);
                    }
                    match found {
                        Some(image) => Some(image),
                        None => return Ok(self.failed("absent", ABSENT.to_owned())),
                    }
                }
            };
            let answered = self.model.answer(image.as_ref(), &question.sentence, budget);
            role = if image.is_some() { "detect" } else { "read" };
            shown = image;
            answered.map(|a| {
                let json = match role {
                    "detect" => serde_json::to_string(&a.detections),
                    _ => serde_json::to_string(&(&a.utterance, a.confidence)),
                };
                noted = json.unwrap_or_default();
                let told: Told = (a.detections, a.utterance, a.confidence);
                serde_json::to_string(&told)
            })
        };
        let (calls, latency_s) = (self.model.take_calls(), began.elapsed().as_secs_f64());
        let answer = match said {
            Ok(Ok(answer)) => Answer { model: self.model.identity(), answer, ..Answer::default() },
            Ok(Err(e)) => self.failed("unusable", e.to_string()),
            Err(e) => {
                let kind = match &e {
                    ModelError::Timeout(_) => "timeout",
                    ModelError::Declined(_) => "declined",
                    ModelError::Cancelled | ModelError::Unusable(_) => "unusable",
                    ModelError::Refused(_) => "refused",
                };
                let why = match &e {
                    ModelError::Cancelled => "nobody waits for the answer any more".to_owned(),
                    other => other.to_string(),
                };
                self.failed(kind, why)
            }
        };
        let said = if answer.failure.is_empty() { Ok(noted.as_str()) } else { Err(answer.why.as_str()) };
        let put = Put {
            role,
            sentence: &question.sentence,
            image: shown.as_ref(),
            before: before.as_ref(),
            model: &answer.model,
            answer: said,
            calls: &calls,
            latency_s,
        };
        self.record(&put, asked.from());
        let calls = serde_json::to_string(&calls).unwrap_or_default();
        Ok(Answer { calls, ..answer })
    }

    fn failed(&self, kind: &str, why: String) -> Answer {
        Answer { model: self.model.identity(), failure: kind.to_owned(), why, ..Answer::default() }
    }
}
