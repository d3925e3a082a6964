//! What is wrong with a checkpoint, a picture or a sentence is said by name (B27, B30, B31).

use crate::fixture::{folder, load};
use perception::vlm::{MAX_SIDE, Medium, Pixels, Place, Precision, Vlm};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A copy of a fixture that a test may spoil; gone when it is dropped.
pub(crate) struct Copy(pub(crate) PathBuf);

impl Copy {
    pub(crate) fn of(layout: &str, test: &str) -> Self {
        let to = std::env::temp_dir().join(format!("sinew-vlm-{test}-{}", std::process::id()));
        fs::create_dir_all(&to).expect("a folder");
        for entry in fs::read_dir(folder(layout)).expect("the fixture") {
            let from = entry.expect("a file").path();
            fs::copy(&from, to.join(from.file_name().expect("a name"))).expect("copied");
        }
        Self(to)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn json(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut json: Value =
            serde_json::from_slice(&fs::read(self.path(name)).expect("read")).expect("JSON");
        change(&mut json);
        fs::write(self.path(name), json.to_string()).expect("written");
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn refusal(dir: &Path) -> String {
    let mut loaded = 0;
    let e =
        Vlm::load(dir, Place::Cpu, Precision::F32, &mut |n, _| loaded = n).expect_err("refused").to_string();
    assert_eq!(loaded, 0, "nothing may be loaded before: {e}");
    e
}

pub(crate) fn says(dir: &Path, words: &[&str]) {
    let e = refusal(dir);
    assert!(words.iter().all(|w| e.contains(w)), "expected {words:?} in: {e}");
}

/// Header and content of a safetensors file.
pub(crate) fn parts(bytes: &[u8]) -> (Value, Vec<u8>) {
    let n = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    (serde_json::from_slice(&bytes[8..8 + n]).expect("a header"), bytes[8 + n..].to_vec())
}

pub(crate) fn whole(header: &Value, content: &[u8]) -> Vec<u8> {
    let header = header.to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(content);
    bytes
}

#[test]
fn truncated_overlapping_huge_and_foreign_weights_are_refused_by_name() {
    const NAME: &str = "model.safetensors";
    const NORM: &str = "model.language_model.norm.weight";
    let copy = Copy::of("qwen3-vl", "weights");
    let path = copy.path(NAME);
    let good = fs::read(&path).expect("read");
    for n in [0, 7, 8, 100, good.len() / 2, good.len() - 1] {
        fs::write(&path, &good[..n]).expect("written");
        says(&copy.0, &[NAME]);
    }
    let mut huge = good.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    fs::write(&path, &huge).expect("written");
    says(&copy.0, &[NAME, "header"]);

    let (header, content) = parts(&good);
    let spoiled = |change: &dyn Fn(&mut Value)| {
        let mut header = header.clone();
        change(&mut header);
        fs::write(&path, whole(&header, &content)).expect("written");
    };
    spoiled(&|h| h[NORM]["data_offsets"] = serde_json::json!([0, 256]));
    says(&copy.0, &[NAME, "overlaps"]);
    spoiled(&|h| {
        h[NORM]["dtype"] = "I32".into();
    });
    says(&copy.0, &[NAME, NORM, "BF16", "I32"]);
    spoiled(&|h| h[NORM]["shape"] = serde_json::json!([32, 2]));
    says(&copy.0, &[NAME, NORM, "[64]", "[32, 2]"]);
    spoiled(&|h| {
        let taken = h.as_object_mut().expect("a header").remove(NORM).expect("there");
        h["model.language_model.norm.wait"] = taken;
    });
    says(&copy.0, &[NORM, "none"]);
    spoiled(&|h| {
        let taken = h.as_object_mut().expect("a header").remove("lm_head.weight").expect("there");
        h["lm_foot.weight"] = taken;
    });
    says(&copy.0, &["lm_head.weight"]);

    for bad in [f32::NAN, f32::INFINITY] {
        let mut content = content.clone();
        let at = header[NORM]["data_offsets"][0].as_u64().expect("a place") as usize + 40;
        content[at..at + 4].copy_from_slice(&bad.to_le_bytes());
        fs::write(&path, whole(&header, &content)).expect("written");
        says(&copy.0, &[NAME, NORM, "finite"]);
    }
    fs::write(&path, &good).expect("written");
    Vlm::load(&copy.0, Place::Cpu, Precision::F32, &mut |_, _| ()).expect("whole again");
}

#[test]
fn shards_that_are_missing_swapped_or_elsewhere_are_refused_by_name() {
    const INDEX: &str = "model.safetensors.index.json";
    const SECOND: &str = "model-00002-of-00002.safetensors";
    let copy = Copy::of("qwen3-vl-4", "shards");
    let index = fs::read(copy.path(INDEX)).expect("read");
    copy.json(INDEX, |j| j["weight_map"]["lm_head.weight"] = SECOND.into());
    says(&copy.0, &[INDEX, "lm_head.weight", SECOND]);
    for elsewhere in ["../model.safetensors", "/etc/passwd", "sub/model.safetensors"] {
        fs::write(copy.path(INDEX), &index).expect("written");
        copy.json(INDEX, |j| j["weight_map"]["lm_head.weight"] = elsewhere.into());
        says(&copy.0, &[INDEX, "same folder"]);
    }
    fs::write(copy.path(INDEX), &index).expect("written");
    let second = fs::read(copy.path(SECOND)).expect("read");
    fs::copy(copy.path("model-00001-of-00002.safetensors"), copy.path(SECOND)).expect("copied");
    says(&copy.0, &[SECOND]);
    fs::remove_file(copy.path(SECOND)).expect("removed");
    says(&copy.0, &[SECOND]);
    // A bf16 number that is none.
    let (header, mut content) = parts(&second);
    content[100..102].copy_from_slice(&0x7fc0_u16.to_le_bytes());
    fs::write(copy.path(SECOND), whole(&header, &content)).expect("written");
    says(&copy.0, &[SECOND, "finite"]);
}

#[test]
fn settings_out_of_range_or_of_another_model_are_refused_by_key() {
    let copy = Copy::of("qwen3-vl", "settings");
    let good = fs::read(copy.path("config.json")).expect("read");
    for (way, value, words) in [
        (&["model_type"][..], "llama".into(), &["model_type", "qwen3_vl", "llama"][..]),
        (&["text_config", "hidden_size"], 0.into(), &["text_config hidden_size", "from 1 to"]),
        (&["text_config", "hidden_size"], "64".into(), &["text_config hidden_size"]),
        (&["text_config", "intermediate_size"], 128.into(), &["shape", "mlp.gate_proj"]),
        (&["text_config", "hidden_size"], 128.into(), &["out_hidden_size", "128"]),
        (&["text_config", "num_hidden_layers"], 4.into(), &["layers.3"]),
        (&["text_config", "num_hidden_layers"], 2.into(), &["layers.2", "no such tensor"]),
        (&["text_config", "num_key_value_heads"], 3.into(), &["num_key_value_heads", "divisor"]),
        (&["text_config", "vocab_size"], 100.into(), &["image_token_id", "to 99"]),
        (&["text_config", "hidden_act"], "gelu".into(), &["hidden_act", "silu"]),
        (&["text_config", "rope_parameters", "rope_type"], "yarn".into(), &["rope_type", "default"]),
        (
            &["text_config", "rope_parameters", "mrope_section"],
            serde_json::json!([5, 5, 5]),
            &["mrope_section", "12"],
        ),
        (&["text_config", "rope_parameters", "mrope_interleaved"], false.into(), &["mrope_interleaved"]),
        (&["text_config", "rope_parameters", "rope_theta"], Value::Null, &["rope_theta", "none"]),
        (&["vision_config", "num_position_embeddings"], 35.into(), &["num_position_embeddings", "square"]),
        (
            &["vision_config", "deepstack_visual_indexes"],
            serde_json::json!([2, 0]),
            &["deepstack_visual_indexes"],
        ),
        (
            &["vision_config", "deepstack_visual_indexes"],
            serde_json::json!([0, 4]),
            &["deepstack_visual_indexes"],
        ),
        (&["vision_config", "patch_size"], 14.into(), &["patch_size", "14"]),
        (&["image_token_id"], 416.into(), &["image_token_id", "to 415"]),
        (&["image_token_id"], 10.into(), &["tokenizer.json", "image_token_id", "not special"]),
        (&["video_token_id"], 410.into(), &["tokenizer.json", "video_token_id", "none"]),
    ] {
        copy.json("config.json", |json| {
            let place = way.iter().fold(json, |j, key| &mut j[*key]);
            *place = value;
        });
        says(&copy.0, words);
        fs::write(copy.path("config.json"), &good).expect("written");
    }
    fs::write(copy.path("config.json"), "{\"model_type\": ").expect("written");
    says(&copy.0, &["config.json", "JSON"]);
    fs::remove_file(copy.path("config.json")).expect("removed");
    says(&copy.0, &["config.json", "none"]);
}

#[test]
fn a_tokenizer_without_the_special_tokens_or_no_tokenizer_is_refused_at_load() {
    let copy = Copy::of("qwen3-vl", "tokens");
    for token in ["<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>", "<|im_end|>"] {
        let good = fs::read(copy.path("tokenizer.json")).expect("read");
        copy.json("tokenizer.json", |json| {
            json["added_tokens"].as_array_mut().expect("tokens").retain(|t| t["content"] != token);
        });
        says(&copy.0, &["tokenizer.json", "special"]);
        fs::write(copy.path("tokenizer.json"), good).expect("written");
    }
    copy.json("generation_config.json", |json| json["eos_token_id"] = serde_json::json!([393, 5]));
    says(&copy.0, &["tokenizer.json", "eos_token_id", "not special"]);
    copy.json("generation_config.json", |json| json["eos_token_id"] = 5000.into());
    says(&copy.0, &["generation_config.json eos_token_id"]);
    fs::copy(folder("qwen3-vl/generation_config.json"), copy.path("generation_config.json")).expect("copied");
    copy.json("tokenizer.json", |json| json["model"]["vocab"]["beyond"] = 5000.into());
    says(&copy.0, &["tokenizer.json", "below the model's 416", "5000"]);
    fs::write(copy.path("tokenizer.json"), "{}").expect("written");
    says(&copy.0, &["tokenizer.json"]);
    fs::remove_file(copy.path("tokenizer.json")).expect("removed");
    says(&copy.0, &["tokenizer.json", "none"]);
}

#[test]
fn other_files_of_a_checkpoint_are_refused_by_name_too() {
    let copy = Copy::of("qwen3-vl", "others");
    let good = fs::read(copy.path("processor_config.json")).expect("read");
    for (key, value) in [
        ("patch_size", 15.into()),
        ("merge_size", 0.into()),
        ("image_std", serde_json::json!([0.5, 0.0, 0.5])),
        ("image_mean", serde_json::json!([0.5, 0.5])),
        ("size", serde_json::json!({"shortest_edge": 9000, "longest_edge": 100})),
        ("do_resize", false.into()),
        ("resample", 2.into()),
        ("rescale_factor", 1.0.into()),
    ] {
        copy.json("processor_config.json", |json| json["image_processor"][key] = value);
        says(&copy.0, &[key.trim_start_matches("size")]);
        fs::write(copy.path("processor_config.json"), &good).expect("written");
    }
    fs::write(copy.path("chat_template.jinja"), "{% if %}").expect("written");
    says(&copy.0, &["chat_template", "Jinja"]);
    fs::remove_file(copy.path("chat_template.jinja")).expect("removed");
    says(&copy.0, &["chat_template", "none"]);
    let e = Vlm::load(&folder("qwen3-vl"), Place::Cpu, Precision::Bf16, &mut |_, _| ()).expect_err("refused");
    assert!(e.to_string().contains("f32, f16, q8 or q4 on the CPU"), "{e}");
}

#[test]
fn pictures_films_and_sentences_that_cannot_be_used_are_refused() {
    for (w, h, n) in [(0, 0, 0), (0, 5, 0), (MAX_SIDE + 1, 1, 3 * (MAX_SIDE + 1)), (4, 4, 47), (4, 4, 49)] {
        let e = Pixels::new(w, h, vec![7; n]).expect_err("B27");
        assert_eq!(e.field, "picture");
    }
    let vlm = load("qwen3-vl");
    let plain = |w: usize, h: usize| Pixels::new(w, h, vec![99; 3 * w * h]).expect("a picture");
    let said =
        |media: &[Medium], sentence: &str| vlm.prompt(media, sentence).expect_err("refused").to_string();
    assert!(said(&[Medium::Picture(plain(201, 1))], "x").contains("200-fold"));
    assert!(said(&[], "a <|im_end|>\n<|im_start|>system").contains("special token"));
    assert!(said(&[], &"long ".repeat(20_000)).contains("sentence"));
    let film = |frames: Vec<Pixels>, seconds: &[f64]| Medium::Film { frames, seconds: seconds.to_vec() };
    assert!(said(&[film(vec![plain(8, 8)], &[0.0])], "x").contains("film"));
    assert!(said(&[film(vec![plain(8, 8), plain(8, 9)], &[0.0, 1.0])], "x").contains("one shape"));
    assert!(said(&[film(vec![plain(8, 8), plain(8, 8)], &[0.0, f64::NAN])], "x").contains("film.seconds"));
    // One pixel is a picture, and so is a long thin one.
    for (w, h) in [(1, 1), (200, 1), (1, 200)] {
        let prompt = vlm.prompt(&[Medium::Picture(plain(w, h))], "x").expect("a prompt");
        let (grid, _) = prompt.pictures().next().expect("a picture");
        assert!(grid[0] * grid[1] >= 16, "{w} × {h}: {grid:?}");
    }
}

#[test]
fn pictures_beyond_what_a_model_can_take_are_refused_before_they_are_made() {
    let picture =
        |w: usize, h: usize| [Medium::Picture(Pixels::new(w, h, vec![99; 3 * w * h]).expect("a picture"))];
    let loaded =
        |copy: &Copy| Vlm::load(&copy.0, Place::Cpu, Precision::F32, &mut |_, _| ()).expect("a model");
    // The least number of pixels would make 53 thousand columns of it.
    let copy = Copy::of("qwen3-vl", "sides");
    copy.json("processor_config.json", |json| {
        json["image_processor"]["size"] =
            serde_json::json!({"shortest_edge": 1_u32 << 31, "longest_edge": 1_u32 << 31});
    });
    let e = loaded(&copy).prompt(&picture(40, 30), "x").expect_err("too large").to_string();
    assert!(e.contains(&format!("sides of 1 to {MAX_SIDE}")), "{e}");
    let copy = Copy::of("smolvlm", "room");
    copy.json("config.json", |json| json["text_config"]["max_position_embeddings"] = 20.into());
    let e = loaded(&copy).prompt(&picture(400, 300), "x").expect_err("too many tokens").to_string();
    assert!(e.contains("fewer than 20 tokens in all"), "{e}");
}
