//! What a recording holds of every call of a model, and what it must never hold.

mod scripted;

use bridge::recording::Reader;
use bridge::ros::ModelCall as Question;
use scripted::{Act, Folder, remote, server};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use types::seams::ModelCall;

const UNKNOWN: &str = "put the maroon cube into the azure bowl";
const KEY: &str = "sk-secret-4711";

fn place() -> Value {
    let thing = |color: &str, shape: &str| json!({ "which": "the", "size": null, "color": color, "shape": shape, "place": null });
    json!({ "do": [{ "skill": "place", "object": thing("red", "cube"), "relation": "in", "target": thing("blue", "bowl") }] })
}

/// Every question of a recording, with the calls of language models in it.
fn questions(run: &Path) -> Vec<(Question, Vec<ModelCall>)> {
    let reader = Reader::open(&run.join("run.mcap")).expect("a recording");
    let of = |m: bridge::recording::Recorded| {
        let question: Question = m.read().expect("a question");
        let calls = serde_json::from_str(&question.calls).expect("calls");
        (question, calls)
    };
    reader.filter(|m| m.info.topic == "/sinew/model").map(of).collect()
}

#[test]
fn a_recorded_call_holds_the_prompt_the_pictures_the_seed_and_how_it_was_answered_and_why_tells_it() {
    // The first time that it is shown a picture it hangs up, then it sees nothing.
    let (url, _) = server(|n, prompt| match prompt.contains("Find every object") {
        true if n == 0 => Act::HangUp,
        true => Act::Say(json!([])),
        false => Act::Say(place()),
    });
    let more =
        "pictures = true\nretries = 0\nextra = '{\"seed\": 7, \"top_p\": 0.9, \"user\": \"nobody\"}'\n";
    let folder = Folder::new("calls", &format!("{}{more}", remote(&url)));
    // In wall time, so that it is told how long it took.
    let (_, text) = folder.sinew(&["run", UNKNOWN, "--seed", "3", "--out", "run"]);
    let run = folder.0.join("run");
    let all = questions(&run);
    let (question, calls) = all.iter().find(|(q, _)| q.role == "read").unwrap_or_else(|| panic!("{text}"));
    let [call] = &calls[..] else { panic!("{calls:?}") };
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/prompts/read.txt"));
    let file = file.expect("the prompt's file");
    let [version, first] = [0, 1].map(|n| file.lines().nth(n).expect("a line"));
    assert!(call.prompt.starts_with(first) && call.prompt.ends_with(UNKNOWN), "{call:?}");
    assert_eq!((call.prompt_cut, call.prompt_hash.len()), (0, 16));
    assert_eq!((call.prompt_file.as_str(), call.role.clone()), ("read.txt", format!("read, {version}")));
    assert!(question.model.starts_with("qwen3-vl-plus at 127.0.0.1"), "who answered: {}", question.model);
    assert!(call.model.starts_with("qwen3-vl-plus at 127.0.0.1") && call.model.contains("fp_7"), "{call:?}");
    assert_eq!((call.tokens, call.failure.as_str(), &call.pictures), ([400, 40], "", &Vec::new()));
    assert_eq!(serde_json::from_str::<Value>(&call.answer).expect("as it came"), place());
    let manner = &call.manner;
    assert_eq!((manner.seed, manner.sampling["temperature"], manner.sampling["top_p"]), (Some(7), 0.0, 0.9));
    assert!(manner.sampling["max_tokens"] > 100.0 && !manner.sampling.contains_key("user"), "{manner:?}");
    assert!(manner.latency_s > 0.0 && manner.latency_s <= question.latency_s, "{manner:?}");
    assert_eq!(manner.held_to, "json_schema");

    // Where it hung up the built-in model looked, by its own weights.
    let looks: Vec<_> = all.iter().filter(|(q, _)| q.role == "detect").collect();
    let (question, calls) = looks.first().expect("a look");
    assert!(question.model.starts_with("sinew-vlm "), "who answered: {}", question.model);
    assert_eq!((calls[0].prompt_file.as_str(), calls[0].answer.as_str()), ("look.txt", ""));
    assert!(!calls[0].failure.is_empty() && calls[0].pictures == [question.picture.clone()], "{calls:?}");
    assert!(looks.iter().all(|(q, _)| q.picture.len() == 16));
    assert_ne!(looks[0].0.picture, looks[looks.len() - 1].0.picture, "other pictures");

    let (code, said) = folder.sinew(&["log", "info", "run"]);
    assert!(code == 0 && said.contains("1 read.txt, version"), "{said}");
    let sum = |i: usize| all.iter().flat_map(|(_, calls)| calls).map(|call| call.tokens[i]).sum::<usize>();
    let tokens = [sum(0), sum(1)];
    assert!(tokens[0] > 400 && said.contains(&format!("{} and {} tokens", tokens[0], tokens[1])), "{said}");
    assert!(said.contains("greedy, seed 7"), "{said}");
    let (_, info) = folder.sinew(&["log", "info", "run", "--json"]);
    let info: Value = serde_json::from_str(&info).expect("JSON");
    assert_eq!(info["models"]["tokens"], json!(tokens), "{info:#}");
    assert!(info["models"]["latency_s"][1].as_f64() > Some(0.0), "{info:#}");
    let end = info["seconds"].as_f64().expect("a number") - 0.1;
    let (code, story) = folder.sinew(&["why", "run", "--at", &format!("{end:.2}")]);
    assert_eq!(code, 0, "{story}");
    for part in
        [first, UNKNOWN, "It said: {\"do\":[", "read.txt, version", "seed 7", "was read by qwen3-vl-plus"]
    {
        assert!(story.contains(part), "{part:?} is not in:\n{story}");
    }
}

/// Every file of a folder.
fn walk(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a folder").map(|e| e.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_key_is_in_no_recording_even_where_a_server_repeats_it_in_all_that_it_says() {
    let mut is_first = true;
    let url = scripted::http::serve(move |request, mut stream| {
        assert!(request.head.to_lowercase().contains(&format!("bearer {KEY}")), "{}", request.head);
        // In an error at first; then in answers, as its name and as its fingerprint.
        let is_look = String::from_utf8_lossy(&request.body).contains("Find every object");
        let answer = if is_look { json!([]) } else { json!({ "refuse": format!("the key is {KEY}") }) };
        let said = json!({ "answer": answer }).to_string();
        let body = json!({ "choices": [{ "message": { "content": said }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 1, "completion_tokens": 1 },
            "model": format!("m-{KEY}"), "system_fingerprint": KEY })
        .to_string();
        let (status, body) = if core::mem::take(&mut is_first) {
            ("400 Bad Request", json!({ "error": { "message": format!("no: {KEY}") } }).to_string())
        } else {
            ("200 OK", body)
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n");
        let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
        true
    });
    let more = "pictures = true\nretries = 0\nkey_env = \"SINEW_TEST_CALLS_KEY\"\n";
    let folder = Folder::new("calls-key", &format!("{}{more}", remote(&format!("{url}/v1"))));
    let mut command = folder.command(&["run", UNKNOWN, "--lockstep", "--seed", "3", "--out", "run"]);
    let output = command.env("SINEW_TEST_CALLS_KEY", KEY).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("the key is …") && !said.contains(KEY), "{said}");
    let run = folder.0.join("run");
    let calls: Vec<ModelCall> = questions(&run).into_iter().flat_map(|(_, calls)| calls).collect();
    // All of it came, and left no key.
    assert!(calls.iter().any(|c| c.answer.contains("the key is …")), "{calls:?}");
    assert!(calls.iter().any(|c| c.failure.contains("no: …")), "{calls:?}");
    assert!(calls.iter().any(|c| c.model.contains("m-…") && c.prompt.ends_with(UNKNOWN)), "{calls:?}");
    let has_key = |bytes: &[u8]| bytes.windows(KEY.len()).any(|w| w == KEY.as_bytes());
    let mut reader = Reader::open(&run.join("run.mcap")).expect("a recording");
    let n = reader.by_ref().inspect(|m| assert!(!has_key(&m.data), "{}", m.info.topic)).count();
    assert!(n > 1000 && reader.attached().iter().all(|a| !has_key(&a.data)));
    for path in walk(&run) {
        assert!(!has_key(&std::fs::read(&path).expect("bytes")), "{}", path.display());
    }
}
