//! A plan in the making: skills so far, and the scene as it will be after them. Every step checks its
//! preconditions against that scene before it is added.

use crate::config::Config;
use crate::footprint::{Footprint, bottom, centre, narrow_side};
use crate::relations::{SIDE_REACH_M, Standing, holds, standing, support, upon};
use crate::resolve::{Resolved, doubt, resolve_without};
use crate::spots::{Area, free, moved, place_spots};
use crate::tops::FLOOR_M;
use crate::words::{self, the, the_id};
use nalgebra::Point2;
use types::language::{Quantity, Referent, Relation};
use types::plan::{Fact, Skill, Spot, is_graspable};
use types::{ObjectId, Scene, TrackedObject};

/// Why drafting ended before the plan was whole.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stop {
    /// The person must say what is meant.
    Ask { question: String, candidates: Vec<ObjectId> },
    /// It cannot or must not be done.
    Refuse(String),
    /// Something was not seen well enough.
    Look { why: String, candidates: Vec<ObjectId> },
}

/// What the robot can do, as far as deciding needs it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Abilities {
    /// Where objects may lie.
    pub(crate) area: Area,
    /// Widest opening of the gripper, metres; zero without one.
    pub(crate) width_m: f64,
}

#[derive(Clone, Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) config: &'a Config,
    pub(crate) abilities: &'a Abilities,
    /// The scene as it will be.
    pub(crate) scene: Scene,
    /// What the hand will hold.
    pub(crate) held: Option<ObjectId>,
    pub(crate) skills: Vec<Skill>,
    pub(crate) goal: Vec<Fact>,
    /// What was so already, as sentences.
    pub(crate) done: Vec<String>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(
        config: &'a Config,
        abilities: &'a Abilities,
        scene: &Scene,
        held: Option<ObjectId>,
    ) -> Self {
        let (skills, goal, done) = (Vec::new(), Vec::new(), Vec::new());
        Self { config, abilities, scene: scene.clone(), held, skills, goal, done }
    }

    pub(crate) fn get(&self, id: ObjectId) -> Result<&TrackedObject, Stop> {
        self.scene.get(id).ok_or_else(|| Stop::Refuse("I no longer see that object.".to_owned()))
    }

    /// The objects that a phrase may mean, best first for "any", in the scene's order for "all".
    /// Those in `excluded` are not meant.
    pub(crate) fn objects(&self, phrase: &Referent, excluded: &[ObjectId]) -> Result<Vec<ObjectId>, Stop> {
        match resolve_without(phrase, &self.scene, self.config, excluded) {
            Resolved::One(best) if phrase.quantity == Quantity::Any => {
                let all = phrase.clone().with_quantity(Quantity::All);
                let mut ids = vec![best];
                if let Resolved::Many(more) = resolve_without(&all, &self.scene, self.config, excluded) {
                    ids.extend(more.into_iter().filter(|id| *id != best));
                }
                Ok(ids)
            }
            Resolved::One(id) => Ok(vec![id]),
            Resolved::Many(ids) => Ok(ids),
            Resolved::None { why } => Err(Stop::Refuse(why)),
            Resolved::Ambiguous { candidates, question } => Err(Stop::Ask { question, candidates }),
            Resolved::Unsure { candidates, why } => Err(Stop::Look { why, candidates }),
        }
    }

    /// Runs `attempt` for each alternative on a copy, keeps the first that works, else the first reason.
    pub(crate) fn first_that_works(
        &mut self,
        alternatives: &[ObjectId],
        attempt: impl Fn(&mut Self, ObjectId) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut reason = None;
        for id in alternatives {
            let mut copy = self.clone();
            match attempt(&mut copy, *id) {
                Ok(()) => {
                    *self = copy;
                    return Ok(());
                }
                Err(stop) => reason = reason.or(Some(stop)),
            }
        }
        Err(reason.unwrap_or_else(|| Stop::Refuse("There is nothing to do that with.".to_owned())))
    }

    /// Whether the object is known well enough to act on it.
    pub(crate) fn check_seen(&self, id: ObjectId) -> Result<(), Stop> {
        match doubt(self.get(id)?, &self.scene, self.config) {
            Some(why) if self.held != Some(id) => {
                Err(Stop::Look { why: format!("{why}."), candidates: vec![id] })
            }
            _ => Ok(()),
        }
    }

    /// Whether the arm reaches the object.
    pub(crate) fn check_reach(&self, id: ObjectId) -> Result<(), Stop> {
        let o = self.get(id)?;
        let area = self.abilities.area;
        if !area.contains(centre(o)) && self.held != Some(id) {
            let far = (area.beyond(centre(o)) * 100.0).max(1.0);
            return Err(Stop::Refuse(format!("I cannot reach {}: it lies {far:.0} cm too far out.", the(o))));
        }
        Ok(())
    }

    /// Whether the hand is free for other things than `id`.
    pub(crate) fn check_hand(&self, id: Option<ObjectId>) -> Result<(), Stop> {
        match self.held {
            Some(held) if Some(held) != id => Err(Stop::Ask {
                question: format!("I hold {}: where shall I put it first?", the_id(&self.scene, held)),
                candidates: vec![held],
            }),
            _ => Ok(()),
        }
    }

    /// Whether nothing stands on the object or lies in it.
    pub(crate) fn check_clear(&self, id: ObjectId) -> Result<(), Stop> {
        let on_it: Vec<String> = upon(&self.scene, id).into_iter().map(the).collect();
        if on_it.is_empty() {
            return Ok(());
        }
        let verb = if on_it.len() == 1 { "stands" } else { "stand" };
        let name = the_id(&self.scene, id);
        Err(Stop::Refuse(format!("I cannot move {name}: {} {verb} on it.", words::list(&on_it, "and"))))
    }

    /// Whether there is a hand.
    pub(crate) fn check_gripper(&self) -> Result<(), Stop> {
        if self.abilities.width_m > 0.0 {
            return Ok(());
        }
        Err(Stop::Refuse("This arm has no gripper to hold things with.".to_owned()))
    }

    fn check_graspable(&self, id: ObjectId) -> Result<(), Stop> {
        let o = self.get(id)?;
        let shape = o.most_likely_shape();
        self.check_gripper()?;
        if shape.is_container() {
            return Err(Stop::Refuse(format!(
                "I cannot lift {}: a {shape} is too large for my gripper.",
                the(o)
            )));
        }
        if !is_graspable(shape, narrow_side(o), self.abilities.width_m) {
            return Err(Stop::Refuse(format!(
                "I cannot lift {}: it is {:.0} mm wide, and my gripper opens to {:.0} mm.",
                the(o),
                narrow_side(o) * 1000.0,
                self.abilities.width_m * 1000.0
            )));
        }
        Ok(())
    }

    /// Adds lifting `id`, unless it is held already.
    pub(crate) fn pick(&mut self, id: ObjectId) -> Result<(), Stop> {
        if self.held == Some(id) {
            return Ok(());
        }
        self.check_hand(Some(id))?;
        self.check_graspable(id)?;
        self.check_seen(id)?;
        self.check_reach(id)?;
        self.check_clear(id)?;
        self.skills.push(Skill::Pick { object: id });
        self.held = Some(id);
        self.forget(id);
        Ok(())
    }

    /// Adds putting `id` down at `spot`, lifting it first.
    pub(crate) fn put(&mut self, id: ObjectId, spot: Spot) -> Result<(), Stop> {
        self.pick(id)?;
        let object = self.get(id)?.clone();
        let spots = place_spots(&object, &spot, &self.scene, self.abilities.area, self.config);
        let spots =
            spots.map_err(|why| Stop::Refuse(format!("I cannot put {} there: {why}.", the(&object))))?;
        let to = &spots[0];
        self.skills.push(Skill::Place { object: id, spot });
        self.held = None;
        let yaw = to.yaws.first().copied().unwrap_or(object.yaw);
        // What is let go above other things in a container slides down beside them.
        let bottom_m = match spot {
            Spot::Relative { relation: Relation::In, target } => bottom(self.get(target)?) + FLOOR_M,
            _ => to.bottom_m,
        };
        self.carry(moved(&TrackedObject { yaw, ..object }, to.centre, bottom_m));
        Ok(())
    }

    /// Puts `id` aside on a free place near `near`, away from where it is now.
    pub(crate) fn put_aside(&mut self, id: ObjectId, near: Point2<f64>) -> Result<(), Stop> {
        let object = self.get(id)?;
        let own = [Footprint::of(object)];
        let point = free(object, near, &self.scene, &own, self.abilities.area, self.config)
            .map_err(|why| Stop::Refuse(format!("I cannot put {} aside: {why}.", the(object))))?;
        self.put(id, Spot::Table(point.coords.into()))
    }

    /// Replaces an object of the predicted scene.
    pub(crate) fn carry(&mut self, object: TrackedObject) {
        if let Some(o) = self.scene.objects.iter_mut().find(|o| o.id == object.id) {
            *o = object;
        }
    }

    /// Earlier goals about an object that moves again no longer stand.
    pub(crate) fn forget(&mut self, id: ObjectId) {
        self.goal.retain(|fact| match *fact {
            Fact::Stands { object, target, .. } => object != id && target != id,
            Fact::At { object, .. } | Fact::Held { object } => object != id,
        });
    }

    /// Whether what was asked for is so already, and near enough that nobody expects a motion.
    pub(crate) fn is_so(&self, id: ObjectId, relation: Relation, target: ObjectId) -> bool {
        let (Some(o), Some(t)) = (self.scene.get(id), self.scene.get(target)) else { return false };
        let near = (centre(o) - centre(t)).norm() < 0.75 * SIDE_REACH_M;
        self.held != Some(id) && standing(o, relation, t) == Standing::Firmly && near
    }

    /// Adds what brings `id` to stand so to `target`; notes it when it does already.
    pub(crate) fn place(&mut self, id: ObjectId, relation: Relation, target: ObjectId) -> Result<(), Stop> {
        let (o, t) = (self.get(id)?.clone(), self.get(target)?.clone());
        if id == target {
            let word = relation.words();
            return Err(Stop::Refuse(format!("I cannot put {} {word} itself.", the(&o))));
        }
        let fact = Fact::Stands { object: id, relation, target };
        if self.is_so(id, relation, target) {
            self.done.push(format!("{} is already {} {}", the(&o), relation.words(), the(&t)));
            self.goal.push(fact);
            return Ok(());
        }
        if relation == Relation::In && !t.most_likely_shape().is_container() {
            return Err(Stop::Refuse(format!(
                "I cannot put {} into {}: it is solid. I can put things into bowls and trays.",
                the(&o),
                the(&t)
            )));
        }
        if self.held == Some(target) {
            return self.check_hand(Some(id));
        }
        self.check_seen(target)?;
        self.put(id, Spot::Relative { relation, target })?;
        self.goal.push(fact);
        Ok(())
    }

    /// Where an object stands now, as a spot for another one to take.
    pub(crate) fn spot_of(&self, id: ObjectId) -> Result<Spot, Stop> {
        let at = centre(self.get(id)?);
        Ok(match support(&self.scene, id) {
            Some((relation, target)) => Spot::Relative { relation, target },
            None => Spot::Table(at.coords.into()),
        })
    }

    /// Those of `ids` that stand on none of the others first to last: upper ones before lower ones,
    /// then the ones nearer to `to`.
    pub(crate) fn in_order(&self, mut ids: Vec<ObjectId>, to: Point2<f64>) -> Vec<ObjectId> {
        let key = |id: &ObjectId| {
            self.scene.get(*id).map_or((0, f64::INFINITY), |o| {
                let below = |p: &&TrackedObject| p.id != o.id && holds(o, Relation::On, p);
                let level = self.scene.objects.iter().filter(below).count();
                (level, (centre(o) - to).norm())
            })
        };
        ids.sort_by(|a, b| {
            let (a, b) = (key(a), key(b));
            b.0.cmp(&a.0).then(a.1.total_cmp(&b.1))
        });
        ids
    }
}
