//! The weights file: what is wrong with one is found before it is used (B30).

use perception::train::{Plan, Subject};
use perception::vision::Arch;
use perception::weights::{self, Array, Arrays, Card};
use perception::{BuiltinModel, model};

fn plan() -> Plan {
    let arch = Arch { half: 4, quarter: 4, eighth: 4, sixteenth: 4, neck: 4 };
    Plan { subject: Subject::Detector { arch, input: (96, 64) }, ..Plan::default() }
}

fn file() -> Vec<u8> {
    let net = plan().begin().expect("a plan").net().expect("a net");
    model::to_bytes(&net, None, None, "a test").expect("a file")
}

/// Takes a file apart, changes its header, and puts it together again.
fn with_header(file: &[u8], change: impl Fn(String) -> String) -> Vec<u8> {
    let n = u64::from_le_bytes(*file.first_chunk::<8>().expect("eight bytes")) as usize;
    let header = change(String::from_utf8(file[8..8 + n].to_vec()).expect("text"));
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header.as_bytes());
    out.extend(&file[8 + n..]);
    out
}

#[test]
fn a_net_survives_its_file_to_the_precision_of_f16_and_the_file_is_the_same_every_time() {
    let bytes = file();
    assert_eq!(bytes, file());
    let (card, net) = model::load_vision(&bytes).expect("the file");
    assert_eq!(card.summary, "a test");
    let again = model::to_bytes(&net, None, None, "a test").expect("a file");
    assert_eq!(again, bytes, "f16 numbers are kept exactly");
}

#[test]
fn the_closer_look_survives_the_file_too_and_may_be_absent() {
    let net = plan().begin().expect("a plan").net().expect("a net");
    assert!(model::load_closer(&file()).expect("the file").is_none());
    let closer = Plan { subject: Subject::Closer, ..plan() }.begin().expect("a plan").closer();
    let closer = closer.expect("a net");
    let bytes = model::to_bytes(&net, Some(&closer), None, "a test").expect("a file");
    let read = model::load_closer(&bytes).expect("the file").expect("a closer look");
    let again = model::to_bytes(&net, Some(&read), None, "a test").expect("a file");
    assert_eq!(again, bytes, "f16 numbers are kept exactly");
    let (card, mut arrays) = weights::load(&bytes).expect("the file");
    arrays.remove("closer.mix.bias").expect("a tensor");
    let short = weights::save(&arrays, card.vision, "a test").expect("a file");
    let err = model::load_closer(&short).expect_err("B30: a tensor short").to_string();
    assert!(err.contains("closer.mix.bias"), "{err}");
}

#[test]
fn a_truncated_file_is_refused_at_every_length() {
    let bytes = file();
    for n in (0..bytes.len()).step_by(97).chain([7, 8, 9, bytes.len() - 1]) {
        assert!(model::load_vision(&bytes[..n]).is_err(), "B30: {n} bytes");
    }
}

#[test]
fn huge_headers_overlaps_other_types_and_unknown_tensors_are_refused_by_name() {
    let bytes = file();
    let mut huge = bytes.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let err = model::load_vision(&huge).expect_err("B30: a huge header").to_string();
    assert!(err.contains("weights.header"), "{err}");
    huge[..8].copy_from_slice(&(1u64 << 21).to_le_bytes());
    assert!(model::load_vision(&huge).is_err(), "B30: a large header");

    let other = with_header(&bytes, |h| h.replacen("\"F16\"", "\"I16\"", 1));
    let err = model::load_vision(&other).expect_err("B30: another type").to_string();
    assert!(err.contains("F16") && err.contains("vision."), "{err}");

    let overlap = with_header(&bytes, |h| {
        // The second tensor's place becomes the first one's.
        let places: Vec<&str> =
            h.split("\"data_offsets\":").skip(1).map(|s| &s[..s.find(']').unwrap_or(0) + 1]).collect();
        h.replacen(places[1], places[0], 1)
    });
    assert!(model::load_vision(&overlap).is_err(), "B30: overlapping tensors");

    let renamed = with_header(&bytes, |h| h.replacen("vision.stem.bias", "vision.stem.bigs", 1));
    let err = model::load_vision(&renamed).expect_err("B30: an unknown tensor").to_string();
    assert!(err.contains("fingerprint") || err.contains("stem"), "{err}");
}

#[test]
fn missing_surplus_misshapen_and_not_finite_tensors_are_refused_by_name() {
    let net = plan().begin().expect("a plan").net().expect("a net");
    let refused = |change: &dyn Fn(&mut Arrays), name: &str| {
        let mut arrays = weights::prefixed(net.arrays(), "vision");
        change(&mut arrays);
        let file = weights::save(&arrays, Some(net.arch()), "").expect("a file");
        let err = model::load_vision(&file).expect_err("B30").to_string();
        assert!(err.contains(name), "{err}");
    };
    refused(&|a| drop(a.remove("vision.head.out.bias")), "vision.head.out.bias");
    refused(
        &|a| drop(a.insert("vision.more".into(), Array { dims: vec![1], values: vec![0.0] })),
        "vision.more",
    );
    refused(
        &|a| drop(a.insert("vision.stem.bias".into(), Array { dims: vec![1], values: vec![0.0] })),
        "vision.stem.bias",
    );
    // NaN does not get into a file by `save`; put it into the bytes.
    let mut bytes = file();
    let last = bytes.len();
    bytes[last - 2..].copy_from_slice(&0x7e00u16.to_le_bytes());
    let err = model::load_vision(&bytes).expect_err("B30: NaN").to_string();
    assert!(err.contains("finite weights"), "{err}");
    let mut arrays = net.arrays();
    if let Some(a) = arrays.get_mut("stem.bias") {
        a.values[0] = f32::INFINITY;
    }
    assert!(weights::save(&arrays, None, "").is_err());
}

#[test]
fn another_version_no_card_or_absurd_channels_are_refused() {
    let bytes = file();
    let version = with_header(&bytes, |h| h.replacen("\\\"version\\\":2", "\\\"version\\\":9", 1));
    let err = model::load_vision(&version).expect_err("another version").to_string();
    assert!(err.contains("version"), "{err}");
    let absurd = with_header(&bytes, |h| h.replacen("\\\"half\\\":4", "\\\"half\\\":400000000", 1));
    assert!(model::load_vision(&absurd).is_err(), "B30: would need a lot of memory");
    let no_card = with_header(&bytes, |h| h.replacen("\"sinew\"", "\"other\"", 1));
    assert!(model::load_vision(&no_card).is_err());
    let err = BuiltinModel::from_bytes(&bytes).expect_err("no language part").to_string();
    assert!(!err.is_empty());
    let card = Card { version: 2, vision: None, summary: String::new(), fingerprint: String::new() };
    assert_eq!(card.vision, None);
}
