//! Servers on this machine that do what a script says: one request a connection.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

pub mod hub;

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};

/// What somebody asked.
#[derive(Debug)]
pub struct Request {
    /// The lines before the body.
    pub head: String,
    pub body: Vec<u8>,
}

impl Request {
    /// The path, with what follows it.
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// A header; its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let of = |line: &'_ str| line.split_once(':').is_some_and(|(n, _)| n.eq_ignore_ascii_case(name));
        self.head.lines().find(|l| of(l)).and_then(|l| l.split_once(':')).map(|(_, value)| value.trim())
    }
}

/// Reads one request; `None` when the line ends before.
fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut request = Request { head: String::new(), body: Vec::new() };
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        request.head.push_str(&line);
    }
    let length = request.header("content-length").map_or(Some(0), |n| n.parse().ok())?;
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

/// Hands every request and its line to `answer`, until that says no; the address, without a path.
pub fn serve(mut answer: impl FnMut(Request, TcpStream) -> bool + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let Some(request) = read(&stream) else { continue };
            if !answer(request, stream) {
                return;
            }
        }
    });
    url
}
