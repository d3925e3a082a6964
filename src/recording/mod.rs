//! What a run leaves to say afterwards why it moved: every tick with what it consumed, pictures, model calls, words,
//! events, configuration, in one MCAP file that other tools read as well; and the way back from it.

mod asked;
mod convert;
mod pictures;
mod seconds;
mod tape;
mod ticks;

pub(crate) use asked::{ASKER, Asked, Asker, Put, alone, calls_of, one_line, short, told as told_call};
pub(crate) use convert::{event as event_message, mode_of, mode_word, record as tick_of};
pub(crate) use pictures::Pictures;
pub(crate) use seconds::{LoopSum, lateness_us};
pub(crate) use tape::{Again, Tape};
pub(crate) use ticks::{TickWriter, Ticks, Writing};

use crate::session::{Pace, Setup};
use crate::suite::episode::Episode;
use crate::version;
use bridge::BridgeError;
use bridge::recording::{Full, Limits, Packing, Recorder, Summary, Topic};
use bridge::ros::{
    Consumed, Detection3DArray, DiagnosticArray, JointState, Log, MarkerArray, ModelCall, Text, Tick,
};
use bridge::trust::random_id;
use control::{LoopSecond, TickRecord};
use mechanics::Arm;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use types::events::Event;
use types::{Image, Rejection, Scene, Time};

/// The file in a run's folder.
pub(crate) const FILE: &str = "run.mcap";
/// Topics whose names are used in reading, too.
pub(crate) const TICKS: &str = "/sinew/ticks";
pub(crate) const CONSUMED: &str = "/sinew/consumed";
pub(crate) const MODEL: &str = "/sinew/model";
pub(crate) const OPERATOR: &str = "/sinew/operator";
pub(crate) const DIAGNOSTICS: &str = "/diagnostics";
pub(crate) const EVENTS: &str = "/rosout";
/// Files beside the messages.
pub(crate) const CONFIG: &str = "robot.toml";
pub(crate) const ROBOT: &str = "robot.txt";
pub(crate) const RUN: &str = "run.json";
pub(crate) const SCENE: &str = "scene.json";
/// Every so many ticks the joints are told to tools of others, too.
const EVERY: u64 = 10;

/// Which pictures are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Images {
    /// Those that a model and the tracker are shown.
    Used,
    /// Those that are only watched for people and for the cameras' health, too.
    All,
    /// None; such a recording cannot be replayed.
    None,
}

impl Images {
    /// By its word in `robot.toml`.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "used" => Some(Self::Used),
            "all" => Some(Self::All),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

/// What a replay has to know of a run besides its configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunInfo {
    /// The version of the program that recorded it.
    pub(crate) version: String,
    /// Which build of it.
    #[serde(default)]
    pub(crate) build: String,
    /// The sentence.
    pub(crate) sentence: String,
    /// Answers that were prepared.
    pub(crate) answers: Vec<String>,
    /// Whether a person sat at a terminal.
    pub(crate) is_interactive: bool,
    /// Seed of world and planner.
    pub(crate) seed: u64,
    /// Whether it ran in one thread and virtual time.
    pub(crate) is_lockstep: bool,
    /// Longest time, seconds.
    pub(crate) time_limit_s: f64,
    /// The cameras' names, the fixed one first.
    pub(crate) cameras: Vec<String>,
    /// Which part of a run it is.
    pub(crate) share: Share,
}

/// Which part of a run a recording is: all of it, or that of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Share {
    Whole,
    Robot,
    /// With which robot node it drove.
    Planner(Drives),
    Perception,
    Ros2,
}

impl Share {
    /// As a person calls it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Whole => "a whole run",
            Self::Robot => "a robot node's part of a run",
            Self::Planner(_) => "a planner node's part of a run",
            Self::Perception => "a perception node's part of a run",
            Self::Ros2 => "a ROS 2 node's part of a run",
        }
    }
}

/// By what a planner's part of a run and the robot's are known to belong together: numbers that are drawn at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drives {
    /// The robot node.
    pub(crate) node: u64,
    /// The session in which it was asked for motions.
    pub(crate) session: u64,
    /// The planner's own node, as which it asks a perception node; 0 where that was not noted.
    #[serde(default)]
    pub(crate) planner: u64,
}

/// One run's recording. Shared by all who have something to say.
pub(crate) struct Recording {
    recorder: Recorder,
    images: Images,
    previews_hz: f64,
    /// Of each camera the span of time that has its preview.
    previewed: Mutex<HashMap<String, i64>>,
    joint_names: Vec<String>,
    ticks: Topic<Tick>,
    joints: Topic<JointState>,
    consumed: Topic<Consumed>,
    model: Topic<ModelCall>,
    operator: Topic<Text>,
    events: Topic<Log>,
    diagnostics: Topic<DiagnosticArray>,
    detections: Topic<Detection3DArray>,
    markers: Topic<MarkerArray>,
    newest_second: Mutex<Option<DiagnosticArray>>,
    is_lockstep: bool,
}

impl Recording {
    /// Begins the file in a run's folder.
    ///
    /// # Errors
    /// [`BridgeError`] when it cannot be created.
    pub(crate) fn create(
        folder: &Path,
        episode: &Episode,
        setup: &Setup<'_>,
        cameras: Vec<String>,
    ) -> Result<Self, BridgeError> {
        let (r, arm) = (&setup.config.record, setup.arm);
        let images = Images::from_word(&r.images).unwrap_or(Images::Used);
        let packing = if images == Images::All { Packing::Quick } else { Packing::Close };
        let is_lockstep = setup.pace == Pace::Lockstep;
        // In lockstep the same run leaves the same bytes.
        let refused = |e: Rejection| BridgeError::Recording {
            path: folder.join(FILE).display().to_string(),
            what: e.to_string(),
        };
        let id = match is_lockstep {
            true => number_of(&[&episode.sentence, &setup.seed.to_string(), &setup.config.to_toml()]),
            false => random_id().map_err(refused)?,
        };
        let (bytes, seconds) = (r.most_mb << 20, r.most_s);
        let limits =
            Limits { bytes, seconds, parts: r.most_parts, episode: id, packing, ..Limits::default() };
        let full = if is_lockstep { Full::Waits } else { Full::Drops };
        let recorder = Recorder::create(&folder.join(FILE), limits, full)?;
        let run = RunInfo {
            version: version::PACKAGE.into(),
            build: version::BUILD.into(),
            sentence: episode.sentence.clone(),
            answers: setup.answers.to_vec(),
            is_interactive: setup.is_interactive,
            seed: setup.seed,
            is_lockstep,
            time_limit_s: setup.time_limit_s,
            cameras,
            share: setup.share,
        };
        recorder.attach(CONFIG, "text/plain", setup.config.to_toml().as_bytes());
        recorder.attach(ROBOT, "text/plain", describe(arm).as_bytes());
        let json = |r: serde_json::Result<Vec<u8>>| r.unwrap_or_default();
        recorder.attach(RUN, "application/json", &json(serde_json::to_vec_pretty(&run)));
        let scene = json(serde_json::to_vec_pretty(&(&episode.scene, &episode.faults)));
        recorder.attach(SCENE, "application/json", &scene);
        let names = arm.arm_joint_idx().iter().map(|j| arm.model().joints[*j].name.clone()).collect();
        Ok(Self {
            images,
            previews_hz: setup.config.record.previews_hz,
            previewed: Mutex::default(),
            joint_names: names,
            ticks: recorder.topic(TICKS),
            joints: recorder.topic("/joint_states"),
            consumed: recorder.topic(CONSUMED),
            model: recorder.topic(MODEL),
            operator: recorder.topic(OPERATOR),
            events: recorder.topic(EVENTS),
            diagnostics: recorder.topic(DIAGNOSTICS),
            detections: recorder.topic("/detections"),
            markers: recorder.topic("/markers"),
            newest_second: Mutex::default(),
            is_lockstep,
            recorder,
        })
    }

    /// A tick of the loop; and now and then the joints, for tools that know no ticks.
    pub(crate) fn tick(&self, record: &TickRecord) {
        self.recorder.put(self.ticks, record.now, &convert::tick(record));
        if record.tick % EVERY == 1
            && let Some(state) = &record.state
        {
            self.recorder.put(self.joints, record.now, &JointState::new(state, &self.joint_names));
        }
    }

    /// How the loop went in a second.
    pub(crate) fn second(&self, second: &LoopSecond) {
        let left_out = self.recorder.left_out().values().sum();
        let message = seconds::message(second, left_out, self.is_lockstep);
        self.recorder.put(self.diagnostics, second.stamp, &message);
        *self.newest_second.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
    }

    /// How the lines to a node do.
    pub(crate) fn health(&self, now: Time, health: &DiagnosticArray) {
        self.recorder.put(self.diagnostics, now, health);
    }

    /// How the loop went in the newest second that was not taken yet.
    pub(crate) fn take_second(&self) -> Option<DiagnosticArray> {
        self.newest_second.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// So many ticks were lost on their way here.
    pub(crate) fn lost_ticks(&self, n: u64) {
        self.recorder.lost(self.ticks, n);
    }

    /// A picture that a model and the tracker are shown (`is_used`), or that is only watched. Whether it was recorded
    /// as it is; now and then one that was not leaves a preview.
    pub(crate) fn picture(&self, image: &Image, is_used: bool) -> bool {
        let wanted = match self.images {
            Images::Used => is_used,
            Images::All => true,
            Images::None => false,
        };
        if !wanted && self.images != Images::None && self.is_preview_due(image) {
            pictures::put_preview(&self.recorder, image);
        }
        wanted && pictures::put(&self.recorder, image)
    }

    /// The first picture in each span of time has a preview, and none after it.
    fn is_preview_due(&self, image: &Image) -> bool {
        if self.previews_hz <= 0.0 {
            return false;
        }
        let span = (image.stamp.as_secs_f64() * self.previews_hz).floor() as i64;
        let mut previewed = self.previewed.lock().unwrap_or_else(PoisonError::into_inner);
        previewed.insert(image.camera.clone(), span) != Some(span)
    }

    /// What is believed to be on the table, for tools that draw it.
    pub(crate) fn scene(&self, scene: &Scene) {
        self.recorder.put(self.detections, scene.stamp, &Detection3DArray::new(scene));
        self.recorder.put(self.markers, scene.stamp, &MarkerArray::new(scene));
    }

    /// Something that happened.
    pub(crate) fn event(&self, e: &Event) {
        self.recorder.put(self.events, e.stamp, &convert::event(e));
    }

    /// Words of the person.
    pub(crate) fn operator(&self, now: Time, words: &str) {
        self.recorder.put(self.operator, now, &Text { data: words.to_owned() });
    }

    /// A question to a model and what came of it.
    pub(crate) fn model_call(&self, now: Time, call: &ModelCall) {
        self.recorder.put(self.model, now, call);
    }

    pub(crate) fn consumed(&self, now: Time, lines: String) {
        self.recorder.put(self.consumed, now, &Consumed { stamp: now.into(), lines });
    }

    /// Writes the file's end.
    pub(crate) fn finish(&self) -> Summary {
        self.recorder.finish()
    }
}

/// A number for some words, the same for the same ones.
fn number_of(words: &[&str]) -> u64 {
    let bytes = words.iter().flat_map(|w| w.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// What a robot is, in words enough to tell it from another.
pub(crate) fn describe(arm: &Arm) -> String {
    format!("{:#?}\n{:#?}\n", arm.profile(), arm.model())
}
