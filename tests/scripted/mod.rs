//! A folder of a test's own to run the program in, and a model elsewhere that says what a script says.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

pub mod datagrams;
pub mod hand;
#[path = "../../bridge/tests/scripted/mod.rs"]
pub mod http;
pub mod link;
pub mod machines;
pub mod nodes;
pub mod ticks;

use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str, config: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sinew-other-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder for temporary files");
        fs::write(path.join("robot.toml"), config).expect("written");
        Self(path)
    }

    /// The program, to be started here; models from a hub are kept here, too.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sinew"));
        command.args(args).current_dir(&self.0).env("SINEW_MODELS", self.0.join("models"));
        command
    }

    /// The program behind other words that start it here.
    pub fn behind(&self, words: &[String], args: &[&str]) -> Command {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg(env!("CARGO_BIN_EXE_sinew")).args(args);
        command.env("SINEW_MODELS", self.0.join("models"));
        command
    }

    /// Exit code, and what was said.
    pub fn sinew(&self, args: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } = self.command(args).output().expect("it starts");
        let text = [stdout, stderr].map(|t| String::from_utf8_lossy(&t).into_owned()).concat();
        (status.code().expect("an exit code"), text)
    }

    /// The events of the run of this number.
    pub fn events(&self, n: usize) -> String {
        fs::read_to_string(self.0.join(format!("runs/run-{n:03}/events.jsonl"))).expect("a run folder")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a server does with one request.
pub enum Act {
    Say(Value),
    /// Cuts the line.
    HangUp,
}

/// A server that answers each request by its number and its prompt; its address, and how often it was asked.
pub fn server(answer: impl Fn(usize, &str) -> Act + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let url = http::serve(move |request, mut stream| {
        let request: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let content = request["messages"][0]["content"].as_array().cloned().unwrap_or_default();
        let prompt = content.last().and_then(|c| c["text"].as_str()).unwrap_or_default();
        let said = match answer(seen.fetch_add(1, Ordering::Relaxed), prompt) {
            Act::Say(said) => json!({ "answer": said }).to_string(),
            Act::HangUp => return true,
        };
        let body = json!({ "choices": [{ "message": { "content": said }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 400, "completion_tokens": 40 },
            "model": "qwen3-vl-plus-2025-12-19", "system_fingerprint": "fp_7" })
        .to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
        let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
        true
    });
    (format!("{url}/v1"), count)
}

/// A configuration with this server, which is sent no pictures.
pub fn remote(url: &str) -> String {
    format!("[remote]\nurl = \"{url}\"\nmodel = \"qwen3-vl-plus\"\n")
}
