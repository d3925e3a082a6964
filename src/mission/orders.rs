//! What the mission tells the loop: motions, signs of life, and what stands around.

use super::Mission;
use super::follow::Trouble;
use crate::graph::BodyError;
use control::MotionId;
use core::time::Duration;
use types::{Fault, Image, Scene, Time, Trajectory};

/// How often the safety filter is told what stands around.
const TELL_WORLD: Duration = Duration::from_millis(100);
/// ... and somebody who moves.
const TELL_VISITORS: Duration = Duration::from_millis(30);
/// A lease that was kept alive so long ago is taken for lost: the loop ends it after 20 ms to a second of silence.
const LEASE_LIVES: Duration = Duration::from_millis(15);

impl Mission {
    /// Orders a motion: under the present lease while that lives, else under a fresh one.
    pub(super) fn order(&mut self, motion: control::Motion) -> Result<MotionId, Trouble> {
        let mut now = self.now();
        let reins = self.body.reins();
        let mut lease = match self.lease.take() {
            Some((lease, alive)) if now.since(alive) <= LEASE_LIVES => lease,
            old => {
                if let Some((old, _)) = old {
                    reins.release(now, &old)?;
                }
                let lease = reins.claim(now, control::Groups::All)?;
                // A loop elsewhere takes its time to answer, half a second at most; it compares itself where the path
                // begins with where the arm is, and with what stands around by then.
                now = self.body.now();
                lease
            }
        };
        let seen = self.body.status();
        let id = self.body.reins().submit(lease.order(now, motion), &seen)?;
        self.log.detail("control", "order", format!("motion {}", id.0));
        self.lease = Some((lease, now));
        Ok(id)
    }

    pub(super) fn keep_alive(&mut self, now: Time) {
        if let Some((lease, alive)) = &mut self.lease {
            *alive = now;
            self.body.reins().keep_alive(lease, now);
        }
    }

    /// A lease that the loop has ended is no lease.
    pub(super) fn forget_lease(&mut self, lost: control::LeaseId) {
        if self.lease.as_ref().is_some_and(|(lease, _)| lease.id() == lost) {
            self.lease = None;
        }
    }

    /// Somebody may come into the way of a motion that is about to begin, where that is measured.
    pub(super) fn meet_visitors(&mut self, trajectory: &Trajectory) {
        let Some(visitors) = &mut self.visitors else { return };
        let held = self.held.as_ref().map(planner::Held::attached);
        visitors.meet(&self.body.status(), trajectory, held);
        self.world_told = None;
    }

    /// Lets time pass, with an eye on how near the arm comes to whoever is in its way.
    pub(super) fn pass(&mut self, span: Duration) -> Result<(), BodyError> {
        let Some(visitors) = &mut self.visitors else { return self.body.advance(span) };
        let until = self.body.now() + span;
        while self.body.now() < until {
            self.body.advance(sim::STEP)?;
            visitors.look(&self.body.status());
        }
        Ok(())
    }

    /// Tells the safety filter what the arm must keep out of, in time before it knows it no longer.
    pub(super) fn tell_world(&mut self) -> Result<(), Trouble> {
        let now = self.now();
        let visitors = self.visitors.as_ref();
        let every = if visitors.is_some() { TELL_VISITORS } else { TELL_WORLD };
        let mut world = self.surroundings.world(now);
        // One picture is told once; what hangs on no picture, again before it is over.
        let told = self.world_told.is_some_and(|(at, stamp)| stamp == world.stamp || now.since(at) < every);
        if told || visitors.is_some_and(|v| !v.is_told()) {
            return Ok(());
        }
        world.things.extend(visitors.and_then(|v| v.thing(now)));
        self.world_told = Some((now, world.stamp));
        self.body.reins().watch(world)?;
        Ok(())
    }

    /// What the motion that is about to begin was planned to keep clear of is what the filter is told from now on.
    pub(super) fn plan_surroundings(&mut self, trajectory: &Trajectory, clear_of: planner::ClearOf) {
        let left_out = self.surroundings.plan(trajectory, clear_of);
        if left_out > 0 {
            let text =
                format!("the safety filter is not told of {left_out} solids that are far from the way");
            self.log.warn("control", "world", text);
        }
        self.world_told = None;
    }

    /// The table was looked at: what the fixed camera sees there belongs there.
    pub(super) fn learn_surroundings(&mut self) -> Result<(), Trouble> {
        let scene = self.scene_on_the_table();
        let held = self.held.as_ref().map(planner::Held::attached);
        let Some((image, _)) = self.eyes.seen.first() else { return Ok(()) };
        match self.surroundings.learn(image, &scene, held)? {
            Some(unknown) => {
                let n = unknown.len();
                self.log.detail("perception", "learned", format!("{n} balls around what I do not know"));
                self.motion.also_clear(unknown)?;
            }
            None if self.surroundings.looks_at(image) => {
                let said = "what stands there was not learned: nobody knows where the arm was in the picture";
                self.log.warn("perception", "learned", said);
            }
            None => {}
        }
        Ok(())
    }

    /// Remembers where the arm is, for the pictures.
    pub(super) fn note_state(&mut self) {
        if let Some(state) = self.body.status().measured {
            self.surroundings.note(&state);
        }
    }

    /// What is tracked and not in the hand.
    fn scene_on_the_table(&self) -> Scene {
        let mut scene = self.eyes.scene(self.now());
        let held = self.held.as_ref().map(|h| h.object.id);
        scene.objects.retain(|o| Some(o.id) != held);
        scene
    }

    /// A picture from under way.
    pub(super) fn see_who_comes(&mut self, image: &Image) -> Result<(), Trouble> {
        if self.surroundings.is_blinded(image) {
            self.stop()?;
            let said = "the fixed camera no longer sees depth";
            self.log.fault("perception", Fault::F10CameraBlind, said);
            return Err(Trouble::Camera(format!("F10: {said}; the arm stands still")));
        }
        let scene = self.scene_on_the_table();
        let held = self.held.as_ref().map(planner::Held::attached);
        if self.surroundings.watch(image, &scene, held)? {
            if self.surroundings.has_intruders() {
                let q = self.state()?.q;
                let mut data = mechanics::ArmData::new(&self.arm);
                let tool = mechanics::tool_pose(&self.arm, &mut data, &q).origin();
                self.log.info("perception", "intruder", self.surroundings.describe(tool));
            } else {
                self.log.info("perception", "intruder", "nobody is in the picture any more");
            }
        }
        if let Some(all) = self.surroundings.accept_what_stands(self.now())? {
            self.log.info(
                "perception",
                "intruder",
                "what has come does not move: it stands there from now on",
            );
            self.motion.also_clear(all)?;
            self.world_told = None;
        }
        self.tell_world()
    }
}
