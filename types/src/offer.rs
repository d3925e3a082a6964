//! What may be asked for now: the tasks that the robot and the scene offer.

use crate::language::{Relation, Task};
use serde::{Deserialize, Serialize};

/// A kind of task.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TaskKind {
    /// [`Task::Pick`].
    Pick,
    /// [`Task::Place`], with this relation.
    Place(Relation),
    /// [`Task::Stack`].
    Stack,
    /// [`Task::Push`] to this side of a target.
    PushBeside(Relation),
    /// [`Task::Push`] in this direction, without a target.
    PushAlong(Relation),
    /// [`Task::SortByColor`].
    SortByColor,
    /// [`Task::Swap`].
    Swap,
    /// [`Task::OpenGripper`].
    OpenGripper,
    /// [`Task::CloseGripper`].
    CloseGripper,
    /// [`Task::Home`].
    Home,
    /// [`Task::Look`].
    Look,
}

impl TaskKind {
    /// The kind of a task.
    #[must_use]
    pub fn of(task: &Task) -> Self {
        match task {
            Task::Pick(_) => Self::Pick,
            Task::Place { relation, .. } => Self::Place(*relation),
            Task::Stack(_) => Self::Stack,
            Task::Push { relation, target: Some(_), .. } => Self::PushBeside(*relation),
            Task::Push { relation, target: None, .. } => Self::PushAlong(*relation),
            Task::SortByColor(_) => Self::SortByColor,
            Task::Swap(..) => Self::Swap,
            Task::OpenGripper => Self::OpenGripper,
            Task::CloseGripper => Self::CloseGripper,
            Task::Home => Self::Home,
            Task::Look => Self::Look,
        }
    }

    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        let with = |kind: fn(Relation) -> Self| Relation::ALL.iter().map(move |r| kind(*r));
        [Self::Pick]
            .into_iter()
            .chain(with(Self::Place))
            .chain([Self::Stack])
            .chain(with(Self::PushBeside))
            .chain(with(Self::PushAlong))
            .chain([Self::SortByColor, Self::Swap, Self::OpenGripper, Self::CloseGripper])
            .chain([Self::Home, Self::Look])
    }
}

/// The kinds of tasks that are offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer(Vec<TaskKind>);

impl Offer {
    /// Only these, in the order of [`TaskKind::all`].
    pub fn of(is_offered: impl FnMut(&TaskKind) -> bool) -> Self {
        Self(TaskKind::all().filter(is_offered).collect())
    }

    /// Everything: for whoever knows neither robot nor scene.
    #[must_use]
    pub fn everything() -> Self {
        Self::of(|_| true)
    }

    /// What is offered.
    #[must_use]
    pub fn kinds(&self) -> &[TaskKind] {
        &self.0
    }

    /// Whether this is.
    #[must_use]
    pub fn has(&self, kind: TaskKind) -> bool {
        self.0.contains(&kind)
    }

    /// Which relations a kind may have.
    #[must_use]
    pub fn relations(&self, kind: fn(Relation) -> TaskKind) -> Vec<Relation> {
        Relation::ALL.iter().copied().filter(|r| self.has(kind(*r))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Referent;

    #[test]
    fn every_task_has_a_kind_that_is_among_all_and_no_kind_is_there_twice() {
        let it = Referent::the;
        let beside = |target| Task::Push { object: it(), relation: Relation::Behind, target };
        let tasks = [
            Task::Pick(it()),
            Task::Place { object: it(), relation: Relation::In, target: it() },
            Task::Stack(vec![it()]),
            beside(Some(it())),
            beside(None),
            Task::SortByColor(it()),
            Task::Swap(it(), it()),
            Task::OpenGripper,
            Task::CloseGripper,
            Task::Home,
            Task::Look,
        ];
        let everything = Offer::everything();
        assert!(tasks.iter().all(|t| everything.has(TaskKind::of(t))));
        let distinct: std::collections::HashSet<_> = everything.kinds().iter().collect();
        assert_eq!(distinct.len(), everything.kinds().len());
        assert_eq!(everything.kinds().len(), tasks.len() - 3 + 3 * Relation::ALL.len());
        let some = Offer::of(|k| matches!(k, TaskKind::Place(Relation::In) | TaskKind::Look));
        assert_eq!(some.relations(TaskKind::Place), [Relation::In]);
        assert!(some.has(TaskKind::Look) && !some.has(TaskKind::Pick));
        assert_eq!(some.relations(TaskKind::PushAlong), []);
    }
}
