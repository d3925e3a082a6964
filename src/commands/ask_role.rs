//! `sinew ask --role` without `--model`: the model that the configuration names, asked alone with one of Sinew's own
//! prompts; nothing moves.

use super::ask::as_image;
use super::ask_model::check_pictures;
use super::{CommandError, Setting};
use crate::cli::Common;
use crate::exit::Exit;
use crate::log::Facts;
use crate::recording::{Put, alone};
use core::time::Duration;
use perception::roles::{Given, Measure, Role, Spot, accepted, called, quoted, request, spots};
use perception::vlm::Grammar;
use serde::Serialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use types::Rejection;
use types::events::Event;
use types::seams::{Budget, Wording};

/// What `--json` prints, in one line.
#[derive(Serialize)]
struct Said<'a> {
    /// Who answered.
    model: String,
    /// Which prompt.
    role: String,
    /// Of prompt and answer.
    tokens: [usize; 2],
    text: &'a str,
    /// What was pointed at, where the role points.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Vec<Spot>>,
}

/// What a role asks for, and what may come.
pub(super) struct Request {
    role: Role,
    wording: Option<Wording>,
    /// In what places are told, and the picture's sides, pixels.
    measure: Measure,
    sides: [u32; 2],
    pub(super) prompt: String,
    pub(super) grammar: Grammar,
}

impl Request {
    /// The sentence is what the role is about: what was said, what to count, the question to be put into words, or, for
    /// an explanation, what the person asks, after what the events of a run say.
    pub(super) fn new(role: Role, sentence: &str, run: Option<&Path>) -> Result<Self, CommandError> {
        let wording = match role {
            Role::Explain => {
                let mut facts = run.map(facts_of).transpose()?.unwrap_or_default();
                facts.push(sentence.to_owned());
                Some(Wording::Explain { facts })
            }
            Role::Ask => Some(Wording::Ask { question: sentence.to_owned(), options: quoted(sentence) }),
            Role::Look | Role::Point | Role::Read | Role::Describe | Role::Count | Role::Judge => None,
        };
        if run.is_some() && role != Role::Explain {
            return Err(Rejection::new("--run", "--role explain", format!("--role {}", role.name())).into());
        }
        let (prompt, grammar) = match &wording {
            Some(wording) => request(wording)?,
            None => (role.prompt(sentence), role.grammar()?),
        };
        Ok(Self { role, wording, measure: Measure::default(), sides: [0; 2], prompt, grammar })
    }

    /// The same of whoever tells places in a picture of these sides in this measure.
    pub(super) fn measured(
        self,
        sentence: &str,
        sides: [u32; 2],
        measure: Measure,
    ) -> Result<Self, CommandError> {
        if !self.points() {
            return Ok(self);
        }
        let (role, given) = (self.role, Given::from(measure));
        let (prompt, grammar) = (role.prompt_given(sentence, &given), role.grammar_given(&given)?);
        Ok(Self { measure, sides, prompt, grammar, ..self })
    }

    fn points(&self) -> bool {
        matches!(self.role, Role::Look | Role::Point)
    }

    /// What an answer points at, in pixels of the picture, where the role points.
    pub(super) fn found(&self, answer: &str) -> Option<Vec<Spot>> {
        if self.points() { spots(answer, self.sides, self.measure).ok() } else { None }
    }

    /// Whether an answer is of the role, and says no more than it may.
    pub(super) fn check(&self, answer: &str) -> Result<(), CommandError> {
        let checked = match &self.wording {
            Some(wording) => accepted(wording, answer).map(|_| ()),
            None => self.role.check(answer, self.measure),
        };
        checked.map_err(|e| CommandError::Speaker(e.to_string()))
    }
}

/// What the events of a run say of how it went.
fn facts_of(run: &Path) -> Result<Vec<String>, CommandError> {
    let path = run.join("events.jsonl");
    let refuse =
        |why: String| Rejection::new("--run", "the folder of a run", format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|e| refuse(e.to_string()))?;
    let events: Result<Vec<Event>, _> = text.lines().map(serde_json::from_str).collect();
    let events = events.map_err(|e| refuse(e.to_string()))?;
    let mut facts = Facts::default();
    events.iter().for_each(|e| facts.push(e));
    let facts = facts.all();
    if facts.is_empty() {
        return Err(refuse("no event says how it went".to_owned()).into());
    }
    Ok(facts)
}

/// Refuses a folder with a recording in it: nothing is written over.
fn is_new(out: &Path) -> Result<(), Rejection> {
    let there = ["events.jsonl", crate::recording::FILE].map(|name| out.join(name));
    match there.iter().find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => {
            let got = format!("{}, which is there already", path.display());
            Err(Rejection::new("--out", "a new folder", got))
        }
        None => Ok(()),
    }
}

pub(crate) fn run(
    role: Role,
    sentence: &str,
    images: &[PathBuf],
    run: Option<&Path>,
    common: &Common,
) -> Result<Exit, CommandError> {
    check_pictures(role, images)?;
    common.out.as_deref().map_or(Ok(()), is_new)?;
    let request = Request::new(role, sentence, run)?;
    let setting = Setting::read(common, None)?;
    let mut speaker = crate::models::speaker(&setting.config)?;
    let pictures = images.iter().map(|path| {
        let canvas = bridge::files::read_picture(path).map_err(|e| CommandError::Other(e.to_string()))?;
        as_image(&canvas).map_err(CommandError::from)
    });
    let pictures = pictures.collect::<Result<Vec<_>, _>>()?;
    let cancel = AtomicBool::new(false);
    let limit = Duration::from_secs_f64(setting.config.perception.answer_limit_s);
    let budget = Budget { limit, cancel: &cancel };
    let shown: Vec<_> = pictures.iter().collect();
    let request = match pictures.first() {
        Some(picture) => {
            let sides = [picture.intrinsics.width, picture.intrinsics.height];
            request.measured(sentence, sides, speaker.measure(picture))?
        }
        None => request,
    };
    // What is refused leaves nothing behind; what cannot be kept is not asked.
    let kept = common.out.as_deref().map(bridge::RunFolder::create).transpose()?;
    let said = speaker.say(&shown, &request.prompt, &request.grammar, budget);
    let (mut call, said) = called(speaker.as_ref(), role, &shown, &request.prompt, said);
    let said = said.map_err(|e| CommandError::Speaker(e.to_string()));
    let said = said.and_then(|text| request.check(&text).map(|()| text));
    if let Err(e) = &said {
        call.failure = e.to_string();
    }
    let tokens = call.tokens;
    let keep = |folder| {
        let before = shown.first().filter(|_| shown.len() > 1).copied();
        let put = Put {
            role: role.name(),
            sentence,
            image: shown.last().copied(),
            before,
            model: &call.model,
            answer: if call.failure.is_empty() { Ok(&call.answer) } else { Err(&call.failure) },
            calls: core::slice::from_ref(&call),
            latency_s: call.manner.latency_s,
        };
        alone(folder, &setting.config, &put)
    };
    let kept = kept.map_or(Ok(()), keep);
    let text = match (said, &kept) {
        (Ok(text), _) => text,
        (Err(e), Ok(())) => return Err(e),
        (Err(e), Err(why)) => return Err(CommandError::Speaker(format!("{e}; nor is it kept: {why}"))),
    };
    let line = if common.json {
        let role = format!("{}, {}", role.name(), role.version());
        let found = request.found(&text);
        let said = Said { model: speaker.identity(), role, tokens, text: &text, found };
        serde_json::to_string(&said).map_err(|e| CommandError::Other(e.to_string()))?
    } else {
        text
    };
    // A reader that went away is no failure of the model's.
    let _ = writeln!(std::io::stdout(), "{line}");
    // An answer that could not be kept is one all the same.
    kept?;
    Ok(Exit::Done)
}
