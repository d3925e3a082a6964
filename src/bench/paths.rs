//! Free paths for the Panda beside OMPL's RRT-Connect over FCL, on the MotionBenchMaker problems: the same balls
//! for the arm, the same solids around it. Every path of ours is checked finely by exact distances.

use super::BenchOptions;
use super::blocks::{cpu_ns, ratio};
use super::peer::Peer;
use super::solids::{meet, numbers};
use super::table::Table;
use crate::commands::CommandError;
use mechanics::collision::{Checker, Obstacle};
use mechanics::{Arm, ArmData, GeomShape};
use nalgebra::{Isometry3, Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};
use planner::{Config, Paths};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use std::io;
use std::path::Path;
use std::sync::Arc;
use types::JointVector;

/// Where every problem starts from: home.
const HOME: [f64; 7] = [0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785];
/// So many of the problems, drawn.
const PROBLEMS: usize = 300;
/// How far the joint that moves most goes between two looks of the peer's search, rad; ours looks half as often
/// while it searches, and twice as often at what it found.
const STEP: f64 = 0.01;
/// The same where our paths are checked, rad, and how deep they may be in something there: contacts between two
/// looks, metres.
const FINE: f64 = 0.001;
const GRAZE_M: f64 = 1e-4;
/// Extensions that ours may try; seconds that the peer may take.
const ITERATIONS: usize = 100_000;
const SECONDS: f64 = 2.0;
/// Ours at most so much of the peer's time.
const GOAL: f64 = 0.02;

/// As `scripts/peer/problems.py` writes it.
#[derive(serde::Deserialize)]
struct Problem {
    start: JointVector,
    goal: JointVector,
    /// Kind, sizes, rotation by rows, translation.
    obstacles: Vec<Vec<f64>>,
}

struct Ours {
    arm: Arc<Arm>,
    paths: Paths,
    checker: Checker,
    data: ArmData,
}

/// CPU nanoseconds until the first path, and until it was shortened; infinitely many without a right one.
#[derive(Copy, Clone, Debug)]
struct Cost {
    first: f64,
    shortened: f64,
}

impl Cost {
    const NONE: Self = Self { first: f64::INFINITY, shortened: f64::INFINITY };
}

impl Ours {
    fn load(path: &Path, seed: u64) -> Result<Self, CommandError> {
        let other = |e: &dyn std::fmt::Display| CommandError::Other(format!("bench: {e}"));
        let model = mechanics::load(path).map_err(|e| other(&e))?;
        let mut profile = Arm::from_model(model.clone()).map_err(|e| other(&e))?.profile().clone();
        (profile.home, profile.park) = (HOME.to_vec(), HOME.to_vec());
        let arm = Arc::new(Arm::new(model, profile)?);
        let config =
            Config { seed, check_step_rad: 2.0 * STEP, search_iterations: ITERATIONS, ..Config::default() };
        let paths = Paths::new(Arc::clone(&arm), &config, 0.0, 0.0)?;
        Ok(Self { paths, checker: Checker::new(&arm), data: ArmData::new(&arm), arm })
    }

    /// Whether nothing touches by more than `graze_m`, by exact distances.
    fn is_free(&mut self, q: &JointVector, graze_m: f64) -> bool {
        let met = self.checker.nearest_within(&self.arm, &mut self.data, q, 0.0, 0.0);
        met.is_none_or(|c| graze_m > 0.0 && c.distance > -graze_m)
    }

    /// Whether a path leads from end to end within the limits and touches nothing.
    fn is_right(&mut self, path: &[JointVector], p: &Problem) -> bool {
        let limits = self.arm.limits().to_vec();
        let is_within = |q: &JointVector| q.iter().zip(&limits).all(|(v, l)| (l.lower..=l.upper).contains(v));
        path.first() == Some(&p.start)
            && path.last() == Some(&p.goal)
            && path.iter().all(is_within)
            && path.windows(2).all(|w| {
                let n = (w[0].max_abs_diff(&w[1]) / FINE).ceil().max(1.0) as usize;
                (0..=n).all(|i| {
                    let x = i as f64 / n as f64;
                    let q = JointVector::from_fn(w[0].len(), |j| w[0][j] + x * (w[1][j] - w[0][j]));
                    self.is_free(&q, GRAZE_M)
                })
            })
    }

    /// Both ends free: a problem that can have an answer.
    fn is_sound(&mut self, p: &Problem, obstacles: Vec<Obstacle>) -> Result<bool, CommandError> {
        self.checker.set_obstacles(obstacles)?;
        Ok(self.is_free(&p.start, 0.0) && self.is_free(&p.goal, 0.0))
    }

    fn solve(&mut self, p: &Problem, obstacles: Vec<Obstacle>) -> Result<Cost, CommandError> {
        self.checker.set_obstacles(obstacles.clone())?;
        self.paths.surround(obstacles).map_err(|e| CommandError::Other(format!("bench: {e}")))?;
        let begun = cpu_ns();
        let found = self.paths.find(&p.start, &p.goal);
        let first = cpu_ns() - begun;
        let Ok(path) = found else { return Ok(Cost::NONE) };
        let mut shorter = path.clone();
        let again = cpu_ns();
        self.paths.shorten(&mut shorter);
        let shortened = first + cpu_ns() - again;
        let right = |is_right: bool, ns: f64| if is_right { ns } else { f64::INFINITY };
        Ok(Cost {
            first: right(self.is_right(&path, p), first),
            shortened: right(self.is_right(&shorter, p), shortened),
        })
    }
}

/// The peer's answer; it is taken for right.
fn theirs(peer: &mut Peer, p: &Problem, obstacles: &[Obstacle], seed: u64) -> io::Result<Cost> {
    let mut numbers = numbers(obstacles)?;
    numbers.extend(p.start.iter().chain(p.goal.iter()));
    peer.send(&format!("problem {}", obstacles.len()))?;
    peer.give(&numbers)?;
    peer.answer()?;
    let words = peer.ask(&format!("solve {} {STEP} {SECONDS}", 1 + seed % 0xffff_ffff))?;
    let number = |i: usize| words.get(i).and_then(|w| w.parse::<f64>().ok());
    let (Some(n), Some(first), Some(simplifying)) = (number(0), number(1), number(2)) else {
        return Err(io::Error::other(format!("the peer answered {words:?}")));
    };
    peer.take(n as usize * p.start.len())?;
    Ok(if n > 0.0 { Cost { first, shortened: first + simplifying } } else { Cost::NONE })
}

fn obstacle(v: &[f64]) -> Option<Obstacle> {
    let (size, turn, at) = (v.get(1..4)?, v.get(4..13)?, v.get(13..16)?);
    let shape = match v[0] {
        0.0 => GeomShape::Sphere { radius: size[0] },
        2.0 => GeomShape::Cylinder { radius: size[0], half_length: size[1] },
        3.0 => GeomShape::Cuboid { half: Vector3::from_column_slice(size) },
        _ => return None,
    };
    let turn = Rotation3::from_matrix_unchecked(Matrix3::from_row_slice(turn));
    let at = Translation3::new(at[0], at[1], at[2]);
    let world_from_obstacle = Isometry3::from_parts(at, UnitQuaternion::from_rotation_matrix(&turn));
    Some(Obstacle { name: "obstacle".into(), shape, world_from_obstacle })
}

/// All problems, in blocks of an order that is drawn.
pub(crate) fn measure(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let (what, program, folder) = ("free paths", o.peers.join("ompl"), o.peers.join("problems"));
    let Ok(text) = std::fs::read_to_string(folder.join("problems.json")) else {
        table.missing(what, "no problems of vamp-planner");
        return Ok(());
    };
    let Some(mut peer) = Peer::for_line(table, what, &program) else { return Ok(()) };
    let lost = |e: io::Error| CommandError::Other(format!("{}: {e}", program.display()));
    let other = |e: &dyn std::fmt::Display| CommandError::Other(format!("bench: problems.json: {e}"));
    let mut problems: Vec<Problem> = serde_json::from_str(&text).map_err(|e| other(&e))?;
    problems.shuffle(&mut ChaCha8Rng::seed_from_u64(o.seed));
    problems.truncate(PROBLEMS);
    let mut ours = Ours::load(&folder.join("panda.urdf"), o.seed)?;
    let version = meet(&mut peer, &ours.arm).map_err(lost)?;
    let limits = ours.arm.limits();
    let both: Vec<f64> = limits.iter().map(|l| l.lower).chain(limits.iter().map(|l| l.upper)).collect();
    peer.send(&format!("limits {}", limits.len())).map_err(lost)?;
    peer.give(&both).map_err(lost)?;
    peer.answer().map_err(lost)?;

    let mut sound = Vec::with_capacity(problems.len());
    for p in &problems {
        let obstacles: Option<Vec<Obstacle>> = p.obstacles.iter().map(|v| obstacle(v)).collect();
        let obstacles = obstacles.ok_or_else(|| other(&"a solid of no known kind"))?;
        if ours.is_sound(p, obstacles.clone())? {
            sound.push((p, obstacles));
        }
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for block in sound.chunks(sound.len().div_ceil(o.blocks).max(1)) {
        for (p, obstacles) in block {
            a.push(ours.solve(p, obstacles.clone())?);
        }
        for (p, obstacles) in block {
            b.push(theirs(&mut peer, p, obstacles, o.seed).map_err(lost)?);
        }
    }
    let solved = |costs: &[Cost]| {
        costs.iter().filter(|c| c.first.is_finite() && c.shortened.is_finite()).count() as f64
            / costs.len() as f64
    };
    let name = format!("free paths, {} of {} solved", sound.len(), problems.len());
    table.share(&name, solved(&a), Some(solved(&b)), 1.0);
    let of = |costs: &[Cost], f: fn(&Cost) -> f64| costs.iter().map(f).collect::<Vec<_>>();
    for (name, f) in [
        ("free path, first found, median", (|c| c.first) as fn(&Cost) -> f64),
        ("free path, shortened, median", |c| c.shortened),
    ] {
        table.ratio(name, &version, &ratio(&of(&a, f), &of(&b, f), o.seed), GOAL);
    }
    Ok(())
}
