//! A robot over three machines with keys: the loop on one, the model on another, the planner and a person on a third, each
//! a network namespace of this machine, joined by a switch. QUIC with certificates on both sides is all that they share.
//!
//! Where no namespaces can be made (no root and a kernel that lets nobody else, or no iproute2) nothing is tried here, and
//! that is told; with `SINEW_NAMESPACES` set, as in CI, it is a failure.

mod scripted;

use bridge::wire::{Bare, Router, Settings, topics::STATUS};
use scripted::machines::Site;
use scripted::nodes::{DONE, Nodes, ended, text};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SENTENCE: &str = "put the red cube in the blue bowl";
/// The machines: beside the arm, with the model, the person's own, and the router's where there is one.
const NAMES: [&str; 4] = ["arm", "gpu-box", "desk", "site"];
const ARM: usize = 0;
const DESK: usize = 2;
const SITE: usize = 3;
/// Who runs where, by the configuration that they have, which is also the role whose keys they have.
const PLACES: [(&str, usize); 4] = [("robot", ARM), ("perception", 1), ("planner", DESK), ("operator", DESK)];
const PORT: u16 = 7447;
/// The lease of a motion ends 0.2 s after its owner's last sign of life; a busy machine tells it so much later at most.
const STOPS: Duration = Duration::from_millis(200 + 1300);

/// How nodes find each other.
#[derive(Copy, Clone, PartialEq)]
enum Finds {
    /// By themselves.
    Alone,
    /// They are told where the robot is, and then look for it until it is there again.
    Told,
    /// They know the router alone.
    Router,
}

/// A robot over the machines, with keys for their addresses.
fn deployed(name: &str, site: &Site, finds: Finds) -> Nodes {
    let mut nodes = Nodes::new(name, "");
    let addresses = (0..NAMES.len()).map(Site::address).collect::<Vec<_>>().join(",");
    let (code, out, err) = nodes.said(&["keys", "keys", "--robot", &nodes.name, "--names", &addresses]);
    assert_eq!(code, 0, "{out}{err}");
    for (config, machine) in PLACES {
        let words = site.words(machine, &nodes.folder.0);
        nodes.place(config, words);
        let mut zenoh = format!("keys = \"keys/{config}\"\n");
        let at = |machine| format!("[\"quic/{}:{PORT}\"]\n", Site::address(machine));
        zenoh += &match finds {
            Finds::Router => format!("direct = false\nconnect = {}", at(SITE)),
            _ if config == "robot" => format!("listen = {}", at(ARM)),
            Finds::Told => format!("connect = {}", at(ARM)),
            Finds::Alone => String::new(),
        };
        nodes.configure(config, &zenoh);
    }
    nodes
}

fn start(nodes: &mut Nodes, roles: &[&'static str]) {
    for role in roles {
        nodes.begin(role, role, role);
    }
    nodes.until_there(roles, "operator");
}

/// What a test of these is on another machine: somebody who tries to get in with a person's keys, with none, in plain
/// text, and with those of another deployment, at this address; or a router, in its folder.
const INTRUDER: &str = "SINEW_TEST_INTRUDER";
const ROUTER: &str = "SINEW_TEST_ROUTER";
/// What a router is told, in its folder.
const FILE: &str = "router.json5";

/// A program on a machine, in this folder.
fn on(site: &Site, machine: usize, folder: &Path, program: &Path) -> Command {
    let words = site.words(machine, folder);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(program);
    command
}

/// This test once more, as such a one.
fn this_on(site: &Site, machine: usize, folder: &Path, test: &str, (what, of): (&str, &str)) -> Command {
    let mut command = on(site, machine, folder, &std::env::current_exe().expect("a path"));
    command.env(what, of).args(["--exact", "--nocapture", test]);
    command
}

/// Lets somebody try to get in at a machine.
fn try_to_get_in(site: &Site, nodes: &Nodes, machine: usize, test: &str) {
    let of = format!("{} {}", nodes.name, Site::address(machine));
    let mut intruder = this_on(site, DESK, &nodes.folder.0, test, (INTRUDER, &of));
    let (code, out, err) = text(intruder.output().expect("it starts"));
    assert!(code == 0 && out.contains("1 passed"), "{out}{err}");
}

fn tries_to_get_in(of: &str) {
    let (robot, address) = of.split_once(' ').expect("a robot and an address");
    let at = format!("{address}:{PORT}");
    let opens = |settings: &Settings, protocol: &str, within_ms: u32| {
        let config = settings.zenoh_config().expect("it can be");
        // Sinew itself goes to no other machine without keys, so that Zenoh has to be told so.
        let config = config.replace("tcp/127.0.0.1:1\"", &format!("{protocol}/{at}\""));
        let config = config.replace("[\"tcp\"]", &format!("[\"{protocol}\"]"));
        let config = config.replace("\"timeout_ms\":0", &format!("\"timeout_ms\":{within_ms}"));
        let config = config.replace("\"exit_on_failure\":false", "\"exit_on_failure\":true");
        Bare::open(&format!("{robot}/status"), &STATUS, &config)
    };
    let through = |to: String, keys: Option<PathBuf>| Settings {
        robot: robot.to_owned(),
        connect: vec![to],
        is_direct: false,
        keys,
        ..Settings::default()
    };
    assert!(opens(&through(format!("quic/{at}"), Some("keys/operator".into())), "quic", 5000).is_ok());
    let without = through("tcp/127.0.0.1:1".into(), None);
    for protocol in ["quic", "tcp"] {
        assert!(opens(&without, protocol, 2500).is_err(), "somebody without keys was let in by {protocol}");
    }
    let theirs = through(format!("quic/{at}"), Some("others/operator".into()));
    assert!(opens(&theirs, "quic", 2500).is_err(), "somebody of another deployment was let in");
}

/// Keys of another deployment of a robot of the same name, that would even trust the one that there is.
fn makes_others(nodes: &Nodes) {
    let (code, out, err) = nodes.said(&["keys", "others", "--robot", &nodes.name]);
    assert_eq!(code, 0, "{out}{err}");
    let of = |folder: &str| nodes.folder.0.join(folder).join("operator/ca.pem");
    std::fs::copy(of("keys"), of("others")).expect("copied");
}

/// What passes on what nodes say, a process on a machine of its own: Zenoh's program, where one is named.
struct Passing(Child);

impl Passing {
    fn start(site: &Site, nodes: &Nodes, test: &str) -> Self {
        let folder = nodes.folder.0.join("keys/router");
        let zenohd = std::env::var_os("SINEW_ZENOHD").map(|program| {
            let mut command = on(site, SITE, &folder, Path::new(&program));
            command.args(["-c", FILE]);
            command
        });
        let mut command = zenohd.unwrap_or_else(|| this_on(site, SITE, &folder, test, (ROUTER, FILE)));
        let log = std::fs::File::create(nodes.folder.0.join("router.log")).expect("a file");
        let errors = log.try_clone().expect("a handle");
        Self(command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().expect("it starts"))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn passes_on(file: &str) {
    let _router = Router::open(Path::new(file)).expect("a router");
    loop {
        std::thread::park();
    }
}

#[test]
fn three_machines_with_keys_do_what_a_sentence_says_and_plain_text_from_another_machine_is_refused() {
    if let Ok(robot) = std::env::var(INTRUDER) {
        return tries_to_get_in(&robot);
    }
    let Some(site) = Site::of(&NAMES[..SITE]) else { return };
    let mut nodes = deployed("machines", &site, Finds::Alone);
    start(&mut nodes, &["robot", "perception", "planner"]);
    let (code, out, err) = nodes.said(&["say", SENTENCE, "--config", "operator.toml"]);
    assert_eq!(code, 0, "{out}\n{err}\n{}", nodes.logs());
    assert!(out.contains("Done: ") && !out.contains("F46"), "the model on its machine answers: {out}");
    let (_, listed, _) = nodes.said(&["ls", "--config", "operator.toml"]);
    for (role, machine) in &PLACES[..3] {
        let on = format!(" on {},", NAMES[*machine]);
        assert!(listed.lines().any(|l| l.starts_with(role) && l.contains(&on)), "{role}: {listed}");
    }
    for arrow in ["/camera/* to perception: received", "/alive to robot: received"] {
        assert!(listed.lines().any(|l| l.contains(arrow) && l.contains("refused 0")), "{arrow}: {listed}");
    }
    // SEC1: the same machine, the same port, without keys.
    makes_others(&nodes);
    let test =
        "three_machines_with_keys_do_what_a_sentence_says_and_plain_text_from_another_machine_is_refused";
    try_to_get_in(&site, &nodes, ARM, test);
    // And none of Sinew's own leaves its machine without them.
    nodes.configure("plain", &format!("connect = [\"tcp/{}:{PORT}\"]\n", Site::address(ARM)));
    nodes.place("plain", site.words(DESK, &nodes.folder.0));
    let (code, out, err) = nodes.said(&["stop", "--config", "plain.toml"]);
    assert!(code == 2 && err.contains("zenoh.connect"), "{out}{err}");
}

#[test]
fn from_another_machine_a_person_stops_the_arm_and_a_cable_pulled_or_too_thin_in_mid_motion_does() {
    let Some(site) = Site::of(&NAMES[..SITE]) else { return };
    let mut nodes = deployed("cables", &site, Finds::Told);
    start(&mut nodes, &["robot", "planner"]);
    // A person's stop, and the emergency stop, after which it takes a person.
    for (category, ends) in [("2", "StopRequested"), ("1", "EmergencyStop")] {
        let (asked, _) = nodes.say_until_it_moves(SENTENCE, "operator");
        let stop = ["stop", "--category", category, "--config", "operator.toml"];
        let (code, out, err) = nodes.said(&stop);
        assert_eq!(code, 0, "{out}{err}");
        nodes.until("robot", ends, Duration::from_secs(5));
        let (code, out, err) = ended(asked, DONE);
        assert_ne!(code, 0, "{out}{err}");
    }
    let (code, out, err) = nodes.reset(&["--config", "operator.toml"]);
    assert_eq!(code, 0, "{out}{err}");
    // F34, F36 between machines: nothing arrives, for longer than links live; and next to nothing.
    type Deed = fn(&Site);
    let pulled: [Deed; 2] = [|s| s.plug(ARM, false), |s| s.plug(ARM, true)];
    let thin: [Deed; 2] = [|s| s.narrow(ARM, Some(64_000)), |s| s.narrow(ARM, None)];
    for [spoils, mends] in [pulled, thin] {
        let (asked, before) = nodes.say_until_it_moves(SENTENCE, "operator");
        spoils(&site);
        let began = Instant::now();
        nodes.until_it_stops(before);
        let took = began.elapsed();
        println!("the arm was told to stop {took:?} after the cable");
        assert!(took < STOPS, "it took {took:?}:\n{}", nodes.logs());
        std::thread::sleep(Duration::from_secs(3));
        nodes.assert_stands();
        mends(&site);
        let (code, out, err) = ended(asked, DONE);
        assert_ne!(code, 0, "{out}{err}");
        nodes.goes_on("operator");
    }
}

#[test]
fn through_a_router_with_keys_a_sentence_is_carried_out_and_one_that_restarts_in_mid_motion_stops_the_arm() {
    if let Ok(of) = std::env::var(INTRUDER) {
        return tries_to_get_in(&of);
    }
    if let Ok(file) = std::env::var(ROUTER) {
        return passes_on(&file);
    }
    let Some(site) = Site::of(&NAMES) else { return };
    let test = "through_a_router_with_keys_a_sentence_is_carried_out_and_one_that_restarts_in_mid_motion_stops_the_arm";
    let mut nodes = deployed("routed", &site, Finds::Router);
    let mut router = Some(Passing::start(&site, &nodes, test));
    start(&mut nodes, &["robot", "perception", "planner"]);
    let (code, out, err) = nodes.said(&["say", SENTENCE, "--config", "operator.toml"]);
    assert_eq!(code, 0, "{out}\n{err}\n{}", nodes.logs());
    assert!(out.contains("Done: ") && !out.contains("F46"), "the model on its machine answers: {out}");
    let (_, listed, _) = nodes.said(&["ls", "--config", "operator.toml"]);
    for arrow in ["/camera/* to perception: received", "/alive to robot: received"] {
        assert!(listed.lines().any(|l| l.contains(arrow) && l.contains("refused 0")), "{arrow}: {listed}");
    }
    makes_others(&nodes);
    try_to_get_in(&site, &nodes, SITE, test);
    // F34 with keys.
    let (asked, before) = nodes.say_until_it_moves("put the green ball in the blue bowl", "operator");
    drop(router.take());
    let began = Instant::now();
    nodes.until_it_stops(before);
    let took = began.elapsed();
    println!("the arm was told to stop {took:?} after the router");
    assert!(took < STOPS, "it took {took:?}:\n{}", nodes.logs());
    let (code, out, err) = ended(asked, DONE);
    assert_ne!(code, 0, "{out}{err}");
    nodes.assert_stands();
    router = Some(Passing::start(&site, &nodes, test));
    nodes.goes_on("operator");
    drop(router);
}
