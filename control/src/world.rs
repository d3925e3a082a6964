//! What stands and moves around the arm, as the safety filter is told.
#![forbid(unsafe_code)]

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

impl Thing {
    /// What stands for ever, and may be come as near to as one likes.
    pub(crate) fn wall(obstacle: Obstacle) -> Self {
        Self { obstacle, keep_m: 0.0, speed_m_s: 0.0 }
    }
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
    /// Scratch for how near each was in looks since the last forgiving, and in the last of them, metres.
    nearest: Vec<f64>,
    last: Vec<f64>,
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
        let things: Vec<(f64, f64)> = world.things.iter().map(|t| (t.keep_m, t.speed_m_s)).collect();
        let keep = things.iter().map(|(k, v)| Keep { distance_m: *k, is_moving: *v > 0.0 }).collect();
        checker.set_obstacles(world.things.into_iter().map(|t| t.obstacle).collect())?;
        checker.attach(world.held)?;
        // How fast the hand moves what is around it is reckoned with so much.
        crate::config::range("world.held", checker.held_reach(), 0.0, HELD_REACH_M)?;
        let has_moving = things.iter().any(|(_, v)| *v > 0.0);
        let [forgiven, last] = [0.0, f64::INFINITY].map(|v| vec![v; things.len()]);
        let nearest = last.clone();
        let (stamp, expires) = (world.stamp, world.expires);
        Ok(Self {
            things_id,
            stamp,
            expires,
            checker,
            things,
            forgiven,
            was,
            follows,
            nearest,
            last,
            keep,
            has_moving,
        })
    }

    /// What is around the arm before anybody has told of it: walls, for ever. `None` without walls.
    pub(crate) fn walled(walls: &[Thing], checker: Checker) -> Result<Option<Box<Self>>, Rejection> {
        if walls.is_empty() {
            return Ok(None);
        }
        let always = World {
            stamp: Time::ZERO,
            expires: Time::from_nanos(i64::MAX),
            things: walls.to_vec(),
            held: None,
        };
        Self::new(always, checker, 0, vec![None; walls.len()], 0).map(|walled| Some(Box::new(walled)))
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

    /// What was forgiven of the things of the world before is forgiven of the same things, and what is known of how far
    /// they are from the arm is.
    pub(crate) fn take_over(&mut self, before: &Self) {
        let follows = self.follows == before.things_id;
        self.checker.take_over(&before.checker, if follows { &self.was } else { &[] });
        if !follows {
            return;
        }
        for (k, was) in self.was.iter().enumerate() {
            self.forgiven[k] = was.and_then(|j| before.forgiven.get(j)).copied().unwrap_or(0.0);
            self.keep[k].distance_m = self.things[k].0 - self.forgiven[k];
        }
    }

    /// The arm may be as its checker was asked last, for [`Self::forgive`].
    pub(crate) fn note(&mut self, anew: bool) {
        for (k, (distance, speed)) in self.things.iter().enumerate() {
            if *speed == 0.0 && (self.forgiven[k] != 0.0 || anew) {
                let near = self.checker.distance_to(k, distance + NO_NEARER_M);
                self.nearest[k] = self.nearest[k].min(near);
                self.last[k] = near;
            }
        }
    }

    /// The arm stands where it stood, and may be nearer or less near only since its fingers may be elsewhere: where what was
    /// noted is that of before (`is_before`), else what may be now, which is to be forgiven or not as much more.
    pub(crate) fn shift(&mut self, is_before: bool) {
        for (nearest, forgiven) in self.nearest.iter_mut().zip(&mut self.forgiven) {
            let near = core::mem::replace(nearest, f64::INFINITY);
            if *forgiven > 0.0 && near.is_finite() {
                let by = if is_before { near } else { -near };
                // What comes to nothing in between is forgiven anew, or is not to be.
                *forgiven = (*forgiven + by).max(f64::MIN_POSITIVE);
            }
        }
    }

    /// The arm may be where it was noted since the last time, and was where it was noted last. What it has moved away from
    /// is forgiven less; what it is too near to when a motion begins (`anew`) is forgiven as far as it is, so that it can
    /// leave, but never that it touches what it does not. Whether anything is forgiven less than before.
    pub(crate) fn forgive(&mut self, anew: bool) -> bool {
        let mut is_less = false;
        for (k, (distance, speed)) in self.things.iter().enumerate() {
            let near = core::mem::replace(&mut self.nearest[k], f64::INFINITY);
            if *speed > 0.0 || (self.forgiven[k] == 0.0 && !anew) {
                continue;
            }
            let most = distance - (self.last[k] - NO_NEARER_M).min(0.0);
            let lacks = (distance - near + NO_NEARER_M).clamp(0.0, most);
            if self.forgiven[k] > 0.0 {
                is_less |= lacks < self.forgiven[k];
                self.forgiven[k] = self.forgiven[k].min(lacks);
            } else if near < *distance {
                self.forgiven[k] = lacks;
            }
            self.keep[k].distance_m = distance - self.forgiven[k];
        }
        is_less
    }

    /// The part of its speed at which the arm may run at `now`: all of it in the first half of the
    /// world's life, then falling to a fifth, nothing once it is over.
    pub(crate) fn trust(&self, now: Time) -> f64 {
        let life = self.expires.secs_since(self.stamp);
        let left = self.expires.secs_since(now) / life;
        if left <= 0.0 { 0.0 } else { (0.2 + 1.6 * left).min(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::solid_arm;
    use mechanics::{ArmData, GeomShape, tool_pose};
    use nalgebra::Isometry3;

    fn at(s: f64) -> Time {
        Time::from_secs_f64(s)
    }

    /// Balls before the tool of an arm at home, so far away from it as said.
    fn balls(away_keep_speed: &[[f64; 3]]) -> Vec<Thing> {
        let arm = solid_arm();
        let tool = tool_pose(&arm, &mut ArmData::new(&arm), &arm.home()).isometry().translation.vector;
        away_keep_speed
            .iter()
            .enumerate()
            .map(|(k, [away, keep_m, speed_m_s])| Thing {
                obstacle: Obstacle {
                    name: format!("ball {k}"),
                    shape: GeomShape::Sphere { radius: 0.05 },
                    world_from_obstacle: Isometry3::translation(tool.x + away, tool.y, tool.z),
                },
                keep_m: *keep_m,
                speed_m_s: *speed_m_s,
            })
            .collect()
    }

    /// From the first second on, for two.
    fn made(
        things: Vec<Thing>,
        id: u64,
        was: Vec<Option<usize>>,
        follows: u64,
    ) -> Result<Surroundings, Rejection> {
        let world = World { stamp: at(1.0), expires: at(3.0), things, held: None };
        Surroundings::new(world, Checker::new(&solid_arm()), id, was, follows)
    }

    #[test]
    fn a_world_is_trusted_for_half_of_its_life_then_less_and_at_its_end_not_at_all() {
        let world = made(vec![], 1, vec![], 0).expect("a world");
        for (now, trust) in [
            (0.5, 1.0),
            (1.0, 1.0),
            (2.0, 1.0),
            (2.5, 0.6),
            (2.8, 0.36),
            (2.999_999, 0.2),
            (3.0, 0.0),
            (4.0, 0.0),
        ] {
            assert!((world.trust(at(now)) - trust).abs() < 1e-5, "{now}: {}", world.trust(at(now)));
        }
    }

    #[test]
    fn what_may_move_comes_nearer_from_its_stamp_on_and_what_stands_does_not() {
        let mut world =
            made(balls(&[[0.5, 0.1, 1.6], [0.5, 0.2, 0.0], [0.5, 0.0, 4.0]]), 1, vec![None; 3], 0)
                .expect("a world");
        assert_eq!(world.keep.iter().map(|k| k.is_moving).collect::<Vec<_>>(), [true, false, true]);
        assert!(
            world.has_moving
                && !made(balls(&[[0.5, 0.1, 0.0]]), 1, vec![None], 0).expect("a world").has_moving
        );
        for (then, keep) in [(1.5, [0.9, 0.2, 2.0]), (1.0, [0.1, 0.2, 0.0]), (0.5, [0.1, 0.2, 0.0])] {
            world.grow_to(at(then));
            for (k, keep) in keep.into_iter().enumerate() {
                assert!((world.keep[k].distance_m - keep).abs() < 1e-12, "{then}: {k}");
            }
        }
    }

    #[test]
    fn numbers_of_a_world_are_taken_up_to_their_limits_and_no_farther() {
        let at_most = |change: fn(&mut World, bool)| {
            [true, false].map(|fits| {
                let mut world =
                    World { stamp: at(1.0), expires: at(2.0), things: balls(&[[0.5, 0.1, 0.0]]), held: None };
                change(&mut world, fits);
                let n = world.things.len();
                Surroundings::new(world, Checker::new(&solid_arm()), 1, vec![None; n], 0)
                    .err()
                    .map(|e| e.field)
            })
        };
        fn held(at: f64) -> Attached {
            let tool_from_shape = Isometry3::translation(0.0, at, 0.0);
            Attached { tool_from_shape, shape: GeomShape::Sphere { radius: 0.01 } }
        }
        for (field, [fits, does_not]) in [
            (
                "world.expires",
                at_most(|w, fits| w.expires = if fits { Time::from_nanos(1_000_000_001) } else { w.stamp }),
            ),
            (
                "world.things",
                at_most(|w, fits| w.things = vec![w.things[0].clone(); MOST_THINGS + usize::from(!fits)]),
            ),
            ("world.held", at_most(|w, fits| w.held = Some(held(if fits { 0.189 } else { 0.191 })))),
            (
                "world.things[0].keep_m",
                at_most(|w, fits| w.things[0].keep_m = if fits { 1.0 } else { 1.001 }),
            ),
            (
                "world.things[0].speed_m_s",
                at_most(|w, fits| w.things[0].speed_m_s = if fits { 4.0 } else { 4.001 }),
            ),
        ] {
            assert_eq!((fits, does_not.as_deref()), (None, Some(field)));
        }
    }

    #[test]
    fn for_other_places_of_fingers_as_much_more_is_forgiven_as_they_are_nearer_and_never_a_touch() {
        let arm = solid_arm();
        let mut data = ArmData::new(&arm);
        // Poses in place of widths: near, nearer, and within it.
        let mut world = made(balls(&[[0.12, 0.3, 0.0]]), 7, vec![None; 1], 0).expect("a world");
        let poses = [0.3, 0.2, 0.0].map(|by| {
            let mut q = arm.home();
            q[1] += by;
            let mut look = |world: &mut Surroundings| {
                world.checker.room(&arm, &mut data, &q, 0.04, &[], 1.0);
                world.checker.distance_to(0, 1.0)
            };
            (look(&mut world), q)
        });
        let [far, near, within] = poses.map(|(near, _)| near);
        assert!(far > near + 0.005 && near > 0.0 && within < -0.005, "{far}, {near}, {within}");
        let mut look = |world: &mut Surroundings, k: usize| {
            world.checker.room(&arm, &mut data, &poses[k].1, 0.04, &[], 1.0);
        };
        let is_kept = |world: &Surroundings, keep: f64| {
            let found = world.keep[0].distance_m;
            assert!((found - keep).abs() < 1e-9, "{found} m, not {keep} m");
        };
        // Begun with the hand that is far; what is not to be is not forgiven by waiting.
        look(&mut world, 0);
        world.note(true);
        world.forgive(true);
        is_kept(&world, far - NO_NEARER_M);
        // It stands, and its fingers may be nearer now.
        for (k, is_before) in [(0, true), (1, false)] {
            look(&mut world, k);
            world.note(false);
            world.shift(is_before);
        }
        look(&mut world, 1);
        world.note(true);
        world.forgive(true);
        is_kept(&world, near - NO_NEARER_M);
        // And back.
        for (k, is_before) in [(1, true), (0, false)] {
            look(&mut world, k);
            world.note(false);
            world.shift(is_before);
        }
        look(&mut world, 0);
        world.note(true);
        world.forgive(true);
        is_kept(&world, far - NO_NEARER_M);
        // Where they would be within it is no place that is forgiven to an arm that touches nothing.
        let mut anew = made(balls(&[[0.12, 0.3, 0.0]]), 7, vec![None; 1], 0).expect("a world");
        for k in [2, 0] {
            look(&mut anew, k);
            anew.note(true);
        }
        anew.forgive(true);
        is_kept(&anew, 0.0);
    }

    #[test]
    fn what_was_too_near_is_forgiven_until_the_arm_has_left_and_once() {
        let arm = solid_arm();
        let (mut data, home) = (ArmData::new(&arm), arm.home());
        let things = || balls(&[[0.25, 0.3, 0.0], [0.5, 0.05, 0.0], [0.25, 0.3, 1.6]]);
        let mut world = made(things(), 7, vec![None; 3], 0).expect("a world");
        let look = |world: &mut Surroundings, data: &mut ArmData, q: &types::JointVector| {
            world.checker.room(&arm, data, q, 0.04, &world.keep, 1.0);
            [0, 1].map(|k| world.checker.distance_to(k, 1.0))
        };
        let near = look(&mut world, &mut data, &home);
        assert!(near[0] < 0.2 && near[1] > 0.1, "{near:?}");
        let keeps = |world: &Surroundings, expected: [f64; 3]| {
            for (k, keep) in expected.into_iter().enumerate() {
                assert!(
                    (world.keep[k].distance_m - keep).abs() < 1e-9,
                    "{k}: {} m, not {keep} m",
                    world.keep[k].distance_m
                );
            }
        };
        world.note(false);
        world.forgive(false);
        keeps(&world, [0.3, 0.05, 0.3]);
        // Where a motion begins: as near as it is, and six tenths of a millimetre; nothing of what moves.
        world.note(true);
        world.forgive(true);
        keeps(&world, [near[0] - NO_NEARER_M, 0.05, 0.3]);
        // A little away from it.
        let mut away = home;
        let leads_away = |by: f64, world: &mut Surroundings, data: &mut ArmData| {
            let mut q = home;
            q[0] += by;
            (q, look(world, data, &q)[0])
        };
        let (a, b) = (leads_away(0.2, &mut world, &mut data), leads_away(-0.2, &mut world, &mut data));
        let there = if a.1 > b.1 { a } else { b };
        assert!(there.1 > near[0] + 1e-3 && there.1 < 0.3, "{there:?}");
        away.copy_from_slice(&there.0);
        look(&mut world, &mut data, &away);
        world.note(false);
        world.forgive(false);
        keeps(&world, [there.1 - NO_NEARER_M, 0.05, 0.3]);
        // Nearer again nothing more is forgiven, also not to another motion.
        look(&mut world, &mut data, &home);
        world.note(true);
        world.forgive(true);
        keeps(&world, [there.1 - NO_NEARER_M, 0.05, 0.3]);
        let forgiven = 0.3 - there.1 + NO_NEARER_M;
        world.grow_to(at(1.5));
        keeps(&world, [0.3 - forgiven, 0.05, 0.3 + 0.8]);
        // The same thing in the next world is forgiven as much; in one that does not follow on this, nothing.
        let mut next = made(things(), 8, vec![None, Some(0), Some(9)], 7).expect("a world");
        next.take_over(&world);
        keeps(&next, [0.3, 0.05 - forgiven, 0.3]);
        let mut other = made(things(), 9, vec![Some(0); 3], 6).expect("a world");
        other.take_over(&world);
        keeps(&other, [0.3, 0.05, 0.3]);
    }
}
