//! Nodes in one process, over real sockets: what one says the other hears, what is lost is counted, commands are
//! signed, clocks are known within bounds.

use bridge::ros::{Ask, Clock, Goal, JointState, Taken, Text};
use bridge::wire::{Keyring, NodeClock, Role, Sessions, Settings, Wire, WireError, topics};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;
use types::Time;

const LIMIT: Duration = Duration::from_secs(2);
/// Long enough for a message on this machine.
const SOON: Duration = Duration::from_secs(5);

/// A clock that is `ahead_ms` ahead of the test's.
fn clock(began: Instant, ahead_ms: u64) -> NodeClock {
    Arc::new(move || Time::ZERO + began.elapsed() + Duration::from_millis(ahead_ms))
}

fn open(robot: &str, role: Role, clock: NodeClock) -> Wire {
    let settings = Settings { robot: robot.into(), multicast: true, ..Settings::default() };
    Wire::open(&settings, role, clock).expect("opened")
}

/// A robot of this name and somebody else, who know each other's clock.
fn pair(robot: &str, role: Role) -> (Wire, Wire) {
    let began = Instant::now();
    (open(robot, Role::Robot, clock(began, 0)), open(robot, role, clock(began, 12_345)))
}

/// Answers what is asked until the test ends.
fn serve_clock(wire: &Wire) {
    let (wire, of) = (wire.clone(), format!("{:016x}", wire.id()));
    let questions = wire.answer(&[(&topics::CLOCK, &of)]).expect("may answer");
    std::thread::spawn(move || {
        loop {
            if let Some(q) = questions.next_within(Duration::from_secs(60)) {
                q.answer(&wire, &Clock { now: wire.now().as_nanos() });
            }
        }
    });
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SOON, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_one_node_says_another_hears_and_what_was_replaced_is_counted() {
    let (robot, planner) = pair("said", Role::Planner);
    let status = robot.publisher::<JointState>(&topics::JOINT_STATES, "").expect("may say");
    let heard = planner.hear::<JointState>(&topics::JOINT_STATES, "", 4).expect("may hear");
    until("somebody hears", || status.is_heard());
    for n in 0..100 {
        status.put(&JointState { position: vec![f64::from(n)], ..JointState::default() }).expect("said");
        std::thread::sleep(Duration::from_millis(1));
    }
    // It may have been left out, as any other: what was is seen from the next.
    until("the last one has come, or one after it", || {
        status.put(&JointState { position: vec![99.0], ..JointState::default() }).expect("said");
        std::thread::sleep(Duration::from_millis(5));
        planner.health()[0].received + planner.health()[0].lost > 100
    });
    let left: Vec<f64> = core::iter::from_fn(|| heard.take()).map(|j| j.position[0]).collect();
    assert!(left.len() == 4 && left.is_sorted() && left[3] == 99.0, "{left:?}");
    let health = &planner.health()[0];
    assert_eq!((health.dropped, health.refused), (health.received - 4, 0), "{health:?}");
    // What this role may not say, it cannot.
    let why = planner.publisher::<JointState>(&topics::JOINT_STATES, "").err().expect("not a planner's");
    assert!(why.to_string().contains("expected robot"), "{why}");
}

#[test]
fn another_type_under_a_key_is_refused_and_counted() {
    let (robot, planner) = pair("typed", Role::Planner);
    let said = robot.publisher::<Text>(&topics::REPORT, "").expect("may say");
    let heard = planner.hear::<JointState>(&topics::REPORT, "", 4).expect("may hear");
    until("somebody hears", || said.is_heard());
    said.put(&Text { data: "no joints".into() }).expect("said");
    until("it came", || planner.health()[0].received == 1);
    assert!(heard.take().is_none(), "B21");
    let health = &planner.health()[0];
    assert!(health.refused == 1 && health.why.contains("sensor_msgs/msg/JointState"), "{health:?}");
}

#[test]
fn an_answer_that_takes_long_is_waited_for_as_long_as_somebody_wants_it() {
    let (robot, planner) = pair("patient", Role::Planner);
    let of = format!("{:016x}", robot.id());
    // Asked, and never answered.
    let questions = robot.answer(&[(&topics::CLOCK, &of)]).expect("may answer");
    let (begun, minute) = (Instant::now(), Duration::from_secs(60));
    let wants = || begun.elapsed() < Duration::from_millis(300);
    let ask = || planner.ask_while::<Ask, Clock>(&topics::CLOCK, &of, &Ask::default(), minute, &wants);
    // Before they have found each other there is nobody to wait for.
    let mut said = ask();
    while matches!(said, Err(WireError::Silent { .. })) {
        said = ask();
    }
    assert!(matches!(said, Err(WireError::GivenUp)), "{said:?}");
    assert!(begun.elapsed() < minute / 2 && questions.next_within(SOON).is_some());
}

#[test]
fn the_clock_of_another_node_is_known_within_bounds_and_so_is_how_long_messages_take() {
    let (robot, planner) = pair("clocks", Role::Planner);
    serve_clock(&robot);
    let mut known = None;
    until("the clock answers", || {
        known = planner.handshake(robot.id()).ok();
        known.is_some()
    });
    let known = known.expect("answered");
    // The planner is 12.345 s ahead.
    let off_s = known.ahead_ns() as f64 * 1e-9 + 12.345;
    assert!(off_s.abs() <= 0.5 * known.width_s() + 1e-6, "{off_s} {known:?}");
    let status = robot.publisher::<JointState>(&topics::STATUS, "").expect("may say");
    let _heard = planner.hear::<JointState>(&topics::STATUS, "", 4).expect("may hear");
    until("somebody hears", || status.is_heard());
    until("latencies are known", || {
        status.put(&JointState::default()).expect("said");
        planner.ask_clocks();
        planner.health()[0].latency_ms.is_some()
    });
    let [p50, _] = planner.health()[0].latency_ms.expect("known");
    assert!((0.0..1000.0).contains(&p50), "{p50}");
}

#[test]
fn a_command_counts_in_a_session_once_and_a_stranger_gets_none() {
    let (robot, operator) = pair("signed", Role::Operator);
    serve_clock(&operator);
    let ring = Keyring::of_master(&[5; 32]);
    let questions = robot.answer(&[(&topics::SESSION, "robot"), (&topics::ORDER, "")]).expect("may answer");
    let (wire, keys) = (robot.clone(), ring.clone());
    std::thread::spawn(move || {
        let sessions = std::sync::Mutex::new(Sessions::new(Role::Robot, keys));
        while let Some(q) = questions.next_within(Duration::from_secs(60)) {
            if q.topic() == topics::SESSION.key {
                let _ = q.open_session(&wire, &sessions);
                continue;
            }
            let read = q.read_signed::<Goal>(&mut sessions.lock().expect("whole"), wire.now());
            q.answer_with(
                &wire,
                read.map(|(by, goal)| Taken { id: goal.answers.len() as u64 + by.session % 2 * 10 }),
            );
        }
    });
    let stranger = Keyring::of_master(&[6; 32]);
    until("the robot answers", || {
        !matches!(operator.session(Role::Robot, &stranger, LIMIT), Err(WireError::Silent { .. }))
    });
    let why = operator.session(Role::Robot, &stranger, LIMIT).err().expect("a stranger");
    assert!(why.to_string().contains("session.tag"), "{why}");
    let signer = operator.session(Role::Robot, &ring, LIMIT).expect("a session");
    let goal = Goal { sentence: "go".into(), answers: vec!["a".into()], can_be_asked: true };
    let taken: Taken = operator.command(&signer, &topics::ORDER, &goal, LIMIT).expect("taken");
    assert_eq!(taken.id % 10, 1);
    // Unsigned, nothing is done.
    let why = operator.ask::<_, Taken>(&topics::ORDER, "", &goal, LIMIT).expect_err("unsigned");
    assert!(why.to_string().contains("session: expected one that is open"), "{why}");
    // Another type under a signature neither.
    let why = operator.command::<_, Taken>(&signer, &topics::ORDER, &Ask { nonce: 1 }, LIMIT);
    assert!(why.expect_err("B21").to_string().contains("envelope.schema"));
}

#[test]
fn who_is_there_is_seen_and_who_has_gone_is_not() {
    let (robot, observer) = pair("present", Role::Observer);
    let announced = robot.announce().expect("announced");
    until("it is seen", || observer.present().expect("asked").iter().any(|p| p.id == robot.id()));
    let all = observer.present().expect("asked");
    assert!(all.iter().all(|p| p.robot == "present" && p.role == Role::Robot), "{all:?}");
    drop(announced);
    until("it has gone", || observer.present().expect("asked").is_empty());
    let silent = observer.ask::<_, Clock>(&topics::CLOCK, "0", &Ask { nonce: 1 }, Duration::from_millis(100));
    assert!(matches!(silent, Err(WireError::Silent { .. })), "{silent:?}");
}
