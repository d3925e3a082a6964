//! The stages as processes of their own, on one machine: they find each other, do what a sentence says, and when one of
//! them dies or hangs the arm stands (F1, F2, F29).

mod scripted;

use scripted::Folder;
use scripted::nodes::{DONE, Nodes, ended, text};
use scripted::ticks::silence_in_motion;
use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

#[test]
fn three_nodes_do_what_a_sentence_says_and_without_perception_the_planners_own_model_looks() {
    let mut nodes = Nodes::new("split", "");
    nodes.start(&["robot", "perception", "planner"]);
    let (code, out, err) = nodes.said(&["say", "put the red cube in the blue bowl"]);
    assert_eq!(code, 0, "{out}\n{err}\n{}", nodes.logs());
    assert!(out.contains("Done: "), "{out}");
    assert!(!out.contains("F46"), "the perception node answers: {out}");
    // Who gives back a lease that was over by then, between two motions, is told that it is, not that it has none.
    assert!(!nodes.log("robot").contains("release: "), "{}", nodes.log("robot"));
    // A second sentence, and what was lost meanwhile.
    let (code, out, _) = nodes.said(&["say", "how many cubes do you see?"]);
    assert_eq!(code, 0, "{out}");
    let (code, listed, _) = nodes.said(&["ls"]);
    assert_eq!(code, 0);
    for arrow in ["/camera/* to perception: received", "/alive to robot: received"] {
        assert!(listed.lines().any(|l| l.contains(arrow) && l.contains("refused 0")), "{arrow}: {listed}");
    }
    // Perception leaves a recording of its own: what it was asked, what it was shown, how its arrows do.
    nodes.interrupt("perception");
    let (code, out, err) = nodes.said(&["log", "info", "perception", "--json"]);
    let info: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    assert!(code == 0 && info["complete"] == true, "{info:#}");
    for topic in ["/front/image", "/front/preview", "/wrist/depth", "/sinew/model", "/rosout", "/diagnostics"]
    {
        assert!(info["topics"][topic]["messages"].as_u64() > Some(0), "{topic}: {info:#}");
    }
    let [detect, read] = ["detect", "read"].map(|role| info["models"]["questions"][role].as_u64());
    assert!(detect > Some(4) && read >= Some(2) && info["models"]["without_answer"] == 0, "{info:#}");
    // A picture that is asked about is there once, and no picture that nobody asked about.
    assert!(info["topics"]["/front/image"]["messages"].as_u64() < detect, "{info:#}");
    let seconds = info["seconds"].as_f64().expect("a number");
    assert!(
        seconds < DONE.as_secs_f64() && info["topics"]["/diagnostics"]["messages"].as_u64() > Some(2),
        "{info:#}"
    );
    let (_, out, _) = nodes.said(&["log", "info", "perception"]);
    assert!(out.contains("questions to models") && out.contains("/camera/*: received"), "{out}");
    let (code, _, err) = nodes.said(&["replay", "perception"]);
    assert!(code == 2 && err.contains("nothing in it can be done again"), "{err}");
    nodes.start(&["perception"]);
    // The GPU box is gone: declared, and done all the same (F29, F46).
    nodes.signal("perception", "KILL");
    let (code, out, _) = nodes.said(&["say", "where is the blue bowl?"]);
    assert_eq!(code, 0, "{out}\n{}", nodes.logs());
    assert!(out.contains("F46") && out.contains("degraded"), "{out}");
    is_repeated(&mut nodes);
    // The planner's parts: a task, a question, and one in which a node was gone.
    let (code, out, err) = nodes.said(&["replay", "planner/run-001", "planner/run-002", "planner/run-003"]);
    assert!(code == 0 && out.contains("3 of 3 recordings came out the same"), "{out}\n{err}");
    parts_are_done_again_with_another_model_or_limit(&nodes);
}

fn parts_are_done_again_with_another_model_or_limit(nodes: &Nodes) {
    // The planner's own models say what the perception node's said.
    let (code, out, err) = nodes.said(&["replay", "planner/run-001", "--requery"]);
    assert!(code == 0 && out.contains("asked again: 0 answers are others"), "{out}\n{err}");
    let slower = "safety.tool_speed_m_s=0.1";
    let (code, out, err) = nodes.said(&["replay", "robot", "--with", slower, "--inputs", "--json"]);
    let r: serde_json::Value = serde_json::from_str(&out).unwrap_or_default();
    assert!(code == 0 && r["doubt"].is_null() && r["different"].as_u64() > Some(0), "{out}\n{err}");
    for (words, why) in [
        (&["replay", "robot", "--requery"][..], "no model was asked there"),
        (&["replay", "robot", "--with", slower], "--inputs tells the loop what was recorded"),
        (&["replay", "robot", "--with", "planner.speed=0.3", "--inputs"], "as they were asked for"),
        (&["replay", "planner/run-001", "--with", slower, "--inputs"], "nothing moves in a planner's part"),
    ] {
        let (code, out, err) = nodes.said(words);
        assert!(code == 2 && err.contains(why), "{words:?}: {out}\n{err}");
    }
}

/// I9: the robot's part of the run once more, every command the same, to the bit.
fn is_repeated(nodes: &mut Nodes) {
    nodes.interrupt("robot");
    let (code, out, err) = nodes.said(&["replay", "robot"]);
    assert!(code == 0 && out.contains("every command is the same, to the last bit"), "{out}\n{err}");
    // F1 by the loop's own ticks, however busy this machine is: none moves for an owner that was silent for longer than its
    // lease, 0.2 s.
    let (moved, silent_s) = silence_in_motion(&nodes.folder.0.join("robot/run.mcap"));
    assert!(moved > 100 && silent_s <= 0.2, "{silent_s} s in {moved} ticks");
}

/// How often each is tried, at an instant of its own: 20 times in the full tier.
fn tries() -> u64 {
    std::env::var("SINEW_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// Somewhere in one of the first motions of a sentence that is carried out.
fn some_time_later(nodes: &Nodes, n: u64) {
    let drawn = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    for _ in 0..drawn % 4 {
        let (before, began) = (nodes.moves_told(), Instant::now());
        while nodes.moves_told() == before {
            assert!(began.elapsed() < DONE, "it does not go on:\n{}", nodes.logs());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    std::thread::sleep(Duration::from_millis(drawn / 4 % 250));
}

const SENTENCE: &str = "put the red cube in the blue bowl";

#[test]
fn a_planner_that_is_killed_or_hangs_in_mid_motion_makes_the_arm_stop_and_its_old_commands_move_nothing() {
    let mut nodes = Nodes::new("killed", "");
    for n in 0..tries() {
        nodes.start(&["robot", "perception", "planner"]);
        // F2: it hangs in mid-motion, and goes on later with what it had.
        let (first, before) = nodes.say_until_it_moves(SENTENCE, "robot");
        some_time_later(&nodes, 2 * n);
        nodes.signal("planner", "STOP");
        nodes.until_it_stops(before);
        std::thread::sleep(Duration::from_millis(500));
        nodes.signal("planner", "CONT");
        let (code, out, _) = ended(first, DONE);
        assert_ne!(code, 0, "{out}");
        nodes.assert_stands();
        // The stop is latched (F1): until a person resets it nothing moves.
        let (code, out, _) = nodes.said(&["say", SENTENCE]);
        assert_ne!(code, 0, "{out}");
        nodes.assert_stands();
        let (code, out, err) = nodes.reset(&[]);
        assert_eq!(code, 0, "{out}{err}");
        is_repeated(&mut nodes);
        nodes.end();
        // F1: it is killed in mid-motion.
        nodes.start(&["robot", "perception", "planner"]);
        let (second, before) = nodes.say_until_it_moves(SENTENCE, "robot");
        some_time_later(&nodes, 2 * n + 1);
        nodes.signal("planner", "KILL");
        nodes.until_it_stops(before);
        let (code, _, err) = ended(second, DONE);
        assert_ne!(code, 0);
        assert!(err.contains("the planner node has gone"), "{err}");
        nodes.assert_stands();
        is_repeated(&mut nodes);
        nodes.end();
    }
}

#[test]
fn f29_memory_that_runs_out_in_a_node_with_a_model_ends_that_node_alone_and_the_loop_goes_on() {
    let mut nodes = Nodes::new("starved", "");
    for n in 0..tries() {
        nodes.start(&["robot", "perception", "planner"]);
        // Before its first picture: what it takes to look at one is not there.
        nodes.starve("perception");
        let (code, out, _) = nodes.said(&["say", "where is the blue bowl?"]);
        assert!(
            code == 0 && out.contains("F46") && out.contains("degraded"),
            "{code}: {out}\n{}",
            nodes.logs()
        );
        // What is wanted first of memory that is not there may be a thread's stack.
        let why = nodes.log("perception");
        let words = ["memory allocation", "Cannot allocate memory", "Resource temporarily unavailable"];
        assert!(words.iter().any(|words| why.contains(words)), "{why}");
        // The planner ends in mid-motion as whoever gets no memory does.
        let (asked, before) = nodes.say_until_it_moves(SENTENCE, "robot");
        some_time_later(&nodes, n);
        nodes.signal("planner", "ABRT");
        nodes.until_it_stops(before);
        let (code, _, err) = ended(asked, DONE);
        assert!(code != 0 && err.contains("the planner node has gone"), "{code}: {err}");
        nodes.assert_stands();
        // The loop is there, and so it is for the next planner.
        assert_eq!(nodes.reset(&[]).0, 0, "{}", nodes.logs());
        nodes.begin("another", "planner", "robot");
        nodes.until_there(&["robot", "planner"], "robot");
        // Where the arm stands then it may hide what there is, or be taken for something.
        let sentence = if n == 0 { "go home" } else { "what do you see?" };
        let (code, out, err) = nodes.said(&["say", sentence]);
        assert_eq!(code, 0, "{out}{err}\n{}", nodes.logs());
        nodes.end();
    }
}

#[test]
fn a_stranger_without_the_secret_cannot_stop_or_move_the_robot_and_a_missing_node_is_named() {
    let mut nodes = Nodes::new("strange", "");
    let (code, out, _) = nodes.said(&["ls"]);
    assert_eq!((code, out.contains("nobody of the robot")), (1, true), "{out}");
    let (code, _, err) = nodes.said(&["say", "go home"]);
    assert_eq!((code, err.contains("`sinew node planner` starts one")), (1, true), "{err}");
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

#[test]
fn a_person_elsewhere_is_asked_back_and_what_they_answer_is_done() {
    let mut nodes = Nodes::new("asked", "");
    nodes.start(&["robot", "planner"]);
    const UNCLEAR: &str = "put the cube in the bowl";
    // Whoever does not stay leaves a question.
    let (code, out, _) = nodes.said(&["say", UNCLEAR]);
    assert_eq!(code, 3, "{out}");
    // A line that was written long ago is an answer, an empty one is none.
    let ask = |lines: &str| {
        let (say, mut stdin) = nodes.piped(&["say", UNCLEAR, "--ask"]);
        stdin.write_all(lines.as_bytes()).expect("it listens");
        drop(stdin);
        ended(say, DONE)
    };
    let (code, out, err) = ask("\n");
    assert_eq!(code, 3, "{out}{err}");
    let (code, out, err) = ask("the red one\nthe blue one\n");
    assert_eq!(code, 0, "{out}{err}\n{}", nodes.logs());
    assert!(out.contains("the person answers \"the red one\"") && out.contains("Done: "), "{out}");
    assert!(out.contains("looking again, as time has passed"), "{out}");
    // It is done again from the recording, with the answer in it.
    nodes.interrupt("planner");
    let (code, out, err) = nodes.said(&["replay", "planner/run-003"]);
    assert!(code == 0 && out.contains("every request is the same, to the last bit"), "{out}\n{err}");
}
