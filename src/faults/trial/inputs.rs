//! What a trial of the bad-input table needs: an arm that stands ready, orders to it, and how its commands compare.

use super::Trial;
use crate::faults::inputs::names;
use crate::graph::Body;
use control::{Motion, MotionId, Order, Owner, Payload, Report, World};
use mechanics::Arm;
use rand_chacha::ChaCha8Rng;
use types::{JointCommand, Time, Tool, Transform};

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
