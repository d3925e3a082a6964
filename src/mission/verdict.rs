//! The second verdict: in simulation, the simulator's truth says too whether it was done.

use crate::suite::predicate::Predicate;
use sim::Truth;
use types::language::Relation;
use types::plan::Fact;
use types::{ObjectId, Scene};

/// The truth in the beginning and at the end of a run. Perception never sees it.
pub(crate) struct Truths {
    pub(crate) before: Truth,
    pub(crate) after: Truth,
}

/// How far from where perception saw it the true object may have been.
const SAME_M: f64 = 0.04;

/// What lies farther from where it lay has been moved.
const MOVED_M: f64 = 0.02;

impl Truths {
    /// What was moved, by its name.
    pub(crate) fn moved(&self) -> Vec<String> {
        let lay = |name: &str| self.before.get(name).map(|o| o.center()).ok();
        let is_elsewhere = |o: &&sim::TrueObject| {
            lay(&o.spec.name).is_some_and(|before| (o.center() - before).norm() > MOVED_M)
        };
        self.after.objects.iter().filter(is_elsewhere).map(|o| o.spec.name.clone()).collect()
    }

    /// Whether what the plan aimed at is so; `Err` says what is not.
    pub(crate) fn aim_holds(&self, goal: &[Fact], memory: &Scene) -> Result<(), String> {
        for fact in goal {
            match *fact {
                Fact::Stands { object, relation, target } => {
                    let (a, b) = (self.name(object, memory)?, self.name(target, memory)?);
                    self.check(self.after.stands(&a, relation, &b), || {
                        format!("{a} is not {} {b}", relation.words())
                    })?;
                }
                Fact::At { object, point, tolerance_m } => {
                    let a = self.name(object, memory)?;
                    // Perception's tolerance, and what it may be off by itself.
                    self.check(self.after.at(&a, point, tolerance_m + 0.01), || format!("{a} is elsewhere"))?;
                }
                Fact::Held { object } => {
                    let a = self.name(object, memory)?;
                    self.check(self.after.held(&a), || format!("{a} is not held"))?;
                }
            }
        }
        Ok(())
    }

    fn check(&self, holds: Result<bool, types::Rejection>, why: impl Fn() -> String) -> Result<(), String> {
        match holds {
            Ok(true) => Ok(()),
            Ok(false) => Err(why()),
            Err(e) => Err(e.to_string()),
        }
    }

    /// Which true object perception meant, by where it was seen.
    fn name(&self, id: ObjectId, memory: &Scene) -> Result<String, String> {
        let seen = memory.get(id).ok_or("an object that was never seen")?;
        let nearest = |truth: &Truth| {
            let near = truth.objects.iter().map(|o| ((o.center() - seen.position).norm(), o));
            near.filter(|(d, _)| *d < SAME_M)
                .min_by(|a, b| a.0.total_cmp(&b.0))
                .map(|(_, o)| o.spec.name.clone())
        };
        nearest(&self.before)
            .or_else(|| nearest(&self.after))
            .ok_or_else(|| format!("there is no {} where perception saw one", seen.describe()))
    }
}

/// Whether a predicate of a scenario holds; `Err` says what is not so.
pub(crate) fn holds(p: &Predicate, truths: &Truths) -> Result<(), String> {
    let not = || format!("not so: {p}");
    let (before, after) = (&truths.before, &truths.after);
    let is_so = match p {
        Predicate::Stands { object, relation, target } => after.stands(object, *relation, target),
        Predicate::Held { object } => after.held(object),
        Predicate::Still { object } => {
            before.get(object).and_then(|o| after.at(object, [o.center().x, o.center().y], 0.015))
        }
        Predicate::Took { object, place_of } => {
            before.get(place_of).and_then(|o| after.at(object, [o.center().x, o.center().y], 0.04))
        }
        Predicate::Moved { object, relation } => before.get(object).and_then(|a| {
            let shift = after.get(object)?.center() - a.center();
            let [dx, dy] = relation.direction().unwrap_or([0.0, 0.0]);
            let along = shift.x * dx + shift.y * dy;
            let across = (shift.x * dy - shift.y * dx).abs();
            let is_direction = matches!(
                relation,
                Relation::LeftOf | Relation::RightOf | Relation::InFrontOf | Relation::Behind
            );
            Ok(is_direction && along >= 0.05 && along > across)
        }),
    };
    match is_so {
        Ok(true) => Ok(()),
        Ok(false) => Err(not()),
        Err(e) => Err(e.to_string()),
    }
}
