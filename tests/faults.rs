//! Rows of the fault table, on the whole robot in lockstep: scenario files break something at a time, and
//! the arm stands still or goes on, as the row asks.

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

struct Ended {
    code: i32,
    text: String,
    events: String,
    broken: String,
}

/// Runs the scene with one fault; instants are drawn from `seed`.
fn with_fault(name: &str, fault: &str) -> Ended {
    let dir: PathBuf = std::env::temp_dir().join(format!("sinew-fault-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a folder");
    let scene = dir.join("scene.toml");
    fs::write(&scene, format!("{SCENE}\n{fault}")).expect("written");
    let out = dir.join("out");
    let output = Command::new(env!("CARGO_BIN_EXE_sinew"))
        .args(["run", "--lockstep", "--seed", "1", "--scene"])
        .arg(&scene)
        .arg("--out")
        .arg(&out)
        .output()
        .expect("the program starts");
    let summary = fs::read_to_string(out.join("summary.json")).unwrap_or_else(|_| "null".into());
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    let ended = Ended {
        code: output.status.code().expect("an exit code"),
        text: format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
        events: fs::read_to_string(out.join("events.jsonl")).unwrap_or_default(),
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

/// The arm stopped within its limits, the row is named in the events, and the run failed with a reason.
fn assert_stopped(ended: &Ended, id: &str) {
    assert_eq!(ended.broken, "", "{id}: {}", ended.text);
    assert_eq!(ended.code, 1, "{id}: {}", ended.text);
    assert!(
        ended.events.contains(&format!("\"fault\":\"{id}\"")),
        "{id} is not in the events: {}",
        ended.text
    );
}

#[test]
fn a_camera_that_fails_for_good_while_the_arm_moves_stops_it_with_the_row_named() {
    for (i, (id, fault)) in [
        ("F7", "\"frozen\""),
        ("F8", "\"unplugged\""),
        ("F9", "{ delayed = 0.5 }"),
        ("F10", "\"black\""),
        ("F10", "\"saturated\""),
        ("F10", "\"noise\""),
        ("F10", "\"rotated\""),
        ("F11", "\"swapped\""),
    ]
    .into_iter()
    .enumerate()
    {
        // Another instant of the first motion each time.
        let at_s = 0.6 + 0.13 * i as f64;
        let ended = with_fault(&format!("{id}-{i}"), &camera(fault, at_s, None));
        assert_stopped(&ended, id);
    }
}

#[test]
fn a_camera_that_is_dead_from_the_beginning_means_no_motion() {
    let ended = with_fault("F8-start", &camera("\"unplugged\"", 0.0, None));
    assert_stopped(&ended, "F8");
    assert!(!ended.events.contains("\"kind\":\"move\""), "{}", ended.text);
}

#[test]
fn a_camera_that_comes_back_as_the_one_it_was_lets_the_work_go_on() {
    let ended = with_fault("F8-back", &camera("\"unplugged\"", 1.0, Some(1.0)));
    assert_eq!(ended.broken, "", "{}", ended.text);
    assert!(ended.events.contains("\"fault\":\"F8\""), "{}", ended.text);
    assert_eq!(ended.code, 0, "F8 for a second: {}", ended.text);
}

#[test]
fn an_object_that_slips_out_of_the_fingers_is_noticed_and_fetched_again() {
    // Limp for half a second, some time while the cube is carried.
    for at_s in [6.5, 7.0, 7.5] {
        let fault = format!("[[fault]]\nat_s = {at_s}\nduration_s = 0.5\nkind = {{ gripper = \"limp\" }}\n");
        let ended = with_fault(&format!("F20-{at_s}"), &fault);
        assert_eq!(ended.broken, "", "F20: {}", ended.text);
        assert!([0, 1].contains(&ended.code), "F20: {}", ended.text);
        if ended.events.contains("\"fault\":\"F20\"") {
            assert!(ended.events.contains("\"kind\":\"replan\"") || ended.code == 1, "F20: {}", ended.text);
        }
    }
}

#[test]
fn an_encoder_that_reports_no_number_stops_the_arm_for_good() {
    let fault = "[[fault]]\nat_s = 1.0\nkind = { robot = { nan = 3 } }\n";
    let ended = with_fault("F12", fault);
    assert_stopped(&ended, "F12");
}
