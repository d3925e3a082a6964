//! Recordings from outside: what is written is read again, whatever happens to the file in between.

use bridge::recording::{FileReader, Full, Limits, Reader, Recorder};
use bridge::ros::{self, Header, Image, JointState, Text, from_cdr, to_cdr};
use std::path::{Path, PathBuf};
use types::Time;

/// A folder of a test's own, gone when it is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sinew-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn at(ms: i64) -> Time {
    Time::from_nanos(ms * 1_000_000)
}

fn joints(k: i64) -> JointState {
    let q = (0..7).map(|j| (k * 7 + j) as f64 * 0.001).collect();
    JointState {
        header: Header { stamp: at(k).into(), frame_id: String::new() },
        name: (0..7).map(|j| format!("joint{j}")).collect(),
        position: q,
        velocity: vec![0.5; 7],
        effort: vec![],
    }
}

fn picture(k: i64) -> Image {
    let data = (0..64 * 48 * 3u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    Image {
        header: Header { stamp: at(k).into(), frame_id: "front_optical".into() },
        height: 48,
        width: 64,
        encoding: "rgb8".into(),
        is_bigendian: 0,
        step: 192,
        data,
    }
}

/// Three seconds of joints at 1 kHz, pictures at 10 Hz, a file beside.
fn write(path: &Path) -> bridge::recording::Summary {
    let recorder = Recorder::create(path, Limits::default(), Full::Waits).expect("a file");
    recorder.attach("robot.toml", "text/plain", b"[robot]\nprofile = \"panda\"\n");
    let (states, pictures) =
        (recorder.topic::<JointState>("/joint_states"), recorder.topic::<Image>("/front/image"));
    for k in 0..3000 {
        recorder.put(states, at(k), &joints(k));
        if k % 100 == 0 {
            recorder.put(pictures, at(k), &picture(k));
        }
    }
    recorder.finish()
}

#[test]
fn what_was_recorded_is_read_again_in_order_and_the_same_messages_make_the_same_bytes() {
    let folder = Folder::new("recorded");
    let [a, b] = ["a.mcap", "b.mcap"].map(|n| folder.file(n));
    let summary = write(&a);
    assert_eq!((summary.messages, summary.failure, summary.left_out.len()), (3030, None, 0));
    write(&b);
    let [a_bytes, b_bytes] = [&a, &b].map(|p| std::fs::read(p).expect("bytes"));
    assert_eq!(summary.bytes, a_bytes.len() as u64);
    assert!(a_bytes == b_bytes, "two files of the same messages differ");

    let mut reader = Reader::open(&a).expect("a recording");
    let (mut states, mut pictures) = (0, 0);
    for message in reader.by_ref() {
        match message.info.topic.as_str() {
            "/joint_states" => {
                let k = i64::from(message.sequence);
                assert_eq!((k, message.stamp), (states, at(states)));
                assert_eq!(message.read::<JointState>().expect("one"), joints(k));
                let other = message.read::<Image>().expect_err("another type");
                assert!(other.to_string().contains("sensor_msgs/msg/JointState"), "{other}");
                states += 1;
            }
            "/front/image" => {
                assert_eq!(message.read::<Image>().expect("one"), picture(pictures * 100));
                pictures += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!((states, pictures), (3000, 30));
    assert_eq!(reader.attached()[0].data, b"[robot]\nprofile = \"panda\"\n");
    assert!(reader.is_complete() && reader.flaws().is_empty() && reader.left_out().is_empty());
}

/// Messages read, flaws found, whether the end was seen.
fn outcome(path: &Path) -> (usize, usize, bool) {
    let mut reader = Reader::open(path).expect("a recording");
    let n = reader.by_ref().count();
    (n, reader.flaws().len(), reader.is_complete())
}

#[test]
fn of_a_file_that_was_cut_off_or_damaged_the_rest_is_read_and_the_flaw_is_told() {
    let folder = Folder::new("damaged");
    let whole = folder.file("whole.mcap");
    write(&whole);
    let bytes = std::fs::read(&whole).expect("bytes");
    let cut = folder.file("cut.mcap");
    let mut least = usize::MAX;
    for k in 1..40 {
        let n = bytes.len() * k / 40;
        std::fs::write(&cut, &bytes[..n]).expect("written");
        let (messages, flaws, is_complete) = outcome(&cut);
        assert!(!is_complete && flaws == 1, "B34: {n} of {} bytes: {flaws} flaws", bytes.len());
        least = least.min(messages);
        // Chunks are half a second; but for the one that was cut, all before it are there.
        assert!(messages + 600 >= 3030 * k.min(37) / 40, "B34: {messages} of {n} bytes");
    }
    for k in 0..60 {
        let mut damaged = bytes.clone();
        let place = 8 + (bytes.len() - 16) * k / 60;
        damaged[place] ^= 0x10;
        std::fs::write(&cut, &damaged).expect("written");
        let (messages, flaws, is_complete) = outcome(&cut);
        // What is damaged is told, unless it is in what only helps to find things.
        assert!(messages == 3030 || flaws > 0, "B34: byte {place}: {messages} messages and no flaw");
        assert!(messages >= 2000 || !is_complete, "B34: byte {place}: {messages}");
    }
    // A file beside the messages that is shorter than it says, alone and in a chunk's place.
    for kind in [9u8, 6] {
        let mut bytes = b"\x89MCAP0\r\n".to_vec();
        bytes.push(kind);
        bytes.extend(32u64.to_le_bytes());
        bytes.extend([0; 32]);
        std::fs::write(&cut, &bytes).expect("written");
        let (messages, flaws, is_complete) = outcome(&cut);
        assert!(messages == 0 && flaws > 0 && !is_complete, "B34: {kind}");
    }
    for (name, text) in [("empty", &b""[..]), ("gif", b"GIF89a is no recording"), ("mcap1", b"\x89MCAP1\r\n")]
    {
        std::fs::write(&cut, text).expect("written");
        let refused = Reader::open(&cut).err().expect("B34").to_string();
        assert!(refused.contains("expected an MCAP file of version 0"), "{name}: {refused}");
    }
}

#[test]
fn a_process_that_dies_leaves_all_but_the_last_second() {
    let folder = Folder::new("killed");
    let path = folder.file("killed.mcap");
    let recorder = Recorder::create(&path, Limits::default(), Full::Waits).expect("a file");
    let states = recorder.topic::<JointState>("/joint_states");
    for k in 0..5000 {
        recorder.put(states, at(k), &joints(k));
    }
    // As if killed: it never comes to its end. The thread has a moment to write what it was given.
    core::mem::forget(recorder);
    for _ in 0..500 {
        if std::fs::metadata(&path).is_ok_and(|m| m.len() > 0) && outcome(&path).0 >= 4000 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let (messages, _, is_complete) = outcome(&path);
    assert!(messages >= 4000 && !is_complete, "{messages}");
}

#[test]
fn a_full_file_or_one_that_cannot_be_written_counts_what_it_leaves_out_and_says_why() {
    let folder = Folder::new("full");
    let path = folder.file("full.mcap");
    let limits = Limits { bytes: 20_000, ..Limits::default() };
    let recorder = Recorder::create(&path, limits, Full::Waits).expect("a file");
    let states = recorder.topic::<JointState>("/joint_states");
    for k in 0..5000 {
        recorder.put(states, at(k), &joints(k));
    }
    recorder.lost(states, 3);
    assert!(recorder.left_out()["/joint_states"] >= 3);
    let summary = recorder.finish();
    let left_out = summary.left_out["/joint_states"];
    assert_eq!(summary.messages + left_out, 5003);
    assert!(left_out > 1000 && summary.failure.is_some_and(|f| f.contains("20000 bytes")));
    let mut reader = Reader::open(&path).expect("a recording");
    assert_eq!(reader.by_ref().count() as u64, summary.messages);
    assert_eq!(reader.left_out()["/joint_states"], left_out.to_string());
    assert!(reader.left_out()["why"].contains("limit"));

    let limits = Limits { seconds: 1.0, ..Limits::default() };
    let recorder = Recorder::create(&path, limits, Full::Waits).expect("a file");
    let states = recorder.topic::<JointState>("/joint_states");
    (0..3000).for_each(|k| assert!(recorder.put(states, at(k), &joints(k))));
    assert_eq!(recorder.finish().messages, 1001);

    // F30: a disk that is full from the beginning.
    if let Ok(recorder) = Recorder::create(Path::new("/dev/full"), Limits::default(), Full::Drops) {
        let states = recorder.topic::<JointState>("/joint_states");
        (0..3000).for_each(|k| _ = recorder.put(states, at(k), &joints(k)));
        let summary = recorder.finish();
        assert!(summary.failure.is_some(), "{summary:?}");
        assert_eq!((summary.messages, summary.left_out["/joint_states"]), (0, 3000), "{summary:?}");
    }
    assert!(Recorder::create(&folder.file("no/such/folder.mcap"), Limits::default(), Full::Drops).is_err());
}

#[test]
fn a_full_file_goes_on_in_another_which_is_read_with_it_also_when_it_has_no_end_and_none_of_another_recording()
 {
    let folder = Folder::new("parts");
    let path = folder.file("run.mcap");
    let recorded = |episode, parts, n| {
        let limits = Limits { seconds: 1.0, parts, episode, ..Limits::default() };
        let recorder = Recorder::create(&path, limits, Full::Waits).expect("a file");
        recorder.attach("robot.toml", "text/plain", b"[robot]\n");
        let states = recorder.topic::<JointState>("/joint_states");
        (0..n).for_each(|k| _ = recorder.put(states, at(k), &joints(k)));
        recorder
    };
    let numbers = |reader: &mut Reader| reader.map(|m| m.sequence).collect::<Vec<_>>();
    let summary = recorded(7, 3, 3500).finish();
    // A second and its first message each; then all is left out.
    assert_eq!((summary.parts, summary.messages, summary.left_out["/joint_states"]), (3, 3003, 497));
    assert!(summary.failure.is_some_and(|f| f == "the last of 3 files has reached its limit of 1 s"));
    let mut reader = Reader::open(&path).expect("a recording");
    assert_eq!(numbers(&mut reader), (0..3003).collect::<Vec<_>>());
    assert_eq!(reader.parts(), ["run.mcap", "run.2.mcap", "run.3.mcap"].map(|n| folder.file(n)));
    let bytes = reader.parts().iter().map(|p| std::fs::metadata(p).expect("a file").len()).sum::<u64>();
    assert_eq!((reader.attached().len(), summary.bytes), (1, bytes));
    assert!(reader.is_complete() && reader.left_out()["/joint_states"] == "497");
    // What is damaged in a later file is told with its name, and the rest is read.
    let later = std::fs::read(folder.file("run.2.mcap")).expect("bytes");
    std::fs::write(folder.file("run.2.mcap"), &later[..later.len() / 2]).expect("written");
    let mut reader = Reader::open(&path).expect("a recording");
    let read = numbers(&mut reader);
    assert!(read.len() < 2800 && read.ends_with(&[3000, 3001, 3002]) && !reader.is_complete());
    assert!(reader.flaws().iter().any(|f| f.what.starts_with("in run.2.mcap: ")), "{:?}", reader.flaws());

    // Over that another one, which is killed in its second file: the third is of the one before, and none of its own.
    core::mem::forget(recorded(8, 5, 1900));
    let is_there = || {
        let second = FileReader::open(&folder.file("run.2.mcap"));
        second.is_ok_and(|file| file.part() == Some((8, 2)))
            && Reader::open(&path).is_ok_and(|r| r.count() > 1300)
    };
    for _ in 0..500 {
        if is_there() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let mut reader = Reader::open(&path).expect("a recording");
    let read = numbers(&mut reader);
    assert!(read.len() > 1300 && read.iter().enumerate().all(|(i, n)| i == *n as usize), "{}", read.len());
    assert!(reader.parts().len() == 2 && !reader.is_complete());
    // One that is missing is named.
    std::fs::remove_file(folder.file("run.2.mcap")).expect("removed");
    let refused = Reader::open(&path).err().expect("it is missing").to_string();
    assert!(refused.contains("its part 2 is missing") && refused.contains("run.2.mcap"), "{refused}");

    // Of the last, nothing was written but its name: what was before it is read.
    recorded(9, 3, 2500).finish();
    let third = std::fs::read(folder.file("run.3.mcap")).expect("bytes");
    std::fs::write(folder.file("run.3.mcap"), []).expect("written");
    let mut reader = Reader::open(&path).expect("a recording");
    assert_eq!(numbers(&mut reader), (0..2002).collect::<Vec<_>>());
    assert!(!reader.is_complete(), "its third file is empty");
    assert!(reader.flaws().iter().any(|f| f.what.contains("run.3.mcap")), "{:?}", reader.flaws());
    // Made anew, shorter and under the same number, it leaves nothing of the one before; and what is put there has no
    // part in it.
    recorded(9, 3, 500).finish();
    assert!(!folder.file("run.2.mcap").exists() && !folder.file("run.3.mcap").exists());
    std::fs::write(folder.file("run.2.mcap"), &third).expect("written");
    let mut reader = Reader::open(&path).expect("a recording");
    assert_eq!(numbers(&mut reader), (0..500).collect::<Vec<_>>());
    assert!(reader.parts().len() == 1 && reader.is_complete() && reader.flaws().is_empty());
}

#[test]
fn behind_a_first_file_whose_head_is_damaged_the_later_ones_are_read_and_a_later_one_alone_says_which_it_is()
{
    let folder = Folder::new("head");
    let path = folder.file("run.mcap");
    let recorded = |episode, n| {
        let limits = Limits { seconds: 1.0, parts: 4, episode, ..Limits::default() };
        let recorder = Recorder::create(&path, limits, Full::Waits).expect("a file");
        recorder.attach("robot.toml", "text/plain", b"[robot]\n");
        let states = recorder.topic::<JointState>("/joint_states");
        (0..n).for_each(|k| _ = recorder.put(states, at(k), &joints(k)));
        recorder.finish()
    };
    recorded(7, 2500);
    let read = |path: &Path| {
        let mut reader = Reader::open(path).expect("a recording");
        let numbers: Vec<u32> = reader.by_ref().map(|m| m.sequence).collect();
        (numbers, reader)
    };
    let first = std::fs::read(&path).expect("bytes");
    let later: Vec<u32> = (1001..2500).collect();
    // A later file alone.
    let (numbers, reader) = read(&folder.file("run.2.mcap"));
    assert_eq!((numbers, reader.first_part()), ((1001..2002).collect(), 2));
    assert!(reader.is_complete() && reader.flaws().is_empty() && reader.parts().len() == 1);
    assert_eq!(reader.attached().len(), 1);
    assert_eq!(read(&path).1.first_part(), 1);
    // Its writer was killed: its end is missing, too. The head is 8 bytes, a header, and which part it is.
    let cut = &first[..first.len() / 2];
    let header = 8 + 9 + usize::from(first[9]);
    for (name, place, with) in [
        ("no MCAP", 1, b'X'),
        ("a header of any length", 12, 0xff),
        ("which part, of any length", header + 4, 0xff),
        ("which part, of another kind", header, 0x60),
        ("which part, cut within", header + 9, 0xff),
    ] {
        let mut damaged = cut.to_vec();
        damaged[place] = with;
        std::fs::write(&path, &damaged).expect("written");
        let (numbers, reader) = read(&path);
        assert!(numbers.ends_with(&later) && !reader.is_complete(), "{name}: {} messages", numbers.len());
        assert!(!reader.flaws().is_empty(), "{name}");
        assert_eq!(reader.parts().len(), 3, "{name}");
        // What can be read of it is there, with the file that it begins with.
        let wanted = if numbers.len() == later.len() { 2 } else { 1 };
        assert_eq!(reader.first_part(), wanted, "{name}: {} messages", numbers.len());
    }
    for nothing in [&b""[..], b"GIF89a is no recording"] {
        std::fs::write(&path, nothing).expect("written");
        let (numbers, reader) = read(&path);
        assert_eq!((numbers, reader.first_part()), (later.clone(), 2));
        assert!(
            reader.flaws()[0].what.contains("expected an MCAP file of version 0"),
            "{:?}",
            reader.flaws()
        );
        assert!(!reader.is_complete());
    }
    // With its second file damaged alike, the third.
    let second = std::fs::read(folder.file("run.2.mcap")).expect("bytes");
    std::fs::write(folder.file("run.2.mcap"), b"GIF89a").expect("written");
    let (numbers, reader) = read(&path);
    assert_eq!((numbers, reader.first_part(), reader.flaws().len()), ((2002..2500).collect(), 3, 2));
    // What is beside it by name, and says that it is of nothing, or of another place, is none of it.
    for other in [&first, &std::fs::read(folder.file("run.3.mcap")).expect("bytes")] {
        std::fs::write(folder.file("run.2.mcap"), other).expect("written");
        std::fs::write(&path, b"GIF89a").expect("written");
        assert!(Reader::open(&path).is_err());
    }
    // A file of another writer's has no parts, whatever lies beside it.
    std::fs::write(folder.file("run.2.mcap"), &second).expect("written");
    let mut alien = first[..first.len() / 2].to_vec();
    let name = alien.windows(6).position(|w| w == b"sinew ").expect("its writer");
    alien[name..name + 6].copy_from_slice(b"other ");
    let mark = alien.windows(10).position(|w| w == b"sinew:part").expect("its part");
    alien[mark..mark + 10].copy_from_slice(b"other:part");
    std::fs::write(&path, &alien).expect("written");
    let (numbers, reader) = read(&path);
    assert!(numbers.len() < 1001 && reader.parts().len() == 1, "{}", numbers.len());
}

#[test]
fn a_message_is_what_the_standard_says_byte_by_byte() {
    let text = Text { data: "abc".into() };
    let bytes = to_cdr(&text).expect("fits");
    // Little endian; a length with the final zero; the letters.
    assert_eq!(bytes, [0, 1, 0, 0, 4, 0, 0, 0, b'a', b'b', b'c', 0]);
    assert_eq!(from_cdr::<Text>(&bytes).expect("one"), text);
    let big = [0, 0, 0, 0, 0, 0, 0, 4, b'a', b'b', b'c', 0];
    assert_eq!(from_cdr::<Text>(&big).expect("one"), text);
    for n in 0..bytes.len() - 1 {
        assert!(from_cdr::<Text>(&bytes[..n]).is_err(), "B7: {n} bytes");
    }
    let refused = from_cdr::<Text>(&[0, 7, 0, 0, 0]).expect_err("XCDR2").to_string();
    assert!(refused.contains("std_msgs/msg/String") && refused.contains("0007"), "{refused}");
    // Longer than there are bytes: refused, and nothing of that size allocated.
    assert!(from_cdr::<Image>(&[0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]).is_err());

    // Eight-byte numbers stand at multiples of eight behind the four bytes of the encapsulation.
    let state = JointState { name: vec!["a".into()], position: vec![1.5], ..JointState::default() };
    let bytes = to_cdr(&state).expect("fits");
    let place = bytes.windows(8).position(|w| w == 1.5f64.to_le_bytes()).expect("it is there");
    assert_eq!((place - 4) % 8, 0);
    assert_eq!(from_cdr::<JointState>(&bytes).expect("one"), state);

    let definition = <ros::TfMessage as ros::Message>::definition();
    assert!(definition.starts_with("geometry_msgs/TransformStamped[] transforms\n====="), "{definition}");
    for part in [
        "geometry_msgs/TransformStamped",
        "std_msgs/Header",
        "builtin_interfaces/Time",
        "geometry_msgs/Quaternion",
    ] {
        assert_eq!(definition.matches(&format!("MSG: {part}\n")).count(), 1, "{part}");
    }
}

#[test]
fn lenses_poses_and_times_come_back_to_the_bit() {
    let d = types::image::Distortion { k1: -0.06, k2: 0.012, p1: 0.0004, p2: -0.0003, k3: 0.0 };
    let lens = types::Intrinsics::new((256, 192), (201.5, 201.25), (128.0, 96.5), d).expect("a lens");
    let info = ros::CameraInfo::new(Header::default(), &lens);
    let bytes = to_cdr(&info).expect("fits");
    assert_eq!(from_cdr::<ros::CameraInfo>(&bytes).expect("one").lens().expect("a lens"), lens);
    let none = ros::CameraInfo { distortion_model: "equidistant".into(), ..info };
    assert!(none.lens().is_err());

    let pose = nalgebra::Isometry3::new(
        nalgebra::Vector3::new(0.1, -0.7, 1.3),
        nalgebra::Vector3::new(0.3, 2.0, -0.4),
    );
    let pose = types::Transform::<types::World, types::Optical>::from_isometry(pose * pose * pose);
    let sent = ros::Transform::from(&pose);
    assert_eq!(sent.typed::<types::World, types::Optical>().expect("a pose"), pose);
    let none = ros::Transform::default();
    assert!(none.typed::<types::World, types::Optical>().is_err(), "B9");

    for nanos in [0, 1, 999_999_999, 1_000_000_000, 123_456_789_012_345_678, -1] {
        let time = Time::from_nanos(nanos);
        assert_eq!(Time::from(ros::Time::from(time)), time);
    }
    assert_eq!(ros::Time::from(Time::MAX).sec, i32::MAX);
}
