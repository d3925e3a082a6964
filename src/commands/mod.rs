//! What the program does: one file per subcommand.

pub(crate) mod alone;
pub(crate) mod ask;
pub(crate) mod ask_batch;
mod ask_film;
pub(crate) mod ask_model;
pub(crate) mod ask_role;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod fetch;
pub(crate) mod grounding;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod node;
pub(crate) mod paired;
pub(crate) mod reach;
pub(crate) mod replay;
pub(crate) mod replay_with;
pub(crate) mod run;
pub(crate) mod signs;
pub(crate) mod sim;
pub(crate) mod stop;
pub(crate) mod train;
pub(crate) mod watchdog;
pub(crate) mod why;

use crate::cli::Common;
use crate::config::{Config, ConfigError};
use crate::exit::Exit;
use crate::log::{Log, Screen};
use crate::session::StartError;
use crate::suite::episode::Episode;
use crate::suite::scenario::Scenario;
use bridge::dataset::DatasetError;
use bridge::hub::HubError;
use bridge::{BridgeError, RunFolder};
use mechanics::Arm;
use perception::vlm::VlmError;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A line for a person, out of a file of anybody's: without control characters, and whoever reads may go away.
macro_rules! tell {
    ($($a:tt)*) => { $crate::commands::say(&format!($($a)*)) };
}
pub(crate) use tell;

/// See [`tell`].
pub(crate) fn say(line: &str) {
    let clean: String = line.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    let _ = writeln!(std::io::stdout().lock(), "{clean}");
}

/// Why a command ends without having begun: a sentence for the person.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Robot(#[from] crate::robots::RobotFileError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Bridge(#[from] BridgeError),
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    #[error(transparent)]
    Refused(#[from] types::Rejection),
    #[error(transparent)]
    Replay(#[from] crate::replay::ReplayError),
    #[error(transparent)]
    Model(#[from] VlmError),
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    Node(crate::node::NodeError),
    /// The model gave no answer, or none of its role.
    #[error("{0}")]
    Speaker(String),
    #[error("{0}")]
    Other(String),
}

impl CommandError {
    /// Bad usage and bad files are told apart from what fails later.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Robot(_) | Self::Refused(_) | Self::Replay(_) => Exit::Usage,
            Self::Hub(why) | Self::Start(StartError::Hub(why)) => of_hub(why),
            Self::Start(StartError::Sim(_) | StartError::Body(_) | StartError::Bridge(_)) => Exit::Failed,
            Self::Start(_) => Exit::Usage,
            Self::Dataset(DatasetError::Refused(_) | DatasetError::Damaged { .. }) => Exit::Usage,
            Self::Node(_)
            | Self::Dataset(_)
            | Self::Bridge(_)
            | Self::Speaker(_)
            | Self::Model(VlmError::Backend(_) | VlmError::Cancelled) => Exit::Failed,
            Self::Model(_) => Exit::Usage,
            Self::Other(_) => Exit::Usage,
        }
    }
}

fn of_hub(why: &HubError) -> Exit {
    match why {
        HubError::Refused(_) | HubError::Unfit { .. } => Exit::Usage,
        HubError::Cancelled => Exit::Interrupted,
        HubError::Io { .. } | HubError::Failed { .. } | HubError::Spoilt { .. } | HubError::Full { .. } => {
            Exit::Failed
        }
    }
}

/// The file of `--config`, `robot.toml` here, or the built-in defaults.
pub(crate) fn config(path: Option<&Path>) -> Result<Config, ConfigError> {
    let here = Path::new("robot.toml");
    match path {
        Some(path) => Config::read(path),
        None if here.is_file() => Config::read(here),
        None => Ok(Config::default()),
    }
}

/// Configuration, robot and seed, as flags and files say.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) config: Config,
    pub(crate) arm: Arc<Arm>,
    pub(crate) seed: u64,
}

impl Setting {
    pub(crate) fn read(common: &Common, robot_of_scene: Option<&str>) -> Result<Self, CommandError> {
        let mut config = self::config(common.config.as_deref())?;
        if let Some(robot) = common.robot.as_deref().or(robot_of_scene) {
            config.robot.profile = robot.to_owned();
        }
        if let Some(seed) = common.seed {
            if i64::try_from(seed).is_err() {
                // A configuration file could not hold it.
                return Err(types::Rejection::new(
                    "--seed",
                    format!("at most {}", i64::MAX),
                    seed.to_string(),
                )
                .into());
            }
            config.sim.seed = seed;
        }
        let arm = crate::robots::of(&config)?;
        let seed = config.sim.seed;
        Ok(Self { config, arm, seed })
    }
}

/// The scenario of `--scene`, or the demo's, and the setting that goes with it.
pub(crate) fn scenario(common: &Common) -> Result<(Scenario, Setting), CommandError> {
    if let Some(path) = &common.scene {
        let scenario = Scenario::read(path)?;
        let setting = Setting::read(common, scenario.robot.as_deref())?;
        return Ok((scenario, setting));
    }
    let setting = Setting::read(common, None)?;
    Ok((demo(&setting)?, setting))
}

/// The demo's scenario for this robot: with fewer and smaller things where its reach is short.
pub(crate) fn demo(setting: &Setting) -> Result<Scenario, CommandError> {
    let [x0, x1, y0, y1] = setting.arm.profile().reach_m;
    let (text, name) =
        if (x1 - x0) * (y1 - y0) < SHORT_REACH_M2 { (DEMO_SMALL, "demo-small") } else { (DEMO, "demo") };
    Ok(Scenario::parse(text, &format!("assets/scenes/{name}.toml"))?)
}

/// The scenarios that are used when none is named.
const DEMO: &str = include_str!("../../assets/scenes/demo.toml");
const DEMO_SMALL: &str = include_str!("../../assets/scenes/demo-small.toml");
/// An arm that reaches less of the table than this gets the small demo, m².
const SHORT_REACH_M2: f64 = 0.06;

/// The episode of a scenario, its objects moved into the robot's reach if it lays them at random.
pub(crate) fn episode(
    scenario: &Scenario,
    setting: &Setting,
    sentence: Option<&str>,
) -> Result<Episode, CommandError> {
    let mut scenario = scenario.clone();
    if let Some(rules) = &mut scenario.random {
        let reach = setting.arm.profile().reach_m;
        // The overlap of the rule's area and what the arm reaches.
        let a = rules.area_m;
        let both = [a[0].max(reach[0]), a[1].min(reach[1]), a[2].max(reach[2]), a[3].min(reach[3])];
        if both[0] < both[1] && both[2] < both[3] {
            rules.area_m = both;
        }
    }
    if sentence.is_some() {
        // The file's own predicates are about the file's own sentence.
        scenario.success.clear();
        scenario.expect = crate::suite::episode::Expect::Done;
    }
    Ok(scenario.episode(setting.seed, sentence)?)
}

/// The folder of this run, and the log into it.
pub(crate) fn open_log(common: &Common, name: &str) -> Result<Log, CommandError> {
    let path = common.out.clone().unwrap_or_else(|| fresh_folder(name));
    let screen = if common.json { Screen::Json } else { Screen::Sentences };
    Ok(Log::new(screen, Some(RunFolder::create(&path)?)))
}

/// `runs/NAME-1`, or the first number that is free.
fn fresh_folder(name: &str) -> PathBuf {
    let runs = Path::new("runs");
    (1..)
        .map(|i| runs.join(format!("{name}-{i:03}")))
        .find(|p| !p.exists())
        .unwrap_or_else(|| runs.join(name))
}
