//! A hub with one repository, `tiny/model` or whatever it is asked for, that serves as hubs do but where a script says
//! otherwise.

use super::Request;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The one commit.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A file; `is_heavy` ones are kept beside git.
#[derive(Clone)]
pub struct File {
    pub name: String,
    pub bytes: Vec<u8>,
    pub is_heavy: bool,
}

impl File {
    pub fn new(name: &str, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), bytes, is_heavy: name.ends_with(".safetensors") }
    }

    /// What the hub says of it.
    fn listed(&self) -> Value {
        let size = self.bytes.len();
        let blob = sum("sha1sum", &[format!("blob {size}\0").as_bytes(), &self.bytes].concat());
        let mut listed = json!({ "rfilename": self.name, "size": size, "blobId": blob });
        if self.is_heavy {
            listed["blobId"] = json!("f".repeat(40));
            listed["lfs"] =
                json!({ "sha256": sum("sha256sum", &self.bytes), "size": size, "pointerSize": 130 });
        }
        listed
    }
}

/// By a program of coreutils, which is not what is tested here.
fn sum(program: &str, bytes: &[u8]) -> String {
    let mut child =
        Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("coreutils");
    child.stdin.take().expect("its input").write_all(bytes).expect("written");
    let out = child.wait_with_output().expect("a sum").stdout;
    String::from_utf8_lossy(&out).split_whitespace().next().expect("a sum").to_owned()
}

/// The files of a folder.
pub fn files_of(dir: &Path) -> Vec<File> {
    let entries = std::fs::read_dir(dir).expect("a folder").map(|e| e.expect("an entry").path());
    let file = |path: std::path::PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        File::new(&name, std::fs::read(path).expect("read"))
    };
    entries.map(file).collect()
}

/// What the hub says of its files.
pub fn listing(files: &[File]) -> Value {
    json!({ "id": "tiny/model", "sha": COMMIT, "siblings": files.iter().map(File::listed).collect::<Vec<_>>() })
}

/// What is done with a request for a file, or for the list.
#[derive(Clone)]
pub enum Act {
    /// What it asks for.
    Serve,
    /// So many bytes of it, and the line is cut.
    Cut(usize),
    /// The same, and silence for so long instead.
    Stall(usize, Duration),
    /// All of the file, whatever part was asked for.
    Whole,
    /// What it asks for, with the file's byte of this number turned.
    Turned(usize),
    /// Something else, without saying how long it is.
    Other(Vec<u8>),
    /// A status and headers.
    Status(u16, String),
    /// To another address.
    Redirect(String),
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The last part of the path: a file, or a revision.
    pub what: String,
    /// The first byte that was asked for.
    pub from: Option<usize>,
    pub key: Option<String>,
    /// Bytes of the file that were sent.
    pub n_sent: usize,
}

pub type Log = Arc<Mutex<Vec<Seen>>>;

/// Serves `files` under `list`; `script` is told what is asked for, and how often that was asked before.
pub fn hub(
    list: Value,
    files: Vec<File>,
    mut script: impl FnMut(&str, usize) -> Act + Send + 'static,
) -> (String, Log) {
    let log = Log::default();
    let seen = Arc::clone(&log);
    let url = super::serve(move |request, stream| {
        let path = request.path().split('?').next().unwrap_or_default();
        let what = path.rsplit('/').next().unwrap_or_default().to_owned();
        let n = seen.lock().expect("the log").iter().filter(|s| s.what == what).count();
        let act = script(&what, n);
        let entry = Seen {
            what: what.clone(),
            from: from(&request),
            key: request.header("authorization").map(Into::into),
            n_sent: 0,
        };
        let idx = {
            let mut seen = seen.lock().expect("the log");
            seen.push(entry.clone());
            seen.len() - 1
        };
        let is_list = path.starts_with("/api/models/");
        let bytes = if is_list {
            Some(list.to_string().into_bytes())
        } else {
            files.iter().find(|f| f.name == what).map(|f| f.bytes.clone())
        };
        // A line that stalls keeps nobody else waiting.
        let seen = Arc::clone(&seen);
        std::thread::spawn(move || {
            let note = |n_sent| seen.lock().expect("the log")[idx].n_sent = n_sent;
            answer(stream, act, bytes, entry.from, &note);
        });
        true
    });
    (url, log)
}

fn from(request: &Request) -> Option<usize> {
    request.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

/// `note` is told how many bytes of the file are sent, before they are.
fn answer(
    mut stream: TcpStream,
    act: Act,
    bytes: Option<Vec<u8>>,
    from: Option<usize>,
    note: &dyn Fn(usize),
) {
    let status = |mut stream: TcpStream, status: u16, headers: &str| {
        let _ =
            write!(stream, "HTTP/1.1 {status} X\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n");
    };
    let (from, most, pause, turned) = match act {
        Act::Status(n, headers) => return status(stream, n, &headers),
        Act::Redirect(to) => return status(stream, 302, &format!("location: {to}\r\n")),
        Act::Other(other) => {
            note(other.len());
            let _ = stream.write_all(b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(&other);
            return;
        }
        Act::Serve => (from, usize::MAX, Duration::ZERO, None),
        Act::Cut(most) => (from, most, Duration::ZERO, None),
        Act::Stall(most, pause) => (from, most, pause, None),
        Act::Whole => (None, usize::MAX, Duration::ZERO, None),
        Act::Turned(idx) => (from, usize::MAX, Duration::ZERO, Some(idx)),
    };
    let Some(mut bytes) = bytes else { return status(stream, 404, "") };
    if let Some(idx) = turned {
        bytes[idx] ^= 1;
    }
    let all = bytes.len();
    let mut head = String::new();
    match from {
        Some(from) if from >= all => {
            return status(stream, 416, &format!("content-range: bytes */{all}\r\n"));
        }
        Some(from) => {
            let _ = write!(head, "HTTP/1.1 206 X\r\ncontent-range: bytes {from}-{}/{all}\r\n", all - 1);
        }
        None => head.push_str("HTTP/1.1 200 X\r\n"),
    }
    let bytes = &bytes[from.unwrap_or(0)..];
    let _ = write!(head, "content-length: {}\r\nconnection: close\r\n\r\n", bytes.len());
    let sent = &bytes[..most.min(bytes.len())];
    note(sent.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent));
    std::thread::sleep(pause);
}
