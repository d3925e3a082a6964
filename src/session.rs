//! Putting the parts together for one episode.

use crate::config::Config;
use crate::film::Film;
use crate::graph::machine::Driven;
use crate::graph::{
    Body, BodyError, line,
    lockstep::Lockstep,
    pipeline::{Beside, Pipeline},
    taped::Taped,
};
use crate::log::Log;
use crate::mission::{Cutoff, Eyes, Judging, Mission, People, Surroundings, Terminal};
use crate::recording::{Recording, Share, Tape, TickWriter};
use crate::suite::episode::Episode;
use control::{Core, Handle, LoopConfig};
use core::time::Duration;
use mechanics::Arm;
use perception::model::BuiltinModel;
use perception::tracker::Tracker;
use perception::vlm::VlmError;
use planner::TablePlanner;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sim::{Appearance, CameraSpec, Rig, SceneSpec, World};
use std::path::Path;
use std::sync::Arc;
use types::Rejection;
use types::seams::{Camera, ModelError, VisionLanguageModel};

/// The weights that the repository brings.
pub(crate) const WEIGHTS: &[u8] = include_bytes!("../assets/weights/sinew-vlm.safetensors");

/// In wall time the simulated robot's states come as late as its thread runs on this machine, seconds.
const WALL_LATE_S: f64 = 0.02;

/// In which time an episode runs.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One thread, virtual time.
    Lockstep,
    /// Threads, wall time.
    Wall,
}

/// Why an episode cannot begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Refused(#[from] Rejection),
    #[error(transparent)]
    Sim(#[from] sim::SimError),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("perception.weights: {0}")]
    Weights(#[from] ModelError),
    #[error("perception.model: {0}")]
    Model(VlmError),
    #[error(transparent)]
    Hub(#[from] bridge::hub::HubError),
    #[error("perception.weights: {path}: {source}")]
    WeightsFile { path: String, source: std::io::Error },
    #[error(transparent)]
    Bridge(#[from] bridge::BridgeError),
}

/// The built-in model, of the weights that the configuration names.
pub(crate) fn model(config: &Config) -> Result<BuiltinModel, StartError> {
    let model = if config.perception.weights == "built-in" {
        BuiltinModel::from_bytes(WEIGHTS)?
    } else {
        let path = Path::new(&config.perception.weights);
        let bytes = std::fs::read(path)
            .map_err(|source| StartError::WeightsFile { path: path.display().to_string(), source })?;
        BuiltinModel::from_bytes(&bytes)?
    };
    Ok(model)
}

/// The simulated world of an episode, with its cameras.
pub(crate) fn world(
    config: &Config,
    arm: &Arc<Arm>,
    episode: &Episode,
) -> Result<(Rig, Vec<Box<dyn Camera>>), StartError> {
    let mut scene = episode.scene.clone();
    if scene.look == Appearance::default() && config.sim.variation > 0.0 {
        let mut rng = ChaCha8Rng::seed_from_u64(episode.seed ^ 0x1007_1007);
        scene.look = Appearance::random(&mut rng, config.sim.variation as f32);
    }
    let rig = Rig::new(World::new(arm, &scene, episode.seed)?);
    rig.set_faults(&episode.faults)?;
    let cameras = cameras(&rig, episode.seed)?;
    Ok((rig, cameras))
}

/// The cameras of a simulated world, the fixed one first.
pub(crate) fn cameras(rig: &Rig, seed: u64) -> Result<Vec<Box<dyn Camera>>, Rejection> {
    let mut cameras: Vec<Box<dyn Camera>> = Vec::new();
    for spec in CameraSpec::defaults() {
        cameras.push(Box::new(rig.camera(&spec, seed)?));
    }
    Ok(cameras)
}

/// How the planner behaves under this configuration.
pub(crate) fn planner_config(config: &Config, seed: u64) -> planner::Config {
    let p = &config.planner;
    planner::Config {
        velocity_scale: p.speed,
        acceleration_scale: p.speed,
        jerk_scale: p.speed,
        free_margin_m: p.clearance_m,
        max_replans: p.replans,
        keep_out_m: config.safety.walls_m(),
        seed,
        ..planner::Config::default()
    }
}

/// Makes the model of a run. Perception gets the world's handle, where there is one, in tests alone.
pub(crate) type MakeModel<'a> = &'a dyn Fn(Option<&Rig>) -> Result<Box<dyn VisionLanguageModel>, StartError>;

/// The arm alone over an empty table, in lockstep: no cameras, no model; with an emergency stop's line that
/// somebody has to read, or without.
pub(crate) fn bare(
    config: &Config,
    arm: &Arc<Arm>,
    seed: u64,
    stop_line: bool,
) -> Result<Lockstep, StartError> {
    let rig = Rig::new(World::new(arm, &SceneSpec::default(), seed)?);
    let control = control::Config { stop_line, ..control_config(config, Pace::Lockstep) };
    Ok(Lockstep::new(control::new(arm.clone(), control)?, rig, Vec::new()))
}

/// How control behaves under this configuration.
pub(crate) fn control_config(config: &Config, pace: Pace) -> control::Config {
    let period_s = if pace == Pace::Lockstep { 1e-3 } else { 1.0 / config.control.rate_hz };
    let near = control::Config::default();
    // An arm at the end of a line is heard of late, and sets out late.
    let behind = match config.arm.kind.as_str() {
        "simulated" if pace == Pace::Wall => control::Config { late_s: WALL_LATE_S, ..near },
        "simulated" => near,
        _ => control::Config {
            // A state counts for so many cycles, and as many may pass without one.
            late_s: 0.5e-3 * config.arm.silent_ms,
            max_missing: (0.5e-3 * config.arm.silent_ms / period_s).ceil().clamp(1.0, 1000.0) as u32,
            proof_rest_s: 0.2,
            runaway_s: 0.1,
            coast_s: 1e-3 * config.arm.lead_ms,
            frozen_within: 0.05,
            following_error: 0.15,
            following_error_s: 0.1,
            ..near
        },
    };
    control::Config {
        period_s,
        lease_s: config.control.lease_ms * 1e-3,
        tool_speed_m_s: config.safety.tool_speed_m_s,
        tool_force_n: config.safety.tool_force_n,
        walls: planner::keep_out(&config.safety.walls_m()),
        // In virtual time nobody reads it.
        stop_line: pace == Pace::Wall && !config.safety.stop_line.is_empty(),
        self_test: config.control.self_test,
        ..behind
    }
}

/// How people are kept clear of under this configuration.
fn people(config: &Config) -> People {
    let s = &config.safety;
    People { watch: s.people, keep_m: s.people_keep_m, speed_m_s: s.people_speed_m_s }
}

/// What a run is, whether it is made in a world or out of a recording.
pub(crate) struct Setup<'a> {
    pub(crate) config: &'a Config,
    pub(crate) arm: &'a Arc<Arm>,
    pub(crate) pace: Pace,
    pub(crate) seed: u64,
    pub(crate) answers: &'a [String],
    pub(crate) time_limit_s: f64,
    pub(crate) is_interactive: bool,
    /// How much of it runs here.
    pub(crate) share: Share,
}

impl<'a> Setup<'a> {
    /// Of a node that carries out no sentence itself.
    pub(crate) fn of_node(share: Share, config: &'a Config, arm: &'a Arc<Arm>, episode: &Episode) -> Self {
        Self {
            config,
            arm,
            pace: Pace::Wall,
            seed: episode.seed,
            answers: &[],
            time_limit_s: config.record.most_s * f64::from(config.record.most_parts),
            is_interactive: false,
            share,
        }
    }
}

/// What a run is made of.
pub(crate) struct Parts {
    pub(crate) body: Box<dyn Body>,
    pub(crate) model: Box<dyn VisionLanguageModel>,
    pub(crate) tape: Tape,
    pub(crate) log: Log,
    pub(crate) film: Option<Film>,
    /// Stops the arm if the mission panics.
    pub(crate) sentinel: Option<control::Sentinel>,
}

/// A recording in the log's folder, where that shall hold one.
pub(crate) fn recording(
    setup: &Setup<'_>,
    episode: &Episode,
    cameras: Vec<String>,
    log: &Log,
) -> Result<Option<Arc<Recording>>, StartError> {
    let Some(folder) = log.folder().filter(|_| setup.config.record.mcap) else { return Ok(None) };
    Ok(Some(Arc::new(Recording::create(folder.path(), episode, setup, cameras)?)))
}

/// What a run is recorded with: where its folder shall hold one, a recording; who takes ticks there, what is heard of
/// the world, and events.
fn recorded(
    setup: &Setup<'_>,
    episode: &Episode,
    cameras: Vec<String>,
    core: Core,
    log: Log,
) -> Result<(Core, Log, Tape, Option<TickWriter>), StartError> {
    let Some(recording) = recording(setup, episode, cameras, &log)? else {
        return Ok((core, log, Tape::default(), None));
    };
    let (core, ticks) = core.with_tape();
    let writer = TickWriter::new(ticks, recording.clone());
    Ok((core, log.with_recording(recording.clone()), Tape::recording(recording), Some(writer)))
}

/// What the loop drives: the simulated robot, with its world, or the arm that the configuration names.
fn driven(
    config: &Config,
    arm: &Arc<Arm>,
    pace: Pace,
    episode: &Episode,
) -> Result<(Driven, Option<Rig>), StartError> {
    if config.arm.kind == "ros2" {
        if pace == Pace::Lockstep {
            let expected = "\"simulated\" for a run in virtual time (--lockstep)";
            return Err(Rejection::new("arm.kind", expected, "\"ros2\"").into());
        }
        return ros2_arm(config, arm).map(|driven| (driven, None));
    }
    let (rig, cameras) = world(config, arm, episode)?;
    Ok((Driven::simulated(rig.clone(), cameras, config.control.priority), Some(rig)))
}

#[cfg(feature = "dds")]
fn ros2_arm(config: &Config, arm: &Arc<Arm>) -> Result<Driven, StartError> {
    crate::ros2::arm(config, arm)
}

#[cfg(not(feature = "dds"))]
fn ros2_arm(_: &Config, _: &Arc<Arm>) -> Result<Driven, StartError> {
    Err(Rejection::new("arm.kind", "a build with the feature dds for \"ros2\"", "one without").into())
}

/// The loop and the robot in threads of their own.
fn threads(
    config: &Config,
    ends: (Core, Handle),
    driven: Driven,
    writer: Option<TickWriter>,
) -> Result<Pipeline, StartError> {
    let loop_config = LoopConfig {
        rate_hz: config.control.rate_hz,
        fifo_priority: u8::try_from(config.control.priority).ok(),
        cpu: usize::try_from(config.control.cpu).ok(),
        in_step: config.is_on(&config.control.in_step),
        ..LoopConfig::default()
    };
    crate::interrupt::stops(ends.1.stop_flag());
    let line = match config.safety.stop_line.as_str() {
        "" => None,
        // Above the loop: what is heard of late is an open line.
        path => {
            let priority = loop_config.fifo_priority.map(|p| p + 1);
            Some(line::watch(path, ends.1.stop_line(), driven.clock, priority)?)
        }
    };
    Ok(Pipeline::start(ends, driven, loop_config, Beside { stroke_s: config.stroke_s(), line, writer })?)
}

fn names(cameras: &[Box<dyn Camera>]) -> Vec<String> {
    cameras.iter().map(|c| c.name().to_owned()).collect()
}

/// The robot alone in wall time, recorded, with where it notes what it hears: for a node.
pub(crate) fn pipeline(
    setup: &Setup<'_>,
    episode: &Episode,
    log: Log,
) -> Result<(Pipeline, Log, Tape), StartError> {
    let (driven, _) = driven(setup.config, setup.arm, Pace::Wall, episode)?;
    let (core, handle) = control::new(setup.arm.clone(), control_config(setup.config, Pace::Wall))?;
    let (core, log, tape, writer) = recorded(setup, episode, names(&driven.cameras), core, log)?;
    Ok((threads(setup.config, (core, handle), driven, writer)?, log, tape))
}

/// A mission over a robot elsewhere, whose loop's ticks are recorded there.
pub(crate) fn over(
    setup: &Setup<'_>,
    episode: &Episode,
    log: Log,
    (mut body, model): (Box<dyn Body>, Box<dyn VisionLanguageModel>),
) -> Result<Mission, StartError> {
    let (mut log, mut tape) = (log, Tape::default());
    // The robot has been there for a while: its time does not begin with the sentence.
    let now = body.now();
    log.set_now(now);
    let cameras = names(body.cameras());
    if let Some(recording) = recording(setup, episode, cameras, &log)? {
        tape = Tape::recording(recording.clone());
        tape.set_now(now, false);
        log = log.with_recording(recording);
    }
    let body: Box<dyn Body> = Box::new(Taped::far(body, tape.clone()));
    assemble(setup, Parts { body, model, tape, log, film: None, sentinel: None })
}

/// Everything that one run needs.
pub(crate) fn mission(
    setup: &Setup<'_>,
    episode: &Episode,
    log: Log,
    make_model: MakeModel<'_>,
) -> Result<Mission, StartError> {
    let Setup { config, arm, pace, .. } = *setup;
    let (driven, rig) = driven(config, arm, pace, episode)?;
    let model = make_model(rig.as_ref())?;
    let (core, handle) = control::new(arm.clone(), control_config(config, pace))?;
    let sentinel = handle.sentinel(control::Component::Mission);
    let film = log.folder().map(|f| f.path().join("episode.gif"));
    let film = match film {
        // Nobody sees an arm from outside that is not simulated.
        Some(path) if config.record.animation_hz > 0.0 && rig.is_some() => {
            Some(Film::create(&path, config.record.animation_hz)?)
        }
        _ => None,
    };
    let (core, log, tape, writer) = recorded(setup, episode, names(&driven.cameras), core, log)?;
    let body: Box<dyn Body> = match (pace, rig) {
        (Pace::Lockstep, Some(rig)) => {
            let lockstep = Lockstep::new((core, handle), rig, driven.cameras);
            Box::new(match writer {
                Some(writer) => lockstep.with_writer(writer),
                None => lockstep,
            })
        }
        _ => Box::new(threads(config, (core, handle), driven, writer)?),
    };
    let body: Box<dyn Body> = Box::new(Taped::new(body, tape.clone()));
    assemble(setup, Parts { body, model, tape, log, film, sentinel: Some(sentinel) })
}

/// Puts a run together.
pub(crate) fn assemble(setup: &Setup<'_>, parts: Parts) -> Result<Mission, StartError> {
    let Setup { config, arm, pace, .. } = *setup;
    let planning = planner_config(config, setup.seed);
    let eyes = Eyes::new(
        parts.model,
        Tracker::new(),
        config.perception.pictures_per_look,
        // In lockstep nothing hangs on how fast this machine is.
        match pace {
            Pace::Lockstep => Duration::MAX,
            Pace::Wall => Duration::from_secs_f64(config.perception.answer_limit_s),
        },
        parts.tape.clone(),
    );
    let cutoff = Cutoff::new(match pace {
        Pace::Lockstep => None,
        Pace::Wall => Some(Duration::from_secs_f64(config.planner.ik_limit_s)),
    });
    let mut motion = planner::Motion::new(arm.clone(), planning.clone())?;
    motion.set_patience(Box::new(cutoff.clone()));
    Ok(Mission {
        arm: arm.clone(),
        body: parts.body,
        eyes,
        planner: TablePlanner::new(arm.clone(), planning.clone())?,
        motion,
        cutoff,
        config: planning,
        log: parts.log,
        film: parts.film,
        answers: setup.answers.iter().cloned().collect(),
        takes_offers: !(config.remote.url.is_empty() && config.perception.model.is_empty()),
        is_interactive: setup.is_interactive,
        person: Box::new(Terminal),
        has_waited: false,
        proposed: Vec::new(),
        time_limit_s: setup.time_limit_s,
        held: None,
        surroundings: Surroundings::new(arm.clone(), people(config), parts.tape.clone()),
        tape: parts.tape,
        least_grip_m: 0.0,
        world_told: None,
        visitors: None,
        begun: types::Time::ZERO,
        ready: types::Time::ZERO,
        lease: None,
        _sentinel: parts.sentinel,
        judging: Judging::new(&config.planner.judge),
        motions: 0,
        replans: 0,
    })
}
