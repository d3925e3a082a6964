//! A second opinion on what a skill came to: where `planner.judge` is on and what was measured says that a skill is done, a
//! model is shown a picture from before and one from after, and asked. Its word is advice and data. Its yes takes back its
//! own no at the most. Its no is told, and what follows goes on as it was planned; in the end, where all is measured as done,
//! the table is looked at and the model asked once more, and then the person.

use super::follow::Trouble;
use super::{Ending, Mission, clip, done_words, name_of};
use crate::exit::Exit;
use perception::roles::MODEL_SAYS;
use planner::Verdict;
use types::plan::{Fact, Plan, Skill, Spot};
use types::{Image, JointState, ObjectId, Scene};

/// After so many questions in a row that a model had no answer to it is asked no more: each may have taken its whole time.
pub(super) const MOST_FAILURES: usize = 2;

/// See the head of this file.
#[derive(Default)]
pub(crate) struct Judging {
    is_on: bool,
    failures: usize,
    /// It has been said that nobody judges.
    is_told: bool,
    doubts: Vec<Doubt>,
}

/// What a model said no to.
struct Doubt {
    object: ObjectId,
    /// It was to be in the hand.
    is_lift: bool,
    what: String,
    before: Image,
    reason: String,
}

impl Judging {
    /// `word` is `planner.judge` of the configuration.
    pub(crate) fn new(word: &str) -> Self {
        Self { is_on: word == "on", ..Self::default() }
    }

    /// After a plan was made anew things may have other names.
    pub(super) fn rename(&mut self, rename: impl Fn(ObjectId) -> ObjectId) {
        self.doubts.iter_mut().for_each(|d| d.object = rename(d.object));
    }
}

impl Doubt {
    /// As a reason: what was measured first, then whose words follow, as data between quotation marks.
    fn words(&self) -> String {
        let Self { what, reason, .. } = self;
        format!("a model doubts what I measured as done: {what}; {MODEL_SAYS} \"{reason}\"")
    }

    /// Whether what is doubted is part of what shall be so in the end.
    fn matters(&self, goal: &[Fact]) -> bool {
        goal.iter().any(|fact| match *fact {
            Fact::Held { object } => self.is_lift && object == self.object,
            Fact::Stands { object, .. } | Fact::At { object, .. } => !self.is_lift && object == self.object,
        })
    }
}

/// The thing that a skill moves, and what a model is asked about it, in our own words.
fn asked(skill: &Skill, scene: &Scene) -> Option<(ObjectId, String)> {
    let name = |object| name_of(object, scene);
    match *skill {
        Skill::Pick { object } => Some((object, format!("pick up {}", name(object)))),
        Skill::Place { object, spot: Spot::Relative { relation, target } } => {
            Some((object, format!("put {} {} {}", name(object), relation.words(), name(target))))
        }
        // Coordinates say nothing to who looks at a picture.
        Skill::Place { object, spot: Spot::Table(_) } => {
            Some((object, format!("put {} down on the table", name(object))))
        }
        Skill::Push { object, .. } => Some((object, format!("push {} to another place", name(object)))),
        Skill::OpenGripper | Skill::CloseGripper | Skill::Home | Skill::Look => None,
    }
}

impl Mission {
    /// After a skill of which what was measured says that it is done: a no is told, and kept for the end.
    pub(super) fn second_opinion(&mut self, skill: &Skill, before: Option<Image>, scene: &Scene) {
        let Some((object, what)) = asked(skill, scene) else { return };
        // What was doubted of a thing is overtaken by what has been done with it since.
        self.judging.doubts.retain(|d| d.object != object);
        let Some(before) = before else { return };
        if let Some((false, reason)) = self.judged(&before, &what) {
            let is_lift = matches!(skill, Skill::Pick { .. });
            let doubt = Doubt { object, is_lift, what, before, reason };
            self.log.warn("planner", "doubt", doubt.words());
            self.judging.doubts.push(doubt);
        }
    }

    /// What a model says of what was done since a picture, and why; `None` where it says nothing, which is told once.
    fn judged(&mut self, before: &Image, what: &str) -> Option<(bool, String)> {
        if !self.judging.is_on || self.judging.failures >= MOST_FAILURES {
            return None;
        }
        let after = self.eyes.shown()?.clone();
        let said = self.eyes.judge(before, &after, what, &mut self.log);
        let why = match said {
            Ok(Some(judgement)) => {
                self.judging.failures = 0;
                // Whoever it came from and through.
                let reason = perception::roles::reason(&judgement.reason);
                let word = if judgement.is_done { "done" } else { "not done" };
                let text = format!("{what}: {word}; {MODEL_SAYS} \"{reason}\"");
                self.log.detail("perception", "judgement", text);
                return Some((judgement.is_done, reason));
            }
            Ok(None) => "no model that judges is there".to_owned(),
            Err(why) => {
                self.judging.failures += 1;
                why
            }
        };
        let text = format!("no second opinion ({why}): what I measure counts alone");
        if core::mem::replace(&mut self.judging.is_told, true) {
            self.log.detail("perception", "judgement", text);
        } else {
            self.log.warn("perception", "judgement", text);
        }
        None
    }

    /// Where all of the goal holds by what is measured and a doubt about it is left: one more look, by which it is measured
    /// again, and the model asked again. Scene and state after it.
    pub(super) fn look_at_doubts(
        &mut self,
        plan: &Plan,
        memory: &Scene,
        (scene, state): (Scene, JointState),
    ) -> Result<(Scene, JointState), Trouble> {
        let holds = |fact: &Fact| planner::judge(fact, &scene, &state, memory) == Verdict::Holds;
        if !plan.goal.iter().all(holds) {
            return Ok((scene, state));
        }
        self.judging.doubts.retain(|d| d.matters(&plan.goal));
        if self.judging.doubts.is_empty() {
            return Ok((scene, state));
        }
        self.look("again, as a model has doubts")?;
        for mut doubt in core::mem::take(&mut self.judging.doubts) {
            match self.judged(&doubt.before, &doubt.what) {
                Some((true, _)) => continue,
                Some((false, reason)) => doubt.reason = reason,
                None => {}
            }
            self.judging.doubts.push(doubt);
        }
        let state = self.state()?;
        Ok((self.eyes.scene(self.body.now()), state))
    }

    /// How it ends when all of the goal is measured as done: so, or as the person says where a model doubts it still.
    pub(super) fn end_as_measured(&mut self, plan: &Plan, memory: &Scene) -> Result<Ending, Trouble> {
        for Doubt { what, reason, .. } in core::mem::take(&mut self.judging.doubts) {
            let typed = format!("I measured this as done: {what}. Is it done?");
            self.log.detail("planner", "typed-question", typed);
            let question = format!("I measured this as done: {what}; {MODEL_SAYS} \"{reason}\". Is it done?");
            let Some(answer) = self.ask(&question)? else {
                return Ok(Ending::new(Exit::Question, question));
            };
            self.log.info("run", "answer", format!("the person answers \"{}\"", clip(&answer)));
            self.tape.operator(&answer);
            let said = answer.trim().to_lowercase();
            match said.split(|c: char| !c.is_alphanumeric()).next() {
                Some("yes" | "y" | "done") => {}
                Some("no" | "n" | "not") => {
                    let said = format!("I measured this as done, and you say that it is not: {what}");
                    return Ok(Ending::new(Exit::Failed, said));
                }
                _ => return Ok(Ending::new(Exit::Question, question)),
            }
        }
        Ok(Ending::new(Exit::Done, done_words(plan, memory)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::language::Relation;
    use types::{Intrinsics, Time, Transform};

    #[test]
    fn a_doubt_goes_with_its_thing_and_matters_where_that_is_part_of_what_shall_be_so() {
        let lens = Intrinsics::from_fov(1, 1, 1.0).expect("a lens");
        let before = Image::new("front", 0, Time::ZERO, vec![0; 3], None, lens, Transform::identity());
        let doubt = |is_lift| Doubt {
            object: ObjectId(3),
            is_lift,
            what: "put it there".into(),
            before: before.clone().expect("a picture"),
            reason: "no".into(),
        };
        let mut judging = Judging { doubts: vec![doubt(false), doubt(true)], ..Judging::new("on") };
        judging.rename(|id| ObjectId(id.0 + 4));
        let matters = |goal: &[Fact]| judging.doubts.iter().map(|d| d.matters(goal)).collect::<Vec<_>>();
        let stands =
            |object| Fact::Stands { object: ObjectId(object), relation: Relation::In, target: ObjectId(1) };
        let at = Fact::At { object: ObjectId(7), point: [0.0; 2], tolerance_m: 0.01 };
        assert_eq!(matters(&[stands(3), stands(1)]), [false, false]);
        assert_eq!(matters(&[stands(3), stands(7)]), [true, false]);
        assert_eq!(matters(&[at]), [true, false]);
        assert_eq!(matters(&[Fact::Held { object: ObjectId(7) }]), [false, true]);
        assert_eq!(matters(&[]), [false, false]);
    }
}
