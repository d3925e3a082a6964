use super::*;
use crate::asking::{Ended, Event, MoveGripper, Outcome};
use crate::ros::{
    FollowJointTrajectoryFeedback, FollowJointTrajectoryGoal, FollowJointTrajectoryResult,
    GripperCommandGoal, GripperCommandResult, JointState, Message, Text, TriggerRequest, TriggerResponse,
};
use core::time::Duration;

const SOON: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

/// Two nodes that meet nobody else: each test has a domain of its own.
fn two(domain: u16, rmw: Rmw) -> (Ros, Ros) {
    let of = |node: &str| {
        Ros::open(&Settings { domain, rmw, namespace: "/arm".into(), ..Settings::of(node) }).expect("a node")
    };
    (of("one"), of("other"))
}

fn text(k: usize) -> Text {
    Text { data: k.to_string() }
}

#[test]
fn settings_that_are_none_are_refused_by_name() {
    let refused = |settings: Settings| match Ros::open(&settings) {
        Err(RosError::Refused(why)) => why.field,
        other => panic!("{:?}", other.map(|_| ())),
    };
    let good = Settings::of("sinew");
    assert_eq!(refused(Settings { domain: 233, ..good.clone() }), "domain");
    assert_eq!(refused(Settings { node: "2nd".into(), ..good.clone() }), "node");
    assert_eq!(refused(Settings { namespace: "arm".into(), ..good.clone() }), "namespace");
    assert_eq!(refused(Settings { reach: Reach::Networks(Vec::new()), ..good }), "reach");
    assert_eq!(Rmw::named("cyclonedds"), Ok(Rmw::CycloneDds));
    assert_eq!(Rmw::named("zenoh").expect_err("another").field, "rmw");
}

#[test]
fn what_is_said_is_heard_and_what_makes_room_is_counted() {
    let (one, other) = two(201, Rmw::FastRtps);
    let heard = other.hear::<Text>("words", Care::Reliable, 3).expect("a hearer");
    let said = one.publisher::<Text>("/arm/words", Care::Reliable).expect("a publisher");
    assert!(said.wait_heard(SOON) && heard.wait_said(SOON));
    assert_eq!((said.heard_by(), heard.said_by()), (1, 1));
    (0..10).for_each(|k| said.put(&text(k)).expect("said"));
    // All ten have come before the first is taken.
    for _ in 0..200 {
        if heard.lost() == 7 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(heard.lost(), 7);
    let took: Vec<_> = core::iter::from_fn(|| heard.take()).collect();
    assert_eq!(took, [text(7), text(8), text(9)]);
    assert_eq!(heard.take_within(SHORT), None);
    assert_eq!(heard.refused(), 0);

    // What was said last arrives though the one who said it is gone at once, also where nobody takes it for a while.
    let all = other.hear::<Text>("more_words", Care::Reliable, 10).expect("a hearer");
    let said = one.publisher::<Text>("more_words", Care::Reliable).expect("a publisher");
    assert!(said.wait_heard(SOON) && all.wait_said(SOON));
    let _busy = other.0.carrier.watch(|_| std::thread::sleep(SHORT));
    (0..10).for_each(|k| said.put(&text(k)).expect("said"));
    let writer = said.said.end.guid;
    drop(said);
    (0..10).for_each(|k| assert_eq!(all.take_within(SOON), Some(text(k))));
    // Its messages were of this type also when they are taken after it has gone.
    for _ in 0..500 {
        if all.said_by() == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(all.said_by(), 0);
    let peers = &other.0.peers;
    let of_type = names::of_type(Text::NAME).expect("a type");
    assert!(peers.is_of(writer, &of_type) && !peers.is_of(writer, "another"));
    assert!(one.publisher::<Text>("a b", Care::Reliable).is_err_and(|e| e.to_string().contains("topic")));
}

#[test]
fn who_comes_late_gets_what_was_said_last() {
    let (one, other) = two(202, Rmw::FastRtps);
    let said = one.publisher::<Text>("robot_description", Care::Latched).expect("a publisher");
    // More than are kept for who has not got them: nobody is waited for here.
    (0..200).for_each(|k| said.put(&text(k)).expect("said"));
    std::thread::sleep(SHORT);
    let heard = other.hear::<Text>("robot_description", Care::Latched, 200).expect("a hearer");
    let mut last = None;
    while let Some(next) = heard.take_within(if last == Some(text(199)) { SHORT } else { SOON }) {
        last = Some(next);
    }
    assert_eq!(last, Some(text(199)));
}

#[test]
fn another_type_is_not_matched_and_bad_bytes_are_refused_and_counted() {
    let (one, other) = two(203, Rmw::FastRtps);
    let states = other.hear::<JointState>("mixed", Care::Reliable, 5).expect("a hearer");
    let texts = other.hear::<Text>("mixed_too", Care::Reliable, 5).expect("a hearer");
    let alien = one.publisher::<Text>("mixed", Care::Reliable).expect("a publisher");
    let of_type = names::of_type(Text::NAME).expect("a type");
    let raw = topic::Said::new(&one, "rt/arm/mixed_too".into(), of_type, Care::Reliable).expect("a writer");
    assert!(texts.wait_said(SOON) && raw.peers.wait(&[&raw.end], &limit::Limit::of(SOON), &|_| true));
    for _ in 0..5 {
        // A text that claims to be longer than what is there.
        raw.write(vec![0, 1, 0, 0, 200, 0, 0, 0, b'a', 0], None, |_| ()).expect("said");
    }
    raw.write(crate::ros::to_cdr(&text(7)).expect("bytes"), None, |_| ()).expect("said");
    assert_eq!(texts.take_within(SOON), Some(text(7)));
    assert_eq!((texts.refused(), texts.lost()), (5, 0));
    for k in 0..10 {
        alien.put(&text(k)).expect("said");
        assert_eq!(states.take_within(SHORT), None);
    }
    assert_eq!((states.said_by(), alien.heard_by()), (0, 0));
    // It arrives all the same, as DDS itself looks at the name alone here.
    assert!(states.refused() > 0);
}

fn services(domain: u16, rmw: Rmw) {
    let (one, other) = two(domain, rmw);
    let served = one.serve::<TriggerRequest, TriggerResponse>("trigger").expect("a service");
    let answering = std::thread::spawn(move || {
        for k in 0..20 {
            let asked = served.next_within(SOON).expect("a question");
            let ask = asked.question().structure_needs_at_least_one_member;
            asked.answer(&TriggerResponse { success: k % 2 == 0, message: ask.to_string() }).expect("said");
        }
        // The last one is let go.
        served.next_within(SOON).map(drop)
    });
    let asker = other.asker::<TriggerRequest, TriggerResponse>("trigger").expect("an asker");
    assert!(asker.wait_served(SOON));
    let ask = |k: u8| TriggerRequest { structure_needs_at_least_one_member: k };
    for k in 0..20 {
        let answer = asker.ask(&ask(k), SOON).expect("an answer");
        assert_eq!(answer, TriggerResponse { success: k % 2 == 0, message: k.to_string() });
    }
    let silent = asker.ask(&ask(20), SHORT);
    assert!(matches!(silent, Err(RosError::Silent { .. })), "{silent:?}");
    assert!(answering.join().expect("no panic").is_some());
    let nobody = other.ask::<TriggerRequest, TriggerResponse>("nothing", &ask(0), SHORT);
    assert!(matches!(nobody, Err(RosError::Silent { .. })), "{nobody:?}");
    assert!(other.asker::<TriggerRequest, Text>("trigger").is_err(), "no pair of types");
}

#[test]
fn questions_are_answered_as_fast_dds_does() {
    services(204, Rmw::FastRtps);
}

#[test]
fn questions_are_answered_as_cyclone_dds_does() {
    services(205, Rmw::CycloneDds);
}

fn result(error_code: i32) -> FollowJointTrajectoryResult {
    FollowJointTrajectoryResult { error_code, error_string: "said so".into() }
}

fn actions(domain: u16, rmw: Rmw) {
    let (one, other) = two(domain, rmw);
    let server = one.follow_server("follow").expect("a server");
    let serving = std::thread::spawn(move || {
        let Some(Event::Goal(offer)) = server.next_within(SOON) else { panic!("no goal") };
        let pursuit = offer.accept(types::Time::from_nanos(1_500_000_000)).expect("accepted");
        for _ in 0..3 {
            pursuit.feedback(&FollowJointTrajectoryFeedback::default()).expect("said");
        }
        pursuit.succeed(&result(0)).expect("said");
        let Some(Event::Goal(offer)) = server.next_within(SOON) else { panic!("no goal") };
        offer.refuse().expect("refused");
        let Some(Event::Goal(offer)) = server.next_within(SOON) else { panic!("no goal") };
        let pursuit = offer.accept(types::Time::from_nanos(2_500_000_000)).expect("accepted");
        let Some(Event::Cancel(asked)) = server.next_within(SOON) else { panic!("no cancel") };
        asked.refuse().expect("refused");
        assert!(!pursuit.is_canceling());
        let Some(Event::Cancel(asked)) = server.next_within(SOON) else { panic!("no cancel") };
        assert_eq!(asked.goals(), [pursuit.id()]);
        asked.accept().expect("accepted");
        assert!(pursuit.is_canceling());
        pursuit.cancel(&result(-3)).expect("said");
        // One that is let go is aborted.
        let Some(Event::Goal(offer)) = server.next_within(SOON) else { panic!("no goal") };
        drop(offer.accept(types::Time::from_nanos(3_500_000_000)).expect("accepted"));
        // One that nobody asked to be given up is not, and the last one is never ended.
        let Some(Event::Goal(offer)) = server.next_within(SOON) else { panic!("no goal") };
        let pursuit = offer.accept(types::Time::from_nanos(4_500_000_000)).expect("accepted");
        assert!(pursuit.cancel(&result(1)).is_err());
        let Some(Event::Goal(offer)) = server.next_within(SOON) else { panic!("no goal") };
        let pursuit = offer.accept(types::Time::from_nanos(5_500_000_000)).expect("accepted");
        (server.refused(), server, pursuit)
    });
    let client = other.follow_client("follow").expect("a client");
    assert!(client.wait_served(SOON));
    let goal = FollowJointTrajectoryGoal::default();
    let give = || client.give(&goal, SOON).expect("an answer");

    let pursued = give().expect("accepted");
    for _ in 0..3 {
        assert_eq!(pursued.feedback_within(SOON), Some(FollowJointTrajectoryFeedback::default()));
    }
    let ended = pursued.result_within(SOON).expect("a result");
    assert_eq!(ended, Ended { outcome: Outcome::Succeeded, result: result(0) });
    let late = pursued.cancel(SOON);
    assert!(late.as_ref().is_err_and(|e| e.to_string().contains("ended")), "{late:?}");

    assert!(give().is_none(), "the second one is refused");

    let pursued = give().expect("accepted");
    let early = pursued.result_within(SHORT);
    assert!(matches!(early, Err(RosError::Silent { .. })), "{early:?}");
    assert!(pursued.cancel(SOON).is_err(), "the first time it is refused");
    pursued.cancel(SOON).expect("the second time it is accepted");
    let ended = pursued.result_within(SOON).expect("a result");
    assert_eq!(ended, Ended { outcome: Outcome::Canceled, result: result(-3) });

    let ended = give().expect("accepted").result_within(SOON).expect("a result");
    assert_eq!(ended, Ended { outcome: Outcome::Aborted, result: FollowJointTrajectoryResult::default() });
    let ended = give().expect("accepted").result_within(SOON).expect("a result");
    assert_eq!(ended, Ended { outcome: Outcome::Aborted, result: result(1) });

    // Now the other side goes away in the middle.
    let pursued = give().expect("accepted");
    let (refused, server, pursuit) = serving.join().expect("no panic");
    assert_eq!(refused, 0);
    core::mem::forget(pursuit);
    drop((server, one));
    let gone = pursued.result_within(SHORT);
    assert!(matches!(gone, Err(RosError::Silent { .. })), "{gone:?}");
    assert!(matches!(pursued.cancel(SHORT), Err(RosError::Silent { .. })));
}

#[test]
fn goals_are_pursued_as_fast_dds_does() {
    actions(206, Rmw::FastRtps);
}

#[test]
fn goals_are_pursued_as_cyclone_dds_does() {
    actions(207, Rmw::CycloneDds);
}

#[test]
fn several_goals_are_pursued_at_once_and_a_gripper_has_its_own() {
    let (one, other) = two(208, Rmw::FastRtps);
    let server = one.action_server::<MoveGripper>("gripper").expect("a server");
    let client = other.action_client::<MoveGripper>("gripper").expect("a client");
    assert!(client.wait_served(SOON));
    let serving = std::thread::spawn(move || {
        let mut pursuits = Vec::new();
        for _ in 0..3 {
            let Some(Event::Goal(offer)) = server.next_within(SOON) else { panic!("no goal") };
            pursuits.push(offer.accept(types::Time::from_nanos(1)).expect("accepted"));
        }
        // The last first.
        for pursuit in pursuits.into_iter().rev() {
            let position = pursuit.goal().command.position;
            let reached =
                GripperCommandResult { position, reached_goal: true, ..GripperCommandResult::default() };
            pursuit.succeed(&reached).expect("said");
        }
        server
    });
    let mut pursued = Vec::new();
    for k in 0..3 {
        let mut goal = GripperCommandGoal::default();
        goal.command.position = f64::from(k);
        pursued.push(client.give(&goal, SOON).expect("an answer").expect("accepted"));
    }
    for (k, pursued) in (0..).zip(pursued) {
        let ended = pursued.result_within(SOON).expect("a result");
        assert_eq!((ended.outcome, ended.result.position), (Outcome::Succeeded, f64::from(k)));
    }
    let server = serving.join().expect("no panic");
    assert_eq!((server.lost(), server.refused()), (0, 0));
}

#[test]
fn sensors_lose_without_waiting_and_gaps_are_counted() {
    let (one, other) = two(209, Rmw::FastRtps);
    let heard = other.hear::<Text>("samples", Care::Sensor, 1000).expect("a hearer");
    let said = one.publisher::<Text>("samples", Care::Sensor).expect("a publisher");
    assert!(said.wait_heard(SOON) && heard.wait_said(SOON));
    (0..500).for_each(|k| said.put(&text(k)).expect("said"));
    let mut took = Vec::new();
    while let Some(next) = heard.take_within(SHORT) {
        took.push(next.data.parse::<u64>().expect("a number"));
    }
    assert!(took.is_sorted() && took.last() == Some(&499), "{took:?}");
    // Those before the first that was heard were said to nobody.
    assert_eq!(heard.lost() + took.len() as u64, 500 - took[0]);
}

#[test]
fn who_said_a_message_is_known_by_a_number_of_its_own() {
    let (one, other) = two(212, Rmw::FastRtps);
    let heard = other.hear::<Text>("who", Care::Reliable, 10).expect("a hearer");
    let [first, second] = [0, 1].map(|_| one.publisher::<Text>("who", Care::Reliable).expect("a publisher"));
    assert!(first.wait_heard(SOON) && second.wait_heard(SOON));
    let from = |said: &Publisher<Text>, k| {
        said.put(&text(k)).expect("said");
        let (message, from) = heard.take_from_within(SOON).expect("it comes");
        assert_eq!(message, text(k));
        from
    };
    let (a, b) = (from(&first, 1), from(&second, 2));
    assert_ne!(a, b);
    assert_eq!((from(&first, 3), from(&second, 4)), (a, b));
}

/// Whoever can send to its ports can send it anything.
#[test]
fn junk_at_its_ports_stops_nothing() {
    use rand::{Rng as _, SeedableRng as _};
    let domain = 210;
    let (one, other) = two(domain, Rmw::FastRtps);
    let heard = other.hear::<Text>("words", Care::Reliable, 10).expect("a hearer");
    let said = one.publisher::<Text>("words", Care::Reliable).expect("a publisher");
    assert!(said.wait_heard(SOON));
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for round in 0..4000_u32 {
        let mut junk = b"RTPS\x02\x03\x01\x10somebodyelse".to_vec();
        while junk.len() < 1000 && rng.random_bool(0.7) {
            let (kind, flags) = (rng.random_range(0..0x35), rng.random::<u8>());
            let body: Vec<u8> = (0..rng.random_range(0..120))
                .map(|_| if rng.random_bool(0.5) { rng.random_range(0..4) } else { rng.random() })
                .collect();
            let length = if rng.random_bool(0.8) { body.len() as u16 } else { rng.random() };
            junk.extend([kind, flags | 1]);
            junk.extend(length.to_le_bytes());
            junk.extend(body);
        }
        let port = 7410 + 250 * domain + (round % 4) as u16;
        socket.send_to(&junk, ("127.0.0.1", port)).expect("sent");
        if round % 100 == 0 {
            // Not more than its sockets can hold.
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    for k in 0..5 {
        said.put(&text(k)).expect("said");
        assert_eq!(heard.take_within(SOON), Some(text(k)));
    }
}
