//! A recorded run with values of its configuration changed, beside what was recorded.
//!
//! A run of the simulated world is made anew from its beginning in virtual time, so that everything answers to the
//! change: the recording holds scene, seed and words. One that was recorded in virtual time is compared itself; one of
//! wall time hung on what its threads found at what moment, and is made anew without the change as well. Otherwise
//! there are only the inputs: mission, planner and loop are done again from them, while what was measured answers to
//! what was commanded then. That counts until the mission asks for what is not in the recording, or the loop stops.

use super::contrast::Contrast;
use super::{Files, Header, ReplayError};
use crate::config::Config;
use crate::log::{Log, Screen};
use crate::recording::{Again, EVENTS, FILE, OPERATOR, RunInfo, SCENE, Share, Ticks};
use crate::runner;
use crate::session::{self, Pace};
use crate::suite::episode::{Episode, Expect};
use bridge::RunFolder;
use bridge::recording::Reader;
use bridge::ros::{Log as Told, Text};
use sim::{FaultSpec, SceneSpec};
use std::path::Path;
use types::Rejection;

/// Where the run without the change is, if it had to be made anew.
const WITHOUT: &str = "without";

/// How a run with a change is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Once more, in the simulated world and in virtual time.
    Anew,
    /// Out of the recorded inputs.
    Inputs {
        /// Whether models are asked again about what was recorded.
        requery: bool,
    },
}

/// How a run ended: its word, and what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) word: String,
    pub(crate) said: String,
}

/// What came of a change.
pub(crate) struct Changed {
    pub(crate) contrast: Contrast,
    /// How the recorded run ended, where that is in the recording.
    pub(crate) was: Option<End>,
    /// How the other ended; `None` where it was only followed.
    pub(crate) is: Option<End>,
    /// Why the recording itself, without any change, does not come out the same here.
    pub(crate) doubt: Option<String>,
    /// What models said that were asked again.
    pub(crate) again: Option<Again>,
}

/// The way for a recording.
pub(crate) fn way(from_inputs: bool, requery: bool) -> Way {
    if from_inputs || requery { Way::Inputs { requery } } else { Way::Anew }
}

/// The recorded configuration with changes, if they are ones on which such a run hangs.
///
/// # Errors
/// [`ReplayError`] naming the change and what is wrong with it.
pub(crate) fn config(header: &Header, changes: &[String], way: Way) -> Result<Config, ReplayError> {
    let config = header.config.with(changes).map_err(ReplayError::Change)?;
    for key in changes.iter().filter_map(|c| c.split_once('=')).map(|(key, _)| key.trim()) {
        let section = key.split('.').next().unwrap_or(key);
        let why = match (section, key) {
            ("robot", _) => "another robot is another run",
            ("record", _) => "what is recorded changes nothing of what is done",
            (_, "sim.seed") => "another seed is another run",
            (_, "control.rate_hz" | "control.priority" | "control.cpu" | "control.watchdog") => {
                "ticks come when they came"
            }
            ("planner", _) if header.run.share == Share::Robot => {
                "its motions are there as they were asked for"
            }
            ("sim", _) if way != Way::Anew => "its world is in the recording, as it was measured",
            (_, "planner.judge") if way != Way::Anew => "what models were asked is in the recording",
            ("perception" | "remote" | "hub", _) if way == (Way::Inputs { requery: false }) => {
                "models have said what is recorded; --requery asks them again"
            }
            _ => continue,
        };
        let field = format!("--with {key}");
        return Err(Rejection::new(field, "a value on which this replay hangs", why).into());
    }
    Ok(config)
}

/// Makes the run with the changed configuration, and compares. `folder` holds what a run leaves if it is made anew.
///
/// # Errors
/// [`ReplayError`] for a recording of which this cannot be done.
pub(crate) fn run(
    path: &Path,
    header: &Header,
    changes: &[String],
    way: Way,
    folder: &Path,
) -> Result<Changed, ReplayError> {
    let config = config(header, changes, way)?;
    let elsewhere = match header.run.share {
        Share::Whole if header.config.arm.kind == "simulated" => None,
        Share::Whole => Some("its arm is not simulated"),
        _ => Some("it is one node's part of a run"),
    };
    if let Some(why) = elsewhere.filter(|_| way == Way::Anew) {
        let why = format!("{why}, and cannot be made anew: --inputs tells the loop what was recorded");
        return Err(ReplayError::Recording(format!("{}: {why}", path.display())));
    }
    let doubt = match super::run(path, header, false) {
        Ok(replayed) if replayed.is_identical() => None,
        Ok(replayed) => {
            let why = replayed.compared.problem.or(replayed.divergence);
            Some(why.unwrap_or_else(|| format!("{} commands are others", replayed.compared.different)))
        }
        Err(e) => Some(e.to_string()),
    };
    let is_time_limit = |c: &String| c.split('=').next().is_some_and(|k| k.trim() == "planner.time_limit_s");
    let time_limit_s =
        if changes.iter().any(is_time_limit) { config.planner.time_limit_s } else { header.run.time_limit_s };
    let run = RunInfo { time_limit_s, ..header.run.clone() };
    let before = &header.config;
    let header = Header { config, arm: header.arm.clone(), run };
    let changed = match way {
        Way::Anew => anew(path, &header, before, folder)?,
        Way::Inputs { requery } => followed(path, &header, requery)?,
    };
    Ok(Changed { doubt, ..changed })
}

/// Out of the recorded inputs.
fn followed(path: &Path, header: &Header, requery: bool) -> Result<Changed, ReplayError> {
    let (replayed, contrast) = super::repeat(path, header, requery, Some(Contrast::new(&header.arm)))?;
    let mut contrast = contrast.unwrap_or_else(|| Contrast::new(&header.arm));
    if let Some(why) = replayed.divergence.or(replayed.compared.problem) {
        let at = contrast.margins[1].span.map_or_else(Default::default, |(_, last)| last);
        contrast.leave(at, format!("the mission has left its recording: {why}"));
    }
    let was = Said::of(path)?.end;
    Ok(Changed { contrast, was, is: None, doubt: None, again: replayed.again })
}

/// Once more, in the simulated world. `before` is the configuration without the change.
fn anew(path: &Path, header: &Header, before: &Config, folder: &Path) -> Result<Changed, ReplayError> {
    let Said { answers, end } = Said::of(path)?;
    let (scene, faults): (SceneSpec, Vec<FaultSpec>) = Files::read(path)?.json(SCENE)?;
    let run = &header.run;
    let episode = Episode {
        family: "replay".into(),
        seed: run.seed,
        scene,
        sentence: run.sentence.clone(),
        // Those that nobody asked for are still there; those of a person at a terminal are what was said.
        answers: if run.answers.is_empty() { answers } else { run.answers.clone() },
        expect: Expect::Done,
        success: Vec::new(),
        answer: None,
        faults,
        time_limit_s: Some(run.time_limit_s),
    };
    // What is not there is told before there is a folder.
    crate::models::prepare(&header.config)?;
    session::model(&header.config)?;
    let same = |a: &Path| a.canonicalize().ok();
    let own = folder.join(FILE);
    if same(&own).is_some_and(|own| Some(own) == same(path)) {
        let got = folder.display().to_string();
        return Err(Rejection::new("--out", "another folder than the recording's own", got).into());
    }
    let make = |config: &Config, folder: &Path| -> Result<End, ReplayError> {
        let log = Log::new(Screen::Silent, Some(RunFolder::create(folder)?));
        let outcome = runner::run(config, &header.arm, &episode, Pace::Lockstep, log, false)?;
        Ok(End { word: outcome.exit.word().into(), said: outcome.said })
    };
    let (base, was_end) = if run.is_lockstep {
        (path.to_owned(), end)
    } else {
        let without = folder.join(WITHOUT);
        let end = make(before, &without)?;
        (without.join(FILE), Some(end))
    };
    let is_end = make(&header.config, folder)?;
    let (mut was, mut is) = (Ticks::new(Reader::open(&base)?), Ticks::new(Reader::open(&own)?));
    let mut contrast = Contrast::new(&header.arm);
    loop {
        let at = contrast.margins[0].span.map_or_else(Default::default, |(_, last)| last);
        let mut next = |ticks: &mut Ticks| {
            ticks.next().unwrap_or_else(|e| {
                contrast.leave(at, e.to_string());
                None
            })
        };
        let (was, is) = (next(&mut was), next(&mut is));
        if (was.is_none() && is.is_none()) || contrast.left.is_some() {
            break;
        }
        contrast.take(was.as_ref(), is.as_ref().map(|i| &i.command));
    }
    Ok(Changed { contrast, was: was_end, is: Some(is_end), doubt: None, again: None })
}

/// What was said in a recorded run.
struct Said {
    /// By the person, after the sentence.
    answers: Vec<String>,
    /// In the end.
    end: Option<End>,
}

impl Said {
    fn of(path: &Path) -> Result<Self, ReplayError> {
        let (mut words, mut end) = (Vec::new(), None);
        for message in Reader::open(path)? {
            match message.info.topic.as_str() {
                OPERATOR => words.push(message.read::<Text>()?.data),
                EVENTS => {
                    let Told { name, file: kind, msg: said, .. } = message.read()?;
                    match (name.as_str(), kind.as_str(), &mut end) {
                        ("run", "done" | "failed" | "question" | "refused" | "interrupted", _) => {
                            end = Some(End { word: kind, said });
                        }
                        // The simulator's truth comes after perception's verdict.
                        ("run", "verdicts", Some(end)) => end.word = "verdicts differ".into(),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Ok(Self { answers: words.into_iter().skip(1).collect(), end })
    }
}
