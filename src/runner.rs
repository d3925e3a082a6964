//! One episode from beginning to end, with both verdicts and the folder it leaves.

use crate::config::{Config, Safety};
use crate::exit::Exit;
use crate::graph::Body;
use crate::log::{Log, Screen};
use crate::mission::{Ending, Mission, Person, Tally, Truths, Visitors, holds};
use crate::recording::{Drives, Share};
use crate::report;
use crate::session::{self, Pace, Setup, StartError};
use crate::suite::episode::{Episode, Expect};
use mechanics::Arm;
use std::path::Path;
use std::sync::Arc;
use types::language::Task;
use types::seams::VisionLanguageModel;

/// How an episode went.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The exit code's meaning, both verdicts considered.
    pub(crate) exit: Exit,
    /// What was said to the person.
    pub(crate) said: String,
    /// What the simulator's truth says against it; empty when nothing.
    pub(crate) against: String,
    /// Whether it ended as the episode expects.
    pub(crate) as_expected: bool,
    /// The robot's time that it took, seconds.
    pub(crate) seconds: f64,
    /// How often was planned anew.
    pub(crate) replans: usize,
    /// How many trajectories were started.
    pub(crate) motions: usize,
    /// Largest commanded joint speed, rad/s: zero when nothing moved.
    pub(crate) fastest: f64,
    /// The first safety invariant that a tick broke; empty when none.
    pub(crate) broken: String,
    /// How near the moving arm came to anybody's hands, metres, at most two; `None` in wall time.
    pub(crate) nearest_person_m: Option<f64>,
    /// Tells the row of commands from another; zero in wall time.
    pub(crate) commands: u64,
    /// Who came into the arm's way, where that is measured.
    pub(crate) visits: Tally,
    /// What the sentence was read as.
    pub(crate) proposed: Vec<Task>,
    /// What lies elsewhere by the simulator's truth than it did, by its name; nothing where the arm is not simulated.
    pub(crate) moved: Vec<String>,
    /// Wall times of the model's answers to pictures, seconds.
    pub(crate) looks_s: Vec<f64>,
    /// The robot's time over the wall time that planning, control and physics took.
    pub(crate) pace: f64,
}

/// Runs an episode with the configured model.
///
/// # Errors
/// [`StartError`] when it cannot begin; what goes wrong later is an [`Outcome`].
pub(crate) fn run(
    config: &Config,
    arm: &Arc<Arm>,
    episode: &Episode,
    pace: Pace,
    log: Log,
    is_interactive: bool,
) -> Result<Outcome, StartError> {
    let make = |_: Option<&sim::Rig>| -> Result<Box<dyn VisionLanguageModel>, StartError> {
        crate::models::of(config)
    };
    run_with(config, arm, episode, pace, log, is_interactive, &make)
}

/// Runs an episode with another model.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_with(
    config: &Config,
    arm: &Arc<Arm>,
    episode: &Episode,
    pace: Pace,
    log: Log,
    is_interactive: bool,
    make_model: session::MakeModel<'_>,
) -> Result<Outcome, StartError> {
    let setup = setup(config, arm, episode, pace, is_interactive);
    let mission = session::mission(&setup, episode, log, make_model)?;
    carry_out(config, arm, episode, mission)
}

/// Runs an episode over a robot elsewhere, which `drives` names, for a person who may be elsewhere, too.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_over(
    config: &Config,
    arm: &Arc<Arm>,
    episode: &Episode,
    log: Log,
    drives: Drives,
    over: (Box<dyn Body>, Box<dyn VisionLanguageModel>),
    person: Option<Box<dyn Person>>,
) -> Result<Outcome, StartError> {
    let share = Share::Planner(drives);
    let setup = Setup { share, ..setup(config, arm, episode, Pace::Wall, person.is_some()) };
    let mut mission = session::over(&setup, episode, log, over)?;
    if let Some(person) = person {
        mission.person = person;
    }
    carry_out(config, arm, episode, mission)
}

fn setup<'a>(
    config: &'a Config,
    arm: &'a Arc<Arm>,
    episode: &'a Episode,
    pace: Pace,
    is_interactive: bool,
) -> Setup<'a> {
    Setup {
        config,
        arm,
        pace,
        seed: episode.seed,
        answers: &episode.answers,
        time_limit_s: episode.time_limit_s.unwrap_or(config.planner.time_limit_s),
        is_interactive,
        share: Share::Whole,
    }
}

/// Runs an episode in lockstep while somebody comes into the arm's way again and again, of whom the safety filter
/// is told, or is told nothing.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_visited(
    config: &Config,
    arm: &Arc<Arm>,
    episode: &Episode,
    is_told: bool,
) -> Result<Outcome, StartError> {
    let log = Log::new(Screen::Silent, None);
    let make = |_: Option<&sim::Rig>| -> Result<Box<dyn VisionLanguageModel>, StartError> {
        crate::models::of(config)
    };
    // None of these is in any picture.
    let safety = Safety { people: false, ..config.safety.clone() };
    let config = &Config { safety, ..config.clone() };
    let setup = setup(config, arm, episode, Pace::Lockstep, false);
    let mut mission = session::mission(&setup, episode, log, &make)?;
    mission.visitors = Some(Visitors::new(arm.clone(), episode.seed, is_told));
    carry_out(config, arm, episode, mission)
}

fn carry_out(
    config: &Config,
    arm: &Arc<Arm>,
    episode: &Episode,
    mut mission: Mission,
) -> Result<Outcome, StartError> {
    let folder = mission.log.folder().map(|f| f.path().to_owned());
    if let Some(rig) = mission.body.world()
        && let Some(folder) = mission.log.folder()
    {
        folder.text("scene.xml", rig.world().mjcf())?;
    }
    let before = mission.body.world().map(sim::Rig::truth);
    let wall = std::time::Instant::now();
    let ending = mission.run(&episode.sentence);
    let seconds = mission.body.now().secs_since(mission.begun);
    let unseeing_s = wall.elapsed().as_secs_f64() - mission.eyes.seeing_s;
    let truths = before.zip(mission.body.world().map(sim::Rig::truth));
    let truths = truths.map(|(before, after)| Truths { before, after });
    let (exit, against) = both_verdicts(&ending, episode, truths.as_ref());
    if exit == Exit::VerdictsDiffer {
        mission.log.error("run", "verdicts", format!("the simulator's truth differs: {against}"));
    }
    // What moves while the encoders are proven is nobody's motion.
    let ready = mission.ready;
    let fastest = mission
        .body
        .trace()
        .samples()
        .iter()
        .filter(|s| s.stamp >= ready)
        .flat_map(|s| s.dq.to_vec())
        .fold(0.0, |m: f64, v| m.max(v.abs()));
    let invariants = mission.body.invariants();
    let mut outcome = Outcome {
        exit,
        as_expected: false,
        said: ending.said.clone(),
        against,
        seconds,
        replans: mission.replans,
        motions: mission.motions,
        fastest,
        broken: invariants.and_then(|i| i.broken()).unwrap_or_default().to_owned(),
        nearest_person_m: mission.body.nearest_person_m(),
        commands: invariants.map_or(0, |i| i.hash()),
        visits: mission.visitors.as_ref().map(Visitors::tally).unwrap_or_default(),
        proposed: mission.proposed.clone(),
        moved: truths.as_ref().map(Truths::moved).unwrap_or_default(),
        looks_s: mission.eyes.look_times.clone(),
        pace: seconds / unseeing_s.max(1e-9),
    };
    outcome.as_expected = outcome.broken.is_empty() && as_expected(&outcome, &ending, episode);
    if !outcome.broken.is_empty() {
        mission.log.error("control", "invariant", &outcome.broken);
        outcome.exit = Exit::Failed;
    }
    finish(config, arm, mission, episode, &outcome, folder.as_deref(), wall.elapsed().as_secs_f64())?;
    Ok(outcome)
}

/// Perception's verdict, and the simulator's truth beside it.
fn both_verdicts(ending: &Ending, episode: &Episode, truths: Option<&Truths>) -> (Exit, String) {
    let Some(truths) = truths else { return (ending.exit, String::new()) };
    let acted = ending.aim.is_some() || (ending.exit == Exit::Done && !episode.success.is_empty());
    if !acted || !matches!(ending.exit, Exit::Done | Exit::Failed) {
        return (ending.exit, String::new());
    }
    let truth = if episode.success.is_empty() {
        ending.aim.as_ref().map_or(Ok(()), |(goal, memory)| truths.aim_holds(goal, memory))
    } else {
        episode.success.iter().try_for_each(|p| holds(p, truths))
    };
    match (ending.exit, truth) {
        (Exit::Done, Ok(())) => (Exit::Done, String::new()),
        (Exit::Done, Err(why)) => (Exit::VerdictsDiffer, why),
        (_, Ok(())) => (Exit::VerdictsDiffer, "it is done, and perception did not see it".into()),
        (exit, Err(why)) => (exit, why),
    }
}

fn as_expected(outcome: &Outcome, ending: &Ending, episode: &Episode) -> bool {
    // Fingers and arm at rest: no trajectory was started, and no command left the hold target.
    let still = outcome.motions == 0 && outcome.fastest < 1e-9;
    match episode.expect {
        Expect::Done => outcome.exit == Exit::Done && (ending.aim.is_some() || episode.success.is_empty()),
        Expect::Declined => still && matches!(outcome.exit, Exit::Question | Exit::Refused),
        Expect::Question => still && outcome.exit == Exit::Question,
        Expect::Refusal => still && outcome.exit == Exit::Refused,
        Expect::Answer => {
            let wanted = episode.answer.as_deref().unwrap_or_default().to_lowercase();
            still && outcome.exit == Exit::Done && outcome.said.to_lowercase().contains(&wanted)
        }
        Expect::Stopped => outcome.exit == Exit::Failed,
    }
}

/// Ends the loop and writes what the folder shall hold.
fn finish(
    config: &Config,
    arm: &Arc<Arm>,
    mut mission: Mission,
    episode: &Episode,
    outcome: &Outcome,
    folder: Option<&Path>,
    wall_s: f64,
) -> Result<(), StartError> {
    if let Some(why) = mission.film.as_ref().and_then(|f| f.failure()) {
        let why = why.to_string();
        mission.log.warn("bridge", "film", why);
    }
    if folder.is_some() {
        report::pictures(&mission, "after")?;
        report::joints(&mut mission, arm, &episode.sentence)?;
    }
    let (looks, spent) = (mission.eyes.look_times.clone(), mission.eyes.spent);
    let mut log = mission.log;
    drop(mission.film);
    let loop_report = mission.body.finish();
    if let Some(recording) = log.recording() {
        let summary = recording.finish();
        report::left_out(&mut log, &summary);
    }
    if let Some(folder) = log.folder() {
        folder.text("robot.toml", &config.to_toml())?;
        if let Some(r) = &loop_report {
            let lines = [report::loop_lines(r), report::jitter_lines(r)].concat();
            folder.text("loop.txt", &(lines.join("\n") + "\n"))?;
            folder.text("loop.json", &format!("{:#}\n", report::loop_json(r)))?;
        }
        report::wall(folder, wall_s, &looks)?;
        report::summary(folder, episode, outcome, &spent)?;
    }
    Ok(())
}
