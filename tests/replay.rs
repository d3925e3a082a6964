//! What a run leaves is enough to do it again to the bit, and to say why it moved (I9, B34).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A folder of this test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sinew-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
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

/// Exit code and what it printed.
fn run(args: &[&str]) -> (i32, String) {
    let output = sinew(args);
    (output.status.code().expect("an exit code"), all_text(&output))
}

fn json(args: &[&str]) -> (i32, serde_json::Value) {
    let output = sinew(args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = serde_json::from_str(text.trim()).unwrap_or_else(|e| panic!("{e}: {}", all_text(&output)));
    (output.status.code().expect("an exit code"), value)
}

/// A replay is the same to the last bit, over so many seconds at least; returns how much faster it was than the robot.
fn assert_identical(recording: &str, at_least_s: f64) -> f64 {
    let (code, r) = json(&["replay", recording, "--json"]);
    assert_eq!((code, &r["identical"]), (0, &serde_json::json!(true)), "{r:#}");
    let seconds = r["robot_s"].as_f64().expect("a number");
    assert!(seconds > at_least_s && r["ticks"].as_u64() > Some((at_least_s * 900.0) as u64), "{r:#}");
    seconds / r["took_s"].as_f64().expect("a number")
}

#[test]
fn a_lockstep_run_is_replayed_to_the_bit_and_recorded_to_the_same_bytes_twice() {
    let folder = Folder::new("replay-lockstep");
    let [a, b] = ["a", "b"].map(|n| folder.path(n));
    for out in [&a, &b] {
        let sentence = "put the red cube in the blue bowl";
        let (code, text) = run(&["run", sentence, "--lockstep", "--seed", "3", "--out", out]);
        assert_eq!(code, 0, "{text}");
    }
    assert_identical(&a, 8.0);
    let [first, second] = [&a, &b].map(|d| fs::read(Path::new(d).join("run.mcap")).expect("a recording"));
    assert!(first == second, "{} and {} bytes", first.len(), second.len());
    assert!(first.len() < 30_000_000, "{} bytes", first.len());

    let (code, info) = json(&["log", "info", &a, "--json"]);
    assert_eq!((code, &info["complete"]), (0, &serde_json::json!(true)), "{info:#}");
    for (topic, schema) in [
        ("/joint_states", "sensor_msgs/msg/JointState"),
        ("/front/image", "sensor_msgs/msg/Image"),
        ("/wrist/depth", "sensor_msgs/msg/Image"),
        ("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray"),
        ("/front/preview", "sensor_msgs/msg/CompressedImage"),
        ("/front/camera_info", "sensor_msgs/msg/CameraInfo"),
        ("/tf", "tf2_msgs/msg/TFMessage"),
        ("/rosout", "rcl_interfaces/msg/Log"),
        ("/sinew/ticks", "sinew_msgs/msg/Tick"),
        ("/sinew/model", "sinew_msgs/msg/ModelCall"),
        ("/sinew/operator", "std_msgs/msg/String"),
        ("/sinew/consumed", "sinew_msgs/msg/Consumed"),
    ] {
        assert_eq!(info["topics"][topic]["type"], schema, "{topic}: {info:#}");
        assert!(info["topics"][topic]["messages"].as_u64() > Some(0), "{topic}: {info:#}");
    }

    let [told, seconds] = [&info["loop"]["seconds"], &info["seconds"]].map(|v| v.as_f64().expect("a number"));
    assert!((told - seconds).abs() < 1.5 && info["loop"]["misses"].is_null(), "{info:#}");
    let events = fs::read_to_string(Path::new(&a).join("events.jsonl")).expect("events");
    let (code, told) = run(&["log", "export", &a, "--to", "csv"]);
    assert_eq!(code, 0, "{told}");
    let ticks = info["topics"]["/sinew/ticks"]["messages"].as_u64().expect("a number") as usize;
    assert_eq!(told.lines().count(), ticks + 1);
    let columns = told.lines().next().expect("a head").split(',').count();
    assert!(told.lines().all(|l| l.split(',').count() == columns));

    // Somewhere in the second skill.
    let second_skill = events
        .lines()
        .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok())
        .find(|e| e["kind"] == "skill" && e["text"].as_str().is_some_and(|t| t.starts_with("2 of")))
        .and_then(|e| e["stamp"].as_i64())
        .expect("a second skill") as f64
        * 1e-9;
    let at = format!("{:.3}", second_skill + 0.8);
    let pictures = folder.path("why");
    let (code, story) = run(&["why", &a, "--at", &at, "--out", &pictures]);
    assert_eq!(code, 0, "{story}");
    for part in [
        "of its limit",
        "It followed motion",
        "skill 2 of 2",
        "pick up the small red cube, then put",
        "place(the red cube",
        "objects were seen",
        "\"put the red cube in the blue bowl\"",
    ] {
        assert!(story.contains(part), "{part:?} is not in:\n{story}");
    }
    for camera in ["front", "wrist"] {
        assert!(Path::new(&pictures).join(format!("{camera}.png")).is_file(), "{camera}: {story}");
    }
    let (code, refused) = run(&["why", &a, "--at", "1000"]);
    assert!(code == 2 && refused.contains("--at") && refused.contains("1000 s"), "{refused}");
    let (code, refused) = run(&["why", &a, "--at", "NaN"]);
    assert!(code == 2 && refused.contains("--at"), "{refused}");
}

#[test]
fn a_run_in_wall_time_is_replayed_to_the_bit_too() {
    let folder = Folder::new("replay-wall");
    let out = folder.path("run");
    let config = folder.path("robot.toml");
    // Every question of inverse kinematics is cut short after its first start.
    fs::write(&config, "[control]\nin_step = \"on\"\n[planner]\nik_limit_s = 0.0\n").expect("written");
    let output = sinew(&["run", "pick up the red cube", "--seed", "5", "--config", &config, "--out", &out]);
    let text = all_text(&output);
    assert!(text.contains("in step with the robot's cycle"), "{text}");
    // How well it went is not what this is about, but that it moved.
    assert!(output.status.code().is_some_and(|c| c == 0 || c == 1), "{text}");
    assert_identical(&out, 4.0);
    assert!(text.contains("inverse kinematics was cut short"), "{text}");
    // However long the model looked, what stands there was learned, for otherwise all of it were somebody who has come.
    let events = fs::read_to_string(Path::new(&out).join("events.jsonl")).expect("events");
    assert!(events.contains("\"kind\":\"learned\"") && !events.contains("was not learned"), "{events}");
    let (code, info) = json(&["log", "info", &out, "--json"]);
    assert!(code == 0 && info["left_out"].as_object().is_some_and(serde_json::Map::is_empty), "{info:#}");
    let control = &info["loop"];
    assert!(control["seconds"].as_u64() >= Some(4) && control["misses"].is_u64(), "{info:#}");
    assert!(control["lateness_us"][2].as_f64() >= control["lateness_us"][1].as_f64(), "{info:#}");
    let (_, text) = run(&["log", "info", &out]);
    assert!(text.contains("deadlines missed, late by p50"), "{text}");
    // With a change it is followed from what was recorded, or made anew without and with it.
    let (code, r) = json(&["replay", &out, "--with", "planner.speed=0.3", "--inputs", "--json"]);
    assert_eq!(
        (code, &r["way"], &r["doubt"]),
        (0, &"recorded inputs".into(), &serde_json::Value::Null),
        "{r:#}"
    );
    assert!(r["compared_until"]["at_s"].as_f64() > r["same_until_s"].as_f64(), "{r:#}");
    let other = folder.path("other");
    let (_, r) = json(&["replay", &out, "--with", "planner.speed=0.3", "--out", &other, "--json"]);
    assert_eq!((&r["way"], &r["was_made_anew_too"]), (&"made anew".into(), &true.into()), "{r:#}");
    assert!(r["different"].as_u64() > Some(100) && r["compared_until"].is_null(), "{r:#}");
    assert_identical(&other, 4.0);
    assert_identical(&folder.path("other/without"), 4.0);
}

#[test]
fn questions_refusals_and_answers_are_replayed_as_well() {
    let folder = Folder::new("replay-words");
    for (k, (sentence, more)) in [
        ("put the cube in the bowl", &["--answer", "the red one", "--answer", "the blue one"][..]),
        ("how many cubes do you see?", &[]),
        ("throw the red cube at the wall", &[]),
        ("", &[]),
    ]
    .into_iter()
    .enumerate()
    {
        let out = folder.path(&k.to_string());
        let mut args = vec!["run", sentence, "--lockstep", "--seed", "7", "--out", &out];
        args.extend_from_slice(more);
        let (_, text) = run(&args);
        let (code, replayed) = run(&["replay", &out]);
        assert_eq!(code, 0, "{sentence:?}: {text}\n{replayed}");
    }
    let all: Vec<String> = (0..4).map(|k| folder.path(&k.to_string())).collect();
    let args: Vec<&str> = ["replay"].into_iter().chain(all.iter().map(String::as_str)).collect();
    let (code, text) = run(&args);
    assert!(code == 0 && text.contains("4 of 4 recordings"), "{text}");
}

#[test]
fn a_run_that_was_killed_leaves_a_recording_that_can_be_read_and_followed_to_its_end() {
    let folder = Folder::new("replay-killed");
    let out = folder.path("run");
    let mut child = Command::new(env!("CARGO_BIN_EXE_sinew"))
        .args(["run", "put the red cube in the blue bowl", "--seed", "3", "--out", &out])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let begun = Instant::now();
    let recording = Path::new(&out).join("run.mcap");
    while fs::metadata(&recording).map_or(0, |m| m.len()) < 2_000_000 && begun.elapsed().as_secs() < 60 {
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().expect("killed");
    child.wait().expect("gone");
    let (code, info) = json(&["log", "info", &out, "--json"]);
    assert_eq!((code, &info["complete"]), (1, &serde_json::json!(false)), "B34: {info:#}");
    assert!(info["topics"]["/sinew/ticks"]["messages"].as_u64() > Some(1000), "{info:#}");
    let (code, r) = json(&["replay", &out, "--json"]);
    assert_eq!((code, &r["identical"]), (1, &serde_json::json!(false)), "{r:#}");
    assert_eq!(r["different"], 0, "as far as it goes it is the same: {r:#}");
    assert!(r["ticks"].as_u64() > Some(1000) && r["divergence"].is_string(), "{r:#}");
}

#[test]
fn what_is_no_recording_is_refused_by_name() {
    let folder = Folder::new("replay-none");
    let file = folder.path("none.mcap");
    for (bytes, want) in
        [(&b"no recording"[..], "expected an MCAP file"), (b"\x89MCAP0\r\n", "there is no run.json")]
    {
        fs::write(&file, bytes).expect("written");
        let (code, text) = run(&["replay", &file]);
        assert!(code != 0 && text.contains(want) && text.contains("none.mcap"), "B34: {text}");
        let (code, text) = run(&["why", &file, "--at", "1"]);
        assert!(code != 0 && text.contains("none.mcap"), "B34: {text}");
    }
    let (code, text) = run(&["log", "info", &folder.path("gone.mcap")]);
    assert!(code != 0 && text.contains("gone.mcap"), "{text}");
    let config = folder.path("robot.toml");
    fs::write(&config, "[record]\nimages = \"some\"\n").expect("written");
    let (code, text) = run(&["run", "look", "--lockstep", "--config", &config, "--out", &folder.path("x")]);
    assert!(
        code == 2 && text.contains("record.images") && text.contains("used or all or none"),
        "B18: {text}"
    );
    fs::write(&config, "[record]\nimages = \"none\"\n").expect("written");
    let out = folder.path("blind");
    let (_, text) = run(&["run", "look", "--lockstep", "--config", &config, "--out", &out]);
    let (code, refused) = run(&["replay", &out]);
    assert!(code == 2 && refused.contains("record.images"), "{text}\n{refused}");
    fs::write(&config, "[record]\nmcap = false\n").expect("written");
    let out = folder.path("without");
    run(&["run", "look", "--lockstep", "--config", &config, "--out", &out]);
    assert!(!Path::new(&out).join("run.mcap").exists() && Path::new(&out).join("events.jsonl").exists());
}

#[test]
fn a_lockstep_run_is_made_anew_with_a_changed_value_and_the_difference_is_told_and_drawn() {
    let folder = Folder::new("replay-with");
    let out = folder.path("run");
    let sentence = "pick up the red cube";
    let (code, text) = run(&["run", sentence, "--lockstep", "--seed", "3", "--out", &out]);
    assert_eq!(code, 0, "{text}");
    let before = fs::read(Path::new(&out).join("run.mcap")).expect("a recording");

    let other = folder.path("other");
    let with = ["replay", &out, "--with", "safety.tool_speed_m_s=0.1", "--out", &other];
    let (code, r) = json(&[&with[..], &["--json"]].concat());
    assert_eq!(code, 0, "{r:#}");
    let number = |path: &str| r.pointer(path).and_then(serde_json::Value::as_f64).expect(path);
    assert_eq!((&r["way"], &r["doubt"]), (&"made anew".into(), &serde_json::Value::Null));
    assert!(number("/same_until_s") > 1.0 && number("/different") > 1000.0, "{r:#}");
    assert!(number("/changed/margins/tool_m_s/value") < 0.101, "{r:#}");
    assert!(number("/recorded/margins/tool_m_s/value") > 0.3, "{r:#}");
    assert!(number("/changed/margins/seconds") > number("/recorded/margins/seconds") + 3.0, "{r:#}");
    assert!(number("/largest_joint_difference/value") > 0.1, "{r:#}");
    assert_eq!(
        (&r["recorded"]["ended"]["exit"], &r["changed"]["ended"]["exit"]),
        (&"done".into(), &"done".into())
    );
    let picture = fs::read(r["picture"].as_str().expect("a path")).expect("the picture");
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 5000);
    // What was made anew is a run with a recording of its own; the old one is as it was.
    assert_identical(&other, 8.0);
    assert!(fs::read(Path::new(&out).join("run.mcap")).expect("a recording") == before);

    // The same value as before: the same run, to the last bit.
    let (code, text) = run(&["replay", &out, "--with", "planner.speed=0.5"]);
    assert!(code == 0 && text.contains("every command is the same, to the last bit"), "{text}");
    assert!(Path::new(&out).join("with-planner.speed=0.5/difference.png").is_file(), "{text}");
    let again = fs::read(Path::new(&out).join("with-planner.speed=0.5/run.mcap")).expect("a recording");
    assert!(again == before, "{} and {} bytes", again.len(), before.len());
    // A run that ends otherwise: everything is kept out of.
    let wall = "safety.keep_out_m=[[0.2, 0.9, -0.6, 0.6, 0.0, 0.6]]";
    let (code, text) = run(&["replay", &out, "--with", wall, "--out", &other]);
    assert!(code == 1 && text.contains("recorded:") && text.contains("refused: "), "{code}: {text}");

    for (args, wants) in [
        (&["--with", "planner.sped=0.3"][..], "did you mean `planner.speed`?"),
        (&["--with", "planner.speed=9"], "planner.speed: expected 0.05 to 0.8, got 9"),
        (&["--with", "planner.speed=fast"], "expected f64"),
        (&["--with", "sim.seed=4"], "another seed is another run"),
        (&["--with", "perception.weights=none.safetensors"], "none.safetensors"),
        (&["--with", "planner.speed=0.3", "--out", &out], "another folder than the recording's own"),
        (&["--out", &other], "--with"),
    ] {
        let (code, text) = run(&[&["replay", &out][..], args].concat());
        assert!(code == 2 && text.contains(wants), "B18: {args:?}: {code}: {text}");
    }
    assert!(!Path::new(&out).join("with-perception.weights=none.safetensors").exists());
    assert!(fs::read(Path::new(&out).join("run.mcap")).expect("a recording") == before);
}
