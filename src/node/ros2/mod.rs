//! ROS 2 as a node: what the robot does and sees is said there, and whoever there has a path for its arm gives it here.
//!
//! It drives the robot as a planner does, over the wire, in a session and under a lease; the loop's own process knows
//! nothing of ROS 2. When this node or its line is gone in the middle of a path the arm stops by itself (F1).

mod answering;
mod carrier;
mod listening;
mod pursuing;
mod saying;

use super::body::WiredBody;
use super::following::Follower;
use super::gripping::Gripping;
use super::refused::Refused;
use super::steering::{Came, Steering};
use super::sticks::Shared;
use super::{Node, NodeError, diagnostics, keyring, robot};
use crate::config::Config;
use crate::graph::{Body as _, BodyError};
use crate::log::Log;
use crate::recording::{Recording, Share, Tape};
use crate::session::{self, Setup};
use crate::suite::episode::Episode;
use bridge::asking::RosError;
use bridge::wire::{Role, Wire, WireError};
use carrier::Carrier;
use control::{MonotonicClock, Report};
use core::time::Duration;
use mechanics::Arm;
use pursuing::{Desk, Slice};
use saying::Saying;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use types::{Rejection, Time};

/// Between two looks at the robot and at what is asked.
const SLICE: Duration = Duration::from_millis(10);
/// How long the robot may take to let this node in.
const LETS_IN: Duration = Duration::from_secs(2);
/// Before the robot is looked for again.
const AGAIN: Duration = Duration::from_millis(500);
/// So often it is recorded how the arrows to this node do.
const TELLS: Duration = Duration::from_secs(1);
/// Messages of all sticks that wait, of which the oldest makes room, a stop too: the thread that hears them is quicker than
/// they come, and many of one must come at once to hide another's.
const STICKS: usize = 256;

/// What refuses a setting of ROS 2 names it without its section.
fn of_ros2(e: RosError) -> NodeError {
    match e {
        RosError::Refused(r) => Rejection::new(format!("ros2.{}", r.field), r.expected, r.got).into(),
        other => NodeError::Ros2(other),
    }
}

/// What refuses a name does not know which key it stands at.
fn of_key(key: &'static str, e: RosError) -> NodeError {
    match e {
        RosError::Refused(r) => Rejection::new(key, r.expected, r.got).into(),
        other => NodeError::Ros2(other),
    }
}

/// This node's side of ROS 2.
struct Side {
    paths: Option<Desk<Follower>>,
    grips: Option<Desk<Gripping>>,
    /// A person's stick, and what of it was none.
    stick: Option<(Shared, Refused)>,
    saying: Saying,
    ros: Carrier,
    /// How often joints are told, as the configuration has it, Hz.
    rate_hz: f64,
    record: Record,
}

/// What this node asks of the robot, what came of it, and how the arrows to it do, where that is recorded.
struct Record {
    wire: Wire,
    recording: Option<Arc<Recording>>,
    tape: Tape,
    told: Time,
}

impl Record {
    fn new(wire: Wire, recording: Option<Arc<Recording>>) -> Self {
        let tape = recording.clone().map_or_else(Tape::default, Tape::recording);
        let told = wire.now();
        Self { wire, recording, tape, told }
    }

    /// Once in every slice, at `now` by the robot's time.
    fn goes_on(&mut self, now: Time, is_end: bool) {
        let Some(recording) = &self.recording else { return };
        self.tape.set_now(now, is_end);
        if is_end || self.wire.now().since(self.told) >= TELLS {
            self.told = self.wire.now();
            recording.health(now, &diagnostics(&self.wire));
        }
    }
}

/// Who pursues goals, on the robot that is there.
struct Hands {
    follower: Follower,
    gripping: Gripping,
    steering: Option<Steering>,
}

/// Runs until the person ends it.
///
/// # Errors
/// [`NodeError`] when it cannot begin.
pub(crate) fn run(config: &Config, arm: &Arc<Arm>, episode: &Episode, mut log: Log) -> Result<(), NodeError> {
    let own = MonotonicClock::new();
    let counts = listening::Counts::default();
    let (counted, steers) = (counts.clone(), config.joy.steers);
    let health = move |_: &Wire| steers.then(|| counted.status(Role::Ros2.word())).into_iter().collect();
    let node = Node::start(config, Role::Ros2, own, vec![robot::fingerprint(arm)], health)?;
    let setup = Setup::of_node(Share::Ros2, config, arm, episode);
    let recording = session::recording(&setup, episode, Vec::new(), &log)?;
    if let Some(recording) = &recording {
        log = log.with_recording(recording.clone());
    }
    let ros = Carrier::open(config)?;
    let rate_hz = config.ros2.joint_states_hz;
    let c = &config.ros2;
    let (mut paths, mut grips) = (None, None);
    if c.moves {
        paths = ros.goals(&c.controller)?.map(Desk::new).transpose()?;
        let has_gripper = !c.gripper.is_empty() && !arm.profile().gripper.joints.is_empty();
        grips = if has_gripper { ros.grips(&c.gripper)?.map(Desk::new).transpose()? } else { None };
    }
    let moves = match (&paths, &grips) {
        (None, _) => "which moves nothing (ros2.moves)".to_owned(),
        (_, None) => format!("whose {}/follow_joint_trajectory moves its arm", c.controller),
        _ => format!(
            "whose {}/follow_joint_trajectory moves its arm, and {} its gripper",
            c.controller, c.gripper
        ),
    };
    let ends = Arc::new(AtomicBool::new(false));
    let asked = ros.stops(&format!("{}/stop", config.ros2.node))?;
    let stops = asked.map(|asked| answering::stops(config, asked, &node.wire, &ends)).transpose()?;
    let (mut stick, mut listening) = (None, Vec::new());
    if config.joy.steers
        && let Some(heard) = ros.hear("joy.topic", &config.joy.topic, STICKS)?
    {
        let (sticks, refused) = (Shared::new(&config.joy), Refused::default());
        let heard_by = (sticks.clone(), refused.clone(), counts);
        listening.extend(listening::listen(config, heard, &node.wire, heard_by, &ends)?);
        stick = Some((sticks, refused));
        log.info("bridge", "ros2", format!("a person steers by {}", config.joy.topic));
    }
    let saying = Saying::start(arm, &ros, &node.wire)?;
    let record = Record::new(node.wire.clone(), recording.clone());
    let mut side = Side { paths, grips, stick, saying, ros, rate_hz, record };
    log.info("bridge", "ros2", format!("the robot is told to ROS 2, domain {}, {moves}", config.ros2.domain));
    let mut missing = String::new();
    let ended = loop {
        if crate::interrupt::count() > 0 {
            break Ok(());
        }
        if side.ros.is_over() {
            break Err(NodeError::Ros2(RosError::Rcl("its thread has ended".into())));
        }
        let signer = node.wire.session(Role::Robot, &keyring(config, Role::Ros2)?, LETS_IN);
        let cancelled = Arc::new(AtomicUsize::new(0));
        let body = signer.and_then(|signer| WiredBody::connect(&node.wire, own, arm, signer, cancelled));
        // What waited meanwhile is too old, with a robot and without one.
        side.refuse_all();
        let why = match body {
            Ok(mut body) => {
                log.info("bridge", "robot", "the robot is there");
                missing.clear();
                // Nothing of another connection counts in this one.
                let grips = config.joy.open >= 0 || config.joy.close >= 0;
                let steering = side.stick.as_ref().map(|(stick, _)| Steering::new(arm, stick, grips));
                let mut hands =
                    Hands { follower: Follower::new(arm), gripping: Gripping::new(arm), steering };
                body.reins().note_on(side.record.tape.clone());
                let served = side.serve(&mut body, &mut hands, &mut log);
                let why = served.as_ref().map_or_else(ToString::to_string, |()| "this node ends".into());
                side.end_all(&mut body, &mut hands, &why);
                side.record.goes_on(body.now(), true);
                match served {
                    // Why it is over is told above.
                    Ok(()) => continue,
                    Err(e) => e.to_string(),
                }
            }
            // Another robot than this node reckons with does not become the right one.
            Err(WireError::Refused(why)) if why.field == "robot.profile" => break Err(why.into()),
            Err(e) => e.to_string(),
        };
        if why != missing {
            log.warn("bridge", "robot", format!("the robot is not there: {why}"));
            missing = why;
        }
        std::thread::sleep(AGAIN);
    };
    ends.store(true, Ordering::Release);
    let threads = stops.into_iter().chain(listening);
    threads.for_each(|thread| _ = thread.join());
    if let Some((_, refused)) = &side.stick {
        refused.tell_in(&mut log, node.wire.now(), true);
    }
    if let Some(recording) = recording {
        let summary = recording.finish();
        crate::report::left_out(&mut log, &summary);
    }
    ended
}

impl Side {
    fn refuse_all(&self) {
        self.paths.iter().for_each(Desk::refuse_all);
        self.grips.iter().for_each(Desk::refuse_all);
    }

    fn end_all(&mut self, body: &mut WiredBody, hands: &mut Hands, why: &str) {
        self.paths.iter_mut().for_each(|desk| desk.ends(&mut hands.follower, body, why));
        self.grips.iter_mut().for_each(|desk| desk.ends(&mut hands.gripping, body, why));
        hands.steering.iter_mut().for_each(|steering| steering.end(body));
    }

    /// Says what the robot does and pursues what is asked, as long as the robot is there and the person does not end it.
    fn serve(&mut self, body: &mut WiredBody, hands: &mut Hands, log: &mut Log) -> Result<(), BodyError> {
        self.saying.connected(body.cameras().iter().map(|c| c.name().to_owned()).collect());
        let mut slices = 0_u64;
        while crate::interrupt::count() == 0 {
            body.advance(SLICE)?;
            log.set_now(body.now());
            self.record.goes_on(body.now(), false);
            if self.ros.is_over() {
                return Ok(());
            }
            let (rate_hz, stamp) = (self.ros.joint_states_hz().unwrap_or(self.rate_hz), self.ros.now());
            self.saying.say(&body.status(), rate_hz, (body.now(), stamp));
            let reports: Vec<Report> = core::iter::from_fn(|| body.poll()).collect();
            slices += 1;
            // A person first: whatever else moves the arm hears of it with the next reports.
            self.steer(body, hands, &reports, log);
            let slice = |hands: &Hands| Slice {
                number: slices,
                reports: &reports,
                stamp,
                moves_arm: hands.follower.is_busy(),
                is_busy: hands.follower.is_busy()
                    || hands.gripping.is_busy()
                    || hands.steering.as_ref().is_some_and(Steering::is_busy),
            };
            if let Some(desk) = &mut self.paths {
                let slice = slice(hands);
                desk.serve(&mut hands.follower, body, &slice, log);
            }
            if let Some(desk) = &mut self.grips {
                let slice = slice(hands);
                desk.serve(&mut hands.gripping, body, &slice, log);
            }
        }
        Ok(())
    }

    /// What a person's stick wishes.
    fn steer(&self, body: &mut WiredBody, hands: &mut Hands, reports: &[Report], log: &mut Log) {
        let Some((_, refused)) = &self.stick else { return };
        refused.tell_in(log, self.record.wire.now(), false);
        // Telling may take its time.
        let now = self.record.wire.now();
        match hands.steering.as_mut().and_then(|steering| steering.step(body, now, reports)) {
            Some(Came::Begins) => log.info("bridge", "stick", "the arm is the stick's"),
            Some(Came::Ends(why)) => {
                log.info("bridge", "stick", format!("the arm is not the stick's: {why}"))
            }
            None => {}
        }
    }
}
