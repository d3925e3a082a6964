//! A replay that could not tell would be worth nothing: recordings that were changed in one number, one note, one
//! message are told from those that were not.

use crate::cli::Common;
use crate::commands::{Setting, demo, episode};
use crate::log::{Log, Screen};
use crate::recording::{CONSUMED, FILE, TICKS};
use crate::replay::{Header, Replayed, changed as with, run};
use crate::runner;
use crate::session::Pace;
use bridge::RunFolder;
use bridge::recording::{Full, Limits, Reader, Recorder};
use bridge::ros::{
    CameraInfo, CompressedImage, Consumed, Detection3DArray, DiagnosticArray, Image, JointState,
    Log as Event, MarkerArray, ModelCall, Text, TfMessage, Tick,
};
use std::path::{Path, PathBuf};

/// A short run, recorded.
fn recorded(folder: &Path) -> PathBuf {
    let common = Common { config: None, robot: None, scene: None, seed: Some(3), out: None, json: false };
    let setting = Setting::read(&common, None).expect("a setting");
    let scenario = demo(&setting).expect("the demo");
    let episode = episode(&scenario, &setting, Some("pick up the red cube")).expect("an episode");
    let log = Log::new(Screen::Silent, Some(RunFolder::create(folder).expect("a folder")));
    runner::run(&setting.config, &setting.arm, &episode, Pace::Lockstep, log, false).expect("it starts");
    folder.join(FILE)
}

/// The recording once more, with changed ticks and notes; `None` leaves one out.
fn changed(
    from: &Path,
    to: &Path,
    mut tick: impl FnMut(Tick) -> Option<Tick>,
    mut notes: impl FnMut(String) -> String,
) -> Replayed {
    let mut reader = Reader::open(from).expect("a recording");
    let recorder = Recorder::create(to, Limits::default(), Full::Waits).expect("a file");
    let first = reader.next();
    for file in reader.attached() {
        recorder.attach(&file.name, "text/plain", &file.data);
    }
    macro_rules! copy {
        ($m:expr, $ty:ty) => {
            _ = recorder.put(recorder.topic(&$m.info.topic), $m.stamp, &$m.read::<$ty>().expect("one"))
        };
    }
    for m in first.into_iter().chain(reader) {
        match (m.info.topic.as_str(), m.info.schema.as_str()) {
            (TICKS, _) => {
                if let Some(tick) = tick(m.read().expect("a tick")) {
                    recorder.put(recorder.topic(TICKS), m.stamp, &tick);
                }
            }
            (CONSUMED, _) => {
                let consumed: Consumed = m.read().expect("notes");
                let lines = notes(consumed.lines);
                recorder.put(recorder.topic(CONSUMED), m.stamp, &Consumed { lines, ..consumed });
            }
            (_, "sensor_msgs/msg/Image") => copy!(m, Image),
            (_, "diagnostic_msgs/msg/DiagnosticArray") => copy!(m, DiagnosticArray),
            (_, "sensor_msgs/msg/CompressedImage") => copy!(m, CompressedImage),
            (_, "sensor_msgs/msg/CameraInfo") => copy!(m, CameraInfo),
            (_, "sensor_msgs/msg/JointState") => copy!(m, JointState),
            (_, "tf2_msgs/msg/TFMessage") => copy!(m, TfMessage),
            (_, "rcl_interfaces/msg/Log") => copy!(m, Event),
            (_, "std_msgs/msg/String") => copy!(m, Text),
            (_, "sinew_msgs/msg/ModelCall") => copy!(m, ModelCall),
            (_, "vision_msgs/msg/Detection3DArray") => copy!(m, Detection3DArray),
            (_, "visualization_msgs/msg/MarkerArray") => copy!(m, MarkerArray),
            (topic, schema) => panic!("{topic} of {schema}"),
        }
    }
    assert_eq!(recorder.finish().failure, None);
    let header = Header::read(to).expect("a header");
    run(to, &header, false).expect("a replay")
}

#[test]
fn a_replay_tells_one_other_number_one_other_answer_and_what_is_missing() {
    let folder = std::env::temp_dir().join(format!("sinew-changed-{}", std::process::id()));
    let (from, to) = (recorded(&folder), folder.join("changed.mcap"));
    let same = |t: Tick| Some(t);
    let keep = |lines: String| lines;

    let r = changed(&from, &to, same, keep);
    assert!(r.is_identical(), "{:?} {:?}", r.divergence, r.compared.problem);
    assert!(r.compared.ticks > 3000 && r.notes > 1000 && r.again.is_none());
    // Models that are asked again say the same.
    let again = run(&to, &Header::read(&to).expect("a header"), true).expect("a replay");
    assert!(again.is_identical(), "{:?}", again.again);
    assert!(again.again.is_some_and(|a| a.asked > 8 && a.other.is_empty()));

    // The last bit of one measured position while the arm moved: the torque is another.
    let nudge = |mut t: Tick| {
        if t.tick == 2500 {
            t.q[1] = f64::from_bits(t.q[1].to_bits() ^ 1);
        }
        Some(t)
    };
    let r = changed(&from, &to, nudge, keep);
    assert!(!r.is_identical());
    let first = r.compared.first.expect("a difference");
    assert!((2500..2505).contains(&first.record.tick), "{}", first.record.tick);

    // The last bit of one recorded command.
    let forge = |mut t: Tick| {
        if t.tick == 2000 {
            t.told_tau[3] = f64::from_bits(t.told_tau[3].to_bits() ^ 1);
        }
        Some(t)
    };
    let r = changed(&from, &to, forge, keep);
    assert_eq!((r.compared.different, r.is_identical()), (1, false));
    assert_eq!(r.compared.first.expect("a difference").record.tick, 2000);

    // A tick that is not there.
    let r = changed(&from, &to, |t| (t.tick != 1500).then_some(t), keep);
    assert!(!r.is_identical());
    assert!(r.compared.problem.is_some_and(|p| p.contains("tick 1500") && p.contains("tick 1501")));

    // From here on there are no ticks, and the mission saw some.
    let r = changed(&from, &to, |t| (t.tick < 2000).then_some(t), keep);
    assert!(!r.is_identical() && r.compared.different == 0);
    assert!(r.compared.problem.is_some_and(|p| p.contains("which is not there")));

    // A bit in one of the last chunks: what is left is the same, and it is not the whole.
    let mut bytes = std::fs::read(&from).expect("bytes");
    let place = bytes.len() * 19 / 20;
    bytes[place] ^= 4;
    std::fs::write(&to, &bytes).expect("written");
    let r = run(&to, &Header::read(&to).expect("a header"), false).expect("a replay");
    assert!(!r.is_identical(), "B34: byte {place} of {}", bytes.len());

    // A stop that nobody had asked for: the arm comes to rest, and the mission hears what it had not heard.
    let stop = |mut t: Tick| {
        if t.tick == 2500 {
            t.requests.stop = 1;
        }
        Some(t)
    };
    let r = changed(&from, &to, stop, keep);
    assert!(!r.is_identical() && r.compared.different > 3, "{}", r.compared.different);

    // The model saw something else: another plan, or none.
    let other = |lines: String| lines.replace("\"color\":\"red\"", "\"color\":\"green\"");
    let r = changed(&from, &to, same, other);
    assert!(!r.is_identical(), "another colour, and nothing came of it");
    let header = Header::read(&to).expect("a header");
    let again = run(&to, &header, true).expect("a replay").again.expect("asked again");
    assert!(again.asked > 1 && again.other.iter().any(|o| o.starts_with("read ")), "{again:?}");

    // Notes end early: the mission is not followed any farther, and does not wait for ever.
    let mut n = 0;
    let cut = |lines: String| {
        n += 1;
        if n > 4 { String::new() } else { lines }
    };
    let r = changed(&from, &to, same, cut);
    assert!(!r.is_identical() && r.divergence.is_some());
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn pictures_that_no_model_saw_leave_at_most_five_previews_a_second_that_anybody_can_look_at() {
    let folder = std::env::temp_dir().join(format!("sinew-previews-{}", std::process::id()));
    let from = recorded(&folder);
    let (mut spans, mut bytes, mut full) = (Vec::new(), 0, Vec::new());
    for m in Reader::open(&from).expect("a recording") {
        match m.info.topic.as_str() {
            "/front/image" => full.push(m.stamp),
            "/front/preview" => {
                let preview: CompressedImage = m.read().expect("a preview");
                assert_eq!(
                    (preview.format.as_str(), preview.header.frame_id.as_str()),
                    ("jpeg", "front_optical")
                );
                assert_eq!(types::Time::from(preview.header.stamp), m.stamp);
                let file = folder.join("preview.jpg");
                std::fs::write(&file, &preview.data).expect("written");
                let canvas = bridge::files::read_picture(&file).expect("a JPEG");
                assert!(canvas.width() > 100 && canvas.rgb().iter().any(|v| *v > 100));
                bytes += preview.data.len();
                spans.push(m.stamp.as_nanos() / 200_000_000);
                assert!(!full.contains(&m.stamp), "a picture that a model saw needs none");
            }
            _ => {}
        }
    }
    assert!(spans.len() > 10 && spans.windows(2).all(|w| w[0] < w[1]), "{spans:?}");
    assert!(bytes / spans.len() < 30_000, "{} bytes each", bytes / spans.len());
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn with_a_changed_value_a_run_is_followed_from_its_inputs_until_they_no_longer_answer_to_it() {
    let folder = std::env::temp_dir().join(format!("sinew-followed-{}", std::process::id()));
    let from = recorded(&folder);
    let header = Header::read(&from).expect("a header");
    let followed = |changes: &[&str], requery: bool| {
        let changes: Vec<String> = changes.iter().map(|c| (*c).to_owned()).collect();
        with::run(&from, &header, &changes, with::Way::Inputs { requery }, &folder).expect("a replay")
    };
    // What changes nothing for this run leaves every command as it was, to the end.
    let same = followed(&["safety.tool_speed_m_s=9.5"], false);
    let [was, is] = &same.contrast.margins;
    assert!(same.doubt.is_none() && same.contrast.left.is_none(), "{:?}", same.contrast.left);
    assert!(same.contrast.different == 0 && is.ticks == was.ticks && is.ticks > 3000);
    assert!(was.tool.value > 0.2 && was.tool == is.tool && was.velocity.value < 1.0, "{was:?}");
    // A slower tool parts from the recording when the arm begins to move, and what was measured is soon elsewhere.
    let slow = followed(&["safety.tool_speed_m_s=0.02"], false);
    let first = slow.contrast.first.as_ref().expect("a difference").record.now;
    let (left, why) = slow.contrast.left.as_ref().expect("the measured arm is elsewhere");
    assert!(first.as_secs_f64() > 1.0 && first < *left && !why.is_empty(), "{first:?} {left:?} {why}");
    let [was, is] = &slow.contrast.margins;
    assert!(was.ticks < same.contrast.margins[0].ticks && was.ticks == is.ticks);
    assert!(slow.contrast.joint.value > 0.0 && slow.contrast.tool.value > 0.0);
    // A slower plan, too; and the models of another configuration are asked again about the same pictures.
    let plan = followed(&["planner.speed=0.2"], true);
    assert!(plan.contrast.different > 0 && plan.contrast.left.is_some());
    assert!(plan.again.is_some_and(|a| a.asked > 0 && a.other.is_empty()));
    for (change, requery, why) in [
        ("perception.pictures_per_look=3", false, "--requery"),
        ("planner.judge=on", true, "what models were asked"),
        ("sim.variation=0.5", true, "its world is in the recording"),
        ("record.images=\"all\"", true, "changes nothing"),
        ("robot.profile=\"so101\"", true, "another robot"),
        ("control.rate_hz=500", true, "ticks come when they came"),
    ] {
        let refused = with::config(&header, &[change.to_owned()], with::Way::Inputs { requery });
        let refused = refused.expect_err(change).to_string();
        let key = change.split('=').next().expect("a key");
        assert!(refused.contains(why) && refused.contains(key), "{refused}");
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}
