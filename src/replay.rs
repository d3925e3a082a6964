//! A recorded run once more: mission, planner and control are carried out again from what they consumed, and every
//! command is compared with the recorded one, bit for bit (I9). Nothing moves, no model is asked, and how fast the
//! recording was made does not matter.

pub(crate) mod changed;
pub(crate) mod contrast;
mod elsewhere;
mod part;

use crate::config::{Config, ConfigError};
use crate::graph::taped::{Compared, Laps, Repeated};
use crate::log::{Log, Screen};
use crate::recording::{self, Again, CONFIG, ROBOT, RUN, RunInfo, Share, Tape, Ticks};
use crate::robots::{self, RobotFileError};
use crate::session::{self, Pace, Parts, Setup, StartError};
use crate::version;
use bridge::BridgeError;
use bridge::recording::Reader;
use contrast::Contrast;
use control::{Component, Watchdog};
use mechanics::Arm;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use types::seams::{Answer, Budget, ModelError, VisionLanguageModel};
use types::{Image, Rejection};

/// Why a recording cannot be replayed at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error(transparent)]
    Bridge(#[from] BridgeError),
    #[error("the recording's robot.toml: {0}")]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Change(ConfigError),
    #[error(transparent)]
    Robot(#[from] RobotFileError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Refused(#[from] Rejection),
    #[error("{0}")]
    Recording(String),
}

/// The files beside the messages of a recording.
struct Files<'a>(&'a Path, Reader);

impl<'a> Files<'a> {
    fn read(path: &'a Path) -> Result<Self, BridgeError> {
        let mut reader = Reader::open(path)?;
        // They stand before the first message.
        reader.next();
        Ok(Self(path, reader))
    }

    fn text(&self, name: &str) -> Result<String, ReplayError> {
        let Self(path, reader) = self;
        let found = reader.attached().iter().find(|a| a.name == name);
        let flaw = reader.flaws().first().map(|f| format!(" (at byte {}: {})", f.at, f.what));
        found.map(|a| String::from_utf8_lossy(&a.data).into_owned()).ok_or_else(|| {
            let why = flaw.unwrap_or_default();
            ReplayError::Recording(format!("{}: there is no {name} in it{why}", path.display()))
        })
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, ReplayError> {
        serde_json::from_str(&self.text(name)?)
            .map_err(|e| ReplayError::Recording(format!("{}: {name}: {e}", self.0.display())))
    }
}

/// Refuses what is a recording's later file, or one of whose first nothing can be read.
///
/// # Errors
/// [`BridgeError`] naming the part that it begins with.
pub(crate) fn begins(path: &Path) -> Result<(), BridgeError> {
    match Reader::open(path)?.first_part() {
        1 => Ok(()),
        part => {
            let what = format!(
                "expected the first file of a recording, got its part {part}: what came before is needed"
            );
            Err(BridgeError::Recording { path: path.display().to_string(), what })
        }
    }
}

/// What a recording says of itself.
pub(crate) struct Header {
    pub(crate) config: Config,
    pub(crate) arm: Arc<Arm>,
    pub(crate) run: RunInfo,
}

impl Header {
    /// Reads it, and finds the same robot.
    ///
    /// # Errors
    /// [`ReplayError`] naming what is missing, or what is another here.
    pub(crate) fn read(path: &Path) -> Result<Self, ReplayError> {
        let files = Files::read(path)?;
        // Another version's files mean something else.
        let recorded_by =
            files.json::<serde_json::Value>(RUN)?["version"].as_str().unwrap_or("none").to_owned();
        if recorded_by != version::PACKAGE {
            let here = format!("a recording of sinew {}", version::PACKAGE);
            return Err(Rejection::new(RUN, here, format!("one of sinew {recorded_by}")).into());
        }
        let config = Config::parse(&files.text(CONFIG)?, CONFIG)?;
        let run: RunInfo = files.json(RUN)?;
        let arm = robots::of(&config)?;
        let (recorded, here) = (files.text(ROBOT)?, recording::describe(&arm));
        if let Some((i, (was, is))) =
            recorded.lines().zip(here.lines()).enumerate().find(|(_, (a, b))| a != b)
        {
            let expected = format!("the robot of the recording, with \"{}\"", was.trim());
            return Err(
                Rejection::new(format!("{ROBOT}, line {}", i + 1), expected, is.trim().to_owned()).into()
            );
        }
        Ok(Self { config, arm, run })
    }

    /// The same, of a recording that can be read from its beginning: whatever is done once more, or told, hangs on that.
    ///
    /// # Errors
    /// As [`Self::read`], and for a later file of a recording.
    pub(crate) fn from_beginning(path: &Path) -> Result<Self, ReplayError> {
        begins(path)?;
        Self::read(path)
    }

    /// The joints' names, in the order of every tick's numbers.
    pub(crate) fn joint_names(&self) -> Vec<&str> {
        let joints = &self.arm.model().joints;
        self.arm.arm_joint_idx().iter().map(|j| joints[*j].name.as_str()).collect()
    }
}

/// What was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A loop's commands, tick by tick.
    Ticks,
    /// What a planner asked of a robot elsewhere.
    Requests,
}

/// How a replay went.
pub(crate) struct Replayed {
    /// Of what [`Compared::ticks`] counts how many there were.
    pub(crate) unit: Unit,
    pub(crate) compared: Compared,
    /// Where the mission left the recording.
    pub(crate) divergence: Option<String>,
    /// Notes that the mission took.
    pub(crate) notes: u64,
    /// What was said in the end.
    pub(crate) said: String,
    /// What models said that were asked again.
    pub(crate) again: Option<Again>,
}

impl Replayed {
    /// Whether all of it came out the same, and models that were asked again said the same.
    pub(crate) fn is_identical(&self) -> bool {
        let c = &self.compared;
        let is_other = self.again.as_ref().is_some_and(|a| !a.other.is_empty());
        // A question may ask nothing of a robot.
        let is_some = c.ticks > 0 || self.unit == Unit::Requests;
        is_some && c.different == 0 && c.problem.is_none() && self.divergence.is_none() && !is_other
    }
}

/// Does a recorded run again. With `requery` the models of its configuration are asked again, too, and their answers are
/// compared with the recorded ones, from which the mission goes on.
///
/// # Errors
/// [`ReplayError`] for a recording that cannot be replayed; one that comes out otherwise is no error.
pub(crate) fn run(path: &Path, header: &Header, requery: bool) -> Result<Replayed, ReplayError> {
    repeat(path, header, requery, None).map(|(replayed, _)| replayed)
}

/// As [`run`]; with `contrast`, which takes in every command beside the recorded one, for a configuration that is another.
fn repeat(
    path: &Path,
    header: &Header,
    requery: bool,
    contrast: Option<Contrast>,
) -> Result<(Replayed, Option<Contrast>), ReplayError> {
    let Header { config, arm, run } = header;
    if run.share != Share::Whole {
        return part::run(path, header, requery, contrast);
    }
    check_pictures(path, config)?;
    let pace = if run.is_lockstep { Pace::Lockstep } else { Pace::Wall };
    let laps = laps(path, header, pace, contrast)?;
    let compared = laps.compared.clone();
    let sentinel = laps.handle.sentinel(Component::Mission);
    let tape = Tape::repeating(Reader::open(path)?, requery);
    let body = Repeated::new(laps, tape.clone(), &run.cameras);
    let setup = Setup {
        config,
        arm,
        pace,
        seed: run.seed,
        answers: &run.answers,
        time_limit_s: run.time_limit_s,
        is_interactive: run.is_interactive,
        share: Share::Whole,
    };
    let parts = Parts {
        body: Box::new(body),
        model: if requery { crate::models::of(config)? } else { Box::new(Silent) },
        tape: tape.clone(),
        log: Log::new(Screen::Silent, None),
        film: None,
        sentinel: Some(sentinel),
    };
    let mut mission = session::assemble(&setup, parts)?;
    let ending = mission.run(&run.sentence);
    mission.body.finish();
    let mut compared = compared.lock().unwrap_or_else(PoisonError::into_inner);
    let mut compared = core::mem::take(&mut *compared);
    let contrast = compared.contrast.take();
    let divergence = tape.problem().or_else(|| tape.divergence());
    let replayed = Replayed {
        unit: Unit::Ticks,
        compared,
        divergence,
        notes: tape.taken(),
        said: ending.said,
        again: tape.again(),
    };
    Ok((replayed, contrast))
}

/// What a mission saw has to be there.
fn check_pictures(path: &Path, config: &Config) -> Result<(), ReplayError> {
    if config.record.images == "none" {
        let why =
            "it was recorded without pictures (record.images = \"none\"): what was seen cannot be seen again";
        return Err(ReplayError::Recording(format!("{}: {why}", path.display())));
    }
    Ok(())
}

/// The loop of a recording, before its first tick.
fn laps(
    path: &Path,
    Header { config, arm, .. }: &Header,
    pace: Pace,
    contrast: Option<Contrast>,
) -> Result<Laps, ReplayError> {
    let (mut core, handle) = control::new(arm.clone(), session::control_config(config, pace))?;
    if let Some(stroke_s) = config.stroke_s().filter(|_| pace == Pace::Wall) {
        let watchdog = Watchdog::private(arm.profile().overrun_ms * 1e-3)?.with_stroke(stroke_s)?;
        core = core.with_watchdog(watchdog.pulse());
    }
    let compared = Arc::new(Mutex::new(Compared { contrast, ..Compared::default() }));
    Ok(Laps { core, handle, ticks: Ticks::new(Reader::open(path)?), compared })
}

/// No model is asked in a replay.
struct Silent;

impl VisionLanguageModel for Silent {
    fn identity(&self) -> String {
        "none".into()
    }

    fn answer(&mut self, _: Option<&Image>, _: &str, _: Budget<'_>) -> Result<Answer, ModelError> {
        Err(ModelError::Declined("no model is asked in a replay".into()))
    }
}
