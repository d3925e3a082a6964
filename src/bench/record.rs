//! What recording costs: how late the loop is with it and without, CPU time per second of the robot's, and bytes.

use super::BenchOptions;
use super::blocks::{added, median, process_s};
use super::table::Table;
use crate::alone::{self, Trial};
use crate::commands::{self, CommandError, Setting};
use crate::config::Config;
use crate::log::{Log, Screen};
use crate::recording::{CONSUMED, FILE, Pictures, Recording, Share, TICKS, tick_of};
use crate::runner;
use crate::session::{self, Pace, Setup};
use crate::suite::episode::Episode;
use bridge::RunFolder;
use bridge::recording::Reader;
use bridge::ros::{Consumed, TfMessage, Tick, camera_of};
use control::TickRecord;
use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;
use types::seams::Camera as _;
use types::{Image, Time};

const SENTENCE: &str = "put the red cube in the blue bowl";
/// Length of a block of the loop, seconds.
const BLOCK_S: f64 = 2.0;
/// By how much the 99th percentile of the loop's lateness may be greater, microseconds.
const LATER_US: f64 = 10.0;
/// Of one core, percent: ticks, notes and the pictures that were used; and all pictures.
const USED_PERCENT: f64 = 3.0;
const ALL_PERCENT: f64 = 20.0;
/// Of thirty seconds, megabytes.
const MEGABYTES: f64 = 30.0;
/// Used pictures come about so often a second, where a model looks before and after each motion.
const USED_HZ: u32 = 2;
/// All pictures: so many a second, of this size; and so many are drawn, each with noise of its own.
const HZ: u32 = 30;
const SIZE_PX: [u32; 2] = [640, 480];
const DRAWN: usize = 30;
/// So many are written in a block.
const WRITTEN: usize = 150;

fn other(e: &dyn std::fmt::Display) -> CommandError {
    CommandError::Other(format!("bench: {e}"))
}

/// A folder for one block, gone after it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, CommandError> {
        let path = std::env::temp_dir().join(format!("sinew-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|e| other(&e))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the way of nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The demo, as it comes.
fn demo(seed: u64) -> Result<(Setting, Episode), CommandError> {
    let mut config = Config::default();
    config.record.animation_hz = 0.0;
    let arm = crate::robots::of(&config)?;
    let setting = Setting { config, arm, seed };
    let episode = commands::episode(&commands::demo(&setting)?, &setting, Some(SENTENCE))?;
    Ok((setting, episode))
}

fn recording(
    folder: &Path,
    setting: &Setting,
    episode: &Episode,
    pace: Pace,
) -> Result<Recording, CommandError> {
    let setup = Setup {
        config: &setting.config,
        arm: &setting.arm,
        pace,
        seed: episode.seed,
        answers: &[],
        time_limit_s: 60.0,
        is_interactive: false,
        share: Share::Whole,
    };
    Recording::create(folder, episode, &setup, vec!["front".into()]).map_err(|e| other(&e))
}

/// Pictures of the demo's front camera, with colours, depth and their noise; depth in millimetres, as depth cameras tell it.
fn drawn(setting: &Setting, episode: &Episode) -> Result<Vec<Image>, CommandError> {
    let (rig, _) = session::world(&setting.config, &setting.arm, episode).map_err(|e| other(&e))?;
    let spec = sim::CameraSpec { size_px: SIZE_PX, ..sim::CameraSpec::front() };
    let mut camera = rig.camera(&spec, episode.seed)?;
    let mut draw = || {
        let mut image = camera.take().map_err(|e| other(&e))?;
        let millimetres = |z: &f32| (z * 1e3).round() / 1e3;
        image.depth = image.depth.map(|depth| depth.iter().map(millimetres).collect());
        Ok(image)
    };
    (0..DRAWN).map(|_| draw()).collect()
}

/// One that was taken at another time.
fn again(image: &Image, stamp: Time) -> Image {
    Image { stamp, ..image.clone() }
}

/// The loop's lateness while it is recorded, with the pictures that are used and with all of them, and while it is not.
pub(crate) fn late(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let (mut setting, episode) = demo(o.seed)?;
    setting.config.control.self_test = false;
    let images = Arc::new(drawn(&setting, &episode)?);
    let mut is_real_time = true;
    for (what, word, hz) in [("used pictures", "used", USED_HZ), ("all pictures", "all", HZ)] {
        setting.config.record.images = word.into();
        let (mut with, mut without, mut left_out) = (vec![], vec![], 0);
        for block in 0..o.blocks {
            // Neither is always the first.
            if block % 2 == 1 {
                without.push(alone_for(&setting, None)?.lateness_us[1]);
            }
            let folder = Folder::new()?;
            let recording = Arc::new(recording(&folder.0, &setting, &episode, Pace::Wall)?);
            let camera = Camera::start(recording.clone(), images.clone(), hz);
            let ours = alone_for(&setting, Some(recording.clone()))?;
            drop(camera);
            left_out += recording.finish().left_out.values().sum::<u64>();
            with.push(ours.lateness_us[1]);
            if block % 2 == 0 {
                without.push(alone_for(&setting, None)?.lateness_us[1]);
            }
            is_real_time &= ours.is_real_time;
        }
        let line = format!("lateness p99, {what}");
        table.nothing_added(&line, &added(&with, &without, o.seed), LATER_US);
        table.cost("left out of these recordings", left_out as f64, 0.0, "messages");
    }
    if !is_real_time {
        table.note("the loop", "had no real-time rights here");
    }
    Ok(())
}

fn alone_for(setting: &Setting, recording: Option<Arc<Recording>>) -> Result<alone::Outcome, CommandError> {
    let trial = Trial { seconds: BLOCK_S, breaks: None, patience_s: None };
    alone::run(&setting.config, &setting.arm, trial, recording).map_err(|e| other(&e))
}

/// Has pictures recorded so many times a second until it is dropped.
struct Camera(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Camera {
    fn start(recording: Arc<Recording>, images: Arc<Vec<Image>>, hz: u32) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let told = end.clone();
        let takes = move || {
            let began = Instant::now();
            for k in 0_u32.. {
                if told.load(Ordering::Acquire) {
                    break;
                }
                let stamp = Time::ZERO + Duration::from_secs(k.into()) / hz;
                recording.picture(&again(&images[k as usize % DRAWN], stamp), true);
                let next = Duration::from_secs((k + 1).into()) / hz;
                std::thread::sleep(next.saturating_sub(began.elapsed()));
            }
        };
        Self(end, Some(std::thread::spawn(takes)))
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
        let _ = self.1.take().map(JoinHandle::join);
    }
}

/// What of a recording is written again: in its order.
enum Said {
    Tick(Box<TickRecord>),
    Notes(Time, String),
    Picture(Image),
}

/// A run of the demo in virtual time: what was recorded of it, how long it was, seconds, and how large, bytes.
fn recorded(setting: &Setting, episode: &Episode) -> Result<(Vec<Said>, f64, u64), CommandError> {
    let folder = Folder::new()?;
    let log = Log::new(Screen::Silent, Some(RunFolder::create(&folder.0)?));
    let outcome = runner::run(&setting.config, &setting.arm, episode, Pace::Lockstep, log, false)?;
    let path = folder.0.join(FILE);
    let bytes = std::fs::metadata(&path).map_err(|e| other(&e))?.len();
    let (mut said, mut pictures) = (Vec::new(), Pictures::default());
    for message in Reader::open(&path)? {
        match message.info.topic.as_str() {
            TICKS => said.push(Said::Tick(Box::new(tick_of(&message.read::<Tick>()?)?))),
            CONSUMED => {
                let Consumed { stamp, lines } = message.read()?;
                said.push(Said::Notes(stamp.into(), lines));
            }
            _ => pictures.take_in(&message)?,
        }
        if message.info.topic == "/tf" {
            for t in message.read::<TfMessage>()?.transforms {
                let stamp = Time::from(t.header.stamp);
                let image = camera_of(&t.child_frame_id).and_then(|camera| pictures.at(camera, stamp));
                said.extend(image.map(Said::Picture));
            }
        }
    }
    Ok((said, outcome.seconds, bytes))
}

/// An episode's ticks, notes and used pictures written once more: CPU time of all that writes them; and its size.
pub(crate) fn episode(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let (setting, episode) = demo(o.seed)?;
    let (said, seconds, bytes) = recorded(&setting, &episode)?;
    let mut percent = Vec::with_capacity(o.blocks);
    for _ in 0..o.blocks {
        let folder = Folder::new()?;
        let before = process_s();
        let recording = recording(&folder.0, &setting, &episode, Pace::Lockstep)?;
        for one in &said {
            match one {
                Said::Tick(record) => recording.tick(record),
                Said::Notes(stamp, lines) => recording.consumed(*stamp, lines.clone()),
                Said::Picture(image) => _ = recording.picture(image, true),
            }
        }
        recording.finish();
        percent.push(100.0 * (process_s() - before) / seconds);
    }
    let n = said.iter().filter(|s| matches!(s, Said::Picture(_))).count();
    table.cost("ticks, notes, used pictures", median(percent), USED_PERCENT, "% of a core");
    table.cost("30 s of an episode", 30.0 * bytes as f64 / seconds * 1e-6, MEGABYTES, "MB");
    table.note("that episode", &format!("{seconds:.1} s, {n} pictures, {:.1} MB", bytes as f64 * 1e-6));
    Ok(())
}

/// All pictures of a camera with depth: CPU time of writing them, and how much that is.
pub(crate) fn pictures(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let (mut setting, episode) = demo(o.seed)?;
    setting.config.record.images = "all".into();
    let images = drawn(&setting, &episode)?;
    let seconds = WRITTEN as f64 / f64::from(HZ);
    let mut percent = Vec::with_capacity(o.blocks);
    let mut bytes = 0;
    for _ in 0..o.blocks {
        let folder = Folder::new()?;
        let before = process_s();
        let recording = recording(&folder.0, &setting, &episode, Pace::Lockstep)?;
        for (k, image) in images.iter().cycle().take(WRITTEN).enumerate() {
            recording.picture(&again(image, Time::ZERO + Duration::from_secs(k as u64) / HZ), true);
        }
        bytes = recording.finish().bytes;
        percent.push(100.0 * (process_s() - before) / seconds);
    }
    let what = format!("RGB-D, {}×{}, {HZ} Hz", SIZE_PX[0], SIZE_PX[1]);
    table.cost(&what, median(percent), ALL_PERCENT, "% of a core");
    table.note("a second of that", &format!("{:.1} MB", bytes as f64 / seconds * 1e-6));
    Ok(())
}
