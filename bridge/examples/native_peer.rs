//! A node of ROS 2's own libraries for `dds_peer` or anybody else's tools to meet: `native_peer serve|ask|say|hear`, where
//! a ROS 2 is sourced. `serve` answers `/arm/trigger`, pursues goals of `/arm/follow_joint_trajectory`, and says joint states
//! as often as its parameter has it.

use bridge::asking::{Event, Outcome, RosError};
use bridge::native::{Care, Ros, Settings};
use bridge::ros::{Header, JointState, Time, TriggerRequest, TriggerResponse};
use std::thread::sleep;
use std::time::Duration;

const JOINTS: usize = 7;
/// Until the other side is there.
const SOON: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_secs(5);
const ACTION: &str = "/arm/follow_joint_trajectory";

/// What stands in messages where no simulation says a time.
fn now(ros: &Ros) -> types::Time {
    ros.simulated_time().unwrap_or(types::Time::ZERO)
}

/// As `dds_peer` says and expects them: a number in every field.
fn joint_state(k: u32) -> JointState {
    let values = |scale: f64| (0..JOINTS).map(|j| f64::from(k) * scale + j as f64 / 8.0).collect();
    let name = (0..JOINTS).map(|j| format!("joint{j}")).collect();
    let header = Header { stamp: Time { sec: k as i32, nanosec: k }, frame_id: String::new() };
    JointState { header, name, position: values(1.0), velocity: values(-0.5), effort: Vec::new() }
}

/// Without a sourced ROS 2 there is no such action: another stands for it, and nothing of it runs.
#[cfg(not(feature = "ros2-unsourced"))]
mod path {
    use bridge::ros::{
        FollowJointTrajectoryFeedback, FollowJointTrajectoryGoal, FollowJointTrajectoryResult, Header,
        JointTrajectory, JointTrajectoryPoint, Time,
    };

    pub(crate) use bridge::asking::FollowJointTrajectory as Follow;

    pub(crate) fn goal(name: &str) -> FollowJointTrajectoryGoal {
        let point = |sec: i32| JointTrajectoryPoint {
            positions: vec![0.25 * f64::from(sec); super::JOINTS],
            time_from_start: bridge::ros::Duration { sec, nanosec: 500_000_000 },
            ..JointTrajectoryPoint::default()
        };
        let joint_names = (0..super::JOINTS).map(|j| format!("{name}{j}")).collect();
        let trajectory =
            JointTrajectory { joint_names, points: vec![point(0), point(1)], ..JointTrajectory::default() };
        FollowJointTrajectoryGoal { trajectory, ..FollowJointTrajectoryGoal::default() }
    }

    pub(crate) fn result(error_string: &str) -> FollowJointTrajectoryResult {
        FollowJointTrajectoryResult { error_code: 0, error_string: error_string.to_owned() }
    }

    pub(crate) fn feedback(k: u32) -> FollowJointTrajectoryFeedback {
        let actual =
            JointTrajectoryPoint { positions: vec![f64::from(k); super::JOINTS], ..Default::default() };
        let header = Header { stamp: Time { sec: k as i32, nanosec: k }, frame_id: String::new() };
        FollowJointTrajectoryFeedback { header, actual, ..FollowJointTrajectoryFeedback::default() }
    }
}

#[cfg(feature = "ros2-unsourced")]
mod path {
    use bridge::ros::Text;

    pub(crate) use bridge::native::Fibonacci as Follow;

    pub(crate) fn goal(name: &str) -> Text {
        Text { data: name.to_owned() }
    }

    pub(crate) fn result(text: &str) -> Text {
        Text { data: text.to_owned() }
    }

    pub(crate) fn feedback(k: u32) -> Text {
        Text { data: k.to_string() }
    }
}

use path::{Follow, feedback, goal, result};

/// Answers as often as it is asked, and pursues three goals: one to its end, one that is refused, one until it is given up.
fn serve(ros: &Ros) -> Result<(), RosError> {
    let triggers = ros.serve::<TriggerRequest, TriggerResponse>("/arm/trigger")?;
    let goals = ros.action_server::<Follow>(ACTION)?;
    let joints = ros.publisher::<JointState>("joint_states", Care::Reliable)?;
    let node = ros.clone();
    let saying = std::thread::spawn(move || {
        for k in 0.. {
            if joints.put(&joint_state(k)).is_err() || node.is_over() {
                return;
            }
            sleep(Duration::from_secs_f64(1.0 / node.joint_states_hz()));
        }
    });
    let answering = std::thread::spawn(move || {
        while let Some(asked) = triggers.next_within(SOON) {
            let answer = TriggerResponse { success: true, message: "by another".to_owned() };
            _ = asked.answer(&answer);
        }
    });
    let (mut done, mut refused, mut cancelled, mut going) = (0, 0, 0, None);
    while (done, refused, cancelled) != (1, 1, 1) {
        match goals.next_within(SOON).expect("an event") {
            Event::Goal(offer) if *offer.goal() == goal("joint") => {
                let pursued = offer.accept(now(ros))?;
                for k in 0..5 {
                    pursued.feedback(&feedback(k))?;
                    sleep(Duration::from_millis(20));
                }
                pursued.succeed(&result("followed"))?;
                done += 1;
            }
            Event::Goal(offer) if *offer.goal() == goal("other") => {
                offer.refuse()?;
                refused += 1;
            }
            Event::Goal(offer) => going = Some(offer.accept(now(ros))?),
            Event::Cancel(asked) => {
                let pursued = going.take().expect("a goal to give up");
                assert_eq!(asked.goals(), [pursued.id()], "the goals to give up");
                asked.accept()?;
                pursued.cancel(&result("given up"))?;
                cancelled += 1;
            }
        }
    }
    println!("{done} done, {refused} refused, {cancelled} given up, {} unreadable", goals.refused());
    answering.join().expect("no panic");
    drop(saying);
    Ok(())
}

/// Asks, and gives goals to the other side.
fn ask(ros: &Ros) -> Result<(), RosError> {
    let asker = ros.asker::<TriggerRequest, TriggerResponse>("/arm/trigger")?;
    let answer = asker.ask(&TriggerRequest::default(), SOON)?;
    println!("{}: {}", answer.success, answer.message);
    let client = ros.action_client::<Follow>(ACTION)?;
    let pursued = client.give(&goal("joint"), SOON)?.expect("accepted");
    let mut heard = 0;
    while pursued.feedback_within(Duration::from_secs(1)).is_some() {
        heard += 1;
    }
    let ended = pursued.result_within(SHORT)?;
    assert_eq!((ended.outcome, ended.result), (Outcome::Succeeded, result("followed")), "the first goal");
    assert!(client.give(&goal("other"), SHORT)?.is_none(), "the other goal was accepted");
    let pursued = client.give(&goal("long"), SHORT)?.expect("accepted");
    pursued.cancel(SHORT)?;
    let ended = pursued.result_within(SHORT)?;
    assert_eq!((ended.outcome, ended.result), (Outcome::Canceled, result("given up")), "the long goal");
    println!("{heard} feedbacks; followed, refused, given up");
    Ok(())
}

fn say(ros: &Ros) -> Result<(), RosError> {
    let joints = ros.publisher::<JointState>("joint_states", Care::Reliable)?;
    assert!(joints.wait_heard(SOON), "nobody hears");
    for k in 0..500 {
        joints.put(&joint_state(k))?;
        sleep(Duration::from_secs_f64(1.0 / ros.joint_states_hz()));
    }
    println!("500 said, {} hear them", joints.heard_by());
    sleep(Duration::from_secs(1));
    Ok(())
}

fn hear(ros: &Ros) -> Result<(), RosError> {
    let heard = ros.hear::<JointState>("joint_states", Care::Reliable, 100)?;
    assert!(heard.wait_said(SOON), "nobody says anything");
    let (mut good, mut bad) = (0, 0);
    while let Some(mut state) = heard.take_within(SHORT) {
        state.header.frame_id.clear();
        let is_good = state == joint_state(state.header.stamp.nanosec);
        (good, bad) = (good + u32::from(is_good), bad + u32::from(!is_good));
    }
    println!("{good} good, {bad} bad, {} lost, {} refused", heard.lost(), heard.refused());
    Ok(())
}

fn main() -> Result<(), RosError> {
    let part = std::env::args().nth(1).unwrap_or_default();
    let ros = Ros::open(&Settings::of("sinew_native"))?;
    match part.as_str() {
        "serve" => serve(&ros),
        "ask" => ask(&ros),
        "say" => say(&ros),
        "hear" => hear(&ros),
        other => panic!("{other:?}: serve, ask, say or hear"),
    }
}
