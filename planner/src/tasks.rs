//! Tasks to skills: pick, place, stack, sort, swap, and the plain ones.

use crate::draft::{Draft, Stop};
use crate::footprint::{centre, narrow_side};
use crate::relations::{holds, upon};
use crate::words::{self, the, the_id};
use nalgebra::Point2;
use types::language::{Quantity, Referent, Relation, Task};
use types::plan::{Fact, Skill, Spot};
use types::{ObjectId, Shape};

impl Draft<'_> {
    /// Adds what a task needs.
    pub(crate) fn task(&mut self, task: &Task) -> Result<(), Stop> {
        match task {
            Task::Pick(object) => self.pick_task(object),
            Task::Place { object, relation, target } => self.place_task(object, *relation, target),
            Task::Stack(objects) => self.stack_task(objects),
            Task::Push { object, relation, target } => self.push_task(object, *relation, target.as_ref()),
            Task::SortByColor(objects) => self.sort_task(objects),
            Task::Swap(a, b) => self.swap_task(a, b),
            Task::OpenGripper => self.open_task(),
            Task::CloseGripper => {
                self.check_gripper()?;
                match self.held {
                    Some(id) => self.done.push(format!("the gripper holds {}", the_id(&self.scene, id))),
                    None => self.skills.push(Skill::CloseGripper),
                }
                Ok(())
            }
            Task::Home => {
                self.skills.push(Skill::Home);
                Ok(())
            }
            Task::Look => {
                self.skills.push(Skill::Look);
                Ok(())
            }
        }
    }

    fn pick_task(&mut self, phrase: &Referent) -> Result<(), Stop> {
        let objects = self.objects(phrase, &[])?;
        if phrase.quantity == Quantity::All && objects.len() > 1 {
            return Err(Stop::Refuse(format!(
                "I can hold only one thing at a time, and there are {}.",
                words::plural_count(objects.len(), &words::bare(phrase))
            )));
        }
        if let Some(held) = self.held.filter(|held| objects.contains(held)) {
            self.done.push(format!("I hold {} already", the_id(&self.scene, held)));
            self.goal.push(Fact::Held { object: held });
            return Ok(());
        }
        self.first_that_works(&objects, |draft, object| {
            draft.pick(object)?;
            draft.goal.push(Fact::Held { object });
            Ok(())
        })
    }

    fn open_task(&mut self) -> Result<(), Stop> {
        self.check_gripper()?;
        // What is held is put down, never dropped.
        match self.held {
            Some(id) => {
                let near = centre(self.get(id)?);
                self.put_aside(id, near)
            }
            None => {
                self.skills.push(Skill::OpenGripper);
                Ok(())
            }
        }
    }

    /// The two phrases of a task, where the one excludes the other: "the cube on the red cube".
    fn pair(&self, object: &Referent, target: &Referent) -> Result<(Vec<ObjectId>, Vec<ObjectId>), Stop> {
        match self.objects(target, &[]) {
            Ok(targets) => {
                let excluded = if targets.len() == 1 { targets.as_slice() } else { &[] };
                match self.objects(object, excluded) {
                    Ok(objects) => Ok((objects, targets)),
                    // Only the target itself matches: name that, not "I see no …".
                    Err(stop) => Ok((self.objects(object, &[]).map_err(|_| stop)?, targets)),
                }
            }
            // "the cube" as a target is clear when all other cubes are what is moved.
            Err(stop @ Stop::Ask { .. }) => {
                let objects = self.objects(object, &[]).map_err(|_| stop.clone())?;
                match self.objects(target, &objects) {
                    Ok(targets) if object.quantity == Quantity::The => Ok((objects, targets)),
                    _ => Err(stop),
                }
            }
            Err(stop) => Err(stop),
        }
    }

    fn place_task(&mut self, object: &Referent, relation: Relation, target: &Referent) -> Result<(), Stop> {
        let (objects, targets) = self.pair(object, target)?;
        if target.quantity == Quantity::All && targets.len() > 1 {
            let named: Vec<_> = targets.iter().filter_map(|id| self.scene.get(*id)).collect();
            let question =
                format!("Relative to which of them: {}?", words::list(&words::distinct(&named), "or"));
            return Err(Stop::Ask { question, candidates: targets });
        }
        if object.quantity != Quantity::All {
            return self.first_that_works(&targets, |draft, target| {
                let others: Vec<ObjectId> = objects.iter().copied().filter(|id| *id != target).collect();
                let others = if others.is_empty() { objects.clone() } else { others };
                draft.first_that_works(&others, |draft, object| draft.place(object, relation, target))
            });
        }
        self.first_that_works(&targets, |draft, target| draft.place_all(object, &objects, relation, target))
    }

    fn place_all(
        &mut self,
        phrase: &Referent,
        objects: &[ObjectId],
        relation: Relation,
        target: ObjectId,
    ) -> Result<(), Stop> {
        let to = centre(self.get(target)?);
        let movable: Vec<ObjectId> = objects
            .iter()
            .copied()
            .filter(|id| *id != target)
            // "put everything in the bowl" does not mean the other bowls.
            .filter(|id| phrase.shape.is_some() || !self.is_container(*id))
            .collect();
        if movable.is_empty() {
            return Err(Stop::Refuse(format!("I see no {} that I could move.", words::bare(phrase))));
        }
        let (there, away): (Vec<ObjectId>, Vec<ObjectId>) =
            movable.into_iter().partition(|id| self.is_so(*id, relation, target));
        let tray = self.get(target)?.most_likely_shape() == Shape::Tray;
        if relation == Relation::On && !tray && there.len() + away.len() > 1 {
            let name = the_id(&self.scene, target);
            return Err(Stop::Refuse(format!("Only one thing has room on {name}.")));
        }
        for id in there {
            self.place(id, relation, target)?;
        }
        for id in self.in_order(away, to) {
            self.place(id, relation, target)?;
        }
        Ok(())
    }

    fn is_container(&self, id: ObjectId) -> bool {
        self.scene.get(id).is_some_and(|o| o.most_likely_shape().is_container())
    }

    fn stack_task(&mut self, phrases: &[Referent]) -> Result<(), Stop> {
        let mut chain: Vec<ObjectId> = Vec::new();
        let free_order = matches!(phrases, [one] if one.quantity != Quantity::The);
        for phrase in phrases {
            for id in self.objects(phrase, &chain)? {
                let unmeant = phrase.shape.is_none() && free_order && self.is_container(id);
                if !(unmeant || chain.contains(&id)) {
                    chain.push(id);
                    if phrase.quantity != Quantity::All {
                        break;
                    }
                }
            }
        }
        if chain.len() < 2 {
            let one = chain.first().map_or_else(|| "nothing".to_owned(), |id| the_id(&self.scene, *id));
            return Err(Stop::Refuse(format!("A stack needs two things, and I see only {one}.")));
        }
        if chain.len() > self.config.max_stack {
            let (n, max) = (chain.len(), self.config.max_stack);
            return Err(Stop::Refuse(format!("I stack at most {max} things, and that would be {n}.")));
        }
        if free_order {
            // Largest first; a ball can only be on top.
            let key = |id: &ObjectId| {
                self.scene
                    .get(*id)
                    .map_or((true, 0.0), |o| (o.most_likely_shape() == Shape::Ball, -narrow_side(o)))
            };
            chain.sort_by(|a, b| {
                let (a, b) = (key(a), key(b));
                a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
            });
        }
        self.stack(&chain)
    }

    /// Adds stacking `chain`, the lowest first.
    pub(crate) fn stack(&mut self, chain: &[ObjectId]) -> Result<(), Stop> {
        for pair in chain.windows(2) {
            let (below, above) = (self.get(pair[0])?, self.get(pair[1])?);
            if let Some(why) = crate::tops::no_support(above, below) {
                return Err(Stop::Refuse(format!("I cannot stack {} on {}: {why}.", the(above), the(below))));
            }
        }
        // Members that stand on the wrong thing come off first, upper ones before lower ones.
        let is_right = |draft: &Self, i: usize| {
            let (Some(o), Some(p)) =
                (draft.scene.get(chain[i]), i.checked_sub(1).and_then(|b| draft.scene.get(chain[b])))
            else {
                return i == 0;
            };
            holds(o, Relation::On, p)
        };
        let mut wrong: Vec<ObjectId> = Vec::new();
        for i in 0..chain.len() {
            let on_member = chain.iter().any(|m| {
                upon(&self.scene, *m).iter().any(|o| o.id == chain[i])
                    && !(is_right(self, i) && *m == chain[i.saturating_sub(1)])
            });
            if on_member {
                wrong.push(chain[i]);
            }
        }
        for id in self.in_order(wrong, Point2::origin()) {
            let near = centre(self.get(id)?);
            self.put_aside(id, near)?;
        }
        let base = chain[0];
        self.check_seen(base)?;
        self.check_reach(base)?;
        if let Some(stranger) = upon(&self.scene, base).into_iter().find(|o| o.id != chain[1]) {
            let name = the_id(&self.scene, base);
            return Err(Stop::Refuse(format!("I cannot stack on {name}: {} is on it.", the(stranger))));
        }
        for pair in chain.windows(2) {
            self.place(pair[1], Relation::On, pair[0])?;
        }
        Ok(())
    }

    fn sort_task(&mut self, phrase: &Referent) -> Result<(), Stop> {
        let all = phrase.clone().with_quantity(Quantity::All);
        let things = self.sortable(&self.objects(&all, &[])?);
        if things.is_empty() {
            return Err(Stop::Refuse(format!("I see no {} to sort.", words::bare(phrase))));
        }
        self.sort(things)
    }

    /// Those that go into containers.
    pub(crate) fn sortable(&self, ids: &[ObjectId]) -> Vec<ObjectId> {
        ids.iter().copied().filter(|id| !self.is_container(*id)).collect()
    }

    /// Adds putting each of these into a container of its own colour.
    pub(crate) fn sort(&mut self, things: Vec<ObjectId>) -> Result<(), Stop> {
        let mut without = Vec::new();
        let mut moves = Vec::new();
        for id in self.in_order(things, Point2::new(0.5, 0.0)) {
            let object = self.get(id)?;
            let color = object.most_likely_color();
            let mut containers: Vec<_> = self
                .scene
                .objects
                .iter()
                .filter(|o| o.most_likely_shape().is_container() && o.most_likely_color() == color)
                .collect();
            containers.sort_by(|a, b| {
                let d = |o: &types::TrackedObject| (centre(o) - centre(object)).norm();
                d(a).total_cmp(&d(b))
            });
            let containers: Vec<ObjectId> = containers.into_iter().map(|o| o.id).collect();
            if containers.is_empty() {
                without.push(the(object));
            } else {
                moves.push((id, containers));
            }
        }
        if moves.is_empty() {
            return Err(Stop::Refuse(format!(
                "There is no bowl or tray of the same colour for {}.",
                words::list(&without, "and")
            )));
        }
        for (id, containers) in moves {
            self.first_that_works(&containers, |draft, container| draft.place(id, Relation::In, container))?;
        }
        Ok(())
    }

    fn swap_task(&mut self, a: &Referent, b: &Referent) -> Result<(), Stop> {
        let (first, second) = self.pair(a, b)?;
        let (Some(a), Some(b)) =
            (first.first().copied(), second.iter().copied().find(|id| Some(id) != first.first()))
        else {
            return Err(Stop::Refuse("I cannot swap a thing with itself.".to_owned()));
        };
        self.swap(a, b)
    }

    /// Adds exchanging the places of two things.
    pub(crate) fn swap(&mut self, a: ObjectId, b: ObjectId) -> Result<(), Stop> {
        for id in [a, b] {
            self.check_clear(id)?;
            self.check_seen(id)?;
        }
        let (spot_a, spot_b) = (self.spot_of(a)?, self.spot_of(b)?);
        let near = centre(self.get(a)?);
        self.put_aside(a, near)?;
        self.put(b, spot_a)?;
        self.put(a, spot_b)?;
        for (object, spot) in [(b, spot_a), (a, spot_b)] {
            self.goal.push(match spot {
                Spot::Table(point) => Fact::At { object, point, tolerance_m: self.config.at_tolerance_m },
                Spot::Relative { relation, target } => Fact::Stands { object, relation, target },
            });
        }
        Ok(())
    }
}
