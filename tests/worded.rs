//! A model puts questions and reasons into words; it says no more than it was handed, and nothing that is done hangs on
//! what it says.

mod scripted;

use scripted::{Act, Folder, remote, server};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const WHICH: &str = "put the cube in the bowl";
const TOO_LARGE: &str = "pick up the blue bowl";

/// The options of a prompt for a question, one a line.
fn options(prompt: &str) -> Vec<&str> {
    prompt.lines().filter_map(|l| l.strip_prefix("- ")).collect()
}

fn run(folder: &Folder, sentence: &str) -> (i32, String) {
    folder.sinew(&["run", sentence, "--lockstep", "--seed", "3"])
}

/// What is said at the very end.
fn last_words(text: &str) -> String {
    text.lines()
        .rev()
        .find(|l| !l.trim().is_empty())
        .unwrap_or_default()
        .split(" (")
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn a_question_is_asked_in_the_models_words_when_it_names_every_option() {
    let plain = Folder::new("plain", "");
    let (code, text) = run(&plain, WHICH);
    assert_eq!(code, 3, "{text}");
    let built_in = last_words(&text);
    let (url, count) = server(|_, prompt| {
        let all = options(prompt);
        assert!(prompt.contains("has a question") && all.len() > 1, "{prompt}");
        Act::Say(json!({ "question": format!("Would you tell me which you mean, {}?", all.join(" or ")) }))
    });
    let folder = Folder::new("worded", &remote(&url));
    let (code, text) = run(&folder, WHICH);
    assert_eq!((code, count.load(std::sync::atomic::Ordering::Relaxed)), (3, 1), "{text}");
    assert!(last_words(&text).starts_with("Would you tell me which you mean, the "), "{text}");
    let events = folder.events(1);
    let typed =
        events.lines().find(|l| l.contains("\"typed-question\"")).expect("the planner's own question");
    assert!(typed.contains(&built_in), "{typed}");
    assert!(events.contains("ask, version 1") && events.contains("fp_7"), "{events}");
}

#[test]
fn a_wording_that_leaves_out_an_option_or_names_another_is_not_used() {
    let plain = Folder::new("plain-again", "");
    let built_in = last_words(&run(&plain, WHICH).1);
    let first =
        |prompt: &str| format!("Do you mean {}?", options(prompt).first().copied().unwrap_or_default());
    let more = |prompt: &str| format!("Do you mean {} or the black tray?", options(prompt).join(" or "));
    let tells = |prompt: &str| format!("I take {}.", options(prompt).join(" and "));
    for (i, said) in [first, more, tells].into_iter().enumerate() {
        let (url, _) = server(move |_, prompt| Act::Say(json!({ "question": said(prompt) })));
        let folder = Folder::new(&format!("unworded-{i}"), &remote(&url));
        let (code, text) = run(&folder, WHICH);
        assert_eq!((code, last_words(&text)), (3, built_in.clone()), "{text}");
        assert!(folder.events(1).contains("the built-in words stand"), "{i}");
    }
    // One that has no answer at all.
    let (url, _) = server(|_, _| Act::HangUp);
    let folder = Folder::new("unworded", &format!("{}retries = 0\n", remote(&url)));
    let (code, text) = run(&folder, WHICH);
    assert_eq!((code, last_words(&text)), (3, built_in), "{text}");
}

#[test]
fn a_refusal_is_explained_beside_its_typed_reason_and_stays_what_it_is() {
    let plain = Folder::new("plain-refusal", "");
    let (code, text) = run(&plain, TOO_LARGE);
    assert_eq!(code, 4, "{text}");
    let built_in = last_words(&text);
    assert!(!text.contains("Bowls are"), "{text}");
    let good = "Bowls are too large for my fingers, so I did not lift it.";
    for (said, is_said) in [
        (json!({ "because": 2, "text": good }), true),
        (json!({ "because": 2, "text": "Bowls are too large; I took the black ball instead." }), false),
        (json!({ "because": 9, "text": good }), false),
        (json!({ "do": [{ "skill": "open_gripper" }] }), false),
    ] {
        let answer = said.clone();
        let (url, _) = server(move |_, prompt| {
            assert!(prompt.contains("1. \"pick up the blue bowl\"\n2. "), "{prompt}");
            Act::Say(answer.clone())
        });
        let folder = Folder::new("explained", &remote(&url));
        let (code, text) = run(&folder, TOO_LARGE);
        assert_eq!((code, last_words(&text)), (4, built_in.clone()), "{text}");
        assert_eq!(text.contains("Bowls are"), is_said, "{said}: {text}");
        assert!(!folder.events(1).contains("\"move\""), "nothing moved");
    }
}

#[test]
fn both_are_asked_by_hand_too_about_a_run_or_a_question() {
    let (url, _) = server(|_, prompt| {
        Act::Say(if prompt.contains("The facts:") {
            assert!(prompt.contains("pick up the blue bowl"), "{prompt}");
            json!({ "because": 2, "text": "My fingers do not open wide enough for it." })
        } else {
            json!({ "question": "What is a 'gizmo', please?" })
        })
    });
    let folder = Folder::new("by-hand", &remote(&url));
    let (code, text) = run(&folder, TOO_LARGE);
    assert_eq!(code, 4, "{text}");
    let (code, text) = folder.sinew(&["ask", "why?", "--role", "explain", "--run", "runs/run-001"]);
    assert_eq!((code, text.contains("wide enough")), (0, true), "{text}");
    let asked = ["ask", "What do you mean by 'gizmo'?", "--role", "ask", "--json", "--out", "asked"];
    let (code, text) = folder.sinew(&asked);
    assert_eq!(code, 0, "{text}");
    let is_kept = |out: &str, says: &[&str]| {
        let events = std::fs::read_to_string(folder.0.join(out).join("events.jsonl")).expect("events");
        let (code, info) = folder.sinew(&["log", "info", out]);
        assert!(code == 0 && info.contains("1 ask"), "{info}");
        assert_eq!(events.lines().filter(|l| l.contains("model-call")).count(), 1, "{events}");
        says.iter().for_each(|s| assert!(events.contains(s) || info.contains(s), "{s}: {events} {info}"));
    };
    is_kept(
        "asked",
        &["0 without an answer", "What is a 'gizmo', please?", "prompt_hash", "400 and 40 tokens"],
    );
    let said: serde_json::Value = serde_json::from_str(text.trim()).expect("JSON");
    assert!(said["model"].as_str().is_some_and(|m| m.contains("fp_7") && m.contains("2025-12-19")), "{said}");
    let (code, text) =
        folder.sinew(&["ask", "What do you mean by 'gadget'?", "--role", "ask", "--out", "vain"]);
    assert_eq!((code, text.contains("'gadget' in it")), (1, true), "{text}");
    is_kept("vain", &["1 without an answer", "'gadget' in it"]);
    // Nothing is written over, and what is refused leaves no folder behind.
    for out in ["runs/run-001", "asked"] {
        let bytes =
            || ["events.jsonl", "run.mcap"].map(|name| std::fs::read(folder.0.join(out).join(name)).ok());
        let before = bytes();
        let args = ["ask", "why?", "--role", "explain", "--run", "runs/run-001", "--out", out];
        let (code, text) = folder.sinew(&args);
        assert!(
            code == 2 && text.contains("--out: expected a new folder") && text.contains(out),
            "{code}: {text}"
        );
        assert!(before[0].is_some() && before == bytes(), "{out}");
    }
    let (code, text) = folder.sinew(&["ask", "x", "--role", "count", "--image", "no.png", "--out", "none"]);
    assert!(code == 2 && !folder.0.join("none").exists(), "{code}: {text}");
    let (code, text) = folder.sinew(&["ask", "why?", "--role", "explain", "--run", "nowhere"]);
    assert_eq!((code, text.contains("--run")), (2, true), "{text}");
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("perception/tests/vlm/data/qwen3-vl");
    let plain = Folder::new("by-hand-plain", "");
    let (code, text) = plain.sinew(&["ask", "x", "--role", "ask"]);
    assert_eq!((code, text.contains("remote.url")), (2, true), "{text}");
    // Random weights keep the JSON, and what they say in it is looked at.
    let model = model.display().to_string();
    let (code, text) = plain.sinew(&[
        "ask",
        "It is too far.",
        "--role",
        "explain",
        "--model",
        &model,
        "--max-tokens",
        "1500",
    ]);
    assert!(
        code == 0 && text.contains("because") || code == 1 && text.contains("error: answer"),
        "{code}: {text}"
    );
}

#[test]
fn whoever_presses_ctrl_c_while_a_model_thinks_does_not_wait_for_it() {
    const THINKS_S: u64 = 100;
    let (url, count) = server(|_, _| {
        std::thread::sleep(Duration::from_secs(THINKS_S));
        Act::HangUp
    });
    let patient = format!("limit_s = {THINKS_S}.0\npictures = true\n");
    let folder = Folder::new("given-up", &(remote(&url) + &patient));
    let mut command = folder.command(&["run", WHICH, "--lockstep", "--seed", "3"]);
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let begun = Instant::now();
    while count.load(std::sync::atomic::Ordering::Relaxed) == 0 {
        assert!(begun.elapsed().as_secs() < 60, "it asks");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pressed = Command::new("kill").args(["-INT", &run.id().to_string()]).status().expect("kill");
    let begun = Instant::now();
    let ended = run.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&ended.stdout);
    assert!(pressed.success() && ended.status.code() == Some(130), "{:?}: {text}", ended.status);
    assert!(begun.elapsed().as_secs() < THINKS_S / 2, "the answer was waited for");
    let events = folder.events(1);
    assert!(!events.contains("F46") && !events.contains("F45"), "nobody failed: {events}");
    let (code, text) = folder.sinew(&["replay", "runs/run-001"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn an_answer_that_cannot_be_kept_is_said_all_the_same() {
    // What stands in the way comes while it is asked.
    let at = Folder::new("unkept", "");
    let recording = at.0.join("out/run.mcap");
    let (url, _) = server(move |_, _| {
        std::fs::create_dir_all(&recording).expect("a folder");
        Act::Say(json!({ "question": "What is a 'gizmo', please?" }))
    });
    std::fs::write(at.0.join("robot.toml"), remote(&url)).expect("written");
    let (code, text) = at.sinew(&["ask", "What do you mean by 'gizmo'?", "--role", "ask", "--out", "out"]);
    assert!(code == 1 && text.contains("What is a 'gizmo', please?"), "{code}: {text}");
    assert!(text.contains("error: ") && text.contains("run.mcap"), "{text}");
}
