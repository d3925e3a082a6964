//! A model elsewhere, played by a server that does what a script says: answers, keeps silent, breaks off, is busy.

mod scripted;

use bridge::chat::{Chat, ChatError, Endpoint, Form, Key, Price, Question, Reply, Served, Terms};
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// What is done with one request.
enum Act {
    /// These pieces, as events, with a pause before each.
    Stream(Vec<String>, Duration),
    /// The same, and the connection is cut before the end.
    Broken(Vec<String>),
    /// A status, headers besides, and a body.
    Status(u16, &'static str, String),
    /// Nothing, for so long.
    Silence(Duration),
}

/// Serves one request per act; gives every request's head and body.
fn serve(acts: Vec<Act>) -> (String, Receiver<(String, Value)>) {
    let (sender, receiver) = channel();
    let mut acts = acts.into_iter();
    let url = scripted::serve(move |request, stream| {
        let (Some(act), Ok(body)) = (acts.next(), serde_json::from_slice(&request.body)) else {
            return false;
        };
        let _ = sender.send((request.head, body));
        answer(stream, act);
        acts.len() > 0
    });
    (format!("{url}/v1"), receiver)
}

fn answer(mut stream: TcpStream, act: Act) {
    let events = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let _ = match act {
        Act::Stream(pieces, pause) => stream.write_all(events.as_bytes()).and_then(|()| {
            pieces.iter().try_for_each(|p| {
                std::thread::sleep(pause);
                write!(stream, "data: {p}\n\n")
            })?;
            stream.write_all(b"data: [DONE]\n\n")
        }),
        Act::Broken(pieces) => stream
            .write_all(events.as_bytes())
            .and_then(|()| pieces.iter().try_for_each(|p| write!(stream, "data: {p}\n\n"))),
        Act::Status(status, headers, body) => {
            let kind = "content-type: application/json\r\nconnection: close\r\n";
            let length = body.len();
            write!(stream, "HTTP/1.1 {status} X\r\n{headers}{kind}content-length: {length}\r\n\r\n{body}")
        }
        Act::Silence(span) => {
            std::thread::sleep(span);
            Ok(())
        }
    };
}

/// An answer in pieces, as servers send it: `{"answer": "yes"}`, with what it took.
fn pieces() -> Vec<String> {
    let piece = |text: &str| json!({ "choices": [{ "delta": { "content": text } }] }).to_string();
    vec![
        json!({ "choices": [{ "delta": { "role": "assistant" } }] }).to_string(),
        piece("{\"answer\": "),
        piece("\"yes\"}"),
        json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }], "model": "qwen3-vl-plus-2025-12-19",
            "system_fingerprint": "fp_\u{7}1" })
        .to_string(),
        json!({ "choices": [], "usage": { "prompt_tokens": 1000, "completion_tokens": 10 } }).to_string(),
    ]
}

fn good() -> Act {
    Act::Stream(pieces(), Duration::ZERO)
}

fn busy(headers: &'static str) -> Act {
    Act::Status(429, headers, "{}".into())
}

fn chat(url: &str, terms: Terms) -> Chat {
    let endpoint = Endpoint::new(url, "qwen3-vl-plus", Key::new("sk-secret-123")).expect("this machine");
    Chat::new(endpoint, terms)
}

fn terms() -> Terms {
    Terms { price: Price::of_model("qwen3-vl-plus"), ..Terms::default() }
}

fn once() -> Terms {
    Terms { retries: 0, ..terms() }
}

fn ask(chat: &mut Chat, limit: Duration) -> Result<Reply, ChatError> {
    let schema = json!({ "enum": ["yes", "no"] });
    let picture = vec![137, 80, 78, 71];
    let question = Question { pictures: &[picture], prompt: "Is it?", schema: &schema, max_tokens: 50 };
    chat.ask(&question, limit, &AtomicBool::new(false))
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_streamed_answer_comes_whole_with_its_cost_and_the_request_says_what_servers_understand() {
    let (url, seen) = serve(vec![good()]);
    let mut chat = chat(&url, terms());
    let reply = ask(&mut chat, LONG).expect("an answer");
    assert_eq!(reply.text, "\"yes\"");
    assert_eq!((reply.tokens, reply.tries), ([1000, 10], 1));
    assert!((reply.cost - (0.001 + 0.0001)).abs() < 1e-12, "{}", reply.cost);
    assert_eq!(chat.spent().0, 1010);
    let served = Served { model: Some("qwen3-vl-plus-2025-12-19".into()), fingerprint: Some("fp_1".into()) };
    assert_eq!(reply.served, served);
    let (head, body) = seen.recv().expect("a request");
    assert!(head.starts_with("POST /v1/chat/completions "), "{head}");
    assert!(head.to_lowercase().contains("authorization: bearer sk-secret-123"), "{head}");
    assert_eq!(body["model"], "qwen3-vl-plus");
    let content = &body["messages"][0]["content"];
    assert_eq!(content[0]["image_url"]["url"], "data:image/png;base64,iVBORw==");
    assert_eq!(content[1]["text"], "Is it?");
    let schema = &body["response_format"]["json_schema"]["schema"];
    assert_eq!(schema["properties"]["answer"]["enum"], json!(["yes", "no"]));
    assert_eq!((&body["temperature"], &body["max_tokens"]), (&json!(0), &json!(50)));
}

#[test]
fn a_tool_and_a_server_that_does_not_stream_and_a_fence_are_understood_too() {
    let call = json!({ "choices": [{ "message": { "tool_calls": [{ "function": {
        "name": "answer", "arguments": "{\"answer\": \"no\"}" } }] }, "finish_reason": "tool_calls" }] });
    let (url, seen) = serve(vec![Act::Status(200, "", call.to_string())]);
    let tool = Terms { form: Form::Tool, ..terms() };
    assert_eq!(ask(&mut chat(&url, tool), LONG).expect("an answer").text, "\"no\"");
    let (_, body) = seen.recv().expect("a request");
    assert_eq!(body["tool_choice"]["function"]["name"], "answer");
    assert!(body["response_format"].is_null());
    // As llama.cpp does, that takes the choice of one tool for a free one.
    let talks =
        json!({ "choices": [{ "message": { "content": "I would rather talk." }, "finish_reason": "stop" }] });
    let (url, _seen) = serve(vec![Act::Status(200, "", talks.to_string())]);
    let e =
        ask(&mut chat(&url, Terms { form: Form::Tool, ..once() }), LONG).expect_err("no call").to_string();
    assert!(e.contains("no call of the tool"), "{e}");
    let fenced = json!({ "choices": [{ "message": { "content": "```json\n{\"answer\": \"no\"}\n```" },
        "finish_reason": "stop" }] });
    let (url, seen) = serve(vec![Act::Status(200, "", fenced.to_string())]);
    let extra = json!({ "enable_thinking": false }).as_object().cloned().expect("an object");
    let object = Terms { form: Form::JsonObject, extra, ..terms() };
    assert_eq!(ask(&mut chat(&url, object), LONG).expect("an answer").text, "\"no\"");
    let (_, body) = seen.recv().expect("a request");
    assert_eq!(body["enable_thinking"], false);
    let prompt = body["messages"][0]["content"][1]["text"].as_str().expect("a prompt");
    assert!(prompt.contains("JSON schema") && prompt.contains("\"yes\""), "{prompt}");
}

#[test]
fn a_busy_server_is_asked_again_when_it_says_and_a_broken_stream_at_once_but_not_for_ever() {
    let (url, _seen) = serve(vec![busy("retry-after: 1\r\n"), Act::Broken(pieces()[..2].to_vec()), good()]);
    let begun = Instant::now();
    let reply = ask(&mut chat(&url, terms()), LONG).expect("an answer at last");
    assert_eq!(reply.tries, 3);
    assert!(begun.elapsed() >= Duration::from_secs(1), "it waited as it was told");
    let no_projector =
        json!({ "error": { "code": 500, "message": "image input is not supported" } }).to_string();
    let (url, _seen) = serve((0..3).map(|_| Act::Status(500, "", no_projector.clone())).collect());
    let e = ask(&mut chat(&url, terms()), LONG).expect_err("no pictures there").to_string();
    assert!(e.contains("500 image input is not supported") && e.contains("3 tries"), "{e}");
    let (url, seen) = serve((0..9).map(|_| busy("")).collect());
    let e = ask(&mut chat(&url, terms()), LONG).expect_err("busy").to_string();
    assert!(e.contains("429") && e.contains("3 tries"), "{e}");
    assert_eq!(seen.try_iter().count(), 3);
}

#[test]
fn a_silent_server_costs_no_more_than_the_limit_and_a_cancelled_call_is_left_at_once() {
    let (url, _seen) = serve(vec![Act::Silence(Duration::from_secs(5))]);
    let begun = Instant::now();
    let e = ask(&mut chat(&url, terms()), Duration::from_millis(300)).expect_err("too late");
    assert!(matches!(e, ChatError::Timeout { .. }), "{e}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    // Piece after piece, for ten seconds.
    let slow = vec![pieces()[0].clone(); 100];
    let (url, _seen) = serve(vec![Act::Stream(slow, Duration::from_millis(100))]);
    let cancel = AtomicBool::new(false);
    let mut chat = chat(&url, Terms { limit: LONG, ..terms() });
    let schema = json!({ "type": "boolean" });
    let question = Question { pictures: &[], prompt: "?", schema: &schema, max_tokens: 5 };
    let begun = Instant::now();
    let e = std::thread::scope(|s| {
        s.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            cancel.store(true, Ordering::Relaxed);
        });
        chat.ask(&question, LONG, &cancel).expect_err("cancelled")
    });
    assert_eq!(e, ChatError::Cancelled);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_when_the_call_is_cancelled_and_its_prompt_counts() {
    let (url, heard) = serve(vec![Act::Silence(Duration::from_secs(30))]);
    let mut chat = chat(&url, Terms { limit: Duration::from_secs(30), ..once() });
    let question = Question { pictures: &[], prompt: &"x".repeat(400), schema: &json!({}), max_tokens: 10 };
    let cancel = AtomicBool::new(false);
    let begun = Instant::now();
    let said = std::thread::scope(|scope| {
        let given_up = &cancel;
        scope.spawn(move || {
            heard.recv().expect("a request");
            given_up.store(true, Ordering::Relaxed);
        });
        chat.ask(&question, Duration::from_secs(30), &cancel)
    });
    assert_eq!(said.expect_err("nobody waited"), ChatError::Cancelled);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    // What was sent may have to be paid for.
    assert_eq!(chat.spent().0, 100);
}

#[test]
fn what_comes_of_an_answer_that_nobody_waits_for_is_counted_afterwards() {
    let piece = json!({ "choices": [{ "delta": { "content": "y".repeat(400) } }] }).to_string();
    let (url, _seen) = serve(vec![Act::Stream(vec![piece; 20], Duration::from_millis(100)), good()]);
    let mut chat = chat(&url, once());
    let question = Question { pictures: &[], prompt: &"x".repeat(400), schema: &json!({}), max_tokens: 10 };
    let cancel = AtomicBool::new(false);
    let said = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(450));
            cancel.store(true, Ordering::Relaxed);
        });
        chat.ask(&question, LONG, &cancel)
    });
    assert_eq!((said.expect_err("nobody waited"), chat.spent().0), (ChatError::Cancelled, 100));
    // The thread that reads it sees within a piece that nobody wants it.
    std::thread::sleep(Duration::from_millis(800));
    ask(&mut chat, LONG).expect("an answer");
    let beside = chat.spent().0 - 100 - 1010;
    assert!((100..2000).contains(&beside), "{beside}");
}

#[test]
fn what_would_not_change_is_not_asked_again_and_the_key_is_in_no_error() {
    let said = json!({ "error": { "message": "bad key sk-secret-123" } }).to_string();
    let elsewhere = Act::Status(302, "location: http://127.0.0.1:1/\r\n", String::new());
    let (url, seen) = serve(vec![Act::Status(401, "", said), elsewhere]);
    let mut chat = chat(&url, terms());
    let e = ask(&mut chat, LONG).expect_err("refused").to_string();
    assert!(e.contains("401") && e.contains("bad key"), "{e}");
    let shown = format!("{e} {chat:?}");
    assert!(!shown.contains("secret"), "{shown}");
    let e = ask(&mut chat, LONG).expect_err("no redirects").to_string();
    assert!(e.contains("302"), "{e}");
    assert_eq!(seen.try_iter().count(), 2);
}

#[test]
fn what_an_answer_that_is_none_has_cost_counts_and_one_that_asks_for_too_long_a_wait_is_left_at_once() {
    let cut = json!({ "choices": [{ "message": { "content": "{\"ans" }, "finish_reason": "length" }],
        "usage": { "prompt_tokens": 700, "completion_tokens": 50 } });
    let (url, seen) = serve(vec![Act::Status(200, "", cut.to_string()), good()]);
    let mut one = chat(&url, terms());
    assert!(matches!(ask(&mut one, LONG), Err(ChatError::Failed { .. })));
    assert_eq!((one.spent().0, seen.try_iter().count()), (750, 1), "paid for, and not asked again");
    // A server that does not count: its prompt is estimated.
    let silent =
        json!({ "choices": [{ "message": { "content": "{\"answer\": 1}" }, "finish_reason": "stop" }] });
    let (url, _seen) = serve(vec![Act::Status(200, "", silent.to_string())]);
    let mut two = chat(&url, terms());
    assert!(ask(&mut two, LONG).is_ok() && two.spent().0 > 900, "{:?}", two.spent());
    let (url, _seen) = serve(vec![busy("retry-after: 60\r\n")]);
    let begun = Instant::now();
    assert!(ask(&mut chat(&url, terms()), LONG).is_err());
    assert!(begun.elapsed() < Duration::from_secs(2));
    let echo = json!({ "error": { "message": "no: sk-secret-123" } }).to_string();
    let (url, _seen) = serve(vec![Act::Status(200, "", echo)]);
    let e = ask(&mut chat(&url, once()), LONG).expect_err("an error").to_string();
    assert!(e.contains("no: ") && !e.contains("secret"), "{e}");
}

#[test]
fn garbage_is_no_answer_whatever_it_is() {
    let stop = |content: &str| {
        json!({ "choices": [{ "message": { "content": content }, "finish_reason": "stop" }] }).to_string()
    };
    let cut =
        json!({ "choices": [{ "message": { "content": "{\"answer\": 1}" }, "finish_reason": "length" }] });
    let bodies = [
        String::new(),
        "[".into(),
        "{}".into(),
        stop("Sure!"),
        stop("{\"other\": 1}"),
        cut.to_string(),
        "[".repeat(100_000),
    ];
    for body in bodies {
        let (url, _seen) = serve(vec![Act::Status(200, "", body.clone())]);
        let e = ask(&mut chat(&url, once()), LONG).expect_err("no answer");
        assert!(matches!(e, ChatError::Failed { .. }), "{body:.40}: {e}");
    }
    let long = vec!["x".repeat(3 << 20)];
    let (url, _seen) = serve(vec![Act::Stream(long, Duration::ZERO)]);
    assert!(ask(&mut chat(&url, once()), LONG).is_err());
}

#[test]
fn a_server_that_fails_again_and_again_is_left_alone_and_the_budget_is_kept() {
    let (url, seen) = serve((0..9).map(|_| Act::Status(500, "", String::new())).collect());
    let mut failing = chat(&url, once());
    for _ in 0..3 {
        assert!(matches!(ask(&mut failing, LONG), Err(ChatError::Failed { .. })));
    }
    let e = ask(&mut failing, LONG).expect_err("left alone");
    assert!(matches!(e, ChatError::Resting { .. }), "{e}");
    assert_eq!(seen.try_iter().count(), 3, "not asked");
    let (url, seen) = serve((0..9).map(|_| good()).collect());
    let mut short = chat(&url, Terms { most_tokens: 1500, ..terms() });
    assert!(ask(&mut short, LONG).is_ok() && ask(&mut short, LONG).is_ok());
    assert!(matches!(ask(&mut short, LONG), Err(ChatError::Budget(_))));
    let dear = Price { currency: "CNY".into(), steps: vec![(u64::MAX, 1000.0, 1000.0)] };
    let mut dear = chat(&url, Terms { price: dear, ..terms() });
    assert!(ask(&mut dear, LONG).is_ok());
    assert!(matches!(ask(&mut dear, LONG), Err(ChatError::Budget(_))));
    assert_eq!(seen.try_iter().count(), 3);
}
