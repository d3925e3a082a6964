//! Absurd answers, and what is taken of sensible ones.

use super::*;
use serde_json::json;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const WANTED: Wanted<'static> = Wanted {
    files: &["config.json", "tokenizer.json", "chat_template.jinja"],
    needed: &["config.json"],
    check: &|_| Ok(()),
};

fn file(name: &str) -> Value {
    json!({ "rfilename": name, "size": 5, "blobId": "a".repeat(40) })
}

fn weights(name: &str) -> Value {
    json!({ "rfilename": name, "size": 9, "blobId": "b".repeat(40),
        "lfs": { "sha256": "c".repeat(64), "size": 7, "pointerSize": 130 } })
}

fn name() -> Name {
    Name::parse("--model", "owner/name").expect("a name")
}

fn parsed(siblings: &Value) -> Result<Listing, Rejection> {
    Listing::parse(&name(), &json!({ "sha": COMMIT, "siblings": siblings }).to_string())
}

fn refused(siblings: &Value) -> String {
    let listing = match parsed(siblings) {
        Ok(listing) => listing,
        Err(e) => return e.to_string(),
    };
    let taken = listing.settings(&WANTED).and_then(|_| listing.weights(None));
    taken.expect_err("refused").to_string()
}

#[test]
fn only_what_is_wanted_is_taken_with_sizes_and_sums() {
    let listing = parsed(&json!([
        file("README.md"),
        file("modeling.py"),
        weights("pytorch_model.bin"),
        file("onnx/config.json"),
        file("config.json"),
        weights("tokenizer.json"),
        weights("model.safetensors"),
    ]))
    .expect("a listing");
    let settings = listing.settings(&WANTED).expect("settings");
    let names: Vec<&str> = settings.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["config.json", "tokenizer.json"]);
    assert_eq!((settings[0].size, &settings[0].sum), (5, &Sum::Blob("a".repeat(40))));
    assert_eq!((settings[1].size, &settings[1].sum), (7, &Sum::Sha256("c".repeat(64))));
    assert_eq!(listing.index().expect("none"), None);
    assert_eq!(listing.weights(None).expect("weights")[0].name, "model.safetensors");
}

#[test]
fn of_several_layouts_of_weights_the_one_that_the_index_names_is_taken() {
    let listing = parsed(&json!([
        file("config.json"),
        weights("model.safetensors"),
        weights("consolidated.safetensors"),
        file(INDEX),
        weights("model-2.safetensors"),
        weights("model-1.safetensors"),
    ]))
    .expect("a listing");
    assert!(listing.index().expect("an index").is_some());
    let [one, two] = ["model-1.safetensors", "model-2.safetensors"];
    let index = json!({ "weight_map": { "a": one, "b": two, "c": one } });
    let taken = listing.weights(Some(&index.to_string())).expect("weights");
    let names: Vec<&str> = taken.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["model-1.safetensors", "model-2.safetensors"]);
    for bad in [
        json!({ "weight_map": { "a": "../model-1.safetensors" } }),
        json!({ "weight_map": { "a": "/etc/x.safetensors" } }),
        json!({ "weight_map": { "a": "model-1.safetensors\u{0}.safetensors" } }),
        json!({ "weight_map": { "a": "modeling.py" } }),
        json!({ "weight_map": { "a": 3 } }),
        json!({ "weight_map": {} }),
        json!({ "weight_map": ["model-1.safetensors"] }),
        json!({}),
        json!("x"),
    ] {
        let e = listing.weights(Some(&bad.to_string())).expect_err("refused").to_string();
        assert!(e.contains(INDEX), "{bad}: {e}");
    }
    let missing = json!({ "weight_map": { "a": "model-3.safetensors" } });
    let e = listing.weights(Some(&missing.to_string())).expect_err("refused").to_string();
    assert!(e.contains("owner/name model-3.safetensors: expected a file"), "{e}");
    assert!(listing.weights(Some("[")).is_err());
    let many: serde_json::Map<String, Value> =
        (0..2001).map(|i| (i.to_string(), json!(format!("{i}.safetensors")))).collect();
    let many = json!({ "weight_map": many });
    assert!(
        listing.weights(Some(&many.to_string())).expect_err("too many").to_string().contains("2001 files")
    );
}

#[test]
fn names_that_climb_out_are_absolute_odd_or_double_are_refused() {
    for bad in [
        "../config.json",
        "a/../../b",
        "/etc/passwd",
        "a//b",
        "./a",
        "a/",
        "",
        "a\\b",
        "a\nb",
        "\u{0}",
        &"a".repeat(2000),
    ] {
        let e = refused(&json!([file("config.json"), weights("model.safetensors"), file(bad)]));
        assert!(e.contains("owner/name rfilename: expected a path inside the repository"), "{bad:?}: {e}");
        assert!(e.len() < 300 && !e.contains('\n'), "{e}");
    }
    let e = refused(&json!([file("config.json"), file("config.json")]));
    assert!(e.contains("every file once"), "{e}");
    for bad in [json!({}), json!(null), json!(7), json!({ "rfilename": 7 })] {
        assert!(refused(&json!([bad])).contains("rfilename"), "{bad}");
    }
}

#[test]
fn sizes_and_sums_that_are_none_are_refused_by_the_files_name() {
    for size in
        [json!(-1), json!(1.5), json!(1e300), json!(u64::MAX), json!("5"), json!(null), json!(200 << 20)]
    {
        let mut config = file("config.json");
        config["size"] = size.clone();
        let e = refused(&json!([config, weights("model.safetensors")]));
        assert!(e.contains("owner/name config.json size: expected 0 to"), "{size}: {e}");
        let mut heavy = weights("model.safetensors");
        heavy["lfs"]["size"] = if size == json!(200 << 20) { json!(1u64 << 60) } else { size };
        let e = refused(&json!([file("config.json"), heavy]));
        assert!(e.contains("owner/name model.safetensors size: expected 0 to"), "{e}");
    }
    for sum in [json!(null), json!(""), json!("A".repeat(64)), json!("a".repeat(40)), json!(7)] {
        let mut heavy = weights("model.safetensors");
        heavy["lfs"]["sha256"] = sum.clone();
        let e = refused(&json!([file("config.json"), heavy]));
        assert!(e.contains("owner/name model.safetensors checksum: expected a SHA-256"), "{sum}: {e}");
    }
    let mut config = file("config.json");
    config["blobId"] = json!(null);
    assert!(refused(&json!([config])).contains("config.json checksum"), "no sum, no file");
}

#[test]
fn an_answer_that_is_no_listing_is_refused() {
    let thousands: Vec<Value> = (0..10_001).map(|i| file(&i.to_string())).collect();
    let deep = "[".repeat(100_000);
    for bad in [
        String::new(),
        "<html>".into(),
        "{}".into(),
        "[]".into(),
        deep,
        json!({ "sha": COMMIT }).to_string(),
        json!({ "sha": COMMIT, "siblings": {} }).to_string(),
        json!({ "sha": "main", "siblings": [] }).to_string(),
        json!({ "sha": "../../../../../../../../../../../../../../..", "siblings": [] }).to_string(),
        json!({ "sha": COMMIT, "siblings": thousands }).to_string(),
    ] {
        let e = Listing::parse(&name(), &bad).expect_err("refused").to_string();
        assert!(e.starts_with("owner/name "), "{e}");
    }
    let other = Name::parse("--model", &format!("owner/name@{}", "f".repeat(40))).expect("a name");
    let e = Listing::parse(&other, &json!({ "sha": COMMIT, "siblings": [] }).to_string());
    assert!(e.expect_err("another commit").to_string().contains(COMMIT));
    assert!(refused(&json!([])).contains("config.json: expected a file"));
    assert!(refused(&json!([file("config.json")])).contains("model.safetensors: expected a file"));
}
