//! Who may command here, and that no command counts twice.
//!
//! A session is opened by a request that is signed with the secret of the pair; its number, drawn at random, is then
//! the sender of every command, and stands in what is signed. So a command that was heard once and is sent again, in
//! this session or after a restart of either side, is refused (SEC2, F5, F37).

use super::clock::LinkClock;
use super::envelope::Envelope;
use super::keys::{Keyring, Tag, random_id};
use super::topics::Role;
use std::collections::{HashMap, VecDeque};
use types::{Rejection, Time};

/// So many may be open at a time.
const MOST: usize = 16;
/// One that was silent for so long may make room for another, seconds: who holds a lease gives signs of life more often,
/// and a person who stops the robot again and again has to be heard each time.
const IDLE_S: f64 = 1.0;
/// A clock that is known less well is not known, seconds.
const WIDEST_S: f64 = 0.1;
/// Requests that are remembered.
const REQUESTS: usize = 256;

/// One that is open.
struct Session {
    from: Role,
    /// The node that opened it.
    node: u64,
    /// Its clock, once that is known.
    clock: Option<LinkClock>,
    /// The number of the last command on each key.
    last: HashMap<String, u64>,
    heard: Time,
}

/// The sessions that are open at a node of this role.
pub struct Sessions {
    here: Role,
    keyring: Keyring,
    open: HashMap<u64, Session>,
    /// Proofs of the last requests: none opens a second session.
    requests: VecDeque<Tag>,
    refused: u64,
}

/// A command that is what it says.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Verified {
    /// In which session.
    pub session: u64,
    /// Whose.
    pub from: Role,
    /// The sender's clock, where it is known.
    pub clock: Option<LinkClock>,
    /// When it was sent, by that clock.
    pub sent: Time,
}

impl Verified {
    /// The sender's clock, for a command that is not older than `most_s` seconds at `now`.
    ///
    /// # Errors
    /// A [`Rejection`] for a clock that is not known, or not to a tenth of a second (F28); for a command that is older,
    /// or from the future (B22, F2).
    pub fn fresh(&self, now: Time, most_s: f64) -> Result<LinkClock, Rejection> {
        let expected = || format!("a sender's clock that is known to {WIDEST_S} s");
        let clock = self.clock.ok_or_else(|| Rejection::new("session.clock", expected(), "none"))?;
        if clock.width_s() > WIDEST_S {
            return Err(Rejection::new("session.clock", expected(), format!("{:.3} s", clock.width_s())));
        }
        let age_s = now.secs_since(clock.ours(self.sent));
        if !(0.0..=most_s + clock.width_s()).contains(&age_s) {
            return Err(Rejection::new(
                "envelope.sent",
                format!("at most {most_s} s ago"),
                format!("{age_s:.3} s"),
            ));
        }
        Ok(clock)
    }
}

impl Sessions {
    /// None yet.
    #[must_use]
    pub fn new(here: Role, keyring: Keyring) -> Self {
        Self { here, keyring, open: HashMap::new(), requests: VecDeque::new(), refused: 0 }
    }

    /// How many commands were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Opens a session for the node that signed this request as `from`, and whose clock is known.
    ///
    /// # Errors
    /// A [`Rejection`] when nobody of that role may command here, the request is not signed with its secret, or too
    /// many sessions are open.
    pub fn open(
        &mut self,
        (from, node): (Role, u64),
        request: (&str, &Envelope, &[u8]),
        clock: Option<LinkClock>,
        now: Time,
    ) -> Result<u64, Rejection> {
        self.check_request(from, request)?;
        let tag = request.1.tag.unwrap_or(Tag([0; 16]));
        if self.requests.contains(&tag) {
            return Err(Rejection::new(
                "session.nonce",
                "a request that was not made before",
                "one that was",
            ));
        }
        if self.open.len() >= MOST {
            // Who has never commanded goes first.
            let idle = self.open.iter().filter(|(_, s)| now.secs_since(s.heard) > IDLE_S);
            let Some((oldest, _)) = idle.min_by_key(|(_, s)| (!s.last.is_empty(), s.heard)) else {
                return Err(Rejection::new("session", format!("at most {MOST} at a time"), "one more"));
            };
            let oldest = *oldest;
            self.open.remove(&oldest);
        }
        let id = random_id()?;
        if self.requests.len() == REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(tag);
        self.open.insert(id, Session { from, node, clock, last: HashMap::new(), heard: now });
        Ok(id)
    }

    /// That a request for a session is signed as one of `from`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn check_request(
        &mut self,
        from: Role,
        (topic, envelope, payload): (&str, &Envelope, &[u8]),
    ) -> Result<(), Rejection> {
        let Some(key) = self.keyring.get(from, self.here) else {
            self.refused += 1;
            let expected = format!("a role that may command a {}", self.here.word());
            return Err(Rejection::new("session.role", expected, from.word()));
        };
        if !envelope.is_signed(key, topic, payload) {
            self.refused += 1;
            return Err(Rejection::new("session.tag", format!("the secret of a {}", from.word()), "another"));
        }
        Ok(())
    }

    /// Proves to whoever is `from` that this node has the secret, too.
    pub(crate) fn prove(&self, from: Role, what: &[u8]) -> Option<Tag> {
        self.keyring.get(from, self.here).map(|key| key.tag(&[what]))
    }

    /// That a command is in an open session, signed, and newer on its key than every one before.
    ///
    /// # Errors
    /// A [`Rejection`] naming what is not so; nothing has changed.
    pub fn check(
        &mut self,
        topic: &str,
        envelope: &Envelope,
        payload: &[u8],
        now: Time,
    ) -> Result<Verified, Rejection> {
        let checked = self.checked(topic, envelope, payload, now);
        self.refused += u64::from(checked.is_err());
        checked
    }

    fn checked(
        &mut self,
        topic: &str,
        envelope: &Envelope,
        payload: &[u8],
        now: Time,
    ) -> Result<Verified, Rejection> {
        let refuse = |field, expected: &str, got: String| Rejection::new(field, expected.to_owned(), got);
        let Some(session) = self.open.get_mut(&envelope.sender) else {
            return Err(refuse("session", "one that is open", format!("{:016x}", envelope.sender)));
        };
        let key = self.keyring.get(session.from, self.here);
        if !key.is_some_and(|key| envelope.is_signed(key, topic, payload)) {
            return Err(refuse("tag", "a proof by the session's secret", "none, or another".into()));
        }
        match session.last.get_mut(topic) {
            Some(last) if envelope.sequence <= *last => {
                return Err(refuse("sequence", &format!("above {last}"), envelope.sequence.to_string()));
            }
            Some(last) => *last = envelope.sequence,
            None => _ = session.last.insert(topic.to_owned(), envelope.sequence),
        }
        session.heard = now;
        let clock = session.clock.map(|c| c.at(now));
        Ok(Verified { session: envelope.sender, from: session.from, clock, sent: envelope.sent })
    }

    /// Every session with the node that has it.
    #[must_use]
    pub fn nodes(&self) -> Vec<(u64, u64)> {
        self.open.iter().map(|(id, s)| (*id, s.node)).collect()
    }

    /// What else is known of the clock of whoever has this session.
    pub fn heard_clock(&mut self, session: u64, newer: LinkClock) {
        if let Some(s) = self.open.get_mut(&session) {
            s.clock = Some(s.clock.map_or(newer, |c| c.with(newer)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::keys::Key;
    use rand::{Rng as _, SeedableRng as _, seq::IndexedRandom as _};
    use rand_chacha::ChaCha8Rng;

    const NOW: Time = Time::from_nanos(1_000_000_000);

    fn clock() -> Option<LinkClock> {
        LinkClock::handshake(NOW, NOW, NOW).ok()
    }

    fn ring() -> Keyring {
        Keyring::of_master(&[9; 32])
    }

    fn envelope(sender: u64, sequence: u64) -> Envelope {
        Envelope { schema: 1, sender, sequence, sent: NOW, tag: None }
    }

    fn opened(sessions: &mut Sessions, from: Role) -> u64 {
        let key = ring().get(from, Role::Robot).cloned().expect("a pair");
        let request = envelope(5, 1).signed(&key, "arm/session/robot", b"");
        sessions.open((from, 5), ("arm/session/robot", &request, b""), clock(), NOW).expect("opened")
    }

    #[test]
    fn only_who_has_the_secret_of_its_role_gets_a_session_and_there_is_room_for_so_many() {
        let mut sessions = Sessions::new(Role::Robot, ring());
        let key = ring().get(Role::Planner, Role::Robot).cloned().expect("a pair");
        let numbered = |n| envelope(5, n).signed(&key, "k", b"");
        let request = numbered(1);
        let mut open =
            |from, request: &Envelope, now| sessions.open((from, 5), ("k", request, b""), clock(), now);
        assert!(open(Role::Operator, &request, NOW).is_err(), "a planner is no person");
        assert!(open(Role::Observer, &request, NOW).is_err());
        assert!(open(Role::Planner, &envelope(5, 1), NOW).is_err(), "unsigned");
        for n in 0..MOST as u64 {
            open(Role::Planner, &numbered(n), NOW).expect("room");
        }
        assert!(open(Role::Planner, &numbered(100), NOW).is_err());
        let later = NOW + core::time::Duration::from_millis(1100);
        assert!(open(Role::Planner, &numbered(100), later).is_ok(), "an idle one goes");
        assert!(open(Role::Planner, &numbered(100), later).is_err(), "nor does a request count twice");
    }

    /// SEC2, the small tier; `sinew bench wire` takes a million.
    #[test]
    fn of_commands_that_are_replayed_forged_or_reordered_none_is_taken() {
        let mut sessions = Sessions::new(Role::Robot, ring());
        let session = opened(&mut sessions, Role::Planner);
        let key = ring().get(Role::Planner, Role::Robot).cloned().expect("a pair");
        let other = Key::from_bytes([1; 32]);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut sent: Vec<(Envelope, [u8; 8])> = Vec::new();
        let mut taken = 0u64;
        for n in 1..=1000u64 {
            let payload = n.to_le_bytes();
            let good = envelope(session, n).signed(&key, "arm/order", &payload);
            assert!(sessions.check("arm/order", &good, &payload, NOW).is_ok());
            sent.push((good, payload));
            for _ in 0..20 {
                let (e, p) = *sent.choose(&mut rng).expect("one");
                let (topic, e, p) = match rng.random_range(0..8) {
                    // Replayed, in this order or another.
                    0 => ("arm/order", e, p),
                    1 => ("arm/world", e, p),
                    2 => ("arm/order", Envelope { sequence: n + 1, ..e }, p),
                    3 => ("arm/order", Envelope { sequence: n + 1, tag: None, ..e }, p),
                    4 => ("arm/order", envelope(session, n + 1).signed(&other, "arm/order", &p), p),
                    5 => ("arm/order", envelope(rng.random(), n + 1).signed(&key, "arm/order", &p), p),
                    6 => ("arm/order", Envelope { sequence: n + 1, ..good }, rng.random()),
                    _ => ("arm/order", Envelope { sent: Time::ZERO, sequence: n + 1, ..e }, p),
                };
                taken += u64::from(sessions.check(topic, &e, &p, NOW).is_ok());
            }
        }
        assert_eq!((taken, sessions.refused()), (0, 20_000));
    }

    #[test]
    fn a_command_that_is_old_from_the_future_or_by_an_unknown_clock_is_none() {
        let at = |ms: i64| Time::from_nanos(NOW.as_nanos() + ms * 1_000_000);
        // Its clock is two seconds ahead, and known to two milliseconds.
        let clock = LinkClock::handshake(at(0), at(2001), at(2)).ok();
        let by = |clock, sent| Verified { session: 1, from: Role::Planner, clock, sent };
        assert!(by(clock, at(2100)).fresh(at(110), 0.5).is_ok());
        assert!(by(clock, at(2100)).fresh(at(590), 0.5).is_ok());
        assert!(by(clock, at(2100)).fresh(at(620), 0.5).is_err(), "F2");
        assert!(by(clock, at(2100)).fresh(at(90), 0.5).is_err(), "B22");
        assert!(by(None, at(2100)).fresh(at(110), 0.5).is_err(), "F28");
        let vague = LinkClock::handshake(at(0), at(2001), at(2)).ok().map(|c| c.at(at(300_000)));
        assert!(by(vague, at(302_000)).fresh(at(300_000), 0.5).is_err(), "F28");
    }

    #[test]
    fn after_a_restart_of_the_robot_no_command_of_before_counts() {
        let mut before = Sessions::new(Role::Robot, ring());
        let session = opened(&mut before, Role::Operator);
        let key = ring().get(Role::Operator, Role::Robot).cloned().expect("a pair");
        let command = envelope(session, 1).signed(&key, "arm/order", b"x");
        let mut after = Sessions::new(Role::Robot, ring());
        opened(&mut after, Role::Operator);
        assert!(after.check("arm/order", &command, b"x", NOW).is_err());
        assert!(before.check("arm/order", &command, b"x", NOW).is_ok());
    }
}
