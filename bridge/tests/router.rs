//! SEC1 where everything goes through a site's router: exactly what the list of topics says passes through one that is told
//! what `sinew keys` made for it; a node takes nothing from who is not the router, and a router that is in other hands
//! cannot command.

mod tls;
mod trial;

use bridge::ros::{Goal, Number, Refusal, Taken, from_cdr};
use bridge::wire::topics::TOPICS;
use bridge::wire::{Keyring, NodeClock, Party, Role, Sessions, Settings, Topic, Wire, topics};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tls::{Deployed, free_port, lets_in_its_own_alone, listening, named, node, session, stranger};
use trial::{FIRST, LAST, LIMIT, announced, answer, key, keys, say, signed, until};
use types::Time;
use zenoh::qos::CongestionControl;
use zenoh::query::{ConsolidationMode, Query, QueryTarget, Reply};
use zenoh::sample::{Locality, Sample, SampleKind};
use zenoh::{Session, Wait as _};

/// How something passes from one to another.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Says,
    Deletes,
    Asks,
    /// The other answers the one.
    Answers,
    /// The other sees the one announced.
    IsThere,
}

/// From whom to whom, how, under which key; whoever it is, by the word that is signed with.
type Passes = BTreeSet<(String, String, Way, String)>;

/// What has passed, and whose first and last words.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<(Passes, Passes)>>);

impl Seen {
    fn note(&self, from: &str, to: &str, way: Way, key: &str) {
        let mut seen = self.0.lock().expect("whole");
        let into = if [FIRST, LAST].contains(&key) { &mut seen.1 } else { &mut seen.0 };
        into.insert((from.to_owned(), to.to_owned(), way, key.to_owned()));
    }

    /// How many have heard this word of somebody.
    fn heard(&self, word: &str) -> usize {
        self.0
            .lock()
            .expect("whole")
            .1
            .iter()
            .filter(|(.., way, key)| *way == Way::Says && key == word)
            .count()
    }

    fn passed(&self) -> Passes {
        self.0.lock().expect("whole").0.clone()
    }
}

/// All keys of all roles.
fn all_keys() -> BTreeSet<String> {
    Role::ALL.into_iter().flat_map(keys).collect()
}

/// Has somebody hear and answer everything.
fn listens(session: &Session, word: &'static str, seen: &Seen) -> Vec<Box<dyn Any>> {
    let mut kept: Vec<Box<dyn Any>> = Vec::new();
    for key in all_keys() {
        let noted = seen.clone();
        let is_asked = move |query: Query| {
            noted.note(&signed(query.attachment()), word, Way::Asks, query.key_expr().as_str());
            answer(&query, word);
        };
        let queryable = session.declare_queryable(key).allowed_origin(Locality::Remote);
        kept.push(Box::new(queryable.callback(is_asked).wait().expect("answers")));
    }
    // Whoever has the last had all of them.
    for key in all_keys().into_iter().chain([FIRST, LAST].map(str::to_owned)) {
        let noted = seen.clone();
        let hears = move |sample: Sample| {
            let way = if sample.kind() == SampleKind::Put { Way::Says } else { Way::Deletes };
            noted.note(&signed(sample.attachment()), word, way, sample.key_expr().as_str());
        };
        let subscriber = session.declare_subscriber(key).allowed_origin(Locality::Remote);
        kept.push(Box::new(subscriber.callback(hears).wait().expect("hears")));
    }
    kept
}

/// Has somebody announced as everything.
fn announces(session: &Session, word: &str) -> Vec<Box<dyn Any>> {
    let tokens = Role::ALL.map(|role| session.liveliness().declare_token(announced(role, word)).wait());
    tokens.into_iter().map(|t| Box::new(t.expect("a token")) as Box<dyn Any>).collect()
}

/// Everything that some say and ask of all the others at once; what passes is noted.
fn tries(says: &[(&Session, &'static str)], hears: &[(&Session, &'static str)], seen: &Seen, is_let: bool) {
    let word = |word: &str| {
        if is_let {
            say(word, says, || seen.heard(word) == says.len() * hears.len());
        } else {
            let began = Instant::now();
            say(word, says, || began.elapsed() > Duration::from_secs(1));
        }
    };
    word(FIRST);
    for (session, signs) in says {
        for key in all_keys() {
            // A node's own session may refuse what it is no use to send.
            let put = session.put(&key, "").attachment(*signs).congestion_control(CongestionControl::Block);
            let _ = put.wait();
            let delete = session.delete(&key).attachment(*signs);
            let _ = delete.congestion_control(CongestionControl::Block).wait();
        }
    }
    word(LAST);
    for (session, signs) in says {
        for key in all_keys() {
            let (noted, signs) = (seen.clone(), *signs);
            // Not through a channel: more answers may come than it would hold.
            let is_answered = move |reply: Reply| {
                if let Ok(sample) = reply.result() {
                    // What Zenoh says of itself is signed by nobody.
                    let by = signed(sample.attachment());
                    noted.note(signs, &by, Way::Answers, sample.key_expr().as_str());
                }
            };
            let get = session.get(key).payload("").attachment(signs).timeout(LIMIT);
            let get = get.target(QueryTarget::All).consolidation(ConsolidationMode::None);
            let get = get.allowed_destination(Locality::Remote).congestion_control(CongestionControl::Block);
            get.callback(is_answered).wait().expect("asked");
        }
    }
    let there = hears.iter().map(|(session, word)| {
        (*word, session.liveliness().get("arm/node/*/*").timeout(LIMIT).wait().expect("asked"))
    });
    let there: Vec<_> = there.collect();
    std::thread::sleep(LIMIT);
    for (word, replies) in there {
        while let Ok(reply) = replies.recv() {
            if let Ok(sample) = reply.result() {
                let who = sample.key_expr().as_str().rsplit('/').next().unwrap_or_default();
                seen.note(who, word, Way::IsThere, sample.key_expr().as_str());
            }
        }
    }
}

/// Compares what has passed with what shall.
fn assert_exactly(passed: &Passes, shall: &Passes) {
    let too_much: Vec<_> = passed.difference(shall).collect();
    let too_little: Vec<_> = shall.difference(passed).collect();
    assert!(too_much.is_empty() && too_little.is_empty(), "{too_much:#?} {too_little:#?}");
}

/// What passes through a router that is told this: one of each role says and asks all, another of each hears and answers.
fn through(keys: &Deployed, told: impl Fn(u16) -> String) -> Passes {
    let (port, seen) = (free_port(), Seen::default());
    let _router = keys.routed(&told(port));
    let at = format!("quic/127.0.0.1:{port}");
    let of_each = || Role::ALL.map(|role| (stranger(&keys.tls(role), &at).expect("is let in"), role.word()));
    let (says, hears) = (of_each(), of_each());
    let _kept = hears.each_ref().map(|(session, word)| listens(session, word, &seen));
    let _announced = says.each_ref().map(|(session, word)| announces(session, word));
    let (says, hears) = (says.each_ref().map(|(s, w)| (s, *w)), hears.each_ref().map(|(s, w)| (s, *w)));
    tries(&says, &hears, &seen, true);
    seen.passed()
}

/// What shall pass where `says` (their words with the roles that they are for) and `hears` are at the two ends.
fn shall(says: &[(&str, &[Role])], hears: &[(&str, &[Role])]) -> Passes {
    let mut out = Passes::new();
    for (from, for_from) in says {
        for (to, for_to) in hears {
            let mut passes =
                |way: Way, key: String| out.insert((String::from(*from), String::from(*to), way, key));
            let are = |of: &[Role], list: &[Role]| list.iter().any(|r| of.contains(r));
            for (t, by) in TOPICS.iter().flat_map(|t: &Topic| Role::ALL.map(|by| (t, by))) {
                if are(for_from, t.puts) && are(for_to, t.hears) {
                    passes(Way::Says, key(t, by));
                }
                if are(for_from, t.asks) && are(for_to, t.answers) {
                    passes(Way::Asks, key(t, by));
                    passes(Way::Answers, key(t, by));
                }
            }
            for role in *for_from {
                passes(Way::IsThere, announced(*role, from));
            }
        }
    }
    out
}

fn each() -> Vec<(&'static str, Vec<Role>)> {
    Role::ALL.map(|role| (role.word(), vec![role])).into()
}

#[test]
fn through_a_router_between_all_roles_and_on_all_topics_exactly_that_passes_which_the_list_says() {
    let (keys_of, began) = (Deployed::new("router-matrix"), Instant::now());
    let each = each();
    let each: Vec<(&str, &[Role])> = each.iter().map(|(word, roles)| (*word, roles.as_slice())).collect();
    let passed = through(&keys_of, |port| keys_of.router(port));
    assert_exactly(&passed, &shall(&each, &each));
    let n_tried = 36 * (4 * all_keys().len() + Role::ALL.len());
    println!("{n_tried} tried, {} passed, in {:?}", passed.len(), began.elapsed());
}

#[test]
fn through_a_router_without_rules_everything_passes_that_is_tried() {
    let keys_of = Deployed::new("router-open");
    let passed =
        through(&keys_of, |port| keys_of.router(port).replace("\"enabled\": true", "\"enabled\": false"));
    let everything: Vec<(&str, &[Role])> = Role::ALL.map(|r| (r.word(), Role::ALL.as_slice())).into();
    let everything = shall(&everything, &everything);
    let missing: Vec<_> = everything.difference(&passed).collect();
    assert!(missing.is_empty(), "the trial has no teeth: {missing:#?}");
}

/// Settings of a node that speaks through the router at this port.
fn behind(keys: &Deployed, role: Role, port: u16) -> Settings {
    Settings {
        robot: "arm".into(),
        connect: vec![format!("quic/127.0.0.1:{port}")],
        is_direct: false,
        keys: Some(keys.of(role)),
        ..Settings::default()
    }
}

/// What passes either way between a node of a role, by the rules of its own, and somebody with the certificate of `party`
/// where its router should be, who says, asks, hears and answers everything in everybody's name.
fn with_taken_over(keys: &Deployed, role: Role, party: Party, is_let: bool) -> Passes {
    let (port, seen) = (free_port(), Seen::default());
    let taken_over = listening("router", &keys.tls_of(party), port, json!({ "enabled": false }));
    let here = session(&behind(keys, role, port).zenoh_config().expect("it can be")).expect("a node");
    until("they are linked", || here.info().routers_zid().wait().next().is_some());
    let _kept = [listens(&here, role.word(), &seen), listens(&taken_over, "router", &seen)];
    let _announced = [announces(&here, role.word()), announces(&taken_over, "router")];
    tries(&[(&here, role.word())], &[(&taken_over, "router")], &seen, is_let);
    let back = Seen::default();
    let _kept_back = [listens(&here, role.word(), &back)];
    tries(&[(&taken_over, "router")], &[(&here, role.word())], &back, is_let);
    let mut all = seen.passed();
    all.append(&mut back.passed());
    // Each sees itself announced, too.
    all.retain(|(from, to, ..)| from != to);
    all
}

#[test]
fn from_a_router_in_other_hands_a_node_takes_what_anybody_may_say_to_it_and_tells_it_no_more() {
    let keys_of = Deployed::new("router-rogue");
    std::thread::scope(|scope| {
        for role in Role::ALL {
            let keys_of = &keys_of;
            scope.spawn(move || {
                let passed = with_taken_over(keys_of, role, Party::Router, true);
                let node: (&str, &[Role]) = (role.word(), &[role]);
                let router: (&str, &[Role]) = ("router", &Role::ALL);
                let mut shall_pass = shall(&[node], &[router]);
                shall_pass.append(&mut shall(&[router], &[node]));
                assert_exactly(&passed, &shall_pass);
            });
        }
    });
}

#[test]
fn nobody_with_the_certificate_of_a_node_is_taken_for_the_router_nor_the_router_for_a_node() {
    let keys_of = Deployed::new("router-posing");
    std::thread::scope(|scope| {
        for pretends in [Role::Perception, Role::Robot, Role::Operator] {
            let keys_of = &keys_of;
            scope.spawn(move || {
                let passed = with_taken_over(keys_of, Role::Planner, Party::Node(pretends), false);
                assert_eq!(passed, Passes::new(), "{pretends:?} as the router");
            });
        }
        scope.spawn(|| {
            // Nor does a node that others speak with straight take anything from the router.
            let (port, seen) = (free_port(), Seen::default());
            let robot = node(&keys_of, Role::Robot, port, keys_of.access(Role::Robot));
            let router = stranger(&keys_of.tls_of(Party::Router), &format!("quic/127.0.0.1:{port}"))
                .expect("it is linked");
            let _kept = [listens(&robot, "robot", &seen), listens(&router, "router", &seen)];
            tries(&[(&router, "router")], &[(&robot, "robot")], &seen, false);
            tries(&[(&robot, "robot")], &[(&router, "router")], &seen, false);
            let passed = seen.passed().into_iter().filter(|(from, to, ..)| from != to).collect::<Passes>();
            assert_eq!(passed, Passes::new());
        });
    });
}

#[test]
fn a_router_refuses_plain_text_another_authority_no_certificate_and_two_under_one_name() {
    let (ours, theirs, port) = (Deployed::new("router-ours"), Deployed::new("router-theirs"), free_port());
    let _router = ours.routed(&ours.router(port));
    lets_in_its_own_alone(&ours, &theirs, port);
    let planner = ours.tls(Role::Planner);
    let other = free_port();
    let _their_router = theirs.routed(&theirs.router(other));
    let to_theirs = stranger(&planner, &format!("quic/127.0.0.1:{other}"));
    assert!(to_theirs.is_err(), "to a router of another deployment");
    // Who is there already keeps its number: another's rights are not added to it.
    let at = format!("quic/127.0.0.1:{port}");
    let _first = named("a1b2c3", &planner, &at).expect("is let in");
    assert!(named("a1b2c3", &ours.tls(Role::Perception), &at).is_err(), "another under its number");
}

/// A question as it came by, to be asked again.
#[derive(Clone)]
struct Overheard {
    key: String,
    payload: Vec<u8>,
    attachment: Vec<u8>,
}

#[test]
fn a_router_in_other_hands_cannot_command_with_what_it_makes_up_changes_or_heard() {
    let (keys, port, began) = (Deployed::new("router-mac"), free_port(), Instant::now());
    let router = listening("router", &keys.tls_of(Party::Router), port, json!({ "enabled": false }));
    let open = |role: Role| {
        let clock: NodeClock = Arc::new(move || Time::ZERO + began.elapsed());
        Wire::open(&behind(&keys, role, port), role, clock).expect("opened")
    };
    let operator = open(Role::Operator);
    let ring = |role| Keyring::read(&keys.of(role)).expect("its secrets");
    let hello = || operator.session(Role::Robot, &ring(Role::Operator), LIMIT);
    // The router sees all of it.
    let heard: Arc<Mutex<Vec<Overheard>>> = Arc::default();
    let bytes = |b: Option<&zenoh::bytes::ZBytes>| b.map(|b| b.to_bytes().into_owned()).unwrap_or_default();
    let into = Arc::clone(&heard);
    let _asked: Vec<_> = ["arm/session/robot", "arm/order", "arm/stop"]
        .map(|key| {
            let into = Arc::clone(&into);
            let overhears = move |q: Query| {
                let (payload, attachment) = (bytes(q.payload()), bytes(q.attachment()));
                let key = q.key_expr().as_str().to_owned();
                into.lock().expect("whole").push(Overheard { key, payload, attachment });
            };
            router.declare_queryable(key).callback(overhears).wait().expect("overhears")
        })
        .into();
    let signs_of_life: Arc<Mutex<Vec<Overheard>>> = Arc::default();
    let into = Arc::clone(&signs_of_life);
    let _said = router.declare_subscriber("arm/alive").callback(move |s: Sample| {
        let (payload, attachment) = (bytes(Some(s.payload())), bytes(s.attachment()));
        let key = s.key_expr().as_str().to_owned();
        into.lock().expect("whole").push(Overheard { key, payload, attachment });
    });
    let _said = _said.wait().expect("overhears");
    // What the operator asks before there is a robot, the router alone hears, and keeps.
    until("the router has a question of its own", || {
        assert!(hello().is_err(), "a session with no robot");
        !heard.lock().expect("whole").is_empty()
    });
    let held_back: Vec<_> = heard.lock().expect("whole").drain(..).collect();
    let robot = open(Role::Robot);
    let sessions = Arc::new(Mutex::new(Sessions::new(Role::Robot, ring(Role::Robot))));
    let topics_of_robot = [(&topics::SESSION, "robot"), (&topics::ORDER, ""), (&topics::STOP, "")];
    let questions = robot.answer(&topics_of_robot).expect("may answer");
    let alive = robot.hear::<Number>(&topics::ALIVE, "", 64).expect("may hear");
    let (wire, open_ones) = (robot.clone(), Arc::clone(&sessions));
    std::thread::spawn(move || {
        while let Some(q) = questions.next_within(Duration::from_secs(60)) {
            if q.topic() == topics::SESSION.key {
                let _ = q.open_session(&wire, &open_ones);
                continue;
            }
            let read = q.read_signed::<Goal>(&mut open_ones.lock().expect("whole"), wire.now());
            q.answer_with(&wire, read.map(|_| Taken { id: 7 }));
        }
    });

    let mut signer = None;
    until("a session is open", || {
        signer = hello().ok();
        signer.is_some()
    });
    let signer = signer.expect("a session");
    let goal = Goal { sentence: "go".into(), answers: Vec::new(), can_be_asked: true };
    for topic in [&topics::ORDER, &topics::STOP] {
        let taken: Taken = operator.command(&signer, topic, &goal, LIMIT).expect("what is signed is taken");
        assert_eq!(taken.id, 7);
    }
    let says = operator.publisher::<Number>(&topics::ALIVE, "").expect("may say");
    until("somebody hears", || says.is_heard());
    let mut count = 0;
    until("a sign of life is taken", || {
        says.put_signed(&Number { value: 1.0, ..Number::default() }, &signer).expect("said");
        let mut open_ones = sessions.lock().expect("whole");
        while alive.take_signed(&mut open_ones, robot.now()).is_some() {
            count += 1;
        }
        count > 0
    });
    std::thread::sleep(Duration::from_millis(300));
    let take_all = || {
        let mut open_ones = sessions.lock().expect("whole");
        core::iter::from_fn(|| alive.take_signed(&mut open_ones, robot.now())).count()
    };
    take_all();

    let says_again = |said: &Overheard| {
        let get = router.get(&said.key).payload(said.payload.clone()).attachment(said.attachment.clone());
        let replies = get.target(QueryTarget::All).timeout(LIMIT).wait().expect("asked");
        let mut why = Vec::new();
        while let Ok(reply) = replies.recv() {
            match reply.result() {
                Ok(sample) => return Err(sample.payload().clone()),
                Err(e) => why.extend(from_cdr::<Refusal>(&e.payload().to_bytes()).map(|r| r.field)),
            }
        }
        Ok(why)
    };
    let refused = |said: &Overheard| {
        let why = says_again(said).unwrap_or_else(|taken| panic!("{}: taken: {taken:?}", said.key));
        assert!(!why.is_empty(), "{}: nobody refused it", said.key);
    };
    let heard = heard.lock().expect("whole").clone();
    // A request for a session that was held back opens one when it is let on, once; the router can say nothing in it.
    // More of them may have come to the router alone while the robot was on its way.
    assert!(says_again(&held_back[0]).is_err(), "a session asked for with the right secret");
    refused(&held_back[0]);
    for request in heard.iter().filter(|h| h.key == "arm/session/robot") {
        let _ = says_again(request);
    }
    assert!(["arm/session/robot", "arm/order", "arm/stop"].iter().all(|k| heard.iter().any(|h| h.key == *k)));
    for said in &heard {
        // Once more as it was; with a bit of what it says changed; of its envelope; under another key.
        refused(said);
        let flipped = |bytes: &[u8], at: usize| {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= 1;
            bytes
        };
        let last = said.payload.len() - 1;
        refused(&Overheard { payload: flipped(&said.payload, last), ..said.clone() });
        for at in 0..said.attachment.len() {
            refused(&Overheard { attachment: flipped(&said.attachment, at), ..said.clone() });
        }
        let elsewhere = if said.key == "arm/order" { "arm/stop" } else { "arm/order" };
        refused(&Overheard { key: elsewhere.into(), ..said.clone() });
    }
    let signs = signs_of_life.lock().expect("whole").clone();
    assert!(!signs.is_empty());
    for said in &signs {
        router.put(&said.key, said.payload.clone()).attachment(said.attachment.clone()).wait().expect("said");
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(take_all(), 0, "a sign of life counted twice");
    assert!(Keyring::read(&keys.of(Role::Robot).with_file_name("router")).is_ok_and(|ring| {
        Role::ALL.iter().all(|a| Role::ALL.iter().all(|b| ring.get(*a, *b).is_none()))
    }));
}
