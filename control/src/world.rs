//! What stands and moves around the arm, as the safety filter is told.

use mechanics::collision::{Attached, Checker, Keep, Obstacle};
use types::{Rejection, Time};

/// The most things that are watched at a time.
pub const MOST_THINGS: usize = 256;
/// How far what is held may reach beyond the tool, metres.
pub(crate) const HELD_REACH_M: f64 = 0.2;
/// What stands nearer than it may already when a motion begins must not come nearer than by this, metres.
pub(crate) const NO_NEARER_M: f64 = 6e-4;
/// Faster than this nothing is believed to move, m/s; more than twice the walking speed of ISO 13855.
const FASTEST_M_S: f64 = 4.0;

/// One thing that the arm must not touch.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    /// Its name, shape and place at the world's stamp.
    pub obstacle: Obstacle,
    /// How far the arm keeps from it, metres: 0 to 1.
    pub keep_m: f64,
    /// How fast it may come nearer, m/s, 0 to 4: zero for what stands; 1.6 for a person who walks (ISO
    /// 13855). What may move is taken to have moved towards the arm ever since the stamp.
    pub speed_m_s: f64,
}

/// The surroundings at one instant. They replace those before as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// When they looked so.
    pub stamp: Time,
    /// When they may no longer be relied on: past half of the way to it the arm runs slower, at it the
    /// arm stands.
    pub expires: Time,
    /// What is there.
    pub things: Vec<Thing>,
    /// What the gripper holds; it must keep clear of the things as the arm does.
    pub held: Option<Attached>,
}

/// A world made ready for the core; made and freed outside of it.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// The same as long as nothing but the times changes from one world to the next.
    pub(crate) things_id: u64,
    pub(crate) stamp: Time,
    pub(crate) expires: Time,
    pub(crate) checker: Checker,
    /// Distances as told; the core grows those of what moves.
    pub(crate) things: Vec<(f64, f64)>,
    /// What of its distance is forgiven for each that stands, metres: the arm was nearer when a motion began, and
    /// may leave.
    forgiven: Vec<f64>,
    /// For each, which thing of the world before it was, and of which world.
    was: Vec<Option<usize>>,
    follows: u64,
    /// Scratch for the distances as they are to be kept.
    pub(crate) keep: Vec<Keep>,
    pub(crate) has_moving: bool,
}

impl Surroundings {
    /// Checks every number of `world`; `checker` is a fresh one of the arm's.
    pub(crate) fn new(
        world: World,
        mut checker: Checker,
        things_id: u64,
        was: Vec<Option<usize>>,
        follows: u64,
    ) -> Result<Self, Rejection> {
        if world.expires <= world.stamp {
            let expected = "a time after the world's stamp";
            return Err(Rejection::new("world.expires", expected, format!("{:?}", world.expires)));
        }
        if world.things.len() > MOST_THINGS {
            let expected = format!("at most {MOST_THINGS} things");
            return Err(Rejection::new("world.things", expected, world.things.len().to_string()));
        }
        for (i, thing) in world.things.iter().enumerate() {
            crate::config::range(&format!("world.things[{i}].keep_m"), thing.keep_m, 0.0, 1.0)?;
            let field = format!("world.things[{i}].speed_m_s");
            crate::config::range(&field, thing.speed_m_s, 0.0, FASTEST_M_S)?;
        }
        if let Some(held) = &world.held {
            let at = held.tool_from_shape.translation.vector.norm();
            crate::config::range("world.held", at, 0.0, HELD_REACH_M)?;
        }
        let things: Vec<(f64, f64)> = world.things.iter().map(|t| (t.keep_m, t.speed_m_s)).collect();
        let keep = things.iter().map(|(k, v)| Keep { distance_m: *k, is_moving: *v > 0.0 }).collect();
        checker.set_obstacles(world.things.into_iter().map(|t| t.obstacle).collect())?;
        checker.attach(world.held)?;
        let has_moving = things.iter().any(|(_, v)| *v > 0.0);
        let forgiven = vec![0.0; things.len()];
        let (stamp, expires) = (world.stamp, world.expires);
        Ok(Self { things_id, stamp, expires, checker, things, forgiven, was, follows, keep, has_moving })
    }

    /// Grows what is to be kept from everything that moves by how far it may have come at `then`.
    pub(crate) fn grow_to(&mut self, then: Time) {
        let age = then.secs_since(self.stamp).max(0.0);
        for ((keep, (distance, speed)), forgiven) in
            self.keep.iter_mut().zip(&self.things).zip(&self.forgiven)
        {
            keep.distance_m = distance + speed * age - forgiven;
        }
    }

    /// What was forgiven of the things of the world before is forgiven of the same things.
    pub(crate) fn take_over(&mut self, before: &Self) {
        if self.follows != before.things_id {
            return;
        }
        for (k, was) in self.was.iter().enumerate() {
            self.forgiven[k] = was.and_then(|j| before.forgiven.get(j)).copied().unwrap_or(0.0);
            self.keep[k].distance_m = self.things[k].0 - self.forgiven[k];
        }
    }

    /// The arm is where its checker was asked last. What it has moved away from is forgiven less; what it is too
    /// near to when a motion begins (`anew`) is forgiven as far as it is, so that it can leave.
    pub(crate) fn forgive(&mut self, anew: bool) {
        for (k, (distance, speed)) in self.things.iter().enumerate() {
            if *speed > 0.0 || (self.forgiven[k] == 0.0 && !anew) {
                continue;
            }
            let near = self.checker.distance_to(k, distance + NO_NEARER_M);
            let lacks = (distance - near + NO_NEARER_M).max(0.0);
            if self.forgiven[k] > 0.0 {
                self.forgiven[k] = self.forgiven[k].min(lacks);
            } else if near < *distance {
                self.forgiven[k] = lacks;
            }
            self.keep[k].distance_m = distance - self.forgiven[k];
        }
    }

    /// The part of its speed at which the arm may run at `now`: all of it in the first half of the
    /// world's life, then falling to a fifth, nothing once it is over.
    pub(crate) fn trust(&self, now: Time) -> f64 {
        let life = self.expires.secs_since(self.stamp);
        let left = self.expires.secs_since(now) / life;
        if left <= 0.0 { 0.0 } else { (0.2 + 1.6 * left).min(1.0) }
    }
}
