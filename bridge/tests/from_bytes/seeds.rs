//! What to begin with: files and messages as they are, and rows B7, B19, B20 and B34 of the bad-input table.

use bridge::recording::{Full, Limits, Recorder};
use bridge::ros::{self, Header, to_cdr};
use bridge::trust::{Envelope, Tag};
use std::sync::atomic::{AtomicUsize, Ordering};
use types::Time;

const MAGIC: &[u8] = b"\x89MCAP0\r\n";
/// Kinds of records.
const HEADER: u8 = 1;
const FOOTER: u8 = 2;
const SCHEMA: u8 = 3;
const CHANNEL: u8 = 4;
const MESSAGE: u8 = 5;
const CHUNK: u8 = 6;
const ATTACHMENT: u8 = 9;
const METADATA: u8 = 12;

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u64).to_le_bytes(), body].concat()
}

fn text(s: &str) -> Vec<u8> {
    [&(s.len() as u32).to_le_bytes()[..], s.as_bytes()].concat()
}

fn joints() -> ros::JointState {
    ros::JointState {
        header: Header { stamp: Time::from_nanos(5_000_000).into(), frame_id: String::new() },
        name: vec!["joint1".into(), "joint2".into()],
        position: vec![0.25, -1.5],
        velocity: vec![0.0; 2],
        effort: vec![],
    }
}

/// A type, a topic, a message.
fn contents() -> Vec<u8> {
    let name = text("sensor_msgs/msg/JointState");
    let schema = [&1u16.to_le_bytes()[..], &name, &text("ros2msg"), &text("float64[] q")].concat();
    let channel = [&[1, 0, 1, 0][..], &text("/joint_states"), &text("cdr"), &0u32.to_le_bytes()].concat();
    let data = to_cdr(&joints()).expect("fits");
    let message = [&[1, 0, 0, 0, 0, 0][..], &5u64.to_le_bytes(), &5u64.to_le_bytes(), &data].concat();
    [record(SCHEMA, &schema), record(CHANNEL, &channel), record(MESSAGE, &message)].concat()
}

/// A chunk that says it grows to `size` bytes, of contents that are compressed as `compression`.
fn chunk(size: u64, compression: &str, contents: &[u8]) -> Vec<u8> {
    let times = [0u8; 16];
    let length = contents.len() as u64;
    let body =
        [&times[..], &size.to_le_bytes(), &[0; 4], &text(compression), &length.to_le_bytes(), contents];
    record(CHUNK, &body.concat())
}

fn file(records: &[Vec<u8>]) -> Vec<u8> {
    let header = record(HEADER, &[text("ros2"), text("sinew")].concat());
    [&[MAGIC.to_vec(), header][..], records, &[record(FOOTER, &[0; 20]), MAGIC.to_vec()]].concat().concat()
}

/// A file as it is recorded, but for its size.
///
/// # Panics
/// When the folder for temporary files cannot be written.
pub(crate) fn recorded() -> Vec<u8> {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("sinew-seed-{}-{call}.mcap", std::process::id()));
    let recorder = Recorder::create(&path, Limits::default(), Full::Waits).expect("a file");
    recorder.attach("robot.toml", "text/plain", b"[robot]\n");
    let topic = recorder.topic("/joint_states");
    (0..3).for_each(|k| assert!(recorder.put(topic, Time::from_nanos(k * 1_000_000), &joints())));
    recorder.finish();
    let bytes = std::fs::read(&path).expect("what was recorded");
    std::fs::remove_file(&path).expect("removed");
    bytes
}

/// Files that are whole, each of one message, in the ways there are to write it.
pub(crate) fn plain() -> Vec<Vec<u8>> {
    let inside = contents();
    let metadata = record(METADATA, &[text("sinew:left_out"), vec![0; 4]].concat());
    let named = [&[0; 16][..], &text("a"), &text("text/plain"), &2u64.to_le_bytes(), b"hi", &[0; 4]].concat();
    let attached = record(ATTACHMENT, &named);
    vec![file(&[inside.clone(), attached, metadata]), file(&[chunk(inside.len() as u64, "", &inside)])]
}

/// Files with something amiss.
pub(crate) fn amiss() -> Vec<Vec<u8>> {
    let inside = contents();
    let long = |kind: u8, length: u64| [&[kind][..], &length.to_le_bytes(), &[7; 40]].concat();
    let recorded = recorded();
    let mut turned = recorded.clone();
    // In the chunk, in what is packed there.
    let packed = recorded.windows(4).position(|w| w == b"zstd").expect("a chunk");
    turned[packed + 30] ^= 0x10;
    vec![
        Vec::new(),
        MAGIC[..5].to_vec(),
        MAGIC.to_vec(),
        recorded[..recorded.len() * 2 / 3].to_vec(),
        turned,
        // Lengths of what is not there.
        file(&[long(MESSAGE, u64::MAX)]),
        file(&[long(CHUNK, 1 << 40)]),
        file(&[record(ATTACHMENT, &[0; 32])]),
        file(&[record(ATTACHMENT, &[&[0; 16][..], &[255; 16]].concat())]),
        file(&[chunk(1 << 40, "zstd", &inside)]),
        file(&[chunk(255 << 20, "zstd", &inside)]),
        file(&[chunk(255 << 20, "", &inside)]),
        file(&[chunk(3, "", &inside)]),
        file(&[chunk(40, "none", &inside)]),
        file(&[record(SCHEMA, &[1, 0, 255, 255, 255, 255]), record(CHANNEL, &[1]), record(MESSAGE, &[])]),
        // A map with a text that has no partner in it, and what comes after it taken for the length of one.
        file(&[record(METADATA, &[text("left_out"), text("\x01\0\0\0a"), vec![0x73; 12]].concat())]),
        // A message of a topic that nobody has named.
        file(&[record(MESSAGE, &[9; 30])]),
    ]
}

/// Messages of several types, and lengths of what is not there.
pub(crate) fn messages() -> Vec<Vec<u8>> {
    let status = ros::DiagnosticStatus {
        name: "control loop".into(),
        values: vec![ros::KeyValue { key: "ticks".into(), value: "1000".into() }],
        ..ros::DiagnosticStatus::default()
    };
    let diagnostics = ros::DiagnosticArray { header: Header::default(), status: vec![status] };
    let pose = ros::TransformStamped { child_frame_id: "front_optical".into(), ..Default::default() };
    let tick = ros::Tick { tick: 7, q: vec![0.5; 7], mode: "hold".into(), ..ros::Tick::default() };
    let image = ros::Image { height: 1, width: 2, step: 6, data: vec![9; 6], ..ros::Image::default() };
    let good = [
        to_cdr(&joints()),
        to_cdr(&diagnostics),
        to_cdr(&ros::TfMessage { transforms: vec![pose; 2] }),
        to_cdr(&tick),
        to_cdr(&image),
        to_cdr(&ros::CameraInfo { d: vec![0.1; 5], ..ros::CameraInfo::default() }),
        to_cdr(&ros::ModelCall { answer: "[]".into(), ..ros::ModelCall::default() }),
    ];
    let mut all: Vec<Vec<u8>> = good.into_iter().map(|m| m.expect("fits")).collect();
    for encapsulation in [[0, 1, 0, 0], [0, 0, 0, 0], [0, 7, 0, 0]] {
        for length in [u32::MAX, 1 << 31, 1 << 28, 0x00ff_ffff] {
            let bytes = [length.to_le_bytes(), length.to_be_bytes(), length.to_le_bytes()].concat();
            // As the first thing, and behind a time and an empty text.
            all.push([&encapsulation[..], &bytes].concat());
            all.push([&encapsulation[..], &[0; 8], &[1, 0, 0, 0, 0, 0, 0, 0], &bytes].concat());
        }
    }
    all.extend([vec![], vec![0], vec![0, 1, 0, 0]]);
    all
}

/// What may be done with commands, four bytes each; see `commands`.
pub(crate) fn commands() -> Vec<Vec<u8>> {
    let envelope = Envelope { schema: 1, sender: 2, sequence: 3, sent: Time::from_nanos(4), tag: None };
    let proof = Envelope { tag: Some(Tag([5; 16])), ..envelope };
    vec![
        // Said and heard, on both topics, and again.
        [[0, 0, 0, 9], [0, 1, 0, 9], [0, 0, 5, 9], [2, 0, 0, 0], [2, 2, 0, 0]].concat(),
        // Held back: the newer one comes first, and the older one no more.
        [[1, 0, 0, 0], [1, 0, 0, 0], [2, 1, 0, 0], [2, 0, 0, 0], [1, 1, 0, 0], [2, 2, 0, 0]].concat(),
        // Changed in every way.
        [[0, 0, 0, 0], [3, 0, 17, 1], [3, 0, 0, 1], [3, 0, 40, 128], [4, 0, 1, 1], [5, 0, 0, 0]].concat(),
        // Made up by somebody else, after a while.
        [[0, 1, 1, 1], [7, 255, 0, 0], [6, 0, 0, 0], [7, 255, 0, 0], [6, 1, 0, 0]].concat(),
        envelope.to_bytes(),
        proof.to_bytes(),
    ]
}
