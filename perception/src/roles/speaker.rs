//! A language model behind the seam of the built-in one: it looks, and it reads the sentences that the built-in
//! reader does not understand.

use super::{Given, Measure, Role, detections, judgement, licence, utterance, verdict, words};
use crate::language::{Reader, gates, text};
use crate::vlm::Grammar;
use types::language::Utterance;
use types::seams::{Answer, Budget, Judgement, Manner, ModelCall, ModelError, VisionLanguageModel, Wording};
use types::{Detection, Image, Offer, TaskKind};

/// What was said to a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoken {
    /// What came; an answer of the grammar from beginning to end, unless there is a flaw.
    pub text: String,
    /// Why it is none.
    pub flaw: Option<String>,
    /// Tokens of prompt and answer.
    pub tokens: [usize; 2],
    /// What it cost, in the currency of whoever it was bought from.
    pub cost: f64,
}

impl Spoken {
    /// The text, where it is an answer.
    ///
    /// # Errors
    /// [`ModelError::Unusable`] with its flaw.
    pub fn whole(self) -> Result<String, ModelError> {
        self.flaw.map_or(Ok(self.text), |flaw| Err(ModelError::Unusable(flaw)))
    }
}

/// Whoever answers prompts: in this process, or elsewhere.
pub trait Speaker: Send {
    /// A line that tells which weights these are, or were at the last answer.
    fn identity(&self) -> String;
    /// How it was made to give the last answer, as far as is known.
    fn manner(&self) -> Manner {
        Manner::default()
    }
    /// In what it tells places in a picture.
    fn measure(&self, _picture: &Image) -> Measure {
        Measure::Thousandths
    }
    /// What it says to a prompt with pictures before it.
    ///
    /// # Errors
    /// [`ModelError`] where nothing came.
    fn say(
        &mut self,
        pictures: &[&Image],
        prompt: &str,
        grammar: &Grammar,
        budget: Budget<'_>,
    ) -> Result<Spoken, ModelError>;
}

/// A speaker as the model of a run, with the built-in reader beside it.
///
/// Pictures are looked at by the speaker; what is written in them can become a label of a thing and nothing else.
/// Sentences are read by the built-in reader. One that it does not understand, and that nothing forbids, is read by
/// the speaker, who is not shown any picture; its proposal counts as far as the sentence licenses it and it is offered,
/// and else becomes a question. What it makes of a picture from before and one from after is its word and no more.
pub struct SpeakingModel<S> {
    speaker: S,
    reader: Reader,
    offer: Offer,
    calls: Vec<ModelCall>,
}

impl<S: Speaker> SpeakingModel<S> {
    /// The speaker, with a reader.
    pub fn new(speaker: S, reader: Reader) -> Self {
        Self { speaker, reader, offer: Offer::everything(), calls: Vec::new() }
    }

    fn ask(
        &mut self,
        role: Role,
        pictures: &[&Image],
        (prompt, grammar): (String, Grammar),
        budget: Budget<'_>,
    ) -> Result<String, ModelError> {
        let said = self.speaker.say(pictures, &prompt, &grammar, budget);
        let (call, said) = called(&self.speaker, role, pictures, &prompt, said);
        self.calls.push(call);
        said
    }

    /// What was said to the last call is no answer.
    fn unusable(&mut self, why: &impl ToString) -> ModelError {
        let why = why.to_string();
        if let Some(call) = self.calls.last_mut() {
            call.failure.clone_from(&why);
        }
        ModelError::Unusable(why)
    }

    fn look(&mut self, image: &Image, budget: Budget<'_>) -> Result<Vec<Detection>, ModelError> {
        let measure = self.speaker.measure(image);
        let given = Given::from(measure);
        let request = (Role::Look.prompt_given("", &given), Role::Look.grammar_given(&given)?);
        let said = self.ask(Role::Look, &[image], request, budget)?;
        let sides = [image.intrinsics.width, image.intrinsics.height];
        detections(&said, sides, measure).map_err(|e| self.unusable(&e))
    }

    fn read(&mut self, sentence: &str, budget: Budget<'_>) -> Result<(Utterance, f32), ModelError> {
        let reading = self.reader.read(sentence);
        let is_read = !matches!(reading.utterance, Utterance::Unclear(_));
        let (Ok(words), false) = (text::tokens(sentence), is_read) else {
            return Ok((reading.utterance, reading.confidence));
        };
        if gates::stops(&words).is_err() {
            return Ok((reading.utterance, reading.confidence));
        }
        let (role, given) = (Role::Read, Given { offer: self.offer.clone(), ..Given::default() });
        let request = (role.prompt_given(sentence, &given), role.grammar_given(&given)?);
        let said = self.ask(role, &[], request, budget)?;
        let proposal = utterance(&said).map_err(|e| self.unusable(&e))?;
        // Whoever is elsewhere may not have been held to the grammar.
        if let Utterance::Instruct(tasks) = &proposal
            && let Some(kind) = tasks.iter().map(TaskKind::of).find(|kind| !self.offer.has(*kind))
        {
            return Err(self.unusable(&format!("{kind:?} is not offered now")));
        }
        Ok(match licence::check(&words, &proposal) {
            Ok(()) => (proposal, 1.0),
            Err(question) => (Utterance::Unclear(question), 1.0),
        })
    }
}

impl<S: Speaker> VisionLanguageModel for SpeakingModel<S> {
    fn identity(&self) -> String {
        self.speaker.identity()
    }

    fn answer(
        &mut self,
        image: Option<&Image>,
        sentence: &str,
        budget: Budget<'_>,
    ) -> Result<Answer, ModelError> {
        if budget.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        let detections = match image {
            Some(image) => self.look(image, budget)?,
            None => Vec::new(),
        };
        if sentence.trim().is_empty() {
            return Ok(Answer { detections, utterance: Utterance::Empty, confidence: 1.0 });
        }
        let (utterance, confidence) = self.read(sentence, budget)?;
        Ok(Answer { detections, utterance, confidence })
    }

    fn offer(&mut self, offer: &Offer) {
        self.offer = offer.clone();
    }

    fn word(&mut self, wording: &Wording, budget: Budget<'_>) -> Result<Option<String>, ModelError> {
        // Without options there is nothing to hold a question to.
        if matches!(wording, Wording::Ask { options, .. } if options.is_empty()) {
            return Ok(None);
        }
        let said = self.ask(words::role(wording), &[], words::request(wording)?, budget)?;
        words::accepted(wording, &said).map(Some).map_err(|e| self.unusable(&e))
    }

    fn judge(
        &mut self,
        before: &Image,
        after: &Image,
        what: &str,
        budget: Budget<'_>,
    ) -> Result<Option<Judgement>, ModelError> {
        if budget.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        let request = (Role::Judge.prompt(&verdict::asked(what)), Role::Judge.grammar()?);
        let said = self.ask(Role::Judge, &[before, after], request, budget)?;
        judgement(&said).map(Some).map_err(|e| self.unusable(&e))
    }

    fn take_calls(&mut self) -> Vec<ModelCall> {
        core::mem::take(&mut self.calls)
    }
}

/// What a prompt of a role came to, and the call that tells of it.
///
/// # Errors
/// Beside the call, that there was no answer, or none that is whole.
pub fn called(
    speaker: &(impl Speaker + ?Sized),
    role: Role,
    pictures: &[&Image],
    prompt: &str,
    said: Result<Spoken, ModelError>,
) -> (ModelCall, Result<String, ModelError>) {
    let (text, tokens, cost) =
        said.as_ref().map_or(("", [0, 0], 0.0), |said| (said.text.as_str(), said.tokens, said.cost));
    let ((answer, answer_cut), prompt_hash) = (ModelCall::kept(text), hash(prompt.as_bytes()));
    let said = said.and_then(Spoken::whole);
    let (prompt, prompt_cut) = ModelCall::kept(prompt);
    let call = ModelCall {
        model: speaker.identity(),
        role: format!("{}, {}", role.name(), role.version()),
        prompt_file: role.file_name(),
        prompt,
        prompt_cut,
        prompt_hash,
        pictures: pictures.iter().map(|image| picture_hash(image)).collect(),
        manner: speaker.manner(),
        tokens,
        cost,
        answer,
        answer_cut,
        failure: said.as_ref().err().map(ToString::to_string).unwrap_or_default(),
    };
    (call, said)
}

/// Tells a picture from another by its colours.
#[must_use]
pub fn picture_hash(image: &Image) -> String {
    hash(&image.rgb)
}

/// FNV-1a of 64 bits, as sixteen hex digits: tells what was the same.
fn hash(bytes: &[u8]) -> String {
    let fold = |h: u64, b: &u8| (h ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, fold))
}
