//! What may be asked for now. There is no table of its own: every kind of task is tried on what is seen, by the very
//! steps that would carry it out, so that what is offered and what is refused cannot drift apart.

use crate::decide::TablePlanner;
use crate::draft::{Draft, Stop};
use types::language::Task;
use types::offer::{Offer, TaskKind};
use types::{JointState, ObjectId, Scene};

impl TablePlanner {
    /// The kinds of tasks of which one at least, with some of the objects that are seen, would be begun now, or after
    /// another look; what would be refused, asked back, or is so already whatever it is about is not offered.
    #[must_use]
    pub fn offer(&mut self, scene: &Scene, state: &JointState) -> Offer {
        self.check_held(scene, state);
        let draft = Draft::new(&self.config, &self.abilities, scene, self.held);
        Offer::of(|kind| draft.offers(*kind))
    }
}

impl Draft<'_> {
    fn offers(&self, kind: TaskKind) -> bool {
        match kind {
            TaskKind::Pick => self.any(Self::pick),
            TaskKind::Place(relation) => self.any_two(|draft, a, b| draft.place(a, relation, b)),
            TaskKind::Stack => self.any_two(|draft, a, b| draft.stack(&[a, b])),
            TaskKind::PushBeside(relation) => self.any_two(|draft, a, b| draft.push_beside(a, relation, b)),
            TaskKind::PushAlong(relation) => self.any(|draft, id| draft.push_along(id, relation)),
            TaskKind::SortByColor => self.any(|draft, id| {
                let things = draft.sortable(&[id]);
                if things.is_empty() { Ok(()) } else { draft.sort(things) }
            }),
            TaskKind::Swap => self.any_two(Self::swap),
            TaskKind::OpenGripper => self.works(|draft| draft.task(&Task::OpenGripper)),
            TaskKind::CloseGripper => self.works(|draft| draft.task(&Task::CloseGripper)),
            TaskKind::Home => self.works(|draft| draft.task(&Task::Home)),
            TaskKind::Look => self.works(|draft| draft.task(&Task::Look)),
        }
    }

    /// Whether an attempt on a copy adds a skill, or waits for no more than another look.
    fn works(&self, attempt: impl FnOnce(&mut Self) -> Result<(), Stop>) -> bool {
        let mut copy = self.clone();
        match attempt(&mut copy) {
            Ok(()) => !copy.skills.is_empty(),
            Err(Stop::Look { .. }) => true,
            Err(Stop::Ask { .. } | Stop::Refuse(_)) => false,
        }
    }

    fn any(&self, attempt: impl Fn(&mut Self, ObjectId) -> Result<(), Stop>) -> bool {
        self.scene.objects.iter().any(|o| self.works(|draft| attempt(draft, o.id)))
    }

    fn any_two(&self, attempt: impl Fn(&mut Self, ObjectId, ObjectId) -> Result<(), Stop>) -> bool {
        let all = &self.scene.objects;
        all.iter().any(|a| {
            all.iter().filter(|b| b.id != a.id).any(|b| self.works(|draft| attempt(draft, a.id, b.id)))
        })
    }
}
