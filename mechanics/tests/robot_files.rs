//! What a robot file says, the model has: small hand-written files of both kinds.

use mechanics::{Arm, ArmData, Data, GeomShape, JointKind, Model, kinematics, mjcf, tool_pose, urdf};
use nalgebra::{Point3, Vector3};
use std::f64::consts::FRAC_PI_2;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(folder.join("meshes")).expect("a folder for the test");
    folder
}

fn joint(model: &Model, name: &str) -> mechanics::Joint {
    model.joints[model.joint_idx(name).expect(name)].clone()
}

fn origin_of(model: &Model, q: &[f64], body: &str) -> Point3<f64> {
    let mut data = Data::new(model);
    kinematics::forward(model, &mut data, q);
    data.body_pose(model.body_idx(body).expect(body)).translation.vector.into()
}

/// A lift, a turning arm and two coupled fingers; joints stand tip first, as some exporters write them.
const LIFT: &str = r#"<robot name="lift">
  <material name="blue"><color rgba="0 0 1 1"/></material>
  <link name="left"><inertial><mass value="0.1"/><inertia ixx="1e-4" iyy="1e-4" izz="1e-4" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="right"><inertial><mass value="0.1"/><inertia ixx="1e-4" iyy="1e-4" izz="1e-4" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="arm">
    <inertial>
      <origin xyz="0.25 0 0" rpy="0 0 1.5707963267948966"/>
      <mass value="2"/><inertia ixx="0.01" iyy="0.02" izz="0.025" ixy="0" ixz="0" iyz="0"/>
    </inertial>
    <visual><origin xyz="0.25 0 0"/><geometry><mesh filename="package://lift/meshes/arm.stl" scale="2 1 1"/></geometry><material name="blue"/></visual>
    <visual><geometry><mesh filename="package://lift/meshes/arm.dae"/></geometry></visual>
    <collision name="shell"><origin xyz="0.25 0 0"/><geometry><box size="0.5 0.1 0.2"/></geometry></collision>
  </link>
  <link name="post"><inertial><mass value="5"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="floor"/>
  <link name="palm"/>
  <joint name="right_slide" type="prismatic"><parent link="palm"/><child link="right"/><axis xyz="0 -1 0"/><limit lower="0" upper="0.05" effort="9" velocity="1"/><mimic joint="left_slide" multiplier="0.5" offset="0.01"/></joint>
  <joint name="left_slide" type="prismatic"><parent link="palm"/><child link="left"/><axis xyz="0 2 0"/><limit lower="0" upper="0.05" effort="9" velocity="1"/></joint>
  <joint name="wrist" type="fixed"><parent link="arm"/><child link="palm"/><origin xyz="0.5 0 0"/></joint>
  <joint name="turn" type="continuous"><parent link="post"/><child link="arm"/><origin xyz="0 0 1"/><axis xyz="0 0 1"/><dynamics damping="0.3" friction="1"/><limit effort="7" velocity="3"/></joint>
  <joint name="rise" type="prismatic"><parent link="floor"/><child link="post"/><origin xyz="0.1 0 0" rpy="0 0 0"/><axis xyz="0 0 1"/><limit lower="0" upper="0.5" effort="100" velocity="0.4"/></joint>
</robot>"#;

/// Corners of a cube of side one, as text.
fn obj() -> String {
    (0..8).map(|i| format!("v {} {} {}\n", i & 1, (i >> 1) & 1, i >> 2)).collect()
}

/// The same cube as a binary STL: every corner in some triangle.
fn stl() -> Vec<u8> {
    let corner = |i: usize| [i & 1, (i >> 1) & 1, i >> 2].map(|v| v as f32);
    let triangles = [[0, 1, 2], [3, 4, 5], [6, 7, 0], [1, 3, 5]];
    // A binary file that begins like a text one.
    let mut bytes = b"solid but binary".to_vec();
    bytes.resize(80, b' ');
    bytes.extend((triangles.len() as u32).to_le_bytes());
    for t in triangles {
        bytes.extend([0; 12]);
        t.iter().flat_map(|i| corner(*i)).for_each(|v| bytes.extend(v.to_le_bytes()));
        bytes.extend([0; 2]);
    }
    bytes
}

#[test]
fn an_urdf_is_read_joint_by_joint_and_shape_by_shape() {
    let root = folder("lift");
    std::fs::write(root.join("meshes/arm.stl"), stl()).expect("written");
    let model = urdf::parse(LIFT, "lift.urdf", Some(&root), false).expect("valid");
    let names: Vec<&str> = model.joints.iter().map(|j| j.name.as_str()).collect();
    assert_eq!(names, ["rise", "turn", "right_slide", "left_slide"], "base first");
    assert!(model.warnings.len() == 1 && model.warnings[0].contains("arm.dae"), "{:?}", model.warnings);
    assert!(model.bodies.iter().enumerate().all(|(i, b)| b.parent.is_none_or(|p| p < i)));

    let turn = joint(&model, "turn");
    assert_eq!(
        (turn.kind, turn.damping, turn.limits.torque, turn.limits.velocity),
        (JointKind::Continuous, 0.3, 7.0, 3.0)
    );
    let mimic = joint(&model, "right_slide").mimic.expect("it follows");
    assert_eq!((mimic.joint_idx, mimic.multiplier, mimic.offset), (3, 0.5, 0.01));
    assert!((joint(&model, "left_slide").axis.y - 1.0).abs() < 1e-15, "axes are made unit");

    let arm = &model.bodies[model.body_idx("arm").expect("arm")];
    assert!((arm.inertia.diagonal() - Vector3::new(0.02, 0.01, 0.025)).norm() < 1e-15, "turned by 90°");
    let [visual, shell] = arm.geoms.as_slice() else { panic!("two shapes, got {:?}", arm.geoms) };
    assert!(visual.visible && !visual.collides && visual.rgb == [0.0, 0.0, 1.0]);
    let GeomShape::Hull { points, triangles } = &visual.shape else { panic!("a hull") };
    assert_eq!((points.len(), triangles.len()), (8, 12));
    assert!(points.iter().all(|p| p.x == 0.0 || p.x == 2.0), "scaled");
    assert!(shell.collides && !shell.visible && shell.name == "shell");
    assert_eq!(shell.shape, GeomShape::Cuboid { half: Vector3::new(0.25, 0.05, 0.1) });

    let palm = origin_of(&model, &[0.2, FRAC_PI_2, 0.0, 0.0], "palm");
    assert!((palm - Point3::new(0.1, 0.5, 1.2)).norm() < 1e-12, "{palm}");
}

#[test]
fn an_arm_without_a_profile_ends_at_its_palm() {
    let root = folder("bare");
    let path = root.join("lift.urdf");
    std::fs::write(&path, LIFT).expect("written");
    let arm = Arm::from_model(mechanics::load(&path).expect("valid")).expect("an arm");
    assert_eq!(arm.profile().joints, ["rise", "turn"]);
    assert_eq!(arm.profile().tool_link, "palm");
    assert!(arm.gripper_joint_idx().is_empty());
    let mut data = ArmData::new(&arm);
    assert!((tool_pose(&arm, &mut data, &[0.5, 0.0]).origin() - Point3::new(0.6, 0.0, 1.5)).norm() < 1e-12);
    // The mimicking finger follows even here.
    let mut full = [0.0; 4];
    arm.full_q(&[0.0, 0.0], 0.0, &mut full);
    assert_eq!(full, [0.0, 0.0, 0.01, 0.0]);
}

#[test]
fn an_mjcf_is_read_with_its_classes_angles_and_meshes() {
    let root = folder("mjcf");
    std::fs::write(root.join("meshes/cube.obj"), obj()).expect("written");
    std::fs::write(
        root.join("hand.xml"),
        r#"<mujocoinclude><body name="hand" pos="0 0 0.3"><inertial mass="0.2" pos="0 0 0" diaginertia="1e-3 1e-3 1e-3"/><joint name="grip" type="slide" range="0 0.04"/></body></mujocoinclude>"#,
    )
    .expect("written");
    let xml = r#"<mujoco model="m">
      <compiler meshdir="meshes" eulerseq="zyx"/>
      <default>
        <joint damping="0.5" armature="0.01"/>
        <default class="heavy">
          <geom density="2000"/>
          <default class="ghost"><geom rgba="1 0 0 1" contype="0" conaffinity="0" group="4"/></default>
        </default>
      </default>
      <asset><mesh file="cube.obj" scale="0.1 0.1 0.1"/><material name="green" rgba="0 1 0 1"/></asset>
      <worldbody>
        <light pos="0 0 1"/>
        <geom type="plane" size="1 1 1"/>
        <geom name="table" type="box" size="0.5 0.5 0.01" mass="30"/>
        <body name="upper" pos="0 0 1" euler="90 0 0" childclass="heavy">
          <joint name="shoulder" axis="0 1 0" range="-90 45"/>
          <geom name="limb" type="capsule" fromto="0 0 0 0 0 0.4" size="0.05"/>
          <geom class="ghost" type="box" size="0.1 0.1 0.1"/>
          <geom type="mesh" mesh="cube" material="green" mass="0"/>
          <body name="lower" pos="0 0 0.4" axisangle="0 0 1 90">
            <joint name="elbow" axis="1 0 0" pos="0 0 0.1" ref="30" range="0 60" damping="2"/>
            <joint name="twist" axis="0 0 1"/>
            <inertial mass="1" pos="0 0 0.1" quat="0.7071067811865476 0 0 0.7071067811865476" diaginertia="0.01 0.02 0.025"/>
            <include file="hand.xml"/>
          </body>
        </body>
      </worldbody>
      <actuator>
        <motor joint="shoulder" ctrlrange="-3 2" gear="10"/>
        <position joint="elbow" kp="10" forcerange="-8 8"/>
      </actuator>
      <equality><joint joint1="twist" joint2="elbow" polycoef="0.1 2 0 0 0"/></equality>
    </mujoco>"#;
    let model = mjcf::parse(xml, "m.xml", Some(&root), true).expect("valid");
    let names: Vec<&str> = model.joints.iter().map(|j| j.name.as_str()).collect();
    assert_eq!(names, ["shoulder", "elbow", "twist", "grip"]);

    let shoulder = joint(&model, "shoulder");
    assert_eq!((shoulder.damping, shoulder.armature, shoulder.limits.torque), (0.5, 0.01, 20.0));
    assert!((shoulder.limits.lower + FRAC_PI_2).abs() < 1e-12, "degrees");
    let elbow = joint(&model, "elbow");
    assert_eq!((elbow.damping, elbow.limits.torque), (2.0, 8.0));
    assert_eq!(joint(&model, "twist").kind, JointKind::Continuous);
    let mimic = joint(&model, "twist").mimic.expect("it follows");
    // The polynomial counts from the elbow's reference of 30°.
    assert!((mimic.offset - (0.1 - 2.0 * 30.0_f64.to_radians())).abs() < 1e-12 && mimic.multiplier == 2.0);

    let world = &model.bodies[0];
    assert!(world.mass == 0.0 && world.geoms.len() == 1 && world.geoms[0].name == "table");
    let upper = &model.bodies[model.body_idx("upper").expect("upper")];
    let [limb, ghost, cube] = upper.geoms.as_slice() else { panic!("three shapes") };
    assert!(limb.collides && limb.visible && limb.rgb == [0.5; 3]);
    assert!(!ghost.collides && !ghost.visible && ghost.rgb == [1.0, 0.0, 0.0]);
    assert!(matches!(cube.shape, GeomShape::Hull { .. }) && cube.rgb == [0.0, 1.0, 0.0]);
    // A capsule of 0.4 m between balls of 0.05 m, and the ghost's box of 0.2 m, at 2 kg/l.
    let (capsule, cuboid) =
        (std::f64::consts::PI * (0.0025 * 0.4 + 4.0 / 3.0 * 0.000_125) * 2000.0, 0.008 * 2000.0);
    assert!((upper.mass - capsule - cuboid).abs() < 1e-9, "{}", upper.mass);
    assert!((upper.com.z - 0.2 * capsule / (capsule + cuboid)).abs() < 1e-12);
    let lower = &model.bodies[model.body_idx("lower").expect("lower")];
    assert!((lower.inertia.diagonal() - Vector3::new(0.02, 0.01, 0.025)).norm() < 1e-12, "turned by 90°");

    // At its reference the elbow leaves the arm straight, whatever its anchor.
    let at = |q: [f64; 4]| origin_of(&model, &q, "hand");
    let reference = 30.0_f64.to_radians();
    assert!((at([0.0, reference, 0.0, 0.0]) - Point3::new(0.0, 0.0, 1.7)).norm() < 1e-12);
    // 30° further about an axis that points along the world's −x, 0.1 m above the lower arm's origin.
    let hand = at([0.0, 2.0 * reference, 0.0, 0.02]);
    let expected = Point3::new(0.0, 0.22 * 0.5, 1.5 + 0.22 * 0.75_f64.sqrt());
    assert!((hand - expected).norm() < 1e-12, "{hand}");
}

#[test]
fn an_include_that_is_missing_or_double_is_refused_with_its_line() {
    let root = folder("includes");
    std::fs::write(root.join("a.xml"), "<mujoco>\n<include file=\"a.xml\"/></mujoco>").expect("written");
    for (name, file) in [("missing.xml", "m.xml"), ("a.xml", "a.xml")] {
        let xml = format!("<mujoco>\n<include file=\"{name}\"/></mujoco>");
        let e = mjcf::parse(&xml, "m.xml", Some(&root), false).expect_err(name);
        assert!(e.line == 2 && e.file == file, "{e}");
    }
    // An error inside an included file names that file.
    std::fs::write(root.join("b.xml"), "<mujoco>\n\n<worldbody><geom size=\"x\"/></worldbody></mujoco>")
        .expect("written");
    let e = mjcf::parse("<mujoco><include file=\"b.xml\"/></mujoco>", "m.xml", Some(&root), false)
        .expect_err("x");
    assert!(e.line == 3 && e.file == "b.xml", "{e}");
}

#[test]
fn a_mesh_that_encloses_nothing_is_passed_over_with_its_reason() {
    let root = folder("flat");
    for (name, text) in [
        ("flat.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0\n"),
        ("few.obj", "v 0 0 0\n"),
        ("nan.obj", "v nan 0 0\n"),
        ("word.obj", "v a b c\n"),
        ("text.stl", "solid\nendsolid\n"),
        ("cut.stl", "short"),
    ] {
        std::fs::write(root.join(name), text).expect("written");
        let xml = format!(
            r#"<robot name="r"><link name="a"><collision><geometry><mesh filename="{name}"/></geometry></collision></link></robot>"#
        );
        let model = urdf::parse(&xml, "r.urdf", Some(&root), false).expect("a warning");
        assert!(
            model.warnings.len() == 1 && model.warnings[0].contains("mesh"),
            "{name} {:?}",
            model.warnings
        );
        assert!(urdf::parse(&xml, "r.urdf", Some(&root), true).is_err(), "{name}");
    }
}

#[test]
fn frames_place_whatever_stands_in_them_as_mujoco_does() {
    let file = |inertial: &str| {
        format!(
            r#"<mujoco>
  <compiler angle="degree"/>
  <default><default class="thin"><geom size="0.01"/></default><joint damping="0.5"/></default>
  <worldbody><frame pos="0.1 0 0.2" euler="0 90 0"><body name="a" pos="0 0 0.3">
    <frame name="f" pos="0 0.05 0" quat="0.7071067811865476 0.7071067811865476 0 0" childclass="thin">
      <joint name="j" axis="0 0 1" pos="0.02 0 0" range="-90 90"/>
      <geom name="g" type="capsule" fromto="0 0 0 0 0 0.2"/>
      <frame axisangle="1 0 0 45">
        {inertial}<geom name="h" type="box" size="0.02 0.03 0.04" pos="0.1 0 0" euler="30 0 0"/>
        <body name="b" pos="0 0 0.2"><joint name="k" type="slide" axis="1 0 0" range="0 0.1"/><geom type="sphere" size="0.05"/></body>
      </frame>
    </frame>
  </body></frame></worldbody>
</mujoco>"#
        )
    };
    // What MuJoCo 4.0.0 says of the same files at 0.3 rad and 0.05 m: centre of mass, forces against gravity.
    let own = r#"<inertial pos="0 0 0.1" mass="2" diaginertia="0.1 0.2 0.25"/>"#;
    let of_file = [
        (
            [0.320835453611, -0.053179286572, 0.115751008532],
            0.259020643277,
            [-0.60778552776, -4.907089686867],
        ),
        ([0.315586988368, -0.03538179971, 0.163963974598], 2.0, [-2.089771059162, -4.907089686867]),
    ];
    for (inertial, (com, mass, bias)) in ["", own].into_iter().zip(of_file) {
        let model = mjcf::parse(&file(inertial), "f.xml", None, true).expect("valid");
        let q = [0.3, 0.05];
        let at = origin_of(&model, &q, "b");
        let expected = Point3::new(0.273760624245, -0.091421356237, 0.109547036905);
        assert!((at - expected).norm() < 1e-9, "{at}");
        let a = &model.bodies[model.body_idx("a").expect("a")];
        assert!((a.mass - mass).abs() < 1e-9 && joint(&model, "k").damping == 0.5);
        let sizes: Vec<_> = a.geoms.iter().map(|g| (g.name.as_str(), g.shape.clone())).collect();
        assert!(matches!(sizes[0], ("g", GeomShape::Capsule { radius: 0.01, .. })), "{sizes:?}");
        let mut data = Data::new(&model);
        kinematics::forward(&model, &mut data, &q);
        let total: f64 = model.bodies.iter().map(|b| b.mass).sum();
        let sum: Vector3<f64> = (0..model.bodies.len())
            .map(|i| (data.body_pose(i) * Point3::from(model.bodies[i].com)).coords * model.bodies[i].mass)
            .sum();
        assert!((sum / total - Vector3::from(com)).norm() < 1e-9, "{}", sum / total);
        let mut tau = [0.0; 2];
        let down = Vector3::new(0.0, 0.0, -9.81);
        mechanics::dynamics::gravity(&model, &mut data, &q, &down, &mut tau);
        assert!(tau.iter().zip(bias).all(|(t, b): (&f64, f64)| (t - b).abs() < 1e-8), "{tau:?}");
    }
    let deep = "<frame>".repeat(300) + &"</frame>".repeat(300);
    let e = mjcf::parse(&format!("<mujoco><worldbody>{deep}</worldbody></mujoco>"), "f.xml", None, true);
    assert!(e.is_err_and(|e| e.to_string().contains("frames nested")));
    let lost = "<mujoco><worldbody><frame childclass=\"none\"/></worldbody></mujoco>";
    let e = mjcf::parse(lost, "f.xml", None, true);
    assert!(e.is_err_and(|e| e.to_string().contains("childclass")));
}
