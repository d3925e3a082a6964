//! Rows of the fault table between processes: what a policy sends ceases or comes in disorder (F4, F5), its clock is off
//! (F28), the robot's disk is full (F30), and the node with the model is lost in the middle of a task and comes back (F46).

mod scripted;

use control::RefusedWhy;
use scripted::hand::{Became, Hand};
use scripted::nodes::{BEGINS, DONE, Nodes, check, ended};
use scripted::ticks::{assert_continuous, at_s, orders_passed, ticks_of, told_speed};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

const SENTENCE: &str = "put the red cube in the blue bowl";
/// The loop's period, seconds.
const PERIOD_S: f64 = 1e-3;
/// Between two positions of a chunk, and the size and greatest speed of what a policy wants, s, rad, rad/s.
const STEP_S: f64 = 1.0 / 30.0;
const SIZE: f64 = 0.25;
const SPEED: f64 = 0.2;
/// How long a chunk counts, ms: it may wait on a busy machine.
const CHUNK_MS: i64 = 2000;
/// Where the owner's silence is not what is tried, a busy planner may be silent for longer.
const LEASE: &str = "[control]\nlease_ms = 1000\n";
/// How often a clock is set.
const TRIES: usize = 5;
const F4: &str = "\"fault\":\"F4\"";

/// What a policy wants: from a pose a joint swings out, and is under way at the end.
fn swing(from: &[f64], joint: usize, n: usize) -> Vec<Vec<f64>> {
    let at = |k: usize| {
        let phase = 2.0 * SPEED / SIZE * STEP_S * k as f64;
        let mut q = from.to_vec();
        q[joint] += 0.5 * SIZE * (1.0 - phase.cos());
        q
    };
    (0..n).map(at).collect()
}

fn is_at_rest(status: &bridge::ros::Status) -> bool {
    status.told_dq.iter().all(|v| *v == 0.0)
}

/// The robot's ticks, once it has ended.
fn recorded(nodes: &mut Nodes) -> Vec<bridge::ros::Tick> {
    nodes.interrupt("robot");
    ticks_of(&nodes.folder.0.join("robot/run.mcap"))
}

#[test]
fn f4_a_policy_that_sends_no_more_chunks_lets_the_arm_rest_on_its_way_with_power_and_the_next_one_moves_it_on()
 {
    let mut nodes = Nodes::new("dry", "");
    nodes.start(&["robot"]);
    // When the arm went on, by the robot's time.
    let mut spans = Vec::new();
    for _ in 0..3 {
        nodes.undisturbed(|| {
            let mut hand = Hand::of(&nodes, 0);
            hand.takes("policy")?;
            let (dry, before) = (nodes.told(F4), hand.until("rest", is_at_rest)?);
            let chunk = swing(&before.told_q, 0, 24);
            let order = hand.order("chunk", &chunk, &[STEP_S], CHUNK_MS);
            let became = hand.says(&order)?;
            check(matches!(became, Became::Begun(_)), || format!("{became:?}"))?;
            hand.until("motion", |s| s.told_dq[0] > 0.1)?;
            // Nothing more is said, until it rests.
            nodes.until_told(F4, dry)?;
            let rests = hand.until("rest", is_at_rest)?;
            let (from, to, at) = (before.told_q[0], chunk[chunk.len() - 1][0], rests.told_q[0]);
            check(from + 0.02 < at && at <= to, || format!("it rests at {at}, led from {from} to {to}"))?;
            check(rests.enabled && ["hold", "follow"].contains(&rests.mode.as_str()), || {
                format!("{rests:?}")
            })?;
            // The next one, from where it rests; and it rests again.
            let order = hand.order("chunk", &swing(&rests.told_q, 0, 24), &[STEP_S], CHUNK_MS);
            let became = hand.says(&order)?;
            check(matches!(became, Became::Begun(_)), || format!("then: {became:?}"))?;
            hand.until("motion", |s| s.told_dq[0] > 0.1)?;
            let after = hand.until("rest", is_at_rest)?;
            spans.push((before.now, after.now));
            Ok(())
        });
    }
    let ticks = recorded(&mut nodes);
    assert_continuous(&ticks, PERIOD_S);
    for (begin, end) in spans {
        let is_in = |t: &&bridge::ros::Tick| (begin..=end).contains(&((at_s(t) * 1e9) as i64));
        let span: Vec<_> = ticks.iter().filter(is_in).collect();
        // S2: under power all the time, along the way, and never back.
        assert!(span.len() > 300 && span.iter().all(|t| t.enabled), "{}", span.len());
        let stopped = span.iter().find(|t| t.mode.starts_with("fault") || t.mode.starts_with("stopping"));
        assert!(stopped.is_none(), "{stopped:?}");
        for pair in span.windows(2) {
            assert!(pair[1].told_q[0] >= pair[0].told_q[0] - 1e-12, "it goes back at {}", at_s(pair[1]));
            let others = pair[1].told_q.iter().zip(&pair[0].told_q).skip(1);
            assert!(
                others.into_iter().all(|(b, a)| (b - a).abs() < 1e-9),
                "it leaves its way at {}",
                at_s(pair[1])
            );
        }
    }
}

#[test]
fn f5_chunks_that_come_in_disorder_or_twice_are_refused_by_name_each_told_and_the_arm_follows_the_newest() {
    const REFUSED: &str = "request: Chunk, why: Replayed";
    let mut nodes = Nodes::new("disorder", "");
    nodes.start(&["robot"]);
    let (mut followed, mut span) = ([0; 2], 0..=0);
    nodes.undisturbed(|| {
        let mut hand = Hand::of(&nodes, 0);
        hand.takes("policy")?;
        let (refused, from) = (nodes.told(REFUSED), hand.until("rest", is_at_rest)?);
        let first = hand.order("chunk", &swing(&from.told_q, 0, 40), &[STEP_S], CHUNK_MS);
        let begun = hand.says(&first)?;
        hand.until("motion", |s| s.told_dq[0] > 0.05)?;
        // Two more are made, and the later one comes first. The one before would lead another joint away.
        let on = swing(&from.told_q, 0, 70);
        let mut away = on.clone();
        for (to, led) in away.iter_mut().zip(swing(&from.told_q, 5, 70)) {
            to[5] = led[5];
        }
        let as_first = |order| bridge::ros::Order { stamp: first.stamp, ..order };
        let late = as_first(hand.order("chunk", &away, &[STEP_S], CHUNK_MS));
        let newest = as_first(hand.order("chunk", &on, &[STEP_S], CHUNK_MS));
        let then = hand.says(&newest)?;
        let (Became::Begun(first_id), Became::Begun(newest_id)) = (&begun, &then) else {
            return Err(format!("{begun:?}, {then:?}"));
        };
        for old in [&late, &newest, &first] {
            let became = hand.says(old)?;
            check(became == Became::Refused(RefusedWhy::Replayed), || format!("{became:?}"))?;
        }
        let after = hand.until("rest", is_at_rest)?;
        check(nodes.told(REFUSED) == refused + 3, || "not every one is told".into())?;
        check(after.told_q[0] - from.told_q[0] > 0.15, || format!("{from:?}\n{after:?}"))?;
        check((after.told_q[5] - from.told_q[5]).abs() < 1e-6, || format!("{from:?}\n{after:?}"))?;
        (followed, span) = ([*first_id, *newest_id], from.now..=after.now);
        Ok(())
    });
    let ticks = recorded(&mut nodes);
    assert_continuous(&ticks, PERIOD_S);
    let is_in = |t: &&bridge::ros::Tick| span.contains(&((at_s(t) * 1e9) as i64));
    let mut motions: Vec<u64> = ticks.iter().filter(is_in).map(|t| t.motion).filter(|id| *id != 0).collect();
    motions.dedup();
    assert_eq!(motions, followed, "nothing else moved it");
}

/// Where the last joint is to go next, to and fro: a target that nothing hangs on.
fn nudge(from: &bridge::ros::Status) -> Vec<Vec<f64>> {
    let mut q = from.told_q.clone();
    q[6] += if q[6] > 0.7 { -0.03 } else { 0.03 };
    vec![q]
}

#[test]
fn f28_a_sender_whose_clock_is_off_is_estimated_and_nothing_of_theirs_counts_as_fresher_than_it_is() {
    /// An order counts for so long, ms; and one that is made so long before it is said is over.
    const COUNTS_MS: i64 = 100;
    const OLD: Duration = Duration::from_millis(150);
    let mut nodes = Nodes::new("skewed", "");
    nodes.start(&["robot"]);
    // Of every order that was taken its number, and the robot's time before and after it was made.
    let mut taken: Vec<(u64, [i64; 2])> = Vec::new();
    let made = |hand: &mut Hand, at: &bridge::ros::Status| {
        let before = hand.robots_time();
        let order = hand.order("joints", &nudge(at), &[], COUNTS_MS);
        (order, [before, hand.robots_time()])
    };
    for ahead_ms in [200, -200] {
        nodes.undisturbed(|| {
            let mut hand = Hand::of(&nodes, ahead_ms);
            hand.takes("human")?;
            let at = hand.until("rest", is_at_rest)?;
            let (order, between) = made(&mut hand, &at);
            let became = hand.says(&order)?;
            let Became::Begun(id) = became else { return Err(format!("{ahead_ms} ms: {became:?}")) };
            taken.push((id, between));
            let at = hand.until("rest somewhere else", |s| is_at_rest(s) && s.told_q[6] != at.told_q[6])?;
            // It was made too long ago: estimated, it is as old as it is.
            let (order, _) = made(&mut hand, &at);
            std::thread::sleep(OLD);
            let became = hand.says(&order)?;
            check(became == Became::Refused(RefusedWhy::Stale), || {
                format!("old, {ahead_ms} ms: {became:?}")
            })?;
            // Who takes the robot's clock for its own is late, or speaks of what is not yet.
            let (mut order, _) = made(&mut hand, &at);
            for time in [&mut order.stamp, &mut order.valid_from, &mut order.expires] {
                *time -= ahead_ms * 1_000_000;
            }
            let why = if ahead_ms > 0 { RefusedWhy::Stale } else { RefusedWhy::FromFuture };
            let became = hand.says(&order)?;
            let is_late = became == Became::Refused(RefusedWhy::Stale);
            check(is_late || became == Became::Refused(why), || {
                format!("taken as it is, {ahead_ms} ms: {became:?}")
            })?;
            let after = hand.until("rest", is_at_rest)?;
            check(after.told_q == at.told_q, || format!("it has moved: {at:?}\n{after:?}"))
        });
    }
    // A clock that is set meanwhile: nothing counts until the robot has asked it again, which it does by itself.
    for by_ms in [300, -800] {
        let mut turned_away = 0;
        for _ in 0..TRIES {
            nodes.undisturbed(|| {
                let mut hand = Hand::of(&nodes, 0);
                hand.takes("human")?;
                let at = hand.until("rest", is_at_rest)?;
                hand.set_clock(by_ms);
                let (order, between) = made(&mut hand, &at);
                let began = Instant::now();
                match hand.says(&order)? {
                    // It was asked in this very moment.
                    Became::Begun(id) => {
                        taken.push((id, between));
                        return hand.until("rest", is_at_rest).map(|_| ());
                    }
                    became => {
                        let is_named = became == Became::TurnedAway("envelope.sent".into());
                        check(is_named, || format!("{by_ms} ms: {became:?}"))?;
                    }
                }
                turned_away += 1;
                loop {
                    if hand.takes("human").is_ok() {
                        let at = hand.until("rest", is_at_rest)?;
                        let (order, between) = made(&mut hand, &at);
                        if let Became::Begun(id) = hand.says(&order)? {
                            taken.push((id, between));
                            return hand.until("rest", is_at_rest).map(|_| ());
                        }
                    }
                    check(began.elapsed() < BEGINS, || "it is never known again".into())?;
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
            if turned_away > 0 {
                break;
            }
        }
        assert!(turned_away > 0, "{by_ms} ms: never turned away");
    }
    nodes.interrupt("robot");
    let passed = orders_passed(&nodes.folder.0.join("robot/run.mcap"));
    assert!(taken.len() >= 4, "{taken:?}");
    for (id, [before, after]) in taken {
        let (_, stamp) = passed.iter().find(|(passed, _)| *passed == id).expect("it was passed on");
        // Known to a tenth of a second; and never fresher.
        assert!(*stamp <= after, "fresher than it is by {} ns", stamp - after);
        assert!(*stamp > before - 100_000_000, "older than it is by {} ns", before - stamp);
    }
}

/// How many recorded messages the robot says that were left out so far.
fn left_out(nodes: &Nodes) -> u64 {
    let (_, listed, _) = nodes.said(&["ls"]);
    let told = listed.lines().find_map(|l| l.split("recorded messages left out so far ").nth(1));
    told.and_then(|n| n.split([',', ' ']).next()).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Has something done, by one of these at the latest on a machine that is too busy for the others.
fn is_done(nodes: &Nodes, commands: &[[&str; 2]]) {
    let mut said = String::new();
    for command in commands {
        let (code, out, err) = nodes.said(command);
        if code == 0 {
            return;
        }
        said += &format!("{command:?}: {code}: {out}{err}\n");
        let _ = nodes.said(&["reset"]);
    }
    panic!("{said}\n{}", nodes.logs());
}

#[test]
fn f30_a_robot_whose_disk_is_full_counts_what_it_cannot_record_and_the_loop_and_the_task_go_on() {
    let mut nodes = Nodes::new("full", LEASE);
    let there = r#"{"joints": [0.2, -0.6, 0.1, -2.2, 0.0, 1.7, 0.8]}"#;
    fs::write(nodes.folder.0.join("there.jsonl"), there).expect("written");
    // What a file may not grow to any more is refused as on a full disk, instead of ending the process.
    let folder = nodes.folder.0.display().to_string();
    let words = ["env", "-C", &folder, "sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];
    nodes.configure("full", LEASE);
    nodes.place("full", words.map(str::to_owned).to_vec());
    nodes.begin("robot", "robot", "full");
    nodes.begin("planner", "planner", "robot");
    nodes.until_there(&["robot", "planner"], "robot");
    let holds = |nodes: &Nodes, most: &str| {
        let limit = format!("--fsize={most}:");
        let done = Command::new("prlimit").args(["--pid", &nodes.pid("robot"), &limit]).status();
        assert!(done.expect("it starts").success());
    };
    let (asked, _) = nodes.say_until_it_moves(SENTENCE, "robot");
    let recording = nodes.folder.0.join("robot/run.mcap");
    let size = fs::metadata(&recording).expect("a recording").len();
    holds(&nodes, &size.to_string());
    let (code, out, err) = ended(asked, DONE);
    if code != 0 {
        println!("{out}{err}");
        nodes.home("robot");
        let others = ["green ball", "purple box"].map(|thing| format!("put the {thing} in the blue bowl"));
        is_done(&nodes, &others.each_ref().map(|sentence| ["say", sentence.as_str()]));
    }
    let began = Instant::now();
    while left_out(&nodes) < 1000 {
        assert!(began.elapsed() < BEGINS, "nothing is counted: {:?}", nodes.said(&["ls"]));
    }
    // Nor is there room for words: neither in its events nor where it says them.
    holds(&nodes, "1");
    let events = nodes.events().len();
    is_done(&nodes, &[["send", "there.jsonl"]; 3]);
    assert_eq!(nodes.events().len(), events, "the disk is full");
    let before = left_out(&nodes);
    let began = Instant::now();
    while left_out(&nodes) <= before {
        assert!(began.elapsed() < BEGINS, "the loop does not go on: {:?}", nodes.said(&["ls"]));
    }
    holds(&nodes, "unlimited");
    nodes.interrupt("robot");
    let log = nodes.log("robot");
    let says = [
        "messages are not in the recording",
        "of /sinew/ticks",
        "File too large",
        "events could not be written",
    ];
    for said in says {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert!(!log.contains("panicked"), "{log}");
    // What was written until then can be read.
    let ticks = ticks_of(&recording);
    assert!(assert_continuous(&ticks, PERIOD_S) > 1000, "{}", ticks.len());
}

#[test]
fn f46_a_perception_node_that_is_lost_in_mid_task_is_stood_in_for_and_used_again_once_it_is_back_without_a_jump()
 {
    // A model that was lost is tried again after some questions: with so many pictures a look has enough.
    let mut nodes = Nodes::new("eyes", &format!("[perception]\npictures_per_look = 5\n{LEASE}"));
    nodes.start(&["robot", "planner"]);
    let mut tries = ["red cube", "green ball", "purple box"].iter();
    let is_back = tries.any(|thing| {
        nodes.begin("eyes", "perception", "robot");
        nodes.until_there(&["perception"], "robot");
        let (mut asked, _) = nodes.say_until_it_moves(&format!("put the {thing} in the blue bowl"), "robot");
        let before = nodes.log("planner").len();
        let since = |nodes: &Nodes| nodes.log("planner").split_off(before);
        nodes.kill("eyes");
        let lost = "degraded: ";
        while !since(&nodes).contains(lost) && asked.try_wait().expect("asked").is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        nodes.begin("eyes", "perception", "robot");
        let (code, out, err) = ended(asked, DONE);
        let told = since(&nodes);
        println!("{thing}: {code}: {told}");
        nodes.kill("eyes");
        // A machine that is too busy for the arm or its cameras has a sentence fail, or the arm may hide what is asked for.
        if code != 0 {
            nodes.home("robot");
            return false;
        }
        assert!(out.contains("Done: ") && told.contains("F46") && told.contains(lost), "{out}{err}{told}");
        told.split(lost).nth(1).is_some_and(|after| after.contains("answers again"))
    });
    assert!(is_back, "{}", nodes.logs());
    let ticks = recorded(&mut nodes);
    let powered = assert_continuous(&ticks, PERIOD_S);
    let moved = ticks.iter().filter(|t| told_speed(t) > 0.01).count();
    assert!(powered > 5000 && moved > 2000, "{powered} {moved}");
}
