//! From somebody's dataset to a recording: joints, actions, pictures and the sentence as ROS 2 messages.

use crate::commands::CommandError;
use crate::recording::{FILE, OPERATOR};
use bridge::dataset::video::Ffmpeg;
use bridge::dataset::{Dataset, Episode, Numbers, Pictures};
use bridge::recording::{Full, Limits, Recorder};
use bridge::ros::{Header, Image, JointState, JointTrajectory, JointTrajectoryPoint, Text, optical_frame};
use std::path::Path;
use types::Time;

const STATE: &str = "observation.state";
const VELOCITY: &str = "observation.velocity";
const EFFORT: &str = "observation.effort";
const ACTION: &str = "action";

/// What became of an episode.
pub(crate) struct Taken {
    pub(crate) frames: usize,
    pub(crate) task: String,
    /// Names of what is not in the recording, each with why.
    pub(crate) left_out: Vec<String>,
}

/// Records an episode in a folder that is not there yet.
///
/// # Errors
/// [`CommandError`] for a folder that is there, an episode that is not, and whatever is damaged.
pub(crate) fn recording(
    dataset: &Dataset,
    number: u64,
    folder: &Path,
    ffmpeg: Option<&Ffmpeg>,
) -> Result<Taken, CommandError> {
    let io = |e: std::io::Error| {
        CommandError::Bridge(bridge::BridgeError::Io { path: folder.display().to_string(), source: e })
    };
    let e = dataset.episode(number)?;
    let mut left_out: Vec<String> =
        dataset.others().iter().map(|(key, kind)| format!("{key} ({kind})")).collect();
    let mut cameras: Vec<(String, Pictures)> = Vec::new();
    for (i, (camera, is_video)) in dataset.cameras().iter().enumerate() {
        if *is_video && ffmpeg.is_none() {
            left_out.push(format!("{} (video, and there is no ffmpeg)", camera.key));
            continue;
        }
        let name = camera.key.rsplit('.').next().unwrap_or(&camera.key);
        // Where two would be one, or none, the whole key tells them apart.
        let mut name = topic_word(name);
        if name.is_empty() || cameras.iter().any(|(other, _)| *other == name) {
            name = topic_word(&camera.key);
        }
        cameras.push((name, dataset.pictures(&e, i, ffmpeg)?));
    }
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    // Fails where there is one.
    std::fs::create_dir(folder).map_err(io)?;
    match record(dataset, &e, cameras, folder) {
        Ok(()) => Ok(Taken { frames: e.times_s.len(), task: e.task, left_out }),
        Err(why) => {
            // Half an episode is none; the folder is ours.
            let _ = std::fs::remove_dir_all(folder);
            Err(why)
        }
    }
}

fn record(
    dataset: &Dataset,
    e: &Episode,
    mut cameras: Vec<(String, Pictures)>,
    folder: &Path,
) -> Result<(), CommandError> {
    let recorder = Recorder::create(&folder.join(FILE), Limits::default(), Full::Waits)?;
    let path = dataset.info_path();
    let info = std::fs::read(&path)
        .map_err(|source| bridge::BridgeError::Io { path: path.display().to_string(), source })?;
    recorder.attach("dataset.json", "application/json", &info);
    let numbers = dataset.numbers();
    let of = |key: &str| numbers.iter().position(|n| n.key == key);
    let state = of(STATE);
    let with_state = |key: &str| of(key).filter(|i| state.is_some_and(|s| fits(&numbers[*i], &numbers[s])));
    let (velocity, effort, action) = (with_state(VELOCITY), with_state(EFFORT), of(ACTION));
    let is_taken = |i: &usize| [state, velocity, effort, action].contains(&Some(*i));
    let others: Vec<usize> = (0..numbers.len()).filter(|i| !is_taken(i)).collect();
    let row = |i: usize, k: usize| {
        let n = numbers[i].names.len();
        e.numbers[i][n * k..n * (k + 1)].to_vec()
    };
    let operator = recorder.topic::<Text>(OPERATOR);
    for (k, at_s) in e.times_s.iter().enumerate() {
        let now = Time::from_nanos((snapped(*at_s, dataset.fps()) * 1e9).round() as i64);
        let header = |frame_id: String| Header { stamp: now.into(), frame_id };
        if k == 0 {
            recorder.put(operator, now, &Text { data: e.task.clone() });
        }
        if let Some(s) = state {
            let joints = JointState {
                header: header(String::new()),
                name: joints(&numbers[s]),
                position: row(s, k),
                velocity: velocity.map(|i| row(i, k)).unwrap_or_default(),
                effort: effort.map(|i| row(i, k)).unwrap_or_default(),
            };
            recorder.put(recorder.topic("/joint_states"), now, &joints);
        }
        if let Some(i) = action {
            let point = JointTrajectoryPoint { positions: row(i, k), ..JointTrajectoryPoint::default() };
            let told = JointTrajectory {
                header: header(String::new()),
                joint_names: joints(&numbers[i]),
                points: vec![point],
            };
            recorder.put(recorder.topic("/joint_trajectory"), now, &told);
        }
        for i in &others {
            // No type of ROS 2's has names and numbers of any kind; this one has both.
            let name: Vec<String> = numbers[*i].key.split('.').map(topic_word).collect();
            let values = JointState {
                header: header(String::new()),
                name: joints(&numbers[*i]),
                position: row(*i, k),
                ..JointState::default()
            };
            recorder.put(recorder.topic(&format!("/{}", name.join("/"))), now, &values);
        }
        for (camera, pictures) in &mut cameras {
            let Some(canvas) = pictures.next().transpose()? else { continue };
            let (width, height) = (canvas.width() as u32, canvas.height() as u32);
            let image = Image {
                header: header(optical_frame(camera)),
                height,
                width,
                encoding: "rgb8".into(),
                is_bigendian: 0,
                step: 3 * width,
                data: canvas.rgb().to_vec(),
            };
            recorder.put(recorder.topic(&format!("/{camera}/image")), now, &image);
        }
    }
    let summary = recorder.finish();
    match summary.failure {
        Some(why) => Err(CommandError::Other(format!("{}: {why}", folder.display()))),
        None => Ok(()),
    }
}

/// Whether these numbers are of the same joints.
fn fits(a: &Numbers, b: &Numbers) -> bool {
    a.names.len() == b.names.len()
}

/// Names as joints have them: LeRobot's own robots say `elbow.pos`.
fn joints(n: &Numbers) -> Vec<String> {
    n.names.iter().map(|name| name.strip_suffix(".pos").unwrap_or(name).to_owned()).collect()
}

/// A word that may stand in a topic's name.
fn topic_word(word: &str) -> String {
    word.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

/// Times are in single precision: those that are a frame's are that frame's.
fn snapped(at_s: f64, fps: f64) -> f64 {
    let frame = (at_s * fps).round() / fps;
    if (frame - at_s).abs() < 1e-3 { frame } else { at_s }
}
