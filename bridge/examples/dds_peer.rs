//! Sinew's side of `scripts/strangers_dds.py`, which holds it against Cyclone DDS: `dds_peer DOMAIN RMW PART [SECONDS]`.
//! Says what it saw as a line of JSON; what it hears is checked value by value.

use bridge::asking::{Event, Outcome, RosError};
use bridge::dds::{Care, Heard, Publisher, Rmw, Ros, Settings};
use bridge::ros::{
    FollowJointTrajectoryFeedback, FollowJointTrajectoryGoal, FollowJointTrajectoryResult, Header, Image,
    JointState, JointTrajectory, JointTrajectoryPoint, Message, Text, Time, TriggerRequest, TriggerResponse,
};
use serde_json::json;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const JOINTS: usize = 7;
const PICTURE: [u32; 2] = [640, 480];
/// Until the other side is there.
const SOON: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_secs(5);
const ACTION: &str = "/arm/follow_joint_trajectory";

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_nanos() as u64)
}

/// A number in a stamp's seconds, and the time it was said in the frame's name.
fn header(k: u32) -> Header {
    Header { stamp: Time { sec: k as i32, nanosec: k }, frame_id: now_ns().to_string() }
}

fn joint_state(k: u32) -> JointState {
    let values = |scale: f64| (0..JOINTS).map(|j| f64::from(k) * scale + j as f64 / 8.0).collect();
    let name = (0..JOINTS).map(|j| format!("joint{j}")).collect();
    JointState { header: header(k), name, position: values(1.0), velocity: values(-0.5), effort: Vec::new() }
}

fn image(k: u32) -> Image {
    let [width, height] = PICTURE;
    let data = (0..3 * width * height).map(|i| (i + k) as u8).collect();
    let encoding = "rgb8".to_owned();
    Image { header: header(k), height, width, encoding, is_bigendian: 0, step: 3 * width, data }
}

/// Counts what is heard of one kind of message.
struct Check<M> {
    heard: Heard<M>,
    make: fn(u32) -> M,
    good: u32,
    bad: u32,
    last: Option<u32>,
    ages_ms: Vec<f64>,
}

impl<M: Message + PartialEq + Send + 'static> Check<M> {
    fn of(heard: Heard<M>, make: fn(u32) -> M) -> Self {
        Self { heard, make, good: 0, bad: 0, last: None, ages_ms: Vec::new() }
    }

    /// Takes what is there; `header` finds its header.
    fn take(&mut self, header: fn(&mut M) -> &mut Header) {
        while let Some(mut message) = self.heard.take() {
            let k = header(&mut message).stamp.nanosec;
            let mut expected = (self.make)(k);
            let said = header(&mut message).frame_id.clone();
            header(&mut expected).frame_id = said.clone();
            let age = now_ns().saturating_sub(said.parse().unwrap_or(0));
            self.ages_ms.push(age as f64 / 1e6);
            if message == expected && self.last.is_none_or(|last| k > last) {
                self.good += 1;
            } else {
                self.bad += 1;
            }
            self.last = Some(k);
        }
    }

    fn report(&mut self) -> serde_json::Value {
        self.ages_ms.sort_by(f64::total_cmp);
        let age = |part: usize| self.ages_ms.get(self.ages_ms.len() * part / 100).copied();
        json!({ "good": self.good, "bad": self.bad, "last": self.last, "lost": self.heard.lost(),
            "refused": self.heard.refused(), "age_p50_ms": age(50), "age_p99_ms": age(99) })
    }
}

/// Puts so many a second, on time.
fn paced<M: Message>(to: &Publisher<M>, make: fn(u32) -> M, hertz: u32, seconds: u32) -> (u32, u32) {
    let begun = Instant::now();
    let (mut said, mut failed) = (0, 0);
    for k in 0..hertz * seconds {
        let due = Duration::from_secs(1) * k / hertz;
        sleep(due.saturating_sub(begun.elapsed()));
        match to.put(&make(k)) {
            Ok(()) => said += 1,
            Err(e) => {
                eprintln!("{k}: {e}");
                failed += 1;
            }
        }
    }
    (said, failed)
}

fn say(ros: &Ros, seconds: u32) -> Result<(), RosError> {
    let joints = ros.publisher("joint_states", Care::Reliable)?;
    let images = ros.publisher("camera/image", Care::Reliable)?;
    assert!(joints.wait_heard(SOON) && images.wait_heard(SOON), "nobody hears");
    let pictures = std::thread::spawn(move || {
        let said = paced(&images, image, 30, seconds);
        sleep(Duration::from_secs(2));
        said
    });
    let (said, failed) = paced(&joints, joint_state, 100, seconds);
    let (pictures, failed_pictures) = pictures.join().expect("the pictures");
    let failed = failed + failed_pictures;
    println!("{}", json!({ "joint_states": said, "images": pictures, "failed": failed }));
    Ok(())
}

fn hear(ros: &Ros, seconds: u32) -> Result<(), RosError> {
    let mut joints = Check::of(ros.hear("joint_states", Care::Reliable, 100)?, joint_state);
    let mut images = Check::of(ros.hear("camera/image", Care::Reliable, 10)?, image);
    assert!(joints.heard.wait_said(SOON) && images.heard.wait_said(SOON), "nobody says anything");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(u64::from(seconds) + 4) {
        joints.take(|m: &mut JointState| &mut m.header);
        images.take(|m: &mut Image| &mut m.header);
        sleep(Duration::from_millis(2));
    }
    println!("{}", json!({ "joint_states": joints.report(), "images": images.report() }));
    Ok(())
}

fn goal(name: &str) -> FollowJointTrajectoryGoal {
    let point = |sec: i32| JointTrajectoryPoint {
        positions: vec![0.25 * f64::from(sec); JOINTS],
        time_from_start: bridge::ros::Duration { sec, nanosec: 500_000_000 },
        ..JointTrajectoryPoint::default()
    };
    let joint_names = (0..JOINTS).map(|j| format!("{name}{j}")).collect();
    let trajectory =
        JointTrajectory { joint_names, points: vec![point(0), point(1)], ..JointTrajectory::default() };
    FollowJointTrajectoryGoal { trajectory, ..FollowJointTrajectoryGoal::default() }
}

fn result(error_code: i32, error_string: &str) -> FollowJointTrajectoryResult {
    FollowJointTrajectoryResult { error_code, error_string: error_string.to_owned() }
}

fn feedback(k: u32) -> FollowJointTrajectoryFeedback {
    let actual = JointTrajectoryPoint { positions: vec![f64::from(k); JOINTS], ..Default::default() };
    FollowJointTrajectoryFeedback { header: header(k), actual, ..FollowJointTrajectoryFeedback::default() }
}

/// Answers one question, and pursues three goals: one to its end, one that is refused, one until it is cancelled.
fn serve(ros: &Ros) -> Result<(), RosError> {
    let triggers = ros.serve::<TriggerRequest, TriggerResponse>("/arm/trigger")?;
    let goals = ros.follow_server(ACTION)?;
    let asked = triggers.next_within(SOON).expect("a question");
    asked.answer(&TriggerResponse { success: true, message: "by Sinew".to_owned() })?;
    let (mut done, mut refused, mut cancelled, mut going) = (0, 0, 0, None);
    while (done, refused, cancelled) != (1, 1, 1) {
        match goals.next_within(SOON).expect("an event") {
            Event::Goal(offer) if *offer.goal() == goal("joint") => {
                let pursued = offer.accept(types::Time::from_nanos(now_ns() as i64))?;
                for k in 0..5 {
                    pursued.feedback(&feedback(k))?;
                    sleep(Duration::from_millis(20));
                }
                pursued.succeed(&result(0, "followed"))?;
                done += 1;
            }
            Event::Goal(offer) if *offer.goal() == goal("other") => {
                offer.refuse()?;
                refused += 1;
            }
            Event::Goal(offer) => {
                assert_eq!(*offer.goal(), goal("long"), "the goal");
                going = Some(offer.accept(types::Time::from_nanos(now_ns() as i64))?);
            }
            Event::Cancel(asked) => {
                let pursued = going.take().expect("a goal to cancel");
                assert_eq!(asked.goals(), [pursued.id()], "the goals to cancel");
                asked.accept()?;
                pursued.cancel(&result(0, "given up"))?;
                cancelled += 1;
            }
        }
    }
    // What was said last has to arrive.
    sleep(Duration::from_secs(2));
    println!(
        "{}",
        json!({ "done": done, "refused": refused, "cancelled": cancelled,
        "unreadable": goals.refused() + triggers.refused() })
    );
    Ok(())
}

/// Asks a service of the other side's, many times; how long each takes is in milliseconds, sorted.
fn trigger(ros: &Ros) -> Result<Vec<f64>, RosError> {
    let asker = ros.asker::<TriggerRequest, TriggerResponse>("/arm/trigger")?;
    let answer = asker.ask(&TriggerRequest::default(), SOON)?;
    assert_eq!(answer, TriggerResponse { success: true, message: "by another".to_owned() });
    let mut rounds: Vec<f64> = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        asker.ask(&TriggerRequest::default(), SHORT)?;
        rounds.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    rounds.sort_by(f64::total_cmp);
    Ok(rounds)
}

/// Asks, and gives goals to the other side.
fn ask(ros: &Ros) -> Result<(), RosError> {
    let client = ros.follow_client(ACTION)?;
    let rounds = trigger(ros)?;
    let pursued = client.give(&goal("joint"), SOON)?.expect("accepted");
    let mut heard = 0;
    while let Some(said) = pursued.feedback_within(Duration::from_secs(1)) {
        assert_eq!(said.actual.positions, [f64::from(said.header.stamp.nanosec); JOINTS], "the feedback");
        heard += 1;
    }
    let ended = pursued.result_within(SHORT)?;
    assert_eq!((ended.outcome, ended.result), (Outcome::Succeeded, result(0, "followed")), "the first goal");
    assert!(pursued.refused() == 0 && pursued.lost() == 0, "all feedback can be read");

    assert!(client.give(&goal("other"), SHORT)?.is_none(), "the other goal was accepted");

    let pursued = client.give(&goal("long"), SHORT)?.expect("accepted");
    let early = pursued.result_within(Duration::from_millis(300));
    assert!(matches!(early, Err(RosError::Silent { .. })), "a result too early: {early:?}");
    pursued.cancel(SHORT)?;
    let ended = pursued.result_within(SHORT)?;
    assert_eq!((ended.outcome, ended.result), (Outcome::Canceled, result(0, "given up")), "the long goal");
    println!("{}", json!({ "feedback": heard, "round_p50_ms": rounds[50], "round_p99_ms": rounds[99] }));
    Ok(())
}

/// Meets a topic on which the other side says and hears another type, beside one on which it hears the same.
fn differ(ros: &Ros) -> Result<(), RosError> {
    let heard = ros.hear::<JointState>("differs", Care::Reliable, 10)?;
    let said = ros.publisher::<JointState>("differs_too", Care::Reliable)?;
    let same = ros.hear::<Text>("agrees", Care::Reliable, 10)?;
    assert!(same.wait_said(SOON), "nobody says anything");
    assert_eq!(same.take_within(SHORT), Some(Text { data: "the same".to_owned() }));
    let mut said_at_all = 0;
    for k in 0..100 {
        // Whoever hears another type never says that it has arrived.
        said_at_all += u32::from(said.put(&joint_state(k)).is_ok());
        sleep(Duration::from_millis(10));
    }
    let took = heard.take_within(Duration::from_secs(1));
    let report = json!({ "took": took.is_some(), "said_by": heard.said_by(), "heard_by": said.heard_by(),
        "said": said_at_all, "refused": heard.refused() });
    println!("{report}");
    Ok(())
}

fn main() -> Result<(), RosError> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [domain, rmw, part, rest @ ..] = &words[..] else { panic!("DOMAIN RMW PART [SECONDS]") };
    let domain = domain.parse().expect("a domain");
    let settings = Settings { domain, rmw: Rmw::named(rmw)?, ..Settings::of("sinew") };
    let ros = Ros::open(&settings)?;
    let seconds = rest.first().map_or(5, |s| s.parse().expect("seconds"));
    match part.as_str() {
        "say" => say(&ros, seconds),
        "hear" => hear(&ros, seconds),
        "serve" => serve(&ros),
        "trigger" => trigger(&ros).map(|rounds| println!("{}", json!({ "round_p50_ms": rounds[50] }))),
        "ask" => ask(&ros),
        "differ" => differ(&ros),
        other => panic!("{other}: say, hear, serve, trigger, ask or differ"),
    }
}
