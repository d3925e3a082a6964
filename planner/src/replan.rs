//! A new plan for what does not hold yet, as often as the budget allows.

use crate::decide::TablePlanner;
use crate::draft::{Draft, Stop};
use crate::footprint::{Footprint, centre};
use crate::judge::{Verdict, judge, successor};
use nalgebra::Point2;
use types::plan::{Fact, Outcome, Plan, Skill};
use types::{JointState, ObjectId, Scene};

impl TablePlanner {
    /// Plans anew for the facts of `plan` that do not hold in `scene`, after a skill failed or a goal
    /// was missed. `memory` is the scene in which the plan's objects were named; objects whose track
    /// was lost meanwhile are found again by their looks, and the new plan names the new tracks.
    ///
    /// [`Outcome::AlreadyDone`] when everything holds; a plan of one look when only the unseen is
    /// left; [`Outcome::Refuse`] when the budget of [`crate::Config::max_replans`] is spent.
    pub fn replan(&mut self, plan: &Plan, scene: &Scene, state: &JointState, memory: &Scene) -> Outcome {
        let rename = |id: ObjectId| successor(id, memory, scene).map_or(id, |o| o.id);
        let mut missing: Vec<(Fact, ObjectId)> = Vec::new();
        let mut standing: Vec<Fact> = Vec::new();
        let mut unknown: Vec<Fact> = Vec::new();
        let mut reason = "it did not work".to_owned();
        for fact in &plan.goal {
            let renamed = rename_fact(fact, rename);
            // What the hand holds stands nowhere, though it is not seen to.
            let is_in_hand = !matches!(fact, Fact::Held { .. }) && self.held == Some(object_of(fact));
            match judge(fact, scene, state, memory) {
                Verdict::Holds => standing.push(renamed),
                Verdict::Unknown(_) if is_in_hand => {
                    reason = "I still hold it".to_owned();
                    missing.push((renamed, object_of(fact)));
                }
                Verdict::Unknown(_) => unknown.push(renamed),
                Verdict::Fails(why) => {
                    reason = why;
                    missing.push((renamed, object_of(fact)));
                }
            }
        }
        if missing.is_empty() && unknown.is_empty() {
            return Outcome::AlreadyDone("That is so now.".to_owned());
        }
        self.n_replans += 1;
        if self.n_replans > self.config.max_replans {
            return Outcome::Refuse(format!(
                "I give up after {} more tries: {}",
                self.config.max_replans,
                reason.trim_end_matches('.').to_owned() + "."
            ));
        }
        if missing.is_empty() {
            let goal = standing.into_iter().chain(unknown).collect();
            return Outcome::Do(Plan { skills: vec![Skill::Look], goal });
        }
        self.held = self.held.map(rename);
        self.check_held(scene, state);
        let mut draft = Draft::new(&self.config, &self.abilities, scene, self.held);
        for (i, (fact, old)) in missing.iter().enumerate() {
            let pushed = plan.skills.iter().any(|s| matches!(s, Skill::Push { object, .. } if object == old));
            let waiting: Vec<ObjectId> = missing[i + 1..].iter().map(|(f, _)| object_of(f)).collect();
            if let Err(stop) = bring_about(&mut draft, fact, pushed, &waiting) {
                return self.stopped(stop, scene);
            }
        }
        let Draft { skills, goal, .. } = draft;
        let goal = standing.into_iter().chain(unknown).chain(goal).collect();
        Outcome::Do(Plan { skills, goal })
    }
}

fn object_of(fact: &Fact) -> ObjectId {
    match *fact {
        Fact::Stands { object, .. } | Fact::At { object, .. } | Fact::Held { object } => object,
    }
}

fn rename_fact(fact: &Fact, rename: impl Fn(ObjectId) -> ObjectId) -> Fact {
    match *fact {
        Fact::Stands { object, relation, target } => {
            Fact::Stands { object: rename(object), relation, target: rename(target) }
        }
        Fact::At { object, point, tolerance_m } => Fact::At { object: rename(object), point, tolerance_m },
        Fact::Held { object } => Fact::Held { object: rename(object) },
    }
}

/// Adds what makes one fact true. Objects in `waiting` move later anyway, so they may be put aside.
fn bring_about(draft: &mut Draft<'_>, fact: &Fact, pushed: bool, waiting: &[ObjectId]) -> Result<(), Stop> {
    match *fact {
        Fact::Stands { object, relation, target } if pushed => draft.push_beside(object, relation, target),
        Fact::Stands { object, relation, target } => draft.place(object, relation, target),
        Fact::Held { object } => {
            draft.pick(object)?;
            draft.goal.push(*fact);
            Ok(())
        }
        Fact::At { object, point, tolerance_m } if pushed => {
            draft.push_to(object, Point2::from(point), tolerance_m)
        }
        Fact::At { object, point, .. } => {
            let wanted = Footprint::at(draft.get(object)?, Point2::from(point), 0.0);
            let in_the_way = waiting
                .iter()
                .copied()
                .find(|id| draft.scene.get(*id).is_some_and(|o| Footprint::of(o).gap(&wanted) < 0.01));
            if let Some(id) = in_the_way {
                let near = centre(draft.get(id)?);
                draft.put_aside(id, near)?;
            }
            draft.put(object, types::plan::Spot::Table(point))?;
            draft.goal.push(*fact);
            Ok(())
        }
    }
}
