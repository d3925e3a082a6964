//! Nodes whose network breaks, parts and delays (F34 to F36): the arm stands, and what was said before moves nothing.

mod scripted;

use bridge::wire::{Role, Settings, Wire};
use control::MonotonicClock;
use scripted::link::Link;
use scripted::nodes::{BEGINS, DONE, F1, Nodes, ended};
use scripted::ticks::silence_in_motion;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};
use types::seams::Clock as _;

const SENTENCE: &str = "put the red cube in the blue bowl";
/// The lease of a motion ends 0.2 s after its owner's last sign of life; a busy machine tells it so much later at most.
const STOPS: Duration = Duration::from_millis(200 + 1300);
/// How often each is tried: 20 times in the full tier.
fn tries() -> u64 {
    std::env::var("SINEW_BREAKS").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// A port that was free just now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// Whatever passes on what nodes say, as a router of a site does.
fn router(robot: &str, port: u16) -> Wire {
    let settings = Settings {
        robot: robot.to_owned(),
        listen: vec![format!("tcp/127.0.0.1:{port}")],
        is_router: true,
        ..Settings::default()
    };
    let clock = MonotonicClock::new();
    Wire::open(&settings, Role::Operator, Arc::new(move || clock.now())).expect("it opens")
}

/// Only through this port.
fn through(port: u16) -> String {
    format!("direct = false\nmulticast = false\nconnect = [\"tcp/127.0.0.1:{port}\"]\n")
}

#[test]
fn f34_a_router_that_restarts_in_mid_motion_stops_the_arm_and_nothing_said_before_moves_it() {
    let port = free_port();
    let mut nodes = Nodes::new("restarts", &through(port));
    let mut passes_on = Some(router(&nodes.name, port));
    nodes.start(&["robot", "planner"]);
    for n in 0..tries() {
        let (asked, before) = nodes.say_until_it_moves(SENTENCE, "robot");
        std::thread::sleep(Duration::from_millis(37 * n));
        drop(passes_on.take());
        nodes.until_it_stops(before);
        let (code, out, err) = ended(asked, DONE);
        assert_ne!(code, 0, "{out}{err}");
        nodes.assert_stands();
        passes_on = Some(router(&nodes.name, port));
        nodes.goes_on("robot");
    }
}

#[test]
fn f36_a_network_that_loses_and_delays_moves_nothing_by_what_is_stale() {
    let port = free_port();
    let mut nodes = Nodes::new("late", &through(port));
    let _router = router(&nodes.name, port);
    for n in 0..tries() {
        let link = Link::to(port, 0x9e37_79b9_7f4a_7c15 ^ n);
        nodes.configure("far", &through(link.port));
        nodes.begin("robot", "robot", "robot");
        nodes.begin("planner", "planner", "far");
        nodes.until_there(&["robot", "planner"], "robot");
        let (asked, before) = nodes.say_until_it_moves(SENTENCE, "far");
        std::thread::sleep(Duration::from_millis(37 * n));
        // 30 of 100 packets are lost, and all are late by up to 200 ms.
        link.spoil(300, 200);
        nodes.until_it_stops(before);
        std::thread::sleep(Duration::from_secs(3));
        nodes.assert_stands();
        link.spoil(0, 0);
        let (code, out, err) = ended(asked, DONE);
        assert_ne!(code, 0, "{out}{err}");
        nodes.goes_on("far");
        nodes.end();
    }
}

#[test]
fn f35_of_two_planners_after_a_network_split_one_moves_the_arm_and_only_once_the_other_lost_it() {
    let port = free_port();
    let mut nodes = Nodes::new("parted", &through(port));
    let _router = router(&nodes.name, port);
    for n in 0..tries() {
        let link = Link::to(port, 1);
        nodes.configure("far", &through(link.port));
        nodes.begin("robot", "robot", "robot");
        nodes.begin("first", "planner", "far");
        nodes.until_there(&["robot", "planner"], "far");
        let (asked, before) = nodes.say_until_it_moves(SENTENCE, "far");
        std::thread::sleep(Duration::from_millis(37 * n));
        // The first planner is alone, and goes on as if it were not.
        link.cut(true);
        nodes.until_it_stops(before);
        nodes.until_gone("planner", "robot");
        nodes.begin("second", "planner", "robot");
        nodes.until("second", "waiting for sentences", BEGINS);
        // It gets the arm only from a person's hand.
        let (code, out, _) = nodes.said(&["say", SENTENCE]);
        assert_ne!(code, 0, "{out}");
        nodes.assert_stands();
        assert_eq!(nodes.reset(&[]).0, 0);
        nodes.home("robot");
        let (second, before) = nodes.say_until_it_moves(SENTENCE, "robot");
        // The first comes back in the middle of that, with all that it said meanwhile.
        link.cut(false);
        let (code, out, err) = ended(asked, DONE);
        assert_ne!(code, 0, "{out}{err}");
        let (code, out, err) = ended(second, DONE);
        assert_eq!(nodes.events().matches(F1).count(), before, "{}", nodes.logs());
        if code != 0 {
            // The machine was too busy for its cameras, or for the arm.
            assert!(
                ["camera", "StateMissing"].iter().any(|why| out.contains(why)),
                "{out}{err}\n{}",
                nodes.logs()
            );
            nodes.goes_on("robot");
        }
        nodes.end();
    }
}

#[test]
fn f1_over_a_line_that_is_late_by_60_ms_each_way_no_lease_is_lost_and_a_planner_that_hangs_is_noticed() {
    const LATE_MS: u64 = 60;
    let port = free_port();
    let mut nodes = Nodes::new("far", &through(port));
    let _router = router(&nodes.name, port);
    let link = Link::to(port, 1);
    nodes.configure("far", &through(link.port));
    nodes.begin("robot", "robot", "robot");
    nodes.begin("planner", "planner", "far");
    nodes.until_there(&["robot", "planner"], "robot");
    let lost = |before: usize| nodes.events().matches(F1).count() - before;
    // An answer and a sign of life after it take longer than a lease lives. An order counts for 100 ms: a busy machine may
    // need what is left of that for itself, and then the sentence has failed, and the lease is given back.
    let is_kept = ["red cube", "green ball"].iter().cycle().take(6).any(|thing| {
        let sentence = format!("put the {thing} in the blue bowl");
        let (asked, before) = nodes.say_until_it_moves(&sentence, "robot");
        link.delay(LATE_MS);
        let began = Instant::now();
        let (code, out, err) = ended(asked, DONE);
        let (lost, took) = (lost(before), began.elapsed());
        link.delay(0);
        println!("{thing}: exit {code} after {took:?}, its owner silent {lost} times\n{out}{err}");
        let _ = nodes.said(&["reset"]);
        lost == 0 && (code == 0 || took > Duration::from_secs(2))
    });
    assert!(is_kept, "{}", nodes.logs());
    // F2 over the same line; once more where the sentence has ended by itself.
    let is_noticed = ["purple box", "yellow cylinder"].iter().cycle().take(6).any(|thing| {
        let sentence = format!("put the {thing} in the blue bowl");
        let (mut asked, before) = nodes.say_until_it_moves(&sentence, "robot");
        link.delay(LATE_MS);
        std::thread::sleep(Duration::from_millis(100));
        let goes_on = asked.try_wait().expect("asked").is_none() && lost(before) == 0;
        nodes.signal("planner", "STOP");
        let began = Instant::now();
        while goes_on && lost(before) == 0 && began.elapsed() < STOPS {
            std::thread::sleep(Duration::from_millis(5));
        }
        let is_noticed = goes_on && lost(before) > 0;
        println!("goes on: {goes_on}, told to stop: {is_noticed}, after {:?}", began.elapsed());
        nodes.signal("planner", "CONT");
        link.delay(0);
        let (code, out, err) = ended(asked, DONE);
        assert!(code != 0 || !is_noticed, "{out}{err}");
        if !is_noticed {
            let _ = nodes.said(&["reset"]);
        }
        is_noticed
    });
    assert!(is_noticed, "{}", nodes.logs());
    nodes.goes_on("robot");
    nodes.interrupt("robot");
    let (moved, silent_s) = silence_in_motion(&nodes.folder.0.join("robot/run.mcap"));
    println!("{moved} ticks in motion, its owner silent for {silent_s:.3} s at most");
    assert!(moved > 100 && silent_s <= 0.2, "{silent_s} s in {moved} ticks");
}
