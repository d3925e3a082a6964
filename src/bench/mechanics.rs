//! Kinematics and dynamics beside Pinocchio and the `k` crate: the same numbers, in less time.

use super::BenchOptions;
use super::blocks::{alternate, block};
use super::peer::Peer;
use super::table::Table;
use crate::commands::CommandError;
use mechanics::{Data, Jacobian, Model, dynamics, kinematics};
use nalgebra::Point3;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Whose models they are: files within the package.
const ROBOTS: [(&str, &str); 5] = [
    ("panda", "panda_description/urdf/panda.urdf"),
    ("ur5", "ur_description/urdf/ur5_robot.urdf"),
    ("xarm7", "xarm_description/urdf/xarm7.urdf"),
    ("z1", "z1_description/urdf/z1.urdf"),
    ("so101", "so_arm_description/urdf/so101.urdf"),
];
/// States per robot in the comparison of numbers.
const STATES: usize = 100_000;
/// States that a block goes through again and again.
const BLOCK_STATES: usize = 64;
/// States that are sent at a time.
const CHUNK: usize = 5_000;
/// Largest difference, in shares of the largest number of a result (or of one).
const AGREEMENT: f64 = 1e-10;
/// Ours at most so much of Pinocchio's time, and of that of `k`.
const GOAL: f64 = 0.5;
const GOAL_K: f64 = 0.1;

/// What is computed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Kind {
    Forward,
    Jacobian,
    Rnea,
    Crba,
    Aba,
    Com,
}

impl Kind {
    /// Those that are timed.
    const TIMED: [Self; 5] = [Self::Forward, Self::Jacobian, Self::Rnea, Self::Crba, Self::Aba];
    /// Those whose numbers are compared.
    const ALL: [Self; 6] = [Self::Forward, Self::Jacobian, Self::Rnea, Self::Crba, Self::Aba, Self::Com];

    fn word(self) -> &'static str {
        match self {
            Self::Forward => "fk",
            Self::Jacobian => "jacobian",
            Self::Rnea => "rnea",
            Self::Crba => "crba",
            Self::Aba => "aba",
            Self::Com => "com",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward kinematics",
            Self::Jacobian => "Jacobian of the last joint",
            Self::Rnea => "inverse dynamics (RNEA)",
            Self::Crba => "mass matrix (CRBA)",
            Self::Aba => "forward dynamics (ABA)",
            Self::Com => "centre of mass",
        }
    }
}

/// Our side: a model, its scratch, and states.
struct Ours {
    model: Model,
    data: Data,
    jacobian: Jacobian,
    com: Point3<f64>,
    out: Vec<f64>,
    /// q, dq, ddq, tau of each state, one after the other.
    states: Vec<f64>,
}

impl Ours {
    fn load(path: &Path) -> Result<Self, CommandError> {
        let model = mechanics::load(path).map_err(|e| CommandError::Other(e.to_string()))?;
        let n = model.joints.len();
        let data = Data::new(&model);
        let (jacobian, com) = (Jacobian::zeros(n), Point3::origin());
        Ok(Self { model, data, jacobian, com, out: vec![0.0; n], states: Vec::new() })
    }

    /// Joint positions within limits, rates and torques of the size that they have in use.
    fn draw(&mut self, n: usize, rng: &mut ChaCha8Rng) {
        self.states.clear();
        for _ in 0..n {
            for joint in &self.model.joints {
                let (lo, hi) = (joint.limits.lower.max(-3.1), joint.limits.upper.min(3.1));
                self.states.push(lo + (hi - lo) * rng.random::<f64>());
            }
            let rest = 3 * self.model.joints.len();
            self.states.extend((0..rest).map(|_| rng.random_range(-2.0..2.0)));
        }
    }

    fn run(&mut self, kind: Kind, state: usize) {
        let n = self.model.joints.len();
        let all = &self.states[4 * n * state..4 * n * (state + 1)];
        let (q, dq, ddq, tau) = (&all[..n], &all[n..2 * n], &all[2 * n..3 * n], &all[3 * n..]);
        let (model, data, gravity) = (&self.model, &mut self.data, &dynamics::GRAVITY);
        match kind {
            Kind::Forward => kinematics::forward(model, data, q),
            Kind::Jacobian => {
                kinematics::forward(model, data, q);
                let body = model.joints[n - 1].body_idx;
                kinematics::jacobian(model, data, body, &Point3::origin(), &mut self.jacobian);
            }
            Kind::Rnea => dynamics::rnea(model, data, q, dq, ddq, gravity, &mut self.out),
            Kind::Crba => dynamics::crba(model, data, q),
            Kind::Aba => {
                dynamics::forward(model, data, q, dq, tau, gravity, &mut self.out);
            }
            Kind::Com => self.com = dynamics::center_of_mass(model, data, q).1,
        }
    }

    /// What [`Self::run`] left, as the peer writes it.
    fn result(&self, kind: Kind) -> Vec<f64> {
        match kind {
            Kind::Forward => {
                let poses = self.model.joints.iter().map(|j| self.data.body_pose(j.body_idx));
                let numbers = poses.flat_map(|p| {
                    let mut v: Vec<f64> = p.translation.vector.iter().copied().collect();
                    v.extend(p.rotation.to_rotation_matrix().matrix().transpose().iter());
                    v
                });
                numbers.collect()
            }
            Kind::Jacobian => self.jacobian.as_slice().to_vec(),
            Kind::Crba => self.data.mass_matrix().as_slice().to_vec(),
            Kind::Rnea | Kind::Aba => self.out.clone(),
            Kind::Com => self.com.iter().copied().collect(),
        }
    }
}

/// Agreement over all robots, then the times on the first.
pub(crate) fn measure(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let program = o.peers.join("pinocchio");
    let Some(robots) = robots(&o.peers) else {
        table.missing("mechanics beside Pinocchio", "no example-robot-data");
        return Ok(());
    };
    let Some(mut peer) = Peer::for_line(table, "mechanics beside Pinocchio", &program) else { return Ok(()) };
    let lost = |e: io::Error| CommandError::Other(format!("{}: {e}", program.display()));
    let mut rng = ChaCha8Rng::seed_from_u64(o.seed);
    for (name, file) in ROBOTS {
        let path = robots.join(file);
        let mut ours = Ours::load(&path)?;
        meet(&mut peer, &ours.model, &path).map_err(lost)?;
        let mut worst = [0.0f64; Kind::ALL.len()];
        for _ in 0..STATES / CHUNK {
            ours.draw(CHUNK, &mut rng);
            hand_over(&mut peer, &ours, CHUNK).map_err(lost)?;
            for (kind, worst) in Kind::ALL.into_iter().zip(&mut worst) {
                *worst = worst.max(difference(&mut peer, &mut ours, kind, CHUNK).map_err(lost)?);
            }
        }
        for (kind, worst) in Kind::ALL.into_iter().zip(worst) {
            table.difference(&format!("{name} {}: agreement", kind.word()), worst, AGREEMENT);
        }
    }
    let path = robots.join(ROBOTS[0].1);
    let mut ours = Ours::load(&path)?;
    let version = meet(&mut peer, &ours.model, &path).map_err(lost)?;
    ours.draw(BLOCK_STATES, &mut rng);
    hand_over(&mut peer, &ours, BLOCK_STATES).map_err(lost)?;
    for kind in Kind::TIMED {
        let length = Duration::from_millis(o.block_ms);
        let ratio = alternate(
            o.blocks,
            o.seed,
            || Ok(our_block(&mut ours, kind, length)),
            || peer.block(kind.word(), o.block_ms),
        )
        .map_err(lost)?;
        table.ratio(kind.name(), &version, &ratio, GOAL);
    }
    beside_k(o, table, &mut ours, &path)
}

/// Forward kinematics beside the `k` crate, on the states that are there.
fn beside_k(o: &BenchOptions, table: &mut Table, ours: &mut Ours, path: &Path) -> Result<(), CommandError> {
    let program = o.peers.join("k");
    let what = "forward kinematics, k crate";
    let Some(mut peer) = Peer::for_line(table, what, &program) else { return Ok(()) };
    let lost = |e: io::Error| CommandError::Other(format!("{}: {e}", program.display()));
    let version = meet(&mut peer, &ours.model, path).map_err(lost)?;
    hand_over(&mut peer, ours, BLOCK_STATES).map_err(lost)?;
    let worst = difference(&mut peer, ours, Kind::Forward, BLOCK_STATES).map_err(lost)?;
    table.difference("panda fk: agreement with k", worst, AGREEMENT);
    let length = Duration::from_millis(o.block_ms);
    let ratio = alternate(
        o.blocks,
        o.seed,
        || Ok(our_block(ours, Kind::Forward, length)),
        || peer.block(Kind::Forward.word(), o.block_ms),
    );
    table.ratio(what, &version, &ratio.map_err(lost)?, GOAL_K);
    Ok(())
}

fn our_block(ours: &mut Ours, kind: Kind, length: Duration) -> f64 {
    block(length, BLOCK_STATES, || (0..BLOCK_STATES).for_each(|s| ours.run(kind, s)))
}

/// Where the package's robots lie.
pub(super) fn robots(peers: &Path) -> Option<PathBuf> {
    let lib = std::fs::read_dir(peers.join("venv/lib")).ok()?;
    let inside = "site-packages/cmeel.prefix/share/example-robot-data/robots";
    lib.flatten().map(|python| python.path().join(inside)).find(|p| p.is_dir())
}

/// Lets a peer load the robot; its name and version.
fn meet(peer: &mut Peer, model: &Model, path: &Path) -> io::Result<String> {
    let joints: Vec<&str> = model.joints.iter().map(|j| j.name.as_str()).collect();
    let words = peer.ask(&format!("load {} {}", path.display(), joints.join(" ")))?;
    Ok(words.into_iter().take(2).collect::<Vec<_>>().join(" "))
}

fn hand_over(peer: &mut Peer, ours: &Ours, n: usize) -> io::Result<()> {
    peer.send(&format!("states {n}"))?;
    peer.give(&ours.states)?;
    peer.answer().map(|_| ())
}

/// The largest difference of any number, in shares of the largest of its result (or of one).
fn difference(peer: &mut Peer, ours: &mut Ours, kind: Kind, n: usize) -> io::Result<f64> {
    ours.run(kind, 0);
    let per_state = ours.result(kind).len();
    peer.send(&format!("check {}", kind.word()))?;
    let mut worst = 0.0f64;
    for state in 0..n {
        let theirs = peer.take(per_state)?;
        ours.run(kind, state);
        let scale = theirs.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        for (a, b) in ours.result(kind).iter().zip(&theirs) {
            let error = (a - b).abs() / scale;
            worst = if error.is_nan() { f64::INFINITY } else { worst.max(error) };
        }
    }
    Ok(worst)
}
