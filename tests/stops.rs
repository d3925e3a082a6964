//! What stops the arm of a run in wall time at once: the emergency stop's line, and its key; and what ends a run, which parks
//! its arm.

mod scripted;

use scripted::Folder;
use scripted::nodes::Nodes;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SENTENCE: &str = "put the red cube in the blue bowl";
const RUN: [&str; 8] = ["run", SENTENCE, "--seed", "3", "--out", "run", "--config", "robot.toml"];
/// Longer than any run may take here.
const LIMIT: Duration = Duration::from_secs(120);

fn begin(folder: &Folder) -> Child {
    begin_by(folder.command(&RUN))
}

fn begin_by(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it starts")
}

/// A run whose arm follows its first motion. On a busy machine one may be stopped before that, for the machine's lateness.
fn under_way(folder: &Folder) -> Child {
    under_way_by(folder, || folder.command(&RUN))
}

fn under_way_by(folder: &Folder, command: impl Fn() -> Command) -> Child {
    for _ in 0..5 {
        let mut child = begin_by(command());
        if moves(folder, &mut child) {
            return child;
        }
        end(child);
        let _ = fs::remove_dir_all(folder.0.join("run"));
    }
    panic!("the machine is too busy: the arm never moved");
}

/// Waits until the arm follows its first motion, or the run is over.
fn moves(folder: &Folder, child: &mut Child) -> bool {
    let begun = Instant::now();
    let events = folder.0.join("run/events.jsonl");
    let has_begun = || fs::read_to_string(&events).is_ok_and(|e| e.contains("\"kind\":\"move\""));
    while !has_begun() && child.try_wait().expect("it can be asked").is_none() && begun.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    child.try_wait().expect("it can be asked").is_none()
}

/// Exit code and words.
fn end(mut child: Child) -> (Option<i32>, String) {
    let begun = Instant::now();
    while child.try_wait().expect("it can be asked").is_none() {
        if begun.elapsed() > LIMIT {
            child.kill().expect("killed");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let out = child.wait_with_output().expect("its words");
    let text = [out.stdout, out.stderr].map(|t| String::from_utf8_lossy(&t).into_owned()).concat();
    (out.status.code(), text)
}

#[test]
fn f41_without_a_closed_line_there_is_no_power_and_one_that_opens_stops_the_arm() {
    let folder = Folder::new("line", "[safety]\nstop_line = \"line\"\n");
    let line = folder.0.join("line");
    let (code, text) = end(begin(&folder));
    assert!(code == Some(2) && text.contains("safety.stop_line") && text.contains("line"), "{text}");

    for open in ["0", "", "no"] {
        fs::write(&line, open).expect("written");
        let _ = fs::remove_dir_all(folder.0.join("run"));
        let (code, text) = end(begin(&folder));
        assert!(code == Some(1) && text.contains("the emergency stop's line is open"), "{open:?}: {text}");
        assert!(!text.contains("1 of 2"), "nothing is begun: {text}");
    }

    fs::write(&line, "1\n").expect("written");
    let _ = fs::remove_dir_all(folder.0.join("run"));
    let child = under_way(&folder);
    fs::write(&line, "0\n").expect("written");
    let (code, text) = end(child);
    assert!(code == Some(1) && text.contains("F41StopLine"), "{text}");
}

#[test]
fn f40_the_key_of_the_emergency_stop_takes_the_arms_power_and_ends_the_run() {
    let folder = Folder::new("key", "");
    let child = under_way(&folder);
    let quit = Command::new("kill").args(["-QUIT", &child.id().to_string()]).status().expect("kill");
    assert!(quit.success());
    let (code, text) = end(child);
    assert!(code == Some(1) && text.contains("category One") && text.contains("EmergencyStop"), "{text}");
}

fn told(to: &str, signal: &str) {
    let told = Command::new("kill").args([&format!("-{signal}"), "--", to]).status().expect("kill");
    assert!(told.success(), "{signal}");
}

/// What the system says of a process after its name: its state first, its group third, what it ended with last.
fn stat(process: &str) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(") ").map(|(_, after)| after.split_whitespace().map(str::to_owned).collect())
}

/// Whether it has ended otherwise than in good order or, by its run at the end, killed.
fn is_broken(guard: &str) -> bool {
    let of = stat(guard);
    of.is_some_and(|of| of[0] == "Z" && !["0", "9"].contains(&of.last().expect("fields").as_str()))
}

/// Tells a run whose arm moves, and its watchdog's process, as a terminal does; how it ends.
fn told_by_its_terminal(folder: &Folder, signal: &str) -> (Option<i32>, String) {
    let _ = fs::remove_dir_all(folder.0.join("run"));
    let mut child = under_way_by(folder, || {
        // However the tests themselves were started.
        let mut command = folder.behind(&["env", "--default-signal=HUP"].map(str::to_owned), &RUN);
        command.current_dir(&folder.0).process_group(0);
        command
    });
    let run = child.id().to_string();
    let guards = Command::new("pgrep").args(["-P", &run]).output().expect("pgrep");
    let guards = String::from_utf8(guards.stdout).expect("numbers");
    let guard = guards.trim();
    let (Some(of_run), Some(of_guard)) = (stat(&run), stat(guard)) else {
        // It has ended by itself meanwhile.
        return end(child);
    };
    assert_eq!(of_run[2], run);
    assert_ne!(of_guard[2], run, "a terminal's keys are for the run");
    // As a terminal does it, to all that was started in it; and as who ends a service, to each.
    let _ = Command::new("kill").args([&format!("-{signal}"), guard]).stderr(Stdio::null()).status();
    std::thread::sleep(Duration::from_millis(50));
    assert!(!is_broken(guard), "{signal} ends the watchdog");
    told(&format!("-{run}"), signal);
    if signal == "HUP" {
        // A shell passes it on to its jobs.
        std::thread::sleep(Duration::from_millis(50));
        told(&format!("-{run}"), signal);
    }
    while child.try_wait().expect("it can be asked").is_none() {
        assert!(!is_broken(guard), "{signal} ends the watchdog");
        std::thread::sleep(Duration::from_millis(5));
    }
    end(child)
}

#[test]
fn a_closed_terminal_parks_the_arm_as_ctrl_c_does_and_the_watchdog_that_is_told_too_goes_on_for_that() {
    let folder = Folder::new("terminal", "[control]\nwatchdog = \"on\"\n");
    for signal in ["HUP", "INT", "TERM", "QUIT"] {
        let mut seen = Vec::new();
        let is_fair = (0..4).any(|_| {
            let (code, text) = told_by_its_terminal(&folder, signal);
            // A machine that let the loop or its watchdog wait was no fair one: once more.
            let is_late = ["F23", "F25", "F26", "F33"].iter().any(|fault| text.contains(fault));
            let is_so = match signal {
                "QUIT" => code == Some(1) && text.contains("category One") && text.contains("EmergencyStop"),
                _ => code == Some(130) && text.contains("the arm is parked"),
            };
            assert!(is_so || is_late, "{signal}: {code:?}: {text}");
            seen.push(text);
            is_so && !is_late
        });
        assert!(is_fair, "{signal}: the machine is too busy, or the watchdog does not go on: {seen:#?}");
    }
}

#[test]
fn a_run_that_was_started_to_outlive_its_terminal_does() {
    let folder = Folder::new("nohup", "");
    let words = ["sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""].map(str::to_owned);
    let mut child = under_way_by(&folder, || {
        let mut command = folder.behind(&words, &RUN);
        command.current_dir(&folder.0);
        command
    });
    told(&child.id().to_string(), "HUP");
    std::thread::sleep(Duration::from_secs(1));
    let events = fs::read_to_string(folder.0.join("run/events.jsonl")).expect("events");
    assert!(child.try_wait().expect("asked").is_none() && !events.contains("stopping"), "{events}");
    told(&child.id().to_string(), "INT");
    assert_eq!(end(child).0, Some(130));
}

#[test]
fn an_arm_does_not_leave_the_box_that_it_is_kept_in() {
    // The cube of this scene lies on the other side of it.
    let folder = Folder::new("inside", "[safety]\nkeep_in_m = [-0.9, 0.45, -0.9, 0.9, -0.2, 1.5]\n");
    let (code, text) = folder.sinew(&["run", SENTENCE, "--seed", "3", "--lockstep", "--out", "run"]);
    let summary = fs::read_to_string(folder.0.join("run/summary.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    assert!(code != 0 && text.contains("keep-out box"), "{text}");
    assert_eq!(summary["invariant_broken"], "", "{text}");
    let wide = ["run", SENTENCE, "--seed", "3", "--lockstep", "--out", "wide", "--config", "wide.toml"];
    let (code, text) = folder.sinew(&wide);
    assert_eq!(code, 2, "{text}");
    fs::write(folder.0.join("wide.toml"), "[safety]\nkeep_in_m = [-1.5, 1.5, -1.5, 1.5, -0.5, 2.0]\n")
        .expect("written");
    let (code, text) = folder.sinew(&wide);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn f40_the_key_stops_the_robot_from_a_planner_that_waits_and_from_whoever_says_something() {
    let mut nodes = Nodes::new("key", "");
    // It is pressed before there is a robot, which is stopped once it is there; and then with one.
    nodes.start(&["planner"]);
    nodes.signal("planner", "QUIT");
    nodes.start(&["robot"]);
    nodes.until("robot", "EmergencyStop", LIMIT);
    assert_eq!(nodes.reset(&[]).0, 0);
    let before = nodes.log("robot").matches("EmergencyStop").count();
    nodes.signal("planner", "QUIT");
    let began = Instant::now();
    while nodes.log("robot").matches("EmergencyStop").count() == before {
        assert!(began.elapsed() < LIMIT, "{}", nodes.logs());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(nodes.reset(&[]).0, 0);
    let before = nodes.log("robot").matches("EmergencyStop").count();
    let (child, _) = nodes.say_until_it_moves(SENTENCE, "robot");
    Command::new("kill").args(["-QUIT", &child.id().to_string()]).status().expect("kill");
    let (code, text) = end(child);
    assert!(code != Some(0) && text.contains("stopped (category 1)"), "{text}");
    assert!(nodes.log("robot").matches("EmergencyStop").count() > before, "{}", nodes.logs());
}
