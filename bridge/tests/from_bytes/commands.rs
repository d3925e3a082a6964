//! What anybody between two nodes may do with commands: hold them back, send them again, change them, or make up others
//! (SEC2). What comes of it is compared with what has to.

use bridge::trust::{Envelope, Key, Keyring, LinkClock, Role, Sessions, Verified};
use core::time::Duration;
use types::{Rejection, Time};

const TOPICS: [&str; 2] = ["arm/order", "arm/world"];
const MASTER: [u8; 32] = [7; 32];

/// A command as its owner has said it.
struct Said {
    topic: usize,
    envelope: Envelope,
    payload: Vec<u8>,
}

/// The robot, and what it has to take next at the least.
struct Robot {
    sessions: Sessions,
    session: u64,
    last: [Option<u64>; 2],
    now: Time,
    taken: usize,
    refused: u64,
}

fn key(from: Role) -> Key {
    Keyring::of_master(&MASTER).get(from, Role::Robot).cloned().expect("a pair")
}

fn request() -> Envelope {
    let plain = Envelope { schema: 1, sender: 5, sequence: 1, sent: Time::ZERO, tag: None };
    plain.signed(&key(Role::Planner), "arm/session/robot", b"")
}

impl Robot {
    fn new() -> Self {
        let now = Time::from_nanos(1_000_000_000);
        let sessions = Sessions::new(Role::Robot, Keyring::of_master(&MASTER));
        let mut robot = Self { sessions, session: 0, last: [None; 2], now, taken: 0, refused: 0 };
        robot.session = robot.open(&request()).expect("opened");
        robot
    }

    fn open(&mut self, request: &Envelope) -> Result<u64, Rejection> {
        let clock = LinkClock::handshake(self.now, self.now, self.now).ok();
        self.sessions.open((Role::Planner, 5), ("arm/session/robot", request, b""), clock, self.now)
    }

    fn check(&mut self, topic: usize, envelope: &Envelope, payload: &[u8]) -> Result<Verified, Rejection> {
        let checked = self.sessions.check(TOPICS[topic], envelope, payload, self.now);
        self.refused += u64::from(checked.is_err());
        assert_eq!(self.sessions.refused(), self.refused, "each refusal is counted");
        checked
    }

    /// What its owner has said comes, now or once more.
    fn hear(&mut self, said: &Said) {
        let is_news = self.last[said.topic].is_none_or(|last| said.envelope.sequence > last);
        let checked = self.check(said.topic, &said.envelope, &said.payload);
        assert_eq!(checked.is_ok(), is_news, "SEC2: {:?} after {:?}", said.envelope, self.last[said.topic]);
        if is_news {
            self.last[said.topic] = Some(said.envelope.sequence);
            self.taken += 1;
        }
    }

    /// What nobody has said comes.
    fn hear_forged(&mut self, topic: usize, envelope: &Envelope, payload: &[u8]) {
        assert!(self.check(topic, envelope, payload).is_err(), "SEC2: {envelope:?} was never said");
    }
}

/// Does with commands what these bytes say; how many were taken.
///
/// # Panics
/// When one is taken that must not be, one refused that counts, or an envelope not what it was.
pub(crate) fn commands(bytes: &[u8]) -> usize {
    let (mut robot, owner, other) = (Robot::new(), key(Role::Planner), key(Role::Operator));
    let mut said: Vec<Said> = Vec::new();
    let mut sequences = [0u64; 2];
    for step in bytes.chunks(4).take(512) {
        let at = |i: usize| step.get(i).copied().unwrap_or(0);
        let topic = usize::from(at(1) & 1);
        let old = said.get(usize::from(at(1)) % said.len().max(1));
        match (at(0) % 8, old) {
            // The owner says something, and it comes; or it does not come yet.
            (kind @ (0 | 1), _) => {
                sequences[topic] += 1 + u64::from(at(2));
                let sent = Time::from_nanos(robot.now.as_nanos());
                let plain = Envelope {
                    schema: 1,
                    sender: robot.session,
                    sequence: sequences[topic],
                    sent,
                    tag: None,
                };
                let payload = step.to_vec();
                let envelope = plain.signed(&owner, TOPICS[topic], &payload);
                assert_eq!(Envelope::from_bytes(&envelope.to_bytes()), Ok(envelope));
                let new = Said { topic, envelope, payload };
                if kind == 0 {
                    robot.hear(&new);
                }
                said.push(new);
            }
            (2, Some(old)) => robot.hear(old),
            // One byte of the envelope is another; of the payload; the topic is.
            (3, Some(old)) => {
                let mut changed = old.envelope.to_bytes();
                let n = changed.len();
                changed[usize::from(at(2)) % n] ^= at(3).max(1);
                match Envelope::from_bytes(&changed) {
                    Ok(envelope) => robot.hear_forged(old.topic, &envelope, &old.payload),
                    Err(why) => assert!(why.field.starts_with("envelope"), "{why}"),
                }
            }
            (4, Some(old)) => {
                let mut payload = old.payload.clone();
                let n = payload.len();
                payload[usize::from(at(2)) % n] ^= at(3).max(1);
                robot.hear_forged(old.topic, &old.envelope, &payload);
            }
            (5, Some(old)) => robot.hear_forged(1 - old.topic, &old.envelope, &old.payload),
            // Somebody else with a secret of his own speaks for the owner; anybody at all does.
            (6, Some(old)) => {
                let sequence = sequences[topic] + 1;
                let mine = Envelope { sequence, ..old.envelope }.signed(&other, TOPICS[topic], step);
                robot.hear_forged(topic, &mine, step);
                assert!(robot.open(&request()).is_err(), "a request counts once");
            }
            _ => robot.now = robot.now + Duration::from_millis(u64::from(at(1))),
        }
    }
    // The bytes themselves, as what stands beside a payload.
    if let Ok(envelope) = Envelope::from_bytes(bytes) {
        assert_eq!(envelope.to_bytes(), bytes);
        robot.hear_forged(0, &envelope, bytes);
    }
    robot.taken
}
