//! Rows about files: of robots, of configuration, of runs; and the numbers in them.

use super::names;
use crate::commands::Setting;
use crate::config::{Config, DEFAULT};
use bridge::recording::{FileReader, Full, Limits, Recorder};
use bridge::ros;
use mechanics::{Arm, MAX_FILE_BYTES, Model, ModelError, description, mjcf, urdf};
use nalgebra::{Quaternion, UnitQuaternion};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use types::{RobotProfile, Time, Tool, Transform, World};

/// How far from one a norm may be.
const NEAR_ONE: f64 = 1e-3;

/// A folder for a trial's files; gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(rng: &mut ChaCha8Rng) -> Result<Self, String> {
        let path =
            std::env::temp_dir().join(format!("sinew-{}-{:x}", std::process::id(), rng.random::<u64>()));
        std::fs::create_dir_all(path.join("in")).map_err(|e| e.to_string())?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn b9(_: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let xyz = [(); 3].map(|()| rng.random_range(-1.0..1.0));
    let unit = UnitQuaternion::from_euler_angles(
        rng.random_range(-3.0..3.0),
        rng.random_range(-1.5..1.5),
        rng.random_range(-3.0..3.0),
    );
    let times = |s: f64| [unit.w, unit.i, unit.j, unit.k].map(|v| s * v);
    let made = |wxyz: [f64; 4]| Transform::<World, Tool>::new(xyz, wxyz);
    let said = |[w, x, y, z]: [f64; 4]| {
        let position = ros::Point { x: xyz[0], y: xyz[1], z: xyz[2] };
        ros::Pose { position, orientation: ros::Quaternion { x, y, z, w } }.typed::<World, Tool>()
    };
    let off = rng.random_range(-0.99 * NEAR_ONE..0.99 * NEAR_ONE);
    let near = made(times(1.0 + off)).map_err(|e| format!("{off:e} off one: {e}"))?;
    let rotation = near.isometry().rotation;
    if (rotation.norm() - 1.0).abs() > 1e-12 || rotation.angle_to(&unit) > 1e-7 {
        return Err(format!("{off:e} off one became {rotation:?}"));
    }
    said(times(1.0 + off)).map_err(|e| e.to_string())?;
    let long = 1.0 + rng.random_range(1.01 * NEAR_ONE..9.0);
    let mut none = times(1.0);
    none[rng.random_range(0..4)] = f64::NAN;
    for bad in [times(long), times(1.0 / long), [0.0; 4], none, times(-1e200)] {
        names(made(bad), "quaternion")?;
        names(said(bad), "quaternion")?;
    }
    // A robot file's quaternions may be of any length, and its axes sheared: they are made a rotation, as MuJoCo does it.
    let [a, b] = [(); 2].map(|()| rng.random_range(0.1..0.9));
    let axes = |text: &str| mjcf_with("<body name=\"arm\">", &format!("<body name=\"arm\" {text}>"));
    let sheared = axes(&format!("xyaxes=\"1 0 0 {a} {b} 0\"")).map_err(|e| e.to_string())?;
    let turned = &sheared.bodies.last().ok_or("no body")?.parent_from_body.rotation;
    if turned.angle_to(&UnitQuaternion::new_normalize(Quaternion::identity())) > 1e-6 {
        return Err(format!("sheared axes became {turned:?}"));
    }
    names(axes(&format!("xyaxes=\"1 0 0 {a} 0 0\"")), "xyaxes")?;
    names(axes("quat=\"0 0 0 0\""), "quat")?;
    names(axes("quat=\"nan 0 0 0\""), "quat")
}

/// A number that is no limit and no gain.
fn no_gain(rng: &mut ChaCha8Rng) -> f64 {
    let below = -rng.random_range(0.001..1e6);
    *[0.0, -0.0, below, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].choose(rng).unwrap_or(&0.0)
}

pub(super) fn b15(setting: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let arm = &setting.arm;
    let (n, good) = (arm.n_joints(), control::Config::default());
    let (j, v) = (rng.random_range(0..n), no_gain(rng));
    let spoilt = |of: &[f64], v: f64| {
        let mut list = of.to_vec();
        list[j] = v;
        list
    };
    for (v, is_gain) in [(v, true), (1e9, false)] {
        let [kp, kd] = [spoilt(&arm.profile().kp, v), spoilt(&arm.profile().kd, v)];
        let made = |config| control::new(arm.clone(), config).map(|_| ());
        names(made(control::Config { kp, ..good.clone() }), &format!("control.kp[{j}]"))?;
        names(made(control::Config { kd, ..good.clone() }), &format!("control.kd[{j}]"))?;
        if is_gain {
            names(made(control::Config { lease_s: v, ..good.clone() }), "control.lease_s")?;
            names(made(control::Config { period_s: v, ..good.clone() }), "control.period_s")?;
            names(made(control::Config { tool_speed_m_s: v, ..good.clone() }), "control.tool_speed_m_s")?;
        }
    }
    for name in ["velocity", "acceleration", "jerk", "torque", "torque_rate"] {
        let mut limits = arm.limits()[j];
        *match name {
            "velocity" => &mut limits.velocity,
            "acceleration" => &mut limits.acceleration,
            "jerk" => &mut limits.jerk,
            "torque" => &mut limits.torque,
            _ => &mut limits.torque_rate,
        } = v;
        names(limits.check("joint"), &format!("joint.{name}"))?;
    }
    // The same in the profile of a robot, whose limits are these, too.
    for name in ["velocity", "acceleration", "jerk", "torque", "torque_rate", "kp", "kd"] {
        let mut profile = arm.profile().clone();
        put(&mut profile, name, (j, n), v);
        names(Arm::new(arm.model().clone(), profile), &format!("robot.{name}[{j}]"))?;
    }
    let rate = if v.is_nan() { "nan".to_owned() } else { format!("{:?}", v.clamp(-1e9, 0.0)) };
    names(Config::parse(&format!("[control]\nrate_hz = {rate}\n"), "my.toml"), "my.toml:2: control.rate_hz")
}

/// Puts a number into a list of a profile that has one per joint; where there is none, the others are one.
fn put(p: &mut RobotProfile, name: &str, (joint, n): (usize, usize), v: f64) {
    let list = match name {
        "velocity" => &mut p.velocity,
        "acceleration" => &mut p.acceleration,
        "jerk" => &mut p.jerk,
        "torque" => &mut p.torque,
        "torque_rate" => &mut p.torque_rate,
        "kp" => &mut p.kp,
        _ => &mut p.kd,
    };
    list.resize(n, 1.0);
    list[joint] = v;
}

/// A small robot file.
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

fn mjcf_with(old: &str, new: &str) -> Result<Model, ModelError> {
    mjcf::parse(&MJCF.replacen(old, new, 1), "m.xml", None, false)
}

/// One of the places where a text stands in another.
fn place(text: &str, of: &str, rng: &mut ChaCha8Rng) -> Result<usize, String> {
    let all: Vec<usize> = text.match_indices(of).map(|(at, _)| at).collect();
    all.choose(rng).copied().ok_or_else(|| format!("no {of} in this robot's file"))
}

/// The text with what stands between two others at a place drawn replaced, and the line of it.
fn replaced(
    text: &str,
    (from, to): (&str, &str),
    new: &str,
    rng: &mut ChaCha8Rng,
) -> Result<(String, usize), String> {
    let at = place(text, from, rng)? + from.len();
    let end = at + text[at..].find(to).ok_or_else(|| format!("no {to} behind {from}"))?;
    Ok((format!("{}{new}{}", &text[..at], &text[end..]), 1 + text[..at].matches('\n').count()))
}

/// Lines of the largest element of a robot file here, above what is wrong in it.
const ELEMENT: usize = 60;

/// A file is refused with its name, what is wrong, and the line: that of the place, or of the element around it.
fn refused_at(came: Result<Model, ModelError>, says: &str, line: usize) -> Result<(), String> {
    match came {
        Ok(_) => Err(format!("{says}: taken")),
        Err(e) if !e.what.contains(says) => Err(format!("{says}: refused as {e}")),
        Err(e) if !(line.saturating_sub(ELEMENT)..=line + 1).contains(&(e.line as usize)) => {
            Err(format!("{says} in line {line}: refused as {e}"))
        }
        Err(_) => Ok(()),
    }
}

pub(super) fn b16(setting: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    // This robot itself, as others would be given it.
    let good = description::urdf(setting.arm.model(), &setting.arm.world_from_base());
    let read = |text: &str| urdf::parse(text, "my.urdf", None, false);
    read(&good).map_err(|e| format!("as it is: {e}"))?;
    let below = format!("-{}", rng.random_range(0.001..10.0));
    for (between, new, says) in [
        (("effort=\"", "\""), "nan", "effort"),
        (("velocity=\"", "\""), "-inf", "velocity"),
        (("lower=\"", "\""), "inf", "lower"),
        (("lower=\"", "\""), "99", "lower < upper"),
        (("<mass value=\"", "\""), below.as_str(), "zero or more"),
        (("<mass value=\"", "\""), "1e308", "finite"),
        (("ixx=\"", "\""), below.as_str(), "positive definite"),
        (("ixx=\"", "\""), "1e5", "sum of the others"),
        (("<axis xyz=\"", "\""), "0 0 0", "direction"),
    ] {
        let (text, line) = replaced(&good, between, new, rng)?;
        refused_at(read(&text), says, line)?;
    }
    // Without a speed or a force that can be, a cautious one is taken, and told; strict, it is refused.
    for (key, none) in [("velocity", "0"), ("effort", below.as_str())] {
        let (text, line) = replaced(&good, (&format!(" {key}=\""), "\""), none, rng)?;
        let says = format!("my.urdf:{line}: no {key} limit above zero");
        let model = read(&text).map_err(|e| e.to_string())?;
        if !model.warnings.contains(&format!("{says}; a cautious one is taken")) {
            return Err(format!("{says}: not told"));
        }
        names(urdf::parse(&text, "my.urdf", None, true), &says)?;
    }
    let at = place(&good, "<limit lower", rng)?;
    let text = format!("{}<limits{}", &good[..at], &good[at + "<limit".len()..]);
    refused_at(read(&text), "expected <limit", 1 + good[..at].matches('\n').count())?;
    let (text, _) = replaced(&good, ("type=\"revolute\">\n    <parent link=\"", "\""), "nobody", rng)?;
    names(read(&text), "nobody")?;
    whole_files(&good, rng)?;
    outside(&good, rng)
}

/// What is wrong with a file as a whole.
fn whole_files(good: &str, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let read = |text: &str| urdf::parse(text, "my.urdf", None, false);
    let links: Vec<&str> = good.split("<link name=\"").skip(1).filter_map(|s| s.split('"').next()).collect();
    let (root, last) = (links[0], links[links.len() - 1]);
    let twice = links.choose(rng).copied().unwrap_or(root);
    let end = |what: &str| good.replace("</robot>", &format!("{what}\n</robot>"));
    names(read(&end(&format!("<link name=\"{twice}\"/>"))), "each link once")?;
    let joint = format!(
        "<joint name=\"back\" type=\"fixed\"><parent link=\"{last}\"/><child link=\"{root}\"/></joint>"
    );
    names(read(&end(&joint)), "loop")?;
    let massless = good.split("<mass value=\"").enumerate().map(|(i, part)| match i {
        0 => part.to_owned(),
        _ => format!("<mass value=\"0\"{}", part.split_once('"').map_or("", |(_, rest)| rest)),
    });
    names(read(&massless.collect::<String>()), "more than zero")?;
    names(read(&end(&" ".repeat(MAX_FILE_BYTES))), "at most")?;
    let at = rng.random_range(good.len() / 4..good.len() - 4);
    let at = (at..good.len()).find(|at| good.is_char_boundary(*at)).unwrap_or(0);
    names(read(&good[..at]), "my.urdf:")?;
    // Entities that would grow to gigabytes, and one that is a file.
    let laughs: String = (1..30).map(|k| format!("<!ENTITY l{k} \"&l{};&l{};\">", k - 1, k - 1)).collect();
    for declared in
        [format!("<!ENTITY l0 \"ha\">{laughs}"), "<!ENTITY x SYSTEM \"file:///etc/hosts\">".into()]
    {
        let text = good.replacen("<robot", &format!("<!DOCTYPE robot [{declared}]>\n<robot"), 1);
        refused_at(read(&text), "entities", 2)?;
    }
    Ok(())
}

/// A mesh that is there, outside of the robot's folder.
fn outside(good: &str, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let folder = Folder::new(rng)?;
    let secret = folder.0.join("secret.stl");
    std::fs::write(&secret, "solid s\nendsolid s\n").map_err(|e| e.to_string())?;
    let absolute = secret.display().to_string();
    let paths = ["../secret.stl", "x/../../secret.stl", "package://../secret.stl", absolute.as_str()];
    let path = paths.choose(rng).copied().unwrap_or_default();
    let (text, line) =
        replaced(good, ("<geometry>", "</geometry>"), &format!("<mesh filename=\"{path}\"/>"), rng)?;
    // What is only seen is not read.
    let text = text.replace("<visual>", "<collision>").replace("</visual>", "</collision>");
    let came = urdf::parse(&text, "my.urdf", Some(&folder.0.join("in")), false);
    refused_at(came, "inside the robot's folder", line)
}

pub(super) fn b17(setting: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let own = description::urdf(setting.arm.model(), &setting.arm.world_from_base());
    type Parse = fn(&str, &str, Option<&Path>, bool) -> Result<Model, ModelError>;
    let kinds: [(&str, &str, Parse); 2] = [(&own, "  </link>", urdf::parse), (MJCF, "</body>", mjcf::parse)];
    for (text, behind, parse) in kinds {
        let at = place(text, behind, rng)? + behind.len();
        let tag = format!("flux{}", rng.random_range(0..1000));
        let line = 2 + text[..at].matches('\n').count();
        let text = format!("{}\n<{tag} of=\"another\"/>{}", &text[..at], &text[at..]);
        let model = parse(&text, "my.xml", None, false).map_err(|e| format!("not passed over: {e}"))?;
        let says = [format!("my.xml:{line}:"), tag.clone()];
        if !model.warnings.iter().any(|w| says.iter().all(|s| w.contains(s.as_str()))) {
            return Err(format!("{tag} in line {line} was not told: {:?}", model.warnings));
        }
        let refusal = parse(&text, "my.xml", None, true).map(|_| ());
        says.iter().try_for_each(|says| names(refusal.clone(), says))?;
    }
    Ok(())
}

pub(super) fn b18(_: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let table: toml::Table = toml::from_str(DEFAULT).map_err(|e| e.to_string())?;
    let sections: Vec<(&String, &toml::Table)> =
        table.iter().filter_map(|(name, v)| Some((name, v.as_table()?))).collect();
    let (section, keys) = sections.choose(rng).ok_or("no sections")?;
    let all: Vec<(&String, &toml::Value)> = keys.iter().collect();
    let (key, value) = all.choose(rng).ok_or("no keys")?;
    let read = |lines: &str| Config::parse(&format!("[{section}]\n\n{lines}\n"), "my.toml").map(|_| ());
    read(&format!("{key} = {value}")).map_err(|e| format!("as it is: {e}"))?;
    let says = |lines: &str, words: &[&str]| words.iter().try_for_each(|word| names(read(lines), word));
    // A letter more, or two exchanged.
    let mut misspelt = format!("{key}x");
    if rng.random() && key.len() > 3 {
        misspelt = format!("{}{}{}", &key[..1], &key[2..3], &key[1..2]) + &key[3..];
    }
    if misspelt != **key {
        says(&format!("{misspelt} = {value}"), &["my.toml", "line 3", &format!("did you mean `{key}`?")])?;
    }
    let other = if value.is_str() { "17" } else { "\"much\"" };
    says(&format!("{key} = {other}"), &["my.toml", "line 3", key])?;
    says(&format!("{key} = {value}\n{key} = {value}"), &["my.toml", "line 4", "duplicate"])?;
    let floats: Vec<(&String, &String)> = sections
        .iter()
        .flat_map(|(section, keys)| {
            keys.iter().filter(|(_, v)| v.is_float()).map(move |(k, _)| (*section, k))
        })
        .collect();
    let (section, key) = floats.choose(rng).ok_or("no numbers")?;
    let no_number = ["nan", "-nan", "inf", "-inf"].choose(rng).copied().unwrap_or_default();
    let text = format!("[{section}]\n{key} = {no_number}\n");
    names(Config::parse(&text, "my.toml"), &format!("my.toml:2: {section}.{key}"))
}

/// Messages of a recording, and how they read.
const RECORDED: usize = 400;

pub(super) fn b34(_: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let folder = Folder::new(rng)?;
    let path = folder.0.join("run.mcap");
    let recorder = Recorder::create(&path, Limits::default(), Full::Waits).map_err(|e| e.to_string())?;
    let topic = recorder.topic("/joint_states");
    for k in 0..RECORDED {
        let position = vec![rng.random(); 7];
        let said = ros::JointState { position, ..ros::JointState::default() };
        // Ten a second: a chunk is half of one.
        recorder.put(topic, Time::from_nanos(100_000_000 * k as i64), &said);
    }
    recorder.finish();
    let bytes = std::fs::read(&path).map_err(|e| e.to_string())?;
    let read = |bytes: &[u8]| -> Result<(usize, Vec<u64>, bool), String> {
        let mut reader = FileReader::new(&path, Cursor::new(bytes)).map_err(|e| e.to_string())?;
        let good = reader.by_ref().filter(|m| m.read::<ros::JointState>().is_ok()).count();
        Ok((good, reader.flaws().iter().map(|f| f.at).collect(), reader.is_complete()))
    };
    if read(&bytes)? != (RECORDED, vec![], true) {
        return Err(format!("as it is: {:?}", read(&bytes)?));
    }
    let at = rng.random_range(MAGIC..bytes.len() - MAGIC);
    let (good, flaws, is_complete) = read(&bytes[..at])?;
    let least = RECORDED * at / bytes.len() * 3 / 4;
    if is_complete || flaws.len() != 1 || flaws[0] > at as u64 || good + 20 < least {
        return Err(format!("cut at {at} of {}: {good} read, flaws {flaws:?}", bytes.len()));
    }
    let mut damaged = bytes.clone();
    damaged[at] ^= 1 << rng.random_range(0..8);
    let (good, flaws, is_complete) = read(&damaged)?;
    // What only helps to find things may be damaged unseen; a record's length may swallow what is behind it.
    let is_told = good == RECORDED || flaws.first().is_some_and(|first| *first <= at as u64);
    if !is_told || (good + 20 < RECORDED / 2 && is_complete) {
        return Err(format!("bit turned in byte {at}: {good} read, flaws {flaws:?}"));
    }
    let mut other = bytes;
    other[VERSION] = b'1' + rng.random_range(0..9);
    names(read(&other), "expected an MCAP file of version 0")
}

/// How an MCAP file begins and ends, bytes, and where its version stands.
const MAGIC: usize = 8;
const VERSION: usize = 5;
