//! Whether an arm is free among a hundred obstacles, beside coal: the same solids, the same pairs, the same states.

use super::BenchOptions;
use super::blocks::{alternate, block, clock_ns, cpu_ns};
use super::peer::Peer;
use super::solids::{meet, numbers};
use super::table::Table;
use super::tick;
use crate::commands::CommandError;
use mechanics::collision::{Checker, Obstacle, SELF_MARGIN_M};
use mechanics::{Arm, ArmData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use types::JointVector;

/// What the arm keeps from obstacles, metres, and how far its fingertips are apart.
const MARGIN_M: f64 = 0.01;
const WIDTH_M: f64 = 0.04;
/// States whose answers are compared.
const STATES: usize = 10_000;
/// States that a block goes through again and again.
const BLOCK_STATES: usize = 512;
/// Nearer than this to the margin either answer is right, metres.
const TOLERANCE_M: f64 = 1e-5;
/// How far the joint that moves most goes between two states of a motion, rad; states of a motion.
const STEP: f64 = 0.04;
const MOTION: usize = 8;
/// Ours: microseconds, and so much of the peer's time at most.
const GOAL_US: f64 = 1.5;
const GOAL: f64 = 0.05;

struct Ours {
    arm: Arc<Arm>,
    checker: Checker,
    data: ArmData,
}

impl Ours {
    fn is_free(&mut self, q: &JointVector) -> bool {
        self.checker.is_free(&self.arm, &mut self.data, q, WIDTH_M, MARGIN_M)
    }

    fn motion_is_free(&mut self, from: &JointVector, to: &JointVector) -> bool {
        self.checker.edge_is_free(&self.arm, &mut self.data, from, to, WIDTH_M, MARGIN_M, STEP)
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> JointVector {
        let limits = self.arm.limits();
        JointVector::from_fn(limits.len(), |j| rng.random_range(limits[j].lower..limits[j].upper))
    }

    /// Tells the peer states: every joint of the model.
    fn tell(&self, peer: &mut Peer, states: &[JointVector]) -> io::Result<()> {
        let n = self.arm.model().joints.len();
        let mut all = vec![0.0; n * states.len()];
        for (q, out) in states.iter().zip(all.chunks_mut(n)) {
            self.arm.full_q(q, WIDTH_M, out);
        }
        peer.send(&format!("states {} {n}", states.len()))?;
        peer.give(&all)?;
        peer.answer().map(|_| ())
    }

    /// Answers that differ from the peer's by more than the tolerance, of all.
    fn wrong(&mut self, peer: &mut Peer, states: &[JointVector]) -> io::Result<usize> {
        self.tell(peer, states)?;
        peer.send("check")?;
        let theirs = peer.take(states.len())?;
        let mut wrong = 0;
        for (i, (q, theirs)) in states.iter().zip(theirs).enumerate() {
            if self.is_free(q) != (theirs != 0.0) {
                peer.send(&format!("least {i}"))?;
                let least = peer.take(1)?[0];
                wrong += usize::from(least.is_nan() || least.abs() > TOLERANCE_M);
            }
        }
        Ok(wrong)
    }
}

/// States of all kinds, free ones alone, and short free motions, as a search asks for them.
pub(crate) fn measure(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let program = o.peers.join("coal");
    let Some(mut peer) = Peer::for_line(table, "state validity", &program) else { return Ok(()) };
    let lost = |e: io::Error| CommandError::Other(format!("{}: {e}", program.display()));
    let arm = crate::robots::load("panda").map_err(|e| CommandError::Other(format!("bench: {e}")))?;
    let mut rng = ChaCha8Rng::seed_from_u64(o.seed);
    let poses = tick::free_poses(&arm, &mut rng);
    let obstacles: Vec<Obstacle> =
        tick::things(&arm, &poses, 0, &mut rng).into_iter().map(|t| t.obstacle).collect();
    let mut ours = Ours { checker: Checker::new(&arm), data: ArmData::new(&arm), arm };
    let told = numbers(&obstacles).map_err(lost)?;
    let n_obstacles = obstacles.len();
    ours.checker.set_obstacles(obstacles)?;
    let version = meet(&mut peer, &ours.arm).map_err(lost)?;
    peer.send(&format!("obstacles {n_obstacles}")).map_err(lost)?;
    peer.give(&told).map_err(lost)?;
    peer.answer().map_err(lost)?;
    peer.ask(&format!("margins {MARGIN_M} {}", MARGIN_M.min(SELF_MARGIN_M))).map_err(lost)?;

    let states: Vec<JointVector> = (0..STATES).map(|_| ours.draw(&mut rng)).collect();
    let wrong = ours.wrong(&mut peer, &states).map_err(lost)?;
    table.share("state validity, as coal says", 1.0 - wrong as f64 / STATES as f64, None, 1.0);
    let free: Vec<JointVector> = states.iter().copied().filter(|q| ours.is_free(q)).collect();
    for (name, states) in [("any state", &states), ("free states", &free)] {
        let states = &states[..BLOCK_STATES.min(states.len())];
        table.time(&format!("state validity, {name}, median"), 1e-3 * median(&mut ours, states), GOAL_US);
        ours.tell(&mut peer, states).map_err(lost)?;
        let kind = faster(&mut peer, o).map_err(lost)?;
        let ratio = alternate(
            o.blocks,
            o.seed,
            || {
                Ok(block(Duration::from_millis(o.block_ms), states.len(), || {
                    states.iter().for_each(|q| _ = core::hint::black_box(ours.is_free(q)));
                }))
            },
            || peer.block(kind, o.block_ms),
        );
        table.ratio(
            &format!("state validity, {name}"),
            &format!("{version} {kind}"),
            &ratio.map_err(lost)?,
            GOAL,
        );
    }
    beside_motions(o, table, &mut ours, (&mut peer, &version), &free).map_err(lost)
}

/// Free motions of so many states, all of them looked at by both sides.
fn beside_motions(
    o: &BenchOptions,
    table: &mut Table,
    ours: &mut Ours,
    (peer, version): (&mut Peer, &str),
    free: &[JointVector],
) -> io::Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(o.seed);
    let mut motions = Vec::new();
    for from in free.iter().cycle().take(8 * free.len()) {
        let way: Vec<f64> = from.iter().map(|_| rng.random_range(-1.0..1.0)).collect();
        let widest = way.iter().fold(1e-9f64, |m, v| m.max(v.abs()));
        // A hair less, so that rounding makes no state more.
        let length = (1.0 - 1e-9) * STEP * (MOTION - 1) as f64;
        let to = JointVector::from_fn(from.len(), |j| from[j] + length / widest * way[j]);
        if motions.len() < BLOCK_STATES / MOTION && ours.motion_is_free(from, &to) {
            motions.push((*from, to));
        }
    }
    let state = |(from, to): &(JointVector, JointVector), i: usize| {
        JointVector::from_fn(from.len(), |j| from[j] + i as f64 / (MOTION - 1) as f64 * (to[j] - from[j]))
    };
    let states: Vec<JointVector> =
        motions.iter().flat_map(|m| (0..MOTION).map(move |i| state(m, i))).collect();
    if states.is_empty() {
        return Err(io::Error::other("no motion among these obstacles is free"));
    }
    ours.tell(peer, &states)?;
    let kind = faster(peer, o)?;
    let ratio = alternate(
        o.blocks,
        o.seed,
        || {
            Ok(block(Duration::from_millis(o.block_ms), states.len(), || {
                motions.iter().for_each(|(a, b)| _ = core::hint::black_box(ours.motion_is_free(a, b)));
            }))
        },
        || peer.block(kind, o.block_ms),
    )?;
    table.time("state validity, motions, per state", 1e-3 * ratio.ours_ns, GOAL_US);
    table.ratio("state validity, motions", &format!("{version} {kind}"), &ratio, GOAL);
    Ok(())
}

/// The faster of the peer's ways on the states that it was told.
fn faster(peer: &mut Peer, o: &BenchOptions) -> io::Result<&'static str> {
    let (tree, boxes) = (peer.block("tree", o.block_ms)?, peer.block("boxes", o.block_ms)?);
    Ok(if tree <= boxes { "tree" } else { "boxes" })
}

/// Of all states, each asked several times in a row: nanoseconds.
fn median(ours: &mut Ours, states: &[JointVector]) -> f64 {
    const TIMES: usize = 32;
    let clock = clock_ns();
    let mut costs: Vec<f64> = states
        .iter()
        .map(|q| {
            let before = cpu_ns();
            (0..TIMES).for_each(|_| _ = core::hint::black_box(ours.is_free(q)));
            (cpu_ns() - before - clock) / TIMES as f64
        })
        .collect();
    costs.sort_by(f64::total_cmp);
    costs[costs.len() / 2]
}
