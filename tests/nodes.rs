//! The stages as processes of their own, on one machine: they find each other, do what a sentence says, and when one of
//! them dies or hangs the arm stands (F1, F2, F29).

mod scripted;

use scripted::Folder;
use std::fs;
use std::process::{Child, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a node may take to be there, and a sentence to be done, on a busy machine.
const BEGINS: Duration = Duration::from_secs(60);
const DONE: Duration = Duration::from_secs(300);

/// One robot at a time: each is five processes in real time.
static ONE: Mutex<()> = Mutex::new(());

/// How the robot's events tell that the owner of the motion fell silent.
const F1: &str = "\"fault\":\"F1\"";

/// The nodes of one robot, ended with the test.
struct Nodes {
    folder: Folder,
    _one: MutexGuard<'static, ()>,
    running: Vec<(&'static str, Child)>,
}

impl Nodes {
    /// A robot of its own name, and a folder for its secrets.
    fn new(name: &str, more: &str) -> Self {
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Folder::new(&format!("nodes-{name}"), "");
        let config = format!("[zenoh]\nrobot = \"{name}-{}\"\n{more}", std::process::id());
        fs::write(folder.0.join("robot.toml"), config).expect("written");
        Self { folder, _one, running: Vec::new() }
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.folder.command(args);
        command.env("XDG_RUNTIME_DIR", &self.folder.0);
        command
    }

    /// Starts nodes and waits until they are there.
    fn start(&mut self, roles: &[&'static str]) {
        for role in roles {
            let log = fs::File::create(self.folder.0.join(format!("{role}.log"))).expect("a file");
            let errors = log.try_clone().expect("a handle");
            let mut command = self.command(&["node", role]);
            if *role != "perception" {
                command.args(["--out", role]);
            }
            let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
            self.running.push((role, child.expect("it starts")));
        }
        let began = Instant::now();
        loop {
            let listed = self.said(&["ls"]).1;
            if roles
                .iter()
                .all(|role| listed.lines().any(|l| l.starts_with(role) && l.contains("answers in")))
            {
                return;
            }
            assert!(began.elapsed() < BEGINS, "{roles:?} are not there: {listed}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn said(&self, args: &[&str]) -> (i32, String, String) {
        text(self.command(args).output().expect("it starts"))
    }

    fn pid(&self, role: &str) -> String {
        let (_, child) = self.running.iter().find(|(r, _)| *r == role).expect("it runs");
        child.id().to_string()
    }

    fn signal(&self, role: &str, name: &str) {
        let status = std::process::Command::new("kill").args([&format!("-{name}"), &self.pid(role)]).status();
        assert!(status.expect("it starts").success());
    }

    fn log(&self, role: &str) -> String {
        fs::read_to_string(self.folder.0.join(format!("{role}.log"))).unwrap_or_default()
    }

    fn logs(&self) -> String {
        ["robot", "perception", "planner"].map(|r| format!("-- {r}\n{}", self.log(r))).concat()
    }

    /// What the robot's loop has told so far.
    fn events(&self) -> String {
        fs::read_to_string(self.folder.0.join("robot/events.jsonl")).unwrap_or_default()
    }

    /// Waits until the arm has begun to move for the n-th sentence: its first motion is under way.
    fn until_it_moves(&self, n: usize) {
        let began = Instant::now();
        let moves = || {
            let events = self.events();
            let last = events.rsplit(F1).next().unwrap_or_default().to_owned();
            let stops = events.matches(F1).count();
            stops + 1 == n && last.contains("mode: Follow")
        };
        while !moves() {
            assert!(began.elapsed() < BEGINS, "it never moves:\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a node's log says something.
    fn until(&self, role: &str, what: &str, limit: Duration) {
        let began = Instant::now();
        while !self.log(role).contains(what) {
            assert!(began.elapsed() < limit, "{role} never says {what:?}:\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn text(out: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
}

/// Waits for a process, and for what it has said.
fn ended(mut child: Child, limit: Duration) -> (i32, String, String) {
    let began = Instant::now();
    while child.try_wait().expect("asked").is_none() {
        if began.elapsed() > limit {
            let _ = child.kill();
            let said = text(child.wait_with_output().expect("it has ended"));
            panic!("it did not end within {limit:?}: {said:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    text(child.wait_with_output().expect("it has ended"))
}

#[test]
fn three_nodes_do_what_a_sentence_says_and_without_perception_the_planners_own_model_looks() {
    let mut nodes = Nodes::new("split", "");
    nodes.start(&["robot", "perception", "planner"]);
    let (code, out, err) = nodes.said(&["say", "put the red cube in the blue bowl"]);
    assert_eq!(code, 0, "{out}\n{err}\n{}", nodes.logs());
    assert!(out.contains("Done: "), "{out}");
    assert!(!out.contains("F46"), "the perception node answers: {out}");
    // A second sentence, and what was lost meanwhile.
    let (code, out, _) = nodes.said(&["say", "how many cubes do you see?"]);
    assert_eq!(code, 0, "{out}");
    let (code, listed, _) = nodes.said(&["ls"]);
    assert_eq!(code, 0);
    for arrow in ["/camera/* to perception: received", "/alive to robot: received"] {
        assert!(listed.lines().any(|l| l.contains(arrow) && l.contains("refused 0")), "{arrow}: {listed}");
    }
    // The GPU box is gone: declared, and done all the same (F29, F46).
    nodes.signal("perception", "KILL");
    let (code, out, _) = nodes.said(&["say", "where is the blue bowl?"]);
    assert_eq!(code, 0, "{out}\n{}", nodes.logs());
    assert!(out.contains("F46") && out.contains("degraded"), "{out}");
}

#[test]
fn a_planner_that_is_killed_or_hangs_in_mid_motion_makes_the_arm_stop_and_its_old_commands_move_nothing() {
    let mut nodes = Nodes::new("killed", "");
    nodes.start(&["robot", "perception", "planner"]);
    let say = |nodes: &Nodes| {
        let mut command = nodes.command(&["say", "put the red cube in the blue bowl"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    // F2: it hangs in mid-motion, and goes on later with what it had.
    let first = say(&nodes);
    nodes.until_it_moves(1);
    nodes.signal("planner", "STOP");
    nodes.until("robot", "F1InputSilent", Duration::from_secs(5));
    std::thread::sleep(Duration::from_millis(500));
    nodes.signal("planner", "CONT");
    let (code, out, _) = ended(first, DONE);
    assert_ne!(code, 0, "{out}");
    let events = nodes.events();
    let after = events.split_once(F1).map(|(_, after)| after).expect("it was told");
    assert!(!after.contains("mode: Follow") && !after.contains("Started("), "{after}");
    // The stop is latched (F1): until a person resets it nothing moves.
    let (code, out, _) = nodes.said(&["say", "put the red cube in the blue bowl"]);
    assert_ne!(code, 0, "{out}");
    let (code, out, err) = nodes.said(&["reset"]);
    assert_eq!(code, 0, "{out}{err}");
    // F1: it is killed in mid-motion.
    let before = nodes.log("robot").matches("F1InputSilent").count();
    let second = say(&nodes);
    nodes.until_it_moves(2);
    nodes.signal("planner", "KILL");
    let began = Instant::now();
    while nodes.log("robot").matches("F1InputSilent").count() == before {
        assert!(began.elapsed() < Duration::from_secs(5), "{}", nodes.logs());
        std::thread::sleep(Duration::from_millis(20));
    }
    let (code, _, err) = ended(second, DONE);
    assert_ne!(code, 0);
    assert!(err.contains("the planner node has gone"), "{err}");
}

#[test]
fn a_stranger_without_the_secret_cannot_stop_or_move_the_robot_and_a_missing_node_is_named() {
    let mut nodes = Nodes::new("strange", "");
    let (code, out, _) = nodes.said(&["ls"]);
    assert_eq!((code, out.contains("nobody of the robot")), (1, true), "{out}");
    let (code, _, err) = nodes.said(&["say", "go home"]);
    assert_eq!((code, err.contains("`sinew node planner` starts one")), (2, true), "{err}");
    nodes.start(&["robot"]);
    let other = Folder::new("nodes-other", "");
    for command in ["stop", "reset"] {
        let mut asked = nodes.folder.command(&[command]);
        let (code, out, err) = text(asked.env("XDG_RUNTIME_DIR", &other.0).output().expect("it starts"));
        assert_eq!((code, err.contains("session.tag")), (2, true), "{command}: {out}{err}");
    }
    // Whoever has it can, and without a lease.
    let (code, out, err) = nodes.said(&["stop", "--category", "1"]);
    assert_eq!((code, out.contains("stopped (category 1)")), (0, true), "{out}{err}");
    nodes.until("robot", "EmergencyStop", Duration::from_secs(5));
    // Plain text beyond this machine is refused before anything is opened (SEC1).
    let config = "[zenoh]\nlisten = [\"tcp/0.0.0.0:0\"]\n";
    fs::write(other.0.join("robot.toml"), config).expect("written");
    let (code, _, err) = text(other.command(&["node", "robot"]).output().expect("it starts"));
    assert_eq!((code, err.contains("zenoh.listen")), (2, true), "{err}");
}
