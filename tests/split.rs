//! A run over several processes leaves a recording of each part: out of the robot's and the planner's together its story is
//! told and a dataset made, with the perception node's what that saw, parts of other runs are refused, and of one alone is
//! said what is missing.

mod scripted;

use bridge::recording::{Full, Limits, Reader, Recorder};
use bridge::ros::{Consumed, Image, JointState, ModelCall, Text};
use scripted::nodes::{BEGINS, DONE, Nodes, ended};
use scripted::ticks::Ticks;
use std::fs;
use std::path::Path;

const SENTENCE: &str = "pick up the red cube";

fn done(nodes: &Nodes, args: &[&str]) -> String {
    let (code, out, err) = nodes.said(args);
    assert_eq!(code, 0, "{args:?}: {out}\n{err}");
    out
}

/// Refused in words that have these in them.
fn refused(nodes: &Nodes, args: &[&str], wants: &[&str]) {
    let (code, out, err) = nodes.said(args);
    assert_eq!(code, 2, "{args:?}: {out}\n{err}");
    assert_has(&err, wants);
}

fn assert_has(text: &str, wants: &[&str]) {
    for want in wants {
        assert!(text.contains(want), "{want:?} is not in:\n{text}");
    }
}

fn why<'a>(files: &[&'a str], at: &'a str) -> Vec<&'a str> {
    [&["why"][..], files, &["--at", at, "--out", "seen"]].concat()
}

#[test]
fn out_of_both_parts_the_way_leads_back_to_the_persons_words_and_parts_of_other_runs_are_refused() {
    let mut nodes = Nodes::new("parts", "");
    fs::write(nodes.folder.0.join("line.jsonl"), r#"{"joints": [0.2, -0.6, 0.1, -2.2, 0.0, 1.7, 0.8]}"#)
        .expect("written");
    // A machine that is too busy for its deadlines stops the arm in between: then all of it is done anew.
    let all = [&["say", SENTENCE][..], &["send", "line.jsonl"], &["say", "how many cubes do you see?"]];
    let mut failed = Vec::new();
    loop {
        nodes.start(&["robot", "perception", "planner"]);
        match all.iter().map(|args| nodes.said(args)).find(|(code, ..)| *code != 0) {
            None => break,
            Some(why) => failed.push(why),
        }
        assert!(failed.len() < 5, "{failed:?}");
        nodes.end();
    }
    nodes.interrupt("planner");
    nodes.interrupt("perception");
    nodes.interrupt("robot");
    let ticks = Ticks::of(&done(&nodes, &["log", "export", "robot", "--to", "csv"]));

    let parts = ["robot", "planner/run-001", "perception"];
    for (file, node) in parts.into_iter().zip(["robot", "planner", "perception"]) {
        let of = format!("a {node} node's part");
        assert_has(&done(&nodes, &["log", "info", file]), &[&format!("of {of} of a run")]);
    }

    let wants = ["perception/run.mcap: part: expected the planner's part of its run beside it"];
    refused(&nodes, &why(&["robot", "perception"], "1"), &wants);

    // From a motor command back to the words, in whatever order the files come.
    let (at, motion) = ticks.amid("follow", false);
    let story = done(&nodes, &why(&["robot", "planner/run-001"], &at));
    assert_has(
        &story,
        &[
            "of its limit",
            &format!("It followed motion {motion}, ordered at "),
            "The robot's gate passed it on: a path of ",
            " by the planner node, under lease ",
            "What it was for stands in planner/run-001/run.mcap: ",
            " motions are in both parts, the same to the bit",
            "That was for skill 1 of 1: ",
            "pick(the red cube)",
            "\"pick up the red cube\" was read by",
            "objects were seen by",
            "seen/front.png",
            "The person said at ",
        ],
    );
    assert!(fs::read(nodes.folder.0.join("seen/front.png")).is_ok_and(|p| p.starts_with(b"\x89PNG")));
    // The sentence came when the robot had been there for a while; that is when it was said.
    let said = story.lines().find_map(|l| l.strip_prefix("The person said at ")).expect("a line");
    let said_s: f64 = said.split(' ').next().expect("a word").parse().expect("a number");
    assert!(said_s > 0.2 && said_s < at.parse().expect("a number"), "{story}");
    let files = ["planner/run-001/run.mcap", "planner/run-002", "robot/run.mcap"];
    assert_eq!(done(&nodes, &why(&files, &at)), story);
    seen_by_the_perception_node(&nodes, &at, &story);

    // The robot's part alone, the planner's alone, and that of another sentence.
    let alone = done(&nodes, &why(&["robot"], &at));
    assert_has(
        &alone,
        &[
            &format!("It followed motion {motion}."),
            " by the planner node, under lease ",
            "the planner's part of this run",
            "`sinew why robot/run.mcap FILE --at ",
        ],
    );
    assert!(!alone.contains("The person said"), "{alone}");
    refused(
        &nodes,
        &why(&["planner/run-001"], &at),
        &[
            "planner/run-001/run.mcap: ticks: expected the robot's part of its run",
            "the planner's part alone",
        ],
    );
    let other = done(&nodes, &why(&["robot", "planner/run-002"], &at));
    assert_has(&other, &["stands in no part of the planner's that is here (planner/run-002/run.mcap)"]);

    // What somebody else ordered was for no sentence.
    let (sent, motion) = ticks.amid("servo", true);
    let story = done(&nodes, &["why", ".", "--at", &sent]);
    let followed = format!("It followed motion {motion}.");
    assert_has(
        &story,
        &[&followed, " by `sinew send` as a person's, under lease ", "It was for no sentence"],
    );
    assert!(!story.contains("The person said"), "{story}");

    goes_out(&nodes, &ticks);

    // The same robot, started anew: its parts are of another run.
    nodes.begin("another", "robot", "robot");
    nodes.until("another", "is there, node", BEGINS);
    nodes.interrupt("another");
    let wants = [
        "planner/run-001/run.mcap: robot node: expected ",
        ", as in another/run.mcap",
        "a part of another run",
    ];
    refused(&nodes, &why(&["another", "planner/run-001"], &at), &wants);
    let export = ["log", "export", "another", "planner/run-001", "--to", "lerobot", "--out", "no-set"];
    refused(&nodes, &export, &wants);
    assert!(!nodes.folder.0.join("no-set").exists());
    refused(
        &nodes,
        &why(&["."], &at),
        &["recordings: expected one run", "another/run.mcap", "robot/run.mcap"],
    );
    perception_of_others(nodes, &at);
}

/// With the perception node's part the story says what that was shown, by whom it was asked, and what it saw.
fn seen_by_the_perception_node(nodes: &Nodes, at: &str, story: &str) {
    let with = done(nodes, &why(&["perception", "robot", "planner/run-001"], at));
    let (seen, rest): (Vec<&str>, Vec<&str>) = with.lines().partition(|l| l.starts_with("    "));
    assert_eq!(rest.join("\n"), story.trim_end());
    // A look through a camera, and how the sentence was read.
    let node = nodes.log("planner");
    let node =
        node.split("waiting for sentences, node ").nth(1).and_then(|l| l.get(..16)).expect("its number");
    let asked =
        format!("In the perception node's part, perception/run.mcap: asked by the planner's node {node}");
    let asked: Vec<&&str> = seen.iter().filter(|l| l.trim_start().starts_with(&asked)).collect();
    assert!(asked.len() >= 2, "{with}");
    assert!(
        asked.iter().any(|l| l.contains(" about picture ") && l.contains(", the same in both; sinew-vlm")),
        "{with}"
    );
    assert!(seen.iter().any(|l| l.trim_start().starts_with("It saw ") && l.contains("red cube")), "{with}");
    assert!(!with.contains("not what the planner went by") && !with.contains("no such question"), "{with}");
    assert_eq!(done(nodes, &why(&["."], at)).replace("./", ""), with);
    // One whose picture is another.
    with_another_picture(&nodes.folder.0);
    let wants = [
        "another-picture/run.mcap: picture of front at ",
        ", as in planner/run-001/run.mcap, got 0123456789abcdef: a part of another run",
    ];
    refused(nodes, &why(&["robot", "planner/run-001", "another-picture"], at), &wants);
    fs::remove_dir_all(nodes.folder.0.join("another-picture")).expect("removed");
    // Nothing of it goes into a dataset.
    let export = ["log", "export", "robot", "perception", "--to", "csv"];
    refused(nodes, &export, &["perception/run.mcap: part: expected a robot's or a planner's part"]);
}

/// The perception node's part once more, in which the fixed camera has seen something else.
fn with_another_picture(folder: &Path) {
    let to = folder.join("another-picture");
    fs::create_dir(&to).expect("created");
    let mut reader = Reader::open(&folder.join("perception/run.mcap")).expect("a recording");
    let messages: Vec<_> = reader.by_ref().collect();
    let recorder = Recorder::create(&to.join("run.mcap"), Limits::default(), Full::Waits).expect("a file");
    for file in reader.attached() {
        recorder.attach(&file.name, "text/plain", &file.data);
    }
    let (calls, notes) =
        (recorder.topic::<ModelCall>("/sinew/model"), recorder.topic::<Consumed>("/sinew/consumed"));
    for m in messages {
        match m.info.topic.as_str() {
            "/sinew/model" => {
                let mut call: ModelCall = m.read().expect("a question");
                if call.camera == "front" {
                    call.picture = "0123456789abcdef".into();
                }
                let _ = recorder.put(calls, m.stamp, &call);
            }
            "/sinew/consumed" => _ = recorder.put(notes, m.stamp, &m.read().expect("a note")),
            _ => {}
        }
    }
    assert_eq!(recorder.finish().failure, None);
}

/// A perception node's part of another run is refused, and left out in a folder.
fn perception_of_others(mut nodes: Nodes, at: &str) {
    for (name, of) in [("first", "robot"), ("first-planner", "planner"), ("first-perception", "perception")] {
        fs::rename(nodes.folder.0.join(of), nodes.folder.0.join(name)).expect("moved");
    }
    fs::remove_dir_all(nodes.folder.0.join("another")).expect("removed");
    // Nobody asks this one anything.
    nodes.begin("perception", "perception", "robot");
    nodes.until("perception", "answers, node", BEGINS);
    nodes.interrupt("perception");
    let wants = [
        "perception/run.mcap: asker: expected questions of the planner's node ",
        "(first-planner/run-001/run.mcap), got none whose asker is noted",
    ];
    refused(&nodes, &why(&["first", "first-planner/run-001", "perception"], at), &wants);
    let story = done(&nodes, &why(&["."], at));
    assert_has(
        &story,
        &["! left out: ./perception/run.mcap: asker: expected ", "first-perception/run.mcap: asked by"],
    );
}

#[test]
fn of_a_planner_that_was_killed_in_mid_motion_is_told_what_it_had_noted_up_to_the_persons_words() {
    let mut nodes = Nodes::new("parts-killed", "");
    nodes.start(&["robot", "perception", "planner"]);
    let (asked, before) = nodes.say_until_it_moves(SENTENCE, "robot");
    nodes.signal("planner", "KILL");
    nodes.until_it_stops(before);
    assert_ne!(ended(asked, DONE).0, 0);
    nodes.interrupt("robot");
    let ticks = Ticks::of(&done(&nodes, &["log", "export", "robot", "--to", "csv"]));
    let (at, motion) = ticks.amid("follow", true);
    let story = done(&nodes, &why(&["."], &at));
    let said = format!(": \"{SENTENCE}\".");
    assert_has(
        &story,
        &[&format!("It followed motion {motion}"), " by the planner node, under lease ", &said],
    );
    // Its recording has no end, and so is told.
    assert_has(&story, &["! a recording is damaged: ./planner/run-"]);
}

/// `sinew log export` of the parts: the robot's has the numbers, the planner's pictures and sentence.
fn goes_out(nodes: &Nodes, ticks: &Ticks) {
    let to = |files: &[&str], to: &str, out: &str| {
        let args = [&["log", "export"][..], files, &["--to", to, "--out", out, "--fps", "10"]].concat();
        nodes.said(&args)
    };
    let (code, said, err) = to(&["planner/run-001", "robot"], "lerobot", "set");
    assert_eq!(code, 0, "{said}{err}");
    assert_has(&said, &["planner/run-001/run.mcap: ", "1 episode, ", "2 cameras"]);
    done(nodes, &["log", "import", "set", "--episode", "0", "--out", "back"]);
    let [parts, back] = ["planner/run-001", "back"].map(|n| nodes.folder.0.join(n).join("run.mcap"));
    let begin = first_pictures(&parts);
    let (mut states, mut pictures, mut words) = (0, 0, String::new());
    for m in Reader::open(&back).expect("a recording") {
        match m.info.topic.as_str() {
            "/joint_states" => {
                let s = m.read::<JointState>().expect("joints");
                let at = begin + states * 100_000_000;
                for (name, q) in s.name.iter().zip(&s.position).filter(|(name, _)| *name != "gripper") {
                    assert_eq!(*q, ticks.at(at, &format!("q.{name}")), "{name}, frame {states}");
                }
                states += 1;
            }
            "/front/image" | "/wrist/image" => {
                assert!(!m.read::<Image>().expect("a picture").data.is_empty());
                pictures += 1;
            }
            "/sinew/operator" => words = m.read::<Text>().expect("a sentence").data,
            _ => {}
        }
    }
    assert!(
        states > 20 && (pictures, words.as_str()) == (2 * states, SENTENCE),
        "{states}, {pictures}, {words}"
    );
    // It ends with the sentence, not with the robot, which went on.
    let last = begin + states * 100_000_000;
    let sent = (ticks.amid("servo", true).0.parse::<f64>().expect("a time") * 1e9) as i64;
    assert!(last < sent, "{last}, {sent}");

    let (code, said, err) = to(&["robot"], "lerobot", "robots-set");
    assert_eq!(code, 0, "{said}{err}");
    assert_has(&said, &["! robot/run.mcap: the planner's part is missing", "no pictures"]);
    let (code, _, err) = to(&["planner"], "lerobot", "x");
    assert!(code == 2 && err.contains("the robot's part of its run beside it"), "{code}: {err}");
    let (code, said, err) = to(&["planner/run-001", "robot"], "gif", "a.gif");
    assert!(code == 0 && said.contains("frames at 10 a second"), "{code}: {said}{err}");
    let (code, _, err) = to(&["robot"], "gif", "x");
    assert!(code == 2 && err.contains("whose planner's part has them"), "{code}: {err}");
    refused(
        nodes,
        &["log", "export", "planner/run-001", "--to", "csv"],
        &["ticks: expected the robot's part"],
    );
    let both = Ticks::of(&done(nodes, &["log", "export", "planner/run-001", "robot", "--to", "csv"]));
    assert!(both.rows == ticks.rows);
}

/// When there was one of each camera.
fn first_pictures(recording: &Path) -> i64 {
    let (mut front, mut wrist) = (None, None);
    for m in Reader::open(recording).expect("a recording") {
        match m.info.topic.as_str() {
            "/front/image" | "/front/preview" => _ = front.get_or_insert(m.stamp),
            "/wrist/image" | "/wrist/preview" => _ = wrist.get_or_insert(m.stamp),
            _ => {}
        }
    }
    front.max(wrist).expect("pictures").as_nanos()
}
