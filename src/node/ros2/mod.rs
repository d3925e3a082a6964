//! ROS 2 as a node: what the robot does and sees is said there, and whoever there has a path for its arm gives it here.
//!
//! It drives the robot as a planner does, over the wire, in a session and under a lease; the loop's own process knows
//! nothing of ROS 2. When this node or its line is gone in the middle of a path the arm stops by itself (F1).

mod answering;
mod carrier;
mod saying;

use super::body::WiredBody;
use super::following::{Came, Follower, failed};
use super::{Node, NodeError, keyring, robot};
use crate::config::Config;
use crate::graph::{Body as _, BodyError};
use crate::log::Log;
use answering::Answering;
use bridge::asking::{Event, FollowJointTrajectory, GoalId, Offer, RosError};
use bridge::ros::follow;
use bridge::wire::{Role, WireError};
use carrier::{Carrier, Goals};
use control::MonotonicClock;
use core::time::Duration;
use mechanics::Arm;
use saying::Saying;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use types::Rejection;

/// Between two looks at the robot and at what is asked.
const SLICE: Duration = Duration::from_millis(10);
/// How long the robot may take to let this node in.
const LETS_IN: Duration = Duration::from_secs(2);
/// Before the robot is looked for again.
const AGAIN: Duration = Duration::from_millis(500);
/// Feedback is said every so many slices.
const FEEDBACK_EVERY: u64 = 5;

/// What refuses a setting of ROS 2 names it without its section.
fn of_ros2(e: RosError) -> NodeError {
    match e {
        RosError::Refused(r) => Rejection::new(format!("ros2.{}", r.field), r.expected, r.got).into(),
        other => NodeError::Ros2(other),
    }
}

/// This node's side of ROS 2.
struct Side {
    goals: Option<Goals>,
    answering: Answering,
    saying: Saying,
    ros: Carrier,
    /// How often joints are told, as the configuration has it, Hz.
    rate_hz: f64,
}

/// Runs until the person ends it.
///
/// # Errors
/// [`NodeError`] when it cannot begin.
pub(crate) fn run(config: &Config, arm: &Arc<Arm>, mut log: Log) -> Result<(), NodeError> {
    let own = MonotonicClock::new();
    let node = Node::start(config, Role::Ros2, own, vec![robot::fingerprint(arm)], |_| ())?;
    let ros = Carrier::open(config)?;
    let rate_hz = config.ros2.joint_states_hz;
    let goals = if config.ros2.moves { ros.goals(&config.ros2.controller)? } else { None };
    let moves = match goals {
        Some(_) => format!("whose {}/follow_joint_trajectory moves its arm", config.ros2.controller),
        None => "which moves nothing (ros2.moves)".to_owned(),
    };
    let ends = Arc::new(AtomicBool::new(false));
    let asked = ros.stops(&format!("{}/stop", config.ros2.node))?;
    let stops = asked.map(|asked| answering::stops(config, asked, &node.wire, &ends)).transpose()?;
    let saying = Saying::start(arm, &ros, &node.wire)?;
    let mut side = Side { goals, answering: Answering::start()?, saying, ros, rate_hz };
    log.info("bridge", "ros2", format!("the robot is told to ROS 2, domain {}, {moves}", config.ros2.domain));
    let mut missing = String::new();
    let ended = loop {
        if crate::interrupt::count() > 0 {
            break Ok(());
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
                let mut follower = Follower::new(arm, &config.safety.keep_out_m);
                let served = side.serve(&mut body, &mut follower, &mut log);
                if follower.is_busy() {
                    follower.cancel(&mut body);
                    let why = served.as_ref().map_or_else(ToString::to_string, |()| "this node ends".into());
                    side.answering.ends(failed(follow::INVALID_GOAL, why));
                }
                match served {
                    Ok(()) => break Ok(()),
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
    let _ = stops.map(std::thread::JoinHandle::join);
    ended
}

impl Side {
    fn next(&self) -> Option<Event<FollowJointTrajectory>> {
        self.goals.as_ref().and_then(|goals| goals.next_within(Duration::ZERO))
    }

    fn refuse_all(&self) {
        while let Some(event) = self.next() {
            match event {
                Event::Goal(offer) => self.answering.refuses(offer),
                Event::Cancel(asked) => self.answering.accepts(asked),
            }
        }
    }

    /// Says what the robot does and follows what is asked, as long as the robot is there and the person does not end it.
    fn serve(
        &mut self,
        body: &mut WiredBody,
        follower: &mut Follower,
        log: &mut Log,
    ) -> Result<(), BodyError> {
        self.saying.connected(body.cameras().iter().map(|c| c.name().to_owned()).collect());
        let mut pursued: Option<GoalId> = None;
        let mut slices = 0_u64;
        while crate::interrupt::count() == 0 {
            body.advance(SLICE)?;
            log.set_now(body.now());
            if self.ros.is_over() {
                return Err(BodyError::Line("what carries it into ROS 2 has ended".into()));
            }
            let rate_hz = self.ros.joint_states_hz().unwrap_or(self.rate_hz);
            self.saying.say(&body.status(), rate_hz, (body.now(), self.ros.now()));
            // One at a time: between two the arm's owner gives a sign of life.
            match self.next() {
                Some(Event::Goal(offer)) => pursued = self.take(offer, body, follower, log).or(pursued),
                Some(Event::Cancel(asked)) if pursued.is_some_and(|id| asked.goals().contains(&id)) => {
                    follower.cancel(body);
                    pursued = None;
                    log.info("bridge", "goal", "given up, as was asked");
                    self.answering.cancelled(asked);
                }
                Some(Event::Cancel(asked)) => self.answering.accepts(asked),
                None => {}
            }
            slices += 1;
            match follower.step(body)? {
                Some(Came::Goes(feedback)) if slices.is_multiple_of(FEEDBACK_EVERY) => {
                    self.answering.goes(feedback);
                }
                Some(Came::Ends(result)) => {
                    pursued = None;
                    let is_well = result.error_code == follow::SUCCESSFUL;
                    let said = if is_well { "followed to its end" } else { &result.error_string };
                    log.info("bridge", "goal", said.to_owned());
                    self.answering.ends(result);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes a goal that can be followed, and begins.
    fn take(
        &self,
        offer: Offer<FollowJointTrajectory>,
        body: &mut WiredBody,
        follower: &mut Follower,
        log: &mut Log,
    ) -> Option<GoalId> {
        if let Err(why) = follower.check(offer.goal(), &body.status()) {
            log.warn("bridge", "goal", format!("refused: {}", why.error_string));
            self.answering.refuses(offer);
            return None;
        }
        // Nothing is under way, so nobody waits for a sign of life.
        let goal = match offer.accept(self.ros.now()) {
            Ok(goal) => goal,
            Err(e) => {
                log.warn("bridge", "goal", format!("who gave it was not told that it counts: {e}"));
                return None;
            }
        };
        let (id, points) = (goal.id(), goal.goal().trajectory.points.len());
        let begun = follower.begin(body, goal.goal());
        self.answering.begins(goal);
        match begun {
            Ok(()) => {
                log.info("bridge", "goal", format!("a path of {points} points"));
                Some(id)
            }
            Err(why) => {
                log.warn("bridge", "goal", format!("it cannot be followed: {}", why.error_string));
                self.answering.ends(why);
                None
            }
        }
    }
}
