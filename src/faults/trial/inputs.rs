//! What a trial of the bad-input table needs: an arm that stands ready, orders to it, and how its commands compare.

use super::Trial;
use crate::faults::inputs::names;
use crate::graph::Body;
use control::{Motion, MotionId, Order, Owner, Payload, Report, World};
use mechanics::ik::{Options, Reason, Solver};
use mechanics::{Arm, ArmData, tool_pose};
use nalgebra::Vector3;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use types::{JointCommand, JointVector, Time, Tool, Transform};

/// So many poses are looked at where some are.
const SOME: usize = 1000;

/// Inputs that were put into the loop, counted.
#[derive(Debug, Default)]
pub(super) struct Put {
    /// Refused where they were given.
    at_once: u64,
    /// Taken there, and to be refused by the loop.
    by_loop: u64,
    /// The motion that was taken last.
    last: Option<MotionId>,
}

impl Trial {
    /// An input was refused where it was given, by what is wrong with it.
    pub(crate) fn refuses(&mut self, came: Result<(), String>, field: &str) -> Result<(), String> {
        self.put.at_once += 1;
        names(came, field)
    }

    /// Gives an order that is taken, and that the loop is to refuse.
    pub(crate) fn give_in_vain(&mut self, order: Order) -> Result<(), String> {
        self.put.by_loop += 1;
        self.submit(order)
    }

    /// Gives an order that is refused where it is given, or else by the loop.
    pub(crate) fn is_refused(&mut self, order: Order) {
        match self.submit(order) {
            Ok(()) => self.put.by_loop += 1,
            Err(_) => self.put.at_once += 1,
        }
    }

    /// How many inputs were put in; each that the loop was to refuse has left one report, and the others none (I7).
    pub(crate) fn inputs(&self) -> Result<u64, String> {
        let is_one = |(at, r): &&(Time, Report)| *at >= self.broken_at && matches!(r, Report::Refused { .. });
        let (told, put) = (self.reports.iter().filter(is_one).count() as u64, &self.put);
        if told == put.by_loop {
            return Ok(put.at_once + put.by_loop);
        }
        Err(format!("I7: of {} inputs for the loop to refuse {told} were told", put.by_loop))
    }

    /// What is drawn of this trial.
    pub(crate) fn rng(&mut self) -> &mut ChaCha8Rng {
        &mut self.rng
    }

    pub(crate) fn arm(&self) -> &Arm {
        &self.arm
    }

    /// Stops what is under way and gives the arm to a script: it stands, and waits for orders.
    pub(crate) fn waits(&mut self) -> Result<(), String> {
        self.stop_and_rest()?;
        self.take_over(Owner::Script)?;
        self.run_s(0.01)?;
        self.break_here();
        Ok(())
    }

    /// Gives an order under the present lease; whether it was taken where it was given.
    pub(crate) fn give(&mut self, motion: Motion) -> Result<(), String> {
        let order = self.next_order(motion)?;
        self.put.last = Some(self.handle().submit(order).map_err(|e| e.to_string())?);
        Ok(())
    }

    /// What was given last.
    pub(crate) fn last(&self) -> Option<MotionId> {
        self.put.last
    }

    /// Says what the hand carries.
    pub(crate) fn carry(&mut self, payload: Payload) -> Result<(), String> {
        let now = self.now();
        self.handle().carry(now, payload).map_err(|e| e.to_string())
    }

    /// Says what stands around the arm.
    pub(crate) fn surround(&mut self, world: World) -> Result<(), String> {
        self.handle().watch(world).map_err(|e| e.to_string())
    }

    /// Tells the robot itself, past the loop.
    pub(crate) fn tell_robot(&mut self, change: impl FnOnce(&mut JointCommand)) -> Result<(), String> {
        let mut command = self.handle().status().command;
        change(&mut command);
        let rig = self.body.world().ok_or("no simulated world")?;
        rig.world().command(&command).map_err(|e| e.to_string())
    }

    /// Where the tool is told to be.
    pub(crate) fn tool(&mut self) -> Transform<types::World, Tool> {
        let q = self.commanded();
        mechanics::tool_pose(&self.arm, &mut self.data, &q)
    }

    /// The tool is nowhere farther from the arm's base than this, metres: the parts of the arm stretched out in a row.
    pub(crate) fn reach_m(&self) -> f64 {
        let bodies = &self.arm.model().bodies;
        let chain = core::iter::successors(Some(self.arm.tool_body_idx()), |i| bodies[*i].parent);
        let parts = chain.filter(|i| bodies[*i].parent.is_some());
        let lengths = parts.map(|i| bodies[i].parent_from_body.translation.vector.norm());
        lengths.sum::<f64>() + self.arm.body_from_tool().translation.vector.norm()
    }

    /// How far from a place the tool is where it comes nearest to it of many poses, metres.
    pub(crate) fn nearest_of_many(&mut self, place: &Vector3<f64>) -> f64 {
        let many = (0..SOME).map(|_| self.any_joints()).collect::<Vec<_>>();
        let from = |q: &JointVector| (tool_pose(&self.arm, &mut self.data, q).origin().coords - place).norm();
        many.iter().map(from).fold(f64::INFINITY, f64::min)
    }

    fn any_joints(&mut self) -> JointVector {
        let (limits, rng) = (self.arm.limits(), &mut self.rng);
        JointVector::from_fn(limits.len(), |j| rng.random_range(limits[j].lower..=limits[j].upper))
    }

    /// A pose that inverse kinematics reaches from here, but only where the arm meets itself.
    pub(crate) fn reached_only_in_collision(&mut self) -> Option<Transform<types::World, Tool>> {
        let status = self.handle().status();
        let width_m = status.measured.map_or(0.0, |m| m.gripper.width_m);
        let mut solver = Solver::new(&self.arm);
        for _ in 0..SOME {
            let q = self.any_joints();
            let (arm, checker, data) = (&self.arm, &mut self.checker, &mut self.data);
            if checker.is_free(arm, data, &q, width_m, 0.0) {
                continue;
            }
            let (pose, mut scratch) = (tool_pose(arm, data, &q), ArmData::new(arm));
            let mut is_free = |q: &[f64]| checker.is_free(arm, &mut scratch, q, width_m, 0.0);
            let came = solver.solve(arm, data, &pose, &status.command.q, &Options::default(), &mut is_free);
            if came.is_err_and(|e| e.reason == Reason::Collision) {
                return Some(pose);
            }
        }
        None
    }

    /// Lets time pass until then.
    pub(crate) fn run_until(&mut self, then: Time) -> Result<(), String> {
        while self.now() < then {
            self.run_s(0.001)?;
        }
        Ok(())
    }

    /// Tells all commands so far from others.
    pub(crate) fn commands(&self) -> u64 {
        self.body.invariants().map_or(0, |i| i.hash())
    }

    /// Ticks that were looked at: by what sees every command, and by what hears of every lease.
    pub(crate) fn ticks(&self) -> [u64; 2] {
        [self.body.invariants().map_or(0, |i| i.ticks()), self.leased.ticks]
    }
}
