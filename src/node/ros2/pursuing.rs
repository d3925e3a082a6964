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
    /// What is told of one that was not pursued to its end.
    fn failed(why: &str) -> <Self::Of as Action>::Result;
    /// Why a goal cannot be pursued, if it cannot.
    fn check(&self, goal: &<Self::Of as Action>::Goal, status: &Status) -> Result<(), String>;
    /// Begins; or why not.
    fn begin(&mut self, body: &mut dyn Body, goal: &<Self::Of as Action>::Goal) -> Result<(), String>;
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

    fn failed(why: &str) -> FollowJointTrajectoryResult {
        following::failed(follow::INVALID_GOAL, why)
    }

    fn check(&self, goal: &FollowJointTrajectoryGoal, status: &Status) -> Result<(), String> {
        self.check(goal, status).map(drop).map_err(|why| why.error_string)
    }

    fn begin(&mut self, body: &mut dyn Body, goal: &FollowJointTrajectoryGoal) -> Result<(), String> {
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

    fn failed(_: &str) -> GripperCommandResult {
        GripperCommandResult::default()
    }

    fn check(&self, goal: &GripperCommandGoal, status: &Status) -> Result<(), String> {
        self.check(goal, status).map(drop).map_err(|why| why.to_string())
    }

    fn begin(&mut self, body: &mut dyn Body, goal: &GripperCommandGoal) -> Result<(), String> {
        self.begin(body, goal).map_err(|why| why.to_string())
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
    pub(super) fn serve(
        &mut self,
        by: &mut P,
        body: &mut dyn Body,
        (reports, stamp, slices): (&[Report], Time, u64),
        log: &mut Log,
    ) {
        // One at a time: between two the arm's owner gives a sign of life.
        match self.goals.next_within(Duration::ZERO) {
            Some(Event::Goal(offer)) => self.take(offer, by, body, stamp, log),
            Some(Event::Cancel(asked)) if self.pursued.is_some_and(|id| asked.goals().contains(&id)) => {
                by.cancel(body);
                self.pursued = None;
                log.info("bridge", "goal", "given up, as was asked");
                self.answering.cancelled(asked, Default::default());
            }
            Some(Event::Cancel(asked)) => self.answering.accepts(asked),
            None => {}
        }
        match by.step(body, reports) {
            Some(Came::Goes(feedback)) if slices.is_multiple_of(FEEDBACK_EVERY) => {
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
            self.answering.ends(false, P::failed(why));
        }
    }

    /// Takes a goal that can be pursued, and begins.
    fn take(&mut self, offer: Offer<P::Of>, by: &mut P, body: &mut dyn Body, stamp: Time, log: &mut Log) {
        if let Err(why) = by.check(offer.goal(), &body.status()) {
            log.warn("bridge", "goal", format!("refused: {why}"));
            self.answering.refuses(offer);
            return;
        }
        // Nothing is under way, so nobody waits for a sign of life.
        let goal = match offer.accept(stamp) {
            Ok(goal) => goal,
            Err(e) => {
                log.warn("bridge", "goal", format!("who gave it was not told that it counts: {e}"));
                return;
            }
        };
        let (id, words) = (goal.id(), P::words(goal.goal()));
        let begun = by.begin(body, goal.goal());
        self.answering.begins(goal);
        match begun {
            Ok(()) => {
                log.info("bridge", "goal", words);
                self.pursued = Some(id);
            }
            Err(why) => {
                log.warn("bridge", "goal", format!("it cannot be pursued: {why}"));
                self.answering.ends(false, P::failed(&why));
            }
        }
    }
}
