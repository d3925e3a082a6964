//! F37 between processes: whoever carries what the nodes of a robot say to each other says all of it again, to the bit. Without
//! keys that may be any program of this machine; with keys it is the deployment's router, in other hands.

mod scripted;

use bridge::ros::{Refusal, from_cdr};
use scripted::nodes::{BEGINS, DONE, F1, Nodes, ended};
use scripted::ticks::silence_in_motion;
use serde_json::json;
use std::any::Any;
use std::collections::BTreeSet;
use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use zenoh::bytes::ZBytes;
use zenoh::qos::CongestionControl;
use zenoh::query::{Query, QueryTarget};
use zenoh::sample::{Locality, Sample};
use zenoh::{Config, Session, Wait as _};

/// How long an answer may take on a busy machine.
const ANSWERS: Duration = Duration::from_secs(5);
/// How long the owner of a motion may be silent, seconds: on a busy machine it may be for longer than usual.
const LEASE_S: f64 = 1.0;
/// What is asked of a robot and of a planner under a session, besides the session itself.
const COMMANDS: [&str; 10] =
    ["claim", "release", "order", "world", "slow", "activate", "reset", "stop", "goal", "cancel"];
/// Those that the robot's gate counts and tells of.
const AT_THE_GATE: [&str; 7] = ["claim", "release", "order", "world", "slow", "activate", "reset"];
const SESSIONS: [&str; 2] = ["session/robot", "session/planner"];

/// Something that was said, as it was.
#[derive(Clone)]
struct Said {
    key: String,
    payload: Vec<u8>,
    attachment: Vec<u8>,
}

impl Said {
    fn of(key: &str, payload: Option<&ZBytes>, attachment: Option<&ZBytes>) -> Self {
        let bytes = |b: Option<&ZBytes>| b.map(|b| b.to_bytes().into_owned()).unwrap_or_default();
        Self { key: key.to_owned(), payload: bytes(payload), attachment: bytes(attachment) }
    }

    fn is(&self, topics: &[&str]) -> bool {
        topics.iter().any(|topic| self.key.split_once('/').is_some_and(|(_, key)| key == *topic))
    }
}

type Heard = Arc<Mutex<Vec<Said>>>;

/// Carries everything, and keeps what commands.
struct Carrier {
    session: Session,
    asked: Heard,
    alive: Heard,
    _kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl Carrier {
    fn open(robot: &str, config: &serde_json::Value) -> Self {
        let config = Config::from_json5(&config.to_string()).expect("a configuration");
        let session = zenoh::open(config).wait().expect("it carries");
        let (asked, alive) = (Heard::default(), Heard::default());
        let mut kept: Vec<Box<dyn Any + Send + Sync>> = Vec::new();
        for topic in COMMANDS.iter().chain(&SESSIONS) {
            let into = asked.clone();
            let hears = move |query: Query| {
                let said = Said::of(query.key_expr().as_str(), query.payload(), query.attachment());
                into.lock().expect("whole").push(said);
            };
            let queryable = session.declare_queryable(format!("{robot}/{topic}"));
            let queryable = queryable.allowed_origin(Locality::Remote).callback(hears).wait();
            kept.push(Box::new(queryable.expect("it overhears")));
        }
        let into = alive.clone();
        let hears = move |sample: Sample| {
            let said = Said::of(sample.key_expr().as_str(), Some(sample.payload()), sample.attachment());
            into.lock().expect("whole").push(said);
        };
        let subscriber = session.declare_subscriber(format!("{robot}/alive"));
        let subscriber = subscriber.allowed_origin(Locality::Remote).callback(hears).wait();
        kept.push(Box::new(subscriber.expect("it overhears")));
        Self { session, asked, alive, _kept: kept }
    }

    /// What was asked so far of these topics.
    fn asked(&self, topics: &[&str]) -> Vec<Said> {
        self.asked.lock().expect("whole").iter().filter(|said| said.is(topics)).cloned().collect()
    }

    fn alive(&self) -> Vec<Said> {
        self.alive.lock().expect("whole").clone()
    }

    /// Asks again; by which names it is refused, or that it is taken.
    fn asks_again(&self, said: &Said) -> Result<Vec<String>, String> {
        let get =
            self.session.get(&said.key).payload(said.payload.clone()).attachment(said.attachment.clone());
        let get = get.target(QueryTarget::All).allowed_destination(Locality::Remote).timeout(ANSWERS);
        let replies = get.wait().expect("asked");
        let mut why = Vec::new();
        while let Ok(reply) = replies.recv() {
            match reply.result() {
                Ok(_) => return Err(said.key.clone()),
                Err(e) => why.extend(from_cdr::<Refusal>(&e.payload().to_bytes()).map(|r| r.field)),
            }
        }
        Ok(why)
    }

    /// Asks all of it again: each is refused, by one of these names. How many there were.
    fn all_are_refused(&self, all: &[Said], by: &[&str]) -> usize {
        for said in all {
            let why = self.asks_again(said).unwrap_or_else(|key| panic!("{key}: taken once more"));
            assert!(!why.is_empty() && why.iter().all(|w| by.contains(&w.as_str())), "{}: {why:?}", said.key);
        }
        all.len()
    }

    fn says_again(&self, said: &Said) {
        let put = self.session.put(&said.key, said.payload.clone()).attachment(said.attachment.clone());
        put.congestion_control(CongestionControl::Block).wait().expect("said");
    }
}

/// How many the robot's gate has told that it refused.
fn refused(nodes: &Nodes) -> usize {
    let events = nodes.events();
    let told = events.rsplit(" refused so far)").nth(1).and_then(|before| before.rsplit('(').next());
    told.and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// How many signs of life the robot has refused, as it says of the arrow.
fn refused_alive(nodes: &Nodes, config: &str) -> usize {
    let (_, listed, _) = nodes.said(&["ls", "--config", config]);
    let line = listed.lines().find(|l| l.contains("/alive to robot: received")).unwrap_or_default();
    let told = line.split("refused ").nth(1).and_then(|n| n.split([',', ' ']).next());
    told.and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// What the loop has begun so far, and the last of it.
fn begun(nodes: &Nodes) -> [usize; 3] {
    ["Started(", "Granted(", "mode: "].map(|what| nodes.told(what))
}

/// What a configuration says of that.
fn lease() -> String {
    format!("[control]\nlease_ms = {}\n", 1e3 * LEASE_S)
}

/// Everything is said again while the arm moves, while it stands, for a planner that is gone, and to a robot that has begun anew.
fn nothing_counts_twice(mut nodes: Nodes, carrier: &Carrier, config: &str) {
    let toml = format!("{config}.toml");
    nodes.begin("robot", "robot", "robot");
    nodes.begin("planner", "planner", "planner");
    nodes.until_there(&["robot", "planner"], config);
    // All that was said so far, once more while the arm moves, and while its owner goes on.
    let mut is_done = false;
    let (mut again, mut signs_again) = (0, 0);
    for thing in ["red cube", "green ball", "purple box", "yellow cylinder"] {
        let (asked, silent) = nodes.say_until_it_moves(&format!("put the {thing} in the blue bowl"), config);
        let signs = carrier.alive();
        signs.iter().rev().take(50).for_each(|said| carrier.says_again(said));
        signs_again += signs.len().min(50);
        let all = [carrier.asked(&SESSIONS), carrier.asked(&COMMANDS)].concat();
        again += carrier.all_are_refused(&all, &["sequence", "session", "session.nonce"]);
        let (code, out, err) = ended(asked, DONE);
        is_done = code == 0;
        if is_done {
            assert_eq!(nodes.told(F1), silent, "{}", nodes.logs());
            break;
        }
        println!("{code}: {out}{err}");
        nodes.home(config);
    }
    assert!(is_done && again > 20 && signs_again > 10, "{again}, {signs_again}: {}", nodes.logs());
    assert!(refused_alive(&nodes, &toml) >= signs_again, "{:?}", nodes.said(&["ls", "--config", &toml]));
    // While the arm stands.
    let (before, seen) = (begun(&nodes), refused(&nodes));
    let all = carrier.asked(&COMMANDS);
    let topics: BTreeSet<_> =
        all.iter().filter_map(|said| said.key.split_once('/').map(|(_, key)| key)).collect();
    for topic in ["claim", "order", "world", "goal"] {
        assert!(topics.contains(topic), "{topics:?}");
    }
    carrier.all_are_refused(&all, &["sequence", "session"]);
    let counted = carrier.asked(&AT_THE_GATE);
    // It tells of many at once, and no more often than once a second.
    let began = Instant::now();
    while refused(&nodes) < seen + counted.len() {
        assert!(began.elapsed() < BEGINS, "{seen} and {} more: {}", counted.len(), refused(&nodes));
        std::thread::sleep(Duration::from_millis(1100));
        carrier.all_are_refused(&counted[..1], &["sequence", "session"]);
    }
    assert_eq!(begun(&nodes), before, "{}", nodes.events());
    // A planner that is killed is not alive for what it said when it was.
    let (asked, silent) = nodes.say_until_it_moves("put the orange cube on the purple box", config);
    let signs = carrier.alive();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        nodes.kill("planner");
        scope.spawn(|| {
            let began = Instant::now();
            while !is_over.load(Ordering::Relaxed) && began.elapsed() < 2 * ANSWERS {
                signs.iter().rev().take(200).for_each(|said| carrier.says_again(said));
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        nodes.until_it_stops(silent);
        is_over.store(true, Ordering::Relaxed);
    });
    assert_ne!(ended(asked, DONE).0, 0);
    let all = carrier.asked(&COMMANDS);
    let of_robot: Vec<_> = all.iter().filter(|said| !said.is(&["goal", "cancel"])).cloned().collect();
    carrier.all_are_refused(&of_robot, &["sequence", "session"]);
    nodes.assert_stands();
    nodes.interrupt("robot");
    let (moved, silent_s) = silence_in_motion(&nodes.folder.0.join("robot/run.mcap"));
    assert!(moved > 100 && silent_s <= LEASE_S, "{silent_s} s in {moved} ticks");
    // Nor by a robot that has begun anew: it lets whoever asked for a session have another, in which nobody can say a word.
    nodes.begin("again", "robot", "robot");
    nodes.until_there(&["robot"], config);
    carrier.asked(&SESSIONS[..1]).iter().for_each(|said| _ = carrier.asks_again(said));
    carrier.all_are_refused(&of_robot, &["session"]);
    signs.iter().rev().take(50).for_each(|said| carrier.says_again(said));
    nodes.interrupt("again");
    let events = std::fs::read_to_string(nodes.folder.0.join("again/events.jsonl")).expect("its events");
    assert!(!events.contains("Granted(") && !events.contains("mode: "), "{events}");
}

/// A router in other hands, on this machine and without keys, and nodes that speak through it alone.
fn overheard(name: &str) -> (Nodes, Carrier) {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let nodes = Nodes::new(name, "");
    for config in ["robot", "planner", "operator"] {
        let at = format!("connect = [\"tcp/127.0.0.1:{port}\"]");
        nodes.configure(config, &format!("direct = false\nmulticast = false\n{at}\n{}", lease()));
    }
    let config = json!({
        "mode": "router", "listen": { "endpoints": [format!("tcp/127.0.0.1:{port}")] },
        "scouting": { "multicast": { "enabled": false } }, "transport": { "shared_memory": { "enabled": false } },
    });
    let carrier = Carrier::open(&nodes.name, &config);
    (nodes, carrier)
}

#[test]
fn f37_what_a_program_of_this_machine_overhears_and_says_again_to_the_bit_is_refused_by_name_and_moves_nothing()
 {
    let (nodes, carrier) = overheard("replayed");
    nothing_counts_twice(nodes, &carrier, "operator");
}

#[test]
fn i7_stops_and_requests_for_sessions_that_are_said_again_or_forged_are_told_by_the_robot_with_how_many_they_were()
 {
    const STOPS: usize = 500;
    let (mut nodes, carrier) = overheard("told");
    nodes.begin("robot", "robot", "robot");
    nodes.until_there(&["robot"], "operator");
    let (code, out, err) = nodes.said(&["stop", "--config", "operator.toml"]);
    let (stops, sessions) = (carrier.asked(&["stop"]), carrier.asked(&SESSIONS[..1]));
    assert!(!stops.is_empty() && !sessions.is_empty(), "{code}: {out}{err}");
    assert_eq!(refused(&nodes), 0, "{}", nodes.events());
    let began = Instant::now();
    carrier.all_are_refused(&sessions[..1], &["session.nonce"]);
    (0..STOPS).for_each(|_| _ = carrier.all_are_refused(&stops[..1], &["sequence"]));
    // Its proof is another's.
    let mut forged = stops[0].clone();
    forged.payload.iter_mut().last().into_iter().for_each(|b| *b ^= 1);
    carrier.all_are_refused(&[forged], &["tag"]);
    let waits = Instant::now();
    while refused(&nodes) < STOPS + 2 {
        assert!(waits.elapsed() < BEGINS, "{}: {}", refused(&nodes), nodes.events());
        std::thread::sleep(Duration::from_millis(20));
    }
    let (events, seconds) = (nodes.events(), began.elapsed().as_secs() as usize);
    let told = |what: &str| events.matches(&format!("\"kind\":\"refused\",\"text\":\"{what}: ")).count();
    assert_eq!(told("session/"), 1, "{events}");
    planner_tells(&mut nodes, &carrier);
    assert!((1..=seconds + 2).contains(&told("stop")), "{} in {seconds} s: {events}", told("stop"));
}

/// So does a planner of what is said to it, on its screen and to whoever hears its events.
fn planner_tells(nodes: &mut Nodes, carrier: &Carrier) {
    nodes.begin("planner", "planner", "robot");
    nodes.until_there(&["planner"], "operator");
    let (code, out, err) = nodes.said(&["say", "how many cubes do you see?", "--config", "operator.toml"]);
    let asked = (carrier.asked(&SESSIONS[1..]), carrier.asked(&["goal"]));
    assert!(!asked.0.is_empty() && !asked.1.is_empty(), "{code}: {out}{err}");
    assert!(!nodes.log("planner").contains("refused so far"), "{}", nodes.log("planner"));
    carrier.all_are_refused(&asked.0[..1], &["session.nonce"]);
    (0..20).for_each(|_| _ = carrier.all_are_refused(&asked.1[..1], &["sequence"]));
    nodes.until("planner", "(21 refused so far)", BEGINS);
    let log = nodes.log("planner");
    assert!(log.contains("session/: ") && log.contains("goal: "), "{log}");
    // A flood of them is few lines.
    let lines = log.lines().filter(|l| l.contains("refused so far")).count();
    assert!((2..=8).contains(&lines), "{log}");
}

#[test]
fn f37_with_keys_what_the_router_in_other_hands_overhears_and_says_again_to_the_bit_is_refused_and_moves_nothing()
 {
    let port = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port").port();
    let nodes = Nodes::new("replayed-keys", "");
    let (code, out, err) = nodes.said(&["keys", "keys", "--robot", &nodes.name, "--names", "127.0.0.1"]);
    assert_eq!(code, 0, "{out}{err}");
    for role in ["robot", "planner", "operator"] {
        let at = format!("connect = [\"quic/127.0.0.1:{port}\"]");
        nodes.configure(
            role,
            &format!("keys = \"keys/{role}\"\ndirect = false\nmulticast = false\n{at}\n{}", lease()),
        );
    }
    let file = |name: &str| nodes.folder.0.join("keys/router").join(name);
    let (certificate, private) = (file("node.pem"), file("node.key.pem"));
    let config = json!({
        "mode": "router", "listen": { "endpoints": [format!("quic/127.0.0.1:{port}")] },
        "scouting": { "multicast": { "enabled": false } },
        // It goes by none of the rules that it was given.
        "access_control": { "enabled": false },
        "transport": {
            "shared_memory": { "enabled": false },
            "link": { "tls": {
                "root_ca_certificate": file("ca.pem"), "enable_mtls": true, "verify_name_on_connect": false,
                "listen_certificate": certificate, "listen_private_key": private,
                "connect_certificate": certificate, "connect_private_key": private,
            } },
        },
    });
    let carrier = Carrier::open(&nodes.name, &config);
    nothing_counts_twice(nodes, &carrier, "operator");
}
