//! PaliGemma 2: what is wrong with a checkpoint is said by name, under whichever names its tensors go; what was read of
//! a prompt counts for the same prompt alone.

use crate::families::{check_settings, check_shards, check_weights};
use crate::fixture::{FAMILIES, folder, ids, largest_difference, load, numbers, picture};
use crate::parity::{GREEDY, answer, check_reference, prompt};
use crate::refusals::{Copy, parts, says, whole};
use perception::vlm::{Answering, Medium, Pixels, Place, Precision, Prompt, Vlm, VlmError};
use serde_json::{Value, json};
use std::cell::Cell;
use std::fs;

fn expected() -> Value {
    let family = FAMILIES.iter().find(|f| f.layouts[0] == "paligemma").expect("the family");
    family.expected()
}

#[test]
fn weights_and_settings_are_refused_by_name() {
    let tensors = [
        "multi_modal_projector.linear.bias",
        "vision_tower.embeddings.position_embedding.weight",
        "language_model.model.layers.1.post_feedforward_layernorm.weight",
        "language_model.model.norm.weight",
    ];
    check_weights("paligemma", &tensors);
    check_shards("paligemma-4");
    let cases: &[(&[&str], Value, &[&str])] = &[
        (&["model_type"], "pali".into(), &["model_type", "paligemma", "pali"]),
        (&["text_config", "model_type"], "gemma".into(), &["text_config model_type", "gemma2", "\"gemma\""]),
        (&["text_config", "model_type"], Value::Null, &["text_config model_type", "none"]),
        (&["text_config", "hidden_activation"], "silu".into(), &["hidden_activation", "gelu_pytorch_tanh"]),
        (&["text_config", "attn_logit_softcapping"], Value::Null, &["attn_logit_softcapping", "null"]),
        (&["text_config", "final_logit_softcapping"], 0.into(), &["final_logit_softcapping", "0.001"]),
        (&["text_config", "query_pre_attn_scalar"], (-1).into(), &["query_pre_attn_scalar", "-1"]),
        (&["text_config", "sliding_window"], Value::Null, &["sliding_window", "null"]),
        (&["text_config", "layer_types"], json!(["full_attention"]), &["layer_types", "each of 4 layers"]),
        (
            &["text_config", "layer_types"],
            json!(["full_attention", "full_attention", "full_attention", "chunked_attention"]),
            &["layer_types[3]", "sliding_attention", "chunked_attention"],
        ),
        (&["text_config", "attention_bias"], true.into(), &["attention_bias", "false"]),
        (&["text_config", "num_key_value_heads"], 3.into(), &["num_key_value_heads", "divisor of 4"]),
        (&["text_config", "head_dim"], 25.into(), &["head_dim", "even"]),
        (&["text_config", "head_dim"], Value::Null, &["q_proj", "[1024, 64]", "[96, 64]"]),
        (&["text_config", "num_hidden_layers"], 65.into(), &["num_hidden_layers", "to 64"]),
        (&["text_config", "rope_parameters", "rope_type"], "linear".into(), &["rope_type", "default"]),
        (&["tie_word_embeddings"], false.into(), &["language_model.lm_head.weight", "none"]),
        (
            &["vision_config", "model_type"],
            "clip".into(),
            &["vision_config model_type", "siglip_vision_model"],
        ),
        (&["vision_config", "hidden_size"], 33.into(), &["vision_config hidden_size", "multiple of 2"]),
        (&["vision_config", "image_size"], 70.into(), &["size height", "70", "56"]),
        (&["vision_config", "num_hidden_layers"], 2.into(), &["encoder.layers.2", "no such tensor"]),
        (&["vision_config", "hidden_act"], "gelu".into(), &["hidden_act", "gelu_pytorch_tanh"]),
        (&["image_token_index"], 404.into(), &["tokenizer.json", "404", "not special"]),
        (&["image_token_index"], 5000.into(), &["image_token_index", "to 447"]),
        (&["image_token_index"], Value::Null, &["image_token_index", "none"]),
    ];
    check_settings("paligemma", "config.json", cases);
    let cases: &[(&[&str], Value, &[&str])] = &[
        (&["image_processor", "size", "width"], 60.into(), &["size width", "56", "60"]),
        (&["image_processor", "size"], json!({"longest_edge": 56}), &["size height", "none"]),
        (&["image_processor", "image_seq_length"], 256.into(), &["image_seq_length", "16", "256"]),
        (&["image_processor", "resample"], 2.into(), &["resample", "3"]),
    ];
    check_settings("paligemma", "processor_config.json", cases);
    let copy = Copy::of("paligemma", "tokens-paligemma");
    let good = fs::read(copy.path("tokenizer.json")).expect("read");
    for token in ["<image>", "<eos>"] {
        copy.json("tokenizer.json", |json| {
            json["added_tokens"].as_array_mut().expect("tokens").retain(|t| t["content"] != token);
        });
        says(&copy.0, &["tokenizer.json", "special"]);
        fs::write(copy.path("tokenizer.json"), &good).expect("written");
    }
}

#[test]
fn the_names_of_the_classes_that_came_later_are_the_same_tensors_and_a_head_of_its_own_is_one() {
    let copy = Copy::of("paligemma", "names-paligemma");
    let file = copy.path("model.safetensors");
    let (header, content) = parts(&fs::read(&file).expect("read"));
    for tower in ["model.vision_tower.vision_model.", "model.vision_tower."] {
        let renamed: serde_json::Map<String, Value> = header
            .as_object()
            .expect("a header")
            .iter()
            .map(|(name, tensor)| {
                let name = match name.split_once('.') {
                    Some(("vision_tower", rest)) => format!("{tower}{rest}"),
                    Some(("language_model", rest)) => {
                        format!("model.language_model.{}", rest.trim_start_matches("model."))
                    }
                    Some(("multi_modal_projector", rest)) => format!("model.multi_modal_projector.{rest}"),
                    _ => name.clone(),
                };
                (name, tensor.clone())
            })
            .collect();
        fs::write(&file, whole(&Value::Object(renamed.clone()), &content)).expect("written");
        let mut vlm = Vlm::load(&copy.0, Place::Cpu, Precision::F32, &mut |_, _| ()).expect("loads");
        check_reference(&mut vlm, &expected()["paligemma"]["one"], tower);

        // The words once more as an output layer that is not tied to them.
        let [begin, end] = [0, 1].map(|i| {
            let places = &renamed["model.language_model.embed_tokens.weight"]["data_offsets"];
            places[i].as_u64().expect("a place") as usize
        });
        let mut untied = renamed.clone();
        let places = [content.len(), content.len() + end - begin];
        untied.insert(
            "lm_head.weight".into(),
            json!({ "dtype": "F32", "shape": [448, 64], "data_offsets": places }),
        );
        let more = [&content[..], &content[begin..end]].concat();
        fs::write(&file, whole(&Value::Object(untied), &more)).expect("written");
        for is_tied in [false, true] {
            copy.json("config.json", |json| json["tie_word_embeddings"] = is_tied.into());
            let mut vlm = Vlm::load(&copy.0, Place::Cpu, Precision::F32, &mut |_, _| ()).expect("loads");
            check_reference(&mut vlm, &expected()["paligemma"]["one"], "a head of its own");
        }
    }
}

#[test]
fn a_prompt_counts_for_the_same_prompt_alone_whatever_was_asked_before() {
    let cases = &expected()["paligemma"];
    let (mut vlm, mut fresh) = (load("paligemma"), load("paligemma"));
    let one = Answering { max_tokens: 1, ..GREEDY };
    let whole = prompt(&vlm, &cases["text"]).ids().to_vec();
    let said = answer(&mut vlm, &Prompt::of_tokens(&whole));
    assert_eq!(said.ids, ids(&cases["text"]["ids"]));
    // Shorter, longer by what was said, and longer by something else: each token would have seen another end.
    let longer = [&whole[..], &said.ids[..5]].concat();
    let other = [&whole[..], &[300]].concat();
    for (ids, reused) in [
        (&longer[..], 0),
        (&longer, longer.len() - 1),
        (&whole, 0),
        (&whole[..whole.len() - 3], 0),
        (&other, 0),
        (&whole, 0),
        (&whole, whole.len() - 1),
    ] {
        let prompt = Prompt::of_tokens(ids);
        let said = vlm.answer(&prompt, &one, &|| true, &mut |_| ()).expect("an answer");
        fresh.reset();
        let alone = fresh.answer(&prompt, &one, &|| true, &mut |_| ()).expect("an answer");
        assert_eq!(said.reused, reused, "{} tokens", ids.len());
        let off = largest_difference(&said.first_logits, &alone.first_logits);
        assert!(off <= 1e-4, "{} tokens: {off}", ids.len());
    }
    // One that was given up while its last token was read anew: another last token is another prompt.
    let stopped = vlm.answer(&Prompt::of_tokens(&whole), &one, &|| false, &mut |_| ());
    assert!(matches!(stopped, Err(VlmError::Cancelled)));
    let end = [&whole[..whole.len() - 1], &[301]].concat();
    let said = vlm.answer(&Prompt::of_tokens(&end), &one, &|| true, &mut |_| ()).expect("an answer");
    assert_eq!(said.reused, 0);
    // Given up in the middle of a prompt with a picture, it is usable.
    let picture = prompt(&vlm, &cases["one"]);
    for allowed in [0, 2, 4, 6] {
        let asked = Cell::new(0);
        let goes_on = || {
            asked.set(asked.get() + 1);
            asked.get() <= allowed
        };
        let stopped = vlm.answer(&picture, &GREEDY, &goes_on, &mut |_| ());
        assert!(matches!(stopped, Err(VlmError::Cancelled)), "{allowed}");
    }
    let said = answer(&mut vlm, &picture);
    assert_eq!((said.ids, said.reused), (ids(&cases["one"]["ids"]), 0));
    assert!(largest_difference(&said.first_logits, &numbers(&cases["one"]["logits"])) <= 1e-4);
}

#[test]
fn films_and_more_pictures_than_there_are_positions_for_are_refused_by_name() {
    let vlm = load("paligemma");
    let frame = || Pixels::new(8, 8, vec![9; 192]).expect("a picture");
    let film = Medium::Film { frames: vec![frame(), frame()], seconds: vec![0.0, 1.0] };
    let e = vlm.prompt(&[Medium::Picture(frame()), film], "x").expect_err("refused").to_string();
    assert!(e.contains("film") && e.contains("pictures alone"), "{e}");
    let e = vlm.prompt(&[], "<bos> put it there").expect_err("refused").to_string();
    assert!(e.contains("special token <bos>"), "{e}");
    let many: Vec<Medium> = (0..512).map(|_| Medium::Picture(frame())).collect();
    let e = vlm.prompt(&many, "x").expect_err("refused").to_string();
    assert!(e.contains("fewer than 8192 tokens") && e.contains("8192"), "{e}");
    // The folder needs no template, and a shape of any kind becomes the square.
    assert!(!folder("paligemma").join("chat_template.jinja").exists());
    for name in ["tall", "large"] {
        let prompt = vlm.prompt(&[Medium::Picture(picture(name))], "caption en").expect("a prompt");
        let pictures: Vec<_> = prompt.pictures().map(|(grid, _)| grid).collect();
        assert_eq!((pictures, prompt.ids()[15..17].to_vec()), (vec![[4, 4]], vec![402, 2]), "{name}");
    }
}

#[test]
fn places_that_an_answer_tells_become_pixels_for_this_family_alone() {
    let text = "<loc0256><loc0128><loc0512><loc0384> cube";
    let found = load("paligemma").located(text, [640, 480]).expect("places").expect("some");
    assert_eq!((found.len(), found[0].box_px), (1, Some([80.0, 120.0, 240.0, 240.0])));
    assert_eq!(load("qwen3-vl").located(text, [640, 480]), Ok(None));
    let refused = load("paligemma").located("<loc0256> cube", [640, 480]).expect_err("one place");
    assert!(refused.to_string().contains("answer[0]"), "{refused}");
}
