//! Every place where one part can be swapped for another: small, synchronous, object-safe traits.

use crate::ending::Ending;
use crate::faults::Rejection;
use crate::image::Image;
use crate::language::Utterance;
use crate::motion::{JointCommand, JointState};
use crate::offer::Offer;
use crate::plan::Outcome;
use crate::scene::{Detection, Scene};
use crate::time::Time;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;

/// Where time comes from. Only implementations of this ask the operating system.
pub trait Clock: Send {
    /// The present instant; never decreases.
    fn now(&self) -> Time;
    /// Returns at or after `instant`; in virtual time, moves there.
    fn sleep_until(&mut self, instant: Time);
}

/// Why a robot could not be read or written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RobotError {
    /// Nothing came within the cycle.
    #[error("the robot did not answer within its cycle")]
    Silent,
    /// The device is gone.
    #[error("the robot is disconnected: {0}")]
    Disconnected(String),
    /// A command the device refuses.
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// The device stopped itself.
    #[error("the robot stopped itself: {0}")]
    Faulted(String),
}

/// An arm with a gripper, real or simulated. Neither reading nor writing blocks past the robot's cycle. A robot
/// brakes by its own watchdog when no command comes before the last one's `expires`.
pub trait Robot: Send {
    /// The newest state.
    ///
    /// # Errors
    /// [`RobotError`] when there is none; the loop then extrapolates a few cycles and stops.
    fn read(&mut self) -> Result<JointState, RobotError>;
    /// Hands over the command for the next cycle.
    ///
    /// # Errors
    /// [`RobotError`] when it was not taken; the robot then keeps the last one until it expires.
    fn write(&mut self, command: &JointCommand) -> Result<(), RobotError>;
    /// The device's own cycle, where it has one that the loop is to keep step with: then [`Self::wait_cycle`] is what the loop
    /// waits for, if it runs at that rate.
    fn cycle(&self) -> Option<Duration> {
        None
    }
    /// Waits until a cycle of the device begins that was not waited for before, and no longer than `limit`; returns when it
    /// began, by the loop's clock; of several the newest. It is called in the loop: on hardware it is to take no lock that a
    /// thread of lower priority holds. The state that is read then is that cycle's, and the command is for its end.
    fn wait_cycle(&mut self, _limit: Duration) -> Option<Time> {
        None
    }
    /// Whether the motors have power already, before the first command of a loop: one before it may have ended without
    /// taking it away, and the robot holds itself. Such an arm is held where it is found, and told nothing before that.
    fn is_live(&mut self) -> bool {
        false
    }
    /// A cycle in which it is told nothing, and goes on holding itself: instead of [`Self::write`].
    ///
    /// # Errors
    /// [`RobotError`] when the device has stopped.
    fn let_be(&mut self) -> Result<(), RobotError> {
        Ok(())
    }
    /// Told before a command how the arm comes to rest if none comes after it, and before the command that takes its power
    /// away; for robots that are to know, as they stand at the end of a line. It waits for nobody.
    fn foresee(&mut self, _ending: &Ending) {}
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CameraError {
    /// No picture within the deadline.
    #[error("camera {0} gave no picture in time")]
    Timeout(String),
    /// The device is gone (F8).
    #[error("camera {0} is unplugged")]
    Unplugged(String),
    /// What came is no picture (B27, B28).
    #[error(transparent)]
    Refused(#[from] Rejection),
}

/// Something that takes pictures, real or simulated.
pub trait Camera: Send {
    /// The camera's name: a Zenoh key, a folder, a topic.
    fn name(&self) -> &str;
    /// What identifies the device (serial number, or the like): compared after a reconnect (F11).
    fn identity(&self) -> String;
    /// Takes a picture now.
    ///
    /// # Errors
    /// [`CameraError`] when there is none.
    fn take(&mut self) -> Result<Image, CameraError>;
}

/// How long a call may take, and how it is told to give up.
#[derive(Clone, Copy, Debug)]
pub struct Budget<'a> {
    /// Longest wall time.
    pub limit: Duration,
    /// Set by whoever no longer wants the answer.
    pub cancel: &'a AtomicBool,
}

impl Budget<'_> {
    /// Whether the caller has given up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}

/// Why a model has no answer (F45).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// It took longer than its budget.
    #[error("the model did not answer within {0:?}")]
    Timeout(Duration),
    /// The caller gave up.
    #[error("the call was cancelled")]
    Cancelled,
    /// It is not asked for that, by arrangement: no failure.
    #[error("{0}")]
    Declined(String),
    /// It answered something that is not in the closed set of answers.
    #[error("the model's answer is unusable: {0}")]
    Unusable(String),
    /// Its weights, or what it was given, are bad (B27–B31).
    #[error(transparent)]
    Refused(#[from] Rejection),
}

/// What a vision-language model makes of a picture and a sentence, all at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Every object it sees in the picture.
    pub detections: Vec<Detection>,
    /// What the sentence means: a proposed program, a question to be answered, or neither.
    pub utterance: Utterance,
    /// Confidence of the reading, 0 to 1.
    pub confidence: f32,
}

/// One call of a language model, for the record. No key is in it.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct ModelCall {
    /// Which weights, by their hash; of a model elsewhere its name and where it is.
    pub model: String,
    /// What it was asked for, and the version of the prompt.
    pub role: String,
    /// The file that the prompt is made of.
    pub prompt_file: String,
    /// The prompt as it was put, before any template of the model's; a long one up to [`ModelCall::KEPT`] bytes.
    pub prompt: String,
    /// So many bytes of the prompt are left out.
    pub prompt_cut: usize,
    /// Hash of the whole prompt.
    pub prompt_hash: String,
    /// Hash of each picture.
    pub pictures: Vec<String>,
    /// How it was made to answer.
    pub manner: Manner,
    /// Tokens of prompt and answer.
    pub tokens: [usize; 2],
    /// What it cost, in the currency of whoever it was bought from.
    pub cost: f64,
    /// What it said, as it came, up to [`ModelCall::KEPT`] bytes; empty where nothing came.
    pub answer: String,
    /// So many bytes of the answer are left out.
    pub answer_cut: usize,
    /// Why that is no answer; empty where it is one.
    pub failure: String,
}

impl ModelCall {
    /// Most bytes of a prompt, and of an answer, that are kept: more than any answer of Sinew's own roles may have.
    pub const KEPT: usize = 64 << 10;

    /// What is kept of a text, and how many bytes are left out.
    #[must_use]
    pub fn kept(text: &str) -> (String, usize) {
        let kept = &text[..text.floor_char_boundary(Self::KEPT)];
        (kept.to_owned(), text.len() - kept.len())
    }
}

/// How a language model was made to answer.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Manner {
    /// Seed of the choice of tokens; `None` where the likeliest is taken, or a server was asked for none.
    pub seed: Option<i64>,
    /// How tokens are chosen, by the names that servers have for it: a `temperature` of 0 takes the likeliest.
    pub sampling: BTreeMap<String, f64>,
    /// What holds the answer to its form.
    pub held_to: String,
    /// How long it took, seconds of wall time; 0 in lockstep.
    pub latency_s: f64,
}

impl core::fmt::Display for Manner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let is_greedy = self.sampling.get("temperature") == Some(&0.0);
        match self.seed {
            Some(seed) if !is_greedy => write!(f, "at random with seed {seed}")?,
            Some(seed) => write!(f, "greedy, seed {seed}")?,
            None if is_greedy => write!(f, "greedy")?,
            None => write!(f, "no seed")?,
        }
        for (name, value) in self.sampling.iter().filter(|(name, _)| !(is_greedy && *name == "temperature")) {
            write!(f, ", {name} {value}")?;
        }
        let form = Some(&self.held_to).filter(|h| !h.is_empty());
        form.map_or(Ok(()), |form| write!(f, ", held to {form}"))
    }
}

/// A change of which model answers (F46): declared, so that nobody has to guess whose eyes a robot goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shift {
    /// One that was asked has no answer.
    Fell {
        /// Which.
        model: String,
        /// Why.
        why: String,
        /// Who answers instead; `None`: nobody does.
        instead: Option<String>,
    },
    /// One that had failed answers again.
    Back {
        /// Which.
        model: String,
    },
}

/// What may be put into other words for the person. The built-in words stand in it; nothing that is done hangs on it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Wording {
    /// A question to the person.
    Ask {
        /// As the planner asks it.
        question: String,
        /// What each thing is called that it could be about; each has to be named.
        options: Vec<String>,
    },
    /// Why something ended as it did.
    Explain {
        /// What was said, how it ended, and what led there, as the stages said it.
        facts: Vec<String>,
    },
}

/// What a model makes of a picture from before something was done and one from after it. Advice: nothing moves by it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Judgement {
    /// Whether it says that it was done.
    pub is_done: bool,
    /// Why, in its own words: data, one line, bounded.
    pub reason: String,
}

/// A model that reads a picture and a sentence, in process, behind HTTP or on another machine.
pub trait VisionLanguageModel: Send {
    /// A line that identifies the weights, for recordings.
    fn identity(&self) -> String;
    /// Answers; `image` is `None` when only the sentence matters.
    ///
    /// # Errors
    /// [`ModelError`]; never a panic, whatever the picture or the sentence.
    fn answer(
        &mut self,
        image: Option<&Image>,
        sentence: &str,
        budget: Budget<'_>,
    ) -> Result<Answer, ModelError>;
    /// From now on only these tasks may be proposed. A model whose proposals are checked anyway may pass over it.
    fn offer(&mut self, _offer: &Offer) {}
    /// Other words for the person; `None` where the built-in ones stand.
    ///
    /// # Errors
    /// [`ModelError`]; the built-in words stand then, too.
    fn word(&mut self, _wording: &Wording, _budget: Budget<'_>) -> Result<Option<String>, ModelError> {
        Ok(None)
    }
    /// Whether `what`, a sentence, was done between two pictures of one camera; `None` where it does not judge.
    ///
    /// # Errors
    /// [`ModelError`]; what is measured counts then, as it does anyway.
    fn judge(
        &mut self,
        _before: &Image,
        _after: &Image,
        _what: &str,
        _budget: Budget<'_>,
    ) -> Result<Option<Judgement>, ModelError> {
        Ok(None)
    }
    /// What has changed since this was last asked about which model answers.
    fn take_shifts(&mut self) -> Vec<Shift> {
        Vec::new()
    }
    /// The calls of a language model since this was last asked, for the record.
    fn take_calls(&mut self) -> Vec<ModelCall> {
        Vec::new()
    }
}

/// Picture to objects: grounding over any [`VisionLanguageModel`]; the simulator's truth in tests alone.
pub trait Detector: Send {
    /// Every object in the picture.
    ///
    /// # Errors
    /// As [`VisionLanguageModel::answer`].
    fn detect(&mut self, image: &Image, budget: Budget<'_>) -> Result<Vec<Detection>, ModelError>;
}

impl<M: VisionLanguageModel + ?Sized> Detector for M {
    fn detect(&mut self, image: &Image, budget: Budget<'_>) -> Result<Vec<Detection>, ModelError> {
        self.answer(Some(image), "", budget).map(|a| a.detections)
    }
}

/// A sentence's meaning and a scene, to a checked plan, an answer, a question or a refusal.
pub trait Planner: Send {
    /// Decides what to do. Never moves anything.
    fn decide(&mut self, utterance: &Utterance, scene: &Scene, state: &JointState) -> Outcome;
}

/// A state in, a command out, once per tick: the heart of the real-time loop.
pub trait Controller: Send {
    /// Decides the command for the tick at `now`; `None` when the robot could not be read.
    ///
    /// # Real-time
    /// Allocates, locks, logs and formats nothing; bounded time.
    fn tick(&mut self, now: Time, state: Option<&JointState>) -> JointCommand;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_prompt_as_much_is_kept_as_is_said_and_what_is_left_out_is_counted() {
        assert_eq!(ModelCall::kept("what is this?"), ("what is this?".to_owned(), 0));
        // Two bytes a letter, of which the last would be parted.
        let long = format!("a{}", "ä".repeat(ModelCall::KEPT));
        let (kept, cut) = ModelCall::kept(&long);
        assert_eq!((kept.len(), kept.len() + cut), (ModelCall::KEPT - 1, long.len()));
        assert!(long.starts_with(&kept));
    }

    #[test]
    fn it_is_said_whether_tokens_were_drawn_and_by_which_seed() {
        let manner = |seed: Option<i64>, sampling: &[(&str, f64)]| {
            let sampling = sampling.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
            Manner { seed, sampling, ..Manner::default() }.to_string()
        };
        assert_eq!(manner(None, &[("temperature", 0.0), ("max_tokens", 9.0)]), "greedy, max_tokens 9");
        assert_eq!(manner(Some(7), &[("temperature", 0.5)]), "at random with seed 7, temperature 0.5");
        assert_eq!(manner(None, &[("temperature", 0.5)]), "no seed, temperature 0.5");
    }
}
