//! Somebody reaches over the table while the arm works: seen by the camera alone, kept clear of, waited for (F42).
//! At more instants with `SINEW_INSTANTS=40 cargo test --release --test people`.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const SCENE: &str = r#"
sentence = ["put the red cube in the blue bowl"]
success = ["cube in bowl"]
time_limit_s = 90.0
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
/// As in robot.toml.
const KEEP_M: f64 = 0.05;
/// Who comes into the picture nearer to the tool than that may be nearer than asked when the arm has come to rest (F43), but
/// not as near as this.
const LATE_M: f64 = 0.25;
const LATE_KEEP_M: f64 = 0.02;

/// How a run with a hand in it ended.
struct Ended {
    code: i32,
    text: String,
    summary: Value,
}

impl Ended {
    fn nearest_m(&self) -> f64 {
        self.summary["nearest_person_m"].as_f64().expect("in lockstep every tick is seen")
    }

    /// How far from the tool somebody was first seen within the braking distance, if so (F43), metres.
    fn seen_late_m(&self) -> Option<f64> {
        let line = self.text.lines().find(|l| l.contains("has come into the picture"))?;
        let from_tool = line.rsplit(", ").next()?.split(' ').next()?.parse().ok()?;
        self.text.contains("F43").then_some(from_tool)
    }

    fn was_seen(&self) -> bool {
        self.text.contains("has come into the picture")
    }
}

/// The folder's name tells runs apart.
fn run(name: &str, hand: &str, config: &str) -> Ended {
    let folder: PathBuf = std::env::temp_dir().join(format!("sinew-people-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for temporary files");
    let (scene, robot) = (folder.join("scene.toml"), folder.join("robot.toml"));
    fs::write(&scene, format!("{SCENE}\n{hand}")).expect("written");
    fs::write(&robot, format!("{config}\n[record]\nanimation_hz = 0.0\n")).expect("written");
    let out = folder.join("run");
    let output = Command::new(env!("CARGO_BIN_EXE_sinew"))
        .args(["run", "--lockstep", "--seed", "11", "--scene"])
        .arg(&scene)
        .arg("--config")
        .arg(&robot)
        .arg("--out")
        .arg(&out)
        .output()
        .expect("the program starts");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let summary = fs::read_to_string(out.join("summary.json")).unwrap_or_else(|_| panic!("{text}"));
    let summary = serde_json::from_str(&summary).expect("JSON");
    let _ = fs::remove_dir_all(&folder);
    Ended { code: output.status.code().expect("an exit code"), text, summary }
}

/// A hand from beyond the table's edge to over the table, at a random time within the run.
fn hand(rng: &mut ChaCha8Rng) -> String {
    let side = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
    let from = [rng.random_range(0.4..0.9), side * 0.8, rng.random_range(0.2..0.5)];
    let to = [rng.random_range(0.4..0.6), side * rng.random_range(-0.1..0.2), rng.random_range(0.12..0.35)];
    let (at, speed, stays) =
        (rng.random_range(1.6..8.0), rng.random_range(0.2..0.4), rng.random_range(0.2..4.0));
    format!(
        "[[hand]]\nfrom_m = {from:?}\nto_m = {to:?}\nat_s = {at}\nspeed_m_s = {speed}\nstays_s = {stays}\n"
    )
}

#[test]
fn f42_a_hand_that_comes_in_is_kept_clear_of_and_waited_for_and_the_task_is_done() {
    let n: usize = std::env::var("SINEW_INSTANTS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let (mut seen, mut nearer) = (0, 0);
    for k in 0..n {
        let hand = hand(&mut rng);
        let ended = run(&format!("kept-{k}"), &hand, "");
        assert_eq!(ended.code, 0, "{hand}{}", ended.text);
        let is_late = ended.seen_late_m().is_some_and(|m| m < LATE_M);
        let keep_m = if is_late { LATE_KEEP_M } else { KEEP_M - 1e-3 };
        assert!(ended.nearest_m() >= keep_m, "{} m\n{hand}{}", ended.nearest_m(), ended.text);
        nearer += usize::from(ended.nearest_m() < KEEP_M - 1e-3);
        seen += usize::from(ended.was_seen());
    }
    assert!(2 * seen > n, "seen {seen} of {n} times");
    assert!(5 * nearer <= n, "nearer than asked {nearer} of {n} times");
}

#[test]
fn a_hand_that_nobody_looks_for_is_met() {
    let hand = "[[hand]]\nfrom_m = [0.5, 0.8, 0.2]\nto_m = [0.5, -0.1, 0.2]\nat_s = 6.0\nspeed_m_s = 0.8\nstays_s = 9.0\n";
    let unseen = run("unseen", hand, "[safety]\npeople = false\n");
    assert!(unseen.nearest_m() < 0.0 && !unseen.was_seen(), "{} m\n{}", unseen.nearest_m(), unseen.text);
    let seen = run("seen", hand, "");
    assert!(seen.nearest_m() >= KEEP_M - 1e-3 && seen.was_seen(), "{} m\n{}", seen.nearest_m(), seen.text);
    assert_eq!(seen.code, 0, "{}", seen.text);
}
