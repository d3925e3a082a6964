//! Inverse kinematics beside optik-py: the same random poses from the same starts, every answer checked by
//! forward kinematics.

use super::BenchOptions;
use super::blocks::{Ratio, clock_ns, cpu_ns, ratio};
use super::mechanics::robots;
use super::peer::Peer;
use super::table::Table;
use crate::commands::CommandError;
use mechanics::ik::{Options, Solver};
use mechanics::{Arm, ArmData, tool_pose};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use types::{JointVector, Tool, Transform, World};

/// Whose arm it is: a file within the package.
const ROBOT: &str = "panda_description/urdf/panda.urdf";
/// Poses in all; each block has its share of them.
const POSES: usize = 10_000;
/// How far each joint of a start close by is from where it shall end, at most, rad.
const CLOSE: f64 = 0.03;
/// What an answer may be off, metres and radians.
const TOLERANCE: (f64, f64) = (1e-4, 1e-3);
/// Rounding that the limits of an answer are forgiven, rad.
const ROUNDING: f64 = 1e-9;
/// The part of the poses that must be reached.
const REACHED: f64 = 0.9995;
/// Ours at most so much of the peer's time from anywhere: median, 99th percentile; and from close by, over
/// the peer's median from anywhere.
const GOALS: [f64; 3] = [0.3, 0.25, 0.1];

/// A question: where the tool shall be, and two starts.
struct Question {
    target: Transform<World, Tool>,
    anywhere: JointVector,
    close: JointVector,
}

/// What calls cost, nanoseconds; infinitely much without a right answer.
type Costs = Vec<f64>;

/// How ours is asked.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Way {
    /// From anywhere, the first answer, as the peer does.
    First,
    /// From anywhere, the best of so many answers as by default.
    Best,
    /// From close by.
    Close,
}

impl Way {
    const ALL: [Self; 3] = [Self::First, Self::Best, Self::Close];
}

struct Ours {
    arm: Arm,
    data: ArmData,
    solver: Solver,
    clock_ns: f64,
}

impl Ours {
    fn load(path: &Path) -> Result<Self, CommandError> {
        let other = |e: &dyn std::fmt::Display| CommandError::Other(format!("bench: {e}"));
        let model = mechanics::load(path).map_err(|e| other(&e))?;
        let arm = Arm::from_model(model).map_err(|e| other(&e))?;
        let (data, solver) = (ArmData::new(&arm), Solver::new(&arm));
        Ok(Self { arm, data, solver, clock_ns: clock_ns() })
    }

    fn draw(&mut self, rng: &mut ChaCha8Rng) -> Question {
        let limits = self.arm.limits();
        let mut anywhere = || {
            JointVector::from_fn(limits.len(), |j| {
                limits[j].lower + (limits[j].upper - limits[j].lower) * rng.random::<f64>()
            })
        };
        let (goal, anywhere) = (anywhere(), anywhere());
        let close = JointVector::from_fn(limits.len(), |j| {
            (goal[j] + rng.random_range(-CLOSE..CLOSE)).clamp(limits[j].lower, limits[j].upper)
        });
        Question { target: tool_pose(&self.arm, &mut self.data, &goal), anywhere, close }
    }

    fn is_right(&mut self, q: &[f64], target: &Transform<World, Tool>) -> bool {
        let is_within =
            |(l, v): (&types::JointLimits, &f64)| (l.lower - ROUNDING..=l.upper + ROUNDING).contains(v);
        if q.len() != self.arm.n_joints() || !self.arm.limits().iter().zip(q).all(is_within) {
            return false;
        }
        let pose = tool_pose(&self.arm, &mut self.data, q);
        let off = (pose.origin() - target.origin()).norm();
        let turned = pose.isometry().rotation.angle_to(&target.isometry().rotation);
        off <= TOLERANCE.0 && turned <= TOLERANCE.1
    }

    /// Asks until the time is over, all questions at least once.
    fn block(&mut self, questions: &[Question], way: Way, length: Duration) -> Costs {
        let begun = Instant::now();
        let mut options = Options::default();
        if way == Way::First {
            options.solutions = 1;
        }
        let mut costs = Costs::new();
        while costs.is_empty() || begun.elapsed() < length {
            for question in questions {
                let Self { arm, data, solver, .. } = self;
                let before = cpu_ns();
                let found = if way == Way::Close {
                    solver.track(arm, data, &question.target, &question.close, &options)
                } else {
                    solver.solve(arm, data, &question.target, &question.anywhere, &options, &mut |_| true)
                };
                let cost = cpu_ns() - before - self.clock_ns;
                let is_right = found.is_ok_and(|q| self.is_right(&q, &question.target));
                costs.push(if is_right { cost } else { f64::INFINITY });
            }
        }
        costs
    }

    /// The peer's answers to all questions, from anywhere.
    fn peer_block(&mut self, peer: &mut Peer, questions: &[Question]) -> io::Result<Costs> {
        let base_from_world = self.arm.world_from_base().inverse();
        let mut numbers = Vec::new();
        for question in questions {
            let base_from_tool = base_from_world * question.target.isometry();
            let base_from_tip = base_from_tool * self.arm.body_from_tool().inverse();
            numbers.extend_from_slice(&question.anywhere);
            numbers.extend(base_from_tip.to_homogeneous().transpose().iter());
        }
        peer.send(&format!("targets {}", questions.len()))?;
        peer.give(&numbers)?;
        peer.answer()?;
        peer.send("solve")?;
        let mut costs = Costs::new();
        for question in questions {
            let answer = peer.take(self.arm.n_joints() + 1)?;
            let (q, cost) = answer.split_at(self.arm.n_joints());
            costs.push(if self.is_right(q, &question.target) { cost[0] } else { f64::INFINITY });
        }
        Ok(costs)
    }
}

/// Both sides in turn; the peer, which takes its first answer, once per block.
pub(crate) fn measure(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let (what, program) = ("inverse kinematics", o.peers.join("optik"));
    let Some(robots) = robots(&o.peers) else {
        table.missing(what, "no example-robot-data");
        return Ok(());
    };
    let Some(mut peer) = Peer::for_line(table, what, &program) else { return Ok(()) };
    let lost = |e: io::Error| CommandError::Other(format!("{}: {e}", program.display()));
    let path = robots.join(ROBOT);
    let mut ours = Ours::load(&path)?;
    let bodies = &ours.arm.model().bodies;
    let ends = format!("{} {}", bodies[0].name, bodies[ours.arm.tool_body_idx()].name);
    let met = peer.ask(&format!("load {} {ends}", path.display())).map_err(lost)?;
    let version = met.into_iter().take(2).collect::<Vec<_>>().join(" ");
    let mut rng = ChaCha8Rng::seed_from_u64(o.seed);
    let n = POSES.div_ceil(o.blocks);
    let (mut blocks, mut theirs) = (Way::ALL.map(|_| Vec::new()), Vec::new());
    for _ in 0..o.blocks {
        let questions: Vec<Question> = (0..n).map(|_| ours.draw(&mut rng)).collect();
        for (way, blocks) in Way::ALL.into_iter().zip(&mut blocks) {
            blocks.push(ours.block(&questions, way, Duration::from_millis(o.block_ms)));
        }
        theirs.push(ours.peer_block(&mut peer, &questions).map_err(lost)?);
    }
    // The first round of each block: each question once.
    let reached = |blocks: &[Costs]| {
        let first = blocks.iter().flat_map(|b| &b[..n]);
        first.filter(|c| c.is_finite()).count() as f64 / (n * o.blocks) as f64
    };
    let at = |blocks: &[Costs], part: f64| blocks.iter().map(|b| quantile(b, part)).collect::<Vec<_>>();
    let over = |a: &[Costs], part: f64| -> Ratio { ratio(&at(a, part), &at(&theirs, part), o.seed) };
    let [first, best, close] = &blocks;
    table.share("IK from anywhere, reached", reached(first), Some(reached(&theirs)), REACHED);
    table.ratio("IK, first answer, median", &version, &over(first, 0.5), GOALS[0]);
    table.ratio("IK, first answer, 99th percentile", &version, &over(first, 0.99), GOALS[1]);
    table.ratio("IK, best of four, median", &version, &over(best, 0.5), GOALS[0]);
    table.ratio("IK, best of four, 99th percentile", &version, &over(best, 0.99), GOALS[1]);
    table.share("IK from close by, reached", reached(close), None, REACHED);
    table.ratio("IK from close by, median", &version, &over(close, 0.5), GOALS[2]);
    Ok(())
}

fn quantile(costs: &[f64], part: f64) -> f64 {
    let mut sorted = costs.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * part).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_wrong_costs_infinitely_much_and_shows_in_the_last_percentiles() {
        let mut costs: Costs = (1..=200).map(f64::from).collect();
        assert_eq!((quantile(&costs, 0.5), quantile(&costs, 0.99)), (101.0, 198.0));
        costs[..3].fill(f64::INFINITY);
        assert_eq!(quantile(&costs, 0.99), f64::INFINITY);
        assert!(quantile(&costs, 0.5).is_finite());
    }
}
