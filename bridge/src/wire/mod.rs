//! The wire between nodes: one address space over Zenoh, `ROBOT/TOPIC`, payloads in CDR, and beside each an
//! [`Envelope`].
//!
//! Nodes on one machine find each other by themselves, and nobody beyond it is let in (whoever runs programs there can
//! read along and answer for others, but not command: that takes the secret); over machines every link is QUIC with
//! certificates on both sides (`sinew keys` makes them). What may be said by whom is [`topics`]; commands are signed on
//! top of that ([`Sessions`]), whatever carries them. No message is lost in silence: [`ArrowHealth`] counts.

mod access;
mod arrow;
mod bare;
mod deployment;
mod open;
mod question;
mod router;
mod signer;
mod teller;
mod unreached;

pub use access::{
    access_control, access_control_of_router, access_control_through_router, common_name, router_name,
};
pub use arrow::{ArrowHealth, LATENCY_EDGES_MS};
pub use bare::Bare;
pub use deployment::{Deployment, Fate, Keys, Party, PartyKeys};
pub use open::{Announced, Present, Settings};
pub use question::{Questions, Received};
pub use router::Router;
pub use signer::Signer;
pub use teller::Teller;
pub use unreached::Reached;

pub use crate::trust::{
    Care, Envelope, Key, Keyring, LONGEST_ROUND_S, LinkClock, PAIRS, Role, Sessions, Tag, Topic, Verified,
    random_id, random_secret, schema_id, topics, write_secrets,
};

use crate::ros::{Ask, Clock, Message, Refusal, SessionOpened, SessionRequest, from_cdr, to_cdr};
use arrow::{Arrow, Came};
use core::marker::PhantomData;
use core::time::Duration;
use question::read_envelope;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use types::{Rejection, Time};
use zenoh::Wait as _;
use zenoh::qos::{CongestionControl, Priority};
use zenoh::query::{ConsolidationMode, QueryTarget};

/// Tells a node's own time.
pub type NodeClock = Arc<dyn Fn() -> Time + Send + Sync>;

/// How long a clock is waited for.
const CLOCK_LIMIT: Duration = Duration::from_millis(200);
/// So many nodes' clocks are known at most.
const MOST_NODES: usize = 64;
/// So many messages that are not signed are passed over in one look for one that is.
const MOST_UNSIGNED: usize = 64;
/// Rounds of a handshake; the quickest says the most.
const ROUNDS: usize = 3;
/// How often is looked whether an answer is still waited for.
const GLANCE: Duration = Duration::from_millis(50);

/// Why something could not be said, or was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It was refused, here or there.
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// Nobody has answered.
    #[error("{key}: no answer within {limit:?}")]
    Silent {
        /// What was asked.
        key: String,
        /// How long was waited.
        limit: Duration,
    },
    /// Whoever asked did not wait for the answer.
    #[error("the answer was not waited for")]
    GivenUp,
    /// What carries the messages has failed.
    #[error("zenoh: {0}")]
    Zenoh(String),
}

fn zenoh(e: zenoh::Error) -> WireError {
    WireError::Zenoh(e.to_string())
}

struct Inner {
    session: zenoh::Session,
    robot: String,
    role: Role,
    id: u64,
    clock: NodeClock,
    /// Those that somebody hears by.
    arrows: Mutex<Vec<Weak<Arrow>>>,
    /// Clocks of the nodes that were heard of; `None` of those that are to be asked.
    clocks: Mutex<HashMap<u64, Option<LinkClock>>>,
}

/// A node's end of the wire. Clones are the same end.
#[derive(Clone)]
pub struct Wire(Arc<Inner>);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    /// Who this node is, drawn anew at every start.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// What it is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.0.role
    }

    /// This node's own time.
    #[must_use]
    pub fn now(&self) -> Time {
        (self.0.clock)()
    }

    fn key(&self, topic: &Topic, of: &str) -> String {
        format!("{}/{}{of}", self.0.robot, topic.key)
    }

    /// A way to say messages of one type; `of` completes a key that ends in `/`.
    ///
    /// # Errors
    /// A [`Rejection`] for a topic that this role may not say; [`WireError::Zenoh`].
    pub fn publisher<M: Message>(&self, topic: &Topic, of: &str) -> Result<Publisher<M>, WireError> {
        self.may(topic.puts, topic, "say")?;
        let key = self.key(topic, of);
        let (congestion, priority) = match topic.care {
            Care::Newest if topic.is_express => (CongestionControl::Drop, Priority::InteractiveHigh),
            Care::Newest => (CongestionControl::Drop, Priority::Data),
            Care::Each => (CongestionControl::Block, Priority::DataHigh),
        };
        let publisher = self.0.session.declare_publisher(key.clone());
        let publisher = publisher.congestion_control(congestion).priority(priority).express(topic.is_express);
        let publisher = publisher.wait().map_err(zenoh)?;
        let (wire, schema) = (self.clone(), schema_id::<M>());
        Ok(Publisher { wire, key, publisher, schema, sequence: Mutex::new(0), _type: PhantomData })
    }

    /// Hears messages of one type from now on; at most `capacity` wait, and the oldest makes room. `of` completes a key
    /// that ends in `/`, and may be `*`.
    ///
    /// # Errors
    /// As [`Self::publisher`].
    pub fn hear<M: Message>(&self, topic: &Topic, of: &str, capacity: usize) -> Result<Heard<M>, WireError> {
        self.may(topic.hears, topic, "hear")?;
        let key = self.key(topic, of);
        let arrow = Arc::new(Arrow::new(key.clone(), capacity));
        let mut arrows = locked(&self.0.arrows);
        arrows.retain(|a| a.strong_count() > 0);
        arrows.push(Arc::downgrade(&arrow));
        drop(arrows);
        let (into, wire, most_bytes) = (arrow.clone(), Arc::downgrade(&self.0), topic.most_bytes);
        let subscriber = self.0.session.declare_subscriber(key).callback(move |sample| {
            let Some(inner) = wire.upgrade() else { return };
            let wire = Wire(inner);
            let now = wire.now();
            let n = sample.payload().len();
            if n > most_bytes {
                return into.refuse(format!("{n} bytes, of {most_bytes} at most"));
            }
            match read_envelope(sample.attachment()) {
                Ok(envelope) => {
                    // A signed one comes under the number of a session, whose clock is known there.
                    let clock = if envelope.tag.is_none() { wire.clock_of(envelope.sender) } else { None };
                    let sent = clock.map(|c| c.ours_about(envelope.sent));
                    let key = sample.key_expr().as_str().to_owned();
                    into.push(Came { envelope, payload: sample.payload().clone(), key }, sent, now);
                }
                Err(e) => into.refuse(e.to_string()),
            }
        });
        let subscriber = subscriber.wait().map_err(zenoh)?;
        Ok(Heard { arrow, schema: schema_id::<M>(), _subscriber: subscriber, _type: PhantomData })
    }

    /// Answers what is asked about these topics from now on; each with what completes its key.
    ///
    /// # Errors
    /// As [`Self::publisher`].
    pub fn answer(&self, topics: &[(&'static Topic, &str)]) -> Result<Questions, WireError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(question::MOST_WAITING);
        let mut queryables = Vec::new();
        for (topic, of) in topics {
            self.may(topic.answers, topic, "answer")?;
            let (topic, sender): (&'static Topic, _) = (topic, sender.clone());
            let queryable = self.0.session.declare_queryable(self.key(topic, of)).callback(move |query| {
                question::take_in(topic, query, &sender);
            });
            queryables.push(queryable.wait().map_err(zenoh)?);
        }
        Ok(Questions::new(receiver, queryables))
    }

    /// Asks, and waits for one answer.
    ///
    /// # Errors
    /// [`WireError::Refused`] with what the other side says; [`WireError::Silent`] after `limit`.
    pub fn ask<Q: Message, A: Message>(
        &self,
        topic: &Topic,
        of: &str,
        question: &Q,
        limit: Duration,
    ) -> Result<A, WireError> {
        self.ask_while(topic, of, question, limit, &|| true)
    }

    /// As [`Self::ask`], as long as `goes_on` says so.
    ///
    /// # Errors
    /// As [`Self::ask`]; [`WireError::GivenUp`] when it does not.
    pub fn ask_while<Q: Message, A: Message>(
        &self,
        topic: &Topic,
        of: &str,
        question: &Q,
        limit: Duration,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<A, WireError> {
        self.may(topic.asks, topic, "ask")?;
        if !goes_on() {
            return Err(WireError::GivenUp);
        }
        let (schema, sender, sent) = (schema_id::<Q>(), self.0.id, self.now());
        let envelope = Envelope { schema, sender, sequence: 0, sent, tag: None };
        self.asked(&self.key(topic, of), &envelope, to_cdr(question)?, limit, goes_on)
    }

    fn asked<A: Message>(
        &self,
        key: &str,
        envelope: &Envelope,
        payload: Vec<u8>,
        limit: Duration,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<A, WireError> {
        let get = self.0.session.get(key).payload(payload).attachment(envelope.to_bytes()).timeout(limit);
        // The first good answer counts, whoever else could give one.
        let get = get.target(QueryTarget::All).consolidation(ConsolidationMode::None);
        let get = get.congestion_control(CongestionControl::Block).priority(Priority::InteractiveHigh);
        let replies = get.express(true).wait().map_err(zenoh)?;
        let mut failed = None;
        while let Ok(reply) = replies.recv_timeout(GLANCE) {
            let reply = match reply {
                Some(reply) => reply,
                None if goes_on() => continue,
                None => return Err(WireError::GivenUp),
            };
            match reply.result() {
                Ok(sample) => {
                    let sent = read_envelope(sample.attachment())?;
                    sent.check_schema(A::NAME, schema_id::<A>())?;
                    return Ok(from_cdr(&sample.payload().to_bytes())?);
                }
                // What is no refusal is Zenoh's own word for a question that nobody has answered in time.
                Err(why) => {
                    let why = from_cdr::<Refusal>(&why.payload().to_bytes());
                    failed = failed.or(why.ok());
                }
            }
        }
        match failed {
            Some(Refusal { field, expected, got }) => Err(Rejection::new(field, expected, got).into()),
            None => Err(WireError::Silent { key: key.to_owned(), limit }),
        }
    }

    /// Measures the clock of a node.
    ///
    /// # Errors
    /// As [`Self::ask`]; a [`Rejection`] when the answers take too long to say anything.
    pub fn handshake(&self, node: u64) -> Result<LinkClock, WireError> {
        let mut best: Result<LinkClock, WireError> =
            Err(WireError::Silent { key: "clock".into(), limit: CLOCK_LIMIT });
        for nonce in 0..ROUNDS as u64 {
            let asked = self.now();
            let shows: Clock =
                self.ask(&topics::CLOCK, &format!("{node:016x}"), &Ask { nonce }, CLOCK_LIMIT)?;
            let round = LinkClock::handshake(asked, Time::from_nanos(shows.now), self.now());
            best = match (best, round) {
                (Ok(a), Ok(b)) => Ok(a.with(b)),
                (Err(_), round) => round.map_err(WireError::from),
                (best, Err(_)) => best,
            };
        }
        best
    }

    /// What is known of a node's clock now; one that was not heard of before is asked soon.
    #[must_use]
    pub fn clock_of(&self, node: u64) -> Option<LinkClock> {
        let mut clocks = locked(&self.0.clocks);
        if clocks.len() >= MOST_NODES && !clocks.contains_key(&node) {
            return None;
        }
        clocks.entry(node).or_default().map(|c| c.at(self.now()))
    }

    /// Asks the clocks of all nodes that were heard of again. To be called twice a second.
    pub fn ask_clocks(&self) {
        let nodes: Vec<u64> = locked(&self.0.clocks).keys().copied().collect();
        for node in nodes.into_iter().filter(|n| *n != self.0.id) {
            let asked = self.handshake(node);
            let mut clocks = locked(&self.0.clocks);
            match (asked, clocks.get_mut(&node)) {
                (Ok(newer), Some(known)) => *known = Some(known.map_or(newer, |k| k.with(newer))),
                (Err(WireError::Silent { .. }), _) => _ = clocks.remove(&node),
                _ => {}
            }
        }
    }

    /// Opens a session with whoever is `with`, as this node's role.
    ///
    /// # Errors
    /// A [`Rejection`] when this node lacks the secret, or the other side refuses or cannot prove itself; as
    /// [`Self::ask`].
    pub fn session(&self, with: Role, keyring: &Keyring, limit: Duration) -> Result<Signer, WireError> {
        let lacks = || {
            let expected = format!("the secret of {} to {}", self.0.role.word(), with.word());
            Rejection::new("keys", expected, "none")
        };
        let key = keyring.get(self.0.role, with).ok_or_else(lacks)?.clone();
        self.may(topics::SESSION.asks, &topics::SESSION, "ask")?;
        let nonce = random_id()?;
        let request = SessionRequest { role: self.0.role.word().into(), node: self.0.id, nonce };
        let (topic, payload) = (self.key(&topics::SESSION, with.word()), to_cdr(&request)?);
        let schema = schema_id::<SessionRequest>();
        let envelope = Envelope { schema, sender: self.0.id, sequence: 0, sent: self.now(), tag: None };
        let envelope = envelope.signed(&key, &topic, &payload);
        let opened: SessionOpened = self.asked(&topic, &envelope, payload, limit, &|| true)?;
        if !key.verifies(&Tag(opened.tag), &[&proof(nonce, opened.session)]) {
            return Err(Rejection::new("session.tag", format!("a {}'s proof", with.word()), "another").into());
        }
        Ok(Signer::new(key, opened.session))
    }

    /// Asks under a session.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn command<Q: Message, A: Message>(
        &self,
        signer: &Signer,
        topic: &Topic,
        question: &Q,
        limit: Duration,
    ) -> Result<A, WireError> {
        self.may(topic.asks, topic, "ask")?;
        let (key, payload) = (self.key(topic, ""), to_cdr(question)?);
        let envelope = signer.envelope(schema_id::<Q>(), &key, &payload, self.now());
        self.asked(&key, &envelope, payload, limit, &|| true)
    }

    /// How every arrow to this node does.
    #[must_use]
    pub fn health(&self) -> Vec<ArrowHealth> {
        let now = self.now();
        locked(&self.0.arrows).iter().filter_map(Weak::upgrade).map(|a| a.health(now)).collect()
    }

    fn may(&self, who: &[Role], topic: &Topic, what: &str) -> Result<(), Rejection> {
        if who.contains(&self.0.role) {
            return Ok(());
        }
        let words: Vec<&str> = who.iter().map(|r| r.word()).collect();
        let expected = format!("{} to {what} {}", words.join(" or "), topic.key);
        Err(Rejection::new("role", expected, self.0.role.word()))
    }
}

/// What the answer to a request for a session proves.
fn proof(nonce: u64, session: u64) -> [u8; 16] {
    (u128::from(nonce) | u128::from(session) << 64).to_le_bytes()
}

/// Says messages of one type.
pub struct Publisher<M> {
    wire: Wire,
    key: String,
    publisher: zenoh::pubsub::Publisher<'static>,
    schema: u64,
    sequence: Mutex<u64>,
    _type: PhantomData<fn(M)>,
}

impl<M: Message> Publisher<M> {
    /// Says one.
    ///
    /// # Errors
    /// A [`Rejection`] for what CDR cannot hold; [`WireError::Zenoh`].
    pub fn put(&self, message: &M) -> Result<(), WireError> {
        let payload = to_cdr(message)?;
        // Held while it is sent: the numbers go out in order.
        let mut sequence = locked(&self.sequence);
        *sequence += 1;
        let (schema, sender, sent) = (self.schema, self.wire.0.id, self.wire.now());
        let envelope = Envelope { schema, sender, sequence: *sequence, sent, tag: None };
        self.publisher.put(payload).attachment(envelope.to_bytes()).wait().map_err(zenoh)
    }

    /// Says one in a session.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub fn put_signed(&self, message: &M, signer: &Signer) -> Result<(), WireError> {
        let payload = to_cdr(message)?;
        let _in_order = locked(&self.sequence);
        let envelope = signer.envelope(self.schema, &self.key, &payload, self.wire.now());
        self.publisher.put(payload).attachment(envelope.to_bytes()).wait().map_err(zenoh)
    }

    /// Whether anybody hears.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.publisher.matching_status().wait().is_ok_and(|s| s.matching())
    }
}

/// Hears messages of one type.
pub struct Heard<M> {
    arrow: Arc<Arrow>,
    schema: u64,
    _subscriber: zenoh::pubsub::Subscriber<()>,
    _type: PhantomData<fn() -> M>,
}

impl<M: Message> Heard<M> {
    fn read(&self, came: &Came) -> Option<M> {
        let read = came.envelope.check_schema(M::NAME, self.schema);
        match read.and_then(|()| from_cdr(&came.payload.to_bytes())) {
            Ok(message) => Some(message),
            Err(e) => {
                self.arrow.refuse(e.to_string());
                None
            }
        }
    }

    /// The oldest that waits. What is no such message is counted and passed over.
    pub fn take(&self) -> Option<M> {
        core::iter::from_fn(|| self.arrow.take()).find_map(|came| self.read(&came))
    }

    /// As [`Self::take`], waiting for one for at most `limit`.
    pub fn take_within(&self, limit: Duration) -> Option<M> {
        self.take().or_else(|| self.read(&self.arrow.take_within(limit)?))
    }

    /// As [`Self::take`], of what is signed in an open session; what is not is counted.
    pub fn take_signed(&self, sessions: &mut Sessions, now: Time) -> Option<(Verified, M)> {
        for _ in 0..MOST_UNSIGNED {
            let came = self.arrow.take()?;
            match sessions.check(&came.key, &came.envelope, &came.payload.to_bytes(), now) {
                Ok(verified) => {
                    if let Some(message) = self.read(&came) {
                        return Some((verified, message));
                    }
                }
                Err(e) => self.arrow.refuse(e.to_string()),
            }
        }
        None
    }
}
