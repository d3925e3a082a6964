//! SEC1: who is let in, and what passes between nodes that are. At one end is a node that goes by its rules; at the other
//! are sessions of Zenoh's own with a role's certificate and no rules at all, which say and ask whatever there is.

mod tls;
mod trial;

use bridge::ros::{Ask, Clock, Text};
use bridge::wire::topics::TOPICS;
use bridge::wire::{NodeClock, Role, Settings, Wire, topics};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tls::{Deployed, free_port, lets_in_its_own_alone, node, stranger};
use trial::{FIRST, LAST, LIMIT, SOON, announced, answer, ask_all, key, keys, say, say_all, signed, until};
use types::Time;
use zenoh::query::{Query, Reply};
use zenoh::sample::{Locality, Sample, SampleKind};
use zenoh::{Session, Wait as _};

/// What the node signs with; everybody else with the word of its role.
const NODE: &str = "node";

/// How something passes between the node and somebody else.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// The node hears what the other says.
    Says,
    /// The other hears what the node says.
    Hears,
    /// The node hears what the other takes back.
    Deletes,
    /// The other hears what the node takes back.
    HearsDeleted,
    /// The node is asked by the other.
    Asks,
    /// The other has the node's answer.
    IsAnswered,
    /// The node has the other's answer.
    Answers,
    /// The node sees it announced.
    IsThere,
    /// The other sees the node announced.
    Sees,
}

/// What passes: how, under which key, and between a node of which role and somebody of which other.
type Passes = BTreeSet<(Role, Role, Way, String)>;

/// What the list of topics says.
fn specified() -> Passes {
    let mut out = Passes::new();
    for at in Role::ALL {
        for other in Role::ALL {
            for t in TOPICS {
                for (way, is_right, by) in [
                    (Way::Says, t.puts.contains(&other) && t.hears.contains(&at), other),
                    (Way::Hears, t.puts.contains(&at) && t.hears.contains(&other), at),
                    (Way::Asks, t.asks.contains(&other) && t.answers.contains(&at), at),
                    (Way::IsAnswered, t.asks.contains(&other) && t.answers.contains(&at), at),
                    (Way::Answers, t.asks.contains(&at) && t.answers.contains(&other), other),
                ] {
                    if is_right {
                        out.insert((at, other, way, key(t, by)));
                    }
                }
            }
            out.insert((at, other, Way::IsThere, announced(other, other.word())));
            out.insert((at, other, Way::Sees, announced(at, NODE)));
        }
    }
    out
}

/// What has passed so far at one node, and whose first and last words.
#[derive(Default)]
struct Passed(Passes, BTreeSet<(String, Role, Way)>);

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Passed>>);

impl Seen {
    fn note(&self, at: Role, other: Role, way: Way, key: &str) {
        let mut seen = self.0.lock().expect("whole");
        if [FIRST, LAST].contains(&key) {
            seen.1.insert((key.to_owned(), other, way));
        } else {
            seen.0.insert((at, other, way, key.to_owned()));
        }
    }

    fn has_of_all(&self, word: &str, way: Way) -> bool {
        let seen = self.0.lock().expect("whole");
        Role::ALL.into_iter().all(|other| seen.1.contains(&(word.to_owned(), other, way)))
    }
}

/// Everything passes in every way between a node and one of each role, that these rules of the node let pass.
fn passes_at(keys_of: &Deployed, at: Role, access: Value) -> Passes {
    let (port, seen) = (free_port(), Seen::default());
    let here = node(keys_of, at, port, access);
    let noted = seen.clone();
    let hears = move |sample: Sample| {
        if let Some(other) = Role::from_word(&signed(sample.attachment())) {
            let way = if sample.kind() == SampleKind::Put { Way::Says } else { Way::Deletes };
            noted.note(at, other, way, sample.key_expr().as_str());
        }
    };
    let _heard = here.declare_subscriber("**").callback(hears).wait().expect("hears");
    let noted = seen.clone();
    let is_asked = move |query: Query| {
        if let Some(other) = Role::from_word(&signed(query.attachment())) {
            noted.note(at, other, Way::Asks, query.key_expr().as_str());
            answer(&query, NODE);
        }
    };
    let _asked = here.declare_queryable("**").callback(is_asked).wait().expect("is asked");
    let token =
        |session: &Session, key: String| session.liveliness().declare_token(key).wait().expect("a token");
    let _tokens: Vec<_> = Role::ALL.map(|r| token(&here, announced(r, NODE))).into();

    let mut kept = Vec::new();
    let others = Role::ALL.map(|other| {
        let session = stranger(&keys_of.tls(other), &format!("quic/127.0.0.1:{port}")).expect("is let in");
        for key in keys(at).chain([FIRST, LAST].map(str::to_owned)) {
            let noted = seen.clone();
            let hears = move |sample: Sample| {
                if signed(sample.attachment()) == NODE {
                    let way = if sample.kind() == SampleKind::Put { Way::Hears } else { Way::HearsDeleted };
                    noted.note(at, other, way, sample.key_expr().as_str());
                }
            };
            let subscriber = session.declare_subscriber(key).allowed_origin(Locality::Remote);
            session_kept(&mut kept, subscriber.callback(hears).wait().expect("hears"));
        }
        for key in keys(other) {
            let is_asked = move |query: Query| answer(&query, other.word());
            session_kept(
                &mut kept,
                session.declare_queryable(key).callback(is_asked).wait().expect("answers"),
            );
        }
        for role in Role::ALL {
            session_kept(&mut kept, token(&session, announced(role, other.word())));
        }
        (other, session)
    });
    // Words come in order: whoever has the last had all of them, and what was declared before.
    let all: Vec<(&Session, &str)> = others.iter().map(|(other, session)| (session, other.word())).collect();
    say(FIRST, &all, || seen.has_of_all(FIRST, Way::Says));
    others.iter().for_each(|(other, session)| say_all(session, *other, other.word()));
    say(LAST, &all, || seen.has_of_all(LAST, Way::Says));
    say(FIRST, &[(&here, NODE)], || seen.has_of_all(FIRST, Way::Hears));
    say_all(&here, at, NODE);
    say(LAST, &[(&here, NODE)], || seen.has_of_all(LAST, Way::Hears));

    let answers = Role::ALL.map(|other| (other, ask_all(&here, other, NODE)));
    let answered = others.each_ref().map(|(other, session)| (*other, ask_all(session, at, other.word())));
    let there = here.liveliness().get("arm/node/*/*").timeout(LIMIT).wait().expect("asked");
    let sees = others.each_ref().map(|(other, session)| {
        (*other, session.liveliness().get("arm/node/*/*").timeout(LIMIT).wait().expect("asked"))
    });
    let samples = |replies: &zenoh::handlers::FifoChannelHandler<Reply>| -> Vec<(String, String)> {
        let all = core::iter::from_fn(|| replies.recv().ok());
        let samples = all.filter_map(|r| r.into_result().ok());
        samples.map(|s| (signed(s.attachment()), s.key_expr().as_str().to_owned())).collect()
    };
    for (_, replies) in &answers {
        for (by, key) in replies.iter().flat_map(samples) {
            let other = Role::from_word(&by).expect("signed by a role");
            seen.note(at, other, Way::Answers, &key);
        }
    }
    for (other, replies) in &answered {
        // Others answer too, by way of the node; what Zenoh says of itself is signed by nobody.
        for (_, key) in
            replies.iter().flat_map(samples).filter(|(by, key)| by == NODE || key.starts_with('@'))
        {
            seen.note(at, *other, Way::IsAnswered, &key);
        }
    }
    let who = |key: &str| key.rsplit('/').next().map(str::to_owned).unwrap_or_default();
    for (_, key) in samples(&there) {
        if let Some(other) = Role::from_word(&who(&key)) {
            seen.note(at, other, Way::IsThere, &key);
        }
    }
    for (other, replies) in &sees {
        for (_, key) in samples(replies).into_iter().filter(|(_, key)| who(key) == NODE) {
            seen.note(at, *other, Way::Sees, &key);
        }
    }
    let seen = seen.0.lock().expect("whole");
    seen.0.clone()
}

/// Keeps what was declared for as long as the list.
fn session_kept(kept: &mut Vec<Box<dyn core::any::Any>>, declared: impl core::any::Any) {
    kept.push(Box::new(declared));
}

#[test]
fn between_all_roles_and_on_all_topics_exactly_that_passes_which_the_list_says() {
    let (keys_of, specified, began) = (Deployed::new("matrix"), specified(), Instant::now());
    let passed: Passes = std::thread::scope(|scope| {
        let keys_of = &keys_of;
        let all = Role::ALL.map(|at| scope.spawn(move || passes_at(keys_of, at, keys_of.access(at))));
        all.into_iter().flat_map(|t| t.join().expect("tried")).collect()
    });
    let too_much: Vec<_> = passed.difference(&specified).collect();
    let too_little: Vec<_> = specified.difference(&passed).collect();
    assert!(too_much.is_empty() && too_little.is_empty(), "{too_much:#?} {too_little:#?}");
    let n_tried: usize = 36 * (7 * keys(Role::Robot).count() + 2 * Role::ALL.len());
    println!("{n_tried} tried, {} passed, in {:?}", passed.len(), began.elapsed());
}

#[test]
fn without_rules_everything_passes_that_is_tried() {
    let (keys_of, at, mut everything) = (Deployed::new("open"), Role::Perception, Passes::new());
    for other in Role::ALL {
        for t in TOPICS {
            for (way, by) in [
                (Way::Says, other),
                (Way::Hears, at),
                (Way::Deletes, other),
                (Way::HearsDeleted, at),
                (Way::Asks, at),
                (Way::IsAnswered, at),
                (Way::Answers, other),
            ] {
                everything.insert((at, other, way, key(t, by)));
            }
        }
        for role in Role::ALL {
            everything.insert((at, other, Way::IsThere, announced(role, other.word())));
            everything.insert((at, other, Way::Sees, announced(role, NODE)));
        }
    }
    let passed = passes_at(&keys_of, at, json!({ "enabled": false }));
    let missing: Vec<_> = everything.difference(&passed).collect();
    assert!(missing.is_empty(), "the trial has no teeth: {missing:#?}");
}

#[test]
fn nodes_with_keys_hear_ask_and_see_each_other() {
    let (keys, port, began) = (Deployed::new("nodes"), free_port(), Instant::now());
    let open = |role: Role, connect: Vec<String>, listen: Vec<String>| {
        let clock: NodeClock = Arc::new(move || Time::ZERO + began.elapsed());
        let robot = "arm".to_owned();
        let settings = Settings { robot, connect, listen, keys: Some(keys.of(role)), ..Settings::default() };
        Wire::open(&settings, role, clock).expect("opened")
    };
    let address = format!("quic/127.0.0.1:{port}");
    let robot = open(Role::Robot, Vec::new(), vec![address.clone()]);
    let by_address = |role| open(role, vec![address.clone()], vec!["quic/127.0.0.1:0".to_owned()]);
    let (planner, eye) = (by_address(Role::Planner), by_address(Role::Perception));
    let said = robot.publisher::<Text>(&topics::REPORT, "").expect("may say");
    let heard = planner.hear::<Text>(&topics::REPORT, "", 4).expect("may hear");
    until("somebody hears", || said.is_heard());
    said.put(&Text { data: "ready".into() }).expect("said");
    assert_eq!(heard.take_within(SOON).expect("heard").data, "ready");
    // Those that have met only through the robot find each other, too.
    let questions = eye.answer(&[(&topics::ANSWER, "")]).expect("may answer");
    let answers = eye.clone();
    let asked = std::thread::spawn(move || {
        let question = questions.next_within(SOON).expect("asked");
        question.answer(&answers, &Clock { now: 7 });
    });
    let mut answer = None;
    until("the answer comes", || {
        answer = planner.ask::<_, Clock>(&topics::ANSWER, "", &Ask { nonce: 1 }, LIMIT).ok();
        answer.is_some()
    });
    assert_eq!(answer.expect("an answer").now, 7);
    asked.join().expect("answered");
    let _announced = [&robot, &planner, &eye].map(|n| n.announce().expect("announced"));
    until("all see all", || {
        [&robot, &planner, &eye].iter().all(|n| n.present().is_ok_and(|all| all.len() == 3))
    });
}

#[test]
fn plain_text_another_authority_and_no_certificate_are_refused() {
    let (ours, theirs, port) = (Deployed::new("ours"), Deployed::new("theirs"), free_port());
    let _robot = node(&ours, Role::Robot, port, ours.access(Role::Robot));
    lets_in_its_own_alone(&ours, &theirs, port);
    let planner = ours.tls(Role::Planner);
    // Nor does one of us go to a robot of another authority.
    let other = free_port();
    let _their_robot = node(&theirs, Role::Robot, other, theirs.access(Role::Robot));
    assert!(stranger(&planner, &format!("quic/127.0.0.1:{other}")).is_err(), "a robot of another authority");
}
