use super::*;
use crate::ros::{JointState, Text, to_cdr};
use core::time::Duration;
use std::time::Instant;

const SOON: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

fn text(k: usize) -> Text {
    Text { data: k.to_string() }
}

fn free_port() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("tcp/127.0.0.1:{}", socket.local_addr().expect("its number").port())
}

/// A router, and two nodes that meet by it: one who listens, as nodes of ROS do, and one who does not.
fn two(dialect: Dialect) -> (Ros, Ros, Ros) {
    let at = free_port();
    let settings = |node: &str| Settings { dialect, namespace: "/arm".into(), ..Settings::of(node) };
    let router =
        Settings { is_router: true, connect: Vec::new(), listen: vec![at.clone()], ..settings("router") };
    let router = Ros::open(&router).expect("a router");
    let of =
        |node: &str| Ros::open(&Settings { connect: vec![at.clone()], ..settings(node) }).expect("a node");
    let (one, other) = (of("one"), of("other"));
    (router, one, other)
}

/// Waits until it is so.
fn until(is_so: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < SOON {
        if is_so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// Somebody who says what they like: a session of Zenoh's without any rules.
fn anybody(at: &Ros) -> zenoh::Session {
    let connect = &at.settings().connect;
    let config = Settings { connect: connect.clone(), ..Settings::of("anybody") }.config().expect("a config");
    zenoh::open(config).wait().expect("a session")
}

fn said_and_heard(dialect: Dialect) {
    let (_router, one, other) = two(dialect);
    let heard = other.hear::<Text>("words", Care::Reliable, 3).expect("a hearer");
    let said = one.publisher::<Text>("/arm/words", Care::Reliable).expect("a publisher");
    assert!(said.wait_heard(SOON) && heard.wait_said(SOON));
    assert_eq!((said.heard_by(), heard.said_by()), (1, 1));
    (0..10).for_each(|k| said.put(&text(k)).expect("said"));
    assert!(until(|| heard.lost() == 7), "{} made room", heard.lost());
    let took: Vec<_> = core::iter::from_fn(|| heard.take()).collect();
    assert_eq!(took, [text(7), text(8), text(9)]);
    assert_eq!((heard.take_within(SHORT), heard.refused()), (None, 0));

    let kinds = |ros: &Ros| -> Vec<Kind> { ros.present().iter().map(|p| p.kind).collect() };
    let each = if dialect == Dialect::RmwZenoh { Kind::Node } else { Kind::Bridge };
    let all: Vec<Kind> = core::iter::repeat_n(each, 3).chain([Kind::Publisher, Kind::Subscription]).collect();
    assert!(until(|| kinds(&one) == all) && until(|| kinds(&other) == all), "{:?}", one.present());
    assert!(one.present().iter().all(|p| p.hash.is_some() || p.kind == each));
    assert_eq!((one.unreadable(), other.unreadable()), (0, 0));
    drop(said);
    assert!(until(|| heard.said_by() == 0), "who has gone is not there any more");
    assert!(one.publisher::<Text>("a b", Care::Reliable).is_err_and(|e| e.to_string().contains("topic")));
}

#[test]
fn what_is_said_is_heard_among_those_of_rmw_zenoh() {
    said_and_heard(Dialect::RmwZenoh);
}

#[test]
fn what_is_said_is_heard_as_the_bridge_has_it() {
    said_and_heard(Dialect::Ros2Dds);
}

fn latched(dialect: Dialect) {
    let (_router, one, other) = two(dialect);
    let said = one.publisher::<Text>("robot_description", Care::Latched).expect("a publisher");
    // When somebody has heard the last, none is under way to who comes after that.
    let witness = other.hear::<Text>("robot_description", Care::Reliable, 20).expect("a hearer");
    assert!(said.wait_heard(SOON));
    (0..20).for_each(|k| said.put(&text(k)).expect("said"));
    (0..20).for_each(|k| assert_eq!(witness.take_within(SOON), Some(text(k))));
    drop(witness);
    // Who comes late gets the last, once; and what is said after that.
    let heard = other.hear::<Text>("robot_description", Care::Latched, 20).expect("a hearer");
    assert_eq!(heard.take_within(SOON), Some(text(19)));
    assert!(said.wait_heard(SOON));
    said.put(&text(20)).expect("said");
    assert_eq!(heard.take_within(SOON), Some(text(20)));
    assert_eq!((heard.take_within(SHORT), heard.lost(), heard.refused()), (None, 0, 0));
    // Who was there first gets what one says who comes late.
    let heard = one.hear::<Text>("late", Care::Latched, 20).expect("a hearer");
    let said = other.publisher::<Text>("late", Care::Latched).expect("a publisher");
    said.put(&text(1)).expect("said");
    assert_eq!((heard.take_within(SOON), heard.take_within(SHORT)), (Some(text(1)), None));
    // Who does not ask for it does not get it.
    let heard = one.hear::<Text>("late", Care::Reliable, 20).expect("a hearer");
    assert!(heard.wait_said(SOON));
    assert_eq!(heard.take_within(SHORT), None);
}

#[test]
fn who_comes_late_gets_what_was_said_last_among_those_of_rmw_zenoh() {
    latched(Dialect::RmwZenoh);
}

#[test]
fn who_comes_late_gets_what_was_said_last_as_the_bridge_has_it() {
    latched(Dialect::Ros2Dds);
}

/// B21: who has another idea of a type is not heard, however alike its name.
#[test]
fn another_type_or_another_hash_is_not_heard() {
    let (_router, one, other) = two(Dialect::RmwZenoh);
    let heard = other.hear::<Text>("mixed", Care::Reliable, 5).expect("a hearer");
    let alien = one.publisher::<JointState>("mixed", Care::Reliable).expect("a publisher");
    let session = anybody(&one);
    let hash = type_hash::<Text>().expect("a hash");
    let key = format!("0/arm/mixed/std_msgs::msg::dds_::String_/{hash}");
    let other_hash = key.replace("RIHS01_df", "RIHS01_de");
    assert_ne!(key, other_hash);
    let beside = attachment::Attachment { number: 1, said_ns: 1, gid: [7; 16] }.to_bytes();
    let put = |key: &str, k| {
        let put = session.put(key.to_owned(), to_cdr(&text(k)).expect("bytes")).attachment(beside.to_vec());
        put.wait().expect("said");
    };
    assert!(until(|| other.present().len() == 5), "{:?}", other.present());
    for k in 0..5 {
        alien.put(&JointState::default()).expect("said");
        put(&other_hash, k);
    }
    assert_eq!(heard.take_within(SHORT), None);
    assert_eq!((heard.said_by(), alien.heard_by(), heard.refused()), (0, 0, 0));
    put(&key, 7);
    assert_eq!(heard.take_within(SOON), Some(text(7)));

    // On the bridge's keys it comes, and is refused.
    let (_router, one, other) = two(Dialect::Ros2Dds);
    let heard = other.hear::<Text>("mixed", Care::Reliable, 5).expect("a hearer");
    // Its first bytes would be a text.
    let alien = one.publisher::<crate::ros::Number>("mixed", Care::Reliable).expect("a publisher");
    assert!(until(|| other.present().len() == 5), "{:?}", other.present());
    let number = crate::ros::Number::default();
    assert!(until(|| {
        alien.put(&number).expect("said");
        heard.refused() > 3
    }));
    assert_eq!((heard.take(), heard.said_by(), alien.heard_by()), (None, 0, 0));
}

/// B19: truncated at every byte, extended, and with nothing or anything beside it.
#[test]
fn what_is_cut_short_or_too_long_is_refused_and_counted() {
    for dialect in [Dialect::RmwZenoh, Dialect::Ros2Dds] {
        let (_router, _one, other) = two(dialect);
        let heard = other.hear::<JointState>("states", Care::Reliable, 500).expect("a hearer");
        let session = anybody(&other);
        let state = JointState { name: vec!["a".into()], position: vec![0.5], ..JointState::default() };
        let (good, key) = (to_cdr(&state).expect("bytes"), heard.key().to_owned());
        let publisher = session.declare_publisher(key).wait().expect("a publisher");
        let mut number = 0;
        let mut put = |payload: &[u8], spoil: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>| {
            number += 1;
            let beside = attachment::Attachment { number, said_ns: 1, gid: [7; 16] }.to_bytes().to_vec();
            publisher.put(payload.to_vec()).attachment(spoil(beside)).wait().expect("said");
        };
        assert!(until(|| publisher.matching_status().wait().is_ok_and(|s| s.matching())));
        (0..good.len()).for_each(|n| put(&good[..n], &Some));
        let longer = |more: usize| [good.clone(), vec![0; more]].concat();
        [4, 5, 1000].into_iter().for_each(|more| put(&longer(more), &Some));
        let mut bad = good.len() as u64 + 3;
        if dialect == Dialect::RmwZenoh {
            (0..33).for_each(|n| put(&good, &move |b| Some(b[..n].to_vec())));
            put(&good, &|b| Some([b, vec![0]].concat()));
            put(&good, &|_| None);
            bad += 35;
        }
        // Up to three bytes fill a word of four.
        (0..4).for_each(|more| put(&longer(more), &Some));
        for _ in 0..4 {
            assert_eq!(heard.take_within(SOON).as_ref(), Some(&state));
        }
        assert_eq!((heard.take_within(SHORT), heard.refused()), (None, bad), "{dialect:?}");
        // Those whose attachment was none are missing in the numbers of who said them.
        assert_eq!(heard.lost(), if dialect == Dialect::RmwZenoh { 35 } else { 0 });
    }
}

/// Whoever reaches the router can announce anything.
#[test]
fn tokens_that_are_none_are_counted_and_hide_nobody() {
    let (_router, one, other) = two(Dialect::RmwZenoh);
    let session = anybody(&one);
    let (declare, hash) = (session.liveliness(), "RIHS01_".to_owned() + &"0".repeat(64));
    let zid = session.zid().to_string();
    let tokens: Vec<_> = [
        "@ros2_lv/0/x".to_owned(),
        format!("@ros2_lv/0/{zid}/0/0/XX/%/%/node"),
        format!("@ros2_lv/0/{zid}/0/1/MP/%/%/node"),
        format!("@ros2_lv/0/{zid}/0/1/MP/%/%/node/%a%b/std_msgs::msg::dds_::String_/{hash}/::,x:,:,:,,"),
        format!("@ros2_lv/0/{zid}/0/1/MP/%/%/node/%a%b/std_msgs::msg::dds_::String_/RIHS01_0/::,1:,:,:,,"),
        format!(
            "@ros2_lv/0/{zid}/0/2/MP/%/%/node/%arm%words/std_msgs::msg::dds_::String_/{hash}/::,1:,:,:,,"
        ),
    ]
    .into_iter()
    .map(|token| declare.declare_token(token).wait().expect("a token"))
    .collect();
    let heard = other.hear::<Text>("words", Care::Reliable, 5).expect("a hearer");
    let said = one.publisher::<Text>("words", Care::Reliable).expect("a publisher");
    assert!(said.wait_heard(SOON) && until(|| other.unreadable() == 5), "{}", other.unreadable());
    // The last of them is one, but of another hash.
    assert!(until(|| other.present().len() == 6), "{:?}", other.present());
    assert_eq!((heard.said_by(), other.unreadable()), (1, 5));
    said.put(&text(1)).expect("said");
    assert_eq!(heard.take_within(SOON), Some(text(1)));
    drop(tokens);
}

#[test]
fn nodes_are_there_before_their_router_and_go_on_without_it() {
    let at = free_port();
    let of = |node: &str| Settings { connect: vec![at.clone()], ..Settings::of(node) };
    let begun = Instant::now();
    let one = Ros::open(&of("one")).expect("without a router");
    let other = Ros::open(&of("other")).expect("without a router");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(Ros::open(&Settings { listen: Vec::new(), ..of("third") }).is_err(), "nobody would be met");
    let said = one.publisher::<Text>("words", Care::Latched).expect("a publisher");
    said.put(&text(1)).expect("said to nobody");
    let heard = other.hear::<Text>("words", Care::Latched, 5).expect("a hearer");
    assert_eq!(heard.take_within(SHORT), None);
    let as_router =
        Settings { is_router: true, connect: Vec::new(), listen: vec![at.clone()], ..of("router") };
    let router = Ros::open(&as_router).expect("a router");
    assert_eq!(heard.take_within(SOON), Some(text(1)));
    assert!(said.wait_heard(SOON));
    drop(router);
    assert!(until(|| one.present().len() == 4), "the router has gone: {:?}", one.present());
    said.put(&text(2)).expect("said");
    assert_eq!(heard.take_within(SOON), Some(text(2)));
}

#[test]
fn nodes_that_listen_meet_without_a_router() {
    let at = free_port();
    let one = Settings { connect: Vec::new(), listen: vec![at.clone()], ..Settings::of("one") };
    let one = Ros::open(&one).expect("a node");
    let other =
        Settings { connect: vec![at], listen: vec!["tcp/127.0.0.1:0".into()], ..Settings::of("other") };
    let other = Ros::open(&other).expect("a node");
    let said = one.publisher::<Text>("words", Care::Sensor).expect("a publisher");
    let heard = other.hear::<Text>("words", Care::Sensor, 5).expect("a hearer");
    assert!(said.wait_heard(SOON));
    said.put(&text(1)).expect("said");
    assert_eq!(heard.take_within(SOON), Some(text(1)));
    drop((one, said));
    assert!(until(|| heard.said_by() == 0));
}
