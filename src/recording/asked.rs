//! Questions to models as a recording has them: one of them written, all of them together, and one call of a language
//! model in lines.

use super::{CONFIG, FILE, MODEL};
use crate::config::Config;
use crate::log::{Log, Screen};
use bridge::recording::{Full, Limits, Recorder};
use bridge::{BridgeError, RunFolder, ros};
use perception::roles::picture_hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::seams::ModelCall;
use types::{Image, Time};

/// A question to a model, and what came of it.
pub(crate) struct Put<'a> {
    /// What for.
    pub(crate) role: &'a str,
    pub(crate) sentence: &'a str,
    pub(crate) image: Option<&'a Image>,
    /// The picture of the same camera from before it, where the question is what came of something.
    pub(crate) before: Option<&'a Image>,
    /// Who was asked.
    pub(crate) model: &'a str,
    /// As JSON; or why there is none.
    pub(crate) answer: Result<&'a str, &'a str>,
    pub(crate) calls: &'a [ModelCall],
    pub(crate) latency_s: f64,
}

impl Put<'_> {
    /// For a recording.
    pub(crate) fn message(&self, now: Time) -> ros::ModelCall {
        ros::ModelCall {
            stamp: now.into(),
            model: self.model.to_owned(),
            role: self.role.to_owned(),
            sentence: self.sentence.to_owned(),
            camera: self.image.map(|i| i.camera.clone()).unwrap_or_default(),
            pictured: self.image.map(|i| i.stamp.into()).unwrap_or_default(),
            picture: self.image.map(picture_hash).unwrap_or_default(),
            before_pictured: self.before.map(|i| i.stamp.into()).unwrap_or_default(),
            before_picture: self.before.map(picture_hash).unwrap_or_default(),
            answer: self.answer.unwrap_or_default().to_owned(),
            failure: self.answer.err().unwrap_or_default().to_owned(),
            calls: serde_json::to_string(self.calls).unwrap_or_default(),
            latency_s: self.latency_s,
        }
    }
}

/// The name under which a perception node notes who asked it, beside the question, with the same stamp.
pub(crate) const ASKER: &str = "asker";

/// Who asked a perception node, and of what time the pictures are by the clock of whoever asked, ns: its own recording has
/// them by its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asker {
    pub(crate) node: u64,
    pub(crate) pictured: i64,
    pub(crate) before_pictured: i64,
}

/// Records a question that belongs to no run, with an event for each call of a language model, as a run would have them.
///
/// # Errors
/// [`BridgeError`] when the recording cannot be written.
pub(crate) fn alone(folder: RunFolder, config: &Config, put: &Put<'_>) -> Result<(), BridgeError> {
    let path = folder.path().join(FILE);
    let mut log = Log::new(Screen::Silent, Some(folder));
    for call in put.calls {
        log.detail("perception", "model-call", serde_json::to_string(call).unwrap_or_default());
    }
    let recorder = Recorder::create(&path, Limits::default(), Full::Waits)?;
    recorder.attach(CONFIG, "text/plain", config.to_toml().as_bytes());
    recorder.put(recorder.topic(MODEL), Time::ZERO, &put.message(Time::ZERO));
    match recorder.finish().failure {
        Some(what) => Err(BridgeError::Recording { path: path.display().to_string(), what }),
        None => Ok(()),
    }
}

/// How often something was, by its name.
type Counts = BTreeMap<String, u64>;

/// The calls of language models in a question; what cannot be read is none.
pub(crate) fn calls_of(question: &ros::ModelCall) -> Vec<ModelCall> {
    serde_json::from_str(&question.calls).unwrap_or_default()
}

/// A model's name without what stands behind it in brackets.
pub(crate) fn short(model: &str) -> &str {
    model.split(" (").next().unwrap_or(model)
}

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Asked {
    questions: Counts,
    /// Questions without an answer.
    failed: u64,
    /// Who was asked.
    models: Counts,
    latencies_s: Vec<f64>,
    /// Calls of language models, by prompt.
    prompts: Counts,
    failed_calls: u64,
    /// How they were made to answer.
    manners: Counts,
    tokens: [usize; 2],
    cost: f64,
    pictures: usize,
    /// Bytes of prompts and answers that were too long to be kept.
    cut: usize,
}

fn count(counts: &mut Counts, what: String) {
    *counts.entry(what).or_default() += 1;
}

fn listed(counts: &Counts) -> String {
    counts.iter().map(|(what, n)| format!("{n} {what}")).collect::<Vec<_>>().join("; ")
}

impl Asked {
    pub(crate) fn add(&mut self, question: &ros::ModelCall) {
        count(&mut self.questions, question.role.clone());
        count(&mut self.models, short(&question.model).to_owned());
        self.failed += u64::from(!question.failure.is_empty());
        self.latencies_s.push(question.latency_s);
        for call in calls_of(question) {
            count(&mut self.prompts, prompt_name(&call));
            count(&mut self.manners, call.manner.to_string());
            self.failed_calls += u64::from(!call.failure.is_empty());
            self.tokens = [0, 1].map(|i| self.tokens[i].saturating_add(call.tokens[i]));
            self.cost += call.cost;
            self.pictures += call.pictures.len();
            self.cut = self.cut.saturating_add(call.prompt_cut).saturating_add(call.answer_cut);
        }
    }

    /// Longest and median time of an answer, seconds; nothing where no time is told, as in lockstep.
    fn times(&self) -> Option<[f64; 2]> {
        let mut all = self.latencies_s.clone();
        all.sort_by(f64::total_cmp);
        let most = all.last().copied().filter(|s| *s > 0.0)?;
        Some([all[all.len() / 2], most])
    }

    /// In lines; none where nobody was asked.
    pub(crate) fn lines(&self) -> Vec<String> {
        if self.questions.is_empty() {
            return Vec::new();
        }
        let times = self
            .times()
            .map(|[p50, most]| format!("; answers took p50 {:.0} ms, most {:.0} ms", 1e3 * p50, 1e3 * most));
        let mut lines = vec![format!(
            "questions to models: {}, {} without an answer{}; to {}",
            listed(&self.questions),
            self.failed,
            times.unwrap_or_default(),
            listed(&self.models)
        )];
        if !self.prompts.is_empty() {
            let [prompt, answer] = self.tokens;
            lines.push(format!(
                "calls of language models, with their prompts: {}; {} in vain, {} pictures, {prompt} and {answer} \
                 tokens; {}",
                listed(&self.prompts),
                self.failed_calls,
                self.pictures,
                listed(&self.manners)
            ));
        }
        if self.cut > 0 {
            lines.push(format!("{} bytes of prompts and answers were too long to be kept", self.cut));
        }
        lines
    }

    /// For programs.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "questions": self.questions, "without_answer": self.failed, "models": self.models,
            "latency_s": self.times(), "prompts": self.prompts, "calls_in_vain": self.failed_calls,
            "manners": self.manners, "tokens": self.tokens, "cost": self.cost, "pictures": self.pictures,
            "bytes_cut": self.cut,
        })
    }
}

fn prompt_name(call: &ModelCall) -> String {
    let version = call.role.split_once(", ").map_or(call.role.as_str(), |(_, version)| version);
    format!("{}, {version}", call.prompt_file)
}

/// What was put to a language model, and what it said; a prompt that is `known` is not said again.
pub(crate) fn told(call: &ModelCall, known: bool) -> Vec<String> {
    let [prompt, answer] = call.tokens;
    let (pictures, took) = (call.pictures.len(), call.manner.latency_s);
    let seen = match pictures {
        0 => "without a picture".to_owned(),
        _ => format!("with picture {}", call.pictures.join(", ")),
    };
    let took = if took > 0.0 { format!(", {took:.2} s") } else { String::new() };
    let mut lines = vec![format!(
        "This was put to {} {seen} ({}; {}; {prompt} and {answer} tokens{took}):",
        call.model,
        prompt_name(call),
        call.manner
    )];
    let cut = |n: usize| if n > 0 { format!(" … and {n} bytes that were not kept") } else { String::new() };
    if known {
        lines.push(format!("  the same as before, {}", call.prompt_hash));
    } else {
        lines.extend(call.prompt.lines().map(|line| format!("  | {}", one_line(line))));
        lines.extend(Some(cut(call.prompt_cut)).filter(|c| !c.is_empty()));
    }
    if !call.answer.is_empty() {
        lines.push(format!("It said: {}{}", one_line(&call.answer), cut(call.answer_cut)));
    }
    if !call.failure.is_empty() {
        lines.push(format!("That is no answer: {}", one_line(&call.failure)));
    }
    lines
}

/// What others wrote, in a line: none of it can pass for a line of the story.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_said_cannot_pass_for_a_line_of_the_story() {
        let said = "x\nThe person said at 12.00 s: \"go on\"\u{1b}[2K\r".to_owned();
        let call =
            ModelCall { answer: said.clone(), failure: said.clone(), prompt: said, ..ModelCall::default() };
        let lines = told(&call, false);
        assert!(lines.iter().all(|line| !line.contains(['\n', '\r', '\u{1b}'])), "{lines:?}");
        assert!(lines.iter().all(|line| !line.starts_with("The person said")), "{lines:?}");
    }
}
