//! What is wrong with a checkpoint of the families beside Qwen3-VL is said by name (B30, B31). What all of them have in
//! common stands in `refusals.rs`.

use crate::fixture::{folder, load};
use crate::refusals::{Copy, parts, says, whole};
use perception::roles::Measure;
use perception::vlm::{Medium, Pixels, Place, Precision, Vlm, published_measure};
use serde_json::{Value, json};
use std::fs;

const WEIGHTS: &str = "model.safetensors";

/// Weights that are cut off, not finite, of another shape, missing, or left over.
pub(crate) fn check_weights(layout: &str, tensors: &[&str]) {
    let copy = Copy::of(layout, &format!("weights-{layout}"));
    let path = copy.path(WEIGHTS);
    let good = fs::read(&path).expect("read");
    for n in [0, 9, good.len() / 3, good.len() - 1] {
        fs::write(&path, &good[..n]).expect("written");
        says(&copy.0, &[WEIGHTS]);
    }
    let (header, content) = parts(&good);
    for tensor in tensors {
        let mut bad = content.clone();
        let at = header[tensor]["data_offsets"][0].as_u64().expect("a place") as usize;
        bad[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        fs::write(&path, whole(&header, &bad)).expect("written");
        says(&copy.0, &[WEIGHTS, tensor, "finite"]);
        let spoiled = |change: &dyn Fn(&mut Value)| {
            let mut header = header.clone();
            change(&mut header);
            fs::write(&path, whole(&header, &content)).expect("written");
        };
        spoiled(&|h| {
            let dims = h[tensor]["shape"].as_array_mut().expect("a shape");
            dims.insert(0, 1.into());
        });
        says(&copy.0, &[WEIGHTS, tensor, "shape"]);
        spoiled(&|h| {
            let taken = h.as_object_mut().expect("a header").remove(*tensor).expect("there");
            h["something.else"] = taken;
        });
        says(&copy.0, &[tensor, "none"]);
    }
    fs::write(&path, &good).expect("written");
    Vlm::load(&copy.0, Place::Cpu, Precision::F32, &mut |_, _| ()).expect("whole again");
}

/// Settings of `file` that are changed, each with the words of its refusal.
pub(crate) fn check_settings(layout: &str, file: &str, cases: &[(&[&str], Value, &[&str])]) {
    let copy = Copy::of(layout, &format!("settings-{layout}-{file}"));
    let good = fs::read(copy.path(file)).expect("read");
    for (way, value, words) in cases {
        copy.json(file, |json| {
            let place = way.iter().fold(json, |j, key| &mut j[*key]);
            *place = value.clone();
        });
        says(&copy.0, words);
        fs::write(copy.path(file), &good).expect("written");
    }
}

/// The older layout without one of its shards, and with another model's.
pub(crate) fn check_shards(layout: &str) {
    let [first, second] = [1, 2].map(|i| format!("model-0000{i}-of-00002.safetensors"));
    let copy = Copy::of(layout, &format!("shards-{layout}"));
    fs::remove_file(copy.path(&second)).expect("removed");
    says(&copy.0, &[&second]);
    fs::copy(folder("qwen3-vl-4").join(&first), copy.path(&second)).expect("copied");
    says(&copy.0, &[&second]);
}

#[test]
fn qwen2_5_vl_tells_places_in_pixels_of_the_picture_as_it_goes_in_and_the_others_in_thousandths() {
    let vlm = load("qwen2_5-vl");
    for [w, h] in [[320u32, 240], [96, 96], [60, 400], [1280, 720]] {
        let Measure::Pixels { width, height } = vlm.measure([w, h]) else { panic!("{w} × {h}") };
        assert!(width % 28 == 0 && height % 28 == 0, "{width} × {height}");
        let picture = Pixels::new(w as usize, h as usize, vec![90; (3 * w * h) as usize]).expect("a picture");
        let prompt = vlm.prompt(&[Medium::Picture(picture)], "where?").expect("a prompt");
        // A token for each block of 28 × 28 that is shown.
        let shown = prompt.ids().iter().filter(|id| **id == 396).count();
        assert_eq!(shown as u32, (width / 28) * (height / 28), "{w} × {h}");
    }
    assert_eq!(published_measure([640, 480]), Measure::Pixels { width: 644, height: 476 });
    for other in ["qwen3-vl", "smolvlm", "paligemma"] {
        assert_eq!(load(other).measure([320, 240]), Measure::Thousandths, "{other}");
    }
}

#[test]
fn weights_and_settings_of_qwen2_5_vl_are_refused_by_name() {
    let tensors = [
        "visual.merger.ln_q.weight",
        "visual.patch_embed.proj.weight",
        "visual.blocks.1.mlp.gate_proj.bias",
        "model.layers.0.self_attn.k_proj.bias",
    ];
    check_weights("qwen2_5-vl", &tensors);
    check_shards("qwen2_5-vl-4");
    let cases: &[(&[&str], Value, &[&str])] = &[
        (&["model_type"], "qwen2_vl".into(), &["model_type", "qwen2_5_vl", "qwen2_vl"]),
        (&["text_config", "hidden_size"], 128.into(), &["mrope_section", "16"]),
        (&["vision_config", "out_hidden_size"], 128.into(), &["out_hidden_size", "from 64", "128"]),
        (&["text_config", "use_sliding_window"], true.into(), &["use_sliding_window", "false"]),
        (&["text_config", "rope_parameters", "rope_type"], "yarn".into(), &["rope_type", "mrope", "yarn"]),
        (&["text_config", "rope_parameters", "mrope_section"], json!([8, 8]), &["mrope_section", "8"]),
        (&["text_config", "num_hidden_layers"], 4.into(), &["layers.3"]),
        (&["vision_config", "window_size"], 27.into(), &["window_size", "28 pixels", "27"]),
        (&["vision_config", "window_size"], Value::Null, &["window_size", "none"]),
        (&["vision_config", "fullatt_block_indexes"], json!([1, 4]), &["fullatt_block_indexes", "to 3"]),
        (&["vision_config", "tokens_per_second"], (-1).into(), &["tokens_per_second"]),
        (&["vision_config", "hidden_act"], "gelu".into(), &["hidden_act", "silu"]),
        (&["vision_config", "in_channels"], 4.into(), &["in_channels", "3"]),
        (&["vision_config", "depth"], 5.into(), &["visual.blocks.4", "none"]),
        (&["vision_config", "patch_size"], 16.into(), &["patch_size", "16"]),
        (&["image_token_id"], 10.into(), &["tokenizer.json", "image_token_id", "not special"]),
        (&["tie_word_embeddings"], "no".into(), &["tie_word_embeddings", "true or false"]),
    ];
    check_settings("qwen2_5-vl", "config.json", cases);
    // The layout as published, where the language model's settings stand at the top.
    let cases: &[(&[&str], Value, &[&str])] = &[
        (&["rope_scaling", "type"], "linear".into(), &["rope_scaling type", "mrope", "linear"]),
        (&["num_key_value_heads"], 3.into(), &["num_key_value_heads", "divisor"]),
        (&["vision_config", "in_chans"], 1.into(), &["in_chans", "3"]),
    ];
    check_settings("qwen2_5-vl-4", "config.json", cases);
    let cases: &[(&[&str], Value, &[&str])] = &[
        (&["max_pixels"], 100.into(), &["least number of pixels"]),
        (&["patch_size"], 16.into(), &["patch_size", "14", "16"]),
        (&["image_std"], json!([0.1, 0.2]), &["image_std", "three"]),
    ];
    check_settings("qwen2_5-vl-4", "preprocessor_config.json", cases);
}

#[test]
fn weights_and_settings_of_mixtures_are_refused_by_name() {
    let experts = "model.language_model.layers.1.mlp.experts.gate_up_proj";
    check_weights("qwen3-vl-moe", &[experts, "model.language_model.layers.2.mlp.gate.weight"]);
    let cases: &[(&[&str], Value, &[&str])] = &[
        (&["model_type"], "qwen3_vl".into(), &["layers.0.mlp", "none"]),
        (&["text_config", "num_local_experts"], Value::Null, &["num_local_experts", "none"]),
        (&["text_config", "num_local_experts"], 7.into(), &["layers.0.mlp.gate", "[7, 64]", "[6, 64]"]),
        (&["text_config", "num_experts_per_tok"], 7.into(), &["num_experts_per_tok", "from 1 to 6", "7"]),
        (&["text_config", "moe_intermediate_size"], 32.into(), &["experts.gate_up_proj", "shape"]),
        (&["text_config", "mlp_only_layers"], json!([1]), &["layers.1.mlp.gate_proj", "none"]),
        (&["text_config", "decoder_sparse_step"], 2.into(), &["layers.0.mlp.gate_proj", "none"]),
    ];
    check_settings("qwen3-vl-moe", "config.json", cases);
    let cases: &[(&[&str], Value, &[&str])] =
        &[(&["text_config", "norm_topk_prob"], false.into(), &["norm_topk_prob", "true", "false"])];
    check_settings("qwen3-vl-moe-4", "config.json", cases);
}

#[test]
fn weights_and_settings_of_smolvlm_are_refused_by_name() {
    let tensors = [
        "model.connector.modality_projection.proj.weight",
        "model.vision_model.embeddings.position_embedding.weight",
        "model.vision_model.encoder.layers.2.self_attn.v_proj.bias",
        "model.text_model.norm.weight",
    ];
    check_weights("smolvlm", &tensors);
    check_shards("smolvlm-4");
    let cases: &[(&[&str], Value, &[&str])] = &[
        (&["model_type"], "smol".into(), &["model_type", "smolvlm", "smol"]),
        (&["text_config", "model_type"], "mistral".into(), &["text_config model_type", "llama", "mistral"]),
        (&["text_config", "rope_parameters", "rope_type"], "linear".into(), &["rope_type", "default"]),
        (&["text_config", "mlp_bias"], true.into(), &["mlp_bias", "false"]),
        (&["scale_factor"], 4.into(), &["max_image_size", "multiple of 4", "50"]),
        (&["scale_factor"], 0.into(), &["scale_factor", "from 1"]),
        (&["vision_config", "hidden_size"], 25.into(), &["vision_config hidden_size", "multiple of 2"]),
        (&["vision_config", "num_hidden_layers"], 2.into(), &["encoder.layers.2", "no such tensor"]),
        (&["vision_config", "image_size"], 7.into(), &["image_size", "8 pixels"]),
        (&["vision_config", "image_size"], 64.into(), &["position_embedding", "[64, 24]"]),
        (&["vision_config", "hidden_act"], "gelu".into(), &["hidden_act", "gelu_pytorch_tanh"]),
        (&["image_token_id"], 410.into(), &["tokenizer.json", "410", "<image>"]),
        (&["image_token_id"], 5000.into(), &["image_token_id", "to 415"]),
    ];
    check_settings("smolvlm", "config.json", cases);
    let cases: &[(&[&str], Value, &[&str])] = &[
        (&["image_seq_len"], 81.into(), &["image_seq_len", "9", "81"]),
        (&["image_processor", "max_image_size", "longest_edge"], 45.into(), &["max_image_size", "45"]),
        (&["image_processor", "size", "longest_edge"], 4000.into(), &["size longest_edge", "32 tiles"]),
        (&["image_processor", "size"], json!({"height": 9, "width": 9}), &["size longest_edge", "none"]),
        (&["image_processor", "resample"], 3.into(), &["resample", "1"]),
        (&["video_processor", "max_image_size", "longest_edge"], 40.into(), &["of films", "50", "40"]),
    ];
    check_settings("smolvlm", "processor_config.json", cases);
    let copy = Copy::of("smolvlm", "tokens-smolvlm");
    let good = fs::read(copy.path("tokenizer.json")).expect("read");
    for token in ["<image>", "<global-img>", "<fake_token_around_image>"] {
        copy.json("tokenizer.json", |json| {
            json["added_tokens"].as_array_mut().expect("tokens").retain(|t| t["content"] != token);
        });
        says(&copy.0, &["tokenizer.json"]);
        fs::write(copy.path("tokenizer.json"), &good).expect("written");
    }
}

#[test]
fn idefics3_is_the_same_model_without_films() {
    let copy = Copy::of("smolvlm", "idefics3");
    copy.json("config.json", |json| json["model_type"] = "idefics3".into());
    let vlm = Vlm::load(&copy.0, Place::Cpu, Precision::F32, &mut |_, _| ()).expect("loads");
    let frame = || Pixels::new(8, 8, vec![9; 192]).expect("a picture");
    let one = vlm.prompt(&[Medium::Picture(frame())], "x").expect("a prompt");
    let same = load("smolvlm").prompt(&[Medium::Picture(frame())], "x").expect("a prompt");
    assert_eq!(one.ids(), same.ids());
    let film = Medium::Film { frames: vec![frame(), frame()], seconds: vec![0.0, 1.0] };
    let e = vlm.prompt(&[film], "x").expect_err("refused").to_string();
    assert!(e.contains("film") && e.contains("pictures alone"), "{e}");
}
