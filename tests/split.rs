//! A run over several processes leaves a recording of each part: out of the robot's and the planner's together its story is
//! told, parts of other runs are refused, and of one alone is said what is missing.

mod scripted;

use scripted::nodes::{BEGINS, Nodes};
use std::fs;

const SENTENCE: &str = "pick up the red cube";

/// Every tick of a recording, as `--to csv` has it.
struct Ticks {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Ticks {
    fn of(text: &str) -> Self {
        let mut lines = text.lines().map(|l| l.split(',').map(str::to_owned).collect::<Vec<_>>());
        Self { columns: lines.next().expect("a head"), rows: lines.collect() }
    }

    fn place(&self, column: &str) -> usize {
        self.columns.iter().position(|c| c == column).expect("a column")
    }

    /// The tick in the middle of the first motion in this mode, or of the last: its time and the motion.
    fn amid(&self, mode: &str, is_last: bool) -> (String, String) {
        let (of_mode, motion) = (self.place("mode"), self.place("motion"));
        let mut rows = self.rows.iter().filter(|r| r[of_mode] == mode);
        let id = if is_last { rows.next_back() } else { rows.next() }.expect("a tick")[motion].clone();
        let rows: Vec<_> = self.rows.iter().filter(|r| r[of_mode] == mode && r[motion] == id).collect();
        (rows[rows.len() / 2][0].clone(), id)
    }
}

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
    nodes.start(&["robot", "perception", "planner"]);
    done(&nodes, &["say", SENTENCE]);
    fs::write(nodes.folder.0.join("line.jsonl"), r#"{"joints": [0.2, -0.6, 0.1, -2.2, 0.0, 1.7, 0.8]}"#)
        .expect("written");
    done(&nodes, &["send", "line.jsonl"]);
    done(&nodes, &["say", "how many cubes do you see?"]);
    nodes.interrupt("planner");
    nodes.interrupt("robot");
    let ticks = Ticks::of(&done(&nodes, &["log", "export", "robot", "--to", "csv"]));

    for (file, of) in [("robot", "a robot node's part"), ("planner/run-001", "a planner node's part")] {
        assert_has(&done(&nodes, &["log", "info", file]), &[&format!("of {of} of a run")]);
    }

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
    assert_eq!(done(&nodes, &why(&["."], &at)).replace("./", ""), story);

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
    refused(
        &nodes,
        &why(&["."], &at),
        &["recordings: expected one run", "another/run.mcap", "robot/run.mcap"],
    );
}
