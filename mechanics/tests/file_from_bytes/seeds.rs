//! The rows of the bad-input table about files (B15 to B18) as inputs, with what must come of each.

use super::Kind;

/// A joint and a link, with everything that the reader knows of them.
pub(crate) const URDF: &str = r#"<robot name="r">
  <material name="m"><color rgba="1 0 0 1"/></material>
  <link name="base"/>
  <link name="arm">
    <inertial>
      <origin xyz="0 0 0.1" rpy="0 0 0.2"/>
      <mass value="1"/>
      <inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/>
    </inertial>
    <visual><geometry><sphere radius="0.1"/></geometry><material name="m"/></visual>
    <collision><geometry><box size="0.1 0.1 0.2"/></geometry></collision>
    <collision><origin xyz="0 0 1"/><geometry><cylinder radius="0.1" length="0.2"/></geometry></collision>
  </link>
  <link name="hand"><inertial><mass value="1"/><inertia ixx="0.1" iyy="0.1" izz="0.1"/></inertial></link>
  <joint name="j" type="revolute">
    <origin xyz="0 0 1" rpy="0.1 0.2 0.3"/>
    <parent link="base"/>
    <child link="arm"/>
    <axis xyz="0 0 1"/>
    <limit lower="-1" upper="1" effort="5" velocity="2"/>
    <dynamics damping="0.1"/>
  </joint>
  <joint name="k" type="prismatic">
    <parent link="arm"/>
    <child link="hand"/>
    <limit lower="-1" upper="1" effort="5" velocity="2"/>
    <mimic joint="j" multiplier="2" offset="0.1"/>
  </joint>
</robot>"#;

/// The same kind of thing as MJCF, with a finger.
pub(crate) const MJCF: &str = r#"<mujoco model="m">
  <compiler angle="degree" eulerseq="xyz" autolimits="true"/>
  <default>
    <geom size="0.1"/>
    <default class="c"><joint damping="1" armature="0.1"/></default>
  </default>
  <asset>
    <material name="red" rgba="1 0 0 1"/>
    <mesh name="wedge" vertex="0 0 0 1 0 0 0 1 0 0 0 1" scale="0.1 0.1 0.1"/>
  </asset>
  <worldbody>
    <geom type="plane" size="1 1 1"/>
    <body name="arm" pos="0 0 1" euler="10 20 30" childclass="c">
      <inertial mass="1" pos="0 0 0" diaginertia="0.01 0.01 0.01"/>
      <joint name="j" axis="0 0 1" range="-60 60" ref="0"/>
      <joint name="i" pos="0 0 0.1" axis="0 1 0" range="-60 60"/>
      <geom type="capsule" fromto="0 0 0 0 0 1" material="red"/>
      <geom type="mesh" mesh="wedge"/>
      <body name="finger" quat="1 0 0 0">
        <joint name="f" type="slide" axis="1 0 0" range="0 0.04"/>
        <geom type="box" size="0.01 0.01 0.01" mass="0.1"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor joint="j" forcerange="-5 5"/><position name="p" joint="i" ctrlrange="-1 1"/></actuator>
</mujoco>"#;

/// A profile for [`MJCF`].
pub(crate) const PROFILE: &str = r#"name = "m"
model = "m.xml"
joints = ["j", "i"]
velocity = [1.0, 1.0]
acceleration = [4.0, 4.0]
jerk = [80.0, 80.0]
torque = [20.0, 20.0]
torque_rate = [200.0, 200.0]
kp = [400.0, 400.0]
kd = [40.0, 40.0]
home = [0.1, 0.1]
park = [0.0, 0.0]
base_xyz_m = [0.1, 0.0, 0.0]
base_yaw_rad = 0.5
tool_link = "arm"
tool_xyz_m = [0.0, 0.0, 0.1]
tool_rpy_rad = [0.0, 0.0, 0.0]
reach_m = [0.2, 0.5, -0.3, 0.3]
overrun_ms = 20.0
contact_share = 0.2
[gripper]
joints = ["f"]
closed = [0.0]
open = [0.04]
width_m = 0.08
force_n = 20.0
speed_m_s = 0.1
"#;

const CONFIG: &str = r#"[planner]
speed = 0.5
clearance_m = 0.01
[control]
rate_hz = 500.0
lease_ms = 100.0
[safety]
keep_out_m = [[0.3, 0.9, -0.6, -0.4, 0.0, 1.2]]
tool_speed_m_s = 1.0
[sim]
seed = 7
"#;

pub(crate) struct Seed {
    /// The row, and what is special.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) strict: bool,
    pub(crate) text: String,
    /// What the refusal says; `None`: it is read.
    pub(crate) refused: Option<&'static str>,
}

impl Seed {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let first = self.kind as u8 | if self.strict { 4 } else { 0 };
        [&[first], self.text.as_bytes()].concat()
    }
}

/// What is replaced, by what, and what the refusal says.
type Row = (&'static str, &'static str, &'static str, &'static str);

pub(crate) fn seeds() -> Vec<Seed> {
    let good = [(Kind::Urdf, URDF), (Kind::Mjcf, MJCF), (Kind::Profile, PROFILE), (Kind::Config, CONFIG)];
    let mut out: Vec<Seed> = good
        .iter()
        .flat_map(|(kind, text)| [false, true].map(|strict| (*kind, *text, strict)))
        .map(|(kind, text, strict)| Seed { name: "fine", kind, strict, text: text.into(), refused: None })
        .collect();
    let urdf: &[Row] = &[
        ("B16 no limit", r#"<limit lower="-1" upper="1" effort="5" velocity="2"/>"#, "", "expected <limit"),
        ("B16 limit NaN", r#"upper="1""#, r#"upper="nan""#, "finite"),
        ("B16 limit turned round", r#"upper="1""#, r#"upper="-1""#, "lower < upper"),
        ("B16 mass zero", r#"<mass value="1"/>"#, r#"<mass value="0"/>"#, "more than zero"),
        ("B16 mass negative", r#"<mass value="1"/>"#, r#"<mass value="-1"/>"#, "zero or more"),
        ("B6 mass huge", r#"<mass value="1"/>"#, r#"<mass value="1e308"/>"#, "finite number"),
        ("B16 inertia of no body", r#"ixx="0.01""#, r#"ixx="-0.01""#, "positive definite"),
        ("B16 inertia too flat", r#"ixx="0.01""#, r#"ixx="0.9""#, "sum of the others"),
        ("B16 loop", r#"<parent link="base"/>"#, r#"<parent link="hand"/>"#, "loop"),
        ("B16 link twice", r#"<link name="base"/>"#, r#"<link name="arm"/>"#, "each link once"),
        ("B16 mimics itself", r#"<mimic joint="j""#, r#"<mimic joint="k""#, "loop"),
        ("B16 laughs", "<robot", "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><robot", "entities"),
        (
            "B16 external entity",
            "<robot",
            "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><robot",
            "entities",
        ),
        ("B16 cut off", "</robot>", "", "well-formed"),
        ("B16 axis zero", r#"<axis xyz="0 0 1"/>"#, r#"<axis xyz="0 0 0"/>"#, "a direction"),
        ("B6 axis huge", r#"<axis xyz="0 0 1"/>"#, r#"<axis xyz="1e308 1e308 0"/>"#, "finite number"),
    ];
    let mjcf: &[Row] = &[
        ("B16 range turned round", r#"range="-60 60""#, r#"range="60 -60""#, "lower < upper"),
        ("B16 mass zero", r#"mass="0.1""#, r#"mass="0""#, "more than zero"),
        (
            "B16 inertia of no body",
            "0.01 0.01 0.01\"/>\n      <joint",
            "1 0.01 0.01\"/>\n      <joint",
            "sum",
        ),
        ("B16 an include", "<worldbody>", "<include file=\"../other.xml\"/><worldbody>", "include"),
        ("B16 body twice", "\"finger\"", "\"arm\"", "each link once"),
        ("B16 no such class", "childclass=\"c\"", "childclass=\"d\"", "default class"),
        ("B9 quaternion zero", "quat=\"1 0 0 0\"", "quat=\"0 0 0 0\"", "quat"),
        ("B16 ball joint", "type=\"slide\"", "type=\"ball\"", "ball"),
    ];
    let profile: &[Row] = &[
        ("B15 kp NaN", "kp = [400.0, 400.0]", "kp = [nan, 400.0]", "robot.kp[0]"),
        ("B15 kp 1e9", "kp = [400.0, 400.0]", "kp = [1e9, 400.0]", "robot.kp[0]"),
        ("B15 kd zero", "kd = [40.0, 40.0]", "kd = [40.0, 0.0]", "robot.kd[1]"),
        ("B15 slope negative", "kd = [40.0", "near_end_slope = [-1.0, 0.0]\nkd = [40.0", "j.near_end_slope"),
        ("B7 slopes too few", "kd = [40.0", "near_end_slope = [1.0]\nkd = [40.0", "robot.near_end_slope"),
        ("B6 velocity huge", "velocity = [1.0", "velocity = [1e308", "j.velocity"),
        ("B15 velocity negative", "velocity = [1.0", "velocity = [-1.0", "robot.velocity[0]"),
        ("B7 too many", "home = [0.1, 0.1]", "home = [0.1, 0.1, 0.1]", "robot.home"),
        ("B7 a name twice", "[\"j\", \"i\"]", "[\"j\", \"j\"]", "robot.joints"),
        ("B7 no such joint", "[\"j\", \"i\"]", "[\"j\", \"x\"]", "robot.joints[1]"),
        ("B8 home in degrees", "home = [0.1, 0.1]", "home = [90.0, 0.1]", "robot.home"),
        ("B1 base NaN", "base_yaw_rad = 0.5", "base_yaw_rad = nan", "robot.base"),
        ("B6 base huge", "base_xyz_m = [0.1", "base_xyz_m = [1e308", "robot.base"),
        ("B18 unknown key", "park =", "prak =", "prak"),
        ("B18 a key twice", "name = \"m\"", "name = \"m\"\nname = \"n\"", "duplicate"),
        ("B18 wrong type", "overrun_ms = 20.0", "overrun_ms = \"late\"", "overrun_ms"),
        ("B15 gripper speed zero", "speed_m_s = 0.1", "speed_m_s = 0.0", "robot.gripper.speed_m_s"),
        ("B15 gripper opens nowhere", "open = [0.04]", "open = [0.0]", "robot.gripper.open[0]"),
    ];
    for (kind, text, rows) in
        [(Kind::Urdf, URDF, urdf), (Kind::Mjcf, MJCF, mjcf), (Kind::Profile, PROFILE, profile)]
    {
        for (name, old, new, says) in rows {
            assert!(text.contains(old), "{name}: {old}");
            let text = text.replacen(old, new, 1);
            out.push(Seed { name, kind, strict: false, text, refused: Some(says) });
        }
    }
    for (kind, old, tag) in
        [(Kind::Urdf, "</robot>", "<flux/></robot>"), (Kind::Mjcf, "</mujoco>", "<flux/></mujoco>")]
    {
        let text = if kind == Kind::Urdf { URDF } else { MJCF }.replacen(old, tag, 1);
        for strict in [false, true] {
            let refused = strict.then_some("flux");
            out.push(Seed { name: "B17 unknown tag", kind, strict, text: text.clone(), refused });
        }
    }
    let flat = MJCF.replacen("0 0 0 1 0 0 0 1 0 0 0 1", "0 0 0 1 0 0 0 1 0 1 1 0", 1);
    for strict in [false, true] {
        let refused = strict.then_some("volume");
        out.push(Seed { name: "B16 flat mesh", kind: Kind::Mjcf, strict, text: flat.clone(), refused });
    }
    // Refused by the root package, which reads it.
    for (name, old, new) in [
        ("B18 unknown key", "lease_ms", "lease_mss"),
        ("B18 wrong type", "500.0", "\"fast\""),
        ("B18 NaN", "0.5", "nan"),
        ("B18 a key twice", "seed = 7", "seed = 7\nseed = 8"),
    ] {
        let text = CONFIG.replacen(old, new, 1);
        out.push(Seed { name, kind: Kind::Config, strict: false, text, refused: None });
    }
    out
}
