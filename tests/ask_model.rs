//! `sinew ask --model`, as a person runs it, on the tiny random checkpoints of perception's tests.

use serde_json::{Value, json};
use std::process::{Command, Output};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/perception/tests/vlm/data");

fn ask(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sinew"));
    command.arg("ask").args(args).output().expect("the program starts")
}

fn path(name: &str) -> String {
    format!("{DATA}/{name}")
}

fn refused(args: &[&str]) -> String {
    let out = ask(args);
    assert_eq!(out.status.code(), Some(2), "{out:?}");
    assert!(out.stdout.is_empty(), "{out:?}");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

#[test]
fn its_one_line_of_json_holds_what_the_reference_says_for_several_pictures() {
    for (layout, expected) in [
        ("qwen3-vl", "expected.json"),
        ("qwen3-vl-4", "expected.json"),
        ("qwen2_5-vl", "qwen2_5-vl-expected/expected.json"),
        ("qwen2_5-vl-4", "qwen2_5-vl-expected/expected.json"),
        ("smolvlm", "smolvlm-expected/expected.json"),
        ("smolvlm-4", "smolvlm-expected/expected.json"),
        ("paligemma", "paligemma-expected/expected.json"),
        ("paligemma-4", "paligemma-expected/expected.json"),
    ] {
        let expected = std::fs::read(path(expected)).expect("read");
        let expected: Value = serde_json::from_slice(&expected).expect("JSON");
        let case = &expected[layout]["several"];
        let dir = path(layout);
        let pictures = ["fits", "small", "other"].map(|n| path(&format!("{n}.png")));
        let mut args = vec!["--model", dir.as_str()];
        pictures.iter().for_each(|p| args.extend(["--image", p]));
        args.push(case["sentence"].as_str().expect("a sentence"));
        args.extend("--greedy --dtype f32 --device cpu --max-tokens 64 --logits 400 --json".split(' '));
        let out = ask(&args);
        assert_eq!(out.status.code(), Some(0), "{out:?}");
        let text = String::from_utf8(out.stdout).expect("text");
        assert_eq!(text.lines().count(), 1, "{text}");
        let said: Value = serde_json::from_str(&text).expect("JSON");
        for key in ["prompt_ids", "ids", "text"] {
            assert_eq!(said[key], case[key], "{layout} {key}");
        }
        let logits = said["logits"].as_array().expect("logits");
        assert_eq!(logits.len(), 400);
        for (i, (ours, theirs)) in logits.iter().zip(case["logits"].as_array().expect("logits")).enumerate() {
            let (ours, theirs) = (ours.as_f64().expect("a number"), theirs.as_f64().expect("a number"));
            assert!((ours - theirs).abs() <= 1e-4, "{layout}: token {i}: {ours}, the reference {theirs}");
        }
        let timings = said["timings"].as_object().expect("timings");
        assert!(
            timings.len() >= 4 && timings.values().all(|t| t.as_f64().is_some_and(|t| t > 0.0)),
            "{timings:?}"
        );
    }
}

/// A file of questions; its name is the test's own.
fn questions(name: &str, lines: &[Value]) -> String {
    let path = std::env::temp_dir().join(format!("sinew-{}-{name}.jsonl", std::process::id()));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[test]
fn a_batch_prints_for_each_line_what_is_said_to_it_alone() {
    let pictures = ["fits", "small", "other"].map(|n| path(&format!("{n}.png")));
    let lines = [
        json!({ "text": "describe both pictures\nplease.", "images": pictures }),
        json!({ "text": "what do you see? It's 42 cubes; naïve 猫." }),
        json!({ "text": "where?", "images": pictures[..1] }),
    ];
    let file = questions("batch", &lines);
    for layout in ["qwen3-vl", "qwen2_5-vl-4", "qwen3-vl-moe-4", "smolvlm", "paligemma-4"] {
        let dir = path(layout);
        let how = ["--model", &dir, "--greedy", "--max-tokens", "24", "--json"];
        let out = ask(&[&how[..], &["--batch", &file]].concat());
        assert_eq!(out.status.code(), Some(0), "{out:?}");
        let said = String::from_utf8(out.stdout).expect("text");
        assert_eq!(said.lines().count(), lines.len(), "{said}");
        for (line, said) in lines.iter().zip(said.lines()) {
            let mut args = [&how[..], &[line["text"].as_str().expect("text")]].concat();
            let images = line["images"].as_array().into_iter().flatten().filter_map(Value::as_str);
            images.for_each(|image| args.extend(["--image", image]));
            let alone = ask(&args);
            assert_eq!(alone.status.code(), Some(0), "{alone:?}");
            let alone: Value = serde_json::from_slice(&alone.stdout).expect("JSON");
            let said: Value = serde_json::from_str(said).expect("JSON");
            for key in ["prompt_ids", "ids", "text"] {
                assert_eq!(said[key], alone[key], "{layout} {key}");
            }
            assert_eq!(said["ids"].as_array().map(Vec::len), Some(24), "{said}");
            let members = |v: &Value| v.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
            assert_eq!(members(&said), members(&alone));
            assert_eq!(members(&said["timings"]), members(&alone["timings"]));
            assert!(
                said["timings"].as_object().expect("times").values().all(|t| t.as_f64() > Some(0.0)),
                "{said}"
            );
        }
    }
    std::fs::remove_file(file).expect("removed");
}

#[test]
fn a_batch_that_cannot_be_asked_is_refused_by_line_and_field() {
    let dir = path("qwen3-vl");
    let good = json!({ "text": "where?" });
    let fits = path("fits.png");
    for (name, bad, says) in [
        ("field", json!({ "text": 5 }), " line 2 text"),
        ("member", json!({ "text": "a", "image": [] }), "`image`"),
        ("special", json!({ "text": "<|im_start|>system" }), "special token"),
        ("file", json!({ "text": "a", "images": [fits, "nowhere.png"] }), " line 2 images[1]"),
        ("long", json!({ "text": "how many cubes? ".repeat(500) }), "max_tokens"),
    ] {
        let file = questions(name, &[good.clone(), bad]);
        let e = refused(&["--model", &dir, "--batch", &file, "--max-tokens", "5"]);
        assert!(e.contains(" line 2") && e.contains(says), "{name}: {e}");
        for more in [&["hello"][..], &["--image", &fits], &["--role", "look"], &["--logits", "3"]] {
            let args = [&["--model", &dir, "--batch", &file][..], more].concat();
            assert!(refused(&args).contains("cannot be used with"), "{more:?}");
        }
        assert!(refused(&["--batch", &file]).contains("--model"));
        std::fs::remove_file(file).expect("removed");
    }
    assert!(refused(&["--model", &dir, "--batch", "nowhere.jsonl"]).contains("nowhere.jsonl"));
    assert!(refused(&["--model", &dir]).contains("SENTENCE"));
}

#[test]
fn seeded_answers_repeat_and_no_logits_are_printed_unasked() {
    let dir = path("qwen3-vl");
    let said = |seed: &str| {
        let args = ["--model", &dir, "hello", "--temperature", "1.2", "--top-p", "0.9", "--seed", seed];
        let out = ask(&[&args[..], &["--max-tokens", "20", "--json"]].concat());
        assert_eq!(out.status.code(), Some(0), "{out:?}");
        let said: Value = serde_json::from_slice(&out.stdout).expect("JSON");
        assert!(said.get("logits").is_none());
        said["ids"].clone()
    };
    assert_eq!(said("3"), said("3"));
    assert_ne!(said("3"), said("4"));
}

#[test]
fn what_cannot_be_asked_is_a_sentence_and_exit_code_two() {
    let dir = path("qwen3-vl");
    assert!(refused(&["--model", DATA, "hello"]).contains("config.json"));
    assert!(
        refused(&["--model", &dir, "hello", "--dtype", "bf16"]).contains("f32, f16, q8 or q4 on the CPU")
    );
    assert!(refused(&["--model", &dir, "hello", "--dtype", "q5"]).contains("f32, f16, bf16, q8 or q4"));
    if cfg!(not(feature = "cuda")) {
        assert!(refused(&["--model", &dir, "hello", "--device", "cuda"]).contains("scripts/cuda"));
    }
    assert!(refused(&["--model", &dir, "hello", "--max-tokens", "0"]).contains("max_tokens"));
    assert!(refused(&["--model", &dir, "hello", "--temperature=-1"]).contains("temperature"));
    assert!(refused(&["--model", &dir, "<|im_start|>system", "--greedy"]).contains("special token"));
    assert!(refused(&["--model", &dir, "hello", "--image", &path("large.ppm")]).contains("PNG or JPEG"));
    assert!(refused(&["hello", "--max-tokens", "5"]).contains("--model"));
    for more in [&["hello"][..], &["--batch", "q.jsonl"], &["hello", "--role", "read"]] {
        let e = refused(&[&["--model", &dir, "--out", "kept"], more].concat());
        assert!(e.contains("--out: expected") && e.contains("got --model"), "{e}");
    }
    let two = path("fits.png");
    assert!(refused(&["how many?", "--image", &two, "--image", &two]).contains("one picture"));
    let logits = ["--model", &dir, "hello", "--logits", "417", "--max-tokens", "1"];
    assert!(refused(&logits).contains("vocabulary of 416"));
}

#[test]
fn places_told_by_tokens_are_found_in_pixels_or_it_is_said_what_is_wrong_with_them() {
    let (dir, fits, small) = (path("paligemma-4"), path("fits.png"), path("small.png"));
    let said = |sentence: &str, seed: &str, more: &[&str]| -> Value {
        let args = ["--model", &dir, "--image", &fits, sentence, "--temperature", "1", "--seed", seed];
        let out = ask(&[&args[..], &["--max-tokens", "5", "--json"], more].concat());
        assert_eq!(out.status.code(), Some(0), "{out:?}");
        serde_json::from_slice(&out.stdout).expect("JSON")
    };
    // What random weights happen to say: three rows down and five columns to the right, of 1024, of 96 × 64 pixels.
    let found = said("detect right ; large", "68", &[]);
    assert_eq!(found["text"], "<loc0003><loc0005>o?");
    assert_eq!(found["found"], json!([{ "label": "o?", "point_px": [0.46875, 0.1875] }]));
    assert!(found.get("flaw").is_none(), "{found}");
    let flawed = said("detect red ; pictures", "1", &[]);
    assert!(flawed["text"].as_str().is_some_and(|text| text.contains("<loc0001>")), "{flawed}");
    let flaw = flawed["flaw"].as_str().unwrap_or_default();
    assert!(
        flaw.contains("answer[0]") && flaw.contains("label") && flawed.get("found").is_none(),
        "{flawed}"
    );
    // Of two pictures it is not known which one is meant.
    let two = said("detect right ; large", "68", &["--image", &small]);
    assert!(two.get("found").is_none() && two.get("flaw").is_none(), "{two}");
}

#[test]
fn a_model_whose_tokens_are_pieces_of_words_answers_in_the_json_of_a_role() {
    let out = ask(&[
        "--model",
        &path("paligemma"),
        "--image",
        &path("fits.png"),
        "--role",
        "point",
        "cube",
        "--json",
    ]);
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let said: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let text: Value = serde_json::from_str(said["text"].as_str().expect("text")).expect("JSON");
    assert_eq!(text.as_array().map(Vec::len), said["found"].as_array().map(Vec::len), "{said}");
}
