//! One sentence, from hearing it to saying how it ended: look, understand, plan, move, look again,
//! judge, and plan anew when something failed.

mod cutoff;
mod eyes;
mod follow;
mod judging;
#[cfg(test)]
mod judging_tests;
mod look;
mod onlooker;
mod orders;
mod park;
mod person;
mod surroundings;
mod verdict;
mod visitors;

pub(crate) use cutoff::Cutoff;
pub(crate) use eyes::{Clock, Eyes, Spent};
pub(crate) use judging::Judging;
pub(crate) use person::{GivenUp, Person, Terminal, line};
pub(crate) use surroundings::{People, Surroundings};
pub(crate) use verdict::{Truths, holds};
pub(crate) use visitors::{Tally, Visitors};

use crate::exit::Exit;
use crate::film::Film;
use crate::graph::Body;
use crate::log::Log;
use crate::recording::Tape;
use follow::Trouble;
use planner::{TablePlanner, Verdict};
use std::collections::VecDeque;
use types::language::{Task, Utterance};
use types::plan::{Fact, Outcome, Plan, Skill};
use types::seams::{Planner, Wording};
use types::{JointState, Offer, Scene, Time};

/// The kind of the event that says that a question waits for an answer.
pub(crate) const WAITS: &str = "waits";
/// How often the person may be asked in one run.
const MAX_QUESTIONS: usize = 3;

/// Everything that one run needs.
pub(crate) struct Mission {
    pub(crate) arm: std::sync::Arc<mechanics::Arm>,
    pub(crate) body: Box<dyn Body>,
    pub(crate) eyes: Eyes,
    pub(crate) planner: TablePlanner,
    pub(crate) motion: planner::Motion,
    pub(crate) cutoff: Cutoff,
    pub(crate) config: planner::Config,
    pub(crate) log: Log,
    pub(crate) film: Option<Film>,
    /// Through which everything comes that is heard of the world.
    pub(crate) tape: Tape,
    /// What the person answers, in order.
    pub(crate) answers: VecDeque<String>,
    /// Whether the model is one that may propose anything, and is told what is offered.
    pub(crate) takes_offers: bool,
    /// Whether the person is there and can be asked.
    pub(crate) is_interactive: bool,
    /// ... and how.
    pub(crate) person: Box<dyn Person>,
    /// They were waited for, and nobody has looked since.
    pub(crate) has_waited: bool,
    /// Longest time for the whole, seconds of the robot's time.
    pub(crate) time_limit_s: f64,
    /// What the sentence was read as.
    pub(crate) proposed: Vec<Task>,
    /// What the hand holds.
    pub(crate) held: Option<planner::Held>,
    /// Below this opening of the fingers it is lost, metres.
    pub(crate) least_grip_m: f64,
    /// What the arm has to keep clear of.
    pub(crate) surroundings: Surroundings,
    /// When the safety filter was last told of it, and the stamp that it was told.
    pub(crate) world_told: Option<(types::Time, types::Time)>,
    /// Who comes into the arm's way, where that is measured.
    pub(crate) visitors: Option<Visitors>,
    /// When it began to listen.
    pub(crate) begun: types::Time,
    /// When the arm held for the first time, its encoders proven.
    pub(crate) ready: types::Time,
    /// The right to move the arm, and when it was last kept alive.
    pub(crate) lease: Option<(control::Lease, types::Time)>,
    /// Stops the arm if the mission panics (F31); elsewhere its silence does.
    pub(crate) _sentinel: Option<control::Sentinel>,
    /// What a model is asked about what was done.
    pub(crate) judging: Judging,
    /// How many trajectories were started.
    pub(crate) motions: usize,
    /// How often was planned anew.
    pub(crate) replans: usize,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    /// By perception alone.
    pub(crate) exit: Exit,
    /// What is said to the person.
    pub(crate) said: String,
    /// What was aimed at, with the scene in which its objects were named.
    pub(crate) aim: Option<(Vec<Fact>, Scene)>,
}

impl Ending {
    fn new(exit: Exit, said: impl Into<String>) -> Self {
        Self { exit, said: said.into(), aim: None }
    }
}

impl Mission {
    /// Does what the sentence says, or says why not. The arm stands still at the end.
    pub(crate) fn run(&mut self, sentence: &str) -> Ending {
        self.begun = self.now();
        self.log.info("run", "sentence", format!("\"{}\"", clip(sentence)));
        self.tape.operator(sentence);
        let ending = match self.whole(sentence) {
            Ok(ending) => ending,
            Err(trouble) => self.end_by(trouble),
        };
        let (kind, exit) = (ending.exit.word(), ending.exit);
        match exit {
            Exit::Done | Exit::Question | Exit::Refused => self.log.info("run", kind, &ending.said),
            _ => self.log.error("run", kind, &ending.said),
        }
        if matches!(exit, Exit::Refused | Exit::Failed) {
            let facts = self.log.facts();
            if let Some(words) = self.eyes.word(&Wording::Explain { facts }, &mut self.log) {
                self.log.info("planner", "explanation", words);
            }
        }
        ending
    }

    fn whole(&mut self, sentence: &str) -> Result<Ending, Trouble> {
        self.activate()?;
        self.look("the table")?;
        if let Err(why) = crate::report::pictures(self, "before") {
            self.log.warn("bridge", "picture", why.to_string());
        }
        let utterance = self.understand(sentence)?;
        let (outcome, scene) = self.decide(utterance)?;
        match outcome {
            Outcome::Answer(text) => Ok(Ending::new(Exit::Done, text)),
            Outcome::AlreadyDone(text) => Ok(Ending::new(Exit::Done, text)),
            Outcome::Refuse(why) => Ok(Ending::new(Exit::Refused, why)),
            Outcome::Clarify { question, .. } => Ok(Ending::new(Exit::Question, question)),
            Outcome::Do(plan) => self.carry_out(plan, scene),
        }
    }

    /// What the model makes of the sentence; a model that answers nothing usable is asked again a
    /// bounded number of times (F45).
    fn understand(&mut self, sentence: &str) -> Result<Utterance, Trouble> {
        self.log.detail("run", "phase", "understanding");
        let reading = self.read(sentence)?;
        let text = match &reading {
            Utterance::Instruct(tasks) => {
                self.proposed.clone_from(tasks);
                format!("it proposes {}", tasks.iter().map(task_words).collect::<Vec<_>>().join(", then "))
            }
            Utterance::Ask(q) => format!("a question: {q:?}"),
            Utterance::Empty => "nothing was said".to_owned(),
            Utterance::Unclear(why) => format!("unclear: {why}"),
            Utterance::Refuse(why) => format!("not to be done: {why}"),
        };
        self.log.info("perception", "proposal", text);
        Ok(reading)
    }

    /// What the model makes of words, with the tasks that are offered now.
    fn read(&mut self, words: &str) -> Result<Utterance, Trouble> {
        if self.takes_offers {
            let (state, scene) = (self.state()?, self.eyes.scene(self.body.now()));
            let offer = self.planner.offer(&scene, &state);
            self.eyes.offer(&offer);
        }
        let read = self.eyes.read(words, &mut self.log);
        self.check_interrupts()?;
        Ok(read)
    }

    /// Checks the proposal against the scene and the robot; looks again, or asks the person, where
    /// that is needed.
    fn decide(&mut self, mut utterance: Utterance) -> Result<(Outcome, Scene), Trouble> {
        let mut excluded = Vec::new();
        let mut questions = 0;
        for _ in 0..20 {
            let state = self.state()?;
            let mut scene = self.eyes.scene(self.body.now());
            let whole = scene.clone();
            scene.objects.retain(|o| !excluded.contains(&o.id));
            let outcome = self.planner.decide(&utterance, &scene, &state);
            if planner::is_another_look(&utterance, &outcome) {
                self.look("again, to be sure")?;
                continue;
            }
            let Outcome::Clarify { question, candidates } = &outcome else {
                return Ok((outcome, whole));
            };
            questions += 1;
            let asked = self.worded(question, candidates, &whole);
            let answer = if questions <= MAX_QUESTIONS { self.ask(&asked)? } else { None };
            let Some(answer) = answer else {
                let candidates = candidates.clone();
                return Ok((Outcome::Clarify { question: asked, candidates }, whole));
            };
            self.log.info("run", "answer", format!("the person answers \"{}\"", clip(&answer)));
            self.tape.operator(&answer);
            if self.has_waited {
                // What stands on the table may have been moved meanwhile.
                self.has_waited = false;
                self.look("again, as time has passed")?;
            }
            match self.read(&answer)? {
                u @ (Utterance::Instruct(_) | Utterance::Ask(_)) => {
                    excluded.clear();
                    utterance = u;
                }
                _ => {
                    // "the small one": which of the candidates would a robot pick up?
                    let phrase = format!("pick up {}", answer.trim().trim_end_matches(['.', '!']));
                    // Nothing is picked up by that, whatever is offered.
                    self.eyes.offer(&Offer::everything());
                    let narrowed = self.eyes.read(&phrase, &mut self.log);
                    self.check_interrupts()?;
                    let narrowed = match narrowed {
                        Utterance::Instruct(tasks) => match tasks.as_slice() {
                            [Task::Pick(r)] => Some(r.clone()),
                            _ => None,
                        },
                        _ => None,
                    };
                    let Some(referent) = narrowed else { return Ok((outcome, whole)) };
                    let among = Scene {
                        stamp: scene.stamp,
                        objects: scene
                            .objects
                            .iter()
                            .filter(|o| candidates.contains(&o.id))
                            .cloned()
                            .collect(),
                    };
                    match planner::resolve(&referent, &among, &self.config) {
                        planner::Resolved::One(id) => {
                            excluded.extend(candidates.iter().copied().filter(|c| *c != id));
                        }
                        _ => return Ok((outcome, whole)),
                    }
                }
            }
        }
        Ok((
            Outcome::Clarify { question: "I cannot make sense of this.".into(), candidates: vec![] },
            Scene::default(),
        ))
    }

    /// The planner's question in a model's words, where it has good ones.
    fn worded(&mut self, question: &str, candidates: &[types::ObjectId], scene: &Scene) -> String {
        if question.starts_with(perception::roles::MODEL_SAYS) {
            // Words that a model made up are no question to hold others to.
            return question.to_owned();
        }
        let mut options = planner::names(candidates, scene);
        options.extend(perception::roles::quoted(question));
        let wording = Wording::Ask { question: question.to_owned(), options };
        match self.eyes.word(&wording, &mut self.log) {
            Some(words) => {
                self.log.detail("planner", "typed-question", question);
                words
            }
            None => question.to_owned(),
        }
    }

    /// The person's answer, prepared beforehand or given now. Ctrl-C works meanwhile.
    fn ask(&mut self, question: &str) -> Result<Option<String>, Trouble> {
        if let Some(answer) = self.answers.pop_front() {
            self.log.info("run", "question", question);
            return Ok(Some(answer));
        }
        if !self.is_interactive {
            return Ok(None);
        }
        self.log.info("run", "question", question);
        self.has_waited = true;
        let asked = self.now();
        let tape = self.tape.clone();
        let Self { person, log, .. } = self;
        let said: Option<Result<Option<String>, ()>> = tape.take("answer", || {
            let answer = person.answer(&mut || log.detail("run", WAITS, question));
            Some(answer.map_err(|GivenUp| ()))
        });
        // The task's time does not run while a person thinks.
        self.begun = self.begun + self.now().since(asked);
        match said {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(())) => Err(Trouble::Interrupted),
            None => Ok(None),
        }
    }

    /// Carries out a plan skill by skill; looks and judges after each; plans anew when one failed.
    fn carry_out(&mut self, plan: Plan, memory: Scene) -> Result<Ending, Trouble> {
        let (mut plan, mut memory) = (plan, memory);
        let first = (plan.goal.clone(), memory.clone());
        self.announce(&plan, &memory);
        loop {
            let failure = self.one_round(&plan)?;
            if let Some(why) = &failure {
                self.log.warn("planner", "failure", why);
            }
            let state = self.state()?;
            let scene = match failure {
                Some(_) => self.eyes.scene(self.body.now()),
                None => self.settled_scene(&plan, &memory, &state)?,
            };
            let (scene, state) = self.look_at_doubts(&plan, &memory, (scene, state))?;
            self.planner.note_held(self.held.as_ref().map(|h| h.object.id));
            match self.planner.replan(&plan, &scene, &state, &memory) {
                Outcome::AlreadyDone(_) => {
                    if plan.goal.is_empty()
                        && let Some(why) = failure
                    {
                        return Ok(Ending::new(Exit::Failed, why));
                    }
                    let ending = self.end_as_measured(&plan, &memory)?;
                    let aim = Some(first).filter(|_| ending.exit == Exit::Done);
                    return Ok(Ending { aim, ..ending });
                }
                Outcome::Do(next) => {
                    if self.motions == 0
                        && let Some(why) = failure
                        && self.replans >= 1
                    {
                        // Nothing has moved and planning fails again: it cannot be done.
                        return Ok(Ending::new(Exit::Refused, why));
                    }
                    self.replans += 1;
                    self.log.info("planner", "replan", format!("planning anew, time {}", self.replans));
                    self.judging.rename(|id| planner::successor(id, &memory, &scene).map_or(id, |o| o.id));
                    plan = next;
                    memory = scene;
                    self.announce(&plan, &memory);
                }
                other => {
                    let said = match other {
                        Outcome::Refuse(s) | Outcome::Answer(s) => s,
                        Outcome::Clarify { question, .. } => question,
                        Outcome::Do(_) | Outcome::AlreadyDone(_) => String::new(),
                    };
                    let exit = if self.motions == 0 { Exit::Refused } else { Exit::Failed };
                    let said = failure.filter(|_| self.motions == 0).unwrap_or(said);
                    let mut ending = Ending::new(exit, said);
                    ending.aim = Some(first);
                    return Ok(ending);
                }
            }
        }
    }

    /// The skills of a plan, until one fails; `Some` says which and why.
    fn one_round(&mut self, plan: &Plan) -> Result<Option<String>, Trouble> {
        for (i, skill) in plan.skills.iter().enumerate() {
            let (before, pictured) = (self.eyes.scene(self.body.now()), self.eyes.shown().cloned());
            let name = skill_words(skill, &before);
            self.log.info("planner", "skill", format!("{} of {}: {name}", i + 1, plan.skills.len()));
            let prepared = match self.prepare(skill, &before)? {
                Ok(prepared) => prepared,
                Err(why) => return Ok(Some(format!("I cannot {name}: {why}"))),
            };
            if let Err(trouble) = self.execute(prepared) {
                match trouble {
                    Trouble::Missed(why) | Trouble::Dropped(why) => {
                        self.go_home()?;
                        // What was met or let go of is no longer where it was.
                        self.look("at what came of it")?;
                        return Ok(Some(why));
                    }
                    other => return Err(other),
                }
            }
            self.look("at what came of it")?;
            let state = self.state()?;
            let after = self.eyes.scene(self.body.now());
            match planner::judge_skill(skill, &before, &after, &state, &self.config) {
                Verdict::Holds => {
                    self.log.detail("planner", "judged", format!("{name}: done"));
                    self.second_opinion(skill, pictured, &before);
                }
                // Whether it matters is judged with the goal.
                Verdict::Unknown(why) => self.log.detail("planner", "judged", why),
                Verdict::Fails(why) => return Ok(Some(why)),
            }
        }
        Ok(None)
    }

    /// The scene after a round; what cannot be told yet is looked at again, twice at the most.
    fn settled_scene(&mut self, plan: &Plan, memory: &Scene, state: &JointState) -> Result<Scene, Trouble> {
        for _ in 0..2 {
            let scene = self.eyes.scene(self.body.now());
            let unknown = plan
                .goal
                .iter()
                .any(|f| matches!(planner::judge(f, &scene, state, memory), Verdict::Unknown(_)));
            if !unknown {
                return Ok(scene);
            }
            self.look("again, to be sure")?;
        }
        Ok(self.eyes.scene(self.body.now()))
    }

    fn announce(&mut self, plan: &Plan, scene: &Scene) {
        let words: Vec<String> = plan.skills.iter().map(|s| skill_words(s, scene)).collect();
        self.log.info("planner", "plan", words.join(", then "));
        self.log.detail("planner", "goal", format!("{:?}", plan.goal));
    }

    fn now(&self) -> Time {
        self.body.now()
    }
}

/// At most so much of a sentence is repeated on the screen.
fn clip(sentence: &str) -> String {
    let clean: String = sentence.chars().filter(|c| !c.is_control()).take(120).collect();
    if clean.chars().count() < sentence.chars().count() { format!("{clean}…") } else { clean }
}

fn name_of(id: types::ObjectId, scene: &Scene) -> String {
    scene.get(id).map_or_else(|| "something".to_owned(), |o| format!("the {}", o.describe()))
}

fn skill_words(skill: &Skill, scene: &Scene) -> String {
    use types::plan::Spot;
    match skill {
        Skill::Pick { object } => format!("pick up {}", name_of(*object, scene)),
        Skill::Place { object, spot: Spot::Relative { relation, target } } => {
            format!("put {} {} {}", name_of(*object, scene), relation.words(), name_of(*target, scene))
        }
        Skill::Place { object, spot: Spot::Table([x, y]) } => {
            format!("put {} on the table at ({x:.2}, {y:.2})", name_of(*object, scene))
        }
        Skill::Push { object, to: [x, y] } => {
            format!("push {} to ({x:.2}, {y:.2})", name_of(*object, scene))
        }
        Skill::OpenGripper => "open the gripper".into(),
        Skill::CloseGripper => "close the gripper".into(),
        Skill::Home => "go home".into(),
        Skill::Look => "look".into(),
    }
}

fn task_words(task: &Task) -> String {
    match task {
        Task::Pick(r) => format!("pick({r})"),
        Task::Place { object, relation, target } => {
            format!("place({object}, {}, {target})", relation.words())
        }
        Task::Stack(all) => {
            format!("stack({})", all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        Task::Push { object, relation, target } => {
            let target = target.as_ref().map(|t| format!(", {t}")).unwrap_or_default();
            format!("push({object}, {}{target})", relation.words())
        }
        Task::SortByColor(r) => format!("sort by colour({r})"),
        Task::Swap(a, b) => format!("swap({a}, {b})"),
        Task::OpenGripper => "open the gripper".into(),
        Task::CloseGripper => "close the gripper".into(),
        Task::Home => "go home".into(),
        Task::Look => "look".into(),
    }
}

fn done_words(plan: &Plan, scene: &Scene) -> String {
    let facts: Vec<String> = plan
        .goal
        .iter()
        .map(|f| match f {
            Fact::Stands { object, relation, target } => {
                format!("{} is {} {}", name_of(*object, scene), relation.words(), name_of(*target, scene))
            }
            Fact::At { object, .. } => format!("{} is where it should be", name_of(*object, scene)),
            Fact::Held { object } => format!("I hold {}", name_of(*object, scene)),
        })
        .collect();
    if facts.is_empty() { "Done.".into() } else { format!("Done: {}.", facts.join("; ")) }
}
