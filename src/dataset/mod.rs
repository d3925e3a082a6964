//! From recordings to frames of a dataset, and from somebody's dataset to a recording.

mod into;
mod view;

pub(crate) use into::{Taken, recording};
pub(crate) use view::View;

use crate::recording::{EVENTS, OPERATOR, TICKS, Ticks};
use crate::replay::{Header, ReplayError};
use bridge::dataset::{Camera, Layout, Numbers};
use bridge::recording::Reader;
use bridge::ros::{Log, Text, Tick};
use control::TickRecord;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use types::{Rejection, Time};

/// Numbers of each frame, in their order: measured position, velocity and torque, and what was told by the next frame.
pub(crate) const NUMBERS: [&str; 4] =
    ["observation.state", "observation.velocity", "observation.effort", "action"];
const PICTURES: &str = "observation.images.";
/// The last of the numbers under each name; the others are the joints'.
const GRIPPER: &str = "gripper";
/// Frames per second of recordings without pictures.
const BLIND_FPS: u32 = 10;
/// An episode of more frames is none.
const MOST_FRAMES: usize = 1_000_000;

/// A camera's pictures in a recording.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Columns and rows.
    pub(crate) size: (usize, usize),
    stamps: Vec<Time>,
}

/// What there is in a recording, or in the two parts of a run that was split.
pub(crate) struct Survey {
    /// Where its pictures and its sentence are.
    pub(crate) path: PathBuf,
    /// Where its ticks are.
    ticks: PathBuf,
    pub(crate) sentence: String,
    /// How it ended: a word.
    pub(crate) outcome: String,
    pub(crate) cameras: BTreeMap<String, Seen>,
    /// The first instant at which the robot was known, and the last.
    span: Option<(Time, Time)>,
}

impl Survey {
    /// Of any recording, a robot's or not.
    ///
    /// # Errors
    /// [`ReplayError`] for what cannot be read.
    pub(crate) fn of(path: &Path) -> Result<Self, ReplayError> {
        Self::read(path).map_err(|e| within(path, e))
    }

    fn read(path: &Path) -> Result<Self, ReplayError> {
        let mut survey = Self {
            path: path.to_owned(),
            ticks: path.to_owned(),
            sentence: String::new(),
            outcome: "unfinished".into(),
            cameras: BTreeMap::new(),
            span: None,
        };
        for m in Reader::open(path)? {
            if let Some(camera) = view::camera_of(&m.info) {
                if !survey.cameras.contains_key(camera) {
                    let canvas = view::picture(&m)?;
                    let seen = Seen { size: (canvas.width(), canvas.height()), stamps: Vec::new() };
                    survey.cameras.insert(camera.to_owned(), seen);
                }
                if let Some(seen) = survey.cameras.get_mut(camera) {
                    seen.stamps.push(m.stamp);
                }
                continue;
            }
            match m.info.topic.as_str() {
                TICKS if survey.span.is_some() || m.read::<Tick>()?.known => {
                    let (first, _) = survey.span.unwrap_or((m.stamp, m.stamp));
                    survey.span = Some((first, m.stamp));
                }
                OPERATOR if survey.sentence.is_empty() => survey.sentence = m.read::<Text>()?.data,
                EVENTS => {
                    let Log { name, file: kind, .. } = m.read()?;
                    match (name.as_str(), kind.as_str()) {
                        ("run", "done" | "failed" | "question" | "refused" | "interrupted") => {
                            survey.outcome = kind
                        }
                        // The simulator's truth comes after perception's verdict.
                        ("run", "verdicts") => survey.outcome = "verdicts differ".into(),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        survey.cameras.values_mut().for_each(|s| s.stamps.sort());
        Ok(survey)
    }

    /// Of a planner's part, whose sentence was carried out in the time of `lasted`, with the ticks of the robot's.
    ///
    /// # Errors
    /// [`ReplayError`] for what cannot be read.
    pub(crate) fn of_parts(planner: &Path, robot: &Path, lasted: (Time, Time)) -> Result<Self, ReplayError> {
        let (survey, ticks) = (Self::of(planner)?, Self::of(robot)?);
        let span = ticks.span.map(|(first, last)| (first.max(lasted.0), last.min(lasted.1)));
        let span = span.filter(|(first, last)| first <= last);
        Ok(Self { ticks: ticks.path, span, ..survey })
    }

    /// When the first frame is: once everything is known that belongs into one; and how long that took, seconds.
    pub(crate) fn begin(&self) -> Option<(Time, f64)> {
        let (first, _) = self.span?;
        let pictures = self.cameras.values().filter_map(|s| s.stamps.first().copied()).max();
        let begin = pictures.map_or(first, |p| p.max(first));
        Some((begin, begin.secs_since(first)))
    }

    /// How many frames a second its pictures allow: as many as the camera has that was looked at most.
    pub(crate) fn fps(&self) -> Option<u32> {
        let of = |seen: &Seen| {
            let mut stamps = seen.stamps.clone();
            stamps.dedup();
            let seconds = stamps.last()?.secs_since(*stamps.first()?);
            let rate = (stamps.len() - 1) as f64 / seconds;
            (seconds > 0.0).then(|| rate.round().clamp(1.0, 100.0) as u32)
        };
        self.cameras.values().filter_map(of).max()
    }

    /// The first picture and the last.
    pub(crate) fn seen(&self) -> Option<(Time, Time)> {
        let first = self.cameras.values().filter_map(|s| s.stamps.first()).min()?;
        let last = self.cameras.values().filter_map(|s| s.stamps.last()).max()?;
        Some((*first, *last))
    }
}

/// What was refused, with the file in which it is.
pub(crate) fn within(path: &Path, why: ReplayError) -> ReplayError {
    match why {
        ReplayError::Refused(r) => {
            let field = format!("{}: {}", path.display(), r.field);
            ReplayError::Refused(Rejection { field: field.into(), ..r })
        }
        other => other,
    }
}

/// What is in every frame of these recordings; `fps` where it is asked for.
///
/// # Errors
/// A [`Rejection`] naming the recording whose joints or cameras are others than the first one's.
pub(crate) fn layout(all: &[(Survey, Header)], fps: Option<u32>) -> Result<Layout, Rejection> {
    let Some((survey, header)) = all.first() else {
        return Err(Rejection::new("recordings", "one at least", "none"));
    };
    let joints = |h: &Header| h.joint_names().iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let cameras = |s: &Survey| s.cameras.iter().map(|(n, c)| (n.clone(), c.size)).collect::<Vec<_>>();
    let words = |of: &[(String, (usize, usize))]| {
        let words: Vec<String> = of.iter().map(|(n, (w, h))| format!("{n} of {w} × {h}")).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    };
    for (other, h) in &all[1..] {
        let field = |what: &str| format!("{}: {what}", other.path.display());
        if joints(h) != joints(header) {
            let expected = format!("{}, as in {}", joints(header).join(", "), survey.path.display());
            return Err(Rejection::new(field("joints"), expected, joints(h).join(", ")));
        }
        if cameras(other) != cameras(survey) {
            let expected = format!("{}, as in {}", words(&cameras(survey)), survey.path.display());
            return Err(Rejection::new(field("cameras"), expected, words(&cameras(other))));
        }
    }
    let names: Vec<String> = joints(header).into_iter().chain([GRIPPER.to_owned()]).collect();
    let allowed = all.iter().filter_map(|(s, _)| s.fps()).min().unwrap_or(BLIND_FPS);
    Ok(Layout {
        fps: fps.unwrap_or(allowed),
        robot: header.arm.profile().name.clone(),
        numbers: NUMBERS.map(|key| Numbers { key: key.to_owned(), names: names.clone() }).into(),
        cameras: survey
            .cameras
            .iter()
            .map(|(n, c)| Camera { key: format!("{PICTURES}{n}"), width: c.size.0, height: c.size.1 })
            .collect(),
    })
}

/// The newest tick at each instant of a survey from `begin` on, every `1/fps` seconds, with the robot's newest state; and
/// the last.
///
/// # Errors
/// A [`Rejection`] for a recording whose ticks are not whole.
pub(crate) fn samples(survey: &Survey, begin: Time, fps: u32) -> Result<Vec<TickRecord>, ReplayError> {
    let (path, end) = (&survey.ticks, survey.span.map(|(_, last)| last));
    let mut ticks = Ticks::new(Reader::open(path)?);
    let (mut samples, mut newest) = (Vec::new(), None::<TickRecord>);
    let mut due = begin;
    while let Some(mut tick) = ticks.next().map_err(|e| within(path, e.into()))? {
        // A robot's ticks go on behind the sentence.
        if end.is_some_and(|end| tick.now > end) {
            break;
        }
        // Before the first tick there is no frame.
        while let Some(newest) = newest.as_ref().filter(|_| tick.now > due) {
            if samples.len() >= MOST_FRAMES {
                let got = format!("a tick at {:.0} s", tick.now.as_secs_f64());
                let expected = format!("{MOST_FRAMES} frames at most");
                return Err(within(path, Rejection::new("recording", expected, got).into()));
            }
            samples.push(*newest);
            due = instant(begin, samples.len(), fps);
        }
        if tick.state.is_none() {
            tick.state = newest.as_ref().and_then(|n| n.state);
        }
        newest = Some(tick);
    }
    samples.extend(newest);
    Ok(samples)
}

/// When the frame of this number is.
pub(crate) fn instant(begin: Time, number: usize, fps: u32) -> Time {
    let after = number as i128 * 1_000_000_000 / i128::from(fps.max(1));
    Time::from_nanos(begin.as_nanos().saturating_add(i64::try_from(after).unwrap_or(i64::MAX)))
}

/// Numbers of a frame: what was measured at its time, and what was told by the next.
pub(crate) fn numbers(now: &TickRecord, next: &TickRecord) -> Option<[Vec<f32>; 4]> {
    let s = now.state.as_ref()?;
    let row = |joints: &types::JointVector, gripper: f64| -> Vec<f32> {
        joints.iter().copied().chain([gripper]).map(|v| v as f32).collect()
    };
    let g = &s.gripper;
    let told = row(&next.command.q, next.command.gripper.width_m);
    Some([row(&s.q, g.width_m), row(&s.dq, g.speed_m_s), row(&s.tau, g.force_n), told])
}
