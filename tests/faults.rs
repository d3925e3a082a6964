//! Rows of the fault table, on the whole robot in lockstep: scenario files break something at a time, and
//! the arm stands still or goes on, as the row asks. Every row at 20 instants drawn at random; at more
//! with `SINEW_INSTANTS=1000 cargo test --release --test faults`.

use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const SCENE: &str = r#"
sentence = ["put the red cube in the blue bowl"]
time_limit_s = 60.0
[[object]]
name = "cube"
shape = "cube"
size = "large"
color = "red"
position_m = [0.50, 0.12]
[[object]]
name = "bowl"
shape = "bowl"
size = "large"
color = "blue"
position_m = [0.52, -0.12]
"#;

/// What is looked at of every run.
struct Ended {
    code: i32,
    text: String,
    events: Vec<Value>,
    broken: String,
}

impl Ended {
    /// Seconds at which the row of this id was first named.
    fn named_at(&self, id: &str) -> Option<f64> {
        self.events.iter().find(|e| e["fault"] == id).map(stamp_s)
    }

    fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> + 'a {
        self.events.iter().filter(move |e| e["kind"] == kind)
    }

    /// Begin and end of every motion, seconds.
    fn motions(&self) -> Vec<(f64, f64)> {
        let length = |e: &Value| -> Option<f64> {
            let text = e["text"].as_str()?.strip_suffix(" s")?;
            text.rsplit(' ').next()?.parse().ok()
        };
        self.of_kind("move").filter_map(|e| Some((stamp_s(e), stamp_s(e) + length(e)?))).collect()
    }
}

fn stamp_s(event: &Value) -> f64 {
    event["stamp"].as_f64().expect("a stamp") * 1e-9
}

/// Runs the scene with one fault in lockstep.
fn with_fault(name: &str, fault: &str) -> Ended {
    let dir: PathBuf = std::env::temp_dir().join(format!("sinew-fault-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a folder");
    let scene = dir.join("scene.toml");
    fs::write(&scene, format!("{SCENE}\n{fault}")).expect("written");
    let config = dir.join("robot.toml");
    fs::write(&config, "[record]\nanimation_hz = 0.0\n").expect("written");
    let out = dir.join("out");
    let output = Command::new(env!("CARGO_BIN_EXE_sinew"))
        .args(["run", "--lockstep", "--seed", "1", "--config"])
        .arg(&config)
        .arg("--scene")
        .arg(&scene)
        .arg("--out")
        .arg(&out)
        .output()
        .expect("the program starts");
    let read = |file: &str| fs::read_to_string(out.join(file)).unwrap_or_default();
    let summary: Value = serde_json::from_str(&read("summary.json")).unwrap_or(Value::Null);
    let events = read("events.jsonl");
    let ended = Ended {
        code: output.status.code().expect("an exit code"),
        text: format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
        events: events.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect(),
        broken: summary["invariant_broken"].as_str().unwrap_or("no summary").to_owned(),
    };
    let _ = fs::remove_dir_all(&dir);
    ended
}

fn camera(fault: &str, at_s: f64, duration_s: Option<f64>) -> String {
    let duration = duration_s.map(|d| format!("duration_s = {d}\n")).unwrap_or_default();
    format!(
        "[[fault]]\nat_s = {at_s}\n{duration}kind = {{ camera = {{ name = \"front\", fault = {fault} }} }}\n"
    )
}

/// Instants between two times, at random within equal shares of the span; seconds, whole milliseconds.
fn instants(row: &str, from_s: f64, to_s: f64) -> impl Iterator<Item = (usize, f64)> {
    let n: usize = std::env::var("SINEW_INSTANTS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let mut state =
        row.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    (0..n).map(move |i| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = (state >> 11) as f64 / (1u64 << 53) as f64;
        let t = from_s + (to_s - from_s) * (i as f64 + random) / n as f64;
        (i, (t * 1e3).round() / 1e3)
    })
}

/// The arm stopped within its limits, the row is named in the events, and the run failed with a reason.
fn assert_stopped(ended: &Ended, id: &str, at_s: f64) -> f64 {
    assert_eq!(ended.broken, "", "{id} at {at_s} s: {}", ended.text);
    assert_eq!(ended.code, 1, "{id} at {at_s} s: {}", ended.text);
    let named = ended.named_at(id);
    named.unwrap_or_else(|| panic!("{id} at {at_s} s is not in the events: {}", ended.text))
}

/// A fault of the fixed camera that stays: it is named within `within_s` where the arm moves then, at
/// the next look where it rests, and nothing moves any more.
fn a_camera_fails(id: &str, fault: &str, within_s: f64) {
    let mut while_moving = 0;
    // Before, the arm proves its encoders, and nobody looks.
    for (i, at_s) in instants(&format!("{id}{fault}"), 2.1, 10.7) {
        let name = format!("{id}-{}-{i}", fault.replace(|c: char| !c.is_alphanumeric(), ""));
        let ended = with_fault(&name, &camera(fault, at_s, None));
        let named = assert_stopped(&ended, id, at_s);
        let late = named - at_s;
        assert!(late >= 0.0, "{id} at {at_s} s: named {late} s too early");
        if ended.motions().iter().any(|(begin, end)| *begin <= at_s && at_s + within_s <= *end) {
            while_moving += 1;
            assert!(late <= within_s + 1e-9, "{id} at {at_s} s: named {late} s late");
        }
        let after = ended.of_kind("move").filter(|e| stamp_s(e) > named).count();
        assert_eq!(after, 0, "{id} at {at_s} s: something moved after it was named: {}", ended.text);
    }
    assert!(while_moving > 0, "{id}: no instant fell into a motion");
}

/// A picture is taken every nine hundredths of a second while the arm moves, and seen a slice later.
const PICTURE_S: f64 = 0.1;

#[test]
fn f7_a_frozen_camera_stops_the_arm_within_three_pictures() {
    a_camera_fails("F7", "\"frozen\"", 3.0 * PICTURE_S);
}

#[test]
fn f8_an_unplugged_camera_stops_the_arm_within_a_tenth_of_a_second() {
    a_camera_fails("F8", "\"unplugged\"", PICTURE_S);
}

#[test]
fn f9_delayed_pictures_stop_the_arm_at_the_first() {
    a_camera_fails("F9", "{ delayed = 0.5 }", PICTURE_S);
}

#[test]
fn f10_a_black_or_saturated_camera_stops_the_arm_within_five_pictures() {
    a_camera_fails("F10", "\"black\"", 5.0 * PICTURE_S);
    a_camera_fails("F10", "\"saturated\"", 5.0 * PICTURE_S);
}

#[test]
fn f10_noise_or_a_picture_upside_down_stops_the_arm_within_five_pictures() {
    a_camera_fails("F10", "\"noise\"", 5.0 * PICTURE_S);
    a_camera_fails("F10", "\"rotated\"", 5.0 * PICTURE_S);
}

#[test]
fn f11_another_camera_under_the_same_name_stops_the_arm_at_its_first_picture() {
    a_camera_fails("F11", "\"swapped\"", PICTURE_S);
}

#[test]
fn f8_a_camera_that_is_dead_from_the_beginning_means_no_motion() {
    let ended = with_fault("F8-start", &camera("\"unplugged\"", 0.0, None));
    assert_stopped(&ended, "F8", 0.0);
    assert_eq!(ended.of_kind("move").count(), 0, "{}", ended.text);
}

#[test]
fn f8_a_camera_that_comes_back_as_the_one_it_was_lets_the_work_go_on() {
    let ended = with_fault("F8-back", &camera("\"unplugged\"", 1.0, Some(1.0)));
    assert_eq!(ended.broken, "", "{}", ended.text);
    assert!(ended.named_at("F8").is_some(), "{}", ended.text);
    assert_eq!(ended.code, 0, "F8 for a second: {}", ended.text);
}

#[test]
fn f20_an_object_that_slips_out_of_the_fingers_is_noticed_and_fetched_again() {
    let whole = with_fault("F20-none", "");
    assert_eq!(whole.code, 0, "{}", whole.text);
    let begin = whole.of_kind("holding").map(stamp_s).next().expect("it holds the cube");
    let (_, end) = *whole.motions().iter().rfind(|(b, _)| *b < begin + 5.0).expect("it carries the cube");
    let mut noticed = 0;
    for (i, at_s) in instants("F20", begin + 0.2, end) {
        let fault = format!("[[fault]]\nat_s = {at_s}\nduration_s = 0.5\nkind = {{ gripper = \"limp\" }}\n");
        let ended = with_fault(&format!("F20-{i}"), &fault);
        assert_eq!(ended.broken, "", "F20 at {at_s} s: {}", ended.text);
        assert!([0, 1].contains(&ended.code), "F20 at {at_s} s: {}", ended.text);
        if let Some(named) = ended.named_at("F20") {
            noticed += 1;
            assert!(
                ended.of_kind("slip").count() > 0,
                "F20 at {at_s} s: the loop felt nothing: {}",
                ended.text
            );
            // It may have fallen just where it was to go: then that is seen, and by the truth it is so.
            let again =
                ended.of_kind("replan").chain(ended.of_kind("detections")).any(|e| stamp_s(e) > named);
            assert!(again || ended.code == 1, "F20 at {at_s} s: {}", ended.text);
        }
    }
    assert!(noticed > 0, "F20: nothing slipped at any instant");
}

#[test]
fn f21_an_arm_that_meets_something_while_it_carries_looks_again_and_goes_on_with_what_it_holds() {
    let whole = with_fault("F21-none", "");
    let begin = whole.of_kind("holding").map(stamp_s).next().expect("it holds the cube");
    let (_, end) = *whole.motions().iter().rfind(|(b, _)| *b < begin + 5.0).expect("it carries the cube");
    let mut met = 0;
    for (i, at_s) in instants("F21", begin + 0.2, end).step_by(5) {
        let fault =
            format!("[[fault]]\nat_s = {at_s}\nduration_s = 0.02\nkind = {{ robot = {{ pushed = 1 }} }}\n");
        let ended = with_fault(&format!("F21-{i}"), &fault);
        assert_eq!((ended.broken.as_str(), ended.code), ("", 0), "F21 at {at_s} s: {}", ended.text);
        if let Some(named) = ended.named_at("F21") {
            met += 1;
            let again = ended.of_kind("replan").map(stamp_s).next();
            let again = again.unwrap_or_else(|| panic!("F21 at {at_s} s: {}", ended.text));
            let looked = ended.of_kind("detections").map(stamp_s).any(|at| at > named && at <= again);
            assert!(looked, "F21 at {at_s} s: planned anew without a look: {}", ended.text);
        }
    }
    assert!(met > 0, "F21: it met nothing at any instant");
}

#[test]
fn f12_an_encoder_that_reports_no_number_stops_the_arm_for_good() {
    for (i, at_s) in instants("F12", 0.1, 9.0) {
        let joint = i % 7;
        let fault = format!("[[fault]]\nat_s = {at_s}\nkind = {{ robot = {{ nan = {joint} }} }}\n");
        let ended = with_fault(&format!("F12-{i}"), &fault);
        let late = assert_stopped(&ended, "F12", at_s) - at_s;
        // The loop stops in the same tick; the report is read with the next slice.
        assert!((0.0..=0.0201).contains(&late), "F12 at {at_s} s: named {late} s late");
    }
}

#[test]
fn f22_a_robot_that_is_not_read_for_a_moment_while_the_arm_proves_itself_delays_the_run_and_no_more() {
    let mut again = 0;
    for (i, at_s) in instants("F22", 0.05, 1.4).step_by(4) {
        let fault = format!("[[fault]]\nat_s = {at_s}\nduration_s = 0.1\nkind = {{ robot = \"silent\" }}\n");
        let ended = with_fault(&format!("F22-{i}"), &fault);
        assert_eq!((ended.broken.as_str(), ended.code), ("", 0), "at {at_s} s: {}", ended.text);
        let proves = |e: &&Value| e["text"].as_str().is_some_and(|t| t.contains("mode: Proving"));
        again += usize::from(ended.events.iter().filter(proves).count() > 1);
    }
    assert!(again > 0, "it was never hit");
}

#[test]
fn rows_about_motors_and_encoders_hold_for_an_arm_whose_motors_control_themselves() {
    let out = Command::new(env!("CARGO_BIN_EXE_sinew"))
        .args(["faults", "F1", "F2", "F12", "F13", "F14", "F15", "F16", "F17", "F18", "F19", "F21", "F24"])
        .args(["--robot", "so101", "--instants", "3", "--seed", "11"])
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && text.matches("3/3").count() == 12, "{text}");
}

#[test]
fn the_command_prints_every_row_of_the_tables_in_order_and_ends_well_when_every_trial_did() {
    let output = Command::new(env!("CARGO_BIN_EXE_sinew"))
        .args(["faults", "--instants", "4", "--seed", "11"])
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let of = |kind: char, n: usize| (1..=n).map(move |i| format!("{kind}{i}"));
    let ids: Vec<String> = of('F', 46).chain(of('B', 34)).chain(of('I', 9)).collect();
    let printed: Vec<&str> = text.lines().filter_map(|l| l.split_whitespace().next()).collect();
    assert_eq!(printed, ids, "{text}");
    // F45 is tested beside the model that answers by a script.
    let (this, scripted) = (include_str!("faults.rs"), include_str!("../src/oracle.rs"));
    let others = [include_str!("clock.rs"), include_str!("nodes.rs"), include_str!("network.rs")];
    for n in 1..=46 {
        let id = format!("F{n}");
        let row = text.lines().find(|l| l.split_whitespace().next() == Some(&id));
        let row = row.unwrap_or_else(|| panic!("{id} is not in the table: {text}"));
        // A row said to be in the tests is here, or beside it.
        let name = format!("fn f{n}_");
        let is_in = |file: &&str| file.contains(&name);
        let is_here = is_in(&this) || others.iter().any(is_in) || scripted.contains(&format!("\"{id}\""));
        assert!(!row.ends_with("in the tests") || is_here, "{row}");
    }
    let here = text.lines().filter(|l| l.ends_with("4/4")).count();
    assert!(here >= 30, "{text}");
    for (args, says) in
        [(["faults", "F47"], "row: expected F1 to F46"), (["faults", "--instants=0"], "--instants: expected")]
    {
        let output =
            Command::new(env!("CARGO_BIN_EXE_sinew")).args(args).output().expect("the program starts");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(says), "{text}");
    }
}
