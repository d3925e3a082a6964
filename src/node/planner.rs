//! The planner as a node: one sentence after the other, carried out on the robot that is there, with the model of the
//! perception node as long as that answers.

use super::asking::{Elsewhere, Inbox};
use super::body::WiredBody;
use super::model::WiredModel;
use super::refused::Refused;
use super::{Node, NodeError, PATIENCE, keyring};
use crate::config::Config;
use crate::exit::Exit;
use crate::graph::Body;
use crate::log::{Log, Screen};
use crate::mission::{Person, WAITS};
use crate::models::Chain;
use crate::recording::{Drives, event_message};
use crate::runner;
use crate::session;
use crate::suite::episode::Episode;
use bridge::RunFolder;
use bridge::ros::{self, Ask, Goal, Reply, Taken};
use bridge::wire::{Questions, Role, Sessions, Teller, Verified, Wire, WireError, topics};
use control::MonotonicClock;
use core::time::Duration;
use mechanics::Arm;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use types::Rejection;
use types::events::{Event, Level};
use types::seams::VisionLanguageModel;

/// The kind of the event that says how a sentence ended: its text is the number of the run, the exit
/// code, then what is said.
pub(crate) const ENDED: &str = "ended";
/// How long the robot may take to let this node in.
const LETS_IN: Duration = Duration::from_secs(2);
/// For how long an emergency stop is said again to a robot that has not taken it.
const STOPS: Duration = Duration::from_secs(60);
/// The longest sentence, bytes.
const LONGEST: usize = 100_000;

/// What is to be carried out next.
struct Next {
    run: u64,
    goal: Goal,
}

/// What the thread that listens shares with the one that works.
#[derive(Default)]
struct Desk {
    next: Mutex<Option<Next>>,
    runs: AtomicUsize,
    works: AtomicBool,
    cancelled: Arc<AtomicUsize>,
    inbox: Arc<Inbox>,
    /// Of whoever said the sentence: nobody else answers for them.
    session: AtomicU64,
}

/// Carries out sentences until the person ends it.
///
/// # Errors
/// [`NodeError`] when it cannot begin.
pub(crate) fn run(
    config: &Config,
    arm: &Arc<Arm>,
    (screen, out): (Screen, Option<PathBuf>),
    episode: &dyn Fn(&str) -> Result<Episode, Rejection>,
    folder: &dyn Fn() -> PathBuf,
) -> Result<(), NodeError> {
    let own = MonotonicClock::new();
    let node = Node::start(config, Role::Planner, own, vec![super::robot::fingerprint(arm)], |_| Vec::new())?;
    let wire = node.wire.clone();
    let desk = Arc::new(Desk::default());
    let sessions = Sessions::new(Role::Planner, keyring(config, Role::Planner)?);
    let ends = Arc::new(AtomicBool::new(false));
    let says = Arc::new(Teller::new(wire.publisher::<ros::Log>(&topics::EVENT, Role::Planner.word())?)?);
    let tells = Log::new(screen, None).with_listener(listener(says.clone()));
    let listening = listen(&wire, &desk, sessions, tells, &ends)?;
    Log::new(screen, None).info("planner", "node", format!("waiting for sentences, node {:016x}", wire.id()));
    let mut stopping: Option<Instant> = None;
    while crate::interrupt::count() == 0 {
        if crate::interrupt::is_emergency() {
            stopping = Some(Instant::now());
        }
        // Before the next sentence, until the robot has taken it.
        if let Some(pressed) = stopping {
            match stop_robot(config, &wire) {
                Err(e)
                    if pressed.elapsed() < STOPS && !matches!(e, NodeError::Wire(WireError::Refused(_))) =>
                {
                    std::thread::sleep(PATIENCE);
                }
                Err(e) => {
                    let why = format!("the robot has not taken the emergency stop, and may still move: {e}");
                    Log::new(screen, None).error("planner", "stop", why);
                    stopping = None;
                }
                Ok(()) => stopping = None,
            }
            continue;
        }
        let next = desk.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Next { run, goal }) = next else {
            std::thread::sleep(PATIENCE);
            continue;
        };
        let path = out.as_ref().map_or_else(folder, |out| out.join(format!("run-{run:03}")));
        let mut log = Log::new(screen, None).with_listener(listener(says.clone()));
        let next = Next { run, goal };
        let ended = match carry_out(config, arm, (&wire, own, &desk), &path, (screen, &says), &next, episode)
        {
            Ok((exit, said)) => format!("{run} {} {said}", exit.code()),
            Err(e) => {
                log.error("planner", "failed", e.to_string());
                format!("{run} {} {e}", Exit::Failed.code())
            }
        };
        log.detail("planner", ENDED, ended);
        desk.works.store(false, Ordering::Release);
    }
    ends.store(true, Ordering::Release);
    let _ = listening.join();
    Ok(())
}

/// The emergency stop of a robot that somebody else moves, said once.
fn stop_robot(config: &Config, wire: &Wire) -> Result<(), NodeError> {
    let signer = wire.session(Role::Robot, &keyring(config, Role::Planner)?, LETS_IN)?;
    wire.command::<_, ros::Taken>(&signer, &topics::STOP, &ros::Number { value: 1.0, at: 0 }, LETS_IN)?;
    Ok(())
}

/// Says every event on the wire.
fn listener(says: Arc<Teller<ros::Log>>) -> crate::log::Listener {
    Box::new(move |event: &Event| {
        // Who looks on is told what is said to a person; how it ended, and that an answer is waited for, stands in details.
        if event.level != Level::Detail || [ENDED, WAITS].contains(&event.kind.as_str()) {
            says.tell(event_message(event));
        }
    })
}

fn carry_out(
    config: &Config,
    arm: &Arc<Arm>,
    (wire, own, desk): (&Wire, MonotonicClock, &Desk),
    path: &Path,
    (screen, says): (Screen, &Arc<Teller<ros::Log>>),
    Next { run, goal }: &Next,
    episode: &dyn Fn(&str) -> Result<Episode, Rejection>,
) -> Result<(Exit, String), NodeError> {
    let mut episode = episode(&goal.sentence)?;
    episode.answers.extend(goal.answers.iter().cloned());
    let folder = RunFolder::create(path).map_err(session::StartError::Bridge)?;
    let log = Log::new(screen, Some(folder)).with_listener(listener(says.clone()));
    let signer = wire.session(Role::Robot, &keyring(config, Role::Planner)?, LETS_IN)?;
    let session = signer.session();
    let body = WiredBody::connect(wire, own, arm, signer, desk.cancelled.clone())?;
    let drives = Drives { node: body.robot(), session, planner: wire.id() };
    let model = Chain::new(vec![Box::new(WiredModel::new(wire)), Box::new(session::model(config)?)]);
    let person = goal.can_be_asked.then(|| -> Box<dyn Person> {
        let (inbox, cancelled) = (desk.inbox.clone(), desk.cancelled.clone());
        Box::new(Elsewhere { run: *run, inbox, cancelled })
    });
    let over: (Box<dyn Body>, Box<dyn VisionLanguageModel>) = (Box::new(body), Box::new(model));
    let outcome = runner::run_over(config, arm, &episode, log, drives, over, person)?;
    Ok((outcome.exit, outcome.said))
}

/// Takes sentences and what gives them up, in a thread of its own, which `tells` what of it is refused.
fn listen(
    wire: &Wire,
    desk: &Arc<Desk>,
    sessions: Sessions,
    mut tells: Log,
    ends: &Arc<AtomicBool>,
) -> Result<std::thread::JoinHandle<()>, NodeError> {
    let [goal, reply, cancel] = [&topics::GOAL, &topics::REPLY, &topics::CANCEL].map(|topic| (topic, ""));
    let asked = [(&topics::SESSION, Role::Planner.word()), goal, reply, cancel];
    let questions: Questions = wire.answer(&asked).map_err(NodeError::Wire)?;
    let (wire, desk, ends) = (wire.clone(), desk.clone(), ends.clone());
    let thread = std::thread::Builder::new().name("listening".into()).spawn(move || {
        let (sessions, refused) = (Mutex::new(sessions), Refused::default());
        while !ends.load(Ordering::Acquire) {
            refused.tell(&mut tells, wire.now(), false);
            let Some(question) = questions.next_within(PATIENCE) else { continue };
            if question.topic() == topics::SESSION.key {
                let topic = question.topic();
                if let Err(why) = question.open_session(&wire, &sessions) {
                    refused.note(topic, &why);
                }
                continue;
            }
            let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
            let done = if question.topic() == topics::CANCEL.key {
                question.read_signed::<Ask>(&mut sessions, wire.now()).map(|_| {
                    desk.cancelled.fetch_add(1, Ordering::Relaxed);
                    crate::interrupt::give_up();
                    Taken { id: 0 }
                })
            } else if question.topic() == topics::REPLY.key {
                let reply = question.read_signed::<Reply>(&mut sessions, wire.now());
                let put = |(by, reply): (Verified, Reply)| {
                    if by.session != desk.session.load(Ordering::Acquire) {
                        let expected = "an answer of whoever said the sentence";
                        return Err(Rejection::new("reply", expected, "one of somebody else"));
                    }
                    desk.inbox.put(reply.run, reply.text).map(|()| Taken { id: 0 })
                };
                reply.and_then(put)
            } else {
                let goal = question.read_signed::<Goal>(&mut sessions, wire.now());
                goal.and_then(|(by, goal)| desk.take(goal, by.session)).map(|id| Taken { id })
            };
            if let Err(why) = &done {
                refused.note(question.topic(), why);
            }
            question.answer_with(&wire, done);
        }
        refused.tell(&mut tells, wire.now(), true);
    });
    thread.map_err(NodeError::Thread)
}

impl Desk {
    /// One at a time.
    fn take(&self, goal: Goal, session: u64) -> Result<u64, Rejection> {
        if goal.sentence.len() > LONGEST {
            let got = format!("{} bytes", goal.sentence.len());
            return Err(Rejection::new("goal.sentence", format!("at most {LONGEST} bytes"), got));
        }
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if self.works.swap(true, Ordering::AcqRel) {
            return Err(Rejection::new(
                "goal",
                "a planner that is idle",
                "one that carries out another sentence",
            ));
        }
        self.cancelled.store(0, Ordering::Relaxed);
        crate::interrupt::begin_anew();
        self.session.store(session, Ordering::Release);
        let run = self.runs.fetch_add(1, Ordering::Relaxed) as u64 + 1;
        *next = Some(Next { run, goal });
        Ok(run)
    }
}

/// Why a wire was refused is what a person reads.
impl From<WireError> for session::StartError {
    fn from(e: WireError) -> Self {
        match e {
            WireError::Refused(why) => Self::Refused(why),
            other => Self::Body(crate::graph::BodyError::Line(other.to_string())),
        }
    }
}
