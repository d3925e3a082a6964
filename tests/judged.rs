//! A model elsewhere that is asked whether a skill is done: both pictures go to it, the recording has them by their hashes,
//! `sinew why` says whose word it was, and nothing else hangs on it.

mod scripted;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bridge::files;
use bridge::recording::Reader;
use bridge::ros::ModelCall as Question;
use perception::BuiltinModel;
use scripted::nodes::Nodes;
use scripted::{Folder, http, remote};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use types::seams::{Budget, ModelCall, VisionLanguageModel};
use types::{Color, Image, Intrinsics, Shape, Size, Time, Transform};

const WEIGHTS: &[u8] = include_bytes!("../assets/weights/sinew-vlm.safetensors");
const BOWL: &str = "put the red cube in the blue bowl";
const REASON: &str = "The cube lies beside the bowl.";

/// A picture out of a request.
fn picture(part: &Value) -> Image {
    static N: AtomicUsize = AtomicUsize::new(0);
    let url = part["image_url"]["url"].as_str().expect("a picture");
    let png = BASE64_STANDARD.decode(url.split_once(',').expect("data").1).expect("base64");
    let name = format!("sinew-judged-{}-{}.png", std::process::id(), N.fetch_add(1, Ordering::Relaxed));
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, png).expect("written");
    let canvas = files::read_picture(&file).expect("a picture");
    std::fs::remove_file(&file).expect("removed");
    let (width, height) = (canvas.width() as u32, canvas.height() as u32);
    let lens = Intrinsics::from_fov(width, height, 1.0).expect("a lens");
    Image::new("sent", 0, Time::ZERO, canvas.rgb().to_vec(), None, lens, Transform::identity()).expect("one")
}

/// What the built-in model sees in a picture, as a language model would list it.
fn boxes(model: &mut BuiltinModel, image: &Image) -> Value {
    let cancel = AtomicBool::new(false);
    let budget = Budget { limit: Duration::from_secs(60), cancel: &cancel };
    let seen = model.answer(Some(image), "", budget).expect("an answer").detections;
    let size = [image.intrinsics.width, image.intrinsics.height].map(|n| n as f32);
    let most =
        |shares: &[f32]| (0..shares.len()).max_by(|a, b| shares[*a].total_cmp(&shares[*b])).expect("one");
    let one = |d: &types::Detection| {
        let place: Vec<i64> =
            d.box_px.iter().enumerate().map(|(i, v)| (v * 1000.0 / size[i % 2]).round() as i64).collect();
        let place: Vec<i64> = place.into_iter().map(|v| v.clamp(0, 1000)).collect();
        let words = [
            Size::ALL[most(&d.size)].word(),
            Color::ALL[most(&d.color)].word(),
            Shape::ALL[most(&d.shape)].word(),
        ];
        json!({ "bbox_2d": place, "label": words.join(" ") })
    };
    seen.iter().map(one).collect()
}

/// A server that sees as the built-in model does, and judges as `verdict` says; its address, and the hashes of the pictures
/// that it was shown to judge.
fn server(verdict: Value) -> (String, Arc<Mutex<Vec<[String; 2]>>>) {
    let shown = Arc::<Mutex<Vec<[String; 2]>>>::default();
    let kept = Arc::clone(&shown);
    let mut eyes = BuiltinModel::from_bytes(WEIGHTS).expect("the built-in weights");
    let url = http::serve(move |request, mut stream| {
        let request: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let content = request["messages"][0]["content"].as_array().cloned().unwrap_or_default();
        let answer = match &content[..] {
            [image, _] => boxes(&mut eyes, &picture(image)),
            [before, after, _] => {
                let pair = [before, after].map(|part| perception::roles::picture_hash(&picture(part)));
                kept.lock().expect("no panic holds it").push(pair);
                verdict.clone()
            }
            _ => json!({ "refuse": "I only look." }),
        };
        let said = json!({ "answer": answer }).to_string();
        let body = json!({ "choices": [{ "message": { "content": said }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 900, "completion_tokens": 30 },
            "model": "judge-1", "system_fingerprint": "fp_9" })
        .to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
        let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
        true
    });
    (format!("{url}/v1"), shown)
}

fn config(url: &str, judge: &str) -> String {
    let terms = "pictures = true\nbudget_tokens = 1000000\nbudget_money = 1000.0\n";
    format!("{}{terms}[planner]\njudge = \"{judge}\"\n[record]\nanimation_hz = 0.0\n", remote(url))
}

#[test]
fn a_no_from_elsewhere_ends_in_a_question_and_the_recording_and_why_say_who_said_it_of_which_pictures() {
    let (url, shown) = server(json!({ "answer": false, "reason": REASON }));
    let folder = Folder::new("judged", &config(&url, "on"));
    let (code, text) = folder.sinew(&["run", BOWL, "--lockstep", "--seed", "3", "--out", "run"]);
    assert_eq!(code, 3, "{text}");
    let quote = format!("my model says: \"{REASON}\"");
    assert!(
        text.contains("a model doubts what I measured as done: put the") && text.contains(&quote),
        "{text}"
    );
    let last = text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or_default();
    assert!(last.contains("Is it done?"), "{text}");

    let shown = shown.lock().expect("no panic holds it").clone();
    let reader = Reader::open(&folder.0.join("run/run.mcap")).expect("a recording");
    let all = reader.filter(|m| m.info.topic == "/sinew/model").map(|m| m.read::<Question>().expect("one"));
    let judged: Vec<Question> = all.filter(|q| q.role == "judge").collect();
    let hashes: Vec<[String; 2]> =
        judged.iter().map(|q| [q.before_picture.clone(), q.picture.clone()]).collect();
    // The pick, the place, and the place once more after another look.
    assert!(shown.len() == 3 && hashes == shown, "{hashes:?} {shown:?}");
    for question in &judged {
        let calls: Vec<ModelCall> = serde_json::from_str(&question.calls).expect("calls");
        let [call] = &calls[..] else { panic!("{calls:?}") };
        assert!(call.model.contains("judge-1") && call.role == "judge, version 1", "{call:?}");
        assert_eq!((call.tokens, call.manner.held_to.as_str()), ([900, 30], "json_schema"));
        assert!(call.answer.contains(REASON), "{call:?}");
        assert_eq!(call.pictures, [question.before_picture.clone(), question.picture.clone()]);
    }
    let events = std::fs::read_to_string(folder.0.join("run/events.jsonl")).expect("events");
    assert_eq!(events.lines().filter(|l| l.contains("judge.txt")).count(), judged.len());

    let (code, info) = folder.sinew(&["log", "info", "run", "--json"]);
    let info: Value = serde_json::from_str(&info).unwrap_or_else(|e| panic!("{e}: {info}"));
    assert_eq!((code, &info["models"]["questions"]["judge"]), (0, &json!(judged.len())), "{info:#}");
    let at = Time::from(judged[1].stamp.clone()).as_secs_f64();
    let (code, story) = folder.sinew(&["why", "run", "--at", &format!("{at:.3}")]);
    assert_eq!(code, 0, "{story}");
    let [before, after] = &hashes[1];
    let because = "no, says qwen3-vl-plus at 127.0.0.1";
    for part in [
        "Whether this was done, \"put the",
        because,
        &format!("because \"{REASON}\""),
        before,
        after,
        "judge.txt, version 1",
        "What is measured decides.",
        // What was seen is told as before.
        "Camera front was last looked through",
    ] {
        assert!(story.contains(part), "{part:?} is not in:\n{story}");
    }
    let (code, said) = folder.sinew(&["replay", "run"]);
    assert_eq!(code, 0, "{said}");
    // Asked again, the same model says the same.
    let (code, said) = folder.sinew(&["replay", "run", "--requery"]);
    assert_eq!(code, 0, "{said}");
    // What was asked cannot be changed without making the run anew.
    let (code, said) = folder.sinew(&["replay", "run", "--with", "planner.judge=off", "--inputs"]);
    assert!(code == 2 && said.contains("planner.judge"), "{code}: {said}");
}

#[test]
fn a_yes_ends_as_without_it_and_off_asks_nobody_and_another_word_is_refused_by_its_key() {
    let (url, shown) = server(json!({ "answer": true, "reason": "It lies in it." }));
    let mut ended = Vec::new();
    for judge in ["off", "on"] {
        let folder = Folder::new(&format!("judged-{judge}"), &config(&url, judge));
        let (code, text) = folder.sinew(&["run", BOWL, "--lockstep", "--seed", "3", "--out", "run"]);
        let asked = core::mem::take(&mut *shown.lock().expect("no panic holds it")).len();
        assert_eq!((code, asked > 1), (0, judge == "on"), "{judge}: {asked}: {text}");
        let (_, ticks) = folder.sinew(&["log", "export", "run", "--to", "csv"]);
        ended.push((text.lines().last().unwrap_or_default().split(" (").next().map(str::to_owned), ticks));
    }
    assert!(ended[0] == ended[1], "every tick is the same: {:?} {:?}", ended[0].0, ended[1].0);
    let folder = Folder::new("judged-maybe", &config(&url, "maybe"));
    let (code, text) = folder.sinew(&["run", "look", "--lockstep"]);
    let wants = ["robot.toml:", "planner.judge: expected off or on, got maybe"];
    assert!(code == 2 && wants.iter().all(|w| text.contains(w)), "{code}: {text}");
}

#[test]
fn a_perception_node_is_sent_both_pictures_and_its_no_ends_the_sentence_in_a_question() {
    let (url, shown) = server(json!({ "answer": false, "reason": REASON }));
    let mut nodes = Nodes::new("judged", &format!("{}[sim]\nseed = 3\n", config(&url, "on")));
    nodes.start(&["robot", "perception", "planner"]);
    let (code, out, err) = nodes.said(&["say", "pick up the orange cube"]);
    assert_eq!(code, 3, "{out}\n{err}\n{}", nodes.logs());
    assert!(out.contains(&format!("my model says: \"{REASON}\"")), "{out}");
    let shown = shown.lock().expect("no panic holds it").clone();
    nodes.interrupt("perception");
    // The planner's part has the question with both pictures, perception's the same by its own clock, and both are in it.
    for part in ["planner/run-001", "perception"] {
        let reader = Reader::open(&nodes.folder.0.join(part).join("run.mcap")).expect("a recording");
        let (mut judged, mut pictures) = (Vec::new(), Vec::new());
        for m in reader {
            match m.info.topic.as_str() {
                "/sinew/model" => {
                    let question: Question = m.read().expect("a question");
                    judged.extend(Some(question).filter(|q| q.role == "judge"));
                }
                "/front/image" => pictures.push(m.stamp),
                _ => {}
            }
        }
        let hashes: Vec<[String; 2]> =
            judged.iter().map(|q| [q.before_picture.clone(), q.picture.clone()]).collect();
        assert!(shown.len() > 1 && hashes == shown, "{part}: {hashes:?} {shown:?}");
        for question in judged {
            let calls: Vec<ModelCall> = serde_json::from_str(&question.calls).expect("calls");
            assert!(calls.len() == 1 && calls[0].pictures.len() == 2, "{part}: {calls:?}");
            for at in [question.before_pictured, question.pictured] {
                assert!(pictures.contains(&at.clone().into()), "{part}: {at:?} is not in it: {pictures:?}");
            }
        }
    }
    let (code, out, err) = nodes.said(&["replay", "planner/run-001"]);
    assert_eq!(code, 0, "{out}\n{err}");
}
