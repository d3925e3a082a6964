//! A model on a perception node, asked over the wire. The pictures go from the camera straight to it: a question names
//! the picture, and brings it along only where the model has not got it. Two that are to be compared it always brings.

use bridge::ros::{Answer, Picture, Question};
use bridge::wire::{Role, Wire, WireError, topics};
use core::time::Duration;
use types::seams::{self, Budget, Judgement, ModelCall, ModelError, VisionLanguageModel, Wording};
use types::{Image, Offer};

/// An answer is never waited for any longer.
const LONGEST: Duration = Duration::from_secs(60);

/// See the head of this file.
pub(super) struct WiredModel {
    wire: Wire,
    identity: String,
    offer: String,
    calls: Vec<ModelCall>,
}

/// What a perception node answers with, as JSON.
pub(super) type Told = (Vec<types::Detection>, types::language::Utterance, f32);

impl WiredModel {
    pub(super) fn new(wire: &Wire) -> Self {
        let identity = "a perception node".to_owned();
        Self { wire: wire.clone(), identity, offer: String::new(), calls: Vec::new() }
    }

    fn ask(
        &mut self,
        topic: &topics::Topic,
        question: &Question,
        budget: Budget<'_>,
    ) -> Result<String, ModelError> {
        // Who is not there need not be waited for.
        let is_there = self.wire.present().is_ok_and(|all| all.iter().any(|p| p.role == Role::Perception));
        if !is_there {
            return Err(ModelError::Unusable("no perception node is there".into()));
        }
        let limit = budget.limit.min(LONGEST);
        let goes_on = || !budget.is_cancelled();
        let answer = self.wire.ask_while::<Question, Answer>(topic, "", question, limit, &goes_on);
        let answer = answer.map_err(|e| match e {
            WireError::GivenUp => ModelError::Cancelled,
            WireError::Silent { limit, .. } => ModelError::Timeout(limit),
            WireError::Refused(why) => ModelError::Refused(why),
            other => ModelError::Unusable(other.to_string()),
        })?;
        self.identity = answer.model;
        self.calls.extend(serde_json::from_str::<Vec<ModelCall>>(&answer.calls).unwrap_or_default());
        match answer.failure.as_str() {
            "" => Ok(answer.answer),
            "timeout" => Err(ModelError::Timeout(limit)),
            "declined" => Err(ModelError::Declined(answer.why)),
            _ => Err(ModelError::Unusable(answer.why)),
        }
    }
}

impl VisionLanguageModel for WiredModel {
    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn answer(
        &mut self,
        image: Option<&Image>,
        sentence: &str,
        budget: Budget<'_>,
    ) -> Result<seams::Answer, ModelError> {
        let mut question = Question {
            camera: image.map(|i| i.camera.clone()).unwrap_or_default(),
            pictured: image.map_or(0, |i| i.stamp.as_nanos()),
            picture: Vec::new(),
            sentence: sentence.to_owned(),
            offer: self.offer.clone(),
            limit_s: budget.limit.min(LONGEST).as_secs_f64(),
        };
        let mut said = self.ask(&topics::ANSWER, &question, budget);
        if let (Err(ModelError::Unusable(why)), Some(image)) = (&said, image)
            && why == super::perception::ABSENT
        {
            question.picture = vec![Picture::new(image, "")];
            said = self.ask(&topics::ANSWER, &question, budget);
        }
        let told: Told = serde_json::from_str(&said?).map_err(|e| ModelError::Unusable(e.to_string()))?;
        let (detections, utterance, confidence) = told;
        Ok(seams::Answer { detections, utterance, confidence })
    }

    fn offer(&mut self, offer: &Offer) {
        self.offer = serde_json::to_string(offer).unwrap_or_default();
    }

    fn word(&mut self, wording: &Wording, budget: Budget<'_>) -> Result<Option<String>, ModelError> {
        let question = Question {
            sentence: serde_json::to_string(wording).unwrap_or_default(),
            limit_s: budget.limit.min(LONGEST).as_secs_f64(),
            ..Question::default()
        };
        let said = self.ask(&topics::WORDS, &question, budget)?;
        serde_json::from_str(&said).map_err(|e| ModelError::Unusable(e.to_string()))
    }

    fn judge(
        &mut self,
        before: &Image,
        after: &Image,
        what: &str,
        budget: Budget<'_>,
    ) -> Result<Option<Judgement>, ModelError> {
        // The one from before is too old for the model to have it still. Depth tells a model of words nothing.
        let flat = |image: &Image| Picture::new(&Image { depth: None, ..image.clone() }, "");
        let question = Question {
            camera: after.camera.clone(),
            pictured: after.stamp.as_nanos(),
            picture: [before, after].map(flat).into(),
            sentence: what.to_owned(),
            limit_s: budget.limit.min(LONGEST).as_secs_f64(),
            ..Question::default()
        };
        let said = self.ask(&topics::JUDGEMENT, &question, budget)?;
        serde_json::from_str(&said).map_err(|e| ModelError::Unusable(e.to_string()))
    }

    fn take_calls(&mut self) -> Vec<ModelCall> {
        core::mem::take(&mut self.calls)
    }
}
