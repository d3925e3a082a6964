//! What a perception node is being asked is left when nobody waits for it any more: the next question need not wait for it.

mod scripted;

use scripted::nodes::{BEGINS, DONE, Nodes, ended};
use scripted::{http, remote};
use serde_json::json;
use std::io::Write;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A thinker does not come to an end within this.
const THINKS_S: u64 = 300;
/// A question may be this long, seconds; whoever waits no longer has left it much earlier, however busy the machine is.
const LIMIT_S: u64 = 60;
const LEFT: Duration = Duration::from_secs(LIMIT_S / 2);

/// How often a server was asked, and how many of those who asked have hung up while it thought.
#[derive(Clone, Default)]
struct Seen {
    asked: Arc<AtomicUsize>,
    left: Arc<AtomicUsize>,
    /// Whether it thinks, and does not answer.
    thinks: Arc<AtomicBool>,
}

impl Seen {
    fn until(&self, of: &Arc<AtomicUsize>, n: usize, what: &str, limit: Duration, nodes: &Nodes) {
        let began = Instant::now();
        while of.load(Ordering::Relaxed) < n {
            assert!(began.elapsed() < limit, "{what}: {self:?}\n{}", nodes.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl core::fmt::Debug for Seen {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [asked, left] = [&self.asked, &self.left].map(|n| n.load(Ordering::Relaxed));
        write!(f, "asked {asked} times, left {left} times")
    }
}

/// Thinks aloud about a picture, or sees nothing in it; its address.
fn thinker(seen: Seen) -> String {
    let url = http::serve(move |_, mut stream| {
        seen.asked.fetch_add(1, Ordering::Relaxed);
        if !seen.thinks.load(Ordering::Relaxed) {
            let said = json!({ "answer": [] }).to_string();
            let body = json!({ "choices": [{ "message": { "content": said }, "finish_reason": "stop" }] })
                .to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
            return true;
        }
        let left = Arc::clone(&seen.left);
        std::thread::spawn(move || {
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
            );
            let began = Instant::now();
            while began.elapsed().as_secs() < THINKS_S {
                if stream.write_all(b": I think\n\n").is_err() {
                    left.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        true
    });
    format!("{url}/v1")
}

fn press_ctrl_c(said: &Child) {
    let pressed = Command::new("kill").args(["-INT", &said.id().to_string()]).status();
    assert!(pressed.expect("kill").success());
}

#[test]
fn a_perception_node_leaves_what_nobody_waits_for_and_answers_the_next_question() {
    let seen = Seen::default();
    let url = thinker(seen.clone());
    let remote = format!("{}limit_s = {LIMIT_S}.0\npictures = true\n", remote(&url));
    let mut nodes = Nodes::new("left", &format!("{remote}[sim]\nseed = 3\n"));
    nodes.start(&["robot", "perception", "planner"]);
    let thinks = |thinks| seen.thinks.store(thinks, Ordering::Relaxed);

    // Given up by the person, and the next sentence said: its pictures are looked at, at once.
    thinks(true);
    let said = nodes.say("go home", "robot");
    seen.until(&seen.asked, 1, "nobody asks", BEGINS, &nodes);
    press_ctrl_c(&said);
    let (code, out, err) = ended(said, DONE);
    assert_eq!(code, 130, "{out}{err}");
    thinks(false);
    let said = nodes.say("go home", "robot");
    seen.until(&seen.asked, 2, "the next question waits", LEFT, &nodes);
    seen.until(&seen.left, 1, "nobody hangs up", LEFT, &nodes);
    ended(said, DONE);

    // The planner dies.
    let [asked, left] = [&seen.asked, &seen.left].map(|n| n.load(Ordering::Relaxed));
    thinks(true);
    let said = nodes.say("go home", "robot");
    seen.until(&seen.asked, asked + 1, "nobody asks", BEGINS, &nodes);
    nodes.signal("planner", "KILL");
    seen.until(&seen.left, left + 1, "a dead planner's question goes on", LEFT, &nodes);
    ended(said, DONE);

    // The node itself is ended.
    nodes.begin("second", "planner", "robot");
    nodes.until_there(&["planner"], "robot");
    let said = nodes.say("go home", "robot");
    seen.until(&seen.asked, asked + 2, "nobody asks", BEGINS, &nodes);
    let began = Instant::now();
    nodes.interrupt("perception");
    assert!(began.elapsed() < LEFT, "it answers to the end first");
    let log = nodes.log("perception");
    assert!(log.matches("nobody waits").count() >= 2, "{log}");
    press_ctrl_c(&said);
    ended(said, DONE);
}
