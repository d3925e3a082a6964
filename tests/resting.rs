//! How a robot's node ends whose arm has no brakes: it is laid down before its power goes, or held where there is no way,
//! until the person ends that, too; and a stop wins.

mod scripted;

use bridge::ros::{Solid, Tick};
use scripted::hand::{Became, Hand};
use scripted::nodes::{Nodes, check};
use scripted::ticks::{ticks_of, told_speed};
use std::time::Duration;

const ARM: &str = "[robot]\nprofile = \"so101\"\n[control]\nlease_ms = 1000\n";
/// Its park pose by its profile, rad.
const PARK: [f64; 5] = [0.0, -1.65, 0.5, 1.55, 0.0];
/// Where it is sent before, and how far from its park pose that is at least, rad.
const AWAY: [f64; 5] = [1.2, -1.3, 0.3, 1.4, 0.0];
const FAR: f64 = 1.0;
/// Within this the node tells what it shall.
const TELLS: Duration = Duration::from_secs(40);
const MOVES: &str = "no brakes hold this arm";
const HOLDS: &str = "It holds where it is, and falls when this node ends";

fn off(q: &[f64]) -> f64 {
    q.iter().zip(PARK).fold(0.0, |most, (a, b)| f64::max(most, (a - b).abs()))
}

/// A robot whose arm somebody has taken to where it is far from its park pose, and has it still.
fn away(nodes: &mut Nodes) -> Hand {
    nodes.start(&["robot"]);
    let mut hand = None;
    nodes.undisturbed(|| {
        let mut own = Hand::of(nodes, 0);
        own.takes("policy")?;
        let order = own.order("joints", &[AWAY.to_vec()], &[], 2000);
        let became = own.says(&order)?;
        check(matches!(became, Became::Begun(_)), || format!("{became:?}"))?;
        own.until("its place", |s| (s.told_q[0] - AWAY[0]).abs() < 1e-3 && s.mode == "hold")?;
        hand = Some(own);
        Ok(())
    });
    hand.expect("the arm is away")
}

/// A wall that stands upright along a ray from the arm's foot, at this angle from straight ahead, rad.
fn wall(angle: f64) -> Solid {
    Solid {
        name: format!("wall at {angle}"),
        shape: "cuboid".into(),
        sizes: vec![0.12, 0.005, 0.3],
        position: [0.32 + 0.2 * angle.cos(), 0.2 * angle.sin(), 0.35],
        rotation: [0.0, 0.0, (0.5 * angle).sin(), (0.5 * angle).cos()],
        keep_m: 0.01,
        ..Solid::default()
    }
}

/// The robot's ticks, and where the arm was in the last one with power.
fn ended(nodes: &Nodes) -> (Vec<Tick>, Tick) {
    let ticks = ticks_of(&nodes.folder.0.join("robot/run.mcap"));
    let last = ticks.iter().rfind(|t| t.enabled).expect("it had power").clone();
    (ticks, last)
}

#[test]
fn an_arm_without_brakes_lies_in_its_park_pose_before_its_power_goes_and_that_is_repeated_to_the_bit() {
    let mut nodes = Nodes::new("laid", ARM);
    let mut hand = away(&mut nodes);
    // In the middle of another motion.
    let to = AWAY.map(|q| 0.9 * q).to_vec();
    let order = hand.order("joints", &[to], &[], 2000);
    let _ = hand.says(&order);
    // As a service is ended.
    nodes.signal("robot", "TERM");
    nodes.until_ended("robot");
    drop(hand);
    assert!(nodes.log("robot").contains("the arm lies in its park pose"), "{}", nodes.logs());
    let (ticks, last) = ended(&nodes);
    assert!(ticks.iter().any(|t| t.enabled && off(&t.q) > FAR), "it was never away");
    assert!(off(&last.q) < 0.1 && off(&last.told_q) < 0.02, "{:?}", last.q);
    assert_eq!(told_speed(&last), 0.0);
    // Slowly, and under the same limits as ever.
    let begun = ticks.iter().rposition(|t| t.enabled && off(&t.told_q) > 0.9).expect("it was away");
    let fastest = ticks[begun..].iter().map(told_speed).fold(0.0, f64::max);
    assert!(fastest > 0.1 && fastest < 1.3, "{fastest} rad/s");
    let (code, out, err) = nodes.said(&["replay", "robot"]);
    assert!(code == 0 && out.contains("every command is the same, to the last bit"), "{out}\n{err}");
}

#[test]
fn where_something_is_in_the_way_the_arm_is_held_and_that_is_said_until_the_person_presses_again() {
    let mut nodes = Nodes::new("held", ARM);
    let hand = away(&mut nodes);
    hand.stands([-0.5, 0.5].map(wall).to_vec()).expect("taken");
    nodes.signal("robot", "INT");
    nodes.until("robot", HOLDS, TELLS);
    assert!(nodes.log("robot").contains("cannot be laid down: something is in the way"), "{}", nodes.logs());
    // It holds for as long as it takes.
    std::thread::sleep(Duration::from_secs(2));
    let held = hand.until("power", |s| s.mode == "hold").expect("it holds");
    assert!(held.enabled && nodes.runs("robot"), "{held:?}");
    // Whoever wants to move it now is told why not.
    let mut other = hand;
    let order = other.order("joints", &[PARK.to_vec()], &[], 2000);
    assert_eq!(other.says(&order), Ok(Became::TurnedAway("robot".into())));
    nodes.interrupt("robot");
    let (ticks, last) = ended(&nodes);
    assert!(off(&last.q) > 0.3, "it went through the wall: {:?}", last.q);
    assert_eq!(told_speed(&last), 0.0);
    // Its power goes by a stop of category one.
    let after = ticks.iter().find(|t| t.tick > last.tick).expect("without power");
    assert!(!after.enabled && after.mode == "disarmed", "{}", after.mode);
}

#[test]
fn a_stop_while_the_arm_is_laid_down_wins_and_a_latched_one_has_it_held() {
    let mut nodes = Nodes::new("stopped", ARM);
    let hand = away(&mut nodes);
    nodes.signal("robot", "INT");
    nodes.until("robot", MOVES, TELLS);
    hand.until("motion", |s| (s.told_q[0] - AWAY[0]).abs() > 0.05).expect("it is on its way");
    assert_eq!(nodes.said(&["stop", "--category", "1"]).0, 0, "{}", nodes.logs());
    nodes.until_ended("robot");
    let (_, last) = ended(&nodes);
    assert!(off(&last.q) > 0.1, "it went on after the stop: {:?}", last.q);
    assert!(!nodes.log("robot").contains("lies in its park pose"), "{}", nodes.logs());
    drop(hand);
    nodes.end();
    // F1 is latched, with power: nothing may move it.
    let hand = away(&mut nodes);
    let mut silent = hand;
    let order = silent.order("joints", &[PARK.to_vec()], &[], 2000);
    assert!(matches!(silent.says(&order), Ok(Became::Begun(_))));
    silent.falls_silent();
    silent.until("a latched stop", |s| s.mode.starts_with("fault")).expect("it is stopped");
    nodes.signal("robot", "INT");
    nodes.until("robot", "cannot be laid down: a stop is latched", TELLS);
    assert!(nodes.runs("robot"));
    nodes.interrupt("robot");
}
