//! The tiny random checkpoints of `tests/vlm/data/` and what the reference made of them (`scripts/fixtures`).

use perception::vlm::{Medium, Pixels, Place, Precision, Vlm};
use serde_json::Value;
use std::path::PathBuf;

/// A family of models, as `scripts/fixtures` made it.
pub(crate) struct Family {
    /// Both layouts: of transformers 5, and of transformers 4 in shards.
    pub(crate) layouts: [&'static str; 2],
    /// The folder of what the reference made of them.
    pub(crate) expected: &'static str,
    /// Pictures whose levels stand there.
    pub(crate) pictures: &'static [&'static str],
    /// What it is asked.
    pub(crate) cases: [&'static str; 5],
    /// Tokens of a prompt see those after them, so that no part of it is known to another prompt.
    pub(crate) sees_on: bool,
}

const WITH_FILM: [&str; 5] = ["text", "one", "several", "again", "video"];

pub(crate) const FAMILIES: [Family; 5] = [
    Family {
        layouts: ["qwen3-vl", "qwen3-vl-4"],
        expected: ".",
        pictures: &["large", "fits", "small", "other", "tall"],
        cases: WITH_FILM,
        sees_on: false,
    },
    Family {
        layouts: ["qwen2_5-vl", "qwen2_5-vl-4"],
        expected: "qwen2_5-vl-expected",
        pictures: &["large", "small"],
        cases: WITH_FILM,
        sees_on: false,
    },
    Family {
        layouts: ["qwen3-vl-moe", "qwen3-vl-moe-4"],
        expected: "qwen3-vl-moe-expected",
        pictures: &["small"],
        cases: WITH_FILM,
        sees_on: false,
    },
    Family {
        layouts: ["smolvlm", "smolvlm-4"],
        expected: "smolvlm-expected",
        pictures: &["large", "small", "tall"],
        cases: WITH_FILM,
        sees_on: false,
    },
    Family {
        layouts: ["paligemma", "paligemma-4"],
        expected: "paligemma-expected",
        pictures: &["large", "small", "tall"],
        cases: ["text", "one", "several", "again", "pair"],
        sees_on: true,
    },
];

impl Family {
    pub(crate) fn has_films(&self) -> bool {
        self.cases.contains(&"video")
    }

    pub(crate) fn expected(&self) -> Value {
        serde_json::from_slice(&bytes(&format!("{}/expected.json", self.expected))).expect("JSON")
    }

    pub(crate) fn levels(&self, name: &str) -> Vec<u8> {
        bytes(&format!("{}/{name}.levels", self.expected))
    }
}

pub(crate) fn folder(name: &str) -> PathBuf {
    // Where it runs, which need not be where it was built.
    let root =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or(env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    root.join("tests/vlm/data").join(name)
}

pub(crate) fn load(name: &str) -> Vlm {
    Vlm::load(&folder(name), Place::Cpu, Precision::F32, &mut |_, _| ()).expect("the fixture loads")
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A binary PPM: `P6`, width, height, 255, each after white space, and the levels.
pub(crate) fn picture(name: &str) -> Pixels {
    let all = bytes(&format!("{name}.ppm"));
    let mut begin = 0;
    let mut word = || {
        let n = all[begin..].iter().position(u8::is_ascii_whitespace).expect("a word");
        begin += n + 1;
        std::str::from_utf8(&all[begin - n - 1..begin - 1]).expect("ASCII")
    };
    assert_eq!(word(), "P6");
    let [width, height, most] = [(); 3].map(|()| word().parse::<usize>().expect("a number"));
    assert_eq!(most, 255);
    Pixels::new(width, height, all[begin..].to_vec()).expect("a picture")
}

/// The pictures, or the film, of a case.
pub(crate) fn media(case: &Value) -> Vec<Medium> {
    let names = case["pictures"].as_array().expect("names");
    let mut media: Vec<Medium> =
        names.iter().map(|n| Medium::Picture(picture(n.as_str().expect("a name")))).collect();
    if let Some(seconds) = case["seconds"].as_array() {
        let seconds: Vec<f64> = seconds.iter().map(|s| s.as_f64().expect("seconds")).collect();
        let frames = (0..seconds.len()).map(|i| picture(&format!("frame{i}"))).collect();
        media.push(Medium::Film { frames, seconds });
    }
    media
}

pub(crate) fn sentence(case: &Value) -> &str {
    case["sentence"].as_str().expect("a sentence")
}

pub(crate) fn ids(value: &Value) -> Vec<u32> {
    value.as_array().expect("tokens").iter().map(|v| v.as_u64().expect("a token") as u32).collect()
}

pub(crate) fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().expect("numbers").iter().map(|v| v.as_f64().expect("a number") as f32).collect()
}

pub(crate) fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
