//! Goals of one action: taken where they can be pursued, one at a time, and told of.

use super::answering::Answering;
use crate::graph::Body;
use crate::log::Log;
use crate::node::NodeError;
use crate::node::{following, gripping};
use bridge::asking::{Action, ActionServer, Event, FollowJointTrajectory, GoalId, MoveGripper, Offer};
use bridge::ros::{
    FollowJointTrajectoryGoal, FollowJointTrajectoryResult, GripperCommandGoal, GripperCommandResult, follow,
};
use control::{Report, Status};
use core::time::Duration;
use types::Time;

/// Feedback is said every so many slices.
const FEEDBACK_EVERY: u64 = 5;

/// What is told of a goal that was cancelled.
const GIVEN_UP: &str = "given up, as was asked";

/// A hundredth of a second of the robot that is there.
pub(super) struct Slice<'a> {
    /// They are counted.
    pub(super) number: u64,
    /// What the loop has reported since the one before.
    pub(super) reports: &'a [Report],
    /// The time that stands in messages.
    pub(super) stamp: Time,
    /// Whether the arm moves for a goal of this node's, and whether any goal is under way.
    pub(super) moves_arm: bool,
    pub(super) is_busy: bool,
}

/// What became of a goal.
pub(super) enum Came<A: Action> {
    /// It is under way.
    Goes(Box<A::Feedback>),
    /// It is over: well, if there is no reason.
    Ends(A::Result, Option<String>),
}

/// Whoever pursues goals on the robot that is there; see [`following`] and [`gripping`].
pub(super) trait Pursues {
    /// What goals are.
    type Of: Action;
    /// A goal in words.
    fn words(goal: &<Self::Of as Action>::Goal) -> String;
    /// What is told of one that was given up.
    fn given_up(&self, status: &Status) -> <Self::Of as Action>::Result;
    /// What is told of one that cannot be pursued to its end, or was not begun.
    fn failed(&self, why: &str, status: &Status) -> <Self::Of as Action>::Result;
    /// Why a goal cannot be pursued, if it cannot; `moves_arm` says whether the arm moves for a goal of this node's.
    fn check(
        &self,
        goal: &<Self::Of as Action>::Goal,
        status: &Status,
        moves_arm: bool,
    ) -> Result<(), String>;
    /// Begins; or why not.
    fn begin(
        &mut self,
        body: &mut dyn Body,
        goal: &<Self::Of as Action>::Goal,
        moves_arm: bool,
    ) -> Result<(), String>;
    /// What the goal does, with what the loop has reported meanwhile.
    fn step(&mut self, body: &mut dyn Body, reports: &[Report]) -> Option<Came<Self::Of>>;
    /// Gives it up.
    fn cancel(&mut self, body: &mut dyn Body);
}

impl Pursues for following::Follower {
    type Of = FollowJointTrajectory;

    fn words(goal: &FollowJointTrajectoryGoal) -> String {
        format!("a path of {} points", goal.trajectory.points.len())
    }

    fn given_up(&self, _: &Status) -> FollowJointTrajectoryResult {
        following::failed(follow::SUCCESSFUL, GIVEN_UP)
    }

    fn failed(&self, why: &str, _: &Status) -> FollowJointTrajectoryResult {
        following::failed(follow::INVALID_GOAL, why)
    }

    fn check(&self, goal: &FollowJointTrajectoryGoal, status: &Status, _: bool) -> Result<(), String> {
        self.check(goal, status).map(drop).map_err(|why| why.error_string)
    }

    fn begin(
        &mut self,
        body: &mut dyn Body,
        goal: &FollowJointTrajectoryGoal,
        _: bool,
    ) -> Result<(), String> {
        self.begin(body, goal).map_err(|why| why.error_string)
    }

    fn step(&mut self, body: &mut dyn Body, reports: &[Report]) -> Option<Came<Self::Of>> {
        Some(match self.step(body, reports)? {
            following::Came::Goes(feedback) => Came::Goes(feedback),
            following::Came::Ends(result) => {
                let is_well = result.error_code == follow::SUCCESSFUL;
                let why = (!is_well).then(|| result.error_string.clone());
                Came::Ends(result, why)
            }
        })
    }

    fn cancel(&mut self, body: &mut dyn Body) {
        self.cancel(body);
    }
}

impl Pursues for gripping::Gripping {
    type Of = MoveGripper;

    fn words(goal: &GripperCommandGoal) -> String {
        format!("the gripper to {:.4}", goal.command.position)
    }

    fn given_up(&self, status: &Status) -> GripperCommandResult {
        self.outcome(status)
    }

    fn failed(&self, _: &str, status: &Status) -> GripperCommandResult {
        self.outcome(status)
    }

    fn check(&self, goal: &GripperCommandGoal, status: &Status, moves_arm: bool) -> Result<(), String> {
        self.check(goal, status, moves_arm).map(drop).map_err(|why| why.to_string())
    }

    fn begin(
        &mut self,
        body: &mut dyn Body,
        goal: &GripperCommandGoal,
        moves_arm: bool,
    ) -> Result<(), String> {
        self.begin(body, goal, moves_arm).map_err(|why| why.to_string())
    }

    fn step(&mut self, body: &mut dyn Body, reports: &[Report]) -> Option<Came<Self::Of>> {
        Some(match self.step(body, reports)? {
            gripping::Came::Goes(feedback) => Came::Goes(Box::new(feedback)),
            gripping::Came::Rests(result) => Came::Ends(result, None),
            gripping::Came::Failed(result, why) => Came::Ends(result, Some(why)),
        })
    }

    fn cancel(&mut self, body: &mut dyn Body) {
        self.cancel(body);
    }
}

/// Where goals of one action are taken.
pub(super) struct Desk<P: Pursues> {
    goals: ActionServer<P::Of>,
    answering: Answering<P::Of>,
    pursued: Option<GoalId>,
}

impl<P: Pursues> Desk<P> {
    /// # Errors
    /// [`NodeError::Thread`].
    pub(super) fn new(goals: ActionServer<P::Of>) -> Result<Self, NodeError> {
        Ok(Self { goals, answering: Answering::start()?, pursued: None })
    }

    /// What waits is too old.
    pub(super) fn refuse_all(&self) {
        while let Some(event) = self.goals.next_within(Duration::ZERO) {
            match event {
                Event::Goal(offer) => self.answering.refuses(offer),
                Event::Cancel(asked) => self.answering.accepts(asked),
            }
        }
    }

    /// Takes what is asked and goes on with what is pursued; to be called a hundred times a second.
    pub(super) fn serve(&mut self, by: &mut P, body: &mut dyn Body, slice: &Slice<'_>, log: &mut Log) {
        // One at a time: between two the arm's owner gives a sign of life.
        match self.goals.next_within(Duration::ZERO) {
            Some(Event::Goal(offer)) => self.take(offer, by, body, slice, log),
            Some(Event::Cancel(asked)) if self.pursued.is_some_and(|id| asked.goals().contains(&id)) => {
                by.cancel(body);
                self.pursued = None;
                log.info("bridge", "goal", GIVEN_UP);
                self.answering.cancelled(asked, by.given_up(&body.status()));
            }
            Some(Event::Cancel(asked)) => self.answering.accepts(asked),
            None => {}
        }
        match by.step(body, slice.reports) {
            Some(Came::Goes(feedback)) if slice.number.is_multiple_of(FEEDBACK_EVERY) => {
                self.answering.goes(feedback);
            }
            Some(Came::Ends(result, why)) => {
                self.pursued = None;
                let is_well = why.is_none();
                log.info("bridge", "goal", why.unwrap_or_else(|| "pursued to its end".into()));
                self.answering.ends(is_well, result);
            }
            _ => {}
        }
    }

    /// The robot is not there any more, or this node ends.
    pub(super) fn ends(&mut self, by: &mut P, body: &mut dyn Body, why: &str) {
        if self.pursued.take().is_some() {
            by.cancel(body);
            self.answering.ends(false, by.failed(why, &body.status()));
        }
    }

    /// Takes a goal that can be pursued, and begins.
    fn take(
        &mut self,
        offer: Offer<P::Of>,
        by: &mut P,
        body: &mut dyn Body,
        slice: &Slice<'_>,
        log: &mut Log,
    ) {
        if let Err(why) = by.check(offer.goal(), &body.status(), slice.moves_arm) {
            log.warn("bridge", "goal", format!("refused: {why}"));
            self.answering.refuses(offer);
            return;
        }
        // What is under way needs signs of life: then nobody is waited for.
        let accepted = if slice.is_busy { offer.accept_now(slice.stamp) } else { offer.accept(slice.stamp) };
        let goal = match accepted {
            Ok(goal) => goal,
            Err(e) => {
                log.warn("bridge", "goal", format!("who gave it was not told that it counts: {e}"));
                return;
            }
        };
        let (id, words) = (goal.id(), P::words(goal.goal()));
        let begun = by.begin(body, goal.goal(), slice.moves_arm);
        self.answering.begins(goal);
        match begun {
            Ok(()) => {
                log.info("bridge", "goal", words);
                self.pursued = Some(id);
            }
            Err(why) => {
                log.warn("bridge", "goal", format!("it cannot be pursued: {why}"));
                self.answering.ends(false, by.failed(&why, &body.status()));
            }
        }
    }
}
