//! The robot as a node: the loop with its arm and cameras. It says what it does and sees, and takes commands through
//! its gate.

mod resting;

use super::gate::Gate;
use super::refused::Refused;
use super::{Node, NodeError, convert, keyring};
use crate::config::Config;
use crate::graph::Body as _;
use crate::graph::pipeline::Pipeline;
use crate::log::Log;
use crate::recording::{Share, Tape, describe};
use crate::session::{self, Setup};
use crate::suite::episode::Episode;
use bridge::ros::{
    self, DiagnosticArray, DiagnosticStatus, Header, JointState, KeyValue, Lease, Picture, Status,
};
use bridge::wire::{Publisher, Questions, Received, Role, Sessions, Teller, Wire, topics};
use control::{Mode, Report, StopFlag};
use core::time::Duration;
use mechanics::Arm;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use types::seams::Camera;
use types::{JointVector, Rejection, Time};

/// Every so many statuses the joints are told to tools of others.
const JOINTS_EVERY: u64 = 5;
/// Signs of life that may wait.
const ALIVE: usize = 64;
/// Answers that may wait to be said.
const REPLIES: usize = 64;

/// What tells this robot from another: a planner for another arm is no planner for this one (B7).
pub(super) fn fingerprint(arm: &Arm) -> String {
    let sum = describe(arm)
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("arm {:016x}", sum)
}

/// Runs until the person ends it.
///
/// # Errors
/// [`NodeError`] when it cannot begin, or the loop or the robot has ended.
pub(crate) fn run(
    config: &Config,
    arm: &Arc<Arm>,
    episode: &Episode,
    log: Log,
) -> Result<control::LoopReport, NodeError> {
    let setup = Setup::of_node(Share::Robot, config, arm, episode);
    let (mut pipeline, mut log, tape) = session::pipeline(&setup, episode, log)?;
    let cameras = pipeline.take_cameras();
    let mut offers = vec![fingerprint(arm), format!("profile {}", config.robot.profile)];
    offers.extend(cameras.iter().map(|c| format!("camera {}", c.name())));
    let sessions = Arc::new(Mutex::new(Sessions::new(Role::Robot, keyring(config, Role::Robot)?)));
    let clocks = sessions.clone();
    let keeps = move |wire: &Wire| {
        ask_clocks(wire, &clocks);
        Vec::new()
    };
    let node = Node::start(config, Role::Robot, pipeline.clock(), offers, keeps)?;
    let ends = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    for camera in cameras {
        threads.push(watch(camera, &node.wire, config.zenoh.pictures_hz, &ends)?);
    }
    let refused = Refused::default();
    threads.push(admit(&node.wire, &sessions, &refused, &ends)?);
    let stopped = Arc::new(AtomicU64::new(0));
    let flag = (pipeline.control().stop_flag(), stopped.clone());
    threads.push(stops(&node.wire, &sessions, (flag, &refused), &ends)?);
    log.info(
        "robot",
        "node",
        format!("the robot {} is there, node {:016x}", config.zenoh.robot, node.wire.id()),
    );
    let saying = Saying::new(config, arm, &node.wire, (sessions, tape, refused.clone(), stopped));
    // The motors of an arm of ROS 2's keep their power, whoever ends here.
    let falls = !arm.profile().brakes && config.arm.kind == "simulated";
    let laid = falls.then(|| arm.park());
    let ended = saying.and_then(|saying| saying.run(&mut pipeline, &mut log, laid));
    ends.store(true, Ordering::Release);
    for thread in threads {
        let _ = thread.join();
    }
    // What they refused at the very end, too.
    refused.tell(&mut log, node.wire.now(), true);
    drop(node);
    let report = Box::new(pipeline).finish();
    if let Some(recording) = log.recording() {
        let summary = recording.finish();
        crate::report::left_out(&mut log, &summary);
    }
    ended?;
    report.ok_or_else(|| crate::graph::BodyError::Loop("it has no report".into()).into())
}

/// Clocks of those that have sessions are asked again: what is known of them gets old.
fn ask_clocks(wire: &Wire, sessions: &Mutex<Sessions>) {
    let lock = || sessions.lock().unwrap_or_else(PoisonError::into_inner);
    let nodes = lock().nodes();
    for (session, node) in nodes {
        if let Ok(clock) = wire.handshake(node) {
            lock().heard_clock(session, clock);
        }
    }
}

/// Opens sessions, in a thread of its own: asking somebody's clock takes time that the gate has not.
fn admit(
    wire: &Wire,
    sessions: &Arc<Mutex<Sessions>>,
    refused: &Refused,
    ends: &Arc<AtomicBool>,
) -> Result<std::thread::JoinHandle<()>, NodeError> {
    let questions = wire.answer(&[(&topics::SESSION, Role::Robot.word())])?;
    let (wire, sessions, refused, ends) = (wire.clone(), sessions.clone(), refused.clone(), ends.clone());
    let thread = std::thread::Builder::new().name("admitting".into()).spawn(move || {
        while !ends.load(Ordering::Acquire) {
            if let Some(request) = questions.next_within(super::PATIENCE) {
                let topic = request.topic();
                if let Err(why) = request.open_session(&wire, &sessions) {
                    refused.note(topic, &why);
                }
            }
        }
    });
    thread.map_err(NodeError::Thread)
}

/// Stops, in a thread of its own: nothing else is waited for.
fn stops(
    wire: &Wire,
    sessions: &Arc<Mutex<Sessions>>,
    ((flag, stopped), refused): ((StopFlag, Arc<AtomicU64>), &Refused),
    ends: &Arc<AtomicBool>,
) -> Result<std::thread::JoinHandle<()>, NodeError> {
    let questions = wire.answer(&[(&topics::STOP, "")])?;
    let (wire, sessions, refused, ends) = (wire.clone(), sessions.clone(), refused.clone(), ends.clone());
    let thread = std::thread::Builder::new().name("stopping".into()).spawn(move || {
        while !ends.load(Ordering::Acquire) {
            let Some(asked) = questions.next_within(super::PATIENCE) else { continue };
            let now = wire.now();
            let read = {
                let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
                // Whose clock is how far off is no matter for a stop.
                asked.read_signed::<ros::Number>(&mut sessions, now)
            };
            let done = read.and_then(|(_, m)| convert::category(m.value)).map(|category| {
                flag.stop(category);
                stopped.fetch_add(1, Ordering::AcqRel);
            });
            if let Err(why) = &done {
                refused.note(asked.topic(), why);
            }
            asked.answer_with(&wire, done.map(|()| ros::Taken { id: 0 }));
        }
    });
    thread.map_err(NodeError::Thread)
}

/// Answers commands, in a thread of its own: whoever does not listen keeps nobody waiting.
fn replies(wire: &Wire) -> Result<SyncSender<Reply>, NodeError> {
    let (sender, line) = std::sync::mpsc::sync_channel::<Reply>(REPLIES);
    let wire = wire.clone();
    let thread = std::thread::Builder::new().name("replying".into()).spawn(move || {
        while let Ok((asked, done)) = line.recv() {
            asked.answer_with(&wire, done.map(|id| ros::Taken { id }));
        }
    });
    thread.map(|_| sender).map_err(NodeError::Thread)
}

/// Takes pictures as long as somebody looks, in a thread of its own.
fn watch(
    mut camera: Box<dyn Camera>,
    wire: &Wire,
    rate_hz: f64,
    ends: &Arc<AtomicBool>,
) -> Result<std::thread::JoinHandle<()>, NodeError> {
    let says: Publisher<Picture> = wire.publisher(&topics::CAMERA, camera.name())?;
    let (wire, ends) = (wire.clone(), ends.clone());
    let period = Duration::from_secs_f64(1.0 / rate_hz);
    let thread = std::thread::Builder::new().name(format!("camera {}", camera.name())).spawn(move || {
        let mut next = wire.now();
        while !ends.load(Ordering::Acquire) {
            // A camera that is gone says nothing: whoever waits for its pictures notices (F8).
            if says.is_heard()
                && let Ok(image) = camera.take()
                && let Err(e) = says.put(&Picture::new(&image, &camera.identity()))
            {
                eprintln!("warning: camera {}: {e}", camera.name());
            }
            next = (next + period).max(wire.now());
            std::thread::sleep(next.since(wire.now()));
        }
    });
    thread.map_err(NodeError::Thread)
}

/// What was asked, and what became of it.
type Reply = (Received, Result<u64, Rejection>);

/// The robot's own thread on the wire.
struct Saying {
    wire: Wire,
    gate: Gate,
    sessions: Arc<Mutex<Sessions>>,
    commands: Questions,
    replies: SyncSender<Reply>,
    refused: Refused,
    /// How many stops were asked for over the wire.
    stopped: Arc<AtomicU64>,
    alive: bridge::wire::Heard<Lease>,
    status: Publisher<Status>,
    joints: Publisher<JointState>,
    reports: Teller<ros::Report>,
    names: Vec<String>,
    period: Duration,
    said: u64,
    reported: u64,
    /// Since when presses count as another one, and how many there were before.
    presses: (Time, usize),
    /// When it says its status next; reports that found nobody.
    next: Time,
    lost: u64,
    /// The node ends: it takes no commands any more, and what the loop reports is for itself, too.
    is_ending: bool,
    heard: Vec<Report>,
    /// How robot and loop do, once a second.
    health: Publisher<DiagnosticArray>,
    seconds: u64,
}

/// The robot as a status among its health's.
fn robot_health(status: &control::Status) -> DiagnosticStatus {
    let level = match status.mode {
        Mode::Fault { .. } => 2,
        Mode::Stopping(_) => 1,
        _ => 0,
    };
    let slow = status.slow.map_or(String::new(), |why| format!(", slow: {why}"));
    let message = format!("{:?}: {:?}{slow}", status.mode, status.cause);
    let values = [
        ("speed_factor", format!("{:.3}", status.speed_factor)),
        ("payload_kg", format!("{:.3}", status.payload.mass_kg)),
    ];
    let values = values.map(|(key, value)| KeyValue { key: key.into(), value }).to_vec();
    let (name, hardware_id) = ("robot".to_owned(), Role::Robot.word().to_owned());
    DiagnosticStatus { level, name, message, hardware_id, values }
}

impl Saying {
    fn new(
        config: &Config,
        arm: &Arc<Arm>,
        wire: &Wire,
        (sessions, tape, refused, stopped): (Arc<Mutex<Sessions>>, Tape, Refused, Arc<AtomicU64>),
    ) -> Result<Self, NodeError> {
        let commands = [
            &topics::CLAIM,
            &topics::RELEASE,
            &topics::ORDER,
            &topics::WORLD,
            &topics::SLOW,
            &topics::ACTIVATE,
            &topics::DISARM,
            &topics::RESET,
        ];
        let all = commands.map(|t| (t, ""));
        let names = arm.arm_joint_idx().iter().map(|j| arm.model().joints[*j].name.clone()).collect();
        Ok(Self {
            gate: Gate::new(arm.clone(), sessions.clone(), config.joy.steers, tape),
            sessions,
            commands: wire.answer(&all)?,
            replies: replies(wire)?,
            refused,
            stopped,
            alive: wire.hear(&topics::ALIVE, "", ALIVE)?,
            status: wire.publisher(&topics::STATUS, "")?,
            joints: wire.publisher(&topics::JOINT_STATES, "")?,
            reports: Teller::new(wire.publisher(&topics::REPORT, "")?)?,
            wire: wire.clone(),
            names,
            period: Duration::from_secs_f64(1.0 / config.zenoh.status_hz),
            said: 0,
            reported: 0,
            presses: (Time::ZERO, 0),
            next: Time::ZERO,
            lost: 0,
            is_ending: false,
            heard: Vec::new(),
            health: wire.publisher(&topics::LOOP, "")?,
            seconds: 0,
        })
    }

    /// Says and hears until the person ends it, or the loop is over; an arm that would fall is `laid` down there then.
    fn run(
        mut self,
        pipeline: &mut Pipeline,
        log: &mut Log,
        laid: Option<JointVector>,
    ) -> Result<(), NodeError> {
        self.gate.begun(pipeline.control(), self.wire.id());
        let ended = self.until_the_end(pipeline, log, laid);
        self.refused.tell(log, self.wire.now(), true);
        self.gate.noted(pipeline.control(), self.wire.now(), true);
        ended
    }

    fn until_the_end(
        &mut self,
        pipeline: &mut Pipeline,
        log: &mut Log,
        laid: Option<JointVector>,
    ) -> Result<(), NodeError> {
        let mut ended = Ok(());
        while crate::interrupt::count() == 0 && ended.is_ok() {
            ended = self.turn(pipeline, log);
        }
        self.is_ending = true;
        // Whatever ends it, an arm that would fall is laid down while its loop runs.
        let laid = laid.filter(|_| ended.is_ok() || pipeline.check().is_ok());
        let laid = laid.map_or(Ok(()), |there| self.lay_down(&there, pipeline, log));
        ended.and(laid)
    }

    /// Hears until a status is to be said, or for one command.
    fn turn(&mut self, pipeline: &mut Pipeline, log: &mut Log) -> Result<(), NodeError> {
        if self.reports.lost() > self.lost {
            self.lost = self.reports.lost();
            let lost = self.lost;
            log.warn("bridge", "report", format!("{lost} reports found nobody who hears them in time"));
        }
        let left = self.next.since(self.wire.now());
        if let Some(command) = self.commands.next_within(left) {
            let done = match self.is_ending {
                false => self.gate.take(pipeline.control(), self.wire.now(), &command),
                true => Err(Rejection::new("robot", "a node that goes on", "one that is ending")),
            };
            if let Err(why) = &done {
                self.refused.note(command.topic(), why);
            }
            // Who asked and finds no answer has given up by then.
            let _ = self.replies.try_send((command, done));
        }
        self.hear_who_lives(pipeline);
        self.refused.tell(log, self.wire.now(), false);
        self.tell_reports(pipeline, log);
        let now = self.wire.now();
        if now >= self.next {
            self.next = (self.next + self.period).max(now);
            pipeline.check()?;
            // Nobody draws it; but a full trace drops.
            pipeline.control().trace().for_each(drop);
            self.gate.noted(pipeline.control(), now, false);
            self.say(pipeline)?;
            self.tell_health(pipeline, log)?;
        }
        Ok(())
    }

    fn tell_health(&mut self, pipeline: &mut Pipeline, log: &Log) -> Result<(), NodeError> {
        let now = self.wire.now();
        let second = now.as_nanos() as u64 / 1_000_000_000;
        if second == self.seconds {
            return Ok(());
        }
        self.seconds = second;
        let mut status = vec![robot_health(&pipeline.status())];
        let ran = log.recording().and_then(crate::recording::Recording::take_second);
        status.extend(ran.into_iter().flat_map(|a| a.status).map(|mut s| {
            Role::Robot.word().clone_into(&mut s.hardware_id);
            s
        }));
        let header = Header { stamp: now.into(), frame_id: String::new() };
        Ok(self.health.put(&DiagnosticArray { header, status })?)
    }

    fn hear_who_lives(&mut self, pipeline: &mut Pipeline) {
        for _ in 0..ALIVE {
            let now = self.wire.now();
            let heard = {
                let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
                self.alive.take_signed(&mut sessions, now)
            };
            let Some((by, lease)) = heard else { return };
            if let Err(why) = self.gate.keep_alive(pipeline.control(), now, &by, &lease) {
                self.refused.note(topics::ALIVE.key, &why);
            }
        }
    }

    fn tell_reports(&mut self, pipeline: &mut Pipeline, log: &mut Log) {
        while let Some(report) = pipeline.poll() {
            self.gate.note(&report);
            if self.is_ending {
                self.heard.push(report);
            }
            log.set_now(self.wire.now());
            match report {
                Report::Fault { fault, latched } => {
                    let latched = if latched { ", latched until reset" } else { "" };
                    log.fault("control", fault, format!("{fault:?}{latched}"));
                }
                Report::Refused { .. } | Report::Stopped { .. } | Report::LoopDied => {
                    log.warn("control", "report", format!("{report:?}"));
                }
                _ => log.detail("control", "report", format!("{report:?}")),
            }
            self.reported += 1;
            let json = serde_json::to_string(&report).unwrap_or_default();
            self.reports.tell(ros::Report { number: self.reported, json });
        }
    }

    fn say(&mut self, pipeline: &mut Pipeline) -> Result<(), NodeError> {
        let status = pipeline.status();
        self.status.put(&convert::status_message(&status))?;
        if self.said.is_multiple_of(JOINTS_EVERY)
            && let Some(state) = &status.measured
        {
            self.joints.put(&JointState::new(state, &self.names))?;
        }
        self.said += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control::{LimitKind, Slow};

    #[test]
    fn who_asks_how_the_robot_does_is_told_that_it_goes_slowly_and_why() {
        let arm = crate::robots::load("panda").expect("built in");
        let now = control::new(arm, control::Config::default()).expect("valid").1.status();
        let follows = control::Status { mode: Mode::Follow, ..now };
        assert!(!robot_health(&follows).message.contains("slow"));
        let slow = Some(Slow::Limit(LimitKind::Separation));
        let said = robot_health(&control::Status { slow, ..follows });
        assert!(said.message.ends_with(", slow: something is in the way"), "{}", said.message);
        assert_eq!(said.level, 0, "it does what it is to do");
    }
}
