//! SEC8: what a process with a model can do is bounded below it. It has no handle to the arm's bus, to the line of the
//! emergency stop or to the page by which the loop lets the robot have power; it has messages, and the loop checks them.

mod scripted;

use bridge::wire::{Role, topics::TOPICS};
use scripted::nodes::Nodes;
use scripted::ticks::Ticks;
use std::fs;

/// What a process has open, and what is mapped into it.
#[cfg(feature = "dds")]
struct Handles {
    open: Vec<String>,
    mapped: String,
    /// Ports of UDP at which it hears.
    ports: Vec<u16>,
}

#[cfg(feature = "dds")]
impl Handles {
    fn of(pid: &str) -> Self {
        let proc = std::path::Path::new("/proc").join(pid);
        let files = fs::read_dir(proc.join("fd")).expect("a process of ours").flatten();
        let link = |e: fs::DirEntry| fs::read_link(e.path()).ok().map(|to| to.display().to_string());
        let open: Vec<String> = files.filter_map(link).collect();
        let sockets = fs::read_to_string(proc.join("net/udp")).expect("sockets");
        // Address and port in hexadecimal, and in the tenth column the number that the handle has.
        let port = |line: &str| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let (at, inode) = (columns.get(1)?, columns.get(9)?);
            let is_its = open.contains(&format!("socket:[{inode}]"));
            u16::from_str_radix(at.split(':').nth(1)?, 16).ok().filter(|_| is_its)
        };
        let ports = sockets.lines().skip(1).filter_map(port).collect();
        Self { open, mapped: fs::read_to_string(proc.join("maps")).expect("maps"), ports }
    }

    /// What of the arm's it has: the bus, the stop line, the watchdog's page.
    fn of_the_arm(&self) -> [bool; 3] {
        let is_bus = |port: &u16| (BUS..BUS + 250).contains(port);
        let page = |text: &str| text.contains("memfd:sinew-watchdog");
        [
            self.ports.iter().any(is_bus),
            self.open.iter().any(|to| to.ends_with("/stop-line")),
            self.open.iter().any(|to| page(to)) || page(&self.mapped),
        ]
    }
}

/// The domain of the arm's bus, and the first of its ports (DDSI-RTPS 9.6.1).
#[cfg(feature = "dds")]
const DOMAIN: u16 = 64;
#[cfg(feature = "dds")]
const BUS: u16 = 7400 + 250 * DOMAIN;

/// Ended with the test.
#[cfg(feature = "dds")]
struct Ended(std::process::Child);

#[cfg(feature = "dds")]
impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(feature = "dds")]
#[test]
fn sec8_of_the_nodes_the_robot_alone_has_handles_to_the_bus_the_stop_line_and_the_watchdog() {
    let text = format!(
        "[safety]\nstop_line = \"stop-line\"\n[arm]\nkind = \"ros2\"\nsilent_ms = 400\n\
         [control]\nrate_hz = 250\n[ros2]\ndomain = {DOMAIN}\n"
    );
    let mut nodes = Nodes::new("handles", &text);
    fs::write(nodes.folder.0.join("stop-line"), "1").expect("written");
    let mut arm = nodes.command(&["sim", "--ros2", "--seed", "3", "--out", "world"]);
    let quiet = std::process::Stdio::null;
    let arm = arm.stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
    let _arm = Ended(arm.expect("it starts"));
    // All have the same settings, with the arm, its bus and its line in them.
    nodes.start(&["robot", "perception", "planner"]);
    assert_eq!(Handles::of(&nodes.pid("robot")).of_the_arm(), [true; 3], "what is looked for is seen");
    for role in ["perception", "planner"] {
        let handles = Handles::of(&nodes.pid(role));
        assert_eq!(handles.of_the_arm(), [false; 3], "{role}: {:?} {:?}", handles.open, handles.ports);
        let is_device = |to: &&String| to.starts_with("/dev/") && !to.starts_with("/dev/shm/");
        let devices: Vec<_> = handles.open.iter().filter(is_device).filter(|to| *to != "/dev/null").collect();
        assert!(devices.is_empty(), "{role}: {devices:?}");
    }
}

/// What a role may put, and ask for, by the list that access rules and secrets are made of.
fn may(role: Role) -> [Vec<&'static str>; 2] {
    let keys = |who: fn(&bridge::wire::Topic) -> &'static [Role]| {
        let mut keys: Vec<_> = TOPICS.iter().filter(|t| who(t).contains(&role)).map(|t| t.key).collect();
        keys.sort_unstable();
        keys
    };
    [keys(|t| t.puts), keys(|t| t.asks)]
}

#[test]
fn sec8_a_process_with_a_model_may_ask_for_motions_and_stops_and_never_for_a_command_a_reset_or_no_power() {
    let [puts, asks] = may(Role::Perception);
    assert_eq!(puts, ["event/", "health/"]);
    assert_eq!(asks, ["about/", "clock/", "session/", "stop"]);
    let [puts, asks] = may(Role::Planner);
    assert_eq!(puts, ["alive", "event/", "health/", "scene/"]);
    let motion = ["activate", "claim", "order", "release", "slow", "stop", "world"];
    let other = ["about/", "clock/", "model/answer", "model/judgement", "model/words", "session/"];
    let mut all = [motion.as_slice(), other.as_slice()].concat();
    all.sort_unstable();
    assert_eq!(asks, all);
    // What nobody may say to the robot is said by nobody else either: its own words are its own.
    for own in ["status", "joint_states", "report", "camera/", "loop"] {
        let topic = TOPICS.iter().find(|t| t.key == own).expect("a topic");
        assert_eq!(topic.puts, [Role::Robot], "{own}");
    }
}

/// The Panda's limits of position, rad, and speed, rad/s (Franka).
const Q: [[f64; 2]; 7] = [
    [-2.8973, 2.8973],
    [-1.7628, 1.7628],
    [-2.8973, 2.8973],
    [-3.0718, -0.0698],
    [-2.8973, 2.8973],
    [-0.0175, 3.7525],
    [-2.8973, 2.8973],
];
const DQ: [f64; 7] = [2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61];

#[test]
fn sec8_whatever_a_policy_with_the_right_secret_asks_for_the_loop_keeps_the_arm_within_its_limits() {
    let mut nodes = Nodes::new("hostile", "");
    nodes.start(&["robot"]);
    for (line, why) in [
        (r#"{"velocity": {"rad_s": [30, -30, 30, 30, 30, 30, 30], "for_s": 0.5}}"#, "velocity[0]"),
        (r#"{"twist": {"linear_m_s": [50, 0, 50], "for_s": 0.5}}"#, "twist.linear_m_s"),
        (
            r#"{"chunk": {"points": [[0,0,0,-2,0,1.6,0.8],[2,1,0,-1,0,1.6,0.8]], "period_s": 0.02}}"#,
            "chunk.points",
        ),
    ] {
        fs::write(nodes.folder.0.join("hostile.jsonl"), line).expect("written");
        let (code, out, err) = nodes.said(&["send", "hostile.jsonl", "--by", "policy"]);
        assert!(code == 2 && err.contains(why), "{line}: {out}{err}");
    }
    // All that may be asked for, at full speed: down to the table, and to the end of a joint.
    let fast = r#"{"velocity": {"rad_s": [2.1, 2.1, 0, 0, 0, 0, -2.5], "for_s": 3.0}}"#;
    fs::write(nodes.folder.0.join("hostile.jsonl"), fast).expect("written");
    let (_, out, err) = nodes.said(&["send", "hostile.jsonl", "--by", "policy"]);
    nodes.interrupt("robot");
    let (code, text, why) = nodes.said(&["log", "export", "robot", "--to", "csv"]);
    assert_eq!(code, 0, "{why}");
    let ticks = Ticks::of(&text);
    let mut moved: f64 = 0.0;
    for j in 0..7 {
        let told = |what: &str| ticks.place(&format!("told_{what}.joint{}", j + 1));
        let (q, dq) = (told("q"), told("dq"));
        // Before the arm has power it is told nothing.
        for row in ticks.rows.iter().filter(|row| !row[q].is_empty() && !row[dq].is_empty()) {
            let [at, speed] = [q, dq].map(|place| row[place].parse::<f64>().expect("a number"));
            assert!((Q[j][0]..=Q[j][1]).contains(&at), "joint {j} at {at} rad");
            assert!(speed.abs() <= DQ[j] + 1e-9, "joint {j} at {speed} rad/s");
            moved = moved.max(speed.abs());
        }
    }
    assert!(moved > 1.0, "it was told to move, {moved} rad/s at the most: {out}{err}\n{}", nodes.logs());
}
