//! ROS 2 as a node: what the robot does and sees is said there, and whoever there has a path for its arm gives it here.
//!
//! It drives the robot as a planner does, over the wire, in a session and under a lease; the loop's own process knows
//! nothing of ROS 2. When this node or its line is gone in the middle of a path the arm stops by itself (F1).

mod saying;

use super::body::WiredBody;
use super::following::{Came, Follower};
use super::{Node, NodeError, PATIENCE, keyring, robot};
use crate::config::Config;
use crate::graph::{Body as _, BodyError};
use crate::log::Log;
use bridge::dds::{
    ActionServer, DdsError, Event, FollowJointTrajectory, Offer, Pursuit, Reach, Rmw, Ros, Settings,
};
use bridge::ros::{FollowJointTrajectoryResult, TriggerRequest, TriggerResponse, follow};
use bridge::wire::{Role, WireError};
use control::MonotonicClock;
use core::time::Duration;
use mechanics::Arm;
use saying::Saying;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use types::{Rejection, StopCategory};

/// Between two looks at the robot and at what is asked.
const SLICE: Duration = Duration::from_millis(10);
/// How long the robot may take to let this node in.
const LETS_IN: Duration = Duration::from_secs(2);
/// Before the robot is looked for again.
const AGAIN: Duration = Duration::from_millis(500);
/// Feedback is said every so many slices.
const FEEDBACK_EVERY: u64 = 5;

/// How the configuration has it.
///
/// # Errors
/// A [`Rejection`] naming the key.
fn settings(config: &Config) -> Result<Settings, Rejection> {
    let c = &config.ros2;
    let addresses = || -> Result<Vec<_>, Rejection> {
        let read = |a: &String| {
            let refuse = |_| Rejection::new("ros2.reach", "addresses, [\"*\"] or []", a.clone());
            a.parse().map_err(refuse)
        };
        c.reach.iter().map(read).collect()
    };
    let reach = match c.reach.as_slice() {
        [] => Reach::ThisMachine,
        [all] if all == "*" => Reach::Everywhere,
        _ => Reach::Networks(addresses()?),
    };
    Ok(Settings {
        domain: c.domain,
        node: c.node.clone(),
        namespace: c.namespace.clone(),
        rmw: Rmw::named(&c.rmw)?,
        reach,
    })
}

/// What refuses a setting of ROS 2 names it without its section.
fn of_ros2(e: DdsError) -> NodeError {
    match e {
        DdsError::Refused(r) => Rejection::new(format!("ros2.{}", r.field), r.expected, r.got).into(),
        other => NodeError::Ros2(other),
    }
}

/// What others ask of this node.
struct Asked {
    goals: Option<ActionServer<FollowJointTrajectory>>,
    stops: bridge::dds::Served<TriggerRequest, TriggerResponse>,
}

/// Runs until the person ends it.
///
/// # Errors
/// [`NodeError`] when it cannot begin.
pub(crate) fn run(config: &Config, arm: &Arc<Arm>, mut log: Log) -> Result<(), NodeError> {
    let settings = settings(config)?;
    let own = MonotonicClock::new();
    let node = Node::start(config, Role::Ros2, own, vec![robot::fingerprint(arm)], |_| ())?;
    let ros = Ros::open(&settings).map_err(of_ros2)?;
    let goals = match config.ros2.moves {
        false => None,
        true => {
            let name = format!("{}/follow_joint_trajectory", config.ros2.controller);
            Some(ros.follow_server(&name).map_err(of_ros2)?)
        }
    };
    let asked = Asked { goals, stops: ros.serve(&format!("{}/stop", settings.node)).map_err(of_ros2)? };
    let mut saying = Saying::start(config, arm, &ros, &node.wire)?;
    let mut follower = Follower::new(arm, &config.safety.keep_out_m);
    let moves = match asked.goals.is_some() {
        true => format!(
            "whose {}/follow_joint_trajectory moves {}",
            config.ros2.controller,
            follower.names().join(", ")
        ),
        false => "which moves nothing (ros2.moves)".to_owned(),
    };
    log.info("bridge", "ros2", format!("the robot is told to ROS 2, domain {}, {moves}", settings.domain));
    let mut missing = String::new();
    while crate::interrupt::count() == 0 {
        let signer = node.wire.session(Role::Robot, &keyring(config, Role::Ros2)?, LETS_IN);
        let cancelled = Arc::new(AtomicUsize::new(0));
        let body = signer.and_then(|signer| WiredBody::connect(&node.wire, own, arm, signer, cancelled));
        let why = match body {
            Ok(mut body) => {
                log.info("bridge", "robot", "the robot is there");
                missing.clear();
                match serve(&mut body, &asked, &mut follower, &mut saying, &mut log) {
                    Ok(()) => return Ok(()),
                    Err(e) => e.to_string(),
                }
            }
            // Another robot than this node reckons with does not become the right one.
            Err(WireError::Refused(why)) if why.field == "robot.profile" => return Err(why.into()),
            Err(e) => e.to_string(),
        };
        if why != missing {
            log.warn("bridge", "robot", format!("the robot is not there: {why}"));
            missing = why;
        }
        refuse_all(&asked);
        std::thread::sleep(AGAIN);
    }
    Ok(())
}

/// Without a robot nothing is followed.
fn refuse_all(asked: &Asked) {
    while let Some(event) = asked.goals.as_ref().and_then(|goals| goals.next_within(Duration::ZERO)) {
        // What is let go is refused.
        drop(event);
    }
    while let Some(stop) = asked.stops.next_within(Duration::ZERO) {
        let _ = stop.answer(&TriggerResponse { success: false, message: "the robot is not there".into() });
    }
}

/// Says what the robot does and follows what is asked, as long as the robot is there and the person does not end it.
fn serve(
    body: &mut WiredBody,
    asked: &Asked,
    follower: &mut Follower,
    saying: &mut Saying,
    log: &mut Log,
) -> Result<(), BodyError> {
    let mut pursued: Option<Pursuit<FollowJointTrajectory>> = None;
    let mut slices = 0_u64;
    while crate::interrupt::count() == 0 {
        body.advance(SLICE)?;
        log.set_now(body.now());
        saying.say(&body.status(), body.now());
        while let Some(stop) = asked.stops.next_within(Duration::ZERO) {
            body.reins().stop(StopCategory::One);
            log.warn("bridge", "stop", "somebody in ROS 2 has stopped the robot");
            let _ = stop.answer(&TriggerResponse { success: true, message: "stopped (category 1)".into() });
        }
        while let Some(event) = asked.goals.as_ref().and_then(|goals| goals.next_within(Duration::ZERO)) {
            match event {
                Event::Goal(offer) => take(offer, body, follower, &mut pursued, log),
                Event::Cancel(cancel) => {
                    if let Err(e) = cancel.accept() {
                        log.warn("bridge", "ros2", format!("who cancels was not told: {e}"));
                    }
                }
            }
        }
        if pursued.as_ref().is_some_and(Pursuit::is_canceling)
            && let Some(goal) = pursued.take()
        {
            follower.cancel(body);
            log.info("bridge", "goal", "given up, as was asked");
            tell(log, goal.cancel(&FollowJointTrajectoryResult::default()));
        }
        slices += 1;
        match follower.step(body)? {
            Some(Came::Goes(feedback)) if slices.is_multiple_of(FEEDBACK_EVERY) => {
                // Who does not read it misses it.
                let _ = pursued.as_ref().map(|goal| goal.feedback(&feedback));
            }
            Some(Came::Ends(result)) => {
                if let Some(goal) = pursued.take() {
                    let is_well = result.error_code == follow::SUCCESSFUL;
                    let said = if is_well { "followed to its end" } else { &result.error_string };
                    log.info("bridge", "goal", said.to_owned());
                    tell(log, if is_well { goal.succeed(&result) } else { goal.abort(&result) });
                }
            }
            _ => {}
        }
    }
    follower.cancel(body);
    std::thread::sleep(PATIENCE);
    Ok(())
}

fn tell(log: &mut Log, said: Result<(), DdsError>) {
    if let Err(e) = said {
        log.warn("bridge", "ros2", format!("not everybody was told how the goal ended: {e}"));
    }
}

/// Takes a goal that can be followed, and begins.
fn take(
    offer: Offer<FollowJointTrajectory>,
    body: &mut WiredBody,
    follower: &mut Follower,
    pursued: &mut Option<Pursuit<FollowJointTrajectory>>,
    log: &mut Log,
) {
    if let Err(why) = follower.check(offer.goal(), &body.status()) {
        log.warn("bridge", "goal", format!("refused: {}", why.error_string));
        let _ = offer.refuse();
        return;
    }
    let goal = match offer.accept(saying::wall()) {
        Ok(goal) => goal,
        Err(e) => return log.warn("bridge", "goal", format!("who gave it was not told that it counts: {e}")),
    };
    let points = goal.goal().trajectory.points.len();
    match follower.begin(body, goal.goal()) {
        Ok(()) => {
            log.info("bridge", "goal", format!("a path of {points} points"));
            *pursued = Some(goal);
        }
        Err(why) => {
            log.warn("bridge", "goal", format!("it cannot be followed: {}", why.error_string));
            tell(log, goal.abort(&why));
        }
    }
}
