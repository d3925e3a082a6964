//! Recordings go out to tools that read none, and datasets for learning come in: the same numbers, and nothing that was
//! there is written over.

#[path = "scripted/ticks.rs"]
mod ticks;

use bridge::recording::Reader;
use bridge::ros::{Image, JointState, JointTrajectory, Text};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use ticks::Ticks;

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

/// Exit code and what it printed; on a machine without ffmpeg, as far as the program can tell.
fn run(args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sinew"));
    command.args(args).env("PATH", "/nowhere").env_remove("SINEW_FFMPEG");
    let output = command.output().expect("the program starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("an exit code"), String::from_utf8_lossy(&text).into_owned())
}

fn done(args: &[&str]) -> String {
    let (code, text) = run(args);
    assert_eq!(code, 0, "{args:?}: {text}");
    text
}

fn refused(args: &[&str], why: &str) {
    let (code, text) = run(args);
    assert!(code == 2 && text.contains(why), "{args:?}: {code}, {text}");
}

#[test]
fn a_run_goes_out_as_a_dataset_and_comes_in_again_with_the_same_numbers_and_pictures() {
    let folder = Folder::new("dataset");
    let [run_, set, back] = ["run", "set", "back"].map(|n| folder.path(n));
    done(&["run", "pick up the red cube", "--lockstep", "--seed", "3", "--out", &run_]);
    let said = done(&[
        "log", "export", &run_, &run_, "--to", "lerobot", "--fps", "20", "--only", "done", "--out", &set,
    ]);
    assert!(said.contains("2 episodes") && said.contains("2 cameras as PNG"), "{said}");
    assert!(said.contains("! wrist has"), "what is old is told: {said}");
    refused(&["log", "export", &run_, "--to", "lerobot", "--out", &set], "which is there already");
    let said = done(&["log", "import", &set, "--episode", "1", "--out", &back]);
    assert!(said.contains("2 episodes of panda, 20 frames a second"), "{said}");
    refused(&["log", "import", &set, "--out", &back], "which is there already");
    refused(&["log", "import", &set, "--episode", "2", "--out", &folder.path("x")], "one of the 2 episodes");
    assert!(!Path::new(&folder.path("x")).exists());
    done(&["log", "info", &back]);

    let ticks = Ticks::of(&done(&["log", "export", &run_, "--to", "csv"]));
    // What each camera saw while there were not yet pictures of all.
    let mut seen: Vec<(String, i64, Vec<u8>)> = Vec::new();
    for m in Reader::open(&Path::new(&run_).join("run.mcap")).expect("a recording") {
        if m.info.topic.ends_with("/image") && seen.len() < 8 {
            let data = m.read::<Image>().expect("a picture").data;
            seen.push((m.info.topic.clone(), m.stamp.as_nanos(), data));
        }
    }
    let first = |topic: &str| seen.iter().find(|(t, ..)| t == topic).expect("a picture").1;
    let begin = first("/front/image").max(first("/wrist/image"));
    let (mut states, mut actions, mut pictures, mut n) = (0, 0, 0, 0);
    for m in Reader::open(&Path::new(&back).join("run.mcap")).expect("a recording") {
        let at = |frame: i64| begin + frame * 50_000_000;
        match m.info.topic.as_str() {
            "/joint_states" => {
                let s = m.read::<JointState>().expect("joints");
                assert_eq!(m.stamp.as_nanos(), states * 50_000_000);
                for (j, name) in s.name.iter().enumerate().filter(|(_, name)| *name != "gripper") {
                    assert_eq!(
                        s.position[j],
                        ticks.at(at(states), &format!("q.{name}")),
                        "{name}, frame {states}"
                    );
                    assert_eq!(
                        s.velocity[j],
                        ticks.at(at(states), &format!("dq.{name}")),
                        "{name}, frame {states}"
                    );
                    assert_eq!(
                        s.effort[j],
                        ticks.at(at(states), &format!("tau.{name}")),
                        "{name}, frame {states}"
                    );
                }
                assert_eq!(s.position.last(), Some(&ticks.at(at(states), "gripper_m")));
                states += 1;
            }
            "/joint_trajectory" => {
                let told = m.read::<JointTrajectory>().expect("a path");
                // What was told by the next frame, or in the end.
                for (j, name) in told.joint_names.iter().enumerate().filter(|(_, name)| *name != "gripper") {
                    let want = ticks.at(at(actions + 1), &format!("told_q.{name}"));
                    assert_eq!(told.points[0].positions[j], want, "{name}, frame {actions}");
                }
                actions += 1;
            }
            "/sinew/operator" => {
                assert_eq!(m.read::<Text>().expect("a sentence").data, "pick up the red cube");
                n += 1;
            }
            topic => {
                let newest = seen.iter().rev().find(|(t, at, _)| t == topic && *at <= begin);
                let (_, _, data) = newest.expect("a camera's topic");
                if m.stamp.as_nanos() == 0 {
                    assert!(
                        m.read::<Image>().expect("a picture").data == *data,
                        "the first picture of {topic}"
                    );
                }
                pictures += 1;
            }
        }
    }
    assert!(
        states > 60 && (actions, pictures, n) == (states, 2 * states, 1),
        "{states}, {actions}, {pictures}, {n}"
    );

    // The other ways out.
    let [gif, plots, csv] = ["a.gif", "plots", "t.csv"].map(|n| folder.path(n));
    let said = done(&["log", "export", &run_, "--to", "gif", "--out", &gif]);
    assert!(said.contains("frames at") && fs::read(&gif).expect("a file").starts_with(b"GIF89a"), "{said}");
    let said = done(&["log", "export", &run_, "--to", "plots", "--out", &plots]);
    assert!(
        said.contains("virtual time, never late") && said.contains("positions.png, velocities.png"),
        "{said}"
    );
    done(&["log", "export", &run_, "--to", "csv", "--out", &csv]);
    for (to, out) in [("gif", &gif), ("plots", &plots), ("csv", &csv)] {
        refused(&["log", "export", &run_, "--to", to, "--out", out], "which is there already");
    }
    refused(&["log", "export", &run_, &run_, "--to", "csv"], "recordings: expected one");
    refused(&["log", "export", &run_, "--to", "gif"], "--out: expected where to");
    refused(&["log", "export", &run_, "--to", "csv", "--fps", "5"], "--fps: expected --to lerobot or gif");
    // A recording that came from a dataset is no robot's.
    refused(
        &["log", "export", &back, "--to", "lerobot", "--out", &folder.path("y")],
        "there is no run.json in it",
    );
    done(&["log", "export", &back, "--to", "gif", "--out", &folder.path("b.gif")]);
}

#[test]
fn a_dataset_of_another_version_or_without_its_parts_is_refused_with_file_and_field() {
    let folder = Folder::new("dataset-bad");
    let set = folder.path("set");
    let out = folder.path("out");
    let args = ["log", "import", set.as_str(), "--out", out.as_str()];
    let (code, text) = run(&args);
    assert!(code == 1 && text.contains("meta/info.json"), "{code}, {text}");
    fs::create_dir_all(Path::new(&set).join("meta")).expect("a folder");
    let info = Path::new(&set).join("meta/info.json");
    fs::write(&info, "{\"codebase_version\": \"v2.1\", \"fps\": 30}").expect("written");
    refused(&args, "meta/info.json: codebase_version: expected v3.x");
    refused(&args, "got v2.1");
    fs::write(&info, "{\"codebase_version\": \"v3.0\", \"fps\": 30").expect("written");
    refused(&args, "expected JSON");
    let whole = "{\"codebase_version\": \"v3.0\", \"fps\": 30, \"data_path\": \"d\", \"features\": {}}";
    fs::write(&info, whole).expect("written");
    let (code, text) = run(&args);
    assert!(code == 1 && text.contains("meta/tasks.parquet"), "{code}, {text}");
    fs::write(Path::new(&set).join("meta/tasks.parquet"), b"PAR1 and nothing else PAR1").expect("written");
    refused(&args, "meta/tasks.parquet");
    assert!(!Path::new(&out).exists());
}
