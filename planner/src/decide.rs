//! An utterance and a scene to a plan, an answer, a question or a refusal.

use crate::answer::answer;
use crate::config::Config;
use crate::draft::{Abilities, Draft, Stop};
use crate::judge::holds_object;
use crate::reach::reach_area;
use crate::spots::Area;
use crate::words;
use mechanics::Arm;
use std::sync::Arc;
use types::language::{Task, Utterance};
use types::plan::{Outcome, Plan, Skill};
use types::seams::Planner;
use types::{JointState, ObjectId, Rejection, RobotProfile, Scene, Time};

/// Decides what to do on a table.
///
/// When something was not seen well enough, the outcome is a plan of one [`Skill::Look`] without a
/// goal, although no look was asked for ([`is_another_look`]): look, then decide again. After
/// [`Config::max_looks`] of these in a row it becomes a question to the person.
#[derive(Debug)]
pub struct TablePlanner {
    pub(crate) config: Config,
    pub(crate) abilities: Abilities,
    pub(crate) held: Option<ObjectId>,
    n_looks: u32,
    looked_at: Option<Time>,
    pub(crate) n_replans: u32,
}

/// Whether an outcome asks for another look before it can be decided.
#[must_use]
pub fn is_another_look(utterance: &Utterance, outcome: &Outcome) -> bool {
    let asked = matches!(utterance, Utterance::Instruct(tasks) if tasks.contains(&Task::Look));
    matches!(outcome, Outcome::Do(plan) if plan.skills == [Skill::Look] && plan.goal.is_empty()) && !asked
}

impl TablePlanner {
    /// A planner for an arm.
    ///
    /// # Errors
    /// A [`Rejection`] of the configuration.
    pub fn new(arm: Arc<Arm>, config: Config) -> Result<Self, Rejection> {
        let mut planner = Self::for_profile(arm.profile(), config)?;
        planner.abilities.area = reach_area(&arm);
        Ok(planner)
    }

    /// A planner for an arm of which only the profile is known.
    ///
    /// # Errors
    /// A [`Rejection`] of the configuration.
    pub fn for_profile(profile: &RobotProfile, config: Config) -> Result<Self, Rejection> {
        config.check()?;
        let width_m = if profile.gripper.joints.is_empty() { 0.0 } else { profile.gripper.width_m };
        let abilities = Abilities { area: Area::of_rectangle(profile.reach_m), width_m };
        Ok(Self { config, abilities, held: None, n_looks: 0, looked_at: None, n_replans: 0 })
    }

    /// Tells what the hand holds, as the last skill left it and its verdict confirmed.
    pub fn note_held(&mut self, held: Option<ObjectId>) {
        self.held = held;
    }

    /// What the hand holds, as noted.
    #[must_use]
    pub fn held(&self) -> Option<ObjectId> {
        self.held
    }

    /// A hand that is not as wide open as what it held has lost it (F20).
    pub(crate) fn check_held(&mut self, scene: &Scene, state: &JointState) {
        if let Some(object) = self.held.and_then(|id| scene.get(id))
            && !holds_object(state.gripper.width_m, object)
        {
            self.held = None;
        }
    }

    fn instruct(&mut self, tasks: &[Task], scene: &Scene) -> Outcome {
        if tasks.is_empty() {
            return nothing_said();
        }
        let mut draft = Draft::new(&self.config, &self.abilities, scene, self.held);
        for task in tasks {
            if let Err(stop) = draft.task(task) {
                return self.stopped(stop, scene);
            }
        }
        self.n_looks = 0;
        let Draft { skills, goal, done, .. } = draft;
        if skills.is_empty() {
            return Outcome::AlreadyDone(sentence(&words::list(&done, "and")));
        }
        Outcome::Do(Plan { skills, goal })
    }

    pub(crate) fn stopped(&mut self, stop: Stop, scene: &Scene) -> Outcome {
        match stop {
            Stop::Ask { question, candidates } => Outcome::Clarify { question, candidates },
            Stop::Refuse(why) => Outcome::Refuse(why),
            Stop::Look { why, candidates } => {
                // Looks that brought no new picture count too, or this would never end.
                let again = self.looked_at == Some(scene.stamp);
                self.looked_at = Some(scene.stamp);
                if self.n_looks >= self.config.max_looks {
                    self.n_looks = 0;
                    let question = format!(
                        "{why} {}",
                        if again { "Is the camera working?" } else { "Can you show me?" }
                    );
                    return Outcome::Clarify { question, candidates };
                }
                self.n_looks += 1;
                Outcome::Do(Plan { skills: vec![Skill::Look], goal: Vec::new() })
            }
        }
    }
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => "That is so already.".to_owned(),
    }
}

fn nothing_said() -> Outcome {
    Outcome::Clarify { question: "What shall I do?".to_owned(), candidates: Vec::new() }
}

impl Planner for TablePlanner {
    fn decide(&mut self, utterance: &Utterance, scene: &Scene, state: &JointState) -> Outcome {
        self.n_replans = 0;
        self.check_held(scene, state);
        match utterance {
            Utterance::Instruct(tasks) => self.instruct(tasks, scene),
            Utterance::Ask(question) => answer(question, scene, &self.config),
            Utterance::Empty => nothing_said(),
            Utterance::Unclear(question) => {
                Outcome::Clarify { question: question.clone(), candidates: Vec::new() }
            }
            Utterance::Refuse(why) => Outcome::Refuse(why.clone()),
        }
    }
}
