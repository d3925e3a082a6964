//! A language model of others in a whole run, by a config line: with random weights it knows nothing, and what comes of
//! that is a question or a refusal.

mod scripted;

use scripted::{Act, Folder, remote};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The tiny random Qwen3-VL.
fn model() -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("perception/tests/vlm/data/qwen3-vl");
    dir.display().to_string()
}

fn config() -> String {
    format!("[perception]\nmodel = {:?}\nanswer_limit_s = 120.0\n", model())
}

#[test]
fn the_demo_with_a_random_model_ends_in_a_refusal_or_a_question_and_every_call_is_recorded() {
    let folder = Folder::new("demo", &config());
    let (code, text) =
        folder.sinew(&["run", "put the red cube in the blue bowl", "--lockstep", "--seed", "3"]);
    assert!(code == 3 || code == 4, "{code}: {text}");
    let events = fs::read_to_string(folder.0.join("runs/run-001/events.jsonl")).expect("a run folder");
    let calls: Vec<&str> = events.lines().filter(|l| l.contains("\"model-call\"")).collect();
    assert!(!calls.is_empty(), "{events}");
    for call in calls {
        let event: serde_json::Value = serde_json::from_str(call).expect("JSON");
        let call: serde_json::Value =
            serde_json::from_str(event["text"].as_str().expect("text")).expect("a call as JSON");
        assert!(call["role"].as_str().is_some_and(|r| r.contains(", version ")), "{call}");
        assert!(
            call["model"].as_str().is_some_and(|m| m.contains("Qwen3-VL") && m.contains(", weights ")),
            "{call}"
        );
        assert!(call["tokens"][0].as_u64() > Some(0) && call["tokens"][1].as_u64() > Some(0), "{call}");
        // The question itself, how it was answered, and what was looked at.
        let (is_look, prompt) =
            (call["prompt_file"] == "look.txt", call["prompt"].as_str().unwrap_or_default());
        assert!(
            prompt.starts_with(if is_look { "Find every object on the table" } else { "A robot arm " }),
            "{call}"
        );
        assert!(call["prompt_cut"] == 0 && call["prompt_hash"].as_str().map(str::len) == Some(16), "{call}");
        let pictures = call["pictures"].as_array().expect("a list");
        assert!(pictures.len() == usize::from(is_look) && pictures.iter().all(|p| p != ""), "{call}");
        let manner = &call["manner"];
        assert!(manner["seed"].is_null() && manner["sampling"]["temperature"] == 0.0, "{call}");
        assert!(manner["sampling"]["max_tokens"].as_f64() > Some(0.0), "{call}");
        assert_eq!((&manner["held_to"], &manner["latency_s"]), (&"the role's grammar".into(), &0.0.into()));
        // It came to its end, or it is told why not, with what came.
        assert!(call["failure"] == "" || call["answer"] != "", "{call}");
    }
}

#[test]
fn a_sentence_that_the_built_in_reader_does_not_know_goes_to_the_model_and_moves_nothing_unlicensed() {
    let folder = Folder::new("words", &config());
    for sentence in ["pray relocate the maroon thingamajig", "frobnicate the gizmo"] {
        // What it says at random may be a question about the table, which is answered.
        let (code, text) = folder.sinew(&["run", sentence, "--lockstep", "--seed", "3"]);
        assert!([0, 3, 4].contains(&code), "{sentence}: {code}: {text}");
    }
    // What is forbidden is not even asked.
    let (code, text) = folder.sinew(&["run", "do not touch the red cube", "--lockstep", "--seed", "3"]);
    assert_eq!(code, 4, "{text}");
    let mut runs: Vec<PathBuf> =
        fs::read_dir(folder.0.join("runs")).expect("runs").map(|e| e.expect("an entry").path()).collect();
    runs.sort();
    for run in &runs {
        let events = fs::read_to_string(run.join("events.jsonl")).expect("events");
        assert!(!events.contains("\"kind\":\"move\""), "the arm moved: {events}");
    }
    // Each was answered: a sentence and what may be asked for fit into what the model attends to.
    let asked = |run: &PathBuf| {
        let events = fs::read_to_string(run.join("events.jsonl")).expect("events");
        let calls = events.lines().filter(|l| l.contains("\"model-call\"") && l.contains("read, version"));
        let answered = |line: &str| {
            let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let call: serde_json::Value =
                serde_json::from_str(event["text"].as_str().expect("text")).expect("a call as JSON");
            assert!(call["tokens"][1].as_u64() > Some(0), "{call}");
        };
        calls.map(answered).count()
    };
    let all: Vec<usize> = runs.iter().map(asked).collect();
    assert!(all[0] > 0 && all[1] > 0 && all[2] == 0, "{all:?}");
}

#[test]
fn every_role_is_asked_by_hand_and_answers_in_its_json() {
    let folder = Folder::new("roles", "");
    let (code, text) = folder.sinew(&["sim", "--seed", "3", "--seconds", "0.1"]);
    assert_eq!(code, 0, "{text}");
    let pictures: Vec<String> = walk(&folder.0).into_iter().filter(|p| p.ends_with(".png")).collect();
    let picture = pictures.first().expect("a picture of the world").as_str();
    let model = model();
    for (role, images, key) in [
        ("describe", vec![picture], "text"),
        ("count", vec![picture], "count"),
        ("judge", vec![picture, picture], "reason"),
    ] {
        let mut args =
            vec!["ask", "the red cubes", "--model", &model, "--role", role, "--max-tokens", "1500"];
        args.extend(images.iter().flat_map(|i| ["--image", i]));
        let (code, text) = folder.sinew(&args);
        assert_eq!(code, 0, "{role}: {text}");
        let answer: serde_json::Value =
            serde_json::from_str(text.trim()).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert!(answer.get(key).is_some(), "{role}: {answer}");
    }
    let pointed = ["ask", "the bowl", "--model", &model, "--role", "point", "--image", picture, "--json"];
    let (code, text) = folder.sinew(&[&pointed[..], &["--max-tokens", "1500"]].concat());
    let said: serde_json::Value = serde_json::from_str(text.trim()).unwrap_or_else(|e| panic!("{e}: {text}"));
    let listed: serde_json::Value =
        serde_json::from_str(said["text"].as_str().expect("a text")).expect("a list");
    let (listed, found) = (listed.as_array().expect("a list"), said["found"].as_array().expect("places"));
    // Of a picture of 256 × 192, from thousandths.
    for (place, spot) in listed.iter().zip(found) {
        for (i, side) in [256.0, 192.0].into_iter().enumerate() {
            let px = place["point_2d"][i].as_f64().expect("a number") * side / 1000.0;
            assert!((spot["point_px"][i].as_f64().expect("a number") - px).abs() < 1e-3, "{said}");
        }
    }
    assert!(code == 0 && listed.len() == found.len(), "{said}");
    let (code, text) = folder.sinew(&["ask", "x", "--model", &model, "--role", "judge", "--image", picture]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("2 pictures for --role judge"), "{text}");
    let (code, text) = folder.sinew(&["ask", "x", "--model", &model, "--role", "sing"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("describe"), "{text}");
}

fn walk(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut out: Vec<String> = entries
        .flat_map(|e| if e.path().is_dir() { walk(&e.path()) } else { vec![e.path().display().to_string()] })
        .collect();
    out.sort();
    out
}

#[test]
fn a_model_that_is_not_there_and_a_device_that_is_none_are_refused_by_their_key() {
    let folder = Folder::new("none", "[perception]\nmodel = \"nowhere\"\n");
    let (code, text) = folder.sinew(&["run", "look", "--lockstep"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("perception.model") && text.contains("nowhere"), "{text}");
    for (key, value) in [("device", "abacus"), ("dtype", "bf16")] {
        fs::write(folder.0.join("robot.toml"), format!("[perception]\n{key} = \"{value}\"\n"))
            .expect("written");
        let (code, text) = folder.sinew(&["run", "look", "--lockstep"]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(&format!("perception.{key}")) && text.contains(value), "{text}");
    }
}

/// A server that says the same to every request, and counts them.
fn server(answer: serde_json::Value) -> (String, std::sync::Arc<AtomicUsize>) {
    scripted::server(move |_, _| Act::Say(answer.clone()))
}

const UNKNOWN: &str = "put the maroon cube into the azure bowl";

#[test]
fn a_model_elsewhere_reads_what_the_built_in_reader_cannot_and_the_arm_does_it() {
    let thing = |color: &str, shape: &str| serde_json::json!({ "which": "the", "size": null, "color": color, "shape": shape, "place": null });
    let call = serde_json::json!({ "do": [{ "skill": "place", "object": thing("red", "cube"), "relation": "in",
        "target": thing("blue", "bowl") }] });
    let (url, count) = server(call);
    let folder = Folder::new("elsewhere", &remote(&url));
    let (code, text) = folder.sinew(&["run", UNKNOWN, "--lockstep", "--seed", "3"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(count.load(Ordering::Relaxed), 1, "one sentence, and no picture");
    let events = fs::read_to_string(folder.0.join("runs/run-001/events.jsonl")).expect("events");
    assert!(events.contains("no picture leaves this machine"), "{events}");
    let call =
        events.lines().find(|l| l.contains("model-call") && l.contains("read, version")).expect("a call");
    for part in ["qwen3-vl-plus at 127.0.0.1", "[400,40]", "qwen3-vl-plus-2025-12-19", "fp_7"] {
        assert!(call.contains(part), "{part}: {call}");
    }
    assert!(!events.contains("degraded"), "what it is not sent it has not failed at");
    // 400 tokens and 40 at the list's 1 and 10 a million; and at another price.
    assert_eq!(spent(&folder, 1), (1, [400, 40], 800));
    let folder = Folder::new("dearer", &format!("{}price = [3.0, 20.0]\n", remote(&url)));
    let (code, text) = folder.sinew(&["run", UNKNOWN, "--lockstep", "--seed", "3"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(spent(&folder, 1), (1, [400, 40], 2000));
    for price in ["[3.0]", "[-1.0, 1.0]", "[nan, 1.0]"] {
        let folder = Folder::new("unpriced", &format!("{}price = {price}\n", remote(&url)));
        let (code, text) = folder.sinew(&["run", UNKNOWN, "--lockstep"]);
        assert!(code == 2 && text.contains("remote.price"), "{price}: {code}: {text}");
    }
}

#[test]
fn a_price_list_of_the_persons_own_counts_and_a_bad_one_is_refused_by_file_line_and_field() {
    let list = |model: &str, prompt: &str| {
        format!(
            "source = \"a contract\"\ndate = \"2026\"\ncurrency = \"EUR\"\n[[model]]\nname = \"{model}\"\nsteps = [{{ tokens = 1000, prompt = {prompt}, answer = 20 }}]\n"
        )
    };
    let (url, _) = server(serde_json::json!({ "do": [] }));
    let folder = |name: &str, text: &str, more: &str| {
        let folder = Folder::new(name, "");
        let path = folder.0.join("my-prices.toml");
        fs::write(&path, text).expect("written");
        let config = format!("{}prices = \"{}\"\n{more}", remote(&url), path.display());
        fs::write(folder.0.join("robot.toml"), config).expect("written");
        folder
    };
    let run = |folder: &Folder| folder.sinew(&["run", UNKNOWN, "--lockstep", "--seed", "3"]);
    // 400 tokens and 40 of the server's, at 3 and 20 a million.
    let own = folder("own-list", &list("qwen3-vl", "3.0"), "");
    let _ = run(&own);
    let (calls, tokens, cost) = spent(&own, 1);
    assert!(calls > 0, "it was asked");
    assert_eq!((tokens, cost), ([400 * calls, 40 * calls], 2000 * calls));
    for (name, text, more, says) in [
        ("bad-list", list("qwen3-vl", "-3.0"), "", "my-prices.toml, line 6, model[0].steps[0].prompt"),
        ("other-list", list("other", "3.0"), "", "remote.prices"),
        ("bad-list-unused", list("qwen3-vl", "-3.0"), "price = [1.0, 1.0]\n", "model[0].steps[0].prompt"),
    ] {
        let (code, said) = run(&folder(name, &text, more));
        assert!(code == 2 && said.contains("remote.prices") && said.contains(says), "{name}: {code}: {said}");
    }
}

/// Calls, tokens and millionths of money of a run, by its summary.
fn spent(folder: &Folder, run: usize) -> (u64, [u64; 2], u64) {
    let text =
        fs::read_to_string(folder.0.join(format!("runs/run-{run:03}/summary.json"))).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let spent = &summary["language_models"];
    let n = |v: &serde_json::Value| v.as_u64().unwrap_or(u64::MAX);
    let millionths = (1e6 * spent["cost"].as_f64().unwrap_or(f64::NAN)).round() as u64;
    (n(&spent["calls"]), [n(&spent["tokens"][0]), n(&spent["tokens"][1])], millionths)
}

#[test]
fn a_model_elsewhere_that_says_what_nobody_said_moves_nothing() {
    let thing =
        serde_json::json!({ "which": "the", "size": null, "color": "black", "shape": "box", "place": null });
    let call = serde_json::json!({ "do": [{ "skill": "pick", "object": thing }] });
    let (url, _) = server(call);
    let folder = Folder::new("obeys", &remote(&url));
    let (code, text) = folder.sinew(&["run", UNKNOWN, "--lockstep", "--seed", "3"]);
    assert_eq!(code, 3, "{text}");
    let (url, _) = server(serde_json::json!("rm -rf /"));
    let folder = Folder::new("garbage", &remote(&url));
    let (code, text) = folder.sinew(&["run", UNKNOWN, "--lockstep", "--seed", "3"]);
    assert_eq!(code, 3, "{text}");
}

#[test]
fn a_model_elsewhere_that_hangs_up_is_declared_and_so_is_its_return() {
    let thing = |color: &str, shape: &str| serde_json::json!({ "which": "the", "size": null, "color": color, "shape": shape, "place": null });
    let call = serde_json::json!({ "do": [{ "skill": "place", "object": thing("red", "cube"), "relation": "in",
        "target": thing("blue", "bowl") }] });
    let (url, count) =
        scripted::server(move |n, _| if n == 0 { Act::HangUp } else { Act::Say(call.clone()) });
    let folder = Folder::new("returns", &format!("{}retries = 0\n", remote(&url)));
    let (code, text) = folder.sinew(&["run", UNKNOWN, "--lockstep", "--seed", "3", "--answer", UNKNOWN]);
    assert_eq!(code, 0, "{text}");
    // The first reading, the question in its words (it gives none), the second reading.
    assert_eq!(count.load(Ordering::Relaxed), 3);
    let events = folder.events(1);
    let of = |words: &str| {
        events.lines().position(|l| l.contains(words)).unwrap_or_else(|| panic!("{words}: {events}"))
    };
    let fell = of("degraded: qwen3-vl-plus at 127.0.0.1 has no answer");
    let line = events.lines().nth(fell).expect("a line");
    assert!(line.contains("\"F46\"") && line.contains("sinew-vlm"), "{line}");
    assert!(fell < of("answers again"), "{events}");
    let (url, _) = server(serde_json::json!({ "do": [{ "skill": "push", "object": thing("red", "cube"),
        "relation": "in", "target": null }] }));
    let folder = Folder::new("unoffered", &remote(&url));
    let (code, text) = folder.sinew(&["run", UNKNOWN, "--lockstep", "--seed", "3"]);
    assert_eq!(code, 3, "{text}");
    assert!(folder.events(1).contains("PushAlong(In) is not offered now"), "{text}");
}

#[test]
fn where_nobody_answers_elsewhere_the_model_here_does_and_a_missing_key_is_refused_by_its_name() {
    let nobody = format!("{}pictures = true\nretries = 0\n", remote("http://127.0.0.1:9/v1"));
    let folder = Folder::new("nobody", &nobody);
    let (code, text) =
        folder.sinew(&["run", "put the red cube in the blue bowl", "--lockstep", "--seed", "3"]);
    assert_eq!(code, 0, "{text}");
    let events = fs::read_to_string(folder.0.join("runs/run-001/events.jsonl")).expect("events");
    let asked = events.lines().filter(|l| l.contains("model-call") && l.contains("look, version")).count();
    assert!(events.contains("degraded") && (2..=4).contains(&asked), "it is not asked for ever: {asked}");
    for (line, named) in [
        ("key_env = \"SINEW_TEST_NO_SUCH_KEY\"", "SINEW_TEST_NO_SUCH_KEY"),
        ("form = \"poem\"", "remote.form"),
        ("extra = \"[]\"", "remote.extra"),
    ] {
        let folder = Folder::new("terms", &format!("{}{line}\n", remote("http://127.0.0.1:9/v1")));
        let (code, text) = folder.sinew(&["run", "look", "--lockstep"]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(named), "{text}");
    }
    let folder = Folder::new("plain", &remote("http://example.com/v1"));
    let (code, text) = folder.sinew(&["run", "look", "--lockstep"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("remote.url") && text.contains("https"), "{text}");
}
