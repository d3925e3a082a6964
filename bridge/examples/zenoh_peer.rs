//! Sinew's side of `scripts/strangers_zenoh.py`, which holds it against programs of others on Zenoh:
//! `zenoh_peer ROUTER DIALECT PART [SECONDS]`. Says what it saw as a line of JSON; what it hears is checked value by value.

use bridge::ros::{Care, Header, Image, JointState, Message, Text, Time};
use bridge::ros_zenoh::{Dialect, Heard, Publisher, Ros, Settings};
use bridge::wire::WireError;
use serde_json::json;
use std::io::Read as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

const JOINTS: usize = 7;
const PICTURE: [u32; 2] = [640, 480];
/// Until the other side is there.
const SOON: Duration = Duration::from_secs(30);

/// A number in a stamp.
fn header(k: u32) -> Header {
    Header { stamp: Time { sec: k as i32, nanosec: k }, frame_id: "base".to_owned() }
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

fn description(k: u32) -> Text {
    Text { data: format!("<robot name=\"number{k}\"/>{}", " ".repeat(100_000)) }
}

/// Counts what is heard of one kind of message, each later than the last.
struct Check<M> {
    heard: Heard<M>,
    make: fn(u32) -> M,
    good: u32,
    bad: u32,
    last: Option<u32>,
}

impl<M: Message + PartialEq + Send + 'static> Check<M> {
    fn of(heard: Heard<M>, make: fn(u32) -> M) -> Self {
        Self { heard, make, good: 0, bad: 0, last: None }
    }

    fn take(&mut self, number: fn(&M) -> u32) {
        while let Some(message) = self.heard.take() {
            let k = number(&message);
            let is_good = message == (self.make)(k) && self.last.is_none_or(|last| k > last);
            if is_good {
                self.good += 1
            } else {
                self.bad += 1
            }
            self.last = Some(k);
        }
    }

    fn report(&self) -> serde_json::Value {
        json!({ "good": self.good, "bad": self.bad, "last": self.last, "lost": self.heard.lost(),
            "refused": self.heard.refused() })
    }
}

/// Puts so many a second, on time.
fn paced<M: Message>(to: &Publisher<M>, make: fn(u32) -> M, hertz: u32, seconds: u32) -> u32 {
    let begun = Instant::now();
    let due = |k: u32| Duration::from_secs(1) * k / hertz;
    let said = (0..hertz * seconds).filter(|k| {
        sleep(due(*k).saturating_sub(begun.elapsed()));
        to.put(&make(*k)).inspect_err(|e| eprintln!("{k}: {e}")).is_ok()
    });
    said.count() as u32
}

/// Says states and pictures, and before anybody hears it a description.
fn say(ros: &Ros, seconds: u32) -> Result<(), WireError> {
    let text = ros.publisher("robot_description", Care::Latched)?;
    (0..3).try_for_each(|k| text.put(&description(k)))?;
    let joints = ros.publisher("joint_states", Care::Reliable)?;
    let images = ros.publisher("camera/image", Care::Sensor)?;
    assert!(joints.wait_heard(SOON) && images.wait_heard(SOON), "nobody hears");
    let pictures = std::thread::spawn(move || paced(&images, image, 30, seconds));
    let said = paced(&joints, joint_state, 100, seconds);
    let pictures = pictures.join().expect("the pictures");
    assert!(text.wait_heard(SOON), "nobody hears the description");
    text.put(&description(3))?;
    // Until whoever hears it has had it.
    sleep(Duration::from_secs(2));
    println!("{}", json!({ "joint_states": said, "images": pictures }));
    Ok(())
}

fn hear(ros: &Ros, seconds: u32) -> Result<(), WireError> {
    let mut joints = Check::of(ros.hear("joint_states", Care::Reliable, 100)?, joint_state);
    let mut images = Check::of(ros.hear("camera/image", Care::Sensor, 10)?, image);
    assert!(joints.heard.wait_said(SOON) && images.heard.wait_said(SOON), "nobody says anything");
    let text = ros.hear::<Text>("robot_description", Care::Latched, 10)?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(u64::from(seconds) + 4) {
        joints.take(|m| m.header.stamp.nanosec);
        images.take(|m| m.header.stamp.nanosec);
        sleep(Duration::from_millis(2));
    }
    let texts: Vec<Text> = core::iter::from_fn(|| text.take()).collect();
    let number = |text: &Text| (0..9).find(|k| *text == description(*k));
    let texts: Vec<Option<u32>> = texts.iter().map(number).collect();
    let report = json!({ "joint_states": joints.report(), "images": images.report(), "descriptions": texts,
        "unreadable": ros.unreadable() });
    println!("{report}");
    Ok(())
}

/// Meets a topic on which the other side says and hears another type, beside one on which it hears the same.
fn differ(ros: &Ros) -> Result<(), WireError> {
    let heard = ros.hear::<JointState>("differs", Care::Reliable, 10)?;
    let said = ros.publisher::<JointState>("differs_too", Care::Reliable)?;
    let same = ros.hear::<Text>("agrees", Care::Reliable, 10)?;
    assert_eq!(same.take_within(SOON), Some(Text { data: "the same".to_owned() }));
    (0..100).try_for_each(|k| {
        sleep(Duration::from_millis(10));
        said.put(&joint_state(k))
    })?;
    let took = heard.take_within(Duration::from_secs(1)).is_some();
    let report = json!({ "took": took, "said_by": heard.said_by(), "heard_by": said.heard_by(),
        "refused": heard.refused(), "same_refused": same.refused(), "unreadable": ros.unreadable() });
    println!("{report}");
    Ok(())
}

/// Lists who is there until its input ends.
fn list(ros: &Ros) -> Result<(), WireError> {
    std::io::stdin().read_to_end(&mut Vec::new()).map_err(|e| WireError::Zenoh(e.to_string()))?;
    let there = |p: &bridge::ros_zenoh::Present| {
        json!({ "kind": format!("{:?}", p.kind), "node": p.node, "topic": p.topic, "type": p.of_type,
            "hash": p.hash, "depth": p.qos.map(|q| q.depth) })
    };
    let there: Vec<_> = ros.present().iter().map(there).collect();
    println!("{}", json!({ "present": there, "unreadable": ros.unreadable() }));
    Ok(())
}

fn main() -> Result<(), WireError> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [router, dialect, part, rest @ ..] = &words[..] else { panic!("ROUTER DIALECT PART [SECONDS]") };
    let settings = Settings { dialect: Dialect::named(dialect)?, ..Settings::of("sinew") };
    let at = vec![router.clone()];
    let ros = match part.as_str() {
        "router" => Ros::open(&Settings { is_router: true, connect: Vec::new(), listen: at, ..settings })?,
        _ => Ros::open(&Settings { connect: at, ..settings })?,
    };
    let seconds = rest.first().map_or(5, |s| s.parse().expect("seconds"));
    match part.as_str() {
        "say" => say(&ros, seconds),
        "hear" => hear(&ros, seconds),
        "differ" => differ(&ros),
        "list" | "router" => list(&ros),
        other => panic!("{other}: say, hear, differ, list or router"),
    }
}
