//! Messages of every type as bytes and back, whatever is in them; and what they say of what Sinew believes.

mod drawn;

use bridge::ros::{Message, PointCloud2, from_cdr, to_cdr};
use drawn::{Each, every};
use std::collections::HashMap;
use types::{Image, Intrinsics, Time, Transform};

/// Says a message and hears it again, cut short everywhere, too.
#[derive(Default)]
struct RoundTrip {
    definitions: HashMap<&'static str, String>,
}

impl Each for RoundTrip {
    fn each<M: Message + core::fmt::Debug + PartialEq>(&mut self, message: M) {
        let bytes = to_cdr(&message).expect("it fits");
        let heard: M = from_cdr(&bytes).expect("it is one");
        assert_eq!(heard, message, "{}", M::NAME);
        assert_eq!(to_cdr(&heard).expect("it fits"), bytes, "{}", M::NAME);
        // What is cut short lacks a field (B19).
        for n in 0..bytes.len() {
            let less = from_cdr::<M>(&bytes[..n]);
            assert!(less.is_err(), "{}: {n} of {} bytes", M::NAME, bytes.len());
        }
        self.definitions.insert(M::NAME, M::definition());
    }
}

#[test]
fn a_message_of_any_type_comes_back_as_it_was_and_cut_short_it_is_refused() {
    let mut trip = RoundTrip::default();
    (0..50).for_each(|seed| every(seed, &mut trip));
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ros")).expect("a folder");
    let sources = folder.map(|f| std::fs::read_to_string(f.expect("a file").path()).expect("text"));
    let declared: usize = sources.map(|s| s.lines().filter(|l| *l == "message! {").count()).sum();
    assert_eq!(trip.definitions.len(), declared, "a type stands not in `every_message`");
    // Whoever reads a definition finds every part of it in it.
    for (name, whole) in &trip.definitions {
        for line in whole.lines().filter(|l| l.contains(' ') && !l.starts_with("MSG:")) {
            let kind = line.split([' ', '[']).next().expect("a type");
            assert!(!kind.contains('/') || whole.contains(&format!("MSG: {kind}\n")), "{name}: {kind}");
        }
    }
}

#[test]
fn a_cloud_has_a_point_where_the_picture_has_depth_and_none_where_it_has_not() {
    let lens = Intrinsics::from_fov(4, 3, 1.0).expect("a lens");
    let pose = Transform::new([0.0; 3], [1.0, 0.0, 0.0, 0.0]).expect("a pose");
    let depth: Vec<f32> = (0..12).map(|i| if i == 5 { 0.0 } else { 0.5 + 0.01 * i as f32 }).collect();
    let rgb: Vec<u8> = (0..36).collect();
    let picture =
        |depth| Image::new("front", 1, Time::from_nanos(7), rgb.clone(), depth, lens, pose).expect("one");
    assert_eq!(PointCloud2::new(&picture(None)), None);
    let cloud = PointCloud2::new(&picture(Some(depth.clone()))).expect("there is depth");
    assert_eq!((cloud.height, cloud.width, cloud.row_step, cloud.data.len()), (3, 4, 64, 192));
    assert_eq!(cloud.header.frame_id, "front_optical");
    assert!(!cloud.is_dense);
    for (i, point) in cloud.data.chunks_exact(16).enumerate() {
        let number = |at: usize| f32::from_le_bytes(point[at..at + 4].try_into().expect("four"));
        let colour = u32::from_le_bytes(point[12..].try_into().expect("four"));
        let [r, g, b] = [0, 1, 2].map(|c| u32::from(rgb[3 * i + c]));
        assert_eq!(colour, r << 16 | g << 8 | b);
        if i == 5 {
            assert!(number(0).is_nan() && number(8).is_nan());
            continue;
        }
        let at = [number(0), number(4), number(8)].map(f64::from);
        assert_eq!(at[2] as f32, depth[i]);
        let (u, v) = lens.project(at.into()).expect("in front");
        assert!((u - 0.5 - (i % 4) as f64).abs() < 1e-5 && (v - 0.5 - (i / 4) as f64).abs() < 1e-5, "{i}");
    }
}
