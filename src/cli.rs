//! The command line.

mod model;

pub(crate) use model::ModelOptions;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// A sentence moves the arm, and nothing unsafe reaches a motor.
///
/// Sinew looks at a table through cameras, understands a sentence, plans checked motions, and drives a
/// robot arm in a real-time loop, in simulation or on hardware.
///
/// First steps:
///   sinew run "put the red cube in the blue bowl"     do it, in the built-in simulation
///   sinew ask "how many cubes do you see?"            look and answer, without moving
///   sinew eval tabletop --episodes 40 --seed 1        measure it over random scenes
///   sinew doctor                                      what this machine can do, and what to type
///
/// A hardware emergency stop is required on a real arm: Sinew's is a software safety function.
///
/// Exit codes: 0 done or answered, 1 failed, 2 bad usage or config, 3 Sinew asks back, 4 refused,
/// 5 perception and the simulator's truth differ, 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "sinew", version = crate::version::WHOLE, verbatim_doc_comment)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Do what a sentence says, check that it is done, and leave a folder that shows how.
    Run {
        /// What to do, or what to answer: "put the red cube in the blue bowl". May be left out when
        /// the scene file brings its own sentence.
        sentence: Option<String>,
        #[command(flatten)]
        common: Common,
        /// The answer to a question that Sinew asks back; may be given several times.
        #[arg(long)]
        answer: Vec<String>,
        /// One thread and virtual time: same seed, same bytes.
        #[arg(long)]
        lockstep: bool,
    },
    /// Ask the model one question about a picture, or about the current view; nothing moves.
    Ask {
        /// "where is the small green ball?", "is there a cube in the bowl?", or an instruction, to
        /// see the program that the model proposes for it.
        #[arg(required_unless_present = "batch")]
        sentence: Option<String>,
        /// A PNG or JPEG picture; the robot's fixed camera when left out. With --model as many as there are
        /// --image, in order, and none when left out.
        #[arg(long)]
        image: Vec<PathBuf>,
        /// A file of questions that --model answers together, one in a line: `{"text": "…", "images": ["a.png"]}`. Prints a
        /// line of JSON for each, in order.
        #[arg(long, value_name = "FILE", requires = "model", conflicts_with_all = ["sentence", "image", "role", "run", "logits"])]
        batch: Option<PathBuf>,
        #[command(flatten)]
        model: ModelOptions,
        /// The folder of a run, for --role explain: what its events say is what there is to explain.
        #[arg(long, requires = "role")]
        run: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Measure success over random scenes and wordings, in lockstep, one episode per core.
    Eval {
        /// `tabletop` (tasks), `refusals` (what must be declined), `demo` (the demo sentence),
        /// `signs` (tasks beside signs that order the robot about), `grounding` (held-out pictures), `wordings` (frozen
        /// sentences), `reach` (random poses of the tool, for any arm), or a scenario file (TOML).
        suite: String,
        /// How many episodes, pictures, or poses.
        #[arg(long, default_value_t = 40)]
        episodes: usize,
        /// Only this task family.
        #[arg(long)]
        family: Option<String>,
        /// Only the episodes of these numbers, as in `--only 7,12`: repeats what failed.
        #[arg(long, value_delimiter = ',', conflicts_with = "episodes")]
        only: Vec<usize>,
        /// Each episode twice, with things in the arm's way that the planner does not know of: with the safety
        /// filter, and with a filter that is told nothing. Not with every suite.
        #[arg(long)]
        paired: bool,
        /// Episodes at the same time; as many as there are cores when left out.
        #[arg(long)]
        jobs: Option<usize>,
        #[command(flatten)]
        common: Common,
    },
    /// Recorded runs once more: mission, planner and control from what they consumed, every command compared with
    /// the recorded one. 0 all are the same to the last bit, 1 one is not.
    ///
    /// With --with: how the run differs with values of its configuration changed, in words and as a picture. 0 it was
    /// compared and ended in the same way (or was only followed), 1 it ended in another way, 2 no such key or value.
    Replay {
        /// Recordings (run.mcap), or folders of runs.
        #[arg(required = true)]
        recordings: Vec<PathBuf>,
        /// Ask the models of the recording's configuration again, too, and tell where they say something else; the
        /// replay goes on from what they said then.
        #[arg(long)]
        requery: bool,
        /// Change a value of the recording's configuration, as in `planner.speed=0.3`; may be given several times. The
        /// run is made anew with it in the simulated world and in virtual time (one of wall time without it, too).
        #[arg(long, value_name = "KEY=VALUE")]
        with: Vec<String>,
        /// Do not make the run anew: follow its recorded inputs with --with, for as long as they tell anything. With
        /// --requery it is always so.
        #[arg(long, requires = "with")]
        inputs: bool,
        /// Folder for what --with leaves: the picture, and the run that was made anew; `with-KEY=VALUE` beside the
        /// recording when left out.
        #[arg(long, requires = "with")]
        out: Option<PathBuf>,
        /// Print a JSON object for each instead of sentences.
        #[arg(long)]
        json: bool,
    },
    /// Why the arm moved as it did at an instant: from the motor command back to the person's words, as a story with
    /// the pictures that were looked at.
    ///
    /// Of a run that was split over `sinew node robot` and `sinew node planner` each left a recording: name both, in any
    /// order, or a folder that has both. That they are of one run is checked. The robot's alone tells less, and says so. The
    /// perception node's, named besides or in that folder, says what that was shown and saw.
    Why {
        /// A recording (run.mcap), or the folder of a run; of a run over several nodes its parts.
        #[arg(required = true)]
        recordings: Vec<PathBuf>,
        /// When, seconds of the robot's time.
        #[arg(long)]
        at: f64,
        /// Folder for the pictures; `why-AT` beside the recording when left out.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// What is in a recording, out of it for other tools, and recordings out of datasets.
    Log {
        #[command(subcommand)]
        command: LogCommand,
    },
    /// Fetch a model from the hub that `robot.toml` names (Hugging Face, or a mirror), and print its folder; goes on
    /// where it was when it was interrupted. `hub:owner/name` for a model does the same on first use.
    Fetch {
        /// `owner/name` or `owner/name@revision` (a branch, a tag, a commit).
        model: String,
        /// Configuration file; `robot.toml` here when there is one, else the built-in defaults.
        #[arg(long)]
        config: Option<PathBuf>,
        /// Print one JSON object instead of the folder.
        #[arg(long)]
        json: bool,
    },
    /// Make the keys of a deployment: what lets nodes on several machines hear each other, and nobody else. A folder for
    /// each role (robot, perception, planner, operator, ros2, observer), to be taken to the machine that plays it. Once more
    /// adds what is missing.
    Keys(KeysOptions),
    /// The world alone: settle a scene and save what its cameras see.
    Sim {
        /// How long to let it run, seconds of the world.
        #[arg(long, default_value_t = 1.0)]
        seconds: f64,
        /// Stand in for an arm of ROS 2's until Ctrl-C: a joint trajectory controller, a gripper and cameras by the names
        /// in `[arm]`.
        #[arg(long, conflicts_with = "seconds")]
        ros2: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Train the built-in model on renders of the world; resumes where it stopped.
    Train(TrainOptions),
    /// Measure Sinew's parts beside what people use now (`scripts/peers` installs it): 0 all goals met,
    /// 1 a line is short, 2 a peer is missing.
    Bench(crate::bench::BenchOptions),
    /// Break things on the simulated arm and put bad inputs in, row by row of the tables of faults (F1 to F46) and of bad
    /// inputs (B1 to B34), print what came of each, and how often the safety invariants (I1 to I9) were looked at
    /// meanwhile: 0 every trial ended as its row asks, 1 one did not.
    Faults {
        /// Rows to try and invariants to tell of, as in `F13 b3 I5`; all when left out. Invariants alone are looked at in
        /// every row.
        #[arg(value_name = "ROW")]
        rows: Vec<String>,
        /// Random instants per row; 20 when left out.
        #[arg(long)]
        instants: Option<usize>,
        /// A thousand instants per row.
        #[arg(long, conflicts_with = "instants")]
        full: bool,
        #[command(flatten)]
        common: Common,
    },
    /// What this machine can do: rights, real time, features, GPU; and what to type.
    Doctor {
        #[command(flatten)]
        common: Common,
    },
    /// One stage as a process of its own, until Ctrl-C: with the same `robot.toml` on each machine they find each other
    /// (`[zenoh]`). `robot` is the loop with its arm and cameras, `perception` the models, `planner` what carries out
    /// sentences. `sinew say` gives it one. `ros2` stands between them and ROS 2 (`[ros2]`).
    Node {
        /// Which.
        #[arg(value_enum)]
        role: NodeRole,
        #[command(flatten)]
        common: Common,
    },
    /// Have the planner node carry out a sentence, and tell what happens; Ctrl-C gives it up. Exit codes as of `run`.
    Say {
        /// What to do, or what to answer.
        sentence: String,
        /// The answer to a question that Sinew asks back; may be given several times.
        #[arg(long)]
        answer: Vec<String>,
        /// Answer further questions from standard input, a line each, also where that is no terminal.
        #[arg(long)]
        ask: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Send motions to the robot node, one JSON object a line: 0 all done, 2 a line is refused.
    Send {
        /// The lines; standard input when left out.
        file: Option<PathBuf>,
        /// Whose they are: a higher rank takes the arm from a lower one.
        #[arg(long, value_enum, default_value = "human")]
        by: SentBy,
        #[command(flatten)]
        common: Common,
    },
    /// Stop the robot node, whoever moves it; said again until the robot has taken it.
    Stop {
        /// 2: come to rest and hold; 1: then power off; 0: power off at once. 1 and 0 latch until `sinew reset`.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=2))]
        category: u8,
        /// For how long it is said again at most, seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
        within: u64,
        #[command(flatten)]
        common: Common,
    },
    /// Lead the robot node out of a latched stop.
    Reset {
        #[command(flatten)]
        common: Common,
    },
    /// Which nodes of this robot are there, what they offer, and how the arrows between them do: 0 somebody is, 1 nobody.
    Ls {
        #[command(flatten)]
        common: Common,
    },
    /// Keep guard over the control loop of another process; `sinew run` starts it where
    /// `control.watchdog` is set.
    #[command(hide = true)]
    Watchdog {
        /// The page that the loop shares.
        page: PathBuf,
    },
    /// Move an arm to and fro in wall time under its watchdog; `sinew faults` breaks it.
    #[command(hide = true)]
    Alone {
        /// For how long, seconds.
        #[arg(long, default_value_t = 8.0)]
        seconds: f64,
        /// What breaks, and after how many seconds.
        #[arg(long, value_enum, requires = "at")]
        r#break: Option<crate::alone::Break>,
        /// See `--break`.
        #[arg(long, default_value_t = 0.0)]
        at: f64,
        /// How long the loop and its watchdog may be silent, milliseconds, instead of what the robot bears.
        #[arg(long)]
        patience_ms: Option<f64>,
        #[command(flatten)]
        common: Common,
    },
    /// Print the full default configuration with every key explained.
    Config,
}

/// Whose motions are sent, from the lowest rank to the highest (a planner is above a script).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SentBy {
    /// A learned policy's.
    Policy,
    /// A program's.
    Script,
    /// A person's.
    Human,
}

impl From<SentBy> for control::Owner {
    fn from(by: SentBy) -> Self {
        match by {
            SentBy::Policy => Self::Policy,
            SentBy::Script => Self::Script,
            SentBy::Human => Self::Human,
        }
    }
}

/// A stage that runs as a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum NodeRole {
    /// The loop with its arm and cameras.
    Robot,
    /// The models.
    Perception,
    /// What carries out sentences.
    Planner,
    /// What the robot does and sees, in ROS 2, and paths from there (feature dds).
    Ros2,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct KeysOptions {
    /// Where to. The authority (ca.key.pem) and the master secret (master.key) stay there.
    pub(crate) dir: PathBuf,
    /// The robot's name, the first part of every key of its messages; `arm`, or as the last time, when left out.
    #[arg(long)]
    pub(crate) robot: Option<String>,
    /// How long certificates last, days.
    #[arg(long, default_value_t = 365)]
    pub(crate) days: u32,
    /// Names and addresses of machines, as in `arm.local,10.0.0.7`, for tools that look for them in a certificate.
    /// Sinew asks for the role alone.
    #[arg(long, value_delimiter = ',')]
    pub(crate) names: Vec<String>,
    /// Make certificates, private keys and rules of all roles anew; the authority and the secrets stay. What was
    /// there before counts until it ends: if it may be in other hands, make keys in another folder.
    #[arg(long)]
    pub(crate) renew: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Topics, types, sizes, how the loop went, what was left out, what is damaged: 0 it is whole, 1 it is not.
    Info {
        /// A recording (run.mcap), or the folder of a run.
        file: PathBuf,
        /// Print one JSON object instead of sentences.
        #[arg(long)]
        json: bool,
    },
    /// Out of recordings for tools that read none: a dataset for learning, a table, an animated picture, plots. What is
    /// there already is never written over.
    Export(ExportOptions),
    /// Recordings of a dataset for learning (LeRobotDataset, version 3): joints, actions, pictures, sentence, for
    /// `sinew log info` and Foxglove. Videos take the program ffmpeg (`SINEW_FFMPEG`, or in the path).
    Import {
        /// The dataset's folder, with meta/info.json in it.
        dataset: PathBuf,
        /// Where to, a new folder: a run.mcap for --episode, else a folder with one for each episode.
        #[arg(long)]
        out: PathBuf,
        /// This episode alone, counted from 0.
        #[arg(long)]
        episode: Option<u64>,
    },
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ExportOptions {
    /// Recordings (run.mcap), or folders of runs; of several --to lerobot makes an episode each. Of a run over several
    /// nodes the robot's part and the planner's, in any order: the one has the ticks, the other pictures and sentence.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// What to make.
    #[arg(long, value_enum)]
    pub(crate) to: ExportTo,
    /// Where to: a new folder (lerobot, plots) or file (gif, csv). Without it csv goes to standard output.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Frames per second of lerobot and gif, 1 to 100; what the recorded pictures allow when left out.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) fps: Option<u32>,
    /// Only runs that ended so.
    #[arg(long, value_enum)]
    pub(crate) only: Option<Only>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ExportTo {
    /// A LeRobotDataset of version 3.0: joints, commands, and pictures as video through ffmpeg, without it as PNG.
    Lerobot,
    /// Every tick of the loop in a line: what was measured and what was told.
    Csv,
    /// The recorded pictures of all cameras, in a loop.
    Gif,
    /// Positions and velocities, measured and told, and in wall time how late the loop was.
    Plots,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Only {
    /// Done, by perception and in simulation by the simulator's truth too.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Pictures to objects.
    Vision,
    /// A closer look at each of them, as the vision part proposes them.
    Closer,
    /// Sentences to programs.
    Language,
    /// One after the other.
    All,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TrainOptions {
    /// Where checkpoints, plots and the weights go.
    #[arg(long, default_value = "runs/train")]
    pub(crate) dir: PathBuf,
    /// Which part of the model.
    #[arg(long, value_enum, default_value_t = Part::All)]
    pub(crate) part: Part,
    /// Pictures that the vision part sees in all; the learning rate's course spans them.
    #[arg(long, default_value_t = 56_000)]
    pub(crate) pictures: u64,
    /// Pictures that the closer look sees in all.
    #[arg(long, default_value_t = 48_000)]
    pub(crate) closer_pictures: u64,
    /// Steps of the language part in all.
    #[arg(long, default_value_t = 9_000)]
    pub(crate) steps: u64,
    /// Stop this leg after so many minutes; the same command again goes on.
    #[arg(long)]
    pub(crate) minutes: Option<f64>,
    /// Seed of data and weights.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Threads; another number gives other bits.
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
    /// Start anew even if there is a checkpoint.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Train nothing: write the weights file of the checkpoints as they stand.
    #[arg(long)]
    pub(crate) as_it_stands: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// Configuration file; `robot.toml` here when there is one, else the built-in defaults.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// `panda`, `so101`, a robot profile (.toml), or a robot file (.urdf, .xml).
    #[arg(long)]
    pub(crate) robot: Option<String>,
    /// A scenario file (TOML): what lies on the table, and what shall come of it.
    #[arg(long)]
    pub(crate) scene: Option<PathBuf>,
    /// Seed of the world, the noise and the planner.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Folder for what the run leaves; a new one under `runs/` when left out. Of `ask --role` without --model: the question
    /// and its answer, as a run records them; nothing when left out.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Print events as JSON, one a line, instead of sentences.
    #[arg(long)]
    pub(crate) json: bool,
}
