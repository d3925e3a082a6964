//! A person steers a robot by a stick of ROS 2's: over DDS to the node between, and from there over the wire (F38, F40).
#![cfg(feature = "dds")]

mod scripted;

use bridge::dds::{Care, Heard, Publisher, Ros, Settings};
use bridge::ros::{DiagnosticArray, Header, JointState, Joy, Text};
use scripted::nodes::{Nodes, check};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};
use types::Time;

/// Between two messages of the stick.
const PERIOD: Duration = Duration::from_millis(20);
/// An arm has power, and is the stick's, within this.
const BEGINS: Duration = Duration::from_secs(30);
/// Slower than this it stands, rad/s; it moves when it is so fast.
const STANDS: f64 = 0.02;
const MOVES: f64 = 0.08;
/// Once messages cease, the arm stands within this: they count for 100 ms, and it has to slow down.
const CEASES: Duration = Duration::from_millis(400);
/// Nothing moves for so long where nothing may.
const STAYS: Duration = Duration::from_millis(700);

const REST: [f32; 5] = [0.0; 5];
const UP: [f32; 5] = [0.0, 0.0, 0.0, 0.0, 1.0];
const DOWN: [f32; 5] = [0.0, 0.0, 0.0, 0.0, -1.0];
const STOP: usize = 1;
const ENABLE: usize = 5;
const BEGUN: &str = "the arm is the stick's";

type Said = Arc<Mutex<Option<Joy>>>;

/// A stick that says the same until it says something else, or nothing; and the joints as ROS 2 has them.
struct Pad {
    says: Said,
    states: Heard<JointState>,
    health: Heard<DiagnosticArray>,
    ends: Arc<AtomicBool>,
    speaks: Option<JoinHandle<()>>,
}

fn speak(publisher: &Publisher<Joy>, says: &Said, ends: &AtomicBool) {
    while !ends.load(Ordering::Acquire) {
        if let Some(mut joy) = says.lock().expect("whole").clone() {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
            joy.header.stamp = Time::from_nanos(now.as_nanos() as i64).into();
            publisher.put(&joy).expect("said");
        }
        std::thread::sleep(PERIOD);
    }
}

impl Pad {
    fn new(domain: u16) -> Self {
        let ros = Ros::open(&Settings { domain, ..Settings::of("pad") }).expect("DDS");
        let publisher = ros.publisher::<Joy>("joy", Care::Reliable).expect("a topic");
        let states = ros.hear::<JointState>("joint_states", Care::Sensor, 8).expect("a topic");
        let health = ros.hear::<DiagnosticArray>("/diagnostics", Care::Reliable, 64).expect("a topic");
        assert!(publisher.wait_heard(BEGINS) && states.wait_said(BEGINS), "nobody hears the stick");
        let (says, ends) = (Said::default(), Arc::new(AtomicBool::new(false)));
        let (said, over) = (says.clone(), ends.clone());
        let speaks = Some(std::thread::spawn(move || speak(&publisher, &said, &over)));
        Self { says, states, health, ends, speaks }
    }

    fn say(&self, axes: &[f32], pressed: &[usize]) {
        let buttons = (0..8).map(|b| i32::from(pressed.contains(&b))).collect();
        *self.says.lock().expect("whole") =
            Some(Joy { header: Header::default(), axes: axes.to_vec(), buttons });
    }

    fn is_silent(&self) {
        *self.says.lock().expect("whole") = None;
    }

    /// How fast the quickest joint is, rad/s, by the newest state.
    fn speed(&self) -> f64 {
        let newest = core::iter::from_fn(|| self.states.take()).last();
        let newest = newest.or_else(|| self.states.take_within(Duration::from_secs(2))).expect("states");
        newest.velocity.iter().fold(0.0, |most, v| v.abs().max(most))
    }

    /// How long it took until the arm does that.
    fn until(&self, limit: Duration, what: &str, does: impl Fn(f64) -> bool) -> Result<Duration, String> {
        let began = Instant::now();
        while !does(self.speed()) {
            check(began.elapsed() < limit, || format!("it never {what}"))?;
        }
        Ok(began.elapsed())
    }

    fn stays(&self) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < STAYS {
            let speed = self.speed();
            check(speed < STANDS, || format!("it moves: {speed} rad/s"))?;
        }
        Ok(())
    }

    /// The dead-man is pressed anew with the stick at rest, until the node tells that the arm is the stick's.
    fn press(&self, nodes: &Nodes) -> Result<(), String> {
        let begun = || nodes.log("ros2").matches(BEGUN).count();
        let before = begun();
        self.say(&REST, &[]);
        std::thread::sleep(5 * PERIOD);
        self.say(&REST, &[ENABLE]);
        let began = Instant::now();
        while begun() == before {
            check(began.elapsed() < BEGINS, || format!("it is never the stick's: {}", nodes.log("ros2")))?;
            std::thread::sleep(PERIOD);
        }
        // A message of at rest that counts.
        std::thread::sleep(5 * PERIOD);
        Ok(())
    }

    fn moves(&self, nodes: &Nodes) -> Result<(), String> {
        self.press(nodes)?;
        self.say(&UP, &[ENABLE]);
        self.until(Duration::from_secs(5), "moves", |speed| speed > MOVES).map(|_| ())
    }
}

impl Drop for Pad {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        let _ = self.speaks.take().map(JoinHandle::join);
    }
}

/// `/diagnostics` has how many messages of sticks came, and how many did not count.
fn counted(pad: &Pad) {
    let (began, mut seen) = (Instant::now(), Vec::new());
    while began.elapsed() < BEGINS {
        let Some(health) = pad.health.take_within(Duration::from_secs(2)) else { continue };
        let Some(stick) = health.status.into_iter().find(|s| s.name == "sinew ros2: stick") else { continue };
        let value = |key: &str| {
            let value = stick.values.iter().find(|v| v.key == key).expect("a count");
            value.value.parse::<u64>().expect("a number")
        };
        seen = ["sticks", "received", "unreadable", "missed", "refused"].map(value).to_vec();
        // The newest comes last, and the other one has gone for a second.
        if seen[0] == 1 && seen[1] > 100 && seen[4] > 10 {
            assert_eq!(seen[2], 0, "{stick:?}");
            return;
        }
    }
    panic!("{seen:?}");
}

fn there(nodes: &mut Nodes, config: &str) {
    nodes.start(&["robot"]);
    nodes.begin("ros2", "ros2", config);
    nodes.until_there(&["ros2"], "robot");
}

fn ros2(domain: u16, joy: &str) -> String {
    format!("[ros2]\ndomain = {domain}\nmoves = true\n[joy]\nsteers = true\n{joy}")
}

#[test]
fn a_stick_steers_the_arm_while_its_dead_man_is_held_and_messages_come() {
    let mut nodes = Nodes::new("joy", &ros2(63, ""));
    there(&mut nodes, "robot");
    let pad = Pad::new(63);
    let told = |what: &str| nodes.log("ros2").matches(what).count();
    let mut ceased = Vec::new();
    nodes.undisturbed(|| {
        pad.moves(&nodes)?;
        // Messages cease under way.
        pad.is_silent();
        ceased.push(pad.until(CEASES, "stands", |speed| speed < STANDS)?);
        // Out as it was, it is heard again, and nothing comes of it.
        pad.say(&UP, &[ENABLE]);
        pad.stays()
    });
    println!("at rest after {ceased:?} of silence");
    nodes.undisturbed(|| {
        pad.moves(&nodes)?;
        pad.say(&UP, &[]);
        pad.until(CEASES, "stands without its dead-man", |speed| speed < STANDS)?;
        // Pressed while the stick is out.
        pad.say(&UP, &[ENABLE]);
        pad.stays()
    });
    // What is no message of a stick.
    nodes.undisturbed(|| {
        pad.moves(&nodes)?;
        pad.say(&[0.0, f32::NAN, 0.0, 0.0, 1.0], &[ENABLE]);
        pad.until(CEASES, "stands at no number", |speed| speed < STANDS)?;
        pad.say(&UP[..3], &[ENABLE]);
        pad.stays()
    });
    assert!(told("joy.axes: expected numbers of -1 to 1, got NaN on axis 1") > 0, "{}", nodes.log("ros2"));
    assert!(told("joy.axes: expected 5 axes at least, got 3") > 0, "{}", nodes.log("ros2"));
    // Another stick on the same topic, which pulls the other way: the first one has the arm.
    let other = Pad::new(63);
    nodes.undisturbed(|| {
        other.say(&REST, &[]);
        pad.moves(&nodes)?;
        other.say(&DOWN, &[ENABLE]);
        std::thread::sleep(10 * PERIOD);
        pad.until(CEASES, "goes on", |speed| speed > MOVES)?;
        check(told("the arm is not the stick's") == told(BEGUN) - 1, || nodes.log("ros2"))?;
        // It is let go of, and nothing comes of what is still pressed.
        pad.say(&UP, &[]);
        pad.until(CEASES, "stands", |speed| speed < STANDS)?;
        pad.stays()?;
        // The stop of any of them counts.
        other.say(&REST, &[]);
        pad.moves(&nodes)?;
        other.say(&REST, &[STOP]);
        pad.until(CEASES, "stands after the other's stop", |speed| speed < STANDS)?;
        other.say(&REST, &[]);
        std::thread::sleep(5 * PERIOD);
        check(nodes.reset(&[]).0 == 0, || "it was not latched".into())
    });
    assert!(told("joy.topic: expected one stick: ") > 0, "{}", nodes.log("ros2"));
    assert!(told("joy.enable: expected the dead-man of one stick at a time") > 0, "{}", nodes.log("ros2"));
    drop(other);
    counted(&pad);
    // What is none of its messages at all.
    let ros = Ros::open(&Settings { domain: 63, ..Settings::of("alien") }).expect("DDS");
    let alien = ros.publisher::<Text>("joy", Care::Reliable).expect("a topic");
    let began = Instant::now();
    while told("stick (unreadable): joy: expected a message of sensor_msgs/msg/Joy") == 0 {
        assert!(began.elapsed() < BEGINS, "{}", nodes.log("ros2"));
        alien.put(&Text { data: "no stick".into() }).expect("said");
        std::thread::sleep(PERIOD);
    }
    drop((alien, ros));
    // Another person has the arm.
    fs::write(nodes.folder.0.join("waits.jsonl"), "{\"wait\": {\"s\": 4}}\n").expect("written");
    nodes.undisturbed(|| {
        let before = nodes.told("Granted(");
        let (child, lines) = nodes.piped(&["send", "waits.jsonl"]);
        nodes.until_told("Granted(", before)?;
        pad.say(&REST, &[]);
        std::thread::sleep(5 * PERIOD);
        pad.say(&REST, &[ENABLE]);
        std::thread::sleep(10 * PERIOD);
        pad.say(&UP, &[ENABLE]);
        let stayed = pad.stays();
        drop(lines);
        let sent = child.wait_with_output().expect("it ends");
        check(sent.status.success(), || format!("the person has lost it: {sent:?}"))?;
        check(told("another person moves the arm") > 0, || nodes.log("ros2"))?;
        stayed
    });
    // Its stop needs no dead-man, wins at once, and is latched.
    nodes.undisturbed(|| {
        pad.moves(&nodes)?;
        pad.say(&UP, &[ENABLE, STOP]);
        pad.until(CEASES, "stands after a stop", |speed| speed < STANDS)?;
        pad.say(&UP, &[ENABLE]);
        pad.stays()?;
        check(told("the stick's stop is pressed: stopped") > 0, || nodes.log("ros2"))?;
        check(nodes.reset(&[]).0 == 0, || "it was not latched".into())?;
        pad.stays()?;
        pad.moves(&nodes)
    });
    pad.is_silent();
    nodes.interrupt("ros2");
    nodes.interrupt("robot");
    // Whose orders they were is in the robot's part.
    let (code, out, err) = nodes.said(&["replay", "robot"]);
    assert_eq!(code, 0, "{out}\n{err}");
}

#[test]
fn a_robot_that_does_not_say_so_itself_lets_ros_2_speak_for_no_person() {
    let mut nodes = Nodes::new("joy-no", "[ros2]\nmoves = true\n");
    nodes.configure("between", &ros2(64, ""));
    there(&mut nodes, "between");
    let pad = Pad::new(64);
    pad.say(&REST, &[]);
    std::thread::sleep(5 * PERIOD);
    pad.say(&REST, &[ENABLE]);
    nodes.until("ros2", "claim.owner: expected nothing, or a rank up to script, got human", BEGINS);
    pad.say(&UP, &[ENABLE]);
    pad.stays().expect("nothing moves");
}
