//! An arm that is known by its file alone brings its tool to random poses, as a person would try it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of this test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sinew-reach-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `sinew eval reach --robot ROBOT …`: exit code, standard output, standard error.
fn reach(robot: &str, more: &[&str]) -> (i32, String, String) {
    let mut args = vec!["eval", "reach", "--robot", robot];
    args.extend_from_slice(more);
    // Away from any robot.toml.
    let here = Path::new(robot).parent().filter(|p| p.is_dir()).unwrap_or(Path::new("."));
    let out =
        Command::new(env!("CARGO_BIN_EXE_sinew")).args(&args).current_dir(here).output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code().expect("an exit code"), text(&out.stdout), text(&out.stderr))
}

/// A joint and its link: axis, where the joint is in the link before (m), the link's box: where its centre
/// is and its sides (m), mass (kg), torque (N·m).
type Part = (&'static str, [f64; 3], [f64; 3], [f64; 3], f64, f64);

/// Six joints in the usual order, pointing straight up at zeros.
const ARM: [Part; 6] = [
    ("0 0 1", [0.0, 0.0, 0.12], [0.0, 0.0, 0.05], [0.10, 0.10, 0.08], 4.0, 150.0),
    ("0 1 0", [0.0, 0.0, 0.12], [0.0, 0.0, 0.17], [0.08, 0.08, 0.26], 4.0, 150.0),
    ("0 1 0", [0.0, 0.0, 0.36], [0.0, 0.0, 0.14], [0.07, 0.07, 0.20], 3.0, 100.0),
    ("0 0 1", [0.0, 0.0, 0.28], [0.0, 0.0, 0.03], [0.05, 0.05, 0.05], 1.0, 30.0),
    ("0 1 0", [0.0, 0.0, 0.10], [0.0, 0.0, 0.04], [0.05, 0.05, 0.05], 0.8, 30.0),
    ("0 0 1", [0.0, 0.0, 0.09], [0.0, 0.0, 0.02], [0.05, 0.09, 0.02], 0.5, 30.0),
];

/// The arm as URDF. Its shoulder stands `shoulder_m` above the first joint and is pitched by `pitch_rad`;
/// its motors have `strength` times their torque.
fn urdf(shoulder_m: f64, pitch_rad: f64, strength: f64) -> String {
    let mut out = String::from(
        "<robot name=\"six\">\n  <link name=\"base\">\n    <collision><origin xyz=\"0 0 0.03\"/>\
         <geometry><cylinder radius=\"0.08\" length=\"0.06\"/></geometry></collision>\n  </link>\n",
    );
    for (i, (axis, at, center, sides, mass, effort)) in ARM.iter().enumerate() {
        let (z, pitch) = if i == 1 { (shoulder_m, pitch_rad) } else { (at[2], 0.0) };
        let parent = if i == 0 { "base".to_owned() } else { format!("link{i}") };
        let [x2, y2, z2] = sides.map(|v| v * v * mass / 12.0);
        let [cx, cy, cz] = center;
        let [sx, sy, sz] = sides;
        let n = i + 1;
        let _ = write!(
            out,
            r#"  <joint name="joint{n}" type="revolute">
    <parent link="{parent}"/><child link="link{n}"/>
    <origin xyz="{} {} {z}" rpy="0 {pitch} 0"/><axis xyz="{axis}"/>
    <limit lower="-2.4" upper="2.4" effort="{}" velocity="2.5"/>
  </joint>
  <link name="link{n}">
    <inertial><origin xyz="{cx} {cy} {cz}"/><mass value="{mass}"/>
      <inertia ixx="{}" iyy="{}" izz="{}" ixy="0" ixz="0" iyz="0"/></inertial>
    <collision><origin xyz="{cx} {cy} {cz}"/><geometry><box size="{sx} {sy} {sz}"/></geometry></collision>
  </link>
"#,
            at[0],
            at[1],
            effort * strength,
            y2 + z2,
            x2 + z2,
            x2 + y2
        );
    }
    out.push_str("</robot>\n");
    out
}

fn rows(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|l| serde_json::from_str(l).expect("a row of JSON")).collect()
}

#[test]
fn an_arm_known_by_its_urdf_alone_reaches_random_poses_by_the_simulators_truth() {
    let folder = Folder::new("six");
    let robot = folder.file("six.urdf", &urdf(0.12, 0.0, 1.0));
    let (code, text, notes) = reach(&robot, &["--episodes", "8", "--seed", "1"]);
    assert_eq!(code, 0, "{text}{notes}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.starts_with("success 100.0 % (8/8), 95 % interval"), "{text}");
    assert!(notes.contains("no home is stated; it is [0.000"), "{notes}");
    assert!(notes.contains("profile .toml"), "it says how to state another: {notes}");
}

#[test]
fn an_arm_whose_motors_take_positions_or_velocities_reaches_them_as_well() {
    let folder = Folder::new("drives");
    folder.file("six.urdf", &urdf(0.12, 0.0, 1.0));
    for drive in ["position", "velocity"] {
        let profile = format!("name = \"six\"\nmodel = \"six.urdf\"\ndrive = \"{drive}\"\n");
        let (code, text, notes) =
            reach(&folder.file(&format!("{drive}.toml"), &profile), &["--episodes", "6"]);
        assert_eq!(code, 0, "{drive}: {text}{notes}");
    }
    let profile = "name = \"six\"\nmodel = \"six.urdf\"\ndrive = \"hope\"\n";
    let (code, _, notes) = reach(&folder.file("hope.toml", profile), &["--episodes", "1"]);
    assert_eq!(code, 2, "{notes}");
    assert!(notes.contains("hope") && notes.contains("velocity"), "{notes}");
}

#[test]
fn the_same_seed_gives_the_same_rows_and_another_seed_other_poses() {
    let folder = Folder::new("same");
    let robot = folder.file("six.urdf", &urdf(0.12, 0.0, 1.0));
    let run = |seed: &str, jobs: &str| {
        reach(&robot, &["--episodes", "3", "--seed", seed, "--jobs", jobs, "--json"])
    };
    let (code, first, notes) = run("5", "1");
    assert_eq!(code, 0, "{first}{notes}");
    assert_eq!(first, run("5", "2").1, "whatever the number of threads");
    assert_ne!(first, run("6", "2").1);
    let rows = rows(&first);
    assert_eq!(rows.len(), 3);
    for row in &rows {
        assert_eq!(row["success"], true, "{row}");
        assert_eq!(row["judged"], "position and rotation");
        assert!(row["error_m"].as_f64().is_some_and(|e| e > 0.0 && e <= 0.005), "a measured error: {row}");
        assert!(row["error_rad"].as_f64().is_some_and(|e| e > 0.0 && e <= 0.02), "{row}");
        assert!(row["robot_seconds"].as_f64().is_some_and(|s| s > 0.2), "it moved: {row}");
    }
    assert_ne!(rows[0]["position_m"], rows[1]["position_m"]);
}

#[test]
fn with_fewer_than_six_joints_the_position_alone_is_judged_and_it_says_so() {
    let (code, text, _) = reach("so101", &["--episodes", "3", "--seed", "2"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("with 5 joints the position alone is judged"), "{text}");
    let (code, text, _) = reach("so101", &["--episodes", "1", "--seed", "2", "--json"]);
    assert_eq!((code, rows(&text)[0]["judged"].as_str()), (0, Some("position")), "{text}");
}

#[test]
fn an_arm_that_lies_on_the_table_at_zeros_gets_another_home_and_is_told_which_and_why() {
    let folder = Folder::new("lying");
    // The shoulder's axis 40 mm above the table, the links along x and 40 mm thick on either side.
    let lying = urdf(0.02, core::f64::consts::FRAC_PI_2, 1.0)
        .replace("0 0 0.12\" rpy", "0 0 0.02\" rpy")
        .replace("radius=\"0.08\" length=\"0.06\"", "radius=\"0.03\" length=\"0.02\"");
    let robot = folder.file("lying.urdf", &lying);
    let (code, text, notes) = reach(&robot, &["--episodes", "3", "--seed", "1"]);
    assert_eq!(code, 0, "{text}{notes}");
    for phrase in ["zeros will not do", "the table", "home is the clear pose", "profile .toml"] {
        assert!(notes.contains(phrase), "{phrase:?} in {notes}");
    }
    assert_eq!(notes, reach(&robot, &["--episodes", "1", "--seed", "9"]).2, "the same home every time");
    // Three lines state another.
    let home = "name = \"lying\"\nmodel = \"lying.urdf\"\nhome = [0.0, -1.2, 0.8, 0.0, 0.6, 0.0]\n";
    let profile = folder.file("lying.toml", home);
    let (code, text, notes) = reach(&profile, &["--episodes", "3", "--seed", "1"]);
    assert_eq!((code, notes.as_str()), (0, ""), "{text}");
}

#[test]
fn weak_motors_and_stiff_gears_are_no_reason_to_miss() {
    let folder = Folder::new("stiff");
    // Motors that hardly more than carry the arm: the motion is timed slower.
    let weak = folder.file("weak.urdf", &urdf(0.12, 0.0, 0.3));
    // Damping far above what the light links at the end ask of their motors.
    let damped = urdf(0.12, 0.0, 1.0).replace("<axis", "<dynamics damping=\"5\"/><axis");
    let stiff = folder.file("stiff.urdf", &damped);
    for robot in [&weak, &stiff] {
        let (code, text, notes) = reach(robot, &["--episodes", "4", "--seed", "3"]);
        assert_eq!(code, 0, "{text}{notes}");
    }
}

#[test]
fn a_pose_that_cannot_be_drawn_or_reached_is_told_with_its_reason_and_fails_the_command() {
    let folder = Folder::new("weak");
    folder.file("weak.urdf", &urdf(0.12, 0.0, 0.004));
    // Straight up the motors need no torque; nowhere else do they carry the arm.
    let home = "name = \"weak\"\nmodel = \"weak.urdf\"\nhome = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]\n";
    let profile = folder.file("weak.toml", home);
    let (code, text, _) = reach(&profile, &["--episodes", "2", "--seed", "1"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.lines().any(|l| l.contains("   0 seed 1") && l.contains("none was clear")), "{text}");
    assert!(text.trim_end().lines().last().is_some_and(|l| l.starts_with("success 0.0 % (0/2)")), "{text}");
    let (code, _, notes) = reach(&folder.file("none.urdf", "<robot name=\"r\"/>"), &["--episodes", "1"]);
    assert_eq!(code, 2, "{notes}");
}
