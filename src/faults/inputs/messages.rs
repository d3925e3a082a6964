//! Rows about messages as bytes.

use super::names;
use crate::bench::largest;
use crate::commands::Setting;
use bridge::recording::FileReader;
use bridge::ros::{self, Message, from_cdr, to_cdr};
use bridge::wire::{Envelope, schema_id};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use std::io::Cursor;
use std::path::Path;
use types::Time;

/// The most that a message of a few bytes may take in one piece, bytes.
const MOST: usize = 1 << 20;

fn some_numbers(rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..rng.random_range(1..9)).map(|_| rng.random_range(-3.0..3.0)).collect()
}

fn joints(rng: &mut ChaCha8Rng) -> ros::JointState {
    let position = some_numbers(rng);
    let name = (0..position.len()).map(|j| format!("joint{j}")).collect();
    ros::JointState {
        name,
        velocity: position.clone(),
        effort: position.clone(),
        position,
        ..Default::default()
    }
}

fn order(rng: &mut ChaCha8Rng) -> ros::Order {
    ros::Order { q: some_numbers(rng), kind: "joints".into(), n_joints: 7, ..Default::default() }
}

/// Cut at every byte it is none, with more behind it the same, and of any bytes one or none.
fn around<M: Message + PartialEq>(message: &M, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let bytes = to_cdr(message).map_err(|e| e.to_string())?;
    for n in 0..bytes.len() {
        names(from_cdr::<M>(&bytes[..n]), M::NAME).map_err(|why| format!("cut at {n}: {why}"))?;
    }
    let mut longer = bytes.clone();
    longer.extend((0..rng.random_range(1..100)).map(|_| rng.random::<u8>()));
    if from_cdr::<M>(&longer).as_ref() != Ok(message) {
        return Err(format!("{} with more behind it is another", M::NAME));
    }
    for _ in 0..20 {
        let mut any: Vec<u8> = (0..rng.random_range(0..200)).map(|_| rng.random()).collect();
        // Half of them begin as CDR does.
        if rng.random() && any.len() > 4 {
            any[..4].copy_from_slice(&bytes[..4]);
        }
        let (came, size) = largest(|| from_cdr::<M>(&any));
        if let Err(e) = came
            && !e.to_string().contains(M::NAME)
        {
            return Err(format!("{}: any bytes were refused as {e}", M::NAME));
        }
        if size > MOST {
            return Err(format!("{}: {size} bytes were asked for", M::NAME));
        }
    }
    Ok(())
}

fn envelope(schema: u64, rng: &mut ChaCha8Rng) -> Envelope {
    let sent = Time::from_nanos(rng.random_range(0..1 << 50));
    Envelope { schema, sender: rng.random(), sequence: rng.random(), sent, tag: None }
}

pub(super) fn b19(_: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    around(&joints(rng), rng)?;
    around(&order(rng), rng)?;
    let image =
        ros::Image { width: 3, height: 1, step: 9, data: vec![rng.random(); 9], ..Default::default() };
    around(&image, rng)?;
    let tick = ros::Tick { q: some_numbers(rng), mode: "hold".into(), ..Default::default() };
    around(&tick, rng)?;
    let bytes = envelope(rng.random(), rng).to_bytes();
    for n in (0..100).filter(|n| *n != bytes.len()) {
        let other: Vec<u8> = bytes.iter().copied().chain((0..100).map(|_| rng.random())).take(n).collect();
        // With a proof it is longer.
        if Envelope::from_bytes(&other).is_ok_and(|e| e.tag.is_none()) {
            return Err(format!("an envelope of {n} bytes was taken"));
        }
    }
    Ok(())
}

/// Refused, without asking for what the length claims.
fn thrifty<T>(work: impl FnOnce() -> Result<T, types::Rejection>, field: &str) -> Result<(), String> {
    let (came, size) = largest(work);
    names(came, field)?;
    if size > MOST { Err(format!("{field}: {size} bytes were asked for")) } else { Ok(()) }
}

pub(super) fn b20(_: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let length = u32::MAX - rng.random_range(0..1000);
    // As the length of a text, of texts, of numbers, of bytes.
    let begin = [0, 1, 0, 0];
    let stamp = [0u8; 8];
    let text = [begin.as_slice(), &stamp, &length.to_le_bytes()].concat();
    let texts = [begin.as_slice(), &stamp, &[1, 0, 0, 0, 0, 0, 0, 0], &length.to_le_bytes()].concat();
    let numbers = [texts[..20].to_vec(), vec![0; 4], length.to_le_bytes().to_vec()].concat();
    for bytes in [&text, &texts, &numbers] {
        let more = [bytes.clone(), vec![rng.random(); rng.random_range(0..64)]].concat();
        thrifty(|| from_cdr::<ros::JointState>(&more), ros::JointState::NAME)?;
        thrifty(|| from_cdr::<ros::CompressedImage>(&text), ros::CompressedImage::NAME)?;
    }
    // In a recording: a record, and a chunk that would grow to that.
    let magic = b"\x89MCAP0\r\n";
    for kind in [5u8, 6, 9] {
        let claims = (u64::from(length)).to_le_bytes();
        let bytes = [&magic[..], &[kind], &claims, &[7; 60]].concat();
        let read = || {
            let mut reader =
                FileReader::new(Path::new("any.mcap"), Cursor::new(&bytes)).map_err(|e| e.to_string())?;
            let n = reader.by_ref().count();
            Ok::<_, String>((n, reader.flaws().len()))
        };
        let (came, size) = largest(read);
        if came? != (0, 1) || size > MOST {
            return Err(format!("a record of kind {kind}: {size} bytes were asked for"));
        }
    }
    // In a file of weights.
    let weights = [u64::from(length).to_le_bytes().to_vec(), vec![b'{'; 100]].concat();
    thrifty(|| perception::weights::load(&weights), "weights.header")
}

pub(super) fn b21(_: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let kinds = [
        (ros::JointState::NAME, schema_id::<ros::JointState>()),
        (ros::Order::NAME, schema_id::<ros::Order>()),
        (ros::Tick::NAME, schema_id::<ros::Tick>()),
        (ros::Image::NAME, schema_id::<ros::Image>()),
        (ros::Text::NAME, schema_id::<ros::Text>()),
    ];
    let two: Vec<_> = kinds.choose_multiple(rng, 2).collect();
    let (said, wanted) = (two[0], two[1]);
    let heard = Envelope::from_bytes(&envelope(said.1, rng).to_bytes()).map_err(|e| e.to_string())?;
    heard.check_schema(said.0, said.1).map_err(|e| e.to_string())?;
    for wrong in [wanted.1, said.1 ^ 1 << rng.random_range(0..64)] {
        names(heard.check_schema(wanted.0, wrong), "envelope.schema")?;
        names(heard.check_schema(wanted.0, wrong), wanted.0)?;
    }
    // Another version of what stands around every message.
    let mut other = envelope(said.1, rng).to_bytes();
    other[0] = other[0].wrapping_add(rng.random_range(1..=255));
    names(Envelope::from_bytes(&other), "envelope.version")
}
