//! What a robot file may not contain, and where the reader says it stands (B16, B17).

use mechanics::{MAX_FILE_BYTES, Model, ModelError, mjcf, urdf};
use std::path::{Path, PathBuf};

/// An URDF with one joint; each line of it can be replaced.
const URDF: &str = r#"<robot name="r">
  <link name="base"/>
  <link name="arm">
    <inertial>
      <mass value="1"/>
      <inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/>
    </inertial>
    <collision><geometry><box size="1 1 1"/></geometry></collision>
  </link>
  <joint name="j" type="revolute">
    <parent link="base"/>
    <child link="arm"/>
    <limit lower="-1" upper="1" effort="5" velocity="2"/>
  </joint>
</robot>"#;

const MJCF: &str = r#"<mujoco model="m">
  <compiler angle="radian"/>
  <worldbody>
    <body name="arm">
      <inertial mass="1" pos="0 0 0" diaginertia="0.01 0.01 0.01"/>
      <joint name="j" range="-1 1"/>
      <geom size="0.1"/>
    </body>
  </worldbody>
</mujoco>"#;

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

/// Reads `file` with `old` replaced by `new`, not strictly.
fn changed(file: &str, old: &str, new: &str) -> Result<Model, ModelError> {
    assert!(file.contains(old), "{old}");
    let xml = file.replacen(old, new, 1);
    if file.starts_with("<robot") {
        urdf::parse(&xml, "r.urdf", Some(&folder("empty")), false)
    } else {
        mjcf::parse(&xml, "m.xml", Some(&folder("empty")), false)
    }
}

fn check(cases: &[(&str, &str, &str, u32, &str)]) {
    for (file, old, new, line, says) in cases {
        let e = changed(file, old, new).expect_err(new);
        assert_eq!(e.line, *line, "{new}: {e}");
        assert!(e.what.contains(says), "{new}: {e}");
        let name = if file.starts_with("<robot") { "r.urdf" } else { "m.xml" };
        assert!(e.to_string().starts_with(&format!("{name}:{line}: ")), "{e}");
    }
}

#[test]
fn the_files_as_they_stand_are_read() {
    assert_eq!(changed(URDF, "r", "r").expect("valid").joints[0].limits.torque, 5.0);
    assert_eq!(changed(MJCF, "m", "m").expect("valid").joints[0].limits.upper, 1.0);
}

#[test]
fn b16_a_joint_without_limits_is_refused_with_its_line() {
    check(&[
        (URDF, r#"<limit lower="-1" upper="1" effort="5" velocity="2"/>"#, "", 10, "expected <limit"),
        (URDF, r#"lower="-1""#, "", 13, "lower"),
        (URDF, r#"upper="1""#, r#"upper="-1""#, 13, "lower < upper"),
        (URDF, r#"upper="1""#, r#"upper="inf""#, 13, "finite"),
        (URDF, r#"upper="1""#, r#"upper="1 2""#, 13, "1 numbers"),
        (MJCF, r#"range="-1 1""#, r#"limited="true""#, 6, "range"),
        (MJCF, r#"range="-1 1""#, r#"type="slide""#, 6, "range"),
        (MJCF, r#"range="-1 1""#, r#"range="1 -1""#, 6, "lower < upper"),
    ]);
}

#[test]
fn b16_a_mass_or_inertia_that_no_moving_body_has_is_refused_with_its_line() {
    let inertia = r#"ixx="0.01" iyy="0.01""#;
    check(&[
        (URDF, r#"<mass value="1"/>"#, r#"<mass value="0"/>"#, 4, "more than zero"),
        (URDF, r#"<mass value="1"/>"#, r#"<mass value="-1"/>"#, 4, "zero or more"),
        (URDF, r#"<mass value="1"/>"#, r#"<mass value="NaN"/>"#, 5, "finite"),
        (URDF, r#"<mass value="1"/>"#, r#"<mass value="1e8"/>"#, 4, "below"),
        (URDF, r#"<mass value="1"/>"#, r#"<mass value="1e308"/>"#, 5, "finite"),
        (
            URDF,
            "<child link",
            "<axis xyz=\"1e308 1e308 0\"/><child link",
            12,
            "xyz: expected a finite number",
        ),
        (URDF, r#"<mass value="1"/>"#, "", 4, "<mass>"),
        (URDF, inertia, r#"ixx="-0.01" iyy="0.01""#, 4, "positive definite"),
        (URDF, inertia, r#"ixx="0.01" iyy="0.03""#, 4, "sum of the others"),
        (URDF, r#"ixy="0""#, r#"ixy="0.02""#, 4, "positive definite"),
        (URDF, r#"ixx="0.01" iyy="0.01" izz="0.01""#, r#"ixx="0" iyy="0" izz="0""#, 4, "positive definite"),
        (MJCF, r#"mass="1""#, r#"mass="0""#, 4, "more than zero"),
        (MJCF, r#"mass="1""#, r#"mass="-2""#, 4, "zero or more"),
        (
            MJCF,
            r#"mass="1" pos="0 0 0" diaginertia="0.01 0.01 0.01"/>
      <joint name="j""#,
            r#"mass="0" pos="0 0 0" diaginertia="0 0 0"/>
      <joint pos="0 0 1" name="j""#,
            4,
            "more than zero",
        ),
        (MJCF, r#"diaginertia="0.01 0.01 0.01""#, r#"diaginertia="0.01 0.01 0.1""#, 4, "sum of the others"),
        (MJCF, r#"diaginertia="0.01 0.01 0.01""#, r#"fullinertia="1 1 1 2 0 0""#, 4, "positive definite"),
    ]);
}

#[test]
fn b16_loops_and_duplicates_are_refused_with_their_line() {
    let second = r#"</joint>
  <joint name="k" type="fixed"><parent link="arm"/><child link="base"/></joint>"#;
    let twice = r#"</joint>
  <joint name="k" type="fixed"><parent link="base"/><child link="arm"/></joint>"#;
    let same = r#"</joint>
  <joint name="j" type="fixed"><parent link="base"/><child link="arm"/></joint>"#;
    let island = r#"</joint>
  <link name="a"/><link name="b"/>
  <joint name="k" type="fixed"><parent link="a"/><child link="b"/></joint>
  <joint name="l" type="fixed"><parent link="b"/><child link="a"/></joint>"#;
    check(&[
        (URDF, "</joint>", second, 1, "loop"),
        (URDF, "</joint>", twice, 15, "loop"),
        (URDF, "</joint>", same, 15, "each joint once"),
        (URDF, "</joint>", island, 15, "loop"),
        (URDF, r#"<link name="base"/>"#, "<link name=\"base\"/>\n<link name=\"base\"/>", 3, "each link once"),
        (URDF, r#"<link name="base"/>"#, "<link name=\"base\"/>\n<link name=\"other\"/>", 3, "second one"),
        (URDF, r#"<parent link="base"/>"#, r#"<parent link="bass"/>"#, 11, "bass"),
        (URDF, "</joint>", "<mimic joint=\"j\"/>\n</joint>", 10, "loop"),
        (MJCF, "</worldbody>", "<body name=\"arm\"/></worldbody>", 9, "each link once"),
        (
            MJCF,
            "</mujoco>",
            "<equality><connect body1=\"arm\" anchor=\"0 0 0\"/></equality></mujoco>",
            10,
            "closes a loop",
        ),
    ]);
}

#[test]
fn b16_entities_and_external_files_are_refused_without_being_opened() {
    let laughs = r#"<?xml version="1.0"?>
<!DOCTYPE robot [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>
<robot name="&c;"/>"#;
    let external = r#"<!DOCTYPE robot [<!ENTITY x SYSTEM "file:///etc/passwd">]><robot name="&x;"/>"#;
    for (text, line) in [(laughs, 2), (external, 1)] {
        for parse in [urdf::parse, mjcf::parse] {
            let e = parse(text, "r.urdf", None, false).expect_err("a document type declaration");
            assert!(e.line == line && e.what.contains("entities"), "{e}");
        }
    }
}

#[test]
fn b16_a_mesh_path_that_leads_out_of_the_folder_is_refused_with_its_line() {
    let mesh = |path: &str| format!(r#"<mesh filename="{path}"/>"#);
    let outs = [
        "../a.stl",
        "x/../../a.stl",
        "package://../a.stl",
        "package://p/../../a.stl",
        "/etc/a.stl",
        "file:///a.stl",
    ];
    for out in outs {
        for strict in [false, true] {
            let xml = URDF.replacen(r#"<box size="1 1 1"/>"#, &mesh(out), 1);
            let e = urdf::parse(&xml, "r.urdf", Some(&folder("empty")), strict).expect_err(out);
            assert!(e.line == 8 && e.what.contains("inside the robot's folder"), "{out}: {e}");
        }
    }
    let asset = r#"<asset><mesh name="x" file="../a.stl"/></asset><worldbody>"#;
    let xml = MJCF.replacen("<worldbody>", asset, 1).replacen(r#"size="0.1""#, r#"type="mesh" mesh="x""#, 1);
    let e = mjcf::parse(&xml, "m.xml", Some(&folder("empty")), false).expect_err("out of the folder");
    assert!(e.line == 7 && e.what.contains("inside the robot's folder"), "{e}");
    let include = "<include file=\"../other.xml\"/><worldbody>";
    let e = changed(MJCF, "<worldbody>", include).expect_err("out of the folder");
    assert!(e.line == 3 && e.what.contains("inside the robot's folder"), "{e}");
}

#[cfg(unix)]
#[test]
fn b16_a_link_on_the_disk_that_leads_out_of_the_folder_is_refused() {
    let (inner, outer) = (folder("linked"), folder("outer"));
    std::fs::write(outer.join("a.stl"), "solid\nendsolid\n").expect("written");
    let link = inner.join("a.stl");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(outer.join("a.stl"), &link).expect("linked");
    let xml = URDF.replacen(r#"<box size="1 1 1"/>"#, r#"<mesh filename="a.stl"/>"#, 1);
    let e = urdf::parse(&xml, "r.urdf", Some(&inner), false).expect_err("it leads out");
    assert!(e.what.contains("inside the robot's folder"), "{e}");
}

#[test]
fn b16_files_that_are_too_large_or_too_deep_are_refused_quickly() {
    let large = format!("<robot name=\"r\">{}</robot>", " ".repeat(MAX_FILE_BYTES));
    assert!(urdf::parse(&large, "r.urdf", None, false).expect_err("too large").what.contains("at most"));
    let path = folder("large").join("large.urdf");
    std::fs::write(&path, &large).expect("written");
    assert!(mechanics::load(&path).expect_err("too large").what.contains("at most"));
    let many = format!("<robot name=\"r\">{}</robot>", "<a/>".repeat(600_000));
    assert!(urdf::parse(&many, "r.urdf", None, false).is_err());
    for depth in [1000, 100_000] {
        let deep = format!(
            "<mujoco><worldbody>{}{}</worldbody></mujoco>",
            "<body>".repeat(depth),
            "</body>".repeat(depth)
        );
        assert!(mjcf::parse(&deep, "m.xml", None, false).is_err(), "{depth}");
        let deep = format!(
            "<mujoco>{}{}</mujoco>",
            "<default class=\"a\">".repeat(depth),
            "</default>".repeat(depth)
        );
        assert!(mjcf::parse(&deep, "m.xml", None, false).is_err(), "{depth}");
    }
}

#[test]
fn b16_a_file_that_would_grow_beyond_all_bounds_is_refused_before_it_does() {
    // Each class inherits everything: with these numbers fifty thousand million attributes.
    let attributes: String = (0..20_000).map(|k| format!("<t{k} a=\"\"/>")).collect();
    let classes: String = (0..100_000).map(|k| format!("<default class=\"c{k}\"/>")).collect();
    let inherited = format!("<mujoco><default>{attributes}{classes}</default><worldbody/></mujoco>");
    let e = mjcf::parse(&inherited, "m.xml", None, false).expect_err("too many");
    assert!(e.what.contains("attributes in all"), "{e}");
    // Each joint follows the next.
    let follow: String = (0..50_000)
        .map(|k| {
            format!(
                r#"<link name="l{k}"/><joint name="j{k}" type="revolute"><parent link="base"/><child link="l{k}"/><limit
                lower="0" upper="1" effort="1" velocity="1"/><mimic joint="j{}"/></joint>"#,
                k + 1
            )
        })
        .collect();
    let e = urdf::parse(
        &format!("<robot name=\"r\"><link name=\"base\"/>{follow}</robot>"),
        "r.urdf",
        None,
        false,
    );
    assert!(e.expect_err("too many").what.contains("2000 bodies"));
    let bodies = "<body><joint range=\"-1 1\"/></body>".repeat(5000);
    let e = mjcf::parse(&format!("<mujoco><worldbody>{bodies}</worldbody></mujoco>"), "m.xml", None, false);
    assert!(e.expect_err("too many").what.contains("2000 bodies"));
    // The hull of every geom is made of all corners.
    let corners = "0 0 0 1 0 0 0 1 0 0 0 1 ".repeat(100_000);
    let geoms = "<geom type=\"mesh\" mesh=\"m\"/>".repeat(100_000);
    let meshes = format!(
        "<mujoco><asset><mesh name=\"m\" vertex=\"{corners}\"/></asset><worldbody>{geoms}</worldbody></mujoco>"
    );
    assert!(
        mjcf::parse(&meshes, "m.xml", None, false).expect_err("too many").what.contains("corners in all")
    );
}

#[test]
fn b17_what_means_nothing_to_us_is_a_warning_and_refused_when_strict() {
    let cases = [
        (URDF, "</robot>", "<flux/></robot>", "flux"),
        (URDF, "</link>", "<aura/></link>", "aura"),
        (URDF, r#"effort="5""#, "", "effort"),
        (URDF, r#"<box size="1 1 1"/>"#, r#"<mesh filename="none.stl"/>"#, "none.stl"),
        (MJCF, "</mujoco>", "<flux/></mujoco>", "flux"),
        (MJCF, "</body>", "<aura/></body>", "aura"),
        (MJCF, "size=\"0.1\"", "type=\"ellipsoid\" size=\"1 1 1\"", "ellipsoid"),
        (MJCF, "range=\"-1 1\"", "range=\"-1 1\" stiffness=\"3\"", "stiffness"),
    ];
    for (file, old, new, says) in cases {
        let model = changed(file, old, new).expect("a warning");
        assert!(model.warnings.len() == 1 && model.warnings[0].contains(says), "{:?}", model.warnings);
        let xml = file.replacen(old, new, 1);
        let parse = if file == URDF { urdf::parse } else { mjcf::parse };
        let e = parse(&xml, "f", None, true).expect_err("strict");
        assert!(e.what.contains(says), "{e}");
    }
}

#[test]
fn what_an_arm_has_no_use_for_is_refused_with_a_sentence() {
    check(&[
        (URDF, r#"type="revolute""#, r#"type="floating""#, 10, "floating"),
        (URDF, "<robot name=\"r\">", "<robot name=\"r\"", 2, "well-formed"),
        (URDF, r#"<box size="1 1 1"/>"#, r#"<box size="1 0 1"/>"#, 8, "above zero"),
        (MJCF, "<joint name=\"j\" range=\"-1 1\"/>", "<freejoint/>", 6, "freejoint"),
        (MJCF, "range=\"-1 1\"", "type=\"ball\"", 6, "ball"),
        (MJCF, "<geom size=\"0.1\"/>", "<geom class=\"none\"/>", 7, "none"),
        (MJCF, "<geom size=\"0.1\"/>", "<geom size=\"-1\"/>", 7, "above zero"),
        (MJCF, "<geom size=\"0.1\"/>", "<geom type=\"capsule\" size=\"0.1\"/>", 7, "2 numbers"),
    ]);
    assert!(urdf::parse("", "r.urdf", None, false).is_err());
    assert!(urdf::parse("<a/>", "r.urdf", None, false).is_err());
    assert!(mechanics::load(Path::new("nowhere.urdf")).expect_err("no file").what.contains("cannot be read"));
}

proptest::proptest! {
    #[test]
    fn b16_no_text_makes_a_reader_panic(at in 0_usize..700, with in "\\PC{0,12}", cut in 0_usize..40) {
        for (file, parse) in [(URDF, urdf::parse as fn(&str, &str, Option<&Path>, bool) -> _), (MJCF, mjcf::parse)] {
            let at = at % file.len();
            let mut xml = file[..at].to_owned();
            xml.push_str(&with);
            xml.push_str(file.get(at + cut..).unwrap_or_default());
            let _: Result<Model, ModelError> = parse(&xml, "f", None, false);
        }
    }
}
