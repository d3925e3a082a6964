//! Questions that wait for an answer.

use super::{Wire, locked, proof};
use crate::ros::{Message, Refusal, SessionOpened, SessionRequest, from_cdr, to_cdr};
use crate::trust::topics::SESSION;
use crate::trust::{Envelope, Role, Sessions, Tag, Topic, Verified, schema_id};
use core::time::Duration;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender};
use types::{Rejection, Time};
use zenoh::Wait as _;
use zenoh::query::{Query, Queryable};

/// So many questions wait; more have no answer.
pub(super) const MOST_WAITING: usize = 64;

/// An envelope as it came beside a payload.
pub(super) fn read_envelope(attachment: Option<&zenoh::bytes::ZBytes>) -> Result<Envelope, Rejection> {
    let Some(attachment) = attachment else { return Envelope::from_bytes(&[]) };
    // Whatever is longer is none: it is not copied.
    if attachment.len() > Envelope::LONGEST {
        let got = format!("{} bytes", attachment.len());
        return Err(Rejection::new("envelope", format!("at most {} bytes", Envelope::LONGEST), got));
    }
    Envelope::from_bytes(&attachment.to_bytes())
}

/// What comes is put in line, if there is room; what is nothing that could be a question is refused.
pub(super) fn take_in(topic: &'static Topic, query: Query, line: &SyncSender<Received>) {
    let n = query.payload().map_or(0, |p| p.len());
    if n > topic.most_bytes {
        let expected = format!("at most {} bytes", topic.most_bytes);
        return refuse(&query, &Rejection::new(topic.key, expected, n.to_string()));
    }
    match read_envelope(query.attachment()) {
        Ok(envelope) => {
            let payload = query.payload().map(|p| p.to_bytes().into_owned()).unwrap_or_default();
            // Where there is no room nobody answers: to say so could take longer than there is time here.
            let _ = line.try_send(Received { topic: topic.key, query, envelope, payload });
        }
        Err(e) => refuse(&query, &e),
    }
}

fn refuse(query: &Query, why: &Rejection) {
    let Rejection { field, expected, got } = why.clone();
    let payload = to_cdr(&Refusal { field: field.into(), expected: expected.into(), got: got.into() })
        .unwrap_or_default();
    // Who no longer waits misses nothing.
    let _ = query.reply_err(payload).wait();
}

/// Questions as they come, of all topics in one line.
pub struct Questions {
    line: Receiver<Received>,
    _queryables: Vec<Queryable<()>>,
}

impl Questions {
    pub(super) fn new(line: Receiver<Received>, queryables: Vec<Queryable<()>>) -> Self {
        Self { line, _queryables: queryables }
    }

    /// The next, waiting for one for at most `limit`.
    #[must_use]
    pub fn next_within(&self, limit: Duration) -> Option<Received> {
        self.line.recv_timeout(limit).ok()
    }
}

/// One question. Who drops it leaves it without an answer.
pub struct Received {
    topic: &'static str,
    query: Query,
    envelope: Envelope,
    payload: Vec<u8>,
}

impl Received {
    /// The key of its topic, as in [`super::Topic::key`].
    #[must_use]
    pub fn topic(&self) -> &'static str {
        self.topic
    }

    /// Which node says that it asks: its number, as in [`super::Present`].
    #[must_use]
    pub fn from(&self) -> u64 {
        self.envelope.sender
    }

    /// What is asked.
    ///
    /// # Errors
    /// A [`Rejection`] for another type, or bytes that are none (B7, B19, B21).
    pub fn read<Q: Message>(&self) -> Result<Q, Rejection> {
        self.envelope.check_schema(Q::NAME, schema_id::<Q>())?;
        from_cdr(&self.payload)
    }

    /// What is asked under a session.
    ///
    /// # Errors
    /// As [`Self::read`] and [`Sessions::check`].
    pub fn read_signed<Q: Message>(
        &self,
        sessions: &mut Sessions,
        now: Time,
    ) -> Result<(Verified, Q), Rejection> {
        let verified = sessions.check(self.query.key_expr().as_str(), &self.envelope, &self.payload, now)?;
        Ok((verified, self.read()?))
    }

    /// Answers.
    pub fn answer<A: Message>(self, wire: &Wire, answer: &A) {
        let payload = match to_cdr(answer) {
            Ok(payload) => payload,
            Err(e) => return self.refuse(&e),
        };
        let envelope = Envelope {
            schema: schema_id::<A>(),
            sender: wire.id(),
            sequence: 0,
            sent: wire.now(),
            tag: None,
        };
        let reply = self.query.reply(self.query.key_expr().clone(), payload).attachment(envelope.to_bytes());
        // Who no longer waits misses nothing.
        let _ = reply.wait();
    }

    /// Says why there is no answer.
    pub fn refuse(self, why: &Rejection) {
        refuse(&self.query, why);
    }

    /// Whether whoever asked waits no longer: it was sent more than `limit_s` seconds ago, as far as its clock is known.
    #[must_use]
    pub fn is_late(&self, wire: &Wire, limit_s: f64) -> bool {
        let sent = wire.clock_of(self.envelope.sender).map(|c| c.ours_about(self.envelope.sent));
        sent.is_some_and(|sent| wire.now().secs_since(sent) > limit_s)
    }

    /// Answers, or says why not.
    pub fn answer_with<A: Message>(self, wire: &Wire, answer: Result<A, Rejection>) {
        match answer {
            Ok(answer) => self.answer(wire, &answer),
            Err(why) => self.refuse(&why),
        }
    }

    /// Opens a session for whoever asks for one, after asking its clock, which may take a while: nobody else has to wait
    /// for the sessions meanwhile.
    ///
    /// # Errors
    /// The [`Rejection`] with which it was refused, as the one who asked is told.
    pub fn open_session(self, wire: &Wire, sessions: &Mutex<Sessions>) -> Result<(), Rejection> {
        debug_assert_eq!(self.topic, SESSION.key);
        let opened = self.opened(wire, sessions);
        let refused = opened.as_ref().map(drop).map_err(Clone::clone);
        self.answer_with(wire, opened);
        refused
    }

    fn opened(&self, wire: &Wire, sessions: &Mutex<Sessions>) -> Result<SessionOpened, Rejection> {
        let request: SessionRequest = self.read()?;
        let expected = || Role::ALL.map(Role::word).join(", ");
        let from = Role::from_word(&request.role);
        let from = from.ok_or_else(|| Rejection::new("session.role", expected(), request.role.clone()))?;
        let key = self.query.key_expr().as_str();
        let signed = (key, &self.envelope, self.payload.as_slice());
        // Nobody's clock is asked for the asking.
        locked(sessions).check_request(from, signed)?;
        // Whose clock is not known yet can stop the robot, and nothing else.
        let clock = wire.handshake(request.node).ok();
        let mut sessions = locked(sessions);
        let session = sessions.open((from, request.node), signed, clock, wire.now())?;
        let tag = sessions.prove(from, &proof(request.nonce, session));
        Ok(SessionOpened { session, tag: tag.unwrap_or(Tag([0; 16])).0 })
    }
}
