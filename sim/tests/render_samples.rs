//! Training pictures: the truth beside each picture fits what the picture shows.

use sim::render::LABEL_OBJECT;
use sim::samples::Options;
use sim::{Sample, Samples};
use std::collections::BTreeMap;
use types::{Color, Shape, Size};

fn samples(seed: u64) -> Samples {
    Samples::new(Vec::new(), seed, Options::default()).expect("options in range")
}

fn same_picture(a: &Sample, b: &Sample) -> bool {
    a.image.rgb == b.image.rgb && a.image.depth == b.image.depth && a.objects == b.objects
}

#[test]
fn a_sample_depends_on_seed_and_index_alone() {
    let mut one = samples(7);
    let fifth = one.sample(5).expect("a picture");
    let mut other = samples(7).with_start(5);
    assert_eq!(other.next().as_ref(), Some(&fifth));
    assert_eq!(one.clone().sample(5).as_ref(), Ok(&fifth));
    assert!(!same_picture(&one.sample(6).expect("a picture"), &fifth));
    assert!(!same_picture(&samples(8).sample(5).expect("a picture"), &fifth));
}

#[test]
fn an_option_out_of_range_is_refused_by_name() {
    for bad in [-0.1, 1.1, f32::NAN] {
        let options = Options { from_above: bad, ..Options::default() };
        let err = Samples::new(Vec::new(), 1, options).expect_err("B1");
        assert_eq!(err.field, "samples.from_above");
    }
}

#[test]
fn boxes_middles_and_places_agree_with_labels_and_depth() {
    let mut source = samples(3);
    let (mut n_objects, mut n_whole) = (0, 0);
    for i in 0..60 {
        let s = source.sample(i).expect("a picture");
        let (w, h) = s.image.size();
        assert_eq!(s.labels.len(), w * h);
        for o in &s.objects {
            n_objects += 1;
            let [left, top, right, bottom] = o.box_px;
            assert!(0.0 <= left && left < right && right <= w as f32, "{o:?}");
            assert!(0.0 <= top && top < bottom && bottom <= h as f32, "{o:?}");
            assert!(o.label >= LABEL_OBJECT && (0.25..=1.0).contains(&o.visible_fraction));
            let mut pixels = 0;
            let depth = s.image.depth.as_ref().expect("a depth camera");
            let mut nearest = f64::INFINITY;
            for at in (0..w * h).filter(|at| s.labels[*at] == o.label) {
                pixels += 1;
                let (col, row) = ((at % w) as f32, (at / w) as f32);
                assert!(left <= col && col < right && top <= row && row < bottom);
                if depth[at] > 0.0 {
                    let p = s.image.point_in_world(at % w, at / w).expect("a depth");
                    nearest = nearest.min((p - o.position).norm());
                }
            }
            assert!(pixels >= 12);
            let reach = 0.6 * o.shape.dimensions(o.size).norm() + 0.01;
            assert!(nearest < reach, "sample {i}: {o:?} is {nearest} m from what is seen");
            if o.visible_fraction > 0.97 {
                n_whole += 1;
                let [u, v] = o.center_px;
                assert!(left - 1.0 <= u && u <= right + 1.0 && top - 1.0 <= v && v <= bottom + 1.0, "{o:?}");
            }
        }
    }
    assert!(n_objects > 150 && n_whole > 80, "{n_objects} objects, {n_whole} of them seen whole");
}

#[test]
fn pictures_show_every_shape_size_and_colour_apart_stacked_and_in_containers() {
    let mut source = samples(11);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut above, mut raised, mut inside, mut hidden) = (0, 0, 0, 0);
    const N: u64 = 150;
    for i in 0..N {
        let s = source.sample(i).expect("a picture");
        above += usize::from(s.image.camera == "wrist");
        for o in &s.objects {
            for word in [o.shape.word(), o.size.word(), o.color.word()] {
                *counts.entry(word).or_default() += 1;
            }
            let standing = 0.5 * o.shape.dimensions(o.size).z;
            raised += usize::from(o.position.z > standing + 0.02);
            hidden += usize::from(o.visible_fraction < 0.8);
            inside += usize::from(s.objects.iter().any(|c| {
                let near = (c.position.xy() - o.position.xy()).norm() < 0.06;
                c.shape.is_container() && !o.shape.is_container() && near
            }));
        }
    }
    let words = Shape::ALL.iter().map(|s| s.word()).chain(Size::ALL.iter().map(|s| s.word()));
    for word in words.chain(Color::ALL.iter().map(|c| c.word())) {
        assert!(counts.get(word).is_some_and(|n| *n >= 30), "{word}: {counts:?}");
    }
    assert!((15..=50).contains(&above), "{above} of {N} from above");
    assert!(
        raised >= 20 && inside >= 15 && hidden >= 20,
        "{raised} raised, {inside} inside, {hidden} hidden"
    );
}
