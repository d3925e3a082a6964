//! Perception as a node: the models of the configuration, asked by whoever has pictures of this robot.

use super::model::Told;
use super::{Node, NodeError, PATIENCE};
use crate::config::Config;
use crate::log::Log;
use bridge::ros::{Answer, Picture, Question};
use bridge::wire::{Heard, Received, Role, Wire, topics};
use control::MonotonicClock;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use types::seams::{Budget, ModelError, Shift, VisionLanguageModel, Wording};
use types::{Fault, Image, Offer, Rejection};

/// Why there is no answer: the picture was not heard.
pub(super) const ABSENT: &str = "the picture that is asked about has not come";
/// Pictures that wait, and that are kept for questions about them.
const WAITING: usize = 8;
const KEPT: usize = 16;
/// A question may come before its picture by so much.
const LATE: Duration = Duration::from_millis(30);

/// Answers until the person ends it.
///
/// # Errors
/// [`NodeError`] when it cannot begin.
pub(crate) fn run(config: &Config, mut log: Log) -> Result<(), NodeError> {
    let model = crate::models::of(config)?;
    let clock = MonotonicClock::new();
    let offers = vec![format!("model {}", model.identity())];
    let node = Node::start(config, Role::Perception, clock, offers, |_| ())?;
    let wire = node.wire.clone();
    let questions = wire.answer(&[(&topics::ANSWER, ""), (&topics::WORDS, "")])?;
    let mut looks = Looks {
        wire: wire.clone(),
        model,
        heard: wire.hear(&topics::CAMERA, "*", WAITING)?,
        kept: VecDeque::new(),
    };
    log.info("perception", "node", format!("{} answers, node {:016x}", looks.model.identity(), wire.id()));
    while crate::interrupt::count() == 0 && !crate::interrupt::is_emergency() {
        // Pictures are taken in as they come: one that waits behind seven others is dropped.
        let next = questions.next_within(PATIENCE.min(Duration::from_millis(10)));
        looks.take_in(Duration::ZERO);
        log.set_now(wire.now());
        if let Some(question) = next {
            let answer = looks.answer(&question);
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
    }
    Ok(())
}

struct Looks {
    wire: Wire,
    model: Box<dyn VisionLanguageModel>,
    heard: Heard<Picture>,
    kept: VecDeque<Image>,
}

impl Looks {
    /// Keeps what has come; waits for one more for at most so long.
    fn take_in(&mut self, limit: Duration) {
        let mut next = if limit.is_zero() { self.heard.take() } else { self.heard.take_within(limit) };
        while let Some(picture) = next {
            if let Ok(image) = picture.image() {
                if self.kept.len() == KEPT {
                    self.kept.pop_front();
                }
                self.kept.push_back(image);
            }
            next = self.heard.take();
        }
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
        let cancel = AtomicBool::new(false);
        let budget = Budget { limit: Duration::from_secs_f64(limit_s), cancel: &cancel };
        let said = if asked.topic() == topics::WORDS.key {
            let wording: Wording = serde_json::from_str(&question.sentence)
                .map_err(|e| Rejection::new("question.sentence", "a wording as JSON", e.to_string()))?;
            self.model.word(&wording, budget).map(|words| serde_json::to_string(&words))
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
            answered.map(|a| {
                let told: Told = (a.detections, a.utterance, a.confidence);
                serde_json::to_string(&told)
            })
        };
        let calls = serde_json::to_string(&self.model.take_calls()).unwrap_or_default();
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
                self.failed(kind, e.to_string())
            }
        };
        Ok(Answer { calls, ..answer })
    }

    fn failed(&self, kind: &str, why: String) -> Answer {
        Answer { model: self.model.identity(), failure: kind.to_owned(), why, ..Answer::default() }
    }
}
