//! A sentence moves an arm of ROS 2's: a simulated one, which knows nothing of Sinew's loop and is met over DDS alone.
#![cfg(feature = "dds")]

use bridge::dds::{Care, Ros, Settings};
use bridge::ros::{JointState, SimTime};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};
use types::Time;

fn sinew(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sinew"));
    command.args(words).current_dir(folder).stdin(Stdio::null());
    command
}

fn done(folder: &Path, words: &[&str]) -> Output {
    sinew(folder, words).output().expect("it runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A folder with a configuration for this domain.
fn folder(name: &str, domain: u16) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("ros2-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let text = format!(
        r#"
[arm]
kind = "ros2"
gripper = "gripper_controller/gripper_cmd"
# A busy machine lets the arm speak late.
silent_ms = 400
cameras = [
  {{ name = "front", image = "front/image", depth = "front/depth", info = "front/camera_info" }},
  {{ name = "wrist", image = "wrist/image", depth = "wrist/depth", info = "wrist/camera_info" }},
]
[control]
rate_hz = 250
[ros2]
domain = {domain}
"#
    );
    std::fs::write(folder.join("robot.toml"), text).expect("written");
    folder
}

/// The arm; it tells where everything is when it ends.
struct Arm(Child);

impl Arm {
    fn start(folder: &Path) -> Self {
        let log = std::fs::File::create(folder.join("arm.log")).expect("a file");
        let errors = log.try_clone().expect("a file");
        let mut command = sinew(folder, &["sim", "--ros2", "--seed", "3", "--out", "world"]);
        Self(command.stdout(log).stderr(errors).spawn().expect("it runs"))
    }

    fn end(mut self, folder: &Path) -> String {
        let asked = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status().expect("kill");
        assert!(asked.success());
        let began = Instant::now();
        while self.0.try_wait().expect("asked").is_none() {
            assert!(began.elapsed() < Duration::from_secs(30), "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        std::fs::read_to_string(folder.join("arm.log")).expect("its log")
    }
}

impl Drop for Arm {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where a thing is, by the simulator's truth.
fn place(log: &str, thing: &str) -> [f64; 3] {
    let line = log.lines().find(|l| l.contains(thing)).unwrap_or_else(|| panic!("no {thing}: {log}"));
    let numbers = line.split(" at (").nth(1).and_then(|l| l.split(')').next()).expect("a place");
    let numbers: Vec<f64> = numbers.split(", ").map(|n| n.parse().expect("a number")).collect();
    numbers.try_into().expect("three")
}

#[test]
fn a_sentence_moves_an_arm_of_ros_2_and_its_run_is_repeated_to_the_bit() {
    let folder = folder("sentence", 61);
    let mut tries = Vec::new();
    let log = loop {
        let (run, world) = (folder.join("run"), folder.join("world"));
        let _ = (std::fs::remove_dir_all(run), std::fs::remove_dir_all(world));
        let arm = Arm::start(&folder);
        let run = done(&folder, &["run", "put the red cube in the blue bowl", "--out", "run"]);
        let log = arm.end(&folder);
        if run.status.code() == Some(0) {
            break log;
        }
        // A machine that stands still for half a second stops the arm, as it should, and a person has to look.
        tries.push(said(&run));
        assert!(tries.len() < 3, "{}", tries.join("\n"));
    };
    let (cube, bowl) = (place(&log, "red_cube"), place(&log, "blue_bowl"));
    let off = (cube[0] - bowl[0]).hypot(cube[1] - bowl[1]);
    assert!(off < 0.04, "the cube is {off:.3} m from the bowl's middle: {log}");
    assert!(!log.contains("warning"), "every path could be followed: {log}");
    let replayed = done(&folder, &["replay", "run"]);
    assert_eq!(replayed.status.code(), Some(0), "I9: {}", said(&replayed));
}

#[test]
fn a_simulated_arm_says_what_time_it_is_by_its_stamps_where_that_is_wanted() {
    let folder = folder("clock", 65);
    let ros = Ros::open(&Settings { domain: 65, ..Settings::of("clock") }).expect("DDS");
    let times = ros.hear::<SimTime>("/clock", Care::Sensor, 4096).expect("a topic");
    let states = ros.hear::<JointState>("joint_states", Care::Reliable, 4096).expect("a topic");
    let arm = Arm::start(&folder);
    assert!(states.wait_said(Duration::from_secs(60)), "no arm");
    let secs = Duration::from_secs;
    assert!(states.take_within(secs(10)).is_some() && times.take().is_none(), "nobody wants to know");
    assert_eq!(times.said_by(), 0);
    arm.end(&folder);
    let config = std::fs::read_to_string(folder.join("robot.toml")).expect("written");
    std::fs::write(folder.join("robot.toml"), format!("{config}[sim]\nclock = true\n")).expect("written");
    std::fs::remove_dir_all(folder.join("world")).expect("it was there");
    let arm = Arm::start(&folder);
    assert!(times.wait_said(secs(60)) && times.take_within(secs(10)).is_some(), "nobody tells the time");
    std::thread::sleep(secs(2));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs_f64();
    arm.end(&folder);
    let times: Vec<Time> = core::iter::from_fn(|| times.take()).map(|said| said.clock.into()).collect();
    assert!(times.len() > 100, "{} times in two seconds", times.len());
    assert!(times.is_sorted() && times[0] < times[times.len() - 1], "it never decreases");
    assert!((times[times.len() - 1].as_secs_f64() - now).abs() < 5.0, "of day: {now}");
    // Those of states are among them.
    let stamps: Vec<Time> = core::iter::from_fn(|| states.take()).map(|s| s.header.stamp.into()).collect();
    let told = stamps.iter().filter(|stamp| times.binary_search(stamp).is_ok()).count();
    let within = stamps.iter().filter(|stamp| (times[0]..=times[times.len() - 1]).contains(stamp)).count();
    assert!(within > 100 && 10 * told >= 9 * within, "{told} of {within} states are of a time that was told");
}

#[test]
fn an_arm_that_is_not_there_and_a_run_in_virtual_time_are_refused_by_name() {
    let folder = folder("refused", 62);
    let lockstep = done(&folder, &["run", "park", "--lockstep", "--out", "lockstep"]);
    assert!(!lockstep.status.success());
    assert!(said(&lockstep).contains("arm.kind: expected \"simulated\""), "{}", said(&lockstep));
    let absent = done(&folder, &["run", "park", "--out", "absent"]);
    assert!(!absent.status.success());
    assert!(said(&absent).contains("nobody is at joint_states in ROS 2"), "{}", said(&absent));
    for (text, wants) in [
        ("[arm]\nkind = \"ros1\"\n", "arm.kind: expected simulated or ros2"),
        ("[arm]\nlead_ms = 10.0\n", "arm.lead_ms: expected 30 to 100"),
        ("[arm]\ncameras = [{ name = \"front\" }]\n", "missing field `image`"),
        ("[arm]\nkind = \"ros2\"\njoint_states = \"no name\"\n", "arm.joint_states: expected words"),
    ] {
        std::fs::write(folder.join("robot.toml"), format!("{text}[ros2]\ndomain = 62\n")).expect("written");
        let refused = done(&folder, &["run", "park", "--out", "refused"]);
        assert!(!refused.status.success() && said(&refused).contains(wants), "B18: {}", said(&refused));
    }
}
